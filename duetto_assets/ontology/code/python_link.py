"""Turns what is known of a repository's Python code into links: imports, base classes and calls."""

from __future__ import annotations

import datetime as dt
import io
import logging
import pathlib
import queue
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain

from duetto_assets.ontology.code.facts import BY_NAME, CERTAIN, LIKELY, MAX_CANDIDATES, Facts, Link
from duetto_assets.ontology.code.python_flow import Flow
from duetto_assets.ontology.code.python_imports import import_links
from duetto_assets.ontology.code.python_modules import Modules, package_of
from duetto_assets.ontology.code.python_places import KLASS
from duetto_assets.ontology.code.python_program import Program

_MAX_TARGETS = 8  # of one call
_EVERYBODY = (
    *(str, bytes, bytearray, list, dict, set, tuple, int, float, BaseException, pathlib.Path, logging.Logger),
    *(
        io.TextIOWrapper,
        io.BytesIO,
        threading.Thread,
        threading.Event,
        queue.Queue,
        dt.datetime,
        re.Pattern,
        re.Match,
    ),
)
_COMMON = frozenset(name for each in _EVERYBODY for name in dir(each))  # methods that say nothing of their owner

Call = tuple[int, str, str, float]
"""A site's number, what it calls (path and name; a full name alone outside of the repository), and how sure it is."""


def link(files: Mapping[str, Facts]) -> Iterator[tuple[str, Link]]:
    """Yield all links of a repository's Python files."""
    modules = Modules(files)
    program = Program(files, modules)
    flow = Flow(program)
    flow.run()
    for path, file in program.files.items():
        for each in import_links(path, file.body["imports"], modules):
            yield path, each
    yield from _bases(flow)
    yield from _calls(flow, files)


def _bases(flow: Flow) -> Iterator[tuple[str, Link]]:
    said: set[tuple[str, str, str, str]] = set()
    for each in flow.classes:
        for (_, line), values in zip(each.bases, each.found, strict=True):
            found = []
            for kind, what in values:
                if kind == KLASS:
                    base = flow.classes[what]
                    found.append(("inherits", each.name, base.path, base.name, "", ""))
                else:
                    found.append(("inherits", each.name, "", "", package_of(what), what))
            for row in found:
                key = (each.path, each.name, row[2] or row[4], row[3] or row[5])
                if key not in said and (each.path, each.name) != (row[2], row[3]):
                    said.add(key)
                    yield each.path, Link(*row, confidence=CERTAIN if len(found) == 1 else LIKELY, line=line)


def _calls(flow: Flow, files: Mapping[str, Facts]) -> Iterator[tuple[str, Link]]:
    best: dict[tuple[str, str, str, str], tuple[float, int]] = {}
    for number, path, name, confidence in chain(_resolved(flow), _by_method_name(flow, files)):
        site = flow.sites[number]
        key = (site.path, site.scope, path, name)
        before = best.get(key, (0.0, site.line))
        best[key] = (max(before[0], confidence), min(before[1], site.line))
    for (path, scope, to, name), (confidence, line) in best.items():
        if to:
            yield path, Link("calls", scope, path=to, name=name, confidence=confidence, line=line)
        else:
            package = package_of(name)
            yield path, Link("calls", scope, package=package, written=name, confidence=confidence, line=line)


def _resolved(flow: Flow) -> Iterator[Call]:
    for number, reached in flow.reached.items():
        first = [target for target, early in reached.items() if early and target.main]
        for target, early in reached.items():
            if early or len(reached) <= _MAX_TARGETS:
                yield number, target.path, target.name, CERTAIN if early and len(first) == 1 else LIKELY


def _by_method_name(flow: Flow, files: Mapping[str, Facts]) -> Iterator[Call]:
    """Yield calls of methods of something unknown, if few classes have a method of that name."""
    methods: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(files):
        for definition in files[path].definitions:
            if definition.kind == "method":
                methods[definition.name.rpartition(".")[2]].append((path, definition.name))
    for number, name in flow.unresolved():
        found = methods.get(name, ())
        if name not in _COMMON and not name.startswith("__") and len(found) <= MAX_CANDIDATES:
            for path, method in found:
                yield number, path, method, LIKELY if len(found) == 1 else BY_NAME
