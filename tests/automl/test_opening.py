"""Where a job stands by its log, and which study a resume goes on with."""

import dataclasses
import shutil
import time
import types

import numpy as np
import pytest

from archsmith import catalog
from archsmith.automl import opening
from archsmith.automl.job import fit
from archsmith.automl.modalities import picture_prior
from archsmith.automl.modalities.images import Images
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.opening import (
    Prospect,
    as_it_began,
    check_out,
    checked,
    job_view,
    known,
    latest_unfinished,
    measured,
    race_of,
    settings_in,
)
from archsmith.automl.plan import SHARED, Speed, make_plan
from archsmith.automl.plan_words import lines_of
from archsmith.automl.settings import FitSettings
from archsmith.core.budget import Budget, parse_seconds
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.job_records import Extended
from archsmith.core.records import Opened
from archsmith.data.tables.examples import TableSplits
from archsmith.runtime.extension import Standing
from archsmith.runtime.workspace import Workspace
from archsmith.spaces import picture_seeds
from archsmith.spaces.pictures import Pictures
from archsmith.strategies.forecast import Prior
from archsmith.strategies.race import Race
from archsmith.strategies.random import RandomSearch
from archsmith.training.recipe import decided

SPEED = Speed(0.01, 128, 1000, 100, 100, example_seconds=1e-4)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def begin(workspace, seconds=60.0, data="photos", *more):
    """A study as ``fit`` begins one, with further events."""
    store = workspace.create("photos")
    settings = FitSettings(data, seconds)
    info = {
        "settings": settings.to_dict(),
        "plan": make_plan(seconds, None, 1.0, SPEED).to_dict(),
        "speed": dataclasses.asdict(SPEED),
        "memory_mb": None,
    }
    store.acquire()
    store.append([Event("study", {"fit": info}), *more])
    store.release()
    return store


def extension(seconds):
    settings = FitSettings("photos", seconds)
    return Event(
        "extended",
        {
            "settings": settings.to_dict(),
            "plan": make_plan(seconds, None, 1.0, SPEED).to_dict(),
            "speed": dataclasses.asdict(SPEED),
        },
    )


RESULT = Event("result", {"stop_reason": "seconds"})
CLOSED = Event("closed", {"reason": "seconds", "seconds": 60.0})


def test_a_job_stands_where_its_last_extension_left_it(workspace):
    store = begin(workspace, 60.0, "photos", RESULT, extension(120.0))
    view = job_view(store.folder)
    assert settings_in(view).seconds == 120.0 and view.job.plan["budget_seconds"] == 120.0
    assert not view.ended  # the extension was cut off


def test_it_has_ended_when_the_result_came_after_the_extension(workspace):
    assert not job_view(begin(workspace).folder).ended
    assert job_view(begin(workspace, 60.0, "photos", RESULT).folder).ended
    assert job_view(begin(workspace, 60.0, "photos", RESULT, extension(120.0), RESULT).folder).ended


def test_the_latest_unfinished_study_of_these_data_goes_on(workspace):
    assert latest_unfinished(workspace, {"data": "photos"}) is None
    begin(workspace, 60.0, "photos", RESULT, CLOSED)
    cut = begin(workspace, 60.0, "photos", RESULT, CLOSED, extension(90.0))
    begin(workspace, 60.0, "others")
    assert latest_unfinished(workspace, {"data": "photos"}) == cut.folder.name
    with pytest.raises(UsageError, match="no name"):
        latest_unfinished(workspace, {"data": ([1], [2])})


def test_studies_that_have_all_ended_are_not_begun_anew(workspace):
    done = begin(workspace, 60.0, "photos", RESULT, CLOSED)
    with pytest.raises(UsageError, match="has come to its end") as caught:
        latest_unfinished(workspace, {"data": "photos"})
    assert f"studies resume {done.folder} --time +10m" in caught.value.hint  # it is in a workspace of its own


def test_no_second_job_is_begun_beside_one_that_runs(workspace):
    begin(workspace, 60.0, "photos", RESULT, CLOSED)
    running = begin(workspace, 60.0, "photos")
    running.acquire()
    with pytest.raises(UsageError, match=f"The study {running.folder.name} of 'photos' is running.") as caught:
        latest_unfinished(workspace, {"data": "photos"})
    assert f"studies stop {running.folder} --now" in caught.value.hint
    assert latest_unfinished(workspace, {"data": "others"}) is None
    cut = begin(workspace, 60.0, "photos")
    assert latest_unfinished(workspace, {"data": "photos"}) == cut.folder.name
    running.release()


