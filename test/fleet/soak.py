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

"""Flies seed after seed until it is stopped, on all cores; says which ones fail.

``make soak``; with ``--seed 7`` one story alone, ``--drones 80`` of that size.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, islice

from flight import failure
from hardships import hardships_of, table
from scenario import LARGE, SMALL, draw

CROWD_EVERY = 500
"""One seed in so many is a crowd's."""


def again(seed: int, drones: int | None = None) -> str:
    """The line that flies a story again."""
    size = f" --drones {drones}" if drones else ""
    return f"again: make soak ARGS='--seed {seed}{size}'"


def story_of(seed: int, drones: int | None = None) -> tuple[str, list[str]]:
    """What goes wrong with a seed, in one line, empty for nothing; and its hardships."""
    if drones is None and seed % CROWD_EVERY == CROWD_EVERY - 1:
        drones = draw(seed, LARGE).drones
    scenario = draw(seed, (drones, drones) if drones else SMALL)
    problem = failure(scenario)
    line = f"seed {seed} failed: {problem}; {again(seed, drones)}" if problem else ""
    return line, hardships_of(scenario)


def soak(seeds: Iterator[int], processes: int) -> int:
    """Fly seeds until they end or somebody stops it; returns how many failed."""
    began, done, failures = time.monotonic(), 0, 0
    hardships: Counter[str] = Counter()
    with multiprocessing.Pool(processes, _ignore_interrupts) as pool:
        try:
            for done, (problem, met) in enumerate(pool.imap_unordered(story_of, seeds), 1):
                failures += bool(problem)
                hardships.update(met)
                if problem:
                    say(problem)
                per_s = done / (time.monotonic() - began)
                sys.stderr.write(f"\r{done} seeds, {per_s:.1f} per second, {failures} failed")
        except KeyboardInterrupt:
            _ignore_interrupts()  # a second one would only cut the result short
            pool.terminate()
    say(f"{done} seeds flown, {failures} failed; {table(hardships, done)}")
    return failures


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def say(line: str) -> None:
    """A result, on a line of its own, at once."""
    sys.stderr.write("\r\033[K")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(args: Sequence[str] | None = None) -> int:
    """The command line; 1 when a seed failed."""
    parser = argparse.ArgumentParser(description="Fly simulated fleets until stopped.")
    parser.add_argument("--seed", type=int, help="fly this story alone")
    parser.add_argument("--drones", type=int, help="of this size; with --seed")
    parser.add_argument("--first", type=int, default=0, help="begin with this seed")
    parser.add_argument("--count", type=int, help="stop after so many seeds")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args(args)
    if options.seed is not None:
        problem, _ = story_of(options.seed, options.drones)
        say(problem or f"seed {options.seed} went well")
        return bool(problem)
    return bool(soak(islice(count(options.first), options.count), options.processes))


if __name__ == "__main__":
    sys.exit(main())
