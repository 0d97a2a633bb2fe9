"""What a Python annotation says of a value: an instance of a class, or a container of such."""

from __future__ import annotations

from tree_sitter import Node

from duetto_assets.ontology.code.python_reader import Reader, Steps
from duetto_assets.ontology.code.python_scopes import EVERY, UNKNOWN
from duetto_assets.syntax import parse

_MAX_ELEMENTS = 64  # of a literal that are told apart
_MAX_QUOTED = 300  # characters of an annotation in quotes
_WRAPPERS = frozenset(
    (
        "Optional",
        "Union",
        "Annotated",
        "ClassVar",
        "Final",
        "Required",
        "NotRequired",
        "ReadOnly",
        "Awaitable",
        "InitVar",
        "Unpack",
    )
)
_SEQUENCES = frozenset(
    (
        "list",
        "List",
        "set",
        "Set",
        "frozenset",
        "FrozenSet",
        "deque",
        "Deque",
        "Sequence",
        "MutableSequence",
        "Collection",
        "Iterable",
        "Iterator",
        "Generator",
        "AsyncIterable",
        "AsyncIterator",
        "AsyncGenerator",
        "AbstractSet",
        "ContextManager",
        "AbstractContextManager",
        "AsyncContextManager",
        "AbstractAsyncContextManager",
    )
)
_MAPPINGS = frozenset(("dict", "Dict", "Mapping", "MutableMapping", "DefaultDict", "defaultdict", "OrderedDict"))
_SAY_NOTHING = frozenset(("Any", "object", "Callable", "Literal", "TypeVar"))


def annotation(reader: Reader, node: Node) -> Steps:
    """Return the place of a value of a declared type; unknown if the type says nothing of it."""
    code = reader.code
    while node.type in ("type", "parenthesized_expression") and node.named_child_count == 1:
        node = node.named_children[0]
    if node.type == "string":
        return (yield from _quoted_annotation(reader, reader.text(node)))
    if node.type == "binary_operator":
        places = []
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if part.type == "binary_operator" and part.named_child_count == 2:
                waiting += reversed(part.named_children)
            elif part.type != "binary_operator":
                places += [(yield annotation(reader, part))]
        return code.union(places)
    if node.type in ("generic_type", "subscript") and node.named_children:
        return (yield from _generic(reader, node))
    if node.type in ("identifier", "attribute", "dotted_name") and reader.last_name(node) not in _SAY_NOTHING:
        place = (yield node) if node.type != "dotted_name" else (yield from _dotted(reader, node))
        if place >= 0:
            instance = code.place()
            code.say("instance", instance, place)
            return instance
    return UNKNOWN


def _dotted(reader: Reader, node: Node) -> Steps:
    first, *rest = node.named_children
    place = yield first
    for each in rest:
        place = reader.load(place, reader.text(each))
    return place


def _quoted_annotation(reader: Reader, text: str) -> Steps:
    inner = text.strip("\"'")
    if not inner or len(inner) > _MAX_QUOTED or (parsed := parse(inner, "python")) is None:
        return UNKNOWN
    tree, data = parsed
    expressions = [child for child in tree.root_node.named_children if child.type != "string"]
    if len(expressions) != 1:
        return UNKNOWN
    with reader.quoted(data):
        return (yield annotation(reader, expressions[0]))


def _generic(reader: Reader, node: Node) -> Steps:
    code = reader.code
    head, *rest = node.named_children
    arguments = [part for each in rest for part in (each.named_children if each.type == "type_parameter" else [each])]
    name = reader.last_name(head)
    if name in _SAY_NOTHING or not arguments:
        return UNKNOWN
    if name in ("type", "Type"):
        held = arguments[0]
        while held.type == "type" and held.named_child_count == 1:
            held = held.named_children[0]
        if held.type not in ("identifier", "attribute") or (place := (yield held)) < 0:
            return UNKNOWN
        cls = code.place()
        code.say("type", cls, place)
        return cls
    if name in ("Tuple", "tuple") and not any(reader.text(each) == "..." for each in arguments):
        parts = []
        for number, each in enumerate(arguments[:_MAX_ELEMENTS]):
            parts += [code.name(str(number)), (yield annotation(reader, each))]
        return reader.box(parts)
    if name in _WRAPPERS:
        places = []
        for each in arguments if name == "Union" else arguments[:1]:
            places += [(yield annotation(reader, each))]
        return code.union(places)
    if name == "Coroutine" or name in _MAPPINGS or name in _SEQUENCES or name in ("Tuple", "tuple"):
        which = -1 if name == "Coroutine" or name in _MAPPINGS else 0
        element = yield annotation(reader, arguments[which])
        return element if name == "Coroutine" else reader.box([code.name(EVERY), element])
    return (yield annotation(reader, head))
