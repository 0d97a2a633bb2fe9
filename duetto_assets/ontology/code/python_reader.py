"""Runs rules over the syntax tree of one Python file, and keeps what they find.

Syntax trees can be deeper than the stack of Python. So each rule is a generator that yields the nodes, or further
rules, whose places it needs, and one loop runs them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from tree_sitter import Node

from duetto_assets.ontology.code.facts import Definition, Facts
from duetto_assets.ontology.code.python_scopes import EVERY, UNKNOWN, Code, Scope

Steps = Generator[Any, int, int]
"""Yields nodes and rules, is sent the place of each, and returns its own."""

_LEAVES = frozenset(
    (
        "integer",
        "float",
        "true",
        "false",
        "none",
        "ellipsis",
        "comment",
        "pass_statement",
        "break_statement",
        "continue_statement",
        "escape_sequence",
        "string_content",
        "string_start",
        "string_end",
        "type_conversion",
        "keyword_separator",
        "positional_separator",
    )
)
EXITS = frozenset(("return_statement", "raise_statement", "break_statement", "continue_statement"))
_KEY = re.compile(r"""(?:'[^'\\\n]{1,80}'|"[^"\\\n]{1,80}"|-?\d{1,9})""")


class Reader:
    def __init__(self, data: bytes, rules: Mapping[str, Rule]) -> None:
        self.data, self.rules = data, rules
        self.code = Code()
        self.scope = Scope(self.code, "module", "", None)
        self.scopes = [self.scope]
        self.definitions: dict[str, Definition] = {}
        self.imports: list[tuple[int, int, str, str]] = []
        self.exported: list[str] | None = None
        self.classes: list[tuple[int, Scope, list[int]]] = []

    def facts(self, root: Node) -> Facts:
        self.run(root)
        for scope in reversed(self.scopes):
            scope.close()
        for place, scope, bases in self.classes:
            members = {name: scope.whole[name] for name in scope.assigned}
            row = [place, self.code.name(scope.path), bases, members, list(scope.stored), scope.member_functions]
            self.code.row("class", row)
        body: dict[str, Any] = {
            "places": self.code.places,
            "names": self.code.names,
            "imports": self.imports,
            "globals": {name: self.scope.whole[name] for name in self.scope.assigned},
            "all": self.exported,
            **self.code.flat,
            **self.code.rows,
        }
        return Facts("python", tuple(self.definitions.values()), "", body)

    def run(self, root: Node) -> None:
        """Apply the rules to a tree, however deep."""
        running: list[Steps] = [every_child(self, root)]
        result: int | None = None
        while running:
            try:
                node = running[-1].send(result)  # type: ignore[arg-type]  # a generator starts with None
            except StopIteration as end:
                running.pop()
                result = end.value
                continue
            if isinstance(node, Generator):
                running.append(node)
                result = None
                continue
            kind = node.type
            if kind == "identifier":
                result = self.scope.read(self.text(node))
            elif kind in _LEAVES:
                result = UNKNOWN
            else:
                running.append(self.rules.get(kind, every_child)(self, node))
                result = None

    def text(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def last_name(self, node: Node | None) -> str:
        """Return "c" of the expression `a.b.c`, and "" of what is no name."""
        if node is not None and node.type == "attribute":
            node = node.child_by_field_name("attribute")
        return self.text(node) if node is not None and node.type == "identifier" else ""

    def key(self, node: Node | None) -> int:
        """Return the number of a constant key's text, or of `EVERY`."""
        if node is not None and node.type in ("string", "integer") and _KEY.fullmatch(text := self.text(node)):
            return self.code.name(text.replace('"', "'"))
        return self.code.name(EVERY)

    def here(self) -> int:
        """Return the number of the definition that the code is in."""
        return self.code.name(self.scope.path)

    def define(self, name: str, kind: str, node: Node) -> str:
        """Note a definition, and return its dotted name."""
        dotted = f"{self.scope.path}.{name}" if self.scope.path else name
        if dotted not in self.definitions:
            self.definitions[dotted] = Definition(dotted, kind, node.start_point[0] + 1, node.end_point[0] + 1)
        return dotted

    def load(self, place: int, name: str) -> int:
        """Return the place of an attribute."""
        if place < 0:
            return UNKNOWN
        loaded = self.code.place()
        self.code.say("load", loaded, place, self.code.name(name))
        return loaded

    def item(self, place: int, key: int) -> int:
        """Return the place of what a container holds under a key."""
        if place < 0:
            return UNKNOWN
        item = self.code.place()
        self.code.say("item", item, place, key)
        return item

    def box(self, parts: list[int]) -> int:
        """Return the place of a new container: keys and places, in turn."""
        place = self.code.place()
        pairs = zip(parts[::2], parts[1::2], strict=True)
        self.code.row("box", [place, [number for key, value in pairs if value >= 0 for number in (key, value)]])
        return place

    def enter(self, kind: str, path: str) -> Scope:
        self.scope = Scope(self.code, kind, path, self.scope)
        self.scopes.append(self.scope)
        return self.scope

    def leave(self) -> None:
        if self.scope.parent is not None:
            self.scope = self.scope.parent

    @contextmanager
    def quoted(self, data: bytes) -> Generator[None, None, None]:
        """Read other text for a while."""
        outer, self.data = self.data, data
        try:
            yield
        finally:
            self.data = outer


Rule = Callable[[Reader, Node], Steps]


def every_child(reader: Reader, node: Node) -> Steps:
    for child in node.named_children:
        yield child
        if child.type in EXITS:
            reader.scope.ended = True
    return UNKNOWN


def visit(nodes: Iterable[Node]) -> Steps:
    """Read these nodes."""
    for node in nodes:  # noqa: UP028  # a list cannot be sent places
        yield node
    return UNKNOWN
