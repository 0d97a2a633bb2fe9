"""The part of JQL and CQL that sources ask in: a tokenizer, a parser, and predicates compiled once per query."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r"""\s*(?: (?P<text>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
           | (?P<sign>>=|<=|!=|!~|=|<|>|~|\(|\)|,)
           | (?P<word>[^\s"'=<>!~(),]+) )""",
    re.VERBOSE,
)
OPERATORS = {"=", "!=", "<", "<=", ">", ">=", "~", "!~"}
Predicate = Callable[[Any], bool]
Field = Callable[[str, list[str]], Predicate]  # (operator, values) -> predicate


class BadQuery(ValueError):
    """The query does not parse, or names what does not exist."""


@dataclass(frozen=True)
class Clause:
    """`field operator value`; the operator is one of OPERATORS, `in`, `not in`, `is` or `is not`."""

    field: str
    operator: str
    values: list[str]


@dataclass(frozen=True)
class Both:
    """All parts hold."""

    parts: list[Any]


@dataclass(frozen=True)
class Either:
    """One of the parts holds."""

    parts: list[Any]


@dataclass(frozen=True)
class Neither:
    """The part does not hold."""

    part: Any


@dataclass(frozen=True)
class Parsed:
    """A condition, None where there is none, and `(field, descending)` in order."""

    condition: Any
    order: list[tuple[str, bool]] = field(default_factory=list)

    def conjuncts(self) -> list[Clause]:
        """Return the clauses that hold for every row of the result: what an index may start from."""
        parts = self.condition.parts if isinstance(self.condition, Both) else [self.condition]
        return [part for part in parts if isinstance(part, Clause)]


def parse(text: str) -> Parsed:
    """Parse a query.

    :raises BadQuery: Naming the place.
    """
    return _Parser(text).query()


def compile_condition(condition: Any, fields: dict[str, Field]) -> Predicate | None:
    """Return a predicate over rows; None where every row is meant."""
    if condition is None:
        return None
    if isinstance(condition, Clause):
        make = fields.get(condition.field.lower())
        if make is None:
            raise BadQuery(f"Field '{condition.field}' does not exist or you do not have permission to view it.")
        return make(condition.operator, condition.values)
    if isinstance(condition, Neither):
        part = compile_condition(condition.part, fields)
        assert part is not None
        return lambda row: not part(row)
    parts = [compile_condition(part, fields) for part in condition.parts]
    if isinstance(condition, Both):
        return lambda row: all(part(row) for part in parts if part)
    return lambda row: any(part(row) for part in parts if part)


def comparing(value_of: Callable[[Any], Any], convert: Callable[[str], Any]) -> Field:
    """Return a field with an order."""

    def make(operator: str, values: list[str]) -> Predicate:
        wanted = [convert(value) for value in values]
        first = wanted[0]
        if operator in ("in", "="):
            among = set(wanted)
            return lambda row: value_of(row) in among
        if operator in ("not in", "!="):
            among = set(wanted)
            return lambda row: value_of(row) not in among
        if operator == "<":
            return lambda row: bool(value_of(row) < first)
        if operator == "<=":
            return lambda row: bool(value_of(row) <= first)
        if operator == ">":
            return lambda row: bool(value_of(row) > first)
        if operator == ">=":
            return lambda row: bool(value_of(row) >= first)
        raise BadQuery(f"The operator '{operator}' is not supported by this field.")

    return make


def containing(values_of: Callable[[Any], Any]) -> Field:
    """Return a field of many values, such as labels."""

    def make(operator: str, values: list[str]) -> Predicate:
        wanted = {value.lower() for value in values}
        if operator == "is":
            return lambda row: not values_of(row)
        if operator == "is not":
            return lambda row: bool(values_of(row))
        if operator in ("=", "in", "~"):
            return lambda row: any(value.lower() in wanted for value in values_of(row))
        if operator in ("!=", "not in"):
            return lambda row: bool(values_of(row)) and not any(value.lower() in wanted for value in values_of(row))
        raise BadQuery(f"The operator '{operator}' is not supported by this field.")

    return make


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise BadQuery(f"Error in the JQL Query: '{text[at:].strip()[:1]}' is a reserved JQL character.")
            kind = found.lastgroup or ""
            value = found[kind]
            if kind == "text":
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            self.tokens.append((kind, value))
            at = found.end()
        self.at = 0

    def query(self) -> Parsed:
        condition = None if self._is("order") or self._done() else self._either()
        order: list[tuple[str, bool]] = []
        if self._take("order"):
            self._must("by")
            while True:
                name = self._value()
                descending = self._take("desc")
                if not descending:
                    self._take("asc")
                order.append((name, descending))
                if not self._take(","):
                    break
        if not self._done():
            raise BadQuery(f"Error in the JQL Query: Expecting 'AND', 'OR' or 'ORDER BY' but got '{self._peek()[1]}'.")
        return Parsed(condition, order)

    def _either(self) -> Any:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(parts)

    def _both(self) -> Any:
        parts = [self._part()]
        while self._take("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Both(parts)

    def _part(self) -> Any:
        if self._take("not"):
            return Neither(self._part())
        if self._take("("):
            inner = self._either()
            self._must(")")
            return inner
        name = self._value()
        if self._take("not"):
            self._must("in")
            return Clause(name, "not in", self._values())
        if self._take("in"):
            return Clause(name, "in", self._values())
        if self._take("is"):
            operator = "is not" if self._take("not") else "is"
            return Clause(name, operator, [self._value()])
        kind, operator = self._peek()
        if kind != "sign" or operator not in OPERATORS:
            raise BadQuery(f"Error in the JQL Query: Expecting operator but got '{operator or 'the end'}'.")
        self.at += 1
        return Clause(name, operator, [self._value()])

    def _values(self) -> list[str]:
        self._must("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._must(")")
        return values

    def _value(self) -> str:
        kind, value = self._peek()
        if kind not in ("text", "word"):
            raise BadQuery(f"Error in the JQL Query: Expecting a value but got '{value or 'the end'}'.")
        self.at += 1
        return value

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _is(self, text: str) -> bool:
        kind, value = self._peek()
        return kind != "text" and value.lower() == text

    def _take(self, text: str) -> bool:
        found = self._is(text)
        self.at += found
        return found

    def _must(self, text: str) -> None:
        if not self._take(text):
            raise BadQuery(f"Error in the JQL Query: Expecting '{text}' but got '{self._peek()[1] or 'the end'}'.")

    def _done(self) -> bool:
        return self.at >= len(self.tokens)
