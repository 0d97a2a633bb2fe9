"""What all families that resolve by scope and type promise, and the few lines that their own tests are written with."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.ontology.code.facts import CERTAIN, Facts, Family
from duetto_assets.ontology.code.go import Go
from duetto_assets.ontology.code.javascript import JavaScript
from duetto_assets.ontology.code.php import Php
from duetto_assets.ontology.code.ruby import Ruby
from duetto_assets.ontology.code.rust import Rust
from duetto_assets.ontology.code.scopes import words

LANGUAGES = {
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "jsx": "javascript",
    "ts": "typescript",
    "mts": "typescript",
    "cts": "typescript",
    "tsx": "tsx",
    "go": "go",
    "rs": "rust",
    "rb": "ruby",
    "php": "php",
}


def facts_of(family: Family, files: dict[str, str]) -> dict[str, Facts]:
    """Return the facts of files, as they come back from where they are kept."""
    kept = {}
    for path, text in files.items():
        facts = family.extract(text, path, LANGUAGES[path.rpartition(".")[2]])
        if facts is not None:
            kept[path] = Facts.from_json(json.loads(json.dumps(facts.as_json())))
            assert kept[path] == facts
    return kept


def defined(family: Family, path: str, text: str) -> list[str]:
    """Return a file's definitions, sorted, as "kind name first-last"."""
    facts = facts_of(family, {path: text})[path]
    return sorted(f"{one.kind} {one.name} {one.line}-{one.end_line}" for one in facts.definitions)


def said(family: Family, files: dict[str, str], *relations: str) -> set[str]:
    """Return links as "path scope relation object", with their confidence where they are not certain."""
    return {one for one in linked(family, facts_of(family, files)) if not relations or one.split(" ")[2] in relations}


def linked(family: Family, facts: dict[str, Facts]) -> list[str]:
    rows = []
    for path, link in family.link(facts):
        to = f"{link.path}#{link.name}" if link.name else link.path or link.package
        if link.package and link.relation != "imports":
            to += f"#{link.written}"
        sure = "" if link.confidence == CERTAIN else f" ~{link.confidence}"
        rows.append(f"{path} {link.scope or '-'} {link.relation} {to}{sure}")
        assert bool(link.path) != bool(link.package)
        assert not link.name or link.name in {one.name for one in facts[link.path].definitions}
        assert not link.scope or link.scope in {one.name for one in facts[path].definitions}
    return rows


JAVASCRIPT, GO, RUST, RUBY, PHP = JavaScript(), Go(), Rust(), Ruby(), Php()
FAMILIES = [
    pytest.param(JAVASCRIPT, "js", id="javascript"),
    pytest.param(JAVASCRIPT, "tsx", id="tsx"),
    pytest.param(GO, "go", id="go"),
    pytest.param(RUST, "rs", id="rust"),
    pytest.param(RUBY, "rb", id="ruby"),
    pytest.param(PHP, "php", id="php"),
]
DEEP = 50_000
HOSTILE = {
    "nothing": "",
    "NUL": "class A {\0 f() { \0g() } }\n\0def a\0; end",
    "no encoding": "\ud800 class A { f() { \udfff } }",
    "broken": "class A extends { func ( impl for { def < module :: ) } => `${ use \\ ;; namespace ; end end <?php "
    "class",
    "one line": "a.b(c);" * 150_000,
    "many names": ";".join(f"a{n}.b{n}()" for n in range(60_000)),
    "long name": "class " + "A" * 1_000_000 + " { }",
    "deep calls": "f(" * DEEP + ")" * DEEP,
    "deep members": "x" + ".a" * DEEP + "()",
    "deep chain": "x" + ".a()" * DEEP,
    "deep parentheses": "x = " + "(" * DEEP + "1" + ")" * DEEP,
    "deep blocks": "{" * DEEP + "}" * DEEP,
    "deep paths": "use " + "a::" * DEEP + "b;",
    "deep groups": "use " + "a::{" * DEEP + "b" + "}" * DEEP + ";",
    "deep types": "fn f(x: " + "A<" * DEEP + "B" + ">" * DEEP + ") {}",
    "deep functions": "function f() {" * 5_000 + "}" * 5_000,
    "deep classes": "class A { static x = " * 5_000 + "}" * 5_000,
    "deep modules": "module A\n" * 5_000 + "end\n" * 5_000,
    "deep patterns": "let " + "[" * DEEP + "a" + "]" * DEEP + " = b",
    "deep markup": "x = " + "<a>" * DEEP + "</a>" * DEEP,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("family", "suffix"), FAMILIES)
