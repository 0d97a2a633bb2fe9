"""Resolves what documents say into one graph, by set operations on whole tables: Arrow in, Arrow out.

Every relation ends as an edge between two nodes that there are, or among the unresolved with its reason. The result
is a function of the tables alone, whatever the order of their rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

from duetto_assets.model import PUBLIC
from duetto_assets.ontology.people import group
from duetto_assets.ontology.vocabulary import Vocabulary, load
from duetto_assets.store import tables

RESOLVER_VERSION = "1"  # raise it whenever the same tables would give another graph

OPEN_TYPES = ("package", "label", "team", "person")
"""Entities that exist as soon as a relation names them by their key."""

ENTITY_COLUMNS = [
    "doc_key", "entity", "type", "key", "name", "qualified", "title", "path", "line", "end_line", "language", "url",
    "address", "updated_at", "about", "source", "partition",
]  # fmt: skip
RELATION_COLUMNS = [
    "id", "doc_key", "type", "subject", "subject_type", "object", "object_key", "object_type", "target_kind", "target",
    "label", "confidence", "line", "partition",
]  # fmt: skip
DOCUMENT_COLUMNS = ["id", "source", "partition", "doc_id", "kind", "title", "path", "url", "access"]

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "3GB",
    "preserve_insertion_order": "false",
}


@dataclass(frozen=True, slots=True)
class RelationCounts:
    """What became of the relations of one type."""

    rows: int
    resolved: int
    unresolved: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """The graph, as the tables `graph_…` hold it, and what became of the relations of each type."""

    nodes: pa.Table
    edges: pa.Table
    documents: pa.Table
    unresolved: pa.Table
    counts: Mapping[str, RelationCounts]


Rows: TypeAlias = "pa.Table | pa.RecordBatchReader"


def resolve(entities: Rows, relations: Rows, documents: Rows) -> Resolved:
    """Return the graph of these tables.

    :param documents: Who may read a node or an edge is as they say. Rows of a document that is not there do not count.
    """
    vocabulary = load()
    with (
        tempfile.TemporaryDirectory(prefix="duetto-ontology-") as folder,
        duckdb.connect(config=_SETTINGS | {"temp_directory": folder}) as db,
    ):
        db.register("entity_rows", entities)
        db.register("relation_rows", relations)
        db.register("document_rows", documents)
        _declare(db, vocabulary)
        for statement in (_DOCUMENTS, _ENTITIES, _RELATIONS, _OPEN):
            db.execute(statement)
        _merge_people(db)
        for statement in (_NODES, "DROP TABLE ents", _NAMES, *_LOOKUPS, _ANSWERS, _OUTCOMES, "DROP TABLE rels"):
            db.execute(statement)
        return _tables(db)


def _declare(db: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> None:
    """Load the ontology: the place of each relation, and which types of entities it may join."""
    allowed = [
        (name, place, subject, object_)
        for place, (name, each) in enumerate(vocabulary.relations.items())
        for subject in sorted(vocabulary.concrete(*each.domain))
        for object_ in sorted(vocabulary.concrete(*each.range))
    ]
    columns = dict(zip(("type", "place", "subject_type", "object_type"), zip(*allowed, strict=True), strict=True))
    db.register("allowed_rows", pa.table({name: list(values) for name, values in columns.items()}))
    db.execute("CREATE TABLE allowed AS SELECT * FROM allowed_rows")
    symbols = vocabulary.concrete("symbol")
    db.register("symbol_types", pa.table({"type": sorted(symbols)}))
    db.register("open_types", pa.table({"type": list(OPEN_TYPES)}))


_DOCUMENTS = """
CREATE TABLE docs AS
SELECT (row_number() OVER (ORDER BY id) - 1)::INTEGER AS doc, *,
       dense_rank() OVER (ORDER BY access)::INTEGER AS audience
