"""What the reconcilers share.

An asset's reconciler compares what should be with what is and writes the difference. Each is safe to run at any
time and in any order; a crash anywhere is repaired by running it again. Nothing is passed between them but what
the index holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from duetto_assets.store.index import Index, Partition, partition_key
from duetto_assets.store.where import Where, same

T = TypeVar("T")

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
