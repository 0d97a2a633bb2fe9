"""What only all files of a repository say together."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.model import Relation
from duetto_assets.ontology import repository
from duetto_assets.ontology.code.facts import LIKELY, Definition, Facts, Link
from duetto_assets.ontology.code.families import FAMILIES
from duetto_assets.ontology.repository import Extract, extract, link, owner_key
from duetto_assets.ontology.vocabulary import load
from duetto_assets_tests.ontology.organisations import API, commit, file, issue

KEY = f"repos:{API}"
KINDS = ["class", "interface", "trait", "struct", "enum", "alias", "function", "method", "module"]


class Told:
    """A family whose links are given."""

    languages = frozenset({"told"})
    version = "1"

    def __init__(self, *links: tuple[str, Link]) -> None:
        self.links = links

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        raise NotImplementedError

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        return self.links


def told(
    monkeypatch: pytest.MonkeyPatch, files: Mapping[str, list[tuple[str, str]]], *links: tuple[str, Link]
) -> list[Relation]:
    """Return the relations that links of made-up files become."""
    monkeypatch.setattr(repository, "FAMILIES", {"told": Told(*links)})
    extracts = {
        path: Extract(
            "told", json.dumps(Facts("told", tuple(Definition(name, kind, 1, 2) for name, kind in names)).as_json())
        )
        for path, names in files.items()
    }
    return [relation for _, relation in link(API, {*files, "data.txt"}, extracts)]


def linked(files: Mapping[str, str]) -> list[tuple[str, Relation]]:
    made = [file(path, text) for path, text in files.items()]
    extracts = {each.path: extract(each) for each in made}
    return list(link(API, set(files), {path: each for path, each in extracts.items() if each.family}))


FILES = {"a.x": [("A", "class"), ("A.run", "method"), ("go", "function")], "b.x": [("B", "class")]}


@pytest.mark.parametrize(
    ("said", "subject", "object_", "target"),
    [
        (Link("imports", "", path="b.x"), ("", "file"), ("b.x", "file"), ""),
        (Link("imports", "", path="data.txt"), ("", "file"), ("data.txt", "file"), ""),
        (Link("imports", "", path="lib"), ("", "file"), ("lib/", "directory"), ""),
        (Link("calls", "go", path="a.x", name="A.run"), ("#go", "function"), ("a.x#A.run", "method"), ""),
        (Link("calls", "", path="a.x", name="A"), ("", "file"), ("a.x#A", "class"), ""),
        (Link("calls", "lost", path="a.x", name="A"), ("", "file"), ("a.x#A", "class"), ""),
        (Link("inherits", "A", path="b.x", name="B"), ("#A", "class"), ("b.x#B", "class"), ""),
        (Link("inherits", "A", package="pypi/flask", written="flask.Flask"), ("#A", "class"), None, "flask.Flask"),
    ],
)
def test_a_link_is_a_relation_between_what_it_names(
    monkeypatch: pytest.MonkeyPatch, said: Link, subject: tuple[str, str], object_: tuple[str, str] | None, target: str
) -> None:
    (found,) = told(monkeypatch, FILES, ("a.x", said))
    assert (found.type, found.subject, found.subject_type) == (said.relation, f"{KEY}:a.x{subject[0]}", subject[1])
    expected = (f"{KEY}:{object_[0]}", object_[1]) if object_ else ("package:pypi/flask", "package")
    assert (found.object, found.object_type, found.target) == (*expected, target)


def test_of_a_name_that_is_defined_twice_the_first_definition_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a.x": [("A", "class"), ("A", "function")], "b.x": [("B", "class"), ("B", "function")]}
    (found,) = told(monkeypatch, files, ("a.x", Link("inherits", "A", path="b.x", name="B")))
    assert (found.subject_type, found.object_type) == ("class", "class")


def test_confidence_and_line_are_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Link("calls", "go", path="a.x", name="A", confidence=LIKELY, line=7)
    (found,) = told(monkeypatch, FILES, ("a.x", said))
    assert (found.confidence, found.line) == (LIKELY, 7)


@pytest.mark.parametrize(
    "said",
    [
        Link("imports", "", path=""),  # the repository itself
        Link("inherits", "go", path="b.x", name="B"),
        Link("inherits", "", path="b.x", name="B"),
        Link("inherits", "A", path="a.x", name="go"),
        Link("calls", "go", path="b.x"),
        Link("calls", "go", path="b.x", name="lost"),
        Link("calls", "go", path="lost.x", name="A"),
        Link("admires", "A", path="b.x", name="B"),
    ],
)
def test_a_link_that_the_ontology_does_not_allow_is_left_out(monkeypatch: pytest.MonkeyPatch, said: Link) -> None:
    assert told(monkeypatch, FILES, ("a.x", said)) == []


@given(
    relation=st.sampled_from(["imports", "inherits", "implements", "calls"]),
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    scope=st.sampled_from(["", "X", "lost"]),
    to=st.sampled_from(
        [{"path": ""}, {"path": "b.x"}, {"path": "b.x", "name": "Y"}, {"package": "npm/a", "written": "a"}]
    ),
)
def test_whatever_is_linked_is_allowed(
    relation: str, kinds: tuple[str, str], scope: str, to: Mapping[str, str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = told(patch, {"a.x": [("X", kinds[0])], "b.x": [("Y", kinds[1])]}, ("a.x", Link(relation, scope, **to)))
    assert not any(load().problem(each.type, each.subject_type, each.object_type) for each in found)


CODE = {
    "lib/__init__.py": "",
    "lib/a.py": "import os\n\n\nclass Base:\n    def run(self):\n        helper()\n\n\ndef helper():\n    pass\n",
    "lib/b.py": (
        "from lib.a import Base, helper\n\n\nclass Child(Base):\n    def own(self):\n        self.run()\n\n\nhelper()\n"
    ),
    "web/a.ts": "import { b } from './b';\nexport function run() { b(); }\n",
    "web/b.ts": "export function b() {}\n",
    ".github/CODEOWNERS": "* @acme/all\n/lib/ @ann docs@example.com\n/web/a.ts @Ben\n",
}


def test_code_and_owners_are_linked_across_files() -> None:
    found = {
        (path, each.type, each.subject.removeprefix(KEY), each.object.removeprefix(KEY)) for path, each in linked(CODE)
    }
    assert {
        ("lib/b.py", "inherits", ":lib/b.py#Child", ":lib/a.py#Base"),
        ("lib/b.py", "calls", ":lib/b.py#Child.own", ":lib/a.py#Base.run"),
        ("lib/b.py", "calls", ":lib/b.py", ":lib/a.py#helper"),
        ("lib/b.py", "imports", ":lib/b.py", ":lib/a.py"),
        ("lib/a.py", "imports", ":lib/a.py", "package:python/os"),
        ("web/a.ts", "imports", ":web/a.ts", ":web/b.ts"),
        ("web/a.ts", "calls", ":web/a.ts#run", ":web/b.ts#b"),
        (".github/CODEOWNERS", "owned_by", ":lib/", "login:github/ann"),
        (".github/CODEOWNERS", "owned_by", ":lib/", "email:docs@example.com"),
        (".github/CODEOWNERS", "owned_by", ":web/a.ts", "login:github/ben"),
        (".github/CODEOWNERS", "owned_by", ":web/b.ts", "team:acme/all"),
    } <= found
    assert not [each for each in found if each[1] == "imports" and each[3] == ":lib/a.py" and each[2] != ":lib/b.py"]


@pytest.mark.parametrize("seed", range(5))
def test_links_are_the_same_whatever_the_order_of_files(seed: int) -> None:
    order = list(CODE.items())
    random.Random(seed).shuffle(order)
    assert set(linked(dict(order))) == set(linked(CODE))


def test_a_repository_of_one_owner_is_owned_whole() -> None:
    ((_, found),) = linked({"CODEOWNERS": "* @acme/all\n", "a": "", "b/c": ""})
    assert (found.subject, found.subject_type, found.object_type, found.line) == (KEY, "repository", "team", 1)


def test_only_the_first_list_of_owners_counts() -> None:
    found = linked({"CODEOWNERS": "* @b\n", "docs/CODEOWNERS": "* @c\n"})
    assert {(path, each.object) for path, each in found} == {("CODEOWNERS", "login:github/b")}
    both = linked({".github/CODEOWNERS": "", "CODEOWNERS": "* @b\n"})
    assert both == []


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("@Ann", ("login:github/ann", "person")),
        ("@acme/platform", ("team:acme/platform", "team")),
        ("Docs@Example.com", ("email:docs@example.com", "person")),
    ],
)
def test_an_owner_is_a_person_or_a_team(owner: str, expected: tuple[str, str]) -> None:
    assert owner_key(owner) == expected


@pytest.mark.parametrize(
    "document",
    [
        commit("abc"),
        issue("SRE-1"),
        file("a.py", "x = 1\n", kind="skipped", skipped="too large"),
        file("README.md", "words"),
        file("elsewhere/CODEOWNERS", "* @ann\n"),
    ],
)
def test_what_is_no_code_and_names_no_owners_gives_nothing_to_link(document: object) -> None:
    assert extract(document) == Extract()  # type: ignore[arg-type]


def test_what_is_kept_of_a_file_is_what_was_read() -> None:
    made = extract(file("lib/a.py", CODE["lib/a.py"]))
    facts = FAMILIES["python"].extract(CODE["lib/a.py"], "lib/a.py", "python")
    assert made.family == "python"
    assert facts is not None
    assert made.code() == Facts.from_json(json.loads(json.dumps(facts.as_json())))
    assert extract(file("CODEOWNERS", "* @ann\n")).code() is None


def test_a_file_whose_parser_gives_up_has_nothing_to_link(monkeypatch: pytest.MonkeyPatch) -> None:
    class GivesUp(Told):
        def extract(self, text: str, path: str, language: str) -> Facts | None:
            return None

    monkeypatch.setattr(repository, "FAMILIES", {"python": GivesUp()})
    assert extract(file("a.py", "x = 1\n")) == Extract()
