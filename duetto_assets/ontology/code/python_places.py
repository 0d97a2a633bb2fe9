"""Finds what each place of a program may hold, given what flows where and what is to be done with each value.

Inclusion-based, as Andersen's points-to analysis. A place that could hold too much is cut, and so is a program that
takes too long.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

# Kinds of values. A value is a tuple of its kind and what tells it apart.
FUNCTION, KLASS, INSTANCE, BOUND, MODULE, FOLDER, OUTSIDE, OBJECT, BOX, SUPER, BOX_METHOD = range(11)

_MAX_VALUES = 12  # that one place holds
_STEPS, _STEPS_PER_PLACE = 100_000, 8

Value = tuple[Any, ...]
Watch = tuple[Any, ...]
"""A method to call with a value and this tuple, and what else the method needs."""


class Places:
    """What places hold. Values are numbered."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._steps = _STEPS + _STEPS_PER_PLACE * places
        self._values: list[Value] = []
        self._numbers: dict[Value, int] = {}
        self._held: dict[int, set[int]] = {}
        self._edges: dict[int, list[int]] = defaultdict(list)
        self._linked: set[tuple[int, int]] = set()
        self._watches: dict[int, list[Watch]] = defaultdict(list)
        self._work: list[tuple[int, int]] = []

    def place(self) -> int:
        """Return a new place."""
        self._places += 1
        return self._places - 1

    def value(self, *parts: Any) -> int:
        """Return the number of a value."""
        number = self._numbers.get(parts)
        if number is None:
            number = self._numbers[parts] = len(self._values)
            self._values.append(parts)
        return number

    def holds(self, place: int) -> list[Value]:
        """Return what a place may hold, in a stable order."""
        return [self._values[number] for number in sorted(self._held.get(place, ()))]

    def _add(self, place: int, value: int) -> None:
        held = self._held.get(place)
        if held is None:
            self._held[place] = {value}
        elif value in held or len(held) >= _MAX_VALUES:
            return
        else:
            held.add(value)
        self._work.append((place, value))

    def _flow(self, source: int, target: int) -> None:
        """Let all that `source` ever holds be held by `target`."""
        if source < 0 or target < 0 or source == target or (source, target) in self._linked:
            return
        self._linked.add((source, target))
        self._steps -= 1
        self._edges[source].append(target)
        for value in sorted(self._held.get(source, ())):
            self._add(target, value)

    def _watch(self, place: int, *watch: Any) -> None:
        """Call `watch[0](value, watch)` for each value that a place ever holds."""
        if place < 0:
            return
        self._watches[place].append(watch)
        for value in sorted(self._held.get(place, ())):
            watch[0](value, watch)

    def _settle(self) -> None:
        """Work until nothing changes any more, or for as long as is reasonable."""
        work, edges, watches = self._work, self._edges, self._watches
        while work and self._steps > 0:
            place, value = work.pop()
            targets, rules = edges.get(place, ()), tuple(watches.get(place, ()))
            self._steps -= 1 + len(targets) + len(rules)
            for target in targets:
                self._add(target, value)
            for watch in rules:
                watch[0](value, watch)
        work.clear()
