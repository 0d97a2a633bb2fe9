"""Atlassian Document Format, the JSON of JIRA Cloud (REST v3) and of Confluence's editor, as Markdown.

What ADF will add keeps its content and its text, without structure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from duetto_assets.sources.markup.links import Links
from duetto_assets.sources.markup.macros import macro, panel
from duetto_assets.sources.markup.markdown import write
from duetto_assets.sources.markup.tree import MAX_DEPTH, Child, Node, fit, titled, word

_MARKS = {"strong": "strong", "em": "em", "strike": "del", "code": "code", "link": "a"}
_MAX_MARKS = 10
_SAME = {
    "paragraph": "p",
    "bulletList": "ul",
    "listItem": "li",
    "taskList": "ul",
    "decisionList": "ul",
    "decisionItem": "li",
    "blockquote": "blockquote",
    "rule": "hr",
    "hardBreak": "br",
    "table": "table",
    "tableRow": "tr",
    "caption": "p",
    "strong": "strong",
    "em": "em",
    "del": "del",
    "code": "code",
}
_INLINE = frozenset({"text", "inlineExtension", "placeholder", "mediaInline", "span"})


def adf_to_markdown(document: object, links: Links = Links()) -> str:  # noqa: B008  # frozen
    """Return a document as Markdown, without a line end after the last line.

    :param document: Decoded JSON. What is no ADF gives the text that is found in it, at worst "".
    """
    return write(Node("doc", {}, _Reader(links).all(_shallow(document).children)))


def adf_mentions(document: object) -> frozenset[str]:
    """Return the account ids that are mentioned."""
    found, todo = set(), [_shallow(document)]
    while todo:
        node = todo.pop()
        if node.tag == "mention":
            found.add(node.get("id"))
        todo.extend(child for child in node.children if isinstance(child, Node))
    return frozenset(found - {""})


def _shallow(document: object) -> Node:
    """Return JSON as a tree of its own types, text wrapped in its marks. A remote system chooses the depth of JSON."""
    root = Node("doc")
    todo: list[tuple[Any, Node, int]] = [(document, root, 0)]
    while todo:
        value, parent, depth = todo.pop()
        if isinstance(value, list):
            todo.extend((item, parent, depth) for item in reversed(value))
        elif isinstance(value, str):
            parent.children.append(fit(value))
        elif isinstance(value, dict):
            attrs = value.get("attrs")
            node = Node(word(value.get("type")), attrs if isinstance(attrs, dict) else {}, [])
            if text := word(value.get("text")):
                node.children.append(text)
            parent.children.append(_marked(node, value.get("marks")))
            todo.append((value.get("content"), node if depth < MAX_DEPTH else parent, depth + 1))
    return root


def _marked(node: Node, marks: object) -> Node:
    for mark in marks[:_MAX_MARKS] if isinstance(marks, list) else ():
        if isinstance(mark, dict) and (tag := _MARKS.get(word(mark.get("type")))):
            attrs = mark.get("attrs")
            node = Node(tag, attrs if isinstance(attrs, dict) else {}, [node])
    return node


class _Reader:
    """Turns ADF's types into the writer's elements."""

    def __init__(self, links: Links) -> None:
        self.links = links

    def all(self, children: list[Child]) -> list[Child]:
        return [child if isinstance(child, str) else self.one(child) for child in children]

    def one(self, node: Node) -> Node:
        if node.tag in _SAME:
            return Node(_SAME[node.tag], {}, self.all(node.children))
        known = getattr(self, f"on_{node.tag}", None) if node.tag.isidentifier() else None
        if known is not None:
            made: Node = known(node)
            return made
        content = self.all(node.children) or [node.get("text")]
        return Node("span" if node.tag in _INLINE else "div", {}, content)

    def on_a(self, node: Node) -> Node:
        return self.links.link(node.get("href"), self.all(node.children))

    def on_heading(self, node: Node) -> Node:
        level = node.get("level")
        return Node(f"h{level if level in set('123456') else 6}", {}, self.all(node.children))

    def on_orderedList(self, node: Node) -> Node:  # noqa: N802  # named after the type
        return Node("ol", {"start": node.get("order")}, self.all(node.children))

    def on_taskItem(self, node: Node) -> Node:  # noqa: N802
        return Node("li", {"checked": "x" if node.get("state") == "DONE" else " "}, self.all(node.children))

    on_blockTaskItem = on_taskItem  # noqa: N815

    def on_tableCell(self, node: Node) -> Node:  # noqa: N802
        tag = "th" if node.tag == "tableHeader" else "td"
        return Node(tag, node.attrs, self.all(node.children))

    on_tableHeader = on_tableCell  # noqa: N815

    def on_codeBlock(self, node: Node) -> Node:  # noqa: N802
        text = Node("div", {}, self.all(node.children)).text()
        return Node("pre", {"language": node.get("language")}, [text])

    def on_panel(self, node: Node) -> Node:
        return panel(node.get("panelType"), self.all(node.children))

    def on_expand(self, node: Node) -> Node:
        return Node("div", {}, titled(node.get("title"), self.all(node.children)))

    on_nestedExpand = on_expand  # noqa: N815

    def on_mention(self, node: Node) -> Node:
        return Node("span", {}, [self.links.person(node.get("id"), node.get("text") or node.text())])

    def on_emoji(self, node: Node) -> Node:
        return Node("span", {}, [node.get("text") or node.get("shortName"), *self.all(node.children)])

    def on_date(self, node: Node) -> Node:
        stamp = node.get("timestamp")
        try:
            shown = datetime.fromtimestamp(int(stamp[:20]) / 1000, UTC).date().isoformat()
        except (ValueError, OverflowError, OSError):
            shown = stamp
        return Node("span", {}, [shown, *self.all(node.children)])

    def on_status(self, node: Node) -> Node:
        return Node("span", {}, [node.get("text"), *self.all(node.children)])

    def on_inlineCard(self, node: Node) -> Node:  # noqa: N802
        data = node.attrs.get("data")
        named = data if isinstance(data, dict) else {}
        name, url = word(named.get("name")), node.get("url") or word(named.get("url"))
        card = self.links.link(url, [name] if name else [])
        return Node("span" if node.tag == "inlineCard" else "p", {}, [card, *self.all(node.children)])

    on_blockCard = on_embedCard = on_inlineCard  # noqa: N815

    def on_media(self, node: Node) -> Node:
        name = node.get("alt") or node.get("__fileName")
        image = Node("img", {"alt": name, "src": node.get("url") or name or node.get("id")})
        return Node("span", {}, [image, *self.all(node.children)])

    on_mediaInline = on_media  # noqa: N815

    def on_extension(self, node: Node) -> Node:
        parameters = node.attrs.get("parameters")
        given = parameters.get("macroParams") if isinstance(parameters, dict) else None
        params = {
            word(key): word(value.get("value") if isinstance(value, dict) else value)
            for key, value in (given.items() if isinstance(given, dict) else ())
        }
        made = macro(node.get("extensionKey"), params, self.all(node.children), "", self.links)
        return made if made.children else Node("span", {}, [node.get("text")])

    on_inlineExtension = on_bodiedExtension = on_multiBodiedExtension = on_extension  # noqa: N815
