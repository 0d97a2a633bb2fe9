"""What documents of all sources say becomes one graph."""

from __future__ import annotations

from typing import Any

import pytest

from duetto_assets.model import Document, Fact
from duetto_assets.ontology.resolve import RelationCounts, resolve
from duetto_assets.store import tables
from duetto_assets_tests.ontology.organisations import (
    API,
    WEB,
    commit,
    file,
    graph_of,
    issue,
    page,
    said_of,
    shuffled,
)
from duetto_assets_tests.ontology.test_vocabulary import EVERYTHING

README = f"repos:{API}:README.md"
SYMBOLS = """
def helper():
    pass


class Thing:
    def helper(self):
        pass

    def only(self):
        pass
"""


def mentioned(text: str, *others: Document) -> tuple[set[str], dict[tuple[str, str], str]]:
    """Return what a README names by this text, and why it names nothing."""
    graph = graph_of(file("README.md", text), *others)
    return graph.objects(README, "mentions", "links_to"), graph.unresolved


# Issues


def test_a_key_is_an_issue_once_the_issue_is_indexed() -> None:
    assert mentioned("SRE-1", issue("SRE-1")) == ({"jira:SRE-1"}, {})


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([], "no project of this key is indexed"),
        ([issue("OPS-1")], "no project of this key is indexed"),
        ([issue("SRE-2")], "not indexed"),
    ],
)
def test_a_key_of_no_issue_says_why(others: list[Document], reason: str) -> None:
    assert mentioned("SRE-1", *others) == (set(), {("mentions", "SRE-1"): reason})


def test_what_looks_like_a_key_is_no_issue() -> None:
    found, unresolved = mentioned("UTF-8 and SHA-256", issue("SRE-1"))
    assert not found
    assert set(unresolved.values()) == {"no project of this key is indexed"}


def test_a_relation_that_the_other_issue_says_waits_for_it() -> None:
    said = issue("SRE-1", "", Fact("blocked_by", "issue", "SRE-2"))
    assert graph_of(said).unresolved == {("blocks", "SRE-2"): "not indexed"}
    assert graph_of(said, issue("SRE-2")).of("blocks") == {("jira:SRE-2", "jira:SRE-1")}


# Addresses


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://acme.example/wiki/spaces/ENG/pages/7/Old+title", "page:7"),
        ("https://acme.example/wiki/spaces/OLD/pages/7", "page:7"),
        ("https://acme.example/wiki/pages/viewpage.action?pageId=7", "page:7"),
        ("https://acme.example/wiki/spaces/ENG/overview", "confluence:ENG"),
        ("https://acme.example/browse/SRE-1?focusedCommentId=9", "jira:SRE-1"),
        ("https://acme.example/projects/SRE", "jira:SRE"),
        (f"https://github.com/{API}", f"repos:{API}"),
        ("https://github.com/Acme/API/", f"repos:{API}"),
        (f"https://github.com/{API}/tree/main", f"repos:{API}"),
        (f"https://github.com/{API}/blob/v1.0/src/app.py#L3", f"repos:{API}:src/app.py"),
        (f"https://github.com/{API}/tree/main/src", f"repos:{API}:src/"),
        (f"https://github.com/{API}/commit/{'abc'.ljust(40, '0')}", f"repos:{API}@{'abc'.ljust(40, '0')}"),
    ],
)
def test_an_address_is_what_lies_there(url: str, key: str) -> None:
    others = [page("7", "New title"), issue("SRE-1"), file("src/app.py", SYMBOLS), commit("abc")]
    graph = graph_of(page("8", "P", f"See <{url}>."), *others)
    assert graph.objects("page:8", "links_to") == {key}
    assert not graph.unresolved


def test_a_page_of_a_data_center_is_found_by_id_and_by_title() -> None:
    other = page("7", url="https://wiki.example/display/ENG/Carrier+retries")
    for url in (
        "https://wiki.example/display/ENG/Carrier%20retries",
        "https://wiki.example/pages/viewpage.action?pageId=7",
    ):
        assert graph_of(page("8", "P", f"<{url}>"), other).objects("page:8", "links_to") == {"page:7"}
    elsewhere = graph_of(page("8", "P", "<https://other.example/pages/viewpage.action?pageId=7>"), other)
    assert list(elsewhere.unresolved.values()) == ["no document has this address"]


