"""Reconciler of the resolved graph: the tables `entities` and `relations` of all partitions, made one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

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
    """What `reconcile_graph` did. Where nothing had changed, nothing was written and the counts are those of before."""

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
    made_of = graph_version(index)
    known = index.graph()
    if known is not None and known.made_of == made_of:
        nodes, edges = index.read_graph(known, "nodes", ["id"]), index.read_graph(known, "edges", ["subject", "object"])
        unresolved = index.read_graph(known, "unresolved", ["id"]).num_rows
        return GraphCounts(
            False,
            made_of,
            nodes.num_rows,
            edges.num_rows,
            unresolved,
            dangling(nodes.num_rows, edges),
            {},
            _since(started),
        )
    made = resolve(
        index.entities.stream(ENTITY_COLUMNS),
        index.relations.stream(RELATION_COLUMNS),
        index.documents.stream(DOCUMENT_COLUMNS),
    )
    index.write_graph(
        made_of, {"nodes": made.nodes, "edges": made.edges, "documents": made.documents, "unresolved": made.unresolved}
    )
    nodes_count = made.nodes.num_rows
    return GraphCounts(
        True,
        made_of,
        nodes_count,
        made.edges.num_rows,
        made.unresolved.num_rows,
        dangling(nodes_count, made.edges),
        made.counts,
        _since(started),
    )


def graph_version(index: Index) -> str:
    """Return a digest of all that a graph would be made of now."""
    records = index.known_partitions()
    return digest(RESOLVER_VERSION, EXTRACTOR_VERSION, *(f"{name} {record.linked}" for name, record in records.items()))


def _since(started: float) -> float:
    return time.monotonic() - started
