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

"""Another model in flight: how many frames does it cost, and how long is nothing seen?

A process sends camera frames to a detector process and notes when each is answered. In
every other turn it asks for another model in the middle, two copies of the shipped one
by turns; the turns between are the same flight without a swap. What a turn with a swap
has more than one without is the swap's price. Then models follow each other in this
process, and its resident size is read after each, because they must leave nothing behind.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psutil

from edge_infer.bench.harness import Goal, Progress, Report, Row, median, quantile, rounded
from edge_infer.bench.lines import ask, read_answer
from edge_infer.bench.swap_rig import Way, rig
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.look_back import LookBack
from edge_infer.nodes.detector.model_loader import ModelLoader
from edge_infer.nodes.detector.model_slot import ModelSlot
from edge_infer.nodes.detector.serving_model import ServingModel, open_model
from edge_infer.simulation.world import World

SWAPS = 10
TURN_S = 1.5
MODELS = 180
SETTLED_MODELS = 60
"""After so many, the allocator's arenas have their size."""

WAYS = (
    Way("as it comes", 5),
    Way("as it comes", 15),
    Way("as it comes", 30),
    Way("on one core", 30, cores=1),
    Way("engines in processes", 30, {"isolated": "true"}),
)

_GROWTH_MB = 5.0
_WINDOW = 30
_MS = 1e6


@dataclass
class Side:
    """What was measured in all turns of one kind, with swaps or without."""

    sent: int = 0
    lost: int = 0
    longest_gaps_ms: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    ages_loading_ms: list[float] = field(default_factory=list)
    loads_ms: list[float] = field(default_factory=list)
    not_served: int = 0

    def add(self, turn: Mapping[str, Any]) -> None:
        """One turn, as the peer tells it."""
        known = set(turn["stamps_ns"])
        heard = [(stamp, arrival) for stamp, arrival in turn["heard"] if stamp in known]
        self.sent += len(known)
        self.lost += len(known) - len({stamp for stamp, _ in heard})
        arrivals = [arrival for _, arrival in heard]
        gaps = [(after - before) / _MS for before, after in pairwise(arrivals)]
        self.longest_gaps_ms.append(max(gaps, default=0.0))
        asked_ns, served_ns = turn["asked_ns"], turn["served_ns"]
        for stamp, arrival in heard:
            during = asked_ns and stamp <= served_ns and arrival >= asked_ns
            ages = self.ages_loading_ms if during else self.ages_ms
            ages.append((arrival - stamp) / _MS)
        if asked_ns and served_ns:
            self.loads_ms.append((served_ns - asked_ns) / _MS)
        self.not_served += bool(asked_ns and not served_ns)


class Outcome(NamedTuple):
    """Both sides of one way, and what the detector counted."""

    way: Way
    plain: Side
    swapped: Side
    counters: Mapping[str, int]

    @property
    def price(self) -> int:
        """Frames lost with a swap more than without."""
        return max(self.swapped.lost - self.plain.lost, 0)


def run(progress: Progress) -> Report:
    """Some minutes of turns, then the models."""
    return measure(WAYS, SWAPS, TURN_S, MODELS, progress)


def measure(
    ways: Sequence[Way], swaps: int, turn_s: float, models: int, progress: Progress
) -> Report:
    """The whole benchmark.

    Args:
        ways: to run a detector.
        swaps: of each; there are as many turns without.
        turn_s: length of a turn; one with a swap goes on until the model serves.
        models: how many follow each other in this process.
        progress: told how far it is.
    """
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        pair = copies(Path(folder))
        outcomes = [_measured(way, pair, swaps, turn_s, progress) for way in ways]
        sizes = sizes_mb(pair, models, progress)
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    rows += [_account(outcome) for outcome in outcomes]
    rows.append(
        {
            "what": f"{models} models, one after the other",
            "first MB": rounded(sizes[0], 4),
            f"until {SETTLED_MODELS} MB": rounded(_around(sizes[:SETTLED_MODELS]), 4),
            "last MB": rounded(_around(sizes), 4),
            "largest MB": rounded(max(sizes), 4),
        }
    )
    return Report("swap", rows, goals(outcomes, sizes))


def copies(folder: Path) -> list[ModelBundle]:
    """The shipped model twice, as two releases."""
    shipped = ModelBundle.load(bundle.shipped())
    files = {file.file: (shipped.path / file.file).read_bytes() for file in shipped.manifest.files}
    return [
        bundle.write(
            folder / name,
            shipped.manifest.model_copy(update={"version": name, "release": release}),
            files,
        )
        for release, name in enumerate(("first", "second"), 1)
    ]


