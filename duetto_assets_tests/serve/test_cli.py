from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from duetto_assets import factory
from duetto_assets.serve import cli
from duetto_assets.settings import load
from duetto_assets_tests.worlds import HashEncoder, World

COMMAND = Path(sys.executable).with_name("duetto-intel")
COUNTS = {"added", "changed", "deleted", "unchanged", "skipped", "chunks", "embedded", "reused", "seconds"}
HIT = ["rank", "score", "source", "partition", "path", "start_line", "end_line", "symbol", "title", "url", "text"]

# A sync whose encoder says that it began, and then does not come to an end by itself.
STUCK = """
import sys, time
from duetto_assets import factory
from duetto_assets_tests.worlds import HashEncoder

class Stuck(HashEncoder):
    def encode(self, texts, on_batch=None):
        print("encoding", flush=True)
        time.sleep(600)

factory.encoder_of = lambda settings: Stuck()
from duetto_assets.serve.cli import main
sys.argv = ["duetto-intel", "sync"]
main()
"""


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Intel:
    """The command, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *args: str) -> Done:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["duetto-intel", *args])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = self._capsys.readouterr()
        return Done(int(stopped.value.code or 0), out, err)


@pytest.fixture
def intel(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Intel:
    assert world.instance  # its folder is copied, not made anew
    return Intel(monkeypatch, capsys)


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process group of its own, of which nothing is left at the end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as running:  # type: ignore[call-overload]
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)


def run(*command: str) -> Done:
    with process(*command) as running:
        out, err = running.communicate(timeout=120)
        return Done(running.returncode, out, err)


def statuses(world: World) -> list[dg.DagsterRunStatus]:
    return [run.status for run in world.instance.get_runs(dg.RunsFilter(job_name="sync_repos"))]


def test_sync_says_each_step_on_stderr_and_nothing_on_stdout(world: World, intel: Intel) -> None:
    world.add("one")
    done = intel("sync")
    assert (done.code, done.out) == (0, "")
    assert "repos/one: syncing (1 of 1)" in done.err
    assert "repos/one: 2 added, 0 changed, 0 deleted, 0 unchanged, 0 skipped; 2 chunks, 2 embedded" in done.err


def test_sync_json_ends_with_one_object(world: World, intel: Intel) -> None:
    world.add("one", {"a.py": "a = 1\n", "b.bin": b"\0" * 40})
    done = intel("sync", "--json")
    (said,) = done.lines
    assert done.code == 0
    assert (said["failed"], said["retired"]) == ({}, [])
    assert said["partitions"].keys() == {"repos/one"}
    counts = said["partitions"]["repos/one"]
    assert counts.keys() >= COUNTS
    assert {name: counts[name] for name in ("added", "changed", "deleted", "unchanged", "skipped")} == {
        "added": 2,
        "changed": 0,
        "deleted": 0,
        "unchanged": 0,
        "skipped": 1,
    }
    assert counts["chunks"] == counts["embedded"] == 2
    (again,) = intel("sync", "--json").lines
    assert again["partitions"]["repos/one"].keys() >= COUNTS
    assert again["partitions"]["repos/one"]["unchanged"] == 2


def test_a_sync_is_seen_in_the_ui(world: World, intel: Intel) -> None:
    world.add("one")
    intel("sync")
    graph, run = world.instance.get_runs()
    assert (graph.job_name, graph.status) == ("make_graph", dg.DagsterRunStatus.SUCCESS)
    assert (run.job_name, run.status) == ("sync_repos", dg.DagsterRunStatus.SUCCESS)
    assert run.tags["dagster/partition"] == "one"
    assert world.keys == ["one"]


def test_one_bad_repository_stops_no_other_and_makes_the_exit_code_one(
    world: World, intel: Intel, tmp_path: Path
) -> None:
    world.name(str(tmp_path / "missing"))
    world.add("one")
    done = intel("sync", "--json")
    (said,) = done.lines
    assert done.code == 1
    assert said["partitions"].keys() == {"repos/one"}
    assert said["failed"].keys() == {"repos/missing"}
    assert str(tmp_path / "missing") in said["failed"]["repos/missing"]
    assert "1 failed: repos/missing. The others are up to date." in done.err
    assert world.record("missing").error


def test_a_repository_that_fails_inside_its_run_stops_no_other(
    world: World, intel: Intel, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("bad", {"a.py": "bad = 1\n"})
    world.add("good")
    encode = HashEncoder.encode

    def refuse(self: HashEncoder, texts: list[str], on_batch: Any = None) -> Any:
        if any("bad" in text for text in texts):
            raise ValueError("text 0: the model returned a vector of length nan")
        return encode(self, texts, on_batch)

    monkeypatch.setattr(HashEncoder, "encode", refuse)
    (said,) = intel("sync", "--json").lines
    assert said["partitions"].keys() == {"repos/good"}
    assert said["failed"] == {"repos/bad": "unexpected ValueError; the run's log has the details"}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("nowhere", "'nowhere': there is no source 'nowhere'. Sources: repos, confluence, jira."),
        ("repos/other", "repos/other: there is no such partition. There are: one."),
    ],
)
def test_an_unknown_target_is_a_mistake_of_the_user(target: str, sentence: str, world: World, intel: Intel) -> None:
    world.add("one")
    done = intel("sync", target)
    assert (done.code, done.out, done.err.strip()) == (2, "", sentence)
    assert statuses(world) == []


def test_a_wrong_setting_is_a_sentence_and_exit_code_two(intel: Intel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_PARALLEL_CLONES", "none")
    done = intel("status")
    assert done.code == 2
    assert done.err.startswith("MAX_PARALLEL_CLONES: ")
    assert "Traceback" not in done.err


def test_only_the_named_partition_is_synced_and_nothing_retired(world: World, intel: Intel) -> None:
    world.add("one")
    world.add("two")
    world.pretend_searchable()
    world.drop("one")
    world.add("three")
    (said,) = intel("sync", "repos/three", "--json").lines
    assert said["partitions"].keys() == {"repos/three"}
    assert said["retired"] == []
    (said,) = intel("sync", "--json").lines
    assert said["retired"] == ["repos/one"]


def test_a_dry_run_prints_the_difference_and_changes_nothing(world: World, intel: Intel) -> None:
    one = world.add("one", {"a.py": "a = 1\n", "b.py": "b = 1\n"})
    intel("sync")
    one.commit({"a.py": "a = 2\n", "b.py": None, "c.py": "c = 1\n"})
    world.add("two")
    tables = [table.version for table in world.index.all_tables()]
    runs, keys = statuses(world), world.keys
    done = intel("sync", "--dry-run")
    said = done.out.splitlines()
    assert done.code == 0
    assert {"[UPDATE] repos/one a.py", "[DELETE] repos/one b.py", "[ADD] repos/one c.py"} <= set(said)
    assert "[ADD] repos/two two.py" in said
    assert ([table.version for table in world.index.all_tables()], statuses(world), world.keys) == (tables, runs, keys)
    (counts,) = intel("sync", "--dry-run", "--json", "repos/one").lines
    assert counts["partitions"] == {"repos/one": {"added": 2, "changed": 1, "deleted": 1, "unchanged": 1}}


def test_full_reads_everything_again_and_embeds_nothing_twice(world: World, intel: Intel) -> None:
    world.add("one")
    intel("sync")
    (said,) = intel("sync", "--full", "--json").lines
    counts = said["partitions"]["repos/one"]
    assert (counts["changed"], counts["unchanged"], counts["embedded"]) == (2, 0, 0)


def test_search_json_prints_one_object_a_line(world: World, intel: Intel) -> None:
    world.add("one", {"a.py": "def needle():\n    return 1\n", "b.md": "# About\n\nThe needle.\n"})
    intel("sync")
    done = intel("search", "needle", "--json", "-n", "2")
    assert done.code == 0
    assert [list(hit) for hit in done.lines] == [HIT, HIT]
    assert [hit["rank"] for hit in done.lines] == [1, 2]
    (only,) = intel("search", "needle", "--json", "--language", "python").lines
    assert (only["path"], only["start_line"], only["end_line"], only["symbol"]) == ("a.py", 1, 2, "needle")
    assert {hit["path"] for hit in intel("search", "needle", "--json", "--path", "*.md").lines} == {"b.md"}


def test_search_prints_one_hit_a_line(world: World, intel: Intel) -> None:
    world.add("one", {"a.py": "def needle():\n    return 1\n"})
    intel("sync")
    first = intel("search", "needle", "--path", "a.py").out.splitlines()
    assert first == ["one:a.py:1-2  needle  def needle():"]


def test_an_empty_index_hints_how_to_fill_it(intel: Intel) -> None:
    hint = "The index is empty. Fill it: duetto-intel sync"
    done = intel("search", "anything")
    assert (done.code, done.out, done.err.strip()) == (1, "", hint)
    done = intel("status")
    assert (done.code, done.out, done.err.strip()) == (0, "", hint)


def test_nothing_found_is_exit_code_one(world: World, intel: Intel) -> None:
    world.add("one")
    intel("sync")
    done = intel("search", "needle", "--partition", "other")
    assert (done.code, done.out, done.err.strip()) == (1, "", "Nothing found.")


def test_status_says_what_is_searchable_and_why_not(world: World, intel: Intel, tmp_path: Path) -> None:
    one = world.add("one")
    world.name(str(tmp_path / "missing"))
    intel("sync")
    records = {line["partition"]: line for line in intel("status", "--json").lines}
    assert records["one"]["searchable"]
    assert (records["one"]["head"], records["one"]["documents"], records["one"]["error"]) == (one.head, 2, "")
    assert not records["missing"]["searchable"]
    assert records["missing"]["failures"] == 1
    lines = intel("status").out.splitlines()
    assert "failing (1): " in lines[0]
    assert lines[1].startswith(f"repos/one  {one.head[:12]}  2 documents, 0 skipped, 2 chunks  searchable since ")


def test_skipped_lists_each_document_with_its_reason(world: World, intel: Intel) -> None:
    world.add("one", {"a.bin": b"\0" * 40, "b.py": "b = 1\n"})
    intel("sync")
    (row,) = intel("skipped", "repos/one", "--json").lines
    assert row["id"] == "a.bin"
    assert intel("skipped", "repos/one").out == f"a.bin: {row['reason']}\n"


def test_reset_refuses_without_yes_and_empties_the_index_with_it(world: World, intel: Intel) -> None:
    world.add("one")
    intel("sync")
    done = intel("reset")
    assert done.code == 2
    assert "duetto-intel reset --yes" in done.err
    assert world.record("one").head
    picture = Path(load().graph) / "graph.json"
    assert picture.is_file()
    done = intel("reset", "--yes")
    assert done.code == 0
    assert not picture.exists()
    factory.index_of.cache_clear()
    assert world.index.known_partitions() == {}
    assert world.keys == []
    assert intel("sync").code == 0
    assert world.record("one").searchable_head


HOSTILE = "\x1b[31m\x9b2J\x07\u202e red.py"


def test_a_hostile_name_cannot_drive_the_terminal(world: World, intel: Intel) -> None:
    world.add("one", {HOSTILE: "def needle():\n    return '\x1b[2J'\n", HOSTILE[:-2] + "bin": b"\0" * 40})
    outputs = [
        intel(*command)
        for command in (
            ["sync", "--dry-run"],
            ["sync"],
            ["search", "needle"],
            ["search", "needle", "--json"],
            ["skipped", "repos/one"],
            ["skipped", "repos/one", "--json"],
            ["status"],
            ["sync", f"repos/{HOSTILE}"],
        )
    ]
    for done in outputs:
        shown = (done.out + done.err).replace("\n", "")
        assert shown
        assert shown.isprintable(), ascii(shown)
    assert HOSTILE in {hit["path"] for hit in outputs[3].lines}


def test_help_shows_examples_that_can_be_copied(intel: Intel) -> None:
    for command in ("sync", "search", "status", "skipped", "reset"):
        done = intel(command, "--help")
        assert done.code == 0
        assert done.out.count(f"duetto-intel {command}") >= 2


def test_the_installed_command_answers_with_the_same_exit_codes() -> None:
    done = run(str(COMMAND), "sync", "nowhere")
    assert (done.code, done.out) == (2, "")
    assert done.err == "'nowhere': there is no source 'nowhere'. Sources: repos, confluence, jira.\n"


class RealModelsName(HashEncoder):
    """Passes for the real model, whose loading takes seconds."""

    def __init__(self) -> None:
        self.model_id = factory.model_of(load()).model_id


def test_a_sync_with_nothing_changed_loads_no_model_and_commits_to_no_table(
    world: World, intel: Intel, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("one")
    monkeypatch.setattr(factory, "encoder_of", lambda settings: RealModelsName())
    assert intel("sync").code == 0
    tables = [table.version for table in world.index.all_tables()]
    runs = statuses(world)
    code = (
        "import sys, atexit; sys.argv[1:] = ['sync', '--json']\n"
        "atexit.register(lambda: print(sorted({'torch', 'transformers', 'sentence_transformers',"
        " 'duetto_assets.definitions'} & set(sys.modules)), file=sys.stderr))\n"
        "from duetto_assets.serve.cli import main; main()"
    )
    done = run(sys.executable, "-c", code)
    assert done.code == 0, done.err
    assert done.lines[0]["partitions"]["repos/one"]["unchanged"] == 2
    assert done.err.splitlines()[-1] == "[]"
    assert [table.version for table in world.index.all_tables()] == tables
    assert statuses(world) == runs


def test_reading_commands_wait_neither_for_dagster_nor_for_torch(world: World) -> None:
    code = (
        "import sys; sys.argv[1:] = ['status']\n"
        "from duetto_assets.serve.cli import main\n"
        "try: main()\n"
        "finally: print({'dagster', 'torch', 'httpx', 'tree_sitter'} & set(sys.modules))"
    )
    assert run(sys.executable, "-c", code).out.splitlines()[-1] == "set()"


def test_a_ctrl_c_ends_a_sync_with_a_sentence_and_leaves_no_unfinished_run(world: World) -> None:
    world.add("one")
    world.add("two")
    with process(sys.executable, "-c", STUCK) as sync:
        assert sync.stdout is not None
        assert sync.stdout.readline() == "encoding\n"
        sync.send_signal(signal.SIGINT)
        _, err = sync.communicate(timeout=60)
    assert sync.returncode == 130, err
    assert err.splitlines()[-1] == "Interrupted. What was written stays; run it again to go on."
    assert "repos/two: syncing" not in err
    assert statuses(world) == [dg.DagsterRunStatus.FAILURE]
    assert world.instance.event_log_storage.get_concurrency_info("gpu").claimed_slots == []


def test_a_killed_sync_is_repaired_by_the_next(world: World, intel: Intel) -> None:
    one = world.add("one")
    with process(sys.executable, "-c", STUCK) as sync:
        assert sync.stdout is not None
        assert sync.stdout.readline() == "encoding\n"
        os.killpg(sync.pid, signal.SIGKILL)
        sync.wait(timeout=60)
    assert statuses(world) == [dg.DagsterRunStatus.STARTED]
    assert intel("sync").code == 0
    assert statuses(world) == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    assert world.record("one").searchable_head == one.head
