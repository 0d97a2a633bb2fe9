"""Confluence's REST v1: content, CQL and restrictions, for Data Center and for what Cloud still has of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from duetto_assets_tests.wire.atlassian_confluence import seen_spaces
from duetto_assets_tests.wire.atlassian_http import Answer, Call, Refused, Routes
from duetto_assets_tests.wire.atlassian_pages import Pages
from duetto_assets_tests.wire.atlassian_people import User, iso, storage_of
from duetto_assets_tests.wire.atlassian_records import Attachment, Comment, Page, Space
from duetto_assets_tests.wire.jql import BadQuery, Field, comparing, compile_condition, containing, parse

V1 = "/wiki/rest/api"
ROUTES = Routes()


def refuse(status: int, message: str) -> Refused:
    return Refused(
        Answer(status, {"statusCode": status, "data": {"authorized": True, "valid": status != 400}, "message": message})
    )


def user_of(site: Any, user: User, call: Call) -> dict[str, Any]:
    """Return a user: Cloud has an account id and may have an e-mail address, Data Center a name and a key."""
    if call.context == "/confluence":
        made = {"type": "known", "username": user.username, "userKey": f"key-{user.username}", "displayName": user.name}
    else:
        made = {"type": "known", "accountId": user.account_id, "accountType": user.kind, "email": user.email}
        made |= {"publicName": user.name, "displayName": user.name}
    return made | {"_expandable": {"operations": ""}, "_links": {"self": f"{site.url}{call.context}/rest/api/user"}}


def group_of(site: Pages, id_: str, call: Call) -> dict[str, Any]:
    group = site.groups[id_]
    made = {"type": "group", "name": group.name}
    return made if call.context == "/confluence" else made | {"id": group.id, "managedBy": "ADMINS"}


def restriction_of(site: Pages, page: Page, operation: str, call: Call) -> dict[str, Any]:
    own = page.read if operation == "read" else page.update
    people = [user_of(site, site.users[each], call) for each in own.users if each in site.users]
    groups = [group_of(site, each, call) for each in own.groups if each in site.groups]
    return {
        "operation": operation,
        "restrictions": {
            "user": {"results": people, "start": 0, "limit": 200, "size": len(people)},
            "group": {"results": groups, "start": 0, "limit": 200, "size": len(groups)},
        },
        "_expandable": {"content": f"/rest/api/content/{page.id}"},
        "_links": {"self": f"{site.url}{call.context}/rest/api/content/{page.id}/restriction/byOperation/{operation}"},  # type: ignore[attr-defined]
    }


def space_of(space: Space) -> dict[str, Any]:
    links = {"webui": f"/display/{space.key}"}
    return {
        "id": space.id,
        "key": space.key,
        "name": space.name,
        "type": space.type,
        "status": space.status,
        "_links": links,
    }


def version_of(site: Any, thing: Page | Comment | Attachment, call: Call) -> dict[str, Any]:
    editor = thing.editor if isinstance(thing, Page) else thing.author
    made = {"by": user_of(site, site.users.get(editor, site.me), call), "when": iso(thing.modified)}
    minor = isinstance(thing, Page) and thing.minor
    message = thing.message if isinstance(thing, Page) else ""
    return made | {"message": message, "number": thing.version, "minorEdit": minor}


def content_of(site: Any, thing: Page | Comment | Attachment, call: Call, expand: set[str]) -> dict[str, Any]:
    """Return content with the parts asked for; the rest is named in `_expandable`."""
    kind = thing.kind if isinstance(thing, Page) else "comment" if isinstance(thing, Comment) else "attachment"
    id_ = f"att{thing.id}" if isinstance(thing, Attachment) else str(thing.id)
    page = thing if isinstance(thing, Page) else site.pages[thing.page]
    title = f"Re: {page.title}" if isinstance(thing, Comment) else thing.title
    base = f"{site.url}{call.context}"
    webui = (
        f"/spaces/{page.space}/pages/{page.id}"
        if call.context == "/wiki"
        else f"/pages/viewpage.action?pageId={page.id}"
    )
    links = {"self": f"{base}/rest/api/content/{id_}", "webui": webui, "tinyui": f"/x/{page.id:x}"}
    made: dict[str, Any] = {"id": id_, "type": kind, "status": thing.status, "title": title}
    # A path that is asked for brings what stands above it.
    wanted = {".".join(path.split(".")[:end]) for path in expand for end in range(1, path.count(".") + 2)}
    parts: dict[str, Callable[[], Any]] = {
        "space": lambda: space_of(site.spaces[page.space]),
        "version": lambda: version_of(site, thing, call),
        "history": lambda: history_of(site, thing, call, wanted),
        "metadata": lambda: metadata_of(site, thing, wanted),
        "extensions": lambda: extensions_of(thing, wanted),
        "body": lambda: body_of(thing, wanted),
    }
    if isinstance(thing, Page):
        parts |= {
            "ancestors": lambda: [content_of(site, each, call, set()) for each in site.above(thing)],
            "restrictions": lambda: {
                each: restriction_of(site, thing, each, call)
                for each in ("read", "update")
                if f"restrictions.{each}" in wanted
            },
            "children": lambda: children_of(site, thing, call, expand),
        }
    elif isinstance(thing, Comment):
        parent = [site.comments[thing.parent]] if thing.parent is not None else []
        parts |= {
            "ancestors": lambda: [content_of(site, each, call, set()) for each in parent],
            "container": lambda: content_of(site, page, call, set()),
        }
    made |= {name: make() for name, make in parts.items() if name in wanted}
    if isinstance(thing, Attachment):
        made |= {"extensions": {"mediaType": thing.media_type, "fileSize": thing.size, "comment": thing.comment}}
        made["metadata"] = {"mediaType": thing.media_type}
        links["download"] = f"/download/attachments/{page.id}/{quote(thing.title)}?version={thing.version}&api=v2"
    return made | {"_expandable": {name: "" for name in parts if name not in made}, "_links": links}


def history_of(site: Any, thing: Any, call: Call, wanted: set[str]) -> dict[str, Any]:
    made = {
        "latest": True,
        "createdBy": user_of(site, site.users.get(thing.author, site.me), call),
        "createdDate": iso(thing.created),
    }
    return made | ({"lastUpdated": version_of(site, thing, call)} if "history.lastUpdated" in wanted else {})


def metadata_of(site: Pages, thing: Any, wanted: set[str]) -> dict[str, Any]:
    return {"labels": labels_page(site, thing)} if "metadata.labels" in wanted and isinstance(thing, Page) else {}


def labels_page(site: Pages, page: Page) -> dict[str, Any]:
    found = [{"prefix": "global", "name": each, "id": str(site.label_ids[each]), "label": each} for each in page.labels]
    return {"results": found, "start": 0, "limit": 200, "size": len(found)}


def extensions_of(thing: Any, wanted: set[str]) -> dict[str, Any]:
    if not isinstance(thing, Comment):
        return {"position": getattr(thing, "position", "none")}
    made: dict[str, Any] = {"location": "inline" if thing.inline else "footer"}
    if thing.inline and "extensions.inlineProperties" in wanted:
        made["inlineProperties"] = {"originalSelection": thing.selection, "markerRef": f"marker-{thing.id}"}
    if thing.inline and "extensions.resolution" in wanted:
        made["resolution"] = {"status": thing.resolution}
    return made


def body_of(thing: Any, wanted: set[str]) -> dict[str, Any]:
    forms = [form for form in ("storage", "view") if f"body.{form}" in wanted]
    return {form: {"value": storage_of(thing.body), "representation": form} for form in forms}


def children_of(site: Any, page: Page, call: Call, expand: set[str]) -> dict[str, Any]:
    """Return the comments or attachments asked for; as in Confluence, the first 25 of them."""
    made: dict[str, Any] = {}
    for name, found in {
        "comment": [site.comments[each] for each in page.comments],
        "attachment": [site.attachments[each] for each in page.attachments],
        "page": [each for each in site.children(page.id) if each.status == "current" and site.sees(each)],
    }.items():
        prefix = f"children.{name}"
        if any(each == prefix or each.startswith(f"{prefix}.") for each in expand):
            inner = {each.removeprefix(f"{prefix}.") for each in expand if each.startswith(f"{prefix}.")}
            shown = [content_of(site, each, call, inner) for each in found[:25]]
            more = {"next": f"/rest/api/content/{page.id}/child/{name}?limit=25&start=25"} if len(found) > 25 else {}
            made[name] = {"results": shown, "start": 0, "limit": 25, "size": len(shown), "_links": more}
    return made


def expands(call: Call) -> set[str]:
    return set(call.all("expand"))


def offset_page(
    site: Any,
    call: Call,
    rows: list[Any],
    show: Callable[[Any], Any],
    most: int = 25,
    cap: int = 1000,
    cursors: bool = False,
) -> Any:
    """Return `start`/`limit` paging with `_links.next`, relative to the context; Cloud's search has cursors instead."""
    start, limit = call.number("start", 0), min(call.number("limit", most), cap)
    if cursors:
        start = int(call.one("cursor").removeprefix("_sa_").removesuffix("_") or 0)
    shown = [show(each) for each in rows[start : start + limit]]
    path = call.request.path.removeprefix(call.context)
    links = {"self": f"{site.url}{call.request.path}", "base": f"{site.url}{call.context}", "context": call.context}
    if start + limit < len(rows):
        query = {
            name: values for name, values in call.request.query.items() if name not in ("start", "cursor", "limit")
        }
        after = {"next": ["true"], "cursor": [f"_sa_{start + limit}_"]} if cursors else {"start": [str(start + limit)]}
        links["next"] = f"{path}?{urlencode(query | {'limit': [limit]} | after, doseq=True)}"
    return {"results": shown, "start": start, "limit": limit, "size": len(shown), "_links": links}


