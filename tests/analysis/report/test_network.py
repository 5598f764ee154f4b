from __future__ import annotations

from typing import Any

from archsmith.analysis.report.network import drawings, network_of
from archsmith.analysis.study import read_study


def test_a_network_is_drawn_with_its_cells(make: Any) -> None:
    study = read_study(make())
    found = network_of(study)
    assert found is not None and found.whose == "exported network" and "parameters" in found.size
    assert [part.title for part in found.inside] == ["Normal cell (one of 2)"]
    drawn = drawings(study, found)
    assert set(drawn) == {"network", "network-part0"} and all('id="tip-' in svg for svg in drawn.values())


def test_without_a_graph_there_is_nothing_to_draw(make: Any) -> None:
    assert network_of(read_study(make(graph=False, n_trials=0, finished=False))) is None
