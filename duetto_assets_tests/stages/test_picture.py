"""The picture shows what its principals may read, and no e-mail address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.errors import ConfigError
from duetto_assets.model import Fact
from duetto_assets.ontology.picture import PLACEHOLDER
from duetto_assets.stages import picture as stage
from duetto_assets.stages.graph import reconcile_graph
from duetto_assets.stages.picture import (
    JSON_NAME,
    PAGE_NAME,
    PictureCounts,
    _break_rings,
    draw,
    read_picture,
    readable,
    remove_picture,
)
from duetto_assets.store.index import Index
from duetto_assets_tests.stages.worlds import Killed, Notes, World

SITE = "https://acme.example"
HOSTILE = "</script><script>alert(1)</script> <img src=x onerror=alert(2)> \u202e \0 {{graph}} & -->"


class Organisation:
    """A repository, a project and a space in one index."""

    def __init__(self, folder: Path) -> None:
        self.index = Index(str(folder / "index"))
        self.folder = str(folder / "picture")
        self.repository, self.project, self.space = (
            Notes("acme/api", "repos"),
            Notes("SRE", "jira"),
            Notes("ENG", "confluence"),
        )

    def file(self, path: str, text: str = "words", **fields: Any) -> None:
        url = f"https://github.com/acme/api/blob/HEAD/{path}"
        language = "python" if path.endswith(".py") else "markdown"
        self.repository.put(path, text, **({"url": url, "language": language} | fields))

    def issue(self, key: str, text: str = "words", **fields: Any) -> None:
        self.project.put(key, text, kind="issue", **({"path": "", "url": f"{SITE}/browse/{key}"} | fields))

    def page(self, id_: str, title: str, text: str = "words", **fields: Any) -> None:
        url = f"{SITE}/wiki/spaces/ENG/pages/{id_}/{title.replace(' ', '+')}"
        self.space.put(id_, text, kind="page", **({"path": "Home", "url": url} | fields))
        note = self.space.notes[id_]
        self.space.notes[id_] = type(note)(**{n: getattr(note, n) for n in note.__slots__} | {"title": title})

    def sync(self) -> None:
        for notes in (self.repository, self.project, self.space):
            world = World(notes, notes.partition, self.index)
            world.documents()
            world.entities()
        reconcile_graph(self.index)

    def draw(self, *principals: str, most: int = 1_000) -> PictureCounts:
        done = draw(self.index, self.folder, principals=principals or ("all",), organisation="Acme", most=most)
        assert done is not None
        return done

    @property
    def json(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(read_picture(self.folder, JSON_NAME) or b"")
        return said

    @property
    def everything(self) -> str:
        """Return all that was written, the page's escapes undone."""
        page = (read_picture(self.folder, PAGE_NAME) or b"").decode()
        return json.dumps(self.json, ensure_ascii=False) + page + page.encode().decode("unicode_escape", "replace")

    def names(self) -> set[str]:
        return {node["name"] for node in self.json["nodes"]}


@pytest.fixture(autouse=True)
def page_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "template", lambda: f"<script>{PLACEHOLDER}</script>")


@pytest.fixture
def organisation(tmp_path: Path) -> Organisation:
    made = Organisation(tmp_path)
    made.file("src/app.py", "class App:\n    def run(self):\n        pass\n")
    made.file("README.md", "See SRE-1 and [app](src/app.py).\n")
    made.issue("SRE-1", facts=(Fact("reported_by", "person", "account:5b10", "Ann Lee"),))
    made.page("1", "Carrier retries", "`App.run()`, SRE-1")
    return made


def test_without_a_graph_there_is_no_picture(tmp_path: Path) -> None:
    index = Index(str(tmp_path / "index"))
    assert draw(index, str(tmp_path / "p"), principals=("all",), organisation="Acme", most=10) is None
    assert read_picture(str(tmp_path / "p"), JSON_NAME) is None


def test_an_empty_graph_is_the_organisation_alone(tmp_path: Path) -> None:
    made = Organisation(tmp_path)
    made.sync()
    assert (made.draw().nodes, made.names()) == (1, {"Acme"})


