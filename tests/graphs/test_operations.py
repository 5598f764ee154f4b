"""The operation table: every row against torch."""

from math import prod
from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net
from archsmith.graphs.operations import OPERATIONS, Call, infer

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from archsmith.graphs.network import Network  # noqa: E402

IMAGE = (4, 9, 8)
CASES: list[tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("conv", {"filters": 6}, (IMAGE,)),
    ("conv", {"filters": 6, "kernel": (1, 7), "stride": (1, 2)}, (IMAGE,)),
    ("conv", {"filters": 8, "kernel": 5, "stride": 2, "dilation": 2, "groups": 4, "bias": True}, (IMAGE,)),
    ("conv", {"filters": 6, "kernel": 3, "stride": 2, "padding": 0}, (IMAGE,)),
    ("linear", {"features": 3}, ((7,),)),
    ("linear", {"features": 3, "bias": False}, ((7,),)),
    ("batch_norm", {}, (IMAGE,)),
    ("batch_norm", {"affine": False, "eps": 1e-3, "momentum": 0.01}, ((7,),)),
    ("layer_norm", {}, ((7,),)),
    ("relu", {}, (IMAGE,)),
    ("relu6", {}, (IMAGE,)),
    ("silu", {}, (IMAGE,)),
    ("gelu", {}, (IMAGE,)),
    ("sigmoid", {}, (IMAGE,)),
    ("tanh", {}, (IMAGE,)),
    ("softmax", {}, ((7,),)),
    ("add", {}, (IMAGE, IMAGE, IMAGE)),
    ("mul", {}, (IMAGE, (4, 1, 1))),
    ("concat", {}, (IMAGE, (2, 9, 8))),
    ("max_pool", {"kernel": 3, "stride": 2}, (IMAGE,)),
    ("avg_pool", {"kernel": 3}, (IMAGE,)),
    ("avg_pool", {"kernel": 5, "stride": 3, "padding": 0}, (IMAGE,)),
    ("global_pool", {}, (IMAGE,)),
    ("spatial_mean", {}, (IMAGE,)),
    ("flatten", {}, (IMAGE,)),
    ("shift", {}, (IMAGE,)),
    ("shift", {"padding": (1, 0)}, (IMAGE,)),
    ("zero", {"stride": 2}, (IMAGE,)),
    ("identity", {}, (IMAGE,)),
    ("dropout", {"p": 0.5}, (IMAGE,)),
    ("drop_path", {"keep": 0.5}, (IMAGE,)),
    ("scale", {}, (IMAGE,)),
]


def network(op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> tuple[Network, Any]:
    """A net of one operation. Further inputs are made from the one that a network has."""
    net = Net({"image": shapes[0]})
    x = net.input()
    values = [x]
    for shape in shapes[1:]:
        values.append(
            x
            if shape == shapes[0]
            else net.op("spatial_mean", x)
            if shape[1:] == (1, 1)
            else net.op("conv", x, filters=shape[0], kernel=1)
        )
    net.output(net.op(op, *values, name="tested", **args))
    return Network(net.graph(), seed=0), torch.randn(2, *shapes[0])


def test_the_cases_cover_the_table() -> None:
    assert {op for op, _, _ in CASES} == set(OPERATIONS) - {"input"}


@pytest.mark.parametrize(("op", "args", "shapes"), CASES)
def test_shape_is_that_of_torch(op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    net, x = network(op, args, shapes)
    assert tuple(net.eval()(x).shape[1:]) == infer(op, args, shapes).shape


@pytest.mark.parametrize(("op", "args", "shapes"), CASES)
def test_parameters_and_buffers_are_those_of_the_module(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> None:
    net, _ = network(op, args, shapes)
    facts = infer(op, args, shapes)
    prefix = "tested."
    assert {
        n.removeprefix(prefix): tuple(p.shape) for n, p in net.named_parameters() if n.startswith(prefix)
    } == facts.params
    assert {
        n.removeprefix(prefix): tuple(b.shape) for n, b in net.named_buffers() if n.startswith(prefix)
    } == facts.buffers
    assert facts.n_params == sum(prod(shape) for shape in facts.params.values())


@pytest.mark.parametrize(("op", "args", "shapes"), [case for case in CASES if len(case[2]) == 1])
def test_multiply_adds_are_half_of_the_flop_counter(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> None:
    net, x = network(op, args, shapes)
    with FlopCounterMode(display=False) as counter:
        net.eval()(x[:1])
    assert counter.get_total_flops() == 2 * infer(op, args, shapes).macs


def test_average_pooling_does_not_count_padding() -> None:
    net, _ = network("avg_pool", {"kernel": 3}, (IMAGE,))
    assert torch.equal(net(torch.ones(1, *IMAGE)), torch.ones(1, *IMAGE))


def test_shift_moves_the_image_by_one_pixel() -> None:
    net, x = network("shift", {}, (IMAGE,))
    assert torch.equal(net(x), x[:, :, 1:, 1:])


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        ("add", (IMAGE, (4, 8, 8))),
        ("concat", (IMAGE, (4, 8, 8))),
        ("mul", (IMAGE, (3, 1, 1))),
        ("linear", (IMAGE,)),
        ("max_pool", ((7,),)),
        ("add", (IMAGE,)),
    ],
)
def test_shapes_that_do_not_fit_are_usage_errors(op: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(UsageError):
        infer(op, {"features": 3} if op == "linear" else {}, shapes)


def test_arguments_are_completed() -> None:
    facts = infer("conv", {"filters": 4, "kernel": 5, "dilation": 2}, (IMAGE,))
    assert facts.args == {
        "filters": 4,
        "kernel": (5, 5),
        "stride": (1, 1),
        "padding": (4, 4),
        "dilation": (2, 2),
        "groups": 1,
        "bias": False,
    }


def test_completed_arguments_are_stable() -> None:
    for op, args, shapes in CASES:
        facts = infer(op, args, shapes)
        assert infer(op, facts.args, shapes) == facts


def test_a_call_reads_like_python() -> None:
    row = OPERATIONS["conv"]
    facts = infer("conv", {"filters": 8, "kernel": 3, "stride": 2}, (IMAGE,))
    assert row.module is not None
    assert str(row.module(facts.args, (IMAGE,))) == "nn.Conv2d(4, 8, (3, 3), stride=(2, 2), padding=(1, 1), bias=False)"
    assert str(Call("nn.Dropout", (0.5,))) == "nn.Dropout(0.5)"
