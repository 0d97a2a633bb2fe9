"""Finds what a text names: issues, addresses, paths, symbols, repositories, commits, people.

It knows nothing of what exists. `UTF-8` is an issue's key here; whoever resolves mentions decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, autolink, backtick, escape, html_inline, image, link, newline
from markdown_it.token import Token

from duetto_assets.ontology.people import email_key
from duetto_assets.sources.languages import language_of

Kind = Literal["issue", "url", "path", "symbol", "repository", "commit", "person"]

MAX_MENTIONS = 2_000
MAX_TARGET_CHARS = 2_000
_MAX_MARKDOWN_CHARS = 2_000_000  # a longer text is read as plain lines
_MAX_INLINE_CHARS = 100_000  # a longer paragraph is: its marks take 10 µs a character where each is a `[`

# ASCII on purpose: between a Chinese word and a key stands no blank.
_ISSUE = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]++-[1-9][0-9]*+(?![A-Za-z0-9])")
_URL = re.compile(
    r"(?<![A-Za-z0-9])https?://[^\s<>\"`\x00-\x1f\u3001\u3002\u3010\u3011\uff08\uff09\uff0c]+", re.IGNORECASE
)
_URL_TAIL = "?!.,:;*_~'\""
_CLOSING = {")": "(", "]": "[", "}": "{"}
_TRACKING = re.compile(r"utm_\w*(?:=|\Z)", re.IGNORECASE)
_SPAN = re.compile(r"(?<!`)(`++)([^`]++)(`++)")

_WORD = re.compile(r"[^\s`\"'<>()\[\]{},;|=]+")
_WORD_TAIL = ".:!?…"
_LINE = re.compile(r"(?::\d+(?:[:-]\d+)?|#L\d+(?:-L?\d+)?)\Z")
_SEGMENT = re.compile(r"[\w.@+~-]+")
_EXTENSION = re.compile(r".*\.[A-Za-z]\w{0,15}", re.DOTALL)
# `console.log` and `response.text` end as files do.
_ATTRIBUTE_LIKE = frozenset({"build", "conf", "log", "m", "patch", "properties", "props", "r", "rest", "t", "text"})
_SYMBOL = re.compile(r"[^\W\d]\w*+(?:(?:\.|::|#)[^\W\d]\w*+)*+")
_SEPARATOR = re.compile(r"::|#")
_REPOSITORY = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}+)(?:#\d+|@[\w.-]+)?")
_HYPHENATED = re.compile(r"[A-Za-z0-9._]++(?:-[A-Za-z0-9._]++)++")
_COMMIT = re.compile(r"(?<![\w#-])(?:[0-9a-f]{7,40}+|[0-9A-F]{7,40}+)(?![\w-])")
_LOGIN = re.compile(r"(?<![\w.@/+-])@([A-Za-z0-9](?:[-_]?[A-Za-z0-9]){0,38}+)(?![\w@/-]|\.\w)")
_EMAIL = re.compile(r"[\w.+%-]+@(?:[\w-]+\.)+[A-Za-z]{2,}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")


@dataclass(frozen=True, slots=True)
class Mention:
    """One thing that a text names, where it does so first.

    The target by kind. issue: its key. url: as `normal_url` gives it. path: with `/`, relative to some root; that of a
    hyperlink is relative to the document's own folder and may begin with `../`, or to the root if with `/`. symbol:
    dotted. repository: "owner/name" or "name". commit: lower-case. person: "email:ann@example.com" or "login:ann".
    """

    kind: Kind
    target: str
    line: int  # 1-based
    link: bool = False  # a hyperlink, not a word


def mentions_of(text: str, *, markdown: bool) -> list[Mention]:
    """Return what a text names, in the order of lines: each target of a kind once, the first `MAX_MENTIONS`."""
    issues, others = _Found(), _Found()
    _issues(text, issues)
    if markdown and len(text) <= _MAX_MARKDOWN_CHARS:
        _markdown(text, others)
    else:
        _plain(text, 1, others, linked=False)
    found = sorted([*issues, *others], key=lambda each: (each.line, each.kind, each.target, each.link))
    return found[:MAX_MENTIONS]


def normal_url(url: str) -> str:
    """Return one spelling of an http(s) address, without fragment, password and tracking; "" if it is none."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    host = parts.netloc.rpartition("@")[2].lower()
    host = host.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ":")).removesuffix(":")
    if scheme not in {"http", "https"} or not host:
        return ""
    asked = [part for part in parts.query.split("&") if part and not _TRACKING.match(part)]
    query = f"?{_percent('&'.join(asked))}" if asked else ""
    return f"{scheme}://{host}{_percent(parts.path.rstrip('/'))}{query}"


def _percent(text: str) -> str:
    """Encode what no address may hold; what is encoded stays so."""
    return quote(text, safe="%/:=&?~#+!$,;'@()*[]|", errors="replace")


