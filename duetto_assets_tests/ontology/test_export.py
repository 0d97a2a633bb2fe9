"""Claims about exports. They are read by rdflib and networkx, not by us."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import OWL, RDF, RDFS, BNode, Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.compare import isomorphic

from duetto_assets.ontology.export import ExportEdge, ExportNode, as_graphml, as_jsonld, as_turtle
from duetto_assets.ontology.vocabulary import Vocabulary, load

# rdflib 7.6 warns of what its own JSON-LD parser does.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

HOSTILE = [
    'quote " and \' and """',
    "back\\slash\\u0041 \\",
    "line\nfeed\rreturn\r\ntab\t",
    "</script><!-- & <b> ]]>",
    "nul\0 bell\x07 escape\x1b delete\x7f",
    "🦜 emoji, \u202ebidi\u2066, \u2028 separator, \ufeff mark",
    "lone \ud800 surrogate, \uffff no character",
    "> . <urn:x> <urn:y> <urn:z>",
    "//a/../b?c#d e%20f é {g}",
    " ",
]
NODES = [
    ExportNode("acme/api", "repository", "api", "API", "https://x.org/acme/api", "repos", "acme/api"),
    ExportNode("acme/api:a.py", "file", "a.py", source="repos", partition="acme/api", path="a.py", language="python"),
    ExportNode("acme/api:a.py#f", "function", "f", path="a.py", line=12, language="python"),
    *(ExportNode(f"{text}{n}", "page", text, text, text, text, text, text, 1, text) for n, text in enumerate(HOSTILE)),
]
EDGES = [
    ExportEdge("acme/api", "contains", "acme/api:a.py", document="a.py"),
    ExportEdge("acme/api:a.py", "defines", "acme/api:a.py#f"),
    ExportEdge("acme/api:a.py", "calls", "acme/api:a.py#f", confidence=0.3, document="a.py"),
    ExportEdge("acme/api:a.py", "calls", "acme/api:a.py#f", confidence=0.7, document="b.py"),
    *(ExportEdge(f"{text}{n}", "links_to", "acme/api:a.py", text, 0.7, text) for n, text in enumerate(HOSTILE)),
]
WRITERS: list[Callable[[io.StringIO, list[ExportNode], list[ExportEdge]], None]] = [
    lambda out, nodes, edges: as_turtle(out, load(), nodes, edges),
    lambda out, nodes, edges: as_jsonld(out, load(), nodes, edges),
    as_graphml,
]


def turtle(nodes: list[ExportNode] = NODES, edges: list[ExportEdge] = EDGES) -> str:
    out = io.StringIO()
    as_turtle(out, load(), nodes, edges)
    return out.getvalue()


def jsonld(nodes: list[ExportNode] = NODES, edges: list[ExportEdge] = EDGES) -> str:
    out = io.StringIO()
    as_jsonld(out, load(), nodes, edges)
    return out.getvalue()


def graphml(nodes: list[ExportNode] = NODES, edges: list[ExportEdge] = EDGES) -> nx.MultiDiGraph:
    out = io.StringIO()
    as_graphml(out, nodes, edges)
    return nx.read_graphml(io.BytesIO(out.getvalue().encode("utf-8")), force_multigraph=True)


def rdf(text: str, form: str = "turtle") -> Graph:
    return Graph().parse(data=text.encode("utf-8"), format=form)


def one_of(graph: Graph, relation: str, place: URIRef) -> set[str]:
    """Return the names of the types in a domain or range."""
    (cls,) = graph.objects(URIRef(f"urn:duetto:relation:{relation}"), place)
    members = list(Collection(graph, graph.value(cls, OWL.unionOf))) if isinstance(cls, BNode) else [cls]
    return {str(each).removeprefix("urn:duetto:type:") for each in members}


