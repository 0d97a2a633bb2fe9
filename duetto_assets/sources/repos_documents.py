"""What the documents of a repository are: the ids and versions of its listing, and the reading of them.

Ids. A file's id is its path. Two kinds of id begin with `//`, which no path does: `//commit/<sha>`, and
`//bytes/<path>` with every byte that is not plain ASCII as `%XX`, for a path that is not UTF-8.

Versions. The blob's SHA for a file, the commit's for a commit. `skip:<reason>:<sha>` for a file that the listing
already shows is not indexed, so that a changed rule is a changed version; such a file's content is never read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from duetto_assets.model import Document, Fact
from duetto_assets.sources.base import Ref
from duetto_assets.sources.git_addresses import Address, commit_link, file_link
from duetto_assets.sources.git_objects import Commit, Objects
from duetto_assets.sources.languages import language_of
from duetto_assets.sources.repos_rules import Rules
from duetto_assets.sources.text import decode

SOURCE: Final = "repos"
_COMMIT = "//commit/"
_BYTES = "//bytes/"
_SKIP = "skip:"
FILES_NAMED: Final = 100
"""A commit's text names so many of its files at most."""
FILES_CHANGED: Final = "Files changed: "
"""Begins the last part of a commit's text, which git knows and no author wrote."""
_CO_AUTHORS = re.compile(r"^co-authored-by:[ \t]*([^<>\n]{0,200}<[^<>\n]{1,200}>)", re.IGNORECASE | re.MULTILINE)
_MONTH_S = 2_629_746  # a year's twelfth


def file_id(path: bytes) -> str:
    """Return the id of a path."""
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    return text if text and not text.startswith("//") else _BYTES + quote(path, safe="/")


def file_path(doc_id: str) -> bytes:
    """Return the path of an id."""
    return unquote_to_bytes(doc_id.removeprefix(_BYTES)) if doc_id.startswith(_BYTES) else doc_id.encode()


def listing(objects: Objects, head: str, *, max_file_bytes: int, commit_months: int) -> list[Ref]:
    """Return a ref of every file of a commit, and of every commit not older than that by some months.

    The months end at the date of `head`, not today: one head always has one listing.
    """
    entries = objects.tree(head)
    rules = Rules(objects, entries, max_file_bytes)
    refs = {}  # a tree that was written by hand may hold a path twice
    for entry in entries:
        reason = rules.why_not(entry)
        version = f"{_SKIP}{reason}:{entry.sha}" if reason else entry.sha
        refs[entry.path] = Ref(file_id(entry.path), version)
    listed = list(refs.values())
    if commit_months > 0:
        listed += [Ref(f"{_COMMIT}{sha}", sha) for sha in objects.recent(head, commit_months * _MONTH_S)]
    return listed


class Reader:
    """Reads documents of one repository."""

    def __init__(self, objects: Objects, partition: str, address: Address, max_file_bytes: int) -> None:
        self._objects = objects
        self._partition = partition
        self._address = address
        self._max_file_bytes = max_file_bytes

    def documents(self, refs: Sequence[Ref]) -> Iterator[Document]:
        """Yield a document for each ref. A blob that lies at several paths is read once."""
        commits: list[str] = []
        blobs: defaultdict[str, list[Ref]] = defaultdict(list)
        for ref in refs:
            if ref.id.startswith(_COMMIT):
                commits.append(ref.version)
            elif ref.version.startswith(_SKIP):
                yield self._file(ref, skipped=ref.version.removeprefix(_SKIP).rpartition(":")[0])
            else:
                blobs[ref.version].append(ref)
        for sha, data in self._objects.blobs(blobs):
            text, skipped = decode(data)
            for ref in blobs[sha]:
                yield self._file(ref, text, skipped)
        for commit in self._objects.commits(commits):
            yield self._commit(commit)

    def _file(self, ref: Ref, text: str = "", skipped: str = "") -> Document:
        raw = file_path(ref.id)
        path = raw.decode("utf-8", "backslashreplace")
        return Document(
            source=SOURCE,
            partition=self._partition,
            id=ref.id,
            version=ref.version,
            kind="skipped" if skipped else "file",
            title=path.rpartition("/")[2],
            text=text,
            path=path,
            url=file_link(self._address, raw),
            language=language_of(path, text[:200].partition("\n")[0]),
            skipped=skipped,
        )

    def _commit(self, commit: Commit) -> Document:
        paths = [path.decode("utf-8", "backslashreplace") for path in commit.paths]
        names = paths[:FILES_NAMED]
        if commit.changed > len(names):
            names.append(f"… and {commit.changed - len(names)} more")
        files = "\n".join([f"{FILES_CHANGED}{commit.changed}", *names])
        text = "\n\n".join(part for part in (commit.subject, commit.body, files) if part)
        too_long = len(text) > self._max_file_bytes
        return Document(
            source=SOURCE,
            partition=self._partition,
            id=f"{_COMMIT}{commit.sha}",
            version=commit.sha,
            kind="skipped" if too_long else "commit",
            title=commit.subject[:1_000],
            text="" if too_long else text,
            url=commit_link(self._address, commit.sha),
            author=commit.author,
            updated_at=commit.committed_at,
            skipped=f"larger than {self._max_file_bytes} bytes" if too_long else "",
            facts=(*_authors(commit), *(Fact("modifies", "file", path) for path in paths)),
        )


def _authors(commit: Commit) -> Iterator[Fact]:
    """Yield who wrote a commit: its author, and those whom its last lines name."""
    for said in (commit.author, *_CO_AUTHORS.findall(commit.body)):
        name, _, mail = said.rpartition("<")
        if address := mail.rstrip("> \r").strip().casefold():
            yield Fact("authored_by", "person", f"email:{address}", name.strip())