@pytest.mark.parametrize("url", ["https://example.com/a", f"https://github.com/{API}/blob/main/lost.py"])
def test_an_address_of_nothing_that_is_indexed_says_so(url: str) -> None:
    graph = graph_of(page("8", "P", f"<{url}>"), file("src/app.py"))
    assert list(graph.unresolved.values()) == ["no document has this address"]


def test_where_a_repository_is_all_that_has_an_address_it_is_meant() -> None:
    home = "https://git.example/api"
    graph = graph_of(page("8", "P", f"<{home}>"), file("a.py", url=home), file("b.py", url=home))
    assert graph.objects("page:8", "links_to") == {f"repos:{API}"}


def test_a_remote_link_of_an_issue_leads_to_the_page() -> None:
    said = issue(
        "SRE-1", "", Fact("links_to", "url", "https://acme.example/wiki/spaces/ENG/pages/7", "t", "mentioned in")
    )
    (edge,) = [row for row in graph_of(said, page("7")).rows if row["type"] == "links_to"]
    assert (edge["subject"], edge["object"], edge["label"]) == ("jira:SRE-1", "page:7", "mentioned in")


# Paths


@pytest.mark.parametrize(
    ("text", "paths", "expected"),
    [
        ("`src/app.py`", ["src/app.py", "lib/src/app.py"], "src/app.py"),
        ("`app/main.py`", ["src/app/main.py", "x.py"], "src/app/main.py"),
        ("`pp/main.py`", ["src/app/main.py"], None),
        ("[x](src/app.py)", ["src/app.py", "lib/src/app.py"], "src/app.py"),
        ("[x](app.py)", ["src/app.py"], None),
        ("[x](src)", ["src/app.py"], "src/"),
    ],
)
def test_a_path_is_the_file_that_it_ends_like(text: str, paths: list[str], expected: str | None) -> None:
    found, unresolved = mentioned(f"See {text}.", *map(file, paths))
    assert found == ({f"repos:{API}:{expected}"} if expected else set())
    assert list(unresolved.values()) == ([] if expected else ["nothing has this name"])


def test_a_path_that_several_files_end_like_is_none_of_them() -> None:
    assert mentioned("`app.py`", file("a/app.py"), file("b/app.py"))[1] == {
        ("mentions", "app.py"): "several have this name"
    }


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        (["x/app.py"], ["app.py"], f"{API}:x/app.py"),
        (["app.py"], ["app.py"], f"{API}:app.py"),
        (["other.py"], ["app.py", "x/app.py"], f"{WEB}:app.py"),
        (["other.py"], ["x/app.py"], f"{WEB}:x/app.py"),
    ],
)
def test_a_path_is_first_of_the_same_repository_then_exact(here: list[str], there: list[str], expected: str) -> None:
    others = [*map(file, here), *(file(path, repository=WEB) for path in there)]
    assert mentioned("`app.py`", *others)[0] == {f"repos:{expected}"}


def test_a_hyperlink_never_leads_to_another_repository() -> None:
    assert mentioned("[x](app.py)", file("app.py", repository=WEB))[0] == set()


# Symbols


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`Thing.only()`", "Thing.only"),
        ("`only()`", "Thing.only"),
        ("`pkg.app.Thing`", "Thing"),
        ("`app.Thing.only`", "Thing.only"),
        ("`helper()`", "helper"),
        ("`Thing.helper`", "Thing.helper"),
        ("`nly()`", None),
    ],
)
def test_a_symbol_is_found_by_the_end_of_its_name_and_best_by_all_of_it(text: str, expected: str | None) -> None:
    found, unresolved = mentioned(text, file("pkg/app.py", SYMBOLS))
    assert found == ({f"repos:{API}:pkg/app.py#{expected}"} if expected else set())
    assert list(unresolved.values()) == ([] if expected else ["nothing has this name"])


