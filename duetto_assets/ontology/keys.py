"""The keys of entities, and addresses in the form in which they are compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from duetto_assets.model import digest

# How an address names something, and how its comparable form does.
_FORMS: tuple[tuple[re.Pattern[str], str, Callable[[str], str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), name, spelling)
    for pattern, name, spelling in (
        (r"(.*?)/(?:spaces/[^/]+/)?(?:pages|blog)(?:/\d{4}/\d\d/\d\d)?/(?:edit-v2/)?(\d+)(?:/.*)?\Z", "/pages/", str),
        (r"(.*?)/browse/([A-Za-z][A-Za-z0-9_]*-\d+)\Z", "/browse/", str.upper),
        (r"(/[^/]+/.+?)/(?:-/|pull/\d+/)?commits?/([0-9a-f]{7,40})\Z", "/commit/", str),
        (r"(/[^/]+/.+?)/(?:-/)?(?:blob|src|tree|raw|blame)/[^/]+/(.+)\Z", "/blob/", str),
        (r"(/[^/]+/.+?)/(?:-/)?tree/[^/]+()\Z", "", str),
        (r"(.*?)/(?:spaces|display)/([^/]+)(?:/overview)?\Z", "/spaces/", str.casefold),
        (r"(.*?)/(?:browse|projects)/([A-Za-z][A-Za-z0-9_]*)\Z", "/browse/", str.upper),
    )
)


def entity_id(key: str) -> str:
    """Return the id of the entity that has this key: hex, hence safe in a filter."""
    return digest("entity", key)


def repository(partition: str) -> str:
    """Return the key of a repository."""
    return f"repos:{partition}"


def directory(partition: str, path: str) -> str:
    """Return the key of a folder; of the repository itself for the root."""
    return f"repos:{partition}:{path}/" if path else repository(partition)


def file(partition: str, path: str) -> str:
    """Return the key of a file."""
    return f"repos:{partition}:{path}"


def symbol(partition: str, path: str, name: str) -> str:
    """Return the key of a symbol that a file defines."""
    return f"repos:{partition}:{path}#{name}"


def commit(partition: str, sha: str) -> str:
    """Return the key of a commit."""
    return f"repos:{partition}@{sha}"


def issue(key: str) -> str:
    """Return the key of an issue."""
    return f"jira:{key}"


def project(partition: str) -> str:
    """Return the key of a project: no issue's, for that ends in a number."""
    return f"jira:{partition}"


def page(page_id: str) -> str:
    """Return the key of a page. It stays when the page moves to another space."""
    return f"page:{page_id}"


def space(partition: str) -> str:
    """Return the key of a space."""
    return f"confluence:{partition}"


def package(name: str) -> str:
    """Return the key of a package: "pypi/requests"."""
    return f"package:{name}"


def label(word: str) -> str:
    """Return the key of a label."""
    return f"label:{word.casefold()}"


def shown_id(key: str, id_: str) -> str:
    """Return what an entity is called where others may see it: its key, but for people, whose keys are addresses."""
    return f"person:{id_}" if key.partition(":")[0] in ("email", "account", "login") else key


def address_of(url: str) -> str:
    """Return an address so that two ways to write the same place are one; empty for what is none.

    Of a file, the branch is dropped; of a page, its title; a query and a fragment, but for a page's id in one. Case
    counts in the path of a file alone.
    """
    try:
        parts = urlsplit(url.strip())
        host = _host(parts)
    except ValueError:
        return ""
    if parts.scheme == "file":
        return f"file://{unquote(parts.path).rstrip('/')}"
    if parts.scheme not in ("http", "https") or not host:
        return ""
    path = unquote(parts.path).rstrip("/").removesuffix(".git")
    if "/display/" in path:
        path = path.replace("+", " ")
    query = parse_qs(parts.query)
    if (ids := query.get("pageId")) and path.endswith(".action"):
        return f"{host}{path.rpartition('/pages/')[0].casefold()}/pages/{ids[0]}"
    matches = [(found, name, spelling) for form, name, spelling in _FORMS if (found := form.match(path))]
    if not matches:
        return f"{host}{path.casefold()}"
    # What begins first: a page may be called "tree/x", and a folder "pages".
    found, name, spelling = min(matches, key=lambda match: len(match[0][1]))
    return f"{host}{found[1].casefold()}{name}{spelling(found[2])}"


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removeprefix("www.")
    return host if parts.port in (None, 80, 443) else f"{host}:{parts.port}"
