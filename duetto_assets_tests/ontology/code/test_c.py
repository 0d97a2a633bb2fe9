"""C and C++: small repositories, and what their code is found to say."""

import json
import random

import pytest

from duetto_assets.ontology.code.c import C
from duetto_assets.ontology.code.facts import BY_NAME, CERTAIN, LIKELY, Facts

FAMILY = C()


def language(path):
    return "c" if path.endswith((".c", ".h")) else "cpp"


def facts_of(files):
    """Return the facts of a repository's files, by way of JSON."""
    found = {path: FAMILY.extract(text, path, language(path)) for path, text in files.items()}
    return {path: Facts.from_json(json.loads(json.dumps(one.as_json()))) for path, one in found.items()}


def links(files):
    """Return what the files say: path, relation, scope, object, confidence."""
    return {
        (path, link.relation, link.scope, link.package or f"{link.path}#{link.name}".rstrip("#"), link.confidence)
        for path, link in FAMILY.link(facts_of(files))
    }


def said(files, path, relation="calls"):
    return {(scope, to, sure) for at, which, scope, to, sure in links(files) if which == relation and at == path}


def defined(text, path):
    facts = FAMILY.extract(text, path, language(path))
    return facts.module, [(one.name, one.kind, one.line, one.end_line) for one in facts.definitions]


def test_c_definitions():
    text = """#define MAC(x) f(x)
#ifndef H
typedef struct { int a; } Anon;
typedef struct node { struct node *next; } Node;
typedef int (*callback)(int);
struct outer { struct inner { int i; } in; };
union u { int a; };
enum e { A };
struct forward;
int prototype(int);
static int
f(void) {
  return 0;
}
struct node *make(void) { return 0; }
#endif
int (*pointer)(int) = f;
"""
    assert defined(text, "a.c") == (
        "",
        [
            ("MAC", "function", 1, 1),
            ("Anon", "struct", 3, 3),
            ("node", "struct", 4, 4),
            ("Node", "alias", 4, 4),
            ("callback", "alias", 5, 5),
            ("outer", "struct", 6, 6),
            ("outer.inner", "struct", 6, 6),
            ("u", "struct", 7, 7),
            ("e", "enum", 8, 8),
            ("f", "function", 11, 14),
            ("make", "function", 15, 15),
        ],
    )


CPP = """namespace a::b {
template <typename T> class Foo final : public Base<T> {
 public:
  Foo(int x) : m_(x) {}
  virtual void pure() = 0;
  void declared() const;
  int inl() { struct Local { void l() {} }; return 1; }
  Foo& operator=(const Foo&) = default;
  struct In { int i; };
  enum class E { A };
  using V = Other;
};
int free_function() { return 0; }
}
"""


def test_cpp_definitions_of_one_namespace_are_dotted_within_it():
    names = [
        ("Foo", "class", 2, 12),
        ("Foo.Foo", "method", 4, 4),
        ("Foo.pure", "method", 5, 5),
        ("Foo.inl", "method", 7, 7),
        ("Foo.inl.Local", "struct", 7, 7),
        ("Foo.inl.Local.l", "method", 7, 7),
        ("Foo.operator=", "method", 8, 8),
        ("Foo.In", "struct", 9, 9),
        ("Foo.E", "enum", 10, 10),
        ("Foo.V", "alias", 11, 11),
        ("free_function", "function", 13, 13),
    ]
    module, found = defined(CPP, "a.hpp")
    assert (module, sorted(found)) == ("a.b", sorted(names))
    assert defined(CPP, "a.h") == (module, found), "a header that is C++ is read as such"
    assert {name for name, *_ in defined(CPP + "int main() {}", "a.cc")[1]} == {
        "main",
        *(f"a.b.{n}" for n, *_ in names),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("void T::m() {}", [("T.m", "method")]),
        ("T::~T() {}", [("T.~T", "method")]),
        ("std::vector<int> T::operator+(const T& o) {}", [("T.operator+", "method")]),
        ("template <class T> T* U<T>::get() const {}", [("U.get", "method")]),
        ("void ns::T::m() {}", [("ns.T.m", "method")]),
        ("namespace ns { void g(); int x; } void ns::f() {}", [("f", "function")]),
        ("namespace x { inline namespace v1 { void f() {} } }", [("f", "function")]),
        ("namespace { void f() {} }", [("f", "function")]),
        ('extern "C" { int f() {} int g(void); }', [("f", "function")]),
        ("using A = B;", [("A", "alias")]),
        ("class ACME_API T : public B {};", [("T", "class")]),
        ("struct ALIGNED(8) T final { void m() {} };", [("T", "struct"), ("T.m", "method")]),
        ("struct FOO x = {};", []),
        ("class Forward; friend class X;", []),
    ],
)
def test_cpp_definitions_outside_of_classes(text, expected):
    found = FAMILY.extract(text, "a.cc", "cpp").definitions
    assert [(one.name, one.kind) for one in found] == expected


