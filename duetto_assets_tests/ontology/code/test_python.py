"""Python: definitions, imports, base classes and calls, from small repositories."""

from __future__ import annotations

import ast
import json
import random
import re
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duetto_assets.ontology.code.facts import BY_NAME, CERTAIN, LIKELY, Facts, Link
from duetto_assets.ontology.code.python import Python

FAMILY = Python()


def extracted(files: Mapping[str, str]) -> dict[str, Facts]:
    read = {path: FAMILY.extract(dedent(text), path, "python") for path, text in files.items()}
    return {path: facts for path, facts in read.items() if facts is not None}


def linked(files: Mapping[str, str]) -> list[tuple[str, Link]]:
    return list(FAMILY.link(extracted(files)))


def imports(files: Mapping[str, str], path: str) -> list[str]:
    return [link.path or link.package for where, link in linked(files) if where == path and link.relation == "imports"]


def edges(files: Mapping[str, str], relation: str = "calls") -> dict[str, float]:
    """Return the links between symbols as "a.py f > b.py g", with their confidence."""
    return {
        f"{path} {link.scope} > {link.path} {link.name}" if link.path else f"{path} {link.scope} > {link.written}": (
            link.confidence
        )
        for path, link in linked(files)
        if link.relation == relation
    }


def calls(code: str) -> dict[str, float]:
    """Return the calls in one file, without its name."""
    return {edge.replace("m.py ", ""): confidence for edge, confidence in edges({"m.py": code}).items()}


# Definitions


def test_definitions_have_dotted_names_kinds_and_lines() -> None:
    facts = extracted(
        {
            "m.py": """
            import functools

            @functools.cache
            def outer():
                def inner(): ...

            class Shape:
                class Kind(Enum):
                    ROUND = 1

                async def area(self):
                    def helper(): ...

            if outer:
                def outer(): "a second one"
            type Shapes = list[Shape]
            """
        }
    )["m.py"]
    assert [(d.name, d.kind, d.line, d.end_line) for d in facts.definitions] == [
        ("outer", "function", 5, 6),
        ("outer.inner", "function", 6, 6),
        ("Shape", "class", 8, 13),
        ("Shape.Kind", "class", 9, 10),
        ("Shape.area", "method", 12, 13),
        ("Shape.area.helper", "function", 13, 13),
        ("Shapes", "alias", 17, 17),
    ]


def test_definitions_are_those_that_ast_finds() -> None:
    for path in sorted((Path(sysconfig.get_paths()["purelib"]) / "jinja2").glob("*.py")):
        text = path.read_text("utf-8")
        waiting: list[tuple[ast.AST, str]] = [(ast.parse(text), "")]
        truth = {}
        while waiting:
            node, inside = waiting.pop()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    name = f"{inside}.{child.name}" if inside else child.name
                    truth.setdefault(name, []).append((child.lineno, child.end_lineno))
                    waiting.append((child, name))
                else:
                    waiting.append((child, inside))
        facts = FAMILY.extract(text, path.name, "python")
        assert facts is not None
        assert {d.name: (d.line, d.end_line) for d in facts.definitions} == {n: min(at) for n, at in truth.items()}


# Imports

