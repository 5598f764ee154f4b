"""The one numerical part of a drawing: positions on a line that keep their distances and make the edges as straight as
possible.

A convex quadratic programme, solved by the alternating direction method of multipliers (Boyd et al., 2011), section
5.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ENOUGH = 0.02  # pixels
STILL = 1e-5  # weight that keeps parts that hang on nothing from floating away


def spaced(
    slant: np.ndarray, least: Sequence[tuple[tuple[int, int], float]], pull: np.ndarray | None = None
) -> np.ndarray:
    """Minimise ``x' slant x / 2 - pull' x`` under ``x[j] - x[i] >= least`` for each ``((i, j), least)``; the distances
    hold exactly in the result. ``pull`` must sum to zero.
    """
    n = len(slant)
    pull = np.zeros(n) if pull is None else pull
    if not least:
        return np.linalg.solve(slant + STILL * np.eye(n), pull)
    left, right = np.array([pair for pair, _ in least]).T
    distance = np.array([d for _, d in least])
    # the weight of the distances against the slants; the result does not depend on it, the number of rounds does
    rho = 0.3
    weighed = slant + STILL * np.eye(n)
    np.add.at(
        weighed, ([left, right, left, right], [left, right, right, left]), np.array([[rho], [rho], [-rho], [-rho]])
    )
    inverse = np.linalg.inv(weighed)
    x, z, u = np.zeros(n), distance.copy(), np.zeros(len(least))
    for _ in range(600):
        wanted = rho * (z - u)
        x = inverse @ (pull + np.bincount(right, wanted, n) - np.bincount(left, wanted, n))
        difference = x[right] - x[left]
        before, z = z, np.maximum(distance, difference + u)
        u += difference - z
        if np.abs(z - before).max() < ENOUGH and np.abs(difference - z).max() < ENOUGH:
            break
    return _spread(x, list(zip(left.tolist(), right.tolist(), distance.tolist(), strict=True)))


def _spread(x: np.ndarray, least: Sequence[tuple[int, int, float]]) -> np.ndarray:
    """Push to the right what is still nearer than allowed, in the order from left to right."""
    n = len(x)
    before: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    after: list[list[int]] = [[] for _ in range(n)]
    for i, j, distance in least:
        before[j].append((i, distance))
        after[i].append(j)
    waiting = [len(b) for b in before]
    ready = [k for k in range(n) if not waiting[k]]
    for k in ready:
        x[k] = max([x[k], *(x[i] + distance for i, distance in before[k])])
        for j in after[k]:
            waiting[j] -= 1
            if not waiting[j]:
                ready.append(j)
    return x
