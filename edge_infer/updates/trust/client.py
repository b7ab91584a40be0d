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

"""What a machine of the fleet trusts: signed metadata from anybody, checked, kept and passed on.

Trust begins with one root file and is carried on by python-tuf. A set that is refused
changes nothing, on disk either, but for one thing: a root that its own keys vouch for is
kept whatever came with it (specification 1.0.34, 5.3.8), so that a stolen key cannot be
kept alive by spoiling the files beside the root that revokes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import Root, Targets

from edge_infer.errors import TrustError, UpdateError, first_line
from edge_infer.updates.release import Decision, Package
from edge_infer.updates.trust.changing_folder import ChangingFolder
from edge_infer.updates.trust.roles import ROLLOUT, TIMESTAMP, at, issued_s
from edge_infer.updates.trust.time_floor import TimeFloor
from edge_infer.updates.trust.verification import SetUpdater, SignedSet

_ALWAYS = 0.0
"""Nothing is out of date in 1970: to load what was checked when it came."""


@dataclass(frozen=True)
class _Readable:
    """What a signed set says, read."""

    packages: Mapping[str, list[Package]] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _State:
    """All that is known at one moment.

    Attributes:
        known: files, as SetUpdater has them.
        signed: what they say; None when they do not hold.
        complaint: why they do not.
    """

    known: Mapping[str, bytes]
    root: Root
    signed: SignedSet | None
    readable: _Readable
    complaint: str = ""


class TrustClient:
    """The signed metadata of one machine; may be used from several threads.

    Args:
        folder: where it is kept.
        root: the first root metadata that this machine was given.
        wall_s: the clock, seconds since 1970; it may be wrong.

    Raises:
        TrustError: the root metadata cannot be used.
        UpdateError: the disk cannot be used.
    """

    def __init__(self, folder: Path, root: bytes, wall_s: Callable[[], float]) -> None:
        self._anchor = root
        self._wall_s = wall_s
        with _disk(folder):
            self._kept = ChangingFolder(folder)
            known = self._kept.read()
        self._folder = folder
        self._floor = TimeFloor(folder / "time_floor.json")
        self._updating = RLock()
        # Replaced as a whole, so that whoever reads while a set is taken reads one or the other.
        self._state = self._load(known)

    @property
    def versions(self) -> tuple[int, int]:
        """Of root and timestamp; 0 while there is no timestamp."""
        state = self._state
        return state.root.version, state.signed.timestamp.version if state.signed else 0

    @property
    def root(self) -> Root:
        """The newest root."""
        return self._state.root

    @property
    def signed(self) -> SignedSet | None:
        """All that is trusted, out of date or not."""
        return self._state.signed

    def last(self, role: str) -> bytes | None:
        """The last file of a role that was trusted, even if its key counts no more."""
        return self._state.known.get(f"{role}.json")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know: what cannot be read or used, and why."""
        state = self._state
        late: tuple[str, ...] = ()
        if state.signed and not self._is_valid(state):
            expired = at(state.signed.expires_s).strftime("%Y-%m-%d")
            late = (f"the signed metadata is out of date since {expired}: no update until newer",)
        complaint = (state.complaint,) if state.complaint else ()
        return (*complaint, *late, *state.readable.remarks)

    def now_s(self) -> float:
        """What time it is, as far as this machine can know."""
        return self._now_s(self._state.signed)

    # --- taking ----------------------------------------------------------------------

    def update(self, files: Mapping[str, bytes]) -> bool:
        """Take a set from anybody.

        Args:
            files: by name: ``2.root.json`` and so on for roots that are newer, ``timestamp.json``,
                and with their version before the name ``snapshot``, ``targets`` and ``rollout``.
                What this machine has may be missing. Roots may come alone.

        Returns:
            Whether something new is trusted.

        Raises:
            TrustError: the set is refused.
            UpdateError: the disk does not take it.
        """
        with self._updating:
            newer = self._take_roots(files)
            if "timestamp.json" in files:
                newer |= self._take_the_rest(files)
        return newer

    def _take_roots(self, files: Mapping[str, bytes]) -> bool:
        before = self._state.root.version
        if f"{before + 1}.root.json" not in files:
            return False
        updater = SetUpdater(self._state.known, self._anchor, files, self.now_s())
        try:
            updater.verify_roots()
        finally:
            if updater.root.version > before:
                self._keep(updater.kept)
                self._state = self._load(updater.kept)
        return True

    def _take_the_rest(self, files: Mapping[str, bytes]) -> bool:
        state = self._state
        if self._is_valid(state) and files["timestamp.json"] == state.known["timestamp.json"]:
            return False
        updater = SetUpdater(state.known, self._anchor, files, self.now_s())
        signed = updater.verify()
        if state.signed and signed.versions == state.signed.versions:
            return False
        self._keep(updater.kept)
        self._state = _State(updater.kept, signed.root, signed, _read(signed))
        self._learn(signed.root, signed)
        return True

    # --- telling ---------------------------------------------------------------------

    def metadata(self, since_root: int = 0) -> dict[str, bytes]:
        """The set to give to others.

        Args:
            since_root: the root that they have.
        """
        state = self._state
        known = state.known
        roots = (f"{n}.root.json" for n in range(since_root + 1, state.root.version + 1))
        files = {name: known[name] for name in roots if name in known}
        if state.signed:
            files["timestamp.json"] = known["timestamp.json"]
            meta = {"snapshot.json": state.signed.timestamp.snapshot_meta}
            meta.update(state.signed.snapshot.meta)
            is_prefixed = state.root.consistent_snapshot
            for name, info in meta.items():
                if name in known:
                    files[f"{info.version}.{name}" if is_prefixed else name] = known[name]
        return files

    def models(self) -> list[str]:
        """Names of the models of which packages are signed."""
        state = self._state
        return sorted(state.readable.packages) if self._is_valid(state) else []

    def packages(self, model: str) -> list[Package]:
        """The packages of a model that are signed, the newest release first."""
        state = self._state
        return list(state.readable.packages.get(model, ())) if self._is_valid(state) else []

    def decision(self, model: str) -> Decision | None:
        """What the gateway last decided about a model."""
        state = self._state
        return state.readable.decisions.get(model) if self._is_valid(state) else None

    def check(self, package: Package, content: bytes) -> None:
        """Whether these bytes are what was signed; raises TrustError."""
        signed = self._state.signed
        target = signed.targets.targets.get(package.path) if signed else None
        if target is None:
            raise TrustError(
                f"nobody signed the package {package.path}", "publish it, or fetch another one"
            )
        try:
            target.verify_length_and_hashes(content)
        except LengthOrHashMismatchError as error:
            raise TrustError(
                f"the package {package.path} is not the one that was signed ({error})",
                "fetch it again",
            ) from error

    # --- what is known ---------------------------------------------------------------

    def _is_valid(self, state: _State) -> bool:
        return state.signed is not None and self._now_s(state.signed) < state.signed.expires_s

    def _now_s(self, signed: SignedSet | None) -> float:
        wall_s = self._wall_s()
        if signed:
            # Never past what is trusted: see time_floor.
            self._floor.rise(wall_s, signed.expires_s - 1)
        return self._floor.now_s(wall_s)

    def _load(self, known: Mapping[str, bytes]) -> _State:
        """Go on from what is known, under the newest root of it."""
        files = {name: known[name] for name in ("timestamp.json",) if name in known}
        updater = SetUpdater(known, self._anchor, files, _ALWAYS)
        signed, complaint = None, ""
        try:
            updater.verify_roots()
            signed = updater.verify() if files else None
        except TrustError as error:
            complaint = f"what was trusted before is so no more: {error.problem}"
        kept = _without_roots_after(updater.root.version, updater.kept)
        if kept != known:
            self._keep(kept)
        self._learn(updater.root, signed)
        readable = _read(signed) if signed else _Readable()
        return _State(kept, updater.root, signed, readable, complaint)

    def _learn(self, root: Root, signed: SignedSet | None) -> None:
        """What time it must be at least."""
        self._floor.follow(root.roles[TIMESTAMP].keyids, issued_s(root))
        if signed:
            self._floor.rise(issued_s(signed.targets), signed.expires_s - 1)

    def _keep(self, files: Mapping[str, bytes]) -> None:
        with _disk(self._folder):
            self._kept.replace(files)


