"""Confluence's storage format as Markdown, element by element."""

# ruff: noqa: E501, ISC004  # a case is a line

from __future__ import annotations

import pytest

from duetto_assets.sources.markup import storage_mentions, storage_to_markdown
from duetto_assets_tests.sources.markup.test_adf import LINKS


def macro(name: str, body: str = "", **params: str) -> str:
    given = "".join(f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in params.items())
    return f'<ac:structured-macro ac:name="{name}">{given}{body}</ac:structured-macro>'


def rich(body: str) -> str:
    return f"<ac:rich-text-body>{body}</ac:rich-text-body>"


def plain(body: str) -> str:
    return f"<ac:plain-text-body><![CDATA[{body}]]></ac:plain-text-body>"


@pytest.mark.parametrize(
    ("xhtml", "markdown"),
    [
        ("<h2>a</h2><p>b<br/>c</p><hr/>", "## a\n\nb\\\nc\n\n***"),
        ("<p>a&nbsp;b &eacute; &#8364; &lt;x&gt; &nosuch;</p>", r"a b é € \<x> \&nosuch;"),
        ("<p>a\n  b</p>", "a b"),
        ("<ol start='3'><li>a<ul><li><p>b</p></li></ul></li></ol>", "3. a\n   - b"),
        ("<pre>a <b>b</b><br/>  c</pre>", "```\na b\n  c\n```"),
        ("<p><del>a</del> <u>b</u> x<sup>2</sup> <span style='color: red'>c</span></p>", "~~a~~ b x2 c"),
        ("<p><a href='/x y'>t</a> <a href='#top'>u</a></p>", "[t](<https://acme.example/x y>) [u](#top)"),
        ("<table><tbody><tr><th>a</th></tr><tr><td><p>b</p><p>c</p></td></tr></tbody></table>", "| a |\n| --- |\n| b<br>c |"),
        (macro("code", plain("a < b &amp; ]"), language="sql", title="T"), "**T**\n\n```sql\na < b &amp; ]\n```"),
        (macro("noformat", plain("```")), "````\n```\n````"),
        (macro("info", rich("<p>a</p>"), title="T"), "> [!NOTE]\n> **T**\n>\n> a"),
        (macro("note", rich("<ul><li>a</li></ul>")), "> [!WARNING]\n>\n> - a"),
        (macro("warning", rich("<p>a</p>")), "> [!CAUTION]\n> a"),
        (macro("panel", rich("<p>a</p>"), title="T", bgColor="#fff"), "> **T**\n>\n> a"),
        (macro("expand", rich("<p>a</p>"), title="T"), "**T**\n\na"),
        (macro("expand", rich(macro("code", plain("x")))), "```\nx\n```"),
        ("<p>a " + macro("status", title="DONE", colour="Green") + "</p>", "a DONE"),
        ("<p>" + macro("jira", key="A-1", server="s") + "</p>", "[A-1](https://acme.example/browse/A-1)"),
        (macro("jira", jqlQuery="project = A"), "`project = A`"),
        (macro("toc", maxLevel="2") + macro("children") + macro("anchor", **{"": "x"}), ""),
        (macro("no-such", rich("<p>a</p>"), x="hidden"), "a"),
        (macro("no-such", plain("a")), "```\na\n```"),
        (macro("excerpt-include", '<ac:parameter ac:name=""><ac:link><ri:page ri:content-title="Known" ri:space-key="S"/></ac:link></ac:parameter>'),
         "[Known](https://acme.example/S/Known)"),
        (macro("profile", '<ac:parameter ac:name="user"><ri:user ri:account-id="1"/></ac:parameter>'), "@Ada"),
        (macro("view-file", '<ac:parameter ac:name="name"><ri:attachment ri:filename="a.pdf"/></ac:parameter>'),
         "[a.pdf](a.pdf)"),
        ("<ac:link><ri:page ri:content-title='Known'/></ac:link>", "[Known](https://acme.example/-/Known)"),
        ("<ac:link><ri:page ri:content-title='Other'/></ac:link>", "Other"),
        ("<ac:link ac:anchor='x'><ri:page ri:content-title='Known' ri:space-key='S'/>"
         "<ac:plain-text-link-body><![CDATA[a & b]]></ac:plain-text-link-body></ac:link>", "[a & b](https://acme.example/S/Known#x)"),
        ("<ac:link><ri:blog-post ri:content-title='Post' ri:posting-day='2024/01/01'/></ac:link>", "Post"),
        ("<ac:link><ri:user ri:account-id='1'/></ac:link> <ac:link><ri:user ri:userkey='k'/></ac:link>", "@Ada @k"),
        ("<ac:link><ri:attachment ri:filename='a b.txt'/></ac:link>", "[a b.txt](<a b.txt>)"),
        ("<ac:link><ri:space ri:space-key='S'/></ac:link>", "S"),
        ("<ac:link><ri:url ri:value='https://e.example'/><ac:link-body>t</ac:link-body></ac:link>", "[t](https://e.example)"),
        ("<ac:link ac:anchor='top'><ac:link-body>up</ac:link-body></ac:link>", "[up](#top)"),
        ("<ac:link ac:anchor='top'/>", "[top](#top)"),
        ("<ac:image ac:alt='A'><ri:attachment ri:filename='a.png'/><ac:caption><p>C</p></ac:caption></ac:image>", "![A](a.png)\n\nC"),
        ("<ac:image><ri:url ri:value='https://e.example/a.png'/></ac:image>", "![https://e.example/a.png](https://e.example/a.png)"),
        ("<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
         "<ac:task-body><span>a</span></ac:task-body></ac:task><ac:task><ac:task-body>b</ac:task-body></ac:task></ac:task-list>",
         "- [x] a\n- [ ] b"),
        ("<ac:emoticon ac:name='smile' ac:emoji-shortname=':s:' ac:emoji-fallback='🙂'/><ac:emoticon ac:name='tick'/>", "🙂:tick:"),
        ("<p>due <time datetime='2024-05-06'/></p>", "due 2024-05-06"),
        ("<p>a<ac:inline-comment-marker ac:ref='1'>b</ac:inline-comment-marker>c<ac:placeholder>d</ac:placeholder></p>", "abcd"),
        ("<ac:layout><ac:layout-section><ac:layout-cell><p>a</p></ac:layout-cell><ac:layout-cell>b</ac:layout-cell>"
         "</ac:layout-section></ac:layout>", "a\n\nb"),
        ("<ac:adf-extension><ac:adf-node type='panel'><ac:adf-attribute key='panel-type'>error</ac:adf-attribute>"
         "<ac:adf-content><p>a</p></ac:adf-content></ac:adf-node><ac:adf-fallback><p>a</p></ac:adf-fallback></ac:adf-extension>",
         "> [!CAUTION]\n> a"),
        ("<ac:adf-extension><ac:adf-node type='decision-list'><ac:adf-node type='decision-item'><ac:adf-attribute key='state'>DECIDED"
         "</ac:adf-attribute><ac:adf-content>a</ac:adf-content></ac:adf-node></ac:adf-node></ac:adf-extension>", "- a"),
        ("<ac:adf-extension><ac:adf-node type='x'/><ac:adf-fallback><p>a</p></ac:adf-fallback></ac:adf-extension>", "a"),
    ],
)  # fmt: skip
def test_an_element(xhtml: str, markdown: str) -> None:
    assert storage_to_markdown(xhtml, LINKS) == markdown


