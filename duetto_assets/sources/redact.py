"""What a remote system said, made fit for a log: one short line without secrets, e-mails or query strings."""

from __future__ import annotations

import re

_USER = re.compile(r"[\w.+%:~-]+@(?=[\w\[])")  # user:password@host and the local part of an e-mail
_QUERY = re.compile(r"\?[^\s'\"]*=[^\s'\"]*")


def quote(text: str, limit: int = 300) -> str:
    """Return remote text as one printable line of at most `limit` characters."""
    line = " ".join(_QUERY.sub("", _USER.sub("", text)).split())
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
