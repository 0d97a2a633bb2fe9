"""`duetto-intel serve`: the page of the graph and a JSON API, for this machine alone: nobody has to log in.

Endpoints are plain functions, which the server runs in threads. Modules that FastAPI inspects import at run time.
"""

from __future__ import annotations

import contextlib
import hashlib
import html
import ipaddress
import socket
from base64 import b64encode
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Annotated, Any, Generic, TypeVar

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duetto_assets.errors import ConfigError, DuettoError
from duetto_assets.factory import index_of
from duetto_assets.model import digest
from duetto_assets.search import graph_impact, graph_overview, graph_path, graph_queries, graph_who
from duetto_assets.search.graph import NoGraph, View, view_of
from duetto_assets.search.graph_answers import Node, Window
from duetto_assets.search.graph_names import AmbiguousName, UnknownName
from duetto_assets.serve.terminal import principals, say
from duetto_assets.settings import Settings

Content = Callable[[], bytes | None]
"""Returns what was drawn; None where nothing was yet."""

_VERSION = "1"  # of the API; raise it with every change of an answer's form
_PROBLEM = "application/problem+json"
_HERE = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
_SMALLEST_GZIP = 1_000
_HEAD_BYTES = 100_000

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """An answer, and where the next results of it are."""

    answer: T
    next: str | None


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    candidates: list[Node] = []
    suggestions: list[Node] = []


class Health(BaseModel):
    """That the server is up, and whether there is a graph to ask."""

    status: str
    graph: bool


class _NotModified(Exception):
    """What the client has is what it would get."""

    def __init__(self, etag: str) -> None:
        self.etag = etag


