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

"""A boot number is used once, whatever happens to the process or the disk."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from wire import MESSAGES, carried

from edge_infer.errors import FleetError
from edge_infer.nodes.identity import EPOCH_S, HIGHEST_BOOT, Identity, identify, next_boot
from edge_infer.runtime.loopback import LoopbackNetwork

YEAR_S = 31_556_952
NOW_S = EPOCH_S + 6 * YEAR_S


def carried_boot(boot: int) -> int:
    """A boot number as it comes over the wire."""
    return int(carried(MESSAGES["edge_infer_msgs/msg/SightingArray"](boot=boot)).boot)


def test_a_new_machine_begins_at_the_seconds_since_2020_and_each_start_counts_one(
    tmp_path: Path,
) -> None:
    counter = tmp_path / "new" / "drone.boot"
    boots = [next_boot(counter, NOW_S + later_s) for later_s in (0.9, 50.0, 51.0)]
    assert boots == [6 * YEAR_S, 6 * YEAR_S + 1, 6 * YEAR_S + 2]


@pytest.mark.parametrize("back_s", [0.0, 10.0, 10 * YEAR_S])
def test_a_counter_that_is_there_needs_no_clock(tmp_path: Path, back_s: float) -> None:
    first, second = (next_boot(tmp_path / "drone.boot", NOW_S - s) for s in (0.0, back_s))
    assert second == first + 1


def test_a_lost_disk_uses_no_number_again(tmp_path: Path) -> None:
    counter, used = tmp_path / "drone.boot", list[int]()
    for second in range(0, 40, 2):  # more often than any launcher starts a drone
        if second % 10 == 4:
            counter.unlink()
        used.append(next_boot(counter, NOW_S + second))
    assert used == sorted(set(used))


def test_two_drones_count_for_themselves(tmp_path: Path) -> None:
    assert next_boot(tmp_path / "a.boot", EPOCH_S + 7) == 7
    assert next_boot(tmp_path / "b.boot", EPOCH_S + 9) == 9


@pytest.mark.parametrize("wall_s", [0.0, -5.0, EPOCH_S, EPOCH_S + 0.9, EPOCH_S + 137 * YEAR_S])
def test_a_clock_that_cannot_be_right_begins_at_one(tmp_path: Path, wall_s: float) -> None:
    assert next_boot(tmp_path / "drone.boot", wall_s) == 1


def test_the_seconds_fit_the_wire_until_2156(tmp_path: Path) -> None:
    wall_s = datetime(2156, 1, 1, tzinfo=timezone.utc).timestamp()
    boot = next_boot(tmp_path / "drone.boot", wall_s)
    assert boot == wall_s - datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()
    assert [carried_boot(boot), carried_boot(HIGHEST_BOOT)] == [boot, HIGHEST_BOOT]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seven\n", "does not hold a number"),
        ("", "does not hold a number"),
        ("-3", "does not hold a number"),
        ("\x00\x00", "does not hold a number"),
        (f"{HIGHEST_BOOT}\n", "holds a number that is too high"),
        ("9" * 10_000, "holds a number that is too high"),
    ],
)
def test_a_counter_that_cannot_be_is_refused_and_kept(
    tmp_path: Path, text: str, problem: str
) -> None:
    counter = tmp_path / "drone.boot"
    counter.write_text(text)
    with pytest.raises(FleetError, match=f"{problem}: write a number above any"):
        next_boot(counter, NOW_S)
    assert counter.read_text() == text


def test_the_highest_number_is_the_last(tmp_path: Path) -> None:
    counter = tmp_path / "drone.boot"
    counter.write_text(f"{HIGHEST_BOOT - 1}\n")
    assert next_boot(counter, NOW_S) == HIGHEST_BOOT
    with pytest.raises(FleetError, match="too high"):
        next_boot(counter, NOW_S)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FleetError, match="cannot be written"):
        next_boot(tmp_path / "file" / "drone.boot", NOW_S)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "drone.boot").mkdir()
    with pytest.raises(FleetError, match="cannot be read"):
        next_boot(tmp_path / "drone.boot", NOW_S)


def test_who_is_outnumbered_starts_above_and_says_so(tmp_path: Path) -> None:
    counter = tmp_path / "drone.boot"
    identity = Identity("drone_1", next_boot(counter, 0.0), counter)
    error = identity.outnumbered(6 * YEAR_S)
    assert "'drone_1', but the fleet knows start 189341712" in str(error)
    assert str(error).endswith("is raised: start this node again")
    assert next_boot(counter, 0.0) == 6 * YEAR_S + 1


def test_a_node_counts_by_its_clock_in_a_file_of_its_own(tmp_path: Path) -> None:
    network = LoopbackNetwork(start_ns=round(NOW_S * 1e9))
    runtime = network.runtime("a", ["--ros-args", "-r", "__ns:=/drone_1"], clock_offset_s=60.0)
    identity = identify(runtime.create_node("georeferencer"), str(tmp_path))
    counter = tmp_path / "drone_1.georeferencer.boot"
    assert identity == Identity("drone_1", 6 * YEAR_S + 60, counter)


def test_simulated_time_which_begins_at_zero_says_nothing(tmp_path: Path) -> None:
    runtime = LoopbackNetwork().runtime("a", ["--ros-args", "-p", "use_sim_time:=true"])
    node = runtime.create_node("georeferencer")
    assert node.get_clock().now().nanoseconds == 0
    assert identify(node, str(tmp_path)).boot > 5 * YEAR_S


def test_the_number_is_on_disk_before_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    next_boot(tmp_path / "drone.boot", NOW_S)
    assert synced == [str(tmp_path / "drone.tmp"), str(tmp_path)]