def find(site: Pages, call: Call) -> Page:
    id_ = call.path["id"]
    page = site.pages.get(int(id_)) if id_.isdigit() else None
    if page is None or not site.sees(page):
        raise refuse(404, f"No content found with id: ContentId{{id={id_}}}")
    return page


def search_cql(site: Pages, cql: str) -> list[Any]:
    """Return pages, blog posts, comments and attachments in the order asked for."""
    rows: list[Any] = site.cached(("cql", cql), lambda: _search(site, cql))
    return rows


def _search(site: Pages, cql: str) -> list[Any]:
    asked = parse(cql)
    fields: dict[str, Field] = {
        "space": comparing(lambda row: row[1].space, str),
        "space.key": comparing(lambda row: row[1].space, str),
        "type": comparing(lambda row: row[2], str),
        "id": comparing(lambda row: row[0].id, int),
        "content": comparing(lambda row: row[0].id, int),
        "title": comparing(lambda row: row[1].title, str),
        "label": containing(lambda row: row[1].labels if isinstance(row[0], Page) else ()),
        "lastmodified": comparing(lambda row: iso(row[0].modified)[:16].replace("T", " "), str),
        "created": comparing(lambda row: iso(row[0].created)[:16].replace("T", " "), str),
    }
    keep = compile_condition(asked.condition, fields)
    # (what is found, its page, its type)
    kept: list[tuple[Any, Page, str]] = [
        (page, page, page.kind) for page in site.pages.values() if page.status == "current" and site.sees(page)
    ]
    for others, kind in ((site.comments, "comment"), (site.attachments, "attachment")):
        pages = ((each, site.pages[each.page]) for each in others.values())
        kept += [(each, page, kind) for each, page in pages if page.status == "current" and site.sees(page)]
    found = [row for row in kept if keep is None or keep(row)]
    known = {each.key for each in seen_spaces(site)}
    for clause in asked.conjuncts():
        if clause.field == "space" and (unknown := set(clause.values) - known):
            raise BadQuery(f"No space exists with key : {min(unknown)}")
    orders = {"lastmodified": "modified", "created": "created", "title": "title", "id": "id"}
    for name, descending in reversed(asked.order or [("id", False)]):
        if name.lower() not in orders:
            raise BadQuery(f"Could not parse cql: cannot order by {name}")
        by = orders[name.lower()]
        found.sort(key=lambda row: getattr(row[0], by), reverse=descending)
    return [row[0] for row in found]


