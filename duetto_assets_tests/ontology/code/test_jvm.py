"""Java and Kotlin: small repositories, and what their code is found to say."""

import json
import random

import pytest

from duetto_assets.ontology.code.facts import BY_NAME, CERTAIN, LIKELY, Facts
from duetto_assets.ontology.code.jvm import Jvm

JVM = Jvm()


def language(path):
    return "java" if path.endswith(".java") else "kotlin"


def facts_of(files):
    """Return the facts of a repository's files, by way of JSON."""
    found = {path: JVM.extract(text, path, language(path)) for path, text in files.items()}
    return {path: Facts.from_json(json.loads(json.dumps(one.as_json()))) for path, one in found.items()}


def links(files):
    """Return what the files say: path, relation, scope, object, confidence."""
    return {
        (path, link.relation, link.scope, link.package or f"{link.path}#{link.name}".rstrip("#"), link.confidence)
        for path, link in JVM.link(facts_of(files))
    }


def calls(files, path="A.java"):
    return {(scope, to, sure) for at, relation, scope, to, sure in links(files) if relation == "calls" and at == path}


def defined(text, path="A.java"):
    return [(one.name, one.kind, one.line, one.end_line) for one in JVM.extract(text, path, language(path)).definitions]


def test_java_definitions_have_dotted_names_kinds_and_lines():
    text = """package com.acme;
public class A<T> {
  A() {}
  int m() {
    Runnable r = new Runnable() { public void run() {} };
    class Local { void l() {} }
    return 1;
  }
  enum E { X { void inX() {} }; void e() {} }
  record R(int a) { R {} }
  @interface An { int v(); }
}
interface I { default void d() {} }
"""
    assert defined(text) == [
        ("A", "class", 2, 12),
        ("A.A", "method", 3, 3),
        ("A.m", "method", 4, 8),
        ("A.m.Local", "class", 6, 6),
        ("A.m.Local.l", "method", 6, 6),
        ("A.E", "enum", 9, 9),
        ("A.E.e", "method", 9, 9),
        ("A.R", "class", 10, 10),
        ("A.R.R", "method", 10, 10),
        ("A.An", "interface", 11, 11),
        ("A.An.v", "method", 11, 11),
        ("I", "interface", 13, 13),
        ("I.d", "method", 13, 13),
    ]
    assert JVM.extract(text, "A.java", "java").module == "com.acme"


def test_kotlin_definitions_have_dotted_names_kinds_and_lines():
    text = """package com.acme
class A(val b: B) {
  constructor() : this(B())
  companion object { fun make() = A() }
  object Only { fun o() {} }
  fun m() {
    fun local() {}
    val x = object : I { override fun i() {} }
  }
}
enum class E { X(1) { override fun inX() {} }, Y; fun e() {} }
interface I
annotation class An
typealias Other = A
fun A.extended() {}
fun `top level`() {}
"""
    assert defined(text, "A.kt") == [
        ("A", "class", 2, 10),
        ("A.A", "method", 3, 3),
        ("A.make", "method", 4, 4),
        ("A.Only", "class", 5, 5),
        ("A.Only.o", "method", 5, 5),
        ("A.m", "method", 6, 9),
        ("A.m.local", "function", 7, 7),
        ("E", "enum", 11, 11),
        ("E.e", "method", 11, 11),
        ("I", "interface", 12, 12),
        ("An", "interface", 13, 13),
        ("Other", "alias", 14, 14),
        ("extended", "function", 15, 15),
        ("top level", "function", 16, 16),
    ]


B = "package p; public class B { public B m() {} public static void s() {} public static class In { void i() {} } }"

