"""C#: small repositories, and what their code is found to say."""

import json
import random

import pytest

from duetto_assets.ontology.code.csharp import CSharp
from duetto_assets.ontology.code.facts import CERTAIN, LIKELY, Facts

FAMILY = CSharp()


def facts_of(files):
    """Return the facts of a repository's files, by way of JSON."""
    found = {path: FAMILY.extract(text, path, "csharp") for path, text in files.items()}
    return {path: Facts.from_json(json.loads(json.dumps(one.as_json()))) for path, one in found.items()}


def said(files, path, relation="calls"):
    """Return what one file says: scope, object, confidence."""
    return {
        (link.scope, link.package or f"{link.path}#{link.name}".rstrip("#"), link.confidence)
        for at, link in FAMILY.link(facts_of(files))
        if link.relation == relation and at == path
    }


def test_definitions_have_dotted_names_kinds_and_lines():
    text = """namespace Acme.Api;
public class A<T>(B b) {
  public A(int x) : this() { }
  ~A() {}
  public B P => b;
  public void M() {
    int Local(int q) { return q; }
  }
  public static A<T> operator +(A<T> a, A<T> b) => a;
  struct S { void InS() {} }
  enum E { X }
  delegate void D(int x);
  void IFace.Explicit() {}
}
interface IFace { void Explicit(); }
record R(B B);
record struct RS(int X);
"""
    found = FAMILY.extract(text, "A.cs", "csharp")
    assert found.module == "Acme.Api"
    assert [(one.name, one.kind, one.line, one.end_line) for one in found.definitions] == [
        ("A", "class", 2, 14),
        ("A.A", "method", 3, 3),
        ("A.~A", "method", 4, 4),
        ("A.M", "method", 6, 8),
        ("A.M.Local", "function", 7, 7),
        ("A.operator+", "method", 9, 9),
        ("A.S", "struct", 10, 10),
        ("A.S.InS", "method", 10, 10),
        ("A.E", "enum", 11, 11),
        ("A.D", "alias", 12, 12),
        ("A.Explicit", "method", 13, 13),
        ("IFace", "interface", 15, 15),
        ("IFace.Explicit", "method", 15, 15),
        ("R", "class", 16, 16),
        ("RS", "struct", 17, 17),
    ]


@pytest.mark.parametrize(
    ("text", "module", "names"),
    [
        ("namespace A.B { class X {} namespace C { class Y {} } }", "A.B", ["X", "C.Y"]),
        ("namespace A { namespace B { class X {} } }", "A.B", ["X"]),
        ("namespace A { class X {} } namespace B { class Y {} }", "", ["A.X", "B.Y"]),
        ("namespace A { class X {} } class Y {}", "", ["A.X", "Y"]),
        ("class Y {}", "", ["Y"]),
    ],
)
def test_one_namespace_is_the_file_s_and_several_are_in_the_names(text, module, names):
    found = FAMILY.extract(text, "A.cs", "csharp")
    assert (found.module, [one.name for one in found.definitions]) == (module, names)


B = """namespace Lib.Sub;
public class B {
  public B() {}
  public B M() { return this; }
  public Task<B> Later() { return null; }
  public static B S() { return null; }
  public class In { public void I() {} }
  public B Next { get; set; }
}
public static class Extensions { public static void Ext(this B b) { b.M(); } }
public interface IFace { void Do(); }
"""

USINGS = [
    ("using Lib.Sub;", {("lib", CERTAIN)}),
    ("using static Lib.Sub.B;", {("lib/B.cs", CERTAIN)}),
    ("using Bee = Lib.Sub.B;", {("lib/B.cs", CERTAIN)}),
    ("global using Lib.Sub;", {("lib", CERTAIN)}),
    ("using System;", {("dotnet/System", CERTAIN)}),
    ("using System.Collections.Generic;", {("dotnet/System.Collections.Generic", CERTAIN)}),
    ("using Microsoft.Extensions.Logging;", {("nuget/Microsoft.Extensions", CERTAIN)}),
    ("using J = Newtonsoft.Json.Linq.JObject;", {("nuget/Newtonsoft.Json", CERTAIN)}),
    ("using Lib.Missing;", {("nuget/Lib.Missing", CERTAIN)}),
]


@pytest.mark.parametrize(("statement", "expected"), USINGS, ids=[row[0] for row in USINGS])
def test_a_using_leads_to_folders_a_file_or_a_package(statement, expected):
    files = {"lib/B.cs": B, "app/A.cs": f"{statement}\nclass A {{}}\n"}
    assert {(to, sure) for _, to, sure in said(files, "app/A.cs", "imports")} == expected


