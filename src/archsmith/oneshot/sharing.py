"""Shared weights: one bank of weights for all networks of a space. Each training step samples one architecture (the
child) and changes only the weights that it uses.

Source: ENAS, Pham et al. 2018 (arXiv 1802.03268), section 2.2: one child a step (M = 1), and batch statistics in batch
norm whenever shared weights are used. Uniform sampling: Guo et al. 2020 (SPOS, arXiv 1904.00420), Li and Talwalkar 2019
(arXiv 1902.07638). Fair sampling: Chu et al. 2021 (FairNAS, arXiv 1907.01845), section 3.

Momentum and weight decay change only the weights of the step's child: the optimiser gets that child's parameters. It
keeps a momentum for each parameter of the bank from the first step that used it.

Differences: ENAS decays every weight; here biases and batch norm are not decayed. FairNAS sums the gradients of one
round, in which every option of every decision occurs once, before it makes one step. That works only if all decisions
have the same number of options, so here each child makes its own step.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DeadEnd, EvaluationError, UsageError
from archsmith.core.fields import checked
from archsmith.core.seeds import derive, generator
from archsmith.core.space import MAX_TRIES, Options, Range, Space
from archsmith.graphs.bank import WeightBank
from archsmith.graphs.graph import Graph
from archsmith.graphs.modules import Batch
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.strategies.policy import choices_of
from archsmith.training import precision
from archsmith.training.device import memory_format
from archsmith.training.goal import Goal
from archsmith.training.losses import Losses
from archsmith.training.recipe import Recipe
from archsmith.training.schedules import rate

BYTES = 8  # of a weight in float32 and its momentum
LEVELS = 8  # intervals that fair sampling divides a numeric range into
# Settings of a space's scale that give each weight one shape, whatever is chosen.
SHARING = {"shared": True, "skips": "add", "ends": "project"}


@checked
@dataclass(frozen=True)
class SharedRecipe(Recipe):
    """A recipe for shared weights. ``Recipe`` explains the fields; here ``epochs`` trains the whole bank. ``average``
    stays 0, ``bias_rate`` 1 and ``optimizer`` ``sgd``: the bank knows no others.

    ``restarts``: how often the cosine begins again; 0 to 16. Each cycle is twice as long as the one before (Loshchilov
        and Hutter 2017, arXiv 1608.03983).

    Defaults follow ENAS's paper on CIFAR-10: SGD with Nesterov momentum 0.9, learning rate 0.05, weight decay 1e-4, no
    label smoothing, 4 restarts. The paper trains 310 epochs = 10 + 20 + 40 + 80 + 160; its code for cells trains 150
    epochs with 3 restarts and batches of 160. Differences: 30 epochs, a batch of 128, gradients clipped at 5, and a
    cosine that ends at 0.2 % of its peak (paper 2 %, code 1 %).
    """

    learning_rate: float = 0.05
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    epochs: float = 30
    schedule: str = "cosine"
    restarts: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average:
            raise UsageError(
                f"The shared recipe's average is {self.average}.", "Shared weights are not averaged; leave it at 0."
            )
        if self.bias_rate != 1:
            raise UsageError(
                f"The shared recipe's bias_rate is {self.bias_rate}.",
                "Shared weights all learn at one rate; leave it at 1.",
            )
        if self.optimizer != "sgd":
            raise UsageError(
                f"The shared recipe's optimizer is {self.optimizer!r}.",
                "Shared weights are trained by SGD; leave it at 'sgd'.",
            )
        if not 0 <= self.restarts <= 16:
            raise UsageError(f"The shared recipe's restarts are {self.restarts}.", "Give a number from 0 to 16.")

    def rate(self, progress: float) -> float:
        """The learning rate at ``progress`` in [0, 1] of the whole training."""
        return rate(self, within_cycle(progress, self.restarts))


def within_cycle(progress: float, restarts: int) -> float:
    """Progress within the current cycle, in [0, 1]. Cycles last 1, 2, 4, … of ``2 ** (restarts + 1) - 1`` units."""
    done = min(1.0, max(0.0, progress)) * (2 ** (restarts + 1) - 1)
    cycle = min(restarts, int(math.log2(done + 1)))
    return (done - (2**cycle - 1)) / 2**cycle


def sharing_form(space: NetworkSpace) -> NetworkSpace:
    """The form of ``space`` in which weights are shared, without a recipe. If the space has the settings for it, each
    weight has one shape, whatever is chosen.
    """
    space = dataclasses.replace(space, recipe=None)  # type: ignore[call-arg]  # a field of every subclass
    scale: Any = getattr(space, "scale", None)
    if scale is None:
        return space
    known = {
        name: value for name, value in SHARING.items() if name in {field.name for field in dataclasses.fields(scale)}
    }
    return dataclasses.replace(space, scale=dataclasses.replace(scale, **known))  # type: ignore[call-arg]


class Shared:
    """The networks of ``space`` with the weights of ``bank`` on ``device``.

    ``trained``: weight keys that a training step has changed.
    """

    def __init__(self, space: NetworkSpace, bank: WeightBank, device: torch.device) -> None:
        self.space, self.bank, self.device = space, bank, device
        self.trained: set[str] = set()
        self._n_looked_at = 0  # keys of the bank when its size was last looked at
        bank.to(device)

    def graph(self, architecture: Architecture) -> Graph:
        return self.space.graph(architecture.structure)

    def network(self, architecture: Architecture, grow: bool = False) -> Network:
        """The network, in training mode. With ``grow`` the bank keeps the weights that it lacked."""
        network = Network(self.graph(architecture), self.bank, grow=grow)
        if self.device.type != "cpu":
            network.to(self.device)
            network.channels_last = memory_format(self.device) == torch.channels_last
        return network

    def untrained(self, architecture: Architecture) -> float:
        """The share of the network's parameters that no step has changed yet."""
        graph = self.graph(architecture)
        counts = {node.key: graph.facts(node).n_params for node in graph.nodes if node.key is not None}
        return 1 - self.bank.n_within(graph, self.trained) / max(1, sum(counts.values()))

    def need_room(self, memory_mb: float | None) -> None:
        """Raises EvaluationError (``memory``) where the weights and their momenta take more than ``memory_mb`` (10⁶
        bytes; None: no limit). Where networks have little in common, a bank grows for ever.
        """
        if memory_mb is None or len(self.bank) == self._n_looked_at:
            return
        self._n_looked_at = len(self.bank)
        size = BYTES * sum(tensor.numel() for tensor in self.bank.tensors().values()) / 1e6
        if size > memory_mb:
            raise EvaluationError(
                f"The shared weights of {len(self.bank):,} operations take {size:,.0f} MB, and {memory_mb:,.0f} MB are "
                "allowed.",
                "A smaller space, or one whose networks have more in common, needs less.",
                kind="memory",
            )

    def need_sound(self) -> None:
        """Raises EvaluationError (``diverged``) where a weight is not finite. The loss of a step does not tell what the
        step itself did.
        """
        if not all(bool(tensor.isfinite().all()) for tensor in self.bank.tensors().values()):
            raise EvaluationError(
                "Training diverged: some shared weights are not finite.",
                "A smaller learning rate may help.",
                kind="diverged",
            )


