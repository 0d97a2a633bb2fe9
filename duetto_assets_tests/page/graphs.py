"""Graphs of made-up organisations, as the asset would hand them to the page."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from duetto_assets.ontology.layout import Links, Nodes, arrange, shown
from duetto_assets.ontology.picture import Citation, Entity, Relation, node_link

_WORDS = [
    "auth",
    "billing",
    "cache",
    "client",
    "config",
    "core",
    "deploy",
    "events",
    "gateway",
    "graph",
    "http",
    "index",
]
_ENDS = {
    "calls": ("function", "function"),
    "imports": ("file", "file"),
    "depends_on": ("repository", "package"),
    "authored": ("person", "issue"),
    "assigned_to": ("issue", "person"),
    "mentions": ("page", "issue"),
    "links_to": ("page", "page"),
    "modifies": ("commit", "file"),
}
_SHARES = {"directory": 6, "file": 22, "function": 40, "commit": 6, "page": 9, "issue": 10, "person": 4, "package": 3}
_HOLDERS = {
    "directory": ("repository", "directory"),
    "file": ("repository", "directory"),
    "function": ("file",),
    "commit": ("repository",),
    "page": ("space", "page"),
    "issue": ("project",),
}
_SOURCES = {
    "space": "confluence",
    "page": "confluence",
    "project": "jira",
    "issue": "jira",
    "person": "",
    "package": "",
}


def organisation(count: int, lines: int, seed: int = 1) -> dict[str, Any]:
    """Return an organisation's graph of about these many nodes and links."""
    made = _Made(random.Random(seed))
    for number in range(max(1, min(60, count // 150))):
        made.add("repository", f"acme/{_WORDS[number % len(_WORDS)]}-{number}")
    for number in range(max(1, min(20, count // 1_000))):
        made.add("space", f"SPACE{number}")
        made.add("project", f"PRJ{number}")
    while len(made.rows) < count:
        kind = made.chance.choices(list(_SHARES), list(_SHARES.values()))[0]
        made.add(kind, f"{made.chance.choice(_WORDS)} {made.chance.choice(_WORDS)} {len(made.rows)}")
    while len(made.links) < lines:
        made.link()
    return made.graph()


class _Made:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.rows: list[tuple[str, str, int, str]] = []  # type, name, parent, partition
        self.of: dict[str, list[int]] = {}
        self.links: list[tuple[int, int, str]] = []

    def add(self, kind: str, name: str) -> None:
        holders = [each for holder in _HOLDERS.get(kind, ()) for each in self.of.get(holder, ())]
        if kind in _HOLDERS and not holders:
            return
        parent = self.chance.choice(holders) if holders else -1
        own = name if kind in {"repository", "space", "project"} else ""
        self.of.setdefault(kind, []).append(len(self.rows))
        self.rows.append((kind, name, parent, self.rows[parent][3] if parent >= 0 else own))
        if parent >= 0:
            self.links.append((parent, len(self.rows) - 1, "defines" if kind == "function" else "contains"))

    def link(self) -> None:
        relation = self.chance.choice(list(_ENDS))
        ends = [self.of.get(kind) for kind in _ENDS[relation]]
        if not ends[0] or not ends[1]:
            return
        first = self.chance.randrange(len(ends[0]))
        near = int(self.chance.gauss(first / len(ends[0]) * len(ends[1]), 25))
        source, target = ends[0][first], ends[1][min(max(near, 0), len(ends[1]) - 1)]
        if source != target:
            self.links.append((source, target, relation))

    def graph(self) -> dict[str, Any]:
        kinds, names, parents, partitions = zip(*self.rows, strict=True)
        ids = [f"{kind}:{number}" for number, kind in enumerate(kinds)]
        order = sorted({relation for _, _, relation in self.links})
        links = [(source, target, order.index(relation)) for source, target, relation in self.links]
        sources, targets, relations = (np.array(column, int) for column in zip(*links, strict=True))
        nodes = Nodes(*(np.array(each, dtype=object) for each in (ids, names, kinds)), np.array(parents, int))
        some = shown(nodes, Links(sources, targets, np.ones(len(links)), relations))
        entities = [
            Entity(
                names[i],
                _SOURCES.get(kinds[i], "github"),
                partitions[i],
                f"https://source.example/{i}" if kinds[i] in _HOLDERS else "",
                f"src/{names[i]}".replace(" ", "_") if kinds[i] in {"file", "function"} else "",
                i if kinds[i] == "function" else 0,
            )
            for i in some.kept.tolist()
        ]
        first = {int(drawn): number for number, drawn in reversed(list(enumerate(some.drawn)))}
        told = [self._told(self.links[first[number]], names) for number in range(len(some.links))]
        return node_link("acme", some, arrange(some.nodes, some.links), entities, told)

    def _told(self, link: tuple[int, int, str], names: tuple[str, ...]) -> Relation:
        source, _, relation = link
        confidence = self.chance.choice([1.0, 0.7]) if relation == "calls" else 1.0
        return Relation(relation, "", confidence, (Citation(names[source], f"https://source.example/{source}"),))


def small() -> dict[str, Any]:
    """Return twelve nodes that tests know by name: two repositories that a page leads from one to the other."""
    rows = [
        ("repository:api", "repository", "acme/api", "", "github", "acme/api"),
        ("directory:api/src", "directory", "src", "repository:api", "github", "acme/api"),
        ("file:api/src/app.py", "file", "app.py", "directory:api/src", "github", "acme/api"),
        ("function:api/src/app.py#retry", "function", "retry", "file:api/src/app.py", "github", "acme/api"),
        ("function:api/src/app.py#send", "function", "send", "file:api/src/app.py", "github", "acme/api"),
        ("repository:web", "repository", "acme/web", "", "github", "acme/web"),
        ("file:web/main.ts", "file", "main.ts", "repository:web", "github", "acme/web"),
        ("project:SRE", "project", "SRE", "", "jira", "SRE"),
        ("issue:SRE-42", "issue", "SRE-42 Sending is slow", "project:SRE", "jira", "SRE"),
        ("person:ada@acme.test", "person", "Ada Ash", "", "", ""),
        ("package:pypi/httpx", "package", "httpx", "", "", ""),
        ("label:lonely", "label", "lonely", "", "", ""),
    ]
    index = {row[0]: number for number, row in enumerate(rows)}
    said = [
        *((row[3], row[0], "defines" if row[1] == "function" else "contains", 1.0) for row in rows if row[3]),
        ("function:api/src/app.py#retry", "function:api/src/app.py#send", "calls", 0.7),
        ("file:api/src/app.py", "package:pypi/httpx", "imports", 1.0),
        ("issue:SRE-42", "file:api/src/app.py", "mentions", 1.0),
        ("issue:SRE-42", "file:web/main.ts", "mentions", 1.0),
        ("issue:SRE-42", "person:ada@acme.test", "assigned_to", 1.0),
    ]
    order = sorted({relation for _, _, relation, _ in said})
    text = [np.array([row[column] for row in rows], dtype=object) for column in (0, 2, 1)]
    nodes = Nodes(*text, np.array([index.get(row[3], -1) for row in rows]))
    ends = [np.array([index[each[column]] for each in said]) for column in (0, 1)]
    some = shown(nodes, Links(*ends, np.ones(len(said)), np.array([order.index(each[2]) for each in said])))
    entities = [
        Entity(rows[i][2], rows[i][4], rows[i][5], f"https://source.example/{i}" if rows[i][4] else "", rows[i][0])
        for i in some.kept.tolist()
    ]
    first = {int(drawn): number for number, drawn in enumerate(some.drawn)}
    told = [
        Relation(
            relation, "", confidence, (Citation(f"{rows[index[source]][2]} says so", "https://source.example/doc"),)
        )
        for source, _, relation, confidence in (said[first[number]] for number in range(len(some.links)))
    ]
    return node_link("acme", some, arrange(some.nodes, some.links), entities, told)


def empty() -> dict[str, Any]:
    """Return the graph of an index without a document."""
    none = np.zeros(0, int)
    some = shown(Nodes(*(np.zeros(0, object) for _ in range(3)), none), Links(none, none, np.zeros(0), none))
    return node_link("acme", some, arrange(some.nodes, some.links), [], [])
