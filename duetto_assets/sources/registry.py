"""The sources there are, made from the settings. A new one is a function and a line here, a file, and its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pydantic import SecretStr

from duetto_assets.errors import ConfigError, GiveUp, Lost
from duetto_assets.model import Document
from duetto_assets.settings import Settings
from duetto_assets.sources.base import Heads, Ref, Scan, Source
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


def confluence(settings: Settings) -> Source:
    """Return the pages of Confluence, Cloud or Data Center; of none where no address is set."""
    from duetto_assets.sources import confluence as source
    from duetto_assets.sources.atlassian import Session, is_cloud
    from duetto_assets.sources.confluence_cloud import Cloud
    from duetto_assets.sources.confluence_server import Server

    url, user = settings.confluence_url.rstrip("/"), settings.confluence_user
    if not url:
        return Nothing("confluence")
    token = _token(settings.confluence_token, "CONFLUENCE")
    cloud = is_cloud(url, user, settings.atlassian_deployment)
    if cloud and not url.endswith("/wiki"):
        url += "/wiki"
    session = Session(url, user, token, advice=_advice("CONFLUENCE", cloud))
    site = (Cloud if cloud else Server)(url, session, settings.atlassian_everyone)
    jira_url = settings.jira_url.rstrip("/") or (url.removesuffix("/wiki") if cloud else "")
    return source.ConfluenceSource(
        site,
        session,
        account=settings.accounts["confluence"],
        spaces=settings.confluence_spaces,
        personal_spaces=settings.confluence_personal_spaces,
        policy=source.Policy(settings.confluence_recency_days, settings.confluence_version_threshold),
        max_bytes=settings.max_file_bytes,
        issue_url=f"{jira_url}/browse/" if jira_url else "",
    )


def jira(settings: Settings) -> Source:
    """Return the issues of JIRA, Cloud or Data Center; of none where no address is set."""
    from duetto_assets.sources import jira as source
    from duetto_assets.sources.atlassian import Session, is_cloud
    from duetto_assets.sources.jira_site import Site

    url, user = settings.jira_url.rstrip("/").removesuffix("/wiki"), settings.jira_user
    if not url:
        return Nothing("jira")
    token = _token(settings.jira_token, "JIRA")
    cloud = is_cloud(url, user, settings.atlassian_deployment)
    session = Session(url, user, token, advice=_advice("JIRA", cloud))
    site = Site(url, session, settings.atlassian_everyone, cloud=cloud)
    return source.JiraSource(
        site,
        session,
        account=settings.accounts["jira"],
        projects=settings.jira_projects,
        policy=source.Policy(settings.jira_history_months, settings.jira_include_open_older),
        remote_links=settings.jira_remote_links,
        max_bytes=settings.max_file_bytes,
    )


def _advice(name: str, cloud: bool) -> str:
    kind = "Cloud" if cloud else "Data Center"
    return (
        f"check that {name}_USER and {name}_TOKEN are current and may read it, and that {name}_URL is right; it is "
        f"taken for {kind} (ATLASSIAN_DEPLOYMENT)"
    )


def _token(token: SecretStr, name: str) -> str:
    if not token.get_secret_value():
        raise ConfigError(f"{name}_URL is set, but {name}_TOKEN is not. Set the token of an account that may read it.")
    return token.get_secret_value()


class Nothing:
    """A source that is not configured. What is indexed of it is lost, not deleted: a variable may just be missing."""

    calls = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self._problem = f"{name.upper()}_URL is not set"

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:
        """Return no head, and what is known as lost."""
        return {partition: Lost(f"{self._problem}. What is indexed is kept for a while") for partition in known or ()}

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:  # noqa: ARG002 - the same for all
        """Refuse: nothing can be known."""
        raise GiveUp(f"{self.name}/{partition}: {self._problem}")

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        """Refuse: nothing can be known."""
        if refs:
            raise GiveUp(f"{self.name}/{partition}: {self._problem}")
        yield from ()


SOURCES: Mapping[str, Callable[[Settings], Source]] = {
    "repos": repos,
    "confluence": confluence,
    "jira": jira,
}
