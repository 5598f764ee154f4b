"""Predict with a bundle: onnxruntime, numpy and Pillow, and nothing else of this library's training side.

Everything that happens to a picture after decoding (resize, normalisation, network, what its outputs mean) is inside
``model.onnx``. Decoding and channel conversion are those of ``archsmith.data.images.decode``, which the training data went
through as well. The files ``network.py`` and ``weights.safetensors`` of a bundle are never read here, so a received
bundle cannot run code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.bundle.manifest import MODEL, Manifest, check_content, checksum, read
from archsmith.core.errors import ArchsmithError, DataError, UsageError
from archsmith.data.images.decode import Pixels, decode, to_array

CHUNK = 256  # images in one call of the runtime
CHUNK_PIXELS = 16_000_000  # and pixels in one call: the first product inside the graph needs 4 bytes a value
LARGE_PIXELS = 4_000_000  # a call above this gives its working memory back instead of keeping it for the next one
QUIET = 3  # onnxruntime's severity scale: errors and above


class Predictor:
    """The network of a bundle, ready to predict.

    ``folder`` is the bundle; ``threads`` is how many threads one call may use (None: as many as there are cores). Safe
    to share between threads. An *image* is a path, a Pillow image, or a uint8 array ``(H, W)`` or ``(H, W, 1..4)``;
    *images* is one of these, a list of them with any sizes, or a uint8 array ``(n, H, W)`` or ``(n, H, W, C)``. An
    array with three axes is one image when its last axis has length 1 to 4.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        """Raises UsageError when the folder holds no bundle, a damaged one, or one of a later format."""
        if threads is not None and threads < 1:
            raise UsageError(f"threads is {threads}.", "Give 1 or more, or None for all cores.")
        self.folder = Path(folder)
        self.manifest: Manifest = read(folder)
        self._session = _session(self.folder, self.manifest, threads)

    def __repr__(self) -> str:
        channels, height, width = self.manifest.preprocessing.shape
        what = f"number {self.manifest.task.outputs[0].name!r}" if self.numeric else f"{len(self.classes)} classes"
        return f"Predictor({str(self.folder)!r}, {what}, network input {channels}×{height}×{width})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the columns of ``predict_proba``; none where a number is predicted."""
        return self.manifest.classes

    @property
    def numeric(self) -> bool:
        """Is a number predicted, rather than a class?"""
        return self.manifest.numeric

    def predict(self, images: Any) -> list[str] | NDArray[np.float32]:
        """The most probable class of each image, or the numbers ``(n,)`` float32 in the target's own units. Raises
        DataError for what is not an image.
        """
        answers = self._all(images)
        return answers if self.numeric else [self.classes[i] for i in answers.argmax(axis=1)]

    def predict_proba(self, images: Any) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` float32, rows add up to 1. Raises DataError for what is not an image,
        UsageError where numbers are predicted.
        """
        if self.numeric:
            raise UsageError("This bundle predicts a number, which has no probabilities.", "Call predict instead.")
        return self._all(images)

    def stream(self, images: Any) -> Iterator[NDArray[np.float32]]:
        """The answers as they come, in the order of the images: probabilities ``(m, n_classes)`` or numbers ``(m,)``,
        some hundred images at a time.

        ``images`` may be any iterable here, an endless one too: neither pictures nor answers pile up. Raises as
        ``predict`` does.
        """
        for window in _windows(_items(images), self.manifest.preprocessing.channels):
            rows = self._run_window(window)
            yield rows[:, 0] if self.numeric else rows

    def _all(self, images: Any) -> NDArray[np.float32]:
        parts = list(self.stream(images))
        return (
            np.concatenate(parts)
            if parts
            else np.empty((0,) if self.numeric else (0, len(self.classes)), dtype=np.float32)
        )

    def _run_window(self, window: list[Pixels]) -> NDArray[np.float32]:
        """Blocks ``(n, H, W, C)`` in, their rows out in the same order; blocks of one size go through together."""
        by_size: dict[tuple[int, ...], list[int]] = {}
        for index, block in enumerate(window):
            by_size.setdefault(block.shape[1:], []).append(index)
        answers: dict[int, NDArray[np.float32]] = {}
        for members in by_size.values():
            batch = window[members[0]] if len(members) == 1 else np.concatenate([window[i] for i in members])
            rows = self._run(batch)
            start = 0
            for i in members:
                answers[i] = rows[start : start + len(window[i])]
                start += len(window[i])
        return np.concatenate([answers[i] for i in range(len(window))])

    def _run(self, batch: Pixels) -> NDArray[np.float32]:
        run_options = _giving_memory_back() if batch.shape[0] * batch.shape[1] * batch.shape[2] > LARGE_PIXELS else None
        try:
            rows: NDArray[np.float32] = self._session.run(None, {"image": np.ascontiguousarray(batch)}, run_options)[0]
        except Exception as error:
            raise ArchsmithError(
                f"onnxruntime could not run the network on images of {batch.shape}: {_line(error)}."
            ) from error
        return rows


def output_name(numeric: bool) -> str:
    """The name of the one output of ``model.onnx``."""
    return "value" if numeric else "probabilities"


def _session(folder: Path, manifest: Manifest, threads: int | None) -> Any:
    """An onnxruntime session on the checked bytes of ``model.onnx``."""
    import onnxruntime

    path = folder / MODEL
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The bundle at {str(folder)!r} has lost its {MODEL}.", "Copy or export the bundle again."
        ) from error
    check_content(manifest, MODEL, checksum(content))

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it remembers a plan for every image size it ever met
    try:
        # From bytes: what was checked is what runs, and a model that points at other files cannot reach them.
        session = onnxruntime.InferenceSession(content, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UsageError(
            f"onnxruntime cannot load the {MODEL} of {str(folder)!r}: {_line(error)}.",
            "Copy or export the bundle again.",
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = (
        [(i.name, i.type) for i in inputs] == [("image", "tensor(uint8)")]
        and [(o.name, o.type) for o in outputs] == [(output_name(manifest.numeric), "tensor(float)")]
        and list(inputs[0].shape[3:]) == [manifest.preprocessing.channels]
        and list(outputs[0].shape[1:]) == [manifest.task.outputs[0].n]
    )
    if not fits:
        raise UsageError(
            f"The {MODEL} of {str(folder)!r} does not fit its manifest.", "Copy or export the bundle again."
        )
    return session


def _giving_memory_back() -> Any:
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _items(images: Any) -> Iterator[Any]:
    """Single images or blocks ``(n, H, W, C)`` of equal size, lazily."""
    if isinstance(images, str | os.PathLike | Image.Image):
        yield images
    elif isinstance(images, np.ndarray) and images.dtype != object:
        yield from _blocks(images)
    elif isinstance(images, Iterable) and not isinstance(images, bytes | bytearray | Mapping | Set):
        yield from images
    else:
        raise DataError(
            f"Images cannot be a {type(images).__name__}.",
            "Give a path, a Pillow image, a uint8 array, or a list of these.",
        )


def _blocks(array: NDArray[Any]) -> Iterator[Pixels]:
    """A whole array in slices that one call of the runtime can take."""
    if array.ndim == 4 or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        block = _checked(array if array.ndim == 4 else array[..., None])
        step = max(1, min(CHUNK, CHUNK_PIXELS // max(1, block.shape[1] * block.shape[2])))
        for start in range(0, len(block), step):
            yield block[start : start + step]
    else:
        yield array


def _windows(items: Iterator[Any], channels: int) -> Iterator[list[Pixels]]:
    """Blocks ``(n, H, W, channels)`` in groups small enough for the memory; an endless list of files is never loaded at
    once.
    """
    window: list[Pixels] = []
    n_images = n_pixels = 0
    for position, item in enumerate(items):
        block = _block(item, channels, position)
        if not len(block):
            continue
        pixels = block.shape[0] * block.shape[1] * block.shape[2]
        if window and (n_images + len(block) > CHUNK or n_pixels + pixels > CHUNK_PIXELS):
            yield window
            window, n_images, n_pixels = [], 0, 0
        window.append(block)
        n_images += len(block)
        n_pixels += pixels
    if window:
        yield window


def _block(item: Any, channels: int, position: int) -> Pixels:
    """One image as a block ``(1, H, W, channels)``; a block stays one."""
    if isinstance(item, str | os.PathLike):
        path = Path(item)
        if path.is_dir():
            raise DataError(f"{str(path)!r} is a folder, not an image.", "Give its files as a list.")
        return decode(path, channels)[None]
    if isinstance(item, Image.Image):
        return to_array(item, channels)[None]
    if isinstance(item, np.ndarray):
        if item.ndim == 4:
            return _with_channels(_checked(item), channels)
        if item.ndim in (2, 3):
            return _with_channels(_checked((item if item.ndim == 3 else item[..., None])[None]), channels)
        raise DataError(
            f"Image {position} is an array of shape {item.shape}.",
            "An image is (H, W) or (H, W, C); a stack of them (n, H, W, C).",
        )
    raise DataError(f"Image {position} is a {type(item).__name__}.", "Give a path, a Pillow image or a uint8 array.")


def _checked(block: NDArray[Any]) -> Pixels:
    """The block itself if it is uint8 ``(n, H, W, 1..4)`` with at least one pixel. Raises DataError."""
    if block.dtype != np.uint8:
        if np.issubdtype(block.dtype, np.floating):
            hint = "Grey values are whole numbers from 0 to 255; for floats from 0 to 1 give (255 * images).round().astype('uint8')."
        else:
            hint = "Grey values are uint8 from 0 to 255; if yours are within that range give images.astype('uint8')."
        raise DataError(f"Images have the type {block.dtype}, not uint8.", hint)
    if not 1 <= block.shape[3] <= 4:
        raise DataError(
            f"Images of shape {block.shape[1:]} have {block.shape[3]} channels.",
            "Channels come last, 1 (grey) to 4 (RGBA) of them.",
        )
    if min(block.shape[1:3]) < 1:
        raise DataError(f"Images of shape {block.shape[1:]} have no pixels.")
    return block


def _with_channels(block: Pixels, channels: int) -> Pixels:
    """The block with 1 or 3 channels, converted exactly as files are."""
    n, height, width, given = block.shape
    if given == channels:
        return block
    if given == 1 or n == 0:
        return np.repeat(block[..., :1], channels, axis=3)
    # Conversion looks at single pixels, so the stack may be converted as one tall picture.
    tall = Image.fromarray(np.ascontiguousarray(block).reshape(n * height, width, given))
    return to_array(tall, channels).reshape(n, height, width, channels)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
