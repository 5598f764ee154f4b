"""How the time budget of a job is divided. The plan uses the speed that was measured on this machine in the first
seconds.

All times are seconds on the study's clock, which runs while the study is open. First, time for the end (test, export,
verification, report) is reserved. The rest belongs to the pool (``strategies.race``): networks of several kinds get a
slice each, the race carries on with the promising ones, and from its end on the best one gets all that is left. What
cannot give each of a few networks enough steps is too short for a search; then one network gets all of it.

Work is counted in epochs of the reference, a network of the space that is searched (``automl.reference``). Where
weights are shared there is no race: the search trains the bank, and two networks are trained in full after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

# Forecast of torch.export, ONNX and verification without a rehearsal: 2 s on 2 idle cores, 5 to 12 s on busy ones.
EXPORT_SECONDS = 9.0
EXPORT_SAFETY = 1.3  # a searched network has more operations than the network of the rehearsal
END_SAFETY = 1.1  # factor on the whole end, because the machine may be busier then
REPORT_SECONDS = 1.0  # to draw and write the report
MOST_VERIFIED, FEWEST_VERIFIED = 10_000, 200  # examples that verify the exported network
VERIFYING_SHARE = 0.05  # share of the budget for verifying more than the fewest examples
VERIFYING_PASSES = 2.0  # every example goes through the exported and the trained network; the source sees only a few
READING_SHARE = 0.3  # share of the budget for reading the data; if reading all would take longer, fewer are used
ANCHORS_SHARE = 0.12  # of the pool's time, for the first slice of one network of each kind
MOST_RACE = 0.6  # share of the pool's time after which a race is cut off, unless the winner needs less than the rest
FEWEST_ANCHORS = 2  # with fewer there is nothing to compare, and the time is better spent on one network
LARGEST_SLICE = 0.1  # of what a training can use
# Seconds of a race for each of its trials, in first slices: later trials of a network are longer. Jobs with pictures
# that used up their time came to 0.5 to 1.3 times this forecast; a race that settles has fewer trials.
SLICES_OF_A_TRIAL = 4.0
FINAL_SHARE = (
    0.5  # with shared weights: most of the time between the search's start and the reserve that final training gets
)
# Seconds of a searched network's step, divided by those of the fixed network's. It is the mean over what conv_stages
# tries: with a factor of 1 the forecast was 24 trials, and 13 were finished.
SEARCHED_COST = 1.8
AIMED_TRIALS = 24  # trials that a search should have; each trial is shortened to reach this number
FEWEST_TRIALS = 4  # below this number a search is not worth it
# Fewest epochs of a final training. With less, a search is not worth it: in two minutes CIFAR-10 reached 63 % with a
# search and 75 % without.
FEWEST_FINAL_EPOCHS = 1.0
LONGEST_PROXY, SHORTEST_PROXY = 2000, 60  # steps of one trial
EACH_TRIAL = 0.5  # seconds of a trial for laying out, scores on the way, and files
# Steps that the first trial of a network takes besides its own: it is compared with the reference, and warms up. In
# seven spaces 60 steps took as long as 70 to 110.
AROUND = 24
DEFAULT_PROXY = 400  # steps of one trial without a time limit
PATIENCE = 60  # a search converges after this many trials without a new incumbent
LONGEST_PROXY_EPOCHS = 12.0  # of one trial on small data, where more trials help more than longer ones
FINAL_STEPS = 12_000  # longer final trainings never measured better here
FINAL_EPOCHS = 100.0  # the same in epochs, for small data
FEWEST_SCORED, MOST_SCORED = 500, 5_000  # validation examples that a trial is scored on
OWN, INHERITED, SHARED = WEIGHTS = ("own", "inherited", "shared")  # where the weights of a trial come from
AUTO = "auto"  # the plan chooses one of them
# Seconds of a trial that inherits weights, divided by those of one from scratch: 0.8 on conv_stages and 0.7 on the
# grammar (benchmarks/inheritance.py).
INHERITED_COST = 0.7
LEAST_TRAINING = 3.0  # seconds that a final training gets, however late it is
SHARED_EPOCHS = 30.0  # of a bank of weights without a time limit
LEAST_OF_BANK = 1.0  # epochs of a bank, with fewer of which its weights rank nothing
LONGEST_SHARED = 300.0  # most epochs of a bank; ENAS trained 310 (Pham et al. 2018)
SHARED_TRIALS = 40  # architectures that are scored with a bank, if there is time
MOST_SCORING = 0.3  # share of the search's time for scoring them; the rest trains the bank
MOST_OF_BANK = 0.95  # most of the search's time that trains the bank
SHORTEST_SCORING = 0.2  # seconds of scoring one architecture, with everything around it
ROUND = (30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 18000.0, 36000.0, 86400.0)  # budgets to offer
FINAL_SLACK = 2.0  # Final training may run up to twice as long if reserved time is unused.


@dataclass(frozen=True)
class Speed:
    """The measured speed of the fixed network, and what turns it into forecasts.

    ``step_seconds``: seconds of one training step.
    ``batch_size``: examples of a step.
    ``n_train``, ``n_valid``, ``n_test``: examples of the splits.
    ``n_threads``: the fastest number of threads; None: torch's own choice.
    ``export_seconds``: seconds of the export, measured in a rehearsal if there was one.
    ``example_seconds``: seconds of one example's forward pass.
    ``original_seconds``: seconds to read one test example in its original form.
    ``params``: parameters of the network.
    ``memory_mb``: memory of its training, in 10⁶ bytes.
    ``cost``: seconds of a step of the space's reference, divided by those of the fixed network's.
    """

    step_seconds: float
    batch_size: int
    n_train: int
    n_valid: int
    n_test: int
    n_threads: int | None = None
    export_seconds: float = EXPORT_SECONDS
    example_seconds: float = 0.0
    original_seconds: float = 0.0
    params: int = 0
    memory_mb: float = 0.0
    cost: float = 1.0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Speed:
        """From a log; logs of earlier versions can be read, too."""
        if "picture_seconds" in data:  # up to version 0.1
            data = {
                **{k: v for k, v in data.items() if k != "picture_seconds"},
                "example_seconds": data["picture_seconds"],
            }
        return cls(**data)

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.n_train // min(self.batch_size, self.n_train))

    @property
    def epoch_seconds(self) -> float:
        """Of the reference."""
        return self.steps_per_epoch * self.step_seconds * self.cost

    @property
    def searched_cost(self) -> float:
        """Of a network that a search tries, relative to the fixed one."""
        return SEARCHED_COST * self.cost


@dataclass(frozen=True)
class Plan:
    """How the time of a job is divided.

    ``budget_seconds``: the time budget; None: only the number of trials limits the job.
    ``proxy_epochs``: fidelity of the first trial of a network, in epochs of the reference.
    ``anchors``: how many networks of different kinds there is time to try.
    ``longest``: most work of a trial, in epochs of the reference, and most epochs of its own.
    ``timed``: is work measured on this machine? Without a time limit it is counted from graphs.
    ``n_scored``: most validation examples that a trial is scored on; None: all.
    ``total_work``: of the whole pool, in epochs of the reference; None: not limited by time.
    ``unit_seconds``: forecast of one of these epochs; None where work is not measured.
    ``final_epochs``: most epochs of a final training.
    ``trial_seconds``: forecast of one trial.
    ``forecast_trials``: forecast of the number of trials.
    ``search_end``: end of the search on the study's clock, in seconds; None without a time budget.
    ``final_end``: end of the final training, in the same way.
    ``reserve_seconds``: time that is reserved for test, export and report.
    ``n_verified``: test examples that verify the bundle.
    ``searching``: False: there is no search, for it would be too short, or no network of the space can be trained.
    ``failure``: why no network of the space can be trained; empty: one can.
    ``shortest_seconds``: of the shortest training that tells something of a network; 0: unknown.
    ``enough_seconds``: a budget that is enough for a search where there is none; None: unknown.
    ``reference``: decisions of the network whose epochs are the units of work; None: the space's first.
    ``elapsed``: seconds of the budget that were spent when it was divided.
    ``more``: were there trials before, which go on?
    ``weights``: where the weights of a trial come from: each trial trains its own from scratch (``own``), it begins
        with those of a parent (``inherited``), or it takes them from one bank for all trials (``shared``).
    ``bank_epochs``: most epochs of the bank.
    ``bank_share``: share of the search's time that trains the bank; 0 to 1.
    ``bank_rate``: its learning rate; None: that of the job's recipe, as it always was in earlier versions.
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
    anchors: int = 0
    longest: float = 0.0
    timed: bool = False
    n_scored: int | None = None
    total_work: float | None = None
    unit_seconds: float | None = None
    failure: str = ""
    shortest_seconds: float = 0.0
    enough_seconds: float | None = None
    reference: Mapping[str, Any] | None = None
    elapsed: float = 0.0
    more: bool = False
    bank_rate: float | None = None

    @property
    def pooled(self) -> bool:
        """Is there one pool of trainings that go on? Not with shared weights, nor in studies of version 0.1."""
        return self.weights != SHARED and self.longest > 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        return cls(**data)


