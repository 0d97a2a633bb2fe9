"""The real pages and issues convert without loss: every word, in order, and the structure."""

from __future__ import annotations

import html
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from duetto_assets.sources.markup import Links, adf_to_markdown, storage_to_markdown, wiki_to_markdown
from duetto_assets_tests.sources.markup.reading import (
    SHARED,
    assert_kept,
    code,
    headings,
    needs_shared,
    spans,
    squeezed,
    tables,
    visible,
)

pytestmark = needs_shared

PAGES = sorted(SHARED.glob("confluence_pages/*/page.xhtml"))
DOCUMENTS = sorted(SHARED.glob("confluence_pages/*/page.adf"))
NAMED = {"ids": lambda path: path.parent.name}
NAMESPACES = 'xmlns:ac="ac" xmlns:ri="ri"'


def page(path: Path) -> ET.Element:
    """Return a page as the XML parser of the standard library reads it."""
    text = re.sub(r"&(?!amp;|lt;|gt;|quot;|#)\w+;", lambda found: html.unescape(found[0]), path.read_text("utf-8"))
    return ET.fromstring(f"<page {NAMESPACES}>{text}</page>")


def page_texts(node: ET.Element) -> Iterator[str]:
    if node.tag not in {"{ac}parameter", "{ac}adf-attribute", "{ac}adf-fallback"}:
        yield node.text or ""
        for child in node:
            yield from page_texts(child)
            yield child.tail or ""


def adf_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("content") or []:
        yield from adf_nodes(child)


def adf_text(node: dict[str, Any]) -> str:
    return "".join(each.get("text", "") for each in adf_nodes(node))


def bodies() -> list[tuple[str, str]]:
    found = []
    for row in (SHARED / "jira_daemon_issues.jsonl").read_text("utf-8").splitlines():
        issue = json.loads(row)
        fields = issue["fields"]
        for text in [fields.get("description"), *(comment.get("body") for comment in fields["comment"]["comments"])]:
            found += [(issue["key"], text)] if text else []
    return found


def test_there_is_real_content() -> None:
    assert (len(PAGES), len(DOCUMENTS), len(bodies())) == (6, 4, 783)


@pytest.mark.parametrize("path", PAGES, **NAMED)
def test_a_page_keeps_every_word(path: Path) -> None:
    assert assert_kept(page_texts(page(path)), storage_to_markdown(path.read_text("utf-8"))) > 20


