"""`duetto-intel graph`: a result is a line with the documents that say so; what cannot be asked is a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from duetto_assets.errors import ConfigError
from duetto_assets.search.graph_names import AmbiguousName, UnknownName
from duetto_assets.serve.graph_cli import graph_app
from duetto_assets.store.index import Index
from duetto_assets_tests.search.graphs import Drawing, organisation

NODE = ["ref", "type", "key", "name", "title", "source", "partition", "path", "line", "end_line", "language", "url",
        "updated_at"]  # fmt: skip
CITED = ["citations", "more_citations"]


@pytest.fixture
def made(home: Path) -> tuple[Index, Drawing]:
    return organisation(home / "index")


def ask(*args: str) -> Result:
    return CliRunner().invoke(graph_app, list(args))


def lines(*args: str) -> list[dict[str, Any]]:
    done = ask(*args, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ["neighbors", "acme/api:src/app.py", "--relation", "imports"],
            "imports  acme/api:src/util.py  by acme/api:src/app.py:3",
        ),
        (
            ["neighbors", "acme/web:pyproject.toml", "--relation", "depends_on"],
            'depends_on "dev"  package:pypi/acme-api  by acme/web:pyproject.toml:7',
        ),
        (
            ["path", "Runbook", "ann@x.org"],
            "mentions  SRE-42 Retries storm  by ENG/12345:4\nassigned_to  Ann Smith <email:ann@x.org>  by SRE-42:1",
        ),
        (
            ["impact", "acme/api:retry"],
            "1  acme/api:src/app.py#App.route  calls acme/api:src/util.py#retry  (0.6)  by acme/api:src/app.py:1",
        ),
        (
            ["who", "acme/api:src/util.py", "-n", "1"],
            "4.00  Bob Jones <email:bob@x.org>  owns 1, committed 1  by acme/api:CODEOWNERS:2, acme/api@aaaaaaaaaaaa",
        ),
        (
            ["history", "SRE-42", "-n", "1"],
            (
                "2025-09-27 00:00  mentioned_in  acme/api@aaaaaaaaaaaa Fix 1  files: src/util.py  symbols: retry  by "
                "acme/api@aaaaaaaaaaaa"
            ),
        ),
    ],
)
def test_a_result_is_a_line_that_ends_with_who_says_so(made: Any, args: list[str], line: str) -> None:
    done = ask(*args)
    assert done.exit_code == 0
    assert done.stdout == line + "\n"


@pytest.mark.parametrize(
    ("args", "fields"),
    [
        (["neighbors", "SRE-42"], ["distance", "relation", "label", "node", "via", "confidence", *CITED]),
        (["path", "Runbook", "SRE-42"], ["relation", "label", "node", "confidence", *CITED]),
        (["impact", "App"], ["distance", "node", "relation", "on", "confidence", *CITED]),
        (["who", "SRE-42"], ["node", "score", "bot", "evidence", *CITED]),
        (
            ["history", "SRE-42"],
            ["when", "relation", "node", *CITED, "files", "more_files", "symbols", "more_symbols"],
        ),
    ],
)
def test_json_lines_have_these_fields(made: Any, args: list[str], fields: list[str]) -> None:
    for line in lines(*args):
        assert list(line) == fields
        assert list(line["node"]) == NODE
        assert line["citations"]
        assert list(line["citations"][0]) == ["source", "partition", "doc_id", "title", "url", "line"]


def test_results_are_told_by_repository(made: Any) -> None:
    places = [line["node"]["partition"] for line in lines("impact", "acme/api:src/util.py")]
    assert places == sorted(places, key=places.index)
    assert set(places) == {"acme/api", "acme/web"}


def test_more_than_is_printed_is_said(made: Any) -> None:
    done = ask("neighbors", "acme/api", "-n", "2")
    assert len(done.stdout.splitlines()) == 2
    assert "… and 4 more: -n 6" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["impact", "SRE-42"], "Nothing that can be seen depends on SRE-42."),
        (["neighbors", "SRE-42", "--relation", "imports"], "Nothing that can be seen is connected to SRE-42 that way."),
    ],
)
def test_where_nothing_was_found_it_says_so_and_ends_with_1(made: Any, args: list[str], said: str) -> None:
    done = ask(*args)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", said + "\n")


def test_no_path_ends_with_1(home: Path) -> None:
    drawing, index = Drawing(), Index(str(home / "index"))
    for name in "ab":
        drawing.node("file", f"repos:r:{name}", drawing.document(name))
    drawing.write(index)
    done = ask("path", "r:a", "r:b")
    assert (done.exit_code, done.stderr) == (1, "Nothing that can be seen connects r:a and r:b.\n")


def test_what_others_may_read_is_printed_for_them_alone(made: Any) -> None:
    assert "SRE-43" not in ask("neighbors", "SRE-42").output
    assert "SRE-43" not in ask("neighbors", "SRE-42", "--as", "bob@x.org").output
    assert "SRE-43" in ask("neighbors", "SRE-42", "--as", "Ann@X.org").output
    assert "SRE-43" in ask("neighbors", "SRE-42", "--as", "bob@x.org,ann@x.org").output


def test_the_indexing_account_sees_what_it_may_read(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_USER", "Ann@x.org")
    assert "SRE-43" in ask("neighbors", "SRE-42").output


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["neighbors", "src/app.py"], AmbiguousName),
        (["path", "SRE-42", "nowhere at all"], UnknownName),
        (["impact", "nowhere at all"], UnknownName),
        (["who", "nowhere at all"], UnknownName),
        (["history", "acme/api"], ConfigError),
        (["neighbors", "SRE-42", "--relation", "eats"], ConfigError),
    ],
)
def test_what_cannot_be_asked_is_an_error_of_the_asker(made: Any, args: list[str], error: type[ConfigError]) -> None:
    done = ask(*args)
    assert isinstance(done.exception, error)


@pytest.mark.parametrize("command", ["neighbors", "path", "impact", "who", "history"])
def test_without_a_graph_each_command_says_what_to_do(home: Path, command: str) -> None:
    done = ask(command, "SRE-42", *(["SRE-43"] if command == "path" else []))
    assert str(done.exception) == "There is no graph yet. Make it: duetto-intel sync"


def test_remote_text_does_not_drive_the_terminal(home: Path) -> None:
    drawing, index = Drawing(), Index(str(home / "index"))
    said = drawing.document("\x1b[2Jevil\n")
    drawing.node("issue", "jira:X-1", said, title="\x1b]0;owned\x07\u202e")
    drawing.node("issue", "jira:X-2", said, title="b")
    drawing.edge("jira:X-1", "relates_to", "jira:X-2", said, label="\x1b[31mred")
    drawing.write(index)
    for args in (["neighbors", "X-2"], ["neighbors", "X-2", "--json"]):
        out = ask(*args).stdout
        assert len(out.splitlines()) == 1
        assert out.rstrip("\n").isprintable()
    assert lines("neighbors", "X-2")[0]["node"]["title"] == "\x1b]0;owned\x07\u202e"
