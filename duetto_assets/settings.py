"""Every environment variable, typed. Nothing else in the package reads the environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from duetto_assets.errors import ConfigError
from duetto_assets.model import PUBLIC

_PACKAGE_PARENT = Path(__file__).resolve().parent.parent

CHECKOUT: Path | None = _PACKAGE_PARENT if (_PACKAGE_PARENT / "pyproject.toml").is_file() else None
"""The folder of this project's checkout, or None where it was installed as a wheel."""

HOME = CHECKOUT or Path.cwd()

Words = Annotated[tuple[str, ...], NoDecode]
"""A list written with spaces or commas; quotes keep a space or comma inside a word."""


def split_words(value: str) -> tuple[str, ...]:
    """Split at spaces and commas, honouring shell quotes. An unclosed quote raises ValueError."""
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace += ","
    lexer.whitespace_split = True
    lexer.commenters = ""
    return tuple(lexer)


class Settings(BaseSettings):
    """What a user can set, in the environment or in `.env`."""

    model_config = SettingsConfigDict(env_file=HOME / ".env", extra="ignore", frozen=True)

    # where data lies
    duetto_home: Path = Field(HOME / ".duetto", description="Folder of everything below that is not set itself.")
    index_path: str = Field(
        "", description="The index: a folder or `s3://bucket/prefix`. Default `$DUETTO_HOME/index`."
    )
    repos_path: Path | None = Field(None, description="Bare clones. Default `$DUETTO_HOME/repos`.")
    dagster_home: Path | None = Field(
        None, description="Dagster's runs, events and schedules. Default `$DUETTO_HOME/dagster`."
    )

    # what is indexed
    duetto_repos: Words = Field(
        (), description="Repositories: paths and URLs, separated by spaces or commas. Default: this checkout."
    )
    github_org: str = Field("", description="GitHub organisation or user whose repositories are indexed.")
    github_url: str = Field("https://github.com", description="Base URL of GitHub or GitHub Enterprise.")
    github_token: SecretStr = Field(SecretStr(""), description="Token that may read the organisation's repositories.")
    github_include: Words = Field((), description="Only repositories whose name matches one of these globs.")
    github_exclude: Words = Field((), description="No repository whose name matches one of these globs.")
    github_languages: Words = Field((), description="Only repositories with one of these primary languages.")
    github_topics: Words = Field((), description="Only repositories with one of these topics.")
    github_visibilities: Words = Field((), description="Only these visibilities: `public`, `private`, `internal`.")
    github_archived: bool = Field(False, description="Whether archived repositories are indexed.")
    github_forks: bool = Field(False, description="Whether forks are indexed.")
    max_file_bytes: int = Field(1_000_000, gt=0, description="Larger files are skipped, with that reason.")
    commit_months: int = Field(
        12,
        ge=0,
        description="Commits of this many months before a repository's newest commit are documents too.",
    )

    confluence_url: str = Field(
        "", description="Confluence: `https://acme.atlassian.net/wiki`, or a Data Center's address. Empty: none."
    )
    confluence_user: str = Field("", description="E-mail address of the indexing account. Empty for a personal token.")
    confluence_token: SecretStr = Field(SecretStr(""), description="API token, personal access token or password.")
    confluence_spaces: Words = Field((), description="Keys of the spaces. Default: all that the account can read.")
    confluence_personal_spaces: bool = Field(False, description="Whether people's own spaces are among all of them.")
    confluence_recency_days: int = Field(
        0, ge=0, description="Only pages edited in so many days (365 is usual), or passing the next rule. 0: all."
    )
    confluence_version_threshold: int = Field(
        0, ge=0, description="Only pages with so many versions (10 is usual), or passing the rule above. 0: all."
    )
    jira_url: str = Field(
        "", description="JIRA: `https://acme.atlassian.net`, or a Data Center's address. Empty: none."
    )
    jira_user: str = Field("", description="E-mail address of the indexing account. Empty for a personal token.")
    jira_token: SecretStr = Field(SecretStr(""), description="API token, personal access token or password.")
    jira_projects: Words = Field((), description="Keys of the projects. Default: all that the account can read.")
    jira_history_months: int = Field(0, ge=0, description="Only issues changed in so many months (6 is usual). 0: all.")
    jira_include_open_older: bool = Field(True, description="Whether older issues count too while they are not done.")
    jira_remote_links: bool = Field(True, description="Whether links to other systems are read: a call for each issue.")
    atlassian_deployment: Literal["auto", "cloud", "datacenter"] = Field(
        "auto",
        description="`cloud` or `datacenter`. `auto`: Cloud is known by its hosts, by `/wiki`, or by an e-mail address "
        "as user.",
    )
    atlassian_everyone: Words = Field(
        ("confluence-users*", "jira-users*", "jira-software-users*", "jira-core-users*", "all-users", "everyone"),
        description="Groups (globs) that everybody is in: what they may read, all may find. Default: "
        "`confluence-users*`, `jira-users*`, `jira-software-users*`, `jira-core-users*`, `all-users`, `everyone`.",
    )
    lost_access_days: int = Field(
        30, ge=0, description="Days for which a space or project that is no longer listed keeps its documents."
    )

    # how much at once
    max_parallel_clones: int = Field(4, gt=0, description="Repositories cloned or fetched at the same time.")

    # the model
    embedding_model: str = Field(
        "all-MiniLM-L6-v2",
        description="A sentence-transformers model: a folder, a name in the hub's local cache, or the bundled MiniLM.",
    )
    embedding_device: str = Field("auto", description="`auto`, `cpu`, `cuda`, `cuda:1` or `mps`.")
    embedding_max_tokens: int | None = Field(
        None,
        gt=8,
        description="Tokens of a chunk that are embedded. Default: 128 for MiniLM, else the model's own.",
    )
    chunk_tokens: int = Field(256, ge=32, description="Most tokens a chunk may have.")

    # the graph
    graph_path: str = Field(
        "", description="The picture of the graph: a folder or `s3://bucket/prefix`. Default `$DUETTO_HOME/graph`."
    )
    graph_principals: Words = Field(
        (),
        description="Whose view the picture shows: e-mail addresses, account ids, groups. `all` shows only what "
        "everybody may read, and can be published. Default: what the indexing accounts may read.",
    )
    graph_nodes: int = Field(
        20_000, ge=100, description="Most nodes that the picture draws; the rest is lifted to what holds it."
    )
    serve_port: int = Field(8765, ge=1, le=65_535, description="Port of `duetto-intel serve`, on 127.0.0.1.")

    # automation
    sensor_interval_s: int = Field(30, ge=1, description="Seconds between two looks at a source's heads.")
    upkeep_interval_min: int = Field(
        5, ge=1, le=59, description="Minutes between two runs of `search_index`, `ontology` and `visualization_graph`."
    )

    @field_validator(
        "duetto_repos",
        "github_include",
        "github_exclude",
        "github_languages",
        "github_topics",
        "github_visibilities",
        "confluence_spaces",
        "jira_projects",
        "atlassian_everyone",
        "graph_principals",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split_words(value) if isinstance(value, str) else value

    @field_validator("repos_path", "dagster_home", "embedding_max_tokens", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @cached_property
    def index(self) -> str:
        """Where the index lies: an absolute folder, or a URL."""
        if "://" in self.index_path:
            return self.index_path.rstrip("/")
        return str(Path(self.index_path or self.duetto_home / "index").expanduser().absolute())

    @cached_property
    def graph(self) -> str:
        """Where the picture of the graph lies: an absolute folder, or a URL."""
        if "://" in self.graph_path:
            return self.graph_path.rstrip("/")
        return str(Path(self.graph_path or self.duetto_home / "graph").expanduser().absolute())

    @cached_property
    def clones(self) -> Path:
        """Where bare clones lie."""
        return Path(self.repos_path or self.duetto_home / "repos").expanduser().absolute()

    @cached_property
    def dagster(self) -> Path:
        """The folder that Dagster knows as DAGSTER_HOME."""
        return Path(self.dagster_home or self.duetto_home / "dagster").expanduser().absolute()

    @cached_property
    def repositories(self) -> tuple[str, ...]:
        """The explicit repositories; this checkout where nothing at all is set."""
        if self.duetto_repos or self.github_org or self.confluence_url or self.jira_url:
            return self.duetto_repos
        return (str(HOME),)

    @cached_property
    def picture_principals(self) -> tuple[str, ...]:
        """Whose view the picture of the graph shows."""
        return (*PUBLIC, *(self.graph_principals or self.accounts.values()))

    @cached_property
    def organisation(self) -> str:
        """What the whole is called."""
        host = (urlsplit(self.confluence_url or self.jira_url).hostname or "").partition(".")[0]
        return self.github_org or (host if host.strip("0123456789") else "") or "everything"

    @cached_property
    def accounts(self) -> Mapping[str, str]:
        """What the indexing accounts are called in `access`, by source."""
        named = {"confluence": self.confluence_user, "jira": self.jira_user}
        return {source: name.casefold() or f"{source}-indexer" for source, name in named.items()}


def load() -> Settings:
    """Read the settings.

    :raises ConfigError: Naming each wrong variable. Values are left out: one may be a token.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigError(f"{wrong}. Check the environment and {HOME / '.env'}.") from None
