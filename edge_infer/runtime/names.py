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

"""ROS 2 names: what is allowed, what ``~`` and relative ones mean, how they look on the wire."""

from __future__ import annotations

import re

from edge_infer.errors import NameRuleError

_PART = r"[A-Za-z_][A-Za-z0-9_]*"
_NODE = re.compile(_PART)
_ABSOLUTE = re.compile(rf"(?:/{_PART})+")
_SUBSTITUTION = re.compile(r"\{([^{}]*)\}")
_LONGEST_NODE = 255


def check_node_name(name: str) -> str:
    """The name itself.

    Raises:
        NameRuleError: it is no name of a node.
    """
    if not _NODE.fullmatch(name) or len(name) > _LONGEST_NODE:
        raise NameRuleError(
            f"{name!r} is no node name",
            "use letters, digits and underscores, not starting with a digit",
        )
    return name


def check_namespace(namespace: str) -> str:
    """The namespace in its absolute form; ``""`` is ``/`` and ``a/b`` is ``/a/b``.

    Raises:
        NameRuleError: it is no namespace.
    """
    absolute = namespace if namespace.startswith("/") else f"/{namespace}"
    if absolute != "/" and not _ABSOLUTE.fullmatch(absolute):
        raise NameRuleError(
            f"{namespace!r} is no namespace",
            "use names like /swarm/drone1, without a slash at the end",
        )
    return absolute


def join(namespace: str, name: str) -> str:
    """``/ns`` and ``name`` to ``/ns/name``."""
    return f"/{name}" if namespace == "/" else f"{namespace}/{name}"


def expand(name: str, node_name: str, namespace: str) -> str:
    """The absolute form of a topic or service name.

    Args:
        name: ``/absolute``, ``relative`` (to the namespace) or ``~/private`` (to the
            node); may hold ``{node}``, ``{ns}`` and ``{namespace}``.
        node_name: of the node that uses it.
        namespace: of that node, absolute.

    Raises:
        NameRuleError: it breaks the naming rules.
    """
    known = {"node": node_name, "ns": namespace, "namespace": namespace}
    full = _SUBSTITUTION.sub(lambda match: known.get(match[1], "{}"), name)
    if full == "~" or full.startswith("~/"):
        full = join(namespace, node_name) + full[1:]
    elif not full.startswith("/"):
        full = join(namespace, full)
    if not _ABSOLUTE.fullmatch(full):
        raise NameRuleError(
            f"{name!r} is no topic or service name",
            "use letters, digits, underscores and slashes, no part empty or starting with a "
            "digit, ~ only at the start",
        )
    return full


def topic_on_wire(topic: str) -> str:
    """The DDS topic of an absolute topic name."""
    return f"rt{topic}"


def service_on_wire(service: str) -> tuple[str, str]:
    """The DDS topics of requests and replies of an absolute service name."""
    return f"rq{service}Request", f"rr{service}Reply"


def topic_from_wire(wire_topic: str) -> str | None:
    """The absolute topic name; None when the DDS topic carries something else."""
    return wire_topic[2:] if wire_topic.startswith("rt/") else None
