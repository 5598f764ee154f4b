"""The one training loop.

Trials and final trainings use it with different recipes, classification and regression with different goals, and kinds
of data with different pipelines. It trains any module that takes what the pipeline makes of a batch and returns outputs
``(n, k)``. Of a ``Network`` it also uses ``forward_all`` (an auxiliary head) and ``set_progress`` (scheduled drop
path), and it fits the network's constants on the training split.

It stops after a number of epochs or of seconds, whichever comes first. In both cases the rate is annealed by then
(``schedules.Pace``). All random numbers come from (seed, step). So a training that goes on from a checkpoint ends with
the same numbers as one that never stopped. (This holds on the CPU; a GPU adds in any order.) A training that runs out
of memory or diverges raises ``EvaluationError``.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archsmith.core.errors import EvaluationError
from archsmith.core.seeds import derive
from archsmith.data.examples import Examples, Pipeline
from archsmith.graphs.constants import fit_constants
from archsmith.graphs.modules import Batch
from archsmith.graphs.network import Network, recalibrate
from archsmith.training import checkpoint, precision
from archsmith.training import device as devices
from archsmith.training.average import Average
from archsmith.training.batches import Feed, n_batches, plain_batches, training_batches
from archsmith.training.goal import Goal, Score
from archsmith.training.losses import Losses
from archsmith.training.measure import evaluate
from archsmith.training.recipe import Recipe
from archsmith.training.schedules import Pace, rate

RECALIBRATION = 2048  # examples from which batch-norm statistics of averaged weights are computed
# What torch, cuDNN and cuBLAS say instead of raising OutOfMemoryError.
EXHAUSTED = ("not enough memory", "can't allocate memory", "MPS backend out of memory", "STATUS_ALLOC_FAILED")
# What optimisers keep for each parameter, and its name in a checkpoint.
STATES = {"momentum_buffer": "momentum", "exp_avg": "mean", "exp_avg_sq": "square", "step": "steps"}
MEASURED_SINCE = 3  # scores that must lie behind the best one before a training counts as flat
QUIET = 10.0  # the most seconds without a report, so that a person sees progress
UNSAVED = 30.0  # the most seconds of a long epoch that a kill takes away

Report = Callable[[float, Mapping[str, float]], None]
Curve = Sequence[tuple[float, Mapping[str, float]]]  # (epoch, metrics)


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    ``epochs``: of all calls.
    ``steps``: of all calls.
    ``seconds``: of this call.
    ``spent``: seconds of the training over all calls that took steps, without the last measuring.
    ``score``: on the validation split; None without one.
    ``curve``: the learning curve, as (epoch, metrics).
    ``resumed``: the epoch from which this call went on; 0 for a new training.
    ``step_seconds``: the time of a step at the end.
    ``precision``: what ``precision.choose`` said: ``float32``, ``mixed``, ``bfloat16`` or ``float16``.
    ``fell``: did a constant rate fall at the end (``anneal``)?
    """

    epochs: float
    steps: int
    seconds: float
    spent: float
    score: Score | None
    curve: tuple[tuple[float, Mapping[str, float]], ...]
    resumed: int
    step_seconds: float
    precision: str
    fell: bool


