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
from edge_infer.replay.inputs import EVERY_INPUT, IMAGES, POSE_TYPES, Input
from edge_infer.runtime.names import check_namespace, expand

DEFAULT_NAMESPACE = "/drone_1"

Remaps = Sequence[tuple[str, str]]
"""(Topic of the bag, topic of a node)."""


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
        given = [f"georeferencer:pose_type:={kind}" for kind in POSE_TYPES if kind in types]
        if topics.COMPRESSED_IMAGE.type in types:
            given.append("detector:transport:=compressed")
        return given


def namespace_of(namespace: str, remaps: Remaps) -> str:
    """The namespace of the nodes: as given, else the first that a remapping names.

    Raises:
        NameRuleError: it is none.
    """
    return check_namespace(namespace or _named_by(remaps) or DEFAULT_NAMESPACE)


def plan(
    found: Mapping[str, str], inputs: Sequence[Input], remaps: Remaps, namespace: str
) -> Routes:
    """Choose the topics of each input.

    Args:
        found: name -> type of what is in the bag.
        inputs: what the nodes need.
        remaps: what the user says to it.
        namespace: of the nodes.

    Raises:
        ReplayError: the bag lacks an input, or has several that could be it.
        UsageError: a remapping leads from or to a topic that is not there.
        NameRuleError: a name is none.
    """
    told = {_told(found, inputs, namespace, *remap) for remap in remaps}
    routes: list[Route] = []
    met: set[str] = set()
    for each in inputs:
        own = [route for route in told if route.target in _targets(each, namespace)]
        near = next((route.source for route in routes), "")
        if taken := sorted(own) or _choose(found, each, namespace, near):
            routes += taken
            met.add(each.what)
    for each in inputs:
        if each.is_needed and each.what not in met:
            types = " or ".join(way.type for way in each.ways)
            raise ReplayError(f"the bag has no {each.what} ({types})", each.remedy)
    return Routes(namespace, tuple(routes))


def _named_by(remaps: Remaps) -> str:
    for _, target in remaps:
        for each in EVERY_INPUT:
            for way in each.ways:
                if target.startswith("/") and target.endswith(f"/{way.name}"):
                    return target.removesuffix(f"/{way.name}") or "/"
    return ""


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


def _choose(found: Mapping[str, str], each: Input, namespace: str, near: str) -> list[Route]:
    """The topic that an input takes where nobody said which; none where the bag has none."""
    fitting = {name: way for name, kind in found.items() if (way := each.fits(name, kind))}
    for name, way in fitting.items():
        if name == _full(way.name, namespace):
            return [_route(name, each, way, namespace, chosen=True)]
    # The same pictures twice are no choice: what was not compressed is read faster.
    names = [
        name for name in fitting if name.removesuffix("/compressed") not in fitting.keys() - {name}
    ]
    ranked = sorted((_distance(name, near, each.ways.index(fitting[name])), name) for name in names)
    if len(ranked) > 1 and (not near or ranked[0][0] == ranked[1][0]):
        target = _full(each.ways[0].name, namespace)
        raise ReplayError(
            f"the bag has several topics of {each.what}: {_listed(sorted(names))}",
            f"choose one, such as --remap {ranked[0][1]}:={target}",
        )
    return [_route(name, each, fitting[name], namespace, chosen=True) for _, name in ranked[:1]]


def _distance(name: str, near: str, rank: int) -> tuple[int, int, int]:
    """What shares less with the images' topic is farther, then the longer, then the poorer."""
    pairs = zip(name.split("/"), near.split("/"), strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return (-shared, name.count("/"), rank)


def _route(source: str, each: Input, way: Topic, namespace: str, *, chosen: bool) -> Route:
    return Route(source, way.type, _full(way.name, namespace), each is IMAGES, chosen)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
