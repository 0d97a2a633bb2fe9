"""The resolved graph becomes what all partitions say, and is read whole at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duetto_assets.model import Fact
from duetto_assets.stages import graph as stage
from duetto_assets.stages.graph import graph_version, reconcile_graph
from duetto_assets.store.index import Index, Table
from duetto_assets_tests.stages.worlds import Killed, Notes, World, graph_of

URL = "https://acme.example/browse/"


class Project:
    """A project in an index."""

    def __init__(self, index: Index, key: str = "SRE") -> None:
        self.notes = Notes(key, "jira")
        self.world = World(self.notes, key, index)

    def put(self, key: str, text: str = "words", **fields: Any) -> None:
        self.notes.put(key, text, kind="issue", path="", url=f"{URL}{key}", **fields)

    def sync(self) -> None:
        self.world.documents()
        self.world.entities()


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(str(tmp_path / "index"))


@pytest.fixture
def project(index: Index) -> Project:
    made = Project(index)
    made.put("SRE-1", "After SRE-2 and OPS-9")
    made.put("SRE-2")
    made.sync()
    return made


def keys(index: Index) -> set[str]:
    return {node["key"] for node in graph_of(index)["nodes"]}


def test_before_the_first_run_there_is_no_graph(index: Index) -> None:
    assert index.graph() is None


def test_what_partitions_say_is_resolved_and_counted(index: Index, project: Project) -> None:
    done = reconcile_graph(index)
    assert (done.written, done.nodes, done.edges, done.unresolved, done.dangling) == (True, 3, 3, 1, 0)
    assert {name: (each.rows, each.resolved, each.unresolved) for name, each in done.relations.items()} == {
        "contains": (2, 2, 0),
        "mentions": (2, 1, 1),
    }


def test_a_second_run_writes_nothing_and_counts_the_same(index: Index, project: Project) -> None:
    first, known = reconcile_graph(index), index.graph()
    again = reconcile_graph(index)
    assert (again.written, again.made_of) == (False, first.made_of)
    assert (again.nodes, again.edges, again.unresolved) == (first.nodes, first.edges, first.unresolved)
    assert index.graph() == known


@pytest.mark.parametrize("change", ["text", "title", "access", "facts", "url", "another partition", "deletion"])
def test_whatever_changes_the_graph_is_made_again(index: Index, project: Project, change: str) -> None:
    before = graph_of(index)
    if change == "text":
        project.put("SRE-2", "Before SRE-1")
    elif change == "access":
        project.put("SRE-2", access=("leads",))
    elif change == "facts":
        project.put("SRE-2", facts=(Fact("labelled", "label", "x"),))
    elif change == "title":
        project.notes.put("SRE-2", kind="issue", path="x", url=f"{URL}SRE-2")
    elif change == "url":
        project.notes.put("SRE-2", kind="issue", path="", url="https://moved.example/browse/SRE-2")
    elif change == "deletion":
        project.notes.delete("SRE-2")
    else:
        other = Project(index, "OPS")
        other.put("OPS-9")
        other.sync()
    project.sync()
    assert reconcile_graph(index).written
    assert graph_of(index) != before


def test_a_change_that_says_nothing_new_is_no_new_graph(index: Index, project: Project) -> None:
    reconcile_graph(index)
    project.notes.head = "another"
    project.sync()
    assert index.partition("jira", "SRE").graph_head == "another"
    assert not reconcile_graph(index).written


def test_documents_that_wait_to_be_read_change_nothing_yet(index: Index, project: Project) -> None:
    before = graph_of(index)
    project.put("SRE-3")
    project.world.documents()
    assert not reconcile_graph(index).written
    project.world.entities()
    assert graph_of(index) != before
    assert "jira:SRE-3" in keys(index)


def test_a_partition_that_leaves_is_gone_from_the_graph(index: Index, project: Project) -> None:
    other = Project(index, "OPS")
    other.put("OPS-9", "Beside SRE-1")
    other.sync()
    assert {"jira:OPS-9", "jira:SRE-1"} <= keys(index)
    index.forget("jira", "SRE")
    assert keys(index) == {"jira:OPS", "jira:OPS-9"}
    index.forget("jira", "OPS")
    assert keys(index) == set()


@pytest.mark.parametrize("version", ["RESOLVER_VERSION", "EXTRACTOR_VERSION"])
def test_a_new_version_resolves_again(
    index: Index, project: Project, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_graph(index)
    monkeypatch.setattr(stage, version, "another")
    assert reconcile_graph(index).written


def test_a_process_that_dies_while_it_writes_leaves_the_graph_that_was(
    index: Index, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, known = graph_of(index), index.graph()
    project.put("SRE-3")
    project.sync()

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Table, "upsert", die)
        with pytest.raises(Killed):
            reconcile_graph(index)
    assert index.graph() == known
    assert known is not None
    assert index.read_graph(known, "nodes", ["key"]).to_pylist() == [{"key": node["key"]} for node in before["nodes"]]
    assert reconcile_graph(index).written
    assert "jira:SRE-3" in keys(index)


def test_a_reader_that_holds_the_old_graph_reads_it_on(index: Index, project: Project) -> None:
    reconcile_graph(index)
    held = index.graph()
    assert held is not None
    nodes = index.read_graph(held, "nodes", ["id", "key"])
    for number in range(3, 6):
        project.put(f"SRE-{number}")
        project.sync()
        reconcile_graph(index)
    assert index.read_graph(held, "nodes", ["id", "key"]) == nodes
    now = index.graph()
    assert now is not None
    assert index.read_graph(now, "nodes", ["key"]).num_rows == nodes.num_rows + 3


def test_the_version_is_of_all_partitions(index: Index, project: Project) -> None:
    versions = [graph_version(index)]
    Project(index, "OPS").sync()
    versions.append(graph_version(index))
    index.forget("jira", "SRE")
    versions.append(graph_version(index))
    assert len(set(versions)) == 3
