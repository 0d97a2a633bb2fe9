"""What the source `repos` says of a commit beyond its text: who wrote it, and what it changed."""

from __future__ import annotations

import pytest

from duetto_assets.model import Document, Fact
from duetto_assets.sources import git_objects
from duetto_assets.sources.repos import ReposSource
from duetto_assets_tests.sources.repositories import GitRepository


def read(repository: GitRepository) -> dict[str, Document]:
    """Return all documents, the commits by their subject."""
    source = ReposSource(clones_path=repository.path.parent / "clones", repositories=[str(repository.path)])
    refs = list(source.scan("project", None).refs)
    return {each.title if each.kind == "commit" else each.id: each for each in source.read("project", refs)}


def said(repository: GitRepository, relation: str, subject: str = "head") -> list[tuple[str, str]]:
    return [(fact.target, fact.name) for fact in read(repository)[subject].facts if fact.relation == relation]


def author(name: str, mail: str) -> dict[str, str]:
    return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail}


@pytest.mark.parametrize(
    ("name", "mail", "body", "expected"),
    [
        ("Ann Lee", "Ann@Example.org", "", [("email:ann@example.org", "Ann Lee")]),
        ("Größe ü", "ü@example.org", "", [("email:ü@example.org", "Größe ü")]),
        ("Ann", "a", "Co-authored-by: Ben <BEN@x.org>", [("email:a", "Ann"), ("email:ben@x.org", "Ben")]),
        ("Ann", "a", "words\n\nco-AUTHORED-by:Ben Roy<b@x.org>\r", [("email:a", "Ann"), ("email:b@x.org", "Ben Roy")]),
        (
            "Ann",
            "a",
            "Co-authored-by: B <b@x>\nCo-authored-by: C <c@x>\nReviewed-by: D <d@x>",
            [("email:a", "Ann"), ("email:b@x", "B"), ("email:c@x", "C")],
        ),
        ("Ann", "a", "says Co-authored-by: B <b@x>", [("email:a", "Ann")]),
        ("Ann", "a", "Co-authored-by: B b@x\nCo-authored-by: <>\nCo-authored-by: C < >", [("email:a", "Ann")]),
        ("Ann", "a", "Co-authored-by: " + "x" * 300 + " <b@x>", [("email:a", "Ann")]),
    ],
)
def test_a_commit_is_authored_by_whom_git_and_its_last_lines_name(
    repository: GitRepository, name: str, mail: str, body: str, expected: list[tuple[str, str]]
) -> None:
    repository.commit({"a": "1"}, f"head\n\n{body}", **author(name, mail))
    assert said(repository, "authored_by") == expected


def test_a_commit_without_an_address_has_no_author(repository: GitRepository) -> None:
    repository.commit({"a": "1"}, "head", **author("Ann", ""))
    assert said(repository, "authored_by") == []


def test_a_commit_modifies_all_files_that_it_changed(repository: GitRepository) -> None:
    repository.commit({"old.py": "x = 1\n" * 20, "gone.py": "y = 2\n"})
    repository.git("mv", "old.py", "new.py")
    repository.commit({"gone.py": None, "src/a b ü.py": "1", "SRE-1.md": "1"}, "head")
    truth = repository.git("-c", "core.quotePath=false", "show", "--no-renames", "--name-only", "--format=", "HEAD")
    assert sorted(path for path, _ in said(repository, "modifies")) == sorted(truth.splitlines())
    assert ("gone.py", "") in said(repository, "modifies")


def test_more_files_are_facts_than_are_text(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit({f"f{number:03}": "1" for number in range(250)}, "head")
    assert len(said(repository, "modifies")) == 250
    text = read(repository)["head"].text
    assert "f099" in text
    assert "f100" not in text
    assert "… and 150 more" in text
    monkeypatch.setattr(git_objects, "FILES_KEPT", 40)
    assert len(said(repository, "modifies")) == 40
    assert "Files changed: 250" in read(repository)["head"].text
    assert "… and 210 more" in read(repository)["head"].text


def test_the_facts_name_a_path_as_its_file_does(repository: GitRepository) -> None:
    repository.commit({b"bytes\xff.txt": "1", "line\nbreak": "1"}, "head")
    documents = read(repository)
    paths = {each.path for each in documents.values() if each.kind == "file"}
    assert {path for path, _ in said(repository, "modifies")} <= paths


def test_a_file_has_no_facts(repository: GitRepository) -> None:
    assert read(repository)["README.md"].facts == ()


def test_facts_change_what_is_extracted_and_not_what_is_chunked() -> None:
    plain = Document("repos", "p", "a", "v", "commit", "t", "text")
    fields = {name: getattr(plain, name) for name in Document.__slots__}
    told = Document(**fields | {"facts": (Fact("modifies", "file", "a"),)})
    assert told.content_hash == plain.content_hash
    assert told.extract_hash != plain.extract_hash
    moved = [Fact("modifies", "file", "a", "b"), Fact("modifies", "file", "a", "", "b"), Fact("modifies", "file", "ab")]
    assert len({Document(**fields | {"facts": (fact,)}).extract_hash for fact in moved}) == len(moved)
