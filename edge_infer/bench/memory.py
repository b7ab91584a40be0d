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

"""Ten minutes of a swarm of five: does the resident size of its processes stay flat?

A whole swarm is started as a user would start it, and the resident size of each
of its processes is read every few seconds. The slope is that of a straight line
through what comes after the first two minutes, in which caches fill, buffers
find their size and every fault is seen for the first time.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import psutil

from edge_infer.bench.harness import Goal, Progress, Report, Row, rounded

DRONES = 5
DURATION_S = 600.0
WARM_UP_S = 120.0
LOOK_EVERY_S = 5.0
FLAT_MB_PER_MIN = 0.1
"""144 MB a day: what a drone with 1 GB can bear for a week between two updates."""
LARGEST_MB = 200.0

Sizes = dict[str, list[tuple[float, float]]]


def run(progress: Progress) -> Report:
    """Fly, look, and fit a line."""
    command = [sys.executable, "-m", "edge_infer", "swarm", "--headless"]
    flight = ["--drones", str(DRONES), "--duration", str(DURATION_S)]
    swarm = subprocess.Popen(
        [*command, *flight], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        sizes = watch(swarm, progress)
    finally:
        swarm.terminate()
        swarm.wait()
    rows = [_row(name, sizes[name]) for name in sorted(sizes) if len(sizes[name]) > 2]
    drones = [row for row in rows if str(row["process"]).startswith("drone")]
    return Report("memory", rows, goals(drones))


def watch(swarm: subprocess.Popen[bytes], progress: Progress) -> Sizes:
    """(seconds, MB) of each process, until the swarm ends."""
    sizes: Sizes = {}
    start_s = time.monotonic()
    while swarm.poll() is None:
        now_s = time.monotonic() - start_s
        progress(f"{now_s:.0f} of {DURATION_S:.0f} s")
        for name, megabytes in resident_mb(swarm.pid):
            sizes.setdefault(name, []).append((now_s, megabytes))
        with contextlib.suppress(subprocess.TimeoutExpired):
            swarm.wait(LOOK_EVERY_S)
    return sizes


def resident_mb(pid: int) -> Iterator[tuple[str, float]]:
    """Name and resident size of the ground station and of each drone."""
    with contextlib.suppress(psutil.Error):
        station = psutil.Process(pid)
        yield "ground_station", station.memory_info().rss / 1e6
        for child in station.children():
            words = " ".join(child.cmdline()).split("__ns:=/")
            if len(words) == 2:
                yield words[1].split()[0], child.memory_info().rss / 1e6


def slope_mb_per_min(samples: Sequence[tuple[float, float]]) -> float:
    """Of the straight line through what comes after the warm-up."""
    times, sizes = np.array([s for s in samples if s[0] >= WARM_UP_S] or samples).T
    return float(np.polyfit(times / 60.0, sizes, 1)[0])


def goals(drones: Sequence[Row]) -> list[Goal]:
    """The promises, held against the worst drone."""
    slopes = [float(row["MB per minute"] or 0.0) for row in drones]
    largest = [float(row["largest MB"] or 0.0) for row in drones]
    return [
        Goal(
            "growth of a drone, the worst",
            FLAT_MB_PER_MIN,
            max(slopes, default=None),
            "MB/min",
        ),
        Goal("size of a drone, the largest", LARGEST_MB, max(largest, default=None), "MB"),
    ]


def _row(name: str, samples: Sequence[tuple[float, float]]) -> Mapping[str, str | float]:
    sizes = [size for _, size in samples]
    return {
        "process": name,
        "seconds": rounded(samples[-1][0]),
        "first MB": rounded(sizes[0]),
        "last MB": rounded(sizes[-1], 4),
        "largest MB": rounded(max(sizes), 4),
        "MB per minute": rounded(slope_mb_per_min(samples), 2),
    }
