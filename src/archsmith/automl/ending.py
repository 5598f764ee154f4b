"""How the end of a job is told: whether a person asked for it, and why it took more or less than its time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from archsmith.core.budget import SECONDS, SETTLED
from archsmith.core.wording import clock, phase_name

OVER_SHARE, OVER_SECONDS = 0.05, 5.0  # how far beyond its budget a job on a quiet machine may end
LATE_SHARE = 0.5  # of what a job took too long is what a phase took too long that is named as the cause
CUT_SHARE = 0.9  # of the time that a training was given is what one takes that the clock ended
EARLY_SHARE = 0.25  # of what a job took is what is left where it counts as early


def ending(result: Mapping[str, Any]) -> list[str]:
    """What is to be said of the end of a job, a sentence each. ``result``: see ``FitResult.to_dict``."""
    seconds = float(result.get("seconds") or 0.0)
    over = seconds - (result.get("budget_seconds") or seconds)
    told = []
    if over > OVER_SHARE * seconds + OVER_SECONDS:
        told.append(f"The job took {clock(over)} more than the budget: {_late(result, over)}")
    if result.get("asked_to_finish"):
        told.append("A person asked the job to finish early, so the trainings after that were cut short.")
    elif over < -EARLY_SHARE * seconds and result.get("stop_reason") in (SECONDS, SETTLED):
        told.append(f"The job ended before its time was over: {_early(result)}")
    return told


def _early(result: Mapping[str, Any]) -> str:
    """Why the job took less than its budget: by the phases, either no training was cut by the clock, or one was."""
    trained = [each for name, each in (result.get("phases") or {}).items() if name.startswith("train ")]
    if any(each["seconds"] >= CUT_SHARE * each.get("expected", math.inf) for each in trained):
        return "the test, the export and the report took less than was kept for them."
    return "more training of these networks promised nothing."


def _late(result: Mapping[str, Any], over: float) -> str:
    """Why the job took longer than its budget, as far as one phase says it."""
    spent: Mapping[str, Mapping[str, float]] = result.get("phases") or {}
    name = max(spent, key=lambda name: spent[name]["seconds"], default="")
    if name and spent[name]["seconds"] >= result["budget_seconds"]:
        return f"{phase_name(name)} alone took {clock(spent[name]['seconds'])}."
    late = {name: each["seconds"] - each["expected"] for name, each in spent.items() if "expected" in each}
    name = max(late, key=lambda name: late[name], default="")
    if name and late[name] >= LATE_SHARE * over:
        expected, took = clock(spent[name]["expected"]), clock(spent[name]["seconds"])
        return f"{phase_name(name)} took {took} where {expected} were expected."
    return "the machine was slower than at the start, most often because other programs ran."
