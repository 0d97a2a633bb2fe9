"""Bytes to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.sources.languages import language_of
from duetto_assets.sources.redact import quote
from duetto_assets.sources.text import decode

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
GERMAN = "Größe der Datei: fünf Übungen für Anfänger.\n"
JAPANESE = "// 日本語のコメントです。これはテストです\nint main() { return 0; }\n"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\ufeff")))
def test_utf_8_stays_as_it_is(text: str) -> None:
    assert decode(text.encode()) == (text, "")


@given(st.binary())
def test_any_bytes_are_storable_text_or_have_a_reason(data: bytes) -> None:
    text, skipped = decode(data)
    assert not (text and skipped)
    assert "\0" not in text
    text.encode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
def test_other_encodings_are_recognised(encoding: str) -> None:
    assert decode(GERMAN.encode(encoding)) == (GERMAN, "")


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "euc_jp"])
def test_other_scripts_are_recognised(encoding: str) -> None:
    assert decode(JAPANESE.encode(encoding)) == (JAPANESE, "")


def test_a_stray_byte_does_not_make_utf_8_something_else() -> None:
    assert decode(GERMAN.encode() * 10 + b"\xe9") == (GERMAN * 10 + "\N{REPLACEMENT CHARACTER}", "")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (b"a" * 7_999 + b"\0", "binary"),
        (POINTER, "git lfs pointer"),
        (bytes(range(1, 256)) * 20, "not text in any known encoding"),
        (b"\xff\xfeabc\0\xd8", "binary"),
    ],
)
def test_what_is_no_text_says_why(data: bytes, reason: str) -> None:
    assert decode(data) == ("", reason)


def test_a_nul_far_inside_is_replaced() -> None:
    assert decode(b"a" * 8_000 + b"\0b") == ("a" * 8_000 + "\N{REPLACEMENT CHARACTER}b", "")


def test_a_text_about_lfs_is_no_pointer() -> None:
    text = "The first line is\nversion https://git-lfs.github.com/spec/v1\noid sha256:1\n"
    assert decode(text.encode()) == (text, "")


@pytest.mark.parametrize(
    ("path", "first_line", "language"),
    [
        ("src/a.py", "", "python"),
        ("a.TSX", "", "tsx"),
        ("lib/a.d.ts", "", "typescript"),
        ("Dockerfile", "", "dockerfile"),
        ("docker/Dockerfile.dev", "", "dockerfile"),
        ("CMakeLists.txt", "", "cmake"),
        ("bin/run", "#!/usr/bin/env python3", "python"),
        ("bin/run", "#!/bin/sh -e", "bash"),
        ("bin/run", "python", ""),
        ("strange.xyz", "", ""),
        ("", "", ""),
    ],
)
def test_a_language_is_told_by_name_or_first_line(path: str, first_line: str, language: str) -> None:
    assert language_of(path, first_line) == language


def test_a_quote_is_one_short_line_without_secrets() -> None:
    said = quote("fatal: https://ann:pw@x.org/a?token=t\n\x1b[1m mail ops@acme.com " + "x" * 999, limit=80)
    assert said.startswith("fatal: https://x.org/a")
    assert len(said) == 80
    assert not any(secret in said for secret in ("pw", "token", "\n", "\x1b", "ops@"))
