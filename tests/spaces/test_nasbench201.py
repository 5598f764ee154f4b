from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.cost import cost
from archsmith.spaces.nasbench201 import EDGES, NasBench201, NasBench201Scale, architecture_of, operations_of


def test_the_space_has_all_15625_cells() -> None:
    assert NasBench201().count() == NasBench201().size().number == 15_625


def test_architectures_and_rows_of_the_table_convert_both_ways() -> None:
    row = (4, 2, 1, 2, 0, 3)
    architecture = architecture_of(row)
    assert operations_of(architecture) == row
    assert architecture["node1/from0"] == "avg_pool_3x3"
    assert architecture["node3/from2"] == "nor_conv_3x3"
    assert EDGES == ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))


@pytest.mark.parametrize(
    "row, params", [((4, 2, 1, 2, 1, 1), 129_306), ((3, 3, 1, 1, 3, 3), 1_045_466), ((1, 2, 1, 3, 0, 1), 344_346)]
)
def test_parameters_are_those_of_the_published_table(row: tuple[int, ...], params: int) -> None:
    assert cost(NasBench201().graph(architecture_of(row))).params == params


def test_a_cell_without_any_operation_is_a_network_all_the_same() -> None:
    graph = NasBench201(scale=NasBench201Scale(4, 1)).graph(architecture_of((0,) * 6))
    assert graph.node(graph.outputs["class"]).shape == (10,)


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(UsageError, match="6 edges"):
        architecture_of((1, 2, 3))


@pytest.mark.parametrize(
    ("row", "live"),
    [
        ((3, 0, 3, 1, 2, 4), (3, 0, 3, 1, 2, 4)),
        ((3, 2, 0, 2, 0, 0), (0, 0, 0, 2, 0, 0)),  # nodes 1 and 2 lead nowhere
        ((0, 0, 3, 1, 3, 3), (0, 0, 0, 1, 0, 0)),  # nothing leads to them
        ((3, 0, 0, 0, 0, 4), (0, 0, 0, 0, 0, 0)),  # in pieces
    ],
)
def test_edges_on_no_way_from_input_to_output_are_dead(row: tuple[int, ...], live: tuple[int, ...]) -> None:
    space = NasBench201()
    assert operations_of(space.live(architecture_of(row))) == live
    assert bool(space.sketch(architecture_of(row)).paths) == any(live)


def test_a_sketch_is_of_the_cell() -> None:
    sketch = NasBench201().sketch(architecture_of((3, 1, 2, 1, 0, 4)))
    assert sketch.paths == {"cell: ": 1, "cell: conv3x3 conv1x1 avg_pool3x3": 1, "cell: avg_pool3x3": 1}
    assert sketch.numbers["cell params"] == 9 * 16 * 16 + 16 * 16 + 4 * 16
