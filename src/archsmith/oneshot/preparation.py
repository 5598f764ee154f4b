"""The prepare phase of shared weights: train the bank, and the controller in turns with it, then derive; killed
anywhere, it goes on where it was.

All that it knows lies in one file, which is replaced in one move: weights, momenta and manifest of the bank, the
sampler (a controller with its optimiser), counters, and at the end the derived architectures. What comes next follows
from two counters, the steps of the weights and those of the controller, and every step takes its randomness from (seed,
its number). So on the CPU, without a limit on time, a preparation that was killed in the middle of an epoch ends with
the same numbers as one that was left alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, Stopped
from archsmith.core.protocols import Context
from archsmith.core.seeds import generator
from archsmith.core.space import Space
from archsmith.data.examples import Examples, Pipeline
from archsmith.graphs.bank import WeightBank
from archsmith.graphs.network_space import NetworkSpace
from archsmith.oneshot.enas import ControllerTraining, derive_best
from archsmith.oneshot.sharing import Sampler, Shared, SharedRecipe, SharedTraining
from archsmith.training import checkpoint
from archsmith.training import device as devices
from archsmith.training.batches import Feed, n_batches, training_batches
from archsmith.training.goal import Goal
from archsmith.training.losses import Losses
from archsmith.training.measure import evaluate
from archsmith.training.schedules import Pace

FORMAT = 2  # of what a bank says about itself; 1 had no number
FILE = "bank.safetensors"
SAVE_SECONDS = 20.0  # between two checkpoints; what is lost by a kill is at most this much
REPORT_SECONDS = 10.0  # between two reports, so that whoever looks on sees it move
# the least reward where numbers are predicted: R² has no lower bound, and one bad child would drown all others
WORST_NUMBER = -1.0


def shared_of(
    space: NetworkSpace, device: torch.device, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> Shared:
    """The shared weights in a checkpoint of a preparation."""
    shared = Shared(space, WeightBank.rebuilt(facts["bank"], checkpoint.part(tensors, "bank/")), device)
    shared.trained = {entry.key for entry in shared.bank.manifest()} - set(facts["untrained"])
    return shared


class Prepared(NamedTuple):
    """Trained shared weights, and what is worth telling of the training."""

    shared: Shared
    notes: dict[str, Any]


def is_of(facts: Mapping[str, Any], job: str, own: bool) -> bool:
    """Is the bank that ``facts`` describe of ``job``? Versions up to 0.1 named jobs in another way; then the study that
    the bank lies in, its ``own``, answers for it.
    """
    return bool(facts.get("job") == job or (own and "format" not in facts and "job" in facts))


@dataclass
class Preparation:
    """One opening of a preparation. ``job`` is what must be the same for a checkpoint to be of it; ``share`` of the
    time until the context's deadline may be spent, over all openings; ``valid`` is in an order that looks like chance,
    of which rewards and scores take minibatches.
    """

    shared: Shared
    space: Space  # that is sampled
    sampler: Sampler
    recipe: SharedRecipe
    train: Examples
    valid: Examples
    pipeline: Pipeline
    goal: Goal
    arithmetic: str
    candidates: int
    keep: int
    share: float
    seed: int
    job: str
    context: Context
    file: Path | None
    own: bool = True
    derived: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False

    def __post_init__(self) -> None:
        self.began = time.perf_counter()
        self.spent = 0.0  # seconds of earlier openings
        self.saved_at = self.reported_at = 0.0
        self.turn_seconds = 0.0  # of one step of the controller, the last one
        self.per_epoch = n_batches(len(self.train), min(self.recipe.batch_size, len(self.train)))
        self.pace = Pace(max(1, round(self.recipe.epochs * self.per_epoch)))
        goal = self.goal.balanced(self.train.targets) if self.recipe.balance else self.goal
        self.training = SharedTraining(self.shared, self.recipe, goal, self.arithmetic, self.seed)
        self.controller = self.sampler if isinstance(self.sampler, ControllerTraining) else None
        self.losses = Losses(devices.queues(self.shared.device), 0)

    @property
    def elapsed(self) -> float:
        """Seconds that the preparation took so far, over all openings."""
        return self.spent if self.finished else self.spent + time.perf_counter() - self.began

    def run(self) -> Prepared:
        """To the end. Raises Stopped and EvaluationError (``timeout``, ``diverged``, ``memory``)."""
        self._resume()
        if not self.finished:
            self._limit()
            with devices.private_randomness(self.shared.device), devices.tuned(self.shared.device):
                self._report()
                self._alternate()
                self._save()
                self._derive()
            self.spent, self.finished = self.elapsed, True
            self._save()
            self._report()
        return Prepared(self.shared, self._notes())

    def _limit(self) -> None:
        """The pace knows how long this may take; half a step for each candidate is kept for the derivation."""
        if self.context.deadline is not None:
            self.pace.seconds = self.share * (self.elapsed + max(0.0, self.context.deadline - time.time()))
            self.pace.tail = 0.5 * self.candidates

    # Weights and controller in turns

    def _alternate(self) -> None:
        steps_of_turn = self.controller.settings.steps if self.controller is not None else 0
        feed = Feed(self.train, self.goal.targets(self.train.targets), self.shared.device)
        while True:
            due = self.pace.step // self.per_epoch * steps_of_turn
            if self.pace.seconds is not None and self.elapsed >= self.pace.seconds:
                return
            if self.controller is not None and self.controller.n_updates < due:
                self._turn(self.controller)
            elif self.pace.done(self.elapsed):
                return
            else:
                self._epoch(feed)

    def _epoch(self, feed: Feed) -> None:
        """Train to the next epoch boundary or until no step fits any more."""
        epoch, behind = divmod(self.pace.step, self.per_epoch)
        self.losses = Losses(devices.queues(self.shared.device), self.pace.taken)
        # The batches behind are made again, for the generator that augments them to stand where it stood; that costs
        # little beside a step.
        for batch, targets in islice(
            training_batches(feed, self.recipe.batch_size, self.pipeline, self.seed, epoch), behind, None
        ):
            before = self.elapsed
            number = self.pace.step
            self.training.step(self.sampler.draw(number), batch, targets, self.losses, number, self.pace.progress)
            after = self.elapsed
            self.pace.advance(after, self.losses.step_seconds(after - before))
            self._between(tell=self.pace.step % self.per_epoch == 0)
            if self.pace.done(self.elapsed):
                break
        self.losses.read()

    def _turn(self, controller: ControllerTraining) -> None:
        """One step of the controller."""
        before = self.elapsed
        controller.update(self._reward, WORST_NUMBER if self.train.is_regression else 0.0)
        self.turn_seconds = self.elapsed - before
        self.pace.overhead += self.turn_seconds
        self._between(tell=controller.n_updates % controller.settings.steps == 0)

    def _reward(self, architecture: Architecture, number: int) -> float:
        """The main metric on one minibatch of the validation split."""
        size = min(self.recipe.batch_size, len(self.valid))
        chosen = generator(self.seed, "reward", number).choice(len(self.valid), size, replace=False)
        return max(WORST_NUMBER, self._score(architecture, chosen))

    def _score(self, architecture: Architecture, chosen: Any) -> float:
        score = evaluate(
            self.shared.network(architecture),
            self.valid.take(chosen),
            self.pipeline,
            self.goal,
            device=self.shared.device,
            batch_size=len(chosen),
        )
        return score.metrics[self.goal.metrics[0]]

    def _derive(self) -> None:
        first = np.arange(min(self.recipe.batch_size, len(self.valid)))
        draw = self.sampler.draw
        for best in derive_best(
            self.space,
            lambda i: draw(self.pace.n_steps + i),
            lambda a: self._score(a, first),
            self.candidates,
            self.keep,
        ):
            self.context.check()
            self.derived = [row.to_dict() for row in best]

    # Between steps

    def _between(self, tell: bool) -> None:
        """The moment in which everything is consistent: stop here, save here, tell here."""
        try:
            self.context.check()
        except (Stopped, EvaluationError):
            self._save()
            raise
        if self.elapsed - self.saved_at > SAVE_SECONDS:
            self._save()
        if tell or self.elapsed - self.reported_at > REPORT_SECONDS:
            self._report()

    def _report(self) -> None:
        """Where it stands, in numbers, and ``best``: the best sample of the controller's present turn, as text."""
        metrics: dict[str, Any] = {
            "epochs": self.pace.n_steps / self.per_epoch,
            "seconds": self.elapsed,
            "seconds_left": self._seconds_left(),
        }
        if self.losses.values:
            metrics |= {"train_loss": self.losses.mean(), "learning_rate": self.recipe.rate(self.pace.progress)}
        if self.controller is not None and self.controller.n_updates:
            c = self.controller
            metrics |= {"reward": c.reward, "baseline": c.baseline, "entropy": c.entropy}
            metrics |= (
                {"best_reward": c.best.reward, "best": c.best.architecture.to_json()} if c.best is not None else {}
            )
        if self.derived:
            metrics |= {
                "best_reward": self.derived[0]["score"],
                "best": Architecture(self.derived[0]["architecture"]).to_json(),
            }
        self.context.report(
            self.pace.step / self.per_epoch, {name: value for name, value in metrics.items() if value is not None}
        )
        self.reported_at = self.elapsed

    def _seconds_left(self) -> float | None:
        """Forecast from the last steps; None before there was one."""
        if self.finished:
            return 0.0
        if not self.pace.taken:
            return None
        updates = 0
        if self.controller is not None:
            updates = self.pace.n_steps // self.per_epoch * self.controller.settings.steps - self.controller.n_updates
        needed = (
            self.pace.n_steps - self.pace.step + 0.5 * self.candidates
        ) * self.pace.step_seconds + updates * self.turn_seconds
        return needed if self.pace.seconds is None else max(0.0, min(needed, self.pace.seconds - self.elapsed))

    def _notes(self) -> dict[str, Any]:
        bank = self.shared.bank
        return {
            "epochs": self.pace.step / self.per_epoch,
            "steps": self.pace.step,
            "seconds": self.elapsed,
            "keys": len(bank),
            "params": sum(tensor.numel() for tensor in bank.tensors().values()),
            **(
                {"controller_steps": self.controller.n_updates, "entropy": self.controller.entropy}
                if self.controller is not None
                else {}
            ),
            "derived": self.derived,
        }

    # The file

    def _save(self) -> None:
        if self.file is None:
            return
        tensors = {f"bank/{place}": tensor for place, tensor in self.shared.bank.tensors().items()}
        if not self.finished:  # nothing goes on from there
            tensors |= {f"momentum/{name}": tensor for name, tensor in self.training.momenta().items()}
        tensors |= {f"sampler/{name}": tensor for name, tensor in self.sampler.tensors().items()}
        facts = {
            "job": self.job,
            "format": FORMAT,
            "bank": self.shared.bank.described(),
            "untrained": [entry.key for entry in self.shared.bank.manifest() if entry.key not in self.shared.trained],
            "sampler": self.sampler.state(),
            "step": self.pace.step,
            "progress": self.pace.progress,
            "seconds": self.elapsed,
            "derived": self.derived,
            "finished": self.finished,
        }
        checkpoint.save(self.file, tensors, facts)
        self.saved_at = self.elapsed

    def _resume(self) -> None:
        found = None if self.file is None else checkpoint.load(self.file)
        if found is None or not is_of(found[1], self.job, self.own):
            return
        tensors, facts = found
        self.shared = shared_of(self.shared.space, self.shared.device, tensors, facts)
        self.training = SharedTraining(self.shared, self.recipe, self.training.goal, self.arithmetic, self.seed)
        self.training.load(checkpoint.part(tensors, "momentum/"))
        self.sampler.load(facts["sampler"], checkpoint.part(tensors, "sampler/"))
        self.pace.step, self.pace.progress = facts["step"], facts["progress"]
        self.spent, self.derived, self.finished = facts["seconds"], facts["derived"], facts["finished"]
        self.saved_at = self.reported_at = self.elapsed
