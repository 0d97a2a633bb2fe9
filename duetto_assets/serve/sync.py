"""`duetto-intel sync`: the runs a sensor would ask for, in this process and at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from duetto_assets.assets.graph import GRAPH_JOB
from duetto_assets.automation.plan import decide, job_name, retire, unfinished_partitions
from duetto_assets.errors import ConfigError, GiveUp, SourceError
from duetto_assets.ontology.repository import EXTRACTOR_VERSION
from duetto_assets.resources import Workbench
from duetto_assets.sources.base import Heads, Prefetching, Source
from duetto_assets.sources.registry import SOURCES
from duetto_assets.stages.documents import Difference, compare
from duetto_assets.stages.embed import vector_model_id
from duetto_assets.stages.graph import graph_version
from duetto_assets.stages.reconcile import known_heads, record_reachability
from duetto_assets.store.index import Partition
from duetto_assets.workers import worker_tags

_HEADS_TELL_LESS = ("confluence", "jira")
_COUNTS = {
    "documents_added": "added",
    "documents_changed": "changed",
    "documents_deleted": "deleted",
    "documents_unchanged": "unchanged",
    "documents_skipped": "skipped",
    "skipped_reasons": "skipped_reasons",
    "documents_unread": "unread",
    "chunks": "chunks",
    "texts_embedded": "embedded",
    "places_embedded": "places",
    "vectors_reused": "reused",
}


@dataclass
class Outcome:
    """What a sync did: counts by `source/partition`, reasons of what failed, partitions retired, and the graph."""

    partitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    graph: dict[str, Any] = field(default_factory=dict)  # empty where it was made already

    def as_json(self) -> dict[str, Any]:
        """Return it as documented for `sync --json`."""
        return {
            "partitions": self.partitions,
            "failed": self.failed,
            "retired": self.retired,
            "graph": self.graph,
        }


@dataclass(frozen=True)
class Options:
    """Choices of one sync."""

    full: bool = False
    census: bool = False
    dry_run: bool = False
    allow_mass_deletion: bool = False


def parse_targets(targets: Sequence[str]) -> dict[str, list[str]]:
    """Return the wanted partitions by source; an empty list means all of them.

    :raises ConfigError: For a source that there is not.
    """
    wanted: dict[str, list[str]] = {}
    for target in targets or list(SOURCES):
        source, _, partition = target.partition("/")
        if source not in SOURCES:
            raise ConfigError(f"{target!r}: there is no source {source!r}. Sources: {', '.join(SOURCES)}.")
        wanted.setdefault(source, [])
        if partition:
            wanted[source].append(partition)
    return wanted


class Sync:
    """One sync over the wanted partitions; one that fails never stops the others.

    :param say: Told each step, in a sentence.
    :param show: Told each partition's difference, in a dry run.
    """

    def __init__(
        self,
        options: Options,
        bench: Workbench,
        instance: dg.DagsterInstance,
        say: Callable[[str], None],
        show: Callable[[str, Difference], None],
    ) -> None:
        self.options = options
        self.bench = bench
        self.instance = instance
        self.say = say
        self.show = show
        self.outcome = Outcome()
        self._census = options.census or options.full

    def run(self, targets: Sequence[str]) -> Outcome:
        """Bring the wanted partitions up to date."""
        # What is named is wanted for certain: a head alone does not tell of everything.
        self._census = self._census or bool(targets)
        for source, partitions in parse_targets(targets).items():
            try:
                self._source(source, partitions)
            except SourceError as error:  # the source's partitions could not be listed
                self._failed(source, str(error))
        if not self.options.dry_run:
            self._graph()
        return self.outcome

    def _graph(self) -> None:
        """Make the graph of all sources, where anything that it is made of changed."""
        known = self.bench.index.graph()
        if known is not None and known.made_of == graph_version(self.bench.index):
            return
        started = time.monotonic()
        result, run_id = self._execute(GRAPH_JOB, {}, None, {})
        if not result.success:
            if self._interrupted(run_id):
                raise KeyboardInterrupt
            self._failed("graph", f"the run failed; its log is in the UI, run {run_id}")
            return
        counts: dict[str, Any] = {}
        for event in result.all_events:
            if event.is_step_materialization:
                metadata = event.step_materialization_data.materialization.metadata
                counts |= {name: metadata[name].value for name in ("nodes", "edges", "unresolved") if name in metadata}
        self.outcome.graph = counts | {"seconds": round(time.monotonic() - started, 3)}
        self.say(
            f"graph: {counts['nodes']} entities, {counts['edges']} relations, {counts['unresolved']} unresolved; "
            f"{self.outcome.graph['seconds']:.1f} s"
        )

    def _execute(
        self, job: str, config: Mapping[str, Any], partition: str | None, tags: Mapping[str, str]
    ) -> tuple[dg.ExecuteInProcessResult, str]:
        """Run a job in this process, as a run that the UI shows."""
        from duetto_assets.definitions import defs  # all of Dagster's definitions: only where something runs

        run_id = str(uuid.uuid4())
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # said here, in a sentence
        result = defs.resolve_job_def(job).execute_in_process(
            run_config={**config, **quiet},
            instance=self.instance,
            partition_key=partition,
            raise_on_error=False,
            run_id=run_id,
            tags={**worker_tags(run_id), "dagster/max_retries": "0", **tags},
        )
        return result, run_id

    def _source(self, source: str, wanted: Sequence[str]) -> None:
        remote = self.bench.source(source)
        known = {record.partition: record for record in self.bench.index.known_partitions(source).values()}
        heads = remote.heads(known_heads(known.values()))
        if unknown := [partition for partition in wanted if partition not in heads]:
            some = ", ".join(sorted(heads)[:10]) + (f" and {len(heads) - 10} more" if len(heads) > 10 else "")
            raise ConfigError(f"{source}/{unknown[0]}: there is no such partition. There are: {some}.")
        if not self.options.dry_run:
            self._add_and_retire(source, heads, known, retiring=not wanted)
        chosen = [partition for partition in heads if not wanted or partition in wanted]
        todo = {p for p in chosen if self._census or not self._up_to_date(heads[p], known.get(p))}
        if isinstance(remote, Prefetching) and len(todo) > 1:
            remote.prefetch([p for p in chosen if p in todo and isinstance(heads[p], str)])
        for number, partition in enumerate(chosen, 1):
            self._partition(remote, partition, heads[partition], known, partition in todo, f"{number} of {len(chosen)}")
        if source in _HEADS_TELL_LESS and any(isinstance(heads[p], str) and p not in todo for p in chosen):
            self.say(
                f"{source}: what no edit shows (deletions in large spaces, labels, readers) is looked for every hour; "
                "now, by duetto-intel sync --census"
            )

    def _partition(
        self,
        remote: Source,
        partition: str,
        head: str | SourceError,
        known: Mapping[str, Partition],
        todo: bool,
        number: str,
    ) -> None:
        name = f"{remote.name}/{partition}"
        if isinstance(head, SourceError):
            if not self.options.dry_run:
                record = known.get(partition) or Partition(remote.name, partition)
                record_reachability(self.bench.index, record, str(head))
            self._failed(name, str(head))
        elif not todo:
            self.outcome.partitions[name] = _unchanged(known[partition])
            self.say(f"{name}: nothing changed")
        elif self.options.dry_run:
            self._preview(remote, partition)
        else:
            self.say(f"{name}: syncing ({number})")
            self._materialize(remote.name, partition)

    def _add_and_retire(self, source: str, heads: Heads, known: Mapping[str, Partition], *, retiring: bool) -> None:
        keys = self.instance.get_dynamic_partitions(source)
        busy = unfinished_partitions(self.instance, source, keys)
        keep = timedelta(days=self.bench.settings.lost_access_days)
        plan = decide(heads, known, keys, busy, {}, datetime.now(UTC), keep)
        if plan.new:
            self.instance.add_dynamic_partitions(source, plan.new)
        if not retiring:
            return
        if plan.refused and not self.options.allow_mass_deletion:
            raise GiveUp(plan.refused)
        retire(self.instance, self.bench.index, source, plan.vanished)
        for partition in plan.vanished:
            self.outcome.retired.append(f"{source}/{partition}")
            self.say(f"{source}/{partition}: no longer listed, retired")

    def _up_to_date(self, head: str | SourceError, record: Partition | None) -> bool:
        return (
            record is not None
            and isinstance(head, str)
            and record.true_for(head)
            and (record.chunker, record.model) == (self.bench.chunker.version, vector_model_id(self.bench.encoder))
            and record.extractor == EXTRACTOR_VERSION
        )

    def _preview(self, remote: Source, partition: str) -> None:
        name, full = f"{remote.name}/{partition}", self.options.full
        try:
            difference = compare(remote, partition, self.bench.index, census=self._census, reread=full)
        except SourceError as error:
            self._failed(name, str(error))
            return
        self.show(name, difference)
        self.outcome.partitions[name] = {
            "added": len(difference.new),
            "changed": len(difference.to_read) - len(difference.new),
            "deleted": len(difference.gone),
            "unchanged": difference.unchanged,
        }

    def _materialize(self, source: str, partition: str) -> None:
        name, started, full = f"{source}/{partition}", time.monotonic(), self.options.full
        documents = {"census": self._census, "reread": full, "allow_mass_deletion": self.options.allow_mass_deletion}
        config = {"ops": {f"{source}__documents": {"config": documents}}}
        result, run_id = self._execute(job_name(source), config, partition, {"duetto/source": source})
        if not result.success:
            if self._interrupted(run_id):
                raise KeyboardInterrupt
            record = self.bench.index.partition(source, partition)
            self._failed(name, record.error or f"the run failed; its log is in the UI, run {result.run_id}")
            return
        counts = _counts(result) | {"seconds": round(time.monotonic() - started, 3)}
        self.outcome.partitions[name] = counts
        self.say(
            f"{name}: {counts['added']} added, {counts['changed']} changed, {counts['deleted']} deleted, "
            f"{counts['unchanged']} unchanged, {counts['skipped']} skipped{_unread(counts)}; "
            f"{counts['chunks']} chunks, {counts['embedded']} embedded, {counts['reused']} reused; "
            f"{counts['seconds']:.1f} s"
        )

    def _interrupted(self, run_id: str) -> bool:
        """Return whether Dagster took a Ctrl-C for a failure of the run."""
        run = self.instance.get_run_by_id(run_id)
        return run is not None and run.tags.get("dagster/failure_reason") == "UNEXPECTED_TERMINATION"

    def _failed(self, name: str, reason: str) -> None:
        self.outcome.failed[name] = reason
        self.say(f"{name}: failed: {reason.removeprefix(f'{name}: ')}")


def _counts(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for event in result.all_events:
        if event.is_step_materialization:
            metadata = event.step_materialization_data.materialization.metadata
            counts |= {ours: metadata[theirs].value for theirs, ours in _COUNTS.items() if theirs in metadata}
    return counts


def _unread(counts: Mapping[str, Any]) -> str:
    return f", {counts['unread']} could not be read and will be tried again" if counts["unread"] else ""


def _unchanged(record: Partition) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(_COUNTS.values(), 0)
    stays = {"unchanged": record.documents, "skipped": record.skipped, "chunks": record.chunks}
    return nothing | stays | {"skipped_reasons": {}, "seconds": 0.0}
