"""Every test has a home of its own: no setting, index or run of the machine reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from duetto_assets import factory
from duetto_assets.settings import Settings
from duetto_assets_tests.wire.fixtures import atlassian

__all__ = ["atlassian"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point every setting into an empty folder, and forget what was built from earlier ones."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    folder = tmp_path / "home"
    monkeypatch.setenv("DUETTO_HOME", str(folder))
    forget()
    yield folder
    forget()


def forget() -> None:
    """Drop sources and indexes that this process holds; the model stays, since loading it takes seconds."""
    factory.source_of.cache_clear()
    factory.index_of.cache_clear()
