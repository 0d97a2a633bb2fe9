"""PHP: what files define and call, and how namespaces and included files lead to each other.

Reads no `composer.json`: a name of a namespace that no file declares is taken for a package's, by its first two parts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import tree_sitter

from duetto_assets.ontology.code.facts import Facts, Link
from duetto_assets.ontology.code.scopes import (
    FOREIGN,
    MAX_PARTS,
    SUPER,
    THIS,
    TYPES,
    UNNAMED,
    Import,
    Linker,
    Target,
    joined,
    words,
)
from duetto_assets.ontology.code.walk import Walk
from duetto_assets.syntax import parse

_TYPES = {
    "class_declaration": "class",
    "interface_declaration": "interface",
    "trait_declaration": "trait",
    "enum_declaration": "enum",
}
_NAMES = words("name qualified_name relative_name namespace_name")
_MEMBERS = {
    "member_access_expression": "object",
    "nullsafe_member_access_expression": "object",
    "scoped_property_access_expression": "scope",
    "class_constant_access_expression": "scope",
}
_CALLS = {
    "member_call_expression": "object",
    "nullsafe_member_call_expression": "object",
    "scoped_call_expression": "scope",
}
_INCLUDES = words("include_expression include_once_expression require_expression require_once_expression")
_HERE = words("__DIR__ dirname(__FILE__)")
_OWN = {"self": THIS, "static": THIS, "parent": SUPER}
_LITERALS = words("string encapsed_string integer float array_creation_expression boolean null heredoc nowdoc")
_COMMON = words(
    "add addError all any append assert assertEquals assertSame assertTrue attach build call check clear close count "
    "create current debug delete dispatch end error execute exists expects fail fetch fetchAll fill filter find "
    "findAll findBy findOneBy first flush format get getAll getCode getContent getData getId getIterator getKey "
    "getMessage getName getOption getPath getType getValue handle has hasNext index info init insert invoke isEmpty "
    "isValid item items join json key keys last length list load log make map match merge method name next notice "
    "offsetGet open parse persist pop prepare process push put query read register remove render replace reset rewind "
    "run save search select send set setValue size sort start stop test toArray toString trim type update valid "
    "validate value values warning where will willReturn with write"
)


class Php:
    """The PHP family."""

    languages = frozenset({"php"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file; None if its parser gives up."""
        del path
        parsed = parse(text, "php")
        return _Extractor(language, parsed[1]).facts(parsed[0].root_node) if parsed is not None else None

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _PhpLinker(files).links()


