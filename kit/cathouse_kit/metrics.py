"""Prometheus metrics of one app: requests by route template, the database pool, and the version."""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one app, in a separate registry: tests run several apps in one process."""

    def __init__(self, service: str, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "http_requests",
            "Requests that have ended",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "Seconds from the head of the request to the last byte of the response",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.problems = Counter(
            "http_problems",
            "Problems that the app returned, by code; `upstream` names the service that did not respond to this one",
            ("problem", "upstream"),
            registry=self.registry,
        )
        self.in_flight = 0
        """Requests in progress, including probes."""
        Gauge(
            "http_requests_in_flight", "Requests in progress", registry=self.registry
        ).set_function(lambda: self.in_flight)
        self._children: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.pool_in_use = Gauge(
            "database_pool_connections_in_use",
            "Connections to PostgreSQL in use",
            registry=self.registry,
        )
        self.pool_size = Gauge(
            "database_pool_connections_max",
            "Largest number of connections to PostgreSQL of the process",
            registry=self.registry,
        )
        self.revocations_age = Gauge(
            "revocations_age_seconds",
            "Seconds since the last update of the list of revocations; 0 in the service that keeps it",
            registry=self.registry,
        )
        build = Gauge(
            "build_info",
            "Name, version and Python version of the service; the value is always 1",
            ("service", "version", "python"),
            registry=self.registry,
        )
        build.labels(service, version, platform.python_version()).set(1)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        labels = (method, route, str(status))
        children = self._children.get(labels)
        if children is None:
            # A lookup by labels costs as much as the counting, so the results are kept.
            children = self.requests.labels(*labels), self.duration.labels(method, route)
            self._children[labels] = children
        requests, duration = children
        requests.inc()
        duration.observe(seconds)
