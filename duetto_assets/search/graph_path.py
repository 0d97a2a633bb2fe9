"""A shortest path between two entities, whichever way its edges point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duetto_assets.search.graph import Mask, Rows, View, distinct
from duetto_assets.search.graph_answers import Citation, Node, citations, node_of, nodes_of, relation_name
from duetto_assets.search.graph_names import resolve_name

_BIG_DIRECTORY = 100  # what holds so many things connects them as little as their repository does
_FAR = np.iinfo(np.int16).max


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path, read along it: "the node before `relation` the node"."""

    relation: str
    label: str
    node: Node
    confidence: float
    citations: tuple[Citation, ...]
    more_citations: int


@dataclass(frozen=True, slots=True)
class Path:
    """How two entities are connected. Without steps they are one."""

    start: Node
    end: Node
    steps: tuple[Step, ...]


def path(view: View, start: str, end: str) -> Path | None:
    """Return a shortest path, of several the most certain; None if nothing that can be seen connects them.

    A path through a repository, space, project, label or big directory says little: it is only one where there is no
    other.
    """
    first, last = resolve_name(view, start), resolve_name(view, end)
    if first == last:
        return Path(node_of(view, first), node_of(view, last), ())
    big = (view.degree > _BIG_DIRECTORY) & view.graph.typed(("directory",))
    telling = ~(big | view.graph.typed(("repository", "space", "project", "label")))
    for passable in (telling, np.ones(len(view.nodes), bool)):
        edges = _shortest(view, passable, first, last)
        if edges:
            return Path(node_of(view, first), node_of(view, last), tuple(_steps(view, first, edges)))
    return None


def _steps(view: View, node: int, edges: list[int]) -> list[Step]:
    graph, steps, nodes = view.graph, [], []
    forward = []
    for edge in edges:
        forward.append(graph.subject[edge] == node)
        node = int(graph.object[edge] if forward[-1] else graph.subject[edge])
        nodes.append(node)
    for shown, edge, ahead in zip(nodes_of(view, nodes), edges, forward, strict=True):
        cited, more = citations(view, view.parallel(edge))
        name = relation_name(int(graph.relation[edge]), inverse=not ahead)
        label = graph.labels[edge].as_py()
        steps.append(Step(name, label, shown, round(float(graph.confidence[edge]), 3), cited, more))
    return steps


class _Side:
    """A search by levels from one end."""

    def __init__(self, view: View, passable: Mask, start: int) -> None:
        self._view = view
        self._passable = passable
        self.distance: NDArray[np.int16] = np.full(len(view.nodes), _FAR, np.int16)
        self.distance[start] = 0
        self.level = 0
        self.frontier = np.array([start])

    def cost(self) -> int:
        """The number of edges that the next level looks at."""
        return int(self._view.degree[self.frontier].sum())

    def widen(self, goal: int) -> None:
        """Find the next level."""
        _, others = _touching(self._view, self.frontier)
        new = others[(self.distance[others] == _FAR) & (self._passable[others] | (others == goal))]
        self.level += 1
        self.frontier = distinct(new, len(self.distance))
        self.distance[self.frontier] = self.level

    def best(self, meeting: Rows) -> tuple[NDArray[np.float64], Rows]:
        """Return for each node on a shortest way to `meeting` the doubt along the best way, and its last edge."""
        steps, current = [], meeting
        for level in range(self.level, 0, -1):
            edges, others = _touching(self._view, current)
            nodes = self._view.graph.subject[edges] + self._view.graph.object[edges] - others
            back = self.distance[others] == level - 1
            steps.append((edges[back], others[back], nodes[back]))
            current = distinct(others[back], len(self.distance))
        doubt = np.full(len(self.distance), np.inf)
        doubt[current] = 0.0
        last = np.full(len(self.distance), -1)
        for edges, before, nodes in reversed(steps):
            along = doubt[before] + (1.0 - self._view.graph.confidence[edges])
            order = np.lexsort((edges, along, nodes))
            reached, first = np.unique(nodes[order], return_index=True)
            doubt[reached], last[reached] = along[order][first], edges[order][first]
        return doubt, last


def _touching(view: View, nodes: Rows) -> tuple[Rows, Rows]:
    """Return the edges at these nodes, and the other end of each."""
    out, into = view.out(nodes), view.into(nodes)
    return np.concatenate([out, into]), np.concatenate([view.graph.object[out], view.graph.subject[into]])


def _shortest(view: View, passable: Mask, first: int, last: int) -> list[int]:
    """Return the edges of a shortest path whose inner nodes are all passable; none if there is none."""
    near, far = _Side(view, passable, first), _Side(view, passable, last)
    while len(near.frontier) and len(far.frontier):
        # Whichever side is cheaper: where one end lies in a small part of the graph, that part is all that is seen.
        side, other, goal = (near, far, last) if near.cost() <= far.cost() else (far, near, first)
        side.widen(goal)
        meeting = side.frontier[other.distance[side.frontier] != _FAR]
        if len(meeting):
            return _joined(view, near, far, meeting)
    return []


def _joined(view: View, near: _Side, far: _Side, meeting: Rows) -> list[int]:
    (near_doubt, near_edges), (far_doubt, far_edges) = near.best(meeting), far.best(meeting)
    total = near_doubt[meeting] + far_doubt[meeting]
    middle = int(meeting[np.lexsort((meeting, total))[0]])
    ways = [_back(view, middle, edges) for edges in (near_edges, far_edges)]
    return [*reversed(ways[0]), *ways[1]]


def _back(view: View, node: int, last: Rows) -> list[int]:
    way = []
    while (edge := int(last[node])) >= 0:
        way.append(edge)
        node = int(view.graph.subject[edge] + view.graph.object[edge]) - node
    return way
