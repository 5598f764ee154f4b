"""Predictions of a model in this process: one picture or one row at a time, without torch.

The same code as in the server of models reads and predicts, with the same limits. Networks that were asked lately stay
loaded; few predictions run at the same time, and whoever comes when too many wait is sent away.

Where a picture matters is found by occlusion (Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks",
2013, arXiv 1311.2901, section 4.2): a grey patch is moved over the picture, and each place is told by how much the
prediction falls.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field

from archsmith.bundle.image_requests import decoded, sent_pixels
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.intake import Window
from archsmith.bundle.latency import latency_ms
from archsmith.bundle.manifest import Manifest
from archsmith.bundle.predictor import Predictor
from archsmith.bundle.tables import TableIntake
from archsmith.bundle.typed_rows import TypedError, beyond, typed_row
from archsmith.core.errors import ArchsmithError
from archsmith.server.model import signature
from archsmith.server.predict import worded
from archsmith.server.refusals import Refusal, malformed
from archsmith.server.settings import Settings

SERVER = Settings()  # whose limits are these, too
LOADED = 4  # networks that stay in memory
AT_ONCE, WAITING = 2, 8  # predictions that run, and that may wait
WAIT_SECONDS = 20.0
TOP = 10  # classes of a prediction, unless more are asked for
GRIDS = (12, 9, 7, 5)  # places of the patch along each side, the finest one first
PATCH = 2  # places that the patch covers along each side
GREY = 127
OCCLUSION_SECONDS = 6.0
LATENCY_SECONDS = 0.3


class Probability(BaseModel):
    """One class."""

    name: str = Field(description="Of the class.")
    probability: float = Field(description="From 0 to 1.")


class Prediction(BaseModel):
    """What a network says of one example."""

    label: str | None = Field(description="The most probable class; null for a number.")
    probabilities: list[Probability] = Field(description="The most probable classes, the most probable one first.")
    n_classes: int = Field(description="How many classes there are; 0 for a number.")
    value: float | None = Field(description="The number that is predicted; null for classes.")
    target: str = Field(description="What the number is called; empty for classes.")
    milliseconds: float = Field(description="That reading and predicting took.")
    notes: list[str] = Field(description="What is unusual about the example, in sentences.")


class Occlusion(BaseModel):
    """How much each place of a picture matters for a prediction."""

    label: str | None = Field(description="The class that was predicted; null for a number.")
    base: float = Field(description="Its probability, or the number, for the whole picture.")
    grid: int = Field(description="Places along each side.")
    fall: list[list[float]] = Field(
        description="Rows of places from top to bottom: by how much the probability falls, or the number changes, "
        "when a grey patch lies around that place. Negative where it rises."
    )
    width: int = Field(description="Of the picture as the network sees it, in pixels.")
    height: int = Field(description="Of the picture as the network sees it, in pixels.")
    milliseconds: float = Field(description="That all predictions together took.")


class Latency(BaseModel):
    """How long a prediction takes on this machine."""

    milliseconds: float = Field(description="Median for one example that was read already, with one thread.")


class Bundles(Protocol):
    """What is needed of ``archsmith.app.models.Models``."""

    def whole(self, id: str) -> tuple[Path, Manifest]: ...


class Trying:
    """Predicts with the bundles of ``models``. Methods may run in any thread, and raise Refusal and ArchsmithError."""

    def __init__(self, models: Bundles) -> None:
        self._models = models
        self._loaded: OrderedDict[str, tuple[Any, Predictor]] = OrderedDict()
        self._loading = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._places = threading.BoundedSemaphore(AT_ONCE + WAITING)

    def predict(self, id: str, kind: str, body: bytes, top: int = TOP, name: str = "") -> Prediction:
        """Of one example. ``kind``: the content type of ``body``: JSON, or anything else for a picture file, which is
        called ``name``.
        """
        with self._turn():
            predictor = self._predictor(id)
            began = time.perf_counter()
            example, notes = _typed(predictor.manifest, kind, body)
            (row,) = _rows(predictor, _window(predictor.manifest, kind, body, example, name))
            took = 1000 * (time.perf_counter() - began)
        return _prediction(predictor.manifest, row, top, took, notes)

    def occlusion(self, id: str, kind: str, body: bytes) -> Occlusion:
        """Of one picture. Raises Refusal for a model of something else."""
        with self._turn():
            predictor = self._predictor(id)
            intake = predictor.manifest.intake
            if not isinstance(intake, ImageIntake):
                raise Refusal(409, "no_pictures", f"This model takes {intake.nouns}, which have no places to cover.")
            return _occlusion(predictor, intake, _small(_picture(intake, kind, body), intake))

    def latency(self, id: str) -> Latency:
        """Measured now."""
        with self._turn():
            return Latency(milliseconds=latency_ms(self._predictor(id), seconds=LATENCY_SECONDS))

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One of the few predictions that run at the same time. Raises Refusal where too many wait."""
        if not self._places.acquire(blocking=False):
            raise Refusal.busy("There are too many predictions before this one.")
        try:
            if not self._turns.acquire(timeout=WAIT_SECONDS):
                raise Refusal.busy("The predictions before this one take too long.")
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()

    def _predictor(self, id: str) -> Predictor:
        folder, _ = self._models.whole(id)
        state = (folder, signature(folder))
        with self._loading:
            found = self._loaded.get(id)
            if found is None or found[0] != state:
                found = (state, Predictor(folder, threads=1))
            self._loaded[id] = found
            self._loaded.move_to_end(id)
            while len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)
            return found[1]


