"""The picture is stable, tells communities apart, and shows what there is room for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.ontology.layout import LEVELS, Layout, Links, Nodes, arrange, levels, shown


def nodes_of(rows: Sequence[tuple[str, str, int]]) -> Nodes:
    """Return nodes of ids, types and parents; a node's name is its id."""
    ids, types, parents = zip(*rows, strict=True) if rows else ((), (), ())
    return Nodes(
        np.array(ids, dtype=object), np.array(ids, dtype=object), np.array(types, dtype=object), np.array(parents, int)
    )


def links_of(rows: Sequence[tuple[int, ...]]) -> Links:
    """Return links of source, target, relation (0) and weight (1)."""
    full = [(*row, *(0, 1)[len(row) - 2 :]) for row in rows]
    source, target, relation, weight = zip(*full, strict=True) if full else ((), (), (), ())
    return Links(np.array(source, int), np.array(target, int), np.array(weight, float), np.array(relation, int))


def organisation(count: int, seed: int = 1) -> tuple[Nodes, Links]:
    """Return repositories of directories, files and functions, people among them, and links mostly near by."""
    chance = random.Random(seed)
    rows: list[tuple[str, str, int]] = []
    places: dict[str, list[int]] = {"repository": [], "directory": [], "file": []}
    for number in range(count):
        kind = chance.choices(["repository", "directory", "file", "function", "person"], [1, 6, 30, 60, 4])[0]
        kind = kind if places["repository"] else "repository"
        above = {
            "directory": places["repository"] + places["directory"],
            "file": places["directory"] or places["repository"],
            "function": places["file"],
        }.get(kind, [])
        if kind == "function" and not above:
            kind, above = "file", places["repository"]
        rows.append((f"{kind}:{number}", kind, chance.choice(above) if above else -1))
        places.setdefault(kind, []).append(number)
    links = [(max(0, min(count - 1, int(chance.gauss(a, 40)))), a) for a in range(count) for _ in range(3)]
    return nodes_of(rows), links_of([(a, b) for a, b in links if a != b])


def picked(nodes: Nodes, links: Links, kept: np.ndarray) -> tuple[Nodes, Links]:
    """Return the graph of some nodes, in that order."""
    index = np.full(len(nodes) + 1, -1)
    index[kept] = np.arange(len(kept))
    both = (index[links.source] >= 0) & (index[links.target] >= 0)
    return (
        Nodes(nodes.ids[kept], nodes.names[kept], nodes.types[kept], index[nodes.parents[kept]]),
        Links(index[links.source[both]], index[links.target[both]], links.weight[both], links.relation[both]),
    )


def without_some(nodes: Nodes, links: Links, share: float, seed: int) -> np.ndarray:
    """Return the indices that are left when some nodes that hold no others have gone."""
    holds = np.isin(np.arange(len(nodes)), nodes.parents)
    gone = np.random.default_rng(seed).choice(np.flatnonzero(~holds), int(len(nodes) * share), replace=False)
    return np.setdiff1d(np.arange(len(nodes)), gone)


@pytest.mark.parametrize("count", [1, 2, 12, 400])
def test_the_order_of_rows_changes_no_bit(count: int) -> None:
    nodes, links = organisation(count)
    order = np.random.default_rng(1).permutation(count)
    shuffled, fewer = picked(nodes, links, order)
    mixed = np.random.default_rng(2).permutation(len(fewer))
    first = arrange(nodes, links)
    second = arrange(
        shuffled, Links(fewer.source[mixed], fewer.target[mixed], fewer.weight[mixed], fewer.relation[mixed])
    )
    for column in ("x", "y", "community", "centrality", "size"):
        assert getattr(first, column)[order].tobytes() == getattr(second, column).tobytes(), column
    assert first.communities == second.communities


def test_what_others_do_with_chance_changes_nothing_and_is_not_changed() -> None:
    graph = organisation(200)
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first = arrange(*graph)
    assert random.random() == expected
    assert arrange(*graph).community.tobytes() == first.community.tobytes()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_small_change_moves_little(seed: int) -> None:
    nodes, links = organisation(5_000, seed)
    kept = without_some(nodes, links, 0.01, seed)
    before, after = arrange(nodes, links), arrange(*picked(nodes, links, kept))
    moved = np.hypot(before.x[kept] - after.x, before.y[kept] - after.y) / np.ptp(before.x)
    assert np.median(moved) < 0.02
    assert np.percentile(moved, 95) < 0.10


