"""What families share: rows that an extractor records of one file, and a linker that resolves names by scope and type.

An extractor walks a tree with its own table of node types and says what it sees to a `Recorder`. A family subclasses
`Linker` and overrides the hooks that differ: what an import leads to, what is visible without one. Nothing here knows a
language, and nothing here infers types beyond what declarations and constructor calls say.

Words that extractors write, whatever their language says:

- Names are dotted: `helpers.url_for`, whatever the language puts between the parts.
- `this` is the object or type that a scope belongs to (`self`, `Self`; `@x` is `this.x`), `super` what it inherits
  from.
- A part of a name that ends in `()` is what calling it returns: `repo().find` calls `find` of it. The bound type of
  `name()` in the scope that defines `name` is its declared return type.
- A bound type is the name of a type as written (`T x`, `new T()`), or `=` and an expression whose value it takes:
  `=this.repo`, `=open()`. It is empty for a variable of unknown type, which still hides what it is named like.
- `?` is a value without a name, such as `x[0]`: `?.find` calls the method `find` of something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import chain, takewhile
from typing import Any

import tree_sitter

from duetto_assets.ontology.code.facts import BY_NAME, CERTAIN, LIKELY, MAX_CANDIDATES, Definition, Facts, Link

THIS, SUPER = "this", "super"
ALL = "*"  # what an import of every name imports
UNNAMED = "?"  # a value of which we know nothing
SAME = "is"  # a base that another name stands for: `type Other = Base`. Looked through, and no relation

TYPES = frozenset({"class", "interface", "trait", "struct", "enum", "alias"})
CALLABLES = frozenset({"function", "method"})
MODULE = "module"
_OWNERS = TYPES | {MODULE}
_CONTRACTS = frozenset({"interface", "trait"})

NAME_CHARS = 200  # longer names are nobody's
MAX_PARTS = 12  # of a dotted name
MAX_ROWS = 20_000  # of one kind in one file
MAX_ANCESTORS = 100
_MAX_DEPTH = 12  # of names that lead to names


@dataclass(frozen=True, slots=True)
class Import:
    """A statement that brings one name, or all, of a module into a file."""

    line: int
    module: str  # as written
    name: str = ""  # what is imported of it: "" for the module itself, `ALL`
    alias: str = ""  # its name in this file; "" where it gives none
    flag: str = ""  # the family's own: "export" for what is exported on


@dataclass(frozen=True, slots=True)
class Target:
    """What a name leads to. Exactly one of file or directory, symbol, namespace and package."""

    path: str = ""  # of a file or directory; with `name`, of the file that defines the symbol
    name: str = ""
    space: str = ""  # a declared namespace, whichever files are in it
    package: str = ""
    written: str = ""  # of a package's member, its full name
    confidence: float = CERTAIN
    value: bool = False  # an instance of the type that it names


FOREIGN = Target(written="?")
"""Nothing of this repository, though we do not know what: no guess is made by name."""
_UNKNOWN = Target(written="??")  # a variable without a known type


class Wanted(Enum):
    """What a name is looked up as: variables are no types, and in some languages no functions."""

    VALUE = auto()
    CALL = auto()
    TYPE = auto()


class Recorder:
    """Collects what an extractor sees in one file. What is too long or too deep is left out."""

    def __init__(self, language: str) -> None:
        self.module = ""
        self._language = language
        self._definitions: dict[str, Definition] = {}
        self._imports: dict[tuple[str, str, str, str], int] = {}
        self._bases: dict[tuple[str, str, str], int] = {}
        self._calls: dict[tuple[str, str], int] = {}
        self._bindings: dict[tuple[str, str], str] = {}
        self._hints: dict[tuple[str, str], str] = {}
        self._aliases: set[str] = set()

    def define(self, name: str, kind: str, node: tree_sitter.Node) -> bool:
        """Record a definition, the first of its name; return False where its name is of no use."""
        if not _usable(name) or len(self._definitions) >= MAX_ROWS:
            return False
        self._definitions.setdefault(name, Definition(name, kind, *lines(node)))
        return True

    def kind(self, name: str) -> str:
        """Return the kind of what was defined by this name, or ""."""
        found = self._definitions.get(name)
        return found.kind if found is not None else ""

    def imported(self, line: int, module: str, name: str = "", alias: str = "", flag: str = "") -> None:
        """Record an import, as `Import` says."""
        if module and len(module) <= NAME_CHARS and len(self._imports) < MAX_ROWS:
            self._imports.setdefault((module, name[:NAME_CHARS], alias[:NAME_CHARS], flag), line)
            self._aliases.add(alias)

    def base(self, definition: str, relation: str, written: str, line: int) -> None:
        """Record what a type is made of, in the order in which methods are looked up.

        :param relation: "inherits", "implements", `SAME`, or "" where only the base's kind tells which.
        """
        if _usable(written) and definition in self._definitions and len(self._bases) < MAX_ROWS:
            self._bases.setdefault((definition, relation, written), line)

    def called(self, scope: str, written: str, line: int) -> None:
        """Record a call in a scope, once however often it is made there."""
        if _usable(written) and len(self._calls) < MAX_ROWS:
            self._calls.setdefault((scope, written), line)

    def bind(self, scope: str, name: str, type_name: str) -> None:
        """Record the type of a variable, parameter, field or result; what is of two types is of neither."""
        if not _usable(name) or len(self._bindings) >= MAX_ROWS:
            return
        if type_name and not _usable(type_name.removeprefix("=")):
            type_name = ""
        if self._bindings.setdefault((scope, name), type_name) != type_name:
            self._bindings[scope, name] = ""

    def hint(self, scope: str, name: str, type_name: str) -> None:
        """Record the type of a name that may be declared elsewhere, too: a field assigned, a callback's parameter.

        It counts unless the scope, or one around it, binds or defines the name, or the file imports it.
        """
        if not _usable(name) or len(self._hints) >= MAX_ROWS:
            return
        if type_name and not _usable(type_name.removeprefix("=")):
            type_name = ""
        if self._hints.setdefault((scope, name), type_name) != type_name:
            self._hints[scope, name] = ""

    def bound(self, scope: str, name: str) -> str:
        """Return the type that a name was bound to in a scope or one around it; "" if that is not known."""
        while True:
            if (scope, name) in self._bindings or not scope:
                return self._bindings.get((scope, name), "")
            scope = scope.rpartition(".")[0]

    def facts(self, **extra: Any) -> Facts:
        """Return all of it; `extra` is the family's own, of JSON's types."""
        for (scope, name), type_name in self._hints.items():
            if not self._is_taken(scope, name):
                self._bindings[scope, name] = type_name
        body = {
            "imports": [[line, *key] for key, line in self._imports.items()],
            "bases": [[*key, line] for key, line in self._bases.items()],
            "calls": [[*key, line] for key, line in self._calls.items()],
            "bindings": [[*key, type_name] for key, type_name in self._wanted()],
        }
        return Facts(self._language, tuple(self._definitions.values()), self.module, body | extra)

    def _is_taken(self, scope: str, name: str) -> bool:
        if self.kind(scope) in TYPES:
            return (scope, name) in self._bindings or joined(scope, name) in self._definitions
        while (scope, name) not in self._bindings and joined(scope, name) not in self._definitions:
            if not scope:
                return name in self._aliases
            scope = scope.rpartition(".")[0]
        return True

    def _wanted(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield bindings, without those of functions' variables that no name in the file begins with."""
        heads = {head(written) for _, written in self._calls}
        heads |= {head(type_name.removeprefix("=")) for type_name in self._bindings.values()}
        for (scope, name), type_name in self._bindings.items():
            local = self.kind(scope) in CALLABLES
            if not local or name in heads or name.endswith("()"):
                yield (scope, name), type_name


