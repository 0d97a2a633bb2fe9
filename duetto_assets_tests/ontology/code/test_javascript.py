"""How JavaScript and TypeScript files name and reach each other."""

import pytest

from duetto_assets.ontology.code.scopes import words
from duetto_assets_tests.ontology.code.test_scopes import JAVASCRIPT, defined, facts_of, said

DEFINITIONS = {
    "class A { m() {} static s() {} get g() { return 1 } #p() {} f = () => 1; x = 1 }": [
        "class A 1-1",
        "method A.m 1-1",
        "method A.s 1-1",
        "method A.g 1-1",
        "method A.p 1-1",
        "method A.f 1-1",
    ],
    "interface I { f(): X; x: Y }\nenum E { A }\ntype T = { g(): X }\nabstract class Q { abstract z(): void }": [
        "interface I 1-1",
        "method I.f 1-1",
        "enum E 2-2",
        "alias T 3-3",
        "method T.g 3-3",
        "class Q 4-4",
        "method Q.z 4-4",
    ],
    "const f = () => 1\nlet g = function () {\n}\nfunction h() { function i() {} }\nasync function* j() {}\nconst "
    "x = 1": [
        "function f 1-1",
        "function g 2-3",
        "function h 4-4",
        "function h.i 4-4",
        "function j 5-5",
    ],
    "const api = { get() {}, put: () => 1, ...more }\nconst config = { a: 1 }": [
        "class api 1-1",
        "method api.get 1-1",
        "method api.put 1-1",
    ],
    "namespace N.M { export function f() {} }\ndeclare module 'x/y' { function g(): void }": [
        "module N.M 1-1",
        "function N.M.f 1-1",
        "function g 2-2",
    ],
    "export default class {}": ["class default 1-1"],
    "export default () => 1": ["function default 1-1"],
    "export default function main() {}": ["function main 1-1"],
    "module.exports.f = function () {}; exports.g = () => 1; module.exports = { h() {}, i: function () {} }": [
        "function f 1-1",
        "function g 1-1",
        "function h 1-1",
        "function i 1-1",
    ],
    "function A() {}\nA.prototype.m = function () {}\nA.of = () => 1": [
        "function A 1-1",
        "method A.m 2-2",
        "function A.of 3-3",
    ],
    "function f(x: A): B\nfunction f(x: B): B\nfunction f(x) { }": ["function f 1-1"],
}


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS.items())
def test_what_is_defined(text: str, expected: list[str]) -> None:
    assert defined(JAVASCRIPT, "a.ts", text) == sorted(expected)


