"""`kill -9` at random moments of syncs, then one sync: are the tables those of an undisturbed index, row for row?"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground import commit, environment, report, repository, site_environment, take
from duetto_assets.store.index import Index
from duetto_assets_tests.wire.atlassian import AtlassianSite

_DUETTO = Path(sys.executable).with_name("duetto-intel")

_TABLES = ("documents", "chunks", "embeddings", "entities", "relations")


def main() -> None:
    """Kill, change, kill, …; then compare: a repository, then a space and a project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "project"
        repository(checkout, take("dagster/_core", 30))
        chance = random.Random(args.seed)
        env = environment(Path(folder) / "home", [f"file://{checkout}"])
        _play("a repository", env, lambda number: _change(checkout, chance, number), chance, args.kills)
    with tempfile.TemporaryDirectory() as folder, AtlassianSite() as site:
        site.bulk(pages=200, issues=200)
        chance = random.Random(args.seed)
        env = environment(Path(folder) / "home", []) | site_environment(site.url)
        _play("a space and a project", env, lambda number: _change_site(site, chance, number), chance, args.kills)


def _play(name: str, env: dict[str, str], change: Callable[[int], None], chance: random.Random, kills: int) -> None:
    home = Path(env["DUETTO_HOME"])
    duration = _whole_sync(env)
    killed = tries = 0
    while killed < kills and tries < 4 * kills:
        change(tries)
        # The first syncs are long; once one is through, the next have a change or two to write.
        killed += not _finished(env, chance.uniform(0.2, 0.9) * duration)
        tries += 1
        duration = min(duration, 8.0)
    subprocess.run([_DUETTO, "sync"], env=env, check=True, capture_output=True)
    fresh = home.with_name("fresh")
    subprocess.run([_DUETTO, "sync"], env=env | {"DUETTO_HOME": str(fresh)}, check=True, capture_output=True)
    report(
        f"kill -9 during syncs of {name}",
        kills=killed,
        finished_before_the_kill=tries - killed,
        differing_rows={name: _differing(home, fresh, name) for name in _TABLES},
    )


def _whole_sync(env: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run([_DUETTO, "sync"], env=env, check=True, capture_output=True)
    seconds = time.monotonic() - started
    subprocess.run([_DUETTO, "reset", "--yes"], env=env, check=True, capture_output=True)
    return seconds


def _change(checkout: Path, chance: random.Random, number: int) -> None:
    files = sorted(checkout.glob("**/*.py"))
    edited, moved, deleted = chance.sample(files, 3)
    edited.write_text(f"# edit {number}\n" + edited.read_text(encoding="utf-8"), encoding="utf-8")
    moved.rename(moved.with_name(f"moved{number}_{moved.name[-40:]}"))
    if number % 4 == 0:
        deleted.unlink()
    commit(checkout, f"change {number}")


def _change_site(site: AtlassianSite, chance: random.Random, number: int) -> None:
    pages = [str(page.id) for page in site.pages.values() if page.status == "current"]
    edited, new = chance.choice(pages), chance.choice(pages)
    site.edit_page(edited, f"<p>Edit {number} of a page.</p>")
    site.put_page("BULK", f"New {number}", f"<p>Page {number} is new.</p>", parent=new)
    keys = [issue.key for issue in site.issues.values()]
    gone, changed = chance.sample(keys, 2)
    site.edit_issue(changed, description=f"Edit {number} of an issue.")
    site.comment_issue(changed, f"Comment {number}.")
    if number % 4 == 0:
        site.delete_issue(gone)
        site.delete_page(max(set(pages) - {edited, new}, key=int))  # then its edit is the newest no more


def _finished(env: dict[str, str], after_s: float) -> bool:
    process = subprocess.Popen([_DUETTO, "sync"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after_s)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def _differing(one: Path, other: Path, table: str) -> int:
    a, b = (_rows(Index(str(home / "index")), table) for home in (one, other))
    return sum(1 for key in a.keys() | b.keys() if not _equal(a.get(key), b.get(key)))


def _rows(index: Index, name: str) -> dict[str, dict[str, Any]]:
    table = index.embeddings(384) if name == "embeddings" else getattr(index, name)
    rows = table.scan(table.schema.names).to_pylist()
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows), f"{name}: duplicate ids"
    return found


def _equal(a: dict[str, Any] | None, b: dict[str, Any] | None) -> bool:
    if a is None or b is None:
        return False
    left, right = a.pop("vector", None), b.pop("vector", None)
    return a == b and (left is None or bool(np.allclose(left, right, atol=1e-5)))


if __name__ == "__main__":
    main()
