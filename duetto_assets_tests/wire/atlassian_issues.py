"""The state of the stand-in's JIRA: projects, issues, fields, roles, security levels, and what changes them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from duetto_assets_tests.wire.atlassian_people import Body, Group, People, User, ms_of
from duetto_assets_tests.wire.atlassian_records import Change, Field, Issue, IssueComment, Project, SecurityLevel

CATEGORIES = {
    "new": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    "indeterminate": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    "done": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
}
DONE = {"done", "closed", "resolved", "rejected", "won't do"}
# id -> name, type, and whether `*navigable` has it
SYSTEM_FIELDS = {
    "summary": ("Summary", "string", True),
    "description": ("Description", "string", True),
    "environment": ("Environment", "string", True),
    "status": ("Status", "status", True),
    "issuetype": ("Issue Type", "issuetype", True),
    "priority": ("Priority", "priority", True),
    "project": ("Project", "project", True),
    "labels": ("Labels", "array", True),
    "components": ("Components", "array", True),
    "fixVersions": ("Fix versions", "array", True),
    "versions": ("Affects versions", "array", True),
    "resolution": ("Resolution", "resolution", True),
    "resolutiondate": ("Resolved", "datetime", True),
    "assignee": ("Assignee", "user", True),
    "reporter": ("Reporter", "user", True),
    "creator": ("Creator", "user", True),
    "created": ("Created", "datetime", True),
    "updated": ("Updated", "datetime", True),
    "duedate": ("Due date", "date", True),
    "security": ("Security Level", "securitylevel", True),
    "issuelinks": ("Linked Issues", "array", True),
    "subtasks": ("Sub-tasks", "array", True),
    "parent": ("Parent", "issuelink", True),
    "attachment": ("Attachment", "array", False),
    "comment": ("Comment", "comments-page", False),
}
NAMED = {"priority", "issuetype", "resolution"}  # given as a text, they become `{"id": …, "name": …}`
NAMED_LISTS = {"components", "fixVersions", "versions"}


class Issues(People):
    """The JIRA half of a site. Issues are named by their key."""

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, Project] = {}
        self.issues: dict[int, Issue] = {}
        self.keys: dict[str, int] = {}  # old keys of moved issues too
        self.fields: dict[str, Field] = {}
        self.levels: dict[str, SecurityLevel] = {}
        self.role_ids: dict[str, int] = {}
        self.stale: dict[int, Issue | None] = {}  # what search still sees
        self._lagging: set[int] | None = set()  # None: all
        self._before: dict[int, Issue | None] = {}  # the last writes, the newest last
        self._issue_id = 10_000

    def add_project(
        self, key: str, name: str = "", holders: Iterable[str] = ("group:jira-users",), **fields: Any
    ) -> str:
        """Add a project and return its id.

        :param holders: Who may browse it: `group:<name>`, `user:<account id>`, `role:<name>`, `anyone`,
            `reporter`, `assignee`, `projectLead`, `applicationRole`.
        :param fields: `description`, `lead` (account id), `type`, `id`.
        """
        with self.lock:
            self._wrote()
            made = Project(self._new_issue(), key, name or key, list(holders), lead=self.me.account_id)
            for name_, value in fields.items():
                setattr(made, name_, value)
            self.projects[key] = made
            self._know(made.holders)
        return str(made.id)

    def set_project_holders(self, key: str, *holders: str) -> None:
        """Replace who may browse a project."""
        with self.lock:
            self._wrote()
            self.projects[key].holders = list(holders)
            self._know(holders)

    def add_role(self, project: str, name: str, users: Iterable[str] = (), groups: Iterable[str] = ()) -> int:
        """Say who has a role in a project: account ids and group names. Return the role's id."""
        with self.lock:
            self._wrote()
            self.projects[project].roles[name] = (list(users), list(groups))
            for each in groups:
                self._group_of(each)
            return self.role_ids.setdefault(name, 10_100 + len(self.role_ids))

    def archive_project(self, key: str) -> None:
        with self.lock:
            self._wrote()
            self.projects[key].status = "archived"

    def delete_project(self, key: str) -> None:
        """Delete a project and its issues."""
        with self.lock:
            for issue in list(self.projects[key].issues.values()):
                self.delete_issue(issue.key)
            self._wrote()
            del self.projects[key]

    def add_field(self, name: str, type: str = "string", id: str = "") -> str:  # noqa: A002
        """Add a custom field and return its id; `textarea` holds text, ADF in v3."""
        with self.lock:
            self._wrote()
            made = Field(id or f"customfield_{10_200 + len(self.fields)}", name, type)
            self.fields[made.id] = made
        return made.id

    def add_security_level(self, name: str, holders: Iterable[str]) -> str:
        """Add a level whose members are named as a project's holders are; return its id."""
        with self.lock:
            self._wrote()
            made = SecurityLevel(str(10_300 + len(self.levels)), name, list(holders))
            self.levels[made.id] = made
            self._know(made.holders)
        return made.id

    def put_issue(
        self,
        project: str,
        summary: str,
        description: Body | None = None,
        *,
        key: str = "",
        id: str | int | None = None,  # noqa: A002
        created: datetime | str | None = None,
        updated: datetime | str | None = None,
        parent: str | None = None,
        level: str | None = None,
        **fields: Any,
    ) -> str:
        """Create an issue and return its key.

        :param fields: By id, or by the name of a custom field (`**{"Story Points": 3}`). Status, priority, type
            and resolution, components and versions may be plain texts; people are account ids.
        """
        with self.lock:
            at = self._wrote()
            home = self.projects[project]
            number = int(key.rpartition("-")[2]) if key else home.last_number + 1
            home.last_number = max(home.last_number, number)
            created_ms = ms_of(created) or ms_of(updated) or at
            known: dict[str, Any] = {
                "summary": summary,
                "description": description,
                "labels": [],
                "reporter": self.me.account_id,
            }
            known |= {"creator": self.me.account_id, "assignee": None, "resolution": None}
            given = {"status": "To Do", "issuetype": "Task", "priority": "Medium"} | fields
            made = Issue(
                self._new_issue() if id is None else int(id), f"{project}-{number}", project, number, created_ms,
                ms_of(updated) or created_ms, known | self._fields(given), level=level,
                parent=self.keys[parent] if parent else None,
            )  # fmt: skip
            self._remember(made.id, None)
            self.issues[made.id] = made
            self.keys[made.key] = made.id
            self._index(made)
        return made.key

    def edit_issue(self, key: str, *, author: str = "", updated: datetime | str | None = None, **fields: Any) -> None:
        """Change fields: `updated` moves on and the history tells."""
        with self.lock:
            issue = self._touch(key, updated)
            new = self._fields(fields)
            items = [
                {"field": name, "fieldId": name, "fieldtype": "custom" if name in self.fields else "jira"}
                | _shown("from", "fromString", issue.fields.get(name))
                | _shown("to", "toString", value)
                for name, value in new.items()
            ]
            issue.history.append(Change(self._new_issue(), author or self.me.account_id, issue.updated, items))
            issue.fields |= new

    def comment_issue(
        self,
        key: str,
        body: Body,
        *,
        author: str = "",
        visibility: tuple[str, str] | None = None,
        created: datetime | str | None = None,
    ) -> str:
        """Comment, which moves `updated` on; return the comment's id. `visibility` is `("role" | "group", name)`."""
        with self.lock:
            issue = self._touch(key, None)
            at = ms_of(created) or issue.updated
            made = IssueComment(self._new_issue(), body, author or self.me.account_id, at, at, visibility)
            issue.comments.append(made)
        return str(made.id)

    def edit_issue_comment(self, key: str, comment: str, body: Body) -> None:
        with self.lock:
            issue = self._touch(key, None)
            made = next(each for each in issue.comments if each.id == int(comment))
            changed = replace(made, body=body, updated=issue.updated)
            issue.comments[issue.comments.index(made)] = changed

    def delete_issue_comment(self, key: str, comment: str) -> None:
        """Delete a comment; JIRA leaves `updated` as it was."""
        with self.lock:
            issue = self._touch(key, None, bump=False)
            issue.comments = [each for each in issue.comments if each.id != int(comment)]

    def link_issues(self, key: str, type: str, other: str, inward: str = "", outward: str = "") -> None:  # noqa: A002
        """Link `key` to `other` (`Blocks`: key blocks other); `updated` of both moves on."""
        with self.lock:
            one, two = self._touch(key, None), self._touch(other, None)
            words = (inward or f"is {type.lower()} of", outward or type.lower())
            link = self._new_issue()
            one.links.append((link, type, *words, two.id))
            two.links.append((link, type, *words, -one.id))

    def remote_link(self, key: str, url: str, title: str, relationship: str = "") -> None:
        """Link a web page; `updated` stays as it was."""
        with self.lock:
            issue = self._touch(key, None, bump=False)
            made = {"id": self._new_issue(), "object": {"url": url, "title": title}}
            issue.remote.append(made | ({"relationship": relationship} if relationship else {}))

    def move_issue(self, key: str, project: str) -> str:
        """Move an issue and return its new key; the old key still leads to it."""
        with self.lock:
            issue = self._touch(key, None)
            self._unindex(issue)
            home = self.projects[project]
            home.last_number += 1
            items = [
                {
                    "field": "Key",
                    "fieldtype": "jira",
                    "fromString": issue.key,
                    "toString": f"{project}-{home.last_number}",
                }
            ]
            issue.history.append(Change(self._new_issue(), self.me.account_id, issue.updated, items))
            issue.former.append(issue.key)
            issue.project, issue.number, issue.key = project, home.last_number, f"{project}-{home.last_number}"
            self.keys[issue.key] = issue.id
            self._index(issue)
        return issue.key

    def delete_issue(self, key: str) -> None:
        """Delete an issue; none of its keys leads anywhere."""
        with self.lock:
            issue = self._touch(key, None, bump=False)
            self._unindex(issue)
            del self.issues[issue.id]
            for name in (issue.key, *issue.former):
                del self.keys[name]

    def secure_issue(self, key: str, level: str | None) -> None:
        """Set or lift the security level; `updated` moves on."""
        with self.lock:
            self._touch(key, None).level = level

    def search_lag(self, what: Iterable[str] | int | None = None) -> None:
        """Let JQL search answer with the old state until `search_catch_up()`; everything else sees the new one.

        :param what: Keys: later writes to these are unseen. Nothing: all later writes are. A number: so many
            issues written last are seen as before their last write, and all later writes are unseen.
        """
        with self.lock:
            self._wrote()
            if isinstance(what, Iterable):
                self._lagging = {self.keys[key] for key in what}
                return
            self._lagging = None
            for id_ in list(self._before)[-what:] if what else []:
                self.stale.setdefault(id_, self._before[id_])

    def search_catch_up(self) -> None:
        """Let search see everything."""
        with self.lock:
            self._wrote()
            self._lagging = set()
            self.stale.clear()

    def issue_at(self, name: str) -> Issue | None:
        """Return the issue with an id or a key, also a former one; None if the account may not see it."""
        issue = self.issues.get(int(name) if name.isdigit() else self.keys.get(name.upper(), -1))
        return issue if issue is not None and self.sees_issue(issue) else None

    def sees_issue(self, issue: Issue) -> bool:
        return not self.hidden or not {f"issue {issue.id}", f"project {issue.project}"} & self.hidden

    def project_at(self, name: str) -> Project | None:
        """Return the project with an id or a key; None if the account may not see it."""
        for each in self.projects.values():
            if name.upper() == each.key or name == str(each.id):
                return None if f"project {each.key}" in self.hidden else each
        return None

    def _touch(self, key: str, updated: datetime | str | None, bump: bool = True) -> Issue:
        """Return an issue about to be written, under its new `updated`."""
        issue = self.issues[self.keys[key]]
        self._remember(issue.id, issue.snapshot())
        at = self._wrote()
        if bump:
            self._unindex(issue)
            issue.updated = ms_of(updated) or max(at, issue.updated + 1)
            self._index(issue)
        return issue

    def _remember(self, id_: int, before: Issue | None) -> None:
        self._before.pop(id_, None)
        self._before[id_] = before
        if len(self._before) > 1000:
            del self._before[next(iter(self._before))]
        if self._lagging is None or id_ in self._lagging:
            self.stale.setdefault(id_, before)

    def _index(self, issue: Issue) -> None:
        home = self.projects[issue.project]
        home.issues[issue.id] = issue
        insort(home.by_updated, (issue.updated, issue.id))

    def _unindex(self, issue: Issue) -> None:
        home = self.projects[issue.project]
        del home.issues[issue.id]
        del home.by_updated[bisect_left(home.by_updated, (issue.updated, issue.id))]

    def _fields(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return fields by id, with texts turned into the objects that JIRA gives."""
        names = {each.name: each.id for each in self.fields.values()}
        made = {}
        for name, value in given.items():
            id_ = names.get(name, name)
            if id_ == "status" and isinstance(value, str):
                category = (
                    "done" if value.lower() in DONE else "indeterminate" if "progress" in value.lower() else "new"
                )
                value = {"id": str(len(value)), "name": value, "statusCategory": CATEGORIES[category]}
            elif id_ in NAMED and isinstance(value, str):
                value = {"id": str(len(value)), "name": value}
            elif id_ in NAMED_LISTS:
                value = [{"id": str(len(each)), "name": each} if isinstance(each, str) else each for each in value]
            elif id_ not in SYSTEM_FIELDS and id_ not in self.fields:
                raise ValueError(f"{name}: no such field; add_field() first")
            made[id_] = value
        return made

    def _know(self, holders: Iterable[str]) -> None:
        for kind, _, name in (each.partition(":") for each in holders):
            if kind == "group":
                self._group_of(name)
            elif kind == "role":
                self.role_ids.setdefault(name, 10_100 + len(self.role_ids))

    def _group_of(self, name: str) -> Group:
        found = self.group_named(name)
        return found if found is not None else self.groups[self.add_group(name)]

    def _new_issue(self) -> int:
        self._issue_id += 1
        return self._issue_id

    def person(self, account_id: str | None) -> User | None:
        return self.users.get(account_id) if account_id else None


def _shown(raw: str, text: str, value: Any) -> dict[str, Any]:
    """Return one side of a history item."""
    if isinstance(value, dict):
        return {raw: str(value.get("id", "")), text: str(value.get("name", value.get("type", "")))}
    if isinstance(value, list):
        return {text: " ".join(str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in value)}
    return {} if value is None else {text: str(value)}
