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

"""The fleet as a table for a terminal, live and at the end."""

from __future__ import annotations

from rich.table import Table

from edge_infer.dashboard.snapshot import Snapshot


def drone_table(snapshot: Snapshot) -> Table:
    """A row per drone: frames per second, median times, frames and sightings so far."""
    table = Table(caption=headline(snapshot), caption_justify="left", expand=False)
    table.add_column("drone")
    table.add_column("state")
    for name in ("Hz", "infer ms", "sight ms", "frames", "lost", "sent", "held back"):
        table.add_column(name, justify="right")
    for drone in snapshot.drones:
        restarts = f" (restarted {drone.restarts}x)" if drone.restarts else ""
        table.add_row(
            drone.name,
            f"{drone.state.value}{restarts}",
            _number(drone.frame_rate_hz),
            _number(drone.infer_ms),
            _number(drone.sighting_ms),
            str(drone.received),
            str(drone.dropped),
            str(drone.published),
            str(drone.suppressed),
        )
    return table


def headline(snapshot: Snapshot) -> str:
    """The run in one line."""
    parts = [
        f"{snapshot.elapsed_s:.0f} s",
        f"{len(snapshot.targets)} targets",
        f"{snapshot.duplicates_removed} duplicates removed",
    ]
    if snapshot.frame_to_target_ms:
        parts.append(f"frame to target elsewhere {snapshot.frame_to_target_ms.p50:.1f} ms")
    if snapshot.replicas_agree is not None:
        parts.append("replicas agree" if snapshot.replicas_agree else "replicas differ")
    rollout = snapshot.rollout
    if rollout:
        parts.append(f"{rollout.version}: {rollout.state}, wave {rollout.wave} of {rollout.waves}")
    truth = snapshot.truth
    if truth and truth.precision is not None and truth.recall is not None:
        parts.append(f"precision {truth.precision:.2f}")
        parts.append(f"recall {truth.recall:.2f}")
    return " · ".join(parts)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
