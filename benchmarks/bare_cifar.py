"""What a bare training loop reaches on CIFAR-10 in a given time: the floor that a job is measured by.

    python benchmarks/bare_cifar.py --npz cifar10.npz [--seconds 300] [--batch 128] [--without whitening,start]

A network of fixed widths in the manner of airbench94 (Jordan 2024, arXiv 2404.00498), written by hand, with nothing
around it: no search, no checkpoints, no report. Its parts can be left out one by one: a stem of whitened patches that
is not trained, convolutions that ``start`` as the identity, ``biases`` of norms that learn 64 times as fast, and
weights that are pulled back to their ``average``. The rate rises over a quarter of the time and falls over the rest. It
holds out a tenth of the training pictures, and prints accuracy on those and on the test pictures in per cent, also
averaged with the mirrored picture.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import record

PARTS = ("whitening", "start", "biases", "average")
WIDTHS = (64, 256, 256)
MOMENTUM, SMOOTHING = 0.85, 0.2
RATE, DECAY, BIAS_RATE = 11.5, 0.0153, 64.0  # a step of 1024 examples, whose losses are summed up
PEAK, FIRST, LAST = 0.23, 0.2, 0.07  # when the rate is highest, and its share at both ends
PULL, EVERY = 0.95, 5  # of the average, and steps between two updates
SHIFT = 2  # pixels
WHITENED = 5000  # pictures that the stem is fitted on


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--npz", type=Path, required=True, help="x_train, y_train, x_test, y_test")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--without", default="", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.npz.exists():
        print(f"Skipped: {options.npz} is not there.")
        return 0
    without = set(filter(None, options.without.split(",")))
    if not without <= set(PARTS):
        parser.error(f"--without takes some of {', '.join(PARTS)}")
    steps, scores = trained(options.npz, options.seconds, options.batch, without, options.seed)
    print(f"{options.seconds:.0f} s, batches of {options.batch}, {steps} steps, without {options.without or 'nothing'}")
    for name, (plain, mirrored) in scores.items():
        print(f"{name:<10} {plain:6.2f} {mirrored:6.2f} with the mirrored picture")
    return 0


def trained(place: Path, seconds: float, batch: int, without: set[str], seed: int) -> tuple[int, dict[str, Any]]:
    """Steps, and the accuracy of each split without and with the mirrored picture, in per cent."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(seed)
    splits = read(place)
    x, y = splits["train"]
    network = network_of(x, int(y.max()) + 1, without).to(memory_format=torch.channels_last)
    scale = 1024 * (1 + 1 / (1 - MOMENTUM))
    rate, decay = RATE / scale, DECAY * batch / scale
    fast = 1.0 if "biases" in without else BIAS_RATE
    free = {name: value for name, value in network.named_parameters() if value.requires_grad}
    groups = [
        {
            "params": [v for n, v in free.items() if ("norm" in n) == norm],
            "lr": rate * k,
            "weight_decay": decay / rate / k,
        }
        for norm, k in ((True, fast), (False, 1.0))
    ]
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True)
    peaks = [group["lr"] for group in optimizer.param_groups]
    average = {name: value.clone() for name, value in network.state_dict().items()}
    mirrored = torch.rand(len(x)) < 0.5
    began, steps, epoch = time.perf_counter(), 0, 0
    while (progress := (time.perf_counter() - began) / seconds) < 1:
        order = torch.randperm(len(x))
        for first in range(0, len(x) - batch + 1, batch):
            progress = (time.perf_counter() - began) / seconds
            if progress >= 1:
                break
            rises = FIRST + (1 - FIRST) * progress / PEAK
            falls = LAST + (1 - LAST) * (1 - progress) / (1 - PEAK)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * min(rises, falls)
            chosen = order[first : first + batch]
            turned = (mirrored[chosen] ^ bool(epoch % 2)).view(-1, 1, 1, 1)
            inputs = moved(torch.where(turned, x[chosen].flip(3), x[chosen]))
            with torch.autocast("cpu", torch.bfloat16):
                outputs = network(inputs.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(outputs.float(), y[chosen], label_smoothing=SMOOTHING, reduction="sum")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            steps += 1
            if steps % EVERY == 0 and "average" not in without:
                pull(network, average, PULL**EVERY * progress**3)
        epoch += 1
    if "average" not in without:
        pull(network, average, 1.0)
    return steps, {name: accuracy(network, *splits[name]) for name in ("validation", "test")}


def read(place: Path) -> dict[str, Any]:
    """Normalised pictures ``(n, C, H, W)`` and labels by split."""
    import torch

    file = np.load(place)
    x, test = (
        torch.from_numpy(file[name]).float().div(255).permute(0, 3, 1, 2).contiguous() for name in ("x_train", "x_test")
    )
    y, labels = (torch.from_numpy(file[name].astype(np.int64).ravel()) for name in ("y_train", "y_test"))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    held, rest = order[: len(x) // 10], order[len(x) // 10 :]
    mean, std = x[rest].mean((0, 2, 3), keepdim=True), x[rest].std((0, 2, 3), keepdim=True)
    x, test = (x - mean) / std, (test - mean) / std
    return {"train": (x[rest], y[rest]), "validation": (x[held], y[held]), "test": (test, labels)}


def network_of(x: Any, classes: int, without: set[str]) -> Any:
    import torch
    from torch import nn

    channels = x.shape[1]
    stem = nn.Conv2d(channels, 8 * channels, 2)
    if "whitening" not in without:
        patches = x[:WHITENED].unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 4 * channels)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / (values + 5e-4).sqrt()).T.reshape(-1, channels, 2, 2)
        stem.weight.data.copy_(torch.cat([filters, -filters]))
        stem.weight.requires_grad_(False)

    def norm(width: int) -> Any:
        layer = nn.BatchNorm2d(width, momentum=0.4)
        layer.weight.requires_grad_(False)
        return layer

    def conv(before: int, width: int) -> Any:
        layer = nn.Conv2d(before, width, 3, padding=1, bias=False)
        if "start" not in without:
            nn.init.dirac_(layer.weight.data[:before])
        return layer

    layers: list[tuple[str, Any]] = [("stem", stem), ("act", nn.GELU())]
    before = 8 * channels
    for i, width in enumerate(WIDTHS):
        layers += [(f"conv{i}a", conv(before, width)), (f"pool{i}", nn.MaxPool2d(2))]
        layers += [(f"norm{i}a", norm(width)), (f"act{i}a", nn.GELU())]
        layers += [(f"conv{i}b", conv(width, width)), (f"norm{i}b", norm(width)), (f"act{i}b", nn.GELU())]
        before = width
    layers += [
        ("last", nn.AdaptiveMaxPool2d(1)),
        ("flat", nn.Flatten()),
        ("head", nn.Linear(before, classes, bias=False)),
    ]
    network = nn.Sequential()
    for name, layer in layers:
        network.add_module(name, layer)
    network.head.register_forward_hook(lambda module, inputs, outputs: outputs / 9)
    return network


