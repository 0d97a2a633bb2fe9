"""`ontology` over a million entities and five million relations: seconds and peak memory, everything on disk.

An organisation of 200 repositories with code, commits and people, and 50 projects with issues. A tenth of the relations
must be found by name or address. The rows are made up; what resolves them is the real stage.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from benchmarks.ground import peak_mib, report
from duetto_assets.model import digest
from duetto_assets.ontology import keys
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Partition, partition_key

_REPOSITORIES, _PROJECTS = 200, 50
_SHARES = {"file": 0.10, "function": 0.70, "commit": 0.10, "issue": 0.095, "person": 0.005}


def main() -> None:
    """Make the tables, then the graph, twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--relations", type=int, default=5_000_000)
    parser.add_argument("--make", help="only make the tables, in this folder")
    args = parser.parse_args()
    if args.make:
        _made(Index(args.make), args.entities, args.relations)
        return
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own, whose memory is not that of the stage.
        sizes = ["--entities", str(args.entities), "--relations", str(args.relations)]
        subprocess.run([sys.executable, "-m", "benchmarks.ontology", "--make", folder, *sizes], check=True)
        index = Index(folder)
        done = reconcile_graph(index)
        again = time.monotonic()
        idle = reconcile_graph(index)
        report(
            "ontology",
            entities=args.entities,
            relations=index.relations.count(),
            nodes=done.nodes,
            edges=done.edges,
            unresolved=done.unresolved,
            dangling=done.dangling,
            seconds=done.seconds,
            limit_s=60,
            nothing_changed_s=time.monotonic() - again,
            written_again=idle.written,
            peak_mib=peak_mib(),
            limit_mib=6 * 1024,
        )


def _made(index: Index, entities: int, relations: int) -> None:
    """Fill the tables."""
    random = np.random.default_rng(0)
    counts = {kind: int(entities * share) for kind, share in _SHARES.items()}
    places: dict[str, list[tuple[str, str]]] = {}  # of each kind: key and partition
    for kind, count in counts.items():
        size = _PROJECTS if kind == "issue" else _REPOSITORIES
        homes = [f"{'P' if kind == 'issue' else 'acme/r'}{n}" for n in range(size)]
        places[kind] = [(_key(kind, homes[n % size], n), homes[n % size]) for n in range(count)]
    ids = {kind: [keys.entity_id(key) for key, _ in rows] for kind, rows in places.items()}
    documents = [(kind, n) for kind in ("file", "commit", "issue") for n in range(counts[kind])]
    doc_keys = {(kind, n): digest("doc", kind, str(n)) for kind, n in documents}
    _documents(index, documents, doc_keys, places)
    for kind, rows in places.items():
        _entities(index, kind, rows, ids[kind], doc_keys, counts)
    plan = [
        ("defines", "file", "function", 0.14, "n"),
        ("calls", "function", "function", 0.50, ""),
        ("imports", "file", "file", 0.08, ""),
        ("modifies", "commit", "file", 0.10, ""),
        ("authored", "person", "commit", 0.02, ""),
        ("mentions", "commit", "issue", 0.06, ""),
        ("mentions", "issue", "function", 0.05, "symbol"),
        ("links_to", "issue", "file", 0.05, "url"),
    ]
    for type_, subject, object_, share, how in plan:
        _relations(index, random, type_, subject, object_, int(relations * share), how, ids, doc_keys, places)
    for n in range(_REPOSITORIES):
        index.record(Partition("repos", f"acme/r{n}", head="1", linked="1"))


