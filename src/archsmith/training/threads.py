"""How many threads torch computes with: small networks, and machines that others use too, are often faster with fewer
than there are cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def candidates() -> tuple[int, ...]:
    """Numbers worth measuring: all that torch would use, half of them, one."""
    most = torch.get_num_threads()
    return tuple(dict.fromkeys([most, max(1, most // 2), 1]))


@contextmanager
def limited(n_threads: int | None) -> Iterator[None]:
    """Compute with ``n_threads`` inside the block (None: as many as before)."""
    before = torch.get_num_threads()
    if n_threads is not None:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
