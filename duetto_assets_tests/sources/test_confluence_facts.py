"""What the source `confluence` says of a page beyond its text: its author, parent, labels, and who commented."""

from __future__ import annotations

import pytest

from duetto_assets.model import Fact
from duetto_assets_tests.sources.atlassian_worlds import confluence, jira
from duetto_assets_tests.wire.atlassian import AtlassianSite

ANN, BEN = "id-ann", "id-ben"


@pytest.fixture
def site(atlassian: AtlassianSite) -> AtlassianSite:
    atlassian.add_user(ANN, "Ann Lee", "Ann@Example.com")
    atlassian.add_user(BEN, "Ben Roy")
    atlassian.add_space("ENG", "Engineering")
    return atlassian


@pytest.fixture(params=["cloud", "datacenter"])
def cloud(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "cloud")


def read(site: AtlassianSite, *, cloud: bool = True) -> dict[str, tuple[Fact, ...]]:
    source = confluence(site, cloud=cloud)
    return {each.id: each.facts for each in source.read("ENG", list(source.scan("ENG", None).refs))}


def test_a_page_says_its_place_its_labels_and_who_did_what(site: AtlassianSite, cloud: bool) -> None:
    top = site.put_page("ENG", "Top", "<p>words</p>", author=BEN)
    page = site.put_page("ENG", "Page", "<p>words</p>", parent=top, author=ANN, labels=["beta", "alpha"])
    first = site.comment(page, "<p>one</p>", author=BEN)
    site.comment(page, "<p>two</p>", author=ANN, reply_to=first)
    site.comment(page, "<p>three</p>", author=BEN)
    facts = read(site, cloud=cloud)[page]
    ann, ben = (
        (f"account:{id_}" for id_ in (ANN, BEN)) if cloud else ("account:confluence/Ann", "account:confluence/id-ben")
    )
    assert [f for f in facts if f.relation == "child_of"] == [Fact("child_of", "page", top)]
    assert sorted(f.target for f in facts if f.relation == "labelled") == ["alpha", "beta"]
    assert [f for f in facts if f.relation == "authored_by"] == [Fact("authored_by", "person", ann, "Ann Lee")]
    commented = sorted((f.target, f.name) for f in facts if f.relation == "commented_on_by")
    assert commented == [(ann, "Ann Lee"), (ben, "Ben Roy")]
    assert [f for f in facts if f.relation == "same_as"] == (
        [Fact("same_as", "person", "email:ann@example.com", "Ann Lee", subject=ann)] if cloud else []
    )


def test_the_same_person_has_the_same_key_in_jira(site: AtlassianSite) -> None:
    site.add_project("SRE", "Reliability")
    site.put_issue("SRE", "x", reporter=ANN)
    source = jira(site)
    (issue,) = source.read("SRE", list(source.scan("SRE", None).refs))
    page = site.put_page("ENG", "Page", author=ANN)
    (reported,) = [f.target for f in issue.facts if f.relation == "reported_by"]
    assert [f.target for f in read(site)[page] if f.relation == "authored_by"] == [reported]


def test_a_page_at_the_top_or_in_a_folder_is_below_no_page(site: AtlassianSite) -> None:
    top = site.put_page("ENG", "Top")
    folder = site.add_folder("ENG", "Folder")
    inside = site.put_page("ENG", "Inside", parent=folder)
    facts = read(site)
    assert not [f for page in (top, inside) for f in facts[page] if f.relation == "child_of"]


def test_a_page_that_moves_and_a_label_that_comes_are_other_facts(site: AtlassianSite, cloud: bool) -> None:
    one, two = site.put_page("ENG", "One"), site.put_page("ENG", "Two")
    page = site.put_page("ENG", "Page", parent=one)
    before = read(site, cloud=cloud)[page]
    site.move_page(page, parent=two)
    site.label(page, "new")
    after = read(site, cloud=cloud)[page]
    assert set(after) - set(before) == {Fact("child_of", "page", two), Fact("labelled", "label", "new")}
    assert set(before) - set(after) == {Fact("child_of", "page", one)}


def test_facts_are_the_same_for_a_new_process(site: AtlassianSite, cloud: bool) -> None:
    page = site.put_page("ENG", "Page", "<p>words</p>", author=ANN, labels=["b", "a"])
    for author in (BEN, ANN, BEN):
        site.comment(page, "<p>words</p>", author=author)
    assert read(site, cloud=cloud) == read(site, cloud=cloud)