class _Found:
    """Mentions of one reading of a text, from its first line on."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Kind, str, bool], int] = {}

    def add(self, kind: Kind, target: str, line: int, link: bool = False) -> None:
        if 0 < len(target) <= MAX_TARGET_CHARS and not self.full:
            self._lines.setdefault((kind, target, link), line)

    @property
    def full(self) -> bool:
        return len(self._lines) >= MAX_MENTIONS

    def __iter__(self) -> Iterator[Mention]:
        return (Mention(kind, target, line, link) for (kind, target, link), line in self._lines.items())


def _issues(text: str, found: _Found) -> None:
    """Add the keys of the raw text: a branch, an address or a block of code names them as well as a sentence."""
    line, at = 1, 0
    for match in _ISSUE.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found.add("issue", match[0], line)
        if found.full:
            return


def _markdown(text: str, found: _Found) -> None:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])  # inline marks are read block by block, unless one is huge
    for name, rule in _INLINE_RULES.items():
        parser.inline.ruler.at(name, _located(rule))
    row, env = 1, dict[str, Any]()  # holds the link definitions
    # markdown-it ends lines at a lone carriage return too; ours end at "\n" alone.
    for token in parser.parse(re.sub(r"\r(?!\n)", " ", text), env):
        row = token.map[0] + 1 if token.map else row
        if found.full:
            return
        if token.type == "inline" and len(token.content) > _MAX_INLINE_CHARS:
            _plain(token.content, row, found, linked=True)
        elif token.type == "inline":
            children: list[Token] = []
            parser.inline.parse(token.content, parser, env, children)
            _inline(token.content, children, row, found)
        elif token.type in {"fence", "code_block"}:
            _block(token.content, row + (token.type == "fence"), found)
        elif token.type == "html_block":
            _html(token.content, row, found)


_Rule = Callable[[StateInline, bool], bool]
_INLINE_RULES: dict[str, _Rule] = {
    "newline": newline,
    "escape": escape,
    "backticks": backtick,
    "link": link,
    "image": image,
    "autolink": autolink,
    "html_inline": html_inline,
}


def _located(rule: _Rule) -> _Rule:
    """Return a rule that tells where the last token it made ends, for lines also end inside of code and links."""

    def applied(state: StateInline, silent: bool) -> bool:
        before = len(state.tokens)
        done = rule(state, silent)
        if done and len(state.tokens) > before:
            state.tokens[-1].meta["end"] = state.pos
        return done

    return applied


def _inline(content: str, tokens: list[Token], row: int, found: _Found) -> None:
    """Read what stands in a paragraph, a heading or a cell. Text is joined over emphasis, as people see it."""
    text: list[str] = []
    literal: list[str] = []  # underscores that open emphasis inside of a path: "src/__init__.py"
    at = in_link = 0
    for token in [*tokens, Token("softbreak", "", 0)]:
        if token.type in {"text", "text_special"}:
            text.append(token.content)
        elif token.type in {"em_open", "strong_open"}:
            inside = token.markup.startswith("_") and bool(text) and text[-1].endswith(("/", "."))
            literal.append(token.markup if inside else "")
            text.append(literal[-1])
        elif token.type in {"em_close", "strong_close"}:
            text.append(literal.pop())
        else:
            _prose("".join(text), row, found, linked=True, urls=not in_link)
            text = []
            in_link += token.nesting
            _mark(token, row, found)
        end = token.meta.get("end", at)
        row += content.count("\n", at, end)
        at = end


def _mark(token: Token, row: int, found: _Found) -> None:
    if token.type == "code_inline":
        _code(token.content, row, found)
    elif token.type == "link_open":
        _target(str(token.attrs.get("href", "")), row, found)
    elif token.type == "html_inline":
        _html(token.content, row, found)


def _target(href: str, row: int, found: _Found) -> None:
    """Add where a hyperlink leads."""
    if url := normal_url(href):
        found.add("url", url, row, link=True)
    elif href.lower().startswith("mailto:"):
        found.add("person", email_key(unquote(href[7:].partition("?")[0])), row, link=True)
    elif not _SCHEME.match(href):
        path = unquote(href.partition("#")[0].partition("?")[0])
        found.add("path", _joined(path), row, link=True)


def _joined(path: str) -> str:
    """Return a path without `.`, double `/` and inner `..`; it keeps the `..` that it begins with."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def _html(content: str, row: int, found: _Found) -> None:
    """Add the addresses of HTML, but those of images."""
    at = 0
    for start, url in _urls(content):
        row += content.count("\n", at, start)
        at = start
        before = content[max(start - 10, 0) : start].lower().rstrip("\"'")
        if not before.endswith(("src=", "srcset=")):
            found.add("url", normal_url(unescape(url)), row, link=before.endswith("href="))


def _block(content: str, row: int, found: _Found) -> None:
    """Read a block of code: its words are too many to mean something."""
    for start, line in enumerate(content.split("\n"), row):
        for _, url in _urls(line):
            found.add("url", normal_url(url), start)


