"""What the source `confluence` asks of a site, whichever API it speaks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from duetto_assets.sources.atlassian import dig, moment, text_of
from duetto_assets.sources.atlassian_access import EVERYBODY, Reader, Readers, group, readers

KINDS = ("page", "blogpost")


@dataclass(frozen=True, slots=True)
class Space:
    """A space as it is listed."""

    key: str
    id: str
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page or blog post as it is listed."""

    id: str
    kind: str
    title: str
    parent: str
    parent_kind: str
    number: int  # of its version
    modified: str  # ISO, UTC
    author: str  # account id of who wrote this version
    webui: str

    @property
    def stamp(self) -> str:
        """Sorts by the time of the last edit, and changes with every edit."""
        when = moment(self.modified)
        return f"{when:%Y-%m-%dT%H:%M:%S.%fZ}/{self.id}/{self.number}" if when else f"0/{self.id}/{self.number}"


@dataclass(frozen=True, slots=True)
class Window:
    """The newest edits of a site: the newest in each space that has one among them."""

    newest: Mapping[str, str]  # space id -> stamp
    since: str  # all edits after this are in the window; empty: simply all
    pages: Mapping[str, Sequence[Page]] | None = None  # space id -> all that a scan would list, where it is known


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a page."""

    id: str
    version: str
    author: str
    created: str
    body: object
    about: str = ""  # the words that an inline comment marks
    resolved: bool = False

    @property
    def mark(self) -> str:
        """Changes whenever the comment does."""
        return f"{self.id}:{self.version}:{int(self.resolved)}"


@dataclass(frozen=True, slots=True)
class Extras:
    """What belongs to a page and does not change its version."""

    labels: tuple[str, ...]
    attachments: tuple[str, ...]  # file names
    marks: tuple[str, ...]  # of its comments
    readers: Readers  # by its own restrictions
    comments: tuple[Comment, ...] | None = None  # None: not read yet


class Site(Protocol):
    """One Confluence, in the calls that the source needs. Each raises SourceError; none returns a part of a listing."""

    accounts: str
    """What begins the key of a person: `account:` where account ids are the same in all of Atlassian's Cloud."""

    windows_list: bool
    """Whether a window that has everything lists pages as a scan does: from the same store, not from an index."""

    @property
    def calls(self) -> int:
        """Remote calls made so far."""

    def spaces(self, keys: Sequence[str]) -> list[Space]:
        """Return the current spaces of these keys; of none, all that can be read."""

    def newest(self, kind: str, spaces: Sequence[Space]) -> Window:
        """Return the newest edits, in one call."""

    def newest_in(self, kind: str, space: Space) -> str:
        """Return the stamp of a space's newest edit; empty if there is none."""

    def check_account(self) -> None:
        """Make sure that we are somebody. Without an error, a listing can be believed."""

    def pages(self, space: Space) -> list[Page]:
        """Return all current pages and blog posts."""

    def readers(self, space: Space) -> Readers:
        """Return who may read a space."""

    def restrictions(self, page_id: str, kind: str = "page") -> Readers:
        """Return who may read a page by its own restrictions; everybody where it has none."""

    def above(self, content_id: str, kind: str) -> tuple[str, str] | None:
        """Return the id and kind of what something unlisted lies in; empty where that is the space, None if unknown."""

    def forget(self) -> None:
        """Drop what was kept to serve several spaces: it is true for the moment it was asked for."""

    def all_extras(self, space: Space, pages: Sequence[Page]) -> Mapping[str, Extras]:
        """Return the extras of every page, in calls that serve many; a page that refuses its own is left out."""

    def extras(self, page: Page) -> Extras:
        """Return the extras of one page, its comments read."""

    def comments(self, page: Page) -> tuple[Comment, ...]:
        """Return the comments of one page."""

    def bodies(self, pages: Sequence[Page]) -> Iterator[tuple[Page, object]]:
        """Yield each page that is still there, as it is now, and its body."""

    def people(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of these accounts, as far as they are known."""

    def emails(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the e-mail addresses of these accounts, as far as `people` was told them."""

    def members(self, group: Reader) -> frozenset[Reader] | None:
        """Return the members of a group; None if that may not be known."""

    def url(self, space: str, page: Page) -> str:
        """Return the page's address for people."""


def own_readers(answer: object, user_of: Callable[[Any], Reader], everyone: Collection[str]) -> Readers:
    """Read the answer of any of the calls that tell a page's restrictions; None where it does not tell."""
    rows = dig(answer, "results")
    if isinstance(rows, list):  # of operations: one that is not listed is open to all
        answer = next((row for row in rows if dig(row, "operation") == "read"), None)
        if answer is None:
            return EVERYBODY
    answer = dig(answer, "restrictions", "read") or dig(answer, "read") or answer
    users, groups = (dig(answer, "restrictions", kind, "results") for kind in ("user", "group"))
    named = [user_of(row) for row in users or ()] + [
        group(text_of(dig(row, "id")), text_of(dig(row, "name"))) for row in groups or ()
    ]
    if named:  # somebody without an id is nobody we know, and yet a restriction
        return readers([reader for reader in named if reader.id], everyone)
    return EVERYBODY if isinstance(users, list) and isinstance(groups, list) else None


def local(webui: str) -> str:
    """Return a link within the site; empty for any other."""
    return webui if webui.startswith("/") and not webui.startswith("//") else ""


def is_current(row: Mapping[str, Any]) -> bool:
    """Return whether what a listing names is current, which it need not say."""
    return (row.get("status") or "current") == "current"


def page_of(row: Mapping[str, Any], kind: str) -> Page:
    """Return a page of the v2 API."""
    number = dig(row, "version", "number")
    return Page(
        id=text_of(row.get("id")),
        kind=kind,
        title=text_of(row.get("title")),
        parent=text_of(row.get("parentId")),
        parent_kind=text_of(row.get("parentType")) or "page",
        number=number if isinstance(number, int) else 0,
        modified=text_of(dig(row, "version", "createdAt") or row.get("createdAt")),
        author=text_of(dig(row, "version", "authorId") or row.get("authorId")),
        webui=text_of(dig(row, "_links", "webui")),
    )
