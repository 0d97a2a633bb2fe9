"""Worlds of repositories, for the contract and for tests of what is built on a source."""

from __future__ import annotations

from pathlib import Path

from duetto_assets.sources.github import GitHub
from duetto_assets.sources.repos import ReposSource
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.wire.github import Answer, FakeGitHub


class LocalWorld:
    """A checkout on this machine."""

    partition = "project"

    def __init__(self, folder: Path, push_to: Path | None = None) -> None:
        self.clones = folder / "clones"
        self.repository = GitRepository(folder / "project", push_to)

    def source(self) -> ReposSource:
        return ReposSource(clones_path=self.clones, repositories=[str(self.repository.path)])

    def put(self, name: str, content: bytes) -> None:
        self.repository.commit({name: content})

    def move(self, old: str, new: str) -> None:
        self.repository.git("mv", old, new)
        self.repository.commit()

    def delete(self, name: str) -> None:
        self.repository.commit({name: None})

    def id_of(self, name: str) -> str:
        return name


class GitHubWorld(LocalWorld):
    """A repository of an organisation whose listing has two pages."""

    partition = "acme/project"

    def __init__(self, folder: Path, github: FakeGitHub) -> None:
        self.github = github
        github.page_size = 1
        github.token = "made-up-token"
        remote = github.path(github.add("project"))
        github.add("other")
        super().__init__(folder, remote)

    def source(self) -> ReposSource:
        github = GitHub("acme", "made-up-token", base_url=self.github.url)
        return ReposSource(clones_path=self.clones, github=github, token="made-up-token")

    def refuse(self) -> None:
        self.github.token = "another-token"

    def limit(self, after_s: int) -> None:
        errors = [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]
        answer = Answer(200, {"errors": errors}, {"Retry-After": str(after_s)})
        self.github.graphql = dict.fromkeys(range(1, 1_000), answer)

    def break_listing(self) -> None:
        second = len(self.github.of("graphql")) + 2
        self.github.graphql = dict.fromkeys(range(second, second + 10), Answer(502, b"Bad Gateway"))

    def mend(self) -> None:
        self.github.graphql = {}
        self.github.token = "made-up-token"
