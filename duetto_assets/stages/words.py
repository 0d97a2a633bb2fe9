"""Turns text into the words of the full-text index. The same function serves rows and queries."""

from __future__ import annotations

import re
import unicodedata

MAX_WORD_CHARS = 64
_CACHED_WORDS = 200_000

# Scripts written without spaces, found by pairs of characters: Han, kana, Hangul; Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u1049\u1780-\u17d3"
)
# Accents and vowel signs, which `\w` leaves out though they stand inside words.
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d\u0a81-\u0a83"
    "\u0abc-\u0acd\u0b01-\u0b03\u0b3c-\u0b4d\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c4d\u0cbc-\u0ccd\u0d3b-\u0d4d"
)
_KEY = r"(?<![\w-])[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,7}(?![\w-])"  # SRE-42, utf-8
_LETTERS = rf"(?:[^\W{_UNSPACED}]|[{_MARKS}])+"
_ASCII = re.compile(rf"{_KEY}|\w+(?:(?:\.|::)\w+)*", re.ASCII)
_ANY = re.compile(rf"{_KEY}|[{_UNSPACED}]+|{_LETTERS}(?:(?:\.|::){_LETTERS})*")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
_NAME_JOINT = re.compile(r"\.|::")
_HASH = re.compile(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,64}")
# Parts of an identifier, found in its shape: A upper, a lower, 9 digit, _ anything between words.
_PARTS = re.compile(r"A+(?=Aa)|A?a+|A+|9+")

_cache: dict[str, str] = {}


def words(text: str) -> str:
    """Return the lower-cased words of `text`, joined by spaces, to be indexed as they stand.

    `getHTTPResponse2` gives `gethttpresponse2 get http response 2`; `a.b_c` gives `a b_c b c a.b_c`.
    """
    found = _ASCII.findall(text) if text.isascii() else _ANY.findall(unicodedata.normalize("NFKC", text))
    if len(_cache) > _CACHED_WORDS:
        _cache.clear()
    out = [_cache.get(word) or _remember(word) for word in found]
    return " ".join([entry for entry in out if entry != " "])


def _remember(word: str) -> str:
    """Return the entry of `word`: its index words, or a space if there are none."""
    entry = " ".join(_expand(word)) or " "
    if len(word) <= MAX_WORD_CHARS:
        _cache[word] = entry
    return entry


def _expand(word: str) -> list[str]:
    if _UNSPACED_RUN.fullmatch(word):
        return [word[i : i + 2] for i in range(len(word) - 1)] or [word]
    if "-" in word:
        return [word.casefold(), *(part for half in word.split("-") for part in _identifier(half))]
    names = _NAME_JOINT.split(word)
    out = [part for name in names for part in _identifier(name)]
    tail = ".".join(names[-2:]).casefold()
    if len(names) > 1 and len(tail) <= MAX_WORD_CHARS:
        out.append(tail)
    return out


def _identifier(name: str) -> list[str]:
    """Return the identifier whole, then its parts."""
    whole = name.casefold()[:MAX_WORD_CHARS]
    if not whole.strip("_"):
        return []
    if _HASH.fullmatch(whole) or (len(name) > MAX_WORD_CHARS and "_" not in name):
        return [whole]  # a hash or an encoded blob: its parts would be noise
    shape = "".join(map(_shape, name))
    parts = [name[m.start() : m.end()].casefold()[:MAX_WORD_CHARS] for m in _PARTS.finditer(shape)]
    return [whole] if parts == [whole] else [whole, *parts]


def _shape(char: str) -> str:
    if char == "_":
        return "_"
    if char.isupper():
        return "A"
    return "9" if char.isdigit() else "a"
