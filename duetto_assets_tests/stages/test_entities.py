"""The tables `entities` and `relations` become what a partition's documents say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duetto_assets.model import Fact
from duetto_assets.stages import entities as stage
from duetto_assets.stages.entities import EntityCounts, EntityFindings, inspect_entities
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.store.index import Index, Table
from duetto_assets.store.where import among, same
from duetto_assets_tests.stages.test_equivalence import dying
from duetto_assets_tests.stages.worlds import Notes, World, graph_of, rows, versions

A = "class Base:\n    def run(self):\n        pass\n"
B = "from a import Base\n\n\nclass Child(Base):\n    pass\n"


class Repository:
    """A repository that lies in memory, and its index."""

    def __init__(self, folder: Path, partition: str = "acme/api", index: Index | None = None) -> None:
        self.notes = Notes(partition, "repos")
        self.index = index or Index(str(folder / "index"))
        self.world = World(self.notes, partition, self.index)

    def write(self, path: str, text: str, **fields: Any) -> None:
        language = {"py": "python", "md": "markdown"}.get(path.rpartition(".")[2], "")
        self.notes.put(path, text, language=language, **fields)

    def sync(self) -> EntityCounts:
        self.world.documents()
        return self.world.entities()

    def edges(self, *types: str) -> set[tuple[str, str]]:
        """Return the stored relations of these types, by what their keys end with."""
        names = {row["entity"]: row["key"].rpartition(":")[2] for row in rows(self.index.entities).values()}
        return {
            (names[row["subject"]], row["object_key"].rpartition(":")[2])
            for row in rows(self.index.relations).values()
            if row["type"] in types
        }


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.write("a.py", A)
    made.write("b.py", B)
    made.write("README.md", "See SRE-1.\n")
    return made


class Written:
    """What is written while this is open: the documents whose rows were, and the rows read, by table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.owners: dict[str, set[str]] = {}
        self.read: dict[str, int] = {}
        upsert, scan = Table.upsert, Table.scan

        def upserting(table: Table, new: Any) -> None:
            column = "doc_id" if "doc_id" in new.schema.names else "partition"
            self.owners.setdefault(table.name, set()).update(new[column].to_pylist())
            upsert(table, new)

        def scanning(table: Table, *args: Any) -> Any:
            found = scan(table, *args)
            self.read[table.name] = max(self.read.get(table.name, 0), found.num_rows)
            return found

        monkeypatch.setattr(Table, "upsert", upserting)
        monkeypatch.setattr(Table, "scan", scanning)
        monkeypatch.delattr(Table, "replace")  # it reads the whole table


def test_documents_say_entities_and_relations(repository: Repository) -> None:
    done = repository.sync()
    assert (done.documents, done.entities, done.relations) == (
        3,
        repository.index.entities.count(),
        repository.index.relations.count(),
    )
    assert repository.edges("inherits") == {("b.py#Child", "a.py#Base")}
    assert repository.edges("imports") == {("b.py", "a.py")}
    assert repository.edges("mentions") == {("README.md", "SRE-1")}
    assert done.relinked == 2


def test_a_second_run_reads_nothing_and_writes_nothing(repository: Repository) -> None:
    repository.sync()
    before = versions(repository.index)
    done = repository.sync()
    assert (done.documents, done.relinked) == (0, 0)
    assert versions(repository.index) == before


def test_ten_changed_files_of_two_thousand_are_ten_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Repository(tmp_path)
    for number in range(2_000):
        made.write(f"src/m{number:04}.py", f"from src.m{(number + 1) % 2_000:04} import f\n\n\ndef f():\n    pass\n")
    assert made.sync().documents == 2_000
    assert made.index.relations.count(same("type", "imports")) == 2_000
    changed = {f"src/m{number * 100:04}.py" for number in range(10)}
    for path in changed:
        made.write(path, "def f():\n    pass\n\n\ndef g():\n    f()\n")
    read: list[str] = []
    monkeypatch.setattr(stage, "said_by", lambda d, facts, real=stage.said_by: (read.append(d.id), real(d, facts))[1])
    made.world.documents()
    written = Written(monkeypatch)
    done = made.world.entities()
    assert (done.documents, done.relinked) == (10, 20)  # ten imports less, ten calls more
    assert set(read) == changed
    assert [written.owners[name] for name in ("extracts", "entities", "relations")] == [changed] * 3


