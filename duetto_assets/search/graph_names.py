"""Entities as people name them. What fits several is an error that lists them; what fits none tells what is near.

Whatever the asker may not see has no name here: it is no candidate, no suggestion, and not counted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duetto_assets.errors import ConfigError
from duetto_assets.ontology.keys import address_of
from duetto_assets.ontology.vocabulary import load
from duetto_assets.search.graph import Mask, Rows, View
from duetto_assets.search.graph_answers import Node, nodes_of

SYMBOLS = tuple(sorted(load().concrete("symbol")))

_MOST_CANDIDATES = 20
_MOST_SUGGESTIONS = 5
_MOST_COMPARED = 2_000  # names that an unknown one is compared with: each takes some 30 µs
_LONGEST = 1_000
_SHA = re.compile(r"[0-9a-fA-F]{7,40}")
_KIND_ORDER = ("repository", "space", "project", "directory", "file", "issue", "page", *SYMBOLS, "person", "team")
_WEAK = ("commit", "package", "label")  # each in turn gives way to what else has the name


_Lookup: TypeAlias = Callable[[View, str], Iterator[Mask]]


class AmbiguousName(ConfigError):
    """Several entities have this name.

    :param candidates: Of those, the first, by kind and importance; `ref` of each names it alone.
    :param count: How many there are.
    """

    def __init__(self, text: str, candidates: Sequence[Node], count: int) -> None:
        listed = "".join(f"\n  {node.ref}  ({_described(node)})" for node in candidates)
        rest = f"\n  … and {count - len(candidates)} more" if count > len(candidates) else ""
        super().__init__(f"{text[:100]!r} names {count} entities. Name one of them:{listed}{rest}")
        self.candidates = tuple(candidates)
        self.count = count


class UnknownName(ConfigError):
    """Nothing that the asker may see has this name.

    :param suggestions: Entities with names like it.
    """

    def __init__(self, text: str, suggestions: Sequence[Node]) -> None:
        near = "".join(f"\n  {node.ref}  ({_described(node)})" for node in suggestions)
        advice = f" Near it:{near}" if near else " Look for it: duetto-intel search"
        super().__init__(f"Nothing in the graph is named {text[:100]!r}.{advice}")
        self.suggestions = tuple(suggestions)


def resolve_name(view: View, text: str) -> int:
    """Return the node that `text` names.

    :raises AmbiguousName: If several do, equally well.
    :raises UnknownName: If none does.
    """
    found = candidates(view, text, loosely=_LOOSE)
    if len(found) == 1:
        return int(found[0])
    if len(found):
        raise _ambiguous(view, text, found)
    raise UnknownName(text, suggestions(view, text))


def candidates(view: View, text: str, loosely: Sequence[_Lookup] = ()) -> Rows:
    """Return the nodes that `text` names best, the most important first: by key and exact name, then `loosely`."""
    text = _encodable(text.strip())
    if not text or len(text) > _LONGEST:
        return np.empty(0, np.int64)
    for lookup in (_by_key, _by_short_key, _by_name, *loosely):
        for mask in lookup(view, text):
            found = np.flatnonzero(mask & view.nodes)
            if len(found):
                return _ranked(view, _strongest(view, found))
    return np.empty(0, np.int64)


def _ambiguous(view: View, text: str, found: Rows) -> AmbiguousName:
    listed = nodes_of(view, found[:_MOST_CANDIDATES])
    refs = [node.ref for node in listed]
    alone = [node if refs.count(node.ref) == 1 else _by_full_key(node) for node in listed]
    return AmbiguousName(text, alone, len(found))


def suggestions(view: View, text: str) -> list[Node]:
    """Return nodes with names like `text`: whose last part holds its own, or differs in a few letters."""
    wanted = _tail(_encodable(text.strip()).lower()[:_LONGEST])[-100:]
    if not wanted:
        return []
    names = pc.utf8_lower(view.graph.nodes["name"])
    begin = wanted[:2]
    near = _starts(names, begin)
    for part in (f"/{begin}", f".{begin}", wanted):
        near |= _flags(pc.match_substring(names, part))
    rows = np.flatnonzero(near & view.nodes)
    rows = rows[np.lexsort((rows, -view.degree[rows], ~_in_partition(view, text)[rows]))][:_MOST_COMPARED]
    by_tail: dict[str, int] = {}
    for name, row in zip(names.take(pa.array(rows)).to_pylist(), rows, strict=True):
        by_tail.setdefault(_tail(name)[:140], int(row))
    close = difflib.get_close_matches(wanted, by_tail, _MOST_SUGGESTIONS, 0.6)
    close += [name for name in by_tail if wanted in name and name not in close]
    return nodes_of(view, [by_tail[name] for name in close[:_MOST_SUGGESTIONS]])


def _tail(name: str) -> str:
    return re.split(r"[/:#@]", name.rstrip("/"))[-1]


def _in_partition(view: View, text: str) -> Mask:
    """Return which nodes lie where a name such as `acme/api:src/app.py` says."""
    place, colon, _ = _encodable(text.strip()).partition(":")
    return _equal(view.graph.nodes["partition"], place) if colon else np.zeros(len(view.nodes), bool)


def _encodable(text: str) -> str:
    """A shell may hand over bytes that are no UTF-8: nothing has such a name."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _by_full_key(node: Node) -> Node:
    return Node(**{name: getattr(node, name) for name in Node.__slots__} | {"ref": node.key})


