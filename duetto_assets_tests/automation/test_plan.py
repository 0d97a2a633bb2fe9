from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from duetto_assets.automation.plan import (
    Failures,
    Plan,
    decide,
    failures_since_searchable,
    unfinished_partitions,
    why_not,
)
from duetto_assets.errors import GiveUp, Lost
from duetto_assets.store.index import Partition
from duetto_assets.workers import WORKER
from duetto_assets_tests.worlds import World, living_process

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEEP = timedelta(days=30)
NEVER = Failures()


def known(name: str, searchable: str = "", **fields: object) -> Partition:
    return Partition("repos", name, searchable, searchable, searchable, **fields)  # type: ignore[arg-type]


def minutes_ago(count: int, minutes: float) -> Failures:
    return Failures(count, NOW - timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("head", "searchable", "unfinished", "failures", "reason"),
    [
        ("b", "a", False, NEVER, None),
        ("b", "", False, NEVER, None),
        ("a", "a", False, NEVER, "Nothing changed"),
        ("a", "a", True, NEVER, "Nothing changed"),
        ("b", "a", True, NEVER, "A run for it is unfinished"),
        ("b", "a", True, minutes_ago(1, 0.5), "A run for it is unfinished"),
        ("b", "a", False, minutes_ago(1, 0.5), "Its last 1 tries failed; next try at 12:00 UTC"),
        ("b", "a", False, minutes_ago(1, 2), None),
        ("b", "a", False, minutes_ago(3, 2), "Its last 3 tries failed; next try at 12:13 UTC"),
        ("b", "a", False, minutes_ago(3, 15), None),
        (GiveUp("acme/x: 401"), "a", False, NEVER, "Unreachable (acme/x: 401)"),
        (GiveUp("acme/x: 401"), "", True, NEVER, "Unreachable (acme/x: 401)"),
    ],
)
def test_why_not(head: str | GiveUp, searchable: str, unfinished: bool, failures: Failures, reason: str | None) -> None:
    assert why_not(head, known("x", searchable), unfinished, failures, NOW) == reason


def test_a_partition_whose_graph_is_behind_is_run_again() -> None:
    assert why_not("a", Partition("repos", "x", "a", "a", ""), False, NEVER, NOW) is None


def wait_after(failures: int) -> timedelta:
    """Return how long a partition waits after so many failures, to the minute."""
    for minutes in range(100_000):
        if why_not("b", known("x", "a"), False, minutes_ago(failures, minutes), NOW) is None:
            return timedelta(minutes=minutes)
    raise AssertionError("it waits for ever")


def test_back_off_grows_with_each_failure_and_stays_bounded() -> None:
    waits = [wait_after(failures) for failures in range(1, 12)]
    assert waits[0] == timedelta(minutes=1)
    assert waits == sorted(waits)
    assert waits[0] < waits[1] < waits[2]
    assert max(waits) == timedelta(hours=4)


def plan_of(heads: dict[str, str | GiveUp], keys: list[str], **more: object) -> Plan:
    records = {key: known(key, "a") for key in keys}
    return decide(heads, records, keys, more.get("unfinished", set()), {}, NOW, KEEP)  # type: ignore[arg-type]


def test_every_partition_gets_exactly_one_decision() -> None:
    heads: dict[str, str | GiveUp] = {"new": "a", "moved": "b", "same": "a", "lost": GiveUp("lost: 403")}
    plan = plan_of(heads, ["moved", "same", "lost", "gone"])
    assert plan.new == ["new"]
    assert plan.vanished == ["gone"]
    assert plan.run == ["new", "moved"]
    assert plan.skipped == {"same": "Nothing changed", "lost": "Unreachable (lost: 403)"}
    assert not plan.refused


def test_an_unreachable_partition_is_neither_run_nor_retired() -> None:
    plan = plan_of({"x": GiveUp("x: 401")}, ["x"])
    assert (plan.run, plan.vanished) == ([], [])


def test_an_unreachable_new_partition_gets_a_key_and_no_run() -> None:
    plan = plan_of({"x": GiveUp("x: 401")}, [])
    assert (plan.new, plan.run) == (["x"], [])


def test_rows_without_a_key_are_retired_too() -> None:
    plan = decide({}, {"x": known("x", "a")}, [], set(), {}, NOW, KEEP)
    assert plan.vanished == ["x"]


def test_a_vanished_partition_with_an_unfinished_run_waits() -> None:
    assert plan_of({}, ["x"], unfinished={"x"}).vanished == []