FROM document_rows
"""

_ENTITIES = """
CREATE TABLE ents AS
SELECT entity::UUID AS eid, docs.doc, docs.audience, list_contains(docs.access, 'all') AS open_to_all,
       e.type, e.key, e.name, e.qualified, e.title, e.path, e.line, e.end_line, e.language, e.url, e.address,
       e.updated_at, e.about, e.source, e.partition
FROM entity_rows e JOIN docs ON e.doc_key = docs.id
"""

_RELATIONS = """
CREATE TABLE rels AS
SELECT r.id::UUID AS id, docs.doc, docs.audience, list_contains(docs.access, 'all') AS open_to_all, r.type,
       r.subject::UUID AS subject, r.subject_type,
       CASE WHEN r.object <> '' THEN r.object::UUID END AS object,
       CASE WHEN r.object_type = 'issue' OR r.object_type IN (SELECT type FROM open_types) THEN r.object_key ELSE '' END
           AS object_key,
       r.object_type, r.target_kind, r.target, r.label, r.confidence, r.line::INTEGER AS line,
       r.partition
FROM relation_rows r JOIN docs ON r.doc_key = docs.id
"""

# What exists because it is named: for those, too, who may read nothing that says more of it.
_OPEN = """
INSERT INTO ents
SELECT object, min(doc), audience, any_value(open_to_all), object_type, object_key,
       substr(object_key, strpos(object_key, ':') + 1), '', '', '', 0, 0, '', '', '', NULL, true, '', ''
FROM rels
WHERE object IS NOT NULL AND object_type IN (SELECT type FROM open_types)
  AND NOT EXISTS (SELECT 1 FROM ents WHERE ents.eid = rels.object AND ents.audience = rels.audience)
GROUP BY object, audience, object_type, object_key
"""


def _merge_people(db: duckdb.DuckDBPyConnection) -> None:
    """Give every identity of a person the id of one of them."""
    pairs = db.execute(
        "SELECT DISTINCT s.key, o.key FROM rels JOIN (SELECT DISTINCT eid, key FROM ents) s ON s.eid = rels.subject "
        "JOIN (SELECT DISTINCT eid, key FROM ents) o ON o.eid = rels.object WHERE rels.type = 'same_as' ORDER BY ALL"
    ).fetchall()
    merged = sorted((key, one) for key, one in group(pairs).items() if key != one)
    rows = {"key": [key for key, _ in merged], "one": [one for _, one in merged]}
    db.register("merged_rows", pa.table(rows, schema=pa.schema([("key", pa.string()), ("one", pa.string())])))
    db.execute(
        "CREATE TABLE merged AS SELECT DISTINCT k.eid, o.eid AS one FROM merged_rows m "
        "JOIN (SELECT DISTINCT eid, key FROM ents WHERE type = 'person') k ON k.key = m.key "
        "JOIN (SELECT DISTINCT eid, key FROM ents WHERE type = 'person') o ON o.key = m.one"
    )
    db.execute("UPDATE ents SET eid = merged.one FROM merged WHERE ents.eid = merged.eid")
    db.execute("UPDATE rels SET subject = merged.one FROM merged WHERE rels.subject = merged.eid")
    db.execute("UPDATE rels SET object = merged.one FROM merged WHERE rels.object = merged.eid")


# The best description of a node is that of the document it is in, then one that everybody may read.
_NODES = """
CREATE TABLE nodes AS
WITH best AS (
    SELECT DISTINCT ON (eid) *
    FROM ents
    ORDER BY eid, about, NOT open_to_all, name = '', NOT starts_with(key, 'email:'), doc, key
), seen AS (
    SELECT eid, list(DISTINCT audience ORDER BY audience) AS audiences,
           list(DISTINCT key ORDER BY key) AS keys
    FROM ents GROUP BY eid
)
SELECT (row_number() OVER (ORDER BY best.eid) - 1)::INTEGER AS node, best.* EXCLUDE (audience, open_to_all),
       seen.audiences, list_filter(seen.keys, lambda k: k <> best.key) AS aliases
