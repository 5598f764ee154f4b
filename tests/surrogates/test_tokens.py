from __future__ import annotations

import numpy as np

from archsmith.core.growth import ABSENT, Alphabet
from archsmith.surrogates.tokens import averages, indexes, padded

PAIRS = Alphabet(vocabularies=(3, 2), slots=(0, 0, 1), layout=(0, 1, 2))


def row(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int16)


def test_rows_are_filled_up() -> None:
    assert padded([row(1), row(1, 2, 3), row()]).tolist() == [[1, ABSENT, ABSENT], [1, 2, 3], [ABSENT] * 3]


def test_averages_count_the_tokens_of_each_slot() -> None:
    x = averages(padded([row(0, 2, 1), row(0, 2, 1, 1, 2, 1), row()]), PAIRS)
    assert x.tolist() == [
        [1, 0, 0, 0, 0, 1, 0, 1],
        [0.5, 0.5, 0, 0, 0, 1, 0, 1],
        [0] * 8,
    ]


def test_indexes_put_the_vocabularies_in_one_table() -> None:
    assert indexes(padded([row(0, 2, 1, 1), row(2)]), PAIRS).tolist() == [[0, 2, 4, 1], [2, ABSENT, ABSENT, ABSENT]]