def test_what_is_known_is_drawn_with_its_place_and_its_sources(organisation: Organisation) -> None:
    organisation.sync()
    done = organisation.draw()
    said = organisation.json
    assert (done.written, done.nodes, done.links, done.omitted, done.page) == (
        True,
        len(said["nodes"]),
        len(said["links"]),
        0,
        "",
    )
    nodes = {node["id"]: node for node in said["nodes"]}
    assert {"repos:acme/api:src/app.py#App.run", "jira:SRE-1", "page:1", "organisation"} <= nodes.keys()
    app = nodes["repos:acme/api:src/app.py"]
    assert (app["name"], app["parent"], app["path"]) == ("app.py", "repos:acme/api:src/", "src/app.py")
    assert nodes["repos:acme/api"]["parent"] == nodes["jira:SRE"]["parent"] == "organisation"
    assert nodes["repos:acme/api:src/app.py#App.run"]["parent"] == "repos:acme/api:src/app.py#App"
    assert nodes["page:1"]["url"] == f"{SITE}/wiki/spaces/ENG/pages/1/Carrier+retries"
    (link,) = [each for each in said["links"] if (each["source"], each["target"]) == ("page:1", "jira:SRE-1")]
    assert link["type"] == "mentions"
    assert link["documents"] == [{"title": "Home", "url": nodes["page:1"]["url"]}]


def test_drawing_again_writes_nothing(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation.sync()
    first = organisation.draw()
    before = organisation.everything
    monkeypatch.setattr(stage, "_write", None)
    again = organisation.draw()
    assert not again.written
    assert (again.nodes, again.links, again.omitted, again.page) == (
        first.nodes,
        first.links,
        first.omitted,
        first.page,
    )
    assert organisation.everything == before


@pytest.mark.parametrize("change", ["graph", "principals", "organisation", "most", "template", "version"])
def test_whatever_the_picture_is_made_of_draws_it_again(
    organisation: Organisation, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation.sync()
    organisation.draw()
    options: dict[str, Any] = {"principals": ("all",), "organisation": "Acme", "most": 1_000}
    if change == "graph":
        organisation.issue("SRE-2")
        organisation.sync()
    elif change == "template":
        monkeypatch.setattr(stage, "template", lambda: f"<!-- new --><script>{PLACEHOLDER}</script>")
    elif change == "version":
        monkeypatch.setattr(stage, "PICTURE_VERSION", "another")
    else:
        options |= {"principals": ("all", "leads")} if change == "principals" else {}
        options |= {"organisation": "Other"} if change == "organisation" else {}
        options |= {"most": 3} if change == "most" else {}
    done = draw(organisation.index, organisation.folder, **options)
    assert done is not None
    assert done.written


@pytest.mark.parametrize("name", [JSON_NAME, PAGE_NAME])
def test_a_file_that_somebody_deleted_is_drawn_again(organisation: Organisation, name: str) -> None:
    organisation.sync()
    organisation.draw()
    (Path(organisation.folder) / name).unlink()
    assert organisation.draw().written
    assert read_picture(organisation.folder, name)


def test_a_picture_can_be_removed_and_what_is_not_there_need_not_be(organisation: Organisation) -> None:
    organisation.sync()
    organisation.draw()
    for _ in range(2):
        remove_picture(organisation.folder)
        assert not [name for name in (JSON_NAME, PAGE_NAME) if read_picture(organisation.folder, name)]


def test_the_order_of_principals_is_no_other_picture(organisation: Organisation) -> None:
    organisation.sync()
    organisation.draw("all", "leads")
    assert not organisation.draw("leads", "all").written


def test_the_same_graph_is_the_same_picture(organisation: Organisation, tmp_path: Path) -> None:
    organisation.sync()
    organisation.draw()
    one = organisation.everything
    organisation.folder = str(tmp_path / "other")
    organisation.draw()
    assert organisation.everything == one


# Who may read it

SECRETS = ["Northline", "northline", "contract", "SRE-77", "4711", "zephyr", "leads", "Olga"]


@pytest.fixture
def secretive(organisation: Organisation) -> Organisation:
    leads = ("leads",)
    person = Fact("authored_by", "person", "account:9", "Olga Secret")
    organisation.page(
        "4711", "Contract with Northline", "`App.run()` SRE-1", access=leads, path="contract", facts=(person,)
    )
    organisation.page(
        "2", "Open", f"See <{SITE}/wiki/spaces/ENG/pages/4711> and SRE-77.", facts=(Fact("child_of", "page", "4711"),)
    )
    organisation.issue(
        "SRE-77", access=leads, facts=(Fact("labelled", "label", "zephyr"), Fact("blocks", "issue", "SRE-1"))
    )
    organisation.file("zephyr/northline.py", "def zephyr_run():\n    pass\n", access=leads)
    organisation.sync()
    return organisation


def test_nothing_of_a_restricted_document_is_in_a_public_picture(secretive: Organisation) -> None:
    secretive.draw()
    assert [word for word in SECRETS if word in secretive.everything] == []
    assert {"Open", "SRE-1", "app.py"} <= secretive.names()


def test_who_may_read_it_sees_it(secretive: Organisation) -> None:
    secretive.draw("all", "leads")
    assert [word for word in SECRETS if word not in secretive.everything] == ["leads"]


def test_an_edge_that_a_restricted_document_says_between_public_nodes_is_not_drawn(organisation: Organisation) -> None:
    organisation.issue("SRE-2", "words")
    organisation.sync()
    organisation.draw()
    before = organisation.json["links"]
    facts = (Fact("labelled", "label", "open"),)
    organisation.issue("SRE-3", facts=facts)
    organisation.page("3", "Hidden", "words", facts=facts, access=("leads",))
    organisation.sync()
    organisation.draw()
    new = [link for link in organisation.json["links"] if link not in before]
    assert {link["source"] for link in new if link["type"] == "labelled"} == {"jira:SRE-3"}
    assert not any("Hidden" in document["title"] for link in new for document in link["documents"])


@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=3), max_size=8),
    st.lists(st.sampled_from("abcd"), max_size=3),
    st.integers(0, 3),
)
def test_a_row_may_be_read_by_one_of_its_readers(lists: list[list[str]], principals: list[str], cut: int) -> None:
    rows = pa.chunked_array([pa.array(lists, pa.list_(pa.string()))]).slice(cut)
    rows = pa.chunked_array([*rows.slice(0, 2).chunks, *rows.slice(2).chunks], pa.list_(pa.string()))
    assert readable(rows, principals).tolist() == [bool(set(row) & set(principals)) for row in lists[cut:]]


