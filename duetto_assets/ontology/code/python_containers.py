"""What lies in the lists, dictionaries and tuples of a Python program: one container for each place that makes one."""

from __future__ import annotations

from typing import NamedTuple

from duetto_assets.ontology.code.python_places import BOX, KLASS, OBJECT, OUTSIDE, Places, Watch
from duetto_assets.ontology.code.python_scopes import EVERY

_TAKES = frozenset(("append", "add", "insert", "appendleft", "extend", "update", "setdefault"))
_GIVES = frozenset(("get", "pop", "popleft", "popitem", "setdefault"))
_COPIES = frozenset(("copy", "values", "keys"))
BOX_METHODS = _TAKES | _GIVES | _COPIES | {"items"}
_BUILTIN_TYPES = frozenset(
    ("str", "int", "float", "bool", "bytes", "bytearray", "complex", "object", "range", "memoryview", "dict")
)


class Site(NamedTuple):
    """A call in the code."""

    path: str
    scope: str
    line: int
    result: int  # place, or -1
    called: int  # place; -1 where it is none of the code's
    positional: list[int]
    keywords: dict[str, int]
    told: bool = True  # whether calls from here are links


class Containers(Places):
    """Places, some of which hold containers."""

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self._boxes: list[dict[str, int]] = []

    def _box(self, place: int, parts: list[tuple[str, int]]) -> int:
        index = len(self._boxes)
        self._boxes.append({})
        for key, source in parts:
            self._flow(source, self._slot(index, key))
        self._add(place, self.value(BOX, index))
        return index

    def _slot(self, index: int, key: str) -> int:
        """Return the place of what lies under a key; under `EVERY`, of what lies at an unknown one."""
        slots = self._boxes[index]
        if key not in slots:
            slots[key] = self.place()
            self._flow(slots[key], self._contents(index))
        return slots[key]

    def _contents(self, index: int) -> int:
        """Return the place of all that a container holds."""
        slots = self._boxes[index]
        if "" not in slots:
            slots[""] = self.place()
        return slots[""]

    def _item(self, value: int, watch: Watch) -> None:
        _, place, key = watch
        kind, *rest = self._values[value]
        if kind == BOX:
            if key == EVERY:
                self._flow(self._contents(rest[0]), place)
            else:
                self._flow(self._slot(rest[0], key), place)
                self._flow(self._slot(rest[0], EVERY), place)
        elif kind == KLASS:  # Base[int]
            self._add(place, value)
        elif kind == OUTSIDE:
            generic = is_class(rest[0]) or rest[0].startswith("builtins.")
            self._add(place, value if generic else self.value(OBJECT, ""))
        elif kind == OBJECT:
            self._add(place, self.value(OBJECT, ""))

    def _put(self, value: int, watch: Watch) -> None:
        kind, *rest = self._values[value]
        if kind == BOX:
            self._flow(watch[2], self._slot(rest[0], watch[1]))

    def _call_box(self, site: Site, index: int, name: str) -> None:
        arguments = [place for place in (*site.positional, *site.keywords.values()) if place >= 0]
        if name in ("extend", "update"):
            for place in arguments:
                self._watch(place, self._merge, index)
            for key, place in site.keywords.items():
                self._flow(place, self._slot(index, f'"{key}"'))
        elif name in _TAKES and arguments:
            self._flow(arguments[-1], self._slot(index, EVERY))
        if name in _GIVES:
            self._flow(self._contents(index), site.result)
            for place in arguments if name == "get" else ():
                self._flow(place, site.result)
        elif name in _COPIES:
            self._add(site.result, self.value(BOX, index))
        elif name == "items":
            pair = self.place()
            self._box(pair, [("1", self._contents(index))])
            self._box(site.result, [(EVERY, pair)])

    def _merge(self, value: int, watch: Watch) -> None:
        kind, *rest = self._values[value]
        if kind == BOX:
            for key in [key for key in self._boxes[rest[0]] if key]:
                self._flow(self._slot(rest[0], key), self._slot(watch[1], key))


def is_class(dotted: str) -> bool:
    """Return whether a name outside of the repository looks like a class's."""
    last = dotted.rpartition(".")[2].lstrip("_")
    return last[:1].isupper() or (dotted.startswith("builtins.") and last in _BUILTIN_TYPES)
