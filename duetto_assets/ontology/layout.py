"""Where each node of the graph stands in the picture, its community, its centrality; and which there is room for.

Pure functions of arrays. The same graph gives the same picture to the bit, in whatever order its rows come. Each node
starts at a place that only its id decides, inside the disc of its parent, and a fixed number of damped steps moves it
from there: so a small change of the graph moves little. Nothing here knows of pages, colours or files.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

import igraph
import numpy as np
from numpy.typing import NDArray

from duetto_assets.ontology.vocabulary import load

LEVELS = ("organisation", "partitions", "trees", "documents", "symbols")
"""Levels of detail, from the top. What has no place in the hierarchy (people, packages, labels) is with documents."""

_ORGANISATION, _PARTITION, _TREE, _DOCUMENT, _SYMBOL = range(len(LEVELS))
_SEED = 1
_STEPS = 80  # more move the picture of 20,000 nodes no further than the eye sees
_DRAWS = 20
_DRAWN = 0.7  # how far links draw a member from where it started
_FILLED = 0.75  # share of a disc that its members fill; equal discs cannot fill more than 0.9
_DOT = 1.0  # radius round a node's own dot that is kept free of others
_DEEPEST = 5  # levels of discs in discs; each wastes space
_GROWTH = 2.0**0.125  # discs grow in such factors, so that one more member mostly changes no other disc


@dataclass(frozen=True)
class Nodes:
    """Nodes in any order. All arrays have the same length."""

    ids: NDArray[np.object_]  # stable and unique: they alone decide where a node starts
    names: NDArray[np.object_]
    types: NDArray[np.object_]  # of the ontology, or "organisation"
    parents: NDArray[np.int64]  # index of the node that holds it; -1 for none

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Links:
    """Relations between nodes, in any order. Several may join the same two."""

    source: NDArray[np.int64]  # index of a node
    target: NDArray[np.int64]
    weight: NDArray[np.float64]  # above 0
    relation: NDArray[np.int64]  # a number for each relation type: only links of one type are ever merged

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Community:
    """Nodes that have more links among them than chance would give."""

    id: int
    name: str
    size: int


@dataclass(frozen=True)
class Layout:
    """One value for each node, in the order that the nodes came in."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    community: NDArray[np.int32]  # `communities[i].id` is i
    centrality: NDArray[np.float32]  # PageRank; its sum is 1
    size: NDArray[np.float32]  # of the dot; from 1 up
    communities: tuple[Community, ...]  # the largest first


@dataclass(frozen=True)
class Shown:
    """What there is room for, and how much was left out."""

    nodes: Nodes
    links: Links
    kept: NDArray[np.int64]  # for each shown node, its index in what was given
    drawn: NDArray[np.int64]  # for each given link, the shown link that stands for it; -1 for none
    omitted_nodes: int
    omitted_links: int  # given links that no shown link stands for


def levels(nodes: Nodes) -> NDArray[np.int8]:
    """Return the level of detail of each node, as an index of `LEVELS`."""
    vocabulary = load()
    of_type = dict.fromkeys(vocabulary.concrete("container"), _PARTITION)
    of_type |= dict.fromkeys(vocabulary.concrete("symbol"), _SYMBOL)
    of_type |= {"organisation": _ORGANISATION, "directory": _TREE}
    level = np.fromiter((of_type.get(kind, _DOCUMENT) for kind in nodes.types), np.int8, len(nodes))
    inner = nodes.parents[(level == _DOCUMENT) & (nodes.parents >= 0)]
    tree = np.zeros(len(nodes), bool)
    tree[inner] = True
    level[tree & (level == _DOCUMENT)] = _TREE  # a page with pages below it is a branch of the page tree
    return level


