"""Reads source code's structure by tree-sitter, lazily: only nodes too large for a chunk are looked into."""

from __future__ import annotations

import re
from collections.abc import Sequence

import tree_sitter

from duetto_assets.stages.grammars import GRAMMARS, KEYWORD, NAMESPACES, VALUE, Grammar, node_types
from duetto_assets.stages.outline import SIGNATURE_CHARS, Definition, Part, one_line
from duetto_assets.syntax import parse

NAME_CHARS = 120

_KEYWORDS = node_types("class interface enum struct extension actor object")
_TYPES = node_types("class interface struct enum trait impl object protocol extension actor record union")
_FUNCTIONS = frozenset({"function", "method", "macro"})
_NAMES = node_types(
    "identifier simple_identifier type_identifier property_identifier field_identifier "
    "object_reference constant word name operator_name destructor_name"
)
_VALUES = node_types("arrow_function function_expression function generator_function class function_definition")
_BODIES = node_types(
    "block class_body enum_class_body function_body template_body declaration_list do_block "
    "statement_block compound_statement field_declaration_list interface_body protocol_body enum_body "
    "body_statement"
)
_DECLARATIONS = frozenset({"declaration", "field_declaration"})
# Without a body these name something defined elsewhere: `struct x *p`, `mod m;`, `namespace A;`.
_NEED_BODY = node_types(
    "struct_specifier union_specifier enum_specifier class_specifier mod_item namespace_definition "
    "internal_module module"
)
_MAY_BE_UNNAMED = frozenset({"namespace", "extension"})  # they take the name around them
_GENERICS = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")
_JOINTS = re.compile(r"::|\\|->|:|/")
_NOISE = re.compile(r"^(?:(?:module\.)?exports\.|this\.|self\.)(?=.)|\.prototype(?=\.)")


def outline(text: str, language: str) -> Part | None:
    """Return the structure of `text`, or None where its language is unknown or its parser gives up."""
    grammar = GRAMMARS.get(language)
    parsed = parse(text, grammar.name) if grammar is not None else None
    if grammar is None or parsed is None:
        return None
    tree, data = parsed
    return CodePart(tree.root_node, grammar, data)


class CodePart:
    """A node of a syntax tree."""

    __slots__ = ("_data", "_grammar", "_node", "last", "leads", "start")

    def __init__(self, node: tree_sitter.Node, grammar: Grammar, data: bytes) -> None:
        self._node, self._grammar, self._data = node, grammar, data
        self.start = node.start_point.row
        end = node.end_point
        # Some comments end after their line break, on the first column of the next row.
        self.last = max(self.start, end.row - 1 if end.column == 0 else end.row)
        self.leads = node.type in grammar.leads

    def parts(self) -> Sequence[Part]:
        todo, nodes = self._node.children[::-1], []
        while todo:
            node = todo.pop()
            if node.type in self._grammar.spliced:
                todo += node.children[::-1]
            else:
                nodes.append(node)
        return [CodePart(node, self._grammar, self._data) for node in nodes]

    @property
    def transparent(self) -> bool:
        kinds = self._grammar
        return self._node.type in kinds.transparent or kinds.kinds.get(self._node.type) in NAMESPACES

    def definition(self, enclosing_kind: str) -> Definition | None:
        node, kind = self._definer()
        if node is None:
            return None
        if node.type in _DECLARATIONS and (enclosing_kind in _FUNCTIONS or not _declares_function(node)):
            return None  # a variable
        if node.type in _NEED_BODY and node.child_by_field_name("body") is None:
            return None
        if kind == KEYWORD:
            kind = next((child.type for child in node.children if child.type in _KEYWORDS), "class")
        elif kind == VALUE:
            value = _value(node)
            kind = "class" if value is not None and value.type == "class" else "function"
        if kind == "function" and enclosing_kind in _TYPES:
            kind = "method"
        name = self._name(node, kind)
        if not name and kind not in _MAY_BE_UNNAMED:
            return None
        return Definition(name, kind, self._signature(node), node.start_point.row)

    def _definer(self) -> tuple[tree_sitter.Node | None, str]:
        """Return the node that defines something here, itself or within wrappers, and the kind of it."""
        node: tree_sitter.Node = self._node
        kinds, wrappers = self._grammar.kinds, self._grammar.wrappers
        while True:
            kind = kinds.get(node.type, "")
            if kind == VALUE and _value(node) is None:
                kind = ""
            if node.type == "call" and self._grammar.calls:
                target = node.child_by_field_name("target")
                kind = self._grammar.calls.get(self._text(target), "") if target is not None else ""
            if kind:
                return node, kind
            if node.type not in wrappers:
                return None, ""
            inner = [child for child in node.named_children if child.type in kinds or child.type in wrappers]
            if len(inner) != 1:
                return None, ""
            node = inner[0]

    def _text(self, node: tree_sitter.Node) -> str:
        end = min(node.end_byte, node.start_byte + 4 * NAME_CHARS)
        return self._data[node.start_byte : end].decode("utf-8", "ignore")

    def _signature(self, node: tree_sitter.Node) -> str:
        value = _value(node) if self._grammar.kinds.get(node.type) == VALUE else None
        body = _body(node if value is None else value)
        # From the start of its line, for `export`, `pub`, `template<class T>` stand outside the node.
        start = self._data.rfind(b"\n", 0, node.start_byte) + 1
        start = max(start, node.start_byte - SIGNATURE_CHARS)
        end = _before(body) if body is not None else self._data.find(b"\n", node.start_byte, node.end_byte)
        end = min(end if end >= 0 else node.end_byte, start + 8 * SIGNATURE_CHARS)
        return one_line(self._data[start:end].decode("utf-8", "ignore")).rstrip(" {=")

    def _name(self, node: tree_sitter.Node, kind: str) -> str:
        name = self._text(found) if (found := _name_node(node)) is not None else ""
        if node.type == "method_declaration" and (receiver := node.child_by_field_name("receiver")):
            name = f"{self._text(receiver).strip('() ').split(' ')[-1].lstrip('*')}.{name}"  # Go
        if not name and kind == "method":
            name = next((c.type for c in node.children if not c.is_named and c.type.isalpha()), "")
        return _clean_name(name)


