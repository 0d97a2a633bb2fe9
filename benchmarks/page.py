"""The page of small, middling and large graphs: when it can be used, and how long anything it does afterwards takes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.ground import report
from duetto_assets.ontology.picture import page as html_of
from duetto_assets.ontology.picture import template
from duetto_assets_tests.page.graphs import organisation

_SIZES = ((100, 300), (2_000, 6_000), (20_000, 60_000))
_SWITCHES = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # no graphics card is asked for
_WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) window.longTasks.push([startTime, duration]);
}).observe({ type: "longtask", buffered: true });
"""


def main() -> None:
    """Open the page of each size, and do what people do."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_SWITCHES))
        for nodes, links in _SIZES:
            file = Path(folder) / f"{nodes}.html"
            file.write_text(html_of(organisation(nodes, links), template()), encoding="utf-8")
            _measure(browser, file, nodes, links)
        browser.close()


def _measure(browser: Browser, file: Path, nodes: int, links: int) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.add_init_script(_WATCH)
    page.goto(file.as_uri())
    page.wait_for_selector("body.ready", timeout=120_000)
    interactive = page.evaluate("performance.getEntriesByName('interactive')[0].startTime")
    longest = {name: _longest(page, act) for name, act in _ACTS.items()}
    report(
        f"page of {nodes} nodes and {links} links",
        file_mib=file.stat().st_size / 2**20,
        interactive_s=interactive / 1000,
        **{f"{name}_longest_task_s": seconds for name, seconds in longest.items()},
        target="interactive < 5 s, no task > 1 s after that",
    )
    page.close()


def _longest(page: Page, act: Callable[[Page], None]) -> float:
    """Return the seconds of the longest task while something is done, and for a second after it."""
    since = page.evaluate("performance.now()")
    act(page)
    time.sleep(1)
    longest = page.evaluate(
        "since => Math.max(0, ...longTasks.filter(([at]) => at >= since).map(([, ms]) => ms))", since
    )
    return float(longest) / 1000


def _search(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("acme/auth", delay=60)
    page.keyboard.press("Enter")


def _zoom(page: Page) -> None:
    page.mouse.move(600, 450)
    for _ in range(6):
        page.mouse.wheel(0, -240)
        time.sleep(0.1)


def _pan(page: Page) -> None:
    page.mouse.move(600, 450)
    page.mouse.down()
    page.mouse.move(800, 550, steps=8)
    page.mouse.up()


def _hover(page: Page) -> None:
    for step in range(12):
        page.mouse.move(500 + 20 * step, 400 + 10 * step)
        time.sleep(0.05)


_ACTS: dict[str, Callable[[Page], None]] = {
    "idle": lambda page: page.wait_for_timeout(500),
    "hover": _hover,
    "zoom": _zoom,
    "pan": _pan,
    "search": _search,
    "focus": lambda page: page.get_by_text("3 steps").click(),
    "path": lambda page: page.goto(page.url + "&path=repository:0..person:400"),
    "filter": lambda page: page.get_by_text("function", exact=True).first.click(),
    "level": lambda page: page.locator(".levels").get_by_text("Documents").click(),
    "colour": lambda page: page.locator("#side").get_by_text("Community", exact=True).click(),
    "table": lambda page: page.get_by_role("button", name="Table", exact=True).click(),
    "sort": lambda page: page.get_by_role("button", name="Title").click(),
}


if __name__ == "__main__":
    main()
