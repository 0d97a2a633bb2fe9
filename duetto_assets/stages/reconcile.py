"""What the reconcilers share.

An asset's reconciler compares what should be with what is and writes the difference. Each is safe to run at any
time and in any order; a crash anywhere is repaired by running it again. Nothing is passed between them but what
the index holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from duetto_assets.store.index import Index, Partition, partition_key
from duetto_assets.store.where import Where, same

T = TypeVar("T")

_AGAIN = "~"
_LOOKS = 5

Progress = Callable[[str, int, int], None]
"""Called with the stage, the items done, and all items to do."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def owned(source: str, partition: str) -> Where:
    """Rows of one partition."""
    return same("partition_key", partition_key(source, partition))


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut `items` into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def settled_part(head: str) -> str:
    """Return a recorded head as its source gave it."""
    return head.partition(_AGAIN)[0]


def unsettled(head: str, earlier: str) -> str:
    """Return the record of a head that something was amiss with: not the source's own, so that it is looked at again.

    Some things never mend. After a few looks in a row the head counts as it is, and the census goes on looking.

    :param earlier: What was recorded before.
    """
    base, _, looks = earlier.partition(_AGAIN)
    count = int(looks or 0) + 1 if base == head else 1
    return head if count > _LOOKS else f"{head}{_AGAIN}{count}"


def known_heads(records: Iterable[Partition]) -> dict[str, str]:
    """Return what a source may be told of its partitions: the heads that are searchable."""
    return {record.partition: settled_part(record.searchable_head) for record in records}


def record_failure(index: Index, source: str, partition: str, reason: str) -> None:
    """Keep why a try failed, so that status can say it and the sensor can back off."""
    with index.lock(source, partition):
        record = index.partition(source, partition)
        index.record(replace(record, error=reason, failures=record.failures + 1, failed_at=datetime.now(UTC)))


def record_reachability(index: Index, record: Partition, problem: str) -> None:
    """Keep that a partition's head cannot be read, or that it can again. Nothing is written where nothing changed.

    :param problem: Why not; empty where the head was read and is searchable.
    """
    if problem and problem != record.error:
        record_failure(index, record.source, record.partition, problem)
    elif not problem and record.error:
        with index.lock(record.source, record.partition):
            current = index.partition(record.source, record.partition)
            index.record(replace(current, error="", failures=0, failed_at=None))
