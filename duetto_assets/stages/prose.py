"""Reads the headings and blocks of Markdown and reStructuredText. Marks inside a line are not its concern."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from duetto_assets.stages.outline import Block, Definition, one_line

SECTION = "section"
_MAX_MARKDOWN_CHARS = 2_000_000
_FRONT_MATTER = re.compile(r"\A(?:---|\+\+\+)[ \t]*\r?\n(?:.*\n)*?(?:---|\.\.\.|\+\+\+)[ \t]*\r?(?:\n|\Z)")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_SPLIT_INSIDE = frozenset({"bullet_list_open", "ordered_list_open", "blockquote_open"})
_RST_LINE = re.compile(r"([=\-~^\"'`#*+.:_<>!$%&,/;?@|\\])\1{2,}\s*")


def markdown(lines: list[str]) -> Block:
    """Return the sections of a Markdown text, whose lines end as in the text."""
    text = "".join(lines)
    if len(text) > _MAX_MARKDOWN_CHARS:
        return Block(0, max(len(lines) - 1, 0))
    # markdown-it ends lines at a lone carriage return too; ours end at "\n" alone.
    text = _LONE_RETURN.sub(" ", text)
    skipped = 0
    if found := _FRONT_MATTER.match(text):
        skipped = found.group().count("\n")
        text = text[found.end() :]
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])  # lines are all we want, not inline marks
    headings: list[tuple[int, int, str]] = []
    blocks: list[Block] = [Block(0, skipped - 1)] if skipped else []
    tokens = parser.parse(text)
    for at, token in enumerate(tokens):
        if token.map is None or token.level > 0:
            continue
        start, last = token.map[0] + skipped, token.map[1] - 1 + skipped
        block = Block(start, last)
        if token.type == "heading_open":
            headings.append((start, int(token.tag[1:]), tokens[at + 1].content))
        elif token.type in _SPLIT_INSIDE:
            block.children = list(_inner(tokens, at, skipped))
        blocks.append(block)
    return _nest(headings, blocks, len(lines))


def _inner(tokens: list[Token], at: int, skipped: int) -> Iterator[Block]:
    """Yield the items of the list, or the blocks of the quotation, that opens at `at`."""
    for i in range(at + 1, len(tokens)):
        token = tokens[i]
        if token.level == 0:
            return
        if token.level == 1 and token.map is not None:
            yield Block(token.map[0] + skipped, token.map[1] - 1 + skipped)


def restructured(lines: list[str]) -> Block:
    """Return the sections of a reStructuredText, known by their underlines."""
    headings: list[tuple[int, int, str]] = []
    styles: list[tuple[str, bool]] = []
    blocks: list[Block] = []
    row, end = 0, len(lines)
    while row < end:
        title = _rst_title(lines, row)
        if title is not None:
            style, text, height = title
            if style not in styles:
                styles.append(style)
            headings.append((row, styles.index(style) + 1, text))
            blocks.append(Block(row, row + height - 1))
            row += height
            continue
        starts_block = lines[row].strip() and (row == 0 or not lines[row - 1].strip())
        if starts_block and not lines[row][0].isspace():
            blocks.append(Block(row, row))
        elif starts_block and blocks:
            blocks[-1].children.append(Block(row, row))  # what is indented belongs to the block above
        row += 1
    return _nest(headings, blocks, end)


def _rst_title(lines: list[str], row: int) -> tuple[tuple[str, bool], str, int] | None:
    """Return style, text and height of the title that begins at `row`."""
    line = lines[row]
    over = _RST_LINE.fullmatch(line) if line.strip() else None
    if over and row + 2 < len(lines):
        under = _RST_LINE.fullmatch(lines[row + 2])
        text = lines[row + 1].strip()
        if under and under.group(1) == over.group(1) and text and not _RST_LINE.fullmatch(text):
            return (over.group(1), True), text, 3
        return None
    if not line.strip() or line[0].isspace() or over or row + 1 >= len(lines):
        return None
    under = _RST_LINE.fullmatch(lines[row + 1])
    if under and len(lines[row + 1].rstrip()) >= min(len(line.rstrip()), 4):
        return (under.group(1), False), line.strip(), 2
    return None


def _nest(headings: list[tuple[int, int, str]], blocks: list[Block], rows: int) -> Block:
    """Return blocks, in order, as a tree of sections."""
    root = Block(0, max(rows - 1, 0))
    opened: list[tuple[int, Block]] = [(0, root)]
    titles = {row: (level, text) for row, level, text in headings}
    for block in blocks:
        if block.start in titles:
            level, text = titles[block.start]
            while opened[-1][0] >= level:
                opened.pop()
            name = one_line(text) or "…"
            section = Block(block.start, block.last, Definition(name, SECTION, "", block.start))
            opened[-1][1].children.append(section)
            opened.append((level, section))
        opened[-1][1].children.append(block)
        for _, section in opened[1:]:
            section.last = max(section.last, block.last)
    return root
