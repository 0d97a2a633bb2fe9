"""Confluence Server and Data Center: REST v1, whose listings carry all that v2 asks for one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from atlassian import Confluence

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.atlassian import Json, Params, Session, dig, in_parallel, rows_of, segment, text_of
from duetto_assets.sources.atlassian_access import EVERYBODY, Everybody, Reader, Readers, group, readers, user
from duetto_assets.sources.confluence_site import KINDS, Comment, Extras, Page, Space, Window

_LIMIT = 200
_WITH_RESTRICTIONS = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_LISTED = f"version,ancestors,space,metadata.labels,children.comment.version,children.attachment,{_WITH_RESTRICTIONS}"
_COMMENT = "body.storage,version,extensions.inlineProperties,extensions.resolution"


class Server:
    """One Confluence Server or Data Center."""

    def __init__(self, url: str, session: Session, everyone: Collection[str]) -> None:
        """:param url: Of the installation, with its context path if it has one."""
        self._url = url.rstrip("/")
        self._session = session
        self._everyone = tuple(everyone)
        self._client: Any = Confluence(self._url, session=session, cloud=False)  # type: ignore[no-untyped-call]
        self._groups: dict[str, frozenset[Reader] | None] = {}
        self._names: dict[str, str] = {}
        self._extras: dict[str, Extras] = {}

    @property
    def calls(self) -> int:
        """Remote calls made so far."""
        return self._session.calls

    def spaces(self, keys: Sequence[str]) -> list[Space]:
        """Return the current spaces of these keys; of none, all that can be read."""
        chosen: Params = {"spaceKey": list(keys)} if keys else {}
        return [
            Space(row["key"], row["key"], text_of(row.get("name")), row.get("type") == "personal")
            for row in self._rows("rest/api/space", {"status": "current", **chosen})
            if text_of(row.get("key"))
        ]

    def newest(self, kind: str, spaces: Sequence[Space]) -> Window:
        """Return the newest edits, as many as one call gives."""
        keys = ", ".join(f'"{_quoted(space.key)}"' for space in spaces)
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

    def check_account(self) -> None:
        """Make sure that we are somebody: an anonymous caller is shown the public part of the site, and no error."""
        path = "rest/api/user/current"
        if dig(self._get(path), "type") == "anonymous":
            raise self._session.refused(f"/{path}")

    def pages(self, space: Space) -> list[Page]:
        """Return all current pages and blog posts, and keep what their listing tells beside."""
        found: dict[str, Page] = {}
        for kind in KINDS:
            query: Params = {"spaceKey": space.key, "type": kind, "status": "current", "expand": _LISTED}
            for row in self._rows("rest/api/content", query):
                page = _page(row)
                if page.id and row.get("status", "current") == "current":
                    found[page.id] = page
                    self._extras[page.id] = self._listed_extras(row)
                    self._names[page.author] = text_of(dig(row, "version", "by", "displayName"))
        return list(found.values())

    def readers(self, space: Space) -> Readers:
        """Return who may read a space: only its administrators are told."""
        try:
            answer = self._client.get(f"rest/api/space/{segment(space.key)}/permissions")
        except GiveUp as error:
            if error.status == 401:
                raise
            return None
        found: list[Reader | Everybody] = []
        for row in answer if isinstance(answer, list) else dig(answer, "results") or []:
            if dig(row, "operation", "operationKey") != "read" or dig(row, "operation", "targetType") != "space":
                continue
            subject = dig(row, "subject")
            if not subject:
                found.append(EVERYBODY)
            elif name := text_of(dig(subject, "name")):
                found.append(group("", name))
            else:
                found.append(_user(subject))
        return readers(found, self._everyone)

    def restrictions(self, page_id: str) -> Readers:
        """Return who may read a page by its own restrictions; everybody where it has none, None where none can say."""
        if page_id in self._extras:
            return self._extras[page_id].readers
        path = f"rest/api/content/{segment(page_id)}/restriction/byOperation/read"
        try:
            return self._restricted(self._get(path, {"expand": "restrictions.user,restrictions.group"}))
        except GiveUp as error:
            if error.status == 401:
                raise
            return None

    def folder(self, folder_id: str) -> tuple[str, str]:  # noqa: ARG002 - there are none
        """Return nothing: pages lie in pages here."""
        return "", ""

    def all_extras(self, space: Space, pages: Sequence[Page]) -> Mapping[str, Extras]:  # noqa: ARG002 - they are known
        """Return the extras of every page, as its listing told them."""
        return {page.id: self._extras[page.id] for page in pages}

    def extras(self, page: Page) -> Extras:
        """Return the extras of one page, its comments read."""
        known = self._extras[page.id]
        return Extras(known.labels, known.attachments, known.marks, known.readers, self.comments(page))

    def comments(self, page: Page) -> tuple[Comment, ...]:
        """Return the comments of one page, in order."""
        path = f"rest/api/content/{segment(page.id)}/child/comment"
        rows = list(self._rows(path, {"depth": "all", "expand": _COMMENT}))
        return tuple(self._comment(row) for row in rows)

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
            if row is not None and row.get("status", "current") == "current":
                yield _page(row), row.get("body")

    def people(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of these accounts, as far as listings told them."""
        return {id_: name for id_ in ids if (name := self._names.get(id_, ""))}

    def members(self, group: Reader) -> frozenset[Reader] | None:
        """Return the members of a group; None if that may not be known."""
        if group.id not in self._groups:
            try:
                rows = list(self._rows(f"rest/api/group/{segment(group.id)}/member", {}))
            except GiveUp as error:
                if error.status == 401:
                    raise
                self._groups[group.id] = None
            else:
                self._groups[group.id] = frozenset(_user(row) for row in rows)
        return self._groups[group.id]

    def url(self, space: str, page: Page) -> str:  # noqa: ARG002 - an id is enough here
        """Return the page's address for people."""
        return f"{self._url}{page.webui or f'/pages/viewpage.action?pageId={page.id}'}"

    def _get(self, path: str, params: Params | None = None) -> Json:
        answer = self._client.get(path, params=dict(params or {}))
        return answer if isinstance(answer, dict) else {}

    def _where(self, path: str) -> str:
        return f"{self._session.host}: /{path}"

    def _rows(self, path: str, params: Params) -> Iterator[Json]:
        start = 0
        before: list[Json] = []
        while True:
            answer = self._get(path, {**params, "start": start, "limit": _LIMIT})
            rows = rows_of(answer, "results", self._where(path))
            if rows and rows == before:
                raise RetryLater(
                    f"{self._where(path)}: the listing gave one page twice, so it is not known to be whole"
                )
            yield from rows
            start, before = start + len(rows), rows
            if not rows or not dig(answer, "_links", "next"):
                return

    def _listed_extras(self, row: Json) -> Extras:
        page_id = text_of(row.get("id"))
        marks = [self._comment(each).mark for each in self._children(row, "comment", page_id)]
        return Extras(
            labels=tuple(
                sorted(text_of(dig(each, "name")) for each in dig(row, "metadata", "labels", "results") or [])
            ),
            attachments=tuple(
                sorted(text_of(each.get("title")) for each in self._children(row, "attachment", page_id))
            ),
            marks=tuple(sorted(marks)),
            readers=self._restricted(dig(row, "restrictions", "read")),
        )

    def _children(self, row: Json, kind: str, page_id: str) -> list[Json]:
        """Return a page's children of a kind: those in its listing, or all where the listing was cut."""
        listed = dig(row, "children", kind)
        found = dig(listed, "results")
        if isinstance(found, list) and not dig(listed, "_links", "next"):
            return [each for each in found if isinstance(each, dict)]
        depth: Params = {"depth": "all"} if kind == "comment" else {}
        return list(self._rows(f"rest/api/content/{segment(page_id)}/child/{kind}", {"expand": "version", **depth}))

    def _restricted(self, answer: object) -> Readers:
        allowed = dig(answer, "restrictions")
        if not isinstance(allowed, dict):
            return None
        named: list[Reader | Everybody] = [_user(row) for row in dig(allowed, "user", "results") or []]
        named += [group("", text_of(dig(row, "name"))) for row in dig(allowed, "group", "results") or []]
        return readers(named, self._everyone) if named else EVERYBODY

    def _comment(self, row: Json) -> Comment:
        author = _account(dig(row, "version", "by"))
        self._names[author] = text_of(dig(row, "version", "by", "displayName")) or self._names.get(author, "")
        return Comment(
            id=text_of(row.get("id")),
            version=text_of(dig(row, "version", "number")),
            author=author,
            created=text_of(dig(row, "version", "when")),
            body=row.get("body"),
            about=text_of(dig(row, "extensions", "inlineProperties", "originalSelection")),
            resolved=dig(row, "extensions", "resolution", "status") == "resolved",
        )


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


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
