"""The LSTM of PNAS: reads the tokens of a cell one after the other.

The last hidden state, one linear layer and a sigmoid give the score.

Source: Liu et al. 2018 (arXiv 1712.00559): one layer of 100 units, embeddings of 100 shared within a vocabulary, L1
loss, Adam.

Ours: the other weights begin uniform within ± 0.1 too, the forget gate with a bias of 1. All members of the ensemble
are trained at once. When many rows are scored, those that begin alike share their states. Expansions come in
lexicographic order, so that nearly all the work is the last token.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from archsmith.core.growth import ABSENT, Alphabet, Tokens
from archsmith.surrogates.tokens import Floats, Indexes, indexes

UNITS = 100  # of embeddings and hidden state, Liu et al. 2018
BOUND = 0.1  # Liu et al. 2018 for the embeddings


class Lstm:
    """``n_members`` networks side by side. Tensors are ``(member, …)``."""

    most_steps = 100  # each costs as much as a hundred of the MLP's

    def __init__(self, alphabet: Alphabet, n_members: int, rng: np.random.Generator) -> None:
        def uniform(*shape: int) -> Tensor:
            return torch.from_numpy(rng.uniform(-BOUND, BOUND, (n_members, *shape)).astype(np.float32)).requires_grad_()

        self.alphabet = alphabet
        self.embeddings = uniform(sum(alphabet.vocabularies), UNITS)
        self.inwards = uniform(UNITS, 4 * UNITS)  # gates: input, forget, new, output
        self.around = uniform(UNITS, 4 * UNITS)
        bias = torch.zeros(n_members, 1, 4 * UNITS)
        bias[..., UNITS : 2 * UNITS] = 1.0
        self.bias = bias.requires_grad_()
        self.last = uniform(UNITS, 1)
        self.last_bias = torch.zeros(n_members, 1, 1).requires_grad_()

    def encode(self, tokens: Tokens) -> Indexes:
        return indexes(tokens, self.alphabet)

    def start(self, logit: float) -> None:
        """Begin with about sigmoid(``logit``) as the score of everything.

        Liu et al. 2018 have 1.8, for the mean accuracy at the first level.
        """
        with torch.no_grad():
            self.last_bias.fill_(logit)

    def train(self, x: Indexes, y: Floats, mask: Floats, batches: Sequence[npt.NDArray[np.intp]], rate: float) -> None:
        """One step of Adam a batch on the L1 loss. ``mask`` ``(member, n)`` says who learns from which row."""
        optimizer = torch.optim.Adam(
            [self.embeddings, self.inwards, self.around, self.bias, self.last, self.last_bias], lr=rate
        )
        for batch in batches:
            share = torch.from_numpy(mask[:, batch] / np.maximum(1, mask[:, batch].sum(axis=1, keepdims=True)))
            with torch.enable_grad():
                loss = ((self._scores(x[batch]) - torch.from_numpy(y[batch])).abs() * share).sum()
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()

    def predict(self, x: Indexes) -> Floats:
        """Scores in (0, 1), ``(member, n)``."""
        with torch.no_grad():
            scores: Floats = self._scores(x).numpy()
        return scores

    def _scores(self, x: Indexes) -> Tensor:
        table = self.embeddings @ self.inwards + self.bias
        n_members, n = len(table), len(x)
        hidden = cell = torch.zeros(n_members, 1, UNITS)
        state_of = np.zeros(n, np.intp)  # rows that began alike have one state
        for column in x.T:
            begins = np.ones(n, np.bool_)
            begins[1:] = (state_of[1:] != state_of[:-1]) | (column[1:] != column[:-1])
            rows = np.flatnonzero(begins)
            hidden, cell = self._read(table, column[rows], hidden[:, state_of[rows]], cell[:, state_of[rows]])
            state_of = np.cumsum(begins) - 1
        return torch.sigmoid(hidden @ self.last + self.last_bias)[:, state_of, 0]

    def _read(self, table: Tensor, tokens: Indexes, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """The states ``(member, n, UNITS)`` after one more token each; an ABSENT one changes nothing."""
        gates = table[:, np.maximum(tokens, 0)] + hidden @ self.around
        enter, forget, new, leave = gates.split(UNITS, dim=2)
        after = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
        seen = torch.sigmoid(leave) * torch.tanh(after)
        if (tokens != ABSENT).all():
            return seen, after
        there = torch.from_numpy(tokens != ABSENT)[:, None]
        return torch.where(there, seen, hidden), torch.where(there, after, cell)