def search_page(site: Any, call: Call) -> Any:
    """Return a page of a CQL search; a search that expands bodies gives 50 at most."""
    try:
        rows = search_cql(site, call.one("cql"))
    except (BadQuery, ValueError) as error:
        raise refuse(400, f"Could not parse cql : {error}") from None
    expand = expands(call)
    cap = 50 if any(each.startswith("body") for each in expand) else 250
    cloud = call.context == "/wiki"
    made = offset_page(site, call, rows, lambda each: content_of(site, each, call, expand), cap=cap, cursors=cloud)
    return made | {"totalSize": len(rows), "cqlQuery": call.one("cql")}


# What Cloud still has of v1.
@ROUTES.add("GET", f"{V1}/user/current")
def me(site: Any, call: Call) -> Any:
    return user_of(site, site.caller(call.request.headers.get("authorization", "")) or site.me, call)


@ROUTES.add("GET", f"{V1}/user")
def user(site: Any, call: Call) -> Any:
    found = site.users.get(call.one("accountId"))
    if found is None:
        raise refuse(404, f"No user found with account id: {call.one('accountId')}")
    return user_of(site, found, call)


@ROUTES.add("GET", f"{V1}/content/{{id}}/restriction", optional=True)
def restrictions(site: Any, call: Call) -> Any:
    page = find(site, call)
    rows = [restriction_of(site, page, each, call) for each in ("read", "update")]
    return offset_page(site, call, rows, lambda each: each, 100) | {"restrictionsHash": str(site.changes)}


