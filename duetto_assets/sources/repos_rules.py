"""Which files of a repository are not indexed, decided from the listing alone: nothing else is read of them.

Nothing is left out by default but what cannot be text of this repository: links, submodules, files over the limit.
The repository's own `.gitattributes` and `.duettoignore` say the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pathspec import GitIgnoreSpec

from duetto_assets.sources.git_objects import SUBMODULE, SYMLINK, Entry, Objects

IGNORE_FILE = b".duettoignore"
_ATTRIBUTES = ("linguist-generated", "linguist-vendored")

log = logging.getLogger(__name__)


class Rules:
    """The rules of one commit."""

    def __init__(self, objects: Objects, entries: Sequence[Entry], max_file_bytes: int) -> None:
        self._max_file_bytes = max_file_bytes
        self._ignored = _ignore_file(objects, entries, max_file_bytes)
        self._marked = _marked(objects, entries)

    def why_not(self, entry: Entry) -> str:
        """Return why a file is not indexed, in words that can be counted; "" if it is."""
        if entry.mode == SYMLINK:
            return "symlink"
        if entry.mode == SUBMODULE:
            return "submodule"
        ignored = self._ignored.check_file(entry.path.decode("utf-8", "surrogateescape")).include
        if ignored:
            return "ignored by .duettoignore"
        if entry.size > self._max_file_bytes:
            return f"larger than {self._max_file_bytes} bytes"
        if ignored is False:  # by a pattern with `!`, which overrules the attributes
            return ""
        return self._marked.get(entry.path, "")


def _ignore_file(objects: Objects, entries: Sequence[Entry], max_bytes: int) -> GitIgnoreSpec:
    found = [entry for entry in entries if entry.path == IGNORE_FILE and _is_text_file(entry, max_bytes)]
    patterns: list[str] = []
    for _, data in objects.blobs(entry.sha for entry in found):
        for line in data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n"):
            try:
                GitIgnoreSpec.from_lines([line])
            except ValueError:  # git ignores such a line too
                log.warning(".duettoignore: %r is no pattern", line)
            else:
                patterns.append(line)
    return GitIgnoreSpec.from_lines(patterns)


def _marked(objects: Objects, entries: Sequence[Entry]) -> dict[bytes, str]:
    """Return the paths that `.gitattributes` marks, with the mark. git itself is asked only where one speaks of it."""
    sources = [
        entry
        for entry in entries
        if entry.path.rpartition(b"/")[2] == b".gitattributes" and _is_text_file(entry, 1_000_000)
    ]
    if not any(b"linguist-" in data for _, data in objects.blobs(entry.sha for entry in sources)):
        return {}
    paths = [entry.path for entry in entries]
    marks: dict[bytes, str] = {}
    for path, name, value in objects.attributes(sources, paths, _ATTRIBUTES):
        if value in (b"set", b"true"):
            marks.setdefault(path, name)
    return marks


def _is_text_file(entry: Entry, max_bytes: int) -> bool:
    return entry.mode not in (SYMLINK, SUBMODULE) and entry.size <= max_bytes
