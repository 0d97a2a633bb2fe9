"""The resolved graph in memory, and what of it somebody may see. Questions to it are asked elsewhere.

Edges are numpy arrays with offsets for each end, columns of nodes stay Arrow: a string is made only of what is printed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from duetto_assets.errors import ConfigError
from duetto_assets.ontology.vocabulary import load
from duetto_assets.store.index import Graph as Record
from duetto_assets.store.index import Index
from duetto_assets.store.where import shares

Rows: TypeAlias = NDArray[np.integer[Any]]
"""Row numbers, of nodes or of edges."""
Mask: TypeAlias = NDArray[np.bool_]

RELATIONS = tuple(load().relations.values())
CODES = {relation.name: code for code, relation in enumerate(RELATIONS)}

# These are what many documents make them; all other entities stand and fall with the one document that has them.
_NAMED = ("repository", "directory", "space", "project", "package", "person", "team", "label")

_NODES = [
    "type", "key", "name", "qualified", "title", "source", "partition", "path", "line", "end_line", "language", "url",
    "updated_at", "document", "access", "aliases",
]  # fmt: skip
_EDGES = ["subject", "object", "type", "document", "confidence", "line", "label", "by_object"]
_DOCUMENTS = ["id", "source", "partition", "doc_id", "title", "url", "access"]
_TRIES = 3
_VIEWS = 8


class NoGraph(ConfigError):
    """There is nothing to ask yet."""

    def __init__(self) -> None:
        super().__init__("There is no graph yet. Make it: duetto-intel sync")


class Access:
    """A column of lists of who may read, as codes: asking it for somebody is arithmetic on small numbers."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = column.combine_chunks()
        coded = pc.list_flatten(lists).dictionary_encode()
        self._codes: Rows = _numbers(coded.indices)
        self._names: list[str] = coded.dictionary.to_pylist()
        lengths: Rows = _numbers(pc.list_value_length(lists))
        self._ends = np.cumsum(lengths)
        self._starts = self._ends - lengths

    def shared_with(self, principals: Sequence[str]) -> Mask:
        """Return which rows name one of `principals`."""
        wanted = np.isin(np.array(self._names, object), np.array(principals, object))
        before = np.concatenate([[0], np.cumsum(wanted[self._codes])])
        shared: Mask = before[self._ends] > before[self._starts]
        return shared


class Graph:
    """All nodes, edges and documents, whoever may see them: ask through `view`."""

    def __init__(self, index: Index, record: Record) -> None:
        self.record = record
        self._index = index
        self.nodes = index.read_graph(record, "nodes", _NODES).combine_chunks()
        self.documents = index.read_graph(record, "documents", _DOCUMENTS).combine_chunks()
        edges = index.read_graph(record, "edges", _EDGES)
        self.subject, self.object = _numbers(edges["subject"]), _numbers(edges["object"])
        self.relation, self.document = _numbers(edges["type"]), _numbers(edges["document"])
        self.confidence: NDArray[np.float32] = edges["confidence"].to_numpy()
        self.line, self.by_object = _numbers(edges["line"]), _numbers(edges["by_object"])
        self.labels: pa.ChunkedArray = edges["label"]
        types = self.nodes["type"].combine_chunks().dictionary_encode()
        self.types: list[str] = types.dictionary.to_pylist()
        self.type_codes: Rows = _numbers(types.indices)
        self.describing = _numbers(self.nodes["document"])
        size = self.nodes.num_rows
        outgoing, incoming = (np.bincount(ends, minlength=size) for ends in (self.subject, self.object))
        self.relation_in: NDArray[np.int8] = self.relation[self.by_object]
        self.out_ends, self.in_ends = (np.cumsum(counts).astype(np.int32) for counts in (outgoing, incoming))
        self.out_starts, self.in_starts = (
            self.out_ends - outgoing.astype(np.int32),
            self.in_ends - incoming.astype(np.int32),
        )
        self._access = Access(self.nodes["access"]), Access(self.documents["access"])
        self._views: OrderedDict[tuple[tuple[str, ...], int], View] = OrderedDict()
        self._lock = threading.Lock()

    def typed(self, names: Sequence[str]) -> Mask:
        """Return which nodes are of one of these types."""
        return np.isin(np.array(self.types, object), np.array(names, object))[self.type_codes]

    def view(self, principals: Sequence[str]) -> View:
        """Return what these may see, by what documents say now: one may have been restricted since."""
        key = (tuple(sorted(set(principals))), self._index.documents.version)
        with self._lock:
            if key not in self._views:
                self._views[key] = View(self, key[0], key[1], *self._visible(key[0]))
                while len(self._views) > _VIEWS:
                    self._views.popitem(last=False)
            self._views.move_to_end(key)
            return self._views[key]

    def _visible(self, principals: tuple[str, ...]) -> tuple[Mask, Mask, Mask]:
        now = self._index.documents.scan(["id"], shares("access", principals))["id"]
        documents = _flags(pc.is_in(self.documents["id"], value_set=now.combine_chunks()))
        documents &= self._access[1].shared_with(principals)
        said = documents[self.document]
        stands = documents[self.describing]
        joined = np.zeros(self.nodes.num_rows, bool)
        joined[self.subject[said]] = True
        joined[self.object[said]] = True
        stands |= joined & self.typed(_NAMED)
        nodes = stands & self._access[0].shared_with(principals)
        return nodes, said & nodes[self.subject] & nodes[self.object], documents