def test_one_issue_of_many_costs_no_look_at_what_the_others_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes("SRE", "jira")
    world = World(notes, "SRE", Index(str(tmp_path / "index")))
    for number in range(1, 600):
        notes.put(f"SRE-{number}", f"After SRE-{number + 1}", kind="issue", path="")
    world.documents()
    assert world.entities().documents == 599
    notes.put("SRE-7", "Before SRE-9", kind="issue", path="")
    world.documents()
    written = Written(monkeypatch)
    assert world.entities().documents == 1
    assert {name: written.owners[name] for name in ("extracts", "entities", "relations")} == {
        "extracts": {"SRE-7"},
        "entities": {"SRE-7"},
        "relations": {"SRE-7"},
    }
    assert written.read["entities"] <= 2
    assert written.read["relations"] <= 3


def test_what_a_document_no_longer_says_is_gone(repository: Repository) -> None:
    repository.sync()
    repository.write("README.md", "See OPS-2.\n")
    repository.write("a.py", "def run():\n    pass\n")
    assert repository.sync().documents == 2
    assert repository.edges("mentions") == {("README.md", "OPS-2")}
    assert repository.edges("inherits") == set()
    assert not [row for row in rows(repository.index.entities).values() if "Base" in row["name"]]


def test_a_file_that_is_gone_takes_what_it_says_and_what_others_meant_by_it(repository: Repository) -> None:
    repository.sync()
    repository.notes.delete("a.py")
    done = repository.sync()
    assert done.documents == 0
    assert done.relinked > 0
    assert not [row for row in rows(repository.index.entities).values() if row["doc_id"] == "a.py"]
    assert ("b.py", "a.py") not in repository.edges("imports")
    assert repository.edges("inherits") <= {("b.py#Child", "pypi/a")}


def test_a_file_that_comes_is_what_others_meant(repository: Repository) -> None:
    repository.notes.delete("a.py")
    repository.sync()
    repository.write("a.py", A)
    assert repository.sync().documents == 1
    assert repository.edges("inherits") == {("b.py#Child", "a.py#Base")}


def test_new_facts_alone_are_read(tmp_path: Path) -> None:
    notes = Notes("SRE", "jira")
    world = World(notes, "SRE", Index(str(tmp_path / "index")))
    notes.put("SRE-1", kind="issue", path="")
    world.documents()
    world.entities()
    before = rows(world.index.documents)
    notes.put("SRE-1", kind="issue", path="", facts=(Fact("labelled", "label", "Incident", label="x"),))
    world.documents()
    after = rows(world.index.documents)
    assert [row["content_hash"] for row in after.values()] == [row["content_hash"] for row in before.values()]
    assert world.entities().documents == 1
    assert "labelled" in {row["type"] for row in rows(world.index.relations).values()}


def test_a_new_version_of_the_extractor_reads_all_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.sync()
    before = rows(repository.index.relations)
    monkeypatch.setattr(stage, "EXTRACTOR_VERSION", "another")
    assert inspect_entities(repository.index, "repos").behind == 3
    assert repository.sync().documents == 3
    assert rows(repository.index.relations) == before
    assert repository.index.partition("repos", "acme/api").extractor == "another"
    assert repository.sync().documents == 0


@pytest.mark.parametrize("writes", range(7))
def test_a_process_that_dies_leaves_no_head_that_is_not_true(repository: Repository, writes: int) -> None:
    repository.sync()
    wanted = rows(repository.index.relations)
    repository.write("a.py", "def run():\n    pass\n")
    repository.notes.delete("README.md")
    repository.sync()
    repository.write("a.py", A)
    repository.write("README.md", "See SRE-1.\n")
    repository.world.documents()
    with dying(writes, before=True):
        repository.world.entities()
    record = repository.index.partition("repos", "acme/api")
    if record.graph_head == repository.notes.head:
        assert rows(repository.index.relations) == wanted
    repository.world.entities()
    assert rows(repository.index.relations) == wanted
    assert repository.index.partition("repos", "acme/api").graph_head == repository.notes.head


@pytest.mark.parametrize("writes", range(2, 10))
def test_a_change_that_is_taken_back_after_a_crash_leaves_nothing(repository: Repository, writes: int) -> None:
    repository.sync()
    wanted = rows(repository.index.relations)
    repository.write("a.py", "class Other:\n    pass\n\n\nclass Base(Other):\n    pass\n")
    repository.world.documents()
    with dying(writes, before=True):
        repository.world.entities()
    repository.write("a.py", A)
    repository.sync()
    assert rows(repository.index.relations) == wanted


