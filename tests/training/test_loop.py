from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from archsmith.core.errors import EvaluationError, Stopped
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.data.images.pipeline import Normalisation
from archsmith.graphs.network import recalibrate
from archsmith.training import checkpoint, loop, precision
from archsmith.training.batches import Feed, n_batches, plain_batches
from archsmith.training.goal import ClassGoal, Goal, RegressionGoal
from archsmith.training.loop import Curve, Trained, train
from archsmith.training.losses import Losses
from archsmith.training.measure import evaluate, outputs
from archsmith.training.recipe import Recipe
from archsmith.training.schedules import Pace

RECIPE = Recipe(batch_size=32, epochs=3, learning_rate=0.1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def splits_of(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> ImageSplits:
    sets = [
        ImageExamples(images[own], labels[own], classes)
        for own in (slice(0, 1300), slice(1300, 1550), slice(1550, None))
    ]
    return ImageSplits(*sets, name="digits")


@pytest.fixture(scope="module")
def digits() -> ImageSplits:
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images = np.round(data.images[order] * (255 / 16)).astype(np.uint8)[..., None]
    return splits_of(images, data.target[order].astype(np.int64), tuple("0123456789"))


@pytest.fixture(scope="module")
def brightness(digits: ImageSplits) -> ImageSplits:
    """The ink of the upper half less that of the lower one, as a number in units of its own."""
    images = np.concatenate([digits.train.images, digits.valid.images, digits.test.images])
    numbers = 1000 + images[:, :4].mean((1, 2, 3)) - images[:, 4:].mean((1, 2, 3))
    return splits_of(images, numbers, ())


class Small(nn.Module):
    """One convolution, batch norm, drop-out and a linear layer."""

    def __init__(self, seed: int = 0, n_outputs: int = 10) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv2d(1, 16, 3, 2, 1, bias=False),
                nn.BatchNorm2d(16),
                nn.ReLU(),
                nn.Dropout(0.1),
                nn.Flatten(),
                nn.Linear(256, n_outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


def fit(splits: ImageSplits, network: nn.Module, recipe: Recipe = RECIPE, **more: Any) -> Trained:
    pipeline = splits.pipeline(ImageAugmentation(cutout=0.2))
    given = {
        "goal": Goal.of(splits.task, splits.target_statistics),
        "seed": 1,
        "valid": splits.valid,
        "arithmetic": "float32",
        **more,
    }
    return train(network, splits.train, recipe, pipeline, **given)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_learns(digits: ImageSplits) -> None:
    result = fit(digits, Small(), epochs=8)
    assert result.score is not None
    assert result.score.metrics["accuracy"] > 0.93
    assert result.epochs == 8


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_it_learns_numbers(brightness: ImageSplits, average: float) -> None:
    result = fit(brightness, Small(n_outputs=1), Recipe(batch_size=32, average=average), epochs=8)
    assert result.score is not None
    assert list(result.score.metrics) == ["r2", "rmse", "mae"]
    assert result.score.metrics["r2"] > 0.8
    assert result.score.metrics["mae"] <= result.score.metrics["rmse"] < 0.5 * brightness.valid.targets.std()
    assert {"r2", "rmse", "mae", "train_loss"} <= result.curve[-1][1].keys()


def test_a_target_that_never_changes_is_no_accident(brightness: ImageSplits) -> None:
    flat = splits_of(np.concatenate([rows.images for rows in brightness.by_name.values()]), np.full(1797, 3.0), ())
    result = fit(flat, Small(n_outputs=1), epochs=1)
    assert result.score is not None
    assert result.score.metrics["r2"] <= 0.0
    assert result.score.metrics["rmse"] < 1.0


def test_balance_helps_a_rare_class(digits: ImageSplits) -> None:
    labels = digits.train.targets
    keep = np.flatnonzero((labels != 3) | (np.cumsum(labels == 3) <= 4))
    rare = ImageSplits(digits.train.take(keep), digits.valid, digits.test, "rare", balanced=True)
    threes = rare.valid.take(np.flatnonzero(rare.valid.targets == 3))

    def known(balance: bool) -> float:
        """The share of the rare class that is recognised."""
        network = Small()
        trained = fit(rare, network, Recipe(batch_size=32, balance=balance), epochs=10)
        assert trained.score is not None and next(iter(trained.score.metrics)) == "balanced_accuracy"
        said = outputs(network, threes, rare.pipeline())
        return float((said.argmax(1) == 3).float().mean())

    assert known(True) > known(False) + 0.1


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_same_seed_same_numbers_another_seed_others(digits: ImageSplits, average: float) -> None:
    recipe = Recipe(batch_size=64, average=average)
    one, two, other = Small(), Small(), Small()
    first = fit(digits, one, recipe, epochs=1)
    torch.rand(3)  # what else happens in the process does not matter
    second = fit(digits, two, recipe, epochs=1)
    fit(digits, other, recipe, epochs=1, seed=2)
    assert first.score == second.score
    assert same(one, two)
    assert not same(one, other)


def test_it_learns_in_mixed_arithmetic_and_says_so(digits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    network = Small()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.layers.insert(3, nn.Conv2d(16, 16, 5, padding=2, groups=16))
    result = fit(digits, network, arithmetic="auto")
    assert result.precision == "mixed"
    assert result.score is not None and result.score.metrics["accuracy"] > 0.9


def test_the_global_generator_is_left_alone(digits: ImageSplits) -> None:
    before = torch.random.get_rng_state()
    fit(digits, Small(), epochs=0.1)
    assert torch.equal(before, torch.random.get_rng_state())


def timeless(curve: Curve) -> list[tuple[float, dict[str, float]]]:
    """A learning curve without its seconds, which differ from run to run."""
    return [(epoch, {name: metrics[name] for name in metrics if name != "seconds"}) for epoch, metrics in curve]


@pytest.mark.parametrize("average", [0.0, 0.5])
@pytest.mark.parametrize("killed_in", [2, 3])
def test_killed_and_resumed_ends_like_an_unbroken_one(
    digits: ImageSplits, tmp_path: Path, average: float, killed_in: int
) -> None:
    recipe = Recipe(batch_size=64, epochs=3, average=average)
    unbroken, broken, again = Small(), Small(), Small(seed=5)
    expected = fit(digits, unbroken, recipe)

    reported: list[float] = []
    steps_after: list[float] = []

    def kill() -> None:
        if len(reported) >= killed_in - 1:
            steps_after.append(0)
            if len(steps_after) > 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            digits,
            broken,
            recipe,
            save_to=tmp_path / "c",
            check=kill,
            report=lambda epoch, metrics: reported.append(epoch),
        )
    result = fit(digits, again, recipe, save_to=tmp_path / "c")
    assert result.resumed == killed_in - 1
    assert result.score == expected.score
    assert timeless(result.curve) == timeless(expected.curve)
    assert same(again, unbroken)


def test_a_finished_training_is_not_repeated(digits: ImageSplits, tmp_path: Path) -> None:
    one, two = Small(), Small(seed=5)
    first = fit(digits, one, epochs=1.5, save_to=tmp_path / "c")
    second = fit(digits, two, epochs=1.5, save_to=tmp_path / "c", check=lambda: None)
    assert second.steps == first.steps
    assert second.score == first.score
    assert timeless(second.curve) == timeless(first.curve)
    assert same(one, two)


def test_a_training_whose_time_went_into_measuring_is_finished(
    digits: ImageSplits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over: list[float] = []
    plain = Pace.done
    monkeypatch.setattr(Pace, "done", lambda self, elapsed: bool(over) or plain(self, elapsed))
    first = fit(digits, Small(), epochs=5, save_to=tmp_path / "c", report=lambda epoch, metrics: over.append(epoch))
    over.clear()
    assert first.epochs == 1
    assert fit(digits, Small(seed=5), epochs=5, save_to=tmp_path / "c").steps == first.steps


def test_seconds_are_counted_over_all_calls_that_took_steps(
    digits: ImageSplits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    constant = dataclasses.replace(RECIPE, schedule="constant")
    first = fit(digits, Small(), recipe=constant, epochs=1, save_to=tmp_path / "c")
    second = fit(digits, Small(), recipe=constant, epochs=2, save_to=tmp_path / "c")
    assert 0.8 * first.seconds < first.spent <= first.seconds
    assert second.spent > 1.5 * first.spent
    again = fit(digits, Small(), recipe=constant, epochs=2, save_to=tmp_path / "c")
    measured = fit(digits, Small(), recipe=constant, epochs=3, save_to=tmp_path / "c", go_on=False)
    assert first.spent < again.spent == measured.spent <= second.spent  # to measure again is no training


def test_a_constant_rate_goes_on_to_more_epochs(digits: ImageSplits, tmp_path: Path) -> None:
    recipe = Recipe(batch_size=64).proxy()
    whole = fit(digits, Small(), recipe, epochs=3)
    fit(digits, Small(), recipe, epochs=1, save_to=tmp_path / "c")
    continued = fit(digits, Small(seed=8), recipe, epochs=3, save_to=tmp_path / "c")
    assert continued.resumed == 1
    assert continued.score == whole.score


def test_a_checkpoint_of_another_job_is_ignored(digits: ImageSplits, tmp_path: Path) -> None:
    fit(digits, Small(), epochs=1, save_to=tmp_path / "c")
    assert fit(digits, Small(), epochs=1, save_to=tmp_path / "c", seed=9).resumed == 0


def test_a_checkpoint_that_does_not_know_the_latest_fields_goes_on(digits: ImageSplits, tmp_path: Path) -> None:
    fit(digits, Small(), epochs=1, save_to=tmp_path / "c")
    tensors, facts = checkpoint.load(tmp_path / "c") or ({}, {})
    for name in ("optimizer", "bias_rate"):
        del facts["job"]["recipe"][name]
    checkpoint.save(tmp_path / "c", tensors, facts)
    assert fit(digits, Small(), epochs=1, save_to=tmp_path / "c").resumed == 1
    other = dataclasses.replace(RECIPE, bias_rate=8.0)
    assert fit(digits, Small(), other, epochs=1, save_to=tmp_path / "c").resumed == 0


def test_the_span_of_the_average_falls_as_a_constant_rate_is_brought_down(
    digits: ImageSplits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []
    monkeypatch.setattr(loop.Average, "update", lambda self, network, step, share: shares.append(share))
    recipe = RECIPE.proxy()
    fit(digits, Small(), recipe, epochs=1, save_to=tmp_path / "c")
    assert set(shares) == {1.0}
    shares.clear()
    fit(digits, Small(), recipe, epochs=2, save_to=tmp_path / "c", anneal=True)
    assert shares == sorted(shares, reverse=True) and shares[0] > 0.9 and shares[-1] < 0.1


def test_the_loss_of_a_training_that_ends_inside_an_epoch_is_of_as_many_steps(digits: ImageSplits) -> None:
    whole, longer = fit(digits, Small(), epochs=2), fit(digits, Small(), epochs=2 + 1 / 41)
    first, *_ = (metrics["train_loss"] for _, metrics in whole.curve)
    assert longer.steps == whole.steps + 1
    assert longer.curve[-1][1]["train_loss"] < first  # one step alone may be anything
    assert len({metrics["train_loss"] for _, metrics in longer.curve}) == 3


def test_fractions_of_an_epoch(digits: ImageSplits) -> None:
    result = fit(digits, Small(), epochs=0.5)
    assert result.steps == 20
    assert result.score is not None


@pytest.mark.clock
def test_a_clock_ends_it_in_time_and_annealed(digits: ImageSplits) -> None:
    before = time.perf_counter()
    result = fit(digits, Small(), Recipe(batch_size=32, epochs=100_000), seconds=1.0, reserve=0.1)
    assert time.perf_counter() - before < 1.5
    assert result.steps > 5
    rates = [metrics["learning_rate"] for _, metrics in result.curve if "learning_rate" in metrics]
    assert max(rates) > 0.05
    assert rates[-1] < 0.02


def test_reports_come_each_epoch_and_at_the_end(digits: ImageSplits) -> None:
    reports: list[tuple[float, Mapping[str, float]]] = []
    result = fit(digits, Small(), epochs=2.5, report=lambda epoch, metrics: reports.append((epoch, metrics)))
    assert [epoch for epoch, _ in reports] == [1.0, 2.0, 2.5]
    assert all("accuracy" in metrics for _, metrics in reports)
    assert result.score is not None
    assert reports[-1][1]["accuracy"] == result.score.metrics["accuracy"]


def test_a_long_epoch_is_reported_on_the_way(digits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "QUIET", 0.0)
    reports: list[tuple[float, Mapping[str, float]]] = []
    result = fit(digits, Small(), epochs=1, report=lambda epoch, metrics: reports.append((epoch, metrics)))
    assert len(reports) == result.steps
    assert [epoch for epoch, _ in reports] == sorted(epoch for epoch, _ in reports)
    assert all(metrics["train_loss"] > 0 and "accuracy" not in metrics for _, metrics in reports[:-1])
    assert len(result.curve) == 1  # what is on the way is no point of the curve


def test_check_stops_it_inside_an_epoch(digits: ImageSplits) -> None:
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise Stopped("Enough.")

    with pytest.raises(Stopped):
        fit(digits, Small(), check=stop)
    assert calls == 7


def test_divergence_is_an_outcome(digits: ImageSplits) -> None:
    with pytest.raises(EvaluationError) as caught:
        fit(digits, Small(), Recipe(learning_rate=1e20, clip=0.0, schedule="constant"))
    assert caught.value.kind == "diverged"


class Greedy(Small):
    def forward(self, x: Tensor) -> Tensor:
        return torch.empty(2**50)  # a petabyte


def test_running_out_of_memory_is_an_outcome(digits: ImageSplits) -> None:
    with pytest.raises(EvaluationError, match="ran out of memory") as caught:
        fit(digits, Greedy())
    assert caught.value.kind == "memory"


def test_other_errors_come_out_as_they_are(digits: ImageSplits) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        fit(splits_of(np.zeros((1797, 6, 6, 1), np.uint8), np.arange(1797) % 2, ("a", "b")), Small())


class TwoHeads(Small):
    """Has an auxiliary head and notes its progress."""

    def __init__(self, n_outputs: int = 10) -> None:
        super().__init__(n_outputs=n_outputs)
        self.head = nn.Linear(64, n_outputs)
        self.progress: list[float] = []

    def forward_all(self, x: Tensor) -> dict[str, Tensor]:
        return {"class": self(x), "auxiliary": self.head(x.flatten(1))}

    def set_progress(self, fraction: float) -> None:
        self.progress.append(fraction)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_biases_of_norms_learn_as_much_faster_as_they_are_told_to(optimizer: str, digits: ImageSplits) -> None:
    def moved(bias_rate: float) -> dict[str, float]:
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))
        torch.manual_seed(0)
        for parameter in network.parameters():
            nn.init.normal_(parameter)
        before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
        recipe = Recipe(optimizer=optimizer, bias_rate=bias_rate, clip=0.0, weight_decay=0.0, learning_rate=1e-3)
        one = 1 / n_batches(len(digits.train), recipe.batch_size)
        pipeline, goal = digits.pipeline(), Goal.of(digits.task, digits.target_statistics)
        train(network, digits.train, recipe, pipeline, goal=goal, seed=0, epochs=one)
        return {name: float((p.detach() - before[name]).norm()) for name, p in network.named_parameters()}

    usual, fast = moved(1.0), moved(8.0)
    assert usual.pop("2.bias") * 8 == pytest.approx(fast.pop("2.bias"), rel=1e-3)
    assert usual == pytest.approx(fast, rel=1e-3)


def test_an_auxiliary_head_is_trained_by_its_weight(digits: ImageSplits) -> None:
    used, unused = TwoHeads(), TwoHeads()
    before = unused.head.weight.clone()
    fit(digits, used, epochs=0.1)
    fit(digits, unused, Recipe(auxiliary=0.0), epochs=0.1)
    assert torch.equal(unused.head.weight, before)
    assert used.head.weight.abs().sum() != unused.head.weight.abs().sum()


def test_an_auxiliary_head_learns_numbers_too(brightness: ImageSplits) -> None:
    used = TwoHeads(n_outputs=1)
    before = used.head.weight.clone()
    fit(brightness, used, epochs=0.1)
    assert not torch.equal(used.head.weight, before)


def test_scheduled_layers_hear_of_the_progress(digits: ImageSplits) -> None:
    network = TwoHeads()
    fit(digits, network, epochs=1)
    assert network.progress[0] == 0.0
    assert network.progress == sorted(network.progress)
    assert network.progress[-1] == pytest.approx(1.0, abs=0.05)


def test_averaged_weights_get_their_own_batch_statistics(digits: ImageSplits) -> None:
    network = Small()
    fit(digits, network, Recipe(batch_size=32, average=1.0), epochs=1, valid=None)
    norm = network.layers[1]
    images = Normalisation(*digits.statistics)(torch.from_numpy(np.asarray(digits.train.images)))
    with torch.no_grad():
        mean = network.layers[0](images).mean((0, 2, 3))
    assert torch.allclose(norm.running_mean, mean, atol=0.02)


def test_hurry_makes_it_end_soon(digits: ImageSplits) -> None:
    asked = itertools.count()
    result = fit(digits, Small(), epochs=100_000, hurry=lambda: next(asked) >= 5)
    assert 5 < result.steps < 100_000  # of millions; it ends by the clock, so a fast machine takes more steps
    assert result.score is not None


# What a GPU needs, as far as it can be seen without one


@pytest.mark.parametrize("goal", [ClassGoal(), ClassGoal(weights=(1.0,) * 10), RegressionGoal()])
def test_a_step_computes_on_one_device_only(goal: Goal, digits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    # The meta device computes no values and refuses to be mixed with the CPU.
    device = torch.device("meta")
    network = TwoHeads(n_outputs=1 if isinstance(goal, RegressionGoal) else 10).to(device)
    optimizer = loop._optimizer(network, RECIPE)
    losses = Losses(queued=True, taken=99)
    run = loop._Run.__new__(loop._Run)
    run.__dict__.update(
        network=network,
        recipe=RECIPE,
        goal=goal,
        device=device,
        arithmetic="float32",
        optimizer=optimizer,
        scaler=loop.precision.scaler("float32", device),
        pace=loop.Pace(10),
    )
    average = loop.Average(network, 10)
    images = Normalisation(*digits.statistics)(torch.zeros((4, 8, 8, 1), dtype=torch.uint8, device=device))
    for step in (1, 2, 3, 4):
        run._step(images, goal.targets([0, 1, 2, 3]).to(device), losses)
        average.update(network, step)
    assert len(losses.pending) == 4
    assert all(parameter.grad.device == device for parameter in network.parameters())


@pytest.mark.parametrize("recipe", [RECIPE, Recipe(batch_size=64, average=0.5)])
def test_a_device_that_works_behind_the_program_gets_the_same_numbers(
    digits: ImageSplits, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Losses read in groups and the whole set lying on the device, both played by the CPU.
    plain, queued = Small(), Small()
    expected = fit(digits, plain, recipe, epochs=2)
    monkeypatch.setattr(loop.devices, "queues", lambda device: True)

    class Resident(Feed):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.resident = {"image": torch.from_numpy(self.data.images)}

    monkeypatch.setattr(loop, "Feed", Resident)
    found = fit(digits, queued, recipe, epochs=2)
    assert found.score == expected.score
    assert same(plain, queued)
    assert [metrics["train_loss"] for _, metrics in found.curve] == [
        metrics["train_loss"] for _, metrics in expected.curve
    ]


def test_divergence_is_found_in_a_queue_too(digits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.devices, "queues", lambda device: True)
    with pytest.raises(EvaluationError) as caught:
        fit(digits, Small(), Recipe(learning_rate=1e20, clip=0.0, schedule="constant"), epochs=1)
    assert caught.value.kind == "diverged"


@pytest.mark.clock
def test_a_clock_ends_a_queue_in_time(digits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.devices, "queues", lambda device: True)
    before = time.perf_counter()
    result = fit(digits, Small(), Recipe(batch_size=32, epochs=100_000), seconds=1.0, reserve=0.1)
    assert time.perf_counter() - before < 1.5
    assert result.steps > 5


def test_pictures_in_a_memory_map_stay_there(digits: ImageSplits, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", digits.train.images)
    mapped = ImageExamples(np.load(tmp_path / "images.npy", mmap_mode="r"), digits.train.targets, digits.classes)
    one, two = Small(), Small()
    fit(digits, one, epochs=1)
    fit(ImageSplits(mapped, digits.valid, digits.test, "digits"), two, epochs=1)
    assert same(one, two)


def test_a_kill_in_a_long_epoch_takes_little_away(
    digits: ImageSplits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "UNSAVED", -1.0)  # so it is saved after every step
    unbroken, broken, again = Small(), Small(), Small(seed=5)
    expected = fit(digits, unbroken, RECIPE)
    steps = itertools.count()

    def kill() -> None:
        if next(steps) == 60:  # of 41 an epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(digits, broken, RECIPE, save_to=tmp_path / "c", check=kill)
    left: list[None] = []
    result = fit(digits, again, RECIPE, save_to=tmp_path / "c", check=lambda: left.append(None))
    assert same(again, unbroken)
    assert timeless(result.curve) == timeless(expected.curve)  # the losses before the kill count too
    assert len(left) == 22 + 41  # of the second epoch, and of the third


CONSTANT = dataclasses.replace(RECIPE, schedule="constant", average=0.5)


def test_a_training_goes_on_inside_an_epoch_as_if_it_had_not_stopped(digits: ImageSplits, tmp_path: Path) -> None:
    one, two = Small(), Small()
    for epochs in (0.4, 1.3, 2.5):
        fit(digits, one, CONSTANT, epochs=epochs, save_to=tmp_path / "c")
    fit(digits, two, CONSTANT, epochs=2.5)
    assert same(one, two)


def test_annealing_takes_a_constant_rate_down_from_where_it_stands(digits: ImageSplits, tmp_path: Path) -> None:
    rates: list[float] = []

    def report(epoch: float, metrics: Mapping[str, float]) -> None:
        rates.append(metrics["learning_rate"])

    fit(digits, Small(), CONSTANT, epochs=3, save_to=tmp_path / "c", report=report)
    assert rates[-1] == pytest.approx(CONSTANT.peak)
    network = Small()
    annealed = fit(digits, network, CONSTANT, epochs=6, save_to=tmp_path / "c", report=report, anneal=True)
    assert annealed.resumed == 3 and annealed.epochs == 6
    falling = rates[3:6]
    assert falling == sorted(falling, reverse=True) and falling[-1] < 0.1 * CONSTANT.peak
    # Killed in the middle, it goes on falling from where it was, and it is over when it is over.
    again = fit(digits, Small(), CONSTANT, epochs=6, save_to=tmp_path / "c", anneal=True)
    assert again.resumed == 6 and again.score == annealed.score


def test_an_annealing_that_is_killed_ends_like_an_unbroken_one(digits: ImageSplits, tmp_path: Path) -> None:
    networks = [Small(), Small()]
    for network, name in zip(networks, "ab", strict=True):
        fit(digits, network, CONSTANT, epochs=2, save_to=tmp_path / name)
    fit(digits, networks[0], CONSTANT, epochs=5, save_to=tmp_path / "a", anneal=True)

    class Killed(Exception):
        pass

    def kill(epoch: float, metrics: Mapping[str, float]) -> None:
        if epoch >= 4:
            raise Killed

    with pytest.raises(Killed):
        fit(digits, Small(), CONSTANT, epochs=5, save_to=tmp_path / "b", anneal=True, report=kill)
    fit(digits, networks[1], CONSTANT, epochs=5, save_to=tmp_path / "b", anneal=True)
    assert same(*networks)


def test_what_a_checkpoint_holds_is_measured_without_a_step(digits: ImageSplits, tmp_path: Path) -> None:
    network = Small()
    trained = fit(digits, network, CONSTANT, epochs=1.5, save_to=tmp_path / "c")
    restored = Small()
    found = fit(digits, restored, CONSTANT, save_to=tmp_path / "c", go_on=False)
    assert (found.score, found.epochs) == (trained.score, trained.epochs) and same(network, restored)


def test_the_weights_that_scored_best_are_kept(digits: ImageSplits, tmp_path: Path) -> None:
    network, seen = Small(), {}

    def report(epoch: float, metrics: Mapping[str, float]) -> None:
        seen[epoch] = metrics["accuracy"]

    last = fit(digits, network, CONSTANT, epochs=3, report=report, best_to=tmp_path / "best")
    found = loop.best_weights(tmp_path / "best")
    assert found is not None and found[1] == max(seen.values())
    assert found[2]["epochs"] == next(epoch for epoch, score in seen.items() if score == found[1])
    assert found[2]["fell"] is False is last.fell
    kept = Small()
    kept.load_state_dict(found[0])
    goal = Goal.of(digits.task)
    score = evaluate(kept.eval(), digits.valid, digits.pipeline(), goal)
    assert score.metrics["accuracy"] == found[1]
    assert last.score is not None and found[1] >= last.score.metrics["accuracy"]


@pytest.mark.parametrize(
    ("scores", "flat"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], False),
        ([0.1, 0.6, 0.5, 0.5], False),  # measured only twice since
        ([0.1, 0.6, 0.5, 0.5, 0.5], True),
        ([0.1, 0.2, 0.6, 0.5, 0.5, 0.5], True),
        ([0.1, 0.2, 0.3, 0.6, 0.5, 0.5, 0.5], False),  # not yet twice as long
    ],
)
def test_a_curve_is_flat_where_it_got_no_better_for_as_long_again(scores: list[float], flat: bool) -> None:
    curve: list[tuple[float, Mapping[str, float]]] = [(epoch, {"accuracy": s}) for epoch, s in enumerate(scores, 1)]
    curve.insert(2, (2.5, {"train_loss": 1.0}))
    assert loop.is_flat(curve, "accuracy", 2.0) is flat
    assert not loop.is_flat([], "accuracy", 2.0)


def test_a_training_without_patience_left_ends(digits: ImageSplits, tmp_path: Path) -> None:
    ended = fit(digits, Small(), dataclasses.replace(CONSTANT, learning_rate=1e-9), epochs=50, patience=2.0)
    assert 4 <= ended.epochs < 10


def test_statistics_of_averaged_weights_come_from_all_over_the_split(
    digits: ImageSplits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the first rows, which are of one class where files stand sorted by class."""
    monkeypatch.setattr(loop, "RECALIBRATION", 100)
    rows = digits.train.take(np.argsort(digits.train.targets, kind="stable"))
    splits, network = ImageSplits(rows, digits.valid, digits.test, "sorted"), Small()
    fit(splits, network, CONSTANT, epochs=2)
    (norm,) = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norm.running_mean is not None and norm.running_var is not None
    found = norm.running_mean.clone()
    recalibrate(network, plain_batches(rows, splits.pipeline(), 256))
    assert ((found - norm.running_mean).abs() / norm.running_var.sqrt()).max() < 0.05


def test_statistics_of_averaged_weights_need_no_batch_of_one_example(digits: ImageSplits) -> None:
    class Flat(nn.Module):
        """Batch norm of single values, which one example gives no variance."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))

        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x)  # type: ignore[no-any-return]

    odd = dataclasses.replace(digits, train=digits.train.take(np.arange(65)))
    recipe = dataclasses.replace(RECIPE, average=0.5, epochs=2)
    assert fit(odd, Flat(), recipe).score is not None