IMPORTS = [
    ("import p.B;", {("B.java", CERTAIN)}),
    ("import p.B.In;", {("B.java", CERTAIN)}),
    ("import static p.B.s;", {("B.java", CERTAIN)}),
    ("import static p.B.*;", {("B.java", CERTAIN)}),
    ("import p.*;", {("", CERTAIN)}),
    ("import p.Missing;", set()),
    ("import p.B.Missing.*;", set()),
    ("import java.util.List;", {("java/java.util", CERTAIN)}),
    ("import java.util.Map.Entry;", {("java/java.util", CERTAIN)}),
    ("import javax.sql.*;", {("java/javax.sql", CERTAIN)}),
    ("import kotlin.jvm.JvmStatic;", {("kotlin/kotlin.jvm", CERTAIN)}),
    ("import com.google.common.collect.Lists;", {("maven/com.google.common", CERTAIN)}),
    ("import static org.junit.Assert.*;", {("maven/org.junit", CERTAIN)}),
    ("import q.ToolsKt;", {("q/tools.kt", CERTAIN)}),
    ("import q.tool;", {("q/tools.kt", CERTAIN)}),
]


@pytest.mark.parametrize(("statement", "expected"), IMPORTS, ids=[row[0] for row in IMPORTS])
@pytest.mark.parametrize("path", ["d/A.java", "d/A.kt"])
def test_an_import_leads_to_a_file_a_directory_or_a_package(statement, expected, path):
    if path.endswith(".kt"):
        statement = statement.replace("static ", "").rstrip(";")
    files = {"x/B.java": B, "q/tools.kt": "package q\nfun tool() {}", path: f"package d;\n{statement}\nclass A {{}}\n"}
    expected = {(to.replace("B.java", "x/B.java") or "x", sure) for to, sure in expected}
    assert {(to, sure) for _, relation, _, to, sure in links(files) if relation == "imports"} == expected


def test_an_import_of_a_type_knows_its_full_name():
    found = JVM.link(facts_of({"B.java": B, "A.java": "import p.B.In;\nclass A {}"}))
    assert [(link.path, link.written) for _, link in found] == [("B.java", "p.B.In")]


def test_an_external_import_knows_the_full_name():
    found = JVM.link(facts_of({"A.java": "import org.slf4j.Logger;\nclass A { Logger l; void m() { l.info(); } }"}))
    assert [(link.relation, link.package, link.written, link.line) for _, link in found] == [
        ("imports", "maven/org.slf4j", "org.slf4j.Logger", 1),
        ("calls", "maven/org.slf4j", "org.slf4j.Logger.info", 2),
    ]


BASES = [
    ("A.java", "class A extends Base implements Face, Other {}", {("inherits", "Base"), ("implements", "Face")}),
    ("A.java", "interface A extends Face {}", {("inherits", "Face")}),
    ("A.java", "enum A implements Face { X }", {("implements", "Face")}),
    ("A.java", "record A(int x) implements Face {}", {("implements", "Face")}),
    ("A.java", "class A extends p.Base {}", {("inherits", "Base")}),
    ("A.java", "class A extends Outer.Inner<String> {}", {("inherits", "Outer.Inner")}),
    ("A.kt", "class A : Base(), Face", {("inherits", "Base"), ("implements", "Face")}),
    ("A.kt", "class A : Face by other", {("implements", "Face")}),
    ("A.kt", "class A : Base { constructor() : super() }", {("inherits", "Base")}),
    ("A.kt", "class A : Face { constructor() {} }", {("implements", "Face")}),
    ("A.kt", "interface A : Face", {("inherits", "Face")}),
    ("A.kt", "object A : Base()", {("inherits", "Base")}),
    ("A.kt", "class A : p.Base()", {("inherits", "Base")}),
    ("A.java", "class A extends A {}", set()),
]


@pytest.mark.parametrize(("path", "text", "expected"), BASES, ids=[row[1] for row in BASES])
def test_bases_are_inherited_or_implemented(path, text, expected):
    files = {
        "p.java": "package p; class Base {} interface Face {} class Outer { static class Inner<T> {} }",
        path: "package p;\n" + text,
    }
    found = {(relation, to) for at, relation, scope, to, _ in links(files) if at == path and scope == "A"}
    found = {(relation, to) for relation, to in found if relation != "calls"}
    assert found == {(relation, f"p.java#{name}") for relation, name in expected}


def test_bases_of_packages_are_told():
    files = {
        "A.java": "import org.a.b.C; import org.a.b.D;\nclass A extends C implements D {}",
        "B.kt": "import org.a.b.C\nimport org.a.b.D\nclass B : C(), D",
    }
    found = {(path, relation, to) for path, relation, scope, to, _ in links(files) if scope}
    assert found == {(p, r, "maven/org.a.b") for p in files for r in ("inherits", "implements")}


