from __future__ import annotations

import math

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.strategies.forecast import (
    AGEING,
    UNKNOWN_LEVEL,
    Forecast,
    Prior,
    expected_gain,
    forecast,
    fresh,
    in_the_light_of,
    slope_seen,
)

PRIOR = Prior(slope=0.3, slope_sd=0.1, bend_sd=0.1, end_sd=0.05)


def curve(slope: float, works: tuple[float, ...], scale: float = 0.5) -> list[tuple[float, float]]:
    return [(work, scale * work**-slope) for work in works]


def test_one_score_falls_by_the_prior_slope() -> None:
    seen = forecast([(1.0, 0.4)], 16.0, 2.0, None, PRIOR)
    assert seen.error == pytest.approx(0.4 * 16**-0.3)
    assert seen.sd == pytest.approx(math.hypot(0.1 * math.log(16), 0.05))


def test_scores_of_a_steeper_curve_raise_the_slope_and_make_it_surer() -> None:
    few, many = (forecast(curve(0.6, works), 64.0, 20.0, None, PRIOR) for works in ((1.0,), (1.0, 2.0, 4.0, 8.0)))
    assert few.slope == 0.3 and 0.45 < many.slope < 0.6
    assert many.sd < few.sd


def test_noisy_scores_say_less_of_the_slope() -> None:
    points = curve(0.8, (1.0, 2.0))
    exact, noisy = (forecast(points, 64.0, 4.0, rows, PRIOR) for rows in (None, 50))
    assert PRIOR.slope < noisy.slope < exact.slope
    assert noisy.sd > exact.sd


def test_an_error_never_rises_with_work() -> None:
    assert forecast([(1.0, 0.2), (2.0, 0.4)], 8.0, 4.0, None, PRIOR).error <= 0.4


def test_what_the_next_score_reveals_is_part_of_the_uncertainty() -> None:
    seen = forecast([(1.0, 0.4), (2.0, 0.33)], 64.0, 4.0, 2000, PRIOR)
    assert 0 < seen.revealed < seen.sd
    assert forecast([(1.0, 0.4), (2.0, 0.33)], 64.0, 2.1, 2000, PRIOR).revealed < seen.revealed


def test_zero_errors_are_forecast() -> None:
    assert 0 < forecast([(1.0, 0.1), (2.0, 0.0)], 64.0, 4.0, 200, PRIOR).error < 0.01


def test_expected_gain_is_the_mean_of_what_lies_below() -> None:
    # One million samples: the standard error is below 1e-4, so five of them are far from failing by chance.
    draws = np.exp(np.random.default_rng(0).normal(math.log(0.2), 0.3, 1_000_000))
    assert expected_gain(0.18, math.log(0.2), 0.3) == pytest.approx(np.maximum(0, 0.18 - draws).mean(), abs=5e-4)
    assert expected_gain(0.3, math.log(0.2), 0.0) == pytest.approx(0.1)
    assert expected_gain(0.1, math.log(0.2), 0.0) == 0.0


def test_an_unsure_forecast_leans_on_what_is_known_of_the_family() -> None:
    reference = Forecast(math.log(0.1), 0.3, 0.2, 0.1)
    surely, hardly = (
        in_the_light_of(Forecast(math.log(0.2), sd, 0.2, 0.5 * sd), reference, (0.0, 0.2)) for sd in (0.01, 2.0)
    )
    assert surely.error == pytest.approx(0.2, rel=0.01)
    assert hardly.error == pytest.approx(0.1, rel=0.02)


def test_two_sources_are_weighed_by_their_precision() -> None:
    reference = Forecast(0.0, 0.3, 0.2, 0.1)
    both = in_the_light_of(Forecast(1.0, 0.4, 0.2, 0.3), reference, (0.2, 0.4))
    assert both.log == pytest.approx(0.6)  # the mean of 1.0 and 0.2, which are equally sure
    assert both.sd == pytest.approx(0.4 / math.sqrt(2))
    assert 0 < both.revealed < both.sd


def test_a_family_that_nobody_knows_has_a_wide_level() -> None:
    prior = Prior(levels={"mlp": (0.5, 0.1)})
    assert prior.level("mlp") == (0.5, 0.1) and prior.level("other") == UNKNOWN_LEVEL


def test_examples_that_come_again_teach_less() -> None:
    assert fresh(4.0, 0.1, 30.0) == pytest.approx(4.0, rel=0.01)
    assert fresh(4.0, 300.0, 30.0) == pytest.approx(0.4, rel=0.01)  # ten times as many repeats as teach something
    works = [fresh(work, 20 * work, 30.0) for work in (1.0, 2.0, 4.0, 8.0, 16.0)]
    assert works == sorted(works) and works[-1] < 1.6  # 30 epochs are all that can be had of the examples


def test_work_counts_in_full_where_nothing_is_known_of_epochs() -> None:
    assert fresh(4.0, 0.0, 30.0) == 4.0 and fresh(4.0, 1e6, None) == 4.0


def test_flat_curves_of_some_networks_make_all_slopes_on_that_set_flatter() -> None:
    prior = Prior(slope=0.4, slope_sd=0.3, common=0.7, families={"mlp": 0.1, "resnet": 0.5})
    flat = prior.on([("resnet", 0.2, 0.01), ("other", 0.1, 0.01)])
    assert flat.slope < 0.4 and flat.of("resnet").slope < 0.5 and 0.0 <= flat.of("mlp").slope < 0.1
    assert flat.slope_sd < prior.slope_sd


def test_nothing_follows_from_no_curve_or_where_sets_have_nothing_in_common() -> None:
    prior = Prior(slope=0.4, slope_sd=0.3, common=0.7)
    assert prior.on([]) == prior
    alone = Prior(slope=0.4, slope_sd=0.3)
    assert alone.on([("resnet", 0.0, 0.01)]) == alone


def test_the_latest_slope_says_most_of_what_is_to_come() -> None:
    slows = [(1.0, 0.8), (2.0, 0.5), (4.0, 0.45)]
    speeds = [(1.0, 0.8), (2.0, 0.72), (4.0, 0.45)]
    slower, faster = (forecast(points, 64.0, 8.0, None, PRIOR) for points in (slows, speeds))
    assert slower.slope < faster.slope and slower.error > faster.error


def test_the_slope_that_scores_show_knows_no_prior() -> None:
    slope, variance = slope_seen(curve(0.6, (1.0, 2.0, 4.0)), None, PRIOR)
    assert slope == pytest.approx(0.6)
    assert variance == pytest.approx(PRIOR.bend_sd**2 / (1 + 1 / AGEING))
    assert slope_seen(curve(0.6, (1.0, 2.0, 4.0)), 100, PRIOR)[1] > variance


def test_scores_after_thousands_of_epochs_are_still_apart() -> None:
    works = [fresh(float(work), 100.0 * work, 30.0) for work in (100, 200, 400, 800)]
    assert works == sorted(set(works))
    points = [(work, 0.1) for work in works[:3]]
    assert math.isfinite(forecast(points, works[3], works[3], 200, PRIOR).error)


def test_nothing_is_gained_on_an_error_of_none() -> None:
    assert expected_gain(0.0, math.log(0.1), 0.5) == 0.0


@pytest.mark.parametrize("name", ["slope_sd", "bend_sd"])
def test_no_slope_is_known_for_sure(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^Prior\.{name} cannot be 0\. Give a number above 0\."):
        Prior(**{name: 0})  # type: ignore[arg-type]
