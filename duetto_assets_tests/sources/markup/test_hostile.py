"""Text made to hurt: it comes to an end, the depth does not matter, and what is there comes out."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import pytest

from duetto_assets.sources.markup import adf_to_markdown, storage_to_markdown, wiki_to_markdown
from duetto_assets_tests.sources.markup.trees import Json, adf, paragraph, text

CHARS = 60_000


def nested(depth: int, kind: str) -> Json:
    node = paragraph("innermost")
    for _ in range(depth):
        node = adf(kind, text("w"), node)
    return node


@pytest.mark.parametrize("kind", ["blockquote", "bulletList", "listItem", "tableCell", "table", "surprise", "strong"])
def test_a_document_of_any_depth(kind: str) -> None:
    made = adf_to_markdown(nested(10_000, kind))
    assert made.count("w") == 10_000
    assert "innermost" in made


@pytest.mark.parametrize(
    "tag", ["div", "b", "ul", "table", "td", "ac:link", "ac:structured-macro", "ac:parameter-of-none"]
)
def test_a_page_of_any_depth(tag: str) -> None:
    made = storage_to_markdown(f"<{tag}>w " * 10_000 + "innermost" + f"</{tag}>" * 10_000 + " last")
    assert made.count("w") == 10_000
    assert made.endswith("last")


def test_a_text_of_ten_megabytes() -> None:
    value = "word " * 2_000_000
    for made in (
        adf_to_markdown(paragraph(value)),
        storage_to_markdown(value),
        wiki_to_markdown(value),
    ):
        assert len(made) == len(value) - 1


@pytest.mark.parametrize(
    "shred",
    [
        "<", "<a ", '<a "', "<!--", "<![CDATA[", "</b>", "<b>", '<a b="', "<a '\"", "<td>", "`", "_a ", "a_ ", "**a", "\\", "](",
        "[a", "#", "|", "<li>x", "<ac:link>", "{quote}", "{panel:title=x}", "{code}", "{noformat}x", "{{", "}}", "[a|", "[~",
        "!a.b", "*a ", "-a ", "??", "{*}", "|a|\n", "* a\n", "* a\n|b\n", "\n", " ", "h1. ", "http://", "* a\nb\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("convert", [storage_to_markdown, wiki_to_markdown])
def test_a_long_text_of_one_mark_comes_to_an_end(convert: Callable[[str], str], shred: str) -> None:
    # What takes the square of the length would take minutes here, and shows in the tests' durations.
    assert isinstance(convert(shred * (CHARS // len(shred))), str)


def test_a_table_of_tall_cells_grows_with_its_length() -> None:
    cell = adf("tableCell", paragraph("c"), rowspan=10**9, colspan=10**9)
    made = adf_to_markdown(adf("table", *(adf("tableRow", cell) for _ in range(2_000))))
    assert made.count("c") == 2_000
    assert len(made) < 2_000_000
