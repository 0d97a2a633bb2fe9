"""The source contract, for repositories on GitHub and on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from duetto_assets_tests.sources.contract import Contract, RemoteContract
from duetto_assets_tests.sources.worlds import GitHubWorld, LocalWorld
from duetto_assets_tests.wire.github import FakeGitHub


class TestLocal(Contract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> LocalWorld:
        return LocalWorld(tmp_path)


class TestGitHub(RemoteContract):
    @pytest.fixture
    def world(self, tmp_path: Path, github: FakeGitHub) -> GitHubWorld:
        return GitHubWorld(tmp_path, github)
