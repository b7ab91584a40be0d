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

"""Two slots on a drone's disk, so that a model that was verified always boots.

Laid out as ::

    state.json      which slot holds what; replaced whole
    a/, b/          a bundle each
    reserve         room for the next state.json

One slot holds the model that proved itself last. The other one is spare: a release is
written into it whole and synced before the state names it, so there is no moment at
which a power cut leaves half a model that would be flown. What the slots return is checked
against its digest first; under both of them lies the bundle that this drone was shipped with.

A Slots object is used by one thread at a time, and by one process that changes anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from edge_infer.errors import EdgeInferError, UpdateError, first_line
from edge_infer.models.bundle import MANIFEST_FILE, ModelBundle
from edge_infer.models.manifest import FILE_NAME
from edge_infer.updates.disk import THE_DISK, Disk, make_durably, told
from edge_infer.updates.release import Release
from edge_infer.updates.slots.state import SLOTS, Installed, SlotState
from edge_infer.updates.slots.state_file import StateFile

MOST_BOOTS = 3
MOST_TRANSITIONS = 5
_MOST_REMARKS = 8


class Slots:
    """The models on one drone's disk.

    Args:
        folder: of the slots; made when something is written.
        disk: that it is on.
        most_boots: starts of the drone that a model on trial may see before it goes back.
        most_transitions: ways back from damaged models, since the newest release was first
            tried, before such a model is refused; see slot_state.

    Raises:
        UpdateError: this user may not read the folder, or the disk does not give it.
    """

    def __init__(
        self,
        folder: Path,
        disk: Disk = THE_DISK,
        most_boots: int = MOST_BOOTS,
        most_transitions: int = MOST_TRANSITIONS,
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._most_boots = most_boots
        self._most_transitions = most_transitions
        self._file = StateFile(folder, disk)
        self._found: tuple[str, ...] = ()
        self._unwritten = ""
        state = self._file.read()
        self._state = self._recovered() if state is None else state

    @property
    def state(self) -> SlotState:
        """What the slots hold."""
        return self._state

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know: damage that was found, and a state that is not on disk."""
        return (*self._found, self._unwritten) if self._unwritten else self._found

    def folder_of(self, installed: Installed) -> Path:
        """The bundle's folder."""
        return self._folder / installed.slot

    def running(self) -> Path | None:
        """The bundle to fly with; None where that is the shipped one."""
        running = self._state.running
        return self.folder_of(running) if running else None

    # --- steps -------------------------------------------------------------------------

    def boot(self) -> Path | None:
        """What to fly with, at the start of a drone; call it once.

        A start with a model on trial is counted on the disk before the model is tried; where
        it cannot be counted, or was counted too often, the drone goes back. What is damaged
        is passed over. A disk that cannot be written stops no flight: see ``remarks``.

        Returns:
            A folder that was verified; None for the bundle that the drone was shipped with.
        """
        self._adopt(self._sound(self._state.started(self._most_boots)))
        if self._unwritten and self._state.trial:
            self._state = self._sound(self._state.untried())
        return self.running()

    def stage(self, release: Release, files: Mapping[str, bytes]) -> Path:
        """Write a bundle into the spare slot, and what was there is gone.

        Args:
            release: that it is.
            files: all of the bundle, by name.

        Returns:
            Its folder, on the disk and verified.

        Raises:
            UpdateError: it is not this release or was refused before, a trial is under way,
                or the disk does not take it. What flies is untouched.
        """
        self._check_stageable(release, files)
        cleared = self._state.cleared()
        if self._unwritten or self._state != cleared or not self._file.is_there():
            self._record(cleared)
        state = self._state.with_staged(release)
        assert state.staged is not None
        folder = self.folder_of(state.staged)
        with told(f"{folder} cannot hold {_name(release)}"):
            self._write_bundle(folder, files)
        if why := self._damage(state.staged):
            raise UpdateError(f"{_name(release)} is not as it was published ({why})", _AGAIN)
        self._record(state)
        return folder

    def begin_trial(self) -> Path:
        """Let what lies ready fly on trial.

        Raises:
            UpdateError: nothing lies ready, it is damaged, or the disk does not take it.
        """
        staged = self._state.staged
        if staged is None or self._state.trial:
            what = "another model is on trial" if staged else "no model lies ready"
            raise UpdateError(f"{what} in {self._folder}", "wait until there is one to try")
        if why := self._damage(staged):
            self._adopt(self._state.without_staged(""))
            raise UpdateError(f"{_name(staged.release)} is damaged on the disk ({why})", _AGAIN)
        self._record(self._state.tried())
        return self.folder_of(staged)

    def commit(self) -> None:
        """Keep the model on trial; raises UpdateError when there is none, or by the disk."""
        if self._state.trial is None:
            raise UpdateError(f"no model is on trial in {self._folder}", "try one first")
        self._record(self._state.kept())

    def roll_back(self, reason: str) -> Path | None:
        """Go back from the model on trial, or where there is none from the committed one.

        It always does for this flight. Where the disk does not take it, ``remarks`` says so, and
        the next start counts as one more of the trial.

        Args:
            reason: why the release is refused from now on.

        Returns:
            What flies now, verified; None for the shipped bundle.

        Raises:
            UpdateError: the shipped bundle flies, from which there is no way back.
        """
        if self._state.running is None:
            raise UpdateError(
                "the model that flies is the shipped one, and there is none before it",
                "publish a newer release",
            )
        self._adopt(self._sound(self._state.gone_back(reason)))
        return self.running()

    def discard_staged(self, reason: str = "") -> None:
        """Forget what lies ready, and refuse it from now on if there is a reason.

        Where the disk does not take it, ``remarks`` says so.
        """
        if self._state.staged:
            self._adopt(self._state.without_staged(reason))

    def files_of(self, digest: str) -> dict[str, bytes] | None:
        """The content of a bundle that is there, verified; None when it is not."""
        for each in self._state.all:
            if each.release.digest == digest and not self._damage(each):
                try:
                    return ModelBundle.load(self.folder_of(each)).contents()
                except EdgeInferError:
                    return None
        return None

    # --- what is on the disk ---------------------------------------------------------------

    def _record(self, state: SlotState) -> None:
        try:
            self._file.write(state)
        except UpdateError as error:
            # The file may hold either: it is written again before a slot is.
            self._unwritten = str(error)
            raise
        self._state, self._unwritten = state, ""

    def _adopt(self, state: SlotState) -> None:
        """Go on with a state whether or not the disk takes it."""
        if state == self._state and not self._unwritten:
            return
        self._state = state
        with contextlib.suppress(UpdateError):
            self._record(state)

    def _check_stageable(self, release: Release, files: Mapping[str, bytes]) -> None:
        if self._state.trial:
            raise UpdateError(f"a model is on trial in {self._folder}", "wait until that is over")
        if (reason := self._state.reason_against(release.digest)) is not None:
            raise UpdateError(
                f"{_name(release)} was refused here before ({reason})", "publish a newer release"
            )
        manifest = files.get(MANIFEST_FILE, b"")
        if hashlib.sha256(manifest).hexdigest() != release.digest:
            raise UpdateError(f"these files are not {_name(release)}", _AGAIN)
        for name in files:
            if not re.fullmatch(FILE_NAME, name):
                raise UpdateError(f"{name!r} is no name of a file in a model bundle", _AGAIN)

    def _write_bundle(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """What was there is unlinked, not overwritten: somebody may still read it."""
        make_durably(self._disk, folder)
        for old in sorted(folder.iterdir()):
            self._disk.remove(old)
        for name, content in files.items():
            self._disk.write(folder / name, content)
        for name in files:
            self._disk.sync_file(folder / name)
        self._disk.sync_folder(folder)

    def _sound(self, state: SlotState) -> SlotState:
        """Pass over what is damaged, until there is something to fly with."""
        while state.running and (why := self._damage(state.running)):
            name = _name(state.running.release)
            self._remark(f"{name} is damaged on the disk and not flown ({why})")
            state = state.damaged("damaged on the disk", self._most_transitions)
        return state

    def _damage(self, installed: Installed) -> str:
        """Why a slot does not hold what it should; empty when it does."""
        try:
            bundle = ModelBundle.load(self.folder_of(installed))
        except EdgeInferError as error:
            return error.problem
        except OSError as error:
            return first_line(error)
        return "" if bundle.digest == installed.release.digest else "it is another model"

    def _recovered(self) -> SlotState:
        """Without a state the slots do not tell what proved itself: they are to be tried anew."""
        found = [each for slot in SLOTS if (each := self._found_in(slot))]
        state = SlotState(staged=max(found, key=lambda each: each.release.number, default=None))
        if self._file.is_there() or found:
            self._remark(f"which model is in which slot of {self._folder} was lost")
        return state

    def _found_in(self, slot: str) -> Installed | None:
        try:
            bundle = ModelBundle.load(self._folder / slot)
        except (EdgeInferError, OSError):
            return None
        told = bundle.manifest
        release = Release(told.name, told.version, told.release, bundle.digest)
        return Installed(release, "a" if slot == "a" else "b")

    def _remark(self, sentence: str) -> None:
        self._found = (*self._found, sentence)[-_MOST_REMARKS:]


_AGAIN = "fetch it again"


def _name(release: Release) -> str:
    return f"{release.model} {release.version}"
