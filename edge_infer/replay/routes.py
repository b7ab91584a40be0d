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

"""Which topic of a bag goes to which input of the nodes: as told, else what is sensible.

An input takes, in this order: what a remapping says; the topic of the same name; the only
topic of a fitting type; of several, the one that lies nearest to the images.
Where that leaves a choice, the user has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from edge_infer.errors import ReplayError, UsageError
from edge_infer.nodes import topics
from edge_infer.nodes.topics import Topic
from edge_infer.runtime.names import check_namespace, expand

NODES = ("detector", "georeferencer", "coordinator")
"""What can be replayed."""

DEFAULT_NAMESPACE = "/drone_1"

_POSE_TYPES = (
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "px4_msgs/msg/VehicleOdometry",
)


class Input(NamedTuple):
    """What a node listens to.

    Attributes:
        what: in words.
        ways: each a topic that takes it, of its own type; the preferred one first.
    """

    what: str
    ways: tuple[Topic, ...]

    def way(self, type_name: str) -> Topic | None:
        """The topic that takes a type."""
        return next((way for way in self.ways if way.type == type_name), None)


IMAGES = Input("images", (topics.IMAGE, topics.COMPRESSED_IMAGE))
CAMERA_INFO = Input("camera_info", (topics.CAMERA_INFO,))
POSES = Input(
    "poses", tuple(Topic(topics.POSE.name, kind, topics.POSE.qos) for kind in _POSE_TYPES)
)
DETECTIONS = Input("detections", (topics.DETECTIONS,))
SIGHTINGS = Input("sightings", (topics.SIGHTINGS,))


class Route(NamedTuple):
    """One topic of a bag and where it is played.

    Attributes:
        source: its name in the bag.
        type: of its messages.
        target: absolute name of the topic that a node listens to.
        delayed: whether it reaches the nodes later, as images do.
        chosen: whether nobody asked for it.
    """

    source: str
    type: str
    target: str
    delayed: bool
    chosen: bool


class Routes(NamedTuple):
    """How a bag is played.

    Attributes:
        namespace: of the nodes, absolute.
        routes: one for each input.
    """

    namespace: str
    routes: tuple[Route, ...]

    @property
    def parameters(self) -> list[str]:
        """``node:name:=value`` of what the types of the topics decide."""
        types = {route.type for route in self.routes}
        given = [f"georeferencer:pose_type:={kind}" for kind in _POSE_TYPES if kind in types]
        if topics.COMPRESSED_IMAGE.type in types:
            given.append("detector:transport:=compressed")
        return given


def inputs_of(nodes: Sequence[str]) -> list[Input]:
    """What some nodes need from outside; what one of them gives the others is computed anew."""
    inputs = []
    if "detector" in nodes:
        inputs.append(IMAGES)
    if "georeferencer" in nodes:
        inputs += [CAMERA_INFO, POSES]
        if "detector" not in nodes:
            inputs.append(DETECTIONS)
    elif "coordinator" in nodes:
        inputs.append(SIGHTINGS)
    return inputs


def plan(
    found: Mapping[str, str],
    nodes: Sequence[str],
    remaps: Sequence[tuple[str, str]] = (),
    namespace: str = "",
) -> Routes:
    """Choose a topic for each input.

    Args:
        found: name -> type of what is in the bag.
        nodes: of NODES.
        remaps: (topic of the bag, topic of a node).
        namespace: of the nodes; empty for that of the remappings, else DEFAULT_NAMESPACE.

    Raises:
        ReplayError: the bag lacks an input, or has several that could be it.
        UsageError: a remapping leads from or to a topic that is not there.
        NameRuleError: a name or the namespace is none.
    """
    inputs = inputs_of(nodes)
    home = check_namespace(namespace or _namespace_of(inputs, remaps))
    told = {_told(found, inputs, home, *remap) for remap in remaps}
    routes: list[Route] = []
    for each in inputs:
        own = [route for route in told if _targets(each, home) & {route.target}]
        near = next((route.source for route in routes), "")
        routes += sorted(own) or [_choose(found, each, home, near)]
    return Routes(home, tuple(routes))


def _namespace_of(inputs: Sequence[Input], remaps: Sequence[tuple[str, str]]) -> str:
    """The first that a remapping names."""
    for _, target in remaps:
        for each in inputs:
            for way in each.ways:
                if target.startswith("/") and target.endswith(f"/{way.name}"):
                    return target.removesuffix(f"/{way.name}") or "/"
    return DEFAULT_NAMESPACE


def _targets(each: Input, namespace: str) -> set[str]:
    return {_full(way.name, namespace) for way in each.ways}


def _full(name: str, namespace: str) -> str:
    return expand(name, "replay", namespace)


def _told(
    found: Mapping[str, str], inputs: Sequence[Input], namespace: str, source: str, target: str
) -> Route:
    """The route of a remapping."""
    if source not in found:
        raise UsageError(
            f"the bag has no topic {source!r}", f"remap one of {_listed(sorted(found))}"
        )
    full = _full(target, namespace)
    for each in inputs:
        if full not in _targets(each, namespace):
            continue
        way = each.way(found[source])
        if way is None:
            raise UsageError(
                f"{source} holds {found[source]}, which {full} cannot take",
                f"remap a topic of {' or '.join(way.type for way in each.ways)}",
            )
        return _route(source, each, way, namespace, chosen=False)
    known = sorted(set().union(*(_targets(each, namespace) for each in inputs)))
    raise UsageError(f"no node listens to {full}", f"remap to one of {_listed(known)}")


def _choose(found: Mapping[str, str], each: Input, namespace: str, near: str) -> Route:
    """The topic that an input takes where nobody said which."""
    fitting = {name: way for name, kind in found.items() if (way := each.way(kind))}
    for name, way in fitting.items():
        if name == _full(way.name, namespace):
            return _route(name, each, way, namespace, chosen=True)
    # The same pictures twice are no choice: what was not compressed is read faster.
    names = [
        name for name in fitting if name.removesuffix("/compressed") not in fitting.keys() - {name}
    ]
    if not names:
        raise ReplayError(
            f"the bag has no {each.what} ({' or '.join(way.type for way in each.ways)})",
            "record them too, or leave out the nodes that need them with --nodes",
        )
    ranked = sorted((_distance(name, near, each.ways.index(fitting[name])), name) for name in names)
    if len(ranked) > 1 and (not near or ranked[0][0] == ranked[1][0]):
        target = _full(each.ways[0].name, namespace)
        raise ReplayError(
            f"the bag has several topics of {each.what}: {_listed(sorted(names))}",
            f"choose one, such as --remap {ranked[0][1]}:={target}",
        )
    name = ranked[0][1]
    return _route(name, each, fitting[name], namespace, chosen=True)


def _distance(name: str, near: str, rank: int) -> tuple[int, int, int]:
    """What shares less with the images' topic is farther, then the longer, then the poorer."""
    pairs = zip(name.split("/"), near.split("/"), strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return (-shared, name.count("/"), rank)


def _route(source: str, each: Input, way: Topic, namespace: str, *, chosen: bool) -> Route:
    return Route(source, way.type, _full(way.name, namespace), each is IMAGES, chosen)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
