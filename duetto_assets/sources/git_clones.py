"""Bare clones of remote repositories: fetched, never cloned again, repaired where they are damaged.

Several processes may share the folder. A lock that the kernel drops with its last holder lets one at a time write a
clone; git itself inherits it, so that a fetch whose parent was killed still keeps others out until it ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from duetto_assets.errors import ConfigError, RetryLater
from duetto_assets.sources.git import Git, GitFailed, environment
from duetto_assets.sources.git_addresses import Address
from duetto_assets.sources.git_remotes import EMPTY, Remotes, Unexplained

REF = "refs/duetto/head"
_BROKEN = "duetto-broken"
_POLL_S = 0.05
_GC_TIMEOUT_S = 900.0

log = logging.getLogger(__name__)


class Clones:
    """The clones under one folder."""

    def __init__(
        self, folder: Path, git: Git, remotes: Remotes, *, max_parallel: int = 4, wait_s: float = 3600.0
    ) -> None:
        """:param max_parallel: Fetches at a time, in all processes that share the folder together."""
        self._folder = folder.absolute()
        self._git = git
        self._remotes = remotes
        self._max_parallel = max_parallel
        self._wait_s = wait_s

    def path(self, address: Address) -> Path:
        """Return where a repository's clone is, or would be."""
        return self._folder / address.folder

    def update(self, address: Address, known_head: str) -> str:
        """Bring a clone to its remote's HEAD and return that commit, or EMPTY.

        :param known_head: What the remote said its HEAD is: a clone that is there already is not fetched.
        """
        clone = self.path(address)
        if known_head == EMPTY or self._head(clone) == known_head:
            return known_head
        with self._only_one(address) as lock:
            if self._head(clone) == known_head:  # another process was faster
                return known_head
            if not self._fetch(address, clone, known_head, lock):
                return self._remotes.head(address)
            head = self._head(clone)
            if not head:
                raise RetryLater(f"{address.url}: was fetched, but its clone has no head")
            return head

    def distrust(self, address: Address) -> None:
        """Have the next update replace a clone in which an object is missing."""
        log.warning("%s: its clone is damaged and will be fetched anew", address.folder)
        with suppress(FileNotFoundError):
            (self.path(address) / _BROKEN).touch()

    def _fetch(self, address: Address, clone: Path, known_head: str, lock: int) -> bool:
        """Fetch into the clone; if it is damaged, into a new one that then takes its place."""
        if not (clone / _BROKEN).exists():
            try:
                return self._fetch_into(clone, address, known_head, lock)
            except (Unexplained, GitFailed) as error:
                log.warning("%s: its clone is damaged and is fetched anew (%s)", address.folder, error)
        fresh = clone.with_name(f"{clone.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            found = self._fetch_into(fresh, address, known_head, lock)
        except (Unexplained, GitFailed) as error:
            raise RetryLater(f"{address.url}: {error}") from error
        shutil.rmtree(clone, ignore_errors=True)
        fresh.rename(clone)
        return found

    def _fetch_into(self, clone: Path, address: Address, known_head: str, lock: int) -> bool:
        env = environment(protocols="")
        _sweep(clone)
        hashes = "sha256" if len(known_head) == 64 else "sha1"
        self._git.run(
            "init", "--bare", "--quiet", "--template=", f"--object-format={hashes}", "--", str(clone), env=env
        )
        with self._slot() as slot:
            found = self._remotes.fetch(address, clone, REF, (lock, slot))
        try:  # many small fetches leave many packs; most times this looks and does nothing
            self._git.run(
                f"--git-dir={clone}", "gc", "--auto", "--quiet", env=env, timeout_s=_GC_TIMEOUT_S, held=(lock,)
            )
        except GitFailed as error:
            log.warning("%s: not tidied: %s", address.folder, error)
        return found

    def _head(self, clone: Path) -> str:
        """Return the commit a clone is at, or "" if it is not whole."""
        if not (clone / "HEAD").is_file() or (clone / _BROKEN).exists():
            return ""
        try:
            out = self._git.run(
                f"--git-dir={clone}", "rev-parse", "--verify", "--quiet", f"{REF}^{{commit}}",
                env=environment(protocols=""),
            )  # fmt: skip
        except GitFailed:
            return ""
        return out.decode("ascii").strip()

    @contextmanager
    def _only_one(self, address: Address) -> Iterator[int]:
        with _held([self._lock(f"{address.folder}.lock")], self._wait_s) as lock:
            yield lock

    @contextmanager
    def _slot(self) -> Iterator[int]:
        # Taken after the clone's own lock, and nothing is waited for while holding it: no deadlock.
        with _held([self._lock(f"slot-{each}") for each in range(self._max_parallel)], self._wait_s) as slot:
            yield slot

    def _lock(self, name: str) -> Path:
        # Beside the clones, and never deleted: two processes would hold two files of one name.
        return self._folder / ".locks" / name


@contextmanager
def _held(files: Sequence[Path], wait_s: float) -> Iterator[int]:
    """Hold the first of these locks that is free."""
    try:
        files[0].parent.mkdir(parents=True, exist_ok=True)
        files[0].touch()
    except OSError as error:
        raise ConfigError(f"{files[0].parent.parent}: {error.strerror}: check REPOS_PATH") from error
    deadline = time.monotonic() + wait_s
    while True:
        for file in files:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            except BaseException:
                os.close(descriptor)
                raise
            try:
                yield descriptor
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for a stray child that has it open
                os.close(descriptor)
            return
        if time.monotonic() > deadline:
            raise RetryLater(f"{files[0].name}: another process has held it for {wait_s:.0f} s")
        time.sleep(_POLL_S)


def _sweep(clone: Path) -> None:
    """Remove what a killed git left. Only for the holder of the clone's lock, which a living git shares."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/**/*.lock", "objects/pack/tmp_*", "objects/tmp_*"):
        for leftover in clone.glob(pattern):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
