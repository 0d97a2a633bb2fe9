"""Who is who: keys of identities, what says that two of them are one person, and git's `.mailmap`.

A display name is no identity, and nothing here merges by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

EMAIL: Final = "email:"
ACCOUNT: Final = "account:"
LOGIN: Final = "login:"

_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>]+")
_MAX_ADDRESS_CHARS = 1_000
_UNKNOWN = frozenset({"none@none", "unknown@unknown"})  # what converters from other systems write
_NOREPLY_LOGIN = re.compile(r"(?:\d+\+)?([^@+]+)@users\.noreply\.github\.com")
_SHARED_LOCALS = frozenset({"noreply", "no-reply", "donotreply", "do-not-reply", "root", "nobody"})
_SHARED = frozenset({"you@example.com"})  # of git's own advice
_MACHINES = (".local", ".localdomain", ".lan", ".internal", ".home", ".arpa", ".invalid")
_NUMERIC_HOST = re.compile(r"[\d.]+|\[.*\]")
_BLANKS = " \t\n\r"
_RANKS = {EMAIL: 0, ACCOUNT: 1, LOGIN: 2}


def email_key(email: str) -> str:
    """Return an address as a key, "email:ann@example.com"; "" for what is no address."""
    address = _address(email)
    return f"{EMAIL}{address}" if address else ""


def _address(email: str) -> str:
    address = email.strip().casefold()
    known = len(address) <= _MAX_ADDRESS_CHARS and _ADDRESS.fullmatch(address) and address not in _UNKNOWN
    return address if known else ""


def same_as_of_email(email: str) -> str:
    """Return the key of the GitHub login, "login:github/ann", that an address of GitHub's own stands for; or ""."""
    found = _NOREPLY_LOGIN.fullmatch(_address(email))
    return f"{LOGIN}github/{found[1]}" if found else ""


def is_shared(email: str) -> bool:
    """Whether many people may use the address, so that it says nothing of who they are.

    A name of a machine is one: every fresh server has its `root@localhost`.
    """
    address = _address(email)
    local, _, host = address.rpartition("@")
    return (
        not address
        or address in _SHARED
        or local in _SHARED_LOCALS
        or "." not in host
        or host.endswith(_MACHINES)
        or bool(_NUMERIC_HOST.fullmatch(host))
    )


@dataclass(frozen=True, slots=True)
class Alias:
    """A line of a `.mailmap`: who commits as `name` and `email` is `proper_name`, `proper_email`."""

    name: str  # "": any
    email: str
    proper_name: str  # "": as it is
    proper_email: str  # "": as it is
    line: int  # 1-based


def read_mailmap(text: str) -> list[Alias]:
    """Return the aliases of a `.mailmap`, as git reads it: what it cannot read is skipped."""
    aliases = []
    for number, row in enumerate(text.split("\n"), 1):
        if row.startswith("#"):
            continue
        line = row.partition("\0")[0]  # git's lines are C strings
        if (first := _name_and_email(line)) is None or not first[1]:
            continue
        proper_name, proper_email, rest = first
        second = _name_and_email(rest)
        if second is None:
            aliases.append(Alias("", proper_email, proper_name, "", number))
        else:
            aliases.append(Alias(second[0], second[1], proper_name, proper_email, number))
    return aliases


def _name_and_email(text: str) -> tuple[str, str, str] | None:
    """Return a name, the address in brackets behind it, and what follows."""
    name, opened, rest = text.partition("<")
    email, closed, rest = rest.partition(">")
    return (name.strip(_BLANKS), email, rest) if opened and closed else None


def group(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return for every key the key that stands for its group: the first address, else account, else login.

    :param pairs: Keys of identities that are one person. A pair with an empty key says nothing.
    """
    numbers: dict[str, int] = {}
    parents: list[int] = []
    for one, other in pairs:
        if one and other:
            root, other_root = (_root(parents, _number(key, numbers, parents)) for key in (one, other))
            parents[max(root, other_root)] = min(root, other_root)
    keys = sorted(numbers)
    roots = [_root(parents, numbers[key]) for key in keys]
    best: dict[int, str] = {}
    for key, root in zip(keys, roots, strict=True):
        if root not in best or _rank(key) < _rank(best[root]):
            best[root] = key
    return {key: best[root] for key, root in zip(keys, roots, strict=True)}


def _number(key: str, numbers: dict[str, int], parents: list[int]) -> int:
    """Return the number of a key; a new one is its own parent."""
    number = numbers.setdefault(key, len(parents))
    if number == len(parents):
        parents.append(number)
    return number


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _rank(key: str) -> int:
    return _RANKS.get(key[: key.find(":") + 1], len(_RANKS))
