"""Settings made into sources, index, chunker and encoder. No logic: everything is built where it is first used.

What it is built of is imported there, too: a search needs no source, and a look at the status no model.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from duetto_assets.errors import ConfigError
from duetto_assets.settings import Settings
from duetto_assets.store.index import Index

if TYPE_CHECKING:
    from duetto_assets.sources.base import Source
    from duetto_assets.stages.chunk import Chunker
    from duetto_assets.stages.embed import Encoder, Model


@cache
def source_of(name: str, settings: Settings) -> Source:
    """Return the source of that name; one object a process, so that it may keep connections."""
    from duetto_assets.sources.registry import SOURCES

    return SOURCES[name](settings)


@cache
def index_of(settings: Settings) -> Index:
    """Return the index."""
    return Index(settings.index)


@cache
def model_of(settings: Settings) -> Model:
    """Return what is known of the model without loading it."""
    from duetto_assets.stages.embed import resolve_model

    return resolve_model(settings.embedding_model, max_tokens=settings.embedding_max_tokens)


@cache
def chunker_of(settings: Settings) -> Chunker:
    """Return the chunker, which counts tokens as the model does."""
    from duetto_assets.stages.chunk import Chunker
    from duetto_assets.stages.tokens import Tokenizer

    return Chunker(Tokenizer(model_of(settings).tokenizer_path), settings.chunk_tokens)


@cache
def encoder_of(settings: Settings) -> Encoder:
    """Return the encoder. torch is imported when it first encodes."""
    from duetto_assets.stages.encoder import SentenceTransformerEncoder

    return SentenceTransformerEncoder(model_of(settings), device=settings.embedding_device)


@cache
def earlier_encoder_of(vector_model: str, settings: Settings) -> Encoder | None:
    """Return the encoder of vectors that carry this id, if its model is still on this machine under its name."""
    from duetto_assets.stages.embed import resolve_model
    from duetto_assets.stages.encoder import SentenceTransformerEncoder

    model_id = vector_model.partition("+")[0]
    name, _, tokens = model_id.rpartition("-")[0].partition("@")
    try:
        model = resolve_model(name, max_tokens=int(tokens))
    except (ConfigError, ValueError):
        return None
    if model.model_id != model_id:
        return None
    return SentenceTransformerEncoder(model, device=settings.embedding_device)
