"""The assets across all sources: the ontology, resolved, and the picture of it."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

from dataclasses import asdict

import dagster as dg

from duetto_assets.assets.pipeline import OWNERS
from duetto_assets.resources import Workbench
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.stages.picture import PAGE_NAME, draw

GROUP = "graph"
GRAPH_JOB = "make_graph"


def ontology(sources: list[str], condition: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset `ontology`, which follows the entities of `sources`."""

    @dg.asset(
        name="ontology",
        deps=[dg.AssetKey([source, "entities"]) for source in sources],
        automation_condition=condition,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "lancedb"},
        tags={"stage": "ontology"},
        description="One graph of all sources: one node is one thing, whoever speaks of it (a person is one across "
        "git, JIRA and Confluence); one edge is one relation, with the document that states it. Mentions become links "
        "to what they name. What cannot be resolved is kept with its reason. No edge dangles.",
    )
    def asset(bench: Workbench) -> dg.MaterializeResult[None]:
        done = reconcile_graph(bench.index)
        return dg.MaterializeResult(
            metadata={
                "nodes": done.nodes,
                "edges": done.edges,
                "unresolved": done.unresolved,
                "dangling": done.dangling,
                "relations": dg.MetadataValue.json({name: asdict(counts) for name, counts in done.relations.items()}),
                "written": done.written,
                "duration_s": done.seconds,
            },
            data_version=dg.DataVersion(done.made_of),
        )

    return asset


def visualization_graph(condition: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset `visualization_graph`, which follows `ontology`."""

    @dg.asset(
        name="visualization_graph",
        deps=["ontology"],
        automation_condition=condition,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"igraph", "html"},
        tags={"stage": "visualization_graph"},
        description="The picture of the graph: communities (Leiden), centrality (PageRank) and a layout that stays as "
        "the graph grows, as node-link JSON (`graph.json`) and as one page that needs nothing else (`graph.html`). It "
        "shows what GRAPH_PRINCIPALS may read. Drawn anew only where the graph changed.",
    )
    def asset(context: dg.AssetExecutionContext, bench: Workbench) -> dg.MaterializeResult[None]:
        settings = bench.settings
        drawn = draw(
            bench.index,
            settings.graph,
            principals=settings.picture_principals,
            organisation=settings.organisation,
            most=settings.graph_nodes,
        )
        if drawn is None:
            context.log.warning("There is no graph yet: materialize `ontology` first.")
            return dg.MaterializeResult(metadata={"nodes": 0, "links": 0})
        if drawn.page:
            context.log.warning("The page was not written: %s", drawn.page)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(f"http://127.0.0.1:{settings.serve_port}/graph"),
                "file": dg.MetadataValue.path(f"{settings.graph}/{PAGE_NAME}"),
                "drawn_nodes": drawn.nodes,
                "drawn_links": drawn.links,
                "omitted_nodes": drawn.omitted,
                "written": drawn.written,
                "duration_s": drawn.seconds,
            }
        )

    return asset
