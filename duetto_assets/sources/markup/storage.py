"""Confluence's storage format, XHTML with elements of its own, as Markdown.

The tokenizer is our own, since what others do with a broken page is measured: libxml2 drops all below a depth of
2,048, after a stray end tag and in a CDATA section without end; `html.parser` takes time that grows with the square.
There are no document types, so no entities but HTML's, and nothing is ever fetched.
"""

from __future__ import annotations

import re
from html import unescape

from duetto_assets.sources.markup.links import Links
from duetto_assets.sources.markup.macros import macro, panel
from duetto_assets.sources.markup.markdown import write
from duetto_assets.sources.markup.tree import MAX_DEPTH, Child, Node, fit, titled

# An unescaped `<` ends a tag wherever it stands, so that each part of a text is looked at once.
_TOKEN = re.compile(
    r"""<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<[!?][^<>]*>
    |<(?P<end>/?)(?P<tag>[A-Za-z][\w:.-]*)(?P<attrs>(?:[^<>"']+|"[^<"]*"|'[^<']*')*+|[^<>]*)>""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([\w:.-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)')""")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]\w{1,31});")
_VOID = frozenset({"br", "hr", "img", "col"})

_SAME = {
    "b": "strong", "i": "em", "cite": "em", "s": "del", "strike": "del", "tt": "code", "kbd": "code", "samp": "code",
}  # fmt: skip
_SAME |= {
    tag: tag for tag in (
        "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "li", "blockquote", "hr", "br", "table", "tr",
        "strong", "em", "del", "code",
    )
}  # fmt: skip
_UNSEEN = frozenset({
    "ac:parameter", "ac:task-id", "ac:task-uuid", "ac:task-status", "ac:adf-attribute", "colgroup", "col",
})  # fmt: skip
_INLINE = frozenset({
    "a", "span", "u", "sub", "sup", "small", "big", "ins", "font", "mark", "abbr", "q", "label", "ac:link",
    "ac:link-body", "ac:plain-text-link-body", "ac:inline-comment-marker", "ac:placeholder",
})  # fmt: skip
_PAGES = ("ri:page", "ri:blog-post")


def storage_to_markdown(xhtml: str, links: Links = Links()) -> str:  # noqa: B008  # frozen
    """Return a page as Markdown, without a line end after the last line. A broken page gives what text it has."""
    return write(Node("doc", {}, _Reader(links).all(_parse(xhtml).children)))


def storage_mentions(xhtml: str) -> frozenset[str]:
    """Return the account ids, or user keys, that are mentioned."""
    return frozenset(_account(node) for node in _below(_parse(xhtml)) if node.tag == "ri:user") - {""}


def _parse(xhtml: str) -> Node:
    root = Node("doc")
    open_nodes, at = [root], 0
    text = fit(xhtml)
    for token in _TOKEN.finditer(text):
        _add_text(open_nodes[-1], _decoded(text[at : token.start()]))
        at = token.end()
        if token["data"] is not None:
            _add_text(open_nodes[-1], token["data"])
        elif token["tag"] is None:
            continue
        elif token["end"]:
            _close(open_nodes, token["tag"].lower())
        else:
            tag, attrs = token["tag"].lower(), token["attrs"]
            node = Node(tag, {name: fit(_decoded(one or two)) for name, one, two in _ATTRIBUTE.findall(attrs)})
            open_nodes[-1].children.append(node)
            if not attrs.endswith("/") and tag not in _VOID and len(open_nodes) < MAX_DEPTH:
                open_nodes.append(node)
    _add_text(open_nodes[-1], _decoded(text[at:]))
    return root


def _close(open_nodes: list[Node], tag: str) -> None:
    """Close the innermost open element of that name, and all in it; an end tag of none is ignored."""
    for at in range(len(open_nodes) - 1, 0, -1):
        if open_nodes[at].tag == tag:
            del open_nodes[at:]
            return


def _add_text(node: Node, text: str) -> None:
    if text:
        node.children.append(text)


def _decoded(text: str) -> str:
    return fit(_ENTITY.sub(lambda found: unescape(found[0]), text))


def _below(node: Node) -> list[Node]:
    """Return a node and all in it, in no order that matters."""
    found = [node]
    for each in found:
        found.extend(child for child in each.children if isinstance(child, Node))
    return found


def _account(user: Node) -> str:
    return user.get("ri:account-id") or user.get("ri:userkey") or user.get("ri:username")


