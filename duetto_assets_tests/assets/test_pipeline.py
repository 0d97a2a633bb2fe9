from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from duetto_assets.automation.plan import failures_since_searchable
from duetto_assets.definitions import defs
from duetto_assets.errors import RetryLater
from duetto_assets.factory import chunker_of
from duetto_assets.settings import load
from duetto_assets.sources.base import Scan
from duetto_assets.sources.registry import SOURCES
from duetto_assets.sources.repos import ReposSource
from duetto_assets.workers import WORKER, is_dead
from duetto_assets_tests.worlds import World

GRAPH = defs.resolve_asset_graph()
CHAIN = ("repos/documents", "repos/chunks", "repos/embeddings", "repos/entities")


def materializations(result: dg.ExecuteInProcessResult) -> Iterator[dg.AssetMaterialization]:
    for event in result.all_events:
        if event.is_step_materialization:
            yield event.step_materialization_data.materialization


def numbers(result: dg.ExecuteInProcessResult, partition: str) -> dict[str, int | float]:
    return {
        name: value.value
        for each in materializations(result)
        if each.partition == partition
        for name, value in each.metadata.items()
        if isinstance(value.value, int | float)
    }


def versions(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], str]:
    return {
        (each.asset_key.to_user_string(), each.partition): (each.tags or {})["dagster/data_version"]
        for each in materializations(result)
    }


def failing_for(monkeypatch: pytest.MonkeyPatch, *partitions: str, error: Exception) -> None:
    scan = ReposSource.scan

    def refuse(self: ReposSource, partition: str, since: str | None, census: bool = False) -> Scan:
        if partition in partitions:
            raise error
        return scan(self, partition, since, census)

    monkeypatch.setattr(ReposSource, "scan", refuse)


def test_the_assets_are_these() -> None:
    def said(key: dg.AssetKey) -> dict[str, Any]:
        node = GRAPH.get(key)
        return {
            "after": sorted(parent.to_user_string() for parent in node.parent_keys),
            "group": node.group_name,
            "owners": list(node.owners),
            "kinds": sorted(node.kinds),
            "pools": sorted(node.pools or ()),
            "partitions": node.partitions_def.name if node.partitions_def else None,
            "checks": sorted(check.name for check in node.check_keys),
        }

    wanted: dict[str, dict[str, Any]] = {
        "search_index": {
            "after": sorted(f"{source}/{stage}" for source in SOURCES for stage in ("chunks", "embeddings")),
            "group": "search",
            "owners": ["team:platform"],
            "kinds": ["lancedb"],
            "pools": [],
            "partitions": None,
            "checks": [],
        },
        "ontology": {
            "after": sorted(f"{source}/entities" for source in SOURCES),
            "group": "graph",
            "owners": ["team:platform"],
            "kinds": ["duckdb", "lancedb"],
            "pools": [],
            "partitions": None,
            "checks": ["no_dangling_edge"],
        },
        "visualization_graph": {
            "after": ["ontology"],
            "group": "graph",
            "owners": ["team:platform"],
            "kinds": ["html", "igraph"],
            "pools": [],
            "partitions": None,
            "checks": [],
        },
    }
    for source, kind in (("repos", "git"), ("confluence", "confluence"), ("jira", "jira")):
        common = {"group": source, "owners": ["team:platform"], "partitions": source, "pools": []}
        wanted[f"{source}/documents"] = {
            **common,
            "after": [],
            "kinds": sorted([kind, "lancedb"]),
            "checks": ["listing_equals_table"],
        }
        wanted[f"{source}/chunks"] = {
            **common,
            "after": [f"{source}/documents"],
            "kinds": ["lancedb", "python"],
            "checks": ["no_orphan_rows"],
        }
        wanted[f"{source}/embeddings"] = {
            **common,
            "after": [f"{source}/chunks"],
            "kinds": ["lancedb", "pytorch"],
            "checks": ["one_vector_per_chunk"],
            "pools": ["gpu"],
        }
        wanted[f"{source}/entities"] = {
            **common,
            "after": [f"{source}/documents"],
            "kinds": ["lancedb", "python"],
            "checks": ["rows_belong_and_conform"],
        }
    assert {key.to_user_string(): said(key) for key in GRAPH.get_all_asset_keys()} == wanted


