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

"""What a replica tells another, as the bytes that go over DDS and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from edge_infer.domain import Sighting
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.ranges import LogRange
from edge_infer.fleet.replica import Replica
from edge_infer.nodes.conversions.ranges import (
    floors_from_msg,
    floors_to_msgs,
    ranges_from_msg,
    ranges_to_msgs,
)
from edge_infer.nodes.conversions.sightings import sightings_from_msg, sightings_to_msgs
from edge_infer.runtime.messages import message_types

MESSAGES = message_types()


class Told(NamedTuple):
    """A digest message as it arrives."""

    digest: str
    ranges: list[LogRange]
    floors: list[Floor]


def carried(msg: Any) -> Any:
    """A message after its way over the wire."""
    return MESSAGES.decode(memoryview(bytes(MESSAGES.encode(msg))), type(msg))


def sightings_carried(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Sightings likewise, an array per camera frame."""
    arrays = sightings_to_msgs(MESSAGES, sightings, "map", "camera")
    return [s for array in arrays for s in sightings_from_msg(carried(array))]


def digest_carried(replica: Replica) -> Told:
    """What a replica says that it holds, likewise."""
    msg = carried(
        MESSAGES["edge_infer_msgs/msg/Digest"](
            coordinator="/a/coordinator",
            digest=replica.digest(),
            ranges=ranges_to_msgs(MESSAGES, replica.ranges()),
            floors=floors_to_msgs(MESSAGES, replica.floors()),
        )
    )
    return Told(msg.digest, ranges_from_msg(msg), floors_from_msg(msg))