def _name_node(node: tree_sitter.Node) -> tree_sitter.Node | None:
    if node.type == "impl_item":
        return node.child_by_field_name("type")
    if node.type == "call":
        return _elixir_name(node)
    for name_field in ("name", "left", "key", "declarator"):
        found = node.child_by_field_name(name_field)
        if found is None:
            continue
        while (inner := found.child_by_field_name("declarator")) is not None:
            found = inner
        return found
    if node.type == "assignment_statement":
        return node.named_children[0] if node.named_children else None  # Lua
    return next((child for child in node.named_children if child.type in _NAMES), None)


def _elixir_name(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return `f` of `def f(x) when guard do`, `A.B` of `defmodule A.B do`."""
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    found = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    if found is not None and found.type == "binary_operator":
        found = found.child_by_field_name("left")
    if found is not None and found.type == "call":
        found = found.child_by_field_name("target")
    return found


def _value(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return the function or class that this assignment gives a name to."""
    for name in ("value", "right"):
        found = node.child_by_field_name(name)
        if found is not None:
            return found if found.type in _VALUES else None
    for child in node.named_children:
        if child.type == "expression_list" and child.named_children:  # Lua
            return child.named_children[0] if child.named_children[0].type in _VALUES else None
    return None


def _body(node: tree_sitter.Node) -> tree_sitter.Node | None:
    body = node.child_by_field_name("body")
    return body or next((child for child in node.named_children if child.type in _BODIES), None)


def _before(body: tree_sitter.Node) -> int:
    """Return where the signature ends: comments may stand between it and the body."""
    before = body.prev_sibling
    while before is not None and "comment" in before.type:
        before = before.prev_sibling
    return body.start_byte if before is None else before.end_byte


def _declares_function(node: tree_sitter.Node) -> bool:
    found = node.child_by_field_name("declarator")
    while found is not None and found.type != "function_declarator":
        found = found.child_by_field_name("declarator")
    return found is not None


def _clean_name(name: str) -> str:
    """Return `a.b.C.f` for `a::b::C<T>::f`, `exports.f`, `M:f` and the like."""
    if "operator" not in name:
        while (shorter := _GENERICS.sub("", name)) != name:
            name = shorter
    name = _JOINTS.sub(".", "".join(name.strip("\"'`$").split()))
    return _NOISE.sub("", name)[:NAME_CHARS].strip(".")
