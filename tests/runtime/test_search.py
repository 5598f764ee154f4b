"""The loop: budgets, failures, replay, asking and telling by hand."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError, StudyError, UsageError
from archsmith.core.failures import FIRST
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.records import record
from archsmith.core.trial import Outcome, Proposal, Status
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.study_view import read_view
from archsmith.strategies.bananas import Bananas
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.halving import SuccessiveHalving
from archsmith.strategies.race import Race
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


def search(store=None, *, space=None, strategy=None, evaluator=None, **options):
    options.setdefault("budget", Budget(trials=20))
    return Search(
        Problem(space or Flat()), strategy or RandomSearch(), evaluator or ToyEvaluator(), store=store, **options
    )


def rows(history):
    return [(t.id, t.architecture, t.parents, dict(t.metrics), t.status) for t in history.trials]


@dataclass
class FailingUntil:
    """Fails until it is mended."""

    mended: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    simulated: ClassVar[bool] = False

    def evaluate(self, architecture, fidelity, context):
        if not self.mended:
            raise EvaluationError("There is no such file.")
        return 0.5


def test_a_budget_of_trials_is_kept_exactly():
    result = search().run()
    assert result.reason == "trials" and len(result.history) == 20 and not result.history.pending
    assert result.best.loss == min(t.loss for t in result.history.trials)


def test_a_study_says_whether_its_scores_are_repeatable():
    for noise in (0.0, 0.1):
        store = MemoryStore()
        for n in (3, 6):  # begun, then resumed
            result = search(store, evaluator=ToyEvaluator(noise=noise), budget=Budget(trials=n)).run()
            assert result.history.repeatable == (noise == 0)


def test_a_study_says_whether_its_seconds_are_simulated():
    for simulated in (False, True):
        store = MemoryStore()
        search(store, evaluator=ToyEvaluator(simulated=simulated), budget=Budget(trials=1)).run()
        assert record(next(iter(store.read()))).simulated is simulated


def test_a_finite_space_ends_exhausted():
    result = search(space=Flat(2, 2), budget=Budget(trials=100)).run()
    assert result.reason == "exhausted" and len(result.history) == 4


def test_no_progress_ends_converged():
    result = search(evaluator=ToyEvaluator(), budget=Budget(trials=81, patience=5)).run()
    best = result.best.id
    assert result.reason == "converged" and result.history.finished[-1].id == best + 5


def test_with_several_objectives_a_new_point_of_the_front_is_progress():
    problem = Problem(Flat(6, 4), (Objective("accuracy"), Objective("latency_ms")))
    evaluator = ToyEvaluator(("accuracy", "latency_ms"))
    result = Search(problem, RandomSearch(), evaluator, budget=Budget(trials=500, patience=30)).run()
    last = max(trial.id for trial in result.history.front())
    assert result.reason == "converged" and result.history.finished[-1].id == last + 30
    assert last > result.best.id


def test_simulated_seconds_are_the_clock_of_a_table():
    result = search(evaluator=ToyEvaluator(simulated=True, seconds=10), budget=Budget(seconds=35)).run()
    assert result.reason == "seconds" and result.seconds == 30
    # The fourth would have ended after the budget: its result does not count.
    assert [t.status for t in result.history.trials] == [Status.OK] * 3 + [Status.PENDING]


def test_wall_clock_ends_a_running_trial_and_leaves_it_pending():
    result = search(evaluator=ToyEvaluator(sleep=30), budget=Budget(seconds=0.2)).run()
    assert result.reason == "seconds" and result.seconds < 30
    assert list(result.history.pending) == [0]


def test_a_trial_over_its_own_limit_fails():
    result = search(evaluator=ToyEvaluator(sleep=30), trial_seconds=0.05, budget=Budget(trials=2)).run()
    assert [t.outcome.error_kind for t in result.history.trials] == ["timeout"] * 2


def test_failures_are_outcomes_and_too_many_end_the_search():
    result = search(evaluator=ToyEvaluator(fail=0.3, nan=0.3)).run()
    kinds = {t.outcome.error_kind for t in result.history.trials if t.status is Status.FAILED}
    assert result.reason == "trials" and kinds == {"exception", "nan"}
    assert (
        search(evaluator=ToyEvaluator(fail=1.0), max_failures_in_a_row=7, budget=Budget(trials=50)).run().reason
        == "failures"
    )


def test_a_search_whose_first_trials_all_fail_gives_up_at_once_and_says_why():
    result = search(evaluator=ToyEvaluator(fail=1.0), budget=Budget(trials=50)).run()
    assert (result.reason, len(result.history)) == ("failures", FIRST)
    assert f"All {FIRST} trials failed: The toy evaluator was told to fail here." in repr(result)


def test_one_that_was_killed_gives_up_like_one_that_was_not():
    store = MemoryStore()
    for n in (3, 50):
        result = search(store, evaluator=ToyEvaluator(fail=1.0), budget=Budget(trials=n)).run()
    assert (result.reason, len(result.history)) == ("failures", FIRST)


def test_whoever_goes_on_after_that_gets_further_with_what_was_mended(monkeypatch):
    store = MemoryStore()
    for _ in range(2):
        assert search(store, evaluator=FailingUntil()).run().reason == "failures"
    assert sum(event.kind == "finished" for event in store.read()) == 2 * FIRST
    monkeypatch.setattr(FailingUntil, "mended", True)
    result = search(store, evaluator=FailingUntil()).run()
    assert result.reason == "trials" and result.best is not None


def test_that_the_first_trials_are_all_outside_the_limits_is_said_and_the_search_goes_on():
    store = MemoryStore()
    problem = Problem(Flat(), (Objective("accuracy"),), (Constraint("accuracy", lower=2.0),))
    result = Search(problem, RandomSearch(), ToyEvaluator(), store=store, budget=Budget(trials=20)).run()
    (said,) = [event.data["text"] for event in store.read() if event.kind == "note"]
    assert said.startswith(f"{FIRST} trials had a score, and none is within the limits")
    assert result.reason == "trials" and "20 trials had a score" in repr(result)


def test_the_same_seed_gives_the_same_log():
    def log(seed):
        store = MemoryStore()
        search(store, strategy=RegularizedEvolution(), seed=seed).run()
        return [
            (e.kind, {k: v for k, v in e.data.items() if k not in ("pid", "seconds", "outcome")}) for e in store.read()
        ]

    assert log(3) == log(3) != log(4)


def test_more_trials_continue_as_if_there_had_been_no_end():
    whole, parts = MemoryStore(), MemoryStore()
    search(whole, strategy=RegularizedEvolution(population=5), budget=Budget(trials=30), forecast_trials=30).run()
    for n in (7, 19, 30):
        result = search(
            parts, strategy=RegularizedEvolution(population=5), budget=Budget(trials=n), forecast_trials=30
        ).run()
    assert rows(result.history) == rows(
        search(whole, strategy=RegularizedEvolution(population=5), budget=Budget(trials=30), forecast_trials=30)
        .run()
        .history
    )


def test_a_pending_trial_is_run_again_on_resume():
    store = MemoryStore()
    stopping = search(store, evaluator=ToyEvaluator(sleep=0.01))
    stopping.observer = lambda event: (
        stopping.request_stop() if event.kind == "proposed" and len(stopping.history) == 3 else None
    )
    assert stopping.run().reason == "requested" and list(stopping.history.pending) == [2]
    assert rows(search(store, evaluator=ToyEvaluator(sleep=0.01)).run().history) == rows(
        search(evaluator=ToyEvaluator(sleep=0.01)).run().history
    )


def test_the_same_search_goes_on_when_it_is_run_again_after_a_stop():
    stopped = search(evaluator=ToyEvaluator(sleep=0.01))
    stopped.observer = lambda event: (
        stopped.request_stop() if event.kind == "proposed" and len(stopped.history) == 3 else None
    )
    assert stopped.run().reason == "requested" and stopped.history.pending
    went_on = stopped.run()
    assert went_on.reason == "trials" and rows(went_on.history) == rows(search().run().history)


def test_a_stop_that_is_asked_for_before_the_run_ends_it():
    early = search()
    early.request_stop()
    assert early.run().reason == "requested" and not early.history.trials
    assert early.run().reason == "trials"


def test_stop_command_from_elsewhere():
    store = MemoryStore()
    running = search(store, evaluator=ToyEvaluator(sleep=0.2), budget=Budget(trials=1000))
    running.observer = lambda event: store.command("stop") if event.kind == "proposed" else None
    assert running.run().reason == "requested" and len(running.history) <= 9


def test_a_pause_from_elsewhere_ends_the_search_at_once_and_it_can_go_on():
    store = MemoryStore()
    running = search(store, evaluator=ToyEvaluator(sleep=0.2), budget=Budget(trials=20))
    running.observer = lambda event: store.command("pause") if event.kind == "proposed" else None
    with pytest.raises(KeyboardInterrupt):
        running.run()
    events = list(store.read())
    assert [event.data["name"] for event in events if event.kind == "command"][-1] == "pause"
    assert events[-1].kind == "closed" and events[-1].data["reason"] == "interrupted"
    running.observer = None
    went_on = running.run()  # the old command was meant for a process that is gone
    assert went_on.reason == "trials" and len(went_on.history.finished) == 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, r"seed = 0, not 1\."),
        ({"strategy": RegularizedEvolution()}, r"the strategy \S+, not evolution\."),
        ({"space": Flat(5)}, r"space\.\w+ = \d, not 5\."),
        ({"evaluator": ToyEvaluator(noise=0.1)}, r"evaluator\.noise = 0\.0, not 0\.1\."),
    ],
)
def test_a_study_goes_on_only_with_what_it_began_with(change, words):
    store = MemoryStore()
    search(store, budget=Budget(trials=2)).run()
    with pytest.raises(StudyError, match=f"This study began with {words}"):
        search(store, **change).run()
    assert len(search(store, budget=Budget(trials=3)).run().history) == 3  # and the lease is free again


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_older_study_goes_on_with_the_seed_that_its_strategy_had_then(wrapped):
    def strategy(**seed):
        inner = Bananas(refit=4, width=4, layers=1, **seed)
        return Race(inner=inner) if wrapped else inner

    def found(store, *parts):
        for n, seed in parts:
            made = search(store, strategy=strategy(**seed), seed=5, budget=Budget(trials=n), forecast_trials=16)
            result = made.run()
        return rows(result.history), made

    older, _ = found(MemoryStore(), (16, {"seed": 0}))  # the number that older versions wrote down
    assert found(MemoryStore(), (6, {"seed": 0}), (16, {}))[0] == older
    newer, made = found(MemoryStore(), (6, {}), (16, {}))
    assert newer == found(MemoryStore(), (16, {"seed": 5}))[0] != older
    assert made.as_begun(strategy()) == strategy()
    with pytest.raises(StudyError, match=r"strategy\.(inner\.)?seed = 0, not 5"):
        found(MemoryStore(), (6, {"seed": 0}), (16, {"seed": 5}))


@dataclass
class Fixed:
    """Answers with whatever it was given."""

    proposals: list = field(default_factory=list)

    def ask(self, history, n, rng):
        return self.proposals


GOOD = Flat().first()


@pytest.mark.parametrize(
    ("proposals", "words"),
    [
        ([Proposal(GOOD)] * 2, "asked for 1 proposal and gave 2"),
        ([Proposal(Architecture({"x0": 99}))], "outside the space"),
        ([Proposal(GOOD, fidelity=9.0)], "epochs = 9.0; the problem allows 1 to 1"),
    ],
)
def test_wrong_proposals_are_refused_before_they_are_logged(proposals, words):
    store = MemoryStore()
    with pytest.raises(UsageError, match=words):
        search(store, strategy=Fixed(proposals)).run()
    assert not [e for e in store.read() if e.kind == "proposed"]


def test_a_problem_needs_metrics_that_the_evaluator_has():
    with pytest.raises(UsageError, match=r"'latency'.*ToyEvaluator reports accuracy"):
        Search(Problem(Flat(), (Objective("latency"),)), RandomSearch(), ToyEvaluator())


def test_fidelity_defaults_to_the_problems_maximum():
    problem = Problem(Flat(), fidelity=Fidelity("epochs", 1, 8))
    assert (
        Search(problem, RandomSearch(), ToyEvaluator(), budget=Budget(trials=1)).run().history.trials[0].fidelity == 8
    )


def test_ask_and_tell_by_hand():
    with search() as study:
        (trial,) = study.ask()
        study.tell(trial, 0.75)
        assert study.history.best().metrics == {"accuracy": 0.75}
        a, b = study.ask(2)
        study.tell(b.id, {"accuracy": 0.9, "extra": 1})
        study.tell(a, ValueError("no"))
        assert study.history.trials[a.id].outcome.error == "ValueError: no"


def test_ask_gives_nothing_as_long_as_a_strategy_waits():
    problem = Problem(Flat(), fidelity=Fidelity("epochs", 1, 9))
    with Search(problem, SuccessiveHalving(), ToyEvaluator()) as study:
        rung = study.ask(9)
        for trial in rung[:-1]:
            study.tell(trial, 0.1 * trial.id)
        assert study.ask() == [] and study.history.pending
        study.tell(rung[-1], 0.1)
        assert [trial.fidelity for trial in study.ask()] == [3.0]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (math.nan, "nan"),
        ({"loss": 0.1}, "no metric 'accuracy'"),
        ("0.9", r"not as a number\. Convert it with float"),
        ([0.1, 0.2], r"not as a number\. Return one number for each metric"),
        (True, "not as a number"),
    ],
)
def test_tell_refuses_what_is_no_score(result, words):
    with search() as study:
        (trial,) = study.ask()
        with pytest.raises(UsageError, match=words):
            study.tell(trial, result)
        assert trial.id in study.history.pending


def test_tell_refuses_finished_and_unknown_trials():
    with search() as study:
        (trial,) = study.ask()
        study.tell(trial, 0.5)
        with pytest.raises(UsageError, match="Trial 0 is finished already, with status ok"):
            study.tell(trial, 0.6)
        with pytest.raises(UsageError, match="no trial 7"):
            study.tell(7, 0.6)


def test_ask_outside_of_an_open_study():
    with pytest.raises(UsageError, match="with search"):
        search().ask()


@dataclass(frozen=True)
class Preparing(ToyEvaluator):
    """Counts how often it was prepared."""

    calls: ClassVar[int] = 0

    def prepare(self, problem, context):
        type(self).calls += 1
        return {"bank": "ready"}


def test_prepare_runs_at_every_opening_and_is_logged_once():
    store, evaluator = MemoryStore(), Preparing()
    search(store, evaluator=evaluator, budget=Budget(trials=1)).run()
    search(store, evaluator=evaluator, budget=Budget(trials=2)).run()
    assert Preparing.calls == 2 and [e.data["notes"] for e in store.read() if e.kind == "prepared"] == [
        {"bank": "ready"}
    ]


def test_a_preparation_that_fails_ends_its_search():
    @dataclass(frozen=True)
    class Failing(ToyEvaluator):
        def prepare(self, problem, context):
            raise EvaluationError("loss is inf", kind="diverged")

    store = MemoryStore()
    with pytest.raises(EvaluationError, match="loss is inf"):
        search(store, evaluator=Failing()).run()
    closed = [record(event) for event in store.read() if event.kind == "closed"]
    assert [(end.reason, end.error) for end in closed] == [("unprepared", "loss is inf")]
    assert not any(event.kind == "proposed" for event in store.read())


def test_a_preparation_that_raises_anything_else_is_named_and_leaves_nothing(tmp_path):
    @dataclass(frozen=True)
    class Careless(ToyEvaluator):
        def prepare(self, problem, context):
            return {}["camera"]

    store = SqliteStore(tmp_path / "study")
    with pytest.raises(UsageError, match=r"^Careless\.prepare raised KeyError: 'camera'\. The traceback says where"):
        search(store, evaluator=Careless()).run()
    assert not store.exists


@pytest.mark.parametrize("method", ["prepare", "evaluate"])
def test_an_error_that_a_library_made_of_an_end_at_once_ends_at_once(method):
    asked = []

    def finish():
        if asked:
            raise KeyboardInterrupt
        return False

    def broken(self, *given):
        asked.append(True)
        raise ValueError("'w' is not a valid PEP 3118 buffer format string")

    store = MemoryStore()
    with pytest.raises(KeyboardInterrupt):
        search(store, evaluator=type("Broken", (ToyEvaluator,), {method: broken})(), finish=finish).run()
    closed = [record(event) for event in store.read() if event.kind == "closed"]
    assert [end.reason for end in closed] == ["interrupted"]
    assert not any(event.kind == "finished" for event in store.read())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ModuleNotFoundError("no torch")])
def test_what_our_own_preparation_says_of_files_and_packages_stays_as_it_is(error):
    def prepare(self, problem, context):
        raise error

    ours = {"prepare": prepare, "__module__": "archsmith.evaluators.mine"}
    with pytest.raises(type(error)):
        search(evaluator=type("Ours", (ToyEvaluator,), ours)()).run()
    with pytest.raises(UsageError, match=r"^Theirs\.prepare raised"):
        search(evaluator=type("Theirs", (ToyEvaluator,), {"prepare": prepare})()).run()


@pytest.mark.parametrize(("notes", "named"), [(["ready"], "a list"), ("ready", "a str")])
def test_a_preparation_returns_a_mapping_or_nothing(notes, named):
    @dataclass(frozen=True)
    class Listing(ToyEvaluator):
        def prepare(self, problem, context):
            return notes

    with pytest.raises(UsageError, match=rf"^Listing\.prepare gave {named}, not a mapping of notes\."):
        search(evaluator=Listing()).run()


@dataclass(frozen=True)
class Writing(ToyEvaluator):
    def evaluate(self, architecture, fidelity, context):
        (context.workspace / "weights").write_bytes(b"x" * 1000)
        return super().evaluate(architecture, fidelity, context)


def test_trial_folders_are_kept_for_the_best_and_the_latest(tmp_path):
    result = search(MemoryStore(tmp_path), evaluator=Writing(), budget=Budget(trials=30)).run()
    kept = {int(path.name) for path in (tmp_path / "trials").iterdir()}
    assert {t.id for t in result.history.ranking()[:5]} | {25, 26, 27, 28, 29} == kept


def test_evaluation_errors_keep_their_kind():
    @dataclass(frozen=True)
    class Diverging(ToyEvaluator):
        def evaluate(self, architecture, fidelity, context):
            raise EvaluationError("loss is inf", kind="diverged")

    assert (
        search(evaluator=Diverging(), budget=Budget(trials=1)).run().history.trials[0].outcome.error_kind == "diverged"
    )


def test_an_outcome_may_be_returned_whole():
    @dataclass(frozen=True)
    class Noted(ToyEvaluator):
        def evaluate(self, architecture, fidelity, context):
            return Outcome.success({"accuracy": 1}, notes={"device": "cpu"})

    assert search(evaluator=Noted(), budget=Budget(trials=1)).run().history.trials[0].outcome.notes == {"device": "cpu"}


# Strategies are anybody's code


class Odd:
    """A strategy that answers with what it was given."""

    def __init__(self, answer):
        self.answer = answer

    def ask(self, history, n, rng):
        return self.answer(history)


def no_number(value):
    return lambda history: [Proposal(history.space.first(), value)]


def raising(error):
    def answer(history):
        raise error

    return answer


class Silent(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda history: None, r"Odd\.ask gave None, not a list of proposals\. Return \[\] to"),
        (lambda history: {"x": 1}, r"Odd\.ask gave a dict, not a list"),
        (lambda history: (p for p in ()), r"Odd\.ask gave a generator, not a list .* Return a list: list\(\.\.\.\)"),
        (lambda history: Proposal(history.space.first()), r"gave a Proposal, not a list .* with it: \[proposal\]\."),
        (lambda history: [Proposal(history.space.first(), parents=(99,))], r"named trial 99 as a parent of trial 0\."),
        (lambda history: [Proposal(history.space.first(), parents=(0,))], r"named trial 0 as a parent of trial 0\."),
        (lambda history: "x", r"Odd\.ask gave a str, not a list"),
        (lambda history: [history.space.first()], r"a list that holds an Architecture; it must hold proposals only"),
        (lambda history: [None], r"a list that holds None; "),
        (no_number("much"), r"Odd\.ask: Proposal\.fidelity cannot be 'much'\. It takes a finite number or None"),
        (no_number(True), r"Odd\.ask: Proposal\.fidelity cannot be True\."),
        (no_number(math.nan), r"Odd\.ask: Proposal\.fidelity cannot be nan\."),
        (raising(ZeroDivisionError("no")), r"Odd\.ask raised ZeroDivisionError: no\. The traceback says where"),
        (raising(SystemExit(0)), r"Odd\.ask raised SystemExit: 0\."),
        (raising(Silent()), r"Odd\.ask raised Silent: \(its text cannot be read\)\."),
    ],
)
def test_a_strategy_that_answers_nonsense_is_named_in_a_sentence(answer, words):
    with pytest.raises(UsageError, match=words):
        search(strategy=Odd(answer)).run()


def failing_at(trial):
    def ask(history, n, rng):
        if len(history) == trial:
            raise ZeroDivisionError("no")
        return RandomSearch().ask(history, 1, rng)

    return Odd(lambda history: ask(history, 1, np.random.default_rng(len(history))))


def test_a_search_that_fails_before_its_first_trial_leaves_nothing(tmp_path):
    store, seen = SqliteStore(tmp_path / "study"), []
    with pytest.raises(UsageError):
        search(store, strategy=failing_at(0), observer=lambda event: seen.append(event.kind)).run()
    assert not store.folder.exists() and "closed" not in seen


@dataclass(frozen=True)
class Training(ToyEvaluator):
    """Its preparation may take hours, and tells of its progress."""

    calls: ClassVar[list[str]] = []

    def prepare(self, problem, context):
        self.calls.append("prepared")
        context.report(1.0, {"train_loss": 0.5})
        return {}


def test_what_a_preparation_took_hours_for_is_kept_where_the_first_ask_fails(tmp_path):
    store = SqliteStore(tmp_path / "study")
    with pytest.raises(UsageError):
        search(store, strategy=failing_at(0), evaluator=Training()).run()
    assert read_view(store.folder).state == "failed"


def test_a_problem_that_the_strategy_cannot_search_is_refused_before_the_preparation(tmp_path):
    Training.calls.clear()
    store = SqliteStore(tmp_path / "study")
    problem = Problem(Flat(), (Objective("accuracy"), Objective("latency_ms")))
    evaluator = Training(("accuracy", "latency_ms"))
    with pytest.raises(UsageError, match="RegularizedEvolution optimises one objective"):
        Search(problem, RegularizedEvolution(), evaluator, store=store).run()
    assert not Training.calls and not store.folder.exists()


def test_a_search_that_fails_later_is_kept_and_tells_why(tmp_path):
    store = SqliteStore(tmp_path / "study")
    with pytest.raises(UsageError):
        search(store, strategy=failing_at(2)).run()
    view = read_view(store.folder)
    assert (view.state, view.reason, view.n_finished) == ("failed", "failed", 2)
    assert view.error == "Odd.ask raised ZeroDivisionError: no."


def test_a_study_that_was_there_before_stays(tmp_path):
    store = SqliteStore(tmp_path / "study")
    with search(store, strategy=failing_at(0)):
        pass
    with pytest.raises(UsageError):
        search(store, strategy=failing_at(0)).run()
    assert store.exists


def test_ctrl_c_before_the_first_trial_is_no_failure(tmp_path):
    def pressed(history):
        raise KeyboardInterrupt

    store = SqliteStore(tmp_path / "study")
    with pytest.raises(KeyboardInterrupt):
        search(store, strategy=Odd(pressed)).run()
    assert read_view(store.folder).state == "interrupted"


def test_a_seed_below_0_is_refused():
    with pytest.raises(UsageError, match="The seed cannot be -1. Give 0 or more."):
        Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), seed=-1)


def test_a_strategy_that_fails_points_to_its_traceback():
    class Failing:
        def ask(self, history, n, rng):
            raise ValueError("no")

    with pytest.raises(UsageError, match="The traceback says where") as caught:
        Search(Problem(Flat()), Failing(), ToyEvaluator()).run()
    assert isinstance(caught.value.__cause__, ValueError)


@dataclass(frozen=True)
class Meddler:
    """Proposes at random, and does ``slip`` with the history from the eighth trial on."""

    slip: str

    def ask(self, history, n, rng):
        if len(history) > 7:
            exec(self.slip, {"h": history})
        return [Proposal(history.space.sample(rng))]


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        ("h.trials.pop(0)", r"^Meddler\.ask: history\.trials cannot be changed: .* list\(history\.trials\)\.$"),
        ("h.finished.pop(0)", r"^Meddler\.ask: history\.finished cannot be changed"),
        ("h.pending.clear()", r"^Meddler\.ask: history\.pending cannot be changed"),
        ("h.trials[0].curve.clear()", r"^Meddler\.ask: trial\.curve cannot be changed"),
        ("h.trials = h.trials[-5:]", r"^Meddler\.ask raised AttributeError"),
        ("list.pop(h.trials, 0)", r"^Meddler\.ask changed the lists of the history\."),
        ("list.pop(h.finished, 0)", r"^Meddler\.ask changed the lists of the history\."),
    ],
)
def test_a_strategy_that_changes_the_history_is_told_so_and_leaves_a_log_that_opens_again(tmp_path, slip, told):
    with pytest.raises(UsageError, match=told):
        search(SqliteStore(tmp_path / "study"), strategy=Meddler(slip)).run()
    view = read_view(tmp_path / "study")
    assert len(view.history.trials) == len(view.history.finished) == 8


@pytest.mark.parametrize(("note", "told"), [(object(), "it is an object"), (math.nan, "it is nan")])
def test_a_note_that_cannot_be_logged_is_named(note, told):
    @dataclass(frozen=True)
    class Noting:
        def ask(self, history, n, rng):
            return [Proposal(history.space.sample(rng), notes={"belief": note})]

    with pytest.raises(UsageError, match=f"^Noting gave the note 'belief', which cannot be logged: {told}. Notes are"):
        search(strategy=Noting()).run()


@pytest.mark.filterwarnings("error")
def test_an_async_strategy_is_told_so():
    @dataclass(frozen=True)
    class Waiting:
        async def ask(self, history, n, rng):
            return []

    with pytest.raises(
        UsageError, match=r"^Waiting\.ask gave a coroutine, not a list .* Write def ask, not async def ask"
    ):
        search(strategy=Waiting()).run()
