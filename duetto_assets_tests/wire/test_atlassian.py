"""The stand-in Atlassian site answers as the vendors do, and says so when someone asks what they do not know."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from atlassian import Confluence, Jira

from duetto_assets_tests.wire import atlassian_http as faults
from duetto_assets_tests.wire import openapi
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.atlassian_http import Answer, Request
from duetto_assets_tests.wire.jql import BadQuery, Both, Clause, Either, Neither, parse

DATA = openapi.SPECS.parent / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")
needs_specs = pytest.mark.skipif(not openapi.present(), reason="../shared/specs is absent")


class Client:
    """Asks the site over one connection."""

    def __init__(self, site: AtlassianSite) -> None:
        self.site = site
        self.session = requests.Session()

    def get(self, path: str, expect: Any = 200, **query: Any) -> Any:
        answer = self.session.get(self.site.url + path, params=query, timeout=5)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def post(self, path: str, body: Any, expect: int = 200) -> Any:
        answer = self.session.post(self.site.url + path, json=body, timeout=5)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def every(self, path: str, **query: Any) -> list[Any]:
        """Return the rows of all pages of a Confluence listing."""
        page = self.get(path, **query)
        rows: list[Any] = page["results"]
        seen: set[str] = set()
        while link := page["_links"].get("next"):
            assert link not in seen
            seen.add(link)
            page = self.get(link if link.startswith("/wiki") else f"/{path.split('/')[1]}{link}")  # v1: to the context
            rows += page["results"]
        return rows

    def jql(self, jql: str, **body: Any) -> list[str]:
        """Return the keys of all pages of a search."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.post("/rest/api/3/search/jql", {"jql": jql, "fields": ["key"], **body, **token})
            found += [each["key"] for each in page["issues"]]
            if page["isLast"]:
                return found
            assert token != {"nextPageToken": page["nextPageToken"]}
            token = {"nextPageToken": page["nextPageToken"]}


@pytest.fixture
def client(atlassian: AtlassianSite) -> Iterator[Client]:
    made = Client(atlassian)
    yield made
    made.session.close()


@pytest.fixture
def pages(atlassian: AtlassianSite) -> list[str]:
    """Return the ids of seven pages of the space ENG, the first above the others."""
    atlassian.add_space("ENG", "Engineering")
    top = atlassian.put_page("ENG", "Home", "<p>Welcome</p>")
    return [top, *(atlassian.put_page("ENG", f"Page {n}", f"<p>Text {n}</p>", parent=top) for n in range(6))]


@pytest.fixture
def keys(atlassian: AtlassianSite) -> list[str]:
    """Return the keys of seven issues, a minute apart."""
    atlassian.add_project("SRE", "Reliability")
    start = datetime(2026, 1, 31, 8, 0, 30, tzinfo=UTC)
    return [
        atlassian.put_issue("SRE", f"Issue {n}", f"Text {n}", updated=start + timedelta(minutes=n)) for n in range(7)
    ]


def ids(rows: list[Any]) -> list[str]:
    return [each["id"] for each in rows]


