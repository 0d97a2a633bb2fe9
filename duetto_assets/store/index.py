"""The index: a LanceDB database of one table per stage. The only room that knows LanceDB.

Reads always see the latest version. A write is one atomic commit, repeated from the latest version when another
writer was faster. Rows of one partition have one writer at a time (`Index.lock`).
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import stamina
from lancedb.index import FTS
from lancedb.query import MatchQuery

from duetto_assets.model import digest
from duetto_assets.store import tables
from duetto_assets.store.where import Where, same

log = logging.getLogger(__name__)

_CURRENT = "current"
_BATCH_ROWS = 1_000_000
_DEFAULT_DIM = 384
_KEEP_VERSIONS = timedelta(hours=1)  # open readers hold them
_OPTIMIZE_PASSES = 3  # the first merges indexed files and new ones apart, the second all of them
_FLAT_ROWS = 50_000  # a flat vector search over so many rows takes about 0.1 s; beyond, an index pays


def _lost_race(error: Exception) -> bool:
    said = str(error).lower()
    return isinstance(error, (RuntimeError, OSError)) and ("conflict" in said or "concurrent writers" in said)


class Table:
    """One table. It is made by its first write; before that it reads as empty.

    It is opened anew for each use, which takes a millisecond: a handle that is held meets the same conflict for ever,
    and outlives a table that another process dropped.
    """

    def __init__(self, db: lancedb.DBConnection, name: str, schema: pa.Schema, words: str = "") -> None:
        self._db = db
        self.name = name
        self.schema = schema
        self._words = words
        self._whole = False  # whether it has been seen to have all columns

    def scan(self, columns: Sequence[str], where: Where | None = None) -> pa.Table:
        """Return the matching rows."""
        if (table := self._open()) is None:
            return pa.schema([self.schema.field(c) for c in columns]).empty_table()
        query = table.search().select(list(columns)).limit(None)
        return (query.where(where) if where is not None else query).to_arrow()

    def stream(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        """Return all rows, some at a time, so that they need not all be in memory."""
        if (table := self._open()) is None:
            return pa.schema([self.schema.field(c) for c in columns]).empty_table().to_reader()
        return table.search().select(list(columns)).limit(None).to_batches()

    def count(self, where: Where | None = None) -> int:
        """Return the number of matching rows."""
        table = self._open()
        return 0 if table is None else table.count_rows(where)

    def upsert(self, rows: pa.Table) -> None:
        """Insert `rows`, each in place of the row with its id."""
        if rows.num_rows:
            self._commit(
                lambda t: t.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows)
            )

    def insert(self, rows: pa.Table) -> None:
        """Add `rows`, of which the table has none. Unlike an upsert, this need not read the ids of the whole table."""
        if rows.num_rows:
            self._commit(lambda t: t.add(rows))

    def replace(self, rows: pa.Table, scope: Where) -> None:
        """Make `rows` all that there is in `scope`, at once: a reader sees the old rows or the new, never some."""
        if not self.count(scope):
            self.insert(rows)
            return
        self._commit(
            lambda t: (
                t.merge_insert("id")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .when_not_matched_by_source_delete(scope)
                .execute(rows)
            )
        )

    def delete(self, where: Where) -> int:
        """Delete the matching rows and return how many there were. Without any, nothing is committed."""
        if count := self.count(where):
            self._commit(lambda t: t.delete(where))
        return count

    def match_words(self, words: str, columns: Sequence[str], limit: int, where: Where | None = None) -> pa.Table:
        """Return the best rows by BM25 over the `words` column, best first, with `_score`."""
        if (table := self._open()) is None or not words.strip():
            return self._empty(columns, "_score")
        match = MatchQuery(words, self._words)  # type: ignore[call-arg]  # its defaults are hidden from type checkers
        query = table.search(match, query_type="fts").limit(limit)
        query = query.select([*columns, "_score"])
        return (query.where(where, prefilter=True) if where is not None else query).to_arrow()

    def nearest(self, vector: Any, columns: Sequence[str], limit: int, where: Where | None = None) -> pa.Table:
        """Return the rows nearest to a unit `vector` by cosine, best first, with `_distance`."""
        if (table := self._open()) is None:
            return self._empty(columns, "_distance")
        query: Any = table.search(vector, vector_column_name="vector")
        query = query.distance_type("cosine").limit(limit)
        query = query.select([*columns, "_distance"])
        return (query.where(where, prefilter=True) if where is not None else query).to_arrow()

    def optimize(self) -> int:
        """Merge small files, bring indexes up to date and drop old versions; return the rows there are.

        A table in which nothing changed since the last time is left alone.
        """
        if (table := self._open()) is None:
            return 0
        self._ensure_vector_index(table)
        for _ in range(_OPTIMIZE_PASSES):
            if (table := self._open()) is None or not self._needs_optimizing(table):
                break
            self._commit(lambda t: t.optimize(cleanup_older_than=_KEEP_VERSIONS))
        return self.count()

    @property
    def version(self) -> int:
        """The number of the newest commit; 0 where there is no table."""
        table = self._open()
        return 0 if table is None else table.version

    def unindexed(self) -> int:
        """Return the rows that a search must look at one by one."""
        if (table := self._open()) is None:
            return 0
        counts = [table.index_stats(i.name) for i in table.list_indices()]
        return max((c.num_unindexed_rows for c in counts if c is not None), default=0)

    def _needs_optimizing(self, table: lancedb.table.Table) -> bool:
        stats: Any = table.stats()  # a dict, whatever LanceDB's annotation says
        return self.unindexed() > 0 or stats["fragment_stats"]["num_small_fragments"] > 1

    def _ensure_vector_index(self, table: lancedb.table.Table) -> None:
        if "vector" not in self.schema.names or self.name.startswith("vectors"):
            return
        rows = table.count_rows()
        if rows > _FLAT_ROWS and not any(i.columns == ["vector"] for i in table.list_indices()):
            from lancedb.index import IvfFlat

            log.info("%s: building a vector index over %d rows", self.name, rows)
            config = IvfFlat(distance_type="cosine")
            self._commit(lambda t: t.create_index("vector", config=config))

    def _commit(self, write: Callable[[lancedb.table.Table], object]) -> None:
        for attempt in stamina.retry_context(on=_lost_race, attempts=20, timeout=120.0, wait_max=5.0):
            with attempt:
                write(self._open_or_create())

    def _open(self) -> lancedb.table.Table | None:
        try:
            table = self._db.open_table(self.name)
        except ValueError as error:
            if "was not found" in str(error):
                return None
            raise
        if not self._whole:
            self._add_missing_columns(table)
        return table

    def _add_missing_columns(self, table: lancedb.table.Table) -> None:
        """Give a table of an earlier release the columns that came since, all of them text."""
        for name in [name for name in self.schema.names if name not in table.schema.names]:
            for attempt in stamina.retry_context(on=_lost_race, attempts=20, timeout=120.0, wait_max=5.0):
                with attempt:
                    table.checkout_latest()  # type: ignore[no-untyped-call]
                    if name not in table.schema.names:
                        table.add_columns({name: "''"})
        self._whole = True

    def _open_or_create(self) -> lancedb.table.Table:
        if (table := self._open()) is None:
            table = self._db.create_table(self.name, schema=self.schema, exist_ok=True)
        # Not only where the table is new: its maker may have been killed before it came to the index.
        if self._words and not table.list_indices():
            # No stemming and no case folding here: `stages.words` has done what is to be done.
            config = FTS(
                base_tokenizer="whitespace",
                max_token_length=64,
                lower_case=False,
                stem=False,
                remove_stop_words=False,
                ascii_folding=False,
            )
            table.create_index(self._words, config=config)
        return table

    def _empty(self, columns: Sequence[str], score: str) -> pa.Table:
        named = [self.schema.field(c) for c in columns]
        return pa.schema([*named, pa.field(score, pa.float32())]).empty_table()


@dataclass(frozen=True, slots=True)
class Partition:
    """What the index knows of one partition: how far it is, and why the last try failed."""

    source: str
    partition: str
    head: str = ""
    searchable_head: str = ""
    graph_head: str = ""
    linked: str = ""
    extractor: str = ""
    chunker: str = ""
    model: str = ""
    documents: int = 0
    skipped: int = 0
    chunks: int = 0
    changed_at: datetime | None = None
    searchable_at: datetime | None = None
    error: str = ""
    failures: int = 0
    failed_at: datetime | None = None

    @property
    def key(self) -> str:
        """The partition's id across all sources: hex."""
        return partition_key(self.source, self.partition)

    def true_for(self, head: str) -> bool:
        """Return whether all that is made of the partition, the graph's part too, is true for this head."""
        return head == self.searchable_head == self.graph_head


