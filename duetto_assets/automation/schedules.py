"""Schedules sweep what sensors could have missed."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

import dagster as dg
from dagster import DefaultScheduleStatus

from duetto_assets.automation.plan import unfinished_partitions
from duetto_assets.partitions import AssetJob, contiguous, run_tags
from duetto_assets.resources import Workbench


def census(source: str, job: AssetJob) -> dg.ScheduleDefinition:
    """Return the hourly schedule that lists every partition of a source in full."""

    @dg.schedule(
        name=f"{source}_census",
        job=job,
        cron_schedule="17 * * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Every hour, every partition in full, by the same code: what a sensor missed is found here, and so "
        "are chunks and vectors of an earlier chunker or model. Partitions that failed are left to the sensor.",
    )
    def sweep(context: dg.ScheduleEvaluationContext, bench: Workbench) -> list[dg.RunRequest] | dg.SkipReason:
        keys = context.instance.get_dynamic_partitions(source)
        busy = unfinished_partitions(context.instance, source, keys)
        records = bench.index.known_partitions(source)
        failing = {record.partition for record in records.values() if record.failures}
        chosen = [key for key in keys if key not in busy and key not in failing]
        if not chosen:
            return dg.SkipReason("There is no partition that is neither running nor failing.")
        config = {"ops": {f"{source}__documents": {"config": {"census": True}}}}
        when = context.scheduled_execution_time.isoformat()
        return [
            dg.RunRequest(f"{when} {group[0]}", config, tags=run_tags(group) | {"duetto/source": source})
            for group in contiguous(chosen, keys)
        ]

    return sweep
