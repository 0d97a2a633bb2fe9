"""What a person does with the page, in a real browser."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from duetto_assets_tests.page import graphs
from duetto_assets_tests.page.conftest import AXE, Open, chromium, unless_ci

APP = "file:api/src/app.py"
MAIN = "file:web/main.ts"
PHONE = (390, 844)


def find(page: Page, text: str, box: str = "Search") -> None:
    """Type a name and take the first suggestion."""
    page.get_by_role("combobox", name=box).fill(text)
    expect(page.get_by_role("option").first).to_contain_text(text)
    page.keyboard.press("Enter")


def details(page: Page) -> str:
    """Return the title of the node whose details are open; empty for none."""
    heading = page.locator("#details .node h2")
    return heading.inner_text() if heading.is_visible() else ""


def count(page: Page) -> str:
    """Return what the page says that it shows."""
    return page.locator("#count").inner_text()


def tick(page: Page, group: str, name: str) -> None:
    """Click the filter of that name."""
    facet = page.locator("fieldset.facet", has=page.locator("legend", has_text=group))
    facet.locator("li label", has=page.get_by_text(name, exact=True)).click()


def middle(page: Page) -> tuple[float, float]:
    """Return the middle of the picture, where the node is that was last approached."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_typing_completes_and_enter_chooses(opened: Open) -> None:
    page = opened()
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press_sequentially("s")
    expect(box).to_have_attribute("aria-expanded", "true")
    first = box.get_attribute("aria-activedescendant")
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") != first
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    box.fill("retr")
    expect(page.get_by_role("option")).to_have_count(1)
    box.press("Enter")
    assert details(page) == "retry"
    assert page.url.endswith("#node=function:api/src/app%2Epy%23retry")


def test_search_finds_by_what_people_type(opened: Open) -> None:
    page = opened()
    found = {"app.py": "app.py", "acme": "acme/", "ADA": "Ada Ash", "slow 42": "SRE-42", "pypi/httpx": "httpx"}
    for typed, first in found.items():
        page.get_by_role("combobox", name="Search").fill(typed)
        expect(page.get_by_role("option").first).to_contain_text(first)


def test_what_has_no_match_says_so(opened: Open) -> None:
    page = opened()
    page.get_by_role("combobox", name="Search").fill("zzz")
    expect(page.get_by_role("option")).to_have_text("Nothing has that name.")
    page.keyboard.press("Enter")
    assert details(page) == ""


def test_a_suggestion_can_be_clicked(opened: Open) -> None:
    page = opened()
    page.get_by_role("combobox", name="Search").fill("main")
    page.get_by_role("option", name="main.ts").click()
    assert details(page) == "main.ts"


def test_filters_by_type_relation_and_source_change_picture_table_and_address(opened: Open) -> None:
    page = opened()
    assert count(page) == "12 nodes, 11 lines"
    before = page.locator("#stage").screenshot()
    tick(page, "Types", "function")
    assert count(page) == "10 nodes, 8 lines"
    assert page.locator("#stage").screenshot() != before
    tick(page, "Relations", "mentions")
    assert count(page) == "10 nodes, 6 lines"
    tick(page, "Sources", "github/acme/web")
    assert count(page) == "8 nodes, 5 lines"
    assert "types=" in page.url
    assert "relations=" in page.url
    assert "partitions=" in page.url
    page.get_by_role("button", name="Table", exact=True).click()
    expect(page.locator("#table tbody tr")).to_have_count(8)
    page.reload()
    expect(page.locator("#table tbody tr")).to_have_count(8)
    for _ in range(3):
        page.get_by_role("button", name="show all").first.click()
    expect(page.locator("#table tbody tr")).to_have_count(12)


def test_only_shows_one_type(opened: Open) -> None:
    page = opened()
    page.get_by_role("button", name="Only issue").click()
    assert count(page) == "1 node, 0 lines"
    tick(page, "Types", "issue")
    expect(page.locator("#notice")).to_have_text("The filters hide everything.")


