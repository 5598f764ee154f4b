from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.bundle.evaluation import MOST_CONFUSED
from archsmith.bundle.images import ImageIntake
from archsmith.cli.bundles import _probability, _show_classes

CLASSES = ("dark", "light")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network tells dark pictures from light ones, by their mean."""
    import torch

    from archsmith.bundle.export import export
    from archsmith.bundle.images import ImageIntake
    from archsmith.core.task import image_classification
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    net = Net({"image": (1, 8, 8)})
    net.output(net.op("linear", net.op("global_pool", net.input("image")), features=2, name="head"))
    graph = net.graph()
    network = Network(graph, seed=0)
    with torch.no_grad():
        head = network.get_submodule("head")
        head.weight.copy_(torch.tensor([[-20.0], [20.0]]))
        head.bias.copy_(torch.tensor([10.0, -10.0]))
    folder = tmp_path_factory.mktemp("bundles") / "shades"
    export(
        network.eval(),
        graph,
        image_classification((1, 8, 8), CLASSES),
        folder,
        intake=ImageIntake(8, 8, 1, (0.0,), (1.0,)),
    )
    return folder


@pytest.fixture(scope="module")
def meter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network tells the mean brightness of a picture, from 0 to 100."""
    import torch

    from archsmith.bundle.export import export
    from archsmith.bundle.images import ImageIntake
    from archsmith.core.task import image_regression
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    net = Net({"image": (1, 8, 8)})
    net.output(net.op("linear", net.op("global_pool", net.input("image")), features=1, name="head"))
    graph = net.graph()
    network = Network(graph, seed=0)
    with torch.no_grad():
        network.get_submodule("head").weight.fill_(4.0)
        network.get_submodule("head").bias.fill_(-2.0)
    folder = tmp_path_factory.mktemp("bundles") / "meter"
    task = image_regression((1, 8, 8), "brightness")
    export(
        network.eval(), graph, task, folder, intake=ImageIntake(8, 8, 1, (0.0,), (1.0,)), target_statistics=(50.0, 25.0)
    )
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of grey pictures with their brightness from 0 to 100."""
    lines = ["picture;brightness"]
    for i, grey in enumerate((0, 51, 102, 204, 255)):
        Image.new("L", (9 + i, 7), grey).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png;{grey / 2.55 + 0.1}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "table.csv"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of class folders with pictures of several sizes."""
    rng = np.random.default_rng(0)
    for label, level in (("dark", 30), ("light", 220)):
        folder = tmp_path / "pictures" / label
        folder.mkdir(parents=True)
        for i in range(12):
            grey = rng.integers(level - 20, level + 20, (10 + i, 12)).astype(np.uint8)
            Image.fromarray(grey).save(folder / f"{i:02d}.png")
    return tmp_path / "pictures"


def test_predict_says_the_class_of_each_picture(command: Any, bundle: Path, pictures: Path) -> None:
    files = [pictures / "light" / "00.png", pictures / "dark" / "05.png"]
    report = command("predict", bundle, *files, "--json").json
    assert [row["class"] for row in report["predictions"]] == ["light", "dark"]
    assert [row["file"] for row in report["predictions"]] == [str(file) for file in files]
    for row in report["predictions"]:
        assert row["probability"] == row["probabilities"][row["class"]]
        assert sum(row["probabilities"].values()) == pytest.approx(1)


def test_predict_takes_folders_in_the_order_of_their_names(command: Any, bundle: Path, pictures: Path) -> None:
    rows = command("predict", bundle, pictures, "--json").json["predictions"]
    assert len(rows) == 24
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)


def test_predict_for_people_is_one_line_a_picture(command: Any, bundle: Path, pictures: Path) -> None:
    answer = command("predict", bundle, pictures / "dark" / "00.png")
    assert answer.code == 0
    heading, line = answer.out.splitlines()
    assert heading == "file  class  probability" and line.startswith(f"{pictures / 'dark' / '00.png'}  dark  ")


def test_no_network_is_so_sure_that_it_is_1() -> None:
    assert [_probability(p) for p in (1.0, 0.99999, 0.5, 1e-9, 0.1234)] == [
        ">0.9999",
        ">0.9999",
        "0.5",
        "<0.0001",
        "0.1234",
    ]