@pytest.mark.parametrize("path", DOCUMENTS, **NAMED)
def test_a_document_keeps_every_word(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    texts = [each.get("text", "") for each in adf_nodes(document)]
    assert assert_kept(texts, adf_to_markdown(document)) > 100


@pytest.mark.parametrize("path", PAGES, **NAMED)
def test_a_page_keeps_its_structure(path: Path) -> None:
    tree, made = page(path), storage_to_markdown(path.read_text("utf-8"))
    wanted = [(int(each.tag[1]), squeezed("".join(each.itertext()))) for each in tree.iter() if each.tag in HEADINGS]
    assert [(level, squeezed(text)) for level, text in headings(made)] == [each for each in wanted if each[1]]
    assert tables(made) == [[len(list(row)) for row in table.iter("tr")] for table in tree.iter("table")]
    blocks = list(tree.iter("{ac}plain-text-body"))
    assert [squeezed(text) for _, text in code(made)] == [squeezed(each.text or "") for each in blocks]
    assert spans(made, "link_open") == [each.get("href") for each in tree.iter("a")]
    shown = [each.get("{ri}filename") for each in tree.iter("{ri}attachment")]
    assert [unquote(source) for source in spans(made, "image")] == shown
    assert made.count("\n> [!") + made.startswith("> [!") + made.count("> > [!") == len(
        [each for each in tree.iter() if each.get("{ac}name") in ALERTS or each.get("type") == "panel"]
    )


@pytest.mark.parametrize("path", DOCUMENTS, **NAMED)
def test_a_document_keeps_its_structure(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    made, nodes = adf_to_markdown(document), list(adf_nodes(document))
    wanted = [(each["attrs"]["level"], squeezed(adf_text(each))) for each in nodes if each["type"] == "heading"]
    assert [(level, squeezed(text)) for level, text in headings(made)] == [each for each in wanted if each[1]]
    grids = [each for each in nodes if each["type"] == "table"]
    assert tables(made) == [[len(row["content"]) for row in each["content"]] for each in grids]
    blocks = [each for each in nodes if each["type"] == "codeBlock"]
    assert [squeezed(text) for _, text in code(made)] == [squeezed(adf_text(each)) for each in blocks]
    assert [info for info, _ in code(made)] == [each.get("attrs", {}).get("language", "") for each in blocks]
    assert len(spans(made, "image")) == len([each for each in nodes if each["type"] == "media"])


@pytest.mark.parametrize("path", DOCUMENTS, **NAMED)
def test_both_forms_of_a_page_give_the_same(path: Path) -> None:
    """Except for what only one of them knows: the address of a page, or the name of a file."""
    stored = storage_to_markdown(path.with_suffix(".xhtml").read_text("utf-8"))
    document = adf_to_markdown(json.loads(path.read_text("utf-8")))
    pairs = list(zip(stored.split("\n"), document.split("\n"), strict=True))
    different = [(one, two) for one, two in pairs if one != two]
    assert all(one.startswith("![") or "https://querypie.atlassian.net/wiki" in two for one, two in different)
    assert len(different) <= 3


@pytest.mark.parametrize("path", PAGES, **NAMED)
def test_another_converter_found_the_same_headings_and_code(path: Path) -> None:
    made = storage_to_markdown(path.read_text("utf-8"))
    accepted = re.sub(r"\A---\n.*?\n---\n", "", path.with_name("expected.mdx").read_text("utf-8"), flags=re.DOTALL)
    theirs = headings(re.sub(r"<[^>]*>|\*\*|`", "", accepted))
    mine = [re.sub(r"\W", "", text) for _, text in headings(made)]
    assert mine == [re.sub(r"\W|gt", "", text) for level, text in theirs if level > 1]  # it has the title as level 1
    assert len(code(made)) == len(re.findall(r"^\s*```\w*$", accepted, re.MULTILINE)) / 2


HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
ALERTS = {"info", "note", "tip", "warning"}
BLOCKS = re.compile(r"\{(code|noformat)[^{}\n]*\}(.*?)\{\1\}", re.DOTALL)
SYNTAX = re.compile(
    r"\{(?:code|noformat|quote|panel|color)[^{}\n]*\}|\[([^\[\]|\n]*)\|[a-z]+://[^\]\n]*\]|!([^\s!|][^!\n|]*\.\w+)(?:\|[^!\n]*)?!"
    r"|^\s*(?:h\d\.|bq\.|[*#]+\s|-\s)",
    re.MULTILINE,
)


def test_issues_keep_every_word() -> None:
    words = 0
    for key, text in bodies():
        plain = SYNTAX.sub(lambda found: f" {found[1] or found[2] or ''} ", text)
        words += assert_kept(re.findall(r"[^\W_]+", plain), f"{key}\n\n{wiki_to_markdown(text)}")
    assert words > 45_000


def test_issues_keep_their_code_to_the_character() -> None:
    blocks = 0
    for _, text in bodies():
        wanted = [found[2].replace("\r\n", "\n").strip("\n") for found in BLOCKS.finditer(text)]
        assert [body.strip("\n") for _, body in code(wiki_to_markdown(text))] == wanted
        blocks += len(wanted)
    assert blocks > 100


def test_issues_keep_their_headings_and_links() -> None:
    found = 0
    for _, text in bodies():
        plain, made = BLOCKS.sub("", text), wiki_to_markdown(text)
        titles = re.findall(r"^\s*h(\d)\.(?:\s+|(?=[A-Z]))(.*?)\s*$", plain, re.MULTILINE)
        assert [level for level, _ in headings(made)] == [int(level) for level, _ in titles]
        wanted = re.findall(r"\[(?:[^\[\]|\n]+\|)?([a-z]+://[^\]\n|]+)\]", plain)
        assert [unquote(each) for each in spans(made, "link_open") if "://" in each] == [
            unquote(each) for each in wanted
        ]
        found += len(titles) + len(wanted)
    assert found > 170


def test_people_and_pages_get_their_names() -> None:
    text = next(text for _, text in bodies() if "[~person6]" in text)
    assert "@Ada" in visible(wiki_to_markdown(text, Links(people={"person6": "Ada"})))
    path = SHARED / "confluence_pages/568918170/page.xhtml"
    links = Links(page_url=lambda space, title: f"https://w/{space}/{len(title)}")
    assert "https://w//25" in spans(storage_to_markdown(path.read_text("utf-8"), links), "link_open")
