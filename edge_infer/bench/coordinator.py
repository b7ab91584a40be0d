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

"""What a coordinator costs: latency under load, throughput, growth, memory, merging.

A real coordinator stands on the loopback runtime. Sightings reach it as bytes, in
arrays of one camera frame, on the schedule of a fleet in virtual time; what each
arrival and each timer takes is measured, and a queue with one server is fed with
these times: the latency is what a coordinator with a core of this machine to itself
would have. The publisher's encoding is not counted.

Against pycrdt (the Rust library of Yjs for Python) the same sightings are inserted
at five replicas and merged all with all, taking turns: theirs as a map of
canonical bytes by identity, exchanged by state vectors; ours as objects, and
again over the wire, encoded and decoded.
"""

from __future__ import annotations

import gc
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import psutil

from edge_infer.bench.fleet_load import Arrival, LoadedCoordinator, scene, schedule
from edge_infer.bench.harness import Goal, Progress, Report, Row, median, quantile, rounded
from edge_infer.bench.merging import OURS, THEIRS, WIRE, merge_rows
from edge_infer.domain import Sighting
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.replica import Replica
from edge_infer.fleet.view import View


@dataclass(frozen=True)
class Sizes:
    """How much of everything.

    Attributes:
        swarm: drones, sightings per second of each, seconds: latency.
        fleet: likewise: throughput.
        known: sightings known where the cost of one more is measured.
        passed: sightings that went through a replica with floors.
        kept: of those, so many at once.
        merged: sightings of five replicas together.
        repeats: turns of the merge.
    """

    swarm: tuple[int, int, float] = (20, 50, 20.0)
    fleet: tuple[int, int, float] = (1000, 10, 5.0)
    known: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    passed: Sequence[int] = (100_000, 1_000_000)
    kept: int = 20_000
    merged: int = 10_000
    repeats: int = 5


WINDOW, SLICE = 1_000, 50
"""The cost of one more sighting is the median of slices, over a window's last sightings."""


def run(progress: Progress) -> Report:
    """Measure all; some minutes and 3 GB."""
    return measure(Sizes(), progress)


def measure(sizes: Sizes, progress: Progress) -> Report:
    """The same in other sizes."""
    rows = [
        _under_load("a swarm's latency", *sizes.swarm, progress),
        _under_load("a fleet's throughput", *sizes.fleet, progress),
        *_memory(sizes.passed, sizes.kept, progress),
        *_growth(sizes.known, progress),
        *merge_rows(sizes.merged, sizes.repeats, progress),
    ]
    return Report("coordinator", rows, _goals(rows, sizes))


def _under_load(what: str, drones: int, per_s: int, seconds: float, progress: Progress) -> Row:
    progress(f"{what}: {drones:,} drones x {per_s} sightings/s for {seconds:g} s of its time")
    arrivals = schedule(drones, per_s, seconds)
    with tempfile.TemporaryDirectory(prefix="edge_infer_") as folder:
        coordinator = LoadedCoordinator(folder)
        jobs = list(_served(coordinator, arrivals))
        told = coordinator.told()
    latencies_ms, busy_s = _queue(jobs)
    count = sum(arrival.sightings for arrival in arrivals)
    return {
        "load": what,
        "drones": drones,
        "sightings/s": drones * per_s,
        "p50 ms": rounded(quantile(latencies_ms, 0.5)),
        "p99 ms": rounded(quantile(latencies_ms, 0.99)),
        "max ms": rounded(max(latencies_ms)),
        "core used": rounded(busy_s / seconds),
        "sustained/s": round(count / busy_s),
        "known": int(told.sightings),
        "targets": len(told.targets),
    }


def _served(
    coordinator: LoadedCoordinator, arrivals: Sequence[Arrival]
) -> Iterator[tuple[float, float, bool]]:
    """When a job came, what it took, and whether it was an arrival; seconds."""
    gc.collect()
    gc.freeze()
    for arrival in arrivals:
        at_s = arrival.at_s
        yield at_s, _taken_s(partial(coordinator.wait_until, at_s)), False
        coordinator.send(arrival.payload)
        yield at_s, _taken_s(coordinator.take), True
    gc.unfreeze()


def _queue(jobs: Sequence[tuple[float, float, bool]]) -> tuple[list[float], float]:
    """Latencies of the arrivals in milliseconds, and seconds at work."""
    free_s = busy_s = 0.0
    latencies_ms = []
    for at_s, taken_s, is_arrival in jobs:
        free_s = max(free_s, at_s) + taken_s
        busy_s += taken_s
        if is_arrival:
            latencies_ms.append((free_s - at_s) * 1000)
    return latencies_ms, busy_s


