"""The state of the stand-in's Confluence: spaces, pages, comments, attachments, labels, and what changes them."""

from __future__ import annotations

import mimetypes
from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

from duetto_assets_tests.wire.atlassian_people import Body, People, ms_of
from duetto_assets_tests.wire.atlassian_records import (
    Attachment,
    Comment,
    Folder,
    Kind,
    Page,
    Permission,
    Restriction,
    Space,
)


class Pages(People):
    """The Confluence half of a site. Ids are texts outside, as on the wire, and numbers inside."""

    def __init__(self) -> None:
        super().__init__()
        self.spaces: dict[str, Space] = {}
        self.pages: dict[int, Page] = {}  # blog posts too
        self.comments: dict[int, Comment] = {}
        self.attachments: dict[int, Attachment] = {}
        self.folders: dict[int, Folder] = {}
        self.label_ids: dict[str, int] = {}
        self._in_space: dict[str, dict[int, Page]] = {}
        self._content_id = 700_000_000

    def add_space(
        self, key: str, name: str = "", permissions: Iterable[str | Permission] | None = None, **fields: Any
    ) -> str:
        """Add a space and return its id. `"group:<name>"` and `"user:<account id>"` may read it.

        :param permissions: By default the group `confluence-users` reads.
        :param fields: `type`, `status`.
        """
        with self.lock:
            space = Space(self._new_content(), key, name or key, [], created=self._wrote(), author=self.me.account_id)
            for name_, value in fields.items():
                setattr(space, name_, value)
            self.spaces[key] = space
            self._in_space[key] = {}
            self.set_space_permissions(key, ["group:confluence-users"] if permissions is None else permissions)
        return str(space.id)

    def set_space_permissions(self, key: str, permissions: Iterable[str | Permission]) -> None:
        """Replace who may do what in a space."""
        with self.lock:
            self._wrote()
            self.spaces[key].permissions = [
                each if isinstance(each, tuple) else (*self._principal(each), "read", "space") for each in permissions
            ]

    def archive_space(self, key: str) -> None:
        with self.lock:
            self._wrote()
            self.spaces[key].status = "archived"

    def delete_space(self, key: str) -> None:
        """Delete a space and everything in it."""
        with self.lock:
            self._wrote()
            self._forget(self._in_space[key])
            del self._in_space[key], self.spaces[key]

    def add_folder(self, space: str, title: str, parent: str | None = None) -> str:
        """Add a folder; a page may have it as parent."""
        with self.lock:
            made = Folder(self._new_content(), space, title, int(parent) if parent else None, self._wrote())
            self.folders[made.id] = made
        return str(made.id)

    def put_page(
        self,
        space: str,
        title: str,
        body: Body = "",
        *,
        adf: dict[str, Any] | None = None,
        parent: str | None = None,
        labels: Iterable[str] = (),
        id: str | int | None = None,  # noqa: A002
        kind: Kind = "page",
        author: str = "",
        created: datetime | str | None = None,
        modified: datetime | str | None = None,
        version: int = 1,
        status: str = "current",
        **fields: Any,
    ) -> str:
        """Create a page and return its id.

        :param body: Storage XHTML, or ADF; `adf` beside it where a test has both.
        """
        with self.lock:
            at = self._wrote()
            number = self._new_content() if id is None else int(id)
            created_ms = ms_of(created) or ms_of(modified) or at
            storage, given = (body, adf) if isinstance(body, str) else (None, body)
            who = author or self.me.account_id
            times = (created_ms, ms_of(modified) or created_ms)
            page = Page(number, space, title, storage, given, kind, who, *times, who, version=version, status=status)
            if parent is not None:
                page.parent = int(parent)
                page.parent_type = "folder" if page.parent in self.folders else "page"
            for name, value in fields.items():
                setattr(page, name, value)
            page.position = page.position or len(self._in_space[space])
            self.pages[number] = page
            self._in_space[space][number] = page
            self.label(number, *labels)
        return str(number)

    def edit_page(
        self,
        id: str | int,  # noqa: A002
        body: Body | None = None,
        *,
        adf: dict[str, Any] | None = None,
        title: str | None = None,
        minor: bool = False,
        message: str = "",
        author: str = "",
    ) -> None:
        """Publish a new version."""
        with self.lock:
            page = self.pages[int(id)]
            page.modified = self._wrote()
            page.version += 1
            page.minor, page.message = minor, message
            page.editor = author or page.editor
            page.title = title or page.title
            if body is not None or adf is not None:
                page.storage, page.adf = (body, adf) if isinstance(body, str) else (None, body or adf)

    def rename_page(self, id: str | int, title: str) -> None:  # noqa: A002
        """Change the title, which is a new version."""
        self.edit_page(id, title=title)

    def move_page(self, id: str | int, space: str | None = None, parent: str | None = None) -> None:  # noqa: A002
        """Move a page and what is below it; as in Confluence, no version or date tells."""
        with self.lock:
            self._wrote()
            page = self.pages[int(id)]
            page.parent = int(parent) if parent is not None else None
            page.parent_type = "folder" if page.parent in self.folders else "page"
            if space is not None and space != page.space:
                for each in [page, *self.below(page.id)]:
                    del self._in_space[each.space][each.id]
                    each.space = space
                    self._in_space[space][each.id] = each

    def delete_page(self, id: str | int) -> None:  # noqa: A002
        """Put a page into the trash; its children move up to its parent."""
        with self.lock:
            page = self.pages[int(id)]
            self._status(page, "trashed")
            for child in self.children(page.id):
                child.parent, child.parent_type = page.parent, page.parent_type

    def purge_page(self, id: str | int) -> None:  # noqa: A002
        """Delete a page for good."""
        with self.lock:
            self.delete_page(id)
            self._forget([int(id)])

    def archive_page(self, id: str | int) -> None:  # noqa: A002
        with self.lock:
            self._status(self.pages[int(id)], "archived")

    def unpublish_page(self, id: str | int) -> None:  # noqa: A002
        """Turn a page into a draft: no listing has it any more."""
        with self.lock:
            self._status(self.pages[int(id)], "draft")

    def restore_page(self, id: str | int) -> None:  # noqa: A002
        """Bring it back from the trash, the archive or a draft, with its version as it was."""
        with self.lock:
            self._status(self.pages[int(id)], "current")

    def restrict_page(
        self,
        id: str | int,  # noqa: A002
        users: Iterable[str] = (),
        groups: Iterable[str] = (),
        operation: Literal["read", "update"] = "read",
    ) -> None:
        """Say who alone may read (or edit) it: account ids and group names; nobody named lifts it. No version."""
        with self.lock:
            self._wrote()
            made = Restriction(list(users), [self._group(each) for each in groups])
            setattr(self.pages[int(id)], operation, made)

    def label(self, id: str | int, *names: str) -> None:  # noqa: A002
        """Add labels; no version or date tells."""
        with self.lock:
            page = self.pages[int(id)]
            for name in names:
                self._wrote()
                self.label_ids.setdefault(name, 5_000_000 + len(self.label_ids))
                page.labels = [*page.labels, *({name} - set(page.labels))]

    def unlabel(self, id: str | int, *names: str) -> None:  # noqa: A002
        with self.lock:
            self._wrote()
            page = self.pages[int(id)]
            page.labels = [each for each in page.labels if each not in names]

    def comment(
        self,
        id: str | int,  # noqa: A002
        body: Body,
        *,
        inline: str | None = None,
        reply_to: str | None = None,
        author: str = "",
        resolution: str = "open",
    ) -> str:
        """Comment on a page and return the comment's id; the page keeps version and date.

        :param inline: The words of the page that are commented on.
        """
        with self.lock:
            page, at = self.pages[int(id)], self._wrote()
            made = Comment(self._new_content(), page.id, body, author or self.me.account_id, at, at)
            made.inline, made.selection, made.resolution = inline is not None, inline or "", resolution
            self.comments[made.id] = made
            if reply_to is None:
                page.comments.append(made.id)
            else:
                made.parent = int(reply_to)
                root = self.comments[made.parent]
                made.inline, made.selection = root.inline, root.selection
                root.replies.append(made.id)
        return str(made.id)

    def edit_comment(self, id: str | int, body: Body) -> None:  # noqa: A002
        with self.lock:
            found = self.comments[int(id)]
            found.modified = self._wrote()
            found.version += 1
            found.body = body

    def resolve_comment(self, id: str | int, resolution: str = "resolved") -> None:  # noqa: A002
        with self.lock:
            self._wrote()
            self.comments[int(id)].resolution = resolution

    def delete_comment(self, id: str | int) -> None:  # noqa: A002
        """Delete a comment and its replies."""
        with self.lock:
            self._wrote()
            gone = self.comments.pop(int(id))
            home = self.pages[gone.page].comments if gone.parent is None else self.comments[gone.parent].replies
            home.remove(gone.id)
            below = list(gone.replies)
            while below:
                below += self.comments.pop(below.pop()).replies

    def attach(self, id: str | int, filename: str, media_type: str = "", size: int = 1024) -> str:  # noqa: A002
        """Attach a file, or a new version of it; return its id (`att…`). The page keeps version and date."""
        with self.lock:
            page, at = self.pages[int(id)], self._wrote()
            known = next((self.attachments[x] for x in page.attachments if self.attachments[x].title == filename), None)
            if known is not None:
                known.version, known.modified, known.size = known.version + 1, at, size
                return f"att{known.id}"
            kind = media_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
            made = Attachment(self._new_content(), page.id, filename, kind, size, self.me.account_id, at, at)
            self.attachments[made.id] = made
            page.attachments.append(made.id)
        return f"att{made.id}"

    def detach(self, attachment_id: str) -> None:
        """Delete an attachment."""
        with self.lock:
            self._wrote()
            gone = self.attachments.pop(int(attachment_id.removeprefix("att")))
            self.pages[gone.page].attachments.remove(gone.id)

    def children(self, id: int) -> list[Page]:  # noqa: A002
        """Return the pages right below one."""
        tree = self.cached("tree", self._tree)
        return [self.pages[each] for each in tree.get(id, [])]

    def below(self, id: int) -> list[Page]:  # noqa: A002
        """Return all pages below one."""
        found = []
        for child in self.children(id):
            found += [child, *self.below(child.id)]
        return found

    def above(self, page: Page) -> list[Page]:
        """Return a page's ancestors, the topmost first; folders are left out."""
        found: list[Page] = []
        at = page.parent
        while at is not None and (up := self.pages.get(at) or self.folders.get(at)):
            if isinstance(up, Page):
                found.insert(0, up)
            at = up.parent
        return found

    def sees(self, page: Page) -> bool:
        """Return whether the indexing account may see it."""
        return not self.hidden or not {f"page {page.id}", f"space {page.space}"} & self.hidden

    def space_of(self, id: int) -> Space | None:  # noqa: A002
        by_id = self.cached("spaces", lambda: {each.id: each for each in self.spaces.values()})
        found: Space | None = by_id.get(id)
        return found if found is not None and f"space {found.key}" not in self.hidden else None

    def sorted_pages(self, spaces: tuple[str, ...], kind: Kind, statuses: frozenset[str], by: str) -> list[Any]:
        """Return `(value of the sort field, id, page)` in ascending order; computed once between two writes."""

        def make() -> list[Any]:
            value = SORTS[by]
            rows = [
                (value(page), page.id, page)
                for key in spaces
                for page in self._in_space.get(key, {}).values()
                if page.kind == kind and page.status in statuses and self.sees(page)
            ]
            return sorted(rows, key=lambda row: row[:2])

        rows: list[Any] = self.cached(("pages", spaces, kind, statuses, by), make)
        return rows

    def _tree(self) -> dict[int, list[int]]:
        tree: dict[int, list[int]] = {}
        for page in self.pages.values():
            if page.parent is not None and page.status != "trashed":
                tree.setdefault(page.parent, []).append(page.id)
        return tree

    def _forget(self, ids: Iterable[int]) -> None:
        """Drop pages with what hangs on them."""
        gone = set(ids)
        for each in gone:
            page = self.pages.pop(each)
            del self._in_space[page.space][each]
        self.comments = {at: each for at, each in self.comments.items() if each.page not in gone}
        self.attachments = {at: each for at, each in self.attachments.items() if each.page not in gone}

    def _status(self, page: Page, status: str) -> None:
        self._wrote()
        page.status = status

    def _principal(self, text: str) -> tuple[str, str]:
        kind, _, name = text.partition(":")
        return (kind, self._group(name)) if kind == "group" else (kind, name)

    def _group(self, name: str) -> str:
        found = self.group_named(name)
        return found.id if found is not None else self.add_group(name)

    def _new_content(self) -> int:
        self._content_id += 1
        return self._content_id


SORTS: dict[str, Callable[[Page], Any]] = {
    "id": lambda page: page.id,
    "created-date": lambda page: page.created,
    "modified-date": lambda page: page.modified,
    "title": lambda page: page.title,
}


def window(rows: list[Any], after: list[Any] | None, descending: bool, limit: int) -> tuple[list[Any], bool]:
    """Return the rows that follow a `[value, id]`, and whether more follow; the cursor survives writes in between."""
    if descending:
        end = len(rows) if after is None else bisect_left(rows, tuple(after), key=lambda row: row[:2])
        return rows[max(end - limit, 0) : end][::-1], end > limit
    start = 0 if after is None else bisect_left(rows, (after[0], after[1] + 1), key=lambda row: row[:2])
    return rows[start : start + limit], start + limit < len(rows)
