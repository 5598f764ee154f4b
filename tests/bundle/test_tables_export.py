from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archsmith.bundle import Predictor
from archsmith.bundle.export import export
from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import MODEL, read
from archsmith.bundle.output import ModelOutput
from archsmith.bundle.tables import TableIntake
from archsmith.bundle.tables_export import Preprocess, TableExporter
from archsmith.bundle.verify import verify
from archsmith.core.errors import ArchsmithError
from archsmith.core.task import Input, regression
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import encode
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network


def session(folder: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession((folder / MODEL).read_bytes(), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def namespace(people: Any) -> dict[str, Any]:
    """What ``network.py`` defines."""
    found: dict[str, Any] = {"__name__": "network"}
    text = (people.folder / "network.py").read_text(encoding="utf-8")
    exec(compile(text, "network.py", "exec"), found)
    return found


def test_verified_within_the_limits(people: Any, houses: Any) -> None:
    for exported in (people, houses):
        assert exported.verification.max_difference <= 1e-5 and exported.verification.source_difference <= 1e-6
    assert people.verification.accuracy_predictor == people.verification.accuracy_torch


def test_the_model_takes_raw_numbers_and_texts(people: Any) -> None:
    numbers = np.array([[31.0, 18_022.0, 1e9 + 3], [np.nan, 18_022.0, 1e9 + 3]])
    texts = np.array([["clerk", "True"], ["nobody", ""]], object)
    (found,) = session(people.folder).run(None, {"numbers": numbers, "categories": texts})
    rows = [
        {"age": 31, "job": "clerk", "hired": "2019-05-06", "number": 1e9 + 3, "sex": True},
        {"age": None, "job": "other", "hired": "2019-05-06", "number": 1e9 + 3, "sex": None},
    ]
    assert np.abs(found - Predictor(people.folder).predict_proba(rows)).max() < 1e-6


def test_numbers_beyond_all_measure_count_as_missing_in_the_model(people: Any) -> None:
    texts = np.array([["clerk", "m"]] * 4, object)
    numbers = np.array([[age, 18_022.0, 1e9 + 3] for age in (np.nan, np.inf, -np.inf, 1e31)])
    (found,) = session(people.folder).run(None, {"numbers": numbers, "categories": texts})
    assert np.abs(found - found[0]).max() == 0.0


def test_offsets_are_subtracted_before_rounding(people: Any) -> None:
    intake = read(people.folder).intake
    assert isinstance(intake, TableIntake)
    numbers = torch.tensor([[0.0, 0.0, 1e9 + 3.25]], dtype=torch.float64)
    codes = torch.tensor([[0, 4]])
    found = Preprocess(intake)(numbers, codes)
    assert found["numbers"].dtype == torch.float32 and found["numbers"][0, 2].item() == -1.75
    assert torch.equal(found["categories"], codes)


def test_a_network_of_numbers_alone_is_given_them_without_a_name(houses: Any) -> None:
    (given,) = session(houses.folder).get_inputs()
    assert (given.name, given.type, given.shape[1]) == ("numbers", "tensor(double)", 2)
    predictor = Predictor(houses.folder)
    found = predictor.predict({"area": [50, 120], "rooms": [2, 5]})
    assert found.shape == (2,) and found[0] != found[1]  # type: ignore[union-attr]
    assert "regression target 'price', network input 2 numbers" in repr(predictor)


def test_other_weights_are_found_out(people: Any) -> None:
    import copy

    other = copy.deepcopy(people.network)
    with torch.no_grad():
        other.get_submodule("linear").weight.mul_(1.1)
    with pytest.raises(ArchsmithError, match="differs from the trained one"):
        verify(people.folder, other, people.graph, people.raw)


def test_preprocessing_of_the_source_is_that_of_the_training_data(people: Any, namespace: dict[str, Any]) -> None:
    intake = read(people.folder).intake
    rows = [
        *people.raw,
        {"age": "31.5", "job": 3.0, "hired": "2019-05-06 10:30:00", "number": 1e9 + 3.25, "sex": " True "},
        {"age": "", "job": None, "hired": None, "number": None, "sex": "nobody"},
    ]
    numbers, categories = namespace["preprocess"](rows)
    table = {name: [row[name] for row in rows] for name in rows[0]}
    expected = encode(intake.columns, table)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(numbers.numpy(), expected["numbers"])
    np.testing.assert_array_equal(categories.numpy(), expected["categories"])


def test_a_column_that_a_row_lacks_counts_as_missing(namespace: dict[str, Any]) -> None:
    numbers, categories = namespace["preprocess"]([{}])
    assert numbers.isnan().all() and categories.tolist() == [[0, 4]]


def test_the_words_at_the_top_of_the_source_work_as_they_stand(people: Any, houses: Any, tmp_path: Path) -> None:
    """-I leaves PYTHONPATH out, so nothing of this library is there."""
    for exported in (people, houses):
        folder = tmp_path / exported.folder.name
        shutil.copytree(exported.folder, folder)
        text = (folder / "network.py").read_text(encoding="utf-8")
        lines = [line[6:] for line in text.splitlines() if line.startswith("#     ")]
        code = "import sys; sys.path.insert(0, '.')\n" + "\n".join(lines) + "\nassert 'archsmith' not in sys.modules"
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-c", code],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = done.stdout.strip()
        assert told in read(folder).classes or told.startswith("price ")


def test_the_manifest_holds_what_the_model_needs(people: Any) -> None:
    """Whoever runs ``model.onnx`` alone finds the order of the columns there."""
    inputs = json.loads((people.folder / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    assert [[column["name"] for column in entry["columns"]] for entry in inputs] == [
        ["age", "hired", "number"],
        ["job", "sex"],
    ]
    assert inputs[1]["columns"][0]["categories"] == ["clerk", "-farmer", "3"]


def test_names_and_texts_from_outside_survive_the_source() -> None:
    columns = (
        Column("a{x}\n'\"", "number", minimum=0.0, median=1.0, maximum=2.0),
        Column('"""', "category", categories=("{y}", 'quo"te\n', "ünï", "\\")),
    )
    inputs = (Input("numbers", "numbers", (1,)), Input("categories", "categories", (1,), n_codes=5))
    net = Net(inputs)
    net.output(net.op("linear", net.input("numbers"), features=2))
    output = ModelOutput("probabilities", "classification", ("a", "b"))
    text = listing(net.graph(), TableIntake(columns).exporter(), output)
    found: dict[str, Any] = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), found)
    assert found["NUMBERS"] == {columns[0].name: 0.0}
    assert found["CATEGORIES"] == {columns[1].name: columns[1].categories}
    assert found["preprocess"]([{'"""': "ünï"}])[1].tolist() == [[3]]


def test_a_network_may_pass_over_an_input(tmp_path: Path) -> None:
    columns = (Column("a", "number", maximum=9.0), Column("b", "category", categories=("x",)))
    inputs = (Input("numbers", "numbers", (1,)), Input("categories", "categories", (1,), n_codes=2))
    net = Net(inputs)
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=2, dim=3))
    net.output(net.op("linear", codes, features=1))
    graph = net.graph()
    task, intake = regression(inputs, "y"), TableIntake(columns)
    export(Network(graph, seed=0), graph, task, tmp_path / "b", intake=intake, target_statistics=(0.0, 1.0))
    found = Predictor(tmp_path / "b").predict({"a": [1.0, 7.0, 1.0], "b": ["x", "x", "y"]})
    assert found[0] == found[1] != found[2]


def test_network_py_reads_dates_as_the_predictor_does() -> None:
    column = Column("hired", "number", 0.0, 9, 17_000.0, 18_000.0, 20_000.0, written="day_first")
    exporter = TableExporter(TableIntake((column,), ("hired",)))
    found: dict[str, Any] = {}
    exec("\n".join(["import torch", *exporter.imports()]) + exporter.constants(), found)
    texts = ["18.01.2023", "18/01/2023", "2023-01-18"]
    assert [found["number"](text, "hired") for text in texts] == [19375.0] * 3
    assert encode((column,), {"hired": texts})["numbers"].ravel().tolist() == [19375.0] * 3
