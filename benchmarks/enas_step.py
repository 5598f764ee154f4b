"""One step of ENAS compared with a step that computes every operation of the same cells, as DARTS does: seconds and
saved activations.

    python benchmarks/enas_step.py

The space is the ENAS micro space in its sharing form, at the scale of its search (20 filters, 6 + 2 cells, 32 × 32
pixels, batch 32). An ENAS step includes everything: the controller samples a child, its graph and network are built,
then forward, backward, clipping, SGD. The other step is forward, backward, clipping and SGD of one network. Each of its
nodes adds all five operations on every state before it (DARTS, Liu et al. 2019, arXiv 1806.09055, section 2.2). It has
no architecture weights. Their products would cost time and memory, so the comparison favours this network.

Each pair is one step of this network and eight ENAS steps with different children, in one process. Saved activations
are the bytes that autograd keeps for the backward pass, without parameters, counted by autograd's hooks. For ENAS it is
the mean over the children.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import record
import torch
from torch import Tensor, nn

from archsmith.graphs.bank import WeightBank
from archsmith.graphs.layers import factorized_reduction, fit
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network import Network
from archsmith.oneshot.enas import ControllerSettings, ControllerTraining
from archsmith.oneshot.sharing import Shared, SharedRecipe, SharedTraining, sharing_form
from archsmith.spaces.cell_layout import IDENTITY, OPERATIONS
from archsmith.spaces.cells import Cell
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.training.goal import ClassGoal
from archsmith.training.losses import Losses

CHILDREN = 8  # ENAS steps of a pair


class EveryOperation(EnasMicro):
    """The network of the sharing form with all operations in its cells, whatever is chosen."""

    def _lay(self, net: Net, name: str, cell: Cell, prev: Value, cur: Value, style: object) -> Value:
        filters = style.filters  # type: ignore[attr-defined]
        strided = style.stride == 2  # type: ignore[attr-defined]
        with net.scope(
            name, "Everything", None, **({"cur": cur} if prev.name == cur.name else {"prev": prev, "cur": cur})
        ):
            bring = factorized_reduction if strided else fit
            states = [
                bring(net, x, filters, name=f"fit_{i}")
                for i, x in enumerate(self._alike(net, prev, cur, filters, strided))
            ]
            for node in range(self.nodes):
                parts = [
                    self._operated(net, f"to{node}_from{i}_{op}", op, x, filters)
                    for i, x in enumerate(states)
                    for op in self.operations
                ]
                states.append(net.op("add", *parts, name=f"node{node}"))
            ends = [
                net.op("conv", net.op("relu", x), filters=filters, kernel=1, name=f"end{i}")
                for i, x in enumerate(states[2:])
            ]
            return net.op("batch_norm", net.op("add", *ends), name="bn")

    def _alike(self, net: Net, prev: Value, cur: Value, filters: int, strided: bool) -> tuple[Value, Value]:
        """Both inputs at one size. The older input may come from before the last reduction."""
        smaller = prev.shape[1:] != cur.shape[1:] and not strided
        return (factorized_reduction(net, prev, filters, name="match") if smaller else prev), cur

    def _operated(self, net: Net, name: str, operation: str, x: Value, filters: int) -> Value:
        return x if operation == IDENTITY else OPERATIONS[operation](net, x, filters, 1, name, name)


def saved_bytes(network: nn.Module, images: Tensor) -> int:
    """Bytes that autograd keeps of one forward pass. Each storage counts once; parameters do not count."""
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}  # by address; kept alive, so that no address is used twice

    def note(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = network(images)
    total = sum(tensor.untyped_storage().nbytes() for pointer, tensor in kept.items() if pointer not in parameters)
    del outputs
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--filters", type=int, default=20)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    space = sharing_form(EnasMicro(scale=EnasMicroScale(options.filters, options.layers)))
    assert isinstance(space, EnasMicro)
    whole = EveryOperation(space.input_shape, space.n_outputs, scale=space.scale)
    images = torch.randn(options.batch, *space.input_shape, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(options.batch) % space.n_outputs

    shared = Shared(space, WeightBank(0), torch.device("cpu"))
    training = SharedTraining(shared, SharedRecipe(), ClassGoal(), "float32", seed=0)
    controller = ControllerTraining(space, ControllerSettings(), seed=0)
    everything = Network(whole.graph(whole.sample(np.random.default_rng(0))), seed=0).train()
    optimizer = torch.optim.SGD(
        everything.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4, foreach=True
    )

    def enas_step(number: int) -> float:
        began = time.perf_counter()
        training.step(controller.draw(number), images, targets, Losses(False, 0), number, 0.0)
        return time.perf_counter() - began

    def whole_step() -> float:
        began = time.perf_counter()
        nn.functional.cross_entropy(everything(images), targets).backward()
        nn.utils.clip_grad_norm_(everything.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - began

    enas_step(0), whole_step()  # torch sets up some things in the first step
    ratios, ours, theirs = [], [], []
    for pair in range(options.pairs):
        ours.append(statistics.fmean(enas_step(1 + pair * CHILDREN + i) for i in range(CHILDREN)))
        theirs.append(whole_step())
        ratios.append(ours[-1] / theirs[-1])
    print(
        f"{torch.get_num_threads()} threads, {options.filters} filters, {options.layers} + 2 cells, batch "
        f"{options.batch}; medians of {options.pairs} pairs"
    )
    print(
        f"seconds: ENAS {statistics.median(ours):.3f}, every operation {statistics.median(theirs):.3f}, ratio "
        f"{statistics.median(ratios):.3f}"
    )
    children = [shared.network(controller.draw(i)).train() for i in range(CHILDREN)]
    mine, all_of_it = (
        statistics.fmean(saved_bytes(child, images) for child in children),
        saved_bytes(everything, images),
    )
    print(
        f"saved activations, MB: ENAS {mine / 1e6:.1f}, every operation {all_of_it / 1e6:.1f}, ratio "
        f"{mine / all_of_it:.3f}"
    )


if __name__ == "__main__":
    sys.exit(record.run(main))
