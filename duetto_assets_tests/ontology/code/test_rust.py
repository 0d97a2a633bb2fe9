"""How Rust files name and reach each other."""

import pytest

from duetto_assets_tests.ontology.code.test_scopes import RUST, defined, said

DEFINITIONS = {
    "struct S { a: u8 }\nstruct U(u8);\nunion N { a: u8 }\nenum E { A }\ntype L = S;\nfn f() {\n fn g() {}\n}": [
        "struct S 1-1",
        "struct U 2-2",
        "struct N 3-3",
        "enum E 4-4",
        "alias L 5-5",
        "function f 6-8",
        "function f.g 7-7",
    ],
    "trait T { type X; fn a(&self); fn b() {} }\nimpl<K> T for S<K> { type X = u8; fn a(&self) {} }\nimpl p::S { "
    "fn c() {} }": [
        "trait T 1-1",
        "method T.a 1-1",
        "method T.b 1-1",
        "method S.a 2-2",
        "method S.c 3-3",
    ],
    "mod x;\nmod tests {\n fn t() {}\n struct S;\n impl S { fn m() {} }\n}\nmacro_rules! mac { () => {} }": [
        "module tests 2-6",
        "function tests.t 3-3",
        "struct tests.S 4-4",
        "method tests.S.m 5-5",
        "function mac 7-7",
    ],
    'extern "C" { fn c(); }\nfn r#type() {}': ["function c 1-1", "function type 2-2"],
}


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS.items())
def test_what_is_defined(text: str, expected: list[str]) -> None:
    assert defined(RUST, "src/a.rs", text) == sorted(expected)


