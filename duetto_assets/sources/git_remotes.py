"""Asks remote repositories for their head, fetches it, and says what a failure means for the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.sources.git import Environment, Git, GitFailed, environment
from duetto_assets.sources.git_addresses import Address, basic
from duetto_assets.sources.redact import quote

EMPTY = "empty"
"""The head of a repository without any commit."""

_TRANSPORTS = "https:http:ssh"
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")

_REFUSED = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|access denied"
    r"|host key verification failed|returned error: 40[13]|not authorized|unauthorized|forbidden"
    r"|could not be found or you don't have permission",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"repository .*(not found|does not exist)|returned error: (404|410)|does not appear to be a git repo",
    re.IGNORECASE,
)
_MOVED = re.compile(r"returned error: 30[1278]|unable to update url base from redirection", re.IGNORECASE)
_PASSING = re.compile(
    r"could not resolve|timed? ?out|connection (refused|reset|closed)|failed to connect|couldn't connect"
    r"|returned error: (408|425|429|5\d\d)|early eof|hung up|unexpected disconnect|rpc failed|certificate"
    r"|\b(ssl|tls|gnutls)\b|transfer closed|too slow|unable to access|network is (unreachable|down)|no route to host"
    r"|no space left|disk quota|curl \d+",
    re.IGNORECASE,
)


class Unexplained(Exception):
    """A fetch that failed for a reason that is not the remote's: the clone may be damaged."""


class Remotes:
    """The network side of git. Thread-safe."""

    def __init__(
        self,
        git: Git,
        *,
        authorizations: Mapping[str, str] | None = None,
        head_timeout_s: float = 20.0,
        fetch_timeout_s: float = 3600.0,
    ) -> None:
        """:param authorizations: Base URL -> Authorization; sent to that origin and no other."""
        self._git = git
        self._authorizations = dict(authorizations or {})
        self._head_timeout_s = head_timeout_s
        self._fetch_timeout_s = fetch_timeout_s

    def head(self, address: Address, timeout_s: float | None = None) -> str:
        """Return the commit that HEAD names, or EMPTY. An unborn HEAD beside branches is an error."""
        seconds = self._head_timeout_s if timeout_s is None else min(timeout_s, self._head_timeout_s)
        # The pattern HEAD also lists refs/…/HEAD; and a remote may answer anything.
        if sha := self._refs(address, ("--", address.url, "HEAD"), seconds).get("HEAD"):
            return sha
        if branches := self._refs(address, ("--heads", "--", address.url), seconds):
            raise GiveUp(
                f"{quote(address.url)}: HEAD names no commit, while {len(branches)} branches exist. "
                "Set the repository's default branch."
            )
        return EMPTY

    def fetch(self, address: Address, clone: Path, ref: str, held: Sequence[int] = ()) -> bool:
        """Fetch the remote's HEAD into `ref` of a bare clone; False if the remote has no HEAD to fetch.

        :raises SourceError: If the remote is why it failed.
        :raises Unexplained: If it is not.
        """
        command = ("fetch", "--quiet", "--no-tags", "--force", "--no-recurse-submodules", "--no-write-fetch-head")
        refspec = f"+HEAD:{ref}"
        try:
            self._ask(
                address,
                (f"--git-dir={clone}", *command, "--no-auto-maintenance", "--", address.url, refspec),
                self._fetch_timeout_s,
                held,
            )
        except GitFailed as error:
            if "couldn't find remote ref" in error.said.lower():
                return False
            raise self._error(address, error) or Unexplained(quote(_last(error.said))) from error
        return True

    def _refs(self, address: Address, args: Sequence[str], timeout_s: float) -> dict[str, str]:
        try:
            out = self._ask(address, ("ls-remote", "--quiet", *args), timeout_s)
        except GitFailed as error:
            unknown = RetryLater(f"{quote(address.url)}: {quote(_last(error.said))}")
            raise self._error(address, error) or unknown from error
        lines = (line.split("\t", 1) for line in out.decode("utf-8", "replace").splitlines() if "\t" in line)
        return {name: sha for sha, name in lines if _SHA.fullmatch(sha)}

    def _ask(self, address: Address, args: Sequence[str], timeout_s: float, held: Sequence[int] = ()) -> bytes:
        authorization = self._authorization(address)
        try:
            return self._run(args, self._environment(address.url, authorization), timeout_s, held)
        except GitFailed as error:
            moved = authorization and _MOVED.search(error.said) and self._new_url(address, authorization)
            if not moved:
                raise
        args = [moved if part == address.url else part for part in args]
        return self._run(args, self._environment(moved, authorization), timeout_s, held)

    def _run(self, args: Sequence[str], env: Environment, timeout_s: float, held: Sequence[int]) -> bytes:
        self._git.count()
        return self._git.run(*args, env=env, timeout_s=timeout_s, held=held)

    def _authorization(self, address: Address) -> str:
        if address.authorization:
            return address.authorization
        for base, authorization in self._authorizations.items():
            if _origin(base) == _origin(address.url):
                return authorization
        return ""

    def _environment(self, url: str, authorization: str) -> Environment:
        if not authorization:
            return environment(protocols=_TRANSPORTS)
        # git would go on sending the header to wherever the first answer redirects.
        config = {
            f"http.{_origin(url)}/.extraHeader": f"Authorization: {authorization}",
            "http.followRedirects": "false",
        }
        return environment(protocols=_TRANSPORTS, config=config)

    def _new_url(self, address: Address, authorization: str) -> str:
        """Return where a renamed or transferred repository is now, if that is on the same host; else ""."""
        suffix = "/info/refs?service=git-upload-pack"
        self._git.count()
        try:
            answer = httpx.get(
                address.url + suffix, headers={"Authorization": authorization}, timeout=self._head_timeout_s
            )
        except httpx.HTTPError:
            return ""
        target = str(answer.next_request.url) if answer.next_request else ""
        same = _origin(target) == _origin(address.url) and target.endswith(suffix)
        return target.removesuffix(suffix) if same else ""

    def _error(self, address: Address, error: GitFailed) -> SourceError | None:
        """Return what a failure of the remote means; None if it is not the remote that failed."""
        where = quote(address.url)
        said = quote(_last(error.said))
        if error.timed_out:
            return RetryLater(f"{where}: {said}")
        if _MISSING.search(error.said):
            return GiveUp(f"{where}: not there, or not for this token: check its address and access. ({said})")
        if _MOVED.search(error.said):
            return GiveUp(f"{where}: has moved: change its address in DUETTO_REPOS. ({said})")
        if "transport '" in error.said and "not allowed" in error.said:
            return GiveUp(f"{where}: {said}")
        if _REFUSED.search(error.said):
            return GiveUp(f"{where}: refused: check that the token or ssh key is current and may read it. ({said})")
        if _PASSING.search(error.said):
            return RetryLater(f"{where}: {said}")
        return None


def github_authorization(token: str) -> str:
    """Return the Authorization that GitHub's git expects for a token of any kind."""
    return basic("x-access-token", token)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http"):
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _last(said: str) -> str:
    """Return git's own verdict: its last line that says `fatal:` or `error:`, else the last one."""
    lines = [line for line in said.splitlines() if line.strip()] or [""]
    verdicts = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))]
    return (verdicts or lines)[-1]
