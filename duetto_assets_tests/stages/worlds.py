"""What tests of the reconcilers work with: a source in memory, a source that is watched, an encoder without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from duetto_assets.errors import RetryLater
from duetto_assets.model import Document
from duetto_assets.sources.base import Heads, Ref, Scan, Source
from duetto_assets.stages.chunk import Chunker
from duetto_assets.stages.chunks import ChunkCounts, reconcile_chunks
from duetto_assets.stages.documents import DocumentCounts, reconcile_documents
from duetto_assets.stages.embed import Vectors, resolve_model
from duetto_assets.stages.embeddings import EmbeddingCounts, reconcile_embeddings
from duetto_assets.stages.entities import EntityCounts, reconcile_entities
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.stages.tokens import Tokenizer
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Table


class HashEncoder:
    """Vectors from a hash: the same text has the same, others are far. Remembers what it was given."""

    def __init__(self, dim: int = 16, model_id: str = "hash") -> None:
        self.model_id = model_id
        self.dim = dim
        self.max_tokens = 128
        self.texts: list[str] = []
        self.fail_after = 1 << 30  # texts

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        if len(self.texts) + len(texts) > self.fail_after:
            raise Killed
        self.texts += texts
        return np.stack([self.encode_query(text) for text in texts])

    def encode_query(self, text: str) -> Vectors:
        seed = int.from_bytes(
            hashlib.sha256(f"{self.model_id} {text}".encode(errors="surrogatepass")).digest()[:8], "big"
        )
        vector = np.random.default_rng(seed).normal(size=self.dim).astype(np.float32)
        return vector / np.linalg.norm(vector)

    def taken(self) -> list[str]:
        """Return the texts given since the last time."""
        texts, self.texts = self.texts, []
        return texts


class Killed(BaseException):
    """The process ended here: nothing may catch it."""


@cache
def chunker(max_tokens: int = 128) -> Chunker:
    """Return a real chunker; another limit is another version."""
    return Chunker(Tokenizer(resolve_model("all-MiniLM-L6-v2").tokenizer_path), max_tokens)


class Notes:
    """A source of one partition that lies in memory: notes by id."""

    name = "notes"

    def __init__(self, partition: str = "home", name: str = "notes") -> None:
        self.name = name
        self.partition = partition
        self.notes: dict[str, Document] = {}
        self.head = "h0"
        self.settled = True
        self.complete = True
        self.listed: list[Ref] | None = None  # what the listing says, where not the notes themselves
        self.since: list[str | None] = []
        self.read_ids: list[str] = []
        self.fail_listing_after: int | None = None
        self.fail_reading_after: int | None = None
        self.calls = 0

    def put(self, doc_id: str, text: str = "some words", *, version: str = "", **fields: Any) -> None:
        """Add or edit a note."""
        kind = "skipped" if fields.get("skipped") else fields.pop("kind", "file")
        version = version or hashlib.sha256(repr((text, sorted(fields.items()))).encode()).hexdigest()[:12]
        fields.setdefault("path", doc_id)
        self.notes[doc_id] = Document(self.name, self.partition, doc_id, version, kind, doc_id, text, **fields)
        self._moved()

    def skip(self, doc_id: str, reason: str = "too large") -> None:
        """Make a note one that is not indexed."""
        self.put(doc_id, "", version=f"skip:{reason}", skipped=reason)

    def delete(self, *doc_ids: str) -> None:
        for doc_id in doc_ids:
            del self.notes[doc_id]
        self._moved()

    def _moved(self) -> None:
        self.head = f"h{int(self.head[1:]) + 1}"

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:
        return {self.partition: self.head}

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:
        self.since.append(None if census else since)
        refs = [Ref(n.id, n.version) for n in self.notes.values()] if self.listed is None else self.listed
        return Scan(_breaking_off(refs, self.fail_listing_after), self.head, self.complete, self.settled)

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        for ref in _breaking_off(refs, self.fail_reading_after):
            self.read_ids.append(ref.id)
            if ref.id in self.notes:
                yield self.notes[ref.id]

    def taken(self) -> list[str]:
        """Return the ids read since the last time, in order."""
        ids, self.read_ids = self.read_ids, []
        return sorted(ids)


def _breaking_off(refs: Sequence[Ref], after: int | None) -> Iterator[Ref]:
    for number, ref in enumerate(refs):
        if number == after:
            raise RetryLater("notes: the connection broke off")
        yield ref


class Watched:
    """A source, and what was read of it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name
        self.reads: list[list[str]] = []

    @property
    def calls(self) -> int:
        return self._source.calls

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:
        return self._source.heads(known)

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:
        return self._source.scan(partition, since, census)

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        self.reads.append([ref.id for ref in refs])
        return self._source.read(partition, refs)


