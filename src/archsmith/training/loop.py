"""The one training loop.

Trials and the final training are the same function with different recipes. It takes any module that maps float images ``(n, C, H, W)`` to logits; of
a ``Network`` it also uses ``forward_all`` (an auxiliary head) and ``set_progress`` (scheduled drop path).

It stops at a number of epochs or at a number of seconds, whichever comes first, and is annealed either way (``schedules.Pace``). All randomness
comes from (seed, epoch), so a training killed and resumed at an epoch boundary ends with the same numbers as one that was left alone. Running out of
memory and diverging are ``EvaluationError``s.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archsmith.core.errors import EvaluationError
from archsmith.core.seeds import derive
from archsmith.data.images import ImageSet
from archsmith.graphs.network import recalibrate
from archsmith.training import checkpoint, precision
from archsmith.training.average import Average
from archsmith.training.batches import Normalisation, n_batches, plain_batches, training_batches
from archsmith.training.measure import Score, evaluate
from archsmith.training.recipe import Recipe
from archsmith.training.schedules import Pace, rate

RECALIBRATION = 2048  # pictures that fresh batch-norm statistics are averaged over

Report = Callable[[float, Mapping[str, float]], None]


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    ``epochs`` and ``steps`` taken in all, ``seconds`` of this call, ``score`` on the validation pictures (None without any), ``curve`` of (epoch,
    metrics), ``resumed`` the epoch that it went on from, ``step_seconds`` the present cost of a step, ``precision`` of the arithmetic.
    """

    epochs: float
    steps: int
    seconds: float
    score: Score | None
    curve: tuple[tuple[float, Mapping[str, float]], ...]
    resumed: int
    step_seconds: float
    precision: str


@dataclass
class _Run:
    """The moving parts of one training."""

    network: nn.Module
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    average: Average | None
    pace: Pace
    epoch: int = 0
    curve: list[tuple[float, Mapping[str, float]]] = field(default_factory=list)


def train(
    network: nn.Module,
    data: ImageSet,
    recipe: Recipe,
    normalisation: Normalisation,
    *,
    seed: int,
    valid: ImageSet | None = None,
    epochs: float | None = None,
    seconds: float | None = None,
    reserve: float = 0.0,
    check: Callable[[], None] = lambda: None,
    hurry: Callable[[], bool] = lambda: False,
    report: Report = lambda epoch, metrics: None,
    save_to: Path | None = None,
    arithmetic: str = "auto",
    measure_every: int = 1,
) -> Trained:
    """Train ``network`` in place on ``data`` and leave it in evaluation mode.

    ``epochs`` (may be fractional; ``recipe.epochs`` when None) bounds the steps and ``seconds`` the wall clock of this call, the last measuring
    included, of which ``reserve`` are kept for whatever comes after. ``check`` is called every step and may raise; once ``hurry`` says so, the
    training comes to an annealed end within a quarter of the time that it has taken. ``valid`` is measured every ``measure_every`` epochs and at the
    end, and told to ``report``. ``save_to`` is a checkpoint file, written at every epoch's end and gone on from when it fits. Raises
    EvaluationError (``memory``, ``diverged``).
    """
    started = time.perf_counter()
    arithmetic = precision.choose(arithmetic, network)
    per_epoch = n_batches(len(data), min(recipe.batch_size, len(data)))
    n_steps = max(1, round((recipe.epochs if epochs is None else epochs) * per_epoch))
    network.to(memory_format=torch.channels_last)
    run = _Run(
        network,
        recipe,
        _optimizer(network, recipe),
        Average(network, recipe.average * per_epoch) if recipe.average else None,
        Pace(n_steps, seconds, reserve, tail=_tail(recipe, data, valid)),
    )
    job = {"recipe": {**recipe.to_dict(), "epochs": None}, "seed": seed, "n": len(data), "arithmetic": arithmetic}
    finished = _resume(run, save_to, job, per_epoch)
    resumed = run.epoch

    def elapsed() -> float:
        return time.perf_counter() - started

    def each_step() -> None:
        check()
        if hurry():
            run.pace.hurry(elapsed())

    def measure(final: bool) -> Score | None:
        before = elapsed()
        result = _measure(run, data, valid, normalisation, check, final)
        run.pace.overhead += elapsed() - before
        return result

    metrics: dict[str, float] = {}
    with _memory_errors(), torch.random.fork_rng(devices=[]):
        while not finished and not run.pace.done(elapsed()):
            train_loss = _epoch(run, data, normalisation, seed, per_epoch, arithmetic, each_step, elapsed)
            whole = run.pace.step % per_epoch == 0
            run.epoch = run.pace.step // per_epoch
            finished = run.pace.done(elapsed())
            metrics = {"train_loss": train_loss, "learning_rate": rate(recipe, run.pace.progress), "seconds": elapsed()}
            if valid is not None and not finished and run.epoch % measure_every == 0:
                interim = measure(final=False)
                if interim is not None:
                    metrics |= {"accuracy": interim.accuracy, "log_loss": interim.log_loss}
            if not finished:
                run.curve.append((run.pace.step / per_epoch, metrics))
                report(run.pace.step / per_epoch, metrics)
            if whole or finished:
                # A finished one is saved before the last measuring puts averaged weights in, so that more epochs can go on from here.
                before = elapsed()
                _save(run, save_to, job, finished)
                run.pace.overhead += elapsed() - before
        result = measure(final=True)
        last = metrics | {"seconds": elapsed()} | ({"accuracy": result.accuracy, "log_loss": result.log_loss} if result else {})
        run.curve.append((run.pace.step / per_epoch, last))
        report(run.pace.step / per_epoch, last)
    network.eval()
    return Trained(run.pace.step / per_epoch, run.pace.step, elapsed(), result, tuple(run.curve), resumed, run.pace.step_seconds, arithmetic)


