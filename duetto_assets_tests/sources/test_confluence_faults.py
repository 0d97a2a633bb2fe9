"""Whatever Confluence answers: nothing is lost, no head moves past what was read, and a later run repairs all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.sources.confluence import ConfluenceSource
from duetto_assets.sources.confluence_cloud import Cloud
from duetto_assets.sources.confluence_server import Server
from duetto_assets.sources.confluence_site import Space
from duetto_assets.stages.documents import reconcile_documents
from duetto_assets.stages.reconcile import settled_part
from duetto_assets_tests.sources.atlassian_worlds import ACCOUNT, EVERYONE, session_of
from duetto_assets_tests.sources.test_confluence import BOTH, CLOUD, Wiki
from duetto_assets_tests.wire import atlassian_http as http
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer, Fault, Request

FAULTS: dict[str, tuple[Callable[[], Fault], type[SourceError]]] = {
    "401": (http.unauthorized, GiveUp),
    "403": (http.forbidden, GiveUp),
    "404": (http.not_found, GiveUp),
    "410": (http.gone, GiveUp),
    "302": (lambda: Answer(302, b"", {"Location": "/login"}), GiveUp),
    "429": (http.rate_limited, RetryLater),
    "429 and a long pause": (lambda: http.rate_limited(3600), RetryLater),
    "429 and a pause that is no number": (lambda: http.rate_limited("soon"), RetryLater),
    "500": (http.broken, RetryLater),
    "503": (lambda: http.broken(503), RetryLater),
    "a body cut off": (http.cut_off, RetryLater),
    "a sign-in page": (http.html, RetryLater),
    "a list": (http.not_an_object, RetryLater),
    "no rows": (http.without_results, RetryLater),
    "half a JSON": (lambda: Answer(200, b'{"results": ['), RetryLater),
}
FEWER = ["401", "403", "404", "429 and a long pause", "500", "a body cut off", "a sign-in page", "a list"]
PLACES = {  # of a scan; the listing's second page is of the blog posts
    "pages": r"v2/spaces/\d+/pages|/content\?.*type=page",
    "posts": r"v2/spaces/\d+/blogposts|/content\?.*type=blogpost",
}


@pytest.fixture
def wiki(request: pytest.FixtureRequest, atlassian: AtlassianSite, tmp_path: Path) -> Wiki:
    made = Wiki(atlassian, tmp_path, cloud=getattr(request, "param", "cloud") == "cloud")
    top = made.put("Top")
    made.site.comment(made.put("Page", parent=top), "<p>a comment</p>")
    made.put("Post", kind="blogpost")
    made.sync()
    return made


def edited(wiki: Wiki) -> None:
    """Change what there is: a page is edited, one is added, one deleted, and one commented on."""
    first, second, *_ = sorted(wiki.site.pages)
    wiki.site.edit_page(first, "<p>another text</p>")
    wiki.site.comment(second, "<p>another comment</p>")
    wiki.put("New")
    wiki.site.delete_page(wiki.put("Short-lived"))


def whole_after(wiki: Wiki, name: str) -> None:
    """Fail unless a run after all is well makes the index what the site is, and the next has nothing to do."""
    wiki.site.heal()
    wiki.sync(census=True)
    assert wiki.held() == wiki.truth(name)
    assert settled_part(wiki.head()) == wiki.source().heads()["ENG"]
    counts = wiki.sync(census=True)
    assert (counts.added, counts.changed, counts.deleted) == (0, 0, 0)


@BOTH
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_listing_that_fails_changes_nothing(wiki: Wiki, fault: str, place: str) -> None:
    make, error = FAULTS[fault]
    before, head = wiki.held(), wiki.head()
    edited(wiki)
    wiki.site.fail(re.compile(PLACES[place]), make(), times=None)
    with pytest.raises(error) as caught:
        wiki.sync(census=place == "posts")
    assert (wiki.held(), wiki.head()) == (before, head)
    assert "made-up-token" not in str(caught.value)
    assert "limit=" not in str(caught.value)
    if place == "pages":
        whole_after(wiki, "after")


@BOTH
@pytest.mark.parametrize("fault", [*FEWER, "no rows"])
def test_a_head_that_cannot_be_asked_is_an_error_and_no_empty_site(wiki: Wiki, fault: str) -> None:
    make, error = FAULTS[fault]
    known = wiki.known()
    wiki.site.fail(re.compile("spaces|/space"), make(), times=None)
    with pytest.raises(error):
        wiki.source().heads(known)
    wiki.site.heal()
    wiki.site.fail(re.compile("v2/pages|content/search"), make(), times=None)
    with pytest.raises(error):
        wiki.source().heads(known)


@BOTH
@pytest.mark.parametrize("fault", FEWER)
def test_a_body_that_cannot_be_read_is_named_and_the_others_go_on(wiki: Wiki, fault: str) -> None:
    make, _ = FAULTS[fault]
    before = wiki.held()
    edited(wiki)
    bad = str(min(wiki.site.pages))
    alone = f"v2/pages/{bad}?" if wiki.cloud else f"api/content/{bad}?expand=body"
    wiki.site.fail(lambda request: "id=" + bad in request.line or alone in request.line, make(), times=None)
    if fault == "401":
        with pytest.raises(GiveUp):
            wiki.sync()
    else:
        counts = wiki.sync()
        assert counts.unread.keys() == {bad}
        assert wiki.held()[bad][2:] == before[bad][2:]
        assert any(row[3] == "New" for row in wiki.held().values())
        assert wiki.head() != wiki.source().heads()["ENG"]
    whole_after(wiki, "after")


@BOTH
@pytest.mark.parametrize("fault", ["401", "403", "500"])
@pytest.mark.parametrize("what", ["comment", "restriction", "permissions", "user/current", "attachment", "label"])
def test_what_belongs_to_pages_may_fail_and_nothing_is_lost_or_shown(wiki: Wiki, what: str, fault: str) -> None:
    wiki.site.restrict_page(min(wiki.site.pages), users=[wiki.site.me.account_id])
    wiki.sync(census=True)
    before = wiki.held()
    edited(wiki)
    make, _ = FAULTS[fault]
    wiki.site.fail(lambda request: what in request.line, make(), times=None)
    for census in (False, True):
        try:
            wiki.sync(census=census)
        except SourceError:
            assert wiki.held().keys() >= before.keys()
        assert wiki.held().keys() >= before.keys()
    restricted = str(min(wiki.site.pages))
    assert "all" not in wiki.held()[restricted][10:]
    whole_after(wiki, "after")


@BOTH
@pytest.mark.parametrize("fault", ["429", "500", "a body cut off", "a sign-in page"])
def test_a_passing_fault_is_not_even_noticed(wiki: Wiki, fault: str) -> None:
    edited(wiki)
    wiki.site.fail("/", FAULTS[fault][0](), times=1, after=3)
    assert not wiki.sync().unread
    whole_after(wiki, "after")


@BOTH
def test_a_token_that_is_refused_with_an_empty_site_gives_up(wiki: Wiki) -> None:
    before, head, known = wiki.held(), wiki.head(), wiki.known()
    wiki.site.refused = "looks_empty"
    wiki.site.accept(ACCOUNT, "another-token")
    with pytest.raises(GiveUp):
        wiki.source().heads(known)
    source = wiki.source()
    source._spaces["ENG"] = wiki_space(wiki)
    with pytest.raises(GiveUp):
        reconcile_documents(source, "ENG", wiki.index, census=True)
    assert (wiki.held(), wiki.head()) == (before, head)
    wiki.site.tokens.clear()
    whole_after(wiki, "after")


def wiki_space(wiki: Wiki) -> Space:
    """Return ENG as an earlier listing gave it."""
    wiki.site.tokens, kept = {}, wiki.site.tokens
    source = wiki.source()
    source.heads()
    wiki.site.tokens = kept
    return source._spaces["ENG"]


@BOTH
@pytest.mark.parametrize("place", ["spaces", "pages", "body"])
def test_silence_ends_in_an_error(wiki: Wiki, place: str) -> None:
    before = wiki.held()
    edited(wiki)
    url = wiki.site.confluence_url if wiki.cloud else wiki.site.confluence_dc_url
    session = session_of(url, timeout_s=0.1)
    source = ConfluenceSource((Cloud if wiki.cloud else Server)(url, session, EVERYONE), session, account=ACCOUNT)
    pattern = {"spaces": "/spaces?\\?", "pages": PLACES["pages"], "body": "body"}[place]
    wiki.site.fail(re.compile(pattern), http.stalled(), times=None)
    if place == "body":
        assert reconcile_documents(source, "ENG", wiki.index).unread
    else:
        with pytest.raises(RetryLater, match="no answer"):
            reconcile_documents(source, "ENG", wiki.index)
    assert wiki.held().keys() >= before.keys()
    whole_after(wiki, "after")


@CLOUD
def test_a_repeated_page_token_is_an_error(wiki: Wiki) -> None:
    wiki.site.check = None
    wiki.site.bulk(pages=600, space="ENG")
    wiki.sync()
    before, head = wiki.held(), wiki.head()
    wiki.site.fail(re.compile(PLACES["pages"]), http.repeated_cursor(), times=None)
    with pytest.raises(RetryLater, match="token"):
        wiki.sync()
    wiki.site.heal()
    wiki.site.fail("content/search", http.repeated_cursor(), times=None)
    with pytest.raises(RetryLater, match="token"):
        wiki.sync(census=True)
    assert (wiki.held(), wiki.head()) == (before, head)


@pytest.mark.parametrize("wiki", ["datacenter"], indirect=True)
def test_a_page_deleted_while_pages_are_listed_by_position_hides_no_other(wiki: Wiki) -> None:
    wiki.site.check = None
    wiki.site.bulk(pages=600, space="ENG")
    wiki.sync()
    before = wiki.held()

    def deleting(request: Request, true: Answer) -> Answer:
        wiki.site.delete_page(min(wiki.site.pages))
        return true

    wiki.site.fail(re.compile(PLACES["pages"]), deleting, times=1)
    with pytest.raises(RetryLater, match="moved"):
        wiki.sync()
    assert wiki.held() == before
    assert wiki.sync().deleted == 1


@BOTH
def test_a_server_that_gives_one_page_for_ever_is_an_error(wiki: Wiki) -> None:
    def again(request: Request, true: Answer) -> Answer:
        return Answer(200, true.body | {"_links": {"next": f"{request.path}?cursor=abc&start=25"}})

    wiki.site.fail(re.compile(PLACES["pages"]), again, times=None)
    with pytest.raises(RetryLater):
        wiki.sync()


@BOTH
@pytest.mark.parametrize("census", [False, True])
def test_a_page_that_vanishes_between_listing_and_reading_is_left_for_the_next_look(wiki: Wiki, census: bool) -> None:
    before = wiki.held()
    first, second, *_ = sorted(wiki.site.pages)
    for page in (first, second):
        wiki.site.edit_page(page, "<p>edited</p>")
    source = wiki.source()
    site_bodies = source._site.bodies

    def bodies(pages):  # type: ignore[no-untyped-def]
        wiki.site.delete_page(first)
        source._site.bodies = site_bodies  # type: ignore[method-assign]
        return site_bodies(pages)

    source._site.bodies = bodies  # type: ignore[method-assign]
    counts = reconcile_documents(source, "ENG", wiki.index, census=census)
    assert counts.unread == {str(first): "vanished since it was listed"}
    assert wiki.held().keys() == before.keys()
    assert "edited" in wiki.held()[str(second)][4]
    whole_after(wiki, "after")


@BOTH
@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_differs_hides_no_edit(wiki: Wiki, hours: int) -> None:
    wiki.site.now += timedelta(hours=hours)
    page = wiki.put("Page", space="OPS")
    wiki.sync("OPS")
    assert wiki.source().heads(wiki.known())["OPS"] == wiki.head("OPS")
    wiki.site.edit_page(page, "<p>edited</p>")
    assert wiki.source().heads(wiki.known())["OPS"] != wiki.head("OPS")
    assert wiki.sync("OPS").changed == 1
    wiki.put("New")  # in ENG, whose pages bear another clock's times
    assert wiki.sync().added == 1
    assert wiki.held() == wiki.truth("now", ["ENG", "OPS"])


@BOTH
def test_a_site_that_is_not_well_ends_the_reading(wiki: Wiki) -> None:
    before = wiki.held()
    for number in range(15):
        wiki.put(f"Page {number}")
    wiki.site.fail("body", http.broken(), times=None)
    with pytest.raises(RetryLater, match="not well"):
        wiki.sync()
    assert wiki.held() == before
    assert settled_part(wiki.head()) != wiki.source().heads()["ENG"]
    whole_after(wiki, "after")
