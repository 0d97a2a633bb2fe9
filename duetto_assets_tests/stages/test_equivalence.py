"""Whatever happened on the way, one undisturbed sync makes the index that would have been built from scratch."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from duetto_assets.sources.repos_documents import file_id
from duetto_assets.stages import chunks, documents, embeddings, entities
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.stages.upkeep import drop_unused_vectors
from duetto_assets.store.index import Table
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.stages.crashing import MAX_FILE_BYTES, start, world_of
from duetto_assets_tests.stages.worlds import (
    Killed,
    World,
    assert_same_graph,
    assert_same_index,
    chunker,
    rows,
    source_files,
)

WRITES = ("insert", "upsert", "replace", "delete")
NAMES = [
    "CODEOWNERS",
    "pyproject.toml",
    "a.py",
    "b.md",
    "it's.txt",
    "src/deep/a.py",
    "src/\U0001f600 ü.py",
    "src/gen/made.py",
    "line\nbreak",
    b"bytes\xff.txt",
    "docs/c.md",
]
FILE = next(iter(source_files(1).values()))
CONTENTS: list[str | bytes] = [
    "",
    "\n\n",
    "x = 1\n",
    FILE,
    FILE.replace("+ 7", "- 7", 1),
    f"# a remark\n\n{FILE}",
    "# Title\n\nWords.\n\n## Part\n\nMore words.\n",
    "Größe\n".encode("latin-1"),
    b"\x89PNG\0\0",
    "x" * (MAX_FILE_BYTES + 1),
    "same line\n" * 400,
    "from src.deep import a\nfrom lib.moved import helper\n\n\ndef run():\n    helper()\n    a.helper()\n",
    "class Base:\n    def helper(self):\n        pass\n\n\ndef helper():\n    return Base().helper()\n",
    "from a import Base\n\n\nclass Child(Base):\n    def own(self):\n        self.helper()\n",
    '[project]\nname = "thing"\ndependencies = ["flask>=3"]\n',
    "See `src/deep/a.py` and SRE-42, or ask <https://host.example/browse/SRE-7>.\n",
]
RULES = ["", "*.md\n", "src/\n", "*\n!a.py\n"]


def assert_files_are_the_tree(world: World, repository: GitRepository) -> None:
    """Fail unless documents of kind file, and the skipped with their reason, are what git lists."""
    stored = [row for row in rows(world.index.documents).values() if row["kind"] != "commit"]
    listed = {file_id(path): sha for path, sha in repository.tree().items()}
    assert {row["doc_id"]: row["version"].rpartition(":")[2] for row in stored} == listed
    assert all(bool(row["skipped"]) == (row["kind"] == "skipped") for row in stored)


def assert_all_text_is_searchable(world: World) -> None:
    """Fail unless each document with text has chunks, and each chunk its vector."""
    chunked = rows(world.index.chunks)
    with_text = {key for key, row in rows(world.index.documents).items() if row["text"].strip()}
    assert with_text
    assert {row["doc_key"] for row in chunked.values()} == with_text
    assert rows(world.vectors).keys() == chunked.keys()


class Histories(RuleBasedStateMachine):
    """Commits, syncs, and processes that die between two commits of the index."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(mkdtemp())
        self.repository = GitRepository(self.folder / "project")
        self.repository.commit({"README.md": "# Project\n"})
        self.world = world_of(self.repository.path, self.folder / "index")
        self.world.sync()

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            self.world.sync()
            scratch = world_of(self.repository.path, self.folder / "scratch")
            scratch.chunker, scratch.encoder = self.world.chunker, self.world.encoder
            scratch.sync()
            assert_same_index(self.world.index, scratch.index, self.world.encoder.dim)
            assert_same_graph(self.world.index, scratch.index)
            assert_files_are_the_tree(self.world, self.repository)
            assert_all_text_is_searchable(self.world)
            assert self.world.searchable == self.repository.head
        finally:
            shutil.rmtree(self.folder)

    def files(self) -> list[bytes]:
        return sorted(path for path in self.repository.tree() if path != b".duettoignore")

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1, max_size=4), content=st.sampled_from(CONTENTS))
    def write(self, names: set[str | bytes], content: str | bytes) -> None:
        self.repository.commit(dict.fromkeys(names, content))

    @precondition(lambda self: self.files())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.repository.commit({data.draw(st.sampled_from(self.files())): None})

    @precondition(lambda self: self.files())
    @rule(data=st.data(), to=st.sampled_from([b"moved", b"lib/moved.py", b"src/moved.md"]))
    def rename(self, data: st.DataObject, to: bytes) -> None:
        path = data.draw(st.sampled_from(self.files()))
        content = (self.repository.path / os.fsdecode(path)).read_bytes()
        self.repository.commit({path: None} if path != to else {})
        self.repository.commit({to: content})

    @rule(patterns=st.sampled_from(RULES))
    def change_what_is_skipped(self, patterns: str) -> None:
        self.repository.commit({".duettoignore": patterns})

    @rule(tokens=st.sampled_from([64, 128]))
    def change_the_chunker(self, tokens: int) -> None:
        self.world.chunker = chunker(tokens)

    @rule(back=st.integers(1, 3))
    def force_push(self, back: int) -> None:
        commits = self.repository.git("rev-list", "--count", "HEAD")
        self.repository.git("reset", "-q", "--hard", f"HEAD~{min(back, int(commits) - 1)}")

    @rule()
    def sync(self) -> None:
        self.world.sync()

    @rule(writes=st.integers(0, 12), before=st.booleans())
    def sync_and_die(self, writes: int, before: bool) -> None:
        with dying(writes, before):
            self.world.sync()

    @rule()
    def resolve(self) -> None:
        reconcile_graph(self.world.index)

    @rule(stage=st.sampled_from(["documents", "chunks", "embeddings", "entities"]))
    def one_stage(self, stage: str) -> None:
        getattr(self.world, stage)()

    @rule()
    def upkeep(self) -> None:
        drop_unused_vectors(self.world.index)
        for table in self.world.index.all_tables():
            table.optimize()


