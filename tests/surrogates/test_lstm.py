from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.growth import Alphabet

torch = pytest.importorskip("torch")

from archsmith.surrogates.lstm import UNITS, Lstm  # noqa: E402
from archsmith.surrogates.tokens import padded  # noqa: E402

PAIRS = Alphabet(vocabularies=(3, 2), slots=(0, 0, 1), layout=(0, 1, 2))


def test_it_is_an_lstm_whatever_order_the_rows_come_in() -> None:
    rng = np.random.default_rng(0)
    model = Lstm(PAIRS, 2, rng)
    rows = [
        row[:n] for row, n in zip(rng.integers(0, 2, (20, 6)).astype(np.int16), rng.integers(1, 7, 20), strict=True)
    ]
    scores = model.predict(model.encode(padded(rows)))
    shuffled = rng.permutation(20)
    assert np.allclose(model.predict(model.encode(padded([rows[i] for i in shuffled]))), scores[:, shuffled], atol=1e-6)

    cell = torch.nn.LSTMCell(UNITS, UNITS)
    with torch.no_grad():
        for member in range(2):
            cell.weight_ih.copy_(model.inwards[member].T)
            cell.weight_hh.copy_(model.around[member].T)
            cell.bias_ih.copy_(model.bias[member, 0])
            cell.bias_hh.zero_()
            for row, score in zip(rows, scores[member], strict=True):
                state = (torch.zeros(1, UNITS), torch.zeros(1, UNITS))
                for index in model.encode(row[None])[0]:
                    state = cell(model.embeddings[member, index][None], state)
                assert torch.sigmoid(state[0] @ model.last[member]).item() == pytest.approx(float(score), abs=1e-5)
