from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import pytest

from duetto_assets.automation import sensors
from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.partitions import RANGE_END, RANGE_START, SINGLE, keys_of_run
from duetto_assets.sources.repos import ReposSource
from duetto_assets_tests.worlds import World, living_process


def covered(world: World, tick: dg.SensorResult) -> list[list[str]]:
    return [list(keys_of_run(request.tags, world.keys)) for request in tick.run_requests or []]


def test_new_repositories_get_a_key_and_a_run_each(world: World) -> None:
    world.add("one")
    world.add("two")
    tick = world.tick()
    assert world.keys == ["one", "two"]
    assert [request.tags[SINGLE] for request in tick.run_requests] == ["one", "two"]
    assert {request.tags["duetto/source"] for request in tick.run_requests} == {"repos"}


def test_two_hundred_new_repositories_are_ten_runs(world: World) -> None:
    names = world.copies(200)
    runs = covered(world, world.tick())
    assert len(runs) == 10
    assert max(map(len, runs)) == 20
    assert sorted(key for run in runs for key in run) == names


def test_a_range_run_of_the_sensor_makes_every_repository_searchable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "PARTITIONS_PER_RUN", 2)
    names = world.copies(3)
    tick = world.tick()
    assert [len(run) for run in covered(world, tick)] == [2, 1]
    assert {RANGE_START, RANGE_END} <= tick.run_requests[0].tags.keys()
    for request in tick.run_requests:
        assert world.execute(request.tags).success
    assert all(world.record(name).searchable_head for name in names)
    assert "Nothing changed" in world.tick().skip_message


def test_nothing_changed_is_a_skip_that_says_so(world: World) -> None:
    world.add("one")
    world.pretend_searchable()
    tick = world.tick()
    assert not tick.run_requests
    assert tick.skip_message == "Nothing changed: one"


def test_no_repository_at_all_is_a_skip_that_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReposSource, "heads", lambda self, known: {})
    assert world.tick().skip_message == "There is no partition yet."


def test_a_commit_asks_for_one_run_of_its_repository_alone(world: World) -> None:
    one = world.add("one")
    world.add("two")
    world.pretend_searchable()
    one.commit({"new.py": "x = 1\n"})
    assert covered(world, world.tick()) == [["one"]]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_a_partition_with_an_unfinished_run_is_not_asked_for_again(world: World, status: dg.DagsterRunStatus) -> None:
    world.add("one")
    world.add("two")
    world.tick()
    world.unfinished("one", status)
    assert covered(world, world.tick()) == [["two"]]
    world.unfinished("two", status)
    tick = world.tick()
    assert not tick.run_requests
    assert tick.skip_message == "A run for it is unfinished: one, two"


def test_a_run_whose_worker_was_killed_is_reported_failed_and_backs_off(world: World) -> None:
    world.add("one")
    world.tick()
    run = world.unfinished("one", dg.DagsterRunStatus.STARTED)
    with living_process(run.run_id) as tags:
        world.instance.add_run_tags(run.run_id, tags)
        assert world.tick().skip_message == "A run for it is unfinished: one"
    assert "Its last 1 tries failed; next try at" in world.tick().skip_message
    ended = world.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_a_killed_worker_gives_its_place_at_the_model_back(world: World) -> None:
    world.add("one")
    world.tick()
    run = world.unfinished("one", dg.DagsterRunStatus.STARTED)
    with living_process(run.run_id) as tags:
        world.instance.add_run_tags(run.run_id, tags)
    storage = world.instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("gpu")
    assert storage.claim_concurrency_slot("gpu", run.run_id, "repos__embeddings").is_claimed
    world.tick()
    assert storage.get_concurrency_info("gpu").claimed_slots == []


def test_an_unreachable_repository_stops_no_other_and_keeps_its_partition(world: World) -> None:
    one = world.add("one")
    head = one.head
    world.pretend_searchable()
    (one.path / ".git").rename(one.path / "moved-away")
    world.add("two")
    assert covered(world, world.tick()) == [["two"]]
    assert world.keys == ["one", "two"]
    assert world.record("one").searchable_head == head
    world.drop("two")
    assert world.tick().skip_message.startswith("Unreachable (")


