"""What crosses the wire of the stand-in: requests, answers, routes and faults. It knows nothing of pages or issues."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

Query = dict[str, list[str]]


@dataclass
class Request:
    """A request that arrived, and the status it was answered with."""

    method: str
    path: str
    query: Query
    body: Any  # the JSON value; bytes where it is none; None where there was no body
    headers: dict[str, str]  # names in lower case
    status: int = 0

    @property
    def line(self) -> str:
        """Return `GET /path?name=value&…`, as a fault or `of` is matched against it; the query is decoded."""
        query = "&".join(f"{name}={value}" for name, values in self.query.items() for value in values)
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")


class Requests(list[Request]):
    """All requests since the start, or since `clear()`, in the order of their arrival."""

    def of(self, text: str) -> list[Request]:
        """Return those whose `line` contains the text."""
        return [each for each in self if text in each.line]

    def count(self, text: Any = "") -> int:
        """Return how many have the text in their `line`; all, if none is given."""
        return len(self.of(text))


@dataclass
class Answer:
    """What is sent: a JSON value, or bytes as they are."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    stall_s: float = 0.0  # seconds of silence before it
    cut: bool = False  # only half of the announced body is sent, then the connection ends

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


class Refused(Exception):
    """The call is answered by this instead."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Fault = Answer | Callable[[Request, Answer], Answer]
Matcher = str | re.Pattern[str] | Callable[[Request], bool]


@dataclass
class Failing:
    """A fault that waits for its requests."""

    matcher: Matcher
    fault: Fault
    times: int | None  # None: until `heal()`
    after: int = 0  # so many matching requests pass before

    def strikes(self, request: Request) -> bool:
        if self.times == 0 or not self._matches(request):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def _matches(self, request: Request) -> bool:
        if isinstance(self.matcher, str):
            return self.matcher in request.line
        if isinstance(self.matcher, re.Pattern):
            return self.matcher.search(request.line) is not None
        return self.matcher(request)


@dataclass(frozen=True)
class Call:
    """A request on its way to a handler."""

    request: Request
    path: dict[str, str]  # the values in the braces of the route
    context: str  # "/wiki", "/confluence", "/jira" or ""

    def all(self, name: str) -> list[str]:
        """Return a parameter's values, given as `a=1&a=2`, as `a[]=1` or as `a=1,2`."""
        values = self.request.query.get(name, [])
        return [part.strip() for value in values for part in value.split(",") if part.strip()]

    def one(self, name: str, default: str = "") -> str:
        values = self.request.query.get(name)
        return values[0] if values else default

    def flag(self, name: str, default: bool = False) -> bool:
        return self.one(name, str(default)).lower() == "true"

    def number(self, name: str, default: int) -> int:
        value = self.one(name)
        if not value:
            return default
        try:
            return int(value)
        except ValueError:
            raise Refused(Answer(400, {"errorMessages": [f"'{name}' is not a number: {value}"]})) from None


Handler = Callable[[Any, Call], Any]  # (site, call) -> an Answer, or the JSON value of a 200


class Routes:
    """Handlers by method and path; `{name}` takes one segment."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
        self.optional: set[Handler] = set()

    def add(self, method: str, *templates: str, optional: bool = False) -> Callable[[Handler], Handler]:
        def keep(handler: Handler) -> Handler:
            for template in templates:
                parts = template.split("/")
                self._routes.setdefault((method, len(parts)), []).append((parts, handler))
            if optional:
                self.optional.add(handler)
            return handler

        return keep

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        given = path.split("/")
        for parts, handler in self._routes.get((method, len(given)), []):
            values: dict[str, str] = {}
            for part, value in zip(parts, given, strict=True):
                if part.startswith("{"):
                    values[part[1:-1]] = value
                elif part != value:
                    break
            else:
                return handler, values
        return None


# Ready-made faults.
def unauthorized() -> Answer:
    return Answer(401, {"message": "Client must be authenticated to access this resource.", "status-code": 401})


def forbidden() -> Answer:
    return Answer(403, {"errorMessages": ["You do not have permission to see this."], "errors": {}})


def not_found() -> Answer:
    return Answer(404, {"errorMessages": ["It does not exist, or you may not see it."], "errors": {}})


def gone() -> Answer:
    return Answer(410, {"errorMessages": ["The requested API has been removed."], "errors": {}})


def rate_limited(retry_after: float | str | None = None) -> Answer:
    """429; seconds, a text as it is, or no `Retry-After` at all."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(429, {"message": "Rate limit exceeded."}, headers | {"RateLimit-Reason": "jira-burst-based"})


def rate_limited_until(at: datetime) -> Answer:
    """429 with a `Retry-After` that is an HTTP date, which has whole seconds."""
    rounded = at.replace(microsecond=0) + timedelta(seconds=1 if at.microsecond else 0)
    return rate_limited(format_datetime(rounded, usegmt=True))


def broken(status: int = 500) -> Answer:
    """500, 502 or 503, with the HTML that proxies send."""
    return Answer(status, b"<html><body>upstream error</body></html>", {"Content-Type": "text/html"})


def stalled(seconds: float = 30.0) -> Callable[[Request, Answer], Answer]:
    """The true answer, after a silence."""
    return lambda _, true: Answer(true.status, true.body, true.headers, stall_s=seconds)


def cut_off() -> Callable[[Request, Answer], Answer]:
    """The true answer's first half; the connection ends there."""
    return lambda _, true: Answer(true.status, true.body, true.headers, cut=True)


def html() -> Answer:
    """A sign-in page with status 200 where JSON was expected."""
    return Answer(200, b"<!DOCTYPE html><html><title>Log in</title></html>", {"Content-Type": "text/html"})


def not_an_object() -> Answer:
    return Answer(200, ["unexpected"])


def without_results() -> Callable[[Request, Answer], Answer]:
    """A listing page that lacks its rows."""
    rows = {"results", "issues", "values", "comments"}
    return lambda _, true: Answer(true.status, {k: v for k, v in true.body.items() if k not in rows}, true.headers)


def repeated_cursor() -> Callable[[Request, Answer], Answer]:
    """From the second page on, the next page is the one that was just asked for."""

    def repeat(request: Request, true: Answer) -> Answer:
        body = dict(true.body)
        asked = request.query.get("nextPageToken", [""])[0] or (request.body or {}).get("nextPageToken")
        if "issues" in body and asked:
            body |= {"nextPageToken": asked, "isLast": False}
        elif request.query.get("cursor") and (link := body.get("_links", {}).get("next")):
            old = re.search(r"cursor=[^&]*", link)
            assert old is not None
            body["_links"] = body["_links"] | {"next": link.replace(old[0], f"cursor={request.query['cursor'][0]}")}
        return Answer(true.status, body)

    return repeat


class Clock:
    """The remote system's time: real, set off by hours, or standing still."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self.frozen: float | None = None
        self.last_ms = 0

    def ms(self) -> int:
        return int((time.time() + self.offset_s if self.frozen is None else self.frozen) * 1000)

    def tick(self) -> int:
        """Return the time of a write: at least a millisecond after the write before."""
        self.last_ms = max(self.ms(), self.last_ms + 1)
        return self.last_ms

    def set(self, at: datetime) -> None:
        self.offset_s = at.timestamp() - time.time()
        if self.frozen is not None:
            self.frozen = at.timestamp()
        self.last_ms = 0


def pages_of(rows: list[Any], start: int, size: int) -> Iterator[Any]:
    """Yield the rows of an offset page."""
    yield from rows[max(start, 0) : max(start, 0) + size]
