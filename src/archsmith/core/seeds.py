"""Where randomness comes from: every generator derives from the study's seed and a name.

So nothing depends on what ran before it.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the part of a study that ``names`` spell, such as ``derive(seed, "trial", 7)``.

    It is the same on every machine.
    """
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A new numpy generator for that part."""
    return np.random.default_rng(derive(seed, *names))
