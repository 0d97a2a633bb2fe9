"""Claims about identities. What `.mailmap` means is asked of git itself."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duetto_assets.ontology.people import (
    Alias,
    email_key,
    group,
    is_shared,
    read_mailmap,
    same_as_of_email,
)

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # git knows no other letters


@pytest.mark.parametrize(
    ("email", "key"),
    [
        (" Ann@Example.COM ", "email:ann@example.com"),
        ("Straße@x.org", "email:strasse@x.org"),
        ("root@localhost", "email:root@localhost"),
        ("ann@x.org@5c1b-uuid", "email:ann@x.org@5c1b-uuid"),
        ("none@none", ""),
        ("ann at x.org", ""),
        ("@x.org", ""),
        ("ann@", ""),
        ("", ""),
        ("a" * 2_000 + "@x.org", ""),
    ],
)
def test_an_address_is_a_key(email: str, key: str) -> None:
    assert email_key(email) == key


@pytest.mark.parametrize(
    ("email", "login"),
    [
        ("12345+Ann-Lee@users.noreply.github.com", "login:github/ann-lee"),
        ("ann@users.noreply.GitHub.com", "login:github/ann"),
        ("1+dependabot[bot]@users.noreply.github.com", "login:github/dependabot[bot]"),
        ("12345@users.noreply.github.com", "login:github/12345"),
        ("noreply@github.com", ""),
        ("ann@x.org", ""),
        ("+ann@users.noreply.github.com", ""),
        ("ann@users.noreply.github.com.evil.org", ""),
    ],
)
def test_githubs_own_addresses_stand_for_logins(email: str, login: str) -> None:
    assert same_as_of_email(email) == login


@pytest.mark.parametrize(
    "email",
    [
        *["noreply@github.com", "NoReply@x.org", "root@x.org", "root@localhost", "you@example.com"],
        *["ann@Anns-MacBook.local", "ann@ann-laptop", "ubuntu@ip-10-0-0-1.eu-west-1.compute.internal"],
        *["x@10.0.0.1", "x@[10.0.0.1]", "none@none", "nonsense", ""],
    ],
)
def test_an_address_of_many_is_shared(email: str) -> None:
    assert is_shared(email)


@pytest.mark.parametrize(
    "email", ["ann@example.com", "49699333+dependabot[bot]@users.noreply.github.com", "local@x.org", "ann@1and1.com"]
)
def test_an_address_of_one_is_not_shared(email: str) -> None:
    assert not is_shared(email)


def test_a_mailmap_has_four_forms() -> None:
    text = """\
# Proper Name <ignored@x.org>
Proper Name <commit@x.org>
<proper@x.org> <commit@x.org>
Proper Name <proper@x.org> <commit@x.org>

