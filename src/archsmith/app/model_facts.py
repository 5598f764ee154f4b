"""What is known of a model, as plain data: its scores, its mistakes, its card, what it costs, how to get it again.

All of it is what the report of the study says, from the same functions. Whatever cannot be told any more is left out,
and ``missing`` says so in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, Field

from archsmith.analysis.axes import round_edges
from archsmith.analysis.report.calibration import Calibration, calibration_of
from archsmith.analysis.report.classification import Confusions, confusions_of
from archsmith.analysis.report.kind import kind_of, words_of
from archsmith.analysis.report.regression import Errors, errors_of
from archsmith.analysis.report.reproduction import reproduction_of
from archsmith.analysis.report.summary import summary_of as headline_of
from archsmith.analysis.study import Study
from archsmith.analysis.wording import score
from archsmith.app.mistakes import MistakesFacts, mistakes_facts
from archsmith.bundle.manifest import MODEL, WEIGHTS, Manifest
from archsmith.bundle.page import card_of, name_of
from archsmith.core.errors import ArchsmithError
from archsmith.core.files import reading
from archsmith.core.job_records import ResultRecord
from archsmith.core.targets import metric_meaning, metric_title
from archsmith.core.wording import SPLITS, visible

T = TypeVar("T")
HISTOGRAM = 30  # bars of the spread of errors
DAMAGED = "What the study tells of it is damaged"


class Known(Protocol):
    """What is needed of ``archsmith.app.models.Model``."""

    @property
    def id(self) -> str: ...
    @property
    def result(self) -> ResultRecord: ...
    @property
    def bundle(self) -> Path | None: ...
    @property
    def manifest(self) -> Manifest | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class ModelSummary(BaseModel):
    """A model at a glance."""

    id: str = Field(description="Of the model and of its study.")
    name: str = Field(description="Of the data that it was learnt from.")
    metric: str | None = Field(description="What networks were compared by, such as accuracy.")
    valid: float | None = Field(description="The metric on the validation split.")
    test: float | None = Field(description="The metric on the test split.")
    told: str = Field(description="The test score in words; empty without one.")
    params: int | None = Field(description="How many numbers the network has learnt.")
    created: str | None = Field(description="When the bundle was written: date and time in UTC.")
    usable: bool = Field(description="Is its bundle there and whole?")
    notes: list[str] = Field(description="What is not as the study left it, in sentences.")


class SplitScore(BaseModel):
    """One metric on one split."""

    split: str = Field(description="validation or test.")
    metric: str = Field(description="Name of the metric, such as log_loss.")
    title: str = Field(description="Its name in words.")
    meaning: str = Field(description="What it says; empty where nobody has to be told.")
    value: float = Field(description="As measured.")
    told: str = Field(description="The value as people read it.")


class Confusion(BaseModel):
    """Which classes are confused on the test split."""

    lead: str = Field(description="The commonest mistake in a sentence.")
    classes: list[str] = Field(description="Names in the order of the matrix.")
    n: int = Field(description="Labelled test examples.")
    n_wrong: int = Field(description="Mistakes among them.")
    matrix: list[list[int]] | None = Field(
        description="A row for each true class, a column for each predicted one; null with more than 30 classes."
    )
    pairs: list[tuple[str, str, int]] = Field(
        description="The commonest mistakes: true class, predicted class, how often."
    )


class ClassFacts(BaseModel):
    """How well one class is recognised on the test split. Shares are from 0 to 1, and null where none can be told."""

    name: str = Field(description="Of the class.")
    n: int = Field(description="Its test examples.")
    recall: float | None = Field(description="Share of its examples that are recognised.")
    precision: float | None = Field(description="Share of the predictions of this class that are right.")
    f1: float | None = Field(description="Harmonic mean of both.")
    interval: tuple[float, float] | None = Field(description="95 % interval of the recall.")
    taken_for: tuple[str, int] | None = Field(description="What it is most often mistaken for, and how often.")
    as_often: int = Field(description="How many other classes it is mistaken for as often.")


class CalibrationBin(BaseModel):
    """The test examples of one level of confidence."""

    lower: float = Field(description="Of the level, 0 to 1.")
    upper: float = Field(description="Of the level, 0 to 1.")
    n: int = Field(description="How many examples.")
    confidence: float | None = Field(description="How sure the network is of them on average.")
    accuracy: float | None = Field(description="Share of them that is right.")


class Reliability(BaseModel):
    """Do its probabilities mean what they say?"""

    lead: str = Field(description="The answer in sentences.")
    bins: list[CalibrationBin] = Field(description="From unsure to sure.")
    error: float = Field(description="Mean gap between confidence and accuracy (expected calibration error).")
    error_before: float | None = Field(description="The same before calibration; null where that changed nothing.")
    least_drawn: int = Field(description="Examples of a level that is worth drawing.")
    not_drawn: str = Field(description="A sentence on levels that are not drawn; empty where there are none.")


class Residuals(BaseModel):
    """How far off the predictions of a number are on the test split."""

    lead: str = Field(description="Typical errors in sentences.")
    target: str = Field(description="What the number is called.")
    table: list[tuple[str, str]] = Field(description="Name and value of each measure.")
    dots: list[tuple[float, float]] = Field(description="True and predicted number of some test examples.")
    n_left_out: int = Field(description="Test examples that are not among the dots.")
    edges: list[float] = Field(description="Of the bars of the errors (predicted less true).")
    counts: list[int] = Field(description="Test examples in each bar.")


class Cost(BaseModel):
    """What the network costs."""

    params: int | None = Field(description="Numbers that it has learnt.")
    macs: int | None = Field(description="Multiplications for one example.")
    model_bytes: int | None = Field(description="Size of model.onnx.")
    weights_bytes: int | None = Field(description="Size of weights.safetensors.")
    size: str | None = Field(description="What it reads of one example, such as 3×32×32.")


class Reproduction(BaseModel):
    """How to get the model again."""

    lead: str = Field(description="What the command repeats.")
    command: str = Field(description="Of the command line; empty where there is none, as for data in memory.")
    facts: list[tuple[str, str]] = Field(description="Name and value of everything that decided the study.")


class ModelFacts(ModelSummary):
    """All that is known of a model. Sections that cannot be told are null, and ``missing`` says why."""

    kind: str = Field(description="classification or regression; empty where neither is known.")
    modality: str = Field(description="Kind of the data: image, table, ….")
    noun: str = Field(description="What one example is called.")
    nouns: str = Field(description="What examples are called.")
    classes: list[str] = Field(description="In the order of the probabilities; none for a number.")
    headline: str = Field(description="How good it is, in a sentence.")
    detail: str = Field(description="How far to believe it.")
    warning: str = Field(description="What must not be overlooked; empty without it.")
    why: str = Field(description="Why this network was exported; empty where the study did not say it.")
    study: str = Field(description="State of the study: finished, running, ….")
    scores: list[SplitScore] = Field(description="All metrics by split.")
    confusion: Confusion | None
    per_class: list[ClassFacts] = Field(description="Class by class; none for a number.")
    reliability: Reliability | None
    residuals: Residuals | None
    mistakes: MistakesFacts | None
    card: str = Field(description="The model card as Markdown; empty without a bundle.")
    cost: Cost
    reproduction: Reproduction | None
    form: dict[str, Any] | None = Field(description="What is asked of a person who tries it; null without a bundle.")
    missing: list[str] = Field(description="What is left out, and why, in sentences.")


def summary_of(model: Known) -> ModelSummary:
    """At a glance. Never raises: what a bundle says of itself may be anything."""
    return ModelSummary(**_glance(model))


def _glance(model: Known) -> dict[str, Any]:
    result, manifest = model.result, model.manifest
    metric, test = result.metric, result.test
    return {
        "id": model.id,
        "name": visible(_name(model)),
        "metric": metric,
        "valid": result.valid,
        "test": test,
        "told": "" if metric is None or test is None else f"{metric_title(metric)} {score(metric, test)}",
        "params": _whole(result.data.get("params")) if manifest is None else manifest.params,
        "created": None if manifest is None else manifest.created,
        "usable": model.bundle is not None,
        "notes": list(model.notes),
    }


def _name(model: Known) -> str:
    if model.manifest is not None:
        return name_of(model.manifest)
    return model.id.rsplit("-", 2)[0]


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def facts_of(model: Known, study: Study) -> ModelFacts:
    """Everything about ``model``, whose study is ``study``. Raises ArchsmithError where the log says nonsense."""
    missing = [sentence.replace("this report", "this page") for sentence in study.missing]
    sections = _Sections(study, missing)
    with reading(DAMAGED, "Restore the study from a copy."):
        headline, words = headline_of(study), words_of(study)
        scores = _scores(model)
    manifest, confused = model.manifest, sections.made("confusions", confusions_of)
    if study.test is None and not missing:
        missing.append(
            "The study did not keep its predictions on the test split, so there are no confusions and no mistakes."
        )
    if model.bundle is None:
        missing.append("Without its bundle the model cannot be tried, taken or served.")
    return ModelFacts(
        **_glance(model),
        kind="" if manifest is None else manifest.output.kind,
        modality=kind_of(study) if manifest is None else manifest.intake.kind,
        noun=words.one,
        nouns=words.many,
        classes=list(study.classes) if manifest is None else list(manifest.classes),
        headline=headline.headline,
        detail=headline.detail,
        warning=headline.warning,
        why=str(model.result.data.get("why") or ""),
        study=study.view.state,
        scores=scores,
        confusion=None if confused is None else _confusion(confused),
        per_class=[] if confused is None else _classes(confused),
        reliability=sections.data("reliability", calibration_of, _reliability),
        residuals=sections.data("errors", errors_of, _residuals),
        mistakes=sections.made("worst mistakes", mistakes_facts),
        card="" if model.bundle is None else card_of(model.bundle),
        cost=_cost(model),
        reproduction=sections.data("command", reproduction_of, _reproduction),
        form=sections.made("form", lambda _: None if manifest is None else manifest.intake.form()),
        missing=missing,
    )


class _Sections:
    """Makes sections. One that fails costs only itself; what is wrong goes to ``missing``."""

    def __init__(self, study: Study, missing: list[str]) -> None:
        self._study = study
        self._missing = missing

    def made(self, name: str, make: Callable[[Study], T | None]) -> T | None:
        try:
            with reading(DAMAGED, ""):
                return make(self._study)
        except ArchsmithError as error:
            self._missing.append(f"There is no section “{name}”. {error.message}")
            return None

    def data(self, name: str, make: Callable[[Study], Any], told: Callable[[Any], T]) -> T | None:
        def whole(study: Study) -> T | None:
            found = make(study)
            return None if found is None else told(found)

        return self.made(name, whole)


def _scores(model: Known) -> list[SplitScore]:
    said = model.result.data.get("metrics") or ({} if model.manifest is None else model.manifest.facts.metrics)
    return [
        SplitScore(
            split=SPLITS.get(split, split),
            metric=name,
            title=metric_title(name),
            meaning=metric_meaning(name),
            value=float(value),
            told=score(name, float(value)),
        )
        for split in ("test", "valid")
        for name, value in (said.get(split) or {}).items()
        if value is not None and np.isfinite(value)
    ]


def _confusion(found: Confusions) -> Confusion:
    return Confusion(
        lead=found.lead,
        classes=list(found.classes),
        n=found.n,
        n_wrong=found.n_wrong,
        matrix=None if found.matrix is None else found.matrix.tolist(),
        pairs=list(found.pairs),
    )


def _classes(found: Confusions) -> list[ClassFacts]:
    return [
        ClassFacts(
            name=row.name,
            n=row.score.n,
            recall=row.score.recall,
            precision=row.score.precision,
            f1=row.score.f1,
            interval=row.interval,
            taken_for=row.taken_for,
            as_often=row.as_often,
        )
        for row in found.rows
    ]


def _reliability(found: Calibration) -> Reliability:
    return Reliability(
        lead=found.lead,
        bins=[CalibrationBin(**row.to_dict()) for row in found.after],
        error=found.error_after,
        error_before=found.error_before,
        least_drawn=found.least_drawn,
        not_drawn=found.not_drawn("test examples"),
    )


def _residuals(found: Errors) -> Residuals:
    errors = np.asarray(found.errors, np.float64)
    edges = round_edges(float(errors.min()), float(errors.max()), HISTOGRAM)
    counts, _ = np.histogram(np.clip(errors, edges[0], edges[-1]), edges)
    return Residuals(
        lead=found.lead,
        target=found.name,
        table=list(found.table),
        dots=list(found.dots),
        n_left_out=found.n_left_out,
        edges=edges,
        counts=counts.tolist(),
    )


def _cost(model: Known) -> Cost:
    data, manifest = model.result.data, model.manifest
    return Cost(
        params=_whole(data.get("params")) if manifest is None else manifest.params,
        macs=_whole(data.get("macs")) if manifest is None else manifest.macs,
        model_bytes=_size(model.bundle, MODEL),
        weights_bytes=_size(model.bundle, WEIGHTS),
        size=None if manifest is None else manifest.intake.size,
    )


def _size(folder: Path | None, name: str) -> int | None:
    try:
        return None if folder is None else (folder / name).stat().st_size
    except OSError:
        return None


def _reproduction(found: Any) -> Reproduction:
    return Reproduction(lead=found.lead, command=" ".join(found.command), facts=list(found.facts))
