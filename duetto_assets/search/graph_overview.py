"""What is in the graph: counts, and names that begin as somebody types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow.compute as pc

from duetto_assets.search.graph import RELATIONS, Mask, View
from duetto_assets.search.graph_answers import FIRST, Node, Window, nodes_of, windowed

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are of one type or relation."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What somebody can see of the graph, in numbers."""

    made_at: datetime
    nodes: int
    edges: int
    types: tuple[Count, ...]
    relations: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Entities:
    """Entities whose name, key or title has some text in it, those that begin with it first."""

    total: int
    more: int
    items: tuple[Node, ...]


def summary(view: View) -> Summary:
    """Return how many nodes of each type and edges of each relation can be seen."""
    graph = view.graph
    types = np.bincount(graph.type_codes[view.nodes], minlength=len(graph.types))
    relations = np.bincount(graph.relation[view.edges], minlength=len(RELATIONS))
    return Summary(
        graph.record.made_at,
        int(np.count_nonzero(view.nodes)),
        int(np.count_nonzero(view.edges)),
        tuple(Count(name, int(types[place])) for place, name in sorted(enumerate(graph.types), key=lambda e: e[1])
              if types[place]),
        tuple(Count(each.name, int(count)) for each, count in zip(RELATIONS, relations, strict=True) if count),
    )  # fmt: skip


def entities(view: View, text: str, window: Window = FIRST) -> Entities:
    """Return what somebody may be about to name: by where `text` stands, then the most connected first."""
    wanted = text.strip()[:_LONGEST].encode("utf-8", "replace").decode("utf-8").lower()
    place = np.full(len(view.nodes), 4)
    for rank, column, starts in ((3, "key", False), (3, "title", False), (2, "name", False), (1, "title", True)):
        place[_has(view, column, wanted, starts=starts)] = rank
    place[_has(view, "name", wanted, starts=True)] = 0
    rows = np.flatnonzero((place < 4) & view.nodes)
    chosen = windowed(view, rows, (place[rows], -view.degree[rows]), window)
    items = tuple(nodes_of(view, rows[chosen]))
    return Entities(len(rows), max(0, len(rows) - window.offset - len(items)), items)


def _has(view: View, column: str, text: str, *, starts: bool) -> Mask:
    values = pc.utf8_lower(view.graph.nodes[column])
    found: Mask = (pc.starts_with(values, text) if starts else pc.match_substring(values, text)).to_numpy()
    return found
