from __future__ import annotations

from typing import Any

import pytest

from archsmith.app.learning_curves import MOST_POINTS, curve_of, rounded, thinned, unit_of
from archsmith.core.records import Finished, Proposed, ProposedTrial, Reported
from archsmith.core.trial import Outcome


def test_the_curve_goes_over_all_trials_and_a_repeated_part_counts_once(view_of: Any) -> None:
    view = view_of(
        Proposed((ProposedTrial(0, {"x": 1}, 1.0),)),
        Reported(0, 0.5, {"accuracy": 0.3}),
        Reported(0, 1.0, {"accuracy": 0.5}),
        Finished(0, Outcome.success({"accuracy": 0.5}, 1.0, {"epochs": 1.0})),
        Proposed((ProposedTrial(1, {"x": 1}, 2.0, (0,)),)),
        Reported(1, 1.0, {"accuracy": 0.55}),
        Reported(1, 2.0, {"accuracy": float("nan")}),
        Finished(1, Outcome.success({"accuracy": 0.7}, 1.0, {"epochs": 2.0})),
    )
    assert curve_of(view, view.history.trials, "epochs") == [(0.5, 0.3), (1.0, 0.55), (2.0, 0.7)]


@pytest.mark.parametrize(
    ("fidelity", "steps", "unit", "points"),
    [
        (["points", 20.0, 180.0], (1.0, 2.0, 3.0), "steps", [(1.0, 0.3), (2.0, 0.4), (3.0, 0.5)]),  # repeats
        (["epochs", 1.0, 1.0], (1.0, 2.0, 3.0), "steps", [(1.0, 0.3), (2.0, 0.4), (3.0, 0.5)]),
        (["points", 20.0, 180.0], (), "points", [(180.0, 0.5)]),
        (["epochs", 1.0, 1.0], (), "epochs", []),  # nobody knows whether anything was trained
        (["epochs", 1.0, 180.0], (60.0,), "epochs", [(60.0, 0.3), (180.0, 0.5)]),
    ],
)
def test_the_end_of_a_trial_stands_only_where_it_is_known_to_be(
    view_of: Any, fidelity: list[Any], steps: tuple[float, ...], unit: str, points: list[Any]
) -> None:
    view = view_of(
        Proposed((ProposedTrial(0, {"x": 1}, fidelity[2]),)),
        *(Reported(0, step, {"accuracy": 0.3 + 0.1 * i}) for i, step in enumerate(steps)),
        Finished(0, Outcome.success({"accuracy": 0.5}, 1.0)),
        problem={"objectives": [["accuracy", True]], "constraints": [], "fidelity": fidelity},
        job=False,
    )
    assert unit_of(view, view.history.trials) == unit
    assert curve_of(view, view.history.trials, unit) == points


def test_a_long_curve_keeps_its_ends() -> None:
    points = thinned(range(1000), MOST_POINTS)
    assert (len(points), points[0], points[-1]) == (MOST_POINTS, 0, 999)


def test_numbers_have_no_more_digits_than_a_picture_shows() -> None:
    assert rounded(0.123456789) == 0.123457
