"""The table `chunks` becomes what the documents say, document by document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duetto_assets.model import Chunk, Document
from duetto_assets.stages import chunks as stage
from duetto_assets.stages.words import words
from duetto_assets.store.index import Table
from duetto_assets_tests.stages.worlds import Notes, World, chunker, notes_world, rows, source_files, versions


@pytest.fixture
def made(tmp_path: Path) -> tuple[Notes, World]:
    return notes_world(tmp_path)


class Counting:
    """The real chunker, and what it was given."""

    def __init__(self, max_tokens: int = 128) -> None:
        self._real = chunker(max_tokens)
        self.version = self._real.version
        self.given: list[str] = []

    def split(self, document: Document) -> list[Chunk]:
        self.given.append(document.id)
        return self._real.split(document)

    def taken(self) -> list[str]:
        ids, self.given = self.given, []
        return sorted(ids)


def counted(world: World, max_tokens: int = 128) -> Counting:
    world.chunker = counting = Counting(max_tokens)  # type: ignore[assignment]
    return counting


def put_code(notes: Notes, count: int) -> list[str]:
    files = source_files(count)
    for path, text in files.items():
        notes.put(path, text, language="python")
    return sorted(files)


def of(world: World, doc_id: str) -> list[dict[str, Any]]:
    """Return a document's chunks in order."""
    found = [row for row in rows(world.index.chunks).values() if row["doc_id"] == doc_id]
    return sorted(found, key=lambda row: row["ordinal"])


def test_the_chunks_of_a_document_join_to_its_text_with_exact_lines(made: tuple[Notes, World]) -> None:
    notes, world = made
    path, *_ = put_code(notes, 2)
    world.documents()
    counts = world.chunks()
    found = of(world, path)
    assert (counts.documents, counts.written, counts.chunks) == (2, 2 * len(found), 2 * len(found))
    assert "".join(row["text"] for row in found) == notes.notes[path].text
    lines = notes.notes[path].text.splitlines(keepends=True)
    for row in found:
        assert "".join(lines[row["start_line"] - 1 : row["end_line"]]) == row["text"]
    assert "function_0_1" in {row["symbol"] for row in found}
    assert {row["language"] for row in found} == {"python"}
    assert found[0]["words"].startswith(words(path))


def test_only_changed_documents_are_chunked_again(made: tuple[Notes, World]) -> None:
    notes, world = made
    first, second, third = put_code(notes, 3)
    counting = counted(world)
    world.documents()
    world.chunks()
    assert counting.taken() == [first, second, third]
    untouched = of(world, second)
    notes.put(first, notes.notes[first].text + "\nlast = 1\n", language="python")
    world.documents()
    counts = world.chunks()
    assert counting.taken() == [first]
    assert counts.documents == 1
    assert counts.written == len(of(world, first))
    assert of(world, second) == untouched


def test_a_second_run_chunks_nothing_and_commits_nothing(made: tuple[Notes, World]) -> None:
    notes, world = made
    put_code(notes, 2)
    notes.put("blank", " \n\n")
    notes.skip("big")
    counting = counted(world)
    world.documents()
    first = world.chunks()
    counting.taken()
    before = versions(world.index)
    second = world.chunks()
    assert (second.documents, second.written, second.chunks) == (0, 0, first.chunks)
    assert counting.taken() == []
    assert versions(world.index) == before


@pytest.mark.parametrize("inserted", ["# a remark\n\n\n", source_files(9)["src/file_008.py"]])
def test_what_is_inserted_above_moves_the_lines_of_the_chunks_below_but_not_their_ids(
    made: tuple[Notes, World], inserted: str
) -> None:
    notes, world = made
    (path,) = put_code(notes, 1)
    world.documents()
    world.chunks()
    before = of(world, path)
    head, tail = notes.notes[path].text.split("def function_0_1", 1)
    notes.put(path, f"{head}{inserted}def function_0_1{tail}", language="python")
    world.documents()
    world.chunks()
    after = of(world, path)
    moved = {row["id"]: row["start_line"] for row in before if row["symbol"] == "function_0_2"}
    assert moved
    by = inserted.count("\n")
    assert {row["id"]: row["start_line"] - by for row in after if row["symbol"] == "function_0_2"} == moved
    assert len({row["id"] for row in before} - {row["id"] for row in after}) <= 1