PACKAGE = {"app/__init__.py": "", "app/a.py": "", "app/sub/__init__.py": "", "app/sub/b.py": "X = 1"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import app.a", ["app/a.py"]),
        ("import app.sub.b as x, app", ["app/sub/b.py", "app/__init__.py"]),
        ("from app import a", ["app/a.py"]),
        ("from app.sub.b import X, Y", ["app/sub/b.py"]),
        ("from app.sub import *", ["app/sub/__init__.py"]),
        ("from . import a", ["app/a.py"]),
        ("from .sub import b, c", ["app/sub/b.py", "app/sub/__init__.py"]),
        ("from .a import x", ["app/a.py"]),
        ("from ...far import x", []),
        ("import app.missing", []),
        ("from app.missing import x", []),
        ("import json, os.path", ["python/json", "python/os"]),
        ("from __future__ import annotations", ["python/__future__"]),
        ("import yaml.nodes", ["pypi/yaml"]),
        ("from ruamel_yaml.x import y", ["pypi/ruamel-yaml"]),
        ("def f():\n    try:\n        from . import a\n    except ImportError:\n        import simplejson", [
            "app/a.py",
            "pypi/simplejson",
        ]),
        ("import app.a\nimport app.a\nfrom app import a", ["app/a.py"]),
        ("from . import main", []),
        ("from (", []),
    ],
)  # fmt: skip
def test_an_import_names_a_file_or_a_package(code: str, expected: list[str]) -> None:
    assert imports({**PACKAGE, "app/main.py": code}, "app/main.py") == expected


@pytest.mark.parametrize(
    ("files", "importer", "code", "expected"),
    [
        (["src/app/__init__.py", "src/app/a.py"], "tests/test_a.py", "from app import a", ["src/app/a.py"]),
        (["lib/app/__init__.py"], "run.py", "import app", ["lib/app/__init__.py"]),
        (["python/libs/app/__init__.py"], "run.py", "import app", ["python/libs/app/__init__.py"]),
        (["tools/shared.py"], "tools/run.py", "import shared", ["tools/shared.py"]),
        (["tools/shared.py"], "run.py", "import shared", ["pypi/shared"]),
        (["tools/json.py"], "tools/run.py", "import json", ["tools/json.py"]),
        (["app/__init__.py", "app/json.py"], "app/run.py", "import json", ["python/json"]),
        (["py/app/__init__.py", "py/json.py"], "py/app/run.py", "import json", ["python/json"]),
        (["src/space/a.py"], "run.py", "import space.a", ["src/space/a.py"]),
        (["space/a.py"], "run.py", "from space import a, b", ["space/a.py", "pypi/space"]),
        (["docker/build.py"], "run.py", "import docker", ["pypi/docker"]),
        (["app/x.py", "app/x.pyi", "app/__init__.py"], "app/run.py", "from .x import y", ["app/x.py"]),
        (["app/x.pyi", "app/__init__.py"], "app/run.py", "from .x import y", ["app/x.pyi"]),
        (["one/app/__init__.py", "two/app/__init__.py"], "two/test.py", "import app", ["two/app/__init__.py"]),
        (["one/app/__init__.py", "two/in/app/__init__.py"], "two/t/x.py", "import app", ["two/in/app/__init__.py"]),
        (["app/__init__.py", "src/app/__init__.py"], "run.py", "import app", ["app/__init__.py"]),
    ],
)
def test_roots_of_packages_are_inferred(files: list[str], importer: str, code: str, expected: list[str]) -> None:
    assert imports({**dict.fromkeys(files, ""), importer: code}, importer) == expected


def test_an_import_says_its_full_name_and_first_line() -> None:
    code = "import os\nfrom requests.adapters import HTTPAdapter\nimport requests"
    links = [link for _, link in linked({"m.py": code})]
    assert links == [
        Link("imports", "", package="python/os", written="os", line=1),
        Link("imports", "", package="pypi/requests", written="requests.adapters.HTTPAdapter", line=2),
    ]


