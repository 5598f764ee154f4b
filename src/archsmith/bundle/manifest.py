"""The manifest of a bundle: what is in the folder, what it was made from, and the figures that were measured before it
was called done.

Plain JSON next to the other files. It names every file with its SHA-256, so that a damaged copy is found before it
predicts. Free of torch: the predictor reads it on machines that only serve.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsmith.core.errors import UsageError
from archsmith.core.task import Task

FORMAT = "archsmith-bundle"
# the latest that is read; 2 is written for numbers only, so that earlier readers of classes go on and others ask for an
# upgrade
FORMAT_VERSION = 2

MODEL = "model.onnx"
WEIGHTS = "weights.safetensors"
SOURCE = "network.py"
ARCHITECTURE = "architecture.json"
CARD = "MODEL_CARD.md"
MANIFEST = "manifest.json"
FILES = (MODEL, WEIGHTS, SOURCE, ARCHITECTURE, CARD)
REPORT = "report.html"
OPTIONAL_FILES = (REPORT,)  # may lie beside the others, with no checksum: read by people only

MAX_MANIFEST_BYTES = 16 * 2**20  # far above any real one (a few kB); keeps a foreign file from filling the memory


@dataclass(frozen=True)
class Preprocessing:
    """From a uint8 image of any size to what the network takes: resize to ``(height, width)``, divide by 255, subtract
    ``mean``, divide by ``std``.

    ``mean`` and ``std`` are per channel on the scale 0..1; a network that normalises by itself has zeros and ones here.
    ``temperature`` divides the logits before the softmax (1: as trained). ``resize`` names the filter of
    archsmith.data.images.resize. Where a number is predicted, the network gives it in standard units: number = ``target_mean +
    target_std * output``.
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    temperature: float = 1.0
    resize: str = "triangle"
    target_mean: float = 0.0
    target_std: float = 1.0

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
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise UsageError(f"The temperature is {self.temperature}.", "Give a positive number.")
        if not (math.isfinite(self.target_mean) and self.target_std > 0 and math.isfinite(self.target_std)):
            raise UsageError(
                f"The numbers to predict have the mean {self.target_mean} and the standard deviation {self.target_std}.",
                "Give finite ones, the standard deviation above zero.",
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)``, as the network takes it."""
        return (self.channels, self.height, self.width)


@dataclass(frozen=True)
class Row:
    """One honest row of the run: a baseline or a searched network, trained in full. ``valid`` and ``test`` are the
    task's main metric, None when unknown.
    """

    name: str
    valid: float | None = None
    test: float | None = None
    params: int | None = None
    macs: int | None = None
    seconds: float | None = None
    exported: bool = False


@dataclass(frozen=True)
class Facts:
    """What only the run knows. Everything may be left out; the model card says ``not recorded`` instead of making
    something up.

    ``data``: ``name, n_train, n_valid, n_test, class_counts {class: n}, notes [sentence]``. ``search``: ``space,
    strategy, n_trials, stop_reason``. ``budget``: ``seconds, trials, seconds_used``. ``recipe``: the training settings
    that were used. ``metrics``: ``{"valid": {...}, "test": {...}}``. ``per_class``: one ``{name, n, precision,
    recall}`` a class on the test split (precision and recall 0..1 or None). ``command`` is what a person would type to
    repeat the run.
    """

    name: str = ""
    architecture: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    per_class: tuple[Mapping[str, Any], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    study: str | None = None
    command: str | None = None


@dataclass(frozen=True)
class Manifest:
    """All that a bundle says about itself. ``files`` maps name -> SHA-256, ``verification`` holds the figures of
    archsmith.bundle.verify.
    """

    task: Task
    preprocessing: Preprocessing
    facts: Facts
    params: int
    macs: int
    versions: Mapping[str, str]
    created: str
    files: Mapping[str, str] = field(default_factory=dict)
    verification: Mapping[str, Any] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the probabilities; none where a number is predicted."""
        return self.task.outputs[0].classes

    @property
    def numeric(self) -> bool:
        """Is a number predicted, rather than a class?"""
        return self.task.numeric

    def to_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, "format_version": 2 if self.numeric else 1, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Raises UsageError when a part is missing or of the wrong kind; unknown keys are ignored, so that later
        versions may add some.
        """
        try:
            preprocessing = _known(Preprocessing, data["preprocessing"])
            facts = _known(Facts, data["facts"])
            manifest = cls(
                task=Task.from_dict(data["task"]),
                preprocessing=Preprocessing(
                    **{**preprocessing, "mean": tuple(preprocessing["mean"]), "std": tuple(preprocessing["std"])}
                ),
                facts=Facts(
                    **{
                        **facts,
                        "rows": tuple(Row(**_known(Row, row)) for row in facts.get("rows", ())),
                        "per_class": tuple(dict(row) for row in facts.get("per_class", ())),
                    }
                ),
                params=int(data["params"]),
                macs=int(data["macs"]),
                versions=dict(data["versions"]),
                created=str(data["created"]),
                files={str(name): str(digest) for name, digest in dict(data["files"]).items()},
                verification=data["verification"],
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            reason = f"{type(error).__name__} {error}"
            raise UsageError(
                f"The manifest of this bundle is incomplete or damaged: {reason}.", "Copy or export the bundle again."
            ) from error
        _check_output(manifest.task)
        return manifest

    def write(self, folder: Path) -> None:
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _check_output(task: Task) -> None:
    """Raises UsageError unless the task has one output: named classes or one number."""
    if len(task.outputs) == 1:
        output = task.outputs[0]
        if output.kind == "classes" and output.classes and all(isinstance(name, str) for name in output.classes):
            return
        if output.kind == "number" and output.n == 1 and isinstance(output.name, str):
            return
    raise UsageError(
        "The manifest of this bundle names neither classes nor a number.", "Copy or export the bundle again."
    )


def read(folder: str | Path) -> Manifest:
    """The manifest of the bundle in ``folder``. Raises UsageError when there is no bundle, or one that this version
    cannot read.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UsageError(
            f"There is no bundle at {str(folder)!r}.",
            "Give the folder that an export wrote (it holds a manifest.json).",
        )
    if not path.is_file():
        raise UsageError(
            f"The folder {str(folder)!r} is no bundle: it has no {MANIFEST}.", "Give the folder that an export wrote."
        )
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise UsageError(f"{str(path)!r} is far too large for the manifest of a bundle.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{str(path)!r} is damaged: {error}.", "Copy or export the bundle again.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(
            f"{str(path)!r} is not the manifest of an Archsmith bundle.", "Give the folder that an export wrote."
        )
    version = data.get("format_version")
    if type(version) is not int or version < 1:
        raise UsageError(f"{str(path)!r} has the format version {version!r}.", "Copy or export the bundle again.")
    if version > FORMAT_VERSION:
        raise UsageError(
            f"This bundle has format version {version}; this Archsmith reads up to {FORMAT_VERSION}.",
            "Upgrade with: pip install --upgrade archsmith",
        )
    return Manifest.from_dict(data)


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_content(manifest: Manifest, name: str, digest: str) -> None:
    """Raises UsageError unless the manifest gives this SHA-256 to the file ``name``."""
    if manifest.files.get(name) != digest:
        raise UsageError(
            f"The file {name} is not the one that this bundle was made with (its SHA-256 differs).",
            "Copy or export the bundle again.",
        )


def check_files(folder: str | Path, names: Iterable[str] | None = None) -> Manifest:
    """Compare the files (all of the bundle by default) with their checksums. Raises UsageError naming the first that is
    missing or differs.
    """
    folder = Path(folder)
    manifest = read(folder)
    for name in manifest.files if names is None else names:
        if name not in FILES:
            raise UsageError(
                f"The manifest names a file {name!r}, which is not part of a bundle.",
                "Copy or export the bundle again.",
            )
        if not (folder / name).is_file():
            raise UsageError(f"The bundle at {str(folder)!r} has lost its {name}.", "Copy or export the bundle again.")
        check_content(manifest, name, file_checksum(folder / name))
    return manifest


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Only the keys that the dataclass ``kind`` has."""
    names = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in data.items() if name in names}
