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

"""What was observed, as the page shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from edge_infer.dashboard.snapshot import (
    CoordinatorView,
    DroneState,
    DroneView,
    FarmOutline,
    Latency,
    RemovalView,
    TargetView,
    TruthView,
)
from edge_infer.domain import Pose, Sighting, Target
from edge_infer.fleet.agreement import Standing
from edge_infer.metrics import Histogram
from edge_infer.simulation.farm import Farm
from edge_infer.simulation.layout import module_centres_m
from edge_infer.simulation.truth import Truth
from edge_infer.swarm.observer import FleetObserver
from edge_infer.updates.rollout.reports import DroneReport


def drone_views(
    observer: FleetObserver,
    state_of: Callable[[str], DroneState],
    updates: Mapping[str, DroneReport],
) -> tuple[DroneView, ...]:
    """One view per drone that flies a camera or beats its heart."""
    return tuple(
        drone_view(observer, source, state_of(source), updates.get(source))
        for source in observer.sources()
        if source in observer.lives
    )


def drone_view(
    observer: FleetObserver, source: str, state: DroneState, update: DroneReport | None
) -> DroneView:
    """One drone as the page shows it."""
    life = observer.lives[source]
    x, y, z = life.pose.position_m if life.pose else (math.nan, math.nan, math.nan)
    rate = observer.frame_rates.get(source)
    return DroneView(
        name=source,
        x=x,
        y=y,
        z=z,
        yaw_rad=_yaw_rad(life.pose),
        footprint=life.footprint_m,
        state=state,
        restarts=observer.restarts(source),
        frame_rate_hz=rate.per_second if rate else None,
        infer_ms=observer.durations("infer", source).quantile(0.5),
        sighting_ms=observer.durations("frame_to_sighting", source).quantile(0.5),
        received=observer.counter("frames_received", source),
        processed=observer.counter("frames_processed", source),
        dropped=observer.counter("frames_dropped", source),
        published=observer.counter("sightings_published", source),
        suppressed=observer.counter("sightings_suppressed", source),
        model_name=life.model_name,
        model_version=life.model_version,
        model_release=update.running_release if update else None,
        update_state=update.state.value if update else "",
        update_progress=update.progress if update else None,
        battery=life.battery if math.isfinite(life.battery) else None,
        runtime=observer.runtime(source),
        troubles=tuple(observer.troubles(source)),
    )


def coordinator_views(standings: Iterable[Standing]) -> tuple[CoordinatorView, ...]:
    """How the coordinators stand to each other, by the names of their drones."""
    return tuple(CoordinatorView(one.drone, one.part, one.behind) for one in standings)


def target_views(targets: Iterable[Target]) -> tuple[TargetView, ...]:
    """The targets as the page shows them."""
    return tuple(
        TargetView(
            id=str(target.id),
            class_name=target.class_name,
            score=target.score,
            x=target.x_mm / 1000,
            y=target.y_mm / 1000,
            sources=target.sources,
            sightings=target.sightings,
            first_seen_ns=target.first_seen_ns,
            last_seen_ns=target.last_seen_ns,
        )
        for target in targets
    )


def removal_view(dropped: Sighting, target: Target) -> RemovalView:
    """A duplicate on its way into the target that stands for it."""
    return RemovalView(
        id=str(dropped.id),
        class_name=dropped.class_name,
        source=dropped.id.source,
        x=dropped.x_mm / 1000,
        y=dropped.y_mm / 1000,
        into=str(target.id),
    )


def farm_outline(farm: Farm) -> FarmOutline:
    """The tables of modules from above."""
    config = farm.config
    along, across = module_centres_m(config)
    starts = along[:: config.modules_per_table] - config.module_width_m / 2
    half = config.module_depth_m / 2
    tables = []
    for row in across:
        for start in starts:
            end = start + config.table_m
            corners = [
                (start, row - half),
                (end, row - half),
                (end, row + half),
                (start, row + half),
            ]
            a, b, c, d = ((float(x), float(y)) for x, y, _ in farm.to_map(corners))
            tables.append((a, b, c, d))
    origin = config.origin
    return FarmOutline(
        tuple(tables),
        config.modules_per_table,
        origin.latitude_deg,
        origin.longitude_deg,
        origin.altitude_m,
    )


def truth_view(truth: Truth) -> TruthView:
    """The score as the page shows it."""
    return TruthView(
        truth.precision,
        truth.recall,
        truth.faults_in_view,
        truth.found,
        truth.missed,
        truth.false,
    )


def latency(histogram: Histogram) -> Latency | None:
    """p50 and p99; None when nothing was timed."""
    p50, p99 = histogram.quantile(0.5), histogram.quantile(0.99)
    return None if p50 is None or p99 is None else Latency(p50, p99)


def _yaw_rad(pose: Pose | None) -> float:
    if pose is None:
        return 0.0
    x, y, z, w = pose.orientation_xyzw
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
