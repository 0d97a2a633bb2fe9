"""The ontology as it is declared, and what it lets be stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from duetto_assets.model import Fact
from duetto_assets.ontology import vocabulary
from duetto_assets.ontology.vocabulary import load
from duetto_assets_tests.ontology.organisations import commit, file, graph_of, issue, page, said_of

EVERYTHING = [
    file("README.md", "The [guide](docs/guide.md) explains `helper()`. See SRE-1 and <https://acme.example/browse/SRE-2>.\n"),
    file("docs/guide.md", "# Guide\n"),
    file("CODEOWNERS", "* @acme/platform\n/docs/ @ann\n"),
    file("pyproject.toml", '[project]\nname = "acme-api"\ndependencies = ["flask"]\n'),
    file("lib/a.py", "import os\n\n\nclass Base:\n    def run(self):\n        helper()\n\n\ndef helper():\n    pass\n"),
    file("lib/b.py", "from lib.a import Base, helper\n\n\nclass Child(Base):\n    pass\n\n\nhelper()\n"),
    file("src/Api.java", "package acme;\ninterface Api {}\nenum Kind { ONE }\nclass Made implements Api {}\n"),
    file("src/lib.rs", "pub trait Seen {}\npub struct Thing {}\npub type Alias = Thing;\nmod inner {}\n"),
    commit("c0ffee1", "Mend SRE-1", ["lib/a.py"]),
    issue(
        "SRE-1", "words",
        Fact("blocks", "issue", "SRE-2"), Fact("duplicates", "issue", "SRE-2"), Fact("clones", "issue", "SRE-2"),
        Fact("causes", "issue", "SRE-2"), Fact("relates_to", "issue", "SRE-2"), Fact("labelled", "label", "incident"),
        Fact("assigned_to", "person", "account:ann", "Ann"), Fact("reported_by", "person", "account:ben", "Ben"),
        Fact("same_as", "person", "email:ann@example.org", "Ann", subject="account:ann"),
    ),
    issue("SRE-2", "words", Fact("child_of", "issue", "SRE-1")),
    page("1", "Home", "words"),
    page("2", "Runbook", "words", Fact("child_of", "page", "1"), Fact("commented_on_by", "person", "account:b", "Ben")),
]  # fmt: skip


def test_every_concrete_type_has_entities_and_every_relation_is_said_by_some_document() -> None:
    _, relations, _ = said_of(EVERYTHING)
    graph = graph_of(*EVERYTHING)
    assert set(relations["type"].to_pylist()) == set(load().relations)
    assert {node["type"] for node in graph.nodes.values()} == load().concrete("thing")


def test_every_relation_but_the_merging_one_becomes_an_edge() -> None:
    assert {type_ for _, type_, _ in graph_of(*EVERYTHING).edges} == load().relations.keys() - {"same_as"}


def test_every_type_and_relation_says_what_it_means() -> None:
    declared = [*load().types.values(), *load().relations.values()]
    assert all(each.meaning.endswith(".") for each in declared)
    assert all(each.domain and each.range and each.inverse for each in load().relations.values())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["file"], {"file"}),
        (["container"], {"repository", "space", "project"}),
        (["callable"], {"function", "method"}),
        (["symbol"], {"module", "class", "interface", "trait", "struct", "enum", "alias", "function", "method"}),
        (["callable", "label"], {"function", "method", "label"}),
        (["agent"], {"person", "team"}),
        ([], set()),
    ],
)
def test_a_type_stands_for_all_narrower_ones_that_have_entities(names: list[str], expected: set[str]) -> None:
    assert load().concrete(*names) == expected


def test_a_relation_is_found_by_its_name_and_by_its_inverse() -> None:
    assert load().relation("blocks") == (load().relations["blocks"], False)
    assert load().relation("blocked_by") == (load().relations["blocks"], True)
    assert load().relation("same_as") == (load().relations["same_as"], False)
    with pytest.raises(KeyError):
        load().relation("admires")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (("blocks", "issue", "issue"), ""),
        (("blocks", "issue", ""), ""),
        (("mentions", "commit", "method"), ""),
        (("admires", "issue", "issue"), "there is no relation 'admires'"),
        (("blocked_by", "issue", "issue"), "there is no relation 'blocked_by'"),
        (("blocks", "page", "issue"), "blocks: its subject cannot be a page"),
        (("blocks", "", "issue"), "blocks: its subject cannot be a "),
        (("blocks", "issue", "page"), "blocks: its object cannot be a page"),
        (("mentions", "document", "issue"), "mentions: its subject cannot be a document"),
        (("mentions", "issue", "thing"), "mentions: its object cannot be a thing"),
        (("calls", "file", "unheard-of"), "calls: its object cannot be a unheard-of"),
    ],
)
def test_what_may_not_be_stored_is_told(said: tuple[str, str, str], problem: str) -> None:
    assert load().problem(*said) == problem


_TYPES = '[types.thing]\nabstract = true\nmeaning = "m"\n[types.file]\nis = "thing"\nmeaning = "m"\n'
_RELATION = '[relations.{}]\ninverse = "{}"\ndomain = ["{}"]\nrange = ["file"]\nmeaning = "m"\n'


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the file that is read in place of the declaration."""
    monkeypatch.setattr(vocabulary, "files", lambda _package: tmp_path)
    load.cache_clear()
    yield tmp_path / "ontology.toml"
    load.cache_clear()


def test_a_declaration_is_read(declare: Path) -> None:
    declare.write_text(_TYPES + _RELATION.format("reads", "read_by", "file") + "depends = true\n")
    (relation,) = load().relations.values()
    assert (relation.name, relation.inverse, relation.depends) == ("reads", "read_by", True)
    assert not load().problem("reads", "file", "file")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (_RELATION.format("reads", "read_by", "book"), "no type book is declared"),
        (_RELATION.format("reads", "read_by", "file").replace('["file"]\nm', '["shelf"]\nm'), "no type shelf"),
        ('[types.part]\nis = "whole"\nmeaning = "m"\n[relations]\n', "no type whole is declared"),
        (
            _RELATION.format("reads", "done_by", "file") + _RELATION.format("writes", "done_by", "file"),
            "done_by names two relations",
        ),
        (
            _RELATION.format("reads", "writes", "file") + _RELATION.format("writes", "written_by", "file"),
            "writes names two relations",
        ),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(declare: Path, declared: str, message: str) -> None:
    declare.write_text(_TYPES + declared)
    with pytest.raises(ValueError, match=message):
        load()
