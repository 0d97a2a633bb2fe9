"""JIRA's wiki markup, of Server and Data Center (REST v2), as Markdown.

It has no grammar, only a renderer. Parsed as that renders: block macros first, then lines, then marks inside a line. A
line end shows as one there; here it is a soft one. Every part of a text is looked at a bounded number of times:
jira2markdown, which parses with a grammar, takes a second for a thousand characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from duetto_assets.sources.markup.links import Links
from duetto_assets.sources.markup.macros import macro
from duetto_assets.sources.markup.markdown import write
from duetto_assets.sources.markup.tree import Child, Node, fit

_VERBATIM = frozenset({"code", "noformat"})
_HOLDS = frozenset({"quote", "panel", "info", "note", "warning", "tip", "expand", "excerpt"})
_EMPTY = frozenset({"anchor", "toc", "children", "jira", "include", "status"})
_MAX_NESTED = 12
_MACRO = re.compile(
    r"(?<![\\{])\{(code|noformat|quote|panel|info|note|warning|tip|expand|excerpt|color|anchor|toc|children|jira|include|"
    r"status)(?::([^{}\n]*))?\}(?!\})"
)
# Two characters without a meaning of their own mark what the first pass has read.
_FORGED = re.compile("[\ue000\ue001]")

_HEADING = re.compile(r"\s*h([1-6])\.(?:\s+|(?=[A-Z]))(.*)")  # `h5.Title` is what people write, `h2.jar` is a name
_QUOTED = re.compile(r"\s*bq\.\s+(.*)")
_RULE = re.compile(r"\s*-{4,}\s*")
_ITEM = re.compile(r"\s*(-|[*#][*#-]*)\s+(\S.*)")
_ROW = re.compile(r"\s*\|")
# What may hold a `|` that ends no cell: an escape, a link, monospaced text, an image.
_CELL_PART = re.compile(r"\\.|\[[^\[\]\n]*\]|\{\{(?:(?!\{\{|\}\})[^\n])*+\}\}|(?<!\w)![^\s!|][^!\n]*!|(\|\|?)")

_MARK = re.compile(
    r"""(?=[\ue000\\{\[!*_+^~?hf-])(?:
    \ue000(?P<held>\d+)\ue001
    |\\\\(?P<break>)
    |\\(?P<escaped>[!-/:-@\[-`{-~])
    |\{\{(?P<mono>(?:(?!\{\{|\}\})[^\n])*+\}*?)\}\}(?!\})
    |\{(?P<forced>[*_^~+-])\}(?P<forced_text>(?:(?!\{[*_^~+-]\})[^\n])+)\{(?P=forced)\}
    |\[~(?:accountid:)?(?P<person>[^\s\[\]|~\ue000]+)\]
    |\[\^(?P<attached>[^\[\]\n|\ue000]+)(?:\|[^\[\]\n]*)?\]
    |\[(?:(?P<text>[^\[\]\n|]*)\|)?(?P<target>(?:[a-z]+://|mailto:|\#|/)[^\s\[\]|\ue000]+)(?:\|[^\[\]\n]*)?\]
    |(?<!\w)!(?P<image>https?://[^\s!|\ue000]+|[^\s!|\ue000][^!\n|\ue000]*\.\w{2,5})(?:\|[^!\n]*)?!
    |(?P<bare>\b(?:https?|ftp|file)://[^\s|\[\]{}\ue000]*)
    |(?<![\w*])\*(?P<strong>(?=\S)[^*\n]+)(?<=\S)\*(?![\w*])
    |(?<!\w)_(?P<em>(?=\S)[^_\n]+)(?<=\S)_(?!\w)
    |(?<![\w-])-(?P<del>(?=[^\s-])[^-\n]+)(?<=\S)-(?![\w-])
    |(?<![\w+])\+(?P<ins>(?=\S)[^+\n]+)(?<=\S)\+(?![\w+])
    |(?<![\w^])\^(?P<sup>(?=\S)[^^\n]+)(?<=\S)\^(?!\w)
    |(?<![\w~])~(?P<sub>(?=\S)[^~\n]+)(?<=\S)~(?!\w)
    |\?\?(?P<cite>(?=\S)[^?\n]+)(?<=\S)\?\?)""",
    re.VERBOSE,
)
_PERSON = re.compile(r"\[~(?:accountid:)?([^\s\[\]|~\ue000]+)\]")
_TAGS = {"strong": "strong", "em": "em", "del": "del", "cite": "em", "ins": "span", "sup": "span", "sub": "span"}
_FORCED = {"*": "strong", "_": "em", "-": "del"}


def wiki_to_markdown(text: str, links: Links = Links()) -> str:  # noqa: B008  # frozen
    """Return wiki markup as Markdown, without a line end after the last line."""
    return write(_Parser(links).parse(text))


def wiki_mentions(text: str) -> frozenset[str]:
    """Return the user keys, or account ids, that are mentioned; what stands in code counts too."""
    return frozenset(_PERSON.findall(fit(text)))


class _Parser:
    """Reads one text. What its macros give stands in lines as one character until the lines are read."""

    def __init__(self, links: Links) -> None:
        self.links = links
        self.root = Node("doc")
        self.opened: list[tuple[str, dict[str, str], Node]] = [("", {}, self.root)]
        self.lines: list[str] = []
        self.held: list[Node] = []

    def parse(self, source: str) -> Node:
        text = _FORGED.sub("\N{REPLACEMENT CHARACTER}", fit(source))
        ends = {name: text.rfind("{" + name + "}") for name in _VERBATIM}
        at = 0
        for found in _MACRO.finditer(text):
            if found.start() < at:
                continue  # inside code
            self.lines.append(text[at : found.start()])
            at, name = found.end(), found[1]
            if name in _VERBATIM and ends[name] >= at:
                end = text.index("{" + name + "}", at)
                self.hold(macro(name, _params(found[2]), [], text[at:end], self.links))
                at = end + len(name) + 2
            elif name in _VERBATIM:
                self.lines.append(found[0])  # without an end, it is text
            elif name in _EMPTY:
                self.hold(macro(name, _shown(name, _params(found[2])), [], "", self.links))
            elif name in _HOLDS:
                self.container(name, found[2])
        self.lines.append(text[at:])
        self.close(1)
        return self.root

    def container(self, name: str, given: str | None) -> None:
        """Open a macro that holds others, or close the last of that name: the two look the same."""
        same = [depth for depth, (other, _, _) in enumerate(self.opened) if other == name]
        if same and given is None:
            self.close(same[-1])
        elif len(self.opened) < _MAX_NESTED:
            self.flush()
            self.opened.append((name, _params(given), Node("div")))

    def hold(self, node: Node) -> None:
        self.lines.append(f"\ue000{len(self.held)}\ue001")
        self.held.append(node)

    def close(self, depth: int) -> None:
        """Close all macros from a depth on."""
        self.flush()
        while len(self.opened) > depth:
            name, params, node = self.opened.pop()
            made = Node("blockquote", {}, node.children)
            if name != "quote":
                title = {"title": params.get("", "")} if name == "expand" else {}
                made = macro(name, title | params, [node], "", self.links)
            self.opened[-1][2].children.append(made)

    def flush(self) -> None:
        self.opened[-1][2].children += self.blocks("".join(self.lines).split("\n"))
        self.lines.clear()

    def blocks(self, lines: list[str]) -> list[Child]:
        out: list[Child] = []
        paragraph: list[str] = []
        at = 0
        while at < len(lines):
            text = lines[at]
            made, end = self.block(lines, at)
            if (made or not text.strip()) and paragraph:
                out.append(Node("div", {}, self.inline("\n".join(paragraph))))
                paragraph = []
            if made:
                out.append(made)
            elif text.strip():
                paragraph.append(text)
            at = end
        if paragraph:
            out.append(Node("div", {}, self.inline("\n".join(paragraph))))
        return out

    def block(self, lines: list[str], at: int) -> tuple[Node | None, int]:
        """Return the block that begins in a line and the line behind it; none if it is one of a paragraph."""
        text = lines[at]
        if found := _HEADING.fullmatch(text):
            return Node("div", {}, self.heading(int(found[1]), found[2])), at + 1
        if found := _QUOTED.fullmatch(text):
            return Node("blockquote", {}, self.inline(found[1])), at + 1
        if _RULE.fullmatch(text):
            return Node("hr"), at + 1
        if _ITEM.fullmatch(text):
            return self.lists(lines, at)
        if _ROW.match(text):
            return self.table(lines, at)
        return None, at + 1

    def heading(self, level: int, text: str) -> list[Child]:
        """Return a heading, and below it what is no line: code that begins beside the title."""
        content = self.inline(text)
        aside = (at for at, child in enumerate(content) if isinstance(child, Node) and child.tag == "div")
        end = next(aside, len(content))
        return [Node(f"h{level}", {}, content[:end]), *content[end:]]

    def lists(self, lines: list[str], at: int) -> tuple[Node, int]:
        """Return the list that begins in a line. Its depth is the number of marks, and a line without any goes on."""
        root = Node("div")
        opened: list[tuple[Node, Node]] = []  # a list and the last of its items, the outermost first
        last = root
        while at < len(lines) and lines[at].strip():
            if found := _ITEM.fullmatch(lines[at]):
                last = self.item(root, opened, found[1], found[2])
            elif self.block(lines, at)[0]:
                break
            else:
                last.children += self.inline("\n" + lines[at])
            at += 1
        return root, at

    def item(self, root: Node, opened: list[tuple[Node, Node]], marks: str, text: str) -> Node:
        depth = min(len(marks), len(opened) + 1, _MAX_NESTED)
        tag = "ol" if marks[-1] == "#" else "ul"
        made = Node("li", {}, self.inline(text))
        del opened[depth:]
        items, _ = opened.pop() if len(opened) == depth else (Node(""), None)
        if items.tag != tag:
            items = Node(tag)
            (opened[-1][1] if opened else root).children.append(items)
        items.children.append(made)
        opened.append((items, made))
        return made

    def table(self, lines: list[str], at: int) -> tuple[Node, int]:
        """Return the table that begins in a line. A row goes on below while no `|` has ended it."""
        table = Node("table")
        while at < len(lines) and _ROW.match(lines[at]):
            row = [lines[at].strip()]
            at += 1
            while at < len(lines) and lines[at].strip() and not row[-1].endswith("|") and not _ROW.match(lines[at]):
                row.append(lines[at].strip())
                at += 1
            table.children.append(Node("tr", {}, [*self.cells("\n".join(row))]))
        return table, at

    def cells(self, row: str) -> Iterator[Node]:
        tag, start = "", 0
        for found in _CELL_PART.finditer(row):
            if not found[1]:
                continue
            if tag:
                yield Node(tag, {}, self.blocks(row[start : found.start()].split("\n")))
            tag, start = ("th" if found[1] == "||" else "td"), found.end()
        if row[start:].strip():
            yield Node(tag, {}, self.blocks(row[start:].split("\n")))

    def inline(self, text: str) -> list[Child]:
        out: list[Child] = []
        at = 0
        for found in _MARK.finditer(text):
            out += _lines(text[at : found.start()])
            at = found.end()
            out.append(self.mark(found))
        return out + _lines(text[at:])

    def mark(self, found: re.Match[str]) -> Child:
        """Return what one mark means; those inside it are others, so this ends."""
        kind = found.lastgroup or ""
        if kind == "held":
            return self.held[int(found["held"])]
        if kind == "break":
            return Node("br")
        if kind in {"escaped", "bare"}:
            return found[kind]
        if kind == "mono":
            return Node("code", {}, [self.unmarked(found["mono"])])
        if kind == "forced_text":
            return Node(_FORCED.get(found["forced"], "span"), {}, self.inline(found["forced_text"]))
        if kind == "person":
            return self.links.person(found["person"])
        if kind == "attached":
            return Node("a", {"href": found["attached"]}, [found["attached"]])
        if kind == "image":
            return Node("img", {"alt": found["image"], "src": found["image"]})
        if kind == "target":
            return self.links.link(found["target"], self.inline(found["text"] or ""))
        return Node(_TAGS[kind], {}, self.inline(found[kind]))

    def unmarked(self, text: str) -> str:
        """Return monospaced text; a macro in it is none, but gives its text."""
        return re.sub("\ue000(\\d+)\ue001", lambda found: self.held[int(found[1])].text(), text)


def _lines(text: str) -> list[Child]:
    """Return text with soft breaks for its line ends."""
    out: list[Child] = []
    for at, part in enumerate(text.split("\n")):
        out += [Node("br", {"soft": "1"})] if at else []
        out += [part] if part else []
    return out


def _params(given: str | None) -> dict[str, str]:
    """Return the parameters of `{name:java|title=Foo}`; one without a name is the language of code."""
    params: dict[str, str] = {}
    for part in filter(None, (given or "").split("|")):
        name, named, value = part.partition("=")
        params |= {name.strip(): value.strip()} if named else {"": part.strip(), "language": part.strip()}
    return params


def _shown(name: str, params: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a macro without a body, of which the first has no name in wiki markup."""
    first = params.get("", "")
    space, _, title = first.rpartition(":")
    named = {"jira": {"key": first}, "include": {"page": title, "space": space}, "status": {"title": first}}
    return named.get(name, {}) | params