def test_status_knows_an_unreachable_repository_and_forgets_it_when_it_is_back(world: World) -> None:
    one = world.add("one")
    world.settle()
    (one.path / ".git").rename(one.path / "moved-away")
    world.tick()
    assert str(one.path) in world.record("one").error
    version = world.index.partitions.version
    world.tick()
    assert world.index.partitions.version == version  # said once, not at every tick
    (one.path / "moved-away").rename(one.path / ".git")
    world.tick()
    assert world.record("one").error == ""
    assert world.record("one").failures == 0


def test_a_vanished_repository_is_retired_and_one_that_returns_is_indexed_afresh(world: World) -> None:
    one = world.add("one")
    world.add("two")
    world.settle()
    world.drop("one")
    assert not world.tick().run_requests
    assert world.keys == ["two"]
    assert {row["partition"] for row in world.index.documents.scan(["partition"]).to_pylist()} == {"two"}
    assert {row["partition"] for row in world.index.chunks.scan(["partition"]).to_pylist()} == {"two"}
    assert {row["partition"] for row in world.index.embeddings(384).scan(["partition"]).to_pylist()} == {"two"}
    assert list(world.index.known_partitions()) == ["repos/two"]

    world.name(str(one.path))
    assert covered(world, world.tick()) == [["one"]]
    world.settle()
    assert world.record("one").searchable_head == one.head


def test_a_vanished_repository_stays_while_a_run_works_on_it(world: World) -> None:
    world.add("one")
    world.add("two")
    world.pretend_searchable()
    world.unfinished("one", dg.DagsterRunStatus.STARTED)
    world.drop("one")
    world.tick()
    assert "one" in world.keys


def test_when_most_vanish_at_once_none_is_retired(world: World) -> None:
    names = world.copies(30)
    world.instance.add_dynamic_partitions("repos", names)
    world.drop(*names[:25])
    world.tick()
    assert world.keys == names


def test_a_listing_that_fails_decides_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("one")
    world.pretend_searchable()

    def refuse(self: ReposSource, known: Mapping[str, str]) -> None:
        raise RetryLater("github.com: 502 on /graphql")

    monkeypatch.setattr(ReposSource, "heads", refuse)
    tick = world.tick()
    assert not tick.run_requests
    assert not tick.dynamic_partitions_requests
    assert tick.skip_message == "repos cannot be listed, so nothing was decided: github.com: 502 on /graphql"
    assert world.keys == ["one"]


def test_a_refused_token_fails_the_tick_and_decides_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("one")
    world.settle()

    def refuse(self: ReposSource, known: Mapping[str, str]) -> None:
        raise GiveUp("github.com: 401 on /graphql")

    monkeypatch.setattr(ReposSource, "heads", refuse)
    with pytest.raises(GiveUp):
        world.tick()
    assert world.keys == ["one"]


def test_a_failure_backs_off_and_a_new_commit_does_not_hurry_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = world.add("one")

    def fail(self: ReposSource, partition: str, since: str | None, census: bool) -> None:
        raise RetryLater("one: early EOF")

    with monkeypatch.context() as patched:
        patched.setattr(ReposSource, "scan", fail)
        request = world.tick().run_requests[0]
        assert not world.execute(request.tags).success
    one.commit({"more.py": "y = 2\n"})
    assert "Its last 1 tries failed; next try at" in world.tick().skip_message


def test_a_refused_listing_fails_the_tick_so_that_it_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("one")
    world.pretend_searchable()

    def refuse(self: ReposSource, known: Mapping[str, str]) -> None:
        raise GiveUp("github.com: 401 on /graphql")

    monkeypatch.setattr(ReposSource, "heads", refuse)
    with pytest.raises(GiveUp, match="401"):
        world.tick()
    assert world.keys == ["one"]


def test_an_unreachable_repository_says_so_once_and_no_longer_when_it_is_back(world: World) -> None:
    one = world.add("one")
    world.pretend_searchable()
    away = one.path / "moved-away"
    (one.path / ".git").rename(away)
    world.tick()
    assert str(one.path) in world.record("one").error
    version = world.index.partitions.version
    world.tick()
    assert world.index.partitions.version == version
    away.rename(one.path / ".git")
    world.tick()
    assert world.record("one").error == ""
    assert world.record("one").searchable_head == one.head
