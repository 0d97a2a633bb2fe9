"""The tree between a parser and the Markdown writer: a few of HTML's elements, never deep, never an odd character."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 60
"""What is nested deeper is flattened: recursion stays possible, and indentation does not grow with the square."""

MAX_NUMBER = 999_999_999  # of a list item in CommonMark

# Whatever Python takes for the end of a line, and Markdown does not.
_SPACES = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")
_UNFIT = re.compile("[\0-\x08\x0e-\x1b\x7f\ud800-\udfff]")


@dataclass(slots=True)
class Node:
    """An element. Parsers keep the names of the source; what they hand to the writer has the names that it knows."""

    tag: str
    attrs: Mapping[str, Any] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def get(self, key: str) -> str:
        """Return an attribute as text, "" if it is none."""
        return word(self.attrs.get(key))

    def find(self, *tags: str) -> list[Node]:
        """Return the children with one of these tags."""
        return [child for child in self.children if isinstance(child, Node) and child.tag in tags]

    def text(self) -> str:
        """Return the text below, with line ends for breaks."""
        if self.tag == "br":
            return "\n"
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


Child = Node | str


def word(value: object) -> str:
    """Return a scalar of JSON as fit text; a list, an object, null or a truth value is none."""
    return fit(str(value)) if isinstance(value, str | float) or type(value) is int else ""


def fit(text: str) -> str:
    """Return text that can be stored and split into lines: without NUL, control characters or lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", _SPACES.sub(" ", text))


def number(text: str, default: int, most: int) -> int:
    """Return a whole number between zero and `most`, or the default for what is none."""
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 10 else default


def titled(title: str, content: Iterable[Child]) -> list[Child]:
    """Return content below a bold line."""
    return [*([Node("p", {}, [Node("strong", {}, [title])])] if title.strip() else []), *content]