@pytest.mark.parametrize("limit", [1, 3, 7, 250])
@pytest.mark.parametrize("sort", ["id", "-id", "modified-date", "-modified-date", "title", "-title"])
def test_every_page_is_listed_once_in_order(client: Client, pages: list[str], limit: int, sort: str) -> None:
    found = ids(client.every("/wiki/api/v2/pages", limit=limit, sort=sort))
    assert found == (pages[::-1] if sort.startswith("-") else pages)
    assert client.site.requests.count() == -(-len(pages) // limit)


def test_a_cursor_survives_an_edit_in_between(client: Client, pages: list[str]) -> None:
    first = client.get("/wiki/api/v2/pages", limit=3, sort="modified-date")
    client.site.edit_page(pages[1], "<p>new</p>")
    rest = client.every(first["_links"]["next"])
    assert ids(first["results"]) + ids(rest) == [*pages, pages[1]]


def test_the_link_header_and_the_body_name_the_same_page(client: Client, pages: list[str]) -> None:
    answer = client.session.get(f"{client.site.url}/wiki/api/v2/pages?limit=2", timeout=5)
    assert answer.links["next"]["url"] == answer.json()["_links"]["next"]
    assert answer.json()["_links"]["next"].startswith("/wiki/api/v2/pages?")


def test_what_moves_the_version_of_a_page(client: Client, pages: list[str]) -> None:
    site, page = client.site, pages[1]

    def state() -> tuple[int, str]:
        version = client.get(f"/wiki/api/v2/pages/{page}")["version"]
        return version["number"], version["createdAt"]

    before = state()
    site.add_space("OPS")
    site.move_page(page, space="OPS")
    site.restrict_page(page, users=[site.me.account_id], groups=["staff"])
    site.label(page, "howto")
    site.comment(page, "<p>Hello</p>")
    site.attach(page, "a.png")
    assert state() == before
    site.rename_page(page, "Other")
    assert state()[0] == 2
    assert state()[1] > before[1]


def test_a_page_is_told_in_full(client: Client, pages: list[str]) -> None:
    site, page = client.site, pages[1]
    site.label(page, "howto")
    found = client.get(f"/wiki/api/v2/pages/{page}", **{"body-format": "storage", "include-labels": "true"})
    assert found["body"]["storage"]["value"] == "<p>Text 0</p>"
    assert [each["name"] for each in found["labels"]["results"]] == ["howto"]
    assert found["parentId"] == pages[0]
    adf = client.get(f"/wiki/api/v2/pages/{page}", **{"body-format": "atlas_doc_format"})
    assert '"text": "Text 0"' in adf["body"]["atlas_doc_format"]["value"]
    label = client.get(f"/wiki/api/v2/pages/{page}/labels")["results"][0]["id"]
    assert ids(client.every(f"/wiki/api/v2/labels/{label}/pages")) == [page]


def test_statuses_of_pages(client: Client, pages: list[str]) -> None:
    site = client.site
    site.delete_page(pages[0])
    site.archive_page(pages[1])
    site.unpublish_page(pages[2])
    site.hide(pages[3])
    assert ids(client.every("/wiki/api/v2/pages")) == [pages[1], *pages[4:]]
    assert ids(client.every("/wiki/api/v2/pages", status="trashed")) == [pages[0]]
    assert client.get(f"/wiki/api/v2/pages/{pages[4]}")["parentId"] is None
    client.get(f"/wiki/api/v2/pages/{pages[3]}", expect=404)
    client.get(f"/wiki/api/v2/pages/{pages[2]}", expect=404)


def test_comments_are_roots_first_and_replies_below(client: Client, pages: list[str]) -> None:
    site, page = client.site, pages[1]
    footer = site.comment(page, "<p>Why?</p>")
    reply = site.comment(page, "<p>Because.</p>", reply_to=footer)
    inline = site.comment(page, "<p>Typo</p>", inline="Text")
    assert ids(client.every(f"/wiki/api/v2/pages/{page}/footer-comments")) == [footer]
    assert ids(client.every(f"/wiki/api/v2/footer-comments/{footer}/children")) == [reply]
    assert ids(client.every(f"/wiki/api/v2/pages/{page}/inline-comments")) == [inline]
    assert ids(client.every("/wiki/api/v2/footer-comments", **{"body-format": "storage"})) == [footer, reply]
    server = client.get(f"/confluence/rest/api/content/{page}/child/comment", depth="all", expand="body.storage")
    assert ids(server["results"]) == [footer, reply, inline]


def test_everything_else_of_confluence_answers(client: Client, pages: list[str]) -> None:
    site = client.site
    space = client.get("/wiki/api/v2/spaces", keys="ENG")["results"][0]["id"]
    blog = site.put_page("ENG", "News", "<p>New</p>", kind="blogpost", labels=["news"])
    folder = site.add_folder("ENG", "Drawer")
    file = site.attach(pages[0], "plan.pdf")
    site.move_page(pages[1], parent=folder)
    assert ids(client.every("/wiki/api/v2/blogposts", **{"space-id": space})) == [blog]
    assert ids(client.every(f"/wiki/api/v2/pages/{pages[0]}/attachments")) == [file]
    assert ids(client.every("/wiki/api/v2/attachments")) == [file]
    assert client.get(f"/wiki/api/v2/pages/{pages[1]}")["parentType"] == "folder"
    assert client.get(f"/wiki/api/v2/folders/{folder}")["title"] == "Drawer"
    for path in ("", "/permissions", "/pages", "/blogposts", "/content/labels"):
        client.get(f"/wiki/api/v2/spaces/{space}{path}")
    for path in ("", "/labels", "/attachments", "/footer-comments", "/inline-comments"):
        client.get(f"/wiki/api/v2/blogposts/{blog}{path}")
    found = client.post("/wiki/api/v2/users-bulk", {"accountIds": [site.me.account_id]})
    assert found["results"][0]["displayName"] == "Indexing Account"


def test_restrictions_in_v1(client: Client, pages: list[str]) -> None:
    site, page = client.site, pages[1]
    site.add_user("557058:ada", "Ada", "ada@example.com")
    group = site.add_group("staff", ["557058:ada"])
    site.restrict_page(page, users=["557058:ada"], groups=["staff"])
    found = client.get(f"/wiki/rest/api/content/{page}/restriction/byOperation/read")["restrictions"]
    assert [each["email"] for each in found["user"]["results"]] == ["ada@example.com"]
    assert ids(found["group"]["results"]) == [group]
    rows = client.every(
        "/wiki/rest/api/content/search",
        cql='space = "ENG" and type in (page, blogpost) order by lastmodified desc',
        expand="restrictions.read.restrictions.user,restrictions.read.restrictions.group",
        limit=3,
    )
    assert ids(rows) == pages[::-1]
    own = [each["restrictions"]["read"]["restrictions"]["user"]["results"] for each in rows]
    assert [len(each) for each in own] == [0, 0, 0, 0, 0, 1, 0]
    members = client.get(f"/wiki/rest/api/group/{group}/membersByGroupId")
    assert members["results"][0]["accountId"] == "557058:ada"


def test_what_cloud_no_longer_has_of_v1(client: Client, pages: list[str]) -> None:
    client.get(f"/wiki/rest/api/content/{pages[0]}", expect=410)
    client.get("/wiki/rest/api/space/ENG/permission", expect=405)
    client.site.content_search = False
    client.get("/wiki/rest/api/content/search", expect=404, cql="type = page")
    client.site.optional_v1 = False
    client.get(f"/wiki/rest/api/content/{pages[0]}/restriction", expect=404)


def test_confluence_data_center(client: Client, pages: list[str]) -> None:
    expand = (
        "version,ancestors,space,metadata.labels,restrictions.read.restrictions.user,body.storage,history.lastUpdated"
    )
    rows = client.every("/confluence/rest/api/content", spaceKey="ENG", type="page", limit=3, expand=expand)
    assert ids(rows) == pages
    assert ids(rows[1]["ancestors"]) == [pages[0]]
    assert rows[1]["body"]["storage"]["value"] == "<p>Text 0</p>"
    assert "accountId" not in client.get("/confluence/rest/api/user/current")
    found = client.get("/confluence/rest/api/content/search", cql="type in (page, comment) order by lastmodified desc")
    assert ids(found["results"]) == pages[::-1]


@pytest.mark.parametrize("most", [1, 3, 7, 100])
@pytest.mark.parametrize("order", ["updated ASC", "updated DESC", "key DESC", "created, key", "id"])
def test_every_issue_is_found_once_in_order(client: Client, keys: list[str], most: int, order: str) -> None:
    expected = keys[::-1] if "DESC" in order else keys
    assert client.jql(f"project = SRE ORDER BY {order}", maxResults=most) == expected
    assert client.site.requests.count() == -(-len(keys) // most)


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = SRE", [0, 1, 2, 3, 4, 5, 6]),
        ('project in ("SRE", ops)', [0, 1, 2, 3, 4, 5, 6, 7]),
        ('updated >= "2026-01-31 08:05" AND project = SRE', [5, 6]),
        ('project = SRE AND updated > "2026-01-31 08:05"', [6]),
        ('project = SRE AND updated <= "2026/01/31 08:01"', [0, 1]),
        (f"project = SRE AND updated >= {int(datetime(2026, 1, 31, 8, 5, 30, tzinfo=UTC).timestamp() * 1000)}", [5, 6]),
        (f"project = SRE AND updated > {int(datetime(2026, 1, 31, 8, 5, 30, tzinfo=UTC).timestamp() * 1000)}", [6]),
        ("key in (SRE-1, SRE-3)", [0, 2]),
        ("issuekey = SRE-2 OR key = sre-4", [1, 3]),
        ("project = SRE AND NOT (key = SRE-1 OR key = SRE-2) AND created < 2026-02-01", [2, 3, 4, 5, 6]),
        ("project = SRE AND statusCategory = Done", [1]),
        ("project = SRE AND statusCategory != Done AND labels = urgent", [2]),
        ("project = SRE AND labels is EMPTY AND key not in (SRE-1)", [1, 3, 4, 5, 6]),
    ],
)
def test_jql(client: Client, keys: list[str], jql: str, expected: list[int]) -> None:
    client.site.add_project("OPS")
    other = client.site.put_issue("OPS", "Elsewhere", updated=datetime(2026, 2, 2, tzinfo=UTC))
    client.site.edit_issue(keys[1], status="Done", updated=datetime(2026, 1, 31, 8, 1, 31, tzinfo=UTC))
    client.site.edit_issue(keys[2], labels=["urgent"], updated=datetime(2026, 1, 31, 8, 2, 31, tzinfo=UTC))
    assert client.jql(f"{jql} ORDER BY updated") == [[*keys, other][n] for n in expected]


