"""Decides which lines make a chunk: whole definitions where they fit, neighbours together where they are small."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from duetto_assets.stages.outline import Definition, Part

# Of the limit: a definition of this size is a hit of its own; a smaller one is joined with its siblings.
_ALONE = 1 / 4
# Tokens: what has fewer says nothing alone (a class's first line, a last brace) and joins a neighbour.
_TINY_TOKENS = 20
_MAX_DEPTH = 200
_CLOSER_LEVELS = 20  # so much deeper counts a cut before a line that closes something, as `} else {` does
_CLOSER = re.compile(r"\s*(?:[\])}>;,]+|(?:end|fi|done|esac|END)\b[\w;,)]*|#\s*endif\b.*)+\s*")


@dataclass(frozen=True, slots=True)
class Scope:
    """A definition and those around it."""

    definition: Definition
    parent: Scope | None

    def path(self) -> list[str]:
        """Return the names from the outermost to this one."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            if scope.definition.name:
                names.append(scope.definition.name)
            scope = scope.parent
        return names[::-1]


@dataclass(frozen=True, slots=True)
class Lines:
    """A document's lines with running totals: what a slice of them weighs is two look-ups."""

    lines: list[str]
    tokens: list[int]
    chars: list[int]
    max_tokens: int
    max_chars: int

    def size(self, start: int, end: int) -> int:
        return self.tokens[end] - self.tokens[start]

    def fits(self, start: int, end: int) -> bool:
        return self.size(start, end) <= self.max_tokens and self.chars[end] - self.chars[start] <= self.max_chars

    def blank(self, row: int) -> bool:
        return not self.lines[row] or self.lines[row].isspace()


@dataclass(slots=True)
class Piece:
    """Rows [start, end), and the definition they are (`whole`) or lie in."""

    start: int
    end: int
    level: int  # how deep the boundary before it lies: the lower, the better a place to cut
    scope: Scope | None
    whole: bool = False


def pack(root: Part | None, lines: Lines) -> list[Piece]:
    """Return the rows of each chunk, in order and without gaps. A line over the limits is a piece of its own."""
    packed: list[Piece] = []
    for run in _runs(list(_flatten(root, lines)), lines):
        packed += [_merged(group, lines) for group in _fill(run, lines)]
    return _join_tiny(packed, lines)


@dataclass(slots=True)
class _Segment:
    start: int
    end: int
    part: Part
    owner: Part | None = None  # what a long comment is about


def _flatten(root: Part | None, lines: Lines) -> Iterator[Piece]:
    """Yield the smallest pieces in order: definitions and statements that fit, else what they consist of."""
    end = len(lines.lines)
    if root is None:
        yield from _by_lines(0, end, 0, None, lines)
        return
    # What is to be looked at: where, how deep, in which scope, and whether to look into it though it fits.
    stack: list[tuple[_Segment, int, Scope | None, bool]] = [(_Segment(0, end, root), 0, None, True)]
    while stack:
        segment, depth, outer, within = stack.pop()
        start, end, part = segment.start, segment.end, segment.part
        scope = _enter(segment.owner or part, outer)
        whole = scope is not outer and segment.owner is None
        level = 2 * depth + _roughness(start, lines)
        within = part.transparent or (within and not whole)
        if end - start == 1 or (lines.fits(start, end) and not within):
            yield Piece(start, end, level, scope, whole)
            continue
        inner = _segments(part, start, end, lines) if depth < _MAX_DEPTH else []
        if not inner:
            yield from _by_lines(start, end, level, scope, lines)
        elif len(inner) == 1:
            stack.append((inner[0], depth, scope, within))
        else:
            stack.extend((child, depth + 1, scope, False) for child in reversed(inner))


def _enter(part: Part, outer: Scope | None) -> Scope | None:
    """Return the scope within `part`; `outer` itself if it defines nothing that was not seen already."""
    definition = part.definition(outer.definition.kind if outer else "")
    if definition is None:
        return outer
    if outer and (outer.definition.name, outer.definition.row) == (definition.name, definition.row):
        return outer  # seen before, through a wrapper such as `export` or a decorator
    return Scope(definition, outer)


