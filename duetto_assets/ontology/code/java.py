"""What a Java file says: its types and methods, and the names that it uses. What the names mean is for the linker."""

from __future__ import annotations

import tree_sitter

from duetto_assets.ontology.code.facts import Facts
from duetto_assets.ontology.code.scopes import ALL, MAX_PARTS, SUPER, THIS, UNNAMED, Recorder, joined, text_of
from duetto_assets.syntax import parse

_KINDS = {
    "class_declaration": "class",
    "record_declaration": "class",
    "enum_declaration": "enum",
    "interface_declaration": "interface",
    "annotation_type_declaration": "interface",
    "method_declaration": "method",
    "constructor_declaration": "method",
    "compact_constructor_declaration": "method",
    "annotation_type_element_declaration": "method",
}
_BASES = {"superclass": "inherits", "super_interfaces": "implements", "extends_interfaces": "inherits"}
_VARIABLES = frozenset({"field_declaration", "local_variable_declaration", "constant_declaration"})
_NAMED = frozenset({"formal_parameter", "enhanced_for_statement", "resource"})  # with a type and a name
_PATTERNS = frozenset({"type_pattern", "record_pattern_component", "catch_formal_parameter"})
_UNNAMED_TYPES = frozenset({"object_creation_expression", "enum_constant"})  # that may have a body of their own
_LITERALS = frozenset({"string_literal", "class_literal", "character_literal"})


def extract(text: str) -> Facts | None:
    """Return the facts of a file; None if its parser gives up."""
    parsed = parse(text, "java")
    if parsed is None:
        return None
    reader = _Java(parsed[1])
    reader.read(parsed[0].root_node)
    return reader.record.facts()