def test_a_symbol_that_two_files_define_is_neither() -> None:
    _, unresolved = mentioned("`Thing.only()`", file("a.py", SYMBOLS), file("b.py", SYMBOLS))
    assert list(unresolved.values()) == ["several have this name"]


def test_a_symbol_of_the_same_repository_is_meant_first() -> None:
    found, _ = mentioned("`only()`", file("a.py", SYMBOLS), file("a.py", "def only():\n    pass\n", repository=WEB))
    assert found == {f"repos:{API}:a.py#Thing.only"}
    exact = graph_of(
        page("1", "P", "`only()`"), file("a.py", SYMBOLS), file("b.py", "def only(): pass\n", repository=WEB)
    )
    assert exact.objects("page:1", "mentions") == {f"repos:{WEB}:b.py#only"}


# Repositories, commits, people


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme/web", {f"repos:{WEB}"}),
        ("Acme/WEB", {f"repos:{WEB}"}),
        ("`web-ui`", {"repos:acme/web-ui"}),
        ("acme/lost", set()),
    ],
)
def test_a_repository_is_found_by_its_name(text: str, expected: set[str]) -> None:
    assert mentioned(text, file("a", repository=WEB), file("a", repository="acme/web-ui"))[0] == expected


def test_the_short_name_of_two_repositories_is_neither() -> None:
    _, unresolved = mentioned("`web-ui`", file("a", repository="a/web-ui"), file("a", repository="b/web-ui"))
    assert unresolved == {("mentions", "web-ui"): "several have this name"}
    exact, _ = mentioned("`web-ui`", file("a", repository="web-ui"), file("a", repository="b/web-ui"))
    assert exact == {"repos:web-ui"}


def test_a_commit_is_found_by_how_it_begins() -> None:
    others = [commit("c0ffee1a"), commit("c0ffee1b"), commit("beef1234"), commit("beef1234", repository=WEB)]
    assert mentioned("c0ffee1a", *others)[0] == {f"repos:{API}@{'c0ffee1a'.ljust(40, '0')}"}
    assert mentioned("c0ffee1", *others)[1] == {("mentions", "c0ffee1"): "several have this name"}
    assert mentioned("beef1234", *others)[0] == {f"repos:{API}@{'beef1234'.ljust(40, '0')}"}
    assert mentioned("dead1234", *others)[1] == {("mentions", "dead1234"): "nothing has this name"}


def test_a_person_is_mentioned_by_address_and_by_login() -> None:
    others = [commit("abc"), file("CODEOWNERS", "* @Ben\n")]
    assert mentioned("ann@example.org", *others)[0] == {"email:ann@example.org"}
    assert mentioned("Thanks @ben", *others)[0] == {"login:github/ben"}
    assert mentioned("Thanks @eve", *others)[1] == {("mentions", "login:eve"): "nothing has this name"}


# People


def people(*documents: Document) -> dict[str, list[str]]:
    """Return the other keys of each person by the key that stands for them."""
    return {key: node["aliases"] for key, node in graph_of(*documents).nodes.items() if node["type"] == "person"}


MAILMAP = file(".mailmap", "Ann Lee <ann@example.org> <ann@old.example>\n")
ACCOUNT = Fact("reported_by", "person", "account:5b10", "Ann Lee")
ITS_MAIL = Fact("same_as", "person", "email:ann@example.org", "Ann Lee", subject="account:5b10")


def test_a_person_is_one_across_git_jira_and_confluence() -> None:
    documents = [
        commit("a1", by="ann@example.org"),
        commit("b2", by="ann@old.example"),
        MAILMAP,
        issue("SRE-1", "", ACCOUNT, ITS_MAIL),
        page("1", "P", "", Fact("authored_by", "person", "account:5b10", "A. Lee")),
    ]
    assert people(*documents) == {"email:ann@example.org": ["account:5b10", "email:ann@old.example"]}
    graph = graph_of(*documents)
    done = {object_ for subject, object_ in graph.of("authored", "reported") if subject == "email:ann@example.org"}
    assert done == {f"repos:{API}@{sha.ljust(40, '0')}" for sha in ("a1", "b2")} | {"jira:SRE-1", "page:1"}
    assert not graph.of("same_as")


