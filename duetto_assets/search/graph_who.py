"""Who knows about something: people ranked by what they did to it, with the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from duetto_assets.search.graph import Mask, Rows, View, of_relations
from duetto_assets.search.graph_answers import FIRST, Citation, Node, Window, citations, nodes_of, windowed
from duetto_assets.search.graph_names import (
    SYMBOLS,
    AmbiguousName,
    UnknownName,
    candidates,
    resolve_name,
    suggestions,
)
from duetto_assets.search.graph_parts import around, homes_of, within


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    relation: str
    weight: float
    reason: str


_KINDS = (
    _Kind("owns", "owned_by", 3.0, "answers for it today, whoever wrote it: as much as three commits"),
    _Kind("wrote", "authored", 2.0, "wrote the page or issue that it is: that takes more thought than one commit"),
    _Kind("committed", "authored", 1.0, "changed it: what the others are measured by"),
    _Kind("assigned", "assigned_to", 1.0, "does the work on it"),
    _Kind("mentioned", "authored", 0.5, "wrote a page or issue that names it: has had to do with it"),
    _Kind("reported", "reported", 0.5, "has met it, and need not know how it works"),
    _Kind("commented", "comments_on", 0.25, "had something to say: often a question"),
)
"""What counts as evidence, how much, and why."""
_PLACES = {kind.name: place for place, kind in enumerate(_KINDS)}

_BY_THE_WAY = 0.5  # what is said of a document that only names the entity counts half
_HALF_LIFE_US = 365.25 * 86_400 * 1e6  # of a commit's or document's weight: people forget, and code changes
_MOST_HITS = 5_000  # documents and symbols that a topic is taken to be
_MOST_WORDS = 8
_EVIDENCE = 3
_BOT = "[bot]"
_PEOPLE = ("person", "team")


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often somebody did one kind of thing."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Expert:
    """Somebody, and why."""

    node: Node
    score: float
    bot: bool
    evidence: tuple[Evidence, ...]
    citations: tuple[Citation, ...]
    more_citations: int


@dataclass(frozen=True, slots=True)
class Experts:
    """People by evidence, the strongest first, bots after all people."""

    entity: Node | None  # that was asked for; None: a topic
    documents: int  # that the topic was found in, or that the entity is
    total: int
    more: int
    items: tuple[Expert, ...]


@dataclass(frozen=True, slots=True)
class _Deeds:
    """Who did what, one row each: edges of people, what they were done to, and how much they count."""

    person: Rows
    to: Rows
    kind: Rows
    weight: NDArray[np.float64]
    edge: Rows


def who(view: View, about: str, window: Window = FIRST) -> Experts:
    """Return people by evidence for an entity, or for a topic in free words.

    :raises AmbiguousName: If it is written as a name, and several have it.
    :raises UnknownName: If it is no name, and nothing has its words in its name or title.
    """
    entity = _named(view, about)
    factor = np.zeros(len(view.nodes))
    if entity is None:
        _find_topic(view, about, factor)
        if not factor.any():
            raise UnknownName(about, suggestions(view, about))
    else:
        factor[_starting(view, entity)] = 1.0
    deeds = _once(_deeds(view, factor, entity))
    people, of = np.unique(deeds.person, return_inverse=True)
    scores = np.bincount(of, deeds.weight, len(people))
    bots = _bots(view, people)
    chosen = windowed(view, people, (bots, -np.round(scores, 6)), window)
    return Experts(
        None if entity is None else nodes_of(view, [entity])[0],
        int(np.count_nonzero(factor)),
        len(people),
        max(0, len(people) - window.offset - len(chosen)),
        tuple(
            _expert(view, node, float(scores[place]), bool(bots[place]), _of(deeds, of == place))
            for node, place in zip(nodes_of(view, people[chosen]), chosen, strict=True)
        ),
    )


def _named(view: View, about: str) -> int | None:
    """Return the entity that is meant; None where these are words of a topic."""
    exact = candidates(view, about)
    if len(exact) == 1 and view.type_of(int(exact[0])) not in _PEOPLE:
        return int(exact[0])
    if not re.search(r"[/:#@.]|-\d", about) or re.search(r"\s", about.strip()):
        return None
    try:
        return resolve_name(view, about)
    except AmbiguousName:
        raise
    except UnknownName:
        return None


def _starting(view: View, entity: int) -> Rows:
    """Return what an entity is made of, as far as evidence goes."""
    type_ = view.type_of(entity)
    if type_ == "package":
        return np.union1d(within(view, homes_of(view, entity)), [entity])
    if type_ == "label":
        marked = view.into(np.array([entity]), of_relations("labelled"))
        return np.union1d(view.graph.subject[marked], [entity])
    parts = within(view, np.array([entity]))
    return np.union1d(parts, _files(view, parts)) if type_ in SYMBOLS else parts


def _files(view: View, nodes: Rows) -> Rows:
    """Return the files that define these symbols, directly or within others."""
    above = around(view, nodes[view.graph.typed(SYMBOLS)[nodes]])
    return above[view.graph.typed(("file",))[above]]


def _find_topic(view: View, topic: str, factor: NDArray[np.float64]) -> None:
    """Set how well each node fits a topic: by how many of its words the name and title have, at a word's start."""
    words = list(dict.fromkeys(re.findall(r"[^\W_]{2,}", topic[:500].lower())))[:_MOST_WORDS]
    if not words:
        return
    typed = view.graph.typed(("file", "commit", "page", "issue", "package", *SYMBOLS)) & view.nodes
    hits = np.zeros(len(view.nodes), np.int64)
    for word in words:
        named = _has_word(view, "name", word, typed) | _has_word(view, "title", word, typed)
        hits[named & typed] += 1
    found = np.flatnonzero(hits * 2 >= len(words))
    found = found[hits[found] > 0]
    found = found[np.lexsort((found, -view.degree[found], -hits[found]))][:_MOST_HITS]
    factor[found] = (hits[found] / len(words)) ** 2
    for symbol_hits in np.unique(hits[found]):
        files = _files(view, found[hits[found] == symbol_hits])
        factor[files] = np.maximum(factor[files], (symbol_hits / len(words)) ** 2)


