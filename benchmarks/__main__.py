"""`make bench`: run each benchmark in a process of its own; each prints its numbers."""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "encode", "chunk", "first_index", "update", "idle", "crash", "organisation", "latency", "call_graph", "ontology",
    "graph", "page", "memory",
)  # fmt: skip


def main() -> int:
    """Run those that are named, or all; return 1 if one failed."""
    failed = 0
    for name in sys.argv[1:] or ALL:
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
