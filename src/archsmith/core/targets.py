"""What can be learnt, and how it is judged: one row per kind of target, and one table of metrics.

What is learnt is a class (classification) or a regression target (regression). All differences between the two are
fields of ``TargetKind`` here, or in ``training.goal``. This file needs the standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from archsmith.core.errors import UsageError


@dataclass(frozen=True)
class Metric:
    """One metric.

    ``name``: in logs and on the command line.
    ``title``: for people, in the middle of a sentence.
    ``maximize``: is more better?
    ``unit``: ``share`` (of 1), ``nats``, ``target`` (the regression target's own unit), ``count``, or empty.
    ``meaning``: what it says, for people who do not know it; empty where nobody has to be told.
    """

    name: str
    title: str
    maximize: bool
    unit: str = ""
    meaning: str = ""


METRICS: dict[str, Metric] = {
    row.name: row
    for row in (
        Metric("accuracy", "accuracy", True, "share", "the share of predictions that are right"),
        Metric(
            "balanced_accuracy",
            "balanced accuracy",
            True,
            "share",
            "the share that is right if all classes count alike",
        ),
        Metric("log_loss", "log loss", False, "nats", "how far off its probabilities are; 0 is perfect"),
        Metric("expected_calibration_error", "expected calibration error", False, "share"),
        Metric("precision", "precision", True, "share"),
        Metric("recall", "recall", True, "share"),
        Metric("f1", "F1", True, "share"),
        Metric("r2", "R²", True, "", "1 is perfect, 0 is no better than always predicting the mean"),
        Metric("rmse", "root mean squared error", False, "target", "how far off it is, where large errors count more"),
        Metric("mae", "mean absolute error", False, "target", "how far off it is on average"),
        Metric("params", "parameters", False, "count"),
        Metric("macs", "multiply-adds", False, "count"),
        # scores without training
        Metric("naswot", "NASWOT", True),
        Metric("synflow", "SynFlow", True),
        Metric("grad_norm", "gradient norm", True),
        Metric("snip", "SNIP", True),
        Metric("zico", "ZiCo", True),
    )
}

# Words in the names of metrics of other people's evaluators.
MORE = frozenset({"accuracy", "r2", "f1", "auc", "precision", "recall", "throughput"})
WORK = frozenset({"params", "parameters", "macs", "flops", "memory", "bytes", "size", "sizes"})
LESS = frozenset(
    {"loss", "error", "mse", "rmse", "mae", "perplexity"}
    | WORK
    | {"seconds", "time", "times", "latency", "energy", "cost", "costs"}
)
# Words that turn the meaning of the others around, or may: more of ``neg_error`` and of ``params_saved`` is better.
TURNED = frozenset(
    {"neg", "negative", "negated", "minus", "inverse", "inv", "reciprocal", "reduction", "reduced", "saving", "savings"}
    | {"saved", "improvement", "improved", "gain", "gains", "gained", "drop", "decrease", "increase"}
    | {"efficiency", "efficient", "bandwidth", "utilization", "utilisation"}
)
# So may ``per``, before one of these or behind work: more of ``flops_per_dollar`` is better, less of
# ``seconds_per_image``.
UNITS = frozenset(
    {"ns", "us", "ms", "s", "sec", "second", "seconds", "min", "minute", "h", "hour", "day", "time", "cycle"}
    | {"energy", "j", "joule", "joules", "w", "watt", "watts", "wh", "kwh", "mj"}
)


def more_is_better(metric: str) -> bool | None:
    """Is more of ``metric`` better? The table says it, or the words of the name: True for ``valid_accuracy``, False for
    ``test_loss``. None for a name that does not say it, that says both, or that turns it around, as ``neg_loss`` does.
    """
    if metric in METRICS:
        return METRICS[metric].maximize
    words = re.split(r"[^a-z0-9]+", metric.lower())
    per = words.index("per") if "per" in words else len(words)
    a_rate = bool(UNITS.intersection(words[per + 1 : per + 2]) or WORK.intersection(words[:per])) and per < len(words)
    if a_rate or TURNED.intersection(words) or metric.lstrip().startswith("-"):
        return None
    more, less = bool(MORE.intersection(words)), bool(LESS.intersection(words))
    return None if more == less else more


def metric_title(metric: str) -> str:
    """The title of a metric, ``R²`` for ``r2``; the words of its name where the table has no such metric."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def metric_meaning(metric: str) -> str:
    """What a metric says, for people who do not know it; empty where the table does not say it."""
    return METRICS[metric].meaning if metric in METRICS else ""


def worse_than_the_mean(r2: float | None) -> list[str]:
    """A sentence for a network whose R² is below 0; none for others."""
    if r2 is None or not r2 < 0:
        return []
    return [
        "R² is below 0: it is worse than always saying the mean. What it has learnt is of no use for these data; look "
        "whether they can tell the target at all."
    ]


@dataclass(frozen=True)
class TargetKind:
    """One kind of target.

    ``name``: the name of the task, on the command line and in logs.
    ``loss``: what training minimises.
    ``metrics``: what is measured. The first is the main metric; more of it is better.
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
    """The kind of target called ``name``, also by its earlier name. Raises UsageError for an unknown one."""
    found = TARGETS.get(EARLIER.get(name, name))
    if found is None:
        raise UsageError(f"There is no kind of target {name!r}.", f"Known: {', '.join(TARGETS)}.")
    return found