# Base classes


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("class A: ...\nclass B(A): ...", ["B > m.py A"]),
        ("class A:\n    class I: ...\nclass B(A): ...\nclass C(B.I): ...", ["B > m.py A", "C > m.py A.I"]),
        ("class E(Exception): ...", ["E > builtins.Exception"]),
        ("from app import Base\nclass B(Base[int], metaclass=M): ...", ["B > app/core.py Base"]),
        ("from app import *\nclass B(Base): ...", ["B > app/core.py Base"]),
        ("import app as x\nclass B(x.core.Base): ...", ["B > app/core.py Base"]),
        ("import app.core\nclass B(app.core.Base): ...", ["B > app/core.py Base"]),
        ("from typing import Generic\nclass B(Generic[T]): ...", ["B > typing.Generic"]),
        ("import collections.abc as c\nclass B(c.Mapping[str, int]): ...", ["B > collections.abc.Mapping"]),
        ("import enum\nBase = enum.Enum\nclass B(Base): ...", ["B > enum.Enum"]),
        ("from collections import namedtuple\nclass B(namedtuple('B', 'x')): ...", []),
        ("def f(base):\n    class B(base): ...", []),
        ("def f():\n    class A: ...\n    class B(A): ...", ["f.B > m.py f.A"]),
    ],
)
def test_base_classes_are_resolved_by_names(code: str, expected: list[str]) -> None:
    files = {"app/__init__.py": "from .core import Base", "app/core.py": "class Base: ...", "m.py": code}
    assert edges(files, "inherits") == {f"m.py {edge}": CERTAIN for edge in expected}


def test_a_base_class_that_depends_on_a_condition_is_likely() -> None:
    code = "try:\n    from fast import B\nexcept ImportError:\n    from slow import B\nclass A(B): ..."
    assert edges({"m.py": code}, "inherits") == {"m.py A > fast.B": LIKELY, "m.py A > slow.B": LIKELY}


# Calls

