"""What a page's document holds: its body as Markdown, then labels, comments and attachments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from duetto_assets.model import Document, Fact
from duetto_assets.sources.atlassian import dig, moment, storable
from duetto_assets.sources.confluence_site import KINDS, Comment, Extras, Page
from duetto_assets.sources.markup import Links, adf_mentions, adf_to_markdown, storage_mentions, storage_to_markdown

PageUrl = Callable[[str, str], str]


def size_of(body: object) -> int:
    """Return how many bytes a body has, in whichever format it came."""
    return max((len(value.encode("utf-8", "surrogatepass")) for _, value in _values(body)), default=0)


def mentioned_in(page: Page, body: object, extras: Extras) -> frozenset[str]:
    """Return the account ids whose names a page's document will show."""
    found = {page.author}
    for each in (body, *(comment.body for comment in extras.comments or ())):
        for kind, value in _values(each):
            found |= storage_mentions(value) if kind == "storage" else adf_mentions(_decoded(value))
            break
    return frozenset(found | {comment.author for comment in extras.comments or ()}) - {""}


def document_of(
    frame: Document,
    page: Page,
    body: object,
    extras: Extras,
    people: Mapping[str, str],
    *,
    issue_url: str,
    page_url: PageUrl,
    facts: tuple[Fact, ...],
) -> Document | None:
    """Return the document of a page; None if its body is in no format that is known.

    :param frame: All that is known without the body.
    """
    links = Links(browse_url=issue_url, base_url=frame.url, page_url=page_url, people=people)
    text = markdown_of(body, links)
    if text is None:
        return None
    parts = [f"# {' '.join(frame.title.split())}", text]
    if extras.labels:
        parts.append(f"Labels: {', '.join(extras.labels)}")
    if extras.comments:
        parts += ["## Comments", *(_comment(comment, links) for comment in extras.comments)]
    if extras.attachments:
        parts += ["## Attachments", "\n".join(f"- {' '.join(name.split())}" for name in extras.attachments)]
    whole = storable("\n\n".join(part for part in (part.strip("\n") for part in parts) if part.strip()))
    author = people.get(page.author, page.author)
    return replace(frame, text=f"{whole}\n", author=author, facts=facts)


def facts_of(
    page: Page, extras: Extras, people: Mapping[str, str], emails: Mapping[str, str], accounts: str
) -> Iterator[Fact]:
    """Yield what the site says of a page: its author, its parent, its labels, and who commented.

    :param accounts: What begins the key of a person.
    """
    if page.parent and page.parent_kind in KINDS:
        yield Fact("child_of", "page", page.parent)
    for label in extras.labels:
        yield Fact("labelled", "label", label)
    roles = [("authored_by", page.author)]
    roles += [("commented_on_by", account) for account in dict.fromkeys(c.author for c in extras.comments or ())]
    for relation, account in roles:
        if account:
            yield Fact(relation, "person", f"{accounts}{account}", people.get(account, ""))
    for account in dict.fromkeys(account for _, account in roles):
        if mail := emails.get(account, ""):
            known = people.get(account, "")
            yield Fact("same_as", "person", f"email:{mail.casefold()}", known, subject=f"{accounts}{account}")


def markdown_of(body: object, links: Links) -> str | None:
    """Return a body as Markdown; None if it is in no format that is known."""
    for kind, value in _values(body):
        return storage_to_markdown(value, links) if kind == "storage" else adf_to_markdown(_decoded(value), links)
    return None


def _values(body: object) -> Iterator[tuple[str, str]]:
    """Yield the formats of a body, the one that loses less first."""
    for kind in ("storage", "atlas_doc_format"):
        if isinstance(value := dig(body, kind, "value"), str):
            yield kind, value


def _decoded(value: str) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _comment(comment: Comment, links: Links) -> str:
    when = moment(comment.created)
    name = links.people.get(comment.author, comment.author)
    said = f"{name or 'Somebody'}{f', {when:%Y-%m-%d}' if when else ''}{' (resolved)' if comment.resolved else ''}"
    about = f"> {' '.join(comment.about.split())}\n\n" if comment.about else ""
    return f"**{said}:**\n\n{about}{markdown_of(comment.body, links) or ''}".strip()