def test_a_mailmap_that_is_gone_takes_its_merge_with_it() -> None:
    documents = [commit("a1", by="ann@example.org"), commit("b2", by="ann@old.example")]
    assert people(*documents, MAILMAP).keys() == {"email:ann@example.org"}
    assert people(*documents) == {"email:ann@example.org": [], "email:ann@old.example": []}


def test_two_people_of_one_name_stay_two() -> None:
    documents = [
        commit("a1", by="ann@example.org"),
        commit("b2", by="ann@other.example"),
        issue(
            "SRE-1",
            "",
            Fact("reported_by", "person", "account:1", "Ann"),
            Fact("assigned_to", "person", "account:2", "Ann"),
        ),
    ]
    assert people(*documents).keys() == {"email:ann@example.org", "email:ann@other.example", "account:1", "account:2"}


def test_a_shared_address_merges_nobody() -> None:
    facts = [Fact("same_as", "person", "email:noreply@example.org", "x", subject=f"account:{n}") for n in (1, 2)]
    assert {"account:1", "account:2"} <= people(issue("SRE-1", "", facts[0]), issue("SRE-2", "", facts[1])).keys()


def test_an_owner_by_login_is_who_commits_under_githubs_address() -> None:
    graph = graph_of(commit("a1", by="7+ann@users.noreply.github.com"), file("CODEOWNERS", "* @ann\n"))
    ((_, owner),) = graph.of("owned_by")
    assert graph.of("authored") == {(owner, f"repos:{API}@{'a1'.ljust(40, '0')}")}


# Packages

LIBRARY = [
    file("pyproject.toml", '[project]\nname = "acme-lib"\n', WEB),
    file("src/acme_lib/__init__.py", "", WEB),
    file("src/acme_lib/core.py", "class Base:\n    pass\n\n\ndef helper():\n    pass\n", WEB),
]
USER = [
    file("pyproject.toml", '[project]\nname = "acme-api"\ndependencies = ["acme-lib>=1", "flask"]\n'),
    file(
        "app.py",
        "import acme_lib.core\nfrom acme_lib.core import Base, helper\nimport flask\n\n\n"
        "class Mine(Base):\n    pass\n\n\nhelper()\n",
    ),
]  # fmt: skip


def test_a_package_of_the_organisation_joins_the_repositories() -> None:
    graph = graph_of(*USER, *LIBRARY)
    assert (f"repos:{WEB}", "produces", "package:pypi/acme-lib") in graph.edges
    assert (f"repos:{API}", "depends_on", "package:pypi/acme-lib") in graph.edges
    app, core = f"repos:{API}:app.py", f"repos:{WEB}:src/acme_lib/core.py"
    assert graph.objects(app, "imports") == {core, "package:pypi/flask"}
    assert (f"{app}#Mine", "inherits", f"{core}#Base") in graph.edges
    assert (app, "calls", f"{core}#helper") in graph.edges


def test_a_package_of_nobody_stays_a_package() -> None:
    graph = graph_of(*USER)
    app = f"repos:{API}:app.py"
    assert graph.objects(app, "imports") >= {"package:pypi/flask"}
    assert not any(key.startswith(f"repos:{WEB}") for key in graph.nodes)
    assert {object_ for _, object_ in graph.of("inherits")} <= {
        key for key in graph.nodes if key.startswith("package:")
    }


def test_a_name_that_a_package_has_twice_is_the_package() -> None:
    twice = [*LIBRARY, file("lib/acme_lib/core.py", "def helper():\n    pass\n", WEB)]
    called = graph_of(*USER, *twice).objects(f"repos:{API}:app.py", "calls")
    assert called == {"package:pypi/acme-lib"}


