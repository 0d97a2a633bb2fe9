"""What one document says."""

from __future__ import annotations

import json
import os
import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.model import Document, Fact, Relation
from duetto_assets.ontology.code.facts import Definition, Facts
from duetto_assets.ontology.documents import Said, module_name, said_by
from duetto_assets.ontology.repository import extract
from duetto_assets.sources.jira_documents import document_of
from duetto_assets.stages.entities import _relation_rows
from duetto_assets_tests.ontology.organisations import API, commit, file, issue, page
from duetto_assets_tests.sources.contract import HOSTILE_TEXTS
from duetto_assets_tests.sources.markup.reading import SHARED
from duetto_assets_tests.sources.repositories import GitRepository
from duetto_assets_tests.stages.crashing import world_of
from duetto_assets_tests.stages.worlds import rows


def said(document: Document) -> Said:
    return said_by(document, extract(document).code())


def named(document: Document, kind: str, relation: str = "mentions") -> list[str]:
    """Return the targets of a document's relations, in order."""
    return [
        each.target
        for each in said(document).relations
        if each.type == relation and kind in (each.target_kind, each.object_type)
    ]


def same(document: Document) -> set[tuple[str, str]]:
    """Return which keys a document says to be one person's."""
    return {(each.subject, each.object) for each in said(document).relations if each.type == "same_as"}


# Whatever a document holds

