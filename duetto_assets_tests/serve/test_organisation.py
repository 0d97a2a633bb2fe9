"""Repositories, pages and issues side by side: the demonstration's organisation, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duetto_assets import factory
from duetto_assets.stages.reconcile import record_reachability
from duetto_assets_tests.serve.test_cli import Intel, intel
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.demo_content import ACCOUNT, TOKEN, fill, make_repositories
from duetto_assets_tests.worlds import World

__all__ = ["intel"]


@pytest.fixture
def site(atlassian: AtlassianSite, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AtlassianSite:
    fill(atlassian)
    for path in make_repositories(tmp_path / "harbour"):
        world.name(str(path))
    for name, url in (("CONFLUENCE", atlassian.confluence_url), ("JIRA", atlassian.url)):
        monkeypatch.setenv(f"{name}_URL", url)
        monkeypatch.setenv(f"{name}_USER", ACCOUNT)
        monkeypatch.setenv(f"{name}_TOKEN", TOKEN)
    return atlassian


def found(intel: Intel, query: str, *options: str) -> dict[str, dict[str, Any]]:
    """Return the hits by title."""
    return {hit["title"]: hit for hit in intel("search", query, "-n", "50", "--json", *options).lines}


def synced(intel: Intel, *targets: str) -> dict[str, dict[str, Any]]:
    done = intel("sync", "--json", *targets)
    assert done.code == 0, done.err
    partitions: dict[str, dict[str, Any]] = done.lines[0]["partitions"]
    return partitions


def changes(counts: dict[str, Any]) -> tuple[int, int, int]:
    return counts["added"], counts["changed"], counts["deleted"]


def page_called(site: AtlassianSite, title: str) -> str:
    return next(str(page.id) for page in site.pages.values() if page.title == title)


def test_all_sources_are_synced_and_found_together(site: AtlassianSite, intel: Intel) -> None:
    counts = synced(intel)
    assert {name: changes(each) for name, each in counts.items()} == {
        "repos/parcel-api": (8, 0, 0),
        "repos/tracking-web": (7, 0, 0),
        "confluence/ENG": (4, 0, 0),
        "confluence/OPS": (2, 0, 0),
        "jira/PARCEL": (3, 0, 0),
        "jira/SRE": (2, 0, 0),
    }
    hits = found(intel, "retries carrier")
    assert {hit["source"] for hit in hits.values()} == {"repos", "confluence", "jira"}
    assert hits["Carrier retries"]["url"].startswith(f"{site.confluence_url}/spaces/ENG/pages/")
    assert hits["SRE-1 Carrier outage: our retries made it worse"]["url"] == f"{site.url}/browse/SRE-1"


def test_a_sync_of_what_did_not_change_asks_three_times_and_reads_nothing(site: AtlassianSite, intel: Intel) -> None:
    site.delete_page(page_called(site, "Parcels in numbers"))  # a blog post costs one call more
    synced(intel)
    factory.source_of.cache_clear()  # as in a new process
    site.requests.clear()
    assert {changes(each) for each in synced(intel).values()} == {(0, 0, 0)}
    assert sorted(request.path for request in site.requests) == [
        "/rest/api/3/project/search",
        "/wiki/api/v2/pages",
        "/wiki/api/v2/spaces",
    ]


def test_an_edit_is_found_by_the_next_sync_and_what_was_there_no_longer(site: AtlassianSite, intel: Intel) -> None:
    synced(intel)
    site.edit_page(page_called(site, "Carrier retries"), "<p>zeppelins everywhere</p>")
    site.edit_issue("SRE-2", description="submarines everywhere")
    counts = synced(intel)
    assert (changes(counts["confluence/ENG"]), changes(counts["jira/SRE"])) == ((0, 1, 0), (0, 1, 0))
    assert "Carrier retries" in found(intel, "zeppelins", "--source", "confluence")
    assert "SRE-2 Page the on-call person when scans stop" in found(intel, "submarines", "--source", "jira")
    assert not any("Northline" in hit["text"] for hit in found(intel, "northline", "--source", "confluence").values())


def test_an_edited_blog_post_is_found_by_the_next_sync(site: AtlassianSite, intel: Intel) -> None:
    synced(intel)
    factory.source_of.cache_clear()  # as in a new process
    site.edit_page(page_called(site, "Parcels in numbers"), "<p>zeppelins</p>")
    assert changes(synced(intel)["confluence/ENG"]) == (0, 1, 0)


def test_what_was_deleted_is_gone_after_the_next_sync(site: AtlassianSite, intel: Intel) -> None:
    synced(intel)
    site.delete_issue("SRE-2")
    site.delete_page(page_called(site, "Carrier retries"))
    counts = synced(intel)
    assert (changes(counts["jira/SRE"]), changes(counts["confluence/ENG"])) == ((0, 0, 1), (0, 0, 1))
    assert "Carrier retries" not in found(intel, "carrier retries", "--source", "confluence")


@pytest.mark.parametrize("how", [["--census"], ["confluence"], ["confluence/ENG"], ["--full"]])
def test_what_no_head_shows_is_found_by_a_census(site: AtlassianSite, intel: Intel, how: list[str]) -> None:
    synced(intel)
    site.label(page_called(site, "Carrier retries"), "zeppelin")
    done = intel("sync")
    assert "confluence/ENG: nothing changed" in done.err
    assert "duetto-intel sync --census" in done.err
    assert synced(intel, *how)["confluence/ENG"]["changed"] in (1, 4)
    assert "Carrier retries" in found(intel, "zeppelin")


def test_a_search_as_somebody_shows_what_they_may_read_and_nothing_else(site: AtlassianSite, intel: Intel) -> None:
    synced(intel)
    secret, query = "Contract with Northline", "contract penalty northline"
    assert secret not in found(intel, query)
    assert secret not in found(intel, query, "--as", "parcels@harbour.example")
    assert secret in found(intel, query, "--as", "parcels@harbour.example", "--as", "leads")
    assert secret in found(intel, query, "--as", "parcels@harbour.example,leads")
    assert "Carrier retries" in found(intel, "carrier retries", "--as", "nobody@elsewhere.example")


def test_a_restriction_alone_reaches_the_index_and_so_does_its_end(site: AtlassianSite, intel: Intel) -> None:
    synced(intel)
    page = page_called(site, "Carrier retries")
    site.restrict_page(page, users=["u-lead"])
    synced(intel, "confluence/ENG")
    for options in ((), ("--as", "oncall@harbour.example")):
        assert "Carrier retries" not in found(intel, "carrier retries", *options)
    assert "Carrier retries" in found(intel, "carrier retries", "--as", "LEAD@harbour.example")
    site.restrict_page(page)
    assert synced(intel, "confluence/ENG")["confluence/ENG"]["embedded"] == 0
    assert "Carrier retries" in found(intel, "carrier retries")


def test_an_unreachable_site_is_said_and_what_is_indexed_stays(site: AtlassianSite, intel: Intel) -> None:
    synced(intel)
    site.tokens.clear()
    site.accept(ACCOUNT, "another-token")
    done = intel("sync")
    assert done.code == 1
    assert "confluence: failed: " in done.err
    assert "The token is refused: check that CONFLUENCE_USER and CONFLUENCE_TOKEN are current" in done.err
    assert "Carrier retries" in found(intel, "carrier retries")


def test_a_space_that_is_lost_says_so_and_keeps_its_pages_for_the_set_time(
    site: AtlassianSite, world: World, intel: Intel, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(intel)
    site.hide("OPS")
    for _ in range(2):
        done = intel("sync")
        assert done.code == 1
        assert "confluence/OPS: failed: " in done.err
        assert "space OPS is not listed" in done.err
    assert "Runbook: a carrier is silent" in found(intel, "runbook carrier silent")
    (said,) = [line for line in intel("status", "--json").lines if line["partition"] == "OPS"]
    assert (said["documents"], said["failures"]) == (2, 1)
    monkeypatch.setenv("LOST_ACCESS_DAYS", "0")
    assert json.loads(intel("sync", "--json").out)["retired"] == ["confluence/OPS"]
    assert "Runbook: a carrier is silent" not in found(intel, "runbook carrier silent")


def test_a_space_that_comes_back_is_reachable_again(site: AtlassianSite, world: World, intel: Intel) -> None:
    synced(intel)
    site.hide("OPS")
    intel("sync")
    record = world.index.partition("confluence", "OPS")
    assert record.error
    record_reachability(world.index, record, "")
    assert not world.index.partition("confluence", "OPS").error


def test_a_variable_that_is_missing_deletes_nothing(
    site: AtlassianSite, intel: Intel, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(intel)
    monkeypatch.setenv("CONFLUENCE_URL", "")
    done = intel("sync", "--json")
    assert (done.code, done.lines[0]["retired"]) == (1, [])
    assert done.lines[0]["failed"]["confluence/ENG"].startswith("CONFLUENCE_URL is not set.")
    assert "Carrier retries" in found(intel, "carrier retries")


def test_a_site_without_a_token_is_a_mistake_that_names_the_variable(
    site: AtlassianSite, intel: Intel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "")
    done = intel("sync", "jira")
    assert (done.code, done.out) == (2, "")
    assert done.err == ("JIRA_URL is set, but JIRA_TOKEN is not. Set the token of an account that may read it.\n")
