"""10,000 pages and 100,000 issues from the stand-in site: calls, seconds and peak memory, without the model.

The site runs in a process of its own, so that its memory is not counted. `documents` and `chunks` are made, no vectors.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.ground import MODEL, peak_mib, report, site_environment
from duetto_assets.settings import Settings
from duetto_assets.sources.base import Source
from duetto_assets.sources.registry import SOURCES
from duetto_assets.stages.chunk import Chunker
from duetto_assets.stages.chunks import reconcile_chunks
from duetto_assets.stages.documents import reconcile_documents
from duetto_assets.stages.tokens import Tokenizer
from duetto_assets.store.index import Index
from duetto_assets_tests.wire.atlassian import AtlassianSite


def main() -> None:
    """Index, look again, edit one, look again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--issues", type=int, default=100_000)
    parser.add_argument("--serve", action="store_true", help="be the site: each line of stdin edits one of each")
    args = parser.parse_args()
    if args.serve:
        _serve(args.pages, args.issues)
        return
    chunker = Chunker(Tokenizer(MODEL.tokenizer_path), 256)
    with tempfile.TemporaryDirectory() as folder, closing(_Site(args.pages, args.issues)) as site:
        index = Index(str(Path(folder) / "index"))
        environment = {name.lower(): value for name, value in site_environment(site.url).items()}
        settings = Settings(_env_file=None, atlassian_everyone=("*",), **environment)  # type: ignore[arg-type]
        for step in ("first index", "nothing changed", "one edit"):
            if step == "one edit":
                site.edit()
            for name in ("confluence", "jira"):
                _measure(step, SOURCES[name](settings), index, chunker)


def _measure(what: str, source: Source, index: Index, chunker: Chunker) -> None:
    """Do what a sync does: ask for heads, and run what moved."""
    known = {r.partition: r.head for r in index.known_partitions(source.name).values()}
    started = time.monotonic()
    heads = source.heads(known)
    changed = 0
    for partition, head in heads.items():
        if head != known.get(partition):
            done = reconcile_documents(source, partition, index)
            changed += done.added + done.changed
    seconds_documents = time.monotonic() - started
    chunks = sum(reconcile_chunks(source.name, partition, index, chunker).chunks for partition in heads if changed)
    report(
        f"{source.name}: {what}",
        documents=changed,
        chunks=chunks,
        calls=source.calls,
        seconds=seconds_documents,
        seconds_with_chunks=time.monotonic() - started,
        peak_mib=peak_mib(),
        limit_mib=1024,
    )


class _Site:
    """The site's process."""

    def __init__(self, pages: int, issues: int) -> None:
        command = [sys.executable, "-m", "benchmarks.organisation", "--serve", f"--pages={pages}", f"--issues={issues}"]
        self._process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self._said()

    def edit(self) -> None:
        """Edit a page and an issue in the middle of the others."""
        assert self._process.stdin is not None
        print("edit", file=self._process.stdin, flush=True)
        self._said()

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _serve(pages: int, issues: int) -> None:
    with AtlassianSite() as site:
        site.bulk(pages=pages, issues=issues)
        print(site.url, flush=True)
        for _ in sys.stdin:
            site.edit_page(list(site.pages)[pages // 2], "<p>An edit of a page.</p>")
            site.edit_issue(f"BULK-{issues // 2}", description="An edit of an issue.")
            print("edited", flush=True)


if __name__ == "__main__":
    main()
