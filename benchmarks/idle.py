"""A sync with nothing changed, over 20 repositories: what it costs, asks and writes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ground import environment, report, repository, take

_SECOND = """
import json, sys, time
from duetto_assets.resources import Workbench
from duetto_assets.serve.home import instance_of
from duetto_assets.serve.sync import Options, Sync
bench = Workbench()
with instance_of(bench.settings) as instance:
    before = {t.name: t.version for t in bench.index.all_tables()}
    started = time.monotonic()
    outcome = Sync(Options(), bench, instance, lambda s: None, lambda n, d: None).run([])
    seconds = time.monotonic() - started
after = {t.name: t.version for t in bench.index.all_tables()}
print(json.dumps({
    "seconds": round(seconds, 3),
    "remote_calls": bench.source("repos").calls,
    "commits": sum(after[n] - before[n] for n in before),
    "model_loaded": "torch" in sys.modules,
    "read": sum(p["added"] + p["changed"] for p in outcome.partitions.values()),
    "partitions": len(outcome.partitions),
}))
"""


def main() -> None:
    """Sync 20 repositories over file:// URLs twice, and look at the second."""
    with tempfile.TemporaryDirectory() as folder:
        made = [repository(Path(folder) / f"project{n:02}", take("dagster", 2, skip=2 * n)) for n in range(20)]
        env = environment(Path(folder) / "home", [f"file://{path}" for path in made])
        duetto = Path(sys.executable).with_name("duetto-intel")
        subprocess.run([duetto, "sync"], env=env, check=True, capture_output=True)
        started = time.monotonic()
        subprocess.run([duetto, "sync"], env=env, check=True, capture_output=True)
        whole = time.monotonic() - started
        second = subprocess.run([sys.executable, "-c", _SECOND], env=env, check=True, capture_output=True, text=True)
        target = "under 1 s beyond process start, no commit"
        report("second sync of 20 repositories", process_s=whole, target=target, **json.loads(second.stdout))


if __name__ == "__main__":
    main()
