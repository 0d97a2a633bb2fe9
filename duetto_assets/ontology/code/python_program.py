"""The facts of all Python files of a repository in one numbering: its functions, classes and names.

Finds what a name of a module is, through star imports too. It knows no flow of values but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from duetto_assets.ontology.code.facts import Facts
from duetto_assets.ontology.code.python_modules import BUILTINS, Modules, Target
from duetto_assets.ontology.code.python_scopes import UNKNOWN

_MAX_ANCESTORS = 200  # of one class
_MAX_STARS = 200  # modules that one name is looked for in


@dataclass(slots=True)
class Function:
    """A function, with the places of its parameters and of its result."""

    path: str
    name: str  # "" for a lambda
    positional: list[tuple[str, int]]
    keyword: dict[str, int]
    star: int
    stars: int
    result: int
    flags: int
    passed: list[str]  # parameters that it returns as they came


@dataclass(slots=True)
class Class:
    """A class. `ancestors` is its method resolution order: numbers of classes, and names of those outside."""

    path: str
    name: str
    bases: list[tuple[int, int]]  # place and line
    members: dict[str, int]
    stored: frozenset[str]
    found: list[list[tuple[Any, ...]]] = field(default_factory=list)  # what each base may be
    ancestors: list[int] = field(default_factory=list)
    outer: list[str] = field(default_factory=list)  # ancestors outside of the repository
    sure: bool = True  # all ancestors are known


@dataclass(slots=True)
class File:
    """One file's facts, and the places that its own numbers stand for."""

    path: str
    body: Mapping[str, Any]
    places: list[int]
    names: list[str]
    exports: dict[str, int]
    exported: frozenset[str] | None
    stars: list[Target]

    def rows(self, kind: str, width: int) -> Iterator[list[int]]:
        """Yield the flows of one kind."""
        flat = self.body.get(kind, ())
        for start in range(0, len(flat) - width + 1, width):
            yield flat[start : start + width]

    def function(self, row: Sequence[Any]) -> Function:
        """Return the function of a row."""
        _, name, positional, keyword, star, stars, result, flags, passed = row
        return Function(
            self.path,
            self.names[name],
            list(self._named(positional)),
            dict(self._named(keyword)),
            self.at(star),
            self.at(stars),
            self.at(result),
            flags,
            passed,
        )

    def cls(self, row: Sequence[Any]) -> Class:
        """Return the class of a row."""
        _, name, bases, members, stored, _ = row
        places = {name: self.places[place] for name, place in members.items()}
        based = [(self.places[bases[at]], bases[at + 1]) for at in range(0, len(bases), 2)]
        return Class(self.path, self.names[name], based, places, frozenset(stored))

    def call(self, row: Sequence[Any]) -> tuple[str, int, int, int, list[int], dict[str, int]]:
        """Return scope, line, result, what is called, and the arguments of a call's row."""
        result, called, scope, line, positional, keywords = row
        arguments = [self.at(place) for place in positional]
        named = {name: self.places[place] for name, place in keywords.items()}
        return self.names[scope], line, self.places[result], self.places[called], arguments, named

    def at(self, place: int) -> int:
        """Return the program's number of a place of this file."""
        return self.places[place] if place >= 0 else UNKNOWN

    def _named(self, row: Sequence[int]) -> Iterator[tuple[str, int]]:
        for at in range(0, len(row), 2):
            yield self.names[row[at]], self.places[row[at + 1]]


class Program:
    """All files of a repository."""

    def __init__(self, files: Mapping[str, Facts], modules: Modules) -> None:
        self.modules = modules
        self.places = 0
        self.files: dict[str, File] = {}
        for path in sorted(files):
            body = files[path].body
            if body is not None:
                self.files[path] = self._file(path, body)
        self._names: dict[tuple[str, str], int | str | None] = {}

    def _file(self, path: str, body: Mapping[str, Any]) -> File:
        places = list(range(self.places, self.places + body["places"]))
        self.places += body["places"]
        aliases = body.get("alias", ())
        # An outer scope's aliases are noted after those of its inner scopes.
        for start in range(len(aliases) - 2, -1, -2):
            places[aliases[start]] = places[aliases[start + 1]]
        exports = {name: places[place] for name, place in body["globals"].items()}
        exported = None if body["all"] is None else frozenset(body["all"])
        names = body["names"]
        star = body.get("star", ())
        stars = [self.modules.find(path, star[at], names[star[at + 1]]) for at in range(0, len(star), 2)]
        return File(path, body, places, names, exports, exported, stars)

    def name(self, path: str, name: str) -> int | str | None:
        """Return the place of a module's name, or its full name outside of the repository, or None."""
        key = (path, name)
        if key not in self._names:
            self._names[key] = self._find_name(path, name)
        return self._names[key]

    def _find_name(self, path: str, name: str) -> int | str | None:
        waiting = [path]
        seen: set[str] = set()
        outside: list[str] = []
        while waiting and len(seen) < _MAX_STARS:
            current = waiting.pop()
            file = self.files.get(current)
            if current in seen or file is None:
                continue
            if seen and (name.startswith("_") if file.exported is None else name not in file.exported):
                continue
            seen.add(current)
            if name in file.exports:
                return file.exports[name]
            waiting += [target.path for target in file.stars if target.path]
            outside += [target.outside for target in file.stars if target.outside]
        if len(set(outside)) == 1 and name not in BUILTINS and not name.startswith("_"):
            return f"{outside[0]}.{name}"
        return None


def linearise(bases: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """Return the C3 order of each class; where there is none, its ancestors depth first. Cycles are cut."""
    done: dict[int, list[int]] = {}
    for start in bases:
        waiting = [start]
        open_now: set[int] = set()
        while waiting:
            current = waiting[-1]
            if current in done:
                waiting.pop()
                continue
            missing = [base for base in bases[current] if base not in done and base not in open_now and base != current]
            if missing and current not in open_now:
                open_now.add(current)
                waiting += reversed(missing)
                continue
            above = [base for base in bases[current] if base in done]
            done[current] = [current, *_merge([*(done[base] for base in above), above])][:_MAX_ANCESTORS]
            waiting.pop()
    return done


def _merge(orders: list[list[int]]) -> list[int]:
    if len(orders) == 2:  # one base, and the list of it
        return orders[0]
    merged: list[int] = []
    orders = [list(order) for order in orders if order]
    while orders and len(merged) < _MAX_ANCESTORS:
        tails = {each for order in orders for each in order[1:]}
        head = next((order[0] for order in orders if order[0] not in tails), orders[0][0])
        merged.append(head)
        orders = [rest for order in orders if (rest := [each for each in order if each != head])]
    return merged
