"""JavaScript and TypeScript: what files define and call, and how modules lead to each other.

Knows ES modules, CommonJS and JSX. Reads no `tsconfig.json` and no `package.json`: of path aliases it follows `@/` and
`~/` alone, and what a workspace's own packages hold is found by package.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import tree_sitter

from duetto_assets.ontology.code.facts import LIKELY, Facts, Link
from duetto_assets.ontology.code.scopes import (
    ALL,
    MAX_PARTS,
    SAME,
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

_CLASSES = words("class_declaration abstract_class_declaration class")
_FUNCTIONS = words("function_declaration generator_function_declaration function_signature")
_FUNCTION_VALUES = words("arrow_function function_expression function generator_function")
_METHODS = words("method_definition method_signature abstract_method_signature")
_FIELDS = words("public_field_definition field_definition property_signature")
_WRAPPERS = words("parenthesized_expression non_null_expression await_expression")
_CASTS = words("as_expression satisfies_expression")
_NAMES = words("identifier type_identifier property_identifier private_property_identifier")
_LITERALS = words("string template_string number regex array true false null object")
_PATTERN_NAMES = words("identifier shorthand_property_identifier_pattern")
_PATTERNS = words("object_pattern array_pattern rest_pattern pair_pattern assignment_pattern")
_WRAPPING_TYPES = words("Promise Awaited Readonly Partial Required")
_NOTHING = words("null undefined void")

_TYPES_ALONE = words("type_annotation type_arguments type_parameters")

_SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_WRITTEN_FOR = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
_NODE = words(
    "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain "
    "events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl "
    "stream string_decoder sys test timers tls trace_events tty url util v8 vm wasi worker_threads zlib"
)
_COMMON = words(
    "add all any append apply assign at bind call catch charAt charCodeAt clear clone close concat copyWithin create "
    "defineProperty delete destroy done each emit end endsWith entries error every exec fail fill filter finally find "
    "findIndex findLast flat flatMap forEach from get getTime has hasOwnProperty includes indexOf info init insert "
    "isArray join json keys last lastIndexOf length listen load log map match max min next now of off on once open "
    "parse pipe pop post push put race read reduce reject remove render repeat replace reset resolve return reverse "
    "run save search send set setTimeout shift show size slice some sort splice split start startsWith status stop "
    "stringify subscribe substr substring test text then toFixed toISOString toJSON toLowerCase toString toUpperCase "
    "trim type unshift update use value valueOf values warn with write"
)


class JavaScript:
    """The JavaScript family."""

    languages = frozenset({"javascript", "typescript", "tsx"})
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file; None if its parser gives up."""
        del path
        parsed = parse(text, language)
        return _Extractor(language, parsed[1]).facts(parsed[0].root_node) if parsed is not None else None

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file."""
        return _JavaScriptLinker(files).links()


class _Extractor(Walk):
    """Walks one file's tree, in the order of its text."""

    def __init__(self, language: str, data: bytes) -> None:
        super().__init__(language, data)
        self._exports: dict[str, str] = {}
        self._is_script = True

    def facts(self, root: tree_sitter.Node) -> Facts:
        self._walk(root, "")
        return self._seen.facts(exports=[[*row] for row in self._exports.items()], script=self._is_script)

    def _visit(self, node: tree_sitter.Node, scope: str) -> None:
        kind = node.type
        if kind in _CLASSES:
            self._class(node, scope, self._text(node.child_by_field_name("name")))
        elif kind in _FUNCTIONS:
            self._function(node, scope, self._text(node.child_by_field_name("name")))
        elif kind in _FUNCTION_VALUES:
            self._parameters(node, scope, named=False)
            self._into(node, scope)
        elif (visit := self._VISITS.get(kind)) is not None:
            visit(self, node, scope)
        elif kind not in _TYPES_ALONE:
            self._expression(node, scope)

    def _expression(self, node: tree_sitter.Node, scope: str) -> None:
        kind = node.type
        if kind == "call_expression":
            self._call(node, scope)
        elif kind == "new_expression":
            self._called(node.child_by_field_name("constructor"), scope)
        elif kind in ("jsx_opening_element", "jsx_self_closing_element"):
            name = node.child_by_field_name("name")
            if name is not None and (name.type != "identifier" or self._text(name)[:1].isupper()):
                self._called(name, scope)
        elif kind == "decorator" and node.named_children and node.named_children[0].type in _NAMES:
            self._called(node.named_children[0], scope)
        elif kind in ("for_in_statement", "catch_clause"):
            pattern = node.child_by_field_name("left") or node.child_by_field_name("parameter")
            self._destructured(pattern, scope, "", named=False)
        self._into(node, scope)

    # Modules.

    def _import(self, node: tree_sitter.Node, _scope: str) -> None:
        self._is_script = False
        line, clauses = node.start_point.row + 1, node.named_children
        source = self._literal(node.child_by_field_name("source"))
        aliases: list[tuple[str, str]] = []
        for clause in clauses:
            if clause.type == "import_require_clause":
                source = self._literal(clause.child_by_field_name("source"))
                name = next((child for child in clause.named_children if child.type == "identifier"), None)
                self._seen.imported(line, source, "", self._text(name), "require")
                return
            if clause.type == "import_clause":
                aliases += self._clause(clause)
        for name_, alias in aliases or [("", "")]:
            self._seen.imported(line, source, name_, alias)

    def _clause(self, clause: tree_sitter.Node) -> Iterator[tuple[str, str]]:
        """Yield what an import clause names, and its name here."""
        for child in clause.named_children:
            if child.type == "identifier":
                yield "default", self._text(child)
            elif child.type == "namespace_import":
                yield ALL, self._text(child.named_children[-1]) if child.named_children else ""
            else:
                for one in child.named_children:
                    name = self._text(one.child_by_field_name("name")).strip("\"'")
                    yield name, self._text(one.child_by_field_name("alias")) or name

    def _export(self, node: tree_sitter.Node, scope: str) -> None:
        self._is_script = False
        line, source = node.start_point.row + 1, node.child_by_field_name("source")
        if source is not None:
            names = list(self._exported(node)) or [(ALL, "")]
            for name, alias in names:
                self._seen.imported(line, self._literal(source), name, alias, "export")
            return
        for name, alias in self._exported(node):
            self._exports.setdefault(alias, name)
        is_default = any(child.type in ("default", "=") for child in node.children)
        value = node.child_by_field_name("value") or node.child_by_field_name("declaration")
        if value is None and is_default and node.named_children:
            value = node.named_children[-1]
        if is_default and value is not None and not scope:
            self._export_default(value)
        else:
            self._into(node, scope)

    def _exported(self, node: tree_sitter.Node) -> Iterator[tuple[str, str]]:
        for child in node.named_children:
            if child.type == "export_clause":
                for one in child.named_children:
                    name = self._text(one.child_by_field_name("name"))
                    yield name, self._text(one.child_by_field_name("alias")).strip("\"'") or name
            elif child.type == "namespace_export" and child.named_children:
                yield ALL, self._text(child.named_children[-1])

    def _export_default(self, value: tree_sitter.Node) -> None:
        """Record what a file exports as its one thing: `export default x`, `module.exports = x`."""
        name = self._text(value.child_by_field_name("name")) if value.type in _FUNCTIONS | _CLASSES else ""
        if value.type == "identifier":
            self._exports.setdefault("default", self._text(value))
        elif name:
            self._exports.setdefault("default", name)
            self._todo.append((value, ""))
        elif value.type in _FUNCTION_VALUES | _FUNCTIONS:
            self._function(value, "", "default")
        elif value.type in _CLASSES:
            self._class(value, "", "default")
        elif value.type == "object" and self._has_functions(value):
            self._object(value, "default")
        else:
            self._seen.bind("", "default", self._value_type(value))
            self._todo.append((value, ""))

    def _exported_object(self, node: tree_sitter.Node) -> None:
        """Record `module.exports = { a, b: c, d() {} }`."""
        for child in reversed(node.named_children):
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if child.type == "shorthand_property_identifier":
                self._exports.setdefault(self._text(child), self._text(child))
            elif child.type == "method_definition":
                self._function(child, "", self._text(child.child_by_field_name("name")))
            elif child.type == "pair" and value is not None:
                self._exported_as(self._text(key).strip("\"'"), value)
            else:
                self._todo.append((child, ""))

    def _exported_as(self, name: str, value: tree_sitter.Node) -> None:
        if value.type == "identifier":
            self._exports.setdefault(name, self._text(value))
        elif source := self._required(value):
            self._seen.imported(value.start_point.row + 1, source, "", name, "export")
        elif not self._named_value(value, "", name):
            self._seen.hint("", name, self._value_type(value))
            self._todo.append((value, ""))

    def _literal(self, node: tree_sitter.Node | None) -> str:
        return self._text(node).strip("\"'`") if node is not None and node.type == "string" else ""

    def _required(self, node: tree_sitter.Node | None) -> str:
        """Return `x` of `require('x')` and `await import('x')`."""
        while node is not None and node.type in _WRAPPERS and node.named_children:
            node = node.named_children[0]
        if node is None or node.type != "call_expression":
            return ""
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None or len(arguments.named_children) != 1:
            return ""
        if function.type != "import" and not (function.type == "identifier" and self._text(function) == "require"):
            return ""
        self._is_script = False
        return self._literal(arguments.named_children[0])

    # Definitions.

    def _class(self, node: tree_sitter.Node, scope: str, name: str) -> None:
        full = joined(scope, name)
        if not name or not self._seen.define(full, "class", node):
            self._into(node, scope)
            return
        for heritage in node.named_children:
            if heritage.type == "class_heritage":
                self._heritage(full, heritage)
        self._into(node, full)

    def _heritage(self, full: str, heritage: tree_sitter.Node) -> None:
        for clause in heritage.named_children:
            if clause.type == "implements_clause":
                for one in clause.named_children:
                    self._seen.base(full, "implements", self._type(one), one.start_point.row + 1)
            else:
                value = clause.child_by_field_name("value") if clause.type == "extends_clause" else clause
                if value is not None and "()" not in (written := self._dotted(value)):
                    self._seen.base(full, "inherits", written, value.start_point.row + 1)

    def _function(self, node: tree_sitter.Node, scope: str, name: str, kind: str = "function") -> None:
        full = joined(scope, name)
        if not name or not self._seen.define(full, kind, node):
            self._parameters(node, scope, named=False)
            self._into(node, scope)
            return
        self._parameters(node, full, named=True)
        if returned := self._annotated(node.child_by_field_name("return_type")):
            self._seen.bind(scope, f"{name}()", returned)
        self._into(node, full)

    def _method(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._text(node.child_by_field_name("name")).strip("\"'#")
        is_member = self._seen.kind(scope) in TYPES and not name.startswith("[")
        self._function(node, scope, name if is_member else "", "method")

    def _field(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._text(node.child_by_field_name("name") or node.child_by_field_name("property")).strip("\"'#")
        value, annotation = node.child_by_field_name("value"), node.child_by_field_name("type")
        if self._seen.kind(scope) not in TYPES or not name or name.startswith("["):
            self._into(node, scope)
        elif value is not None and value.type in _FUNCTION_VALUES:
            self._function(value, scope, name, "method")
        else:
            if type_name := self._annotated(annotation) or self._value_type(value):
                self._seen.bind(scope, name, type_name)
            self._into(node, scope)

    def _type_declaration(self, node: tree_sitter.Node, scope: str) -> None:
        kind = {"interface_declaration": "interface", "enum_declaration": "enum"}.get(node.type, "alias")
        full = joined(scope, self._text(node.child_by_field_name("name")))
        if not self._seen.define(full, kind, node):
            return
        if kind == "alias":
            value = node.child_by_field_name("value")
            if value is not None and value.type == "object_type":
                self._into(value, full)
            elif value is not None:
                self._seen.base(full, SAME, self._type(value), value.start_point.row + 1)
            return
        for clause in node.named_children:
            if clause.type in ("extends_type_clause", "extends_clause"):
                for one in clause.named_children:
                    self._seen.base(full, "inherits", self._type(one), one.start_point.row + 1)
        body = node.child_by_field_name("body")
        if body is not None:
            self._into(body, full)

    def _namespace(self, node: tree_sitter.Node, scope: str) -> None:
        name = self._text(node.child_by_field_name("name")).strip("\"'`")
        is_path = any(sign in name for sign in "/@:*")  # `declare module "x/y"`
        named = not is_path and self._seen.define(joined(scope, name), "module", node)
        self._into(node, joined(scope, name) if named else scope)

    def _named_value(self, value: tree_sitter.Node, scope: str, name: str) -> bool:
        """Define what a function, class or object with functions is assigned to; False for other values."""
        if value.type in _FUNCTION_VALUES:
            kind = "method" if self._seen.kind(scope) in TYPES else "function"
            self._function(value, scope, name, kind)
        elif value.type in _CLASSES:
            self._class(value, scope, name)
        elif value.type == "object" and not scope and self._has_functions(value):
            self._object(value, name)
        else:
            return False
        return True

    def _has_functions(self, node: tree_sitter.Node) -> bool:
        for child in node.named_children:
            value = child.child_by_field_name("value") if child.type == "pair" else None
            if child.type == "method_definition" or (value is not None and value.type in _FUNCTION_VALUES):
                return True
        return False

    def _object(self, node: tree_sitter.Node, name: str) -> None:
        """Record an object that is made once, with its methods."""
        if not self._seen.define(name, "class", node):
            self._into(node, "")
            return
        for child in reversed(node.named_children):
            value = child.child_by_field_name("value") if child.type == "pair" else None
            key = self._text(child.child_by_field_name("key")).strip("\"'")
            if child.type == "shorthand_property_identifier":
                self._seen.bind(name, self._text(child), f"={self._text(child)}")
            elif value is not None and value.type in _FUNCTION_VALUES:
                self._function(value, name, "" if key.startswith("[") else key, "method")
            elif value is not None:
                self._seen.bind(name, key, self._value_type(value))
                self._todo.append((value, name))
            else:
                self._todo.append((child, name))

    # Variables.

    def _parameters(self, node: tree_sitter.Node, scope: str, *, named: bool) -> None:
        """Bind a function's parameters; those of a function without a name lie in the scope around it."""
        parameters = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
        if parameters is None:
            return
        ones = parameters.named_children if parameters.type == "formal_parameters" else [parameters]
        for one in ones:
            pattern = one.child_by_field_name("pattern") or one
            type_name = self._annotated(one.child_by_field_name("type"))
            self._destructured(pattern, scope, type_name, named=named)
            if any(child.type in ("accessibility_modifier", "readonly") for child in one.children):
                self._seen.bind(scope.rpartition(".")[0], self._text(pattern), type_name)

    def _destructured(self, pattern: tree_sitter.Node | None, scope: str, type_name: str, *, named: bool) -> None:
        """Bind all names of a pattern; only a pattern that is a name is of the type itself."""
        say = self._seen.bind if named else self._seen.hint
        if pattern is not None and pattern.type == "identifier":
            say(scope, self._text(pattern), type_name)
            return
        todo = [pattern] if pattern is not None and pattern.type in _PATTERNS else []
        while todo:
            node = todo.pop()
            if node.type in _PATTERN_NAMES:
                say(scope, self._text(node), "")
            elif node.type == "pair_pattern":
                todo += [value] if (value := node.child_by_field_name("value")) is not None else []
            elif node.type in ("assignment_pattern", "object_assignment_pattern"):
                todo += [left] if (left := node.child_by_field_name("left")) is not None else []
            elif node.type in _PATTERNS:
                todo += node.named_children

    def _variable(self, node: tree_sitter.Node, scope: str) -> None:
        pattern, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if pattern is None:
            return
        name = self._text(pattern) if pattern.type == "identifier" else ""
        annotation = self._annotated(node.child_by_field_name("type"))
        if source := self._required(value):
            self._required_as(pattern, source)
        elif name and value is not None and self._named_value(value, scope, name):
            return
        elif name:
            self._seen.bind(scope, name, annotation or self._value_type(value))
        elif pattern.type == "object_pattern" and (origin := self._value_type(value)):
            self._unpacked(pattern, scope, origin.removeprefix("="))
        else:
            self._destructured(pattern, scope, "", named=False)
        if value is not None and not source:
            self._todo.append((value, scope))

    def _required_as(self, pattern: tree_sitter.Node, source: str) -> None:
        line = pattern.start_point.row + 1
        if pattern.type == "identifier":
            self._seen.imported(line, source, "", self._text(pattern), "require")
            return
        for name, alias in self._unpacked_names(pattern):
            self._seen.imported(line, source, name, alias, "require")
        if pattern.type != "object_pattern" or not pattern.named_children:
            self._seen.imported(line, source)

    def _unpacked(self, pattern: tree_sitter.Node, scope: str, origin: str) -> None:
        """Bind `a` of `{ a } = origin` to `origin.a`."""
        for name, alias in self._unpacked_names(pattern):
            self._seen.bind(scope, alias, f"={origin}.{name}")

    def _unpacked_names(self, pattern: tree_sitter.Node) -> Iterator[tuple[str, str]]:
        for child in pattern.named_children if pattern.type == "object_pattern" else ():
            if child.type == "pair_pattern":
                value = child.child_by_field_name("value")
                if value is not None and value.type == "assignment_pattern":
                    value = value.child_by_field_name("left")
                if value is not None and value.type == "identifier":
                    yield self._text(child.child_by_field_name("key")), self._text(value)
            else:
                left = child.child_by_field_name("left") or child
                if left.type == "shorthand_property_identifier_pattern":
                    yield self._text(left), self._text(left)

    def _assignment(self, node: tree_sitter.Node, scope: str) -> None:
        left, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or value is None:
            return
        target = self._dotted(left) if left.type == "member_expression" else ""
        first, _, rest = target.partition(".")
        if target == "module.exports" or first == "exports" or target.startswith("module.exports."):
            self._is_script = False
            self._assigned_export(target.removeprefix("module.").removeprefix("exports").lstrip("."), value)
            return
        if first == "this" and rest and "." not in rest:
            self._assigned_field(scope, rest, value)
            return
        owner, _, name = target.removesuffix("()").rpartition(".")
        owner = owner.removesuffix(".prototype")
        if not (self._seen.kind(owner) and value.type in _FUNCTION_VALUES):
            self._into(node, scope)
        elif target == f"{owner}.prototype.{name}":
            self._function(value, owner, name, "method")
        else:
            self._named_value(value, owner, name)

    def _assigned_export(self, name: str, value: tree_sitter.Node) -> None:
        while value.type == "assignment_expression" and (right := value.child_by_field_name("right")) is not None:
            value = right  # `module.exports = exports = x`
        if name:
            self._exported_as(name, value)
        elif value.type == "object":
            self._exported_object(value)
        elif source := self._required(value):
            self._seen.imported(value.start_point.row + 1, source, ALL, "", "export")
        else:
            self._export_default(value)

    def _assigned_field(self, scope: str, name: str, value: tree_sitter.Node) -> None:
        owner = scope
        while owner and self._seen.kind(owner) not in TYPES:
            owner = owner.rpartition(".")[0]
        if owner and value.type in _FUNCTION_VALUES:
            self._function(value, owner, name, "method")
            return
        type_name = self._value_type(value)
        if value.type == "identifier":
            type_name = self._seen.bound(scope, self._text(value)) or type_name
        if owner and type_name:
            self._seen.hint(owner, name, type_name)
        self._todo.append((value, scope))

    # Calls, values and types.

    def _call(self, node: tree_sitter.Node, scope: str) -> None:
        if source := self._required(node):
            self._seen.imported(node.start_point.row + 1, source)
            return
        self._called(node.child_by_field_name("function"), scope)

    def _called(self, function: tree_sitter.Node | None, scope: str) -> None:
        if function is None:
            return
        written = self._dotted(function)
        if written and written != UNNAMED and not written.endswith("()"):
            self._seen.called(scope, written, function.end_point.row + 1)

    def _dotted(self, node: tree_sitter.Node) -> str:
        """Return an expression as a dotted name; "" for a literal's."""
        parts: list[str] = []
        called = ""
        while len(parts) < MAX_PARTS:
            inner: tree_sitter.Node | None
            if node.type in _WRAPPERS:
                inner = node.named_children[0] if node.named_children else None
            elif node.type == "member_expression":
                parts.append(self._text(node.child_by_field_name("property")).lstrip("#") + called)
                called, inner = "", node.child_by_field_name("object")
            elif node.type == "call_expression" and not called:
                called, inner = "()", node.child_by_field_name("function")
            elif node.type == "new_expression" and not called:
                called, inner = "()", node.child_by_field_name("constructor")
            else:
                break
            if inner is None:
                return ""
            node = inner
        if node.type in _LITERALS:
            return ""
        if node.type in _NAMES or node.type in ("this", "super"):
            parts.append(self._text(node) + called)
        elif node.type in _CASTS and not called and (type_name := self._type(node.named_children[-1])):
            parts.append(f"{type_name}()")
        else:
            parts[1:] = [UNNAMED]
        return ".".join(reversed(parts)) if len(parts) < MAX_PARTS else f"{UNNAMED}.{parts[0]}"

    def _value_type(self, value: tree_sitter.Node | None) -> str:
        """Return what a variable with this value is bound to."""
        while value is not None and value.type in _WRAPPERS and value.named_children:
            value = value.named_children[0]
        if value is None:
            return ""
        if value.type in _CASTS:
            return self._type(value.named_children[-1])
        if value.type == "new_expression":
            constructor = value.child_by_field_name("constructor")
            return self._dotted(constructor) if constructor is not None else ""
        if value.type not in ("call_expression", "member_expression", "identifier"):
            return ""
        written = self._dotted(value)
        return f"={written}" if written and not written.startswith(UNNAMED) else ""

    def _annotated(self, annotation: tree_sitter.Node | None) -> str:
        if annotation is None or not annotation.named_children:
            return ""
        return self._type(annotation.named_children[0])

    def _type(self, node: tree_sitter.Node) -> str:
        """Return a type's name; "" for one that has none."""
        for _ in range(MAX_PARTS):
            if node.type == "generic_type":
                name = self._text(node.child_by_field_name("name"))
                arguments = node.child_by_field_name("type_arguments")
                if name not in _WRAPPING_TYPES or arguments is None or not arguments.named_children:
                    return name
                node = arguments.named_children[0]
            elif node.type == "union_type":
                some = [one for one in node.named_children if self._text(one) not in _NOTHING]
                if len(some) != 1:
                    return ""
                node = some[0]
            elif node.type in ("parenthesized_type", "readonly_type") and node.named_children:
                node = node.named_children[0]
            else:
                break
        if node.type in ("type_identifier", "nested_type_identifier", "predefined_type", "identifier", "this_type"):
            return "".join(self._text(node).split())
        return self._dotted(node) if node.type == "member_expression" else ""

    _VISITS: ClassVar[Mapping[str, Callable[[_Extractor, tree_sitter.Node, str], None]]] = {
        "import_statement": _import,
        "export_statement": _export,
        "variable_declarator": _variable,
        "assignment_expression": _assignment,
        **dict.fromkeys(("interface_declaration", "enum_declaration", "type_alias_declaration"), _type_declaration),
        **dict.fromkeys(("internal_module", "module"), _namespace),
        **dict.fromkeys(_METHODS, _method),
        **dict.fromkeys(_FIELDS, _field),
    }


class _JavaScriptLinker(Linker):
    """Resolves by modules: nothing is visible without import, but for scripts."""

    common = _COMMON
    variables_known = True

    def __init__(self, files: Mapping[str, Facts]) -> None:
        super().__init__(files)
        bodies = {path: facts.body or {} for path, facts in self.facts.items()}
        self._exports: dict[str, dict[str, str]] = {
            path: dict(body.get("exports", ())) for path, body in bodies.items()
        }
        self._scripts = frozenset(path for path, body in bodies.items() if body.get("script"))
        self._passed_on: dict[str, list[Import]] = {
            path: [row for row in file.imports if row.flag == "export"] for path, file in self.files.items()
        }
        self._modules: dict[tuple[str, str], Sequence[Target]] = {}
        self._found: dict[tuple[str, str], Target | None] = {}

    def space(self, path: str) -> str:
        return path

    def modules(self, path: str, row: Import) -> Sequence[Target]:
        key = (posixpath.dirname(path), row.module)
        if key not in self._modules:
            found = self._module(*key)
            self._modules[key] = (found,) if found is not None else ()
        return self._modules[key]

    def _module(self, folder: str, written: str) -> Target | None:
        written = written.partition("?")[0]
        if written.startswith((".", "/")):
            return self._file(posixpath.normpath(posixpath.join(folder, written)))
        if written.startswith(("@/", "~/")):
            return self._below_ancestors(folder, written[2:])
        name = written.removeprefix("node:")
        if name != written or name.partition("/")[0] in _NODE:
            return Target(package=f"node/{name}", written=name)
        if not written or ":" in written or (written[0] in "#~$@!" and "/" not in written):
            return None
        if "/" in written and written[0] != "@" and (found := self._below_ancestors(folder, written)) is not None:
            return replace(found, confidence=LIKELY)  # `baseUrl` is in a file that is not ours to read
        parts = written.split("/")
        return Target(package="npm/" + "/".join(parts[: 2 if written[0] == "@" else 1]), written=written)

    def _below_ancestors(self, folder: str, written: str) -> Target | None:
        """Return the file that is written as from the root of the project that a folder lies in."""
        while True:
            for start in ("src", ""):
                found = self._file(posixpath.normpath(posixpath.join(folder, start, written)))
                if found is not None:
                    return found
            if not folder:
                return None
            folder = posixpath.dirname(folder)

    def _file(self, written: str) -> Target | None:
        stem, suffix = posixpath.splitext(written)
        index = "" if written == "." else f"{written}/"
        candidates = [
            written,
            *(written + one for one in _SUFFIXES),
            *(stem + one for one in _WRITTEN_FOR.get(suffix, ())),
            *(f"{index}index{one}" for one in _SUFFIXES),
        ]
        return next((Target(path) for path in candidates if path in self.files), None)

    def import_target(self, path: str, row: Import) -> Target | None:
        for module in self.modules(path, row):
            if row.name in ("", ALL) and row.flag == "require" and not module.package:
                return self.member(module, "default") or module  # `module.exports = x`
            if row.name == "default" and self.member(module, "default") is None:
                return module
        return super().import_target(path, row)

    def member(self, of: Target, name: str) -> Target | None:
        key = (of.path, name)
        if key not in self._found:
            self._found[key] = None
            self._found[key] = self._exported(of.path, name)
        found = self._found[key]
        return replace(found, confidence=min(found.confidence, of.confidence)) if found is not None else None

    def _exported(self, path: str, name: str) -> Target | None:
        """Return what a file, or one whose exports it passes on, exports by this name."""
        todo, seen = [(path, name)], set()
        while todo:
            path, name = todo.pop()
            if (path, name) in seen or path not in self.files:
                continue
            seen.add((path, name))
            local = self._exports[path].get(name, name)
            if (found := self.in_file(path, local)) is not None:
                return found
            if local != name or name in self._exports[path]:
                return self.resolve(path, "", [local])  # what it imports, and exports by name
            further: list[tuple[str, str]] = []
            for row in self._passed_on[path]:
                passed = self._passed(path, row, name)
                if isinstance(passed, Target):
                    return passed
                further += passed
            todo += further[::-1]
        return None

    def _passed(self, path: str, row: Import, name: str) -> Target | Sequence[tuple[str, str]]:
        """Return what `export … from` makes of a name, or the files that may, and its names there."""
        module = next(iter(self.modules(path, row)), None)
        if module is None or (row.alias != name and (row.alias or row.name != ALL)):
            return ()
        if not row.alias:
            return () if module.package or name == "default" else [(module.path, name)]
        if row.name == ALL:
            return module
        if module.package:
            return (self.step(module, row.name) if row.name else None) or module
        if not row.name:  # `exports.x = require('./x')`
            return self.member(module, "default") or module
        return [(module.path, row.name)]

    def anywhere(self, path: str, name: str) -> Target | None:
        found = [one for one in self.tops.get(name, ()) if one.path in self._scripts and one.path != path]
        return replace(found[0], confidence=LIKELY) if len(found) == 1 else None
