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

"""Which topics of a swarm go into the bag of ``edge-infer swarm --record``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edge_infer.nodes import topics
from edge_infer.nodes.topics import Topic
from edge_infer.replay.recorder import Recorder
from edge_infer.runtime.api import Runtime

_ALL = tuple(topic for topic in vars(topics).values() if isinstance(topic, Topic))
_IMAGES = (topics.IMAGE, topics.COMPRESSED_IMAGE)
_VIEWS = (topics.ANNOTATED_IMAGE, topics.TARGET_MARKERS, topics.TARGET_DETECTIONS)
"""Made only while somebody looks, which a recorder does not; a replay makes them again."""


def record_flight(
    runtime: Runtime,
    folder: Path,
    drones: Iterable[str],
    clusters: Iterable[str],
    *,
    images: bool,
) -> Recorder:
    """Record every topic of the fleet, and of each drone all but its images.

    Args:
        runtime: of the ground station.
        folder: of the bag.
        drones: their namespaces, without slashes.
        clusters: of the fleet; empty names where there are none.
        images: whether images are recorded, too.

    Raises:
        ReplayError: the folder is there already, or cannot be made.
    """
    recorder = Recorder(runtime, folder)
    for topic in _recorded(drones, clusters, images=images):
        recorder.record(topic.name, topic.type, [topic.qos])
    return recorder


def _recorded(drones: Iterable[str], clusters: Iterable[str], *, images: bool) -> Iterator[Topic]:
    of_all = [topic for topic in _ALL if topic.name.startswith("/")]
    yield from of_all
    for cluster in sorted({*clusters} - {""}):
        yield from (topic.of(cluster) for topic in of_all if topic.name.startswith("/fleet/"))
    left_out = {*_VIEWS, *(() if images else _IMAGES)}
    for drone in drones:
        for topic in _ALL:
            if topic not in of_all and topic not in left_out:
                yield topic.named(f"/{drone}/{topic.name}")
