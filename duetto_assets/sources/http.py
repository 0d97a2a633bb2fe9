"""HTTP to one remote system: time-outs, retries and the way from a status to an error, for every source."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import httpx
import stamina
from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.redact import quote

LONGEST_WAIT_S = 10.0
"""A remote system that asks for a longer pause is asked again by the next tick, not by a sleeping one."""

# httpx logs each URL with its query string; stamina, where structlog is installed, prints on stdout.
logging.getLogger("httpx").setLevel(logging.WARNING)
set_on_retry_hooks([LoggingOnRetryHook])

Judge = Callable[[Any, httpx.Response], None]


class Http:
    """The requests to one host. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        advice: str = "check that it is current and has access",
        timeout_s: float = 20.0,
        total_s: float = 40.0,
        attempts: int = 4,
    ) -> None:
        """Connect to nothing yet.

        :param headers: Sent with every request: the token belongs here, since errors name no header.
        :param advice: The end of "The token is refused: …".
        :param timeout_s: For one connection, and for each silence while reading.
        :param total_s: After this many seconds no further attempt is begun.
        """
        self.calls = 0
        self.host = httpx.URL(base_url).netloc.decode("ascii")
        self._advice = advice
        self._retrying = stamina.RetryingCaller(attempts, total_s, wait_max=LONGEST_WAIT_S)
        self._client = httpx.Client(base_url=base_url, headers=dict(headers or {}), timeout=timeout_s)
        weakref.finalize(self, self._client.close)  # sources are made and dropped, never closed
        self._count = Lock()

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        judge: Judge | None = None,
    ) -> Any:
        """Return the decoded body of a successful answer.

        :param judge: Raises a SourceError where a 200 with this body is none; retried like any other.
        :raises RetryLater: After the last attempt, or at once where a longer pause was asked for.
        :raises GiveUp: At once.
        """

        def once() -> Any:
            response = self._send(method, path, params, body)
            decoded = self._decode(response)
            if judge is not None:
                judge(decoded, response)
            return decoded

        return self._retrying(_pause, once)

    def _send(self, method: str, path: str, params: Mapping[str, str | int] | None, body: object) -> httpx.Response:
        with self._count:
            self.calls += 1
        try:
            response = self._client.request(method, path, params=params, json=body)
        except httpx.RequestError as error:
            # The text of some of them holds the whole URL.
            raise RetryLater(f"{self.host}: no answer on {path} ({type(error).__name__})") from error
        if not response.is_success:
            raise self._error(response)
        return response

    def _decode(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            where = f"{self.host}: {response.status_code} on {response.url.path}"
            raise RetryLater(f"{where} with a body that is no JSON: a proxy or sign-in page?") from error

    def _error(self, response: httpx.Response) -> RetryLater | GiveUp:
        status = response.status_code
        where = f"{self.host}: {status} on {response.url.path}."
        after_s = asked_pause_s(response)
        limited = after_s is not None or "rate limit" in response.text[:2_000].lower()
        if status == 429 or (status == 403 and limited):
            return RetryLater(f"{where} The rate limit is reached.", 60.0 if after_s is None else after_s)
        if status in (408, 425) or status >= 500:
            return RetryLater(f"{where} The system has a passing fault.", after_s)
        if status in (401, 403):
            return GiveUp(f"{where} The token is refused: {self._advice}.")
        if status in (404, 410):
            return GiveUp(f"{where} Not there, or not for this token: {self._advice}.")
        if status < 400:
            return GiveUp(f"{where} The address has moved: change it in the settings.")
        return GiveUp(f"{where} The request is refused: {quote(response.text, 120)}")


def asked_pause_s(response: httpx.Response) -> float | None:
    """Return how long the answer asks to wait, by the remote system's own clock; None if it does not."""
    headers = response.headers
    retry_after = headers.get("retry-after", "")
    if retry_after.isdigit():
        return float(retry_after)
    if (moment := _epoch(retry_after)) is not None:
        return max(0.0, moment - _remote_now(headers))
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return max(0.0, float(headers["x-ratelimit-reset"]) - _remote_now(headers))
    return None


def _remote_now(headers: httpx.Headers) -> float:
    moment = _epoch(headers.get("date", ""))
    return time.time() if moment is None else moment


def _epoch(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _pause(error: Exception) -> bool | float:
    """Tell stamina whether to try again, and after how many seconds."""
    if not isinstance(error, RetryLater):
        return False
    if error.after_s is None:
        return True
    return error.after_s if error.after_s <= LONGEST_WAIT_S else False