def _plain(text: str, row: int, found: _Found, *, linked: bool) -> None:
    """Read lines in which nothing but backticks is a mark."""
    for number, line in enumerate(text.split("\n"), row):
        if found.full:
            return
        at = 0
        for span in _SPAN.finditer(line):
            if len(span[1]) == len(span[3]):
                _prose(line[at : span.start()], number, found, linked=linked)
                _code(span[2], number, found)
                at = span.end()
        _prose(line[at:], number, found, linked=linked)


def _prose(text: str, line: int, found: _Found, *, linked: bool, urls: bool = True) -> None:
    """Read text of one line that is no code.

    :param linked: Bare addresses are hyperlinks, as GitHub's Markdown makes them.
    :param urls: False inside of a hyperlink, whose text often is its address.
    """
    text = _without_urls(text, line, found if urls else _Found(), linked)
    for match in _LOGIN.finditer(text):
        found.add("person", f"login:{match[1].lower()}", line)
    _commits(text, line, found)
    for word, end in _words(text):
        if "@" in word and urls and _EMAIL.fullmatch(word.removeprefix("mailto:")):
            found.add("person", email_key(word.removeprefix("mailto:")), line)
        elif "/" in word:
            _path_or_repository(word, line, found)
        elif "::" in word or text.startswith("()", end):
            found.add("symbol", _symbol(word), line)


def _code(text: str, line: int, found: _Found) -> None:
    """Read a code span."""
    text = _without_urls(text, line, found, linked=False)
    _commits(text, line, found)
    if _HYPHENATED.fullmatch(text) and not _is_file_name(text):
        found.add("repository", text, line)
    for word, end in _words(text):
        if "/" in word:
            _path_or_repository(word, line, found)
            continue
        called = text.startswith("(", end)
        name = "" if called else _path(word)
        if _is_file_name(name):
            found.add("path", name, line)
            if name.rpartition(".")[2] not in _ATTRIBUTE_LIKE:
                continue
        symbol = _symbol(word.lstrip(".@&*$:!"))
        if called or not symbol.isalnum() or _has_inner_capital(symbol):
            found.add("symbol", symbol, line)


def _without_urls(text: str, line: int, found: _Found, linked: bool) -> str:
    """Add the addresses in a text, and return it without them."""
    parts, at = [], 0
    for start, url in _urls(text):
        found.add("url", normal_url(url), line, link=linked)
        parts += [text[at:start], " "]
        at = start + len(url)
    return "".join([*parts, text[at:]]) if at else text


def _urls(text: str) -> Iterator[tuple[int, str]]:
    """Yield where addresses stand, and how GitHub's Markdown ends them."""
    for match in _URL.finditer(text):
        yield match.start(), _trimmed(match[0])


def _trimmed(url: str) -> str:
    surplus = {close: url.count(close) - url.count(opening) for close, opening in _CLOSING.items()}
    end = len(url)
    while end and (url[end - 1] in _URL_TAIL or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Yield words without the sentence's marks, and where each ends in the text."""
    for match in _WORD.finditer(text):
        if len(match[0]) <= MAX_TARGET_CHARS:
            word = match[0].rstrip(_WORD_TAIL)
            yield word, match.end()


def _commits(text: str, line: int, found: _Found) -> None:
    for match in _COMMIT.finditer(text):
        sha = match[0].lower()
        if len(sha) == 40 or not (sha.isdigit() or sha.isalpha()):
            found.add("commit", sha, line)


def _path_or_repository(word: str, line: int, found: _Found) -> None:
    path = _path(word)
    if "/" in path and _EXTENSION.fullmatch(path.rpartition("/")[2]):
        found.add("path", path, line)
    repository = _REPOSITORY.fullmatch(word)
    if repository and not _is_file_name(repository[1].rpartition("/")[2]):
        found.add("repository", repository[1].removesuffix(".git"), line)


def _path(word: str) -> str:
    """Return a word as a relative path, without the line or the test that it may point to; "" if it is none."""
    path = _LINE.sub("", word.partition("::")[0])
    while path.startswith("./"):
        path = path[2:]
    segments = path.split("/")
    plain = all(_SEGMENT.fullmatch(segment) and segment.strip(".") for segment in segments)
    return path if plain and not path.startswith(("~", "-", "@")) else ""


def _is_file_name(name: str) -> bool:
    """Whether a name ends as the files of a language do."""
    stem, _, extension = name.rpartition(".")
    return bool(stem and language_of(f"x.{extension}"))


def _symbol(word: str) -> str:
    """Return an identifier, dotted; "" if the word is none."""
    return _SEPARATOR.sub(".", word) if word.strip("_") and _SYMBOL.fullmatch(word) else ""


def _has_inner_capital(word: str) -> bool:
    """Whether a word is `camelCase`, `PascalCase` or `WSGIHandler`; `README` and `Install` are plain words."""
    return not word.isupper() and any(char.isupper() for char in word[1:])