BASES = [
    ("class A : B {}", "inherits", {("A", "lib/B.cs#B", CERTAIN)}),
    ("class A : B, IFace {}", "implements", {("A", "lib/B.cs#IFace", CERTAIN)}),
    ("class A : IFace {}", "implements", {("A", "lib/B.cs#IFace", CERTAIN)}),
    ("interface A : IFace {}", "inherits", {("A", "lib/B.cs#IFace", CERTAIN)}),
    ("struct A : IFace {}", "implements", {("A", "lib/B.cs#IFace", CERTAIN)}),
    ("record A(int X) : B(1);", "inherits", {("A", "lib/B.cs#B", CERTAIN)}),
    ("class A : Lib.Sub.B.In {}", "inherits", {("A", "lib/B.cs#B.In", CERTAIN)}),
    ("class A : System.IDisposable {}", "implements", {("A", "dotnet/System", LIKELY)}),
    ("struct A : System.IDisposable {}", "implements", {("A", "dotnet/System", CERTAIN)}),
    ("interface A : System.IDisposable {}", "inherits", {("A", "dotnet/System", CERTAIN)}),
    ("class A : System.Exception {}", "inherits", {("A", "dotnet/System", CERTAIN)}),
    ("class A : Unknown, IUnknown {}", "inherits", set()),
    ("enum A : byte {}", "inherits", set()),
]


@pytest.mark.parametrize(("text", "relation", "expected"), BASES, ids=[row[0] for row in BASES])
def test_bases_are_inherited_or_implemented(text, relation, expected):
    assert said({"lib/B.cs": B, "A.cs": f"using Lib.Sub;\n{text}"}, "A.cs", relation) == expected


NEW = {("F", "B", CERTAIN), ("F", "B.B", CERTAIN)}

CALLS = [
    ("B b; void F() { b.M(); }", {("F", "B.M", CERTAIN)}),
    ("B b; void F() { this.b.M().M(); }", {("F", "B.M", CERTAIN)}),
    ("B P { get; set; } void F() { P.M(); }", {("F", "B.M", CERTAIN)}),
    ("B P => B.S();", {("", "B.S", CERTAIN)}),
    ("void F(B b) { b?.M()?.Next.M(); }", {("F", "B.M", CERTAIN)}),
    ("void F(B b) { b!.M(); }", {("F", "B.M", CERTAIN)}),
    ("async void F(B b) { (await b.Later()).M(); }", {("F", "B.Later", CERTAIN), ("F", "B.M", CERTAIN)}),
    ("void F() { var b = new B(); b.M(); }", {*NEW, ("F", "B.M", CERTAIN)}),
    ("void F() { B b = new(); b.M(); }", {*NEW, ("F", "B.M", CERTAIN)}),
    ("void F() { var b = B.S(); b.M(); }", {("F", "B.S", CERTAIN), ("F", "B.M", CERTAIN)}),
    ("void F() { using var b = B.S(); b.M(); }", {("F", "B.S", CERTAIN), ("F", "B.M", CERTAIN)}),
    ("void F() { foreach (B b in bs) b.M(); }", {("F", "B.M", CERTAIN)}),
    ("void F() { foreach (var b in bs) b.M(); }", {("F", "B.M", LIKELY)}),
    ("void F(object o) { if (o is B b) b.M(); }", {("F", "B.M", CERTAIN)}),
    ("void F(object o) { switch (o) { case B b: b.M(); break; } }", {("F", "B.M", CERTAIN)}),
    ("void F(object o) { ((B)o).M(); (o as B).M(); }", {("F", "B.M", CERTAIN)}),
    ("void F() { try { } catch (B b) { b.M(); } }", {("F", "B.M", CERTAIN)}),
    ("void F() { Try(out B b); b.M(); }", {("F", "B.M", CERTAIN)}),
    ("void F(params B[] bs) { bs[0].M(); }", {("F", "B.M", CERTAIN)}),
    ("void F() { Lib.Sub.B.S(); Sub.B.S(); }", {("F", "B.S", CERTAIN)}),
    ("void F() { xs.Each(b => b.M()); }", {("F", "B.M", LIKELY)}),
    ("void F() { xs.Each((b, c) => b.M()); }", {("F", "B.M", LIKELY)}),
    ("void F(B b) { b.Ext(); }", {("F", "Extensions.Ext", LIKELY)}),
    ('void F() { unknown.M(); Unknown.S(); "x".M(); }', set()),
    ("void F(System.Text.B b) { b.M(); }", {("F", "dotnet/System.Text", CERTAIN)}),
    ("B.In i; void F() { i.I(); }", {("F", "B.In.I", CERTAIN)}),
    ("B B { get; } void F() { B.M(); new B(); }", {*NEW, ("F", "B.M", CERTAIN)}),
]


@pytest.mark.parametrize(("body", "expected"), CALLS, ids=[row[0][:60] for row in CALLS])
def test_calls_are_resolved_by_type(body, expected):
    files = {"lib/B.cs": B, "A.cs": f"using Lib.Sub;\nnamespace Lib.App;\nclass A {{ {body} }}"}
    told = {(f"A.{s}".rstrip("."), to if "/" in to else f"lib/B.cs#{to}", sure) for s, to, sure in expected}
    assert said(files, "A.cs") == told


