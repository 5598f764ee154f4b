"""The evaluator that scores by shared weights: train one bank for the whole space while preparing, then look each
architecture up in it.

Any strategy can ask it: evolution with uniformly trained weights is SPOS (Guo et al. 2020, arXiv 1904.00420), random
search that of Li and Talwalkar 2019 (arXiv 1902.07638), and ``sampler="controller"`` with the strategy ``enas`` is ENAS
(Pham et al. 2018, arXiv 1802.03268). Batch norm uses the statistics of the batch that is scored, as in ENAS; a network
that is kept gets its own by ``graphs.network.recalibrate``, or is trained from scratch.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import torch

from archsmith import catalog
from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive, generator
from archsmith.core.task import Task
from archsmith.core.trial import Outcome
from archsmith.data.examples import Examples
from archsmith.data.stored import opened, split_of
from archsmith.evaluators.training import SIZES, need_alike
from archsmith.graphs.bank import WeightBank
from archsmith.graphs.cost import cost
from archsmith.graphs.network_space import NetworkSpace
from archsmith.oneshot.enas import ControllerSettings, ControllerTraining
from archsmith.oneshot.preparation import FILE, Preparation, is_of, shared_of
from archsmith.oneshot.sharing import Fair, Sampler, Shared, SharedRecipe, Uniform, sharing_form
from archsmith.training import checkpoint
from archsmith.training import device as devices
from archsmith.training.goal import Goal
from archsmith.training.measure import BATCH, evaluate
from archsmith.training.memory import fitting

SAMPLERS = ("uniform", "fair", "controller")
LOOKED_AT = 20  # sampled networks that the batch has to fit in memory for


@dataclass(frozen=True)
class SharedWeightsEvaluator:
    """How good a network is with the weights that it shares with all others of the space.

    ``space``: laid out in its sharing form where it has one (``sharing.sharing_form``); ``params`` and ``macs`` are
    those
        of ``space`` as it is given.
    ``data``, ``task``, ``augmentation``, ``n_train``, ``n_valid``, ``precision``, ``device``, ``memory_mb``: as in the
        training evaluator.
    ``recipe``: trains the bank, for ``recipe.epochs``.
    ``sampler``: which architectures it trains on: ``uniform``, ``fair``, or those that a ``controller`` draws, which
        learns in turns with the weights.
    ``candidates``: architectures that the sampler draws at the end, each scored on one minibatch; 0: none.
    ``derived``: how many of the best go into the notes, for the strategy ``enas``.
    ``n_eval``: minibatches of the validation split that a trial is scored on, the same ones in every trial; None: all
        of it. Fidelity and what a trial says under ``recipe/`` do not count.
    ``share``: of the search's time that preparing may take.
    ``folder``: where the bank is kept, for several studies to use; None: with the study.
    ``seed``: where all randomness of the bank comes from, whatever the study's own.

    Metrics: those of the training evaluator. The note ``untrained`` is the share of the network's parameters that no
    step of training has moved.
    """

    space: NetworkSpace
    data: str
    recipe: SharedRecipe = SharedRecipe()
    augmentation: Mapping[str, Any] = field(default_factory=dict, hash=False)
    sampler: str = "uniform"
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    candidates: int = 100
    derived: int = 10
    n_train: int | None = None
    n_valid: int | None = None
    n_eval: int | None = None
    share: float = 0.8
    folder: str | None = None
    precision: str = "auto"
    device: str = "auto"
    memory_mb: float | None = None
    task: Task | None = None
    seed: int = 0

    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, least in {"n_train": 2, "n_valid": 2, "n_eval": 1, "candidates": 0, "derived": 0}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"The evaluator's {name} is {value}.", f"Give at least {least}.")
        if self.sampler not in SAMPLERS:
            raise UsageError(f"The evaluator's sampler is {self.sampler!r}.", f"It takes one of {', '.join(SAMPLERS)}.")
        if not 0 < self.share < 1:
            raise UsageError(
                f"The evaluator's share is {self.share}.", "Give a part of the search's time, between 0 and 1."
            )

    @property
    def learnt(self) -> Task:
        """The task, also where it is the data's own. Raises DataError when the data have gone."""
        return opened(self.data).task if self.task is None else self.task

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*self.learnt.metrics, *SIZES)

    def at(self, space: NetworkSpace) -> SharedWeightsEvaluator:
        """The same evaluator for another scale of the space, with a bank of its own."""
        return replace(self, space=space)

    # Preparing

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Train the bank, or go on with it, or find it finished. Notes: what it took, and ``derived``, a list of
        {architecture, score}, best first.
        """
        splits = opened(self.data)
        need_alike(self.space, self.learnt, splits)
        device = devices.choose(self.device).torch
        space = sharing_form(self.space)
        sampler = self._sampler(space)
        folder = Path(self.folder) if self.folder is not None else context.workspace
        prepared = Preparation(
            shared=Shared(space, WeightBank(derive(self.seed, "bank")), device),
            space=space,
            sampler=sampler,
            recipe=self._fitting(space),
            train=split_of(self.data, "train", self.n_train),
            valid=_shuffled(self.data, self.n_valid),
            pipeline=splits.pipeline(splits.augmentation(**self.augmentation)),
            goal=Goal.of(self.learnt, splits.target_statistics),
            arithmetic=self.precision,
            candidates=self.candidates,
            keep=self.derived,
            share=self.share,
            seed=derive(self.seed, "training"),
            job=self._job,
            context=context,
            file=None if folder is None else folder / FILE,
            own=self.folder is None,
        ).run()
        if folder is None:
            _in_memory.clear()  # one bank at a time: it may be large
            _in_memory[self] = prepared.shared
        return prepared.notes

    def _sampler(self, space: NetworkSpace) -> Sampler:
        if self.sampler == "controller":
            return ControllerTraining(space, self.controller, derive(self.seed, "controller"))
        return (Fair if self.sampler == "fair" else Uniform)(space, derive(self.seed, "sampler"))

    def _fitting(self, space: NetworkSpace) -> SharedRecipe:
        """The recipe with a batch for which the largest of some networks fits into memory. Raises EvaluationError
        (``memory``).
        """
        if self.memory_mb is None:
            return self.recipe
        rng = generator(self.seed, "memory")
        graphs = (space.graph(space.sample(rng)) for _ in range(LOOKED_AT))
        return replace(
            self.recipe, batch_size=min(fitting(graph, self.recipe, self.memory_mb).batch_size for graph in graphs)
        )

    @property
    def _job(self) -> str:
        """Names everything that the bank depends on: the device may change, and what a trial looks at."""
        same = replace(self, device="auto", n_eval=None, share=0.5, folder=None)
        return hashlib.blake2b(json.dumps(catalog.to_spec(same)).encode(), digest_size=16).hexdigest()

    # Scoring

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        """Score one architecture. Raises EvaluationError when nothing was prepared, and Stopped."""
        started = time.perf_counter()
        context.check()
        shared, splits = self._shared(context), opened(self.data)
        valid = _shuffled(self.data, self.n_valid)
        n = len(valid) if self.n_eval is None else min(len(valid), self.n_eval * self.recipe.batch_size)
        # Batches of one size: batch norm sees each of them by itself, and a small last one would be judged by poor
        # statistics.
        most = self.recipe.batch_size if self.n_eval is not None else BATCH
        size = -(-n // -(-n // most))
        score = evaluate(
            shared.network(architecture),
            valid,
            splits.pipeline(),
            Goal.of(self.learnt, splits.target_statistics),
            device=shared.device,
            batch_size=size,
            limit=n,
            check=context.check,
        )
        size_of = cost(self.space.graph(architecture))
        untrained = shared.untrained(architecture)
        notes: dict[str, Scalar] = {"untrained": round(untrained, 4)} if untrained else {}
        measured = {**score.metrics, "params": float(size_of.params), "macs": float(size_of.macs)}
        return Outcome.success(measured, time.perf_counter() - started, notes)

    def _shared(self, context: Context) -> Shared:
        folder = Path(self.folder) if self.folder is not None else context.prepared
        if folder is None and self in _in_memory:
            return _in_memory[self]
        shared = None if folder is None else _loaded(self, str(folder / FILE), _changed(folder / FILE))
        if shared is None:
            raise EvaluationError(
                "The shared weights of this evaluator are not prepared.",
                "Use it in a Search, which prepares it; several worker processes need a store that keeps files.",
            )
        return shared


_in_memory: dict[SharedWeightsEvaluator, Shared] = {}  # of studies that keep no files


def _changed(file: Path) -> int:
    """When, in nanoseconds; 0 where there is no file."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _loaded(evaluator: SharedWeightsEvaluator, file: str, changed: int) -> Shared | None:
    """The finished bank in ``file``; None where there is none of this evaluator."""
    found = checkpoint.load(Path(file))
    if found is None or not is_of(found[1], evaluator._job, evaluator.folder is None) or not found[1]["finished"]:
        return None
    device: torch.device = devices.choose(evaluator.device).torch
    return shared_of(sharing_form(evaluator.space), device, *found)


@lru_cache(maxsize=2)
def _shuffled(folder: str, limit: int | None) -> Examples:
    """The validation split in an order that depends on nothing else: stored examples may be sorted by class, and batch
    norm needs mixed batches.
    """
    whole = split_of(folder, "valid", limit)
    return whole.take(generator(0, "validation order").permutation(len(whole)))
