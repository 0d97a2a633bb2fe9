"""What a chunker needs to know of a document's structure, whatever parser found it. Rows are 0-based."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

SIGNATURE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Definition:
    """A named thing that a search should find: a function, a class, a section of prose."""

    name: str
    kind: str
    signature: str
    row: int  # where the signature stands


class Part(Protocol):
    """A node of a document's structure."""

    @property
    def start(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def leads(self) -> bool:
        """True of comments, attributes and the like, which belong to what follows them."""
        ...

    @property
    def transparent(self) -> bool:
        """True of namespaces, header guards and the like: always looked into, even where they fit."""
        ...

    def parts(self) -> Sequence[Part]: ...
    def definition(self, enclosing_kind: str) -> Definition | None: ...


@dataclass(slots=True)
class Block:
    """A part that was read eagerly."""

    start: int
    last: int
    defines: Definition | None = None
    children: list[Block] = field(default_factory=list)
    leads: bool = False
    transparent: bool = False

    def parts(self) -> Sequence[Part]:
        return self.children

    def definition(self, enclosing_kind: str) -> Definition | None:  # noqa: ARG002  # the protocol's
        return self.defines


def one_line(text: str) -> str:
    """Return `text` on one line, cut to the length of a signature."""
    return " ".join(text[: 8 * SIGNATURE_CHARS].split())[:SIGNATURE_CHARS].rstrip()
