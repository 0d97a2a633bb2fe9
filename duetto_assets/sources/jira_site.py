"""The calls of JIRA: Cloud's REST v3 and Server's v2, which differ in how they search, page and name people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from atlassian import Jira

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.atlassian import Json, Params, Session, dig, moment, next_token, rows_of, segment, text_of
from duetto_assets.sources.atlassian_access import (
    EVERYBODY,
    Everybody,
    Reader,
    Readers,
    group,
    means_everybody,
    readers,
    user,
)

PROJECTS_A_CALL = 50
ISSUES_A_CALL = 100
_IDS_A_PAGE = 5_000
_SERVER_PAGE = 1_000
_USERS_A_CALL = 90  # ids of 43 characters must fit into a URL
_FIELDS = ("*all", "-worklog", "-watches", "-votes", "-thumbnail")
_ABSENT = (403, 404, 405, 410)
_EPOCH_MS = re.compile(r"(?<=updated >= )\d+")
_ZONES = timedelta(hours=15)


@dataclass(frozen=True, slots=True)
class Project:
    """A project as it is listed. `updated` and `issues` are None where the site does not tell them."""

    key: str
    updated: datetime | None
    issues: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An issue as a search lists it; without its times where only keys were asked for."""

    key: str
    project: str
    updated: datetime | None
    created: datetime | None


