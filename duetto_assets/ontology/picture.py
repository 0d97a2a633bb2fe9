"""The graph as others read it: node-link JSON for D3, and one HTML page that needs nothing else.

Remote text is cut and cleaned here, once, for both. What there is room for is decided by `layout.shown`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from duetto_assets.errors import ConfigError
from duetto_assets.ontology.layout import LEVELS, Layout, Links, Nodes, Shown, levels
from duetto_assets.ontology.vocabulary import load

PLACEHOLDER = "{{graph}}"
"""Stands once in a template, where the graph goes."""

_MAX_CHARS = 300
_MAX_URL_CHARS = 2_000
_MAX_DOCUMENTS = 3
# Control characters, and those by which text could reorder what stands around it.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Entity:
    """What a person is told of a node."""

    title: str
    source: str = ""  # "github", "confluence", "jira"; empty for what no source owns, such as people
    partition: str = ""
    url: str = ""  # in the source system
    path: str = ""
    line: int = 0  # 1-based; 0 where lines mean nothing


@dataclass(frozen=True, slots=True)
class Citation:
    """A document that states a relation."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a person is told of a link."""

    type: str  # of the ontology
    label: str = ""  # in the source's own words, where they differ
    confidence: float = 1.0
    documents: tuple[Citation, ...] = ()  # the best first: three are told


def node_link(
    organisation: str,
    shown: Shown,
    layout: Layout,
    entities: Sequence[Entity],
    relations: Sequence[Relation],
) -> dict[str, Any]:
    """Return a graph as D3 and NetworkX read it, with what the page needs.

    :param layout: Of `shown.nodes`.
    :param entities: One for each of `shown.nodes`.
    :param relations: One for each of `shown.links`.
    """
    return {
        "directed": True,
        "multigraph": True,
        "organisation": _clean(organisation),
        "levels": list(LEVELS),
        "types": _types(shown.nodes),
        "relations": _relations(relations),
        "communities": [{"id": each.id, "name": _clean(each.name), "size": each.size} for each in layout.communities],
        "omitted": {"nodes": shown.omitted_nodes, "links": shown.omitted_links},
        "nodes": _nodes(shown.nodes, layout, entities),
        "links": _links(shown.nodes, shown.links, relations),
    }


def page(graph: Mapping[str, Any], template: str) -> str:
    """Return one self-contained HTML page that shows a graph. The same graph gives the same bytes.

    :param graph: As `node_link` returns it.
    :param template: As `template` returns it.
    :raises ValueError: If the template has not exactly one place for the graph.
    """
    if (found := template.count(PLACEHOLDER)) != 1:
        raise ValueError(f"the template has {found} places for the graph, not one")
    return template.replace(PLACEHOLDER, _for_script(graph))


def template() -> str:
    """Return the page without a graph.

    :raises ConfigError: If it was not built.
    """
    built = files("duetto_assets").joinpath("page/dist/page.html")
    if not built.is_file():
        raise ConfigError(f"{built} is missing. Build it: cd duetto_assets/page && npm ci && node build.mjs")
    return built.read_text("utf-8")


def _for_script(graph: Mapping[str, Any]) -> str:
    """Return JSON in ASCII that ends no script element and starts no comment in it."""
    text = json.dumps(graph, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _types(nodes: Nodes) -> dict[str, dict[str, Any]]:
    declared = load().types
    counts = Counter(nodes.types.tolist())
    order = {name: number for number, name in enumerate(("organisation", *declared))}
    return {
        name: {"count": counts[name], "meaning": declared[name].meaning if name in declared else ""}
        for name in sorted(counts, key=lambda name: (order.get(name, len(order)), name))
    }


def _relations(relations: Sequence[Relation]) -> dict[str, dict[str, Any]]:
    declared = load().relations
    counts = Counter(each.type for each in relations)
    return {
        name: {"count": counts[name], "meaning": declared[name].meaning, "inverse": declared[name].inverse}
        for name in declared
        if name in counts
    }


def _nodes(nodes: Nodes, layout: Layout, entities: Sequence[Entity]) -> list[dict[str, Any]]:
    level = levels(nodes)
    return [
        {
            "id": nodes.ids[i],
            "type": nodes.types[i],
            "name": _clean(nodes.names[i]),
            "title": _clean(entity.title),
            "source": entity.source,
            "partition": entity.partition,
            "parent": nodes.ids[nodes.parents[i]] if nodes.parents[i] >= 0 else None,
            "level": int(level[i]),
            "community": int(layout.community[i]),
            "centrality": _rounded(layout.centrality[i], 8),
            "x": _rounded(layout.x[i], 3),
            "y": _rounded(layout.y[i], 3),
            "size": _rounded(layout.size[i], 3),
            "url": _web(entity.url),
            "path": _clean(entity.path),
            "line": entity.line or None,
        }
        for i, entity in enumerate(entities)
    ]


def _links(nodes: Nodes, links: Links, relations: Sequence[Relation]) -> list[dict[str, Any]]:
    return [
        {
            "source": nodes.ids[links.source[i]],
            "target": nodes.ids[links.target[i]],
            "type": relation.type,
            "label": _clean(relation.label),
            "weight": _rounded(links.weight[i], 3),
            "confidence": _rounded(relation.confidence, 3),
            "documents": [
                {"title": _clean(document.title), "url": _web(document.url)}
                for document in relation.documents[:_MAX_DOCUMENTS]
            ],
        }
        for i, relation in enumerate(relations)
    ]


def _rounded(value: Any, digits: int) -> float:
    return round(float(value), digits)


def _clean(text: str) -> str:
    """Return text of a length that a page can show, without what cannot be seen."""
    cut = text[: 2 * _MAX_CHARS]
    seen = _UNSEEN.sub(" ", cut).strip()
    return seen if len(seen) <= _MAX_CHARS and len(cut) == len(text) else seen[: _MAX_CHARS - 1] + "…"


def _web(url: str) -> str:
    """Return an address that a browser may be sent to, or nothing."""
    if len(url) > _MAX_URL_CHARS or _UNSEEN.search(url) or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.hostname else ""
