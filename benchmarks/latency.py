"""From a commit to searchable, with `dagster dev` running and the sensor at its default interval."""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

from benchmarks.ground import commit, environment, report, repository, take
from duetto_assets.store.index import Index

_BIN = Path(sys.executable).parent
_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Commit a few times at moments that do not follow the sensor's, and wait until each is searchable."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=5)
    args = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        home, checkout = Path(folder) / "home", Path(folder) / "project"
        repository(checkout, take("dagster/_utils", 10))
        env = environment(home, [checkout]) | {"DAGSTER_HOME": str(home / "dagster")}
        subprocess.run([_BIN / "duetto-intel", "sync"], env=env, check=True, capture_output=True)
        dagster = subprocess.Popen(
            [_BIN / "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(_free_port())],
            cwd=_ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            latencies = [_once(home, checkout, n, chance) for n in range(args.commits)]
        finally:
            os.killpg(dagster.pid, signal.SIGTERM)
            dagster.wait(60)
        with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
            records = instance.get_run_records(dg.RunsFilter(job_name="sync_repos"), limit=args.commits)
            runs = [r.end_time - r.start_time for r in records if r.end_time and r.start_time]
        report(
            "commit to searchable",
            commits=args.commits,
            median_s=statistics.median(latencies),
            slowest_s=max(latencies),
            run_median_s=statistics.median(runs),
            target="median < 90 s, run < 15 s",
        )


def _once(home: Path, checkout: Path, number: int, chance: random.Random) -> float:
    time.sleep(chance.uniform(0, 30) if number else 45)  # the first waits for the daemon
    (checkout / "note.md").write_text(f"# Note {number}\n\nSomething new.\n", encoding="utf-8")
    commit(checkout, f"note {number}")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True)
    started = time.monotonic()
    while Index(str(home / "index")).partition("repos", "project").searchable_head != head.stdout.strip():
        if time.monotonic() - started > 600:
            raise TimeoutError("not searchable after ten minutes")
        time.sleep(0.5)
    return time.monotonic() - started


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


if __name__ == "__main__":
    main()