def _described(node: Node) -> str:
    return f"{node.type}: {node.title[:80]}" if node.title else node.type


def _strongest(view: View, found: Rows) -> Rows:
    weak = np.array([_WEAK.index(name) if name in _WEAK else -1 for name in view.graph.types])
    weakness = weak[view.graph.type_codes[found]]
    strongest: Rows = found[weakness == weakness.min()]
    return strongest


def _ranked(view: View, found: Rows) -> Rows:
    order = {name: place for place, name in enumerate(_KIND_ORDER)}
    places = np.array([order.get(name, len(order)) for name in view.graph.types])
    kinds = places[view.graph.type_codes[found]]
    ranked: Rows = found[np.lexsort((found, -view.degree[found], kinds))]
    return ranked


# Lookups, the strictest first. Each yields masks over nodes; the first that has a node that can be seen is the answer.


def _by_key(view: View, text: str) -> Iterator[Mask]:
    yield _keyed(view, [text])


def _by_short_key(view: View, text: str) -> Iterator[Mask]:
    upper, lower = text.upper(), text.casefold()
    yield _keyed(view, [f"repos:{text}", f"jira:{upper}", f"confluence:{text}", f"package:{text}", f"email:{lower}"])
    yield _keyed(view, [f"repos:{text}/", f"confluence:{upper}", f"team:{text}", f"login:{text}", f"account:{text}"])
    yield _of_commit(view, text)
    yield _of_address(view, text)


def _by_name(view: View, text: str) -> Iterator[Mask]:
    nodes = view.graph.nodes
    named = _equal(nodes["name"], text) | _equal(nodes["qualified"], text)
    named |= _equal(nodes["title"], text) & view.graph.typed(("page", "issue"))
    named |= _equal(nodes["path"], text.rstrip("/")) & view.graph.typed(("file", "directory"))
    named |= _ends(nodes["key"], f"/{text}") & view.graph.typed(("package",))
    yield named
    if scoped := _scoped(view, text):
        within, name = scoped
        yield within & (_equal(nodes["name"], name) | _equal(nodes["qualified"], name) | _equal(nodes["title"], name))


def _by_name_in_any_case(view: View, text: str) -> Iterator[Mask]:
    nodes, lower = view.graph.nodes, text.casefold()
    named = _equal_in_any_case(nodes["name"], text) | _equal_in_any_case(nodes["qualified"], text)
    named |= _equal_in_any_case(nodes["title"], text) & view.graph.typed(("page", "issue"))
    yield named | _equal_in_any_case(nodes["key"], f"repos:{text}")
    yield _ends(nodes["key"], f"/{lower}", any_case=True) & view.graph.typed(("package",))
    if scoped := _scoped(view, text):
        within, name = scoped
        yield within & (_equal_in_any_case(nodes["name"], name) | _equal_in_any_case(nodes["title"], name))


