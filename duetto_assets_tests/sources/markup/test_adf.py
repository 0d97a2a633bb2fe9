"""Atlassian Document Format as Markdown, node by node."""

from __future__ import annotations

from typing import Any

import pytest

from duetto_assets.sources.markup import Links, adf_mentions, adf_to_markdown
from duetto_assets_tests.sources.markup.reading import tables
from duetto_assets_tests.sources.markup.trees import Json, adf, paragraph, text

LINKS = Links(
    browse_url="https://acme.example/browse/",
    base_url="https://acme.example/wiki",
    page_url=lambda space, title: f"https://acme.example/{space or '-'}/{title}" if title == "Known" else "",
    people={"1": "Ada"},
)


def made(*nodes: Json) -> str:
    return adf_to_markdown(adf("doc", *nodes), LINKS)


def macro(name: str, kind: str = "extension", *content: Json, **params: str) -> Json:
    values = {key: {"value": value} for key, value in params.items()}
    return adf(kind, *content, extensionKey=name, parameters={"macroParams": values})


def item(*nodes: Json) -> Json:
    return adf("listItem", *nodes)


@pytest.mark.parametrize(
    ("node", "markdown"),
    [
        (adf("heading", text("A *b*"), level=3), r"### A \*b\*"),
        (adf("heading", text("C#"), level=9), "###### C#"),
        (adf("heading", text("C #"), level=1), r"# C \#"),
        (adf("paragraph", text("a"), adf("hardBreak"), text("b")), "a\\\nb"),
        (adf("rule"), "***"),
        (adf("blockquote", paragraph("a"), paragraph("b")), "> a\n>\n> b"),
        (adf("codeBlock", text("a\n```\nb"), language="py"), "````py\na\n```\nb\n````"),
        (adf("orderedList", item(paragraph("a")), item(paragraph("b")), order=9), "9. a\n10. b"),
        (adf("bulletList", item(paragraph("a"), adf("bulletList", item(paragraph("b"))))), "- a\n  - b"),
        (adf("taskList", adf("taskItem", text("a"), state="DONE"), adf("taskItem", text("b"))), "- [x] a\n- [ ] b"),
        (
            adf("taskList", adf("taskItem", text("a")), adf("taskList", adf("taskItem", text("b")))),
            "- [ ] a\n  - [ ] b",
        ),
        (adf("decisionList", adf("decisionItem", text("yes"))), "- yes"),
        (adf("panel", paragraph("a"), panelType="error"), "> [!CAUTION]\n> a"),
        (adf("panel", paragraph("a"), panelType="custom"), "> a"),
        (adf("expand", paragraph("a"), title="More"), "**More**\n\na"),
        (adf("layoutSection", adf("layoutColumn", paragraph("a")), adf("layoutColumn", paragraph("b"))), "a\n\nb"),
        (
            adf("mediaSingle", adf("media", alt="a b.png", id="7"), adf("caption", text("C"))),
            "![a b.png](<a b.png>)\n\nC",
        ),
        (adf("mediaGroup", adf("media", url="https://e.example/x.png")), "![](https://e.example/x.png)"),
        (adf("blockCard", url="https://e.example/a"), "<https://e.example/a>"),
        (adf("embedCard", url="/spaces/A"), "<https://acme.example/spaces/A>"),
        (adf("paragraph", adf("inlineCard", data={"name": "N", "url": "https://e.example"})), "[N](https://e.example)"),
        (adf("paragraph", adf("mention", id="1", text="@Old")), "@Ada"),
        (adf("paragraph", adf("mention", id="2", text="@Old")), "@Old"),
        (adf("paragraph", adf("mention", id="712020:x")), "@712020:x"),
        (adf("paragraph", adf("date", timestamp="1735689600000")), "2025-01-01"),
        (adf("paragraph", adf("date", timestamp="soon")), "soon"),
        (adf("paragraph", adf("status", text="DONE"), text(" "), adf("emoji", shortName=":x:")), "DONE :x:"),
        (adf("paragraph", adf("emoji", shortName=":x:", text="🙂")), "🙂"),
        (adf("surprise", paragraph("a"), adf("child", text="b")), "a\n\nb"),
        (macro("toc"), ""),
        (macro("jira", key="DAEMON-1"), "[DAEMON-1](https://acme.example/browse/DAEMON-1)"),
        (macro("jira", jqlQuery="project = A"), "`project = A`"),
        (macro("include", **{"": "Known"}), "[Known](https://acme.example/-/Known)"),
        (macro("excerpt", "bodiedExtension", paragraph("a")), "a"),
        (macro("info", "bodiedExtension", paragraph("a"), title="T"), "> [!NOTE]\n> **T**\n>\n> a"),
        (
            adf("multiBodiedExtension", adf("extensionFrame", paragraph("a")), adf("extensionFrame", paragraph("b"))),
            "a\n\nb",
        ),
        (adf("extension", extensionKey="x", text="fallback"), "fallback"),
    ],
)
def test_a_block(node: Json, markdown: str) -> None:
    assert made(node) == markdown