def test_methods_are_found_in_the_type_its_parts_and_what_it_inherits():
    files = {
        "A.cs": """namespace N;
partial class A : Base { public A() : base(1) {} void F() { G(); Up(); base.Up(); new A(); } }""",
        "A.More.cs": "namespace N; partial class A { void G() { F(); } }",
        "Base.cs": "namespace N; class Base { public Base(int x) {} public void Up() {} }",
        "other/A.cs": "namespace N; class A { void G() {} }",
    }
    assert said(files, "A.cs") == {
        ("A.A", "Base.cs#Base", CERTAIN),
        ("A.A", "Base.cs#Base.Base", CERTAIN),
        ("A.F", "A.More.cs#A.G", CERTAIN),
        ("A.F", "Base.cs#Base.Up", CERTAIN),
        ("A.F", "A.cs#A", CERTAIN),
        ("A.F", "A.cs#A.A", CERTAIN),
    }
    assert said(files, "A.More.cs") == {("A.G", "A.cs#A.F", CERTAIN)}


@pytest.mark.parametrize(
    ("using", "body"),
    [
        ("using static Lib.Sub.B;", "S();"),
        ("using Bee = Lib.Sub.B;", "Bee.S();"),
        ("", "global::Lib.Sub.B.S();"),
        ("namespace Lib;", "Sub.B.S();"),
        ("namespace Lib.Sub.Deep;", "B.S();"),
    ],
)
def test_usings_and_namespaces_around_lead_to_types(using, body):
    files = {"lib/B.cs": B, "A.cs": f"{using}\nclass A {{ void F() {{ {body} }} }}"}
    assert said(files, "A.cs") == {("A.F", "lib/B.cs#B.S", CERTAIN)}


def test_a_using_shows_types_and_no_namespaces():
    assert said({"lib/B.cs": B, "A.cs": "using Lib; class A { void F() { Sub.B.S(); } }"}, "A.cs") == set()


def test_an_extension_method_is_called_where_its_type_is_seen_and_it_is_the_only_one():
    call = "namespace App; class A { void F(B b) { b.Ext(); } }"
    assert said({"lib/B.cs": B, "A.cs": f"using B = Lib.Sub.B; {call}"}, "A.cs") == set()
    other = "namespace App; static class More { public static void Ext(this B b) {} }"
    assert said({"lib/B.cs": B, "App.cs": other, "A.cs": f"using Lib.Sub; {call}"}, "A.cs") == set()


def test_a_global_using_counts_for_its_folder_alone():
    call = "class A { void F() { B.S(); } }"
    files = {"lib/B.cs": B, "x/Usings.cs": "global using Lib.Sub;", "x/y/A.cs": call, "z/A.cs": call}
    assert said(files, "x/y/A.cs") == {("A.F", "lib/B.cs#B.S", CERTAIN)}
    assert said(files, "z/A.cs") == set()


def test_code_of_the_file_s_own_level_is_the_file_s():
    files = {"lib/B.cs": B, "Program.cs": "using Lib.Sub;\nvar b = B.S();\nb.M();"}
    assert said(files, "Program.cs") == {("", "lib/B.cs#B.S", CERTAIN), ("", "lib/B.cs#B.M", CERTAIN)}


def test_the_order_of_files_changes_nothing():
    text = "using N{0}; namespace N{1}; partial class C : C{0} {{ void M() {{ M(); x.M(); }} }} class C{1} {{ }}"
    files = {f"d{n}/f{n}.cs": text.format(n + 1, n) for n in range(9)}
    expected = list(FAMILY.link(facts_of(files)))
    assert expected
    for seed in range(3):
        items = list(files.items())
        random.Random(seed).shuffle(items)
        assert list(FAMILY.link(facts_of(dict(items)))) == expected


HOSTILE = [
    "",
    "\0",
    "\udcff class A {",
    "using ; using static ; using X = ; global using ; namespace ; namespace { }",
    "class A : A { A a; void M() { a.a.a.M(); } }",
    "class A : B {} class B : A { void M() { X(); base.X(); } }",
    "using A = A; using B = C; using C = B; class D : A { B b; void M() { b.M(); } }",
    "class { void () { .x(); new (); } } record ; delegate ; operator ;",
    "using " + "A." * 5_000 + "B;",
    "namespace A { " * 50_000,
    "class A { " * 50_000,
    "(" * 50_000,
    "class A { void M() { x = " + "f(" * 50_000,
    "class A { void M() { x" + ".f()" * 50_000 + "; } }",
    "class A { void M() { x" + "?.f()" * 20_000 + "; } }",
    "class A { void M() { " + "f(); " * 100_000 + "} }",
    "class A { A<" + "A<" * 50_000 + ">>> x; }",
    "class A" + "x" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_raises(text):
    found = FAMILY.extract(text, "A.cs", "csharp")
    if found is not None:
        json.dumps(found.as_json())
        list(FAMILY.link({"A.cs": found, "b/A.cs": found}))