@dataclass(frozen=True, slots=True)
class Graph:
    """Which versions of the tables `graph_…` belong together, and what they were made of."""

    made_of: str
    counts: str
    nodes: int
    edges: int
    documents: int
    unresolved: int
    made_at: datetime


def partition_key(source: str, partition: str) -> str:
    """Return the id that rows of this partition carry."""
    return digest(source, partition)


class Index:
    """All tables of one index.

    :param location: A folder, or `s3://bucket/prefix`.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self.local = "://" not in location
        if self.local:
            Path(location).mkdir(parents=True, exist_ok=True)
        self._db = lancedb.connect(location, read_consistency_interval=timedelta(0))
        self.documents = Table(self._db, "documents", tables.DOCUMENTS)
        self.chunks = Table(self._db, "chunks", tables.CHUNKS, words="words")
        self.partitions = Table(self._db, "partitions", tables.PARTITIONS)
        self.extracts = Table(self._db, "extracts", tables.EXTRACTS)
        self.entities = Table(self._db, "entities", tables.ENTITIES)
        self.relations = Table(self._db, "relations", tables.RELATIONS)
        self._graphs = Table(self._db, "graphs", tables.GRAPHS)
        self._by_dim: dict[int, tuple[Table, Table]] = {}

    def embeddings(self, dim: int) -> Table:
        """The table of composed vectors of `dim` numbers: `embeddings`, or `embeddings_<dim>` beside it."""
        return self._of_dim(dim)[0]

    def vectors(self, dim: int) -> Table:
        """The cache of text and place vectors of `dim` numbers."""
        return self._of_dim(dim)[1]

    def dims(self) -> list[int]:
        """The vector sizes that have a table; more than one only while a new model takes over."""
        names = [n for n in self._table_names() if n == "embeddings" or n.startswith("embeddings_")]
        return sorted(_DEFAULT_DIM if n == "embeddings" else int(n.removeprefix("embeddings_")) for n in names)

    def all_tables(self) -> list[Table]:
        """Every table, those of earlier models too."""
        return [
            self.documents,
            self.chunks,
            self.partitions,
            self.extracts,
            self.entities,
            self.relations,
            *(t for d in self.dims() for t in self._of_dim(d)),
        ]

    def partition(self, source: str, partition: str) -> Partition:
        """Return what is known of a partition; an empty record for an unknown one."""
        rows = self.partitions.scan(_PARTITION_COLUMNS, same("id", partition_key(source, partition)))
        return Partition(**rows.to_pylist()[0]) if rows.num_rows else Partition(source, partition)

    def known_partitions(self, source: str = "") -> dict[str, Partition]:
        """Return all recorded partitions of a source (of all, by default) by their `source/partition`."""
        rows = self.partitions.scan(_PARTITION_COLUMNS, same("source", source) if source else None)
        known = (Partition(**row) for row in rows.to_pylist())
        return {f"{p.source}/{p.partition}": p for p in sorted(known, key=lambda p: (p.source, p.partition))}

    def record(self, record: Partition) -> None:
        """Store a partition's record."""
        row = {name: getattr(record, name) for name in _PARTITION_COLUMNS}
        self.partitions.upsert(pa.Table.from_pylist([{"id": record.key, **row}], schema=tables.PARTITIONS))

    def forget(self, source: str, partition: str) -> int:
        """Delete every row of a partition; return how many documents it had. Its record goes last."""
        owned = same("partition_key", partition_key(source, partition))
        for dim in self.dims():
            self.embeddings(dim).delete(owned)
        self.chunks.delete(owned)
        for table in (self.relations, self.entities, self.extracts):
            table.delete(owned)
        documents = self.documents.delete(owned)
        self.partitions.delete(same("id", partition_key(source, partition)))
        return documents

    def graph(self) -> Graph | None:
        """Return the resolved graph as it was last made; None before that."""
        rows = self._graphs.scan(["id", *_GRAPH_COLUMNS]).to_pylist()
        return Graph(**{name: rows[0][name] for name in _GRAPH_COLUMNS}) if rows else None

    def read_graph(self, graph: Graph, name: str, columns: Sequence[str]) -> pa.Table:
        """Return columns of one of its tables: `nodes`, `edges`, `documents` or `unresolved`."""
        table = self._db.open_table(f"graph_{name}")
        table.checkout(getattr(graph, name))
        # In the order of its rows. Batches of LanceDB's own size take four times as long.
        batches = table.search().select(list(columns)).limit(None).to_batches(batch_size=_BATCH_ROWS)
        return pa.Table.from_batches(batches, batches.schema)

    def write_graph(self, made_of: str, parts: Mapping[str, pa.Table], counts: str = "") -> None:
        """Store a resolved graph in place of the last. Readers see that one, whole, until the new one stands."""
        versions: dict[str, int] = {}
        known = self._table_names()
        for name, rows in parts.items():
            mode = "overwrite" if f"graph_{name}" in known else "create"
            versions[name] = self._db.create_table(f"graph_{name}", data=rows, mode=mode).version
        row = {"id": "graph", "made_of": made_of, "counts": counts, "made_at": datetime.now(UTC), **versions}
        self._graphs.upsert(pa.Table.from_pylist([row], schema=tables.GRAPHS))
        for name, version in versions.items():
            table = self._db.open_table(f"graph_{name}")
            # The version that the record names must stay, however old: what a tag names is never cleaned up.
            if _CURRENT in table.tags.list():
                table.tags.update(_CURRENT, version)
            else:
                table.tags.create(_CURRENT, version)
            table.optimize(cleanup_older_than=_KEEP_VERSIONS)

    def reset(self) -> None:
        """Delete every table."""
        self._db.drop_all_tables()

    @contextmanager
    def lock(self, source: str, partition: str) -> Iterator[None]:
        """Be the partition's only writer on this machine; wait for another.

        On S3 there is no such lock: there the run queue's limit of one run per partition must do.
        """
        if not self.local:
            yield
            return
        folder = Path(self.location) / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / partition_key(source, partition)).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the kernel lets go of it when the process dies
            yield

    def _of_dim(self, dim: int) -> tuple[Table, Table]:
        if dim not in self._by_dim:
            suffix = "" if dim == _DEFAULT_DIM else f"_{dim}"
            self._by_dim[dim] = (
                Table(self._db, f"embeddings{suffix}", tables.embeddings(dim)),
                Table(self._db, f"vectors{suffix}", tables.vectors(dim)),
            )
        return self._by_dim[dim]

    def _table_names(self) -> list[str]:
        names: list[str] = []
        token = None
        while True:
            page = self._db.list_tables(page_token=token)
            names += page.tables
            token = page.page_token
            if not token:
                return names


_PARTITION_COLUMNS = [field.name for field in fields(Partition)]
_GRAPH_COLUMNS = [field.name for field in fields(Graph)]
