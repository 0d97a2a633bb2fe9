"""The source contract: what an external system must answer, and nothing of Dagster, LanceDB or the clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from duetto_assets.errors import SourceError
from duetto_assets.model import Document


@dataclass(frozen=True, slots=True)
class Ref:
    """One document as a listing names it."""

    id: str  # stable within the partition: path, page id, issue key
    version: str  # changes whenever the content, its place, its readers, or the reason to skip it changes
    whole: bool = True  # False: only the beginning of the version is known, and what begins so is unchanged


@dataclass(frozen=True, slots=True)
class Scan:
    """What a partition holds now."""

    refs: Iterable[Ref]
    head: str  # the partition's head that this scan is true for
    complete: bool  # True: what is stored but not listed is gone
    settled: bool = True  # False: the remote system is known to lag behind its own head, so look again soon


Heads = Mapping[str, str | SourceError]
"""Partition -> head, or why that one head could not be read. A partition missing here has left the source."""


class Source(Protocol):
    """One external system, in three questions."""

    @property
    def name(self) -> str:
        """The first part of its asset keys: `repos`, `confluence`, `jira`."""

    @property
    def calls(self) -> int:
        """Remote calls made so far."""

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:
        """Return the head of every partition, in one or a few cheap calls.

        :param known: The heads of earlier answers, by partition: a hint that may save calls, and says which partitions
            to report as lost. An empty one is of a partition that was never read to its end.
        :raises SourceError: If the partitions could not be listed. Never an empty mapping on failure.
        """

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:
        """List a partition's documents.

        :param since: The head of an earlier scan that was read to its end, a hint; without it, versions are whole.
        :param census: Look for what the head does not tell, too: deletions, moves, changed readers.
        :raises SourceError: If the listing is not known to be whole.
        """

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        """Yield one document per ref, in any order; one that vanished since the listing is left out.

        A document that cannot be used is yielded with `skipped` set, so that its reason is kept. One that could not be
        read this time has an empty `version` beside it: what is stored of it stays, and it is read again.
        """


@runtime_checkable
class Prefetching(Protocol):
    """A source that can bring several partitions near at once, before they are scanned one by one."""

    def prefetch(self, partitions: Sequence[str]) -> None:
        """Fetch what `scan` will need. A failure is left for `scan` to meet and report."""
