"""From a bad answer to an error, and from an error to the pause before the next attempt: for every HTTP client."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.sources.redact import quote

LONGEST_WAIT_S = 10.0
"""A remote system that asks for a longer pause is asked again by the next tick, not by a sleeping one."""

# httpx and urllib3 log each URL with its query string; the Atlassian client logs answers too. stamina, where structlog
# is installed, prints on stdout.
for _chatty in ("httpx", "urllib3", "atlassian"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)
set_on_retry_hooks([LoggingOnRetryHook])


def error_of(
    host: str, status: int, path: str, headers: Mapping[str, str], text: str, advice: str
) -> RetryLater | GiveUp:
    """Return the error that an unsuccessful answer is.

    :param headers: Looked up without regard to case.
    :param advice: The end of "The token is refused: …".
    """
    where = f"{host}: {status} on {path}."
    after_s = asked_pause_s(headers)
    limited = after_s is not None or "rate limit" in text[:2_000].lower()
    if status == 429 or (status == 403 and limited):
        return RetryLater(f"{where} The rate limit is reached.", 60.0 if after_s is None else after_s)
    if status in (408, 425) or status >= 500:
        return RetryLater(f"{where} The system has a passing fault.", after_s)
    if status in (401, 403):
        return GiveUp(f"{where} The token is refused: {advice}.", status)
    if status in (404, 410):
        return GiveUp(f"{where} Not there, or not for this token: {advice}.", status)
    if status < 400:
        return GiveUp(f"{where} The address has moved: change it in the settings.", status)
    return GiveUp(f"{where} The request is refused: {quote(text, 120)}", status)


def asked_pause_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the answer asks to wait, by the remote system's own clock; None if it does not."""
    retry_after = headers.get("retry-after", "")
    if retry_after.isdigit():
        return float(retry_after)
    if (moment := _epoch(retry_after)) is not None:
        return max(0.0, moment - _remote_now(headers))
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return max(0.0, float(headers["x-ratelimit-reset"]) - _remote_now(headers))
    return None


def pause_of(error: Exception, longest_s: float = LONGEST_WAIT_S) -> bool | float:
    """Tell stamina whether to try again, and after how many seconds."""
    if not isinstance(error, RetryLater):
        return False
    if error.after_s is None:
        return True
    return error.after_s if error.after_s <= longest_s else False


def _remote_now(headers: Mapping[str, str]) -> float:
    moment = _epoch(headers.get("date", ""))
    return time.time() if moment is None else moment


def _epoch(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
