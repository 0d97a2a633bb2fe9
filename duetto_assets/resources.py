"""What the assets work with, as Dagster's one resource."""

# No `from __future__ import annotations` here: Dagster reads the types of assets, configs and resources at run time.

import dagster as dg

from duetto_assets import factory
from duetto_assets.settings import Settings, load
from duetto_assets.sources.base import Source
from duetto_assets.stages.chunk import Chunker
from duetto_assets.stages.embed import Encoder
from duetto_assets.store.index import Index
from duetto_assets.workers import worker_tags


class Workbench(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What the assets work with. It holds no values: tokens must not be shown among a resource's configuration."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Say on the run that this process works on it, so that a dead one can be told from a slow one."""
        if context.run is not None and context.instance is not None:
            context.instance.add_run_tags(context.run.run_id, worker_tags(context.run.run_id))

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load()

    def source(self, name: str) -> Source:
        """Return the source of that name."""
        return factory.source_of(name, self.settings)

    @property
    def index(self) -> Index:
        """The index."""
        return factory.index_of(self.settings)

    @property
    def chunker(self) -> Chunker:
        """The chunker."""
        return factory.chunker_of(self.settings)

    @property
    def encoder(self) -> Encoder:
        """The encoder; the model is loaded when it first encodes."""
        return factory.encoder_of(self.settings)
