from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net
from archsmith.spaces.cell_layout import IDENTITY, OPERATIONS, CellStyle, check_operations, graph_of_cell, lay_blocks
from archsmith.spaces.cells import Block, Cell, Side


def cell_of(*names: str, output: tuple[str, ...] = ("block0",)) -> Cell:
    left, right = names
    return Cell((Block(Side("prev", left), Side("cur", right), "add"),), output)


def outcome(cell: Cell, style: CellStyle) -> tuple[int, ...]:
    net = Net({"prev": (8, 9, 9), "cur": (8, 9, 9)})
    return lay_blocks(net, cell, net.input("prev"), net.input("cur"), style).shape


@pytest.mark.parametrize("operation", [IDENTITY, *OPERATIONS])
@pytest.mark.parametrize("factorized", [False, True])
def test_every_operation_gives_the_width_and_size_that_its_style_asks_for(operation: str, factorized: bool) -> None:
    cell = cell_of(operation, "sep3x3")
    assert outcome(cell, CellStyle(12, factorized=factorized)) == (12, 9, 9)
    assert outcome(cell, CellStyle(12, stride=2, factorized=factorized)) == (12, 5, 5)


def test_states_that_leave_are_put_side_by_side_or_projected_to_one_shape() -> None:
    cell = cell_of("sep3x3", "sep3x3", output=("prev", "cur", "block0"))
    assert outcome(cell, CellStyle(8)) == (24, 9, 9)
    assert outcome(cell, CellStyle(8, ends="project")) == (8, 9, 9)


def test_an_input_that_leaves_a_strided_cell_is_halved_too() -> None:
    assert outcome(cell_of("sep3x3", "sep3x3", output=("prev", "block0")), CellStyle(8, stride=2)) == (16, 5, 5)


def test_the_graph_of_a_cell_has_its_two_inputs() -> None:
    assert graph_of_cell(cell_of("sep3x3", IDENTITY)).inputs == ("prev", "cur")


def test_an_unknown_operation_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no operation 'sep9x9'.*identity, conv1x3_3x1"):
        check_operations(("identity", "sep9x9"))