@pytest.mark.parametrize(
    ("jql", "part"),
    [
        ("project = NONE", "'NONE' does not exist for the field 'project'"),
        ("key = SRE-99", "SRE-99"),
        ("project = SRE AND", "Expecting a value"),
        ("project SRE", "Expecting operator"),
        ("colour = red", "Field 'colour' does not exist"),
        ("updated >= yesterday", "yesterday"),
        ("ORDER BY updated", "Unbounded"),
    ],
)
def test_a_bad_jql_is_refused_in_the_vendors_words(client: Client, keys: list[str], jql: str, part: str) -> None:
    found = client.post("/rest/api/3/search/jql", {"jql": jql}, expect=400)
    assert part in found["errorMessages"][0]


def test_jql_binds_and_before_or() -> None:
    clause = Clause("a", "=", ["1"])
    assert parse("a=1 or a = '1' and not (a=\"1\")").condition == Either([clause, Both([clause, Neither(clause)])])
    assert parse("order by a, b desc").order == [("a", False), ("b", True)]
    with pytest.raises(BadQuery):
        parse("a = 1 b")


def test_bulkfetch_gives_what_is_there(client: Client, keys: list[str]) -> None:
    site = client.site
    for number in range(25):
        site.comment_issue(keys[0], f"Comment {number}\n\nMore")
    story = site.add_field("Notes", "textarea")
    site.edit_issue(keys[0], Notes="One\nTwo", status="Done")
    site.hide(keys[1])
    body = {"issueIdsOrKeys": ["SRE-99", *keys[:3]], "fields": ["*all", "-summary"], "expand": ["names", "changelog"]}
    found = client.post("/rest/api/3/issue/bulkfetch", body)["issues"]
    assert [each["key"] for each in found] == [keys[0], keys[2]]
    assert "summary" not in found[0]["fields"]
    assert (len(found[0]["fields"]["comment"]["comments"]), found[0]["fields"]["comment"]["total"]) == (20, 25)
    assert found[0]["names"][story] == "Notes"
    kinds = [each["type"] for each in found[0]["fields"][story]["content"][0]["content"]]
    assert kinds == ["text", "hardBreak", "text"]
    assert {each["toString"] for each in found[0]["changelog"]["histories"][0]["items"]} == {"One\nTwo", "Done"}
    client.post("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": [str(n) for n in range(101)]}, expect=400)
    rest = client.get(f"/rest/api/3/issue/{keys[0]}/comment", startAt=20)
    assert (len(rest["comments"]), rest["total"]) == (5, 25)


