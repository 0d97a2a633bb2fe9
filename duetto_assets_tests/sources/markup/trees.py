"""Strategies: documents of ADF, pages of storage format and wiki text, each with the texts that must come through."""

# ruff: noqa: E501, ISC004  # a case is a line

from __future__ import annotations

import html
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
Page = tuple[str, list[str]]

# What Markdown could read as a mark, and what decides whether it does: blanks, letters, punctuation, digits.
TEXT = st.text(alphabet="ab1 é한*_`~[]()<>#|\\!&;+-=.:/'\"{}^?", min_size=1, max_size=12)
LINES = st.lists(TEXT, min_size=1, max_size=3).map("\n".join)
MARKS = st.lists(
    st.sampled_from(["strong", "em", "strike", "code", "link", "underline", "textColor"]), max_size=3, unique=True
)
JUNK = st.one_of(
    st.none(), st.integers(), st.lists(st.text(max_size=2), max_size=2), st.just({"a": None}), st.text(max_size=5)
)


def adf(kind: str, *content: Json, **attrs: Any) -> Json:
    return {"type": kind, "attrs": attrs, "content": list(content)}


def text(value: str, *marks: str) -> Json:
    made = [{"type": mark, "attrs": {"href": "https://e.example/a_b"} if mark == "link" else {}} for mark in marks]
    return {"type": "text", "text": value, "marks": made}


def paragraph(*values: str) -> Json:
    return adf("paragraph", *(text(value) for value in values))


adf_inline = st.one_of(
    st.builds(lambda value, marks: text(value, *marks), TEXT, MARKS),
    TEXT.map(lambda value: adf("status", text=value)),
    st.just(adf("hardBreak")),
    st.builds(lambda value, junk: {**adf("surprise", text(value)), "attrs": junk}, TEXT, JUNK),
)
adf_paragraph = st.lists(adf_inline, max_size=4).map(lambda nodes: adf("paragraph", *nodes))
adf_leaf = st.one_of(
    adf_paragraph,
    st.builds(
        lambda level, node: {**node, "type": "heading", "attrs": {"level": level}}, st.integers(0, 9), adf_paragraph
    ),
    LINES.map(lambda value: adf("codeBlock", text(value), language="c++")),
    st.just(adf("rule")),
)


