"""A search finds what matches, and only what the asker may see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duetto_assets.errors import ConfigError
from duetto_assets.model import PUBLIC
from duetto_assets.search.query import Filters, Hit, _by_meaning, search
from duetto_assets.stages.embed import Encoder, Vectors, vector_model_id
from duetto_assets.store.index import Index
from duetto_assets.store.where import same, shares
from duetto_assets_tests.stages.worlds import HashEncoder, Notes, World, notes_world

RETRY = '''class HTTPAdapter:
    """Sends requests."""

    def send_with_backoff(self, request, attempts=3):
        """Wait longer before each attempt."""
        return self.pool.send(request, attempts)
'''
PATHS = [
    "main.py",
    "src/main.py",
    "src/deep/er/main.py",
    "src/deep/it's.py",
    "src/a b/[x] & (y).txt",
    "docs/guide.md",
    "lib/src/other.py",
    "back\\slash/a.py",
    "pct%_x.py",
    "line\nbreak.py",
    "größe/\U0001f600.py",
]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Notes, World]:
    return notes_world(tmp_path)


def find(world: World, query: str, filters: Filters | None = None, limit: int = 100) -> list[Hit]:
    return search(world.index, query, lambda: world.encoder, filters, limit)


def paths(hits: list[Hit]) -> list[str]:
    return [hit.path for hit in hits]


def no_encoder() -> Encoder:
    raise AssertionError("a model would be loaded here")


# Finding


def test_it_finds_by_word_and_says_where(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("src/net.py", "import os\n\n\n" + RETRY, language="python", url="https://example.org/net.py")
    for number in range(20):
        notes.put(f"n{number}", f"other words {number}")
    world.sync()
    hit, *_ = find(world, "backoff")
    assert (hit.rank, hit.source, hit.partition, hit.path) == (1, "notes", "home", "src/net.py")
    assert (hit.title, hit.url) == ("src/net.py", "https://example.org/net.py")
    assert "send_with_backoff" in hit.text
    lines = notes.notes["src/net.py"].text.splitlines(keepends=True)
    assert "".join(lines[hit.start_line - 1 : hit.end_line]) == hit.text


@pytest.mark.parametrize("query", ["HTTPAdapter", "httpadapter", "send_with_backoff", "HTTPAdapter.send_with_backoff"])
def test_it_finds_by_symbol(made: tuple[Notes, World], query: str) -> None:
    notes, world = made
    notes.put("src/net.py", RETRY, language="python")
    for number in range(20):
        notes.put(f"n{number}", f"other words {number}")
    world.sync()
    assert find(world, query)[0].path == "src/net.py"
    assert "HTTPAdapter" in find(world, query)[0].symbol


def test_it_finds_by_meaning_where_no_word_matches(made: tuple[Notes, World]) -> None:
    notes, world = made
    for number in range(150):
        notes.put(f"n{number}", f"words {number}")
    world.sync()
    vector = world.encoder.encode_query("words 77") + world.encoder.encode_query("n77")

    class Thinking(HashEncoder):
        def encode_query(self, text: str) -> Vectors:
            return vector

    hits = search(world.index, "zzz", Thinking)
    assert hits[0].path == "n77"
    assert len(hits) == 10


def test_what_is_found_both_ways_comes_first(made: tuple[Notes, World]) -> None:
    notes, world = made
    for number in range(20):
        notes.put(f"n{number}", f"common {number}")
    world.sync()
    hits = find(world, "common 7", limit=5)
    assert (hits[0].path, len(hits)) == ("n7", 5)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert find(world, "common 7", limit=5) == hits


def test_words_are_searchable_before_vectors_are_and_no_model_is_loaded(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "needle")
    world.documents()
    world.chunks()
    assert paths(search(world.index, "needle", no_encoder)) == ["a"]


@pytest.mark.parametrize("dim", [16, 24])
def test_old_vectors_answer_until_they_are_renewed(made: tuple[Notes, World], dim: int) -> None:
    notes, world = made
    notes.put("a", "needle")
    world.sync()
    index, old, new = world.index, world.encoder, HashEncoder(dim, "new")
    (text,) = (t for t in old.texts if "needle" in t)
    asked: list[str] = []

    def earlier(model: str) -> Encoder | None:
        asked.append(model)
        return old if model == vector_model_id(old) else None

    meant = _by_meaning(index, text, lambda: new, earlier, shares("access", PUBLIC))
    assert [len(ranking) for ranking in meant] == [0, 1]
    assert asked == [vector_model_id(old)]
    World(notes, notes.partition, index, new).sync()
    asked.clear()
    meant = _by_meaning(index, text, lambda: new, earlier, shares("access", PUBLIC))
    assert [len(ranking) for ranking in meant] == [1]
    assert asked == []


def test_an_empty_index_gives_nothing_and_loads_no_model(tmp_path: Path) -> None:
    index = Index(str(tmp_path / "index"))
    assert search(index, "anything", no_encoder) == []
    assert search(index, "anything", no_encoder, Filters(path="*.py", language="python")) == []


def test_a_chunk_that_is_gone_but_has_a_vector_still_is_never_shown(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "needle one")
    notes.put("b", "needle two")
    world.sync()
    world.index.chunks.delete(same("doc_id", "a"))
    assert len(world.vectors.scan(["id"])) == 2
    assert paths(find(world, "needle")) == ["b"]


# Filters


def test_each_filter_keeps_what_it_names(made: tuple[Notes, World]) -> None:
    _, world = made
    for source in (Notes("one"), Notes("it's"), Notes("one", name="wiki")):
        source.put("a.py", "needle in python", language="python")
        source.put("a.md", "needle in markdown", language="markdown")
        World(source, source.partition, world.index, world.encoder).sync()

    def places(**filters: Any) -> list[tuple[str, str, str]]:
        return sorted((h.source, h.partition, h.path) for h in find(world, "needle", Filters(**filters)))

    assert len(places()) == 6
    assert places(source="wiki") == [("wiki", "one", "a.md"), ("wiki", "one", "a.py")]
    assert places(partition="it's", language="python") == [("notes", "it's", "a.py")]
    assert places(source="notes", partition="one", path="*.md") == [("notes", "one", "a.md")]
    for name in ("source", "partition", "language"):
        assert places(**{name: "' OR true --"}) == places(**{name: "\\' OR true --"}) == places(**{name: "\0"}) == []


@pytest.mark.parametrize(
    ("glob", "wanted"),
    [
        ("src/**", ["src/main.py", "src/deep/er/main.py", "src/deep/it's.py", "src/a b/[x] & (y).txt"]),
        ("/src/", ["src/main.py", "src/deep/er/main.py", "src/deep/it's.py", "src/a b/[x] & (y).txt"]),
        ("*.md", ["docs/guide.md"]),
        ("main.py", ["main.py", "src/main.py", "src/deep/er/main.py"]),
        ("/main.py", ["main.py"]),
        ("src/*/main.py", []),
        ("src/**/main.py", ["src/main.py", "src/deep/er/main.py"]),
        ("src/deep/it's.py", ["src/deep/it's.py"]),
        ("src/a b/\\[x\\] & (y).txt", ["src/a b/[x] & (y).txt"]),
        ("back\\\\slash/**", ["back\\slash/a.py"]),
        ("pct%_x.py", ["pct%_x.py"]),
        ("pct__x.py", []),
        ("line*.py", ["line\nbreak.py"]),
        ("größe/?.py", ["größe/\U0001f600.py"]),
        ("[!d]*.md", ["docs/guide.md"]),
        ("[!g]*.md", []),
        ("Main.py", []),
        ("!*.py", ["src/a b/[x] & (y).txt", "docs/guide.md"]),
        ("# no path", []),
        ("x' OR true --", []),
        ("\\' OR true --", []),
        ("\0", []),
        ("a" * 100_000, []),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_path_is_matched_by_a_glob(made: tuple[Notes, World], glob: str, wanted: list[str]) -> None:
    notes, world = made
    for path in PATHS:
        notes.put(path, "needle")
    world.sync()
    assert sorted(paths(find(world, "needle", Filters(path=glob)))) == sorted(wanted)


@pytest.mark.parametrize("glob", ["!", "a\\", "[[:alpha:]]x"])
def test_a_glob_that_is_none_is_said_to_be(made: tuple[Notes, World], glob: str) -> None:
    notes, world = made
    notes.put("a", "needle")
    world.sync()
    with pytest.raises(ConfigError, match=r"is no glob"):
        find(world, "needle", Filters(path=glob))


def test_a_document_is_shown_only_to_who_may_read_it(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("public", "needle")
    notes.put("private", "needle", access=("a@example.org",))
    notes.put("group", "needle", access=("it's staff", "b@example.org"))
    notes.put("nobody", "needle", access=())
    world.sync()

    def seen(*principals: str) -> list[str]:
        return sorted(paths(find(world, "needle", Filters(principals=principals))))

    assert sorted(paths(find(world, "needle"))) == seen("all") == ["public"]
    assert seen("all", "a@example.org") == ["private", "public"]
    assert seen("it's staff") == seen("b@example.org") == ["group"]
    for nobody in ((), ("",), ("A@example.org",), ("a@example",), ("%",), ("\\' OR true --",), ("') OR (true",)):
        assert seen(*nobody) == []


def test_a_document_that_became_private_is_hidden_as_soon_as_its_chunks_are(made: tuple[Notes, World]) -> None:
    notes, world = made
    notes.put("a", "needle")
    world.sync()
    notes.put("a", "needle", access=("a@example.org",))
    world.documents()
    world.chunks()
    assert find(world, "needle") == []


# Hostile queries


@pytest.mark.parametrize(
    "query",
    [
        "",
        " \n",
        "'",
        '"',
        '"unclosed phrase',
        "it's",
        "AND (",
        "OR",
        "NOT needle",
        "a AND (b OR",
        "+needle -x",
        "needle~2",
        "needle^9",
        "needle*",
        "path:needle",
        "\0",
        "needle\0",
        "\\",
        "' OR true --",
        "'; DROP TABLE chunks; --",
        "{}[]()^$.|?*+",
        "\U0001f600",
        "\ud800",
        "\u202eneedle",
        "needle " * 14_000,
        "x" * 100_000,
        " ".join(f"word{number}" for number in range(12_000)),
    ],
    ids=lambda query: ascii(query)[:30],
)
def test_no_query_raises(made: tuple[Notes, World], query: str) -> None:
    notes, world = made
    notes.put("a", "needle in it's hay")
    notes.put("b", "hay")
    world.sync()
    hits = find(world, query)
    if "needle" in query:
        assert hits[0].path == "a"
    assert len(hits) <= 2