def test_a_page_of_a_search_has_a_cap(client: Client) -> None:
    client.site.add_project("SRE")
    for number in range(120):
        client.site.put_issue("SRE", f"Issue {number}")
    body = {"jql": "project = SRE", "maxResults": 5000}
    assert len(client.post("/rest/api/3/search/jql", body | {"fields": ["key"]})["issues"]) == 120
    assert len(client.post("/rest/api/3/search/jql", body | {"fields": ["summary"]})["issues"]) == 100


def test_a_moved_issue_answers_to_its_old_key(client: Client, keys: list[str]) -> None:
    client.site.add_project("OPS")
    new = client.site.move_issue(keys[0], "OPS")
    assert client.jql("project in (SRE, OPS) ORDER BY id") == [new, *keys[1:]]
    found = client.post("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": [keys[0]]})["issues"]
    assert [each["key"] for each in found] == [new]


def test_search_may_lag_behind(client: Client, keys: list[str]) -> None:
    site = client.site
    site.search_lag([keys[0]])
    site.edit_issue(keys[0], summary="New")
    site.edit_issue(keys[1], summary="Seen")
    assert client.jql("project = SRE ORDER BY updated") == [keys[0], *keys[2:], keys[1]]
    found = client.post("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": [keys[0]], "fields": ["summary"]})
    assert found["issues"][0]["fields"]["summary"] == "New"
    site.search_catch_up()
    assert client.jql("project = SRE ORDER BY updated")[-2:] == [keys[0], keys[1]]
    site.delete_issue(keys[2])
    site.put_issue("SRE", "Newest")
    site.search_lag(2)
    assert client.jql("project = SRE ORDER BY key") == keys


