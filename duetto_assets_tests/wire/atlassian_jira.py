"""JIRA Cloud's REST v3, answered from the state, and the shapes that it shares with v2."""

from __future__ import annotations

import html
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from duetto_assets_tests.wire.atlassian_http import Answer, Call, Refused, Routes
from duetto_assets_tests.wire.atlassian_issues import SYSTEM_FIELDS, Issues
from duetto_assets_tests.wire.atlassian_people import User, adf_of, storage_of, wiki_of
from duetto_assets_tests.wire.atlassian_records import Change, Issue, IssueComment, Project
from duetto_assets_tests.wire.atlassian_search import search
from duetto_assets_tests.wire.jql import BadQuery

V3 = "/rest/api/3"
V2 = "/rest/api/2"
ROUTES = Routes()
PEOPLE = {"assignee", "reporter", "creator"}
TEXTS = {"description", "environment"}
LIGHT = {"id", "key"}


def refuse(status: int, *messages: str) -> Refused:
    return Refused(Answer(status, {"errorMessages": list(messages), "errors": {}}))


def date(site: Issues, ms: int) -> str:
    """Return a time as JIRA writes it, in the account's time zone: `2026-01-31T08:00:00.000+0000`."""
    at = datetime.fromtimestamp(ms // 1000, ZoneInfo(site.time_zone))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}{at:%z}"


def base_of(site: Any, call: Call) -> str:
    """Return the address under which everything lies."""
    return f"{site.url}/jira{V2}" if call.context == "/jira" else f"{site.url}{V3}"


def user_of(site: Any, user: User | None, call: Call) -> dict[str, Any] | None:
    """Return a user: Cloud has an account id, Data Center a name and a key."""
    if user is None:
        return None
    made = {"displayName": user.name, "active": user.active, "timeZone": site.time_zone, "emailAddress": user.email}
    if call.context == "/jira":
        return made | {"name": user.username, "key": f"key-{user.username}", "self": f"{site.url}/jira{V2}/user"}
    made |= {"accountId": user.account_id, "accountType": user.kind}
    return made | {"self": f"{site.url}{V3}/user?accountId={user.account_id}"}


def body_of(body: Any, call: Call) -> Any:
    """Return ADF in v3, and text in v2."""
    if body is None:
        return None
    return wiki_of(body) if call.context == "/jira" else adf_of(body)


def comment_of(site: Issues, comment: IssueComment, call: Call) -> dict[str, Any]:
    author = user_of(site, site.person(comment.author), call)
    made: dict[str, Any] = {
        "self": f"{base_of(site, call)}/comment/{comment.id}",
        "id": str(comment.id),
        "author": author,
        "body": body_of(comment.body, call),
        "updateAuthor": author,
        "created": date(site, comment.created),
        "updated": date(site, comment.updated),
    }
    if call.context != "/jira":
        made["jsdPublic"] = True
    if comment.visibility is not None:
        kind, name = comment.visibility
        group = site.group_named(name) if kind == "group" else None
        identifier = {} if call.context == "/jira" else {"identifier": group.id if group else name}
        made["visibility"] = {"type": kind, "value": name} | identifier
    return made


def change_of(site: Issues, change: Change, call: Call) -> dict[str, Any]:
    author = user_of(site, site.person(change.author), call)
    return {"id": str(change.id), "author": author, "created": date(site, change.created), "items": change.items}


def linked(site: Issues, id_: int) -> dict[str, Any]:
    issue = site.issues[id_]
    shown = {name: issue.fields.get(name) for name in ("summary", "status", "priority", "issuetype")}
    return {"id": str(id_), "key": issue.key, "fields": shown}


def links_of(site: Issues, issue: Issue) -> list[dict[str, Any]]:
    return [
        {
            "id": str(id_),
            "type": {"id": str(10_000 + len(name)), "name": name, "inward": inward, "outward": outward},
            "outwardIssue" if other > 0 else "inwardIssue": linked(site, abs(other)),
        }
        for id_, name, inward, outward, other in issue.links
        if abs(other) in site.issues and site.sees_issue(site.issues[abs(other)])
    ]


def brief(site: Any, project: Project, call: Call) -> dict[str, Any]:
    made = {"id": str(project.id), "key": project.key, "name": project.name, "projectTypeKey": project.type}
    return made | {"self": f"{base_of(site, call)}/project/{project.id}"}


def derived(site: Any, call: Call) -> dict[str, Callable[[Issue], Any]]:
    """Return how the fields are made that an issue does not keep as they are sent."""

    def comments(issue: Issue) -> dict[str, Any]:
        # The newest 20 in Cloud, in order of time; all of them in Data Center.
        shown = issue.comments if call.context == "/jira" else issue.comments[-20:]
        made = [comment_of(site, each, call) for each in shown]
        return {"comments": made, "maxResults": len(made), "total": len(issue.comments), "startAt": 0}

    def security(issue: Issue) -> Any:
        level = site.levels.get(issue.level) if issue.level else None
        return None if level is None else {"id": level.id, "name": level.name, "description": ""}

    below: dict[int, list[int]] = site.cached("subtasks", lambda: _below(site))
    return {
        "created": lambda issue: date(site, issue.created),
        "updated": lambda issue: date(site, issue.updated),
        "project": lambda issue: brief(site, site.projects[issue.project], call),
        "comment": comments,
        "issuelinks": lambda issue: links_of(site, issue),
        "security": security,
        "parent": lambda issue: linked(site, issue.parent) if issue.parent in site.issues else None,
        "subtasks": lambda issue: [linked(site, each) for each in below.get(issue.id, [])],
    }


def _below(site: Issues) -> dict[int, list[int]]:
    below: dict[int, list[int]] = {}
    for issue in site.issues.values():
        if issue.parent is not None:
            below.setdefault(issue.parent, []).append(issue.id)
    return below


def wanted_fields(site: Issues, asked: Iterable[str], default: str) -> set[str]:
    """Return field ids: `*all`, `*navigable`, names, and `-name` taken away."""
    given = [each for each in asked if each]
    every = [*SYSTEM_FIELDS, *site.fields]
    found: set[str] = set()
    for name in given if any(not each.startswith("-") for each in given) else [default, *given]:
        if name == "*all":
            found |= set(every)
        elif name == "*navigable":
            found |= {each for each in every if each not in SYSTEM_FIELDS or SYSTEM_FIELDS[each][2]}
        elif name.startswith("-"):
            found.discard(name[1:])
        elif name in every:
            found.add(name)
    return found


def issue_of(site: Any, issue: Issue, call: Call, wanted: set[str], expand: set[str]) -> dict[str, Any]:
    base = base_of(site, call)
    made: dict[str, Any] = {"expand": "", "id": str(issue.id), "self": f"{base}/issue/{issue.id}", "key": issue.key}
    if wanted:
        makers = derived(site, call)
        fields: dict[str, Any] = {}
        for name in wanted:
            if maker := makers.get(name):
                value = maker(issue)
                if name == "parent" and value is None:
                    continue
            else:
                value = issue.fields.get(name)
                if name in PEOPLE:
                    value = user_of(site, site.person(value), call)
                elif name in TEXTS or (name in site.fields and site.fields[name].type == "textarea"):
                    value = body_of(value, call)
            fields[name] = value
        made["fields"] = fields
    if "renderedFields" in expand:
        texts = {name: issue.fields.get(name) for name in sorted(wanted & TEXTS)}
        made["renderedFields"] = {
            name: storage_of(value) if isinstance(value, dict) else f"<p>{html.escape(value)}</p>" if value else None
            for name, value in texts.items()
        }
    if "changelog" in expand:
        newest = issue.history[::-1]
        shown = newest if call.context == "/jira" else newest[:40]
        histories = [change_of(site, each, call) for each in shown]
        made["changelog"] = {"startAt": 0, "maxResults": len(shown), "total": len(newest), "histories": histories}
    if "names" in expand and call.request.path.endswith(("bulkfetch", made["key"])):
        made["names"] = names_of(site, wanted)
    return made


def names_of(site: Issues, wanted: Iterable[str]) -> dict[str, str]:
    return {each: SYSTEM_FIELDS[each][0] if each in SYSTEM_FIELDS else site.fields[each].name for each in wanted}


def asked(call: Call) -> dict[str, Any]:
    """Return the parameters of a search, from the query or the body."""
    if call.request.method == "POST":
        return call.request.body if isinstance(call.request.body, dict) else {}
    found: dict[str, Any] = {name: values[0] for name, values in call.request.query.items()}
    return found | {"fields": call.all("fields"), "reconcileIssues": call.all("reconcileIssues")}


def jql_rows(site: Issues, jql: str, reconciled: Iterable[Any] = ()) -> list[Any]:
    try:
        return search(site, jql, frozenset(map(int, reconciled)))
    except BadQuery as error:
        raise refuse(400, str(error)) from None


@ROUTES.add("GET", f"{V3}/search/jql")
@ROUTES.add("POST", f"{V3}/search/jql")
def search_jql(site: Any, call: Call) -> Any:
    given = asked(call)
    jql = given.get("jql", "")
    if not jql.strip() or jql.strip().lower().startswith("order by"):
        raise refuse(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    rows = jql_rows(site, jql, given.get("reconcileIssues") or ())
    fields = given.get("fields") or ["id"]
    light = set(fields) <= LIGHT
    most = site.most_light_issues if light else site.most_issues
    limit = max(0, min(int(given.get("maxResults", 50)), most))
    start = 0
    if token := given.get("nextPageToken"):
        try:
            last = json.loads(urlsafe_b64decode(token))
        except ValueError:
            raise refuse(400, "The provided next page token is invalid.") from None
        start = bisect_right(rows, tuple(last), key=lambda row: row[0])
    shown = rows[start : start + limit]
    expand = {each.strip() for each in (given.get("expand") or "").split(",")}
    wanted = set() if light else wanted_fields(site, fields, "*navigable")
    seen: list[Issue] = [row[1] for row in shown]
    if light:
        base = f"{site.url}{V3}/issue/"
        issues: list[Any] = [{"id": str(each.id)} for each in seen]
        if "key" in fields:
            issues = [{"expand": "", "id": str(x.id), "self": f"{base}{x.id}", "key": x.key} for x in seen]
    else:
        issues = [issue_of(site, each, call, wanted, expand) for each in seen]
    made: dict[str, Any] = {"issues": issues, "isLast": start + limit >= len(rows)}
    if not made["isLast"] and shown:
        made["nextPageToken"] = urlsafe_b64encode(json.dumps(shown[-1][0], separators=(",", ":")).encode()).decode()
    if "names" in expand:
        made["names"] = names_of(site, wanted)
    return made


@ROUTES.add("GET", f"{V3}/search")
@ROUTES.add("POST", f"{V3}/search")
def search_gone(site: Any, call: Call) -> Any:
    raise refuse(
        410,
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
        "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046",
    )


@ROUTES.add("POST", f"{V3}/issue/bulkfetch")
def bulkfetch(site: Any, call: Call) -> Any:
    given = asked(call)
    names = given.get("issueIdsOrKeys") or []
    if not 1 <= len(names) <= 100:
        raise refuse(400, "The number of issue ids or keys must be between 1 and 100.")
    found = {each.id: each for name in names if (each := site.issue_at(str(name))) is not None}
    wanted = wanted_fields(site, given.get("fields") or [], "*navigable")
    expand = set(given.get("expand") or [])
    return {"issues": [issue_of(site, found[each], call, wanted, expand) for each in sorted(found)], "issueErrors": []}


def find(site: Issues, call: Call) -> Issue:
    issue = site.issue_at(call.path["key"])
    if issue is None:
        raise refuse(404, "Issue does not exist or you do not have permission to see it.")
    return issue


@ROUTES.add("GET", f"{V3}/issue/{{key}}")
def issue(site: Any, call: Call) -> Any:
    return issue_of(
        site, find(site, call), call, wanted_fields(site, call.all("fields"), "*all"), set(call.all("expand"))
    )


def slice_of(call: Call, rows: list[Any], name: str, show: Callable[[Any], Any], most: int, cap: int) -> dict[str, Any]:
    """Return JIRA's offset page; `values` come with `isLast`."""
    start, limit = call.number("startAt", 0), min(call.number("maxResults", most), cap)
    made: dict[str, Any] = {"startAt": start, "maxResults": limit, "total": len(rows)}
    made[name] = [show(each) for each in rows[start : start + limit]]
    return made | ({"isLast": start + limit >= len(rows)} if name == "values" else {})


@ROUTES.add("GET", f"{V3}/issue/{{key}}/comment")
def issue_comments(site: Any, call: Call) -> Any:
    rows = find(site, call).comments
    rows = rows[::-1] if call.one("orderBy").startswith("-") else rows
    return slice_of(call, rows, "comments", lambda each: comment_of(site, each, call), 100, 100)


@ROUTES.add("GET", f"{V3}/issue/{{key}}/remotelink")
def remote_links(site: Any, call: Call) -> Any:
    found = find(site, call)
    base = f"{base_of(site, call)}/issue/{found.id}/remotelink"
    return [each | {"self": f"{base}/{each['id']}"} for each in found.remote]


@ROUTES.add("GET", f"{V3}/issue/{{key}}/changelog")
def changelog(site: Any, call: Call) -> Any:
    return slice_of(call, find(site, call).history, "values", lambda each: change_of(site, each, call), 100, 100)


@ROUTES.add("POST", f"{V3}/changelog/bulkfetch")
def changelogs(site: Any, call: Call) -> Any:
    given = asked(call)
    found = [each for name in given.get("issueIdsOrKeys", []) if (each := site.issue_at(str(name))) is not None]
    fields = set(given.get("fieldIds") or [])
    rows = [
        (each.id, change)
        for each in found
        for change in each.history
        if not fields or fields & {item.get("fieldId") for item in change.items}
    ]
    start, most = int(given.get("nextPageToken") or 0), given.get("maxResults", 1000)
    made: dict[str, list[Any]] = {}
    for id_, change in rows[start : start + most]:
        made.setdefault(str(id_), []).append(change_of(site, change, call))
    answer: dict[str, Any] = {
        "issueChangeLogs": [{"issueId": id_, "changeHistories": each} for id_, each in made.items()]
    }
    return answer | ({"nextPageToken": str(start + most)} if start + most < len(rows) else {})


@ROUTES.add("GET", f"{V3}/field")
def fields(site: Any, call: Call) -> Any:
    made = [
        {
            "id": id_, "name": name, "custom": False, "orderable": True, "navigable": navigable, "searchable": True,
            "clauseNames": [id_], "schema": {"type": kind, "system": id_},
        } | ({} if call.context == "/jira" else {"key": id_})
        for id_, (name, kind, navigable) in SYSTEM_FIELDS.items()
    ]  # fmt: skip
    for each in site.fields.values():
        number = int(each.id.removeprefix("customfield_")) if each.id.startswith("customfield_") else 0
        custom = f"com.atlassian.jira.plugin.system.customfieldtypes:{each.type}"
        kind = "string" if each.type in ("textarea", "textfield") else each.type
        made.append({
            "id": each.id, "name": each.name, "custom": True, "orderable": True, "navigable": True, "searchable": True,
            "clauseNames": [f"cf[{number}]", each.name], "schema": {"type": kind, "custom": custom, "customId": number},
        } | ({} if call.context == "/jira" else {"key": each.id}))  # fmt: skip
    return made
