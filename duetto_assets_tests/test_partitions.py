from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.partitions import RANGE_END, RANGE_START, SINGLE, contiguous, keys_of_run, run_tags

keys_and_chosen = st.lists(st.text(min_size=1), unique=True, max_size=60).flatmap(
    lambda keys: st.tuples(st.just(keys), st.sets(st.sampled_from(keys)) if keys else st.just(set()))
)


@given(keys_and_chosen, st.integers(1, 25))
def test_groups_cover_exactly_the_chosen_in_order(drawn: tuple[list[str], set[str]], size: int) -> None:
    keys, chosen = drawn
    groups = contiguous(sorted(chosen), keys, size)
    assert [key for group in groups for key in group] == [key for key in keys if key in chosen]


@given(keys_and_chosen, st.integers(1, 25))
def test_a_group_is_a_run_of_neighbours_and_no_longer_than_allowed(
    drawn: tuple[list[str], set[str]], size: int
) -> None:
    keys, chosen = drawn
    for group in contiguous(list(chosen), keys, size):
        start = keys.index(group[0])
        assert 1 <= len(group) <= size
        assert keys[start : start + len(group)] == group


@given(keys_and_chosen, st.integers(1, 25))
def test_groups_are_as_few_as_can_be(drawn: tuple[list[str], set[str]], size: int) -> None:
    keys, chosen = drawn
    groups = contiguous(list(chosen), keys, size)
    for group, following in itertools.pairwise(groups):
        touching = keys.index(group[-1]) + 1 == keys.index(following[0])
        assert not touching or len(group) == size


@given(keys_and_chosen, st.integers(1, 25))
def test_a_run_is_about_the_group_that_its_tags_were_made_of(drawn: tuple[list[str], set[str]], size: int) -> None:
    keys, chosen = drawn
    for group in contiguous(list(chosen), keys, size):
        assert list(keys_of_run(run_tags(group), keys)) == group


def test_a_key_that_is_chosen_but_unknown_is_left_out() -> None:
    assert contiguous(["a", "x"], ["a", "b"]) == [["a"]]


def test_a_run_without_partition_tags_is_about_none() -> None:
    assert list(keys_of_run({"other": "tag"}, ["a"])) == []
    assert list(keys_of_run({RANGE_START: "a"}, ["a"])) == []


def test_a_range_with_an_end_that_was_retired_is_about_none() -> None:
    assert list(keys_of_run({RANGE_START: "a", RANGE_END: "gone"}, ["a", "b"])) == []


def test_a_single_partition_is_known_even_after_its_key_was_retired() -> None:
    assert list(keys_of_run({SINGLE: "gone"}, [])) == ["gone"]
