"""What depends on an entity, through calls, imports, inheritance and packages, across repositories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from duetto_assets.search.graph import CODES, RELATIONS, Mask, Rows, View, distinct, of_relations
from duetto_assets.search.graph_answers import (
    FIRST,
    Citation,
    Node,
    Window,
    citations,
    node_of,
    nodes_of,
    reference,
    relation_name,
    windowed,
)
from duetto_assets.search.graph_names import resolve_name
from duetto_assets.search.graph_parts import homes_of, packages_of, within

_DEPENDS = of_relations(*(relation.name for relation in RELATIONS if relation.depends))
_PRODUCES = of_relations("produces")
_NEVER = np.int32(np.iinfo(np.int32).max)


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something that a change of the entity may break: "the node `relation` `on`"."""

    distance: int
    node: Node
    relation: str
    on: str  # the entity, a part of it, or a dependent one step nearer
    confidence: float  # of the least certain edge on the way
    citations: tuple[Citation, ...]
    more_citations: int


@dataclass(frozen=True, slots=True)
class Affected:
    """How much of one repository depends on the entity. What lies in none has an empty name."""

    partition: str
    count: int
    nearest: int


@dataclass(frozen=True, slots=True)
class Impact:
    """What depends on an entity, the nearest and most certain first."""

    entity: Node
    parts: int  # what it contains and defines, which counts as the entity
    repositories: tuple[Affected, ...]
    total: int
    more: int
    items: tuple[Dependent, ...]


@dataclass(slots=True)
class _Reached:
    distance: NDArray[np.int32]
    confidence: NDArray[np.float32]
    edge: Rows


def impact(
    view: View, entity: str, depth: int | None = None, min_confidence: float = 0.0, window: Window = FIRST
) -> Impact:
    """Return what depends on an entity or a part of it, directly or through others.

    Distances are those of the shortest ways; of several, the most certain counts. A repository, directory or file
    stands for the package that it is part of, too; a symbol only for itself.

    :param depth: Most steps; None: all.
    :param min_confidence: Less certain edges do not count.
    """
    start = resolve_name(view, entity)
    parts = _parts(view, start)
    reached = _reach(view, parts, depth, np.float32(min_confidence))
    rows = np.flatnonzero((reached.distance > 0) & (reached.distance != _NEVER))
    distance = reached.distance[rows]
    chosen = windowed(view, rows, (distance, -reached.confidence[rows]), window)
    return Impact(
        node_of(view, start),
        len(parts) - 1,
        _affected(view, rows, distance),
        len(rows),
        max(0, len(rows) - window.offset - len(chosen)),
        tuple(_dependents(view, reached, rows[chosen])),
    )


def _parts(view: View, start: int) -> Rows:
    if (type_ := view.type_of(start)) == "package":
        return np.union1d(within(view, homes_of(view, start)), [start])
    parts = within(view, np.array([start]))
    if type_ in ("repository", "directory", "file"):
        return np.union1d(parts, packages_of(view, start))
    return parts


def _reach(view: View, parts: Rows, depth: int | None, least: np.float32) -> _Reached:
    graph, size = view.graph, len(view.nodes)
    reached = _Reached(np.full(size, _NEVER, np.int32), np.zeros(size, np.float32), np.full(size, _NEVER))
    reached.distance[parts] = 0
    reached.confidence[parts] = 1.0
    repositories = graph.typed(("repository",))
    frontier, distance = parts, 0
    while len(frontier) and (depth is None or distance < depth):
        distance += 1
        edges, nodes, before = _next(view, frontier, frontier[repositories[frontier]], reached.distance == _NEVER)
        sure = graph.confidence[edges] >= least
        edges, nodes, before = edges[sure], nodes[sure], before[sure]
        certain = np.minimum(reached.confidence[before], graph.confidence[edges])
        np.maximum.at(reached.confidence, nodes, certain)
        best = certain == reached.confidence[nodes]
        np.minimum.at(reached.edge, nodes[best], edges[best])
        frontier = distinct(nodes, size)
        reached.distance[frontier] = distance
    return reached


def _next(view: View, nodes: Rows, repositories: Rows, unknown: Mask) -> tuple[Rows, Rows, Rows]:
    """Return the edges by which unknown nodes depend on these: edge, dependent, what it depends on.

    :param repositories: Those among `nodes`: what they produce depends on them.
    """
    graph = view.graph
    depending = view.into(nodes, _DEPENDS)
    depending = depending[unknown[graph.subject[depending]]]
    made = view.out(repositories, _PRODUCES)
    made = made[unknown[graph.object[made]]]
    return (
        np.concatenate([depending, made]),
        np.concatenate([graph.subject[depending], graph.object[made]]),
        np.concatenate([graph.object[depending], graph.subject[made]]),
    )


def _affected(view: View, rows: Rows, distance: NDArray[np.int32]) -> tuple[Affected, ...]:
    partitions = view.graph.nodes["partition"].take(pa.array(rows))
    counted = pa.table({"partition": partitions, "distance": distance}).group_by("partition")
    found = counted.aggregate([("distance", "count"), ("distance", "min")]).to_pylist()
    affected = [Affected(row["partition"], row["distance_count"], row["distance_min"]) for row in found]
    return tuple(sorted(affected, key=lambda each: (each.nearest, -each.count, each.partition)))


def _dependents(view: View, reached: _Reached, rows: Rows) -> list[Dependent]:
    graph = view.graph
    edges = reached.edge[rows]
    made = graph.relation[edges] == CODES["produces"]
    before = np.where(made, graph.subject[edges], graph.object[edges])
    answer = []
    keys = view.strings("key", before)
    for node, row, edge, inverse, on in zip(nodes_of(view, rows), rows, edges, made, keys, strict=True):
        cited, more = citations(view, view.parallel(int(edge)))
        answer.append(
            Dependent(
                int(reached.distance[row]),
                node,
                relation_name(int(graph.relation[edge]), inverse=bool(inverse)),
                reference(on),
                round(float(reached.confidence[row]), 3),
                cited,
                more,
            )
        )
    return answer
