from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archsmith.analysis.comparison.compared import VOLUME, Compared, probability
from archsmith.runtime.comparison import Plan


def test_values_and_probabilities_as_people_read_them(made_up: Callable[..., tuple[Compared, Plan]]) -> None:
    found, _ = made_up("random")
    assert found.shown(0.5) == "50.00 %" and found.shown(None) == "–"
    assert replace(found, metric="final_test_accuracy").shown(0.94371) == "94.37 %"
    assert replace(found, metric="latency_ms_fpga").shown(1234.0) == "1,234"
    assert replace(found, metric=VOLUME).shown(0.81234) == "0.8123"
    assert (probability(0.0001), probability(0.04567), probability(None)) == ("< 0.001", "0.046", "–")