@pytest.mark.parametrize("writes", range(1, 6))
def test_a_file_that_comes_back_after_a_crash_says_all_again(repository: Repository, writes: int) -> None:
    repository.sync()
    wanted = rows(repository.index.relations), rows(repository.index.entities)
    repository.notes.delete("a.py")
    repository.world.documents()
    with dying(writes, before=True):
        repository.world.entities()
    repository.write("a.py", A)
    repository.sync()
    assert (rows(repository.index.relations), rows(repository.index.entities)) == wanted


def test_a_relation_that_the_ontology_does_not_know_stops_the_run(tmp_path: Path) -> None:
    notes = Notes("SRE", "jira")
    world = World(notes, "SRE", Index(str(tmp_path / "index")))
    notes.put("SRE-1", kind="issue", path="", facts=(Fact("labelled", "person", "account:1"),))
    world.documents()
    with pytest.raises(ValueError, match="labelled: its object cannot be a person"):
        world.entities()


def test_of_what_is_said_twice_the_surest_then_the_first_is_kept(tmp_path: Path) -> None:
    made = Repository(tmp_path)
    made.write("a.py", "def f():\n    pass\n\n\ndef g():\n    f()\n    f()\n")
    made.write("b.md", "x\nSRE-1\nSRE-1\n")
    made.sync()
    lines = {row["type"]: row["line"] for row in rows(made.index.relations).values() if row["line"]}
    assert (lines["calls"], lines["mentions"]) == (6, 2)


def test_a_hyperlink_means_a_file_and_not_the_symbols_in_it(repository: Repository) -> None:
    repository.write("a.py", A, url="https://github.com/acme/api/blob/HEAD/a.py")
    repository.sync()
    addresses = [row["key"] for row in rows(repository.index.entities).values() if row["address"].endswith("a.py")]
    assert addresses == ["repos:acme/api:a.py"]


# A partition that leaves


def test_a_partition_that_leaves_takes_its_edges_and_nodes(tmp_path: Path, repository: Repository) -> None:
    repository.sync()
    issues = Notes("SRE", "jira")
    world = World(issues, "SRE", repository.index)
    issues.put("SRE-1", "`Base.run()` in `a.py`", kind="issue", path="")
    world.documents()
    world.entities()
    both = graph_of(repository.index)
    assert {node["source"] for node in both["nodes"]} == {"repos", "jira"}
    repository.index.forget("repos", "acme/api")
    alone = graph_of(repository.index)
    assert {node["key"] for node in alone["nodes"]} == {"jira:SRE", "jira:SRE-1"}
    assert {row["target"] for row in alone["unresolved"]} == {"Base.run", "a.py"}
    for table in (repository.index.entities, repository.index.relations, repository.index.extracts):
        assert table.count(same("source", "repos")) == 0
    assert repository.sync().documents == 3
    assert graph_of(repository.index) == both


# What is amiss


def test_a_sound_index_has_no_findings_and_each_fault_is_found(repository: Repository) -> None:
    repository.sync()
    index = repository.index
    assert inspect_entities(index, "repos") == EntityFindings(0, 0, 0)
    one = rows(index.documents)
    key = next(key for key, row in one.items() if row["doc_id"] == "a.py")
    index.documents.delete(among("id", [key]))
    orphans = index.entities.count(same("doc_key", key)) + index.relations.count(same("doc_key", key))
    assert orphans
    assert inspect_entities(index, "repos") == EntityFindings(orphans, 0, 1)
    wrong = index.relations.scan(index.relations.schema.names, same("type", "mentions"))
    index.relations.upsert(
        wrong.set_column(wrong.schema.get_field_index("subject_type"), wrong.schema.field("subject_type"), [["label"]])
    )
    assert inspect_entities(index, "repos") == EntityFindings(orphans, 1, 1)
    assert inspect_entities(index, "jira") == EntityFindings(0, 0, 0)


def test_a_graph_without_a_partition_is_empty(tmp_path: Path) -> None:
    done = reconcile_graph(Index(str(tmp_path / "index")))
    assert (done.written, done.nodes, done.edges, done.unresolved, done.dangling) == (True, 0, 0, 0, 0)
