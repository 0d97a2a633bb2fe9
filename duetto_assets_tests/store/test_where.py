"""Filters select exactly the right rows, whatever text is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetto_assets.store import tables
from duetto_assets.store.index import Index, Table
from duetto_assets.store.where import Where, among, both, either, excluding, matches, same, shares

HOSTILE = [
    "",
    " ",
    "plain",
    "Plain",
    "it's",
    "''",
    "'",
    '"',
    '"partition"',
    "\\",
    "\\'",
    "'; DROP TABLE documents; --",
    "' OR '1'='1",
    "a\0b",
    "a",
    "\n",
    "a\r\nb",
    "\t",
    "%",
    "_",
    "`id`",
    "${id}",
    "{0}",
    "\\' OR true --",
    "x') OR (true",
    "NULL",
    "true",
    "/* */",
    "E'\\n'",
    "U&'\\0061'",
    "\U0001f600",
    "é",
    "e\u0301",  # the same glyph, another text
    "\u202e",
    "\ufffd",
    "\x1b[31m",
    "x" * 100_000,
    "x" * 100_001,
    "'" * 1_000,
]
ALPHABET = st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\"\\\0\n;-%_")
TEXTS = st.text(ALPHABET, max_size=12) | st.sampled_from(HOSTILE)


def table_of(folder: Path, values: list[str]) -> Table:
    """Return a table with a row of each value, also as the list (value, "one more")."""
    made = Index(str(folder)).documents
    blank = {f.name: 0 if pa.types.is_integer(f.type) else "" for f in tables.DOCUMENTS if f.name != "updated_at"}
    listed = [blank | {"id": str(i), "path": value, "access": [value, "one more"]} for i, value in enumerate(values)]
    made.upsert(pa.Table.from_pylist(listed, schema=tables.DOCUMENTS))
    return made


def found(table: Table, where: Where) -> list[str]:
    return sorted(table.scan(["path"], where)["path"].to_pylist())


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    with TemporaryDirectory() as folder:
        yield table_of(Path(folder), HOSTILE)


@pytest.mark.parametrize("value", HOSTILE, ids=[ascii(value[:20]) + str(len(value)) for value in HOSTILE])
def test_a_hostile_value_selects_its_own_row(table: Table, value: str) -> None:
    assert found(table, same("path", value)) == [value]
    assert found(table, among("path", [value])) == [value]
    assert found(table, shares("access", [value])) == [value]
    assert found(table, excluding(same("path", value))) == sorted(set(HOSTILE) - {value})
    assert table.count(same("path", value)) == 1


def test_all_values_at_once_select_all_rows(table: Table) -> None:
    assert found(table, among("path", HOSTILE)) == sorted(HOSTILE)
    assert found(table, shares("access", HOSTILE)) == sorted(HOSTILE)


def test_no_value_selects_no_row(table: Table) -> None:
    assert found(table, among("path", [])) == found(table, shares("access", [])) == found(table, either()) == []


def test_filters_combine(table: Table) -> None:
    one, other = same("path", "it's"), same("path", '"')
    assert found(table, either(one, other)) == ['"', "it's"]
    assert found(table, both(one, other)) == []
    assert found(table, both(either(one, other), shares("access", ["it's"]))) == ["it's"]
    assert found(table, both(shares("access", ["one more"]), excluding(either(one, other)))) == sorted(
        set(HOSTILE) - {'"', "it's"}
    )


@pytest.mark.parametrize("value", [value for value in HOSTILE if len(value) < 1_000])
def test_a_regular_expression_with_a_hostile_value_finds_what_holds_it(table: Table, value: str) -> None:
    wanted = sorted(each for each in HOSTILE if value in each)
    assert found(table, matches("path", re.escape(value))) == wanted


@settings(max_examples=25, deadline=None)
@given(values=st.lists(TEXTS, unique=True, min_size=1, max_size=6), absent=TEXTS)
def test_any_text_selects_exactly_its_rows(values: list[str], absent: str) -> None:
    with TemporaryDirectory() as folder:
        table = table_of(Path(folder), values)
        assert found(table, among("path", values[1:])) == sorted(values[1:])
        for value in {*values, absent}:
            wanted = [value] if value in values else []
            assert found(table, same("path", value)) == wanted
            assert found(table, shares("access", [value])) == (sorted(values) if value == "one more" else wanted)
