"""Writes the resolved graph for other programs, a slice of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from duetto_assets.ontology.export import ExportEdge, ExportNode, Out, as_graphml, as_jsonld, as_turtle
from duetto_assets.ontology.keys import shown_id
from duetto_assets.ontology.vocabulary import load
from duetto_assets.stages.picture import readable
from duetto_assets.store.index import Index

_SLICE = 50_000
_NODE_COLUMNS = ["id", "key", "type", "name", "title", "url", "source", "partition", "path", "line", "language"]
_EDGE_COLUMNS = ["subject", "object", "type", "document", "label", "confidence"]

Writer = Callable[[Out, Iterable[ExportNode], Iterable[ExportEdge]], None]

FORMATS: Mapping[str, Writer] = {
    "turtle": lambda out, nodes, edges: as_turtle(out, load(), nodes, edges),
    "jsonld": lambda out, nodes, edges: as_jsonld(out, load(), nodes, edges),
    "graphml": as_graphml,
}


def export(index: Index, form: str, principals: Sequence[str], out: Out) -> tuple[int, int] | None:
    """Write what these principals may read of the graph; return how many nodes and edges, None without a graph.

    People go by ids that hold no e-mail address.

    :param form: One of FORMATS.
    """
    graph = index.graph()
    if graph is None:
        return None
    rows = index.read_graph(graph, "nodes", [*_NODE_COLUMNS, "access"])
    edges = index.read_graph(graph, "edges", _EDGE_COLUMNS)
    documents = index.read_graph(graph, "documents", ["source", "partition", "doc_id", "access"])
    visible, told = readable(rows["access"], principals), readable(documents["access"], principals)
    subject, object_ = (edges[name].to_numpy() for name in ("subject", "object"))
    kept = visible[subject] & visible[object_] & told[edges["document"].to_numpy()]
    ids = [shown_id(key, id_) for key, id_ in zip(rows["key"].to_pylist(), rows["id"].to_pylist(), strict=True)]
    shown, drawn = rows.select(_NODE_COLUMNS).filter(pa.array(visible)), edges.filter(pa.array(kept))
    cited = _cited(documents)
    FORMATS[form](out, _nodes(shown), _edges(drawn, ids, cited))
    return shown.num_rows, drawn.num_rows


def _cited(documents: pa.Table) -> list[str]:
    columns = (documents[name].to_pylist() for name in ("source", "partition", "doc_id"))
    return ["/".join(row) for row in zip(*columns, strict=True)]


def _nodes(rows: pa.Table) -> Iterator[ExportNode]:
    for start in range(0, rows.num_rows, _SLICE):
        for row in rows.slice(start, _SLICE).to_pylist():
            id_ = shown_id(row.pop("key"), row.pop("id"))
            name = row.pop("name")
            yield ExportNode(id=id_, name=name.partition("@")[0] if row["type"] == "person" else name, **row)


def _edges(rows: pa.Table, ids: Sequence[str], cited: Sequence[str]) -> Iterator[ExportEdge]:
    names = list(load().relations)
    for start in range(0, rows.num_rows, _SLICE):
        for row in rows.slice(start, _SLICE).to_pylist():
            yield ExportEdge(
                ids[row["subject"]],
                names[row["type"]],
                ids[row["object"]],
                row["label"],
                row["confidence"],
                cited[row["document"]],
            )
