"""A small installation to work on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from duetto_assets_tests.worlds import World, make_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from make_world(tmp_path / "repositories", monkeypatch)
