"""Walks the syntax tree of one file. It knows no language: what to do with a node, its subclass says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import tree_sitter

from duetto_assets.ontology.code.facts import Facts
from duetto_assets.ontology.code.scopes import Recorder, text_of


class Walk:
    """Goes through a tree in the order of its text, on a stack of its own: hostile text nests deeper than calls may."""

    _VISITS: ClassVar[Mapping[str, Callable[[Any, tree_sitter.Node, str], None]]]
    """What to do with a node of a type, in a scope. Its children are looked into only if that says so."""

    def __init__(self, language: str, data: bytes) -> None:
        self._data = data
        self._seen = Recorder(language)
        self._todo: list[tuple[tree_sitter.Node, str]] = []

    def facts(self, root: tree_sitter.Node) -> Facts:
        """Return what the file says."""
        self._walk(root, "")
        return self._seen.facts()

    def _walk(self, node: tree_sitter.Node, scope: str) -> None:
        self._todo.append((node, scope))
        while self._todo:
            self._visit(*self._todo.pop())

    def _visit(self, node: tree_sitter.Node, scope: str) -> None:
        visit = self._VISITS.get(node.type)
        if visit is not None:
            visit(self, node, scope)
        else:
            self._into(node, scope)

    def _into(self, node: tree_sitter.Node, scope: str) -> None:
        self._todo += [(child, scope) for child in reversed(node.named_children)]

    def _text(self, node: tree_sitter.Node | None) -> str:
        return text_of(node, self._data)
