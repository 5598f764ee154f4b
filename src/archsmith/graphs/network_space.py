"""A search space of networks: the questions of ``Space`` plus the program that lays a network out while asking them."""

from __future__ import annotations

import dataclasses
import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self

from archsmith.core.architecture import RECIPE, Architecture, Scalar
from archsmith.core.errors import DeadEnd, InvalidArchitectureError, UsageError
from archsmith.core.fields import check_above_0, fitted
from archsmith.core.sketch import Sketch
from archsmith.core.space import Choose, Space, Trace, replaying
from archsmith.core.task import Input, Task
from archsmith.graphs.graph import Graph
from archsmith.graphs.identity import identity
from archsmith.graphs.net import Net
from archsmith.graphs.sketch import sketch_of


class NetworkSpace(Space):
    """A space whose architectures are networks.

    Subclasses are frozen dataclasses. They say with ``inputs`` what the networks take, and have the fields below
    besides those for scale. ``cell_kinds`` names the kinds of scopes that a person would want drawn.

    ``n_outputs``: the number of classes or values.
    ``recipe``: a space that asks the decisions about training, all of them under ``recipe/``, after those about the
        network; None asks for none.
    """

    n_outputs: int
    recipe: Space | None

    cell_kinds: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def inputs(self) -> tuple[Input, ...]:
        """What the networks take, by name, kind and shape."""

    @abstractmethod
    def build(self, choose: Choose, net: Net) -> None:
        """Ask this space's questions and lay the network out: from ``net.input(name)`` to ``net.output(logits)``."""

    def net(self) -> Net:
        """An empty network with the inputs of this space."""
        return Net(self.inputs)

    def decide(self, choose: Choose) -> None:
        """Ask the questions only. Law: the same ones in the same order as ``build``; a subclass overrides ``layout``
        where there is a cheap way.
        """
        self.layout(choose)
        if self.recipe is not None:
            self.recipe.decide(choose)

    @property
    def _program(self) -> str:
        methods = {name: getattr(type(self), name) is getattr(NetworkSpace, name) for name in ("decide", "layout")}
        return next((name for name, inherited in methods.items() if not inherited), "build")

    def layout(self, choose: Choose) -> None:
        """The questions about the network without laying it out. The default lays it out and throws it away."""
        self.build(choose, self.net())

    def graph(self, architecture: Mapping[str, Scalar]) -> Graph:
        """The network of one architecture. Raises InvalidArchitectureError where a decision does not fit."""
        if not isinstance(architecture, Architecture):
            architecture = Architecture(architecture)
        return _graph(self, architecture)

    def identity(self, architecture: Architecture) -> str:
        """Equal for architectures that give isomorphic networks and the same recipe."""
        name = _identity(self, architecture.structure)
        recipe = architecture.recipe
        return hashlib.blake2b(f"{name}/{recipe.key}".encode(), digest_size=16).hexdigest() if recipe else name

    def live(self, architecture: Architecture) -> Architecture:
        """``architecture`` with every decision that its network does not depend on at one fixed answer. The default
        knows of none.
        """
        return architecture

    def cells(self, architecture: Architecture) -> Mapping[str, Graph]:
        """What is worth comparing between networks: one cell of each kind, on small inputs; the whole network in a
        space without cells.
        """
        return {"network": self.graph(architecture)}

    def sketch(self, architecture: Architecture) -> Sketch:
        """The live decisions, the functional paths of one cell of each kind, and their sizes and depths."""
        live = self.live(architecture)
        plain = super().sketch(live)
        paths, numbers = _sketched(dataclasses.replace(self, recipe=None), live.structure)  # type: ignore[call-arg]
        return Sketch(plain.live, {**plain.numbers, **numbers}, dict(paths))

    @classmethod
    def for_task(cls, task: Task, **fields: Any) -> Self:
        """This space for the inputs and the output of a task. Raises UsageError for a task that it cannot serve."""
        raise UsageError(f"{cls.__name__} does not say for which tasks it lays out networks.", "Give it a for_task().")


@dataclass(frozen=True)
class ImageSpace(NetworkSpace):
    """A space of networks that take one image.

    ``input_shape``: ``(C, H, W)`` of the image.
    ``n_outputs``, ``recipe``: see ``NetworkSpace``.
    """

    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_outputs: int = 10
    recipe: Space | None = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        shape = fitted(self.input_shape, tuple[int, int, int], f"{owner}.input_shape")
        object.__setattr__(self, "input_shape", shape)
        object.__setattr__(self, "n_outputs", fitted(self.n_outputs, int, f"{owner}.n_outputs"))
        check_above_0(owner, n_outputs=self.n_outputs)
        if min(self.input_shape) < 1:
            raise UsageError(
                f"{owner}.input_shape cannot be {self.input_shape}.",
                "Give channels, height and width, such as (3, 32, 32).",
            )

    @property
    def inputs(self) -> tuple[Input, ...]:
        return (Input("image", "image", self.input_shape),)

    @classmethod
    def for_task(cls, task: Task, **fields: Any) -> Self:
        """This space for the input and output of a task. Raises UsageError unless the task has one image and one
        output.
        """
        if len(task.inputs) != 1 or len(task.outputs) != 1 or task.inputs[0].kind != "image":
            given = ", ".join(f"{i.name} ({i.kind})" for i in task.inputs)
            raise UsageError(
                f"{cls.__name__} takes one image and gives one output; "
                f"the task has {given} and {len(task.outputs)} outputs."
            )
        shape = task.inputs[0].shape
        if len(shape) != 3 or None in shape:
            raise UsageError(f"{cls.__name__} needs an image of fixed size (C, H, W), not {shape}.")
        return cls(**{"input_shape": shape, "n_outputs": task.outputs[0].n, **fields})


def lay_out(space: NetworkSpace, architecture: Architecture) -> Graph:
    """What ``space.graph`` remembers, laid out anew."""
    replay = Trace(replaying(architecture))
    net = space.net()
    try:
        space.build(replay, net)
        if space.recipe is not None:
            space.recipe.decide(replay)
    except DeadEnd as error:
        raise InvalidArchitectureError(f"This architecture runs into a dead end: {error}") from error
    # A network can be looked at without its recipe, so stray recipe decisions do no harm here; validate() is strict
    # about them.
    unknown = [path for path in architecture if path not in replay.decisions and not path.startswith(RECIPE)]
    if unknown:
        raise InvalidArchitectureError(
            f"The decision {unknown[0]!r} is unknown to {type(space).__name__} here.", "Leave it out."
        )
    return net.graph()


@lru_cache(maxsize=32)
def _graph(space: NetworkSpace, architecture: Architecture) -> Graph:
    return lay_out(space, architecture)


@lru_cache(maxsize=4096)
def _sketched(space: NetworkSpace, structure: Architecture) -> tuple[dict[str, int], dict[str, float]]:
    # The recipe is no part of it: many points of a small space share one network.
    return sketch_of(space.cells(structure))


@lru_cache(maxsize=4096)
def _identity(space: NetworkSpace, structure: Architecture) -> str:
    net = space.net()
    try:
        space.build(Trace(replaying(structure)), net)
    except DeadEnd as error:
        raise InvalidArchitectureError(f"This architecture runs into a dead end: {error}") from error
    return identity(net.graph())
