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

"""What a piece of work costs in joules, as far as the machine itself can say.

Three sources, all files of Linux: the power monitor of a Jetson board, the counters of
Intel's and AMD's processors (RAPL), and those of AMD's own driver. Each counts all that
runs meanwhile, idle power included; no process has a meter of its own. What a socket at the
wall would say is left out.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SYSFS = Path("/sys")

PERIOD_S = 0.02
"""From one sample of power to the next, where there is no counter."""

End = Callable[[], float]
"""Ends a measurement; returns joules since it began."""

Begin = Callable[[], End]
"""Begins a measurement. Both raise OSError or ValueError when a file cannot be read."""


@dataclass
class Spent:
    """What a measurement came to.

    Attributes:
        joules: None before its end, and where a file could not be read.
    """

    joules: float | None = None


class EnergyMeter:
    """The best source of this machine.

    Args:
        name: of the source, for people.
        begin: how it measures.
    """

    def __init__(self, name: str, begin: Begin) -> None:
        self.name = name
        self._begin = begin

    @classmethod
    def open(cls, sysfs: Path = SYSFS) -> EnergyMeter | None:
        """The meter of this machine; None when it has none, or none that this user may read."""
        for find in (_jetson, _rapl, _amd):
            with suppress(OSError, ValueError):
                found = find(sysfs)
                if found is not None:
                    name, begin = found
                    begin()()
                    return cls(name, begin)
        return None

    @contextmanager
    def measure(self) -> Iterator[Spent]:
        """``with meter.measure() as spent: ...``, then ``spent.joules``.

        A counter that starts again at 0 may do so once in between: with RAPL that is good
        for half an hour at full load.
        """
        spent, end = Spent(), None
        with suppress(OSError, ValueError):
            end = self._begin()
        try:
            yield spent
        finally:
            if end is not None:
                with suppress(OSError, ValueError):
                    spent.joules = end()


# --- counters ----------------------------------------------------------------------


class Counter(NamedTuple):
    """A file that counts microjoules.

    Attributes:
        file: holds the count.
        range_uj: the greatest count, after which it starts again at 0.
    """

    file: Path
    range_uj: int

    def read_uj(self) -> int:
        """The count now."""
        return _number(self.file)


def counting(counters: Sequence[Counter]) -> Begin:
    """Measure with the sum of some counters."""

    def begin() -> End:
        before = [counter.read_uj() for counter in counters]

        def end() -> float:
            spent_uj = 0
            for counter, start in zip(counters, before, strict=True):
                spent_uj += (counter.read_uj() - start) % (counter.range_uj + 1)
            return spent_uj / 1e6

        return end

    return begin


def _rapl(sysfs: Path) -> tuple[str, Begin] | None:
    """The packages of Intel's and AMD's processors; their parts and the whole board left out."""
    counters = [
        Counter(zone / "energy_uj", _number(zone / "max_energy_range_uj"))
        for zone in sorted((sysfs / "class/powercap").glob("intel-rapl:*"))
        if re.fullmatch(r"intel-rapl:\d+", zone.name)
        and (zone / "name").read_text().startswith("package")
    ]
    return (f"RAPL, {_packages(len(counters))}", counting(counters)) if counters else None


def _amd(sysfs: Path) -> tuple[str, Begin] | None:
    """The sockets of AMD's driver of its own, whose counters have 64 bits and their labels."""
    counters = [
        Counter(_sibling(label, "input"), 2**64 - 1)
        for hwmon in sorted((sysfs / "class/hwmon").glob("hwmon*"))
        if (hwmon / "name").read_text().strip() == "amd_energy"
        for label in sorted(hwmon.glob("energy*_label"))
        if label.read_text().startswith("Esocket")
    ]
    name = f"AMD's energy driver, {_packages(len(counters))}"
    return (name, counting(counters)) if counters else None


def _packages(count: int) -> str:
    return f"{count} processor package{'s' if count > 1 else ''}"


# --- power -------------------------------------------------------------------------

BOARD_RAILS = ("VDD_IN", "POM_5V_IN")
"""Rails that feed a whole Jetson module, as its INA3221 labels them."""


def _jetson(sysfs: Path) -> tuple[str, Begin] | None:
    """The rail that feeds the module; a board without one has no figure for all of it."""
    drivers = sysfs / "bus/i2c/drivers/ina3221"
    for label in sorted(drivers.glob("*/hwmon/hwmon*/in*_label")):
        rail = label.read_text().strip()
        if rail in BOARD_RAILS:
            volts, amperes = _sibling(label, "input"), _current(label)
            power = _power(volts, amperes)
            return f"INA3221, rail {rail} of the whole module", sampling(power)
    return None


def _current(label: Path) -> Path:
    return _sibling(label.with_name(label.name.replace("in", "curr", 1)), "input")


def _power(millivolts: Path, milliamperes: Path) -> Callable[[], float]:
    """Watts now."""
    return lambda: _number(millivolts) * _number(milliamperes) / 1e6


def sampling(
    power_w: Callable[[], float],
    clock_s: Callable[[], float] = time.monotonic,
    period_s: float = PERIOD_S,
) -> Begin:
    """Measure with a thread that reads power again and again.

    Args:
        power_w: watts now.
        clock_s: seconds.
        period_s: between two readings; one more is taken at each end.
    """
    return lambda: PowerSampler(power_w, clock_s, period_s).end


class PowerSampler:
    """One measurement of power, from its making to ``end``; use it from one thread.

    Attributes:
        readings: so many were taken.
    """

    def __init__(
        self, power_w: Callable[[], float], clock_s: Callable[[], float], period_s: float
    ) -> None:
        self.readings = 0
        self._power_w = power_w
        self._clock_s = clock_s
        self._period_s = period_s
        self._integral = Integral()
        self._failed: OSError | ValueError | None = None
        self._over = threading.Event()
        self._read()
        self._thread = threading.Thread(target=self._run, name="energy", daemon=True)
        self._thread.start()

    def end(self) -> float:
        """Joules since the beginning; raises the first error of a reading."""
        self._over.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        self._read()
        return self._integral.joules

    def _run(self) -> None:
        try:
            while not self._over.wait(self._period_s):
                self._read()
        except (OSError, ValueError) as error:
            self._failed = error

    def _read(self) -> None:
        self._integral.add(self._clock_s(), self._power_w())
        self.readings += 1


class Integral:
    """Joules of samples of power, which goes straight from each sample to the next."""

    def __init__(self) -> None:
        self.joules = 0.0
        self._last: tuple[float, float] | None = None

    def add(self, at_s: float, watts: float) -> None:
        """Take the next sample."""
        if self._last is not None:
            self.joules += (at_s - self._last[0]) * (watts + self._last[1]) / 2
        self._last = at_s, watts


# --- files -------------------------------------------------------------------------


def _sibling(label: Path, what: str) -> Path:
    """``in1_label`` -> ``in1_input``."""
    return label.with_name(f"{label.name.partition('_')[0]}_{what}")


def _number(file: Path) -> int:
    return int(file.read_text())