class dying:  # noqa: N801 - reads as a word: with dying(3, before=True)
    """The process ends at the n-th write to the index from here, before or after it is done."""

    def __init__(self, writes: int, before: bool) -> None:
        self.left = writes
        self.before = before
        self.real = {name: getattr(Table, name) for name in WRITES}

    def __enter__(self) -> None:
        for name, real in self.real.items():
            setattr(Table, name, lambda table, *args, real=real: self.write(real, table, *args))

    def write(self, real: Any, table: Table, *args: Any) -> Any:
        self.left -= 1
        if self.left < 0 and self.before:
            raise Killed
        done = real(table, *args)
        if self.left < 0:
            raise Killed
        return done

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        for name, real in self.real.items():
            setattr(Table, name, real)
        return kind is Killed


@pytest.fixture
def small_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_COMMIT_DOCUMENTS", 2)
    monkeypatch.setattr(chunks, "_COMMIT_DOCUMENTS", 2)
    monkeypatch.setattr(entities, "_COMMIT_DOCUMENTS", 2)
    monkeypatch.setattr(entities, "_COMMIT_ROWS", 3)
    monkeypatch.setattr(embeddings, "_MIN_WINDOW", 3)
    monkeypatch.setattr(embeddings, "_MAX_WINDOW", 3)


@pytest.mark.usefixtures("small_commits")
def test_any_history_ends_in_the_index_that_is_built_from_scratch() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_after_kills_at_random_moments_one_sync_makes_the_undisturbed_index(tmp_path: Path) -> None:
    moments = random.Random(20_261_121)
    repository = GitRepository(tmp_path / "project")
    repository.commit(source_files(16))
    index = tmp_path / "index"
    for number in range(5):
        child = start(repository.path, index)
        time.sleep(moments.uniform(0.05, 0.6))
        repository.commit({f"src/file_{number:03}.py": f"edited = {number}\n", f"new_{number}.py": FILE})
        repository.git("mv", f"src/file_{number + 8:03}.py", f"moved_{number}.py")
        repository.commit()
        time.sleep(moments.uniform(0.05, 0.8))
        child.kill()
        child.communicate()
        assert child.returncode == -9
    world, scratch = world_of(repository.path, index), world_of(repository.path, tmp_path / "scratch")
    assert world.sync().searchable
    scratch.sync()
    assert_all_text_is_searchable(world)
    assert_same_index(world.index, scratch.index, world.encoder.dim)
    assert_files_are_the_tree(world, repository)
