"""What inheriting weights saved a search, and what was lost of parents: one paragraph.

Read from the notes that ``TrainingEvaluator`` leaves with its outcomes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archsmith.analysis.wording import amount, duration, share
from archsmith.core.architecture import Scalar
from archsmith.core.history import History
from archsmith.core.trial import Trial


@dataclass(frozen=True)
class Inheritance:
    """What trials took over from earlier ones.

    n: trials that began with weights of others
    n_trials: trials that could have
    share: of a trial's parameters, how many it inherited; mean over those trials, 0..1
    n_lost: trials that found nothing left of their parents
    epochs: for which their networks trained in all
    scratch: epochs for which these would have trained from scratch
    seconds: what that saved, at the speed of each network
    """

    n: int
    n_trials: int
    share: float
    n_lost: int
    epochs: float
    scratch: float
    seconds: float


def inheritance_of(trials: Iterable[Trial], most_epochs: float | None = None) -> Inheritance | None:
    """None where no finished trial inherited anything, or would have. ``most_epochs``: of one training, see
    ``TrainingEvaluator``.
    """
    told = [
        (trial, trial.outcome.notes)
        for trial in trials
        if trial.outcome is not None and ("inherited" in trial.outcome.notes or "parent_lost" in trial.outcome.notes)
    ]
    children = [(trial, notes) for trial, notes in told if _number(notes, "inherited") > 0]
    n_lost = sum(bool(notes.get("parent_lost")) for _, notes in told)
    if not children and not n_lost:
        return None
    longest: dict[str, tuple[Trial, Mapping[str, Scalar]]] = {}
    for trial, notes in children:  # one that goes on counts the epochs before it, too
        before = longest.setdefault(trial.architecture.key, (trial, notes))
        if _number(notes, "epochs") > _number(before[1], "epochs"):
            longest[trial.architecture.key] = trial, notes
    trained, scratch, saved = 0.0, 0.0, 0.0
    for trial, notes in longest.values():
        epochs = _number(notes, "epochs")
        # where epochs have a cost, a fidelity is work
        whole = min(trial.fidelity / (_number(notes, "cost") or 1.0), most_epochs or math.inf)
        spent = _number(notes, "steps") * _number(notes, "step_ms") / 1000
        saved += spent * max(0.0, whole / epochs - 1) if epochs else 0.0
        trained, scratch = trained + epochs, scratch + whole
    return Inheritance(
        len(children),
        len(told),
        statistics.fmean(_number(notes, "inherited") for _, notes in children) if children else 0.0,
        n_lost,
        trained,
        scratch,
        saved,
    )


def inheritance_lead(history: History, most_epochs: float | None = None) -> str:
    """What a report says; empty where nothing could be inherited. ``most_epochs``: see ``inheritance_of``."""
    found = inheritance_of(history.trials, most_epochs)
    if found is None:
        return ""
    text = ""
    if found.n:
        saved = f", which saved about {duration(found.seconds)}" if found.seconds >= 1 else ""
        text = (
            f"{found.n:,} of {amount(found.n_trials, 'trial')} began with weights of an earlier one, "
            f"on average with {share(found.share)} of their parameters. "
            f"They trained for {share(found.epochs / found.scratch)} of the epochs that they would have needed "
            f"from scratch{saved}. So their scores owe something to the trials before them."
        )
    if found.n_lost:
        text += f" {amount(found.n_lost, 'trial')} began from scratch because nothing was left of the parent."
    return text.strip()


def _number(notes: Mapping[str, Scalar], name: str) -> float:
    value = notes.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