def test_everything_else_of_jira_answers(client: Client, keys: list[str]) -> None:
    site = client.site
    group = site.add_group("staff", [site.me.account_id])
    role = site.add_role("SRE", "Developers", users=[site.me.account_id], groups=["staff"])
    site.set_project_holders("SRE", "group:staff", "role:Developers", f"user:{site.me.account_id}", "reporter")
    level = site.add_security_level("Internal", ["group:staff", "role:Developers"])
    site.secure_issue(keys[0], level)
    site.link_issues(keys[0], "Blocks", keys[1])
    site.remote_link(keys[0], "https://example.com/runbook", "Runbook")
    site.edit_issue(keys[0], summary="Other")
    assert client.get("/rest/api/3/myself")["accountId"] == site.me.account_id
    assert client.get("/rest/api/3/serverInfo")["deploymentType"] == "Cloud"
    assert "summary" in ids(client.get("/rest/api/3/field"))
    found = client.get("/rest/api/3/project/search", keys="SRE", expand="insight,description,lead,issueTypes")["values"]
    assert found[0]["insight"]["totalIssueCount"] == 7
    assert found[0]["insight"]["lastIssueUpdateTime"] == client.get(f"/rest/api/3/issue/{keys[0]}")["fields"]["updated"]
    client.get("/rest/api/3/project/SRE")
    scheme = client.get("/rest/api/3/project/SRE/permissionscheme", expand="permissions,group,user,projectRole")
    assert [each["holder"]["type"] for each in scheme["permissions"]] == ["group", "projectRole", "user", "reporter"]
    assert len(client.get(f"/rest/api/3/project/SRE/role/{role}")["actors"]) == 2
    members = client.get("/rest/api/3/issuesecurityschemes/level/member", levelId=level, expand="group")
    assert [each["holder"]["type"] for each in members["values"]] == ["group", "projectRole"]
    assert client.get("/rest/api/3/group/member", groupId=group)["total"] == 1
    assert len(client.get("/rest/api/3/user/permission/search", permissions="BROWSE", projectKey="SRE")) == 1
    assert client.get("/rest/api/3/user", accountId=site.me.account_id)["active"]
    links = client.get(f"/rest/api/3/issue/{keys[0]}/remotelink")
    assert links[0]["object"]["title"] == "Runbook"
    assert client.get(f"/rest/api/3/issue/{keys[0]}/changelog")["total"] == 1
    logs = client.post("/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": keys})["issueChangeLogs"]
    assert len(logs) == 1
    assert "CHANGE-2046" in str(client.get("/rest/api/3/search", expect=410, jql="project = SRE"))
    site.admin = False
    client.get("/rest/api/3/project/SRE/permissionscheme", expect=403)


def test_jira_data_center(client: Client, keys: list[str]) -> None:
    client.site.comment_issue(keys[0], "h1. Wiki")
    found = client.get(
        "/jira/rest/api/2/search", jql="project = SRE ORDER BY key", maxResults=3, startAt=5, fields="*all"
    )
    assert [each["key"] for each in found["issues"]] == keys[5:]
    assert found["total"] == 7
    issue = client.get(f"/jira/rest/api/2/issue/{keys[0]}", expand="changelog")
    assert issue["fields"]["description"] == "Text 0"
    assert issue["fields"]["reporter"]["name"] == "indexer"
    assert client.get(f"/jira/rest/api/2/issue/{keys[0]}/comment")["comments"][0]["body"] == "h1. Wiki"
    assert [each["key"] for each in client.get("/jira/rest/api/2/project")] == ["SRE"]