def test_a_repository_that_uses_its_own_package_is_not_led_back_to_it() -> None:
    own = [LIBRARY[0], LIBRARY[2], file("tests/t.py", "import unknown_lib\n", WEB)]
    assert not {object_ for _, object_ in graph_of(*own).of("imports") if object_.startswith(f"repos:{WEB}")}


# Who may read it


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ([("all",)], ["all"]),
        ([("leads",)], ["leads"]),
        ([("leads", "ops")], ["leads", "ops"]),
        ([("leads",), ("ops", "ann@example.org")], ["ann@example.org", "leads", "ops"]),
        ([("leads",), ("all",)], ["all"]),
        ([("leads",), ()], ["leads"]),
        ([()], []),
    ],
)
def test_a_node_may_be_read_by_who_may_read_a_document_that_names_it(
    lists: list[tuple[str, ...]], expected: list[str]
) -> None:
    facts = [Fact("labelled", "label", "Secret"), Fact("authored_by", "person", "account:1", "Ann")]
    documents = [page(str(number), f"P{number}", "", *facts, access=access) for number, access in enumerate(lists)]
    nodes = graph_of(*documents).nodes
    for key in ("label:secret", "account:1", "confluence:ENG"):
        assert nodes[key]["access"] == expected, key
    for number, access in enumerate(lists):
        assert nodes[f"page:{number}"]["access"] == sorted(access)


def test_a_person_whom_a_public_file_names_is_public_and_what_only_others_say_of_them_is_not_told() -> None:
    secret = page("1", "P", "", Fact("authored_by", "person", "login:github/ann", "Ann Lee"), access=("leads",))
    assert graph_of(secret).nodes["login:github/ann"]["name"] == "Ann Lee"
    node = graph_of(secret, file("CODEOWNERS", "* @ann\n")).nodes["login:github/ann"]
    assert (node["access"], node["name"]) == (["all"], "github/ann")


def test_a_mention_opens_no_document() -> None:
    graph = graph_of(page("1", "P", "SRE-1"), issue("SRE-1", title="Secret", access=("leads",)))
    assert graph.nodes["jira:SRE-1"]["access"] == ["leads"]


def test_the_best_description_is_that_of_the_document_itself_then_a_public_one() -> None:
    graph = graph_of(
        page("2", "P", "", Fact("authored_by", "person", "account:1", "Secret name"), access=("leads",)),
        page("1", "Q", "", Fact("authored_by", "person", "account:1", "Ann")),
        page("3", "R", "", Fact("authored_by", "person", "account:1", "")),
    )
    assert graph.nodes["account:1"]["name"] == "Ann"
    assert (graph.nodes["page:2"]["title"], graph.nodes["page:2"]["source"]) == ("P", "confluence")
    assert graph.nodes["account:1"]["source"] == graph.nodes["account:1"]["partition"] == ""
    assert graph.nodes["confluence:ENG"]["partition"] == "ENG"


# The tables


def as_tables(resolved: Any) -> dict[str, Any]:
    return {name: getattr(resolved, name) for name in ("nodes", "edges", "documents", "unresolved", "counts")}


def everything() -> list[Document]:
    return [
        *EVERYTHING, *LIBRARY, MAILMAP,
        page("9", "Secret", "`helper()` SRE-2 UTF-8 `lost.py` <https://x.example>", LABEL, access=("l",)),
        page("10", "Other", "", LABEL, ACCOUNT_ON_PAGE, access=("m", "n")),
    ]  # fmt: skip


LABEL = Fact("labelled", "label", "a")
ACCOUNT_ON_PAGE = Fact("authored_by", "person", "account:5b10", "Ann Lee")


@pytest.mark.parametrize("seed", range(6))
def test_the_graph_is_the_same_whatever_the_order_and_the_batches_of_rows(seed: int) -> None:
    said = said_of(everything())
    wanted, found = resolve(*said), resolve(*(shuffled(rows, seed) for rows in said))
    for name, table in as_tables(wanted).items():
        assert as_tables(found)[name] == table, name
    readers = resolve(*(shuffled(rows, seed).to_reader(max_chunksize=7) for rows in said))
    assert readers.nodes == wanted.nodes
    assert readers.edges == wanted.edges


