"""Parses source code by tree-sitter, and gives up on input that would keep a parser busy for minutes."""

from __future__ import annotations

from functools import cache
from typing import cast

import tree_sitter
from tree_sitter_language_pack import SupportedLanguage, get_language

MAX_PARSED_CHARS = 1_500_000
# Ordinary files take up to 15 steps a kilobyte, as tree-sitter reports them, and read a block up to 10 times;
# some scanners, such as Scala's, read their block again for each token.
_STEPS = 1_000
_STEPS_PER_KB = 40
_READ_BYTES = 4_096
_READS = 10_000
_READS_PER_BLOCK = 2_000


def parse(text: str, grammar: str) -> tuple[tree_sitter.Tree, bytes] | None:
    """Return the syntax tree of `text` and the UTF-8 that it points into; None where the parser gives up."""
    if len(text) > MAX_PARSED_CHARS:
        return None
    data = text.encode("utf-8", "replace")
    effort = _Effort(data)
    try:
        tree = tree_sitter.Parser(_language(grammar)).parse(effort.read, progress_callback=effort.too_great)
    except ValueError:  # tree-sitter's word for "the callback said stop"
        return None
    return None if effort.spent else (tree, data)


class _Effort:
    """Gives a parser its input, and up on it when it has worked far longer than parsers do on real files.

    Counted, not timed: a clock would make the chunks of a file depend on how busy the machine was.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._steps = _STEPS + _STEPS_PER_KB * len(data) // 1000
        # Some scanners look for the end of a comment again and again from each of a hundred thousand starts:
        # few steps, but each reads the whole file.
        self._reads = _READS + _READS_PER_BLOCK * len(data) // _READ_BYTES

    @property
    def spent(self) -> bool:
        return self._steps < 0 or self._reads < 0

    def read(self, offset: int, _point: tree_sitter.Point) -> bytes:
        self._reads -= 1
        block = self._data[offset : offset + _READ_BYTES]
        # Blanks hurry the parser to its end. A false end of input would do so too, and crash it.
        return b" " * len(block) if self.spent else block

    def too_great(self, _offset: int, _has_error: bool) -> bool:
        self._steps -= 1
        return self.spent


@cache
def _language(name: str) -> tree_sitter.Language:
    return get_language(cast("SupportedLanguage", name))
