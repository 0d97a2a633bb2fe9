"""The asset that keeps the tables fast and small."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

import time

import dagster as dg

from duetto_assets.assets.pipeline import OWNERS
from duetto_assets.resources import Workbench
from duetto_assets.stages.upkeep import drop_unused_vectors


def search_index(sources: list[str], condition: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset `search_index`, which follows the embeddings of `sources`."""

    @dg.asset(
        name="search_index",
        deps=[dg.AssetKey([source, stage]) for source in sources for stage in ("chunks", "embeddings")],
        automation_condition=condition,
        group_name="search",
        owners=OWNERS,
        kinds={"lancedb"},
        tags={"stage": "search_index"},
        description="Full-text and vector indexes brought up to date, small files merged, versions older than an hour "
        "and vectors that nothing uses dropped. Searches are right without it, and faster after it.",
    )
    def asset(context: dg.AssetExecutionContext, bench: Workbench) -> dg.MaterializeResult[None]:
        started = time.monotonic()
        metadata: dict[str, int | float] = {"vectors_dropped": drop_unused_vectors(bench.index)}
        for table in bench.index.all_tables():
            unindexed = table.unindexed()
            rows = metadata[f"{table.name}_rows"] = table.optimize()
            metadata[f"{table.name}_newly_indexed"] = unindexed
            context.log.info("%s: %d rows", table.name, rows)
        return dg.MaterializeResult(metadata=metadata | {"duration_s": time.monotonic() - started})

    return asset
