from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.core.targets import (
    EARLIER,
    METRICS,
    TARGETS,
    metric_title,
    more_is_better,
    target_kind,
    worse_than_the_mean,
)


@pytest.mark.parametrize("kind", TARGETS.values(), ids=TARGETS)
def test_every_metric_of_a_target_is_in_the_table(kind: object) -> None:
    assert {*kind.metrics, *kind.balanced_metrics} <= METRICS.keys()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", TARGETS.values(), ids=TARGETS)
def test_more_of_the_main_metric_is_better(kind: object) -> None:
    mains = [metrics[0] for metrics in (kind.metrics, kind.balanced_metrics) if metrics]  # type: ignore[attr-defined]
    assert all(METRICS[name].maximize for name in mains)


def test_balance_changes_the_main_metric_and_nothing_else() -> None:
    kind = TARGETS["classification"]
    assert kind.balanced_metrics[0] != kind.metrics[0]
    assert set(kind.balanced_metrics) == set(kind.metrics)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("accuracy", True),
        ("expected_calibration_error", False),
        ("valid_accuracy", True),
        ("Test_R2", True),
        ("test_loss", False),
        ("latency_ms", False),
        ("memory_mb", False),
        ("valid/loss", False),
        ("zico", True),
        ("score", None),
        ("accuracy_loss", None),
        ("lossless", None),
        ("neg_mean_squared_error", None),
        ("neg_log_loss", None),
        ("-loss", None),
        ("minus_error", None),
        ("error_reduction", None),
        ("loss_improvement", None),
        ("params_saved", None),
        ("accuracy_gain", None),
        ("energy_efficiency", None),
        ("memory_bandwidth", None),
        ("flops_per_second", None),
        ("accuracy_per_joule", None),
        ("flops_per_dollar", None),
        ("seconds_per_image", False),
        ("energy per inference", False),
        ("error_per_class", False),
        ("mean_squared_error", False),
    ],
)
def test_names_say_which_way_is_better(metric: str, expected: bool | None) -> None:
    assert more_is_better(metric) is expected


@pytest.mark.parametrize(
    ("metric", "title"), [("r2", "R²"), ("log_loss", "log loss"), ("my_own_score", "my own score")]
)
def test_metrics_have_titles(metric: str, title: str) -> None:
    assert metric_title(metric) == title


@pytest.mark.parametrize("name", [*TARGETS, *EARLIER])
def test_kinds_are_found_by_present_and_earlier_names(name: str) -> None:
    assert target_kind(name) is TARGETS[EARLIER.get(name, name)]


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UsageError, match="'ranking'") as caught:
        target_kind("ranking")
    assert "classification, regression" in str(caught.value)


@pytest.mark.parametrize(("r2", "said"), [(-0.1, True), (0.0, False), (0.5, False), (None, False)])
def test_a_network_that_is_worse_than_the_mean_is_told_plainly(r2: float | None, said: bool) -> None:
    assert bool(worse_than_the_mean(r2)) is said
