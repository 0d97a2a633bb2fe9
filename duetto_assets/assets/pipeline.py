"""The chain of a source: documents, then chunks, embeddings and entities. Start here to see how a change travels."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

import dagster as dg

from duetto_assets.errors import DuettoError, GiveUp
from duetto_assets.model import digest
from duetto_assets.partitions import PARTITIONS_PER_RUN, partitions_of
from duetto_assets.resources import Workbench
from duetto_assets.sources.base import Prefetching
from duetto_assets.stages.chunks import reconcile_chunks
from duetto_assets.stages.documents import reconcile_documents
from duetto_assets.stages.embed import vector_model_id
from duetto_assets.stages.embeddings import reconcile_embeddings
from duetto_assets.stages.entities import reconcile_entities
from duetto_assets.stages.reconcile import Progress, record_failure

OWNERS = ["team:platform"]
_BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=PARTITIONS_PER_RUN)
_SHOWN = 20  # of what may be many
_DATA_VERSION = "dagster/data_version"

Metadata = Mapping[str, Any]
Events = Iterator[dg.AssetMaterialization | dg.MaterializeResult[None]]
Step = Callable[[str], tuple[Metadata, str]]
"""Bring one partition up to date; return what was done and the data version that it has now."""


class DocumentsConfig(dg.Config):
    """Choices for one run of `documents`."""

    census: bool = False
    """List everything, also where the source could tell what changed."""
    reread: bool = False
    """Read every listed document again, though its version is the one that is stored."""
    allow_mass_deletion: bool = False
    """Delete even if more than half of a partition's documents (and more than 20) would go."""


def chain(source: str, what: str, chunker: str, model: str, extractor: str) -> list[dg.AssetsDefinition]:
    """Return the assets of one source.

    :param what: A partition and its documents, in words: "a repository's files and commits".
    :param chunker: The chunker's version. Dagster calls what an earlier one made stale.
    :param model: The id that vectors of the current model carry; likewise.
    :param extractor: The extractor's version; likewise.
    """
    common: dict[str, Any] = {
        "key_prefix": source,
        "partitions_def": partitions_of(source),
        "backfill_policy": _BACKFILL,
        "group_name": source,
        "owners": OWNERS,
        # The hourly census materializes every partition, so that an older asset means that automation stands still.
        "freshness_policy": dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=3), warn_window=timedelta(hours=2)
        ),
    }

    @dg.asset(  # type: ignore[untyped-decorator]  # its overloads do not see through `common`
        **common,
        kinds={source if source != "repos" else "git", "lancedb"},
        tags={"stage": "documents"},
        description=f"One row is one document: {what}, as the source lists it now. Key: source, partition and id. "
        "Fresh when `head` is the source's own. Only documents whose version changed are read; what is no longer "
        "listed is deleted. A document that is not indexed keeps its reason in `skipped`.",
    )
    def documents(context: dg.AssetExecutionContext, config: DocumentsConfig, bench: Workbench) -> Events:
        remote = bench.source(source)
        if isinstance(remote, Prefetching) and len(context.partition_keys) > 1:
            remote.prefetch(context.partition_keys)

        def step(partition: str) -> tuple[Metadata, str]:
            calls = remote.calls
            done = reconcile_documents(
                remote, partition, bench.index, progress=_log_progress(context), **config.model_dump()
            )
            for doc_id, reason in islice(done.unread.items(), _SHOWN):
                context.log.warning("%s/%s: %s is not as it should be: %s", source, partition, doc_id, reason)
            return {
                "head": done.head,
                "documents_added": done.added,
                "documents_changed": done.changed,
                "documents_deleted": done.deleted,
                "documents_unchanged": done.unchanged,
                "documents_skipped": done.skipped,
                "skipped_reasons": dg.MetadataValue.json(dict(done.reasons)),
                "documents_unread": len(done.unread),
                "unread": dg.MetadataValue.json(dict(islice(done.unread.items(), _SHOWN))),
                "api_calls": remote.calls - calls,
                "duration_s": done.seconds,
            }, done.head

        yield from _each(context, source, bench, step)

    @dg.asset(  # type: ignore[untyped-decorator]  # its overloads do not see through `common`
        **common,
        deps=[documents],
        code_version=chunker,
        kinds={"python", "lancedb"},
        tags={"stage": "chunks"},
        description="One row is one chunk: a definition, a section or a run of lines, with its exact lines. Key: the "
        "document and the chunk's text. Made from `documents` wherever the content hash or the chunker's version "
        "differs. Words are searchable as soon as this is done.",
    )
    def chunks(context: dg.AssetExecutionContext, bench: Workbench) -> Events:
        def step(partition: str) -> tuple[Metadata, str]:
            done = reconcile_chunks(source, partition, bench.index, bench.chunker, progress=_log_progress(context))
            head = bench.index.partition(source, partition).head
            return {
                "documents_chunked": done.documents,
                "chunks_written": done.written,
                "chunks": done.chunks,
                "chunker": bench.chunker.version,
                "duration_s": done.seconds,
            }, digest(head, bench.chunker.version)

        yield from _each(context, source, bench, step)

    @dg.asset(  # type: ignore[untyped-decorator]  # its overloads do not see through `common`
        **common,
        deps=[chunks],
        code_version=model,
        kinds={"pytorch", "lancedb"},
        tags={"stage": "embeddings"},
        pool="gpu",
        description="One row is one vector of the current model for one chunk, composed of the text's vector and its "
        "place's. Key: the chunk. A text seen before, anywhere, is copied, not embedded again. When done, the "
        "partition's head is recorded as searchable.",
    )
    def embeddings(context: dg.AssetExecutionContext, bench: Workbench) -> Events:
        def step(partition: str) -> tuple[Metadata, str]:
            encoder = bench.encoder
            done = reconcile_embeddings(
                source, partition, bench.index, encoder, bench.chunker.version, progress=_log_progress(context)
            )
            record = bench.index.partition(source, partition)
            return {
                "texts_embedded": done.embedded,
                "places_embedded": done.places,
                "vectors_reused": done.reused,
                "vectors_deleted": done.deleted,
                "tokens": done.tokens,
                "tokens_per_s": done.tokens_per_s,
                "model": vector_model_id(encoder),
                "searchable_head": record.searchable_head,
                "duration_s": done.seconds,
            }, digest(record.head, bench.chunker.version, vector_model_id(encoder))

        yield from _each(context, source, bench, step)

    return [documents, chunks, embeddings, _entities(source, documents, extractor, common)]