@pytest.mark.parametrize(
    ("nodes", "markdown"),
    [
        ([text("a", "strong"), text("b")], "**a**b"),
        ([text("a ", "strong"), text("b")], "**a** b"),
        ([text("a", "strong"), text("b", "strong", "em")], "**a<em>b</em>**"),
        ([text("a", "em", "strong")], "***a***"),
        ([text("(a)", "strong"), text("b")], "<strong>(a)</strong>b"),
        ([text("a", "strike"), text("b", "underline"), text("c", "subsup")], "~~a~~bc"),
        ([text("a`b", "code")], "``a`b``"),
        ([text("a", "code", "link")], "[`a`](https://e.example/a_b)"),
        ([text("a]b", "link")], r"[a\]b](https://e.example/a_b)"),
        ([text("]:", "link")], r"[\]:](https://e.example/a_b)"),
        ([text("[a"), adf("hardBreak"), text("b]: c")], "\\[a\\\nb]: c"),
        ([text("a", "strong", "strike"), text("b", "em", "underline")], "<strong>~~a~~</strong>*b*"),
        ([text("!"), text("a", "link")], r"\![a](https://e.example/a_b)"),
        ([text("https://e.example/a_b", "link")], "<https://e.example/a_b>"),
    ],
)
def test_marks(nodes: list[Json], markdown: str) -> None:
    assert made(adf("paragraph", *nodes)) == markdown


@pytest.mark.parametrize(
    "plain",
    [
        "snake_case_name and _private, a * b, a < b, x & y, arr[0], f(x), C:\\dir\\file, 100%, #tag, -x, 1.5, ~/a",
        "see https://e.example/a_b?c=d&e=f#g (or not)!",
        "{{requestTitle}} {a} $HOME ${x} | y",
    ],
)
def test_what_is_no_markup_stays_as_it_is(plain: str) -> None:
    assert made(paragraph(plain)) == plain


@pytest.mark.parametrize(
    ("plain", "markdown"),
    [
        ("# a", r"\# a"), ("1. a", r"1\. a"), ("- a", r"\- a"), ("> a", r"\> a"), ("---", r"\---"), ("===", r"\==="),
        ("*a*", r"\*a\*"), ("_a_", r"\_a_"), ("`a`", r"\`a\`"), ("[x](y)", r"[x\](y)"), ("[a]: b", r"\[a]: b"),
        ("<b>", r"\<b>"), ("&amp;", r"\&amp;"), ("a\\*", r"a\\\*"), ("[x] a", r"\[x] a"), ("~~a~~", r"\~\~a\~\~"),
    ],
)  # fmt: skip
def test_what_could_be_markup_is_escaped(plain: str, markdown: str) -> None:
    assert made(paragraph(plain)) == markdown


