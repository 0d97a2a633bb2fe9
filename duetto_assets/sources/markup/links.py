"""How references become links and names. What a caller does not know stays visible as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin

from duetto_assets.sources.markup.tree import Child, Node


def _unknown(_space: str, _title: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Links:
    """What the caller knows of the places and people that a text refers to."""

    browse_url: str = ""
    """`https://acme.atlassian.net/browse/`: an issue key is appended. Without it, the bare key."""
    base_url: str = ""
    """`https://acme.atlassian.net/wiki`: relative addresses are resolved against it. Without it, they stay."""
    page_url: Callable[[str, str], str] = _unknown
    """(space key or "", title) to the address of a page, "" if unknown."""
    people: Mapping[str, str] = field(default_factory=dict)
    """Account id or user key to display name."""

    def link(self, href: str, content: list[Child]) -> Node:
        """Return content that links to an address."""
        if self.base_url and not href.startswith("#"):
            with suppress(ValueError):  # "http://[" is no address, but the text of one
                href = urljoin(self.base_url.rstrip("/") + "/", href)
        return Node("a", {"href": href}, content or [href])

    def page(self, space: str, title: str, content: list[Child], anchor: str = "") -> Node:
        """Return content, or else the title, that links to a page if its address is known."""
        content = content or [title]
        url = self.page_url(space, title)
        return Node("a", {"href": f"{url}#{anchor}" if anchor else url}, content) if url else Node("span", {}, content)

    def issue(self, key: str) -> Node:
        """Return a key that links to its issue."""
        return Node("a", {"href": self.browse_url + key if self.browse_url else ""}, [key])

    def person(self, account: str, shown: str = "") -> str:
        """Return `@Name`: as the caller knows it, as the text had it, or the id."""
        return "@" + (self.people.get(account) or shown.removeprefix("@") or account)
