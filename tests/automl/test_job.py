import contextlib
import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from archsmith.automl import job, opening
from archsmith.automl.command import command_of
from archsmith.automl.final_training import Candidate, Final
from archsmith.automl.job import fit
from archsmith.automl.phases import Phases
from archsmith.automl.reference import Reference
from archsmith.automl.settings import FitSettings
from archsmith.bundle.predictor import Predictor
from archsmith.core.errors import ArchsmithError, DataError, EvaluationError, StudyError, UsageError
from archsmith.core.failures import FIRST
from archsmith.core.records import Closed
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.oneshot.sharing import SharedTraining
from archsmith.runtime.study_view import read_view
from archsmith.runtime.workspace import Workspace
from archsmith.strategies.random import RandomSearch
from archsmith.training.goal import Score


def phases(events, state="finished"):
    return [event.data["name"] for event in events if event.kind == "phase" and event.data["state"] == state]


def test_the_story_is_told_in_order(finished):
    told = phases(finished.events)
    assert told[4] in ("train fixed", "train searched")  # whatever the race ended with
    assert told[:4] == ["read", "linear", "search", "ready"]
    assert set(told[5:-5]) <= {"train fixed", "train runner_up"}  # in the time that the first one left
    assert told[-5:] == ["choose", "calibrate", "test", "export", "report"]


def test_the_answer_is_complete_and_json(finished):
    result = json.loads(json.dumps(finished.result.to_dict()))
    wanted = (
        "study stop_reason seconds budget_seconds n_trials valid test rows architecture params macs model_dir".split()
    )
    assert set(wanted) <= set(result)
    assert [row["name"] for row in result["rows"]][:2] == ["linear", "fixed"]
    assert result["n_trials"] == 2 and result["stop_reason"] == "trials"
    assert result["params"] == next(row["params"] for row in result["rows"] if row["exported"])
    assert next(row["params"] for row in result["rows"] if row["name"] == "fixed") == 303866


def test_the_bundle_predicts_without_the_library_that_trained_it(finished):
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images[:300] * (255 / 16)).astype(np.uint8)
    predictor = Predictor(finished.result.model_dir)
    accuracy = np.mean(np.array(predictor.predict(images)) == digits.target[:300].astype(str))
    assert accuracy > 0.9
    assert finished.result.max_difference <= 1e-4


def test_out_is_a_copy_of_the_studys_own_bundle(finished):
    study = Workspace(finished.settings.workspace).resolve(finished.result.study)
    ours, theirs = study / "final" / "bundle", Path(finished.settings.out)
    assert {p.name: p.read_bytes() for p in ours.iterdir()} == {p.name: p.read_bytes() for p in theirs.iterdir()}


def test_a_bundle_that_cannot_be_copied_is_said_to_be_where_it_is(finished, tmp_path, monkeypatch):
    def full(source, target, replace):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job.folder, "copy", full)
    run = SimpleNamespace(
        job=SimpleNamespace(settings=SimpleNamespace(out="elsewhere", replace=False)), folder=tmp_path
    )
    found = job._Run._copied(run, finished.result)
    assert found.model_dir == str(tmp_path / "bundle") and "No space left" in found.not_copied


def test_the_last_word_on_the_time_counts_the_report_and_is_what_the_study_spent(finished):
    view = read_view(Workspace(finished.settings.workspace).resolve(finished.result.study))
    assert view.job.result.seconds == finished.result.seconds <= view.spent + 0.01
    assert "report" in finished.result.phases
    assert sum(each["seconds"] for each in finished.result.phases.values()) <= finished.result.seconds + 0.1


