"""Energy of the processor as Linux counts it (RAPL): all cores, idle power and other work, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

RAPL = Path("/sys/class/powercap/intel-rapl:0")
"""The first processor package; most machines keep it from ordinary users, and many have none."""


class EnergyCounter:
    """A counter of microjoules that starts again at 0 now and then."""

    def __init__(self, folder: Path) -> None:
        self._counter = folder / "energy_uj"
        self._range_uj = _number(folder / "max_energy_range_uj")
        self.read_uj()

    @classmethod
    def open(cls, folder: Path = RAPL) -> EnergyCounter | None:
        """The machine's counter; None when it has none that may be read."""
        try:
            return cls(folder)
        except (OSError, ValueError):
            return None

    def read_uj(self) -> int:
        """The count now, microjoules."""
        return _number(self._counter)

    def millijoules(self, action: Callable[[], object], repeats: int) -> float:
        """Energy of each of so many calls."""
        before = self.read_uj()
        for _ in range(repeats):
            action()
        spent_uj = (self.read_uj() - before) % (self._range_uj + 1)
        return spent_uj / 1e3 / repeats


def _number(file: Path) -> int:
    return int(file.read_text())
