"""C#: names lead through namespaces and usings; a partial class is one type in several files.

Project files are not read: what one file uses globally, all files of its folder use, and a package is named by the
first two parts of its namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import tree_sitter

from duetto_assets.ontology.code.facts import LIKELY, Facts, Link
from duetto_assets.ontology.code.scopes import (
    ALL,
    FOREIGN,
    MAX_PARTS,
    SUPER,
    THIS,
    TYPES,
    UNNAMED,
    Import,
    Linker,
    Recorder,
    Target,
    Wanted,
    in_namespace,
    joined,
    shared_folders,
    text_of,
    words,
)
from duetto_assets.syntax import parse

_KINDS = {
    "class_declaration": "class",
    "record_declaration": "class",
    "struct_declaration": "struct",
    "interface_declaration": "interface",
    "enum_declaration": "enum",
    "delegate_declaration": "alias",
    "method_declaration": "method",
    "constructor_declaration": "method",
    "destructor_declaration": "method",
    "operator_declaration": "method",
    "local_function_statement": "function",
}
_NAMED = words(
    "parameter parameter_list catch_declaration declaration_pattern recursive_pattern declaration_expression"
)
_WRAPPERS = words("parenthesized_expression await_expression postfix_unary_expression element_access_expression")
_WRAPPING_TYPES = words("Task ValueTask")
_VAR = "var"
_GLOBAL = "global"  # flag of an import
_INTERFACE_NAME = re.compile(r"I[A-Z]")

_COMMON = words(
    "Add AddRange Aggregate All Any Append Build Clear Clone Close Compare CompareTo Concat Configure Contains "
    "ContainsKey Copy CopyTo Count Create Dispose Distinct EndsWith Equals Execute First FirstOrDefault Format Get "
    "GetEnumerator GetHashCode GetType GetValue Group IndexOf Initialize Insert Invoke Join Last Load Log Max Min "
    "MoveNext Next OrderBy Parse Pop Push Read Remove Replace Reset Run Select Set SetValue Single Sort Split Start "
    "StartsWith Stop Substring Sum ToArray ToDictionary ToList ToLower ToString ToUpper Trim TryGetValue TryParse "
    "Update Validate Where Write WriteLine"
)


class CSharp:
    """The family of C#."""

    languages = frozenset({"csharp"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file."""
        del path, language
        parsed = parse(text, "csharp")
        if parsed is None:
            return None
        reader = _Reader(parsed[1])
        reader.read(parsed[0].root_node)
        return reader.facts()

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _Linker(files).links()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.record = Recorder("csharp")
        self._data = data
        self._spaces: set[str] = set()
        self._partial: set[str] = set()
        self._extensions: set[str] = set()

    def facts(self) -> Facts:
        """Return all of it."""
        facts = self.record.facts(
            spaces=sorted(self._spaces), partial=sorted(self._partial), extensions=sorted(self._extensions)
        )
        return in_namespace(facts, self._spaces)

    def read(self, root: tree_sitter.Node) -> None:
        file_space = ""
        todo = [(root, "")]
        while todo:
            node, scope = todo.pop()
            kind = node.type
            if kind == "file_scoped_namespace_declaration":
                file_space = self._type(node.child_by_field_name("name"))
                self._spaces.update([file_space] if file_space else [])
            elif kind == "namespace_declaration":
                scope = joined(scope, self._type(node.child_by_field_name("name")))
                self._spaces.add(scope)
            elif kind in _KINDS:
                scope = self._define(node, scope or file_space)
            elif kind == "using_directive":
                self._using(node)
                continue
            else:
                self._note(node, kind, scope)
            todo += [(child, scope) for child in reversed(node.named_children)]

    def _note(self, node: tree_sitter.Node, kind: str, scope: str) -> None:
        if kind == "variable_declaration":
            self._variables(node, scope)
        elif kind == "property_declaration":
            self._bind(node, node.child_by_field_name("name"), node.child_by_field_name("value"), scope)
        elif kind == "foreach_statement":
            self._bind(node, node.child_by_field_name("left"), None, scope)
        elif kind in _NAMED and node.child_by_field_name("name") is not None:
            self._bind(node, node.child_by_field_name("name"), None, scope)
        elif kind == "lambda_expression":
            parameters = node.child_by_field_name("parameters")
            if parameters is not None and parameters.type in ("implicit_parameter", "identifier"):
                self.record.hint(scope, self._text(parameters), "")
        elif kind == "invocation_expression":
            self._call(node, scope)
        elif kind == "object_creation_expression":
            self.record.called(scope, self._type(node.child_by_field_name("type")), _line(node))
        elif kind == "constructor_initializer" and any(child.type == "base" for child in node.children):
            self.record.called(scope, SUPER, _line(node))

    # Definitions.

    def _define(self, node: tree_sitter.Node, scope: str) -> str:
        own = self._own_name(node)
        name, kind = joined(scope, own), _KINDS[node.type]
        if node.type == "record_declaration" and any(child.type == "struct" for child in node.children):
            kind = "struct"
        if not own or not self.record.define(name, kind, node):
            return scope
        modifiers = {self._text(child) for child in node.named_children if child.type == "modifier"}
        if kind in TYPES:
            self._partial.update([name] if "partial" in modifiers else [])
            self._bases(node, name, kind)
        else:
            returned = node.child_by_field_name("returns") or node.child_by_field_name("type")
            self.record.bind(scope, f"{own}()", self._type(returned))
            if "static" in modifiers and self._extends(node):
                self._extensions.add(name)
        return name

    def _own_name(self, node: tree_sitter.Node) -> str:
        if node.type == "operator_declaration":
            names = [after.type for before, after in pairwise(node.children) if before.type == "operator"]
            return f"operator{names[0]}" if names and "." not in names[0] else ""
        name = self._text(node.child_by_field_name("name"))
        return f"~{name}" if node.type == "destructor_declaration" else name

    def _bases(self, node: tree_sitter.Node, name: str, kind: str) -> None:
        for child in node.named_children:
            if child.type == "base_list" and kind != "enum":
                for base in child.named_children:
                    self.record.base(name, "implements" if kind == "struct" else "", self._type(base), _line(base))

    def _extends(self, method: tree_sitter.Node) -> bool:
        """Whether it is an extension method: its first parameter is marked `this`."""
        parameters = method.child_by_field_name("parameters")
        first = next(iter(parameters.named_children), None) if parameters is not None else None
        return first is not None and any(
            child.type == "modifier" and self._text(child) == THIS for child in first.named_children
        )

    def _using(self, node: tree_sitter.Node) -> None:
        written = {child.type for child in node.children}
        flag = _GLOBAL if "global" in written else ""
        full = self._type(node.named_children[-1]) if node.named_children else ""
        alias = self._text(node.child_by_field_name("name"))
        if alias and "=" in written:
            module, _, name = full.rpartition(".")
            self.record.imported(_line(node), module or name, name if module else "", alias, flag)
        else:
            self.record.imported(_line(node), full, ALL, flag=flag)

    def _variables(self, node: tree_sitter.Node, scope: str) -> None:
        for child in node.named_children:
            if child.type == "variable_declarator":
                name = child.child_by_field_name("name")
                values = child.named_children[1:]
                self._bind(node, name, values[-1] if values else None, scope)

    def _bind(
        self, node: tree_sitter.Node, name: tree_sitter.Node | None, value: tree_sitter.Node | None, scope: str
    ) -> None:
        declared = node.child_by_field_name("type")
        if declared is None and node.type == "parameter":  # of a lambda
            self.record.hint(scope, self._text(name), "")
            return
        type_name = self._type(declared)
        if type_name == _VAR:
            written = self._written(value) if value is not None else UNNAMED
            type_name = f"={written}" if written != UNNAMED else ""
        elif type_name and value is not None and value.type == "implicit_object_creation_expression":
            self.record.called(scope, type_name, _line(value))
        self.record.bind(scope, self._text(name), type_name)

    # Names.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        function = node.child_by_field_name("function")
        if function is None:
            return
        if function.type in ("identifier", "generic_name"):
            written = self._name(function)
        elif function.type in ("member_access_expression", "conditional_access_expression"):
            written = self._written(function)
            if written == UNNAMED or written.count(".") >= MAX_PARTS:
                name = self._last(function)
                written = f"{UNNAMED}.{name}" if name else ""
        else:
            return
        self.record.called(scope, written, _line(node))

    def _last(self, access: tree_sitter.Node) -> str:
        if access.type == "conditional_access_expression":
            access = access.named_children[-1] if access.named_children else access
        return self._name(access.child_by_field_name("name"))

    def _written(self, node: tree_sitter.Node | None) -> str:
        """Return an expression as a dotted name, `?` for what has none. `a?.b` is `a.b`."""
        parts: list[str] = []
        conditions: list[tree_sitter.Node] = []
        call = ""
        for _ in range(4 * MAX_PARTS):
            if node is None or len(parts) > MAX_PARTS:
                return UNNAMED
            kind = node.type
            if kind in ("member_access_expression", "member_binding_expression"):
                parts.append(self._name(node.child_by_field_name("name")) + call)
                call = ""
                if kind == "member_access_expression":
                    node = node.child_by_field_name("expression")
                else:
                    node = conditions.pop() if conditions else None
            elif kind == "conditional_access_expression" and len(node.named_children) > 1:
                conditions.append(node.named_children[0])
                node = node.named_children[-1]
            elif kind == "invocation_expression" and not call:
                node, call = node.child_by_field_name("function"), "()"
            elif kind in _WRAPPERS and not call:
                inner = node.child_by_field_name("expression")
                node = inner if inner is not None else next(iter(node.named_children), None)
            else:
                parts.append(self._first(node, kind, call))
                return ".".join(reversed(parts)) if all(parts) else UNNAMED
        return UNNAMED

    def _first(self, node: tree_sitter.Node, kind: str, call: str) -> str:
        if kind in ("identifier", "generic_name"):
            return self._name(node) + call
        if call:
            return UNNAMED
        if kind == "alias_qualified_name":  # global::A
            return self._name(node.child_by_field_name("name"))
        if kind in (THIS, "base", "predefined_type"):
            return SUPER if kind == "base" else self._text(node)
        if kind in ("object_creation_expression", "cast_expression", "as_expression"):
            type_name = self._type(node.child_by_field_name("right" if kind == "as_expression" else "type"))
            return f"{type_name}()" if type_name else UNNAMED
        return "string()" if "string" in kind else UNNAMED

    def _name(self, node: tree_sitter.Node | None) -> str:
        if node is not None and node.type == "generic_name":
            node = next(iter(node.named_children), None)
        return self._text(node)

    def _type(self, node: tree_sitter.Node | None) -> str:
        """Return a type's dotted name, "" for a primitive one. An array is what it holds, a task what it gives."""
        parts: list[str] = []
        for _ in range(2 * MAX_PARTS):
            if node is None:
                return ""
            kind = node.type
            if kind == "identifier":
                return ".".join([self._text(node), *reversed(parts)])
            if kind == "implicit_type":
                return _VAR
            if kind == "generic_name":
                node = self._wrapped(node) if not parts else next(iter(node.named_children), None)
            elif kind == "qualified_name":
                parts.append(self._name(node.child_by_field_name("name")))
                node = node.child_by_field_name("qualifier")
            elif kind == "alias_qualified_name":
                node = node.child_by_field_name("name")
            elif kind in ("nullable_type", "array_type", "primary_constructor_base_type"):
                node = node.child_by_field_name("type")
            else:
                return ""
        return ""

    def _wrapped(self, generic: tree_sitter.Node) -> tree_sitter.Node | None:
        """Return the name of a generic type, or what it wraps: `T` of `Task<T>`."""
        name, *arguments = generic.named_children
        if self._text(name) in _WRAPPING_TYPES and arguments:
            return next(iter(arguments[0].named_children), None)
        return name

    def _text(self, node: tree_sitter.Node | None) -> str:
        return text_of(node, self._data).removeprefix("@")


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1


class _Linker(Linker):
    common = _COMMON
    implicit_this = True
    variables_known = True
    variables_called = False

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        self._symbols: dict[str, list[Target]] = {}  # by full name
        self._namespaces: set[str] = set()
        self._partial: set[tuple[str, str]] = set()
        self._extensions: dict[str, list[Target]] = {}  # extension methods by name
        self._global: dict[str, list[Import]] = {}  # folder -> what its files use globally
        for path, facts in self.facts.items():
            body = facts.body or {}
            for one in facts.definitions:
                self._symbols.setdefault(joined(facts.module, one.name), []).append(Target(path, one.name))
            for space in body.get("spaces", ()):
                parts = space.split(".")
                self._namespaces.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
            within = f"{facts.module}." if facts.module else ""
            self._partial.update((path, name.removeprefix(within)) for name in body.get("partial", ()))
            for name in body.get("extensions", ()):
                target = Target(path, name.removeprefix(within), confidence=LIKELY)
                self._extensions.setdefault(name.rpartition(".")[2], []).append(target)
            rows = [row for row in self.files[path].imports if row.flag == _GLOBAL and not row.alias]
            self._global.setdefault(path.rpartition("/")[0], []).extend(rows)

    # Hooks.

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        """Return the namespace or type of this repository, or the package that a namespace is of."""
        if (found := self._seen(path, row.module)) is not None:
            return (found,)
        return (Target(package=_package(row.module.split(".")), written=row.module),)

    def member(self, of: Target, name: str) -> Target | None:
        """Return what a namespace calls `name`."""
        return self._seen("", f"{of.space}.{name}") if of.space else super().member(of, name)

    def visible(self, path: str, name: str) -> Target | None:
        """Return what a name means in the file's namespace, one around it, or one that it uses."""
        return self._named(path, "", name)

    def anywhere(self, path: str, name: str) -> Target | None:
        """Return nothing: other namespaces are used by name."""
        del path, name
        return None

    def linked(self, path: str, row: Import) -> Iterable[Target]:
        """Return the folders of a namespace, the file of a type, or a package."""
        for module in self.modules(path, row):
            found = module if row.name in ("", ALL) else self.step(module, row.name)
            if found is not None:
                yield Target(found.path) if found.path else found

    def parts(self, of: Target) -> Sequence[Target]:
        """Return the parts of a partial type."""
        if (of.path, of.name) not in self._partial:
            return (of,)
        full = joined(self.files[of.path].module, of.name)
        others = [one for one in self._symbols[full] if one.path != of.path and (one.path, one.name) in self._partial]
        return (of, *others)

    def called(self, path: str, scope: str, parts: Sequence[str]) -> Sequence[Target]:
        """Return what a call can be of: with a type, its constructor where that is written; an extension method."""
        found = list(super().called(path, scope, parts))
        if not found and len(parts) > 1:
            used = [one for one in self._extensions.get(parts[-1], ()) if self._uses(path, one)]
            found += used if len(used) == 1 else []
        for one in tuple(found):
            if self.kind(one) in TYPES:
                last = one.name.rpartition(".")[2]
                constructors = [Target(part.path, f"{part.name}.{last}") for part in self.parts(one)]
                found += [replace(c, confidence=one.confidence) for c in constructors if self.kind(c)][:1]
        return found

    def _uses(self, path: str, extension: Target) -> bool:
        """Whether a file sees the type that an extension method stands in."""
        of = extension.name.rpartition(".")[0]
        return self._named(path, "", of.rpartition(".")[2]) is not None

    # Names.

    def _base_links(self, path: str) -> Iterator[Link]:
        for link in super()._base_links(path):
            external = link.package and link.relation == "inherits"
            last = link.written.rpartition(".")[2]
            if external and _INTERFACE_NAME.match(last) and self.files[path].kinds[link.scope] != "interface":
                yield replace(link, relation="implements", confidence=min(link.confidence, LIKELY))
            else:
                yield link

    def _resolve(self, path: str, scope: str, parts: Sequence[str], wanted: Wanted) -> Target | None:
        found = super()._resolve(path, scope, parts, wanted)
        if found is FOREIGN and wanted is Wanted.TYPE and len(parts) > 1 and self._is_external(path, parts):
            return Target(package=_package(parts[:-1]), written=".".join(parts))
        return found

    def _is_external(self, path: str, parts: Sequence[str]) -> bool:
        """Whether a full name begins as a namespace does that the file uses and that is not of this repository."""
        roots = {row.module.partition(".")[0] for row in self._used(path)} | {"System"}
        return parts[0] in roots and parts[0] not in self._namespaces

    def _find_head(self, path: str, scope: str, name: str, wanted: Wanted) -> Target | None:
        if name in (UNNAMED, THIS):
            return super()._find_head(path, scope, name, wanted)
        found = self._lexical(path, scope, name, wanted)
        if found is not None:
            return found
        if (row := self.files[path].aliases.get(name)) is not None:
            return self.import_target(path, row) or FOREIGN
        return self._named(path, scope, name)

    def _named(self, path: str, scope: str, name: str) -> Target | None:
        file = self.files[path]
        around = joined(file.module, scope) if file.module and scope else file.module or scope
        while True:
            if (found := self._seen(path, joined(around, name))) is not None:
                return found
            if not around:
                break
            around = around.rpartition(".")[0]
        for row in self._used(path):
            of = self._seen(path, row.module)
            found = self.step(of, name) if of is not None else None
            if found is not None and not found.space:  # `using A` shows A's types, not its namespaces
                return found
        return None

    def _used(self, path: str) -> Iterator[Import]:
        yield from self.files[path].wildcards
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            yield from self._global.get(folder, ())

    def _seen(self, path: str, full: str) -> Target | None:
        """Return the symbol of a full name, of several the nearest, or the namespace."""
        if found := self._symbols.get(full):
            return (
                found[0]
                if len(found) == 1
                else max(found, key=lambda one: (one.path == path, shared_folders(one.path, path)))
            )
        return Target(space=full) if full in self._namespaces else None

    def _inherited(self, line: Iterable[Target], name: str, wanted: Wanted = Wanted.VALUE) -> Target | None:
        found = super()._inherited(line, name, wanted)
        if found is not None and self.kind(found) == "method":
            of, _, last = found.name.rpartition(".")
            if of.rpartition(".")[2] == last:  # within a type its name is the type's, not the constructor's
                return replace(found, name=of)
        return found


def _package(parts: Sequence[str]) -> str:
    return f"dotnet/{'.'.join(parts)}" if parts[0] == "System" else f"nuget/{'.'.join(parts[:2])}"
