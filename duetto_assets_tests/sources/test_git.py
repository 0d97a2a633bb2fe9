"""Clones and heads of remote repositories, over git's real transports."""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from duetto_assets.errors import ConfigError, GiveUp, RetryLater, SourceError
from duetto_assets.sources.git import Git, GitFailed, environment
from duetto_assets.sources.repos import ReposSource
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.wire.github import Answer, FakeGitHub, serving

TOKEN = "ghp_made_up_0123456789"


class Published:
    """A repository that the fake serves, and a source that clones it."""

    def __init__(self, folder: Path, github: FakeGitHub, name: str = "project") -> None:
        self.github = github
        self.remote = github.path(github.add(name))
        self.repository = GitRepository(folder / "work" / name, self.remote)
        self.clones = folder / "clones"
        self.url = f"{github.url}/acme/{name}"
        self.key = f"acme/{name}"

    def source(self, **options: Any) -> ReposSource:
        return ReposSource(clones_path=self.clones, repositories=[self.url], github_url=self.github.url, **options)

    def paths(self, **options: Any) -> set[str]:
        scan = self.source(**options).scan(self.key, None)
        return {ref.id for ref in scan.refs if not ref.id.startswith("//")}

    @property
    def clone(self) -> Path:
        (clone,) = (path for path in self.clones.iterdir() if path.name != ".locks")
        return clone

    def fetches(self) -> int:
        posts = [each for each in self.github.of("git") if each.method == "POST"]
        return sum(b"command=fetch" in each.body for each in posts)


@pytest.fixture
def published(tmp_path: Path, github: FakeGitHub) -> Published:
    made = Published(tmp_path, github)
    made.repository.commit({"a.py": "one\n"})
    return made


def test_a_change_is_fetched_into_the_clone_that_is_there(published: Published) -> None:
    assert published.paths() == {"a.py"}
    made = published.clone.stat().st_ino
    published.repository.commit({"b.py": "two\n"})
    assert published.paths() == {"a.py", "b.py"}
    assert published.clone.stat().st_ino == made


def test_a_clone_at_the_reported_head_is_not_fetched(published: Published) -> None:
    published.paths()
    before = published.fetches()
    source = published.source()
    source.heads()
    source.scan(published.key, None)
    source.prefetch([published.key])
    assert published.fetches() == before == 1
    assert source.calls == 1


def test_a_force_push_is_followed(published: Published) -> None:
    published.repository.commit({"gone.py": "x"})
    published.paths()
    published.repository.git("reset", "-q", "--hard", "HEAD~1")
    published.repository.commit({"new.py": "y"})
    assert published.paths() == {"a.py", "new.py"}
    published.repository.git("checkout", "-q", "--orphan", "unrelated")
    published.repository.git("rm", "-rqf", ".")
    published.repository.commit({"other.py": "z"})
    published.repository.git("push", "-qf", str(published.remote), "HEAD:main")
    assert published.paths() == {"other.py"}


def test_a_changed_default_branch_is_followed(published: Published) -> None:
    published.paths()
    published.repository.git("checkout", "-q", "-b", "develop")
    published.repository.commit({"develop.py": "x"})
    assert published.paths() == {"a.py"}
    subprocess.run(["git", f"--git-dir={published.remote}", "symbolic-ref", "HEAD", "refs/heads/develop"], check=True)
    assert published.paths() == {"a.py", "develop.py"}


def test_an_empty_repository_has_a_head_and_no_document_until_its_first_commit(
    tmp_path: Path, github: FakeGitHub
) -> None:
    empty = Published(tmp_path, github)
    assert empty.source().heads() == {empty.key: "empty"}
    scan = empty.source().scan(empty.key, None)
    assert (list(scan.refs), scan.head, scan.complete) == ([], "empty", True)
    empty.repository.commit({"a": "1"})
    assert empty.paths() == {"a"}


def test_an_unborn_head_beside_branches_is_an_error_and_never_empty(published: Published) -> None:
    subprocess.run(["git", f"--git-dir={published.remote}", "symbolic-ref", "HEAD", "refs/heads/none"], check=True)
    head = published.source().heads()[published.key]
    assert isinstance(head, GiveUp)
    assert "1 branches exist" in str(head)
    with pytest.raises(GiveUp):
        published.source().scan(published.key, None)


