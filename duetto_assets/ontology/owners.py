"""CODEOWNERS: who owns which files, by GitHub's rules. Whether an owner exists is not known here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

CODEOWNERS_PATHS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where it may lie: the first that is there counts, and no other."""

_MAX_LINE = 10_000
_TOKEN = re.compile(r"(?:\\.|[^\s\\])+")
_OWNER = re.compile(r"@[\w.-]+(?:/[\w.-]+)?|[^\s@]+@[\w.-]+")
_NONE = -1  # no rule matches
_MIXED = -2  # files of a directory have different rules


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: these owners own what the pattern matches. Without owners, nobody does."""

    pattern: str
    owners: tuple[str, ...]  # "@user", "@org/team", an e-mail address
    line: int  # 1-based


@dataclass(frozen=True, slots=True)
class Owned:
    """A file, or a directory with all that is below it, and one of its owners."""

    path: str  # "" is the repository's root
    is_directory: bool
    owner: str
    line: int  # of the rule


def rules(text: str) -> list[Rule]:
    """Return the rules in order. A line that GitHub would call invalid is left out, as GitHub does."""
    numbered = enumerate(text.split("\n"), 1)
    found = (_rule(line.strip(), number) for number, line in numbered if len(line) <= _MAX_LINE)
    return [rule for rule in found if rule is not None]


def _rule(line: str, number: int) -> Rule | None:
    words: list[str] = []
    for word in _TOKEN.findall(line):
        if word.startswith("#"):
            break
        words.append(word)
    # What gitignore knows and CODEOWNERS does not: negation, and ranges of characters.
    if not words or words[0].startswith(("!", "\\#")) or set(words[0]) & set("[]"):
        return None
    pattern, *owners = words
    return Rule(pattern, tuple(owners), number) if all(_OWNER.fullmatch(owner) for owner in owners) else None


def owned(rules: Sequence[Rule], paths: Iterable[str]) -> Iterator[Owned]:
    """Yield who owns what, in the order of paths. A directory stands for its files where one rule has them all.

    :param paths: All files of the repository.
    """
    files = sorted(set(paths))
    matched = _last_matches(rules, files)
    folders = _folders(files, matched)
    told: set[str] = set()
    for path, index in zip(files, matched, strict=True):
        if index == _NONE:
            continue
        folder = next((folder for folder in _ways_down(path) if folders[folder] == index), None)
        if folder is not None and folder in told:
            continue
        if folder is not None:
            told.add(folder)
        for owner in dict.fromkeys(rules[index].owners):
            yield Owned(path if folder is None else folder, folder is not None, owner, rules[index].line)


def _last_matches(rules: Sequence[Rule], files: Sequence[str]) -> list[int]:
    """Return the index of each file's last matching rule."""
    # By RE2, whose time is linear in the text for any pattern: `*a*a*a*a*` would keep Python's own busy for hours.
    texts = pa.array([path.encode("utf-8", "replace").decode() for path in files], pa.string())
    open_files = np.arange(len(files))
    found = np.full(len(files), _NONE)
    for index in range(len(rules) - 1, -1, -1):
        matches = _matches(rules[index].pattern, texts)
        found[open_files[matches]] = index
        open_files, texts = open_files[~matches], texts.filter(pa.array(~matches))
    return [int(index) for index in found]


def _matches(pattern: str, texts: pa.Array) -> np.ndarray:
    matches = _search(pattern, texts)
    if pattern.endswith("/*") and not pattern.endswith("**/*"):  # GitHub: only files that lie there, no deeper
        matches &= ~_search(f"{pattern}/", texts)
    return matches


def _search(pattern: str, texts: pa.Array) -> np.ndarray:
    try:
        regex, _ = GitIgnoreSpecPattern.pattern_to_regex(pattern)
        found = pc.match_substring_regex(texts, regex) if regex is not None else None
    except (GitIgnorePatternError, pa.ArrowInvalid):  # it matches nothing, or is too large
        found = None
    return np.zeros(len(texts), bool) if found is None else found.to_numpy(zero_copy_only=False)


def _folders(files: Sequence[str], matched: Sequence[int]) -> dict[str, int]:
    """Return the rule that all files below a directory have; `_MIXED` if there are several."""
    folders: dict[str, int] = {}
    for path, index in zip(files, matched, strict=True):
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            before = folders.get(folder)
            if before in (index, _MIXED):  # and so it is with all that are above it
                break
            folders[folder] = index if before is None else _MIXED
    return folders


def _ways_down(path: str) -> Iterator[str]:
    """Yield the directories that a file lies in, from the root down."""
    yield ""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
