"""How values flow through the expressions of a Python file, and what is bound by them."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from tree_sitter import Node

from duetto_assets.ontology.code.python_annotations import annotation
from duetto_assets.ontology.code.python_reader import Reader, Rule, Steps, every_child, visit
from duetto_assets.ontology.code.python_scopes import EVERY, UNKNOWN, Scope

_MAX_ELEMENTS = 64  # of a literal that are told apart
_PATTERNS = frozenset(("pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "tuple_expression"))
_LITERAL_SEQUENCES = frozenset(("tuple", "tuple_expression", "expression_list", "list"))
_KEY = re.compile(r"""(?:'[^'\\\n]{1,80}'|"[^"\\\n]{1,80}"|-?\d{1,9})""")


def store(reader: Reader, target: Node, place: int) -> Steps:
    """Bind what stands left of `=`."""
    code = reader.code
    waiting = [(target, place)]
    while waiting:
        node, value = waiting.pop()
        if node.type == "identifier":
            reader.scope.assign(reader.text(node), value)
        elif node.type == "attribute":
            yield from _store_attribute(reader, node, value)
        elif node.type == "subscript":
            held = node.child_by_field_name("value")
            holder = (yield held) if held is not None else UNKNOWN
            keys = node.children_by_field_name("subscript")
            yield visit(keys)
            if holder >= 0 and value >= 0:
                code.say("put", holder, reader.key(keys[0] if len(keys) == 1 else None), value)
        elif node.type in _PATTERNS:
            exact = True
            for number, child in enumerate(node.named_children):
                if child.type.startswith("list_splat") and child.named_children:
                    exact = False
                    waiting.append((child.named_children[0], value))
                elif child.type != "comment":
                    waiting.append((child, reader.item(value, code.name(str(number) if exact else EVERY))))
        else:
            waiting += [(child, value) for child in node.named_children[:1]]
    return UNKNOWN


def _store_attribute(reader: Reader, node: Node, value: int) -> Steps:
    holder_node, named = node.child_by_field_name("object"), node.child_by_field_name("attribute")
    if holder_node is None or named is None:
        return UNKNOWN
    holder = yield holder_node
    name = reader.text(named)
    method = reader.scope
    while method.parent is not None and not method.first_parameter:
        method = method.parent
    if method.first_parameter and method.parent is not None and reader.text(holder_node) == method.first_parameter:
        method.parent.stored[name] = None
    if holder >= 0 and value >= 0:
        reader.code.say("store", holder, reader.code.name(name), value)
    return UNKNOWN


def iterate(reader: Reader, source: Node) -> Steps:
    place = yield source
    if place < 0:
        return UNKNOWN
    elements = reader.code.place()
    reader.code.say("iter", elements, place, reader.here(), source.start_point[0] + 1)
    return elements


def _attribute(reader: Reader, node: Node) -> Steps:
    holder, named = node.child_by_field_name("object"), node.child_by_field_name("attribute")
    place = (yield holder) if holder is not None else UNKNOWN
    return reader.load(place, reader.text(named)) if named is not None else UNKNOWN


def _subscript(reader: Reader, node: Node) -> Steps:
    held = node.child_by_field_name("value")
    place = (yield held) if held is not None else UNKNOWN
    keys = node.children_by_field_name("subscript")
    yield visit(keys)
    item = reader.item(place, reader.key(keys[0] if len(keys) == 1 else None))
    if len(keys) == 1 and keys[0].type == "slice" and item >= 0:
        return reader.box([reader.code.name(EVERY), item])
    return item


def _call(reader: Reader, node: Node) -> Steps:
    code = reader.code
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None:
        return (yield from every_child(reader, node))
    name = reader.text(function) if function.type == "identifier" else ""
    if name == "super" and (method := _method(reader.scope)) is not None:
        yield arguments
        place = code.place()
        if method.parent is not None:
            code.say("super", place, code.name(method.parent.path), method.assigned[method.first_parameter][0])
        return place
    if reader.last_name(function) == "cast" and arguments.named_child_count == 2:
        declared = yield from annotation(reader, arguments.named_children[0])
        place = yield arguments.named_children[1]
        return declared if declared >= 0 else place
    called = yield function
    if arguments.type != "argument_list":  # a lone generator expression
        positional, keywords = [(yield arguments)], dict[str, int]()
    else:
        positional, keywords = yield from _arguments(reader, arguments)
    if name == "getattr" and len(positional) > 1 and (key := _KEY.fullmatch(reader.text(arguments.named_children[1]))):
        return reader.load(positional[0], key.group().strip("\"'"))
    if called < 0:
        return UNKNOWN
    place = code.place()
    code.row("call", [place, called, reader.here(), node.start_point[0] + 1, positional, keywords])
    return place


