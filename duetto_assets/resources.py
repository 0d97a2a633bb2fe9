"""Settings made into sources, index, chunker and encoder. No logic: everything is built where it is first used."""

from __future__ import annotations

from functools import cache

import dagster as dg

from duetto_assets.settings import Settings, load
from duetto_assets.sources.base import Source
from duetto_assets.sources.registry import SOURCES
from duetto_assets.stages.chunk import Chunker
from duetto_assets.stages.embed import Encoder, Model, resolve_model
from duetto_assets.stages.encoder import SentenceTransformerEncoder
from duetto_assets.stages.tokens import Tokenizer
from duetto_assets.store.index import Index


@cache
def source_of(name: str, settings: Settings) -> Source:
    """Return the source of that name; one object a process, so that it may keep connections."""
    return SOURCES[name](settings)


@cache
def index_of(settings: Settings) -> Index:
    """Return the index."""
    return Index(settings.index)


@cache
def model_of(settings: Settings) -> Model:
    """Return what is known of the model without loading it."""
    return resolve_model(settings.embedding_model, max_tokens=settings.embedding_max_tokens)


@cache
def chunker_of(settings: Settings) -> Chunker:
    """Return the chunker, which counts tokens as the model does."""
    return Chunker(Tokenizer(model_of(settings).tokenizer_path), settings.chunk_tokens)


@cache
def encoder_of(settings: Settings) -> Encoder:
    """Return the encoder. torch is imported when it first encodes."""
    return SentenceTransformerEncoder(model_of(settings), device=settings.embedding_device)


class Workbench(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What the assets work with. It holds no values: tokens must not be shown among a resource's configuration."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load()

    def source(self, name: str) -> Source:
        """Return the source of that name."""
        return source_of(name, self.settings)

    @property
    def index(self) -> Index:
        """The index."""
        return index_of(self.settings)

    @property
    def chunker(self) -> Chunker:
        """The chunker."""
        return chunker_of(self.settings)

    @property
    def encoder(self) -> Encoder:
        """The encoder; the model is loaded when it first encodes."""
        return encoder_of(self.settings)
