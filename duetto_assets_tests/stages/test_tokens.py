"""Claims about counting tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.model import Document
from duetto_assets.stages.chunk import Chunker
from duetto_assets.stages.tokens import Tokenizer
from duetto_assets_tests.stages.test_chunk import tokenizer


@pytest.fixture(scope="module")
def byte_pairs(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A tokenizer whose tokens cross white space, as those of many models do."""
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, show_progress=False, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()
    )
    model.train_from_iterator(["def f(self):\n    return self.value\n\n\n"] * 20, trainer)
    model.enable_truncation(8)
    path: Path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    model.save(str(path))
    return Tokenizer(path)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), (" \n\t", 0), ("hello world", 2), ("x" * 500, 1), ("字字", 2), ("a\ud800 b", 2)],
)
def test_tokens_are_counted_without_special_ones(text: str, tokens: int) -> None:
    assert tokenizer().count(text) == tokens


@settings(deadline=None)
@given(st.text(max_size=300))
def test_counting_words_equals_counting_the_text(text: str) -> None:
    model = tokenizer()._model
    clean = text.encode("utf-8", "replace").decode()
    assert tokenizer().count(clean) == len(model.encode(clean, add_special_tokens=False))


@settings(deadline=None)
@given(st.lists(st.text(max_size=60).map(lambda text: text.replace("\n", " ") + "\n"), max_size=20))
def test_running_totals_are_the_tokens_of_any_slice(lines: list[str]) -> None:
    totals = tokenizer().line_totals(lines, max_chars=1000)
    for end in range(len(lines) + 1):
        assert totals[end] - totals[end // 2] == tokenizer().count("".join(lines[end // 2 : end]))


@pytest.mark.parametrize(
    "line",
    [
        "word " * 3000,
        "x" * 9000,
        "a;b}" * 3000,
        "字" * 3000,
        "👩‍👩‍👧" * 900,
        "e\u0301" * 3000,
        "ﷺ" * 900,
        " " * 9000,
        "x" * 140_000,
    ],
    ids=["words", "word", "minified", "cjk", "emoji", "accents", "ligature", "spaces", "long word"],
)
def test_a_long_line_is_cut_within_both_limits(line: str) -> None:
    pieces = list(tokenizer().cut(line, 64, 512))
    assert "".join(piece for piece, _ in pieces) == line
    assert all(tokens == tokenizer().count(piece) <= 64 and 0 < len(piece) <= 512 for piece, tokens in pieces)


@pytest.mark.parametrize(
    ("line", "ends"), [("some words " * 300, " "), ("a=b;" * 900, ";"), ("e\u0301" * 900, "\u0301")]
)
def test_a_long_line_is_cut_where_it_hurts_least(line: str, ends: str) -> None:
    assert {piece[-1] for piece, _ in tokenizer().cut(line, 64, 512)} == {ends}


def test_a_long_line_is_not_cut_within_a_character() -> None:
    for line in ("ee\u0301" * 900, "ab👍🏽" * 600):
        assert all(piece[0] not in "\u0301🏽" for piece, _ in tokenizer().cut(line, 64, 512))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["def f(self):\n", "    return self.value\n", "\n", "字é👍", "\t\t", "x" * 300]),
        max_size=80,
    )
)
def test_a_tokenizer_that_crosses_white_space_keeps_the_limit_too(byte_pairs: Tokenizer, parts: list[str]) -> None:
    assert not byte_pairs.additive
    text = "".join(parts)
    chunks = Chunker(byte_pairs, 16).split(Document("s", "p", "x", "1", "file", "x", text, language="python"))
    assert "".join(chunk.text for chunk in chunks) == (text if text.strip() else "")
    assert all(byte_pairs.count(chunk.text) == chunk.tokens <= 16 for chunk in chunks)


def test_truncation_in_the_file_is_ignored(byte_pairs: Tokenizer) -> None:
    assert byte_pairs.count("def f(self):\n" * 20) > 8


def test_another_tokenizer_makes_another_chunker_version(byte_pairs: Tokenizer) -> None:
    assert Chunker(byte_pairs, 64).version != Chunker(tokenizer(), 64).version


def test_a_fingerprint_is_of_the_content(tmp_path: Path, byte_pairs: Tokenizer) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(byte_pairs._model.to_str()), indent=1))
    assert len(Tokenizer(path).fingerprint) == 16
