"""Reads one repository's trees, blobs and commits.

It looks at the objects through an empty git directory of its own, so that nothing else of a repository counts: not
its configuration (which may name programs to run), hooks, private attributes, replaced objects or refs, and nothing
is ever written to it.
"""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, cast

from duetto_assets.errors import GiveUp
from duetto_assets.sources.git import Environment, Git, GitFailed, environment
from duetto_assets.sources.git_remotes import EMPTY
from duetto_assets.sources.redact import quote

SYMLINK, SUBMODULE = "120000", "160000"
FILES_KEPT = 10_000
"""So many of the files that a commit changed are told at most."""

_AHEAD = 50  # requests in the pipe: even the smallest pipe, 4 KiB, holds them, so that neither side waits
_COMMIT_FIELDS = ("%H", "%an", "%ae", "%ct", "%s", "%b")


class Damaged(GiveUp):
    """An object that must be there is missing or unreadable."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree."""

    mode: str
    sha: str
    size: int  # 0 for a submodule
    path: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, with the paths that it changed against its first parent."""

    sha: str
    author: str
    committed_at: datetime | None  # None if the date is no date
    subject: str
    body: str
    paths: tuple[bytes, ...]  # the first FILES_KEPT
    changed: int


class Objects:
    """The objects of one repository."""

    def __init__(self, git: Git, where: str, folder: Path, env: Environment) -> None:
        self._git = git
        self._where = where  # for messages
        self._folder = folder  # private and empty: room for an index
        self._env = env

    def tree(self, commit: str) -> list[Entry]:
        """Return every path of a commit, in git's order."""
        out = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        return [self._entry(line) for line in out.split(b"\0") if line]

    def blobs(self, shas: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield each blob's bytes in order, by one process, holding one blob at a time."""
        rest = iter(shas)
        ahead = list(islice(rest, _AHEAD))
        if not ahead:
            return
        with (
            tempfile.TemporaryFile() as errors,
            self._git.started("cat-file", "--batch", env=self._env, stderr=errors) as process,
        ):
            stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            while ahead:
                try:
                    stdin.write("".join(f"{sha}\n" for sha in ahead).encode("ascii"))
                    stdin.flush()
                except BrokenPipeError:
                    pass  # it has died: the answer that is missing tells more
                for sha in ahead:
                    yield sha, self._answer(sha, stdout, errors)
                ahead = list(islice(rest, _AHEAD))

    def attributes(
        self, sources: Sequence[Entry], paths: Sequence[bytes], names: Sequence[str]
    ) -> Iterator[tuple[bytes, str, bytes]]:
        """Yield (path, attribute, value) as the `.gitattributes` entries in `sources` say, where they say it."""
        env = {**self._env, "GIT_INDEX_FILE": str(self._folder / "index")}
        lines = b"".join(f"{entry.mode} {entry.sha}\t".encode() + entry.path + b"\0" for entry in sources)
        self._run("update-index", "-z", "--index-info", env=env, stdin=lines)
        asked = b"".join(path + b"\0" for path in paths)
        out = self._run("check-attr", "--cached", "-z", "--stdin", *names, env=env, stdin=asked)
        parts = iter(out.split(b"\0"))
        for path, name, value in zip(parts, parts, parts, strict=False):
            if value != b"unspecified":
                yield path, name.decode(), value

    def recent(self, head: str, seconds: int) -> Iterator[str]:
        """Yield the commits that `head` can reach and that were made at most that long before it, or after it.

        `git log --since` would stop at the first older commit; one wrong clock would hide all before it.
        """
        oldest: int | None = None
        with (
            tempfile.TemporaryFile() as errors,
            self._git.started("rev-list", "--timestamp", head, env=self._env, stderr=errors) as process,
        ):
            for line in cast("IO[bytes]", process.stdout):  # `head` itself comes first
                second, sha = line.decode("ascii").split()
                oldest = int(second) - seconds if oldest is None else oldest
                if int(second) >= oldest:
                    yield sha
            if process.wait() != 0:
                raise self._damaged(errors)

    def commits(self, shas: Iterable[str]) -> Iterator[Commit]:
        """Yield these commits, by one process."""
        # "%x00" opens a record: no field and no path is empty there, hence none can look like it.
        layout = "--format=%x00" + "%x00".join(_COMMIT_FIELDS)
        command = (
            "log --stdin --no-walk=unsorted -z --raw --abbrev=4 --no-renames --diff-merges=first-parent"
            " --no-show-signature --no-ext-diff --no-textconv --no-mailmap --no-notes --no-color --encoding=UTF-8"
        )
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as errors:
            wanted.writelines(f"{sha}\n".encode("ascii") for sha in shas)
            if wanted.tell() == 0:
                return  # without a commit, git log would show HEAD
            wanted.seek(0)
            with self._git.started(*command.split(), layout, env=self._env, stdin=wanted, stderr=errors) as process:
                yield from _records(_tokens(cast("IO[bytes]", process.stdout)))
                if process.wait() != 0:
                    raise self._damaged(errors)

    def _entry(self, line: bytes) -> Entry:
        meta, _, path = line.partition(b"\t")
        mode, _, sha, size = meta.decode("ascii").split()
        if size == "BAD":  # so says ls-tree of a blob that is not there
            raise Damaged(f"{self._where}: object {sha} is missing")
        return Entry(mode, sha, 0 if size == "-" else int(size), path)

    def _answer(self, sha: str, stdout: IO[bytes], errors: IO[bytes]) -> bytes:
        header = stdout.readline().split()
        if len(header) != 3:
            raise Damaged(f"{self._where}: object {sha} is missing") if header else self._damaged(errors)
        size = int(header[2])
        data = stdout.read(size)
        if len(data) != size or stdout.read(1) != b"\n":
            raise self._damaged(errors)
        return data

    def _run(self, *args: str, env: Environment | None = None, stdin: bytes = b"") -> bytes:
        try:
            return self._git.run(*args, env=env or self._env, stdin=stdin)
        except GitFailed as error:
            raise Damaged(f"{self._where}: {quote(str(error))}") from error

    def _damaged(self, errors: IO[bytes]) -> Damaged:
        errors.seek(0)
        said = quote(errors.read(2_000).decode("utf-8", "replace")) or "git ended early"
        return Damaged(f"{self._where}: {said}")


@contextmanager
def opened(git: Git, where: str, objects: Path, any_id: str) -> Iterator[Objects]:
    """Yield a view of the `objects` folder of a repository. The length of any id in it tells its hash function."""
    with tempfile.TemporaryDirectory(prefix="duetto-git-") as name:
        folder = Path(name)
        (folder / "objects").mkdir()
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        sha256 = "[extensions]\nobjectformat = sha256\n" if len(any_id) == 64 else ""
        (folder / "config").write_text(f"[core]\nrepositoryformatversion = 1\nbare = true\n{sha256}")
        shallow = objects.parent / "shallow"  # commits whose parents were never fetched
        if shallow.is_file():
            (folder / "shallow").write_bytes(shallow.read_bytes())
        env = environment(protocols="", GIT_DIR=name, GIT_OBJECT_DIRECTORY=str(objects))
        yield Objects(git, where, folder, env)


def local_head(git: Git, path: Path) -> str:
    """Return the commit that HEAD of a repository on this machine names, or EMPTY. Writes nothing to it."""
    if not path.is_dir():
        raise GiveUp(f"{quote(str(path))}: no such folder: check DUETTO_REPOS")
    env = environment(protocols="", GIT_DIR=str(_git_dir(path)))
    try:
        return git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", env=env).decode("ascii").strip()
    except GitFailed as error:
        if "not a git repository" in error.said:
            raise GiveUp(f"{quote(str(path))}: no git repository: check DUETTO_REPOS") from error
    try:
        branches = git.run("for-each-ref", "--count=1", "refs/heads", "refs/remotes", env=env)
        detached = git.run("rev-parse", "--quiet", "--verify", "HEAD", env=env)
    except GitFailed as error:
        if error.said.startswith("status"):  # an unborn HEAD, quietly
            detached = b""
        else:
            raise GiveUp(f"{quote(str(path))}: {quote(error.said)}") from error
    if branches or detached:
        raise GiveUp(f"{quote(str(path))}: HEAD names no commit, while others exist: check out a branch")
    return EMPTY


def local_objects(git: Git, path: Path) -> Path:
    """Return where a repository on this machine keeps its objects: of a linked worktree, not below its folder."""
    env = environment(protocols="", GIT_DIR=str(_git_dir(path)))
    try:
        out = git.run("rev-parse", "--path-format=absolute", "--git-path", "objects", env=env)
    except GitFailed as error:
        raise GiveUp(f"{quote(str(path))}: {quote(error.said)}") from error
    return Path(os.fsdecode(out.removesuffix(b"\n")))


def _git_dir(path: Path) -> Path:
    return path / ".git" if (path / ".git").exists() else path


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what stands between the NULs."""
    rest = b""
    while chunk := stream.read(65_536):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _records(tokens: Iterator[bytes]) -> Iterator[Commit]:
    token = next(tokens, None)
    while token is not None:
        sha, name, mail, second, subject, body = islice(tokens, len(_COMMIT_FIELDS))
        paths: list[bytes] = []
        changed = 0
        while (token := next(tokens, None)) and token.lstrip(b"\n").startswith(b":"):
            path = next(tokens)
            changed += 1
            if len(paths) < FILES_KEPT:
                paths.append(path)
        yield Commit(
            sha=sha.decode("ascii"),
            author=f"{_text(name)} <{_text(mail)}>",
            committed_at=_moment(second),
            subject=_text(subject),
            body=_text(body).strip("\n"),
            paths=tuple(paths),
            changed=changed,
        )


def _text(data: bytes) -> str:
    return codecs.decode(data, "utf-8", "replace")


def _moment(second: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(second), UTC)
    except (ValueError, OverflowError, OSError):
        return None
