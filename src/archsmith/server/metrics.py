"""What Prometheus is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from archsmith.server.request import Answer

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one server. Every label has a known set of values, so that nobody can make them grow."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._registry)  # memory, CPU time, open files
        self._requests = Counter(
            "archsmith_requests", "Answers, by model and status.", ("model", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "archsmith_request_seconds",
            "From the headers to the answer.",
            ("model",),
            registry=self._registry,
            buckets=SECONDS,
        )
        self._examples = Counter("archsmith_examples", "Examples in requests.", ("model",), registry=self._registry)
        self._calls = Histogram(
            "archsmith_call_examples",
            "Examples in one call of a network.",
            ("model",),
            registry=self._registry,
            buckets=SIZES,
        )
        self._versions = Counter(
            "archsmith_versions", "New versions, by what became of them.", ("model", "result"), registry=self._registry
        )
        self._in_flight = Gauge(
            "archsmith_requests_in_flight", "Requests that are read and not answered.", registry=self._registry
        )
        self._children: dict[tuple[str, ...], Any] = {}

    def answered(self, model: str, status: int, seconds: float, n: int) -> None:
        """An answer went out. ``model`` is empty for routes without one."""
        self._child(self._requests, model, str(status)).inc()
        if model:
            self._child(self._seconds, model).observe(seconds)
            if n:
                self._child(self._examples, model).inc(n)

    def called(self, model: str, n: int) -> None:
        """A network ran on n examples."""
        self._child(self._calls, model).observe(n)

    def changed(self, model: str, result: str) -> None:
        """A version was ``loaded``, ``swapped``, ``refused`` or ``gone``."""
        self._child(self._versions, model, result).inc()

    def in_flight(self, count: Callable[[], int]) -> None:
        """Who is asked for the number of requests in flight when the page is made."""
        self._in_flight.set_function(count)

    def page(self) -> Answer:
        return Answer(generate_latest(self._registry), type=CONTENT_TYPE_LATEST)

    def _child(self, metric: Counter | Histogram, *labels: str) -> Any:
        # looking a child up in the library takes a lock and some microseconds
        key = (str(id(metric)), *labels)
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = metric.labels(*labels)
        return found
