"""The session of Atlassian's client library: each bad answer is an error of ours, and a passing one is survived."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import stamina

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.sources import atlassian as module
from duetto_assets.sources.atlassian import cursor_of, in_parallel, is_cloud, moment, next_token, rows_of
from duetto_assets_tests.sources.atlassian_worlds import ACCOUNT, session_of
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer

PATH = "/rest/api/3/myself"


@pytest.fixture
def site(atlassian: AtlassianSite) -> AtlassianSite:
    atlassian.accept(ACCOUNT, "made-up-token")
    return atlassian


def ask(site: AtlassianSite, token: str = "made-up-token") -> object:
    return session_of(site.url, token).request("GET", f"{site.url}{PATH}?expand=groups").json()


def html(status: int = 200) -> Answer:
    return Answer(status, b"<html>Please sign in</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (Answer(401, b""), GiveUp, "401 on /rest/api/3/myself. The token is refused: check that"),
        (Answer(403, b""), GiveUp, "403 on /rest/api/3/myself. The token is refused"),
        (Answer(404, b""), GiveUp, "Not there, or not for this token"),
        (Answer(410, b""), GiveUp, "Not there, or not for this token"),
        (Answer(302, b"", {"Location": "https://id.example.com/login"}), GiveUp, "The address has moved"),
        (Answer(400, b'{"errorMessages":["The value X does not exist"]}'), GiveUp, "does not exist"),
        (Answer(429, b""), RetryLater, "The rate limit is reached"),
        (Answer(500, b""), RetryLater, "a passing fault"),
        (Answer(503, b""), RetryLater, "a passing fault"),
        (html(), RetryLater, "a body that is no JSON: a proxy or sign-in page?"),
        (Answer(200, b""), RetryLater, "a body that is no JSON"),
        (Answer(200, b'"text"'), RetryLater, "a body that is no object"),
        (Answer(200, b"[" * 100_000), RetryLater, "a body that is no JSON"),
    ],
)
def test_a_bad_answer_is_an_error_that_says_what_and_where(
    site: AtlassianSite, fault: Answer, error: type[SourceError], said: str
) -> None:
    site.fail(PATH, fault, times=None)
    with pytest.raises(error) as caught:
        ask(site)
    assert said in str(caught.value)
    assert str(caught.value).startswith("127.0.0.1:")
    assert "groups" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("fault", [Answer(500, b""), Answer(503, b""), html(), Answer(408, b"")])
def test_a_passing_fault_is_survived(site: AtlassianSite, fault: Answer) -> None:
    site.fail(PATH, fault, times=2)
    assert ask(site)
    assert site.requests.count() == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_will_not_change_is_asked_once(site: AtlassianSite, status: int) -> None:
    site.fail(PATH, Answer(status, b""), times=None)
    with pytest.raises(GiveUp) as caught:
        ask(site)
    assert caught.value.status == status
    assert site.requests.count() == 1


@pytest.mark.parametrize(
    ("asked", "after_s"),
    [
        ("700", 700),
        ("in an hour", 3600),
        ("", 60),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(site: AtlassianSite, asked: str, after_s: int) -> None:
    hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    header = {"Retry-After": asked.replace("in an hour", hour)} if asked else {}
    site.fail(PATH, Answer(429, b"", header), times=None)
    with pytest.raises(RetryLater) as caught:
        ask(site)
    assert caught.value.after_s == pytest.approx(after_s, abs=10)


def test_a_run_waits_out_a_short_rate_limit_and_a_sensor_does_not(site: AtlassianSite) -> None:
    session = session_of(site.url)
    site.fail(PATH, Answer(429, b"", {"Retry-After": "90"}))
    with session.in_haste(), pytest.raises(RetryLater):
        session.request("GET", site.url + PATH)
    site.fail(PATH, Answer(429, b"", {"Retry-After": "90"}))
    assert session.request("GET", site.url + PATH).json()


def test_a_refused_token_that_is_answered_with_nothing_is_an_error(site: AtlassianSite) -> None:
    site.fail(PATH, Answer(200, b"{}", {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}))
    with pytest.raises(GiveUp, match="as to an anonymous caller"):
        ask(site)


def test_the_token_is_sent_and_never_said(site: AtlassianSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site.tokens.clear()
    site.accept(ACCOUNT, "another-token")
    with pytest.raises(GiveUp) as caught:
        ask(site)
    assert "made-up-token" not in str(caught.value) + caplog.text
    assert ACCOUNT not in str(caught.value) + caplog.text


def test_a_personal_token_is_a_bearer(site: AtlassianSite) -> None:
    session = module.Session(site.url, "", "made-up-token", advice="")
    assert session.request("GET", site.url + PATH).json()


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def cut() -> Iterator[str]:
    """A host that ends each answer in the middle of its body."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"results": [{"id": 1}')

        serving = threading.Thread(target=serve)
        serving.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        serving.join()