CALLS = [
    ("a name", "def f(): ...\ndef g(): f()\ng()", {"g > f": CERTAIN, " > g": CERTAIN}),
    ("class bodies", "def f(): ...\nclass A:\n    x = f()", {"A > f": CERTAIN}),
    ("defaults and decorators belong outside", "def f(): ...\ndef g(x=f()): ...", {" > f": CERTAIN}),
    ("assigned", "def f(): ...\na = b = f\na()", {" > f": CERTAIN}),
    ("the latest assignment", "def f(): ...\ndef g(): ...\na = f\na = g\na()", {" > g": CERTAIN}),
    ("either branch", "def f(): ...\ndef g(): ...\na = f\nif x: a = g\na()", {" > f": LIKELY, " > g": LIKELY}),
    ("what a loop may have bound", "def f(): ...\ndef g(): ...\na = f\nfor x in y: a = g\na()", {
        " > f": LIKELY, " > g": LIKELY,
    }),
    ("unpacked",
     "def f(): ...\ndef g(): ...\na, (b, *c) = f, (g, f)\nb()\nc[0]()", {" > f": CERTAIN, " > g": CERTAIN}),
    ("swapped", "def f(): ...\ndef g(): ...\na, b = f, g\na, b = b, a\na()", {" > g": CERTAIN}),
    ("returned", "def f():\n    return g\ndef g(): ...\nf()()", {" > f": CERTAIN, " > g": CERTAIN}),
    ("an argument", "def f(x): x()\ndef g(): ...\nf(g)", {" > f": CERTAIN, "f > g": LIKELY}),
    ("a keyword", "def f(*, x): x()\ndef g(): ...\nf(x=g)", {" > f": CERTAIN, "f > g": LIKELY}),
    ("a default", "def g(): ...\ndef f(x=g): x()", {"f > g": LIKELY}),
    ("more arguments", "def g(): ...\ndef f(*a):\n    for x in a: x()\nf(g)", {" > f": CERTAIN, "f > g": LIKELY}),
    ("a dictionary", "def f(): ...\ndef g(): ...\nd = {'a': f, 'b': g}\nd['a']()", {" > f": CERTAIN}),
    ("a late key", "def f(): ...\nd = {}\nd['a'] = f\nd.get('a')()", {" > f": CERTAIN}),
    ("a list", "def f(): ...\nfor x in [f]: x()", {" > f": CERTAIN}),
    ("appended", "def f(): ...\nxs = []\nxs.append(f)\nxs[0]()", {" > f": CERTAIN}),
    ("comprehensions", "def f(): ...\n[x() for x in (f,)]", {" > f": CERTAIN}),
    ("generators",
     "def f(): ...\ndef g():\n    yield f\nfor x in g(): x()", {" > f": CERTAIN, " > g": CERTAIN}),
    ("lambdas are their surroundings", "def f(): ...\ndef g():\n    return lambda: f()", {"g > f": CERTAIN}),
    ("closures", "def f():\n    def g(): ...\n    def h(): g()\n    return h", {"f.h > f.g": CERTAIN}),
    ("raise", "class E(Exception):\n    def __init__(self): ...\nraise E", {" > E": CERTAIN, " > E.__init__": CERTAIN}),
    ("map", "def f(x): ...\nmap(f, [1])", {" > f": CERTAIN}),
    ("partial", "import functools\ndef f(x): ...\nfunctools.partial(f, 1)()", {
        " > functools.partial": CERTAIN, " > f": CERTAIN,
    }),
    ("a constructor", "class A:\n    def __init__(self): ...\nclass B(A): ...\nB()", {
        " > B": CERTAIN, " > A.__init__": CERTAIN,
    }),
    ("a method", "class A:\n    def f(self): ...\na = A()\na.f()", {" > A": CERTAIN, " > A.f": CERTAIN}),
    ("a bound method", "class A:\n    def f(self): ...\ng = A().f\ng()", {" > A": CERTAIN, " > A.f": CERTAIN}),
    ("self", "class A:\n    def f(self): self.g()\n    def g(self): ...", {"A.f > A.g": CERTAIN}),
    ("inherited", "class A:\n    def g(self): ...\nclass B(A):\n    def f(self): self.g()", {"B.f > A.g": CERTAIN}),
    ("super", "class A:\n    def f(self): ...\nclass B(A):\n    def f(self): super().f()", {"B.f > A.f": CERTAIN}),
    ("static", "class A:\n    @staticmethod\n    def f(): ...\nA.f()", {" > A.f": CERTAIN}),
    ("a class method",
     "class A:\n    @classmethod\n    def new(cls): return cls()\n    def f(self): ...\nA.new().f()", {
        "A.new > A": CERTAIN, " > A.new": CERTAIN, " > A.f": CERTAIN,
    }),
    ("a fluent method of a subclass", ("class A:\n    def f(self): return self\nclass B(A):\n    def g(self): ...\n"
     "B().f().g()"), {" > B": CERTAIN, " > A.f": CERTAIN, " > B.g": CERTAIN}),
    ("an override", ("class A:\n    def f(self): self.g()\n    def g(self): ...\nclass B(A):\n    def g(self): ...\n"
     "B().f()"), {" > B": CERTAIN, " > A.f": CERTAIN, "A.f > A.g": CERTAIN, "A.f > B.g": LIKELY}),
    ("C3", ("class O:\n    def f(self): ...\nclass A(O): ...\nclass B(O):\n    def f(self): ...\nclass C(A, B): ...\n"
     "C().f()"), {" > C": CERTAIN, " > B.f": CERTAIN}),
    ("an attribute", ("class A:\n    def f(self): ...\nclass B:\n    def __init__(self): self.a = A()\n"
     "    def g(self): self.a.f()"), {"B.__init__ > A": CERTAIN, "B.g > A.f": CERTAIN}),
    ("a property", ("class A:\n    def f(self): ...\nclass B:\n    @property\n    def a(self): return A()\n"
     "    def g(self): self.a.f()"), {"B.a > A": CERTAIN, "B.g > A.f": CERTAIN}),
    ("a declared type", "class A:\n    def f(self): ...\ndef g(a: 'A | None', b: list[A]):\n    a.f()\n    b[0].f()", {
        "g > A.f": CERTAIN,
    }),
    ("a declared field", "class A:\n    def f(self): ...\nclass B:\n    a: A\n    def g(self): self.a.f()", {
        "B.g > A.f": CERTAIN,
    }),
    ("a declared result", "class A:\n    def f(self): ...\ndef new(x) -> A: return x\nnew(1).f()", {
        " > new": CERTAIN, " > A.f": CERTAIN,
    }),
    ("a checked type",
     "class A:\n    def f(self): ...\ndef g(x):\n    if isinstance(x, A): x.f()", {"g > A.f": CERTAIN}),
    ("a context", "class A:\n    def __enter__(self): return self\n    def f(self): ...\nwith A() as a: a.f()", {
        " > A": CERTAIN, " > A.__enter__": CERTAIN, " > A.f": CERTAIN,
    }),
    ("iteration", "class A:\n    def __iter__(self): return self\n    def __next__(self): ...\nfor x in A(): ...", {
        " > A": CERTAIN, " > A.__iter__": CERTAIN, " > A.__next__": CERTAIN,
    }),
    ("an instance", "class A:\n    def __call__(self): ...\nA()()", {" > A": CERTAIN, " > A.__call__": CERTAIN}),
    ("a decorator", "def d(f):\n    def w(): f()\n    return w\n@d\ndef g(): ...\ng()", {
        " > d": CERTAIN, " > d.w": CERTAIN, "d.w > g": LIKELY,
    }),
    ("a foreign decorator", "import x\n@x.y\ndef g(): ...\ng()", {" > x.y": CERTAIN, " > g": CERTAIN}),
    ("outside", "import requests\ns = requests.Session()\ns.get('')", {
        " > requests.Session": CERTAIN, " > requests.Session.get": CERTAIN,
    }),
    ("an outside base", "from x import Base\nclass A(Base):\n    def f(self): self.g()", {"A.f > x.Base.g": CERTAIN}),
    ("builtins are left out", "print(len([]))\n''.join([])", {}),
    ("an unknown receiver", "class A:\n    def settle(self): ...\ndef f(x): x.settle()", {"f > A.settle": LIKELY}),
    ("a common name", "class A:\n    def append(self): ...\ndef f(x): x.append()", {}),
    ("a thing of a library", "import x\nclass A:\n    def settle(self): ...\nx.y().settle()", {" > x.y": CERTAIN}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), [pytest.param(*row, id=name) for name, *row in CALLS])
