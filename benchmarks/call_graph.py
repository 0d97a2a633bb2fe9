"""How right are the calls that are found in Python code? Against PyCG's micro-benchmark, and how fast on real packages.

python -m benchmarks.call_graph [--snippets DIR] [--package NAME]: DIR is `micro-benchmark/snippets` of a checkout of
https://github.com/vitsalis/PyCG. Without it only the speed is measured.

What is compared: calls of what the snippet's own files define. A lambda is no symbol here: its calls count as those of
the definition around it. A class that is called counts by its `__init__`, as there; the call of the class is left out.
"""

from __future__ import annotations

import argparse
import json
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import peak_mib, report
from duetto_assets.ontology.code.facts import CERTAIN, Facts, Link
from duetto_assets.ontology.code.python import Python

Edge = tuple[str, str]


class Score(NamedTuple):
    """Edges that are right, that were said, and that there are."""

    right: int = 0
    said: int = 0
    true: int = 0
    right_certain: int = 0
    said_certain: int = 0

    def plus(self, other: Score) -> Score:
        """Return both together."""
        return Score(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def numbers(self) -> dict[str, float]:
        """Return precision and recall, of all edges and of certain ones."""
        return {
            "edges": self.true,
            "precision": self.right / max(self.said, 1),
            "recall": self.right / max(self.true, 1),
            "certain_precision": self.right_certain / max(self.said_certain, 1),
            "certain_recall": self.right_certain / max(self.true, 1),
        }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snippets", type=Path, help="folder of categories of cases")
    parser.add_argument("--package", default="dagster", help="an installed package to measure the speed on")
    parser.add_argument("--misses", action="store_true", help="print each edge that is missed or wrong")
    args = parser.parse_args()
    if args.snippets:
        _quality(args.snippets, args.misses)
    _speed(args.package)


def _quality(snippets: Path, misses: bool) -> None:
    by_category: dict[str, Score] = defaultdict(Score)
    for truth in sorted(snippets.glob("*/*/callgraph.json")):
        score = _score(truth.parent, misses)
        by_category[truth.parent.parent.name] = by_category[truth.parent.parent.name].plus(score)
    total = Score()
    for score in by_category.values():
        total = total.plus(score)
    print(f"{'':14} edges  precision  recall  of certain: precision  recall")
    for name, score in [*by_category.items(), ("total", total)]:
        edges, *shares = score.numbers().values()
        print(f"{name:14} {edges:5}  {shares[0]:9.3f}  {shares[1]:6.3f}  {shares[2]:21.3f}  {shares[3]:6.3f}")
    report("calls of PyCG's snippets", **total.numbers())


def _score(case: Path, misses: bool) -> Score:
    files = {str(path.relative_to(case)): path.read_text("utf-8") for path in sorted(case.rglob("*.py"))}
    facts = _facts(files)
    ours: dict[Edge, float] = {}
    classes = {_module(path) + "." + d.name for path in facts for d in facts[path].definitions if d.kind == "class"}
    for path, each in Python().link(facts):
        if each.relation == "calls":
            edge = (_name(path, each.scope), each.written or _name(each.path, each.name))
            if edge[1] not in classes:
                ours[edge] = max(each.confidence, ours.get(edge, 0.0))
    theirs = set(_truth(json.loads((case / "callgraph.json").read_text("utf-8"))))
    certain = {edge for edge, confidence in ours.items() if confidence == CERTAIN}
    for edge in sorted(ours.keys() ^ theirs) if misses else ():
        print(f"{case.parent.name}/{case.name}: {'missed' if edge in theirs else 'wrong'}", ours.get(edge, ""), *edge)
    return Score(len(theirs & ours.keys()), len(ours), len(theirs), len(theirs & certain), len(certain))


def _truth(graph: dict[str, list[str]]) -> Iterator[Edge]:
    for caller, callees in graph.items():
        for callee in callees:
            if not callee.startswith("<") and "<lambda" not in callee:
                yield caller.partition(".<lambda")[0], callee


def _facts(files: dict[str, str]) -> dict[str, Facts]:
    read = {path: Python().extract(text, path, "python") for path, text in files.items()}
    return {path: facts for path, facts in read.items() if facts is not None}


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _name(path: str, name: str) -> str:
    return f"{_module(path)}.{name}" if name else _module(path)


def _speed(package: str) -> None:
    folder = Path(sysconfig.get_paths()["purelib"])
    paths = sorted((folder / package).rglob("*.py"))
    files = {str(path.relative_to(folder)): path.read_text("utf-8", "replace") for path in paths}
    size = sum(map(len, files.values()))
    started = time.perf_counter()
    facts = _facts(files)
    extracted = time.perf_counter()
    links: list[tuple[str, Link]] = list(Python().link(facts))
    linked = time.perf_counter()
    report(
        f"links of {package}",
        files=len(files),
        mb_per_s=size / 1e6 / (extracted - started),
        facts_per_char=sum(len(json.dumps(each.as_json(), separators=(",", ":"))) for each in facts.values()) / size,
        link_seconds=linked - extracted,
        links=len(links),
        peak_mib=peak_mib(),
    )


if __name__ == "__main__":
    main()
