"""Filters as SQL. Any text is safe in one: SQL knows one special character in a literal, the quote, and it is doubled.

Not by `lancedb.expr.lit(...).to_sql()`: it leaves a quote that follows a quote or a backslash as it is (0.40).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

Where = NewType("Where", str)


def same(column: str, value: str) -> Where:
    """Rows whose `column` is `value`."""
    return Where(f"({column} = {_literal(value)})")


def among(column: str, values: Sequence[str]) -> Where:
    """Rows whose `column` is one of `values`."""
    if not values:
        return Where("(false)")
    return Where(f"({column} IN ({', '.join(_literal(value) for value in values)}))")


def shares(column: str, values: Sequence[str]) -> Where:
    """Rows whose list `column` holds at least one of `values`."""
    return either(*(Where(f"array_has({column}, {_literal(value)})") for value in values))


def matches(column: str, regex: str) -> Where:
    """Rows in whose `column` a regular expression (Rust's dialect, `.` any character) finds something."""
    # Without a flag DataFusion turns simple ones into LIKE, and forgets that a backslash escapes there.
    return Where(f"(regexp_like({column}, {_literal(regex)}, 's'))")


def both(*terms: Where) -> Where:
    """Rows that every term admits; all without terms."""
    return Where(f"({' AND '.join(terms)})" if terms else "(true)")


def either(*terms: Where) -> Where:
    """Rows that some term admits; none without terms."""
    return Where(f"({' OR '.join(terms)})" if terms else "(false)")


def excluding(term: Where) -> Where:
    """Rows that `term` does not admit."""
    return Where(f"(NOT {term})")


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
