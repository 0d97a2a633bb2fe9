"""How names change along the statements of a Python file: imports, branches, loops."""

from __future__ import annotations

from tree_sitter import Node

from duetto_assets.ontology.code.python_annotations import annotation
from duetto_assets.ontology.code.python_expressions import iterate, store
from duetto_assets.ontology.code.python_reader import EXITS, Reader, Rule, Steps, every_child
from duetto_assets.ontology.code.python_scopes import CLASS, EVERY, RETURNS_INSTANCE, RETURNS_SELF, UNKNOWN, Env


def _import(reader: Reader, node: Node) -> Steps:
    line = node.start_point[0] + 1
    for child in node.children_by_field_name("name"):
        aliased = child.type == "aliased_import"
        dotted = child.child_by_field_name("name") if aliased else child
        alias = child.child_by_field_name("alias") if aliased else None
        module = reader.text(dotted).replace(" ", "") if dotted is not None else ""
        reader.imports.append((line, 0, module, ""))
        place = reader.code.place()
        bound = module if alias is not None else module.partition(".")[0]
        reader.code.say("import", place, 0, reader.code.name(bound), reader.code.name(""))
        reader.scope.assign(reader.text(alias) if alias is not None else bound, place)
    return UNKNOWN
    yield node


def _from_import(reader: Reader, node: Node) -> Steps:
    line = node.start_point[0] + 1
    level, module = 0, ""
    if (source := node.child_by_field_name("module_name")) is not None:
        text = "".join(reader.text(source).split())
        module = text.lstrip(".")
        level = len(text) - len(module)
    if any(child.type == "wildcard_import" for child in node.named_children):
        reader.imports.append((line, level, module, EVERY))
        reader.code.say("star", level, reader.code.name(module))
    for child in node.children_by_field_name("name"):
        aliased = child.type == "aliased_import"
        named = child.child_by_field_name("name") if aliased else child
        alias = child.child_by_field_name("alias") if aliased else named
        if named is None or alias is None or not (name := reader.text(named)):
            continue
        reader.imports.append((line, level, module, name))
        place = reader.code.place()
        reader.code.say("import", place, level, reader.code.name(module), reader.code.name(name))
        reader.scope.assign(reader.text(alias), place)
    return UNKNOWN
    yield node


def _future_import(reader: Reader, node: Node) -> Steps:
    for child in node.children_by_field_name("name"):
        named = child.child_by_field_name("name") if child.type == "aliased_import" else child
        reader.imports.append((node.start_point[0] + 1, 0, "__future__", reader.text(named) if named else ""))
    return UNKNOWN
    yield node


def _if(reader: Reader, node: Node) -> Steps:
    scope = reader.scope
    exits: list[Env | None] = []
    condition = node.child_by_field_name("condition")
    if condition is not None:
        yield condition
    entry = scope.env
    scope.env = dict(entry)
    yield from _narrow(reader, condition)
    if (then := node.child_by_field_name("consequence")) is not None:
        yield then
    exits.append(scope.take())
    covered = False
    for branch in node.children_by_field_name("alternative"):
        scope.env = dict(entry)
        if (condition := branch.child_by_field_name("condition")) is not None:
            yield condition
            yield from _narrow(reader, condition)
        covered = covered or branch.type == "else_clause"
        body = branch.child_by_field_name("consequence") or branch.child_by_field_name("body")
        if body is not None:
            yield body
        exits.append(scope.take())
    scope.join(exits if covered else [*exits, entry])
    return UNKNOWN


def _narrow(reader: Reader, condition: Node | None) -> Steps:
    """Believe `isinstance(name, Class)` where it holds, also as a part of `and`."""
    parts = [condition]
    while parts:
        part = parts.pop()
        if part is None:
            continue
        if part.type == "boolean_operator" and any(child.type == "and" for child in part.children):
            parts += [part.child_by_field_name("left"), part.child_by_field_name("right")]
        elif part.type == "call" and reader.last_name(part.child_by_field_name("function")) == "isinstance":
            arguments = part.child_by_field_name("arguments")
            named = arguments.named_children if arguments is not None else []
            if len(named) == 2 and named[0].type == "identifier":
                classes = named[1].named_children if named[1].type == "tuple" else [named[1]]
                places = []
                for each in classes:
                    places += [(yield annotation(reader, each))]
                if (place := reader.code.union(places)) >= 0:
                    reader.scope.env[reader.text(named[0])] = place
    return UNKNOWN


def _assert(reader: Reader, node: Node) -> Steps:
    yield from every_child(reader, node)
    if node.named_children:
        yield from _narrow(reader, node.named_children[0])
    return UNKNOWN


def _loop(reader: Reader, node: Node) -> Steps:
    """`for` and `while`: in the body, and after it, a name that the body binds may have any of its values."""
    scope = reader.scope
    source = node.child_by_field_name("right")
    elements = (yield from iterate(reader, source)) if source is not None else UNKNOWN
    entry, logged = scope.env, len(scope.log)
    scope.env = {}
    if (condition := node.child_by_field_name("condition")) is not None:
        yield condition
    if (target := node.child_by_field_name("left")) is not None:
        yield from store(reader, target, elements)
    for field in ("body", "alternative"):
        if (part := node.child_by_field_name(field)) is not None:
            yield part
            scope.ended = False
    scope.env = dict(entry)
    scope.forget(set(scope.log[logged:]))
    return UNKNOWN


