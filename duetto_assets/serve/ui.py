"""`make ui`: Dagster and the pages of `duetto-intel serve`, side by side until Ctrl-C.

`python -m duetto_assets.serve.ui --port 3000`
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from duetto_assets.serve.home import prepare
from duetto_assets.settings import HOME, load

_BIN = Path(sys.executable).parent
_LOOK_S = 0.5
_END_S = 30


def main() -> int:
    """Run both with the settings of this environment."""
    parser = argparse.ArgumentParser(prog="python -m duetto_assets.serve.ui", description=main.__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of Dagster's pages (default: 3000)")
    given = parser.parse_args()
    return show(given.port, {"DAGSTER_HOME": str(prepare(load()))})


def show(port: int, environment: Mapping[str, str]) -> int:
    """Run Dagster and `serve` until Ctrl-C, or until one of them ends; then end the other.

    :param environment: Set for both, beside this process's own.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or they would outlive us
    env = {**os.environ, **environment, "PYTHONWARNINGS": "ignore:Function `dev_command`"}
    dagster = ["dagster", "dev", "-w", str(HOME / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    children: list[subprocess.Popen[bytes]] = []
    try:
        commands = (dagster, ["duetto-intel", "serve"])
        children.extend(subprocess.Popen([_BIN / name, *more], env=env, cwd=HOME) for name, *more in commands)
        while all(child.poll() is None for child in children):
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        return _end(children, interrupted=True)
    return _end(children, interrupted=False)


def _end(children: Sequence[subprocess.Popen[bytes]], *, interrupted: bool) -> int:
    """End what still runs; return 0 after a Ctrl-C, else the exit code of the one that ended by itself."""
    code = 0 if interrupted else next((c.returncode for c in children if c.returncode), 1)
    with contextlib.suppress(KeyboardInterrupt):
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_END_S)
            if child.poll() is None:
                child.kill()
    return code


if __name__ == "__main__":
    sys.exit(main())
