"""Shared weights: one bank for all networks of a space, of which each training step moves what one sampled architecture
uses.

Source: ENAS, Pham et al. 2018 (arXiv 1802.03268), section 2.2: one child a step (M = 1), batch statistics in batch norm
whenever shared weights are used. Uniform sampling: Guo et al. 2020 (SPOS, arXiv 1904.00420), Li and Talwalkar 2019
(arXiv 1902.07638). Fair sampling: Chu et al. 2021 (FairNAS, arXiv 1907.01845), section 3.

Momentum and weight decay move only what the child of a step has used: the optimiser is handed that child's parameters,
and keeps a momentum for each parameter of the bank from the first step that used it.

Differences: ENAS decays every weight, ours all but biases and batch norm, as everywhere here. FairNAS adds up the
gradients of one round, in which every option of every decision occurs once, before it makes one step; that needs as
many options everywhere, so ours makes a step for each child.
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
from archsmith.core.errors import DeadEnd, UsageError
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

LEVELS = 8  # parts of a range of numbers that fair sampling deals
# settings of scales that give weights one shape whatever was chosen
SHARING = {"shared": True, "skips": "add", "ends": "project"}


@dataclass(frozen=True)
class SharedRecipe(Recipe):
    """A recipe for shared weights; what the fields mean is said at ``Recipe``, and ``epochs`` are those of the whole
    bank.

    Defaults after ENAS's paper, CIFAR-10: SGD with Nesterov momentum 0.9, learning rate 0.05, weight decay 1e-4, no
    label smoothing, and the cosine begun anew ``restarts`` times, each cycle twice as long as the one before
    (Loshchilov and Hutter 2017, arXiv 1608.03983): 310 epochs = 10 + 20 + 40 + 80 + 160. (Its code for cells: 150
    epochs, 3 restarts, batches of 160.) Ours are shorter by default, the batch is 128, gradients are clipped at 5, and
    the cosine ends at 0.2 % of its peak, where theirs does at 2 % (paper) and 1 % (code).
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
        if not 0 <= self.restarts <= 16:
            raise UsageError(f"The shared recipe's restarts are {self.restarts}.", "Give a number from 0 to 16.")

    def rate(self, progress: float) -> float:
        """The learning rate at ``progress`` in [0, 1] of the whole training."""
        return rate(self, within_cycle(progress, self.restarts))


def within_cycle(progress: float, restarts: int) -> float:
    """Where in its cycle a training is, in [0, 1]; cycles last 1, 2, 4, … of ``2 ** (restarts + 1) - 1`` parts."""
    done = min(1.0, max(0.0, progress)) * (2 ** (restarts + 1) - 1)
    cycle = min(restarts, int(math.log2(done + 1)))
    return (done - (2**cycle - 1)) / 2**cycle


def sharing_form(space: NetworkSpace) -> NetworkSpace:
    """``space`` as its weights are shared: laid out so that a weight has one shape whatever was chosen, where the space
    knows such a form; no recipe.
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
    """The networks of ``space`` with the weights of ``bank``, which lies on ``device``."""

    def __init__(self, space: NetworkSpace, bank: WeightBank, device: torch.device) -> None:
        self.space, self.bank, self.device = space, bank, device
        self.trained: set[str] = set()  # weight keys that a step has moved
        bank.to(device)

    def graph(self, architecture: Architecture) -> Graph:
        return self.space.graph(architecture.structure)

    def network(self, architecture: Architecture) -> Network:
        """The child, in training mode. Weights that nobody needed before are made."""
        network = Network(self.graph(architecture), self.bank)
        if self.device.type != "cpu":
            network.to(self.device)
            network.channels_last = memory_format(self.device) == torch.channels_last
        return network

    def untrained(self, architecture: Architecture) -> float:
        """The share of the child's parameters that no step has moved yet."""
        graph = self.graph(architecture)
        counts = {node.key: graph.facts(node).n_params for node in graph.nodes if node.key is not None}
        return 1 - sum(self.bank.n_within(key, self.trained) for key in counts) / max(1, sum(counts.values()))


class SharedTraining:
    """Steps of gradient descent on a bank, one child each. ``arithmetic`` as in ``training.precision``; "auto" is
    chosen for each child.
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
        network, recipe = self.shared.network(architecture), self.recipe
        network.train()
        network.set_progress(progress)
        # dropout and drop path draw from the (private) default generators
        torch.manual_seed(derive(self.seed, "layers", number))
        with precision.autocast(precision.choose(self.arithmetic, network, self.shared.device), self.shared.device):
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
        self._hand_over(parameters, recipe.rate(progress))
        self.scaler.scale(loss).backward()
        if recipe.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(parameters, recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.shared.trained.update(node.key for node in network.graph.nodes if node.key is not None)

    def _hand_over(self, parameters: list[nn.Parameter], learning_rate: float) -> None:
        """The optimiser sees the parameters of one child at a time; its state is kept by parameter."""
        decayed, others = self.optimizer.param_groups
        decayed["params"] = [parameter for parameter in parameters if parameter.ndim > 1]
        others["params"] = [parameter for parameter in parameters if parameter.ndim <= 1]
        decayed["lr"] = others["lr"] = learning_rate

    def momenta(self) -> dict[str, Tensor]:
        """By the names of the bank's items."""
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


# Which architecture a step trains


class Sampler(Protocol):
    """Draws the architecture of step ``number``. What it has to remember between draws is in ``state()``, JSON data,
    and ``tensors()``.
    """

    def draw(self, number: int) -> Architecture: ...

    def state(self) -> dict[str, Any]: ...

    def tensors(self) -> dict[str, Tensor]: ...

    def load(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Put a fresh sampler where another one stood."""


class Uniform:
    """Every question answered by the space's own weights, which are equal in most spaces."""

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
    """Every option of a decision once in each of its rounds, in random order (strict fairness).

    A decision deals its options like a shuffled deck, whatever the space's own weights; an empty deck is shuffled anew.
    A decision that depends on others deals only when it is asked, so its rounds are its own, and one whose options
    change has a deck for each set of options. Where all decisions are always asked and have n options each, n children
    in a row are one round of FairNAS. Options of a child that ran into a dead end are used up.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed
        self.dealt: dict[str, int] = {}  # decision and options -> how often they were asked

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
    """The first draw that runs into no dead end (raises DeadEnd, or is None). Raises DeadEnd when a thousand have."""
    for _ in range(MAX_TRIES):
        try:
            architecture = draw()
        except DeadEnd:
            continue
        if architecture is not None:
            return architecture
    raise DeadEnd(f"No valid architecture came of {MAX_TRIES} draws.")
