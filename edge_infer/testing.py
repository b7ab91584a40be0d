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

"""A pytest plugin: a recorded flight as a regression test of your own.

::

    def test_the_roof_is_seen_as_ever(replay):
        seen = replay("roof.mcap").through("detector", params={"detector:score_threshold": 0.4})
        assert seen.report["frames"]["dropped"] == 0
        assert seen.matches("roof.golden.json", pixels=2.0)

Relative paths begin at the test's own folder. ``pytest --edge-infer-update-goldens`` writes the
goldens instead of comparing with them: look at what changed, then keep it. pytest finds the
plugin by itself; nothing heavy is imported before a test asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from edge_infer.replay.comparison import Comparison
    from edge_infer.replay.golden import Found, Frame, Golden, SeenTarget

_UPDATE = "--edge-infer-update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.getgroup("edge_infer").addoption(
        _UPDATE, action="store_true", help="write the goldens of replays instead of comparing"
    )


@pytest.fixture
def replay(request: pytest.FixtureRequest) -> Replay:
    """``replay(bag).through(node, …)``: what nodes find in a bag; see ``Bag`` and ``Seen``."""
    return Replay(request.path.parent, bool(request.config.getoption(_UPDATE)))


@dataclass(frozen=True)
class Replay:
    """Opens bags.

    Attributes:
        folder: where relative paths begin.
        updates: whether goldens are written.
    """

    folder: Path
    updates: bool = False

    def __call__(self, bag: str | Path) -> Bag:
        """A bag's folder, or its mcap or db3 file."""
        return Bag(self.folder / bag, self)


@dataclass(frozen=True)
class Bag:
    """A bag that is to be played."""

    path: Path
    setting: Replay

    def through(
        self,
        *nodes: str,
        params: Mapping[str, Any] | None = None,
        params_files: Sequence[str | Path] = (),
        remap: Mapping[str, str] | None = None,
        namespace: str = "",
        delay_ms: float | None = None,
    ) -> Seen:
        """Play it to its end, as ``edge-infer replay`` does.

        Args:
            nodes: of detector, georeferencer and coordinator; all when none is named.
            params: ``node:name`` -> value.
            params_files: YAML, as for any node of ROS 2.
            remap: topic of the bag -> topic of a node.
            namespace: of the nodes.
            delay_ms: so much later than they were recorded images reach the detector.

        Raises:
            EdgeInferError: the bag cannot be read to its end, or a node cannot be started.
        """
        from edge_infer.replay.bags import open_bag
        from edge_infer.replay.flight import Flight
        from edge_infer.replay.inputs import NODES
        from edge_infer.replay.player import DELAY_MS, Setting

        words = [w for file in params_files for w in ("--params-file", str(self._at(file)))]
        words += [w for key, value in (params or {}).items() for w in ("-p", _setting(key, value))]
        remaps = list((remap or {}).items())
        wait_ms = DELAY_MS if delay_ms is None else delay_ms
        with open_bag(self.path) as bag:
            setting = Setting(_known(nodes, NODES), remaps, namespace, words, wait_ms)
            document, golden, problem = Flight(bag, setting).play()
        if problem:
            raise problem
        return Seen(golden, document, self.setting)

    def _at(self, file: str | Path) -> Path:
        return self.setting.folder / file


@dataclass(frozen=True)
class Seen:
    """What came out.

    Attributes:
        golden: all of it that a golden keeps.
        report: as of ``edge-infer replay --json``.
    """

    golden: Golden
    report: Mapping[str, Any]
    setting: Replay

    @property
    def digest(self) -> str:
        """SHA-256 of all outputs, byte for byte."""
        return self.golden.digest

    @property
    def frames(self) -> Sequence[Frame]:
        """What was detected in each image, with its stamp."""
        return self.golden.frames

    @property
    def detections(self) -> Sequence[Found]:
        """Those of all frames: class_name, score, box in source pixels."""
        return [found for frame in self.frames for found in frame.detections]

    @property
    def targets(self) -> Sequence[SeenTarget]:
        """What the coordinator knew at the end: class_name, score, position in metres."""
        return self.golden.targets

    def matches(
        self,
        golden: str | Path,
        *,
        pixels: float | None = None,
        score: float | None = None,
        metres: float | None = None,
    ) -> Comparison:
        """Compare with a golden, or write it when pytest was told to.

        Args:
            golden: the file.
            pixels: by which an edge of a box may move; as ``edge-infer replay`` by default.
            score: by which a score may differ.
            metres: by which a target may move.

        Returns:
            The comparison, which is true.

        Raises:
            AssertionError: something changed beyond tolerance; it says what.
            ReplayError: the golden cannot be read or written.
        """
        __tracebackhide__ = True
        from edge_infer.replay.comparison import Tolerance, compare
        from edge_infer.replay.golden import read_golden, write_golden
        from edge_infer.replay.wording import sentences, shortened, summary

        file = self.setting.folder / golden
        if self.setting.updates:
            write_golden(file, self.golden)
        elif not file.exists():
            raise AssertionError(f"there is no golden {file}: write it with pytest {_UPDATE}")
        given = {"pixels": pixels, "score": score, "metres": metres}
        allowed = Tolerance(**{name: value for name, value in given.items() if value is not None})
        comparison = compare(read_golden(file), self.golden, allowed)
        if not comparison:
            words = [f"{file.name}: {summary(comparison)}", *shortened(sentences(comparison))]
            raise AssertionError("\n  ".join(words))
        return comparison


def _known(nodes: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    from edge_infer.errors import UsageError

    if unknown := [name for name in nodes if name not in known]:
        raise UsageError(f"{unknown[0]!r} cannot be replayed", f"choose of {', '.join(known)}")
    return tuple(name for name in known if name in nodes or not nodes)


def _setting(key: str, value: Any) -> str:
    """As it stands on a command line of ROS 2; JSON is YAML."""
    return f"{key}:={json.dumps(str(value) if isinstance(value, Path) else value)}"
