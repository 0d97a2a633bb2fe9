"""What keeps the index small, and what proves that it is true."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from duetto_assets.stages.reconcile import slices
from duetto_assets.store.index import Index
from duetto_assets.store.where import among

_KEEP_UNUSED = 10_000  # a branch that comes back within days finds its vectors


def drop_unused_vectors(index: Index) -> int:
    """Delete cached vectors that no row uses, once they are many; return how many went."""
    dropped = 0
    for dim in index.dims():
        cached = index.vectors(dim).scan(["id"])["id"]
        # Read after the cache: a vector that another run stores meanwhile is none of those that may go.
        rows = index.embeddings(dim).scan(["text_key", "place_hash"])
        used = pa.chunked_array([*rows["text_key"].chunks, *rows["place_hash"].chunks], pa.string())
        unused = cached.filter(pc.invert(pc.is_in(cached, value_set=used)))
        if len(unused) > max(_KEEP_UNUSED, len(cached) / 2):
            for ids in slices(unused.to_pylist(), 10_000):
                dropped += index.vectors(dim).delete(among("id", ids))
    return dropped


@dataclass(frozen=True, slots=True)
class Findings:
    """What disagrees between the tables. All zero in a sound index at rest."""

    orphan_chunks: int  # of a document that is no more
    orphan_embeddings: int  # of a chunk that is no more
    without_vector: int  # chunks without a vector of the current model
    duplicate_rows: int  # rows that share an id with another


def inspect(index: Index, source: str, model: str) -> Findings:
    """Compare a source's tables with each other.

    :param model: The id that vectors of the current model carry.
    """
    where = among("source", [source])
    documents = index.documents.scan(["id"], where)["id"]
    chunks = index.chunks.scan(["id", "doc_key"], where)
    embedded = [index.embeddings(dim).scan(["id", "model"], where) for dim in index.dims()]
    all_embedded = pa.chunked_array([c for t in embedded for c in t["id"].chunks], pa.string())
    current = pa.chunked_array(
        [c for t in embedded for c in t.filter(pc.equal(t["model"], model))["id"].chunks], pa.string()
    )
    return Findings(
        orphan_chunks=_absent(chunks["doc_key"], documents),
        orphan_embeddings=_absent(all_embedded, chunks["id"]),
        without_vector=_absent(chunks["id"], current),
        duplicate_rows=sum(len(ids) - len(pc.unique(ids)) for ids in (documents, chunks["id"], current)),
    )


def _absent(values: pa.ChunkedArray, among_these: pa.ChunkedArray) -> int:
    found = pc.sum(pc.is_in(values, value_set=among_these.combine_chunks())).as_py() or 0
    return len(values) - int(found)
