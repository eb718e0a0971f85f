"""Metrics that only proxy has."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from cathouse_proxy.services.call import ANSWERED


@dataclass(frozen=True, slots=True)
class CallMetrics:
    """The metrics of proxied calls."""

    ended: Counter
    unidentified: Counter
    cats_cut_off: Gauge

    @classmethod
    def create(cls, registry: CollectorRegistry) -> "CallMetrics":
        """Create the metrics in a registry, which may have them only once."""
        metrics = cls(
            ended=Counter(
                "proxy_calls",
                "Proxied calls that have ended, by outcome, in the words of the audit",
                ("outcome",),
                registry=registry,
            ),
            unidentified=Counter(
                "proxy_unidentified_calls",
                "Proxied calls that ended before their installation was known, by problem code; they have no audit row",
                ("outcome",),
                registry=registry,
            ),
            cats_cut_off=Gauge(
                "proxy_cats_cut_off",
                "Cats that the circuit breaker of this process has cut off, and that failed within five minutes",
                registry=registry,
            ),
        )
        # A counter without labels that are known has no sample, and queries would find no metric before the first call.
        metrics.ended.labels(ANSWERED)
        return metrics
