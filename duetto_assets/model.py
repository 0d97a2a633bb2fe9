"""The records that travel between sources, stages and store. No behaviour beyond their own identity."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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

    @property
    def key(self) -> str:
        """The document's id across all sources: hex, hence safe in a filter."""
        return digest(self.source, self.partition, self.id)

    @property
    def content_hash(self) -> str:
        """Changes whenever anything that later stages read from this document changes."""
        return digest(self.kind, self.title, self.text, self.path, self.url, self.language, self.author, *self.access)


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
