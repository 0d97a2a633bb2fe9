"""JIRA's wiki markup as Markdown, mark by mark."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import pytest

from duetto_assets.sources.markup import wiki_mentions, wiki_to_markdown
from duetto_assets_tests.sources.markup.test_adf import LINKS


@pytest.mark.parametrize(
    ("wiki", "markdown"),
    [
        ("h1. A\r\nh5.Title\nh2.jar", "# A\n\n##### Title\n\nh2.jar"),
        ("a\nb\n\nc", "a\nb\n\nc"),
        ("a\\\\b", "a\\\nb"),
        ("*b* _e_ -d- +i+ ??c?? ^s^ ~s~ {*}f{*}g", "**b** *e* ~~d~~ i *c* s s **f**g"),
        ("a*b*c snake_case_name 2 * 3 * 4 a-b-c x -y +1", r"a\*b\*c snake_case_name 2 * 3 * 4 a-b-c x -y +1"),
        ("*_a_ b*", "**<em>a</em> b**"),
        ("{{a_b *c*}} {{x{y}}}", "`a_b *c*` `x{y}`"),
        ("bq. a *b*", "> a **b**"),
        ("{quote}a\n\nb{quote}c", "> a\n>\n> b\n\nc"),
        ("{color:red}a{color} {color:#fff}*b*{color}", "a **b**"),
        ("{code:title=A.java|java}\n*a*\n{code}", "**A.java**\n\n```java\n*a*\n```"),
        ("x {code:sql}a{code} y", "x\n\n```sql\na\n```\n\ny"),
        ("{noformat}{code}*a*{code}{noformat}", "```\n{code}*a*{code}\n```"),
        ("{code}a *b*", r"{code}a **b**"),
        ("{panel:title=T|bgColor=#fff}a{panel}", "> **T**\n>\n> a"),
        ("{info}a{info}{warning:title=W}b{warning}", "> [!NOTE]\n> a\n\n> [!CAUTION]\n> **W**\n>\n> b"),
        ("{expand:More}a{expand}", "**More**\n\na"),
        ("{quote}{panel}a{quote}b", "> > a\n\nb"),
        ("* a\n** b\n*** c\n* d", "- a\n  - b\n    - c\n- d"),
        ("# a\n#* b\n# c", "1. a\n   - b\n2. c"),
        ("* a\n# b", "- a\n\n1. b"),
        ("*** a\n* b", "- a\n- b"),
        ("- a\n- b\ngoes on", "- a\n- b\n  goes on"),
        ("* a {code}b{code}\n* c", "- a\n\n  ```\n  b\n  ```\n\n- c"),
        ("||a||b||\n|c|d|", "| a | b |\n| --- | --- |\n| c | d |"),
        ("|a|b\nc|", "|  |  |\n| --- | --- |\n| a | b<br>c |"),
        ("||a|b|", "|  |  |\n| --- | --- |\n| a | b |"),
        (r"|a\|b|[t|https://e.example]|{{c|d}}|", "|  |  |  |\n| --- | --- | --- |\n| a\\|b | [t](https://e.example) | `c\\|d` |"),
        ("|{code}a|b{code}|c|", "|  |  |\n| --- | --- |\n| `a\\|b` | c |"),
        ("[t|https://e.example/a_b|tip] [https://e.example] [mailto:a@e.example]",
         "[t](https://e.example/a_b) <https://e.example> [mailto:a@e.example](mailto:a@e.example)"),
        ("[*t*|https://e.example]", "[**t**](https://e.example)"),
        ("[^a b.txt] [~1] [~accountid:2] [#top] [plain] [a|b]", "[a b.txt](<a b.txt>) @Ada @2 [#top](#top) [plain] [a|b]"),
        ("!a b.png|thumbnail! !https://e.example/i! wow! no!", "![a b.png](<a b.png>) ![https://e.example/i](https://e.example/i) wow! no!"),
        ("https://e.example/_a_/*b* DAEMON-1 :) (x)", r"https://e.example/\_a_/\*b\* DAEMON-1 :) (x)"),
        ("----\na\n-----", "***\n\na\n\n***"),
        (r"\*a\* \{code} \[x\]", r"\*a\* {code} [x]"),
        ("{anchor:x}a{toc}", "a"),
        ("{jira:A-1}", "[A-1](https://acme.example/browse/A-1)"),
        ("# a\n\n# b", "1. a\n\n1) b"),
        ("\ue0005\ue001 {unknown}", "\ufffd5\ufffd {unknown}"),
        ("h3. a {code}b{code} c", "### a\n\n```\nb\n```\n\nc"),
        ("{{a {code}b{code} c}}", "`a b c`"),
    ],
)  # fmt: skip
def test_a_mark(wiki: str, markdown: str) -> None:
    assert wiki_to_markdown(wiki, LINKS) == markdown


def test_mentions_are_user_keys_and_account_ids() -> None:
    assert wiki_mentions("[~joe] *[~accountid:712020:x]* [~] [joe]") == {"joe", "712020:x"}
