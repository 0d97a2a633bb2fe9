"""A small made-up organisation that tracks parcels. Its repositories, pages and issues mention each other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

from duetto_assets_tests.wire.atlassian import AtlassianSite

ACCOUNT = "indexer@harbour.example"
TOKEN = "no-secret"

PARCEL_API = {
    "README.md": """
        # parcel-api

        Answers "where is my parcel?". Carriers push scans to `POST /scans`; customers ask `GET /parcels/{id}`.
        The retry rules are explained on the page "Carrier retries" in the space ENG; incidents are in SRE.
        """,
    "parcel_api/scans.py": '''
        """Scans that carriers push: each says that a parcel was seen at a depot."""

        from dataclasses import dataclass
        from datetime import datetime


        @dataclass(frozen=True)
        class Scan:
            parcel_id: str
            depot: str
            seen_at: datetime


        class DuplicateScan(ValueError):
            """The carrier pushed a scan again. It is counted, and not stored twice (PARCEL-2)."""


        def accept(scan: Scan, known: set[tuple[str, datetime]]) -> None:
            """Store a scan once, whichever way the carrier repeats it."""
            key = (scan.parcel_id, scan.seen_at)
            if key in known:
                raise DuplicateScan(scan.parcel_id)
            known.add(key)
        ''',
    "parcel_api/retries.py": '''
        """Asking a carrier again after it failed. See the page "Carrier retries" and SRE-1."""

        import random

        LONGEST_PAUSE_S = 300.0


        def pause_before(attempt: int, retry_after_s: float | None = None) -> float:
            """Return how long to wait: what the carrier asks, else exponential back-off with jitter."""
            if retry_after_s is not None:
                return min(retry_after_s, LONGEST_PAUSE_S)
            return min(LONGEST_PAUSE_S, random.uniform(0, 2.0**attempt))
        ''',
    "parcel_api/carriers.py": '''
        """Asks carriers for scans that they did not push. The runbook "A carrier is silent" says when."""

        import time

        import httpx

        from parcel_api.retries import pause_before
        from parcel_api.scans import Scan, accept


        class Carrier:
            def __init__(self, url: str) -> None:
                self.url = url

            def pull(self, known: set, attempts: int = 5) -> None:
                """Ask until the carrier answers (SRE-1)."""
                for attempt in range(attempts):
                    answer = httpx.get(self.url)
                    if answer.is_success:
                        return self.store(answer.json(), known)
                    time.sleep(pause_before(attempt, answer.headers.get("Retry-After")))

            def store(self, rows: list, known: set) -> None:
                for row in rows:
                    accept(Scan(**row), known)
        ''',
    "pyproject.toml": """
        [project]
        name = "parcel-api"
        version = "1.4.0"
        dependencies = ["httpx>=0.28"]
        """,
    "CODEOWNERS": "* @harbour/parcels\n",
}

TRACKING_WEB = {
    "README.md": """
        # tracking-web

        The page on which customers follow a parcel. It polls parcel-api; PARCEL-3 is to replace polling by events.
        """,
    "package.json": '{"name": "tracking-web", "private": true, "dependencies": {"ky": "^1.7.0"}}\n',
    "feed/requirements.txt": "parcel-api>=1.4\n",
    "feed/feed.py": '''
        """Feeds scans to the page: what PARCEL-3 will make of polling."""

        from parcel_api.carriers import Carrier
        from parcel_api.retries import pause_before


        class Feed(Carrier):
            def follow(self, known: set) -> float:
                self.pull(known)
                return pause_before(1)
        ''',
    "src/poll.ts": """
        // Polls the state of a parcel, slower the longer nothing happens (PARCEL-3 replaces this by events).
        export function nextPollMs(quietPolls: number): number {
          return Math.min(60_000, 2_000 * 2 ** quietPolls);
        }
        """,
}


def make_repositories(folder: Path) -> list[Path]:
    """Write the repositories, each with two commits, and return their paths. Those that are there are left alone."""
    made = []
    for name, files, message in (
        ("parcel-api", PARCEL_API, "Wait as long as the carrier asks (SRE-1)"),
        ("tracking-web", TRACKING_WEB, "Merge branch 'feature/PARCEL-3-feed'"),
    ):
        path = folder / name
        made.append(path)
        if (path / ".git").is_dir():
            continue
        path.mkdir(parents=True, exist_ok=True)
        _git(path, "init", "--quiet", "--initial-branch=main")
        for number, (relative, text) in enumerate(files.items()):
            target = path / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
            _git(path, "add", "--all")
            if number in (0, len(files) - 1):
                _git(path, "commit", "--quiet", "--message", "Begin" if number == 0 else message)
    return made


def _git(path: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Parcel Developer", "-c", "user.email=parcels@harbour.example", "-c", "commit.gpgSign=false"]
    subprocess.run(["git", "-C", str(path), *who, *arguments], check=True)


def fill(site: AtlassianSite) -> None:
    """Put the pages and issues in."""
    site.accept(ACCOUNT, TOKEN)
    for account, name in (("u-oncall", "On-call Engineer"), ("u-parcels", "Parcel Developer"), ("u-lead", "Team Lead")):
        site.add_user(account, name, f"{account.removeprefix('u-')}@harbour.example")
    site.add_group("leads", ["u-lead"])
    _issues(site)
    _pages(site)


def _issues(site: AtlassianSite) -> None:
    site.add_project("SRE", "Reliability")
    site.add_project("PARCEL", "Parcels")
    people = {"reporter": "u-oncall", "assignee": "u-parcels"}
    first = site.put_issue(
        "SRE",
        "Carrier outage: our retries made it worse",
        "On Monday the carrier answered 503 for an hour. parcel-api asked again at once, 40 times a second.\n\n"
        "Fix: wait as long as Retry-After says, else back off with jitter (`parcel_api/retries.py`).",
        issuetype="Bug",
        status="Done",
        priority="High",
        labels=["incident", "carrier"],
        components=["parcel-api"],
        **people,
    )
    site.comment_issue(first, "The post-mortem is the page Carrier retries in ENG.", author="u-oncall")
    site.comment_issue(first, "Deployed; the next outage took 12 calls instead of 140,000.", author="u-parcels")
    site.remote_link(first, f"{site.url}/wiki/spaces/ENG/overview", "Carrier retries (Confluence)", "mentioned in")
    second = site.put_issue(
        "SRE", "Page the on-call person when scans stop", "No scan for 10 minutes means a lost carrier."
    )
    site.link_issues(first, "Blocks", second, "is blocked by", "blocks")
    epic = site.put_issue(
        "PARCEL", "Customers see their parcel move", "Everything between a scan and the browser.", issuetype="Epic"
    )
    site.put_issue(
        "PARCEL",
        "Carriers push some scans twice",
        "The same scan arrives by push and by poll; store it once. See `accept` in `parcel_api/scans.py`.",
        issuetype="Bug",
        status="In Progress",
        parent=epic,
        **people,
    )
    events = site.put_issue(
        "PARCEL",
        "Replace polling by events in tracking-web",
        "`nextPollMs` in src/poll.ts goes away.",
        parent=epic,
        **people,
    )
    site.comment_issue(events, "Depends on SRE-2: we must know when a carrier is silent.", author="u-lead")


def _pages(site: AtlassianSite) -> None:
    site.add_space("ENG", "Engineering")
    site.add_space("OPS", "Operations")
    home = site.put_page(
        "ENG", "Engineering at Harbour", "<p>How we build <strong>parcel-api</strong> and tracking-web.</p>"
    )
    retries = site.put_page(
        "ENG",
        "Carrier retries",
        "<h2>Rules</h2><ul><li>Wait as long as <code>Retry-After</code> says, at most five minutes.</li>"
        "<li>Without it, back off exponentially with full jitter.</li></ul>"
        '<ac:structured-macro ac:name="warning"><ac:rich-text-body><p>Never retry a scan that was accepted: see '
        "PARCEL-2.</p></ac:rich-text-body></ac:structured-macro>"
        "<h2>Why</h2><p>The outage of "
        '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="key">SRE-1</ac:parameter></ac:structured-macro>'
        " was made worse by us.</p><h2>Limits</h2><table><tbody><tr><th>Carrier</th><th>Calls a minute</th></tr>"
        "<tr><td>Northline</td><td>600</td></tr><tr><td>Quickvan</td><td>60</td></tr></tbody></table>"
        '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">python</ac:parameter>'
        "<ac:plain-text-body><![CDATA[pause_before(attempt=3)  # 0 to 8 seconds]]></ac:plain-text-body>"
        "</ac:structured-macro>",
        parent=home,
        labels=["reliability", "carrier"],
    )
    comment = site.comment(retries, "<p>Quickvan raised its limit to 120.</p>", author="u-oncall")
    site.comment(retries, "<p>Thanks, the table follows.</p>", reply_to=comment, author="u-parcels")
    site.attach(retries, "outage-timeline.pdf")
    site.put_page(
        "ENG", "Scans, once and only once", "<p>Why <code>DuplicateScan</code> exists, and PARCEL-2.</p>", parent=home
    )
    site.put_page("ENG", "Parcels in numbers", "<p>Two million scans a day since we spoke last.</p>", kind="blogpost")
    runbook = site.put_page(
        "OPS",
        "Runbook: a carrier is silent",
        "<ol><li>Look at the scans per depot.</li><li>Ask the carrier.</li><li>Open an issue in SRE.</li></ol>"
        "<ac:task-list><ac:task><ac:task-status>incomplete</ac:task-status><ac:task-body>Automate step 1 (SRE-2)"
        "</ac:task-body></ac:task></ac:task-list>",
    )
    secret = site.put_page("OPS", "Contract with Northline", "<p>Penalty: 4 cents a late parcel.</p>", parent=runbook)
    site.restrict_page(secret, groups=["leads"])
