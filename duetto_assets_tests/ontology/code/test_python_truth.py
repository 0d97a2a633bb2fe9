"""Imports and base classes of real packages, against what `ast` and a plain resolution of names say."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from duetto_assets.ontology.code.facts import Facts, Link
from duetto_assets.ontology.code.python import Python

PACKAGES = ("httpx", "httpcore", "click", "jinja2", "dagster_shared", "_pytest", "typer", "stamina", "fsspec")
BUILTINS = frozenset(dir(builtins))
ROOT = Path(sysconfig.get_paths()["purelib"])
Base = tuple[str, str, str, str]  # path and name of the class; path (or package) and full name of its base


@cache
def sources(package: str) -> Mapping[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text("utf-8", "replace")
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@cache
def links(package: str) -> list[tuple[str, Link]]:
    family = Python()
    read = {path: family.extract(text, path, "python") for path, text in sources(package).items()}
    return list(family.link({path: facts for path, facts in read.items() if isinstance(facts, Facts)}))


def file_of(files: Mapping[str, str], dotted: str) -> str | None:
    stem = dotted.replace(".", "/")
    return next((path for path in (f"{stem}/__init__.py", f"{stem}.py") if path in files), None)


def package_of(dotted: str) -> str:
    top = dotted.split(".")[0]
    if top in sys.stdlib_module_names or top == "builtins":
        return f"python/{top}"
    return "pypi/" + re.sub(r"[-_.]+", "-", top).lower()


def absolute(path: str, node: ast.ImportFrom) -> str:
    parts = path.removesuffix(".py").split("/")[: -node.level] if node.level else []
    return ".".join([*parts, *([node.module] if node.module else [])])


def imported(files: Mapping[str, str], path: str) -> Iterator[str]:
    """Yield the files and packages that a file imports."""
    for node in ast.walk(ast.parse(files[path])):
        if isinstance(node, ast.Import):
            named = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [(absolute(path, node), "" if alias.name == "*" else alias.name) for alias in node.names]
        else:
            continue
        for module, name in named:
            inner = file_of(files, f"{module}.{name}") if name else None
            if found := inner or file_of(files, module):
                yield found
            elif module.split(".")[0] != path.split("/")[0]:
                yield package_of(module)


class Names:
    """What names mean at the level of modules and classes, as far as statements alone tell."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.trees = {path: ast.parse(text) for path, text in files.items()}
        self.bound: dict[str, dict[str, list[ast.AST]]] = {path: self.bindings(self.trees[path]) for path in files}

    @staticmethod
    def bindings(scope: ast.AST) -> dict[str, list[ast.AST]]:
        """Return the statements that bind each name of a scope, in nested blocks too."""
        found: dict[str, list[ast.AST]] = {}
        waiting = list(ast.iter_child_nodes(scope))
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    found.setdefault((alias.asname or alias.name).split(".")[0], []).append(node)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(node)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.setdefault(node.target.id, []).append(node)
            elif not isinstance(node, ast.Lambda | ast.expr):
                waiting += ast.iter_child_nodes(node)
        return found

    def module_name(self, path: str, name: str, depth: int = 0) -> set[tuple[str, str]]:
        """Return path and name of what a module's name may be; package and full name if it lies outside."""
        if depth > 20:
            return set()
        if name in self.bound[path]:
            return {each for node in self.bound[path][name] for each in self.meaning(path, "", node, name, depth + 1)}
        for node in self.bound[path].get("*", ()):
            assert isinstance(node, ast.ImportFrom)
            source = file_of(self.files, absolute(path, node))
            if source is not None and (found := self.module_name(source, name, depth + 1)):
                return found
        return set()

    def meaning(
        self, path: str, inside: str, node: ast.AST, name: str, depth: int, around: list[ast.AST] | None = None
    ) -> set[tuple[str, str]]:
        if isinstance(node, ast.ClassDef):
            return {(path, f"{inside}.{name}" if inside else name)}
        if isinstance(node, ast.ImportFrom):
            original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            module = absolute(path, node)
            if (source := file_of(self.files, module)) is not None:
                if found := self.module_name(source, original, depth):
                    return found
                inner = file_of(self.files, f"{module}.{original}")
                return {(inner, "")} if inner else set()
            if inner := file_of(self.files, f"{module}.{original}"):
                return {(inner, "")}
            return {(package_of(module), f"{module}.{original}")}
        if isinstance(node, ast.Import):
            alias = next(alias for alias in node.names if (alias.asname or alias.name).split(".")[0] == name)
            module = alias.name if alias.asname else alias.name.split(".")[0]
            source = file_of(self.files, module)
            return {(source, "")} if source else {(package_of(module), module)}
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript):
            return self.expression(path, around or [], node.value, depth)
        return set()

    def attribute(self, place: str, name: str, attribute: str, depth: int) -> set[tuple[str, str]]:
        if place.startswith(("pypi/", "python/")) or name:
            return {(place, f"{name}.{attribute}")}
        inner = file_of(self.files, f"{place.removesuffix('.py').removesuffix('/__init__')}/{attribute}")
        return self.module_name(place, attribute, depth + 1) or ({(inner, "")} if inner else set())

    def expression(self, path: str, around: list[ast.AST], node: ast.AST, depth: int = 0) -> set[tuple[str, str]]:
        if depth > 20:
            return set()
        if isinstance(node, ast.Subscript):
            return self.expression(path, around, node.value, depth + 1)
        if isinstance(node, ast.Attribute):
            held = self.expression(path, around, node.value, depth + 1)
            return {found for place, name in held for found in self.attribute(place, name, node.attr, depth)}
        if not isinstance(node, ast.Name):
            return set()
        for at in range(len(around) - 1, -1, -1):
            scope = around[at]
            if isinstance(scope, ast.ClassDef) and at != len(around) - 1:
                continue
            inside = ".".join(each.name for each in around[: at + 1])  # type: ignore[attr-defined]
            if statements := self.bindings(scope).get(node.id):
                return {
                    found
                    for each in statements
                    for found in self.meaning(path, inside, each, node.id, depth + 1, around[: at + 1])
                }
            if isinstance(scope, ast.FunctionDef) and node.id in {
                arg.arg for arg in ast.walk(scope.args) if isinstance(arg, ast.arg)
            }:
                return set()
        if found := self.module_name(path, node.id, depth + 1):
            return found
        known = node.id in self.bound[path]
        return {("python/builtins", f"builtins.{node.id}")} if node.id in BUILTINS and not known else set()

    def bases(self, path: str) -> Iterator[tuple[str, set[tuple[str, str]]]]:
        """Yield the name of each class with what each of its bases may be."""
        waiting: list[tuple[ast.AST, list[ast.AST]]] = [(self.trees[path], [])]
        while waiting:
            node, around = waiting.pop()
            if isinstance(node, ast.ClassDef):
                name = ".".join(each.name for each in [*around, node])  # type: ignore[attr-defined]
                for base in node.bases:
                    yield name, self.expression(path, around, base)
            inner = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            waiting += [(child, [*around, node] if inner else around) for child in ast.iter_child_nodes(node)]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_those_that_ast_finds(package: str) -> None:
    files = sources(package)
    truth = {(path, target) for path in files for target in imported(files, path) if target != path}
    said = [(path, link.path or link.package) for path, link in links(package) if link.relation == "imports"]
    assert set(said) == truth
    assert len(said) == len(set(said))


@pytest.mark.parametrize("package", PACKAGES)
def test_base_classes_are_those_that_names_resolve_to(package: str) -> None:
    names = Names(sources(package))
    truth = {
        (path, cls, *base) for path in names.files for cls, bases in names.bases(path) for base in bases if base[1]
    }
    said = {
        (path, link.scope, link.path or link.package, link.name or link.written)
        for path, link in links(package)
        if link.relation == "inherits"
    }
    assert said == truth
