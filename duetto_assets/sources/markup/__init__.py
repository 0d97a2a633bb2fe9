"""Atlassian's three kinds of markup as Markdown. Knows nothing of HTTP, Dagster or the index."""

from __future__ import annotations

from duetto_assets.sources.markup.adf import adf_mentions, adf_to_markdown
from duetto_assets.sources.markup.links import Links
from duetto_assets.sources.markup.storage import storage_mentions, storage_to_markdown
from duetto_assets.sources.markup.wiki import wiki_mentions, wiki_to_markdown

__all__ = [
    "Links",
    "adf_mentions",
    "adf_to_markdown",
    "storage_mentions",
    "storage_to_markdown",
    "wiki_mentions",
    "wiki_to_markdown",
]