def test_only_accepted_tokens_are_let_in(client: Client, pages: list[str]) -> None:
    site = client.site
    site.accept("indexer@example.com", "s3cret")
    client.get("/wiki/api/v2/pages", expect=401)
    client.session.auth = ("indexer@example.com", "s3cret")
    assert len(client.every("/wiki/api/v2/pages")) == 7
    client.session.auth = None
    client.session.headers["Authorization"] = "Bearer s3cret"
    assert client.get("/confluence/rest/api/user/current")["username"] == "indexer"
    client.session.headers["Authorization"] = "Bearer other"
    site.refused = "looks_empty"
    assert client.every("/wiki/api/v2/pages") == []
    client.get("/wiki/rest/api/user/current", expect=403)
    assert client.post("/rest/api/3/search/jql", {"jql": "project = SRE"}) == {"issues": [], "isLast": True}
    assert client.post("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": ["SRE-1"]})["issues"] == []
    client.get(f"/wiki/api/v2/pages/{pages[0]}", expect=404)
    client.get("/rest/api/3/myself", expect=401)
    assert client.session.get(f"{site.url}/rest/api/3/field").headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"


def test_what_is_gone_takes_what_hangs_on_it_along(client: Client, pages: list[str], keys: list[str]) -> None:
    site = client.site
    for page in pages[:2]:
        reply = site.comment(page, "<p>Reply</p>", reply_to=site.comment(page, "<p>Root</p>"))
        site.comment(page, "<p>Reply to the reply</p>", reply_to=reply)
        site.attach(page, "a.png")
    site.purge_page(pages[1])
    site.delete_comment(site.pages[int(pages[0])].comments[0])
    assert client.every("/wiki/api/v2/footer-comments") == []
    assert len(client.every("/wiki/api/v2/attachments")) == 1
    site.delete_space("ENG")
    assert client.every("/wiki/api/v2/attachments") == client.every("/wiki/api/v2/spaces") == []
    site.add_project("OPS")
    site.move_issue(keys[0], "OPS")
    site.delete_project("OPS")
    client.get(f"/rest/api/3/issue/{keys[0]}", expect=404)
    assert client.jql("project = SRE ORDER BY key") == keys[1:]


def test_a_hidden_key_hides_space_and_project(client: Client, keys: list[str]) -> None:
    client.site.add_space("SRE")
    client.site.hide("SRE")
    assert client.every("/wiki/api/v2/spaces") == []
    assert client.get("/rest/api/3/project/search")["values"] == []
    client.post("/rest/api/3/search/jql", {"jql": "project = SRE"}, expect=400)
    client.site.show("SRE")
    assert len(client.jql("project = SRE")) == 7


def test_it_is_asked_and_changed_by_many_at_once(client: Client, pages: list[str], keys: list[str]) -> None:
    def ask(number: int) -> tuple[int, int]:
        client.site.edit_page(pages[number % 7], f"<p>{number}</p>")
        client.site.edit_issue(keys[number % 7], summary=f"Issue {number}")
        with requests.Session() as session:
            own = Client(client.site)
            own.session.close()
            own.session = session
            return len(own.every("/wiki/api/v2/pages", limit=2)), len(
                own.jql("project = SRE ORDER BY id", maxResults=2)
            )

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(40))) == {(7, 7)}
    assert sum(page.version - 1 for page in client.site.pages.values()) == 40


