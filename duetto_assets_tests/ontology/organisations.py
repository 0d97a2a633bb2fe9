"""Documents as sources give them, and the graph that is made of a few: in memory, without an index."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa

from duetto_assets.model import PUBLIC, Document, Fact
from duetto_assets.ontology.documents import said_by
from duetto_assets.ontology.repository import Extract, extract, link
from duetto_assets.ontology.resolve import (
    DOCUMENT_COLUMNS,
    ENTITY_COLUMNS,
    RELATION_COLUMNS,
    Resolved,
    dangling,
    resolve,
)
from duetto_assets.ontology.vocabulary import load
from duetto_assets.sources.languages import language_of
from duetto_assets.stages.entities import _entity_row, _keep_best, _owner, _relation_rows
from duetto_assets.store import tables

API, WEB = "acme/api", "acme/web"
NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)


def file(
    path: str, text: str = "", repository: str = API, *, host: str = "https://github.com", **more: Any
) -> Document:
    """Return a file of a repository."""
    fields: dict[str, Any] = {
        "kind": "file",
        "path": path,
        "url": f"{host}/{repository}/blob/HEAD/{path}",
        "language": language_of(path, text[:200].partition("\n")[0]),
    }
    return Document("repos", repository, path, "v", title=path.rpartition("/")[2], text=text, **(fields | more))


def commit(
    sha: str, message: str = "change", paths: Sequence[str] = (), repository: str = API, by: str = "ann@example.org"
) -> Document:
    """Return a commit. Its SHA is filled up to 40 digits."""
    sha = sha.ljust(40, "0")
    text = "\n\n".join([message, "\n".join([f"Files changed: {len(paths)}", *paths])])
    facts = (Fact("authored_by", "person", f"email:{by}", "Ann"), *(Fact("modifies", "file", path) for path in paths))
    return Document(
        "repos", repository, f"//commit/{sha}", sha, "commit", message.partition("\n")[0], text,
        url=f"https://github.com/{repository}/commit/{sha}", author=f"Ann <{by}>", updated_at=NOW, facts=facts,
    )  # fmt: skip


def issue(key: str, text: str = "", *facts: Fact, title: str = "Title", access: tuple[str, ...] = PUBLIC) -> Document:
    """Return an issue."""
    return Document(
        "jira", key.rpartition("-")[0], key, "v", "issue", f"{key} {title}", text,
        url=f"https://acme.example/browse/{key}", updated_at=NOW, facts=facts, access=access,
    )  # fmt: skip


def page(
    id_: str, title: str = "", text: str = "", *facts: Fact, space: str = "ENG", access: tuple[str, ...] = PUBLIC,
    url: str = "",
) -> Document:  # fmt: skip
    """Return a page."""
    return Document(
        "confluence", space, id_, "v", "page", title or f"Page {id_}", text, path=f"Home / {title}",
        url=url or f"https://acme.example/wiki/spaces/{space}/pages/{id_}/{title.replace(' ', '+')}",
        updated_at=NOW, facts=facts, access=access,
    )  # fmt: skip


Edge = tuple[str, str, str]


@dataclass(frozen=True)
class Graph:
    """A resolved graph, by keys in place of numbers."""

    resolved: Resolved
    nodes: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]  # edges, with keys

    @property
    def edges(self) -> set[Edge]:
        """Return (subject, relation, object)."""
        return {(row["subject"], row["type"], row["object"]) for row in self.rows}

    def of(self, *relations: str) -> set[tuple[str, str]]:
        """Return who is joined with whom by these relations."""
        return {(subject, object_) for subject, type_, object_ in self.edges if type_ in relations}

    def objects(self, subject: str, *relations: str) -> set[str]:
        """Return what a thing is joined with by these relations."""
        return {object_ for one, object_ in self.of(*relations) if one == subject}

    @property
    def unresolved(self) -> dict[tuple[str, str], str]:
        """Return the reasons by relation and target."""
        return {(row["type"], row["target"]): row["reason"] for row in self.resolved.unresolved.to_pylist()}


Tables = tuple[pa.Table, pa.Table, pa.Table]


def said_of(documents: Iterable[Document]) -> Tables:
    """Return what documents say, as the tables hold it."""
    entities: list[dict[str, Any]] = []
    relations: list[dict[str, Any]] = []
    listed = list(documents)
    for document in listed:
        said = said_by(document, extract(document).code())
        entities += (_entity_row(_owner(document), document.key, entity) for entity in said.entities.values())
        relations += _relation_rows(_owner(document), document.key, said.relations, linked=False)
    for repository in sorted({document.partition for document in listed if document.source == "repos"}):
        relations += _linked(repository, {d.path: d for d in listed if d.partition == repository and d.path})
    described = [
        {name: getattr(d, "id" if name == "doc_id" else name) for name in DOCUMENT_COLUMNS if name != "id"}
        | {"id": d.key, "access": list(d.access)}
        for d in listed
    ]
    return (
        pa.Table.from_pylist(entities, schema=tables.ENTITIES).select(ENTITY_COLUMNS),
        pa.Table.from_pylist(relations, schema=tables.RELATIONS).select(RELATION_COLUMNS),
        pa.Table.from_pylist(described, schema=tables.GRAPH_DOCUMENTS).select(DOCUMENT_COLUMNS),
    )


def _linked(repository: str, files: dict[str, Document]) -> list[dict[str, Any]]:
    extracts: dict[str, Extract] = {path: extract(document) for path, document in files.items()}
    known = {path: each for path, each in extracts.items() if each.family}
    found: dict[str, dict[str, Any]] = {}
    for path, relation in link(repository, set(files), known):
        for row in _relation_rows(_owner(files[path]), files[path].key, [relation], linked=True):
            _keep_best(found, row)
    return list(found.values())


def shuffled(rows: pa.Table, seed: int) -> pa.Table:
    """Return rows in another order, and cut into other batches."""
    chance = random.Random(seed)
    order = list(range(rows.num_rows))
    chance.shuffle(order)
    rows = rows.take(pa.array(order, pa.int64()))
    cuts = sorted({0, rows.num_rows, *(chance.randrange(rows.num_rows + 1) for _ in range(3))})
    return pa.concat_tables([rows.slice(a, b - a) for a, b in pairwise(cuts)] or [rows])


def graph_of(*documents: Document) -> Graph:
    """Return the graph of documents, and fail where an edge dangles or says what may not be said."""
    resolved = resolve(*said_of(documents))
    nodes = resolved.nodes.to_pylist()
    assert dangling(len(nodes), resolved.edges) == 0
    names = list(load().relations)
    rows = [
        row
        | {"subject": nodes[row["subject"]]["key"], "object": nodes[row["object"]]["key"], "type": names[row["type"]]}
        for row in resolved.edges.to_pylist()
    ]
    types = {node["key"]: node["type"] for node in nodes}
    assert len(types) == len(nodes)
    assert not [row for row in rows if load().problem(row["type"], types[row["subject"]], types[row["object"]])]
    return Graph(resolved, {node["key"]: node for node in nodes}, rows)
