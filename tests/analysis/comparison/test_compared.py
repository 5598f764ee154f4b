from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archsmith.analysis.comparison.compared import VOLUME, Compared, effect_size, probability
from archsmith.runtime.comparison import Plan


def test_a_share_of_pairs_never_looks_like_all_or_none_if_it_is_not(
    made_up: Callable[..., tuple[Compared, Plan]],
) -> None:
    found, _ = made_up("random", "local")
    for won, lost, told in (
        (499 / 500, 1 / 500, ["99.8 %", "0.2 %", "+0.9960"]),
        (1.0, 0.0, ["100 %", "0 %", "+1.00"]),
        (0.625, 0.375, ["62 %", "38 %", "+0.25"]),
        (251 / 500, 249 / 500, ["50 %", "50 %", "+0.004"]),
    ):
        found = replace(found, wins={"random": {"local": won}, "local": {"random": lost}})
        shown = [found.won("random", "local"), found.won("local", "random"), effect_size(won - lost)]
        assert [text.replace("\u00a0", " ") for text in shown] == told


def test_values_and_probabilities_as_people_read_them(made_up: Callable[..., tuple[Compared, Plan]]) -> None:
    found, _ = made_up("random")
    assert found.shown(0.5) == "50.00 %" and found.shown(None) == "–"
    assert replace(found, metric="final_test_accuracy").shown(0.94371) == "94.37 %"
    assert replace(found, metric="latency_ms_fpga").shown(1234.0) == "1,234"
    assert replace(found, metric=VOLUME).shown(0.81234) == "0.8123"
    assert (probability(0.0001), probability(0.04567), probability(None)) == ("< 0.001", "0.046", "–")