def test_everything_that_the_ui_lists_describes_itself() -> None:
    repository = defs.get_repository_def()
    for key in GRAPH.get_all_asset_keys():
        assert GRAPH.get(key).description, key
        assert len(GRAPH.get(key).description or "") > 80, key
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    assert {job.name for job in jobs} == {"verify", "make_graph", *(f"sync_{source}" for source in SOURCES)}
    assert {s.name for s in repository.sensor_defs} == {"follow_sources", *(f"{source}_heads" for source in SOURCES)}
    schedules = {schedule.name for schedule in repository.schedule_defs}
    assert schedules == {"verify_daily", *(f"{source}_census" for source in SOURCES)}
    for thing in (*jobs, *repository.sensor_defs, *repository.schedule_defs):
        assert thing.description, thing.name
        assert thing.description.endswith("."), thing.name


def test_sensors_are_on_without_anybody_turning_them_on() -> None:
    for sensor in defs.get_repository_def().sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING, sensor.name


def test_partitioned_assets_share_runs_of_twenty_and_know_when_they_are_stale() -> None:
    for name in CHAIN:
        node = GRAPH.get(dg.AssetKey.from_user_string(name))
        assert node.backfill_policy == dg.BackfillPolicy.multi_run(20)
        assert isinstance(node.freshness_policy, dg.FreshnessPolicy)
    assert GRAPH.get(dg.AssetKey(["repos", "chunks"])).code_version == chunker_of(load()).version


def test_steps_run_in_one_process() -> None:
    assert defs.executor is dg.in_process_executor


def test_a_run_makes_a_repository_searchable_and_says_so_in_numbers(world: World) -> None:
    one = world.add("one", {"a.py": "def a():\n    return 1\n", "b.md": "# B\n\nText.\n", "c.bin": b"\0" * 50})
    result = world.run("one")
    assert result.success
    record = world.record("one")
    assert record.head == record.searchable_head == record.graph_head == one.head
    found = numbers(result, "one")
    assert {key: found[key] for key in found if key not in {"duration_s", "tokens_per_s"}} == {
        "documents_added": 3,
        "documents_changed": 0,
        "documents_deleted": 0,
        "documents_unchanged": 0,
        "documents_skipped": 1,
        "documents_unread": 0,
        "api_calls": 0,
        "documents_chunked": 3,
        "chunks_written": record.chunks,
        "chunks": record.chunks,
        "texts_embedded": record.chunks,
        "places_embedded": found["places_embedded"],
        "vectors_reused": 0,
        "vectors_deleted": 0,
        "tokens": found["tokens"],
        "documents_extracted": 4,  # what is skipped is a file of the repository, too
        "relations_relinked": 0,
        "entities": found["entities"],
        "relations": found["relations"],
    }
    assert found["tokens"] > 0
    assert found["places_embedded"] > 0


def test_the_second_run_finds_everything_unchanged(world: World) -> None:
    world.add("one")
    first, second = world.run("one"), world.run("one")
    found = numbers(second, "one")
    assert found["documents_unchanged"] == numbers(first, "one")["documents_added"] > 0
    assert not any(
        found[name]
        for name in ("documents_added", "documents_changed", "documents_deleted", "chunks_written", "texts_embedded")
    )
    assert versions(first) == versions(second)


def test_an_edit_embeds_only_what_is_new_and_changes_every_data_version(world: World) -> None:
    one = world.add("one", {f"f{n}.py": f"def f{n}():\n    return {n}\n" for n in range(5)})
    before = versions(world.run("one"))
    assert before["repos/documents", "one"] == one.head
    one.commit({"f0.py": "def f0():\n    return 'other'\n"})
    result = world.run("one")
    found, after = numbers(result, "one"), versions(result)
    assert (found["documents_added"], found["documents_changed"], found["documents_unchanged"]) == (1, 1, 5)
    assert found["texts_embedded"] == 2  # the function, and the commit
    assert after["repos/documents", "one"] == one.head
    assert not before.items() & after.items()


def test_a_range_run_materializes_each_partition_with_its_own_numbers(world: World) -> None:
    sizes = {"a": 1, "b": 2}
    heads = {
        name: world.add(name, {f"{n}.py": f"x = {n}\n" for n in range(count)}).head for name, count in sizes.items()
    }
    result = world.run(*sizes)
    assert result.success
    assert {(each.asset_key.to_user_string(), each.partition) for each in materializations(result)} == {
        (asset, name) for asset in CHAIN for name in sizes
    }
    for name, count in sizes.items():
        assert numbers(result, name)["documents_added"] == count + 1  # and its commit
        assert world.record(name).searchable_head == heads[name]
    for asset in CHAIN:
        done = world.instance.get_materialized_partitions(dg.AssetKey.from_user_string(asset))
        assert set(done) == sizes.keys()
    shared = versions(world.run(*sizes))
    assert shared == versions(result)
    assert len({version for (asset, _), version in shared.items() if asset == "repos/documents"}) == 1


