"""The records that travel between sources, stages and store. No behaviour beyond their own identity."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from datetime import datetime

PUBLIC: tuple[str, ...] = ("all",)

# A document of these kinds leaves the listing by age, so its going is never the sign of a failed listing.
AGEING_KINDS = frozenset({"commit"})


def digest(*parts: str) -> str:
    """Return a 128-bit hex id of `parts`, unambiguous for any text in them."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a source says of a document beyond its text: "the document `relation` the target".

    `relation` is one of the ontology's, or an inverse's name: `reported_by`, `child_of`, `blocks`.
    """

    relation: str
    kind: str  # of the target: person, issue, page, file, label, url
    target: str  # a person: "email:ann@x.org", "account:5b10"; an issue's key, a page's id, a path, a word, an address
    name: str = ""  # of the target, as people say it
    label: str = ""  # the relation in the source's own words: "is blocked by"
    subject: str = ""  # a person in place of the document


@dataclass(frozen=True, slots=True)
class Document:
    """One file, commit, page or issue, as its source says it is.

    `skipped` is the reason why its text is not indexed; such a document has kind `skipped` and no text.
    """

    source: str
    partition: str
    id: str
    version: str
    kind: str
    title: str
    text: str
    path: str = ""
    url: str = ""
    language: str = ""
    author: str = ""
    updated_at: datetime | None = None
    access: tuple[str, ...] = PUBLIC
    skipped: str = ""
    facts: tuple[Fact, ...] = ()

    @property
    def key(self) -> str:
        """The document's id across all sources: hex, hence safe in a filter."""
        return digest(self.source, self.partition, self.id)

    @property
    def content_hash(self) -> str:
        """Changes whenever anything that later stages read from this document changes."""
        return digest(self.kind, self.title, self.text, self.path, self.url, self.language, self.author, *self.access)

    @property
    def extract_hash(self) -> str:
        """Changes whenever anything that entities and relations are made of changes."""
        facts = [part for fact in self.facts for part in astuple(fact)]
        return digest(self.content_hash, self.updated_at.isoformat() if self.updated_at else "", *facts)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous slice of a document's text. The chunks of a document join to exactly its text."""

    text: str
    start_line: int  # 1-based
    end_line: int  # inclusive
    tokens: int  # of `text`, by the model's tokenizer, special tokens not counted
    kind: str  # function, method, class, …; section (prose); block (lines); message (commits)
    symbol: str = ""  # dotted names of the definition the slice holds, or lies in: "Flask.route"
    heading_path: str = ""  # prose: "Install > From source"
    signature: str = ""  # of the enclosing definition, where the slice does not begin with it


@dataclass(frozen=True, slots=True)
class Entity:
    """Something a document speaks of. Documents that speak of the same one give it the same key."""

    type: str  # as the ontology declares it
    key: str  # "repos:acme/api:src/app.py#Flask.route", "jira:SRE-42", "package:pypi/flask"
    name: str  # as people say it: "Flask.route", "src/app.py", "SRE-42"
    qualified: str = ""  # with everything around it: "flask.app.Flask.route"
    title: str = ""
    path: str = ""
    line: int = 0  # 1-based; 0: none
    end_line: int = 0  # inclusive
    language: str = ""
    url: str = ""
    updated_at: datetime | None = None
    about: bool = False  # the document only names it, and others may say more


@dataclass(frozen=True, slots=True)
class Relation:
    """One edge, as a document says it. Its object is known by its key, or only by what the text calls it."""

    type: str  # as the ontology declares it
    subject: str  # key
    subject_type: str
    object: str = ""  # key; empty: to be resolved from `target`
    object_type: str = ""  # empty: any that the ontology allows
    target_kind: str = ""  # how to look for `target`: url, link, path, symbol, repository, commit, person
    target: str = ""  # as the document writes it
    label: str = ""  # in the source's own words
    confidence: float = 1.0
    line: int = 0
