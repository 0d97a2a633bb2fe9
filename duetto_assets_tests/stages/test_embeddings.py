"""Each chunk gets its vector, and no text is encoded twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duetto_assets.search.query import search
from duetto_assets.sources.repos import ReposSource
from duetto_assets.stages import embeddings as stage
from duetto_assets.stages.embed import Encoder, compose, place_text, resolve_model, vector_model_id
from duetto_assets.stages.encoder import SentenceTransformerEncoder
from duetto_assets.store.index import Index
from duetto_assets.store.where import among
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.stages.worlds import (
    HashEncoder,
    Killed,
    Notes,
    Watched,
    World,
    chunker,
    notes_world,
    rows,
    source_files,
    versions,
)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Notes, World]:
    return notes_world(tmp_path)


def world_of(repository: GitRepository, index: Index, encoder: HashEncoder) -> World:
    source = ReposSource(
        clones_path=repository.path.parent / "clones", repositories=[str(repository.path)], commit_months=0
    )
    return World(source, repository.path.name, index, encoder)


def assert_every_chunk_has_its_vector(world: World) -> None:
    chunks, embedded = rows(world.index.chunks), rows(world.vectors)
    assert chunks.keys() == embedded.keys()
    for chunk_id, chunk in chunks.items():
        row = embedded[chunk_id]
        for name in ("source", "partition", "doc_id", "doc_key", "doc_kind", "path", "language", "access", "text_hash"):
            assert row[name] == chunk[name]
        assert row["model"] == vector_model_id(world.encoder)
        parts = [chunk["heading_path"] or chunk["symbol"], chunk["signature"], chunk["text"]]
        text = "\n".join(filter(None, parts))
        place = place_text(chunk["doc_kind"], chunk["path"], chunk["title"], chunk["heading_path"])
        text_vector = world.encoder.encode_query(text)
        place_vector = world.encoder.encode_query(place) if place else np.zeros_like(text_vector)
        np.testing.assert_allclose(row["vector"], compose(text_vector[None], place_vector[None])[0], atol=1e-6)


# Each text once


def test_every_chunk_has_the_vector_of_its_text_and_its_place(made: tuple[Notes, World]) -> None:
    notes, world = made
    for path, text in source_files(3).items():
        notes.put(path, text, language="python")
    notes.put("page", "# Title\n\nSome words.\n\n## Part\n\nMore.\n", kind="page", path="")
    notes.put("c1", "fix: a thing\n\na.py", kind="commit", path="", access=("a@example.org", "staff"))
    counts = world.sync()
    assert_every_chunk_has_its_vector(world)
    embedded = rows(world.vectors)
    assert counts.embedded == len({row["text_hash"] for row in embedded.values()})
    assert counts.places == len({row["place_hash"] for row in embedded.values() if row["doc_kind"] != "commit"})
    assert (counts.reused, counts.deleted, counts.searchable) == (len(embedded) - counts.embedded, 0, True)
    assert max(Counter(world.encoder.texts).values()) == 1


def test_a_text_is_encoded_once_though_it_stands_in_files_partitions_and_sources(tmp_path: Path) -> None:
    index, encoder = Index(str(tmp_path / "index")), HashEncoder()
    sources = [Notes("one"), Notes("two"), Notes("one", name="wiki")]
    for source in sources:
        for number in range(3):
            source.put(f"{source.partition}{number}.txt", "the same words")
        world = World(source, source.partition, index, encoder)
        world.sync()
    assert Counter(encoder.texts)["the same words"] == 1
    assert len(rows(index.embeddings(16))) == 9


def test_rows_that_share_a_new_text_are_all_written_with_it(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_MIN_WINDOW", 2)
    monkeypatch.setattr(stage, "_MAX_WINDOW", 3)
    notes, world = made
    for number in range(20):
        notes.put(f"n{number}", f"text {number % 5}")
    counts = world.sync()
    assert (counts.embedded, counts.places, counts.reused) == (5, 20, 15)
    assert_every_chunk_has_its_vector(world)
    assert max(Counter(world.encoder.texts).values()) == 1


def test_a_rename_embeds_no_text_and_one_place_a_file(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "project")
    repository.commit(source_files(5))
    world = world_of(repository, Index(str(tmp_path / "index")), HashEncoder())
    world.sync()
    world.encoder.taken()
    repository.git("mv", "src", "lib")
    repository.commit()
    counts = world.sync()
    assert (counts.embedded, counts.places) == (0, 5)
    assert sorted(world.encoder.taken()) == [f"lib/file_{n:03}.py" for n in range(5)]
    assert counts.reused == counts.deleted == len(rows(world.vectors))
    assert_every_chunk_has_its_vector(world)


def test_a_file_that_moves_to_another_partition_embeds_no_text(tmp_path: Path) -> None:
    index, encoder = Index(str(tmp_path / "index")), HashEncoder()
    repositories = [GitRepository(tmp_path / name) for name in ("one", "two")]
    repositories[0].commit(source_files(3))
    repositories[1].commit({"README": "nothing yet\n"})
    worlds = [world_of(repository, index, encoder) for repository in repositories]
    for world in worlds:
        world.sync()
    repositories[0].commit(dict.fromkeys(source_files(3)))
    repositories[1].commit(source_files(3))
    worlds[0].sync()
    encoder.taken()
    counts = worlds[1].sync()
    assert (counts.embedded, counts.places) == (0, 0)
    assert encoder.taken() == []
    assert {row["partition"] for row in rows(index.embeddings(16)).values()} == {"two"}


@pytest.mark.parametrize(
    "change", [{"access": ("a@example.org",)}, {"language": "go"}, {"path": "b", "kind": "commit"}, {"kind": "page"}]
)
def test_a_change_of_what_a_search_filters_by_rewrites_the_rows_without_encoding(
    made: tuple[Notes, World], change: dict[str, Any]
) -> None:
    notes, world = made
    before: dict[str, Any] = {"kind": change.get("kind", "file") if "path" in change else "file"}
    notes.put("a", "words", version="1", **before)
    notes.put("b", "other words")
    world.sync()
    world.encoder.taken()
    notes.put("a", "words", version="2", **(before | change))
    counts = world.sync()
    assert (counts.embedded, counts.places, counts.reused, counts.deleted) == (0, 0, 1, 0)
    assert world.encoder.taken() == []
    assert_every_chunk_has_its_vector(world)


def test_another_way_to_compose_rewrites_all_rows_without_encoding(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, world = made
    notes.put("a", "words")
    notes.put("c", "a commit", kind="commit")
    world.sync()
    world.encoder.taken()
    monkeypatch.setattr("duetto_assets.stages.embed.PLACE_WEIGHT", 0.25)
    assert world.embeddings().reused == 2
    assert world.encoder.taken() == []
    assert {row["model"] for row in rows(world.vectors).values()} == {"hash+place0.25"}


def test_the_longest_texts_are_encoded_first(made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_MIN_WINDOW", 4)
    notes, world = made
    for number in range(20):
        notes.put(f"n{number}", "word " * (number * 7 % 20 + 1), kind="commit")
    world.sync()
    lengths = [len(text) for text in world.encoder.taken()]
    assert len(lengths) == 20
    assert lengths == sorted(lengths, reverse=True)


def test_a_hundred_one_line_edits_embed_a_hundred_texts(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "project")
    files = source_files(100)
    repository.commit(files)
    world = world_of(repository, Index(str(tmp_path / "index")), HashEncoder())
    world.sync()
    world.encoder.taken()
    repository.commit({path: text.replace(" + 3\n", " - 3\n", 1) for path, text in files.items()})
    counts = world.sync()
    assert (counts.embedded, counts.places) == (100, 0)
    assert len(world.encoder.taken()) == 100
    assert_every_chunk_has_its_vector(world)


def test_a_second_run_encodes_nothing_and_commits_nothing(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "project")
    repository.commit(source_files(4))
    index, encoder = Index(str(tmp_path / "index")), HashEncoder()
    world = world_of(repository, index, encoder)
    world.source = watched = Watched(world.source)
    world.sync()
    before = versions(index)
    encoder.taken()
    watched.reads.clear()
    counts = world.sync()
    assert (counts.embedded, counts.places, counts.reused, counts.deleted) == (0, 0, 0, 0)
    assert counts.searchable
    assert encoder.taken() == []
    assert watched.reads == []
    assert versions(index) == before


def test_vectors_of_chunks_that_are_gone_go(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "words")
    notes.put("b", "other words")
    world.sync()
    notes.delete("a")
    assert world.sync().deleted == 1
    assert [row["doc_id"] for row in rows(world.vectors).values()] == ["b"]
    notes.delete("b")
    assert world.sync().searchable
    assert rows(world.vectors) == {}
    assert world.searchable == notes.head


# Crashes


def test_a_crash_loses_at_most_a_window_and_nothing_is_encoded_twice(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_MIN_WINDOW", 4)
    monkeypatch.setattr(stage, "_MAX_WINDOW", 4)
    notes, world = made
    for number in range(30):
        notes.put(f"n{number:02}", f"unique text {number}")
    world.documents()
    world.chunks()
    given: list[str] = []
    for fail_after in (3, 11, 6, 9, 14):
        world.encoder.fail_after = fail_after
        with pytest.raises(Killed):
            world.embeddings()
        assert world.searchable == ""
        taken = world.encoder.taken()
        assert fail_after - len(taken) < 8  # a window's texts, and its places
        given += taken
    world.encoder.fail_after = 1 << 30
    assert world.embeddings().searchable
    given += world.encoder.taken()
    assert max(Counter(given).values()) == 1
    assert len(given) == 60
    assert_every_chunk_has_its_vector(world)


def test_a_vector_that_is_dropped_from_the_cache_meanwhile_is_made_again(
    made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, world = made
    notes.put("a", "words")
    notes.put("b", "other words")
    world.sync()
    world.index.vectors(16).delete(among("id", list(rows(world.index.vectors(16)))))
    notes.put("c", "words")
    counts = world.sync()
    assert (counts.embedded, counts.places) == (1, 1)
    assert_every_chunk_has_its_vector(world)


# Another model


@pytest.mark.parametrize("dim", [16, 24])
def test_rows_of_an_earlier_model_answer_until_the_partition_is_renewed_and_are_gone_then(
    tmp_path: Path, dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_MIN_WINDOW", 4)
    index = Index(str(tmp_path / "index"))
    old, new = HashEncoder(16, "old"), HashEncoder(dim, "new")
    sources = [Notes("one"), Notes("two")]
    for source in sources:
        for number in range(10):
            source.put(f"n{number}", f"text {number} of {source.partition}")
        World(source, source.partition, index, old).sync()

    def answers(encoder: Encoder) -> Counter[str]:
        return Counter(hit.partition for hit in search(index, "?", lambda: encoder, limit=100))

    assert answers(old) == {"one": 10, "two": 10}
    assert answers(new) == {}
    renewed = World(sources[0], "one", index, new)
    new.fail_after = 9
    with pytest.raises(Killed):
        renewed.embeddings()
    assert renewed.searchable  # by its words, and by the vectors of both
    assert answers(new) == {"one": 4}
    assert answers(old) == {"one": 6 if dim == old.dim else 10, "two": 10}
    new.fail_after = 1 << 30
    counts = renewed.embeddings()
    assert counts.embedded == counts.places == 6
    assert answers(new) == {"one": 10}
    assert answers(old) == {"two": 10}
    assert_models(index, "one", {vector_model_id(new)})
    assert_models(index, "two", {vector_model_id(old)})
    assert index.partition("notes", "one").model == vector_model_id(new)
    World(sources[1], "two", index, new).embeddings()
    assert answers(new) == {"one": 10, "two": 10}
    assert answers(old) == {}


def assert_models(index: Index, partition: str, models: set[str]) -> None:
    found = [row for dim in index.dims() for row in rows(index.embeddings(dim)).values()]
    assert {row["model"] for row in found if row["partition"] == partition} == models


# The searchable head


def test_the_searchable_head_is_recorded_only_when_chunks_are_up_to_date_with_documents(
    made: tuple[Notes, World],
) -> None:
    notes, world = made
    notes.put("a", "one")
    world.sync()
    record = world.index.partition("notes", "home")
    assert (record.searchable_head, record.chunks, record.chunker) == ("h1", 1, world.chunker.version)
    assert record.searchable_at is not None
    notes.put("a", "two")
    world.documents()
    assert not world.embeddings().searchable
    assert world.searchable == ""
    world.chunks()
    assert world.embeddings().searchable
    assert world.searchable == "h2"


def test_chunks_of_another_version_do_not_count_as_searchable(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "one")
    world.documents()
    world.chunks()
    world.chunker = chunker(64)
    assert not world.embeddings().searchable
    assert world.searchable == ""


def test_an_empty_partition_is_searchable_and_an_unknown_one_is_not(made: tuple[Notes, World]) -> None:
    _, world = made
    assert not world.embeddings().searchable
    assert world.index.known_partitions() == {}
    assert world.sync().searchable
    assert world.searchable == "h0"


def test_progress_is_told_up_to_the_end(made: tuple[Notes, World], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_MIN_WINDOW", 4)
    monkeypatch.setattr(stage, "_MAX_WINDOW", 4)
    notes, world = made
    for number in range(10):
        notes.put(f"n{number}", f"text {number % 7}")
    world.documents()
    world.chunks()
    said: list[tuple[Any, ...]] = []
    stage.reconcile_embeddings(
        "notes", "home", world.index, world.encoder, "", progress=lambda *args: said.append(args)
    )
    assert said[-1] == ("embeddings", 10, 10)
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said)
    assert len(said) > 2


def test_the_real_model_finds_by_meaning(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("food.txt", "Bake the bread in a hot oven until it is brown.\n")
    notes.put("net.txt", "The client waits longer before each new attempt to connect.\n")
    encoder: Any = SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2"), device="cpu")
    world.encoder = encoder
    counts = world.sync()
    assert (counts.embedded, counts.places, counts.searchable) == (2, 2, True)
    hits = search(world.index, "exponential backoff of retries", lambda: encoder)
    assert [hit.path for hit in hits] == ["net.txt", "food.txt"]
    lengths = [np.linalg.norm(row["vector"]) for row in rows(world.vectors).values()]
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
