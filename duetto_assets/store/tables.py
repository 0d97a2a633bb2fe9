"""The tables: their columns, keys and versions. One asset writes each."""

from __future__ import annotations

import pyarrow as pa

# LanceDB then refuses two concurrent inserts of one new key. The key must not also carry a BTREE index:
# that brings the duplicates back (measured, LanceDB 0.40).
_KEY = {"lance-schema:unenforced-primary-key": "true"}


def _text(name: str) -> pa.Field:
    return pa.field(name, pa.string(), nullable=False)


def _int(name: str) -> pa.Field:
    return pa.field(name, pa.int64(), nullable=False)


_ID = pa.field("id", pa.string(), nullable=False, metadata=_KEY)
_OWNER = [_text("partition_key"), _text("source"), _text("partition"), _text("doc_id")]
_ACCESS = pa.field("access", pa.list_(pa.string()), nullable=False)
_TIME = pa.timestamp("us", tz="UTC")

DOCUMENTS = pa.schema(
    [
        _ID,
        *_OWNER,
        _text("version"),
        _text("content_hash"),
        _text("kind"),
        _text("title"),
        _text("url"),
        _text("path"),
        _text("language"),
        _text("author"),
        pa.field("updated_at", _TIME),
        _ACCESS,
        _text("skipped"),
        _int("chars"),  # of the text without outer white space; 0: there is nothing to chunk
        _text("text"),
        _text("facts"),  # JSON; empty in rows of an earlier release, which are read again
        _text("extract_hash"),
    ]
)

CHUNKS = pa.schema(
    [
        _ID,
        *_OWNER,
        _text("doc_key"),
        _text("doc_hash"),
        _text("doc_kind"),
        _text("chunker"),
        _int("ordinal"),
        _int("start_line"),
        _int("end_line"),
        _int("tokens"),
        _text("kind"),
        _text("symbol"),
        _text("heading_path"),
        _text("signature"),
        _text("title"),
        _text("url"),
        _text("path"),
        _text("language"),
        _ACCESS,
        _text("text"),
        _text("text_hash"),
        _text("words"),
    ]
)

EXTRACTS = pa.schema(
    [
        _ID,  # of the document
        *_OWNER,
        _text("doc_hash"),
        _text("extractor"),
        _text("path"),
        _text("family"),  # of languages; empty where the document is no code
        _text("facts"),  # JSON: what linking a repository's files needs to know of this one
    ]
)

ENTITIES = pa.schema(
    [
        _ID,  # of the document and the entity
        *_OWNER,
        _text("doc_key"),
        _text("entity"),  # the digest of `key`: the same in all documents that speak of it
        _text("type"),
        _text("key"),
        _text("name"),
        _text("qualified"),
        _text("title"),
        _text("path"),
        _int("line"),
        _int("end_line"),
        _text("language"),
        _text("url"),
        _text("address"),  # `url` in the form in which addresses are compared
        pa.field("updated_at", _TIME),
        pa.field("about", pa.bool_(), nullable=False),  # the document only names it
    ]
)

RELATIONS = pa.schema(
    [
        _ID,  # of the document and all that makes it another relation
        *_OWNER,
        _text("doc_key"),
        pa.field("linked", pa.bool_(), nullable=False),  # made from all files of a repository, not from one document
        _text("type"),
        _text("subject"),  # an entity
        _text("subject_type"),
        _text("object"),  # an entity; empty: to be found by `target`
        _text("object_key"),
        _text("object_type"),
        _text("target_kind"),
        _text("target"),
        _text("label"),
        pa.field("confidence", pa.float32(), nullable=False),
        _int("line"),
    ]
)

_ORDINAL = pa.int32()

GRAPH_NODES = pa.schema(
    [
        _text("id"),  # sorted by it; edges name a node by its row
        *(_text(name) for name in ("type", "key", "name", "qualified", "title", "source", "partition", "path")),
        _int("line"),
        _int("end_line"),
        _text("language"),
        _text("url"),
        pa.field("updated_at", _TIME),
        pa.field("document", _ORDINAL, nullable=False),  # the one that says most of it
        _ACCESS,
        pa.field("aliases", pa.list_(pa.string()), nullable=False),  # other keys of it
    ]
)

GRAPH_EDGES = pa.schema(
    [
        pa.field("subject", _ORDINAL, nullable=False),  # sorted by subject, type, object, document
        pa.field("object", _ORDINAL, nullable=False),
        pa.field("type", pa.int8(), nullable=False),  # its place among the ontology's relations
        pa.field("document", _ORDINAL, nullable=False),  # that says so
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        _text("label"),
        pa.field("by_object", _ORDINAL, nullable=False),  # the rows again, sorted by object
    ]
)

GRAPH_DOCUMENTS = pa.schema(
    [_text("id"), *(_text(name) for name in ("source", "partition", "doc_id", "kind", "title", "path", "url")), _ACCESS]
)

GRAPH_UNRESOLVED = pa.schema(
    [
        _text("id"),  # of the relation
        *(_text(name) for name in ("doc_key", "source", "partition", "doc_id", "type", "subject_type")),
        *(_text(name) for name in ("target_kind", "target", "reason")),
    ]
)

GRAPHS = pa.schema(
    [
        _ID,
        _text("made_of"),  # a digest of all that it was made of
        _text("counts"),  # JSON: what became of the relations of each type
        *(_int(name) for name in ("nodes", "edges", "documents", "unresolved")),  # versions of the tables
        pa.field("made_at", _TIME),
    ]
)

PARTITIONS = pa.schema(
    [
        _ID,
        _text("source"),
        _text("partition"),
        _text("head"),  # what `documents` is true for; empty while it is written
        _text("searchable_head"),  # what `chunks` and `embeddings` are true for; empty while they are behind
        _text("graph_head"),  # what `entities` and `relations` are true for
        _text("linked"),  # a digest of what they were made of; empty while they are behind
        _text("extractor"),
        _text("chunker"),
        _text("model"),
        _int("documents"),
        _int("skipped"),
        _int("chunks"),
        pa.field("changed_at", _TIME),
        pa.field("searchable_at", _TIME),
        _text("error"),  # why the last try failed; empty after a success
        _int("failures"),  # tries failed since the last success
        pa.field("failed_at", _TIME),
    ]
)


def embeddings(dim: int) -> pa.Schema:
    """Rows of one composed vector each, with the columns that a search filters by."""
    return pa.schema(
        [
            _ID,  # of the chunk
            *_OWNER,
            _text("doc_key"),
            _text("doc_kind"),
            _text("path"),
            _text("language"),
            _ACCESS,
            _text("text_hash"),
            _text("text_key"),  # where its two parts lie in the cache `vectors`
            _text("place_hash"),
            _text("model"),
            pa.field("vector", pa.list_(pa.float32(), dim), nullable=False),
        ]
    )


def vectors(dim: int) -> pa.Schema:
    """The cache: `id` is the hash of a model id and a text or place."""
    return pa.schema([_ID, pa.field("vector", pa.list_(pa.float32(), dim), nullable=False)])
