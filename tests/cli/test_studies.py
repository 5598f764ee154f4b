from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.budget import Budget
from archsmith.core.events import Event
from archsmith.core.problem import Problem
from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial, StudyRecord
from archsmith.core.trial import Outcome
from archsmith.core.wording import network_name
from archsmith.evaluators.functions import FunctionEvaluator
from archsmith.runtime.resuming import BY_PROGRAM
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.study_view import try_view
from archsmith.runtime.workspace import Workspace
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v1"

CAMERA = """
from dataclasses import dataclass
from pathlib import Path
from archsmith import EvaluationError
from archsmith.testing.toys import ToyEvaluator

@dataclass(frozen=True)
class Camera(ToyEvaluator):
    def prepare(self, problem, context):
        if not Path("camera").exists():
            raise EvaluationError("The camera is not plugged in.")
"""


@pytest.fixture
def study(command: Any) -> dict[str, Any]:
    """A small finished search in the default workspace."""
    return command("search", "--trials", "8", "--strategy", "evolution", "--name", "small", "--json").json


def test_list_shows_the_newest_first(command: Any, study: dict[str, Any]) -> None:
    second = command("search", "--trials", "3", "--name", "tiny", "--json").json
    rows = command("studies", "list", "--json").json
    assert [row["study"] for row in rows] == [second["study"], study["study"]]
    assert (rows[1]["state"], rows[1]["reason"], rows[1]["n_finished"], rows[1]["strategy"]) == (
        "finished",
        "trials",
        8,
        "evolution",
    )


def test_list_shows_the_best_score_of_a_search(command: Any, study: dict[str, Any]) -> None:
    (row,) = command("studies", "list", "--json").json
    assert (row["metric"], row["score"], row["tested"]) == ("accuracy", study["best"]["metrics"]["accuracy"], False)


def test_list_shows_test_score_and_bundle_of_a_job(command: Any, job: tuple[str, Path]) -> None:
    (row,) = command("studies", "list", *job, "--json").json
    (summary,) = Workspace(job[1]).list()
    result = try_view(summary.folder).job.result
    assert result is not None
    assert (row["score"], row["tested"]) == (result.test, True)
    assert row["bundle"] == str(summary.folder / "final" / "bundle")  # where it was made there is none any more
    shown = command("studies", "list", *job).out
    line = shown.splitlines()[1]
    assert "(test)" in line and line.rstrip().endswith("in the study") and "archsmith studies show STUDY" in shown


def test_a_bundle_is_credited_to_the_study_that_wrote_it(command: Any, job: tuple[str, Path], tmp_path: Path) -> None:
    (summary,) = Workspace(job[1]).list()
    out = tmp_path / "model"
    store = SqliteStore(summary.folder)
    store.acquire()
    store.append([Event("result", {**list(store.read())[-1].data, "model_dir": str(out), "rows": []})])
    store.close()

    def credited() -> str:
        (row,) = command("studies", "list", *job, "--json").json
        assert row["bundle"] == command("studies", "show", *job, "--json").json["bundle"]
        return str(row["bundle"])

    own = summary.folder / "final" / "bundle"
    shutil.copytree(own, out)
    assert credited() == str(out)
    assert command("studies", "list", *job).out.splitlines()[1].endswith(" model")
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["facts"]["study"] = "another"
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert credited() == str(own)
    (out / "manifest.json").write_text("no bundle")
    assert credited() == str(own)