class _Extractor(Walk):
    """Walks one file's tree, in the order of its text. Variables keep their `$`, which sets them apart."""

    def facts(self, root: tree_sitter.Node) -> Facts:
        namespaces = [child for child in root.named_children if child.type == "namespace_definition"]
        if len(namespaces) == 1:
            self._seen.module = _dots(self._text(namespaces[0].child_by_field_name("name")))
        scope = ""
        for child in root.named_children:
            if child.type == "namespace_definition" and len(namespaces) > 1:
                # Of a file with several namespaces, each stands in its symbols' names.
                scope = _dots(self._text(child.child_by_field_name("name")))
                if scope:
                    self._seen.define(scope, "module", child)
                body = child.child_by_field_name("body")
                if body is not None:
                    self._walk(body, scope)
            else:
                self._walk(child, scope)
        return self._seen.facts()

    # Imports.

    def _use(self, node: tree_sitter.Node, _scope: str) -> None:
        group = node.child_by_field_name("body")
        prefix = next((self._text(child) for child in node.named_children if child.type == "namespace_name"), "")
        for clause in (group or node).named_children:
            if clause.type == "namespace_use_clause" and clause.named_children:
                name = _dots("\\".join(part for part in (prefix, self._text(clause.named_children[0])) if part))
                module, _, last = name.lstrip("\\").rpartition(".")
                alias = self._text(clause.child_by_field_name("alias")) or last
                self._seen.imported(clause.start_point.row + 1, module or last, last if module else "", alias)

    def _include(self, node: tree_sitter.Node, scope: str) -> None:
        value = node.named_children[0] if node.named_children else None
        while value is not None and value.type == "parenthesized_expression" and value.named_children:
            value = value.named_children[0]
        if value is not None and value.type == "binary_expression":
            left = "".join(self._text(value.child_by_field_name("left")).split())
            value = value.child_by_field_name("right") if left in _HERE else None
        if value is not None and value.type in ("string", "encapsed_string"):
            written = self._text(value).strip("\"'").lstrip("/")
            if "$" not in written:
                self._seen.imported(node.start_point.row + 1, written, flag="file")
        self._into(node, scope)

    # Definitions.

    def _type(self, node: tree_sitter.Node, scope: str) -> None:
        full = joined(scope, self._text(node.child_by_field_name("name")))
        body = node.child_by_field_name("body")
        if not self._seen.define(full, _TYPES[node.type], node):
            self._into(node, scope)
            return
        for clause in body.named_children if body is not None else ():
            if clause.type == "use_declaration":
                self._bases(clause, full, "inherits")
        for clause in node.named_children:
            if clause.type in ("base_clause", "class_interface_clause"):
                self._bases(clause, full, "inherits" if clause.type == "base_clause" else "implements")
        if body is not None:
            self._into(body, full)

    def _bases(self, clause: tree_sitter.Node, full: str, relation: str) -> None:
        for one in clause.named_children:
            if one.type in _NAMES:
                self._seen.base(full, relation, _dots(self._text(one)), one.start_point.row + 1)

    def _function(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._text(node.child_by_field_name("name"))
        is_method = self._seen.kind(scope) in TYPES
        full = joined(scope, name)
        if node.type == "method_declaration" and not is_method:  # of an anonymous class
            full = ""
        if not full or not self._seen.define(full, "method" if is_method else "function", node):
            self._into(node, scope)
            return
        self._parameters(node, full, self._seen.bind)
        if returned := self._type_name(node.child_by_field_name("return_type")):
            self._seen.bind(scope, f"{name}()", returned)
        body = node.child_by_field_name("body")
        if body is not None:
            self._into(body, full)

    def _closure(self, node: tree_sitter.Node, scope: str) -> None:
        self._parameters(node, scope, self._seen.hint)
        body = node.child_by_field_name("body")
        if body is not None:
            self._todo.append((body, scope))

    def _parameters(self, node: tree_sitter.Node, scope: str, say: Callable[[str, str, str], None]) -> None:
        parameters = node.child_by_field_name("parameters")
        for one in parameters.named_children if parameters is not None else ():
            name = self._text(one.child_by_field_name("name"))
            type_name = self._type_name(one.child_by_field_name("type"))
            say(scope, name, type_name)
            if one.type == "property_promotion_parameter":
                self._seen.bind(scope.rpartition(".")[0], name.lstrip("$"), type_name)
            if (default := one.child_by_field_name("default_value")) is not None:
                self._todo.append((default, scope))

    # Variables.

    def _property(self, node: tree_sitter.Node, scope: str) -> None:
        type_name = self._type_name(node.child_by_field_name("type"))
        for element in node.named_children:
            if element.type == "property_element" and type_name:
                name = self._text(element.child_by_field_name("name") or element.named_children[0])
                self._seen.bind(scope, name.lstrip("$"), type_name)
        self._into(node, scope)

    def _assignment(self, node: tree_sitter.Node, scope: str) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        self._todo.append((right, scope))
        type_name = self._value_type(right)
        if left.type == "variable_name":
            self._seen.bind(scope, self._text(left), type_name)
            return
        self._todo.append((left, scope))
        owner, written = scope.rpartition(".")[0], self._dotted(left)
        if self._seen.kind(scope) == "method" and written.startswith(f"{THIS}.") and written.count(".") == 1:
            if right.type == "variable_name":
                type_name = self._seen.bound(scope, self._text(right)) or type_name
            if type_name:
                self._seen.hint(owner, written.partition(".")[2], type_name)

    def _catch(self, node: tree_sitter.Node, scope: str) -> None:
        types = node.child_by_field_name("type")
        only = types.named_children[0] if types is not None and len(types.named_children) == 1 else None
        self._seen.hint(scope, self._text(node.child_by_field_name("name")), self._type_name(only))
        self._into(node, scope)

    # Calls, values and types.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        name = node.child_by_field_name("name") or node.child_by_field_name("function")
        if name is not None and name.type in _NAMES:  # a variable can hold the name of anything
            self._called(self._dotted(node).removesuffix("()"), scope, name)
        self._into(node, scope)

    def _made(self, node: tree_sitter.Node, scope: str) -> None:
        self._called(self._dotted(node).removesuffix("()"), scope, node)
        self._into(node, scope)

    def _called(self, written: str, scope: str, node: tree_sitter.Node) -> None:
        if written not in ("", UNNAMED, THIS, SUPER):
            self._seen.called(scope, written, node.start_point.row + 1)

    def _dotted(self, node: tree_sitter.Node) -> str:
        """Return an expression as a dotted name; "" for a literal's."""
        parts: list[str] = []
        while len(parts) < MAX_PARTS:
            inner: tree_sitter.Node | None
            if (field := _MEMBERS.get(node.type) or _CALLS.get(node.type)) is not None:
                name = self._text(node.child_by_field_name("name") or node.named_children[-1]).lstrip("$")
                parts.append(f"{name}()" if node.type in _CALLS else name)
                inner = node.child_by_field_name(field) or node.named_children[0]
            elif node.type in ("parenthesized_expression", "clone_expression") and node.named_children:
                inner = node.named_children[0]
            else:
                break
            node = inner
        if node.type in _LITERALS:
            return ""
        if len(parts) >= MAX_PARTS:
            return f"{UNNAMED}.{parts[0]}"
        return ".".join([self._first(node), *parts[::-1]])

    def _first(self, node: tree_sitter.Node) -> str:
        text = self._text(node)
        if node.type == "variable_name":
            return THIS if text == "$this" else text
        if node.type == "relative_scope":
            return _OWN.get(text, UNNAMED)
        if node.type in _NAMES:
            return _dots(text)
        if node.type == "function_call_expression":
            function = node.child_by_field_name("function")
            is_name = function is not None and function.type in _NAMES
            return f"{_dots(self._text(function))}()" if is_name else UNNAMED
        if node.type == "object_creation_expression" and node.named_children:
            made = node.named_children[0]
            if made.type in _NAMES:
                name = _dots(self._text(made))
                return f"{_OWN.get(name, name)}()"
        return UNNAMED

    def _value_type(self, value: tree_sitter.Node) -> str:
        written = self._dotted(value)
        if value.type == "object_creation_expression":
            return "" if written == UNNAMED else written.removesuffix("()")
        return f"={written}" if written and not written.startswith(UNNAMED) else ""

    def _type_name(self, node: tree_sitter.Node | None) -> str:
        """Return a type's name, of a nullable one that of what it can be; "" for one that has none."""
        for _ in range(MAX_PARTS):
            some = node.named_children if node is not None and node.type in ("optional_type", "union_type") else []
            some = [one for one in some if self._text(one).lower() != "null"]
            if len(some) != 1:
                break
            node = some[0]
        if node is None or node.type not in ("named_type", "primitive_type", *_NAMES):
            return ""
        name = _dots(self._text(node))
        return _OWN.get(name, name)

    _VISITS: ClassVar[Mapping[str, Callable[[_Extractor, tree_sitter.Node, str], None]]] = {
        "namespace_use_declaration": _use,
        **dict.fromkeys(_INCLUDES, _include),
        **dict.fromkeys(_TYPES, _type),
        "function_definition": _function,
        "method_declaration": _function,
        "anonymous_function": _closure,
        "arrow_function": _closure,
        "property_declaration": _property,
        "assignment_expression": _assignment,
        "catch_clause": _catch,
        "function_call_expression": _call,
        **dict.fromkeys(_CALLS, _call),
        "object_creation_expression": _made,
    }


def _dots(name: str) -> str:
    """Return a name with dots for backslashes, but for the first one: it makes a name absolute."""
    name = "".join(name.split()).removeprefix("namespace\\")
    return name[:1] + name[1:].replace("\\", ".")


class _PhpLinker(Linker):
    """Resolves by namespaces: a class is its full name, whichever file defines it."""

    common = _COMMON

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        for space in list(self.members):
            while space:
                self.members.setdefault(space, [])
                space = space.rpartition(".")[0]

    def space(self, path: str) -> str:
        return self.files[path].module

    def visible(self, path: str, name: str) -> Target | None:
        if name[0] == "\\":
            return self.in_space("", name[1:], near=path)
        if (found := self.in_space(self.spaces[path], name, near=path)) is not None:
            return found
        found = self.in_space("", name, near=path)  # functions alone, in PHP: but not all classes are in namespaces
        return found if found is not None and self.kind(found) == "function" else None

    def anywhere(self, path: str, name: str) -> Target | None:
        del path
        return None if name[0] == "$" else FOREIGN

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        if row.flag:
            folder = posixpath.dirname(path)
            files = (posixpath.normpath(posixpath.join(start, row.module)) for start in (folder, ""))
            return [Target(file) for file in files if file in self.files][:1]
        if not row.name:
            found = self.in_space("", row.module, near=path)
            return (found,) if found is not None else ()
        parts = row.module.split(".")
        if row.module in self.members:
            return (Target(space=row.module, written=row.module),)
        # A file of several namespaces has them in the names of its symbols.
        if row.module in self.files or self.named.get(("", row.module)):
            return (Target(self.named["", row.module][0], row.module),)
        vendor = ".".join([*parts, row.name][:2])
        if vendor in self.members:
            return ()
        return (Target(package="composer/" + vendor.lower().replace(".", "/"), written=row.module),)

    def linked(self, path: str, row: Import) -> Iterator[Target]:
        """Yield the file that defines what is imported."""
        found = self.import_target(path, row)
        if found is not None:
            yield replace(found, name="") if found.name else found