def _without_roots_after(version: int, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """All but the roots that do not hold, which would be in the way of those that do."""
    numbers = {name: name.partition(".")[0] for name in files if name.endswith(".root.json")}
    return {
        name: content
        for name, content in files.items()
        if name not in numbers or (numbers[name].isdecimal() and int(numbers[name]) <= version)
    }


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UpdateError(
            f"{folder} cannot hold the signed metadata ({first_line(error)})",
            "make room on the disk, and let this user write to it",
        ) from error


def _read(signed: SignedSet) -> _Readable:
    """Read what targets and rollout say; what makes no sense becomes a remark."""
    remarks: list[str] = []
    packages: dict[str, list[Package]] = {}
    for path, target in signed.targets.targets.items():
        with _remarking(remarks):
            sha256 = target.hashes.get("sha256", "")
            package = Package.from_custom(path, target.length, sha256, target.custom)
            packages.setdefault(package.release.model, []).append(package)
    for each in packages.values():
        each.sort(key=lambda package: (-package.release.number, package.path))
    decisions: dict[str, Decision] = {}
    for path, custom in _decided(signed).items():
        with _remarking(remarks):
            decision = Decision.from_custom(path, custom)
            decisions[decision.model] = decision
    return _Readable(packages, decisions, tuple(remarks))


@contextmanager
def _remarking(remarks: list[str]) -> Iterator[None]:
    try:
        yield
    except UpdateError as error:
        remarks.append(str(error))


def _decided(signed: SignedSet) -> dict[str, object]:
    """What the role ``rollout`` says of the paths that are its own."""
    delegations = signed.targets.delegations
    roles = (delegations.roles if delegations else None) or {}
    rollout: Targets | None = signed.rollout
    if rollout is None or ROLLOUT not in roles:
        return {}
    own = roles[ROLLOUT].is_delegated_path
    return {path: target.custom for path, target in rollout.targets.items() if own(path)}
