from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.budget import Budget
from archsmith.core.errors import StudyError
from archsmith.core.events import Event
from archsmith.core.log_format import FORMAT
from archsmith.core.problem import Objective, Problem
from archsmith.core.trial import Outcome
from archsmith.runtime.extension import Standing
from archsmith.runtime.search import Search, replayed, seconds_spent
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.study_view import StudyView, read_view, try_view
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

Moment = tuple[float, str, Mapping[str, Any]]

FIT = {"settings": {"data": "blots", "seconds": 60.0, "trials": None}, "plan": {"p": 1}, "speed": {"s": 1}}
PROBLEM = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 4]}
STUDY = {"problem": PROBLEM, "space": {"type": "a"}, "strategy": {"type": "b"}, "seed": 3, "forecast_trials": 9.0}
OPENED = {"pid": 1, "host": "here", "budget": [60.0, None]}
RESULT = {"metric": "accuracy", "stop_reason": "seconds", "rows": [{"name": "fixed", "valid": 0.5}], "test_reads": 1}


def after(*moments: Moment, since: float | None = None) -> StudyView:
    view = StudyView("blots-1", since=since)
    for index, (time, kind, data) in enumerate(moments):
        view.apply(Event(kind, data, index, time))
    return view


def proposed(*trials: int, fidelity: float = 1.0) -> dict[str, Any]:
    return {"trials": [{"id": i, "architecture": {"x": i}, "fidelity": fidelity} for i in trials]}


def finished(trial: int, accuracy: float | None, seconds: float = 2.0) -> dict[str, Any]:
    good = accuracy is not None
    outcome = Outcome.success({"accuracy": accuracy}, seconds) if good else Outcome.failure(ValueError("no"), seconds)
    return {"trial": trial, "outcome": outcome.to_dict()}