JAVA_CALLS = [
    ("B b; void f() { b.m(); }", {("f", "B.m", CERTAIN)}),
    ("B b; void f() { this.b.m(); }", {("f", "B.m", CERTAIN)}),
    ("void f(B b) { b.m().m(); }", {("f", "B.m", CERTAIN)}),
    ("void f() { B b = make(); b.m(); }", {("f", "B.m", CERTAIN)}),
    ("void f() { var b = new B(); b.m(); }", {("f", "B", CERTAIN), ("f", "B.m", CERTAIN)}),
    ("void f() { for (B b : bs) b.m(); }", {("f", "B.m", CERTAIN)}),
    ("void f() { for (var b : bs) b.m(); }", {("f", "B.m", LIKELY)}),
    ("void f(Object o) { if (o instanceof B b) b.m(); }", {("f", "B.m", CERTAIN)}),
    ("int f(Object o) { return switch (o) { case B b -> b.m(); }; }", {("f", "B.m", CERTAIN)}),
    ("void f() { try (B b = x) { b.m(); } }", {("f", "B.m", CERTAIN)}),
    ("void f() { try { } catch (B b) { b.m(); } }", {("f", "B.m", CERTAIN)}),
    ("void f() { ((B) x).m(); }", {("f", "B.m", CERTAIN)}),
    ("void f() { new B().m(); }", {("f", "B", CERTAIN), ("f", "B.m", CERTAIN)}),
    ("void f() { B.s(); }", {("f", "B.s", CERTAIN)}),
    ("void f() { p.B.s(); }", {("f", "B.s", CERTAIN)}),
    ("void f() { run(B::s); }", {("f", "B.s", CERTAIN)}),
    ("void f() { run(B::new); }", {("f", "B", CERTAIN)}),
    ("void f(B b) { run(b::m); }", {("f", "B.m", CERTAIN)}),
    ("void f() { new C(); }", {("f", "C", CERTAIN), ("f", "C.C", CERTAIN)}),
    ("A() {} void go() {} void f(A a) { a.go(); }", {("f", "A.go", CERTAIN)}),
    ("void f(B[] bs) { bs[0].m(); }", {("f", "B.m", LIKELY)}),
    ("void f() { xs.forEach(b -> b.m()); }", {("f", "B.m", LIKELY)}),
    ("void f() { xs.forEach((B b) -> b.m()); }", {("f", "B.m", CERTAIN)}),
    ("void f() { unknown.m(); }", set()),
    ("void f(Unknown u) { u.m(); }", set()),
    ('void f() { "x".m(); B.class.m(); }', set()),
    ("void f() { helper(); } void helper() {}", {("f", "A.helper", CERTAIN)}),
    ("void f() { inherited(); super.inherited(); }", {("f", "C.inherited", CERTAIN)}),
    ("A() { super(); }", {("A", "C", CERTAIN), ("A", "C.C", CERTAIN)}),
    ("A() { this(1); }", set()),
    ("void helper() {} class In { void f() { helper(); } }", {("In.f", "A.helper", CERTAIN)}),
    ("void helper() {} class In { void f() { A.this.helper(); } }", {("In.f", "A.helper", CERTAIN)}),
    ("void helper() {} void f(Object helper) { helper(); }", {("f", "A.helper", CERTAIN)}),
    ("B b; void f() { xs.each(b -> b.m()); b.m(); }", {("f", "B.m", CERTAIN)}),
    ("B b[]; void f() { b.m(); }", {("f", "B.m", LIKELY)}),
    ("static { B.s(); }", {("", "B.s", CERTAIN)}),
    ("B b = new B();", {("", "B", CERTAIN)}),
    ("void f() { new Runnable() { public void run() { B.s(); } }; }", {("f", "B.s", CERTAIN)}),
    ("void f(int x) { B b = x > 1 ? b : b; { String b; } b.m(); }", {("f", "B.m", LIKELY)}),
    ("void f(a.b.Missing x) { x.m(); }", set()),
    ("void f(java.util.List<B> x) { x.get(1); }", set()),
    ("void f() { only().once(); }", set()),
    ("void f(Object[] x) { x[0].twice(); }", {("f", "D.twice", BY_NAME), ("f", "E.twice", BY_NAME)}),
    ("void f(Object[] x) { x[0].get(); }", set()),
    ("void f() {" + "b." * 5 + "x" + ".y()" * 40 + "; }", set()),
]


