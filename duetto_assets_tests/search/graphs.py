"""Graphs made by hand: documents, entities and what connects them, stored as the resolver stores them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from duetto_assets.model import PUBLIC, Document
from duetto_assets.ontology.keys import entity_id
from duetto_assets.ontology.vocabulary import load
from duetto_assets.search.graph import View, load_graph
from duetto_assets.store import tables
from duetto_assets.store.index import Index, partition_key

RELATIONS = list(load().relations)
NAMED = ("repository", "directory", "space", "project", "package", "person", "team", "label")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Drawing:
    """What is put into a graph before it is written."""

    documents: list[Document] = field(default_factory=list)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: list[dict[str, Any]] = field(default_factory=list)

    def document(
        self, doc_id: str, partition: str = "acme/api", source: str = "repos", access: tuple[str, ...] = PUBLIC
    ) -> Document:
        url = f"https://x.org/{partition}/{doc_id}"
        document = Document(source, partition, doc_id, "1", "file", doc_id, "", doc_id, url, access=access)
        self.documents.append(document)
        return document

    def node(self, type_: str, key: str, said_by: Document, name: str = "", **more: Any) -> str:
        row = {"qualified": "", "title": "", "path": "", "line": 0, "url": "", "updated_at": None, "aliases": []}
        own = {"source": said_by.source, "partition": said_by.partition}
        self.nodes.setdefault(
            key,
            row | own | more | {"type": type_, "key": key, "name": name or key.split(":", 1)[1], "said_by": said_by},
        )
        return key

    def edge(
        self, subject: str, relation: str, object_: str, said_by: Document, confidence: float = 1.0, **more: Any
    ) -> None:
        row = {"subject": subject, "relation": relation, "object": object_, "said_by": said_by, "line": 1, "label": ""}
        self.edges.append(row | more | {"confidence": confidence})

    def write(self, index: Index, made_of: str = "by hand") -> None:
        """Store it all, and its documents as they are now."""
        documents = sorted(self.documents, key=lambda document: document.key)
        place = {document.key: number for number, document in enumerate(documents)}
        keys = sorted(self.nodes, key=entity_id)
        row_of = {key: number for number, key in enumerate(keys)}
        store(index, documents)
        index.write_graph(
            made_of,
            {
                "nodes": pa.Table.from_pylist([self._node(key, place) for key in keys], tables.GRAPH_NODES),
                "edges": self._edges(row_of, place),
                "documents": pa.Table.from_pylist([_document(each) for each in documents], tables.GRAPH_DOCUMENTS),
                "unresolved": tables.GRAPH_UNRESOLVED.empty_table(),
            },
        )

    def _node(self, key: str, place: dict[str, int]) -> dict[str, Any]:
        row = dict(self.nodes[key])
        said_by = row.pop("said_by")
        access = set(row.pop("access", said_by.access))
        if row["type"] in NAMED:
            for edge in self.edges:
                access |= set(edge["said_by"].access) if key in (edge["subject"], edge["object"]) else set()
        readers = list(PUBLIC) if "all" in access else sorted(access)
        more = {"id": entity_id(key), "end_line": 0, "language": "", "document": place[said_by.key], "access": readers}
        return row | more

    def _edges(self, row_of: dict[str, int], place: dict[str, int]) -> pa.Table:
        rows = [
            {
                "subject": row_of[edge["subject"]],
                "object": row_of[edge["object"]],
                "type": RELATIONS.index(edge["relation"]),
                "document": place[edge["said_by"].key],
                "confidence": edge["confidence"],
                "line": edge["line"],
                "label": edge["label"],
            }
            for edge in self.edges
        ]
        rows.sort(key=lambda row: (row["subject"], row["type"], row["object"], row["document"], row["label"]))
        order = np.argsort([row["object"] for row in rows], kind="stable")
        for row, number in zip(rows, order, strict=True):
            row["by_object"] = int(number)
        return pa.Table.from_pylist(rows, tables.GRAPH_EDGES)


def store(index: Index, documents: list[Document]) -> None:
    """Put documents into the table of documents, as they are now."""
    rows = [
        {
            **_document(document),
            "partition_key": partition_key(document.source, document.partition),
            "version": document.version,
            "content_hash": document.content_hash,
            "updated_at": NOW,
            "chars": 0,
            **dict.fromkeys(("language", "author", "skipped", "text", "facts", "extract_hash"), ""),
        }
        for document in documents
    ]
    index.documents.upsert(pa.Table.from_pylist(rows, tables.DOCUMENTS))


def _document(document: Document) -> dict[str, Any]:
    names = ("source", "partition", "kind", "title", "path", "url")
    row = {name: getattr(document, name) for name in names}
    return row | {"id": document.key, "doc_id": document.id, "access": list(document.access)}


def seen(index: Index, *principals: str) -> View:
    """Return what somebody sees."""
    graph = load_graph(index)
    assert graph is not None
    return graph.view((*PUBLIC, *principals))


def days(number: int) -> datetime:
    """Return a time so many days before now."""
    return NOW - timedelta(days=number)


def organisation(folder: Path) -> tuple[Index, Drawing]:
    """Two repositories, of which one uses the other's package; a project, a space, and three people."""
    drawing = Drawing()
    _code(drawing)
    _work(drawing)
    index = Index(str(folder))
    drawing.write(index)
    return index, drawing


