"""The dynamic partitions of each source, and which of them a run is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

AssetJob = UnresolvedAssetJobDefinition
"""What `define_asset_job` returns; Dagster exports no name for it."""

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
SINGLE = "dagster/partition"

PARTITIONS_PER_RUN = 20


def partitions_of(source: str) -> dg.DynamicPartitionsDefinition:
    """The partitions of a source: repositories, spaces, projects. Sensors add and retire their keys."""
    return dg.DynamicPartitionsDefinition(name=source)


def keys_of_run(tags: Mapping[str, str], keys: Sequence[str]) -> Sequence[str]:
    """Return the partitions that a run with these tags is about.

    :param keys: All keys in Dagster's order, which gives a range its meaning.
    """
    if SINGLE in tags:
        return [tags[SINGLE]]
    if RANGE_START not in tags or RANGE_END not in tags:
        return []
    if tags[RANGE_START] not in keys or tags[RANGE_END] not in keys:
        return []
    return keys[keys.index(tags[RANGE_START]) : keys.index(tags[RANGE_END]) + 1]


def contiguous(chosen: Sequence[str], keys: Sequence[str], size: int = PARTITIONS_PER_RUN) -> list[list[str]]:
    """Group `chosen` into runs of neighbours in `keys`, at most `size` long: one run can hold one range."""
    wanted = set(chosen)
    groups: list[list[str]] = [[]]
    for key in keys:
        if key not in wanted or len(groups[-1]) == size:
            groups.append([])
        if key in wanted:
            groups[-1].append(key)
    return [group for group in groups if group]


def run_tags(group: Sequence[str]) -> dict[str, str]:
    """Return the tags that make a run be about these neighbouring partitions."""
    if len(group) == 1:
        return {SINGLE: group[0]}
    return {RANGE_START: group[0], RANGE_END: group[-1]}
