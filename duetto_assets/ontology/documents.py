"""What one document says: the entities it speaks of and the relations it states. Pure, and of this document alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import dirname, join, normpath

from duetto_assets.model import Document, Entity, Fact, Relation
from duetto_assets.ontology import keys
from duetto_assets.ontology.code.facts import Facts
from duetto_assets.ontology.manifests import read_manifest
from duetto_assets.ontology.mentions import Mention, mentions_of
from duetto_assets.ontology.people import is_shared, read_mailmap, same_as_of_email
from duetto_assets.ontology.vocabulary import load
from duetto_assets.sources.repos_documents import FILES_CHANGED

_COMMIT_ID = "//commit/"
_PROSE = frozenset({"markdown", "mdx", "rst", "text"})
_MARKDOWN = frozenset({"markdown", "mdx"})
_IN_CODE = frozenset({"issue", "url"})
"""What a source file's text can name: its paths and symbols are code, and read as such."""

_HOME = re.compile(r"[^?#]*?/(?:(?:spaces|display)/[^/?#]+(?=/)|browse/[^/?#-]+(?=-))")
"""Begins the address of a page or an issue: where its space or project is seen."""

_OBJECT_TYPES = {"issue": "issue", "page": "page", "file": "file", "label": "label", "person": "person"}


@dataclass(slots=True)
class Said:
    """What a document says."""

    entities: dict[str, Entity] = field(default_factory=dict)  # by key
    relations: dict[Relation, None] = field(default_factory=dict)  # a set that keeps its order

    def entity(self, entity: Entity) -> None:
        """Add an entity. What says more of it stands."""
        known = self.entities.get(entity.key)
        if known is None or (known.about and not entity.about):
            self.entities[entity.key] = entity

    def relation(self, relation: Relation) -> None:
        """Add a relation."""
        self.relations[relation] = None


def said_by(document: Document, facts: Facts | None = None) -> Said:
    """Return what a document says.

    :param facts: Of its code, where it is code.
    """
    said = Said()
    if document.source == "repos":
        described = _commit if document.id.startswith(_COMMIT_ID) else _file
        described(document, said, facts)
    elif document.source == "jira":
        _item(document, said, "issue", keys.issue(document.id), "project", keys.project(document.partition))
    elif document.source == "confluence":
        _item(document, said, "page", keys.page(document.id), "space", keys.space(document.partition))
    return said


def _commit(document: Document, said: Said, _facts: Facts | None) -> None:
    sha = document.id.removeprefix(_COMMIT_ID)
    entity = Entity(
        "commit",
        keys.commit(document.partition, sha),
        sha[:12],
        sha,
        document.title,
        url=document.url,
        updated_at=document.updated_at,
    )
    said.entity(entity)
    _contained(said, _repository(document, said), "repository", entity)
    _state_facts(document, entity, said)
    message, found, _ = f"\n\n{document.text}".rpartition(f"\n\n{FILES_CHANGED}")
    _state_mentions(entity, mentions_of(message if found else document.text, markdown=False), said)


def _file(document: Document, said: Said, facts: Facts | None) -> None:
    path = document.path
    entity = Entity(
        "file",
        keys.file(document.partition, path),
        path,
        module_name(path, facts) if facts is not None else path,
        path=path,
        language=document.language,
        url=document.url,
    )
    said.entity(entity)
    key, type_ = _directories(document, said)
    _contained(said, key, type_, entity)
    if facts is not None:
        _definitions(document, entity, facts, said)
    if document.kind == "skipped":
        return
    _manifest(document, entity, said)
    if path == ".mailmap":
        _mailmap(document, said)
        return
    prose = document.language in _PROSE
    found = mentions_of(document.text, markdown=document.language in _MARKDOWN)
    _state_mentions(entity, [m for m in found if prose or m.kind in _IN_CODE], said)


