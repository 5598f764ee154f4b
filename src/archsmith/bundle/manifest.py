"""The manifest of a bundle: what is in the folder, what it was made from, and the figures that were measured before it
was called done.

Plain JSON next to the other files. It names every file with its SHA-256, so that a damaged copy is found before it
predicts. Free of torch: the predictor reads it on machines that only serve.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsmith.bundle.intake import Intake, intake_class
from archsmith.bundle.output import ModelOutput
from archsmith.bundle.upgrade import upgraded
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.files import no_such_folder, reason, regular_size
from archsmith.core.task import Task

FORMAT = "archsmith-bundle"
FORMAT_VERSION = 3  # the one that is written, and the latest that is read; archsmith.bundle.upgrade knows the others

MODEL = "model.onnx"
WEIGHTS = "weights.safetensors"
SOURCE = "network.py"
ARCHITECTURE = "architecture.json"
CARD = "MODEL_CARD.md"
MANIFEST = "manifest.json"
FILES = (MODEL, WEIGHTS, SOURCE, ARCHITECTURE, CARD)
REPORT = "report.html"
NOTICE = "NOTICE.txt"
DOCKERFILE, REQUIREMENTS = "Dockerfile", "requirements.txt"
# May lie beside the others, with no checksum: no reader of a bundle looks at them, and people may change them.
OPTIONAL_FILES = (REPORT, NOTICE, DOCKERFILE, REQUIREMENTS)

MAX_MANIFEST_BYTES = 16 * 2**20  # far above any real one (a few kB); keeps a foreign file from filling the memory


@dataclass(frozen=True)
class Row:
    """One network of the run that was trained in full, a baseline or a searched one.

    ``name``: of the row.
    ``valid``, ``test``: the task's main metric on these splits; None when unknown.
    ``params``, ``macs``: parameters and multiply-adds for one example; None when unknown.
    ``seconds``: of training; None when unknown.
    ``exported``: is it the network in the bundle?
    ``epochs``: passes through the training split; None when unknown, or where it was not trained in epochs.
    ``enough_seconds``: a budget in which it could have been tested and exported; None where it could be.
    ``by_chance``: is it a trial that is better on the validation split than what was trained to the end, but not
        clearly? Then it was not to be chosen.
    ``cut``: did its limit on time end the fit of a model that is not trained in epochs?
    """

    name: str
    valid: float | None = None
    test: float | None = None
    params: int | None = None
    macs: int | None = None
    seconds: float | None = None
    exported: bool = False
    epochs: float | None = None
    enough_seconds: float | None = None
    by_chance: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Origin:
    """Where weights come from that were learnt from other data.

    ``name``: what they are called, and where they were found.
    ``licence``: under which they were given.
    ``trained_on``: the data that they were learnt from.
    ``sha256``: of their file.
    ``notice``: what has to be said of them wherever they go.
    """

    name: str
    licence: str
    trained_on: str
    sha256: str
    notice: str = ""


@dataclass(frozen=True)
class Facts:
    """What only the run knows. Everything may be left out; the model card says ``not recorded`` instead of making
    something up.

    ``name``: of the bundle.
    ``architecture``: the decisions of the search.
    ``metrics``: ``{"valid": {metric: value}, "test": {…}}``.
    ``rows``: baselines and searched networks.
    ``per_class``: ``{name, n, precision, recall}`` of each class on the test split, from 0 to 1 or None.
    ``data``: ``name, n_train, n_valid, n_test, class_counts {class: n}, notes [sentence]``, and ``n_test_apart``, how
        many test examples are different ones, where some repeat another.
    ``search``: ``space, strategy, n_trials, n_networks, weights, stop_reason``, and what the network is rebuilt
        from: ``space_spec`` with the architecture, or ``graph`` where it is no point of a space. ``weights`` of trials:
        ``own``, ``inherited`` or ``shared``.
    ``recipe``: the training settings that were used.
    ``budget``: ``seconds, trials, seconds_used``.
    ``seed``, ``study``: of the run.
    ``command``: what a person would type to repeat the run.
    ``origin``: where weights of the network come from that were learnt from other data; None where there are none.
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
    origin: Origin | None = None


