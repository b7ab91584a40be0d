"""A boot number is used once, whatever happens to the process or the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_infer.errors import FleetError
from edge_infer.nodes.identity import next_boot


def test_each_start_counts_one(tmp_path: Path) -> None:
    counter = tmp_path / "new" / "drone.boot"
    assert [next_boot(counter) for _ in range(3)] == [1, 2, 3]


def test_two_drones_count_for_themselves(tmp_path: Path) -> None:
    assert next_boot(tmp_path / "a.boot") == 1
    assert next_boot(tmp_path / "b.boot") == 1


def test_a_counter_that_is_no_number_is_refused_and_kept(tmp_path: Path) -> None:
    counter = tmp_path / "drone.boot"
    counter.write_text("seven\n")
    with pytest.raises(FleetError, match="does not hold a number"):
        next_boot(counter)
    assert counter.read_text() == "seven\n"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FleetError, match="cannot be written"):
        next_boot(tmp_path / "file" / "drone.boot")


def test_the_number_is_on_disk_before_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    next_boot(tmp_path / "drone.boot")
    assert synced == [str(tmp_path / "drone.tmp"), str(tmp_path)]
