"""One small network, exported once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archsmith.bundle.export import export
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.manifest import Facts, Row
from archsmith.bundle.tables import TableIntake
from archsmith.bundle.verify import Verification
from archsmith.core.errors import DataError
from archsmith.core.task import Input, Task, classification, image_classification, image_regression, regression
from archsmith.data.images.decode import Header, Pixels
from archsmith.data.tables.columns import Column
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network

CLASSES = ("circle", "squäre", "line|dash", "blob")
INTAKE = ImageIntake(16, 12, 3, (0.3, 0.4, 0.5), (0.2, 0.25, 0.3))


@dataclass
class Exported:
    folder: Path
    network: Any
    graph: Graph
    task: Task
    raw: list[Any]
    targets: Any
    facts: Facts
    verification: Verification


def _graph(channels: int, height: int, width: int, n_outputs: int = len(CLASSES)) -> Graph:
    """Two convolutions with batch norm, one of them strided, a skip, a classifier, and an auxiliary one."""
    net = Net({"image": (channels, height, width)})
    x = net.input("image")
    with net.scope("stem", "Stem", x=x):
        x = net.op("conv", x, filters=6, kernel=(3, 3), stride=2)
        x = net.op("batch_norm", x)
        skip = net.op("relu", x)
    with net.scope("block", "Block", x=skip):
        x = net.op("conv", skip, filters=6, kernel=(3, 3))
        x = net.op("batch_norm", x)
        x = net.op("add", x, skip)
    net.output(net.op("linear", net.op("global_pool", x), features=n_outputs))
    with net.scope("helping", "AuxiliaryHead", x=skip):
        net.output(net.op("linear", net.op("global_pool", skip), features=n_outputs), name="auxiliary")
    return net.graph()


def _network(graph: Graph, seed: int = 0) -> Any:
    """Fresh weights, with batch norm statistics and a head that make its predictions differ from picture to picture."""
    network = Network(graph, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif name.endswith("running_mean"):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
            elif tensor.ndim == 2:
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return network


def _pictures(channels: int, n: int = 24, seed: int = 0) -> list[Any]:
    """Smooth random pictures of many sizes, uint8 ``(h, w, channels)``."""
    rng = np.random.default_rng(seed)
    sizes = [(16, 12), (16, 12), (40, 33), (9, 70), (1, 1), (5, 6)]
    made = []
    for i in range(n):
        h, w = sizes[i % len(sizes)]
        slope = np.linspace(0, 1, h)[:, None, None] * rng.normal(size=channels) + np.linspace(0, 1, w)[
            None, :, None
        ] * rng.normal(size=channels)
        made.append(np.clip(128 + 90 * slope + rng.normal(0, 25, (h, w, channels)), 0, 255).astype(np.uint8))
    return made


FACTS = Facts(
    name="shapes",
    architecture={"depth": 2, "kernel": 3, "recipe/flip": False},
    metrics={"valid": {"accuracy": 0.91}, "test": {"accuracy": 0.9, "log_loss": 0.31}},
    rows=(
        Row("linear model", 0.7, 0.69, 1000, 1000, 2.0),
        Row("searched", 0.91, 0.9, 5000, 200_000, 61.5, exported=True),
    ),
    data={
        "name": "shapes",
        "n_train": 400,
        "n_valid": 100,
        "n_test": 100,
        "class_counts": dict(zip(CLASSES, (300, 50, 30, 20), strict=True)),
    },
    search={"space": "conv_stages", "strategy": "evolution", "n_trials": 17, "stop_reason": "seconds"},
    recipe={"epochs": 8},
    budget={"seconds": 1200.0, "seconds_used": 1187.2},
    seed=3,
    command="archsmith fit shapes --time 20m --seed 3",
)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A colour network with input 16×12 in a bundle, with what it was made from."""
    torch.set_num_threads(1)
    graph = _graph(3, 16, 12)
    network = _network(graph).train()
    task = image_classification((3, 16, 12), CLASSES)
    raw = _pictures(3)
    targets = np.arange(len(raw)) % len(CLASSES)
    folder = tmp_path_factory.mktemp("bundles") / "shapes"
    verification = export(network, graph, task, folder, intake=INTAKE, facts=FACTS, examples=raw, targets=targets)
    return Exported(folder, network, graph, task, raw, targets, FACTS, verification)


