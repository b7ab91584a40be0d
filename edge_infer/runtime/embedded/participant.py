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

"""One process's participant in a domain, and the domain itself.

A domain is configured once per process; participants that ask for the same
configuration share it, and the last one to go takes it along. What a
participant's endpoints are is ``endpoints.py``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from edge_infer.errors import RuntimeUnavailableError
from edge_infer.runtime.embedded.discovery import configuration, domain_id
from edge_infer.runtime.embedded.library import (
    ERROR,
    FATAL,
    WARNING,
    checked,
    guid_of,
    library,
    release,
)

_USER_DATA = b"enclave=/;"
"""Marks a participant as one of ROS 2."""


@dataclass
class _Domain:
    entity: int
    configuration: str
    users: int = 0


_domains: dict[int, _Domain] = {}
_domains_lock = threading.Lock()


def _join(number: int, wanted: str) -> None:
    """Create the domain, or share the one that this process has."""
    with _domains_lock:
        domain = _domains.get(number)
        if domain is None:
            entity = checked(
                library().dds_create_domain(number, wanted.encode()), f"join domain {number}"
            )
            domain = _domains[number] = _Domain(entity, wanted)
        elif domain.configuration != wanted:
            raise RuntimeUnavailableError(
                f"this process is already in domain {number} with other discovery settings",
                "shut the first runtime down, or give both the same environment",
            )
        domain.users += 1


def _leave(number: int) -> None:
    with _domains_lock:
        domain = _domains[number]
        domain.users -= 1
        if not domain.users:
            del _domains[number]
            library().dds_delete(domain.entity)


class Participant:
    """A participant that other ROS 2 processes take for one of theirs.

    Args:
        environ: the environment variables that choose the domain and its reach.

    Raises:
        UsageError: ROS_DOMAIN_ID is no domain.
        RuntimeUnavailableError: no Cyclone DDS, or other settings for the same domain.
        RuntimeRoomError: the library refused, e.g. because of CYCLONEDDS_URI.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        dds = library()
        self.domain_id = domain_id(environ)
        self._process = os.getpid()
        self._open = True
        dds.dds_set_log_mask(FATAL | ERROR | WARNING)
        _join(self.domain_id, configuration(environ, self._process, release()))
        qos = dds.dds_create_qos()
        try:
            dds.dds_qset_userdata(qos, _USER_DATA, len(_USER_DATA))
            entity = dds.dds_create_participant(self.domain_id, qos, None)
            self.entity = checked(entity, f"create a participant in domain {self.domain_id}")
        except BaseException:
            _leave(self.domain_id)
            raise
        finally:
            dds.dds_delete_qos(qos)
        self.publisher = checked(dds.dds_create_publisher(self.entity, None, None), "publish")
        self.subscriber = checked(dds.dds_create_subscriber(self.entity, None, None), "subscribe")
        self.guid = guid_of(self.entity)
        # From here on it would write a line per malformed datagram and per failed sending: neither
        # whoever can send nor a link that is down for hours may fill our log.
        dds.dds_set_log_mask(FATAL)

    def require_own_process(self) -> None:
        """Refuse to work in a forked child, which has no DDS threads and would hang.

        Raises:
            RuntimeUnavailableError: this process is a fork.
        """
        if os.getpid() != self._process:
            raise RuntimeUnavailableError(
                "Cyclone DDS does not survive a fork", "start processes by spawn"
            )

    def close(self) -> None:
        """Delete it and all that was made from it; a second call does nothing."""
        if self._open and os.getpid() == self._process:
            self._open = False
            library().dds_delete(self.entity)
            _leave(self.domain_id)
