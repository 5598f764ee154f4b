"""Pictures as a bundle takes them: of any size, resized and normalised inside ``model.onnx``.

Decoding and channel conversion are those of ``archsmith.data.images.decode``, which the training data went through as
well. numpy and Pillow only.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.bundle.image_files import pictures
from archsmith.bundle.image_requests import are_small, decoded, schema, sent_pixels
from archsmith.bundle.intake import Call, Counted, Intake, Labelled, ModelInput, Window
from archsmith.core.errors import DataError, UsageError
from archsmith.core.task import Task
from archsmith.data.examples import Splits
from archsmith.data.images.blocks import checked, with_channels
from archsmith.data.images.decode import IMAGE, Pixels, decode, to_array
from archsmith.data.images.decode_ahead import decoded_ahead
from archsmith.data.images.source import Pictures, Source

CHUNK = 256  # images in one call of the runtime
CHUNK_PIXELS = 16_000_000  # and pixels in one call: the first product inside the graph needs 4 bytes a value
LARGE_PIXELS = 4_000_000  # a call above this gives its working memory back instead of keeping it for the next one
READING = ("from PIL import Image, ImageOps",)  # imports that ``ImageIntake.read_in_python`` needs


@dataclass(frozen=True)
class ImageIntake(Intake):
    """From a uint8 image of any size to what the network takes: resize to ``(height, width)``, divide by 255, subtract
    ``mean``, divide by ``std``.

    ``height``, ``width``: what the network takes, in pixels.
    ``channels``: 1 (grey) or 3 (red, green, blue).
    ``mean``, ``std``: of each channel, on the scale 0..1; zeros and ones for a network that normalises by itself.
    ``resize``: the filter of ``archsmith.data.images.resize``.
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str = "triangle"

    kind: ClassVar[str] = IMAGE
    noun: ClassVar[str] = "picture"
    nouns: ClassVar[str] = "pictures"
    reading: ClassVar[str] = "decoding"

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.channels) < 1:
            raise UsageError(
                f"A network cannot take images of {self.height}×{self.width} pixels with {self.channels} channels."
            )
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise UsageError(
                    f"The {name} has {len(values)} values for {self.channels} channels.",
                    "Give one value a channel, from 0 to 1.",
                )
            if not all(math.isfinite(value) for value in values):
                raise UsageError(f"The {name} {list(values)} is not made of finite numbers.")
        if min(self.std) <= 0:
            raise UsageError(f"The std {list(self.std)} must be above zero.", "Use 1 for a channel that never changes.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)``, as the network takes it."""
        return (self.channels, self.height, self.width)

    @classmethod
    def of(cls, splits: Splits) -> ImageIntake:
        return cls.of_shape(splits.train.inputs[0].shape, *splits.statistics)  # type: ignore[attr-defined]

    @classmethod
    def of_shape(
        cls, shape: Sequence[int | None], mean: Sequence[float], std: Sequence[float], resize: str = "triangle"
    ) -> ImageIntake:
        """For networks that take images ``(C, H, W)``, normalised with ``mean`` and ``std``."""
        channels, height, width = (int(length or 0) for length in shape)
        return cls(height, width, channels, tuple(map(float, mean)), tuple(map(float, std)), resize)

    def to_inputs(self) -> list[dict[str, Any]]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return [{"name": IMAGE, "kind": IMAGE, **values, "mean": list(self.mean), "std": list(self.std)}]

    @classmethod
    def from_inputs(cls, inputs: Sequence[Mapping[str, Any]]) -> ImageIntake:
        (entry,) = inputs
        known = {field.name: entry[field.name] for field in fields(cls) if field.name in entry}
        return cls(**{**known, "mean": tuple(known["mean"]), "std": tuple(known["std"])})

    def fits(self, task: Task) -> bool:
        return [(entry.kind, entry.shape) for entry in task.inputs] == [(IMAGE, self.shape)]

    @property
    def model_inputs(self) -> tuple[ModelInput, ...]:
        return (ModelInput(IMAGE, "tensor(uint8)", (None, None, None, self.channels)),)

    def windows(self, given: Any) -> Iterator[Window]:
        return windows(_block(item, self.channels, position) for position, item in enumerate(_items(given)))

    def asked(self, names: Sequence[str | Path], column: str | None = None) -> AskedPictures:
        found = pictures(names, column)
        return AskedPictures(found, self.channels, np.arange(len(found)))

    def labelled(
        self, data: Any, column: str | None = None, target: str | None = None, likely: str | None = None
    ) -> Labelled:
        from archsmith.data.images.read import read
        from archsmith.data.images.table_columns import NoTargetError

        source: Source
        notes: tuple[str, ...] = ()
        try:
            source = read(data, image=column, target=target or likely)
        except NoTargetError:
            if target or not likely:
                raise
            source = read(data, image=column)
            if likely != Source.target:  # which stands for no column
                note = f"There is no column {likely!r}, so {source.target!r} is taken for it; --target names another."
                notes = (note,)
        examples = AskedPictures(source.pictures, self.channels, np.arange(len(source)))
        return Labelled(
            examples,
            source.labels,
            source.split,
            source.name,
            source.class_names,
            source.skipped,
            notes,
            source.skipped_split,
        )

    def sent(self, examples: Sequence[Any], most_pixels: int) -> Iterator[Window]:
        return windows(sent_pixels(example, self.channels, most_pixels) for example in examples)

    def uploaded(self, files: Sequence[tuple[str, bytes]], most_pixels: int) -> Iterator[Window]:
        return windows(decoded(content, self.channels, most_pixels, name) for name, content in files)

    def is_quick(self, given: Sequence[Any]) -> bool:
        return are_small(given)

    def example_schema(self) -> dict[str, Any]:
        return schema(self.height, self.width, self.channels)

    def sample(self, n: int, rng: np.random.Generator) -> Pixels:
        return rng.integers(0, 256, (n, self.height, self.width, self.channels), dtype=np.uint8)

    def form(self) -> dict[str, Any]:
        return {"channels": self.channels}

    @property
    def material(self) -> str:
        return f"{'grey' if self.channels == 1 else 'colour'} pictures"

    @property
    def size(self) -> str:
        return "×".join(map(str, self.shape))

    @property
    def takes(self) -> str:
        return f"{self.material} of any size, brought to {self.height}×{self.width} inside"

    @property
    def usage(self) -> str:
        return '["picture.png"]'

    @property
    def tensors(self) -> str:
        lines = [*READING, "", *self.read_in_python("picture.png")]
        return "\n".join([*lines, f'inputs = {{"image": images}}  # uint8 (1, height, width, {self.channels})'])

    def read_in_python(self, path: str) -> list[str]:
        """Lines that read one file to ``images``, uint8 ``(1, height, width, channels)``, as a predictor does. They
        need ``READING`` and numpy as ``np``.
        """
        mode = "L" if self.channels == 1 else "RGB"
        return [
            f'picture = ImageOps.exif_transpose(Image.open("{path}"))',
            'if picture.mode[0] in "IF":  # grey of more than 8 bits: up to 65535, 255, or 1 for fractions',
            "    grey = np.array(picture, float)",
            '    most = 65535 if ";" in picture.mode or grey.max() > 255 else 255',
            '    most = 1 if picture.mode == "F" and grey.max() <= 1 else most',
            "    picture = Image.fromarray(np.clip(np.rint(grey * (255 / most)), 0, 255).astype(np.uint8))",
            'white = Image.new("RGBA", picture.size, "white")  # what is transparent is white',
            f'image = np.array(Image.alpha_composite(white, picture.convert("RGBA")).convert("{mode}"))',
            f"images = image.reshape(1, *image.shape[:2], {self.channels})",
        ]

    def interface(self) -> list[str]:
        colours = "1 (grey)" if self.channels == 1 else f"{self.channels} (red, green, blue)"
        return [
            f"`model.onnx`, input `image`: uint8 `(n, height, width, {self.channels})`, any n, height and width; "
            f"channels {colours}; what is transparent goes onto white first.",
            f"Inside: resize to {self.height}×{self.width} (triangle filter, antialiased), divide by 255, subtract "
            f"{_values(self.mean)}, divide by {_values(self.std)}.",
        ]

    def limits(self) -> list[str]:
        return [
            "Scores hold for pictures like those of the test split; other cameras, crops or lighting can lower them.",
            f"Details finer than {self.height}×{self.width} pixels are lost; other aspect ratios are stretched.",
        ]


@dataclass(frozen=True, eq=False)
class AskedPictures(Counted):
    """Pictures that are decoded when their window is asked for.

    ``pictures``: all of them.
    ``channels``: of the network.
    ``indexes``: ``(n,)``, which ones are meant.
    """

    pictures: Pictures
    channels: int
    indexes: NDArray[np.int64]

    @property
    def n(self) -> int:  # type: ignore[override]
        return len(self.indexes)

    def windows(self, start: int = 0) -> Iterator[Window]:
        found = decoded_ahead(self.pictures, self.indexes[start:].tolist(), self.channels)
        return windows(str(one) if isinstance(one, DataError) else one[None] for one in found)

    def fingerprint(self) -> str:
        places = hashlib.blake2b(self.indexes.tobytes(), digest_size=16).hexdigest()
        return f"{self.pictures.fingerprint()}{places}"

    def name(self, place: int) -> str:
        return self.pictures.name(int(self.indexes[place]))

    def take(self, places: NDArray[np.int64]) -> AskedPictures:
        return AskedPictures(self.pictures, self.channels, self.indexes[places])


def windows(blocks: Iterable[Pixels | str]) -> Iterator[Window]:
    """Blocks ``(n, H, W, channels)`` in groups small enough for the memory; an endless list of files is never loaded at
    once. A text stands for a broken picture, and says why.
    """
    window: list[Pixels | str] = []
    n_images = n_pixels = 0
    for block in blocks:
        if not len(block):
            continue
        n, pixels = (1, 0) if isinstance(block, str) else (len(block), math.prod(block.shape[:3]))
        if window and (n_images + n > CHUNK or n_pixels + pixels > CHUNK_PIXELS):
            yield _window(window)
            window, n_images, n_pixels = [], 0, 0
        window.append(block)
        n_images += n
        n_pixels += pixels
    if window:
        yield _window(window)


def _window(blocks: list[Pixels | str]) -> Window:
    """Blocks of one size go through together."""
    by_size: dict[tuple[int, ...], list[tuple[int, Pixels]]] = {}
    broken: dict[int, str] = {}
    n = 0
    for block in blocks:
        if isinstance(block, str):
            broken[n] = block
            n += 1
        else:
            by_size.setdefault(block.shape[1:], []).append((n, block))
            n += len(block)
    calls = []
    for members in by_size.values():
        batch = members[0][1] if len(members) == 1 else np.concatenate([block for _, block in members])
        places = np.concatenate([np.arange(first, first + len(block)) for first, block in members])
        large = math.prod(batch.shape[:3]) > LARGE_PIXELS
        calls.append(Call(places, {IMAGE: np.ascontiguousarray(batch)}, large))
    return Window(n, tuple(calls), broken)


def _items(images: Any) -> Iterator[Any]:
    """Single images or blocks ``(n, H, W, C)`` of equal size, lazily."""
    if isinstance(images, str | os.PathLike | Image.Image):
        yield images
    elif isinstance(images, np.ndarray) and images.dtype != object:
        yield from _blocks(images)
    elif hasattr(images, "iterrows"):  # a DataFrame is a sequence of its column names
        raise DataError("This bundle takes pictures, not a table.", "Give the paths in one of its columns, as a list.")
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
        block = checked(array if array.ndim == 4 else array[..., None])
        step = max(1, min(CHUNK, CHUNK_PIXELS // max(1, block.shape[1] * block.shape[2])))
        for start in range(0, len(block), step):
            yield block[start : start + step]
    else:
        yield array


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
            return with_channels(checked(item), channels)
        if item.ndim in (2, 3):
            return with_channels(checked((item if item.ndim == 3 else item[..., None])[None]), channels)
        raise DataError(
            f"Image {position} is an array of shape {item.shape}.",
            "An image is (H, W) or (H, W, C); a stack of them (n, H, W, C).",
        )
    raise DataError(f"Image {position} is a {type(item).__name__}.", "Give a path, a Pillow image or a uint8 array.")


def _values(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.4f}" for value in values) + ")"
