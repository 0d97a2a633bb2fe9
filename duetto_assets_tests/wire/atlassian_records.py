"""What the stand-in's state consists of: spaces, pages, projects, issues, and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from duetto_assets_tests.wire.atlassian_people import Body

Kind = Literal["page", "blogpost"]
Permission = tuple[str, str, str, str]  # ("group" or "user", id, operation, target)


@dataclass
class Space:
    """A space; `permissions` are what the v2 API lists."""

    id: int
    key: str
    name: str
    permissions: list[Permission]
    type: str = "global"
    status: str = "current"
    homepage: int | None = None
    created: int = 0
    author: str = ""


@dataclass
class Restriction:
    """Who alone may: account ids and group ids; own, not inherited."""

    users: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


@dataclass
class Attachment:
    """A file on a page; `id` is without the `att` that the API puts before it."""

    id: int
    page: int
    title: str
    media_type: str
    size: int
    author: str
    created: int
    modified: int
    version: int = 1
    comment: str = ""
    status: str = "current"


@dataclass
class Comment:
    """A comment on a page, or a reply to one."""

    id: int
    page: int
    body: Body
    author: str
    created: int
    modified: int
    inline: bool = False
    parent: int | None = None
    selection: str = ""
    resolution: str = "open"
    version: int = 1
    status: str = "current"
    replies: list[int] = field(default_factory=list)


@dataclass
class Page:
    """A page or blog post."""

    id: int
    space: str
    title: str
    storage: str | None
    adf: dict[str, Any] | None
    kind: Kind
    author: str
    created: int
    modified: int
    editor: str
    parent: int | None = None
    parent_type: str = "page"
    version: int = 1
    minor: bool = False
    message: str = ""
    position: int = 0
    status: str = "current"
    labels: list[str] = field(default_factory=list)
    read: Restriction = field(default_factory=Restriction)
    update: Restriction = field(default_factory=Restriction)
    comments: list[int] = field(default_factory=list)  # root comments
    attachments: list[int] = field(default_factory=list)

    @property
    def body(self) -> Body:
        return self.storage if self.storage is not None else self.adf or ""


@dataclass
class Folder:
    """A folder in a space's tree."""

    id: int
    space: str
    title: str
    parent: int | None
    created: int


@dataclass
class Field:
    """A custom field; a `textarea` holds ADF in v3."""

    id: str
    name: str
    type: str


@dataclass
class IssueComment:
    """A comment of an issue; `visibility` is `("role" or "group", name)`."""

    id: int
    body: Body
    author: str
    created: int
    updated: int
    visibility: tuple[str, str] | None = None


@dataclass
class Change:
    """An entry of an issue's history."""

    id: int
    author: str
    created: int
    items: list[dict[str, Any]]


@dataclass
class Issue:
    """An issue; `fields` has what is neither derived nor kept beside it."""

    id: int
    key: str
    project: str
    number: int
    created: int
    updated: int
    fields: dict[str, Any]
    comments: list[IssueComment] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    links: list[tuple[int, str, str, str, int]] = field(default_factory=list)  # (id, type, inward, outward, ±issue)
    remote: list[dict[str, Any]] = field(default_factory=list)
    level: str | None = None
    parent: int | None = None
    former: list[str] = field(default_factory=list)  # keys before moves

    def snapshot(self) -> Issue:
        """Return a copy that later writes do not change."""
        return replace(
            self, fields=dict(self.fields), comments=list(self.comments), history=list(self.history),
            links=list(self.links), remote=list(self.remote),
        )  # fmt: skip


@dataclass
class Project:
    """A project and who may browse it: `group:<name>`, `user:<id>`, `role:<name>`, `anyone`, `reporter`, …"""

    id: int
    key: str
    name: str
    holders: list[str]
    description: str = ""
    lead: str = ""
    status: str = "live"
    type: str = "software"
    roles: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)  # name -> account ids, group names
    issues: dict[int, Issue] = field(default_factory=dict)
    by_updated: list[tuple[int, int]] = field(default_factory=list)  # (updated, id), sorted
    last_number: int = 0


@dataclass
class SecurityLevel:
    """A level of the site's one security scheme, and its members as holders."""

    id: str
    name: str
    holders: list[str]