def begun(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": "started", "detail": "", **more}


def over(name: str, seconds: float, **result: Any) -> dict[str, Any]:
    return {"name": name, "state": "finished", "seconds": seconds, "result": result}


def job(*more: Moment) -> tuple[Moment, ...]:
    return ((100, "study", {**STUDY, "fit": FIT}), (100, "opened", OPENED), *more)


def search(*more: Moment) -> tuple[Moment, ...]:
    return ((100, "study", STUDY), (100, "opened", OPENED), *more)


# -- what it is, and where it stands -----------------------------------------------------------------------------------


def test_it_says_what_the_study_is() -> None:
    view = after(*job())
    assert view.began is not None and (view.began.space, view.began.strategy) == ({"type": "a"}, {"type": "b"})
    assert (view.id, view.metric, view.history.forecast_trials) == ("blots-1", "accuracy", 9.0)
    assert view.job.settings["data"] == "blots" and view.job.plan == {"p": 1} and view.job.speed == {"s": 1}


def test_not_every_pool_is_a_race() -> None:
    for fidelity, strategy, raced in (("work", "race", True), ("work", "asha", False), ("epochs", "race", False)):
        problem = {**PROBLEM, "fidelity": [fidelity, 1, 4]}
        view = after((100, "study", {**STUDY, "problem": problem, "strategy": {"type": strategy}}))
        assert view.raced == raced
    assert not StudyView().raced


def test_what_was_chosen_holds_until_something_is_searched_or_trained_again() -> None:
    chose = (200, "phase", {"name": "choose", "state": "finished", "seconds": 1.0, "result": {"network": "fixed"}})
    later = (201, "phase", {"name": "export", "state": "started"})
    assert after(*job()).chosen is None
    assert after(*job(chose, later)).chosen == "fixed"
    for name in ("search", "train fixed"):
        assert after(*job(chose, later, (202, "phase", {"name": name, "state": "started"}))).chosen is None
    asked = (198, "command", {"name": "stop"})
    ended = (199, "phase", {"name": "search", "state": "finished", "seconds": 1.0, "result": {"reason": "requested"}})
    assert after(*job(asked, ended, chose)).chosen == "fixed"
    assert after(*job(asked, ended, chose, (201, "command", {"name": "pause"}))).chosen is None  # the search goes on


def test_in_a_pool_trials_of_all_work_compare() -> None:
    pool = {**STUDY, "problem": {**PROBLEM, "fidelity": ["work", 1, 4]}}
    rows = [(0, 1.0), (1, 1.0), (0, 2.0), (2, 4.0)]  # architecture and work; the third trial goes on with the first
    trials = [{"id": i, "architecture": {"x": x}, "fidelity": work} for i, (x, work) in enumerate(rows)]
    scores = (0.5, 0.7, 0.6, 0.65)
    told = [(102 + i, "finished", finished(i, score)) for i, score in enumerate(scores)]
    view = after((100, "study", pool), (100, "opened", OPENED), (101, "proposed", {"trials": trials}), *told)
    assert view.best is not None and view.best.id == 1 and view.improved == {0, 1}
    assert view.representative is view.best
    assert [trial.id for trial in view.ranking()] == [1, 3, 2]
    plain = after(*search((101, "proposed", {"trials": trials}), *told))
    assert (
        plain.representative is plain.best is not None
        and plain.best.id == 3
        and [trial.id for trial in plain.ranking()] == [3]
    )


@pytest.mark.parametrize(
    ("moments", "state"),
    [
        ((), "new"),
        (search((103, "note", {"text": ""})), "interrupted"),
        (search((103, "closed", {"reason": "trials"})), "finished"),
        (search((103, "closed", {"reason": "interrupted"})), "interrupted"),
        (search((103, "command", {"name": "pause"}), (104, "closed", {"reason": "interrupted"})), "paused"),
        (search((103, "command", {"name": "pause"}), (200, "opened", OPENED)), "interrupted"),
        (search((103, "closed", {"reason": "trials"}), (200, "opened", OPENED)), "interrupted"),
        # the search of a job closes its loop before the job has a result
        (job((103, "closed", {"reason": "seconds"})), "interrupted"),
        (job((103, "result", RESULT), (104, "closed", {"reason": "seconds"})), "finished"),
        (
            job((103, "result", RESULT), (104, "closed", {}), (200, "opened", OPENED), (201, "extended", {})),
            "interrupted",
        ),
    ],
)
def test_its_state(moments: tuple[Moment, ...], state: str) -> None:
    view = after(*moments)
    assert view.state == state
    view.writer = True
    assert view.state == "running"


def test_its_clock_runs_over_all_openings() -> None:
    view = after(*search((130, "note", {}), (500, "opened", OPENED), (520, "note", {})))
    assert (view.started, view.changed, view.seconds) == (100, 520, 50.0)


def test_what_a_job_spent_counts_what_came_before_the_study_was_opened() -> None:
    read = (100.5, "phase", over("read", 4.0, lead=6.0))
    again = ((500, "opened", OPENED), (500.5, "phase", over("read", 1.0, lead=8.0)), (510, "note", {}))
    view = after(*job(read, (130, "note", {}), *again))
    assert (view.seconds, view.spent) == (40.0, 48.0)
    assert Standing.of(view).seconds == view.spent
    assert sum(phase.seconds or 0.0 for phase in view.phases.all) <= view.spent


def test_trials_and_phases_end_on_the_clock_that_the_limit_counts() -> None:
    read = (100.5, "phase", over("read", 4.0, lead=6.0))
    again = ((500, "opened", OPENED), (500.5, "phase", over("read", 1.0, lead=8.0)))
    view = after(
        *job(
            read,
            (101, "proposed", proposed(0)),
            (110, "finished", finished(0, 0.5)),
            *again,
            (501, "proposed", proposed(1)),
            (503, "finished", finished(1, 0.5)),
        )
    )
    assert view.finished_at == {0: 16.0, 1: 21.0}
    assert [phase.ended_at for phase in view.phases.all if phase.name == "read"] == [6.5, 18.5]
    assert view.spent == view.finished_at[1]


# -- trials ------------------------------------------------------------------------------------------------------------


def test_trials_are_those_of_the_history() -> None:
    view = after(
        *search(
            (101, "proposed", proposed(0, 1, 2)),
            (103, "finished", finished(1, None)),
            (104, "finished", finished(0, 0.5)),
        )
    )
    assert (view.n_finished, view.n_failed, len(view.history.pending)) == (2, 1, 1)
    assert view.best is not None and view.best.id == 0 and view.ends() == {1: 3.0, 0: 4.0}
    assert view.errors == ["trial 1: ValueError: no"]


def test_the_best_when_they_finished_are_known() -> None:
    scores = (0.5, 0.9, 0.9, 0.7)
    told = [(102.0 + i, "finished", finished(i, score)) for i, score in enumerate(scores)]
    assert after(*search((101, "proposed", proposed(0, 1, 2, 3)), *told)).improved == {0, 1}


def test_trials_of_a_table_run_on_simulated_time() -> None:
    told = [(101.0 + i, "finished", finished(i, 0.5, 1000.0)) for i in range(3)]
    view = after(*search((101, "proposed", proposed(0, 1, 2)), *told))
    assert view.simulated and view.seconds == 3000.0 and view.ends() == {0: 1000.0, 1: 2000.0, 2: 3000.0}


def test_a_log_that_says_so_knows_whether_time_is_simulated() -> None:
    """A cluster may be told of in a moment, and a table may claim little."""
    for simulated, seconds in ((False, 3600.0), (True, 1.0)):
        study = {**STUDY, "simulated": simulated}
        told = ((101, "proposed", proposed(0)), (102, "finished", finished(0, 0.5, seconds)))
        view = after((100, "study", study), (100, "opened", OPENED), *told)
        assert view.simulated is simulated and view.seconds == (1.0 if simulated else 2.0)


# -- preparation, phases, trainings ------------------------------------------------------------------------------------


def test_a_preparation_that_was_killed_repeats_itself() -> None:
    told = [
        (1.0, {"loss": 3.0}),
        (2.0, {"loss": 2.0}),
        (2.4, {"loss": 1.0}),
        (2.0, {"reward": 0.2}),
        (3.0, {"loss": 1.5}),
    ]
    reports = [(101.0 + i, "preparing", {"step": step, "metrics": metrics}) for i, (step, metrics) in enumerate(told)]
    view = after(*search(*reports, (110, "prepared", {"seconds": 9.0, "notes": {"best": "x"}})))
    assert view.preparation.points == [(1.0, {"loss": 3.0}), (2.0, {"loss": 2.0, "reward": 0.2}), (3.0, {"loss": 1.5})]
    assert (view.preparation.seconds, view.preparation.ended_at, view.history.prepared) == (9.0, 10.0, {"best": "x"})


def test_phases_begin_and_end() -> None:
    view = after(
        *job((101, "phase", begun("search", forecast_seconds=30.0)), (109, "phase", over("search", 8.0, n_trials=2)))
    )
    (phase,) = view.phases.all
    assert (phase.name, phase.seconds, phase.forecast_seconds, phase.running) == ("search", 8.0, 30.0, False)
    assert view.job.results == {"search": {"n_trials": 2}} and view.phases.running is None


def test_a_phase_that_failed_says_why() -> None:
    view = after(*job((101, "phase", over("train fixed", 1.0, error="It diverged."))))
    assert view.phases.all[0].failed and view.errors == ["train fixed: It diverged."]


def test_what_a_killed_process_was_at_is_cut_off() -> None:
    view = after(*job((101, "phase", begun("search")), (108, "note", {}), (500, "opened", OPENED)))
    assert (
        view.phases.all[0].cut and view.phases.running is None and view.phases.seconds_of("search", view.changed) == 7.0
    )


def test_what_the_present_process_is_at_goes_on_when_it_opens_the_study() -> None:
    live = ((500, "phase", begun("read")), (503, "opened", OPENED))
    assert after(*job((101, "phase", begun("search"))), *live, since=499.0).phases.running.name == "read"  # type: ignore[union-attr]


def test_a_phase_takes_the_time_of_all_its_attempts() -> None:
    again = ((500, "opened", OPENED), (501, "phase", begun("search")), (505, "phase", over("search", 4.0)))
    view = after(*job((101, "phase", begun("search")), (108, "note", {}), *again))
    assert view.phases.seconds_of("search", view.changed) == 11.0


def test_a_training_that_was_killed_repeats_epochs() -> None:
    told = [(1.0, 0.9), (2.0, 0.8), (1.0, 0.7), (2.0, 0.6)]
    epochs = [
        (101.0 + i, "epoch", {"network": "fixed", "epoch": at, "epochs": 9.0, "metrics": {"loss": loss}})
        for i, (at, loss) in enumerate(told)
    ]
    training = after(*job(*epochs)).trainings["fixed"]
    assert training.curve == [(1.0, {"loss": 0.7}), (2.0, {"loss": 0.6})] and training.epochs == 9.0


# -- the job -----------------------------------------------------------------------------------------------------------


def test_rows_without_a_result_are_the_trainings_that_are_over() -> None:
    view = after(
        *job((101, "phase", over("linear", 1.0, accuracy=0.6)), (102, "phase", over("choose", 1.0, valid=0.6)))
    )
    assert [(row["name"], row["valid"]) for row in view.job.rows(view.metric)] == [("linear", 0.6)]


@pytest.mark.parametrize(
    "between",
    [
        [(120, "extended", {"settings": {"seconds": 120.0}})],
        [(120, "command", {"name": "stop"}), (121, "command", {"name": "pause"})],  # a wish that was taken back
    ],
)
def test_a_network_of_another_round_has_a_curve_of_its_own(between: list[Moment]) -> None:
    def epoch(time: float, network: str, at: float) -> Moment:
        return time, "epoch", {"network": network, "epoch": at, "epochs": 9.0, "metrics": {}}

    before = [(110, "phase", begun("train searched")), epoch(111, "searched", 1.0), epoch(112, "searched", 2.0)]
    before += [(113, "phase", over("train searched", 3.0)), epoch(114, "runner_up", 1.0)]
    on = [(130, "opened", OPENED), (131, "phase", begun("train searched"))]
    again = after(*job(*before, *on, epoch(132, "searched", 3.0)))
    assert [at for at, _ in again.trainings["searched"].curve] == [1.0, 2.0, 3.0]
    assert set(after(*job(*before, *between)).trainings) == {"searched", "runner_up"}
    view = after(*job(*before, *between, *on, epoch(132, "searched", 3.0)))
    assert {name: training.curve for name, training in view.trainings.items()} == {"searched": [(3.0, {})]}
    assert view.round == 1


def test_more_time_makes_void_what_depends_on_it() -> None:
    phases = [(101.0, "phase", over(name, 1.0)) for name in ("linear", "search", "test", "export")]
    more = {"settings": {"seconds": 120.0, "trials": 9, "data": "other"}, "plan": {"p": 2}, "speed": {"s": 2}}
    view = after(*job(*phases, (103, "result", RESULT), (200, "opened", OPENED), (201, "extended", more)))
    assert list(view.job.results) == ["linear"] and not view.ended and view.job.stopped_by == "seconds"
    assert (view.job.settings, view.job.plan, view.job.speed) == (
        {"data": "blots", "seconds": 120.0, "trials": 9},
        {"p": 2},
        {"s": 2},
    )


def test_readings_of_the_test_split_are_counted() -> None:
    told = [(101.0, "phase", over("test", 1.0, read=read)) for read in (True, False, True)]
    assert after(*job(*told)).job.test_reads == 2


def test_a_result_of_an_earlier_opening_is_not_of_this_one() -> None:
    ended = job((103, "result", RESULT))
    assert after(*ended).done_now and not after(*ended, (200, "opened", OPENED)).done_now
    assert after(*ended, (200, "opened", OPENED)).ended


# -- one fold ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def studied(tmp_path: Path) -> Path:
    store = SqliteStore(tmp_path / "toy")
    Search(Problem(Flat()), RandomSearch(), ToyEvaluator(fail=0.2), budget=Budget(trials=12), store=store).run()
    store.close()
    return tmp_path / "toy"


def test_it_agrees_with_the_history_and_the_clock_of_the_search(studied: Path) -> None:
    view, store = read_view(studied), SqliteStore(studied)
    history = replayed(store, Problem(Flat()))
    assert [trial.id for trial in view.history.finished] == [trial.id for trial in history.finished]
    assert view.best is not None and history.best() is not None and view.best.id == history.best().id  # type: ignore[union-attr]
    assert view.seconds == seconds_spent(store.read())
    assert (view.state, view.reason, view.began.format) == ("finished", "trials", FORMAT)  # type: ignore[union-attr]


def test_the_clock_of_one_that_was_killed_counts_what_came_after_its_last_event(studied: Path) -> None:
    before = read_view(studied)
    gone = {"pid": 2**22 + 1, "host": platform.node(), "token": "1", "since": 0.0, "seen": before.changed + 0.001}
    (studied / "lease.json").write_text(json.dumps(gone))
    assert read_view(studied).seconds == pytest.approx(before.seconds + 0.001, abs=1e-5)
    with Search(
        Problem(Flat()), RandomSearch(), ToyEvaluator(fail=0.2), budget=Budget(trials=12), store=SqliteStore(studied)
    ) as search:
        assert search.seconds >= before.seconds + 0.0009
    after = read_view(studied)
    assert after.openings.all[0].seconds == pytest.approx(before.seconds + 0.001, abs=1e-5)
    assert not (studied / "lease.json").exists()


def test_one_that_is_asked_and_told_by_hand_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "hand"
    search = Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), store=SqliteStore(folder), budget=Budget(trials=3))
    with search:
        (trial,) = search.ask()
        search.tell(trial, 0.5)
        assert not read_view(folder).by_hand  # a loop may be at it
    view = read_view(folder)
    assert view.by_hand and view.state == "interrupted"
    with search:
        pass  # only to look at it
    assert read_view(folder).by_hand
    gone = {"pid": 2**22 + 1, "host": platform.node(), "token": "1", "since": 0.0, "seen": view.changed}
    (folder / "lease.json").write_text(json.dumps(gone))
    assert not read_view(folder).by_hand  # it was killed, and so may a loop have been
    search.run()
    assert not read_view(folder).by_hand


