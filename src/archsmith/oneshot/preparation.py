"""The preparation of shared weights: train the bank, train a controller in turns with it, and derive the best
architectures.

A preparation can be killed at any moment and goes on from its last checkpoint. The checkpoint is one file, which is
replaced as a whole. It holds the weights, momenta and manifest of the bank, the sampler (for a controller its weights
and its optimiser), the counters, and at the end the derived architectures.

Two counters decide what comes next: the steps of the bank and the steps of the controller. Every step takes its
randomness from the seed and its own number. So on the CPU, without a time limit, a preparation that was killed ends
with the same weights as one that was not.
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

FORMAT = 2  # of the checkpoint's facts; format 1 did not store its number
FILE = "bank.safetensors"
SAVE_SECONDS = 20.0  # between two checkpoints; a kill loses at most this much
REPORT_SECONDS = 10.0  # between two reports
# Lowest reward in regression. R² has no lower bound, and one bad architecture would dominate the moving average.
WORST_R2 = -1.0


def load_shared(
    space: NetworkSpace, device: torch.device, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> Shared:
    """The shared weights that are in a checkpoint."""
    shared = Shared(space, WeightBank.rebuilt(facts["bank"], checkpoint.part(tensors, "bank/")), device)
    shared.trained = {entry.key for entry in shared.bank.manifest()} - set(facts["untrained"])
    return shared


class Prepared(NamedTuple):
    """The result of a preparation.

    ``shared``: the trained weights.
    ``notes``: facts about the training, for the log.
    """

    shared: Shared
    notes: dict[str, Any]


def belongs_to(facts: Mapping[str, Any], fingerprint: str, in_study: bool) -> bool:
    """Is the checkpoint with these ``facts`` one of the preparation with this ``fingerprint``?

    Versions up to 0.1 computed fingerprints in another way. A checkpoint of theirs is accepted if it lies in the
    study's own folder (``in_study``).
    """
    return bool(facts.get("job") == fingerprint or (in_study and "format" not in facts and "job" in facts))


@dataclass
class Preparation:
    """A preparation in one process; it goes on from the checkpoint of an earlier process.

    ``shared``: the weights that are trained.
    ``space``: the architectures that are sampled.
    ``sampler``: chooses the architecture of each step.
    ``recipe``: how the bank is trained.
    ``train``: the training split.
    ``valid``: the validation split in shuffled order; rewards and scores use minibatches of it.
    ``pipeline``: turns examples into the inputs of a network.
    ``goal``: loss and metrics of the task.
    ``arithmetic``: as in ``training.precision``.
    ``candidates``: how many architectures are sampled and scored at the end.
    ``n_derived``: how many of the best candidates are kept.
    ``share``: share of the time until the deadline that the preparation may take, over all processes; above 0, below 1.
    ``seed``: of all randomness.
    ``fingerprint``: names everything that the bank depends on; a checkpoint must have the same one.
    ``context``: deadline, stop requests and reports.
    ``file``: path of the checkpoint; None: nothing is kept.
    ``in_study``: True: the checkpoint lies in the study's own folder, not in one that studies share.
    ``derived``: the best architectures with their scores, best first.
    ``finished``: True: nothing is left to do.
    """

    shared: Shared
    space: Space
    sampler: Sampler
    recipe: SharedRecipe
    train: Examples
    valid: Examples
    pipeline: Pipeline
    goal: Goal
    arithmetic: str
    candidates: int
    n_derived: int
    share: float
    seed: int
    fingerprint: str
    context: Context
    file: Path | None
    in_study: bool = True
    derived: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False

    def __post_init__(self) -> None:
        self.started = time.perf_counter()
        self.seconds_before = 0.0  # seconds that earlier processes took
        self.last_saved = self.last_reported = 0.0
        self.controller_step_seconds = 0.0  # seconds of the controller's last step
        self.steps_per_epoch = n_batches(len(self.train), min(self.recipe.batch_size, len(self.train)))
        self.pace = Pace(max(1, round(self.recipe.epochs * self.steps_per_epoch)))
        goal = self.goal.balanced(self.train.targets) if self.recipe.balance else self.goal
        self.training = SharedTraining(self.shared, self.recipe, goal, self.arithmetic, self.seed)
        self.controller = self.sampler if isinstance(self.sampler, ControllerTraining) else None
        self.losses = Losses(devices.queues(self.shared.device), 0)

    @property
    def elapsed(self) -> float:
        """Seconds that the preparation took so far, over all processes."""
        return self.seconds_before if self.finished else self.seconds_before + time.perf_counter() - self.started

    def run(self) -> Prepared:
        """Run to the end. Raises Stopped and EvaluationError (``timeout``, ``diverged``, ``memory``)."""
        self._resume()
        if not self.finished:
            self._set_time_limit()
            with devices.private_randomness(self.shared.device), devices.tuned(self.shared.device):
                self._report()
                self._train()
                self._save()
                self._derive()
            self.seconds_before, self.finished = self.elapsed, True
            self._save()
            self._report()
        return Prepared(self.shared, self._notes())

    def _set_time_limit(self) -> None:
        """Set the time limit of the pace. Half a step for each candidate is reserved for scoring the candidates."""
        if self.context.deadline is not None:
            self.pace.seconds = self.share * (self.elapsed + max(0.0, self.context.deadline - time.time()))
            self.pace.tail = 0.5 * self.candidates

    # Training

    def _train(self) -> None:
        """Train the bank and the controller in turns."""
        controller_steps_per_epoch = self.controller.settings.steps if self.controller is not None else 0
        feed = Feed(self.train, self.goal.targets(self.train.targets), self.shared.device)
        while True:
            due = self.pace.step // self.steps_per_epoch * controller_steps_per_epoch
            if self.pace.seconds is not None and self.elapsed >= self.pace.seconds:
                return
            if self.controller is not None and self.controller.n_updates < due:
                self._controller_step(self.controller)
            elif self.pace.done(self.elapsed):
                return
            else:
                self._epoch(feed)

    def _epoch(self, feed: Feed) -> None:
        """Train to the end of the epoch, or until no step fits into the time any more."""
        epoch, done = divmod(self.pace.step, self.steps_per_epoch)
        self.losses = Losses(devices.queues(self.shared.device), self.pace.taken)
        # The batches that were used before are made again, so that the augmentation's random generator is in the same
        # state. That is cheap compared with a step.
        for batch, targets in islice(
            training_batches(feed, self.recipe.batch_size, self.pipeline, self.seed, epoch), done, None
        ):
            before = self.elapsed
            number = self.pace.step
            self.training.step(self.sampler.draw(number), batch, targets, self.losses, number, self.pace.progress)
            after = self.elapsed
            self.pace.advance(after, self.losses.step_seconds(after - before))
            self._after_step(report=self.pace.step % self.steps_per_epoch == 0)
            if self.pace.done(self.elapsed):
                break
        self.losses.read()

    def _controller_step(self, controller: ControllerTraining) -> None:
        """Train the controller for one step."""
        before = self.elapsed
        controller.update(self._reward, WORST_R2 if self.train.is_regression else 0.0)
        self.controller_step_seconds = self.elapsed - before
        self.pace.overhead += self.controller_step_seconds
        self._after_step(report=controller.n_updates % controller.settings.steps == 0)

    def _reward(self, architecture: Architecture, number: int) -> float:
        """The main metric on a random minibatch of the validation split."""
        size = min(self.recipe.batch_size, len(self.valid))
        chosen = generator(self.seed, "reward", number).choice(len(self.valid), size, replace=False)
        return max(WORST_R2, self._score(architecture, chosen))

    def _score(self, architecture: Architecture, chosen: Any) -> float:
        """The main metric on the validation examples at the indexes ``chosen``."""
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
        """Sample candidates, score each on the same minibatch, and keep the best."""
        first = np.arange(min(self.recipe.batch_size, len(self.valid)))
        draw = self.sampler.draw
        for best in derive_best(
            self.space,
            lambda i: draw(self.pace.n_steps + i),
            lambda a: self._score(a, first),
            self.candidates,
            self.n_derived,
        ):
            self.context.check()
            self.derived = [row.to_dict() for row in best]

    # Between steps

    def _after_step(self, report: bool) -> None:
        """Stop, save or report if it is time to. All counters agree at this moment."""
        try:
            self.context.check()
        except (Stopped, EvaluationError):
            self._save()
            raise
        if self.elapsed - self.last_saved > SAVE_SECONDS:
            self._save()
        if report or self.elapsed - self.last_reported > REPORT_SECONDS:
            self._report()

    def _report(self) -> None:
        """Report the progress as numbers, and the best architecture of the controller's current turn as JSON text."""
        metrics: dict[str, Any] = {
            "epochs": self.pace.n_steps / self.steps_per_epoch,
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
            self.pace.step / self.steps_per_epoch, {name: value for name, value in metrics.items() if value is not None}
        )
        self.last_reported = self.elapsed

    def _seconds_left(self) -> float | None:
        """Forecast from the last steps; None before the first step."""
        if self.finished:
            return 0.0
        if not self.pace.taken:
            return None
        updates = 0
        if self.controller is not None:
            planned = self.pace.n_steps // self.steps_per_epoch * self.controller.settings.steps
            updates = planned - self.controller.n_updates
        steps = self.pace.n_steps - self.pace.step + 0.5 * self.candidates  # scoring a candidate takes half a step
        needed = steps * self.pace.step_seconds + updates * self.controller_step_seconds
        return needed if self.pace.seconds is None else max(0.0, min(needed, self.pace.seconds - self.elapsed))

    def _notes(self) -> dict[str, Any]:
        bank = self.shared.bank
        return {
            "epochs": self.pace.step / self.steps_per_epoch,
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

    # Checkpoint

    def _save(self) -> None:
        if self.file is None:
            return
        tensors = {f"bank/{place}": tensor for place, tensor in self.shared.bank.tensors().items()}
        if not self.finished:  # a finished bank is not trained any more, so it needs no momenta
            tensors |= {f"momentum/{name}": tensor for name, tensor in self.training.momenta().items()}
        tensors |= {f"sampler/{name}": tensor for name, tensor in self.sampler.tensors().items()}
        facts = {
            "job": self.fingerprint,
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
        self.last_saved = self.elapsed

    def _resume(self) -> None:
        found = None if self.file is None else checkpoint.load(self.file)
        if found is None or not belongs_to(found[1], self.fingerprint, self.in_study):
            return
        tensors, facts = found
        self.shared = load_shared(self.shared.space, self.shared.device, tensors, facts)
        self.training = SharedTraining(self.shared, self.recipe, self.training.goal, self.arithmetic, self.seed)
        self.training.load(checkpoint.part(tensors, "momentum/"))
        self.sampler.load(facts["sampler"], checkpoint.part(tensors, "sampler/"))
        self.pace.step, self.pace.progress = facts["step"], facts["progress"]
        self.seconds_before, self.derived, self.finished = facts["seconds"], facts["derived"], facts["finished"]
        self.last_saved = self.last_reported = self.elapsed
