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

"""A drone's way from a signed package to the model that runs: checked, staged, tried, kept or not.

It decides and keeps the slots; who fetches packages, loads models and tells how they do
is not here. ``install`` is slow and may run on a thread of its own: until its end is told
to ``installed`` nothing else touches the slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edge_infer.errors import EdgeInferError, ModelError, UpdateError
from edge_infer.models.bundle import MANIFEST_FILE, ModelBundle
from edge_infer.models.manifest import Manifest
from edge_infer.updates.packages.package import unpack
from edge_infer.updates.planning import Holdings, Move, move, package_to_fetch
from edge_infer.updates.release import Package, Release, UpdateState
from edge_infer.updates.slots.slots import Slots
from edge_infer.updates.trust.client import TrustClient

Check = Callable[[Path], None]
"""Loads a bundle where it can do no harm; raises UpdateError when it is no good."""


class SpoiltPackageError(UpdateError):
    """A signed package that does not become its bundle here; another one of the release may."""


class Installer:
    """The updates of one model on one drone.

    Args:
        drone: its name.
        hardware: kind of machine.
        first: the bundle that flies while no slot is in use.
        trust: what is signed.
        slots: what is on disk; booted.
        check: of a bundle that is staged.
        went_back: why this start ended a trial; empty when it did not.

    Attributes:
        state: how far it is.
        message: why, where something failed or was sent back.
        installs, rollbacks: since this start.
    """

    def __init__(
        self,
        drone: str,
        hardware: str,
        first: ModelBundle,
        trust: TrustClient,
        slots: Slots,
        check: Check,
        went_back: str = "",
    ) -> None:
        self._drone = drone
        self._hardware = hardware
        self._first = first
        self._trust = trust
        self._slots = slots
        self._check = check
        self._is_busy = False
        self._is_checked = False
        self._spoilt: set[str] = set()
        self.state = UpdateState.ON_TRIAL if slots.state.trial else UpdateState.IDLE
        if went_back:
            self.state = UpdateState.ROLLED_BACK
        self.message = went_back
        self.installs, self.rollbacks = 0, int(bool(went_back))

    @property
    def model(self) -> str:
        """Whose releases are followed."""
        return self._first.manifest.name

    @property
    def running(self) -> Release:
        """What is to run now."""
        state = self._slots.state
        installed = state.trial or state.committed
        return installed.release if installed else _released(self._first)

    @property
    def folder(self) -> Path:
        """Of the bundle that is to run now."""
        return self._slots.running() or self._first.path

    @property
    def is_on_trial(self) -> bool:
        """Whether what runs is not settled yet."""
        return self._slots.state.trial is not None

    @property
    def staged(self) -> Release | None:
        """What lies ready."""
        staged = self._slots.state.staged
        return staged.release if staged else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of the disk and of what is signed."""
        return (*self._slots.remarks, *self._trust.remarks)

    @property
    def decided(self) -> str:
        """Why the gateway last decided what it did."""
        decision = self._trust.decision(self.model)
        return decision.reason if decision else ""

    # --- fetching ------------------------------------------------------------------------

    def package_to_fetch(self) -> Package | None:
        """The package to fetch next; None while there is nothing to fetch, or no room for it."""
        if self._is_busy or self.is_on_trial:
            return None
        packages = self._trust.packages(self.model)
        return package_to_fetch(packages, self._trust.decision(self.model), self._holdings())

    def begin(self) -> None:
        """An installation begins: the slots are in use."""
        self._is_busy = True
        self.state, self.message = UpdateState.VERIFYING, ""

    def install(self, package: Package, content: bytes) -> None:
        """Check, unpack, stage and try a package in a child process.

        Raises:
            SpoiltPackageError: it does not become its bundle; perhaps another package does.
            UpdateError: the bundle is no good, or the disk does not take it.
        """
        try:
            self._trust.check(package, content)
            base = self._files_of(package.base) if package.base else None
            files = unpack(content, base, package.unpacked)
            _check_manifest(files, package.release)
        except EdgeInferError as error:
            raise SpoiltPackageError(error.problem, error.remedy) from error
        self._slots.stage(package.release, files)
        self.check_staged()

    def check_staged(self) -> None:
        """Try what lies ready in a child process; raises UpdateError, and then it is refused."""
        staged = self._slots.state.staged
        if staged is None or self._is_checked:
            return
        try:
            self._check(self._slots.folder_of(staged))
        except EdgeInferError as error:
            self._slots.discard_staged(str(error))
            raise
        self._is_checked = True

    def installed(self, package: Package | None, error: EdgeInferError | None) -> None:
        """An installation has come to its end.

        Args:
            package: that it was of; None for one that lay ready since before this start.
            error: why it failed.
        """
        self._is_busy = False
        if error is None:
            self.state = UpdateState.STAGED
            return
        if package and isinstance(error, SpoiltPackageError):
            self._spoilt.add(package.blob.sha256)
        self.state, self.message = UpdateState.FAILED, str(error)

    # --- trying --------------------------------------------------------------------------

    def next_move(self) -> Move:
        """What the signed decision asks for now."""
        if self._is_busy:
            return Move.STAY
        asked = move(self._trust.decision(self.model), self._holdings())
        if asked is Move.TRY and not self._is_checked:
            return Move.STAY
        return asked

    def begin_trial(self) -> None:
        """Let what lies ready run; raises UpdateError when the disk does not take it."""
        self._is_checked = False
        self._slots.begin_trial()
        self.state, self.message = UpdateState.ON_TRIAL, ""
        self.installs += 1

    def commit(self) -> None:
        """Keep what is on trial; raises UpdateError when the disk does not take it."""
        self._slots.commit()
        self.state = UpdateState.COMMITTED

    def roll_back(self, reason: str) -> None:
        """Let what ran before run again; raises UpdateError when the disk does not take it."""
        self._slots.roll_back(reason)
        self.state, self.message = UpdateState.ROLLED_BACK, reason
        self.rollbacks += 1

    # --- what there is -------------------------------------------------------------------

    def _holdings(self) -> Holdings:
        state = self._slots.state
        installed = [each for each in (state.committed, state.previous, state.trial) if each]
        return Holdings(
            drone=self._drone,
            hardware=self._hardware,
            running=self.running.number,
            staged=state.staged.release.number if state.staged else 0,
            bases=frozenset([self._first.digest, *(each.release.digest for each in installed)]),
            refused=frozenset(digest for digest, _ in state.refused),
            spoilt=frozenset(self._spoilt),
            can_go_back=bool(state.trial or state.committed),
        )

    def _files_of(self, digest: str) -> Mapping[str, bytes] | None:
        if digest == self._first.digest:
            return self._first.contents()
        return self._slots.files_of(digest)


def _released(bundle: ModelBundle) -> Release:
    manifest = bundle.manifest
    return Release(manifest.name, manifest.version, manifest.release, bundle.digest)


def _check_manifest(files: Mapping[str, bytes], release: Release) -> None:
    """Whether a bundle is the one that was signed."""
    text = files.get(MANIFEST_FILE, b"")
    manifest = Manifest.from_json(text, f"the manifest of {release.model} {release.version}")
    told = (manifest.name, manifest.version, manifest.release)
    if told != (release.model, release.version, release.number):
        raise ModelError(
            f"the package of {release.model} {release.version} holds {told[0]} {told[1]}",
            "publish it again",
        )
