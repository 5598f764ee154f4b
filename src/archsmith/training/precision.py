"""Which arithmetic training uses: 16 bits where the hardware has them and the network gets faster, float32 elsewhere.

The processor and the operations of the network decide, never a stopwatch, so that the same machine always makes the
same choice.

On a processor with AVX512-BF16 or AMX the choice is made for each operation. Dense convolutions take bfloat16, and so
does all that lies between them, since each change of format reads and writes a whole image. Two kinds of operation take
float32 there, because their backward passes are slow in bfloat16: most depthwise convolutions (1.3 to 50 times as slow)
and average pooling over windows that overlap (1.1 to 1.7 times). So do dilated convolutions: the gradients of their
weights come out as NaN in bfloat16 (torch 2.13, 3×3 with dilation 2 on 32×32 pixels). Their results go back to
bfloat16. A network with such operations is ``mixed``, one without them ``bfloat16``. Networks without convolutions take
float32, and so do those whose convolutions do too little work to pay for the changes of format.

CUDA has bfloat16 from compute capability 8.0 on. Older GPUs have float16 only, and gradients are scaled there
(Micikevicius et al. 2018, arXiv 1710.03740). MPS takes float32. Parameters, batch-norm statistics and losses stay
float32, and networks are always measured in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archsmith.core.errors import UsageError
from archsmith.graphs.network import Network

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
CPU = torch.device("cpu")

Sides: TypeAlias = int | Sequence[int]  # of windows, as torch takes them: one number for both, or height and width

NARROW = 4  # input channels of a group; with fewer, a convolution has no fast backward pass in bfloat16
SMALL = 3  # pixels; depthwise kernels up to this side are fast in bfloat16 where no pixel is skipped
# Multiply-adds of dense convolutions in a batch, for each convolution of the network. With one thread, networks that do
# more were faster in 16 bits, and most that do less by 5 to 30 % slower (`benchmarks/steps.py --always --details`).
ENOUGH_WORK = 5e6


def choose(
    precision: str = "auto",
    network: nn.Module | None = None,
    device: torch.device = CPU,
    batch_size: int | None = None,
) -> str:
    """``float32``, ``bfloat16``, ``float16`` or, for ``auto`` on a CPU, ``mixed`` for ``network`` on ``device``. Raises
    UsageError for an unknown name, and for float16 on other devices than CUDA.

    ``network``: None stands for one that has convolutions of all kinds.
    ``batch_size``: None stands for batches that are large enough.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"The precision is {precision!r}.", f"It takes one of {', '.join(PRECISIONS)}.")
    if precision == "float16" and device.type != "cuda":
        raise UsageError(
            f"The precision is 'float16', and the device {device.type!r}.",
            "Only CUDA trains in float16. Use auto, float32 or bfloat16.",
        )
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
    return _on_processor(network, batch_size) if device.type == "cpu" and _native_bfloat16() else "float32"


def _on_processor(network: nn.Module | None, batch_size: int | None) -> str:
    if network is None:
        return "mixed"
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if not convolutions or (batch_size is not None and work_per_convolution(network) * batch_size < ENOUGH_WORK):
        return "float32"
    slow = any(_slow_in_bfloat16(conv.weight, conv.stride, conv.dilation, conv.groups) for conv in convolutions)
    return "mixed" if slow or _averages(network) else "bfloat16"


def work_per_convolution(network: nn.Module) -> float:
    """Multiply-adds of dense convolutions for one example, for each convolution. Only a ``Network`` says them."""
    if not isinstance(network, Network):
        return math.inf
    nodes = [node for node in network.graph.nodes if node.op in ("conv", "shared_conv")]
    dense = sum(
        network.graph.facts(node).macs for node in nodes if node.op == "shared_conv" or node.args["groups"] == 1
    )
    return dense / max(1, len(nodes))


def _averages(network: nn.Module) -> bool:
    """Does the network pool by averages over windows that overlap?"""
    if isinstance(network, Network):
        pools = [node.args for node in network.graph.nodes if node.op == "avg_pool"]
        return any(_slow_average(None, args["kernel"], args["stride"]) for args in pools)
    modules = [module for module in network.modules() if isinstance(module, nn.AvgPool2d)]
    return any(_slow_average(None, module.kernel_size, module.stride) for module in modules)


def _native_bfloat16() -> bool:
    # These functions are private in torch 2.x. Without them we use float32.
    return any(
        bool(getattr(torch.cpu, name, lambda: False)())
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )


def autocast(precision: str, device: torch.device = CPU) -> AbstractContextManager[object]:
    """The context in which the forward pass runs. ``precision`` is what ``choose`` said."""
    if precision == "float32":
        return nullcontext()
    if precision == "mixed":
        return _mixed(device)
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def scaler(precision: str, device: torch.device = CPU) -> torch.amp.GradScaler:
    """Scales losses in float16, so that small gradients do not become 0. Leaves other losses as they are."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")


# One arithmetic for each operation


@contextmanager
def _mixed(device: torch.device) -> Iterator[None]:
    with torch.autocast(device.type, dtype=torch.bfloat16), _PerOperation(device.type):
        yield


class _PerOperation(TorchFunctionMode):
    """Within ``torch.autocast``, computes the operations of ``_IN_FLOAT32`` in float32. Their results are bfloat16."""

    def __init__(self, device_type: str) -> None:
        super().__init__()
        self.plain = torch.autocast(device_type, enabled=False)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        slow = _IN_FLOAT32.get(func)
        if slow is None or not slow(*args, **kwargs):
            return func(*args, **kwargs)
        with self.plain:
            widened = func(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})
            return widened.to(torch.bfloat16)


def _widened(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) else value


def _slow_convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sides = 1,
    padding: object = 0,
    dilation: Sides = 1,
    groups: int = 1,
) -> bool:
    return _slow_in_bfloat16(weight, stride, dilation, groups)


def _slow_in_bfloat16(weight: Tensor, stride: Sides, dilation: Sides, groups: int) -> bool:
    """Is the backward pass of this convolution slow, or wrong, in bfloat16?"""
    filters, channels, *kernel = weight.shape
    if not _ones(dilation):
        return True
    if groups == 1 or channels >= NARROW:
        return False
    fast = filters == groups and channels == 1 and max(*kernel, SMALL) == SMALL
    return not (fast and _ones(stride))


def _ones(sides: Sides) -> bool:
    return all(side == 1 for side in _pair(sides))


def _slow_average(
    input: Tensor | None, kernel_size: Sides, stride: Sides | None = None, *args: object, **kwargs: object
) -> bool:
    """Is the backward pass of this average pooling slow in bfloat16? It is where windows overlap."""
    steps = _pair(stride or kernel_size)  # without a stride, windows lie side by side
    return any(side > step for side, step in zip(_pair(kernel_size), steps, strict=True))


def _pair(sides: Sides) -> tuple[int, ...]:
    return (sides, sides) if isinstance(sides, int) else tuple(sides)


_IN_FLOAT32: dict[Any, Callable[..., bool]] = {
    torch.conv2d: _slow_convolution,
    nn.functional.avg_pool2d: _slow_average,
}