def _method(scope: Scope | None) -> Scope | None:
    """Return the method that the code is in."""
    while scope is not None and not scope.first_parameter:
        scope = scope.parent
    return scope


def _arguments(reader: Reader, node: Node) -> Generator[Any, int, tuple[list[int], dict[str, int]]]:
    positional: list[int] = []
    keywords: dict[str, int] = {}
    sure = True
    for child in node.named_children:
        if child.type == "comment":
            continue
        if child.type == "keyword_argument":
            named, value = child.child_by_field_name("name"), child.child_by_field_name("value")
            place = (yield value) if value is not None else UNKNOWN
            if place >= 0 and named is not None:
                keywords[reader.text(named)] = place
        else:
            place = yield child
            sure = sure and not child.type.endswith("_splat")
            if sure:
                positional.append(place)
    return positional, keywords


def _literal_sequence(reader: Reader, node: Node) -> Steps:
    code = reader.code
    parts: list[int] = []
    for number, child in enumerate(node.named_children):
        place = yield child
        if place >= 0:
            parts += [code.name(str(number) if number < _MAX_ELEMENTS and node.type != "set" else EVERY), place]
    return reader.box(parts) if parts or node.type in ("list", "set") else UNKNOWN


def _dictionary(reader: Reader, node: Node) -> Steps:
    parts: list[int] = []
    for number, child in enumerate(node.named_children):
        if child.type != "pair":
            yield child
            continue
        key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
        if key is not None:
            yield key
        place = (yield value) if value is not None else UNKNOWN
        if place >= 0:
            parts += [reader.key(key if number < _MAX_ELEMENTS else None), place]
    return reader.box(parts)


def _comprehension(reader: Reader, node: Node) -> Steps:
    reader.enter("function", reader.scope.path)
    body, clauses = node.child_by_field_name("body"), node.named_children
    for clause in clauses:
        if clause.type == "for_in_clause":
            target, source = clause.child_by_field_name("left"), clause.child_by_field_name("right")
            elements = (yield from iterate(reader, source)) if source is not None else UNKNOWN
            if target is not None:
                yield from store(reader, target, elements)
        elif clause.type == "if_clause":
            yield clause
    if body is not None and body.type == "pair":
        if (key := body.child_by_field_name("key")) is not None:
            yield key
        body = body.child_by_field_name("value")
    place = (yield body) if body is not None else UNKNOWN
    reader.leave()
    return reader.box([reader.code.name(EVERY), place])


def _either(reader: Reader, node: Node) -> Steps:
    """`a or b`, `a and b`."""
    places = []
    for child in node.named_children:
        places += [(yield child)]
    return reader.code.union(places)


def _conditional(reader: Reader, node: Node) -> Steps:
    children = [child for child in node.named_children if child.type != "comment"]
    places = []
    for child in (children[1], children[0], *children[2:]) if len(children) > 1 else children:
        places += [(yield child)]
    return reader.code.union((*places[1:2], *places[2:3]))


def _walrus(reader: Reader, node: Node) -> Steps:
    named, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    place = (yield value) if value is not None else UNKNOWN
    if named is not None:
        reader.scope.assign(reader.text(named), place)
    return place


def _same(_reader: Reader, node: Node) -> Steps:
    """`(x)`, `await x`."""
    place = UNKNOWN
    for child in node.named_children:
        if child.type != "comment":
            place = yield child
    return place


def _yield(reader: Reader, node: Node) -> Steps:
    scope = reader.scope
    if scope.yielded < 0:
        scope.yielded = reader.code.place()
    delegated = any(child.type == "from" for child in node.children)
    for child in node.named_children:
        place = (yield from iterate(reader, child)) if delegated else (yield child)
        if place >= 0:
            reader.code.say("copy", scope.yielded, place)
    return UNKNOWN


def _string(reader: Reader, node: Node) -> Steps:
    if any(letter in reader.data[node.start_byte : node.start_byte + 2] for letter in b"fFtT"):
        for child in node.named_children:
            if child.type == "interpolation":
                yield child
    return UNKNOWN