@pytest.mark.parametrize(
    ("valid", "exported", "looks"),
    [
        (0.9, {"exported": "fixed"}, 0),
        (0.9, {}, 0),  # as versions before wrote it
        (0.8, {"exported": "fixed"}, 1),
        (0.9, {"exported": "linear"}, 1),  # the predictions are of that one
    ],
)
def test_a_network_that_changed_since_it_was_tested_is_tested_again(tmp_path, monkeypatch, valid, exported, looks):
    before = {"tests": {"fixed": {"accuracy": 0.5}}, "of": {"fixed": 0.9}, **exported}
    phases = SimpleNamespace(results={"test": before}, test_reads=1, phase=lambda *args: contextlib.nullcontext({}))
    workshop = SimpleNamespace(splits=SimpleNamespace(test=[1, 2]), modality=SimpleNamespace(nouns="pictures"))
    run = SimpleNamespace(
        job=workshop, workshop=workshop, phases=phases, folder=tmp_path, task=SimpleNamespace(metric="accuracy")
    )
    run.pool = SimpleNamespace(untested={}, by_chance=set(), may_be_exported=lambda final: True)
    chosen = Final("fixed", Score({"accuracy": valid}, np.zeros(0)), lambda examples: None, 0.0)
    monkeypatch.setattr(job.scoring, "saved", lambda folder: "old")
    monkeypatch.setattr(job.scoring, "save", lambda *args: None)
    monkeypatch.setattr(job.scoring, "look", lambda *args: ("new", {"fixed": {"accuracy": 0.6}}, {}))
    monkeypatch.setattr(job.result, "row_of", lambda final, tests, metric, **more: tests["accuracy"])
    rows, predictions = job._Run._test(run, [chosen], chosen, 1.0)
    assert (rows, predictions) == (([0.6], "new") if looks else ([0.5], "old"))
    assert phases.test_reads == 1 + looks


def test_the_test_part_is_read_once_and_after_the_choice(finished):
    assert finished.result.test_reads == 1
    order = phases(finished.events)
    assert order.index("choose") < order.index("test")


def test_selection_is_by_validation(finished):
    compared = [row for row in finished.result.rows if not row.by_chance]
    best = max(compared, key=lambda row: (row.valid, -row.valid_metrics["log_loss"]))
    assert best.exported and sum(row.exported for row in finished.result.rows) == 1


@pytest.mark.parametrize(("exported", "told"), [(0.95, ["searched", "unfinished"]), (0.995, ["searched"])])
def test_what_was_not_to_be_chosen_is_told_where_it_would_have_been(exported, told):
    def final(name, valid):
        return Final(name, Score({"accuracy": valid}, np.zeros(0)), lambda examples: None, 0.0)

    run = SimpleNamespace(pool=SimpleNamespace(by_chance={"unfinished"}), task=SimpleNamespace(metric="accuracy"))
    chosen = final("searched", exported)
    rows = job._Run._worth_telling(run, [chosen, final("unfinished", 0.99)], chosen)
    assert [row.name for row in rows] == told


def test_a_finished_study_has_nothing_to_resume(finished):
    with pytest.raises(UsageError, match="no unfinished study of 'digits'"):
        fit(dataclasses.replace(finished.settings, resume=True, out=None))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"data": "nowhere"}, DataError, "no file or folder 'nowhere'"),
        ({"space": "convstages"}, UsageError, "Did you mean 'conv_stages'"),
        ({"space": "toy_flat"}, UsageError, "no networks"),
        ({"strategy": "evolutoin"}, UsageError, "Did you mean 'evolution'"),
        ({"settings": {"strategy": {"betta": 5}}}, UsageError, "Did you mean 'beta'"),
        ({"settings": {"recipe": {"learning_rate": -1.0}}}, UsageError, "learning_rate"),
        ({"settings": {"space": {"max_work": 0.5}}}, UsageError, "max_work"),
        ({"name": "../x"}, UsageError, "cannot be named"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_written(tmp_path, change, error, words):
    settings = dataclasses.replace(
        FitSettings(data="digits", seconds=20.0, workspace=str(tmp_path / "workspace")), **change
    )
    with pytest.raises(error, match=words):
        fit(settings)
    assert not Workspace(settings.workspace).list()


def test_an_out_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="thesis.txt"):
        fit(FitSettings(data="digits", seconds=20.0, workspace=str(tmp_path / "workspace"), out=str(tmp_path)))


@pytest.mark.parametrize("values", [{"seconds": None}, {"seconds": 3.0}, {"settings": {"optimizer": {}}}])
def test_settings_are_checked(values):
    with pytest.raises(UsageError):
        FitSettings(data="digits", **values)


def test_asked_to_finish_it_ends_early_with_a_whole_bundle(tmp_path):
    settings = FitSettings(data="digits", seconds=300.0, pretrained=False, workspace=str(tmp_path / "workspace"))
    events = []

    def enough():
        return sum(event.kind == "finished" for event in events) >= 1

    result = fit(settings, observer=events.append, finish=enough)
    assert result.stop_reason == "requested"
    assert result.n_trials <= 2 and (Path(result.model_dir) / "model.onnx").exists()
    assert max(row.seconds for row in result.rows if row.name != "linear") > 2.5  # shortened, but not to nothing