LIB = {
    "lib.ts": "export class Repo { find() {} static of(): Repo { return new Repo() } }\n"
    "export function load() {}\nexport default function main() {}\nexport const repo = new Repo()",
}
CASES = {
    "named imports": (
        LIB | {"a.ts": "import { load as l, Repo } from './lib'; l(); new Repo()"},
        {"a.ts - imports lib.ts", "a.ts - calls lib.ts#load", "a.ts - calls lib.ts#Repo"},
    ),
    "default imports": (
        LIB | {"a.ts": "import m from './lib'; function f() { m() }"},
        {"a.ts - imports lib.ts", "a.ts f calls lib.ts#main"},
    ),
    "imports of everything": (
        LIB | {"a.ts": "import * as lib from './lib'; lib.load(); new lib.Repo().find(); lib.Repo.of().find()"},
        {
            "a.ts - imports lib.ts",
            "a.ts - calls lib.ts#load",
            "a.ts - calls lib.ts#Repo",
            "a.ts - calls lib.ts#Repo.find",
            "a.ts - calls lib.ts#Repo.of",
        },
    ),
    "values": (
        LIB | {"a.ts": "import { repo } from './lib'; repo.find(); repo()"},
        {"a.ts - imports lib.ts", "a.ts - calls lib.ts#Repo.find"},
    ),
    "re-exports, and circles of them": (
        LIB
        | {
            "index.ts": "export * from './lib'; export { load as go, default as start } from './lib';"
            "export * as all from './lib'; export * from './a'",
            "a.ts": "import { Repo, go, start, all } from '.'; new Repo(); go(); start(); all.load()",
            "b.ts": "import { Repo as R } from './lib'; export { R as Q }",
            "c.ts": "import { Q } from './b'; new Q()",
        },
        {
            "a.ts - calls lib.ts#Repo",
            "a.ts - calls lib.ts#load",
            "a.ts - calls lib.ts#main",
            "a.ts - imports index.ts",
            "b.ts - imports lib.ts",
            "c.ts - imports b.ts",
            "c.ts - calls lib.ts#Repo",
            "index.ts - imports a.ts",
            "index.ts - imports lib.ts",
        },
    ),
    "CommonJS": (
        {
            "one.js": "class One { m() {} }\nmodule.exports = One",
            "many.js": "function f() {}\nconst g = () => 1\nmodule.exports = { f, h: g, k() {} }\nexports.q = "
            "function () {}",
            "more.js": "module.exports = require('./many')",
            "named.js": "exports.one = require('./one')",
            "a.js": "const One = require('./one'), many = require('./many')\nconst { f, h: i } = require('./more')\n"
            "new One().m(); many.k(); many.q(); f(); i(); require('./named').x; new (require('./named').one)()",
            "b.js": "const n = require('./named'); new n.one()",
        },
        {
            "a.js - imports one.js",
            "a.js - imports many.js",
            "a.js - imports more.js",
            "a.js - imports named.js",
            "a.js - calls one.js#One",
            "a.js - calls one.js#One.m",
            "a.js - calls many.js#k",
            "a.js - calls many.js#q",
            "a.js - calls many.js#f",
            "a.js - calls many.js#g",
            "b.js - imports named.js",
            "b.js - calls one.js#One",
            "more.js - imports many.js",
            "named.js - imports one.js",
        },
    ),
    "how files are found": (
        {
            "src/a.ts": "import './b.js'; import './c'; import './d'; import './e/index'; import '@/f'; import '~/g';"
            "import './style.css'; import './missing'; import h = require('./h'); const i = await import('./i');"
            "import '../j.mjs'; import './k?raw'; import('./l')",
            "src/b.ts": "",
            "src/c.d.ts": "",
            "src/d/index.tsx": "",
            "src/e/index.jsx": "",
            "src/f.ts": "",
            "g.cjs": "",
            "src/h.cts": "",
            "src/i.js": "",
            "j.mts": "",
            "src/k.tsx": "",
            "src/l.js": "",
            "test/t.ts": "import '@/f'",
        },
        {
            "test/t.ts - imports src/f.ts",
        }
        | {
            f"src/a.ts - imports {path}"
            for path in words(
                "src/b.ts src/c.d.ts src/d/index.tsx src/e/index.jsx src/f.ts g.cjs src/h.cts src/i.js j.mts src/k.tsx "
                "src/l.js"
            )
        },
    ),
    "packages": (
        {
            "a.ts": "import axios from 'axios'; import { get as g } from '@acme/net/http'; import * as fs from "
            "'node:fs';"
            "import path from 'path'; import 'https://x.org/y.js'; import '#internal';"
            "axios(); axios.get(); g(); fs.promises.read(); class A extends axios.Base {}\nnew axios.Client().send()",
        },
        {
            "a.ts - imports npm/axios",
            "a.ts - imports npm/@acme/net",
            "a.ts - imports node/fs",
            "a.ts - imports node/path",
            "a.ts - calls npm/axios#axios",
            "a.ts - calls npm/axios#axios.get",
            "a.ts - calls npm/@acme/net#@acme/net/http.get",
            "a.ts - calls node/fs#fs.promises.read",
            "a.ts - calls npm/axios#axios.Client",
            "a.ts - calls npm/axios#axios.Client.send",
            "a.ts A inherits npm/axios#axios.Base",
        },
    ),
    "a path below the project's root": (
        {"web/src/a.ts": "import { f } from 'lib/b'; f()", "web/src/lib/b.ts": "export const f = () => 1"},
        {"web/src/a.ts - imports web/src/lib/b.ts ~0.7", "web/src/a.ts - calls web/src/lib/b.ts#f ~0.7"},
    ),
    "inheritance": (
        {
            "base.ts": "export class Base { m() {} n() {} }\nexport interface I extends J {}\ninterface J { i(): "
            "void }",
            "a.ts": "import * as b from './base'\nclass A extends b.Base implements b.I { constructor() { super() }\n"
            " n() { super.n(); this.m(); this.n(); this.gone(); m() } }\nclass B extends A { x(i: b.I) { this.m(); "
            "i.i() } }",
        },
        {
            "a.ts - imports base.ts",
            "a.ts A inherits base.ts#Base",
            "a.ts A implements base.ts#I",
            "a.ts A.constructor calls base.ts#Base",
            "a.ts A.n calls base.ts#Base.n",
            "a.ts A.n calls base.ts#Base.m",
            "a.ts A.n calls a.ts#A.n",
            "a.ts B inherits a.ts#A",
            "a.ts B.x calls base.ts#Base.m",
            "a.ts B.x calls base.ts#J.i",
            "base.ts I inherits base.ts#J",
        },
    ),
    "types of fields, parameters, variables and results": (
        {
            "t.ts": "export class T { m(): T { return this } go() {} }\nexport type Alias = T\n"
            "export async function make(): Promise<T | null> { return new T() }",
            "a.ts": "import { T, Alias, make } from './t'\n"
            "class A { a: T; b = new T(); c; d; constructor(private e: T, f: T) { this.c = f; this.d = new T() }\n"
            "  one() { this.a.go() }\n  two() { this.b.m().m().go() }\n  three() { this.c.go() }\n"
            "  four() { this.d.go() }\n  five() { this.e.go() } }\n"
            "function six(x: Alias) { x.go() }\n"
            "async function seven() { const x = await make(); x!.go(); (await make())?.m() }\n"
            "function eight(a: A) { const { b } = a; b.go(); const c = a.c; c.m() }\n"
            "const nine = (x: unknown, ts: T[]) => { (x as T).go(); ts.map((y: T) => y.m()) }",
        },
        {
            "a.ts - imports t.ts",
            "a.ts A calls t.ts#T",
            "a.ts A.constructor calls t.ts#T",
            *(f"a.ts A.{name} calls t.ts#T.go" for name in ("one", "two", "three", "four", "five")),
            "a.ts A.two calls t.ts#T.m",
            "a.ts six calls t.ts#T.go",
            "a.ts seven calls t.ts#make",
            "a.ts seven calls t.ts#T.go",
            "a.ts seven calls t.ts#T.m",
            "a.ts eight calls t.ts#T.go",
            "a.ts eight calls t.ts#T.m",
            "a.ts nine calls t.ts#T.m",
            "a.ts nine calls t.ts#T.go",
            "t.ts make calls t.ts#T",
        },
    ),
    "objects": (
        {
            "api.ts": "function login() {}\nexport const api = { login, get() { this.put() }, put: () => 1 }\n"
            "export default { run() {} }",
            "a.ts": "import run, { api } from './api'; api.get(); api.login(); run.run()",
        },
        {
            "a.ts - imports api.ts",
            "a.ts - calls api.ts#api.get",
            "a.ts - calls api.ts#login",
            "a.ts - calls api.ts#default.run",
            "api.ts api.get calls api.ts#api.put",
        },
    ),
    "components": (
        {
            "ui.tsx": "export function Button() { return <div/> }\nexport const Icons = { Star() {} }",
            "a.tsx": "import { Button, Icons } from './ui'\nconst Page = () => "
            "<main><Button/><Icons.Star>x</Icons.Star></main>",
        },
        {"a.tsx - imports ui.tsx", "a.tsx Page calls ui.tsx#Button", "a.tsx Page calls ui.tsx#Icons.Star"},
    ),
    "decorators": (
        {"a.ts": "function Log() {}\nfunction Tag(x) {}\n@Log\nclass A { @Tag('x') m() {} }"},
        {"a.ts A calls a.ts#Log", "a.ts A calls a.ts#Tag"},
    ),
    "scopes, inner ones first": (
        {
            "a.js": "function f() {}\nfunction g() { function f() {}\n f() }\nfunction h(f) { f() }\nfunction i() "
            "{ f() }\n"
            "const cb = list => list.each(f => f())",
        },
        {"a.js g calls a.js#g.f", "a.js i calls a.js#f", "a.js cb calls a.js#f"},
    ),
    "a method's name, where nothing else tells": (
        {
            "a.js": "export class A { only() {} two() {} push() {} }\nexport class B { two() {} }\n"
            "function f(x, y) { x.only(); x[0].two(); y.push(); console.only(); JSON.only(); 'a'.only(); [].only() }",
        },
        {"a.js f calls a.js#A.only ~0.7", "a.js f calls a.js#A.two ~0.3", "a.js f calls a.js#B.two ~0.3"},
    ),
    "the surest of what is said twice": (
        {
            "a.ts": "class A { only() {} }\nfunction f(x, a: A) { x.only(); a.only() }\n"
            "function g(x, a: A) { a.only(); x.only() }"
        },
        {"a.ts f calls a.ts#A.only", "a.ts g calls a.ts#A.only"},
    ),
    "what an interface is made of is not above a class": (
        {"a.ts": "interface I { m(): void }\nclass A implements I { constructor() { super(); } m() {} }"},
        {"a.ts A implements a.ts#I"},
    ),
    "more than a few methods of a name say nothing": (
        {"a.js": "".join(f"class A{n} {{ many() {{}} }}\n" for n in range(4)) + "export const f = x => x.many()"},
        set(),
    ),
    "scripts share their globals": (
        {
            "a.js": "function helper() {}",
            "b.js": "helper()",
            "c.js": "import './b'; helper()",
            "d.js": "export function other() {}",
            "e.js": "other()",
        },
        {"b.js - calls a.js#helper ~0.7", "c.js - imports b.js", "c.js - calls a.js#helper ~0.7"},
    ),
    "names that lead to themselves": (
        {
            "a.js": "export { x } from './b'; import { x } from './b'; x(); let y = z(); let z = y(); y.m()",
            "b.js": "export { x } from './a'",
        },
        {"a.js - imports b.js", "b.js - imports a.js"},
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_what_is_linked(files: dict[str, str], expected: set[str]) -> None:
    assert {one for one in said(JAVASCRIPT, files) if not one.startswith("lib.ts")} == expected


def test_facts_are_small_and_leave_out_variables_that_nobody_asks_for() -> None:
    (facts,) = facts_of(JAVASCRIPT, {"a.js": "function f(a, b) { const c = new T(); b.m(); b.m() }"}).values()
    assert facts.body is not None
    assert facts.body["bindings"] == [["f", "b", ""]]
    assert facts.body["calls"] == [["f", "T", 1], ["f", "b.m", 1]]
