"""An index of a release that knew no graph opens, answers, is read again once, and ends as a new one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lancedb
import pytest

from duetto_assets.model import Fact
from duetto_assets.stages.entities import EntityFindings, inspect_entities
from duetto_assets.stages.words import words
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Partition
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.stages.crashing import world_of
from duetto_assets_tests.stages.worlds import (
    Notes,
    Watched,
    World,
    assert_same_graph,
    assert_same_index,
    rows,
    source_files,
)

NEW_COLUMNS = {"documents": ["facts", "extract_hash"], "partitions": ["graph_head", "linked", "extractor"]}
NEW_TABLES = ["extracts", "entities", "relations", "graphs"]


def make_earlier(folder: Path) -> None:
    """Turn an index into what the release before the graph left."""
    db = lancedb.connect(str(folder))
    for name, columns in NEW_COLUMNS.items():
        db.open_table(name).drop_columns(columns)
    for name in NEW_TABLES:
        db.drop_table(name, ignore_missing=True)


@pytest.fixture
def earlier(tmp_path: Path) -> World:
    """Return the world of a repository that the earlier release has indexed."""
    repository = GitRepository(tmp_path / "project")
    repository.commit({**source_files(3), "README.md": "# Project\n\nSee SRE-1.\n", "logo.png": b"\x89PNG\0\0"})
    made = world_of(repository.path, tmp_path / "index")
    made.sync()
    make_earlier(tmp_path / "index")
    return World(Watched(made.source), made.partition, Index(str(tmp_path / "index")))


def as_new(world: World, folder: Path) -> World:
    fresh = World(world.source, world.partition, Index(str(folder / "fresh")))
    fresh.sync()
    return fresh


def test_the_earlier_tables_lack_what_is_new(earlier: World, tmp_path: Path) -> None:
    db = lancedb.connect(str(tmp_path / "index"))
    schemas = {"documents": tables.DOCUMENTS, "partitions": tables.PARTITIONS}
    for name, columns in NEW_COLUMNS.items():
        assert db.open_table(name).schema.names == [n for n in schemas[name].names if n not in columns]


def test_it_opens_and_answers_and_says_that_its_graph_is_behind(earlier: World) -> None:
    index = earlier.index
    found = index.chunks.match_words(words("function_1_2"), ["path"], 5)
    assert found["path"].to_pylist()[0] == "src/file_001.py"
    (record,) = index.known_partitions("repos").values()
    assert (record.graph_head, record.linked, record.extractor) == ("", "", "")
    assert record.searchable_head == record.head != ""
    assert not record.true_for(record.head)
    assert {(row["facts"], row["extract_hash"]) for row in rows(index.documents).values()} == {("", "")}
    assert index.graph() is None
    assert inspect_entities(index, "repos").orphan_rows == 0


def test_a_partition_of_it_can_be_written(earlier: World) -> None:
    record = replace(earlier.index.partition("repos", "project"), graph_head="h")
    earlier.index.record(record)
    earlier.index.record(Partition("repos", "another", linked="x"))
    assert earlier.index.partition("repos", "project") == record
    assert earlier.index.partition("repos", "another").linked == "x"


def test_its_documents_are_read_again_once_and_it_ends_as_a_new_one(earlier: World, tmp_path: Path) -> None:
    source: Any = earlier.source
    chunked, embedded = earlier.index.chunks.version, earlier.vectors.version
    earlier.sync()
    documents = {row["doc_id"] for row in rows(earlier.index.documents).values()}
    assert {doc_id for read in source.reads for doc_id in read} == documents
    assert (earlier.index.chunks.version, earlier.vectors.version) == (chunked, embedded)
    assert not earlier.encoder.texts
    source.reads.clear()
    earlier.sync()
    assert source.reads == []
    assert inspect_entities(earlier.index, "repos") == EntityFindings(0, 0, 0)
    fresh = as_new(earlier, tmp_path)
    assert_same_index(earlier.index, fresh.index, earlier.encoder.dim)
    assert_same_graph(earlier.index, fresh.index)


def test_a_source_that_lists_only_what_changed_is_asked_for_all(tmp_path: Path) -> None:
    notes = Notes("SRE", "jira")
    world = World(notes, "SRE", Index(str(tmp_path / "index")))
    notes.put("SRE-1", kind="issue", path="", facts=(Fact("labelled", "label", "incident"),))
    world.sync()
    make_earlier(tmp_path / "index")
    notes.since.clear()
    world = World(notes, "SRE", Index(str(tmp_path / "index")))
    for _ in range(2):
        world.sync()
    assert notes.since == [None, notes.head]
    assert "label:incident" in {row["object_key"] for row in rows(world.index.relations).values()}


def test_a_process_that_holds_it_open_and_one_that_adds_the_columns_first_agree(earlier: World, tmp_path: Path) -> None:
    one, other = (Index(str(tmp_path / "index")) for _ in range(2))
    assert one.documents.count() == other.documents.count()
    assert one.partition("repos", "project") == other.partition("repos", "project")
    schema = lancedb.connect(str(tmp_path / "index")).open_table("documents").schema
    assert sorted(schema.names) == sorted(tables.DOCUMENTS.names)


def test_a_whole_table_is_left_alone(tmp_path: Path) -> None:
    notes = Notes("SRE", "jira")
    world = World(notes, "SRE", Index(str(tmp_path / "index")))
    notes.put("SRE-1", kind="issue", path="")
    world.sync()
    before = world.index.documents.version
    again = Index(str(tmp_path / "index"))
    assert again.documents.count() == 1
    assert again.documents.version == before
