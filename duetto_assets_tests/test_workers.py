from __future__ import annotations

import os

import pytest

from duetto_assets.workers import WORKER, is_dead, worker_tags
from duetto_assets_tests.worlds import living_process


def test_this_process_is_not_dead() -> None:
    assert not is_dead("run", worker_tags("run"))


def test_a_killed_process_is_dead_and_a_living_one_is_not() -> None:
    with living_process("run") as tags:
        assert not is_dead("run", tags)
    assert is_dead("run", tags)


def test_another_process_under_the_same_number_is_not_taken_for_the_worker() -> None:
    value = worker_tags("run")[WORKER]
    assert is_dead("run", {WORKER: value.rpartition(" ")[0] + " 1"})


def test_a_process_killed_but_not_yet_buried_is_dead() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, worker_tags("run")[WORKER].encode())
        os._exit(0)
    try:
        tags = {WORKER: os.read(reading, 1_000).decode()}
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert is_dead("run", tags)
    finally:
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("value", ["", "run", "run elsewhere 1 1", "other host 1 1"])
def test_what_cannot_be_known_from_here_is_not_called_dead(value: str) -> None:
    assert not is_dead("run", {WORKER: value} if value else {})


def test_a_run_tried_again_does_not_die_of_its_parents_worker() -> None:
    with living_process("first") as tags:
        pass
    assert is_dead("first", tags)
    assert not is_dead("second", tags)