class View:
    """The part of a graph that somebody may see. No answer is made of anything else."""

    def __init__(
        self,
        graph: Graph,
        principals: tuple[str, ...],
        documents_version: int,
        nodes: Mask,
        edges: Mask,
        readable: Mask,
    ) -> None:
        self.graph = graph
        self.principals = principals
        self.documents_version = documents_version
        self.nodes = nodes
        self.edges = edges
        self._edges_in = edges[graph.by_object]  # neighbours in memory, for questions that go through all of them
        self.readable = readable  # documents

    @cached_property
    def degree(self) -> Rows:
        """How many edges each node has: of those that can be seen, or an order would betray the others."""
        graph, size = self.graph, len(self.nodes)
        counts: Rows = np.bincount(graph.subject[self.edges], minlength=size)
        counts += np.bincount(graph.object[self.edges], minlength=size)
        return counts

    def out(self, nodes: Rows, relations: Mask | None = None) -> Rows:
        """Return the edges whose subject is one of `nodes`."""
        graph = self.graph
        rows = _ranges(graph.out_starts[nodes], graph.out_ends[nodes])
        return rows[_admitted(rows, self.edges, graph.relation, relations)]

    def into(self, nodes: Rows, relations: Mask | None = None) -> Rows:
        """Return the edges whose object is one of `nodes`."""
        graph = self.graph
        places = _ranges(graph.in_starts[nodes], graph.in_ends[nodes])
        admitted = _admitted(places, self._edges_in, graph.relation_in, relations)
        rows: Rows = graph.by_object[places[admitted]]
        return rows

    def parallel(self, edge: int) -> Rows:
        """Return all edges that say what this one says, itself among them."""
        graph = self.graph
        edges = self.out(graph.subject[[edge]])
        same = (graph.object[edges] == graph.object[edge]) & (graph.relation[edges] == graph.relation[edge])
        found: Rows = edges[same]
        return found

    def type_of(self, node: int) -> str:
        """Return the type of a node."""
        return self.graph.types[int(self.graph.type_codes[node])]

    def strings(self, column: str, nodes: Rows | Sequence[int]) -> list[str]:
        """Return a column of these nodes."""
        found: list[str] = self.graph.nodes[column].take(pa.array(nodes, pa.int64())).to_pylist()
        return found


_last: tuple[str, Graph] | None = None
_loading = threading.Lock()


def load_graph(index: Index) -> Graph | None:
    """Return the graph as it was last resolved; None before that. The last one loaded is kept while it is current."""
    global _last
    with _loading:
        for attempt in range(_TRIES):
            record = index.graph()
            if record is None:
                return None
            if _last is not None and _last[0] == index.location and _last[1].record == record:
                return _last[1]
            try:
                graph = Graph(index, record)
            except (OSError, RuntimeError, ValueError):
                # A version that a new graph has replaced may be cleaned up between reading its record and reading it.
                if attempt == _TRIES - 1 or index.graph() == record:
                    raise
                continue
            _last = index.location, graph
            return graph
        return None


def view_of(index: Index, principals: Sequence[str]) -> View:
    """Return what these may see of the graph.

    :raises NoGraph: If none was made yet.
    """
    graph = load_graph(index)
    if graph is None or not graph.nodes.num_rows:
        raise NoGraph
    return graph.view(principals)


def of_relations(*names: str) -> Mask:
    """Return a mask over relations."""
    mask = np.zeros(len(RELATIONS), bool)
    mask[[CODES[name] for name in names]] = True
    return mask


def distinct(rows: Rows, size: int) -> Rows:
    """Return the distinct numbers of `rows`, sorted; all are below `size`."""
    if len(rows) < size // 20:
        return np.unique(rows)
    seen = np.zeros(size, bool)
    seen[rows] = True
    return np.flatnonzero(seen)


def _ranges(starts: Rows, ends: Rows) -> Rows:
    """Return all numbers of all these half-open ranges, one range after the other."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    numbers: Rows = np.repeat((starts - before).astype(np.int32), lengths)
    numbers += np.arange(len(numbers), dtype=np.int32)
    return numbers


def _admitted(rows: Rows, seen: Mask, relation: NDArray[np.int8], relations: Mask | None) -> Mask:
    admitted: Mask = seen[rows]
    if relations is not None:
        admitted &= relations[relation[rows]]
    return admitted


def _numbers(column: Any) -> Any:
    return column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()


def _flags(column: Any) -> Mask:
    flags: Mask = column.combine_chunks().to_numpy(zero_copy_only=False) if column.num_chunks else np.zeros(0, bool)
    return flags.copy()
