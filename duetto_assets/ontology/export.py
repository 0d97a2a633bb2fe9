"""Writes the resolved graph for other programs: Turtle (OWL), JSON-LD and GraphML.

Everything is written as it comes, so that millions of edges need no memory; the same input gives the same text. The
files are UTF-8, and a line ends with a line feed on every system: open them so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Final, Protocol
from urllib.parse import quote

from rdflib import OWL, RDF, RDFS, XSD, BNode, Graph, Literal, URIRef
from rdflib.collection import Collection

from duetto_assets.ontology.vocabulary import Vocabulary

_ONTOLOGY: Final = "urn:duetto:ontology"
_TYPE: Final = "urn:duetto:type:"
_RELATION: Final = "urn:duetto:relation:"
_PROPERTY: Final = "urn:duetto:property:"
_ENTITY: Final = "urn:duetto:entity:"
_GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"

_NODE_PROPERTIES: Final = {
    "title": XSD.string,
    "url": XSD.string,
    "source": XSD.string,
    "partition": XSD.string,
    "path": XSD.string,
    "line": XSD.integer,
    "language": XSD.string,
}
_EDGE_PROPERTIES: Final = {"confidence": XSD.double, "document": XSD.string}

# No XML, and so neither RDF nor GraphML, can hold them.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class Out(Protocol):
    """A text file that is written to."""

    def write(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class ExportNode:
    """An entity. What is empty is not written."""

    id: str  # unique
    type: str
    name: str
    title: str = ""
    url: str = ""
    source: str = ""
    partition: str = ""
    path: str = ""
    line: int = 0
    language: str = ""


@dataclass(frozen=True, slots=True)
class ExportEdge:
    """A relation between two nodes, as one document states it."""

    subject: str
    relation: str
    object: str
    label: str = ""  # the words of who states it
    confidence: float = 1.0
    document: str = ""  # names the document


def as_turtle(out: Out, vocabulary: Vocabulary, nodes: Iterable[ExportNode], edges: Iterable[ExportEdge]) -> None:
    """Write the ontology as OWL, then each node and each edge as lines that are N-Triples, too.

    What is known of an edge beside its ends is said by an `owl:Axiom`, as OWL annotates statements.

    :param nodes: In the order in which they are to be written, as are `edges`.
    """
    out.write(_owl(vocabulary).serialize(format="turtle"))
    for node in nodes:
        entity = _iri(_ENTITY, node.id)
        _triple(out, entity, f"<{RDF.type}>", _iri(_TYPE, node.type))
        _triple(out, entity, f"<{RDFS.label}>", _literal(node.name))
        for name, value in _values(node, _NODE_PROPERTIES):
            _triple(out, entity, _iri(_PROPERTY, name), _literal(value, _NODE_PROPERTIES[name]))
    for number, edge in enumerate(edges):
        ends = _iri(_ENTITY, edge.subject), _iri(_RELATION, edge.relation), _iri(_ENTITY, edge.object)
        _triple(out, *ends)
        axiom = f"_:edge{number}"
        _triple(out, axiom, f"<{RDF.type}>", f"<{OWL.Axiom}>")
        for place, end in zip((OWL.annotatedSource, OWL.annotatedProperty, OWL.annotatedTarget), ends, strict=True):
            _triple(out, axiom, f"<{place}>", end)
        if edge.label:
            _triple(out, axiom, f"<{RDFS.label}>", _literal(edge.label))
        for name, value in _values(edge, _EDGE_PROPERTIES):
            _triple(out, axiom, _iri(_PROPERTY, name), _literal(value, _EDGE_PROPERTIES[name]))


def as_jsonld(out: Out, vocabulary: Vocabulary, nodes: Iterable[ExportNode], edges: Iterable[ExportEdge]) -> None:
    """Write the triples of `as_turtle` as JSON-LD, an object a line; it may stand in HTML."""
    out.write(f'{{"@context": {_json(_context(vocabulary))},\n"@graph": [')
    for number, item in enumerate(_items(vocabulary, nodes, edges)):
        out.write(f"{',' if number else ''}\n{_json(item)}")
    out.write("\n]}\n")


def as_graphml(out: Out, nodes: Iterable[ExportNode], edges: Iterable[ExportEdge]) -> None:
    """Write nodes and edges as GraphML, with the attributes by which Neo4j knows labels and types.

    A node's name is its `label`, which is what Gephi shows.
    """
    out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="{_GRAPHML}">\n')
    node_types = {"labels": "string", "name": "string"} | _graphml_types(_NODE_PROPERTIES)
    edge_types = {"label": "string", "words": "string"} | _graphml_types(_EDGE_PROPERTIES)
    for owner, types in (("node", node_types), ("edge", edge_types)):
        for name, kind in types.items():
            shown = "label" if name == "name" else name
            out.write(f'<key id="{name}" for="{owner}" attr.name="{shown}" attr.type="{kind}"/>\n')
    out.write('<graph id="duetto" edgedefault="directed">\n')
    for node in nodes:
        label = escape(f":{_clean(node.type)}")
        data = [("labels", f":{node.type}"), ("name", node.name), *_values(node, _NODE_PROPERTIES)]
        out.write(f'<node id="{_encoded(node.id)}" labels="{label}">{_data(data)}</node>\n')
    for edge in edges:
        data = [("label", edge.relation), ("words", edge.label), *_values(edge, _EDGE_PROPERTIES)]
        ends = f'source="{_encoded(edge.subject)}" target="{_encoded(edge.object)}"'
        out.write(f'<edge {ends} label="{escape(_clean(edge.relation))}">{_data(data)}</edge>\n')
    out.write("</graph>\n</graphml>\n")


def _values(row: ExportNode | ExportEdge, properties: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the properties that say something, as text."""
    for name in properties:
        if value := getattr(row, name):
            yield name, str(value)


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def _encoded(text: str) -> str:
    """Return any text as a part of an IRI; two texts are never one."""
    return quote(text, safe="", errors="surrogatepass")


