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

"""Feeds seed after seed to the code that receives it, and counts what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

Attempt = Callable[[int], bool]
"""Makes the mutation of a seed and lets it be received; whether it was refused.

What is accepted must be what was signed, or the attempt raises AcceptedWronglyError. Any
other exception is a crash: what the receiving code may raise is caught in the attempt.
"""
Prepare = Callable[[Path], Attempt]
"""Makes a kind of input ready, with a folder to play in."""


class AcceptedWronglyError(Exception):
    """Something is believed that nobody signed."""


@dataclass
class Tally:
    """What became of mutations.

    Attributes:
        refused: of them.
        harmless: accepted, and no other than what was signed.
        wrong: accepted, and not what was signed.
        crashed: ended by an exception that the receiving code does not promise.
        failures: seed and reason of what was wrong or crashed.
        taken_s: by all.
        slowest_s: by the one that took longest, and its seed.
        above_mb: most memory above what was there before.
    """

    refused: int = 0
    harmless: int = 0
    wrong: int = 0
    crashed: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)
    taken_s: float = 0.0
    slowest_s: tuple[float, int] = (0.0, 0)
    above_mb: float = 0.0

    @property
    def total(self) -> int:
        """All mutations."""
        return self.refused + self.harmless + self.wrong + self.crashed

    def add(self, other: Tally) -> None:
        """What became of more."""
        self.refused += other.refused
        self.harmless += other.harmless
        self.wrong += other.wrong
        self.crashed += other.crashed
        self.failures += other.failures
        self.taken_s += other.taken_s
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.above_mb = max(self.above_mb, other.above_mb)


def tallied(attempt: Attempt, seeds: Iterable[int]) -> Tally:
    """Feed seeds."""
    tally = Tally()
    for seed in seeds:
        began = time.perf_counter()
        try:
            if attempt(seed):
                tally.refused += 1
            else:
                tally.harmless += 1
        except AcceptedWronglyError as error:
            tally.wrong += 1
            tally.failures.append((seed, f"accepted wrongly: {error}"))
        except Exception as error:  # whatever it is, it would have ended a flight
            tally.crashed += 1
            tally.failures.append((seed, f"crashed: {error!r:.200}"))
        taken_s = time.perf_counter() - began
        tally.taken_s += taken_s
        tally.slowest_s = max(tally.slowest_s, (taken_s, seed))
    return tally
