"""Trainings in full: the hand-made network, the best searched one, and the baselines."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archsmith.automl.modality import Fitted, Modality, ModelBaseline, NetworkBaseline
from archsmith.bundle.intake import Intake
from archsmith.bundle.manifest import Origin
from archsmith.core.architecture import Architecture
from archsmith.core.files import replacing
from archsmith.core.protocols import Report
from archsmith.data.examples import Augmentation, Examples, Pipeline, Splits
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.strategies.race_pool import ANNEALING
from archsmith.training import checkpoint
from archsmith.training.goal import Goal, Score
from archsmith.training.loop import Trained, best_weights, is_flat, train
from archsmith.training.measure import outputs
from archsmith.training.memory import fitting
from archsmith.training.recipe import Recipe

CARRIED = ".carried.safetensors"  # the checkpoint from which a training can go on
BEST = ".best.safetensors"  # the weights of a training that scored best
FALLING = 0.7  # share of the time of a final training that is left when the rate begins to fall at the latest
WORTH_FITTING = 2.0  # times the limit of a fit is worth another one
PATIENCE = 2.0  # times as long as at its best score is a training when its rate begins to fall, if it got no better
BEYOND_CHANCE = 2.33  # standard errors; a difference that is further from 0 comes by chance in 1 of 100 cases


@dataclass(frozen=True)
class Begun:
    """A training that can go on.

    ``seed``: of the training.
    ``checkpoint``: its file; None: no step was taken yet. Where the file is gone, the training begins anew.
    ``epochs``: that it was trained for.
    ``trial``: of the search that left it there; None: it was no trial.
    """

    seed: int
    checkpoint: Path | None = None
    epochs: float = 0.0
    trial: int | None = None


@dataclass(frozen=True)
class Candidate:
    """A network that is to be trained in full.

    ``recipe``: how it is trained; it means nothing where ``trained`` is false.
    ``architecture``, ``space``: where it is a point of a space.
    ``augmentation``: of its training batches.
    ``trial``: where the search found it; None when it did not.
    ``start``: a network whose weights the training begins with; None: with random ones.
    ``begun``: a training at a constant rate that it goes on from; None: it is trained by its own schedule.
    ``round``: of its job (see ``StudyView.round``); in every one the rate is brought down anew.
    ``origin``: where weights come from that were learnt from other data; None where there are none.
    ``trained``: does gradient descent train it?
    """

    name: str
    graph: Graph
    recipe: Recipe
    architecture: Architecture = field(default_factory=Architecture)
    space: NetworkSpace | None = None
    augmentation: Augmentation | None = None
    trial: int | None = None
    begun: Begun | None = None
    round: int = 0
    start: Network | None = None
    origin: Origin | None = None
    trained: bool = True

    @property
    def params(self) -> int:
        return cost(self.graph).params

    @property
    def macs(self) -> int:
        return cost(self.graph).macs

    @property
    def file(self) -> str:
        """The beginning of the names of its files."""
        name = self.name if self.trial is None else f"trial{self.trial}"
        return f"{name}.{self.round}" if self.round else name

    @property
    def last_trial(self) -> int | None:
        """The trial that its training goes on from: the last one of its network, as ``trial`` is the first one."""
        return self.begun.trial if self.begun is not None and self.begun.trial is not None else self.trial

    @property
    def what(self) -> str:
        """What it is, in a few words."""
        goes_on = "goes on from " if self.begun is not None and self.begun.trial is not None else ""
        before = "" if self.last_trial is None else f"{goes_on}trial {self.last_trial}, "
        return f"{before}{self.params:,} parameters"

    @property
    def exact(self) -> str:
        return f"{self.what}, {self.macs / 1e6:.1f} M multiply-adds"

    @classmethod
    def of(cls, baseline: NetworkBaseline) -> Candidate:
        return cls(baseline.name, baseline.graph, baseline.recipe)


@dataclass
class Final:
    """What a training in full came to.

    ``score``: on the validation split.
    ``outputs``: raw outputs ``(n, k)`` of examples, as the goal takes them.
    ``candidate``, ``network``: what was trained; None where no network came of it.
    ``seconds``, ``epochs``: what its training took over all openings, trials that it goes on from included.
    ``stopped``: was it not trained to its end?
    ``cut``: did its limit on time end the fit of a model that is not trained in epochs?
    ``fell``: did its constant learning rate fall at the end?
    """

    name: str
    score: Score
    outputs: Callable[[Examples], Tensor]
    seconds: float
    epochs: float = 0.0
    candidate: Candidate | None = None
    network: Network | None = None
    stopped: bool = False
    cut: bool = False
    fell: bool = False


@dataclass(frozen=True)
class Workshop:
    """Where trainings take place.

    ``memory_mb``: what one training may hold, in 10⁶ bytes; None: no limit.
    ``repeats``: how many validation examples are copies of other ones.
    """

    modality: Modality
    splits: Splits
    device: torch.device
    memory_mb: float | None = None
    repeats: int = 0

    @property
    def goal(self) -> Goal:
        return Goal.of(self.splits.task, self.splits.target_statistics)

    @property
    def intake(self) -> Intake:
        """What the exported model takes in."""
        return self.modality.intake(self.splits)

    def pipeline(self, candidate: Candidate) -> Pipeline:
        return self.splits.pipeline(candidate.augmentation)

    def cheaper(self, candidate: Candidate) -> Pipeline:
        """For the first part of its training."""
        return self.modality.cheaper(self.splits, self.pipeline(candidate), candidate.graph)

    def fitted(self, candidate: Candidate) -> Recipe:
        """The candidate's recipe, with a batch that fits into memory."""
        return fitting(candidate.graph, candidate.recipe, self.memory_mb)

    def outputs(self, network: Network, examples: Examples, limit: int | None = None) -> Tensor:
        """Raw outputs ``(n, k)`` on the CPU."""
        return outputs(network, examples, self.splits.pipeline(), device=self.device, limit=limit)

    def train_in_full(
        self,
        candidate: Candidate,
        *,
        seed: int,
        epochs: float,
        seconds: float | None,
        folder: Path,
        hurry: Callable[[], bool],
        report: Report,
    ) -> Final:
        """Train on the training split only, for ``epochs`` or as long as ``seconds`` allow; goes on from the checkpoint
        in ``folder`` when there is one, or from where the candidate's training was begun.

        A training that was begun goes on at its constant rate, with examples that cost less where the kind of data
        knows some, and its last part brings the rate down: sooner, and for less time, where the score rises no more.
        Weights that were clearly better before are taken back at the end: a network that learns its examples by heart
        does so fastest at a low rate. The checkpoint before the last part stays, so that the training can go on later
        with more time. ``hurry()`` is asked often; once true, the training comes to an end soon. Raises EvaluationError
        when it diverges or runs out of memory.
        """
        started = time.perf_counter()
        file, begun = folder / f"{candidate.file}.safetensors", candidate.begun
        common: dict[str, Any] = {"hurry": hurry, "report": report, "measure_every": max(1, round(epochs / 20))}
        if begun is None:
            _carry_over(candidate, folder)
            return self._trained(candidate, file, seed=seed, epochs=epochs, seconds=seconds, **common)
        stem = replace(candidate, round=0).file
        carried, best = folder / f"{stem}{CARRIED}", folder / f"{stem}{BEST}"
        common["best_to"] = best
        # Scores are not comparable while examples are of another kind than those that are scored.
        cheaper, usual = self.cheaper(candidate), self.pipeline(candidate)
        valid = self.splits.valid if cheaper == usual else None
        if not file.exists():
            if begun.checkpoint is not None and begun.checkpoint.exists() and not carried.exists():
                with replacing(carried) as draft:
                    shutil.copyfile(begun.checkpoint, draft)
            # The last part of the epochs, or of the time, brings the rate down, whichever begins first. Where time is
            # short, a longer fall is worth more; of the epochs, trials may have had all but the last part.
            at_rate = max(begun.epochs, (1 - ANNEALING) * epochs)
            some = None if seconds is None else (1 - FALLING) * seconds
            limits = {"epochs": at_rate, "seconds": some, "patience": PATIENCE}
            self._run(candidate, carried, cheaper, valid, seed=begun.seed, **limits, **common)
            with replacing(file) as draft:
                shutil.copyfile(carried, draft)
        facts = checkpoint.load(carried)
        curve = [] if facts is None or valid is None else facts[1]["curve"]
        if is_flat(curve, self.goal.metrics[0], PATIENCE):
            epochs = min(epochs, curve[-1][0] / (1 - ANNEALING))
        left = None if seconds is None else max(1.0, seconds - (time.perf_counter() - started))
        final = self._trained(candidate, file, seed=begun.seed, epochs=epochs, seconds=left, anneal=True, **common)
        return self._or_before(final, best)

    def _or_before(self, final: Final, best: Path) -> Final:
        """``final``, or what the same training was at its best where that is clearly better."""
        found = best_weights(best)
        if final.network is None or found is None or found[1] <= final.score.metrics[self.goal.metrics[0]]:
            return final
        network = Network(final.network.graph, seed=0)
        network.load_state_dict(found[0])
        network.eval()

        def predicted(examples: Examples) -> Tensor:
            return self.outputs(network, examples)

        valid = self.splits.valid
        score = self.goal.score(predicted(valid), valid.targets)
        then = {name: found[2].get(name, getattr(final, name)) for name in ("epochs", "fell")}
        before = replace(final, score=score, outputs=predicted, network=network, **then)
        return before if self.clearly_better(before, final) else final

    def clearly_better(self, one: Final, other: Final) -> bool:
        """Is ``one`` better on the validation split by more than chance? Both answer the same examples, so those that
        they err on alike say nothing (McNemar 1947): of classes, six examples that only ``one`` knows are enough, where
        there is none that only ``other`` knows. Copies say no more than what they are copies of.
        """
        valid, goal = self.splits.valid, self.goal
        saved = goal.errors(other.outputs(valid), valid.targets) - goal.errors(one.outputs(valid), valid.targets)
        copies = len(valid) / max(1, len(valid) - self.repeats)
        return bool(saved.sum() > BEYOND_CHANCE * np.sqrt(copies * (saved**2).sum()))

    def restored(self, candidate: Candidate, checkpoint: Path) -> Final | None:
        """What a checkpoint of a training of ``candidate`` holds, measured on the validation split; None where it is of
        another training, or cannot be read.
        """
        seed = 0 if candidate.begun is None else candidate.begun.seed
        final = self._trained(candidate, checkpoint, seed=seed, go_on=False)
        return final if final.epochs else None  # a network of no epochs is one with random weights

    def _trained(self, candidate: Candidate, file: Path, *, seed: int, **options: Any) -> Final:
        """``options``: of ``training.loop.train``."""
        valid, candidate = self.splits.valid, replace(candidate, recipe=self.fitted(candidate))
        network, trained = self._run(candidate, file, self.pipeline(candidate), valid, seed=seed, **options)
        assert trained.score is not None

        def predicted(examples: Examples) -> Tensor:
            return self.outputs(network, examples)

        final = Final(candidate.name, trained.score, predicted, trained.spent, trained.epochs, candidate, network)
        return replace(final, fell=trained.fell)

    def _run(
        self, candidate: Candidate, file: Path, pipeline: Pipeline, valid: Examples | None, *, seed: int, **options: Any
    ) -> tuple[Network, Trained]:
        """``options``: of ``training.loop.train``."""
        network = Network(candidate.graph, seed=seed)
        if candidate.start is not None:
            network.load_state_dict(candidate.start.state_dict())
        recipe = self.fitted(candidate)
        trained = train(
            network,
            self.splits.train,
            recipe if candidate.begun is None else recipe.proxy(),
            pipeline,
            goal=self.goal,
            device=self.device,
            seed=seed,
            valid=valid,
            save_to=file,
            **options,
        )
        return network, trained

    def fit_model(
        self, baseline: ModelBaseline, seed: int, *, seconds: float | None = None, folder: Path | None = None
    ) -> Final:
        """Fit a model that gradient descent does not train, and score its network on the validation split.

        ``seconds``: what the fit may take. ``folder``: where the network is kept, and found again when it was fitted
        with about the same limit: a study that gets a little more time keeps what it has.
        """
        started = time.perf_counter()
        place = None if folder is None else folder / f"{baseline.name}.safetensors"
        fitted, limit = (None, None) if place is None else _kept(place)
        before = fitted
        if fitted is None or (limit is not None and (seconds is None or seconds >= WORTH_FITTING * limit)):
            fitted = baseline.fit(self.splits.train, seed, seconds)
            if before is not None:  # on a busy machine more time may bring less; what was better stays
                fitted = max((fitted, before), key=lambda each: self._valid_score(each.network))
            if place is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                facts = {"graph": fitted.network.graph.to_dict(), "seconds": seconds, "cut": fitted.cut}
                checkpoint.save(place, fitted.network.state_dict(), facts)
        origin = getattr(baseline, "origin", None)
        candidate = Candidate(baseline.name, fitted.network.graph, Recipe(), origin=origin, trained=False)
        final = self.scored(candidate, fitted.network)
        return replace(final, seconds=time.perf_counter() - started, cut=fitted.cut)

    def scored(self, candidate: Candidate, network: Network) -> Final:
        """A ``network`` with its weights, scored on the validation split."""
        valid = self.splits.valid

        def predicted(examples: Examples) -> Tensor:
            return self.outputs(network, examples)

        score = self.goal.score(predicted(valid), valid.targets)
        return Final(candidate.name, score, predicted, 0.0, candidate=candidate, network=network)

    def _valid_score(self, network: Network) -> float:
        """The main metric on the validation split."""
        valid = self.splits.valid
        return self.goal.score(self.outputs(network, valid), valid.targets).metrics[self.goal.metrics[0]]


def _carry_over(candidate: Candidate, folder: Path) -> None:
    """What a training by its own schedule came to in the round before goes on in this one. Where time was too short for
    all epochs, the schedule begins again from there: with the rate at which it ended, nothing more would be learnt.
    """
    rounds = (replace(candidate, round=number) for number in range(candidate.round, -1, -1))
    files = [folder / f"{each.file}.safetensors" for each in rounds]
    found = next((place for place in files if place.exists()), files[0])
    kept = None if found == files[0] else checkpoint.load(found)
    if kept is not None:
        tensors, facts = kept
        if facts["finished"] and facts["step"] < facts["n_steps"]:
            facts = {**facts, "finished": False, "progress": 0.0}
        checkpoint.save(files[0], tensors, facts)


def _kept(place: Path) -> tuple[Fitted | None, float | None]:
    """What ``fit_model`` kept there, and the limit of its fit; None without one."""
    found = checkpoint.load(place)
    if found is None or "graph" not in found[1]:  # the linear model of an earlier version was trained, not fitted
        return None, None
    weights, facts = found
    network = Network(Graph.from_dict(facts["graph"]), seed=0)
    network.load_state_dict(weights)
    return Fitted(network.eval(), bool(facts.get("cut"))), facts.get("seconds")
