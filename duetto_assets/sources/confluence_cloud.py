"""Confluence Cloud: REST v2, and what only v1 tells: restrictions, groups, and who we are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from atlassian import Confluence

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.atlassian import (
    Json,
    Params,
    Session,
    cursor_of,
    dig,
    in_parallel,
    next_token,
    rows_of,
    segment,
    text_of,
    told,
)
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
    page_of,
)

T = TypeVar("T")

_LIMIT = 250  # the most that v2 gives
_BODIES = 50  # bodies a call: some are megabytes
_MOST_IDS = 100
_MOST_FAILURES = 10
_KEPT = ("id", "title", "version", "resolutionStatus", "pageId", "blogPostId", "parentCommentId")
_PATHS = {"page": "pages", "blogpost": "blogposts"}
_ABOVE = {"page": "pages", "folder": "folders", "whiteboard": "whiteboards", "database": "databases", "embed": "embeds"}
_ALL = ("anonymous", "anonymous_users", "all_licensed_users", "authenticated_users")  # a role or class of access
_RESTRICTIONS = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"


class Cloud(ConfluenceClient):
    """One Confluence Cloud site."""

    accounts = "account:"
    windows_list = True

    def __init__(self, url: str, session: Session, everyone: Collection[str]) -> None:
        """:param url: Ends in `/wiki`."""
        client: Any = Confluence(url.rstrip("/"), session=session, api_version=2, cloud=True)  # type: ignore[no-untyped-call]
        super().__init__(url, session, everyone, client)
        self._group_names: dict[str, str] = {}
        self._people: dict[str, tuple[str, str]] = {}
        self._site_wide: dict[str, Mapping[str, list[Json]]] = {}
        self._restriction_paths = [
            ("restriction/byOperation/read", "restrictions.user,restrictions.group"),
            ("restriction/byOperation", "read.restrictions.user,read.restrictions.group"),
            ("restriction", "restrictions.user,restrictions.group"),
        ]

    def spaces(self, keys: Sequence[str]) -> list[Space]:
        """Return the current spaces of these keys; of none, all that can be read."""
        chosen: Params = {"keys": list(keys)} if keys else {}
        return [
            Space(key, text_of(row.get("id")), row.get("type") == "personal")
            for row in self._rows("api/v2/spaces", {"limit": _LIMIT, "status": "current", **chosen})
            if (key := text_of(row.get("key"))) and is_current(row)
        ]

    def newest(self, kind: str, spaces: Sequence[Space]) -> Window:
        """Return the newest edits of these spaces, as many as one call gives."""
        ids: Params = {"space-id": [s.id for s in spaces]} if len(spaces) <= _MOST_IDS else {}
        path = f"api/v2/{_PATHS[kind]}"
        answer = self._get(path, {"sort": "-modified-date", "status": "current", "limit": _LIMIT, **ids})
        pages: dict[str, list[Page]] = defaultdict(list)
        last = ""
        for row in rows_of(answer, "results", self._where(path)):
            pages[text_of(row.get("spaceId"))].append(page := page_of(row, kind))
            last = page.stamp
        newest = {space_id: max(page.stamp for page in some) for space_id, some in pages.items()}
        return Window(newest, last) if dig(answer, "_links", "next") else Window(newest, "", pages)

    def newest_in(self, kind: str, space: Space) -> str:
        """Return the stamp of a space's newest edit; empty if there is none."""
        path = f"api/v2/spaces/{segment(space.id)}/{_PATHS[kind]}"
        answer = self._get(path, {"sort": "-modified-date", "status": "current", "limit": 1})
        rows = rows_of(answer, "results", self._where(path))
        return page_of(rows[0], kind).stamp if rows else ""

    def pages(self, space: Space) -> list[Page]:
        """Return all current pages and blog posts. Oldest first: what is made meanwhile moves no other."""
        found: dict[str, Page] = {}
        for kind in KINDS:
            path = f"api/v2/spaces/{segment(space.id)}/{_PATHS[kind]}"
            for row in self._rows(path, {"limit": _LIMIT, "status": "current", "sort": "id"}):
                page = page_of(row, kind)
                if page.id and is_current(row):
                    found[page.id] = page
        return list(found.values())

    def readers(self, space: Space) -> Readers:
        """Return who may read a space."""
        path = f"api/v2/spaces/{segment(space.id)}/permissions"
        if (rows := told(lambda: list(self._rows(path, {"limit": _LIMIT})))) is None:
            return None
        principals = {
            (text_of(dig(row, "principal", "type")).casefold(), text_of(dig(row, "principal", "id")))
            for row in rows
            if dig(row, "operation", "key") == "read" and dig(row, "operation", "targetType") == "space"
        }
        self._meet([id_ for kind, id_ in principals if kind == "user"])
        found: list[Reader | Everybody] = []
        for kind, id_ in sorted(principals):
            if kind == "user" and id_:
                found.append(user(id_, self._people.get(id_, ("", ""))[1]))
            elif kind == "group" and id_:
                found.append(group(id_, self._group_name(id_)))
            elif (id_ or kind).casefold().replace("-", "_") in _ALL:
                found.append(EVERYBODY)
        return readers(found, self._everyone)

    def restrictions(self, page_id: str, kind: str = "page") -> Readers:
        """Return who may read a page by its own restrictions; everybody where it has none, None where none can say."""
        statuses: set[int | None] = set()
        for known in list(self._restriction_paths):
            path, expand = known
            try:
                answer = self._get(f"rest/api/content/{segment(page_id)}/{path}", {"expand": expand})
            except GiveUp as error:
                if error.status == 401:
                    raise
                statuses.add(error.status)
                continue
            if (found := own_readers(answer, _user, self._everyone)) is not None:
                self._restriction_paths = [known, *(each for each in self._restriction_paths if each != known)]
                return found
            statuses.add(None)
        # Where v1 knows no folders, it knows none that is restricted. Whether there is one, `above` finds out.
        return EVERYBODY if kind == "folder" and statuses == {404} else None

    def above(self, content_id: str, kind: str) -> tuple[str, str] | None:
        """Return the id and kind of what something unlisted lies in; empty where that is the space, None if unknown."""
        if kind not in _ABOVE:
            return None
        answer = told(lambda: self._get(f"api/v2/{_ABOVE[kind]}/{segment(content_id)}"))
        if answer is None:
            return None
        return text_of(dig(answer, "parentId")), text_of(dig(answer, "parentType")) or "page"

    def forget(self) -> None:
        """Drop what was kept to serve several spaces: it is true for the moment it was asked for."""
        super().forget()
        self._site_wide.clear()
        self._group_names.clear()
        self._people.clear()

    def all_extras(self, space: Space, pages: Sequence[Page]) -> Mapping[str, Extras]:
        """Return the extras of every page: labels by label, the rest site-wide, restrictions by a search.

        Where a site does not have such a call, it is asked page by page; a page that refuses is left out.
        """
        labels = self._labels(space, pages)
        attachments = self._of_pages("attachments", pages)
        comments = [self._of_pages(kind, pages) for kind in ("footer-comments", "inline-comments")]
        restrictions = self._all_restrictions(space, pages)
        return {
            page.id: Extras(
                labels=tuple(sorted(labels.get(page.id, ()))),
                attachments=tuple(sorted({text_of(row.get("title")) for row in attachments.get(page.id, ())})),
                marks=tuple(sorted(_comment(row).mark for rows in comments for row in rows.get(page.id, ()))),
                readers=restrictions.get(page.id),
            )
            for page in pages
            if all(page.id in each or isinstance(each, _Whole) for each in (labels, attachments, *comments))
        }

    def extras(self, page: Page) -> Extras:
        """Return the extras of one page, its comments read."""
        comments = self.comments(page)
        path = f"api/v2/{_PATHS[page.kind]}/{segment(page.id)}"
        return Extras(
            labels=tuple(sorted(self._labels_of(page))),
            attachments=tuple(
                sorted({text_of(row.get("title")) for row in self._rows(f"{path}/attachments", {"limit": _LIMIT})})
            ),
            marks=tuple(sorted(comment.mark for comment in comments)),
            readers=self.restrictions(page.id),
            comments=comments,
        )

    def comments(self, page: Page) -> tuple[Comment, ...]:
        """Return the comments of one page, answers after what they answer."""
        kinds = ("footer-comments", "inline-comments")
        return tuple(_comment(row) for kind in kinds for row in self._comments(kind, page))

    def _comments(self, kind: str, page: Page) -> list[Json]:
        options: Params = {"limit": _LIMIT, "body-format": "storage"}
        path = f"api/v2/{_PATHS[page.kind]}/{segment(page.id)}/{kind}"
        todo = sorted(self._rows(path, options), key=age_of)
        found: dict[str, Json] = {}
        while todo:
            row = todo.pop(0)
            if (id_ := text_of(row.get("id"))) and id_ not in found:
                found[id_] = row
                answers = f"api/v2/{kind}/{segment(id_)}/children"
                todo[:0] = sorted(self._rows(answers, options), key=age_of)
        return list(found.values())

    def bodies(self, pages: Sequence[Page]) -> Iterator[tuple[Page, object]]:
        """Yield each page that is still there, as it is now, and its body; several a call where there are several."""
        for kind in KINDS:
            some = [page for page in pages if page.kind == kind]
            for start in range(0, len(some), _BODIES):
                batch = some[start : start + _BODIES]
                ids = [page.id for page in batch]
                if len(batch) == 1:
                    rows = iter([self._get(f"api/v2/{_PATHS[kind]}/{segment(ids[0])}", {"body-format": "storage"})])
                else:
                    options: Params = {"id": ids, "body-format": "storage", "limit": _BODIES, "status": "current"}
                    rows = self._rows(f"api/v2/{_PATHS[kind]}", options)
                for row in rows:
                    page = page_of(row, kind)
                    if page.id in ids and is_current(row):
                        yield page, row.get("body")

    def people(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of these accounts, as far as they are known."""
        self._meet(ids)
        return {id_: name for id_ in ids if (name := self._people.get(id_, ("", ""))[0])}

    def emails(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the e-mail addresses of these accounts, as far as `people` was told them."""
        return {id_: mail for id_ in ids if (mail := self._people.get(id_, ("", ""))[1])}

    def _members(self, group: Reader) -> Iterable[Reader]:
        return map(_user, self._v1_rows(f"rest/api/group/{segment(group.id)}/membersByGroupId", {}))

    def url(self, space: str, page: Page) -> str:
        """Return the page's address for people."""
        return f"{self._url}{local(page.webui) or f'/spaces/{segment(space)}/pages/{page.id}'}"

    def _rows(self, path: str, params: Params) -> Iterator[Json]:
        seen: set[str] = set()
        more: Params = {}
        while True:
            answer = self._get(path, {**params, **more})
            yield from rows_of(answer, "results", self._where(path))
            if not (link := dig(answer, "_links", "next")):
                return
            more = {"cursor": next_token(cursor_of(link), seen, self._where(path))}

    def _v1_rows(self, path: str, params: Params, limit: int = 200) -> Iterator[Json]:
        """Yield the rows of v1: a search there gives cursors, what else there is counts."""
        start = 0
        seen: set[str] = set()
        more: Params = {"start": 0}
        while True:
            answer = self._get(path, {**params, **more, "limit": limit})
            rows = rows_of(answer, "results", self._where(path))
            yield from rows
            start += len(rows)
            if not (link := dig(answer, "_links", "next")) or not rows:
                return
            cursor = cursor_of(link)
            # A page that begins as one before would never end.
            next_token(cursor or repr(rows[0]), seen, self._where(path))
            more = {"cursor": cursor} if cursor else {"start": start}

    def _all_restrictions(self, space: Space, pages: Sequence[Page]) -> Mapping[str, Readers]:
        found: dict[str, Readers] = {}
        query: Params = {"cql": f'space = "{quoted(space.key)}" and type in (page, blogpost)', "expand": _RESTRICTIONS}
        try:
            for row in self._v1_rows("rest/api/content/search", query, limit=100):
                allowed = own_readers(dig(row, "restrictions", "read"), _user, self._everyone)
                if allowed is not None:
                    found[text_of(row.get("id"))] = allowed
        except GiveUp as error:
            if error.status == 401:
                raise
        # The search lags: what it does not know yet is asked for by itself.
        missing = [page.id for page in pages if page.id not in found]
        if len(missing) > 3 and all(self.restrictions(page_id) is None for page_id in missing[:3]):
            return found  # nobody is told here
        return found | dict(zip(missing, in_parallel(self.restrictions, missing), strict=True))

    def _labels(self, space: Space, pages: Sequence[Page]) -> Mapping[str, Collection[str]]:
        """Return labels by page, label by label where those are fewer than the pages."""
        found: dict[str, set[str]] = defaultdict(set)
        try:
            labels = list(self._rows(f"api/v2/spaces/{segment(space.id)}/content/labels", {"limit": _LIMIT}))
            if len(labels) * len(KINDS) <= len(pages):
                for label in labels:
                    for kind in KINDS:
                        path = f"api/v2/labels/{segment(text_of(label.get('id')))}/{_PATHS[kind]}"
                        for row in self._rows(path, {"space-id": space.id, "limit": _LIMIT}):
                            found[text_of(row.get("id"))].add(text_of(label.get("name")))
                return _Whole(found)
        except GiveUp as error:
            if error.status == 401:
                raise
        return self._each(self._labels_of, pages)

    def _labels_of(self, page: Page) -> set[str]:
        path = f"api/v2/{_PATHS[page.kind]}/{segment(page.id)}/labels"
        return {text_of(row.get("name")) for row in self._rows(path, {"limit": _LIMIT})}

    def _of_pages(self, kind: str, pages: Sequence[Page]) -> Mapping[str, list[Json]]:
        """Return attachments or comments by page, from one listing of the whole site for all spaces of a run."""
        if kind not in self._site_wide:
            try:
                kept = [
                    {name: row.get(name) for name in _KEPT} for row in self._rows(f"api/v2/{kind}", {"limit": _LIMIT})
                ]
            except GiveUp as error:
                if error.status == 401:
                    raise
                if kind != "attachments":
                    return self._each(lambda page: self._comments(kind, page), pages)
                options: Params = {"limit": _LIMIT}
                return self._each(
                    lambda page: list(self._rows(f"api/v2/{_PATHS[page.kind]}/{page.id}/{kind}", options)), pages
                )
            self._site_wide[kind] = _Whole(_by_page(kept))
        return self._site_wide[kind]

    @staticmethod
    def _each(function: Callable[[Page], T], pages: Sequence[Page]) -> Mapping[str, T]:
        """Return what `function` makes of each page, without those that fail while most do not."""
        failures: list[GiveUp | RetryLater] = []

        def one(page: Page) -> list[tuple[str, T]]:
            try:
                return [(page.id, function(page))]
            except (GiveUp, RetryLater) as error:
                failures.append(error)
                if (isinstance(error, GiveUp) and error.status == 401) or len(failures) > _MOST_FAILURES:
                    raise
                return []

        return dict(row for rows in in_parallel(one, pages) for row in rows)

    def _meet(self, ids: Collection[str]) -> None:
        """Look up names and e-mail addresses, many a call."""
        unknown = sorted({id_ for id_ in ids if id_ and id_ not in self._people})
        for start in range(0, len(unknown), _LIMIT):
            some = unknown[start : start + _LIMIT]
            answer = told(lambda some=some: self._client.post("api/v2/users-bulk", json={"accountIds": some}))  # type: ignore[misc]
            for row in dig(answer, "results") or []:
                name = text_of(dig(row, "displayName")) or text_of(dig(row, "publicName"))
                self._people[text_of(dig(row, "accountId"))] = (name, text_of(dig(row, "email")))
            for id_ in some:
                self._people.setdefault(id_, ("", ""))

    def _group_name(self, id_: str) -> str:
        if id_ not in self._group_names:
            answer = told(lambda: self._get("rest/api/group/by-id", {"id": id_}))
            self._group_names[id_] = text_of(dig(answer, "name"))
        return self._group_names[id_]


class _Whole(dict[str, T]):
    """By page, and a page that is not there has none."""


def _user(row: object) -> Reader:
    return user(text_of(dig(row, "accountId")), text_of(dig(row, "email")))


def _by_page(rows: Sequence[Json]) -> dict[str, list[Json]]:
    """Return rows by the page they are on. An answer may name only the comment that it answers."""
    by_id = {text_of(row.get("id")): row for row in rows}
    found: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        root, seen = row, set[str]()
        while not (page := text_of(root.get("pageId") or root.get("blogPostId"))):
            parent = text_of(root.get("parentCommentId"))
            if parent in seen or parent not in by_id:
                break
            seen.add(parent)
            root = by_id[parent]
        found[page].append(row)
    return found


def _comment(row: Mapping[str, Any]) -> Comment:
    properties = row.get("properties")
    about = dig(properties, "inlineOriginalSelection") or dig(properties, "inline-original-selection")
    return Comment(
        id=text_of(row.get("id")),
        version=text_of(dig(row, "version", "number")),
        author=text_of(dig(row, "version", "authorId")),
        created=text_of(dig(row, "version", "createdAt")),
        body=row.get("body"),
        about=text_of(about),
        resolved=row.get("resolutionStatus") == "resolved",
    )