INCLUDES = [
    ('"b.h"', {("src/b.h", CERTAIN)}),
    ('"../lib/c.h"', {("lib/c.h", CERTAIN)}),
    ('"acme/d.h"', {("lib/include/acme/d.h", CERTAIN)}),
    ("<acme/d.h>", {("lib/include/acme/d.h", CERTAIN)}),
    ("<root/e.h>", {("root/e.h", CERTAIN)}),
    ("<c.h>", {("c/c.h", CERTAIN)}),
    ("<stdio.h>", {("c/stdio.h", CERTAIN)}),
    ('"gtest/gtest.h"', {("c/gtest/gtest.h", CERTAIN)}),
    ('"config.h"', set()),
    ('"twice.h"', {("src/deep/twice.h", LIKELY)}),
    ("MACRO", set()),
    ('"a.c"', set()),
]


@pytest.mark.parametrize(("written", "expected"), INCLUDES, ids=[row[0] for row in INCLUDES])
def test_an_include_leads_to_a_file_or_a_package(written, expected):
    files = dict.fromkeys(
        ["src/b.h", "lib/c.h", "lib/include/acme/d.h", "root/e.h", "other/twice.h", "src/deep/twice.h"], ""
    )
    files["src/a.c"] = f"#include {written}\n"
    assert {(to, sure) for _, to, sure in said(files, "src/a.c", "imports")} == expected


HEADER = """
typedef struct item item;
struct item { struct item *next; struct list *owner; int (*cb)(int); };
int declared(item *);
int twice(void);
static inline int inlined(void) { return 0; }
static inline int both(void) { return 0; }
#define MACRO(x) x
extern struct item *shared;
"""
SOURCE = """#include "h.h"
int declared(item *i) { return 0; }
static int hidden(void) {}
#define HIDDEN(x) x
int undeclared(void) {}
"""

C_CALLS = [
    ("declared(0);", {("b.c#declared", CERTAIN)}),
    ("undeclared();", {("b.c#undeclared", LIKELY)}),
    ("hidden();", set()),
    ("HIDDEN(1);", set()),
    ("both();", {("h.h#both", CERTAIN)}),
    ("own();", {("a.c#own", CERTAIN)}),
    ("inlined();", {("h.h#inlined", CERTAIN)}),
    ("MACRO(1);", {("h.h#MACRO", CERTAIN)}),
    ("twice();", {("d.c#twice", CERTAIN)}),
    ("printf();", set()),
    ("int (*declared)(int); declared(1);", set()),
    ("struct item *i; i->cb(1);", set()),
    ("unknown->m();", set()),
    ("return declared(inlined());", {("b.c#declared", CERTAIN), ("h.h#inlined", CERTAIN)}),
]


@pytest.mark.parametrize(("body", "expected"), C_CALLS, ids=[row[0] for row in C_CALLS])
def test_c_calls_lead_to_bodies_by_way_of_includes(body, expected):
    files = {
        "h.h": HEADER,
        "b.c": SOURCE,
        "c.c": "int twice(void) {}\n",
        "d.c": '#include "h.h"\nint twice(void) {}\n',
        "a.h": "static inline int both(void) {}",
        "a.c": f'#include "h.h"\n#include "a.h"\nstatic int own(void) {{}}\nint f(void) {{ {body} }}\n',
    }
    assert {(to, sure) for scope, to, sure in said(files, "a.c") if scope == "f"} == expected


def test_of_several_bodies_of_a_prototype_the_nearest_is_likeliest():
    files = {
        "h.h": "int f(void);",
        "x/a.c": '#include "h.h"\nint f(void) {}',
        "y/b.c": '#include "h.h"\nint f(void) {}',
        "y/c.c": '#include "h.h"\nint g(void) { f(); }',
    }
    assert said(files, "y/c.c") == {("g", "y/b.c#f", BY_NAME)}


FOO_H = """#pragma once
#include <memory>
namespace acme {
class Base { public: void above() {} virtual void pure() = 0; };
class Bar { public: void go() {} Bar* self(); static Bar* get(); };
class Foo : public Base, private other::Unknown {
 public:
  Foo(int x);
  void m();
  std::unique_ptr<Bar> ptr_; Bar bar_; Bar* many_[3];
};
namespace inner { void deep() {} Bar* bar() { return 0; } }
}
"""
FOO_CC = """#include "foo.h"
namespace acme {
Foo::Foo(int x) : Base(), bar_(x) {}
void Foo::m() { %s }
Bar* Bar::self() { return this; }
Bar* Bar::get() { return nullptr; }
}
"""