def test_a_vanished_repository_gives_up_and_keeps_its_clone(published: Published) -> None:
    published.paths()
    source = published.source()
    source.heads()
    refs = list(source.scan(published.key, None).refs)
    published.github.repositories.clear()
    head = published.source().heads()[published.key]
    assert isinstance(head, GiveUp)
    assert "not there, or not for this token" in str(head)
    with pytest.raises(GiveUp):
        published.source().scan(published.key, None)
    assert len(list(source.read(published.key, refs))) == len(refs)


@pytest.mark.parametrize(
    ("status", "error"), [(401, GiveUp), (403, GiveUp), (404, GiveUp), (429, RetryLater), (503, RetryLater)]
)
def test_a_status_on_git_means_what_it_means_elsewhere(
    published: Published, status: int, error: type[SourceError]
) -> None:
    published.github.git = Answer(status, b"no")
    assert isinstance(published.source().heads()[published.key], error)
    published.github.git = None
    source = published.source()
    source.heads()
    published.github.git = Answer(status, b"no")
    with pytest.raises(error):
        source.scan(published.key, None)


def test_an_unreachable_host_is_retried_later(tmp_path: Path) -> None:
    source = ReposSource(clones_path=tmp_path / "clones", repositories=["http://127.0.0.1:9/a/b"])
    assert isinstance(source.heads()["a/b"], RetryLater)


def test_a_head_not_read_in_time_is_an_error(published: Published) -> None:
    heads = published.source(heads_timeout_s=0.0).heads()
    assert isinstance(heads[published.key], RetryLater)


def test_a_fetch_cut_in_the_middle_raises_and_the_next_is_whole(published: Published) -> None:
    published.paths()
    published.repository.commit({"b.py": "two\n"})
    published.github.cut_packs = True
    with pytest.raises(RetryLater):
        published.paths()
    published.github.cut_packs = False
    assert published.paths() == {"a.py", "b.py"}


def _no_head(clone: Path) -> None:
    (clone / "HEAD").unlink()


def _torn_config(clone: Path) -> None:
    (clone / "config").write_text("[core\n\tbare")


def _torn_packs(clone: Path) -> None:
    for path in [*clone.glob("objects/pack/*"), *clone.glob("objects/??/*")]:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:20])


def _no_objects(clone: Path) -> None:
    shutil.rmtree(clone / "objects")


def _empty_ref(clone: Path) -> None:
    (clone / "refs/duetto/head").write_text("")


def test_what_a_killed_git_left_is_swept_and_the_clone_kept(published: Published) -> None:
    published.paths()
    made = published.clone.stat().st_ino
    for name in ("refs/duetto/head.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock"):
        (published.clone / name).touch()
    (published.clone / "objects/pack/tmp_pack_Ab1").write_bytes(b"PACK")
    published.repository.commit({"b.py": "two\n"})
    assert published.paths() == {"a.py", "b.py"}
    assert published.clone.stat().st_ino == made
    assert not [*published.clone.glob("**/*.lock"), *published.clone.glob("**/tmp_*")]


@pytest.mark.parametrize("damage", [_no_head, _torn_config, _torn_packs, _no_objects, _empty_ref])
@pytest.mark.parametrize("change", [True, False])
def test_a_damaged_clone_is_repaired(published: Published, damage: Any, change: bool) -> None:
    published.paths()
    damage(published.clone)
    if change:
        published.repository.commit({"b.py": "two\n"})
    source = published.source()
    refs = list(source.scan(published.key, None).refs)
    assert len(list(source.read(published.key, refs))) == len(refs)
    assert {ref.id for ref in refs} >= ({"a.py", "b.py"} if change else {"a.py"})


