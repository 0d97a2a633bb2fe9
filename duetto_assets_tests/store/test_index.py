"""What the index promises to its writers and readers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from duetto_assets.stages.words import words
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Partition, Table, partition_key
from duetto_assets.store.where import among, excluding, same
from duetto_assets_tests.store import processes
from duetto_assets_tests.store.processes import vector_rows


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(str(tmp_path / "index"))


def rows_of(schema: pa.Schema, *rows: dict[str, Any]) -> pa.Table:
    """Return rows in which only what matters is said."""
    empty: dict[str, Any] = {f.name: "" for f in schema if pa.types.is_string(f.type)}
    empty |= {f.name: 0 for f in schema if pa.types.is_integer(f.type)}
    empty |= {f.name: ["all"] for f in schema if f.name == "access"}
    empty |= {f.name: [1.0, 0.0, 0.0, 0.0] for f in schema if f.name == "vector"}
    return pa.Table.from_pylist([empty | row for row in rows], schema=schema)


def chunk_rows(*ids: str, **columns: str) -> pa.Table:
    return rows_of(tables.CHUNKS, *({"id": i} | columns for i in ids))


def ids(table: Table, where: Any = None) -> list[str]:
    return sorted(table.scan(["id"], where)["id"].to_pylist())


def found(table: Table, query: str) -> list[str]:
    return sorted(table.match_words(words(query), ["id"], 50)["id"].to_pylist())


def in_threads(*actions: Callable[[], object]) -> None:
    """Do these at once, and fail where one fails."""
    failures: list[BaseException] = []

    def run(action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:  # given to the test below
            failures.append(error)

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


# Rows


def test_a_table_that_is_not_there_reads_as_an_empty_one_with_its_columns(index: Index) -> None:
    assert index.chunks.scan(["id", "access", "start_line"]).schema.names == ["id", "access", "start_line"]
    assert index.chunks.match_words("word", ["id", "text"], 5).schema.names == ["id", "text", "_score"]
    assert index.embeddings(4).nearest([1.0, 0, 0, 0], ["id"], 5).schema.names == ["id", "_distance"]
    for table in (index.documents, index.chunks, index.embeddings(4)):
        assert table.count() == table.version == table.unindexed() == table.optimize() == 0
        assert table.delete(same("id", "a")) == 0
    assert index.partition("s", "p") == Partition("s", "p")
    assert index.known_partitions() == {}
    assert index.dims() == []
    assert not list(Path(index.location).glob("*.lance"))


def test_upsert_replaces_by_id(index: Index) -> None:
    index.chunks.upsert(chunk_rows("a", "b", text="old"))
    index.chunks.upsert(chunk_rows("b", "c", text="new"))
    texts = {row["id"]: row["text"] for row in index.chunks.scan(["id", "text"]).to_pylist()}
    assert texts == {"a": "old", "b": "new", "c": "new"}


def test_upserting_nothing_commits_nothing(index: Index) -> None:
    index.chunks.upsert(tables.CHUNKS.empty_table())
    assert index.chunks.version == 0


def test_replace_makes_rows_all_there_is_in_its_scope_and_touches_nothing_outside(index: Index) -> None:
    index.chunks.upsert(chunk_rows("a1", "a2", doc_key="a"))
    index.chunks.upsert(chunk_rows("b1", "b2", doc_key="b", text="untouched"))
    index.chunks.replace(chunk_rows("a2", "a3", doc_key="a", text="new"), same("doc_key", "a"))
    assert ids(index.chunks) == ["a2", "a3", "b1", "b2"]
    assert ids(index.chunks, same("text", "untouched")) == ["b1", "b2"]
    index.chunks.replace(chunk_rows(), same("doc_key", "a"))
    assert ids(index.chunks) == ["b1", "b2"]


def test_a_reader_sees_the_old_rows_of_a_scope_or_the_new_never_some(index: Index) -> None:
    def version(number: int) -> pa.Table:
        return chunk_rows(*(f"{number}-{i}" for i in range(number % 7 + 1)), doc_key="a", text=str(number))

    index.chunks.upsert(version(0))
    stop = threading.Event()
    seen: set[str] = set()

    def read() -> None:
        while not stop.is_set():
            texts = Index(index.location).chunks.scan(["text"])["text"].to_pylist()
            assert len(set(texts)) == 1
            assert len(texts) == int(texts[0]) % 7 + 1
            seen.add(texts[0])

    def write() -> None:
        try:
            for number in range(1, 20):
                index.chunks.replace(version(number), same("doc_key", "a"))
        finally:
            stop.set()

    in_threads(read, write)
    assert len(seen) > 1


def test_deleting_nothing_commits_nothing(index: Index) -> None:
    index.chunks.upsert(chunk_rows("a"))
    before = index.chunks.version
    assert index.chunks.delete(same("id", "b")) == 0
    assert index.chunks.version == before
    assert index.chunks.delete(same("id", "a")) == 1
    assert index.chunks.version == before + 1


@pytest.mark.parametrize(
    "value", ["''", "\\' OR true --", "'; DROP TABLE chunks", "a\0b", "\n", "\U0001f600", "x" * 9_999]
)
def test_hostile_values_delete_and_replace_exactly_their_rows(index: Index, value: str) -> None:
    index.chunks.upsert(chunk_rows("a", path=value))
    index.chunks.upsert(chunk_rows("b", "c", path="'"))
    index.chunks.replace(chunk_rows("new", path=value), same("path", value))
    assert ids(index.chunks) == ["b", "c", "new"]
    assert index.chunks.delete(same("path", value)) == 1
    assert index.chunks.delete(excluding(among("id", ["c"]))) == 1
    assert ids(index.chunks) == ["c"]


# Writers beside writers


def test_processes_that_insert_the_same_new_keys_leave_no_duplicate(index: Index) -> None:
    children = [processes.start("insert", index) for _ in range(2)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    for child in children:
        child.communicate()
    assert ids(index.vectors(4)) == sorted(f"v{i}" for i in range(200))


def test_threads_that_insert_the_same_new_keys_leave_no_duplicate(index: Index) -> None:
    def insert() -> None:
        mine = Index(index.location)
        for start in range(0, 100, 10):
            mine.vectors(4).upsert(vector_rows(range(start, start + 10)))

    in_threads(insert, insert, insert)
    assert ids(index.vectors(4)) == sorted(f"v{i}" for i in range(100))


def test_a_writer_beside_optimize_loses_no_row_and_does_not_fail(index: Index) -> None:
    index.chunks.upsert(chunk_rows("first"))
    stop = threading.Event()

    def write() -> None:
        try:
            for number in range(25):
                index.chunks.upsert(chunk_rows(f"{number}", f"again-{number % 3}", words=f"word{number}"))
        finally:
            stop.set()

    def optimize() -> None:
        mine = Index(index.location)
        while not stop.is_set():
            mine.chunks.optimize()

    in_threads(write, optimize)
    assert ids(index.chunks) == sorted(["first", *map(str, range(25)), "again-0", "again-1", "again-2"])
    assert found(index.chunks, "word7") == ["7"]


def test_a_lock_excludes_another_process_until_that_is_killed(index: Index) -> None:
    child = processes.start("hold", index)
    order: list[str] = []

    def wait() -> None:
        with index.lock("s", "other"):
            order.append("other")
        with index.lock("s", "p"):
            order.append("locked")

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(timeout=0.5)
    assert thread.is_alive()
    order.append("killed")
    child.kill()
    thread.join(timeout=10)
    child.communicate()
    assert order == ["other", "killed", "locked"]


# Full text


def test_words_are_found_in_rows_that_are_not_indexed_yet(index: Index) -> None:
    index.chunks.upsert(chunk_rows("a", words=words("getHTTPResponse")))
    index.chunks.optimize()
    index.chunks.upsert(chunk_rows("b", words=words("http_response and more")))
    assert index.chunks.unindexed() == 1
    assert found(index.chunks, "http") == ["a", "b"]
    assert found(index.chunks, "getHTTPResponse") == ["a", "b"]
    index.chunks.optimize()
    assert index.chunks.unindexed() == 0
    assert found(index.chunks, "http") == ["a", "b"]


def test_words_are_found_as_they_stand_case_stop_words_and_endings_too(index: Index) -> None:
    index.chunks.upsert(chunk_rows("a", words="the running"))
    assert found(index.chunks, "the") == ["a"]
    assert found(index.chunks, "run") == []


def test_a_deleted_row_is_found_no_more_and_a_changed_one_by_its_new_words(index: Index) -> None:
    index.chunks.upsert(chunk_rows("a", words="red"))
    index.chunks.upsert(chunk_rows("b", words="red"))
    index.chunks.optimize()
    index.chunks.upsert(chunk_rows("a", words="blue"))
    index.chunks.delete(same("id", "b"))
    assert found(index.chunks, "red") == []
    assert found(index.chunks, "blue") == ["a"]


def test_a_full_text_index_that_its_maker_did_not_come_to_is_made_by_the_next_writer(index: Index) -> None:
    index._db.create_table("chunks", schema=tables.CHUNKS)  # and killed here
    assert Index(index.location).chunks.match_words("run", ["id"], 5).num_rows == 0
    index.chunks.upsert(chunk_rows("a", words="running"))
    assert found(index.chunks, "run") == []  # LanceDB's own default would stem
    assert found(index.chunks, "running") == ["a"]


# Upkeep


def test_optimize_twice_changes_nothing_the_second_time(index: Index) -> None:
    for round_ in range(3):
        for number in range(4):
            index.chunks.upsert(chunk_rows(f"{round_}-{number}", words="some words"))
        index.chunks.delete(same("id", f"{round_}-0"))
        assert index.chunks.optimize() == 3 * (round_ + 1)
        before = index.chunks.version
        assert index.chunks.optimize() == 3 * (round_ + 1)
        assert index.chunks.version == before


def test_a_vector_index_is_made_once_where_rows_are_many_and_finds_what_the_flat_search_found(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duetto_assets.store.index._FLAT_ROWS", 200)
    made = [
        {"id": f"{i:03}", "partition_key": "p" if i % 2 else "q", "vector": [1.0, i / 100, (i * 37 % 11) / 9, 0.1]}
        for i in range(300)
    ]
    table = index.embeddings(4)
    table.upsert(rows_of(tables.embeddings(4), *made))
    query, where = [1.0, 1.5, 0.3, 0.1], same("partition_key", "p")
    flat = table.nearest(query, ["id"], 10, where)
    table.optimize()
    assert table.nearest(query, ["id"], 10, where)["id"].to_pylist()[:3] == flat["id"].to_pylist()[:3]
    before = table.version
    table.upsert(rows_of(tables.embeddings(4), {"id": "new", "partition_key": "p", "vector": query}))
    assert table.nearest(query, ["id"], 1, where)["id"].to_pylist() == ["new"]
    assert table.optimize() == 301
    after = table.version
    table.optimize()
    assert table.version == after > before


# Partitions


def test_a_partition_is_recorded_whole_and_again(index: Index) -> None:
    record = Partition("repos", "it's \U0001f600", head="1", documents=3, error="why")
    index.record(record)
    assert index.partition("repos", record.partition) == record
    index.record(Partition("repos", record.partition, head="2"))
    index.record(Partition("jira", "SRE"))
    assert list(index.known_partitions()) == ["jira/SRE", f"repos/{record.partition}"]
    assert list(index.known_partitions("repos")) == [f"repos/{record.partition}"]
    assert index.partition("repos", record.partition).head == "2"


def test_forgetting_a_partition_removes_its_rows_everywhere_and_nothing_of_another(index: Index) -> None:
    for partition in ("one", "two"):
        owner = {"partition_key": partition_key("s", partition), "source": "s", "partition": partition}
        for number in range(3):
            row = owner | {"id": f"{partition}-{number}"}
            index.documents.upsert(rows_of(tables.DOCUMENTS, row))
            index.chunks.upsert(rows_of(tables.CHUNKS, row))
            index.embeddings(4).upsert(rows_of(tables.embeddings(4), row))
            index.embeddings(8).upsert(rows_of(tables.embeddings(8), row | {"vector": [1.0] * 8}))
        index.record(Partition("s", partition, head="1"))
    assert index.forget("s", "one") == 3
    owned = same("partition_key", partition_key("s", "one"))
    left = [index.documents, index.chunks, index.embeddings(4), index.embeddings(8)]
    assert [(table.count(owned), table.count()) for table in left] == [(0, 3)] * 4
    assert list(index.known_partitions()) == ["s/two"]
    assert index.forget("s", "one") == 0


def test_tables_of_other_dimensions_stand_beside_each_other(index: Index) -> None:
    assert (index.embeddings(384).name, index.vectors(384).name) == ("embeddings", "vectors")
    for dim in (384, 8):
        index.embeddings(dim).upsert(rows_of(tables.embeddings(dim), {"id": "a", "vector": [1.0] * dim}))
    assert Index(index.location).dims() == [8, 384]
    names = {table.name for table in index.all_tables()}
    assert names >= {"embeddings", "vectors", "embeddings_8", "vectors_8"}


@pytest.mark.parametrize("how", ["reset", "removed"])
def test_an_index_that_was_wiped_elsewhere_is_empty_for_who_had_it_open_and_can_be_filled_again(
    index: Index, how: str
) -> None:
    index.record(Partition("s", "p", head="1"))
    index.chunks.upsert(chunk_rows("a", words="word"))
    other = Index(index.location)
    assert other.partition("s", "p").head == "1"
    assert found(other.chunks, "word") == ["a"]
    if how == "reset":
        index.reset()
    else:
        shutil.rmtree(index.location)
    assert other.partition("s", "p").head == ""
    assert found(other.chunks, "word") == []
    with other.lock("s", "p"):
        other.record(Partition("s", "p", head="2"))
    other.chunks.upsert(chunk_rows("b", words="word"))
    again = Index(index.location)
    assert again.partition("s", "p").head == "2"
    assert found(again.chunks, "word") == found(index.chunks, "word") == ["b"]