def _has_word(view: View, column: str, word: str, among: Mask) -> Mask:
    values = view.graph.nodes[column]
    found: Mask = pc.match_substring(pc.utf8_lower(values), word).to_numpy() & among
    rows = np.flatnonzero(found)
    humps = rf"[a-z0-9]{word.capitalize()}"
    starts = pc.match_substring_regex(values.take(pa.array(rows)), rf"(?:^|[^\pL\pN])(?i:{word})|{humps}").to_numpy()
    found[rows[~starts]] = False
    return found


def _deeds(view: View, factor: NDArray[np.float64], entity: int | None) -> list[_Deeds]:
    graph, parts = view.graph, np.flatnonzero(factor)
    naming = view.into(parts, of_relations("mentions", "links_to"))
    changing = view.into(parts, of_relations("modifies"))
    commits, pages = graph.typed(("commit",)), graph.typed(("page", "issue"))
    changed, told = factor * commits, np.zeros(len(factor))
    for edges in (changing, naming):
        np.maximum.at(changed, graph.subject[edges], factor[graph.object[edges]] * commits[graph.subject[edges]])
    np.maximum.at(told, graph.subject[naming], factor[graph.object[naming]] * pages[graph.subject[naming]])
    itself = factor * pages
    told[itself > 0] = 0
    fresh = _freshness(view)
    told *= fresh
    answers = [
        _did(view, changed * fresh, "committed"),
        _did(view, itself * fresh, "wrote"),
        _did(view, told, "mentioned"),
    ]
    spoken = np.maximum(itself * fresh, told * _BY_THE_WAY)
    answers += [_did(view, spoken, kind) for kind in ("assigned", "reported", "commented")]
    owned = factor.copy()
    if entity is not None:
        owned[around(view, np.array([entity]))] = 1.0
    return [*answers, _owners(view, owned)]


