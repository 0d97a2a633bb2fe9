"""The repositories of one GitHub organisation or user, by GraphQL: 100 of them, with their heads, a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import httpx

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.sources.faults import asked_pause_s
from duetto_assets.sources.http import Http
from duetto_assets.sources.redact import quote

_FIELDS = """
fragment Fields on Repository {
  id databaseId nameWithOwner url isArchived isFork isDisabled isEmpty visibility
  primaryLanguage { name }
  defaultBranchRef { target { oid } }
  repositoryTopics(first: 20) { nodes { topic { name } } }
}
"""

# Oldest first: a repository that is created while we page comes last, and moves no other to a page already read.
LISTING = (
    """
query Repositories($login: String!, $cursor: String) {
  repositoryOwner(login: $login) {
    repositories(
      first: 100, after: $cursor, ownerAffiliations: [OWNER], orderBy: {field: CREATED_AT, direction: ASC}
    ) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { ...Fields }
    }
  }
}
"""
    + _FIELDS
)

ONE = (
    """
query Repository($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { ...Fields }
}
"""
    + _FIELDS
)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as GitHub lists it."""

    id: str  # survives a rename and a transfer
    name: str  # owner/name
    url: str
    head: str  # "" if the default branch has no commit
    empty: bool
    archived: bool
    fork: bool
    disabled: bool
    visibility: str  # public, private, internal
    language: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which repositories of an organisation count. An empty tuple lets all pass; names are globs."""

    archived: bool = False
    forks: bool = False
    languages: tuple[str, ...] = ()
    visibilities: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def why_not(self, repository: Repository) -> str | None:
        """Return why a repository does not count, or None."""
        if repository.archived and not self.archived:
            return "archived"
        if repository.fork and not self.forks:
            return "fork"
        if self.languages and not _among(repository.language, self.languages):
            return "language"
        if self.visibilities and not _among(repository.visibility, self.visibilities):
            return "visibility"
        if self.topics and not any(_among(topic, self.topics) for topic in repository.topics):
            return "topic"
        if self.include and not _named(repository.name, self.include):
            return "not included"
        return "excluded" if _named(repository.name, self.exclude) else None


class GitHub:
    """One owner's repositories on github.com or a GitHub Enterprise."""

    def __init__(
        self,
        login: str,
        token: str | None,
        *,
        base_url: str = "https://github.com",
        filters: Filters | None = None,
        timeout_s: float = 20.0,
        total_s: float = 40.0,
    ) -> None:
        """:param base_url: The address people browse: `https://github.com`, `https://ghe.acme.com`."""
        self.login = login
        self.base_url = base_url.rstrip("/")
        self._filters = filters or Filters()
        self._token = token
        self._endpoint = httpx.URL(endpoint(self.base_url))
        self._http = Http(
            str(self._endpoint.copy_with(raw_path=b"/")),
            headers={"Authorization": f"Bearer {token}", "User-Agent": "duetto-assets"},
            advice=f"check that GITHUB_TOKEN is current and may read the repositories of {login}",
            timeout_s=timeout_s,
            total_s=total_s,
        )

    @property
    def calls(self) -> int:
        """API calls so far."""
        return self._http.calls

    def repositories(self) -> list[Repository]:
        """Return the repositories that pass the filters.

        :raises SourceError: If the listing is not known to be whole.
        """
        found: dict[str, Repository] = {}
        total = 0
        for page in self._pages():
            total = page["totalCount"]
            for node in page["nodes"]:
                found[node["id"]] = _repository(node)
        if len(found) < total:
            raise RetryLater(f"{self._http.host}: {self.login} has {total} repositories, {len(found)} were listed")
        return [repository for repository in found.values() if self._filters.why_not(repository) is None]

    def repository(self, name: str) -> Repository:
        """Return one repository by `owner/name`, whatever the filters; a former name is followed."""
        owner, _, rest = name.partition("/")
        node = self._ask(ONE, {"owner": owner, "name": rest})["repository"]
        if node is None:
            raise GiveUp(f"{self._http.host}: no repository {name}, or not for this token")
        return _repository(node)

    def _pages(self) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        seen: set[str | None] = set()
        while True:
            owner = self._ask(LISTING, {"login": self.login, "cursor": cursor})["repositoryOwner"]
            if owner is None:
                raise GiveUp(
                    f"{self._http.host}: no organisation or user {self.login!r}: "
                    "check GITHUB_ORG, and that GITHUB_TOKEN may see it"
                )
            page = owner["repositories"]
            yield page
            if not page["pageInfo"]["hasNextPage"]:
                return
            seen.add(cursor)
            cursor = page["pageInfo"]["endCursor"]
            if cursor in seen:
                raise RetryLater(f"{self._http.host}: the same page of {self.login} came twice; listing stopped")

    def _ask(self, query: str, variables: dict[str, str | None]) -> dict[str, Any]:
        if not self._token:  # GitHub's GraphQL answers nobody anonymous
            raise GiveUp(f"{self._http.host}: listing {self.login} needs a token: set GITHUB_TOKEN")
        body = {"query": query, "variables": variables}
        answer = self._http.json("POST", self._endpoint.path, body=body, judge=self._judge)
        return dict(answer["data"])

    def _judge(self, answer: Any, response: httpx.Response) -> None:
        """Raise unless the answer is whole: GraphQL reports its errors, beside partial data too, in a 200."""
        where = f"{self._http.host}: GraphQL for {self.login}"
        if not isinstance(answer, dict):
            raise RetryLater(f"{where}: the answer is no object")
        if errors := answer.get("errors"):
            raise _error(where, errors[0], asked_pause_s(response.headers))
        if not isinstance(answer.get("data"), dict):
            raise RetryLater(f"{where}: {quote(str(answer.get('message', 'the answer holds no data')))}")
        if None in _nodes(answer["data"]):
            raise RetryLater(f"{where}: a page with holes in it")


