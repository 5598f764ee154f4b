"""Requests that are nearly right: each is answered, none is a defect of the server, and nothing stays held."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("uvicorn")

from archsmith.bundle.table_requests import sent_rows, uploaded_rows
from archsmith.bundle.tables import TableIntake
from archsmith.core.errors import UsageError
from archsmith.data.tables.columns import Column
from archsmith.server.app import App
from archsmith.server.foreign import check
from archsmith.server.logs import Log
from archsmith.server.metrics import Metrics
from archsmith.server.registry import Registry
from archsmith.server.settings import Settings

FOLDER = Path(__file__).parents[1] / "fixtures" / "v1" / "bundle_classes"
EXPECTED = {200, 400, 404, 413, 415, 422}
TABLE = TableIntake(
    (
        Column("age", "number", 0.1, 9, 1.0, 2.0, 9.0),
        Column("day", "number", 0.0, 9, 1.0, 2.0, 9.0, written="date"),
        Column("city", "category", categories=("x", "y")),
    )
)


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, "PNG")
    return file.getvalue()


FORM = (
    b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    + _png()
    + b'\r\n--edge\r\nContent-Disposition: form-data; name="top"\r\n\r\n2\r\n--edge--\r\n'
)
TENSOR = {"name": "image", "datatype": "UINT8", "shape": [1, 4, 4, 1]}
INFER = json.dumps({"id": "1", "inputs": [{**TENSOR, "data": list(range(16))}], "outputs": [{"name": "probabilities"}]})
HEAD = json.dumps(
    {"inputs": [{**TENSOR, "parameters": {"binary_data_size": 16}}], "parameters": {"binary_data_output": True}}
).encode()
PREDICT = json.dumps({"examples": [[[1, 2], [3, 4]], {"image": [[5]]}], "top": 2}).encode()

# path, headers, body
REQUESTS = [
    ("/v1/models/m/predict", {"content-type": "application/json"}, PREDICT),
    ("/v1/models/m/predict", {"content-type": "multipart/form-data; boundary=edge"}, FORM),
    ("/v2/models/m/infer", {}, INFER.encode()),
    ("/v2/models/m/infer", {"inference-header-content-length": str(len(HEAD))}, HEAD + bytes(16)),
]


class Serving:
    def __init__(self) -> None:
        metrics = Metrics()
        self.registry = Registry([FOLDER], ["m"], Settings(threads=1))
        self.registry.load()
        self.log = io.StringIO()
        self.app = App(self.registry, metrics, Log("json", self.log))
        self.loop = asyncio.new_event_loop()

    def ask(self, path: str, headers: dict[str, str], body: bytes) -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        pairs = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
        scope = {"type": "http", "method": "POST", "path": path, "headers": pairs}
        self.loop.run_until_complete(self.app(scope, receive, send))
        json.loads(sent[1]["body"][: int(dict(sent[0]["headers"]).get(b"inference-header-content-length", 2**30))])
        return int(sent[0]["status"])


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    made = Serving()
    yield made
    made.registry.close()
    made.loop.close()


@pytest.mark.parametrize("place", range(len(REQUESTS)))
def test_edited_requests(serving: Serving, hunt: Any, place: int) -> None:
    path, headers, body = REQUESTS[place]
    assert serving.ask(path, headers, body) == 200

    def tried(example: Any) -> None:
        status = serving.ask(path, headers, hunt.edited(body, *example))
        assert status in EXPECTED, serving.log.getvalue()[-2000:]
        assert serving.app._room.n_bytes == serving.app._room.n_requests == 0

    hunt(hunt.edits, tried)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


def test_rows_of_any_values(hunt: Any) -> None:
    row = st.fixed_dictionaries({}, optional=dict.fromkeys(("age", "day", "city", "more"), VALUES))

    def tried(rows: list[Any]) -> None:
        windows = list(sent_rows(TABLE, rows))
        assert sum(window.n for window in windows) == len(rows)
        for window in windows:
            taken = [place for call in window.calls for place in call.places.tolist()]
            assert sorted([*taken, *window.broken]) == list(range(window.n))

    hunt(st.lists(row | VALUES, max_size=5), tried)


def test_edited_tables(hunt: Any) -> None:
    csv = b'age,day,city\n1.5,2020-01-31,x\n,,\n3,2021-12-01,"y, or z"\n'
    hunt(hunt.edits, lambda example: list(uploaded_rows(TABLE, [("a.csv", hunt.edited(csv, *example))])))


def test_edited_onnx_files_of_others(hunt: Any) -> None:
    content = (FOLDER / "model.onnx").read_bytes()

    def tried(example: Any) -> None:
        try:
            check(hunt.edited(content, *example))
        except (ValueError, IndexError) as error:  # as the caller turns them into a sentence
            raise UsageError("It is no ONNX file.") from error

    hunt(hunt.edits, tried)