@pytest.mark.slow
def test_a_pause_behind_the_bundle_lets_the_job_end(tmp_path):
    brief = {"seconds": None, "trials": 1, "settings": {"recipe": {"epochs": 1}}, "pretrained": False}
    settings = FitSettings("digits", workspace=str(tmp_path / "workspace"), name="late", **brief)

    def watch(event):
        if event.kind == "phase" and event.data["name"] == "export" and event.data["state"] == "started":
            Workspace(settings.workspace).open("late").command("pause")

    result = fit(settings, observer=watch)
    assert result.report is not None and not result.asked_to_finish


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ended at once", "an error made of that", "killed"])
def test_a_wish_to_finish_holds_until_it_is_taken_back(tmp_path, how):
    class Killed(BaseException):
        """No process can answer it."""

    taken_back, ended = how != "killed", []
    brief = {"seconds": None, "trials": 3, "settings": {"recipe": {"epochs": 1}}, "pretrained": False}
    settings = FitSettings("digits", workspace=str(tmp_path / "workspace"), name="early", **brief)

    def watch(event):
        events.append(event)
        if event.kind == "phase" and event.data["name"].startswith("train "):
            ended.append(taken_back)
            raise {"ended at once": KeyboardInterrupt, "killed": Killed}.get(how, ValueError)

    def finish():
        if any(ended):
            raise KeyboardInterrupt
        return any(event.kind == "finished" for event in events)

    events = []
    with pytest.raises(KeyboardInterrupt if taken_back else Killed):
        fit(settings, observer=watch, finish=finish)
    again = fit(dataclasses.replace(settings, resume=True), observer=events.append)
    assert again.asked_to_finish == (not taken_back)
    assert (again.n_trials, again.stop_reason) == ((3, "trials") if taken_back else (1, "requested"))
    assert any("A person had asked it to finish" in note for note in notes(events)) == (not taken_back)


@pytest.mark.slow
def test_a_finished_study_given_more_goes_on_and_counts_its_looks_at_the_test_part(finished, tmp_path):
    workspace = tmp_path / "workspace"
    shutil.copytree(finished.settings.workspace, workspace)
    more = {"seconds": None, "trials": finished.result.n_trials + 1}
    settings = dataclasses.replace(
        finished.settings,
        workspace=str(workspace),
        out=str(tmp_path / "bundle"),
        name=finished.result.study,
        resume=True,
        **more,
    )
    events = []
    result = fit(settings, observer=events.append)
    assert result.n_trials == more["trials"] and result.test_reads == 2
    assert [row.valid for row in result.rows[:1]] == [row.valid for row in finished.result.rows[:1]]
    assert sum(event.kind == "finished" for event in events) == 1


BRIEF = {
    "recipe": {"epochs": 1},
    "shared": {
        "recipe": {"epochs": 1},
        "controller": {"steps": 1, "batch": 2},
        "candidates": 4,
        "derived": 2,
        "n_train": 200,
    },
}


@pytest.mark.parametrize(
    ("asked", "weights"),
    [({"strategy": "enas"}, "shared"), ({"strategy": "evolution", "weights": "inherited"}, "inherited")],
)
def test_whatever_weights_trials_have_the_answer_is_trained_from_scratch(tmp_path, asked, weights):
    brief = BRIEF if weights == "shared" else {"recipe": BRIEF["recipe"]}
    asked = {"seconds": None, "trials": 2, "settings": brief, "pretrained": False, **asked}
    settings = FitSettings(data="digits", workspace=str(tmp_path), **asked)
    events = []
    result = fit(settings, observer=events.append)
    assert events[0].kind == "phase" and [row.name for row in result.rows][:2] == ["linear", "fixed"]
    (began,) = [event.data for event in events if event.kind == "study"]
    assert began["fit"]["plan"]["weights"] == weights and began["command"] == command_of(settings)
    told = [event.data.get("detail") for event in events if event.data.get("name") == "search"]
    assert ("networks are scored with them" in told[0]) == (weights == "shared")
    # a recipe that no trial is trained with cannot be searched
    assert (began["space"]["args"]["recipe"] is None) == (weights == "shared")
    # so much training of its own, whatever its trial began with; a race may end with the fixed network
    answers = [row for row in result.rows if row.name == "searched" or (row.name == "fixed" and weights != "shared")]
    assert {row.epochs for row in answers if not row.stopped} == {1} and all(row.test is not None for row in answers)
    notes = [event.data["outcome"]["notes"] for event in events if event.kind == "finished"]
    assert len(notes) == 2 and all(("inherited" in note) == (weights == "inherited") for note in notes)
    derived = [event.data["notes"]["derived"] for event in events if event.kind == "prepared"]
    assert len(derived) == (weights == "shared") and all(len(rows) == 2 for rows in derived)
    assert result.max_difference <= 1e-4


