"""What a person asks of a job. Every option is one field here: its metadata make the command line, the documentation
and later web forms.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsmith.automl.plan import AUTO, SHARED, WEIGHTS
from archsmith.core.budget import MOST_WORKERS
from archsmith.core.errors import UsageError
from archsmith.core.targets import CLASSIFICATION, EARLIER, REGRESSION

ENAS = "enas"  # the strategy that asks for what a controller derived
SHORTEST = 20.0  # seconds that reading, one short training, a test and a verified export take on small data
DEFAULT_SECONDS = 1200.0
TASKS = (AUTO, CLASSIFICATION, REGRESSION)
GROUPS = ("space", "strategy", "recipe", SHARED)  # what ``--set`` reaches

# What the fields hold, by their annotations: types, and words for them.
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "True or False"),
    "str": ((str,), "a text"),
    "Mapping[str,": ((Mapping,), "a mapping"),
}


def option(default: Any, help: str, *, flag: str | None = None, least: float | None = None) -> Any:
    """A field of a job's settings. ``help``: one sentence; ``flag``: its name on the command line, where it differs
    from the field's; ``least``: the smallest value.
    """
    return field(default=default, metadata={"help": help, "flag": flag, "least": least})


@dataclass(frozen=True)
class FitSettings:
    """One job.

    ``data``: anything that the readers of a kind of data take: a path, a name, or data in memory.
    All others: see the ``help`` of each field.
    """

    data: Any
    seconds: float | None = option(
        DEFAULT_SECONDS, "Budget of the whole job, as 90s, 20m or 1h30m; 20m unless --trials.", flag="--time"
    )
    trials: int | None = option(None, "Budget in trials of the search.", least=1)
    out: str | None = option(None, "Folder for the bundle; the study keeps one in any case.")
    workspace: str | None = option(None, "Folder of the studies; $ARCHSMITH_WORKSPACE or ~/.archsmith when left out.")
    seed: int = option(0, "Where all randomness comes from.", least=0)
    modality: str = option(AUTO, "Kind of data: image, table, or auto (what the data look like).")
    space: str | None = option(
        None, "Search space: a name of `archsmith catalog space`, or module:Class; that of the kind when left out."
    )
    strategy: str = option(
        "graph_gp", "What proposes new networks: a name of `archsmith catalog strategy`, or module:Class."
    )
    weights: str = option(
        AUTO,
        "Where trials have their weights from: own (each is trained), inherited, shared, or auto (the plan decides).",
    )
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workers: int = option(1, "How many trials run at once.", least=1)
    resume: bool = False
    name: str | None = option(None, "Name of the study; made from the data when left out.")
    task: str = option(AUTO, "What is learnt: classification, regression, or auto (what the targets look like).")
    image: str | None = option(None, "Column of a table that holds the pictures or their paths.", flag="--image-column")
    target: str | None = option(None, "Column of a table that holds what is to be predicted.", flag="--target")
    ignore: tuple[str, ...] = option((), "Column of a table to learn without; may be repeated.")
    side: int | None = option(
        None, "Pixels of a side that pictures are brought to; from their own sizes when left out."
    )
    balance: bool = option(False, "Rare classes count as much as common ones.")
    pretrained: bool = option(
        True, "Compare with features that were learnt from ImageNet, where they are installed; or --no-pretrained."
    )
    pretrained_weights: str | None = option(
        None, "Folder with an efficientnet_lite0.safetensors to take these features from instead."
    )
    device: str = option(AUTO, "Where networks are trained: auto, cpu, cuda or mps.")
    memory_mb: float | None = option(
        None, "Most memory of one training, in megabytes; a share of what is free when left out."
    )
    disk_mb: float | None = option(None, "Most disk that trials keep, in megabytes; 2000 when left out.")
    replace: bool = option(False, "Put the bundle into --out even if that holds the bundle of another study.")

    def __post_init__(self) -> None:
        self._check_types()
        if self.seconds is None and self.trials is None:
            raise UsageError("There is no limit on time or trials.", "Give --time, --trials or both.")
        if self.seconds is not None and self.seconds < SHORTEST:
            raise UsageError(
                f"A budget of {self.seconds:g} s is too short for a search, a final training and an export.",
                f"Give at least {SHORTEST:.0f}s.",
            )
        if self.task not in TASKS:
            raise UsageError(f"The task is {self.task!r}.", f"It is one of {', '.join(TASKS)}.")
        if self.balance and self.task == REGRESSION:
            raise UsageError("Only classes can be balanced.", "Leave balance out for regression.")
        for name in ("memory_mb", "disk_mb"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"The limit {name} is {value}.", "Give megabytes, or leave it out.")
        if self.workers > MOST_WORKERS:
            raise UsageError(f"{self.workers} workers are too many.", f"Give at most {MOST_WORKERS:,}.")
        if self.weights not in (AUTO, *WEIGHTS):
            raise UsageError(
                f"The weights of trials are {self.weights!r}.", f"They are one of {', '.join((AUTO, *WEIGHTS))}."
            )
        if self.strategy == ENAS and self.weights not in (AUTO, SHARED):
            raise UsageError(
                f"The strategy {ENAS!r} needs shared weights, not {self.weights!r}.",
                "Leave --weights out, or take another strategy.",
            )
        unknown = sorted(set(self.settings) - {*GROUPS})
        if unknown:
            raise UsageError(
                f"There are no settings of {unknown[0]!r}.", "Settings begin with space., strategy., recipe. or shared."
            )

    def _check_types(self) -> None:
        """In Python anything may be given. numpy's numbers become plain ones. Raises UsageError."""
        if not isinstance(self.ignore, list | tuple) or not all(isinstance(name, str) for name in self.ignore):
            raise UsageError(f"The setting ignore is {str(self.ignore)[:40]!r}.", "Give a list of names of columns.")
        object.__setattr__(self, "ignore", tuple(self.ignore))
        for entry in dataclasses.fields(self):
            kind, value = TYPES.get(str(entry.type).partition(" ")[0]), getattr(self, entry.name)
            if kind is None or (value is None and "None" in str(entry.type)):
                continue
            if getattr(value, "ndim", None) == 0:
                value = value.item()
                object.__setattr__(self, entry.name, value)
            types, words = kind
            if isinstance(value, int) and abs(value) >= 2**63:
                raise UsageError(f"The setting {entry.name} is far too large.", f"Give {words} below 2**63.")
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"The setting {entry.name} is {value}.", f"Give {words} that is finite.")
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise UsageError(
                    f"The setting {entry.name} is {str(value)[:40]!r}, of the type {type(value).__name__}.",
                    f"Give {words}.",
                )
            least = entry.metadata.get("least")
            if least is not None and value < least:
                raise UsageError(f"The setting {entry.name} is {value}.", f"Give at least {least}.")
        for group, values in self.settings.items():
            if not (isinstance(group, str) and isinstance(values, Mapping) and all(isinstance(k, str) for k in values)):
                raise UsageError(
                    f"The settings of {str(group)[:40]!r} are {str(values)[:40]!r}.", "Give a mapping of their names."
                )

    def to_dict(self) -> dict[str, Any]:
        """Everything but in-memory data, as JSON."""
        data = dataclasses.asdict(dataclasses.replace(self, data=None))
        return {**data, "ignore": [*self.ignore], "data": self.data if isinstance(self.data, str) else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FitSettings:
        """As ``to_dict`` wrote it, also in an earlier version."""
        known = {entry.name for entry in dataclasses.fields(cls)}
        if "kind" in data:  # up to version 0.1
            data = {**data, "task": EARLIER.get(data["kind"], data["kind"])}
        return cls(**{name: value for name, value in data.items() if name in known})


def weights_of(settings: FitSettings) -> str:
    """Where trials are to have their weights from, as the plan is asked."""
    return SHARED if settings.strategy == ENAS else settings.weights


def own_epochs(settings: FitSettings) -> float | None:
    """The most epochs of a training, where the person has said so (``--set recipe.epochs=20``)."""
    epochs = settings.settings.get("recipe", {}).get("epochs")
    return None if epochs is None else float(epochs)
