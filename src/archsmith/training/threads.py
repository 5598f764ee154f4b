"""How many threads torch computes with. Fewer threads than cores are often faster: for small networks, and on machines
that others use, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def candidates() -> tuple[int, ...]:
    """Numbers of threads that are worth measuring: as many as torch would use, half of them, one."""
    most = torch.get_num_threads()
    return tuple(dict.fromkeys([most, max(1, most // 2), 1]))


@contextmanager
def limited(n_threads: int | None) -> Iterator[None]:
    """Compute with ``n_threads`` inside the block (None: with as many as before)."""
    before = torch.get_num_threads()
    if n_threads is not None:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
