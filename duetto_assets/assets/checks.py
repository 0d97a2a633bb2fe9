"""Asset checks: the promises of the tables, tested against the tables and the sources themselves."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

from dataclasses import asdict, astuple

import dagster as dg

from duetto_assets.errors import SourceError
from duetto_assets.ontology.resolve import dangling
from duetto_assets.resources import Workbench
from duetto_assets.stages.documents import compare
from duetto_assets.stages.embed import vector_model_id
from duetto_assets.stages.entities import inspect_entities
from duetto_assets.stages.reconcile import known_heads
from duetto_assets.stages.upkeep import inspect


def checks(source: str) -> list[dg.AssetChecksDefinition]:
    """Return the checks of one source's assets."""

    @dg.asset_check(
        asset=[source, "documents"],
        description="What each partition lists now equals the table, for partitions whose head has not moved since.",
    )
    def listing_equals_table(bench: Workbench) -> dg.AssetCheckResult:
        remote = bench.source(source)
        differing: dict[str, str] = {}
        compared = 0
        records = {record.partition: record for record in bench.index.known_partitions(source).values()}
        for partition, head in remote.heads(known_heads(records.values())).items():
            if isinstance(head, SourceError) or head != bench.index.partition(source, partition).head:
                continue  # unreachable or just changed: the sensor's business
            difference = compare(remote, partition, bench.index, census=True)
            compared += 1
            if not difference.empty:
                differing[partition] = f"{len(difference.to_read)} to read, {len(difference.gone)} to delete"
        return dg.AssetCheckResult(
            passed=not differing, metadata={"compared": compared, "differing": dg.MetadataValue.json(differing)}
        )

    @dg.asset_check(
        asset=[source, "chunks"],
        description="No chunk belongs to a document that is no more, and no id stands twice.",
    )
    def no_orphan_rows(bench: Workbench) -> dg.AssetCheckResult:
        found = inspect(bench.index, source, vector_model_id(bench.encoder))
        sound = not (found.orphan_chunks or found.orphan_embeddings or found.duplicate_rows)
        return dg.AssetCheckResult(passed=sound, metadata=asdict(found))

    @dg.asset_check(
        asset=[source, "embeddings"],
        description="Every chunk has one vector of the current model. Warns while a new model or a first index is "
        "being worked through.",
    )
    def one_vector_per_chunk(bench: Workbench) -> dg.AssetCheckResult:
        found = inspect(bench.index, source, vector_model_id(bench.encoder))
        return dg.AssetCheckResult(
            passed=not (found.without_vector or found.orphan_embeddings or found.duplicate_rows),
            severity=dg.AssetCheckSeverity.WARN,
            metadata=asdict(found),
        )

    @dg.asset_check(
        asset=[source, "entities"],
        description="Entities and relations belong to documents that there are, and the ontology allows each relation. "
        "Warns while documents wait to be read for them.",
    )
    def rows_belong_and_conform(bench: Workbench) -> dg.AssetCheckResult:
        found = inspect_entities(bench.index, source)
        wrong = found.orphan_rows or found.not_allowed
        return dg.AssetCheckResult(
            passed=not any(astuple(found)),
            severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
            metadata=asdict(found),
        )

    return [listing_equals_table, no_orphan_rows, one_vector_per_chunk, rows_belong_and_conform]


def graph_checks() -> list[dg.AssetChecksDefinition]:
    """Return the checks of the resolved graph."""

    @dg.asset_check(asset="ontology", description="Both ends of every edge are nodes that there are.")
    def no_dangling_edge(bench: Workbench) -> dg.AssetCheckResult:
        graph = bench.index.graph()
        if graph is None:
            return dg.AssetCheckResult(passed=True, metadata={"dangling": 0})
        nodes = bench.index.read_graph(graph, "nodes", ["id"]).num_rows
        found = dangling(nodes, bench.index.read_graph(graph, "edges", ["subject", "object"]))
        return dg.AssetCheckResult(passed=not found, metadata={"dangling": found})

    return [no_dangling_edge]
