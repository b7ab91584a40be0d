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

"""A drone's sign of life: where it is, what it sees, what it runs, how it does.

It hears those of the others, too, and says in its own whom it misses. DDS knows a
liveliness of its own, but its events do not reach nodes (on no runtime), and it
tells of writers, not of drones that think: so silence is judged here, by
``fleet/members/``.
"""

from __future__ import annotations

import math
import os
import secrets
from typing import Any

import numpy as np
import psutil
from pydantic import Field

from edge_infer.errors import EdgeInferError, FleetError
from edge_infer.fleet.members.membership import (
    Beat,
    MemberEvent,
    Membership,
    MembershipConfig,
    MemberState,
)
from edge_infer.nodes import topics
from edge_infer.nodes.config import GroundHeight
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.members import beat_from_msg, beat_into_msg
from edge_infer.nodes.conversions.poses import fill_pose
from edge_infer.nodes.identity import HIGHEST_BOOT, Identity, identify
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.nodes.inputs.viewpoints import Viewpoints
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.perception.georeference import georeference
from edge_infer.runtime.api import Node

TICK_S = 0.2
"""Time between two judgements of the others' silence."""

LONGEST_GAP_S = 0.5
"""Between the latest pose and what else of it comes by itself."""


class HeartbeatConfig(ViewConfig):
    """Parameters of the heartbeat."""

    ground_m: GroundHeight = 0.0
    period_s: float = Field(
        0.2,
        gt=0.0,
        le=10.0,
        description="Time between two heartbeats",
        json_schema_extra={"unit": "s"},
    )
    capabilities: list[str] = Field(
        ["camera", "detector"], description="What this drone can do for the fleet"
    )


class HeartbeatNode:
    """Tells the fleet that this drone is there, and keeps its list of members.

    An error out of a callback ends the process in two cases: NameTakenError, with code
    3, when a drone that was here first has the same name; FleetError, with code 2, when
    the fleet knows a later start of this one, whose counter is raised then, so that it
    need only be started again.
    """

    def __init__(
        self, node: Node, config: HeartbeatConfig, identity: Identity | None = None
    ) -> None:
        self._node = node
        self._config = config
        self._identity = identity or identify(node, config.state_dir)
        self._session = secrets.randbits(64)
        self._model = ("", "")
        self._refusal = ""
        self._process = psutil.Process()
        self._complaints = Complaints(node)
        self.membership = Membership(
            MembershipConfig(tick_s=TICK_S),
            name=self._identity.source,
            boot=self._identity.boot,
            session=self._session,
        )
        self._status = StatusReporter(node, self._identity, self._refresh_status)
        self._publisher = topics.HEARTBEAT.publisher(node)
        # What it cannot use, the georeferencer, which needs it, complains of.
        self._viewpoints = Viewpoints(node, config, LONGEST_GAP_S, lambda *_: None)
        topics.LABELS.subscription(node, self._on_labels)
        topics.HEARTBEAT.subscription(node, self._on_heartbeat)
        node.create_timer(TICK_S, self._tick)
        node.create_timer(config.period_s, self._beat)

    def close(self) -> None:
        """Say goodbye, unless the name or the number belongs to another start."""
        if not self._refusal:
            self._publisher.publish(self._heartbeat(leaving=True))
        self._status.publish()

    # --- members ---------------------------------------------------------------------

    def _on_heartbeat(self, msg: Any) -> None:
        try:
            beat = beat_from_msg(msg)
        except FleetError as error:
            self._status.count("heartbeats_refused")
            self._complaints.warn(error)
            return
        now_s = self._now_ns() / 1e9
        try:
            self._tell(self.membership.hear(beat, now_s, now_s))
            if 0 < self.membership.lost_boot < HIGHEST_BOOT:
                raise self._identity.outnumbered(self.membership.lost_boot)
        except FleetError as error:
            self._refusal = str(error)
            raise

    def _tick(self) -> None:
        self._tell(self.membership.tick(self._now_ns() / 1e9))

    def _tell(self, events: list[MemberEvent]) -> None:
        for event in events:
            if event.after is MemberState.SUSPECT:
                self._status.count("suspicions")
            elif (
                event.before not in (None, MemberState.SUSPECT)
                or event.after is not MemberState.ALIVE
            ):
                self._node.get_logger().info(f"{event.source} is {event.after.value}")

    def _refresh_status(self) -> None:
        membership, states = self.membership, list(self.membership.states().values())
        for state in MemberState:
            self._status.set(f"members_{state.value}", states.count(state))
            named = sorted(name for name, its in membership.states().items() if its is state)
            self._status.describe(f"members {state.value}", ", ".join(named))
        self._status.set("suspicions_denied", membership.incarnation.refutation)
        trouble = self._trouble()
        self._status.set_health(2 if self._refusal else 1 if trouble else 0, trouble)

    def _trouble(self) -> str:
        """What a person should put right about this drone; empty for nothing."""
        if self._refusal:
            return self._refusal
        ahead_s = self.membership.wrong_clocks().get(self._identity.source)
        if ahead_s is not None:
            word = "ahead of" if ahead_s > 0 else "behind"
            return f"the clock is {abs(ahead_s):.0f} s {word} the fleet's: set it"
        return ""

    # --- the drone itself ------------------------------------------------------------

    def _on_labels(self, msg: Any) -> None:
        self._model = (msg.model_name, msg.model_version)

    def _beat(self) -> None:
        self._publisher.publish(self._heartbeat())

    def _heartbeat(self, leaving: bool = False) -> Any:
        messages = self._node.messages
        msg = messages["edge_infer_msgs/msg/Heartbeat"](
            header=header_to_msg(messages, self._now_ns(), self._config.map_frame),
            capabilities=list(self._config.capabilities),
            load=self._process.cpu_percent() / 100 / (os.cpu_count() or 1),
            battery=_battery(),
            model_name=self._model[0],
            model_version=self._model[1],
        )
        beat = Beat(
            self._identity.source, self.membership.incarnation, self._session,
            self.membership.uptime_s, self._config.period_s, leaving=leaving,
            notes=self.membership.notes(),
        )  # fmt: skip
        beat_into_msg(messages, beat, msg)
        if (pose := self._viewpoints.poses.newest()) is not None:
            fill_pose(msg.pose, pose)
            msg.footprint = self._footprint()
        return msg

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _footprint(self) -> list[Any]:
        """Where the image's corners lie on the ground; empty when they do not all."""
        view = self._viewpoints.newest()
        if view is None:
            return []
        width, height = view.camera.width, view.camera.height
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        try:
            placed = georeference(
                np.hstack([corners, corners]),
                view.pose,
                view.camera,
                mounting=view.mounting,
                ground_m=self._config.ground_m,
            )
        except EdgeInferError:
            return []
        if len(placed.kept) < len(corners):
            return []
        point = self._node.messages["geometry_msgs/msg/Point32"]
        return [point(x=float(x), y=float(y), z=float(z)) for x, y, z in placed.position_m]


def _battery() -> float:
    """Charge of this machine's battery, 0..1; NaN where it has none."""
    sensors = getattr(psutil, "sensors_battery", None)
    charge = sensors() if sensors else None
    return charge.percent / 100 if charge else math.nan