def _tail(recipe: Recipe, data: ImageSet, valid: ImageSet | None) -> float:
    """The last measuring in units of training steps; a forward pass in float32 is taken for half a step."""
    pictures = (len(valid) if valid is not None else 0) + (min(RECALIBRATION, len(data)) if recipe.average else 0)
    return 0.5 * pictures / min(recipe.batch_size, len(data))


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum; biases and batch-norm parameters do not decay (Goyal et al. 2017, arXiv 1706.02677)."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=recipe.peak, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True)


def _epoch(
    run: _Run,
    data: ImageSet,
    normalisation: Normalisation,
    seed: int,
    per_epoch: int,
    arithmetic: str,
    check: Callable[[], None],
    elapsed: Callable[[], float],
) -> float:
    """Train to the next epoch boundary or until nothing fits; returns the mean training loss."""
    epoch = run.pace.step // per_epoch
    torch.manual_seed(derive(seed, "layers", epoch))  # dropout and drop path draw from the (forked) default generator
    run.network.train()
    losses = []
    for images, labels in training_batches(data, run.recipe, normalisation, seed, epoch):
        check()
        before = elapsed()
        losses.append(_step(run, images, labels, arithmetic))
        after = elapsed()
        run.pace.advance(after, after - before)
        if run.average is not None:
            run.average.update(run.network, run.pace.step)
        if run.pace.done(after):
            break
    return math.fsum(losses) / len(losses)


def _step(run: _Run, images: Tensor, labels: Tensor, arithmetic: str) -> float:
    """One step of gradient descent; returns the loss. Raises EvaluationError (``diverged``)."""
    recipe, network = run.recipe, run.network
    if hasattr(network, "set_progress"):
        network.set_progress(run.pace.progress)
    for group in run.optimizer.param_groups:
        group["lr"] = rate(recipe, run.pace.progress)
    with precision.autocast(arithmetic):
        outputs = _outputs(network, images)
    loss = torch.zeros(())
    for name, output in outputs.items():
        weight = recipe.auxiliary if name == "auxiliary" else 1.0
        if weight:
            loss = loss + weight * nn.functional.cross_entropy(output.float(), labels, label_smoothing=recipe.label_smoothing)
    value = float(loss.item())
    if not math.isfinite(value):
        raise EvaluationError(
            f"Training diverged: the loss became {value} at step {run.pace.step + 1}.", "A smaller learning rate may help.", kind="diverged"
        )
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.clip:
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip, foreach=True)
    run.optimizer.step()
    return value


