"""Prometheus metrics of one app: requests by route template, the database pool, and what was built."""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The app's own registry, so that several apps live in one process (as in tests) without meeting."""

    def __init__(self, service: str, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "http_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "From the request's head to the answer's last byte",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = 0
        """Requests being answered now, probes included."""
        Gauge(
            "http_requests_in_flight", "Requests being answered now", registry=self.registry
        ).set_function(lambda: self.in_flight)
        self._children: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.pool_in_use = Gauge(
            "database_pool_connections_in_use",
            "Connections to PostgreSQL that are checked out",
            registry=self.registry,
        )
        self.pool_size = Gauge(
            "database_pool_connections_max",
            "Connections to PostgreSQL that the process may hold",
            registry=self.registry,
        )
        self.revocations_age = Gauge(
            "revocations_age_seconds",
            "Seconds since the list of revocations was last read; 0 in the service that keeps it",
            registry=self.registry,
        )
        build = Gauge(
            "build_info",
            "What is running",
            ("service", "version", "python"),
            registry=self.registry,
        )
        build.labels(service, version, platform.python_version()).set(1)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        labels = (method, route, str(status))
        children = self._children.get(labels)
        if children is None:
            # Each look-up by labels costs as much as the counting.
            children = self.requests.labels(*labels), self.duration.labels(method, route)
            self._children[labels] = children
        requests, duration = children
        requests.inc()
        duration.observe(seconds)
