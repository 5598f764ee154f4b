"""The MLP of PNAS: embeddings of tokens, averaged slot by slot and joined, then two hidden layers and a sigmoid.

Source: Liu et al. 2018 (arXiv 1712.00559): hidden layers of 100 units, L1 loss, Adam. Vocabularies share their
embeddings among slots: both inputs of a block have one, and both operations.

An average of embeddings is the embedding of an average. So the first layer is one matrix product on one-hot averages,
and half a million cells are scored in seconds. All members of the ensemble are trained at once, as stacks of matrices.
This is written in numpy: it needs nothing else, and small steps are faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from archsmith.core.growth import Alphabet, Tokens
from archsmith.surrogates.tokens import Floats, averages

UNITS = 100  # of embeddings and hidden layers, Liu et al. 2018
EMBEDDING_BOUND = 0.1  # embeddings begin uniform within ± this, Liu et al. 2018
DECAY, DECAY_SQUARED, TINY = 0.9, 0.999, 1e-8  # Adam, Kingma and Ba 2015


class Mlp:
    """``n_members`` networks side by side. Arrays are ``(member, …)``."""

    most_steps = 400

    def __init__(self, alphabet: Alphabet, n_members: int, rng: np.random.Generator) -> None:
        def uniform(bound: float, *shape: int) -> Floats:
            return rng.uniform(-bound, bound, (n_members, *shape)).astype(np.float32)

        def layer(fan_in: int, *shape: int) -> Floats:
            return uniform((6 / fan_in) ** 0.5, *shape)  # He et al. 2015, for ReLU

        self.alphabet = alphabet
        n_slots = len(alphabet.slots)
        self.embeddings = [uniform(EMBEDDING_BOUND, size, UNITS) for size in alphabet.vocabularies]
        self.first = [layer(n_slots * UNITS, UNITS, UNITS) for _ in alphabet.slots]
        self.second = layer(UNITS, UNITS, UNITS)
        self.last = layer(UNITS, UNITS, 1)
        self.biases = [np.zeros((n_members, 1, n), np.float32) for n in (UNITS, UNITS, 1)]

    def encode(self, tokens: Tokens) -> Floats:
        return averages(tokens, self.alphabet)

    def start(self, logit: float) -> None:
        """Begin with sigmoid(``logit``) as the score of everything."""
        self.biases[2][:] = logit

    def predict(self, x: Floats) -> Floats:
        """Scores in (0, 1), ``(member, n)``."""
        return self._forward(x)[-1]

    def train(self, x: Floats, y: Floats, mask: Floats, batches: Sequence[npt.NDArray[np.intp]], rate: float) -> None:
        """One step of Adam a batch on the L1 loss. ``mask`` ``(member, n)`` says who learns from which row."""
        parameters = [*self.embeddings, *self.first, self.second, self.last, *self.biases]
        moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
        for step, batch in enumerate(batches, 1):
            scale = rate * (1 - DECAY_SQUARED**step) ** 0.5 / (1 - DECAY**step)
            gradients = self._gradients(x[batch], y[batch], mask[:, batch])
            for p, gradient, (mean, square) in zip(parameters, gradients, moments, strict=True):
                mean *= DECAY
                mean += (1 - DECAY) * gradient
                square *= DECAY_SQUARED
                square += (1 - DECAY_SQUARED) * gradient * gradient
                p -= scale * mean / (np.sqrt(square) + TINY)

    def _forward(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Both hidden layers and the scores."""
        table = np.concatenate(
            [self.embeddings[v] @ weights for v, weights in zip(self.alphabet.slots, self.first, strict=True)], axis=1
        )
        hidden1 = np.maximum(x @ table + self.biases[0], 0)
        hidden2 = np.maximum(hidden1 @ self.second + self.biases[1], 0)
        logits = (hidden2 @ self.last + self.biases[2])[..., 0]
        return hidden1, hidden2, 1 / (1 + np.exp(-np.clip(logits, -30, 30)))

    def _gradients(self, x: Floats, y: Floats, mask: Floats) -> list[Floats]:
        """In the order of the parameters in ``train``."""
        hidden1, hidden2, score = self._forward(x)
        share = mask / np.maximum(1, mask.sum(axis=1, keepdims=True))
        d_logit = (np.sign(score - y) * share * score * (1 - score))[..., None]
        d_hidden2 = (d_logit @ self.last.swapaxes(1, 2)) * (hidden2 > 0)
        d_hidden1 = (d_hidden2 @ self.second.swapaxes(1, 2)) * (hidden1 > 0)
        d_table = x.T @ d_hidden1
        d_embeddings = [np.zeros_like(embedding) for embedding in self.embeddings]
        d_first = []
        end = 0
        for vocabulary, weights in zip(self.alphabet.slots, self.first, strict=True):
            embedding = self.embeddings[vocabulary]
            begin, end = end, end + embedding.shape[1]
            d_embeddings[vocabulary] += d_table[:, begin:end] @ weights.swapaxes(1, 2)
            d_first.append(embedding.swapaxes(1, 2) @ d_table[:, begin:end])
        d_second = hidden1.swapaxes(1, 2) @ d_hidden2
        d_last = hidden2.swapaxes(1, 2) @ d_logit
        d_biases = [d.sum(axis=1, keepdims=True) for d in (d_hidden1, d_hidden2, d_logit)]
        return [*d_embeddings, *d_first, d_second, d_last, *d_biases]
