from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SHOW = (
    "import sys; from pathlib import Path; from duetto_assets.serve import ui\n"
    "ui._BIN, ui._LOOK_S = Path(sys.argv[1]), 0.05\n"
    "sys.exit(ui.show(3000, {'GIVEN': 'yes'}))"
)
WAITS = """#!{python}
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
mark = Path(__file__ + ".log")
try:
    mark.write_text("started " + os.environ["GIVEN"] + " " + " ".join(sys.argv[1:]))
    time.sleep(120)
except KeyboardInterrupt:
    mark.write_text("interrupted")
"""
FAILS = """#!{python}
import sys, time
from pathlib import Path
while not Path(__file__).with_name("dagster.log").is_file():
    time.sleep(0.05)
sys.exit(3)
"""


def wait_for(path: Path, text: str) -> str:
    for _ in range(600):
        if path.is_file() and text in path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} never said {text!r}")


def start(folder: Path, dagster: str, serve: str) -> subprocess.Popen[bytes]:
    for name, script in (("dagster", dagster), ("duetto-intel", serve)):
        file = folder / name
        file.write_text(script.format(python=sys.executable))
        file.chmod(0o755)
    return subprocess.Popen([sys.executable, "-c", SHOW, str(folder)], preexec_fn=_interruptible)


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell inherits it ignored


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    process = start(tmp_path, WAITS, WAITS)
    yield tmp_path, process
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_and_is_no_failure(shown: tuple[Path, subprocess.Popen[bytes]], number: int) -> None:
    folder, process = shown
    logs = [folder / f"{name}.log" for name in ("dagster", "duetto-intel")]
    assert "-p 3000" in wait_for(logs[0], "started yes dev")
    assert wait_for(logs[1], "started") == "started yes serve"
    process.send_signal(number)
    assert process.wait(30) == 0
    assert [log.read_text() for log in logs] == ["interrupted", "interrupted"]


def test_when_one_ends_by_itself_the_other_is_ended_and_its_exit_code_is_ours(tmp_path: Path) -> None:
    process = start(tmp_path, WAITS, FAILS)
    wait_for(tmp_path / "dagster.log", "interrupted")
    assert process.wait(30) == 3
