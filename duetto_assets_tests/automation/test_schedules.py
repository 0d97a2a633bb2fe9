from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from duetto_assets.definitions import defs
from duetto_assets.partitions import SINGLE, keys_of_run
from duetto_assets.stages.reconcile import record_failure
from duetto_assets_tests.worlds import BENCH, World

CENSUS = defs.resolve_schedule_def("repos_census")


def sweep(world: World, hour: int = 12) -> Any:
    with dg.build_schedule_context(
        world.instance, datetime(2026, 11, 20, hour, 17, tzinfo=UTC), resources=BENCH, repository_def=REPOSITORY
    ) as context:
        return CENSUS.evaluate_tick(context)


REPOSITORY = defs.get_repository_def()


def covered(world: World, tick: Any) -> list[list[str]]:
    return [list(keys_of_run(request.tags, world.keys)) for request in tick.run_requests or []]


def test_the_census_covers_every_partition_by_runs_of_twenty(world: World) -> None:
    names = [f"p{number}" for number in range(45)]
    world.instance.add_dynamic_partitions("repos", names)
    runs = covered(world, sweep(world))
    assert [len(run) for run in runs] == [20, 20, 5]
    assert [key for run in runs for key in run] == names


def test_the_next_census_is_not_taken_for_the_last(world: World) -> None:
    world.instance.add_dynamic_partitions("repos", ["one"])
    (now,), (later,) = (sweep(world, hour).run_requests for hour in (12, 13))
    assert now.run_key != later.run_key


def test_what_the_census_asks_for_lists_in_full_and_runs(world: World) -> None:
    one = world.add("one")
    world.instance.add_dynamic_partitions("repos", ["one"])
    (request,) = sweep(world).run_requests
    assert request.tags[SINGLE] == "one"
    assert request.run_config == {"ops": {"repos__documents": {"config": {"census": True}}}}
    assert world.execute(request.tags, request.run_config).success
    assert world.record("one").searchable_head == one.head


def test_the_census_leaves_out_partitions_that_are_running_or_failing(world: World) -> None:
    world.instance.add_dynamic_partitions("repos", ["running", "failing", "well"])
    world.unfinished("running", dg.DagsterRunStatus.STARTED)
    record_failure(world.index, "repos", "failing", "refused")
    assert covered(world, sweep(world)) == [["well"]]


def test_a_census_with_nothing_to_do_says_why(world: World) -> None:
    assert sweep(world).skip_message == "There is no partition that is neither running nor failing."


def test_each_schedule_is_on_without_anybody_turning_it_on() -> None:
    for schedule in REPOSITORY.schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING, schedule.name
        assert schedule.execution_timezone == "UTC", schedule.name