def test_a_search_that_a_command_began_is_not_told_by_hand() -> None:
    told = ((101, "proposed", proposed(0)), (102, "finished", finished(0, 0.5)))
    assert after(*search(*told)).by_hand
    begun_by_command = ((100, "study", {**STUDY, "command": "archsmith search"}), (100, "opened", OPENED))
    assert not after(*begun_by_command, *told).by_hand and not after(*job(*told)).by_hand


def test_whether_trials_ran_at_the_same_time() -> None:
    alone = search((101, "proposed", proposed(0)), (102, "finished", finished(0, 0.5)), (103, "proposed", proposed(1)))
    assert not after(*alone).at_once
    assert after(*alone, (104, "proposed", proposed(2))).at_once
    assert after((100, "study", {**STUDY, "command": "archsmith search --workers 2"})).at_once


def test_limits_changed_where_trials_were_begun_under_other_ones() -> None:
    more = search((103, "closed", {"reason": "seconds"}), (200, "opened", {**OPENED, "budget": [90.0, None]}))
    assert not after(*more).limits_changed
    assert after(*more, (201, "proposed", proposed(0))).limits_changed
    assert not after(*search(), (200, "opened", OPENED), (201, "proposed", proposed(0))).limits_changed


def test_watching_and_reading_later_give_the_same(studied: Path) -> None:
    watched = StudyView("toy", studied)
    for event in SqliteStore(studied).read():
        watched.apply(event)
    assert watched.to_dict() == read_view(studied).to_dict()