def test_the_ontology_is_declared_in_owl() -> None:
    graph, vocabulary = rdf(turtle([], [])), load()
    assert list(graph.subjects(RDF.type, OWL.Ontology)) == [URIRef("urn:duetto:ontology")]
    named = {str(each) for each in graph.subjects(RDF.type, OWL.Class) if isinstance(each, URIRef)}
    assert named == {f"urn:duetto:type:{name}" for name in vocabulary.types}
    for name, each in vocabulary.types.items():
        cls = URIRef(f"urn:duetto:type:{name}")
        assert graph.value(cls, RDFS.comment) == Literal(each.meaning)
        broader = graph.value(cls, RDFS.subClassOf)
        assert broader == (URIRef(f"urn:duetto:type:{each.broader}") if each.broader else None)
    for name, relation in vocabulary.relations.items():
        assert one_of(graph, name, RDFS.domain) == set(relation.domain)
        assert one_of(graph, name, RDFS.range) == set(relation.range)


def test_a_relation_has_an_inverse_or_is_symmetric() -> None:
    graph = rdf(turtle([], []))
    same_as = URIRef("urn:duetto:relation:same_as")
    assert list(graph.subjects(RDF.type, OWL.SymmetricProperty)) == [same_as]
    inverses = {(str(one), str(other)) for one, other in graph.subject_objects(OWL.inverseOf)}
    assert inverses == {
        (f"urn:duetto:relation:{each.name}", f"urn:duetto:relation:{each.inverse}")
        for each in load().relations.values()
        if each.name != "same_as"
    }


def test_owl_is_consistent_with_its_own_words() -> None:
    graph = rdf(turtle([], []))
    kinds = [OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty]
    declared = {kind: set(graph.subjects(RDF.type, kind)) for kind in kinds}
    assert sum(map(len, declared.values())) == len(set().union(*declared.values()))
    for place in (RDFS.subClassOf, RDFS.domain):
        assert set(graph.objects(None, place)) <= declared[OWL.Class]
    assert set(graph.objects(None, OWL.inverseOf)) <= declared[OWL.ObjectProperty]
    # A class expression that two axioms share is no OWL 2 DL.
    used = [each for place in (RDFS.domain, RDFS.range) for each in graph.objects(None, place)]
    blank = [each for each in used if isinstance(each, BNode)]
    assert len(blank) == len(set(blank)) > 0


def test_nodes_and_edges_come_back_from_turtle() -> None:
    graph = rdf(turtle())
    entities = [each for each in graph.subjects() if str(each).startswith("urn:duetto:entity:")]
    assert len(set(entities)) == len(NODES)
    function = URIRef("urn:duetto:entity:acme%2Fapi%3Aa.py%23f")
    assert graph.value(function, RDF.type) == URIRef("urn:duetto:type:function")
    assert graph.value(function, RDFS.label) == Literal("f")
    assert graph.value(function, URIRef("urn:duetto:property:line")) == Literal(12)
    for edge in EDGES[:4]:
        ends = (edge.subject, edge.object)
        subject, object_ = (
            URIRef("urn:duetto:entity:" + end.replace("/", "%2F").replace(":", "%3A").replace("#", "%23"))
            for end in ends
        )
        assert (subject, URIRef(f"urn:duetto:relation:{edge.relation}"), object_) in graph
    assert len(list(graph.subjects(RDF.type, OWL.Axiom))) == len(EDGES)


def test_two_ids_are_never_one_entity() -> None:
    ids = ["a b", "a%20b", "a+b", "A b", "\ud800", "\ud801", "?", "\ufffd"]
    nodes = [ExportNode(each, "file", "x") for each in ids]
    assert len(set(rdf(turtle(nodes, [])).subjects(RDFS.label, Literal("x")))) == len(ids)
    assert len(graphml(nodes, [])) == len(ids)


def test_an_edge_keeps_what_each_document_says_of_it() -> None:
    graph = rdf(turtle())
    calls = list(graph.subjects(OWL.annotatedProperty, URIRef("urn:duetto:relation:calls")))
    said = {
        (
            float(graph.value(each, URIRef("urn:duetto:property:confidence"))),
            str(graph.value(each, URIRef("urn:duetto:property:document"))),
        )
        for each in calls
    }
    assert said == {(0.3, "a.py"), (0.7, "b.py")}


def test_the_entities_lines_are_n_triples_too() -> None:
    text = turtle()
    lines = text.removeprefix(turtle([], []))
    assert lines != text
    assert len(rdf(lines, "nt")) == len({line for line in lines.split("\n") if line})
    assert len(rdf(text)) == len(rdf(lines, "nt")) + len(rdf(turtle([], [])))


