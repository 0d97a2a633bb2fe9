"""Bytes to text, or the reason why they are none."""

from __future__ import annotations

import codecs
import re

LOOKED_AT = 8_000
"""git takes a file with a NUL in its first 8,000 bytes for binary, and so do we."""

_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/v\d+\n(?:[^\n]*\n)*?oid ")
_LFS_MAX_BYTES = 1_024  # by its specification

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What people have saved text in. Without the list, short files are taken for EBCDIC.
_LEGACY = (
    "cp1252", "latin_1", "iso8859_15", "cp1250", "iso8859_2", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255",
    "cp1256", "shift_jis", "cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "euc_kr", "cp949",
)  # fmt: skip
_MAX_MESS = 0.15  # of charset-normalizer: the share of what it reads that looks like no language
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x80-\x9f]")


def decode(data: bytes) -> tuple[str, str]:
    """Return (text, ""), or ("", why it is no text).

    A NUL becomes U+FFFD, since few programs store one, and so does a stray byte in what else is UTF-8. All other
    characters stay as they are, line ends too.
    """
    if len(data) <= _LFS_MAX_BYTES and _LFS.match(data):
        return "", "git lfs pointer"
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return _storable(data.decode(encoding)), ""
            except UnicodeDecodeError:
                break
    if b"\0" in data[:LOOKED_AT]:
        return "", "binary"
    try:
        return _storable(data.decode("utf-8")), ""
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    strays = text.count("\N{REPLACEMENT CHARACTER}")
    if strays * 10 < len(data) - len(data.decode("ascii", "ignore")) - strays:
        return _storable(text), ""
    return _guess(data)


def _guess(data: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes  # most repositories never need it

    best = from_bytes(
        data, cp_isolation=list(_LEGACY), threshold=_MAX_MESS, preemptive_behaviour=False, enable_fallback=False
    ).best()
    text = "" if best is None else data.decode(best.encoding, "replace")
    if not text or len(_CONTROL.findall(text)) > len(text) / 100:
        return "", "not text in any known encoding"
    return _storable(text), ""


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