def test_of_several_objectives_it_holds_the_front(tmp_path: Path) -> None:
    problem = Problem(Flat(), (Objective("accuracy"), Objective("latency_ms")))
    store, evaluator = SqliteStore(tmp_path / "two"), ToyEvaluator(("accuracy", "latency_ms"), fail=0.2)
    history = Search(problem, RandomSearch(), evaluator, budget=Budget(trials=20), store=store).run().history
    store.close()
    view = read_view(tmp_path / "two")
    data = json.loads(json.dumps(view.to_dict(), allow_nan=False))["front"]
    assert view.front is not None and data["trials"] == [trial.id for trial in history.front()]
    assert data["hypervolume"] == history.front().hypervolume and set(data["reference"]) == {"accuracy", "latency_ms"}
    assert {trial.id for trial in view.front} <= view.improved and len(view.improved) < 16


def test_of_one_objective_there_is_no_front(studied: Path) -> None:
    view = read_view(studied)
    assert view.front is None and view.to_dict()["front"] is None


def test_it_is_json(studied: Path) -> None:
    data = read_view(studied).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert (data["state"], data["n_finished"], len(data["trials"])) == ("finished", 12, 12)


def test_kinds_that_nobody_knows_are_passed_over() -> None:
    assert after(*search((101, "aurora", {"x": 1}))).changed == 101


