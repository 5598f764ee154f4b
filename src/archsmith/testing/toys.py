"""Toy spaces and a toy evaluator: small, fast and without torch, and yet full of what surprises a strategy.

The spaces have the four shapes that the laws name: flat, conditional, recursive, and mixed with real and whole numbers.
The evaluator scores by hash, so that an architecture has the same score on every machine. It fails, returns NaN, adds
noise or takes time when told to.
"""

from __future__ import annotations

import hashlib
import math
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DeadEnd, EvaluationError, UsageError
from archsmith.core.fields import check_above_0, check_from_0, checked
from archsmith.core.protocols import Context
from archsmith.core.seeds import generator
from archsmith.core.space import Choose, Range, Space
from archsmith.core.trial import Outcome


@checked
@dataclass(frozen=True)
class Flat(Space):
    """Independent questions: ``n_options ** n_decisions`` points.

    ``n_decisions``: how many questions.
    ``n_options``: how many options each of them has.
    """

    n_decisions: int = 4
    n_options: int = 3

    def __post_init__(self) -> None:
        check_above_0("Flat", n_decisions=self.n_decisions, n_options=self.n_options)

    def decide(self, choose: Choose) -> None:
        for path, options in _questions(self.n_decisions, self.n_options):
            choose(path, options)

    def known_size(self) -> int:
        return math.prod(self.n_options for _ in range(self.n_decisions))

    def first(self) -> Architecture:
        return Architecture((path, options[0]) for path, options in _questions(self.n_decisions, self.n_options))


