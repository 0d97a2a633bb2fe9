"""Confluence Data Center (`/confluence`) and JIRA Data Center (`/jira`): v1 and v2 over the same state as Cloud."""

from __future__ import annotations

from typing import Any, cast

from duetto_assets_tests.wire import atlassian_content as content
from duetto_assets_tests.wire import atlassian_jira as jira
from duetto_assets_tests.wire import atlassian_projects as projects
from duetto_assets_tests.wire.atlassian_confluence import seen_spaces
from duetto_assets_tests.wire.atlassian_http import Call, Routes
from duetto_assets_tests.wire.atlassian_records import Kind

V1 = "/confluence/rest/api"
V2 = "/jira/rest/api/2"
ROUTES = Routes()

ROUTES.add("GET", f"{V1}/user/current")(content.me)
ROUTES.add("GET", f"{V1}/content/{{id}}/restriction/byOperation")(content.restrictions_by_operation)
ROUTES.add("GET", f"{V1}/content/{{id}}/restriction/byOperation/{{operation}}")(content.restriction)
ROUTES.add("GET", f"{V1}/content/search")(content.search_page)


@ROUTES.add("GET", f"{V1}/space")
def spaces(site: Any, call: Call) -> Any:
    keys = set(call.all("spaceKey"))
    found = [
        each
        for each in sorted(seen_spaces(site), key=lambda space: space.key)
        if (not keys or each.key in keys)
        and call.one("type", each.type) == each.type
        and call.one("status", each.status) == each.status
    ]
    return content.offset_page(site, call, found, content.space_of)


@ROUTES.add("GET", f"{V1}/space/{{key}}")
def space(site: Any, call: Call) -> Any:
    found = next((each for each in seen_spaces(site) if each.key == call.path["key"]), None)
    if found is None:
        raise content.refuse(404, f"No space found with key : {call.path['key']}")
    return content.space_of(found)


@ROUTES.add("GET", f"{V1}/space/{{key}}/permissions")
def permissions(site: Any, call: Call) -> Any:
    """Only for administrators; nobody is a subject where the anonymous may."""
    found = site.spaces.get(call.path["key"])
    if found is None or not site.admin:
        raise content.refuse(403, f"You cannot administer the space {call.path['key']}")
    made = []
    for kind, id_, operation, target in found.permissions:
        subject = None
        if kind == "group":
            subject = content.group_of(site, id_, call)
        elif kind == "user":
            subject = content.user_of(site, site.users[id_], call)
        made.append({"operation": {"operationKey": operation, "targetType": target}, "subject": subject})
    return made


@ROUTES.add("GET", f"{V1}/content")
def listing(site: Any, call: Call) -> Any:
    """Pages of a space (or of all) in the order of their ids; 200 a page at most where bodies are expanded."""
    key = call.one("spaceKey")
    keys = tuple(each.key for each in seen_spaces(site) if not key or each.key == key)
    if key and not keys:
        raise content.refuse(404, f"No space with key : {key}")
    statuses = frozenset(call.all("status") or ["current"])
    if "any" in statuses:
        statuses = frozenset({"current", "archived", "trashed", "draft"})
    rows = site.sorted_pages(keys, cast("Kind", call.one("type", "page")), statuses, "id")
    title, expand = call.one("title"), content.expands(call)
    found = [row[2] for row in rows if not title or row[2].title == title]
    cap = 200 if any(each.startswith("body") for each in expand) else 1000
    return content.offset_page(site, call, found, lambda each: content.content_of(site, each, call, expand), cap=cap)


@ROUTES.add("GET", f"{V1}/content/{{id}}")
def one(site: Any, call: Call) -> Any:
    id_ = call.path["id"]
    if id_.isdigit() and (comment := site.comments.get(int(id_))) is not None and site.sees(site.pages[comment.page]):
        return content.content_of(site, comment, call, content.expands(call))
    page = content.find(site, call)
    if page.status not in (call.all("status") or ["current"]) and "any" not in call.all("status"):
        raise content.refuse(404, f"No content found with id: ContentId{{id={id_}}}")
    return content.content_of(site, page, call, content.expands(call))