def _outputs(network: nn.Module, images: Tensor) -> Mapping[str, Tensor]:
    if hasattr(network, "forward_all"):
        return network.forward_all(images)  # type: ignore[no-any-return]
    return {"class": network(images)}


def _measure(run: _Run, data: ImageSet, valid: ImageSet | None, normalisation: Normalisation, check: Callable[[], None], final: bool) -> Score | None:
    """The score on ``valid``. With averaged weights these are measured, after fresh batch-norm statistics; the last time they stay in the network."""

    def inputs() -> Iterator[Tensor]:
        for images, _ in plain_batches(data, normalisation, run.recipe.batch_size, RECALIBRATION):
            check()
            yield images

    def measured() -> Score | None:
        return None if valid is None else evaluate(run.network, valid, normalisation, check=check)

    if run.average is None:
        return measured()
    if final:
        run.average.install(run.network)
        recalibrate(run.network, inputs())
        return measured()
    with run.average.applied(run.network):
        recalibrate(run.network, inputs())
        return measured()


def _save(run: _Run, path: Path | None, job: Mapping[str, Any], finished: bool) -> None:
    if path is None:
        return
    tensors = {f"network/{name}": tensor for name, tensor in run.network.state_dict().items()}
    for name, parameter in run.network.named_parameters():
        momentum = run.optimizer.state.get(parameter, {}).get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum/{name}"] = momentum
    if run.average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in run.average.state().items()}
    facts = {
        "job": job,
        "step": run.pace.step,
        "n_steps": run.pace.n_steps,
        "progress": run.pace.progress,
        "updates": run.average.updates if run.average else 0,
        "curve": run.curve,
        "finished": finished,
    }
    checkpoint.save(path, tensors, facts)


def _resume(run: _Run, path: Path | None, job: Mapping[str, Any], per_epoch: int) -> bool:
    """Go on from the checkpoint at ``path`` if it is of the same job and network; says whether that training had finished already."""
    found = None if path is None else checkpoint.load(path)
    if found is None:
        return False
    tensors, facts = found
    own = {name: tensor.shape for name, tensor in run.network.state_dict().items()}
    saved = checkpoint.part(tensors, "network/")
    if facts["job"] != job or {name: tensor.shape for name, tensor in saved.items()} != own or facts["step"] > run.pace.n_steps:
        return False
    same_length = facts["n_steps"] == run.pace.n_steps
    if facts["step"] % per_epoch and not (facts["finished"] and same_length):
        return False  # ended inside an epoch, whose order cannot be taken up in the middle
    run.network.load_state_dict(saved)
    momenta = checkpoint.part(tensors, "momentum/")
    for name, parameter in run.network.named_parameters():
        if name in momenta:
            run.optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momenta[name])
    if run.average is not None:
        run.average.load(checkpoint.part(tensors, "average/"), facts["updates"])
    run.pace.step = facts["step"]
    run.pace.progress = facts["progress"] if same_length else facts["step"] / run.pace.n_steps
    run.epoch = run.pace.step // per_epoch
    run.curve = [(step, metrics) for step, metrics in facts["curve"]]
    return bool(facts["finished"]) and same_length


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turns torch's several ways of running out of memory into one EvaluationError."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory() from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise _out_of_memory() from error
        raise


def _out_of_memory() -> EvaluationError:
    return EvaluationError("The training ran out of memory.", "A smaller batch or network needs less.", kind="memory")
