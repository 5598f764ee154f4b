"""How long one picture takes on this machine."""

from __future__ import annotations

import statistics
import time

from archsmith.bundle.predictor import Predictor
from archsmith.core.seeds import generator

LEAST_ROUNDS = 5


def latency_ms(predictor: Predictor, batch: int = 1, seconds: float = 0.5) -> float:
    """Median milliseconds a picture, of calls with ``batch`` pictures of the network's own size that are decoded
    already, over about ``seconds``.
    """
    channels, height, width = predictor.manifest.preprocessing.shape
    pictures = generator(0, "bundle", "latency").integers(0, 256, (batch, height, width, channels), dtype="uint8")
    predictor.predict(pictures)  # the first call allocates
    rounds: list[float] = []
    end = time.perf_counter() + seconds
    while len(rounds) < LEAST_ROUNDS or time.perf_counter() < end:
        began = time.perf_counter()
        predictor.predict(pictures)
        rounds.append(time.perf_counter() - began)
    return 1000 * statistics.median(rounds) / batch