def _code(drawing: Drawing) -> None:
    for partition in ("acme/api", "acme/web"):
        for path in ("src/app.py", "src/util.py", "pyproject.toml"):
            said = drawing.document(path, partition)
            repository = drawing.node("repository", f"repos:{partition}", said, partition)
            file = drawing.node(
                "file", f"repos:{partition}:{path}", said, path, path=path, qualified=path, url=said.url
            )
            above = repository
            if path.startswith("src/"):
                above = drawing.node("directory", f"repos:{partition}:src/", said, "src/", path="src")
                drawing.edge(repository, "contains", above, said)
            drawing.edge(above, "contains", file, said)
    api_app, api_util, api_toml, web_app, web_util, web_toml = drawing.documents
    package = drawing.node("package", "package:pypi/acme-api", api_toml, "pypi/acme-api", source="", partition="")
    drawing.edge("repos:acme/api", "produces", package, api_toml)
    drawing.edge("repos:acme/api:pyproject.toml", "produces", package, api_toml)
    drawing.edge("repos:acme/web", "depends_on", package, web_toml, line=7)
    drawing.edge("repos:acme/web:pyproject.toml", "depends_on", package, web_toml, line=7, label="dev")
    _symbol(drawing, api_app, "class", "App", "repos:acme/api:src/app.py")
    _symbol(drawing, api_app, "method", "App.route", "repos:acme/api:src/app.py#App")
    _symbol(drawing, api_util, "function", "retry", "repos:acme/api:src/util.py")
    _symbol(drawing, web_app, "class", "WebApp", "repos:acme/web:src/app.py")
    _symbol(drawing, web_util, "function", "retry", "repos:acme/web:src/util.py")
    drawing.edge("repos:acme/api:src/app.py", "imports", "repos:acme/api:src/util.py", api_app, line=3)
    drawing.edge("repos:acme/api:src/app.py#App.route", "calls", "repos:acme/api:src/util.py#retry", api_app, 0.6)
    drawing.edge("repos:acme/web:src/app.py", "imports", package, web_app, line=1)
    drawing.edge("repos:acme/web:src/app.py#WebApp", "inherits", "repos:acme/api:src/app.py#App", web_app, line=9)
    drawing.edge("repos:acme/web:src/util.py", "imports", "repos:acme/web:src/app.py", web_util)


def _symbol(drawing: Drawing, said: Document, type_: str, name: str, above: str) -> None:
    module = said.id.removesuffix(".py").replace("/", ".")
    key = f"repos:{said.partition}:{said.id}#{name}"
    drawing.node(type_, key, said, name, qualified=f"{module}.{name}", path=said.id, line=5)
    drawing.edge(above, "defines", key, said)


def _work(drawing: Drawing) -> None:
    shas = ["a" * 39 + "1", "a" * 39 + "2", "b" * 40]
    people = {
        "email:ann@x.org": ("Ann Smith", ["login:github/ann"]),
        "email:bob@x.org": ("Bob Jones", []),
        "email:b@bots.org": ("renovate[bot]", []),
    }
    sre = drawing.document("SRE-42", "SRE", "jira")
    secret = drawing.document("SRE-43", "SRE", "jira", ("ann@x.org",))
    runbook = drawing.document("12345", "ENG", "confluence")
    owners = drawing.document("CODEOWNERS")
    for key, (name, aliases) in people.items():
        drawing.node("person", key, sre, name, aliases=aliases, source="", partition="")
    drawing.node("project", "jira:SRE", sre, "SRE")
    drawing.node("space", "confluence:ENG", runbook, "ENG")
    drawing.node("issue", "jira:SRE-42", sre, title="Retries storm", url="https://x.org/browse/SRE-42")
    drawing.node("issue", "jira:SRE-43", secret, title="Secret breach", url="https://x.org/browse/SRE-43")
    drawing.node(
        "page", "page:12345", runbook, "Runbook", title="Runbook", url="https://x.org/wiki/spaces/ENG/pages/12345/Runbook",
        updated_at=days(10),
    )  # fmt: skip
    for issue, said in (("jira:SRE-42", sre), ("jira:SRE-43", secret)):
        drawing.edge("jira:SRE", "contains", issue, said)
        drawing.edge("email:bob@x.org", "reported", issue, said)
    drawing.edge("jira:SRE-43", "blocks", "jira:SRE-42", secret, label="blocks")
    drawing.edge("jira:SRE-42", "assigned_to", "email:ann@x.org", sre)
    drawing.edge("confluence:ENG", "contains", "page:12345", runbook)
    drawing.edge("email:bob@x.org", "authored", "page:12345", runbook)
    drawing.edge("page:12345", "mentions", "jira:SRE-42", runbook, line=4)
    drawing.edge("repos:acme/api:src/", "owned_by", "email:bob@x.org", owners, line=2)
    for sha, person, age in zip(shas, people, (400, 0, 5), strict=True):
        said = drawing.document(f"//commit/{sha}")
        key = drawing.node(
            "commit",
            f"repos:acme/api@{sha}",
            said,
            sha[:12],
            qualified=sha,
            title=f"Fix {sha[-1]}",
            updated_at=days(age),
        )
        drawing.edge("repos:acme/api", "contains", key, said)
        drawing.edge(person, "authored", key, said)
        drawing.edge(key, "modifies", "repos:acme/api:src/util.py", said)
        drawing.edge(key, "mentions", "jira:SRE-42", said)
