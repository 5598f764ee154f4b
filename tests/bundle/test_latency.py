from __future__ import annotations

from typing import Any

from archsmith.bundle import Predictor
from archsmith.bundle.latency import latency_ms


def test_is_a_time_of_one_picture(exported: Any) -> None:
    predictor = Predictor(exported.folder, threads=1)
    assert 0 < latency_ms(predictor, 64, seconds=0.01) < 1000