_TEXT = st.text(max_size=60) | st.sampled_from([data[:500].decode("latin-1") for data in HOSTILE_TEXTS.values()])
_PROSE = st.lists(
    st.sampled_from(
        ["SRE-1", "UTF-8", "[x](../a.md)", "[y](/docs/)", "<https://acme.example/browse/SRE-2>", "`run()`", "`a/b.py`",
         "@ann", "ann@example.org", "0123abc4", "acme/api", "`Foo.bar`", "https://github.com/a/b/blob/m/c.py", "\n\n"]
    ) | _TEXT,
    max_size=12,
).map(" ".join)  # fmt: skip
_CODE = st.sampled_from(
    [
        "class A:\n    def a(self): pass\n\ndef A(): pass\n\nclass A(A): pass\n",
        "from . import x\nimport a.b as c\n\nc.d()\nclass E(c.F, *g): pass\n",
        "package a\nimport \"github.com/acme/api\"\nfunc (t T) run() { run() }\n",
        "class A extends A {}\nfunction A() {}\nnew A()\nimport './'\nimport '.'\nexport * from '..'\n",
        "interface A extends B {}\nclass B implements A, B {}\nenum A {}\n",
        "trait A: B {}\nstruct B;\nimpl A for B {}\nimpl B for A {}\nuse crate::A;\nmod a;\n",
    ]
)  # fmt: skip
_TARGETS = st.sampled_from(["SRE-1", "sre-1", "", "1", "email:ann@example.org", "email:root@localhost", "account:x"])
_FACTS = st.lists(
    st.one_of(
        st.builds(
            Fact,
            st.sampled_from(["blocks", "blocked_by", "relates_to", "related_from", "clones", "duplicated_by"]),
            st.just("issue"), _TARGETS | _TEXT, _TEXT, _TEXT,
        ),
        st.builds(Fact, st.sampled_from(["authored_by", "commented_on_by"]), st.just("person"), _TARGETS | _TEXT),
        st.builds(Fact, st.just("labelled"), st.just("label"), _TEXT),
        st.builds(Fact, st.just("links_to"), st.just("url"), _TEXT | st.just("https://x.example/a"), _TEXT, _TEXT),
        st.builds(Fact, st.just("same_as"), st.just("person"), _TARGETS, _TEXT, st.just(""), _TARGETS.filter(bool)),
    ),
    max_size=5,
)  # fmt: skip
_PATHS = st.sampled_from(
    ["a.py", "src/pkg/__init__.py", "__init__.py", "a.go", "a.ts", "A.java", "a.rs", "README.md", "docs/a.rst",
     ".mailmap", "CODEOWNERS", "pyproject.toml", "package.json", "go.mod", "pom.xml", "requirements.txt",
     "strange\n\0name.py", "x"]
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Make a document of any kind, with text that its kind is not used to."""
    text = draw(_PROSE | _CODE)
    kind = draw(st.sampled_from(["file", "skipped", "commit", "issue", "page"]))
    if kind == "commit":
        made = commit("abc", text, draw(st.lists(_PATHS, max_size=3)))
        others = st.lists(st.builds(Fact, st.just("authored_by"), st.just("person"), _TARGETS, _TEXT), max_size=2)
        return Document(**{**_fields(made), "facts": (*made.facts, *draw(others))})
    if kind == "issue":
        return issue("SRE-1", text, *draw(_FACTS), title=draw(_TEXT))
    if kind == "page":
        facts = [fact for fact in draw(_FACTS) if fact.kind != "issue"]
        return page("1", draw(_TEXT), text, *facts, Fact("child_of", "page", draw(_TEXT)))
    more: dict[str, Any] = {"kind": kind, "skipped": "too large"} if kind == "skipped" else {}
    return file(
        draw(_PATHS), "" if more else text, host=draw(st.sampled_from(["https://github.com", "file://"])), **more
    )


def _fields(document: Document) -> dict[str, Any]:
    return {name: getattr(document, name) for name in Document.__slots__}


@given(documents())
def test_any_document_says_only_what_the_ontology_allows_and_says_it_again(document: Document) -> None:
    once, again = said(document), said(document)
    made = _relation_rows({}, document.key, once.relations, linked=False)  # raises what is not allowed
    assert made == _relation_rows({}, document.key, again.relations, linked=False)
    assert list(once.entities.values()) == list(again.entities.values())
    assert len({row["id"] for row in made}) == len(made)


@given(documents())
def test_the_subject_of_every_relation_is_an_entity_that_the_document_speaks_of(document: Document) -> None:
    found = said(document)
    inverse = {each.subject for each in found.relations if each.object in found.entities}
    assert {each.subject for each in found.relations} <= found.entities.keys() | inverse


# Files


def test_a_file_lies_in_its_directories_and_they_in_the_repository() -> None:
    found = said(file("src/deep/app.py", "x = 1\n"))
    assert [(each.subject, each.object) for each in found.relations if each.type == "contains"] == [
        (f"repos:{API}", f"repos:{API}:src/"),
        (f"repos:{API}:src/", f"repos:{API}:src/deep/"),
        (f"repos:{API}:src/deep/", f"repos:{API}:src/deep/app.py"),
    ]
    assert [each.name for each in found.entities.values()] == ["src/deep/app.py", API, "src/", "src/deep/"]


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://github.com/acme/api/blob/HEAD/src/commit/a.py", "https://github.com/acme/api"),
        ("https://gitlab.com/group/api/-/blob/HEAD/src/a.py", "https://gitlab.com/group/api"),
        ("https://bitbucket.org/acme/api/src/HEAD/src/a.py", "https://bitbucket.org/acme/api"),
        ("https://git.acme.example/api", "https://git.acme.example/api"),
        ("ssh://git.acme.example/api", ""),
        ("file:///srv/api/src/a.py", ""),
    ],
)
def test_a_repository_is_where_its_files_say(url: str, home: str) -> None:
    assert said(file("src/a.py", url=url)).entities[f"repos:{API}"].url == home


@pytest.mark.parametrize("middle", ["/commit/", "/-/commit/", "/commits/"])
def test_a_repository_is_where_its_commits_say(middle: str) -> None:
    made = Document(**{**_fields(commit("abc")), "url": f"https://git.acme.example/api{middle}abc"})
    assert said(made).entities[f"repos:{API}"].url == "https://git.acme.example/api"


def test_definitions_stand_in_what_they_are_defined_in_with_their_lines() -> None:
    found = said(
        file("src/pkg/app.py", "class Flask:\n    def route(self):\n        pass\n\n\ndef main():\n    pass\n")
    )
    key = f"repos:{API}:src/pkg/app.py"
    assert [(each.subject, each.object, each.line) for each in found.relations if each.type == "defines"] == [
        (key, f"{key}#Flask", 1),
        (f"{key}#Flask", f"{key}#Flask.route", 2),
        (key, f"{key}#main", 6),
    ]
    route = found.entities[f"{key}#Flask.route"]
    assert (route.type, route.name, route.qualified) == ("method", "Flask.route", "pkg.app.Flask.route")
    assert (route.line, route.end_line, route.path) == (2, 3, "src/pkg/app.py")
    assert route.url == f"https://github.com/{API}/blob/HEAD/src/pkg/app.py#L2-L3"


def test_what_a_file_defines_twice_is_one_symbol() -> None:
    facts = Facts("python", (Definition("a", "class", 1, 2), Definition("a", "function", 4, 5)))
    found = said_by(file("x.py"), facts)
    assert [(e.type, e.line) for e in found.entities.values() if e.key.endswith("#a")] == [("class", 1)]
    assert [(r.object_type, r.line) for r in found.relations if r.type == "defines"] == [("class", 1)]


@pytest.mark.parametrize(
    ("path", "language", "declared", "expected"),
    [
        ("src/pkg/app.py", "python", "", "pkg.app"),
        ("pkg/__init__.py", "python", "", "pkg"),
        ("__init__.py", "python", "", "__init__"),
        ("lib/src/a.py", "python", "", "a"),
        ("python/pkg/lib/x.py", "python", "", "x"),
        ("src.py", "python", "", "src"),
        ("src/Api.java", "java", "com.acme", "com.acme"),
        ("src/a.ts", "typescript", "", "src/a.ts"),
    ],
)
def test_a_module_is_named_as_code_imports_it(path: str, language: str, declared: str, expected: str) -> None:
    assert module_name(path, Facts(language, module=declared)) == expected


def test_a_manifest_speaks_for_the_repository_and_for_the_file() -> None:
    found = said(file("pyproject.toml", '[project]\nname = "Acme_API"\ndependencies = ["flask>=3"]\n'))
    edges = {(r.type, r.subject_type, r.object, r.target) for r in found.relations if r.object_type == "package"}
    assert edges == {
        ("produces", "repository", "package:pypi/acme-api", ""),
        ("produces", "file", "package:pypi/acme-api", ""),
        ("depends_on", "repository", "package:pypi/flask", ">=3"),
        ("depends_on", "file", "package:pypi/flask", ">=3"),
    }


def test_code_names_issues_and_addresses_and_prose_all_else_too() -> None:
    text = "# SRE-1 and `Flask.route`, https://acme.example/x, `src/a.py`\n"
    assert {r.target_kind or r.object_type for r in said(file("a.py", text)).relations if r.type == "mentions"} == {
        "issue",
        "url",
    }
    prose = {r.target_kind or r.object_type for r in said(file("a.md", text)).relations if r.type != "contains"}
    assert prose == {"issue", "symbol", "url", "path"}


@pytest.mark.parametrize(
    ("path", "link", "expected"),
    [
        ("README.md", "docs/guide.md", "docs/guide.md"),
        ("docs/a/b.md", "../../src/app.py#L3", "src/app.py"),
        ("docs/a/b.md", "./c.md", "docs/a/c.md"),
        ("docs/a/b.md", "c.md?plain=1", "docs/a/c.md"),
        ("docs/a/b.md", "/src/app.py", "src/app.py"),
        ("docs/a/b.md", "..", "docs"),
        ("docs/a/b.md", "../img/", "docs/img"),
        ("docs/a/b.md", "my%20file.md", "docs/a/my file.md"),
        ("docs/b.md", "../../elsewhere.md", "../elsewhere.md"),
    ],
)
def test_a_hyperlink_of_a_file_leads_from_its_own_folder(path: str, link: str, expected: str) -> None:
    assert named(file(path, f"See [this]({link}).\n"), "link", "links_to") == [expected]


def test_a_hyperlink_of_a_page_is_no_path_of_a_repository() -> None:
    assert named(page("1", "P", "See [this](docs/guide.md)."), "link", "links_to") == []


def test_a_file_that_is_not_indexed_says_where_it_lies_and_nothing_else() -> None:
    skipped = file("logo.png", "SRE-1", kind="skipped", skipped="binary")
    assert {each.type for each in said(skipped).relations} == {"contains"}


# Commits

MESSAGES = {
    "Mend SRE-1": ["SRE-1"],
    "SRE-1 SRE-1, SRE-2": ["SRE-1", "SRE-2"],
    "Merge pull request #7 from acme/feature/SRE-3-retry\n\nSRE-4: Retry": ["SRE-3", "SRE-4"],
    "Merge branch 'SRE-5_hotfix' into main": ["SRE-5"],
    "Show code\n\n```\nraise Error('SRE-6')\n```\n\n    indented SRE-7\n\n`SRE-8`": ["SRE-6", "SRE-7", "SRE-8"],
    "Trailers\n\nFixes: SRE-9\nRefs: OPS-1, SRE-10\nSigned-off-by: Ann <ann@example.org>": ["OPS-1", "SRE-10", "SRE-9"],
    "(SRE-11)[SRE-12]{SRE-13}<SRE-14>'SRE-15'\"SRE-16\"": [f"SRE-{n}" for n in range(11, 17)],
    "https://acme.example/browse/SRE-17?x=1": ["SRE-17"],
    "修复SRE-18的问题": ["SRE-18"],
    "Encode as UTF-8, hash by SHA-256, ISO-8859": ["ISO-8859", "SHA-256", "UTF-8"],
    "sre-19 aSRE-20 SRE-21x SRE-022 XSRE-1 _SRE-1 SRE- SRE-0": ["XSRE-1"],
    "Files changed: SRE-23\n\nFiles changed: 2": ["SRE-23"],
    "": [],
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.items())
def test_a_commit_names_the_keys_in_its_message(message: str, expected: list[str]) -> None:
    assert sorted(named(commit("abc", message, ["SRE-99.md", "docs/SRE-98/x.py"]), "issue")) == expected


def test_a_file_whose_name_is_a_key_is_modified_and_not_mentioned() -> None:
    found = said(commit("abc", "Change", ["SRE-99.md"]))
    assert [r.object for r in found.relations if r.type == "modifies"] == [f"repos:{API}:SRE-99.md"]
    assert not [r for r in found.relations if r.type == "mentions"]


def test_links_of_commits_to_issues_are_what_git_log_says(tmp_path: Any) -> None:
    repository = GitRepository(tmp_path / "project")
    for number, message in enumerate([*MESSAGES, "Ann's \0-free SRE-30\r\n\r\nwindows SRE-31\r\n"]):
        text = message.replace("\0", "")
        repository.commit({f"SRE-9{number}.md": "words\n", f"docs/OPS-{number}/x.txt": "words\n"}, text)
    repository.git("checkout", "-q", "-b", "feature/SRE-32-branch")
    repository.commit({"branch.md": "words\n"}, "On a branch")
    repository.git("checkout", "-q", "main")
    repository.commit({"main.md": "words\n"}, "Beside it")
    dates = {"GIT_AUTHOR_DATE": "1760009000 +0000", "GIT_COMMITTER_DATE": "1760009000 +0000"}
    repository.git("merge", "-q", "--no-ff", "feature/SRE-32-branch", **dates)
    log = repository.git("log", "--format=%H%x00%B%x01")
    truth = {
        (sha.strip(), key)
        for sha, _, message in (entry.partition("\0") for entry in log.split("\x01") if entry.strip())
        for key in re.findall(r"(?<![A-Za-z0-9_])(?:SRE|OPS)-[1-9][0-9]*(?![A-Za-z0-9])", message)
    }
    assert (repository.head, "SRE-32") in truth
    world = world_of(repository.path, tmp_path / "index")
    world.documents()
    world.entities()
    commits = {
        row["doc_key"]: row["qualified"] for row in rows(world.index.entities).values() if row["type"] == "commit"
    }
    linked = {
        (commits[row["doc_key"]], row["target"])
        for row in rows(world.index.relations).values()
        if row["type"] == "mentions" and row["doc_key"] in commits and row["object_type"] == "issue"
    }
    assert {(sha, key) for sha, key in linked if key.startswith(("SRE-", "OPS-"))} == truth
    assert {key for _, key in linked if not key.startswith(("SRE-", "OPS-"))} == {
        "UTF-8",
        "SHA-256",
        "ISO-8859",
        "XSRE-1",
    }


def test_a_commit_says_who_wrote_it_when_and_what_it_changed() -> None:
    found = said(commit("c0ffee", "Mend", ["a.py"], by="ann@example.org"))
    (entity,) = (each for each in found.entities.values() if each.type == "commit")
    assert (entity.name, entity.title, len(entity.qualified)) == ("c0ffee000000", "Mend", 40)
    assert {(r.type, r.subject, r.object) for r in found.relations if r.type != "contains"} == {
        ("authored", "email:ann@example.org", entity.key),
        ("modifies", entity.key, f"repos:{API}:a.py"),
    }


# People


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Ann <ann@example.org> <ann@old.example>", {("email:ann@old.example", "email:ann@example.org")}),
        ("Ann <ANN@Example.org> <Ann@Old.example>", {("email:ann@old.example", "email:ann@example.org")}),
        ("Ann <ann@example.org> Old Name <ann@old.example>", set()),
        ("Ann <ann@example.org>", set()),
        ("Ann <ann@example.org> <root@localhost>", set()),
        ("Ann <noreply@example.org> <ann@old.example>", set()),
        ("# Ann <ann@example.org> <ann@old.example>", set()),
        ("no line of a mailmap", set()),
    ],
)
def test_a_mailmap_merges_addresses_and_no_names(line: str, expected: set[tuple[str, str]]) -> None:
    assert same(file(".mailmap", f"{line}\n")) == expected
    assert same(file("docs/.mailmap", f"{line}\n")) == set()


def test_an_account_is_its_e_mail_address_and_a_shared_address_is_nobodys() -> None:
    def with_mail(mail: str) -> Document:
        return issue("SRE-1", "", Fact("same_as", "person", f"email:{mail}", "Ann", subject="account:5b10"))

    assert same(with_mail("ann@example.org")) == {("account:5b10", "email:ann@example.org")}
    assert same(with_mail("no-reply@example.org")) == set()
    assert same(with_mail("root@localhost")) == set()


def test_githubs_own_address_is_its_login() -> None:
    assert same(commit("abc", by="7+ann-lee@users.noreply.github.com")) == {
        ("email:7+ann-lee@users.noreply.github.com", "login:github/ann-lee")
    }


# Issues and pages


def test_a_fact_is_a_relation_whichever_way_it_is_said() -> None:
    facts = [Fact("blocked_by", "issue", "SRE-2", label="is blocked by"), Fact("blocks", "issue", "SRE-3")]
    found = [r for r in said(issue("SRE-1", "", *facts)).relations if r.type == "blocks"]
    assert found == [
        Relation("blocks", "jira:SRE-2", "issue", "jira:SRE-1", "issue", target="SRE-2", label="is blocked by"),
        Relation("blocks", "jira:SRE-1", "issue", "jira:SRE-3", "issue", target="SRE-3"),
    ]


def test_what_is_stated_is_not_mentioned_again_and_nothing_mentions_itself() -> None:
    text = "SRE-1 is blocked by SRE-2, and SRE-3 is near"
    assert named(issue("SRE-1", text, Fact("blocked_by", "issue", "SRE-2")), "issue") == ["SRE-3"]


def test_an_issue_is_named_by_its_key_and_titled_by_its_summary() -> None:
    found = said(issue("SRE-1", title="SRE-1 is odd")).entities["jira:SRE-1"]
    assert (found.name, found.title) == ("SRE-1", "SRE-1 is odd")


@pytest.mark.parametrize(
    ("document", "key", "url"),
    [
        (issue("SRE-1"), "jira:SRE", "https://acme.example/browse/SRE"),
        (page("1", "P"), "confluence:ENG", "https://acme.example/wiki/spaces/ENG"),
        (page("1", url="https://w.example/display/ENG/P"), "confluence:ENG", "https://w.example/display/ENG"),
        (page("1", url="https://w.example/pages/viewpage.action?pageId=1"), "confluence:ENG", ""),
        (page("1", url="nonsense"), "confluence:ENG", ""),
    ],
)
def test_a_project_and_a_space_are_where_their_documents_are(document: Document, key: str, url: str) -> None:
    assert said(document).entities[key].url == url


def test_a_page_is_the_same_in_another_space() -> None:
    assert "page:7" in said(page("7", space="ENG")).entities
    assert "page:7" in said(page("7", space="OPS")).entities


def test_a_remote_link_that_is_no_address_is_left_out() -> None:
    facts = [Fact("links_to", "url", "https://x.example/A", "A"), Fact("links_to", "url", "javascript:alert(1)")]
    assert named(issue("SRE-1", "", *facts), "url", "links_to") == ["x.example/a"]


def test_an_unknown_source_says_nothing() -> None:
    assert not said(Document("notes", "home", "1", "v", "file", "t", "SRE-1")).entities


_KEY = re.compile(r"DAEMON-[1-9][0-9]*")
_WORD = set(string.ascii_letters + string.digits + "_")


@pytest.mark.skipif(
    not SHARED.is_dir() and "CI" not in os.environ, reason="../shared is absent: the real pages and issues lie there"
)
def test_real_issues_name_exactly_the_keys_in_their_texts() -> None:
    issues = [json.loads(line) for line in (SHARED / "jira_daemon_issues.jsonl").read_text("utf-8").splitlines()]
    assert len(issues) == 317
    count = 0
    for row in issues:
        comments = (row["fields"].get("comment") or {}).get("comments", [])
        frame = Document(
            "jira", "DAEMON", row["key"], "v", "issue", "", "", url=f"https://x.example/browse/{row['key']}"
        )
        made = document_of(
            frame, row, comments, [], [], {}, browse_url="https://x.example/browse/", adf=False
        )  # fmt: skip
        text = made.text
        truth = {
            match[0]
            for match in _KEY.finditer(text)
            if text[match.start() - 1 : match.start()] not in _WORD
            and text[match.end() : match.end() + 1] not in _WORD - {"_"}
        }
        linked = {
            other
            for each in said(made).relations
            if "issue" in (each.subject_type, each.object_type)
            for other in (each.subject, each.object)
            if other.startswith("jira:DAEMON-")
        }
        assert {key.removeprefix("jira:") for key in linked} == truth | {row["key"]}, row["key"]
        count += len(truth)
    assert count > 317