class _File:
    """A file's facts, indexed."""

    __slots__ = ("aliases", "bases", "bindings", "calls", "imports", "kinds", "module", "wildcards")

    def __init__(self, facts: Facts) -> None:
        body = facts.body or {}
        self.module = facts.module
        self.kinds = {one.name: one.kind for one in facts.definitions}
        self.imports = [Import(*row) for row in body.get("imports", ())]
        self.calls: list[tuple[str, str, int]] = [(row[0], row[1], row[2]) for row in body.get("calls", ())]
        self.bindings: dict[tuple[str, str], str] = {(row[0], row[1]): row[2] for row in body.get("bindings", ())}
        self.bases: dict[str, list[tuple[str, str, int]]] = {}
        for definition, relation, written, line in body.get("bases", ()):
            self.bases.setdefault(definition, []).append((relation, written, line))
        self.aliases: dict[str, Import] = {}
        self.wildcards: list[Import] = []
        for row in self.imports:
            if row.alias:
                self.aliases.setdefault(row.alias, row)
            elif row.name == ALL:
                self.wildcards.append(row)


class Linker:
    """Resolves the names of all files of one family. One is made for each linking.

    Hooks to override, each with a default that suits a language without the thing: `space`, `modules`, `member`,
    `visible`, `anywhere`, `linked`.
    """

    common: frozenset[str] = frozenset()
    """Methods of standard containers and the like: never resolved by their name alone."""
    implicit_this = False
    """Whether `m()` in a method can mean `this.m()`, and `x` mean `this.x`."""
    variables_known = False
    """Whether all variables are bound, so that `x` of `x.m()` that leads nowhere is none of this repository."""
    variables_called = True
    """Whether a variable hides a function of its name, so that `x()` calls what the variable holds."""

    packages_make = True
    """Whether a capitalised function of a package makes a type of that name, so that its methods are known, too."""

    def __init__(self, files: Mapping[str, Facts]) -> None:
        self.facts = {path: files[path] for path in sorted(files)}
        self.files = {path: _File(facts) for path, facts in self.facts.items()}
        self.spaces = {path: self.space(path) for path in self.files}
        self.named: dict[tuple[str, str], list[str]] = {}  # (space, name) -> files that define it
        self.full: dict[str, list[Target]] = {}  # names with the namespaces that files declare
        self.tops: dict[str, list[Target]] = {}  # types and functions that belong to no type, by last part
        self.methods: dict[str, list[Target]] = {}  # by last part
        self.fields: dict[tuple[str, str, str], str] = {}  # (space, scope or "", variable or field) -> its file
        self.members: dict[str, list[str]] = {}  # space -> its files
        for path, file in self.files.items():
            self._index(path, file)
        self._heads: dict[tuple[str, str, str, Wanted], Target | None] = {}
        self._lines: dict[tuple[str, str], tuple[Target, ...]] = {}
        self._bases: dict[tuple[str, str], list[tuple[str, Target, int]]] = {}
        self._depth = 0

    def _index(self, path: str, file: _File) -> None:
        space = self.spaces[path]
        self.members.setdefault(space, []).append(path)
        for name, kind in file.kinds.items():
            target = Target(path, name)
            last = name.rpartition(".")[2]
            self.named.setdefault((space, name), []).append(path)
            if file.module:
                self.full.setdefault(f"{file.module}.{name}", []).append(target)
            if kind == "method":
                self.methods.setdefault(last, []).append(target)
            elif kind in TYPES or "." not in name:
                self.tops.setdefault(last, []).append(target)
        for scope, name in file.bindings:
            if file.kinds.get(scope) not in CALLABLES:
                self.fields.setdefault((space, scope, name), path)

    # Hooks.

    def space(self, path: str) -> str:
        """Return a name for the files that see each other's definitions without import, and share types' parts."""
        return self.files[path].module or path

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        """Return what the module of an import is: files, directories, namespaces or a package; none if unknown."""
        del path, row
        return ()

    def member(self, of: Target, name: str) -> Target | None:
        """Return what `name` means in a file, directory or namespace. Never asked of symbols or packages."""
        if of.space:
            return self.in_space(of.space, name)
        return self.in_file(of.path, name)

    def visible(self, path: str, name: str) -> Target | None:
        """Return what `name` means in a file that neither defines nor imports it."""
        return self.in_space(self.spaces[path], name, near=path)

    def anywhere(self, path: str, name: str) -> Target | None:
        """Return what `name` means when nothing else tells: the only type or function of that name."""
        del path
        found = self.tops.get(name, ())
        return replace(found[0], confidence=LIKELY) if len(found) == 1 else None

    def linked(self, path: str, row: Import) -> Iterable[Target]:
        """Return what an import relates its file to: what its module is."""
        return self.modules(path, row)

    # For hooks.

    def kind(self, target: Target) -> str:
        """Return the kind of a symbol, "" for anything else."""
        file = self.files.get(target.path)
        return file.kinds.get(target.name, "") if file is not None and target.name else ""

    def in_file(self, path: str, name: str) -> Target | None:
        """Return the symbol that a file defines on its own level, or the type of its variable."""
        file = self.files.get(path)
        if file is None:
            return None
        if name in file.kinds:
            return Target(path, name)
        return self._bound(path, "", name) if ("", name) in file.bindings else None

    def in_space(self, space: str, name: str, near: str = "") -> Target | None:
        """Return what the files of a namespace call `name`, or the namespace within it.

        :param near: Of two definitions, take that of the file that lies nearest to this.
        """
        if paths := self.named.get((space, name)):
            path = paths[0] if len(paths) == 1 else _nearest(paths, near)
            return Target(path, name)
        if (path := self.fields.get((space, "", name), "")) and path != near:
            return self._bound(path, "", name)
        inner = joined(space, name)
        return Target(space=inner) if inner in self.members else None

    def import_target(self, path: str, row: Import) -> Target | None:
        """Return what an import's name stands for in its file."""
        if self.too_deep:
            return None
        with self.deeper():
            modules = self.modules(path, row)
            if row.name in ("", ALL):
                return modules[0] if modules else None
            return next((found for one in modules if (found := self.step(one, row.name)) is not None), None)

    def qualified(self, parts: Sequence[str]) -> tuple[Target, Sequence[str]] | None:
        """Return the symbol of the longest full name that `parts` begin with, and the parts after it."""
        for end in range(len(parts), 0, -1):
            if found := self.full.get(".".join(parts[:end])):
                one = found[0] if len(found) == 1 else replace(found[0], confidence=LIKELY)
                return one, parts[end:]
        return None

    # Links.

    def links(self) -> Iterator[tuple[str, Link]]:
        """Yield each file's links, each once, in order of path, relation and line of the file's own text."""
        for path in self.files:
            best: dict[tuple[str, str, str, str, str, str], Link] = {}
            for link in chain(self._import_links(path), self._base_links(path), self._call_links(path)):
                written = link.written if link.package else ""
                key = (link.relation, link.scope, link.path, link.name, link.package, written)
                if key not in best or best[key].confidence < link.confidence:
                    best[key] = link
            for link in best.values():
                yield path, link

    def _import_links(self, path: str) -> Iterator[Link]:
        for row in self.files[path].imports:
            for target in self.linked(path, row):
                for place in self._places(target):
                    if place != path and (place or target.package):
                        written = target.written or row.module
                        yield Link("imports", "", place, "", target.package, written, target.confidence, row.line)

    def _places(self, target: Target) -> Sequence[str]:
        """Return a file, or the few directories that a namespace lies in."""
        if not target.space:
            return (target.path,)
        folders = sorted({path.rpartition("/")[0] for path in self.members.get(target.space, ())})
        return folders if len(folders) <= MAX_CANDIDATES else ()

    def _base_links(self, path: str) -> Iterator[Link]:
        for definition in self.files[path].bases:
            kind = self.files[path].kinds[definition]
            for relation, target, line in self.bases(path, definition):
                base_kind = self.kind(target)
                if not relation:
                    relation = "implements" if base_kind in _CONTRACTS and kind not in _CONTRACTS else "inherits"
                if relation == SAME or (relation == "implements" and MODULE in (kind, base_kind)):
                    continue
                yield self._link(relation, definition, target, line)

    def _call_links(self, path: str) -> Iterator[Link]:
        for scope, written, line in self.files[path].calls:
            for target in self.called(path, scope, written.split(".")):
                yield self._link("calls", scope, target, line)

    def _link(self, relation: str, scope: str, to: Target, line: int) -> Link:
        written = to.written
        if to.name:
            module = self.files[to.path].module
            written = f"{module}.{to.name}" if module else to.name
        return Link(relation, scope, to.path, to.name, to.package, written, to.confidence, line)

    # Resolution.

    def called(self, path: str, scope: str, parts: Sequence[str]) -> Sequence[Target]:
        """Return what a call can be of: one, or a few by name."""
        *receiver, last = parts
        if not receiver:
            found = self._super(path, scope) if last == SUPER else self.resolve(path, scope, parts, Wanted.CALL)
            return (found,) if found is not None and self._callable(found) else ()
        of = self.resolve(path, scope, receiver) if receiver != [SUPER] else None
        if of is None and receiver != [SUPER]:
            return self.by_name(last)
        found = self.resolve(path, scope, parts, Wanted.CALL)
        return (found,) if found is not None and self._callable(found) else ()

    def _callable(self, target: Target) -> bool:
        if target.value:
            return False
        return bool(target.package) or self.kind(target) in CALLABLES or self.kind(target) in TYPES

    def by_name(self, name: str) -> Sequence[Target]:
        """Return the few methods of that name."""
        found = self.methods.get(name, ()) if name not in self.common else ()
        if len(found) > MAX_CANDIDATES:
            return ()
        return [replace(one, confidence=LIKELY if len(found) == 1 else BY_NAME) for one in found]

    def resolve(self, path: str, scope: str, parts: Sequence[str], wanted: Wanted = Wanted.VALUE) -> Target | None:
        """Return what a dotted name leads to from a scope of a file; None if that is not known."""
        if self.too_deep:
            return None
        with self.deeper():
            return self._resolve(path, scope, parts, wanted)

    @property
    def too_deep(self) -> bool:
        """Whether names have led to names too often for a hook to follow one more."""
        return self._depth >= _MAX_DEPTH

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count what is done inside as one more name that another led to."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _resolve(self, path: str, scope: str, parts: Sequence[str], wanted: Wanted) -> Target | None:
        first, rest = parts[0], parts[1:]
        if first == SUPER:
            if not rest:
                return self._super(path, scope)
            found = self._from_above(path, scope, rest[0])
            rest = rest[1:]
        else:
            made = first.endswith("()")
            first_wanted = Wanted.CALL if made else Wanted.VALUE if rest and wanted is Wanted.CALL else wanted
            found = self._head(path, scope, first.removesuffix("()"), first_wanted)
            if found is None and rest and (full := self.qualified(parts)) is not None:
                found, rest = full
            if found is None and self.variables_known and (rest or wanted is not Wanted.CALL):
                return FOREIGN
            found = self._result(found) if made and found is not None else found
        if found is _UNKNOWN:
            return None
        for part in rest:
            if found is None or found is FOREIGN:
                return found
            found = self.step(found, part)
        return found

    def step(self, of: Target, part: str) -> Target | None:
        """Return what one more part of a dotted name leads to."""
        if of is FOREIGN:
            return FOREIGN
        name = part.removesuffix("()")
        found: Target | None
        if of.package:
            found = replace(of, written=f"{of.written}.{name}", value=False)
        elif of.name:
            found = self._of_symbol(of, name)
        else:
            found = self.member(of, name)
        if found is None or found is FOREIGN or found is _UNKNOWN:
            return None if found is _UNKNOWN else found
        if found.confidence > of.confidence:
            found = replace(found, confidence=of.confidence)
        return self._result(found) if part != name else found

    def _of_symbol(self, of: Target, name: str) -> Target | None:
        if self.kind(of) not in _OWNERS:
            found = self.files[of.path].kinds.get(f"{of.name}.{name}")
            return Target(of.path, f"{of.name}.{name}") if found else None
        return self._inherited(self.ancestors(of), name)

    def _result(self, of: Target) -> Target | None:
        """Return the type of what a call of `of` gives."""
        if of.package:  # a value that a package's function makes is the package's, but which, we do not know
            last = of.written.rpartition(".")[2]
            return replace(of, value=True) if self.packages_make and last[:1].isupper() else FOREIGN
        kind = self.kind(of)
        if kind in TYPES:
            return replace(of, value=True)
        if kind not in CALLABLES:
            return None
        owner, _, last = of.name.rpartition(".")
        found = self._bound(of.path, owner, f"{last}()")
        if found is None or found is _UNKNOWN or found is FOREIGN:
            return None if found is _UNKNOWN else found
        return replace(found, confidence=min(found.confidence, of.confidence))

    def _head(self, path: str, scope: str, name: str, wanted: Wanted) -> Target | None:
        key = (path, scope, name, wanted)
        if key not in self._heads:
            self._heads[key] = None  # a name that leads to itself leads nowhere
            self._heads[key] = self._find_head(path, scope, name, wanted)
        return self._heads[key]

    def _find_head(self, path: str, scope: str, name: str, wanted: Wanted) -> Target | None:
        if name == UNNAMED:
            return _UNKNOWN
        if name == THIS:
            owner = self.owner(path, scope)
            return replace(owner, value=True) if owner is not None else _UNKNOWN
        found = self._lexical(path, scope, name, wanted)
        if found is not None:
            return found
        file = self.files[path]
        if (row := file.aliases.get(name)) is not None:
            return self.import_target(path, row) or FOREIGN
        if (found := self.visible(path, name)) is not None:
            return found
        for row in file.wildcards:
            for module in self.modules(path, row):
                if not module.package and (found := self.step(module, name)) is not None:
                    return found
        return self.anywhere(path, name)

    def _lexical(self, path: str, scope: str, name: str, wanted: Wanted) -> Target | None:
        """Return what enclosing scopes define or bind, inner ones first."""
        file = self.files[path]
        while True:
            kind = file.kinds.get(scope, "")
            if self.implicit_this and scope and kind not in CALLABLES:
                owner = Target(path, scope) if kind else self.owner(path, scope)
                if owner is not None and (found := self._inherited(self.ancestors(owner), name, wanted)) is not None:
                    return found
            else:
                if kind not in TYPES and self._is_bound(file, scope, name, wanted):
                    return self._bound(path, scope, name) or _UNKNOWN
                inner = f"{scope}.{name}" if scope else name
                if file.kinds.get(inner, "method") != "method":
                    return Target(path, inner)
            if not scope:
                return None
            scope = scope.rpartition(".")[0]

    def _is_bound(self, file: _File, scope: str, name: str, wanted: Wanted) -> bool:
        type_name = file.bindings.get((scope, name))
        if type_name is None:
            return False
        if wanted is Wanted.TYPE:  # what `config` is in `config: config.Config`
            return type_name[:1] == "="
        return self.variables_called or wanted is Wanted.VALUE

    def owner(self, path: str, scope: str) -> Target | None:
        """Return the type that a scope belongs to, which another file may define."""
        file = self.files[path]
        while scope:
            kind = file.kinds.get(scope, "")
            if kind in _OWNERS:
                return Target(path, scope)
            if not kind:
                outer, _, last = scope.rpartition(".")
                found = self.visible(path, scope) or self.resolve(path, outer, [last], Wanted.TYPE)
                if found is not None and self.kind(found) in _OWNERS:
                    return found
            scope = scope.rpartition(".")[0]
        return None

    def _bound(self, path: str, scope: str, name: str) -> Target | None:
        """Return an instance of the type that a name is bound to."""
        type_name = self.files[path].bindings.get((scope, name), "")
        if not type_name:
            return _UNKNOWN
        key = (path, scope, f"{name}:", Wanted.VALUE)
        if key not in self._heads:
            self._heads[key] = _UNKNOWN
            self._heads[key] = self._instance(path, scope, type_name)
        return self._heads[key]

    def _instance(self, path: str, scope: str, type_name: str) -> Target | None:
        if type_name[0] == "=":
            return self.resolve(path, scope, type_name[1:].split(".")) or _UNKNOWN
        found = self.resolve(path, scope, type_name.split("."), Wanted.TYPE)
        return replace(found, value=True) if found is not None and found is not FOREIGN else FOREIGN

    # Inheritance.

    def parts(self, of: Target) -> Sequence[Target]:
        """Return a type's parts: itself, and what other files of its namespace define by its name."""
        paths = self.named.get((self.spaces[of.path], of.name), ())
        if len(paths) < 2:
            return (of,)
        return [of, *(Target(path, of.name) for path in paths if path != of.path)]

    def bases(self, path: str, definition: str) -> Sequence[tuple[str, Target, int]]:
        """Return what a definition says of its bases: relation, base and line."""
        key = (path, definition)
        if key in self._bases:
            return self._bases[key]
        self._bases[key] = []  # a base that is found by way of itself is not found
        rows, scope = [], definition.rpartition(".")[0]
        for relation, written, line in self.files[path].bases.get(definition, ()):
            found = self.resolve(path, scope, written.split("."), Wanted.TYPE)
            if found is None or found is FOREIGN or (found.path, found.name) == key:
                continue
            if not found.value and (found.package or self.kind(found) in _OWNERS):
                rows.append((relation, found, line))
        self._bases[key] = rows
        return rows

    def ancestors(self, of: Target) -> Sequence[Target]:
        """Return a type and all that it inherits from, in the order in which methods are looked up."""
        key = (self.spaces[of.path], of.name)
        if key not in self._lines:
            self._lines[key] = (of,)
            self._lines[key] = self._linearised(of)
        return self._lines[key]

    def _linearised(self, of: Target) -> tuple[Target, ...]:
        line: dict[tuple[str, str], Target] = {}
        todo = [replace(of, confidence=CERTAIN, value=False)]
        while todo and len(line) < MAX_ANCESTORS:
            one = todo.pop()
            key = (self.spaces[one.path], one.name)
            if key in line:
                continue
            line[key] = one
            above = []
            for part in self.parts(one):
                line.setdefault((self.spaces[part.path], part.name), replace(part, confidence=one.confidence))
                above += [
                    replace(base, confidence=min(base.confidence, one.confidence))
                    for _, base, _ in self.bases(part.path, part.name)
                    if base.name
                ]
            todo += above[::-1]
        return tuple(line.values())

    def _inherited(self, line: Iterable[Target], name: str, wanted: Wanted = Wanted.VALUE) -> Target | None:
        """Return the member `name` of the first of these types that has it, in whichever file that says so."""
        for one in line:
            space, full = self.spaces[one.path], f"{one.name}.{name}"
            if paths := self.named.get((space, full)):
                path = one.path if one.path in paths else paths[0]
                return Target(path, full, confidence=one.confidence)
            path = self.fields.get((space, one.name, name), "")
            if path and self._is_bound(self.files[path], one.name, name, wanted):
                return self._bound(path, one.name, name)
        return None

    def _super(self, path: str, scope: str) -> Target | None:
        """Return the first class that the scope's type inherits from."""
        owner = self.owner(path, scope)
        if owner is None:
            return None
        for part in self.parts(owner):
            for relation, base, _ in self.bases(part.path, part.name):
                if relation != "implements" and self.kind(base) not in _CONTRACTS:
                    return base
        return None

    def _from_above(self, path: str, scope: str, part: str) -> Target | None:
        """Return the member of what the scope's type inherits from."""
        owner = self.owner(path, scope)
        if owner is None:
            return None
        own = {(self.spaces[one.path], one.name) for one in self.parts(owner)}
        name = part.removesuffix("()")
        above = (one for one in self.ancestors(owner) if (self.spaces[one.path], one.name) not in own)
        found = self._inherited(above, name)
        return self._result(found) if found is not None and found is not _UNKNOWN and part != name else found


