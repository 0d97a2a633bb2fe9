"""Retries happen at once in tests, and git knows no user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.wire.github import FakeGitHub, serving


@pytest.fixture(autouse=True)
def retries_at_once() -> Iterator[None]:
    """Wait for nothing; three attempts, so that a single fault is seen to be survived."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    """Return a GitHub on localhost."""
    with serving(tmp_path / "github") as fake:
        yield fake


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Return a repository with one commit."""
    made = GitRepository(tmp_path / "project")
    made.commit({"README.md": "# Project\n"})
    return made
