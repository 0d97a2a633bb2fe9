"""When the global assets follow their sources."""

from __future__ import annotations

from typing import Any

import dagster as dg


def debounced(minutes: int) -> dg.AutomationCondition[dg.AssetKey]:
    """Once per window, if a source changed since, and while none is changing.

    Not `eager()`: that waits for every upstream partition, so one repository that never succeeded would freeze it.
    """
    condition: Any = dg.AutomationCondition  # its methods' types do not agree with each other
    combined: dg.AutomationCondition[dg.AssetKey] = (
        condition.cron_tick_passed(f"*/{minutes} * * * *").since_last_handled()
        & condition.any_deps_updated().since_last_handled()
        & ~condition.in_progress()
        & ~condition.any_deps_in_progress()
    )
    return combined