FROM best JOIN seen USING (eid)
"""

_NAMES = """
CREATE TABLE wanted AS
SELECT DISTINCT target_kind AS kind, target, partition FROM rels WHERE object IS NULL
"""

# Each answers (kind, target, partition) with candidates and how good they are, 0 the best.
_LOOKUPS = (
    "CREATE TABLE found (kind VARCHAR, target VARCHAR, partition VARCHAR, node INTEGER, score INTEGER)",
    # An address. Where several have it, the container that is there is meant, not what it holds.
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node,
           CASE WHEN n.type IN ('repository', 'space', 'project') THEN 0 ELSE 1 END
    FROM wanted w JOIN nodes n ON n.address = w.target WHERE w.kind = 'url' AND n.address <> ''
    """,
    # A page by its id, whichever way its own address names it.
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node, 1
    FROM (SELECT *, 'page:' || regexp_extract(target, '/pages/([0-9]+)$', 1) AS page,
                 regexp_replace(target, '/pages/[0-9]+$', '/') AS site FROM wanted WHERE kind = 'url') w
    JOIN nodes n ON n.type = 'page' AND n.key = w.page AND starts_with(n.address, w.site)
    """,
    # A folder of a repository by its address on the repository's host.
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, d.node, 0
    FROM wanted w JOIN nodes r ON r.type = 'repository' AND r.address <> ''
      AND starts_with(w.target, r.address || '/blob/')
    JOIN nodes d ON d.type = 'directory' AND d.partition = r.partition
      AND d.path = substr(w.target, length(r.address) + 7)
    WHERE w.kind = 'url'
    """,
    # A hyperlink inside of a repository.
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node, 0
    FROM wanted w JOIN nodes n ON n.type IN ('file', 'directory') AND n.partition = w.partition AND n.path = w.target
    WHERE w.kind = 'link'
    """,
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node,
           CASE WHEN n.partition = w.partition AND n.path = w.target THEN 0 WHEN n.partition = w.partition THEN 1
                WHEN n.path = w.target THEN 2 ELSE 3 END
    FROM (SELECT *, regexp_extract(target, '[^/]+$') AS base FROM wanted WHERE kind = 'path') w
    JOIN (SELECT *, regexp_extract(path, '[^/]+$') AS base FROM nodes WHERE type = 'file') n USING (base)
    WHERE n.path = w.target OR ends_with(n.path, '/' || w.target)
    """,
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node,
           CASE WHEN n.partition = w.partition THEN 0 ELSE 2 END
           + CASE WHEN n.qualified = w.target OR n.name = w.target THEN 0 ELSE 1 END
    FROM (SELECT *, regexp_extract(target, '[^.]+$') AS base FROM wanted WHERE kind = 'symbol') w
    JOIN (SELECT *, regexp_extract(name, '[^.]+$') AS base FROM nodes
          WHERE type IN (SELECT type FROM symbol_types)) n USING (base)
    WHERE n.name = w.target OR n.qualified = w.target OR ends_with(n.qualified, '.' || w.target)
    """,
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node,
           CASE WHEN lower(n.partition) = lower(w.target) THEN 0 ELSE 1 END
    FROM wanted w JOIN nodes n ON n.type = 'repository'
      AND (lower(n.partition) = lower(w.target) OR regexp_extract(lower(n.partition), '[^/]+$') = lower(w.target))
    WHERE w.kind = 'repository'
    """,
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node, CASE WHEN n.partition = w.partition THEN 0 ELSE 1 END
    FROM wanted w JOIN nodes n ON n.type = 'commit' AND substr(n.qualified, 1, 7) = substr(w.target, 1, 7)
      AND starts_with(n.qualified, w.target)
    WHERE w.kind = 'commit'
    """,
    """
    INSERT INTO found
    SELECT DISTINCT w.kind, w.target, w.partition, n.node, 0
    FROM wanted w JOIN (SELECT node, unnest(list_append(aliases, key)) AS key FROM nodes WHERE type = 'person') n
      ON n.key = w.target OR n.key = replace(w.target, 'login:', 'login:github/')
    WHERE w.kind = 'person'
    """,
    # What a package of another repository names: the very symbol, or file, where that repository is indexed, too.
    """
    CREATE TABLE inside AS
    WITH made AS (SELECT DISTINCT rels.object AS package, rels.partition FROM rels
                  WHERE type = 'produces' AND subject_type = 'repository'),
         named AS (SELECT DISTINCT rels.object, rels.target, made.partition, rels.type = 'imports' AS as_file
                   FROM rels JOIN made ON made.package = rels.object
                   WHERE rels.target <> '' AND rels.type IN ('imports', 'calls', 'inherits', 'implements')
                     AND made.partition <> rels.partition),
         held AS (SELECT node, partition, qualified, type = 'file' AS is_file FROM nodes WHERE NOT about),
         -- "from lib.core import Base" names a file, or what is in one.
         tried AS (SELECT named.*, held.node, 0 AS score FROM named JOIN held
                   ON held.partition = named.partition AND held.qualified = named.target
                   AND held.is_file = named.as_file
                   UNION ALL
                   SELECT named.*, held.node, 1 FROM named JOIN held
                   ON held.partition = named.partition AND held.is_file
                   AND held.qualified = regexp_replace(named.target, '[.][^.]*$', '') WHERE named.as_file),
         best AS (SELECT *, min(score) OVER (PARTITION BY object, target, as_file) AS least FROM tried)
    SELECT object, target, as_file, min(node) AS node
    FROM best WHERE score = least
    GROUP BY ALL HAVING count(DISTINCT node) = 1
    """,
)

_ANSWERS = """
CREATE TABLE answers AS
WITH best AS (SELECT *, min(score) OVER (PARTITION BY kind, target, partition) AS least FROM found)
SELECT kind, target, partition, count(DISTINCT node) AS candidates, min(node) AS node
FROM best WHERE score = least GROUP BY kind, target, partition
"""

_OUTCOMES = """
CREATE TABLE outcomes AS
WITH projects AS (SELECT DISTINCT partition FROM nodes WHERE type = 'project'),
known AS (
    SELECT r.id, r.doc, r.type, r.subject_type, r.target_kind, r.target, r.object_key, r.label, r.confidence, r.line,
           s.node AS subject, s.type AS real_subject_type,
           CASE WHEN r.object IS NULL THEN (CASE WHEN a.candidates = 1 THEN a.node END)
                ELSE coalesce(i.node, o.node) END AS object,
           r.object IS NULL AS by_name, r.object_type, coalesce(a.candidates, 0) AS candidates
    FROM rels r
    LEFT JOIN nodes s ON s.eid = r.subject
    LEFT JOIN nodes o ON o.eid = r.object
    LEFT JOIN answers a ON r.object IS NULL AND a.kind = r.target_kind AND a.target = r.target
      AND a.partition = r.partition
    LEFT JOIN inside i ON i.object = r.object AND i.target = r.target AND i.as_file = (r.type = 'imports')
      AND r.type IN ('imports', 'calls', 'inherits', 'implements')
)
SELECT k.* EXCLUDE (real_subject_type), allowed.place,
       CASE WHEN k.object IS NULL AND k.candidates > 1 THEN 'several have this name'
            WHEN k.object IS NULL AND k.by_name AND k.target_kind = 'url' THEN 'no document has this address'
            WHEN k.object IS NULL AND k.by_name THEN 'nothing has this name'
            WHEN k.object IS NULL AND k.object_type = 'issue'
                 AND regexp_extract(k.object_key, '^jira:(.*)-[0-9]+$', 1) NOT IN (SELECT partition FROM projects)
                 THEN 'no project of this key is indexed'
            WHEN k.object IS NULL OR k.subject IS NULL THEN 'not indexed'
            WHEN allowed.place IS NULL THEN 'the ontology does not allow it'
            ELSE '' END AS reason
