"""Whatever JIRA answers: nothing stored is lost, no head moves past what was read, and a later run repairs all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from duetto_assets.errors import GiveUp, Lost, RetryLater, SourceError
from duetto_assets.sources.atlassian import Session
from duetto_assets.sources.jira import JiraSource
from duetto_assets.sources.jira_site import Site
from duetto_assets.stages.documents import DocumentCounts, load_documents, reconcile_documents
from duetto_assets.store.index import Index
from duetto_assets_tests.sources.atlassian_worlds import ACCOUNT, EVERYONE, jira
from duetto_assets_tests.stages.worlds import rows
from duetto_assets_tests.wire import atlassian_http as http
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer, Fault, Request

LOOKS = 7  # a head that something is amiss with is looked at so often at most


@dataclass
class World:
    """A project, and the index of it."""

    site: AtlassianSite
    folder: Path
    cloud: bool
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = Index(str(self.folder / "index"))

    def source(self) -> JiraSource:
        return jira(self.site, cloud=self.cloud, **self.options)

    def sync(self, **options: Any) -> DocumentCounts:
        return reconcile_documents(self.source(), "SRE", self.index, **options)

    def held(self) -> dict[str, tuple[str, ...]]:
        """Return what the index holds of each issue, without the version."""
        return {
            row["doc_id"]: (row["kind"], row["title"], row["text"], row["skipped"], *row["access"])
            for row in rows(self.index.documents).values()
        }

    @property
    def head(self) -> str:
        return self.index.partition("jira", "SRE").head

    def looks_until_settled(self) -> None:
        """Run as a sensor would: as long as the head is not the site's own."""
        for _ in range(LOOKS):
            self.sync()
            if self.head == self.source().heads()["SRE"]:
                return
        pytest.fail(f"the head stays {self.head}")

    def equals_truth(self) -> None:
        """Fail unless the index holds what a source that knows nothing yet reads."""
        source = self.source()
        wanted = {each.id: each for each in source.read("SRE", list(source.scan("SRE", None).refs))}
        stored = load_documents(self.index, list(rows(self.index.documents)))
        assert {each.id: each for each in stored} == wanted