def test_writes_follow_the_sites_clock(client: Client, pages: list[str]) -> None:
    site = client.site
    site.freeze(datetime(2020, 1, 1, tzinfo=UTC))
    one, two = site.put_page("ENG", "One"), site.put_page("ENG", "Two")
    times = [client.get(f"/wiki/api/v2/pages/{each}")["createdAt"] for each in (one, two)]
    assert times == ["2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.001Z"]
    answer = client.session.get(f"{site.url}/wiki/api/v2/spaces", timeout=5)
    assert parsedate_to_datetime(answer.headers["Date"]) == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.unauthorized(), 401),
        (faults.forbidden(), 403),
        (faults.not_found(), 404),
        (faults.gone(), 410),
        (faults.rate_limited(), 429),
        (faults.broken(503), 503),
    ],
)
def test_a_fault_strikes_as_often_as_it_is_told(client: Client, pages: list[str], fault: Answer, status: int) -> None:
    client.site.fail("GET /wiki/api/v2/pages", fault, times=2, after=1)
    got = [client.session.get(f"{client.site.url}/wiki/api/v2/pages", timeout=5).status_code for _ in range(4)]
    assert got == [200, status, status, 200]
    assert [each.status for each in client.site.requests.of("/pages")] == got


def test_retry_after_is_seconds_or_a_date(client: Client) -> None:
    at = datetime(2026, 1, 31, 8, tzinfo=UTC)
    for fault, told in (
        (faults.rate_limited(3), "3"),
        (faults.rate_limited_until(at), "Sat, 31 Jan 2026 08:00:00 GMT"),
    ):
        client.site.fail("spaces", fault)
        answer = client.session.get(f"{client.site.url}/wiki/api/v2/spaces", timeout=5)
        assert answer.headers["Retry-After"] == told


def test_a_body_may_end_in_the_middle_or_never_come(client: Client, pages: list[str]) -> None:
    client.site.fail("pages", faults.cut_off())
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get("/wiki/api/v2/pages")
    client.site.fail("pages", faults.stalled(20))
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.session.get(f"{client.site.url}/wiki/api/v2/pages", timeout=0.1)


def test_answers_may_be_no_listing_at_all(client: Client, pages: list[str]) -> None:
    client.site.fail("pages", faults.html())
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.get("/wiki/api/v2/pages")
    client.site.fail("pages", faults.not_an_object())
    assert client.get("/wiki/api/v2/pages") == ["unexpected"]
    client.site.fail("pages", faults.without_results())
    assert "results" not in client.get("/wiki/api/v2/pages")


def test_a_cursor_may_be_repeated(client: Client, pages: list[str], keys: list[str]) -> None:
    client.site.fail("GET", faults.repeated_cursor(), times=None)
    second = client.get("/wiki/api/v2/pages", limit=2)["_links"]["next"]
    assert client.get(second)["_links"]["next"] == second
    client.site.heal()
    client.site.fail("POST", faults.repeated_cursor(), times=None)
    body = {"jql": "project = SRE", "maxResults": 2}
    body["nextPageToken"] = client.post("/rest/api/3/search/jql", body)["nextPageToken"]
    assert client.post("/rest/api/3/search/jql", body)["nextPageToken"] == body["nextPageToken"]


@needs_specs
@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/wiki/api/v2/pages?colour=red", "no such parameter: colour"),
        ("/wiki/api/v2/pages?limit=251", "greater than the maximum"),
        ("/wiki/api/v2/pages?sort=size", "not one of"),
        ("/wiki/api/v2/pages?status=current,lost", "not one of"),
        ("/wiki/api/v2/pages/12a", "is not of type 'integer'"),
        ("/wiki/api/v2/paiges", "no such path"),
        ("/rest/api/3/search/jql?startAt=5", "no such parameter: startAt"),
        ("/rest/api/3/user/permission/search", "lacks permissions"),
        ("/rest/api/3/issue/bulkfetch", "no such method"),
    ],
)
def test_a_request_that_the_vendor_does_not_know_is_a_violation(path: str, part: str) -> None:
    with AtlassianSite(check=openapi.check) as site, requests.Session() as session:
        session.get(site.url + path, timeout=5)
        assert any(part in each for each in site.violations), site.violations


@needs_specs
@pytest.mark.parametrize(
    ("path", "body", "part"),
    [
        ("/wiki/api/v2/pages", {"results": [{"id": 5}], "_links": {}}, "5 is not of type 'string'"),
        ("/wiki/api/v2/pages", {"results": [{"spaceID": "5"}], "_links": {}}, "'spaceID' was unexpected"),
        ("/wiki/api/v2/pages", {"_links": {}}, "'results' is a required property"),
        ("/rest/api/3/search/jql", {"issues": [], "total": 5}, "'total' was unexpected"),
    ],
)
def test_an_answer_that_the_vendor_does_not_give_is_a_violation(path: str, body: Any, part: str) -> None:
    found = openapi.check(Request("GET", path, {}, None, {}), Answer(200, body))
    assert len(found) == 1
    assert part in found[0]