@ROUTES.add("GET", f"{V1}/content/{{id}}/restriction/byOperation", optional=True)
def restrictions_by_operation(site: Any, call: Call) -> Any:
    page = find(site, call)
    made = {each: restriction_of(site, page, each, call) for each in ("read", "update")}
    return made | {"_links": {"self": f"{site.url}{call.request.path}"}}


@ROUTES.add("GET", f"{V1}/content/{{id}}/restriction/byOperation/{{operation}}", optional=True)
def restriction(site: Any, call: Call) -> Any:
    return restriction_of(site, find(site, call), call.path["operation"], call)


@ROUTES.add("GET", f"{V1}/content/search", optional=True)
def content_search(site: Any, call: Call) -> Any:
    if not site.content_search:
        raise refuse(404, "Not found")
    return search_page(site, call)


@ROUTES.add("GET", f"{V1}/group/by-id", optional=True)
def group_by_id(site: Any, call: Call) -> Any:
    if call.one("id") not in site.groups:
        raise refuse(404, f"No group with id: {call.one('id')}")
    return group_of(site, call.one("id"), call)


@ROUTES.add("GET", f"{V1}/group/{{id}}/membersByGroupId", optional=True)
def group_members(site: Any, call: Call) -> Any:
    if call.path["id"] not in site.groups:
        raise refuse(404, f"No group with id: {call.path['id']}")
    members = [site.users[each] for each in site.groups[call.path["id"]].members if each in site.users]
    return offset_page(site, call, members, lambda each: user_of(site, each, call), 200, 200)


@ROUTES.add("GET", f"{V1}/user/memberof", optional=True)
def member_of(site: Any, call: Call) -> Any:
    ids = [each.id for each in site.groups.values() if call.one("accountId") in each.members]
    return offset_page(site, call, ids, lambda each: group_of(site, each, call), 200, 200)


@ROUTES.add("GET", f"{V1}/space/{{key}}/permission")
def space_permission(site: Any, call: Call) -> Any:
    raise refuse(405, "Method Not Allowed")


@ROUTES.add(
    "GET", f"{V1}/content", f"{V1}/content/{{id}}", f"{V1}/content/{{id}}/child/{{kind}}", f"{V1}/content/{{id}}/label"
)
@ROUTES.add("GET", f"{V1}/space", f"{V1}/space/{{key}}", f"{V1}/space/{{key}}/content")
def gone(site: Any, call: Call) -> Any:
    raise refuse(410, "This deprecated endpoint has been removed.")
