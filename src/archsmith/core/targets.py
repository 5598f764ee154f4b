"""What can be learnt, and how it is judged: one row per kind of target, and one table of metrics.

A target is a class (classification) or a regression target (regression). Everything that differs between the two is
a field of ``TargetKind`` here, or a ``Goal`` on the training side. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsmith.core.errors import UsageError


@dataclass(frozen=True)
class Metric:
    """One metric.

    ``name``: as it stands in logs and on the command line.
    ``title``: as people read it in the middle of a sentence.
    ``maximize``: is more of it better?
    ``unit``: ``share`` (of 1), ``nats``, ``target`` (the regression target's own unit), ``count``, or empty.
    """

    name: str
    title: str
    maximize: bool
    unit: str = ""


METRICS: dict[str, Metric] = {
    row.name: row
    for row in (
        Metric("accuracy", "accuracy", True, "share"),
        Metric("balanced_accuracy", "balanced accuracy", True, "share"),
        Metric("log_loss", "log loss", False, "nats"),
        Metric("expected_calibration_error", "expected calibration error", False, "share"),
        Metric("precision", "precision", True, "share"),
        Metric("recall", "recall", True, "share"),
        Metric("f1", "F1", True, "share"),
        Metric("r2", "R²", True),
        Metric("rmse", "RMSE", False, "target"),
        Metric("mae", "MAE", False, "target"),
        Metric("params", "parameters", False, "count"),
        Metric("macs", "multiply-adds", False, "count"),
    )
}

# Words by which metrics of other people's evaluators are recognised.
MORE = frozenset({"accuracy", "r2", "f1", "auc", "precision", "recall"})
LESS = frozenset({"loss", "error", "mse", "rmse", "mae", "params", "macs", "flops", "seconds", "latency", "energy"})


def more_is_better(metric: str) -> bool | None:
    """By the table, or by the words of the name: ``valid_accuracy`` True, ``test_loss`` False; None for a name that
    says nothing of it.
    """
    if metric in METRICS:
        return METRICS[metric].maximize
    words = set(metric.lower().split("_"))
    return True if words & MORE else False if words & LESS else None


def metric_title(metric: str) -> str:
    """What people call a metric: ``R²`` for ``r2``; of an unknown one its words."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


@dataclass(frozen=True)
class TargetKind:
    """One kind of target.

    ``name``: the name of the task, on the command line and in logs.
    ``loss``: what training minimises.
    ``metrics``: what is measured; the first one is the main metric, more of it is better.
    ``balanced_metrics``: the same where every class counts alike; empty where there are no classes.
    ``calibrated``: are predictions probabilities, to be calibrated on the validation split?
    ``output``: the name of the exported model's output.
    """

    name: str
    loss: str
    metrics: tuple[str, ...]
    balanced_metrics: tuple[str, ...]
    calibrated: bool
    output: str


CLASSIFICATION, REGRESSION = "classification", "regression"
TARGETS: dict[str, TargetKind] = {
    row.name: row
    for row in (
        TargetKind(
            CLASSIFICATION,
            loss="cross_entropy",
            metrics=("accuracy", "balanced_accuracy", "log_loss"),
            balanced_metrics=("balanced_accuracy", "accuracy", "log_loss"),
            calibrated=True,
            output="probabilities",
        ),
        TargetKind(
            REGRESSION,
            loss="squared_error",
            metrics=("r2", "rmse", "mae"),
            balanced_metrics=(),
            calibrated=False,
            output="value",
        ),
    )
}
EARLIER = {"classes": CLASSIFICATION, "number": REGRESSION}  # what versions up to 0.1 wrote into logs and bundles


def target_kind(name: str) -> TargetKind:
    """The row of a kind, also by its earlier name. Raises UsageError for an unknown one."""
    found = TARGETS.get(EARLIER.get(name, name))
    if found is None:
        raise UsageError(f"There is no kind of target {name!r}.", f"Known: {', '.join(TARGETS)}.")
    return found
