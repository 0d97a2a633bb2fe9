"""The source `repos`: git repositories, of a GitHub organisation and by address."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from duetto_assets.errors import GiveUp, RetryLater, SourceError
from duetto_assets.model import Document
from duetto_assets.sources import git_addresses
from duetto_assets.sources.base import Heads, Ref, Scan
from duetto_assets.sources.git import Git
from duetto_assets.sources.git_addresses import Address
from duetto_assets.sources.git_clones import Clones
from duetto_assets.sources.git_objects import Damaged, Objects, local_head, local_objects, opened
from duetto_assets.sources.git_remotes import EMPTY, Remotes, github_authorization
from duetto_assets.sources.github import GitHub, Repository
from duetto_assets.sources.redact import quote
from duetto_assets.sources.repos_documents import SOURCE, Reader, listing

_PARALLEL_HEADS = 16


@dataclass(frozen=True, slots=True)
class _Place:
    """A partition's repository, and its head where that is known without asking."""

    address: Address
    head: str | SourceError | None = None


class ReposSource:
    """Files of the default branch and recent commits of each repository. A partition is a repository."""

    name = SOURCE

    def __init__(
        self,
        *,
        clones_path: Path,
        repositories: Sequence[str] = (),
        github: GitHub | None = None,
        token: str | None = None,
        github_url: str = "https://github.com",
        max_parallel_clones: int = 4,
        max_file_bytes: int = 1_000_000,
        commit_months: int = 12,
        head_timeout_s: float = 20.0,
        heads_timeout_s: float = 45.0,
        fetch_timeout_s: float = 3600.0,
    ) -> None:
        """Ask and write nothing yet.

        :param repositories: Paths, https://, ssh:// and file:// URLs, git@host:path.
        :param github: The organisation whose repositories are added; its base URL counts before `github_url`.
        :param token: For git over https to the GitHub host. No other host sees it.
        :param commit_months: Commits that much older than the head are no documents; 0 for none at all.
        :param heads_timeout_s: After that, heads not read yet are errors: a sensor has 60 s.
        """
        self._github = github
        github_url = github.base_url if github else github_url
        self._max_parallel = max_parallel_clones
        self._max_file_bytes = max_file_bytes
        self._commit_months = commit_months
        self._heads_timeout_s = heads_timeout_s
        self._git = Git()
        authorizations = {github_url: github_authorization(token)} if token else {}
        self._remotes = Remotes(
            self._git,
            authorizations=authorizations,
            head_timeout_s=head_timeout_s,
            fetch_timeout_s=fetch_timeout_s,
        )
        self._clones = Clones(
            clones_path, self._git, self._remotes, max_parallel=max_parallel_clones, wait_s=fetch_timeout_s
        )
        self._explicit = git_addresses.partition_keys(
            (git_addresses.parse(text, github_url) for text in repositories),
            f"{urlsplit(github_url).netloc}/{github.login}" if github else "",
        )
        self._places: dict[str, _Place] = {}

    @property
    def calls(self) -> int:
        """Calls to remote systems so far: API requests, ls-remote, fetch."""
        return self._git.calls + (self._github.calls if self._github else 0)

    def heads(self, known: Mapping[str, str] | None = None) -> Heads:  # noqa: ARG002 - asking is as cheap
        """Return the commit of each repository's HEAD, or why it could not be read."""
        places = self._listed()
        unknown = [key for key, place in places.items() if place.head is None]
        deadline = time.monotonic() + self._heads_timeout_s
        with self._threads(_PARALLEL_HEADS) as threads:
            asked = threads.map(lambda key: self._try_head(places[key].address, deadline), unknown)
            for key, head in zip(unknown, asked, strict=True):
                places[key] = _Place(places[key].address, head)
        self._places = places
        return {key: places[key].head or EMPTY for key in sorted(places)}

    def prefetch(self, partitions: Iterable[str]) -> None:
        """Update clones in parallel. What fails here fails again, and is reported, when it is scanned."""
        with self._threads(self._max_parallel) as threads:
            list(threads.map(self._try_update, partitions))

    def scan(self, partition: str, since: str | None, census: bool = False) -> Scan:  # noqa: ARG002 - always a census
        """List a repository's files and commits, always all of them: that takes git milliseconds."""
        place = self._place(partition)
        head = self._update(place)
        if head == EMPTY:
            return Scan(refs=[], head=EMPTY, complete=True)
        try:
            refs = self._list(place.address, head)
        except Damaged:
            if place.address.local is not None:
                raise
            self._clones.distrust(place.address)
            head = self._update(place)
            refs = self._list(place.address, head)
        return Scan(refs=refs, head=head, complete=True)

    def read(self, partition: str, refs: Sequence[Ref]) -> Iterator[Document]:
        """Yield the documents of a listing, from the clone that it was made of."""
        if not refs:
            return
        address = self._place(partition).address
        any_id = refs[0].version.rpartition(":")[2]
        try:
            with self._objects(address, any_id) as objects:
                yield from Reader(objects, partition, address, self._max_file_bytes).documents(refs)
        except Damaged as error:
            if address.local is not None:
                raise
            self._clones.distrust(address)
            raise RetryLater(f"{error}. The clone will be fetched anew") from error

    def _listed(self) -> dict[str, _Place]:
        """Return every partition; one repository found twice is GitHub's, whose head came with the listing."""
        repositories = self._github.repositories() if self._github else []
        places = {repository.name: _of_github(repository) for repository in repositories}
        known = {place.address.identity for place in places.values()}
        places |= {key: _Place(address) for key, address in self._explicit.items() if address.identity not in known}
        return places

    def _place(self, partition: str) -> _Place:
        """Return a partition's place; in a new process, without listing the whole organisation."""
        if place := self._places.get(partition):
            return place
        if address := self._explicit.get(partition):
            place = _Place(address)
        elif self._github and partition.count("/") == 1:
            place = _of_github(self._github.repository(partition))
        else:
            raise GiveUp(f"{partition}: no repository of this name is configured")
        return self._places.setdefault(partition, place)

    def _head(self, address: Address, timeout_s: float | None = None) -> str:
        if address.problem:
            raise GiveUp(address.problem)
        if address.local is not None:
            return local_head(self._git, address.local)
        return self._remotes.head(address, timeout_s)

    def _try_head(self, address: Address, deadline: float) -> str | SourceError:
        left_s = deadline - time.monotonic()
        try:
            if left_s <= 0:
                raise RetryLater(f"{address.url}: not asked within {self._heads_timeout_s:.0f} s")
            return self._head(address, left_s)
        except SourceError as error:
            return error

    def _update(self, place: _Place) -> str:
        """Return the head that can be read now, after a fetch where the clone is behind."""
        if isinstance(place.head, SourceError):
            raise place.head
        if place.address.local is not None or place.address.problem:
            return self._head(place.address)
        return self._clones.update(place.address, place.head or self._head(place.address))

    def _try_update(self, partition: str) -> None:
        try:
            self._update(self._place(partition))
        except SourceError:
            return

    def _list(self, address: Address, head: str) -> list[Ref]:
        with self._objects(address, head) as objects:
            return listing(objects, head, max_file_bytes=self._max_file_bytes, commit_months=self._commit_months)

    @contextmanager
    def _objects(self, address: Address, any_id: str) -> Iterator[Objects]:
        if address.local is not None:
            folder = local_objects(self._git, address.local)
        else:
            folder = self._clones.path(address) / "objects"
        with opened(self._git, quote(address.url), folder, any_id) as objects:
            yield objects

    @contextmanager
    def _threads(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Yield threads whose git processes end with a Ctrl-C."""
        threads = ThreadPoolExecutor(max_workers=count)
        try:
            with self._git.ended_by_interrupts():
                yield threads
        except KeyboardInterrupt:
            # git is not resumed: a thread that was just being made is in no list that could be waited for here, and
            # would begin a process that nobody ends.
            threads.shutdown(cancel_futures=True)
            raise
        except BaseException:
            threads.shutdown(cancel_futures=True)
            self._git.resume()
            raise
        threads.shutdown()


def _of_github(repository: Repository) -> _Place:
    address = git_addresses.of_github(repository.id, repository.name, repository.url)
    if repository.disabled:
        return _Place(address, GiveUp(f"{repository.name}: disabled by GitHub, its content cannot be read"))
    if not repository.head and not repository.empty:
        return _Place(address, GiveUp(f"{repository.name}: has branches, but no default one: set it on GitHub"))
    return _Place(address, repository.head or EMPTY)