def test_calls_follow_values(code: str, expected: dict[str, float]) -> None:
    assert calls(code) == expected


def test_a_method_of_many_classes_is_guessed_up_to_a_limit() -> None:
    def code(count: int) -> str:
        return "\n".join(f"class A{n}:\n    def settle(self): ..." for n in range(count)) + "\ndef f(x): x.settle()"

    assert calls(code(3)) == {f"f > A{n}.settle": BY_NAME for n in range(3)}
    assert calls(code(4)) == {}


@pytest.mark.parametrize(
    "code",
    [
        "from app import make\nmake()",
        "import app\napp.make()",
        "import app.core as c\nc.make()",
        "from app.core import *\nmake()",
        "from app import *\nmake()",
        "from app import core\ncore.make()",
        "from app.again import renamed\nrenamed()",
    ],
)
def test_calls_cross_files(code: str) -> None:
    files = {
        "app/__init__.py": "from .core import make",
        "app/core.py": "def make(): ...",
        "app/again.py": "from app import make as renamed",
        "m.py": code,
    }
    assert edges(files) == {"m.py  > app/core.py make": CERTAIN}


def test_a_star_import_leaves_out_what_is_private_or_not_exported() -> None:
    files = {
        "a.py": "__all__ = ['f']\ndef f(): ...\ndef g(): ...",
        "b.py": "def _h(): ...",
        "m.py": "from a import *\nfrom b import *\nf()\ng()\n_h()",
    }
    assert edges(files) == {"m.py  > a.py f": CERTAIN}


def test_a_package_that_imports_its_own_part_binds_the_module() -> None:
    files = {"app/__init__.py": "from . import part", "app/part.py": "def f(): ...", "m.py": "import app\napp.part.f()"}
    assert edges(files) == {"m.py  > app/part.py f": CERTAIN}


# The contract


