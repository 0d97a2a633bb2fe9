"""Finds the file that an import names, as Python would, without a `sys.path`: where packages are rooted is inferred."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterable
from typing import NamedTuple

BUILTINS = frozenset(dir(builtins))
_SUFFIXES = ("/__init__.py", ".py", "/__init__.pyi", ".pyi")  # which stands for a module, the first there is


class Target(NamedTuple):
    """What an import names: a file, a folder without `__init__.py`, a package outside of the repository, or nothing."""

    path: str = ""
    folder: str | None = None
    outside: str = ""


def package_of(dotted: str) -> str:
    """Return the package of a module or name that the repository does not have: "pypi/requests", "python/os"."""
    top = dotted.partition(".")[0]
    if top in sys.stdlib_module_names or top == "builtins":
        return f"python/{top}"
    return "pypi/" + re.sub(r"[-_.]+", "-", top).lower()


def folder_of(path: str) -> str:
    """Return the folder of a file; "" for the repository's root."""
    return path.rpartition("/")[0]


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


class Modules:
    """The modules of a repository, by its paths."""

    def __init__(self, paths: Iterable[str]) -> None:
        paths = sorted(paths)
        known = set(paths)
        self._files: dict[str, str] = {}
        self._folders: set[str] = {""}
        for path in paths:
            for suffix in _SUFFIXES:
                if path.endswith(suffix):
                    stem = path[: -len(suffix)]
                    first = next(stem + each for each in _SUFFIXES if stem + each in known)
                    self._files[stem] = first
                    break
            if path in ("__init__.py", "__init__.pyi"):
                self._files.setdefault("", path)
            folder = folder_of(path)
            while folder not in self._folders:
                self._folders.add(folder)
                folder = folder_of(folder)
        self._packages = {stem for stem, path in self._files.items() if path.startswith(_below(stem, "__init__."))}
        self._roots: dict[str, str] = {}
        self._tops: dict[str, list[str]] = {}
        roots = {self.root_of(path) for path in paths if folder_of(path) in self._packages} | {"", "src", "lib"}
        for stem in self._files:
            if stem and folder_of(stem) in roots:
                self._tops.setdefault(stem.rpartition("/")[2], []).append(folder_of(stem))
        self._found: dict[tuple[str, str], Target] = {}

    def root_of(self, path: str) -> str:
        """Return the folder that a file's absolute imports start from: above its outermost package."""
        start = folder = folder_of(path)
        if start not in self._roots:
            while folder in self._packages and folder:
                folder = folder_of(folder)
            self._roots[start] = folder
        return self._roots[start]

    def find(self, importer: str, level: int, dotted: str) -> Target:
        """Return what `import dotted` names in a file, or `from dotted import`, with `level` dots before it."""
        key = (folder_of(importer), "." * level + dotted)
        found = self._found.get(key)
        if found is None:
            found = self._relative(key[0], level, dotted) if level else self._absolute(importer, dotted)
            self._found[key] = found
        return found

    def submodule(self, target: Target, name: str) -> Target:
        """Return a module inside of a package or folder."""
        if target.folder is not None:
            return self._at(_below(target.folder, name))
        if target.outside:
            return Target(outside=f"{target.outside}.{name}")
        stem, _, last = target.path.rpartition("/")
        return self._at(_below(stem, name)) if last.startswith("__init__.") else Target()

    def _at(self, stem: str) -> Target:
        if (path := self._files.get(stem)) is not None:
            return Target(path)
        return Target(folder=stem) if stem in self._folders else Target()

    def _relative(self, folder: str, level: int, dotted: str) -> Target:
        for _ in range(level - 1):
            if not folder:
                return Target()
            folder = folder_of(folder)
        return self._at(_below(folder, dotted.replace(".", "/")) if dotted else folder)

    def _absolute(self, importer: str, dotted: str) -> Target:
        top = dotted.partition(".")[0]
        below = dotted.replace(".", "/")
        own, folder = self.root_of(importer), folder_of(importer)
        roots = [own, "", "src"]
        if top in sys.stdlib_module_names:
            roots = [own, "", "src"] if own == folder else ["", "src"]
        else:
            others = [root for root in self._tops.get(top, ()) if root not in roots]
            roots += sorted(others, key=lambda root: (-_shared(root, folder), root))
        package = False
        folders: list[str] = []
        for root in roots:
            stem = _below(root, below)
            if stem in self._files:
                return Target(self._files[stem])
            package = package or _below(root, top) in self._files
            if stem in self._folders and root in (own, "", "src"):
                folders.append(stem)
        if folders:
            return Target(folder=folders[0])
        return Target() if package else Target(outside=dotted)


def _shared(one: str, other: str) -> int:
    """Return how many leading folders two paths have in common."""
    count = 0
    for mine, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if mine != theirs:
            break
        count += 1
    return count
