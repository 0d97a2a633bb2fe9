"""The sources there are, made from the settings. A new one is a function and a line here, a file, and its test."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from duetto_assets.errors import ConfigError
from duetto_assets.settings import Settings
from duetto_assets.sources.base import Source
from duetto_assets.sources.github import Filters, GitHub
from duetto_assets.sources.repos import ReposSource


def repos(settings: Settings) -> ReposSource:
    """Return the git repositories: those of an organisation, and those named one by one."""
    token = settings.github_token.get_secret_value()
    github = None
    if settings.github_org:
        if not token:
            raise ConfigError(
                f"GITHUB_ORG is {settings.github_org}, but GITHUB_TOKEN is not set. GitHub lists an organisation's "
                "repositories only to a token: set one that may read them."
            )
        filters = Filters(
            archived=settings.github_archived,
            forks=settings.github_forks,
            include=settings.github_include,
            exclude=settings.github_exclude,
            languages=settings.github_languages,
            topics=settings.github_topics,
            visibilities=settings.github_visibilities,
        )
        github = GitHub(settings.github_org, token, base_url=settings.github_url, filters=filters)
    return ReposSource(
        clones_path=settings.clones,
        repositories=settings.repositories,
        github=github,
        token=token or None,
        github_url=settings.github_url,
        max_parallel_clones=settings.max_parallel_clones,
        max_file_bytes=settings.max_file_bytes,
        commit_months=settings.commit_months,
    )


SOURCES: Mapping[str, Callable[[Settings], Source]] = {
    "repos": repos,
}
