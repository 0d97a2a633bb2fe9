"""`make demo`: all sources at once, without keys: repositories, pages and issues of a made-up organisation."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from duetto_assets.serve.ui import show
from duetto_assets.settings import HOME, load
from duetto_assets_tests.wire.atlassian import AtlassianSite
from duetto_assets_tests.wire.demo_content import ACCOUNT, TOKEN, fill, make_repositories

QUERIES = (
    ["why do we wait before we ask a carrier again"],
    ["contract penalty for late parcels"],
    ["contract penalty for late parcels", "--as", "leads"],
)
QUESTIONS = (
    ["impact", "pause_before"],
    ["who", "carrier retries"],
    ["path", "PARCEL-3", "SRE-1"],
)
BIN = Path(sys.executable).parent


def main(arguments: list[str] | None = None) -> int:
    """Index a made-up organisation, answer questions, and show it in Dagster and as a graph until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m duetto_assets_tests.wire.demo", description=main.__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of Dagster's pages (default: 3000)")
    parser.add_argument("--home", type=Path, default=HOME / ".duetto" / "demo", help="where it keeps its data")
    parser.add_argument("--once", action="store_true", help="end after the answers")
    given = parser.parse_args(arguments)
    shutil.rmtree(given.home / "index", ignore_errors=True)  # the site begins anew each time, and so does its index
    with AtlassianSite() as site:
        fill(site)
        environment = os.environ | _settings(site, given.home)
        try:
            if code := _run(["sync"], environment):
                return code
            for query in QUERIES:
                _run(["search", *query, "-n", "4"], environment)
            for question in QUESTIONS:
                _run(["graph", *question], environment)
            return 0 if given.once else _pages(given.port, site, environment)
        except KeyboardInterrupt:
            return 130


def _settings(site: AtlassianSite, home: Path) -> dict[str, str]:
    repositories = make_repositories(home / "repositories")
    return {
        "DUETTO_HOME": str(home),
        "INDEX_PATH": "",
        "DAGSTER_HOME": "",
        "DUETTO_REPOS": " ".join(f"'{path}'" for path in repositories),
        "GITHUB_ORG": "",
        "CONFLUENCE_URL": site.confluence_url,
        "CONFLUENCE_USER": ACCOUNT,
        "CONFLUENCE_TOKEN": TOKEN,
        "CONFLUENCE_SPACES": "",
        "JIRA_URL": site.url,
        "JIRA_USER": ACCOUNT,
        "JIRA_TOKEN": TOKEN,
        "JIRA_PROJECTS": "",
        "ATLASSIAN_DEPLOYMENT": "cloud",
    }


def _run(command: list[str], environment: dict[str, str]) -> int:
    shown = " ".join(f'"{word}"' if " " in word else word for word in command)
    sys.stdout.write(f"\n$ duetto-intel {shown}\n")
    sys.stdout.flush()
    return subprocess.run([BIN / "duetto-intel", *command], env=environment, check=False).returncode


def _pages(port: int, site: AtlassianSite, environment: dict[str, str]) -> int:
    """Serve Dagster until Ctrl-C."""
    home = subprocess.run(
        [sys.executable, "-m", "duetto_assets.serve.home"], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    sys.stdout.write(
        f"\nDagster is at http://127.0.0.1:{port}, the graph at http://127.0.0.1:{load().serve_port}/graph, "
        f"the made-up site at {site.url}. Ctrl-C ends all.\n"
    )
    sys.stdout.flush()
    return show(port, environment | {"DAGSTER_HOME": home})


if __name__ == "__main__":
    sys.exit(main())
