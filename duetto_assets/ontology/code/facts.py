"""What one source file says of itself, and what linking the files of a repository makes of it.

Two steps. `extract` reads one file alone; its facts are kept, and made again only when the file changes. `link` sees
the facts of all files of one family in a repository and resolves names to symbols; it is a pure function of them, so
that a graph built bit by bit equals one built at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

CERTAIN = 1.0
"""Resolved through imports, scope and types that the code itself declares."""
LIKELY = 0.7
"""Resolved by a rule that can be wrong: the only definition of a method's name, whatever its receiver is."""
BY_NAME = 0.3
"""One of a few definitions of that name."""

MAX_CANDIDATES = 3  # definitions of one name that are told; more say nothing


@dataclass(frozen=True, slots=True)
class Definition:
    """A symbol that the file defines."""

    name: str  # dotted, inside the file and its declared namespace: "Flask.route", "main", "outer.inner"
    kind: str  # a concrete entity type: class interface trait struct enum alias function method module
    line: int  # 1-based
    end_line: int  # inclusive


@dataclass(frozen=True, slots=True)
class Facts:
    """What a family keeps of one file: JSON-able, small, and nothing of other files.

    `definitions` are for everybody; what `link` needs beside them is each family's own, in `body`.
    """

    language: str
    definitions: tuple[Definition, ...] = ()
    module: str = ""  # the dotted name of a declared package or namespace: "com.acme.api"; "" where there is none
    body: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        definitions = [[d.name, d.kind, d.line, d.end_line] for d in self.definitions]
        return {"language": self.language, "definitions": definitions, "module": self.module, "body": self.body}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Facts:
        """Return what `as_json` said."""
        definitions = tuple(Definition(*row) for row in said["definitions"])
        return cls(said["language"], definitions, said["module"], said["body"])


@dataclass(frozen=True, slots=True)
class Link:
    """One relation that code of a file states. Owned by the file's document.

    The subject is the file itself (`scope` empty) or the symbol `scope` that it defines. The object is exactly one of:
    a file (`path`), a symbol (`path` and `name`), or a package (`package`).
    """

    relation: str  # imports, inherits, implements, calls
    scope: str  # dotted name of the definition it stands in: "Flask.route"; "" for the file's own level
    path: str = ""  # of the object's file, in the same repository
    name: str = ""  # of the symbol defined there
    package: str = ""  # "pypi/requests", "npm/lodash", "maven/org.slf4j", "go/fmt", "python/os" (standard library)
    written: str = ""  # the object's full name as the code knows it: "requests.adapters.HTTPAdapter", "lodash/fp"
    confidence: float = CERTAIN
    line: int = 0  # where it is said


class Family(Protocol):
    """Languages whose files can import each other."""

    languages: frozenset[str]
    version: str
    """Raise it whenever the same files would give other facts or links."""

    def extract(self, text: str, path: str, language: str) -> Facts | None:
        """Return the facts of a file; None if its parser gives up. Never raises for any text."""

    def link(self, files: Mapping[str, Facts]) -> Iterable[tuple[str, Link]]:
        """Yield the links of every file, with the path of the file that says each.

        Deterministic whatever the order of `files`. Links that say the same more than once are harmless.

        :param files: All files of this family in one repository, by path with `/`.
        """