def test_a_blob_missing_in_a_clone_is_an_error_that_names_it_and_the_next_scan_mends(published: Published) -> None:
    source = published.source()
    refs = list(source.scan(published.key, None).refs)
    (blob,) = (ref.version for ref in refs if ref.id == "a.py")
    (published.clone / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(RetryLater, match=blob):
        list(source.read(published.key, refs))
    again = list(published.source().scan(published.key, None).refs)
    assert len(list(published.source().read(published.key, again))) == len(again)


def test_a_blob_missing_on_this_machine_gives_up_and_names_it(tmp_path: Path, repository: GitRepository) -> None:
    source = ReposSource(clones_path=tmp_path / "clones", repositories=[str(repository.path)])
    refs = list(source.scan("project", None).refs)
    blob = repository.tree()[b"README.md"]
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(GiveUp, match=blob):
        list(source.read("project", refs))
    with pytest.raises(GiveUp, match=blob):
        source.scan("project", None)


def test_one_process_at_a_time_writes_a_clone(published: Published) -> None:
    published.paths()
    published.repository.commit({"b.py": "two\n"})
    (lock,) = published.clones.glob(".locks/*.lock")
    with lock.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RetryLater, match="another process has held it"):
            published.paths(fetch_timeout_s=0.01)
    assert published.paths() == {"a.py", "b.py"}


