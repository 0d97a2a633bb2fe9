"""Writes a tree as GitHub's Markdown. The only place that knows how Markdown's blocks look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from duetto_assets.sources.markup.inline import code_span, line
from duetto_assets.sources.markup.tree import MAX_NUMBER, Child, Node, number

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _HEADINGS | {"doc", "div", "p", "ul", "ol", "li", "blockquote", "pre", "hr", "table", "tr", "td", "th"}
_MAX_COLUMNS = 100  # what stands further right joins the last column, or a wide table would grow with the square
_NESTED = re.compile(r"\n(?=[^\n])")
_CLOSING = re.compile(r"(?:(?<= )|^)#+$")  # after a blank it would belong to the heading's mark
_TICKS = re.compile("`{3,}")


class _Block(NamedTuple):
    """A block of Markdown. Between a paragraph ("p") and a list ("-", "+", ".", ")") may be no empty line."""

    kind: str
    text: str


def write(root: Node) -> str:
    """Return a tree as Markdown, without a line end after the last line."""
    return _join(_blocks([root]))


def _blocks(nodes: Iterable[Child]) -> list[_Block]:
    out: list[_Block] = []
    _append(nodes, out)
    return out


def _append(nodes: Iterable[Child], out: list[_Block]) -> None:
    """Append the blocks of nodes; the inline ones between two blocks are a paragraph."""
    for part in _parts(nodes):
        if isinstance(part, Node):
            _append_block(part, out)
        elif text := line(part):
            out.append(_Block("p", text))


def _parts(nodes: Iterable[Child]) -> Iterator[Node | list[Child]]:
    """Yield blocks, and what is inline between two of them as one list."""
    inline: list[Child] = []
    for node in nodes:
        if isinstance(node, str) or not _holds_block(node):
            inline.append(node)
            continue
        if inline:
            yield inline
            inline = []
        yield node
    if inline:
        yield inline


def _holds_block(node: Node) -> bool:
    todo = [node]
    while todo:
        each = todo.pop()
        if each.tag in _BLOCKS:
            return True
        todo.extend(child for child in each.children if isinstance(child, Node))
    return False


def _append_block(node: Node, out: list[_Block]) -> None:
    if node.tag in _HEADINGS:
        if text := line(node.children, " "):
            out.append(_Block("heading", f"{'#' * int(node.tag[1])} {_CLOSING.sub(_escaped, text)}"))
    elif node.tag in {"ul", "ol"}:
        _append_list(node, out)
    elif node.tag == "pre":
        out.append(_Block("code", _fenced(node)))
    elif node.tag == "hr":
        out.append(_Block("rule", "***"))  # at the top of a document, `---` would open front matter
    elif node.tag == "blockquote":
        _append_quotation(node, out)
    elif node.tag == "table":
        _append_table(node, out)
    else:
        _append(node.children, out)


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def _join(blocks: list[_Block], tight: bool = False) -> str:
    parts = [blocks[0].text] if blocks else []
    for before, block in pairwise(blocks):
        parts += ["\n" if tight and before.kind == "p" and block.kind in "-+.)" else "\n\n", block.text]
    return "".join(parts)


def _append_list(node: Node, out: list[_Block]) -> None:
    items: list[Node] = []
    for child in node.children:
        if isinstance(child, Node) and child.tag == "li":
            items.append(Node("li", child.attrs, list(child.children)))
        elif items and isinstance(child, Node):
            items[-1].children.append(child)  # a list in a list belongs to the item above it
        elif isinstance(child, Node) or child.strip():
            items.append(Node("li", {}, [child]))
    contents = [_blocks(item.children) for item in items]
    if not any(contents):
        return
    marker, other = (".", ")") if node.tag == "ol" else ("-", "+")
    if out and out[-1].kind.startswith(marker):
        marker = other  # or the two lists would be one
    first = number(node.get("start"), 1, MAX_NUMBER - len(items))
    tight = all(sum(block.kind not in "-+.)" for block in blocks) <= 1 for blocks in contents)
    lines = []
    for at, (item, blocks) in enumerate(zip(items, contents, strict=True), first):
        lead = f"{at}{marker} " if node.tag == "ol" else f"{marker} "
        if item.get("checked"):
            words = blocks.pop(0).text if blocks and blocks[0].kind == "p" else ""
            blocks.insert(0, _Block("p", f"[{item.get('checked')}] {words}".rstrip()))
        text = _join(blocks, tight)
        lines.append((lead + _NESTED.sub("\n" + " " * len(lead), text)).rstrip())
    # What begins with another number than one, or with an empty item, does not end a paragraph.
    interrupts = contents[0] and (node.tag == "ul" or first == 1)
    out.append(_Block(marker if interrupts else marker + "!", ("\n" if tight else "\n\n").join(lines)))


def _fenced(node: Node) -> str:
    text = node.text().strip("\n")
    fence = "`" * max(3, max(map(len, _TICKS.findall(text)), default=0) + 1)
    language = re.sub(r"[^\w+#.-]", "", node.get("language"))
    return f"{fence}{language}\n{text}\n{fence}" if text else f"{fence}{language}\n{fence}"


def _append_quotation(node: Node, out: list[_Block]) -> None:
    blocks = _blocks(node.children)
    if not blocks:
        return
    text = _join(blocks)
    if alert := node.get("alert"):
        text = f"[!{alert}]" + ("\n" if blocks[0].kind == "p" else "\n\n") + text
    out.append(_Block("quotation", "\n".join(f"> {row}" if row else ">" for row in text.split("\n"))))


def _append_table(node: Node, out: list[_Block]) -> None:
    rows = [row for row in _rows(node) if row]
    if not rows:
        return
    grid = list(_grid(rows))
    width = max(map(len, grid))
    headed = all(cell.tag == "th" for cell in rows[0])
    if not headed:
        grid.insert(0, [])
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in grid]
    lines.insert(1, "|" + " --- |" * width)
    out.append(_Block("table", "\n".join(lines)))


def _rows(node: Node) -> Iterator[list[Node]]:
    """Yield the cells of each row. Text that stands between the cells is a row of its own."""
    loose: list[Child] = []
    for child in node.children:
        if isinstance(child, str):
            loose += [child] if child.strip() else []
            continue
        if loose:
            yield [Node("td", {}, loose)]
            loose = []
        if child.tag == "tr":
            strays = [each for each in child.children if not isinstance(each, str) or each.strip()]
            yield [
                each if isinstance(each, Node) and each.tag in {"td", "th"} else Node("td", {}, [each])
                for each in strays
            ]
        elif child.tag in {"td", "th"} or not child.find("tr", "div"):
            yield [child if child.tag in {"td", "th"} else Node("td", {}, [child])]
        else:
            yield from _rows(child)
    if loose:
        yield [Node("td", {}, loose)]


def _grid(rows: list[list[Node]]) -> Iterator[list[str]]:
    """Yield rows of cells as text: a merged one has its text in its first place and leaves the others empty."""
    taken: dict[int, int] = {}  # column to the number of rows that a cell from above still covers
    for row in rows:
        texts: list[str] = []
        for cell in row:
            while taken.get(len(texts), 0):
                texts.append("")
            text = "<br>".join(_lines(cell.children)).replace("\n", " ").replace("|", "\\|")
            if len(texts) >= _MAX_COLUMNS:
                texts[-1] += f"<br>{text}" if text else ""
                continue
            across = number(cell.get("colspan"), 1, _MAX_COLUMNS - len(texts)) or 1
            down = number(cell.get("rowspan"), 1, len(rows)) or len(rows)  # zero: to the end, says HTML
            taken.update(dict.fromkeys(range(len(texts), len(texts) + across), down))
            texts += [text] + [""] * (across - 1)
        texts += [""] * (max((column for column, left in taken.items() if left), default=-1) + 1 - len(texts))
        taken = {column: left - 1 for column, left in taken.items() if left > 1}
        yield texts


def _lines(nodes: Iterable[Child]) -> Iterator[str]:
    """Yield blocks as the lines of a table's cell, which holds nothing but inline Markdown."""
    for part in _parts(nodes):
        if isinstance(part, Node):
            yield from _lines_of(part)
        elif text := line(part, "<br>"):
            yield text


def _lines_of(node: Node) -> Iterator[str]:
    if node.tag in {"ul", "ol"}:
        first = number(node.get("start"), 1, MAX_NUMBER - len(node.children))
        items = [child for child in node.children if not isinstance(child, str) or child.strip()]
        for at, item in enumerate(items, first):
            lead = f"{at}. " if node.tag == "ol" else "- "
            checked = f"[{item.get('checked')}] " if isinstance(item, Node) and item.get("checked") else ""
            nested = isinstance(item, Node) and item.tag in {"ul", "ol"}
            for row, text in enumerate(
                _lines(item.children if isinstance(item, Node) and item.tag == "li" else [item])
            ):
                yield ("  " if row or nested else lead + checked) + text
    elif node.tag == "pre":
        yield from (code_span(row) for row in node.text().split("\n") if row.strip())
    elif node.tag == "table":
        for cells in _rows(node):
            yield " | ".join("<br>".join(_lines([*cell.children])) for cell in cells)
    elif node.tag in _HEADINGS:
        yield from _lines([Node("strong", {}, node.children)])
    elif node.get("alert"):
        yield from (
            f"{node.get('alert')}: {text}" if not row else text for row, text in enumerate(_lines(node.children))
        )
    else:
        yield from _lines(node.children)
