"""Cached, repeated, noisy and cascading evaluators: what they add, what they pass on, and that they nest."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError, Stopped, UsageError
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.protocols import Context, uses_fidelity
from archsmith.core.seeds import generator
from archsmith.core.trial import Outcome, Status
from archsmith.evaluators.wrappers import Cached, Cascade, Noisy, Repeated
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.random import RandomSearch
from archsmith.testing.laws import check_evaluator
from archsmith.testing.toys import Flat, ToyEvaluator, unit

SPACE = Flat()
ONE = SPACE.first()
OTHER = ONE.replace({"x0": 1})


@dataclass(frozen=True)
class Counted:
    """Counts its calls, and gives the number of the call."""

    fail_first: bool = False
    contexts: list[Context] = field(default_factory=list)

    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    simulated: ClassVar[bool] = False

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return {"prepared": type(problem.space).__name__}

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        self.contexts.append(context)
        context.report(1, {"accuracy": 0.0})
        if self.fail_first and len(self.contexts) == 1:
            raise EvaluationError("bad luck")
        return Outcome.success({"accuracy": len(self.contexts)}, seconds=2.0)


@dataclass(frozen=True)
class Blurred(Flat):
    """Two architectures mean the same when their first answers agree."""

    def identity(self, architecture: Architecture) -> str:
        return str(architecture["x0"])


def test_cached_evaluates_each_architecture_and_fidelity_once() -> None:
    inner = Counted()
    cached = Cached(inner)
    answers = [cached.evaluate(a, f, Context(0, 0)) for a, f in [(ONE, 1), (ONE, 1), (OTHER, 1), (ONE, 2), (ONE, 1)]]
    assert [answer.metrics["accuracy"] for answer in answers] == [1, 1, 2, 3, 1]
    assert [answer.notes.get("cached", False) for answer in answers] == [False, True, False, False, True]
    assert Cached(inner) == Cached(inner)  # what it remembers is no part of what it is


def test_cached_goes_by_the_identity_of_the_space_given_or_prepared() -> None:
    same = ONE.replace({"x1": 2})
    for cached in (Cached(Counted(), Blurred()), prepared(Cached(Counted()), Blurred())):
        cached.evaluate(ONE, 1, Context(0, 0))
        assert cached.evaluate(same, 1, Context(1, 1)).notes == {"cached": True}
        assert not cached.evaluate(OTHER, 1, Context(2, 2)).notes


def prepared(cached: Cached, space: Flat) -> Cached:
    assert cached.prepare(Problem(space), Context(-1, 0)) == {"prepared": type(space).__name__}
    return cached


def test_cached_tries_failures_again() -> None:
    cached = Cached(Counted(fail_first=True))
    with pytest.raises(EvaluationError, match="bad luck"):
        cached.evaluate(ONE, 1, Context(0, 0))
    assert cached.evaluate(ONE, 1, Context(0, 0)).ok


def test_repeated_gives_mean_and_standard_deviation_of_different_seeds(tmp_path: Path) -> None:
    inner = Counted()
    reports: list[float] = []
    outcome = Repeated(inner, n=4).evaluate(
        ONE, 1, Context(0, 5, workspace=tmp_path, report=lambda step, metrics: reports.append(step))
    )
    assert outcome.metrics == {"accuracy": 2.5, "accuracy_sd": pytest.approx(statistics.stdev([1, 2, 3, 4]))}
    assert outcome.seconds == 8.0
    assert len({context.seed for context in inner.contexts}) == 4
    assert list(tmp_path.iterdir()) == []  # nobody asked for a folder yet
    assert len({context.workspace for context in inner.contexts}) == 4
    assert reports == []
    assert Repeated(inner).metrics == ("accuracy", "accuracy_sd")


def test_one_failed_repeat_fails_the_trial() -> None:
    with pytest.raises(EvaluationError, match="bad luck"):
        Repeated(Counted(fail_first=True)).evaluate(ONE, 1, Context(0, 0))


def test_noise_has_the_standard_deviation_asked_for_and_follows_the_seed() -> None:
    noisy, exact = Noisy(ToyEvaluator(metrics=("a", "b")), sd=0.5, metric="b"), ToyEvaluator(metrics=("a", "b"))
    truth = {name: exact.score(ONE, name, 1) for name in ("a", "b")}
    shifts = []
    for seed in range(1000):
        metrics = noisy.evaluate(ONE, 1, Context(0, seed)).metrics
        assert metrics["a"] == truth["a"]
        shifts.append(metrics["b"] - truth["b"])
    # Of 1,000 draws the mean has standard deviation 0.016 and the spread 0.011: five of them fail by chance once in
    # 10^6, and seeds are fixed.
    assert abs(np.mean(shifts)) < 0.08
    assert abs(np.std(shifts) - 0.5) < 0.055
    assert noisy.evaluate(ONE, 1, Context(0, 3)) == noisy.evaluate(ONE, 1, Context(9, 3))


def test_wrappers_nest_and_say_what_is_inside() -> None:
    evaluator = Cached(Repeated(Noisy(ToyEvaluator(simulated=True, seconds=2.0)), n=3))
    outcome = evaluator.evaluate(ONE, 5, Context(0, 0))
    assert evaluator.simulated
    assert outcome.seconds == 3 * 2.0 * 5
    assert evaluator.metrics == tuple(outcome.metrics)
    assert catalog.from_spec(catalog.to_spec(evaluator), "evaluator") == evaluator


@pytest.mark.parametrize(
    "make",
    [lambda: Repeated(Counted(), n=1), lambda: Noisy(Counted(), sd=-1.0), lambda: Noisy(Counted(), metric="recall")],
)
def test_impossible_settings_are_refused(make: Any) -> None:
    with pytest.raises(UsageError, match=r"(Repeated|Noisy) has"):
        make()


# Cascade

LARGE = Flat(6, 10)
CHEAP = ToyEvaluator(metrics=("proxy", "other"))
COSTLY = ToyEvaluator(additive=False, noise=0.1)
CASCADE = Cascade(CHEAP, COSTLY, keep=0.25)


def outcomes(cascade: Cascade, n: int, context: Context | None = None) -> list[tuple[Architecture, Outcome]]:
    rng = generator(0, "test")
    return [
        (a, cascade.evaluate(a, 1, context or Context(i, i))) for i, a in enumerate(LARGE.sample(rng) for _ in range(n))
    ]


def test_a_cascade_evaluates_the_best_by_the_first_and_nothing_else() -> None:
    second = Counted()
    cascade = Cascade(CHEAP, second, metric="other", keep=0.25)
    cascade.prepare(Problem(LARGE), Context(-1, 0))
    found = outcomes(cascade, 1000)
    passed = [CHEAP.score(a, "other", 1) for a, outcome in found if outcome.ok]
    screened = [CHEAP.score(a, "other", 1) for a, outcome in found if not outcome.ok]
    assert min(passed) > max(screened)
    assert len(second.contexts) == len(passed)
    # The limit is a quantile of 100, so the share has standard deviation 0.043, and 0.014 more from 1,000 draws: out of
    # bounds by chance once in 10^6.
    assert 0.02 < len(passed) / 1000 < 0.48


def test_a_screened_trial_says_why_and_has_no_score() -> None:
    CASCADE.prepare(Problem(LARGE), Context(-1, 0))
    architecture, outcome = next((a, o) for a, o in outcomes(CASCADE, 50) if not o.ok)
    assert (outcome.status, outcome.error_kind, outcome.metrics) == (Status.FAILED, "screened", {})
    assert outcome.error is not None and "best 25% of random architectures reach" in outcome.error
    assert outcome.notes == {"first_proxy": CHEAP.score(architecture, "proxy", 1)}


def test_what_passes_scores_as_without_the_cascade(tmp_path: Path) -> None:
    CASCADE.prepare(Problem(LARGE), Context(-1, 0))
    for i, (architecture, outcome) in enumerate(outcomes(CASCADE, 50)):
        if outcome.ok:
            assert outcome.metrics == COSTLY.evaluate(architecture, 1, Context(i, i))
    inner = Counted()
    cascade = Cascade(CHEAP, inner)
    cascade.prepare(Problem(LARGE), Context(-1, 0))
    context = Context(3, 3, workspace=tmp_path, parents=(1,))
    outcomes(cascade, 20, context)
    assert {(c.seed, c.workspace, c.parents) for c in inner.contexts} == {(3, tmp_path, (1,))}


def test_an_architecture_is_judged_alike_in_every_trial_and_at_every_fidelity() -> None:
    cascade = Cascade(ToyEvaluator(noise=0.5), ToyEvaluator())
    problem = Problem(LARGE, fidelity=Fidelity("epochs", 1, 9))
    cascade.prepare(problem, Context(-1, 0))
    for architecture, outcome in outcomes(cascade, 30):
        assert cascade.evaluate(architecture, 9, Context(77, 77)).ok == outcome.ok
    check_evaluator(cascade, problem)


def test_less_may_be_better() -> None:
    cascade = replace(CASCADE, maximize=False)
    notes = cascade.prepare(Problem(LARGE), Context(-1, 0))
    assert all(
        outcome.ok == (outcome.notes["first_proxy"] <= notes["screened_at"]) for _, outcome in outcomes(cascade, 100)
    )


def test_failures_of_the_first_rank_last_and_fail_their_trials() -> None:
    failing = Cascade(ToyEvaluator(fail=0.5), Counted(), keep=0.8)
    notes = failing.prepare(Problem(LARGE), Context(-1, 0))
    assert notes["prepared"] == "Flat" and notes["screened_at"] is None and 20 < notes["sampled_failed"] < 80
    for architecture in (LARGE.sample(generator(i)) for i in range(20)):
        try:
            assert failing.evaluate(architecture, 1, Context(0, 0)).ok
        except EvaluationError as error:
            assert "told to fail" in error.message
    with pytest.raises(UsageError, match="failed on each of 100 random architectures"):
        Cascade(ToyEvaluator(fail=1.0), Counted()).prepare(Problem(LARGE), Context(-1, 0))


@dataclass(frozen=True)
class Fragile(ToyEvaluator):
    """Raises something on a part of the architectures, and forgets its metric on others."""

    part: float = 0.3

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Any:
        context.check()
        draw = unit("fragile", architecture.key)
        if draw < self.part:
            raise ValueError("Singular matrix")
        return {} if draw < 0.5 else {"accuracy": draw}


def test_whatever_the_first_raises_on_a_random_architecture_is_a_failure_of_that_one() -> None:
    notes = Cascade(Fragile(), Counted()).prepare(Problem(LARGE), Context(-1, 0))
    assert 30 < notes["sampled_failed"] < 70
    answers = iter([False, True])  # to the cascade, and to the first evaluator
    with pytest.raises(Stopped):
        Cascade(Fragile(), Counted()).prepare(Problem(LARGE), Context(-1, 0, stop=lambda: next(answers)))
    with pytest.raises(UsageError, match=r"random architectures \(ValueError: Singular matrix\)\. Does it fit"):
        Cascade(Fragile(part=1.0), Counted()).prepare(Problem(LARGE), Context(-1, 0))


def test_a_calibration_in_which_all_failed_begins_anew_once_the_first_is_mended(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Mended(ToyEvaluator):
        mended: ClassVar[bool] = False

        def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Any:
            if not self.mended:
                raise NameError("name 'tota' is not defined")
            return super().evaluate(architecture, fidelity, context)

    cascade, context = Cascade(Mended(), Counted()), Context(-1, 0, workspace=tmp_path)
    with pytest.raises(UsageError, match="failed on each of 100"):
        cascade.prepare(Problem(LARGE), context)
    Mended.mended = True
    assert cascade.prepare(Problem(LARGE), context)["sampled_failed"] == 0


def test_calibration_is_kept_and_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    whole = replace(CASCADE).prepare(Problem(LARGE), Context(-1, 0))
    folder = tmp_path / "prepared"
    first = Counted()
    cut = Cascade(first, COSTLY)
    with pytest.raises(EvaluationError) as caught:
        cut.prepare(Problem(LARGE), Context(-1, 0, deadline=0.0, workspace=folder))
    assert caught.value.kind == "timeout"
    n_looks = 0

    def stop() -> bool:
        nonlocal n_looks
        n_looks += 1
        return n_looks > 10

    interrupted = replace(CASCADE)
    with pytest.raises(Stopped):
        interrupted.prepare(Problem(LARGE), Context(-1, 0, workspace=folder, stop=stop))
    file = next(folder.glob("cascade-*.json"))
    n_kept = len(json.loads(file.read_text())["scores"])
    assert 0 < n_kept < 100
    assert replace(CASCADE).prepare(Problem(LARGE), Context(-1, 0, workspace=folder)) == whole
    before = file.stat().st_mtime_ns
    assert replace(CASCADE).prepare(Problem(LARGE), Context(-1, 0, workspace=folder)) == whole
    assert file.stat().st_mtime_ns == before
    assert replace(CASCADE).prepare(Problem(Flat(6, 9)), Context(-1, 0, workspace=folder)) != whole


def test_a_worker_finds_the_calibration_where_the_search_left_it(tmp_path: Path) -> None:
    CASCADE.prepare(Problem(LARGE), Context(-1, 0, workspace=tmp_path))
    worker = catalog.from_spec(json.loads(json.dumps(catalog.to_spec(CASCADE))), "evaluator")
    there = outcomes(worker, 20, Context(7, 7, prepared=tmp_path))
    assert [outcome.error for _, outcome in there] == [outcome.error for _, outcome in outcomes(CASCADE, 20)]
    with pytest.raises(EvaluationError, match="was not prepared"):
        replace(CASCADE).evaluate(LARGE.first(), 1, Context(0, 0, prepared=tmp_path / "another"))


def test_process_workers_screen_as_one_process_does(tmp_path: Path) -> None:
    def screened(executor: Any, folder: Path) -> list[str | None]:
        store = SqliteStore(folder)
        result = Search(
            Problem(LARGE), RandomSearch(), CASCADE, budget=Budget(trials=12), seed=4, store=store, executor=executor
        ).run()
        store.close()
        return [trial.outcome.error for trial in result.history.trials]

    alone = screened(None, tmp_path / "alone")
    assert None in alone and len(set(alone)) > 2
    assert screened(ProcessExecutor(1), tmp_path / "workers") == alone


def test_many_screened_trials_in_a_row_do_not_end_a_search() -> None:
    cascade = Cascade(CHEAP, COSTLY, keep=0.01)
    result = Search(Problem(LARGE), RandomSearch(), cascade, budget=Budget(trials=300)).run()
    assert result.reason == "trials"
    assert (
        max(len(list(run)) for ok, run in groupby(result.history.finished, key=lambda trial: trial.ok) if not ok) > 25
    )


@pytest.mark.parametrize("wrap", [Cached, Repeated, Noisy, lambda each: Cascade(Counted(), each)])
def test_no_wrapper_is_more_repeatable_than_what_it_wraps(wrap: Any) -> None:
    assert not wrap(Counted()).repeatable and not wrap(ToyEvaluator(noise=0.1)).repeatable
    assert wrap(ToyEvaluator()).repeatable == (wrap is not Noisy)


class Clock(ToyEvaluator):
    """Says that a latency is measured."""

    measured = ("latency",)


@pytest.mark.parametrize("wrap", [Cached, Noisy, lambda each: Cascade(Counted(), each)])
def test_a_wrapper_says_what_is_measured(wrap: Any) -> None:
    assert wrap(Clock(("accuracy", "latency"))).measured == ("latency",)
    assert wrap(ToyEvaluator()).measured == ()


def test_the_spread_of_what_is_measured_is_measured() -> None:
    assert Repeated(Clock(("accuracy", "latency"))).measured == ("latency", "latency_sd")


def test_a_simulated_second_alone_is_charged() -> None:
    cascade = Cascade(Counted(), ToyEvaluator(simulated=True, seconds=5.0))
    cascade.prepare(Problem(LARGE), Context(-1, 0))
    assert cascade.simulated
    assert {outcome.seconds for _, outcome in outcomes(cascade, 20)} <= {0.0, 5.0}
    real = Cascade(Counted(), Counted())
    real.prepare(Problem(LARGE), Context(-1, 0))
    # the counter's later numbers beat its earlier ones
    assert real.evaluate(LARGE.first(), 1, Context(0, 0)).seconds == 4.0


@pytest.mark.parametrize("settings", [{"keep": 0.0}, {"keep": 1.0}, {"n_sample": 1}, {"metric": "accuracy"}])
def test_impossible_cascades_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Cascade has"):
        replace(CASCADE, **settings)


@dataclass(frozen=True)
class Untrained(ToyEvaluator):
    uses_fidelity: ClassVar[bool] = False


@pytest.mark.parametrize("wrap", [Cached, Repeated, Noisy])
def test_whether_fidelity_has_an_effect_is_what_the_inner_one_says(wrap: Any) -> None:
    assert uses_fidelity(wrap(ToyEvaluator()))
    assert not uses_fidelity(wrap(Untrained()))
