"""Filters as SQL. Every value is quoted by LanceDB itself, so any text is safe in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

from lancedb.expr import lit

Where = NewType("Where", str)


def same(column: str, value: str) -> Where:
    """Rows whose `column` is `value`."""
    return Where(f"({column} = {lit(value).to_sql()})")


def among(column: str, values: Sequence[str]) -> Where:
    """Rows whose `column` is one of `values`."""
    if not values:
        return Where("(false)")
    return Where(f"({column} IN ({', '.join(lit(value).to_sql() for value in values)}))")


def shares(column: str, values: Sequence[str]) -> Where:
    """Rows whose list `column` holds at least one of `values`."""
    return either(*(Where(f"array_has({column}, {lit(value).to_sql()})") for value in values))


def matches(column: str, regex: str) -> Where:
    """Rows in whose `column` a regular expression (Rust's dialect) finds something."""
    return Where(f"(regexp_like({column}, {lit(regex).to_sql()}))")


def both(*terms: Where) -> Where:
    """Rows that every term admits."""
    return Where(f"({' AND '.join(terms)})")


def either(*terms: Where) -> Where:
    """Rows that some term admits; none without terms."""
    return Where(f"({' OR '.join(terms)})" if terms else "(false)")
