"""The shipped benchmark tables: what is in them.

    python benchmarks/tables.py

What strategies find in them is printed by ``benchmarks/methods.py``.
"""

from __future__ import annotations

import itertools
import statistics
import sys

import numpy as np

from archsmith.evaluators import benches
from archsmith.evaluators.table import TableEvaluator


def ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks of ``values`` (n,), ties sharing theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def describe(name: str) -> str:
    evaluator = TableEvaluator(name)
    table = evaluator.table
    accuracy = table.metrics["accuracy"][:, -1, :].astype(float)
    networks = np.unique(table.metrics["log_loss"].reshape(len(table), -1), axis=0, return_index=True)[1]  # equal networks share their trainings
    one_each = accuracy[networks]
    rho = statistics.mean(
        np.corrcoef(ranks(one_each[:, a]), ranks(one_each[:, b]))[0, 1] for a, b in itertools.combinations(range(one_each.shape[1]), 2)
    )
    mean = one_each.mean(1)
    size = (benches.FOLDER / f"{name}.npz").stat().st_size / 1000
    return (
        f"{name:<17} {len(table):6,} {len(networks):9,} {size:6.0f} {table.fidelities[-1]:7.0f} {table.seconds[:, -1].mean():8.2f} "
        f"{rho:6.2f} {100 * mean.max():6.2f} {100 * mean.mean():6.2f} {100 * one_each.std(1, ddof=1).mean():6.2f}"
    )


def main() -> int:
    print(f"{'table':<17} {'rows':>6} {'networks':>9} {'kB':>6} {'epochs':>7} {'seconds':>8} {'rho':>6} {'best':>6} {'mean':>6} {'noise':>6}")
    for name in benches.names():
        print(describe(name))
    print("seconds: mean CPU time of one training; rho: rank correlation between seeds; best, mean, noise (sd over seeds): accuracy in %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
