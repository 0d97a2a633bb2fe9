"""What an issue's document holds: its fields and description as Markdown, then links, history and comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from duetto_assets.model import Document, Fact
from duetto_assets.sources.atlassian import Json, dig, moment, text_of
from duetto_assets.sources.atlassian_access import Reader
from duetto_assets.sources.jira_site import person
from duetto_assets.sources.markup import Links, adf_to_markdown, wiki_to_markdown

# Shown below by themselves, or of no use to a reader.
_SHOWN = frozenset(
    {
        "summary",
        "description",
        "comment",
        "status",
        "issuetype",
        "priority",
        "labels",
        "components",
        "fixVersions",
        "versions",
        "assignee",
        "reporter",
        "creator",
        "issuelinks",
        "parent",
        "subtasks",
        "security",
        "created",
        "updated",
        "resolution",
        "resolutiondate",
        "duedate",
        "environment",
        "project",
        "attachment",
        "worklog",
        "watches",
        "votes",
        "progress",
        "aggregateprogress",
        "timetracking",
        "workratio",
        "lastViewed",
        "epic",
        "statuscategorychangedate",
        "statusCategory",
        "flagged",
        "timespent",
        "timeestimate",
        "thumbnail",
        "issuerestriction",
    }
)
_SERVER_SPRINT = re.compile(r"\bname=([^,\]]*)")
_LONG = 120


def document_of(
    frame: Document,
    issue: Json,
    comments: Sequence[Json],
    history: Sequence[Json],
    remote_links: Sequence[Json],
    names: Mapping[str, str],
    *,
    browse_url: str,
    adf: bool,
) -> Document:
    """Return the document of an issue.

    :param frame: All that is known without the issue itself.
    :param names: Of fields, by id.
    :param adf: Bodies are ADF documents; else wiki markup. A string is taken as markup in either case.
    """
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    links = Links(browse_url=browse_url, base_url=browse_url, people=_people(issue, comments))

    def markdown(body: object) -> str:
        if isinstance(body, str):
            return wiki_to_markdown(body, links)
        return adf_to_markdown(body, links) if adf and body else ""

    custom = list(_custom(fields, names, markdown))
    summary = " ".join(text_of(fields.get("summary")).split())
    facts = [*_facts(fields), *((name, text) for name, text in custom if not _is_long(text))]
    parts = [f"# {frame.id} {summary}", "\n".join(f"- {name}: {text}" for name, text in facts if text)]
    if description := markdown(fields.get("description")).strip():
        parts += ["## Description", description]
    if environment := markdown(fields.get("environment")).strip():
        parts += ["## Environment", environment]
    for name, text in custom:
        if _is_long(text):
            parts += [f"## {name}", text]
    for title, lines in (
        ("Links", [*_issue_links(fields), *_remote(remote_links)]),
        ("Attachments", [f"- {_line(dig(row, 'filename'))}" for row in _list(fields.get("attachment"))]),
        ("History", _changes(history)),
    ):
        if lines:
            parts += [f"## {title}", "\n".join(lines)]
    said = [_comment(comment, markdown) for comment in comments if not comment.get("visibility")]
    if said:
        parts += ["## Comments", *said]
    whole = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    author = _name(fields.get("reporter")) or _name(fields.get("creator"))
    return replace(
        frame,
        title=_storable(f"{frame.id} {summary}".strip()),
        text=_storable(f"{whole}\n"),
        author=_storable(author),
        updated_at=moment(fields.get("updated")),
        facts=tuple(_facts_of(issue, comments, remote_links, names)),
    )


def _facts_of(
    issue: Json, comments: Sequence[Json], remote_links: Sequence[Json], names: Mapping[str, str]
) -> Iterator[Fact]:
    """Yield what the site says of an issue: people, labels, its place, and its links."""
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    epics = [fields[id_] for id_, name in names.items() if name == "Epic Link" and isinstance(fields.get(id_), str)]
    above = [_key(fields.get("parent")), _key(fields.get("epic")), *epics]
    for key in dict.fromkeys(filter(_is_key, above)):
        yield Fact("child_of", "issue", key)
    for key in filter(_is_key, map(_key, _list(fields.get("subtasks")))):
        yield Fact("parent_of", "issue", key)
    yield from _related(fields)
    for label in _list(fields.get("labels")):
        if word := _storable(_line(label)):
            yield Fact("labelled", "label", word)
    for link in remote_links:
        if url := _line(dig(link, "object", "url")):
            title = _storable(_line(dig(link, "object", "title")))
            yield Fact("links_to", "url", _storable(url), title, _storable(_line(link.get("relationship"))))
    yield from _roles(fields, comments)


_RELATIONS = {
    "blocks": ("blocks", "blocked_by"),
    "duplicate": ("duplicates", "duplicated_by"),
    "cloners": ("clones", "cloned_by"),
    "problem/incident": ("causes", "caused_by"),
}


def _related(fields: Json) -> Iterator[Fact]:
    """Yield links to other issues. A site can rename its types of links, and make its own."""
    for link in _list(fields.get("issuelinks")):
        kind = _line(dig(link, "type", "name")).casefold()
        outward = _line(dig(link, "type", "outward")).casefold()
        known = _RELATIONS.get(kind) or next((names for names in _RELATIONS.values() if names[0] == outward), None)
        for relation, way, words in zip(
            known or ("relates_to", "related_from"), ("outwardIssue", "inwardIssue"), ("outward", "inward"), strict=True
        ):
            if _is_key(key := _key(dig(link, way))):
                said = _line(dig(link, "type", words)) or _line(dig(link, "type", "name"))
                yield Fact(relation, "issue", key, label=_storable(said))


def _roles(fields: Json, comments: Sequence[Json]) -> Iterator[Fact]:
    roles = [
        ("authored_by", fields.get("creator")),
        ("reported_by", fields.get("reporter")),
        ("assigned_to", fields.get("assignee")),
        *(("commented_on_by", comment.get("author")) for comment in comments if not comment.get("visibility")),
    ]
    found: dict[Fact, None] = {}
    for relation, row in roles:
        if key := _account(row):
            found[Fact(relation, "person", key, _storable(_name(row)))] = None
            if "@" in (mail := _storable(_line(dig(row, "emailAddress"))).casefold()):
                found[Fact("same_as", "person", f"email:{mail}", _storable(_name(row)), subject=key)] = None
    yield from found


def _account(row: object) -> str:
    """Return the key of a person: account ids are the same in all of Atlassian's Cloud, names in one Data Center."""
    if account := _storable(_line(dig(row, "accountId"))):
        return f"account:{account}"
    name = _storable(_line(dig(row, "key")) or _line(dig(row, "name")))
    return f"account:jira/{name}" if name else ""


