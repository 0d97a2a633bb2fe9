"""A GitHub on localhost: GraphQL executed by a real engine over its part of the schema, and git over smart HTTP."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphql import build_schema, graphql_sync

# Only what exists of it on github.com; that it does is another test (against GitHub's published schema).
SCHEMA = build_schema("""
scalar URI
scalar GitObjectID
enum RepositoryAffiliation { OWNER COLLABORATOR ORGANIZATION_MEMBER }
enum RepositoryVisibility { PUBLIC PRIVATE INTERNAL }
enum RepositoryOrderField { CREATED_AT UPDATED_AT PUSHED_AT NAME STARGAZERS }
enum OrderDirection { ASC DESC }
input RepositoryOrder { field: RepositoryOrderField! direction: OrderDirection! }
type Query {
  repositoryOwner(login: String!): Organization
  repository(owner: String!, name: String!, followRenames: Boolean = true): Repository
}
type Organization {
  login: String!
  repositories(
    first: Int, after: String, ownerAffiliations: [RepositoryAffiliation] = [OWNER, COLLABORATOR],
    orderBy: RepositoryOrder
  ): RepositoryConnection!
}
type RepositoryConnection { totalCount: Int! pageInfo: PageInfo! nodes: [Repository] }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Repository {
  id: ID! databaseId: Int nameWithOwner: String! url: URI! isArchived: Boolean! isFork: Boolean!
  isDisabled: Boolean! isEmpty: Boolean! visibility: RepositoryVisibility! primaryLanguage: Language
  defaultBranchRef: Ref repositoryTopics(first: Int): RepositoryTopicConnection!
}
type Language { name: String! }
type Ref { target: Target }
type Target { oid: GitObjectID! }
type RepositoryTopicConnection { nodes: [RepositoryTopic] }
type RepositoryTopic { topic: Topic! }
type Topic { name: String! }
""")


@dataclass
class FakeRepository:
    """A repository of the fake, whose git lies in `<root>/<name>.git`."""

    id: int
    name: str
    archived: bool = False
    fork: bool = False
    disabled: bool = False
    visibility: str = "PUBLIC"
    language: str | None = "Python"
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass
class Answer:
    """What the fake says instead of the truth."""

    status: int
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class FakeGitHub:
    """One owner, `acme`, and its repositories. Tests change the fields while it serves."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.url = url
        self.page_size = 100
        self.repositories: dict[str, FakeRepository] = {}
        self.requests: list[Request] = []
        self.token: str | None = None  # required of everybody, if set
        self.graphql: dict[int, Answer] = {}  # number of the GraphQL call, from 1 -> what it is answered
        self.git: Answer | None = None  # what every git request is answered
        self.cut_packs = False  # the connection ends in the middle of a pack
        self.moved: dict[str, str] = {}  # path prefix -> where it is redirected
        self.held: threading.Event | None = None  # git requests wait for it
        self.arrived = threading.Event()  # set once one waits
        self.repeat_cursor = False
        self.hidden = 0  # repositories that are counted and not listed
        self._lock = threading.Lock()

    def add(self, name: str, **fields: Any) -> FakeRepository:
        """Add `acme/<name>`, an empty repository unless its git is there."""
        repository = FakeRepository(id=len(self.repositories) + 1, name=f"acme/{name}", **fields)
        self.repositories[repository.name] = repository
        path = self.path(repository)
        if not path.exists():
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
        return repository

    def path(self, repository: FakeRepository) -> Path:
        return self.root / f"{repository.name}.git"

    def rename(self, old: str, new: str) -> None:
        """Rename `acme/<old>`; its old address redirects, as on GitHub."""
        repository = self.repositories.pop(f"acme/{old}")
        before = self.path(repository)
        repository.name = f"acme/{new}"
        before.rename(self.path(repository))
        self.repositories[repository.name] = repository
        self.moved[f"/acme/{old}"] = f"{self.url}/acme/{new}"

    def of(self, kind: str) -> list[Request]:
        """Return the requests of a kind: `graphql` or `git`."""
        return [each for each in self.requests if (each.path == "/api/graphql") == (kind == "graphql")]

    def answer_graphql(self, body: bytes) -> Answer:
        with self._lock:
            number = len(self.of("graphql"))
        if number in self.graphql:
            return self.graphql[number]
        asked = json.loads(body)
        result = graphql_sync(SCHEMA, asked["query"], root_value=self._root(), variable_values=asked["variables"])
        return Answer(200, result.formatted)

    def _root(self) -> dict[str, Any]:
        return {
            "repositoryOwner": lambda _, login: self._owner() if login == "acme" else None,
            "repository": lambda _, owner, name, **__: self._one(f"{owner}/{name}"),
        }

    def _one(self, name: str) -> dict[str, Any] | None:
        name = self.moved.get(f"/{name}", name).removeprefix(f"{self.url}/")
        repository = self.repositories.get(name)
        return None if repository is None else self._node(repository)

    def _owner(self) -> dict[str, Any]:
        return {"login": "acme", "repositories": self._page}

    def _page(self, _: object, first: int, after: str | None = None, **__: object) -> dict[str, Any]:
        nodes = [self._node(each) for each in sorted(self.repositories.values(), key=lambda each: each.id)]
        start = int(after.removeprefix("cursor:")) if after else 0
        end = start + min(first, self.page_size)
        cursor = after if self.repeat_cursor and after else f"cursor:{end}"
        return {
            "totalCount": len(nodes) + self.hidden,
            "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": cursor},
            "nodes": nodes[start:end],
        }

    def _node(self, repository: FakeRepository) -> dict[str, Any]:
        path = self.path(repository)
        head = _git(path, "rev-parse", "-q", "--verify", "HEAD")
        return {
            "id": f"R_{repository.id}",
            "databaseId": repository.id,
            "nameWithOwner": repository.name,
            "url": f"{self.url}/{repository.name}",
            "isArchived": repository.archived,
            "isFork": repository.fork,
            "isDisabled": repository.disabled,
            "isEmpty": not _git(path, "for-each-ref", "--count=1", "refs/heads"),
            "visibility": repository.visibility,
            "primaryLanguage": {"name": repository.language} if repository.language else None,
            "defaultBranchRef": {"target": {"oid": head}} if head else None,
            "repositoryTopics": {"nodes": [{"topic": {"name": topic}} for topic in repository.topics]},
        }


