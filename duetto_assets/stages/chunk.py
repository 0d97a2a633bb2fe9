"""Splits documents into the pieces that a search finds. Pure: text in, chunks out, the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from duetto_assets.model import Chunk, Document
from duetto_assets.stages import code, prose, sql
from duetto_assets.stages.outline import Part
from duetto_assets.stages.pack import Lines, Piece, Scope, pack
from duetto_assets.stages.tokens import Tokenizer

CHUNKER_VERSION = "1"  # raise it whenever the same text would be split or described in another way
CHARS_PER_TOKEN = 8  # code has about 3.7; what has far more is blank, or one word a megabyte long
MIN_TOKENS = 16
_MARKDOWN_KINDS = frozenset({"page", "issue"})
_MARKDOWN_LANGUAGES = frozenset({"markdown", "mdx"})
_RST_LANGUAGES = frozenset({"rst", "restructuredtext"})


@dataclass(frozen=True, slots=True)
class _Slice:
    """Text of the rows [start, end); of a part of one row, if that is overlong."""

    start: int
    end: int
    text: str
    tokens: int
    scope: Scope | None


class Chunker:
    """Splits documents so that no chunk holds more tokens than the model's limit."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        if max_tokens < MIN_TOKENS:
            raise ValueError(f"max_tokens is {max_tokens}: at least {MIN_TOKENS} are needed to hold any one character")
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens
        said = f"{CHUNKER_VERSION}/{max_tokens}/{tokenizer.fingerprint}"
        self.version = f"{CHUNKER_VERSION}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"

    def split(self, document: Document) -> list[Chunk]:
        """Return the chunks of `document`, which join to its text; none if that is blank."""
        text = document.text
        if not text or text.isspace():
            return []
        rows = [row + "\n" for row in text.split("\n")]
        rows[-1] = rows[-1][:-1]
        if not rows[-1]:
            rows.pop()
        lines = Lines(
            rows,
            self._tokenizer.line_totals(rows, CHARS_PER_TOKEN * self.max_tokens),
            list(accumulate(map(len, rows), initial=0)),
            self.max_tokens,
            CHARS_PER_TOKEN * self.max_tokens,
        )
        kind = _default_kind(document)
        slices = [s for piece in pack(_outline(document, rows), lines) for s in self._exact(piece, lines)]
        return [_described(slice_, kind) for slice_ in self._without_blanks(slices)]

    def _without_blanks(self, slices: list[_Slice]) -> list[_Slice]:
        """Join blank slices, as they lie beside overlong lines, to their neighbours where these have room."""
        out: list[_Slice] = []
        for slice_ in slices:
            if out and (slice_.text.isspace() or out[-1].text.isspace()):
                kept = slice_ if out[-1].text.isspace() else out[-1]
                text = out[-1].text + slice_.text
                tokens = self._tokenizer.count(text)
                if tokens <= self.max_tokens and len(text) <= CHARS_PER_TOKEN * self.max_tokens:
                    out[-1] = _Slice(out[-1].start, slice_.end, text, tokens, kept.scope)
                    continue
            out.append(slice_)
        return out

    def _exact(self, piece: Piece, lines: Lines) -> Iterator[_Slice]:
        """Yield slices that truly fit: a sum over lines is exact for some tokenizers only."""
        todo = [(piece.start, piece.end)]
        while todo:
            start, end = todo.pop()
            text = "".join(lines.lines[start:end])
            fits, tokens = lines.fits(start, end), lines.size(start, end)
            if fits and not self._tokenizer.additive:
                tokens = self._tokenizer.count(text)
                fits = tokens <= self.max_tokens
            if fits:
                yield _Slice(start, end, text, tokens, piece.scope)
            elif end - start > 1:
                middle = (start + end) // 2
                todo += [(middle, end), (start, middle)]
            else:
                for part, size in self._tokenizer.cut(text, self.max_tokens, lines.max_chars):
                    yield _Slice(start, end, part, size, piece.scope)


def embedding_text(chunk: Chunk) -> str:
    """Return what is embedded of a chunk: names and signature first, since models cut off the end."""
    return "\n".join(filter(None, (chunk.heading_path or chunk.symbol, chunk.signature, chunk.text)))


def _outline(document: Document, rows: list[str]) -> Part | None:
    if document.kind == "commit":
        return None
    if document.kind in _MARKDOWN_KINDS or document.language in _MARKDOWN_LANGUAGES:
        return prose.markdown(rows)
    if document.language in _RST_LANGUAGES:
        return prose.restructured(rows)
    if document.language == "sql":
        return sql.statements(rows)
    return code.outline(document.text, document.language)


def _default_kind(document: Document) -> str:
    if document.kind == "commit":
        return "message"
    if document.kind in _MARKDOWN_KINDS or document.language in _MARKDOWN_LANGUAGES | _RST_LANGUAGES:
        return prose.SECTION
    return "block"


def _described(slice_: _Slice, kind: str) -> Chunk:
    text, lines, scope = slice_.text, (slice_.start + 1, slice_.end), slice_.scope
    if scope is None:
        return Chunk(text, *lines, slice_.tokens, kind)
    definition = scope.definition
    if definition.kind == prose.SECTION:
        return Chunk(text, *lines, slice_.tokens, prose.SECTION, heading_path=" > ".join(scope.path()))
    # A slice that holds its definition's first line needs only to say what encloses that.
    shown = scope.parent if slice_.start <= definition.row < slice_.end else scope
    signature = shown.definition.signature if shown else ""
    return Chunk(text, *lines, slice_.tokens, definition.kind, ".".join(scope.path()), signature=signature)
