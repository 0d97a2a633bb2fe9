"""Worlds of a Confluence space and a JIRA project, for the contract and for tests of what is built on them."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from duetto_assets.sources.atlassian import Session
from duetto_assets.sources.confluence import ConfluenceSource
from duetto_assets.sources.confluence_cloud import Cloud
from duetto_assets.sources.confluence_server import Server
from duetto_assets.sources.jira import JiraSource
from duetto_assets.sources.jira_site import Site
from duetto_assets.sources.text import decode
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer

ACCOUNT = "indexer@example.com"
EVERYONE = ("confluence-users*", "jira-users*")


def session_of(url: str, token: str = "made-up-token", **options: Any) -> Session:
    """Return the session of a source, as the registry would make it."""
    return Session(url, ACCOUNT, token, advice="check that it is current and may read it", **options)


def confluence(
    site: AtlassianSite, spaces: Sequence[str] = (), *, cloud: bool = True, **options: Any
) -> ConfluenceSource:
    """Return the source `confluence` of a site, as a new process would make it."""
    url = site.confluence_url if cloud else site.confluence_dc_url
    session = session_of(url)
    made = (Cloud if cloud else Server)(url, session, EVERYONE)
    return ConfluenceSource(made, session, account=ACCOUNT, spaces=spaces, **options)


def jira(site: AtlassianSite, projects: Sequence[str] = (), *, cloud: bool = True, **options: Any) -> JiraSource:
    """Return the source `jira` of a site, as a new process would make it."""
    url = site.jira_url if cloud else site.jira_dc_url
    session = session_of(url)
    made = Site(url, session, EVERYONE, cloud=cloud)
    return JiraSource(made, session, account=ACCOUNT, projects=projects, **options)


class _AtlassianWorld:
    """What both worlds share: how the site misbehaves."""

    listing: re.Pattern[str]

    def __init__(self, site: AtlassianSite, *, cloud: bool = True) -> None:
        self.site = site
        self.cloud = cloud
        self.ids: dict[str, str] = {}
        site.accept(ACCOUNT, "made-up-token")

    def id_of(self, name: str) -> str:
        return self.ids[name]

    def refuse(self) -> None:
        self.site.tokens.clear()
        self.site.accept(ACCOUNT, "another-token")

    def limit(self, after_s: int) -> None:
        self.site.fail("/", Answer(429, b"Too many requests", {"Retry-After": str(after_s)}), times=None)

    def break_listing(self) -> None:
        self.site.fail(self.listing, Answer(502, b"Bad Gateway"), times=None)

    def mend(self) -> None:
        self.site.heal()


class ConfluenceWorld(_AtlassianWorld):
    """A space. A document is a page, its name the title."""

    partition = "ENG"

    def __init__(self, site: AtlassianSite, *, cloud: bool = True) -> None:
        super().__init__(site, cloud=cloud)
        self.listing = re.compile("spaces/.*/pages" if cloud else "rest/api/content")
        site.add_space("ENG", "Engineering")
        site.add_space("OPS", "Operations")
        site.put_page("OPS", "Elsewhere", "<p>another space</p>")

    def source(self) -> ConfluenceSource:
        return confluence(self.site, cloud=self.cloud)

    def put(self, name: str, content: bytes) -> None:
        text = decode(content)[0] or content.decode("latin-1")
        body = f"<p>{html.escape(text, quote=False)}</p>"
        if name in self.ids:
            self.site.edit_page(self.ids[name], body)
        else:
            self.ids[name] = self.site.put_page("ENG", name, body)

    def move(self, old: str, new: str) -> None:
        self.ids[new] = self.ids.pop(old)
        self.site.move_page(self.ids[new], parent=self.ids["rest"])

    def delete(self, name: str) -> None:
        self.site.delete_page(self.ids[name])


class JiraWorld(_AtlassianWorld):
    """A project. A document is an issue, its name the summary."""

    partition = "SRE"
    listing = re.compile("search")

    def __init__(self, site: AtlassianSite, *, cloud: bool = True) -> None:
        super().__init__(site, cloud=cloud)
        site.add_project("SRE", "Reliability")
        site.add_project("OPS", "Operations")
        self.rank = site.add_field("Rank")
        site.put_issue("OPS", "Elsewhere", "another project")

    def source(self) -> JiraSource:
        return jira(self.site, cloud=self.cloud)

    def put(self, name: str, content: bytes) -> None:
        text = decode(content)[0] or content.decode("latin-1")
        body: Any = text
        if self.cloud:
            body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [_text(text)]}]}
        if name in self.ids:
            self.site.edit_issue(self.ids[name], description=body)
        else:
            self.ids[name] = self.site.put_issue("SRE", name, body)

    def move(self, old: str, new: str) -> None:
        self.ids[new] = self.ids.pop(old)
        self.site.edit_issue(self.ids[new], **{self.rank: "0|i0004f:"})  # its place on a board

    def delete(self, name: str) -> None:
        self.site.delete_issue(self.ids[name])


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
