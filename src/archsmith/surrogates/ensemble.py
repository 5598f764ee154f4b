"""The ensemble of PNAS: five networks, each fitted to four fifths of the data.

Their mean is the score, and their spread says how sure it is.

Source: Liu et al. 2018 (arXiv 1712.00559): Adam with a rate of 0.01 at the first fit and 0.002 from then on. Each fit
goes on from the weights of the one before. So which network never sees a row derives from the row itself: were it drawn
at every fit, each network would have seen nearly all rows after a few.

Ours, where the paper gives no numbers: a fit sees all data there are, on batches of 128. It takes 10 steps for each
row, at least 50, and at most what the network allows (400 for the MLP, 100 for the LSTM). The ensemble begins with the
mean of its first targets, as the paper's begins with the mean accuracy of the first level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from archsmith.core.errors import MissingExtraError
from archsmith.core.growth import ABSENT, Alphabet, Tokens
from archsmith.core.seeds import derive, generator
from archsmith.surrogates.mlp import Mlp
from archsmith.surrogates.tokens import Floats, padded

KINDS = ("mlp", "lstm")
N_MEMBERS = 5  # Liu et al. 2018
FIRST_RATE, RATE = 0.01, 0.002  # Liu et al. 2018
BATCH = 128
STEPS_PER_ROW, FEWEST_STEPS = 10, 50
CHUNK = 8192  # rows scored at once: some 50 MB


class Model(Protocol):
    """Several networks trained side by side. Scores and masks are ``(member, n)``. See ``Mlp``.

    ``most_steps``: the most steps of one fit.
    """

    most_steps: int

    def encode(self, tokens: Tokens) -> npt.NDArray[Any]: ...

    def start(self, logit: float) -> None: ...

    def train(self, x: Any, y: Floats, mask: Floats, batches: Sequence[npt.NDArray[np.intp]], rate: float) -> None: ...

    def predict(self, x: Any) -> Floats: ...


class Ensemble:
    """Scores rows of tokens, and says how sure it is.

    ``kind``: ``mlp`` or ``lstm``.
    ``alphabet``: what the tokens are written in.
    ``seed``: of everything that is drawn. The same fits in the same order give the same scores.
    """

    def __init__(self, kind: str, alphabet: Alphabet, seed: int) -> None:
        self._seed, self._rng = seed, generator(seed, "surrogate", kind)
        self._model: Model = Mlp(alphabet, N_MEMBERS, self._rng) if kind == "mlp" else _lstm(alphabet, self._rng)
        self._fitted = False

    def fit(self, rows: Sequence[Tokens], targets: Sequence[float]) -> None:
        """Learn from rows of tokens with their targets in [0, 1]. Learning goes on from the fit before."""
        n, y = len(rows), np.array(targets, np.float32)
        mask = (self.folds(rows) != np.arange(N_MEMBERS)[:, None]).astype(np.float32)
        if not self._fitted:
            mean = min(0.98, max(0.02, float(y.mean())))
            self._model.start(math.log(mean / (1 - mean)))
        n_steps = min(max(STEPS_PER_ROW * n, FEWEST_STEPS), self._model.most_steps)
        x = self._model.encode(padded(rows))
        self._model.train(x, y, mask, self._batches(n, n_steps), RATE if self._fitted else FIRST_RATE)
        self._fitted = True

    def folds(self, rows: Sequence[Tokens]) -> npt.NDArray[np.intp]:
        """The member that never learns from each row, ``(n,)``. It depends on the row and the seed alone."""
        written = (row[row != ABSENT].tolist() for row in rows)
        return np.array([derive(self._seed, "fold", *tokens) % N_MEMBERS for tokens in written], np.intp)

    def predict(self, tokens: Tokens) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the members' scores, each ``(n,)``, for ``tokens`` ``(n, w)``."""
        mean, spread = np.empty(len(tokens), np.float32), np.empty(len(tokens), np.float32)
        for begin in range(0, len(tokens), CHUNK):
            scores = self._model.predict(self._model.encode(tokens[begin : begin + CHUNK]))
            mean[begin : begin + CHUNK] = scores.mean(axis=0)
            spread[begin : begin + CHUNK] = scores.std(axis=0)
        return mean, spread

    def _batches(self, n: int, n_steps: int) -> list[npt.NDArray[np.intp]]:
        if n <= BATCH:
            return [np.arange(n)] * n_steps
        batches: list[npt.NDArray[np.intp]] = []
        while len(batches) < n_steps:
            batches += np.array_split(self._rng.permutation(n), -(-n // BATCH))
        return batches[:n_steps]


def _lstm(alphabet: Alphabet, rng: np.random.Generator) -> Model:
    try:
        from archsmith.surrogates.lstm import Lstm
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("torch", "train", "The LSTM surrogate") from error
    return Lstm(alphabet, N_MEMBERS, rng)