class _Java:
    def __init__(self, data: bytes) -> None:
        self.record = Recorder("java")
        self._data = data

    def read(self, root: tree_sitter.Node) -> None:
        # Methods of a type without a name are no definitions: what they do, the method around them does.
        todo = [(root, "", False)]
        while todo:
            node, scope, unnamed = todo.pop()
            kind = node.type
            if kind == "package_declaration":
                self.record.module = self._dotted(node)
            elif kind == "import_declaration":
                self._import(node)
            elif kind in _KINDS:
                if kind not in ("method_declaration", "constructor_declaration") or not unnamed:
                    scope, unnamed = self._define(node, scope), False
                todo += [(child, scope, unnamed) for child in reversed(node.named_children)]
            else:
                self._note(node, kind, scope)
                unnamed = unnamed or kind in _UNNAMED_TYPES
                todo += [(child, scope, unnamed) for child in reversed(node.named_children)]

    def _note(self, node: tree_sitter.Node, kind: str, scope: str) -> None:
        if kind in _VARIABLES:
            self._variables(node, scope)
        elif kind in _NAMED or (kind == "instanceof_expression" and node.child_by_field_name("name") is not None):
            declared = node.child_by_field_name("right" if kind == "instanceof_expression" else "type")
            self._bind(node.child_by_field_name("name"), declared, node.child_by_field_name("value"), scope, kind)
        elif kind in _PATTERNS or kind == "spread_parameter":
            self._pattern(node, scope)
        elif kind == "lambda_expression":
            self._lambda(node, scope)
        elif kind == "method_invocation":
            self._call(scope, self._receiver(node), self._field(node, "name"), node)
        elif kind == "object_creation_expression":
            self.record.called(scope, self._type(node.child_by_field_name("type")), _line(node))
        elif kind == "explicit_constructor_invocation" and self._field(node, "constructor") == SUPER:
            self.record.called(scope, SUPER, _line(node))
        elif kind == "method_reference":
            self._reference(node, scope)

    # Definitions.

    def _define(self, node: tree_sitter.Node, scope: str) -> str:
        name = joined(scope, self._field(node, "name"))
        kind = _KINDS[node.type]
        if not self.record.define(name, kind, node):
            return scope
        if kind == "method":
            self.record.bind(scope, f"{self._field(node, 'name')}()", self._type(node.child_by_field_name("type")))
        for child in node.named_children:
            if child.type in _BASES:
                types = child.named_children
                types = types[0].named_children if types and types[0].type == "type_list" else types
                for base in types:
                    self.record.base(name, _BASES[child.type], self._type(base), _line(base))
        return name

    def _import(self, node: tree_sitter.Node) -> None:
        module = self._dotted(node)
        if any(child.type == "asterisk" for child in node.named_children):
            self.record.imported(_line(node), module, ALL)
        else:
            module, _, name = module.rpartition(".")
            self.record.imported(_line(node), module, name, name)

    def _variables(self, node: tree_sitter.Node, scope: str) -> None:
        declared = node.child_by_field_name("type")
        for child in node.named_children:
            if child.type == "variable_declarator":
                many = child.child_by_field_name("dimensions") is not None
                name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                self._bind(name, None if many else declared, value, scope, node.type)

    def _bind(
        self,
        name: tree_sitter.Node | None,
        declared: tree_sitter.Node | None,
        value: tree_sitter.Node | None,
        scope: str,
        kind: str,
    ) -> None:
        type_name = self._type(declared)
        if type_name == "var":
            written = self._written(value) if value is not None and kind != "enhanced_for_statement" else ""
            type_name = f"={written}" if written and written != UNNAMED else ""
        self.record.bind(scope, text_of(name, self._data), type_name)

    def _pattern(self, node: tree_sitter.Node, scope: str) -> None:
        names = [child for child in node.named_children if child.type in ("identifier", "variable_declarator")]
        types = [child for child in node.named_children if child.type not in ("identifier", "modifiers")]
        if node.type == "catch_formal_parameter":
            types = types[0].named_children if types else []
        if names:
            one = len(types) == 1 and node.type != "spread_parameter"
            name = names[-1].child_by_field_name("name") or names[-1]
            self.record.bind(scope, text_of(name, self._data), self._type(types[0]) if one else "")

    def _lambda(self, node: tree_sitter.Node, scope: str) -> None:
        parameters = node.child_by_field_name("parameters")
        if parameters is None or parameters.type == "formal_parameters":
            return
        for child in parameters.named_children if parameters.type == "inferred_parameters" else [parameters]:
            self.record.hint(scope, text_of(child, self._data), "")

    # Names.

    def _call(self, scope: str, receiver: str, name: str, node: tree_sitter.Node) -> None:
        if name:
            written = joined(receiver, name)
            self.record.called(scope, written if written.count(".") < MAX_PARTS else f"{UNNAMED}.{name}", _line(node))

    def _reference(self, node: tree_sitter.Node, scope: str) -> None:
        if not node.named_children:
            return
        first = node.named_children[0]
        written = self._type(first) if "type" in first.type else self._written(first)
        if node.children[-1].type == "new":
            self.record.called(scope, written, _line(node))
        else:
            self._call(scope, written, text_of(node.named_children[-1], self._data), node)

    def _receiver(self, call: tree_sitter.Node) -> str:
        if any(child.type == SUPER for child in call.children[1:]):  # Interface.super.m()
            return self._written(call.child_by_field_name("object"))
        of = call.child_by_field_name("object")
        return self._written(of) if of is not None else ""

    def _written(self, node: tree_sitter.Node | None) -> str:
        """Return an expression as a dotted name, `?` for what has none."""
        parts: list[str] = []
        while node is not None and len(parts) < MAX_PARTS:
            kind = node.type
            if kind == "parenthesized_expression":
                node = node.named_children[0] if node.named_children else None
                continue
            if kind == "field_access":
                if (field := self._field(node, "field")) != THIS:  # Outer.this
                    parts.append(field)
                node = node.child_by_field_name("object")
                continue
            if kind == "method_invocation":
                parts.append(f"{self._field(node, 'name')}()")
                inner = node.child_by_field_name("object")
                if inner is None:
                    return ".".join(reversed(parts))
                node = inner
                continue
            parts.append(self._first(node, kind))
            return ".".join(reversed(parts)) if all(parts) else UNNAMED
        return UNNAMED

    def _first(self, node: tree_sitter.Node, kind: str) -> str:
        if kind in ("identifier", THIS, SUPER):
            return text_of(node, self._data)
        if kind in ("object_creation_expression", "cast_expression"):
            type_name = self._type(node.child_by_field_name("type"))
            return f"{type_name}()" if type_name else UNNAMED
        return "String()" if kind in _LITERALS else UNNAMED

    def _type(self, node: tree_sitter.Node | None) -> str:
        """Return a type's dotted name, "" for an array or a primitive type."""
        parts: list[str] = []
        while node is not None and len(parts) < MAX_PARTS:
            if node.type in ("type_identifier", "identifier"):
                return ".".join([text_of(node, self._data), *reversed(parts)])
            if node.type == "scoped_type_identifier":
                parts.append(text_of(node.named_children[-1], self._data))
            elif node.type not in ("generic_type", "annotated_type"):
                return ""
            inner = [child for child in node.named_children if "annotation" not in child.type]
            node = inner[0] if inner else None
        return ""

    def _field(self, node: tree_sitter.Node, name: str) -> str:
        return text_of(node.child_by_field_name(name), self._data)

    def _dotted(self, statement: tree_sitter.Node) -> str:
        named = (child for child in statement.named_children if child.type in ("scoped_identifier", "identifier"))
        return "".join(text_of(next(named, None), self._data).split())


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1