@pytest.fixture(params=["cloud", "datacenter"])
def world(
    request: pytest.FixtureRequest, atlassian: AtlassianSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Return a project of five issues, indexed."""
    monkeypatch.setattr("duetto_assets.sources.jira_site._SERVER_PAGE", 3)
    atlassian.accept(ACCOUNT, "made-up-token")
    atlassian.add_project("SRE", "Reliability")
    atlassian.add_project("OPS", "Operations")
    atlassian.most_issues = atlassian.most_light_issues = 3  # a listing has pages
    for number in range(5):
        atlassian.put_issue("SRE", f"Issue {number}", f"Text {number}")
    made = World(atlassian, tmp_path, request.param == "cloud")
    made.sync()
    assert made.head == made.source().heads()["SRE"]
    return made


def refused(site: AtlassianSite) -> None:
    site.tokens.clear()
    site.accept(ACCOUNT, "another-token")


def looks_empty(site: AtlassianSite) -> None:
    refused(site)
    site.refused = "looks_empty"


Strike = Callable[[AtlassianSite], None]
WHERE = {
    "every call": "/",
    "the projects": re.compile(r"/project(/search)?(\?|$)"),
    "the readers": "permissionscheme",
    "the search": lambda request: "/search" in request.path and "project" not in request.path and not _reads(request),
    "its second page": lambda request: _second(request),
    "the issues": lambda request: _reads(request),
}


def _reads(request: Request) -> bool:
    body = request.body if isinstance(request.body, dict) else {}
    return "bulkfetch" in request.path or "issuekey in" in body.get("jql", "")


def _second(request: Request) -> bool:
    body = request.body if isinstance(request.body, dict) else {}
    return "nextPageToken" in request.query or bool(body.get("startAt"))


FAULTS: dict[str, tuple[Fault, type[SourceError]]] = {
    "401": (http.unauthorized(), GiveUp),
    "403": (http.forbidden(), GiveUp),
    "404": (http.not_found(), GiveUp),
    "410": (http.gone(), GiveUp),
    "429 with Retry-After": (http.rate_limited(120), RetryLater),
    "429 with a long Retry-After": (http.rate_limited(3_600), RetryLater),
    "429 without": (http.rate_limited(), RetryLater),
    "500": (http.broken(), RetryLater),
    "503": (http.broken(503), RetryLater),
    "a redirect": (Answer(302, b"", {"Location": "https://id.example.com/login"}), GiveUp),
    "a truncated body": (http.cut_off(), RetryLater),
    "HTML": (http.html(), RetryLater),
    "a list": (http.not_an_object(), RetryLater),
    "no rows": (http.without_results(), RetryLater),
}
SOME = ("401", "429 with Retry-After", "500", "no rows")
CASES = [
    (world, where, fault)
    for world, places in (
        ("cloud", list(WHERE)),
        ("datacenter", ["the projects", "the search", "its second page", "the issues"]),
    )
    for where in places
    for fault in FAULTS
    if fault in SOME or (world == "cloud" and where in ("the search", "the issues"))
]
# Who may not know the readers may index all the same, for the account alone.
TOLERATED = {("the readers", each) for each in ("403", "404", "410", "a list", "no rows")}
# One of few issues cannot be read: that is no failure of the run.
ONE_BY_ONE = {("the issues", each) for each in FAULTS if each != "401" and not each.startswith("429")}


@pytest.mark.parametrize(("world", "where", "fault"), CASES, indirect=["world"])
def test_a_fault_deletes_nothing_and_a_later_run_repairs_all(world: World, where: str, fault: str) -> None:
    site = world.site
    held, head = world.held(), world.head
    site.edit_issue("SRE-1", summary="Edited")
    new = site.put_issue("SRE", "New")
    site.delete_issue("SRE-3")
    answer, error = FAULTS[fault]
    site.fail(WHERE[where], answer, times=None)  # type: ignore[arg-type]
    if (where, fault) in TOLERATED | ONE_BY_ONE or (where, fault, world.cloud) == ("the projects", "a list", False):
        try:
            counts = world.sync(census=True)
        except SourceError:
            pass
        else:
            assert counts.unread or where == "the readers"
    else:
        with pytest.raises(SourceError) as caught:
            world.sync(census=True)
        assert isinstance(caught.value, error) or where == "the projects" or fault == "a list"
        assert "made-up-token" not in str(caught.value)
        assert ACCOUNT not in str(caught.value)
        if fault.startswith("429"):
            assert isinstance(caught.value, RetryLater)
            assert caught.value.after_s
    now = world.held()
    if (where, fault) not in TOLERATED:
        assert {key: now[key] for key in held if key != "SRE-3"} == {k: v for k, v in held.items() if k != "SRE-3"}
        assert ("SRE-3" in now) or where == "the issues"
        assert now.get(new, ("skipped",))[0] == "skipped"
        assert world.head in (head, "") or "~" in world.head
    site.heal()
    world.looks_until_settled()
    world.sync(census=True)
    world.equals_truth()


@pytest.mark.parametrize("where", WHERE)
def test_a_single_fault_is_survived_by_asking_again(world: World, where: str) -> None:
    for number, fault in enumerate([http.rate_limited(1), http.broken(), http.html(), http.cut_off()]):
        world.site.edit_issue("SRE-1", summary=f"Edited {number}")
        world.site.fail(WHERE[where], fault)  # type: ignore[arg-type]
        assert world.sync(census=True).changed == 1
        assert world.head == world.source().heads()["SRE"]
        world.site.heal()
    world.equals_truth()


@pytest.mark.parametrize("strike", [refused, looks_empty])
@pytest.mark.parametrize("census", [True, False])
def test_a_refused_token_gives_up_and_deletes_nothing(world: World, strike: Strike, census: bool) -> None:
    held, head = world.held(), world.head
    world.site.edit_issue("SRE-1", summary="Edited")
    strike(world.site)
    with pytest.raises(GiveUp, match="token is refused"):
        world.sync(census=census)
    with pytest.raises(GiveUp, match="token is refused"):
        world.source().heads({"SRE": head})
    assert (world.held(), world.head) == (held, head)


@pytest.mark.parametrize("census", [True, False])
def test_an_anonymous_answer_of_200_with_nothing_gives_up(world: World, census: bool) -> None:
    """Without the header that tells of it: only the account's own endpoint does."""
    held = world.held()
    nothing = {"issues": [], "isLast": True, "total": 0, "startAt": 0, "values": [], "maxResults": 50}
    world.site.fail("/search", Answer(200, nothing), times=None)
    world.site.fail(re.compile(r"/rest/api/2/project$"), Answer(200, []), times=None)
    world.site.fail("/myself", http.unauthorized(), times=None)
    with pytest.raises(GiveUp):
        world.sync(census=census)
    with pytest.raises(GiveUp):
        world.source().heads({"SRE": world.head})
    assert world.held() == held


def test_a_search_that_gives_nothing_while_the_account_is_nobody_deletes_nothing(world: World) -> None:
    held = world.held()
    nothing = {"issues": [], "isLast": True, "total": 0, "startAt": 0, "maxResults": 50}
    world.site.fail(WHERE["the search"], Answer(200, nothing), times=None)  # type: ignore[arg-type]
    world.site.fail("/myself", Answer(200, {"displayName": "Anonymous"}), times=None)
    for census in (True, False):
        with pytest.raises(GiveUp, match="anonymous"):
            world.sync(census=census)
    assert world.held() == held


def test_a_time_out_is_retried_later(world: World) -> None:
    held = world.held()
    world.site.edit_issue("SRE-1", summary="Edited")
    world.site.fail(WHERE["the search"], http.stalled(), times=None)  # type: ignore[arg-type]
    url = world.site.jira_url if world.cloud else world.site.jira_dc_url
    session = Session(url, ACCOUNT, "made-up-token", advice="check it", timeout_s=0.05)
    source = JiraSource(Site(url, session, EVERYONE, cloud=world.cloud), session, account=ACCOUNT)
    with pytest.raises(RetryLater, match="no answer on"):
        reconcile_documents(source, "SRE", world.index)
    assert world.held() == held


def test_a_repeated_page_token_is_no_end_and_no_loop(world: World) -> None:
    held = world.held()
    world.site.delete_issue("SRE-2")
    world.site.delete_issue("SRE-3")
    for number in range(9):
        world.site.put_issue("SRE", f"More {number}")

    def same_page(request: Request) -> bool:
        if not world.cloud and isinstance(request.body, dict):
            request.body["startAt"] = 0
        return world.cloud

    world.site.fail(same_page, http.repeated_cursor(), times=None)
    with pytest.raises(RetryLater, match="not known to be whole"):
        world.sync(census=True)
    assert world.held() == held


@pytest.mark.parametrize("when", ["deleted", "moved", "hidden"])
def test_an_issue_that_vanishes_between_listing_and_reading_is_found_gone_later(world: World, when: str) -> None:
    site = world.site
    acts: dict[str, Callable[[], object]] = {
        "deleted": lambda: site.delete_issue("SRE-2"),
        "moved": lambda: site.move_issue("SRE-2", "OPS"),
        "hidden": lambda: site.hide("SRE-2"),
    }
    site.edit_issue("SRE-2", summary="Edited")
    site.edit_issue("SRE-4", summary="Edited too")
    done: list[bool] = []

    def vanish(request: Request) -> bool:
        if _reads(request) and not done:
            done.append(True)
            acts[when]()
        return False

    site.fail(vanish, http.broken(), times=None)
    counts = world.sync()
    assert list(counts.unread) == ["SRE-2"]
    assert "Edited too" in world.held()["SRE-4"][1]
    assert world.head.endswith("~1")
    world.looks_until_settled()
    assert "SRE-2" not in world.held()
    world.equals_truth()


@pytest.mark.parametrize("fault", [http.broken(), http.forbidden(), http.html()])
def test_one_bad_issue_is_counted_and_named_and_the_others_go_on(world: World, fault: Answer) -> None:
    site = world.site
    for number in range(1, 6):
        site.edit_issue(f"SRE-{number}", summary=f"Edited {number}")

    def bad(request: Request) -> bool:
        names = request.body.get("issueIdsOrKeys", request.body.get("jql", "")) if request.body else ""
        return (_reads(request) and "SRE-3" in names) or "SRE-3/remotelink" in request.path

    before = world.held()["SRE-3"]
    site.fail(bad, fault, times=None)
    counts = world.sync()
    assert list(counts.unread) == ["SRE-3"]
    assert "cannot be read" in counts.unread["SRE-3"]
    held = world.held()
    assert held["SRE-3"] == before
    assert all(f"Edited {number}" in held[f"SRE-{number}"][1] for number in (1, 2, 4, 5))
    site.heal()
    world.looks_until_settled()
    world.equals_truth()


def test_an_issue_that_cannot_be_read_for_long_is_read_by_the_census_once_it_can(world: World) -> None:
    site = world.site
    site.edit_issue("SRE-3", summary="Edited")
    site.fail("SRE-3/remotelink", http.broken(), times=None)
    world.looks_until_settled()  # given up on
    for _ in range(2):
        site.now = site.now + timedelta(days=2)
        site.edit_issue("SRE-1", summary=f"Edited at {site.now}")
        world.looks_until_settled()
    site.heal()
    counts = world.sync(census=True)
    assert counts.changed == 1
    world.equals_truth()


@pytest.mark.parametrize("world", ["cloud"], indirect=True)  # a search names no errors
def test_an_error_named_by_the_answer_is_of_its_issue_alone(world: World) -> None:
    site = world.site
    for number in range(6, 26):
        site.put_issue("SRE", f"Issue {number}")

    def some(request: Request, true: Answer) -> Answer:
        issues = [each for each in true.body["issues"] if int(each["key"][4:]) < 10]
        errors = [{"id": f"SRE-{number}", "errorMessage": "The index is corrupt."} for number in range(10, 26)]
        return Answer(200, {"issues": issues, "issueErrors": errors})

    site.fail("bulkfetch", some, times=None)
    counts = world.sync()
    assert sorted(counts.unread) == [f"SRE-{number}" for number in range(10, 26)]
    assert counts.unread["SRE-10"] == "cannot be read: The index is corrupt."
    assert "SRE-9" in world.held()
    site.heal()
    world.looks_until_settled()
    world.equals_truth()


def test_a_site_that_reads_no_issue_at_all_ends_the_run_soon(world: World) -> None:
    held = world.held()
    for number in range(150):
        world.site.put_issue("SRE", f"More {number}")
    world.site.fail(WHERE["the issues"], http.broken(), times=None)  # type: ignore[arg-type]
    world.site.requests.clear()
    with pytest.raises(RetryLater, match="the site is not well"):
        world.sync()
    assert len(world.site.requests) < 130
    kept = world.held()
    assert {key: kept[key] for key in held} == held


@pytest.mark.parametrize("after_s", [3, 3_600])
def test_a_rate_limit_in_the_midst_of_reading_is_not_asked_against(world: World, after_s: int) -> None:
    for number in range(150):
        world.site.put_issue("SRE", f"More {number}")
    world.site.fail("remotelink", http.rate_limited(after_s), times=None, after=20)
    world.site.requests.clear()
    with pytest.raises(RetryLater) as caught:
        world.sync()
    assert caught.value.after_s == after_s
    assert sum(each.status == 429 for each in world.site.requests) < 100
    world.site.heal()
    world.looks_until_settled()
    world.equals_truth()


def test_a_project_lost_between_its_head_and_its_listing_keeps_its_documents(world: World) -> None:
    held = world.held()
    for census in (True, False):
        source = world.source()
        source.heads()
        nothing = {"issues": [], "isLast": True, "total": 0, "startAt": 0, "maxResults": 50}
        world.site.hide("SRE")
        world.site.fail(WHERE["the search"], Answer(200, nothing), times=None)  # type: ignore[arg-type]
        with pytest.raises(Lost):
            reconcile_documents(source, "SRE", world.index, census=True)
        with pytest.raises(Lost):
            world.sync(census=census)
        world.site.heal()
        with pytest.raises(SourceError):
            world.sync(census=census)
        world.site.show("SRE")
    assert world.held() == held
    world.looks_until_settled()
    world.equals_truth()


@pytest.mark.parametrize("hours", [-26, 26])
def test_a_clock_that_differs_changes_nothing(world: World, hours: int) -> None:
    world.site.now = world.site.now + timedelta(hours=hours)
    world.site.edit_issue("SRE-1", summary="Edited")
    world.site.put_issue("SRE", "New")
    world.looks_until_settled()
    world.sync(census=True)
    world.equals_truth()


def test_a_crash_while_reading_resumes_with_what_is_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duetto_assets.stages.documents._COMMIT_DOCUMENTS", 2)
    for number in range(120):
        world.site.put_issue("SRE", f"More {number}")
    world.site.fail(WHERE["the issues"], http.rate_limited(3_600), times=None, after=1)  # type: ignore[arg-type]
    with pytest.raises(RetryLater):
        world.sync()
    assert (world.head, len(world.held())) == ("", 105)
    world.site.heal()
    counts = world.sync()
    assert (counts.added, counts.unchanged) == (20, 105)
    world.equals_truth()


def test_most_issues_gone_at_once_is_refused(world: World) -> None:
    for number in range(40):
        world.site.put_issue("SRE", f"More {number}")
    world.sync()
    held, head = world.held(), world.head
    nothing = {"issues": [], "isLast": True, "total": 0, "startAt": 0, "maxResults": 50}
    world.site.fail(WHERE["the search"], Answer(200, nothing), times=None)  # type: ignore[arg-type]
    with pytest.raises(GiveUp, match="lacks 45 of 45"):
        world.sync(census=True)
    assert world.held() == held
    assert world.head == head