CPP_CALLS = [
    ("above();", {("foo.h#Base.above", CERTAIN)}),
    ("this->above(); Base::above();", {("foo.h#Base.above", CERTAIN)}),
    ("m();", {("foo.cc#Foo.m", CERTAIN)}),
    ("ptr_->go();", {("foo.h#Bar.go", CERTAIN)}),
    ("bar_.go();", {("foo.h#Bar.go", CERTAIN)}),
    ("many_[1]->go();", {("foo.h#Bar.go", CERTAIN)}),
    ("bar_.self()->go();", {("foo.cc#Bar.self", CERTAIN), ("foo.h#Bar.go", CERTAIN)}),
    ("Bar::get()->go();", {("foo.cc#Bar.get", CERTAIN), ("foo.h#Bar.go", CERTAIN)}),
    ("acme::Bar::get();", {("foo.cc#Bar.get", CERTAIN)}),
    ("Bar b; (&b)->go();", {("foo.h#Bar.go", CERTAIN)}),
    ("auto b = new Bar(); b->go();", {("foo.h#Bar", CERTAIN), ("foo.h#Bar.go", CERTAIN)}),
    ("auto b = std::make_unique<Bar>(); b->go();", {("foo.h#Bar", CERTAIN), ("foo.h#Bar.go", CERTAIN)}),
    ("static_cast<Bar*>(x)->go();", {("foo.h#Bar.go", CERTAIN)}),
    ("((Bar*) x)->go();", {("foo.h#Bar.go", CERTAIN)}),
    ("Foo f(1);", {("foo.h#Foo", CERTAIN), ("foo.cc#Foo.Foo", CERTAIN)}),
    ("Foo(1).above();", {("foo.h#Foo", CERTAIN), ("foo.cc#Foo.Foo", CERTAIN), ("foo.h#Base.above", CERTAIN)}),
    ("inner::deep();", {("foo.h#inner.deep", CERTAIN)}),
    ("inner::bar()->go();", {("foo.h#inner.bar", CERTAIN), ("foo.h#Bar.go", CERTAIN)}),
    ("using Al = Bar; Al::get();", {("foo.cc#Bar.get", CERTAIN)}),
    ("for (const Bar& b : all) b.self();", {("foo.cc#Bar.self", CERTAIN)}),
    ("for (auto& b : all) b.self();", {("foo.cc#Bar.self", LIKELY)}),
    ("auto f = [&](Bar b) { b.go(); };", {("foo.h#Bar.go", CERTAIN)}),
    ("try { } catch (const Bar& b) { b.go(); }", {("foo.h#Bar.go", CERTAIN)}),
    ("if (auto* b = Bar::get()) b->go();", {("foo.cc#Bar.get", CERTAIN), ("foo.h#Bar.go", CERTAIN)}),
    ("std::sort(x); std::go(); std::vector<Bar> v; v.self();", set()),
    ("unknown.go(); Unknown u; u.go();", set()),
    ("x.size();", set()),
    ("std::" * 40 + "f();", set()),
]


@pytest.mark.parametrize(("body", "expected"), CPP_CALLS, ids=[row[0][:60] for row in CPP_CALLS])
def test_cpp_calls_are_resolved_by_type_and_namespace(body, expected):
    files = {"foo.h": FOO_H, "foo.cc": FOO_CC % body}
    assert {(to, sure) for scope, to, sure in said(files, "foo.cc") if scope == "Foo.m"} == expected


@pytest.mark.parametrize(
    "text",
    [
        "using namespace acme; int main() { Bar b; b.self(); }",
        "using acme::Bar; int main() { Bar b; b.self(); }",
        "namespace n = acme; int main() { n::Bar b; b.self(); }",
        "int main() { acme::Bar b; b.self(); }",
    ],
)
def test_names_of_namespaces_are_used_from_elsewhere(text):
    files = {"foo.h": FOO_H, "foo.cc": FOO_CC % "", "main.cc": f'#include "foo.h"\n{text}\n'}
    assert said(files, "main.cc") == {("main", "foo.cc#Bar.self", CERTAIN)}


def test_names_of_a_namespace_without_a_name_are_the_file_s_own():
    files = {"b.cc": "namespace { void f() {} struct S {}; } void g() {}", "a.cc": "void h() { f(); g(); new S(); }"}
    assert said(files, "a.cc") == {("h", "b.cc#g", LIKELY)}


