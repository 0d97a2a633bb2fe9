"""Questions about what is connected: the neighbours of an entity, a path between two, the history of an issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from duetto_assets.errors import ConfigError
from duetto_assets.ontology.vocabulary import load
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
from duetto_assets.search.graph_names import SYMBOLS, resolve_name

_FEW = 5
_MOST_OF_A_COMMIT = 1_000  # files whose symbols are looked at: one that changes more is a sweep


@dataclass(frozen=True, slots=True)
class Neighbor:
    """Something connected to the entity, read from the entity's side: "it `relation` the node"."""

    distance: int
    relation: str  # or the inverse name
    label: str  # the relation in the source's own words
    node: Node
    via: str  # the node before it
    confidence: float
    citations: tuple[Citation, ...]
    more_citations: int


@dataclass(frozen=True, slots=True)
class Group:
    """How many neighbours there are of one relation and direction."""

    distance: int
    relation: str
    count: int


@dataclass(frozen=True, slots=True)
class Neighbors:
    """What is around an entity, by distance and relation, the most certain and most connected first."""

    entity: Node
    groups: tuple[Group, ...]
    total: int
    more: int
    items: tuple[Neighbor, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """Neighbours as numbers, one row each."""

    node: Rows
    distance: Rows
    relation: Rows  # twice its code, and one more for the inverse
    confidence: NDArray[np.float32]
    edges: Rows  # of all, sorted by `of`
    of: Rows


@dataclass(frozen=True, slots=True)
class Relations:
    """Relations that a question is about, by the side from which they are read."""

    out: Mask
    into: Mask
    labels: frozenset[str] = frozenset()  # in the sources' own words, in lower case


def relations_of(view: View, names: Sequence[str]) -> Relations:
    """Return the relations of these names, inverse names or labels; all where none is named.

    :raises ConfigError: If there is no such relation.
    """
    if not names:
        everything = np.ones(len(RELATIONS), bool)
        return Relations(everything, everything)
    out, into = of_relations(), of_relations()
    labels = set()
    for name in names:
        word = "_".join(name.casefold().replace("-", " ").split())
        known = next((_declared(each) for each in (word, word.removeprefix("is_")) if _declared(each)), None)
        if known:
            out[CODES[known[0]]] |= known[1] != "inverse"
            into[CODES[known[0]]] |= known[1] != "name"
        elif _is_label(view, name):
            labels.add(name.casefold())
        else:
            listed = ", ".join(f"{each.name} ({each.inverse})" for each in RELATIONS)
            raise ConfigError(f"There is no relation {name[:100]!r}. There are: {listed}.")
    return Relations(out, into, frozenset(labels))


def neighbors(
    view: View, entity: str, depth: int = 1, relations: Sequence[str] = (), window: Window = FIRST
) -> Neighbors:
    """Return what is at most `depth` steps from an entity.

    :param relations: Only by these: names, inverse names or labels.
    """
    wanted = relations_of(view, relations)
    start = resolve_name(view, entity)
    found = _around(view, start, depth, wanted)
    degree = view.degree[found.node]
    keys = (found.distance, found.relation, -found.confidence, -degree)
    chosen = windowed(view, found.node, keys, window)
    groups, counts = np.unique(found.distance * 2 * len(RELATIONS) + found.relation, return_counts=True)
    return Neighbors(
        node_of(view, start),
        tuple(
            Group(int(group) // (2 * len(RELATIONS)), _read(int(group) % (2 * len(RELATIONS))), int(count))
            for group, count in zip(groups, counts, strict=True)
        ),
        len(found.node),
        max(0, len(found.node) - window.offset - len(chosen)),
        tuple(_neighbors(view, found, chosen)),
    )


def _around(view: View, start: int, depth: int, wanted: Relations) -> _Found:
    graph, size = view.graph, len(view.nodes)
    seen = np.zeros(size, bool)
    seen[start] = True
    frontier = np.array([start])
    columns: list[tuple[Rows, ...]] = []
    width = 2 * len(RELATIONS)
    for distance in range(1, depth + 1):
        out, into = _matching(view, frontier, wanted)
        edges = np.concatenate([out, into])
        others = np.concatenate([graph.object[out], graph.subject[into]])
        kinds = graph.relation[edges] * 2
        kinds[len(out) :] += 1
        new = ~seen[others]
        edges, others, kinds = edges[new], others[new], kinds[new]
        if not len(edges):
            break
        columns.append((edges, others, np.full(len(edges), distance), others * width + kinds))
        frontier = distinct(others, size)
        seen[frontier] = True
    if not columns:
        none = np.empty(0, np.int64)
        return _Found(none, none, none, none.astype(np.float32), none, none)
    edges, others, distances, group = (np.concatenate(each) for each in zip(*columns, strict=True))
    _, first, of = np.unique(group, return_index=True, return_inverse=True)
    confidence = np.zeros(len(first), np.float32)
    np.maximum.at(confidence, of, graph.confidence[edges])
    order = np.argsort(of, kind="stable")
    return _Found(others[first], distances[first], group[first] % width, confidence, edges[order], of[order])


def _matching(view: View, nodes: Rows, wanted: Relations) -> tuple[Rows, Rows]:
    if not wanted.labels:
        return view.out(nodes, wanted.out), view.into(nodes, wanted.into)
    words = pa.array(sorted(wanted.labels))
    found = []
    for edges, relations in ((view.out(nodes), wanted.out), (view.into(nodes), wanted.into)):
        said = pc.is_in(pc.utf8_lower(view.graph.labels.take(pa.array(edges))), value_set=words)
        found.append(edges[said.to_numpy() | relations[view.graph.relation[edges]]])
    return found[0], found[1]


def _neighbors(view: View, found: _Found, chosen: Rows) -> list[Neighbor]:
    graph, answer = view.graph, []
    for node, place in zip(nodes_of(view, found.node[chosen]), chosen, strict=True):
        start, end = np.searchsorted(found.of, [place, place + 1])
        edges = found.edges[start:end]
        best = edges[np.lexsort((edges, -graph.confidence[edges]))[:1]]
        inverse = bool(found.relation[place] % 2)
        before = (graph.object if inverse else graph.subject)[best]
        cited, more = citations(view, edges)
        answer.append(
            Neighbor(
                int(found.distance[place]),
                _read(int(found.relation[place])),
                graph.labels[int(best[0])].as_py(),
                node,
                reference(view.strings("key", before)[0]),
                round(float(found.confidence[place]), 3),
                cited,
                more,
            )
        )
    return answer


def _read(relation: int) -> str:
    return relation_name(relation // 2, inverse=bool(relation % 2))


def _declared(word: str) -> tuple[str, str] | None:
    """Return the relation's name and from which side `word` reads it: name, inverse or both."""
    try:
        relation, inverse = load().relation(word)
    except KeyError:
        return None
    return relation.name, "both" if relation.inverse == relation.name else "inverse" if inverse else "name"


def _is_label(view: View, name: str) -> bool:
    said = pc.utf8_lower(pc.unique(view.graph.labels.filter(pa.array(view.edges))))
    return name.casefold() in said.to_pylist()


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to an issue: a commit, a page or another issue that speaks of it."""

    when: datetime | None
    relation: str  # as the issue reads it: mentioned_in, linked_from, blocked_by
    node: Node
    citations: tuple[Citation, ...]
    more_citations: int
    files: tuple[Node, ...]  # of a commit: those that it modifies, the most connected first
    more_files: int
    symbols: tuple[Node, ...]  # that those files define, the most connected first
    more_symbols: int


@dataclass(frozen=True, slots=True)
class History:
    """What happened to an issue, in order of time."""

    issue: Node
    total: int
    more: int
    items: tuple[Moment, ...]


def history(view: View, issue: str, window: Window = FIRST) -> History:
    """Return the commits, pages and issues that speak of an issue, with the files and symbols that they touch.

    :raises ConfigError: If it is no issue.
    """
    start = resolve_name(view, issue)
    if view.type_of(start) != "issue":
        raise ConfigError(f"{issue[:100]!r} is a {view.type_of(start)}. A history is told of an issue, such as SRE-42.")
    found = _around(view, start, 1, relations_of(view, ()))
    spoken = np.flatnonzero(view.graph.typed(("commit", "page", "issue", "file"))[found.node])
    times = pc.cast(view.graph.nodes["updated_at"].take(pa.array(found.node[spoken])), pa.int64())
    when = pc.fill_null(times, np.iinfo(np.int64).max).to_numpy()
    chosen = spoken[windowed(view, found.node[spoken], (when, found.relation[spoken]), window)]
    items = tuple(_moment(view, neighbor, int(found.node[place])) for neighbor, place in zip(
        _neighbors(view, found, chosen), chosen, strict=True
    ))  # fmt: skip
    return History(node_of(view, start), len(spoken), max(0, len(spoken) - window.offset - len(items)), items)


def _moment(view: View, neighbor: Neighbor, row: int) -> Moment:
    files: Rows = np.empty(0, np.int64)
    symbols: Rows = files
    if neighbor.node.type == "commit":
        files = _central(view, view.graph.object[view.out(np.array([row]), of_relations("modifies"))])
        symbols = _defined(view, files[:_MOST_OF_A_COMMIT])
    return Moment(
        neighbor.node.updated_at,
        neighbor.relation,
        neighbor.node,
        neighbor.citations,
        neighbor.more_citations,
        tuple(nodes_of(view, files[:_FEW])),
        max(0, len(files) - _FEW),
        tuple(nodes_of(view, symbols[:_FEW])),
        max(0, len(symbols) - _FEW),
    )


def _defined(view: View, files: Rows) -> Rows:
    """Return the symbols that these files define, those within other symbols too."""
    found, above = [np.empty(0, np.int64)], files
    seen = np.zeros(len(view.nodes), bool)
    while len(above):
        below = np.unique(view.graph.object[view.out(above, of_relations("defines"))])
        above = below[~seen[below]]
        seen[above] = True
        found.append(above)
    symbols = np.concatenate(found)
    return _central(view, symbols[view.graph.typed(SYMBOLS)[symbols]])


def _central(view: View, nodes: Rows) -> Rows:
    nodes = np.unique(nodes)
    ordered: Rows = nodes[np.lexsort((nodes, -view.degree[nodes]))]
    return ordered