def _assignment(reader: Reader, node: Node) -> Steps:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    hint = node.child_by_field_name("type")
    if left is None:
        return UNKNOWN
    if hint is not None:
        return (yield from _annotated(reader, left, hint, right))
    targets = [left]
    while right is not None and right.type == "assignment" and (left := right.child_by_field_name("left")) is not None:
        targets.append(left)
        right = right.child_by_field_name("right")
    if right is None:
        return UNKNOWN
    if reader.scope.kind == "module" and reader.text(targets[0]) == "__all__":
        _note_exports(reader, right)
    if len(targets) == 1 and targets[0].type in _PATTERNS and right.type in _LITERAL_SEQUENCES:
        return (yield from _assign_each(reader, targets[0], right))
    place = yield right
    for target in targets:
        yield from store(reader, target, place)
    return place


def _annotated(reader: Reader, left: Node, hint: Node, right: Node | None) -> Steps:
    scope = reader.scope
    declared = yield from annotation(reader, hint)
    place = (yield right) if right is not None else UNKNOWN
    if declared >= 0 and place >= 0:
        reader.code.say("weak", declared, place)
    if right is None and left.type == "identifier" and scope.kind == "function":
        return UNKNOWN
    yield from store(reader, left, declared if declared >= 0 else place)
    return UNKNOWN


def _note_exports(reader: Reader, node: Node) -> None:
    strings = [child for child in node.named_children if child.type == "string"]
    if node.type in ("list", "tuple"):
        reader.exported = [reader.text(child).strip("\"'") for child in strings]


def _assign_each(reader: Reader, left: Node, right: Node) -> Steps:
    """`a, (b, c) = x, (y, z)`: all values are read before a name is bound."""
    waiting, pairs = [(left, right)], []
    while waiting:
        target, source = waiting.pop()
        targets = [child for child in target.named_children if child.type != "comment"]
        sources = [child for child in source.named_children if child.type != "comment"]
        stars = [number for number, child in enumerate(targets) if child.type.startswith("list_splat")]
        plain = target.type in _PATTERNS and source.type in _LITERAL_SEQUENCES
        if not plain or any(child.type.startswith("list_splat") for child in sources) or len(stars) > 1:
            pairs.append((target, (yield source)))
        elif not stars and len(targets) == len(sources):
            waiting += zip(reversed(targets), reversed(sources), strict=True)
        elif stars and len(sources) >= len(targets) - 1:
            first, after = stars[0], len(targets) - stars[0] - 1
            middle = sources[first : len(sources) - after]
            parts = []
            for number, child in enumerate(middle[:_MAX_ELEMENTS]):
                parts += [reader.code.name(str(number)), (yield child)]
            pairs.append((targets[first].named_children[0], reader.box(parts)))
            rest = [*sources[:first], *sources[len(sources) - after :]]
            waiting += zip([*targets[:first], *targets[first + 1 :]], rest, strict=True)
        else:
            pairs.append((target, (yield source)))
    for target, place in pairs:
        yield from store(reader, target, place)
    return UNKNOWN


def _augmented(reader: Reader, node: Node) -> Steps:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    place = (yield right) if right is not None else UNKNOWN
    if left is None:
        return UNKNOWN
    before = yield left
    if left.type == "identifier":
        if reader.text(left) == "__all__" and reader.exported is not None and right is not None:
            reader.exported += [
                reader.text(each).strip("\"'") for each in right.named_children if each.type == "string"
            ]
        reader.scope.assign(reader.text(left), reader.code.union((before, place)))
    return UNKNOWN


RULES: dict[str, Rule] = {
    "assignment": _assignment,
    "augmented_assignment": _augmented,
    "named_expression": _walrus,
    "attribute": _attribute,
    "subscript": _subscript,
    "call": _call,
    "list": _literal_sequence,
    "tuple": _literal_sequence,
    "tuple_expression": _literal_sequence,
    "expression_list": _literal_sequence,
    "set": _literal_sequence,
    "dictionary": _dictionary,
    "list_comprehension": _comprehension,
    "set_comprehension": _comprehension,
    "dictionary_comprehension": _comprehension,
    "generator_expression": _comprehension,
    "boolean_operator": _either,
    "conditional_expression": _conditional,
    "parenthesized_expression": _same,
    "await": _same,
    "yield": _yield,
    "string": _string,
}
