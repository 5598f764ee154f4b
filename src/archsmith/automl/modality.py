"""A kind of data as a job sees it: how to read it, what networks suit it, what to compare them with, and what the
exported model takes in.

Each kind is one class in ``automl.modalities``, found through the catalogue. A job knows no kind by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from archsmith import catalog
from archsmith.automl.plan import AUTO
from archsmith.automl.settings import FitSettings
from archsmith.bundle.intake import Intake
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.space import Space
from archsmith.data.examples import Examples, Pipeline, Splits
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.strategies.forecast import Prior
from archsmith.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

    from archsmith.graphs.network import Network

Progress = Callable[[str, int, int], None]


class Findings(Protocol):
    """What the checks of a kind of data found."""

    @property
    def counts(self) -> Mapping[str, tuple[int, ...]]:
        """Examples of each class, by split."""
        ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    def lines(self) -> list[str]:
        """A short summary for a terminal."""
        ...

    def to_dict(self) -> dict[str, Any]: ...


class Loaded(Protocol):
    """Data that were read, checked and stored."""

    @property
    def splits(self) -> Splits: ...

    @property
    def folder(self) -> Path: ...

    @property
    def findings(self) -> Findings: ...


@dataclass(frozen=True)
class NetworkBaseline:
    """A network that needs no search, trained by gradient descent.

    ``name``: of its row.
    ``what``: what it is, in a few words.
    ``recipe``: how it is trained; no augmentation.
    ``steps``: of training, after which it gains nothing.
    """

    name: str
    what: str
    graph: Graph
    recipe: Recipe
    steps: int


@dataclass(frozen=True)
class Fitted:
    """What a fit came to.

    ``network``: what it learnt, in evaluation mode.
    ``cut``: did its limit on time end it, so that more time would bring another network?
    """

    network: Network
    cut: bool = False


class ModelBaseline(Protocol):
    """A model that another method than gradient descent fits, on the training split. What it learnt is a network.

    ``name``: of its row.
    ``what``: what it is, in a few words.

    A model with weights from elsewhere also has ``origin``, which says where they come from.
    """

    @property
    def name(self) -> str: ...

    @property
    def what(self) -> str: ...

    def fit(self, train: Examples, seed: int, seconds: float | None) -> Fitted:
        """Learn. The network's outputs are logits ``(n, k)``, or a regression target in standard units ``(n, 1)``.

        ``seconds``: after which it makes do with what it has; None: no limit, and the same network each time.
        """
        ...


class Modality(ABC):
    """One kind of data.

    ``kind``: its name in the catalogue.
    ``noun``, ``nouns``: what an example is called.
    ``space``: the default search space, by its name in the catalogue.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]
    nouns: ClassVar[str]
    space: ClassVar[str]

    @abstractmethod
    def recognises(self, settings: FitSettings) -> bool:
        """Do the data look like this kind?"""

    @abstractmethod
    def load(self, settings: FitSettings, root: Path, seconds: float | None, progress: Progress) -> Loaded:
        """Read, check and split the data into a folder below ``root``. Raises DataError.

        ``seconds``: where reading everything would take longer, a share of it will do.
        """

    @abstractmethod
    def findings(self, data: Mapping[str, Any]) -> Findings:
        """What the checks found, from a log."""

    @abstractmethod
    def recipe(self) -> Recipe:
        """The defaults of training."""

    def probe(self, splits: Splits, device: torch.device, seed: int, seconds: float | None) -> Mapping[str, Any]:
        """What a look at the data of seconds says about how to train: fields of their augmentation, and what else
        ``told`` needs. The default is not to look. ``device``: where it may compute. ``seconds``: the most that it may
        take; None: no limit.
        """
        return {}

    def told(self, probed: Mapping[str, Any]) -> str:
        """What ``probe`` found, as a sentence for a person; empty: nothing."""
        return ""

    @abstractmethod
    def recipe_space(self, probed: Mapping[str, Any]) -> Space:
        """The decisions about training that are searched. ``probed``: what ``probe`` said."""

    @abstractmethod
    def fixed(self, splits: Splits) -> tuple[NetworkSpace, Architecture]:
        """The hand-made network that a search has to beat, as a point of a space."""

    def seeds(self, space: NetworkSpace) -> Mapping[str, Architecture]:
        """Architectures of ``space`` that a search begins with, by name: first one of each kind, then others. The
        default is what the space itself names first, if anything.
        """
        first = space.first()
        return {} if first is None else {"first": first}

    def curves(self, errors: Mapping[str, float], seen: float | None = None) -> Prior:
        """What is known of learning curves of such data beforehand.

        ``errors``: of the baselines, by name, on the validation split; where some are missing, less is known.
        ``seen``: examples, counted each time, that the reference would see in all the time there is, as far as it can
            use that; None: unknown.
        """
        return Prior()

    def cheaper(self, splits: Splits, pipeline: Pipeline, graph: Graph) -> Pipeline:
        """A pipeline whose training batches cost less, for the first part of a long training of ``graph``, whose last
        part has ``pipeline``. The default is ``pipeline`` itself.
        """
        return pipeline

    @abstractmethod
    def baselines(self, splits: Splits, settings: FitSettings) -> tuple[NetworkBaseline | ModelBaseline, ...]:
        """What else a search has to beat, the simplest first."""

    def notes(self, settings: FitSettings) -> tuple[str, ...]:
        """What a person should know before it starts, besides what the data and the plan say."""
        return ()

    @abstractmethod
    def intake(self, splits: Splits) -> Intake:
        """What the exported model takes in."""

    @abstractmethod
    def raw(self, examples: Examples, indexes: NDArray[np.int64]) -> Any:
        """The examples at ``indexes`` as a person would give them to the exported model."""


def modality_of(settings: FitSettings) -> Modality:
    """The kind of the data: as the settings say, or what the data look like; pictures where they look like nothing."""
    known: dict[str, Modality] = {}
    for name in catalog.names("modality"):
        try:
            known[name] = catalog.get("modality", name)()
        except Exception:  # a plug-in that fails is a row with its reason in the catalogue, and no end of other jobs
            if name in (settings.modality, *catalog.TABLE["modality"]):
                raise
    if settings.modality != AUTO:
        if settings.modality not in known:
            raise UsageError(
                f"There is no kind of data {settings.modality!r}.", f"It is one of {', '.join((AUTO, *known))}."
            )
        return known[settings.modality]
    return next((kind for kind in known.values() if kind.recognises(settings)), known["image"])


def named(kind: str) -> Modality:
    """The kind of data that is called ``kind``."""
    found: Modality = catalog.get("modality", kind)()
    return found