@contextmanager
def serving(root: Path) -> Iterator[FakeGitHub]:
    """Yield a fake GitHub that listens until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.fake = FakeGitHub(root, f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.fake  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "GitHub.com"

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self._body())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _handle(self, body: bytes) -> None:
        fake: FakeGitHub = self.server.fake  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        fake.requests.append(Request(self.command, url.path, url.query, headers, body))
        if fake.token is not None and not self._knows(fake.token, headers.get("authorization", "")):
            self._say(Answer(401, {"message": "Bad credentials"}, {"WWW-Authenticate": 'Basic realm="GitHub"'}))
        elif url.path == "/api/graphql":
            self._say(fake.answer_graphql(body))
        elif fake.held is not None:
            fake.arrived.set()
            fake.held.wait()
            self.close_connection = True
        elif fake.git is not None:
            self._say(fake.git)
        elif moved := next((old for old in fake.moved if url.path.startswith(f"{old}/")), None):
            rest = self.path.removeprefix(moved)
            self._say(Answer(301, headers={"Location": fake.moved[moved] + rest}))
        else:
            self._git(fake, url.path, url.query, body)

    def _knows(self, token: str, authorization: str) -> bool:
        from base64 import b64encode

        basic = b64encode(f"x-access-token:{token}".encode()).decode()
        return authorization in (f"Bearer {token}", f"Basic {basic}")

    def _say(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response_only(answer.status)
        for name, value in {
            "Date": self.date_time_string(),
            "Content-Type": "application/json",
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _git(self, fake: FakeGitHub, path: str, query: str, body: bytes) -> None:
        owner, name, rest = path.strip("/").split("/", 2)
        bare = f"{owner}/{name.removesuffix('.git')}"
        if bare not in fake.repositories:
            self._say(Answer(404, b"Not Found"))
            return
        out = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            env={
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_PROJECT_ROOT": str(fake.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": f"/{bare}.git/{rest}",
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_ADDR": "127.0.0.1",
            },
        ).stdout
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        if fake.cut_packs and rest == "git-upload-pack" and b"PACK" in content:
            content = content[: content.index(b"PACK") + 40]
        self._say(Answer(status, content, headers))


def _git(path: Path, *args: str) -> str:
    done = subprocess.run(["git", f"--git-dir={path}", *args], capture_output=True, text=True)
    return done.stdout.strip()
