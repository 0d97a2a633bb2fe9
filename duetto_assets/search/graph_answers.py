"""What answers of the graph are made of: nodes under names that work, and edges with the documents that say them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from duetto_assets.search.graph import RELATIONS, Mask, Rows, View

CITED = 3
"""Documents that are cited for one thing; how many more there are is a number."""

_SHOWN = [
    "type", "key", "name", "title", "source", "partition", "path", "line", "end_line", "language", "url", "updated_at",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """An entity. `ref` names it and nothing else, in every command."""

    ref: str
    type: str
    key: str
    name: str
    title: str
    source: str
    partition: str
    path: str
    line: int
    end_line: int
    language: str
    url: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Citation:
    """The document that says so, and where."""

    source: str
    partition: str
    doc_id: str
    title: str
    url: str
    line: int


@dataclass(frozen=True, slots=True)
class Window:
    """Which of the results are wanted."""

    limit: int = 50
    offset: int = 0

    @property
    def end(self) -> int:
        """The number of the first result after it."""
        return self.offset + self.limit


FIRST = Window()


def nodes_of(view: View, rows: Rows | Sequence[int]) -> list[Node]:
    """Return these nodes, in order."""
    taken = view.graph.nodes.select([*_SHOWN, "document"]).take(pa.array(rows, pa.int64())).to_pylist()
    return [_node(row, open_=bool(view.readable[row.pop("document")])) for row in taken]


def node_of(view: View, row: int) -> Node:
    """Return this node."""
    return nodes_of(view, [row])[0]


def reference(key: str) -> str:
    """Return the shortest form of a key that names nothing else: `acme/api:src/app.py`, `SRE-42`; else the key."""
    source, _, rest = key.partition(":")
    if source == "repos":
        return rest
    is_issue = source == "jira" and rest.rpartition("-")[2].isdecimal() and "-" in rest
    return rest if is_issue else key


def citations(view: View, edges: Rows, most: int = CITED) -> tuple[tuple[Citation, ...], int]:
    """Return the documents that say these edges, the most certain first, and how many more there are."""
    graph = view.graph
    order = edges[np.lexsort((edges, -graph.confidence[edges]))]
    _, first = np.unique(graph.document[order], return_index=True)
    chosen = order[np.sort(first)[:most]]
    columns = ["source", "partition", "doc_id", "title", "url"]
    rows = graph.documents.select(columns).take(pa.array(graph.document[chosen])).to_pylist()
    cited = tuple(Citation(**row, line=int(line)) for row, line in zip(rows, graph.line[chosen], strict=True))
    return cited, len(first) - len(cited)


def relation_name(code: int, *, inverse: bool) -> str:
    """Return how a relation reads from one of its ends."""
    relation = RELATIONS[code]
    return relation.inverse if inverse else relation.name


def windowed(view: View, nodes: Rows, keys: Sequence[NDArray[Any]], window: Window) -> Rows:
    """Return places in `nodes`: those of a window, sorted by `keys` in turn and then by name.

    Only where numbers are equal at an edge of the window are names compared.
    """
    if not len(nodes) or window.offset >= len(nodes):
        return np.empty(0, np.int64)
    order: Rows = np.lexsort(tuple(reversed(keys)))
    last = min(window.end, len(nodes)) - 1
    same_as_first, same_as_last = _equal(order, keys, window.offset), _equal(order, keys, last)
    start, end = int(np.argmax(same_as_first)), len(nodes) - int(np.argmax(same_as_last[::-1]))
    block = order[start:end]
    columns = {str(place): key[block] for place, key in enumerate(keys)}
    columns["key"] = view.graph.nodes["key"].take(pa.array(nodes[block]))
    table = pa.table(columns)
    by_name = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in table.column_names]).to_numpy()
    found: Rows = block[by_name][window.offset - start : window.end - start]
    return found


def _equal(order: Rows, keys: Sequence[NDArray[Any]], place: int) -> Mask:
    equal = np.ones(len(order), bool)
    for key in keys:
        equal &= key[order] == key[order[place]]
    return equal


def _node(row: dict[str, object], *, open_: bool) -> Node:
    if not open_:  # many documents name it, and the one that describes it best is not for everybody
        row |= {"title": "", "url": "", "updated_at": None}
    return Node(ref=reference(str(row["key"])), **row)  # type: ignore[arg-type]
