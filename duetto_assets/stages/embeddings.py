"""Reconciler of the table `embeddings`: one vector of the current model for each chunk of a partition.

A row's vector is composed of its text's vector and its place's. Both are cached by their hashes, so a text is embedded
once, whichever repository, path or source it is seen in, and a moved file costs one short string.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from duetto_assets.stages.chunk import embedding_text
from duetto_assets.stages.chunks import chunk_of, chunks_behind
from duetto_assets.stages.embed import Encoder, cache_key, compose, place_text, vector_model_id
from duetto_assets.stages.reconcile import Progress, no_progress, owned, slices
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Table
from duetto_assets.store.where import among

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]
Row = dict[str, Any]

_WINDOW_S = 20.0  # work that a crash can lose
_MIN_WINDOW, _MAX_WINDOW = 256, 8_192
_LOOKUP = 4_096

_FROM_CHUNK = (
    "partition_key",
    "source",
    "partition",
    "doc_id",
    "doc_key",
    "doc_kind",
    "path",
    "language",
    "access",
)
_COMPARED = ("text_hash", "place_hash", "model", "doc_kind", "path", "language", "access")


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """What `reconcile_embeddings` did.

    `embedded` texts and `places` were encoded; `reused` rows took the vector of a text seen before.
    """

    embedded: int = 0
    places: int = 0
    reused: int = 0
    deleted: int = 0
    tokens: int = 0
    seconds: float = 0.0
    searchable: bool = False

    @property
    def tokens_per_s(self) -> float:
        """Tokens of chunks encoded in a second, all work around the model counted."""
        return self.tokens / self.seconds if self.seconds else 0.0


def reconcile_embeddings(
    source: str,
    partition: str,
    index: Index,
    encoder: Encoder,
    chunker: str,
    *,
    progress: Progress = no_progress,
) -> EmbeddingCounts:
    """Give each chunk of the partition its vector, then record that the partition's head is searchable.

    :param chunker: The version that chunks must have for the partition to count as searchable.
    """
    started = time.monotonic()
    with index.lock(source, partition):
        work = _Work(index, encoder, progress)
        deleted = work.run(source, partition)
        searchable = _record_searchable(index, source, partition, chunker, vector_model_id(encoder))
    return EmbeddingCounts(
        work.embedded, work.places, work.reused, deleted, work.tokens, time.monotonic() - started, searchable
    )


class _Work:
    """One partition's difference, written window by window."""

    def __init__(self, index: Index, encoder: Encoder, progress: Progress) -> None:
        self.index = index
        self.encoder = encoder
        self.progress = progress
        self.rows = index.embeddings(encoder.dim)
        self.cache = index.vectors(encoder.dim)
        self.model = vector_model_id(encoder)
        self.embedded = self.places = self.reused = self.tokens = 0
        self._done = self._total = 0

    def run(self, source: str, partition: str) -> int:
        missing, gone = self._difference(source, partition)
        self._total = len(missing)
        known = _known(self.cache, {row["text_key"] for row in missing})
        # Rows whose text is known come first: they are searchable at once.
        for window in slices([row for row in missing if row["text_key"] in known], _MAX_WINDOW):
            self._write(window, {})
        self._embed([row for row in missing if row["text_key"] not in known])
        for keys in slices(gone, _LOOKUP):
            self.rows.delete(among("id", keys))
        for dim in self.index.dims():  # of an earlier model: its rows answered until here
            if dim != self.encoder.dim:
                self.index.embeddings(dim).delete(owned(source, partition))
        return len(gone)

    def _difference(self, source: str, partition: str) -> tuple[list[Row], list[str]]:
        where = owned(source, partition)
        columns = ["id", "text_hash", "title", "heading_path", "tokens", *_FROM_CHUNK]
        have = {
            row["id"]: tuple(row[name] for name in _COMPARED)
            for row in self.rows.scan(["id", *_COMPARED], where).to_pylist()
        }
        missing = []
        wanted = set()
        for row in self.index.chunks.scan(columns, where).to_pylist():
            wanted.add(row["id"])
            place = place_text(row["doc_kind"], row["path"], row["title"], row["heading_path"])
            row |= {"model": self.model, "place": place, "place_hash": _key(self.encoder, place)}
            if have.get(row["id"]) != tuple(row[name] for name in _COMPARED):
                missing.append(row | {"text_key": cache_key(self.encoder.model_id, row["text_hash"])})
        return missing, sorted(have.keys() - wanted)

    def _embed(self, rows: list[Row]) -> None:
        """Encode unseen texts, the longest first, each once; then compose the rows that share them."""
        first: dict[str, Row] = {}
        repeats = [row for row in rows if first.setdefault(row["text_key"], row) is not row]
        todo = sorted(first.values(), key=lambda row: (-row["tokens"], row["id"]))
        size = _MIN_WINDOW
        start = 0
        while start < len(todo):
            window = todo[start : start + size]
            began = time.monotonic()
            texts = self._texts(window)
            window = [row for row in window if row["id"] in texts]
            fresh = self._encode(self.cache, [(r["text_key"], texts[r["id"]]) for r in window])
            self.embedded += len(fresh)
            self.tokens += sum(min(row["tokens"], self.encoder.max_tokens) for row in window)
            start += size
            self._write(window, fresh)
            seconds = max(time.monotonic() - began, 1e-6)
            size = int(min(max(_MIN_WINDOW, size * _WINDOW_S / seconds), 2 * size, _MAX_WINDOW))
        for part in slices(repeats, _MAX_WINDOW):
            self._write(part, {})

    def _texts(self, rows: Sequence[Row]) -> dict[str, str]:
        columns = [
            "id",
            "text",
            "symbol",
            "heading_path",
            "signature",
            "start_line",
            "end_line",
            "tokens",
            "kind",
        ]
        texts: dict[str, str] = {}
        for part in slices([row["id"] for row in rows], _LOOKUP):
            for row in self.index.chunks.scan(columns, among("id", part)).to_pylist():
                chunk_id = row.pop("id")
                texts[chunk_id] = embedding_text(chunk_of(row))
        return texts

    def _encode(self, cache: Table, texts: Sequence[tuple[str, str]]) -> dict[str, Vectors]:
        if not texts:
            return {}
        vectors = self.encoder.encode([text for _, text in texts])
        keys = [key for key, _ in texts]
        cache.upsert(_with_vectors({"id": keys}, vectors, tables.vectors(self.encoder.dim)))
        return dict(zip(keys, vectors, strict=True))

    def _write(self, rows: Sequence[Row], fresh: Mapping[str, Vectors]) -> None:
        if not rows:
            return
        texts = fresh | _load(self.cache, {r["text_key"] for r in rows} - fresh.keys())
        places = _load(self.cache, {r["place_hash"] for r in rows if r["place"]})
        new = {r["place_hash"]: r["place"] for r in rows if r["place"] and r["place_hash"] not in places}
        places |= self._encode(self.cache, list(new.items()))
        self.places += len(new)
        self.reused += sum(1 for row in rows if row["text_key"] not in fresh)
        nowhere = np.zeros(self.encoder.dim, np.float32)
        composed = compose(
            np.stack([texts[row["text_key"]] for row in rows]),
            np.stack([places.get(row["place_hash"], nowhere) for row in rows]),
        )
        names = ("id", *_FROM_CHUNK, "text_hash", "text_key", "place_hash", "model")
        columns = {name: [row[name] for row in rows] for name in names}
        self.rows.upsert(_with_vectors(columns, composed, tables.embeddings(self.encoder.dim)))
        self._done += len(rows)
        self.progress("embeddings", self._done, self._total)


