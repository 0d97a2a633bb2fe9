"""Whatever the tree: never an exception, no text lost, the order kept, tables with the right columns."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.sources.markup import (
    adf_mentions,
    adf_to_markdown,
    storage_mentions,
    storage_to_markdown,
    wiki_mentions,
    wiki_to_markdown,
)
from duetto_assets_tests.sources.markup.reading import assert_kept, code, spans, tables, visible
from duetto_assets_tests.sources.markup.trees import (
    LINES,
    MARKS,
    TEXT,
    Json,
    Page,
    adf,
    adf_documents,
    adf_texts,
    paragraph,
    storage_pages,
    text,
    wiki_texts,
)

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "text", "attrs", "marks", "parameters", "data"]), inner)
        | st.builds(
            lambda kind, attrs: {"type": kind, "attrs": attrs},
            st.sampled_from(
                ["heading", "orderedList", "table", "media", "date", "mention", "extension", "inlineCard", "text"]
            ),
            st.dictionaries(st.sampled_from(["level", "order", "timestamp", "id", "parameters", "data", "url"]), inner),
        )
    ),
    max_leaves=12,
)


@given(adf_documents)
@settings(max_examples=250, deadline=None)
def test_no_text_of_a_document_is_lost(document: Json) -> None:
    assert_kept(adf_texts(document), adf_to_markdown(document))


@given(storage_pages)
@settings(max_examples=250, deadline=None)
def test_no_text_of_a_page_is_lost(page: Page) -> None:
    markup, texts = page
    assert_kept(texts, storage_to_markdown(markup))


@given(wiki_texts)
@settings(max_examples=400, deadline=None)
def test_no_word_of_wiki_markup_is_lost(source: str) -> None:
    assert_kept(re.findall(r"word\d+", source), wiki_to_markdown(source))


@given(st.lists(st.tuples(TEXT, MARKS), min_size=1, max_size=4))
@settings(max_examples=600, deadline=None)
def test_marks_leave_no_trace_in_the_text(runs: list[tuple[str, list[str]]]) -> None:
    """Code alone may keep more blanks than other text."""
    made = adf_to_markdown(adf("doc", adf("paragraph", *(text(value, *marks) for value, marks in runs))))
    assert "".join(visible(made).split()) == "".join("".join(value for value, _ in runs).split())


@given(st.lists(TEXT, min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_lines_of_text_begin_no_block(lines: list[str]) -> None:
    nodes = [node for value in lines for node in (text(value), adf("hardBreak"))]
    made = adf_to_markdown(adf("doc", adf("paragraph", *nodes)))
    assert "".join(visible(made).split()) == "".join("".join(lines).split())


@given(LINES)
@settings(deadline=None)
def test_code_stays_to_the_character(value: str) -> None:
    made = adf_to_markdown(adf("doc", adf("codeBlock", text(value), language="sql")))
    assert code(made) == [("sql", value.strip("\n") + "\n")]


@given(TEXT.filter(str.strip))
@settings(deadline=None)
def test_code_in_a_line_and_in_a_cell_stays_to_the_character(value: str) -> None:
    document = adf("doc", adf("paragraph", text(value, "code")))
    assert spans(adf_to_markdown(document), "code_inline") == [value]
    table = adf("table", adf("tableRow", adf("tableHeader", document), adf("tableHeader", paragraph("x"))))
    assert [each.strip() for each in spans(adf_to_markdown(adf("doc", table)), "code_inline")] == [value.strip()]


@given(st.integers(1, 4), st.integers(1, 4), st.data())
@settings(max_examples=100, deadline=None)
def test_a_table_has_its_rows_and_columns(rows: int, columns: int, data: st.DataObject) -> None:
    kinds = st.sampled_from(["tableCell", "tableHeader"])
    grid = [[(data.draw(kinds), data.draw(TEXT)) for _ in range(columns)] for _ in range(rows)]
    made = adf_to_markdown(
        adf("doc", adf("table", *(adf("tableRow", *(adf(k, paragraph(value)) for k, value in row)) for row in grid)))
    )
    headed = all(kind == "tableHeader" for kind, _ in grid[0])
    assert tables(made) == [[columns] * (rows + (not headed))]
    assert_kept([value for row in grid for _, value in row], made)


@given(anything)
@settings(max_examples=300, deadline=None)
def test_any_json_gives_text(document: Any) -> None:
    made = adf_to_markdown(document)
    made.encode("utf-8")
    assert "\0" not in made
    assert isinstance(adf_mentions(document), frozenset)
    json.dumps(made)


@given(
    st.text(),
    st.lists(st.sampled_from(["<p", ">", "</p>", "<ac:link", '"', "='", "<![CDATA[", "]]>", "<!--", "&", ";"])),
)
@settings(max_examples=300, deadline=None)
def test_any_string_gives_text(value: str, shreds: list[str]) -> None:
    for source in (value, "".join(shreds), value.join(shreds)):
        for made in (storage_to_markdown(source), wiki_to_markdown(source)):
            made.encode("utf-8")
            assert len(made.splitlines()) == (made.count("\n") + 1 if made else 0)
        assert isinstance(storage_mentions(source) | wiki_mentions(source), frozenset)
