"""The global generators of Python, numpy and torch. Nothing in this library draws from them."""

from __future__ import annotations

import random
import sys

import numpy as np


def global_randomness() -> str:
    """Their states as one text. It changes when anybody draws from one of them."""
    kind, words, *rest = np.random.get_state()  # noqa: NPY002 - it is read here to see that nobody uses it
    states: list[object] = [random.getstate(), kind, np.asarray(words).tolist(), rest]
    if "torch" in sys.modules:
        states.append(sys.modules["torch"].random.get_rng_state().tolist())
    return repr(states)
