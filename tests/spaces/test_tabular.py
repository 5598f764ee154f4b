"""Networks for tables: of numbers alone, of categories alone, and of both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.task import Input, Task, classification, image_classification, regression
from archsmith.data.tables.columns import Column
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.spaces.tabular import CATEGORIES, DEPTHS, NUMBERS, WIDTHS, TableRecipe, Tabular
from archsmith.testing.laws import check_network_space, check_space
from archsmith.testing.network_laws import random_batch

torch = pytest.importorskip("torch")
from archsmith.graphs.bank import WeightBank  # noqa: E402
from archsmith.graphs.constants import fit_constants  # noqa: E402
from archsmith.graphs.network import Network  # noqa: E402
from archsmith.graphs.weights import inherit  # noqa: E402

torch.set_num_threads(1)

SPACES = {
    "numbers": Tabular(numbers=3),
    "missing": Tabular(numbers=3, missing=(0, 2), n_outputs=4),
    "categories": Tabular(numbers=0, categories=2, n_codes=7, n_outputs=1),
    "both": Tabular(numbers=3, missing=(1,), categories=2, n_codes=7, n_outputs=3),
    "with a recipe": Tabular(numbers=2, categories=1, n_codes=3, recipe=TableRecipe()),
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
SMALL = {"body": "mlp", "depth": 1, "width": 64, "dropout": 0.0}
PLAIN = {"numbers/encoding": "none", **SMALL}


def operations(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


@every_space
def test_laws_of_spaces(space: Tabular) -> None:
    check_space(space, n_samples=4, scales=[replace(space, n_outputs=9)])


@every_space
def test_laws_of_networks(space: Tabular) -> None:
    """Shapes, counts, the generated source, and what a child has from a bank."""
    check_network_space(space, n_samples=2)


@every_space
def test_the_first_architecture_takes_the_first_option_of_every_decision(space: Tabular) -> None:
    decisions = space.decisions(space.first())
    assert all(decision.answer == next(iter(decision.options)) for decision in decisions)  # type: ignore[arg-type]


@every_space
def test_a_space_can_be_rebuilt_from_its_spec(space: Tabular) -> None:
    assert catalog.from_spec(json.loads(json.dumps(catalog.to_spec(space))), "space") == space


@pytest.mark.parametrize(("name", "expected"), [("numbers", 480), ("categories", 288), ("both", 1440)])
def test_how_many_networks_there_are(name: str, expected: int) -> None:
    # 2 bodies, 4 depths, 4 widths and 3 dropouts; 4 encodings or none; 3 embeddings
    points = list(SPACES[name].enumerate())
    assert len(points) == len(set(points)) == expected


@pytest.mark.parametrize(
    ("space", "architecture", "expected"),
    [
        # a layer without bias, its normalisation, and the head
        (Tabular(numbers=2), PLAIN, 2 * 64 + 128 + 64 * 2 + 2),
        # two bins a number stand beside the standardised ones
        (Tabular(numbers=2), {**PLAIN, "numbers/encoding": "piecewise", "numbers/bins": 8}, 18 * 64 + 128 + 64 * 2 + 2),
        # one mark for each column that lacks values
        (Tabular(numbers=2, missing=(1,)), PLAIN, 3 * 64 + 128 + 64 * 2 + 2),
        # one row of the embedding for each code
        (
            Tabular(numbers=0, categories=2, n_codes=5, n_outputs=1),
            {"categories/dimension": 4, **SMALL},
            5 * 4 + 2 * 4 * 64 + 128 + 64 + 1,
        ),
        # a stem, one block of twice the width, and a normalisation before the head
        (
            Tabular(numbers=2),
            {**PLAIN, "body": "residual"},
            2 * 64 + 64 + 128 + (64 * 128 + 128) + (128 * 64 + 64) + 128 + 64 * 2 + 2,
        ),
    ],
)
def test_parameters_are_those_of_the_formula(space: Tabular, architecture: dict[str, Any], expected: int) -> None:
    assert cost(space.graph(architecture)).params == expected


def test_the_hand_made_network_is_residual_on_encoded_numbers() -> None:
    found = operations(SPACES["both"].graph(SPACES["both"].first()))
    assert {"standardise", "piecewise_linear", "missing", "embedding", "dropout"} <= set(found)
    assert found.count("add") == DEPTHS[0]


@pytest.mark.parametrize("body", ["mlp", "residual"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_depth_counts_layers_or_blocks(body: str, depth: int) -> None:
    graph = SPACES["numbers"].graph({**PLAIN, "body": body, "depth": depth})
    kinds = [scope.kind for scope in graph.scopes.values()]
    assert kinds == [{"mlp": "Layer", "residual": "Block"}[body]] * depth


def test_without_dropout_there_is_no_such_operation() -> None:
    assert "dropout" not in operations(SPACES["numbers"].graph(PLAIN))


# Tasks


def task(*inputs: Input) -> Task:
    return classification(inputs, ("a", "b", "c"))


A_NUMBERS = Input(NUMBERS, NUMBERS, (5,), missing=(1, 4))
A_CATEGORIES = Input(CATEGORIES, CATEGORIES, (2,), n_codes=9)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (task(Input(NUMBERS, NUMBERS, (5,))), Tabular(numbers=5, n_outputs=3)),
        (task(A_NUMBERS), Tabular(numbers=5, missing=(1, 4), n_outputs=3)),
        (task(A_CATEGORIES), Tabular(numbers=0, categories=2, n_codes=9, n_outputs=3)),
        (task(A_NUMBERS, A_CATEGORIES), Tabular(5, (1, 4), 2, 9, 3)),
        (regression((A_CATEGORIES, A_NUMBERS), "price"), Tabular(5, (1, 4), 2, 9, 1)),
    ],
)
def test_a_space_for_the_columns_of_a_task(asked: Task, expected: Tabular) -> None:
    found = Tabular.for_task(asked)
    assert found == expected
    assert {entry.name: entry for entry in found.inputs} == {entry.name: entry for entry in asked.inputs}


def test_fields_may_be_given_besides_the_task() -> None:
    assert Tabular.for_task(task(A_NUMBERS), recipe=TableRecipe()).recipe == TableRecipe()


@pytest.mark.parametrize(
    "asked",
    [
        image_classification((3, 8, 8), ("a", "b")),
        task(A_NUMBERS, Input("image", "image", (3, 8, 8))),
        task(A_NUMBERS, Input("more", NUMBERS, (2,))),
        task(Input(NUMBERS, NUMBERS, (None,))),
        task(Input(CATEGORIES, CATEGORIES, (2,))),
    ],
)
def test_tasks_of_other_inputs_are_refused(asked: Task) -> None:
    with pytest.raises(UsageError, match="takes the numbers and categories of a table"):
        Tabular.for_task(asked)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"numbers": 0}, "at least one column"),
        ({"numbers": -1, "categories": 2, "n_codes": 4}, "-1 number columns"),
        ({"categories": 3, "n_codes": 2}, "cannot have 2 codes"),
    ],
)
def test_settings_that_mean_nothing_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Tabular(**fields)


# Networks


@every_space
def test_a_network_gives_one_row_of_outputs_for_each_row_of_a_table(space: Tabular) -> None:
    network = Network(space.graph(space.first()), seed=0).eval()
    with torch.no_grad():
        found = network(random_batch(space, 5))
    assert found.shape == (5, space.n_outputs) and torch.isfinite(found).all()


def test_constants_come_from_the_rows_and_missing_values_stay_harmless() -> None:
    space = SPACES["missing"]
    network = Network(space.graph(space.first()), seed=0)
    rows = 100 + 5 * random_batch(space, 64)
    assert fit_constants(network, [rows]) == 2
    present = torch.nanmean(rows, 0)
    torch.testing.assert_close(network.get_buffer("standardise.mean"), present, rtol=1e-4, atol=1e-3)
    with torch.no_grad():
        assert torch.isfinite(network.eval()(rows)).all()


def test_a_missing_value_is_told_from_the_mean() -> None:
    space = SPACES["missing"]
    network = Network(space.graph(PLAIN), seed=0).eval()
    rows = torch.zeros(2, 3)  # constants that were never fitted say that the mean is 0
    rows[1, 0] = torch.nan
    with torch.no_grad():
        mean, missing = network(rows)
    assert not torch.equal(mean, missing)


def deeper(architecture: dict[str, Any], depth: int) -> Graph:
    return SPACES["both"].graph({"categories/dimension": 8, **architecture, "depth": depth})


@pytest.mark.parametrize(("body", "added"), [("mlp", "layer1."), ("residual", "block1.")])
def test_a_deeper_child_inherits_all_but_what_was_added(body: str, added: str) -> None:
    parent, child = (Network(deeper({**PLAIN, "body": body}, depth), seed=depth) for depth in (1, 2))
    copied = inherit(child, parent)
    new = sum(value.numel() for name, value in child.named_parameters() if name.startswith(added))
    total = sum(value.numel() for value in child.parameters())
    assert copied == pytest.approx(1 - new / total)
    assert all(torch.equal(child.get_parameter(name), value) for name, value in parent.named_parameters())


def test_networks_of_one_bank_share_their_weights() -> None:
    bank = WeightBank()
    one, two = (Network(deeper({**PLAIN, "body": "residual"}, depth), bank) for depth in (1, 2))
    shared = one.get_parameter("block0.up.weight")
    assert two.get_parameter("block0.up.weight") is shared
    assert two.get_parameter("block1.up.weight") is not shared


def test_widths_of_one_bank_are_parts_of_one_tensor() -> None:
    bank = WeightBank()
    narrow, wide = (Network(deeper({**PLAIN, "width": width}, 1), bank) for width in sorted(WIDTHS[:2]))
    with torch.no_grad():
        wide.get_parameter("layer0.linear.weight").fill_(0.5)
    assert (narrow.get_parameter("layer0.linear.weight") == 0.5).all()


def test_an_architecture_becomes_a_bundle(tmp_path: Path) -> None:
    """The exported ONNX model and the exported source compute what the network does; ``export`` verifies both."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    from archsmith.bundle import Predictor
    from archsmith.bundle.export import export
    from archsmith.bundle.tables import TableIntake

    columns = (
        Column("age", "number", 0.1, 50, 17.0, 38.0, 90.0),
        Column("job", "category", categories=("clerk", "farmer")),
        Column("height", "number", 0.0, 50, 1.5, 1.7, 2.0),
    )
    inputs = (Input(NUMBERS, NUMBERS, (2,), missing=(0,)), Input(CATEGORIES, CATEGORIES, (1,), n_codes=3))
    asked = task(*inputs)
    space = Tabular.for_task(asked)
    graph = space.graph(space.first())
    network = Network(graph, seed=0)
    ages = torch.tensor([[20.0, 1.6], [torch.nan, 1.7], [60.0, 1.9], [41.0, 1.8]])
    fit_constants(network, [{NUMBERS: ages, CATEGORIES: torch.tensor([[0], [1], [2], [1]])}])
    verified = export(network, graph, asked, tmp_path / "bundle", intake=TableIntake(columns))
    assert verified.max_difference <= 1e-5 and verified.source_difference <= 1e-6
    found = Predictor(tmp_path / "bundle").predict_proba([{"age": None, "job": "farmer", "height": 1.7}])
    with torch.no_grad():
        rows = {NUMBERS: torch.tensor([[torch.nan, 1.7]]), CATEGORIES: torch.tensor([[2]])}
        expected = torch.softmax(network.eval()(rows), 1)
    np.testing.assert_allclose(np.asarray(found), expected.numpy(), atol=1e-5)


def test_a_sketch_tells_networks_apart() -> None:
    space = SPACES["both"]
    first = space.first()
    other = Architecture({**first, "body": "mlp"})
    assert space.sketch(first) != space.sketch(other)
    assert space.sketch(first).paths
