"""The house: imports run downwards, and what a part must not know, it does not import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import duetto_assets

PACKAGE = Path(duetto_assets.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each may import what stands below it, and its own layer.
LAYERS = [
    {"definitions"},
    {"automation", "assets", "serve"},
    {"resources"},
    {"search", "factory", "partitions"},
    {"stages"},
    {"ontology"},
    {"sources", "store"},
    {"model", "settings", "errors", "workers", "syntax"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# `duetto-intel sync` runs what Dagster runs, so it needs the definitions: inside a function, where something runs.
UPWARD = {("serve/sync.py", "definitions")}


def name_of(path: Path) -> str:
    """Return the part of the package a module belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of all modules that one imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    if (mine := name_of(path)) == "__init__":
        assert not list(imported(path))
        return
    assert mine in LEVEL, f"{mine}: give it a layer here and in the design"
    for module in imported(path):
        package, _, rest = module.partition(".")
        theirs = rest.partition(".")[0]
        if package != "duetto_assets" or not theirs:
            continue
        allowed = (str(path.relative_to(PACKAGE)), theirs) in UPWARD
        assert LEVEL[theirs] >= LEVEL[mine] or allowed, f"{mine} imports {module}"


def test_a_source_and_the_store_do_not_know_each_other() -> None:
    for mine, other in (("sources", "store"), ("store", "sources")):
        for path in (PACKAGE / mine).glob("*.py"):
            assert not [m for m in imported(path) if m.startswith(f"duetto_assets.{other}")], path


@pytest.mark.parametrize(
    ("parts", "stranger"),
    [
        (("stages", "sources", "store", "search", "model", "settings", "errors", "workers"), "dagster"),
        (("stages", "sources", "assets", "automation", "serve", "search", "definitions"), "lancedb"),
        (("stages", "store", "search", "assets", "automation", "serve"), "httpx"),
        (("sources", "store", "search", "assets", "automation", "serve"), "torch"),
        (("sources", "store", "stages", "search", "assets", "automation"), "typer"),
        (("stages", "store", "search", "assets", "automation", "serve"), "atlassian"),
    ],
)
def test_what_a_part_does_not_know_it_does_not_import(parts: tuple[str, ...], stranger: str) -> None:
    for path in MODULES:
        if name_of(path) in parts:
            assert stranger not in {module.partition(".")[0] for module in imported(path)}, path


def test_only_settings_and_definitions_read_the_environment() -> None:
    readers = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if named in {"environ", "environb", "getenv", "EnvVar"}:
                readers.add(str(path.relative_to(PACKAGE)))
    # A process that is started inherits the environment, less what would lead it astray; no setting is read from it.
    assert readers <= {"settings.py", "definitions.py", "sources/git.py", "serve/ui.py"}


def test_every_name_says_what_is_in_it() -> None:
    vague = {"utils", "util", "helpers", "helper", "core", "common", "manager", "misc", "base_utils"}
    assert not [p for p in MODULES if {part.lower().removeprefix("_") for part in (p.stem, p.parent.name)} & vague]


def test_folders_are_no_deeper_than_two() -> None:
    assert not [path for path in MODULES if len(path.relative_to(PACKAGE).parts) > 3]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_says_its_job(path: Path) -> None:
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_every_module_has_a_test_folder_or_file_beside_it() -> None:
    tests = Path(__file__).parent
    for part in ("sources", "stages", "store", "assets", "automation", "search", "serve"):
        assert (tests / part).is_dir()
