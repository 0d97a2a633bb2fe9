"""Reconciler of the tables `entities` and `relations`: a partition's documents, read for what they speak of.

Two steps. Each changed document is read by itself, and what its code says is kept in `extracts`. Then, where code or
owners changed, all files of the repository are linked from there, without reading any again; only rows that differ
are written.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from duetto_assets.model import Document, Entity, Relation, digest
from duetto_assets.ontology import keys
from duetto_assets.ontology.documents import said_by
from duetto_assets.ontology.repository import EXTRACTOR_VERSION, Extract, extract, link
from duetto_assets.ontology.vocabulary import load
from duetto_assets.stages.documents import load_documents
from duetto_assets.stages.reconcile import Progress, no_progress, owned, slices
from duetto_assets.store import tables
from duetto_assets.store.index import Index, Table, partition_key
from duetto_assets.store.where import Where, among, both, same

_COMMIT_DOCUMENTS = 500
_COMMIT_CHARS = 8_000_000
_COMMIT_ROWS = 50_000
_LINKED = Where("(linked)")
_UNLINKED = Where("(NOT linked)")


@dataclass(frozen=True, slots=True)
class EntityCounts:
    """What `reconcile_entities` did: documents read, relations that linking changed, and all rows."""

    documents: int
    relinked: int
    entities: int
    relations: int
    seconds: float


def reconcile_entities(source: str, partition: str, index: Index, *, progress: Progress = no_progress) -> EntityCounts:
    """Make the tables `entities` and `relations` equal to what the partition's documents say."""
    started = time.monotonic()
    where = owned(source, partition)
    with index.lock(source, partition):
        stale, gone = extracts_behind(index, source, partition)
        record = index.partition(source, partition)
        if (stale or gone) and record.linked:
            record = replace(record, graph_head="", linked="")
            index.record(record)
        done = 0
        for batch in _batches(index, stale):
            _write(index, batch)
            done += len(batch)
            progress("entities", done, len(stale))
        for doc_keys in slices(gone, _COMMIT_DOCUMENTS):
            _doubt(index, doc_keys)
            for table in (index.relations, index.entities):
                table.delete(among("doc_key", doc_keys))
            index.extracts.delete(among("id", doc_keys))
        relinked = 0
        made_of = _made_of(index, source, partition)
        if record.linked != made_of:
            relinked = _relink(index, source, partition) if source == "repos" else 0
        done_now = replace(record, linked=made_of, graph_head=record.head, extractor=EXTRACTOR_VERSION)
        if done_now != record:
            index.record(done_now)
        entities, relations = index.entities.count(where), index.relations.count(where)
    return EntityCounts(len(stale), relinked, entities, relations, time.monotonic() - started)


def extracts_behind(index: Index, source: str, partition: str) -> tuple[list[str], list[str]]:
    """Return the keys of documents that must be read again, and of those that are no more."""
    where = owned(source, partition)
    documents = index.documents.scan(["id", "extract_hash"], where)
    wanted = dict(zip(documents["id"].to_pylist(), documents["extract_hash"].to_pylist(), strict=True))
    rows = index.extracts.scan(["id", "doc_hash", "extractor"], where)
    columns = (rows[name].to_pylist() for name in ("id", "doc_hash", "extractor"))
    present = {key: (doc_hash, extractor) for key, doc_hash, extractor in zip(*columns, strict=True)}
    stale = sorted(key for key, hash_ in wanted.items() if present.get(key) != (hash_, EXTRACTOR_VERSION))
    return stale, sorted(present.keys() - wanted.keys())


def _made_of(index: Index, source: str, partition: str) -> str:
    rows = index.extracts.scan(["id", "doc_hash", "extractor"], owned(source, partition))
    return digest(*sorted("".join(row.values()) for row in rows.to_pylist()))


