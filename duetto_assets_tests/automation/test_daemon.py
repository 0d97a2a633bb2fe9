"""Dagster itself, with the real model: what `make ui` starts finds commits, and heals what was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest

from duetto_assets.partitions import keys_of_run
from duetto_assets.workers import WORKER
from duetto_assets_tests.worlds import World

BIN = Path(sys.executable).parent
WORKSPACE = Path(__file__).parents[2] / "workspace.yaml"
DEADLINE_S = 180.0

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

T = TypeVar("T")


class Daemon:
    """`dagster dev`, in a process group of its own."""

    def __init__(self, world: World, log: Path) -> None:
        self.world = world
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(BIN / "dagster"), "dev", "-w", str(WORKSPACE), "-h", "127.0.0.1", "-p", str(port)]
        with log.open("w") as out:
            self._process = subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                cwd=WORKSPACE.parent,
                start_new_session=True,
                env={**os.environ, "DAGSTER_HOME": world.instance.root_directory, "SENSOR_INTERVAL_S": "1"},
            )

    def wait_for(self, what: str, look: Callable[[], T]) -> T:
        """Return what `look` gives as soon as that is something."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"dagster dev ended:\n{self._log.read_text()[-4_000:]}"
            if found := look():
                return found
            time.sleep(0.2)
        raise AssertionError(f"waited {DEADLINE_S} s for {what}:\n{self._log.read_text()[-4_000:]}")

    def stop(self) -> None:
        """End it, and then whatever of its group is left."""
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def daemon(world: World, tmp_path: Path) -> Iterator[Daemon]:
    world.copies(20)
    world.add("one")
    started = Daemon(world, tmp_path / "dagster.log")
    try:
        yield started
    finally:
        started.stop()


def search(query: str) -> str:
    command = [str(BIN / "duetto-intel"), "search", query, "--json", "-n", "3"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_commit_is_found_without_doing_anything_and_a_killed_run_is_repaired(world: World, daemon: Daemon) -> None:
    one = world.repository("one")

    def runs(*statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        filters = dg.RunsFilter(job_name="sync_repos", statuses=list(statuses) or None)
        return list(world.instance.get_runs(filters))

    def all_ended() -> bool:
        return len(runs()) == len(runs(*ENDED))

    # 21 new repositories at once: one run for twenty, whose keys the same tick has added, and one for the last.
    daemon.wait_for(
        "21 repositories to be searchable",
        lambda: len(world.keys) == 21 and all(world.record(key).searchable_head for key in world.keys),
    )
    assert sorted(len(keys_of_run(run.tags, world.keys)) for run in runs()) == [1, 20]
    daemon.wait_for("their runs to end", all_ended)
    assert {run.status for run in runs()} == {dg.DagsterRunStatus.SUCCESS}

    # A commit is found by its words.
    head = one.commit({"new.py": "def zanzibar_lighthouse():\n    return 'flash'\n"})
    daemon.wait_for("the commit to be searchable", lambda: world.record("one").searchable_head == head)
    assert '"path": "new.py"' in search("zanzibar_lighthouse")
    daemon.wait_for("its run to end", all_ended)
    assert len(runs()) == 3

    # The worker of the next run is killed while it works.
    head = one.commit({"newer.py": "def quicksilver_harbour():\n    return 'tide'\n"})
    killed = daemon.wait_for(
        "a run to begin", lambda: next((run for run in runs(dg.DagsterRunStatus.STARTED) if WORKER in run.tags), None)
    )
    os.kill(int(killed.tags[WORKER].split(" ")[2]), signal.SIGKILL)
    daemon.wait_for("the dead run to be reported", lambda: world.status(killed) == dg.DagsterRunStatus.FAILURE)
    daemon.wait_for("the commit to be searchable after all", lambda: world.record("one").searchable_head == head)
    found = world.index.chunks.match_words("quicksilver_harbour", ["path"], 3)
    assert "newer.py" in found["path"].to_pylist()
    daemon.wait_for("the repair to end", all_ended)
    assert [run.status for run in runs()] == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE] + 3 * [
        dg.DagsterRunStatus.SUCCESS
    ]
