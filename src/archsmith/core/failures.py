"""Trials that fail: when a search gives up on them, and what they failed for.

A search gives up in two cases: not one of its first trials worked, or very many in a row failed. Where half of all
trials fail by chance, the first rule ends one search of 256 that would have found something; where a fifth of them do,
one of 390,000.

Both count what the log says, so that a search that was killed ends like one that was not. Whoever goes on with a search
that gave up has changed something, so from there on it counts anew.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archsmith.core.budget import FAILURES
from archsmith.core.history import History
from archsmith.core.problem import Constraint
from archsmith.core.trial import Trial
from archsmith.core.wording import amount, metric_name, number

FIRST = 8  # failures with which a search gives up that had no other trial
IN_A_ROW = 25  # the same where some trials worked
SCREENED = "screened"  # what a cascade left out says nothing about whether trials work
LONGEST = 240  # characters of a reason

HINTS = {  # by the kind of an EvaluationError
    "exception": "Mend the evaluator or the space.",
    "memory": "Give more memory, or take a smaller space.",
    "timeout": "Give more time, or take a smaller space.",
    "nan": "Mend the evaluator. Where it trains a network, a lower learning rate may help.",
    "diverged": "A lower learning rate may help.",
    "lost": "Look whether the evaluator ends its process; if memory ran out, fewer workers need less.",
    "dead_end": "Let the space ask for less, or take another one.",
}


@dataclass
class Failures:
    """Counts trials as the log tells of them.

    ``first``: with so many failures a search gives up that had no other trial, 1 or more.
    ``in_a_row``: the same where some trials worked, 1 or more.
    ``n``: failures since the last trial that worked.
    ``n_outside``: trials with a score outside the hard limits, as long as none kept them.
    ``worked``: had any trial a score?
    ``fitted``: did any trial keep the hard limits?
    ``scored``: had the latest trial a score?
    """

    first: int = FIRST
    in_a_row: int = IN_A_ROW
    n: int = 0
    n_outside: int = 0
    worked: bool = False
    fitted: bool = False
    scored: bool = False

    def finished(self, trial: Trial) -> None:
        self.scored = trial.losses is not None
        if screened(trial):
            return
        self.worked, self.fitted = self.worked or self.scored, self.fitted or trial.ok
        self.n = 0 if self.scored else self.n + 1
        self.n_outside = 0 if self.fitted else self.n_outside + self.scored

    def closed(self, reason: str) -> None:
        if reason == FAILURES:
            self.n = 0

    @property
    def too_many(self) -> bool:
        return self.n >= (self.in_a_row if self.worked else min(self.first, self.in_a_row))

    @property
    def just_outside(self) -> bool:
        """Is it time to say that no trial keeps the hard limits? True behind one trial at the most."""
        return self.scored and self.n_outside == self.first


@dataclass(frozen=True)
class Reason:
    """What most failed trials failed for.

    ``text``: one sentence, of the first of them.
    ``kind``: of the error, as in EvaluationError.
    ``trials``: those that failed for it.
    ``n_failed``: trials that failed, for whatever reason.
    ``n_tried``: trials that ended, well or not; those that a cascade screened out do not count.
    ``screened``: were there such?
    """

    text: str
    kind: str
    trials: tuple[Trial, ...]
    n_failed: int
    n_tried: int
    screened: bool = False

    @property
    def sentence(self) -> str:
        """How many failed, and why."""
        if self.n_tried == 1:
            return f"The only trial{' that was not screened out' if self.screened else ''} failed: {self.text}"
        whole = self.n_failed == self.n_tried
        failed = f"All {self.n_failed:,}" if whole else f"{self.n_failed:,} of {self.n_tried:,}"
        often = "" if len(self.trials) == self.n_failed else f", most often (in {len(self.trials):,}) for this"
        whose = " that were not screened out" if self.screened else ""
        return f"{failed} trials{whose} failed{often}: {self.text}"

    @property
    def hint(self) -> str:
        return HINTS.get(self.kind, HINTS["exception"])


def most_frequent(finished: Sequence[Trial]) -> Reason | None:
    """What most of the ``finished`` trials that failed failed for; the earliest of equals. None where none did.

    Sentences that differ in numbers alone are one reason.
    """
    tried = [trial for trial in finished if not screened(trial)]
    failed = [trial for trial in tried if trial.losses is None]
    if not failed:
        return None
    alike = [_alike(trial) for trial in failed]
    common, _ = Counter(alike).most_common(1)[0]
    ours = tuple(trial for trial, sort in zip(failed, alike, strict=True) if sort == common)
    outcome = ours[0].outcome
    text = (outcome.error if outcome is not None else None) or "no reason was given."
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    short = short if short[-1] in ".!?…" else f"{short}."
    return Reason(short, common[0], ours, len(failed), len(tried), len(tried) < len(finished))


def outside(finished: Iterable[Trial], constraints: Sequence[Constraint]) -> str:
    """A sentence about trials of which none keeps the hard limits: who comes closest to all of them together, and which
    it breaks. Violations are relative to their bounds, as strategies rank them.
    """
    scored = [trial for trial in finished if trial.losses is not None]
    near = min(scored, key=lambda trial: math.fsum(limit.relative_violation(trial.metrics) for limit in constraints))
    broken = [_broken(limit, near.metrics[limit.metric]) for limit in constraints if limit.violation(near.metrics) > 0]
    return (
        f"{amount(len(scored), 'trial')} had a score, and none is within the limits: trial {near.id} comes closest, "
        f"with {' and '.join(broken)}."
    )


def _broken(limit: Constraint, value: float) -> str:
    above = limit.upper is not None and value > limit.upper
    bound = limit.upper if above else limit.lower
    allowed = f"at {'most' if above else 'least'} {number(bound or 0.0)}"
    return f"{metric_name(limit.metric)} {number(value)} instead of {allowed}"


def nothing_found(history: History) -> str:
    """Why there is no trial that could be the answer of a search, in a sentence."""
    if any(trial.losses is not None for trial in history.finished):
        return outside(history.finished, history.problem.constraints)
    reason = most_frequent(history.finished)
    if reason is not None:
        return reason.sentence
    if history.finished:
        n = len(history.finished)
        whole = "The only trial was" if n == 1 else f"All {n:,} trials were"
        return f"{whole} screened out by the cheap evaluator."
    return "Not one trial came to its end." if history.pending else "There was no trial."


def never_returned(metrics: Sequence[str], history: History) -> list[str]:
    """A sentence about those of an evaluator's ``metrics`` that no trial has, where trials worked at full fidelity."""
    whole = [trial for trial in history.finished if trial.losses and trial.fidelity == history.problem.fidelity.maximum]
    never = [repr(metric) for metric in metrics if not any(metric in trial.metrics for trial in whole)]
    if not whole or not never:
        return []
    them = "it" if len(never) == 1 else "them"
    return [
        f"The evaluator declares {' and '.join(never)}, and no trial returned {them}. Return {them}, or do not declare "
        f"{them}."
    ]


def without_answer(finished: Iterable[Trial]) -> list[str]:
    """How many trials failed, and how many have a score but break a hard limit: ``9 failed`` and ``10 outside the
    limits``. A count of none is left out.
    """
    unfit = [trial for trial in finished if not trial.ok]
    failed = sum(trial.losses is None for trial in unfit)
    counts = ((failed, "failed"), (len(unfit) - failed, "outside the limits"))
    return [f"{n:,} {what}" for n, what in counts if n]


def without_numbers(text: str) -> str:
    """The same for sentences that differ in numbers alone."""
    return re.sub(r"\d[\d.,]*", "#", text)


def _alike(trial: Trial) -> tuple[str, str]:
    outcome = trial.outcome
    text = (outcome.error if outcome is not None else None) or ""
    kind = (outcome.error_kind if outcome is not None else None) or "exception"
    return kind, without_numbers(text)


def screened(trial: Trial) -> bool:
    """Did a cascade leave it out?"""
    return trial.outcome is not None and trial.outcome.error_kind == SCREENED
