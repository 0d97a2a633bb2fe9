"""A stand-in Atlassian site on localhost: Confluence and JIRA, Cloud and Data Center, over one state.

`/wiki` is Confluence Cloud, the root JIRA Cloud, `/confluence` and `/jira` are their Data Center editions.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from duetto_assets_tests.wire import (
    atlassian_confluence,
    atlassian_content,
    atlassian_datacenter,
    atlassian_jira,
)
from duetto_assets_tests.wire.atlassian_http import (
    Answer,
    Call,
    Failing,
    Fault,
    Matcher,
    Refused,
    Request,
    Requests,
    Routes,
)
from duetto_assets_tests.wire.atlassian_issues import Issues
from duetto_assets_tests.wire.atlassian_load import Loading
from duetto_assets_tests.wire.atlassian_pages import Pages

Check = Callable[[Request, Answer | None], list[str]]  # a request, or a request and its answer -> violations
ROUTES: list[Routes] = [
    atlassian_confluence.ROUTES,
    atlassian_content.ROUTES,
    atlassian_jira.ROUTES,  # those of projects too
    atlassian_datacenter.ROUTES,
]
# What is no listing, and so does not look empty to the refused: it does not exist.
ONE_THING = re.compile(r"/\d+$|/restriction|/issue/(?!bulkfetch)")
CONTEXTS = ("/wiki", "/confluence", "/jira")


class AtlassianSite(Loading, Pages, Issues):
    """A site that serves while the block lasts. Its methods are what people do there; tests call them as it serves."""

    def __init__(self, port: int = 0, check: Check | None = None) -> None:
        super().__init__()
        self.requests = Requests()
        self.violations: list[str] = []  # of the vendors' API descriptions, where `check` is set
        self.check = check
        self.content_search = True  # Confluence Cloud has `/wiki/rest/api/content/search`
        self.optional_v1 = True  # … and the v1 of restrictions, groups and memberships
        self.admin = True  # the account may see permission schemes
        self.project_insight = True  # projects tell their number of issues and last change
        self.unknown_keys_fail = True  # `key in (…)` with one that does not exist is a 400
        self.most_issues = 100  # of a search page with fields
        self.most_light_issues = 5000  # of one with ids and keys only
        self._faults: list[Failing] = []
        self._server = _Server(("127.0.0.1", port), self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def confluence_url(self) -> str:
        return f"{self.url}/wiki"

    @property
    def confluence_dc_url(self) -> str:
        return f"{self.url}/confluence"

    @property
    def jira_url(self) -> str:
        return self.url

    @property
    def jira_dc_url(self) -> str:
        return f"{self.url}/jira"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; connections that wait are ended."""
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()

    def fail(self, matcher: Matcher, fault: Fault, times: int | None = 1, after: int = 0) -> None:
        """Answer matching requests with a fault.

        :param matcher: Text in `Request.line` (`GET /path?a=b`), a pattern that is searched there, or a function.
        :param fault: An Answer, or a function of the request and the true answer.
        :param times: How many requests; None for all until `heal()`.
        :param after: So many matching requests pass before.
        """
        with self.lock:
            self._faults.append(Failing(matcher, fault, times, after))

    def heal(self) -> None:
        """Forget all faults."""
        with self.lock:
            self._faults.clear()

    def hide(self, id: str) -> None:  # noqa: A002
        """Make a page, an issue (id or key), or the space and project of a key invisible to the indexing account."""
        with self.lock:
            self.changes += 1
            self.hidden |= self._named(id)

    def show(self, id: str) -> None:  # noqa: A002
        """Make it visible again."""
        with self.lock:
            self.changes += 1
            self.hidden -= self._named(id)

    def _named(self, name: str) -> set[str]:
        if name in self.keys:
            return {f"issue {self.keys[name]}"}
        if name.isdigit():
            return {f"page {name}" if int(name) in self.pages else f"issue {name}"}
        found = {f"space {name}"} if name in self.spaces else set()
        return found | ({f"project {name}"} if name in self.projects else set())

    def answer(self, request: Request) -> Answer:
        """Return what is sent; faults come before the truth, which they may bend."""
        with self.lock:
            self.requests.append(request)
            if self.check is not None:
                self.violations += self.check(request, None)
            fault = next((each.fault for each in self._faults if each.strikes(request)), None)
            answer = fault if isinstance(fault, Answer) else self._truth(request)
            if fault is None and self.check is not None and answer.status == 200:
                # What is checked is what the other side will read: after JSON, not before.
                self.violations += self.check(request, Answer(200, json.loads(answer.data())))
            if callable(fault):
                answer = fault(request, answer)
            request.status = answer.status
            return answer

    def _truth(self, request: Request) -> Answer:
        context = next((each for each in CONTEXTS if request.path.startswith(f"{each}/")), "")
        if self.caller(request.headers.get("authorization", "")) is None:
            return self._refusal(request.path, context)
        found = next((hit for each in ROUTES if (hit := each.find(request.method, request.path))), None)
        if found is None or (not self.optional_v1 and found[0] in atlassian_content.ROUTES.optional):
            return Answer(404, {"errorMessages": ["There is nothing here."], "message": "Not found"})
        handler, values = found
        try:
            made = handler(self, Call(request, {name: unquote(each) for name, each in values.items()}, context))
        except Refused as refused:
            return refused.answer
        return made if isinstance(made, Answer) else Answer(200, made)

    def _refusal(self, path: str, context: str) -> Answer:
        """Return 401; or, as it was measured, an empty listing that only the account's own endpoint belies."""
        reason = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
        if self.refused == "looks_empty":
            if path.endswith("/user/current"):
                return Answer(403, {"message": "Current user not permitted to use Confluence"}, reason)
            if ONE_THING.search(path):
                return Answer(
                    404, {"errorMessages": ["It does not exist, or you may not see it."], "errors": {}}, reason
                )
            if context in ("/wiki", "/confluence"):
                return Answer(200, {"results": [], "_links": {"base": f"{self.url}{context}"}})
            if path.endswith("/search/jql"):
                return Answer(200, {"issues": [], "isLast": True}, reason)
            if path.endswith("/bulkfetch"):
                return Answer(200, {"issues": [], "issueErrors": []}, reason)
            if path.endswith("/2/search"):
                return Answer(200, {"issues": [], "startAt": 0, "maxResults": 50, "total": 0}, reason)
            if path.endswith("/project/search"):
                return Answer(200, {"values": [], "startAt": 0, "maxResults": 50, "total": 0, "isLast": True}, reason)
            if path.endswith(("/field", "/project")):
                return Answer(200, [], reason)
        body = {"message": "Client must be authenticated to access this resource.", "status-code": 401}
        return Answer(401, body, reason | {"WWW-Authenticate": 'OAuth realm="Atlassian"'})


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: AtlassianSite) -> None:
        self.site = site
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; a defect of a handler is told."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """End what clients keep open; otherwise their threads would wait for the next request."""
        self.closing.set()
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was first


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one piece

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        server: _Server = self.server  # type: ignore[assignment]
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body: Any = data or None
        with suppress(ValueError):
            body = json.loads(data) if data else None
        query = parse_qs(url.query, keep_blank_values=True)
        try:
            answer = server.site.answer(Request(self.command, url.path, query, body, headers))
        except Exception as error:
            self._send(server, Answer(500, {"message": f"defect of the stand-in: {error!r}"}))
            raise
        self._send(server, answer)

    def _send(self, server: _Server, answer: Answer) -> None:
        if answer.stall_s and server.closing.wait(answer.stall_s):
            self.close_connection = True
            return
        data = answer.data()
        self.send_response_only(answer.status)
        date = format_datetime(server.site.now, usegmt=True)
        for name, value in {"Date": date, "Content-Type": "application/json;charset=UTF-8", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if answer.cut else data)
        self.wfile.flush()
        self.close_connection = self.close_connection or answer.cut


def main(arguments: list[str] | None = None) -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m duetto_assets_tests.wire.atlassian", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--data", type=Path, help="a folder with jira_*.jsonl and confluence_pages/")
    given = parser.parse_args(arguments)
    with AtlassianSite(given.port) as site:
        for path in sorted(given.data.glob("jira_*.jsonl")) if given.data else []:
            site.load_jira_jsonl(path)
        if given.data and (given.data / "confluence_pages").is_dir():
            site.load_confluence_pages(given.data / "confluence_pages")
        sys.stderr.write(f"{datetime.now().astimezone():%H:%M:%S} Confluence {site.confluence_url}, JIRA {site.url}\n")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")


if __name__ == "__main__":
    main()
