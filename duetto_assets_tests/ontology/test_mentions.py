"""Claims about what a text names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.ontology.mentions import MAX_MENTIONS, Mention, mentions_of, normal_url


def named(text: str, kind: str, *, markdown: bool = True, link: bool | None = None) -> list[str]:
    """Return the targets of a kind."""
    found = mentions_of(text, markdown=markdown)
    return [each.target for each in found if each.kind == kind and link in (None, each.link)]


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("SRE-42", ["SRE-42"]),
        ("SRE-42: Close the socket. Fixes SRE-7.", ["SRE-42", "SRE-7"]),
        ("Merge branch 'feature/SRE-42_fix' into main", ["SRE-42"]),
        ("Merge pull request #3 from acme/SRE-42-close-it", ["SRE-42"]),
        ("bugfix/SRE-42", ["SRE-42"]),
        ("[SRE-42] (SRE-43) #SRE-44 -SRE-45", ["SRE-42", "SRE-43", "SRE-44", "SRE-45"]),
        ("https://acme.atlassian.net/browse/SRE-42?focusedId=1", ["SRE-42"]),
        ("修复SRE-42的问题", ["SRE-42"]),
        ("`SRE-42` and\n\n```\nSRE-43\n```\n\n    SRE-44\n", ["SRE-42", "SRE-43", "SRE-44"]),
        ("X1_Y-9", ["X1_Y-9"]),
        ("UTF-8 SHA-256 ISO-8601", ["ISO-8601", "SHA-256", "UTF-8"]),
        ("XSRE-42", ["XSRE-42"]),
        ("xSRE-42 _SRE-42 1SRE-42 sre-42 SRE-042 SRE-0 SRE- SRE42 S-1 SRE-42a SRE-4A", []),
    ],
)
def test_an_issue_is_named_wherever_its_key_stands(text: str, keys: list[str], markdown: bool) -> None:
    assert named(text, "issue", markdown=markdown) == keys


PIECES = st.sampled_from(["SRE", "XSRE", "SRE2", "sre", "-", "-", "4", "0", "12", "_", "/", "a", "é", " ", "\n", "["])


@given(st.lists(PIECES, max_size=40).map("".join), st.booleans())
def test_a_projects_keys_are_those_that_a_filter_by_the_project_finds(text: str, markdown: bool) -> None:
    filtered = set()
    for match in re.finditer(r"(?a:\b)SRE-[1-9][0-9]*", text):
        behind = text[match.end() : match.end() + 1]
        if not (behind.isascii() and behind.isalnum()):
            filtered.add(match[0])
    assert {key for key in named(text, "issue", markdown=markdown) if key.startswith("SRE-")} == filtered


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("[docs](https://x.org/docs/)", ["https://x.org/docs"]),
        ('[docs](<https://x.org/a b> "title")', ["https://x.org/a%20b"]),
        ("[docs][1]\n\n[1]: https://x.org/docs", ["https://x.org/docs"]),
        ("<https://x.org/docs>", ["https://x.org/docs"]),
        ("See https://x.org/docs.", ["https://x.org/docs"]),
        ("(see https://x.org/a_(b))", ["https://x.org/a_(b)"]),
        ("**https://x.org/a**, 'https://x.org/b'!", ["https://x.org/a", "https://x.org/b"]),
        ("请看https://x.org/a。谢谢", ["https://x.org/a"]),
        ("| a | b |\n|---|---|\n| https://x.org/a | [x](https://x.org/b) |", ["https://x.org/a", "https://x.org/b"]),
        ('<p><a href="https://x.org/?a=1&amp;b=2">x</a></p>', ["https://x.org?a=1&b=2"]),
        ('in <a href="https://x.org/a">x</a>', ["https://x.org/a"]),
        ("[https://x.org/a](https://x.org/b)", ["https://x.org/b"]),
        ("[![badge](https://img.org/x.svg)](https://x.org/a)", ["https://x.org/a"]),
        ("`https://x.org/a`", []),
        ("```\nhttps://x.org/a\n```", []),
        ("![picture](https://x.org/a.png)", []),
        ('<img src="https://x.org/a.png">', []),
        ("[x](javascript:alert(1)) [y](ftp://x.org) https://", []),
    ],
)
def test_a_hyperlink_leads_to_an_address(text: str, targets: list[str]) -> None:
    assert named(text, "url", link=True) == targets


@pytest.mark.parametrize(
    "text", ["`https://x.org/a`", "```\ncurl https://x.org/a\n```", "    https://x.org/a", "<!-- https://x.org/a -->"]
)
def test_an_address_in_code_is_no_hyperlink(text: str) -> None:
    assert named(text, "url", link=False) == ["https://x.org/a"]


def test_in_plain_text_an_address_is_a_word() -> None:
    text = "See [1|https://x.org/a] and (https://x.org/b), https://x.org/a"
    assert named(text, "url", markdown=False, link=False) == ["https://x.org/a", "https://x.org/b"]
    assert not named(text, "url", markdown=False, link=True)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://X.Org/Path/", "https://x.org/Path"),
        ("https://www.x.org", "https://www.x.org"),
        ("https://x.org:443/a", "https://x.org/a"),
        ("http://x.org:80", "http://x.org"),
        ("http://x.org:443/", "http://x.org:443"),
        ("https://x.org:/a", "https://x.org/a"),
        ("https://ann:s3cret@x.org/a", "https://x.org/a"),
        ("https://x.org/a#b", "https://x.org/a"),
        ("https://x.org/a/?q=1&utm_source=mail&UTM_Medium=x&r", "https://x.org/a?q=1&r"),
        ("https://x.org/?utm_source=mail", "https://x.org"),
        ("https://x.org/?utmost=1", "https://x.org?utmost=1"),
        ("https://x.org/ä b%20c", "https://x.org/%C3%A4%20b%20c"),
        ("https://[::1]:443/a", "https://[::1]/a"),
        ("https://[::1/a", ""),
        ("https:///a", ""),
        ("https://ann@", ""),
        ("ftp://x.org", ""),
        ("mailto:a@x.org", ""),
        ("/a", ""),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(url: str, normal: str) -> None:
    assert normal_url(url) == normal


@given(st.text(max_size=60))
def test_the_spelling_of_an_address_is_final(text: str) -> None:
    once = normal_url(f"https://{text}")
    assert normal_url(once) == once


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see src/app.py.", ["src/app.py"]),
        (
            "src/app.py:12 src/b.py:3:4 src/c.py#L12 src/d.py#L1-L9 (src/e.py)",
            [f"src/{x}.py" for x in ("app", *"bcde")],
        ),
        ("./src/app.py", ["src/app.py"]),
        ("src/__init__.py and src/a_b_c.py", ["src/__init__.py", "src/a_b_c.py"]),
        ("src/**app**.py", ["src/app.py"]),
        ("_src/app.py_", ["src/app.py"]),
        (
            "`app.py` `package.json:3` `python run.py --config=conf/a.yml`",
            ["app.py", "conf/a.yml", "package.json", "run.py"],
        ),
        ("`tests/test_a.py::test_x`", ["tests/test_a.py"]),
        ("[code](src/x.py) and [src/y.py](https://x.org)", ["src/x.py", "src/y.py"]),
        (".github/workflows/ci.yml", [".github/workflows/ci.yml"]),
        ("app.py and `.py` and `Flask.route` and `1.2.x`", []),
        ("/usr/lib/x.so ~/x/y.py ../x/y.py src/*.py src/{a,b}.py a/../b.py a//b.py", []),
        ("https://x.org/src/app.py git@x.org:src/app.py -I/usr/x.h $HOME/x.py C:/x/y.py", []),
        ("and/or src/app python/3.11", []),
        ("```\nsrc/app.py\n```", []),
    ],
)
def test_a_path_is_named(text: str, paths: list[str]) -> None:
    assert named(text, "path") == paths


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("../b.md#part", "../b.md"),
        ("../../x/./y/../b.md?raw=1", "../../x/b.md"),
        ("./docs/", "docs"),
        ("/docs/b.md", "/docs/b.md"),
        ("LICENSE", "LICENSE"),
        ("a%20b.md", "a b.md"),
    ],
)
def test_a_hyperlink_leads_to_a_path_from_the_document(href: str, path: str) -> None:
    assert named(f"[x]({href})", "path", link=True) == [path]


@pytest.mark.parametrize("href", ["#part", "?q", "tel:1", "//x.org/a", "", "."])
def test_other_hyperlinks_lead_to_no_path(href: str) -> None:
    assert not named(f"[x]({href})", "path")


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("`Flask.route`", ["Flask.route"]),
        ("`parse_address`", ["parse_address"]),
        ("`WSGIRequestHandler` `camelCase` `__init__`", ["WSGIRequestHandler", "__init__", "camelCase"]),
        (
            "`run()` `app.run(debug=True)` `Foo#bar` `a::b::C` `@app.route`",
            ["Foo.bar", "a.b.C", "app.route", "app.run", "run"],
        ),
        ("``from werkzeug.routing import Rule``", ["werkzeug.routing"]),
        ("`console.log`", ["console.log"]),
        ("call Type.method() and run(), std::vector", ["Type.method", "run", "std.vector"]),
        ("`the` `install` `README` `Install` `_` `()` `1.2` `--foo_bar` `app.py` `e/f_g`", []),
        ("Flask.route parse_address WSGIRequestHandler function(s) note:: ()", []),
        ("```\nparse_address() Flask.route()\n```", []),
        ("    parse_address()", []),
    ],
)
def test_a_symbol_is_named_in_code_spans_and_as_calls(text: str, symbols: list[str]) -> None:
    assert named(text, "symbol") == symbols


def test_backticks_mark_code_in_plain_text() -> None:
    assert named("Let `parse_address` and ``a_b`` be; `open\nother_name`", "symbol", markdown=False) == [
        "a_b",
        "parse_address",
    ]


@pytest.mark.parametrize(
    ("text", "repositories"),
    [
        ("acme/api, acme/web-site.", ["acme/api", "acme/web-site"]),
        (
            "acme/api#12 actions/checkout@v4 acme/x.git acme/build",
            ["acme/api", "acme/build", "acme/x", "actions/checkout"],
        ),
        ("`parcel-api` `acme/api`", ["acme/api", "parcel-api"]),
        ("parcel-api src/app.py a/b/c https://x.org/acme/api `--flag` `a b-c` `a-b.py` -x/y", []),
    ],
)
def test_a_repository_may_be_named(text: str, repositories: list[str]) -> None:
    assert named(text, "repository") == repositories


@pytest.mark.parametrize(
    ("text", "commits"),
    [
        ("Reverts 1a2b3c4.", ["1a2b3c4"]),
        ("1A2B3C4 `deadbee1` abc1234..def5678", ["1a2b3c4", "abc1234", "deadbee1", "def5678"]),
        ("a" * 40, ["a" * 40]),
        ("acme/api@1a2b3c4", ["1a2b3c4"]),
        ("1234567 defaced 1a2b3c " + "1a" * 21, []),
        ("550e8400-e29b-41d4-a716-446655440000 #1a2b3c4d v1.2-3-g1a2b3c4 1A2b3C4", []),
        ("https://github.com/acme/api/commit/1a2b3c4", []),
    ],
)
def test_a_commit_is_named(text: str, commits: list[str]) -> None:
    assert named(text, "commit") == commits


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("@Ann, @bob-lee: see", ["login:ann", "login:bob-lee"]),
        ("Signed-off-by: Ann Lee <Ann@X.org>", ["email:ann@x.org"]),
        ("[mail](mailto:Ann@X.org?subject=Hi)", ["email:ann@x.org"]),
        ("ann@x.org, mailto:bob@x.org.", ["email:ann@x.org", "email:bob@x.org"]),
        ("[@ann](https://x.org/ann)", ["login:ann"]),
        ("`@ann` @types/node @app.route a@b git@github.com:acme/api.git https://ann@x.org/@bob -@x", []),
        ("```\n@ann ann@x.org\n```", []),
    ],
)
def test_a_person_is_named(text: str, people: list[str]) -> None:
    assert named(text, "person") == people


MARKED_UP = """\
A `code
span` and [a link](https://x.org/1
"title") then @one \\
@two <b
>@three</b> ![image
alt](x.png) @four