@pytest.mark.parametrize(
    ("xhtml", "markdown"),
    [
        ("<p>a <b>b <i>c</b> d</i> e</p> f</div> g <p>h", "a **b <em>c</em>** d e\n\nf g\n\nh"),
        ("a < b <3 && c", "a < b <3 && c"),
        ("<p>a</script>b</p>", "ab"),
        ("<ul><li>a<br>b<hr></li><li>c</li></ul>", "- a\\\n  b\n\n  ***\n\n- c"),
        ("<b>a<img src='i.png'>b</b>c", "**a![](i.png)b**c"),
        ("<td>a<br>", "a"),
        ("<br>" * 60 + "<p>a</p><ul><li>b</li></ul>", "a\n\n- b"),
        ("<p a='1' b='2>x</p>y", "x\n\ny"),
        ("<p>a<![CDATA[b <b> c", r"ab \<b> c"),
        ("a<!-- hidden -->b<?pi?>c", "abc"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>&b;</p>', None),
        ("<p title='a>b'>c</p>", "c"),
        ("a\0b\x01c\ud800d\x85e\u2028f", "a\ufffdb\ufffdc\ufffdd e f"),
        ("<pre>a\r\nb\rc</pre>", "```\na\nb\nc\n```"),
        ("&#0;&#xD800;&#99999999;", None),
        ("<a href='http://['>a</a>", "[a](http://[)"),
    ],
)
def test_a_broken_page_gives_its_text(xhtml: str, markdown: str | None) -> None:
    made = storage_to_markdown(xhtml, LINKS)
    made.encode("utf-8")
    assert "aaaaaaaa" not in made
    assert markdown is None or made == markdown


def test_mentions_are_accounts_and_user_keys() -> None:
    users = "<ri:user ri:account-id='1'/><ac:link><ri:user ri:userkey='k'/></ac:link><ri:user/>"
    assert storage_mentions(users + macro("profile", "<ac:parameter ac:name='user'><ri:user ri:account-id='2'/></ac:parameter>")) == {
        "1", "2", "k"
    }  # fmt: skip