def test_no_text_raises(family: Family, suffix: str, text: str) -> None:
    for prefix in ("", "<?php ") if suffix == "php" else ("",):
        linked(family, facts_of(family, {f"a.{suffix}": prefix + text, f"b.{suffix}": prefix + "a.b()"}))


WORDS = words(
    "class A B extends implements { } ( ) ; , . :: -> => = this self super $x new f g() import from './a' './b' use "
    "crate mod func type struct interface impl for def end module include namespace App\\B trait pub fn let const "
    "export default return * & : | < > [ ] 'x' 1 require '../a' <?php package go static @x ? ! async await"
)
SNIPPETS = st.lists(st.sampled_from(["\n", *sorted(WORDS)]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(SNIPPETS, min_size=1, max_size=3))
@pytest.mark.parametrize(("family", "suffix"), FAMILIES)
def test_any_words_are_read(family: Family, suffix: str, texts: list[list[str]]) -> None:
    files = {f"{'ab/'[: n * 2]}{'abc'[n]}.{suffix}": " ".join(words) for n, words in enumerate(texts)}
    linked(family, facts_of(family, files))


def _imports_in_circles(suffix: str) -> dict[str, str]:
    one = {
        "js": "import { B, f } from './{other}'; export * from './{other}'; export { f as g } from './{other}';"
        "export class {own} extends {oth} { m() { super.m(); this.x.y(); g() } }",
        "go": 'package p\nimport "x.org/p/{other}"\ntype {own} struct { {oth} }\nfunc ({own}) M() { {other}.M() }',
        "rs": "mod {other}; pub use crate::{other}::*; pub use super::{other}::f; pub use self::{other}::{oth} as "
        "{own}s;"
        "trait {own}: {oth} { fn m() { f(); {own}s::m() } }",
        "rb": "require_relative '{other}'\nclass {own} < {oth}\n include {oth}\n def m; super; n; end\nend\nX = X",
        "php": "<?php use {oth}; class {own} extends {oth} { use {oth}; function m() { parent::m(); $this->n(); } }",
    }[suffix.replace("tsx", "js")]
    return {
        f"{own.lower()}.{suffix}": one.replace("{own}", own).replace("{other}", other).replace("{oth}", oth)
        for own, other, oth in (("A", "b", "B"), ("B", "c", "C"), ("C", "a", "A"))
    }


@pytest.mark.parametrize(("family", "suffix"), FAMILIES)
def test_circles_of_imports_and_bases_end(family: Family, suffix: str) -> None:
    facts = facts_of(family, _imports_in_circles(suffix))
    assert any(" inherits " in one for one in linked(family, facts))


@pytest.mark.parametrize(("family", "suffix"), FAMILIES)
def test_the_order_of_files_changes_nothing(family: Family, suffix: str) -> None:
    facts = facts_of(family, _imports_in_circles(suffix) | {f"z{n}.{suffix}": "a.m()" for n in range(5)})
    expected = linked(family, facts)
    for seed in range(5):
        paths = random.Random(seed).sample(sorted(facts), len(facts))
        assert linked(family, {path: facts[path] for path in paths}) == expected


@pytest.mark.parametrize(("family", "suffix"), FAMILIES)
def test_long_ways_from_name_to_name_end(family: Family, suffix: str) -> None:
    one = {
        "js": "export {{ x }} from './a{n}'; export class A{m} extends A{n} {{ b = new A{n}(); m() {{ "
        "this.b.b.b.b() }} }}",
        "go": 'package p\nimport "x.org/a{n}"\ntype A{m} struct {{ A{n} }}\nvar v{m} = v{n}\nfunc f() {{ v{m}.M() }}',
        "rs": "pub use crate::a{n}::x; pub struct A{m} {{ b: crate::a{n}::A{n} }} fn f(a: A{m}) {{ a.b.b.b.b(); x() }}",
        "rb": "class A{m} < A{n}\n def m; super; end\n def x; a = A{n}.new; a.m; end\nend",
        "php": "<?php class A{m} extends A{n} {{ function m(): A{n} {{ $this->m()->m()->m(); parent::m(); }} }}",
    }[suffix.replace("tsx", "js")]
    files = {f"a{m}.{suffix}": one.format(m=m, n=m + 1) for m in range(400)}
    linked(family, facts_of(family, files))