def test_levels_of_detail_lift_lines_to_what_is_shown(opened: Open) -> None:
    page = opened()
    expected = {
        "Partitions": "3 nodes, 2 lines",  # the project's issue mentions a file of each repository
        "Trees": "4 nodes, 3 lines",
        "Documents": "10 nodes, 8 lines",
        "Symbols": "12 nodes, 11 lines",
    }
    for level, told in expected.items():
        page.locator(".levels").get_by_text(level).click()
        assert count(page) == told


def test_a_click_on_a_node_opens_its_details_and_a_click_beside_closes_them(opened: Open) -> None:
    page = opened()
    heading, stage = page.locator("#details .node h2"), page.locator("#stage")
    find(page, "retry")
    x, y = middle(page)
    page.get_by_role("button", name="Close details").click()
    expect(heading).to_be_hidden()
    page.mouse.move(x + 60, y)
    page.mouse.move(x, y)  # panels that open and close leave it where it is
    expect(stage).to_have_class(re.compile("pointing"))
    page.mouse.click(x, y)
    expect(heading).to_have_text("retry")
    expect(stage).to_have_class(re.compile("fading"))
    page.wait_for_timeout(400)  # two clicks at once would be a double click
    page.mouse.click(300, 120)
    expect(heading).to_be_hidden()
    expect(stage).not_to_have_class(re.compile("fading"))


def test_details_tell_relations_by_type_and_direction_and_who_says_so(opened: Open) -> None:
    page = opened(fragment=f"#node={APP}")
    panel = page.locator("#details")
    assert details(page) == "app.py"
    assert panel.locator("h3").all_inner_texts() == [
        "contained in 1",
        "defines 2",
        "imports 1",
        "mentioned in 1",
    ]
    expect(panel.locator("dl")).to_contain_text("acme/api")
    for link in panel.locator("a").all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert (link.get_attribute("href") or "").startswith("https://source.example/")
    expect(panel.get_by_role("link", name="SRE-42 Sending is slow says so")).to_be_visible()
    expect(panel.get_by_role("link", name="Open in GitHub")).to_be_visible()


def test_a_relation_that_is_not_certain_says_how_much(opened: Open) -> None:
    page = opened(fragment="#node=function:api/src/app%2Epy%23retry")
    expect(page.locator("#details section", has_text="calls").locator(".certainty")).to_have_text("70 %")


def test_neighbours_lead_on_and_the_back_button_leads_back(opened: Open) -> None:
    page = opened(fragment=f"#node={APP}")
    page.locator("#details").get_by_role("button", name="SRE-42 Sending is slow").click()
    assert details(page) == "SRE-42 Sending is slow"
    page.locator("#details").get_by_role("button", name="Ada Ash").click()
    page.go_back()
    assert details(page) == "SRE-42 Sending is slow"
    page.go_back()
    assert details(page) == "app.py"
    page.go_forward()
    assert details(page) == "SRE-42 Sending is slow"


def test_a_path_is_shown_as_a_list_and_follows_the_filters(opened: Open) -> None:
    page = opened()
    find(page, "retry")
    page.get_by_role("button", name="Path from here").click()
    page.keyboard.type("main.ts")
    page.keyboard.press("Enter")
    steps = page.locator(".steps")
    assert steps.locator(".what bdi").all_inner_texts() == ["retry", "app.py", "SRE-42 Sending is slow", "main.ts"]
    assert steps.locator(".by").all_inner_texts() == ["↓ defined in", "↓ mentioned in", "↓ mentions"]
    page.reload()
    expect(steps.locator("li")).to_have_count(4)
    page.get_by_role("button", name="Swap").click()
    assert steps.locator(".what bdi").all_inner_texts()[0] == "main.ts"
    tick(page, "Relations", "mentions")
    expect(page.locator(".result")).to_contain_text("No path joins these two")
    page.get_by_role("button", name="Close path").click()
    expect(page.locator(".paths")).to_be_hidden()


def test_a_path_needs_two_ends_from_details_or_boxes(opened: Open) -> None:
    page = opened(fragment=f"#node={MAIN}")
    page.get_by_role("button", name="Path", exact=True).click()
    expect(page.locator(".result")).to_contain_text("Choose two nodes")
    find(page, "httpx", "Path to")
    expect(page.locator(".steps li")).to_have_count(4)


def test_a_deep_link_opens_what_it_names(opened: Open) -> None:
    fragment = f"#node={APP}&focus=2&types=file,issue,repository&colour=community&level=documents&path={APP}..{MAIN}"
    page = opened(fragment=fragment)
    assert details(page) == "app.py"
    expect(page.get_by_role("radio", name="2 steps")).to_be_checked()
    expect(page.get_by_role("radio", name="Community")).to_be_checked()
    expect(page.get_by_role("radio", name="Documents")).to_be_checked()
    expect(page.locator(".communities")).to_be_visible()
    expect(page.locator(".steps li")).to_have_count(3)
    assert count(page).startswith("5 nodes")


def test_an_address_that_makes_no_sense_does_no_harm(opened: Open) -> None:
    page = opened(fragment="#node=gone")
    for fragment in ("#node=%E0%A4%A", "#path=..", "#focus=x&level=9&types=", "#&&==&a", "#"):
        page.evaluate("hash => { location.hash = hash }", fragment)
        assert details(page) == ""
    assert count(page) == "12 nodes, 11 lines"


def test_all_can_be_done_by_keyboard(opened: Open) -> None:
    page = opened()
    page.keyboard.press("/")
    page.keyboard.type("app.py")
    page.keyboard.press("Enter")
    assert details(page) == "app.py"
    page.keyboard.press("Escape")
    page.locator("#stage").focus()
    seen = {details(page)}
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp") * 2:
        page.keyboard.press(key)
        seen.add(details(page))
    assert len(seen) > 2
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#details') !== null")
    page.keyboard.press("Escape")
    assert details(page) == ""
    assert page.evaluate("document.activeElement.id") == "stage"
    before = page.locator("#stage").screenshot()
    page.keyboard.press("+")
    assert page.locator("#stage").screenshot() != before
    page.keyboard.press("0")
    page.keyboard.press("t")
    expect(page.locator("#table")).to_be_visible()
    page.keyboard.press("t")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("p")
    expect(page.get_by_role("combobox", name="Path from")).to_be_focused()