@pytest.mark.parametrize("count", [12, 1_500, 5_000])
def test_dots_do_not_pile_up(count: int) -> None:
    layout = arrange(*organisation(count))
    place = np.stack([layout.x, layout.y], axis=1)
    apart = np.array([np.partition(np.hypot(*(place - one).T), 1)[1] for one in place])
    assert np.median(apart) > 1.5  # a leaf has a radius of 1
    assert np.percentile(apart, 1) > 0.3


def test_what_a_node_holds_lies_together() -> None:
    nodes, links = organisation(2_000)
    layout = arrange(nodes, links)
    held = nodes.parents >= 0
    to_parent = np.hypot(layout.x[held] - layout.x[nodes.parents[held]], layout.y[held] - layout.y[nodes.parents[held]])
    other = np.random.default_rng(1).permutation(len(nodes))[: held.sum()]
    to_any = np.hypot(layout.x[held] - layout.x[other], layout.y[held] - layout.y[other])
    assert np.median(to_parent) < np.median(to_any) / 3


def test_somebody_who_works_in_one_repository_stands_in_it() -> None:
    rows = [("r:a", "repository", -1), ("r:b", "repository", -1)]
    rows += [(f"f:{side}{i}", "file", side) for side in (0, 1) for i in range(30)]
    links = [(len(rows), 2 + i) for i in range(5)]
    layout = arrange(nodes_of([*rows, ("person:ada", "person", -1)]), links_of(links))
    to = [np.hypot(layout.x[-1] - layout.x[side], layout.y[-1] - layout.y[side]) for side in (0, 1)]
    assert to[0] < to[1]


def two_cliques() -> tuple[Nodes, Links]:
    """Return five files of one repository and four of another, each group linked among itself; a link between."""
    rows = [("r:a", "repository", -1), ("r:b", "repository", -1)]
    rows += [(f"a{i}", "file", 0) for i in range(5)] + [(f"b{i}", "file", 1) for i in range(4)]
    groups = (range(2, 7), range(7, 11))
    links = [(i, j, 0, 5) for group in groups for i in group for j in group if i < j]
    return nodes_of(rows), links_of([*links, (2, 7)])


def test_communities_are_numbered_by_size_and_named_by_partition_and_centre() -> None:
    nodes, links = two_cliques()
    layout = arrange(nodes, links)
    assert layout.community.tolist() == [0, 1, *[0] * 5, *[1] * 4]
    assert [(each.id, each.size) for each in layout.communities] == [(0, 6), (1, 5)]
    assert layout.communities[0].name.startswith("r:a: a")
    assert layout.communities[1].name.startswith("r:b: b")


def test_what_many_link_to_is_central_and_large() -> None:
    rows = [(f"f{i}", "file", -1) for i in range(20)]
    layout = arrange(nodes_of(rows), links_of([(i, 7) for i in range(20) if i != 7]))
    assert layout.centrality.argmax() == layout.size.argmax() == 7
    assert layout.centrality.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("rows", [[], [("a", "file", -1)], [("a", "file", -1), ("b", "file", 0)]])
def test_the_smallest_graphs_have_a_picture(rows: list[tuple[str, str, int]]) -> None:
    layout = arrange(nodes_of(rows), links_of([]))
    assert len(layout.x) == len(rows)
    assert np.isfinite(layout.x).all()


