from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CLASSES = ("dark", "light")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network tells dark pictures from light ones, by their mean."""
    import torch

    from archsmith.bundle.export import export
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
    export(network.eval(), graph, image_classification((1, 8, 8), CLASSES), folder, mean=(0.0,), std=(1.0,))
    return folder


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
    assert answer.out.startswith(f"{pictures / 'dark' / '00.png'}  dark  ")


def test_a_broken_picture_does_not_stop_the_others(command: Any, bundle: Path, pictures: Path) -> None:
    (pictures / "dark" / "06.png").write_text("no picture")
    answer = command("predict", bundle, pictures / "dark", "--json")
    assert answer.code == 1
    assert [bool(row.get("error")) for row in answer.json["predictions"]] == [i == 6 for i in range(12)]
    assert "06.png" in answer.err and answer.err.count("\n") == 1


@pytest.mark.parametrize(("words", "part"), [(("nowhere", "x.png"), "no bundle at 'nowhere'"), ((".", "x.png"), "no manifest.json")])
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
    assert report["classes"]["dark"] == {"n": 12, "recall": 1.0}
    assert 0 < report["log_loss"] < 0.1


def test_evaluate_counts_mistakes_by_class(command: Any, bundle: Path, pictures: Path) -> None:
    for i in range(3):
        (pictures / "light" / f"{i:02d}.png").rename(pictures / "dark" / f"moved{i}.png")
    report = command("evaluate", bundle, pictures, "--json").json
    assert report["accuracy"] == pytest.approx(21 / 24)
    assert (report["classes"]["dark"]["recall"], report["classes"]["light"]["recall"]) == (pytest.approx(12 / 15), 1.0)


def test_evaluate_refuses_classes_that_the_bundle_does_not_know(command: Any, bundle: Path, pictures: Path) -> None:
    (pictures / "light").rename(pictures / "bright")
    answer = command("evaluate", bundle, pictures)
    assert answer.code == 2
    assert "a class 'bright' that the bundle does not know" in answer.err


def test_evaluate_names_the_splits_that_there_are(command: Any, bundle: Path, pictures: Path) -> None:
    answer = command("evaluate", bundle, pictures, "--split", "test")
    assert answer.code == 2
    assert "no split 'test'. They have: train." in answer.err


def test_predicting_loads_no_torch(archsmith: Any, bundle: Path, pictures: Path, environment: dict[str, str], tmp_path: Path) -> None:
    # A folder named torch in front of the real one, which says so when it is imported.
    trap = tmp_path / "trap" / "torch"
    trap.mkdir(parents=True)
    (trap / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    environment["PYTHONPATH"] = f"{trap.parent}:{environment['PYTHONPATH']}"
    ran = archsmith("predict", bundle, pictures / "dark" / "00.png", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["predictions"][0]["class"] == "dark"