def _by_lines(start: int, end: int, level: int, scope: Scope | None, lines: Lines) -> Iterator[Piece]:
    for row in range(start, end):
        line = lines.lines[row]
        indent = min(len(line) - len(line.lstrip()), 40)
        yield Piece(row, row + 1, level + 2 * indent + 1 + _roughness(row, lines), scope)


def _roughness(row: int, lines: Lines) -> int:
    """Return how bad it is to cut before `row`, all else being equal: best is after a blank line."""
    if lines.lines[row].lstrip()[:1] in (")", "]", "}"):
        return _CLOSER_LEVELS
    return 0 if row == 0 or (lines.blank(row - 1) and not lines.blank(row)) else 1


def _segments(part: Part, start: int, end: int, lines: Lines) -> list[_Segment]:
    """Cut rows [start, end) where the children of `part` begin."""
    found: list[_Segment] = []
    for child in part.parts():
        row = min(max(child.start, start), end - 1)
        if not found or row > found[-1].start:
            if found:
                found[-1].end = row
            found.append(_Segment(row if found else start, end, child))
        elif child.last > found[-1].part.last:
            found[-1].part = child  # two begin on one row: the longer one is looked into
    return _without_closers(_with_leads(found, lines), lines)


def _with_leads(found: list[_Segment], lines: Lines) -> list[_Segment]:
    """Join comments, attributes and the like to what follows them without a blank line."""
    out: list[_Segment] = []
    for segment in reversed(found):
        after = out[-1] if out else None
        if after is None or not segment.part.leads or _apart(segment, lines):
            out.append(segment)
        elif (
            lines.fits(after.start, after.end)
            and not lines.fits(segment.start, after.end)
            and lines.size(segment.start, segment.end) >= _ALONE * lines.max_tokens
        ):
            segment.owner = after.owner or after.part
            out.append(segment)
        else:
            after.start = segment.start
    return out[::-1]


def _apart(segment: _Segment, lines: Lines) -> bool:
    """True if a blank line follows; of a documentation comment, if more than one does."""
    if not lines.blank(segment.end - 1):
        return False
    documents = lines.lines[segment.start].lstrip().startswith("/**")
    return not documents or segment.end - 1 - segment.part.last > 1


def _without_closers(found: list[_Segment], lines: Lines) -> list[_Segment]:
    """Join rows that only close something to what they close."""
    out: list[_Segment] = []
    for segment in found:
        closes = segment.end - segment.start <= 2 and all(
            lines.blank(row) or _CLOSER.fullmatch(lines.lines[row]) for row in range(segment.start, segment.end)
        )
        # Never at the price of a definition that fits without them.
        if closes and out and (lines.fits(out[-1].start, segment.end) or not lines.fits(out[-1].start, out[-1].end)):
            out[-1].end = segment.end
        else:
            out.append(segment)
    return out


def _runs(pieces: list[Piece], lines: Lines) -> Iterator[list[Piece]]:
    """Yield the pieces that may share chunks: siblings, and the parts of one definition too large to be whole."""
    run: list[Piece] = []
    family: Scope | None = None
    for piece in pieces:
        alone = piece.whole and lines.size(piece.start, piece.end) >= _ALONE * lines.max_tokens
        around = piece.scope.parent if piece.whole and piece.scope else piece.scope
        if run and (alone or around is not family):
            yield run
            run = []
        family = around
        run.append(piece)
        if alone:
            yield run
            run = []
    if run:
        yield run


def _fill(run: list[Piece], lines: Lines) -> list[list[Piece]]:
    """Fill chunks with the pieces of a run, cut where the structure is shallowest in their second half."""
    groups: list[list[Piece]] = []
    run = _loosened(run, lines)
    begin = at = 0
    while at < len(run):
        if lines.fits(run[begin].start, run[at].end):
            at += 1
            continue
        cut = _cut(run, begin, at, lines, lines.max_tokens / 2) if at > begin else begin + 1
        groups.append(run[begin:cut])
        begin = cut
        at = max(at, cut)
    groups.append(run[begin:])
    if len(groups) > 1 and groups[-1] and _weight(groups[-1], lines) < _ALONE * lines.max_tokens:
        groups[-2:] = _balanced(groups[-2], groups[-1], lines)
    return [group for group in groups if group]