class _Reader:
    """Turns the elements of storage format into the writer's."""

    def __init__(self, links: Links) -> None:
        self.links = links

    def all(self, children: list[Child]) -> list[Child]:
        seen = (child for child in children if isinstance(child, str) or child.tag not in _UNSEEN)
        return [child if isinstance(child, str) else self.one(child) for child in seen]

    def one(self, node: Node) -> Node:
        tag = node.tag
        if tag in _SAME:
            return Node(_SAME[tag], {}, self.all(node.children))
        known = getattr(self, "on_" + tag.replace(":", "_").replace("-", "_"), None)
        if known is not None:
            made: Node = known(node)
            return made
        inline = tag in _INLINE or tag.startswith("ri:")
        return Node("span" if inline else "div", {}, self.all(node.children))

    def on_a(self, node: Node) -> Node:
        return self.links.link(node.get("href"), self.all(node.children))

    def on_ol(self, node: Node) -> Node:
        return Node("ol", {"start": node.get("start")}, self.all(node.children))

    def on_td(self, node: Node) -> Node:
        return Node(node.tag, node.attrs, self.all(node.children))

    on_th = on_td

    def on_pre(self, node: Node) -> Node:
        return Node("pre", {}, [Node("div", {}, self.all(node.children)).text()])

    def on_time(self, node: Node) -> Node:
        return Node("span", {}, [node.get("datetime")] if node.get("datetime") else self.all(node.children))

    def on_img(self, node: Node) -> Node:
        return Node("img", {"alt": node.get("alt"), "src": node.get("src")})

    def on_ac_task_list(self, node: Node) -> Node:
        return Node("ul", {}, self.all(node.children))

    def on_ac_task(self, node: Node) -> Node:
        done = any(status.text().strip() == "complete" for status in node.find("ac:task-status"))
        return Node("li", {"checked": "x" if done else " "}, self.all(node.children))

    def on_ac_emoticon(self, node: Node) -> Node:
        name = node.get("ac:emoji-shortname") or (f":{node.get('ac:name')}:" if node.get("ac:name") else "")
        return Node("span", {}, [node.get("ac:emoji-fallback") or name])

    def on_ac_adf_extension(self, node: Node) -> Node:
        """Return the content in the one of its two forms that has text."""
        for part in (node.find("ac:adf-node"), node.find("ac:adf-fallback"), node.children):
            made = Node("div", {}, self.all([*part]))
            if made.text().strip():
                return made
        return made

    def on_ac_adf_node(self, node: Node) -> Node:
        attrs = {each.get("key"): each.text().strip() for each in node.find("ac:adf-attribute")}
        content, kind = self.all(node.children), node.get("type")
        if kind == "panel":
            return panel(attrs.get("panel-type", ""), content)
        tag = {"decision-list": "ul", "decision-item": "li"}.get(kind, "div")
        return Node(tag, {}, titled(attrs.get("title", ""), content))

    def on_ac_structured_macro(self, node: Node) -> Node:
        params: dict[str, str] = {}
        for param in node.find("ac:parameter"):
            params[param.get("ac:name")] = param.text().strip()
            for each in _below(param):
                if each.tag in _PAGES:
                    params |= {"page": each.get("ri:content-title"), "space": each.get("ri:space-key")}
                elif each.tag == "ri:user":
                    params["user"] = _account(each)
                elif each.tag == "ri:attachment":
                    params["file"] = each.get("ri:filename")
                elif each.tag == "ri:url":
                    params["url"] = each.get("ri:value")
        plain = "".join(body.text() for body in node.find("ac:plain-text-body"))
        rest = [child for child in node.children if isinstance(child, str) or child.tag != "ac:plain-text-body"]
        body = self.all(rest) if any(isinstance(each, Node) and each.tag not in _UNSEEN for each in rest) else []
        made = macro(node.get("ac:name"), params, body, plain, self.links)
        # What is neither parameter nor body belongs to no macro, but it is text.
        return made if made.children else Node("span", {}, self.all(rest))

    on_ac_macro = on_ac_structured_macro

    def on_ac_image(self, node: Node) -> Node:
        source = alt = node.get("ac:alt")
        for each in node.find("ri:attachment", "ri:url"):
            source = each.get("ri:filename") or each.get("ri:value")
        image = Node("img", {"alt": alt or source, "src": source})
        return Node("span", {}, [image, *self.all([child for child in node.children if child != image])])

    def on_ac_link(self, node: Node) -> Node:
        body, anchor = self.all(node.children), node.get("ac:anchor")
        shown = body if Node("span", {}, body).text().strip() else []
        for to in node.find(*_PAGES):
            return self.links.page(to.get("ri:space-key"), to.get("ri:content-title"), shown, anchor)
        for to in node.find("ri:user"):
            return Node("span", {}, shown or [self.links.person(_account(to))])
        for to in node.find("ri:attachment"):
            return Node("a", {"href": to.get("ri:filename")}, shown or [to.get("ri:filename")])
        for to in node.find("ri:url"):
            return self.links.link(to.get("ri:value"), shown)
        for to in node.find("ri:space", "ri:content-entity", "ri:shortcut"):
            named = to.get("ri:space-key") or to.get("ri:content-id") or f"{to.get('ri:parameter')}@{to.get('ri:key')}"
            return Node("span", {}, shown or [named])
        return Node("a", {"href": f"#{anchor}" if anchor else ""}, shown or [anchor])