_KILLED = """
import fcntl, os, subprocess, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
print(subprocess.Popen(["cat"], pass_fds=(lock,)).pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_git_whose_parent_was_killed_still_keeps_others_out(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    process.wait()
    with lock.open("rb+") as mine:
        with pytest.raises(BlockingIOError):
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.stdin.close()
        fcntl.flock(mine, fcntl.LOCK_EX)
    process.stdout.close()


def test_clones_are_fetched_in_parallel_and_errors_of_one_stop_no_other(tmp_path: Path, github: FakeGitHub) -> None:
    made = [Published(tmp_path, github, name) for name in ("one", "two", "three")]
    for each in made:
        each.repository.commit({"a": "1"})
    urls = [each.url for each in made] + [f"{github.url}/acme/missing"]
    source = ReposSource(clones_path=tmp_path / "clones", repositories=urls, max_parallel_clones=2)
    heads = source.heads()
    assert isinstance(heads["acme/missing"], GiveUp)
    source.prefetch(heads)
    assert len([path for path in (tmp_path / "clones").iterdir() if path.name != ".locks"]) == 3
    assert len(list((tmp_path / "clones/.locks").glob("slot-*"))) <= 2
    for each in made:
        assert source.scan(each.key, None).head == each.repository.head


# Tokens


def test_the_token_reaches_git_and_nothing_on_disk_or_in_an_argument_list(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: list[str] = []
    popen = subprocess.Popen

    def watched(command: list[str], *rest: Any, **options: Any) -> Any:
        arguments.extend(command)
        return popen(command, *rest, **options)

    published.github.token = TOKEN
    monkeypatch.setattr("duetto_assets.sources.git.subprocess.Popen", watched)
    assert published.paths(token=TOKEN) == {"a.py"}
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    sent = published.github.of("git")
    assert {each.authorization for each in sent} == {f"Basic {basic}"}
    assert any("fetch" in argument for argument in arguments)
    assert not any(secret in argument for argument in arguments for secret in (TOKEN, basic))
    files = [path for path in published.clones.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(secret.encode() in path.read_bytes() for path in files for secret in (TOKEN, basic))


def test_another_host_never_sees_the_token(tmp_path: Path, github: FakeGitHub) -> None:
    with serving(tmp_path / "elsewhere") as other:
        published = Published(tmp_path, other)
        published.repository.commit({"a": "1"})
        source = ReposSource(
            clones_path=tmp_path / "clones", repositories=[published.url], github_url=github.url, token=TOKEN
        )
        assert source.scan(published.key, None).head == published.repository.head
        assert {each.authorization for each in other.requests} == {""}


def test_a_redirect_to_another_host_does_not_take_the_token_along(tmp_path: Path, github: FakeGitHub) -> None:
    with serving(tmp_path / "elsewhere") as other:
        published = Published(tmp_path, other)
        published.repository.commit({"a": "1"})
        github.moved["/acme/project"] = f"{other.url}/acme/project"
        source = ReposSource(
            clones_path=tmp_path / "clones",
            repositories=[f"{github.url}/acme/project"],
            github_url=github.url,
            token=TOKEN,
        )
        head = source.heads()["acme/project"]
        assert isinstance(head, GiveUp)
        assert "has moved" in str(head)
        assert other.requests == []


def test_a_renamed_repository_is_followed_with_the_token(published: Published) -> None:
    published.github.token = TOKEN
    published.github.rename("project", "renamed")
    assert published.paths(token=TOKEN) == {"a.py"}


def test_a_password_in_an_address_is_sent_and_stored_nowhere(published: Published, tmp_path: Path) -> None:
    published.github.token = TOKEN
    address = published.url.replace("://", f"://x-access-token:{TOKEN}@")
    source = ReposSource(clones_path=published.clones, repositories=[address])
    assert source.scan(published.key, None).head == published.repository.head
    published.github.token = "another"
    error = ReposSource(clones_path=published.clones, repositories=[address]).heads()[published.key]
    assert isinstance(error, GiveUp)
    assert TOKEN not in str(error)
    assert not any(TOKEN.encode() in path.read_bytes() for path in published.clones.rglob("*") if path.is_file())


# Isolation


def test_git_sees_no_configuration_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[core]\n\tpager = evil\n[user]\n\tname = Somebody\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_TRACE_CURL", "1")
    env = environment(protocols="")
    assert not {"GIT_DIR", "GIT_TRACE_CURL"} & env.keys()
    with pytest.raises(GitFailed):
        Git().run("config", "user.name", env=env)


def test_ssh_keeps_the_users_own_command_and_never_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -i /keys/deploy")
    env = environment(protocols="ssh")
    assert env["GIT_SSH_COMMAND"].startswith("ssh -i /keys/deploy -oBatchMode=yes")
    assert (env["GIT_TERMINAL_PROMPT"], env["GIT_ASKPASS"]) == ("0", "")


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {evil}'", "--upload-pack=touch {evil}", "ssh://-oProxyCommand=x/y"])
def test_a_hostile_address_runs_nothing(tmp_path: Path, url: str) -> None:
    evil = tmp_path / "evil"
    source = ReposSource(clones_path=tmp_path / "clones", repositories=[url.format(evil=evil)])
    (head,) = source.heads().values()
    assert isinstance(head, SourceError)
    assert not evil.exists()


def test_a_killed_process_takes_its_children_along() -> None:
    git = Git()
    with git.started("cat-file", "--batch", env=environment(protocols="")) as process:
        pass
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


_INTERRUPTED = """
import signal
import sys
from pathlib import Path
from duetto_assets.sources.repos import ReposSource

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
source = ReposSource(clones_path=Path(sys.argv[1]), repositories=sys.argv[2:])
try:
    source.heads()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_what_is_under_way_at_once(tmp_path: Path, github: FakeGitHub) -> None:
    github.held = threading.Event()
    urls = [f"{github.url}/acme/r{number}" for number in range(40)]
    command = [sys.executable, "-c", _INTERRUPTED, str(tmp_path / "clones"), *urls]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert github.arrived.wait(timeout=30)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    github.held.set()
    assert out == "interrupted\n"
    assert len(github.requests) <= 16


def test_addresses_of_ssh_reach_git_through_ssh(
    tmp_path: Path, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    log = tmp_path / "log"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {log}\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    path = repository.path
    for address in (f"git@host.example:{path}", f"ssh://git@host.example:2222{path}"):
        source = ReposSource(clones_path=tmp_path / "clones", repositories=[address])
        ((partition, head),) = source.heads().items()
        assert (partition, head) == (str(path).strip("/"), repository.head)
        assert source.scan(partition, None).head == head
    assert "-oBatchMode=yes" in log.read_text()
    assert "-p 2222" in log.read_text()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_settings(published: Published) -> None:
    published.clones.write_text("a file, not a folder")
    with pytest.raises(ConfigError, match="check REPOS_PATH"):
        published.paths()


def test_a_command_that_does_not_end_is_ended() -> None:
    with pytest.raises(GitFailed, match="no end after 0 s") as caught:
        Git().run("-c", "alias.wait=!sleep 60", "wait", env=environment(protocols=""), timeout_s=0.1)
    assert caught.value.timed_out
