"""What a Kotlin file says: its types and functions, and the names that it uses. What they mean is for the linker."""

from __future__ import annotations

import tree_sitter

from duetto_assets.ontology.code.facts import Facts
from duetto_assets.ontology.code.scopes import (
    ALL,
    MAX_PARTS,
    SAME,
    SUPER,
    THIS,
    TYPES,
    UNNAMED,
    Recorder,
    joined,
    text_of,
)
from duetto_assets.syntax import parse

_TYPE_NODES = frozenset({"user_type", "nullable_type", "function_type", "parenthesized_type", "not_nullable_type"})
_VARIABLES = frozenset({"property_declaration", "when_subject"})
_UNNAMED_TYPES = frozenset({"object_literal", "enum_entry"})  # that may have a body of their own
_IT = "it"  # the parameter of a lambda that names none


def extract(text: str) -> Facts | None:
    """Return the facts of a file; None if its parser gives up."""
    parsed = parse(text, "kotlin")
    if parsed is None:
        return None
    reader = _Kotlin(parsed[1])
    reader.read(parsed[0].root_node)
    return reader.record.facts(extensions=dict(sorted(reader.receivers.items())))


class _Kotlin:
    def __init__(self, data: bytes) -> None:
        self.record = Recorder("kotlin")
        self.receivers: dict[str, str] = {}  # extension function -> the type it extends
        self._data = data

    def read(self, root: tree_sitter.Node) -> None:
        # Functions of an object without a name are no definitions: what they do, the function around them does.
        todo = [(root, "", False)]
        while todo:
            node, scope, unnamed = todo.pop()
            kind = node.type
            skipped: frozenset[str] = frozenset()
            if kind == "package_header":
                self.record.module = self._identifier(node)
            elif kind == "import_header":
                self._import(node)
            elif kind in ("class_declaration", "object_declaration"):
                scope, unnamed = self._define_type(node, scope), False
            elif kind == "function_declaration":
                scope = scope if unnamed else self._define_function(node, scope)
            elif kind == "type_alias":
                self._alias(node, scope)
            elif kind in _VARIABLES:
                self._variable(node, scope)
                skipped = frozenset({"variable_declaration"})
            else:
                self._note(node, kind, scope)
                unnamed = unnamed or kind in _UNNAMED_TYPES
            todo += [(child, scope, unnamed) for child in reversed(node.named_children) if child.type not in skipped]

    def _note(self, node: tree_sitter.Node, kind: str, scope: str) -> None:
        if kind == "secondary_constructor":
            name = joined(scope, scope.rpartition(".")[2])
            if self.record.kind(scope) in TYPES:
                self.record.define(name, "method", node)
        elif kind in ("class_parameter", "parameter", "catch_block", "variable_declaration"):
            self.record.bind(scope, self._named(node), self._declared(node))
        elif kind == "lambda_parameters":
            for child in node.named_children:
                self.record.hint(scope, self._named(child), self._declared(child))
        elif kind == "call_expression":
            self._call(node, scope)
        elif kind == "callable_reference":
            names = [self._text(child) for child in node.named_children if "identifier" in child.type]
            self._called(scope, ".".join(names[:-1]), names[-1] if names else "", node)
        elif kind == "constructor_delegation_call" and any(child.type == SUPER for child in node.children):
            self.record.called(scope, SUPER, _line(node))

    # Definitions.

    def _define_type(self, node: tree_sitter.Node, scope: str) -> str:
        name = joined(scope, self._text(_child(node, "type_identifier")))
        words = {child.type for child in node.children}
        kind = "interface" if "interface" in words else "enum" if "enum" in words else "class"
        modifiers = _child(node, "modifiers")
        if modifiers is not None and any(self._text(child) == "annotation" for child in modifiers.named_children):
            kind = "interface"
        if not self.record.define(name, kind, node):
            return scope
        body, primary = _child(node, "class_body"), _child(node, "primary_constructor")
        constructs = body is not None and any(c.type == "secondary_constructor" for c in body.named_children)
        for child in node.named_children:
            if child.type == "delegation_specifier" and child.named_children:
                self._base(name, kind, child.named_children[0], may_be_class=primary is None and constructs)
        return name

    def _base(self, name: str, kind: str, base: tree_sitter.Node, *, may_be_class: bool) -> None:
        written = base if base.type == "user_type" else _child(base, "user_type")
        if kind == "interface" or base.type == "constructor_invocation":
            relation = "inherits"
        else:  # a class stands with its constructor's call, here or in the constructors of the body
            relation = "" if may_be_class else "implements"
        self.record.base(name, relation, self._type(written), _line(base))

    def _define_function(self, node: tree_sitter.Node, scope: str) -> str:
        own = self._named(node)
        name = joined(scope, own)
        if not self.record.define(name, "method" if self.record.kind(scope) in TYPES else "function", node):
            return scope
        extended = node.child_by_field_name("receiver")
        if extended is not None:
            self.receivers[name] = self._declared(extended)
        self.record.bind(scope, f"{own}()", self._result(node, scope))
        return name

    def _result(self, function: tree_sitter.Node, scope: str) -> str:
        """Return the type of what a function returns: as declared, or of its only expression."""
        after = False
        for child in function.named_children:
            after = after or child.type == "function_value_parameters"
            if after and child.type in _TYPE_NODES:
                return self._type(child)
            if child.type == "function_body" and child.named_children and child.children[0].type == "=":
                return self._value(child.named_children[0], scope)
        return ""

    def _alias(self, node: tree_sitter.Node, scope: str) -> None:
        name = joined(scope, self._text(_child(node, "type_identifier")))
        if self.record.define(name, "alias", node):
            self.record.base(name, SAME, self._declared(node), _line(node))

    def _import(self, node: tree_sitter.Node) -> None:
        module = self._identifier(node)
        if _child(node, "wildcard_import") is not None:
            self.record.imported(_line(node), module, ALL)
            return
        module, _, name = module.rpartition(".")
        renamed = _child(node, "import_alias")
        alias = self._text(_child(renamed, "type_identifier")) if renamed is not None else ""
        self.record.imported(_line(node), module, name, alias or name)

    def _variable(self, node: tree_sitter.Node, scope: str) -> None:
        several = _child(node, "multi_variable_declaration")  # its parts are noted on their own
        declared = _child(node, "variable_declaration")
        if declared is None or several is not None:
            return
        type_name = self._declared(declared)
        equals = next((index for index, child in enumerate(node.children) if child.type == "="), 0)
        if not type_name and equals and _child(declared, *_TYPE_NODES) is None:
            type_name = self._value(node.children[equals + 1], scope) if equals + 1 < len(node.children) else ""
        self.record.bind(scope, self._named(declared), type_name)

    def _value(self, node: tree_sitter.Node, scope: str) -> str:
        written = self._written(node, scope)
        return f"={written}" if written != UNNAMED else ""

    # Names.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        callee = node.named_children[0] if node.named_children else None
        if callee is None:
            return
        if callee.type == "simple_identifier":
            self._called(scope, "", self._text(callee), node)
        elif callee.type == "navigation_expression" and (name := self._suffix(callee)):
            self._called(scope, self._written(callee.named_children[0], scope), name, node)

    def _called(self, scope: str, receiver: str, name: str, node: tree_sitter.Node) -> None:
        if name:
            written = joined(receiver, name)
            self.record.called(scope, written if written.count(".") < MAX_PARTS else f"{UNNAMED}.{name}", _line(node))

    def _written(self, node: tree_sitter.Node | None, scope: str) -> str:
        """Return an expression as a dotted name, `?` for what has none."""
        parts: list[str] = []
        call = ""
        while node is not None and len(parts) < MAX_PARTS:
            first = node.named_children[0] if node.named_children else None
            if node.type == "navigation_expression":
                parts.append(self._suffix(node) + call)
                node, call = first, ""
            elif node.type == "call_expression" and not call:
                node, call = first, "()"
            elif node.type in ("parenthesized_expression", "postfix_expression") and not call:
                node = first
            else:
                parts.append(self._first(node, scope, call))
                break
        else:
            return UNNAMED
        return ".".join(reversed(parts)) if all(parts) else UNNAMED

    def _first(self, node: tree_sitter.Node, scope: str, call: str) -> str:
        if node.type == "simple_identifier":
            name = self._text(node)
            return f"{name}{call}" if name != _IT or call else UNNAMED
        if call:
            return UNNAMED
        if node.type == "this_expression":
            return self._this(node, scope)
        if node.type == "super_expression":
            return SUPER
        if node.type == "as_expression":
            type_name = self._type(node.named_children[-1])
            return f"{type_name}()" if type_name else UNNAMED
        return "String()" if node.type == "string_literal" else UNNAMED

    def _this(self, node: tree_sitter.Node, scope: str) -> str:
        if label := self._text(_child(node, "type_identifier")):  # this@Outer; this@apply is of a lambda
            return f"{label}()" if label[:1].isupper() else UNNAMED
        while scope and self.record.kind(scope) not in TYPES:
            if scope in self.receivers:
                return f"{self.receivers[scope]}()" if self.receivers[scope] else UNNAMED
            scope = scope.rpartition(".")[0]
        return THIS

    def _suffix(self, navigation: tree_sitter.Node) -> str:
        suffix = _child(navigation, "navigation_suffix")
        return self._text(_child(suffix, "simple_identifier")) if suffix is not None else ""

    def _type(self, node: tree_sitter.Node | None) -> str:
        """Return a type's dotted name, "" for a function's and the like."""
        while node is not None and node.type != "user_type":
            if node.type not in ("nullable_type", "parenthesized_type", "not_nullable_type") or not node.named_children:
                return ""
            node = node.named_children[0]
        if node is None:
            return ""
        return ".".join(self._text(child) for child in node.named_children if child.type == "type_identifier")

    def _declared(self, node: tree_sitter.Node) -> str:
        return self._type(_child(node, *_TYPE_NODES))

    def _named(self, node: tree_sitter.Node) -> str:
        return self._text(_child(node, "simple_identifier"))

    def _identifier(self, node: tree_sitter.Node) -> str:
        return "".join(self._text(_child(node, "identifier")).split())

    def _text(self, node: tree_sitter.Node | None) -> str:
        return text_of(node, self._data).replace("`", "")


def _child(node: tree_sitter.Node, *kinds: str) -> tree_sitter.Node | None:
    return next((child for child in node.named_children if child.type in kinds), None)


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1