@ROUTES.add("GET", f"{V1}/content/{{id}}/child/{{kind}}")
def children(site: Any, call: Call) -> Any:
    """Comments: the roots, or with `depth=all` replies too."""
    page, kind = content.find(site, call), call.path["kind"]
    found: list[Any]
    if kind == "comment":
        found = [site.comments[each] for each in page.comments]
        if call.one("depth") == "all":
            found = sorted((each for each in site.comments.values() if each.page == page.id), key=lambda each: each.id)
        if places := call.all("location"):
            found = [each for each in found if ("inline" if each.inline else "footer") in places]
    elif kind == "attachment":
        found = [site.attachments[each] for each in page.attachments]
    else:
        found = [
            each
            for each in site.children(page.id)
            if each.kind == kind and each.status == "current" and site.sees(each)
        ]
    expand = content.expands(call)
    return content.offset_page(site, call, found, lambda each: content.content_of(site, each, call, expand))


@ROUTES.add("GET", f"{V1}/content/{{id}}/label")
def labels(site: Any, call: Call) -> Any:
    rows = content.labels_page(site, content.find(site, call))["results"]
    return content.offset_page(site, call, rows, lambda each: each, 200)


@ROUTES.add("GET", f"{V1}/group/{{name}}/member")
def group_members(site: Any, call: Call) -> Any:
    group = site.group_named(call.path["name"])
    if group is None:
        raise content.refuse(404, f"No group found with name : {call.path['name']}")
    members = [site.users[each] for each in group.members if each in site.users]
    return content.offset_page(site, call, members, lambda each: content.user_of(site, each, call), 200, 200)


# JIRA
ROUTES.add("GET", f"{V2}/myself")(projects.myself)
ROUTES.add("GET", f"{V2}/serverInfo")(projects.server_info)
ROUTES.add("GET", f"{V2}/field")(jira.fields)
ROUTES.add("GET", f"{V2}/project/{{project}}")(projects.project)
ROUTES.add("GET", f"{V2}/project/{{project}}/permissionscheme")(projects.permission_scheme)
ROUTES.add("GET", f"{V2}/project/{{project}}/role/{{id}}")(projects.role)
ROUTES.add("GET", f"{V2}/issue/{{key}}")(jira.issue)
ROUTES.add("GET", f"{V2}/issue/{{key}}/remotelink")(jira.remote_links)
ROUTES.add("GET", f"{V2}/group/member")(projects.group_members)


@ROUTES.add("GET", f"{V2}/search")
@ROUTES.add("POST", f"{V2}/search")
def search(site: Any, call: Call) -> Any:
    """Offset paging, 1000 issues at most; `fields` are `*navigable` unless named."""
    given = jira.asked(call)
    rows = jira.jql_rows(site, given.get("jql", ""))
    start, limit = int(given.get("startAt", 0)), min(int(given.get("maxResults", 50)), 1000)
    fields = given.get("fields") or ["*navigable"]
    wanted = jira.wanted_fields(site, fields, "*navigable")
    expand = given.get("expand") or []
    parts = set(expand.split(",") if isinstance(expand, str) else expand)
    shown = [jira.issue_of(site, row[1], call, wanted, parts) for row in rows[start : start + limit]]
    return {"expand": "schema,names", "startAt": start, "maxResults": limit, "total": len(rows), "issues": shown} | (
        {"names": jira.names_of(site, wanted)} if "names" in parts else {}
    )


@ROUTES.add("GET", f"{V2}/project")
def all_projects(site: Any, call: Call) -> Any:
    expand = set(call.all("expand")) - {"insight"}
    archived = call.flag("includeArchived")
    found = (each for each in projects.seen(site) if each.status == "live" or archived)
    return [projects.project_of(site, each, call, expand) for each in found]


@ROUTES.add("GET", f"{V2}/issue/{{key}}/comment")
def comments(site: Any, call: Call) -> Any:
    """All of them, unless paging is asked for."""
    rows = jira.find(site, call).comments
    return jira.slice_of(
        call, rows, "comments", lambda each: jira.comment_of(site, each, call), max(len(rows), 1), 5000
    )
