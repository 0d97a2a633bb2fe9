"""Reads Markdown as a reader would see it, with a parser that the converters do not use, and finds the real content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

SHARED = Path(__file__).parents[4] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="../shared is absent: the real pages and issues lie there"
)

_TAGS = {"<strong>", "</strong>", "<em>", "</em>", "<del>", "</del>"}  # what stands in for a mark that cannot be one
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _pieces(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "inline":
            yield "".join(_pieces(token.children or []))
            yield "\n"
        elif token.type in {"text", "code_inline", "fence", "code_block", "image", "html_block"}:
            yield token.content
        elif token.type in {"softbreak", "hardbreak"} or token.content == "<br>":
            yield "\n"
        elif token.type == "html_inline" and token.content not in _TAGS:
            yield token.content


def visible(markdown: str) -> str:
    """Return the text that a reader sees."""
    return "".join(_pieces(_PARSER.parse(markdown)))


def squeezed(text: str) -> str:
    """Return text without blanks: they join and part words differently in each kind of markup."""
    return re.sub(r"\s+", "", text)


def assert_kept(texts: Iterable[str], markdown: str) -> int:
    """Assert that a reader sees all texts in their order; return how many words they have."""
    seen, at, words = squeezed(visible(markdown)), 0, 0
    for text in texts:
        wanted = squeezed(text)
        found = seen.find(wanted, at)
        assert found >= 0, f"{text!r} is lost behind {seen[max(at - 60, 0) : at]!r} in {markdown[:3000]}"
        at, words = found + len(wanted), words + len(text.split())
    return words


def headings(markdown: str) -> list[tuple[int, str]]:
    tokens = _PARSER.parse(markdown)
    return [
        (int(token.tag[1:]), "".join(_pieces([tokens[at + 1]])).strip())
        for at, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def tables(markdown: str) -> list[list[int]]:
    """Return the number of cells in each row of each table."""
    found: list[list[int]] = []
    for token in _PARSER.parse(markdown):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append(0)
        elif token.type in {"th_open", "td_open"}:
            found[-1][-1] += 1
    return found


def code(markdown: str) -> list[tuple[str, str]]:
    """Return language and text of each code block."""
    return [(token.info, token.content) for token in _PARSER.parse(markdown) if token.type == "fence"]


def spans(markdown: str, kind: str) -> list[str]:
    """Return the text of code spans, or the addresses of links or images."""
    key = {"link_open": "href", "image": "src"}.get(kind, "")
    inline = [child for token in _PARSER.parse(markdown) for child in token.children or [] if child.type == kind]
    return [str(token.attrs[key]) if key else token.content for token in inline]


def kinds(markdown: str) -> list[str]:
    """Return the types of the opening tokens, in order."""
    return [token.type.removesuffix("_open") for token in _PARSER.parse(markdown) if token.nesting == 1]