def shown(text: str) -> str:
    """Return a text as XML and RDF can hold it."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if (char < " " and char not in "\t\n\r") or char in "\ud800\uffff" else char
        for char in text
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_comes_back(text: str) -> None:
    assert Literal(shown(text)) in set(rdf(turtle()).objects(None, RDFS.label))
    assert shown(text) in {data.get("label") for _, data in graphml().nodes(data=True)}
    assert shown(text) in {data.get("words") for _, _, data in graphml().edges(data=True)}


def test_json_ld_says_what_turtle_says() -> None:
    assert isomorphic(rdf(jsonld(), "json-ld"), rdf(turtle()))


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(), min_size=1), st.text(alphabet=st.characters()))
def test_json_ld_says_what_turtle_says_of_any_text(name: str, other: str) -> None:
    nodes = [ExportNode(name, "file", other), ExportNode(f"{name}-", "file", name)]
    edges = [ExportEdge(name, "imports", f"{name}-", other)]
    no_ontology = Vocabulary({}, {"imports": load().relations["imports"]})
    texts = []
    for write in (as_turtle, as_jsonld):
        out = io.StringIO()
        write(out, no_ontology, nodes, edges)
        texts.append(out.getvalue())
    assert isomorphic(rdf(texts[0]), rdf(texts[1], "json-ld"))


def test_json_ld_can_stand_in_a_page() -> None:
    ended = []

    class Page(HTMLParser):
        def handle_endtag(self, tag: str) -> None:
            ended.append(self.getpos())

    text = jsonld().replace("\n", " ")
    Page().feed(f"<script>{text}</script>")
    assert ended == [(1, len("<script>") + len(text))]


def test_json_ld_is_an_object_a_line() -> None:
    head, *lines = jsonld().strip().split("\n")
    assert all(json.loads(line.rstrip(",")) for line in lines[1:-1])
    assert '"relation:imports"' in head


def test_nodes_and_edges_come_back_from_graphml() -> None:
    graph = graphml()
    assert (len(graph), graph.number_of_edges()) == (len(NODES), len(EDGES))
    assert graph.is_directed()
    assert graph.nodes["acme%2Fapi%3Aa.py%23f"] == {
        "labels": ":function",
        "label": "f",
        "path": "a.py",
        "line": 12,
        "language": "python",
    }
    calls = graph["acme%2Fapi%3Aa.py"]["acme%2Fapi%3Aa.py%23f"].values()
    assert {"label": "calls", "confidence": 0.3, "document": "a.py"} in calls


def test_graphml_has_the_attributes_by_which_neo4j_knows_labels_and_types() -> None:
    out = io.StringIO()
    as_graphml(out, NODES[:2], EDGES[:1])
    assert '<node id="acme%2Fapi%3Aa.py" labels=":file">' in out.getvalue()
    assert '<edge source="acme%2Fapi" target="acme%2Fapi%3Aa.py" label="contains">' in out.getvalue()


@pytest.mark.parametrize("write", WRITERS, ids=["turtle", "jsonld", "graphml"])
def test_the_same_graph_is_the_same_text(write) -> None:
    texts = [io.StringIO(), io.StringIO()]
    for out in texts:
        write(out, NODES, EDGES)
    assert texts[0].getvalue() == texts[1].getvalue()


@pytest.mark.parametrize("write", WRITERS, ids=["turtle", "jsonld", "graphml"])
def test_an_empty_graph_can_be_written(write) -> None:
    out = io.StringIO()
    write(out, [], [])
    assert out.getvalue().endswith("\n")


@pytest.mark.parametrize("write", WRITERS, ids=["turtle", "jsonld", "graphml"])
def test_each_row_is_written_before_the_next_is_asked_for(write) -> None:
    class Length:
        chars = 0

        def write(self, text: str) -> None:
            self.chars += len(text)

    out = Length()
    lengths = []

    def rows(kind: Callable[[int], object]) -> Iterator[object]:
        for n in range(50):
            lengths.append(out.chars)
            yield kind(n)

    nodes = rows(lambda n: ExportNode(str(n), "file", "x"))
    edges = rows(lambda n: ExportEdge(str(n), "imports", "0"))
    write(out, nodes, edges)
    assert len(lengths) == len(set(lengths)) == 100
