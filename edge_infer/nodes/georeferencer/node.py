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

"""Detections + pose + camera in, sightings out: the one node that joins a robot to the fleet.

It takes any vision_msgs/Detection2DArray, ours or somebody else's. A sighting
that a better one of any drone already covers is held back and counted; it is
sent the moment nothing covers it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import EdgeInferError
from edge_infer.fleet.suppression import Suppressor
from edge_infer.nodes import topics
from edge_infer.nodes.config import LIVE, Cluster, GateConfig, GroundHeight, ManagedConfig
from edge_infer.nodes.conversions.common import stamp_from_msg
from edge_infer.nodes.conversions.detections import boxes_from_msg
from edge_infer.nodes.conversions.ranges import floors_from_msg
from edge_infer.nodes.conversions.sightings import sightings_from_msg, sightings_to_msgs
from edge_infer.nodes.georeferencer.waiting import WaitingRoom
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.nodes.inputs.viewpoints import Viewpoints
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.perception.georeference import georeference
from edge_infer.runtime.api import Node


class GeoreferencerConfig(ViewConfig, GateConfig, ManagedConfig):
    """Parameters of the georeferencer."""

    ground_m: GroundHeight = 0.0
    cluster: Cluster = ""
    pixel_sigma: float = Field(
        2.0,
        ge=0.0,
        le=1000.0,
        description="Standard deviation of a box centre",
        json_schema_extra={"unit": "px", **LIVE},
    )
    pose_tolerance_s: float = Field(
        0.1,
        gt=0.0,
        le=10.0,
        description="Longest time between a frame and the nearest pose",
        json_schema_extra={"unit": "s", **LIVE},
    )
    pose_wait_s: float = Field(
        0.0,
        ge=0.0,
        le=10.0,
        description="How long detections may wait for the pose after their frame, to place them "
        "between two; 0 takes the nearest that is there",
        json_schema_extra={"unit": "s"},
    )
    suppress: bool = Field(
        True, description="Hold back what a better sighting of the fleet already covers"
    )


class GeoreferencerNode:
    """Places detections on the ground and publishes what the fleet does not know yet.

    FleetError out of a callback ends the process with code 2 when the fleet has sightings of
    this start's number that this start did not publish: a disk and a clock were lost. The
    counter is raised then, so that it need only be started again.
    """

    def __init__(
        self,
        node: Node,
        config: GeoreferencerConfig,
        identity: Identity | None = None,
        status: StatusReporter | None = None,
    ) -> None:
        self._node = node
        self._config = config
        self._identity = identity or identify(node, config.state_dir)
        self._camera_frame = ""
        self._model_version = ""
        self._suppressor = Suppressor(config.gate())
        self._floors: dict[tuple[str, int], int] = {}
        self._frames = 0
        self._sequence = 0
        self._sent = 0
        """The highest sequence number that this start has published."""
        self._complaints = Complaints(node)
        self._status = status or StatusReporter(node, self._identity)
        self._publishers = [
            topic.publisher(node)
            for topic in (topics.SIGHTINGS.of(config.cluster), topics.OWN_SIGHTINGS)
        ]
        self._viewpoints = Viewpoints(node, config, config.pose_tolerance_s, self._refuse)
        topics.LABELS.subscription(node, self._on_labels)
        waiting = WaitingRoom(
            node, config.pose_wait_s, self._viewpoints.is_settled, self._on_detections
        )
        topics.DETECTIONS.subscription(node, waiting.take)
        if config.suppress:
            topics.SIGHTINGS.of(config.cluster).subscription(node, self._on_sightings)
            topics.DIGEST.of(config.cluster).subscription(node, self._on_digest)

    def follow(self, config: GeoreferencerConfig) -> None:
        """Place what comes from now on by other numbers."""
        self._config = config
        self._viewpoints.set_tolerance(config.pose_tolerance_s)

    def close(self) -> None:
        """Tell the last counts."""
        self._status.publish()

    def _on_labels(self, msg: Any) -> None:
        self._model_version = msg.model_version

    def _on_detections(self, msg: Any) -> None:
        names, scores, boxes = boxes_from_msg(msg)
        stamp_ns = stamp_from_msg(msg.header.stamp)
        try:
            view = self._viewpoints.at(stamp_ns, msg.header.frame_id)
        except EdgeInferError as error:
            self._status.set_health(1, str(error))
            self._refuse("detections_without_pose", error)
            return
        self._status.set_health(0, "")
        self._camera_frame = msg.header.frame_id
        self._frames += 1
        try:
            placed = georeference(
                boxes,
                view.pose,
                view.camera,
                mounting=view.mounting,
                ground_m=self._config.ground_m,
                pixel_variance_px2=self._config.pixel_sigma**2,
            )
        except EdgeInferError as error:
            self._refuse("detections_without_pose", error)
            return
        self._status.count("detections_off_ground", len(names) - len(placed.kept))
        sightings = [
            self._sighting(stamp_ns, names[i], float(scores[i]), position, covariance)
            for i, position, covariance in zip(
                placed.kept, placed.position_m, placed.covariance_m2, strict=True
            )
        ]
        self._publish(self._offer(sightings))

    def _on_sightings(self, msg: Any) -> None:
        if msg.source == self._identity.source and msg.boot == self._identity.boot:
            if any(item.sequence > self._sent for item in msg.sightings):
                raise self._identity.outnumbered(self._identity.boot)
            return
        try:
            heard = sightings_from_msg(msg)
        except EdgeInferError as error:
            self._refuse("sightings_refused", error)
            return
        for sighting in heard:
            self._publish(self._suppressor.hear(sighting))

    def _on_digest(self, msg: Any) -> None:
        """What the fleet has forgotten covers nothing any more."""
        for floor in floors_from_msg(msg):
            if self._floors.get(floor[:2], 0) < floor.below:
                self._floors[floor[:2]] = floor.below
                self._publish(self._suppressor.forget(floor))

    def _sighting(
        self,
        stamp_ns: int,
        class_name: str,
        score: float,
        position_m: NDArray[np.float64],
        covariance_m2: NDArray[np.float64],
    ) -> Sighting:
        self._sequence += 1
        x_mm, y_mm, z_mm = (round(float(value) * 1000) for value in position_m)
        xx, xy, yy = (float(value) for value in covariance_m2.astype(np.float32))
        return Sighting(
            id=SightingId(self._identity.source, self._identity.boot, self._sequence),
            stamp_ns=stamp_ns,
            frame=self._frames,
            class_name=class_name,
            score=score,
            x_mm=x_mm,
            y_mm=y_mm,
            z_mm=z_mm,
            covariance_m2=(xx, xy, yy),
            model_version=self._model_version,
        )

    def _offer(self, sightings: Sequence[Sighting]) -> Sequence[Sighting]:
        self._status.count("sightings_made", len(sightings))
        if not self._config.suppress:
            return sightings
        return [sent for own in sightings for sent in self._suppressor.offer(own)]

    def _publish(self, sightings: Iterable[Sighting]) -> None:
        sent = list(sightings)
        self._sent = max([self._sent, *(sighting.id.sequence for sighting in sent)])
        for msg in sightings_to_msgs(
            self._node.messages, sent, self._config.map_frame, self._camera_frame
        ):
            for publisher in self._publishers:
                publisher.publish(msg)
            self._status.since("frame_to_sighting", stamp_from_msg(msg.header.stamp))
        self._status.count("sightings_published", len(sent))
        self._status.set("sightings_suppressed", self._suppressor.suppressed)

    def _refuse(self, counter: str, problem: object) -> None:
        self._status.count(counter)
        self._complaints.warn(problem)