def module_name(path: str, facts: Facts) -> str:
    """Return the dotted name that code imports a file by; its path where the language has none."""
    if facts.language != "python":
        return facts.module or path
    parts = list(PurePosixPath(path).with_suffix("").parts)
    for root in ("src", "lib", "python"):
        if root in parts[:-1]:
            parts = parts[len(parts) - parts[::-1].index(root) :]
            break
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _definitions(document: Document, file: Entity, facts: Facts, said: Said) -> None:
    module = facts.module or (file.qualified if facts.language == "python" else "")
    known: dict[str, Entity] = {}
    for definition in facts.definitions:
        if definition.name in known:
            continue
        entity = Entity(
            definition.kind,
            keys.symbol(document.partition, document.path, definition.name),
            definition.name,
            f"{module}.{definition.name}" if module else definition.name,
            path=document.path,
            line=definition.line,
            end_line=definition.end_line,
            language=document.language,
            url=_at_line(document.url, definition.line, definition.end_line),
        )
        known[definition.name] = entity
        said.entity(entity)
    for name, entity in known.items():
        above = known.get(name.rpartition(".")[0], file)
        said.relation(Relation("defines", above.key, above.type, entity.key, entity.type, label="", line=entity.line))


def _at_line(url: str, line: int, end_line: int) -> str:
    return f"{url}#L{line}-L{end_line}" if "/blob/" in url else url


def _repository(document: Document, said: Said) -> str:
    key = keys.repository(document.partition)
    home = document.url
    for part in ("/-/blob/HEAD/", "/blob/HEAD/", "/src/HEAD/", "/-/commit/", "/commit/", "/commits/"):
        home = home.partition(part)[0]
    said.entity(Entity("repository", key, document.partition, url=home if home.startswith("http") else "", about=True))
    return key


def _directories(document: Document, said: Said) -> tuple[str, str]:
    """Say which folders a file lies in; return the key and type of the innermost."""
    above, type_ = _repository(document, said), "repository"
    parts = document.path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        folder = Entity("directory", keys.directory(document.partition, path), f"{path}/", path=path, about=True)
        said.entity(folder)
        _contained(said, above, type_, folder)
        above, type_ = folder.key, "directory"
    return above, type_


def _contained(said: Said, key: str, type_: str, entity: Entity) -> None:
    said.relation(Relation("contains", key, type_, entity.key, entity.type))


def _manifest(document: Document, file: Entity, said: Said) -> None:
    manifest = read_manifest(document.path, document.text)
    if manifest is None:
        return
    repository = keys.repository(document.partition)
    for name in manifest.produces:
        said.relation(Relation("produces", repository, "repository", keys.package(name), "package"))
        said.relation(Relation("produces", file.key, "file", keys.package(name), "package"))
    for needed in manifest.dependencies:
        for key, type_ in ((repository, "repository"), (file.key, "file")):
            said.relation(
                Relation(
                    "depends_on",
                    key,
                    type_,
                    keys.package(needed.package),
                    "package",
                    target=needed.requirement,
                    label=needed.scope,
                    line=needed.line,
                )
            )


def _mailmap(document: Document, said: Said) -> None:
    for alias in read_mailmap(document.text):
        # A name that stands before the other address tells several people apart who share it: too weak to merge by.
        if alias.email and alias.proper_email and not alias.name and not is_shared(alias.email):
            _person(said, f"email:{alias.proper_email.casefold()}", alias.proper_name)
            _person(said, f"email:{alias.email.casefold()}", alias.proper_name)
            _same(said, f"email:{alias.email.casefold()}", f"email:{alias.proper_email.casefold()}", alias.line)


def _item(document: Document, said: Said, type_: str, key: str, above_type: str, above: str) -> None:
    """Describe a page or an issue."""
    name = document.id if type_ == "issue" else document.title
    title = document.title.removeprefix(f"{document.id} ") if type_ == "issue" else document.title
    entity = Entity(
        type_,
        key,
        name,
        document.path,
        title,
        document.path if type_ == "page" else "",
        url=document.url,
        updated_at=document.updated_at,
    )
    said.entity(entity)
    home = _HOME.match(document.url)
    said.entity(Entity(above_type, above, document.partition, url=home[0] if home else "", about=True))
    _contained(said, above, above_type, entity)
    _state_facts(document, entity, said)
    _state_mentions(entity, mentions_of(document.text, markdown=True), said)


