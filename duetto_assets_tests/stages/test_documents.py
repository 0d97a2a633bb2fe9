"""The table `documents` becomes what the source lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from duetto_assets.errors import GiveUp, RetryLater
from duetto_assets.model import Document, digest
from duetto_assets.sources.base import Ref
from duetto_assets.sources.repos import ReposSource
from duetto_assets.stages import documents as stage
from duetto_assets.stages.documents import compare, load_documents, skipped_documents
from duetto_assets.stages.reconcile import record_failure
from duetto_assets.store.index import Index
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.stages.worlds import Notes, Watched, World, notes_world, rows, source_files, versions


@pytest.fixture
def made(tmp_path: Path) -> tuple[Notes, World]:
    return notes_world(tmp_path)


def texts(world: World) -> dict[str, str]:
    """Return {id: text} of all documents, the skipped ones with their reason."""
    return {row["doc_id"]: row["text"] or f"({row['skipped']})" for row in rows(world.index.documents).values()}


def filled(notes: Notes, count: int) -> None:
    for number in range(count):
        notes.put(f"n{number:02}", f"text {number}")


# The difference


def test_a_first_sync_stores_what_is_listed_and_its_head(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "one", language="python", author="Ann", access=("a@example.org", "staff"))
    notes.put("it's \U0001f600\n", "  two\n")
    notes.skip("big")
    counts = world.documents()
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged, counts.skipped) == (2, 0, 0, 0, 1)
    assert counts.reasons == {"too large": 1}
    record = world.index.partition("notes", "home")
    assert (record.head, record.documents, record.skipped, record.searchable_head) == (notes.head, 2, 1, "")
    stored = {document.id: document for document in load_documents(world.index, list(rows(world.index.documents)))}
    assert stored == notes.notes
    row = rows(world.index.documents)[digest("notes", "home", "it's \U0001f600\n")]
    assert (row["chars"], row["content_hash"]) == (3, notes.notes["it's \U0001f600\n"].content_hash)


def test_only_what_was_added_or_edited_is_read_and_what_is_gone_is_deleted(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 5)
    world.documents()
    notes.taken()
    notes.put("n01", "edited")
    notes.put("new", "added")
    notes.delete("n04")
    counts = world.documents()
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged) == (1, 1, 1, 3)
    assert notes.taken() == ["n01", "new"]
    assert texts(world) == {"n00": "text 0", "n01": "edited", "n02": "text 2", "n03": "text 3", "new": "added"}


def test_a_renamed_document_is_a_new_one_and_the_old_one_goes(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("old", "same", version="v")
    world.documents()
    notes.delete("old")
    notes.put("new", "same", version="v")
    counts = world.documents()
    assert (counts.added, counts.deleted) == (1, 1)
    assert texts(world) == {"new": "same"}


def test_a_document_that_is_skipped_then_indexed_then_skipped_is_counted_as_added_and_deleted(
    made: tuple[Notes, World],
) -> None:
    notes, world = made
    notes.put("other", "stays")
    notes.skip("a", "too large")
    assert world.documents().added == 1
    notes.put("a", "short now")
    counts = world.documents()
    assert (counts.added, counts.changed, counts.deleted, counts.skipped) == (1, 0, 0, 0)
    notes.skip("a", "generated")
    counts = world.documents()
    assert (counts.added, counts.changed, counts.deleted, counts.skipped) == (0, 0, 1, 1)
    assert texts(world) == {"other": "stays", "a": "(generated)"}
    assert skipped_documents(world.index, "notes", "home") == [("a", "generated")]
    notes.skip("a", "binary")
    counts = world.documents()
    assert (counts.added, counts.changed, counts.deleted, counts.reasons) == (0, 0, 0, {"binary": 1})
    notes.delete("a")
    assert world.documents().deleted == 0
    assert texts(world) == {"other": "stays"}


def test_a_second_run_reads_no_document_and_commits_to_no_table(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "project")
    repository.commit({**source_files(3), "image.png": b"\x89PNG\0", "link.py": "x = 1\n"})
    source = Watched(ReposSource(clones_path=tmp_path / "clones", repositories=[str(repository.path)]))
    world = World(source, "project", Index(str(tmp_path / "index")))
    first = world.documents()
    assert (first.added, first.skipped) == (5, 1)
    before = versions(world.index)
    source.reads.clear()
    second = World(source, "project", Index(str(tmp_path / "index"))).documents()
    assert source.reads == []
    assert versions(world.index) == before
    assert (second.added, second.changed, second.deleted, second.unchanged) == (0, 0, 0, 5)
    assert (second.head, second.skipped, second.reasons) == (first.head, first.skipped, first.reasons)


def test_a_new_head_with_the_same_listing_commits_only_the_head(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a")
    world.sync()
    before = versions(world.index)
    notes.head = "h99"
    world.documents()
    after = versions(world.index)
    assert {name for name in after if after[name] != before[name]} == {"partitions"}
    record = world.index.partition("notes", "home")
    assert (record.head, record.searchable_head) == ("h99", "h1")


def test_reread_reads_all_that_is_listed_again(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 3)
    world.documents()
    notes.taken()
    notes.put("n01", "read better", version=notes.notes["n01"].version)
    assert world.documents().changed == 0
    counts = world.documents(reread=True)
    assert (counts.changed, counts.added, counts.unchanged) == (3, 0, 0)
    assert notes.taken() == ["n00", "n01", "n02"]
    assert texts(world)["n01"] == "read better"


def test_the_source_is_asked_since_the_stored_head_and_for_everything_in_a_census(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a")
    world.documents()
    world.documents()
    world.documents(census=True)
    assert notes.since == [None, "h1", None]


def test_a_listing_that_is_not_complete_deletes_nothing(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 4)
    notes.skip("big")
    world.documents()
    notes.put("n01", "edited")
    notes.put("new", "added")
    notes.complete, notes.listed = False, [Ref(i, notes.notes[i].version) for i in ("n01", "new")]
    counts = world.documents()
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged, counts.skipped) == (1, 1, 0, 3, 1)
    assert texts(world).keys() == {"n00", "n01", "n02", "n03", "new", "big"}


def test_a_document_that_vanished_after_it_was_listed_is_left_out_until_the_next_listing(
    made: tuple[Notes, World],
) -> None:
    notes, world = made
    filled(notes, 3)
    world.documents()
    notes.listed = [Ref("n00", "moved on"), Ref("n01", notes.notes["n01"].version), Ref("never", "1")]
    del notes.notes["n00"]
    world.documents()
    assert texts(world) == {"n00": "text 0", "n01": "text 1"}
    notes.listed = None
    notes.delete("n02")
    world.documents()
    assert texts(world) == {"n01": "text 1"}


def test_a_listing_that_names_a_document_twice_stores_it_once(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 2)
    refs = [Ref(note.id, note.version) for note in notes.notes.values()]
    notes.listed = [Ref("n00", "before it moved"), *refs, *refs]
    counts = world.documents()
    assert (counts.added, notes.taken()) == (2, ["n00", "n01"])
    assert texts(world) == {"n00": "text 0", "n01": "text 1"}


def test_a_source_that_reads_a_document_twice_stores_the_last(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, world = made
    filled(notes, 2)
    once = notes.read

    def twice(partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        yield from once(partition, refs)
        notes.put("n00", "later")
        yield from once(partition, refs)

    monkeypatch.setattr(notes, "read", twice)
    world.documents()
    assert texts(world) == {"n00": "later", "n01": "text 1"}


def test_partitions_with_the_same_ids_do_not_touch_each_other(tmp_path: Path) -> None:
    index = Index(str(tmp_path / "index"))
    sources = [Notes("one"), Notes("two"), Notes("one", name="wiki")]
    worlds = [World(source, source.partition, index) for source in sources]
    for source, world in zip(sources, worlds, strict=True):
        source.put("a", f"{source.name} {source.partition}")
        world.sync()
    sources[0].delete("a")
    worlds[0].sync()
    left = sorted(row["text"] for row in rows(index.documents).values())
    assert left == ["notes two", "wiki one"] == sorted(row["text"] for row in rows(index.chunks).values())
    assert len(rows(worlds[0].vectors)) == 2


# Mass deletion


@pytest.mark.parametrize(
    ("stored", "lost", "refused"),
    [(20, 20, False), (21, 21, True), (42, 21, False), (41, 21, True), (43, 22, True), (60, 30, False), (60, 31, True)],
)
def test_losing_more_than_half_and_more_than_twenty_documents_is_refused(
    made: tuple[Notes, World], stored: int, lost: int, refused: bool
) -> None:
    notes, world = made
    filled(notes, stored)
    world.sync()
    searchable = world.searchable
    notes.delete(*[f"n{number:02}" for number in range(lost)])
    notes.put("new", "would be added")
    if not refused:
        assert world.documents().deleted == lost
        return
    before = versions(world.index)
    with pytest.raises(GiveUp, match=rf"notes/home: .* lacks {lost} of {stored} documents.*allow_mass_deletion: true"):
        world.documents()
    assert versions(world.index) == before
    assert world.searchable == searchable
    notes.taken()
    assert world.documents(allow_mass_deletion=True).deleted == lost
    assert notes.taken() == ["new"]
    assert len(texts(world)) == stored - lost + 1


def test_an_empty_listing_of_many_documents_is_refused(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 30)
    world.documents()
    notes.listed = []
    with pytest.raises(GiveUp, match="30 of 30"):
        world.documents()
    assert len(texts(world)) == 30


def test_commits_that_age_out_are_not_lost_and_do_not_count_as_what_is_left(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 22)
    for number in range(50):
        notes.put(f"c{number:02}", f"commit {number}", kind="commit")
    world.documents()
    notes.delete(*[f"c{number:02}" for number in range(50)])
    assert world.documents().deleted == 50
    for number in range(50):
        notes.put(f"d{number:02}", f"commit {number}", kind="commit")
    world.documents()
    notes.delete(*[f"n{number:02}" for number in range(21)])
    with pytest.raises(GiveUp, match="21 of 22"):
        world.documents()


def test_files_that_moved_are_not_lost(made: tuple[Notes, World]) -> None:
    notes, world = made
    for number in range(50):
        notes.put(f"old/{number}", f"text {number}", version=f"blob {number}")
    world.documents()
    notes.delete(*[f"old/{number}" for number in range(50)])
    for number in range(50):
        notes.put(f"new/{number}", f"text {number}", version=f"blob {number}")
    counts = world.documents()
    assert (counts.added, counts.deleted) == (50, 50)


def test_documents_that_were_not_indexed_are_not_lost(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a")
    for number in range(50):
        notes.skip(f"big{number}")
    world.documents()
    notes.delete(*[f"big{number}" for number in range(50)])
    assert world.documents().deleted == 0
    assert texts(world).keys() == {"a"}


# Failures


def test_a_listing_that_fails_half_way_changes_nothing(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 4)
    world.sync()
    before = versions(world.index)
    notes.put("n00", "edited")
    notes.fail_listing_after = 2
    with pytest.raises(RetryLater):
        world.documents()
    assert versions(world.index) == before
    assert world.searchable == "h4"


def test_a_read_that_fails_half_way_keeps_what_was_committed_and_the_next_run_goes_on_from_there(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_COMMIT_DOCUMENTS", 10)
    notes, world = made
    filled(notes, 45)
    notes.fail_reading_after = 25
    with pytest.raises(RetryLater):
        world.documents()
    assert len(texts(world)) == 20
    record = world.index.partition("notes", "home")
    assert (record.head, record.searchable_head) == ("", "")
    notes.fail_reading_after = None
    notes.taken()
    counts = world.documents()
    assert notes.taken() == [f"n{number:02}" for number in range(20, 45)]
    assert (counts.added, counts.unchanged, len(texts(world))) == (25, 20, 45)
    assert world.index.partition("notes", "home").head == notes.head


def test_a_commit_holds_no_more_text_than_memory_allows(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_COMMIT_CHARS", 1_000)
    notes, world = made
    for number in range(10):
        notes.put(f"n{number}", "x" * 400)
    commits = [len(batch) for batch in stage._commits(notes.notes.values())]
    assert commits == [3, 3, 3, 1]
    world.documents()
    assert len(texts(world)) == 10


def test_the_heads_are_cleared_before_the_first_write(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, world = made
    notes.put("a", "one")
    world.sync()
    assert world.searchable == "h1"
    seen: list[tuple[str, str]] = []
    upsert = type(world.index.documents).upsert

    def watched(table: object, written: object) -> None:
        if table is world.index.documents:
            record = world.index.partition("notes", "home")
            seen.append((record.head, record.searchable_head))
        upsert(table, written)  # type: ignore[arg-type]

    monkeypatch.setattr(type(world.index.documents), "upsert", watched)
    notes.put("a", "two")
    world.documents()
    assert seen == [("", "")]
    assert world.searchable == ""


def test_a_partition_whose_update_broke_off_is_not_searchable_though_its_old_head_comes_back(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_COMMIT_DOCUMENTS", 1)
    notes, world = made
    filled(notes, 3)
    world.sync()
    old = notes.head, dict(notes.notes)
    for number in range(3):
        notes.put(f"n{number:02}", "edited")
    notes.fail_reading_after = 1
    with pytest.raises(RetryLater):
        world.documents()
    record_failure(world.index, "notes", "home", "the connection broke off")
    notes.fail_reading_after = None
    notes.head, notes.notes = old  # as after a force-push
    world.chunks()
    assert not world.embeddings().searchable
    record = world.index.partition("notes", "home")
    assert (record.searchable_head, record.error, record.failures) == ("", "the connection broke off", 1)
    assert world.sync().searchable
    assert texts(world) == {f"n{number:02}": f"text {number}" for number in range(3)}
    record = world.index.partition("notes", "home")
    assert (record.searchable_head, record.error, record.failures, record.failed_at) == (notes.head, "", 0, None)


def test_comparing_writes_nothing(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 3)
    difference = compare(notes, "home", world.index)
    assert (len(difference.to_read), difference.empty, difference.head) == (3, False, "h3")
    assert world.index.documents.version == world.index.partitions.version == 0
    world.sync()
    before = versions(world.index)
    assert compare(notes, "home", world.index, census=True).empty
    notes.delete("n00")
    assert compare(notes, "home", world.index).gone == ["n00"]
    assert versions(world.index) == before


# What is amiss for a while


def unread(doc_id: str, reason: str = "cannot be read: 500") -> Document:
    return Document("notes", "home", doc_id, "", "skipped", doc_id, "", skipped=reason)


def test_a_document_that_cannot_be_read_keeps_what_is_stored_and_is_read_again(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 3)
    world.sync()
    notes.put("n01", "edited")
    kept = notes.notes["n01"]
    notes.notes["n01"] = unread("n01")
    notes.listed = [Ref(n.id, kept.version if n.id == "n01" else n.version) for n in notes.notes.values()]
    counts = world.documents()
    assert (counts.changed, counts.deleted, dict(counts.unread)) == (0, 0, {"n01": "cannot be read: 500"})
    assert texts(world)["n01"] == "text 1"
    assert world.index.partition("notes", "home").head == f"{notes.head}~1"
    notes.notes["n01"] = kept
    counts = world.documents()
    assert (counts.changed, dict(counts.unread)) == (1, {})
    assert texts(world)["n01"] == "edited"
    assert world.index.partition("notes", "home").head == notes.head


def test_a_new_document_that_cannot_be_read_is_named_with_its_reason(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 2)
    notes.notes["n01"] = unread("n01")
    notes.listed = [Ref("n00", notes.notes["n00"].version), Ref("n01", "1")]
    counts = world.documents()
    assert (counts.added, counts.skipped) == (1, 1)
    assert skipped_documents(world.index, "notes", "home") == [("n01", "cannot be read: 500")]


def test_what_never_mends_is_looked_at_a_few_times_and_then_left_to_the_census(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.listed = [Ref("gone", "1")]
    heads = []
    for _ in range(8):
        world.documents()
        heads.append(world.index.partition("notes", "home").head)
    assert heads[:6] == ["h0~1", "h0~2", "h0~3", "h0~4", "h0~5", "h0"]


def test_a_source_is_told_its_own_head_and_not_the_mark_on_it(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.listed = [Ref("gone", "1")]
    world.documents()
    world.documents()
    assert notes.since == [None, "h0"]


def test_a_listing_that_is_not_settled_is_asked_again(made: tuple[Notes, World]) -> None:
    notes, world = made
    filled(notes, 1)
    notes.settled = False
    world.sync()
    assert world.searchable == f"{notes.head}~1"
    notes.settled = True
    world.sync()
    assert world.searchable == notes.head


def test_a_version_known_in_part_is_unchanged_where_it_begins_so(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "one", version="1;labels")
    notes.put("b", "two", version="1;labels")
    world.sync()
    notes.taken()
    notes.listed = [Ref("a", "1;", whole=False), Ref("b", "2;", whole=False)]
    world.documents()
    assert notes.taken() == ["b"]