def test_weights_that_cannot_be_shared_end_the_search_and_not_the_job(tmp_path, monkeypatch):
    def failing(*arguments):
        raise EvaluationError("It diverged.", "Do better.", kind="diverged")

    monkeypatch.setattr(SharedTraining, "step", failing)
    brief = {**BRIEF, "shared": {"n_train": 200}}
    settings = FitSettings(
        "digits", None, trials=2, weights="shared", settings=brief, pretrained=False, workspace=str(tmp_path)
    )
    events = []
    result = fit(settings, observer=events.append)
    assert (result.n_trials, result.stop_reason) == (0, "unprepared") and result.max_difference <= 1e-4
    assert [row.name for row in result.rows] == ["linear", "fixed"] and not any(row.error for row in result.rows)
    said = [event.data["text"] for event in events if event.kind == "note"]
    assert "There was no search, because no weights could be shared. It diverged. Do better." in said
    report = Path(result.report).read_text(encoding="utf-8")
    assert "what all trials need could not be made ready" in report


def notes(events):
    return [event.data["text"] for event in events if event.kind == "note"]


@pytest.mark.parametrize("broken", ["trials", "ask"])
def test_a_search_in_which_nothing_works_ends_at_once_and_the_job_goes_on(tmp_path, monkeypatch, broken):
    evaluate, ask = TrainingEvaluator.evaluate, RandomSearch.ask

    def failing(self, architecture, fidelity, context):
        if broken == "trials" or context.trial >= 1:
            raise ValueError(f"no file weights{context.trial}.bin")
        return evaluate(self, architecture, fidelity, context)

    def asking(self, history, n, rng):
        if broken == "ask":
            raise KeyError("width")
        return ask(self, history, n, rng)

    monkeypatch.setattr(TrainingEvaluator, "evaluate", failing)
    monkeypatch.setattr(RandomSearch, "ask", asking)
    settings = FitSettings(
        "digits",
        None,
        trials=30,
        strategy="random",
        settings={"recipe": {"epochs": 1}},
        pretrained=False,
        space="conv_stages",
        workspace=str(tmp_path),
    )
    events = []
    result = fit(settings, observer=events.append)
    assert (result.n_trials, result.stop_reason) == ((FIRST, "failures") if broken == "trials" else (1, "broken"))
    assert [row.name for row in result.rows] == ["linear", "fixed"] and result.max_difference <= 1e-4
    said = next(text for text in notes(events) if text.startswith("The search"))
    report = Path(result.report).read_text(encoding="utf-8")
    if broken == "trials":
        assert f"found nothing. All {FIRST} trials failed: ValueError: no file weights0.bin (test_job.py, line " in said
        assert "no file weights0.bin" in report
    else:
        assert said.endswith("nothing more could be proposed. RandomSearch.ask raised KeyError: 'width'.")
        assert "its strategy or its space failed" in report and "too many trials" not in report


@pytest.mark.parametrize("logged", [True, False])
def test_a_job_that_fails_after_its_search_says_so_and_goes_on_from_there(tmp_path, monkeypatch, logged):
    brief = {"seconds": None, "trials": 1, "settings": {"recipe": {"epochs": 1}}, "pretrained": False}
    settings = FitSettings("digits", workspace=str(tmp_path), name="unlucky", **brief)
    usual = job.Search.write

    def write(search, record):
        if isinstance(record, Closed) and record.reason == "failed" and not logged:
            raise StudyError("The log cannot be written.")
        usual(search, record)

    with monkeypatch.context() as now:
        now.setattr(job._Run, "_export", lambda *given: (_ for _ in ()).throw(ArchsmithError("The disk is full.")))
        now.setattr(job.Search, "write", write)
        with pytest.raises(ArchsmithError, match="disk is full"):
            fit(settings)
    folder = Workspace(tmp_path).resolve("unlucky")
    view = read_view(folder)
    assert (view.state, view.error) == (("failed", "The disk is full.") if logged else ("interrupted", None))
    assert fit(dataclasses.replace(settings, resume=True)).n_trials == 1 and read_view(folder).state == "finished"


