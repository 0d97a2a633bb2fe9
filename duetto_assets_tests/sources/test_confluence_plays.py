"""What people do in Confluence reaches the index: after each act it holds what one made from nothing would hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duetto_assets_tests.sources.test_confluence import ANN, BEN, BOTH, Wiki
from duetto_assets_tests.wire.atlassian import AtlassianSite


class Play(Wiki):
    """A small tree in ENG and a page in OPS, indexed."""

    def begin(self) -> Play:
        site = self.site
        site.add_group("staff", [ANN])
        self.top = self.put("Top")
        self.page = self.put("Page", "<p>first</p>", parent=self.top, labels=["draft"])
        self.leaf = self.put("Leaf", parent=self.page)
        self.other = self.put("Other")
        self.post = self.put("Post", kind="blogpost")
        self.elsewhere = self.put("Elsewhere", space="OPS")
        self.remark = site.comment(self.page, "<p>remark</p>", author=ANN)
        self.answer = site.comment(self.page, "<p>answer</p>", reply_to=self.remark, author=BEN)
        self.marked = site.comment(self.post, "<p>marked</p>", inline="words")
        self.file = site.attach(self.page, "plan.pdf")
        self.archived = self.put("Archived", parent=self.top)
        site.archive_page(self.archived)
        self.both()
        return self

    def both(self, census: bool = True) -> None:
        for space in ("ENG", "OPS"):
            self.sync(space, census=census)

    def same(self, name: str = "after") -> None:
        """Fail unless the index is what one made from nothing is, and there is nothing left to do."""
        assert self.held() == self.truth(name, ["ENG", "OPS"])
        for space in ("ENG", "OPS"):
            counts = self.sync(space, census=True)
            assert (counts.added, counts.changed, counts.deleted) == (0, 0, 0)


@pytest.fixture
def wiki(request: pytest.FixtureRequest, atlassian: AtlassianSite, tmp_path: Path) -> Play:
    return Play(atlassian, tmp_path, cloud=getattr(request, "param", "cloud") == "cloud").begin()


Act = Callable[[Play], object]
SHOWN: dict[str, Act] = {  # by an edit or the listing of pages
    "edit": lambda w: w.site.edit_page(w.page, "<p>second</p>"),
    "edit of a post": lambda w: w.site.edit_page(w.post, "<p>second</p>"),
    "rename": lambda w: w.site.rename_page(w.page, "Renamed"),
    "rename of a page above": lambda w: w.site.rename_page(w.top, "Renamed"),
    "a new page": lambda w: w.put("New", parent=w.leaf),
    "move within the space": lambda w: w.site.move_page(w.page, parent=w.other),
    "move to the top": lambda w: w.site.move_page(w.leaf),
    "move to another space": lambda w: w.site.move_page(w.page, space="OPS", parent=w.elsewhere),
    "move from another space": lambda w: w.site.move_page(w.elsewhere, space="ENG", parent=w.top),
    "delete": lambda w: w.site.delete_page(w.leaf),
    "delete with children": lambda w: w.site.delete_page(w.page),
    "delete for good": lambda w: w.site.purge_page(w.other),
    "archive": lambda w: w.site.archive_page(w.leaf),
    "archive with children": lambda w: w.site.archive_page(w.page),
    "un-publish": lambda w: w.site.unpublish_page(w.leaf),
    "restore from the archive": lambda w: w.site.restore_page(w.archived),
    "become invisible": lambda w: w.site.hide(w.leaf),
}
HIDDEN: dict[str, Act] = {  # from all but a census
    "label": lambda w: w.site.label(w.page, "final"),
    "label taken": lambda w: w.site.unlabel(w.page, "draft"),
    "comment": lambda w: w.site.comment(w.leaf, "<p>new</p>"),
    "comment on a post": lambda w: w.site.comment(w.post, "<p>new</p>"),
    "answer": lambda w: w.site.comment(w.page, "<p>new</p>", reply_to=w.remark),
    "answer to an answer": lambda w: w.site.comment(w.page, "<p>new</p>", reply_to=w.answer),
    "comment edited": lambda w: w.site.edit_comment(w.remark, "<p>changed</p>"),
    "answer edited": lambda w: w.site.edit_comment(w.answer, "<p>changed</p>"),
    "answer deleted": lambda w: w.site.delete_comment(w.answer),
    "comment deleted": lambda w: w.site.delete_comment(w.remark),
    "inline comment resolved": lambda w: w.site.resolve_comment(w.marked),
    "attachment": lambda w: w.site.attach(w.leaf, "new.txt"),
    "attachment deleted": lambda w: w.site.detach(w.file),
    "restriction": lambda w: w.site.restrict_page(w.leaf, users=[ANN]),
    "restriction to a group": lambda w: w.site.restrict_page(w.leaf, groups=["staff"]),
    "restriction above": lambda w: w.site.restrict_page(w.top, users=[ANN, BEN]),
}


@BOTH
@pytest.mark.parametrize("act", SHOWN)
def test_what_a_listing_shows_is_found_without_a_census(wiki: Play, act: str) -> None:
    before = wiki.held()
    SHOWN[act](wiki)
    wiki.both(census=False)
    assert wiki.held() != before
    found = wiki.held()
    truth = wiki.truth("plain", ["ENG", "OPS"])
    assert {page: row[2:10] for page, row in found.items()} == {page: row[2:10] for page, row in truth.items()}
    wiki.both()
    wiki.same()


@BOTH
@pytest.mark.parametrize("act", HIDDEN)
def test_a_census_finds_what_no_edit_shows(wiki: Play, act: str) -> None:
    before = wiki.held()
    HIDDEN[act](wiki)
    wiki.both()
    if wiki.cloud or "restriction" not in act:
        assert wiki.held() != before
    wiki.same()


@BOTH
@pytest.mark.parametrize("act", ["label", "answer", "attachment", "restriction"])
def test_what_no_edit_shows_is_not_lost_where_an_edit_follows(wiki: Play, act: str) -> None:
    HIDDEN[act](wiki)
    wiki.site.edit_page(wiki.page, "<p>second</p>")
    wiki.both(census=False)
    wiki.both()
    wiki.same()


@BOTH
def test_restrictions_alone_reach_the_index_and_are_lifted_again(wiki: Play) -> None:
    wiki.permissions("confluence-users")
    wiki.both()
    public = wiki.held()
    assert public[wiki.leaf][10:] == ("all",)
    for act in ("restriction", "restriction to a group", "restriction above"):
        HIDDEN[act](wiki)
        wiki.both()
        assert "all" not in wiki.held()[wiki.leaf]
        wiki.site.restrict_page(wiki.leaf)
        wiki.site.restrict_page(wiki.top)
        wiki.both()
        assert wiki.held() == public


@BOTH
def test_permissions_of_the_space_alone_reach_the_index(wiki: Play) -> None:
    for groups in (["staff"], ["confluence-users", "staff"], ["other"]):
        wiki.permissions(*groups)
        wiki.both()
        wanted = {"all"} if "confluence-users" in groups else {*groups, "indexer@example.com"}
        assert set(wiki.held()[wiki.leaf][10:]) == wanted
        wiki.same(groups[0])


@BOTH
def test_a_page_comes_back_as_it_was(wiki: Play) -> None:
    before = wiki.held()
    for act in (wiki.site.delete_page, wiki.site.archive_page, wiki.site.unpublish_page):
        act(wiki.leaf)
        wiki.both(census=False)
        assert wiki.leaf not in wiki.held()
        wiki.site.restore_page(wiki.leaf)
        wiki.both(census=False)
        wiki.both()
        assert wiki.held() == before


@pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "datacenter"])
@given(seed=st.integers(0, 1 << 30))
@settings(
    max_examples=2, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_whatever_people_do_the_index_follows(tmp_path_factory: pytest.TempPathFactory, cloud: bool, seed: int) -> None:
    chosen = random.Random(seed)
    with AtlassianSite() as site:
        play = Play(site, tmp_path_factory.mktemp("play"), cloud=cloud).begin()
        acts = {**SHOWN, **HIDDEN}
        for number in range(4):
            for name in chosen.sample(sorted(acts), 3):
                try:
                    acts[name](play)
                except (KeyError, ValueError):
                    continue  # what it acts on is gone
            play.both(census=chosen.random() < 0.5)
            if number == 3:
                play.both()
                play.same(str(number))
