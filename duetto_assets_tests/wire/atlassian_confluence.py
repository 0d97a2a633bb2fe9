"""Confluence Cloud's REST v2, answered from the state: shapes, filters, sorting and cursors as the vendor has them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import urlencode

from duetto_assets_tests.wire.atlassian_http import Answer, Call, Refused, Routes
from duetto_assets_tests.wire.atlassian_pages import SORTS, Pages, window
from duetto_assets_tests.wire.atlassian_people import iso
from duetto_assets_tests.wire.atlassian_records import Attachment, Comment, Kind, Page, Space
from duetto_assets_tests.wire.atlassian_shapes import (
    Row,
    attachment_of,
    comment_of,
    label_of,
    page_of,
    permission_rows,
    space_of,
)

V2 = "/wiki/api/v2"
ROUTES = Routes()
MOST = 250


def refuse(status: int, code: str, title: str) -> Refused:
    error = {"status": status, "code": code, "title": title, "detail": None}
    return Refused(Answer(status, {"errors": [error]}))


def missing() -> Refused:
    return refuse(404, "NOT_FOUND", "Not Found")


def number(call: Call, name: str = "id") -> int:
    text = call.path[name].removeprefix("att")
    if not text.isdigit():
        raise refuse(
            400, "INVALID_REQUEST_PARAMETER", f"Provided value {{{text}}} for '{name}' is not the correct type."
        )
    return int(text)


def listing(
    site: Any, call: Call, rows: list[Row], show: Callable[[Any], Any], default: str = "id", most: int = 25
) -> Any:
    """Return a page of `(value, id, thing)` rows, which are in ascending order."""
    limit = call.number("limit", most)
    if not 1 <= limit <= MOST:
        title = f"Provided value {{{limit}}} for 'limit' is not the correct type. Expected type is 1<=limit<={MOST}"
        raise refuse(400, "INVALID_REQUEST_PARAMETER", title)
    after = None
    if cursor := call.one("cursor"):
        try:
            after = json.loads(urlsafe_b64decode(cursor))
        except ValueError:
            raise refuse(400, "INVALID_REQUEST_PARAMETER", "Invalid cursor") from None
    shown, more = window(rows, after, call.one("sort", default).startswith("-"), limit)
    links = {"base": f"{site.url}/wiki"}
    headers = {}
    if more:
        token = urlsafe_b64encode(json.dumps(shown[-1][:2], separators=(",", ":")).encode()).decode()
        query = {name: values for name, values in call.request.query.items() if name not in ("cursor", "limit")}
        links["next"] = f"{call.request.path}?{urlencode(query | {'cursor': [token], 'limit': [limit]}, doseq=True)}"
        headers["Link"] = f'<{links["next"]}>; rel="next", <{links["base"]}>; rel="base"'
    return Answer(200, {"results": [show(row[2]) for row in shown], "_links": links}, headers)


def find(site: Pages, call: Call, kind: Kind) -> Page:
    page = site.pages.get(number(call))
    if page is None or page.kind != kind or not site.sees(page):
        raise missing()
    return page


def kind_of(call: Call) -> Kind:
    return "blogpost" if "/blogposts" in call.request.path else "page"


def sort_of(call: Call, known: Iterable[str], default: str = "id") -> str:
    """Return the field to sort by."""
    by = call.one("sort", default).removeprefix("-")
    if by not in known:
        raise refuse(400, "INVALID_REQUEST_PARAMETER", f"Provided value {{{by}}} for 'sort' is not the correct type.")
    return by


def dated(call: Call, things: Iterable[Any]) -> list[Row]:
    by = "modified" if "modified" in call.one("sort") else "created"
    return sorted(((getattr(each, by), each.id, each) for each in things), key=lambda row: row[:2])


def all_pages(site: Pages, call: Call, spaces: tuple[str, ...], kind: Kind) -> Any:
    statuses = frozenset(call.all("status")) or frozenset({"current", "archived"} if kind == "page" else {"current"})
    rows = site.sorted_pages(spaces, kind, statuses, sort_of(call, SORTS))
    if ids := set(map(int, call.all("id"))):
        rows = [row for row in rows if row[1] in ids]
    if title := call.one("title"):
        rows = [row for row in rows if row[2].title == title]
    if call.one("depth") == "root":
        rows = [row for row in rows if row[2].parent is None]
    return listing(site, call, rows, lambda page: page_of(site, page, call.one("body-format")))


def seen_spaces(site: Pages) -> list[Space]:
    return [each for each in site.spaces.values() if f"space {each.key}" not in site.hidden]


@ROUTES.add("GET", f"{V2}/spaces")
def spaces(site: Pages, call: Call) -> Any:
    keys, ids = set(call.all("keys")), set(call.all("ids"))
    by = sort_of(call, ("id", "key", "name"))
    found = [
        each
        for each in seen_spaces(site)
        if (not keys or each.key in keys)
        and (not ids or str(each.id) in ids)
        and call.one("type", each.type) == each.type
        and call.one("status", each.status) == each.status
    ]
    rows = sorted(((getattr(each, by), each.id, each) for each in found), key=lambda row: row[:2])
    return listing(site, call, rows, space_of)


def find_space(site: Pages, call: Call) -> Space:
    space = site.space_of(number(call))
    if space is None:
        raise missing()
    return space


@ROUTES.add("GET", f"{V2}/spaces/{{id}}")
def space(site: Pages, call: Call) -> Any:
    found = find_space(site, call)
    made = space_of(found)
    if call.flag("include-permissions"):
        made["permissions"] = {"results": [row[2] for row in permission_rows(found)], "meta": {"hasMore": False}}
    return made | {"_links": made["_links"] | {"base": f"{site.url}/wiki"}}  # type: ignore[attr-defined]


@ROUTES.add("GET", f"{V2}/spaces/{{id}}/permissions")
def space_permissions(site: Pages, call: Call) -> Any:
    return listing(site, call, permission_rows(find_space(site, call)), lambda each: each)


@ROUTES.add("GET", f"{V2}/spaces/{{id}}/pages", f"{V2}/spaces/{{id}}/blogposts")
def space_pages(site: Pages, call: Call) -> Any:
    return all_pages(site, call, (find_space(site, call).key,), kind_of(call))


@ROUTES.add("GET", f"{V2}/spaces/{{id}}/content/labels")
def space_labels(site: Pages, call: Call) -> Any:
    key = find_space(site, call).key
    pages = (each for each in site.pages.values() if each.space == key and each.status == "current" and site.sees(each))
    names = {name for page in pages for name in page.labels}
    return labels_of(site, call, names)


@ROUTES.add("GET", f"{V2}/pages", f"{V2}/blogposts")
def pages(site: Pages, call: Call) -> Any:
    ids = call.all("space-id")
    keys = tuple(each.key for each in seen_spaces(site) if not ids or str(each.id) in ids)
    return all_pages(site, call, keys, kind_of(call))


@ROUTES.add("GET", f"{V2}/pages/{{id}}", f"{V2}/blogposts/{{id}}")
def page(site: Pages, call: Call) -> Any:
    found = find(site, call, kind_of(call))
    allowed = call.all("status")
    if (allowed and found.status not in allowed) or (found.status == "draft" and not call.flag("get-draft")):
        raise missing()
    made = page_of(site, found, call.one("body-format"))
    if not call.flag("include-version", True):
        del made["version"]
    if call.flag("include-labels"):
        made["labels"] = {"results": [label_of(site, name) for name in found.labels], "meta": {"hasMore": False}}
    return made | {"_links": made["_links"] | {"base": f"{site.url}/wiki"}}  # type: ignore[attr-defined]


def labels_of(site: Pages, call: Call, names: Iterable[str]) -> Any:
    wanted = call.one("prefix")
    rows = sorted((site.label_ids[name], site.label_ids[name], name) for name in names if wanted in ("", "global"))
    return listing(site, call, rows, lambda name: label_of(site, name))


@ROUTES.add("GET", f"{V2}/pages/{{id}}/labels", f"{V2}/blogposts/{{id}}/labels")
def page_labels(site: Pages, call: Call) -> Any:
    return labels_of(site, call, find(site, call, kind_of(call)).labels)


@ROUTES.add("GET", f"{V2}/pages/{{id}}/attachments", f"{V2}/blogposts/{{id}}/attachments")
def page_attachments(site: Pages, call: Call) -> Any:
    found = find(site, call, kind_of(call))
    kept = [site.attachments[each] for each in found.attachments]
    return attachments_of(site, call, kept)


def attachments_of(site: Pages, call: Call, kept: Iterable[Attachment]) -> Any:
    name, kind = call.one("filename"), call.one("mediaType")
    statuses = call.all("status") or ["current", "archived"]
    rows = dated(call, (
        each for each in kept
        if (not name or each.title == name) and (not kind or each.media_type == kind) and each.status in statuses
    ))  # fmt: skip
    return listing(site, call, rows, lambda each: attachment_of(site, each), "created-date", 50)


@ROUTES.add("GET", f"{V2}/attachments")
def attachments(site: Pages, call: Call) -> Any:
    return attachments_of(site, call, (each for each in site.attachments.values() if readable(site, each.page)))


def readable(site: Pages, page: int) -> bool:
    return site.sees(site.pages[page]) and site.pages[page].status in ("current", "archived")


def comments_of(site: Pages, call: Call, found: Iterable[Comment], inline: bool, drop: tuple[str, ...] = ()) -> Any:
    resolutions = call.all("resolution-status")
    statuses = call.all("status") or ["current"]

    def show(comment: Comment) -> dict[str, Any]:
        made = comment_of(site, comment, call.one("body-format"))
        return {name: value for name, value in made.items() if name not in drop}

    kept = (
        each for each in found
        if each.inline == inline and each.status in statuses and (not resolutions or each.resolution in resolutions)
    )  # fmt: skip
    return listing(site, call, dated(call, kept), show, "created-date")


@ROUTES.add(
    "GET",
    f"{V2}/pages/{{id}}/footer-comments",
    f"{V2}/pages/{{id}}/inline-comments",
    f"{V2}/blogposts/{{id}}/footer-comments",
    f"{V2}/blogposts/{{id}}/inline-comments",
)
def page_comments(site: Pages, call: Call) -> Any:
    """Root comments only, as the vendor says."""
    found = find(site, call, kind_of(call))
    roots = [site.comments[each] for each in found.comments]
    return comments_of(site, call, roots, call.request.path.endswith("inline-comments"))


@ROUTES.add("GET", f"{V2}/footer-comments", f"{V2}/inline-comments")
def comments(site: Pages, call: Call) -> Any:
    """Every comment of the site, replies too."""
    found = (each for each in site.comments.values() if readable(site, each.page))
    return comments_of(site, call, found, call.request.path.endswith("inline-comments"))


@ROUTES.add("GET", f"{V2}/footer-comments/{{id}}/children", f"{V2}/inline-comments/{{id}}/children")
def comment_children(site: Pages, call: Call) -> Any:
    parent = site.comments.get(number(call))
    if parent is None or not site.sees(site.pages[parent.page]):
        raise missing()
    return comments_of(site, call, [site.comments[each] for each in parent.replies], parent.inline)


@ROUTES.add("GET", f"{V2}/labels/{{id}}/pages", f"{V2}/labels/{{id}}/blogposts")
def labelled(site: Pages, call: Call) -> Any:
    name = next((each for each, id_ in site.label_ids.items() if id_ == number(call)), None)
    if name is None:
        raise missing()
    ids, kind = call.all("space-id"), cast("Kind", call.request.path.rpartition("/")[2].removesuffix("s"))
    keys = tuple(each.key for each in seen_spaces(site) if not ids or str(each.id) in ids)
    by = sort_of(call, SORTS)
    rows = [row for row in site.sorted_pages(keys, kind, frozenset({"current"}), by) if name in row[2].labels]
    return listing(site, call, rows, lambda page: page_of(site, page, call.one("body-format")))


@ROUTES.add("GET", f"{V2}/folders/{{id}}")
def folder(site: Pages, call: Call) -> Any:
    found = site.folders.get(number(call))
    if found is None or f"space {found.space}" in site.hidden:
        raise missing()
    created = iso(found.created)
    return {
        "id": str(found.id),
        "type": "folder",
        "status": "current",
        "title": found.title,
        "parentId": None if found.parent is None else str(found.parent),
        "parentType": None if found.parent is None else "folder" if found.parent in site.folders else "page",
        "position": 0,
        "authorId": site.me.account_id,
        "ownerId": site.me.account_id,
        "createdAt": created,
        "version": {
            "createdAt": created,
            "message": "",
            "number": 1,
            "minorEdit": False,
            "authorId": site.me.account_id,
        },
        "_links": {"webui": f"/spaces/{found.space}/folder/{found.id}", "base": f"{site.url}/wiki"},  # type: ignore[attr-defined]
    }


@ROUTES.add("POST", f"{V2}/users-bulk")
def users(site: Pages, call: Call) -> Any:
    asked = (call.request.body or {}).get("accountIds")
    if not asked or len(asked) > MOST:
        raise refuse(400, "INVALID_REQUEST_PARAMETER", f"accountIds must be 1 to {MOST} ids")
    found = [site.users[each] for each in asked if each in site.users]
    made = [
        {
            "displayName": each.name,
            "timeZone": site.time_zone,
            "isExternalCollaborator": False,
            "accountStatus": "active" if each.active else "inactive",
            "accountId": each.account_id,
            "email": each.email,
            "accountType": each.kind,
            "publicName": each.name,
            "profilePicture": {"path": "/wiki/aa-avatar/none", "isDefault": True},
        }
        for each in found
    ]
    return {"results": made, "_links": {"base": f"{site.url}/wiki"}}  # type: ignore[attr-defined]