def test_a_deep_chain_and_a_wide_directory_have_a_picture() -> None:
    chain = [("r", "repository", -1)] + [(f"d{i}", "directory", i) for i in range(3_000)]
    wide = [(f"f{i}", "file", 0) for i in range(3_000)]
    layout = arrange(nodes_of([*chain, *wide]), links_of([(1, 2), (5, 4_000)]))
    assert np.isfinite(layout.x).all()
    assert np.ptp(layout.x) < 1_000


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([("a", "file", -1), ("a", "file", -1)], "'a' stands twice"),
        ([("a", "page", 1), ("b", "page", 0)], "ring"),
        ([("a", "page", 0)], "ring"),
    ],
)
def test_a_graph_that_cannot_be_is_refused(rows: list[tuple[str, str, int]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        arrange(nodes_of(rows), links_of([]))
    with pytest.raises(ValueError, match=complaint):
        shown(nodes_of(rows), links_of([]))


LADDER = [
    ("o", "organisation", -1),
    ("r", "repository", 0),
    ("d", "directory", 1),
    ("f", "file", 2),
    ("m", "method", 3),
    ("ada", "person", -1),
    ("s", "space", 0),
    ("p", "page", 6),
    ("q", "page", 7),
]


def test_levels_go_from_the_organisation_to_symbols() -> None:
    found = {row[0]: LEVELS[level] for row, level in zip(LADDER, levels(nodes_of(LADDER)), strict=True)}
    assert found == {
        "o": "organisation",
        "r": "partitions",
        "s": "partitions",
        "d": "trees",
        "p": "trees",  # it has a page below it
        "q": "documents",
        "f": "documents",
        "ada": "documents",
        "m": "symbols",
    }


def test_a_file_with_functions_is_a_document() -> None:
    assert levels(nodes_of([("f", "file", -1), ("g", "function", 0)])).tolist() == [3, 4]


def test_all_is_shown_where_there_is_room() -> None:
    nodes, links = organisation(300)
    all_ = shown(nodes, links)
    assert (all_.omitted_nodes, all_.omitted_links) == (0, 0)
    assert sorted(all_.kept.tolist()) == list(range(300))
    assert (nodes.ids[all_.kept] == all_.nodes.ids).all()


def test_whole_levels_are_shown_from_the_top_then_the_most_central() -> None:
    rows = [("r", "repository", -1), *((f"f{i}", "file", 0) for i in range(6)), ("m", "method", 1)]
    some = shown(nodes_of(rows), links_of([(1, 4), (2, 4), (3, 4), (1, 5), (2, 5)]), most=3)
    assert set(some.nodes.ids) == {"r", "f3", "f4"}
    assert some.omitted_nodes == 5


def test_links_are_lifted_to_what_is_shown_and_merged_by_relation() -> None:
    rows = [("a", "repository", -1), ("b", "repository", -1)]
    rows += [(f"a{i}", "file", 0) for i in range(3)] + [(f"b{i}", "file", 1) for i in range(3)] + [("p", "person", -1)]
    given_links = [(2, 5, 0, 1.5), (3, 6, 0, 2), (4, 7, 1), (2, 3), (8, 2)]
    some = shown(nodes_of(rows), links_of(given_links), most=2)
    assert list(zip(some.links.source, some.links.target, some.links.relation, some.links.weight, strict=True)) == [
        (0, 1, 0, 3.5),
        (0, 1, 1, 1),
    ]
    assert some.drawn.tolist() == [0, 0, 1, -1, -1]  # inside of one repository, and from somebody not shown
    assert some.omitted_links == 2


def test_parents_lead_to_the_nearest_node_that_is_shown() -> None:
    rows = [("r", "repository", -1), ("f", "file", 0), ("c", "class", 1), ("m", "method", 2), ("n", "function", 1)]
    some = shown(nodes_of(rows), links_of([(4, 3), (2, 3)]), most=3)
    assert some.nodes.ids.tolist() == ["f", "m", "r"]
    assert some.nodes.parents.tolist() == [2, 0, -1]


def test_of_too_many_links_each_node_keeps_its_strongest() -> None:
    rows = [(f"f{i}", "file", -1) for i in range(5)]
    given_links = [(0, 1, 0, 9), (0, 2, 0, 8), (0, 3, 0, 7), (1, 2, 0, 6), (2, 3, 0, 5), (4, 0, 0, 1)]
    some = shown(nodes_of(rows), links_of(given_links), most_links=4)
    assert sorted(some.links.weight) == [1, 7, 8, 9]
    assert some.omitted_links == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["repository", "directory", "file", "class", "person"]), st.integers(0, 9)),
        max_size=30,
    ),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29), st.integers(0, 2)), max_size=60),
    st.integers(0, 30),
    st.integers(0, 40),
)
def test_whatever_is_given_is_shown_or_counted(
    kinds: list[tuple[str, int]], ends: list[tuple[int, int, int]], most: int, most_links: int
) -> None:
    nodes = nodes_of([(f"{i:02}", kind, min(up, i) - 1) for i, (kind, up) in enumerate(kinds)])
    links = links_of([end for end in ends if max(end[:2]) < len(kinds)])
    some = shown(nodes, links, most, most_links)
    assert len(some.nodes) == min(most, len(kinds)) == len(kinds) - some.omitted_nodes
    assert len(some.links) <= most_links
    drawn = some.drawn[some.drawn >= 0]
    assert len(drawn) == len(links) - some.omitted_links
    assert set(drawn.tolist()) == set(range(len(some.links)))
    assert some.links.weight.sum() == pytest.approx(links.weight[some.drawn >= 0].sum())
    assert all(some.links.source != some.links.target)
    layout = arrange(some.nodes, some.links)
    assert_sound(layout, len(some.nodes))


def assert_sound(layout: Layout, count: int) -> None:
    """Check what every picture must have."""
    for column in (layout.x, layout.y, layout.centrality, layout.size):
        assert column.shape == (count,)
        assert np.isfinite(column).all()
    assert [each.id for each in layout.communities] == list(range(len(layout.communities)))
    assert [each.size for each in layout.communities] == np.bincount(layout.community).tolist()
    assert all(one.size >= other.size for one, other in pairwise(layout.communities))
