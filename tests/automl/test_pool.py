"""What a job keeps of its trainings, and what it may choose from."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from archsmith.automl.final_training import Begun, Candidate, Final
from archsmith.automl.pool import Pool
from archsmith.core.architecture import Architecture
from archsmith.core.seeds import derive
from archsmith.data.examples import Augmentation
from archsmith.runtime.workspace import Workspace
from archsmith.strategies.race import Race
from archsmith.training.goal import Score
from archsmith.training.recipe import Recipe


def files(finished):
    final = Workspace(finished.settings.workspace).resolve(finished.result.study) / "final"
    return {file.name for file in final.glob("*.safetensors")}


def test_the_winner_goes_on_from_its_trial_and_can_go_on_later(finished):
    (exported,) = [row for row in finished.result.rows if row.exported]
    kept = {name for name in files(finished) if name.startswith("trial")}
    trials = {int(re.match(r"trial(\d+)", name)[1]) for name in kept}
    assert kept == {f"trial{n}{end}.safetensors" for n in trials for end in ("", ".carried", ".best")}
    assert 1 <= len(trials) <= finished.result.n_trials and max(trials) < finished.result.n_trials
    assert exported.name in ("linear", "fixed", "searched", "unfinished", "runner_up")


def test_the_hand_made_network_has_a_row_and_says_whether_it_was_stopped(finished):
    rows = {row.name: row for row in finished.result.rows}
    assert rows["fixed"].stopped == ("searched" in rows)


def test_no_row_is_better_than_what_is_exported(finished, finished_table):
    for job in (finished, finished_table):
        (exported,) = [row.valid for row in job.result.rows if row.exported]
        assert exported == max(row.valid for row in job.result.rows if not row.by_chance)
        assert all(row.valid > exported and row.test is None for row in job.result.rows if row.by_chance)


@pytest.mark.parametrize(
    ("best", "restored", "clearly", "told", "choosable"),
    [
        (0.99, 0.99, True, True, True),
        (0.99, 0.99, False, True, False),  # lost to by chance: told, and not to be chosen
        (0.99, 0.90, False, False, True),  # on all validation examples it is not better
        (0.90, 0.99, True, False, True),
    ],
)
def test_the_best_trial_is_told_where_it_is_better_and_chosen_where_that_is_clear(
    monkeypatch, best, restored, clearly, told, choosable
):
    made = pool(monkeypatch, left=300.0, expected=0.25, scored=best)
    made.search.history.finished[0].loss = 1 - best
    made.by_chance, made.untested = set(), {}
    made.workshop = SimpleNamespace(clearly_better=lambda one, other: clearly)

    def final(name, valid):
        return Final(name, Score({"accuracy": valid, "log_loss": 0.0}, np.zeros(0)), None, 0.0, network=object())

    made.job.splits.task.metrics = ("accuracy", "log_loss")
    monkeypatch.setattr(made, "_restored", lambda trial, name: final(name, restored))
    found = made._unfinished([final("searched", 0.95)])
    assert (found is not None) == told
    assert made.may_be_exported(found or final("unfinished", 1.0)) == choosable


def pool(
    monkeypatch, *, left, expected, competitive=True, brought=True, foreseen=0.2, done=40.0, seconds=20.0, scored=0.5
):
    """A pool whose race ends with a network that was trained for ``done`` epochs in ``seconds``, of 200."""
    made = object.__new__(Pool)
    outcome = SimpleNamespace(seconds=seconds)
    trial = SimpleNamespace(architecture="ours", ok=True, metrics={"accuracy": scored}, outcome=outcome)
    plan = SimpleNamespace(pooled=True, final_end=100.0, search_end=60.0, final_epochs=200.0, unit_seconds=0.5)
    splits = SimpleNamespace(task=SimpleNamespace(metric="accuracy"))
    speed = SimpleNamespace(steps_per_epoch=10, step_seconds=0.05, epoch_seconds=0.5)
    made.job = SimpleNamespace(plan=plan, speed=speed, splits=splits)
    history = SimpleNamespace(trials=[trial], finished=[trial], of=lambda architecture: [trial])
    made.search = SimpleNamespace(history=history, strategy=None)
    made.phases = SimpleNamespace(left=lambda end: left, final_end=lambda: 100.0, results={}, round=0)
    made.slow_end, made._tuned_end, made.needs = 0.0, 4.0, {}
    made._brought = SimpleNamespace(name="tuned") if brought else None
    made._expected, made._competitive = expected if brought else math.inf, competitive and brought
    ours = SimpleNamespace(name="searched", trial=0, begun=Begun(0, epochs=40.0))
    monkeypatch.setattr(made, "_incumbent", lambda: ours)
    monkeypatch.setattr(made, "_foreseen", lambda: 0.2)
    monkeypatch.setattr(made, "_fixed_trial", lambda: trial)
    return made


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ({"left": 300.0, "expected": 0.25}, ["searched", "tuned"]),  # 80 s are needed
        ({"left": 300.0, "expected": 0.15}, ["searched", "tuned"]),
        ({"left": 100.0, "expected": 0.15}, ["tuned"]),
        ({"left": 100.0, "expected": 0.25}, ["searched"]),
        ({"left": None, "expected": 0.25}, ["searched"]),
        ({"left": 300.0, "expected": 0.25, "competitive": False}, ["searched"]),
        ({"left": 300.0, "expected": 0.25, "brought": False}, ["searched"]),
    ],
)
def test_two_networks_are_trained_to_the_end_where_time_permits(monkeypatch, case, names):
    made = pool(monkeypatch, **case)
    assert [candidate.name for candidate in made.finalists()] == names
    assert made.needs == ({"searched": 80.0} if len(names) == 2 else {})
    assert made.slow_end == (4.0 if "tuned" in names else 0.0)


@pytest.mark.parametrize(
    ("macs", "timed", "seconds"),
    [
        (100, True, 0.0),  # as large as was expected
        (1000, True, (0.01 - 1.8 * 0.001) * (200 + 2 * 400 + 2 * 300)),
        (1000, False, 0.0),
    ],
)
def test_a_large_network_gets_more_time_for_its_end(monkeypatch, macs, timed, seconds):
    made = object.__new__(Pool)
    splits = SimpleNamespace(valid=np.arange(400), test=range(200))
    plan = SimpleNamespace(final_end=100.0 if timed else None, n_verified=300)
    speed = SimpleNamespace(cost=1.0, searched_cost=1.8, example_seconds=0.001)
    made.job, made.fixed = SimpleNamespace(plan=plan, speed=speed, splits=splits), SimpleNamespace(macs=100)
    made._brought = SimpleNamespace(macs=10**9)  # whose end is known already
    made.workshop = None
    monkeypatch.setattr("archsmith.automl.pool.example_seconds", lambda candidate, workshop: candidate.macs * 1e-5)
    assert made.slower_end([SimpleNamespace(macs=macs), made._brought]) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("begun", "left", "names"),
    [
        (["searched", "tuned"], 0.0, ["searched", "tuned"]),  # both were trained, and the export was killed
        (["tuned"], 300.0, ["tuned"]),
        (["searched"], 300.0, ["searched"]),
    ],
)
def test_what_the_same_budget_began_is_brought_to_its_end(monkeypatch, begun, left, names):
    made = pool(monkeypatch, left=left, expected=0.25)
    made.phases.results = {"ready": {"trials": dict.fromkeys(begun)}}
    assert [candidate.name for candidate in made.finalists()] == names
    assert made.slow_end == (4.0 if "tuned" in names else 0.0)


@pytest.mark.parametrize("begun", [{}, {"ready": {"trials": {"tuned": None}}}])
def test_a_tuning_that_was_begun_goes_on_though_the_machine_is_slower_now(monkeypatch, begun):
    made = pool(monkeypatch, left=0.0, expected=0.25)
    made._brought, made.untested, made.phases.results, made.phases.round = None, {}, begun, 3
    made.job.plan.budget_seconds, made.job.plan.n_verified, made.job.augmentation = 60.0, 10, None
    made.job.splits.test = made.job.splits.valid = range(100)
    made.job.splits.balanced = False
    monkeypatch.setattr(made, "_seconds_of_an_example", lambda final: 0.03)  # 12.6 s for the end: a little too much
    score, candidate = Score({"accuracy": 0.6}, np.zeros(0)), Candidate("pretrained", None, Recipe())
    final = Final("pretrained", score, None, 1.0, candidate=candidate)
    expected = made.look_at([SimpleNamespace(carrying_on=Recipe)], [final])
    assert expected == (pytest.approx(0.3) if begun else None)
    assert (made._brought is not None) == bool(begun) and (not begun or made._brought.file == "tuned.3")


def test_once_a_person_asked_to_finish_there_is_no_time_for_two(monkeypatch):
    made = pool(monkeypatch, left=0.0, expected=0.25)
    made.phases.left = lambda end: 3.0 * end
    assert [candidate.name for candidate in made.finalists()] == ["searched", "tuned"]  # 80 s of 300 are needed
    made.phases.final_end = lambda: 30.0
    assert [candidate.name for candidate in made.finalists()] == ["searched"]


def test_a_race_gets_less_time_where_two_networks_may_be_trained(monkeypatch):
    def limits(**case):
        made = pool(monkeypatch, left=0.0, expected=0.2, **case)
        made.phases.left = lambda end: end - 5.0  # five seconds of the clock are over, and trials took three
        return made

    assert limits(seconds=3.0).race_seconds() == (58.0, 28.0)
    assert limits(seconds=3.0, competitive=False).race_seconds() == (58.0, 58.0)
    spare = limits(seconds=3.0)
    spare.job.plan.search_end = 90.0  # one network needs ten seconds
    assert spare.race_seconds() == (88.0, 78.0)
    spare.job.speed.epoch_seconds = 0.25  # twice as fast as when the study began
    assert spare.race_seconds() == (176.0, 156.0)


def test_weights_from_other_data_are_no_rival_for_a_network_that_is_ahead_of_them_already(monkeypatch):
    assert [made.name for made in pool(monkeypatch, left=300.0, expected=0.25, scored=0.8).finalists()] == ["searched"]


def test_the_runner_up_is_the_best_entrant_that_was_not_tried(monkeypatch, tmp_path):
    class Ranked(Race):
        def ranking(self, history):
            return [7, 5, 3, 0]

    made = pool(monkeypatch, left=300.0, expected=0.25)
    names = {7: "searched", 5: "searched", 3: "fixed", 0: "searched"}
    monkeypatch.setattr(made, "_candidate", lambda trial: Candidate(names[trial], None, None, trial=trial))
    assert made.runner_up({7}, 0) is None  # another strategy ranks no trainings that go on
    made.search.strategy = Ranked()
    first, fixed, third = (made.runner_up(set(tried), n) for n, tried in enumerate([(7,), (7, 5), (7, 5, 3)]))
    assert [(one.name, one.trial) for one in (first, fixed, third)] == [
        ("runner_up", 5),
        ("fixed", 3),
        ("runner_up.2", 0),
    ]
    assert made.runner_up({7, 5, 3, 0}, 3) is None
    gone = Begun(0, checkpoint=tmp_path / "gone")
    monkeypatch.setattr(made, "_candidate", lambda trial: Candidate(names[trial], None, None, trial=trial, begun=gone))
    assert made.runner_up({7}, 0) is None


@pytest.mark.parametrize(
    ("competitive", "n", "foreseen"), [(True, 1000, math.inf), (True, 5000, 0.0), (False, 1000, 0.0)]
)
def test_without_a_search_few_examples_speak_for_weights_from_other_data(competitive, n, foreseen):
    made = object.__new__(Pool)
    made._competitive = competitive
    made.search = SimpleNamespace(strategy=None)
    made.job = SimpleNamespace(splits=SimpleNamespace(train=range(n)))
    assert made._foreseen() == foreseen


def test_a_training_that_began_anew_goes_on_with_its_own_seed(monkeypatch, tmp_path):
    made = pool(monkeypatch, left=300.0, expected=0.25)
    architecture = Architecture({"depth": 2})
    # 2 goes on from 0, and 5 from 3; nothing was left for 3 and 6
    line = [
        SimpleNamespace(id=n, architecture=architecture, outcome_notes={"epochs": 9.0, "parent_lost": lost})
        for n, lost in ((0, False), (2, False), (3, True), (5, False), (6, True))
    ]
    made.space = SimpleNamespace(graph=lambda architecture: None)
    made.job.recipe, made.job.augmentation, made.job.settings = Recipe(), Augmentation(), SimpleNamespace(seed=7)
    made.search.history.of, made.search.store = lambda architecture: line, SimpleNamespace(folder=tmp_path)
    made.phases.round = 0
    monkeypatch.setattr(made, "_is_fixed", lambda candidate: False)
    found = [made._candidate(trial) for trial in line]
    assert [candidate.trial for candidate in found] == [0, 0, 3, 3, 6]
    assert [candidate.last_trial for candidate in found] == [0, 2, 3, 5, 6]
    seeds = {n: derive(derive(7, "trial", n), "training") for n in (0, 3, 6)}  # as the trials themselves have them
    assert [candidate.begun.seed for candidate in found] == [seeds[candidate.trial] for candidate in found]


def test_what_is_of_another_training_has_no_row(monkeypatch, tmp_path):
    made = pool(monkeypatch, left=300.0, expected=0.25)
    made.workshop = SimpleNamespace(restored=lambda candidate, file: None)
    (tmp_path / "there").touch()
    candidate = Candidate("searched", None, None, begun=Begun(0, checkpoint=tmp_path / "there"))
    monkeypatch.setattr(made, "_candidate", lambda trial: candidate)
    assert made._restored("any trial", "unfinished") is None


@pytest.fixture
def resumed(monkeypatch, tmp_path):
    """``resumed(*files, round=, results=)``: a pool that finds such files, and whose restored rows are told."""

    def make(*files, round=0, results=None):
        made = pool(monkeypatch, left=300.0, expected=0.25)
        trials = [SimpleNamespace(id=n, architecture=n % 4) for n in range(6)]  # 4 and 5 go on from 0 and 1
        made.folder, made.search.history.trials = tmp_path, trials
        made.search.history.of = lambda kind: [trial for trial in trials if trial.architecture == kind]
        made.phases = SimpleNamespace(round=round, results=results or {})
        for name in files:
            (tmp_path / f"{name}.safetensors").touch()
        monkeypatch.setattr(made, "_fixed_trial", lambda: None)
        monkeypatch.setattr(made, "_unfinished", lambda trained: None)
        monkeypatch.setattr(made, "_candidate", lambda trial: SimpleNamespace(name="searched"))

        def restored(trial, name, file):
            score = Score({"accuracy": 0.5}, np.zeros(0))
            return None if file.stem == "trial3" else Final(name, score, None, 3.0, network=trial)

        monkeypatch.setattr(made, "_restored", restored)
        return [(final.name, final.seconds, final.stopped) for final in made.others([])]

    return make


def test_rows_of_earlier_budgets_have_names_of_their_own(resumed):
    files = ("trial3", "trial5", "trial5.1", "fixed", "trial3.carried", "linear")
    assert [name for name, *_ in resumed(*files, round=2)] == ["earlier_fixed", "earlier", "earlier.1"]


def test_what_the_same_budget_trained_before_a_resume_keeps_its_name(resumed):
    results = {"train fixed": {"trial": 4, "epochs": 9.0, "seconds": 19.0}, "boosted": {"epochs": 0.0}}
    assert resumed("trial0", results=results) == [("fixed", 3.0, False)]


def test_only_what_had_less_time_is_of_an_earlier_budget(resumed):
    results = {"train runner_up.1": {"trial": 2, "epochs": 9.0, "seconds": 19.0}}
    found = resumed("trial0", "trial2.1", round=1, results=results)
    assert found == [("runner_up.1", 3.0, False), ("earlier", 3.0, False)]


def test_a_training_that_a_kill_cut_off_was_stopped(resumed):
    failed = {"train runner_up": {"error": "It diverged."}}
    assert resumed("trial1", "trial2", results=failed) == [("runner_up", 3.0, True), ("runner_up.1", 3.0, True)]
