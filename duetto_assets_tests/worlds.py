"""A whole small installation: git repositories, an index, a Dagster instance, and an encoder that needs no torch."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import numpy as np
import pytest

from duetto_assets import factory
from duetto_assets.definitions import defs
from duetto_assets.ontology.repository import EXTRACTOR_VERSION
from duetto_assets.partitions import RANGE_END, RANGE_START, SINGLE, run_tags
from duetto_assets.resources import Workbench
from duetto_assets.serve.home import instance_of
from duetto_assets.settings import load
from duetto_assets.stages.embed import Vectors, vector_model_id
from duetto_assets.store.index import Index, Partition
from duetto_assets.workers import WORKER
from duetto_assets_tests.sources.repositories import GitRepository

JOB = defs.resolve_job_def("sync_repos")
SENSOR = defs.resolve_sensor_def("repos_heads")
BENCH = {"bench": Workbench()}
_TEMPLATES = TemporaryDirectory(prefix="duetto-dagster-")
_TEMPLATE = Path(_TEMPLATES.name) / "dagster"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class HashEncoder:
    """Gives every text a vector of its own, always the same."""

    model_id = "hash@128-0"
    dim = 384
    max_tokens = 128

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        vectors = np.array([self.encode_query(text) for text in texts], np.float32).reshape(-1, self.dim)
        if on_batch:
            on_batch(len(texts))
        return vectors

    def encode_query(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)
        unit: Vectors = vector / np.linalg.norm(vector)
        return unit


class World:
    """Repositories in a folder, named in DUETTO_REPOS as they come and go."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._named: list[str] = []
        self._repositories: dict[str, GitRepository] = {}
        self._instance: dg.DagsterInstance | None = None
        self._name()

    def add(self, name: str, files: Mapping[str | bytes, str | bytes | None] | None = None) -> GitRepository:
        """Make a repository with one commit and name it."""
        made = self._repositories[name] = GitRepository(self._folder / name)
        made.commit(files or {f"{name}.py": f"def {name}():\n    return {name!r}\n"})
        self.name(str(made.path))
        return made

    def repository(self, name: str) -> GitRepository:
        """Return a repository that was added."""
        return self._repositories[name]

    def copies(self, count: int) -> list[str]:
        """Name so many repositories, all copies of one; return their partitions."""
        template = GitRepository(self._folder / "template")
        template.commit({"a.py": "a = 1\n"})
        shutil.rmtree(template.path / ".git" / "hooks", ignore_errors=True)
        names = [f"copy{number:03}" for number in range(count)]
        for name in names:
            shutil.copytree(template.path, self._folder / name)
        self.name(*(str(self._folder / name) for name in names))
        return names

    def name(self, *addresses: str) -> None:
        """Name more repositories in the settings."""
        self._named += addresses
        self._name()

    def drop(self, *names: str) -> None:
        """Name these repositories no longer."""
        self._named = [address for address in self._named if Path(address).name not in names]
        self._name()

    def _name(self) -> None:
        self._monkeypatch.setenv("DUETTO_REPOS", " ".join(self._named) or str(self._folder / "nothing"))

    @property
    def instance(self) -> dg.DagsterInstance:
        if self._instance is None:
            if not load().dagster.exists():
                shutil.copytree(_new_dagster_home(), load().dagster)
            self._instance = instance_of(load())
        return self._instance

    @property
    def index(self) -> Index:
        return factory.index_of(load())

    @property
    def keys(self) -> Sequence[str]:
        return self.instance.get_dynamic_partitions("repos")

    def record(self, partition: str) -> Partition:
        return self.index.partition("repos", partition)

    def run(self, *partitions: str, **documents: bool) -> dg.ExecuteInProcessResult:
        """Materialize the chain of one partition, or of a range of neighbours, in one run."""
        self.instance.add_dynamic_partitions("repos", [p for p in partitions if p not in self.keys])
        return self.execute(run_tags(partitions), {"ops": {"repos__documents": {"config": documents}}})

    def execute(self, tags: Mapping[str, str], config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        """Run what a run request with these tags asks for."""
        return JOB.execute_in_process(
            run_config={**QUIET, **(config or {})},
            instance=self.instance,
            partition_key=tags.get(SINGLE),
            tags={key: value for key, value in tags.items() if key != SINGLE},
            raise_on_error=False,
        )

    def tick(self) -> Any:
        """Evaluate the sensor as the daemon does, and add the partitions that it asks for."""
        with dg.build_sensor_context(instance=self.instance, resources=BENCH, definitions=defs) as context:
            result = SENSOR.evaluate_tick(context)
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return result

    def settle(self) -> None:
        """Tick and run until there is nothing to do."""
        while requests := self.tick().run_requests:
            for request in requests:
                assert self.execute(request.tags, request.run_config).success

    def pretend_searchable(self) -> None:
        """Leave behind what a sync of every named repository records, but for the rows."""
        factory.source_of.cache_clear()
        heads = Workbench().source("repos").heads()
        self.instance.add_dynamic_partitions("repos", [key for key in heads if key not in self.keys])
        chunker, model = factory.chunker_of(load()).version, vector_model_id(factory.encoder_of(load()))
        for key, head in heads.items():
            if isinstance(head, str):
                record = Partition("repos", key, head, head, head, extractor=EXTRACTOR_VERSION, documents=1)
                self.index.record(replace(record, chunker=chunker, model=model))

    def unfinished(self, partition: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """Store a run of the chain as if it were being worked on."""
        return self.instance.create_run_for_job(JOB, tags={SINGLE: partition}, status=status)

    def unfinished_range(self, first: str, last: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """Store a run about a range of partitions."""
        tags = {RANGE_START: first, RANGE_END: last}
        return self.instance.create_run_for_job(JOB, tags=tags, status=status)

    def status(self, run: dg.DagsterRun) -> dg.DagsterRunStatus:
        """Return a run's status now."""
        now = self.instance.get_run_by_id(run.run_id)
        assert now is not None
        return now.status

    def close(self) -> None:
        if self._instance is not None:
            self._instance.dispose()


@contextmanager
def living_process(run_id: str) -> Iterator[dict[str, str]]:
    """Yield the tags of a run that another process works on; it is killed at the end."""
    code = f"from duetto_assets.workers import *; print(worker_tags({run_id!r})[WORKER], flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        yield {WORKER: process.stdout.readline().strip()}
        process.kill()


@cache
def _new_dagster_home() -> Path:
    """Make Dagster's home once: its databases take seconds."""
    _TEMPLATE.mkdir(exist_ok=True)
    settings = load().model_copy(update={"dagster_home": _TEMPLATE})
    with instance_of(settings) as instance:
        instance.get_runs()
        instance.get_dynamic_partitions("repos")
        instance.all_instigator_state()
    return _TEMPLATE


def make_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Yield a world whose encoder is a `HashEncoder`."""
    encoder = HashEncoder()
    monkeypatch.setattr(factory, "encoder_of", lambda settings: encoder)
    world = World(folder, monkeypatch)
    yield world
    world.close()
