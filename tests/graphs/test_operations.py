"""The operation table: every row against torch."""

import warnings
from math import prod
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.cost import cost
from archsmith.graphs.net import Net
from archsmith.graphs.operations import OPERATIONS, Call, infer

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from archsmith.graphs.network import Network  # noqa: E402
from archsmith.graphs.source import source  # noqa: E402

IMAGE, TOKENS = (4, 9, 8), (5, 6)
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
    ("layer_norm", {}, (TOKENS,)),
    ("layer_norm", {"axes": 2, "eps": 1e-3}, (TOKENS,)),
    ("layer_norm", {}, (IMAGE,)),
    ("linear", {"features": 3}, (TOKENS,)),
    ("shared_conv", {"filters": 6, "groups": 2, "stride": 2}, (IMAGE,)),
    ("shared_conv", {"filters": 6, "tiles": (3, 2), "kernel": 2, "padding": 0, "bias": True}, (IMAGE,)),
    ("shared_conv", {"filters": 6, "groups": 2, "kernel": 1, "stride": 2}, (IMAGE,)),
    ("embedding", {"size": 11, "dim": 3}, ((7,),)),
    ("reshape", {"shape": (3, -1, 2)}, (TOKENS,)),
    ("reshape", {"shape": (30,)}, (TOKENS,)),
    ("permute", {"order": (2, 0, 1)}, (IMAGE,)),
    ("matmul", {}, ((2, 5, 6), (2, 6, 3))),
    ("matmul", {"transpose": True, "scale": "sqrt"}, (TOKENS, (4, 6))),
    ("matmul", {"scale": 0.3}, (TOKENS, (6, 4))),
    ("softmax", {"axis": -1}, (TOKENS,)),
    ("token_mean", {}, (TOKENS,)),
    ("standardise", {}, ((7,),)),
    ("missing", {"columns": (0, 3, 5)}, ((7,),)),
    ("piecewise_linear", {"bins": 4}, ((7,),)),
    ("piecewise_linear", {"bins": 1}, ((7,),)),
    ("code_numbers", {}, ((7,),)),
    ("trees", {"features": 2, "groups": 3, "trees": 4, "forks": 2, "leaves": 3}, ((7,),)),
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
    ("global_max", {}, (IMAGE,)),
    ("spatial_mean", {}, (IMAGE,)),
    ("flatten", {}, (IMAGE,)),
    ("shift", {}, (IMAGE,)),
    ("shift", {"padding": (1, 0)}, (IMAGE,)),
    ("zero", {"stride": 2}, (IMAGE,)),
    ("identity", {}, (IMAGE,)),
    ("dropout", {"p": 0.5}, (IMAGE,)),
    ("drop_path", {"keep": 0.5}, (IMAGE,)),
    ("scale", {}, (IMAGE,)),
    ("resize", {"size": (18, 11)}, (IMAGE,)),
    ("pad", {"sides": (0, 1, 2, 3)}, (IMAGE,)),
    ("affine", {"factors": (1.0, 2.0, 0.5, -1.0), "offsets": (0.0, 1.0, -1.0, 0.25)}, (IMAGE,)),
    ("affine", {"factors": (0.5,), "offsets": (1.0,)}, (IMAGE,)),
]


