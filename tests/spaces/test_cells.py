from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from archsmith.core.errors import UsageError
from archsmith.core.space import Choose, Options, Space
from archsmith.spaces.cells import OUTPUTS, Cell, Rules, choose_cell, states


def choosing(answers: Mapping[str, str]) -> Choose:
    """Answers by the end of the path, and otherwise with the first option."""

    def choose(path: str, options: Options, weights: Sequence[float] | None = None) -> object:
        return answers.get(path.split("/", 2)[-1], options[0])  # type: ignore[index]

    return choose  # type: ignore[return-value]


def cell_of(rules: Rules, answers: Mapping[str, str] | None = None) -> Cell:
    return choose_cell(choosing(answers or {}), "normal", rules)


def test_states_are_the_inputs_and_then_the_blocks() -> None:
    assert states(2) == ("prev", "cur", "block0", "block1")


def test_unused_states_leave_the_cell() -> None:
    cell = cell_of(Rules(3, ("identity",)), {"left/input": "prev", "right/input": "cur"})
    assert cell.output == ("block0", "block1", "block2")


def test_an_input_that_no_block_reads_leaves_the_cell_too() -> None:
    assert cell_of(Rules(1, ("identity",))).output == ("cur", "block0")


def test_all_blocks_leave_the_cell_where_the_rules_say_so() -> None:
    assert cell_of(Rules(2, ("identity",), output="all")).output == ("block0", "block1")


def test_one_way_to_combine_is_not_asked() -> None:
    asked = []
    choose_cell(
        lambda path, options, weights=None: asked.append(path) or options[0],  # type: ignore[func-returns-value, index]
        "normal",
        Rules(1, ("identity",)),
    )
    assert [path.removeprefix("normal/block0/") for path in asked] == [
        "left/input",
        "right/input",
        "left/op",
        "right/op",
    ]


@pytest.mark.parametrize("rules", [Rules(0, ("identity",)), Rules(1, ("identity",), output="some")])
def test_rules_that_describe_no_cell_are_refused(rules: Rules) -> None:
    with pytest.raises(UsageError):
        rules.check()


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("distinct", [False, True])
def test_the_number_of_cells_is_what_counting_finds(output: str, distinct: bool) -> None:
    @dataclass(frozen=True)
    class Cells(Space):
        rules: Rules

        def decide(self, choose: Choose) -> None:
            choose_cell(choose, "cell", self.rules)

    for blocks, combines in ((1, ("add", "concat")), (2, ("add",))):
        rules = Rules(blocks, ("identity", "conv3x3"), combines, output, distinct)
        assert Cells(rules).count() == rules.n_cells(blocks)


def test_more_blocks_than_can_be_laid_out_are_refused() -> None:
    with pytest.raises(UsageError, match="so many blocks"):
        Rules(10**9, ("conv",)).check()
