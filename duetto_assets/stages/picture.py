"""Draws the resolved graph: node-link JSON and a page, written where people and S3 can serve them from.

The picture shows what its principals may read, and no e-mail address: it may be published.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import fs

from duetto_assets.errors import ConfigError
from duetto_assets.model import digest
from duetto_assets.ontology.keys import shown_id
from duetto_assets.ontology.layout import Links, Nodes, Shown, arrange, shown
from duetto_assets.ontology.picture import Citation, Entity, Relation, node_link, page, template
from duetto_assets.ontology.vocabulary import load
from duetto_assets.store.index import Graph, Index

PICTURE_VERSION = "1"  # raise it whenever the same graph would be drawn otherwise
JSON_NAME, PAGE_NAME = "graph.json", "graph.html"

_ORGANISATION = "organisation"
# Neither `icon@2x.png` nor `lodash@4.17.21` is an address of somebody.
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++(?:@|%40)(?!\d+(?:x\.|\.\d))[\w-]++(?:\.[\w-]++)++", re.IGNORECASE)
_NODE_COLUMNS = [
    "id", "type", "key", "name", "title", "source", "partition", "path", "line", "url", "access",
]  # fmt: skip
_CITED = 3


@dataclass(frozen=True, slots=True)
class PictureCounts:
    """What `draw` did. Where nothing had changed, nothing was written."""

    written: bool
    nodes: int
    links: int
    omitted: int
    page: str  # why there is none; empty where there is one
    seconds: float


def draw(
    index: Index, location: str, *, principals: Sequence[str], organisation: str, most: int
) -> PictureCounts | None:
    """Write the picture of the graph as it was last resolved; None where none was.

    :param location: A folder, or `s3://bucket/prefix`.
    :param most: Nodes to draw; what there is no room for is lifted to what holds it.
    """
    started = time.monotonic()
    graph = index.graph()
    if graph is None:
        return None
    try:
        built, missing = template(), ""
    except ConfigError as error:
        built, missing = "", str(error)
    made_of = digest(PICTURE_VERSION, graph.made_of, *sorted(principals), organisation, str(most), built)
    before = _read(location)
    if before.get("made_of") == made_of and (not built or _is_there(location, PAGE_NAME)):
        counts = len(before["nodes"]), len(before["links"]), before["omitted"]["nodes"]
        return PictureCounts(False, *counts, missing, time.monotonic() - started)
    said = _node_link(index, graph, principals, organisation, most) | {"made_of": made_of}
    if built:
        _write(location, PAGE_NAME, page(said, built))
    # Last: what it is made of says that the page is there, too.
    _write(location, JSON_NAME, json.dumps(said, separators=(",", ":")))
    return PictureCounts(
        True, len(said["nodes"]), len(said["links"]), said["omitted"]["nodes"], missing, time.monotonic() - started
    )


def _node_link(index: Index, graph: Graph, principals: Sequence[str], organisation: str, most: int) -> dict[str, Any]:
    rows = index.read_graph(graph, "nodes", _NODE_COLUMNS)
    edges = index.read_graph(graph, "edges", ["subject", "object", "type", "document", "confidence", "label"])
    documents = index.read_graph(graph, "documents", ["title", "path", "url", "access"])
    visible = readable(rows["access"], principals)
    ends = [edges[name].to_numpy() for name in ("subject", "object")]
    kept = visible[ends[0]] & visible[ends[1]] & readable(documents["access"], principals)[edges["document"].to_numpy()]
    place = np.cumsum(visible)  # 0 is the organisation
    rows, edges = rows.filter(pa.array(visible)), edges.filter(pa.array(kept))
    source, target = place[ends[0][kept]], place[ends[1][kept]]
    nodes = _nodes(rows, organisation, edges["type"].to_numpy(), source, target)
    links = Links(
        source, target, edges["confidence"].to_numpy().astype(np.float64), edges["type"].to_numpy().astype(np.int64)
    )
    drawn = shown(nodes, links, most)
    return node_link(
        organisation,
        drawn,
        arrange(drawn.nodes, drawn.links),
        _entities(rows, organisation, drawn.kept),
        _relations(edges, documents, drawn),
    )


def readable(access: pa.ChunkedArray, principals: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each row whether one of these may read it."""
    lists = access.combine_chunks()
    found = pc.is_in(lists.flatten(), value_set=pa.array(sorted(set(principals)), pa.string()))
    hits = np.concatenate([[0], np.cumsum(found.to_numpy(zero_copy_only=False))])
    offsets = lists.offsets.to_numpy() - lists.offsets[0].as_py() if len(lists) else np.zeros(1, np.int64)
    return np.asarray(hits[offsets[1:]] > hits[offsets[:-1]])


def _nodes(
    rows: pa.Table,
    organisation: str,
    relation: NDArray[np.int8],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
) -> Nodes:
    """Return the nodes of a picture: the organisation first, then those of `rows`."""
    ids = [_ORGANISATION, *map(_shown_id, rows["key"].to_pylist(), rows["id"].to_pylist())]
    types = [_ORGANISATION, *rows["type"].to_pylist()]
    names = [
        organisation,
        *map(_shown_name, rows["name"].to_pylist(), rows["type"].to_pylist(), rows["title"].to_pylist()),
    ]
    parents = np.full(len(ids), -1, np.int64)
    held = np.isin(relation, [list(load().relations).index(name) for name in ("contains", "defines")])
    parents[target[held]] = source[held]
    child_of = relation == list(load().relations).index("child_of")
    parents[source[child_of]] = target[child_of]
    tops = np.isin(np.array(types, dtype=object), sorted(load().concrete("container")))
    parents[tops] = 0
    _break_rings(parents)
    return Nodes(np.array(ids, object), np.array(names, object), np.array(types, object), parents)


def _break_rings(parents: NDArray[np.int64]) -> None:
    """Let no node be above itself: pages can be moved, and issues linked, in a ring while they are read."""
    depth = np.zeros(len(parents), np.int64)  # 0: not known
    for start in range(len(parents)):
        trail: list[int] = []
        node = start
        while node >= 0 and depth[node] == 0:
            depth[node] = -1
            trail.append(node)
            node = int(parents[node])
        if node >= 0 and depth[node] == -1:
            parents[trail[-1]] = -1
        for each in trail:
            depth[each] = 1


def _shown_id(key: str, id_: str) -> str:
    shown = shown_id(key, id_)
    return f"{key.partition(':')[0]}:{id_}" if _MAIL.search(shown) else shown


def _unmailed(text: str) -> str:
    """Return text with an ellipsis for each e-mail address: titles and paths hold them, too."""
    return _MAIL.sub("…", text)


def _without_mail(url: str) -> str:
    return "" if _MAIL.search(url) else url


def _shown_name(name: str, type_: str, title: str) -> str:
    return _unmailed(_whole_name(name, type_, title))


def _whole_name(name: str, type_: str, title: str) -> str:
    if type_ == "person":
        return name.partition("@")[0]
    if type_ in ("file", "directory"):
        return name.rstrip("/").rpartition("/")[2]
    return title[:60] if type_ == "commit" and title else name


def _entities(rows: pa.Table, organisation: str, kept: NDArray[np.int64]) -> list[Entity]:
    some = rows.take(pa.array(kept[kept > 0] - 1))
    entities = iter(
        [
            Entity(
                title=_unmailed(row["title"] or ("" if row["type"] == "person" else row["name"])),
                source=row["source"],
                partition=_unmailed(row["partition"]),
                url=_without_mail(row["url"]),
                path=_unmailed(row["path"]),
                line=row["line"],
            )
            for row in some.select(["type", "name", "title", "source", "partition", "url", "path", "line"]).to_pylist()
        ]
    )
    return [Entity(title=organisation) if number == 0 else next(entities) for number in kept]


def _relations(edges: pa.Table, documents: pa.Table, drawn: Shown) -> list[Relation]:
    """Describe each drawn link by the edges that it stands for."""
    names = list(load().relations)
    types, confidences = edges["type"].to_numpy(), edges["confidence"].to_numpy()
    labels, cited = edges["label"], edges["document"].to_numpy()
    order = np.argsort(drawn.drawn, kind="stable")
    first = np.searchsorted(drawn.drawn[order], np.arange(len(drawn.links)))
    last = np.searchsorted(drawn.drawn[order], np.arange(len(drawn.links)), side="right")
    found = []
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        of_link = order[start:end]
        told = list(dict.fromkeys(cited[of_link[: 20 * _CITED]].tolist()))[:_CITED]
        found.append(
            Relation(
                type=names[types[of_link[0]]],
                label=_unmailed(labels[int(of_link[0])].as_py()),
                confidence=float(confidences[of_link].max()),
                documents=tuple(_citation(documents, row) for row in told),
            )
        )
    return found


def _citation(documents: pa.Table, row: int) -> Citation:
    title, path, url = (documents[name][row].as_py() for name in ("title", "path", "url"))
    return Citation(_unmailed(path or title), _without_mail(url))


def read_picture(location: str, name: str) -> bytes | None:
    """Return a written file of the picture; None where there is none."""
    system, folder = _place(location)
    try:
        with system.open_input_file(f"{folder}/{name}") as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def remove_picture(location: str) -> None:
    """Delete the files of the picture: it would go on to show what is indexed no more."""
    system, folder = _place(location)
    for name in (JSON_NAME, PAGE_NAME):
        if _is_there(location, name):
            system.delete_file(f"{folder}/{name}")


def _is_there(location: str, name: str) -> bool:
    system, folder = _place(location)
    return bool(system.get_file_info(f"{folder}/{name}").type == fs.FileType.File)


def _read(location: str) -> dict[str, Any]:
    try:
        said = json.loads(read_picture(location, JSON_NAME) or b"{}")
    except ValueError:  # cut off by a crash
        return {}
    return said if isinstance(said, dict) else {}


def _write(location: str, name: str, text: str) -> None:
    """Write a file so that a reader sees the old one or the new, whole."""
    system, folder = _place(location)
    if not isinstance(system, fs.LocalFileSystem):  # an object stands when it is closed
        with system.open_output_stream(f"{folder}/{name}", metadata={"Content-Type": _CONTENT[name]}) as stream:
            stream.write(text.encode())
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    beside = Path(folder) / f".{name}.new"
    beside.write_bytes(text.encode())
    beside.replace(Path(folder) / name)


_CONTENT = {JSON_NAME: "application/json", PAGE_NAME: "text/html; charset=utf-8"}


def _place(location: str) -> tuple[fs.FileSystem, str]:
    if "://" not in location:
        return fs.LocalFileSystem(), location
    system, folder = fs.FileSystem.from_uri(location)
    return system, folder.rstrip("/")
