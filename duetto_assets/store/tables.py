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

PARTITIONS = pa.schema(
    [
        _ID,
        _text("source"),
        _text("partition"),
        _text("head"),  # what `documents` is true for; empty while it is written
        _text("searchable_head"),  # what `chunks` and `embeddings` are true for; empty while they are behind
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