def arrange(nodes: Nodes, links: Links) -> Layout:
    """Return the picture of a graph.

    :param nodes: Up to some ten thousand; see `shown`.
    :raises ValueError: If an id stands twice, or parents form a ring.
    """
    order, _, nodes, links = _canonical(nodes, links)
    centrality = _centrality(len(nodes), links)
    community, communities = _communities(nodes, links, centrality)
    place = _places(nodes, links)
    back = np.argsort(order)
    return Layout(
        place.real[back].astype(np.float32),
        place.imag[back].astype(np.float32),
        community[back].astype(np.int32),
        centrality[back].astype(np.float32),
        _sizes(nodes, centrality)[back].astype(np.float32),
        communities,
    )


def shown(nodes: Nodes, links: Links, most: int = 20_000, most_links: int = 60_000) -> Shown:
    """Return the part of a graph that there is room for.

    Whole levels of detail from the top as long as they fit, then the most central nodes of the next. A link of a node
    without room becomes one of the nearest node above it that has; links of one type that then join the same two are
    one. Of too many links each node keeps its strongest, and the strongest of the others follow.

    :raises ValueError: If an id stands twice, or parents form a ring.
    """
    order, link_order, nodes, links = _canonical(nodes, links)
    has_room = _with_room(nodes, links, most)
    above = _nearest(nodes.parents, has_room)
    source, target = above[links.source], above[links.target]
    seen = np.flatnonzero((source >= 0) & (target >= 0) & (source != target))
    joined = np.stack([source[seen], target[seen], links.relation[seen]])
    (source, target, relation), merged = np.unique(joined, axis=1, return_inverse=True)
    merged = merged.ravel()
    weight = _sums(merged, links.weight[seen], source.size)
    room = _strongest(source, target, weight, most_links)
    number = np.full(source.size, -1)
    number[room] = np.arange(room.size)
    drawn = np.full(len(links), -1)
    drawn[link_order[seen]] = number[merged]
    kept = np.flatnonzero(has_room)
    index = np.full(len(nodes) + 1, -1)  # the last is for no node at all, which is -1
    index[kept] = np.arange(kept.size)
    parents = index[np.append(above, -1)[nodes.parents[kept]]]
    return Shown(
        Nodes(nodes.ids[kept], nodes.names[kept], nodes.types[kept], parents),
        Links(index[source[room]], index[target[room]], weight[room], relation[room]),
        order[kept],
        drawn,
        len(nodes) - kept.size,
        int((drawn < 0).sum()),
    )


def _canonical(nodes: Nodes, links: Links) -> tuple[NDArray[np.int64], NDArray[np.int64], Nodes, Links]:
    """Return both in the one order that ids give, and for each row of them its index in what was given."""
    order = np.argsort(nodes.ids, kind="stable")
    ids = nodes.ids[order]
    if (same := np.flatnonzero(ids[1:] == ids[:-1])).size:
        raise ValueError(f"the id {ids[same[0]]!r} stands twice")
    rank = np.empty(len(nodes) + 1, np.int64)
    rank[order] = np.arange(len(nodes))
    rank[-1] = -1  # the parent of roots
    source, target = rank[links.source], rank[links.target]
    link_order = np.lexsort((links.weight, links.relation, target, source))
    ordered = Links(source[link_order], target[link_order], links.weight[link_order], links.relation[link_order])
    return order, link_order, Nodes(ids, nodes.names[order], nodes.types[order], rank[nodes.parents[order]]), ordered