def make_plan(
    seconds: float | None,
    trials: int | None,
    elapsed: float,
    speed: Speed,
    epochs: float | None = None,
    weights: str = OWN,
    anchors: int = FEWEST_ANCHORS,
    *,
    asked: bool = False,
    failure: str = "",
    begun: float = 0.0,
) -> Plan:
    """Divide a budget of ``seconds`` (None: no limit), of which ``elapsed`` are already spent. ``begun``: work that
    went into trials before, in epochs of the reference; they can go on, so any time is enough for a search.

    ``epochs`` is the most that a training may take, if given. ``weights`` is as in Plan, or ``auto``. ``anchors`` is
    how many networks there are to begin with. ``asked``: did the person name the space? Then one trial is enough for a
    search. ``failure`` is as in Plan. Without a time limit the plan depends on counts only, so that jobs with a budget
    of trials repeat exactly.
    """
    longer = sorted({seconds, *(other for other in ROUND if other > seconds)}) if seconds is not None else [None]
    given = (trials, elapsed, speed, epochs, weights, anchors, asked, failure, begun)
    plans = (_planned(limit, *given) for limit in longer)
    plan = next(plans)
    if plan.searching or failure:
        return plan
    return replace(plan, enough_seconds=next((other.budget_seconds for other in plans if other.searching), None))


