"""A graph is what its tables say, and nobody sees in it what they may not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from duetto_assets.model import PUBLIC
from duetto_assets.search import graph as graphs
from duetto_assets.search.graph import NoGraph, load_graph, view_of
from duetto_assets.search.graph_impact import impact
from duetto_assets.search.graph_names import AmbiguousName, UnknownName, resolve_name
from duetto_assets.search.graph_overview import entities, summary
from duetto_assets.search.graph_path import path
from duetto_assets.search.graph_queries import history, neighbors
from duetto_assets.search.graph_who import who
from duetto_assets.store.index import Index
from duetto_assets.store.where import same
from duetto_assets_tests.search.graphs import Drawing, organisation, seen, store


@pytest.fixture
def made(tmp_path: Path) -> tuple[Index, Drawing]:
    return organisation(tmp_path / "index")


def everything_said(index: Index, principals: Sequence[str]) -> str:
    """Ask every question about every public thing, and return all that is said, errors too."""
    view = seen(index, *principals)
    said: list[Any] = [asdict(summary(view)), asdict(entities(view, "")), asdict(entities(view, "SRE"))]
    names = ["SRE-42", "SRE", "acme/api", "acme/api:src/util.py", "bob@x.org", "ENG", "Runbook", "pypi/acme-api"]
    for name in names:
        said += [neighbors(view, name, depth=4), impact(view, name), path(view, name, "acme/web")]
        said += [who(view, name)]
    said.append(history(view, "SRE-42"))
    for name in ("SRE-43", "Secret breach", "SRE-4", "secret", "https://x.org/browse/SRE-43", "jira:SRE-43"):
        for ask in (resolve_name, who, impact, neighbors):
            try:
                ask(view, name)
            except (AmbiguousName, UnknownName) as error:
                said.append(str(error).replace(repr(name), ""))
    return repr(said)


def test_what_is_restricted_is_in_no_answer_no_count_and_no_suggestion(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    before = everything_said(index, ())
    assert "SRE-43" not in before
    assert "breach" not in before.casefold()
    assert "SRE-43" in everything_said(index, ("ann@x.org",))
    # The very same is said where the restricted document was never there: no count betrays it.
    del drawing.nodes["jira:SRE-43"]
    drawing.edges = [edge for edge in drawing.edges if "jira:SRE-43" not in (edge["subject"], edge["object"])]
    drawing.documents = [each for each in drawing.documents if each.id != "SRE-43"]
    index.documents.delete(same("doc_id", "SRE-43"))
    made_at = repr(seen(index).graph.record.made_at)
    drawing.write(index, "without")
    after = everything_said(index, ())
    assert after.replace(repr(seen(index).graph.record.made_at), "") == before.replace(made_at, "")


def test_a_path_does_not_pass_through_what_is_restricted(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    said = drawing.document("SRE-99", "SRE", "jira", ("ann@x.org",))
    drawing.node("issue", "jira:SRE-99", said)
    drawing.edge("jira:SRE-99", "mentions", "jira:SRE-42", said)
    drawing.edge("jira:SRE-99", "mentions", "repos:acme/web:src/util.py", said)
    drawing.write(index)
    short = path(seen(index, "ann@x.org"), "SRE-42", "acme/web:src/util.py")
    assert short is not None
    assert [step.node.ref for step in short.steps] == ["SRE-99", "acme/web:src/util.py"]
    long = path(seen(index), "SRE-42", "acme/web:src/util.py")
    assert long is not None
    assert len(long.steps) > 2


def test_an_edge_said_by_a_restricted_document_is_not_seen_between_public_ends(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    said = drawing.document("SRE-99", "SRE", "jira", ("ann@x.org",))
    drawing.edge("jira:SRE-42", "relates_to", "jira:SRE-42", said)
    drawing.edge("jira:SRE-42", "mentions", "repos:acme/web:src/util.py", said)
    drawing.write(index)
    refs = {each.node.ref for each in neighbors(seen(index), "SRE-42").items}
    assert "acme/web:src/util.py" not in refs
    assert "acme/web:src/util.py" in {each.node.ref for each in neighbors(seen(index, "ann@x.org"), "SRE-42").items}


def test_a_node_is_for_those_whom_it_names_whatever_its_document_says(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    said = drawing.document("SRE-99", "SRE", "jira")
    drawing.node("issue", "jira:SRE-99", said, access=["ann@x.org"])
    drawing.edge("jira:SRE-99", "mentions", "jira:SRE-42", said)
    drawing.write(index)
    assert "SRE-99" not in repr(neighbors(seen(index), "SRE-42"))
    assert "SRE-99" in repr(neighbors(seen(index, "ann@x.org"), "SRE-42"))


@pytest.mark.parametrize("how", ["restricted", "deleted"])
def test_what_was_restricted_or_deleted_since_is_not_said(made: tuple[Index, Drawing], how: str) -> None:
    index, drawing = made
    assert "Runbook" in repr(neighbors(seen(index), "SRE-42"))
    page = next(each for each in drawing.documents if each.id == "12345")
    if how == "restricted":
        store(index, [replace(page, access=("ann@x.org",))])
    else:
        index.documents.delete(same("id", page.key))
    assert "Runbook" not in repr(neighbors(seen(index), "SRE-42"))
    with pytest.raises(UnknownName):
        resolve_name(seen(index), "Runbook")
    with pytest.raises(UnknownName):
        resolve_name(seen(index), "ENG")  # nothing that can be seen is in it


def test_the_words_of_a_restricted_document_do_not_describe_what_others_name(tmp_path: Path) -> None:
    drawing = Drawing()
    secret = drawing.document("s", access=("ann@x.org",))
    public = drawing.document("p")
    drawing.node("repository", "repos:acme/api", secret, title="Project Manhattan", url="https://x.org/secret")
    drawing.node("file", "repos:acme/api:p", public)
    drawing.edge("repos:acme/api", "contains", "repos:acme/api:p", public)
    index = Index(str(tmp_path))
    drawing.write(index)
    found = neighbors(seen(index), "acme/api:p").items[0].node
    assert (found.ref, found.title, found.url) == ("acme/api", "", "")
    assert neighbors(seen(index, "ann@x.org"), "acme/api:p").items[0].node.title == "Project Manhattan"


def test_a_graph_is_loaded_once_while_it_is_current(made: tuple[Index, Drawing]) -> None:
    index, drawing = made
    first = load_graph(index)
    assert load_graph(Index(index.location)) is first
    assert first is not None
    assert first.view(PUBLIC) is first.view(("all", "all"))
    drawing.write(index, "again")
    second = load_graph(index)
    assert second is not first


def test_a_version_that_was_cleaned_up_meanwhile_is_read_anew(
    made: tuple[Index, Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, drawing = made
    read, reads = Index.read_graph, []

    def gone_once(self: Index, *args: Any) -> Any:
        reads.append(args)
        if len(reads) == 1:
            drawing.write(index, "newer")
            raise ValueError("version 1 was not found")
        return read(self, *args)

    monkeypatch.setattr(graphs, "_last", None)
    monkeypatch.setattr(Index, "read_graph", gone_once)
    graph = load_graph(index)
    assert graph is not None
    assert graph.record.made_of == "newer"


def test_a_version_that_cannot_be_read_is_an_error(
    made: tuple[Index, Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Index, *args: Any) -> Any:
        raise OSError("no space left")

    monkeypatch.setattr(graphs, "_last", None)
    monkeypatch.setattr(Index, "read_graph", broken)
    with pytest.raises(OSError, match="no space"):
        load_graph(made[0])


def test_without_a_graph_the_next_step_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoGraph, match=r"There is no graph yet\. Make it: duetto-intel sync"):
        view_of(Index(str(tmp_path)), PUBLIC)


def test_an_empty_graph_is_none(tmp_path: Path) -> None:
    index = Index(str(tmp_path))
    Drawing().write(index)
    with pytest.raises(NoGraph):
        view_of(index, PUBLIC)