CRATE = {
    "src/lib.rs": "mod store;\npub mod util;\npub use store::Repo;\npub use util::*;",
    "src/store/mod.rs": "mod row;\npub use self::row::Row as Line;\npub struct Repo { row: Box<row::Row> }\n"
    "impl Repo { pub fn new() -> Self { Repo { row: row::Row } } pub fn find(&self) -> Option<row::Row> { None } }",
    "src/store/row.rs": "pub struct Row;\nimpl Row { pub fn show(&self) {} }",
    "src/util.rs": "pub fn help() {}\npub mod deep { pub fn f() { super::help() } }",
}
CASES = {
    "modules lie in files": (
        CRATE | {"src/store.rs": "mod mine;", "src/store/mine.rs": "", "src/main.rs": "mod app;", "src/app/mod.rs": ""},
        {
            "src/lib.rs - imports src/store.rs",
            "src/lib.rs - imports src/util.rs",
            "src/store/mod.rs - imports src/store/row.rs",
            "src/store.rs - imports src/store/mine.rs",
            "src/main.rs - imports src/app/mod.rs",
        },
    ),
    "use": (
        CRATE
        | {
            "src/a.rs": "use crate::store::{self, Repo as R, Line, row::*};\nuse crate::util::deep::f;\nuse "
            "super::util;\n"
            "use self::inner::g;\nuse crate::{help as h, Repo};\nmod inner { use super::util::help; fn g() { "
            "help() } }\n"
            "fn a() { R::new(); Line.show(); Row { }; f(); util::help(); g(); h(); Repo::new(); store::Repo::new(); }",
        },
        {
            "src/a.rs - imports src/store/mod.rs",
            "src/a.rs - imports src/store/row.rs",
            "src/a.rs - imports src/util.rs",
            "src/a.rs inner.g calls src/util.rs#help",
            "src/a.rs a calls src/store/mod.rs#Repo.new",
            "src/a.rs a calls src/store/row.rs#Row.show",
            "src/a.rs a calls src/store/row.rs#Row",
            "src/a.rs a calls src/util.rs#deep.f",
            "src/a.rs a calls src/util.rs#help",
            "src/a.rs a calls src/a.rs#inner.g",
        },
    ),
    "paths without use": (
        CRATE
        | {
            "src/util.rs": "pub fn help() { crate::store::Repo::new(); super::store::row::f(); self::other(); "
            "helper::go();"
            " std::fs::read(); serde_json::to_string(); u8::max(); }\npub fn other() {}\nmod helper { pub fn go() {} }",
            "src/store/row.rs": "pub fn f() {}\npub struct Row;",
        },
        {
            "src/util.rs - imports rust/std",
            "src/util.rs - imports cargo/serde_json",
            "src/util.rs help calls src/store/mod.rs#Repo.new",
            "src/util.rs help calls src/store/row.rs#f",
            "src/util.rs help calls src/util.rs#other",
            "src/util.rs help calls src/util.rs#helper.go",
            "src/util.rs help calls rust/std#std.fs.read",
            "src/util.rs help calls cargo/serde_json#serde_json.to_string",
        },
    ),
    "crates": (
        {
            "crates/my-lib/src/lib.rs": "pub mod api;",
            "crates/my-lib/src/api.rs": "pub struct T;\nimpl T { pub fn new() -> T { T } }",
            "app/src/main.rs": "extern crate serde as s;\nuse my_lib::api::T;\nuse tokio::{net, sync::Mutex as M};\n"
            "use std::collections::HashMap;\nfn main() { T::new(); M::new(1); s::go(); HashMap::new(); mine() "
            "}\nfn mine() {}",
            "app/tests/it.rs": "mod common;\nuse crate::common::setup;\nfn t() { setup() }",
            "app/tests/common/mod.rs": "pub fn setup() {}",
        },
        {
            "crates/my-lib/src/lib.rs - imports crates/my-lib/src/api.rs",
            "app/src/main.rs - imports cargo/serde",
            "app/src/main.rs - imports crates/my-lib/src/api.rs",
            "app/src/main.rs - imports cargo/tokio",
            "app/src/main.rs - imports rust/std",
            "app/src/main.rs main calls crates/my-lib/src/api.rs#T.new",
            "app/src/main.rs main calls cargo/tokio#tokio.sync.Mutex.new",
            "app/src/main.rs main calls cargo/serde#serde.go",
            "app/src/main.rs main calls rust/std#std.collections.HashMap.new",
            "app/src/main.rs main calls app/src/main.rs#mine",
            "app/tests/it.rs - imports app/tests/common/mod.rs",
            "app/tests/it.rs t calls app/tests/common/mod.rs#setup",
        },
    ),
    "traits": (
        {
            "src/lib.rs": "mod t;\nuse t::{Tr, Base};\nuse std::fmt::Display;\nstruct S;\n"
            "impl Tr for S { fn a(&self) { self.b(); Self::b(self); self.c() } }\nimpl Display for S {}\n"
            "fn f(s: &S, x: impl Tr, y: &mut dyn Base) { s.b(); s.a(); x.a(); y.c(); <S as Tr>::b(s) }\n"
            "fn g<K: Tr>(k: K) { k.a() }",
            "src/t.rs": "pub trait Tr: Base + Send { fn a(&self); fn b(&self) {} }\npub trait Base { fn c(&self) {} }",
        },
        {
            "src/lib.rs - imports src/t.rs",
            "src/lib.rs - imports rust/std",
            "src/lib.rs S implements src/t.rs#Tr",
            "src/lib.rs S implements rust/std#std.fmt.Display",
            "src/t.rs Tr inherits src/t.rs#Base",
            "src/lib.rs S.a calls src/t.rs#Tr.b",
            "src/lib.rs S.a calls src/t.rs#Base.c",
            "src/lib.rs f calls src/t.rs#Tr.b",
            "src/lib.rs f calls src/lib.rs#S.a",
            "src/lib.rs f calls src/t.rs#Tr.a",
            "src/lib.rs f calls src/t.rs#Base.c",
            "src/lib.rs g calls src/t.rs#Tr.a",
        },
    ),
    "an impl far from its type": (
        {
            "src/lib.rs": "mod a;\nmod b;",
            "src/a.rs": "pub struct S;\nfn f(s: S) { s.far(); s.near() }",
            "src/b.rs": "use crate::a::S;\nimpl S { pub fn far(&self) { self.near() } pub fn near(&self) {} }",
        },
        {
            "src/lib.rs - imports src/a.rs",
            "src/lib.rs - imports src/b.rs",
            "src/b.rs - imports src/a.rs",
            "src/a.rs f calls src/b.rs#S.far",
            "src/a.rs f calls src/b.rs#S.near",
            "src/b.rs S.far calls src/b.rs#S.near",
        },
    ),
    "types": (
        {
            "src/lib.rs": "struct T { next: Option<Box<T>>, all: Vec<T> }\nstruct W(pub T);\ntype A = T;\n"
            "impl T { fn new() -> Result<Self, E> { todo!() } fn go(&self) -> &T { self } }\nstatic G: T = T::new();\n"
            "fn one(t: &mut T) { t.next.as_ref().unwrap().go().go() }\n"
            "fn two() -> Result<(), E> { let t = T::new()?; t.go(); Ok(()) }\n"
            "async fn three(w: W, a: A) { w.0.go(); a.go(); (&a).go(); G.go(); let x: std::sync::Arc<T> = y(); "
            "x.go() }\n"
            "fn four() { let t = T { next: None }; let c = |u: &T, v| { u.go(); t.go() }; }",
        },
        {
            "src/lib.rs - calls src/lib.rs#T.new",
            *(f"src/lib.rs {name} calls src/lib.rs#T.go" for name in ("one", "two", "three", "four")),
            "src/lib.rs two calls src/lib.rs#T.new",
            "src/lib.rs four calls src/lib.rs#T",
        },
    ),
    "macros": (
        {"src/lib.rs": "macro_rules! mac { () => {} }\nfn f() { mac!(); println!(g()); vec![1].only() }\nfn g() {}"},
        {"src/lib.rs f calls src/lib.rs#mac"},
    ),
    "a method's name, where nothing else tells": (
        {
            "src/lib.rs": "struct T;\nimpl T { fn only(&self) {} fn push(&self) {} }\n"
            "fn f(xs: Vec<T>) { for x in xs { x.only(); x.push() } match y { Some(z) => z.only(), _ => (1).only() } }",
        },
        {"src/lib.rs f calls src/lib.rs#T.only ~0.7"},
    ),
    "a variable hides a function": (
        {"src/lib.rs": "fn g() {}\nfn f(g: fn()) { g() }\nfn h() { g() }"},
        {"src/lib.rs h calls src/lib.rs#g"},
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_what_is_linked(files: dict[str, str], expected: set[str]) -> None:
    own = said(RUST, CRATE) if "src/util.rs" in files and "src/store/mod.rs" in files else set()
    assert said(RUST, files) - own == expected - own


def test_what_a_crate_uses_and_passes_on() -> None:
    assert said(RUST, CRATE) == {
        "src/lib.rs - imports src/store/mod.rs",
        "src/lib.rs - imports src/util.rs",
        "src/store/mod.rs - imports src/store/row.rs",
        "src/store/mod.rs Repo.new calls src/store/mod.rs#Repo",
        "src/util.rs deep.f calls src/util.rs#help",
    }
