from __future__ import annotations

import pytest

from archsmith.analysis import statistics
from archsmith.core.seeds import generator


def test_wilson_is_the_textbook_interval() -> None:
    # (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n) for p = 0.9, n = 10, z = 1.96, by hand.
    low, high = statistics.wilson(0.9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)
    assert statistics.wilson(1.0, 50)[1] == 1.0 and statistics.wilson(0.0, 50)[0] == 0.0


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    # 2000 draws of 40 pictures at p = 0.9: the interval's own coverage there is 0.958; outside 0.93 … 0.98 once in
    # millions of runs.
    hits = generator(0, "wilson").binomial(40, 0.9, 2000)
    covered = [low <= 0.9 <= high for low, high in (statistics.wilson(h / 40, 40) for h in hits)]
    assert 0.93 < sum(covered) / len(covered) < 0.98


def test_a_gap_is_beyond_chance_only_on_enough_pictures() -> None:
    assert not statistics.beyond_chance(0.93, 0.92, 270) and statistics.beyond_chance(0.93, 0.92, 10_000)


def test_rank_correlation() -> None:
    x = [float(i) for i in range(10)]
    assert statistics.rank_correlation(x, [v**3 for v in x]) == pytest.approx(1.0)
    assert statistics.rank_correlation(x, [-v for v in x]) == pytest.approx(-1.0)
    assert statistics.rank_correlation(x[:5], x[:5]) is None and statistics.rank_correlation(x, [1.0] * 10) is None
    ties = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert statistics.rank_correlation(ties, ties) == pytest.approx(1.0)
