"""Whether a writer's quality of service satisfies a reader: the rule of DDS, policy by policy."""

from __future__ import annotations

import math

from edge_infer.runtime.qos import Durability, Liveliness, QoS, Reliability


def mismatch(offered: QoS, requested: QoS) -> str | None:
    """The first policy of which the writer offers less than the reader asks for."""
    checks = {
        "RELIABILITY": (
            offered.reliability is Reliability.RELIABLE
            or requested.reliability is Reliability.BEST_EFFORT
        ),
        "DURABILITY": (
            offered.durability is Durability.TRANSIENT_LOCAL
            or requested.durability is Durability.VOLATILE
        ),
        "DEADLINE": _limit(offered.deadline_s) <= _limit(requested.deadline_s),
        "LIVELINESS": (
            offered.liveliness is Liveliness.MANUAL_BY_TOPIC
            or requested.liveliness is Liveliness.AUTOMATIC
        )
        and _limit(offered.liveliness_lease_s) <= _limit(requested.liveliness_lease_s),
    }
    return next((policy for policy, is_met in checks.items() if not is_met), None)


def _limit(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