def _batches(index: Index, stale: Sequence[str]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    chars = 0
    for part in slices(stale, min(_COMMIT_DOCUMENTS, 100)):
        for document in load_documents(index, part):
            batch.append(document)
            chars += len(document.text)
        if len(batch) >= _COMMIT_DOCUMENTS or chars >= _COMMIT_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _write(index: Index, documents: Sequence[Document]) -> None:
    """Store what documents say by themselves; last of all that they were read."""
    entities: list[dict[str, Any]] = []
    relations: list[dict[str, Any]] = []
    extracts: list[dict[str, Any]] = []
    for document in documents:
        extracted = extract(document)
        said = said_by(document, extracted.code())
        owner = _owner(document)
        entities += (_entity_row(owner, document.key, entity) for entity in said.entities.values())
        relations += _relation_rows(owner, document.key, said.relations, linked=False)
        extracts.append(
            owner
            | {
                "id": document.key,
                "doc_hash": document.extract_hash,
                "extractor": EXTRACTOR_VERSION,
                "path": document.path,
                "family": extracted.family,
                "facts": extracted.facts,
            }
        )
    doc_keys = [document.key for document in documents]
    _doubt(index, doc_keys)
    scope = among("doc_key", doc_keys)
    _make(index.entities, pa.Table.from_pylist(entities, schema=tables.ENTITIES), scope)
    _make(index.relations, pa.Table.from_pylist(relations, schema=tables.RELATIONS), both(scope, _UNLINKED))
    index.extracts.upsert(pa.Table.from_pylist(extracts, schema=tables.EXTRACTS))


def _doubt(index: Index, doc_keys: Sequence[str]) -> None:
    """Take back that these were read. Else a change that a crash interrupts, and that is undone, would look done."""
    rows = index.extracts.scan(tables.EXTRACTS.names, among("id", doc_keys)).to_pylist()
    index.extracts.upsert(pa.Table.from_pylist([row | {"doc_hash": ""} for row in rows], schema=tables.EXTRACTS))


def _make(table: Table, rows: pa.Table, scope: Where) -> None:
    """Make `rows` all that there is in `scope`. Not by `replace`, which reads the whole table for one document."""
    before = set(table.scan(["id"], scope)["id"].to_pylist())
    (table.upsert if before else table.insert)(rows)
    gone = sorted(before - set(rows["id"].to_pylist()))
    for ids in slices(gone, 10_000):
        table.delete(among("id", ids))


def _relink(index: Index, source: str, partition: str) -> int:
    """Link a repository's files, and write what differs; return how many rows did."""
    where = both(owned(source, partition))
    files = index.extracts.scan(["id", "doc_id", "path", "family", "facts"], where).to_pylist()
    by_path = {row["path"]: row for row in sorted(files, key=lambda row: row["id"]) if row["path"]}
    said = link(
        partition,
        set(by_path),
        {path: Extract(row["family"], row["facts"]) for path, row in by_path.items() if row["family"]},
    )
    wanted: dict[str, dict[str, Any]] = {}
    for path, relation in said:
        row = by_path[path]
        owner = _owner_of(source, partition, row["doc_id"])
        for made in _relation_rows(owner, row["id"], [relation], linked=True):
            _keep_best(wanted, made)
    compared = ["id", "confidence", "line", "subject_type", "object_type"]
    stored = {
        row["id"]: tuple(row.values()) for row in index.relations.scan(compared, both(where, _LINKED)).to_pylist()
    }
    changed = pa.Table.from_pylist(list(wanted.values()), schema=tables.RELATIONS)
    rows = zip(*(changed[name].to_pylist() for name in compared), strict=True)  # as the table rounds them
    changed = changed.filter(pa.array([stored.get(row[0]) != row for row in rows], pa.bool_()))
    write = index.relations.upsert if stored else index.relations.insert
    for start in range(0, changed.num_rows, _COMMIT_ROWS):
        write(changed.slice(start, _COMMIT_ROWS))
    gone = sorted(stored.keys() - wanted.keys())
    for ids in slices(gone, 10_000):
        index.relations.delete(among("id", ids))
    return int(changed.num_rows) + len(gone)


def _owner(document: Document) -> dict[str, str]:
    return _owner_of(document.source, document.partition, document.id)


def _owner_of(source: str, partition: str, doc_id: str) -> dict[str, str]:
    return {
        "partition_key": partition_key(source, partition),
        "source": source,
        "partition": partition,
        "doc_id": doc_id,
    }


def _entity_row(owner: Mapping[str, str], doc_key: str, entity: Entity) -> dict[str, Any]:
    row = {name: getattr(entity, name) for name in Entity.__slots__}
    id_ = keys.entity_id(entity.key)
    return {
        **owner,
        **row,
        "id": digest(doc_key, id_),
        "doc_key": doc_key,
        "entity": id_,
        "address": keys.address_of(entity.url) if _has_address(entity) else "",
    }


def _has_address(entity: Entity) -> bool:
    """Return whether a hyperlink can mean it. A symbol's address is that of its file, which is meant then."""
    if entity.about:
        return entity.type in load().concrete("container")
    return entity.type not in load().concrete("symbol")


def _relation_rows(
    owner: Mapping[str, str], doc_key: str, relations: Iterable[Relation], *, linked: bool
) -> list[dict[str, Any]]:
    """Return rows of relations, one of each, that the ontology allows.

    :raises ValueError: If the ontology does not: then the code that made the relation is wrong.
    """
    found: dict[str, dict[str, Any]] = {}
    for relation in relations:
        if problem := load().problem(relation.type, relation.subject_type, relation.object_type):
            raise ValueError(f"{problem}: {relation}")
        subject = keys.entity_id(relation.subject)
        object_ = keys.entity_id(relation.object) if relation.object else ""
        row = {
            **owner,
            "id": digest(
                doc_key, relation.type, subject, object_, relation.target_kind, relation.target, relation.label
            ),
            "doc_key": doc_key,
            "linked": linked,
            "type": relation.type,
            "subject": subject,
            "subject_type": relation.subject_type,
            "object": object_,
            "object_key": relation.object,
            "object_type": relation.object_type,
            "target_kind": relation.target_kind,
            "target": relation.target,
            "label": relation.label,
            "confidence": relation.confidence,
            "line": relation.line,
        }
        _keep_best(found, row)
    return list(found.values())


def _keep_best(found: dict[str, dict[str, Any]], row: dict[str, Any]) -> None:
    """Keep of one relation that is said several times what is most certain, then what is said first."""
    known = found.get(row["id"])
    if known is None or (-row["confidence"], row["line"]) < (-known["confidence"], known["line"]):
        found[row["id"]] = row


@dataclass(frozen=True, slots=True)
class EntityFindings:
    """What is amiss in `entities` and `relations`. All zero in a sound index at rest."""

    orphan_rows: int  # of a document that is no more
    not_allowed: int  # relations between types that the ontology does not join
    behind: int  # documents that wait to be read, or whose rows wait to go


def inspect_entities(index: Index, source: str) -> EntityFindings:
    """Compare a source's entities and relations with its documents and with the ontology."""
    where = same("source", source)
    documents = index.documents.scan(["id"], where)["id"].combine_chunks()
    orphans = behind = 0
    for record in index.known_partitions(source).values():
        stale, gone = extracts_behind(index, source, record.partition)
        behind += len(stale) + len(gone)
    for table in (index.entities, index.relations):
        owners = table.scan(["doc_key"], where)["doc_key"]
        orphans += len(owners) - int(pc.sum(pc.is_in(owners, value_set=documents)).as_py() or 0)
    joined = ["type", "subject_type", "object_type"]
    kinds = index.relations.scan(joined, where).group_by(joined).aggregate([([], "count_all")])
    wrong = sum(
        row["count_all"]
        for row in kinds.to_pylist()
        if load().problem(row["type"], row["subject_type"], row["object_type"])
    )
    return EntityFindings(orphans, wrong, behind)
