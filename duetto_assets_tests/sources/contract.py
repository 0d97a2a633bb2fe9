"""What every source must do, tested once. A source's test file makes a `World` and inherits the claims.

class TestWiki(RemoteContract):
    @pytest.fixture
    def world(self, tmp_path): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.model import Document
from duetto_assets.sources.base import Ref, Source


class World(Protocol):
    """An external system of one partition, played by the test. Names and contents are the test's own."""

    partition: str

    def source(self) -> Source:
        """Return the source as a new process would make it."""

    def put(self, name: str, content: bytes) -> None:
        """Add or edit a document."""

    def move(self, old: str, new: str) -> None:
        """Give a document another place, with the same content."""

    def delete(self, name: str) -> None:
        """Delete a document; after the last, the partition is still there."""

    def id_of(self, name: str) -> str:
        """Return the id that a document of this name has in the listing."""


class RemoteWorld(World, Protocol):
    """A world behind a network."""

    def refuse(self) -> None:
        """Refuse the token, with a 401."""

    def limit(self, after_s: int) -> None:
        """Answer that the rate limit is reached."""

    def break_listing(self) -> None:
        """Fail after a part of the listing was given."""

    def mend(self) -> None:
        """Answer as before."""


def ask(world: World, source: Source | None = None) -> dict[str, str]:
    """Return {id: version} of a world, the way a sensor and a run would ask."""
    source = source or world.source()
    head = source.heads()[world.partition]
    if isinstance(head, SourceError):
        raise head
    scan = source.scan(world.partition, None)
    assert scan.complete
    return {ref.id: ref.version for ref in scan.refs}


def read(world: World, ids: Sequence[str] | None = None) -> dict[str, Document]:
    """Return the documents of a world by id."""
    source = world.source()
    source.heads()
    refs = [ref for ref in source.scan(world.partition, None).refs if ids is None or ref.id in ids]
    documents = list(source.read(world.partition, refs))
    by_id = {document.id: document for document in documents}
    assert len(by_id) == len(documents)
    assert sorted(Ref(each.id, each.version).id for each in documents) == sorted(ref.id for ref in refs)
    return by_id


HOSTILE_TEXTS = {
    "quotes": b"it's \"quoted\" `so` $(rm) ${HOME} %s {0} \\ ' OR 1=1 --",
    "markup": b"</script><script>alert(1)</script><!-- -->",
    "nul": b"a" * 9_000 + b"\0 after a NUL",
    "latin-1": "Größe: fünf Übungen, schöne Grüße aus Köln an alle Anfänger\n".encode("latin-1") * 5,
    "bad utf-8": "Größe — fünf".encode() * 20 + b"\xff",
    "utf-16": "Größe".encode("utf-16"),
    "long line": b"x" * 300_000,
    "controls": b"\x1b[31mred\x1b[0m \x07 bell \xe2\x80\xae reversed",
    "line ends": b"one\r\ntwo\rthree\n\n",
}


