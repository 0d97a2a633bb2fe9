"""The functions and classes of a Python file, with their parameters, results and members."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from tree_sitter import Node

from duetto_assets.ontology.code.python_annotations import annotation
from duetto_assets.ontology.code.python_reader import Reader, Rule, Steps
from duetto_assets.ontology.code.python_scopes import CLASS, EVERY, PROPERTY, RETURNS_SELF, STATIC, UNKNOWN, Scope

_FLAGS = {"staticmethod": STATIC, "classmethod": CLASS, "property": PROPERTY, "cached_property": PROPERTY}
_PLAIN = frozenset(("abstractmethod", "overload", "override", "final"))  # decorators that return what they get
_ACCESSORS = frozenset(("setter", "deleter"))
_CLASS_METHODS = frozenset(("__new__", "__init_subclass__", "__class_getitem__"))
_PARAMETERS = frozenset(("identifier", "typed_parameter", "default_parameter", "typed_default_parameter"))

Row = tuple[str, str, int, int]
"""A parameter: its name, kind (positional, keyword, star, stars), declared type and default."""


def _decorated(reader: Reader, node: Node) -> Steps:
    definition = node.child_by_field_name("definition")
    decorators: list[tuple[int, Node]] = []
    for child in node.named_children:
        if child.type == "decorator" and child.named_children:
            decorators += [((yield child.named_children[0]), child.named_children[0])]
    if definition is not None:
        rule = _class if definition.type == "class_definition" else _function
        yield from rule(reader, definition, decorators)
    return UNKNOWN


def _undecorated_function(reader: Reader, node: Node) -> Steps:
    return _function(reader, node, ())


def _undecorated_class(reader: Reader, node: Node) -> Steps:
    return _class(reader, node, ())


def _function(reader: Reader, node: Node, decorators: Sequence[tuple[int, Node]]) -> Steps:
    code, outer = reader.code, reader.scope
    named, parameters = node.child_by_field_name("name"), node.child_by_field_name("parameters")
    name = reader.text(named) if named is not None else ""
    method = outer.kind == "class"
    dotted = reader.define(name, "method" if method else "function", node)
    flags, accessor = 0, False
    wrappers: list[tuple[int, int]] = []
    for place, decorator in decorators:
        last = reader.last_name(decorator)
        flags |= _FLAGS.get(last, PROPERTY if last.endswith("property") else 0)
        accessor = accessor or last in _ACCESSORS
        if place >= 0 and last not in _FLAGS and last not in _PLAIN and last not in _ACCESSORS:
            wrappers.append((place, decorator.start_point[0] + 1))
    if method and name in _CLASS_METHODS:
        flags |= CLASS
    returns, declared = node.child_by_field_name("return_type"), UNKNOWN
    if returns is not None:
        if reader.last_name(returns.named_children[0] if returns.named_children else None) == "Self":
            flags |= RETURNS_SELF
        else:
            declared = yield from annotation(reader, returns)
    rows = yield from _parameters(reader, parameters)
    place = code.place()
    scope = reader.enter("function", dotted)
    scope.flags = flags
    info = _bind_parameters(reader, scope, rows, method and not flags & STATIC)
    if method and info[0] and not flags & STATIC:
        outer.member_functions.append((info[0][1], flags & CLASS))
    if (body := node.child_by_field_name("body")) is not None:
        yield body
    reader.leave()
    result = _result(reader, scope, declared)
    code.row("function", [place, code.name(dotted), *info, result, scope.flags, scope.passed])
    if accessor:
        return UNKNOWN
    for wrapper, line in reversed(wrappers):
        made = code.place()
        code.say("decorate", made, wrapper, place, reader.here(), line)
        place = made
    outer.assign(name, place)
    return UNKNOWN


def _result(reader: Reader, scope: Scope, declared: int) -> int:
    """Return the place of what a function returns: what is declared, and else what its code says."""
    code = reader.code
    if scope.yielded >= 0:
        made = code.place()
        code.row("box", [made, [code.name(EVERY), scope.yielded]])
        scope.returned.append(made)
    if declared < 0:
        return code.union(scope.returned)
    for place in scope.returned:
        code.say("weak", declared, place)
    return declared


def _parameters(reader: Reader, node: Node | None) -> Generator[Any, int, list[Row]]:
    """Return the parameters of a function or lambda."""
    rows: list[Row] = []
    kind = "positional"
    for child in node.named_children if node is not None else []:
        if child.type in ("keyword_separator", "list_splat_pattern"):
            if child.type == "list_splat_pattern" and child.named_children:
                rows.append((reader.text(child.named_children[0]), "star", UNKNOWN, UNKNOWN))
            kind = "keyword"
        elif child.type == "dictionary_splat_pattern" and child.named_children:
            rows.append((reader.text(child.named_children[0]), "stars", UNKNOWN, UNKNOWN))
        elif child.type in _PARAMETERS:
            held = child if child.type == "identifier" else child.child_by_field_name("name")
            held = held if held is not None else (child.named_children or [child])[0]
            declared = default = UNKNOWN
            if (hint := child.child_by_field_name("type")) is not None:
                declared = yield from annotation(reader, hint)
            if (value := child.child_by_field_name("value")) is not None:
                default = yield value
            own = {"list_splat_pattern": "star", "dictionary_splat_pattern": "stars"}.get(held.type, kind)
            if own != kind:
                held, kind = (held.named_children or [held])[0], "keyword" if own == "star" else kind
            rows.append((reader.text(held), own, declared, default))
    return rows


def _bind_parameters(
    reader: Reader, scope: Scope, rows: list[Row], bound: bool
) -> tuple[list[int], list[int], int, int]:
    """Bind parameters in the function's scope; return those by position, those by keyword, and the collecting ones."""
    code = reader.code
    positional: list[int] = []
    keyword: list[int] = []
    rest = {"star": UNKNOWN, "stars": UNKNOWN}
    for number, (name, kind, declared, default) in enumerate(rows):
        place = elements = code.place()
        if kind in rest:
            rest[kind], elements = elements, code.place()
            code.row("box", [elements, [code.name(EVERY), rest[kind]]])
        else:
            (positional if kind == "positional" else keyword).extend((code.name(name), place))
            scope.parameters[place] = name
            if number == 0 and bound:
                scope.first_parameter = name
        if declared >= 0:
            code.say("copy", place, declared)
        if default >= 0:
            code.say("weak", place, default)
        scope.assign(name, elements)
    return positional, keyword, rest["star"], rest["stars"]