def _record_searchable(index: Index, source: str, partition: str, chunker: str, model: str) -> bool:
    """Say that the head is searchable, if the chunks are those of the documents. Data first, then the head."""
    record = index.partition(source, partition)
    if any(chunks_behind(index, source, partition, chunker)):
        log.warning("%s/%s: chunks are behind documents; materialize %s/chunks", source, partition, source)
        return False
    now = replace(
        record,
        searchable_head=record.head,
        chunker=chunker,
        model=model,
        chunks=index.chunks.count(owned(source, partition)),
        error="",
        failures=0,
        failed_at=None,
    )
    if now != record:
        index.record(replace(now, searchable_at=datetime.now(UTC)))
    return bool(record.head)


def _key(encoder: Encoder, text: str) -> str:
    return cache_key(encoder.model_id, text)


def _known(cache: Table, keys: set[str]) -> set[str]:
    found: set[str] = set()
    for part in slices(sorted(keys), _LOOKUP):
        found.update(cache.scan(["id"], among("id", part))["id"].to_pylist())
    return found


def _load(cache: Table, keys: set[str]) -> dict[str, Vectors]:
    loaded: dict[str, Vectors] = {}
    for part in slices(sorted(keys), _LOOKUP):
        rows = cache.scan(["id", "vector"], among("id", part)).combine_chunks()
        if rows.num_rows:
            vectors = rows["vector"].combine_chunks()
            flat = vectors.flatten().to_numpy(zero_copy_only=False)
            loaded.update(zip(rows["id"].to_pylist(), flat.reshape(rows.num_rows, -1), strict=True))
    return loaded


def _with_vectors(columns: Mapping[str, Sequence[Any]], vectors: Vectors, schema: pa.Schema) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    arrays = [
        pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
        if field.name == "vector"
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
