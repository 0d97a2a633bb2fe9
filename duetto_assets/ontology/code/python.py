"""Python: how its files name each other's modules, classes and functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from duetto_assets.ontology.code.facts import Facts, Link
from duetto_assets.ontology.code.python_facts import read
from duetto_assets.ontology.code.python_link import link


class Python:
    """The family of Python files."""

    languages = frozenset(("python",))
    version = "1"

    def extract(self, text: str, path: str, language: str) -> Facts | None:  # noqa: ARG002
        """Return the facts of a file; None if its parser gives up."""
        return read(text)

    def link(self, files: Mapping[str, Facts]) -> Iterator[tuple[str, Link]]:
        """Yield the imports, base classes and calls of all files."""
        return link(files)