@pytest.mark.parametrize(
    ("gone", "stay", "refused"),
    [(1, 0, False), (20, 0, False), (21, 0, True), (21, 20, True), (21, 21, False), (100, 300, False)],
)
def test_the_retirement_of_most_partitions_is_refused(gone: int, stay: int, refused: bool) -> None:
    heads: dict[str, str | GiveUp] = {f"stays{n}": "a" for n in range(stay)}
    plan = plan_of(heads, [*heads, *(f"gone{n}" for n in range(gone))])
    assert len(plan.vanished) == gone
    assert bool(plan.refused) == refused
    if refused:
        assert f"{gone} of {gone + stay} partitions are no longer listed" in plan.why_nothing()
        assert "--allow-mass-deletion" in plan.why_nothing()


def test_the_reason_for_nothing_groups_partitions_and_names_three() -> None:
    skipped = {f"p{n}": "Nothing changed" for n in range(5)} | {"x": "A run for it is unfinished"}
    assert Plan(skipped=skipped).why_nothing() == (
        "Nothing changed: p0, p1, p2 and 2 more; A run for it is unfinished: x"
    )


def test_runs_of_every_kind_count_for_the_partitions_they_are_about(world: World) -> None:
    keys = ["a", "b", "c", "d", "e"]
    world.instance.add_dynamic_partitions("repos", keys)
    world.unfinished("a", dg.DagsterRunStatus.STARTED)
    world.unfinished("b", dg.DagsterRunStatus.SUCCESS)
    world.unfinished_range("c", "d", dg.DagsterRunStatus.NOT_STARTED)
    assert unfinished_partitions(world.instance, "repos", keys) == {"a", "c", "d"}
    assert unfinished_partitions(world.instance, "jira", keys) == set()


def test_only_the_run_whose_process_died_on_this_host_is_ended(world: World) -> None:
    keys = ["killed", "alive", "elsewhere", "unsigned"]
    world.instance.add_dynamic_partitions("repos", keys)
    killed, alive, elsewhere, unsigned = (world.unfinished(key, dg.DagsterRunStatus.STARTED) for key in keys)
    with living_process(killed.run_id) as tags:
        world.instance.add_run_tags(killed.run_id, tags)
    with living_process(alive.run_id) as tags:
        world.instance.add_run_tags(alive.run_id, tags)
        world.instance.add_run_tags(elsewhere.run_id, {WORKER: f"{elsewhere.run_id} another-host 1 1"})
        assert unfinished_partitions(world.instance, "repos", keys) == {"alive", "elsewhere", "unsigned"}
    assert world.status(killed) == dg.DagsterRunStatus.FAILURE
    for run in (alive, elsewhere, unsigned):
        assert world.status(run) == dg.DagsterRunStatus.STARTED


def test_failures_count_runs_that_failed_since_the_partition_was_searchable(world: World) -> None:
    keys = ["a", "b", "c"]
    world.instance.add_dynamic_partitions("repos", keys)
    began = datetime.now(UTC)
    for run in (
        world.unfinished("a", dg.DagsterRunStatus.STARTED),
        world.unfinished("a", dg.DagsterRunStatus.STARTED),
        world.unfinished_range("b", "c", dg.DagsterRunStatus.STARTED),
    ):
        world.instance.report_run_failed(run, "planted")
    now = datetime.now(UTC)
    healed = {"b": known("b", "x", searchable_at=now + timedelta(seconds=1))}
    found = failures_since_searchable(world.instance, "repos", healed, keys, now)
    assert {key: failures.count for key, failures in found.items()} == {"a": 2, "c": 1}
    assert all(f.last is not None and began - timedelta(seconds=2) <= f.last <= now for f in found.values())
    assert failures_since_searchable(world.instance, "jira", {}, keys, now) == {}


def test_a_lost_partition_keeps_its_documents_for_the_set_time_and_is_retired_then() -> None:
    lost = Lost("space x is not listed")
    for days, vanished in ((29, []), (31, ["x"])):
        record = replace(known("x", "a"), error=str(lost), failed_at=NOW - timedelta(days=days))
        plan = decide({"x": lost}, {"x": record}, ["x"], set(), {}, NOW, KEEP)
        assert plan.vanished == vanished
        assert plan.run == []


@pytest.mark.parametrize("error", ["", "a time-out, long ago"])
def test_a_loss_that_was_not_recorded_yet_begins_now(error: str) -> None:
    record = replace(known("x", "a"), error=error, failed_at=NOW - timedelta(days=99))
    plan = decide({"x": Lost("space x is not listed")}, {"x": record}, ["x"], set(), {}, NOW, KEEP)
    assert (plan.vanished, plan.skipped) == ([], {"x": "Unreachable (space x is not listed)"})


def test_what_is_unreachable_for_another_reason_is_never_retired() -> None:
    refused = GiveUp("403")
    record = replace(known("x", "a"), error=str(refused), failed_at=NOW - timedelta(days=999))
    assert decide({"x": refused}, {"x": record}, ["x"], set(), {}, NOW, KEEP).vanished == []