def test_a_space_without_a_network_that_can_be_trained_is_told_before_the_start(tmp_path, monkeypatch):
    failure = "None of 7 networks of this space can be trained: it does not fit."
    monkeypatch.setattr(opening, "find_reference", lambda *arguments: Reference(failure=failure))
    brief = {"recipe": {"epochs": 1}}
    settings = FitSettings(
        "digits", 300.0, settings=brief, pretrained=False, space="conv_stages", workspace=str(tmp_path)
    )
    events = []
    result = fit(settings, observer=events.append)
    assert (result.n_trials, result.stop_reason) == (0, "untrainable") and result.max_difference <= 1e-4
    assert any(text.startswith(f"There is no search. {failure}") for text in notes(events))
    assert "no network of this space can be trained" in Path(result.report).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("planned", "needs", "asked_at", "given"),
    [
        (1000.0, {}, None, [500.0, 900.0]),
        (1000.0, {"searched": 400.0}, None, [480.0, 900.0]),
        (1000.0, {}, 100.0, [500.0, 25.0]),  # asked within the first training, which hears that itself
        (1000.0, {"searched": 400.0}, 100.0, [480.0, 25.0]),
        (None, {}, 100.0, [None, 25.0]),
        (110.0, {}, 100.0, [55.0, 10.0]),
        (1000.0, {"searched": 400.0}, 0.0, [5.0, job.LEAST_TRAINING]),  # asked before
    ],
)
def test_once_a_person_asked_to_finish_every_training_is_short(planned, needs, asked_at, given):
    def train(candidate, epochs, seconds):
        told.append(seconds)
        run.phases.search.seconds += 100.0
        run.phases.search.asked_to_stop = asked_at is not None
        return [Final(candidate.name, Score({"accuracy": 0.9}, 10), None, 10.0)]

    run, told = object.__new__(job._Run), []
    plan = SimpleNamespace(final_end=planned, final_epochs=8.0, budget_seconds=planned)
    run.job = SimpleNamespace(plan=plan, modality=SimpleNamespace(nouns="pictures"))
    run.phases = object.__new__(Phases)
    run.phases.job, run.phases._lead = run.job, 0.0
    run.phases.search = SimpleNamespace(seconds=0.0, asked_to_stop=asked_at == 0.0, look_for_commands=lambda: None)
    run.pool = SimpleNamespace(slow_end=0.0, needs=needs, runner_up=lambda tried, n_before: None)
    run.workshop, run.task, run._train_one = None, SimpleNamespace(metric="accuracy"), train
    run._train_each([Candidate(name, None, None) for name in ("searched", "tuned")], [1.0, 1.0], run._end())
    assert told == given


@pytest.mark.parametrize(
    ("left", "scores", "tried"),
    [
        (60.0, [0.9], [1, 2, 3]),  # a few at most
        (25.0, [0.9], [1]),  # ten seconds each: then there is too little
        (60.0, [1.0], []),  # nothing is left to be gained
        (60.0, [], [1, 2, 3]),  # what came first failed
        (None, [], [1]),  # without a clock, until one could be trained
        (None, [0.9], []),
    ],
)
def test_time_that_is_left_goes_to_those_behind_the_winner(left, scores, tried):
    class Clock:
        seconds = 0.0

        def asked_to_finish(self):
            return False

    run, trained = object.__new__(job._Run), []
    run.phases, run.task = Clock(), SimpleNamespace(metric="accuracy")
    run.job = SimpleNamespace(plan=SimpleNamespace(budget_seconds=60.0))

    def train(candidate, epochs, seconds):
        # one second is for the test split
        assert seconds == (None if left is None else left - run.phases.seconds - 1.0)
        run.phases.seconds += 10.0
        trained.append(candidate.trial)
        return [Final(candidate.name, Score({"accuracy": 0.95}, 10), None, 10.0)]

    def runner_up(known, n_before):
        return Candidate(f"runner_up.{n_before}", None, None, trial=max(known) + 1)

    run.pool, run._train_one = SimpleNamespace(runner_up=runner_up, seconds_to_test=lambda candidate: 1.0), train
    first = [Final("fixed", Score({"accuracy": score}, 10), None, 1.0) for score in scores]
    run._train_others([Candidate("fixed", None, None, trial=0)], first, 8.0, left)
    assert trained == tried and len(first) == len(scores) + len(tried)
