from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archsmith.app import children
from archsmith.app.job import GONE, Job
from archsmith.app.jobs import Jobs, flags_of
from archsmith.app.settings import AppSettings
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.runtime.lease import is_alive
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.workspace import Workspace
from archsmith.server.refusals import Refusal

ROOT = Path(__file__).parents[2]
SHORT = ROOT / "tests" / "scripts" / "short_fit.py"
REFUSED, DIES, TALKS, DEAF, NEVER = 1, 2, 3, 4, 5


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """Jobs whose commands are short ones."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setattr(children, "command", lambda *words: [sys.executable, "-P", str(SHORT), *words])
    born, processes = children.born, []

    def noted(words: list[str], folder: Path) -> Any:
        found = born(words, folder)
        processes.append(found)
        return found

    monkeypatch.setattr(children, "born", noted)
    yield fresh(tmp_path)
    for process, known in processes:
        children.end(known, 0.2)
        process.wait(10)


def fresh(tmp_path: Path, **settings: Any) -> Jobs:
    """As an app that was just started has them."""
    place = tmp_path / "w"
    return Jobs(AppSettings(workspace=str(place), **settings), Workspace(place))


def wanted(seed: int = 0, **options: Any) -> dict[str, Any]:
    return {"data": "digits", "seconds": 60.0, "seed": seed, **options}


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def ended(jobs: Jobs, study: str) -> Job:
    until(lambda: (job := jobs.of(study)) is not None and not job.running)
    job = jobs.of(study)
    assert job is not None
    return job


def writer(jobs: Jobs, study: str) -> Any:
    return SqliteStore(jobs._workspace.studies / study).holder


# Beginning


def test_a_study_is_begun_and_finished(jobs: Jobs) -> None:
    study = jobs.start(wanted())
    job = jobs.of(study)
    assert job is not None
    assert job.running and writer(jobs, study) is not None
    assert jobs.learning("digits") == job and jobs.learning("") is None
    jobs.stop(study)
    job = ended(jobs, study)
    assert jobs.learning("digits") is None
    assert (job.code, job.failed, job.last_words) == (0, False, "")


def test_a_number_of_trials_may_be_the_only_limit(jobs: Jobs) -> None:
    study = jobs.start({"data": "digits", "trials": 3})
    job = jobs.of(study)
    assert job is not None
    words = Path(f"/proc/{writer(jobs, study).pid}/cmdline").read_text()
    assert "--trials=3" in words and "--time" not in words


def test_a_new_app_knows_what_the_old_one_started(jobs: Jobs, tmp_path: Path) -> None:
    study = jobs.start(wanted())
    again = fresh(tmp_path)
    known = again.of(study)
    assert known is not None and known.running
    assert again.pause(study)
    assert ended(again, study).code == 130


def test_what_cannot_be_begun_is_told_in_the_words_of_the_command(jobs: Jobs) -> None:
    with pytest.raises(UsageError, match=r"^The data are of no kind\. Give others\.$"):
        jobs.start(wanted(REFUSED))
    assert jobs.all() == []


def test_a_search_that_dies_leaves_its_last_words(jobs: Jobs) -> None:
    with pytest.raises(UsageError, match="signal 9"):  # so soon that nobody saw it run
        jobs.start(wanted(DIES))
        raise UsageError(ended(jobs, jobs.all()[0].study or "").last_words)


def test_a_killed_search_is_shown_as_such_and_goes_on(jobs: Jobs) -> None:
    study = jobs.start(wanted())
    os.kill(writer(jobs, study).pid, signal.SIGKILL)
    job = ended(jobs, study)
    assert job.failed and job.code == -9
    assert "signal 9" in job.last_words
    assert jobs.why_it_ended(study, job.started) == job.last_words
    later = time.time() + 60  # somebody else went on with it, and was cut off
    assert jobs.why_it_ended(study, later) == jobs.why_it_ended("of-the-terminal", later) == GONE
    assert jobs.resume(study, "+1m") == study
    assert writer(jobs, study) is not None


def test_only_so_many_run_at_the_same_time(jobs: Jobs, tmp_path: Path) -> None:
    one = fresh(tmp_path, searches=1)
    study = one.start(wanted())
    with pytest.raises(Refusal, match="1 searches run already") as refused:
        one.start(wanted())
    assert refused.value.status == 429
    assert isinstance(refused.value, ArchsmithError)
    assert str(refused.value).endswith("Wait for one to end, or pause one.")
    one.pause(study)
    ended(one, study)
    assert one.resume(study) == study


def test_of_two_that_begin_at_once_one_is_refused(jobs: Jobs, tmp_path: Path) -> None:
    one, said = fresh(tmp_path, searches=1), []

    def begin() -> None:
        try:
            said.append(one.start(wanted()))
        except Refusal as refusal:
            said.append(refusal.code)

    both = [threading.Thread(target=begin) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert sorted(said)[0] == "enough"
    assert sum(job.running for job in one.all()) == 1


def test_a_job_that_reads_for_long_is_listed_and_can_be_ended(jobs: Jobs) -> None:
    with pytest.raises(ArchsmithError, match="still being read"):
        jobs.start(wanted(NEVER), patience=0.3)
    (job,) = jobs.all()
    assert job.beginning and job.data == "digits"
    assert jobs.pause(job.id)
    assert jobs.all() == [] and jobs.get(job.id) is None


def test_two_studies_of_the_same_data_do_not_begin_at_once(jobs: Jobs, tmp_path: Path) -> None:
    first = jobs.begin(wanted(NEVER))
    again = fresh(tmp_path)  # as after a restart of the app, or in another window
    with pytest.raises(Refusal, match="starting already") as refused:
        again.begin(wanted())
    assert refused.value.status == 409
    found = again.beginning("digits")
    assert found is not None and (found.id, found.source, found.running) == (first, "digits", True)
    assert again.pause(first)
    assert again.beginning("digits") is None


def test_a_cancelled_start_is_told_to_who_waits_for_it(jobs: Jobs) -> None:
    said = []

    def wait() -> None:
        with pytest.raises(UsageError) as raised:
            jobs.start(wanted(NEVER))
        said.append(raised.value.message)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: jobs.all())
    jobs.pause(jobs.all()[0].id)
    waiting.join(30)
    assert said and "Its process" not in said[0]


def test_what_came_to_nothing_is_known_until_it_is_forgotten(jobs: Jobs) -> None:
    job = jobs.begin({**wanted(REFUSED), "target": "price"})
    until(lambda: (found := jobs.get(job)) is not None and not found.running and found.code is not None)
    found = jobs.beginning("digits")
    assert found is not None and found.failed and found.target == "price"
    assert found.last_words == "The data are of no kind. Give others."
    jobs.forget(job)
    assert jobs.get(job) is None
    assert jobs.get("../studies") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "/etc/passwd"}, "not to be read by this app"),
        ({"data": "../../etc/passwd"}, "not to be read by this app"),
        ({"data": "digits\0"}, "characters that cannot be read"),
        ({"data": "~root"}, "not to be read by this app"),
        ({"data": "https://example.org/x.csv"}, "address"),
        ({"data": None}, "No data are named"),
        ({"seconds": None}, "no limit"),
        ({"modality": None}, "of the type NoneType"),
        ({"data": 7}, "No data are named"),
        ({"space": "os:path"}, "no space 'os:path'"),
        ({"strategy": "subprocess:Popen"}, "no strategy"),
        ({"settings": {"strategy": {"inner": {"type": "os:system"}}}}, "code that Archsmith does not bring along"),
        ({"settings": {"odd": {}}}, "no settings of 'odd'"),
        ({"out": "/tmp/out"}, "no option 'out'"),
        ({"workspace": "/tmp"}, "no option 'workspace'"),
        ({"pretrained_weights": "/tmp"}, "no option 'pretrained_weights'"),
        ({"resume": True}, "no option 'resume'"),
        ({"seconds": 1.0}, "too short"),
        ({"seconds": float("nan")}, "finite"),
        ({"seed": -1}, "at least 0"),
        ({"name": "../x"}, "cannot be named"),
        ({"target": "a\nb"}, "characters that cannot be read"),
    ],
)
def test_what_a_visitor_may_not_ask_for_is_refused_before_anything_starts(
    jobs: Jobs, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        jobs.start({**wanted(), **options})
    assert not (jobs._workspace.path / "app").exists()


def test_data_of_the_allowed_folder_may_be_read_and_no_link_leads_out_of_it(jobs: Jobs, tmp_path: Path) -> None:
    allowed = tmp_path / "data"
    allowed.mkdir()
    (allowed / "own.csv").write_text("a,b\n1,2\n")
    (allowed / "link.csv").symlink_to("/etc/passwd")
    ours = fresh(tmp_path, allow_paths=allowed)
    assert ours.start(wanted(data=str(allowed / "own.csv")))
    with pytest.raises(UsageError, match="not to be read"):
        ours.start(wanted(data=str(allowed / "link.csv")))


@pytest.mark.parametrize("what", ["mkdir", "job.json"])
def test_what_a_full_disk_does_not_take_is_refused_and_nothing_goes_on(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    study = jobs.start(wanted())
    jobs.pause(study)
    ended(jobs, study)
    before, born = jobs.all(), []
    first = children.born

    def noted(words: list[str], folder: Path) -> Any:
        born.append(first(words, folder))
        return born[-1]

    def full(*given: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(children, "born", noted)
    if what == "mkdir":
        monkeypatch.setattr(Path, "mkdir", full)
    else:
        monkeypatch.setattr("archsmith.app.jobs.write_text", full)
    with pytest.raises(Refusal, match="No space left on device") as refused:
        jobs.resume(study)
    assert (refused.value.status, refused.value.code) == (507, "disk")
    assert isinstance(refused.value, ArchsmithError)  # as pages want it
    assert len(born) == (what == "job.json") and not any(is_alive(known) for _, known in born)
    assert jobs.all() == before and len(list(jobs._folders())) == len(before)


def test_jobs_are_told_although_the_disk_is_full(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.begin(wanted())
    folder = jobs._folder / job
    until(lambda: (found := jobs._read(folder)) is not None and found.study)
    said = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**said, "study": None}))  # as if nobody had looked yet

    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("archsmith.app.jobs.write_text", full)
    assert [found.study for found in jobs.all()] == [said["study"]]


# Ending and going on


def test_a_deaf_study_of_ours_is_ended_all_the_same(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.app.jobs.PAUSE_SECONDS", 0.3)
    study = jobs.start(wanted(DEAF))
    assert jobs.pause(study)
    assert writer(jobs, study) is None
    assert [each.state for each in jobs._workspace.list()] == ["paused"]  # although it never read why


def test_a_study_of_the_terminal_is_asked_and_never_killed(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.app.jobs.PAUSE_SECONDS", 0.3)
    place = jobs._workspace.path
    child, known = children.born(
        children.command("fit", f"--workspace={place}", f"--seed={DEAF}", "digits"), ROOT / "tests"
    )
    try:
        until(lambda: [study for study in jobs._workspace.list() if study.began is not None])
        study = jobs._workspace.list()[0].id
        assert jobs.of(study) is None
        assert jobs.log(study) == []
        assert not jobs.pause(study)
        assert child.poll() is None
        jobs.stop(study)
        with pytest.raises(Refusal, match="runs already"):
            jobs.resume(study)
    finally:
        children.end(known, 5)
        child.wait()


@pytest.mark.parametrize("id", ["nothing", "..", "../studies", "last", "/etc", "a\0b", ""])
def test_an_unknown_study_is_refused(jobs: Jobs, id: str) -> None:
    for verb in (jobs.stop, jobs.pause, jobs.resume, jobs.log):
        with pytest.raises(Refusal, match="There is no study") as refused:
            verb(id)
        assert refused.value.status == 404


def test_what_does_not_run_is_not_ended(jobs: Jobs) -> None:
    study = jobs.start(wanted())
    jobs.stop(study)
    ended(jobs, study)
    for verb in (jobs.stop, jobs.pause):
        with pytest.raises(Refusal, match="does not run") as refused:
            verb(study)
        assert refused.value.status == 409


def test_more_time_has_to_be_a_time(jobs: Jobs) -> None:
    with pytest.raises(UsageError, match="not a length of time"):
        jobs.resume("any", "+soon")


def test_a_process_that_got_the_number_of_an_old_job_is_not_touched(jobs: Jobs) -> None:
    study = jobs.start(wanted())
    jobs.stop(study)
    job = ended(jobs, study)
    said = json.loads((job.folder / "job.json").read_text())
    said["process"]["pid"] = os.getpid()  # as if the system had given it to us
    (job.folder / "job.json").write_text(json.dumps(said))
    known = jobs.of(study)
    assert known is not None and not known.running


# What it says


def test_the_log_is_limited_and_knows_no_secret(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSMITH_TOKEN", "0123456789abcdef")
    study = jobs.start(wanted(TALKS))
    job = ended(jobs, study)
    assert job.log(2) == ["line 199998", "line 199999"]
    assert (job.folder / "log").stat().st_size <= 2**20 + 65_536
    quiet = jobs.start(wanted())
    until(lambda: jobs.log(quiet))
    assert jobs.log(quiet) == ["the secret is None"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": {}}', '{"process": {"pid": 1}, "study": null}'])
def test_a_damaged_job_is_passed_over(jobs: Jobs, text: str) -> None:
    folder = jobs._folder / "starting-20260101-000000-abcdef"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(text)
    assert jobs.all() == []


def test_options_become_flags_of_the_command() -> None:
    settings = FitSettings(
        "digits",
        seconds=90,
        trials=3,
        target="a b",
        ignore=("c d", "e"),
        balance=True,
        pretrained=False,
        settings={"strategy": {"population": 5, "name": "x y"}},
    )
    assert flags_of(settings) == [
        "--time=90.000000s",
        "--trials=3",
        "--target=a b",
        "--ignore=c d",
        "--ignore=e",
        "--balance",
        "--no-pretrained",
        "--set=strategy.population=5",
        '--set=strategy.name="x y"',
    ]
