"""How long one example takes on this machine."""

from __future__ import annotations

import statistics
import time

from archsmith.bundle.predictor import Predictor
from archsmith.core.seeds import generator

LEAST_ROUNDS = 5


def latency_ms(predictor: Predictor, batch: int = 1, seconds: float = 0.5) -> float:
    """Median milliseconds an example, of calls with ``batch`` random examples that were read already, over about
    ``seconds``.
    """
    examples = predictor.manifest.intake.sample(batch, generator(0, "bundle", "latency"))
    predictor.predict(examples)  # the first call allocates
    rounds: list[float] = []
    end = time.perf_counter() + seconds
    while len(rounds) < LEAST_ROUNDS or time.perf_counter() < end:
        began = time.perf_counter()
        predictor.predict(examples)
        rounds.append(time.perf_counter() - began)
    return 1000 * statistics.median(rounds) / batch