def endpoint(base_url: str) -> str:
    """Return the GraphQL address of the GitHub that people browse at `base_url`."""
    url = httpx.URL(base_url)
    if url.host == "github.com" or url.host.endswith(".ghe.com"):
        return f"https://api.{url.host}/graphql"
    return f"{base_url.rstrip('/')}/api/graphql"


def _error(where: str, error: Any, after_s: float | None) -> SourceError:
    kind = str(error.get("type", "")) if isinstance(error, dict) else ""
    said = quote(str(error.get("message", "") if isinstance(error, dict) else error))
    if kind in ("RATE_LIMITED", "RATE_LIMIT"):
        return RetryLater(f"{where}: the rate limit is reached: {said}", 60.0 if after_s is None else after_s)
    if kind in ("FORBIDDEN", "NOT_FOUND", "INSUFFICIENT_SCOPES", "UNAUTHORIZED"):
        return GiveUp(f"{where}: {said} Check that GITHUB_TOKEN may read all its repositories.")
    return RetryLater(f"{where}: {said}", after_s)


def _nodes(data: dict[str, Any]) -> list[Any]:
    owner = data.get("repositoryOwner")
    return owner["repositories"]["nodes"] if owner else []


def _repository(node: dict[str, Any]) -> Repository:
    branch = node["defaultBranchRef"]
    return Repository(
        id=str(node["databaseId"] or node["id"]),
        name=node["nameWithOwner"],
        url=node["url"],
        head=branch["target"]["oid"] if branch and branch["target"] else "",
        empty=node["isEmpty"],
        archived=node["isArchived"],
        fork=node["isFork"],
        disabled=node["isDisabled"],
        visibility=node["visibility"].lower(),
        language=(node["primaryLanguage"] or {}).get("name", ""),
        topics=tuple(entry["topic"]["name"] for entry in node["repositoryTopics"]["nodes"]),
    )


def _among(value: str, wanted: Sequence[str]) -> bool:
    return value.casefold() in {each.casefold() for each in wanted}


def _named(name: str, globs: Sequence[str]) -> bool:
    """Match `owner/name` against globs with a slash, the bare name against the others."""
    full = name.casefold()
    bare = full.rpartition("/")[2]
    return any(fnmatchcase(full if "/" in glob else bare, glob.casefold()) for glob in globs)
