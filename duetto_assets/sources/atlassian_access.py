"""Who may read a page or an issue: readers of the outer place, narrowed by what restricts the inner one.

What cannot be found out is never taken for public: it is for the indexing account alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from duetto_assets.model import PUBLIC


@dataclass(frozen=True, slots=True)
class Reader:
    """A user or a group."""

    kind: str  # user, group
    id: str
    names: tuple[str, ...]  # what a person would call it: e-mail address and account id of a user, name of a group

    def same(self, other: Reader) -> bool:
        """Return whether both are one: some calls name a group by its id, others by its name."""
        if self.kind != other.kind:
            return False
        return self.id == other.id or not {*self.names, self.id}.isdisjoint((*other.names, other.id))


class Everybody:
    """All people of the organisation."""


EVERYBODY = Everybody()
Readers = frozenset[Reader] | Everybody | None
"""None: it could not be found out."""

Members = Callable[[Reader], frozenset[Reader] | None]
"""Returns the members of a group; None if they could not be found out."""


def user(id_: str, *names: str) -> Reader:
    """Return a user; e-mail addresses are compared in lower case."""
    known = [name.casefold() if "@" in name else name for name in (*names, id_) if name]
    return Reader("user", id_, tuple(dict.fromkeys(_told_apart(name) for name in known)))


def group(id_: str, name: str) -> Reader:
    """Return a group; one without a name goes by its id."""
    return Reader("group", id_ or name, (_told_apart(name or id_),))


def _told_apart(name: str) -> str:
    """Nobody becomes everybody by being called so."""
    return f"'{name}'" if name in PUBLIC else name


def means_everybody(name: str, everyone: Collection[str]) -> bool:
    """Return whether a group is one that everybody is in, by the globs of the settings."""
    return any(fnmatchcase(name.casefold(), glob.casefold()) for glob in everyone)


def readers(found: Iterable[Reader | Everybody], everyone: Collection[str]) -> Readers:
    """Return all of them; None if there is none: somebody must be able to read what was read."""
    kept = list(found)
    if any(isinstance(r, Everybody) or (r.kind == "group" and means_everybody(r.names[0], everyone)) for r in kept):
        return EVERYBODY
    return frozenset(r for r in kept if isinstance(r, Reader)) or None


def narrow(outer: Readers, inner: Readers, members: Members, *, trusting: bool) -> Readers:
    """Return who is among both.

    :param trusting: Keep an inner reader where nobody can say whether it is among the outer ones. Right where the inner
        list is itself a choice among the outer readers, as a page's restrictions are among those of its space.
    """
    if isinstance(outer, Everybody) or isinstance(inner, Everybody):
        return inner if isinstance(outer, Everybody) else outer
    if inner is None or (outer is None and not trusting):
        return None
    if outer is None:
        return inner
    kept: set[Reader] = set()
    for reader in inner:
        kept.update(_inside(reader, outer, members, trusting=trusting))
    kept.update(reader for reader in outer if reader.kind == "user" and _among(reader, inner, members))
    return frozenset(kept) or None


def _inside(reader: Reader, outer: frozenset[Reader], members: Members, *, trusting: bool) -> Collection[Reader]:
    """Return the reader, or those of its members, who are among the outer ones."""
    inside = _among(reader, outer, members)
    if inside is None and reader.kind == "group" and (of := members(reader)) is not None:
        known = {member: _among(member, outer, members) for member in of}
        inside = None if None in known.values() else all(known.values())
        if not inside:
            return [member for member, known_inside in known.items() if known_inside]
    return [reader] if inside or (inside is None and trusting) else []


def _among(reader: Reader, others: frozenset[Reader], members: Members) -> bool | None:
    """Return whether a reader is one of the others, or in a group of theirs; None if nobody can say."""
    if any(reader.same(other) for other in others):
        return True
    if reader.kind == "group":
        return None
    unsure = False
    for other in others:
        if other.kind != "group":
            continue
        inside = members(other)
        if inside is None:
            unsure = True
        elif any(reader.same(member) for member in inside):
            return True
    return None if unsure else False


def access_of(allowed: Readers, account: str, *, with_account: bool) -> tuple[str, ...]:
    """Return the principals of a document.

    :param account: What the indexing account is called.
    :param with_account: The indexing account is among the readers, whatever lists say: it has read the place.
    """
    if isinstance(allowed, Everybody):
        return PUBLIC
    if allowed is None:
        return (account,)
    names = {name for reader in allowed for name in reader.names} - {*PUBLIC}  # a group may be called "all"
    return tuple(sorted(names | {account} if with_account or not names else names))
