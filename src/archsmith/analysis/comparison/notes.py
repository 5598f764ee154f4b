"""What a reader must know before believing the numbers of a comparison."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from archsmith.analysis.comparison.statistics import Array
from archsmith.analysis.wording import listing
from archsmith.core.budget import EXHAUSTED
from archsmith.core.failures import without_numbers
from archsmith.core.problem import Fidelity
from archsmith.core.wording import amount, measure
from archsmith.runtime.comparison import Look, Plan, Run

SAME = "runs that all make the same proposals count as one run"
FAILED_TOLD = 0.1  # share of failed trials above which a reader is told


def notes(
    plan: Plan,
    grouped: Mapping[str, Sequence[Run]],
    finals: Mapping[str, Array],
    once: set[str],
    looks: Sequence[Look],
) -> list[str]:
    """Sentences. ``grouped``: the runs that are compared, by strategy; ``finals``: what they are worth at the end, NaN
    where they found nothing; ``once``: strategies whose runs count as one; ``looks``: when results were shown before.
    """
    n = len(next(iter(grouped.values())))
    found = [*_looked(n, plan.seed, looks)]
    if n < plan.runs:
        done = f"{n} of {plan.runs} seeds"
        found.append(f"Only {done} have been run by every strategy so far. The others are left out.")
    for label, values in finals.items():
        nothing = int(np.isnan(values).sum())
        if nothing:
            found.append(
                f"{nothing} of {len(values)} runs of {label} found nothing that counts. {_what_counts(plan)}"
                + (
                    "The hyper-volume of an empty front is 0."
                    if len(plan.judged_by) > 1
                    else "Its mean leaves them out; tests, intervals, ranks and wins count them as worst."
                )
            )
    for label, runs in grouped.items():
        seed = plan.strategies[label].get("args", {}).get("seed")
        found += [*_once(label, runs, seed, label in once), *_failed(label, runs), *_ended_early(label, runs)]
    return found


def _what_counts(plan: Plan) -> str:
    """Where there are limits, or fidelities and no table of the true scores."""
    given = Fidelity(*plan.problem["fidelity"])
    which = []
    if not plan.tabled and given.minimum < given.maximum:
        which.append(f"at {measure(given.maximum, given.name)}")
    if plan.problem.get("constraints"):
        which.append("within the limits")
    return f"Only trials {' and '.join(which)} count. " if which else ""


def _looked(n: int, seed: int, looks: Sequence[Look]) -> list[str]:
    """A p value holds for a number of runs that was fixed beforehand. Who looks, and goes on until a difference shows,
    will find one (Armitage, McPherson and Rowe 1969).
    """
    others = [look for look in looks if look.runs != n]
    if not others:
        return []
    most = max([n, *(look.runs for look in others)])
    *few, last_count = sorted({look.runs for look in others})
    counts = listing([*(f"{runs:,}" for runs in few), amount(last_count, "run")])
    # A second look at as many runs is not recorded, so the last one is not known.
    first = time.strftime("%Y-%m-%d", time.gmtime(min(look.time for look in others)))
    return [
        f"The number of runs was changed after a look: results of this comparison were shown with {counts} before "
        f"(first on {first}), now with {n:,}. Who goes on until a difference shows finds one sooner or later, so the p "
        f"values and intervals promise too much. A clean test is the same command with new seeds, such as --seed "
        f"{_fresh(seed, most)}, and a number of runs that is fixed beforehand."
    ]


def _fresh(seed: int, runs: int) -> int:
    """A round seed behind those of ``runs`` runs that begin with ``seed``."""
    fresh = 1000
    while fresh < seed + runs:
        fresh *= 10
    return fresh


def _once(label: str, runs: Sequence[Run], seed: int | None, once: bool) -> list[str]:
    if _proposed_nothing(runs):
        return [f"{label} proposed nothing in {'its only run' if len(runs) == 1 else f'all {len(runs)} runs'}."]
    if once:
        why = f", since the strategy draws from a seed of its own ({seed})" if seed is not None else ""
        return [
            f"All {len(runs)} runs of {label} made the same proposals{why}. They count as one run: it has no spread, "
            "and is not tested."
        ]
    if seed is None or len(runs) < 2:
        return []
    return [
        f"{label} draws from a seed of its own ({seed}) in all {len(runs)} runs, so they are not quite independent. A "
        "test of them says nothing about other seeds of it."
    ]


def _proposed_nothing(runs: Sequence[Run]) -> bool:
    return all(run.n_trials == 0 and run.reason == EXHAUSTED for run in runs)


def _failed(label: str, runs: Sequence[Run]) -> list[str]:
    failed, tried = sum(run.n_failed for run in runs), sum(run.n_trials for run in runs)
    if failed <= FAILED_TOLD * tried:
        return []
    return [f"{failed:,} of {tried:,} trials of {label} failed{reason(runs)}"]


def reason(runs: Iterable[Run]) -> str:
    """The end of a sentence that says how many trials of ``runs`` failed: what most of them failed for, as far as is
    known. A run tells one reason, and others may have failed for the same.
    """
    runs = [run for run in runs if run.n_failed]
    counts: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for run in runs:
        if run.error:
            alike = without_numbers(run.error)
            counts[alike] += run.n_error or 1
            texts.setdefault(alike, run.error)
    if not counts:
        return "."
    ((alike, n),) = counts.most_common(1)
    return f"{'' if n == sum(run.n_failed for run in runs) else f', at least {n:,} for this'}: {texts[alike]}"


def _ended_early(label: str, runs: Sequence[Run]) -> list[str]:
    found = []
    for reason, words in (
        ("failures", "too many trials in a row failed"),
        (EXHAUSTED, "nothing more was proposed"),
    ):
        n = sum(run.reason == reason for run in runs)
        if n:
            found.append(f"{n} of {len(runs)} runs of {label} ended early: {words}.")
    return found
