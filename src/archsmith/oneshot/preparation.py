"""The preparation of shared weights: train the bank, train a controller in turns with it, and derive the best
architectures.

A preparation can be killed at any moment and goes on from its last checkpoint. The checkpoint is one file, which is
replaced as a whole. It holds the weights, momenta and manifest of the bank, the sampler (for a controller its weights
and its optimiser), the counters, and the architectures that were derived so far.

Three counters decide what comes next: the steps of the bank, the steps of the controller and the candidates that were
drawn. Every step takes its randomness from the seed and its own number. So on the CPU, without a time limit, a
preparation that was killed ends with the same weights as one that was not.

The checkpoint of an unfinished bank is a draft, which lies in the study's own folder. So a study pays for its own
training only, and studies that train at once do not write into each other's draft. A folder that studies share gets
finished banks, each under the name of its recipe. The first one of a recipe stays.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from archsmith.core.wording import clock
from archsmith.data.examples import Examples, Pipeline
from archsmith.data.lock import FileLock
from archsmith.graphs.bank import WeightBank
from archsmith.graphs.network_space import NetworkSpace
from archsmith.oneshot.derivation import Derivation
from archsmith.oneshot.enas import ControllerTraining
from archsmith.oneshot.sharing import Sampler, Shared, SharedRecipe, SharedTraining
from archsmith.training import checkpoint
from archsmith.training import device as devices
from archsmith.training.batches import Feed, n_batches, training_batches
from archsmith.training.goal import Goal
from archsmith.training.loop import memory_errors
from archsmith.training.losses import Losses
from archsmith.training.measure import evaluate
from archsmith.training.schedules import Pace

FORMAT = 2  # of the checkpoint's facts; format 1 did not store its number
FILE = "bank.safetensors"
SAVE_SECONDS = 20.0  # between two checkpoints; a kill loses at most this much
REPORT_SECONDS = 10.0  # between two reports
LOOKED = 3  # steps after which it is forecast whether the time suffices
LEAST_SEEN = 0.5  # of an epoch is refused: the forecast may be wrong by half
LONGEST_DERIVATION = 0.25  # share of the preparation's time that training leaves for the derivation, at the most
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
    ``candidates``: how many architectures are sampled and scored at the end, if there is time.
    ``n_derived``: how many of the best candidates are kept.
    ``share``: share of the time until the deadline that the preparation may take, over all processes of the study;
        above 0, below 1. The derivation may also take half of what that leaves.
    ``memory_mb``: most memory of the bank with its momenta, in 10⁶ bytes; None: no limit.
    ``seed``: of all randomness.
    ``fingerprint``: names everything that the bank depends on; a checkpoint must have the same one.
    ``context``: deadline, stop requests and reports.
    ``draft``: the study's own file for checkpoints; None: none are kept.
    ``file``: where the finished bank is to lie: the draft's own path, or in a folder that studies share; None: it is
        not kept.
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
    memory_mb: float | None
    seed: int
    fingerprint: str
    context: Context
    draft: Path | None
    file: Path | None

    def __post_init__(self) -> None:
        self.trained = self.finished = False  # is the training over, and is everything?
        self.elsewhere = False  # did another study train the bank?
        self.derivation = Derivation(self.space, self.candidates, self.n_derived)
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
        """Seconds that the preparation took so far, over all processes of the study."""
        return self.seconds_before if self.finished else self.seconds_before + time.perf_counter() - self.started

    def run(self) -> Prepared:
        """Run to the end. Raises Stopped and EvaluationError (``timeout``, ``diverged``, ``memory``)."""
        self._resume()
        if not self.finished:
            self._set_time_limit()
            device = self.shared.device
            with memory_errors(), devices.private_randomness(device), devices.tuned(device):
                self._report()
                if not self.trained:
                    self._train()
                    self.shared.need_sound()
                    self.trained = True
                    self._save(self.draft)
                self._derive()
            self._finish()
            self._report()
        if self.draft is not None and self.draft != self.file:
            self.draft.unlink(missing_ok=True)
        return Prepared(self.shared, self._notes())

    def _set_time_limit(self) -> None:
        if self.context.deadline is not None:
            self.pace.seconds = self.share * (self.elapsed + max(0.0, self.context.deadline - time.time()))

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
            self.shared.need_room(self.memory_mb)
            after = self.elapsed
            self._leave_time(after - before)
            self.pace.advance(after, self.losses.step_seconds(after - before))
            self._refuse_too_little()
            self._after_step(report=self.pace.step % self.steps_per_epoch == 0)
            if self.pace.done(self.elapsed):
                break
        self.losses.read()

    def _refuse_too_little(self) -> None:
        """Raises EvaluationError as soon as it is plain that the weights will see too few of the examples."""
        whole = min(self.pace.n_steps, self.steps_per_epoch)
        if self.pace.taken < LOOKED or self.pace.step + self.pace.left(self.elapsed) >= LEAST_SEEN * whole:
            return
        needs, has = whole * self.pace.step_seconds, self.pace.seconds or 0.0
        raise EvaluationError(
            "Shared weights must see all examples once at least, or they tell nothing of a network: that takes about "
            f"{clock(needs)} here, and there are {clock(has)} for it.",
            "Give more time, or take a smaller space.",
            kind="timeout",
        )

    def _leave_time(self, step_seconds: float) -> None:
        """Half a step's time for each candidate, but not most of the preparation."""
        if self.pace.seconds is not None:
            most = LONGEST_DERIVATION * self.pace.seconds / max(self.pace.step_seconds, step_seconds, 1e-9)
            self.pace.tail = min(0.5 * self.candidates, most)

    def _controller_step(self, controller: ControllerTraining) -> None:
        """Train the controller for one step."""
        before = self.elapsed
        controller.update(self._reward, self._worst)
        self.controller_step_seconds = self.elapsed - before
        self.pace.overhead += self.controller_step_seconds
        self._after_step(report=controller.n_updates % controller.settings.steps == 0)

    @property
    def _worst(self) -> float:
        return WORST_R2 if self.train.is_regression else 0.0

    def _reward(self, architecture: Architecture, number: int) -> float:
        """The main metric on a random minibatch of the validation split; the worst where it is lower or not finite."""
        size = min(self.recipe.batch_size, len(self.valid))
        chosen = generator(self.seed, "reward", number).choice(len(self.valid), size, replace=False)
        score = self._score(architecture, chosen)
        return max(self._worst, score) if math.isfinite(score) else self._worst

    def _score(self, architecture: Architecture, chosen: Any) -> float:
        """The main metric on the validation examples at the indexes ``chosen``. NaN where any metric is not finite:
        outputs that are NaN have an accuracy, too.
        """
        score = evaluate(
            self.shared.network(architecture),
            self.valid.take(chosen),
            self.pipeline,
            self.goal,
            device=self.shared.device,
            batch_size=len(chosen),
        )
        sound = all(math.isfinite(value) for value in score.metrics.values())
        return score.metrics[self.goal.metrics[0]] if sound else math.nan

    def _derive(self) -> None:
        """Sample candidates and score each on the same minibatch, until all are scored or half of the time is used that
        the preparation's share leaves. One of them is scored in any case. Raises EvaluationError (``diverged``) where
        none of them has a score.
        """
        first = np.arange(min(self.recipe.batch_size, len(self.valid)))
        end = math.inf if self.pace.seconds is None else self.pace.seconds * (1 + self.share) / (2 * self.share)
        while not self.derivation.done and (self.elapsed < end or not self.derivation.drawn):
            candidate = self.sampler.draw(self.pace.n_steps + self.derivation.drawn)
            self.derivation.take(candidate, lambda architecture: self._score(architecture, first))
            self._after_step(report=False)
        if self.derivation.drawn and not self.derivation.best and self.n_derived:
            raise EvaluationError(
                f"Training diverged: none of {self.derivation.drawn} networks has a finite score with shared weights.",
                "A smaller learning rate may help.",
                kind="diverged",
            )

    # Between steps

    def _after_step(self, report: bool) -> None:
        """Stop, save or report if it is time to. All counters agree at this moment."""
        try:
            self.context.check()
        except (Stopped, EvaluationError):
            self._save(self.draft)
            raise
        if self.elapsed - self.last_saved > SAVE_SECONDS:
            self._save(self.draft)
        if report or self.elapsed - self.last_reported > REPORT_SECONDS:
            self._report()

    def _report(self) -> None:
        """Report the progress as numbers, the metric of scores by name, and the best architecture of the controller's
        current turn as JSON text.
        """
        metrics: dict[str, Any] = {
            "epochs": self.pace.n_steps / self.steps_per_epoch,
            "seconds": self.elapsed,
            "seconds_left": self._seconds_left(),
            "measure": self.goal.metrics[0],
        }
        if self.losses.values:
            metrics |= {"train_loss": self.losses.mean(), "learning_rate": self.recipe.rate(self.pace.progress)}
        if self.controller is not None and self.controller.n_updates:
            c = self.controller
            metrics |= {"reward": c.reward, "baseline": c.baseline, "entropy": c.entropy}
            metrics |= (
                {"best_reward": c.best.reward, "best": c.best.architecture.to_json()} if c.best is not None else {}
            )
        if self.derivation.best:
            best = self.derivation.best[0]
            metrics |= {"best_reward": best.score, "best": best.architecture.to_json()}
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
        training = 0 if self.trained else self.pace.n_steps - self.pace.step
        steps = training + 0.5 * (self.candidates - self.derivation.drawn)  # scoring a candidate takes half a step
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
            "measure": self.goal.metrics[0],
            "drawn": self.derivation.drawn,
            "scored": len(self.derivation.seen),
            **(
                {"controller_steps": self.controller.n_updates, "entropy": self.controller.entropy}
                if self.controller is not None
                else {}
            ),
            **({"elsewhere": True} if self.elsewhere else {}),
            "derived": self.derivation.rows(),
        }

    # Checkpoint

    def _finish(self) -> None:
        """Put the finished bank in its place. If another study was faster, its bank is the one that all use."""
        self.seconds_before, self.finished = self.elapsed, True
        if self.file is None or self.file == self.draft:
            self._save(self.file)
            return
        with _alone(self.file):
            self.elsewhere = self._took(self.file)
            if not self.elsewhere:
                self._save(self.file)

    def _save(self, file: Path | None) -> None:
        if file is None:
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
            "trained": self.trained,
            "derived": self.derivation.rows(),
            "derivation": self.derivation.state(),
            "finished": self.finished,
        }
        checkpoint.save(file, tensors, facts)
        self.last_saved = self.elapsed

    def _resume(self) -> None:
        """Go on from the finished bank of another study, else from the study's own checkpoint."""
        if self.file is not None and self.file != self.draft:
            self.elsewhere = self._took(self.file)
        if self.draft is not None and not self.elsewhere:
            self._took(self.draft)

    def _took(self, file: Path) -> bool:
        """Go on from a checkpoint. False: there is none of this preparation."""
        found, own = checkpoint.load(file), file == self.draft
        if found is None or not belongs_to(found[1], self.fingerprint, in_study=own):
            return False
        if not own and not found[1]["finished"]:
            return False
        tensors, facts = found
        self.shared = load_shared(self.shared.space, self.shared.device, tensors, facts)
        self.training = SharedTraining(self.shared, self.recipe, self.training.goal, self.arithmetic, self.seed)
        self.training.load(checkpoint.part(tensors, "momentum/"))
        self.sampler.load(facts["sampler"], checkpoint.part(tensors, "sampler/"))
        self.pace.step, self.pace.progress = facts["step"], facts["progress"]
        self.seconds_before, self.finished = facts["seconds"], facts["finished"]
        self.trained = facts.get("trained", False)  # earlier checkpoints began the derivation anew
        self.derivation.load(facts["derived"], facts.get("derivation", {"drawn": 0, "seen": []}))
        self.last_saved = self.last_reported = self.elapsed
        return True


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One process at a time, of those that share the folder of ``file``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")) as lock:
        while not lock.take():
            time.sleep(0.05)
        yield
