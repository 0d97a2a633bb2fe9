"""Whatever happens to three sources on the way, the graph is the one that would have been built from scratch."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from duetto_assets.model import Fact
from duetto_assets.stages.entities import EntityFindings, inspect_entities
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.store.index import Index
from duetto_assets_tests.stages.test_equivalence import dying, small_commits
from duetto_assets_tests.stages.worlds import Notes, World, assert_same_graph, assert_same_index

__all__ = ["small_commits"]

SITE = "https://acme.example"
WORDS = [
    "nothing to see",
    "SRE-1 and SRE-2, not UTF-8",
    "`helper()` in `src/a.py`, by @ann",
    f"[page]({SITE}/wiki/spaces/OLD/pages/1/x) {SITE}/browse/SRE-2 https://github.com/acme/api/blob/v1/lib/a.py",
    "[guide](../README.md) acme/web c0ffee1 `Base.run`",
]
FILES = {
    "README.md": WORDS,
    "src/docs/b.md": WORDS,
    "src/a.py": [
        "def helper():\n    pass\n",
        "class Base:\n    def run(self):\n        helper()\n\n\ndef helper():\n    pass\n",
        "from lib.a import Base\n\n\nclass Child(Base):\n    pass\n\n\nBase()\n",
    ],
    "lib/a.py": [
        "class Base:\n    pass\n",
        "from src.a import helper\n\nhelper()\n",
        "def Base():\n    pass\n\n\nclass Base(Base):\n    pass\n",
        "import acme_web.core\nfrom acme_web.core import made\n\nmade()\n",
    ],
    "acme_web/core.py": ["def made():\n    pass\n"],
    "pyproject.toml": [
        f'[project]\nname = "{name}"\ndependencies = ["acme-web"]\n' for name in ("acme-web", "acme-api")
    ],
    "CODEOWNERS": ["* @ann\n", "/src/ @acme/all\n/lib/ ann@example.org\n", "* @ben\n/lib/\n"],
    ".mailmap": ["Ann <ann@example.org> <ann@old.example>\n", "\n"],
}
PEOPLE = ["email:ann@example.org", "email:ann@old.example", "email:root@localhost", "account:5b10"]
ISSUE_FACTS = [
    Fact("blocks", "issue", "SRE-2"),
    Fact("child_of", "issue", "SRE-1"),
    Fact("related_from", "issue", "OPS-1", label="is near"),
    Fact("labelled", "label", "Incident"),
    Fact("reported_by", "person", "account:5b10", "Ann"),
    Fact("same_as", "person", "email:ann@example.org", "Ann", subject="account:5b10"),
    Fact("links_to", "url", f"{SITE}/wiki/spaces/ENG/pages/2/y", label="mentioned in"),
]
PAGE_FACTS = [
    Fact("child_of", "page", "1"),
    Fact("labelled", "label", "incident"),
    Fact("authored_by", "person", "account:5b10", "A. Lee"),
    Fact("commented_on_by", "person", "account:6c20", "Ben"),
]
ACCESS = [("all",), ("leads",), ("ops", "leads")]
SOURCES = ["repos", "web", "jira", "confluence"]


def facts_of(known: list[Fact]) -> st.SearchStrategy[tuple[Fact, ...]]:
    return st.lists(st.sampled_from(known), max_size=3, unique=True).map(tuple)


class Organisations(RuleBasedStateMachine):
    """Two repositories, a project and a space, in one index; and processes that die in it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(mkdtemp())
        self.index = Index(str(self.folder / "index"))
        self.notes = {
            "repos": Notes("acme/api", "repos"),
            "web": Notes("acme/web", "repos"),
            "jira": Notes("SRE", "jira"),
            "confluence": Notes("ENG", "confluence"),
        }
        for path, texts in FILES.items():
            self.write("web", path, texts[0])
        self.issue("SRE-1", WORDS[3], (), ("all",))
        self.page("1", WORDS[1], (), ("all",))

    def worlds(self, index: Index) -> dict[str, World]:
        return {name: World(notes, notes.partition, index) for name, notes in self.notes.items()}

    def sync_all(self, names: list[str], index: Index | None = None) -> None:
        worlds = self.worlds(index or self.index)
        for name in names:
            worlds[name].documents()
            worlds[name].entities()

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            self.sync_all(SOURCES)
            scratch = Index(str(self.folder / "scratch"))
            self.sync_all(SOURCES, scratch)
            assert_same_index(self.index, scratch, 16)
            assert_same_graph(self.index, scratch)
            for name in ("repos", "jira", "confluence"):
                assert inspect_entities(self.index, name) == EntityFindings(0, 0, 0)
            assert not reconcile_graph(self.index).written
        finally:
            shutil.rmtree(self.folder)

    def write(self, repository: str, path: str, text: str) -> None:
        url = f"https://github.com/{self.notes[repository].partition}/blob/HEAD/{path}"
        language = {"py": "python", "md": "markdown", "toml": "toml"}.get(path.rpartition(".")[2], "")
        self.notes[repository].put(path, text, url=url, language=language)

    @rule(repository=st.sampled_from(["repos", "web"]), path=st.sampled_from(sorted(FILES)), data=st.data())
    def edit_file(self, repository: str, path: str, data: st.DataObject) -> None:
        self.write(repository, path, data.draw(st.sampled_from(FILES[path])))

    @precondition(lambda self: self.notes["repos"].notes)
    @rule(data=st.data(), to=st.sampled_from(["src/moved.py", "lib/a.py", "docs/moved.md"]))
    def rename_file(self, data: st.DataObject, to: str) -> None:
        path = data.draw(st.sampled_from(sorted(self.notes["repos"].notes)))
        text = self.notes["repos"].notes[path].text
        self.notes["repos"].delete(path)
        self.write("repos", to, text)

    @rule(sha=st.sampled_from(["c0ffee1a", "c0ffee1b"]), text=st.sampled_from(WORDS), by=st.sampled_from(PEOPLE))
    def commit(self, sha: str, text: str, by: str) -> None:
        facts = (Fact("authored_by", "person", by, "Ann"), Fact("modifies", "file", "src/a.py"))
        sha = sha.ljust(40, "0")
        whole = f"{text}\n\nFiles changed: 1\nSRE-9.py"
        self.notes["repos"].put(f"//commit/{sha}", whole, kind="commit", path="", facts=facts)

    @rule(
        key=st.sampled_from(["SRE-1", "SRE-2", "SRE-3"]),
        text=st.sampled_from(WORDS),
        facts=facts_of(ISSUE_FACTS),
        access=st.sampled_from(ACCESS),
    )
    def issue(self, key: str, text: str, facts: tuple[Fact, ...], access: tuple[str, ...]) -> None:
        url = f"{SITE}/browse/{key}"
        self.notes["jira"].put(key, text, kind="issue", path="", url=url, facts=facts, access=access)

    @rule(
        page=st.sampled_from(["1", "2"]),
        text=st.sampled_from(WORDS),
        facts=facts_of(PAGE_FACTS),
        access=st.sampled_from(ACCESS),
    )
    def page(self, page: str, text: str, facts: tuple[Fact, ...], access: tuple[str, ...]) -> None:
        url = f"{SITE}/wiki/spaces/ENG/pages/{page}/{len(text)}"
        self.notes["confluence"].put(page, text, kind="page", path="Home", url=url, facts=facts, access=access)

    @rule(source=st.sampled_from(SOURCES), data=st.data())
    def delete(self, source: str, data: st.DataObject) -> None:
        if listed := sorted(self.notes[source].notes):
            self.notes[source].delete(data.draw(st.sampled_from(listed)))

    @rule(names=st.permutations(SOURCES), count=st.integers(1, 4))
    def sync(self, names: list[str], count: int) -> None:
        self.sync_all(names[:count])

    @rule(names=st.permutations(SOURCES), writes=st.integers(0, 12), before=st.booleans(), resolve=st.booleans())
    def sync_and_die(self, names: list[str], writes: int, before: bool, resolve: bool) -> None:
        with dying(writes, before):
            self.sync_all(names)
            if resolve:
                reconcile_graph(self.index)

    @rule(source=st.sampled_from(SOURCES), stage=st.sampled_from(["documents", "entities"]))
    def one_stage(self, source: str, stage: str) -> None:
        getattr(self.worlds(self.index)[source], stage)()

    @rule()
    def resolve(self) -> None:
        assert reconcile_graph(self.index).dangling == 0

    @rule(source=st.sampled_from(SOURCES))
    def retire(self, source: str) -> None:
        self.index.forget(self.notes[source].name, self.notes[source].partition)


@pytest.mark.usefixtures("small_commits")
def test_any_history_of_an_organisation_ends_in_the_graph_that_is_built_from_scratch() -> None:
    run_state_machine_as_test(
        Organisations,
        settings=settings(
            max_examples=6, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
