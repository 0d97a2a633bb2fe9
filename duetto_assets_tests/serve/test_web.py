"""What the server answers is what its description says, for those who may know it, and for no other site."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi.testclient import TestClient

from duetto_assets.errors import ConfigError
from duetto_assets.serve import web
from duetto_assets.settings import load
from duetto_assets.store.index import Index
from duetto_assets_tests.search.graphs import Drawing, organisation, store

SCRIPT = b"console.log('hello')"
HASH = base64.b64encode(hashlib.sha256(SCRIPT).digest()).decode()
POLICY = f"default-src 'none'; script-src 'sha256-{HASH}'"
PAGE = (
    b'<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="'
    + POLICY.encode()
    + b'"></head><body><script>'
    + SCRIPT
    + b"</script></body></html>"
)
QUESTIONS = [
    "/api/graph/neighbors?entity=SRE-42",
    "/api/graph/neighbors?entity=acme/api&depth=3&relation=contains&relation=imports&limit=2",
    "/api/graph/path?from=Runbook&to=acme/api:src/app.py",
    "/api/graph/impact?entity=acme/api:src/util.py&depth=2&min_confidence=0.5",
    "/api/graph/who?about=acme/api:src/util.py",
    "/api/graph/who?about=retries+storm",
    "/api/graph/history?issue=SRE-42",
    "/api/graph/entities?q=app",
    "/api/graph/summary",
    "/healthz",
]
REFUSED = [
    ("/api/graph/neighbors?entity=src/app.py", 409),
    ("/api/graph/neighbors?entity=nowhere", 404),
    ("/api/graph/neighbors?entity=SRE-42&relation=eats", 422),
    ("/api/graph/neighbors", 422),
    ("/api/graph/neighbors?entity=SRE-42&depth=99", 422),
    ("/api/graph/history?issue=acme/api", 422),
    ("/api/graph/impact?entity=SRE-42&min_confidence=nan", 422),
    ("/api/graph/who?about=quantum+chromodynamics", 404),
    ("/api/graph/entities?limit=0", 422),
    ("/api/graph/summary?as=", 200),
]


@pytest.fixture
def made(home: Path) -> tuple[Index, Drawing]:
    return organisation(home / "index")


@pytest.fixture
def client(made: Any) -> TestClient:
    return client_of()


def client_of(page: bytes | None = PAGE, data: bytes | None = b'{"nodes":[]}') -> TestClient:
    app = web.create_app(load(), lambda: page, lambda: data, hosts=["intel.example.org"])
    return TestClient(app, base_url="http://127.0.0.1:8765")


def check(client: TestClient, url: str, answer: httpx.Response) -> None:
    """Validate an answer against the server's own description of it."""
    described = client.get("/openapi.json").json()
    responses = described["paths"][url.partition("?")[0]]["get"]["responses"]
    content = responses[str(answer.status_code)]["content"]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = content[media_type]["schema"] | {"components": described["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())


@pytest.mark.parametrize("url", QUESTIONS)
def test_every_answer_is_as_described(client: TestClient, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    check(client, url, answer)


@pytest.mark.parametrize(("url", "status"), REFUSED)
def test_every_refusal_is_as_described(client: TestClient, url: str, status: int) -> None:
    answer = client.get(url)
    assert answer.status_code == status
    check(client, url, answer)
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_an_ambiguous_name_comes_with_its_candidates(client: TestClient) -> None:
    problem = client.get("/api/graph/impact?entity=src/app.py").json()
    assert {each["ref"] for each in problem["candidates"]} == {"acme/api:src/app.py", "acme/web:src/app.py"}


def test_an_unknown_name_comes_with_suggestions(client: TestClient) -> None:
    problem = client.get("/api/graph/impact?entity=Runbok").json()
    assert [each["ref"] for each in problem["suggestions"]] == ["page:12345"]


def test_no_path_is_not_found(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    drawing.node("file", "repos:lonely:a", drawing.document("a", "lonely"))
    drawing.write(index)
    answer = client_of().get("/api/graph/path?from=SRE-42&to=lonely:a")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Nothing that can be seen connects them.")


def test_without_a_graph_it_says_what_to_do(home: Path) -> None:
    client = client_of(None, None)
    for url in ("/api/graph/summary", "/graph.json"):
        answer = client.get(url)
        assert answer.status_code == 404
        assert answer.json()["detail"] == "There is no graph yet. Make it: duetto-intel sync"
    assert "duetto-intel sync" in client.get("/graph").text
    assert client.get("/healthz").json() == {"status": "ok", "graph": False}


def test_pages_follow_each_other_to_the_whole(client: TestClient) -> None:
    url: str | None = "/api/graph/neighbors?entity=acme/api&depth=3&limit=3&as=nobody"
    found: list[str] = []
    while url:
        page = client.get(url).json()
        found += [each["node"]["ref"] for each in page["answer"]["items"]]
        url = page["next"]
    whole = client.get("/api/graph/neighbors?entity=acme/api&depth=3&limit=1000").json()["answer"]
    assert found == [each["node"]["ref"] for each in whole["items"]]
    assert len(found) == whole["total"] > 6


# Who may know


def test_what_is_restricted_is_for_those_who_may_read_it(client: TestClient) -> None:
    for url in [*QUESTIONS, *(url for url, _ in REFUSED), "/api/graph/entities?limit=1000"]:
        text = client.get(url).text + client.get(f"{url}{'&' if '?' in url else '?'}as=bob@x.org").text
        assert "SRE-43" not in text
        assert "breach" not in text
    asked = "/api/graph/neighbors?entity=SRE-42&as=bob@x.org&as="
    assert "SRE-43" in client.get(asked + "Ann@x.org").text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_a_name_that_is_not_ours_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/healthz", headers={"host": host})
    assert answer.status_code == 400
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:99", "[::1]:8765", "LOCALHOST", "intel.example.org"])
def test_our_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


# How it is carried


@pytest.mark.parametrize("url", ["/", "/graph", "/graph.json", "/nothing", *QUESTIONS, "/api/graph/impact"])
def test_every_answer_keeps_other_sites_out(client: TestClient, url: str) -> None:
    headers = client.get(url).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "access-control-allow-origin" not in headers


def test_the_page_is_served_under_its_own_policy(client: TestClient) -> None:
    answer = client.get("/graph")
    assert answer.content == PAGE
    assert answer.headers["content-security-policy"] == f"{POLICY}; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "page",
    [
        b"<html><head></head><body></body></html>",
        b"<script>1</script><meta http-equiv='Content-Security-Policy' content='default-src *'>",
        b"<meta http-equiv='Content-Security-Policy' content='default-src \xc3\xa9'>",
    ],
)
def test_a_page_without_a_policy_before_its_scripts_may_do_nothing(made: Any, page: bytes) -> None:
    policy = client_of(page).get("/graph").headers["content-security-policy"]
    assert policy == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def test_the_index_page_works_under_its_policy(client: TestClient) -> None:
    answer = client.get("/")
    style = re.search("<style>(.*?)</style>", answer.text)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text.replace("http-equiv", "")
    assert "/api/graph/impact" in answer.text


@pytest.mark.parametrize("url", ["/graph", "/graph.json", *QUESTIONS[:-1]])
def test_what_the_client_has_is_not_sent_again(client: TestClient, url: str) -> None:
    first = client.get(url)
    etag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    again = client.get(url, headers={"if-none-match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200
    plain = client.get(url, headers={"accept-encoding": "identity"})
    assert plain.headers["etag"] != etag


def test_another_question_reader_graph_or_access_is_another_etag(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    client = client_of()
    url = "/api/graph/neighbors?entity=SRE-42"
    etags = [client.get(each).headers["etag"] for each in (url, url + "&depth=2", url + "&as=ann@x.org")]
    page = next(each for each in drawing.documents if each.id == "12345")
    store(index, [replace(page, access=("ann@x.org",))])
    etags.append(client.get(url).headers["etag"])
    drawing.write(index, "anew")
    etags.append(client.get(url).headers["etag"])
    assert len(set(etags)) == 5


def test_large_answers_are_compressed(client: TestClient) -> None:
    with client.stream(
        "GET", "/api/graph/neighbors?entity=acme/api&depth=3", headers={"accept-encoding": "gzip"}
    ) as got:
        assert got.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(b"".join(got.iter_raw())))["answer"]["total"] > 6


def test_no_page_loads_from_elsewhere(client: TestClient) -> None:
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


# The command's part


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_others_cannot_be_served(home: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="nobody has to log in"):
        web.serve(load(), lambda: None, lambda: None, host)


def test_a_taken_port_is_a_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="Choose another port"):
        web.serve(load(), lambda: None, lambda: None, port=taken.getsockname()[1])


_SERVER = """
from duetto_assets.serve.web import serve
from duetto_assets.settings import load
serve(load(), lambda: None, lambda: None, port=0)
"""


@contextlib.contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        try:
            assert process.stderr is not None
            yield process, process.stderr.readline()
        finally:
            process.kill()


def test_it_says_its_address_serves_and_ends_at_ctrl_c_without_a_word(made: Any) -> None:
    with server() as (process, line):
        found = re.fullmatch(r"Serving at (http://127\.0\.0\.1:\d+/) until Ctrl-C\.\n", line)
        assert found is not None
        assert httpx.get(f"{found[1]}api/graph/summary").json()["nodes"] > 10
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")
