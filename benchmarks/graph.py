"""Questions to a graph of a million entities and five million relations, made up: loading, impact, path, neighbors."""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from benchmarks.ground import peak_mib, report
from duetto_assets.ontology import keys, vocabulary
from duetto_assets.search.graph import load_graph
from duetto_assets.search.graph_impact import impact
from duetto_assets.search.graph_names import resolve_name
from duetto_assets.search.graph_path import path
from duetto_assets.search.graph_queries import neighbors
from duetto_assets.store import tables
from duetto_assets.store.index import Index

_FILES_A_REPOSITORY = 500
_SYMBOLS_A_FILE = 8
_CONFIDENCES = np.array([1.0, 1.0, 1.0, 0.9, 0.6, 0.3], np.float32)


def main() -> None:
    """Write the graph, then load it and ask, in a process whose memory is nothing but that."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=5_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spawn = multiprocessing.get_context("spawn")
        for work in (_write, _ask):
            process = spawn.Process(target=work, args=(folder, args.nodes, args.edges))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)


def _ask(folder: str, nodes: int, edges: int) -> None:
    before = peak_mib()
    index = Index(folder)
    loading, graph = _timed(lambda: load_graph(index))
    assert graph is not None
    viewing, view = _timed(lambda: graph.view(("all",)))
    starts = [f"acme/r{number}:src/f{number * 7 % 100}.py" for number in range(0, 8, 2)]
    naming = max(_timed(lambda name=name: resolve_name(view, name))[0] for name in starts)
    impacts = [_timed(lambda name=name: impact(view, name)) for name in [*starts, "acme/r1"]]
    pairs = zip(starts, reversed(starts), strict=True)
    paths = [_timed(lambda pair=pair: path(view, *pair))[0] for pair in pairs]
    around = [_timed(lambda name=name: neighbors(view, name, depth=2))[0] for name in starts]
    report(
        "questions to a graph",
        nodes=nodes,
        edges=edges,
        load_s=loading,
        visibility_s=viewing,
        name_s=naming,
        impact_s=max(seconds for seconds, _ in impacts),
        impact_results=max(answer.total for _, answer in impacts),
        path_s=max(paths),
        neighbors_s=max(around),
        peak_mib=peak_mib(),
        peak_before_mib=before,
        target="impact and path < 1 s, load about 1 s",
    )


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def _write(folder: str, nodes: int, edges: int) -> None:
    """Repositories of files of functions, which import and call each other within and across repositories."""
    chance = np.random.default_rng(1)
    per_repository = 1 + _FILES_A_REPOSITORY * (1 + _SYMBOLS_A_FILE)
    place = np.arange(nodes)
    repository, within = np.divmod(place, per_repository)
    file, symbol = np.divmod(within - 1, 1 + _SYMBOLS_A_FILE)
    kind = np.where(within == 0, 0, np.where(symbol == 0, 1, 2))
    names, all_keys, types = [], [], []
    for repo, number, inside, what in zip(repository, file, symbol, kind, strict=True):
        where = f"src/f{number}.py"
        name = (f"acme/r{repo}", where, f"f{number}.call_{inside}")[what]
        all_keys.append(
            (f"repos:acme/r{repo}", f"repos:acme/r{repo}:{where}", f"repos:acme/r{repo}:{where}#{name}")[what]
        )
        names.append(name)
        types.append(("repository", "file", "function")[what])
    relations = list(vocabulary.load().relations)
    above = np.where(kind == 1, place - within, place - symbol)
    said = np.flatnonzero(kind > 0)
    rest = max(0, edges - len(said))
    files, symbols = np.flatnonzero(kind == 1), np.flatnonzero(kind == 2)
    imports = chance.random(rest) < 0.2
    subject = np.where(imports, chance.choice(files, rest), chance.choice(symbols, rest))
    near = np.clip(subject - chance.geometric(0.001, rest), 0, nodes - 1)
    any_target = np.where(imports, chance.choice(files, rest), chance.choice(symbols, rest))
    target = np.where((chance.random(rest) < 0.8) & (kind[near] == kind[subject]), near, any_target)
    rows = {
        "subject": np.concatenate([above[said], subject]),
        "object": np.concatenate([said, target]),
        "type": np.concatenate(
            [
                np.where(kind[said] == 1, relations.index("contains"), relations.index("defines")),
                np.where(imports, relations.index("imports"), relations.index("calls")),
            ]
        ),
    }
    document_of = np.cumsum(kind == 1) - 1
    rows["document"] = np.maximum(document_of[np.concatenate([said, subject])], 0)
    confidence = np.concatenate([np.ones(len(said), np.float32), chance.choice(_CONFIDENCES, rest)])
    _store(Index(folder), (names, all_keys, types), repository, (rows, confidence))


def _store(index: Index, texts: tuple[list[str], ...], repository: np.ndarray, said: tuple[dict, np.ndarray]) -> None:
    names, all_keys, types = texts
    ids = [keys.entity_id(key) for key in all_keys]
    order = np.argsort(ids)
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.arange(len(order))
    rows, confidence = said
    subject, object_ = row_of[rows["subject"]], row_of[rows["object"]]
    sorting = np.lexsort((rows["document"], object_, rows["type"], subject))
    files = [key for key, kind in zip(all_keys, types, strict=True) if kind == "file"]
    count, partitions = len(names), [f"acme/r{number}" for number in repository[order]]
    everybody = pa.ListArray.from_arrays(pa.array(np.arange(count + 1), pa.int32()), pa.array(["all"] * count))
    columns = {
        "id": pa.array(ids).take(order),
        "type": pa.array(types).take(order),
        "key": pa.array(all_keys).take(order),
        "name": pa.array(names).take(order),
        "qualified": pa.array(names).take(order),
        "source": ["repos"] * count,
        "partition": partitions,
        "line": np.ones(count, np.int64),
        "end_line": np.ones(count, np.int64),
        "updated_at": [None] * count,
        "document": np.arange(count) % max(1, len(files)),
        "access": everybody,
        "aliases": pa.ListArray.from_arrays(pa.array(np.zeros(count + 1), pa.int32()), pa.array([], pa.string())),
    }
    blank = [""] * count
    nodes = pa.table({n: columns.get(n, blank) for n in tables.GRAPH_NODES.names}).cast(tables.GRAPH_NODES)
    ends = object_[sorting]
    edges = pa.table(
        {
            "subject": subject[sorting],
            "object": ends,
            "type": rows["type"][sorting],
            "document": rows["document"][sorting],
            "confidence": confidence[sorting],
            "line": np.ones(len(sorting)),
            "label": [""] * len(sorting),
            "by_object": np.argsort(ends, kind="stable"),
        }
    ).cast(tables.GRAPH_EDGES)
    _write_documents(index, files, nodes, edges)


def _write_documents(index: Index, files: list[str], nodes: pa.Table, edges: pa.Table) -> None:
    count = len(files)
    everybody = pa.ListArray.from_arrays(pa.array(np.arange(count + 1), pa.int32()), pa.array(["all"] * count))
    blank = [""] * count
    partitions = [key.split(":")[1] for key in files]
    columns = {
        "id": [f"{number:032x}" for number in range(count)],
        "source": ["repos"] * count,
        "partition": partitions,
        "doc_id": [key.split(":")[2] for key in files],
        "title": [key.split(":")[2] for key in files],
        "updated_at": pa.array([datetime.now(UTC)] * count, tables.DOCUMENTS.field("updated_at").type),
        "chars": [1] * count,
        "access": everybody,
    }
    index.documents.upsert(pa.table({n: columns.get(n, blank) for n in tables.DOCUMENTS.names}).cast(tables.DOCUMENTS))
    documents = pa.table({n: columns.get(n, blank) for n in tables.GRAPH_DOCUMENTS.names}).cast(tables.GRAPH_DOCUMENTS)
    unresolved = tables.GRAPH_UNRESOLVED.empty_table()
    parts = {"nodes": nodes, "edges": edges, "documents": documents, "unresolved": unresolved}
    index.write_graph("made up", parts)


if __name__ == "__main__":
    main()
