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

"""Quality of service by purpose, independent of the middleware.

The values follow rmw_qos_profile_*; the reasons stand in docs/topics.md. Readers
that many writers share get a deep history, because a keyless topic is one
instance: twenty writers fill one queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reliability(Enum):
    """Whether a lost sample is sent again."""

    RELIABLE = "reliable"
    BEST_EFFORT = "best_effort"
    BEST_AVAILABLE = "best_available"
    """Of a subscription: reliable when all publishers that are there are, else best effort."""


class Durability(Enum):
    """Whether a late reader gets what was sent before it came."""

    VOLATILE = "volatile"
    TRANSIENT_LOCAL = "transient_local"
    BEST_AVAILABLE = "best_available"
    """Of a subscription: transient local when all publishers that are there are, else volatile."""


class History(Enum):
    """Which unread samples are kept."""

    KEEP_LAST = "keep_last"
    KEEP_ALL = "keep_all"


class Liveliness(Enum):
    """Who vouches for a writer."""

    AUTOMATIC = "automatic"
    MANUAL_BY_TOPIC = "manual_by_topic"


@dataclass(frozen=True)
class QoS:
    """One endpoint's contract. Durations in seconds; None means without limit."""

    depth: int = 10
    reliability: Reliability = Reliability.RELIABLE
    durability: Durability = Durability.VOLATILE
    history: History = History.KEEP_LAST
    deadline_s: float | None = None
    lifespan_s: float | None = None
    liveliness: Liveliness = Liveliness.AUTOMATIC
    liveliness_lease_s: float | None = None

    @property
    def follows_publishers(self) -> bool:
        """Whether what is asked for depends on the publishers that are there."""
        return (
            self.reliability is Reliability.BEST_AVAILABLE
            or self.durability is Durability.BEST_AVAILABLE
        )


SENSOR_DATA = QoS(depth=1, reliability=Reliability.BEST_EFFORT)
"""Images: the newest counts, a lost one is not worth waiting for."""

IMAGES = QoS(depth=1, reliability=Reliability.BEST_AVAILABLE, durability=Durability.BEST_AVAILABLE)
"""As SENSOR_DATA, of whoever takes images from publishers that it does not know."""

POSES = QoS(depth=10, reliability=Reliability.BEST_EFFORT)
"""Poses: fast and small; a frame may need the one before the newest."""

TRANSFORMS = QoS(depth=100)
"""/tf, as tf2's own listeners and broadcasters."""

STATIC_TRANSFORMS = QoS(depth=100, durability=Durability.TRANSIENT_LOCAL)
"""/tf_static, likewise: each publisher's were sent once."""

DETECTIONS = QoS(depth=10, lifespan_s=1.0)
"""Results per frame: every one, but not an old one."""

SIGHTINGS = QoS(depth=200)
"""Fan-in of a whole fleet: reliable, deep."""

OWN_SIGHTINGS = QoS(depth=1000, durability=Durability.TRANSIENT_LOCAL)
"""Of one drone, for its own coordinator, also when that starts later or again."""

VIEWS = QoS(depth=10)
"""What viewers show: reliable, as RViz asks, so that nothing stays that has gone."""

ANNOTATED_IMAGES = QoS(depth=1)
"""Images for people: reliable, as RViz asks, but the newest counts."""

HEARTBEAT = QoS(depth=200, reliability=Reliability.BEST_EFFORT)
"""Signs of life of a whole fleet."""

LATCHED_STATE = QoS(depth=1, durability=Durability.TRANSIENT_LOCAL)
"""What a late joiner must know: labels, manifests, status."""

STATUS = QoS(depth=200)
"""Counters and histograms of a whole fleet, once a second."""

DIAGNOSTICS = QoS(depth=10)
"""As of diagnostic_updater: what its readers ask for."""

BULK_CHUNKS = QoS(depth=128)
"""Pieces of a package: repaired by the middleware while they are fresh, asked for again later."""

COMMANDS = QoS(depth=10)
"""Rare and never to be lost."""

SERVICES = QoS(depth=10)
"""Requests and replies, as rmw_qos_profile_services_default."""

PARAMETER_EVENTS = QoS(depth=1000)
"""As rmw_qos_profile_parameter_events."""

LOGS = QoS(depth=1000, durability=Durability.TRANSIENT_LOCAL, lifespan_s=10.0)
"""/rosout, as rcl_qos_profile_rosout_default."""

CLOCK = QoS(depth=1, reliability=Reliability.BEST_EFFORT)
"""/clock, as rclpy subscribes to it."""
