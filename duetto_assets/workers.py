"""Which process works on a run, and whether it still does: one that was killed reports nothing itself."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

WORKER = "duetto/worker"


def worker_tags(run_id: str) -> dict[str, str]:
    """Return the tag that says that this process works on a run."""
    pid = os.getpid()
    return {WORKER: f"{run_id} {socket.gethostname()} {pid} {_began(pid)}"}


def is_dead(run_id: str, tags: Mapping[str, str]) -> bool:
    """Return whether the process that worked on a run is gone. False where that cannot be known from this host."""
    worker = tags.get(WORKER, "").split(" ")
    # A run that is tried again inherits the tags of the first try, and so its worker.
    if len(worker) != 4 or worker[:2] != [run_id, socket.gethostname()]:
        return False
    return _began(int(worker[2])) != worker[3]


def _began(pid: int) -> str:
    """Return when a process began, since its number may be another's by now; empty where there is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass  # it lives, as somebody else's
    try:
        # After the name, which may hold anything: state, …, and as the 20th the start in ticks since boot.
        values = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return "unknown"  # no Linux: the number must do
    return "" if values[0] == "Z" else values[19]
