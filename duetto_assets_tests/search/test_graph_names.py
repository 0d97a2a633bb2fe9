"""Entities have the names that people give them; what is ambiguous or unknown is said with what could be meant."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.search.graph import View
from duetto_assets.search.graph_answers import nodes_of
from duetto_assets.search.graph_names import AmbiguousName, UnknownName, resolve_name
from duetto_assets.search.graph_overview import entities
from duetto_assets.store.index import Index
from duetto_assets_tests.search.graphs import Drawing, organisation, seen


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return seen(organisation(tmp_path_factory.mktemp("index"))[0])


def key_of(view: View, name: str) -> str:
    return view.strings("key", [resolve_name(view, name)])[0]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("acme/api:src/app.py", "repos:acme/api:src/app.py"),
        ("  acme/api:src/app.py ", "repos:acme/api:src/app.py"),
        ("repos:acme/api:src/app.py", "repos:acme/api:src/app.py"),
        ("acme/api:src/", "repos:acme/api:src/"),
        ("acme/api:src", "repos:acme/api:src/"),
        ("acme/api", "repos:acme/api"),
        ("api", "repos:acme/api"),
        ("ACME/API", "repos:acme/api"),
        ("SRE-42", "jira:SRE-42"),
        ("sre-42", "jira:SRE-42"),
        ("SRE", "jira:SRE"),
        ("App.route", "repos:acme/api:src/app.py#App.route"),
        ("app.route", "repos:acme/api:src/app.py#App.route"),
        ("route", "repos:acme/api:src/app.py#App.route"),
        ("src.app.App.route", "repos:acme/api:src/app.py#App.route"),
        ("app.App.route", "repos:acme/api:src/app.py#App.route"),
        ("acme/api:App.route", "repos:acme/api:src/app.py#App.route"),
        ("acme/web:retry", "repos:acme/web:src/util.py#retry"),
        ("acme/web:util.py", "repos:acme/web:src/util.py"),
        ("acme/api:src/app.py#App", "repos:acme/api:src/app.py#App"),
        ("b" * 7, "repos:acme/api@" + "b" * 40),
        ("acme/api@" + "B" * 12, "repos:acme/api@" + "b" * 40),
        ("ann@x.org", "email:ann@x.org"),
        ("Ann@X.org", "email:ann@x.org"),
        ("Ann Smith", "email:ann@x.org"),
        ("login:github/ann", "email:ann@x.org"),
        ("pypi/acme-api", "package:pypi/acme-api"),
        ("acme-api", "package:pypi/acme-api"),
        ("ACME-API", "package:pypi/acme-api"),
        ("Runbook", "page:12345"),
        ("ENG/Runbook", "page:12345"),
        ("eng/runbook", "page:12345"),
        ("ENG", "confluence:ENG"),
        ("page:12345", "page:12345"),
        ("https://x.org/wiki/spaces/ENG/pages/12345/Runbook", "page:12345"),
        ("https://x.org/wiki/spaces/ENG/pages/12345/Renamed+since", "page:12345"),
        ("https://x.org/browse/sre-42?focused=1", "jira:SRE-42"),
    ],
)
def test_an_entity_is_found_by_what_people_call_it(view: View, name: str, key: str) -> None:
    assert key_of(view, name) == key


@pytest.mark.parametrize(
    ("name", "refs"),
    [
        ("src/app.py", ["acme/api:src/app.py", "acme/web:src/app.py"]),
        ("retry", ["acme/api:src/util.py#retry", "acme/web:src/util.py#retry"]),
        ("aaaaaaa", ["acme/api@" + "a" * 39 + "1", "acme/api@" + "a" * 39 + "2"]),
    ],
)
def test_an_ambiguous_name_lists_candidates_that_each_name_one(view: View, name: str, refs: list[str]) -> None:
    with pytest.raises(AmbiguousName, match="names 2 entities") as caught:
        resolve_name(view, name)
    assert sorted(each.ref for each in caught.value.candidates) == refs
    for each in caught.value.candidates:
        assert each.ref in str(caught.value)
        assert key_of(view, each.ref) == each.key


def test_every_reference_names_its_entity_alone(view: View) -> None:
    for row, node in enumerate(nodes_of(view, range(len(view.nodes)))):
        if view.nodes[row]:
            assert resolve_name(view, node.ref) == row


def test_candidates_are_sorted_by_kind_and_importance_and_cut_at_twenty(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    said = drawing.document("a")
    for number in range(30):
        drawing.node("function", f"repos:acme/api:f{number:02}.py#run", said, "run")
        drawing.node("function", f"repos:acme/api:f{number:02}.py#other", said, "other")
    for number in range(3):
        drawing.edge(f"repos:acme/api:f{number:02}.py#other", "calls", "repos:acme/api:f29.py#run", said)
    drawing.node("page", "page:7", said, "run", title="run")
    drawing.write(index)
    with pytest.raises(AmbiguousName, match="names 31 entities") as caught:
        resolve_name(seen(index), "run")
    refs = [each.ref for each in caught.value.candidates]
    assert len(refs) == 20
    assert refs[:2] == ["page:7", "acme/api:f29.py#run"]
    assert "… and 11 more" in str(caught.value)


def test_a_definition_comes_before_a_package_of_its_name(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    said = drawing.document("a")
    drawing.node("class", "repos:acme/api:a#flask", said, "flask")
    drawing.node("package", "package:pypi/flask", said, "pypi/flask")
    drawing.node("label", "label:flask", said, "flask")
    drawing.edge("repos:acme/api:a#flask", "inherits", "package:pypi/flask", said)
    drawing.write(index)
    assert key_of(seen(index), "flask") == "repos:acme/api:a#flask"
    assert key_of(seen(index), "pypi/flask") == "package:pypi/flask"


def test_where_a_repository_and_an_issue_share_a_name_both_are_listed_by_key(tmp_path: Path) -> None:
    drawing, index = Drawing(), Index(str(tmp_path))
    said = drawing.document("a")
    drawing.node("issue", "jira:X-1", said)
    drawing.node("file", "repos:X-1", said)
    drawing.write(index)
    with pytest.raises(AmbiguousName) as caught:
        resolve_name(seen(index), "X-1")
    assert {each.ref for each in caught.value.candidates} == {"jira:X-1", "repos:X-1"}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("App.rout", "acme/api:src/app.py#App.route"),
        ("Runbok", "page:12345"),
        ("SRE-4", "SRE-42"),
        ("acme/api:src/utils.py", "acme/api:src/util.py"),
        ("acme/api:retri", "acme/api:src/util.py#retry"),
    ],
)
def test_an_unknown_name_suggests_near_ones(view: View, name: str, near: str) -> None:
    with pytest.raises(UnknownName, match="Nothing in the graph is named") as caught:
        resolve_name(view, name)
    assert near in [each.ref for each in caught.value.suggestions]


HOSTILE = ["", " ", "\0", "a\0b", "\n", "(((((", "[", "\\E", "%", "'", "*" * 50, "../..", "a" * 10_000, "\udcff", "#"]
HOSTILE += [":", "@", "/", "..", "https://[", "http://", "https://x.org/%zz", "acme/api:", ":src", "ENG/", "\u202eevil"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_unknown_and_nothing_worse(view: View, name: str) -> None:
    with pytest.raises((UnknownName, AmbiguousName)):
        resolve_name(view, name)
    entities(view, name)


@settings(max_examples=150, deadline=None)
@given(name=st.text(max_size=20) | st.text(alphabet="acme/api:src#@.-_ \\[](){}*+?^$|", max_size=12))
def test_any_text_names_something_or_is_refused_in_words(view: View, name: str) -> None:
    with contextlib.suppress(UnknownName, AmbiguousName):
        resolve_name(view, name)


def test_completion_has_names_that_begin_so_first_and_pages_of_them(view: View) -> None:
    found = entities(view, "sre")
    assert [each.ref for each in found.items[:2]] == ["SRE-42", "jira:SRE"]
    assert found.total == len(found.items)
    named = [each.ref for each in entities(view, "app.py").items]
    assert sorted(named[:2]) == ["acme/api:src/app.py", "acme/web:src/app.py"]  # then what is in them
