"""Reconciler of the table `chunks`: a partition's documents, split, against the chunks that are stored."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from duetto_assets.model import Chunk, Document, digest
from duetto_assets.stages.chunk import Chunker, embedding_text
from duetto_assets.stages.documents import load_documents
from duetto_assets.stages.reconcile import Progress, no_progress, owned, slices
from duetto_assets.stages.words import words
from duetto_assets.store import tables
from duetto_assets.store.index import Index, partition_key
from duetto_assets.store.where import among, both

_COMMIT_DOCUMENTS = 1_000
_COMMIT_CHARS = 8_000_000  # a chunk row is some five times its text: keep the peak low


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """What `reconcile_chunks` did: documents chunked again, chunks they gave, and all chunks there are."""

    documents: int
    written: int
    chunks: int
    seconds: float


def reconcile_chunks(
    source: str, partition: str, index: Index, chunker: Chunker, *, progress: Progress = no_progress
) -> ChunkCounts:
    """Make the table `chunks` equal to the partition's documents, split by `chunker`.

    The old chunks of a document answer until its new ones stand.
    """
    started = time.monotonic()
    with index.lock(source, partition):
        stale, gone = chunks_behind(index, source, partition, chunker.version)
        written = done = 0
        for batch in _document_batches(index, source, partition, stale):
            rows = [row for document in batch for row in _chunk_rows(document, chunker)]
            scope = among("doc_key", [document.key for document in batch])
            index.chunks.replace(pa.Table.from_pylist(rows, schema=tables.CHUNKS), scope)
            written += len(rows)
            done += len(batch)
            progress("chunks", done, len(stale))
        for keys in slices(gone, _COMMIT_DOCUMENTS):
            index.chunks.delete(among("doc_key", keys))
        total = index.chunks.count(owned(source, partition))
    return ChunkCounts(len(stale), written, total, time.monotonic() - started)


def chunks_behind(index: Index, source: str, partition: str, chunker: str) -> tuple[list[str], list[str]]:
    """Return the keys of documents whose chunks are not up to date, and of those that are no more."""
    where = owned(source, partition)
    documents = index.documents.scan(["id", "content_hash", "chars"], where)
    wanted = {row["id"]: row["content_hash"] for row in documents.filter(pc.greater(documents["chars"], 0)).to_pylist()}
    chunks = index.chunks.scan(["doc_key", "doc_hash", "chunker"], where)
    present = {
        (row["doc_key"], row["doc_hash"], row["chunker"])
        for row in chunks.group_by(chunks.column_names).aggregate([]).to_pylist()
    }
    stale = sorted(key for key, content in wanted.items() if (key, content, chunker) not in present)
    gone = sorted({key for key, _, _ in present} - wanted.keys())
    return stale, gone


def _document_batches(index: Index, source: str, partition: str, keys: Sequence[str]) -> Iterator[list[Document]]:
    for part in slices(keys, _COMMIT_DOCUMENTS):
        sizes = index.documents.scan(["id", "chars"], both(owned(source, partition), among("id", part)))
        group: list[str] = []
        chars = 0
        for row in sizes.to_pylist():
            group.append(row["id"])
            chars += row["chars"]
            if chars >= _COMMIT_CHARS:
                yield load_documents(index, group)
                group, chars = [], 0
        if group:
            yield load_documents(index, group)


def _chunk_rows(document: Document, chunker: Chunker) -> Iterator[dict[str, Any]]:
    owner = {
        "partition_key": partition_key(document.source, document.partition),
        "source": document.source,
        "partition": document.partition,
        "doc_id": document.id,
        "doc_key": document.key,
        "doc_hash": document.content_hash,
        "doc_kind": document.kind,
        "chunker": chunker.version,
        "title": document.title,
        "url": document.url,
        "path": document.path,
        "language": document.language,
        "access": list(document.access),
    }
    seen: Counter[str] = Counter()
    for ordinal, chunk in enumerate(chunker.split(document)):
        text_hash = digest(embedding_text(chunk))
        # Not by position: a chunk keeps its id, and so its vector, when something is inserted above it.
        identity = digest(document.key, text_hash, str(seen[text_hash]))
        seen[text_hash] += 1
        yield (
            owner
            | _chunk_columns(chunk)
            | {
                "id": identity,
                "ordinal": ordinal,
                "text_hash": text_hash,
                "words": words(
                    f"{document.path or document.title}\n{chunk.symbol}\n{chunk.heading_path}\n{chunk.text}"
                ),
            }
        )


def _chunk_columns(chunk: Chunk) -> dict[str, Any]:
    return {
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "tokens": chunk.tokens,
        "kind": chunk.kind,
        "symbol": chunk.symbol,
        "heading_path": chunk.heading_path,
        "signature": chunk.signature,
        "text": chunk.text,
    }
