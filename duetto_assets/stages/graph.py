"""Reconciler of the resolved graph: the tables `entities` and `relations` of all partitions, made one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from duetto_assets.model import digest
from duetto_assets.ontology.repository import EXTRACTOR_VERSION
from duetto_assets.ontology.resolve import (
    DOCUMENT_COLUMNS,
    ENTITY_COLUMNS,
    RELATION_COLUMNS,
    RESOLVER_VERSION,
    RelationCounts,
    dangling,
    resolve,
)
from duetto_assets.store.index import Index


@dataclass(frozen=True, slots=True)
class GraphCounts:
    """What `reconcile_graph` did, and what there is now; counted in what is stored, not in what was meant to be."""

    written: bool
    made_of: str
    nodes: int
    edges: int
    unresolved: int
    dangling: int
    relations: Mapping[str, RelationCounts]
    seconds: float


def reconcile_graph(index: Index) -> GraphCounts:
    """Make the resolved graph equal to what all partitions say."""
    started = time.monotonic()
    with index.lock("graph", "graph"):
        made_of = graph_version(index)
        known = index.graph()
        written = known is None or known.made_of != made_of
        if written:
            made = resolve(
                index.entities.stream(ENTITY_COLUMNS),
                index.relations.stream(RELATION_COLUMNS),
                index.documents.stream(DOCUMENT_COLUMNS),
            )
            counts = {name: asdict(each) for name, each in made.counts.items()}
            parts = {name: getattr(made, name) for name in ("nodes", "edges", "documents", "unresolved")}
            index.write_graph(made_of, parts, json.dumps(counts))
    return _counts(index, written, started)


def _counts(index: Index, written: bool, started: float) -> GraphCounts:
    known = index.graph()
    if known is None:  # reset meanwhile
        return GraphCounts(written, "", 0, 0, 0, 0, {}, time.monotonic() - started)
    nodes = index.read_graph(known, "nodes", ["line"]).num_rows
    edges = index.read_graph(known, "edges", ["subject", "object"])
    return GraphCounts(
        written,
        known.made_of,
        nodes,
        edges.num_rows,
        index.read_graph(known, "unresolved", ["reason"]).num_rows,
        dangling(nodes, edges),
        {name: RelationCounts(**each) for name, each in json.loads(known.counts).items()},
        time.monotonic() - started,
    )


def graph_version(index: Index) -> str:
    """Return a digest of all that a graph would be made of now."""
    records = index.known_partitions()
    return digest(RESOLVER_VERSION, EXTRACTOR_VERSION, *(f"{name} {record.linked}" for name, record in records.items()))