def test_a_broken_picture_does_not_stop_the_others(command: Any, bundle: Path, pictures: Path) -> None:
    (pictures / "dark" / "06.png").write_text("no picture")
    answer = command("predict", bundle, pictures / "dark", "--json")
    assert answer.code == 1
    assert [bool(row.get("error")) for row in answer.json["predictions"]] == [i == 6 for i in range(12)]
    assert "06.png" in answer.err and answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "part"), [(("nowhere", "x.png"), "no bundle at 'nowhere'"), ((".", "x.png"), "no manifest.json")]
)
def test_what_is_no_bundle_is_a_usage_error(command: Any, words: tuple[str, ...], part: str) -> None:
    answer = command("predict", *words)
    assert answer.code == 2
    assert part in answer.err


def test_a_folder_without_pictures_is_a_usage_error(command: Any, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = command("predict", bundle, tmp_path / "empty")
    assert answer.code == 2
    assert "holds no pictures" in answer.err


def test_evaluate_measures_on_labelled_pictures(command: Any, bundle: Path, pictures: Path) -> None:
    report = command("evaluate", bundle, pictures, "--json").json
    assert (report["accuracy"], report["n"], report["split"]) == (1.0, 24, "all")
    assert report["balanced_accuracy"] == 1.0
    assert report["classes"]["dark"] == {"n": 12, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert (report["confused"], report["skipped"]) == ([], [])
    assert 0 < report["log_loss"] < 0.1


def test_evaluate_does_not_claim_what_only_a_name_says(
    command: Any, bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["facts"]["data"] = {"name": "pictures"}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    err = command("evaluate", copy, pictures).err
    assert "These data have the name of those that the bundle was trained on. If they are the same, it has" in err
    assert "the name of those" not in command("evaluate", bundle, pictures).err


def test_evaluate_counts_mistakes_by_class(command: Any, bundle: Path, pictures: Path) -> None:
    for i in range(3):
        (pictures / "light" / f"{i:02d}.png").rename(pictures / "dark" / f"moved{i}.png")
    report = command("evaluate", bundle, pictures, "--json").json
    assert report["accuracy"] == pytest.approx(21 / 24)
    assert report["balanced_accuracy"] == pytest.approx((12 / 15 + 1) / 2)
    assert (report["classes"]["dark"]["recall"], report["classes"]["light"]["recall"]) == (pytest.approx(12 / 15), 1.0)
    assert (report["classes"]["dark"]["precision"], report["classes"]["light"]["precision"]) == (
        1.0,
        pytest.approx(9 / 12),
    )
    assert report["confused"] == [{"class": "dark", "taken_for": "light", "n": 3}]


@pytest.mark.parametrize("n", [MOST_CONFUSED, MOST_CONFUSED + 24])
def test_a_list_of_confusions_that_is_cut_says_so(n: int, capsys: pytest.CaptureFixture[str]) -> None:
    confused = [{"class": f"c{i}", "taken_for": "d", "n": 2} for i in range(MOST_CONFUSED)]
    scores = {"accuracy": 0.5, "balanced_accuracy": 0.5, "log_loss": 1.0}
    _show_classes({**scores, "n": 99, "classes": {}, "confused": confused, "n_confused": n}, "test", ImageIntake)
    out = capsys.readouterr().out
    assert (f"The {MOST_CONFUSED} of {n} confusions that happened most often:" in out) == (n > MOST_CONFUSED)


def test_evaluate_refuses_classes_that_the_bundle_does_not_know(command: Any, bundle: Path, pictures: Path) -> None:
    (pictures / "light").rename(pictures / "bright")
    answer = command("evaluate", bundle, pictures)
    assert answer.code == 2
    assert "a class 'bright' that the bundle does not know" in answer.err


def test_evaluate_names_the_splits_that_there_are(command: Any, bundle: Path, pictures: Path) -> None:
    answer = command("evaluate", bundle, pictures, "--split", "test")
    assert answer.code == 2
    assert "The data are not split. Leave --split out" in answer.err


def test_evaluate_takes_a_split_where_there_is_one(command: Any, bundle: Path, pictures: Path, tmp_path: Path) -> None:
    for part in ("train", "test"):
        shutil.copytree(pictures, tmp_path / "split" / part)
    shutil.rmtree(tmp_path / "split" / "test" / "light")
    (tmp_path / "split" / "test" / "light").mkdir()
    shutil.copy(pictures / "light" / "00.png", tmp_path / "split" / "test" / "light")
    report = command("evaluate", bundle, tmp_path / "split", "--json").json
    assert (report["split"], report["n"]) == ("test", 13)
    assert command("evaluate", bundle, tmp_path / "split", "--split", "all", "--json").json["n"] == 24 + 13


def test_evaluate_leaves_broken_pictures_out_and_says_so(command: Any, bundle: Path, pictures: Path) -> None:
    (pictures / "dark" / "03.png").write_text("no picture")
    answer = command("evaluate", bundle, pictures, "--json")
    assert answer.code == 1
    assert answer.json["n"] == 23
    assert [name.endswith("03.png") for name, _ in answer.json["skipped"]] == [True]
    assert "03.png" in answer.err and answer.err.count("\n") == 1


def test_evaluate_reads_a_zip(command: Any, bundle: Path, pictures: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", pictures)
    assert command("evaluate", bundle, tmp_path / "packed.zip", "--json").json["accuracy"] == 1.0


def test_evaluate_for_people_is_a_sentence_and_tables(command: Any, bundle: Path, pictures: Path) -> None:
    (pictures / "light" / "00.png").rename(pictures / "dark" / "moved.png")
    out = command("evaluate", bundle, pictures).out
    assert out.startswith("Accuracy 0.9583, balanced accuracy 0.9615, log loss ")
    assert "class  pictures  precision  recall" in out
    assert re.search(r"class +predicted as +times", out)


def test_regression_targets_are_measured(command: Any, meter: Path, table: Path) -> None:
    report = command("evaluate", meter, table, "--json").json
    assert (report["n"], report["target"]) == (5, "brightness")
    assert report["rmse"] == pytest.approx(0.1, abs=1e-4)
    assert report["r2"] == pytest.approx(1.0, abs=1e-4)
    told = command("evaluate", meter, table).out  # not R² 1, beside an error
    assert told.startswith("R² 0.99999") and ", RMSE 0.1, MAE 0.1 on 5 pictures (all): brightness." in told


def test_regression_targets_are_predicted(command: Any, meter: Path, table: Path) -> None:
    rows = command("predict", meter, table, "--json").json["predictions"]
    assert [row["value"] for row in rows] == pytest.approx([0, 20, 40, 80, 100], abs=1e-4)
    assert command("predict", meter, table.parent / "1.png").out.endswith("1.png  20\n")
    answer = command("predict", meter, table, "--top", "2")
    assert answer.code == 2 and "no classes for --top" in answer.err


@pytest.mark.parametrize(
    ("which", "part"),
    [
        ("classification", "numbers with fractions as targets"),
        ("regression", "the target 'dark', but the bundle predicts numbers"),
    ],
)
def test_targets_of_the_other_kind_are_refused(
    command: Any, bundle: Path, meter: Path, pictures: Path, table: Path, which: str, part: str
) -> None:
    answer = command("evaluate", bundle, table) if which == "classification" else command("evaluate", meter, pictures)
    assert answer.code == 2
    assert part in answer.err


def test_top_tells_the_next_classes_too(command: Any, bundle: Path, pictures: Path) -> None:
    file = pictures / "dark" / "00.png"
    heading, line = command("predict", bundle, file, "--top", "2").out.splitlines()
    words = line.split()
    assert heading == "file  class  probability  class_2  probability_2"
    assert (words[0], words[1], words[3]) == (str(file), "dark", "light")
    assert list(command("predict", bundle, file, "--top", "1", "--json").json["predictions"][0]["probabilities"]) == [
        "dark"
    ]


def test_predictions_are_written_as_a_table(command: Any, bundle: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "dark" / "06.png").write_text("no picture")
    answer = command("predict", bundle, pictures, "--out", "predictions.csv", "--top", "2")
    assert (answer.code, answer.out) == (1, "Wrote 23 predictions to predictions.csv; 1 could not be read.\n")
    rows = list(csv.DictReader((tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["file", "class", "probability", "class_2", "probability_2", "error"]
    assert [row["class"] for row in rows] == ["dark"] * 6 + [""] + ["dark"] * 5 + ["light"] * 12
    assert "no picture of a kind that is known" in rows[6]["error"]
    assert not list(tmp_path.glob(".*.part"))


def test_predictions_do_not_replace_what_is_read(command: Any, meter: Path, table: Path) -> None:
    before = table.read_text()
    answer = command("predict", meter, table, "--csv", table)
    assert answer.code == 2 and "which is read" in answer.err
    assert table.read_text() == before


def test_the_folder_of_predictions_is_made_as_that_of_a_report(
    command: Any, meter: Path, table: Path, tmp_path: Path
) -> None:
    assert command("predict", meter, table, "--out", tmp_path / "new" / "one" / "p.csv").code == 0
    assert (tmp_path / "new" / "one" / "p.csv").is_file()
    (tmp_path / "taken").write_text("no folder")
    answer = command("predict", meter, table, "--out", tmp_path / "taken" / "p.csv")
    assert answer.code == 2 and "is no folder" in answer.err and answer.err.count("\n") == 1


def test_info_shows_what_a_bundle_is(command: Any, bundle: Path, meter: Path) -> None:
    report = command("bundles", "info", bundle, "--threads", "1", "--json").json
    assert (report["kind"], report["classes"]) == ("classification", ["dark", "light"])
    assert (report["modality"], report["inputs"][0]["height"], report["inputs"][0]["channels"]) == ("image", 8, 1)
    assert report["latency_ms"]["1"] > 0 and report["latency_ms"]["64"] > 0
    assert report["params"] == 4
    assert "the regression target 'brightness'" in command("bundles", "info", meter, "--threads", "1").out
    plain, exact = (command("bundles", "info", bundle, "--threads", "1", *more).out for more in ((), ("--verbose",)))
    assert "multiply-adds" in exact and "multiply-adds" not in plain and "numbers that it learnt" in plain


def test_info_finds_a_damaged_file(command: Any, bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "copy")
    (tmp_path / "copy" / "network.py").write_text("changed")
    answer = command("bundles", "info", tmp_path / "copy")
    assert answer.code == 2 and "network.py is not the one" in answer.err


def test_predicting_loads_no_torch(
    archsmith: Any, bundle: Path, pictures: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    # A folder named torch in front of the real one, which says so when it is imported.
    trap = tmp_path / "trap" / "torch"
    trap.mkdir(parents=True)
    (trap / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    environment["PYTHONPATH"] = f"{trap.parent}:{environment['PYTHONPATH']}"
    ran = archsmith("predict", bundle, pictures / "dark" / "00.png", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["predictions"][0]["class"] == "dark"


# Tables


@pytest.fixture(scope="module")
def sorter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network tells people of 30 years and more from others, by their age."""
    import torch

    from archsmith.bundle.export import export
    from archsmith.bundle.manifest import Facts
    from archsmith.bundle.tables import TableIntake
    from archsmith.core.task import Input, classification
    from archsmith.data.tables.columns import Column
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    columns = (Column("age", "number", 0.0, 60, 10.0, 30.0, 70.0), Column("job", "category", categories=("clerk",)))
    inputs = (Input("numbers", "numbers", (1,)), Input("categories", "categories", (1,), n_codes=2))
    net = Net(inputs)
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=2, dim=1))
    joined = net.op("concat", net.op("standardise", net.input("numbers")), codes)
    net.output(net.op("linear", joined, features=2, name="head"))
    graph = net.graph()
    network = Network(graph, seed=0)
    with torch.no_grad():
        network.get_submodule("standardise").mean.fill_(30.0)
        network.get_submodule("head").weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        network.get_submodule("head").bias.copy_(torch.tensor([0.0, 0.5]))
    folder = tmp_path_factory.mktemp("bundles") / "ages"
    task, facts = classification(inputs, ("=young", "old")), Facts(data={"target": "group"})
    export(network.eval(), graph, task, folder, intake=TableIntake(columns), facts=facts)
    return folder


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A table of five people; the age of one is a word."""
    rows = ("1,clerk,20,=young", "2,cook,40,old", "3,clerk,many,old", "4,,29,=young", "5,clerk,31,old")
    (tmp_path / "people.csv").write_text("\n".join(("id,job,age,group", *rows)) + "\n")
    return tmp_path / "people.csv"


def test_rows_are_predicted_in_their_order(command: Any, sorter: Path, people: Path) -> None:
    answer = command("predict", sorter, people, "--json")
    assert answer.code == 1
    assert [(row["row"], row.get("class")) for row in answer.json["predictions"]] == [
        (1, "=young"),
        (2, "old"),
        (3, None),
        (4, "=young"),
        (5, "old"),
    ]
    assert "The column 'age' holds numbers, but row 4 (the headings are row 1) says 'many'" in answer.err
    assert command("predict", sorter, people).out.splitlines()[2].startswith("2  old  ")


@pytest.mark.parametrize("name", ["p.csv", "p.json", "p.parquet"])
def test_predictions_of_rows_are_written(command: Any, sorter: Path, people: Path, tmp_path: Path, name: str) -> None:
    import pandas

    answer = command("predict", sorter, people, "--out", name, "--proba")
    assert (answer.code, answer.out) == (1, f"Wrote 4 predictions to {name}; 1 could not be read.\n")
    reader = {"csv": pandas.read_csv, "json": pandas.read_json, "parquet": pandas.read_parquet}[name[2:]]
    frame = reader(tmp_path / name)
    assert list(frame.columns) == ["row", "class", "probability =young", "probability old", "error"]
    assert frame["row"].tolist() == [1, 2, 3, 4, 5]
    young = "'=young" if name == "p.csv" else "=young"
    assert frame["class"].fillna("").tolist() == [young, "old", "", young, "old"]
    known = frame[frame["class"].notna()]
    assert (known["probability =young"] + known["probability old"]).tolist() == pytest.approx([1.0] * 4)


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A table of 30 people; the age of every seventh is a word."""
    rows = [f"{place},clerk,{'many' if place % 7 == 3 else 20 + place},old" for place in range(30)]
    (tmp_path / "crowd.csv").write_text("\n".join(("id,job,age,group", *rows)) + "\n")
    return tmp_path / "crowd.csv"


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of eight rows; what was written is known to be good at once."""
    from archsmith.bundle import prediction_draft, table_rows

    monkeypatch.setattr(table_rows, "CHUNK", 8)
    monkeypatch.setattr(prediction_draft, "SAVE_SECONDS", 0.0)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("name", ["p.csv", "p.json", "p.parquet"])
def test_a_run_that_was_killed_anywhere_goes_on(
    command: Any, sorter: Path, crowd: Path, tmp_path: Path, name: str
) -> None:
    """What a kill leaves are the files at that moment. So they are copied before and after each step, and the command
    is given again on every copy.
    """
    from archsmith.bundle.prediction_draft import Draft

    out, moments = tmp_path / "out", tmp_path / "moments"
    out.mkdir()

    def watched(function: Any) -> Any:
        def run(*given: Any, **more: Any) -> Any:
            shutil.copytree(out, moments / f"{len(list(moments.iterdir())) if moments.exists() else 0:03d}")
            return function(*given, **more)

        return run

    words = ("predict", sorter, crowd, "--out", out / name, "--proba")
    with pytest.MonkeyPatch.context() as patched:
        for owner, method in ((Draft, "_written"), (Draft, "_save"), (Path, "replace"), (Path, "unlink")):
            patched.setattr(owner, method, watched(getattr(owner, method)))
        whole = command(*words)
    content = (out / name).read_bytes()
    assert whole.code == 1 and whole.err.count("holds numbers, but row") == 4
    left = sorted(moments.iterdir())
    assert len(left) > 15
    went_on = 0
    for moment in left:
        shutil.rmtree(out)
        shutil.copytree(moment, out)
        again = command(*words)
        assert (out / name).read_bytes() == content and [path.name for path in out.iterdir()] == [name], moment
        assert (again.code, again.out) == (1, whole.out)
        said = again.err.splitlines(keepends=True)
        if said[0].startswith("archsmith: Goes on after the first "):
            went_on += 1
            del said[0]
        assert "".join(said) == whole.err
    assert went_on > 10


def test_a_process_that_was_killed_goes_on(
    archsmith: Any, environment: dict[str, str], sorter: Path, crowd: Path, tmp_path: Path
) -> None:
    killing = """
import os, sys
from archsmith.bundle import table_rows
from archsmith.bundle import prediction_draft
from archsmith.cli.main import main
table_rows.CHUNK, prediction_draft.SAVE_SECONDS = 8, 0.0
add = prediction_draft.Draft.add
def kill(self, block):
    add(self, block)
    if self.reached.n == 24:
        self._file.write(b"half a row")
        self._file.flush()
        os.kill(os.getpid(), 9)
prediction_draft.Draft.add = kill
main(sys.argv[1:])
"""
    words = [str(word) for word in ("predict", sorter, crowd, "--out", "p.csv")]
    done = subprocess.run([sys.executable, "-c", killing, *words], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == -9 and not (tmp_path / "p.csv").exists()
    again, whole = archsmith(*words), archsmith(*words[:-1], "whole.csv")
    assert again.err.startswith("archsmith: Goes on after the first 24 rows of a run that was stopped.")
    assert whole.err == again.err.partition("\n")[2]
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("small_steps")
def test_a_stopped_run_begins_anew_where_something_has_changed(
    command: Any, sorter: Path, crowd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archsmith.bundle.prediction_draft import Draft

    words = ("predict", sorter, crowd, "--out", "p.csv")

    def stop(*more: str) -> Any:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Draft, "finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
            return command(*words, *more)

    stopped = stop()
    assert stopped.code == 130 and stopped.err.endswith("Stopped after 30 rows. The same command goes on there.\n")
    assert stop("--no-resume").err.endswith("The same command without --no-resume goes on there.\n")
    assert "the options have changed since" in command(*words, "--top", "2").err
    stop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("archsmith.version.VERSION", "99")
        assert "the version of Archsmith has changed since" in command(*words).err
    stop()
    assert "that was stopped" not in command(*words, "--no-resume").err
    stop()
    crowd.write_text(crowd.read_text() + "30,cook,50,old\n")
    answer = command(*words)
    assert answer.err.startswith("archsmith: Begins anew: the data have changed since the run that was stopped.")
    assert answer.out == "Wrote 27 predictions to p.csv; 4 could not be read.\n"


@pytest.mark.usefixtures("small_steps")
def test_pictures_of_a_stopped_run_go_on(
    command: Any, bundle: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archsmith.bundle import images
    from archsmith.bundle.prediction_draft import Draft

    monkeypatch.setattr(images, "CHUNK", 5)
    (pictures / "dark" / "06.png").write_text("no picture")
    add = Draft.add

    def stop(self: Draft, block: Any) -> None:
        if self.reached.n == 15:
            raise KeyboardInterrupt
        add(self, block)

    words = ("predict", bundle, pictures, "--out", "p.csv")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Draft, "add", stop)
        assert command(*words).code == 130
    again, whole = command(*words), command(*words[:-1], "whole.csv")
    assert again.err.startswith("archsmith: Goes on after the first 15 pictures") and "06.png" in again.err
    assert (again.code, whole.code) == (1, 1)
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_table_without_a_column_is_a_usage_error(command: Any, sorter: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("job\nclerk\n")
    answer = command("predict", sorter, tmp_path / "t.csv", "--out", "p.csv")
    assert answer.code == 2 and "The table has no column 'age'. It needs the columns 'age', 'job'." in answer.err
    assert not (tmp_path / "p.csv").exists()


def test_options_that_do_not_fit_are_refused(command: Any, sorter: Path, meter: Path, people: Path) -> None:
    for words, part in (
        ((sorter, people, "--proba"), "Give --out"),
        ((sorter, people, "--proba", "--top", "1", "--out", "p.csv"), "and no --top"),
        ((meter, people, "--proba", "--out", "p.csv"), "no classes for --proba"),
        ((sorter, people, people), "one table at a time, not 2"),
        ((sorter, people, "--image-column", "id"), "no column holds the examples"),
    ):
        answer = command("predict", *words)
        assert answer.code == 2 and part in answer.err


def test_evaluate_measures_on_rows(command: Any, sorter: Path, people: Path) -> None:
    answer = command("evaluate", sorter, people, "--target-column", "group", "--json")
    assert answer.code == 1
    assert (answer.json["accuracy"], answer.json["n"]) == (1.0, 4)
    assert answer.json["skipped"][0][0] == "row 4 (the headings are row 1)"
    shown = command("evaluate", sorter, people)  # the bundle knows what its target was called
    assert shown.out.startswith("Accuracy 1, balanced accuracy 1, log loss ") and "on 4 rows (all)" in shown.out


def test_info_shows_the_columns(command: Any, sorter: Path) -> None:
    out = command("bundles", "info", sorter, "--threads", "1").out
    assert "rows of a table with the columns 'age', 'job'" in out
    assert "10 to 70, median 30" in out and "rows a second" in out.replace("\n", " ")
    report = command("bundles", "info", sorter, "--threads", "1", "--json").json
    assert report["modality"] == "table" and report["inputs"][0]["columns"][0]["name"] == "age"


def test_a_web_page_of_a_bundle(bundle: Path, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archsmith.bundle import web

    site = tmp_path / "installed"
    shutil.copytree(str(web.SITE), site, ignore=shutil.ignore_patterns(web.VENDOR))
    monkeypatch.setattr(web, "SITE", site)
    ended = command("bundles", "web", bundle, "--out", "page")
    assert ended.code == 2 and "no onnxruntime-web" in ended.err and "make web" in ended.err
    assert len(ended.err.splitlines()) == 1 and not Path("page").exists()
    (site / web.VENDOR).mkdir()
    for name in web.RUNTIME:
        (site / web.VENDOR / name).write_text("")
    ended = command("bundles", "web", bundle, "--out", "page", "--json")
    assert ended.code == 0 and ended.json["files"] == sum(path.is_file() for path in Path("page").rglob("*"))
    said = command("bundles", "web", bundle, "--out", "page").out
    assert "Wrote a page of" in said and "python -m http.server" in said
    said = command("bundles", "web", bundle, "--out", "my page").out
    assert "--directory '" in said and "my page'  and open" in said


@pytest.mark.parametrize(
    ("start", "mark"),
    [
        (("predict", "{}", __file__), "bundle"),
        (("evaluate", "{}", __file__), "bundle"),
        (("bundles", "info", "{}"), "bundle"),
        (("serve", "{}"), "bundle"),
        (("draw", "{}"), "bundle"),
        (("report", "{}"), "study"),
        (("studies", "show", "{}"), "study"),
        (("studies", "resume", "{}"), "study"),
        (("studies", "stop", "{}"), "study"),
    ],
    ids=lambda value: "-".join(value[:-1]) if isinstance(value, tuple) else value,
)
def test_a_place_that_is_none_gets_the_same_words_and_exit_code_everywhere(command, tmp_path, start, mark):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for place, words in (
        (tmp_path / "gone", "no "),
        (tmp_path / "empty", f"is no {mark}: it has no "),
        (tmp_path / "pipe", f"is a file, not the folder of a {mark}"),
        ("", "empty" if start[0] != "bundles" else "is no bundle"),
    ):
        answer = command(*(word.format(place) for word in start))
        assert (answer.code, answer.err.count("\n")) == (2, 1), answer.err
        assert words in answer.err


def test_nothing_to_predict_is_a_mistake_in_the_command(command, bundle, tmp_path):
    for files in (["gone.png"], ["gone.png", "lost.png", "away.png"]):
        answer = command("predict", str(bundle), *files)
        assert answer.code == 2 and "There is no file or folder 'gone.png'" in answer.err
    assert "(nor the 2 other ones)" in answer.err