def _owl(vocabulary: Vocabulary) -> Graph:
    """Return the ontology itself."""
    graph = Graph()
    for prefix, base in (("type", _TYPE), ("relation", _RELATION), ("property", _PROPERTY)):
        graph.bind(prefix, base)
    graph.add((URIRef(_ONTOLOGY), RDF.type, OWL.Ontology))
    for each in vocabulary.types.values():
        cls = _named(graph, _TYPE, each.name, OWL.Class)
        graph.add((cls, RDFS.comment, Literal(each.meaning)))
        if each.broader:
            graph.add((cls, RDFS.subClassOf, URIRef(_TYPE + _encoded(each.broader))))
    for relation in vocabulary.relations.values():
        iri = _named(graph, _RELATION, relation.name, OWL.ObjectProperty)
        graph.add((iri, RDFS.comment, Literal(relation.meaning)))
        graph.add((iri, RDFS.domain, _any_of(graph, relation.domain, f"{relation.name}-domain")))
        graph.add((iri, RDFS.range, _any_of(graph, relation.range, f"{relation.name}-range")))
        if relation.inverse == relation.name:
            graph.add((iri, RDF.type, OWL.SymmetricProperty))
        else:
            graph.add((iri, OWL.inverseOf, _named(graph, _RELATION, relation.inverse, OWL.ObjectProperty)))
    for name, datatype in _NODE_PROPERTIES.items():
        graph.add((_named(graph, _PROPERTY, name, OWL.DatatypeProperty), RDFS.range, datatype))
    for name, datatype in _EDGE_PROPERTIES.items():
        graph.add((_named(graph, _PROPERTY, name, OWL.AnnotationProperty), RDFS.range, datatype))
    return graph


def _named(graph: Graph, base: str, name: str, kind: URIRef) -> URIRef:
    iri = URIRef(base + _encoded(name))
    graph.add((iri, RDF.type, kind))
    graph.add((iri, RDFS.label, Literal(name)))
    return iri


def _any_of(graph: Graph, types: tuple[str, ...], use: str) -> URIRef | BNode:
    """Return the class of all that is one of the types."""
    classes = [URIRef(_TYPE + _encoded(name)) for name in types]
    if len(classes) == 1:
        return classes[0]
    # rdflib's own names of blank nodes differ from run to run, and OWL wants a class for each use.
    union, members = BNode(use), BNode(f"{use}-members")
    graph.add((union, RDF.type, OWL.Class))
    graph.add((union, OWL.unionOf, members))
    Collection(graph, members, [*classes])
    return union


def _triple(out: Out, subject: str, predicate: str, object_: str) -> None:
    out.write(f"{subject} {predicate} {object_} .\n")


def _iri(base: str, name: str) -> str:
    return f"<{base}{_encoded(name)}>"


def _literal(text: str, datatype: URIRef = XSD.string) -> str:
    typed = "" if datatype == XSD.string else f"^^<{datatype}>"
    return f'"{_clean(text).translate(_ESCAPES)}"{typed}'


def _context(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what the names in the file stand for."""
    properties = _NODE_PROPERTIES | _EDGE_PROPERTIES
    return {
        "type": _TYPE,
        "relation": _RELATION,
        "entity": _ENTITY,
        "name": str(RDFS.label),
        "subject": {"@id": str(OWL.annotatedSource), "@type": "@id"},
        "predicate": {"@id": str(OWL.annotatedProperty), "@type": "@id"},
        "object": {"@id": str(OWL.annotatedTarget), "@type": "@id"},
        **{
            name: {"@id": _PROPERTY + name} | ({} if datatype == XSD.string else {"@type": str(datatype)})
            for name, datatype in properties.items()
        },
        **{f"relation:{name}": {"@id": _RELATION + name, "@type": "@id"} for name in vocabulary.relations},
    }


def _items(
    vocabulary: Vocabulary, nodes: Iterable[ExportNode], edges: Iterable[ExportEdge]
) -> Iterator[dict[str, Any]]:
    owl: list[dict[str, Any]] = json.loads(_owl(vocabulary).serialize(format="json-ld"))
    yield from sorted(owl, key=lambda item: str(item["@id"]))
    for node in nodes:
        yield {
            "@id": f"entity:{_encoded(node.id)}",
            "@type": f"type:{_encoded(node.type)}",
            "name": _clean(node.name),
            **{name: _clean(value) for name, value in _values(node, _NODE_PROPERTIES)},
        }
    for edge in edges:
        subject, object_ = f"entity:{_encoded(edge.subject)}", f"entity:{_encoded(edge.object)}"
        relation = f"relation:{_encoded(edge.relation)}"
        yield {"@id": subject, relation: object_}
        yield {
            "@type": str(OWL.Axiom),
            "subject": subject,
            "predicate": relation,
            "object": object_,
            **({"name": _clean(edge.label)} if edge.label else {}),
            **{name: _clean(value) for name, value in _values(edge, _EDGE_PROPERTIES)},
        }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")


def _graphml_types(properties: dict[str, URIRef]) -> dict[str, str]:
    names = {XSD.integer: "int", XSD.double: "double"}
    return {name: names.get(datatype, "string") for name, datatype in properties.items()}


def _data(values: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<data key="{name}">{_xml(value)}</data>' for name, value in values if value)


def _xml(text: str) -> str:
    return escape(_clean(text)).replace("\r", "&#13;")  # or a parser reads it as the line's end
