"""CODEOWNERS: GitHub's own examples, and that compressing loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.ontology.owners import CODEOWNERS_PATHS, Owned, Rule, owned, rules


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("* @global-owner1 @org/team", Rule("*", ("@global-owner1", "@org/team"), 1)),
        ("*.go docs@example.com # why", Rule("*.go", ("docs@example.com",), 1)),
        ("/apps/github", Rule("/apps/github", (), 1)),
        ("my\\ docs/ @a", Rule("my\\ docs/", ("@a",), 1)),
        ("# comment", None),
        ("", None),
        ("!x @a", None),
        ("\\#x @a", None),
        ("[ab].py @a", None),
        ("[Section]", None),
        ("x nobody", None),
        ("x @a @", None),
        ("x" * 20_000 + " @a", None),
    ],
)
def test_a_line_is_a_rule_or_nothing(line, expected):
    assert rules(line) == ([expected] if expected else [])


def test_a_rule_knows_its_line():
    assert [rule.line for rule in rules("# x\r\n* @a\r\n\r\n/b @c\r\n")] == [2, 4]


def who(text, paths):
    """Return the line that owns each path, by the records that stand for it."""
    records = list(owned(rules(text), paths))
    found = {}
    for path in paths:
        above = [one for one in records if one.path == path or (one.is_directory and under(path, one.path))]
        assert len({(one.path, one.line) for one in above}) <= 1, "two records stand for one file"
        found[path] = above[0].line if above else 0
    return found


def under(path, folder):
    return not folder or path.startswith(f"{folder}/")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ["a", "a/b"], []),
        ("*.js", ["a.js", "x/y/a.js"], ["a.jsx"]),
        ("/build/logs/", ["build/logs/a", "build/logs/b/c"], ["x/build/logs/a", "build/logs"]),
        ("docs/*", ["docs/a.md"], ["docs/build/a.md", "x/docs/a.md"]),
        ("/*", ["a"], ["b/a"]),
        ("apps/", ["apps/a", "x/apps/a/b"], ["apps"]),
        ("/docs/", ["docs/a"], ["x/docs/a"]),
        ("/scripts", ["scripts", "scripts/a"], ["x/scripts", "scripts2"]),
        ("**/logs", ["logs", "build/logs/a", "a/b/logs"], ["log"]),
        ("a/**/z", ["a/z", "a/b/c/z/d"], ["b/z"]),
        ("a/**/*", ["a/b", "a/b/c"], ["a", "b/a"]),
        ("a/**", ["a/b", "a/b/c"], ["a"]),
        ("my\\ docs/a", ["my docs/a"], ["my/docs/a"]),
        ("docs/*/x", ["docs/a/x", "docs/a/x/y"], ["docs/x", "docs/a/b/x"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("é.py", ["é.py"], ["e.py"]),
        ("A", ["A"], ["a"]),
    ],
)
def test_a_pattern_matches_as_at_github(pattern, yes, no):
    # One path at a time, for a directory of one file stands for the file.
    assert {path: who(f"{pattern} @a", [path])[path] for path in yes + no} == dict.fromkeys(yes, 1) | dict.fromkeys(
        no, 0
    )


def test_the_last_matching_rule_wins_and_one_without_owners_frees():
    text = "* @all\n/apps/ @octocat\n/apps/github\n/apps/github/x @x"
    files = ["a", "apps/b", "apps/github/c", "apps/github/x"]
    assert who(text, files) == {"a": 1, "apps/b": 2, "apps/github/c": 0, "apps/github/x": 4}


def test_a_directory_stands_for_its_files_where_one_rule_has_them_all():
    text = "* @a\n/x/y/ @b b@c.d"
    files = ["one", "x/y/1", "x/y/z/2", "w/1", "w/v/2"]
    assert list(owned(rules(text), files)) == [
        Owned("one", False, "@a", 1),
        Owned("w", True, "@a", 1),
        Owned("x", True, "@b", 2),
        Owned("x", True, "b@c.d", 2),
    ]
    assert list(owned(rules("* @a"), files)) == [Owned("", True, "@a", 1)]


def test_a_file_that_nobody_owns_is_not_covered_by_its_directory():
    assert list(owned(rules("*.py @a"), ["x/a.py", "x/b.txt", "y/c.py"])) == [
        Owned("x/a.py", False, "@a", 1),
        Owned("y", True, "@a", 1),
    ]


def test_without_rules_or_files_nothing_is_owned():
    assert list(owned([], ["a"])) == list(owned(rules("* @a"), [])) == []


FOLDERS = st.lists(st.sampled_from(["a", "b", "d"]), max_size=3)
PATHS = st.tuples(FOLDERS, st.sampled_from(["c.py", "e"])).map(lambda path: "/".join((*path[0], path[1])))
PATTERNS = st.sampled_from(["*", "*.py", "/a/", "a", "a/*", "b/**", "/a/b/d", "**/d", "a/**/d", "/*", "e"])


@given(st.lists(PATTERNS, max_size=6), st.lists(PATHS, unique=True, max_size=20))
def test_compressed_ownership_is_each_file_s_own(patterns, paths):
    text = "\n".join(f"{pattern} {'' if index == 2 else '@o'}" for index, pattern in enumerate(patterns))
    alone = {path: who(text, [path])[path] for path in paths}
    assert who(text, paths) == alone


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/" + "*a" * 400 + "b @a\n", ["a" * 4000] * 5),
        ("**/a" * 300 + " @a", ["a/" * 2000 + "b"]),
        ("* @a", ["a/" * 5000 + "b", "\udcff", "\0", ""]),
        ("/ @a\n// @a\n** @a\n\\ @a\n\\", ["a"]),
        ("\0" * 100 + " @a\n" + "@" * 9000, ["\0"]),
    ],
)
def test_hostile_rules_and_paths_raise_nothing(text, paths):
    list(owned(rules(text), paths))


def test_where_codeowners_lie():
    assert CODEOWNERS_PATHS == (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