def _by_end(view: View, text: str) -> Iterator[Mask]:
    for any_case in (False, True):
        yield _ending(view, text, any_case=any_case)
        if scoped := _scoped(view, text):
            yield scoped[0] & _ending(view, scoped[1], any_case=any_case)


def _ending(view: View, text: str, *, any_case: bool) -> Mask:
    nodes = view.graph.nodes
    dotted = _ends(nodes["qualified"], f".{text}", any_case) | _ends(nodes["name"], f".{text}", any_case)
    ending = dotted & view.graph.typed((*SYMBOLS, "file"))
    path = text.strip("/")
    ending |= _ends(nodes["path"], f"/{path}", any_case) & view.graph.typed(("file", "directory"))
    return ending | _ends(nodes["partition"], f"/{path}", any_case) & view.graph.typed(("repository",))


_LOOSE = (_by_name_in_any_case, _by_end)


def _scoped(view: View, text: str) -> tuple[Mask, str] | None:
    """Return what lies in the partition that `text` begins with, and the rest: `acme/api:Flask.route`, `ENG/Title`."""
    place, colon, name = text.partition(":")
    if not colon:
        place, _, name = text.partition("/")
    if not place or not name:
        return None
    within = _equal_in_any_case(view.graph.nodes["partition"], place)
    return (within & view.graph.typed((*SYMBOLS, "file", "directory") if colon else ("page",)), name)


def _of_commit(view: View, text: str) -> Mask:
    place, _, sha = text.rpartition("@")
    if not _SHA.fullmatch(sha):
        return np.zeros(len(view.nodes), bool)
    of_sha = _starts(view.graph.nodes["qualified"], sha.lower()) & view.graph.typed(("commit",))
    return of_sha & _equal(view.graph.nodes["partition"], place) if place else of_sha


def _of_address(view: View, text: str) -> Mask:
    nothing = np.zeros(len(view.nodes), bool)
    if not text.startswith(("http://", "https://", "file://")):
        return nothing
    urls = view.graph.nodes["url"]
    exact = _equal(urls, text) & view.nodes
    if exact.any():
        return _whole(view, exact)
    address = address_of(text)
    near = _flags(pc.match_substring(urls, re.split(r"[/=]", address)[-1])) & view.nodes
    rows = np.flatnonzero(near)[: 10 * _MOST_COMPARED]
    same = [address_of(url) == address for url in view.strings("url", rows)]
    nothing[rows[same]] = bool(address)
    return _whole(view, nothing)


def _whole(view: View, found: Mask) -> Mask:
    """Of a container or a file and what lies in it, which share an address, return the former."""
    for types in (("repository", "space", "project"), ("file", "directory", "page", "issue", "commit")):
        if (found & view.graph.typed(types)).any():
            return found & view.graph.typed(types)
    return found


def _keyed(view: View, keys: Sequence[str]) -> Mask:
    wanted = pa.array(keys, pa.string())
    found = _flags(pc.is_in(view.graph.nodes["key"], value_set=wanted))
    aliases = view.graph.nodes["aliases"]
    known = np.flatnonzero(_flags(pc.is_in(pc.list_flatten(aliases), value_set=wanted)))
    found[pc.list_parent_indices(aliases).to_numpy()[known]] = True
    return found


def _equal(column: pa.ChunkedArray, text: str) -> Mask:
    return _flags(pc.equal(column, pa.scalar(text, pa.string())))


def _equal_in_any_case(column: pa.ChunkedArray, text: str) -> Mask:
    return _equal(pc.utf8_lower(column), text.lower())


def _starts(column: pa.ChunkedArray, text: str) -> Mask:
    return _flags(pc.starts_with(column, text))


def _ends(column: pa.ChunkedArray, text: str, any_case: bool = False) -> Mask:
    return _flags(pc.ends_with(column, text, ignore_case=any_case))


def _flags(column: pa.ChunkedArray | pa.Array) -> Mask:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flags: Mask = whole.to_numpy(zero_copy_only=False)
    return flags.copy()
