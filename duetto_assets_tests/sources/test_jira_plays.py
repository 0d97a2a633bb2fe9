"""What people do in JIRA arrives in the index, which is at any time what a first index would be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duetto_assets.model import PUBLIC, Document
from duetto_assets.sources.jira import JiraSource
from duetto_assets.stages.documents import DocumentCounts, load_documents, reconcile_documents
from duetto_assets.store.index import Index
from duetto_assets_tests.sources.atlassian_worlds import jira
from duetto_assets_tests.stages.worlds import rows, versions
from duetto_assets_tests.wire.atlassian import AtlassianSite

DAEMON = Path(__file__).parents[2].parent / "shared" / "data" / "jira_daemon_issues.jsonl"
LOOKS = 7


class World:
    """A project of six issues in which things happen, and the index of it."""

    def __init__(self, site: AtlassianSite, folder: Path, *, cloud: bool) -> None:
        self.site = site
        self.cloud = cloud
        self.index = Index(str(folder / "index"))
        for name in ("ann", "bob"):
            site.add_user(name, name.title(), f"{name}@example.com")
        site.add_group("staff", ["ann", "bob"])
        site.add_group("leads", ["ann"])
        site.add_project("SRE", "Reliability", ["group:staff"])
        site.add_project("OPS", "Operations")
        self.levels = [site.add_security_level("Leads", ["group:leads"]), site.add_security_level("Bob", ["user:bob"])]
        self.comments: dict[str, list[str]] = {}
        self.keys = [site.put_issue("SRE", f"Issue {number}", f"Text {number}") for number in range(6)]
        site.put_issue("OPS", "Elsewhere")
        self.sync()

    def source(self) -> JiraSource:
        return jira(self.site, cloud=self.cloud)

    def sync(self, **options: Any) -> DocumentCounts:
        return reconcile_documents(self.source(), "SRE", self.index, **options)

    def tick(self) -> bool:
        """Do as a sensor does; return whether the head had moved."""
        source = self.source()
        recorded = self.index.partition("jira", "SRE").head
        moved = source.heads({"SRE": recorded.partition("~")[0]})["SRE"] != recorded
        if moved:
            reconcile_documents(source, "SRE", self.index)
        return moved

    def held(self) -> dict[str, Document]:
        return {each.id: each for each in load_documents(self.index, list(rows(self.index.documents)))}

    def truth(self) -> dict[str, Document]:
        """Return what a source that knows nothing yet reads."""
        source = self.source()
        return {each.id: each for each in source.read("SRE", list(source.scan("SRE", None).refs))}

    # What people do

    def comment(self, key: str) -> None:
        made = self.site.comment_issue(key, f"Comment on {key}.", author="bob")
        self.comments.setdefault(key, []).append(made)

    def edit_comment(self, key: str) -> None:
        if not self.comments.get(key):
            self.comment(key)
        self.site.edit_issue_comment(key, self.comments[key][-1], "The comment is another.")

    def delete_comment_and_edit(self, key: str) -> None:
        if not self.comments.get(key):
            self.comment(key)
            self.sync()
        self.site.delete_issue_comment(key, self.comments[key].pop())
        self.site.edit_issue(key, labels=["without"])

    def link_remotely_and_edit(self, key: str) -> None:
        self.site.remote_link(key, "https://example.com/runbook", "Runbook")
        self.site.edit_issue(key, labels=["linked"])

    def link(self, key: str) -> None:
        self.site.link_issues(key, "Blocks", next(each for each in self.keys if each != key))

    def move_away(self, key: str) -> None:
        self.site.move_issue(key, "OPS")

    def move_here(self, _: str) -> None:
        self.site.move_issue(self.site.put_issue("OPS", "From elsewhere"), "SRE")

    def secure(self, key: str) -> None:
        self.site.secure_issue(key, self.levels[0])

    def secure_otherwise(self, key: str) -> None:
        self.site.secure_issue(key, self.levels[0])
        self.sync()
        self.site.secure_issue(key, self.levels[1])

    def lay_open(self, key: str) -> None:
        self.site.secure_issue(key, self.levels[0])
        self.sync()
        self.site.secure_issue(key, None)

    def add_below(self, key: str) -> None:
        self.site.put_issue("SRE", "Below", parent=key)
        self.site.edit_issue(key, labels=["above"])

    def replace(self, key: str) -> None:
        self.site.delete_issue(key)
        self.site.put_issue("SRE", "Instead")


PLAYS: dict[str, Callable[[World, str], object]] = {
    "edit": lambda w, key: w.site.edit_issue(key, summary="Edited", description="Other words."),
    "status": lambda w, key: w.site.edit_issue(key, status="Done", resolution="Fixed", author="ann"),
    "create": lambda w, _: w.site.put_issue("SRE", "New"),
    "create a sub-task": World.add_below,
    "comment": World.comment,
    "edit a comment": World.edit_comment,
    "delete a comment, and edit": World.delete_comment_and_edit,
    "link": World.link,
    "link remotely, and edit": World.link_remotely_and_edit,
    "move away": World.move_away,
    "move here": World.move_here,
    "delete": lambda w, key: w.site.delete_issue(key),
    "delete and create": World.replace,
    "set a security level": World.secure,
    "change a security level": World.secure_otherwise,
    "lift a security level": World.lay_open,
}
# A head made of search knows of no deletion but the newest issue's; a count does.
COUNTED = {"move away", "delete", "delete and create"}
# Neither the last change nor the number of issues tells.
SILENT: dict[str, Callable[[World, str], object]] = {
    "hide": lambda w, key: w.site.hide(key),
    "restrict the project": lambda w, _: w.site.set_project_holders("SRE", "user:ann"),
    "restrict the project to nobody known": lambda w, _: w.site.set_project_holders("SRE", "userCustomField:x"),
    "open the project": lambda w, _: w.site.set_project_holders("SRE", "anyone"),
}


@pytest.fixture(params=["cloud", "datacenter"])
def world(request: pytest.FixtureRequest, atlassian: AtlassianSite, tmp_path: Path) -> World:
    return World(atlassian, tmp_path, cloud=request.param == "cloud")


@pytest.mark.parametrize("play", [*PLAYS, *SILENT])
def test_after_a_census_the_index_is_as_a_first_one(world: World, play: str) -> None:
    (PLAYS | SILENT)[play](world, world.keys[1])
    before = world.held()
    world.sync(census=True)
    assert world.held() == world.truth()
    assert world.held() != before


@pytest.mark.parametrize(
    ("world", "play"),
    [(world, play) for world in ("cloud", "datacenter") for play in PLAYS if world == "cloud" or play not in COUNTED],
    indirect=["world"],
)
def test_what_the_head_shows_is_found_without_a_census(world: World, play: str) -> None:
    PLAYS[play](world, world.keys[1])
    assert world.tick()
    assert world.held() == world.truth()
    assert not world.tick()


def test_the_going_of_the_newest_issue_is_seen_without_a_count(atlassian: AtlassianSite, tmp_path: Path) -> None:
    atlassian.project_insight = False
    world = World(atlassian, tmp_path, cloud=True)
    atlassian.delete_issue(world.keys[-1])
    assert world.tick()
    assert world.held() == world.truth()


@pytest.mark.parametrize("play", SILENT)
def test_what_the_head_does_not_show_waits_for_the_census(world: World, play: str) -> None:
    SILENT[play](world, world.keys[1])
    assert not world.tick()


def test_what_leaves_no_trace_is_found_when_its_issue_is_read_again(world: World) -> None:
    """A deleted comment and a remote link do not move `updated`, and no listing tells of them."""
    key = world.keys[0]
    world.comment(key)
    world.sync()
    world.site.delete_issue_comment(key, world.comments[key][0])
    world.site.remote_link(key, "https://example.com/runbook", "Runbook")
    world.sync(census=True)
    assert "Comment on" in world.held()[key].text
    world.sync(reread=True)
    assert world.held() == world.truth()
    assert "Comment on" not in world.held()[key].text
    assert "Runbook" in world.held()[key].text


def test_two_censuses_in_a_row_read_nothing(world: World) -> None:
    world.site.edit_issue(world.keys[0], summary="Edited")
    world.sync(census=True)
    before = versions(world.index)
    world.site.requests.clear()
    counts = world.sync(census=True)
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged) == (0, 0, 0, 6)
    assert versions(world.index) == before
    reading = [each for each in world.site.requests if "bulkfetch" in each.path or "remotelink" in each.path]
    assert reading == []
    assert len(world.site.requests) <= (5 if world.cloud else 6)


def test_a_hidden_issue_that_is_shown_again_comes_back(world: World) -> None:
    world.site.hide(world.keys[2])
    world.sync(census=True)
    assert world.keys[2] not in world.held()
    world.site.show(world.keys[2])
    world.sync(census=True)
    assert world.held() == world.truth()
    assert world.keys[2] in world.held()


def test_the_last_issue_of_a_project_can_go(world: World) -> None:
    for key in world.keys:
        world.site.delete_issue(key)
    world.sync(census=True)
    assert world.held() == {}
    assert world.sync(census=True).deleted == 0


def test_a_secured_issue_is_never_public_whatever_happens_to_its_project(world: World) -> None:
    key = world.keys[3]
    world.site.secure_issue(key, world.levels[0])
    for play in ("open the project", "restrict the project", "restrict the project to nobody known"):
        SILENT[play](world, key)
        world.sync(census=True)
        assert PUBLIC[0] not in world.held()[key].access
        assert world.held() == world.truth()


# A search that lags behind


@pytest.mark.parametrize("insight", [True, False])
@pytest.mark.parametrize("what", ["edit", "create", "delete"])
def test_what_search_misses_at_first_is_found_once_it_catches_up(world: World, what: str, insight: bool) -> None:
    site = world.site
    site.project_insight = insight
    world.sync()
    site.search_lag()
    newest = world.keys[-1]
    if what == "edit":
        site.edit_issue(newest, summary="Edited")
    elif what == "create":
        site.put_issue("SRE", "New")
    else:
        site.delete_issue(newest)
    for _ in range(3):
        world.tick()
    site.search_catch_up()
    for _ in range(LOOKS):
        world.tick()
    assert world.held() == world.truth()
    assert not world.tick()


def test_a_search_that_was_stuck_for_hours_loses_nothing_for_good(world: World) -> None:
    site = world.site
    site.search_lag()
    for number, key in enumerate(world.keys[:4]):
        site.now = site.now + timedelta(hours=2)
        site.edit_issue(key, summary=f"Edited {number}")
        for _ in range(LOOKS):
            world.tick()
    site.search_catch_up()
    world.sync(census=True)
    assert world.held() == world.truth()


# Many things in any order

STEPS = [*PLAYS, *SILENT]
SETTINGS = settings(
    max_examples=6, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.mark.parametrize("cloud", [True, False])
@SETTINGS
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.booleans()), min_size=3, max_size=6))
def test_any_play_ends_as_a_first_index(
    tmp_path_factory: pytest.TempPathFactory, cloud: bool, steps: list[tuple[str, int, bool]]
) -> None:
    with AtlassianSite() as site:
        world = World(site, tmp_path_factory.mktemp("play"), cloud=cloud)
        linked = False
        for step, at, tick in steps:
            # Of a link to an issue that went, the other issue's own `updated` does not tell.
            linked = linked or step in ("link", "create a sub-task")
            if linked and step in ("move away", "delete", "delete and create", "hide"):
                continue
            here = sorted(each.key for each in site.projects["SRE"].issues.values() if site.sees_issue(each))
            if here:
                (PLAYS | SILENT)[step](world, here[at % len(here)])
            if tick:
                world.tick()
        world.sync(census=True, allow_mass_deletion=True)
        assert world.held() == world.truth()
        counts = world.sync(census=True)
        assert (counts.added, counts.changed, counts.deleted) == (0, 0, 0)


# Real issues


@pytest.mark.skipif(not DAEMON.exists(), reason="../shared/data/jira_daemon_issues.jsonl is absent")
@pytest.mark.parametrize("cloud", [True, False])
def test_a_real_project_is_indexed_whole_and_an_edit_reads_one_issue(
    atlassian: AtlassianSite, tmp_path: Path, cloud: bool
) -> None:
    atlassian.check = None  # the loader keeps what an older JIRA wrote
    assert atlassian.load_jira_jsonl(DAEMON) == "DAEMON"
    index = Index(str(tmp_path / "index"))
    counts = reconcile_documents(jira(atlassian, cloud=cloud, remote_links=False), "DAEMON", index)
    assert (counts.added, counts.skipped, counts.unread) == (317, 0, {})
    held = {each.id: each for each in load_documents(index, list(rows(index.documents)))}
    first = held["DAEMON-1"]
    assert first.title == "DAEMON-1 appcd: Integrate hook system into appc daemon"
    for text in ("- Type: New Feature",
                 "- Status: Resolved (Fixed)", "- Priority: Critical", "- Components: appcd-core",
                 "- Assignee: Person 1", "- Epic Link: DAEMON-48", "- Closed Sprints: 2016 Sprint 04 Tooling",
                 "hook system"):  # fmt: skip
        assert text in first.text
    assert sum("## Comments" in each.text for each in held.values()) > 50
    assert sum("## Links" in each.text for each in held.values()) > 20
    assert not any("customfield_" in each.text or "{'" in each.text for each in held.values())
    atlassian.edit_issue("DAEMON-7", summary="Edited")
    source = jira(atlassian, cloud=cloud, remote_links=False)
    source.heads({"DAEMON": counts.head})
    edited = reconcile_documents(source, "DAEMON", index)
    assert (edited.added, edited.changed, edited.unchanged) == (0, 1, 316)
    assert source.calls <= 5
    again = reconcile_documents(jira(atlassian, cloud=cloud, remote_links=False), "DAEMON", index, census=True)
    assert (again.added, again.changed, again.deleted, again.unchanged) == (0, 0, 0, 317)