class Site:
    """One JIRA."""

    def __init__(self, url: str, session: Session, everyone: Collection[str], *, cloud: bool) -> None:
        self.url = url.rstrip("/")
        self.cloud = cloud
        self._api = "rest/api/3" if cloud else "rest/api/2"
        self._session = session
        self._everyone = tuple(everyone)
        self._client: Any = Jira(self.url, session=session, cloud=cloud)
        self._groups: dict[str, frozenset[Reader] | None] = {}
        self._roles: dict[tuple[str, str], list[Reader]] = {}
        self._levels: dict[str, list[Json] | None] = {}
        self._dates_in_words = False

    @property
    def calls(self) -> int:
        """Remote calls made so far."""
        return self._session.calls

    @property
    def host(self) -> str:
        """The site's name in messages."""
        return self._session.host

    def check_account(self) -> None:
        """Make sure that we are somebody. Cloud answers nobody's search with 200 and nothing found."""
        me = self._get(f"{self._api}/myself")
        if not (dig(me, "accountId") or dig(me, "name") or dig(me, "key")):
            raise self._session.refused(f"/{self._api}/myself")

    def projects(self, keys: Sequence[str]) -> list[Project]:
        """Return the live projects of these keys, 50 a call; of none, all that can be read."""
        if not self.cloud:
            return self._server_projects(keys)
        found: list[Project] = []
        path = f"{self._api}/project/search"
        for start in range(0, max(len(keys), 1), PROJECTS_A_CALL):
            chosen: Params = {"keys": list(keys[start : start + PROJECTS_A_CALL])} if keys else {}
            for row in self._values(path, {"expand": "insight", "orderBy": "key", **chosen}, PROJECTS_A_CALL):
                count = dig(row, "insight", "totalIssueCount")
                updated = moment(dig(row, "insight", "lastIssueUpdateTime"))
                if key := text_of(row.get("key")):
                    issues = count if isinstance(count, int) else None
                    found.append(Project(key, updated, issues))
        return found

    def newest(self, keys: Sequence[str]) -> tuple[list[Listed], bool]:
        """Return the newest issues of these projects, one call's worth, and whether those are all there are."""
        query = f"project in ({', '.join(quoted(key) for key in keys)}) ORDER BY updated DESC"
        issues, token = self._search_page(query, "updated,created,project", None, ISSUES_A_CALL)
        return [_listed(row) for row in issues], token is None

    def issues(self, project: str, clauses: Sequence[str] = (), *, times: bool = True) -> Iterator[Listed]:
        """Yield the issues of a project, all pages, those with smaller keys first.

        :param clauses: JQL that each of them must satisfy.
        :param times: Also when they were made and changed; without that, a page holds 5,000 of them.
        """
        query = " AND ".join([f"project = {quoted(project)}", *clauses])
        fields = "updated,created,project" if times else "key"
        token: str | None = None
        seen: set[str] = set()
        while True:
            rows, following = self._search_page(f"{query} ORDER BY key ASC", fields, token, _IDS_A_PAGE)
            yield from (_listed(row) for row in rows)
            if following is None:
                return
            token = next_token(following, seen, f"{self.host}: search of {project}")

    def read(self, keys: Sequence[str], expand: Sequence[str]) -> tuple[list[Json], Mapping[str, str]]:
        """Return up to 100 issues as they are now, and the reasons of those that could not be given.

        Issues that are gone, or hidden from us, are in neither.
        """
        if self.cloud:
            body: Json = {"issueIdsOrKeys": list(keys), "fields": list(_FIELDS), "expand": list(expand)}
            answer = self._client.post(f"{self._api}/issue/bulkfetch", json=body)
            issues = rows_of(answer, "issues", f"{self.host}: /{self._api}/issue/bulkfetch")
            errors = {
                text_of(dig(row, "id")): text_of(dig(row, "errorMessage")) or "could not be given"
                for row in dig(answer, "issueErrors") or []
            }
            return issues, errors
        path = f"{self._api}/search"
        body = {
            "jql": f"issuekey in ({', '.join(quoted(key) for key in keys)})",
            "fields": list(_FIELDS),
            "expand": list(expand),
            "maxResults": len(keys),
            "validateQuery": False,  # an issue that is gone is no error
        }
        found: list[Json] = []
        while True:  # a site may give fewer at a time than were asked for
            answer = self._client.post(path, json=body | {"startAt": len(found)})
            issues = rows_of(answer, "issues", f"{self.host}: /{path}")
            found += [{"names": dig(answer, "names") or {}, **issue} for issue in issues]
            total = dig(answer, "total")
            if not issues or not isinstance(total, int) or len(found) >= total:
                return found, {}

    def comments(self, key: str) -> list[Json]:
        """Return the comments of an issue."""
        return list(self._values(f"{self._api}/issue/{segment(key)}/comment", {}, 100, rows="comments"))

    def history(self, key: str) -> list[Json]:
        """Return the changes of an issue, the oldest first. Server embeds them all."""
        if not self.cloud:
            return []
        return list(self._values(f"{self._api}/issue/{segment(key)}/changelog", {}, 100))

    def remote_links(self, key: str) -> list[Json]:
        """Return the links of an issue to other systems."""
        try:
            answer = self._client.get(f"{self._api}/issue/{segment(key)}/remotelink")
        except GiveUp as error:
            if error.status in _ABSENT:  # linking is switched off, or the issue just went
                return []
            raise
        return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []

    def field_names(self) -> Mapping[str, str]:
        """Return the names of all fields, by id."""
        answer = self._client.get(f"{self._api}/field")
        rows: list[Any] = answer if isinstance(answer, list) else []
        return {text_of(dig(row, "id")): text_of(dig(row, "name")) for row in rows}

    def readers(self, project: str) -> Readers:
        """Return who may browse a project, by its permission scheme; None if that may not be known."""
        path = f"{self._api}/project/{segment(project)}/permissionscheme"
        try:
            answer = self._get(path, {"expand": "permissions,user,group,projectRole"})
        except GiveUp as error:
            if error.status in _ABSENT:
                return None
            raise
        grants = dig(answer, "permissions")
        holders = [
            dig(grant, "holder")
            for grant in (grants if isinstance(grants, list) else [])
            if dig(grant, "permission") in ("BROWSE_PROJECTS", "BROWSE")
        ]
        return readers(self._of_holders(holders, project, {}), self._everyone)

    def level_readers(self, level: str, project: str, people: Mapping[str, Reader]) -> Readers:
        """Return who is in a security level; None if that may not be known. No group in it means everybody.

        :param people: Who has which role in the issue: `reporter`, `assignee`.
        """
        if level not in self._levels:
            path = f"{self._api}/issuesecurityschemes/level/member"
            try:
                rows = self._values(path, {"levelId": level, "expand": "user,group,projectRole"}, 50)
                self._levels[level] = [row for row in rows if text_of(row.get("issueSecurityLevelId")) == level]
            except GiveUp as error:
                if error.status not in (*_ABSENT, 400):
                    raise
                self._levels[level] = None
        rows_known = self._levels[level]
        if rows_known is None:
            return None
        return readers(self._of_holders([dig(row, "holder") for row in rows_known], project, people), ())

    def members(self, of: Reader) -> frozenset[Reader] | None:
        """Return the members of a group; None if that may not be known."""
        if of.id not in self._groups:
            by_id = self.cloud and of.id != of.names[0]
            named: Params = {"groupId": of.id} if by_id else {"groupname": of.names[0]}
            try:
                rows = list(self._values(f"{self._api}/group/member", named, 50))
            except GiveUp as error:
                if error.status not in (*_ABSENT, 400):
                    raise
                self._groups[of.id] = None
            else:
                self._groups[of.id] = frozenset(person(row) for row in rows)
        return self._groups[of.id]

    def forget(self) -> None:
        """Let go of what was learned of people, so that what changes is seen."""
        self._groups.clear()
        self._roles.clear()
        self._levels.clear()

    # --- how Cloud and Server differ

    def _search_page(self, query: str, fields: str, token: str | None, limit: int) -> tuple[list[Json], str | None]:
        """Return one page of a search and the token of the next; None after the last."""
        search = self._cloud_page if self.cloud else self._server_page
        dated = _EPOCH_MS.search(query) is not None
        if not dated or self._dates_in_words:
            rows, following = search(_in_words(query), fields, token, limit)
        else:
            try:
                rows, following = search(query, fields, token, limit)
            except GiveUp as error:
                if error.status != 400:
                    raise
                rows, following = search(_in_words(query), fields, token, limit)
                self._dates_in_words = True
        if not all(text_of(row.get("key")) for row in rows):
            raise RetryLater(f"{self.host}: the search gave an issue without a key, so it is not known to be whole")
        return rows, following

    def _cloud_page(self, query: str, fields: str, token: str | None, limit: int) -> tuple[list[Json], str | None]:
        answer = self._client.enhanced_jql(query, fields=fields, nextPageToken=token, limit=limit)
        rows = rows_of(answer, "issues", f"{self.host}: /{self._api}/search/jql")
        following = dig(answer, "nextPageToken") or None
        if following is None and dig(answer, "isLast") is False:
            raise RetryLater(f"{self.host}: the search broke off: it is not at its end, and gives no next page")
        return rows, None if dig(answer, "isLast") is True else following

    def _server_page(self, query: str, fields: str, token: str | None, limit: int) -> tuple[list[Json], str | None]:
        """Pages are by position: each begins with the last issue of the one before, which shows that none moved."""
        position, _, last = (token or "").partition(" ")
        start = int(position or 0)
        body = {"jql": query, "fields": fields.split(","), "startAt": start, "maxResults": min(limit, _SERVER_PAGE)}
        answer = self._client.post(f"{self._api}/search", json=body)
        rows = rows_of(answer, "issues", f"{self.host}: /{self._api}/search")
        total = dig(answer, "total")
        if not isinstance(total, int):
            raise RetryLater(f"{self.host}: a search without a total, so that it is not known to be whole")
        if last and (not rows or text_of(rows[0].get("key")) != last):
            raise RetryLater(f"{self.host}: issues went while they were listed, so it is not known to be whole")
        end = start + len(rows)
        fresh = rows[1:] if last else rows
        if not fresh and end < total:
            raise RetryLater(f"{self.host}: the search broke off after {end} of {total} issues")
        return fresh, f"{end - 1} {text_of(rows[-1].get('key'))}" if end < total else None

    def _server_projects(self, keys: Sequence[str]) -> list[Project]:
        answer = self._client.get(f"{self._api}/project")
        if not isinstance(answer, list):
            raise RetryLater(f"{self.host}: /{self._api}/project is no list")
        listed = [Project(text_of(dig(row, "key")), None, None) for row in answer]
        return [project for project in listed if project.key and (not keys or project.key in keys)]

    # --- people

    def _of_holders(
        self, holders: Sequence[object], project: str, people: Mapping[str, Reader]
    ) -> list[Reader | Everybody]:
        """Return whom the holders of a permission are. What is not known here (custom fields) holds for nobody."""
        found: list[Reader | Everybody] = []
        for holder in holders:
            kind = text_of(dig(holder, "type"))
            name, id_ = text_of(dig(holder, "parameter")), text_of(dig(holder, "value"))
            if kind == "anyone" or (kind == "applicationRole" and self._is_for_all(name)):
                found.append(EVERYBODY)
            elif kind == "group":
                label = text_of(dig(holder, "group", "name")) or name
                found.append(group(text_of(dig(holder, "group", "groupId")) or id_ or name, label))
            elif kind == "user":
                found.append(person(dig(holder, "user") or {"accountId": name if self.cloud else "", "name": name}))
            elif kind == "projectRole":
                found += self._role(project, id_ or name)
            elif kind in people:
                found.append(people[kind])
        return found

    def _is_for_all(self, application: str) -> bool:
        """Return whether everybody has access to an application; no name means whoever is signed in."""
        return not application or means_everybody(f"{application}-users", self._everyone)

    def _role(self, project: str, role: str) -> list[Reader]:
        if (project, role) not in self._roles:
            try:
                actors = dig(self._get(f"{self._api}/project/{segment(project)}/role/{segment(role)}"), "actors") or []
            except GiveUp as error:
                if error.status not in _ABSENT:
                    raise
                actors = []
            found: list[Reader] = []
            for actor in actors:
                if isinstance(of := dig(actor, "actorGroup"), dict):
                    found.append(group(text_of(of.get("groupId")), text_of(of.get("name"))))
                elif of := dig(actor, "actorUser"):
                    found.append(user(text_of(dig(of, "accountId"))))
                elif dig(actor, "type") == "atlassian-user-role-actor":
                    found.append(user(text_of(dig(actor, "name"))))
                elif dig(actor, "type") == "atlassian-group-role-actor":
                    found.append(group("", text_of(dig(actor, "name"))))
            self._roles[project, role] = self._with_addresses(found)
        return self._roles[project, role]

    def _with_addresses(self, found: Sequence[Reader]) -> list[Reader]:
        """Return them with the users' e-mail addresses, where these may be known: a role names account ids alone."""
        ids = [reader.id for reader in found if reader.kind == "user" and self.cloud]
        known: dict[str, Reader] = {}
        for start in range(0, len(ids), _USERS_A_CALL):
            try:
                rows = list(
                    self._values(
                        f"{self._api}/user/bulk", {"accountId": ids[start : start + _USERS_A_CALL]}, _USERS_A_CALL
                    )
                )
            except GiveUp as error:
                if error.status not in (*_ABSENT, 400):
                    raise
                break
            known |= {reader.id: reader for reader in map(person, rows)}
        return [known.get(reader.id, reader) if reader.kind == "user" else reader for reader in found]

    # --- the wire

    def _get(self, path: str, params: Params | None = None) -> Json:
        answer = self._client.get(path, params=dict(params or {}))
        return answer if isinstance(answer, dict) else {}

    def _values(self, path: str, params: Params, limit: int, *, rows: str = "values") -> Iterator[Json]:
        """Yield the rows of a listing that is paged by position."""
        start = 0
        before: list[Json] = []
        while True:
            answer = self._get(path, {**params, "startAt": start, "maxResults": limit})
            found = rows_of(answer, rows, f"{self.host}: /{path}")
            if found and found == before:
                raise RetryLater(f"{self.host}: /{path} gave one page twice, so it is not known to be whole")
            yield from found
            start, before = start + len(found), found
            total, last = dig(answer, "total"), dig(answer, "isLast")
            if last is True or (last is None and isinstance(total, int) and start >= total):
                return
            if last is None and total is None and len(found) < (dig(answer, "maxResults") or limit):
                return
            if not found:
                if isinstance(total, int) and start >= total:
                    return
                raise RetryLater(f"{self.host}: /{path} broke off after {start} rows")


