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

"""Our detector node against the usual one: a plain callback around the same network.

A camera process sends 1280x720 frames at 30 a second, a detector process answers, a
listening process notes how old each answer is. That is done with a network that keeps up
with the camera and with one that takes a tenth of a second, which is where a queue of
frames makes answers old. The ways take turns. Without a sourced ROS 2 only the embedded
runtime is measured, and the report says why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from edge_infer.bench.detector_networks import Networks, picture, write_networks
from edge_infer.bench.detector_rig import (
    EMBEDDED,
    INTERVAL_S,
    ROS,
    SIZE,
    THREADS,
    WAYS,
    Heard,
    Turn,
    absent,
    rig,
)
from edge_infer.bench.harness import (
    Goal,
    Progress,
    Report,
    Row,
    durations_ms,
    median,
    quantile,
    rounded,
)
from edge_infer.bench.ros2_benchmark import metrics
from edge_infer.models.manifest import Precision
from edge_infer.perception.pipeline import Pipeline

TURNS = 3
FRAMES = 150
SLOW_MS = 100.0

_AGE_PERIODS = 2
_AGE_ALLOWANCE_MS = 20.0
_BACKLOG = 1
_TRIAL_BLOCKS = 10


class Model(NamedTuple):
    """A network to detect with.

    Attributes:
        name: in the report.
        networks: its forms.
        precision: of the weights that both sides use.
        period_ms: what one frame takes alone, median.
    """

    name: str
    networks: Networks
    precision: Precision
    period_ms: float


@dataclass
class Tally:
    """What was measured of one way with one model, all turns together."""

    sent: int = 0
    ages_ms: list[float] = field(default_factory=list)
    backlog: int = 0
    cpu_s: float = 0.0
    boxes: int = 0
    runs: list[dict[str, float]] = field(default_factory=list)

    @property
    def worst_ms(self) -> float | None:
        """Age of the oldest answer."""
        return max(self.ages_ms, default=None)

    def add(self, turn: Turn) -> None:
        """One turn; answers to frames of the warm-up do not count."""
        known = set(turn.stamps_ns)
        counted = [answer for answer in turn.heard if answer[0] in known]
        self.sent += len(known)
        self.ages_ms += [(arrival - stamp) / 1e6 for stamp, arrival, _ in counted]
        self.backlog = max(self.backlog, backlog(counted, INTERVAL_S))
        self.cpu_s += turn.cpu_s
        self.boxes += sum(boxes for _, _, boxes in counted)
        self.runs.append(
            metrics(
                {stamp: stamp for stamp in turn.stamps_ns},
                {stamp: arrival for stamp, arrival, _ in counted},
            )
        )

    def row(self, way: str, model: Model) -> Row:
        """As a line of the report."""
        ages, answered = self.ages_ms, max(len(self.ages_ms), 1)
        return {
            "model": model.name,
            "way": way,
            "sent": self.sent,
            "answered": len(ages),
            "dropped": self.sent - len(ages),
            "age median ms": rounded(median(ages)) if ages else None,
            "age p99 ms": rounded(quantile(ages, 0.99)) if ages else None,
            "age worst ms": rounded(max(ages)) if ages else None,
            "backlog": self.backlog,
            "CPU s": rounded(self.cpu_s),
            "CPU ms/answer": rounded(self.cpu_s * 1e3 / answered),
            "boxes/answer": rounded(self.boxes / answered),
        }

    def in_words_of_ros2_benchmark(self, way: str, model: Model) -> list[Row]:
        """A line for each turn."""
        return [
            {"ros2_benchmark": f"{model.name}, {way}, turn {number}"}
            | {name: rounded(value) for name, value in run.items()}
            for number, run in enumerate(self.runs, start=1)
        ]


def backlog(heard: Sequence[Heard], interval_s: float) -> int:
    """The most frames that waited at one time, seen from outside.

    A frame waited when an answer came after it had been sent, and its own came later. One
    interval of the camera is allowed for it to reach the detector.
    """
    allowed_ns = round(interval_s * 1e9)
    return max(
        (
            sum(stamp + allowed_ns < arrival < later for stamp, later, _ in heard)
            for _, arrival, _ in heard
        ),
        default=0,
    )


def run(progress: Progress) -> Report:
    """Measure every way that there is here.

    Raises:
        RuntimeUnavailableError: no Cyclone DDS, or processes that do not find each other.
    """
    left_out = absent()
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        models = [normal_model(Path(folder), progress), slow_model(Path(folder), progress)]
        ways = [way for way in WAYS if way not in left_out]
        tallies = {(way, model.name): Tally() for model in models for way in ways}
        for turn in range(TURNS):
            for model in models:
                for way in ways:
                    progress(f"turn {turn + 1} of {TURNS}: {model.name}, {way}")
                    tallies[way, model.name].add(_turn(way, model, Path(folder)))
    made_rows: list[Row] = [
        {"model": model.name, "precision": model.precision, "frame alone ms":
         rounded(model.period_ms)} for model in models
    ]  # fmt: skip
    rows = [tallies[way, model.name].row(way, model) for model in models for way in ways]
    rows += [
        line
        for model in models
        for way in ways
        for line in tallies[way, model.name].in_words_of_ros2_benchmark(way, model)
    ]
    why: list[Row] = [{"left out": way, "why": reason} for way, reason in left_out.items()]
    return Report("detector", [*made_rows, *rows, *why], goals(models, tallies))


def _turn(way: str, model: Model, folder: Path) -> Turn:
    with rig(way, model.networks, model.precision, folder) as made:
        return made.turn(FRAMES)


def goals(models: Sequence[Model], tallies: Mapping[tuple[str, str], Tally]) -> list[Goal]:
    """What was promised of our node, on both runtimes."""
    found = []
    for model in models:
        for way in (EMBEDDED, ROS):
            tally = tallies.get((way, model.name))
            limit = _AGE_PERIODS * model.period_ms + _AGE_ALLOWANCE_MS
            worst = tally.worst_ms if tally else None
            found += [
                Goal(
                    f"oldest answer, {model.name}, {way}", rounded(limit),
                    None if worst is None else rounded(worst), "ms",
                ),
                Goal(
                    f"frames that wait, {model.name}, {way}", _BACKLOG,
                    tally.backlog if tally else None, "frames",
                ),
            ]  # fmt: skip
    return found


# --- the models --------------------------------------------------------------------


def normal_model(folder: Path, progress: Progress) -> Model:
    """One that keeps up with the camera."""
    progress("making a network")
    networks = write_networks(folder / "normal", SIZE, precisions=("int8",))
    return Model(f"{SIZE}, INT8", networks, "int8", frame_alone_ms(networks))


def slow_model(folder: Path, progress: Progress, wanted_ms: float = SLOW_MS) -> Model:
    """The same with so many more convolutions that a frame takes about ``wanted_ms`` here."""
    progress("making a slow network")
    plain, more = (
        frame_alone_ms(write_networks(
            folder / f"trial_{blocks}", SIZE, precisions=("float32",), more_blocks=blocks
        ))
        for blocks in (0, _TRIAL_BLOCKS)
    )  # fmt: skip
    each_ms = max((more - plain) / _TRIAL_BLOCKS, 0.1)
    blocks = max(1, round((wanted_ms - plain) / each_ms))
    networks = write_networks(folder / "slow", SIZE, precisions=("float32",), more_blocks=blocks)
    return Model("slow", networks, "float32", frame_alone_ms(networks))


def frame_alone_ms(networks: Networks, repeats: int = 15) -> float:
    """Median of a whole frame in this process, with nothing else to do."""
    pipeline = Pipeline.open(networks.bundle, "onnx", time.perf_counter_ns, threads=THREADS)
    frame = picture()
    taken = durations_ms(lambda: pipeline(frame), repeats=repeats, warm_up=3)
    pipeline.close()
    return median(taken)
