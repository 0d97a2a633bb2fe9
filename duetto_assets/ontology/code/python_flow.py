"""Finds what the names and expressions of a Python program may be, and what it calls.

It ignores the order of functions, and knows one object per class, container literal and function. It works in rounds.
The first follows what the code declares: names, imports, types, results. The second adds what callers pass, defaults
included; what only that round finds is less certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from duetto_assets.ontology.code.python_containers import BOX_METHODS, Containers, Site, is_class
from duetto_assets.ontology.code.python_modules import BUILTINS, Target
from duetto_assets.ontology.code.python_places import (
    BOUND,
    BOX,
    BOX_METHOD,
    FOLDER,
    FUNCTION,
    INSTANCE,
    KLASS,
    MODULE,
    OBJECT,
    OUTSIDE,
    SUPER,
    Watch,
)
from duetto_assets.ontology.code.python_program import Class, File, Function, Program, linearise
from duetto_assets.ontology.code.python_scopes import (
    CLASS,
    EVERY,
    PROPERTY,
    RETURNS_INSTANCE,
    RETURNS_SELF,
    STATIC,
)

_MAX_NAME = 200  # characters of a name outside of the repository
_ROOT_CLASSES = frozenset(
    ("builtins.object", "typing.Generic", "typing.Protocol", "abc.ABC", "typing_extensions.Protocol")
)
_SAME = frozenset(
    (
        "builtins.list",
        "builtins.tuple",
        "builtins.set",
        "builtins.frozenset",
        "builtins.sorted",
        "builtins.reversed",
        "builtins.iter",
        "functools.partial",
        "copy.copy",
        "copy.deepcopy",
        "dataclasses.replace",
        "asyncio.create_task",
        "asyncio.run",
        "asyncio.shield",
        "asyncio.wait_for",
    )
)
_APPLIED = frozenset(("builtins.map", "builtins.filter"))
_ELEMENT = frozenset(("builtins.next", "builtins.min", "builtins.max"))


class Reached(NamedTuple):
    """What a site calls: a symbol, or a name outside of the repository when `path` is empty."""

    path: str
    name: str
    main: bool = True  # False for the `__init__` that comes with a class


class Flow(Containers):
    """The analysis of one program."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.places)
        self.program = program
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.sites: list[Site] = []
        self.reached: dict[int, dict[Reached, bool]] = {}  # by site; True if found in the first round
        self.loads: dict[int, tuple[int, str]] = {}  # attribute places: holder and name
        self._attributes: dict[tuple[int, str], int] = {}
        self._fields: dict[tuple[int, str], int] = {}
        self._weak: list[tuple[int, int]] = []
        self._decorated: list[tuple[int, int]] = []
        self._seeds: list[tuple[int, int, int]] = []
        self._class_numbers: dict[tuple[str, str], int] = {}
        self._waiting: list[tuple[int, int, int | None]] = []  # calls whose arguments flow in the second round
        self._invoked: set[tuple[int, int, int | None]] = set()
        self._typed: frozenset[int] = frozenset()
        self._round = 0
        self._class_loads: list[tuple[int, Watch]] = []

    # Rounds

    def run(self) -> None:
        """Analyse the program."""
        for file in self.program.files.values():
            self._declare(file)
        self._settle()
        self._inherit()
        for value, watch in self._class_loads:  # a base may be an attribute that a class inherits
            self._load(value, watch)
        self._settle()
        self._inherit()
        for index, place, flags in self._seeds:
            self._add(place, self.value(KLASS if flags else INSTANCE, index))
        for file in self.program.files.values():
            self._connect(file)
            self._connect_calls(file)
        self._settle()
        for source, target in self._decorated:
            if not self._held.get(target):  # nobody knows what the decorator makes of it
                self._flow(source, target)
        self._settle()
        self._typed = frozenset(place for place, held in self._held.items() if held)
        self._round = 1
        for source, target in self._weak:
            if target not in self._typed:
                self._flow(source, target)
        waiting, self._waiting = self._waiting, []
        for site, function, receiver in waiting:
            self._pass_arguments(site, function, receiver)
        self._settle()

    def _declare(self, file: File) -> None:
        """Enter what can be told before the ancestors of classes are known: names, imports, definitions."""
        places, names = file.places, file.names
        for row in file.body.get("function", ()):
            self.functions.append(file.function(row))
            self._add(places[row[0]], self.value(FUNCTION, len(self.functions) - 1))
        for row in file.body.get("class", ()):
            index = len(self.classes)
            self.classes.append(file.cls(row))
            self._class_numbers.setdefault((file.path, self.classes[-1].name), index)
            self._seeds += [(index, places[place], flags) for place, flags in row[-1]]
            self._add(places[row[0]], self.value(KLASS, index))
        for target, source in file.rows("copy", 2):
            self._flow(places[source], places[target])
        for target, level, module, name in file.rows("import", 4):
            self._import(file, places[target], level, names[module], names[name])
        for target, name in file.rows("free", 2):
            self._free(file, places[target], names[name])
        for target, holder, name in file.rows("load", 3):
            self.loads[places[target]] = (places[holder], names[name])
            self._watch(places[holder], self._load, places[target], names[name])
        for target, holder, key in file.rows("item", 3):
            self._watch(places[holder], self._item, places[target], names[key])

    def _connect(self, file: File) -> None:
        """Enter what makes and uses instances."""
        places, names = file.places, file.names
        for target, source in file.rows("instance", 2):
            self._watch(places[source], self._instance, places[target])
        for target, source in file.rows("type", 2):
            self._watch(places[source], self._class_itself, places[target])
        for row in file.body.get("box", ()):
            self._box(places[row[0]], [(names[row[1][at]], places[row[1][at + 1]]) for at in range(0, len(row[1]), 2)])
        for holder, name, source in file.rows("store", 3):
            self._watch(places[holder], self._store, names[name], places[source])
        for holder, key, source in file.rows("put", 3):
            self._watch(places[holder], self._put, names[key], places[source])
        self._weak += [(places[source], places[target]) for target, source in file.rows("weak", 2)]

    def _connect_calls(self, file: File) -> None:
        """Enter what calls, in words or by a protocol of the language."""
        places, names, path = file.places, file.names, file.path
        for row in file.body.get("call", ()):
            site = Site(path, *file.call(row))
            self._watch(site.called, self._call, self._site(site))
        for source, scope, line in file.rows("raise", 3):
            self._watch(places[source], self._raise, self._site(Site(path, names[scope], line, -1, -1, [], {})))
        for target, decorator, source, scope, line in file.rows("decorate", 5):
            made = places[target]
            site = Site(path, names[scope], line, made, places[decorator], [places[source]], {})
            self._watch(places[decorator], self._call, self._site(site))
            self._watch(places[decorator], self._decorate, places[source], made)
            self._decorated.append((places[source], made))
        for kind, rule in (("iter", self._iterate), ("with", self._enter)):
            for target, source, scope, line in file.rows(kind, 4):
                self._watch(places[source], rule, places[target], path, names[scope], line)
        for target, name, receiver in file.rows("super", 3):
            index = self._class_numbers.get((path, names[name]))
            if index is not None:
                self._watch(places[receiver], self._super, places[target], index)

    def _inherit(self) -> None:
        """Fix the ancestors of all classes."""
        bases: dict[int, list[int]] = {}
        for index, each in enumerate(self.classes):
            bases[index] = []
            each.found, each.outer, each.sure = [], [], True
            for place, _ in each.bases:
                held = self.holds(place)
                each.sure = each.sure and bool(held)
                each.found.append([value for value in held if value[0] in (KLASS, OUTSIDE)])
                for value in held:
                    if value[0] == KLASS and value[1] not in bases[index]:
                        bases[index].append(value[1])
                    elif value[0] == OUTSIDE and value[1] not in _ROOT_CLASSES:
                        each.outer.append(value[1])
        for index, ancestors in linearise(bases).items():
            self.classes[index].ancestors = ancestors
        own = [(list(each.outer), each.sure) for each in self.classes]
        for each in self.classes:
            each.outer = list(dict.fromkeys(name for above in each.ancestors for name in own[above][0]))
            each.sure = all(own[above][1] for above in each.ancestors)

    # Names

    def _import(self, file: File, place: int, level: int, module: str, name: str) -> None:
        target = self.program.modules.find(file.path, level, module)
        inner = self.program.modules.submodule(target, name) if name else Target()
        # `from . import part` in a package binds the very name that it would be looked up by.
        own_part = target.path == file.path and inner != Target()
        if name and target.path and not own_part and self._named(place, target.path, name):
            return
        if name:
            if target.folder is not None and not level and inner == Target():
                inner = Target(outside=f"{module}.{name}")
            target = inner
        self._hold_target(place, target)

    def _hold_target(self, place: int, target: Target) -> None:
        if target.path:
            self._add(place, self.value(MODULE, target.path))
        elif target.folder is not None:
            self._add(place, self.value(FOLDER, target.folder))
        elif target.outside and len(target.outside) < _MAX_NAME:
            self._add(place, self.value(OUTSIDE, target.outside))

    def _named(self, place: int, path: str, name: str) -> bool:
        """Let a place hold what a module's name is; return whether there is such a name."""
        found = self.program.name(path, name)
        if isinstance(found, int):
            self._flow(found, place)
        elif found is not None:
            self._add(place, self.value(OUTSIDE, found))
        return found is not None

    def _free(self, file: File, place: int, name: str) -> None:
        if not self._named(place, file.path, name) and name in BUILTINS:
            self._add(place, self.value(OUTSIDE, f"builtins.{name}"))

    # Attributes

    def _load(self, value: int, watch: Watch) -> None:
        _, place, name = watch
        kind, *rest = self._values[value]
        if kind == INSTANCE:
            self._flow(self._attribute(rest[0], name), place)
        elif kind == MODULE:
            if not self._named(place, rest[0], name):
                self._hold_target(place, self.program.modules.submodule(Target(rest[0]), name))
        elif kind in (OUTSIDE, OBJECT):
            dotted = f"{rest[0]}.{name}" if rest[0] else ""
            if len(dotted) < _MAX_NAME:
                self._add(place, self.value(OUTSIDE, dotted) if dotted else value)
        elif kind == KLASS:
            self._load_from_class(value, rest[0], place, name, watch)
        elif kind == SUPER:
            self._load_from_super(place, name, *rest)
        elif kind == FOLDER:
            self._hold_target(place, self.program.modules.submodule(Target(folder=rest[0]), name))
        elif kind == BOX and name in BOX_METHODS:
            self._add(place, self.value(BOX_METHOD, rest[0], name))

    def _load_from_class(self, value: int, index: int, place: int, name: str, watch: Watch) -> None:
        cls = self.classes[index]
        for above in cls.ancestors or [index]:
            if name in self.classes[above].members:
                self._watch(self.classes[above].members[name], self._bind, place, value)
                return
        if not cls.ancestors:  # they are not known yet
            self._class_loads.append((value, watch))
            return
        self._flow(self._field(index, name), place)
        if len(cls.outer) == 1 and cls.sure:
            self._add(place, self.value(OUTSIDE, f"{cls.outer[0]}.{name}"))

    def _load_from_super(self, place: int, name: str, index: int, receiver: int) -> None:
        cls = self.classes[self._values[receiver][1]]
        order = cls.ancestors
        after = order[order.index(index) + 1 :] if index in order else []
        for above in after:
            if name in self.classes[above].members:
                self._watch(self.classes[above].members[name], self._bind, place, receiver)
                return
        outer = self.classes[index].outer
        if len(outer) == 1 and cls.sure:
            self._add(place, self.value(OUTSIDE, f"{outer[0]}.{name}"))

    def _bind(self, value: int, watch: Watch) -> None:
        """A function that is read from a class or an instance becomes a method."""
        _, place, receiver = watch
        kind, *rest = self._values[value]
        if kind != FUNCTION:
            self._add(place, value)
            return
        flags = self.functions[rest[0]].flags
        owner = self._values[receiver]
        if flags & STATIC or (owner[0] == KLASS and not flags & CLASS):
            self._add(place, value)
        elif flags & CLASS:
            self._add(place, self.value(BOUND, rest[0], self.value(KLASS, owner[1])))
        elif flags & PROPERTY:
            self._flow(self.functions[rest[0]].result, place)
            if flags & RETURNS_SELF:
                self._add(place, receiver)
        else:
            self._add(place, self.value(BOUND, rest[0], receiver))

    def _attribute(self, index: int, name: str) -> int:
        """Return the place of an attribute of a class's instances."""
        place = self._attributes.get((index, name))
        if place is not None:
            return place
        place = self._attributes[index, name] = self.place()
        cls = self.classes[index]
        known = False
        for above in cls.ancestors:
            member = self.classes[above].members.get(name)
            if member is not None and not known:
                self._watch(member, self._bind, place, self.value(INSTANCE, index))
            known = known or member is not None or name in self.classes[above].stored
            if above == index or name in self.classes[above].stored:
                self._flow(self._field(above, name), place)
        if not known and cls.sure and len(cls.outer) == 1 and not name.startswith("__"):
            self._add(place, self.value(OUTSIDE, f"{cls.outer[0]}.{name}"))
        return place

    def _field(self, index: int, name: str) -> int:
        place = self._fields.get((index, name))
        if place is None:
            place = self._fields[index, name] = self.place()
        return place

    def _store(self, value: int, watch: Watch) -> None:
        _, name, source = watch
        kind, *rest = self._values[value]
        if kind in (INSTANCE, KLASS):
            self._flow(source, self._field(rest[0], name))
        elif kind == MODULE and isinstance(found := self.program.name(rest[0], name), int):
            self._flow(source, found)

    def _super(self, value: int, watch: Watch) -> None:
        _, place, index = watch
        if self._values[value][0] in (INSTANCE, KLASS):
            self._add(place, self.value(SUPER, index, value))

    def _instance(self, value: int, watch: Watch) -> None:
        kind, *rest = self._values[value]
        if kind == KLASS:
            self._add(watch[1], self.value(INSTANCE, rest[0]))
        elif kind == OUTSIDE:
            self._add(watch[1], self.value(OBJECT, rest[0]))
        elif kind == BOX:
            self._add(watch[1], value)

    def _class_itself(self, value: int, watch: Watch) -> None:
        if self._values[value][0] in (KLASS, OUTSIDE):
            self._add(watch[1], value)

    # Calls

    def _site(self, site: Site) -> int:
        self.sites.append(site)
        return len(self.sites) - 1

    def _reach(self, number: int, path: str, name: str, main: bool = True) -> None:
        if name and self.sites[number].told:
            self.reached.setdefault(number, {}).setdefault(Reached(path, name, main), self._round == 0)

    def _call(self, value: int, watch: Watch) -> None:
        number = watch[1]
        main = len(watch) < 3
        site = self.sites[number]
        kind, *rest = self._values[value]
        if kind == FUNCTION:
            self._invoke(number, rest[0], None, main)
        elif kind == BOUND:
            self._invoke(number, rest[0], rest[1], main)
        elif kind == KLASS:
            self._construct(number, rest[0])
        elif kind == INSTANCE:
            self._watch(self._attribute(rest[0], "__call__"), self._call, number)
        elif kind == OUTSIDE:
            self._call_outside(number, rest[0])
        elif kind == BOX_METHOD:
            self._call_box(site, *rest)
        elif kind == OBJECT and site.result >= 0:
            self._add(site.result, self.value(OBJECT, ""))

    def _raise(self, value: int, watch: Watch) -> None:
        kind, *rest = self._values[value]
        if kind == KLASS:
            self._construct(watch[1], rest[0])

    def _decorate(self, value: int, watch: Watch) -> None:
        if self._values[value][0] in (OUTSIDE, OBJECT):
            self._flow(watch[1], watch[2])

    def _construct(self, number: int, index: int) -> None:
        cls, site = self.classes[index], self.sites[number]
        self._reach(number, cls.path, cls.name)
        if site.result >= 0:
            self._add(site.result, self.value(INSTANCE, index))
        if any("__init__" in self.classes[above].members for above in cls.ancestors):
            self._watch(self._attribute(index, "__init__"), self._call, number, "with its class")
        else:
            for name, place in site.keywords.items():
                self._flow(place, self._field(index, name))

    def _invoke(self, number: int, index: int, receiver: int | None, main: bool) -> None:
        if (number, index, receiver) in self._invoked:
            return
        self._invoked.add((number, index, receiver))
        function, site = self.functions[index], self.sites[number]
        self._reach(number, function.path, function.name, main)
        if main and site.result >= 0:
            self._flow(function.result, site.result)
            for name in function.passed:
                self._flow(_argument(site, function, receiver, name), site.result)
            if receiver is not None and function.flags & (RETURNS_SELF | RETURNS_INSTANCE):
                owner = self._values[receiver]
                made = owner[0] == KLASS and (function.flags & RETURNS_INSTANCE or function.flags & RETURNS_SELF)
                self._add(site.result, self.value(INSTANCE, owner[1]) if made else receiver)
        if self._round == 0:
            self._waiting.append((number, index, receiver))
        else:
            self._pass_arguments(number, index, receiver)

    def _pass_arguments(self, number: int, index: int, receiver: int | None) -> None:
        site, function = self.sites[number], self.functions[index]
        positional = function.positional
        if receiver is not None and positional:
            self._add(positional[0][1], receiver)
            positional = positional[1:]
        for at, place in enumerate(site.positional):
            target = positional[at][1] if at < len(positional) else function.star
            if target not in self._typed:
                self._flow(place, target)
        named = dict(positional)
        for name, place in site.keywords.items():
            target = named.get(name, function.keyword.get(name, function.stars))
            if target not in self._typed:
                self._flow(place, target)

    def _call_outside(self, number: int, dotted: str) -> None:
        site = self.sites[number]
        if not dotted.startswith("builtins."):
            self._reach(number, "", dotted)
        first = site.positional[0] if site.positional else -1
        if dotted in _APPLIED:
            self._apply(number)
        elif dotted in _SAME and first >= 0:
            self._flow(first, site.result)
        elif dotted in _ELEMENT and first >= 0:
            rule = self._next if dotted == "builtins.next" else self._iterate
            self._watch(first, rule, site.result, site.path, site.scope, site.line)
        elif dotted == "builtins.enumerate" and first >= 0:
            self._pairs(site, [("1", first)])
        elif dotted == "builtins.zip":
            self._pairs(site, [(str(at), place) for at, place in enumerate(site.positional) if place >= 0])
        elif dotted == "builtins.type" and len(site.positional) == 1:
            self._watch(first, self._type, site.result)
        elif site.result >= 0:
            self._add(site.result, self.value(OBJECT, dotted if is_class(dotted) else ""))
        if dotted in ("builtins.sorted", "builtins.min", "builtins.max") and "key" in site.keywords:
            self._watch(
                site.keywords["key"], self._call, self._site(site._replace(result=-1, positional=[], keywords={}))
            )

    def _apply(self, number: int) -> None:
        """`map(function, values)`: the caller calls it for each value."""
        site = self.sites[number]
        made, element = self.place(), self.place()
        for place in site.positional:
            self._watch(place, self._iterate, element, site.path, site.scope, site.line)
        each = self._site(site._replace(result=made, positional=[element], keywords={}))
        for place in site.positional:
            self._watch(place, self._call, each)
        self._box(site.result, [(EVERY, made)])

    def _pairs(self, site: Site, parts: list[tuple[str, int]]) -> None:
        elements = []
        for key, place in parts:
            element = self.place()
            self._watch(place, self._iterate, element, site.path, site.scope, site.line)
            elements.append((key, element))
        pair = self.place()
        self._box(pair, elements)
        self._box(site.result, [(EVERY, pair)])

    def _type(self, value: int, watch: Watch) -> None:
        kind, *rest = self._values[value]
        if kind == INSTANCE:
            self._add(watch[1], self.value(KLASS, rest[0]))

    # Protocols of the language

    def _iterate(self, value: int, watch: Watch) -> None:
        _, place, path, scope, line = watch
        kind, *rest = self._values[value]
        if kind == BOX:
            self._flow(self._contents(rest[0]), place)
        elif kind == INSTANCE:
            made = self.place()
            for name in ("__iter__", "__aiter__"):
                self._call_special(rest[0], name, made, path, scope, line)
            self._watch(made, self._next, place, path, scope, line)
        elif kind in (OUTSIDE, OBJECT):
            self._add(place, self.value(OBJECT, ""))

    def _next(self, value: int, watch: Watch) -> None:
        _, place, path, scope, line = watch
        kind, *rest = self._values[value]
        if kind == BOX:
            self._flow(self._contents(rest[0]), place)
        elif kind == INSTANCE:
            for name in ("__next__", "__anext__"):
                self._call_special(rest[0], name, place, path, scope, line)

    def _enter(self, value: int, watch: Watch) -> None:
        _, place, path, scope, line = watch
        kind, *rest = self._values[value]
        if kind == BOX:  # a generator made a context manager
            self._flow(self._contents(rest[0]), place)
        elif kind == INSTANCE:
            for name in ("__enter__", "__aenter__"):
                self._call_special(rest[0], name, place, path, scope, line)
            for name in ("__exit__", "__aexit__"):
                self._call_special(rest[0], name, -1, path, scope, line)
        elif kind in (OUTSIDE, OBJECT):
            self._add(place, value)

    def _call_special(self, index: int, name: str, result: int, path: str, scope: str, line: int) -> None:
        if any(name in self.classes[above].members for above in self.classes[index].ancestors):
            called = self._attribute(index, name)
            self._watch(called, self._call, self._site(Site(path, scope, line, result, called, [], {})))

    # Answers

    def unresolved(self) -> Iterator[tuple[int, str]]:
        """Yield the sites that call a method of something unknown, and the method's name."""
        for number, site in enumerate(self.sites):
            if site.called in self.loads and not self._held.get(site.called):
                holder, name = self.loads[site.called]
                if not self._held.get(holder):
                    yield number, name


def _argument(site: Site, function: Function, receiver: int | None, name: str) -> int:
    """Return the place of what a call passes for a parameter; the parameter's own, with its default, if it does not."""
    if name in site.keywords:
        return site.keywords[name]
    shift = 0 if receiver is None else 1
    for at, (each, place) in enumerate(function.positional):
        if each == name:
            return site.positional[at - shift] if shift <= at < len(site.positional) + shift else place
    return function.keyword.get(name, -1)