def _sums(index: NDArray[np.int64], value: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the sum of the values at each index."""
    return np.bincount(index, value, count).astype(np.float64)


def _depths(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many nodes stand above each."""
    depth = (parents >= 0).astype(np.int64)
    jump = parents.copy()
    for _ in range(len(parents).bit_length() + 1):  # each round doubles how far `jump` reaches
        far = np.flatnonzero(jump >= 0)
        if not far.size:
            return depth
        depth[far] += depth[jump[far]]
        jump[far] = jump[jump[far]]
    raise ValueError("parents form a ring")


def _centrality(count: int, links: Links) -> NDArray[np.float64]:
    if not count:
        return np.zeros(0)
    graph = igraph.Graph(count, np.stack([links.source, links.target], axis=1), directed=True)
    return np.asarray(graph.pagerank(weights=links.weight.tolist()))


def _communities(
    nodes: Nodes, links: Links, centrality: NDArray[np.float64]
) -> tuple[NDArray[np.int64], tuple[Community, ...]]:
    """Return each node's community by the Leiden algorithm, and the communities, the largest first."""
    if not len(nodes):
        return np.zeros(0, np.int64), ()
    held = np.flatnonzero(nodes.parents >= 0)
    pairs = np.concatenate([_pairs(links.source, links.target), _pairs(held, nodes.parents[held])], axis=1)
    joined, number = np.unique(pairs, axis=1, return_inverse=True)
    weights = np.bincount(number.ravel(), np.concatenate([links.weight, np.ones(held.size)]), joined.shape[1])
    graph = igraph.Graph(len(nodes), joined.T)
    igraph.set_random_number_generator(random.Random(_SEED))  # noqa: S311 - the same picture each time is the point
    try:
        found = graph.community_leiden("modularity", weights=np.log1p(weights).tolist(), n_iterations=4)
    finally:
        igraph.set_random_number_generator(random)
    member = np.asarray(found.membership)
    size = np.bincount(member)
    first = np.full(size.size, len(nodes))
    np.minimum.at(first, member, np.arange(len(nodes)))
    rank = np.argsort(np.lexsort((first, -size)))
    community = rank[member]
    return community, _named(nodes, community, centrality)


def _pairs(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([np.minimum(one, other), np.maximum(one, other)])


def _named(nodes: Nodes, community: NDArray[np.int64], centrality: NDArray[np.float64]) -> tuple[Community, ...]:
    """Return the communities, named by the partition that most of their nodes are of and their most central node."""
    top = _nearest(nodes.parents, levels(nodes) == _PARTITION)
    size = np.bincount(community)
    (groups, tops), count = np.unique(np.stack([community, top]), axis=1, return_counts=True)
    first = np.lexsort((tops, -count, tops < 0, groups))
    dominant = tops[first[np.searchsorted(groups[first], np.arange(size.size))]]
    central = np.lexsort((np.arange(len(nodes)), -centrality, community))
    central = central[np.searchsorted(community[central], np.arange(size.size))]
    return tuple(
        Community(number, _community_name(nodes, int(dominant[number]), int(central[number])), int(size[number]))
        for number in range(size.size)
    )


def _community_name(nodes: Nodes, partition: int, central: int) -> str:
    name = str(nodes.names[central])
    return name if partition in {-1, central} else f"{nodes.names[partition]}: {name}"


def _nearest(parents: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each node itself or the nearest node above it that is wanted; -1 for none."""
    _depths(parents)  # a ring would keep the loop below busy for ever
    found = np.where(wanted, np.arange(len(parents)), parents)
    while (open_ := np.flatnonzero((found >= 0) & ~wanted[found])).size:
        found[open_] = found[found[open_]]
    return found


def _sizes(nodes: Nodes, centrality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how large dots are: by what they hold, and by how central they are."""
    held = np.ones(len(nodes))
    depth = _depths(nodes.parents)
    for deep in _by_depth(depth):
        inner = deep[nodes.parents[deep] >= 0]
        np.add.at(held, nodes.parents[inner], held[inner])
    most = float(centrality.max(initial=1e-12))
    size: NDArray[np.float64] = 1 + 0.5 * np.log2(held) + 4 * np.sqrt(centrality / most)
    return size


def _by_depth(depth: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of all nodes of one depth, the deepest first."""
    order = np.argsort(-depth, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(depth[order])) + 1)


def _with_room(nodes: Nodes, links: Links, most: int) -> NDArray[np.bool_]:
    level = levels(nodes)
    upto = np.cumsum(np.bincount(level, minlength=len(LEVELS)))
    whole = int((upto <= most).sum())  # levels below this number fit
    has_room = level < whole
    if whole < len(LEVELS):
        next_ = np.flatnonzero(level == whole)
        central = np.lexsort((next_, -_centrality(len(nodes), links)[next_]))
        has_room[next_[central[: most - int(has_room.sum())]]] = True
    return has_room


def _strongest(
    source: NDArray[np.int64], target: NDArray[np.int64], weight: NDArray[np.float64], most: int
) -> NDArray[np.int64]:
    """Return the links to draw, in their order."""
    if weight.size <= most:
        return np.arange(weight.size)
    order = np.argsort(-weight, kind="stable")
    _, first = np.unique(np.stack([source[order], target[order]], axis=1), return_index=True)  # of each node
    later = np.ones(weight.size, bool)
    later[first // 2] = False
    return np.sort(order[np.argsort(later, kind="stable")][:most])


def _places(nodes: Nodes, links: Links) -> NDArray[np.complex128]:
    """Return the place of each node's dot, as complex numbers: x + iy.

    Every node is a disc in the disc of its parent. How large a disc is follows from what it holds alone, not from how
    that came to lie: one more file in a directory moves what is in the directory, and little else.
    """
    if not len(nodes):
        return np.zeros(0, np.complex128)
    parents, names = _discs(nodes, links)
    depth = _depths(parents)
    radius = _radii(parents, depth, len(nodes))
    discs = np.arange(len(parents) - 1)  # the outermost is in no other
    holders = np.unique(parents[:-1])
    holders = holders[holders < len(nodes)]
    group = np.concatenate([parents[:-1], holders])
    members = _Members(
        group,
        np.concatenate([radius[:-1], np.full(holders.size, _DOT)]),
        radius[group],
        np.array([*(_hashed(name) for name in names[:-1]), *((0.0, 0.0) for _ in holders)]),
        discs.size,
    )
    place = _settled(members, _sibling_links(parents, depth, links))
    dots = np.append(place[: discs.size], 0)
    for deep in reversed(list(_by_depth(depth))[:-1]):
        dots[deep] += dots[parents[deep]]
    dots[holders] += place[discs.size :]
    return dots[: len(nodes)]


def _discs(nodes: Nodes, links: Links) -> tuple[NDArray[np.int64], list[str]]:
    """Return the parents of nodes, then of islands, then of the outermost disc, which has none; and all their names."""
    parents = _housed(nodes, links)
    loose = _loose(parents)
    types, island = np.unique(nodes.types[loose].astype(str), return_inverse=True)
    outermost = len(nodes) + types.size
    parents = np.concatenate([_shallow(parents), np.full(types.size, outermost), [-1]])
    parents[:outermost][parents[:outermost] < 0] = outermost
    parents[loose] = len(nodes) + island
    return parents, [*nodes.ids, *(f"island\0{name}" for name in types), ""]


def _shallow(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return parents such that nothing lies deeper than `_DEEPEST`: discs in discs grow, and add nothing to see."""
    depth = _depths(parents)
    return np.where(depth > _DEEPEST, _nearest(parents, depth < _DEEPEST), parents)


def _hashed(name: str) -> tuple[float, float]:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big") / 2**32, int.from_bytes(digest[4:], "big") / 2**32


def _loose(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nodes that neither lie in another nor hold one: people, packages, labels."""
    inner = np.zeros(len(parents), bool)
    inner[parents[parents >= 0]] = True
    return np.flatnonzero((parents < 0) & ~inner)


def _housed(nodes: Nodes, links: Links) -> NDArray[np.int64]:
    """Return parents, with loose nodes put into the tree that most of their links lead to, if there is such a one."""
    parents = nodes.parents.copy()
    loose = np.zeros(len(nodes), bool)
    loose[_loose(parents)] = True
    root = _nearest(parents, parents < 0)
    ends = np.concatenate([np.stack([links.source, links.target]), np.stack([links.target, links.source])], axis=1)
    weight = np.concatenate([links.weight, links.weight])
    outward = loose[ends[0]] & ~loose[ends[1]]
    (node, tree), number = np.unique(np.stack([ends[0][outward], root[ends[1][outward]]]), axis=1, return_inverse=True)
    share = np.bincount(number.ravel(), weight[outward], node.size)
    total = np.bincount(ends[0], weight, len(nodes))
    most = share > total[node] / 2  # of one tree at most
    parents[node[most]] = tree[most]
    return parents


def _radii(parents: NDArray[np.int64], depth: NDArray[np.int64], dots: int) -> NDArray[np.float64]:
    """Return radii that leave each disc room for its members and, in the first `dots`, for the node's own dot."""
    area = np.zeros(len(parents))
    area[:dots] = _DOT**2
    largest, second = np.sqrt(area), np.zeros(len(parents))
    radius = np.full(len(parents), _DOT)
    for deep in list(_by_depth(depth))[:-1]:
        above = parents[deep]
        np.add.at(area, above, radius[deep] ** 2)
        for each in _two_largest(above, radius[deep]):
            one, size = above[each], radius[deep[each]]
            second[one] = np.maximum(second[one], np.minimum(size, largest[one]))
            largest[one] = np.maximum(largest[one], size)
        holds = np.unique(above)
        needed = np.maximum(np.sqrt(area[holds] / _FILLED), largest[holds] + second[holds])
        radius[holds] = _GROWTH ** np.ceil(np.log(needed) / np.log(_GROWTH) - 1e-9)
    return radius


def _two_largest(group: NDArray[np.int64], size: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Yield the index of the largest of each group, then of the second largest of each."""
    order = np.lexsort((-size, group))
    place = np.arange(order.size) - np.searchsorted(group[order], group[order])
    yield order[place == 0]
    yield order[place == 1]


def _sibling_links(parents: NDArray[np.int64], depth: NDArray[np.int64], links: Links) -> _Joined:
    """Return every link as one between the two members of one disc that hold its ends."""
    one, other = links.source.copy(), links.target.copy()
    while (apart := np.flatnonzero(parents[one] != parents[other])).size:
        deeper = depth[one[apart]] - depth[other[apart]]
        first, second = apart[deeper >= 0], apart[deeper <= 0]
        one[first], other[second] = parents[one[first]], parents[other[second]]
    differ = one != other  # an end inside of the other is at home already
    (one, other), number = np.unique(_pairs(one[differ], other[differ]), axis=1, return_inverse=True)
    return _Joined(one, other, np.log1p(np.bincount(number.ravel(), links.weight[differ], one.size)))


@dataclass(frozen=True)
class _Joined:
    """Members of one disc that belong near each other."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    weight: NDArray[np.float64]


@dataclass(frozen=True)
class _Members:
    """All that lies in a disc: discs, and the dot of each node that holds others."""

    group: NDArray[np.int64]  # the disc that it lies in
    radius: NDArray[np.float64]
    room: NDArray[np.float64]  # the radius of the disc that it lies in
    start: NDArray[np.float64]  # two numbers from 0 to 1, which decide where it begins
    discs: int  # these many are discs, the others are dots, which keep to the middle

    @property
    def mass(self) -> NDArray[np.float64]:
        heavy = self.radius**2
        heavy[self.discs :] = self.room[self.discs :] ** 2 / 4
        return heavy


def _settled(members: _Members, joined: _Joined) -> NDArray[np.complex128]:
    """Return places in each disc: linked members close to each other, and none over another."""
    limit = members.room - members.radius
    turn = np.exp(2j * np.pi * members.start[:, 0]) * np.sqrt(members.start[:, 1])
    place = _drawn_together(turn * limit, members, joined)
    mass = members.mass
    grids = list(_grids(members.group, members.radius))
    for _ in range(_STEPS):
        place = place + _parted(place, members, mass, grids)
        far = np.abs(place)
        place = np.where(far > limit, place * (limit / np.maximum(far, 1e-9)), place)
    return place


def _drawn_together(start: NDArray[np.complex128], members: _Members, joined: _Joined) -> NDArray[np.complex128]:
    """Return places between where each member started and where those are that it is linked with.

    Linear in all it is given, so that a small change stays one; among discs that push each other it would not.
    """
    one, other, weight = joined.one, joined.other, joined.weight
    total = np.bincount(one, weight, start.size) + np.bincount(other, weight, start.size)
    linked = total > 0
    place = start
    for _ in range(_DRAWS):
        pulled = _summed(one, weight * place[other], start.size) + _summed(other, weight * place[one], start.size)
        place = np.where(linked, (1 - _DRAWN) * start + _DRAWN * pulled / np.where(linked, total, 1), start)
    area = members.radius**2
    before = np.bincount(members.group, area * np.abs(start) ** 2)
    after = np.bincount(members.group, area * np.abs(place) ** 2)
    return place * np.sqrt(before / np.maximum(after, 1e-12))[members.group]


def _summed(index: NDArray[np.int64], value: NDArray[np.complex128], count: int) -> NDArray[np.complex128]:
    return np.bincount(index, value.real, count) + 1j * np.bincount(index, value.imag, count)


@dataclass(frozen=True)
class _Grid:
    """Members of about one size, and those of the same discs that are no larger."""

    cell: float  # two members further apart than this do not overlap
    large: NDArray[np.int64]
    small: NDArray[np.int64]


def _grids(group: NDArray[np.int64], radius: NDArray[np.float64]) -> Iterator[_Grid]:
    scale = np.floor(np.log2(radius)).astype(np.int64)
    for each in np.unique(scale):
        large = np.flatnonzero(scale == each)
        yield _Grid(2.0 ** (each + 2), large, np.flatnonzero((scale <= each) & np.isin(group, group[large])))


def _parted(
    place: NDArray[np.complex128], members: _Members, mass: NDArray[np.float64], grids: list[_Grid]
) -> NDArray[np.complex128]:
    """Return the moves that part members which overlap: the lighter of two moves more."""
    moves = np.zeros(place.size, np.complex128)
    radius = members.radius
    for grid in grids:
        one, other = _near(place, members.group, grid)
        gap = place[other] - place[one]
        length = np.abs(gap)
        overlap = radius[one] + radius[other] - length
        hit = np.flatnonzero(overlap > 0)
        one, other, gap, length, overlap = one[hit], other[hit], gap[hit], length[hit], overlap[hit]
        gap = np.where(length > 1e-9, gap / np.maximum(length, 1e-9), np.exp(1j * (one + other)))
        share = mass[other] / (mass[one] + mass[other])
        push = 0.5 * overlap * gap
        moves += _summed(other, push * (1 - share), place.size) - _summed(one, push * share, place.size)
    return moves


def _near(
    place: NDArray[np.complex128], group: NDArray[np.int64], grid: _Grid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of members of one disc that can overlap, each pair once."""
    column = np.floor(place.real / grid.cell).astype(np.int64)
    row = np.floor(place.imag / grid.cell).astype(np.int64)
    key = ((group << 20) + column << 20) + row + (1 << 39) + (1 << 19)
    cells = key[grid.large]
    order = np.argsort(cells, kind="stable")
    cells = cells[order]
    pairs = []
    for beside in (-1, 0, 1):
        around = key[grid.small] + (beside << 20)
        start, end = np.searchsorted(cells, around - 1), np.searchsorted(cells, around + 1, "right")
        count = end - start
        first = np.repeat(start - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
        pairs.append(np.stack([np.repeat(grid.small, count), grid.large[order[first]]]))
    one, other = np.concatenate(pairs, axis=1)
    equal = np.isin(one, grid.large)
    once = np.where(equal, one < other, True)
    return one[once], other[once]