# -- what cannot be read -----------------------------------------------------------------------------------------------


def log_of(folder: Path, *events: Event) -> Path:
    store = SqliteStore(folder)
    store.acquire()
    if events:
        store.append(events)
    store.close()
    return folder


def garbage(folder: Path) -> Path:
    log_of(folder, Event("study", STUDY), Event("note", {"text": "one"}))
    file = sqlite3.connect(folder / FILE)
    file.execute("DROP TRIGGER events_are_final")
    file.execute("UPDATE events SET data = '{\"text\": ' WHERE number = 1")
    file.commit()
    file.close()
    return folder


def no_database(folder: Path) -> Path:
    folder.mkdir()
    (folder / FILE).write_text("junk " * 500)
    return folder


UNREADABLE = {
    "no database": (no_database, "not an Archsmith study"),
    "no JSON": (garbage, "Event 1 of the study .* is damaged"),
    "nothing": (lambda folder: folder, "There is no study"),
    "an empty log": (log_of, "nothing in its log yet"),
    "no first event": (lambda folder: log_of(folder, Event("note", {"text": ""})), "has no first event"),
    "a later format": (lambda folder: log_of(folder, Event("study", {"format": 99})), "written by a later version"),
    "a trial that nobody proposed": (
        lambda folder: log_of(folder, Event("study", STUDY), Event("finished", finished(3, 0.5))),
        "Event 1 of the study .finished. is damaged",
    ),
    "a problem without sense": (
        lambda folder: log_of(folder, Event("study", {"problem": {"objectives": [["a", True], ["a", True]]}})),
        "Event 0 of the study .study. is damaged: Two objectives name the same metric",
    ),
}


