"""The energy counter of Linux, as files that a test writes."""

import pytest

from edge_infer.evaluation.energy import EnergyCounter


@pytest.fixture
def rapl(tmp_path):
    (tmp_path / "energy_uj").write_text("1000\n")
    (tmp_path / "max_energy_range_uj").write_text("999999\n")
    return tmp_path


def spend(folder, amount_uj):
    before = int((folder / "energy_uj").read_text())
    (folder / "energy_uj").write_text(f"{(before + amount_uj) % 1_000_000}\n")


def test_energy_of_a_call(rapl):
    counter = EnergyCounter.open(rapl)
    assert counter.millijoules(lambda: spend(rapl, 2500), repeats=10) == 2.5


def test_a_counter_that_starts_again(rapl):
    (rapl / "energy_uj").write_text("999000\n")
    counter = EnergyCounter.open(rapl)
    assert counter.millijoules(lambda: spend(rapl, 2500), repeats=4) == 2.5
    assert counter.read_uj() == 9000


@pytest.mark.parametrize("content", [None, "", "many"])
def test_a_machine_that_does_not_say(rapl, content):
    (rapl / "energy_uj").unlink()
    if content is not None:
        (rapl / "energy_uj").write_text(content)
    assert EnergyCounter.open(rapl) is None
