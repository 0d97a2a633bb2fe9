"""The sentence-transformers encoder. torch, seconds to import, is imported when the first text comes."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from duetto_assets.errors import ConfigError
from duetto_assets.stages.embed import Model, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Padded tokens of a batch. CPU: the fastest in benchmarks/encode.py, where 8192 took a third longer.
# The others are not measured: an out-of-memory error halves them.
_BATCH_TOKENS = {"cpu": 2048, "cuda": 65_536, "mps": 16_384}

# Tokens that are tokenised at a time, padded: bounds the memory between tokenizer and model.
_WINDOW_TOKENS = 1 << 19

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # as SentenceTransformer.encode_document looks for them
_QUERY_PROMPTS = ("query",)

Features = dict[str, Any]


class SentenceTransformerEncoder:
    """Encodes on the best device of this machine. Threads may share it; it loads once.

    :param device: `auto`, or a torch device: `cpu`, `cuda`, `cuda:1`, `mps`.
    :param batch_tokens: Padded tokens a batch may hold; default by device.
    """

    def __init__(self, model: Model, device: str = "auto", batch_tokens: int | None = None) -> None:
        self.model = model
        self.model_id = model.model_id
        self.dim = model.dim
        self.max_tokens = model.max_tokens
        self.batch_tokens = batch_tokens or 0  # 0: chosen when loaded
        self._device = device
        self._loaded: SentenceTransformer | None = None
        self._loading = threading.Lock()
        self._tokenizing = threading.Lock()  # each call sets the tokenizer's truncation anew

    def load(self) -> SentenceTransformer:
        """Load the model unless it is loaded. Callers may do so ahead, in a thread."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.model, self._device)
                self.batch_tokens = self.batch_tokens or _BATCH_TOKENS.get(self._loaded.device.type, 2048)
            return self._loaded

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`."""
        return self._encode(texts, "document", _DOCUMENT_PROMPTS, on_batch)

    def encode_query(self, text: str) -> Vectors:
        """See `Encoder.encode_query`."""
        vector: Vectors = self._encode([text], "query", _QUERY_PROMPTS, None)[0]
        return vector

    def _encode(
        self, texts: Sequence[str], task: str, prompts: Sequence[str], on_batch: Callable[[int], None] | None
    ) -> Vectors:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not len(texts):
            return vectors
        model = self.load()
        name = next((name for name in prompts if name in model.prompts), model.default_prompt_name)
        prompt = model.prompts[name] if name else None
        # Characters say the length of a text well enough to fill windows, and cost nothing.
        by_length = np.argsort([-len(text) for text in texts], kind="stable")
        step = max(16, _WINDOW_TOKENS // self.model.max_tokens)
        for window in (by_length[i : i + step] for i in range(0, len(by_length), step)):
            with self._tokenizing:
                features = model.preprocess([texts[i] for i in window], prompt=prompt, task=task)
            for rows, found in self._batches(model, features, len(window), task):
                vectors[window[rows]] = found
                if on_batch:
                    on_batch(len(rows))
        return _unit(vectors)

    def _batches(
        self, model: SentenceTransformer, features: Features, count: int, task: str
    ) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
        """Give rows and their vectors, the longest first: if memory runs out, it does so at once."""
        mask = features.get("attention_mask")
        if mask is None or mask.ndim != 2 or len(mask) != count:  # no padded rows: a static embedding
            yield np.arange(count), _forward(model, features, task)
            return
        lengths = mask.sum(dim=1).numpy()
        order = np.argsort(-lengths, kind="stable")
        done = 0
        while done < count:
            longest = max(1, int(lengths[order[done]]))  # a decoder's tokenizer gives none for an empty text
            rows = order[done : done + max(1, self.batch_tokens // longest)]
            try:
                vectors = _forward(model, _select(features, rows), task)
            except RuntimeError as error:  # what torch.OutOfMemoryError is, too
                if len(rows) == 1 or not _out_of_memory(error):
                    raise
                self.batch_tokens = len(rows) * longest // 2
                continue
            yield rows, vectors
            done += len(rows)


def _load(model: Model, device: str) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer

    device = _best_device() if device == "auto" else device
    dtype = torch.float32
    if device.startswith("cuda"):
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    with _no_progress_bars():
        loaded = SentenceTransformer(
            str(model.path), device=device, local_files_only=True, model_kwargs={"dtype": dtype}
        )
    loaded.eval()
    if loaded.max_seq_length != math.inf:  # a static embedding has no limit, and refuses one
        loaded.max_seq_length = model.max_tokens
    if loaded.get_embedding_dimension() != model.dim:
        raise ConfigError(
            f"{model.path}: gives vectors of {loaded.get_embedding_dimension()}, its files say {model.dim}."
            " Set EMBEDDING_MODEL to another model."
        )
    return loaded


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    from transformers.utils import logging

    previous = logging.set_tqdm_hook(lambda bar, args, kwargs: bar(*args, **{**kwargs, "disable": True}))
    try:
        yield
    finally:
        logging.set_tqdm_hook(previous)


def _select(features: Features, rows: NDArray[np.intp]) -> Features:
    """Return the features of `rows`, without the columns that pad all of them."""
    import torch

    mask = features["attention_mask"]
    used = torch.nonzero(mask[rows].any(dim=0)).flatten()
    # Decoder models are padded at the left.
    columns = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)

    def cut(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not value.ndim or len(value) != len(mask):
            return value
        return value[rows][:, columns] if value.shape == mask.shape else value[rows]

    return {name: cut(value) for name, value in features.items()}


def _forward(model: SentenceTransformer, features: Features, task: str) -> Vectors:
    import torch

    on_device = {k: v.to(model.device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
    with torch.inference_mode():
        found = model(on_device, task=task)["sentence_embedding"][:, : model.truncate_dim]
        vectors: Vectors = found.float().cpu().numpy()
    return vectors


def _out_of_memory(error: RuntimeError) -> bool:
    import torch

    # On the CPU it has no class of its own, and one wording per platform.
    words = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or any(part in str(error) for part in words)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise ValueError(f"text {bad[0]}: the model returned a vector of length {lengths[bad[0], 0]}")
    unit: Vectors = vectors / lengths
    return unit
