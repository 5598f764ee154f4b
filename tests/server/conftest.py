"""Models to serve, and an application to ask in this process."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("uvicorn")

from archsmith.server.app import App, tell_of
from archsmith.server.logs import Log
from archsmith.server.metrics import Metrics
from archsmith.server.registry import Registry
from archsmith.server.settings import Settings

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "v1"


@dataclass(frozen=True)
class Said:
    """An answer of the application."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error."""
        return str(self.json["error"]["code"])


class Asking:
    """An application with a loop of its own, asked without a network in between."""

    def __init__(self, app: App, log: io.StringIO) -> None:
        self.app = app
        self.registry = app.registry
        self.log = log
        self.loop = asyncio.new_event_loop()

    def __call__(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> Said:
        return self.run(self.ask(method, path, body, headers))

    def run(self, what: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(what, 60))

    async def ask(
        self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None, parts: int = 1
    ) -> Said:
        """``body``: bytes, or anything for JSON; it arrives in ``parts``."""
        given = {"host": "localhost"}
        if not isinstance(body, bytes):
            body, given["content-type"] = json.dumps(body).encode(), "application/json"
        if body:
            given["content-length"] = str(len(body))
        given.update(headers or {})
        step = max(1, -(-len(body) // parts))
        pieces = [body[first : first + step] for first in range(0, len(body), step)] or [b""]

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        pairs = [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None]
        await self.app({"type": "http", "method": method, "path": path, "headers": pairs}, receive, send)
        start, *rest = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Said(start["status"], found, b"".join(message["body"] for message in rest))

    def close(self) -> None:
        self.registry.close()
        self.loop.close()


@pytest.fixture(scope="session")
def classes_folder() -> Path:
    """A bundle of grey pictures 8×8 with classes."""
    return FIXTURES / "bundle_classes"


@pytest.fixture(scope="session")
def values_folder() -> Path:
    """A bundle of grey pictures 8×8 with a regression target."""
    return FIXTURES / "bundle_numbers"


@pytest.fixture(scope="session")
def people_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a table: age (a number), hired (a date) and job (a category)."""
    torch = pytest.importorskip("torch")
    from archsmith.bundle.export import export
    from archsmith.bundle.tables import TableIntake
    from archsmith.core.task import Input, classification
    from archsmith.data.tables.columns import Column
    from archsmith.graphs.net import Net
    from archsmith.graphs.network import Network

    torch.set_num_threads(1)
    columns = (
        Column("age", "number", 0.1, 50, 17.0, 38.0, 90.0),
        Column("hired", "number", 0.0, 9, 17_000.0, 18_000.0, 20_000.0, written="date"),
        Column("job", "category", 0.0, 2, categories=("clerk", "farmer"), top=(("clerk", 0.6),)),
    )
    inputs = (Input("numbers", "numbers", (2,), missing=(0,)), Input("categories", "categories", (1,), n_codes=3))
    net = Net(inputs)
    numbers, texts = (net.input(entry.name) for entry in inputs)
    parts = (
        net.op("standardise", numbers),
        net.op("missing", numbers, columns=(0,)),
        net.op("flatten", net.op("embedding", texts, size=3, dim=2)),
    )
    net.output(net.op("linear", net.op("concat", *parts), features=3))
    graph = net.graph()
    network = Network(graph, seed=0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith((".mean", ".std")):
                tensor.copy_(torch.tensor([40.0, 18_000.0] if name.endswith(".mean") else [15.0, 900.0]))
    folder = tmp_path_factory.mktemp("bundles") / "people"
    task = classification(inputs, ("low", "middle", "high"))
    export(network, graph, task, folder, intake=TableIntake(columns, ("id", "age", "hired", "job")))
    return folder


@pytest.fixture
def serving() -> Iterator[Callable[..., Asking]]:
    """``serving(folder, …, names=(), **settings)``: an application with these models."""
    made: list[Asking] = []

    def make(*folders: Path, names: tuple[str, ...] = (), form: str = "json", **settings: Any) -> Asking:
        metrics, written = Metrics(), io.StringIO()
        log = Log(form, written)
        given = Settings(**{"threads": 1, **settings})
        registry = Registry(folders, names, given, tell=tell_of(log, metrics), on_call=metrics.called)
        made.append(Asking(App(registry, metrics, log), written))
        registry.load()
        return made[-1]

    yield make
    for asking in made:
        asking.close()


@pytest.fixture
def digits(serving: Callable[..., Asking], classes_folder: Path) -> Asking:
    """An application with one model, ``bundle_classes``."""
    return serving(classes_folder)


@pytest.fixture
def copied(tmp_path: Path, classes_folder: Path) -> Path:
    """A copy of the bundle of classes, to be changed."""
    return Path(shutil.copytree(classes_folder, tmp_path / "model"))


@pytest.fixture(scope="session")
def png() -> Callable[..., bytes]:
    """``png(height, width)``: a picture file."""

    def make(height: int = 8, width: int = 8, mode: str = "L") -> bytes:
        channels = () if mode == "L" else (3,)
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, *channels), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    return make
