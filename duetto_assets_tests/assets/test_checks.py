from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from duetto_assets.definitions import defs
from duetto_assets.model import digest
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.store import tables
from duetto_assets.store.where import Where, among
from duetto_assets_tests.worlds import World

CHECKS = {
    "listing_equals_table",
    "no_orphan_rows",
    "one_vector_per_chunk",
    "rows_belong_and_conform",
    "no_dangling_edge",
}


def verify(world: World) -> Mapping[str, dg.AssetCheckEvaluation]:
    result = defs.resolve_job_def("verify").execute_in_process(instance=world.instance)
    assert result.success
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def failed(world: World) -> set[str]:
    checks = verify(world)
    assert checks.keys() == CHECKS
    return {name for name, check in checks.items() if not check.passed}


@pytest.fixture
def sound(world: World) -> World:
    for name in ("one", "two"):
        world.add(name, {"a.py": f"def {name}():\n    return 1\n", "b.py": f"x = {name!r}\n"})
    assert world.run("one", "two").success
    return world


def test_every_check_passes_on_a_sound_index(sound: World) -> None:
    assert failed(sound) == set()


def test_every_check_passes_on_an_empty_index(world: World) -> None:
    assert failed(world) == set()


def test_a_partition_that_moved_or_cannot_be_reached_is_the_sensors_business(sound: World, tmp_path: Path) -> None:
    sound.add("new")
    sound.name(str(tmp_path / "missing"))
    checks = verify(sound)
    assert all(check.passed for check in checks.values())
    assert checks["listing_equals_table"].metadata["compared"].value == 2


def any_id(table: Any) -> str:
    found: str = min(table.scan(["id"])["id"].to_pylist())
    return found


def lose_document(world: World) -> None:
    world.index.documents.delete(among("id", [any_id(world.index.documents)]))


def lose_chunk(world: World) -> None:
    world.index.chunks.delete(among("id", [any_id(world.index.chunks)]))


def lose_vector(world: World) -> None:
    rows = world.index.embeddings(384)
    rows.delete(among("id", [any_id(rows)]))


def stale_vector(world: World) -> None:
    rows = world.index.embeddings(384)
    names = [field.name for field in rows.schema]
    row = rows.scan(names, among("id", [any_id(rows)])).to_pylist()[0] | {"model": "an earlier one"}
    rows.upsert(pa.Table.from_pylist([row], schema=tables.embeddings(384)))


def double_chunk(world: World) -> None:
    chunks = world.index.chunks
    row = chunks.scan([field.name for field in chunks.schema], among("id", [any_id(chunks)]))
    folder = Path(world.index.location)
    import lancedb

    lancedb.connect(folder).open_table("chunks").add(row)


def forge_document(world: World) -> None:
    documents = world.index.documents
    rows = documents.scan([field.name for field in documents.schema], among("path", ["a.py"])).to_pylist()
    forged = rows[0] | {"doc_id": "forged.py", "path": "forged.py"}
    forged["id"] = digest("repos", forged["partition"], "forged.py")
    documents.upsert(pa.Table.from_pylist([forged], schema=tables.DOCUMENTS))


def forge_relation(world: World) -> None:
    relations = world.index.relations
    row = relations.scan(relations.schema.names, Where("(type = 'defines')")).to_pylist()[0]
    relations.upsert(pa.Table.from_pylist([row | {"id": "0", "subject_type": "person"}], schema=relations.schema))


def cut_off_graph(world: World) -> None:
    reconcile_graph(world.index)
    graph = world.index.graph()
    assert graph is not None
    parts = {
        "nodes": tables.GRAPH_NODES,
        "edges": tables.GRAPH_EDGES,
        "documents": tables.GRAPH_DOCUMENTS,
        "unresolved": tables.GRAPH_UNRESOLVED,
    }
    rows = {name: world.index.read_graph(graph, name, schema.names) for name, schema in parts.items()}
    world.index.write_graph("cut off", rows | {"nodes": rows["nodes"].slice(1)})


@pytest.mark.parametrize(
    ("damage", "caught_by"),
    [
        (lose_document, {"listing_equals_table", "no_orphan_rows", "rows_belong_and_conform"}),
        (forge_document, {"listing_equals_table", "rows_belong_and_conform"}),
        (lose_chunk, {"no_orphan_rows", "one_vector_per_chunk"}),
        (lose_vector, {"one_vector_per_chunk"}),
        (stale_vector, {"one_vector_per_chunk"}),
        (forge_relation, {"rows_belong_and_conform"}),
        (cut_off_graph, {"no_dangling_edge"}),
        (double_chunk, {"no_orphan_rows", "one_vector_per_chunk"}),
    ],
)
def test_damage_is_caught(sound: World, damage: Callable[[World], None], caught_by: set[str]) -> None:
    damage(sound)
    assert failed(sound) == caught_by


def test_a_difference_is_named_by_partition(sound: World) -> None:
    forge_document(sound)
    check = verify(sound)["listing_equals_table"]
    (said,) = check.metadata["differing"].value.values()  # type: ignore[union-attr]
    assert said == "0 to read, 1 to delete"


def test_a_missing_vector_only_warns_since_a_new_model_takes_a_while(sound: World) -> None:
    lose_vector(sound)
    assert verify(sound)["one_vector_per_chunk"].severity == dg.AssetCheckSeverity.WARN


def test_a_full_sync_mends_what_the_checks_found(sound: World) -> None:
    for damage in (lose_document, lose_vector, stale_vector, forge_document):
        damage(sound)
    assert sound.run("one", "two", census=True).success
    assert failed(sound) == set()