def is_json(kind: str) -> bool:
    """Is that the content type of JSON?"""
    return kind.partition(";")[0].strip().lower() == "application/json"


def _typed(manifest: Manifest, kind: str, body: bytes) -> tuple[Any, list[str]]:
    """The example that is sent as JSON, its numbers read as people write them; and what is unusual about it. None for a
    file. Raises Refusal.
    """
    if not is_json(kind):
        return None, []
    example = _example(body)
    if not isinstance(manifest.intake, TableIntake) or not isinstance(example, Mapping):
        return example, []
    columns = manifest.intake.columns
    try:
        return (row := typed_row(columns, example)), beyond(columns, row)
    except TypedError as error:
        raise Refusal(422, "bad_value", error.message, error.hint, field=error.column) from error


def _window(manifest: Manifest, kind: str, body: bytes, example: Any, name: str) -> Window:
    """``example``, or the picture in ``body``. Raises Refusal."""
    intake = manifest.intake
    if is_json(kind):
        windows = intake.sent([example], SERVER.pixels)
    elif isinstance(intake, ImageIntake):
        windows = intake.uploaded([(name, body)], SERVER.pixels)
    else:
        raise Refusal(415, "content_type", f"This model takes {intake.nouns}.", "Send one as application/json.")
    window = next(iter(windows), None)
    if window is None:
        raise Refusal(422, "bad_example", "There is nothing to predict.")
    if window.broken:
        raise Refusal(422, "bad_example", window.broken[0])
    return window


def _example(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"The body is not JSON: {error}.", "NaN and Infinity are no JSON; send null.") from error


def _rows(predictor: Predictor, window: Window) -> NDArray[np.float32]:
    """The output for each example, ``(n, n_classes)`` or ``(n, 1)``."""
    rows = predictor.run(window)
    return rows if rows.ndim == 2 else rows[:, None]


def _prediction(manifest: Manifest, row: NDArray[np.float32], top: int, took: float, notes: list[str]) -> Prediction:
    output = manifest.output
    found = worded(output, row, top)
    if "error" in found:
        raise Refusal(422, "bad_example", found["error"])
    listed = found.get("probabilities", {})
    return Prediction(
        label=found.get("class"),
        probabilities=[Probability(name=name, probability=value) for name, value in listed.items()],
        n_classes=len(output.classes),
        value=found.get("value"),
        target=output.target,
        milliseconds=round(took, 3),
        notes=notes,
    )


def _picture(intake: ImageIntake, kind: str, body: bytes) -> NDArray[np.uint8]:
    """``(h, w, channels)``. Raises Refusal."""
    if is_json(kind):
        found = sent_pixels(_example(body), intake.channels, SERVER.pixels)
    else:
        found = decoded(body, intake.channels, SERVER.pixels)
    if isinstance(found, str):
        raise Refusal(422, "bad_example", found)
    picture: NDArray[np.uint8] = found[0]
    return picture


def _small(picture: NDArray[np.uint8], intake: ImageIntake) -> NDArray[np.uint8]:
    """The picture in the size of the network's input: covered copies of a photograph would fill the memory."""
    grey = picture.shape[2] == 1
    image = Image.fromarray(picture[:, :, 0] if grey else picture)
    # Pillow's BILINEAR is the triangle filter that the network uses itself
    image = image.resize((intake.width, intake.height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.uint8)
    return pixels[:, :, None] if grey else pixels


def _occlusion(predictor: Predictor, intake: ImageIntake, picture: NDArray[np.uint8]) -> Occlusion:
    began = time.perf_counter()
    first = _run(predictor, intake, picture[None])[0]
    alone = time.perf_counter() - began
    if not np.isfinite(first).all():
        raise Refusal(422, "bad_example", "The network gives no number for this picture.")
    place = int(first.argmax())
    grid = next((g for g in GRIDS if g * g * alone <= OCCLUSION_SECONDS), GRIDS[-1])
    grid = max(1, min(grid, intake.width, intake.height))
    values = np.concatenate([_run(predictor, intake, rows)[:, place] for rows in _covered(picture, grid)])
    fall = np.nan_to_num(float(first[place]) - values.astype(np.float64)).reshape(grid, grid)
    classes = predictor.classes
    return Occlusion(
        label=classes[place] if classes else None,
        base=float(first[place]),
        grid=grid,
        fall=[[round(value, 6) for value in row] for row in fall.tolist()],
        width=intake.width,
        height=intake.height,
        milliseconds=round(1000 * (time.perf_counter() - began), 1),
    )


def _covered(picture: NDArray[np.uint8], grid: int) -> Iterator[NDArray[np.uint8]]:
    """Copies of the picture ``(grid, h, w, c)``, one row of places after the other. The patch lies around the middle of
    its place and reaches into those beside it, so that nothing is missed between two places.
    """
    height, width = picture.shape[:2]
    for row in range(grid):
        copies = np.repeat(picture[None], grid, axis=0)
        top, bottom = _span(row, grid, height)
        for column in range(grid):
            left, right = _span(column, grid, width)
            copies[column, top:bottom, left:right] = GREY
        yield copies


def _span(place: int, grid: int, length: int) -> tuple[int, int]:
    middle, half = (place + 0.5) * length / grid, PATCH * length / grid / 2
    first = max(0, math.floor(middle - half + 0.5))
    return first, max(first + 1, min(length, math.floor(middle + half + 0.5)))


def _run(predictor: Predictor, intake: ImageIntake, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    try:
        return np.concatenate([_rows(predictor, window) for window in intake.windows(pictures)])
    except ArchsmithError as error:
        raise Refusal.of(error) from error
