# Copyright 2026 The edge_infer maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A run as one JSON object: what was seen, by whom, how fast, and how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from edge_infer.dashboard.snapshot import RolloutView
from edge_infer.domain import Target
from edge_infer.metrics import Histogram
from edge_infer.simulation.truth import Truth
from edge_infer.swarm.observer import FleetObserver
from edge_infer.updates.rollout.reports import DroneReport

STAGES = ("preprocess", "infer", "decode", "frame_to_detections", "frame_to_sighting")


def quantiles(histogram: Histogram) -> dict[str, float | int | None]:
    """p50 and p99 in milliseconds, and of how many."""
    p50, p99 = histogram.quantile(0.5), histogram.quantile(0.99)
    return {
        "p50": None if p50 is None else round(p50, 2),
        "p99": None if p99 is None else round(p99, 2),
        "count": histogram.total,
    }


def drone_report(observer: FleetObserver, source: str) -> dict[str, Any]:
    """One drone's part; frames of all its starts together."""
    count = observer.counter
    return {
        "name": source,
        "runtime": observer.runtime(source),
        "restarts": observer.restarts(source),
        "frames": {
            "received": count("frames_received", source),
            "processed": count("frames_processed", source),
            "dropped": count("frames_dropped", source),
        },
        "detections": count("detections", source),
        "sightings": {
            "published": count("sightings_published", source),
            "suppressed": count("sightings_suppressed", source),
        },
        "latency_ms": {stage: quantiles(observer.durations(stage, source)) for stage in STAGES},
    }


def target_report(target: Target) -> dict[str, Any]:
    """One target; metres in the fleet frame."""
    return {
        "id": str(target.id),
        "class": target.class_name,
        "x": target.x_mm / 1000,
        "y": target.y_mm / 1000,
        "score": round(target.score, 4),
        "sources": list(target.sources),
        "sightings": target.sightings,
    }


def truth_report(truth: Truth) -> dict[str, Any]:
    """The targets against the simulated world."""
    return {
        "faults_in_view": truth.faults_in_view,
        "found": truth.found,
        "missed": truth.missed,
        "false": truth.false,
        "reported_twice": truth.reported_twice,
        "precision": truth.precision,
        "recall": truth.recall,
        "class_accuracy": truth.class_accuracy,
    }


def update_report(
    rollout: RolloutView | None, updates: Mapping[str, DroneReport]
) -> dict[str, Any] | None:
    """How far the fleet is with another model; None where nobody takes any."""
    if not updates:
        return None
    return {
        "rollout": None if rollout is None else asdict(rollout),
        "drones": {
            name: {**asdict(update), "state": update.state.value}
            for name, update in sorted(updates.items())
        },
    }


def build_report(
    observer: FleetObserver,
    drones: Sequence[str],
    targets: Sequence[Target],
    truth: Truth | None,
    **facts: Any,
) -> dict[str, Any]:
    """The whole report.

    Args:
        observer: what was heard.
        drones: the names that were started.
        targets: what the swarm found.
        truth: None outside a simulation.
        facts: seed, runtime, model, replicas_agree, duplicates_removed, and the like.
    """
    return {
        **facts,
        "drones": [drone_report(observer, name) for name in drones],
        "targets": [target_report(target) for target in targets],
        "truth": None if truth is None else truth_report(truth),
        "latency_ms": {
            name: quantiles(observer.durations(name))
            for name in ("infer", "frame_to_sighting", "frame_to_target_elsewhere")
        },
    }