def _adf_parents(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    some = st.lists(children, min_size=1, max_size=3)
    item = some.map(lambda nodes: adf("listItem", *nodes))
    task = st.builds(lambda nodes, state: adf("taskItem", *nodes, state=state), some, st.sampled_from(["DONE", "TODO"]))
    cell = st.builds(
        lambda kind, nodes, across, down: adf(kind, *nodes, colspan=across, rowspan=down),
        st.sampled_from(["tableCell", "tableHeader"]),
        some,
        st.one_of(st.integers(-1, 3), JUNK),
        st.integers(0, 3),
    )
    row = st.lists(cell, min_size=1, max_size=3).map(lambda cells: adf("tableRow", *cells))
    kinds = ["blockquote", "panel", "expand", "layoutSection", "bodiedExtension", "surprise"]
    return st.one_of(
        st.builds(
            lambda kind, items, start: adf(kind, *items, order=start),
            st.sampled_from(["bulletList", "orderedList"]),
            st.lists(item, min_size=1, max_size=3),
            st.integers(-1, 12),
        ),
        st.lists(task, min_size=1, max_size=2).map(lambda items: adf("taskList", *items)),
        st.lists(row, min_size=1, max_size=3).map(lambda rows: adf("table", *rows)),
        st.builds(lambda kind, nodes: adf(kind, *nodes, panelType="info"), st.sampled_from(kinds), some),
    )


adf_blocks = st.recursive(adf_leaf, _adf_parents, max_leaves=8)
adf_documents = st.lists(adf_blocks, max_size=4).map(lambda nodes: adf("doc", *nodes))


def adf_texts(node: Json) -> list[str]:
    """Return all texts in their order."""
    own = [node["text"]] if "text" in node else []
    if node["type"] == "status":
        own = [node["attrs"]["text"]]
    return own + [each for child in node.get("content", []) for each in adf_texts(child)]


def _joined(parts: list[Page]) -> Page:
    return "".join(markup for markup, _ in parts), [each for _, texts in parts for each in texts]


def _in(before: str, part: Page, after: str) -> Page:
    return before + part[0] + after, part[1]


def _macro(part: Page, name: str) -> Page:
    before = f'<ac:structured-macro ac:name="{name}"><ac:parameter ac:name="x">hidden</ac:parameter><ac:rich-text-body>'
    return _in(before, part, "</ac:rich-text-body></ac:structured-macro>")


_storage_text = TEXT.map(lambda value: (html.escape(value, quote=False), [value]))
_storage_inline = st.one_of(
    _storage_text,
    st.builds(
        lambda part, tag: _in(f"<{tag}>", part, f"</{tag}>"),
        _storage_text,
        st.sampled_from(["strong", "em", "u", "code"]),
    ),
    _storage_text.map(lambda part: _in('<a href="https://e.example/a_b">', part, "</a>")),
    _storage_text.map(lambda part: _in('<ac:inline-comment-marker ac:ref="1">', part, "</ac:inline-comment-marker>")),
    _storage_text.map(
        lambda part: _in('<ac:link><ri:page ri:content-title="T"/><ac:link-body>', part, "</ac:link-body></ac:link>")
    ),
    st.sampled_from([("<br/>", []), ("&nbsp;", []), ("&eacute;", ["é"])]),
)
_storage_line = st.lists(_storage_inline, max_size=4).map(_joined)
_storage_leaf = st.one_of(
    st.builds(
        lambda part, tag: _in(f"<{tag}>", part, f"</{tag}>"), _storage_line, st.sampled_from(["p", "h1", "h6", "pre"])
    ),
    _storage_line,
    LINES.filter(lambda value: "]]>" not in value).map(
        lambda value: (
            '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql</ac:parameter>'
            f"<ac:plain-text-body><![CDATA[{value}]]></ac:plain-text-body></ac:structured-macro>",
            [value],
        )
    ),
    st.just(("<hr/>", [])),
)


def _storage_parents(children: st.SearchStrategy[Page]) -> st.SearchStrategy[Page]:
    some = st.lists(children, min_size=1, max_size=3).map(_joined)
    items = st.lists(some.map(lambda part: _in("<li>", part, "</li>")), min_size=1, max_size=3).map(_joined)
    cell = st.builds(
        lambda tag, part: _in(f"<{tag} colspan='2'>", part, f"</{tag}>"), st.sampled_from(["td", "th"]), some
    )
    row = st.lists(cell, min_size=1, max_size=3).map(_joined).map(lambda part: _in("<tr>", part, "</tr>"))
    rows = st.lists(row, min_size=1, max_size=3).map(_joined)
    task = some.map(
        lambda part: _in("<ac:task><ac:task-id>7</ac:task-id><ac:task-body>", part, "</ac:task-body></ac:task>")
    )
    return st.one_of(
        st.builds(lambda tag, part: _in(f"<{tag}>", part, f"</{tag}>"), st.sampled_from(["ul", "ol"]), items),
        rows.map(lambda part: _in("<table><colgroup><col/></colgroup><tbody>", part, "</tbody></table>")),
        task.map(lambda part: _in("<ac:task-list>", part, "</ac:task-list>")),
        st.builds(_macro, some, st.sampled_from(["info", "panel", "expand", "excerpt", "no-such-macro"])),
        st.builds(
            lambda tag, part: _in(f"<{tag}>", part, f"</{tag}>"), st.sampled_from(["blockquote", "div", "x:y"]), some
        ),
    )


storage_pages = st.lists(st.recursive(_storage_leaf, _storage_parents, max_leaves=8), max_size=4).map(_joined)

_SEPARATORS = [
    "*", "_", "-", "+", "^", "~", "??", "{{", "}}", "{", "}", "[", "]", "!", "|", "||", "#", "\\", "\\\\", "<", ">", "`",
    "{quote}", "{panel}", "{code}", "{noformat}", "{color:red}", "{color}", "{info}", "[t|http://e.example]", "!i.png!",
    "**", "*#", "h1.", "bq.", "----", ".", ":", "(", ")", "\n", "\n\n", "\n* ", "\n# ", "\n|", "|\n", "\nh2. ", " ",
]  # fmt: skip
wiki_texts = st.lists(
    st.tuples(st.sampled_from(["", " "]), st.sampled_from(_SEPARATORS), st.sampled_from(["", " "])),
    min_size=1,
    max_size=25,
).map(lambda parts: "".join(f"{a}{mark}{b}word{at}" for at, (a, mark, b) in enumerate(parts)))