def test_one_failing_partition_of_a_range_fails_the_run_by_name_and_materializes_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = {name: world.add(name).head for name in ("a", "b", "c")}
    failing_for(monkeypatch, "b", error=RetryLater("b: early EOF"))
    result = world.run("a", "b", "c")
    assert not result.success
    failure = result.failure_data_for_node("repos__documents")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == "repos/b: b: early EOF"
    assert {(each.asset_key.to_user_string(), each.partition) for each in materializations(result)} == {
        ("repos/documents", "a"),
        ("repos/documents", "c"),
    }
    assert versions(result) == {("repos/documents", name): heads[name] for name in ("a", "c")}
    assert numbers(result, "a")["documents_added"] == 2
    assert world.record("a").head == heads["a"]
    failed = world.record("b")
    assert (failed.head, failed.error, failed.failures) == ("", "b: early EOF", 1)
    assert (world.record("a").error, world.record("a").failures) == ("", 0)


def test_after_a_failed_range_the_others_become_searchable_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        world.add(name)
    failing_for(monkeypatch, "b", error=RetryLater("b: early EOF"))
    world.run("a", "b")
    assert world.run("a").success
    assert not world.run("b").success
    assert world.record("a").searchable_head
    assert world.record("b").failures == 2


def test_a_success_forgets_the_failures(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("a")
    with monkeypatch.context() as patched:
        failing_for(patched, "a", error=RetryLater("a: early EOF"))
        world.run("a")
    assert world.run("a").success
    assert (world.record("a").error, world.record("a").failures) == ("", 0)
    records = {"a": world.record("a")}
    now = records["a"].searchable_at
    assert now is not None
    assert failures_since_searchable(world.instance, "repos", records, ["a"], now) == {}
    assert failures_since_searchable(world.instance, "repos", {}, ["a"], now)["a"].count == 1


def test_an_unexpected_error_is_named_but_its_text_stays_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("a")
    failing_for(monkeypatch, "a", error=ValueError("https://user:hunter2@example.org"))
    result = world.run("a")
    assert world.record("a").error == "unexpected ValueError; the run's log has the details"
    failure = result.failure_data_for_node("repos__documents")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "hunter2" not in (failure.user_failure_data.description or "")


def test_a_run_says_which_process_works_on_it(world: World) -> None:
    world.add("a")
    result = world.run("a")
    run = world.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags[WORKER].startswith(f"{run.run_id} ")
    assert not is_dead(run.run_id, run.tags)


def test_a_manual_materialization_of_one_asset_is_safe(world: World) -> None:
    one = world.add("one")
    world.run("one")
    one.commit({"new.py": "def found_later():\n    return 1\n"})
    job = defs.resolve_job_def("sync_repos")

    def alone(*stages: str) -> None:
        selection = [dg.AssetKey(["repos", stage]) for stage in stages]
        assert job.execute_in_process(
            instance=world.instance, partition_key="one", asset_selection=selection, run_config={}
        ).success

    alone("documents")
    assert world.record("one").head == one.head != world.record("one").searchable_head
    alone("embeddings")
    assert world.record("one").searchable_head != one.head
    alone("chunks", "embeddings")
    assert world.record("one").searchable_head == one.head


def test_words_are_searchable_before_vectors_are(world: World) -> None:
    world.add("one", {"a.py": "def needle():\n    return 1\n"})
    world.instance.add_dynamic_partitions("repos", ["one"])
    defs.resolve_job_def("sync_repos").execute_in_process(
        instance=world.instance,
        partition_key="one",
        asset_selection=[dg.AssetKey(["repos", "documents"]), dg.AssetKey(["repos", "chunks"])],
    )
    assert world.index.chunks.match_words("needle", ["path"], 5)["path"].to_pylist()[0] == "a.py"
    assert not world.record("one").searchable_head


def test_the_index_is_kept_small_and_a_second_upkeep_commits_nothing(world: World) -> None:
    one = world.add("one")
    for number in range(3):
        one.commit({f"{number}.py": f"x = {number}\n"})
        world.run("one")
    job = defs.resolve_implicit_job_def_def_for_assets([dg.AssetKey("search_index")])
    assert job is not None

    def upkeep() -> dict[str, Any]:
        result = job.execute_in_process(instance=world.instance, asset_selection=[dg.AssetKey("search_index")])
        (made,) = materializations(result)
        return {name: value.value for name, value in made.metadata.items()}

    first = upkeep()
    assert first["chunks_rows"] == world.record("one").chunks
    assert all(isinstance(value, int | float) for value in first.values())
    versions_before = [table.version for table in world.index.all_tables()]
    assert upkeep()["chunks_newly_indexed"] == 0
    assert [table.version for table in world.index.all_tables()] == versions_before
