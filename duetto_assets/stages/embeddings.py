"""Reconciler of the table `embeddings`: one vector of the current model for each chunk of a partition.

A row's vector is composed of its text's vector and its place's. Both are cached by their hashes, so a text is embedded
once, whichever repository, path or source it is seen in, and a moved file costs one short string.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from duetto_assets.model import Chunk
from duetto_assets.stages.chunk import embedding_text
from duetto_assets.stages.chunks import chunks_behind
from duetto_assets.stages.embed import Encoder, cache_key, compose, place_text, vector_model_id
from duetto_assets.stages.reconcile import Progress, no_progress, owned, slices
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Table
from duetto_assets.store.where import among

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

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
_CHUNK = [field.name for field in fields(Chunk)]
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
        self.embedded = self.places = self.reused = self.tokens = 0
        self._done = self._total = 0

    def run(self, source: str, partition: str) -> int:
        missing, gone = self._difference(source, partition)
        self._total = missing.num_rows
        # Rows whose text is known come first: they are searchable at once.
        unseen = [missing.slice(0, 0)]
        for start in range(0, missing.num_rows, _MAX_WINDOW):
            window = missing.slice(start, _MAX_WINDOW)
            texts = _load(self.cache, window["text_key"])
            seen = pc.is_in(window["text_key"], value_set=pa.array(list(texts), pa.string()))
            self._write(window.filter(seen), texts)
            self.reused += pc.sum(seen).as_py() or 0
            unseen.append(window.filter(pc.invert(seen)))
        self._embed(pa.concat_tables(unseen).combine_chunks())
        for ids in slices(gone, _LOOKUP):
            self.rows.delete(among("id", ids))
        for dim in self.index.dims():  # of an earlier model: its rows answered until here
            if dim != self.encoder.dim:
                self.index.embeddings(dim).delete(owned(source, partition))
        return len(gone)

    def _difference(self, source: str, partition: str) -> tuple[pa.Table, list[str]]:
        """Return the chunks whose row is missing or not as it should be, and the ids of rows without a chunk."""
        where = owned(source, partition)
        have = self.rows.scan(["id", *_COMPARED], where)
        chunks = self.index.chunks.scan(["id", "text_hash", "title", "heading_path", "tokens", *_FROM_CHUNK], where)
        columns = (chunks[name].to_pylist() for name in ("doc_kind", "path", "title", "heading_path"))
        places = [place_text(*row) for row in zip(*columns, strict=True)]
        hashes = {place: cache_key(self.encoder.model_id, place) for place in set(places)}
        model = [vector_model_id(self.encoder)] * chunks.num_rows
        wanted = (
            chunks.append_column("place", pa.array(places, pa.string()))
            .append_column("place_hash", pa.array([hashes[place] for place in places], pa.string()))
            .append_column("model", pa.array(model, pa.string()))
        )
        there = pc.is_in(_as_text(wanted), value_set=_as_text(have))
        missing = wanted.filter(pc.invert(there))
        keys = [cache_key(self.encoder.model_id, text_hash) for text_hash in missing["text_hash"].to_pylist()]
        gone = have["id"].filter(pc.invert(pc.is_in(have["id"], value_set=chunks["id"])))
        return missing.append_column("text_key", pa.array(keys, pa.string())), gone.to_pylist()

    def _embed(self, rows: pa.Table) -> None:
        """Encode unseen texts, the longest first, each once; write with each all the rows that share it."""
        first: dict[str, tuple[int, str]] = {}
        for key, tokens, chunk_id in zip(*(rows[n].to_pylist() for n in ("text_key", "tokens", "id")), strict=True):
            first.setdefault(key, (tokens, chunk_id))
        todo = sorted(first, key=lambda key: (-first[key][0], key))
        size = _MIN_WINDOW
        start = 0
        while start < len(todo):
            began = time.monotonic()
            keys = todo[start : start + size]
            texts = self._texts([first[key][1] for key in keys])
            fresh = self._encode({key: texts[first[key][1]] for key in keys})
            self.embedded += len(fresh)
            self.tokens += sum(min(first[key][0], self.encoder.max_tokens) for key in keys)
            sharing = rows.filter(pc.is_in(rows["text_key"], value_set=pa.array(keys, pa.string())))
            for part in range(0, sharing.num_rows, _MAX_WINDOW):
                self._write(sharing.slice(part, _MAX_WINDOW), fresh)
            self.reused += sharing.num_rows - len(fresh)
            start += size
            seconds = max(time.monotonic() - began, 1e-6)
            size = int(min(max(_MIN_WINDOW, size * _WINDOW_S / seconds), 2 * size, _MAX_WINDOW))

    def _texts(self, ids: Sequence[str]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for part in slices(ids, _LOOKUP):
            for row in self.index.chunks.scan(["id", *_CHUNK], among("id", part)).to_pylist():
                chunk_id = row.pop("id")
                texts[chunk_id] = embedding_text(Chunk(**row))
        return texts

    def _encode(self, texts: Mapping[str, str]) -> dict[str, Vectors]:
        """Return and cache the vectors of these texts or places, by their keys."""
        if not texts:
            return {}
        vectors = self.encoder.encode(list(texts.values()))
        keys = pa.table({"id": list(texts)})
        self.cache.upsert(_with_vectors(keys, vectors, tables.vectors(self.encoder.dim)))
        return dict(zip(texts, vectors, strict=True))

    def _write(self, rows: pa.Table, texts: Mapping[str, Vectors]) -> None:
        """Compose and store the vectors of chunks whose text's vector is in `texts`."""
        if not rows.num_rows:
            return
        there = rows.filter(pc.not_equal(rows["place"], ""))
        wanted = dict(zip(there["place_hash"].to_pylist(), there["place"].to_pylist(), strict=True))
        places = _load(self.cache, there["place_hash"])
        new = self._encode({key: place for key, place in wanted.items() if key not in places})
        self.places += len(new)
        nowhere = np.zeros(self.encoder.dim, np.float32)
        found = {**places, **new}
        composed = compose(
            np.stack([texts[key] for key in rows["text_key"].to_pylist()]),
            np.stack([found.get(key, nowhere) for key in rows["place_hash"].to_pylist()]),
        )
        self.rows.upsert(_with_vectors(rows, composed, tables.embeddings(self.encoder.dim)))
        self._done += rows.num_rows
        self.progress("embeddings", self._done, self._total)


