"""Runs git, and nothing but git: isolated from the user's configuration, never asking, always ending.

What git is asked is elsewhere: `git_remotes.py` (heads, fetches), `git_objects.py` (trees, blobs, commits).
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import IO

from duetto_assets.errors import ConfigError

Environment = Mapping[str, str]

# Where a proxy, a certificate or an ssh command of the user's lives; every other GIT_ variable stays out, since
# GIT_DIR (set inside hooks) would point git elsewhere and GIT_TRACE_CURL would write headers to a log.
_KEPT = frozenset({"GIT_EXEC_PATH", "GIT_SSH_VARIANT", "GIT_PROXY_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"})

_SSH_OPTIONS = "-oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=4"

_CONFIG = {
    "safe.directory": "*",  # a repository of another owner is read, and nothing in it is ever run:
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "gc.autoDetach": "false",  # a detached gc would outlive the lock that keeps others out
    "maintenance.autoDetach": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
}


class GitFailed(Exception):
    """A git command that ended badly. Internal to the source: callers turn it into a SourceError."""

    def __init__(self, command: str, said: str, timed_out: bool = False) -> None:
        super().__init__(f"git {command}: {said}")
        self.said = said
        self.timed_out = timed_out


class Git:
    """Starts git processes and can end all that are running. Thread-safe."""

    def __init__(self) -> None:
        self.calls = 0
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._lock = Lock()

    def run(
        self,
        *args: str,
        env: Environment,
        stdin: bytes = b"",
        timeout_s: float | None = None,
        held: Sequence[int] = (),
    ) -> bytes:
        """Return what a command writes to stdout.

        :param env: From `environment()`.
        :param held: File descriptors that the process keeps open: a lock outlives us until it has ended.
        :raises GitFailed: If it fails or does not end in time.
        """
        with self.started(*args, env=env, held=held) as process:
            try:
                out, err = process.communicate(stdin, timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                raise GitFailed(args[0], f"no end after {timeout_s:.0f} s", timed_out=True) from error
        if process.returncode != 0:
            raise GitFailed(args[0], err.decode("utf-8", "replace").strip() or f"status {process.returncode}")
        return out

    @contextmanager
    def started(
        self,
        *args: str,
        env: Environment,
        stdin: IO[bytes] | int = subprocess.PIPE,
        stderr: IO[bytes] | int = subprocess.PIPE,
        held: Sequence[int] = (),
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Yield a running process, which is killed with its children if it has not ended by then."""
        if self._stopped:
            raise GitFailed(args[0], "was interrupted")
        try:
            process = subprocess.Popen(
                ["git", *args],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=dict(env),
                cwd="/",  # not inside a repository whose configuration would then count
                pass_fds=tuple(held),
                start_new_session=True,  # its own process group, so that its helpers can be killed with it
            )
        except FileNotFoundError as error:
            raise ConfigError("git is not on the PATH: install it") from error
        with self._lock:
            self._running.add(process)
        if self._stopped:  # since we looked
            _kill(process)
        try:
            yield process
        finally:
            _end(process)
            with self._lock:
                self._running.discard(process)

    def count(self) -> None:
        """Count one call to a remote system."""
        with self._lock:
            self.calls += 1

    @contextmanager
    def ended_by_interrupts(self) -> Iterator[None]:
        """End every process, and begin none, while an exception leaves this block.

        Ctrl-C reaches only the main thread, and threads that wait for git would keep it waiting too.
        """
        try:
            yield
        except BaseException:
            self._stopped = True
            with self._lock:
                running = list(self._running)
            for process in running:
                _kill(process)
            raise

    def resume(self) -> None:
        """Begin processes again, once no thread is left that was interrupted."""
        self._stopped = False


def environment(*, protocols: str, config: Mapping[str, str] | None = None, **variables: str) -> Environment:
    """Return the environment of a git process.

    :param protocols: The only transports it may use, `https:ssh`; "" for none: nothing is fetched lazily.
    :param config: Settings of git, which other users cannot see here, as they could in an argument list.
    """
    inherited = {name: text for name, text in os.environ.items() if _inherited(name)}
    ssh = os.environ.get("GIT_SSH_COMMAND") or shlex.quote(os.environ.get("GIT_SSH") or "ssh")
    settings = {**_CONFIG, **(config or {})}
    numbered = {
        f"GIT_CONFIG_{part}_{number}": text
        for number, setting in enumerate(settings.items())
        for part, text in zip(("KEY", "VALUE"), setting, strict=True)
    }
    return {
        **inherited,
        "LC_ALL": "C",  # its messages are matched
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_SSH_COMMAND": f"{ssh} {_SSH_OPTIONS}",
        "GIT_CONFIG_COUNT": str(len(settings)),
        **numbered,
        **variables,
    }


def _inherited(name: str) -> bool:
    # With XDG_CONFIG_HOME git would read the user's attributes file.
    return name in _KEPT or not (name.startswith("GIT_") or name == "XDG_CONFIG_HOME")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _kill(process)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    process.wait()
