from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network
from archsmith.training import precision


class Arithmetic(TorchFunctionMode):
    """Notes the format of the first input of each function, and whether autocast would change it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[Any, str] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if args and isinstance(args[0], torch.Tensor):
            self.seen[func] = "bfloat16" if torch.is_autocast_enabled("cpu") else str(args[0].dtype)[6:]
        return func(*args, **(kwargs or {}))


def arithmetic_of(func: Any, run: Callable[[], torch.Tensor]) -> str:
    """Which arithmetic ``func`` has within ``run`` when the choice is mixed."""
    with Arithmetic() as arithmetic, precision.autocast("mixed"):
        assert run().dtype == torch.bfloat16
    return arithmetic.seen[func]


def separable(channels: int, kernel: int) -> torch.nn.Sequential:
    depthwise = torch.nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
    return torch.nn.Sequential(depthwise, torch.nn.ReLU(), torch.nn.Conv2d(channels, 4, 1))


def test_what_the_processor_can_do_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    assert precision.choose() == "mixed"
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: False)
    assert precision.choose() == "float32"


def test_networks_without_convolutions_keep_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    assert precision.choose("auto", separable(4, 5)) == "mixed"
    assert precision.choose("auto", torch.nn.Linear(3, 3)) == "float32"


def test_a_network_is_mixed_where_an_operation_is_slow_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)

    def chosen(kernel: int) -> str:
        net = Net({"image": (8, 8, 8)})
        x = net.op("conv", net.input("image"), filters=64, kernel=3)
        x = net.op("avg_pool", x, kernel=kernel, stride=2)
        net.output(net.op("global_pool", x))
        return precision.choose("auto", Network(net.graph(), seed=0), batch_size=64)

    assert (chosen(2), chosen(3)) == ("bfloat16", "mixed")
    assert precision.choose("auto", separable(4, 3)) == "bfloat16"
    assert precision.choose("auto", torch.nn.Sequential(separable(4, 3), torch.nn.AvgPool2d(3, 1))) == "mixed"


def test_little_work_is_done_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    net = Net({"image": (8, 8, 8)})
    x = net.op("conv", net.input("image"), filters=16, kernel=3)  # 8 · 8 · 16 · 72 multiply-adds
    x = net.op("conv", x, filters=16, kernel=5, groups=16)
    net.output(net.op("global_pool", x))
    network = Network(net.graph(), seed=0)
    assert precision.work_per_convolution(network) == 8 * 8 * 16 * 72 / 2
    assert precision.choose("auto", network, batch_size=64) == "float32"
    assert precision.choose("auto", network, batch_size=256) == "mixed"


def test_gradients_of_dilated_convolutions_are_numbers() -> None:
    layer = torch.nn.Conv2d(24, 24, 3, padding=2, dilation=2).to(memory_format=torch.channels_last)
    images = torch.ones(16, 24, 32, 32).to(memory_format=torch.channels_last)
    with precision.autocast("mixed"):
        layer(images).float().square().mean().backward()
    assert layer.weight.grad is not None and torch.isfinite(layer.weight.grad).all()


@pytest.mark.parametrize(
    ("options", "arithmetic"),
    [
        ({"kernel_size": 3}, "bfloat16"),  # a dense convolution
        ({"kernel_size": 3, "dilation": 2}, "float32"),  # its gradients may come out as NaN
        ({"kernel_size": 3, "groups": 4}, "bfloat16"),  # groups of four channels
        ({"kernel_size": 3, "groups": 8}, "float32"),  # of two
        ({"kernel_size": 3, "groups": 16}, "bfloat16"),  # depthwise
        ({"kernel_size": 3, "groups": 16, "stride": 2}, "float32"),
        ({"kernel_size": 3, "groups": 16, "dilation": 2}, "float32"),
        ({"kernel_size": 5, "groups": 16}, "float32"),
        ({"kernel_size": (1, 7), "groups": 16}, "float32"),
        ({"kernel_size": 3, "groups": 16, "out_channels": 32}, "float32"),  # two filters for each channel
    ],
)
def test_convolutions_with_a_slow_or_wrong_backward_pass_take_float32(options: dict[str, Any], arithmetic: str) -> None:
    layer = torch.nn.Conv2d(**{"in_channels": 16, "out_channels": 16, **options})
    assert arithmetic_of(torch.conv2d, lambda: layer(torch.ones(1, 16, 9, 9))) == arithmetic


@pytest.mark.parametrize(
    ("options", "arithmetic"),
    [
        ({"kernel_size": 3, "stride": 1}, "float32"),
        ({"kernel_size": (3, 2), "stride": 2}, "float32"),
        ({"kernel_size": 2, "stride": 2}, "bfloat16"),
        ({"kernel_size": 2}, "bfloat16"),  # the stride is the side
    ],
)
def test_averages_over_windows_that_overlap_take_float32(options: dict[str, Any], arithmetic: str) -> None:
    x = torch.ones(1, 2, 6, 6, dtype=torch.bfloat16)
    pool = torch.nn.AvgPool2d(**options)
    assert arithmetic_of(torch.nn.functional.avg_pool2d, lambda: pool(x)) == arithmetic


def test_inputs_given_by_name_are_widened_too() -> None:
    x, weight = torch.ones(1, 2, 5, 5, dtype=torch.bfloat16), torch.ones(2, 1, 5, 5)
    with precision.autocast("mixed"):
        y = torch.nn.functional.conv2d(input=x, weight=weight, groups=2)
    assert y.dtype == torch.bfloat16 and y.flatten().tolist() == [25.0, 25.0]


def test_a_mixed_step_has_nearly_the_gradients_of_float32() -> None:
    torch.manual_seed(0)
    network, x = separable(8, 5), torch.randn(4, 8, 6, 6)
    gradients = {}
    for arithmetic in ("float32", "mixed"):
        network.zero_grad()
        with precision.autocast(arithmetic):
            y = network(x)
        y.float().square().mean().backward()
        gradients[arithmetic] = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    assert gradients["mixed"].dtype == torch.float32
    torch.testing.assert_close(gradients["mixed"], gradients["float32"], rtol=0.05, atol=0.01)


def test_nothing_is_left_behind_when_a_forward_pass_fails() -> None:
    with pytest.raises(ZeroDivisionError), precision.autocast("mixed"):
        raise ZeroDivisionError
    layer = torch.nn.Conv2d(2, 2, 5, groups=2)
    assert layer(torch.ones(1, 2, 5, 5)).dtype == torch.float32


def test_a_person_may_insist() -> None:
    assert precision.choose("bfloat16") == "bfloat16"
    with pytest.raises(UsageError, match="float12"):
        precision.choose("float12")


def test_a_gpu_takes_bfloat16_where_it_can_and_float16_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    separable = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4))
    for capability, expected in (((9, 0), "bfloat16"), ((8, 0), "bfloat16"), ((7, 5), "float16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, capability=capability: capability)
        assert precision.choose("auto", separable, torch.device("cuda")) == expected
    assert precision.choose("auto", separable, torch.device("mps")) == "float32"


def test_float16_is_for_cuda() -> None:
    with pytest.raises(UsageError, match="'float16'.*'cpu'"):
        precision.choose("float16")
    assert precision.choose("float16", None, torch.device("cuda")) == "float16"


def test_the_scaler_leaves_other_arithmetics_alone() -> None:
    loss = torch.ones((), requires_grad=True)
    assert precision.scaler("bfloat16").scale(loss) is loss


def test_only_bfloat16_changes_the_arithmetic() -> None:
    layer, x = torch.nn.Linear(3, 2), torch.ones(1, 3)
    with precision.autocast("float32"):
        assert layer(x).dtype == torch.float32
    with precision.autocast("bfloat16"):
        assert layer(x).dtype == torch.bfloat16
