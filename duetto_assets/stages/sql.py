"""Reads the statements of SQL, of any dialect."""

from __future__ import annotations

import re

from duetto_assets.stages.outline import Block, Definition, one_line

# What may hold a semicolon that ends nothing. An unclosed one runs to the end, so that the search is linear.
_OPAQUE = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'[^']*(?:'|\Z)|\"[^\"\n]*\"|`[^`\n]*`|(\$[A-Za-z_]*\$).*?(?:\1|\Z)", re.DOTALL
)
_END = re.compile(r";|^[ \t]*(?:GO|/|\\g)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CREATE = re.compile(
    r"\s*(?:CREATE|ALTER)\s+(?:OR\s+(?:REPLACE|ALTER)\s+)?(?:DEFINER\s*=\s*\S+\s+)?(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|"
    r"UNLOGGED|UNIQUE|RECURSIVE|MATERIALIZED|EXTERNAL|FOREIGN|CLUSTERED|NONCLUSTERED|VIRTUAL)\s+)*"
    r"(TABLE|VIEW|FUNCTION|PROCEDURE|PROC|TRIGGER|INDEX|TYPE|SEQUENCE|SCHEMA|DOMAIN|PACKAGE(?:\s+BODY)?|AGGREGATE|"
    r"EXTENSION|DATABASE|ROLE|USER|POLICY|EVENT)\s+(?:CONCURRENTLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?"
    r"([\w.$\"`\[\]]+)",
    re.IGNORECASE,
)
_ROUTINE = re.compile(
    r"\s*(?:CREATE|ALTER)\b[^;(]*\b(?:FUNCTION|PROCEDURE|PROC|TRIGGER|EVENT|PACKAGE)\b", re.IGNORECASE
)
_BEGIN = re.compile(r"^([ \t]*)[^\n]*\b(?:BEGIN|IS|AS)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NAME_CHARS = 120


def statements(lines: list[str]) -> Block:
    """Return the statements of an SQL text as definitions where they create or alter something.

    No grammar: the one at hand does not read the bodies of PL/pgSQL, T-SQL or MySQL routines.
    """
    text = "".join(lines)
    masked = _OPAQUE.sub(_blank, text)
    root = Block(0, max(len(lines) - 1, 0))
    row = begin = scanned = 0
    while begin < len(text):
        end = _statement_end(masked, begin)
        code = re.compile(r"\S").search(masked, begin, end)
        start = begin if code is None else _comment_start(text, begin, code.start())
        row += text.count("\n", scanned, start)
        scanned = start
        block = Block(row, row + text.count("\n", start, end))
        if code is not None:
            block.defines = _definition(text, masked, code.start(), end, row + text.count("\n", start, code.start()))
        if not _END.fullmatch(masked[start:end].strip() or ";"):  # a lone GO belongs to what it ends
            root.children.append(block)
        begin = end
    return root


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _statement_end(masked: str, begin: int) -> int:
    end = _END.search(masked, begin)
    stop = end.end() if end else len(masked)
    if not _ROUTINE.match(masked, begin, stop):
        return stop
    opened = _BEGIN.search(masked, begin, stop)
    if opened is None:
        return stop
    # The body of a routine holds semicolons: it ends at an END indented no more than what opened it.
    closing = re.compile(rf"^[ \t]{{0,{len(opened.group(1))}}}END\b[^\n]*", re.IGNORECASE | re.MULTILINE)
    closed = closing.search(masked, opened.end())
    return closed.end() if closed else stop


def _comment_start(text: str, begin: int, code: int) -> int:
    """Return where the comment before a statement starts, or the statement, if something else lies between."""
    first = re.compile(r"\S").search(text, begin, code)
    if first is None or text.rfind("\n\n", begin, code) > first.start():
        return code
    return first.start()


def _definition(text: str, masked: str, start: int, end: int, row: int) -> Definition | None:
    found = _CREATE.match(text, start, end)
    if found is None:
        return None
    kind = found.group(1).split()[0].lower().replace("proc", "procedure").replace("procedureedure", "procedure")
    name = re.sub(r"[\"`\[\]]", "", found.group(2))[:_NAME_CHARS].strip(".")
    line_end = masked.find("\n", found.end(), end)
    return Definition(name, kind, one_line(text[start : line_end if line_end >= 0 else end]).rstrip(" ({"), row)