def _planned(
    seconds: float | None,
    trials: int | None,
    elapsed: float,
    speed: Speed,
    epochs: float | None,
    weights: str,
    anchors: int,
    asked: bool,
    failure: str,
    begun: float,
) -> Plan:
    """See ``make_plan``."""
    per_epoch = speed.steps_per_epoch
    useful = min(epochs or FINAL_EPOCHS, FINAL_EPOCHS, max(1.0, FINAL_STEPS / per_epoch))  # epochs of a final training
    longest = min(LONGEST_PROXY, min(LONGEST_PROXY_EPOCHS, useful) * per_epoch)
    measuring = speed.n_valid * speed.example_seconds

    def trial_seconds(steps: float) -> float:
        return speed.searched_cost * (steps * speed.step_seconds + measuring)

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
        if weights != SHARED:
            own = OWN if weights == AUTO else weights
            plan = replace(plan, weights=own, anchors=anchors, longest=max(plan.proxy_epochs, useful))
        else:
            plan = _with_weights(plan, weights, 0.0, trials, epochs, speed.searched_cost * measuring)
        return replace(plan, failure=failure, searching=not failure)
    if weights != SHARED:
        own = OWN if weights == AUTO else weights
        return _pooled(seconds, trials, elapsed, speed, epochs, own, useful, anchors, asked, failure, begun)
    n_verified = _n_verified(seconds, speed)
    reserve = min(0.4 * seconds, _end_seconds(n_verified, speed, speed.searched_cost))
    usable = max(1.0, seconds - elapsed - reserve)
    epoch = per_epoch * speed.step_seconds
    final = min(FINAL_SHARE * usable, (1 + speed.searched_cost) * useful * epoch)
    search = usable - final
    enough_to_try = search >= FEWEST_TRIALS * trial_seconds(min(longest, SHORTEST_PROXY))
    enough_to_train = final >= (1 + speed.searched_cost) * min(useful, FEWEST_FINAL_EPOCHS) * epoch
    enough_to_share = MOST_OF_BANK * search >= LEAST_OF_BANK * speed.epoch_seconds
    searching = not failure and (trials is not None or (enough_to_try and enough_to_train and enough_to_share))
    if not searching:  # then only the fixed network remains, and its export was rehearsed
        reserve = min(0.4 * seconds, _end_seconds(n_verified, speed, 0.0))
        search, final = 0.0, max(1.0, seconds - elapsed - reserve)
    steps = (search / AIMED_TRIALS / speed.searched_cost - measuring) / max(speed.step_seconds, 1e-9)
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
        failure=failure,
        elapsed=elapsed,
    )
    return _with_weights(plan, weights, search, trials, epochs, speed.searched_cost * measuring)


def _pooled(
    seconds: float,
    trials: int | None,
    elapsed: float,
    speed: Speed,
    epochs: float | None,
    weights: str,
    useful: float,
    anchors: int,
    asked: bool,
    failure: str,
    begun: float,
) -> Plan:
    """A plan with a time limit where every trial has its own training. ``useful``: epochs that a training can use."""
    n_verified = _n_verified(seconds, speed)
    reserve = min(0.4 * seconds, _end_seconds(n_verified, speed, speed.searched_cost))
    usable = max(1.0, seconds - elapsed - reserve)
    unit = max(1e-6, speed.epoch_seconds)
    total = usable / unit
    least = SHORTEST_PROXY / speed.steps_per_epoch
    fits = int(ANCHORS_SHARE * total / least)
    around = AROUND * speed.step_seconds * speed.cost
    shortest = min(least, LARGEST_SLICE * useful) * unit + around
    enough = begun > 0 or fits >= FEWEST_ANCHORS or (asked and MOST_RACE * usable >= shortest)
    searching = not failure and (trials is not None or enough)
    if not searching:  # then only one network remains, and the export of one like it was rehearsed
        reserve = min(0.4 * seconds, _end_seconds(n_verified, speed, 0.0))
        usable = max(1.0, seconds - elapsed - reserve)
    anchors = min(anchors, max(FEWEST_ANCHORS, fits)) if searching else 0
    work = min(max(least, ANCHORS_SHARE * total / max(FEWEST_ANCHORS, anchors)), LARGEST_SLICE * useful)
    n_scored = min(speed.n_valid, _n_scored(work * unit, speed))
    slice_seconds = work * unit + around + EACH_TRIAL + n_scored * speed.example_seconds * speed.cost
    needed = SEARCHED_COST * FINAL_SLACK * useful * unit
    search = max(MOST_RACE * usable, usable - needed) if searching else 0.0
    forecast = max(1.0, search / (SLICES_OF_A_TRIAL * slice_seconds)) if searching else 0.0
    return Plan(
        seconds,
        work,
        min(epochs or math.inf, FINAL_SLACK * useful),
        slice_seconds,
        min(forecast, float(trials)) if trials else forecast,
        elapsed + search,
        elapsed + usable,
        reserve,
        n_verified,
        searching,
        weights,
        anchors=anchors,
        longest=max(work, min(epochs or math.inf, FINAL_SLACK * useful)),
        timed=True,
        n_scored=n_scored,
        total_work=begun + total,
        unit_seconds=unit,
        failure=failure,
        shortest_seconds=shortest,
        elapsed=elapsed,
        more=begun > 0,
    )


def _n_scored(slice_seconds: float, speed: Speed) -> int:
    """Most validation examples that the score of a slice is measured on, so that measuring takes a quarter of it."""
    affordable = 0.25 * slice_seconds / max(speed.example_seconds * speed.cost, 1e-9)
    return int(max(FEWEST_SCORED, min(affordable, MOST_SCORED)))


def _with_weights(
    plan: Plan, weights: str, search: float, trials: int | None, epochs: float | None, score_seconds: float
) -> Plan:
    """Change ``plan``, which is made for ``own`` weights, to ``weights``.

    ``search``: seconds of the search.
    ``score_seconds``: seconds to score one network without training.
    """
    if weights == AUTO:
        # No other way found better networks, at any measured budget: benchmarks/weights.py, benchmarks/inheritance.py.
        weights = OWN
    most = math.inf if trials is None else float(trials)
    if weights == INHERITED:
        return replace(plan, weights=weights, forecast_trials=min(most, plan.forecast_trials / INHERITED_COST))
    if weights == SHARED and plan.search_end is None:
        bank_epochs = min(epochs or math.inf, SHARED_EPOCHS)
        return replace(plan, weights=weights, trial_seconds=score_seconds, bank_epochs=bank_epochs, bank_share=0.5)
    if weights == SHARED:
        score_seconds = max(score_seconds, SHORTEST_SCORING)
        scoring = min(MOST_SCORING * search, SHARED_TRIALS * score_seconds)
        return replace(
            plan,
            weights=weights,
            trial_seconds=score_seconds,
            forecast_trials=min(most, scoring / score_seconds),
            bank_epochs=min(epochs or math.inf, LONGEST_SHARED),
            bank_share=min(MOST_OF_BANK, 1 - scoring / search) if search else MOST_OF_BANK,
        )
    return plan


def _n_verified(seconds: float, speed: Speed) -> int:
    """How many test examples verify the bundle: as many as ``VERIFYING_SHARE`` allows, within the limits above."""
    each = _verifying_seconds(speed)
    affordable = int(VERIFYING_SHARE * seconds / each) if each else MOST_VERIFIED
    return min(speed.n_test, MOST_VERIFIED, max(FEWEST_VERIFIED, affordable))


def _verifying_seconds(speed: Speed) -> float:
    """Seconds to verify one example: it is read twice, then it goes through the exported and the trained network."""
    return 2 * speed.original_seconds + VERIFYING_PASSES * speed.example_seconds


def _end_seconds(n_verified: int, speed: Speed, searched: float) -> float:
    """Seconds of the end: test of the networks, temperature on the validation split, export, verification, report.

    ``searched``: cost of a searched network relative to the fixed one; 0: there is none.
    """
    testing = (1 + searched) * (speed.n_test + speed.n_valid) * speed.example_seconds
    largest = max(1.0, searched)
    exporting = (EXPORT_SAFETY if searched else 1.0) * speed.export_seconds + largest * n_verified * _verifying_seconds(
        speed
    )
    return END_SAFETY * (testing + exporting + REPORT_SECONDS)
