from __future__ import annotations

from archsmith.analysis.comparison.compared import VOLUME, probability, shown


def test_values_and_probabilities_as_people_read_them() -> None:
    assert shown("final_test_accuracy", 0.94371) == "94.37 %"
    assert shown("accuracy", 0.5) == "50.00 %"
    assert shown("latency_ms_fpga", 1234.0) == "1,234"
    assert shown(VOLUME, 0.81234) == "0.8123"
    assert shown("accuracy", None) == "–"
    assert (probability(0.0001), probability(0.04567), probability(None)) == ("< 0.001", "0.046", "–")
