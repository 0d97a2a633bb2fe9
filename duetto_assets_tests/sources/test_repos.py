"""Partitions, listings and documents of repositories."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.errors import GiveUp, SourceError
from duetto_assets.model import Document
from duetto_assets.sources.github import GitHub
from duetto_assets.sources.repos import ReposSource
from duetto_assets.sources.repos_documents import file_id, file_path
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.wire.github import FakeGitHub


def source(tmp_path: Path, *repositories: object, **options: Any) -> ReposSource:
    return ReposSource(clones_path=tmp_path / "clones", repositories=[str(each) for each in repositories], **options)


def documents(repository: GitRepository, **options: Any) -> dict[str, Document]:
    one = source(repository.path.parent, repository.path, **options)
    (partition,) = one.heads()
    refs = list(one.scan(partition, None).refs)
    found = {document.id: document for document in one.read(partition, refs)}
    assert {(ref.id, ref.version) for ref in refs} == {(each.id, each.version) for each in found.values()}
    return found


def skipped(repository: GitRepository, **options: Any) -> dict[str, str]:
    return {each.id: each.skipped for each in documents(repository, **options).values() if each.kind == "skipped"}


# Partitions


def test_a_repository_with_a_strange_name_is_a_partition_like_others(tmp_path: Path) -> None:
    strange = GitRepository(tmp_path / "a...b\nc")
    strange.commit({"a": "1"})
    assert source(tmp_path, strange.path).heads() == {"a%2E%2E%2Eb%0Ac": strange.head}


def test_one_bad_repository_stops_no_other_and_does_not_vanish(tmp_path: Path, repository: GitRepository) -> None:
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / "missing", tmp_path / "folder", "gopher://x/y", "https://", "file://other/x", "http://[x/y"]
    heads = source(tmp_path, repository.path, *bad).heads()
    assert heads["project"] == repository.head
    assert len(heads) == 1 + len(bad)
    assert all(isinstance(head, GiveUp) for key, head in heads.items() if key != "project")
    assert "no such folder" in str(heads["missing"])
    assert "no git repository" in str(heads["folder"])


def test_a_folder_inside_a_repository_is_not_taken_for_it(repository: GitRepository) -> None:
    repository.commit({"docs/a": "1"})
    (head,) = source(repository.path, repository.path / "docs").heads().values()
    assert isinstance(head, GiveUp)


def test_a_checkout_a_bare_repository_and_a_worktree_are_read_alike(tmp_path: Path, repository: GitRepository) -> None:
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    (tmp_path / "link").symlink_to(repository.path)
    one = source(tmp_path, tmp_path / "bare.git", tmp_path / "linked", (tmp_path / "bare.git").as_uri())
    assert one.heads() == dict.fromkeys(["bare", "linked"], repository.head)
    for partition in one.heads():
        refs = list(one.scan(partition, None).refs)
        assert [each.text for each in one.read(partition, refs) if each.kind == "file"] == ["# Project\n"]
    assert source(tmp_path, tmp_path / "link").heads() == {"link": repository.head}


def test_an_empty_local_repository_has_a_head_and_a_misdirected_one_an_error(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "fresh")
    one = source(tmp_path, made.path)
    assert one.heads() == {"fresh": "empty"}
    assert list(one.scan("fresh", None).refs) == []
    made.commit({"a": "1"})
    made.git("symbolic-ref", "HEAD", "refs/heads/none")
    assert isinstance(one.heads()["fresh"], GiveUp)
    with pytest.raises(GiveUp, match="HEAD names no commit"):
        source(tmp_path, made.path).scan("fresh", None)


def test_a_sha256_repository_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new-hash"
    path.mkdir()
    subprocess.run(["git", "init", "-q", "--object-format=sha256", str(path)], check=True)
    (path / "a.py").write_text("x = 1\n")
    commands: list[Sequence[str]] = [
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"],
    ]
    for command in commands:
        subprocess.run(["git", "-C", str(path), *command], check=True)
    one = source(tmp_path, path)
    refs = list(one.scan("new-hash", None).refs)
    assert sorted(each.kind for each in one.read("new-hash", refs)) == ["commit", "file"]


def test_nothing_is_written_to_a_local_repository(repository: GitRepository) -> None:
    repository.commit({".gitattributes": "*.gen linguist-generated\n", "a.gen": "x", "b": "y"})
    repository.git("config", "core.splitIndex", "true")
    repository.git("config", "core.untrackedCache", "true")

    def state() -> dict[str, tuple[int, int]]:
        found = [repository.path, *repository.path.rglob("*")]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = state()
    assert len(documents(repository)) > 3
    assert state() == before


def test_the_configuration_of_a_local_repository_runs_nothing(tmp_path: Path, repository: GitRepository) -> None:
    evil = tmp_path / "evil"
    for name in ("core.fsmonitor", "core.sshCommand", "gpg.program", "core.pager", "diff.external"):
        repository.git("config", name, f"touch {evil}; false")
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "core.attributesFile", str(tmp_path / "attributes"))
    (tmp_path / "attributes").write_text("* linguist-generated\n")
    (repository.path / ".git/info/attributes").write_text("* linguist-vendored\n")
    repository.commit({".gitattributes": "none linguist-generated\n", "a.py": "1"})
    evil.unlink(missing_ok=True)  # making the commit ran the user's own fsmonitor, as it should
    assert skipped(repository) == {}
    assert not evil.exists()


# Listing


def test_a_listing_is_the_tree_that_git_lists(repository: GitRepository) -> None:
    names = ["a b.py", 'quote".py', "tab\t.py", "line\nbreak.py", "ünï/日本.py", "-dash", "%41.py", "\\x41.py", "'"]
    repository.commit({name: f"text of {name}" for name in names})
    found = documents(repository)
    for name in names:
        assert found[name].text == f"text of {name}"
        assert found[name].path == name
    files = {each.id.encode(): each.version for each in found.values() if each.kind == "file"}
    assert files == repository.tree()


def test_a_path_that_is_not_utf_8_has_an_id_of_its_own(repository: GitRepository) -> None:
    raw = b"caf\xe9/\xff%.py"
    repository.commit({raw: "x = 1\n", "//bytes/caf%E9/%FF%25.py".lstrip("/"): "y = 2\n"})
    found = documents(repository)
    document = found["//bytes/caf%E9/%FF%25.py"]
    assert (document.text, document.language, document.title) == ("x = 1\n", "python", "\\xff%.py")
    assert document.url.endswith("/caf%E9/%FF%25.py")
    assert found["bytes/caf%E9/%FF%25.py"].text == "y = 2\n"


@given(st.binary(min_size=1).filter(lambda path: b"\0" not in path))
def test_every_path_has_an_id_that_leads_back_and_can_be_stored(path: bytes) -> None:
    assert file_path(file_id(path)) == path
    assert not file_id(path).startswith("//commit/")
    file_id(path).encode("utf-8")


def test_a_path_made_to_look_like_a_commit_is_a_file(repository: GitRepository) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", stdin=b"hello")
    tree = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin",
        stdin=b"100644 //commit/abc\0" + bytes.fromhex(blob) + b"100644 ../../x\0" + bytes.fromhex(blob))  # fmt: skip
    repository.git("update-ref", "HEAD", repository.git("commit-tree", tree, "-m", "forged"))
    found = documents(repository)
    assert found["//bytes///commit/abc"].text == "hello"
    assert found["../../x"].text == "hello"


def test_empty_files_are_documents(repository: GitRepository) -> None:
    repository.commit({"pkg/__init__.py": ""})
    document = documents(repository)["pkg/__init__.py"]
    assert (document.kind, document.text, document.skipped) == ("file", "", "")


def test_what_the_listing_skips_says_why_in_its_version(tmp_path: Path, repository: GitRepository) -> None:
    other = GitRepository(tmp_path / "other")
    other.commit({"a": "1"})
    (repository.path / "link").symlink_to("README.md")
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.path), "sub")
    repository.commit({"big": "x" * 101, "exact": "y" * 100})
    reasons = skipped(repository, max_file_bytes=100)
    assert reasons.pop(".gitmodules") == "larger than 100 bytes"
    assert reasons == {"link": "symlink", "sub": "submodule", "big": "larger than 100 bytes"}
    found = documents(repository, max_file_bytes=100)
    tree = repository.tree()
    assert found["big"].version == f"skip:larger than 100 bytes:{tree[b'big']}"
    assert found["sub"].version == f"skip:submodule:{other.head}"
    assert found["exact"].version == tree[b"exact"]


def test_a_skipped_file_is_not_read(repository: GitRepository) -> None:
    repository.commit({"big": "x" * 101})
    blob = repository.tree()[b"big"]
    one = source(repository.path.parent, repository.path, max_file_bytes=100)
    refs = list(one.scan("project", None).refs)
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert len(list(one.read("project", refs))) == len(refs)


def test_a_file_skipped_for_its_content_keeps_the_blob_as_version(repository: GitRepository) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    repository.commit({"a.png": b"\x89PNG\0", "b.bin": pointer})
    found = documents(repository)
    assert skipped(repository) == {"a.png": "binary", "b.bin": "git lfs pointer"}
    assert found["a.png"].version == repository.tree()[b"a.png"]


def test_a_changed_rule_is_a_changed_version(repository: GitRepository) -> None:
    repository.commit({"gen.py": "x", "other.py": "y"})
    before = {each.id: each.version for each in documents(repository).values()}
    repository.commit({".gitattributes": "gen.py linguist-generated\n"})
    after = {each.id: each.version for each in documents(repository).values()}
    assert after["gen.py"] == f"skip:linguist-generated:{before['gen.py']}"
    assert after["other.py"] == before["other.py"]


def test_linguist_attributes_count_as_git_reads_them(repository: GitRepository) -> None:
    repository.commit({
        ".gitattributes": "[attr]made linguist-generated\n*.gen made\nvendor/** linguist-vendored\n"
        "vendor/mine/** -linguist-vendored\n*.pb.go linguist-generated=true\n*.no linguist-generated=false\n",
        "deep/.gitattributes": "*.x linguist-generated\nkeep.gen !linguist-generated\n",
        "a.gen": "1", "vendor/v.c": "2", "vendor/mine/m.c": "3", "a.pb.go": "4", "a.no": "5",
        "deep/er/a.x": "6", "deep/keep.gen": "7", "a.x": "8", "vendor/ü\n.c": "9",
    })  # fmt: skip
    assert skipped(repository) == {
        "a.gen": "linguist-generated",
        "vendor/v.c": "linguist-vendored",
        "vendor/ü\n.c": "linguist-vendored",
        "a.pb.go": "linguist-generated",
        "deep/er/a.x": "linguist-generated",
    }


def test_the_ignore_file_is_read_as_git_reads_its_own_and_overrules_attributes(
    repository: GitRepository, caplog: pytest.LogCaptureFixture
) -> None:
    repository.commit({
        ".duettoignore": "# comment\n\n*.csv\n!keep.csv\n/data/\n!docs/generated/**\n\\!odd\n!\n",
        ".gitattributes": "*.html linguist-generated\n",
        "a.csv": "1", "deep/a.csv": "1", "keep.csv": "2", "data/x": "3", "deep/data/x": "4", "!odd": "5",
        "docs/generated/a.html": "6", "docs/b.html": "7", "deep/.duettoignore": "*\n", "deep/plain": "8",
    })  # fmt: skip
    with caplog.at_level(logging.WARNING):
        assert skipped(repository) == {
            "a.csv": "ignored by .duettoignore",
            "deep/a.csv": "ignored by .duettoignore",
            "data/x": "ignored by .duettoignore",
            "!odd": "ignored by .duettoignore",
            "docs/b.html": "linguist-generated",
        }


def test_the_blob_of_several_paths_is_read_for_each(repository: GitRepository) -> None:
    repository.commit({"a.py": "same\n", "b/c.py": "same\n"})
    found = documents(repository)
    assert found["a.py"].text == found["b/c.py"].text == "same\n"
    assert found["a.py"].version == found["b/c.py"].version


def test_more_files_are_read_than_a_pipe_holds(repository: GitRepository) -> None:
    repository.commit({f"many/{number}": f"{number}\n" * 2_000 for number in range(300)})
    found = documents(repository)
    assert all(found[f"many/{number}"].text == f"{number}\n" * 2_000 for number in range(300))


# Commits


def commits(repository: GitRepository, **options: Any) -> list[Document]:
    return [each for each in documents(repository, **options).values() if each.kind == "commit"]


def test_a_commit_is_a_document_with_its_message_author_and_files(repository: GitRepository) -> None:
    sha = repository.commit({"a.py": "1", "ü.py": "2"}, "OPS-7: fix\nthe start\n\nA body\nof two lines.\n")
    document = documents(repository)[f"//commit/{sha}"]
    assert document.title == "OPS-7: fix the start"
    assert document.text == "OPS-7: fix the start\n\nA body\nof two lines.\n\nFiles changed: 2\na.py\nü.py"
    assert (document.author, document.version, document.path) == ("Ann <ann@example.org>", sha, "")
    assert document.updated_at == datetime.fromtimestamp(1_760_000_120, UTC)


def test_a_merge_names_what_it_brought(repository: GitRepository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"side.py": "1"})
    repository.git("checkout", "-q", "main")
    repository.commit({"main.py": "1"})
    repository.git("merge", "-q", "--no-ff", "--no-commit", "side")
    repository.commit({}, "merge it")
    (merge,) = (each for each in commits(repository) if each.title == "merge it")
    assert merge.text == "merge it\n\nFiles changed: 1\nside.py"
    assert len(commits(repository)) == 4


def test_the_files_of_a_huge_commit_are_counted_and_the_first_named(repository: GitRepository) -> None:
    sha = repository.commit({f"f/{number:03}": "x" for number in range(130)}, "huge")
    lines = documents(repository)[f"//commit/{sha}"].text.split("\n")
    assert lines[2] == "Files changed: 130"
    assert lines[3:] == [f"f/{number:03}" for number in range(100)] + ["… and 30 more"]


def test_hostile_messages_are_read_whole(repository: GitRepository) -> None:
    latin = "Größe".encode("latin-1")
    parent = repository.head
    repository.git("config", "i18n.commitEncoding", "ISO-8859-1")
    second = repository.commit({}, latin)
    raw = repository.git("cat-file", "commit", "HEAD").partition("\nencoding ")[0]
    command = "hash-object -t commit -w --literally --stdin"
    first = repository.git(*command.split(), stdin=raw.replace(parent, second).encode() + b"\n\n" + latin)
    repository.git("reset", "-q", "--soft", first)
    third = repository.commit({}, "")
    fourth = repository.commit({}, "\n:100644 100644 0000 0000 M\n\n\n</script>'\"\x01\x1b %x00 commit abc")
    found = documents(repository)
    assert found[f"//commit/{first}"].title == "Gr\ufffd\ufffde"
    assert found[f"//commit/{second}"].title == "Größe"
    assert found[f"//commit/{third}"].title == ""
    assert "</script>'\"\x01\x1b %x00 commit abc" in found[f"//commit/{fourth}"].text


def test_commits_older_than_the_months_before_the_head_are_none(repository: GitRepository) -> None:
    day = 86_400
    start = 1_800_000_000
    repository.commit({"a": "1"}, "old", at=start - 40 * day)
    repository.commit({"a": "2"}, "misdated", at=start - 4_000 * day)
    repository.commit({"a": "3"}, "behind the misdated", at=start - 20 * day)
    repository.commit({"a": "4"}, "head", at=start)
    assert {each.title for each in commits(repository, commit_months=1)} == {"head", "behind the misdated"}
    assert {each.title for each in commits(repository, commit_months=2)} == {"head", "behind the misdated", "old"}
    assert commits(repository, commit_months=0) == []


def test_a_message_over_the_limit_is_skipped(repository: GitRepository) -> None:
    sha = repository.commit({}, "x" * 200)
    document = documents(repository, max_file_bytes=100)[f"//commit/{sha}"]
    assert (document.kind, document.text, document.skipped) == ("skipped", "", "larger than 100 bytes")


def test_a_shallow_clone_is_listed_as_far_as_it_goes(tmp_path: Path, repository: GitRepository) -> None:
    for number in range(5):
        repository.commit({"a": str(number)})
    repository.git("clone", "-q", "--depth", "2", repository.path.as_uri(), str(tmp_path / "shallow"))
    one = source(tmp_path, tmp_path / "shallow")
    refs = list(one.scan("shallow", None).refs)
    assert sorted(each.kind for each in one.read("shallow", refs)) == ["commit", "commit", "file", "file"]


# The organisation


class Organisation:
    """The organisation `acme` and what is pushed to it."""

    def __init__(self, folder: Path, github: FakeGitHub) -> None:
        self.folder = folder
        self.github = github

    def add(self, name: str, **fields: Any) -> GitRepository:
        remote = self.github.path(self.github.add(name, **fields))
        made = GitRepository(self.folder / "work" / name, remote)
        made.commit({"a.py": f"{name}\n"})
        return made

    def source(self, *repositories: str) -> ReposSource:
        client = GitHub("acme", "made-up", base_url=self.github.url)
        return source(self.folder, *repositories, github=client, token="made-up")


@pytest.fixture
def acme(tmp_path: Path, github: FakeGitHub) -> Organisation:
    return Organisation(tmp_path, github)


def test_heads_of_an_organisation_cost_one_call(acme: Organisation) -> None:
    made = {f"acme/r{number}": acme.add(f"r{number}").head for number in range(3)}
    one = acme.source()
    assert one.heads() == made
    assert one.calls == len(acme.github.requests) == 1


def test_a_failed_listing_raises(acme: Organisation, repository: GitRepository) -> None:
    acme.github.token = "another"
    with pytest.raises(GiveUp):
        acme.source(str(repository.path)).heads()


def test_a_partition_is_found_in_a_new_process_without_listing_all(acme: Organisation) -> None:
    made = acme.add("one")
    one = acme.source()
    assert one.scan("acme/one", None).head == made.head
    assert len(acme.github.of("graphql")) == 1
    assert b"query Repository(" in acme.github.requests[0].body


def test_a_repository_found_twice_is_one_partition(acme: Organisation) -> None:
    made = acme.add("one")
    one = acme.source(f"{acme.github.url}/acme/one.git", f"{acme.github.url}/ACME/One")
    assert one.heads() == {"acme/one": made.head}
    assert one.calls == 1


def test_a_renamed_repository_keeps_its_clone(acme: Organisation) -> None:
    acme.add("before")
    one = acme.source()
    one.heads()
    list(one.scan("acme/before", None).refs)
    posts = len([each for each in acme.github.of("git") if each.method == "POST"])
    acme.github.rename("before", "after")
    two = acme.source()
    assert list(two.heads()) == ["acme/after"]
    assert {ref.id for ref in two.scan("acme/after", None).refs} >= {"a.py"}
    assert len([each for each in acme.github.of("git") if each.method == "POST"]) == posts


def test_links_of_an_organisation_lead_to_its_github(acme: Organisation) -> None:
    acme.add("one")
    one = acme.source()
    refs = list(one.scan("acme/one", None).refs)
    urls = {each.kind: each.url for each in one.read("acme/one", refs)}
    assert urls["file"] == f"{acme.github.url}/acme/one/blob/HEAD/a.py"
    assert urls["commit"].startswith(f"{acme.github.url}/acme/one/commit/")


def test_empty_disabled_and_headless_repositories_are_told_apart(acme: Organisation) -> None:
    acme.github.add("empty")
    acme.add("disabled", disabled=True)
    headless = acme.github.path(acme.github.repositories[acme.add("headless") and "acme/headless"])
    subprocess.run(["git", f"--git-dir={headless}", "symbolic-ref", "HEAD", "refs/heads/none"], check=True)
    heads = acme.source().heads()
    assert heads["acme/empty"] == "empty"
    assert isinstance(heads["acme/disabled"], GiveUp)
    assert isinstance(heads["acme/headless"], GiveUp)
    with pytest.raises(SourceError):
        acme.source().scan("acme/disabled", None)


def test_another_host_s_repository_does_not_take_the_organisations_key(acme: Organisation) -> None:
    made = acme.add("one")
    heads = acme.source("https://127.0.0.2:9/acme/one").heads()
    assert heads["acme/one"] == made.head
    assert isinstance(heads["127.0.0.2:9/acme/one"], SourceError)