def _is_key(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*-\d+", text) is not None


def roles_of(issue: Json) -> Mapping[str, Reader]:
    """Return who has which role in an issue, as security levels name them."""
    fields = issue.get("fields")
    who = {role: dig(fields, role) for role in ("reporter", "assignee")}
    return {role: person(row) for role, row in who.items() if isinstance(row, dict)}


def _facts(fields: Json) -> Iterator[tuple[str, str]]:
    status = _line(dig(fields, "status", "name"))
    resolution = _line(dig(fields, "resolution", "name"))
    yield "Type", _line(dig(fields, "issuetype", "name"))
    yield "Status", f"{status} ({resolution})" if resolution else status
    yield "Priority", _line(dig(fields, "priority", "name"))
    yield "Labels", ", ".join(_line(label) for label in _list(fields.get("labels")))
    yield "Components", _names(fields.get("components"))
    yield "Affects versions", _names(fields.get("versions"))
    yield "Fix versions", _names(fields.get("fixVersions"))
    yield "Reporter", _name(fields.get("reporter"))
    yield "Assignee", _name(fields.get("assignee"))
    for name, field in (("Created", "created"), ("Resolved", "resolutiondate"), ("Due", "duedate")):
        when = moment(fields.get(field))
        yield name, f"{when:%Y-%m-%d}" if when else ""
    yield "Parent", _key(fields.get("parent"))
    yield "Epic", _key(fields.get("epic"))
    yield "Sub-tasks", ", ".join(_key(row) for row in _list(fields.get("subtasks")))


def _custom(fields: Json, names: Mapping[str, str], markdown: Callable[[object], str]) -> Iterator[tuple[str, str]]:
    """Yield what other fields say in words, under their names. Numbers and ranks say nothing to a reader."""
    for field in sorted(fields, key=lambda id_: (names.get(id_, id_), id_)):
        if field in _SHOWN or fields[field] in (None, "", [], {}):
            continue
        name = _line(names.get(field) or (field if not field.startswith("customfield_") else ""))
        if name and (text := _words(fields[field], markdown).strip()):
            yield name, text


def _words(value: object, markdown: Callable[[object], str]) -> str:
    if isinstance(value, str):
        if value.startswith("com.atlassian.greenhopper"):
            return ", ".join(_SERVER_SPRINT.findall(value)[:1])
        return "" if _is_rank(value) else markdown(value)
    if isinstance(value, list):
        return ", ".join(text for each in value if (text := _words(each, markdown)))
    if not isinstance(value, dict):
        return ""
    if value.get("type") == "doc":
        return markdown(value)
    text = _line(value.get("name")) or _line(value.get("value")) or _line(value.get("displayName"))
    child = _words(value.get("child"), markdown) if text else ""
    return f"{text} > {child}" if child else text


def _is_rank(text: str) -> bool:
    """Return whether a text is made for machines: a rank (`0|i0004f:`), a date, JSON of the development panel."""
    return bool(re.fullmatch(r"\d\|\S*|\{.*\}|[\d\-:.TZ+]{8,}", text, re.DOTALL))


def _issue_links(fields: Json) -> Iterator[str]:
    for link in _list(fields.get("issuelinks")):
        for way, words in (("outwardIssue", "outward"), ("inwardIssue", "inward")):
            if isinstance(other := dig(link, way), dict):
                yield f"- {_line(dig(link, 'type', words)) or 'relates to'} {_key(other)}"


def _remote(links: Sequence[Json]) -> Iterator[str]:
    for link in links:
        url, title = _line(dig(link, "object", "url")), _line(dig(link, "object", "title"))
        relation = _line(link.get("relationship"))
        if url or title:
            plain = re.sub(r"[\[\]]", " ", title or url)
            target = url.replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
            yield f"- {f'{relation}: ' if relation else ''}[{plain}](<{target}>)"


def _changes(history: Sequence[Json]) -> list[str]:
    """Return when the issue went from one status to another, oldest first."""
    found: list[tuple[str, str]] = []
    for change in history:
        when = moment(change.get("created"))
        for item in _list(change.get("items")):
            if when and dig(item, "field") == "status":
                who = _name(change.get("author"))
                steps = f"{_line(dig(item, 'fromString'))} → {_line(dig(item, 'toString'))}"
                found.append((when.isoformat(), f"- {when:%Y-%m-%d} {steps}{f' ({who})' if who else ''}"))
    return [line for _, line in sorted(found)]


def _comment(comment: Json, markdown: Callable[[object], str]) -> str:
    when = moment(comment.get("created"))
    who = _name(comment.get("author")) or "Somebody"
    return f"**{who}{f', {when:%Y-%m-%d}' if when else ''}:**\n\n{markdown(comment.get('body'))}".strip()


def _people(issue: Json, comments: Sequence[Json]) -> Mapping[str, str]:
    fields = issue.get("fields")
    rows: list[Any] = [dig(fields, role) for role in ("reporter", "assignee", "creator")]
    rows += [comment.get("author") for comment in comments]
    found: dict[str, str] = {}
    for row in rows:
        for id_ in ("accountId", "name", "key"):
            if text_of(dig(row, id_)):
                found[text_of(dig(row, id_))] = _name(row)
    return found


def _storable(text: str) -> str:
    """Return text without what JSON can say and a file cannot: NUL, and half of a surrogate pair."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _is_long(text: str) -> bool:
    return len(text) > _LONG or "\n" in text


def _key(row: object) -> str:
    """Name another issue by its key alone: not everybody who may read this one may read the summary of that."""
    return _line(dig(row, "key"))


def _names(rows: object) -> str:
    return ", ".join(_line(dig(row, "name")) for row in _list(rows))


def _name(row: object) -> str:
    return _line(dig(row, "displayName") or dig(row, "name"))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _line(value: object) -> str:
    return " ".join(text_of(value).split())
