"""Opens pages in Chromium as a person would, from a file; a page that complains or asks for anything fails its test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

import duetto_assets
from duetto_assets.ontology.picture import page as html_of
from duetto_assets_tests.page import graphs

FOLDER = Path(duetto_assets.__file__).parent / "page"
BUILT = FOLDER / "dist" / "page.html"
AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
SOFTWARE_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")

Open = Callable[..., Page]


def unless_ci(reason: str) -> None:
    """Skip, but fail in CI, where what is needed must be there."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def template() -> str:
    """Return the built page."""
    if not BUILT.is_file():
        unless_ci(f"{BUILT} is missing: cd {FOLDER} && npm ci && node build.mjs")
    return BUILT.read_text("utf-8")


@pytest.fixture(scope="package")  # not the session: its event loop runs in this thread, where others begin theirs
def playwright() -> Iterator[Playwright]:
    """Yield Playwright."""
    with sync_playwright() as running:
        yield running


def chromium(playwright: Playwright, *switches: str) -> Browser:
    """Start the system's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        unless_ci("chromium is missing: apt-get install chromium")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *switches])


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Yield a browser that draws WebGL without a graphics card."""
    running = chromium(playwright, *SOFTWARE_WEBGL)
    yield running
    running.close()


class Watched:
    """What a page said and asked for."""

    def __init__(self, page: Page, address: str) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self._requested(request.url, address))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _requested(self, url: str, address: str) -> None:
        if url.split("#")[0] != address and not url.startswith("data:"):
            self.asked.append(url)


@pytest.fixture
def opened(browser: Browser, template: str, tmp_path: Path) -> Iterator[Open]:
    """Yield what opens a graph's page: the small graph, unless another is given."""
    watched = []
    contexts = []

    def open_(
        graph: dict[str, Any] | None = None,
        fragment: str = "",
        size: tuple[int, int] = (1400, 900),
        browser: Browser = browser,
        **options: Any,
    ) -> Page:
        file = tmp_path / "page.html"
        file.write_text(html_of(graph or graphs.small(), template), encoding="utf-8")
        options = {"reduced_motion": "reduce"} | options
        contexts.append(browser.new_context(viewport={"width": size[0], "height": size[1]}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        watched.append(Watched(page, file.as_uri()))
        page.goto(file.as_uri() + fragment)
        page.wait_for_selector("body.ready", timeout=60_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [each.complaints for each in watched] == [[] for _ in watched]
    assert [each.asked for each in watched] == [[] for _ in watched]
