from __future__ import annotations

import json
from typing import Any

import pytest

from archsmith.app.pages.study_options import (
    curve_options,
    empty_options,
    progress_options,
    progress_words,
    scatter_options,
    scatter_words,
)
from archsmith.app.study_charts import Charts, Curve, Mark, Progress, Scatter

DOTS = [(10.0, 0.5, 0), (20.0, 0.9, 1), (30.0, 0.01, 2)]
LINEAR = Mark(letter="A", name="linear model", trial=None, at=5.0, score=0.45)
PROGRESS = Progress(
    since="since the start",
    dots=DOTS,
    shorter=[],
    failed=[(15.0, 3)],
    best=[(10.0, 0.5), (20.0, 0.9)],
    trained=[LINEAR],
    floor=0.4,
    left_out=0,
)
SCATTER = Scatter(
    metric="params",
    name="parameters",
    log=True,
    more_is_better=False,
    dots=[(10.0, 0.5, 0), (2000.0, 0.9, 1)],
    front=[(10.0, 0.5, 0), (2000.0, 0.9, 1)],
    knee=None,
    trained=[LINEAR, Mark(letter="B", name="searched network", trial=1, at=3000.0, score=0.95)],
    before=[Mark(letter="", name="best trial", trial=1, at=3000.0, score=0.8)],
    left_out=0,
)


def made(**more: Any) -> Charts:
    given: dict[str, Any] = {
        "version": "",
        "metric": "accuracy",
        "metric_name": "accuracy",
        "share": True,
        "maximize": True,
        "things": "networks",
        "unit": "epochs",
        "progress": PROGRESS,
        "scatters": [SCATTER],
        "curves": [],
    }
    return Charts(**{**given, **more})


def series(options: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in options["series"] if each["name"] == name)


def test_shares_are_drawn_in_per_cent_and_other_scores_as_they_are() -> None:
    assert series(progress_options(made()), "trials")["data"][0] == (10.0, 50.0, 0, "trial 0: 50\xa0% after 10\xa0s")
    plain = made(share=False, metric="r2")
    assert series(progress_options(plain), "trials")["data"][0] == (10.0, 0.5, 0, "trial 0: 0.5000 after 10\xa0s")
    assert progress_options(made())["yAxis"]["name"] == "accuracy in %"


def test_low_accuracies_in_percent_to_the_right_are_no_shares() -> None:
    right = SCATTER.model_copy(update={"metric": "accuracy", "name": "accuracy", "log": False, "front": []})
    low = right.model_copy(update={"dots": [(0.8, 0.5, 0), (56.2, 0.9, 1)], "trained": [], "before": []})
    told = [dot[3] for dot in series(scatter_options(made(), low), "networks")["data"]]
    assert told == ["trial 0: 50\xa0%, accuracy 0.8000", "trial 1: 90\xa0%, accuracy 56.20"]


def test_no_dot_stands_where_its_score_is_not() -> None:
    """What is below the axis has a mark of its own there, which tells the true score."""
    options = progress_options(made())
    assert [dot[:3] for dot in series(options, "trials")["data"]] == [(10.0, 50.0, 0), (20.0, 90.0, 1)]
    ((x, y, trial, told),) = series(options, "below the axis")["data"]
    assert (x, y, trial) == (30.0, options["yAxis"]["min"], 2)
    assert y < 45.0 and told == "trial 2: 1\xa0% after 30\xa0s"


def test_an_axis_goes_down_to_the_lowest_score_where_all_have_room() -> None:
    options = progress_options(made(progress=PROGRESS.model_copy(update={"floor": None})))
    assert "min" not in options["yAxis"]
    assert series(options, "below the axis")["data"] == ()
    assert series(options, "trials")["data"][2][:3] == (30.0, 1.0, 2)


def test_failed_trials_stand_at_the_lower_edge_without_a_score() -> None:
    options = progress_options(made())
    told = "trial 3: failed, or outside the limits"
    assert series(options, "failed")["data"] == ((15.0, options["yAxis"]["min"], 3, told),)


def test_the_best_so_far_goes_on_to_the_latest_trial() -> None:
    assert series(progress_options(made()), "best trial so far")["data"][-1] == (30.0, 90.0)


@pytest.mark.parametrize(("last", "unit"), [(90.0, "seconds"), (600.0, "minutes"), (20_000.0, "hours")])
def test_time_has_a_unit_that_suits_it(last: float, unit: str) -> None:
    long = PROGRESS.model_copy(update={"dots": [(last, 0.5, 0)], "failed": []})
    assert progress_options(made(progress=long))["xAxis"]["name"].startswith(unit)


