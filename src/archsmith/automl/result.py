"""From a finished job to its result, and to the facts that go into the bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archsmith import catalog
from archsmith.automl.command import command_of
from archsmith.automl.final_training import Candidate, Final
from archsmith.automl.fit_result import FitResult, Row
from archsmith.automl.opening import Job, is_raced
from archsmith.bundle.manifest import Facts
from archsmith.bundle.manifest import Row as CardRow
from archsmith.core import metrics
from archsmith.core.history import History
from archsmith.core.trial import is_changed
from archsmith.data.examples import Splits
from archsmith.data.tables.examples import TableSplits

Predictions = Mapping[str, np.ndarray[Any, Any]]


def row_of(
    final: Final,
    test: Mapping[str, float],
    metric: str,
    *,
    exported: bool,
    enough_seconds: float | None = None,
    by_chance: bool = False,
    gap: Sequence[float] | None = None,
) -> Row:
    """The row of what was trained; ``test`` are its metrics on the test split. ``enough_seconds``, ``by_chance`` and
    ``gap``: see ``Row``.
    """
    candidate = final.candidate
    return Row(
        final.name,
        valid=final.score.metrics[metric],
        test=test.get(metric),
        valid_metrics=final.score.metrics,
        test_metrics=dict(test),
        params=None if candidate is None else candidate.params,
        macs=None if candidate is None else candidate.macs,
        seconds=final.seconds,
        epochs=final.epochs or None,
        exported=exported,
        trial=None if candidate is None else candidate.last_trial,
        stopped=final.stopped,
        cut=final.cut,
        enough_seconds=enough_seconds,
        by_chance=by_chance,
        gap=None if gap is None else (float(gap[0]), float(gap[1])),
    )


def measured(splits: Splits, predictions: Predictions) -> dict[str, dict[str, float]]:
    """All metrics of the exported network, temperature included, on the validation and the test split."""
    measure = metrics.regression if splits.is_regression else metrics.classification
    return {split: measure(predictions[split], predictions[f"{split}_labels"]) for split in ("valid", "test")}


def facts_of(
    job: Job,
    chosen: Candidate,
    rows: Sequence[Row],
    predictions: Predictions,
    *,
    history: History,
    reason: str,
    seconds: float,
    fell: bool = False,
) -> Facts:
    """For the manifest and the card. ``predictions`` hold probabilities ``(n, k)`` or regression targets ``(n,)``, by
    split. ``fell``: see ``Final``.
    """
    splits, settings, findings = job.splits, job.settings, job.findings
    sizes = {f"n_{name}": len(examples) for name, examples in splits.by_name.items()}
    repeats = getattr(findings, "repeats", {}).get("test", 0)
    if repeats:
        sizes["n_test_apart"] = sizes["n_test"] - repeats
    counts = {}
    if not splits.is_regression:
        counts = {"class_counts": dict(zip(splits.classes, findings.counts["train"], strict=True))}
    recipe = _recipe(chosen, fell, splits.is_regression) if chosen.trained else {}
    if not splits.is_regression:  # models that gradient descent does not train know it from the splits as well
        recipe["balance"] = splits.balanced
    # Classes of pictures in folders have no name in common. Those of a table have, whatever it is. What regression
    # targets are called, the output says.
    has_name = splits.target != Splits.target or splits.kind == TableSplits.kind
    named = {"target": splits.target} if not splits.is_regression and has_name else {}
    changes = {} if chosen.augmentation is None else dataclasses.asdict(chosen.augmentation)
    known = {"graph": chosen.graph.to_dict()} if chosen.space is None else {}
    return Facts(
        name=splits.name,
        architecture=dict(chosen.architecture),
        metrics=measured(splits, predictions),
        rows=tuple(
            CardRow(
                r.name,
                r.valid,
                r.test,
                r.params,
                r.macs,
                r.seconds,
                r.exported,
                r.epochs or None,
                r.enough_seconds,
                r.by_chance,
                r.cut,
            )
            for r in rows
        ),
        per_class=() if splits.is_regression else per_class(splits, predictions["test"]),
        data={
            "name": splits.name,
            "kind": splits.kind,
            **sizes,
            **counts,
            **named,
            "notes": [*findings.notes, *findings.warnings],
        },
        search={
            "space": settings.space or job.modality.space,
            "space_spec": None if chosen.space is None else catalog.to_spec(chosen.space),
            **known,
            "strategy": f"race(inner={settings.strategy})" if is_raced(settings, job.plan) else settings.strategy,
            "n_trials": len(history.finished),
            "n_networks": n_networks(history),
            "weights": job.plan.weights,
            "stop_reason": reason,
        },
        recipe={**recipe, **changes},
        budget={"seconds": settings.seconds, "trials": settings.trials, "seconds_used": round(seconds, 1)},
        seed=settings.seed,
        study=job.store.folder.name,
        command=command_of(settings),
        origin=chosen.origin,
    )


def _recipe(chosen: Candidate, fell: bool, is_regression: bool) -> dict[str, Any]:
    """The settings that ``chosen`` was trained with, without those that had no effect."""
    used = (chosen.recipe if chosen.begun is None else chosen.recipe.proxy()).to_dict()
    if used["schedule"] != "one_cycle":
        del used["warmup"]
    if chosen.begun is not None and fell:
        used["schedule"] = "constant, then linear decay"
    if is_regression:
        del used["label_smoothing"]
    return used


def per_class(splits: Splits, probabilities: np.ndarray[Any, Any]) -> tuple[dict[str, Any], ...]:
    """Precision and recall of each class on the test split; ``probabilities`` ``(n, k)``."""
    confusion = metrics.confusion(probabilities.argmax(1), splits.test.targets, len(splits.classes))
    return tuple(
        {"name": name, **dataclasses.asdict(entry)}
        for name, entry in zip(splits.classes, metrics.per_class(confusion), strict=True)
    )


def result_of(
    job: Job,
    chosen: Candidate,
    rows: Sequence[Row],
    history: History,
    *,
    metrics: Mapping[str, Mapping[str, float]],
    reason: str,
    seconds: float,
    test_reads: int,
    difference: float,
    temperature: float,
    phases: Mapping[str, Mapping[str, float]],
    asked_to_finish: bool = False,
) -> FitResult:
    """The result; ``metrics`` are those of ``measured``."""
    exported = next(row for row in rows if row.exported)
    settings, plan, final = job.settings, job.plan, job.store.folder.resolve() / "final"
    return FitResult(
        study=job.store.folder.name,
        stop_reason=reason,
        seconds=round(seconds, 2),
        budget_seconds=settings.seconds,
        n_trials=len(history.finished),
        n_failed=sum(trial.losses is None for trial in history.finished),
        n_from_mutation=sum(is_changed(trial, history.trials) for trial in history.finished),
        metric=job.splits.task.metric,
        valid=exported.valid,
        test=exported.test,
        metrics=metrics,
        rows=tuple(rows),
        architecture=dict(chosen.architecture),
        params=exported.params,
        macs=exported.macs,
        model_dir=str(Path(settings.out).resolve() if settings.out else final / "bundle"),
        report=str(final / "report.html"),
        test_reads=test_reads,
        max_difference=difference,
        temperature=temperature,
        forecast={
            "trials": plan.forecast_trials,
            "search_end": plan.search_end,
            "final_end": plan.final_end,
            "reserve_seconds": plan.reserve_seconds,
        },
        phases=phases,
        n_networks=n_networks(history),
        asked_to_finish=asked_to_finish,
    )


def n_networks(history: History) -> int:
    """How many networks the finished trials were of: several trials may train one."""
    return len({trial.architecture.key for trial in history.finished})