def _try(reader: Reader, node: Node) -> Steps:
    scope = reader.scope
    entry, logged = dict(scope.env), len(scope.log)
    exits: list[Env | None] = []
    last: Node | None = None
    for part in node.named_children:
        if part.type in ("block", "else_clause"):
            yield part
        elif part.type == "finally_clause":
            last = part
        elif part.type in ("except_clause", "except_group_clause"):
            if not exits:
                exits.append(scope.take())
            scope.env = dict(entry)
            scope.forget(set(scope.log[logged:]))
            yield part
            exits.append(scope.take())
        if part.type == "else_clause" and exits:
            exits[0] = scope.take()
    if exits:
        scope.join(exits)
    if last is not None:
        ended, scope.ended = scope.ended, False
        yield last
        scope.ended = scope.ended or ended
    return UNKNOWN


def _except(reader: Reader, node: Node) -> Steps:
    for child in node.named_children:
        if child.type == "as_pattern" and child.named_children:
            place = yield from _classes(reader, child.named_children[0])
            if (target := child.child_by_field_name("alias")) is not None:
                yield from store(reader, target, place)
        else:
            yield child
            reader.scope.ended = reader.scope.ended or child.type in EXITS
    return UNKNOWN


def _classes(reader: Reader, node: Node) -> Steps:
    """Return the place of an instance of one of the classes that an `except` names."""
    places = []
    for each in node.named_children if node.type == "tuple" else [node]:
        places += [(yield annotation(reader, each))]
    return reader.code.union(places)


def _with_item(reader: Reader, node: Node) -> Steps:
    value = node.child_by_field_name("value")
    if value is None:
        return UNKNOWN
    target = None
    if value.type == "as_pattern" and value.named_children:
        target = value.child_by_field_name("alias")
        value = value.named_children[0]
    place = yield value
    entered = UNKNOWN
    if place >= 0:
        entered = reader.code.place()
        reader.code.say("with", entered, place, reader.here(), value.start_point[0] + 1)
    if target is not None:
        yield from store(reader, target, entered)
    return UNKNOWN


def _match(reader: Reader, node: Node) -> Steps:
    scope = reader.scope
    subject = UNKNOWN
    for each in node.children_by_field_name("subject"):
        subject = yield each
    body = node.child_by_field_name("body")
    entry = scope.env
    exits: list[Env | None] = [entry]
    for case in body.named_children if body is not None else []:
        scope.env = dict(entry)
        patterns = [child for child in case.named_children if child.type == "case_pattern"]
        for pattern in patterns:
            yield from _capture(reader, pattern, subject if len(patterns) == 1 else UNKNOWN)
        for field in ("guard", "consequence"):
            if (part := case.child_by_field_name(field)) is not None:
                yield part
        exits.append(scope.take())
    scope.join(exits)
    return UNKNOWN


def _capture(reader: Reader, pattern: Node, subject: int) -> Steps:
    """Bind the names of a `case`; only a name of the whole has a known value."""
    waiting = [(pattern, subject)]
    while waiting:
        node, value = waiting.pop()
        children = node.named_children
        if node.type == "dotted_name" and len(children) == 1:
            reader.scope.assign(reader.text(node), value)
        elif node.type == "as_pattern" and len(children) == 2 and children[1].type == "identifier":
            held = children[0]
            while held.type == "case_pattern" and held.named_child_count == 1:
                held = held.named_children[0]
            place = value
            if held.type == "class_pattern" and held.named_children:
                place = yield from annotation(reader, held.named_children[0])
            reader.scope.assign(reader.text(children[1]), place)
            waiting.append((children[0], UNKNOWN))
        elif node.type == "splat_pattern" and children and children[0].type == "identifier":
            reader.scope.assign(reader.text(children[0]), UNKNOWN)
        elif node.type == "case_pattern":
            waiting += [(child, value) for child in children]
        else:
            skipped = 1 if node.type in ("class_pattern", "keyword_pattern") else 0
            waiting += [(child, UNKNOWN) for child in children[skipped:] if child.type != "identifier"]
    return UNKNOWN


def _global(reader: Reader, node: Node) -> Steps:
    kind = "global" if node.type == "global_statement" else "nonlocal"
    for child in node.named_children:
        if reader.scope.kind != "module":
            name = reader.text(child)
            reader.scope.elsewhere[name] = kind
            reader.scope.env.pop(name, None)
    return UNKNOWN
    yield node


def _delete(reader: Reader, node: Node) -> Steps:
    for child in node.named_children:
        if child.type == "identifier":
            reader.scope.forget([reader.text(child)])
        else:
            yield child
    return UNKNOWN


def _return(reader: Reader, node: Node) -> Steps:
    scope = reader.scope
    for value in node.named_children:
        place = yield value
        called = value.child_by_field_name("function") if value.type == "call" else None
        mine = scope.first_parameter
        if mine and value.type == "identifier" and reader.text(value) == mine:
            scope.flags |= RETURNS_SELF
        elif mine and scope.flags & CLASS and called is not None and reader.text(called) == mine:
            scope.flags |= RETURNS_INSTANCE
        elif place in scope.parameters:
            scope.passed.append(scope.parameters[place])
        elif place >= 0:
            scope.returned.append(place)
    return UNKNOWN


def _raise(reader: Reader, node: Node) -> Steps:
    for child in node.named_children:
        place = yield child
        if place >= 0 and child.type in ("identifier", "attribute"):
            reader.code.say("raise", place, reader.here(), child.start_point[0] + 1)
    return UNKNOWN


RULES: dict[str, Rule] = {
    "import_statement": _import,
    "import_from_statement": _from_import,
    "future_import_statement": _future_import,
    "if_statement": _if,
    "for_statement": _loop,
    "while_statement": _loop,
    "try_statement": _try,
    "except_clause": _except,
    "except_group_clause": _except,
    "with_item": _with_item,
    "match_statement": _match,
    "global_statement": _global,
    "nonlocal_statement": _global,
    "delete_statement": _delete,
    "assert_statement": _assert,
    "return_statement": _return,
    "raise_statement": _raise,
}