def row(*cells: Json) -> Json:
    return adf("tableRow", *cells)


def cell(*nodes: Json, **attrs: Any) -> Json:
    return adf("tableCell", *nodes, **attrs)


def test_a_table_without_a_header_row_gets_an_empty_one() -> None:
    table = adf("table", row(cell(paragraph("a|b")), cell(paragraph("c"))))
    assert made(table) == "|  |  |\n| --- | --- |\n| a\\|b | c |"


def test_the_blocks_of_a_cell_stand_in_one_line() -> None:
    blocks = [
        paragraph("a"),
        adf("orderedList", item(paragraph("b"), adf("bulletList", item(paragraph("c")))), order=3),
    ]
    table = adf(
        "table",
        row(
            adf(
                "tableHeader", *blocks, adf("codeBlock", text("d\ne|f")), adf("panel", paragraph("g"), panelType="note")
            )
        ),
    )
    assert made(table) == "| a<br>3. b<br>  - c<br>`d`<br>`e\\|f`<br>IMPORTANT: g |\n| --- |"


def test_merged_cells_keep_the_columns_in_line() -> None:
    head = row(adf("tableHeader", paragraph("A"), colspan=2), adf("tableHeader", paragraph("B")))
    first = row(cell(paragraph("tall"), rowspan=2), cell(paragraph("b")), cell(paragraph("c")))
    second = row(cell(paragraph("d")), cell(paragraph("e")))
    third = row(cell(paragraph("f")), cell(paragraph("g")), cell(paragraph("h")))
    assert made(adf("table", head, first, second, third)).split("\n") == [
        "| A |  | B |", "| --- | --- | --- |", "| tall | b | c |", "|  | d | e |", "| f | g | h |"
    ]  # fmt: skip


def test_a_table_in_a_table_loses_no_text() -> None:
    inner = adf(
        "table", row(cell(paragraph("a")), cell(paragraph("b"))), row(cell(paragraph("c")), cell(paragraph("d")))
    )
    assert made(adf("table", row(cell(inner)))).split("\n")[-1] == r"| a \| b<br>c \| d |"


def test_a_wide_table_keeps_its_text_in_a_hundred_columns() -> None:
    wide = adf("table", row(*(cell(paragraph(str(at))) for at in range(150))))
    assert tables(made(wide)) == [[100, 100]]
    assert "| 99<br>100<br>101" in made(wide)


def test_two_lists_stay_two() -> None:
    bullets = adf("bulletList", item(paragraph("a")))
    assert made(bullets, bullets, bullets) == "- a\n\n+ a\n\n- a"
    numbers = adf("orderedList", item(paragraph("a")))
    assert made(numbers, numbers) == "1. a\n\n1) a"


def test_a_list_that_cannot_end_a_paragraph_stands_apart() -> None:
    assert (
        made(adf("bulletList", item(paragraph("a"), adf("orderedList", item(paragraph("b")), order=3))))
        == "- a\n\n  3. b"
    )


def test_a_rule_at_the_top_opens_no_front_matter() -> None:
    assert made(adf("rule"), paragraph("a"), adf("rule")) == "***\n\na\n\n***"


@pytest.mark.parametrize(
    "document", [None, True, 7, [], {}, {"type": []}, {"content": {"content": 3}}, {"type": "table", "content": 1}]
)
def test_what_is_no_document_gives_no_text(document: object) -> None:
    assert adf_to_markdown(document) == ""


def test_a_string_is_its_text() -> None:
    assert adf_to_markdown("a *b*") == r"a \*b\*"


def test_mentions_are_found_at_any_depth() -> None:
    document = adf(
        "doc", paragraph("a"), adf("panel", adf("paragraph", adf("mention", id="1"), adf("mention", id=None)))
    )
    for _ in range(5_000):
        document = adf("blockquote", document)
    assert adf_mentions(document) == {"1"}
