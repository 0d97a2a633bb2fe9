"""The index is kept small without loss, and what is wrong in it is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from duetto_assets.stages import upkeep
from duetto_assets.stages.embed import vector_model_id
from duetto_assets.stages.upkeep import Findings, drop_unused_vectors, inspect
from duetto_assets.store.index import Index, Table
from duetto_assets.store.where import same
from duetto_assets_tests.stages.worlds import HashEncoder, Notes, World, notes_world, rows

SOUND = Findings(orphan_chunks=0, orphan_embeddings=0, without_vector=0, duplicate_rows=0)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Notes, World]:
    notes, world = notes_world(tmp_path)
    for number in range(8):
        notes.put(f"n{number}", f"text {number}")
    world.sync()
    return notes, world


def used(index: Index, dim: int = 16) -> set[str]:
    found = rows(index.embeddings(dim)).values()
    return {row[name] for row in found for name in ("text_key", "place_hash")}


def findings(world: World) -> Findings:
    return inspect(world.index, "notes", vector_model_id(world.encoder))


def double(table: Table, row_id: str) -> None:
    """Write a row a second time, as no code of ours does."""
    table._db.open_table(table.name).add(table.scan(table.schema.names, same("id", row_id)))


# Unused vectors


def test_few_unused_vectors_stay_for_a_branch_that_comes_back(made: tuple[Notes, World]) -> None:
    notes, world = made
    before = rows(world.index.vectors(16))
    assert len(before) == 16
    notes.delete(*[f"n{number}" for number in range(7)])
    world.sync()
    assert drop_unused_vectors(world.index) == 0
    assert rows(world.index.vectors(16)) == before


def test_unused_vectors_that_are_less_than_half_stay(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_KEEP_UNUSED", 2)
    notes, world = made
    notes.delete("n0", "n1", "n2", "n3")
    world.sync()
    assert drop_unused_vectors(world.index) == 0
    notes.delete("n4")
    world.sync()
    assert drop_unused_vectors(world.index) == 10


def test_many_unused_vectors_go_and_all_used_ones_stay(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_KEEP_UNUSED", 8)
    notes, world = made
    notes.delete("n0", "n1", "n2", "n3")
    world.sync()
    version = world.index.vectors(16).version
    assert drop_unused_vectors(world.index) == 0  # eight are not many
    assert world.index.vectors(16).version == version
    notes.delete("n4")
    world.sync()
    assert drop_unused_vectors(world.index) == 10
    assert rows(world.index.vectors(16)).keys() == used(world.index)
    assert len(used(world.index)) == 6
    world.encoder.taken()
    notes.put("n5 again", "text 5")
    assert world.sync().embedded == 0
    notes.put("n0", "text 0")
    assert world.sync().embedded == 1


def test_a_place_or_a_text_that_only_another_partition_uses_stays(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_KEEP_UNUSED", 0)
    notes, world = made
    other = Notes("other")
    other.put("n0", "text 7")
    World(other, "other", world.index, world.encoder).sync()
    notes.delete(*list(notes.notes))
    world.sync()
    assert drop_unused_vectors(world.index) == 14
    assert rows(world.index.vectors(16)).keys() == used(world.index)


def test_vectors_of_an_earlier_model_go_when_no_row_uses_them(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_KEEP_UNUSED", 4)
    _, world = made
    for encoder in (HashEncoder(16, "new"), HashEncoder(24, "newer")):
        world.encoder = encoder
        world.sync()
    assert drop_unused_vectors(world.index) == 32
    assert rows(world.index.vectors(16)) == {}
    assert rows(world.index.vectors(24)).keys() == used(world.index, 24)


@pytest.mark.parametrize(("table", "late"), [("vectors", "new"), ("vectors", "text 0"), ("embeddings", "new")])
def test_a_vector_that_comes_into_use_while_the_unused_are_sought_stays(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch, table: str, late: str
) -> None:
    monkeypatch.setattr(upkeep, "_KEEP_UNUSED", 0)
    notes, world = made
    notes.delete("n0", "n1", "n2", "n3", "n4", "n5")
    world.sync()
    scan = Table.scan

    def racing(self: Table, columns: Any, where: Any = None) -> pa.Table:
        found = scan(self, columns, where)
        if self.name == f"{table}_16" and "late" not in notes.notes:
            notes.put("late", late)
            world.sync()
        return found

    monkeypatch.setattr(Table, "scan", racing)
    assert drop_unused_vectors(world.index) > 0
    assert "late" in notes.notes
    assert used(world.index) <= rows(world.index.vectors(16)).keys()


# Inspection


def test_an_index_at_rest_and_an_empty_one_are_sound(made: tuple[Notes, World], tmp_path: Path) -> None:
    assert findings(made[1]) == SOUND
    assert inspect(Index(str(tmp_path / "empty")), "notes", "any") == SOUND


def test_a_chunk_whose_document_is_gone_is_found(made: tuple[Notes, World]) -> None:
    _, world = made
    gone = min(rows(world.index.documents))
    world.index.documents.delete(same("id", gone))
    assert findings(world) == Findings(1, 0, 0, 0)


def test_a_vector_whose_chunk_is_gone_is_found_also_one_of_an_earlier_model(made: tuple[Notes, World]) -> None:
    _, world = made
    world.index.chunks.delete(same("id", min(rows(world.index.chunks))))
    assert findings(world) == Findings(0, 1, 0, 0)
    world.encoder = HashEncoder(24, "new")
    assert findings(world) == Findings(0, 1, 7, 0)


def test_a_chunk_without_a_vector_of_the_current_model_is_found(made: tuple[Notes, World]) -> None:
    _, world = made
    world.vectors.delete(same("id", min(rows(world.vectors))))
    assert findings(world) == Findings(0, 0, 1, 0)


@pytest.mark.parametrize("name", ["documents", "chunks", "embeddings"])
def test_a_row_that_stands_twice_is_found(made: tuple[Notes, World], name: str) -> None:
    _, world = made
    table = world.vectors if name == "embeddings" else getattr(world.index, name)
    double(table, min(rows(table)))
    assert findings(world) == Findings(0, 0, 0, 1)


def test_only_the_source_that_was_asked_for_is_looked_at(made: tuple[Notes, World]) -> None:
    _, world = made
    world.index.documents.delete(same("id", min(rows(world.index.documents))))
    assert inspect(world.index, "wiki", vector_model_id(world.encoder)) == SOUND