# E-mail addresses

MAIL = "ann.lee+x@mail.example.org"


def test_no_e_mail_address_is_in_a_picture(organisation: Organisation) -> None:
    by = Fact("authored_by", "person", f"email:{MAIL}", MAIL)
    organisation.repository.put(f"//commit/{'a' * 40}", f"Ask {MAIL}", kind="commit", path="", facts=(by,))
    organisation.file("CODEOWNERS", f"* {MAIL}\n")
    organisation.file(f"mails/{MAIL}.md", f"mailto {MAIL}", url=f"{SITE}/mails/ann.lee%2Bx%40mail.example.org")
    organisation.page(
        "5", f"Write to {MAIL}.", f"<mailto:{MAIL}>", path=f"People / {MAIL}", facts=(Fact("labelled", "label", MAIL),)
    )
    organisation.issue(
        "SRE-5",
        facts=(
            Fact("same_as", "person", f"email:{MAIL}", MAIL, subject="account:5b10"),
            Fact("assigned_to", "person", "account:7", f"Ann <{MAIL}>"),
            Fact("blocks", "issue", "SRE-1", label=f"as {MAIL} says"),
            Fact("links_to", "url", f"https://{MAIL}/x"),
        ),
    )
    organisation.sync()
    done = organisation.draw()
    assert done.nodes > 10
    assert [part for part in ("@mail", "mail.example", "%40") if part in organisation.everything] == []
    assert "CODEOWNERS" in organisation.names()


def test_what_only_looks_like_an_address_stays(organisation: Organisation) -> None:
    organisation.file("icon@2x.png.md")
    organisation.page("6", "Bump lodash@4.17.21 for @acme/web")
    organisation.sync()
    organisation.draw()
    assert {"icon@2x.png.md", "Bump lodash@4.17.21 for @acme/web"} <= organisation.names()


