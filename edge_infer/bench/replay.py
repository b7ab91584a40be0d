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

"""How fast is a replay, is it the same every time, and what is left of a damaged bag?

A minute of the simulated farm at 5 Hz, as an ordinary robot records it, is played through the
three nodes; the other side is the same pipeline over the same pictures in memory, without a
bag, messages or nodes: what it has less is the price of the replay. Then a shorter flight
is played ten times, from half its own speed to as fast as the machine can, and is
cut and spoilt. All on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from edge_infer.bench.harness import Goal, Progress, Report, Row, median, rounded
from edge_infer.errors import ReplayError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.nodes.conversions.images import camera_to_msg, frame_from_msg, frame_to_msg
from edge_infer.nodes.conversions.poses import pose_to_msg
from edge_infer.perception.pipeline import Pipeline
from edge_infer.replay.bags import open_bag
from edge_infer.replay.flight import Flight, Replayed
from edge_infer.replay.inputs import NODES
from edge_infer.replay.messages import Output
from edge_infer.replay.player import Setting
from edge_infer.replay.recording import BagWriter
from edge_infer.runtime.messages import message_types
from edge_infer.simulation.world import World

RATE_HZ = 5
LONG_S, SHORT_S = 60, 10
REPEATS = 5
RATES = (0.5, 1.0, 1.0, 2.0, 5.0, 10.0, 20.0, None, None, None)
"""None is as fast as possible."""
TIMES_REAL_TIME = 5.0
CORES = 2

_IMAGES, _CAMERA, _POSES = "/camera/image_raw", "/camera/camera_info", "/state/pose"
_BEGIN_NS = 1_790_000_000_000_000_000


def run(progress: Progress) -> Report:
    """Measure speed, sameness, and what is left."""
    with TemporaryDirectory(prefix="edge_infer_bench_") as folder, _few_cores():
        progress("recording a flight")
        long, short = Path(folder) / "long", Path(folder) / "short"
        for bag, seconds in ((long, LONG_S), (short, SHORT_S)):
            _record(bag, seconds)
        speeds = _speeds(long, progress)
        digests = list(_digests(short, progress))
        left = list(_left(short))
    different = len({row["digest"] for row in digests})
    whole = [row for row in left if row["sentences"] != 1 or not row["as expected"]]
    return Report(
        "replay",
        [*speeds, *digests, *left],
        [
            Goal("replay of all nodes against real time", TIMES_REAL_TIME,
                 float(speeds[0]["times real time"] or 0.0), "x", at_most=False),
            Goal("digests of ten replays at rates from 0.5", 1, different, "digests"),
            Goal("damaged bags that are not one sentence and a part", 0, len(whole), "bags"),
        ],
    )  # fmt: skip


# --- speed ---------------------------------------------------------------------------


def _speeds(bag: Path, progress: Progress) -> list[Row]:
    """The sides by turns, so that a slow moment of the machine meets both."""
    pictures = list(_pictures(bag))
    pipeline = Pipeline.open(ModelBundle.load(shipped()), "onnx", time.perf_counter_ns)
    sides: dict[str, Callable[[], object]] = {
        "replay, all nodes": lambda: _play(bag, NODES),
        "replay, detector alone": lambda: _play(bag, NODES[:1]),
        "pipeline over pictures in memory": lambda: [pipeline(each) for each in pictures],
        "reading the bag": lambda: sum(1 for _ in _messages(bag)),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    try:
        for turn in range(REPEATS):
            for name, side in sides.items():
                progress(f"{name}, turn {turn + 1} of {REPEATS}")
                begin_s = time.perf_counter()
                side()
                taken[name].append(time.perf_counter() - begin_s)
    finally:
        pipeline.close()
    return [
        {
            "what": name,
            "seconds of flight": LONG_S,
            "median s": rounded(median(each)),
            "slowest s": rounded(max(each)),
            "times real time": rounded(LONG_S / median(each)),
        }
        for name, each in taken.items()
    ]


def _messages(bag: Path) -> Iterator[Any]:
    with open_bag(bag) as opened:
        yield from opened.messages((_IMAGES, _CAMERA, _POSES))


def _pictures(bag: Path) -> Iterator[Any]:
    types = message_types()
    for message in _messages(bag):
        if message.topic == _IMAGES:
            kind = types["sensor_msgs/msg/Image"]
            yield frame_from_msg(types.decode(memoryview(message.payload), kind))


def _play(bag: Path, nodes: Sequence[str], rate: float | None = None) -> Replayed:
    with open_bag(bag) as opened:
        return Flight(opened, Setting(nodes, rate=rate)).play()


# --- sameness ------------------------------------------------------------------------


def _digests(bag: Path, progress: Progress) -> Iterator[Row]:
    for number, rate in enumerate(RATES, start=1):
        progress(f"replay {number} of {len(RATES)}")
        begin_s = time.perf_counter()
        document = _play(bag, NODES, rate).document
        yield {
            "rate": rate or "as fast as possible",
            "took s": rounded(time.perf_counter() - begin_s),
            "targets": document["targets"]["total"],
            "digest": document["digest"][:16],
        }


# --- damage --------------------------------------------------------------------------


def _left(bag: Path) -> Iterator[Row]:
    """What is played of spoilt copies of a bag."""
    (file,) = bag.glob("*.mcap")
    whole = file.read_bytes()
    count = sum(1 for _ in _messages(bag))
    spoilt = {
        "cut off in the middle": (whole[: len(whole) // 2], True),
        "its last chunk spoilt": (whole[: len(whole) * 9 // 10] + bytes(len(whole) // 10), True),
        "only its head": (whole[:12], False),
        "another file": (b"this is a letter, not a bag" * 100, False),
        "a bag of ROS 1": (b"#ROSBAG V2.0\n" + bytes(100), False),
        "empty": (b"", False),
    }
    for what, (data, some) in spoilt.items():
        broken = bag.parent / "broken.mcap"
        broken.write_bytes(data)
        played, words = 0, ""
        try:
            document = _play(broken, NODES).document
            played, words = document["messages"], document["problem"] or ""
        except ReplayError as error:
            words = str(error)
        yield {
            "bag": what,
            "messages played": played,
            "of": count,
            "sentences": len(words.splitlines()),
            "as expected": (played > 0) is some,
            "said": words.replace(str(broken), "BAG"),
        }


# --- the flight ----------------------------------------------------------------------


def _record(bag: Path, seconds: int) -> None:
    """A drone's flight over the farm, each image stored before its pose."""
    types, drone = message_types(), World.build(seed=0, drones=1).drone(0)
    writer = BagWriter(bag)
    for index in range(seconds * RATE_HZ):
        since_s = index / RATE_HZ
        stamp_ns = _BEGIN_NS + index * 1_000_000_000 // RATE_HZ
        shot = drone.frame(index, since_s, stamp_ns)
        messages = (
            (_IMAGES, frame_to_msg(types, shot.frame)),
            (_CAMERA, camera_to_msg(types, shot.camera, stamp_ns, "camera")),
            (_POSES, pose_to_msg(types, shot.pose, "map")),
        )
        for after_ms, (topic, msg) in enumerate(messages, start=1):
            payload = memoryview(types.encode(msg))
            kind = type(msg).__msgtype__
            writer.add(Output(topic, kind, stamp_ns + after_ms * 1_000_000, payload))
    writer.close()


@contextmanager
def _few_cores() -> Iterator[None]:
    """Two of those that this process may use."""
    process = psutil.Process()
    before = process.cpu_affinity()
    process.cpu_affinity(before[:CORES])
    try:
        yield
    finally:
        process.cpu_affinity(before)
