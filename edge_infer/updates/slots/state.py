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

"""What is known of the two slots, and what each step makes of it.

Pure; slots.py keeps it on the disk. No step forgets the model that was committed last
before another one is committed, but going back from it.

A drone could swing between models without end when its disk damages what it is given:
each time it falls back and fetches the model again. Without a clock that can be trusted
only the order of releases tells such a loop from a fleet that is updated often, so what
is counted is how often the drone went back since it first tried the newest release that it
ever tried. When that is too often, whatever it goes back from is refused from then on, and
there are only so many releases. A newer one, which somebody must sign, starts afresh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from edge_infer.updates.release import Release

Slot = Literal["a", "b"]
SLOTS: tuple[Slot, Slot] = ("a", "b")
MOST_REFUSED = 32
"""Releases that are remembered as refused; the oldest is forgotten first."""
MOST_REASON = 200
"""Characters of a reason that are kept."""


@dataclass(frozen=True)
class Installed:
    """A release that lies whole in a slot."""

    release: Release
    slot: Slot


@dataclass(frozen=True)
class SlotState:
    """What the slots hold.

    Attributes:
        committed: the model that proved itself last; None while that is the shipped one.
        previous: what was committed before, and is still there.
        staged: what lies ready to be tried.
        trial: what flies on trial.
        boots: starts of the drone within the trial.
        refused: digests of releases that failed here, with the reason, the oldest first.
        transitions: how often the drone went back since it first tried ``newest``.
        newest: the highest number of a release that it ever tried.
    """

    committed: Installed | None = None
    previous: Installed | None = None
    staged: Installed | None = None
    trial: Installed | None = None
    boots: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    transitions: int = 0
    newest: int = 0

    @property
    def running(self) -> Installed | None:
        """What is to fly."""
        return self.trial or self.committed

    @property
    def all(self) -> tuple[Installed, ...]:
        """All that lies in a slot."""
        kept = (self.trial, self.committed, self.previous, self.staged)
        return tuple(each for each in kept if each)

    @property
    def spare(self) -> Slot:
        """The slot that may be overwritten; not to be used during a trial."""
        return "b" if self.committed and self.committed.slot == "a" else "a"

    def reason_against(self, digest: str) -> str | None:
        """Why a release is not to be taken again; None when it may be."""
        return dict(self.refused).get(digest)

    # --- steps -------------------------------------------------------------------------

    def cleared(self) -> SlotState:
        """The spare slot is about to be overwritten."""
        return replace(self, previous=None, staged=None)

    def with_staged(self, release: Release) -> SlotState:
        """A release lies in the spare slot."""
        return replace(self, previous=None, staged=Installed(release, self.spare))

    def without_staged(self, reason: str) -> SlotState:
        """What lay ready is not to be tried, and refused if there is a reason."""
        state = replace(self, staged=None)
        return state.refusing(self.staged, reason) if self.staged and reason else state

    def tried(self) -> SlotState:
        """What lay ready flies on trial."""
        assert self.staged is not None
        number = self.staged.release.number
        state = replace(self, trial=self.staged, staged=None, boots=0)
        return replace(state, newest=number, transitions=0) if number > self.newest else state

    def kept(self) -> SlotState:
        """The trial has gone well."""
        return replace(self, committed=self.trial, previous=self.committed, trial=None, boots=0)

    def untried(self) -> SlotState:
        """What is on trial lies ready again, as if it had not been tried."""
        return replace(self, staged=self.trial or self.staged, trial=None, boots=0)

    def started(self, most_boots: int) -> SlotState:
        """The drone starts; with a model on trial it may do so only so often."""
        if self.trial is None:
            return self
        if self.boots >= most_boots:
            return self.gone_back(f"the drone started {self.boots + 1} times during its trial")
        return replace(self, boots=self.boots + 1)

    def gone_back(self, reason: str) -> SlotState:
        """What flies has failed: what flew before flies again."""
        return self._back().refusing(self.running, reason)

    def damaged(self, reason: str, most_transitions: int) -> SlotState:
        """What should fly cannot be read: not its fault, unless it happens again and again."""
        state = self._back()
        if state.transitions < most_transitions:
            return state
        return state.refusing(self.running, f"{reason}, after {state.transitions} ways back")

    def _back(self) -> SlotState:
        state = replace(self, transitions=self.transitions + 1)
        if self.trial:
            return replace(state, trial=None, boots=0)
        return replace(state, committed=self.previous, previous=None)

    def refusing(self, which: Installed | None, reason: str) -> SlotState:
        """A release is not to be taken again."""
        assert which is not None
        digest = which.release.digest
        short = reason.encode(errors="replace").decode()[:MOST_REASON]
        others = tuple(each for each in self.refused if each[0] != digest)
        return replace(self, refused=(*others, (digest, short))[-MOST_REFUSED:])


# --- on the disk -----------------------------------------------------------------------

_FORM = TypeAdapter(SlotState)


def encode(state: SlotState) -> bytes:
    """As it stands on disk, with its own checksum."""
    told = json.loads(_FORM.dump_json(state))
    return json.dumps({"sha256": _checksum(told), "state": told}, indent=1).encode()


def decode(content: bytes) -> SlotState | None:
    """Read it back; None when this is no such thing, or was changed."""
    try:
        told = json.loads(content)
        if told["sha256"] != _checksum(told["state"]):
            return None
        state: SlotState = _FORM.validate_json(json.dumps(told["state"]), strict=True)
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None
    return None if any(_flaws(state)) else state


def _checksum(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _flaws(state: SlotState) -> Iterator[bool]:
    """What no sequence of steps leads to."""
    slots = [each.slot for each in state.all]
    yield len(slots) != len(set(slots))
    yield min(state.boots, state.transitions, state.newest) < 0