def _growth(known: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Of log and view: what one more sighting costs beside those that are known."""
    replica, view = Replica(), View()
    source = iter(scene(max(known)))

    def insert(some: Sequence[Sighting]) -> None:
        for sighting in some:
            replica.add(sighting)
            view.insert(sighting)

    for n in known:
        progress(f"growth: up to {n:,} known sightings")
        window = min(WINDOW, n // 2)
        insert(list(itertools.islice(source, n - window - len(replica))))
        gc.collect()
        slices = [list(itertools.islice(source, SLICE)) for _ in range(window // SLICE)]
        taken = [_taken_s(partial(insert, some)) / SLICE * 1e6 for some in slices]
        yield {"growth to": n, "µs each": rounded(median(taken)), "process MB": _process_mb()}


def _memory(passed: Sequence[int], kept: int, progress: Progress) -> Iterator[Row]:
    """Of a replica and a view that forget: what stays after so many went through."""
    replica, view = Replica(), View()
    done = 0
    logs: dict[tuple[str, int], int] = {}
    for n in passed:
        progress(f"memory: {n:,} sightings pass, {kept:,} are kept")
        for sighting in scene(n - done, seed=done + 2, first=done):
            replica.add(sighting)
            view.insert(sighting)
            logs[sighting.id[:2]] = sighting.id.sequence
            if len(replica) >= 2 * kept:
                floors = [Floor(*log, last - kept // len(logs)) for log, last in logs.items()]
                for gone in replica.raise_floors(floors):
                    view.discard(gone.id)
        done = n
        gc.collect()
        yield {
            "passed": n,
            "known still": len(replica),
            "targets still": len(view.targets()),
            "ranges": len(replica.ranges()),
            "state MB": rounded(_process_mb()),
        }


def _taken_s(action: Callable[[], object]) -> float:
    """Processor time: other work on the machine must not decide."""
    began = time.thread_time()
    action()
    return time.thread_time() - began


def _process_mb() -> float:
    return rounded(psutil.Process().memory_info().rss / 1e6)


def _goals(rows: Sequence[Row], sizes: Sizes) -> list[Goal]:
    def value(column: str, **where: object) -> float | None:
        found = [
            row for row in rows if column in row and all(row.get(k) == v for k, v in where.items())
        ]
        figure = found[-1][column] if found else None
        return None if figure is None else float(figure)

    def ratio(above: float | None, below: float | None) -> float | None:
        return rounded(above / below) if above is not None and below else None

    growth = [row for row in rows if "growth to" in row]
    memory = [row for row in rows if "passed" in row]
    fleet = sizes.fleet[0] * sizes.fleet[1]
    first, last = growth[0]["µs each"], growth[-1]["µs each"]
    lean, full = memory[0]["state MB"], memory[-1]["state MB"]
    insert, merge = "insert µs each", "merge ms"
    theirs = {column: value(column, way=THEIRS) for column in (insert, merge)}
    return [
        Goal("a swarm's latency, p99", 10.0, value("p99 ms", load="a swarm's latency"), "ms"),
        Goal(
            "a fleet's sightings on one core", fleet,
            value("sustained/s", load="a fleet's throughput"), "per s", at_most=False,
        ),
        Goal(
            f"cost at {sizes.known[-1]:,} known against {sizes.known[0]:,}", 1.5,
            ratio(float(last or 0), float(first or 0)), "times",
        ),
        Goal(
            f"memory after {sizes.passed[-1]:,} passed against {sizes.passed[0]:,}", 1.2,
            ratio(float(full or 0), float(lean or 0)), "times",
        ),
        Goal(
            f"merge of {sizes.merged:,} into an empty replica", 50.0,
            value("whole merge ms", way=OURS), "ms",
        ),
        Goal("insert, pycrdt against ours", 1.0, ratio(theirs[insert], value(insert, way=OURS)),
             "times", at_most=False),
        Goal("merge of five, pycrdt against ours", 1.0,
             ratio(theirs[merge], value(merge, way=OURS)), "times", at_most=False),
        Goal("the same over the wire", 1.0, ratio(theirs[merge], value(merge, way=WIRE)),
             "times", at_most=False),
    ]  # fmt: skip
