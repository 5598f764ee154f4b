from __future__ import annotations

import pytest

from archsmith.analysis import statistics


def test_a_gap_is_clear_only_on_enough_pictures() -> None:
    assert not statistics.Gap.of_shares(0.93, 0.92, 270).clear and statistics.Gap.of_shares(0.93, 0.92, 10_000).clear


def test_rank_correlation() -> None:
    x = [float(i) for i in range(10)]
    assert statistics.rank_correlation(x, [v**3 for v in x]) == pytest.approx(1.0)
    assert statistics.rank_correlation(x, [-v for v in x]) == pytest.approx(-1.0)
    assert statistics.rank_correlation(x[:5], x[:5]) is None and statistics.rank_correlation(x, [1.0] * 10) is None
    ties = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert statistics.rank_correlation(ties, ties) == pytest.approx(1.0)
