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

"""Two slots: what each step leaves, what is refused, and what damage does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slot_scene import Drone, bundle, number_in

from edge_infer.errors import UpdateError
from edge_infer.models.bundle import MANIFEST_FILE
from edge_infer.updates.slots.slots import Slots
from edge_infer.updates.slots.state import (
    MOST_REASON,
    MOST_REFUSED,
    Installed,
    SlotState,
    decode,
    encode,
)
from edge_infer.updates.slots.state_file import RESERVE_BYTES, STATE_FILE


@pytest.fixture
def drone(tmp_path: Path) -> Drone:
    """It flies release 1, and has flown none before."""
    drone = Drone(tmp_path)
    drone.install(1)
    return drone


def again(drone: Drone, **options: int) -> Drone:
    """The same drone after a restart."""
    return Drone(drone.packages.parent, **options)


def numbers(drone: Drone) -> tuple[int, ...]:
    """Releases that are committed, previous, staged and on trial; 0 for none."""
    state = drone.slots.state
    each = (state.committed, state.previous, state.staged, state.trial)
    return tuple(one.release.number if one else 0 for one in each)


def spoil(folder: Path | None, name: str = "net0.onnx") -> None:
    assert folder is not None
    content = bytearray((folder / name).read_bytes())
    content[7] ^= 1
    (folder / name).write_bytes(content)


# --- steps -------------------------------------------------------------------------------


def test_a_new_drone_flies_the_shipped_model(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots")
    assert slots.boot() is None
    assert slots.running() is None
    assert slots.state == SlotState()
    assert slots.remarks == ()
    assert not (tmp_path / "slots").exists()


def test_an_update_goes_from_staged_through_trial_to_committed(drone: Drone) -> None:
    drone.stage(2)
    assert numbers(drone) == (1, 0, 2, 0)
    assert drone.running == 1
    drone.try_out(2)
    assert numbers(drone) == (1, 0, 0, 2)
    assert drone.running == 2
    drone.install(2)
    assert numbers(drone) == (2, 1, 0, 0)
    assert numbers(again(drone)) == (2, 1, 0, 0)
    assert again(drone).boot() == 2


def test_staging_takes_the_room_of_the_previous_one(drone: Drone) -> None:
    drone.install(2)
    drone.stage(3)
    assert numbers(drone) == (2, 0, 3, 0)
    drone.slots.discard_staged()
    assert numbers(drone) == (2, 0, 0, 0)
    assert drone.slots.state.refused == ()


def test_a_trial_goes_back_to_what_was_committed(drone: Drone) -> None:
    drone.try_out(2)
    assert number_in(drone.slots.roll_back("12 of 20 frames failed")) == 1
    assert numbers(drone) == (1, 0, 0, 0)
    assert again(drone).slots.state.refused == ((bundle(2)[0].digest, "12 of 20 frames failed"),)


def test_a_committed_one_goes_back_to_the_previous_then_to_the_shipped(drone: Drone) -> None:
    drone.install(2)
    assert number_in(drone.slots.roll_back("aborted")) == 1
    assert numbers(drone) == (1, 0, 0, 0)
    assert drone.slots.roll_back("aborted") is None
    assert drone.slots.running() is None
    with pytest.raises(UpdateError, match="the shipped one"):
        drone.slots.roll_back("aborted")


def test_what_was_refused_is_not_taken_again(drone: Drone) -> None:
    drone.try_out(2)
    drone.slots.roll_back("it sees nothing")
    with pytest.raises(UpdateError, match=r"refused here before .it sees nothing"):
        again(drone).slots.stage(*bundle(2))
    drone.stage(3)
    drone.slots.discard_staged("SIGSEGV")
    with pytest.raises(UpdateError, match=r"refused here before .SIGSEGV"):
        drone.slots.stage(*bundle(3))


def test_a_trial_sees_so_many_starts(drone: Drone) -> None:
    drone.try_out(2)
    flown = [again(drone, most_boots=2).boot() for _ in range(4)]
    assert flown == [2, 2, 1, 1]
    assert again(drone).slots.state.refused[0][1] == "the drone started 3 times during its trial"


def test_steps_that_have_nothing_to_do_say_so(drone: Drone) -> None:
    with pytest.raises(UpdateError, match="no model lies ready"):
        drone.slots.begin_trial()
    with pytest.raises(UpdateError, match="no model is on trial"):
        drone.slots.commit()
    drone.try_out(2)
    with pytest.raises(UpdateError, match="is on trial"):
        drone.slots.stage(*bundle(3))
    assert drone.running == 2


def test_the_files_of_what_is_installed_are_a_base_for_the_next(drone: Drone) -> None:
    drone.install(2)
    for number in (1, 2):
        assert drone.slots.files_of(bundle(number)[0].digest) == bundle(number)[1]
    assert drone.slots.files_of(bundle(3)[0].digest) is None
    spoil(drone.slots.running())
    assert drone.slots.files_of(bundle(2)[0].digest) is None


# --- what does not fit -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({MANIFEST_FILE: b"{}"}, "are not solar_thermal"),
        ({"net0.onnx": b"short"}, "truncated"),
        ({"net0.onnx": bytes(1000)}, "does not match"),
        ({"net1.onnx": None}, "is missing"),
        ({"../up": b"1"}, "no name of a file"),
        ({"a/b": b"1"}, "no name of a file"),
    ],
)
def test_files_that_are_not_the_release_are_refused(
    drone: Drone, change: dict[str, bytes | None], problem: str
) -> None:
    release, files = bundle(2)
    changed = {name: content for name, content in {**files, **change}.items() if content}
    with pytest.raises(UpdateError, match=problem):
        drone.slots.stage(release, changed)
    assert numbers(drone)[0] == drone.running == 1
    assert again(drone).boot() == 1
    drone.install(2)
    assert drone.running == 2


def test_what_somebody_left_in_the_spare_slot_is_removed(drone: Drone) -> None:
    spare = drone.slots.running().parent / "b"
    (spare / "folder").mkdir(parents=True)
    (spare / "folder" / "file").write_text("left")
    drone.install(2)
    assert {file.name for file in drone.slots.running().iterdir()} == set(bundle(2)[1])


# --- damage ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["net1.onnx", MANIFEST_FILE])
def test_a_damaged_model_is_passed_over(drone: Drone, name: str) -> None:
    drone.install(2)
    spoil(drone.slots.running(), name)
    started = again(drone)
    assert started.boot() == 1
    assert numbers(started) == (1, 0, 0, 0)
    assert started.slots.state.refused == ()
    assert "0.2.0 is damaged on the disk" in started.slots.remarks[0]
    spoil(started.slots.running(), name)
    assert again(started).boot() == 0


def test_another_whole_model_in_its_place_does_not_boot(drone: Drone) -> None:
    for name, content in bundle(2)[1].items():
        (drone.slots.running() / name).write_bytes(content)
    assert again(drone).boot() == 0


def test_a_damaged_trial_gives_way_to_the_committed_one(drone: Drone) -> None:
    drone.try_out(2)
    spoil(drone.slots.running())
    assert again(drone).boot() == 1


def test_what_was_damaged_while_it_lay_ready_is_not_tried(drone: Drone) -> None:
    drone.stage(2)
    spoil(drone.slots.running().parent / "b")
    with pytest.raises(UpdateError, match="damaged on the disk"):
        drone.slots.begin_trial()
    assert numbers(drone) == (1, 0, 0, 0)


def test_going_back_passes_over_damage(drone: Drone) -> None:
    folder = drone.slots.running()
    drone.try_out(2)
    spoil(folder)
    assert drone.slots.roll_back("it sees nothing") is None


def test_a_disk_that_damages_a_model_again_and_again_does_not_get_it_for_ever(
    tmp_path: Path,
) -> None:
    """The drone ends on what it can keep; a newer release starts afresh."""
    drone = Drone(tmp_path)
    drone.install(1)
    rounds = 0
    while drone.slots.state.reason_against(bundle(2)[0].digest) is None:
        drone.install(2)
        spoil(drone.slots.running())
        drone = again(drone)
        assert drone.boot() == 1
        rounds += 1
        assert rounds < 20
    assert rounds == drone.slots.state.transitions == 5
    drone.install(3)
    assert drone.slots.state.transitions == 0
    assert again(drone).boot() == 3


# --- the state ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 300,
        b"{",
        b"[]",
        b"null",
        b'{"state": {}, "sha256": ""}',
        b"[" * 100_000,
        b"\xff",
    ],
    ids=range(8),
)
def test_a_state_that_makes_no_sense_is_lost_not_believed(drone: Drone, content: bytes) -> None:
    """What lies whole in the slots is tried anew, and only if that is allowed."""
    drone.install(2)
    (drone.slots.running().parent / STATE_FILE).write_bytes(content)
    started = again(drone)
    assert started.boot() == 0
    assert numbers(started) == (0, 0, 2, 0)
    assert "was lost" in started.slots.remarks[0]
    started.install(2)
    assert again(started).boot() == 2


def test_any_changed_byte_of_the_state_is_noticed(drone: Drone) -> None:
    content = encode(drone.slots.state)
    told = json.loads(content)
    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        read = decode(changed)
        assert read is None or json.loads(changed) == told


def test_a_state_in_which_two_models_share_a_slot_is_none() -> None:
    one = Installed(bundle(1)[0], "a")
    assert decode(encode(SlotState(committed=one, staged=one))) is None
    assert decode(encode(SlotState(committed=one, boots=-1))) is None


releases = st.builds(lambda n: bundle(n)[0], st.integers(1, 9))
installed = st.none() | st.builds(Installed, releases, st.just("a"))
spare = st.none() | st.builds(Installed, releases, st.just("b"))


@settings(max_examples=50)
@given(
    st.builds(
        SlotState,
        committed=installed,
        staged=spare,
        boots=st.integers(0, 100),
        refused=st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple),
        transitions=st.integers(0, 1000),
        newest=st.integers(0, 1 << 32),
    )
)
def test_a_state_reads_back(state: SlotState) -> None:
    assert decode(encode(state)) == state


def test_the_state_stays_small() -> None:
    """The reserve must hold it."""
    state = SlotState()
    for number in range(100):
        release = replace(bundle(1)[0], digest=f"{number:064x}")
        state = replace(state, committed=Installed(release, "a"))
        state = state.gone_back("\udcff" + "\U0001f681" * 1000)
    assert len(state.refused) == MOST_REFUSED
    assert state.refused[-1][0] == f"{99:064x}"
    assert all(len(reason) == MOST_REASON for _, reason in state.refused)
    assert len(encode(state)) < RESERVE_BYTES