def train(
    network: nn.Module,
    data: Examples,
    recipe: Recipe,
    pipeline: Pipeline,
    *,
    goal: Goal,
    seed: int,
    device: torch.device | str = "cpu",
    valid: Examples | None = None,
    epochs: float | None = None,
    seconds: float | None = None,
    reserve: float = 0.0,
    check: Callable[[], None] = lambda: None,
    hurry: Callable[[], bool] = lambda: False,
    report: Report = lambda epoch, metrics: None,
    save_to: Path | None = None,
    arithmetic: str = "auto",
    measure_every: int = 1,
    anneal: bool = False,
    go_on: bool = True,
    best_to: Path | None = None,
    patience: float | None = None,
) -> Trained:
    """Train ``network`` in place on ``data``. It ends in evaluation mode, on the device where it was. Raises
    EvaluationError (``memory``, ``diverged``).

    ``recipe``: how weights are optimised.
    ``pipeline``: makes inputs of the network from batches of ``data``, and augments them.
    ``goal``: gives loss and score.
    ``seed``: where all randomness comes from.
    ``device``: where training computes.
    ``valid``: the validation split, measured every ``measure_every`` epochs and at the end; None: not measured.
    ``epochs``: the most epochs, may be fractional; None: ``recipe.epochs``.
    ``seconds``: the most wall-clock time of this call, with the last measuring; None: no limit.
    ``reserve``: how much of ``seconds`` is kept for what comes after this call.
    ``check``: called every step, and may raise.
    ``hurry``: once it returns True, the training ends within a quarter of the time so far, with an annealed rate.
    ``report``: gets (epoch, metrics) after every epoch, and within an epoch every 10 s, then without a score.
    ``save_to``: a checkpoint file, written after every epoch, and in long ones every 30 s. If it exists and fits, the
        training goes on from it.
    ``arithmetic``: see ``precision.choose``.
    ``anneal``: from where the checkpoint stands, a constant rate falls to nearly 0 by the end of this call.
    ``go_on``: False: no step is taken, only what the checkpoint holds is measured.
    ``best_to``: a file that gets the weights that scored best so far, as they were measured (``best_weights``).
    ``patience``: the training ends where it is so many times as long as it was at its best score, and was measured
        several times since; None: never.
    """
    started = time.perf_counter()
    device = torch.device(device)
    batch_size = min(recipe.batch_size, len(data))
    arithmetic = precision.choose(arithmetic, network, device, batch_size)
    per_epoch = n_batches(len(data), batch_size)
    n_steps = max(1, round((recipe.epochs if epochs is None else epochs) * per_epoch))
    with memory_errors(), devices.placed(network, device), devices.private_randomness(device), devices.tuned(device):
        network.to(memory_format=devices.memory_format(device))
        goal = goal.balanced(data.targets) if recipe.balance else goal
        run = _Run(
            network=network,
            recipe=recipe,
            goal=goal,
            device=device,
            arithmetic=arithmetic,
            feed=Feed(data, goal.targets(data.targets), device),
            valid=valid,
            pipeline=pipeline,
            optimizer=_optimizer(network, recipe),
            scaler=precision.scaler(arithmetic, device),
            average=Average(network, recipe.average * per_epoch) if recipe.average else None,
            pace=Pace(n_steps, seconds, reserve, tail=_tail(recipe, data, valid)),
            per_epoch=per_epoch,
            seed=seed,
            started=started,
            check=check,
            hurry=hurry,
            report=report,
            save_to=save_to,
            anneal=anneal,
            best_to=best_to,
            patience=patience,
        )
        score = run.train(measure_every, go_on)
        network.eval()
    return Trained(
        run.epochs,
        run.pace.step,
        run.elapsed(),
        run.spent,
        score,
        tuple(run.curve),
        run.resumed,
        run.pace.step_seconds,
        arithmetic,
        run.falls_from is not None,
    )


