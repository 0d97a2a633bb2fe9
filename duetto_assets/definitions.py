"""Start reading here: everything that Dagster loads, on one page."""

from __future__ import annotations

import warnings

import dagster as dg

from duetto_assets.assets.checks import checks, graph_checks
from duetto_assets.assets.graph import GRAPH_JOB, ontology, visualization_graph
from duetto_assets.assets.pipeline import chain
from duetto_assets.assets.upkeep import search_index
from duetto_assets.automation.conditions import debounced
from duetto_assets.automation.plan import job_name
from duetto_assets.automation.schedules import census
from duetto_assets.automation.sensors import head_sensor
from duetto_assets.factory import chunker_of, model_of
from duetto_assets.ontology.repository import EXTRACTOR_VERSION
from duetto_assets.partitions import AssetJob
from duetto_assets.resources import Workbench
from duetto_assets.settings import load
from duetto_assets.sources.registry import SOURCES
from duetto_assets.stages.embed import vector_model_id

WHAT = {
    "repos": "a repository's files and recent commits",
    "confluence": "a space's pages and blog posts, with their comments",
    "jira": "a project's issues, with their comments",
}


def build() -> dg.Definitions:
    """Put the assets, their automation and their resources together."""
    settings = load()
    warnings.simplefilter("ignore", dg.BetaWarning)  # of `backfill_policy`: the tests say when it changes
    assets: list[dg.AssetsDefinition] = []
    jobs: list[AssetJob] = []
    sensors: list[dg.SensorDefinition] = []
    schedules: list[dg.ScheduleDefinition] = []
    asset_checks: list[dg.AssetChecksDefinition] = []
    chunker, model = chunker_of(settings).version, vector_model_id(model_of(settings))
    for source in SOURCES:
        links = chain(source, WHAT[source], chunker, model, EXTRACTOR_VERSION)
        selection = dg.AssetSelection.assets(*links).without_checks()
        job = dg.define_asset_job(
            job_name(source),
            selection,
            description=f"Bring partitions of {source} up to date: read, chunk, embed, extract.",
        )
        assets += links
        jobs.append(job)
        sensors.append(head_sensor(source, job, settings.sensor_interval_s))
        schedules.append(census(source, job))
        asset_checks += checks(source)
    followers = [
        search_index(list(SOURCES), debounced(settings.upkeep_interval_min)),
        ontology(list(SOURCES), debounced(settings.upkeep_interval_min)),
        visualization_graph(debounced(settings.upkeep_interval_min)),
    ]
    asset_checks += graph_checks()
    jobs.append(
        dg.define_asset_job(
            GRAPH_JOB,
            dg.AssetSelection.assets(*followers[1:]).without_checks(),
            description="Resolve the ontology across all sources, and draw it.",
        )
    )
    sensors.append(
        dg.AutomationConditionSensorDefinition(
            "follow_sources",
            target=dg.AssetSelection.assets(*followers),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=30,
            description="Materializes what follows the sources, at most once per window.",
        )
    )
    check_job = dg.define_asset_job(
        "verify",
        dg.AssetSelection.all_asset_checks(),
        description="Test the tables against each other and the sources.",
    )
    schedules.append(
        dg.ScheduleDefinition(
            name="verify_daily",
            job=check_job,
            cron_schedule="41 4 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Once a day, every check on every asset.",
        )
    )
    return dg.Definitions(
        assets=[*assets, *followers],
        asset_checks=asset_checks,
        jobs=[*jobs, check_job],
        sensors=sensors,
        schedules=schedules,
        resources={"bench": Workbench()},
        # A process per step took 36 to 41 s for a run that takes 0.5 s in one process.
        executor=dg.in_process_executor,
    )


defs = build()
