"""What Confluence and JIRA share: the client library's session, wrapped once, and the way through its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import requests
import stamina
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.faults import LONGEST_WAIT_S, error_of, pause_of

T = TypeVar("T")
R = TypeVar("R")

Json = dict[str, Any]
Params = Mapping[str, str | int | Sequence[str | int]]

_CLOUD_HOSTS = (".atlassian.net", ".jira.com", "api.atlassian.com")
_LONGEST_RUN_WAIT_S = 150.0
PARALLEL = 6
"""Calls at the same time where a document needs some of its own."""


def is_cloud(url: str, user: str, deployment: str) -> bool:
    """Return whether an address is Atlassian Cloud's: by its host, its `/wiki`, or an account named by e-mail."""
    if deployment != "auto":
        return deployment == "cloud"
    parts = urlsplit(url)
    host = f".{parts.hostname or ''}"
    return host.endswith(_CLOUD_HOSTS) or parts.path.rstrip("/").endswith("/wiki") or "@" in user


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class Session(requests.Session):
    """The session of a client library: counted, timed out, retried, and every bad answer an error of ours.

    What a tick of a sensor asks may not wait long; what a run asks may.
    """

    def __init__(
        self, url: str, user: str, token: str, *, advice: str, timeout_s: float = 30.0, attempts: int = 6
    ) -> None:
        """Connect to nothing yet.

        :param user: With it, `token` is its API token or password; without it, a personal access token.
        :param advice: The end of "The token is refused: …".
        :param timeout_s: For one connection, and for each silence while reading.
        """
        super().__init__()
        self.calls = 0
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        self._advice = advice
        self._timeout_s = timeout_s
        self._hasty = stamina.RetryingCaller(min(attempts, 4), 40.0, wait_max=LONGEST_WAIT_S)
        self._patient = stamina.RetryingCaller(attempts, 900.0, wait_max=60.0)
        self._in_haste = False
        self._count = Lock()
        self.mount("http://", HTTPAdapter(pool_maxsize=PARALLEL))
        self.mount("https://", HTTPAdapter(pool_maxsize=PARALLEL))
        self.headers["User-Agent"] = "duetto-assets"
        self.headers["Accept"] = "application/json"
        self.auth = (user, token) if user else _Bearer(token)  # a header alone would give way to a .netrc

    @contextmanager
    def in_haste(self) -> Iterator[None]:
        """Wait as long as a sensor's tick can."""
        self._in_haste = True
        try:
            yield
        finally:
            self._in_haste = False

    def request(self, method: str, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Return a successful answer whose body is JSON.

        :raises RetryLater: After the last attempt, or at once where a longer pause was asked for.
        :raises GiveUp: At once.
        """
        options |= {"timeout": self._timeout_s, "allow_redirects": False}
        longest_s = LONGEST_WAIT_S if self._in_haste else _LONGEST_RUN_WAIT_S

        def once() -> requests.Response:
            return self._once(method, url, *args, **options)

        retrying = self._hasty if self._in_haste else self._patient
        return retrying(lambda error: pause_of(error, longest_s), once)

    def _once(self, method: str, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        with self._count:
            self.calls += 1
        path = urlsplit(str(url)).path
        try:
            response = super().request(method, url, *args, **options)
        except (requests.RequestException, OSError) as error:
            # The text of some of them holds the whole URL.
            raise RetryLater(f"{self.host}: no answer on {path} ({type(error).__name__})") from error
        if not 200 <= response.status_code < 300:
            raise error_of(self.host, response.status_code, path, response.headers, response.text[:4_000], self._advice)
        # Atlassian answers some calls of a refused token as if nobody had asked: 200, and nothing found.
        if response.headers.get("X-Seraph-LoginReason", "").upper() in _REFUSED:
            raise GiveUp(f"{self.host}: {path} was answered as to an anonymous caller. {self._refused}", 401)
        try:
            decoded = response.json()
        except (ValueError, RecursionError) as error:
            where = f"{self.host}: {response.status_code} on {path}"
            raise RetryLater(f"{where} with a body that is no JSON: a proxy or sign-in page?") from error
        if not isinstance(decoded, dict | list):
            raise RetryLater(f"{self.host}: {response.status_code} on {path} with a body that is no object")
        return response

    @property
    def _refused(self) -> str:
        return f"The token is refused: {self._advice}."

    def refused(self, path: str) -> GiveUp:
        """Return the error of an account that turns out to be nobody."""
        return GiveUp(f"{self.host}: {path} says that the caller is anonymous. {self._refused}", 401)


_REFUSED = frozenset({"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "AUTHORISATION_FAILED"})


def cursor_of(link: object) -> str | None:
    """Return the cursor in a link to the next page."""
    found = parse_qs(urlsplit(link).query).get("cursor") if isinstance(link, str) else None
    return found[0] if found else None


def next_token(token: object, seen: set[str], where: str) -> str:
    """Return the token of the next page.

    :raises RetryLater: If it was there before: following it would never end, or end in a part of the listing.
    """
    if not isinstance(token, str) or not token or token in seen:
        raise RetryLater(f"{where}: the listing gave a page token that is not new, so that it is not known to be whole")
    seen.add(token)
    return token


def rows_of(answer: object, name: str, where: str) -> list[Json]:
    """Return the rows of one page of a listing.

    :raises RetryLater: If there is no such list: an answer without rows is not an empty one.
    """
    rows = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise RetryLater(f"{where}: an answer without {name!r}, so that the listing is not known to be whole")
    return [row for row in rows if isinstance(row, dict)]


def told(call: Callable[[], T]) -> T | None:
    """Return what a call gives; None where a site does not have it or does not tell. A refused token is an error."""
    try:
        return call()
    except GiveUp as error:
        if error.status == 401:
            raise
        return None


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return what `function` makes of each item, in order, a few at the same time."""
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(PARALLEL, len(items))) as threads:
        try:
            return list(threads.map(function, items))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def moment(text: object) -> datetime | None:
    """Return the time that a remote system wrote, in UTC; None for what is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def text_of(value: object) -> str:
    """Return a string of the wire, fit to be stored: without NUL and halves of characters; empty for anything else."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    return text if text.isascii() and "\0" not in text else storable(text)


def storable(text: str) -> str:
    """Return text without what no store takes."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def segment(text: str) -> str:
    """Return text as one part of a URL's path."""
    return quote(text, safe="")


def dig(value: object, *names: str) -> Any:
    """Return what lies under `names` in nested objects; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
