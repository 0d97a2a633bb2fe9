"""JQL over the stand-in's issues: candidates from an index, a predicate compiled once, pages by key."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from duetto_assets_tests.wire.atlassian_issues import Issues
from duetto_assets_tests.wire.atlassian_records import Issue
from duetto_assets_tests.wire.jql import (
    BadQuery,
    Field,
    Parsed,
    Predicate,
    comparing,
    compile_condition,
    containing,
    parse,
)

KEYS = {"key", "issuekey", "id", "issue"}
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def search(site: Issues, jql: str, reconciled: frozenset[int] = frozenset()) -> list[tuple[tuple[Any, ...], Issue]]:
    """Return `(sort key, issue)` in the order asked for; computed once between two writes.

    :param reconciled: Ids of issues whose newest state is searched, however far search lags.
    :raises BadQuery: As JIRA refuses it.
    """
    rows: list[tuple[tuple[Any, ...], Issue]] = site.cached(
        ("jql", jql, reconciled), lambda: _search(site, jql, reconciled)
    )
    return rows


def _search(site: Issues, jql: str, reconciled: frozenset[int]) -> list[tuple[tuple[Any, ...], Issue]]:
    asked = parse(jql)
    keep = compile_condition(asked.condition, _fields(site))
    key = _order(asked)
    stale = {at: old for at, old in site.stale.items() if at not in reconciled}
    rows = [
        (key(issue), issue)
        for issue in _candidates(site, asked, stale)
        if (keep is None or keep(issue)) and site.sees_issue(issue)
    ]
    rows.sort(key=lambda row: row[0])
    return rows


def _candidates(site: Issues, asked: Parsed, stale: dict[int, Issue | None]) -> Iterable[Issue]:
    """Yield what the query may match, of the state that search sees."""
    clauses = [each for each in asked.conjuncts() if each.operator in ("=", "in", ">=", ">")]
    for clause in clauses:
        if clause.field.lower() in KEYS and clause.operator in ("=", "in"):
            ids = {each for value in clause.values if (each := _id(site, value)) is not None}
            found = (stale.get(each, site.issues.get(each)) for each in sorted(ids))
            yield from (each for each in found if each is not None)
            return
    named = next((each for each in clauses if each.field.lower() == "project" and each.operator in ("=", "in")), None)
    keys = {_project(site, value) for value in named.values} if named else set(site.projects)
    since = max(
        (
            _ms(site, each.values[0])[0]
            for each in clauses
            if each.field.lower() == "updated" and each.operator in (">", ">=")
        ),
        default=0,
    )
    for name in keys:
        home = site.projects[name]
        live = home.by_updated[bisect_left(home.by_updated, (since, 0)) :] if since else home.by_updated
        yield from (home.issues[each] for _, each in live if each not in stale)
    yield from (each for each in stale.values() if each is not None)


def _fields(site: Issues) -> dict[str, Field]:
    def dated(value_of: Callable[[Issue], int]) -> Field:
        def make(operator: str, values: list[str]) -> Predicate:
            exact = _ms(site, values[0])[1]
            if exact:
                return comparing(value_of, lambda value: _ms(site, value)[0])(operator, values)
            return comparing(lambda row: value_of(row) // 60_000, lambda value: _ms(site, value)[0] // 60_000)(
                operator, values
            )

        return make

    def named(name: str) -> Field:
        return comparing(lambda row: ((row.fields.get(name) or {}).get("name") or "").lower(), str.lower)

    by_key = comparing(lambda row: row.id, lambda value: _id(site, value))
    return {
        "project": comparing(lambda row: row.project, lambda value: _project(site, value)),
        "updated": dated(lambda row: row.updated),
        "updateddate": dated(lambda row: row.updated),
        "created": dated(lambda row: row.created),
        "createddate": dated(lambda row: row.created),
        **dict.fromkeys(KEYS, by_key),
        "statuscategory": comparing(lambda row: row.fields["status"]["statusCategory"]["name"].lower(), _category),
        "status": named("status"),
        "issuetype": named("issuetype"),
        "type": named("issuetype"),
        "priority": named("priority"),
        "resolution": named("resolution"),
        "labels": containing(lambda row: row.fields.get("labels") or ()),
        "assignee": comparing(lambda row: row.fields.get("assignee"), str),
        "reporter": comparing(lambda row: row.fields.get("reporter"), str),
        "parent": comparing(lambda row: row.parent, lambda value: _id(site, value)),
    }


def _order(asked: Parsed) -> Callable[[Issue], tuple[Any, ...]]:
    """Return the sort key; ids break ties, and without an order the newest id is first."""
    parts: list[Callable[[Issue], Any]] = []
    for name, descending in asked.order:
        sign = -1 if descending else 1
        match name.lower():
            case "updated" | "updateddate":
                parts.append(lambda row, sign=sign: sign * row.updated)  # type: ignore[misc]
            case "created" | "createddate":
                parts.append(lambda row, sign=sign: sign * row.created)  # type: ignore[misc]
            case "id":
                parts.append(lambda row, sign=sign: sign * row.id)  # type: ignore[misc]
            case "key" | "issuekey":
                parts.append(lambda row, sign=sign: [*(sign * ord(each) for each in row.project), sign * -1])  # type: ignore[misc]
                parts.append(lambda row, sign=sign: sign * row.number)  # type: ignore[misc]
            case _:
                raise BadQuery(f"Field '{name}' does not exist or you do not have permission to view it.")
    if len(parts) == 1:
        only = parts[0]
        return lambda row: (only(row), row.id)
    tie = -1 if not parts else 1
    return lambda row: (*(part(row) for part in parts), tie * row.id)


def _id(site: Issues, name: str) -> int | None:
    """Return the id of an issue that search may see."""
    id_ = int(name) if name.isdigit() else site.keys.get(name.upper())
    known = id_ is not None and (id_ in site.issues or id_ in site.stale)
    issue = site.issues.get(id_) if id_ is not None else None
    if not known or (issue is not None and not site.sees_issue(issue)):
        if getattr(site, "unknown_keys_fail", True):
            raise BadQuery(f"An issue with key '{name}' does not exist for field 'key'.")
        return None
    return id_


def _project(site: Issues, name: str) -> str:
    found = site.project_at(name)
    if found is None:
        raise BadQuery(f"The value '{name}' does not exist for the field 'project'.")
    return found.key


def _category(name: str) -> str:
    return {"new": "to do", "indeterminate": "in progress"}.get(name.lower(), name.lower())


def _ms(site: Issues, text: str) -> tuple[int, bool]:
    """Return a time in ms, and whether it is exact: dates and minutes are compared by the minute."""
    if text.isdigit():
        return int(text), True
    zone = ZoneInfo(site.time_zone)
    if text[:1] in "+-" and text[-1:] in UNITS and text[1:-1].isdigit():
        span = timedelta(**{UNITS[text[-1]]: int(text[1:-1])})
        return site.clock.ms() + round(span.total_seconds() * 1000) * (-1 if text[0] == "-" else 1), True
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y/%m/%d"):
        try:
            at = datetime(*time.strptime(text, form)[:5], tzinfo=zone)
        except ValueError:
            continue
        return int(at.timestamp() * 1000), False
    raise BadQuery(
        f"Date value '{text}' for field 'updated' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )
