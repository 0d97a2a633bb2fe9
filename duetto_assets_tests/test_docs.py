"""Docs fail when they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from duetto_assets.assets.pipeline import DocumentsConfig
from duetto_assets.definitions import defs
from duetto_assets.serve.cli import app
from duetto_assets.settings import Settings
from duetto_assets.sources.registry import SOURCES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(of: typer.Typer, before: str = "") -> Iterator[str]:
    """Yield every command as one writes it: "sync", "graph neighbors"."""
    for command in of.registered_commands:
        assert command.callback is not None
        yield f"{before}{command.name or command.callback.__name__}"
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before}{group.name} ")


COMMANDS = sorted(commands(app))


def settings_table() -> list[str]:
    """Return the rows that the README must have: one per variable, as the settings declare it."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = field.default
        if isinstance(value, bool):
            shown = f"`{str(value).lower()}`"
        elif isinstance(value, (int, str)) and value != "":
            shown = f"`{value}`"
        else:
            shown = "`.duetto`" if name == "duetto_home" else ""
        rows.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return rows


def test_the_settings_table_is_what_the_settings_declare() -> None:
    table = re.search(r"\| Variable .*\n\|---.*\n((?:\|.*\n)+)", README)
    assert table is not None
    assert table.group(1).splitlines() == settings_table()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_in_the_readme(command: str) -> None:
    usage = re.search(rf"^    duetto-intel {command}\b(.*)$", README, re.MULTILINE)
    assert usage is not None
    text = CliRunner().invoke(app, [*command.split(), "--help"]).output
    options = set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help", "--limit"}
    assert {option for option in options if option not in usage.group(1)} == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_two_examples_that_parse(command: str) -> None:
    text = CliRunner().invoke(app, [*command.split(), "--help"]).output
    examples = re.findall(rf"duetto-intel {command}\b", text.partition("Examples:")[2])
    assert len(examples) >= 2


def test_no_command_in_the_readme_is_made_up() -> None:
    assert set(re.findall(r"duetto-intel (graph [a-z]+|[a-z]+)", README)) <= set(COMMANDS)


def test_every_source_is_in_the_readme() -> None:
    for source in SOURCES:
        assert f"| `{source}` |" in README


def test_every_asset_and_automation_is_in_the_readme() -> None:
    repository = defs.get_repository_def()
    names = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}
    names |= {sensor.name for sensor in repository.sensor_defs} - {"follow_sources"}
    names |= {schedule.name for schedule in repository.schedule_defs}
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_make_target_is_in_the_readme_and_the_other_way_round() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert named == set(phony.group(1).split()) - {"help"}


def test_the_permission_to_delete_is_named_as_it_is_spelled() -> None:
    assert "allow_mass_deletion" in DocumentsConfig.model_fields
    assert "`allow_mass_deletion: true`" in README
