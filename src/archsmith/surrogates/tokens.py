"""Rows of tokens (see archsmith.core.growth) as numbers for a network.

The MLP reads one-hot averages, the LSTM indexes of embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from archsmith.core.growth import ABSENT, Alphabet, Tokens

Floats = npt.NDArray[np.float32]
Indexes = npt.NDArray[np.int64]


def padded(rows: Sequence[Tokens]) -> Tokens:
    """Rows of any lengths as one array ``(n, w)``, filled up with ABSENT."""
    out = np.full((len(rows), max(map(len, rows), default=0)), ABSENT, np.int16)
    for filled, row in zip(out, rows, strict=True):
        filled[: len(row)] = row
    return out


def averages(tokens: Tokens, alphabet: Alphabet) -> Floats:
    """The share of each token among those that stand at each slot, ``(n, columns)``: one column a slot and token."""
    sizes = np.array([alphabet.vocabularies[vocabulary] for vocabulary in alphabet.slots])
    begins = np.cumsum(sizes) - sizes
    n, n_columns = len(tokens), int(sizes.sum())
    columns = tokens + begins[_slots(alphabet, tokens.shape[1])] + np.arange(n)[:, None] * n_columns
    counts = np.bincount(columns[tokens != ABSENT], minlength=n * n_columns).reshape(n, n_columns)
    n_there = np.maximum(1, np.add.reduceat(counts, begins, axis=1))
    shares: Floats = (counts / np.repeat(n_there, sizes, axis=1)).astype(np.float32)
    return shares


def indexes(tokens: Tokens, alphabet: Alphabet) -> Indexes:
    """The row of each token's embedding, ``(n, w)``, when all vocabularies are one table. ABSENT stays as it is."""
    begins = np.cumsum(alphabet.vocabularies) - np.array(alphabet.vocabularies)
    begins_of_slots = begins[np.array(alphabet.slots, np.intp)]
    return np.where(tokens == ABSENT, ABSENT, tokens + begins_of_slots[_slots(alphabet, tokens.shape[1])]).astype(
        np.int64
    )


def _slots(alphabet: Alphabet, width: int) -> npt.NDArray[np.intp]:
    layout = alphabet.layout
    return np.array([layout[i % len(layout)] for i in range(width)], np.intp)
