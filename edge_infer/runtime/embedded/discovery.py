"""Which network a process joins: ROS 2's environment variables as a configuration of Cyclone DDS.

The result is what rmw_cyclonedds of ROS 2 Jazzy would use in the same
environment, so that a process of ours and one of ROS 2 find each other, or stay
apart, as the variables say. Text in, text out; nothing here talks to the
library.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from edge_infer.errors import UsageError

_LOG = logging.getLogger(__name__)

MAX_PARTICIPANTS = 32
"""Highest participant index on a machine, as rmw_cyclonedds sets it; CYCLONEDDS_URI may raise it."""

_LONGEST_PEER = 255


class Range(Enum):
    """How far automatic discovery reaches."""

    OFF = "OFF"
    LOCALHOST = "LOCALHOST"
    SUBNET = "SUBNET"
    SYSTEM_DEFAULT = "SYSTEM_DEFAULT"


class Discovery(NamedTuple):
    """Whom a process looks for.

    Attributes:
        range: how far, without being told a name.
        peers: hosts to look at besides.
    """

    range: Range
    peers: tuple[str, ...] = ()


def domain_id(environ: Mapping[str, str]) -> int:
    """ROS_DOMAIN_ID, 0 when it is not set.

    Raises:
        UsageError: it is not a number that a domain can have.
    """
    text = environ.get("ROS_DOMAIN_ID", "")
    try:
        number = int(text, 0) if text else 0
    except ValueError:
        number = -1
    if not 0 <= number <= 232:
        raise UsageError(f"ROS_DOMAIN_ID is {text!r}", "set it to a number from 0 to 232")
    return number


def discovery(environ: Mapping[str, str]) -> Discovery:
    """What ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and ROS_LOCALHOST_ONLY say together."""
    if environ.get("ROS_LOCALHOST_ONLY", "").startswith("1"):
        return Discovery(Range.LOCALHOST)
    name = environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "") or Range.SUBNET.value
    if name not in Range.__members__:
        _LOG.warning(
            "ROS_AUTOMATIC_DISCOVERY_RANGE is %r, which is none of %s: taking LOCALHOST",
            name,
            ", ".join(Range.__members__),
        )
        name = Range.LOCALHOST.value
    named = environ.get("ROS_STATIC_PEERS", "").split(";")
    peers = tuple(peer for peer in named if 0 < len(peer) <= _LONGEST_PEER)
    if Range[name] in (Range.OFF, Range.SYSTEM_DEFAULT) and peers:
        _LOG.warning("ROS_STATIC_PEERS has no effect while the discovery range is %s", name)
        peers = ()
    return Discovery(Range[name], peers)


def configuration(environ: Mapping[str, str], process_id: int) -> str:
    """The configuration to create the domain with; CYCLONEDDS_URI comes last and wins.

    Args:
        environ: the environment variables.
        process_id: makes the domain of a process that nobody shall find its own.
    """
    wanted = discovery(environ)
    return _fragment(wanted, process_id) + environ.get("CYCLONEDDS_URI", "")


def _fragment(wanted: Discovery, process_id: int) -> str:
    if wanted.range is Range.SYSTEM_DEFAULT:
        return ""
    general = ""
    if wanted.range is not Range.SUBNET:
        general = "<General><AllowMulticast>false</AllowMulticast></General>"
    if wanted.range is Range.OFF:
        found = (
            f"<ParticipantIndex>none</ParticipantIndex><Tag>ros_discovery_off_{process_id}</Tag>"
        )
    else:
        found = (
            "<ParticipantIndex>auto</ParticipantIndex>"
            f"<MaxAutoParticipantIndex>{MAX_PARTICIPANTS}</MaxAutoParticipantIndex>"
        )
    peers = (("localhost",) if wanted.range is Range.LOCALHOST else ()) + wanted.peers
    if peers:
        found += f"<Peers>{''.join(f'<Peer address={quoteattr(peer)}/>' for peer in peers)}</Peers>"
    return f"<CycloneDDS><Domain>{general}<Discovery>{found}</Discovery></Domain></CycloneDDS>,"
