"""The source `jira`: issues with their comments. A partition is a project."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from duetto_assets.errors import GiveUp, Lost, RetryLater, SourceError
from duetto_assets.model import Document, digest
from duetto_assets.sources.atlassian import Json, Session, dig, in_parallel, moment, text_of
from duetto_assets.sources.atlassian_access import Everybody, Readers, access_of, narrow
from duetto_assets.sources.base import Heads, Ref, Scan
from duetto_assets.sources.jira_documents import document_of, roles_of
from duetto_assets.sources.jira_site import (
    ISSUES_A_CALL,
    PROJECTS_A_CALL,
    Listed,
    Project,
    Site,
    epoch_ms,
    since_clause,
)
from duetto_assets.sources.redact import quote

SOURCE = "jira"
OVERLAP = timedelta(minutes=30)
"""The search is eventually consistent: an edit may become visible after a later one was seen."""

CENSUS_OVERLAP = timedelta(days=1)
"""A census lists the others without their times, so it looks further back: a search may have been stuck for hours."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH = timedelta(days=30.44)
_FEW = 3
_FAILURES_IN_A_ROW = 10
_KEY = re.compile(r"\w+-\d+")
_log = logging.getLogger("duetto_assets.progress")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which issues are indexed: those changed lately, or not done. No months let all pass."""

    history_months: int = 0
    include_open_older: bool = True

    def clauses(self, now: datetime) -> list[str]:
        """Return the policy as JQL."""
        if not self.history_months:
            return []
        recent = since_clause(self.horizon(now))
        return [f"({recent} OR statusCategory != Done)" if self.include_open_older else recent]

    def horizon(self, now: datetime) -> datetime:
        """Return when an issue must have been changed to be indexed for that alone."""
        return now - self.history_months * _MONTH if self.history_months else _EPOCH


@dataclass(frozen=True, slots=True)
class _Head:
    """The newest change of a project, and how many issues it has where the site tells."""

    updated: datetime
    issues: int | None

    def __str__(self) -> str:
        return f"{epoch_ms(self.updated)}:{'' if self.issues is None else self.issues}"

    @classmethod
    def parse(cls, text: str | None) -> _Head | None:
        ms, _, count = (text or "").partition(":")
        if not ms.isdigit():
            return None
        return cls(_EPOCH + timedelta(milliseconds=int(ms)), int(count) if count.isdigit() else None)


class JiraSource:
    """Issues of the projects, with their comments, links and changes of status."""

    name = SOURCE

    def __init__(
        self,
        site: Site,
        session: Session,
        *,
        account: str,
        projects: Sequence[str] = (),
        policy: Policy | None = None,
        remote_links: bool = True,
        max_bytes: int = 1_000_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask nothing yet.

        :param account: What the indexing account is called in `access`.
        :param projects: Keys; of none, every project that can be read.
        :param remote_links: Read links to other systems too, which costs a call for each issue.
        :param max_bytes: Issues with more text are skipped.
        """
        self._site = site
        self._session = session
        self._account = account
        self._keys = tuple(dict.fromkeys(projects))
        self._policy = policy or Policy()
        self._remote_links = remote_links
        self._max_bytes = max_bytes
        self._now = now
        self._seen: dict[str, _Head] = {}  # heads that no scan has used yet
        self._readers: dict[str, Readers] = {}
        self._names: Mapping[str, str] = {}
        self._failures = 0  # in a row

    @property
    def calls(self) -> int:
        """Remote calls made so far."""
        return self._site.calls

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:
        """Return the newest change and the number of issues of each project: a call for each 50.

        A site that does not tell them with its projects is searched: another call for each 50.
        """
        known = known or {}
        with self._session.in_haste():
            listed = {project.key: project for project in self._site.projects(self._keys)}
            wanted = {*self._keys} or {*known}
            if not listed or wanted - listed.keys():
                # An account that is nobody is shown less, not refused.
                self._site.check_account()
            self._seen = self._heads_of(list(listed.values()), known)
        heads: dict[str, str | SourceError] = {key: str(self._seen[key]) for key in sorted(listed)}
        return heads | {key: self._lost(key) for key in sorted(wanted - listed.keys())}

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:
        """List what changed since a head, or all issues where that is not known.

        Deletions, moves and lost visibility leave no trace in what changed: the keys of all issues are listed in a
        census, where the number of issues does not fit, and where the head did not move, since then somebody wants to
        know for certain.
        """
        head = self._head(partition)
        self._site.forget()
        self._readers[partition] = self._site.readers(partition)
        before = _Head.parse(since)
        if before is None:
            self._site.check_account()
            refs = {issue.key: self._ref(partition, issue) for issue in self._listed(partition)}
            self._doubt_nothing(partition, refs)
            return Scan(list(refs.values()), str(head), complete=True, settled=self._settled(head, refs, refs))
        census = census or str(head) == since
        since_when = before.updated - (CENSUS_OVERLAP if census else OVERLAP)
        changed = list(self._site.issues(partition, [since_clause(since_when), *self._clauses()]))
        refs = {issue.key: self._ref(partition, issue) for issue in changed if issue.project in (partition, "")}
        timed = dict(refs)
        if not (census or self._miscounted(before, head, changed)):
            return Scan(list(refs.values()), str(head), complete=False, settled=self._settled(head, timed, {}))
        self._site.check_account()
        beginning = self._beginning(partition)
        for issue in self._site.issues(partition, self._clauses(), times=False):
            refs.setdefault(issue.key, Ref(issue.key, beginning, whole=False))
        self._doubt_nothing(partition, refs)
        return Scan(list(refs.values()), str(head), complete=True, settled=self._settled(head, timed, refs))

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        """Yield the issues of a listing, 100 a call. One that cannot be read is named, and the others go on."""
        if not refs:
            return
        if partition not in self._readers:
            self._readers[partition] = self._site.readers(partition)
        keys = [ref.id for ref in refs if _KEY.fullmatch(ref.id)]
        few = len(keys) <= _FEW
        self._names = {} if few else self._site.field_names()
        self._failures = 0
        for ref in refs:
            if not _KEY.fullmatch(ref.id):
                yield self._skipped(partition, ref.id, ref.version, "its key is not that of an issue")
        for start in range(0, len(keys), ISSUES_A_CALL):
            yield from self._batch(partition, keys[start : start + ISSUES_A_CALL], few)

    # --- heads

    def _heads_of(self, projects: Sequence[Project], known: Mapping[str, str]) -> dict[str, _Head]:
        found = {
            project.key: _Head(project.updated or _EPOCH, project.issues)
            for project in projects
            if project.issues == 0 or (project.issues is not None and project.updated is not None)
        }
        rest = [project.key for project in projects if project.key not in found]
        for start in range(0, len(rest), PROJECTS_A_CALL):
            found |= self._searched_heads(rest[start : start + PROJECTS_A_CALL], known)
        return found

    def _searched_heads(self, keys: Sequence[str], known: Mapping[str, str]) -> dict[str, _Head]:
        issues, whole = self._site.newest(keys)
        newest: dict[str, datetime] = {}
        for issue in issues:
            if issue.updated is not None:
                newest[issue.project] = max(issue.updated, newest.get(issue.project, _EPOCH))
        horizon = _EPOCH if whole else min((i.updated for i in issues if i.updated), default=_EPOCH)
        found: dict[str, _Head] = {}
        for key in keys:
            before = _Head.parse(known.get(key))
            if key in newest:
                found[key] = _Head(newest[key], None)
            elif whole:
                found[key] = _Head(_EPOCH, None)
            elif before is not None and before.issues is None and before.updated <= horizon:
                found[key] = before  # older than all that was given, so unchanged
            else:
                own, _ = self._site.newest([key])
                found[key] = _Head(max((i.updated for i in own if i.updated), default=_EPOCH), None)
        return found

    def _head(self, partition: str) -> _Head:
        """Return the head as it was before anything is listed; one that `heads` has just told is as good."""
        if self._keys and partition not in self._keys:
            raise GiveUp(f"{SOURCE}/{partition}: no project of this key is configured")
        if (seen := self._seen.pop(partition, None)) is not None:
            return seen
        projects = [project for project in self._site.projects([partition]) if project.key == partition]
        if not projects:
            self._site.check_account()
            raise self._lost(partition)
        return self._heads_of(projects, {})[partition]

    def _lost(self, key: str) -> Lost:
        return Lost(
            f"{self._session.host}: project {key} is not listed: it was deleted or archived, or the account's access "
            "to it was withdrawn. Its issues are kept for a while"
        )

    # --- listing

    def _clauses(self) -> list[str]:
        return self._policy.clauses(self._now())

    def _listed(self, partition: str) -> Iterator[Listed]:
        count = 0
        for issue in self._site.issues(partition, self._clauses()):
            if issue.project in (partition, ""):
                yield issue
                count += 1
                if count % 5_000 == 0:
                    _log.info("%s/%s: %d issues listed", SOURCE, partition, count)

    def _ref(self, partition: str, issue: Listed) -> Ref:
        return Ref(issue.key, self._version(partition, issue.updated))

    def _version(self, partition: str, updated: datetime | None) -> str:
        return f"{self._beginning(partition)}{epoch_ms(updated) if updated else ''}"

    def _beginning(self, partition: str) -> str:
        """Return what all versions begin with: who may read the project, and what else makes all documents anew."""
        access = access_of(self._readers[partition], self._account, with_account=True)
        return f"{digest(*access, str(self._max_bytes), str(self._remote_links))[:12]};"

    def _doubt_nothing(self, partition: str, refs: Mapping[str, Ref]) -> None:
        """Make sure that a project of which nothing is listed is still shown to us: its search may not say so."""
        if not refs and not any(project.key == partition for project in self._site.projects([partition])):
            raise self._lost(partition)

    def _settled(self, head: _Head, timed: Mapping[str, Ref], every: Mapping[str, Ref]) -> bool:
        """Return whether the search knows all that the head does: the newest change, and that no more are left."""
        if head.issues is None:
            return True
        newest_ms = max(map(_ms, timed.values()), default=0)
        shown = head.issues == 0 or epoch_ms(head.updated) <= newest_ms
        by_age = head.updated < self._policy.horizon(self._now())  # not to be listed at all
        return (shown or by_age) and len(every) <= head.issues

    def _miscounted(self, before: _Head, now: _Head, changed: Sequence[Listed]) -> bool:
        """Return whether issues must have gone or come otherwise than by being made."""
        if now.issues is None or before.issues is None:
            return now.updated < before.updated  # the newest one went
        made = sum(1 for issue in changed if issue.created is not None and issue.created > before.updated)
        return before.issues + made != now.issues

    # --- reading

    def _batch(self, partition: str, keys: Sequence[str], few: bool) -> Iterator[Document]:
        try:
            issues, errors = self._site.read(keys, ["changelog", "names"] if few else ["changelog"])
        except SourceError as error:
            self._bear(partition, error)
            if len(keys) > 1:  # one of them, perhaps
                middle = len(keys) // 2
                yield from self._batch(partition, keys[:middle], few)
                yield from self._batch(partition, keys[middle:], few)
            else:
                yield self._unread(partition, keys[0], f"cannot be read: {error}")
            return
        self._failures = 0
        wanted = set(keys)
        found = {key: issue for issue in issues if (key := text_of(issue.get("key"))) in wanted}
        ids = {text_of(issue.get("id")): key for key, issue in found.items()}
        for name, reason in errors.items():
            if (key := name if name in wanted else ids.get(name, "")) and key not in found:
                yield self._unread(partition, key, f"cannot be read: {reason}")
        rows = list(found.values())
        if not self._names and any(_nameless(issue) for issue in rows):
            self._names = self._site.field_names()
        for read in in_parallel(lambda issue: self._document(partition, issue), rows):
            if isinstance(read, Document):
                self._failures = 0
                yield read
            else:
                key, failure = read
                self._bear(partition, failure)
                yield self._unread(partition, key, f"its comments, links or readers cannot be read: {failure}")

    def _bear(self, partition: str, error: SourceError) -> None:
        """Count a failure that may be one issue's own.

        :raises SourceError: What is not, and too many in a row.
        """
        if _is_of_all(error):
            raise error
        self._failures += 1
        if self._failures > _FAILURES_IN_A_ROW:
            raise RetryLater(f"{SOURCE}/{partition}: {error} So it is for others: the site is not well") from error

    def _document(self, partition: str, issue: Json) -> Document | tuple[str, SourceError]:
        key = text_of(issue.get("key"))
        try:
            comments, history = self._all_comments(issue), self._all_history(issue)
            links = self._site.remote_links(key) if self._remote_links else []
            access = self._access(partition, issue)
        except SourceError as error:
            if _is_of_all(error):
                raise
            return key, error
        frame = Document(
            source=SOURCE,
            partition=partition,
            id=key,
            version=self._version(partition, moment(dig(issue, "fields", "updated"))),
            kind="issue",
            title=key,
            text="",
            url=f"{self._site.url}/browse/{key}",
            access=access,
        )
        names = issue.get("names")
        document = document_of(
            frame,
            issue,
            comments,
            history,
            links,
            names if isinstance(names, dict) and names else self._names,
            browse_url=f"{self._site.url}/browse/",
            adf=self._site.cloud,
        )
        if len(document.text.encode("utf-8", "surrogatepass")) > self._max_bytes:
            return self._skipped(partition, key, frame.version, f"larger than {self._max_bytes} bytes")
        return document

    def _all_comments(self, issue: Json) -> list[Json]:
        """Return all comments: an answer embeds at most 20."""
        some, whole = _embedded(dig(issue, "fields", "comment"), "comments")
        return some if whole else self._site.comments(text_of(issue.get("key")))

    def _all_history(self, issue: Json) -> list[Json]:
        """Return all changes: an answer embeds at most 40."""
        some, whole = _embedded(issue.get("changelog"), "histories")
        return some if whole else self._site.history(text_of(issue.get("key"))) or some

    def _access(self, partition: str, issue: Json) -> tuple[str, ...]:
        """Return who may read an issue: who may browse its project, narrowed by its security level."""
        allowed = self._readers[partition]
        level = dig(issue, "fields", "security")
        if not level:
            return access_of(allowed, self._account, with_account=True)
        inner = self._site.level_readers(text_of(dig(level, "id")), partition, roles_of(issue))
        both = narrow(allowed, inner, self._site.members, trusting=False)
        # A level is there to keep somebody out, though it may name all who are signed in.
        return access_of(None if isinstance(both, Everybody) else both, self._account, with_account=False)

    def _skipped(self, partition: str, key: str, version: str, reason: str) -> Document:
        account = (self._account,)  # nothing of it is shown, and nobody was asked who may see it
        return Document(SOURCE, partition, key, version, "skipped", key, "", access=account, skipped=reason)

    def _unread(self, partition: str, key: str, reason: str) -> Document:
        return self._skipped(partition, key, "", quote(reason))


def _embedded(page: object, name: str) -> tuple[list[Json], bool]:
    """Return the rows that an answer embeds, and whether they are all there are."""
    rows, total = dig(page, name), dig(page, "total")
    some = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return some, isinstance(total, int) and total <= len(some)


def _is_of_all(error: SourceError) -> bool:
    """Return whether an error is never one issue's own: a refused token, or a pause that was asked for."""
    return (isinstance(error, RetryLater) and bool(error.after_s)) or (
        isinstance(error, GiveUp) and error.status == 401
    )


def _nameless(issue: Json) -> bool:
    fields = issue.get("fields")
    return not issue.get("names") and isinstance(fields, dict) and any(f.startswith("customfield_") for f in fields)


def _ms(ref: Ref) -> int:
    ms = ref.version.rpartition(";")[2]
    return int(ms) if ms.isdigit() else 0
