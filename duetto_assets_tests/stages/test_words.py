"""Claims about the words of the full-text index."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.stages.words import MAX_WORD_CHARS, words

SHA = "3f786850e387550fdab836ed7e6dc881de23001b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("The word", "the word"),
        ("getHTTPResponse2", "gethttpresponse2 get http response 2"),
        ("snake_case_name", "snake_case_name snake case name"),
        ("__init__", "__init__ init"),
        ("MAX_SIZE", "max_size max size"),
        ("kebab-case", "kebab case"),
        ("app.routes.add_url", "app routes add_url add url routes.add_url"),
        ("std::vector", "std vector std.vector"),
        ("SRE-42: fix", "sre-42 sre 42 fix"),
        ("sre-42", "sre-42 sre 42"),
        ("sha256", "sha256 sha 256"),
        ("3.11", "3 11 3.11"),
        (SHA, SHA),
        ("Größe STRASSE straße", "grösse strasse strasse"),
        ("cafe\u0301", "café"),
        ("Привет МирКода", "привет миркода мир кода"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("検索エンジン", "検索 索エ エン ンジ ジン"),
        ("字", "字"),
        ("한국어", "한국 국어"),
        ("使用getName方法", "使用 getname get name 方法"),
        ("____ ->  \ud800 👍", ""),
        ("QUJD" * 40, "qujd" * 16),
    ],
)
def test_words_of(text: str, expected: str) -> None:
    assert words(text) == expected


@settings(deadline=None)
@given(st.text(max_size=200))
def test_words_are_lower_case_bounded_and_encodable(text: str) -> None:
    for word in filter(None, words(text).split(" ")):
        assert len(word) <= MAX_WORD_CHARS + 1
        assert word == word.casefold()
        assert not any(char.isspace() for char in word)
        word.encode("utf-8")


@pytest.mark.parametrize("name", ["getHTTPResponse2", "snake_case_name", "Flask.route", "SRE-42", "検索エンジン"])
def test_a_name_is_found_wherever_it_stands(name: str) -> None:
    row = set(words(f"see ({name}), please").split())
    assert set(words(name).split()) <= row


def test_a_part_finds_the_whole() -> None:
    assert set(words("http response").split()) <= set(words("x = getHTTPResponse2(y)").split())


@pytest.mark.parametrize("text", ["a" * 10**6, "a." * 10**5, "字" * 10**5, "a_" * 10**5, "A-1-" * 10**5, "é." * 10**5])
def test_a_megabyte_without_spaces_gives_bounded_words(text: str) -> None:
    assert max(map(len, words(text).split())) <= MAX_WORD_CHARS
