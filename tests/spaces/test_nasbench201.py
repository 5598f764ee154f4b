from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.cost import cost
from archsmith.spaces.nasbench201 import EDGES, NasBench201, NasBench201Scale, architecture_of, operations_of


def test_the_space_has_all_15625_cells() -> None:
    assert NasBench201().size() == 15_625


def test_architectures_and_rows_of_the_table_convert_both_ways() -> None:
    row = (4, 2, 1, 2, 0, 3)
    architecture = architecture_of(row)
    assert operations_of(architecture) == row
    assert architecture["node1/from0"] == "avg_pool_3x3"
    assert architecture["node3/from2"] == "nor_conv_3x3"
    assert EDGES == ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))


@pytest.mark.parametrize("row, params", [((4, 2, 1, 2, 1, 1), 129_306), ((3, 3, 1, 1, 3, 3), 1_045_466), ((1, 2, 1, 3, 0, 1), 344_346)])
def test_parameters_are_those_of_the_published_table(row: tuple[int, ...], params: int) -> None:
    assert cost(NasBench201().graph(architecture_of(row))).params == params


def test_a_cell_without_any_operation_is_a_network_all_the_same() -> None:
    graph = NasBench201(scale=NasBench201Scale(4, 1)).graph(architecture_of((0,) * 6))
    assert graph.node(graph.outputs["class"]).shape == (10,)


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(UsageError, match="6 edges"):
        architecture_of((1, 2, 3))