@pytest.fixture(scope="session")
def years(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The same with a regression target, the year of a picture."""
    torch.set_num_threads(1)
    graph = _graph(3, 16, 12, n_outputs=1)
    network = _network(graph)
    task = image_regression((3, 16, 12), "year")
    raw = _pictures(3)
    targets = 2000 + np.arange(len(raw)) / 2
    facts = Facts(
        name="years",
        metrics={"valid": {"r2": 0.71, "rmse": 4.2, "mae": 3.1}, "test": {"r2": 0.7, "rmse": 4.3, "mae": 3.2}},
        rows=(Row("linear", 0.3, 0.25), Row("searched", 0.71, 0.7, exported=True)),
        data={"name": "years", "n_train": 400, "n_test": 100},
    )
    folder = tmp_path_factory.mktemp("bundles") / "years"
    verification = export(
        network,
        graph,
        task,
        folder,
        intake=INTAKE,
        facts=facts,
        target_statistics=(2000.0, 50.0),
        examples=raw,
        targets=targets,
    )
    return Exported(folder, network, graph, task, raw, targets, facts, verification)


@pytest.fixture(scope="session")
def pictures() -> Callable[..., list[Any]]:
    """``pictures(channels, n=24, seed=0)``: see above."""
    return _pictures


@pytest.fixture(scope="session")
def tiny() -> Callable[..., tuple[Graph, Any]]:
    """``tiny(channels, height, width, seed=0)``: a graph and a network of it."""

    def make(channels: int, height: int, width: int, seed: int = 0) -> tuple[Graph, Any]:
        graph = _graph(channels, height, width)
        return graph, _network(graph, seed)

    return make


class _Some:
    """Pictures in memory, of which some are broken."""

    def __init__(self, arrays: list[Any], broken: tuple[int, ...] = ()) -> None:
        self.arrays, self.broken = arrays, broken
        self.decoded = 0

    def __len__(self) -> int:
        return len(self.arrays)

    def header(self, index: int) -> Header:
        return Header(*self.arrays[index].shape)

    def decode(self, index: int, channels: int) -> Pixels:
        if index in self.broken:
            raise DataError(f"Picture {index} is broken.")
        self.decoded += 1
        pixels: Pixels = self.arrays[index]
        return pixels

    def name(self, index: int) -> str:
        return f"number {index}"

    def fingerprint(self) -> str:
        return ""

    def spec(self) -> None:
        return None


@pytest.fixture(scope="session")
def some() -> type[_Some]:
    """``some(arrays, broken=())``: pictures in memory."""
    return _Some


# Tables

PEOPLE = TableIntake(
    (
        Column("age", "number", 0.1, 50, 17.0, 38.0, 90.0),
        Column("job", "category", 0.0, 3, categories=("clerk", "-farmer", "3"), top=(("clerk", 0.6),)),
        Column("hired", "number", 0.0, 9, 17_000.0, 18_000.5, 20_000.0, written="date"),
        Column("number", "number", 0.0, 9, 1e9 + 1, 1e9 + 5, 1e9 + 9, offset=1e9 + 5),
        Column("sex", "category", 0.1, 2, categories=("m", "True")),
    ),
    ("id", "age", "job", "hired", "number", "sex"),
)


def _table_graph(inputs: tuple[Input, ...], n_outputs: int) -> Graph:
    """A perceptron of numbers, of which the missing ones are told, and of embedded categories."""
    net = Net(inputs)
    parts = []
    for entry in inputs:
        value = net.input(entry.name)
        if entry.n_codes is None:
            parts.append(net.op("standardise", value))
            parts += [net.op("missing", value, columns=entry.missing)] if entry.missing else []
        else:
            parts.append(net.op("flatten", net.op("embedding", value, size=entry.n_codes, dim=3)))
    joined = net.op("concat", *parts) if len(parts) > 1 else parts[0]
    net.output(net.op("linear", net.op("relu", net.op("linear", joined, features=8)), features=n_outputs))
    return net.graph()


def _table_network(graph: Graph, means: list[float], deviations: list[float], seed: int = 0) -> Any:
    """Random weights, large enough that predictions differ from row to row."""
    network = Network(graph, seed=seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith((".mean", ".std")):
                tensor.copy_(torch.tensor(means if name.endswith(".mean") else deviations))
            else:
                tensor.mul_(2.0)
    return network


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A bundle of numbers, a date and categories: which of three groups a person belongs to."""
    torch.set_num_threads(1)
    inputs = (Input("numbers", "numbers", (3,), missing=(0,)), Input("categories", "categories", (2,), n_codes=7))
    graph = _table_graph(inputs, 3)
    network = _table_network(graph, [40.0, 18_000.0, 0.0], [15.0, 900.0, 3.0])
    task = classification(inputs, ("=low", "middle", "high"))
    rows: Any = PEOPLE.exporter().random_examples()
    targets = np.arange(len(rows)) % 3
    facts = Facts(name="people", metrics={"test": {"accuracy": 0.8}}, data={"name": "people", "target": "group"})
    folder = tmp_path_factory.mktemp("bundles") / "people"
    verification = export(network, graph, task, folder, intake=PEOPLE, facts=facts, examples=rows, targets=targets)
    return Exported(folder, network, graph, task, rows, targets, facts, verification)


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A bundle of two numbers: the price of a house."""
    torch.set_num_threads(1)
    inputs = (Input("numbers", "numbers", (2,)),)
    graph = _table_graph(inputs, 1)
    network = _table_network(graph, [80.0, 3.0], [30.0, 1.0])
    columns = (Column("area", "number", 0.0, 99, 20.0, 80.0, 200.0), Column("rooms", "number", 0.0, 6, 1.0, 3.0, 6.0))
    task = regression(inputs, "price")
    folder = tmp_path_factory.mktemp("bundles") / "houses"
    intake = TableIntake(columns)
    verification = export(network, graph, task, folder, intake=intake, target_statistics=(250.0, 90.0))
    return Exported(folder, network, graph, task, [], None, Facts(), verification)
