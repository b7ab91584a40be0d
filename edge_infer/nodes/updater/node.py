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

"""Keeps a drone's model fresh: fetches what is signed, tries it, keeps it or goes back.

Wiring only: what is decided is in ``updates/``. The detector, in the same process or in
another one, is asked to load what should run until it says that this serves.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_infer.errors import UpdateError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.reports import drone_report_to_msg, health_sample_from_msg
from edge_infer.nodes.detector.node import LOAD_MODEL
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.nodes.updater.config import UpdaterConfig
from edge_infer.nodes.updater.files import first_root, updates_folder
from edge_infer.nodes.updater.transfer_link import TransferLink
from edge_infer.nodes.workers.background import Background, Outcome
from edge_infer.runtime.api import Node
from edge_infer.updates.installer import Installer
from edge_infer.updates.planning import Move
from edge_infer.updates.release import Package, Release, UpdateState
from edge_infer.updates.rollout.reports import DroneReport, HealthSample
from edge_infer.updates.slots.check import check_in_child
from edge_infer.updates.slots.slots import Slots
from edge_infer.updates.slots.trial import Trial, Verdict
from edge_infer.updates.transfer.partial import PartialBlob, clean
from edge_infer.updates.trust.client import TrustClient

TICK_S = 0.1
TELL_S = 1.0
"""Time between two reports when nothing changes."""
ASK_AGAIN_S = 3.0
"""How long the detector may take to serve what it was asked for before it is asked again."""


class UpdaterNode:
    """The updates of one drone.

    Args:
        node: the handle.
        config: its parameters.
        identity: of the drone, when a composition already has one.
        state_dir: of the composition; the node's own when empty.
        status: where its counts go; one of its own when None.

    Raises:
        UpdateError: there is no root of trust, or the disk cannot be used.
        ModelError: the bundle to begin with cannot be used.
    """

    def __init__(
        self,
        node: Node,
        config: UpdaterConfig,
        identity: Identity | None = None,
        state_dir: str = "",
        status: StatusReporter | None = None,
    ) -> None:
        self._node = node
        self._config = config
        self._identity = identity or identify(node, config.state_dir)
        self._hardware = config.hardware or platform.machine()
        self._complaints = Complaints(node)
        folder = updates_folder(node, state_dir or config.state_dir)
        self._blobs = folder / "packages"
        self._trust = TrustClient(folder / "trust", first_root(config.root), time.time)
        slots = Slots(folder / "slots", most_boots=config.trial_boots)
        went_back = _boot(slots)
        first = ModelBundle.load(Path(config.model) if config.model else shipped())
        self._installer = Installer(
            self._identity.source, self._hardware, first, self._trust, slots, self._check, went_back
        )
        self._trial: Trial | None = None
        self._package: Package | None = None
        self._detector: HealthSample | None = None
        self._asked: tuple[str, float] = ("", 0.0)
        self._told: DroneReport | None = None
        self._told_s = 0.0
        self._refused = 0
        self._status = status or StatusReporter(node, self._identity)
        self._status.refresh_with(self._refresh_status)
        self._background = Background(node, f"{node.get_name()}-installing")
        self._load: Any = node.messages["edge_infer_msgs/srv/LoadModel"]
        self._client = node.create_client(self._load, LOAD_MODEL)
        self._publisher = topics.UPDATE_STATUS.publisher(node)
        self._link = TransferLink(
            node, self._identity, bytes_per_s=config.bytes_per_s,
            metadata=self._trust.metadata, versions=lambda: self._trust.versions,
            on_metadata=self._on_metadata, on_complete=self._on_complete,
        )  # fmt: skip
        topics.MODEL_HEALTH.subscription(node, self._on_health)
        node.create_timer(TICK_S, self._tick)
        if self._installer.staged:
            self._check_staged()

    def follow(self, config: UpdaterConfig) -> None:
        """Judge the next trial by other numbers."""
        self._config = config

    def close(self) -> None:
        """Stop installing and sending, and tell how far it is."""
        self._background.close()
        self._link.close()
        self._status.publish()

    # --- fetching ------------------------------------------------------------------------

    def _on_metadata(self, files: Mapping[str, bytes], _source: str) -> None:
        """Signed metadata, from anybody; raises TrustError when it is refused."""
        try:
            self._trust.update(files)
        except UpdateError as error:
            self._refused += 1
            self._installer.message = str(error)
            raise

    def _fetch(self) -> None:
        """See to it that the right package is on its way."""
        package = self._installer.package_to_fetch()
        if package is None or package == self._package:
            return
        if self._package is not None:
            self._link.drop(self._package.blob.sha256)
        self._package = package
        clean(self._blobs, [package.blob.sha256])
        self._installer.state = UpdateState.DOWNLOADING
        self._link.fetch(package.blob, PartialBlob(self._blobs, package.blob))

    def _on_complete(self, content: bytes) -> None:
        """All chunks of the package are here."""
        package = self._package
        if package is None:
            return
        self._installer.begin()
        self._background.run(
            lambda: self._installer.install(package, content),
            lambda outcome: self._on_installed(package, outcome),
        )

    def _check_staged(self) -> None:
        self._installer.begin()
        self._background.run(
            self._installer.check_staged, lambda outcome: self._on_installed(None, outcome)
        )

    def _on_installed(self, package: Package | None, outcome: Outcome) -> None:
        try:
            outcome()
        except UpdateError as error:
            self._installer.installed(package, error)
            self._complaints.warn(error)
            return
        self._installer.installed(package, None)

    def _check(self, folder: Path) -> None:
        check_in_child(folder, self._config.check_timeout_s)

    # --- trying --------------------------------------------------------------------------

    def _tick(self) -> None:
        try:
            self._follow()
            self._fetch()
        except UpdateError as error:
            self._installer.message = str(error)
            self._complaints.warn(error)
        self._ask_detector()
        self._tell()

    def _follow(self) -> None:
        """Do what the signed decision and the trial ask for."""
        move = self._installer.next_move()
        if move is Move.TRY:
            self._installer.begin_trial()
        elif move is Move.GO_BACK:
            self._go_back(f"its rollout was aborted ({self._installer.decided})")
        if self._installer.is_on_trial:
            self._judge()

    def _judge(self) -> None:
        if self._trial is None:
            looks = self._detector is not None and self._detector.frames > 0
            self._trial = Trial(self._config.trial(), self._now_s(), looks)
        verdict = self._trial.verdict(self._now_s())
        if verdict is Verdict.ROLL_BACK:
            self._go_back(self._trial.reason)
        elif verdict is Verdict.COMMIT:
            self._trial = None
            self._installer.commit()

    def _go_back(self, reason: str) -> None:
        self._trial = None
        self._node.get_logger().warning(f"{self._installer.running.version} goes back: {reason}")
        self._installer.roll_back(reason)

    def _on_health(self, msg: Any) -> None:
        """What a detector says of its model; only this drone's own counts."""
        if msg.source != self._identity.source:
            return
        sample, before = health_sample_from_msg(msg), self._detector
        self._detector = sample
        if self._trial is None:
            return
        if sample.digest == self._installer.running.digest:
            self._trial.on_health(self._now_s(), sample.frames, sample.failed, sample.latency)
        elif sample.refused_digest == self._installer.running.digest:
            self._trial.on_refused(sample.message)
        elif before is not None and sample.boot != before.boot:
            self._trial.on_crash()

    def _ask_detector(self) -> None:
        """Ask for the model that should run, until it serves."""
        wanted, now_s = self._installer.running.digest, self._now_s()
        if self._detector is None or self._detector.digest == wanted:
            return
        digest, asked_s = self._asked
        if (digest == wanted and now_s - asked_s < ASK_AGAIN_S) or (
            not self._client.service_is_ready()
        ):
            return
        self._asked = wanted, now_s
        request = self._load.Request(path=str(self._installer.folder), digest=wanted)
        self._client.call_async(request)

    # --- telling -------------------------------------------------------------------------

    def report(self) -> DroneReport:
        """How far this drone is."""
        installer, running, wanted = self._installer, self._installer.running, self._wanted()
        return DroneReport(
            self._identity.source,
            self._identity.boot,
            self._hardware,
            installer.state,
            running.model,
            running.version,
            running.number,
            running.digest,
            wanted.number if wanted else 0,
            wanted.digest if wanted else "",
            self._link.progress(self._package.blob.sha256) if self._package else 0.0,
            installer.message,
            installer.installs,
            installer.rollbacks,
            self._refused + self._link.refused,
        )

    def _wanted(self) -> Release | None:
        """What is fetched, lies ready or is tried; what has been kept is not wanted any more."""
        installer = self._installer
        if installer.is_on_trial:
            return installer.running
        if installer.staged or self._package is None:
            return installer.staged
        release = self._package.release
        return None if release.digest == installer.running.digest else release

    def _tell(self) -> None:
        """Publish the report when it has changed, and again from time to time."""
        report, now_s = self.report(), self._now_s()
        if report == self._told and now_s - self._told_s < TELL_S:
            return
        self._told, self._told_s = report, now_s
        self._publisher.publish(drone_report_to_msg(self._node.messages, report, self._node_ns()))

    def _refresh_status(self) -> None:
        installer = self._installer
        self._status.set("model_installs", installer.installs)
        self._status.set("model_rollbacks", installer.rollbacks)
        self._status.set("updates_refused", self._refused + self._link.refused)
        troubled = installer.state in (UpdateState.FAILED, UpdateState.ROLLED_BACK)
        remarks = installer.remarks
        self._status.set_health(
            int(troubled or bool(remarks)), installer.message if troubled else " ".join(remarks)
        )

    def _node_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _now_s(self) -> float:
        return self._node_ns() / 1e9


def _boot(slots: Slots) -> str:
    """Begin with what the slots hold; returns why that ended a trial, if it did."""
    trial = slots.state.trial
    slots.boot()
    if trial is None or slots.state.trial is not None:
        return ""
    why = dict(slots.state.refused)
    return why.get(trial.release.digest, "its files were damaged when the drone started")