def moved(pictures: Any) -> Any:
    """Each by up to ``SHIFT`` pixels, with what lies at the border mirrored."""
    import torch
    import torch.nn.functional as F

    side = pictures.shape[2]
    padded, result = F.pad(pictures, (SHIFT,) * 4, "reflect"), torch.empty_like(pictures)
    places = torch.randint(0, 2 * SHIFT + 1, (len(pictures), 2))
    for down in range(2 * SHIFT + 1):
        for right in range(2 * SHIFT + 1):
            here = (places[:, 0] == down) & (places[:, 1] == right)
            result[here] = padded[here][:, :, down : down + side, right : right + side]
    return result


def pull(network: Any, average: dict[str, Any], kept: float) -> None:
    """Move ``average`` towards the weights, as far as it is not ``kept``, and the weights to it."""
    import torch

    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - kept)
                value.copy_(average[name])


def accuracy(network: Any, pictures: Any, labels: Any) -> tuple[float, float]:
    import torch

    network.eval()
    plain, both = [], []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for batch in pictures.split(1000):
            batch = batch.contiguous(memory_format=torch.channels_last)
            outputs = network(batch).float()
            plain.append(outputs)
            both.append(outputs + network(batch.flip(3)).float())
    network.train()
    right = [100 * float((torch.cat(some).argmax(1) == labels).float().mean()) for some in (plain, both)]
    return right[0], right[1]


if __name__ == "__main__":
    sys.exit(record.run(main))
