"""How the wall clock of one job is divided, in one place, from the speed that was measured on this machine in the first
seconds.

All times are on the study's own clock: seconds since it was opened, over all its openings. What is kept for the end
(testing, export, verification, report) is reserved first; of the rest, the final training of two networks gets what it
can use up to one half, and the search gets what remains. Where that would be too short for a search, or leave less than
an epoch to each final training, the whole of it trains the fixed network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

# torch.export + ONNX + verification, where it was not rehearsed: 2 s on 2 quiet cores, 5 to 12 s on busy ones
EXPORT_SECONDS = 9.0
EXPORT_SAFETY = 1.3  # a searched network has more operations than the one that was rehearsed with
END_SAFETY = 1.1  # on the whole of the end: the machine may be busier then
REPORT_SECONDS = 1.0  # of drawing and writing
MOST_VERIFIED, FEWEST_VERIFIED = 10_000, 200  # examples that the exported network is verified with
VERIFYING_SHARE = 0.05  # of the budget that may go into looking at more examples than the fewest
VERIFYING_PASSES = 2.0  # the exported network and the trained one see every example, the source a few
READING_SHARE = 0.3  # of the budget; if reading all examples would take longer, fewer are used
FINAL_SHARE = 0.5  # of the time between the search's start and the reserve
SEARCHED_COST = (
    # a searched network's step against the fixed one's: the mean of what conv_stages tries (13 trials where the fixed
    # one's cost forecast 24)
    1.8
)
AIMED_TRIALS = 24  # as many trials as the search should have at least; the proxy is shortened for them
FEWEST_TRIALS = 4  # fewer than these are no search
FEWEST_FINAL_EPOCHS = (
    # nor is one worth it that leaves less to its winner: CIFAR-10 came to 63 % in two minutes with a search, to 75 % in
    # one without
    1.0
)
LONGEST_PROXY, SHORTEST_PROXY = 2000, 60  # steps of one trial
DEFAULT_PROXY = 400  # steps of one trial when there is no limit on the wall clock
PATIENCE = 60  # trials without a better one after which the search has converged
LONGEST_PROXY_EPOCHS = 12.0  # of one trial on small data, where more trials are worth more than longer ones
FINAL_STEPS = 12_000  # a final training longer than this gains nothing that was ever measured here
FINAL_EPOCHS = 100.0  # nor does one of more epochs, on small data
OWN, INHERITED, SHARED = WEIGHTS = ("own", "inherited", "shared")  # where the weights of a trial come from
AUTO = "auto"  # the planner's choice among them
# a trial that inherits against one from scratch; 0.8 on conv_stages and 0.7 on the grammar, benchmarks/inheritance.py
INHERITED_COST = 0.7
SHARED_EPOCHS = 30.0  # of a bank of weights when there is no limit on the wall clock
LONGEST_SHARED = 300.0  # epochs of a bank, however small the data are; ENAS trained 310 (Pham et al. 2018)
SHARED_TRIALS = 40  # architectures that are looked up in a bank, where there is time for them
MOST_LOOKING = 0.3  # of the search's time may go into looking them up; the rest trains the bank
MOST_OF_BANK = 0.95  # of the search's time at the most trains the bank
SHORTEST_LOOK = 0.2  # seconds of one look, with all that surrounds it
# by which a final training may be longer all the same, rather than leave the time that a forecast kept for nothing
FINAL_SLACK = 2.0


@dataclass(frozen=True)
class Speed:
    """What was measured: ``step_seconds`` of training the fixed network on one batch, and the counts that turn it into
    forecasts.

    ``example_seconds`` is its forward pass of one example, ``original_seconds`` the reading of one test example as it
    came; ``params`` are the fixed network's, ``memory_mb`` what training it holds.
    """

    step_seconds: float
    batch_size: int
    n_train: int
    n_valid: int
    n_test: int
    n_threads: int | None = None  # that were fastest; None: as torch would have it
    export_seconds: float = EXPORT_SECONDS
    example_seconds: float = 0.0
    original_seconds: float = 0.0
    params: int = 0
    memory_mb: float = 0.0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Speed:
        """As a log holds it, also one of an earlier version."""
        if "picture_seconds" in data:  # up to version 0.1
            data = {
                **{k: v for k, v in data.items() if k != "picture_seconds"},
                "example_seconds": data["picture_seconds"],
            }
        return cls(**data)

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.n_train // min(self.batch_size, self.n_train))


@dataclass(frozen=True)
class Plan:
    """The division. ``search_end`` and ``final_end`` are on the study's clock; None where only trials limit the job.

    ``proxy_epochs`` is the fidelity of a trial, ``trial_seconds`` its forecast, ``final_epochs`` the most that a final
    training takes; ``searching`` is False where the budget is too short for a search. ``n_verified`` test examples are
    compared when the bundle is verified.

    ``weights`` says where trials have theirs from: trained for each alone (``own``), begun with a parent's
    (``inherited``), or looked up in one bank for all of them (``shared``), which is trained for at most ``bank_epochs``
    within ``bank_share`` of the search's time.
    """

    budget_seconds: float | None
    proxy_epochs: float
    final_epochs: float
    trial_seconds: float
    forecast_trials: float
    search_end: float | None
    final_end: float | None
    reserve_seconds: float
    n_verified: int = MOST_VERIFIED
    searching: bool = True
    weights: str = OWN
    bank_epochs: float = 0.0
    bank_share: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        return cls(**data)

    def lines(self) -> list[str]:
        """What a person is told before it starts."""
        if self.search_end is None or self.final_end is None:
            trials = {
                OWN: f"Every trial trains for {_epochs(self.proxy_epochs)}",
                INHERITED: f"Every trial trains for {_epochs(self.proxy_epochs)}, less where it inherits weights",
                SHARED: f"All trials share weights, which train for {_epochs(self.bank_epochs)}",
            }[self.weights]
            return [f"{trials}; the final networks train for {_epochs(self.final_epochs)}."]
        final = self.final_end - self.search_end
        end = f"{self.reserve_seconds:.0f} s for test, export and report"
        if not self.searching:
            return [f"The budget is too short for a search: {final:.0f} s train the fixed network, then {end}."]
        if self.weights == SHARED:
            shared = "Weights that all architectures share train for most of the search"
            looked_up = f"about {self.forecast_trials:.0f} are then looked up in them ({self.trial_seconds:.1f} s each)"
            return [f"{shared}; {looked_up}, then {final:.0f} s of final training, {end}."]
        less = ", less where one inherits weights" if self.weights == INHERITED else ""
        return [
            f"About {self.forecast_trials:.0f} architectures of {_epochs(self.proxy_epochs)} each "
            f"({self.trial_seconds:.1f} s){less}, "
            f"then {final:.0f} s of final training, {end}."
        ]


def make_plan(
    seconds: float | None,
    trials: int | None,
    elapsed: float,
    speed: Speed,
    epochs: float | None = None,
    weights: str = OWN,
) -> Plan:
    """Divide ``seconds`` (None: no limit), of which ``elapsed`` are gone; no training takes more than ``epochs``, where
    these are given. ``weights`` as in Plan, or ``auto``.

    Without a limit on the wall clock the plan depends on the counts alone, so that runs with a budget of trials repeat
    exactly.
    """
    per_epoch = speed.steps_per_epoch
    useful = min(epochs or FINAL_EPOCHS, FINAL_EPOCHS, max(1.0, FINAL_STEPS / per_epoch))  # epochs of a final training
    longest = min(LONGEST_PROXY, min(LONGEST_PROXY_EPOCHS, useful) * per_epoch)
    measuring = speed.n_valid * speed.example_seconds

    def trial_seconds(steps: float) -> float:
        return SEARCHED_COST * (steps * speed.step_seconds + measuring)

    if seconds is None:
        steps = float(min(DEFAULT_PROXY, longest))
        n_verified = min(MOST_VERIFIED, speed.n_test)
        plan = Plan(
            None,
            steps / per_epoch,
            useful,
            trial_seconds(steps),
            float(trials or AIMED_TRIALS),
            None,
            None,
            0.0,
            n_verified,
        )
        return _with_weights(plan, weights, 0.0, trials, epochs, SEARCHED_COST * measuring)
    n_verified = _n_verified(seconds, speed)
    reserve = min(0.4 * seconds, _end_seconds(n_verified, speed, SEARCHED_COST))
    usable = max(1.0, seconds - elapsed - reserve)
    final = min(FINAL_SHARE * usable, (1 + SEARCHED_COST) * useful * per_epoch * speed.step_seconds)
    search = usable - final
    enough_to_try = search >= FEWEST_TRIALS * trial_seconds(min(longest, SHORTEST_PROXY))
    enough_to_train = final >= (1 + SEARCHED_COST) * min(useful, FEWEST_FINAL_EPOCHS) * per_epoch * speed.step_seconds
    searching = trials is not None or (enough_to_try and enough_to_train)
    if not searching:  # then there is one network, whose end was rehearsed
        reserve = min(0.4 * seconds, _end_seconds(n_verified, speed, 0.0))
        search, final = 0.0, max(1.0, seconds - elapsed - reserve)
    steps = (search / AIMED_TRIALS / SEARCHED_COST - measuring) / max(speed.step_seconds, 1e-9)
    steps = min(longest, max(SHORTEST_PROXY, steps))
    forecast = max(1.0, search / max(trial_seconds(steps), 1e-9)) if searching else 0.0
    plan = Plan(
        seconds,
        steps / per_epoch,
        min(epochs or math.inf, FINAL_SLACK * useful),
        trial_seconds(steps),
        min(forecast, float(trials)) if trials else forecast,
        elapsed + search,
        elapsed + search + final,
        reserve,
        n_verified,
        searching,
    )
    return _with_weights(plan, weights, search, trials, epochs, SEARCHED_COST * measuring)


def _with_weights(
    plan: Plan, weights: str, search: float, trials: int | None, epochs: float | None, look_seconds: float
) -> Plan:
    """``plan``, which is for weights of each trial's own, for ``weights``; ``search`` are its seconds, ``look_seconds``
    what it takes to score a network.
    """
    if weights == AUTO:
        # at no budget and on no data that were measured did another way find better networks: benchmarks/weights.py,
        # benchmarks/inheritance.py
        weights = OWN
    most = math.inf if trials is None else float(trials)
    if weights == INHERITED:
        return replace(plan, weights=weights, forecast_trials=min(most, plan.forecast_trials / INHERITED_COST))
    if weights == SHARED and plan.search_end is None:
        bank_epochs = min(epochs or math.inf, SHARED_EPOCHS)
        return replace(plan, weights=weights, trial_seconds=look_seconds, bank_epochs=bank_epochs, bank_share=0.5)
    if weights == SHARED:
        look_seconds = max(look_seconds, SHORTEST_LOOK)
        looking = min(MOST_LOOKING * search, SHARED_TRIALS * look_seconds)
        return replace(
            plan,
            weights=weights,
            trial_seconds=look_seconds,
            forecast_trials=min(most, looking / look_seconds),
            bank_epochs=min(epochs or math.inf, LONGEST_SHARED),
            bank_share=min(MOST_OF_BANK, 1 - looking / search) if search else MOST_OF_BANK,
        )
    return plan


def _n_verified(seconds: float, speed: Speed) -> int:
    """As many test examples as a small share of the budget allows, at least a few hundred."""
    each = _verifying_seconds(speed)
    affordable = int(VERIFYING_SHARE * seconds / each) if each else MOST_VERIFIED
    return min(speed.n_test, MOST_VERIFIED, max(FEWEST_VERIFIED, affordable))


def _verifying_seconds(speed: Speed) -> float:
    """Of one example: read as it came, twice, and seen by the exported network, the trained one and the source."""
    return 2 * speed.original_seconds + VERIFYING_PASSES * speed.example_seconds


def _end_seconds(n_verified: int, speed: Speed, searched: float) -> float:
    """Test of the networks, temperature on the validation split, export with its verification, report; ``searched`` is
    the cost of a second network.
    """
    testing = (1 + searched) * (speed.n_test + speed.n_valid) * speed.example_seconds
    largest = max(1.0, searched)
    exporting = (EXPORT_SAFETY if searched else 1.0) * speed.export_seconds + largest * n_verified * _verifying_seconds(
        speed
    )
    return END_SAFETY * (testing + exporting + REPORT_SECONDS)


def _epochs(n: float) -> str:
    return f"{n:.2g} epoch{'' if n == 1 else 's'}" if n < 10 else f"{n:.0f} epochs"
