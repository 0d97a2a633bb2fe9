"""Sensors ask each source one question: what are your heads now? They hold no state of their own."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DefaultSensorStatus

from duetto_assets.automation.plan import (
    decide,
    failures_since_searchable,
    retire,
    unfinished_partitions,
)
from duetto_assets.errors import RetryLater, SourceError
from duetto_assets.partitions import PARTITIONS_PER_RUN, AssetJob, contiguous, partitions_of, run_tags
from duetto_assets.resources import Workbench
from duetto_assets.stages.reconcile import known_heads, record_reachability
from duetto_assets.store.index import Partition

_RETIRE_A_TICK = 20  # a tick is cut off after 60 s; the next one goes on


def head_sensor(source: str, job: AssetJob, interval_s: int) -> dg.SensorDefinition:
    """Return the sensor of one source."""

    @dg.sensor(
        name=f"{source}_heads",
        job=job,
        minimum_interval_seconds=interval_s,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Compares the heads of {source} with what is searchable. Adds new partitions, retires vanished "
        "ones, and asks for a run of each that moved, unless one is unfinished or its failures are backing off.",
    )
    def sense(context: dg.SensorEvaluationContext, bench: Workbench) -> dg.SensorResult | dg.SkipReason:
        instance, index, now = context.instance, bench.index, datetime.now(UTC)
        known = {record.partition: record for record in index.known_partitions(source).values()}
        try:
            heads = bench.source(source).heads(known_heads(known.values()))
        except RetryLater as error:  # what nobody can wait out, a refused token, fails the tick: it must be seen
            return dg.SkipReason(f"{source} cannot be listed, so nothing was decided: {error}")
        keys = instance.get_dynamic_partitions(source)
        busy = unfinished_partitions(instance, source, keys)
        plan = decide(
            heads,
            known,
            keys,
            busy,
            failures_since_searchable(instance, source, known, keys, now),
            now,
            timedelta(days=bench.settings.lost_access_days),
        )
        for partition in heads.keys() - busy:  # a run holds the lock of its partition
            head, record = heads[partition], known.get(partition) or Partition(source, partition)
            if isinstance(head, SourceError):
                record_reachability(index, record, str(head))
            elif record.true_for(head):
                record_reachability(index, record, "")
        if plan.refused:
            context.log.warning(plan.refused)
        elif leaving := plan.vanished[:_RETIRE_A_TICK]:
            retire(instance, index, source, leaving)
            context.log.info("retired: %s", ", ".join(leaving))
        requests = [
            dg.RunRequest(tags=run_tags(group) | {"duetto/source": source})
            for group in _groups(plan.run, [*instance.get_dynamic_partitions(source), *plan.new])
        ]
        additions = [partitions_of(source).build_add_request(plan.new)] if plan.new else []
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=additions,
            skip_reason=None if requests else dg.SkipReason(plan.why_nothing()),
        )

    return sense


def _groups(chosen: list[str], keys: list[str]) -> list[list[str]]:
    """One run a partition; many at once (a first index) share runs, so that 200 partitions are ten."""
    size = PARTITIONS_PER_RUN if len(chosen) > PARTITIONS_PER_RUN else 1
    return contiguous(chosen, keys, size)
