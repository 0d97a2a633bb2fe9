"""Names and values of one Python file as numbered places, and what flows between them.

A place stands for "whatever this expression may be". Places and flows are all that linking needs of the code; they are
plain lists, so that they can be stored. Assignments to a name in straight code get a place each; a reader that cannot
tell which one it sees (a closure, a loop, another file) reads the union of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

UNKNOWN = -1  # the place of what no flow can say: a number, a text, a sum
STATIC, CLASS, PROPERTY, RETURNS_SELF, RETURNS_INSTANCE = 1, 2, 4, 8, 16  # what is special about a function
EVERY = "*"  # the key of what lies in a container at an unknown place

_MAX_VERSIONS = 256  # names of one scope that are told apart by assignment

Env = dict[str, int]


class Code:
    """The places and flows of one file. Flat lists of integers; texts stand once, in `names`."""

    def __init__(self) -> None:
        self.places = 0
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self.flat: dict[str, list[int]] = {}
        self.rows: dict[str, list[Any]] = {}

    def place(self) -> int:
        """Return a new place."""
        self.places += 1
        return self.places - 1

    def name(self, text: str) -> int:
        """Return the number of a text."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.names)
            self.names.append(text)
        return number

    def say(self, kind: str, *numbers: int) -> None:
        """Note a flow."""
        self.flat.setdefault(kind, []).extend(numbers)

    def row(self, kind: str, row: Sequence[Any]) -> None:
        """Note a flow of many parts."""
        self.rows.setdefault(kind, []).append(row)

    def union(self, places: Iterable[int]) -> int:
        """Return a place for what is at any of these."""
        known = sorted({place for place in places if place >= 0})
        if len(known) < 2:
            return known[0] if known else UNKNOWN
        both = self.place()
        for place in known:
            self.say("copy", both, place)
        return both


class Scope:
    """One module, class, function or comprehension while it is read."""

    def __init__(self, code: Code, kind: str, path: str, parent: Scope | None) -> None:
        self.code, self.kind, self.path, self.parent = code, kind, path, parent
        self.env: Env = {}  # the assignment that a name has now
        self.ended = False  # by return, raise, break or continue
        self.assigned: dict[str, list[int]] = {}
        self.whole: Env = {}
        self.log: list[str] = []  # names in the order of assignment
        self.elsewhere: dict[str, str] = {}  # names declared global or nonlocal
        self.first_parameter = ""
        self.parameters: dict[int, str] = {}  # by place
        self.returned: list[int] = []
        self.passed: list[str] = []  # parameters that are returned as they came
        self.yielded = UNKNOWN
        self.flags = 0
        self.stored: dict[str, None] = {}  # attributes of `self` that a class's methods set
        self.member_functions: list[tuple[int, int]] = []

    def read(self, name: str) -> int:
        """Return the place of what a name is here."""
        place = self.env.get(name)
        return self.everything(name) if place is None else place

    def everything(self, name: str) -> int:
        """Return the place of all that a name ever is."""
        place = self.whole.get(name)
        if place is None:
            place = self.whole[name] = self.code.place()
        return place

    def assign(self, name: str, place: int) -> None:
        """Bind a name."""
        if name in self.elsewhere:
            if place >= 0:
                self.code.say("copy", self.everything(name), place)
            return
        self.assigned.setdefault(name, []).append(place)
        self.log.append(name)
        if name in self.env or len(self.env) < _MAX_VERSIONS:
            self.env[name] = place

    def forget(self, names: Iterable[str]) -> None:
        """Take these names for anything that they ever are."""
        for name in names:
            self.env.pop(name, None)

    def take(self) -> Env | None:
        """Return what names are at the end of a branch; None if the code does not get there."""
        ended, self.ended = self.ended, False
        return None if ended else self.env

    def join(self, branches: Iterable[Env | None]) -> None:
        """Go on where any of these branches left off."""
        alive = [env for env in branches if env is not None]
        if not alive:
            self.ended, self.env = True, {}
            return
        first, *others = alive
        if not others:
            self.env = first
            return
        joined: Env = {}
        for name, place in first.items():
            places = {place, *(env.get(name, -2) for env in others)}
            if -2 not in places:  # a branch that knows no assignment sees any of them
                joined[name] = place if len(places) == 1 else self.code.union(places)
        self.env = joined

    def close(self) -> None:
        """Connect the readers of each name's union with its assignments. Inner scopes close before outer ones."""
        for name in self.assigned if self.kind in ("module", "class") else ():
            self.everything(name)
        for name, whole in self.whole.items():
            if name in self.assigned:
                for place in dict.fromkeys(self.assigned[name]):
                    if place >= 0 and place != whole:
                        self.code.say("copy", whole, place)
            elif (outer := self._outer(name)) is not None:
                self.code.say("alias", whole, outer.everything(name))
            else:
                self.code.say("free", whole, self.code.name(name))

    def _outer(self, name: str) -> Scope | None:
        """Return the scope that binds a name which this one does not."""
        scope = self.parent
        to_module = self.elsewhere.get(name) == "global"
        while scope is not None:
            if name in scope.assigned and scope.kind != "class" and not (to_module and scope.kind != "module"):
                return scope
            if scope.kind == "module" and to_module:
                scope.assigned[name] = []  # `global` in a function makes a name of the module
                return scope
            scope = scope.parent
        return None