def head(written: str) -> str:
    """Return the first part of a dotted name, without `()`."""
    return written.partition(".")[0].removesuffix("()")


def words(names: str) -> frozenset[str]:
    """Return names written with spaces between them, as a set."""
    return frozenset(names.split())


def joined(scope: str, name: str) -> str:
    """Return the dotted name of what a scope defines."""
    return f"{scope}.{name}" if scope else name


def lines(node: tree_sitter.Node) -> tuple[int, int]:
    """Return a node's first and last line, 1-based."""
    start, end = node.start_point, node.end_point
    # Some nodes end after their line break, on the first column of the next row.
    last = end.row - 1 if end.column == 0 and end.row > start.row else end.row
    return start.row + 1, last + 1


def text_of(node: tree_sitter.Node | None, data: bytes) -> str:
    """Return a node's text, "" where there is none or it is too long for a name."""
    if node is None or node.end_byte - node.start_byte > 4 * NAME_CHARS:
        return ""
    return data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _usable(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARS and name.count(".") < MAX_PARTS and all(name.split("."))


def _nearest(paths: Sequence[str], near: str) -> str:
    """Return the path that shares most folders with `near`, the first of equals."""

    def shared(path: str) -> int:
        folders = zip(path.split("/")[:-1], near.split("/")[:-1], strict=False)
        return sum(1 for _ in _while_equal(folders))

    return max(paths, key=lambda path: (path == near, shared(path)))


def _while_equal(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for left, right in pairs:
        if left != right:
            return
        yield left


def in_namespace(facts: Facts, spaces: Iterable[str]) -> Facts:
    """Return the same facts with names within the innermost namespace that all definitions lie in, if there is one."""
    names = [one.name for one in facts.definitions]
    around = [space for space in spaces if names and all(name.startswith(f"{space}.") for name in names)]
    if not around:
        return facts
    space = max(around, key=len)

    def short(name: str) -> str:
        return "" if name == space else name.removeprefix(f"{space}.")

    body: dict[str, Any] = dict(facts.body or {})
    for rows in ("bases", "calls", "bindings"):
        body[rows] = [[short(scope), *rest] for scope, *rest in body[rows]]
    definitions = tuple(Definition(short(d.name), d.kind, d.line, d.end_line) for d in facts.definitions)
    return Facts(facts.language, definitions, space, body)


def shared_folders(path: str, other: str) -> int:
    """Return how many folders two paths share, from the root on."""
    pairs = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