class Contract:
    """Claims about any source."""

    def test_listing_twice_gives_the_same(self, world: World) -> None:
        world.put("a", b"one\n")
        assert ask(world) == ask(world)

    def test_a_document_is_listed_and_read_under_its_id(self, world: World) -> None:
        world.put("a", b"some words\n")
        document = read(world)[world.id_of("a")]
        assert "some words" in document.text
        assert (document.source, document.partition) == (world.source().name, world.partition)
        assert document.version == ask(world)[world.id_of("a")]

    def test_an_edit_changes_only_the_version_of_its_document(self, world: World) -> None:
        world.put("a", b"one\n")
        world.put("b", b"two\n")
        before = ask(world)
        world.put("a", b"three\n")
        after = ask(world)
        assert before[world.id_of("a")] != after[world.id_of("a")]
        assert before[world.id_of("b")] == after[world.id_of("b")]

    def test_an_edit_moves_the_head(self, world: World) -> None:
        world.put("a", b"one\n")
        before = world.source().heads()[world.partition]
        assert world.source().heads()[world.partition] == before
        world.put("a", b"two\n")
        assert world.source().heads()[world.partition] != before

    def test_the_head_of_a_scan_is_the_head_that_was_reported(self, world: World) -> None:
        world.put("a", b"one\n")
        source = world.source()
        assert source.heads()[world.partition] == source.scan(world.partition, None).head

    def test_an_unchanged_document_is_read_alike_after_others_changed(self, world: World) -> None:
        world.put("a", b"one\n")
        before = read(world)[world.id_of("a")]
        world.put("b", b"two\n")
        assert read(world)[world.id_of("a")] == before

    def test_a_moved_document_keeps_its_text(self, world: World) -> None:
        world.put("a", b"some words\n")
        world.put("rest", b"other\n")
        text = read(world)[world.id_of("a")].text
        world.move("a", "b")
        assert read(world)[world.id_of("b")].text == text

    def test_a_deleted_document_leaves_a_listing_that_says_it_is_complete(self, world: World) -> None:
        world.put("a", b"one\n")
        world.put("b", b"two\n")
        world.delete("a")
        listed = ask(world)
        assert world.id_of("a") not in listed
        assert world.id_of("b") in listed

    def test_a_partition_whose_last_document_went_lists_none_of_it(self, world: World) -> None:
        world.put("a", b"one\n")
        world.delete("a")
        assert world.id_of("a") not in ask(world)

    def test_a_partition_that_is_not_there_is_an_error(self, world: World) -> None:
        with pytest.raises(SourceError):
            world.source().scan("no/such/partition", None)

    def test_reading_no_refs_yields_nothing(self, world: World) -> None:
        world.put("a", b"one\n")
        assert list(world.source().read(world.partition, [])) == []

    def test_reading_can_be_abandoned(self, world: World) -> None:
        for number in range(5):
            world.put(f"a{number}", b"text %d\n" % number)
        source = world.source()
        documents = source.read(world.partition, list(source.scan(world.partition, None).refs))
        next(documents)
        documents.close()  # type: ignore[attr-defined]
        assert ask(world, source)

    @pytest.mark.parametrize("name", HOSTILE_TEXTS)
    def test_hostile_text_is_read_whole_and_can_be_stored(self, world: World, name: str) -> None:
        world.put("a", HOSTILE_TEXTS[name])
        document = read(world)[world.id_of("a")]
        assert document.kind != "skipped"
        assert document.text
        assert "\0" not in document.text
        document.text.encode("utf-8")

    def test_a_document_that_is_no_text_says_so(self, world: World) -> None:
        world.put("a", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        document = read(world)[world.id_of("a")]
        assert (document.kind, document.text) == ("skipped", "")
        assert document.skipped

    def test_a_huge_document_is_skipped_with_its_reason(self, world: World) -> None:
        world.put("a", b"x" * 10_000_000)
        document = read(world)[world.id_of("a")]
        assert (document.kind, document.text) == ("skipped", "")
        assert document.skipped.startswith("larger than ")


class RemoteContract(Contract):
    """Claims about a source behind a network."""

    def test_a_refused_token_gives_up(self, world: RemoteWorld) -> None:
        world.put("a", b"one\n")
        world.refuse()
        with pytest.raises(GiveUp):
            ask(world)

    def test_a_rate_limit_retries_after_what_was_asked(self, world: RemoteWorld) -> None:
        world.put("a", b"one\n")
        world.limit(after_s=120)
        with pytest.raises(RetryLater) as caught:
            ask(world)
        assert caught.value.after_s == pytest.approx(120, abs=5)

    def test_a_listing_that_breaks_off_raises_and_the_next_is_whole(self, world: RemoteWorld) -> None:
        world.put("a", b"one\n")
        before = ask(world)
        world.put("b", b"two\n")
        world.break_listing()
        with pytest.raises(SourceError):
            ask(world)
        world.mend()
        assert ask(world).keys() > before.keys()
