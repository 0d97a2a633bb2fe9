"""Who may read what: never more people than both the place and its restrictions let in."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.sources.atlassian_access import (
    EVERYBODY,
    Everybody,
    Reader,
    Readers,
    access_of,
    group,
    narrow,
    readers,
    user,
)

ANN, BEN, CID = (user(f"id-{name}", f"{name}@example.com") for name in ("ann", "ben", "cid"))
DEV, OPS = group("g-dev", "dev"), group("g-ops", "ops")
TEAMS = {"g-dev": frozenset({ANN, BEN}), "g-ops": frozenset({BEN})}


def members(of: Reader) -> frozenset[Reader] | None:
    return TEAMS.get(of.id)


def nobody_knows(_of: Reader) -> None:
    return None


def people(some: Readers, teams: Mapping[str, frozenset[Reader]] = TEAMS) -> set[str]:
    """Return the ids of everybody who is among some readers."""
    if isinstance(some, Everybody):
        return {"id-ann", "id-ben", "id-cid"}
    found = {each.id for each in some or () if each.kind == "user"}
    return found | {each.id for of in some or () if of.kind == "group" for each in teams[of.id]}


some = st.one_of(st.just(EVERYBODY), st.none(), st.frozensets(st.sampled_from([ANN, BEN, CID, DEV, OPS]), min_size=1))


@given(some, some, st.booleans())
def test_nobody_is_let_in_whom_one_of_both_keeps_out(outer: Readers, inner: Readers, trusting: bool) -> None:
    both = narrow(outer, inner, members, trusting=trusting)
    assert people(both) <= people(inner)
    if outer is not None:
        assert people(both) <= people(outer)


@given(some, some)
def test_without_trust_an_unknown_side_lets_nobody_in(outer: Readers, inner: Readers) -> None:
    both = narrow(outer, inner, nobody_knows, trusting=False)
    if outer is None and not isinstance(inner, Everybody):
        assert both is None
    assert not isinstance(both, Everybody) or (isinstance(outer, Everybody) and isinstance(inner, Everybody))


@pytest.mark.parametrize(
    ("outer", "inner", "both"),
    [
        (EVERYBODY, frozenset({ANN}), {ANN}),
        (frozenset({DEV}), EVERYBODY, {DEV}),
        (frozenset({DEV}), frozenset({ANN, CID}), {ANN}),
        (frozenset({DEV}), frozenset({DEV}), {DEV}),
        (frozenset({ANN, CID}), frozenset({DEV}), {ANN}),
        (frozenset({ANN}), frozenset({CID}), None),
    ],
)
def test_both_are_needed(outer: Readers, inner: Readers, both: set[Reader] | None) -> None:
    assert narrow(outer, inner, members, trusting=False) == (frozenset(both) if both else None)


def test_groups_that_share_people_let_those_in() -> None:
    assert people(narrow(frozenset({DEV}), frozenset({OPS}), members, trusting=False)) == {"id-ben"}


def test_trust_keeps_a_named_reader_only_where_nobody_can_say() -> None:
    assert narrow(frozenset({DEV}), frozenset({CID}), members, trusting=True) is None
    assert narrow(frozenset({DEV}), frozenset({CID}), nobody_knows, trusting=True) == frozenset({CID})
    assert narrow(None, frozenset({CID}), nobody_knows, trusting=True) == frozenset({CID})
    assert narrow(None, None, nobody_knows, trusting=True) is None


def test_what_cannot_be_found_out_is_for_the_indexing_account_alone() -> None:
    assert access_of(None, "bot@example.com", with_account=True) == ("bot@example.com",)
    assert readers([], ()) is None


def test_access_names_people_by_address_and_id_and_groups_by_name() -> None:
    allowed = readers([user("id-ann", "Ann@Example.com"), DEV], ())
    assert access_of(allowed, "bot@example.com", with_account=False) == ("ann@example.com", "dev", "id-ann")
    assert "bot@example.com" in access_of(allowed, "bot@example.com", with_account=True)


@pytest.mark.parametrize("name", ["confluence-users", "Confluence-Users-acme"])
def test_a_group_that_everybody_is_in_makes_a_place_public(name: str) -> None:
    allowed = readers([ANN, group("g", name)], ["confluence-users*"])
    assert access_of(allowed, "bot@example.com", with_account=True) == ("all",)


def test_nobody_becomes_everybody_by_name() -> None:
    for named in (group("", "all"), user("all"), group("all", "")):
        assert "all" not in access_of(readers([named], ()), "bot@example.com", with_account=True)


def test_a_group_is_known_by_its_id_or_its_name() -> None:
    assert group("g-dev", "dev").same(group("", "dev"))
    assert group("g-dev", "").same(DEV)
    assert not DEV.same(OPS)
    assert not user("dev").same(DEV)