def test_the_network_that_is_looked_at_has_a_ring() -> None:
    assert [dot[:3] for dot in series(progress_options(made(), {1}), "looked at")["data"]] == [(20.0, 90.0, 1)]
    assert [dot[:3] for dot in series(scatter_options(made(), SCATTER, {0}), "looked at")["data"]] == [(10.0, 50.0, 0)]


def test_a_scatter_says_which_way_is_better_and_names_what_was_trained() -> None:
    options = scatter_options(made(), SCATTER)
    assert options["xAxis"]["type"] == "log"
    assert options["xAxis"]["name"] == "parameters (less is better, log scale)"
    linear, _ = series(options, "compared, and baselines")["data"]
    assert (linear["name"], linear["value"]) == ("A", (5.0, 45.0, None, "linear model: 45\xa0%, 5 parameters"))
    assert "A = linear model and B = searched network." in scatter_words(made(), SCATTER)


def test_names_never_run_through_a_chart() -> None:
    """Letters stand for them, in marks of their own; what these are is told below."""
    for options in (progress_options(made()), scatter_options(made(), SCATTER)):
        for each in options["series"]:
            shown = [point["name"] for point in each["data"] if isinstance(point, dict)]
            assert all(len(name) <= 1 for name in shown) and ("label" in each) == bool(shown)


def test_words_say_what_a_chart_of_scores_over_time_shows() -> None:
    said = progress_words(made())
    low = progress_options(made())["yAxis"]["min"]
    for part in (
        "A dot is a trial",
        "line the best accuracy so far",
        "Crosses: failed",
        f"below {low:g}",
        "A = linear model",
    ):
        assert part in said
    nothing = {"dots": [], "failed": [], "best": [], "trained": [], "floor": None}
    assert progress_words(made(progress=PROGRESS.model_copy(update=nothing))) == ""


def test_the_knee_is_called_so() -> None:
    knee = SCATTER.model_copy(update={"knee": 0})
    assert "the knee point, a good balance: trial 0." in scatter_words(made(), knee)
    (point,) = series(scatter_options(made(), knee), "knee point")["data"]
    assert point[2] == 0


def test_words_name_what_is_drawn() -> None:
    price = SCATTER.model_copy(update={"metric": "price", "name": "price"})
    said = scatter_words(made(things="architectures"), price)
    assert said.startswith("A dot is an architecture of the search. No other one beats those on the line both in score")
    assert "both in score and in price." in said
    assert scatter_words(made(), SCATTER).startswith("A dot is a network of the search.")


def test_low_accuracies_in_percent_are_no_shares() -> None:
    curves = [Curve(trial=0, name="a", points=[(1.0, 0.5)], going=False)]
    plain = made(share=False, curves=curves)
    assert series(progress_options(plain), "trials")["data"][0][3] == "trial 0: 0.5000 after 10\xa0s"
    assert curve_options(plain)["series"][0]["data"][0][3] == "a: 0.5000 after 1 epoch"


def test_curves_that_go_on_stand_out() -> None:
    curves = [
        Curve(trial=3, name="a", points=[(1.0, 0.5), (2.0, 0.6)], going=True),
        Curve(trial=None, name="b", points=[(1.0, 0.5)], going=False),
    ]
    going, final = curve_options(made(curves=curves))["series"]
    assert going["data"] == (
        (1.0, 50.0, 3, "a: 50\xa0% after 1 epoch"),
        (2.0, 60.0, 3, "a: 60\xa0% after 2 epochs"),
    )
    assert final["data"] == ((1.0, 50.0, None, "b: 50\xa0% after 1 epoch"),)
    assert going["lineStyle"]["width"] > final["lineStyle"]["width"]


def test_names_out_of_a_log_are_data_and_never_part_of_a_script() -> None:
    odd = "`${alert(1)}`<b>"
    curves = [Curve(trial=None, name=odd, points=[(1.0, 0.5)], going=False)]
    mark = LINEAR.model_copy(update={"name": odd})
    named = SCATTER.model_copy(update={"trained": [mark]})
    for options in (curve_options(made(curves=curves)), scatter_options(made(), named)):
        scripts = [text for name, text in _texts(options) if name.startswith(":")]
        assert scripts
        assert not [text for text in scripts if "alert" in text]
        assert options["tooltip"]["renderMode"] == "richText"


def _texts(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in _texts(each, key)]
    if isinstance(value, list | tuple):
        return [found for each in value for found in _texts(each, name)]
    return [(name, value)] if isinstance(value, str) else []


def test_options_are_json() -> None:
    for options in (progress_options(made()), scatter_options(made(), SCATTER), empty_options(made())):
        json.dumps(options, allow_nan=False)