def person(row: object) -> Reader:
    """Return a user as any call gives them."""
    names = (text_of(dig(row, "emailAddress")), text_of(dig(row, "name")))
    return user(text_of(dig(row, "accountId")) or text_of(dig(row, "key")) or names[1], *names)


def quoted(text: str) -> str:
    """Return a string of JQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def since_clause(when: datetime) -> str:
    """Return JQL for what changed at that time or later. Milliseconds know no time zone; a date is in the profile's."""
    return f"updated >= {max(epoch_ms(when), 0)}"


def _in_words(query: str) -> str:
    """Return a query with its times as every JQL knows them: in an unknown time zone, so some hours earlier."""

    def words(ms: re.Match[str]) -> str:
        when = datetime.fromtimestamp(int(ms[0]) // 1000, UTC) - _ZONES
        return f'"{max(when, datetime(1970, 1, 2, tzinfo=UTC)):%Y-%m-%d %H:%M}"'

    return _EPOCH_MS.sub(words, query)


def epoch_ms(when: datetime) -> int:
    """Return milliseconds since 1970."""
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _listed(row: Mapping[str, Any]) -> Listed:
    return Listed(
        text_of(row.get("key")),
        text_of(dig(row, "fields", "project", "key")),
        moment(dig(row, "fields", "updated")),
        moment(dig(row, "fields", "created")),
    )