def create_app(settings: Settings, page: Content, data: Content, hosts: Sequence[str] = ()) -> FastAPI:
    """Return the app.

    :param page: The drawn page, `graph.html`.
    :param data: The same as node-link JSON, `graph.json`.
    :param hosts: Names that this server is called by, beside those of the loopback.
    """
    app = FastAPI(
        title="duetto-intel",
        version=_VERSION,
        description="Questions to the graph of an organisation's code and knowledge. Every answer cites its documents.",
        docs_url=None,  # those pages load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.settings, app.state.page, app.state.data = settings, page, data
    app.include_router(_router)
    app.add_middleware(GZipMiddleware, minimum_size=_SMALLEST_GZIP, compresslevel=5)
    # Another site's page may have its name point here (DNS rebinding): a browser then still tells that name.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*_HERE, *hosts], www_redirect=False)
    app.add_middleware(_Guarded)
    app.exception_handler(_NotModified)(_not_modified)
    app.exception_handler(DuettoError)(_refused)
    app.exception_handler(RequestValidationError)(_not_valid)
    app.exception_handler(HTTPException)(_no_such_page)
    app.exception_handler(Exception)(_failed)
    describe = app.openapi
    app.openapi = lambda: _with_problems(describe())  # type: ignore[method-assign]
    return app


def serve(settings: Settings, page: Content, data: Content, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve until Ctrl-C.

    :raises ConfigError: If others could reach `host`, or the port is taken.
    """
    if not _is_loopback(host):
        raise ConfigError(
            f"{host[:100]!r} can be reached from other machines, and nobody has to log in here: serve on 127.0.0.1 and "
            "put a proxy that knows your people in front."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"{host}:{port} cannot be served on: {error.strerror}. Choose another port.") from error
    with listening:
        shown = f"[{host}]" if ":" in host else host
        say(f"Serving at http://{shown}:{listening.getsockname()[1]}/ until Ctrl-C.")
        config = uvicorn.Config(create_app(settings, page, data), log_level="warning", access_log=False)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# What is asked, and whether the client knows the answer already


def _view(
    request: Request,
    response: Response,
    named: Annotated[
        list[str] | None,
        Query(
            alias="as",
            description="Use only what this e-mail address, account id or group may read. Default: what the indexing "
            "accounts may read, without what is restricted to others by name.",
        ),
    ] = None,
) -> View:
    settings: Settings = request.app.state.settings
    view = view_of(index_of(settings), principals(named, settings))
    record = view.graph.record
    versions = (record.made_of, str(record.nodes), str(record.edges), record.made_at.isoformat())
    _tag(request, response, *versions, str(view.documents_version), *view.principals)
    return view


def _tag(request: Request, response: Response, *parts: str) -> None:
    """Name this answer; stop where the client has it.

    A compressed answer has other bytes, hence another name.
    """
    coded = "gzip" if "gzip" in request.headers.get("accept-encoding", "") else ""
    etag = f'"{digest(_VERSION, request.url.path, request.url.query, coded, *parts)}"'
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if known & {etag, "*"}:
        raise _NotModified(etag)
    response.headers["etag"] = etag


def _window(
    limit: Annotated[int, Query(ge=1, le=1_000, description="Most results.")] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000, description="Results to leave out.")] = 0,
) -> Window:
    return Window(limit, offset)


def _paged(request: Request, window: Window, answer: T, more: int) -> Page[T]:
    url = request.url.include_query_params(offset=window.end, limit=window.limit)
    return Page(answer=answer, next=f"{url.path}?{url.query}" if more else None)


Seen = Annotated[View, Depends(_view)]
Windowed = Annotated[Window, Depends(_window)]
Named = Annotated[
    str, Query(min_length=1, max_length=1_000, description="An entity, as people name it: acme/api:src/app.py, SRE-42.")
]

_REFUSALS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "Nothing is named so, or there is no graph yet."},
    409: {"model": Problem, "description": "Several are named so: `candidates`."},
    422: {"model": Problem, "description": "The question cannot be answered."},
}
_router = APIRouter()


@_router.get("/", response_class=HTMLResponse, include_in_schema=False)
def home(request: Request) -> Response:
    """Return the index of pages."""
    paths = [path for path in request.app.openapi()["paths"] if path.startswith("/api")]
    listed = "".join(f"<li><code>{html.escape(path)}</code></li>" for path in paths)
    return _html(
        '<h1>duetto-intel</h1><ul><li><a href="/graph">The graph</a>, to look at</li>'
        '<li><a href="/graph.json">The same as node-link JSON</a></li>'
        '<li><a href="/openapi.json">What can be asked (OpenAPI)</a></li></ul>'
        f"<h2>Questions</h2><ul>{listed}</ul>"
    )


@_router.get("/graph", response_class=HTMLResponse, include_in_schema=False)
def graph_page(request: Request) -> Response:
    """Return the drawn page under the policy that it declares itself."""
    content = request.app.state.page()
    if content is None:
        return _html(
            "<h1>There is no picture of the graph yet</h1><p>Make it: <code>duetto-intel sync</code></p>", status=404
        )
    policy = _policy_of(content)
    answer = HTMLResponse(content, headers={"content-security-policy": policy} if policy else None)
    _tag(request, answer, hashlib.sha256(content).hexdigest())
    return answer


@_router.get("/graph.json", include_in_schema=False)
def graph_json(request: Request) -> Response:
    """Return what is drawn, as node-link JSON."""
    content = request.app.state.data()
    if content is None:
        raise NoGraph
    answer = Response(content, media_type="application/json")
    _tag(request, answer, hashlib.sha256(content).hexdigest())
    return answer


@_router.get("/healthz")
def health(request: Request) -> Health:
    """Say that the server is up."""
    return Health(status="ok", graph=index_of(request.app.state.settings).graph() is not None)


@_router.get("/api/graph/neighbors", responses=_REFUSALS)
def neighbors(
    request: Request,
    view: Seen,
    window: Windowed,
    entity: Named,
    depth: Annotated[int, Query(ge=1, le=10, description="Most steps away.")] = 1,
    relation: Annotated[list[str] | None, Query(description="Only by these: names, inverse names or words.")] = None,
) -> Page[graph_queries.Neighbors]:
    """Return what is connected to an entity, by distance and relation."""
    answer = graph_queries.neighbors(view, entity, depth, relation or (), window)
    return _paged(request, window, answer, answer.more)


@_router.get("/api/graph/path", responses=_REFUSALS)
def path(
    view: Seen,
    start: Annotated[str, Query(alias="from", min_length=1)],
    end: Annotated[str, Query(alias="to", min_length=1)],
) -> graph_path.Path:
    """Return a shortest path between two entities."""
    answer = graph_path.path(view, start, end)
    if answer is None:
        raise HTTPException(404, "Nothing that can be seen connects them.")
    return answer


@_router.get("/api/graph/impact", responses=_REFUSALS)
def impact(
    request: Request,
    view: Seen,
    window: Windowed,
    entity: Named,
    depth: Annotated[int | None, Query(ge=1, description="Most steps away; all by default.")] = None,
    min_confidence: Annotated[float, Query(ge=0, le=1, description="Follow no edge that is less certain.")] = 0.0,
) -> Page[graph_impact.Impact]:
    """Return what depends on an entity, across repositories."""
    answer = graph_impact.impact(view, entity, depth, min_confidence, window)
    return _paged(request, window, answer, answer.more)


@_router.get("/api/graph/who", responses=_REFUSALS)
def who(request: Request, view: Seen, window: Windowed, about: Named) -> Page[graph_who.Experts]:
    """Return who knows about an entity, or a topic in free words, with the evidence."""
    answer = graph_who.who(view, about, window)
    return _paged(request, window, answer, answer.more)


@_router.get("/api/graph/history", responses=_REFUSALS)
def history(request: Request, view: Seen, window: Windowed, issue: Named) -> Page[graph_queries.History]:
    """Return what happened to an issue, in order of time."""
    answer = graph_queries.history(view, issue, window)
    return _paged(request, window, answer, answer.more)


@_router.get("/api/graph/entities", responses={404: _REFUSALS[404], 422: _REFUSALS[422]})
def entities(
    request: Request, view: Seen, window: Windowed, q: Annotated[str, Query(max_length=1_000)] = ""
) -> Page[graph_overview.Entities]:
    """Return entities whose name, key or title has this text in it: to complete what somebody types."""
    answer = graph_overview.entities(view, q, window)
    return _paged(request, window, answer, answer.more)


@_router.get("/api/graph/summary", responses={404: _REFUSALS[404], 422: _REFUSALS[422]})
def summary(view: Seen) -> graph_overview.Summary:
    """Return how much there is of each type and relation."""
    return graph_overview.summary(view)


# Refusals


def _not_modified(_request: Request, error: Exception) -> Response:
    etag = error.etag if isinstance(error, _NotModified) else ""
    return Response(status_code=304, headers={"etag": etag, "vary": "Accept-Encoding"})


def _refused(_request: Request, error: Exception) -> Response:
    if isinstance(error, AmbiguousName):
        detail = str(error).partition("\n")[0]
        return _problem(409, "Ambiguous name", detail, candidates=list(error.candidates))
    if isinstance(error, UnknownName):
        return _problem(404, "Unknown name", str(error).partition("\n")[0], suggestions=list(error.suggestions))
    if isinstance(error, NoGraph):
        return _problem(404, "No graph yet", str(error))
    if isinstance(error, ConfigError):
        return _problem(422, "The question cannot be answered", str(error))
    return _problem(503, "Not now", str(error))


def _not_valid(_request: Request, error: Exception) -> Response:
    wrong = error.errors() if isinstance(error, RequestValidationError) else ()
    said = "; ".join(f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in wrong)
    return _problem(422, "The question cannot be answered", said)


def _no_such_page(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    return _problem(status, detail, detail)


def _failed(_request: Request, _error: Exception) -> Response:
    return _problem(500, "Internal error", "The server failed to answer. Its terminal says why.")


def _problem(status: int, title: str, detail: str, **more: list[Node]) -> Response:
    problem = Problem(title=title, status=status, detail=detail, **more)
    return Response(problem.model_dump_json(), status, media_type=_PROBLEM)


def _with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """Give refusals the media type that they have."""
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status >= "4" and "application/json" in answer.get("content", {}):
                    answer["content"] = {_PROBLEM: answer["content"]["application/json"]}
    return schema


# Pages


class _Guarded:
    """Gives every answer the headers that keep other sites out, where it has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


class _Head(HTMLParser):
    """Finds the policy that a page declares in its head, before anything that could run."""

    policy = ""
    _done = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._done = self._done or tag in ("script", "style", "body")
        named = dict(attrs)
        if tag == "meta" and not self._done and (named.get("http-equiv") or "").lower() == "content-security-policy":
            self.policy = self.policy or named.get("content") or ""


def _policy_of(page: bytes) -> str:
    """Return the header for a page: its own policy, and that nothing may frame it, which a page cannot say itself."""
    head = _Head()
    head.feed(page[:_HEAD_BYTES].decode("utf-8", "replace"))
    policy = " ".join(head.policy.split()).rstrip("; ")
    return f"{policy}; frame-ancestors 'none'" if policy.isascii() and policy else ""


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
)
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def _html(body: str, status: int = 200) -> Response:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>duetto-intel</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    )
    policy = f"{_HEADERS['content-security-policy']}; style-src 'sha256-{_STYLE_HASH}'"
    return HTMLResponse(page, status, {"content-security-policy": policy})
