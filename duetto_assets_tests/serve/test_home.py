from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

from duetto_assets.serve.home import instance_of, prepare
from duetto_assets.settings import load
from duetto_assets_tests.worlds import World


def test_the_folder_is_made_with_the_instances_configuration(home: Path) -> None:
    made = prepare(load())
    assert made == home / "dagster"
    assert yaml.safe_load((made / "dagster.yaml").read_text())["telemetry"] == {"enabled": False}


def test_an_outdated_configuration_is_renewed_and_a_current_one_left_alone(home: Path) -> None:
    config = prepare(load()) / "dagster.yaml"
    current = config.read_text()
    config.write_text("telemetry: {enabled: true}\n")
    prepare(load())
    assert config.read_text() == current
    before = config.stat().st_mtime_ns
    prepare(load())
    assert config.stat().st_mtime_ns == before


def test_dagster_home_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert prepare(load()) == tmp_path / "elsewhere"


def test_the_configuration_is_valid_and_says_what_the_design_does(home: Path) -> None:
    dagster_instance_config(str(prepare(load())))  # raises for a field that Dagster does not know
    with instance_of(load()) as instance:
        coordinator = instance.run_coordinator
        assert isinstance(coordinator, QueuedRunCoordinator)
        assert coordinator.dequeue_interval_seconds == 1
        config = instance.get_concurrency_config()
        assert config.pool_config.default_pool_limit == 1
        assert config.run_queue_config is not None
        assert config.run_queue_config.max_concurrent_runs == 4
        assert config.run_queue_config.tag_concurrency_limits == [
            {"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
        ]
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 60
        assert (instance.run_retries_enabled, instance.run_retries_max_retries) == (True, 1)
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.freshness_enabled
        assert not instance.nux_enabled
        assert not instance.telemetry_enabled


def test_two_processes_share_the_instance(world: World) -> None:
    run = world.unfinished("one", dg.DagsterRunStatus.STARTED)
    code = (
        "from duetto_assets.serve.home import instance_of; from duetto_assets.settings import load\n"
        "with instance_of(load()) as instance: print([run.run_id for run in instance.get_runs()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([run.run_id])


def test_as_a_program_it_prints_the_folder_it_made(home: Path) -> None:
    command = [sys.executable, "-m", "duetto_assets.serve.home"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{home / 'dagster'}\n"
    assert (home / "dagster" / "dagster.yaml").is_file()