def _record_searchable(index: Index, source: str, partition: str, chunker: str, model: str) -> bool:
    """Say that the head is searchable, if the chunks are those of the documents. Data first, then the head."""
    record = index.partition(source, partition)
    if not record.head:
        log.warning("%s/%s: documents are not complete; materialize %s/documents", source, partition, source)
        return False
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
    return True


def _as_text(rows: pa.Table) -> pa.Array:
    """Return everything that makes a row what it is, as one text for each."""
    access = pc.binary_join(rows["access"].combine_chunks(), "\0")
    compared = [rows[name].combine_chunks() for name in ("id", *_COMPARED) if name != "access"]
    return pc.binary_join_element_wise(*compared, access, "\0")


def _load(cache: Table, keys: pa.ChunkedArray) -> dict[str, Vectors]:
    """Return those of the vectors that are cached."""
    loaded: dict[str, Vectors] = {}
    for part in slices(sorted(set(keys.to_pylist())), _LOOKUP):
        rows = cache.scan(["id", "vector"], among("id", part)).combine_chunks()
        if rows.num_rows:
            flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            loaded.update(zip(rows["id"].to_pylist(), flat.reshape(rows.num_rows, -1), strict=True))
    return loaded


def _with_vectors(rows: pa.Table, vectors: Vectors, schema: pa.Schema) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return rows.append_column("vector", column).select(schema.names).cast(schema)