# What was written


def test_a_page_that_could_not_be_built_is_said_and_the_json_stands(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise ConfigError("page.html is missing")

    organisation.sync()
    with monkeypatch.context() as patch:
        patch.setattr(stage, "template", missing)
        done = organisation.draw()
        assert (done.written, done.page) == (True, "page.html is missing")
        assert read_picture(organisation.folder, PAGE_NAME) is None
    assert organisation.draw().page == ""
    assert read_picture(organisation.folder, PAGE_NAME)


def test_a_crash_between_the_page_and_the_json_is_healed(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation.sync()
    organisation.draw()
    organisation.issue("SRE-8")
    organisation.sync()
    write = stage._write

    def die_before_the_json(location: str, name: str, text: str) -> None:
        if name == JSON_NAME:
            raise Killed
        write(location, name, text)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_write", die_before_the_json)
        with pytest.raises(Killed):
            organisation.draw()
    assert "SRE-8" not in organisation.names()
    assert b"SRE-8" in (read_picture(organisation.folder, PAGE_NAME) or b"")
    assert organisation.draw().written
    assert "SRE-8" in organisation.names()


@pytest.mark.parametrize("damage", ["", '{"made_of": "', "[]", "null", '"text"', "\udcff"])
def test_a_damaged_file_is_written_again(organisation: Organisation, damage: str) -> None:
    organisation.sync()
    organisation.draw()
    wanted = organisation.json
    (Path(organisation.folder) / JSON_NAME).write_text(damage, "utf-8", "surrogateescape")
    assert organisation.draw().written
    assert organisation.json == wanted


def test_hostile_text_cannot_leave_its_place(organisation: Organisation) -> None:
    organisation.page("7", HOSTILE.replace("\0", ""), path=HOSTILE.replace("\0", ""))
    organisation.issue(
        "SRE-9", facts=(Fact("labelled", "label", HOSTILE), Fact("blocks", "issue", "SRE-1", label=HOSTILE))
    )
    organisation.page("8", "Link", url="javascript:alert(1)")
    organisation.sync()
    organisation.draw()
    page = (read_picture(organisation.folder, PAGE_NAME) or b"").decode()
    assert page.count("<") == 2  # of the script itself
    assert json.loads(page.removeprefix("<script>").removesuffix("</script>")) == organisation.json
    assert "javascript:" not in organisation.everything
    shown = [text for node in organisation.json["nodes"] for text in (node["name"], node["title"], node["path"])]
    shown += [link["label"] for link in organisation.json["links"]]
    assert [text for text in shown if "\u202e" in text] == []


def test_pages_that_lie_in_a_ring_are_drawn(organisation: Organisation) -> None:
    for one, other in (("20", "21"), ("21", "22"), ("22", "20"), ("23", "23")):
        organisation.page(one, f"Page {one}", facts=(Fact("child_of", "page", other),))
    organisation.sync()
    organisation.draw()
    assert {"Page 20", "Page 21", "Page 22", "Page 23"} <= organisation.names()


@given(st.lists(st.integers(-1, 9), min_size=10, max_size=10))
def test_rings_are_opened_and_all_else_stays(parents: list[int]) -> None:
    broken = np.array(parents, np.int64)
    _break_rings(broken)
    for start in range(10):
        node, steps = start, 0
        while node >= 0:
            node, steps = int(broken[node]), steps + 1
            assert steps <= 10
    changed = [node for node in range(10) if broken[node] != parents[node]]
    assert all(broken[node] == -1 for node in changed)
    for node in changed:
        above = parents[node]
        seen = []
        while above not in (-1, node) and above not in seen:
            seen.append(above)
            above = parents[above]
        assert above == node


def test_what_there_is_no_room_for_is_lifted_to_what_holds_it(organisation: Organisation) -> None:
    organisation.sync()
    done = organisation.draw(most=6)
    assert done.nodes == 6
    assert done.omitted > 0
    ids = {node["id"] for node in organisation.json["nodes"]}
    assert all({link["source"], link["target"]} <= ids for link in organisation.json["links"])
