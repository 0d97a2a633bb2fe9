"""Writes what stands inside a line: marks, links, code, and text, escaped only where Markdown would read a mark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from unicodedata import category

from duetto_assets.sources.markup.tree import Child, Node

_RANK = {"a": 0, "strong": 1, "em": 2, "del": 3, "code": 4}
_DELIMITERS = {"strong": "**", "em": "*", "del": "~~"}
_BEGINS = {"a": "[", "strong": "*", "em": "*", "del": "~", "code": "`"}
_Mark = tuple[str, str]  # name, address of a link

_BLANKS = re.compile(r"[ \t\n\f\xa0]+")
_TICKS = re.compile("`+")
# A `*` between blanks is no mark, nor is a `<` before one; a `[` is harmless until `](`.
_SPECIAL = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|\s*$)|`|(?<!\s)\*|\*(?!\s)|<(?=[A-Za-z/!?])|&(?=#?\w{1,32};)|\](?=\()|~(?=~)|(?<=~)~"
)
_SPECIAL_IN_LINK = re.compile(_SPECIAL.pattern + r"|[\[\]]")
# Inside a word an underscore is no mark, and what opens without an end is none either.
_OPENS = re.compile(r"(?<!\w)_++(?=\S|$)")
_CLOSES = re.compile(r"(?<=[^\s_])_++(?!\w)")
_STARTS_BLOCK = re.compile(
    r"(?:#{1,6}|[-+*]|(?P<number>\d{1,9})[.)])(?=\s|$)|>|=+\s*$|[|:]*-[-|:\s]*$|_[_\s]*$"
    r"|\[(?=(?:[^\\\]]|\\.)*\]:|[ xX]\](?!\())"
)
_UNCLOSED = re.compile(r"\[(?:[^\\\]]|\\.)*\\?$")  # with `]:` below, the definition of a link, which shows nothing
_ADDRESS = re.compile(r"https?://[^\s<>\\]+")
_PLAIN_TARGET = re.compile(r"[^\s<>()\\]+")


@dataclass(slots=True)
class _Run:
    """Text, an image or a break, with the marks on it, the outermost first."""

    marks: tuple[_Mark, ...]
    kind: str
    text: str


def line(nodes: Iterable[Child], line_break: str = "\\\n") -> str:
    """Return inline nodes as Markdown: of one line, or of several if they hold breaks.

    :param line_break: What a hard break becomes. A soft one is a line end, or the same if that holds none.
    """
    runs = _tidy(_runs(nodes, ()))
    plain = "*".join(run.text if run.kind == "text" else "" for run in runs)  # a mark stands between two runs
    opens = _OPENS.search(plain)
    # The lines of a cell are one line in the end, and what opens in one may close in the next.
    underscores = line_break == "<br>" or bool(opens and _CLOSES.search(plain, opens.end()))
    written = _Writer(line_break, underscores).spans(runs, 0, "", "")
    if "\n" not in line_break:
        return written.strip(" ")  # a heading or a cell: nothing else can begin there
    label = "]:" in written
    return "\n".join(_start(part.strip(" "), label) for part in written.split("\n"))


def code_span(text: str) -> str:
    """Return text as code inside a line."""
    text = text.replace("\n", " ")
    if not text.strip():
        return text
    ticks = "`" * _shortest(text)
    pad = " " if (text[0] + text[-1]).strip("` ") == "" or "`" in (text[0], text[-1]) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _shortest(text: str) -> int:
    """Return a number of backticks of which the text has no run. The first free one is small: runs add up."""
    lengths = {len(ticks) for ticks in _TICKS.findall(text)}
    return next(size for size in range(1, len(lengths) + 2) if size not in lengths)


def _runs(nodes: Iterable[Child], marks: tuple[_Mark, ...]) -> Iterator[_Run]:
    for node in nodes:
        if isinstance(node, str):
            yield _Run(marks, "code" if any(name == "code" for name, _ in marks) else "text", node)
        elif node.tag == "br":
            yield _Run(_without_code(marks), "soft" if node.get("soft") else "break", "")
        elif node.tag == "img":
            yield _Run(_without_code(marks), "image", _image(node))
        elif (
            node.tag in _RANK and node.tag not in {name for name, _ in marks} and (node.tag != "a" or node.get("href"))
        ):
            mark = (node.tag, node.get("href"))
            yield from _runs(node.children, tuple(sorted({*marks, mark}, key=lambda each: _RANK[each[0]])))
        else:
            yield from _runs(node.children, marks)


def _without_code(marks: tuple[_Mark, ...]) -> tuple[_Mark, ...]:
    return tuple(mark for mark in marks if mark[0] != "code")


def _tidy(runs: Iterable[_Run]) -> list[_Run]:
    """Return runs joined where their marks are the same, with single blanks, and none beside a break."""
    joined: list[_Run] = []
    for (marks, kind), same in groupby(runs, key=lambda run: (run.marks, run.kind)):
        if kind in {"text", "code"}:
            joined.append(_Run(marks, kind, "".join(run.text for run in same)))
        else:
            joined.extend(same)
    tidy: list[_Run] = []
    blank = True
    for run in joined:
        if run.kind == "text":
            run.text = _BLANKS.sub(" ", run.text)
            if blank:
                run.text = run.text.lstrip(" ")
        if run.text or (tidy and run.kind in {"soft", "break"}):
            if run.kind in {"soft", "break"} and tidy[-1].kind == "text":
                tidy[-1].text = tidy[-1].text.rstrip(" ")
            tidy.append(run)
            blank = run.kind in {"soft", "break"} or (run.kind == "text" and run.text.endswith(" "))
    while tidy and (tidy[-1].kind in {"soft", "break"} or tidy[-1].text == " "):
        tidy.pop()
    return tidy


class _Writer:
    """Writes the runs of one block."""

    def __init__(self, line_break: str, underscores: bool) -> None:
        self.breaks = {"break": line_break, "soft": "\n" if "\n" in line_break else line_break}
        self.underscores = underscores

    def spans(self, runs: list[_Run], level: int, before: str, after: str) -> str:
        """Return runs that share their first `level` marks, between two characters."""
        groups = [(mark, list(group)) for mark, group in groupby(runs, lambda run: run.marks[level : level + 1])]
        out: list[str] = []
        last = before
        following = [_first(mark, group) for mark, group in groups[1:]] + [after]
        for (mark, group), then in zip(groups, following, strict=False):  # no groups: no text
            text = self.marked(mark[0], group, level, last, then) if mark else self.plain(group)
            if text.endswith("!") and then == "[":
                text = text[:-1] + r"\!"  # or the link would be an image
            out.append(text)
            last = text[-1:] or last
        return "".join(out)

    def marked(self, mark: _Mark, group: list[_Run], level: int, before: str, after: str) -> str:
        name, href = mark
        if name == "a":
            return self.link(href, group, level)
        if name == "code":
            return code_span("".join(run.text for run in group))
        both = name == "strong" and all(run.marks[level + 1 : level + 2] == (("em", ""),) for run in group)
        inner = self.spans(group, level + (2 if both else 1), "*", "*")
        text = inner.strip(" \n")
        if not text:
            return inner
        start = inner.index(text[0])
        lead, trail = inner[:start], inner[start + len(text) :]
        delimiter = "***" if both else _DELIMITERS[name]
        if _flanks(lead[-1:] or before, text[0], delimiter[0]) and _flanks(trail[:1] or after, text[-1], delimiter[0]):
            return f"{lead}{delimiter}{text}{delimiter}{trail}"
        tags = ["strong", "em"] if both else [name]
        opening, closing = "".join(f"<{tag}>" for tag in tags), "".join(f"</{tag}>" for tag in reversed(tags))
        return f"{lead}{opening}{text}{closing}{trail}"

    def link(self, href: str, group: list[_Run], level: int) -> str:
        if len(group) == 1 and group[0].text.strip() == href and _ADDRESS.fullmatch(href):
            return f"<{href}>"
        inner = self.spans(group, level + 1, "[", "]")
        text = inner.strip(" \n")
        if not text:
            return inner
        trail = " " if inner.endswith(" ") else ""
        return f"{' ' if inner.startswith(' ') else ''}[{text}]({target(href)}){trail}"

    def plain(self, group: list[_Run]) -> str:
        return "".join(
            self.breaks.get(run.kind) or (run.text if run.kind == "image" else self.escape(run)) for run in group
        )

    def escape(self, run: _Run) -> str:
        special = _SPECIAL_IN_LINK if run.marks and run.marks[0][0] == "a" else _SPECIAL
        text = special.sub(lambda found: "\\" + found[0], run.text)
        if self.underscores:
            text = _OPENS.sub(lambda found: "\\_" * len(found[0]), text)
        return text


def _first(mark: tuple[_Mark, ...], group: list[_Run]) -> str:
    """Return the character that a group will begin with, as far as the marks before it must know."""
    if group[0].kind in {"text", "code"} and group[0].text[:1].isspace():
        return " "
    return _BEGINS[mark[0][0]] if mark else group[0].text[:1] or " "


def _flanks(outside: str, inside: str, delimiter: str) -> bool:
    """Say whether a delimiter between two characters is one to CommonMark."""
    if delimiter in (outside, inside):
        return False
    return category(inside)[0] not in "PS" or not outside or outside.isspace() or category(outside)[0] == "P"


def target(href: str) -> str:
    """Return an address as it stands in a link."""
    href = href.replace("\n", " ").strip()
    if _PLAIN_TARGET.fullmatch(href):
        return href
    return "<" + re.sub(r"[<>\\]", lambda found: "\\" + found[0], href) + ">"


def _image(node: Node) -> str:
    source = node.get("src")
    alt = _BLANKS.sub(" ", node.get("alt"))
    return f"![{re.sub(r'[!-/:-@[-`{-~]', _escape_in_alt, alt)}]({target(source)})"


def _escape_in_alt(found: re.Match[str]) -> str:
    return "\\" + found[0] if found[0] in "\\[]`*<&_" else found[0]


def _start(text: str, label: bool) -> str:
    """Return a line that begins no block."""
    found = _STARTS_BLOCK.match(text) or (_UNCLOSED.match(text) if label else None)
    if not found:
        return text
    at = max(found.end("number"), 0) if found.re is _STARTS_BLOCK else 0
    return f"{text[:at]}\\{text[at:]}"