@dataclass(frozen=True)
class Manifest:
    """All that a bundle says about itself.

    ``task``: what was learnt.
    ``intake``: what the bundle takes in.
    ``output``: what it gives.
    ``facts``: what only the run knows.
    ``params``, ``macs``: parameters, and multiply-adds for one example.
    ``versions``: of the packages that made it.
    ``created``: date and time in UTC.
    ``files``: SHA-256 by name.
    ``verification``: the figures of ``archsmith.bundle.verify``, and whether ``examples`` were ``given`` or ``random``.
    """

    task: Task
    intake: Intake
    output: ModelOutput
    facts: Facts
    params: int
    macs: int
    versions: Mapping[str, str]
    created: str
    files: Mapping[str, str] = field(default_factory=dict)
    verification: Mapping[str, Any] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the probabilities; none for a regression target."""
        return self.output.classes

    @property
    def is_regression(self) -> bool:
        """Is a regression target predicted, rather than a class?"""
        return self.output.is_regression

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "task": self.task.to_dict(),
            "modality": self.intake.kind,
            "inputs": self.intake.to_inputs(),
            "output": self.output.to_dict(),
            "facts": dataclasses.asdict(self.facts),
            "params": self.params,
            "macs": self.macs,
            "versions": dict(self.versions),
            "created": self.created,
            "files": dict(self.files),
            "verification": self.verification,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """From the manifest of any format. Raises UsageError when a part is missing or of the wrong kind; unknown keys
        are ignored, so that later versions may add some.
        """
        try:
            data = upgraded(dict(data))
            manifest = cls(
                task=Task.from_dict(data["task"]),
                intake=intake_class(data["modality"]).from_inputs(data["inputs"]),
                output=ModelOutput.from_dict(data["output"]),
                facts=_facts(data["facts"]),
                params=int(data["params"]),
                macs=int(data["macs"]),
                versions=dict(data["versions"]),
                created=str(data["created"]),
                files={str(name): str(digest) for name, digest in dict(data["files"]).items()},
                verification=data["verification"],
            )
        except ArchsmithError:
            raise
        except Exception as error:  # a manifest that somebody sent may hold anything
            why = f"{type(error).__name__} {reason(error)}"
            raise UsageError(
                f"The manifest of this bundle is incomplete or damaged: {why}.", "Copy or export the bundle again."
            ) from error
        manifest._check()
        return manifest

    def _check(self) -> None:
        """Raises UsageError unless there is one output, named classes or one regression target, and task, inputs and
        output agree.
        """
        output = self.output
        named = output.classes and all(isinstance(name, str) for name in output.classes)
        if not (isinstance(output.target, str) and output.target if output.is_regression else named):
            raise UsageError(
                "The manifest of this bundle names neither classes nor a regression target.",
                "Copy or export the bundle again.",
            )
        outputs = [(entry.kind, entry.n, entry.classes) for entry in self.task.outputs]
        if outputs != [(output.kind, output.n, output.classes)] or not self.intake.fits(self.task):
            raise UsageError(
                "The manifest of this bundle contradicts itself: its task has other inputs or outputs than its model.",
                "Copy or export the bundle again.",
            )

    def write(self, folder: Path) -> None:
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read(folder: str | Path) -> Manifest:
    """The manifest of the bundle in ``folder``. Raises UsageError when there is no bundle, or one that this version
    cannot read.
    """
    if not isinstance(folder, str | os.PathLike):
        raise UsageError(f"A bundle is a folder, not something of the type {type(folder).__name__}.", "Give its path.")
    path = Path(folder) / MANIFEST
    if not os.path.isfile(path) or not str(folder):
        raise no_bundle(folder)
    if regular_size(path) > MAX_MANIFEST_BYTES:
        raise UsageError(f"{str(path)!r} is far too large for the manifest of a bundle.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, a number without end, too many brackets
        raise UsageError(f"{str(path)!r} is damaged: {reason(error)}.", "Copy or export the bundle again.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(
            f"{str(path)!r} is not the manifest of an Archsmith bundle.", "Give the folder that an export wrote."
        )
    version = data.get("format_version")
    if type(version) is not int or version < 1:
        raise UsageError(
            f"{str(path)!r} has the format version {str(version)[:20]!r}.", "Copy or export the bundle again."
        )
    if version > FORMAT_VERSION:
        raise UsageError(
            f"This bundle has format version {min(version, 10**9)}; this Archsmith reads up to {FORMAT_VERSION}.",
            "Upgrade with: pip install --upgrade archsmith",
        )
    return Manifest.from_dict(data)


def no_bundle(place: str | Path, hint: str | None = None) -> UsageError:
    """What to say of a place that holds no bundle."""
    hint = hint or f"Give the folder that an export wrote (it holds a {MANIFEST})."
    return UsageError(no_such_folder(place, "bundle", MANIFEST), hint)


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


def _facts(data: Mapping[str, Any]) -> Facts:
    """Raises TypeError, ValueError and the like where a fact is of another kind than its readers expect."""
    found = _known(Facts, data)
    for name in ("data", "search", "recipe", "budget", "architecture"):
        found[name] = _mapping(name, found.get(name, {}))
    metrics = _mapping("metrics", found.get("metrics", {}))
    for name in ("study", "command"):
        if not isinstance(found.get(name), str | None):
            raise TypeError(f"{name} is {type(found[name]).__name__}")
    return Facts(
        **{
            **found,
            "name": str(found.get("name", "")),
            "metrics": {
                split: {name: float(value) for name, value in dict(of).items()} for split, of in metrics.items()
            },
            "rows": tuple(Row(**_known(Row, row)) for row in found.get("rows", ())),
            "per_class": tuple(dict(row) for row in found.get("per_class", ())),
            "origin": Origin(**_known(Origin, found["origin"])) if found.get("origin") else None,
        }
    )


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {type(value).__name__}")
    return dict(value)


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Only the keys that the dataclass ``kind`` has."""
    names = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in data.items() if name in names}