FROM known k LEFT JOIN nodes n ON n.node = k.object
LEFT JOIN allowed ON allowed.type = k.type AND allowed.subject_type = k.real_subject_type
  AND allowed.object_type = n.type
"""


def _tables(db: duckdb.DuckDBPyConnection) -> Resolved:
    edges = db.sql(
        "SELECT subject, object, place::TINYINT AS type, doc AS document, max(confidence) AS confidence, "
        "min(line) AS line, label FROM outcomes WHERE reason = '' AND NOT (type = 'same_as' AND subject = object) "
        "GROUP BY subject, object, place, doc, label ORDER BY subject, place, object, doc, label"
    ).to_arrow_table()
    by_object = np.argsort(edges["object"].to_numpy(), kind="stable").astype(np.int32)
    edges = edges.append_column("by_object", pa.array(by_object, pa.int32()))
    counts = db.execute(
        "SELECT type, count(*), count(*) FILTER (reason = ''), count(*) FILTER (reason <> '') FROM outcomes "
        "GROUP BY type ORDER BY type"
    ).fetchall()
    return Resolved(
        nodes=_nodes(db).cast(tables.GRAPH_NODES),
        edges=edges.cast(tables.GRAPH_EDGES),
        documents=db.sql("SELECT id, source, partition, doc_id, kind, title, path, url, access FROM docs ORDER BY doc")
        .to_arrow_table()
        .cast(tables.GRAPH_DOCUMENTS),
        unresolved=db.sql(
            "SELECT replace(o.id::VARCHAR, '-', '') AS id, d.id AS doc_key, d.source, d.partition, d.doc_id, o.type, "
            "o.subject_type, CASE WHEN o.target_kind <> '' THEN o.target_kind ELSE o.object_type END AS target_kind, "
            "CASE WHEN o.target <> '' THEN o.target ELSE o.object_key END AS target, o.reason "
            "FROM outcomes o JOIN docs d ON d.doc = o.doc WHERE o.reason <> '' ORDER BY o.id"
        )
        .to_arrow_table()
        .cast(tables.GRAPH_UNRESOLVED),
        counts={name: RelationCounts(*numbers) for name, *numbers in counts},
    )


def _nodes(db: duckdb.DuckDBPyConnection) -> pa.Table:
    rows = db.sql(
        "SELECT replace(eid::VARCHAR, '-', '') AS id, type, key, name, qualified, title, "
        "CASE WHEN about AND type NOT IN ('repository', 'directory', 'space', 'project') THEN '' ELSE source END "
        "AS source, CASE WHEN about AND type NOT IN ('repository', 'directory', 'space', 'project') THEN '' "
        "ELSE partition END AS partition, path, line, end_line, language, url, updated_at, doc AS document, "
        "array_to_string(audiences, ',') AS access, aliases FROM nodes ORDER BY node"
    ).to_arrow_table()
    lists: dict[int, list[str]] = dict(
        db.execute("SELECT DISTINCT audience, access FROM docs ORDER BY audience").fetchall()
    )
    sets = rows["access"].combine_chunks().dictionary_encode()
    united = [_united(lists, said) for said in sets.dictionary.to_pylist()]
    access = pa.array(united, pa.list_(pa.string())).take(sets.indices)
    return rows.set_column(rows.column_names.index("access"), "access", access)


def _united(lists: Mapping[int, list[str]], audiences: str) -> list[str]:
    """Return who may read at least one of the documents of these audiences."""
    who: set[str] = {name for audience in audiences.split(",") for name in lists[int(audience)]}
    return list(PUBLIC) if who & set(PUBLIC) else sorted(who)


def dangling(nodes: int, edges: pa.Table) -> int:
    """Return how many ends of edges name no node: must be 0."""
    ends: list[Any] = [edges[name].to_numpy() for name in ("subject", "object")]
    return int(sum(np.count_nonzero((end < 0) | (end >= nodes)) for end in ends))
