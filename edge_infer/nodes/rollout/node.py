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

"""The gateway: gives the fleet what is published, and decides who flies it.

Wiring only: what is signed is in ``updates/trust/gateway_roles.py``, what is decided in
``updates/rollout/rollout.py``. The fleet flies on without it; a wave stands still until it is back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_infer.errors import EdgeInferError, UpdateError
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.reports import (
    drone_report_from_msg,
    health_sample_from_msg,
    rollout_view_to_msg,
)
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.nodes.rollout.config import RolloutNodeConfig
from edge_infer.nodes.updater.files import first_root, updates_folder
from edge_infer.nodes.updater.transfer_link import TransferLink
from edge_infer.nodes.workers.background import Background, Outcome
from edge_infer.runtime.api import Node
from edge_infer.updates.release import Decision, Package, Release
from edge_infer.updates.rollout.memory import FleetMemory
from edge_infer.updates.rollout.rollout import Rollout
from edge_infer.updates.store import Store
from edge_infer.updates.trust.gateway_roles import GatewayRoles

TICK_S = 0.2
TELL_S = 1.0
"""Time between two statuses of the rollout when nothing changes."""
SIGN_AGAIN_S = 1.0
"""Time between two tries to sign what could not be signed."""
COMMAND = "rollout/command"
"""The service that a rollout is steered by; edge_infer_msgs/srv/RolloutCommand."""


class RolloutNode:
    """The rollouts of one fleet.

    Args:
        node: the handle.
        config: its parameters.
        identity: when a composition already has one.

    Raises:
        UpdateError: the store, the root or the key cannot be used.
    """

    def __init__(
        self, node: Node, config: RolloutNodeConfig, identity: Identity | None = None
    ) -> None:
        self._node = node
        self._config = config
        self._how = config.rollout()
        self._identity = identity or identify(node, config.state_dir)
        self._complaints = Complaints(node)
        if not config.store or not config.online_key:
            raise UpdateError(
                "the gateway needs a store and the online key",
                "set the parameters store and online_key",
            )
        self._roles = GatewayRoles(
            updates_folder(node, config.state_dir) / "trust",
            Path(config.online_key),
            Store(config.store),
            first_root(config.root),
        )
        self._status = StatusReporter(node, self._identity, self._refresh_status)
        # Apart: a store that is slow must not hold up an abort.
        self._reading = Background(node, f"{node.get_name()}-reading")
        self._signing = Background(node, f"{node.get_name()}-signing")
        self._rollouts: dict[str, Rollout] = {}
        self._memory = FleetMemory()
        self._offered: set[str] = set()
        self._unsigned: set[str] = set()
        self._troubles: dict[str, tuple[int, str]] = {}
        self._link = TransferLink(
            node, self._identity, is_gateway=True, bytes_per_s=config.bytes_per_s,
            metadata=self._roles.metadata, versions=lambda: self._roles.versions,
            on_metadata=self._on_metadata,
        )  # fmt: skip
        self._publisher = topics.ROLLOUT_STATUS.publisher(node)
        topics.UPDATE_STATUS.subscription(node, self._on_report)
        topics.MODEL_HEALTH.subscription(node, self._on_health)
        node.create_service(
            node.messages["edge_infer_msgs/srv/RolloutCommand"], COMMAND, self._on_command
        )
        node.create_timer(TICK_S, self._tick)
        node.create_timer(TELL_S, self._tell)
        node.create_timer(SIGN_AGAIN_S, self._sign_again)
        node.create_timer(config.poll_s, self._poll)
        self._take_up()
        self._poll()

    def close(self) -> None:
        """Stop signing and sending."""
        self._reading.close()
        self._signing.close()
        self._link.close()
        self._status.publish()

    # --- what is published ---------------------------------------------------------------

    def _poll(self) -> None:
        if not self._reading.waiting:
            self._reading.run(self._roles.refresh, self._on_polled)

    def _on_polled(self, outcome: Outcome) -> None:
        try:
            is_new = outcome()
        except UpdateError as error:
            self._complain("store", 1, error)
            return
        self._troubles.pop("store", None)
        self._take_up()
        if is_new:
            self._link.announce()

    def _take_up(self) -> None:
        """See whether what is signed is to be rolled out, and offer it."""
        offered: dict[str, Package] = {}
        for model in self._roles.client.models():
            packages = self._roles.packages(model)
            self._consider(model, packages)
            rollout = self._rollouts.get(model)
            given = {packages[0].release, *([rollout.release] if rollout else [])}
            offered |= {each.blob.sha256: each for each in packages if each.release in given}
        for sha256 in self._offered - offered.keys():
            self._offered.remove(sha256)
            self._link.drop(sha256)
        for sha256 in sorted(offered.keys() - self._offered):
            self._offer(offered[sha256])

    def _offer(self, package: Package) -> None:
        sha256 = package.blob.sha256
        self._offered.add(sha256)
        self._reading.run(
            lambda: self._roles.blob(sha256), lambda outcome: self._on_read(package, outcome)
        )

    def _on_read(self, package: Package, outcome: Outcome) -> None:
        """The store has given a package, or not; then it is asked again at the next look."""
        try:
            content = outcome()
        except UpdateError as error:
            self._offered.discard(package.blob.sha256)
            self._complain("package", 1, error)
            return
        self._troubles.pop("package", None)
        if package.blob.sha256 in self._offered:
            self._link.offer(package.blob, content)

    def _consider(self, model: str, packages: Sequence[Package]) -> None:
        """Go on with the rollout that is signed, or begin one of a release that is newer."""
        if model not in self._rollouts:
            self._restore(model, packages)
        known, newest = self._rollouts.get(model), packages[0].release
        if self._config.auto_start and (known is None or known.release.number < newest.number):
            self._begin(newest)

    def _restore(self, model: str, packages: Sequence[Package]) -> None:
        signed = self._roles.client.decision(model)
        release = next(
            (p.release for p in packages if signed and p.release.number == signed.release), None
        )
        if signed is not None and release is not None:
            self._rollouts[model] = Rollout.restore(release, self._how, signed, self._now_s())

    def _begin(self, release: Release) -> None:
        rollout = Rollout(release, self._how, self._now_s())
        self._memory.tell(rollout)
        rollout.start()
        self._rollouts[release.model] = rollout

    # --- what is heard -------------------------------------------------------------------

    def _on_report(self, msg: Any) -> None:
        report = drone_report_from_msg(msg)
        if report is not None:
            for listener in self._listeners:
                listener.on_report(report, self._now_s())

    def _on_health(self, msg: Any) -> None:
        sample = health_sample_from_msg(msg)
        for listener in self._listeners:
            listener.on_health(sample, self._now_s())

    @property
    def _listeners(self) -> tuple[FleetMemory | Rollout, ...]:
        """Who takes in what drones tell."""
        return (self._memory, *self._rollouts.values())

    def _on_metadata(self, files: Mapping[str, bytes], _source: str) -> None:
        """The fleet knows something newer than this gateway: its disk was lost."""
        if self._roles.hear(files):
            self._take_up()

    # --- deciding ------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._signing.waiting:
            return
        for rollout in self._rollouts.values():
            decision = rollout.tick(self._now_s())
            if decision is not None:
                self._tell_decided(decision)
                self._sign(decision)
                self._tell()

    def _tell_decided(self, decision: Decision) -> None:
        self._node.get_logger().info(
            f"release {decision.release} of {decision.model} is {decision.state.value}, "
            f"wave {decision.wave} of {decision.waves}: {decision.reason}"
        )

    def _sign(self, decision: Decision) -> None:
        self._unsigned.discard(decision.model)
        self._signing.run(
            lambda: self._roles.decide(decision),
            lambda outcome: self._on_signed(decision.model, outcome),
        )

    def _on_signed(self, model: str, outcome: Outcome) -> None:
        try:
            outcome()
        except UpdateError as error:
            self._unsigned.add(model)
            self._complain("signing", 2, error)
            return
        self._troubles.pop("signing", None)
        self._link.announce()

    def _sign_again(self) -> None:
        """What was decided counts for nobody before it is signed."""
        for model in list(self._unsigned):
            decision = self._rollouts[model].decision
            if decision is not None and not self._signing.waiting:
                self._sign(decision)

    def _on_command(self, request: Any, response: Any) -> Any:
        try:
            response.message = self._command(
                request.command, request.model_name, int(request.release)
            )
            response.success = True
        except EdgeInferError as error:
            response.success, response.message = False, str(error)
        return response

    def _command(self, command: str, model: str, release: int) -> str:
        """Carry a command out; returns what is done."""
        if command == "start":
            return self._start(model, release)
        rollout = self._rollouts.get(model or next(iter(self._rollouts), ""))
        if rollout is None:
            raise UpdateError("no rollout is under way", "start one first")
        if command == "pause":
            rollout.pause("paused by hand")
        elif command == "abort":
            rollout.abort("aborted by hand")
        else:
            raise UpdateError(f"there is no command {command!r}", "say start, pause or abort")
        return f"release {rollout.release.number} of {rollout.release.model}: {command}"

    def _start(self, model: str, number: int) -> str:
        models = [model] if model else self._roles.client.models()
        releases = {p.release.number: p.release for m in models for p in self._roles.packages(m)}
        release = releases.get(number or max(releases, default=0))
        if release is None:
            raise UpdateError("no such release is published", "publish it first")
        known = self._rollouts.get(release.model)
        if known is not None and known.release == release and known.view.state == "paused":
            known.resume()
            return f"release {release.number} of {release.model} goes on"
        if known is not None and known.release.number > release.number:
            raise UpdateError(
                f"release {known.release.number} of {release.model} is newer",
                "publish the model again under a higher number to go back to it",
            )
        if known is None or known.release != release or known.view.state != "running":
            self._begin(release)
        return f"release {release.number} of {release.model} is rolled out"

    # --- telling -------------------------------------------------------------------------

    def _complain(self, about: str, level: int, error: EdgeInferError) -> None:
        self._troubles[about] = level, str(error)
        self._complaints.warn(error)

    def _tell(self) -> None:
        for rollout in self._rollouts.values():
            self._publisher.publish(
                rollout_view_to_msg(
                    self._node.messages, rollout.view, self._identity.source, self._now_ns()
                )
            )

    def _refresh_status(self) -> None:
        self._status.set("rollouts", len(self._rollouts))
        self._status.set("packages_offered", len(self._offered))
        self._status.set_health(*max(self._troubles.values(), default=(0, "")))

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _now_s(self) -> float:
        return self._now_ns() / 1e9
