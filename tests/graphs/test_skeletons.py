"""Which scopes are one class, and what its constructor takes."""

from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import layers
from archsmith.graphs import skeletons as room
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.operation import Operation
from archsmith.graphs.parameters import literal
from archsmith.graphs.skeleton import ARGUMENT, Hole, Module, Skeleton, walk
from archsmith.graphs.skeletons import skeletons


def chain(*blocks: tuple[int, int], kind: str = "Block") -> Graph:
    """Convolutions of (filters, kernel), each in a scope of its own."""
    net = Net({"image": (4, 8, 8)})
    x = net.input("image")
    for i, (filters, kernel) in enumerate(blocks):
        with net.scope(f"block{i}", kind, x=x):
            x = net.op("relu", net.op("conv", x, filters=filters, kernel=kernel))
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    return net.graph()


def of_kind(graph: Graph, kind: str) -> list[Skeleton]:
    return [skeleton for skeleton in skeletons(graph) if skeleton.kind == kind]


def parameters(skeleton: Skeleton) -> list[str]:
    return [parameter.name for parameter in skeleton.parameters]


def test_children_come_before_parents_and_the_network_is_last() -> None:
    net = Net({"image": (4, 8, 8)})
    with net.scope("outer", "Outer", x=net.input("image")):
        x = layers.conv_bn(net, net.input("image"), 4, name="inner")
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    assert [skeleton.kind for skeleton in skeletons(net.graph())] == ["ConvBn", "Outer", "Network"]


def test_scopes_that_differ_in_numbers_are_one_class() -> None:
    (block,) = of_kind(chain((4, 3), (6, 3), (6, 5)), "Block")
    assert [instance.path for instance in block.instances] == ["block0", "block1", "block2"]
    assert [instance.in_shapes for instance in block.instances] == [((4, 8, 8),), ((4, 8, 8),), ((6, 8, 8),)]
    assert [instance.out_shapes for instance in block.instances] == [((4, 8, 8),), ((6, 8, 8),), ((6, 8, 8),)]


def test_scopes_of_another_wiring_are_another_class() -> None:
    net = Net({"image": (4, 8, 8)})
    x = net.input("image")
    for i, twice in enumerate((False, True)):
        with net.scope(f"block{i}", "Block", x=x):
            y = net.op("conv", x, filters=4)
            x = net.op("add", y, y if twice else x)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    assert len(of_kind(net.graph(), "Block")) == 2


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (((4, 3), (4, 3)), []),
        (((4, 3), (4, 5)), ["kernel"]),
        (((4, 3), (6, 3), (8, 3)), ["in_channels", "filters"]),
        (((4, 3), (6, 5), (6, 3)), ["in_channels", "filters", "kernel"]),
    ],
)
def test_numbers_that_vary_become_arguments(blocks: tuple[tuple[int, int], ...], expected: list[str]) -> None:
    (block,) = of_kind(chain(*blocks), "Block")
    assert parameters(block) == expected


def test_what_always_agrees_is_one_argument_and_padding_follows_the_kernel() -> None:
    (block,) = of_kind(chain((4, 3), (4, 5)), "Block")
    conv, relu = block.fills
    assert conv == ["4", "4", "kernel", "kernel", "1", "1", "kernel // 2", "kernel // 2", "1", "1", "1"]
    assert relu == []
    assert block.parameters[0].column == (3, 5)


def test_steps_say_where_their_operands_come_from() -> None:
    (block,) = of_kind(chain((4, 3)), "Block")
    assert block.arguments == ("x",)
    assert [(step.local, step.op, step.inputs) for step in block.steps] == [
        ("conv", "conv", ((ARGUMENT, 0),)),
        ("relu", "relu", ((0, 0),)),
    ]
    assert block.outputs == ((1, 0),)


def test_a_child_is_a_step_of_its_parent_by_its_number() -> None:
    found = skeletons(chain((4, 3), (6, 3)))
    children = [step.what for step in found[-1].steps if isinstance(step.what, int)]
    assert children == [0, 0]
    assert found[-1].fills[:2] == [["4"], ["6"]]


def test_a_node_that_a_scope_does_not_name_is_an_argument_under_its_own_name() -> None:
    net = Net({"image": (4, 8, 8)})
    stem = net.op("conv", net.input("image"), filters=4, name="stem")
    with net.scope("block", "Block"):
        x = net.op("relu", stem)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    (block,) = of_kind(net.graph(), "Block")
    assert block.arguments == ("stem",)


def test_an_operation_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(room.OPERATIONS, "relu", Operation("relu", lambda args, ins: ins[0]))
    with pytest.raises(UsageError, match="'relu' has neither a module nor an expression"):
        skeletons(chain((4, 3)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1 + 0.2, "0.3"),
        (1e-5, "1e-05"),
        (1 / 3, repr(1 / 3)),
        (3, "3"),
        ((3, 1), "(3, 1)"),
        (True, "True"),
        ("x", "'x'"),
    ],
)
def test_literals_are_as_a_person_writes_them(value: object, expected: str) -> None:
    assert literal(value) == expected


def test_holes_are_filled_in_order_also_inside_tuples() -> None:
    module = Module("nn.Conv2d", (Hole("a"), 7, (Hole("b"), Hole("c"))), (("bias", False), ("stride", Hole("d"))))
    seen: list[str] = []
    filled = walk(module, lambda hole: seen.append(hole.role) or hole.role.upper())  # type: ignore[func-returns-value]
    assert seen == list("abcd")
    assert filled == (["A", 7, ("B", "C")], [("bias", False), ("stride", "D")])
