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

"""Which network a process joins: ROS 2's environment variables as a configuration of Cyclone DDS.

The result is what rmw_cyclonedds of ROS 2 Jazzy would use in the same
environment, so that a process of ours and one of ROS 2 find each other, or stay
apart, as the variables say. Nothing here talks to the library; of the disk, only
the files that CYCLONEDDS_URI names are looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from edge_infer.errors import UsageError

_LOG = logging.getLogger(__name__)

MAX_PARTICIPANTS = 32
"""Highest participant index on a machine, as rmw_cyclonedds has it; CYCLONEDDS_URI can raise it."""

HEARS_ONLY_ITS_INTERFACES = 11
"""Since this release announcements count only on a configured interface. ROS 2 announces
itself to localhost, so the loopback interface has to be one; but none may be named twice."""

GIVES_UP_ITS_PEERS = 11
"""Since this release a peer that is silent for 30 s is looked for no longer, and before that
only every 30 s."""

LARGE_DATAGRAMS = "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>"
"""For what never leaves the machine: an image in 42 datagrams instead of 190."""

_LONGEST_PEER = 255
LARGE_BUFFERS = '<Internal><SocketReceiveBufferSize max="4MB"/></Internal>'
"""A camera's image is 2.7 MB: what does not fit at once is lost where nobody sends it again."""

_CHOICES = ("CYCLONEDDS_URI", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS")
"""With any of them a user says something about the network. The range SUBNET says nothing: the
set-up file of ROS 2 sets it in every shell."""


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


def configuration(environ: Mapping[str, str], process_id: int, release: int) -> str:
    """The configuration to create the domain with; CYCLONEDDS_URI comes last and wins.

    Args:
        environ: the environment variables.
        process_id: makes the domain of a process that nobody shall find its own.
        release: of Cyclone DDS; ROS 2 Jazzy comes with 0 (0.10).
    """
    wanted, uri = discovery(environ), environ.get("CYCLONEDDS_URI", "")
    if wanted.range is Range.SYSTEM_DEFAULT:
        return uri
    search = _identity(wanted, process_id) + _peers(wanted) + _patience(wanted, release)
    adds_loopback = release >= HEARS_ONLY_ITS_INTERFACES and not names_interfaces(uri)
    general = _general(wanted, adds_loopback=adds_loopback)
    domain = f"{general}<Discovery>{search}</Discovery>{LARGE_BUFFERS}"
    return f"<CycloneDDS><Domain>{domain}</Domain></CycloneDDS>,{uri}"


def names_interfaces(uri: str) -> bool:
    """Whether a configuration, given as fragments and files, chooses network interfaces."""
    texts = [uri]
    for part in uri.split(","):
        path = Path(part.strip().removeprefix("file://"))
        if not part.lstrip().startswith("<") and path.is_file():
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
    return any("<NetworkInterface" in text for text in texts)


def one_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for many processes on one machine whose user said nothing about the network.

    Multicast with a reach of zero hops: nothing leaves the machine, and ROS 2 with its
    defaults sees the processes at once, which it would not with the range LOCALHOST.
    They take any ports, so that their number has no limit and ROS 2's tools find theirs free.

    Args:
        environ: the environment variables; those that are set stay.

    Returns:
        What to add to the environment.
    """
    if any(environ.get(name) for name in _CHOICES) or discovery(environ).range is not Range.SUBNET:
        return {}
    return {
        "CYCLONEDDS_URI": "<General><MulticastTimeToLive>0</MulticastTimeToLive></General>"
        "<Discovery><ParticipantIndex>none</ParticipantIndex></Discovery>"
    }


def _general(wanted: Discovery, *, adds_loopback: bool) -> str:
    if wanted.range is Range.SUBNET:
        return ""
    parts = "<AllowMulticast>false</AllowMulticast>"
    if wanted.range is Range.LOCALHOST:
        parts += _interfaces(wanted) if adds_loopback else ""
        parts += "" if wanted.peers else LARGE_DATAGRAMS
    return f"<General>{parts}</General>"


def _interfaces(wanted: Discovery) -> str:
    others = '<NetworkInterface autodetermine="true"/>' if wanted.peers else ""
    return f'<Interfaces>{others}<NetworkInterface address="127.0.0.1"/></Interfaces>'


def _identity(wanted: Discovery, process_id: int) -> str:
    if wanted.range is Range.OFF:
        tag = f"ros_discovery_off_{process_id}"
        return f"<ParticipantIndex>none</ParticipantIndex><Tag>{tag}</Tag>"
    limit = f"<MaxAutoParticipantIndex>{MAX_PARTICIPANTS}</MaxAutoParticipantIndex>"
    return f"<ParticipantIndex>auto</ParticipantIndex>{limit}"


def _peers(wanted: Discovery) -> str:
    found = "".join(f"<Peer address={quoteattr(peer)}/>" for peer in _all_peers(wanted))
    return f"<Peers>{found}</Peers>" if found else ""


def _all_peers(wanted: Discovery) -> tuple[str, ...]:
    return (("localhost",) if wanted.range is Range.LOCALHOST else ()) + wanted.peers


def _patience(wanted: Discovery, release: int) -> str:
    """Never give up a peer, and knock at its door as often as ROS 2 Jazzy does."""
    if release < GIVES_UP_ITS_PEERS:
        return ""
    delay = "<InitialLocatorPruneDelay>inf</InitialLocatorPruneDelay>"
    # Without peers there is nobody to knock at, and the default follows the lease.
    return delay + "<SPDPInterval>8s</SPDPInterval>" * bool(_all_peers(wanted))
