"""What a job gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.core.budget import REQUESTED, SECONDS, SETTLED
from archsmith.core.wording import (
    OF_EQUALS,
    TIED,
    amount,
    end_of_search,
    number,
    passed_over,
    reason_in_words,
    sentence_case,
)

TRAINED_ON = ("fixed", "searched", "tuned", "runner_up")  # names of rows that a final training may have
NAMES = {
    "fixed": "the hand-made network",
    "searched": "the searched network",
    "tuned": "the pretrained network",
}
# Why a network was exported that did not come of a race, by the name of its row.
REASONS = {
    "tuned": "What the pretrained network has learnt from other data promised more than the networks of the search, so "
    "it was trained on.",
    "unfinished": "The best trial was clearly better than all that was trained after it, so it was exported as it was.",
    **dict.fromkeys(
        ("earlier", "earlier_fixed"),
        "What was trained since the study went on was no better, so the network from before was exported.",
    ),
}


@dataclass(frozen=True)
class Row:
    """One row of the leaderboard: a network or a baseline.

    ``valid``, ``test``: the main metric on the split.
    ``valid_metrics``, ``test_metrics``: all metrics by name; accuracies in [0, 1], log loss in nats, errors in the
        target's own unit.
    ``params``, ``macs``: of a network.
    ``seconds``, ``epochs``: what its training took; None for one that is not trained in epochs.
    ``exported``: is this what the bundle holds?
    ``trial``: the trial that its training went on from.
    ``stopped``: was it not trained to its end?
    ``cut``: did its limit on time end the fit of a model that is not trained in epochs?
    ``error``: why there is no score.
    ``enough_seconds``: a budget in which it could have been tested and exported; None where it could be.
    ``by_chance``: is it a trial that is better on the validation split than what was trained to the end, but not
        clearly? Then it was not to be chosen.
    ``gap``: how much more it errs than the exported network on the same test examples, and the standard error of that:
        shares of the examples for accuracy, other units for other metrics. None where both were not tested together.
    """

    name: str
    valid: float | None = None
    test: float | None = None
    valid_metrics: Mapping[str, float] = field(default_factory=dict)
    test_metrics: Mapping[str, float] = field(default_factory=dict)
    params: int | None = None
    macs: int | None = None
    seconds: float = 0.0
    epochs: float | None = None
    exported: bool = False
    trial: int | None = None
    stopped: bool = False
    cut: bool = False
    error: str | None = None
    enough_seconds: float | None = None
    by_chance: bool = False
    gap: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class FitResult:
    """What came of a job.

    ``valid``, ``test``: the exported network's ``metric``.
    ``metrics``: all of its metrics, by split.
    ``rows``: the baselines, the fixed network, what the race ended with, and what else was to be chosen from.
    ``temperature``: divides the exported network's logits.
    ``test_reads``: how often the test split was looked at.
    ``max_difference``: between the exported network and the trained one.
    ``forecast``: what was said beforehand of ``trials`` and of ``seconds`` by phase.
    ``phases``: ``seconds`` that each phase took, and what was ``expected`` of it, if anything was.
    ``n_networks``: how many networks the trials were of.
    ``asked_to_finish``: did a person ask for the end before the time was over?
    ``not_copied``: why the bundle is not where it was wanted; None where it is. ``model_dir`` says where it is.
    """

    study: str
    stop_reason: str
    seconds: float
    budget_seconds: float | None
    n_trials: int
    n_failed: int
    n_from_mutation: int
    metric: str
    valid: float | None
    test: float | None
    metrics: Mapping[str, Mapping[str, float]]
    rows: tuple[Row, ...]
    architecture: Mapping[str, Any]
    params: int | None
    macs: int | None
    model_dir: str
    report: str | None
    test_reads: int
    max_difference: float | None
    temperature: float = 1.0
    forecast: Mapping[str, Any] = field(default_factory=dict)
    phases: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    n_networks: int = 0
    not_copied: str | None = None
    asked_to_finish: bool = False

    @property
    def why(self) -> str:
        """Why this network was exported, and not another one that was better on the validation split, if one was."""
        better, why = passed_over(row.to_dict() for row in self.rows), self._why
        if not better:
            why = why or f"It was the best one on the validation split{self._of_equals}."
            return f"{why} {TIED}" if self._of_equals not in why else why
        if why and not any(row.enough_seconds for row in self.rows):
            return f"{why} {better}"
        best = f"Of the others in the table the exported one is the best on the validation split{self._of_equals}."
        return f"{better} {best}"

    @property
    def _of_equals(self) -> str:
        """What decided where another row has the same score."""
        own = next((row.valid for row in self.rows if row.exported), None)
        equals = sum(row.valid == own and own is not None for row in self.rows)
        return OF_EQUALS if equals > 1 else ""

    @property
    def _why(self) -> str:
        """Empty where the scores say it all."""
        rows = {row.name.partition(".")[0]: row for row in self.rows}
        exported = next((name for name, row in rows.items() if row.exported), "")
        ended = [name for name in TRAINED_ON if name in rows and not (rows[name].stopped or rows[name].error)]
        if len(ended) > 1 and exported in ended:
            return (
                "More than one network was trained to the end. This one is the best of them on the validation split"
                f"{self._of_equals}."
            )
        what = NAMES.get(exported, "")
        if what and self.n_trials and self.n_failed == self.n_trials:
            failed = "The only trial" if self.n_trials == 1 else f"All {self.n_trials} trials"
            return f"{failed} failed, so {what} was trained."
        if what and "searched" in rows and rows["searched"].error:
            return f"{sentence_case(NAMES['searched'])} could not be trained in full, so {what} was exported."
        if exported in ("searched", "fixed") and self.n_trials and not rows[exported].stopped:
            after = f"After {amount(self.n_trials, 'trial')}"
            if self.stop_reason != SETTLED:
                short = self.stop_reason == SECONDS
                why = "the time for comparing was over" if short else reason_in_words(self.stop_reason)
                return f"{after} {why}. Then {what} was the choice of the search, so it was trained on."
            return (
                f"{after} nothing promised to end ahead of {what}. More training of it was worth more than more "
                "candidates, so it was trained on."
            )
        if exported not in ("tuned", "fixed") or self.n_trials:
            return REASONS.get(exported, "")
        if self.stop_reason == REQUESTED:
            return f"A person asked the job to finish before networks were compared, so {what} was trained at once."
        if self.stop_reason == SECONDS:
            got = "was trained" if self.asked_to_finish else "got all of it"
            return f"The time was too short to compare networks, so {what} {got}."
        return f"{sentence_case(end_of_search(self.stop_reason, 0))}, so {what} was trained."

    def to_dict(self) -> dict[str, Any]:
        return {
            **dataclasses.asdict(self),
            "why": self.why,
            "rows": [row.to_dict() for row in self.rows],
            "architecture": dict(self.architecture),
        }

    def __repr__(self) -> str:
        scores = "".join(
            f", {part} {number(value)}"
            for part, value in (("valid", self.valid), ("test", self.test))
            if value is not None
        )
        return f"FitResult({self.study}, {self.metric}{scores}, {self.stop_reason})"

    def _repr_html_(self) -> str:
        from archsmith.automl.card import card

        return card(self.study, self)