def test_in_a_pipe_a_study_is_one_line(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "n" * 79
    command("search", "--trials", "1", "--name", name, "--workspace", tmp_path / "w")
    _, line = command("studies", "list", "--workspace", tmp_path / "w").out.splitlines()
    assert line.startswith(name) and "finished" in line and "search alone: space toy_flat, strategy random" in line


def test_list_says_how_many_it_leaves_out(command: Any, study: dict[str, Any]) -> None:
    command("search", "--trials", "1")
    answer = command("studies", "list", "--limit", "1")
    assert study["study"] not in answer.out and "1 older ones are not shown: --limit 2" in answer.out


def test_a_name_is_given_once(command: Any, study: dict[str, Any]) -> None:
    refused = command("search", "--trials", "3", "--name", "small")
    assert refused.code == 2
    assert f"There is a study named 'small' already: {study['study']}." in refused.err
    assert f"archsmith studies resume {study['study']}" in refused.err
    assert len(command("studies", "list", "--json").json) == 1
    assert command("search", "--trials", "3", "--name", "smal").code == 0


def test_show_tells_what_a_job_trained_and_wrote(command: Any, job: tuple[str, Path]) -> None:
    report = command("studies", "show", *job, "--json").json
    exported = [row["name"] for row in report["networks"] if row["exported"]]
    shown = command("studies", "show", *job).out
    (line,) = [line for line in shown.splitlines() if line.endswith("exported")]
    assert line.startswith(network_name(exported[0]))
    assert f"Bundle: {report['bundle']}" in shown and f"Report: {report['report']}" in shown


def test_show_says_how_to_go_on_with_what_was_cut_off(command: Any, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "studies" / "cut")
    store.acquire()
    job = {"strategy": {"type": "b"}, "space": {"type": "a"}, "fit": {"settings": {"data": "digits"}}}
    linear = {"name": "linear", "state": "finished", "seconds": 1.0, "result": {"score": 0.5}}
    store.append([Event("study", job), Event("phase", linear)])
    store.close()
    out = command("studies", "show", "cut", "--workspace", tmp_path).out
    assert "cut: interrupted, 0 trials" in out and "linear model" in out
    assert f"Go on with: archsmith studies resume {tmp_path / 'studies' / 'cut'}" in " ".join(out.split())
    assert out.endswith("\n") and not out.endswith("\n\n")


def test_show_of_a_job_that_failed_behind_its_search_does_not_say_that_the_search_did(
    command: Any, tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / "studies" / "full")
    store.acquire()
    job = {"strategy": {"type": "b"}, "space": {"type": "a"}, "fit": {"settings": {"data": "digits"}}}
    search = {"name": "search", "state": "finished", "seconds": 1.0, "result": {"reason": "settled"}}
    failed = {"reason": "failed", "seconds": 9.0, "error": "The disk is full."}
    store.append([Event("study", job), Event("phase", search), Event("closed", failed)])
    store.close()
    out = command("studies", "show", "full", "--workspace", tmp_path).out
    assert "full: failed, 0 trials" in out and "The disk is full." in out


def test_show_says_why_this_network_was_exported(command: Any, job: tuple[str, Path]) -> None:
    (summary,) = Workspace(job[1]).list()
    store = SqliteStore(summary.folder)
    store.acquire()
    row = {"name": "unfinished", "valid": 0.99, "by_chance": True}
    store.append([Event("result", {"rows": [row], "why": "The best trial was better, but so it was not taken."})])
    store.close()
    shown = command("studies", "show", *job).out
    assert "The best trial was better, but so it was not taken.\n" in shown
    assert any(line.startswith("best trial") and line.endswith("not clearly better") for line in shown.splitlines())


def test_list_of_nothing_says_how_to_begin(command: Any) -> None:
    answer = command("studies", "list")
    assert answer.code == 0
    assert "archsmith fit DATA" in answer.out


def test_show_tells_state_and_best_trials(command: Any, study: dict[str, Any]) -> None:
    report = command("studies", "show", study["study"], "--limit", "3", "--json").json
    assert (report["state"], report["reason"], report["n_finished"], report["n_failed"]) == ("finished", "trials", 8, 0)
    assert [t["metrics"]["accuracy"] for t in report["trials"]] == sorted(
        (t["metrics"]["accuracy"] for t in report["trials"]), reverse=True
    )
    assert len(report["trials"]) == 3
    assert report["trials"][0]["id"] == study["best"]["trial"]


def test_show_takes_the_last_study_and_prints_its_architecture(command: Any, study: dict[str, Any]) -> None:
    answer = command("studies", "show")
    assert study["study"] in answer.out
    assert "Best architecture" in answer.out and "x0" in answer.out
    assert "evolution(" not in answer.out and "evolution(" in command("studies", "show", "--verbose").out


def test_show_spares_a_layman_what_only_the_search_needs(command: Any, job: tuple[str, Path]) -> None:
    plain, exact = command("studies", "show", *job).out, command("studies", "show", *job, "--verbose").out
    for word in ("recipe/learning_rate", "conv_stages(", "fixed"):
        assert word in exact and word not in plain
    place = job[1] / "studies" / plain.split(":")[0]
    assert "A trial is a short training" in plain and f"archsmith studies show {place} --verbose" in plain
    assert command("studies", "show", place, "--verbose").code == 0


def test_trials_of_shared_weights_are_no_trainings(command: Any, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shared")
    store.acquire()
    problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 3.0, 12.0]}
    proposed = ProposedTrial(0, {"depth": 1}, 12.0)
    began = StudyRecord({"type": "conv_stages"}, problem, fit={"plan": {"weights": "shared"}}, command="archsmith fit")
    outcome = Outcome.success({"accuracy": 0.5}, 1.0)
    for each in (began, Opened(1, "here"), Proposed((proposed,)), Finished(0, outcome)):
        store.append([Event(each.kind, each.to_data())])
    store.close()
    shown = command("studies", "show", tmp_path / "shared").out
    assert "A trial scores a network with the shared weights." in shown
    assert "epochs" not in shown.lower() and "short training" not in shown
    assert "again: archsmith fit" not in shown  # time by the clock may bring another one


