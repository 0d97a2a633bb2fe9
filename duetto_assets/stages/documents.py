"""Reconciler of the table `documents`: a partition's listing against what is stored."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from duetto_assets.errors import GiveUp
from duetto_assets.model import AGEING_KINDS, Document, Fact, digest
from duetto_assets.sources.base import Ref, Source
from duetto_assets.stages.reconcile import Progress, no_progress, owned, settled_part, slices, unsettled
from duetto_assets.store import tables
from duetto_assets.store.index import Index, partition_key
from duetto_assets.store.where import among, both, same

_COMMIT_DOCUMENTS = 1_000
_COMMIT_CHARS = 16_000_000
_MAX_LOST = 20

_AS_IS = (
    "source",
    "partition",
    "version",
    "kind",
    "title",
    "text",
    "path",
    "url",
    "language",
    "author",
    "updated_at",
    "skipped",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a listing says, compared with the table `documents`."""

    head: str
    settled: bool
    to_read: list[Ref]
    new: frozenset[str]  # ids in `to_read` that are not indexed yet
    gone: list[str]  # ids of indexed documents
    gone_skipped: list[str]  # ids of documents known but not indexed
    unchanged: int
    lost: int  # gone documents whose content is listed under no other id
    indexed: int  # documents indexed before

    @property
    def empty(self) -> bool:
        """Whether the table is as the listing says."""
        return not (self.to_read or self.gone or self.gone_skipped)


@dataclass(frozen=True, slots=True)
class DocumentCounts:
    """What `reconcile_documents` did. `skipped` counts all documents there are whose text is not indexed."""

    head: str
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)  # ids that could not be read this time, with the reason
    seconds: float = 0.0


def compare(source: Source, partition: str, index: Index, *, census: bool = False, reread: bool = False) -> Difference:
    """List a partition and compare the listing with the table, writing nothing.

    :param census: Ask the source for everything, not only for what its head tells.
    :param reread: Read listed documents again, though their version is the one that is stored.
    """
    record = index.partition(source.name, partition)
    stored = _stored(index, source.name, partition)
    whole = reread or any(row.earlier for row in stored.values())
    scan = source.scan(partition, None if whole else settled_part(record.head) or None, census)
    listed = {ref.id: ref for ref in scan.refs}  # a listing that moves while it is paged may name a document twice
    versions = {ref.version for ref in listed.values()}
    to_read: list[Ref] = []
    unchanged = 0
    for ref in listed.values():
        known = stored.get(ref.id)
        if reread or known is None or known.earlier or not _same_version(known.version, ref):
            to_read.append(ref)
        elif not known.skipped:
            unchanged += 1
    gone = [i for i in stored if i not in listed] if scan.complete else []
    indexed = [i for i, row in stored.items() if not row.skipped]
    if not scan.complete:
        unchanged = len(indexed) - sum(1 for ref in to_read if ref.id in stored and not stored[ref.id].skipped)
    lost = [i for i in gone if stored[i].counts and stored[i].version not in versions]
    return Difference(
        head=scan.head,
        settled=scan.settled,
        to_read=to_read,
        new=frozenset(r.id for r in to_read if r.id not in stored or stored[r.id].skipped),
        gone=[i for i in gone if not stored[i].skipped],
        gone_skipped=[i for i in gone if stored[i].skipped],
        unchanged=unchanged,
        lost=len(lost),
        indexed=sum(1 for i in indexed if stored[i].counts),
    )


def reconcile_documents(
    source: Source,
    partition: str,
    index: Index,
    *,
    census: bool = False,
    reread: bool = False,
    allow_mass_deletion: bool = False,
    progress: Progress = no_progress,
) -> DocumentCounts:
    """Make the table `documents` equal to the partition's listing, then record its head.

    :raises SourceError: If the partition could not be listed or read; what was stored by then stays.
    :raises GiveUp: If most documents would be lost, unless `allow_mass_deletion`.
    """
    started = time.monotonic()
    with index.lock(source.name, partition):
        difference = compare(source, partition, index, census=census, reread=reread)
        if not allow_mass_deletion:
            _refuse_mass_deletion(source.name, partition, difference)
        record = index.partition(source.name, partition)
        earlier = record.head
        if not difference.empty:
            # From here on the table is true for no head: a crash must leave none that a later listing could equal.
            record = replace(record, head="", searchable_head="", changed_at=datetime.now(UTC))
            index.record(record)
        added, changed, turned, unread = _write_documents(source, partition, index, difference, progress)
        _delete_documents(index, source.name, partition, [*difference.gone, *difference.gone_skipped])
        reasons = _skip_reasons(index, source.name, partition)
        skipped = sum(reasons.values())
        head = difference.head if difference.settled and not unread else unsettled(difference.head, earlier)
        if record.head != head:
            total = index.documents.count(owned(source.name, partition)) - skipped
            index.record(replace(record, head=head, documents=total, skipped=skipped))
    return DocumentCounts(
        head,
        added=added,
        changed=changed,
        deleted=len(difference.gone) + turned,
        unchanged=difference.unchanged,
        skipped=skipped,
        reasons=reasons,
        unread=unread,
        seconds=time.monotonic() - started,
    )