def test_the_table_sorts_filters_turns_pages_and_selects(opened: Open) -> None:
    page = opened(graphs.organisation(250, 500), fragment="#view=table")
    rows = page.locator("#table tbody tr")
    expect(rows).to_have_count(100)
    expect(page.locator("#table")).to_contain_text("250 nodes")
    page.get_by_role("button", name="Title").click()
    titles = rows.locator("td:first-child bdi").all_inner_texts()
    assert titles == sorted(titles, key=str.lower)
    expect(page.locator("th", has_text="Title")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Title").click()
    assert rows.locator("td:first-child bdi").first.inner_text().lower() > titles[-1].lower()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(50)
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("searchbox", name="Filter rows").fill("acme/")
    expect(rows).to_have_count(1)
    rows.get_by_role("button").click()
    assert details(page).startswith("acme/")


def test_dark_mode_follows_the_system_until_the_person_chooses(opened: Open) -> None:
    page = opened(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Dark mode").click()
    assert page.evaluate(ground) != dark
    page.reload()
    page.wait_for_selector("body.ready")
    assert page.evaluate(ground) != dark


def test_an_empty_graph_says_how_to_fill_it(opened: Open) -> None:
    page = opened(graphs.empty())
    expect(page.locator("#notice")).to_have_text("The graph is empty. Fill it: duetto-intel sync")
    expect(page.get_by_role("combobox")).to_have_count(0)


def test_one_node_alone_is_a_picture(opened: Open) -> None:
    graph = graphs.small()
    only = graph | {"nodes": [graph["nodes"][0] | {"parent": None}], "links": []}
    page = opened(only)
    assert count(page) == "1 node, 0 lines"
    page.locator("#stage").focus()
    page.keyboard.press("ArrowUp")
    assert details(page)


def test_a_huge_graph_is_drawn_searched_and_filtered(opened: Open) -> None:
    page = opened(graphs.organisation(20_000, 60_000))
    assert count(page).startswith("20,000 nodes")
    find(page, "acme/auth-0")
    assert details(page) == "acme/auth-0"
    tick(page, "Types", "function")
    expect(page.locator("#count")).not_to_contain_text("20,000")
    page.get_by_role("button", name="Table", exact=True).click()
    expect(page.locator("#table tbody tr")).to_have_count(100)


def test_what_was_left_out_is_told(opened: Open) -> None:
    page = opened(graphs.small() | {"omitted": {"nodes": 1234, "links": 1}})
    assert count(page).endswith("Left out for want of room: 1,234 nodes, 1 link")


def test_hostile_graphs_are_text(opened: Open) -> None:
    graph: dict[str, Any] = graphs.small()
    evil = "</script><img src=x onerror=alert(1)><!-- \"'&"
    for node in graph["nodes"]:
        node |= {"title": evil, "name": evil, "url": "javascript:alert(1)", "path": evil, "partition": evil}
    for link in graph["links"]:
        link |= {"label": evil, "documents": [{"title": evil, "url": "javascript:alert(2)"}], "type": "__proto__"}
    graph["nodes"][0]["type"] = "constructor"
    graph["communities"][0]["name"] = evil
    page = opened(graph | {"organisation": evil}, fragment=f"#node={APP}&path={APP}..{MAIN}&colour=community")
    assert details(page) == evil
    assert page.locator("#details a").count() == 0
    page.get_by_role("button", name="Table", exact=True).click()
    assert page.locator("img").count() == 0
    assert page.title() == f"{evil}: graph"


def test_the_page_fits_a_phone(opened: Open) -> None:
    page = opened(size=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator("#side")).to_be_hidden()
    page.get_by_role("button", name="Filters").tap()
    tick(page, "Types", "function")
    page.get_by_role("button", name="Filters").tap()
    assert count(page).startswith("10 nodes")
    find(page, "app.py")
    assert details(page) == "app.py"
    for view in ("Table", "Graph"):
        page.get_by_role("button", name=view, exact=True).tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_a_browser_without_webgl_shows_the_table(playwright: Playwright, opened: Open) -> None:
    without = chromium(playwright, "--disable-3d-apis")
    page = opened(browser=without)
    expect(page.locator("#notice")).to_contain_text("This browser does not draw with WebGL")
    expect(page.locator("#table tbody tr")).to_have_count(12)
    page.get_by_role("button", name="app.py").click()
    assert details(page) == "app.py"
    page.get_by_role("button", name="Path from here").click()
    find(page, "main.ts", "Path to")
    expect(page.locator(".steps li")).to_have_count(3)
    without.close()


def test_the_policy_lets_nothing_in_but_the_page_itself(template: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', template)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    for rule, tag in (("style-src", "style"), ("script-src", "script")):
        text = re.findall(rf"<{tag}>(.*?)</{tag}>", template, re.DOTALL)[-1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert not re.search(r'(?:src|href)="(?:https?:)?//', template)


@pytest.mark.parametrize(
    ("fragment", "options"),
    [
        (f"#node={APP}&path={APP}..{MAIN}", {}),
        (f"#node={APP}&colour=community", {"color_scheme": "dark"}),
        ("#view=table", {}),
        (f"#node={APP}", {"size": PHONE}),
    ],
    ids=["details and path", "dark", "table", "phone"],
)
def test_axe_finds_nothing_serious(opened: Open, fragment: str, options: dict[str, Any]) -> None:
    if not AXE.is_file():
        unless_ci(f"{AXE} is missing: npm ci in duetto_assets/page")
    page = opened(fragment=fragment, **options)
    page.get_by_role("combobox", name="Search").fill("app")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run().then(({violations}) => violations)")
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious] == []
