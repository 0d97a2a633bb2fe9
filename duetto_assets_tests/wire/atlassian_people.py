"""What Confluence and JIRA share in the stand-in: accounts, groups, tokens, what is hidden, the clock, bodies."""

from __future__ import annotations

import html
import re
import threading
import uuid
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from duetto_assets_tests.wire.atlassian_http import Clock

Body = str | dict[str, Any]  # storage, wiki or plain text; or ADF
TAG = re.compile(r"<[^>]+>")
BLOCK = re.compile(r"</(?:p|h[1-6]|li|tr|div)>|<br ?/>")


@dataclass
class User:
    """A person: Cloud knows the account id, Data Center name and key."""

    account_id: str
    name: str  # displayed
    email: str
    active: bool = True
    kind: str = "atlassian"  # or "app", "customer"

    @property
    def username(self) -> str:
        return self.email.partition("@")[0] or self.account_id


@dataclass
class Group:
    """A group and its members' account ids."""

    id: str
    name: str
    members: list[str]


class People:
    """Accounts, groups and who may call; every write goes through `_wrote`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.changes = 0  # grows with every write: what a cached listing is valid for
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.tokens: dict[str, str] = {}  # token -> account id; none: everybody is let in
        self.refused: Literal["401", "looks_empty"] = "401"
        self.hidden: set[str] = set()  # "page 12", "issue 7", "space KEY", "project KEY"
        self.time_zone = "UTC"  # of the indexing account: JIRA reads and writes dates in it
        self._cache: dict[Any, tuple[int, Any]] = {}
        self.me = self.add_user(
            "712020:00000000-0000-4000-8000-000000000001", "Indexing Account", "indexer@example.com"
        )

    @property
    def now(self) -> datetime:
        """The site's time. Setting it sets the clock off; it runs on from there."""
        return datetime.fromtimestamp(self.clock.ms() / 1000, UTC)

    @now.setter
    def now(self, at: datetime) -> None:
        self.clock.set(at)

    def freeze(self, at: datetime) -> None:
        """Let the clock stand still; writes still move on by a millisecond each."""
        self.clock.frozen = at.timestamp()
        self.clock.set(at)

    def add_user(self, account_id: str, name: str, email: str = "", active: bool = True) -> User:
        user = User(account_id, name, email, active)
        with self.lock:
            self.users[account_id] = user
            self.changes += 1
        return user

    def add_group(self, name: str, members: Iterable[str] = ()) -> str:
        """Add a group, or replace its members; return its id."""
        made = Group(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"group.{name}")), name, list(members))
        with self.lock:
            self.groups[made.id] = made
            self.changes += 1
        return made.id

    def group_named(self, name_or_id: str) -> Group | None:
        return next((each for each in self.groups.values() if name_or_id in (each.id, each.name)), None)

    def accept(self, user: str, token: str) -> None:
        """Let in `user:token` (user: account id, e-mail address or name) and the bearer of the token, nobody else."""
        found = self.user_called(user) or self.add_user(user, user, user)
        with self.lock:
            self.tokens[token] = found.account_id

    def user_called(self, name: str) -> User | None:
        return next(
            (each for each in self.users.values() if name in (each.account_id, each.email, each.username)), None
        )

    def caller(self, authorization: str) -> User | None:
        """Return whose request it is; None if it is refused."""
        if not self.tokens:
            return self.me
        scheme, _, value = authorization.partition(" ")
        if scheme == "Bearer" and value in self.tokens:
            return self.users[self.tokens[value]]
        if scheme == "Basic":
            name, _, token = b64decode(value).decode().partition(":")
            user = self.users.get(self.tokens.get(token, ""))
            return user if user is not None and name in (user.account_id, user.email, user.username) else None
        return None

    def _wrote(self) -> int:
        """Return the time of a write, in ms; what was cached is stale."""
        self.changes += 1
        return self.clock.tick()

    def cached(self, key: Any, make: Any) -> Any:
        """Return `make()`, computed once between two writes."""
        kept = self._cache.get(key)
        if kept is None or kept[0] != self.changes:
            if len(self._cache) > 64:
                self._cache.clear()
            kept = (self.changes, make())
            self._cache[key] = kept
        return kept[1]


def iso(ms: int) -> str:
    """Return a time as Confluence writes it: `2026-01-31T08:00:00.000Z`."""
    whole = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def ms_of(at: datetime | str | int | None) -> int | None:
    """Return milliseconds since 1970 of a time; text is ISO 8601, also as JIRA writes it."""
    if at is None or isinstance(at, int):
        return at
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return round(at.timestamp() * 1000)


def adf_of(body: Body) -> dict[str, Any]:
    """Return ADF; plain or wiki text becomes paragraphs at blank lines, and hard breaks."""
    if isinstance(body, dict):
        return body
    content = []
    for block in re.split(r"\n[ \t]*\n", body.replace("\r\n", "\n")):
        lines: list[dict[str, Any]] = []
        for line in block.strip("\n").split("\n"):
            lines.append({"type": "hardBreak"})
            if line:
                lines.append({"type": "text", "text": line})
        if len(lines) > 1:
            content.append({"type": "paragraph", "content": lines[1:]})
    return {"type": "doc", "version": 1, "content": content}


def text_of(node: dict[str, Any]) -> str:
    """Return the text of ADF, a line a paragraph."""
    if node.get("type") == "text":
        return str(node["text"])
    if node.get("type") == "hardBreak":
        return "\n"
    inner = "".join(text_of(each) for each in node.get("content", []))
    return f"{inner}\n" if node.get("type") in ("paragraph", "heading", "codeBlock") else inner


def wiki_of(body: Body) -> str:
    """Return a body as JIRA's v2 gives it: text as the test gave it, and the plain text of ADF."""
    return text_of(body).strip() if isinstance(body, dict) else body


def storage_of(body: Body) -> str:
    """Return storage XHTML: as the test gave it, or the paragraphs of ADF."""
    if isinstance(body, str):
        return body
    return "".join(f"<p>{html.escape(line)}</p>" for line in text_of(body).splitlines() if line)


def page_adf(body: Body) -> dict[str, Any]:
    """Return ADF of a page: as the test gave it, or the text of its storage format."""
    if isinstance(body, dict):
        return body
    return adf_of(html.unescape(TAG.sub("", BLOCK.sub("\n\n", body))))