@pytest.mark.parametrize(("make", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_study_that_cannot_be_read_says_why(tmp_path: Path, make: Any, why: str) -> None:
    folder = make(tmp_path / "odd")
    with pytest.raises(StudyError, match=why):
        read_view(folder)
    view = try_view(folder)
    assert view.state == "unreadable" and view.id == "odd" and json.dumps(view.to_dict())


def test_a_study_of_a_class_that_is_gone_can_be_looked_at(tmp_path: Path) -> None:
    gone = {"type": "lost_plugin:Space", "args": {}}
    view = read_view(
        log_of(tmp_path / "a", Event("study", {**STUDY, "space": gone, "strategy": gone, "evaluator": gone}))
    )
    assert view.state == "interrupted" and view.to_dict()["space"] == gone


def test_a_wish_to_stop_a_search_alone_ends_with_its_process() -> None:
    begun = [(1.0, "study", STUDY), (2.0, "opened", OPENED), (3.0, "command", {"name": "stop"})]
    assert after(*begun).asked_to_stop
    assert not after(*begun, (4.0, "closed", {"reason": "requested"}), (5.0, "opened", OPENED)).asked_to_stop


def test_a_wish_to_finish_a_job_outlives_its_process_until_it_is_taken_back() -> None:
    job = {**STUDY, "fit": {"settings": {"data": "digits"}}}
    asked = [(1.0, "study", job), (2.0, "opened", OPENED), (3.0, "command", {"name": "stop"})]
    killed = after(*asked, (4.0, "closed", {"reason": "requested"}), (5.0, "opened", OPENED))
    assert killed.asked_to_stop and killed.taken_back == 0
    for end in (("command", {"name": "pause"}), ("closed", {"reason": "interrupted"})):
        ended = after(*asked, (4.0, *end), (5.0, "opened", OPENED))
        assert not ended.asked_to_stop and ended.taken_back == 1
    more = after(*asked, (4.0, "opened", OPENED), (5.0, "extended", {}))
    assert not more.asked_to_stop and more.taken_back == 0


def test_a_job_that_was_ended_at_once_behind_its_result_is_not_complete() -> None:
    job = {**STUDY, "fit": {"settings": {"data": "digits"}}}
    found = [(1.0, "study", job), (2.0, "opened", OPENED), (3.0, "result", {"metric": "accuracy"})]
    assert after(*found, (4.0, "closed", {"reason": "seconds"})).complete
    assert not after(*found, (4.0, "closed", {"reason": "interrupted"})).complete