def _entities(
    source: str, documents: dg.AssetsDefinition, extractor: str, common: Mapping[str, Any]
) -> dg.AssetsDefinition:
    @dg.asset(  # type: ignore[untyped-decorator]  # its overloads do not see through `common`
        **common,
        deps=[documents],
        code_version=extractor,
        kinds={"python", "lancedb"},
        tags={"stage": "entities"},
        description="Two tables. One row of `entities` is one thing that one document speaks of: a file, a symbol, a "
        "person, an issue; one row of `relations` is one edge that it states. Key: the document and what it says. Both "
        "belong to the document, and go with it. Only changed documents are read; code is then linked across its "
        "repository. Each row is one that the ontology allows.",
    )
    def entities(context: dg.AssetExecutionContext, bench: Workbench) -> Events:
        def step(partition: str) -> tuple[Metadata, str]:
            done = reconcile_entities(source, partition, bench.index, progress=_log_progress(context))
            return {
                "documents_extracted": done.documents,
                "relations_relinked": done.relinked,
                "entities": done.entities,
                "relations": done.relations,
                "extractor": extractor,
                "duration_s": done.seconds,
            }, digest(bench.index.partition(source, partition).linked)

        yield from _each(context, source, bench, step)

    made: dg.AssetsDefinition = entities
    return made


def _each(context: dg.AssetExecutionContext, source: str, bench: Workbench, step: Step) -> Events:
    """Take every partition of the run; one that fails never stops the others."""
    done: dict[str, tuple[Metadata, str]] = {}
    failed: dict[str, Exception] = {}
    for partition in context.partition_keys:
        try:
            done[partition] = step(partition)
        except Exception as error:  # the boundary: recorded, logged, and raised below
            failed[partition] = error
            context.log.error("%s/%s: %s", source, partition, error, exc_info=not isinstance(error, DuettoError))
            record_failure(bench.index, source, partition, reason_of(error))
    if failed:
        for partition, (metadata, version) in done.items():
            # Yielded, not logged: what a step has only logged is lost when it fails.
            yield dg.AssetMaterialization(
                context.asset_key, partition=partition, metadata=metadata, tags={_DATA_VERSION: version}
            )
        raise dg.Failure(
            description="; ".join(f"{source}/{p}: {reason_of(e)}" for p, e in failed.items()),
            metadata={"failed": len(failed), "partitions": len(context.partition_keys)},
            allow_retries=not all(isinstance(e, GiveUp) for e in failed.values()),
        )
    for partition, (metadata, _) in done.items():
        context.add_asset_metadata(metadata, partition_key=partition)
    versions = [version for _, version in done.values()]
    # Dagster takes one data version for all partitions of a run: it changes when one of theirs does.
    yield dg.MaterializeResult(data_version=dg.DataVersion(versions[0] if len(versions) == 1 else digest(*versions)))


def reason_of(error: Exception) -> str:
    """Return an error as a person should read it. Only our own messages are known to hold no secret."""
    if isinstance(error, DuettoError):
        return str(error)
    return f"unexpected {type(error).__name__}; the run's log has the details"


def _log_progress(context: dg.AssetExecutionContext) -> Progress:
    """Say how far a long stage is: every ten seconds in the run's log, each second to whoever watches this process."""
    watched = logging.getLogger("duetto_assets.progress")
    logged = shown = time.monotonic()

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal logged, shown
        now, percent = time.monotonic(), 100 * done // max(total, 1)
        if now - shown >= 1:
            shown = now
            watched.info("%s: %d of %d (%d %%)", stage, done, total, percent)
        if now - logged >= 10:
            logged = now
            context.log.info("%s: %d of %d (%d %%)", stage, done, total, percent)

    return progress