def jinja() -> dict[str, Facts]:
    folder = Path(sysconfig.get_paths()["purelib"])
    return extracted(
        {str(p.relative_to(folder)): p.read_text("utf-8") for p in sorted((folder / "jinja2").glob("*.py"))}
    )


def test_facts_survive_json() -> None:
    facts = jinja()
    stored = {path: Facts.from_json(json.loads(json.dumps(each.as_json()))) for path, each in facts.items()}
    assert list(FAMILY.link(stored)) == list(FAMILY.link(facts))


def test_the_order_of_files_does_not_matter() -> None:
    facts = jinja()
    expected = list(FAMILY.link(facts))
    for seed in range(3):
        paths = list(facts)
        random.Random(seed).shuffle(paths)
        assert list(FAMILY.link({path: facts[path] for path in paths})) == expected


def test_every_link_stands_in_a_definition_and_leads_to_one() -> None:
    facts = jinja()
    defined = {(path, d.name) for path, each in facts.items() for d in each.definitions}
    for path, link in FAMILY.link(facts):
        assert not link.scope or (path, link.scope) in defined
        assert not link.name or (link.path, link.name) in defined
        assert bool(link.path) != bool(link.package)
        assert link.line > 0


PIECES = st.sampled_from(
    [
        *re.findall(r"\S+", "class A def f ( ) : x = * ** , . [ ] { } lambda import from a.b as if else for in try"),
        *re.findall(
            r"\S+", "except with match case yield return raise 'q \" @ -> := await async global self super() é"
        ),
        *"\\\0\n\t\x0c",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
@given(st.lists(PIECES, max_size=60))
def test_no_text_is_too_broken(pieces: list[str]) -> None:
    facts = FAMILY.extract(" ".join(pieces), "m.py", "python")
    if facts is not None:
        list(FAMILY.link({"m.py": facts}))


DEEP = 100_000
HOSTILE = {
    "parentheses": "(" * DEEP + ")" * DEEP,
    "open parentheses": "f(" * DEEP,
    "a chain": "x" + ".f()" * DEEP,
    "subscripts": "x: " + "list[" * 20_000 + "int" + "]" * 20_000,
    "a sum": "x = " + "a + " * DEEP + "a",
    "lambdas": "lambda: " * 20_000 + "x",
    "conditions": "a if b else " * 20_000 + "c",
    "targets": "a = " * DEEP + "b",
    "one line": "f(1); " * 170_000,
    "names": "; ".join(f"a{n} = a{n // 2}" for n in range(50_000)),
    "branches": "\n".join(f"if a{n}: b{n} = c" for n in range(20_000)),
    "quotes": 'def f(x: "' + "'" * 1000 + '"): ...',
    "NUL": "\0" * 1000 + "def f(): ...",
    "cyclic classes": "class A(B): ...\nclass B(A): ...\nA().f()",
    "a class of itself": "class A(A): ...\nA().f()",
    "a long line of classes": "class A0: ...\n" + "\n".join(f"class A{n}(A{n - 1}): ..." for n in range(1, 5_000)),
    "cyclic values": "a = b\nb = a\na.x = a\na = a.x()\na = [a]\na[0]()",
    "growing values": "def f(x): return f([x, f])\nf(f(f))",
    "a name of a library": "import a\nwhile b:\n    a = a.a",
}


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in HOSTILE.items()])
def test_hostile_text_ends(code: str) -> None:
    facts = FAMILY.extract(code, "m.py", "python")
    if facts is not None:
        assert json.loads(json.dumps(facts.as_json()))
        list(FAMILY.link({"m.py": facts}))


def test_cyclic_imports_end() -> None:
    count = 1_500
    stars = {f"a{n}.py": f"from a{(n + 1) % count} import *\nfrom a{n // 2} import x as y\nz()" for n in range(count)}
    assert len(linked(stars)) >= count
    assert edges({"a.py": "from b import x", "b.py": "from a import x\nx()"}) == {}