def test_a_job_that_was_killed_behind_its_result_writes_the_rest(workspace):
    killed = begin(workspace, 60.0, "photos", RESULT)  # its bundle was not copied, its report not written
    assert latest_unfinished(workspace, {"data": "photos"}) == killed.folder.name
    standing = Standing.of(job_view(killed.folder))
    standing.refuse_idle(standing.limits())


def test_a_name_or_its_beginning_is_known(workspace):
    store = begin(workspace)
    assert known(workspace, store.folder.name) == known(workspace, "pho") == store.folder.name
    assert known(workspace, "other") is None


def test_a_study_of_another_program_is_not_taken_up(workspace):
    store = workspace.create("search")
    store.acquire()
    store.append([Event("study", {"space": {}})])
    store.release()
    with pytest.raises(StudyError, match="not begun by fit"):
        job_view(store.folder)


def test_a_folder_with_something_else_is_refused_for_every_study(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    for settings in (FitSettings("photos", out=str(tmp_path / "out"), replace=replace) for replace in (False, True)):
        with pytest.raises(UsageError, match="something other than a bundle"):
            check_out(settings, "photos-1")
    check_out(FitSettings("photos"), "photos-1")
    check_out(FitSettings("photos", out=str(tmp_path / "new")), None)


@pytest.mark.parametrize("more", ["+30s", "+2m", "+1h"])
@pytest.mark.parametrize("cut", [False, True])
def test_more_time_is_added_and_put_to_use(finished, tmp_path, more, cut):
    """A law: whatever a job has spent, and wherever it was left, the limit grows by what is given, and the search and
    the final training get what is not needed for the end.
    """
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(finished.settings.workspace, workspace.path)
    store = workspace.open(finished.result.study)
    if cut:
        store.acquire()
        extended = dataclasses.replace(finished.settings, seconds=600.0, trials=None)
        job = opening.resume(named(extended, workspace, finished), time.time())
        store.append(
            [
                Event("opened", Opened(1, "here", 600.0).to_data()),
                Event(
                    "extended",
                    Extended(job.settings.to_dict(), job.plan.to_dict(), dataclasses.asdict(job.speed)).to_data(),
                ),
            ]
        )
        store.release()
    view = job_view(store.folder)
    standing = Standing.of(view)
    limits = standing.limits(more)
    given, before = parse_seconds(more[1:]), settings_in(view).seconds
    assert limits == Budget(before + given)  # more than it had, and the number of trials no longer counts
    asked = dataclasses.replace(settings_in(view), seconds=limits.seconds, trials=limits.trials)
    plan = opening.resume(named(asked, workspace, finished), time.time()).plan
    done = view.history.finished
    assert plan.searching and plan.total_work > sum(trial.fidelity for trial in done if trial.ok)
    left = limits.seconds - standing.seconds
    assert standing.seconds <= plan.elapsed < standing.seconds + 0.2 * left
    assert plan.elapsed < plan.search_end < plan.final_end == pytest.approx(limits.seconds - plan.reserve_seconds)
    assert plan.search_end - plan.elapsed >= 0.5 * (left - plan.reserve_seconds)
    late = opening.resume(named(asked, workspace, finished), time.time() - 100.0)  # its start counts as spent
    assert late.spent >= standing.seconds + 100.0
    few = dataclasses.replace(asked, trials=len(view.history) + 1)
    assert opening.resume(named(few, workspace, finished), time.time()).plan.forecast_trials == 1.0


@pytest.mark.parametrize(("step_seconds", "kept"), [(9.0, False), (1e-9, True)])
def test_a_machine_that_was_busy_before_a_study_without_trials_is_measured_again(
    finished, tmp_path, step_seconds, kept
):
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(finished.settings.workspace, workspace.path)
    began = next(iter(workspace.open(finished.result.study).read()))
    speed = {**began.data["fit"]["speed"], "step_seconds": step_seconds, "cost": 1.5}
    store = workspace.create("busy", only=True)
    store.acquire()
    store.append([Event("study", {**began.data, "fit": {**began.data["fit"], "speed": speed}})])
    store.release()
    asked = dataclasses.replace(finished.settings, workspace=str(workspace.path), name="busy", resume=True, out=None)
    job = opening.resume(dataclasses.replace(asked, seconds=300.0, trials=None, replace=True), time.time())
    assert (job.speed.step_seconds == step_seconds) == kept and job.speed.cost == 1.5


def test_a_study_goes_on_although_a_later_version_knows_more_beforehand(finished, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(finished.settings.workspace, workspace.path)
    fewer = dict(list(picture_seeds.VARIANTS.items())[:-1])
    monkeypatch.setattr(picture_seeds, "VARIANTS", fewer)
    monkeypatch.setattr(picture_prior, "RECORDED", 1.0)
    n_trials = finished.result.n_trials + 1
    asked = dataclasses.replace(finished.settings, trials=n_trials)
    elsewhere = dataclasses.replace(named(asked, workspace, finished), out=str(tmp_path / "bundle"))
    assert fit(elsewhere).n_trials == n_trials


@pytest.mark.parametrize("total_work", [20.0, 1000.0])
def test_what_is_known_of_a_family_depends_on_the_time_that_a_training_can_use(total_work):
    settings, errors = FitSettings("photos"), {"linear": 0.6, "pretrained": 0.3}
    plan = dataclasses.replace(make_plan(600.0, None, 1.0, SPEED), total_work=total_work, longest=50.0)
    race = race_of(settings, Images(), Pictures((3, 32, 32), 10), plan, errors, n_train=3000)
    assert race.prior == picture_prior.prior(errors, min(total_work, 50.0) * 3000)
    unknown = race_of(settings, Images(), Pictures((3, 32, 32), 10), plan, errors)
    assert unknown.prior == picture_prior.prior(errors) != race.prior


def test_what_was_known_when_a_study_began_is_what_it_goes_on_with():
    before = Race(({"family": "a"},), 1, prior=Prior(slope=0.2), most_epochs=3.0)
    now = Race(({"family": "a"}, {"family": "b"}), 2, prior=Prior(slope=0.3), most_epochs=5.0)
    went_on = dataclasses.replace(before, most_epochs=5.0)
    assert catalog.to_spec(as_it_began(now, catalog.to_spec(before))) == catalog.to_spec(went_on)
    assert as_it_began(now, None) is now
    other = RandomSearch()
    assert as_it_began(other, catalog.to_spec(before)) is other
    assert as_it_began(now, catalog.to_spec(other)) is now


def named(settings, workspace, finished):
    return dataclasses.replace(
        settings, workspace=str(workspace.path), name=finished.result.study, resume=True, out=None
    )


def test_a_finished_job_is_not_run_again_without_more(finished):
    study = finished.result.study
    settings = dataclasses.replace(finished.settings, name=study, resume=True)
    with pytest.raises(UsageError, match="is finished") as caught:
        opening.resume(settings, time.time())
    folder = Workspace(settings.workspace).resolve(study)
    assert f"archsmith studies resume {folder} --time +10m" in caught.value.hint


def test_what_is_measured_before_a_job_leaves_no_study(workspace):
    settings = FitSettings("digits", 20.0, workspace=str(workspace.path))
    modality, now = checked(settings), time.time()
    loaded = modality.load(settings, workspace.path / "data", 20.0, lambda *told: None)
    found = measured(settings, modality, loaded, now, now)
    assert found.plan.budget_seconds == 20.0
    assert found.speed.n_train == len(loaded.splits.train)
    assert found.lines() == [*found.findings.lines(), *found.machine, *lines_of(found.plan), *found.needs]
    assert not workspace.list()


def test_what_a_job_needs_is_told_of_what_was_measured_only(tmp_path):
    (tmp_path / "data").write_bytes(bytes(12_000))
    settings, plan = FitSettings("photos", 60.0, pretrained=False), make_plan(60.0, None, 1.0, SPEED)
    speed = dataclasses.replace(SPEED, memory_mb=19.0)
    job = Prospect(settings, Images(), None, tmp_path, None, plan, speed, None, 19_400.0, None, {}, 0.0)
    training = "Training the hand-made network takes about 19 MB"
    others = "others may take several times as much. The data take 12 kB of disk"
    assert job.needs == [f"{training} of 19 GB of memory; {others}; trials keep up to 2.0 GB more."]
    less = dataclasses.replace(job, memory_mb=None, settings=dataclasses.replace(settings, disk_mb=50.0))
    assert less.needs[0].startswith(f"{training} of memory;")
    assert less.needs[0].endswith("; trials keep up to 50 MB more.")
    none = dataclasses.replace(job, plan=dataclasses.replace(plan, searching=False))
    assert none.needs[0].endswith("The data take 12 kB of disk.")
    shared = dataclasses.replace(job, plan=dataclasses.replace(job.plan, weights=SHARED))  # its trials keep no files
    assert shared.needs == none.needs


def test_a_setting_of_the_recipe_holds_for_every_network(table_splits):
    modality, asked = Tables(), {"recipe": {"weight_decay": 0.05, "epochs": 3}}
    settings = FitSettings("rows.csv", 20.0, settings=asked)
    space, fixed = (make(settings, modality, table_splits, {}) for make in (opening.space_of, opening.fixed_candidate))
    seeds = modality.seeds(space).values()
    recipes = [decided(fixed.recipe, fixed.augmentation, seed)[0] for seed in seeds]
    assert {recipe.weight_decay for recipe in recipes} == {0.05} and len({each.learning_rate for each in recipes}) > 1
    assert recipes[0] == fixed.recipe  # so the hand-made network is known again among the trials
    assert catalog.from_spec(catalog.to_spec(space), "space") == space


def test_what_a_person_decided_is_not_told_as_found_by_the_probe(tmp_path):
    device = types.SimpleNamespace(sentence="Trained here.", exact="")
    settings, plan = FitSettings("photos", 60.0), make_plan(60.0, None, 1.0, SPEED)
    found = {"shift": 0.04, "flip": False}
    job = Prospect(settings, Images(), None, tmp_path, None, plan, SPEED, device, None, None, found, 0.0)
    decided_by_hand = dataclasses.replace(job, settings=FitSettings("photos", settings={"recipe": {"shift": 0.1}}))
    assert [len(each.machine) for each in (job, decided_by_hand)] == [2, 1]


@pytest.fixture
def prices(table_splits):
    """The rows with a regression target."""
    parts = {
        name: dataclasses.replace(rows, targets=np.arange(len(rows), dtype=np.float64), classes=())
        for name, rows in table_splits.by_name.items()
    }
    return TableSplits(**parts, name="t", columns=table_splits.columns, names=table_splits.names)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"balance": True}, "Only classes can be balanced"),
        ({"settings": {"recipe": {"balance": True}}}, r"recipe\.balance has no effect on a regression target"),
        ({"settings": {"recipe": {"label_smoothing": 0.2}}}, r"recipe\.label_smoothing has no effect on a regression"),
    ],
)
def test_what_only_classes_have_is_refused_where_targets_turn_out_to_be_numbers(prices, wish, words):
    loaded = types.SimpleNamespace(splits=prices)
    with pytest.raises(UsageError, match=words):
        measured(FitSettings("rows.csv", seconds=None, trials=20, **wish), Tables(), loaded, 0.0, 0.0)


def test_what_has_no_effect_on_a_regression_is_not_searched(prices, table_splits):
    settings, name = FitSettings("rows.csv", 20.0), "recipe/label_smoothing"
    spaces = [opening.space_of(settings, Tables(), splits, {}) for splits in (table_splits, prices)]
    assert [name in space.first() for space in spaces] == [True, False]
    assert "recipe/learning_rate" in spaces[1].first()


def test_wrong_names_are_found_before_data_are_read(workspace):
    with pytest.raises(UsageError, match="no strategy named"):
        checked(FitSettings("nowhere.zip", 20.0, strategy="magic", workspace=str(workspace.path)))


def test_a_limit_on_memory_that_is_too_small_is_the_persons_mistake(workspace):
    with pytest.raises(UsageError, match="1 MB are allowed") as told:
        opening.start(FitSettings("digits", 30.0, memory_mb=1.0, workspace=str(workspace.path)), time.time(), print)
    assert told.value.exit_code == 2 and "--memory-mb" in str(told.value.hint)
    assert not workspace.list()
