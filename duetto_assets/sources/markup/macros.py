"""Macros, which ADF calls extensions: the same few names in all three kinds of markup."""

from __future__ import annotations

from collections.abc import Mapping

from duetto_assets.sources.markup.links import Links
from duetto_assets.sources.markup.tree import Child, Node, titled

# The names in the editor of today are others: what it calls a warning is stored as `note`, an error as `warning`.
_ALERTS = {"info": "NOTE", "note": "WARNING", "tip": "TIP", "warning": "CAUTION"}
_PANELS = {
    "info": "NOTE",
    "note": "IMPORTANT",
    "tip": "TIP",
    "success": "TIP",
    "warning": "WARNING",
    "error": "CAUTION",
}
_CODE = frozenset({"code", "noformat", "paste-code-macro"})


def panel(kind: str, content: list[Child]) -> Node:
    """Return an ADF panel as one of GitHub's alerts; a custom one is a quotation."""
    return Node("blockquote", {"alert": _PANELS.get(kind, "")}, content)


def code(language: str, text: str, title: str = "") -> Node:
    """Return a code block, below its title if it has one."""
    return Node("div", {}, titled(title, [Node("pre", {"language": language}, [text])]))


def macro(name: str, params: Mapping[str, str], body: list[Child], plain: str, links: Links) -> Node:
    """Return what is visible of a macro: its body, or what its parameters show.

    :param params: `page` and `space` name a page that it refers to, `user` an account, `file` an attachment.
    :param plain: Text that is no markup, of a macro which holds such.
    """
    title = params.get("title", "")
    if name in _CODE or (plain.strip() and not body):
        return code(params.get("language", ""), plain or Node("div", {}, body).text(), title)
    if name in _ALERTS or name == "panel":
        return Node("blockquote", {"alert": _ALERTS.get(name, "")}, titled(title, body))
    if name == "status":
        return Node("span", {}, [title])
    if body:
        return Node("div", {}, titled(title, body))
    return Node("span", {}, _shown(name, params, links))


def _shown(name: str, params: Mapping[str, str], links: Links) -> list[Child]:
    """Return what a macro without a body refers to; most, such as a table of contents, have nothing of their own."""
    if name == "jira" and params.get("key"):
        return [links.issue(params["key"])]
    if name == "jira" and (jql := params.get("jqlQuery") or params.get("jql")):
        return [Node("code", {}, [jql])]
    if name in {"include", "excerpt-include"} and (page := params.get("page") or params.get("")):
        return [links.page(params.get("space", ""), page, [])]
    if params.get("user"):
        return [links.person(params["user"])]
    if params.get("file"):
        return [Node("a", {"href": params["file"]}, [params["file"]])]
    return [links.link(params["url"], [])] if params.get("url") else []