> - @five
>   @six &amp;
>   @seven

```
https://x.org/2
```
| @eight |
|---|
| @nine |
"""


def test_a_mention_tells_its_line() -> None:
    lines = {each.target: each.line for each in mentions_of(MARKED_UP, markdown=True) if each.kind in {"person", "url"}}
    assert lines == {
        target if "/" in target else f"login:{target}": MARKED_UP[: MARKED_UP.index(target)].count("\n") + 1
        for target in ["https://x.org/1", "https://x.org/2"]
    } | {
        f"login:{name}": MARKED_UP[: MARKED_UP.index(f"@{name}")].count("\n") + 1
        for name in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    }


@pytest.mark.parametrize("markdown", [True, False])
def test_a_target_is_told_once_with_its_first_line(markdown: bool) -> None:
    assert mentions_of("x\r\r\n\n@ann SRE-1\n\n@ann SRE-1", markdown=markdown) == [
        Mention("issue", "SRE-1", 3, False),
        Mention("person", "login:ann", 3, False),
    ]


def test_an_address_may_be_a_hyperlink_and_a_word() -> None:
    assert mentions_of("`https://x.org`\n\n<https://x.org>", markdown=True) == [
        Mention("url", "https://x.org", 1, False),
        Mention("url", "https://x.org", 3, True),
    ]


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("between", ["\n", " ", "\n\n"])
def test_no_more_than_the_first_mentions_are_told(between: str, markdown: bool) -> None:
    rows = [f"SRE-{n} @u{n} {n:07}a src/{n}.py" for n in range(1, MAX_MENTIONS)]
    found = mentions_of(between.join(rows), markdown=markdown)
    assert len(found) == MAX_MENTIONS
    assert found == mentions_of(between.join(rows), markdown=markdown)
    if between == "\n":
        assert max(each.line for each in found) == MAX_MENTIONS / 4


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize(
    "piece",
    [
        *"a/[`-@.<>(_*:#A1\\|&\0\r ",
        *["-1-1-1", "A-", "A1", "SRE-1a ", "a@", "a.", "a::", "a_b ", "a/", "./", "../", "a1", "0x"],
        *["[a](", "![", "](", "`a", "`` ` ", "http://", "https://x.org/)", "<a href=", "> ", "- ", "**_ "],
    ],
)
def test_a_hostile_text_is_read_to_its_end(piece: str, markdown: bool) -> None:
    text = piece * (1_000_000 // len(piece))
    assert {each.target for each in mentions_of(f"{text}\n\n SRE-42", markdown=markdown)} >= {"SRE-42"}


def test_ten_megabytes_of_one_line_are_read() -> None:
    assert named("lorem ipsum/dolor " * 600_000 + "`a_b`", "symbol") == ["a_b"]


@given(st.text(alphabet="aA1_-./:@#`[]()<>!*|~ \n\r\0é", max_size=200), st.booleans())
def test_any_text_can_be_read(text: str, markdown: bool) -> None:
    found = mentions_of(text, markdown=markdown)
    lines = text.count("\n") + 1
    assert all(1 <= each.line <= lines and each.target for each in found)
    assert len(found) == len({(each.kind, each.target, each.link) for each in found})
    assert found == sorted(found, key=lambda each: each.line)
