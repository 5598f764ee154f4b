"""Why a job took more time than it was given, or less, in a sentence for terminal and report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from archsmith.core.budget import EXHAUSTED, FOR_TIME, SETTLED
from archsmith.core.wording import clock, phase_name

OVER_SHARE, OVER_SECONDS = 0.05, 5.0  # how far beyond its budget a job on a quiet machine may end
LATE_SHARE = 0.5  # of what a job took too long, or too little, is the part of something that is named as the cause
CUT_SHARE = 0.9  # of the time that a training was given is what one takes that the clock ended
EARLY_SHARE = 0.25  # of what a job took is what is left where it counts as early
BEFORE = ("start", "read")  # phases that no plan foresees
END = ("test", "export", "report")  # phases that time is kept for together
BETWEEN = "what lies between the phases"
ASKED = "A person asked the job to finish early, so trainings got less time from then on"


def about_time(result: Mapping[str, Any], told_as: Callable[[float], str] = clock) -> str:
    """What is to be said of the time that a job took; empty where it took about what it was given. ``result``: of a
    FitResult. ``told_as``: seconds in words.
    """
    budget, seconds = result.get("budget_seconds"), float(result["seconds"])
    over = seconds - (budget or seconds)
    late = ""
    if over > OVER_SHARE * seconds + OVER_SECONDS:
        late = f"That is {told_as(over)} more than the budget: {_late(result, over, told_as)}"
    if result.get("asked_to_finish"):
        return f"{late} {ASKED}{', and some was left' if budget and over < 0 else ''}.".strip()
    if late:
        return late
    if over < -EARLY_SHARE * seconds and result.get("stop_reason") in (*FOR_TIME, SETTLED, EXHAUSTED):
        return f"The job ended before its time was over: {_early(result, -over)}"
    return ""


def _early(result: Mapping[str, Any], left: float) -> str:
    """Why ``left`` seconds of the budget were not needed: trainings left most of them, or none was cut by the clock; or
    else the end took less than was kept for it.
    """
    named = (result.get("phases") or {}).items()
    trained = [each for name, each in named if name.startswith("train ") and "expected" in each]
    spared = math.fsum(max(0.0, each["expected"] - each["seconds"]) for each in trained)
    cut = any(each["seconds"] >= CUT_SHARE * each["expected"] for each in trained)
    if cut and spared < LATE_SHARE * left:
        return "the test, the export and the report took less than was kept for them."
    return "a training had all its epochs, no longer got better, or failed."


def _late(result: Mapping[str, Any], over: float, told_as: Callable[[float], str]) -> str:
    """Why the job took longer than its budget, as far as its phases say it."""
    spent: dict[str, dict[str, float]] = result.get("phases") or {}
    name = max(spent, key=lambda name: spent[name]["seconds"], default="")
    if name and spent[name]["seconds"] >= result["budget_seconds"] * (LATE_SHARE if name in BEFORE else 1.0):
        return f"{phase_name(name)} alone took {told_as(spent[name]['seconds'])}."
    known = {name: each for name, each in spent.items() if "expected" in each}
    parts = [(phase_name(name), each["seconds"], each["expected"]) for name, each in known.items()]
    kept = (result.get("forecast") or {}).get("reserve_seconds")
    if kept is not None and int(result.get("test_reads") or 1) < 2:  # else the phases count several ends
        end = [each["seconds"] for name, each in spent.items() if name in END and name not in known]
        parts.append(("test, export and report together", math.fsum(end), kept))
    what, took, expected = max(parts, key=lambda part: part[1] - part[2], default=("", 0.0, 0.0))
    if took - expected >= LATE_SHARE * over:
        return f"{what} took {told_as(took)} where {told_as(expected)} were expected."
    between = float(result["seconds"]) - math.fsum(each["seconds"] for each in spent.values())
    if spent and between >= LATE_SHARE * over:
        return f"{BETWEEN} took {told_as(between)}."
    return "no part of it stands out; the machine may have been slower, as it is while other programs run."
