"""What a server counts, for Prometheus; no label holds anything of a person or a picture."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "acir_requests", "Requests by route", ("route", "method", "status"),
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "acir_request_seconds", "Time to an answer", ("route",), registry=self._registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )  # fmt: skip
        self.verdicts = Counter(
            "acir_verdicts", "Pictures by verdict", ("verdict",), registry=self._registry
        )
        self.waiting = Gauge(
            "acir_waiting", "Requests that wait for a worker", registry=self._registry
        )

    def page(self) -> bytes:
        """Return all counters in Prometheus' text format."""
        return generate_latest(self._registry)
