"""What a job would do with its time, told before it starts: the same plan and the same words as in the job itself.

``app.inspector`` measured the machine on the data once. Every plan follows from these figures at once, so that the
forecast of a page changes with each budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsmith.automl.plan import READING_SHARE, Speed, make_plan
from archsmith.automl.plan_words import lines_of
from archsmith.automl.settings import FitSettings, own_epochs, weights_of
from archsmith.core.wording import clock
from archsmith.data.tables.column_notes import listed

WAITING = "The machine is being measured on these data; the forecast follows in a moment."
UNKNOWN = "What there is time for is said when the study has begun."


def forecast(facts: Mapping[str, Any], measured: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Sentences for a job with ``options``, which ``FitSettings`` takes. ``facts`` and ``measured`` are as the check of
    the data found them; where nothing was measured yet, a sentence says so.
    """
    without = [f"It learns without {listed(options['ignore'])}."] if options.get("ignore") else []
    if not measured:
        return [*without, WAITING]
    if "speed" not in measured:
        return [*without, UNKNOWN, *filter(None, [measured.get("failed")])]
    settings = FitSettings("digits", **options)
    space = settings.space or facts.get("space")
    other = space != facts.get("space") or bool(settings.settings.get("space"))
    plan = make_plan(
        settings.seconds,
        settings.trials,
        measured["elapsed"],
        Speed.from_dict(measured["speed"]),
        own_epochs(settings),
        weights_of(settings),
        measured["families"],
        asked=settings.space is not None,
        failure="" if other else measured["failure"],
    )
    note = ["This is for the space that comes with the data; yours is measured when the study begins."] if other else []
    return [
        *without,
        *measured["machine"],
        *_left_out(facts, settings.seconds),
        *lines_of(plan),
        *note,
        *measured["needs"],
    ]


def _left_out(facts: Mapping[str, Any], seconds: float | None) -> list[str]:
    """What a job has no time to read. ``encoding`` of the facts: ``n`` rows that the check used, and ``seconds`` that
    this took; there is none of data that a job finds done, whatever its time.
    """
    encoding = facts.get("encoding")
    if not encoding or seconds is None or encoding["seconds"] <= READING_SHARE * seconds:
        return []
    n = int(encoding["n"])
    used = max(int(encoding["fewest"]), 1000 * round(n * READING_SHARE * seconds / encoding["seconds"] / 1000))
    enough = clock(encoding["seconds"] / READING_SHARE)
    return [f"About {used:,} of {n:,} rows will be used: there is no time to read more. {enough} would do for all."]
