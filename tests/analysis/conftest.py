"""Studies as jobs leave them, written event by event with a clock of their own, so that no network has to be trained
for a report.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archsmith.analysis import study as reading
from archsmith.core.errors import DataError
from archsmith.core.events import Event
from archsmith.core.seeds import generator
from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.graphs import layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.runtime import sqlite
from archsmith.runtime.sqlite import SqliteStore

START = 1_780_000_000.0


class Writer:
    """Writes one study. ``seconds`` pass before each event."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(sqlite, "time", SimpleNamespace(time=lambda: self.now))
        self.store = SqliteStore(folder)
        self.store.acquire()

    def __call__(self, kind: str, data: dict[str, Any], seconds: float = 0.0) -> None:
        self.now += seconds
        self.store.append([Event(kind, data)])

    def phase(
        self, name: str, seconds: float, result: dict[str, Any] | None = None, forecast: float | None = None
    ) -> None:
        self("phase", {"name": name, "state": "started", "detail": "", "forecast_seconds": forecast})
        self("phase", {"name": name, "state": "finished", "seconds": seconds, "result": result or {}}, seconds)

    def trial(
        self,
        number: int,
        metrics: dict[str, float] | None,
        seconds: float = 2.0,
        error: str = "Out of memory.",
        said: Any = None,
        **more: Any,
    ) -> None:
        row = {
            "id": number,
            "architecture": {"depth": number % 4, "kernel": 3},
            "fidelity": 1.0,
            "parents": [],
            "notes": {},
            **more,
        }
        self("proposed", {"trials": [row]})
        good = metrics is not None
        outcome = {
            "status": "ok" if good else "failed",
            "metrics": metrics or {},
            "seconds": seconds,
            "notes": said or {"epochs": 1.0},
        }
        outcome |= {"error": None if good else error, "error_kind": None if good else "memory"}
        self("finished", {"trial": number, "outcome": outcome}, seconds)