@dataclass
class World:
    """A source, an index and an encoder, and the chain between them."""

    source: Source
    partition: str
    index: Index
    encoder: HashEncoder = field(default_factory=HashEncoder)
    chunker: Chunker = field(default_factory=chunker)

    def documents(self, **options: Any) -> DocumentCounts:
        return reconcile_documents(self.source, self.partition, self.index, **options)

    def chunks(self) -> ChunkCounts:
        return reconcile_chunks(self.source.name, self.partition, self.index, self.chunker)

    def embeddings(self) -> EmbeddingCounts:
        return reconcile_embeddings(self.source.name, self.partition, self.index, self.encoder, self.chunker.version)

    def entities(self) -> EntityCounts:
        return reconcile_entities(self.source.name, self.partition, self.index)

    def sync(self, **options: Any) -> EmbeddingCounts:
        self.documents(**options)
        self.chunks()
        done = self.embeddings()
        self.entities()
        return done

    @property
    def searchable(self) -> str:
        return self.index.partition(self.source.name, self.partition).searchable_head

    @property
    def vectors(self) -> Table:
        return self.index.embeddings(self.encoder.dim)


def notes_world(folder: Path, **fields: Any) -> tuple[Notes, World]:
    """Return an empty source in memory, and its world."""
    notes = Notes()
    return notes, World(notes, notes.partition, Index(str(folder / "index")), **fields)


def versions(index: Index) -> dict[str, int]:
    """Return how often each table was written."""
    return {table.name: table.version for table in index.all_tables()}


def rows(table: Table) -> dict[str, dict[str, Any]]:
    """Return all rows by id, and fail where an id stands twice."""
    listed = table.scan(table.schema.names).to_pylist()
    by_id = {row["id"]: row for row in listed}
    assert len(by_id) == len(listed)
    return by_id


def assert_same_index(one: Index, other: Index, dim: int) -> None:
    """Fail unless both hold the same documents, chunks, embeddings, entities and relations, row for row."""
    for name in ("documents", "chunks", "extracts", "entities", "relations"):
        assert rows(getattr(one, name)) == rows(getattr(other, name)), name
    found, wanted = rows(one.embeddings(dim)), rows(other.embeddings(dim))
    vectors, expected = ([table[i].pop("vector") for i in sorted(table)] for table in (found, wanted))
    assert found == wanted
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def graph_of(index: Index) -> dict[str, list[dict[str, Any]]]:
    """Resolve an index's graph and return its tables."""
    done = reconcile_graph(index)
    assert done.dangling == 0
    known = index.graph()
    assert known is not None
    schemas = {
        "nodes": tables.GRAPH_NODES,
        "edges": tables.GRAPH_EDGES,
        "documents": tables.GRAPH_DOCUMENTS,
        "unresolved": tables.GRAPH_UNRESOLVED,
    }
    return {name: index.read_graph(known, name, schema.names).to_pylist() for name, schema in schemas.items()}


def assert_same_graph(one: Index, other: Index) -> None:
    """Fail unless both resolve to the same graph, row for row."""
    found, wanted = graph_of(one), graph_of(other)
    for name, listed in wanted.items():
        assert found[name] == listed, name


def source_files(count: int, functions: int = 3) -> dict[Any, str]:
    """Return Python files of which no two lines that matter are the same."""
    return {
        f"src/file_{number:03}.py": "".join(
            f'def function_{number}_{f}(argument):\n    """Do thing {f} of file {number}."""\n'
            + "".join(
                f"    value_{line} = argument * {number * 1000 + f * 100 + line} + {line}\n" for line in range(12)
            )
            + "\n\n"
            for f in range(functions)
        )
        for number in range(count)
    }