@needs_specs
def test_a_body_that_the_vendor_does_not_take_is_a_violation() -> None:
    request = Request("POST", "/rest/api/3/issue/bulkfetch", {}, {"issueIdsOrKeys": "SRE-1", "field": []}, {})
    assert len(openapi.check(request, None)) == 2


@needs_data
def test_the_real_issues_load(client: Client) -> None:
    site = client.site
    assert site.load_jira_jsonl(DATA / "jira_daemon_issues.jsonl") == "DAEMON"
    found = client.jql("project = DAEMON ORDER BY updated DESC")
    assert len(found) == 317
    names = {each["name"]: each["id"] for each in client.get("/rest/api/3/field")}
    assert {"Epic Link", "Closed Sprints"} <= set(names)
    for start in range(0, 317, 100):
        body = {"issueIdsOrKeys": found[start : start + 100], "fields": ["*all"], "expand": ["changelog", "names"]}
        issues = client.post("/rest/api/3/issue/bulkfetch", body)["issues"]
        assert all(each["fields"]["updated"].startswith("20") for each in issues)
    second = client.get("/rest/api/3/issue/DAEMON-2")["fields"]
    assert second[names["Epic Link"]] == "DAEMON-48"
    assert second["comment"]["comments"][0]["author"]["displayName"] == "Person 1"
    assert second["updated"] == "2017-02-14T04:36:11.000+0000"


@needs_data
def test_the_real_pages_load(client: Client) -> None:
    loaded = client.site.load_confluence_pages(DATA / "confluence_pages")
    assert len(loaded) == 6
    rows = client.every("/wiki/api/v2/pages", **{"body-format": "atlas_doc_format", "limit": 2})
    assert set(loaded) <= set(ids(rows))
    page = client.get("/wiki/api/v2/pages/568918170", **{"body-format": "storage"})
    assert page["version"]["number"] == 13
    assert page["parentId"] == "544377922"
    storage = (DATA / "confluence_pages" / "568918170" / "page.xhtml").read_text("utf-8")
    assert page["body"]["storage"]["value"] == storage
    assert client.every("/wiki/api/v2/pages/568918170/attachments")


def test_the_real_confluence_client_lists_the_state(atlassian: AtlassianSite, pages: list[str]) -> None:
    make: Any = Confluence
    with make(f"{atlassian.url}/wiki", username="u", password="p", api_version=2, cloud=True) as client:
        assert ids(list(client.get_spaces(keys=["ENG"]))) == ids([{"id": str(atlassian.spaces["ENG"].id)}])
        assert ids(list(client.get_pages(limit=3, get_body=True, body_format="storage"))) == pages


def test_the_real_jira_client_lists_the_state(atlassian: AtlassianSite, keys: list[str]) -> None:
    with Jira(atlassian.url, username="u", password="p", cloud=True) as client:
        found = client.enhanced_jql("project = SRE ORDER BY key", limit=3)
        assert [each["key"] for each in found["issues"]] == keys[:3]
        rest = client.enhanced_jql("project = SRE ORDER BY key", nextPageToken=found["nextPageToken"])
        assert [each["key"] for each in rest["issues"]] == keys[3:]


def test_many_rows_come_quickly() -> None:
    """Ten times as many take ten times as long; the bound is loose, since a shared machine is slow at times."""
    with AtlassianSite() as site, requests.Session() as session:
        site.bulk(pages=2000, issues=10_000)
        client = Client(site)
        client.session.close()
        client.session = session
        start = datetime.now(UTC)
        assert len(client.every("/wiki/api/v2/pages", limit=250, sort="-modified-date")) == 2000
        assert len(set(client.jql("project = BULK ORDER BY updated", maxResults=5000))) == 10_000
        assert datetime.now(UTC) - start < timedelta(seconds=5)


def test_the_command_serves(tmp_path: Path) -> None:
    import signal
    import subprocess
    import sys

    command = [sys.executable, "-m", "duetto_assets_tests.wire.atlassian", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        with requests.Session() as session:
            assert session.get(f"{url}/rest/api/3/myself", timeout=5).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