def _lambda(reader: Reader, node: Node) -> Steps:
    """A lambda is a value without a name: its code belongs to the definition that it stands in."""
    code, outer = reader.code, reader.scope
    rows = yield from _parameters(reader, node.child_by_field_name("parameters"))
    scope = reader.enter("function", outer.path)
    info = _bind_parameters(reader, scope, rows, False)
    result = UNKNOWN
    if (body := node.child_by_field_name("body")) is not None:
        result = yield body
    reader.leave()
    passed = [scope.parameters[result]] if result in scope.parameters else []
    result = UNKNOWN if passed else result
    place = code.place()
    code.row("function", [place, code.name(""), *info, result, 0, passed])
    return place


def _class(reader: Reader, node: Node, decorators: Sequence[tuple[int, Node]]) -> Steps:
    code, outer = reader.code, reader.scope
    named = node.child_by_field_name("name")
    name = reader.text(named) if named is not None else ""
    dotted = reader.define(name, "class", node)
    bases: list[int] = []
    arguments = node.child_by_field_name("superclasses")
    for base in arguments.named_children if arguments is not None else []:
        if base.type == "comment":
            continue
        place = yield base
        if base.type not in ("keyword_argument", "list_splat", "dictionary_splat") and place >= 0:
            bases += [place, base.start_point[0] + 1]
    place = code.place()
    scope = reader.enter("class", dotted)
    if (body := node.child_by_field_name("body")) is not None:
        yield body
    reader.leave()
    reader.classes.append((place, scope, bases))
    for decorator, decorated in decorators:
        if decorator >= 0:
            code.row("call", [code.place(), decorator, reader.here(), decorated.start_point[0] + 1, [place], {}])
    outer.assign(name, place)
    return UNKNOWN


def _type_alias(reader: Reader, node: Node) -> Steps:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    held = left
    while held is not None and held.type in ("type", "generic_type") and held.named_children:
        held = held.named_children[0]
    place = UNKNOWN
    if right is not None and right.named_children:
        place = yield right.named_children[0]
    if held is not None and held.type == "identifier":
        name = reader.text(held)
        reader.define(name, "alias", node)
        reader.scope.assign(name, place)
    return UNKNOWN


RULES: dict[str, Rule] = {
    "decorated_definition": _decorated,
    "function_definition": _undecorated_function,
    "class_definition": _undecorated_class,
    "type_alias_statement": _type_alias,
    "lambda": _lambda,
}