def load_documents(index: Index, keys: Sequence[str]) -> list[Document]:
    """Return the stored documents of these keys."""
    rows = index.documents.scan([*_AS_IS, "doc_id", "access", "facts"], among("id", keys)).to_pylist()
    return [
        Document(
            id=row.pop("doc_id"),
            access=tuple(row.pop("access")),
            facts=tuple(Fact(*said) for said in json.loads(row.pop("facts") or "[]")),
            **row,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Stored:
    version: str
    skipped: bool
    counts: bool  # whether losing it may be the sign of a failed listing
    earlier: bool  # read by an earlier release, which kept no facts


def _stored(index: Index, source: str, partition: str) -> dict[str, _Stored]:
    names = ("doc_id", "version", "kind", "extract_hash")
    rows = index.documents.scan(names, owned(source, partition))
    return {
        doc_id: _Stored(version, kind == "skipped", kind != "skipped" and kind not in AGEING_KINDS, not extract_hash)
        for doc_id, version, kind, extract_hash in zip(*(rows[name].to_pylist() for name in names), strict=True)
    }


def _same_version(stored: str, ref: Ref) -> bool:
    return stored == ref.version if ref.whole else stored.startswith(ref.version)


def _refuse_mass_deletion(source: str, partition: str, difference: Difference) -> None:
    if difference.lost > _MAX_LOST and difference.lost > difference.indexed / 2:
        raise GiveUp(
            f"{source}/{partition}: the new listing lacks {difference.lost} of {difference.indexed} documents, so "
            f"nothing was deleted. If they are really gone, set `allow_mass_deletion: true` in the run's config, or "
            f"run `duetto-intel sync {source}/{partition} --allow-mass-deletion`."
        )


def _write_documents(
    source: Source, partition: str, index: Index, difference: Difference, progress: Progress
) -> tuple[int, int, int, dict[str, str]]:
    """Read and store; return the documents added, changed, turned from indexed to skipped, and those not read."""
    added = changed = turned = done = 0
    total = len(difference.to_read)
    unread = {ref.id: "vanished since it was listed" for ref in difference.to_read}
    for batch in _commits(source.read(partition, difference.to_read) if difference.to_read else ()):
        kept = [document for document in batch if document.version or document.id in difference.new]
        if kept:
            rows = [_document_row(document) for document in kept]
            index.documents.upsert(pa.Table.from_pylist(rows, schema=tables.DOCUMENTS))
        _doubt(
            index, [document.key for document in batch if not document.version and document.id not in difference.new]
        )
        for document in batch:
            is_new = document.id in difference.new
            added += is_new and not document.skipped
            changed += not is_new and not document.skipped
            turned += not is_new and bool(document.skipped) and bool(document.version)
            if document.version:
                unread.pop(document.id, None)
            else:
                unread[document.id] = document.skipped
        done += len(batch)
        progress("documents", done, total)
    return added, changed, turned, unread


def _doubt(index: Index, keys: Sequence[str]) -> None:
    """Take the version from what could not be read this time, so that no listing takes it for unchanged."""
    stored = load_documents(index, keys) if keys else []
    rows = [_document_row(replace(document, version="")) for document in stored if document.version]
    if rows:
        index.documents.upsert(pa.Table.from_pylist(rows, schema=tables.DOCUMENTS))


def _commits(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: dict[str, Document] = {}  # by id: two rows of one id in one commit would both stay
    chars = 0
    for document in documents:
        batch[document.id] = document
        chars += len(document.text)
        if len(batch) >= _COMMIT_DOCUMENTS or chars >= _COMMIT_CHARS:
            yield list(batch.values())
            batch, chars = {}, 0
    if batch:
        yield list(batch.values())


def _delete_documents(index: Index, source: str, partition: str, doc_ids: Sequence[str]) -> None:
    for ids in slices(doc_ids, _COMMIT_DOCUMENTS):
        index.documents.delete(among("id", [digest(source, partition, i) for i in ids]))


def _skip_reasons(index: Index, source: str, partition: str) -> dict[str, int]:
    rows = index.documents.scan(["skipped"], both(owned(source, partition), same("kind", "skipped")))
    return dict(Counter(rows["skipped"].to_pylist()).most_common())


def _document_row(document: Document) -> dict[str, Any]:
    row = {name: getattr(document, name) for name in _AS_IS}
    return row | {
        "id": document.key,
        "partition_key": partition_key(document.source, document.partition),
        "doc_id": document.id,
        "content_hash": document.content_hash,
        "access": list(document.access),
        "chars": len(document.text.strip()),
        "facts": json.dumps([astuple(fact) for fact in document.facts], ensure_ascii=False),
        "extract_hash": document.extract_hash,
    }


def skipped_documents(index: Index, source: str, partition: str) -> list[tuple[str, str]]:
    """Return the id and the reason of each document that is not indexed, in order."""
    rows = index.documents.scan(["doc_id", "skipped"], both(owned(source, partition), same("kind", "skipped")))
    return sorted(zip(rows["doc_id"].to_pylist(), rows["skipped"].to_pylist(), strict=True))
