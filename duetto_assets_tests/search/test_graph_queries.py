"""Answers are what a slow and simple program says, each with the documents that say so."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.errors import ConfigError
from duetto_assets.search.graph import RELATIONS, View
from duetto_assets.search.graph_answers import Window
from duetto_assets.search.graph_impact import impact
from duetto_assets.search.graph_names import AmbiguousName, UnknownName
from duetto_assets.search.graph_path import path
from duetto_assets.search.graph_queries import history, neighbors
from duetto_assets.search.graph_who import who
from duetto_assets.store.index import Index
from duetto_assets_tests.search.graphs import Drawing, organisation, seen

DEPENDS = {each.name for each in RELATIONS if each.depends}
ANN = ("ann@x.org",)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return seen(organisation(tmp_path_factory.mktemp("index"))[0])


def said(citations: Any) -> list[str]:
    return [f"{each.partition}:{each.doc_id}:{each.line}" for each in citations]


# Neighbours


def test_neighbours_are_read_from_the_entity_and_cite_their_documents(view: View) -> None:
    answer = neighbors(view, "acme/api:src/util.py")
    found = {(each.relation, each.node.ref): each for each in answer.items}
    imported = found["imported_by", "acme/api:src/app.py"]
    assert said(imported.citations) == ["acme/api:src/app.py:3"]
    assert imported.citations[0].url == "https://x.org/acme/api/src/app.py"
    assert ("defines", "acme/api:src/util.py#retry") in found
    assert {(each.relation, each.count) for each in answer.groups} == {
        ("contained_in", 1), ("defines", 1), ("imported_by", 1), ("modified_by", 3),
    }  # fmt: skip
    assert answer.total == 6


@pytest.mark.parametrize("words", ["blocked_by", "is blocked by", "Blocked-By", "blocked by"])
def test_a_relation_is_named_by_its_name_its_inverse_or_its_words(tmp_path: Path, words: str) -> None:
    index, _ = organisation(tmp_path)
    answer = neighbors(seen(index, *ANN), "SRE-42", relations=[words])
    assert [(each.relation, each.label, each.node.ref) for each in answer.items] == [("blocked_by", "blocks", "SRE-43")]
    assert neighbors(seen(index, *ANN), "SRE-42", relations=["blocks"]).total == 0  # that is the other way round


def test_a_label_of_the_source_selects_too(view: View) -> None:
    answer = neighbors(view, "acme/web:pyproject.toml", relations=["dev"])
    assert [each.node.ref for each in answer.items] == ["package:pypi/acme-api"]


def test_an_unknown_relation_lists_those_there_are(view: View) -> None:
    with pytest.raises(ConfigError, match=r"no relation 'eats'.*imports \(imported_by\)"):
        neighbors(view, "SRE-42", relations=["eats"])


def test_depth_reaches_further_and_says_by_which_way(view: View) -> None:
    answer = neighbors(view, "acme/web:src/app.py#WebApp", depth=2, relations=["inherits", "defined_in"])
    assert [(each.distance, each.relation, each.node.ref, each.via) for each in answer.items] == [
        (1, "defined_in", "acme/web:src/app.py", "acme/web:src/app.py#WebApp"),
        (1, "inherits", "acme/api:src/app.py#App", "acme/web:src/app.py#WebApp"),
        (2, "defined_in", "acme/api:src/app.py", "acme/api:src/app.py#App"),
    ]


def test_pages_of_neighbours_are_the_whole_in_order(view: View) -> None:
    whole = neighbors(view, "acme/api", depth=3, window=Window(1_000)).items
    for size in (1, 2, 5):
        pages = [
            neighbors(view, "acme/api", depth=3, window=Window(size, start)) for start in range(0, len(whole), size)
        ]
        assert tuple(each for page in pages for each in page.items) == whole
        assert [page.more for page in pages] == [max(0, len(whole) - size * (n + 1)) for n in range(len(pages))]
    assert neighbors(view, "acme/api", window=Window(5, 9_999)).items == ()


def test_several_documents_of_one_edge_are_cited_and_counted(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    documents = [drawing.document(f"d{number}") for number in range(5)]
    drawing.node("file", "repos:acme/api:a", documents[0])
    drawing.node("file", "repos:acme/api:b", documents[0])
    for number, each in enumerate(documents):
        drawing.edge("repos:acme/api:a", "imports", "repos:acme/api:b", each, 0.5 + number / 10)
    drawing.write(index)
    (item,) = neighbors(seen(index), "acme/api:a").items
    assert [each.doc_id for each in item.citations] == ["d4", "d3", "d2"]
    assert (item.more_citations, item.confidence) == (2, 0.9)


# Paths


def test_a_path_is_read_along_its_way(view: View) -> None:
    found = path(view, "SRE-42", "acme/web:src/util.py")
    assert found is not None
    assert [(step.relation, step.node.ref) for step in found.steps][-1] == ("imported_by", "acme/web:src/util.py")
    assert all(step.citations for step in found.steps)


def test_a_path_avoids_containers_unless_there_is_no_other(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    document = drawing.document("d")
    drawing.node("repository", "repos:r", document)
    for name in "abc":
        drawing.node("file", f"repos:r:{name}", document)
        drawing.edge("repos:r", "contains", f"repos:r:{name}", document)
    drawing.edge("repos:r:a", "imports", "repos:r:b", document)
    drawing.edge("repos:r:b", "imports", "repos:r:c", document)
    drawing.node("file", "repos:r:lonely", document)
    drawing.edge("repos:r", "contains", "repos:r:lonely", document)
    drawing.node("file", "repos:r:apart", document)
    drawing.write(index)
    view = seen(index)
    assert [step.node.name for step in steps(view, "r:a", "r:c")] == ["r:b", "r:c"]
    assert [step.node.name for step in steps(view, "r:a", "r:lonely")] == ["r", "r:lonely"]
    assert path(view, "r:a", "r:apart") is None
    assert steps(view, "r:a", "r:a") == ()


def steps(view: View, start: str, end: str) -> Any:
    found = path(view, start, end)
    assert found is not None
    return found.steps


def test_of_equally_short_paths_the_most_certain_is_told(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    document = drawing.document("d")
    for name in "abcdef":
        drawing.node("file", f"repos:r:{name}", document)
    for subject, object_, confidence in ("ab", "bf", 0.5), ("ac", "cf", 0.9), ("ad", "df", 0.6):
        drawing.edge(f"repos:r:{subject[0]}", "imports", f"repos:r:{subject[1]}", document, confidence)
        drawing.edge(f"repos:r:{object_[0]}", "imports", f"repos:r:{object_[1]}", document, confidence)
    drawing.write(index)
    assert [step.node.name for step in steps(seen(index), "r:a", "r:f")] == ["r:c", "r:f"]
    assert [step.relation for step in steps(seen(index), "r:f", "r:a")] == ["imported_by", "imported_by"]


Edge = tuple[int, int, str, float]
GRAPHS = st.integers(2, 12).flatmap(
    lambda size: st.tuples(
        st.lists(st.sampled_from(["function", "file", "repository", "label"]), min_size=size, max_size=size),
        st.lists(
            st.tuples(
                st.integers(0, size - 1), st.integers(0, size - 1),
                st.sampled_from(["calls", "imports", "inherits", "defines", "mentions", "contains", "produces"]),
                st.sampled_from([0.25, 0.5, 1.0]),
            ),
            max_size=24,
        ),
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index(str(tmp_path_factory.mktemp("scratch")))


def drawn(index: Index, types: list[str], edges: list[Edge]) -> View:
    drawing = Drawing()
    document = drawing.document("d")
    for number, type_ in enumerate(types):
        drawing.node(type_, f"repos:n{number}", document, source="", partition="")
    for subject, object_, relation, confidence in edges:
        drawing.edge(f"repos:n{subject}", relation, f"repos:n{object_}", document, confidence)
    drawing.write(index)
    return seen(index)


@settings(max_examples=60, deadline=None)
@given(made=GRAPHS)
def test_a_path_is_as_short_as_networkx_says(scratch: Index, made: tuple[list[str], list[Edge]]) -> None:
    types, edges = made
    view = drawn(scratch, types, edges)
    whole: Any = nx.Graph()
    whole.add_nodes_from(range(len(types)))
    whole.add_edges_from((a, b) for a, b, _, _ in edges)
    telling = [n for n, type_ in enumerate(types) if type_ not in ("repository", "label")]
    for start in (0, 1):
        inner = whole.subgraph({*telling, start, len(types) - 1})
        found = path(view, f"n{start}", f"n{len(types) - 1}")
        lengths = [length_of(graph, start, len(types) - 1) for graph in (inner, whole)]
        assert (None if found is None else len(found.steps)) == next(
            (each for each in lengths if each is not None), None
        )
        if found is not None:
            way = [start, *(int(step.node.ref[1:]) for step in found.steps)]
            assert all(whole.has_edge(a, b) for a, b in pairwise(way))


def length_of(graph: Any, start: int, end: int) -> int | None:
    try:
        return int(nx.shortest_path_length(graph, start, end))
    except nx.NetworkXNoPath:
        return None


# Impact


def naive_impact(
    types: list[str], edges: list[Edge], start: int, depth: int, least: float
) -> dict[int, tuple[int, float]]:
    parts = {start}
    while more := {b for a, b, r, _ in edges if r in ("contains", "defines") and a in parts} - parts:
        parts |= more
    if types[start] in ("repository", "file"):
        # All lie in one partition, without paths: its manifests are the files that produce, else the repositories.
        makers = [(a, b) for a, b, r, _ in edges if r == "produces"]
        parts |= {b for a, b in makers if types[a] == "file"} or {b for _, b in makers}
    found = dict.fromkeys(parts, (0, 1.0))
    for distance in range(1, depth + 1):
        ways: dict[int, float] = {}
        for subject, object_, relation, confidence in edges:
            if relation in DEPENDS:
                before, after = object_, subject
            elif relation == "produces" and types[subject] == "repository":
                before, after = subject, object_
            else:
                continue
            if before in found and found[before][0] == distance - 1 and after not in found and confidence >= least:
                ways[after] = max(ways.get(after, 0), min(found[before][1], confidence))
        found |= {node: (distance, confidence) for node, confidence in ways.items()}
    return {node: each for node, each in found.items() if each[0]}


@settings(max_examples=80, deadline=None)
@given(made=GRAPHS, depth=st.integers(1, 6), least=st.sampled_from([0.0, 0.5, 1.0]))
def test_impact_is_what_a_naive_program_finds(
    scratch: Index, made: tuple[list[str], list[Edge]], depth: int, least: float
) -> None:
    types, edges = made
    answer = impact(drawn(scratch, types, edges), "n0", depth, least, Window(1_000))
    found = {int(each.node.ref[1:]): (each.distance, each.confidence) for each in answer.items}
    assert found == naive_impact(types, edges, 0, depth, least)
    order = [(each.distance, -each.confidence, each.node.key) for each in answer.items]
    assert order == sorted(order)
    assert sum(each.count for each in answer.repositories) == answer.total == len(found)


def test_what_depends_through_a_guess_is_no_more_certain_than_the_guess(scratch: Index) -> None:
    edges = [(1, 0, "calls", 0.5), (2, 1, "calls", 1.0), (3, 2, "calls", 0.25)]
    answer = impact(drawn(scratch, ["function"] * 4, edges), "n0")
    assert [(each.distance, each.confidence) for each in answer.items] == [(1, 0.5), (2, 0.5), (3, 0.25)]


def test_impact_crosses_repositories_through_packages_and_symbols(view: View) -> None:
    answer = impact(view, "acme/api:src/util.py")
    found = {each.node.ref: each for each in answer.items}
    importing = found["acme/web:src/app.py"]
    assert (importing.distance, importing.relation, importing.on) == (1, "imports", "package:pypi/acme-api")
    assert said(importing.citations) == ["acme/web:src/app.py:1"]
    calling = found["acme/api:src/app.py#App.route"]
    assert (calling.relation, calling.on, calling.confidence) == ("calls", "acme/api:src/util.py#retry", 0.6)
    assert "acme/web" in found
    assert found["acme/web:src/util.py"].distance == 2
    assert {each.partition: each.count for each in answer.repositories} == {"acme/api": 2, "acme/web": 4}


def test_impact_of_a_symbol_is_what_names_that_symbol(view: View) -> None:
    assert [each.node.ref for each in impact(view, "acme/api:retry").items] == ["acme/api:src/app.py#App.route"]
    assert [each.node.ref for each in impact(view, "App").items] == ["acme/web:src/app.py#WebApp"]
    assert impact(view, "acme/api:retry", min_confidence=0.7).total == 0


def test_impact_of_a_package_is_that_of_what_makes_it(view: View) -> None:
    refs = {each.node.ref for each in impact(view, "pypi/acme-api").items}
    assert {"acme/web", "acme/web:src/app.py", "acme/web:src/app.py#WebApp"} <= refs
    assert not [ref for ref in refs if ref.startswith("acme/api")]


def test_in_a_repository_of_several_packages_a_file_belongs_to_the_nearest_manifest(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    document, other = drawing.document("d"), drawing.document("d", "acme/user")
    drawing.node("repository", "repos:acme/api", document)
    for name in ("one", "two"):
        drawing.node("directory", f"repos:acme/api:{name}/", document, path=name)
        drawing.node("package", f"package:npm/{name}", document)
        drawing.node("file", f"repos:acme/user:{name}.js", other)
        for file in ("package.json", "index.js"):
            drawing.node("file", f"repos:acme/api:{name}/{file}", document, path=f"{name}/{file}")
            drawing.edge(f"repos:acme/api:{name}/", "contains", f"repos:acme/api:{name}/{file}", document)
        drawing.edge("repos:acme/api", "contains", f"repos:acme/api:{name}/", document)
        for maker in ("repos:acme/api", f"repos:acme/api:{name}/package.json"):
            drawing.edge(maker, "produces", f"package:npm/{name}", document)
        drawing.edge(f"repos:acme/user:{name}.js", "imports", f"package:npm/{name}", other)
    drawing.write(index)
    view = seen(index)
    for start in ("acme/api:one/index.js", "acme/api:one/", "npm/one"):
        assert [each.node.ref for each in impact(view, start).items] == ["acme/user:one.js"]
    assert impact(view, "acme/api").total == 2


# Who


def test_people_are_ranked_by_what_they_did_with_evidence(view: View) -> None:
    answer = who(view, "acme/api:src/util.py")
    assert [each.node.name for each in answer.items] == ["Bob Jones", "Ann Smith", "renovate[bot]"]
    bob, ann, bot = answer.items
    assert {(each.kind, each.count) for each in bob.evidence} == {("owns", 1), ("committed", 1)}
    assert bob.score == 4.0
    assert 0 < ann.score < 0.5  # one commit, 400 days older than the newest
    assert ann.citations[0].doc_id.startswith("//commit/")
    assert bot.bot
    assert bot.score > ann.score  # and stands after all people nevertheless


@pytest.mark.parametrize("name", ["acme/api:src/", "acme/api:retry", "pypi/acme-api", "acme/api"])
def test_what_holds_or_lies_in_a_file_has_its_people(view: View, name: str) -> None:
    assert {"Bob Jones", "Ann Smith"} <= {each.node.name for each in who(view, name).items}


def test_an_issue_has_who_does_it_reported_it_and_fixed_it(view: View) -> None:
    found = {each.node.name: {(e.kind, e.count) for e in each.evidence} for each in who(view, "SRE-42").items}
    assert found["Ann Smith"] == {("assigned", 1), ("committed", 1)}
    assert found["Bob Jones"] == {("reported", 1), ("committed", 1), ("mentioned", 1)}


def test_a_topic_in_free_words_finds_people_by_names_and_titles(view: View) -> None:
    answer = who(view, "retries storm")
    assert answer.entity is None
    assert "Ann Smith" in [each.node.name for each in answer.items]
    assert who(view, "Retries").items
    with pytest.raises(UnknownName):
        who(view, "quantum chromodynamics")
    with pytest.raises(UnknownName):
        who(view, "etries storms")  # a word begins so, it does not end so


@pytest.mark.parametrize("topic", ["(((", "\\Q", "[a-", "\0", " ", ".*", "é" * 600])
def test_a_hostile_topic_is_refused_in_words(view: View, topic: str) -> None:
    with pytest.raises((UnknownName, AmbiguousName)):
        who(view, topic)


def test_an_ambiguous_path_lists_candidates_and_an_ambiguous_word_is_a_topic(view: View) -> None:
    with pytest.raises(AmbiguousName):
        who(view, "src/util.py")
    assert who(view, "retry").entity is None


# History


def test_a_history_is_told_in_order_of_time_with_files_and_symbols(view: View) -> None:
    answer = history(view, "sre-42")
    assert [(each.node.type, each.relation) for each in answer.items] == [
        ("commit", "mentioned_in"), ("page", "mentioned_in"), ("commit", "mentioned_in"), ("commit", "mentioned_in"),
    ]  # fmt: skip
    first = answer.items[0]
    assert [each.ref for each in first.files] == ["acme/api:src/util.py"]
    assert [each.ref for each in first.symbols] == ["acme/api:src/util.py#retry"]
    assert first.citations[0].doc_id == "//commit/" + "a" * 39 + "1"


def test_a_history_is_of_an_issue(view: View) -> None:
    with pytest.raises(ConfigError, match=r"is a repository\. A history is told of an issue"):
        history(view, "acme/api")