Proper Name <proper@x.org> Commit Name <Commit@x.org>  # why
Nobody
"""
    assert read_mailmap(text) == [
        Alias("", "commit@x.org", "Proper Name", "", 2),
        Alias("", "commit@x.org", "", "proper@x.org", 3),
        Alias("", "commit@x.org", "Proper Name", "proper@x.org", 4),
        Alias("Commit Name", "Commit@x.org", "Proper Name", "proper@x.org", 6),
    ]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mailmap")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def asked(repository: Path, mailmap: str, people: list[tuple[str, str]]) -> list[str]:
    """Return who people are, as git says it."""
    (repository / ".mailmap").write_bytes(mailmap.encode())
    asked = "".join(f"{name} <{email}>\n" for name, email in people)
    done = subprocess.run(
        ["git", "-c", "mailmap.blob=", "check-mailmap", "--stdin"],
        cwd=repository,
        input=asked.encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().removesuffix("\n").split("\n")


class Mailmap:
    """Says who somebody properly is, by the aliases that were read. Later lines replace earlier ones."""

    def __init__(self, aliases: Iterable[Alias]) -> None:
        self._any_name: dict[str, tuple[str, str]] = {}
        self._by_name: dict[tuple[str, str], tuple[str, str]] = {}
        for alias in aliases:
            email = alias.email.translate(_LOWER)
            if alias.name:
                key = (email, alias.name.translate(_LOWER))
                self._by_name[key] = (alias.proper_name, alias.proper_email)
                continue
            before = self._any_name.get(email, ("", ""))
            self._any_name[email] = (alias.proper_name or before[0], alias.proper_email or before[1])

    def proper(self, name: str, email: str) -> tuple[str, str]:
        """Return the proper name and address of who commits as these."""
        address = email.translate(_LOWER)
        found = self._by_name.get((address, name.translate(_LOWER))) or self._any_name.get(address, ("", ""))
        return found[0] or name, found[1] or email


def told(mailmap: str, people: list[tuple[str, str]]) -> list[str]:
    """Return who people are, as we say it."""
    proper = Mailmap(read_mailmap(mailmap)).proper
    return [f"{name} <{email}>".strip() for name, email in (proper(*each) for each in people)]


NAMES = ["Ann", "ann", "Ann Lee", "Bob", "", "Ä", "ä"]
EMAILS = ["ann@x.org", "ANN@x.org", "bob@x.org", "a b", "ä@x.org", "Ä@x.org"]
PEOPLE = [(name, email) for name in NAMES for email in EMAILS]


@pytest.mark.parametrize(
    "mailmap",
    [
        "Ann Lee <ann@x.org>",
        "Ann Lee <ANN@X.ORG>\r\n",
        "<lee@x.org> <ann@x.org>",
        "Ann Lee <lee@x.org> <ann@x.org>",
        "Ann Lee <lee@x.org> Bob <ann@x.org>",
        "Ann Lee <lee@x.org> bob <ANN@x.org>\nOther <other@x.org> <ann@x.org>",
        "<lee@x.org> Bob <ann@x.org>",
        "One <ann@x.org>\nTwo <ann@x.org>",
        "One <ann@x.org>\n<two@x.org> <ann@x.org>",
        "One <one@x.org> <ann@x.org>\nTwo <ann@x.org>",
        "One <one@x.org> Bob <ann@x.org>\nTwo <two@x.org> BOB <ann@x.org>",
        "Chain <bob@x.org> <ann@x.org>\nEnd <end@x.org> <bob@x.org>",
        "# Ann Lee <ann@x.org>",
        " # Ann Lee <ann@x.org>",
        "Ann Lee <ann@x.org> # a comment",
        "Ann Lee <lee@x.org> # see <ann@x.org>",
        "  \tAnn   Lee\t < ann@x.org>",
        "Ann<ann@x.org>",
        "A < a b> <a b>",
        "Ann Lee <ann@x.org",
        "Ann Lee ann@x.org>",
        "Ann Lee <>",
        "Ann Lee <> <ann@x.org>",
        "<ann@x.org>",
        "Ann Lee <lee@x.org> <>",
        "Ann <lee@x.org> <ann@x.org> Third <bob@x.org>",
        "Ann <<ann@x.org>",
        "Ä Ö <ä@x.org>",
        "Ö <Ä@x.org>",
        "\u00a0Ann\x0b <lee@x.org> Bob\x0c <ann@x.org>",
        "",
    ],
)
def test_a_mailmap_means_what_git_says(repository: Path, mailmap: str) -> None:
    assert told(mailmap, PEOPLE) == asked(repository, mailmap, PEOPLE)


LINES = st.lists(
    st.lists(
        st.sampled_from(["Ann", "Bob", "<ann@x.org>", "<bob@x.org>", "<", ">", "#", " ", "\t", "\r"]), max_size=8
    ).map(" ".join),
    max_size=6,
).map("\n".join)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES)
def test_any_mailmap_means_what_git_says(repository: Path, mailmap: str) -> None:
    assert told(mailmap, PEOPLE) == asked(repository, mailmap, PEOPLE)


def test_a_group_is_named_by_an_address_then_an_account_then_a_login() -> None:
    pairs = [("login:a", "account:b"), ("account:b", "email:z@x.org"), ("email:c@x.org", "email:z@x.org")]
    pairs += [("login:x", "account:y"), ("login:l", "login:k"), ("email:alone@x.org", "email:alone@x.org")]
    assert group(pairs) == {
        **dict.fromkeys(["account:b", "email:c@x.org", "email:z@x.org", "login:a"], "email:c@x.org"),
        **dict.fromkeys(["account:y", "login:x"], "account:y"),
        **dict.fromkeys(["login:k", "login:l"], "login:k"),
        "email:alone@x.org": "email:alone@x.org",
    }


def test_what_is_empty_joins_nobody() -> None:
    assert group([("", "email:a@x.org"), ("email:b@x.org", "")]) == {}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))), st.randoms())
def test_groups_are_what_can_be_reached(numbers: list[tuple[int, int]], random) -> None:
    pairs = [(f"login:{one}", f"email:{other}@x.org") for one, other in numbers]
    edges: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        edges[one].add(other)
        edges[other].add(one)
    expected = {}
    for key in edges:
        reached, todo = {key}, [key]
        while todo:
            todo += (new := edges[todo.pop()] - reached)
            reached |= new
        expected[key] = min(each for each in reached if each.startswith("email:"))
    assert group(pairs) == expected
    random.shuffle(pairs)
    assert list(group((other, one) for one, other in pairs).items()) == sorted(expected.items())


def test_a_chain_of_two_hundred_thousand_is_one_person() -> None:
    keys = [f"email:{n:06}@x.org" for n in range(200_000)]
    assert set(group(reversed([*pairwise(keys)])).values()) == {keys[0]}
