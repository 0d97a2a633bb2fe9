"""What leaves the house is clean, small enough, and the same each time."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.errors import ConfigError
from duetto_assets.ontology import picture
from duetto_assets.ontology.layout import Links, Nodes, arrange, shown
from duetto_assets.ontology.picture import PLACEHOLDER, Citation, Entity, Relation, node_link, page

TEMPLATE = (
    f'<!doctype html><title>t</title><script id="graph" type="application/json">{PLACEHOLDER}</script><p>after</p>'
)
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "&lt;&amp;",
    "\"quotes\" and 'quotes' and \\ and `",
    "line\u2028and\u2029separators",
    "ünï©ode 🜁 漢字",
]


def graph_of(
    title: str = "app.py",
    url: str = "https://github.example/acme/api",
    label: str = "",
    documents: tuple[Citation, ...] = (),
    confidence: float = 1.0,
) -> dict[str, Any]:
    """Return the picture of a repository and its file, which imports a package."""
    nodes = Nodes(
        np.array(["file:api:app.py", "repository:api", "package:flask"], dtype=object),
        np.array([title, "api", "flask"], dtype=object),
        np.array(["file", "repository", "package"], dtype=object),
        np.array([1, -1, -1]),
    )
    links = Links(np.array([0, 1]), np.array([2, 0]), np.array([2.0, 1.0]), np.array([0, 1]))
    some = shown(nodes, links)
    entities = [
        Entity(title, "github", "acme/api", url, "src/app.py", 7),
        Entity("flask"),
        Entity("api", "github", "acme/api"),
    ]
    relations = [Relation("imports", label, confidence, documents), Relation("contains")]
    return node_link("acme", some, arrange(some.nodes, some.links), entities, relations)


class Scripts(HTMLParser):
    """Finds what a browser takes for the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script"
        if self.inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data


def test_a_graph_reads_as_d3_reads_it() -> None:
    graph = graph_of(documents=(Citation("app.py", "https://github.example/acme/api/app.py"),), confidence=0.7)
    assert (graph["directed"], graph["multigraph"], graph["organisation"]) == (True, True, "acme")
    file, package, repository = graph["nodes"]
    assert {key: file[key] for key in ("id", "type", "name", "parent", "level", "path", "line", "url")} == {
        "id": "file:api:app.py",
        "type": "file",
        "name": "app.py",
        "parent": "repository:api",
        "level": 3,
        "path": "src/app.py",
        "line": 7,
        "url": "https://github.example/acme/api",
    }
    assert (repository["parent"], package["line"]) == (None, None)
    imports, contains = graph["links"]
    assert imports == {
        "source": "file:api:app.py",
        "target": "package:flask",
        "type": "imports",
        "label": "",
        "weight": 2.0,
        "confidence": 0.7,
        "documents": [{"title": "app.py", "url": "https://github.example/acme/api/app.py"}],
    }
    assert (contains["source"], contains["target"]) == ("repository:api", "file:api:app.py")
    assert graph["omitted"] == {"nodes": 0, "links": 0}


def test_types_and_relations_have_counts_and_meanings_in_the_order_of_the_ontology() -> None:
    graph = graph_of()
    assert list(graph["types"]) == ["repository", "file", "package"]
    assert list(graph["relations"]) == ["contains", "imports"]
    assert graph["types"]["file"]["count"] == 1
    assert graph["types"]["file"]["meaning"].startswith("A file of a repository")
    assert graph["relations"]["imports"]["inverse"] == "imported_by"
    assert sum(each["size"] for each in graph["communities"]) == 3


def test_three_documents_are_cited() -> None:
    graph = graph_of(documents=tuple(Citation(f"d{i}", f"https://a.example/{i}") for i in range(9)))
    assert [each["title"] for each in graph["links"][0]["documents"]] == ["d0", "d1", "d2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_inside_of_its_script(text: str) -> None:
    html = page(graph_of(title=text, label=text, documents=(Citation(text),)), TEMPLATE)
    (script,) = Scripts(html).found
    assert html.endswith("</script><p>after</p>")
    assert not re.search(r"[<>&\u2028\u2029]", script)
    assert json.loads(script)["nodes"][0]["title"] == text


@given(st.text(max_size=40))
def test_any_text_comes_back_from_the_page(text: str) -> None:
    graph = graph_of(title=text)
    (script,) = Scripts(page(graph, TEMPLATE)).found
    assert json.loads(script) == graph


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b", "a b"),
        ("a\r\n\tb", "a b"),
        ("exe.\u202egpj", "exe. gpj"),  # would read as exe.jpg
        ("\u2066a\u2069", "a"),
        ("half \ud83d", "half"),
        (" padded ", "padded"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
        ("y" * 10_000_000, "y" * 299 + "…"),
    ],
)
def test_titles_are_cleaned_and_cut(text: str, expected: str) -> None:
    graph = graph_of(title=text)
    assert (graph["nodes"][0]["title"], graph["nodes"][0]["name"]) == (expected, expected)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://wiki.example/x?y=1#z", True),
        ("http://127.0.0.1:8000/", True),
        ("HTTPS://wiki.example/", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("//wiki.example/", False),
        ("https://", False),
        ("https://[::1", False),
        ("https://a b/", False),
        ("https://wiki.example/" + "x" * 3_000, False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(url: str, kept: bool) -> None:
    graph = graph_of(url=url, documents=(Citation("d", url),))
    assert graph["nodes"][0]["url"] == (url if kept else "")
    assert graph["links"][0]["documents"][0]["url"] == (url if kept else "")


def test_the_same_graph_gives_the_same_bytes_in_ascii() -> None:
    first, second = (page(graph_of(title="ünï"), TEMPLATE) for _ in range(2))
    assert first.encode("ascii") == second.encode("ascii")


@pytest.mark.parametrize("template", ["<p>", PLACEHOLDER * 2])
def test_a_template_without_one_place_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="places for the graph"):
        page(graph_of(), template)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        page(graph_of() | {"omitted": float("nan")}, TEMPLATE)


def test_an_empty_graph_has_a_picture() -> None:
    none = np.zeros(0, int)
    some = shown(Nodes(*(np.zeros(0, object) for _ in range(3)), none), Links(none, none, np.zeros(0), none))
    graph = node_link("acme", some, arrange(some.nodes, some.links), [], [])
    assert (graph["nodes"], graph["links"], graph["types"]) == ([], [], {})


def test_a_page_that_was_not_built_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(picture, "files", lambda _: tmp_path)
    with pytest.raises(ConfigError, match=r"npm ci && node build\.mjs"):
        picture.template()
