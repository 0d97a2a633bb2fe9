"""HTTP to one remote system: time-outs and retries, for every source that has no client library."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import httpx
import stamina

from duetto_assets.errors import RetryLater
from duetto_assets.sources.faults import LONGEST_WAIT_S, error_of, pause_of

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

        return self._retrying(pause_of, once)

    def _send(self, method: str, path: str, params: Mapping[str, str | int] | None, body: object) -> httpx.Response:
        with self._count:
            self.calls += 1
        try:
            response = self._client.request(method, path, params=params, json=body)
        except httpx.RequestError as error:
            # The text of some of them holds the whole URL.
            raise RetryLater(f"{self.host}: no answer on {path} ({type(error).__name__})") from error
        if not response.is_success:
            raise error_of(
                self.host, response.status_code, response.url.path, response.headers, response.text, self._advice
            )
        return response

    def _decode(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            where = f"{self.host}: {response.status_code} on {response.url.path}"
            raise RetryLater(f"{where} with a body that is no JSON: a proxy or sign-in page?") from error
