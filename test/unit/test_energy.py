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

"""Meters of energy over folders that a test writes in the form of Linux."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.energy import EnergyMeter, Integral, PowerSampler, sampling


def write(folder: Path, **files: str | int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")
    return folder


def rapl(sysfs: Path, zone: str = "intel-rapl:0", name: str = "package-0", count: int = 1000):
    folder = sysfs / "class" / "powercap" / zone
    return write(folder, name=name, energy_uj=count, max_energy_range_uj=999_999)


def amd(sysfs: Path) -> Path:
    return write(
        sysfs / "class" / "hwmon" / "hwmon3", name="amd_energy",
        energy1_label="Ecore000", energy1_input=5, energy2_label="Esocket0", energy2_input=7,
    )  # fmt: skip


def ina3221(sysfs: Path, rail: str = "VDD_IN", number: int = 1) -> Path:
    folder = sysfs / "bus" / "i2c" / "drivers" / "ina3221" / "1-0040" / "hwmon" / "hwmon1"
    return write(folder, **{
        f"in{number}_label": rail, f"in{number}_input": 5000, f"curr{number}_input": 2000,
    })  # fmt: skip


def spend(file: Path, amount_uj: int, span: int = 1_000_000) -> None:
    file.write_text(f"{(int(file.read_text()) + amount_uj) % span}\n")


# --- which source ------------------------------------------------------------------


def test_a_machine_without_any_source_does_not_say(tmp_path):
    assert EnergyMeter.open(tmp_path) is None


def test_the_whole_module_comes_before_the_processor(tmp_path):
    amd(tmp_path)
    assert EnergyMeter.open(tmp_path).name == "AMD's energy driver, 1 processor package"
    rapl(tmp_path)
    assert EnergyMeter.open(tmp_path).name == "RAPL, 1 processor package"
    rapl(tmp_path, "intel-rapl:1", "package-1")
    assert EnergyMeter.open(tmp_path).name == "RAPL, 2 processor packages"
    ina3221(tmp_path)
    assert EnergyMeter.open(tmp_path).name == "INA3221, rail VDD_IN of the whole module"


@pytest.mark.parametrize("content", [None, "", "many"])
def test_a_source_that_cannot_be_read_is_passed_over(tmp_path, content):
    file = rapl(tmp_path) / "energy_uj"
    file.unlink()
    if content is not None:
        file.write_text(content)
    assert EnergyMeter.open(tmp_path) is None
    amd(tmp_path)
    assert EnergyMeter.open(tmp_path).name.startswith("AMD")


# --- counters ----------------------------------------------------------------------


def test_all_packages_count_and_neither_parts_nor_the_board(tmp_path):
    first, second = rapl(tmp_path), rapl(tmp_path, "intel-rapl:1", "package-1")
    part = rapl(tmp_path, "intel-rapl:0:0", "core")
    board = rapl(tmp_path, "intel-rapl:2", "psys")
    with EnergyMeter.open(tmp_path).measure() as spent:
        assert spent.joules is None
        for zone, amount in [(first, 2500), (second, 500), (part, 2000), (board, 9000)]:
            spend(zone / "energy_uj", amount)
    assert spent.joules == pytest.approx(0.003)


def test_a_counter_that_starts_again(tmp_path):
    file = rapl(tmp_path, count=999_000) / "energy_uj"
    with EnergyMeter.open(tmp_path).measure() as spent:
        spend(file, 2500)
    assert int(file.read_text()) == 1500
    assert spent.joules == pytest.approx(0.0025)


def test_sockets_count_and_their_cores_do_not(tmp_path):
    folder = amd(tmp_path)
    with EnergyMeter.open(tmp_path).measure() as spent:
        spend(folder / "energy1_input", 900_000, 2**64)
        spend(folder / "energy2_input", 1_500_000, 2**64)
    assert spent.joules == pytest.approx(1.5)


@pytest.mark.parametrize("source", [rapl, ina3221])
def test_a_source_that_goes_away_leaves_the_figure_unknown(tmp_path, source):
    folder = source(tmp_path)
    meter = EnergyMeter.open(tmp_path)
    for before in (False, True):
        if before:
            for file in folder.glob("*_*"):
                file.unlink()
        with meter.measure() as spent:
            for file in folder.glob("*_*"):
                file.unlink()
        assert spent.joules is None


def test_an_error_of_the_work_passes_through(tmp_path):
    figures = []

    def work() -> None:
        with EnergyMeter.open(tmp_path).measure() as spent:
            figures.append(spent)
            spend(rapl(tmp_path) / "energy_uj", 2500)
            raise KeyError

    rapl(tmp_path)
    with pytest.raises(KeyError):
        work()
    assert figures[0].joules == pytest.approx(0.0025)


# --- power -------------------------------------------------------------------------

LONG_S = 1e6
"""A period that no test lasts, so that power is read at both ends alone."""


class Clock:
    """Shows what a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def power_of(folder: Path, number: int = 1):
    def watts() -> float:
        millivolts = int((folder / f"in{number}_input").read_text())
        return millivolts * int((folder / f"curr{number}_input").read_text()) / 1e6

    return watts


