"""What the source `jira` says of an issue beyond its text: people, labels, its place and its links."""

from __future__ import annotations

from typing import Any

import pytest

from duetto_assets.model import Document, Fact
from duetto_assets.sources.jira_documents import document_of
from duetto_assets_tests.sources.atlassian_worlds import jira
from duetto_assets_tests.wire.atlassian import AtlassianSite


@pytest.fixture
def site(atlassian: AtlassianSite) -> AtlassianSite:
    """Return a site with the project SRE and two people."""
    atlassian.add_project("SRE", "Reliability")
    atlassian.add_user("ann", "Ann Lee", "ann@Example.com")
    atlassian.add_user("bob", "Bob Ray")
    return atlassian


@pytest.fixture(params=["cloud", "datacenter"])
def cloud(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "cloud")


def read(site: AtlassianSite, *, cloud: bool = True) -> dict[str, tuple[Fact, ...]]:
    source = jira(site, cloud=cloud)
    return {each.id: each.facts for each in source.read("SRE", list(source.scan("SRE", None).refs))}


def made(fields: dict[str, Any], comments: Any = (), remote: Any = (), names: Any = None) -> list[Fact]:
    """Return the facts of an issue that says this."""
    frame = Document("jira", "SRE", "SRE-1", "v", "issue", "", "")
    document = document_of(
        frame, {"fields": fields}, comments, [], remote, names or {}, browse_url="https://x.example/", adf=False
    )
    return list(document.facts)


def short(facts: Any) -> set[tuple[str, str, str]]:
    return {(fact.relation, fact.target, fact.label) for fact in facts}


def test_an_issue_says_who_did_what(site: AtlassianSite, cloud: bool) -> None:
    key = site.put_issue("SRE", "x", creator="bob", reporter="ann", assignee="bob")
    site.comment_issue(key, "words", author="ann")
    site.comment_issue(key, "more words", author="ann")
    site.comment_issue(key, "secret", author="bob", visibility=("role", "Administrators"))
    facts = read(site, cloud=cloud)[key]
    account = "account:" if cloud else "account:jira/key-"
    people = [(f.relation, f.target, f.name) for f in facts if f.kind == "person" and not f.subject]
    assert people == [
        ("authored_by", f"{account}bob", "Bob Ray"),
        ("reported_by", f"{account}ann", "Ann Lee"),
        ("assigned_to", f"{account}bob", "Bob Ray"),
        ("commented_on_by", f"{account}ann", "Ann Lee"),
    ]
    same = {(f.subject, f.target) for f in facts if f.relation == "same_as"}
    assert (f"{account}ann", "email:ann@example.com") in same
    assert len(same) == len([f for f in facts if f.relation == "same_as"])


def test_links_have_their_real_names_and_words_both_ways(site: AtlassianSite, cloud: bool) -> None:
    one, two = site.put_issue("SRE", "one"), site.put_issue("SRE", "two")
    site.link_issues(one, "Blocks", two, "is blocked by", "blocks")
    site.link_issues(one, "Duplicate", two, "is duplicated by", "duplicates")
    site.link_issues(one, "Cloners", two, "is cloned by", "clones")
    site.link_issues(one, "Problem/Incident", two, "is caused by", "causes")
    site.link_issues(one, "Relates", two, "relates to", "relates to")
    site.link_issues(one, "Polaris", two, "is implemented by", "implements")
    site.link_issues(one, "Bremst", two, "wird gebremst von", "blocks")
    facts = read(site, cloud=cloud)
    kind = {fact.relation: {f.kind for f in facts[one] if f.relation == fact.relation} for fact in facts[one]}
    assert kind["blocks"] == {"issue"}
    assert short(f for f in facts[one] if f.kind == "issue") == {
        ("blocks", two, "blocks"),
        ("duplicates", two, "duplicates"),
        ("clones", two, "clones"),
        ("causes", two, "causes"),
        ("relates_to", two, "relates to"),
        ("relates_to", two, "implements"),
    }
    assert short(f for f in facts[two] if f.kind == "issue") == {
        ("blocked_by", one, "is blocked by"),
        ("blocked_by", one, "wird gebremst von"),
        ("duplicated_by", one, "is duplicated by"),
        ("cloned_by", one, "is cloned by"),
        ("caused_by", one, "is caused by"),
        ("related_from", one, "relates to"),
        ("related_from", one, "is implemented by"),
    }


def test_an_issue_has_its_place_labels_and_addresses(site: AtlassianSite, cloud: bool) -> None:
    site.add_field("Epic Link", "any")
    epic = site.put_issue("SRE", "epic")
    key = site.put_issue("SRE", "x", parent=epic, labels=["disk", "On Call"], **{"Epic Link": epic})
    below = site.put_issue("SRE", "below", parent=key)
    site.remote_link(key, "https://x.example/a?b=c", "The page", "mentioned in")
    facts = read(site, cloud=cloud)
    assert [f.target for f in facts[key] if f.relation == "child_of"] == [epic]
    assert [f.target for f in facts[key] if f.relation == "parent_of"] == [below]
    assert [f.target for f in facts[key] if f.relation == "labelled"] == ["disk", "On Call"]
    assert [f for f in facts[key] if f.kind == "url"] == [
        Fact("links_to", "url", "https://x.example/a?b=c", "The page", "mentioned in")
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"issuelinks": None, "labels": None, "parent": None, "subtasks": None, "reporter": None},
        {"issuelinks": "x", "labels": "x", "parent": "x", "subtasks": [1], "reporter": 7, "creator": []},
        {"issuelinks": [{}, None, {"type": {}, "outwardIssue": {"key": "no key"}}], "labels": ["", None, {}]},
        {"parent": {"key": "SRE-1; DROP"}, "epic": {"key": 7}, "subtasks": [{"key": ""}]},
        {"reporter": {}, "assignee": {"displayName": "Ann"}, "creator": {"emailAddress": "ann@example.com"}},
    ],
)
def test_what_is_missing_or_mad_says_nothing(fields: dict[str, Any]) -> None:
    assert made(fields, [{}, {"author": None}], [{}, {"object": None}, {"object": {"url": ""}}]) == []


def test_a_person_without_an_address_is_an_account_alone() -> None:
    assert made({"reporter": {"accountId": "5b10", "displayName": "Ann", "emailAddress": "hidden"}}) == [
        Fact("reported_by", "person", "account:5b10", "Ann")
    ]


def test_what_a_file_cannot_hold_is_replaced() -> None:
    facts = made(
        {
            "labels": ["a\0b", "\ud800"],
            "reporter": {"accountId": "x\0", "displayName": "\udfff", "emailAddress": "A\0@x"},
        },
        remote=[{"object": {"url": "https://x/\0", "title": "\0"}, "relationship": "\ud800"}],
    )
    assert {fact.relation for fact in facts} == {"labelled", "reported_by", "same_as", "links_to"}
    for fact in facts:
        for text in (fact.target, fact.name, fact.label, fact.subject):
            assert "\0" not in text
            text.encode()


def test_an_epic_is_found_by_the_name_of_its_field() -> None:
    names = {"customfield_1": "Epic Link", "customfield_2": "Other"}
    found = made({"customfield_1": "SRE-9", "customfield_2": "SRE-8", "epic": {"key": "SRE-7"}}, names=names)
    assert [fact.target for fact in found] == ["SRE-7", "SRE-9"]
