"""How the wall clock of one job is divided, in one place, from the speed that was measured on this machine in the first seconds.

All times are on the study's own clock: seconds since it was opened, over all its openings. What is kept for the end (choosing, testing, export,
verification) is reserved first; of the rest, the final training of two networks gets what it can use up to one half, and the search gets what remains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

EXPORT_SECONDS = 9.0  # torch.export + ONNX + verification, where it was not rehearsed: 2 s on 2 quiet cores, 5 to 12 s on busy ones
EXPORT_SAFETY = 1.3  # a searched network has more operations than the one that was rehearsed with
PASSES_OVER_TEST = 5.0  # two networks measured, and predictor, trained network and source compared
EVALUATION_SHARE = 0.4  # seconds of a picture's forward pass as a share of its training step
FINAL_SHARE = 0.5  # of the time between the search's start and the reserve
SEARCHED_COST = (
    1.8  # a searched network's step against the fixed one's: the mean of what conv_stages tries (13 trials where the fixed one's cost forecast 24)
)
AIMED_TRIALS = 24  # as many trials as the search should have at least; the proxy is shortened for them
LONGEST_PROXY, SHORTEST_PROXY = 2000, 60  # steps of one trial
DEFAULT_PROXY = 400  # steps of one trial when there is no limit on the wall clock
PATIENCE = 60  # trials without a better one after which the search has converged
LONGEST_PROXY_EPOCHS = 12.0  # of one trial on small data, where more trials are worth more than longer ones
FINAL_STEPS = 12_000  # a final training longer than this gains nothing that was ever measured here
FINAL_EPOCHS = 100.0  # nor does one of more epochs, on small data


@dataclass(frozen=True)
class Speed:
    """What was measured: ``step_seconds`` of training the fixed network on one batch, and the counts that turn it into forecasts."""

    step_seconds: float
    batch_size: int
    n_train: int
    n_valid: int
    n_test: int
    n_threads: int | None = None  # that were fastest; None: as torch would have it
    export_seconds: float = EXPORT_SECONDS

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.n_train // min(self.batch_size, self.n_train))

    @property
    def picture_seconds(self) -> float:
        """Forward pass of one picture through the fixed network."""
        return self.step_seconds / min(self.batch_size, self.n_train) * EVALUATION_SHARE


@dataclass(frozen=True)
class Plan:
    """The division. ``search_end`` and ``final_end`` are on the study's clock; None where only trials limit the job.

    ``proxy_epochs`` is the fidelity of a trial, ``trial_seconds`` its forecast, ``final_epochs`` the most that a final training takes.
    """

    budget_seconds: float | None
    proxy_epochs: float
    final_epochs: float
    trial_seconds: float
    forecast_trials: float
    search_end: float | None
    final_end: float | None
    reserve_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        return cls(**data)

    def lines(self) -> list[str]:
        """What a person is told before it starts."""
        if self.search_end is None or self.budget_seconds is None:
            return [
                f"About {self.trial_seconds:.0f} s a trial; every trial trains for {self.proxy_epochs:.2g} epochs, the final networks for {self.final_epochs:.0f}."
            ]
        final = (self.final_end or 0.0) - self.search_end
        return [
            f"About {self.forecast_trials:.0f} architectures of {self.proxy_epochs:.2g} epochs each ({self.trial_seconds:.1f} s), "
            f"then {final:.0f} s of final training, {self.reserve_seconds:.0f} s for test and export."
        ]


def make_plan(seconds: float | None, trials: int | None, elapsed: float, speed: Speed) -> Plan:
    """Divide ``seconds`` (None: no limit), of which ``elapsed`` are gone.

    Without a limit on the wall clock the plan depends on the counts alone, so that runs with a budget of trials repeat exactly.
    """
    per_epoch = speed.steps_per_epoch
    final_epochs = min(FINAL_EPOCHS, max(1.0, FINAL_STEPS / per_epoch))
    longest = min(LONGEST_PROXY, LONGEST_PROXY_EPOCHS * per_epoch)
    overhead = speed.n_valid * speed.picture_seconds
    if seconds is None:
        steps = float(min(DEFAULT_PROXY, longest))
        trial = SEARCHED_COST * (steps * speed.step_seconds + overhead)
        return Plan(None, steps / per_epoch, final_epochs, trial, float(trials or AIMED_TRIALS), None, None, 0.0)
    reserve = min(0.3 * seconds, EXPORT_SAFETY * speed.export_seconds + PASSES_OVER_TEST * speed.n_test * speed.picture_seconds)
    usable = max(1.0, seconds - elapsed - reserve)
    final = min(FINAL_SHARE * usable, (1 + SEARCHED_COST) * final_epochs * per_epoch * speed.step_seconds)
    search = usable - final
    steps = (search / AIMED_TRIALS / SEARCHED_COST - overhead) / speed.step_seconds
    steps = min(longest, max(SHORTEST_PROXY, steps))
    trial = SEARCHED_COST * (steps * speed.step_seconds + overhead)
    forecast = max(1.0, search / trial)
    return Plan(
        seconds,
        steps / per_epoch,
        final_epochs,
        trial,
        min(forecast, float(trials)) if trials else forecast,
        elapsed + search,
        elapsed + search + final,
        reserve,
    )
