"""Sensors and runs of the sources that are asked over the network, as the daemon has them."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from duetto_assets import factory
from duetto_assets.definitions import defs
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.demo_content import ACCOUNT, TOKEN, fill
from duetto_assets_tests.worlds import BENCH, QUIET, World


@pytest.fixture
def site(atlassian: AtlassianSite, world: World, monkeypatch: pytest.MonkeyPatch) -> AtlassianSite:
    fill(atlassian)
    assert world.instance
    for name, url in (("CONFLUENCE", atlassian.confluence_url), ("JIRA", atlassian.url)):
        monkeypatch.setenv(f"{name}_URL", url)
        monkeypatch.setenv(f"{name}_USER", ACCOUNT)
        monkeypatch.setenv(f"{name}_TOKEN", TOKEN)
    return atlassian


def tick(world: World, source: str) -> Any:
    """Evaluate a source's sensor as the daemon does, and add the partitions that it asks for."""
    sensor = defs.resolve_sensor_def(f"{source}_heads")
    with dg.build_sensor_context(instance=world.instance, resources=BENCH, definitions=defs) as context:
        result = sensor.evaluate_tick(context)
    for request in result.dynamic_partitions_requests or []:
        world.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def settle(world: World, source: str) -> list[str]:
    """Run what the sensor asks for until it asks for nothing; return the partitions that ran."""
    ran: list[str] = []
    job = defs.resolve_job_def(f"sync_{source}")
    while requests := tick(world, source).run_requests:
        for request in requests:
            key = request.tags["dagster/partition"]
            done = job.execute_in_process(run_config=QUIET, instance=world.instance, partition_key=key)
            assert done.success
            ran.append(key)
    return ran


@pytest.mark.parametrize(("source", "partitions"), [("confluence", ["ENG", "OPS"]), ("jira", ["PARCEL", "SRE"])])
def test_the_sensor_adds_spaces_and_projects_and_runs_each_once(
    site: AtlassianSite, world: World, source: str, partitions: list[str]
) -> None:
    assert sorted(settle(world, source)) == partitions
    assert sorted(world.instance.get_dynamic_partitions(source)) == partitions
    site.requests.clear()
    assert "Nothing changed" in (tick(world, source).skip_message or "")
    assert site.requests.count() <= 2


def test_only_the_space_that_was_edited_gets_a_run(site: AtlassianSite, world: World) -> None:
    settle(world, "confluence")
    runbook = next(str(page.id) for page in site.pages.values() if page.title.startswith("Runbook"))
    site.edit_page(runbook, "<p>zeppelin</p>")
    assert settle(world, "confluence") == ["OPS"]
    texts = world.index.documents.scan(["text"]).column("text").to_pylist()
    assert any("zeppelin" in text for text in texts)


def test_blog_posts_are_seen_by_a_sensor_that_lives_on(site: AtlassianSite, world: World) -> None:
    settle(world, "confluence")
    site.put_page("OPS", "News", "<p>zeppelin</p>", kind="blogpost")
    assert [key for _ in range(2) for key in settle(world, "confluence")] == ["OPS"]


def test_a_search_that_lags_is_asked_again_until_it_knows_the_newest_issue(site: AtlassianSite, world: World) -> None:
    settle(world, "jira")
    site.search_lag()
    key = site.put_issue("SRE", "A zeppelin")
    (request,) = tick(world, "jira").run_requests
    job = defs.resolve_job_def("sync_jira")
    assert job.execute_in_process(run_config=QUIET, instance=world.instance, partition_key="SRE").success
    assert request.tags["dagster/partition"] == "SRE"
    assert tick(world, "jira").run_requests  # not settled
    site.search_catch_up()
    assert settle(world, "jira") == ["SRE"]
    assert key in world.index.documents.scan(["doc_id"]).column("doc_id").to_pylist()


def test_a_lost_space_is_unreachable_and_not_retired(site: AtlassianSite, world: World) -> None:
    settle(world, "confluence")
    factory.source_of.cache_clear()
    site.hide("OPS")
    assert "Unreachable" in (tick(world, "confluence").skip_message or "")
    assert sorted(world.instance.get_dynamic_partitions("confluence")) == ["ENG", "OPS"]
    assert world.index.partition("confluence", "OPS").error
    site.show("OPS")
    for _ in range(2):  # spaces are listed by every second tick
        tick(world, "confluence")
    assert not world.index.partition("confluence", "OPS").error