@pytest.mark.parametrize(("rail", "number"), [("VDD_IN", 1), ("POM_5V_IN", 3)])
def test_the_rail_of_the_module_is_found_among_others(tmp_path, rail, number):
    ina3221(tmp_path, "VDD_CPU_GPU_CV", 2)
    assert EnergyMeter.open(tmp_path) is None
    ina3221(tmp_path, rail, number)
    meter = EnergyMeter.open(tmp_path)
    assert meter.name == f"INA3221, rail {rail} of the whole module"
    before_s = time.monotonic()
    with meter.measure() as spent:
        inner_s = time.monotonic()
        inner_s = time.monotonic() - inner_s
    assert 10.0 * inner_s <= spent.joules <= 10.0 * (time.monotonic() - before_s)


def test_power_goes_straight_from_one_reading_to_the_next(tmp_path):
    folder, clock = ina3221(tmp_path), Clock()
    meter = EnergyMeter("a test's", sampling(power_of(folder), clock, LONG_S))
    with meter.measure() as spent:
        clock.now_s = 4.0
        write(folder, in1_input=5000, curr1_input=4000)
    assert spent.joules == pytest.approx(4.0 * (10.0 + 20.0) / 2)


def test_power_is_read_while_the_work_runs(tmp_path):
    """The thread sees every value that is written, and ends with its measurement."""
    folder, seen = ina3221(tmp_path), []
    power = power_of(folder)

    def watched() -> float:
        seen.append(power())
        return seen[-1]

    sampler = PowerSampler(watched, time.monotonic, 0.001)
    deadline = time.monotonic() + 10
    for milliamperes in (1000, 3000, 500):
        (folder / "curr1_input.new").write_text(str(milliamperes))
        (folder / "curr1_input.new").replace(folder / "curr1_input")
        before = sampler.readings
        while sampler.readings < before + 2 and time.monotonic() < deadline:
            pass
    sampler.end()
    readings = sampler.readings
    assert {5.0, 15.0, 2.5} <= set(seen) <= {10.0, 5.0, 15.0, 2.5}
    assert readings == len(seen)
    assert not sampler._thread.is_alive()


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100)), max_size=20))
def test_the_integral_is_that_of_the_line_through_the_samples(steps):
    times = np.cumsum([step for step, _ in steps])
    integral = Integral()
    for at, (_, watts) in zip(times, steps, strict=True):
        integral.add(float(at), watts)
    expected = sum(
        (times[i + 1] - times[i]) * (steps[i][1] + steps[i + 1][1]) / 2
        for i in range(len(steps) - 1)
    )
    assert integral.joules == pytest.approx(expected)