def _state_facts(document: Document, entity: Entity, said: Said) -> None:
    for fact in document.facts:
        if fact.kind == "person":
            _person(said, fact.target, fact.name)
        if fact.subject:
            _person(said, fact.subject, fact.name)
            _same(said, fact.subject, fact.target)
        elif fact.kind == "url":
            _state_url(entity, fact, said)
        else:
            _state(document, entity, fact, said)


def _state(document: Document, entity: Entity, fact: Fact, said: Said) -> None:
    relation, is_inverse = load().relation(fact.relation)
    target = _FACT_KEYS[fact.kind](document, fact.target)
    type_ = _OBJECT_TYPES[fact.kind]
    ends = (entity.key, entity.type, target, type_)
    subject, subject_type, object_, object_type = (*ends[2:], *ends[:2]) if is_inverse else ends
    said.relation(
        Relation(relation.name, subject, subject_type, object_, object_type, target=fact.target, label=fact.label)
    )


_FACT_KEYS: dict[str, Callable[[Document, str], str]] = {
    "issue": lambda _document, target: keys.issue(target),
    "page": lambda _document, target: keys.page(target),
    "file": lambda document, target: keys.file(document.partition, target),
    "label": lambda _document, target: keys.label(target),
    "person": lambda _document, target: target,
}


def _state_url(entity: Entity, fact: Fact, said: Said) -> None:
    if address := keys.address_of(fact.target):
        said.relation(
            Relation("links_to", entity.key, entity.type, target_kind="url", target=address, label=fact.label)
        )


def _person(said: Said, key: str, name: str) -> None:
    said.entity(Entity("person", key, name, about=True))
    mail = key.removeprefix("email:")
    if mail != key and (login := same_as_of_email(mail)):
        said.entity(Entity("person", login, name, about=True))
        _same(said, key, login)


def _same(said: Said, key: str, other: str, line: int = 0) -> None:
    if not any(is_shared(each.removeprefix("email:")) for each in (key, other) if each.startswith("email:")):
        said.relation(Relation("same_as", key, "person", other, "person", line=line))


def _state_mentions(entity: Entity, mentions: list[Mention], said: Said) -> None:
    stated = {(relation.object_type, relation.target) for relation in said.relations}
    for mention in _worth(mentions, entity):
        if mention.kind == "issue":
            if ("issue", mention.target) not in stated:
                said.relation(
                    Relation(
                        "mentions",
                        entity.key,
                        entity.type,
                        keys.issue(mention.target),
                        "issue",
                        target=mention.target,
                        line=mention.line,
                    )
                )
        elif mention.kind == "path" and mention.link and entity.type == "file":
            path = _from_root(entity.path, mention.target)
            said.relation(
                Relation("links_to", entity.key, entity.type, target_kind="link", target=path, line=mention.line)
            )
        elif mention.kind == "person":
            said.relation(
                Relation(
                    "mentions", entity.key, entity.type, target_kind="person", target=mention.target, line=mention.line
                )
            )
        elif mention.kind == "url":
            if address := keys.address_of(mention.target):
                relation = "links_to" if mention.link else "mentions"
                said.relation(
                    Relation(relation, entity.key, entity.type, target_kind="url", target=address, line=mention.line)
                )
        else:
            said.relation(
                Relation(
                    "mentions",
                    entity.key,
                    entity.type,
                    target_kind=mention.kind,
                    target=mention.target,
                    line=mention.line,
                )
            )


def _from_root(path: str, href: str) -> str:
    """Return where a hyperlink of a file leads, from the repository's root."""
    return href.lstrip("/") if href.startswith("/") else normpath(join(dirname(path), href))


def _worth(mentions: list[Mention], entity: Entity) -> Iterator[Mention]:
    for mention in mentions:
        if not (mention.kind == "issue" and mention.target == entity.name):
            yield mention
