"""Confluence Server and Data Center: REST v1, whose listings carry all that v2 asks for one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from atlassian import Confluence

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.atlassian import Json, Params, Session, dig, in_parallel, rows_of, segment, text_of, told
from duetto_assets.sources.atlassian_access import EVERYBODY, Everybody, Reader, Readers, group, readers, user
from duetto_assets.sources.confluence_client import ConfluenceClient, age_of, quoted
from duetto_assets.sources.confluence_site import (
    KINDS,
    Comment,
    Extras,
    Page,
    Space,
    Window,
    is_current,
    local,
    own_readers,
)

_LIMIT = 200
_MANY = 500  # where little is asked of each
_WITH_RESTRICTIONS = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_LISTED = "version,ancestors,space"
_BESIDE = f"metadata.labels,children.attachment,{_WITH_RESTRICTIONS}"
_COMMENT = "body.storage,version,extensions.inlineProperties,extensions.resolution"


class Server(ConfluenceClient):
    """One Confluence Server or Data Center."""

    accounts = "account:confluence/"
    windows_list = False

    def __init__(self, url: str, session: Session, everyone: Collection[str]) -> None:
        """:param url: Of the installation, with its context path if it has one."""
        client: Any = Confluence(url.rstrip("/"), session=session, cloud=False)  # type: ignore[no-untyped-call]
        super().__init__(url, session, everyone, client)
        self._names: dict[str, str] = {}

    def spaces(self, keys: Sequence[str]) -> list[Space]:
        """Return the current spaces of these keys; of none, all that can be read."""
        chosen: Params = {"spaceKey": list(keys)} if keys else {}
        return [
            Space(key, key, row.get("type") == "personal")
            for row in self._rows("rest/api/space", {"status": "current", **chosen})
            if (key := text_of(row.get("key"))) and is_current(row)
        ]

    def newest(self, kind: str, spaces: Sequence[Space]) -> Window:
        """Return the newest edits, as many as one call gives."""
        keys = ", ".join(f'"{quoted(space.key)}"' for space in spaces)
        path = "rest/api/content/search"
        query: Params = {
            "cql": f"type = {kind} and space in ({keys}) order by lastmodified desc",
            "expand": "version,space",
            "limit": _LIMIT,
        }
        answer = self._get(path, query)
        newest: dict[str, str] = {}
        stamp = ""
        for row in rows_of(answer, "results", self._where(path)):
            stamp = _page(row).stamp
            key = text_of(dig(row, "space", "key"))
            newest[key] = max(stamp, newest.get(key, ""))
        return Window(newest, stamp if dig(answer, "_links", "next") else "")

    def newest_in(self, kind: str, space: Space) -> str:
        """Return the stamp of a space's newest edit; empty if there is none."""
        return self.newest(kind, [space]).newest.get(space.id, "")

    def pages(self, space: Space) -> list[Page]:
        """Return all current pages and blog posts."""
        found: dict[str, Page] = {}
        for kind in KINDS:
            query: Params = {"spaceKey": space.key, "type": kind, "status": "current", "expand": _LISTED}
            for row in self._rows("rest/api/content", query, _MANY):
                page = _page(row)
                if page.id and is_current(row):
                    found[page.id] = page
                    self._meet(dig(row, "version", "by"))
        return list(found.values())

    def readers(self, space: Space) -> Readers:
        """Return who may read a space: only its administrators are told."""
        answer = told(lambda: self._client.get(f"rest/api/space/{segment(space.key)}/permissions"))
        found: list[Reader | Everybody] = []
        for row in answer if isinstance(answer, list) else dig(answer, "results") or []:
            if dig(row, "operation", "operationKey") != "read" or dig(row, "operation", "targetType") != "space":
                continue
            subject = dig(row, "subject")
            kind = text_of(dig(subject, "type"))
            if kind == "anonymous":
                found.append(EVERYBODY)
            elif kind == "group" or (not _account(subject) and text_of(dig(subject, "name"))):
                found.append(group("", text_of(dig(subject, "name")) or text_of(dig(subject, "displayName"))))
            elif _account(subject):
                found.append(_user(subject))
        return readers([r for r in found if isinstance(r, Everybody) or r.id], self._everyone)

    def restrictions(self, page_id: str, kind: str = "page") -> Readers:  # noqa: ARG002 - pages lie in pages here
        """Return who may read a page by its own restrictions; everybody where it has none, None where none can say."""
        for path, expand in (
            ("byOperation/read", "restrictions.user,restrictions.group"),
            ("byOperation", "read.restrictions.user,read.restrictions.group"),
        ):
            where = f"rest/api/content/{segment(page_id)}/restriction/{path}"
            answer = told(lambda where=where, expand=expand: self._get(where, {"expand": expand}))  # type: ignore[misc]
            if (found := own_readers(answer, _user, self._everyone)) is not None:
                return found
        return None

    def above(self, content_id: str, kind: str) -> tuple[str, str] | None:  # noqa: ARG002 - pages lie in pages here
        """Return the id and kind of what something unlisted lies in; empty where that is the space, None if unknown."""
        path = f"rest/api/content/{segment(content_id)}"
        page = told(lambda: _page(self._get(path, {"expand": "ancestors", "status": "any"})))
        return (page.parent, page.parent_kind) if page is not None else None

    def all_extras(self, space: Space, pages: Sequence[Page]) -> Mapping[str, Extras]:
        """Return the extras of every page: of a second listing, which is a longer one, and of a search for comments."""
        found: dict[str, Extras] = {}
        comments = self._marks(space, pages)
        for kind in KINDS:
            query: Params = {"spaceKey": space.key, "type": kind, "status": "current", "expand": _BESIDE}
            for row in self._rows("rest/api/content", query):
                page_id = text_of(row.get("id"))
                found[page_id] = self._listed_extras(row, comments.get(page_id, ()))
        return {page.id: found[page.id] for page in pages if page.id in found}

    def extras(self, page: Page) -> Extras:
        """Return the extras of one page, its comments read."""
        comments = self.comments(page)
        row = self._get(f"rest/api/content/{segment(page.id)}", {"expand": _BESIDE})
        return replace(self._listed_extras(row, [comment.mark for comment in comments]), comments=comments)

    def comments(self, page: Page) -> tuple[Comment, ...]:
        """Return the comments of one page, in order."""
        path = f"rest/api/content/{segment(page.id)}/child/comment"
        rows = list(self._rows(path, {"depth": "all", "expand": _COMMENT}))
        return tuple(self._comment(row) for row in sorted(rows, key=age_of))

    def bodies(self, pages: Sequence[Page]) -> Iterator[tuple[Page, object]]:
        """Yield each page that is still there, as it is now, and its body."""

        def one(page: Page) -> Json | None:
            try:
                return self._get(
                    f"rest/api/content/{segment(page.id)}", {"expand": "body.storage,version,ancestors,space"}
                )
            except GiveUp as error:
                if error.status != 404 or len(pages) == 1:
                    raise
                return None

        for row in in_parallel(one, pages):
            if row is not None and is_current(row):
                yield _page(row), row.get("body")

    def people(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of these accounts, as far as listings told them."""
        return {id_: name for id_ in ids if (name := self._names.get(id_, ""))}

    def emails(self, ids: Collection[str]) -> Mapping[str, str]:  # noqa: ARG002 - a listing tells none
        """Return none: no listing tells them."""
        return {}

    def _members(self, group: Reader) -> Iterable[Reader]:
        return map(_user, self._rows(f"rest/api/group/{segment(group.id)}/member", {}))

    def url(self, space: str, page: Page) -> str:  # noqa: ARG002 - an id is enough here
        """Return the page's address for people."""
        return f"{self._url}{local(page.webui) or f'/pages/viewpage.action?pageId={page.id}'}"

    def _rows(self, path: str, params: Params, limit: int = _LIMIT) -> Iterator[Json]:
        """Yield all rows. Each page begins with the last row of the one before, or something moved meanwhile."""
        start = 0
        last: Json | None = None
        while True:
            answer = self._get(path, {**params, "start": start, "limit": limit})
            rows = rows_of(answer, "results", self._where(path))
            more = bool(dig(answer, "_links", "next"))
            if last is not None:
                if not rows or _identity(rows[0]) != _identity(last) or (more and len(rows) < 2):
                    raise RetryLater(
                        f"{self._where(path)}: the listing moved while it was read, so it is not known to be whole"
                    )
                rows = rows[1:]
            yield from rows
            if not rows or not more:
                return
            start += len(rows) - (last is None)
            last = rows[-1]

    def _marks(self, space: Space, pages: Sequence[Page]) -> Mapping[str, list[str]]:
        """Return the marks of all comments by page; a listing of pages has no answers, and the first comments only."""
        found: dict[str, list[str]] = defaultdict(list)
        query: Params = {
            "cql": f'space = "{quoted(space.key)}" and type = comment',
            "expand": "version,container,extensions.resolution",
        }
        try:
            for row in self._rows("rest/api/content/search", query):
                found[text_of(dig(row, "container", "id"))].append(self._comment(row).mark)
        except GiveUp as error:
            if error.status == 401:
                raise
            marks = in_parallel(lambda page: [comment.mark for comment in self.comments(page)], pages)
            return dict(zip((page.id for page in pages), marks, strict=True))
        return found

    def _listed_extras(self, row: Json, marks: Sequence[str]) -> Extras:
        attachments = self._attachments(row, text_of(row.get("id")))
        labels = dig(row, "metadata", "labels", "results") or []
        return Extras(
            labels=tuple(sorted(text_of(dig(each, "name")) for each in labels)),
            attachments=tuple(sorted({text_of(each.get("title")) for each in attachments})),
            marks=tuple(sorted(marks)),
            readers=own_readers(dig(row, "restrictions", "read"), _user, self._everyone),
        )

    def _attachments(self, row: Json, page_id: str) -> list[Json]:
        """Return a page's attachments: those in its listing, or all where the listing was cut."""
        listed = dig(row, "children", "attachment")
        found = dig(listed, "results")
        if isinstance(found, list) and not dig(listed, "_links", "next"):
            return [each for each in found if isinstance(each, dict)]
        return list(self._rows(f"rest/api/content/{segment(page_id)}/child/attachment", {}))

    def _comment(self, row: Json) -> Comment:
        author = self._meet(dig(row, "version", "by"))
        return Comment(
            id=text_of(row.get("id")),
            version=text_of(dig(row, "version", "number")),
            author=author,
            created=text_of(dig(row, "version", "when")),
            body=row.get("body"),
            about=text_of(dig(row, "extensions", "inlineProperties", "originalSelection")),
            resolved=dig(row, "extensions", "resolution", "status") == "resolved",
        )

    def _meet(self, who: object) -> str:
        """Return the account of a person, and keep the name."""
        account = _account(who)
        self._names[account] = text_of(dig(who, "displayName")) or self._names.get(account, "")
        return account


def _identity(row: Json) -> object:
    return row.get("id") or row.get("key") or _account(row) or row


def _page(row: Mapping[str, Any]) -> Page:
    ancestors = row.get("ancestors")
    parent = ancestors[-1] if isinstance(ancestors, list) and ancestors else None
    number = dig(row, "version", "number")
    return Page(
        id=text_of(row.get("id")),
        kind="blogpost" if row.get("type") == "blogpost" else "page",
        title=text_of(row.get("title")),
        parent=text_of(dig(parent, "id")),
        parent_kind="page",
        number=number if isinstance(number, int) else 0,
        modified=text_of(dig(row, "version", "when")),
        author=_account(dig(row, "version", "by")),
        webui=text_of(dig(row, "_links", "webui")),
    )


def _account(who: object) -> str:
    return text_of(dig(who, "username")) or text_of(dig(who, "userKey"))


def _user(row: object) -> Reader:
    return user(_account(row), text_of(dig(row, "email")))
