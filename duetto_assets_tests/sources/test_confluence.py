"""What the source `confluence` lists, reads, and says of who may read it, on Cloud and Data Center."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from duetto_assets.errors import GiveUp, Lost
from duetto_assets.model import Document
from duetto_assets.sources.base import Heads
from duetto_assets.sources.confluence import ConfluenceSource, Policy
from duetto_assets.stages.documents import DocumentCounts, reconcile_documents
from duetto_assets.store.index import Index
from duetto_assets_tests.sources.atlassian_worlds import ACCOUNT, confluence
from duetto_assets_tests.stages.worlds import rows
from duetto_assets_tests.wire import atlassian_http as http
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer, Request

CLOUD = pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
BOTH = pytest.mark.parametrize("wiki", ["cloud", "datacenter"], indirect=True)
ANN, BEN = "id-ann", "id-ben"


@dataclass
class Wiki:
    """The spaces ENG and OPS, and the index of them. Each question comes from a new process."""

    site: AtlassianSite
    folder: Path
    cloud: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    granted: list[Any] = field(default_factory=list)  # what Data Center says of ENG

    def __post_init__(self) -> None:
        self.index = Index(str(self.folder / "index"))
        self.site.add_user(ANN, "Ann Lee", "ann@example.com")
        self.site.add_user(BEN, "Ben Roy", "ben@example.com")
        self.site.add_space("ENG", "Engineering")
        self.site.add_space("OPS", "Operations")

    def source(self, **options: Any) -> ConfluenceSource:
        return confluence(self.site, cloud=self.cloud, **{**self.options, **options})

    def sync(self, space: str = "ENG", **options: Any) -> DocumentCounts:
        return reconcile_documents(self.source(), space, self.index, **options)

    def put(self, title: str, body: str = "<p>words</p>", space: str = "ENG", **fields: Any) -> str:
        return self.site.put_page(space, title, body, **fields)

    def held(self) -> dict[str, tuple[Any, ...]]:
        return held(self.index)

    def truth(self, name: str, spaces: Sequence[str] = ("ENG",)) -> dict[str, tuple[Any, ...]]:
        """Return what an index holds that was made from nothing."""
        index = Index(str(self.folder / f"truth {name}"))
        for space in spaces:
            reconcile_documents(self.source(), space, index)
        return held(index)

    def head(self, space: str = "ENG") -> str:
        return self.index.partition("confluence", space).head

    def known(self) -> dict[str, str]:
        return {space: self.head(space) for space in ("ENG", "OPS")}

    def read(self, space: str = "ENG", **options: Any) -> dict[str, Document]:
        source = self.source(**options)
        return {each.id: each for each in source.read(space, list(source.scan(space, None).refs))}

    def access(self, page: str, space: str = "ENG") -> tuple[str, ...]:
        """Return who may read a page; the listing of all and the reading of one must agree."""
        found = self.read(space)[page]
        source = self.source()
        edited = next(ref for ref in source.scan(space, "another").refs if ref.id == page)
        alone = next(iter(source.read(space, [edited])))
        assert (alone.access, alone.version) == (found.access, found.version)
        return found.access

    def permissions(self, *groups: str) -> None:
        """Say who may read ENG, the way each edition does."""
        self.site.set_space_permissions("ENG", [f"group:{each}" for each in groups])
        if not self.granted:
            self.site.fail(
                "rest/api/space/ENG/permissions", lambda request, true: Answer(200, self.granted), times=None
            )
        read = {"operationKey": "read", "targetType": "space"}
        self.granted = [{"operation": read, "subject": {"type": "group", "name": each}} for each in groups]


def held(index: Index) -> dict[str, tuple[Any, ...]]:
    """Return everything that the index holds of each page."""
    names = ("partition", "version", "kind", "title", "text", "path", "url", "author", "updated_at", "skipped")
    return {row["doc_id"]: (*(row[name] for name in names), *row["access"]) for row in rows(index.documents).values()}


@pytest.fixture
def wiki(request: pytest.FixtureRequest, atlassian: AtlassianSite, tmp_path: Path) -> Wiki:
    return Wiki(atlassian, tmp_path, cloud=getattr(request, "param", "cloud") == "cloud")


def change(path: str, make: Any) -> tuple[Any, Any]:
    """Return a fault that bends true answers of a path."""
    return re.compile(path), lambda request, true: Answer(true.status, make(true.body), true.headers)


# Listing and documents


@BOTH
def test_pages_and_blog_posts_are_listed_and_drafts_archive_and_trash_are_not(wiki: Wiki) -> None:
    page, post = wiki.put("Page"), wiki.put("Post", kind="blogpost")
    wiki.site.unpublish_page(wiki.put("Draft"))
    wiki.site.archive_page(wiki.put("Archived"))
    wiki.site.delete_page(wiki.put("Trashed"))
    wiki.put("Elsewhere", space="OPS")
    assert wiki.read().keys() == {page, post}


@BOTH
def test_a_space_of_blog_posts_only_and_an_empty_one_are_read_to_their_end(wiki: Wiki) -> None:
    wiki.put("Post", kind="blogpost")
    assert wiki.sync().added == 1
    assert wiki.sync("OPS").added == 0
    assert wiki.source().heads(wiki.known()) == wiki.source().heads() == wiki.known()


@BOTH
def test_a_document_has_its_place_author_labels_comments_and_attachments(wiki: Wiki) -> None:
    top = wiki.put("Top")
    page = wiki.put("A / B", "<p>the body</p>", parent=top, author=ANN, labels=["beta", "alpha"])
    wiki.site.attach(page, "plan.pdf")
    wiki.site.comment(page, "<p>first</p>", author=BEN)
    found = wiki.read()[page]
    assert (found.title, found.path, found.author) == ("A / B", "Top/A ∕ B", "Ann Lee")  # noqa: RUF001
    assert found.updated_at is not None
    assert found.url.startswith(wiki.site.url)
    assert page in found.url
    wanted = ["# A / B", "the body", "Labels: alpha, beta", "## Comments", "Ben Roy", "first", "## Attachments"]
    places = [found.text.index(each) for each in [*wanted, "- plan.pdf"]]
    assert places == sorted(places)


@BOTH
def test_comments_stand_in_order_with_names_and_answers_are_there(wiki: Wiki) -> None:
    page = wiki.put("Page")
    first = wiki.site.comment(page, "<p>one</p>", author=ANN)
    wiki.site.comment(page, "<p>two</p>", author=BEN)
    answer = wiki.site.comment(page, "<p>answer</p>", reply_to=first, author=BEN)
    wiki.site.comment(page, "<p>deeper</p>", reply_to=answer, author=ANN)
    marked = wiki.site.comment(page, "<p>inline</p>", inline="the words", author=ANN)
    wiki.site.resolve_comment(marked)
    wiki.site.edit_comment(first, "<p>one</p>")  # its time is later now
    text = wiki.read()[page].text
    order = ["one", "answer", "deeper", "two", "inline"] if wiki.cloud else ["one", "two", "answer", "deeper", "inline"]
    places = [text.index(f"{each}\n") for each in order]
    assert places == sorted(places)
    assert "> the words" in text
    assert "(resolved)" in text
    assert text.count("Ann Lee") >= 3
    assert text.count("Ben Roy") == 2


TITLES = ["../x", "a/../../b", 'it\'s "quoted" `so`', "nul \0 nul", "half \ud800 one", "</script>", "x" * 300, "", " "]


@BOTH
@pytest.mark.parametrize("title", TITLES)
def test_a_hostile_title_can_be_stored_and_is_one_step_of_a_path(wiki: Wiki, title: str) -> None:
    page = wiki.put("page")
    child = wiki.put("child", parent=page)

    def named(body: Any) -> Any:
        for row in body.get("results", [body]):
            if row.get("id") == page:
                row["title"] = title
        return body

    wiki.site.fail(
        re.compile("/(pages|content)"),
        lambda request, true: Answer(true.status, json.dumps(named(dict(true.body))).encode(), true.headers),
        times=None,
    )
    wiki.site.check = None
    wiki.sync()
    stored = wiki.held()
    assert stored[child][5].count("/") == 1
    for value in (stored[page][3], stored[page][5], stored[page][4]):
        assert "\0" not in value
        value.encode("utf-8")
    assert wiki.sync(census=True).changed == 0


@BOTH
def test_a_listing_that_gives_fewer_than_asked_is_read_to_its_end(wiki: Wiki) -> None:
    pages = {wiki.put(f"Page {number}", labels=["x"]) for number in range(12)}

    def capped(request: Request) -> bool:
        for name in ("limit",):
            if name in request.query:
                request.query[name] = ["5"]
        return False

    wiki.site.fail(capped, Answer(500), times=None)
    found = wiki.read()
    assert found.keys() == pages
    assert all("Labels: x" in each.text for each in found.values())


@CLOUD
def test_a_link_to_the_next_page_may_be_absolute(wiki: Wiki) -> None:
    wiki.site.check = None
    pages = {wiki.put(f"Page {number:03}") for number in range(255)}
    wiki.site.fail(
        *change("spaces/.*/pages", lambda body: body | {"_links": {
            name: f"{wiki.site.url}{link}" if name == "next" else link for name, link in body["_links"].items()
        }}), times=None,
    )  # fmt: skip
    assert {ref.id for ref in wiki.source().scan("ENG", "x").refs} == pages


@BOTH
def test_fields_that_are_missing_or_null_do_no_harm(wiki: Wiki) -> None:
    page = wiki.put("Page")

    def bare(body: Any) -> Any:
        keep = {"id", "title", "version", "body", "spaceId", "space"}
        if "results" not in body:
            return {"extra": {"a": 1}, "status": None} | {k: v for k, v in body.items() if k in keep}
        return body | {"results": [{k: v for k, v in row.items() if k in keep} | {"status": None, "x": []}
                                   for row in body["results"]]}  # fmt: skip

    wiki.site.check = None
    wiki.site.fail(*change("(/pages|/content)(/\\d+)?\\?", bare), times=None)
    found = wiki.read()[page]
    assert (found.title, found.kind) == ("Page", "page")


@BOTH
def test_an_incremental_read_then_a_census_then_another_read_nothing_twice(wiki: Wiki) -> None:
    page, other = wiki.put("Page"), wiki.put("Other", labels=["x"])
    first = wiki.site.comment(page, "<p>one</p>")
    wiki.site.comment(page, "<p>answer</p>", reply_to=first)
    wiki.site.attach(page, "a.txt")
    wiki.sync()
    wiki.site.edit_page(page, "<p>new</p>")
    counts = wiki.sync()
    assert (counts.changed, counts.unchanged) == (1, 1)
    assert wiki.sync(census=True).changed <= 1
    before = wiki.held()
    counts = wiki.sync(census=True)
    assert (counts.changed, counts.unchanged) == (0, 2)
    assert wiki.held() == before == wiki.truth("once")
    assert other in before


@CLOUD
def test_without_the_optional_calls_everything_is_found_page_by_page(wiki: Wiki) -> None:
    page = wiki.put("Page", labels=["x"])
    wiki.put("Gone")
    wiki.site.attach(page, "a.txt")
    first = wiki.site.comment(page, "<p>one</p>")
    wiki.site.comment(page, "<p>answer</p>", reply_to=first)
    whole = wiki.read()[page]
    site_wide = re.compile(r"v2/(attachments|footer-comments|inline-comments)\?|content/labels")
    wiki.site.fail(site_wide, http.not_found(), times=None)
    wiki.site.content_search = False
    assert wiki.read()[page] == whole


@CLOUD
def test_a_page_whose_labels_are_refused_does_not_stop_a_census(wiki: Wiki) -> None:
    page, other = wiki.put("Page"), wiki.put("Other")
    wiki.sync()
    wiki.site.fail("content/labels", http.not_found(), times=None)
    wiki.site.fail(f"pages/{page}/labels", http.forbidden(), times=None)
    wiki.site.edit_page(other, "<p>new</p>")
    counts = wiki.sync(census=True)
    assert (counts.changed, counts.unchanged) == (1, 1)


@CLOUD
def test_more_pages_than_a_search_gives_at_once_are_all_found_restricted_or_not(wiki: Wiki) -> None:
    wiki.site.check = None
    pages = [wiki.put(f"Page {number:03}") for number in range(230)]
    wiki.site.restrict_page(pages[-1], users=[ANN])
    wiki.site.requests.clear()
    found = wiki.read()
    assert found[pages[-1]].access == ("ann@example.com", ANN)
    assert found[pages[0]].access == ("all",)
    assert wiki.site.requests.count("content/search") == 3
    assert wiki.site.requests.count("/restriction") == 0


@BOTH
def test_a_source_that_lives_on_sees_comments_and_members_of_now(wiki: Wiki) -> None:
    page, elsewhere = wiki.put("Page"), wiki.put("Elsewhere", space="OPS")
    wiki.permissions("staff")
    wiki.site.add_group("staff", [ANN])
    wiki.site.restrict_page(page, users=[BEN])
    source = wiki.source()
    for space in ("ENG", "OPS"):
        reconcile_documents(source, space, wiki.index)
    assert wiki.held()[page][10:] == (ACCOUNT,)
    wiki.site.comment(page, "<p>late</p>")
    wiki.site.comment(elsewhere, "<p>later</p>")
    wiki.site.add_group("staff", [ANN, BEN])
    for space in ("ENG", "OPS"):
        reconcile_documents(source, space, wiki.index, census=True)
    assert "late" in wiki.held()[page][4]
    assert "later" in wiki.held()[elsewhere][4]
    assert ("ben@example.com" if wiki.cloud else "ben") in wiki.held()[page]


@CLOUD
def test_spaces_that_are_prefetched_share_one_listing_of_the_site(wiki: Wiki) -> None:
    wiki.put("Page")
    wiki.put("Elsewhere", space="OPS")
    source = wiki.source()
    source.prefetch(["ENG", "OPS"])
    for space in ("ENG", "OPS", "ENG"):
        source.scan(space, None)
    assert wiki.site.requests.count("/wiki/api/v2/attachments") == 2


# Policy


@BOTH
@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (Policy(), {"old", "often", "new"}),
        (Policy(recency_days=30), {"new"}),
        (Policy(version_threshold=5), {"often"}),
        (Policy(recency_days=30, version_threshold=5), {"often", "new"}),
    ],
)
def test_pages_are_indexed_that_were_edited_lately_or_often(wiki: Wiki, policy: Policy, wanted: set[str]) -> None:
    past = wiki.site.now - timedelta(days=90)
    wiki.put("old", modified=past)
    wiki.put("often", modified=past, version=5)
    wiki.put("new")
    found = wiki.read(policy=policy).values()
    assert {each.title for each in found if not each.skipped} == wanted
    assert all(each.access == (ACCOUNT,) and not each.text for each in found if each.skipped)


@BOTH
def test_a_page_that_grows_old_leaves_the_index_and_comes_back_with_an_edit(wiki: Wiki) -> None:
    page = wiki.put("Page")
    wiki.put("Other")
    wiki.options = {"policy": Policy(recency_days=30)}
    assert wiki.sync().added == 2
    wiki.options["now"] = lambda: wiki.site.now + timedelta(days=31)
    assert wiki.sync().skipped == 2
    wiki.site.now += timedelta(days=31)
    wiki.options.pop("now")
    wiki.options["now"] = lambda: wiki.site.now
    wiki.site.edit_page(page, "<p>again</p>")
    counts = wiki.sync()
    assert (counts.added, counts.skipped) == (1, 1)


# Heads


@BOTH
@pytest.mark.parametrize("posts", [False, True])
def test_two_calls_tell_that_nothing_changed_in_all_spaces(wiki: Wiki, posts: bool) -> None:
    for number in range(20):
        wiki.site.add_space(f"S{number}")
        wiki.put("Page", space=f"S{number}")
        if posts:  # then a new process looks at them first
            wiki.put("Post", space=f"S{number}", kind="blogpost")
    known = {key: str(head) for key, head in wiki.source().heads().items()}
    assert len(known) == 22
    wiki.site.requests.clear()
    source = wiki.source()
    assert source.heads(known) == known
    assert len(wiki.site.requests) == (3 if posts else 2)
    assert source.heads(known) == known
    assert len(wiki.site.requests) == (5 if posts else 4)


@BOTH
def test_an_edit_of_a_post_is_seen_at_the_second_look_at_the_latest(wiki: Wiki) -> None:
    post = wiki.put("Post", kind="blogpost")
    source = wiki.source()
    before = source.heads()
    wiki.site.edit_page(post, "<p>new</p>")
    looks: list[Heads] = [source.heads({"ENG": str(before["ENG"]), "OPS": str(before["OPS"])}) for _ in range(2)]
    assert any(look["ENG"] != before["ENG"] for look in looks)


@BOTH
def test_a_head_goes_back_when_the_newest_page_is_deleted(wiki: Wiki) -> None:
    wiki.put("Page")
    before = wiki.source().heads()
    page = wiki.put("Newer")
    after = wiki.source().heads()
    assert after["ENG"] != before["ENG"]
    wiki.site.delete_page(page)
    assert wiki.source().heads({"ENG": str(after["ENG"]), "OPS": str(after["OPS"])}) == before


@BOTH
def test_a_space_that_is_deleted_archived_or_hidden_is_lost_and_keeps_its_pages(wiki: Wiki) -> None:
    wiki.put("Page")
    wiki.put("Elsewhere", space="OPS")
    wiki.sync()
    wiki.sync("OPS")
    before = wiki.held()
    source = wiki.source()
    source.heads()
    ways: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (lambda: wiki.site.hide("ENG"), lambda: wiki.site.show("ENG")),
        (lambda: wiki.site.archive_space("ENG"), lambda: setattr(wiki.site.spaces["ENG"], "status", "current")),
        (lambda: wiki.site.delete_space("ENG"), lambda: None),
    ]
    for lose, mend in ways:
        lose()
        heads = wiki.source().heads(wiki.known())
        assert isinstance(heads["ENG"], Lost)
        assert heads["OPS"] == wiki.head("OPS")
        with pytest.raises(Lost):
            wiki.sync(census=True)
        assert wiki.held() == before
        mend()
        wiki.site.changes += 1
    with pytest.raises(Lost):
        reconcile_documents(source, "ENG", wiki.index)  # one that listed it before


@BOTH
def test_a_space_that_shows_nothing_any_more_is_looked_for_before_it_is_believed(wiki: Wiki) -> None:
    wiki.put("Page")
    wiki.sync()
    source = wiki.source()
    source.heads()
    wiki.site.fail(re.compile("spaces/.*/(pages|blogposts)|api/content\\?"), Answer(200, {"results": []}), times=None)
    wiki.site.hide("ENG")
    with pytest.raises(Lost):
        reconcile_documents(source, "ENG", wiki.index, census=True)
    assert wiki.held()


@BOTH
def test_personal_spaces_are_left_out_unless_asked_for_or_named(wiki: Wiki) -> None:
    wiki.site.add_space("~ann", "Ann", type="personal")
    assert wiki.source().heads().keys() == {"ENG", "OPS"}
    assert wiki.source(personal_spaces=True).heads().keys() == {"ENG", "OPS", "~ann"}
    assert wiki.source(spaces=["~ann"]).heads().keys() == {"~ann"}


@BOTH
def test_a_space_that_is_named_and_not_there_is_lost_and_others_go_on(wiki: Wiki) -> None:
    heads = wiki.source(spaces=["ENG", "NOPE"]).heads()
    assert isinstance(heads["NOPE"], Lost)
    assert isinstance(heads["ENG"], str)


@BOTH
def test_an_anonymous_account_gives_up_and_deletes_nothing(wiki: Wiki) -> None:
    wiki.put("Page")
    wiki.sync()
    before, head = wiki.held(), wiki.head()
    wiki.site.fail("user/current", Answer(200, {"type": "anonymous", "displayName": "Anonymous"}), times=None)
    wiki.site.fail(re.compile("spaces/.*/pages|api/content\\?"), Answer(200, {"results": []}), times=None)
    with pytest.raises(GiveUp, match="anonymous"):
        wiki.sync(census=True)
    wiki.site.hide("ENG")
    with pytest.raises(GiveUp, match="anonymous"):
        wiki.source().heads({"ENG": head})
    assert (wiki.held(), wiki.head()) == (before, head)


@BOTH
def test_a_token_refused_while_pages_were_listed_is_noticed(wiki: Wiki) -> None:
    wiki.put("Page")
    wiki.put("Post", kind="blogpost")
    wiki.sync()
    before = wiki.held()

    def refused_from_now(request: Request, true: Answer) -> Answer:
        wiki.site.fail("user/current", http.forbidden(), times=None)
        return Answer(200, {"results": []})

    wiki.site.fail(re.compile("spaces/.*/blogposts|type=blogpost"), refused_from_now, times=1)
    with pytest.raises(GiveUp):
        wiki.sync()
    assert wiki.held() == before


# Access


@BOTH
def test_everybody_is_who_the_globs_name(wiki: Wiki) -> None:
    page = wiki.put("Page")
    wiki.permissions("staff", "Confluence-Users-acme")
    assert wiki.access(page) == ("all",)
    wiki.permissions("staff")
    assert set(wiki.access(page)) == {"staff", ACCOUNT}


@CLOUD
def test_a_user_is_named_by_mail_and_id_and_one_without_mail_by_id(wiki: Wiki) -> None:
    page = wiki.put("Page")
    wiki.site.add_user("id-cid", "Cid")
    wiki.site.set_space_permissions("ENG", [f"user:{ANN}", "user:id-cid"])
    assert set(wiki.access(page)) == {"ann@example.com", ANN, "id-cid", ACCOUNT}


@CLOUD
@pytest.mark.parametrize(
    ("principal", "wanted"),
    [(("role", "all-licensed-users"), "all"), (("role", "anonymous-users"), "all"), (("role", "0f1c-viewer"), ACCOUNT)],
)
def test_a_role_is_everybody_only_where_its_name_says_so(wiki: Wiki, principal: tuple[str, str], wanted: str) -> None:
    page = wiki.put("Page")
    wiki.site.check = None
    wiki.site.set_space_permissions("ENG", [(*principal, "read", "space")])
    assert wiki.access(page) == (wanted,)


@CLOUD
@pytest.mark.parametrize("name", ["all licensed users of team a", "anonymous-bugs"])
def test_a_group_whose_name_sounds_like_everybody_is_a_group(wiki: Wiki, name: str) -> None:
    page = wiki.put("Page")
    wiki.permissions(name)
    assert set(wiki.access(page)) == {name, ACCOUNT}


@BOTH
def test_a_group_called_all_is_not_everybody(wiki: Wiki) -> None:
    page = wiki.put("Page")
    wiki.permissions("all")
    assert "all" not in wiki.access(page)
    wiki.site.restrict_page(page, groups=["all"])
    assert "all" not in wiki.access(page)


OPAQUE = {"403": http.forbidden(), "404": http.not_found(), "empty": Answer(200, {"results": []})}


@BOTH
@pytest.mark.parametrize("answer", OPAQUE)
def test_permissions_that_cannot_be_seen_leave_the_account_alone(wiki: Wiki, answer: str) -> None:
    page = wiki.put("Page")
    wiki.site.fail("/permissions", OPAQUE[answer], times=None)
    assert wiki.access(page) == (ACCOUNT,)


@BOTH
@pytest.mark.parametrize("answer", ["403", "404", "no lists"])
def test_restrictions_that_cannot_be_seen_leave_the_account_alone(wiki: Wiki, answer: str) -> None:
    page = wiki.put("Page")
    wiki.permissions("confluence-users")
    told = {**OPAQUE, "no lists": Answer(200, {"restrictions": {"_expandable": {"user": "", "group": ""}}})}[answer]
    wiki.site.fail("/restriction", told, times=None)
    wiki.site.fail(
        *change("expand=.*restrictions", lambda body: body | {"restrictions": {"read": {"_expandable": {}}}}
                if "results" not in body else body | {"results": [
                    row | {"restrictions": {"read": {"_expandable": {}}}} for row in body["results"]]}),
        times=None,
    )  # fmt: skip
    assert wiki.access(page) == (ACCOUNT,)


@CLOUD
@pytest.mark.parametrize("only", ["byOperation/read", "byOperation", "restriction"])
def test_one_of_the_calls_that_tell_restrictions_is_enough(wiki: Wiki, only: str) -> None:
    page, child = wiki.put("Page"), ""
    wiki.site.restrict_page(page, users=[ANN])
    child = wiki.put("Child", parent=page)
    wiki.site.content_search = False
    wiki.site.fail(
        lambda request: "/restriction" in request.path and not request.path.endswith(only), http.not_found(), times=None
    )
    assert wiki.access(page) == wiki.access(child) == ("ann@example.com", ANN)
    assert wiki.access(wiki.put("Free")) == ("all",)


@BOTH
def test_restrictions_wrapped_once_more_are_read(wiki: Wiki) -> None:
    page = wiki.put("Page")
    wiki.permissions("confluence-users")
    wiki.site.restrict_page(page, users=[ANN])
    wiki.site.content_search = False
    wiki.site.fail("byOperation/read", http.not_found(), times=None)
    wiki.site.fail(*change("byOperation", lambda body: {"restrictions": body, "get_links": {}}), times=None)
    assert "all" not in wiki.access(page)
    assert {"ann@example.com", "ann"} & set(wiki.access(page))


@BOTH
def test_a_restriction_to_somebody_unnamed_is_still_one(wiki: Wiki) -> None:
    page = wiki.put("Page")
    wiki.permissions("confluence-users")
    wiki.site.restrict_page(page, users=[ANN])

    def unnamed(body: Any) -> Any:
        for row in body.get("results", [body.get("read", body)]):
            lists = ((row.get("restrictions") or {}).get("read") or row).get("restrictions")
            if lists and "user" in lists:
                lists["user"]["results"] = [{"type": "unknown"} for _ in lists["user"]["results"]]
        return body

    wiki.site.fail(*change("restriction", unnamed), times=None)
    assert wiki.access(page) == (ACCOUNT,)


@BOTH
def test_a_page_under_restricted_ones_is_for_those_whom_all_of_them_name(wiki: Wiki) -> None:
    wiki.permissions("confluence-users")
    top = wiki.put("Top")
    middle = wiki.put("Middle", parent=top)
    leaf = wiki.put("Leaf", parent=middle)
    wiki.site.restrict_page(top, users=[ANN, BEN])
    wiki.site.restrict_page(leaf, users=[ANN])
    both, ann = ({"ann@example.com", ANN, "ben@example.com", BEN}, {"ann@example.com", ANN})
    if not wiki.cloud:
        both, ann = {"ann", "ben"}, {"ann"}
    assert set(wiki.access(middle)) == both
    assert set(wiki.access(leaf)) == ann
    wiki.site.restrict_page(leaf, users=[])
    wiki.site.restrict_page(middle, users=[wiki.site.me.account_id])
    assert wiki.access(leaf) == (ACCOUNT,)


@BOTH
@pytest.mark.parametrize("inside", [True, False])
def test_members_of_the_spaces_groups_are_looked_up_for_a_restriction_to_a_user(wiki: Wiki, inside: bool) -> None:
    page = wiki.put("Page")
    wiki.site.add_group("staff", [ANN] if inside else [BEN])
    wiki.permissions("staff")
    wiki.site.restrict_page(page, users=[ANN])
    found = wiki.access(page)
    assert wiki.site.requests.count("/member") > 0
    assert (ACCOUNT not in found) == inside
    assert "staff" not in found


@CLOUD
def test_folders_on_the_way_up_are_passed_and_what_is_above_them_counts(wiki: Wiki) -> None:
    top = wiki.put("Top")
    folder = wiki.site.add_folder("ENG", "Folder", parent=top)
    page = wiki.put("Page", parent=folder)
    assert wiki.access(page) == ("all",)
    wiki.site.restrict_page(top, users=[ANN])
    assert wiki.access(page) == ("ann@example.com", ANN)
    wiki.site.fail("v2/folders", http.not_found(), times=None)
    assert wiki.access(page) == (ACCOUNT,)


@CLOUD
@pytest.mark.parametrize("kind", ["whiteboard", "something new"])
def test_a_page_in_what_cannot_be_looked_into_is_for_the_account_alone(wiki: Wiki, kind: str) -> None:
    page = wiki.put("Page", parent="123")
    wiki.site.check = None
    wiki.site.pages[int(page)].parent_type = kind
    assert wiki.access(page) == (ACCOUNT,)


@BOTH
def test_a_page_below_an_unlisted_one_inherits_its_restriction(wiki: Wiki) -> None:
    wiki.permissions("confluence-users")
    top = wiki.put("Top")
    archived = wiki.put("Archived", parent=top)
    page = wiki.put("Page", parent=archived)
    wiki.site.restrict_page(archived, users=[ANN])
    wiki.site.archive_page(archived)
    assert "all" not in wiki.access(page)
    wiki.site.restrict_page(archived)
    wiki.site.restrict_page(top, users=[BEN])
    assert "all" not in wiki.access(page)
    wiki.site.restrict_page(top)
    wiki.site.hide(archived)
    if wiki.cloud:  # Data Center names no ancestor that it hides
        assert wiki.access(page) == (ACCOUNT,)


# Budgets


@BOTH
def test_one_edited_page_among_ten_thousand_costs_few_calls(wiki: Wiki) -> None:
    wiki.site.bulk(pages=10_000)
    source = wiki.source()
    head = str(source.heads()["BULK"])
    page = str(min(wiki.site.pages))
    wiki.site.edit_page(page, "<p>edited</p>")
    wiki.site.requests.clear()
    source = wiki.source()
    assert source.heads({"BULK": head, "ENG": "-|-", "OPS": "-|-"})["BULK"] != head
    assert len(wiki.site.requests) <= (2 if wiki.cloud else 3)
    wiki.site.requests.clear()
    refs = list(source.scan("BULK", head).refs)
    assert len(refs) == 10_000
    assert not wiki.site.requests.of(page)
    assert len(list(source.read("BULK", [ref for ref in refs if ref.id == page]))) == 1
    assert sum("body" in each.line and "comment" not in each.line for each in wiki.site.requests) == 1
    assert len([each for each in wiki.site.requests if page not in each.line]) <= 45