def test_equal_chunks_of_one_document_are_told_apart_and_keep_their_ids(made: tuple[Notes, World]) -> None:
    notes, world = made
    block = "".join(f"value_{n} = compute_something_long({n}, 'and more', option={n})\n" for n in range(5))
    notes.put("a.txt", block * 20)
    world.documents()
    world.chunks()
    before = of(world, "a.txt")
    assert len({row["text_hash"] for row in before}) < len(before)
    assert len({row["id"] for row in before}) == len(before)
    notes.put("a.txt", block * 40)
    world.documents()
    world.chunks()
    kept = {row["id"] for row in before} & {row["id"] for row in of(world, "a.txt")}
    assert len(kept) >= len(before) - 1


def test_the_same_file_in_two_places_has_the_same_text_hashes_and_other_ids(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a.py", "x = 1\n", language="python")
    notes.put("b.py", "x = 1\n", language="python")
    world.documents()
    world.chunks()
    (one,), (other,) = of(world, "a.py"), of(world, "b.py")
    assert one["text_hash"] == other["text_hash"]
    assert one["id"] != other["id"]


def test_blank_and_skipped_documents_have_no_chunks_and_are_not_looked_at_again(made: tuple[Notes, World]) -> None:
    notes, world = made
    for number, blank in enumerate(["", " ", "\n\n", "\u3000\u2003\n", "\x1c\x1d", "\t\r\n"]):
        notes.put(f"blank{number}", blank)
    notes.skip("big")
    notes.put("a", "text")
    counting = counted(world)
    world.documents()
    assert world.chunks().documents == 1
    assert counting.taken() == ["a"]
    assert world.chunks().documents == 0


def test_the_chunks_of_a_document_that_is_gone_or_blank_or_skipped_now_go(made: tuple[Notes, World]) -> None:
    notes, world = made
    for name in ("gone", "blank", "skipped", "stays"):
        notes.put(name, f"text of {name}")
    world.documents()
    world.chunks()
    notes.delete("gone")
    notes.put("blank", "\n")
    notes.skip("skipped")
    world.documents()
    assert world.chunks().chunks == 1
    assert [row["doc_id"] for row in rows(world.index.chunks).values()] == ["stays"]


def test_a_change_of_what_a_search_shows_or_filters_by_renews_the_chunks(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "text")
    world.documents()
    world.chunks()
    changes: list[dict[str, Any]] = [
        {"access": ("a@example.org",)},
        {"url": "https://example.org/a"},
        {"language": "markdown"},
        {"path": "elsewhere"},
        {"kind": "page"},
    ]
    for change in changes:
        notes.put("a", "text", version=str(change), **change)
        world.documents()
        assert world.chunks().documents == 1
        (row,) = of(world, "a")
        shown = dict(row, access=tuple(row["access"]), kind=row["doc_kind"])
        assert {name: shown[name] for name in change} == change


def test_another_chunker_renews_everything_and_no_document_is_ever_without_chunks(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_COMMIT_DOCUMENTS", 3)
    notes, world = made
    paths = put_code(notes, 8)
    world.documents()
    world.chunks()
    old, new = world.chunker.version, chunker(64).version
    assert old != new
    seen: list[dict[str, set[str]]] = []
    commit = Table._commit

    def look() -> None:
        chunkers: dict[str, set[str]] = {}
        for row in rows(world.index.chunks).values():
            chunkers.setdefault(row["doc_id"], set()).add(row["chunker"])
        seen.append(chunkers)

    def watched(table: Table, *args: Any) -> None:
        commit(table, *args)
        look()

    monkeypatch.setattr(Table, "_commit", watched)
    look()
    world.chunker = chunker(64)
    assert world.chunks().documents == 8
    assert len(seen) == 4
    for state in seen:
        assert sorted(state) == paths
        assert all(len(versions) == 1 for versions in state.values())
    renewed = [sum(state[path] == {new} for path in paths) for state in seen]
    assert renewed == [0, 3, 6, 8]
    assert max(row["tokens"] for row in rows(world.index.chunks).values()) <= 64


def test_a_run_that_was_killed_between_commits_is_finished_by_the_next(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_COMMIT_CHARS", 4_000)
    notes, world = made
    put_code(notes, 6)
    world.documents()
    counting = counted(world)
    replace = Table.replace

    def once(table: Table, *args: Any) -> None:
        replace(table, *args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Table, "replace", once)
        with pytest.raises(KeyboardInterrupt):
            world.chunks()
    done = counting.taken()
    assert 0 < len(done) < 6
    world.chunks()
    assert sorted([*done, *counting.taken()]) == sorted(notes.notes)