def test_a_host_that_says_nothing_is_not_waited_for_for_ever(silent: str) -> None:
    with stamina.set_testing(True, attempts=1), pytest.raises(RetryLater, match="no answer on /x"):
        session_of(silent, timeout_s=0.2).request("GET", f"{silent}/x?secret=1")


def test_a_body_that_breaks_off_is_no_answer(cut: str) -> None:
    with pytest.raises(RetryLater, match="no answer on /x"):
        session_of(cut).request("GET", f"{cut}/x")


def test_a_host_that_is_not_there_is_named_without_its_query() -> None:
    with pytest.raises(RetryLater) as caught:
        session_of("http://127.0.0.1:9").request("GET", "http://127.0.0.1:9/x?secret=1")
    assert "groups" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", None, 3, "seen"])
def test_a_page_token_that_is_not_new_is_an_error(token: object) -> None:
    with pytest.raises(RetryLater, match="page token"):
        next_token(token, {"seen"}, "somewhere")


@pytest.mark.parametrize("answer", [None, [], {}, {"results": None}, {"results": "none"}])
def test_an_answer_without_rows_is_not_an_empty_one(answer: object) -> None:
    with pytest.raises(RetryLater, match="results"):
        rows_of(answer, "results", "somewhere")
    assert rows_of({"results": []}, "results", "somewhere") == []


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("/wiki/api/v2/pages?cursor=abc&limit=2", "abc"),
        ("https://acme.atlassian.net/wiki/api/v2/pages?limit=2&cursor=a%3D%3D", "a=="),
        ("/wiki/api/v2/pages", None),
        (None, None),
        (7, None),
    ],
)
def test_the_cursor_of_a_link_is_found(link: object, cursor: str | None) -> None:
    assert cursor_of(link) == cursor


@pytest.mark.parametrize(
    ("url", "user", "deployment", "cloud"),
    [
        ("https://acme.atlassian.net", "", "auto", True),
        ("https://api.atlassian.com/ex/jira/1", "", "auto", True),
        ("http://127.0.0.1:8765/wiki", "", "auto", True),
        ("http://127.0.0.1:8765", "bot@example.com", "auto", True),
        ("https://jira.example.com", "", "auto", False),
        ("https://jira.example.com", "bot", "auto", False),
        ("https://notatlassian.net", "", "auto", False),
        ("https://jira.example.com", "bot@example.com", "datacenter", False),
        ("https://jira.example.com", "", "cloud", True),
    ],
)
def test_cloud_is_told_from_data_center(url: str, user: str, deployment: str, cloud: bool) -> None:
    assert is_cloud(url, user, deployment) is cloud


@pytest.mark.parametrize(
    "text", ["2016-10-21T22:20:49.000+0000", "2016-10-21T22:20:49Z", "2016-10-22T00:20:49.000+02:00"]
)
def test_times_are_read_in_utc(text: str) -> None:
    assert moment(text) == datetime(2016, 10, 21, 22, 20, 49, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", None, 7, {}])
def test_what_is_no_time_is_none(text: object) -> None:
    assert moment(text) is None


def test_work_in_parallel_keeps_its_order_and_its_errors() -> None:
    assert in_parallel(lambda n: n * 2, list(range(50))) == list(range(0, 100, 2))
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda n: 1 // n, [3, 2, 1, 0, 5])