def _loosened(run: list[Piece], lines: Lines) -> list[Piece]:
    """Take what follows a first line or a heading apart, where that would stand alone otherwise."""
    if len(run) < 2 or run[1].whole or not _tiny(run[0], lines) or lines.fits(run[0].start, run[1].end):
        return run
    first, second = run[:2]
    return [first, *_by_lines(second.start, second.end, second.level, second.scope, lines), *run[2:]]


def _tiny(piece: Piece, lines: Lines) -> bool:
    return lines.size(piece.start, piece.end) < min(_TINY_TOKENS, _ALONE * lines.max_tokens)


def _cut(run: list[Piece], begin: int, end: int, lines: Lines, least: float) -> int:
    """Return the best place to cut in (begin, end] that leaves at least `least` tokens before it."""
    best = end
    for at in range(end, begin, -1):
        if lines.size(run[begin].start, run[at].start) < least:
            break
        if run[at].level < run[best].level:
            best = at
    return best


def _balanced(first: list[Piece], second: list[Piece], lines: Lines) -> list[list[Piece]]:
    """Cut what is a little more than one chunk into two of like size, rather than into one and a crumb."""
    run = first + second
    total = _weight(run, lines)
    fair = [
        at
        for at in range(1, len(run))
        if 0.25 * total <= lines.size(run[0].start, run[at].start) <= 0.75 * total
        and lines.fits(run[0].start, run[at].start)
        and lines.fits(run[at].start, run[-1].end)
    ]
    if not fair:
        return [first, second]
    at = min(fair, key=lambda i: (run[i].level, -i))
    return [run[:at], run[at:]]


def _weight(group: list[Piece], lines: Lines) -> int:
    return lines.size(group[0].start, group[-1].end)


def _merged(group: list[Piece], lines: Lines) -> Piece:
    """Return a group as one piece: of the definition that is most of it, of what encloses it, or of its first."""
    start, end = group[0].start, group[-1].end
    whole = [piece for piece in group if piece.whole]
    largest = max(whole, key=lambda piece: lines.size(piece.start, piece.end), default=None)
    if largest is None or largest.scope is None:
        return Piece(start, end, group[0].level, group[0].scope)
    around = largest.scope.parent
    if 2 * lines.size(largest.start, largest.end) > lines.size(start, end):
        return Piece(start, end, group[0].level, largest.scope, whole=True)
    defined = sum(lines.size(piece.start, piece.end) for piece in whole)
    if around is None and 2 * defined > lines.size(start, end):
        return Piece(start, end, group[0].level, whole[0].scope, whole=True)
    return Piece(start, end, group[0].level, around)


def _join_tiny(pieces: list[Piece], lines: Lines) -> list[Piece]:
    """Join what is too small to mean anything to the piece it belongs to."""
    out: list[Piece] = []
    pending: Piece | None = None
    for at, piece in enumerate(pieces):
        if pending is not None:
            piece = _joined(pending, piece, lines)
            pending = None
        after = pieces[at + 1] if at + 1 < len(pieces) else None
        if not _tiny(piece, lines):
            out.append(piece)
            continue
        forward = after is not None and lines.fits(piece.start, after.end)
        backward = bool(out) and lines.fits(out[-1].start, piece.end)
        if forward and (not backward or (after is not None and _encloses(piece.scope, after.scope))):
            pending = piece
        elif backward:
            out[-1] = _joined(out[-1], piece, lines)
        else:
            out.append(piece)
    return out


def _joined(a: Piece, b: Piece, lines: Lines) -> Piece:
    larger = a if lines.size(a.start, a.end) > lines.size(b.start, b.end) else b
    return Piece(a.start, b.end, min(a.level, b.level), larger.scope, larger.whole)


def _encloses(outer: Scope | None, inner: Scope | None) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer
