"""JIRA Cloud's projects, permissions, groups and accounts."""

from __future__ import annotations

from typing import Any

from duetto_assets_tests.wire.atlassian_http import Call
from duetto_assets_tests.wire.atlassian_issues import Issues
from duetto_assets_tests.wire.atlassian_jira import ROUTES, V3, base_of, date, refuse, slice_of, user_of
from duetto_assets_tests.wire.atlassian_people import User
from duetto_assets_tests.wire.atlassian_records import Project


@ROUTES.add("GET", f"{V3}/myself")
def myself(site: Any, call: Call) -> Any:
    return user_of(site, site.caller(call.request.headers.get("authorization", "")) or site.me, call)


@ROUTES.add("GET", f"{V3}/serverInfo")
def server_info(site: Any, call: Call) -> Any:
    return {
        "baseUrl": f"{site.url}{call.context}",
        "version": "9.12.0" if call.context == "/jira" else "1001.0.0-SNAPSHOT",
        "versionNumbers": [9, 12, 0] if call.context == "/jira" else [1001, 0, 0],
        "deploymentType": "Server" if call.context == "/jira" else "Cloud",
        "buildNumber": 100_300,
        "buildDate": "2026-01-01T00:00:00.000+0000",
        "serverTime": date(site, site.clock.ms()),
        "scmInfo": "0" * 40,
        "serverTitle": "Stand-in",
    } | ({} if call.context == "/jira" else {"serverTimeZone": site.time_zone})


def project_of(site: Any, project: Project, call: Call, expand: set[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight",
        "self": f"{base_of(site, call)}/project/{project.id}",
        "id": str(project.id),
        "key": project.key,
        "name": project.name,
        "projectTypeKey": project.type,
    }
    if call.context != "/jira":
        made |= {"simplified": False, "style": "classic", "isPrivate": False}
    if project.status == "archived":
        made["archived"] = True
    if "description" in expand:
        made["description"] = project.description
    if "lead" in expand:
        made["lead"] = user_of(site, site.person(project.lead), call)
    if "issueTypes" in expand:
        made["issueTypes"] = [
            {"id": "4", "name": "Task", "subtask": False},
            {"id": "3", "name": "Bug", "subtask": False},
        ]
    if "insight" in expand and site.project_insight:
        insight: dict[str, Any] = {"totalIssueCount": len(project.issues)}
        if project.by_updated:
            insight["lastIssueUpdateTime"] = date(site, project.by_updated[-1][0])
        made["insight"] = insight
    return made


def seen(site: Issues) -> list[Project]:
    return sorted(
        (each for each in site.projects.values() if f"project {each.key}" not in site.hidden), key=lambda x: x.key
    )


@ROUTES.add("GET", f"{V3}/project/search")
def project_search(site: Any, call: Call) -> Any:
    keys, statuses = set(call.all("keys")), call.all("status") or ["live"]
    ids = set(call.all("id"))
    found = [
        each
        for each in seen(site)
        if (not keys or each.key in keys) and (not ids or str(each.id) in ids) and each.status in statuses
    ]
    expand = set(call.all("expand"))
    made = slice_of(call, found, "values", lambda each: project_of(site, each, call, expand), 50, 50)
    return made | {"self": f"{site.url}{call.request.path}"}


def find(site: Issues, call: Call) -> Project:
    found = site.project_at(call.path["project"])
    if found is None:
        raise refuse(404, f"No project could be found with key '{call.path['project']}'.")
    return found


@ROUTES.add("GET", f"{V3}/project/{{project}}")
def project(site: Any, call: Call) -> Any:
    found = find(site, call)
    made = project_of(site, found, call, {"description", "lead", "issueTypes", *call.all("expand")})
    roles = {name: f"{made['self']}/role/{site.role_ids[name]}" for name in found.roles}
    return made | {"roles": roles, "components": [], "versions": []}


def holder_of(site: Any, text: str, call: Call) -> dict[str, Any]:
    """Return a permission holder: `group:<name>` and so on, as `add_project` takes it."""
    kind, _, name = text.partition(":")
    expand = set(call.all("expand"))
    full = bool(expand & {"all", "permissions", "holder", kind, "projectRole" if kind == "role" else kind})
    if kind == "group":
        group = site.group_named(name)
        made = {"type": "group", "parameter": group.name}
        if call.context != "/jira":
            made["value"] = group.id
        shown = {"name": group.name, "groupId": group.id} if call.context != "/jira" else {"name": group.name}
        return made | ({"expand": "group", "group": shown} if full else {})
    if kind == "user":
        user = site.users[name]
        parameter = f"key-{user.username}" if call.context == "/jira" else name
        made = {"type": "user", "parameter": parameter} | ({} if call.context == "/jira" else {"value": name})
        return made | ({"expand": "user", "user": user_of(site, user, call)} if full else {})
    if kind == "role":
        id_ = str(site.role_ids[name])
        made = {"type": "projectRole", "parameter": id_} | ({} if call.context == "/jira" else {"value": id_})
        return made | ({"expand": "projectRole", "projectRole": {"name": name, "id": int(id_)}} if full else {})
    return {"type": kind} | ({"parameter": name} if name else {})


@ROUTES.add("GET", f"{V3}/project/{{project}}/permissionscheme")
def permission_scheme(site: Any, call: Call) -> Any:
    found = find(site, call)
    if not site.admin:
        raise refuse(403, "You must be a project administrator to view this permission scheme.")
    base = f"{base_of(site, call)}/permissionscheme/{found.id}"
    made: dict[str, Any] = {"expand": "permissions,user,group,projectRole,field,all", "id": found.id, "self": base}
    made["name"] = f"{found.name} scheme"
    if call.all("expand"):
        made["permissions"] = [
            {
                "id": found.id * 100 + n,
                "self": f"{base}/permission/{found.id * 100 + n}",
                "holder": holder_of(site, each, call),
                "permission": "BROWSE_PROJECTS",
            }
            for n, each in enumerate(found.holders)
        ]
    return made


@ROUTES.add("GET", f"{V3}/project/{{project}}/role/{{id}}")
def role(site: Any, call: Call) -> Any:
    found = find(site, call)
    name = next((each for each, id_ in site.role_ids.items() if str(id_) == call.path["id"]), None)
    if name is None:
        raise refuse(404, f"Can not retrieve a role actor for role {call.path['id']}")
    users, groups = found.roles.get(name, ([], []))
    cloud = call.context != "/jira"
    actors: list[dict[str, Any]] = []
    for account in users:
        user = site.users[account]
        made = {"id": len(actors) + 1, "displayName": user.name, "type": "atlassian-user-role-actor"}
        actors.append(made | ({"actorUser": {"accountId": account}} if cloud else {"name": user.username}))
    for each in groups:
        group = site.group_named(each)
        made = {
            "id": len(actors) + 1,
            "displayName": group.name,
            "name": group.name,
            "type": "atlassian-group-role-actor",
        }
        shown = {"displayName": group.name, "name": group.name}
        actors.append(made | ({"actorGroup": shown | {"groupId": group.id}} if cloud else {}))
    base = f"{base_of(site, call)}/project/{found.id}/role/{call.path['id']}"
    return {"self": base, "name": name, "id": int(call.path["id"]), "description": "", "actors": actors}


@ROUTES.add("GET", f"{V3}/issuesecurityschemes/level/member")
def level_members(site: Any, call: Call) -> Any:
    if not site.admin:
        raise refuse(403, "Only administrators may see this.")
    wanted = set(call.all("levelId"))
    rows = [
        (level, n, each)
        for level in site.levels.values()
        for n, each in enumerate(level.holders)
        if not wanted or level.id in wanted
    ]

    def show(row: Any) -> dict[str, Any]:
        level, n, holder = row
        made = {"id": str(int(level.id) * 100 + n), "issueSecurityLevelId": level.id, "issueSecuritySchemeId": "10000"}
        return made | {"holder": holder_of(site, holder, call)}

    return slice_of(call, rows, "values", show, 50, 50)


@ROUTES.add("GET", f"{V3}/group/member")
def group_members(site: Any, call: Call) -> Any:
    name = call.one("groupId") or call.one("groupname")
    group = site.group_named(name)
    if group is None:
        raise refuse(404, f"Group '{name}' does not exist.")
    members = [site.users[each] for each in group.members if each in site.users]
    kept = [each for each in members if each.active or call.flag("includeInactiveUsers")]
    return slice_of(call, kept, "values", lambda each: user_of(site, each, call), 50, 50)


def browsers(site: Issues, project: Project) -> list[User]:
    """Return who may browse a project by name, group or role."""
    if "anyone" in project.holders:
        return list(site.users.values())
    found: set[str] = set()
    for kind, _, name in (each.partition(":") for each in project.holders):
        users, groups = (
            ([name], []) if kind == "user" else ([], [name]) if kind == "group" else project.roles.get(name, ([], []))
        )
        found |= set(users)
        for each in groups:
            group = site.group_named(each)
            found |= set(group.members if group is not None else [])
    return [site.users[each] for each in sorted(found) if each in site.users]


@ROUTES.add("GET", f"{V3}/user/permission/search")
def users_with_permission(site: Any, call: Call) -> Any:
    issue = site.issue_at(call.one("issueKey")) if call.one("issueKey") else None
    found = site.project_at(issue.project if issue is not None else call.one("projectKey"))
    if found is None:
        raise refuse(404, "The project or issue does not exist.")
    start, limit = call.number("startAt", 0), min(call.number("maxResults", 50), 1000)
    return [user_of(site, each, call) for each in browsers(site, found)[start : start + limit]]


@ROUTES.add("GET", f"{V3}/user/bulk")
def users(site: Any, call: Call) -> Any:
    found = [site.users[each] for each in call.request.query.get("accountId", []) if each in site.users]
    start, limit = call.number("startAt", 0), min(call.number("maxResults", 10), 200)
    shown = [user_of(site, each, call) for each in found[start : start + limit]]
    last = start + limit >= len(found)
    return {"values": shown, "startAt": start, "maxResults": limit, "total": len(found), "isLast": last}


@ROUTES.add("GET", f"{V3}/user")
def user(site: Any, call: Call) -> Any:
    found = site.users.get(call.one("accountId"))
    if found is None:
        raise refuse(404, "The user does not exist.")
    return user_of(site, found, call)
