"""Where training computes: the CPU, an NVIDIA GPU (CUDA) or an Apple GPU (MPS), and how much memory is free there.

All differences between them are in this file and in ``precision.py``. Random numbers for the order of examples and for
augmentation are drawn on the CPU, so every device sees the same batches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from archsmith.core.errors import UsageError
from archsmith.training import precision

MB = 1e6
UNLIMITED = 1 << 60  # bytes; cgroup v1 writes "no limit" as a number just below 2**63


@dataclass(frozen=True)
class Device:
    """A device of this machine.

    ``name``: as ``choose`` takes it.
    ``torch``: as torch takes it.
    ``sentence``: what training runs on, for people.
    ``exact``: a sentence on its arithmetic; empty where that is the usual one.
    """

    name: str
    torch: torch.device
    sentence: str
    exact: str = ""


def choose(name: str = "auto") -> Device:
    """The device called ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. ``auto`` is the first GPU, or the CPU where
    there is none. Raises UsageError for an unknown name and for a device that this machine does not have.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(
            f"There is no device {name!r}.", "Give auto, cpu, cuda, cuda:N (the GPU with that number) or mps."
        )
    if kind == "cuda":
        _require_cuda(name, int(number or 0))
    elif kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError(
            "The device 'mps' is not here.", "It needs an Apple GPU and a build of torch for it. Use auto or cpu."
        )
    device = torch.device(name)
    return Device(name, device, _sentence(device), _arithmetic(device))


def _require_cuda(name: str, number: int) -> None:
    if not torch.cuda.is_available():
        built = torch.version.cuda is not None
        hint = (
            "Check the driver with nvidia-smi, or use auto or cpu."
            if built
            else "This torch is built without CUDA: install a build with it, or use cpu."
        )
        raise UsageError(f"The device {name!r} is not here.", hint)
    if number >= torch.cuda.device_count():
        raise UsageError(
            f"The device {name!r} is not here.", f"There are {torch.cuda.device_count()} GPUs, numbered from 0."
        )


def _sentence(device: torch.device) -> str:
    if device.type == "cuda":
        return f"Training runs on the graphics processor {torch.cuda.get_device_name(device)}."
    if device.type == "mps":
        return "Training runs on the graphics processor of this Mac."
    return "Training runs on the processor (CPU)."  # with how many threads is measured later, and not only once


def _arithmetic(device: torch.device) -> str:
    chosen = precision.choose("auto", None, device)
    if device.type == "cuda":
        return f"Numbers are {chosen} where that is exact enough (CUDA)."
    # where it is mixed, each operation decides; the layers of tables and tokens stay in float32
    return "Numbers are bfloat16 where that is faster." if chosen == "mixed" else ""


# What the training loop needs to know of a device


def queues(device: torch.device) -> bool:
    """Does the device work in the background, so that to read a number means to wait?"""
    return device.type not in ("cpu", "meta")


def memory_format(device: torch.device) -> torch.memory_format:
    """The memory format of pictures and weights. MPS is not faster with channels_last."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


@contextmanager
def placed(network: nn.Module, device: torch.device) -> Iterator[None]:
    """``network`` is on ``device`` inside the block, and back where it was after it."""
    home = next((parameter.device for parameter in network.parameters()), device)
    channels_last = getattr(network, "channels_last", None)
    network.to(device)
    if channels_last is not None:
        network.channels_last = channels_last and memory_format(device) == torch.channels_last
    try:
        yield
    finally:
        network.to(home)
        if channels_last is not None:
            network.channels_last = channels_last


@contextmanager
def private_randomness(device: torch.device) -> Iterator[None]:
    """Inside the block, layers may draw from the default generators of CPU and CUDA. After it, these are as before. The
    generator of MPS cannot be put back.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def tuned(device: torch.device) -> Iterator[None]:
    """Lets cuDNN time its algorithms for convolutions, which helps where all batches have one shape."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def release(device: torch.device) -> None:
    """Give back the memory that torch keeps for later, so that there is room for a smaller batch."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


# Memory


def free_memory_mb(device: torch.device | str = "cpu") -> float | None:
    """Megabytes (10⁶ bytes) that can still be allocated on ``device``; None where the system does not say.

    On the CPU this is the smaller of two: what the machine has free, and what the limits of the control groups of this
    process leave. In both, pages of files that can be dropped count as free.
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return float(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)) / MB
    if device.type == "mps":
        return float(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()) / MB
    found = [free for free in (_machine_free(), *_control_group_free()) if free is not None]
    return max(0.0, min(found) / MB) if found else None


def _machine_free(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        return 1024.0 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        pass
    try:  # macOS says only how much there is; half of it counts as free
        return 0.5 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _control_group_free(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> Iterator[float]:
    """The bytes that each memory limit of this process leaves, for both versions of control groups."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return
    for number, controllers, path in (line for line in lines if len(line) == 3):
        if number == "0":
            yield from _limits(root, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            yield from _limits(
                root / "memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            )


def _limits(root: Path, path: str, limit: str, usage: str, droppable: str) -> Iterator[float]:
    """What the limits of the group at ``path`` and of every group above it leave, in bytes. In a container the group
    itself may be mounted at ``root``, so that ``path`` does not exist.
    """
    group = root / path.strip("/")
    for folder in [group, *group.parents]:
        if root == folder or root in folder.parents:
            try:
                most = int((folder / limit).read_text())
                used = int((folder / usage).read_text())
                kept = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
                if most < UNLIMITED:
                    yield float(most - used + int(kept.get(droppable, 0)))
            except (OSError, ValueError):  # no such group, or the word "max" for no limit
                continue
