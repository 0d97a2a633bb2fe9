"""What a second process does in tests of the index: `python -m duetto_assets_tests.store.processes ACTION LOCATION`."""

from __future__ import annotations

import subprocess
import sys
import time

import pyarrow as pa

from duetto_assets.store import tables
from duetto_assets.store.index import Index


def insert(index: Index) -> None:
    """Insert the same 200 new keys as everybody else, 20 at a time."""
    say("ready")
    sys.stdin.readline()
    for start in range(0, 200, 20):
        index.vectors(4).upsert(vector_rows(range(start, start + 20)))


def hold(index: Index) -> None:
    """Hold a partition's lock until killed."""
    with index.lock("s", "p"):
        say("ready")
        time.sleep(60)


def vector_rows(numbers: range) -> pa.Table:
    """Return rows of the cache of vectors."""
    listed = [{"id": f"v{number}", "vector": [float(number), 0, 0, 1]} for number in numbers]
    return pa.Table.from_pylist(listed, schema=tables.vectors(4))


def start(action: str, index: Index) -> subprocess.Popen[str]:
    """Start a process and wait until it is ready."""
    command = [sys.executable, "-m", __name__, action, index.location]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    {"insert": insert, "hold": hold}[sys.argv[1]](Index(sys.argv[2]))
