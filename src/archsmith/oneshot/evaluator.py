"""The evaluator that scores by shared weights. It first trains one bank of weights for the whole space. A trial then
takes its weights from the bank and is scored without training.

Any strategy can use it. Evolution with uniformly trained weights is SPOS (Guo et al. 2020, arXiv 1904.00420). Random
search with them is the method of Li and Talwalkar 2019 (arXiv 1902.07638). The sampler ``controller`` with the strategy
``enas`` is ENAS (Pham et al. 2018, arXiv 1802.03268).

Batch norm uses the statistics of the scored batch, as in ENAS. A network that is kept gets its own statistics by
``graphs.network.recalibrate``, or is trained from scratch.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from archsmith import catalog
from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.fields import check_above_0, checked
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
from archsmith.oneshot.preparation import FILE, Preparation, belongs_to, load_shared
from archsmith.oneshot.sharing import Fair, Sampler, Shared, SharedRecipe, Uniform, sharing_form
from archsmith.training import checkpoint
from archsmith.training import device as devices
from archsmith.training.goal import Goal
from archsmith.training.measure import BATCH, evaluate
from archsmith.training.memory import fitting

SAMPLERS = ("uniform", "fair", "controller")
MEMORY_SAMPLES = 20  # sampled networks that must fit into memory with the chosen batch size


@checked
@dataclass(frozen=True)
class SharedWeightsEvaluator:
    """Scores a network with the weights that it shares with all other networks of the space.

    ``space``: the networks. They share weights in the space's sharing form (``sharing.sharing_form``); ``params`` and
        ``macs`` are those of ``space`` as given.
    ``data``, ``task``, ``augmentation``, ``n_train``, ``n_valid``, ``precision``, ``device``, ``memory_mb``: as in the
        training evaluator.
    ``recipe``: how the bank is trained, for ``recipe.epochs``.
    ``sampler``: chooses the architecture of each training step: ``uniform``, ``fair``, or ``controller``, which learns
        in turns with the weights.
    ``controller``: settings of the controller.
    ``candidates``: how many architectures the sampler draws at the end, if there is time; each is scored on one
        minibatch.
    ``derived``: how many of the best candidates go into the notes, for the strategy ``enas``.
    ``n_eval``: how many minibatches of the validation split score a trial, the same ones in every trial; None: the
        whole split.
    ``share``: share of the search's time that the preparation may take; above 0, below 1.
    ``folder``: folder of finished banks, which several studies can use; each recipe has a bank of its own there. None:
        the study's own folder.
    ``seed``: of all randomness of the bank; the study's own seed does not change it.

    Fidelity and decisions under ``recipe/`` have no effect. Metrics: those of the training evaluator. The note
    ``untrained`` is the share of the network's parameters that no training step has changed.
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
    uses_fidelity: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, least in {"n_train": 2, "n_valid": 2, "n_eval": 1, "candidates": 0, "derived": 0}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"The evaluator's {name} is {value}.", f"Give at least {least}.")
        check_above_0("SharedWeightsEvaluator", memory_mb=self.memory_mb)
        if self.sampler not in SAMPLERS:
            raise UsageError(f"The evaluator's sampler is {self.sampler!r}.", f"It takes one of {', '.join(SAMPLERS)}.")
        if not 0 < self.share < 1:
            raise UsageError(
                f"The evaluator's share is {self.share}.", "Give a share of the search's time, between 0 and 1."
            )

    @property
    def learnt(self) -> Task:
        """The task: ``task``, or the task of the data. Raises DataError when the data do not exist any more."""
        return opened(self.data).task if self.task is None else self.task

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*self.learnt.metrics, *SIZES)

    def at(self, space: NetworkSpace) -> SharedWeightsEvaluator:
        """The same evaluator for another scale of the space, with a bank of its own."""
        return replace(self, space=space)

    # Preparing

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Train the bank, or go on with an unfinished one. A finished one is used as it is.

        The returned notes say how long it took. ``derived`` is a list of {architecture, score}, best first.
        """
        splits = opened(self.data)
        need_alike(self.space, self.learnt, splits)
        device = devices.choose(self.device).torch
        space = sharing_form(self.space)
        sampler = self._sampler(space)
        draft, file = self._files(context.workspace)
        _at_hand.pop(file is None, None)  # before the next one is made: it may be large
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
            n_derived=self.derived,
            share=self.share,
            memory_mb=self.memory_mb,
            seed=derive(self.seed, "training"),
            fingerprint=self._fingerprint,
            context=context,
            draft=draft,
            file=file,
        ).run()
        _at_hand[file is None] = self._held(file, prepared.shared)
        return prepared.notes

    def _files(self, study: Path | None) -> tuple[Path | None, Path | None]:
        """Where the draft of the bank lies, and where the finished bank lies. ``study``: the study's own folder."""
        draft = None if study is None else study / FILE
        if self.folder is None:
            return draft, draft
        return draft, Path(self.folder) / f"bank-{self._fingerprint}.safetensors"

    def _sampler(self, space: NetworkSpace) -> Sampler:
        if self.sampler == "controller":
            return ControllerTraining(space, self.controller, derive(self.seed, "controller"))
        return (Fair if self.sampler == "fair" else Uniform)(space, derive(self.seed, "sampler"))

    def _fitting(self, space: NetworkSpace) -> SharedRecipe:
        """The recipe with a batch size at which all of some sampled networks fit into memory. Raises EvaluationError
        (``memory``).
        """
        if self.memory_mb is None:
            return self.recipe
        rng = generator(self.seed, "memory")
        graphs = (space.graph(space.sample(rng)) for _ in range(MEMORY_SAMPLES))
        return replace(
            self.recipe, batch_size=min(fitting(graph, self.recipe, self.memory_mb).batch_size for graph in graphs)
        )

    @property
    def _fingerprint(self) -> str:
        """Names everything that the bank depends on. Device, scoring, time and folder may change."""
        same = replace(self, device="auto", n_eval=None, share=0.5, folder=None)
        return hashlib.blake2b(json.dumps(catalog.to_spec(same)).encode(), digest_size=16).hexdigest()

    # Scoring

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        """Score one architecture. Raises Stopped, and EvaluationError when the bank was not prepared."""
        started = time.perf_counter()
        context.check()
        shared, splits = self._shared(context), opened(self.data)
        valid = _shuffled(self.data, self.n_valid)
        n = len(valid) if self.n_eval is None else min(len(valid), self.n_eval * self.recipe.batch_size)
        # All batches have about one size. Batch norm computes statistics of each batch, and those of a small last batch
        # would be poor.
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
        """The finished bank: the one at hand, or else from its file. Raises EvaluationError where there is none."""
        _, file = self._files(context.prepared)
        held = _at_hand.get(file is None)
        if held is None or held != self._held(file, held.shared):
            found = None if file is None else checkpoint.load(file)
            if found is None or not self._is_finished(found[1]):
                raise EvaluationError(
                    "The shared weights of this evaluator are not trained yet.",
                    "Use it in a Search, which trains them. Several worker processes need a store that keeps files.",
                )
            device = devices.choose(self.device).torch
            held = self._held(file, load_shared(sharing_form(self.space), device, *found))
            _at_hand[file is None] = held
        return held.shared

    def _is_finished(self, facts: Mapping[str, Any]) -> bool:
        return bool(facts["finished"]) and belongs_to(facts, self._fingerprint, in_study=self.folder is None)

    def _held(self, file: Path | None, shared: Shared) -> Held:
        return Held(self._fingerprint, self.device, file, 0 if file is None else _changed(file), shared)


class Held(NamedTuple):
    """A bank in this process.

    ``fingerprint``: what it was trained for.
    ``device``: the evaluator's.
    ``file``: where it lies; None: nowhere else.
    ``changed``: when that file was, in nanoseconds.
    ``shared``: its weights.
    """

    fingerprint: str
    device: str
    file: Path | None
    changed: int
    shared: Shared


# At most one bank that lies in no file (True), and one that can be read again (False): they may be large.
_at_hand: dict[bool, Held] = {}


def _changed(file: Path) -> int:
    """Time of the last change in nanoseconds; 0: no such file."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=2)
def _shuffled(folder: str, limit: int | None) -> Examples:
    """The validation split in a fixed shuffled order. Stored examples may be sorted by class, but batch norm needs
    mixed batches.
    """
    whole = split_of(folder, "valid", limit)
    return whole.take(generator(0, "validation order").permutation(len(whole)))
