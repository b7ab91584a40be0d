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

"""Drones on hosts of their own, and what the tests do to them and hear of them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from listener import HERE, Listener, environment, say
from namespaces import Host, Process
from sightings import Published, all_sightings
from switch import Switch

from edge_infer.fleet.replica import Replica


class Drone:
    """One drone: a coordinator as users start it, and the rest of it.

    Attributes:
        name: its namespace.
        digest: what its coordinator told last; empty since that was started.
        seen: all digests that it has told since ``mark``, in order.
        targets: what it answered last, with the digest of the state and the number of sightings.
        members: what it thinks of the others, by name.
        boot: of the rest of it; 0 before that has started.
        published: last sequence number by (source, boot).
    """

    def __init__(
        self,
        host: Host,
        number: int,
        folder: Path,
        environment: Mapping[str, str],
        has_heartbeat: bool,
        settings: Sequence[str],
    ) -> None:
        self.name = f"drone_{number + 1}"
        self.number = number
        self.digest = ""
        self.seen: list[str] = []
        self.targets: dict[str, Any] = {}
        self.members: dict[str, str] = {}
        self.published: dict[tuple[str, int], int] = {}
        self.boot = 0
        self.log = folder / f"{self.name}.log"
        self._host = host
        self._state = folder / self.name
        self._has_heartbeat = has_heartbeat
        self._settings = settings
        self._environment = environment
        self._owed = 0
        self.coordinator = self._start_coordinator()
        self.rest = self._start_rest()

    @property
    def speaker(self) -> Process:
        """The coordinator tells nothing by itself."""
        return self.rest

    @property
    def is_idle(self) -> bool:
        """Whether it has done all that it was told, and runs."""
        return self._owed == 0 and self.boot > 0

    def publish(self, count: int) -> None:
        """See so many things."""
        self._owed += 1
        say(self.rest, f"publish {count}")

    def ask_for_targets(self) -> None:
        """Call the coordinator's service."""
        self.targets = {}
        say(self.rest, "targets")

    def restart_coordinator(self) -> None:
        """Kill it where it is and start it again with what is on disk."""
        self.coordinator.destroy()
        self.digest = ""
        self.coordinator = self._start_coordinator()

    def restart_rest(self) -> None:
        """Likewise all else of the drone; it has to be idle, or nobody knows what it published."""
        assert self.is_idle
        self.rest.destroy()
        self.boot = 0
        self.rest = self._start_rest()

    def mark(self) -> None:
        """Count rounds from now."""
        self.seen = []

    def hear(self, event: dict[str, Any]) -> None:
        """A line of the rest of it."""
        match event.pop("event"):
            case "started":
                assert event["boot"] > max((boot for _, boot in self.published), default=0)
                self.boot = event["boot"]
            case "published":
                self.published[self.name, event["boot"]] = event["last"]
                self._owed -= 1
            case "digest":
                self.digest = event["digest"]
                self.seen.append(self.digest)
            case "members":
                self.members = event["members"]
            case "targets":
                self.targets = event

    def end(self) -> None:
        """Kill all of it."""
        self.coordinator.destroy()
        self.rest.destroy()

    def _start_coordinator(self) -> Process:
        arguments = ["-m", "edge_infer", "node", "coordinator", "--runtime", "embedded"]
        settings = [f"state_dir:={self._state}", *self._settings]
        parameters = [word for setting in settings for word in ("-p", setting)]
        command = [sys.executable, *arguments, "--until-eof", *self._ros_args(*parameters)]
        with self.log.open("a") as log:
            return self._host.start(command, self._environment, log, output=log)

    def _start_rest(self) -> Process:
        arguments = [str(HERE / "sighting_source.py"), str(self._state), str(+self._has_heartbeat)]
        command = [sys.executable, *arguments, *self._ros_args()]
        with self.log.open("a") as log:
            return self._host.start(command, self._environment, log)

    def _ros_args(self, *more: str) -> list[str]:
        return ["--ros-args", "-r", f"__ns:=/{self.name}", *more]


class Drones(Listener):
    """A fleet on one switch.

    Args:
        count: of drones.
        folder: for disks and logs.
        seed: of the network's losses.
        loss: share of frames that get lost; with any, DDS is set up for that.
        has_heartbeats: whether drones have heartbeats, which are traffic, too.
        settings: parameters of the coordinators, ``name:=value``.
    """

    def __init__(
        self,
        count: int,
        folder: Path,
        *,
        seed: int = 1,
        loss: float = 0.0,
        has_heartbeats: bool = False,
        settings: Sequence[str] = (),
    ) -> None:
        self.all: list[Drone] = []
        super().__init__(self.all)
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.switch = Switch(seed)
            self.switch.loss = loss
            stack.callback(self.switch.close)
            hosts = [self._host(stack, number) for number in range(count)]
            self.switch.start()
            around = environment(is_radio=loss > 0)
            for number, host in enumerate(hosts):
                drone = Drone(host, number, folder, around, has_heartbeats, settings)
                stack.callback(drone.end)
                self.all.append(drone)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End all processes and the network."""
        self._stack.close()

    def __iter__(self) -> Iterator[Drone]:
        return iter(self.all)

    def __len__(self) -> int:
        """Sightings that were published."""
        return sum(self.published().values())

    # --- what was published -----------------------------------------------------------

    def published(self, some: Collection[Drone] | None = None) -> Published:
        """By some drones, or all."""
        drones = self.all if some is None else some
        return {log: last for drone in drones for log, last in drone.published.items()}

    def digest(self) -> str:
        """What all must hold, computed apart from them."""
        return digest_of(self.published())

    # --- waiting ----------------------------------------------------------------------

    def publish(self, count: int, some: Collection[Drone] | None = None) -> None:
        """Have drones see so many things each, and wait until they have said so."""
        drones = self.all if some is None else some
        for drone in drones:
            drone.publish(count)
        self.wait(
            lambda: all(drone.is_idle for drone in drones), f"{count} sightings are published"
        )

    def agree(self, some: Collection[Drone] | None = None, wanted: str = "") -> None:
        """Wait until coordinators tell a digest, by default that of all that was published."""
        drones = self.all if some is None else some
        digest = wanted or self.digest()
        self.wait(
            lambda: all(drone.digest == digest for drone in drones), "coordinators hold everything"
        )

    def standing(self) -> str:
        digests = [f"{drone.name} {drone.digest[:8] or 'nothing'}" for drone in self.all]
        return f"wanted {self.digest()[:8]}, told {', '.join(digests)}"

    def _host(self, stack: ExitStack, number: int) -> Host:
        host = Host(number, self.switch)
        stack.callback(host.close)
        return host


def digest_of(published: Published) -> str:
    """Of a replica that was given just that, in one go."""
    return Replica(all_sightings(published)).digest()


def rounds(drones: Collection[Drone], digest: str) -> int:
    """Gossip rounds since the mark until the last coordinator told this digest, which all hold."""
    assert all(drone.digest == digest for drone in drones)
    # Who held it at the mark need not have told it since.
    return max(
        (drone.seen.index(digest) + 1 for drone in drones if digest in drone.seen), default=0
    )
