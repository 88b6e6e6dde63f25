"""What work units count in Beam's metrics: a counter for each outcome, as a job's page and its driver see it.

A unit whose work returns a `Counter` has it added when it is done, under the namespace `biomill`. So a unit that fails
counts nothing, one that is tried again counts once where the runner tells committed counts, and one that was there
already is not counted, as nobody does it again.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

NAMESPACE = "biomill"


def count(counts: object) -> None:
    """Add what a unit returned to the metrics of the bundle that it is done in; anything but a Counter adds nothing."""
    if not isinstance(counts, Counter):
        return
    from apache_beam.metrics import Metrics

    for name, number in sorted(counts.items()):
        if number:
            Metrics.counter(NAMESPACE, name).inc(number)


def counts_of(result: Any) -> Counter[str]:
    """Return what the units of a pipeline counted, from its result; nothing of a runner that does not tell.

    Committed counts where a runner has them, else attempted ones, in which a bundle that was tried again counts again.
    """
    from apache_beam.metrics.metric import MetricsFilter

    found: Counter[str] = Counter()
    with suppress(Exception):  # each runner fails in its own way, and a run does not depend on what is counted
        told = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
        for each in told:
            found[each.key.metric.name] += each.committed if each.committed is not None else each.attempted or 0
    return found