def test_nodes_and_edges_lie_in_their_order() -> None:
    resolved = resolve(*said_of(everything()))
    ids = resolved.nodes["id"].to_pylist()
    assert ids == sorted(set(ids))
    assert all(len(id_) == 32 for id_ in ids)
    edges = resolved.edges.to_pylist()
    order = [(e["subject"], e["type"], e["object"], e["document"], e["label"]) for e in edges]
    assert order == sorted(set(order))
    by_object = [edges[row]["object"] for row in resolved.edges["by_object"].to_pylist()]
    assert by_object == sorted(by_object)
    assert sorted(resolved.edges["by_object"].to_pylist()) == list(range(len(edges)))


def test_nothing_said_is_an_empty_graph_of_the_same_columns() -> None:
    resolved = resolve(*said_of([]))
    assert {name: as_tables(resolved)[name].num_rows for name in ("nodes", "edges", "documents", "unresolved")} == {
        "nodes": 0,
        "edges": 0,
        "documents": 0,
        "unresolved": 0,
    }
    assert (resolved.nodes.schema, resolved.edges.schema) == (tables.GRAPH_NODES, tables.GRAPH_EDGES)
    assert (resolved.documents.schema, resolved.unresolved.schema) == (tables.GRAPH_DOCUMENTS, tables.GRAPH_UNRESOLVED)
    assert resolved.counts == {}


def test_rows_of_a_document_that_is_gone_do_not_count() -> None:
    stays, goes = everything()[:-1], everything()[-1]
    entities, relations, documents = said_of([*stays, goes])
    kept = documents.filter([key != goes.key for key in documents["id"].to_pylist()])
    found, wanted = resolve(entities, relations, kept), resolve(*said_of(stays))
    for name, table in as_tables(wanted).items():
        assert as_tables(found)[name] == table, name


def test_every_relation_is_an_edge_or_unresolved_and_is_counted() -> None:
    _, relations, _ = said = said_of(everything())
    resolved = resolve(*said)
    counts = resolved.counts
    for name in set(relations["type"].to_pylist()):
        rows = sum(1 for each in relations["type"].to_pylist() if each == name)
        unresolved = sum(1 for each in resolved.unresolved["type"].to_pylist() if each == name)
        assert counts[name] == RelationCounts(rows, rows - unresolved, unresolved)
    assert set(resolved.unresolved["reason"].to_pylist()) == {
        "no project of this key is indexed",
        "nothing has this name",
        "no document has this address",
        "several have this name",
    }
    ids = set(relations["id"].to_pylist())
    assert set(resolved.unresolved["id"].to_pylist()) <= ids


def test_each_document_that_says_so_has_its_edge_and_the_surest_and_first_line_count() -> None:
    graph = graph_of(file("a.md", "x\n\nSRE-1\n\nSRE-1\n"), file("b.md", "SRE-1"), issue("SRE-1"))
    said = [(row["subject"], row["line"]) for row in graph.rows if row["type"] == "mentions"]
    assert sorted(said) == [(f"repos:{API}:a.md", 3), (f"repos:{API}:b.md", 1)]
    documents = graph.resolved.documents.to_pylist()
    cited = {documents[row["document"]]["doc_id"] for row in graph.rows if row["type"] == "mentions"}
    assert cited == {"a.md", "b.md"}


def test_what_the_ontology_does_not_allow_is_unresolved() -> None:
    text = "<https://acme.example/wiki/spaces/ENG/pages/1>"
    entities, relations, documents = said_of([page("1", "P"), page("2", "Q", text)])
    types = ["calls" if type_ == "links_to" else type_ for type_ in relations["type"].to_pylist()]
    relations = relations.set_column(relations.schema.get_field_index("type"), relations.schema.field("type"), [types])
    resolved = resolve(entities, relations, documents)
    assert resolved.unresolved["reason"].to_pylist() == ["the ontology does not allow it"]