class SharedTraining:
    """Steps of gradient descent on a bank, each with one child.

    ``arithmetic`` is as in ``training.precision``; "auto" is decided for each child.
    """

    def __init__(self, shared: Shared, recipe: SharedRecipe, goal: Goal, arithmetic: str, seed: int) -> None:
        self.shared, self.recipe, self.goal, self.arithmetic, self.seed = shared, recipe, goal, arithmetic, seed
        groups = [{"params": [], "weight_decay": recipe.weight_decay}, {"params": [], "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(
            groups, lr=recipe.peak, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True
        )
        self.scaler = precision.scaler(precision.choose(arithmetic, None, shared.device), shared.device)

    def step(
        self,
        architecture: Architecture,
        batch: Batch,
        targets: Tensor,
        losses: Losses,
        number: int,
        progress: float,
    ) -> None:
        """Step ``number`` with ``architecture`` on a batch, at ``progress`` of the training. Raises EvaluationError
        (``diverged``).
        """
        network, recipe = self.shared.network(architecture, grow=True), self.recipe
        network.train()
        network.set_progress(progress)
        # Dropout and drop path use torch's default generators, which are private here.
        torch.manual_seed(derive(self.seed, "layers", number))
        arithmetic = precision.choose(self.arithmetic, network, self.shared.device, len(targets))
        with precision.autocast(arithmetic, self.shared.device):
            outputs = network.forward_all(batch)
        weights = {name: recipe.auxiliary if name == "auxiliary" else 1.0 for name in outputs}
        terms = [
            weights[name] * self.goal.loss(output, targets, recipe.label_smoothing)
            for name, output in outputs.items()
            if weights[name]
        ]
        loss = torch.stack(terms).sum()
        losses.add(loss)
        parameters = list(network.parameters())
        self._select(parameters, recipe.rate(progress))
        self.scaler.scale(loss).backward()
        if recipe.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(parameters, recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.shared.trained.update(node.key for node in network.graph.nodes if node.key is not None)

    def _select(self, parameters: list[nn.Parameter], learning_rate: float) -> None:
        """Give the optimiser the parameters of one child. It keeps its state for each parameter."""
        decayed, others = self.optimizer.param_groups
        decayed["params"] = [parameter for parameter in parameters if parameter.ndim > 1]
        others["params"] = [parameter for parameter in parameters if parameter.ndim <= 1]
        decayed["lr"] = others["lr"] = learning_rate

    def momenta(self) -> dict[str, Tensor]:
        """Momenta by the names of the bank's items."""
        state = self.optimizer.state
        return {
            name: state[parameter]["momentum_buffer"]
            for name, parameter in self.shared.bank.items()
            if "momentum_buffer" in state.get(parameter, {})
        }

    def load(self, momenta: dict[str, Tensor]) -> None:
        for name, parameter in self.shared.bank.items():
            if name in momenta:
                self.optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momenta[name])


# Samplers


class Sampler(Protocol):
    """Draws the architecture of step ``number``. Its memory between draws is in ``state()`` (JSON data) and
    ``tensors()``.
    """

    def draw(self, number: int) -> Architecture: ...

    def state(self) -> dict[str, Any]: ...

    def tensors(self) -> dict[str, Tensor]: ...

    def load(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Restore the memory of another sampler in a new one."""


class Uniform:
    """Draws each decision with the space's own weights, which are equal in most spaces."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed

    def draw(self, number: int) -> Architecture:
        return self.space.sample(generator(self.seed, "child", number))

    def state(self) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def load(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        pass


class Fair:
    """Draws every option of a decision once in each of its rounds, in random order (strict fairness).

    A decision deals its options like a shuffled deck of cards. An empty deck is shuffled again. The space's own weights
    do not count. A decision that depends on others deals only when it is asked, so it has its own rounds. If its
    options change, it has one deck for each set of options. If all decisions are always asked and have n options each,
    n children in a row are one round of FairNAS. Options of a child that ended in a dead end count as used.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed
        self.dealt: dict[str, int] = {}  # decision and its options -> how often it was asked

    def draw(self, number: int) -> Architecture:
        rng = generator(self.seed, "child", number)
        return drawn(
            lambda: self.space.trace(lambda path, options, weights: self._deal(path, options, rng)).architecture
        )

    def _deal(self, path: str, options: Options, rng: Any) -> Scalar:
        choices = choices_of(options, LEVELS)
        deck = f"{path} {list(choices)}"
        times = self.dealt.get(deck, 0)
        self.dealt[deck] = times + 1
        turn, place = divmod(times, len(choices))
        choice = choices[int(generator(self.seed, "deck", deck, turn).permutation(len(choices))[place])]
        return choice.at(rng.random()) if isinstance(choice, Range) else choice

    def state(self) -> dict[str, Any]:
        return {"dealt": self.dealt}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def load(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        self.dealt = dict(state["dealt"])


def drawn(draw: Callable[[], Architecture | None]) -> Architecture:
    """The first draw without a dead end (DeadEnd or None). Raises DeadEnd after ``MAX_TRIES`` dead ends."""
    for _ in range(MAX_TRIES):
        try:
            architecture = draw()
        except DeadEnd:
            continue
        if architecture is not None:
            return architecture
    raise DeadEnd(f"{MAX_TRIES} draws gave no valid architecture.")
