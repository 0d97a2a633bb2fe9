"""What commands print: data on stdout, talk on stderr, and no remote text that drives the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from duetto_assets.model import PUBLIC
from duetto_assets.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON lines.")]


def say(sentence: str) -> None:
    """Talk to the person at the terminal. Lines are kept: a list of candidates has one each."""
    for line in sentence.split("\n"):
        typer.echo(printable(line), err=True)


def json_line(value: Any) -> str:
    """Return one line of JSON that is harmless to a terminal, and still says what `value` does."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def printable(text: str) -> str:
    """Return text that cannot drive a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def principals(named: Sequence[str] | None, settings: Settings) -> tuple[str, ...]:
    """Return the names to ask by: those given, as they are stored, or the indexing accounts' own."""
    if not named:
        return (*PUBLIC, *settings.accounts.values())
    words = [word.strip() for each in named for word in each.split(",") if word.strip()]
    return (*PUBLIC, *(word.casefold() if "@" in word else word for word in words))