def goals(outcomes: Sequence[Outcome], sizes: Sequence[float]) -> list[Goal]:
    """What was promised."""
    names = dict.fromkeys(outcome.way.name for outcome in outcomes)
    failed = sum(outcome.counters.get("frames_failed", 0) for outcome in outcomes)
    missing = sum(outcome.swapped.not_served for outcome in outcomes)
    return [
        *(
            Goal(
                f"frames lost with a swap more than without, {name}",
                0, sum(each.price for each in outcomes if each.way.name == name), "frames",
            )
            for name in names
        ),
        Goal("frames that failed", 0, failed, "frames"),
        Goal("models that never served", 0, missing, "models"),
        Goal(
            f"growth over all models after the first {SETTLED_MODELS}",
            _GROWTH_MB, rounded(_around(sizes) - _around(sizes[:SETTLED_MODELS])), "MB",
        ),
    ]  # fmt: skip


# --- turns -----------------------------------------------------------------------


def _measured(
    way: Way, pair: Sequence[ModelBundle], swaps: int, turn_s: float, progress: Progress
) -> Outcome:
    plain, swapped = Side(), Side()
    order = {"frames": round(way.hz * turn_s), "interval_s": 1 / way.hz}
    with rig(way, pair[0]) as peer:
        for number in range(1, swaps + 1):
            progress(f"{way.name}, {way.hz} Hz: swap {number} of {swaps}")
            model, phase = pair[number % 2], number / (swaps + 1)
            load = {"path": str(model.path), "digest": model.digest}
            # Who is first alternates, too.
            for side in (plain, swapped) if number % 2 else (swapped, plain):
                wish = load if side is swapped else None
                ask(peer, {**order, "phase": phase, "load": wish})
                side.add(read_answer(peer))
        ask(peer, {})
        return Outcome(way, plain, swapped, read_answer(peer))


# --- memory ----------------------------------------------------------------------


def sizes_mb(pair: Sequence[ModelBundle], models: int, progress: Progress) -> list[float]:
    """Resident MB of this process after each of so many models that were taken."""
    frame = World.build(seed=0, drones=1).drone(0).frame(0, 0.0).frame
    slot = ModelSlot(_ignore, _ignore)
    loader = ModelLoader(slot, _opened, LookBack().refusal, _ignore)
    slot.take(_opened(pair[0].path, "", ()))
    sizes = []
    for number in range(1, models + 1):
        model = pair[number % 2]
        # In a thread of its own, as in flight: the allocator keeps its memory apart.
        loading = threading.Thread(target=loader.load, args=(model.path, model.digest))
        loading.start()
        loading.join()
        with slot.frame() as serving:
            serving.look([frame])
        sizes.append(psutil.Process().memory_info().rss / 1e6)
        progress(f"model {number} of {models}, {sizes[-1]:.1f} MB")
    slot.close()
    return sizes


def _around(sizes: Sequence[float]) -> float:
    """The median of the last ones: what the allocator gives back differs from model to model."""
    return median(sizes[-_WINDOW:])


def _opened(folder: Path, digest: str, order: tuple[str, ...]) -> ServingModel:
    return open_model(folder, DetectorConfig(), _ignore, digest=digest, order=order)


def _ignore(*_: Any) -> None:
    """Whatever is told."""


# --- the report --------------------------------------------------------------------


def _rows(outcome: Outcome) -> list[Row]:
    way, plain, swapped = outcome.way, outcome.plain, outcome.swapped
    return [_row(way, "without a swap", plain), _row(way, "with a swap", swapped)]


def _row(way: Way, turns: str, side: Side) -> Row:
    gaps, ages, during = side.longest_gaps_ms, side.ages_ms, side.ages_loading_ms
    return {
        "detector": way.name,
        "Hz": way.hz,
        "turns": turns,
        "frames": side.sent,
        "lost": side.lost,
        "longest gap, median ms": rounded(median(gaps)),
        "longest gap, worst ms": rounded(max(gaps)),
        "age median ms": _or_none(ages, 0.5),
        "age p99 ms": _or_none(ages, 0.99),
        "frames while loading": len(during),
        "their age median ms": _or_none(during, 0.5),
        "their age p99 ms": _or_none(during, 0.99),
        "until it serves ms": _or_none(side.loads_ms, 0.5),
    }


def _or_none(values: Sequence[float], q: float) -> float | None:
    return rounded(quantile(values, q)) if values else None


def _account(outcome: Outcome) -> Row:
    """What the detector itself has counted."""
    counters = outcome.counters
    return {
        "detector": outcome.way.name,
        "at Hz": outcome.way.hz,
        "models": counters.get("models_taken", 0),
        "received": counters.get("frames_received", 0),
        "processed": counters.get("frames_processed", 0),
        "dropped": counters.get("frames_dropped", 0),
        "failed": counters.get("frames_failed", 0),
    }