def network(op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> tuple[Network, Any]:
    """A net of one operation on inputs of its own, and what it takes: codes, or numbers of which some are missing."""
    codes, missing = OPERATIONS[op].takes == "int", OPERATIONS[op].fit is not None or op == "missing"
    net = Net({f"x{i}": (shape, "int") if codes else shape for i, shape in enumerate(shapes)})
    net.output(net.op(op, *(net.input(f"x{i}") for i in range(len(shapes))), name="tested", **args))
    generator = torch.Generator().manual_seed(0)
    given = {}
    for i, shape in enumerate(shapes):
        x = torch.randn(2, *shape, generator=generator)
        if missing and len(shape) == 1:
            x[0, ::2] = torch.nan
        given[f"x{i}"] = torch.randint(0, 11, (2, *shape), generator=generator) if codes else x
    return Network(net.graph(), seed=0), given if len(given) > 1 else given["x0"]


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


@pytest.mark.parametrize(("op", "args", "shapes"), CASES)
def test_multiply_adds_are_half_of_the_flop_counter(
    op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> None:
    net, x = network(op, args, shapes)
    with FlopCounterMode(display=False) as counter:
        net.eval()(x)
    assert counter.get_total_flops() == 2 * 2 * infer(op, args, shapes).macs


@pytest.mark.parametrize(("op", "args", "shapes"), CASES)
def test_written_source_computes_the_same(op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    net, x = network(op, args, shapes)
    names: dict[str, Any] = {}
    exec(source(net.graph), names)
    written = names["Network"]().eval().to(memory_format=torch.channels_last)  # as Network runs
    written.load_state_dict(net.state_dict())
    given = list(x.values()) if isinstance(x, dict) else [x]
    last = [t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for t in given]
    assert torch.equal(written(*last), net.eval()(x))


def kept_bytes(network: Network, x: Any) -> int:
    """What autograd keeps for the backward pass besides weights, each piece of memory once."""
    own = {t.untyped_storage().data_ptr() for t in [*network.parameters(), *network.buffers()]}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = network(x)
    total = sum(tensor.untyped_storage().nbytes() for pointer, tensor in kept.items() if pointer not in own)
    del output
    return total


# Operations of tokens, tables and shared weights; those of images leave with every bundle.
EXPORTED = {
    *("shared_conv", "embedding", "reshape", "permute", "matmul", "softmax", "token_mean", "layer_norm", "linear"),
    *("gelu", "silu", "standardise", "missing", "piecewise_linear", "code_numbers", "trees"),
}


def run_onnx(module: Any, given: list[Any]) -> Any:
    """What the exported module computes, with a free number of examples."""
    onnxruntime = pytest.importorskip("onnxruntime")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's warnings are about its own insides
        program = torch.onnx.export(
            module,
            tuple(torch.cat([x, x[:1]]) for x in given),
            dynamic_shapes=(tuple({0: torch.export.Dim("batch", min=1)} for _ in given),),
            dynamo=True,
            verbose=False,
        )
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    names = [entry.name for entry in session.get_inputs()]
    return session.run(None, {name: x.numpy() for name, x in zip(names, given, strict=True)})


class Side(torch.nn.Module):
    """Networks side by side, exported at once: an export takes seconds."""

    def __init__(self, networks: list[Any]) -> None:
        super().__init__()
        self.networks = torch.nn.ModuleList(networks)
        self.counts = [len(network.graph.inputs) for network in networks]

    def forward(self, *given: Any) -> tuple[Any, ...]:
        found, at = [], 0
        for network, count in zip(self.networks, self.counts, strict=True):
            found.append(network(dict(zip(network.graph.inputs, given[at : at + count], strict=True))))
            at += count
        return tuple(found)


def test_operations_are_exported_to_onnx() -> None:
    cases = [case for case in CASES if case[0] in EXPORTED]
    built = [network(*case) for case in cases]
    side = Side([net for net, _ in built]).eval()
    given = [t for _, x in built for t in (x.values() if isinstance(x, dict) else [x])]
    for case, expected, found in zip(cases, side(*given), run_onnx(side, given), strict=True):
        assert np.allclose(found, expected.detach().numpy(), rtol=0, atol=1e-5), case


@pytest.mark.parametrize(
    ("op", "args", "shapes"), [case for case in CASES if OPERATIONS[case[0]].fit is None and case[0] != "missing"]
)
def test_kept_bytes_are_those_of_autograd(op: str, args: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    codes = OPERATIONS[op].takes == "int"
    net = Net({f"x{i}": (shape, "int") if codes else shape for i, shape in enumerate(shapes)})
    values = [net.input(f"x{i}") for i in range(len(shapes))]
    if not codes:  # gradients must flow through the operation
        values = [net.op("layer_norm", value) for value in values]
    net.output(net.op(op, *values, **args))
    given = {
        f"x{i}": torch.randint(0, 11, (64, *shape)) if codes else torch.randn(64, *shape)
        for i, shape in enumerate(shapes)
    }
    network = Network(net.graph(), seed=0)
    assert kept_bytes(network, given) / 64 == pytest.approx(cost(network.graph).saved_bytes, rel=0.05)


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
