from __future__ import annotations

from typing import Any

from archsmith.app.learning_curves import MOST_POINTS, curve_of, rounded, thinned
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
    assert curve_of("accuracy", view.history.trials) == [(0.5, 0.3), (1.0, 0.55), (2.0, 0.7)]


def test_a_long_curve_keeps_its_ends() -> None:
    points = thinned(range(1000), MOST_POINTS)
    assert (len(points), points[0], points[-1]) == (MOST_POINTS, 0, 999)


def test_numbers_have_no_more_digits_than_a_picture_shows() -> None:
    assert rounded(0.123456789) == 0.123457