def _tail(recipe: Recipe, data: Examples, valid: Examples | None) -> float:
    """The time of the last measuring, in training steps. A forward pass in float32 counts as half a step."""
    n = (len(valid) if valid is not None else 0) + (min(RECALIBRATION, len(data)) if recipe.average else 0)
    return 0.5 * n / min(recipe.batch_size, len(data))


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW. Biases and batch-norm parameters do not decay (Goyal et al. 2017, arXiv
    1706.02677). A group's rate is the recipe's, ``times`` so much.
    """
    norms = (module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d))
    biases = [module.bias for module in norms if module.bias is not None]
    named = {id(bias) for bias in biases}
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1 and id(parameter) not in named]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay, "times": 1.0},
        {"params": others, "weight_decay": 0.0, "times": 1.0},
        {"params": biases, "weight_decay": 0.0, "times": recipe.bias_rate},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.peak, betas=(recipe.momentum, 0.999), foreach=True)
    return torch.optim.SGD(groups, lr=recipe.peak, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True)


@dataclass
class _Run:
    """One training: everything it needs, and how far it is. Fields: see ``train``."""

    network: nn.Module
    recipe: Recipe
    goal: Goal
    device: torch.device
    arithmetic: str
    feed: Feed
    valid: Examples | None
    pipeline: Pipeline
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: Average | None
    pace: Pace
    per_epoch: int
    seed: int
    started: float
    check: Callable[[], None]
    hurry: Callable[[], bool]
    report: Report
    save_to: Path | None
    anneal: bool = False
    best_to: Path | None = None
    patience: float | None = None
    falls_from: float | None = None
    resumed: int = 0
    reported: float = 0.0
    saved: float = 0.0
    spent_before: float = 0.0
    took_steps: bool = False
    measured_from: float | None = None
    curve: list[tuple[float, Mapping[str, float]]] = field(default_factory=list)
    losses: Losses = field(init=False)  # of the last steps, as many as an epoch has

    def __post_init__(self) -> None:
        self.losses = self._losses()

    @property
    def epochs(self) -> float:
        return self.pace.step / self.per_epoch

    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    @property
    def spent(self) -> float:
        """Seconds of the training over all calls. To measure what came of it is no training."""
        now = self.elapsed() if self.measured_from is None else self.measured_from
        return self.spent_before + (now if self.took_steps else 0.0)

    def train(self, measure_every: int, go_on: bool) -> Score | None:
        """Train to the end, from the checkpoint where there is one."""
        finished = self._resume(go_on) or not go_on
        if not self.pace.step and isinstance(self.network, Network):
            self._fit_constants(self.network)
        if self.anneal and self.falls_from is None:
            self.falls_from = self.pace.progress
        self.resumed = self.pace.step // self.per_epoch
        metrics = self._state() if self.losses.values else {}
        while not finished and not self.pace.done(self.elapsed()):
            self._epoch()
            metrics = self._state()
            finished = self.pace.done(self.elapsed())
            if not finished:
                if self.valid is not None and self.pace.step // self.per_epoch % measure_every == 0:
                    score = self._measure(final=False)
                    metrics.update(score.metrics if score else {})
                self._tell(metrics)
                finished = self.patience is not None and is_flat(self.curve, self.goal.metrics[0], self.patience)
            if finished or self.pace.step % self.per_epoch == 0:
                # A finished training is saved before the last measuring puts averaged weights into the network, so that
                # it can go on later for more epochs.
                with self._between():
                    self._save(finished)
        if go_on and not finished:  # measuring, or the last saving, took what time was left
            self._save(True)
        self.measured_from = self.elapsed()
        score = self._measure(final=True)
        self._tell({**metrics, "seconds": self.elapsed(), **(score.metrics if score else {})})
        return score

    def _fit_constants(self, network: Network) -> None:
        batches = plain_batches(self.feed.data, self.pipeline, device=self.device)
        with self._between():
            fit_constants(network, batches)

    # Steps

    def _epoch(self) -> None:
        """Train to the end of the epoch, or until no step fits any more."""
        epoch, first = divmod(self.pace.step, self.per_epoch)
        self.network.train()
        losses = self._losses(self.losses.values)
        self.losses = losses
        batches = training_batches(self.feed, self.recipe.batch_size, self.pipeline, self.seed, epoch, first)
        for batch, targets in batches:
            self._each_step()
            # dropout and drop path draw from the default generators, which are private here
            torch.manual_seed(derive(self.seed, "layers", self.pace.step))
            before = self.elapsed()
            self._step(batch, targets, losses)
            after, self.took_steps = self.elapsed(), True
            self.pace.advance(after, losses.step_seconds(after - before))
            if self.average is not None:
                left = 1.0 if self.falls_from is None else self._rate() / self.recipe.peak
                self.average.update(self.network, self.pace.step, left)
            if self.pace.done(after):
                break
            if after - self.reported > QUIET and self.pace.step % self.per_epoch:
                self._hear(self._state())
            if after - self.saved > UNSAVED and self.pace.step % self.per_epoch:
                with self._between():
                    self._save(False)
        losses.read()

    def _losses(self, before: Iterable[float] = ()) -> Losses:
        """``before``: the losses of the steps before. Of a training that ends inside an epoch, the mean is still of as
        many steps as an epoch has.
        """
        return Losses(devices.queues(self.device), self.pace.taken, self.per_epoch, before)

    def _rate(self) -> float:
        return rate(self.recipe, self.pace.progress, self.pace.step, self.falls_from)

    def _each_step(self) -> None:
        self.check()
        if self.hurry():
            self.pace.hurry(self.elapsed())

    def _step(self, batch: Batch, targets: Tensor, losses: Losses) -> None:
        """One step of gradient descent. Raises EvaluationError (``diverged``)."""
        recipe, network = self.recipe, self.network
        if hasattr(network, "set_progress"):
            network.set_progress(self.pace.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate() * group["times"]
        with precision.autocast(self.arithmetic, self.device):
            outputs = _outputs(network, batch)
        weights = {name: recipe.auxiliary if name == "auxiliary" else 1.0 for name in outputs}
        terms = [
            weights[name] * self.goal.loss(output, targets, recipe.label_smoothing)
            for name, output in outputs.items()
            if weights[name]
        ]
        loss = torch.stack(terms).sum()
        losses.add(loss)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if recipe.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    # Between steps

    @contextmanager
    def _between(self) -> Iterator[None]:
        """The time inside the block is between steps; the pace expects more of it in later steps."""
        before = self.elapsed()
        yield
        self.pace.overhead += self.elapsed() - before

    def _state(self) -> dict[str, float]:
        return {
            "train_loss": self.losses.mean(),
            "learning_rate": self._rate(),
            "seconds": self.elapsed(),
        }

    def _tell(self, metrics: Mapping[str, float]) -> None:
        """Add a point to the learning curve, and report it."""
        self.curve.append((self.epochs, metrics))
        self._hear(metrics)

    def _hear(self, metrics: Mapping[str, float]) -> None:
        self.report(self.epochs, metrics)
        self.reported = self.elapsed()

    def _measure(self, final: bool) -> Score | None:
        """The score on ``valid``. For averaged weights, new batch-norm statistics are computed first. After the last
        measuring, averaged weights stay in the network.
        """
        with self._between():
            if self.average is None:
                return self._score()
            if final:
                self.average.install(self.network)
                return self._recalibrated_score()
            with self.average.applied(self.network):
                return self._recalibrated_score()

    def _recalibrated_score(self) -> Score | None:
        # From all over the split: files often stand sorted by class, and one class has other statistics than all.
        n = len(self.feed)
        chosen = min(RECALIBRATION, n)
        if chosen > 1 and chosen % self.recipe.batch_size == 1:
            chosen -= 1  # batch norm has no statistics of one example, which would be the last batch
        spread = np.linspace(0, n - 1, chosen).astype(np.int64)

        def inputs() -> Iterator[Batch]:
            some = self.feed.data.take(spread)
            for batch in plain_batches(some, self.pipeline, self.recipe.batch_size, device=self.device):
                self.check()
                yield batch

        recalibrate(self.network, inputs())
        return self._score()

    def _score(self) -> Score | None:
        if self.valid is None:
            return None
        score = evaluate(self.network, self.valid, self.pipeline, self.goal, device=self.device, check=self.check)
        if self.best_to is not None:
            facts = {"epochs": self.epochs, "fell": self.falls_from is not None}
            _keep_best(self.best_to, self.network, score.metrics[self.goal.metrics[0]], facts)
        return score

    # Checkpoints

    @property
    def _job(self) -> dict[str, Any]:
        """What must be the same in a checkpoint of this training. Device and arithmetic may differ, since a study may
        move to another machine.
        """
        augmentation = getattr(self.pipeline, "augmentation", None)
        changes = {} if augmentation is None else dataclasses.asdict(augmentation)
        recipe = {**self.recipe.to_dict(), **changes, "epochs": None}
        return {"recipe": recipe, "seed": self.seed, "n": len(self.feed)}

    def _is_ours(self, job: Mapping[str, Any]) -> bool:
        """Is a checkpoint with this ``job`` of this training? Fields that an earlier version did not know are at their
        default.
        """
        known = {**job, "recipe": {"optimizer": Recipe.optimizer, "bias_rate": Recipe.bias_rate, **job["recipe"]}}
        return known == self._job

    def _save(self, finished: bool) -> None:
        self.saved = self.elapsed()
        if self.save_to is None:
            return
        tensors = {f"network/{name}": tensor for name, tensor in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for local, tensor in self.optimizer.state.get(parameter, {}).items():
                if tensor is not None:
                    tensors[f"{STATES[local]}/{name}"] = tensor
        if self.average is not None:
            tensors |= {f"average/{name}": tensor for name, tensor in self.average.state().items()}
        self.losses.read()
        tensors["losses"] = torch.tensor([*self.losses.values], dtype=torch.float64)
        facts = {
            "job": self._job,
            "step": self.pace.step,
            "n_steps": self.pace.n_steps,
            "progress": self.pace.progress,
            "falls_from": self.falls_from,
            "updates": self.average.updates if self.average else 0,
            "curve": self.curve,
            "seconds": self.spent,
            "finished": finished,
        }
        checkpoint.save(self.save_to, tensors, facts)

    def _resume(self, go_on: bool) -> bool:
        """Go on from the checkpoint, if there is one of the same job and network. Returns whether that training is
        finished.
        """
        found = None if self.save_to is None else checkpoint.load(self.save_to)
        if found is None:
            return False
        tensors, facts = found
        own = {name: tensor.shape for name, tensor in self.network.state_dict().items()}
        saved = checkpoint.part(tensors, "network/")
        if (
            not self._is_ours(facts["job"])
            or {name: tensor.shape for name, tensor in saved.items()} != own
            or (go_on and facts["step"] > self.pace.n_steps)
        ):
            return False
        same_length = facts["n_steps"] == self.pace.n_steps
        self.network.load_state_dict(saved)
        for local, prefix in STATES.items():
            found_states = checkpoint.part(tensors, f"{prefix}/")
            for name, parameter in self.network.named_parameters():
                if name in found_states:
                    state = found_states[name]
                    like = torch.empty_like(parameter) if state.shape == parameter.shape else torch.empty_like(state)
                    self.optimizer.state[parameter][local] = like.copy_(state)
        if self.average is not None:
            self.average.load(checkpoint.part(tensors, "average/"), facts["updates"])
        if "losses" in tensors:  # earlier versions did not keep them
            self.losses = self._losses(tensors["losses"].tolist())
        self.pace.step = facts["step"]
        self.pace.progress = facts["progress"] if same_length else facts["step"] / self.pace.n_steps
        self.falls_from = facts.get("falls_from") if self.anneal or not go_on else None
        self.curve = [(step, metrics) for step, metrics in facts["curve"]]
        self.spent_before = facts.get("seconds", 0.0)  # earlier versions did not write it down
        # At a constant rate, a training that the clock ended goes on; with an annealed rate it is over.
        annealed = self.recipe.schedule != "constant" or (self.anneal and self.falls_from is not None)
        return bool(facts["finished"]) and same_length and (annealed or facts["step"] == self.pace.n_steps)


def is_flat(curve: Curve, metric: str, patience: float) -> bool:
    """Is a learning curve ``patience`` times as long as at its best score, and were some scores measured since?"""
    scores = [(epoch, metrics[metric]) for epoch, metrics in curve if metric in metrics]
    if not scores:
        return False
    best = max(range(len(scores)), key=lambda i: scores[i][1])
    return len(scores) - 1 - best >= MEASURED_SINCE and scores[-1][0] >= patience * scores[best][0]


def _keep_best(place: Path, network: nn.Module, score: float, facts: Mapping[str, Any]) -> None:
    """Write the weights, unless those that are there scored as well. Scores are such that more is better."""
    found = checkpoint.load(place)
    if found is None or found[1]["score"] < score:
        checkpoint.save(place, network.state_dict(), {"score": score, **facts})


def best_weights(place: Path) -> tuple[dict[str, Tensor], float, Mapping[str, Any]] | None:
    """The weights that ``train`` left there with ``best_to``, their score, and when it was: after how many ``epochs``,
    and whether the rate ``fell`` already. None where there are none. Files of earlier versions do not say when it was.
    """
    found = checkpoint.load(place)
    return None if found is None else (found[0], float(found[1]["score"]), found[1])


def _outputs(network: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
    if hasattr(network, "forward_all"):
        return network.forward_all(batch)  # type: ignore[no-any-return]
    return {"output": network(batch)}


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns the errors that torch raises when memory runs out into one EvaluationError."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory() from error
    except RuntimeError as error:
        if any(words in str(error) for words in EXHAUSTED):
            raise _out_of_memory() from error
        raise


def _out_of_memory() -> EvaluationError:
    return EvaluationError("The training ran out of memory.", "A smaller batch or network needs less.", kind="memory")
