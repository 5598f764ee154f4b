"""Studies and bundles that version 0.1 wrote open, go on, report and predict.

They lie in ``fixtures/v1``; the README beside it says what each of them is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from archsmith.bundle.predictor import Predictor
from archsmith.cli.main import main

FIXTURES = Path(__file__).resolve().parent / "fixtures" / "v1"
MADE_AT = "/tmp/archsmith-fixture"  # studies keep absolute paths, and these were made there

# workspace: state, finished trials, space, strategy, main metric
STUDIES = {
    "classes": ("finished", 3, "conv_stages", "graph_gp", "accuracy"),
    "unfinished": ("interrupted", 2, "conv_stages", "graph_gp", "accuracy"),
    "numbers": ("finished", 3, "conv_stages", "graph_gp", "r2"),
    "shared": ("finished", 3, "enas_micro", "enas", "accuracy"),
    "search": ("finished", 10, "table", "evolution", "accuracy"),
}
CLOSE = 1e-5

Command = Callable[..., Any]
Move = Callable[[str], Path]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``command("studies", "list")`` is what the command prints; with ``--json`` it is what that line says."""
    for name, value in {"HOME": str(tmp_path / "home"), "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path | int) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        printed = capsys.readouterr()
        assert not end.value.code, printed.err
        return json.loads(printed.out) if "--json" in words else printed.out

    return run


@pytest.fixture
def moved(tmp_path: Path) -> Move:
    """``moved("classes")`` is a copy of that workspace below ``tmp_path``, as if version 0.1 had made it there."""

    def move(name: str) -> Path:
        place = tmp_path / name
        shutil.copytree(FIXTURES / name, place)
        old, new = f"{MADE_AT}/{name}", json.dumps(str(place))[1:-1]
        for file in place.rglob("*.json"):
            file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        with log_of(place) as log:
            (guard,) = log.execute("SELECT sql FROM sqlite_master WHERE name = 'events_are_final'").fetchone()
            log.execute("DROP TRIGGER events_are_final")
            log.execute("UPDATE events SET data = replace(data, ?, ?)", (old, new))
            log.execute(guard)
        for bank in place.glob("studies/*/prepared/bank.safetensors"):
            rename_job(bank, first_event(place)["evaluator"])
        return place

    return move


@contextmanager
def log_of(workspace: Path) -> Iterator[sqlite3.Connection]:
    """The log of the one study in ``workspace``."""
    (path,) = workspace.glob("studies/*/events.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def events(workspace: Path, kind: str) -> list[Any]:
    """The data of all events of one kind."""
    with log_of(workspace) as log:
        rows = log.execute("SELECT data FROM events WHERE kind = ? ORDER BY number", (kind,)).fetchall()
    return [json.loads(data) for (data,) in rows]


def first_event(workspace: Path) -> dict[str, Any]:
    (first,) = events(workspace, "study")
    return first


def rename_job(bank: Path, evaluator: dict[str, Any]) -> None:
    """A bank of shared weights is known by a digest of its evaluator, and so of the path of the data."""
    with safe_open(bank, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        facts = json.loads(file.metadata()["archsmith"])
    same = {"device": "auto", "n_eval": None, "share": 0.5, "folder": None}
    spec = {**evaluator, "args": {**evaluator["args"], **same}}
    facts["job"] = hashlib.blake2b(json.dumps(spec).encode(), digest_size=16).hexdigest()
    save_file(tensors, bank, {"archsmith": json.dumps(facts)})


def bundle_of(workspace: Path) -> Path:
    """The bundle of the one study in ``workspace``."""
    (bundle,) = workspace.glob("studies/*/final/bundle")
    return bundle


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_listed_and_shown(name: str, command: Command, moved: Move) -> None:
    workspace = moved(name)
    state, n_finished, space, strategy, metric = STUDIES[name]
    (row,) = command("studies", "list", "--workspace", workspace, "--json")
    assert (row["state"], row["n_finished"]) == (state, n_finished)
    assert (row["space"], row["strategy"]) == (space, strategy)
    shown = command("studies", "show", "--workspace", workspace, "--json")
    assert (shown["state"], shown["n_finished"], shown["n_failed"], shown["metric"]) == (state, n_finished, 0, metric)
    logged = {each["trial"]: each["outcome"]["metrics"] for each in events(workspace, "finished")}
    assert {trial["id"]: trial["metrics"] for trial in shown["trials"]} == logged
    said = command("studies", "show", row["study"], "--workspace", workspace)
    assert ("Best architecture" if name == "search" else "Every decision behind trial") in said


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_reported(name: str, command: Command, moved: Move, tmp_path: Path) -> None:
    workspace = moved(name)
    command("report", "--workspace", workspace, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html") and "</html>" in page


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_a_bundle_predicts_what_it_predicted(name: str, command: Command, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(FIXTURES / f"bundle_{name}", bundle)
    given, expected = arrays(bundle / "pictures.npz"), arrays(bundle / "expected.npz")
    predictor = Predictor(bundle)
    answer = predictor.predict if name == "numbers" else predictor.predict_proba
    for size in ("pictures", "large"):  # the size of the network's input, and one that is resized
        np.testing.assert_allclose(answer(given[size]), expected[size], rtol=0, atol=CLOSE)
    if name == "classes":
        assert predictor.predict(given["pictures"]) == expected["predicted"].tolist()

    (tmp_path / "shown").mkdir()
    for i, picture in enumerate(given["pictures"]):
        Image.fromarray(picture).save(tmp_path / "shown" / f"{i}.png")
    rows = command("predict", bundle, tmp_path / "shown", "--json")["predictions"]
    assert len(rows) == len(given["pictures"])
    for row, values, predicted in zip(rows, expected["pictures"], expected["predicted"], strict=True):
        if name == "numbers":
            assert row["value"] == pytest.approx(values, abs=CLOSE)
        else:
            assert row["class"] == predicted
            assert row["probability"] == pytest.approx(values.max(), abs=CLOSE)


def test_a_job_that_was_killed_goes_on(command: Command, moved: Move) -> None:
    workspace = moved("unfinished")
    before = events(workspace, "finished")
    result = command("fit", workspace / "pictures.npz", "--resume", "--workspace", workspace, "--json")
    assert (result["n_trials"], result["stop_reason"], result["test_reads"]) == (3, "trials", 1)
    assert events(workspace, "finished")[:2] == before  # what was done is not done again
    assert {"linear", "fixed", "searched"} <= {row["name"] for row in result["rows"]}
    assert Predictor(result["model_dir"]).classes == ("row", "column", "slope")
    (row,) = command("studies", "list", "--workspace", workspace, "--json")
    assert (row["state"], row["n_finished"]) == ("finished", 3)


@pytest.mark.parametrize("name", ["classes", "numbers", "shared"])
def test_a_finished_job_is_given_more_trials(name: str, command: Command, moved: Move) -> None:
    workspace = moved(name)
    before = events(workspace, "finished")
    banks = [digest(path) for path in workspace.glob("studies/*/prepared/bank.safetensors")]
    assert len(banks) == (name == "shared")
    result = command("studies", "resume", "--trials", 4, "--workspace", workspace, "--json")
    assert (result["n_trials"], result["stop_reason"], result["test_reads"]) == (4, "trials", 2)
    assert events(workspace, "finished")[:3] == before
    after = [digest(path) for path in workspace.glob("studies/*/prepared/bank.safetensors")]
    assert after == banks, "the shared weights were trained again"
    assert result["metric"] == STUDIES[name][4]
    assert Path(result["model_dir"]) == bundle_of(workspace)
    assert Predictor(result["model_dir"]).is_regression == (name == "numbers")


def test_a_search_of_a_table_is_given_more_trials(command: Command, moved: Move) -> None:
    workspace = moved("search")
    before = events(workspace, "finished")
    result = command("studies", "resume", "--trials", 14, "--workspace", workspace, "--json")
    assert (result["n_trials"], result["stop_reason"]) == (14, "trials")
    assert events(workspace, "finished")[:10] == before
