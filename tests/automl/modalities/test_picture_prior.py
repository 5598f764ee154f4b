from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from archsmith.automl.modalities import picture_prior
from archsmith.automl.modalities.picture_prior import FURTHEST_TIMES, RECORDED, natural, prior
from archsmith.spaces.picture_seeds import ANCHORS


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "known.json"
    file.write_text(
        json.dumps(
            {
                "slope": 0.2,
                "families": {"mlp": 0.1},
                "levels": {"mlp": [0.3, 0.2, 0.1], "wide": [0.2, 0.0, 0.1]},
                "unknown": {"mlp": [0.4, 0.5], "wide": [0.0, 0.5]},
                "longer": {"wide": [-0.05, 0.3, -0.1]},
            }
        )
    )
    monkeypatch.setattr(picture_prior, "FILE", file)


def test_pictures_are_natural_where_features_of_photographs_beat_pixels() -> None:
    photographs, words = natural({"linear": 0.6, "pretrained": 0.4}), natural({"linear": 0.2, "pretrained": 0.8})
    assert photographs == pytest.approx(math.log(1.5))
    assert words == pytest.approx(-math.log(4))


def test_it_is_not_known_without_one_of_them() -> None:
    assert natural({"linear": 0.2}) is None and natural({}) is None


def test_no_error_at_all_is_not_infinitely_good() -> None:
    assert natural({"linear": 0.5, "pretrained": 0.0}) == 1.5
    assert natural({"linear": 0.0, "pretrained": 0.0}) == 0.0


def test_levels_depend_on_how_natural_the_pictures_are(known: None) -> None:
    mean, sd = prior({"linear": 0.6, "pretrained": 0.4}).level("mlp")
    assert mean == pytest.approx(0.3 + 0.2 * math.log(1.5)) and sd == 0.1
    assert prior({}).level("mlp") == (0.4, 0.5)


@pytest.mark.parametrize(("linear", "share"), [(0.4, 0.0), (0.6, 0.5), (0.9, 1.0)])
def test_a_wide_network_ends_further_ahead_with_more_time_above_all_on_photographs(
    known: None, monkeypatch: pytest.MonkeyPatch, linear: float, share: float
) -> None:
    monkeypatch.setattr(picture_prior, "PHOTOGRAPHS", 2 * math.log(1.5))

    def mean(seen: float | None) -> float:
        return prior({"linear": linear, "pretrained": 0.4}, seen).level("wide")[0]

    assert mean(None) == 0.2
    assert mean(RECORDED) == pytest.approx(0.2 + 0.3 * share)
    for seen, far in ((4 * RECORDED, math.log(4)), (1e12, math.log(FURTHEST_TIMES))):
        assert mean(seen) == pytest.approx(0.2 - 0.05 * far + share * (0.3 - 0.1 * far))
        unknown, sd = prior({}, seen).level("wide")
        assert (unknown, sd) == (pytest.approx(-0.05 * far), 0.5)
        assert prior({}, seen).level("mlp") == (0.4, 0.5)


def test_what_ships_hopes_for_a_wide_network_with_much_time_and_most_on_photographs() -> None:
    photographs, others = {"linear": 0.61, "pretrained": 0.32}, {"linear": 0.15, "pretrained": 0.14}
    assert prior(photographs, 2_500_000).level("wide")[0] < -0.1
    for pictures in (photographs, others, {}):
        assert prior(pictures, 400_000).level("wide")[0] > 0.1
    for pictures in (others, {}):
        assert abs(prior(pictures, 2_500_000).level("wide")[0]) < 0.1


def test_slopes_are_those_of_the_file(known: None) -> None:
    assert prior({}).slope == 0.2 and prior({}).of("mlp").slope == 0.1


def test_what_ships_speaks_of_families_that_there_are() -> None:
    families = {family for family, *_ in ANCHORS.values()}
    for errors in ({}, {"linear": 0.6, "pretrained": 0.4}):
        levels = prior(errors).levels
        assert "stages" in levels and set(levels) <= families and all(sd > 0 for _, sd in levels.values())


def test_convolutions_are_expected_to_win_on_photographs_rather_than_on_words() -> None:
    photographs, words = prior({"linear": 0.6, "pretrained": 0.35}), prior({"linear": 0.2, "pretrained": 0.75})
    assert photographs.level("strips")[0] > 0.2 > words.level("strips")[0]
