"""What fills the stand-in: real issues and pages from files, and many made-up ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from duetto_assets_tests.wire.atlassian_issues import Issues
from duetto_assets_tests.wire.atlassian_pages import Pages
from duetto_assets_tests.wire.atlassian_people import ms_of

WORDS = (  # noqa: SIM905
    "deployment certificate rotation pager budget retention backlog snapshot tenant gateway ledger quota replica "
    "invoice handover runbook cluster firewall onboarding latency migration archive webhook parser"
).split()
BESIDE = {"project", "summary", "description", "created", "updated", "comment", "issuelinks", "attachment", "subtasks"}


def made_up(number: int) -> str:
    """Return a sentence that no other number has."""
    first, second, third = (WORDS[(number // step) % len(WORDS)] for step in (1, 24, 576))
    return f"The {first} of {second} {number} waits for the {third} in ring {number % 7}."


class Loading(Pages, Issues):
    """Ways to fill a site."""

    check: Any = None

    def load_jira_jsonl(self, path: Path) -> str:
        """Load issues in v2's shape, one JSON object a line, and return the project's key.

        Epic and closed sprints become custom fields; links are kept where both ends are there.
        """
        links: set[tuple[str, str, str, str, str, str]] = set()
        with self.lock:
            key = ""
            for line in path.read_text("utf-8").splitlines():
                raw = json.loads(line)
                given = raw["fields"]
                key = given["project"]["key"]
                if key not in self.projects:
                    self.add_project(key, given["project"]["name"], id=int(given["project"]["id"]))
                self._load_issue(key, raw)
                for link in given.get("issuelinks") or []:
                    kind, there = link["type"], link.get("outwardIssue") or link.get("inwardIssue")
                    ends = (raw["key"], there["key"]) if "outwardIssue" in link else (there["key"], raw["key"])
                    links.add((link["id"], kind["name"], kind["inward"], kind["outward"], *ends))
            for id_, name, inward, outward, one, two in sorted(links):
                if one in self.keys and two in self.keys:
                    first, second = self.issues[self.keys[one]], self.issues[self.keys[two]]
                    first.links.append((int(id_), name, inward, outward, second.id))
                    second.links.append((int(id_), name, inward, outward, -first.id))
        return key

    def _load_issue(self, project: str, raw: dict[str, Any]) -> None:
        custom = {"epic": "Epic Link", "closedSprints": "Closed Sprints", "flagged": "Flagged"}
        fields: dict[str, Any] = {}
        given = raw["fields"]
        for name, value in given.items():
            if name in BESIDE:
                continue
            if name in custom:
                known = {each.name for each in self.fields.values()}
                if custom[name] not in known:
                    self.add_field(custom[name], "any")
                shown = value["key"] if name == "epic" and value else value
                fields[custom[name]] = shown
            elif name in ("assignee", "reporter", "creator"):
                fields[name] = self._load_person(value)
            else:
                fields[name] = value
        made = self.put_issue(
            project, given["summary"], given["description"], key=raw["key"], id=raw["id"],
            created=given["created"], updated=given["updated"], **fields,
        )  # fmt: skip
        issue = self.issues[self.keys[made]]
        for comment in given["comment"]["comments"]:
            body, author = comment.get("body", ""), self._load_person(comment.get("author"))
            self.comment_issue(made, body, author=author or "", created=comment["created"])
            issue.comments[-1].id = int(comment["id"])
            issue.comments[-1].updated = ms_of(comment["updated"]) or issue.comments[-1].updated
        self._unindex(issue)
        issue.updated = ms_of(given["updated"]) or issue.updated  # the comments had moved it on
        self._index(issue)

    def _load_person(self, raw: dict[str, Any] | None) -> str | None:
        """Return the account id of a person of v2's shape; unknown ones are added."""
        if not raw:
            return None
        account = f"557058:{raw['name']}"
        if account not in self.users:
            self.add_user(account, raw["displayName"], f"{raw['name']}@example.com", raw.get("active", True))
        return account

    def load_confluence_pages(self, folder: Path, space: str = "QM") -> list[str]:
        """Load pages from `<id>/`: `page.v2.yaml`, `page.xhtml`, `page.adf`, attachments and ancestors.

        A folder with `page.xhtml` only becomes a page titled as the folder. Ancestors that are not there are made,
        empty. Return the ids of the folders' pages.
        """
        import yaml

        loaded = []
        with self.lock:
            if space not in self.spaces:
                self.add_space(space, "Manual")
            for each in sorted(path for path in folder.iterdir() if (path / "page.xhtml").exists()):
                storage = (each / "page.xhtml").read_text("utf-8")
                if not (each / "page.v2.yaml").exists():
                    loaded.append(self.put_page(space, each.name, storage))
                    continue
                parent = None
                for above in _yaml(yaml, each / "ancestors.v1.yaml")["results"]:
                    if int(above["id"]) not in self.pages:
                        self.put_page(space, above["title"], id=above["id"], parent=parent)
                    parent = above["id"]
                loaded.append(self._load_page(space, each, storage, _yaml(yaml, each / "page.v2.yaml"), parent))
                for file in _yaml(yaml, each / "attachments.v1.yaml")["results"]:
                    kind, size = file["extensions"]["mediaType"], file["extensions"]["fileSize"]
                    self.attach(loaded[-1], file["title"], kind, size)
        return loaded

    def _load_page(self, space: str, folder: Path, storage: str, raw: dict[str, Any], parent: str | None) -> str:
        for account in {raw["authorId"], raw["version"]["authorId"]} - set(self.users):
            self.add_user(account, f"Author {len(self.users)}", f"author{len(self.users)}@example.com")
        number = int(raw["id"])
        if known := self.pages.pop(number, None):  # made before, as another's ancestor
            del self._in_space[known.space][number]
        return self.put_page(
            space, raw["title"], storage, adf=json.loads((folder / "page.adf").read_text("utf-8")), id=number,
            parent=parent, author=raw["authorId"], editor=raw["version"]["authorId"], created=raw["createdAt"],
            modified=raw["version"]["createdAt"], version=raw["version"]["number"],
            minor=raw["version"]["minorEdit"], message=raw["version"]["message"], position=raw["position"],
        )  # fmt: skip

    def bulk(self, pages: int = 0, issues: int = 0, space: str = "BULK", project: str = "BULK") -> None:
        """Add so many short pages to a space and issues to a project, a minute apart, in the past; all differ.

        Above 1000, nothing is held against the vendors' descriptions any more: it would take longer than the answers.
        """
        with self.lock:
            if pages + issues > 1000:
                self.check = None
            start = self.now - timedelta(minutes=max(pages, issues) + 1)
            if pages and space not in self.spaces:
                self.add_space(space)
            for number in range(pages):
                at = round((start + timedelta(minutes=number)).timestamp() * 1000)
                text = f"<p>{made_up(number)}</p><p>{made_up(number + 9_999_991)}</p>"
                self.put_page(space, f"Page {number} {WORDS[number % len(WORDS)]}", text, modified=_at(at))
            if issues and project not in self.projects:
                self.add_project(project)
            for number in range(issues):
                self._bulk_issue(project, number, start + timedelta(minutes=number))

    def _bulk_issue(self, project: str, number: int, at: datetime) -> None:
        status = ("To Do", "In Progress", "Done")[number % 3]
        self.put_issue(
            project, f"Issue {number} {WORDS[number % len(WORDS)]}", made_up(number), updated=at, status=status
        )


def _yaml(yaml: Any, path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"results": []}
    loaded: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