def pictures(n: int, side: int, channels: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random blots."""
    rng = generator(seed, "pictures")
    small = rng.integers(0, 256, (n, 4, 4, channels), dtype=np.uint8)
    return np.repeat(np.repeat(small, -(-side // 4), 1), -(-side // 4), 2)[:, :side, :side]


def splits_of(classes: tuple[str, ...], n: int, side: int = 8, channels: int = 1) -> ImageSplits:
    """``n`` pictures in each split; without classes the targets are numbers."""

    def part(seed: int) -> ImageExamples:
        rng = generator(seed, "labels")
        labels = np.arange(n, dtype=np.int64) % len(classes) if classes else rng.normal(50, 10, n)
        return ImageExamples(pictures(n, side, channels, seed), labels, classes)

    return ImageSplits(part(1), part(2), part(3), "blots", made=("valid", "test"))


def graph_of(n_outputs: int) -> Graph:
    net = Net({"image": (1, 8, 8)})
    value = layers.conv_bn(net, net.input("image"), 4, name="stem")
    for i in range(2):
        with net.scope(f"cell{i}", "NormalCell", prev=value, cur=value):
            left, right = (
                layers.sep_conv(net, value, 4, 3, 1, name="left"),
                layers.pool(net, value, "max", 3, 1, name="right"),
            )
            value = net.op("add", left, right)
    net.output(layers.classifier(net, value, n_outputs))
    return net.graph()


def answers(splits: ImageSplits, right: float, seed: int = 0) -> dict[str, Any]:
    """What a network might say: about the share ``right`` of the test labels are met."""
    rng, labels = generator(seed, "answers"), splits.test.targets
    if not splits.classes:
        return {"test": (labels + rng.normal(0, 3, len(labels))).astype(np.float32), "test_labels": labels}
    k = len(splits.classes)
    said = np.where(rng.random(len(labels)) < right, labels, rng.integers(0, k, len(labels)))
    raw = rng.random((len(labels), k)) * 0.3
    raw[np.arange(len(labels)), said] += rng.random(len(labels)) * 2 + 0.4
    raw /= raw.sum(axis=1, keepdims=True)
    sharp = raw**1.5
    return {
        "test": (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32),
        "test_labels": labels,
        "test_raw": raw.astype(np.float32),
    }


@dataclass(frozen=True)
class Column:
    """One column of a made-up table."""

    name: str
    kind: str
    missing: float
    distinct: int
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None
    top: tuple[tuple[object, float], ...] = ()


COLUMNS = (
    Column("age", "number", 0.0, 40, 17.0, 37.5, 90.0),
    Column("work <b>", "category", 0.25, 12, top=(("private", 0.7), ("state", 0.2), ("none", 0.05))),
)


@dataclass(frozen=True)
class TableRows:
    """One split of a made-up table, as the report reads it."""

    targets: np.ndarray[Any, Any]
    classes: tuple[str, ...]
    columns: tuple[Column, ...] = COLUMNS

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, indexes: Any) -> list[dict[str, object]]:
        return [{"age": 17.0 + int(i), "work <b>": None if i % 4 == 0 else f"job {i}"} for i in indexes]


def table_splits(classes: tuple[str, ...], n: int) -> Any:
    """``n`` rows in each split; without classes the targets are numbers."""
    own = np.arange(n, dtype=np.int64) % len(classes) if classes else generator(1, "targets").normal(50, 10, n)
    split = TableRows(own, classes)
    return SimpleNamespace(train=split, valid=split, test=split, name="people", classes=classes, made=("test",))


@pytest.fixture
def tables() -> Callable[[tuple[str, ...], int], Any]:
    """``tables(classes, n)``: the splits of a made-up table."""
    return table_splits


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """``make(classes=…, n_trials=…)`` writes a study of the main job and returns its folder; see ``build``."""
    numbers = itertools.count()
    return lambda **wishes: build(tmp_path / f"study-{next(numbers)}", monkeypatch, **wishes)


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Writer]:
    """``writer(folder)``: writes one study, event by event."""
    return lambda folder: Writer(folder, monkeypatch)


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``searched([(score or None, notes), …])`` writes a search without a main job and returns its folder. ``large`` in
    the notes breaks its limit.
    """

    numbers = itertools.count()

    def write(
        trials: list[tuple[float | None, dict[str, Any]]],
        metric: str = "accuracy",
        maximize: bool = True,
        began: dict[str, Any] | None = None,
        **args: Any,
    ) -> Path:
        log = Writer(folder := tmp_path / f"search-{next(numbers)}", monkeypatch)
        problem = {
            "objectives": [[metric, maximize]],
            "constraints": [["params", 10, None]],
            "fidelity": ["epochs", 1, 1],
        }
        strategy = {"type": "mine", "args": args}
        log(
            "study",
            {
                "space": {"type": "none", "args": {}},
                "problem": problem,
                "strategy": strategy,
                "evaluator": None,
                "seed": 3,
                **(began or {}),
            },
        )
        for i, (value, notes) in enumerate(trials):
            large = notes.pop("large", False)
            log.trial(i, None if value is None else {metric: value, "params": 20.0 if large else 5.0}, notes=notes)
        log.store.close()
        return folder

    return write


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``prepared(reports, notes, trials)`` writes a search whose evaluator prepared something, 10 s a report, and
    returns its folder.

    ``reports``: (step, metrics) each; without ``notes`` it was cut off. ``trials``: (architecture, metrics or None,
    notes) each, 2 s a trial. The evaluator is ``evaluator``, or shared weights with some ``settings``; ``outcomes`` are
    the notes of every trial's outcome. ``limits``: (metric, upper, lower) each. ``objectives``: (metric, is more
    better?) each.
    """
    numbers = itertools.count()

    def write(
        reports: Sequence[tuple[float, dict[str, Any]]],
        notes: dict[str, Any] | None = None,
        trials: Sequence[tuple[dict[str, Any], dict[str, float] | None, dict[str, Any]]] = (),
        space: str = "nasbench201",
        evaluator: dict[str, Any] | None = None,
        outcomes: dict[str, Any] | None = None,
        limits: Sequence[tuple[str, float | None, float | None]] = (),
        objectives: Sequence[tuple[str, bool]] = (("accuracy", True),),
        **settings: Any,
    ) -> Path:
        log = Writer(folder := tmp_path / f"prepared-{next(numbers)}", monkeypatch)
        problem = {"objectives": [*objectives], "constraints": [*limits], "fidelity": ["epochs", 1, 1]}
        shared = {
            "type": "shared_weights",
            "args": {"sampler": "controller", "candidates": 50, "n_eval": None, "task": "classes", **settings},
        }
        began = {
            "space": {"type": space, "args": {"input_shape": [1, 8, 8], "n_outputs": 10}},
            "strategy": {"type": "enas", "args": {}},
            "seed": 3,
        }
        log("study", {**began, "problem": problem, "evaluator": evaluator or shared})
        log("opened", {"pid": 1, "host": "here", "budget": [None, None]})
        for step, metrics in reports:
            log("preparing", {"step": step, "metrics": metrics}, 10.0)
        if notes is not None:
            log("prepared", {"seconds": 10.0 * len(reports), "notes": notes})
        for i, (architecture, metrics, said) in enumerate(trials):
            log.trial(i, metrics, architecture=architecture, notes=said, said=outcomes)
        log.store.close()
        return folder

    return write


def build(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    classes: tuple[str, ...] = ("cat", "dog", "owl"),
    n: int = 120,
    n_trials: int = 20,
    failed: tuple[int, ...] = (),
    right: float = 0.8,
    scores: tuple[float | None, float | None, float | None] = (0.6, 0.78, 0.8),
    exported: str | None = "searched",
    finished: bool = True,
    predictions: bool = True,
    data: Any = "made",
    checks: dict[str, Any] | None = None,
    metric: str = "accuracy",
    seconds: float | None = 60.0,
    test_reads: int = 1,
    graph: bool = True,
    evaluator: str = "training",
    kind: str | None = None,
    more_rows: Sequence[dict[str, Any]] = (),
) -> Path:
    splits = splits_of(classes, n) if data == "made" else data
    assert not isinstance(splits, str)

    def opened(_: str) -> Any:
        if splits is None:
            raise DataError("There are no stored data.")
        return splits

    monkeypatch.setattr(reading, "opened", opened)
    k = len(classes)
    report = {
        "name": "blots",
        "shape": [1, 8, 8],
        "classes": list(classes),
        "counts": {part: [n // max(1, k)] * k if k else n for part in ("train", "valid", "test")},
        "made": ["test", "valid"],
        "leaks": {"valid": 0, "test": 0},
        "skipped": [],
        "notes": [],
        "warnings": [],
        **(checks or {}),
    }
    fit = {
        "settings": {
            "data": "blots",
            "seconds": seconds,
            "trials": None,
            "space": "conv_stages",
            "strategy": "evolution",
        },
        "speed": {"n_train": n, "n_valid": n, "n_test": n},
        "data_folder": "/nowhere",
        "report": report,
        "device": "CPU, 2 threads",
    }
    if kind is not None:
        output = {"name": "target", "kind": "classes" if classes else "number", "n": max(1, k), "classes": classes}
        inputs = [{"name": kind, "kind": kind, "shape": [1]}]
        fit["task"] = {"inputs": inputs, "outputs": [output], "loss": "", "metrics": [metric]}
    write = Writer(folder, monkeypatch)
    began = {
        "space": {"type": "no_such_space", "args": {}},
        "problem": {"objectives": [[metric, True]], "constraints": [], "fidelity": ["epochs", 0.25, 1.0]},
        "strategy": {"type": "evolution", "args": {}},
        "evaluator": {"type": evaluator, "args": {}},
        "seed": 7,
        "fit": fit,
    }
    write("study", began)
    write("opened", {"pid": 1, "host": "here", "budget": [seconds, None]})
    write.phase("linear", 1.0, {metric: 0.6, "epochs": 5.0, "seconds": 1.0})
    write("phase", {"name": "search", "state": "started", "detail": "", "forecast_seconds": 40.0})
    rng = generator(0, "trials")
    for i in range(n_trials):
        value = float(0.5 + 0.3 * rng.random())
        notes = {"operator": "first"} if i == 0 else {}
        write.trial(
            i,
            None if i in failed else {metric: value, "params": float(rng.integers(1_000, 1_000_000)), "macs": 1e6},
            notes=notes,
        )
    if finished:
        write(
            "phase",
            {
                "name": "search",
                "state": "finished",
                "seconds": 2.0 * n_trials,
                "result": {"reason": "seconds", "n_trials": n_trials},
            },
        )
        for name, score in zip(("fixed", "searched"), scores[1:], strict=True):
            result = {"error": "Out of memory."} if score is None else {metric: score, "epochs": 8.0, "seconds": 8.0}
            for epoch in range(1, 9):
                write(
                    "epoch",
                    {
                        "network": name,
                        "epoch": float(epoch),
                        "epochs": 8.0,
                        "metrics": {"train_loss": 2.0 / epoch, metric: 0.7 + epoch / 100},
                    },
                )
            write.phase(f"train {name}", 8.0, result, forecast=9.0)
        for _ in range(test_reads):
            write.phase("test", 0.1)
        rows = [
            {
                "name": name,
                "valid": score,
                "test": score,
                "params": 1000 * (i + 1),
                "macs": 10_000 * (i + 1),
                "seconds": 8.0,
                "epochs": 8.0,
                "exported": name == exported,
                "trial": 3 if name == "searched" else None,
                "error": "Out of memory." if score is None else None,
            }
            for i, (name, score) in enumerate(zip(("linear", "fixed", "searched"), scores, strict=True))
        ]
        result = {
            "metric": metric,
            "stop_reason": "seconds",
            "seconds": 58.0,
            "rows": [*rows, *more_rows],
            "test_reads": test_reads,
            "model_dir": "models/blots",
        }
        write("result", result)
        write("closed", {"reason": "seconds", "seconds": 58.0})
    write.store.close()
    final = folder / "final"
    final.mkdir()
    if finished and predictions and splits is not None:
        np.savez(final / "predictions.npz", **answers(splits, right))
    if finished and graph:
        (final / "graph.json").write_text(json.dumps(graph_of(max(k, 1)).to_dict()), encoding="utf-8")
    return folder