@pytest.mark.parametrize(("body", "expected"), JAVA_CALLS, ids=[row[0][:60] for row in JAVA_CALLS])
def test_java_calls_are_resolved_by_type(body, expected):
    files = {
        "B.java": B,
        "C.java": "package p; class C { C() {} void inherited() {} void get() {} }",
        "D.java": "package q; class D { void twice() {} } class E { void twice() {} }",
        "A.java": f"package p;\nclass A extends C {{ {body} }}",
    }
    where = {name: path for path in "BCD" for name in [path]}
    where |= {"E": "D", "A": "A"}
    told = {(f"A.{s}" if s else "A", f"{where[to.partition('.')[0]]}.java#{to}", sure) for s, to, sure in expected}
    assert calls(files) == told


KOTLIN_CALLS = [
    ("fun f(b: B) { b.m() }", {("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f(b: B?) { b?.m()!!.m() }", {("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f() { val b = B()\n b.m() }", {("f", "x/B.java#B", CERTAIN), ("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f() { B.s() }", {("f", "x/B.java#B.s", CERTAIN)}),
    ("fun f(x: Any) { (x as B).m() }", {("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f() { listOf(1).forEach { it.m() } }", {("f", "x/B.java#B.m", LIKELY)}),
    ("fun f() { top() }", {("f", "q/tools.kt#top", CERTAIN)}),
    ("fun f() { renamed() }", {("f", "q/tools.kt#other", CERTAIN)}),
    ("fun f(b: B) { b.extended() }", {("f", "q/tools.kt#extended", CERTAIN)}),
    ("fun f(b: B) { b.stranger() }", set()),
    ("fun f(c: Below) { c.stranger() }", {("f", "q/tools.kt#stranger", CERTAIN)}),
    ('fun f() { "x".ofText() }', {("f", "q/tools.kt#ofText", LIKELY)}),
    ("fun f(b: B) { b.toString() }", set()),
    ("fun f() { Made.make().go() }", {("f", "q/tools.kt#Made.make", CERTAIN), ("f", "q/tools.kt#Made.go", CERTAIN)}),
    ("fun f() { Made.Only.o() }", {("f", "q/tools.kt#Made.Only.o", CERTAIN)}),
    ("class C(val b: B) { fun f() { b.m() } }", {("C.f", "x/B.java#B.m", CERTAIN)}),
    ("class C { lateinit var b: p.B\n fun f() = this.b.m() }", {("C.f", "x/B.java#B.m", CERTAIN)}),
    ("class C { init { B.s() } }", {("C", "x/B.java#B.s", CERTAIN)}),
    ("val b = B()\nfun f() { b.m() }", {("", "x/B.java#B", CERTAIN), ("f", "x/B.java#B.m", CERTAIN)}),
    ("fun B.g() { this.m() }", {("g", "x/B.java#B.m", CERTAIN)}),
    ("class C { fun g() {}\n fun f() { this@C.g() } }", {("C.f", "A.kt#C.g", CERTAIN)}),
    ("class C : Made() { fun f() { super.go(); go() } }", {("C.f", "q/tools.kt#Made.go", CERTAIN)}),
    ("fun f() { run(::top); run(B::m) }", {("f", "q/tools.kt#top", CERTAIN), ("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f() { when (val b = get()) { is B -> b.m() } }", set()),
    ("fun f() { try { } catch (b: B) { b.m() } }", {("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f() { for (b: B in bs) b.m() }", {("f", "x/B.java#B.m", CERTAIN)}),
    ("fun f() { val (b, c) = pair; b.m() }", {("f", "x/B.java#B.m", LIKELY)}),
    (
        "fun g() = B()\nfun f() { g().m() }",
        {("f", "A.kt#g", CERTAIN), ("f", "x/B.java#B.m", CERTAIN), ("g", "x/B.java#B", CERTAIN)},
    ),
    ("fun g(): B? = null\nfun f() { g()?.m() }", {("f", "A.kt#g", CERTAIN), ("f", "x/B.java#B.m", CERTAIN)}),
    ("typealias Bee = B\nfun f(b: Bee) { b.m() }", {("f", "x/B.java#B.m", CERTAIN)}),
    ('fun f() { "x".m() }', set()),
    ("fun f() { unknown() }", set()),
]


@pytest.mark.parametrize(("text", "expected"), KOTLIN_CALLS, ids=[row[0][:60] for row in KOTLIN_CALLS])
def test_kotlin_calls_are_resolved_across_languages(text, expected):
    files = {
        "x/B.java": B,
        "q/tools.kt": """package q
fun top() {}
fun other() {}
fun p.B.extended() {}
fun Made.stranger() {}
fun String.ofText() {}
fun Any.toString() {}
class Below : Made()
open class Made { fun go() {}
  companion object { fun make(): Made = Made() }
  object Only { fun o() {} }
}
""",
        "A.kt": f"package a\nimport p.B\nimport q.*\nimport q.other as renamed\n{text}\n",
    }
    assert calls(files, "A.kt") == expected


def test_java_calls_functions_of_a_kotlin_file_by_the_class_that_stands_for_it():
    files = {
        "q/tools.kt": "package q\nfun tool() {}",
        "A.java": "import q.ToolsKt; class A { void m() { ToolsKt.tool(); q.ToolsKt.tool(); } }",
    }
    assert calls(files) == {("A.m", "q/tools.kt#tool", CERTAIN)}


def test_of_two_types_of_one_name_the_nearer_is_meant():
    files = {
        "one/T.java": "package p; class T { void t() {} }",
        "two/T.java": "package p; class T { void t() {} }",
        "two/A.java": "package p; class A { T x; void m() { x.t(); } }",
    }
    assert ("A.m", "two/T.java#T.t", CERTAIN) in calls(files, "two/A.java")


def test_files_without_a_package_see_those_of_their_folder_alone():
    files = {
        "d/A.java": "class A { void m() { T.t(); U.u(); } }",
        "d/T.java": "class T { static void t() {} }",
        "e/U.java": "class U { static void u() {} }",
    }
    assert calls(files, "d/A.java") == {("A.m", "d/T.java#T.t", CERTAIN)}


def test_the_order_of_files_changes_nothing():
    files = {
        f"{n}/F{n}.java": f"package p{n % 3}; import p0.*; class F{n} extends F{n + 1} {{ F{n} f() {{ f(); }} }}"
        for n in range(9)
    }
    expected = list(JVM.link(facts_of(files)))
    assert expected
    for seed in range(3):
        items = list(files.items())
        random.Random(seed).shuffle(items)
        assert list(JVM.link(facts_of(dict(items)))) == expected


HOSTILE = [
    "",
    "\0",
    "\udcff class A {",
    "class",
    "package ;;; import ; import .*; class { void () { .x(); new (); } }",
    "import a" + ".b" * 5_000 + ";",
    "class A extends A { A a; void m() { a.a.a.m(); } }",
    "class A extends B {} class B extends A { void m() { x(); super.x(); } }",
    "class A { " * 50_000,
    "(" * 50_000,
    "class A { void m() { x = " + "f(" * 50_000,
    "class A { void m() { x" + ".f()" * 50_000 + "; } }",
    "class A { void m() { " + "f(); " * 200_000 + "} }",
    "fun f() { x" + ".f { it }" * 20_000 + " }",
    "typealias A = B\ntypealias B = A\nfun f(a: A) { a.x() }",
    "val a = b\nval b = a\nfun f() { a.x() }",
    "class A" + "x" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", ["A.java", "A.kt"])
def test_no_text_raises(path, text):
    found = JVM.extract(text, path, language(path))
    if found is not None:
        json.dumps(found.as_json())
        list(JVM.link({path: found, "B" + path: found}))