def test_show_works_where_the_space_cannot_be_imported(
    command: Any, study: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archsmith import catalog

    monkeypatch.delitem(catalog.TABLE["space"], "toy_flat")
    catalog.rows.cache_clear()
    try:
        assert command("studies", "show", "--json").json["n_finished"] == 8
    finally:
        catalog.rows.cache_clear()


def test_resume_with_more_trials_goes_on_with_the_same_study(command: Any, study: dict[str, Any]) -> None:
    report = command("studies", "resume", study["study"], "--trials", "12", "--json").json
    assert (report["study"], report["n_trials"]) == (study["study"], 12)


def test_a_finished_search_needs_more_to_go_on(command: Any, study: dict[str, Any]) -> None:
    before = len(list(Workspace().open(study["study"]).read()))
    for words in ((), ("--trials", "8"), ("--trials", "3")):
        answer = command("studies", "resume", study["study"], *words)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert f"archsmith studies resume {study['study']} --trials +10" in answer.err
    assert len(list(Workspace().open(study["study"]).read())) == before
    answer = command("studies", "resume", study["study"], "--trials", "+4")
    assert answer.code == 0 and "Its limit is now 12 trials in all (8 were begun)" in answer.err
    assert command("studies", "show", "--json").json["n_finished"] == 12


def test_more_time_of_a_table_is_more_simulated_time(command: Any) -> None:
    first = command("search", "--bench", "digits", "--time", "10m", "--json").json
    command("studies", "resume", "--time", "+10m")
    store = Workspace().open(first["study"])
    opened = [event.data["budget"][0] for event in store.read() if event.kind == "opened"]
    assert first["simulated"] and opened == [600.0, 1200.0]
    assert command("studies", "show", "--json").json["n_finished"] > first["n_trials"]


def test_a_resumed_study_equals_an_unbroken_one(command: Any) -> None:
    unbroken = command("search", "--trials", "15", "--strategy", "random", "--name", "a", "--json").json
    broken = command("search", "--trials", "6", "--strategy", "random", "--name", "b", "--json").json
    resumed = command("studies", "resume", broken["study"], "--trials", "15", "--json").json
    assert resumed["best"] == unbroken["best"]


def test_show_and_draw_say_why_a_search_found_nothing(command: Any) -> None:
    command("search", "--trials", "20", "--set", "evaluator.fail=1")
    shown = command("studies", "show").out
    assert "All 8 trials failed: The toy evaluator was told to fail here. Mend the evaluator" in shown
    assert "Go on with: archsmith studies resume search-" in shown
    command("search", "--space", "nasbench201", "--evaluator", "toy", "--trials", "20", "--set", "evaluator.fail=1")
    drawn = command("draw", "last")
    assert drawn.code == 2 and "All 8 trials failed" in drawn.err and "running" not in drawn.err
    command("search", "--trials", "3", "--limit", "accuracy>=2")
    assert "3 trials had a score, and none is within the limits" in command("studies", "show").out
    command("search", "--trials", "2")
    assert command("studies", "show", "--json").json["nothing"] is None


def test_show_says_why_there_was_no_trial_and_how_to_go_on(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "camera_lab.py").write_text(CAMERA)
    monkeypatch.syspath_prepend(tmp_path)
    failed = command("search", "--evaluator", "camera_lab:Camera", "--trials", "3")
    assert (failed.code, failed.err.count("The camera is not plugged in.")) == (1, 1)
    shown = command("studies", "show").out
    assert "finished (what all trials need could not be made ready), 0 trials" in shown
    assert "Go on with: archsmith --import camera_lab studies resume search-" in shown
    assert "The camera is not plugged in." in shown
    (tmp_path / "camera").touch()
    assert command("studies", "resume").code == 0


def test_stop_of_a_study_that_is_not_running_says_so(command: Any, study: dict[str, Any]) -> None:
    assert command("studies", "stop", study["study"], "--json").json == {
        "study": study["study"],
        "running": False,
        "asked": False,
    }


@pytest.fixture
def job(tmp_path: Path) -> tuple[str, Path]:
    """``--workspace`` and a copy of one with a job that has come to its end."""
    place = tmp_path / "jobs"
    shutil.copytree(FIXTURES / "classes" / "studies", place / "studies")
    return "--workspace", place


@pytest.fixture
def running(tmp_path: Path, environment: dict[str, str]) -> Any:
    """A search in another process, of trials that take a while; (process, workspace) once two trials are done."""
    workspace = tmp_path / "w"
    words = [
        "search",
        "--trials",
        "100000",
        "--set",
        "evaluator.sleep=0.05",
        "--workspace",
        str(workspace),
        "--set",
        "space.n_decisions=12",
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "archsmith", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        until = time.time() + 30
        while not any(summary.n_finished >= 2 for summary in Workspace(workspace).list()):
            assert time.time() < until, "the search did not start"
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        yield process, workspace
    finally:
        process.kill()
        process.communicate()


def test_nobody_says_that_a_study_goes_on_which_another_process_writes_to(command: Any, study: dict[str, Any]) -> None:
    store = Workspace().open(study["study"])
    store.acquire()
    try:
        answer = command("studies", "resume", study["study"], "--trials", "+4")
    finally:
        store.release()
    assert answer.code != 0 and "is writing to this study" in answer.err and "goes on" not in answer.err


def test_stop_ends_a_running_study(command: Any, running: Any) -> None:
    process, workspace = running
    asked = command("studies", "stop", "--workspace", workspace, "--json").json
    out, _ = process.communicate(timeout=30)
    assert asked["asked"]
    assert '"stop_reason": "requested"' in out


def test_stop_now_ends_it_at_once_to_be_resumed(command: Any, running: Any) -> None:
    process, workspace = running
    (summary,) = Workspace(workspace).list()
    asked = command("studies", "stop", summary.folder, "--now")
    _, err = process.communicate(timeout=30)
    go_on = f"Go on with: archsmith studies resume {summary.folder}"
    assert go_on in asked.out
    assert process.returncode == 130
    assert "Go on with" in err
    (row,) = command("studies", "list", "--workspace", workspace, "--json").json
    assert row["state"] == "paused"
    shown = command("studies", "show", "--workspace", workspace).out
    assert ": paused, " in shown and go_on in shown


def test_ctrl_c_once_ends_a_running_study_well(running: Any) -> None:
    process, _ = running
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"stop_reason": "requested"' in out
    assert "Ctrl-C again stops at once" in err


def test_after_a_kill_the_study_counts_as_interrupted_and_goes_on(command: Any, running: Any) -> None:
    process, workspace = running
    process.kill()
    process.communicate()
    (row,) = command("studies", "list", "--workspace", workspace, "--json").json
    assert row["state"] == "interrupted"
    report = command("studies", "resume", "--workspace", workspace, "--trials", row["n_finished"] + 3, "--json").json
    assert (report["n_trials"], report["stop_reason"]) == (row["n_finished"] + 3, "trials")


@pytest.fixture
def broken(command: Any, study: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A good study, and beside it younger ones that cannot be read, or whose classes are gone."""
    place = Path(command("studies", "list", "--json").json[0]["folder"]).parent
    gone = {"type": "lost_plugin:Space", "args": {}}
    for name, event in {
        "later": Event("study", {"format": 99}),
        "headless": Event("note", {"text": ""}),
        "gone": Event("study", {"space": gone, "strategy": gone, "evaluator": gone}),
    }.items():
        store = SqliteStore(place / name)
        store.acquire()
        store.append([event])
        store.close()
    (place / "junk").mkdir()
    (place / "junk" / FILE).write_text("junk " * 500)
    return study


def test_studies_that_cannot_be_read_stop_no_other(command: Any, broken: dict[str, Any]) -> None:
    rows = {row["study"]: row for row in command("studies", "list", "--json").json}
    assert {name: rows[name]["state"] for name in ("later", "headless", "junk", "gone")} == {
        "later": "unreadable",
        "headless": "unreadable",
        "junk": "unreadable",
        "gone": "interrupted",
    }
    assert "later version" in rows["later"]["reason"]
    assert "unreadable" in command("studies", "list").out
    assert command("studies", "resume", broken["study"], "--trials", "9", "--json").json["n_trials"] == 9
    assert command("search", "--trials", "2", "--json").json["n_trials"] == 2


def test_a_study_whose_classes_are_gone_is_shown(command: Any, broken: dict[str, Any]) -> None:
    assert command("studies", "show", "gone", "--json").json["state"] == "interrupted"


@pytest.mark.parametrize(
    ("name", "said"), [("later", "later version"), ("headless", "no first event"), ("junk", "not an Archsmith study")]
)
def test_showing_a_study_that_cannot_be_read_says_why(
    command: Any, broken: dict[str, Any], name: str, said: str
) -> None:
    answer = command("studies", "show", name)
    assert answer.code == 1 and said in answer.err and answer.err.count("\n") == 1


def test_a_study_of_somebody_else_runs_no_code_before_it_is_trusted(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log names a strategy in a module that can be found here."""
    from archsmith import catalog

    (tmp_path / "sent_along.py").write_text(
        "open('trace', 'w').close()\nfrom dataclasses import dataclass\n"
        "from archsmith.strategies.random import RandomSearch\n"
        "@dataclass(frozen=True)\nclass Strategy(RandomSearch):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalog, "_admitted", {"__main__"})
    words = ("search", "--trials", "3", "--strategy", "sent_along:Strategy", "--name", "sent")
    try:
        assert command(*words).code == 0
        (tmp_path / "trace").unlink()
        sys.modules.pop("sent_along")
        monkeypatch.setattr(catalog, "_admitted", {"__main__"})
        resume = ("studies", "resume", "sent", "--trials", "5")
        answer = command(*resume)
        assert answer.code == 2 and "--import sent_along" in answer.err and answer.err.count("\n") == 1
        assert not (tmp_path / "trace").exists()
        assert command("--import", "sent_along", *resume).code == 0
        assert (tmp_path / "trace").exists()
    finally:
        sys.modules.pop("sent_along", None)


def test_of_a_search_that_was_given_more_the_command_is_called_its_beginning(command: Any) -> None:
    command("search", "--trials", "3", "--seed", "3")
    command("studies", "resume", "last", "--trials", "5")
    assert "Its limits changed later. It began with: archsmith search" in command("studies", "show").out


def test_show_tells_the_command_that_repeats_a_search(command: Any) -> None:
    command("search", "--trials", "2", "--seed", "3", "--json")
    line = "archsmith search --strategy random --trials 2 --seed 3"
    assert f"The same search again: {line}\n" in command("studies", "show").out
    assert command("studies", "show", "--json").json["command"] == line
    command("search", "--trials", "2", "--seed", "3", "--workers", "2")
    assert "The same settings again: " in command("studies", "show").out
    command("search", "--trials", "2", "--time", "60s", "--seed", "3")  # another time the clock may end it
    assert "The same settings again: archsmith search --strategy random --trials 2" in command("studies", "show").out


def test_a_search_that_workers_or_the_clock_decided_is_not_called_the_same_again(command: Any) -> None:
    def again(study: str = "last") -> str:
        return str(command("studies", "show", study).out.partition(" again: archsmith search")[0].rpartition("The ")[2])

    command("search", "--bench", "digits", "--time", "10m")  # simulated
    assert again() == "same search"
    command("search", "--time", "1s", "--set", "evaluator.sleep=0.3")
    assert again() == "same settings"
    found = command("search", "--trials", "2", "--name", "many", "--json").json
    assert again("many") == "same search"
    rows = [{"id": id, "architecture": found["best"]["architecture"], "fidelity": 1.0} for id in (2, 3)]
    store = Workspace().open("many")
    store.acquire()
    store.append([Event("opened", {"budget": [None, 2]}), Event("proposed", {"trials": rows})])
    store.close()
    assert again("many") == "same settings"


def test_what_only_its_own_program_can_go_on_with_is_given_no_command(command: Any) -> None:
    store = Workspace().create("mine")
    evaluator = FunctionEvaluator(lambda architecture: 0.5)
    loop = Search(Problem(Flat()), RandomSearch(), evaluator, store=store, budget=Budget(trials=20))
    loop.observer = lambda event: loop.request_stop() if event.kind == "finished" else None
    assert loop.run().reason == "requested"
    shown = command("studies", "show").out
    assert BY_PROGRAM in shown and "studies resume" not in shown
    store.acquire()
    try:
        asked = command("studies", "stop", "--now").out
    finally:
        store.close()
    assert "to end at once" in asked and BY_PROGRAM in asked and "studies resume" not in asked


def test_what_was_asked_and_told_by_hand_goes_on_in_its_program(command: Any) -> None:
    with Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), store=Workspace().create("hand")) as loop:
        for trial in loop.ask(2):
            loop.tell(trial, 0.5)
    shown = command("studies", "show").out
    assert ": interrupted, 2 trials" in shown and BY_PROGRAM in shown and "studies resume" not in shown


def test_show_says_how_to_go_on_with_a_search_that_a_person_stopped(command: Any, study: dict[str, Any]) -> None:
    assert "Go on with" not in command("studies", "show", "small").out  # it has had all its trials
    store = Workspace().open("small")
    store.acquire()
    store.append([Event("opened", {}), Event("closed", {"reason": "requested"})])
    store.close()
    assert "Go on with: archsmith studies resume small" in command("studies", "show", "small").out


# Removing


def test_remove_asks_says_what_goes_and_takes_no_for_an_answer(
    command: Any, study: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    answer = command("studies", "remove", "last")
    assert (answer.code, answer.out) == (0, "")
    assert (
        "deleted for good (" in answer.err and "Remove it? [y/N]" in answer.err and "Nothing was removed" in answer.err
    )
    assert len(command("studies", "list", "--json").json) == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert command("studies", "remove", "last").out == f"Removed {study['study']}.\n"
    assert command("studies", "list", "--json").json == []
    assert not any(Workspace().studies.glob(f"{study['study']}*"))


def test_remove_without_anybody_to_ask_removes_nothing(
    command: Any, study: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    answer = command("studies", "remove", study["study"])
    assert answer.code == 2 and answer.err.splitlines()[-1].endswith("Answer beforehand with --yes.")
    assert Workspace().resolve(study["study"]).exists()


def test_remove_several_at_once_or_none_of_them(command: Any, study: dict[str, Any], tmp_path: Path) -> None:
    second = command("search", "--trials", "2", "--name", "tiny", "--json").json["study"]
    elsewhere = command("search", "--trials", "2", "--workspace", "other", "--json").json["study"]
    wrong = ("no-such-study", "", "..", f"other/studies/{elsewhere}", f"{Workspace().studies}/../studies/{second}")
    for name in wrong:
        answer = command("studies", "remove", study["study"], name, "--yes")
        assert answer.code == 2, name
    store = Workspace().open(second)
    store.acquire()
    answer = command("studies", "remove", study["study"], second, "--yes")
    assert (
        answer.code == 1 and f"{second} is running. End it first: archsmith studies stop {second} --now" in answer.err
    )
    store.release()
    store.close()
    rows = command("studies", "remove", study["study"], "tiny", "--yes", "--json").json
    assert [row["study"] for row in rows] == [study["study"], second] and rows[0]["n_bytes"] > 0
    assert command("studies", "list", "--json").json == []


def test_remove_of_a_study_that_cannot_be_read(command: Any, broken: dict[str, Any]) -> None:
    for row in command("studies", "list", "--json").json:
        assert command("studies", "remove", row["study"], "--yes").code == 0
    assert command("studies", "list", "--json").json == []
