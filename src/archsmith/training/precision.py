"""Which arithmetic training uses: 16 bits where the hardware has them and the network gets faster, float32 elsewhere.

The processor and the operations of the network decide, never a stopwatch, so that the same machine always makes the
same choice. On a processor with AVX512-BF16, forward and backward pass of a residual network take 0.65 of the time of
float32. Networks of separable convolutions take 1.3 to 1.4, because depthwise convolutions are slow in bfloat16. CUDA
has bfloat16 from compute capability 8.0 on. Older GPUs have float16 only, and gradients are scaled there (Micikevicius
et al. 2018, arXiv 1710.03740). MPS takes float32. Parameters, batch-norm statistics and losses stay float32, and
networks are always measured in float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from archsmith.core.errors import UsageError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
CPU = torch.device("cpu")

DEPTHWISE_SHARE = 0.25  # of the convolutions; from this share on, bfloat16 is not faster on a CPU


def choose(precision: str = "auto", network: nn.Module | None = None, device: torch.device = CPU) -> str:
    """``float32``, ``bfloat16`` or ``float16`` for ``network`` on ``device``. Raises UsageError for an unknown name,
    and for float16 on other devices than CUDA.
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
    return "bfloat16" if device.type == "cpu" and _native_bfloat16() and _gains(network) else "float32"


def _gains(network: nn.Module | None) -> bool:
    if network is None:
        return True
    groups = [module.groups for module in network.modules() if isinstance(module, nn.Conv2d)]
    return bool(groups) and sum(n > 1 for n in groups) < DEPTHWISE_SHARE * len(groups)


def _native_bfloat16() -> bool:
    # These functions are private in torch 2.x. Without them we use float32.
    return any(
        bool(getattr(torch.cpu, name, lambda: False)())
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )


def autocast(precision: str, device: torch.device = CPU) -> AbstractContextManager[object]:
    """The context in which the forward pass runs."""
    return nullcontext() if precision == "float32" else torch.autocast(device.type, dtype=getattr(torch, precision))


def scaler(precision: str, device: torch.device = CPU) -> torch.amp.GradScaler:
    """Scales losses in float16, so that small gradients do not become 0. Leaves other losses as they are."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")