def test_names_of_an_inline_namespace_are_those_of_the_one_around_it():
    files = {"b.h": "namespace x { inline namespace v1 { inline void f() {} } }"}
    files["a.cc"] = '#include "b.h"\nvoid h() { x::f(); }'
    assert facts_of(files)["b.h"].module == "x"
    assert said(files, "a.cc") == {("h", "b.h#f", CERTAIN)}


def test_of_two_types_of_one_name_each_has_its_own_methods():
    files = {
        "x/t.h": "class T { void m(); };",
        "x/t.cc": '#include "t.h"\nvoid T::m() {}',
        "y/t.h": "class T { void m(); };",
        "y/a.cc": '#include "t.h"\nvoid h(T t) { t.m(); }',
        "x/a.cc": '#include "t.h"\nvoid h(T t) { t.m(); }',
    }
    assert said(files, "x/a.cc") == {("h", "x/t.cc#T.m", CERTAIN)}
    assert said(files, "y/a.cc") == set()


def test_the_only_type_of_a_name_has_the_methods_that_are_defined_for_it():
    files = {
        "t.h": "class T { void m(); };",
        "t.cc": "void T::m() {}",
        "a.cc": '#include "t.h"\nvoid h(T t) { t.m(); }',
    }
    assert said(files, "a.cc") == {("h", "t.cc#T.m", CERTAIN)}


def test_bases_are_inherited():
    assert said({"foo.h": FOO_H}, "foo.h", "inherits") == {("Foo", "foo.h#Base", CERTAIN)}
    files = {"foo.h": FOO_H, "a.cc": '#include "foo.h"\nstruct S : acme::Foo, acme::inner::Missing {};'}
    assert said(files, "a.cc", "inherits") == {("S", "foo.h#Foo", CERTAIN)}
    del files["a.cc"]
    assert said(files | {"a.cc": "struct S : acme::Foo {};"}, "a.cc", "inherits") == {("S", "foo.h#Foo", LIKELY)}


def test_calls_of_a_constructor_s_initialisers_and_of_the_file_s_own_level():
    files = {"foo.h": FOO_H, "foo.cc": FOO_CC % "", "a.cc": '#include "foo.h"\nacme::Bar* g = acme::Bar::get();'}
    assert ("Foo.Foo", "foo.h#Base", CERTAIN) in said(files, "foo.cc")
    assert said(files, "a.cc") == {("", "foo.cc#Bar.get", CERTAIN)}


def test_the_order_of_files_changes_nothing():
    text = '#include "f{0}.cc"\nstruct S{1} : S{0} {{ void m() {{ m(); g{0}(); }} }}; void g{1}() {{}}'
    files = {f"d{n}/f{n}.cc": text.format(n + 1, n) for n in range(9)}
    expected = list(FAMILY.link(facts_of(files)))
    assert expected
    for seed in range(3):
        items = list(files.items())
        random.Random(seed).shuffle(items)
        assert list(FAMILY.link(facts_of(dict(items)))) == expected


def test_files_may_include_each_other():
    files = {"a.h": '#include "b.h"\n#include "a.h"\nint f() { g(); }', "b.h": '#include "a.h"\nint g() { f(); }'}
    assert said(files, "a.h") == {("f", "b.h#g", CERTAIN)}
    assert said(files, "b.h") == {("g", "a.h#f", CERTAIN)}


HOSTILE = [
    "",
    "\0",
    "\udcff class A {",
    '#include "' + "../" * 5_000 + 'x.h"\n#include ""\n#include <>\n#include "/"\n#include "."',
    "struct A : A { A a; void m() { a.a.a.m(); } };",
    "struct A : B {}; struct B : A { void m() { x(); } };",
    "typedef A B; typedef B A; void f(A a) { a.x(); }",
    "using namespace a; namespace a = a; using a::a; void f() { a::a::a(); }",
    "namespace a { " * 50_000,
    "struct A { " * 50_000,
    "(" * 50_000,
    "void f() { x = " + "f(" * 50_000,
    "void f() { x" + ".f()" * 50_000 + "; }",
    "void f() { x" + "->g" * 50_000 + "(); }",
    "int " + "*" * 50_000 + "f() {}",
    "int " + "(" * 50_000 + "f",
    "A<" * 50_000 + ">",
    "a::" * 50_000 + "b f() {}",
    "void f() { " + "f(); " * 200_000 + "}",
    "int a" + "x" * 1_000_000 + ";",
    "~ operator = A::operator B::~ () {}",
    "void () {} class : public {} ; struct {} ; enum {}; typedef; using ; namespace = ; new; -> . ::x",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", ["a.c", "a.cc"])
def test_no_text_raises(path, text):
    found = FAMILY.extract(text, path, language(path))
    if found is not None:
        json.dumps(found.as_json())
        list(FAMILY.link({path: found, "b/" + path: found}))