def _did(view: View, factor: NDArray[np.float64], name: str) -> _Deeds:
    place = _PLACES[name]
    kind, nodes, graph = _KINDS[place], np.flatnonzero(factor), view.graph
    relation = of_relations(kind.relation)
    person_first = kind.relation not in ("assigned_to", "owned_by")
    edges = view.into(nodes, relation) if person_first else view.out(nodes, relation)
    person, to = (graph.subject, graph.object) if person_first else (graph.object, graph.subject)
    weight = factor[to[edges]] * kind.weight
    return _Deeds(person[edges], to[edges], np.full(len(edges), place), weight, edges)


def _owners(view: View, factor: NDArray[np.float64]) -> _Deeds:
    """Return owners, each of whom counts once: a rule that names a thousand files is one rule."""
    deeds = _did(view, factor, "owns")
    order = np.lexsort((deeds.edge, -deeds.weight, deeds.person))
    _, first = np.unique(deeds.person[order], return_index=True)
    weight = np.zeros(len(order))
    weight[order[first]] = deeds.weight[order[first]]
    return _Deeds(deeds.person, deeds.to, deeds.kind, weight, deeds.edge)


def _freshness(view: View) -> NDArray[np.float64]:
    """Return for each node how much its age leaves of it, measured from the newest commit that can be seen."""
    times = view.graph.nodes["updated_at"].cast(pa.int64())
    when = pc.fill_null(times, np.iinfo(np.int64).min).to_numpy().astype(np.float64)
    dated = ~times.is_null().to_numpy()
    commits = dated & view.graph.typed(("commit",)) & view.nodes
    newest = when[commits if commits.any() else dated & view.nodes].max(initial=-np.inf)
    age = np.where(dated, np.maximum(newest - when, 0.0), _HALF_LIFE_US)
    return np.asarray(np.exp2(-age / _HALF_LIFE_US))


def _once(deeds: list[_Deeds]) -> _Deeds:
    """Return each deed once, however many documents say it."""
    person, to, kind, weight, edge = (
        np.concatenate([getattr(each, name) for each in deeds]) for name in ("person", "to", "kind", "weight", "edge")
    )
    order = np.lexsort((edge, -weight, kind, to, person))
    person, to, kind = person[order], to[order], kind[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(person) != 0) | (np.diff(to) != 0) | (np.diff(kind) != 0)
    return _Deeds(person[first], to[first], kind[first], weight[order][first], edge[order][first])


def _of(deeds: _Deeds, chosen: Mask) -> _Deeds:
    return _Deeds(*(getattr(deeds, name)[chosen] for name in _Deeds.__slots__))


def _bots(view: View, people: Rows) -> Mask:
    rows = pa.array(people)
    columns = (view.graph.nodes[name].take(rows) for name in ("name", "key"))
    named, keyed = (pc.match_substring(column, _BOT).to_numpy() for column in columns)
    bots: Mask = named | keyed
    return bots


def _expert(view: View, node: Node, score: float, bot: bool, deeds: _Deeds) -> Expert:
    counts = np.bincount(deeds.kind, minlength=len(_KINDS))
    evidence = tuple(Evidence(kind.name, int(count)) for kind, count in zip(_KINDS, counts, strict=True) if count)
    order = np.lexsort((deeds.edge, -deeds.weight))
    edges = deeds.edge[order]
    _, first = np.unique(view.graph.document[edges], return_index=True)
    best = edges[np.sort(first)[:_EVIDENCE]]
    cited = tuple(each for edge in best for each in citations(view, np.array([edge]))[0])
    return Expert(node, round(score, 3), bot, evidence, cited, len(first) - len(best))
