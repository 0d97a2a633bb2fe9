"""Dagster's home folder: made where it is missing, so that a shell and the UI see the same runs."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg

from duetto_assets.settings import CHECKOUT, Settings, load

_TEMPLATE = (CHECKOUT or Path(__file__).resolve().parent.parent) / "dagster.yaml"


def prepare(settings: Settings) -> Path:
    """Make Dagster's home folder with the instance's configuration in it, and return it."""
    home = settings.dagster
    home.mkdir(parents=True, exist_ok=True)
    wanted = _TEMPLATE.read_text(encoding="utf-8")
    config = home / "dagster.yaml"
    if not config.is_file() or config.read_text(encoding="utf-8") != wanted:
        config.write_text(wanted, encoding="utf-8")
    return home


def instance_of(settings: Settings) -> dg.DagsterInstance:
    """Open the Dagster instance of these settings."""
    return dg.DagsterInstance.from_config(str(prepare(settings)))


if __name__ == "__main__":  # `make ui` asks, before Dagster looks for its instance
    sys.stdout.write(f"{prepare(load())}\n")