@lru_cache(maxsize=64)
def _questions(n_decisions: int, n_options: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((f"x{i}", tuple(range(n_options))) for i in range(n_decisions))


@checked
@dataclass(frozen=True)
class Conditional(Space):
    """Questions, and options of questions, that depend on earlier answers.

    There are weights too, and answers that Python takes for equal (True, 1 and 1.0).

    ``max_layers``: the most that the first question offers.
    """

    max_layers: int = 2

    def __post_init__(self) -> None:
        check_above_0("Conditional", max_layers=self.max_layers)

    def decide(self, choose: Choose) -> None:
        for i in range(int(choose("n_layers", range(1, self.max_layers + 1)) or 0)):
            kind = choose(f"layer{i}/kind", ("conv", "pool", None), weights=(2, 1, 1))
            if kind == "conv":
                kernel = choose(f"layer{i}/kernel", (1, 3, 5))
                if kernel != 1:
                    choose(f"layer{i}/dilation", (1, 2) if kernel == 3 else (1,))
            elif kind == "pool":
                choose(f"layer{i}/size", (2, 3))
        choose("gate", (True, 1, 1.0, False))


@checked
@dataclass(frozen=True)
class Recursive(Space):
    """Expressions of a small grammar.

    ``depth``: the most rules one below the other.
    ``max_nodes``: larger expressions run into a dead end, as programs do whose shapes stop fitting; None: no limit.
    """

    depth: int = 3
    max_nodes: int | None = None

    def __post_init__(self) -> None:
        check_above_0("Recursive", depth=self.depth, max_nodes=self.max_nodes)

    def decide(self, choose: Choose) -> None:
        self._expression(choose, "root", self.depth, [0])

    def _expression(self, choose: Choose, path: str, depth: int, n_nodes: list[int]) -> None:
        n_nodes[0] += 1
        if self.max_nodes is not None and n_nodes[0] > self.max_nodes:
            raise DeadEnd(f"The expression has more than {self.max_nodes} nodes.")
        rule = choose(f"{path}/rule", ("leaf", "unary", "binary") if depth > 1 else ("leaf",))
        if rule == "leaf":
            choose(f"{path}/leaf", ("a", "b"))
        else:
            choose(f"{path}/operation", ("add", "mul") if rule == "binary" else ("negate",))
            for side in ("left", "right") if rule == "binary" else ("inner",):
                self._expression(choose, f"{path}/{side}", depth - 1, n_nodes)


@dataclass(frozen=True)
class Mixed(Space):
    """Named options, whole numbers, a real number, and one on a logarithmic scale that only one option asks for."""

    def decide(self, choose: Choose) -> None:
        optimizer = choose("optimizer", ("sgd", "adam"))
        choose("n_layers", Range(1, 8))
        choose("dropout", Range(0.0, 0.5))
        if optimizer == "sgd":
            choose("learning_rate", Range(1e-4, 1e-1, log=True))


@checked
@dataclass(frozen=True)
class ToyEvaluator:
    """Scores in [0, 1) that depend on nothing but the architecture, the fidelity and, with ``noise``, the seed.

    ``metrics``: names, one or more, each scored independently of the others.
    ``additive``: whether a score is the mean of one value for each answer, so that neighbours are alike. Otherwise it
        is a hash of the whole, so that they are not.
    ``fail``: share in [0, 1] of the architectures that raise an error.
    ``nan``: share of those that come out as NaN.
    ``kill``: share of those that kill the process that they run in.
    ``noise``: standard deviation of what is added to every score.
    ``sleep``: seconds that an evaluation takes, checking for stop requests.
    ``steps``: how many intermediate reports it makes.
    ``simulated``: whether it takes no time and charges ``seconds`` times the fidelity.
    ``seconds``: simulated ones for each unit of fidelity.
    """

    metrics: tuple[str, ...] = ("accuracy",)
    additive: bool = True
    fail: float = 0.0
    nan: float = 0.0
    kill: float = 0.0
    noise: float = 0.0
    sleep: float = 0.0
    steps: int = 0
    simulated: bool = False
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not self.metrics:
            raise UsageError("ToyEvaluator has no metrics.", "Name at least one.")
        names = ("fail", "nan", "kill", "noise", "sleep", "steps", "seconds")
        check_from_0("ToyEvaluator", **{name: getattr(self, name) for name in names})

    @property
    def repeatable(self) -> bool:
        return not self.noise

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome | Mapping[str, float]:
        context.check()
        until = time.monotonic() + self.sleep
        while time.monotonic() < until:
            context.check()
            time.sleep(min(0.01, self.sleep))
        if self.kill and unit("kill", architecture.key) < self.kill:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        if self.fail and unit("fail", architecture.key) < self.fail:
            raise EvaluationError("The toy evaluator was told to fail here.")
        metrics = {name: self.score(architecture, name, fidelity) for name in self.metrics}
        if self.nan and unit("nan", architecture.key) < self.nan:
            metrics[self.metrics[0]] = math.nan
        if self.noise:
            shifts = generator(context.seed, "noise").normal(0.0, self.noise, len(metrics))
            metrics = {name: value + float(shift) for (name, value), shift in zip(metrics.items(), shifts, strict=True)}
        for step in range(1, self.steps + 1):
            context.check()
            context.report(step, {name: value * step / self.steps for name, value in metrics.items()})
        if self.simulated and not any(map(math.isnan, metrics.values())):
            return Outcome.success(metrics, seconds=self.seconds * fidelity)
        return metrics

    def score(self, architecture: Architecture, metric: str = "accuracy", fidelity: float = math.inf) -> float:
        """The score without noise. A low ``fidelity`` takes up to half of it away."""
        if self.additive:
            score = math.fsum(_worth(metric, path, answer) for path, answer in architecture.items()) / max(
                1, len(architecture)
            )
        else:
            score = unit(metric, architecture.key)
        return score * (1 - 0.5 / (1 + fidelity))


def unit(*names: str) -> float:
    """A number in [0, 1) that ``names`` decide."""
    return int.from_bytes(hashlib.blake2b("/".join(names).encode(), digest_size=6).digest(), "big") / 2**48


def _worth(metric: str, path: str, answer: Scalar) -> float:
    if isinstance(answer, float):  # smooth, with the best value at 0.01
        return 1 / (1 + abs(math.log10(abs(answer) + 1e-6) + 2))
    return _worth_of(metric, path, repr(answer))


@lru_cache(maxsize=100_000)
def _worth_of(metric: str, path: str, answer: str) -> float:
    return unit(metric, path, answer)
