"""What a look at a source's heads asks for: partitions to add, to retire, and to bring up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from duetto_assets.errors import Lost, SourceError
from duetto_assets.partitions import keys_of_run
from duetto_assets.sources.base import Heads
from duetto_assets.store.index import Index, Partition
from duetto_assets.workers import is_dead

_BACK_OFF = (timedelta(0), *(timedelta(minutes=m) for m in (1, 5, 15, 60, 240)))
_MAX_VANISHED = 20
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_UNFINISHED = [status for status in dg.DagsterRunStatus if status not in _ENDED]


@dataclass(frozen=True, slots=True)
class Failures:
    """Tries of a partition that failed in a row since it was last searchable."""

    count: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision for each partition: to add, to retire, to run, or why not.

    `refused` says why the vanished are not to be retired, where they are suspiciously many.
    """

    new: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    refused: str = ""

    def why_nothing(self) -> str:
        """Return the reasons for asking for nothing, in a sentence."""
        if self.refused:
            return self.refused
        reasons: dict[str, list[str]] = {}
        for partition, reason in self.skipped.items():
            reasons.setdefault(reason, []).append(partition)
        said = [
            f"{reason}: {', '.join(some[:3])}{f' and {len(some) - 3} more' if len(some) > 3 else ''}"
            for reason, some in reasons.items()
        ]
        return "; ".join(said) or "There is no partition yet."


def why_not(
    head: str | SourceError, record: Partition, unfinished: bool, failures: Failures, now: datetime
) -> str | None:
    """Return why a partition needs no run now, as a sentence; None where it does."""
    if isinstance(head, SourceError):
        return f"Unreachable ({head})"
    if record.true_for(head):
        return "Nothing changed"
    if unfinished:
        return "A run for it is unfinished"
    wait = _BACK_OFF[min(failures.count, len(_BACK_OFF) - 1)]
    if failures.last is not None and now < failures.last + wait:
        again = (failures.last + wait).strftime("%H:%M UTC")
        return f"Its last {failures.count} tries failed; next try at {again}"
    return None


def decide(
    heads: Heads,
    known: Mapping[str, Partition],
    keys: Sequence[str],
    unfinished: set[str],
    failures: Mapping[str, Failures],
    now: datetime,
    keep_lost: timedelta,
) -> Plan:
    """Decide on every partition.

    :param known: What the index records, by partition.
    :param keys: The partitions that Dagster knows, in its order.
    :param keep_lost: For so long a partition that its source calls lost keeps its documents.
    """
    heads = {key: head for key, head in heads.items() if not _lost_for_good(head, known.get(key), now, keep_lost)}
    vanished = [key for key in sorted({*keys, *known}) if key not in heads and key not in unfinished]
    refused = ""
    if len(vanished) > _MAX_VANISHED and len(vanished) > len(keys) / 2:
        refused = (
            f"{len(vanished)} of {len(keys)} partitions are no longer listed, so none was retired. If they are really "
            "gone, run `duetto-intel sync --allow-mass-deletion`; else check the settings and the token."
        )
    plan = Plan(new=[key for key in heads if key not in keys], vanished=vanished, refused=refused)
    for partition, head in heads.items():
        record = known.get(partition) or Partition("", partition)
        reason = why_not(head, record, partition in unfinished, failures.get(partition, Failures()), now)
        if reason is None:
            plan.run.append(partition)
        else:
            plan.skipped[partition] = reason
    return plan


def _lost_for_good(head: str | SourceError, record: Partition | None, now: datetime, keep: timedelta) -> bool:
    """Return whether a partition has been lost for long enough. The record of its error is as old as the loss."""
    if not isinstance(head, Lost) or record is None or record.error != str(head) or record.failed_at is None:
        return False
    return now >= record.failed_at + keep


def unfinished_partitions(instance: dg.DagsterInstance, source: str, keys: Sequence[str]) -> set[str]:
    """Return the partitions that some unfinished run works on. Runs whose process is dead are ended first."""
    found: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if is_dead(run.run_id, run.tags):
            instance.report_run_failed(run, "The process that worked on this run is gone.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)  # or embedding waits for it for ever
        elif _about(run, source):
            found.update(keys_of_run(run.tags, keys))
    return found


def failures_since_searchable(
    instance: dg.DagsterInstance, source: str, known: Mapping[str, Partition], keys: Sequence[str], now: datetime
) -> dict[str, Failures]:
    """Count failed runs in a row, for each partition, from Dagster's records: a crashed run could record nothing."""
    recent = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - timedelta(days=1))
    found: dict[str, Failures] = {}
    for record in instance.get_run_records(recent, limit=500):
        if not _about(record.dagster_run, source) or record.end_time is None:
            continue
        ended = datetime.fromtimestamp(record.end_time, UTC)
        for key in keys_of_run(record.dagster_run.tags, keys):
            searchable = known[key].searchable_at if key in known else None
            if searchable is None or ended > searchable:
                before = found.get(key, Failures())
                found[key] = Failures(before.count + 1, max(ended, before.last or ended))
    return found


def retire(instance: dg.DagsterInstance, index: Index, source: str, partitions: Iterable[str]) -> None:
    """Delete the rows of partitions that left, then their keys. A key that comes back is indexed afresh."""
    for partition in partitions:
        with index.lock(source, partition):
            index.forget(source, partition)
        if instance.has_dynamic_partition(source, partition):
            instance.delete_dynamic_partition(source, partition)


def _about(run: dg.DagsterRun, source: str) -> bool:
    if run.asset_selection:
        return any(key.path[0] == source for key in run.asset_selection)
    return run.job_name == job_name(source)


def job_name(source: str) -> str:
    """Return the name of the job that runs the chain of a source."""
    return f"sync_{source}"
