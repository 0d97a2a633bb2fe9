"""Git repositories that tests make and change."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
_START = 1_760_000_000  # commits are a minute apart from here, whatever the clock says


class GitRepository:
    """A checkout on the branch `main`."""

    def __init__(self, path: Path, push_to: Path | None = None) -> None:
        self.path = path
        self._push_to = push_to
        self._minute = 0
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def git(self, *args: str, stdin: bytes = b"", **env: str) -> str:
        """Run git here and return what it says."""
        env = {**os.environ, **_IDENTITY, **env}
        done = subprocess.run(["git", *args], cwd=self.path, env=env, input=stdin, capture_output=True, check=True)
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(
        self,
        files: Mapping[str | bytes, str | bytes | None] | None = None,
        message: str | bytes = "change",
        at: int | None = None,
        **env: str,
    ) -> str:
        """Write these files (None: delete), commit, and return the commit."""
        for name, content in (files or {}).items():
            path = self.path / os.fsdecode(name)
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self._minute += 1
        date = f"{_START + 60 * self._minute if at is None else at} +0000"
        self.git("add", "--all", "--force")
        text = message.encode() if isinstance(message, str) else message
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        command = "commit -q --allow-empty --allow-empty-message --cleanup=verbatim -F -"
        self.git(*command.split(), stdin=text, **dates, **env)
        self.push()
        return self.head

    def push(self) -> None:
        """Publish HEAD, by force, where it is published."""
        if self._push_to is not None:
            self.git("push", "-q", "--force", str(self._push_to), "HEAD")

    def tree(self) -> dict[bytes, str]:
        """Return {path: SHA} of HEAD, as git itself lists it."""
        out = subprocess.run(
            ["git", "ls-tree", "-r", "-z", "HEAD"], cwd=self.path, capture_output=True, check=True
        ).stdout
        lines = (line.split(b"\t", 1) for line in out.split(b"\0") if line)
        return {path: meta.split()[2].decode() for meta, path in lines}