def _key(kind: str, home: str, n: int) -> str:
    if kind == "file":
        return keys.file(home, _path(n))
    if kind == "function":
        return keys.symbol(home, _path(n // 7), f"function_{n}")
    if kind == "commit":
        return keys.commit(home, digest("commit", str(n)))
    return keys.issue(f"{home}-{n}") if kind == "issue" else f"email:person{n}@acme.example"


def _path(n: int) -> str:
    return f"src/package{n % 97}/module{n}.py"


def _owner(count: int) -> dict[str, pa.Array]:
    key = partition_key("repos", "acme/r0")
    texts = {"partition_key": key, "source": "repos", "doc_id": "d"}
    return {name: pa.array([text] * count, pa.string()) for name, text in texts.items()}


def _documents(
    index: Index,
    documents: Sequence[tuple[str, int]],
    doc_keys: dict[tuple[str, int], str],
    places: dict[str, list[tuple[str, str]]],
) -> None:
    count = len(documents)
    texts = {
        name: [""] * count for name in ("version", "content_hash", "language", "author", "skipped", "text", "facts")
    }
    columns = _owner(count) | {name: pa.array(rows, pa.string()) for name, rows in texts.items()}
    columns |= {
        "id": pa.array([doc_keys[each] for each in documents]),
        "partition": pa.array([places[kind][n][1] for kind, n in documents]),
        "kind": pa.array([kind for kind, _ in documents]),
        "title": pa.array([f"{kind} {n}" for kind, n in documents]),
        "path": pa.array([_path(n) if kind == "file" else "" for kind, n in documents]),
        "url": pa.array([_url(kind, n) for kind, n in documents]),
        "access": pa.array([["all"]] * count),
        "chars": pa.array([0] * count),
        "updated_at": pa.nulls(count, pa.timestamp("us", tz="UTC")),
        "extract_hash": pa.array(["1"] * count),
    }
    _write(index.documents, tables.DOCUMENTS, columns)


def _url(kind: str, n: int) -> str:
    return f"https://host.example/acme/r/blob/HEAD/{kind}/{n}"


def _entities(
    index: Index,
    kind: str,
    rows: list[tuple[str, str]],
    ids: list[str],
    doc_keys: dict[tuple[str, int], str],
    counts: dict[str, int],
) -> None:
    count = len(rows)
    owners = [_owner_of(kind, n, doc_keys, counts) for n in range(count)]
    names = [f"function_{n}" if kind == "function" else key for n, (key, _) in enumerate(rows)]
    columns = _owner(count) | {
        "id": pa.array([digest(owner, id_) for owner, id_ in zip(owners, ids, strict=True)]),
        "partition": pa.array([home for _, home in rows]),
        "doc_key": pa.array(owners),
        "entity": pa.array(ids),
        "type": pa.array([kind] * count),
        "key": pa.array([key for key, _ in rows]),
        "name": pa.array(names),
        "qualified": pa.array(names),
        "path": pa.array([_path(n) if kind == "file" else "" for n in range(count)]),
        "line": pa.array([n % 1000 for n in range(count)]),
        "end_line": pa.array([n % 1000 + 9 for n in range(count)]),
        "url": pa.array([_url(kind, n) for n in range(count)]),
        "address": pa.array([keys.address_of(_url(kind, n)) for n in range(count)]),
        "updated_at": pa.nulls(count, pa.timestamp("us", tz="UTC")),
        "about": pa.array([kind == "person"] * count),
        **{name: pa.array([""] * count, pa.string()) for name in ("title", "language")},
    }
    _write(index.entities, tables.ENTITIES, columns)


def _owner_of(kind: str, n: int, doc_keys: dict[tuple[str, int], str], counts: dict[str, int]) -> str:
    if kind == "function":
        return doc_keys["file", n % counts["file"]]
    return doc_keys["commit", n % counts["commit"]] if kind == "person" else doc_keys[kind, n]


def _relations(
    index: Index,
    random: np.random.Generator,
    type_: str,
    subject: str,
    object_: str,
    count: int,
    how: str,
    ids: dict[str, list[str]],
    doc_keys: dict[tuple[str, int], str],
    places: dict[str, list[tuple[str, str]]],
) -> None:
    """Make relations between random entities; `how` says by what the object is named, where not by its id."""
    a = random.integers(0, len(ids[subject]), count)
    b = np.arange(count) % len(ids[object_]) if how == "n" else random.integers(0, len(ids[object_]), count)
    by_name = how in ("symbol", "url")
    counts = {kind: len(rows) for kind, rows in ids.items()}
    targets = {"symbol": lambda n: f"function_{n}", "url": lambda n: keys.address_of(_url(object_, n))}.get(how)
    columns = _owner(count) | {
        "id": pa.array([f"{zlib.crc32(f'{type_} {subject} {object_}'.encode()):08x}{n:024x}" for n in range(count)]),
        "partition": pa.array([places[subject][n][1] for n in a.tolist()]),
        "doc_key": pa.array([_owner_of(subject, n, doc_keys, counts) for n in a.tolist()]),
        "type": pa.array([type_] * count),
        "subject": pa.array([ids[subject][n] for n in a.tolist()]),
        "subject_type": pa.array([subject] * count),
        "object": pa.array(["" if by_name else ids[object_][n] for n in b.tolist()]),
        "object_key": pa.array(["" if by_name else places[object_][n][0] for n in b.tolist()]),
        "object_type": pa.array(["" if by_name else object_] * count),
        "target_kind": pa.array([how if by_name else ""] * count),
        "target": pa.array([targets(n) if targets else "" for n in b.tolist()]),
        "label": pa.array([""] * count),
        "confidence": pa.array(np.full(count, 1.0, np.float32)),
        "line": pa.array((a % 1000).astype(np.int64)),
        "linked": pa.array([False] * count),
    }
    _write(index.relations, tables.RELATIONS, columns)


def _write(table: object, schema: pa.Schema, columns: dict[str, pa.Array]) -> None:
    rows = pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
    table._commit(lambda t: t.add(rows))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
