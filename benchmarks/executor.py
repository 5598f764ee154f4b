"""Cost of the graph interpreter: forward + backward of NASNet-A 6@768 (CIFAR, batch 32), compared with the same network
written by hand.

    python benchmarks/executor.py [--pairs 9]

Both run in one process, in turns. It prints the medians and the median ratio of the pairs. Then it compares
channels_last with NCHW for our network.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import record
import torch
import torch.nn.functional as F
from torch import nn

from archsmith.graphs.network import Network
from archsmith.spaces.zoo import ZOO


def bn(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels)


def relu_conv(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), bn(c_out))


def sep(channels: int, kernel: int, stride: int = 1, c_in: int | None = None) -> nn.Sequential:
    def half(c: int, s: int) -> list[nn.Module]:
        depthwise = nn.Conv2d(c, c, kernel, s, kernel // 2, groups=c, bias=False)
        return [nn.ReLU(), depthwise, nn.Conv2d(c, channels, 1, bias=False), bn(channels)]

    return nn.Sequential(*half(c_in or channels, stride), *half(channels, 1))


class Reduce(nn.Module):
    """Factorised reduction: two strided 1x1 convolutions, the second shifted by one pixel."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.b = nn.Conv2d(c_in, c_out - c_out // 2, 1, 2, bias=False)
        self.norm = bn(c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(x)
        return self.norm(torch.cat([self.a(x), self.b(F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:])], 1))


def avg(x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    return F.avg_pool2d(x, 3, stride, 1, count_include_pad=False)


def largest(x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    return F.max_pool2d(x, 3, stride, 1)


def fitted(c_prev: int, filters: int, smaller: bool) -> nn.Module:
    if smaller:
        return Reduce(c_prev, filters)
    return relu_conv(c_prev, filters) if c_prev != filters else nn.Identity()


class Normal(nn.Module):
    def __init__(self, c_prev: int, c_cur: int, f: int, smaller: bool) -> None:
        super().__init__()
        self.prev, self.cur = fitted(c_prev, f, smaller), relu_conv(c_cur, f)
        self.a, self.b, self.c, self.d, self.e = sep(f, 5), sep(f, 3), sep(f, 5), sep(f, 3), sep(f, 3)

    def forward(self, prev: torch.Tensor, cur: torch.Tensor) -> torch.Tensor:
        p, c = self.prev(prev), self.cur(cur)
        n0, n1 = self.a(c) + self.b(p), self.c(p) + self.d(p)
        return torch.cat([p, n0, n1, avg(c) + p, avg(p) + avg(p), self.e(c) + c], 1)


class First(nn.Module):
    """The first normal cell. Its second input is the stem, and each operation brings it to the cell's width."""

    def __init__(self, c: int, f: int) -> None:
        super().__init__()
        self.cur, self.match = relu_conv(c, f), relu_conv(c, f)
        self.a, self.b, self.c, self.d, self.e = (
            sep(f, 5),
            sep(f, 3, c_in=c),
            sep(f, 5, c_in=c),
            sep(f, 3, c_in=c),
            sep(f, 3),
        )
        self.identity = relu_conv(c, f)
        self.left, self.right = (nn.Sequential(nn.Conv2d(c, f, 1, bias=False), bn(f)) for _ in range(2))

    def forward(self, p: torch.Tensor, cur: torch.Tensor) -> torch.Tensor:
        c = self.cur(cur)
        n0, n1 = self.a(c) + self.b(p), self.c(p) + self.d(p)
        n3 = self.left(avg(p)) + self.right(avg(p))
        return torch.cat([self.match(p), n0, n1, avg(c) + self.identity(p), n3, self.e(c) + c], 1)


class Reduction(nn.Module):
    def __init__(self, c_prev: int, c_cur: int, f: int, smaller: bool) -> None:
        super().__init__()
        self.prev, self.cur = fitted(c_prev, f, smaller), relu_conv(c_cur, f)
        self.a, self.b, self.c, self.d, self.e = sep(f, 5, 2), sep(f, 7, 2), sep(f, 7, 2), sep(f, 5, 2), sep(f, 3)

    def forward(self, prev: torch.Tensor, cur: torch.Tensor) -> torch.Tensor:
        p, c = self.prev(prev), self.cur(cur)
        r0, r1 = self.a(c) + self.b(p), largest(c, 2) + self.c(p)
        r2, r3 = avg(c, 2) + self.d(p), r1 + avg(r0)
        return torch.cat([r1, r2, r3, self.e(r0) + largest(c, 2)], 1)


class HandWritten(nn.Module):
    def __init__(self, n: int = 6, f: int = 32, n_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * f, 3, padding=1, bias=False), bn(3 * f))
        self.cells = nn.ModuleList()
        c_prev = c_cur = 3 * f
        smaller = False
        for stage in range(3):
            if stage:
                f *= 2
                self.cells.append(Reduction(c_prev, c_cur, f, smaller))
                # The cell after a reduction also takes the output from before it, which is larger.
                c_prev, c_cur, smaller = c_cur, 4 * f, True
            for _ in range(n):
                self.cells.append(Normal(c_prev, c_cur, f, smaller) if self.cells else First(c_cur, f))
                c_prev, c_cur, smaller = c_cur, 6 * f, False
        self.head = nn.Linear(c_cur, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        prev = cur = self.stem(x)
        for cell in self.cells:
            prev, cur = cur, cell(prev, cur)
        return self.head(F.relu(cur).mean((2, 3)))


def seconds(network: nn.Module, batch: torch.Tensor) -> float:
    network.zero_grad(set_to_none=True)
    began = time.perf_counter()
    network(batch).sum().backward()
    return time.perf_counter() - began


def compare(name: str, a: nn.Module, b: nn.Module, batch_a: torch.Tensor, batch_b: torch.Tensor, pairs: int) -> None:
    seconds(a, batch_a), seconds(b, batch_b)
    times = [(seconds(a, batch_a), seconds(b, batch_b)) for _ in range(pairs)]
    ratio = statistics.median(x / y for x, y in times)
    print(
        f"{name}: {statistics.median(x for x, _ in times):.3f} s against {statistics.median(y for _, y in times):.3f} "
        f"s, ratio {ratio:.3f} ({pairs} pairs)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    entry = ZOO["nasnet_a_cifar"]
    graph = entry.space.graph(entry.architecture).without("auxiliary")
    ours = Network(graph, seed=0).train()
    theirs = HandWritten().to(memory_format=torch.channels_last).train()
    count = [sum(p.numel() for p in network.parameters()) for network in (ours, theirs)]
    print(f"parameters: ours {count[0]:,}, by hand {count[1]:,}; {torch.get_num_threads()} threads")
    batch = torch.randn(32, 3, 32, 32)
    last = batch.to(memory_format=torch.channels_last)
    compare("interpreter against hand-written", ours, theirs, last, last, options.pairs)
    plain = Network(graph, seed=0).train().to(memory_format=torch.contiguous_format)
    plain.channels_last = False
    compare("channels_last against NCHW", ours, plain, last, batch, max(3, options.pairs // 3))


if __name__ == "__main__":
    sys.exit(record.run(main))
