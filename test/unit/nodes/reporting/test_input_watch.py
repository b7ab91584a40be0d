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

"""Whether an input that stops, or comes too seldom, is noticed."""

from __future__ import annotations

from edge_infer.nodes.reporting.input_watch import OK, STALE, WARN, InputState, InputWatch

SECOND = 1_000_000_000


def looks(watch: InputWatch, counts: list[int], start_s: int = 0) -> list[InputState]:
    """What it says to counts that are one second apart."""
    return [watch.look(count, (start_s + s) * SECOND) for s, count in enumerate(counts)]


def test_a_frequency_is_that_of_the_last_five_looks() -> None:
    *_, state = looks(InputWatch("image"), [0, 50, 60, 65, 70, 75, 80, 85])
    assert state.level == OK
    assert state.values == {
        "Events in window": "25",
        "Events since startup": "85",
        "Duration of window (s)": "5.0",
        "Actual frequency (Hz)": "5.00",
        "Minimum acceptable frequency (Hz)": "0",
    }


def test_what_comes_too_seldom_is_warned_of_once_it_was_measured_long_enough() -> None:
    states = looks(InputWatch("image", least_hz=5.0), [0, 4, 8, 12, 16, 20, 24])
    assert [state.level for state in states] == [OK] * 5 + [WARN] * 2
    assert states[-1].message == "images come at 4.00 Hz, less than 5 Hz"


def test_what_has_stopped_is_stale_until_it_comes_again() -> None:
    states = looks(InputWatch("image", silent_s=3.0), [5, 6, 6, 6, 6, 6, 7])
    assert [state.level for state in states] == [OK] * 4 + [STALE] * 2 + [OK]
    assert states[5].message == "no image for 4 s"


def test_what_never_came_is_stale_too() -> None:
    states = looks(InputWatch("image", silent_s=2.0), [0, 0, 0, 0])
    assert [state.level for state in states] == [OK, OK, STALE, STALE]


def test_nothing_has_to_come_while_nobody_asks() -> None:
    watch = InputWatch("image", silent_s=2.5, least_hz=1.0)
    for s in range(10):
        assert watch.look(0, s * SECOND, is_wanted=False).level == OK
    assert [state.level for state in looks(watch, [0, 0, 0], start_s=10)] == [OK, OK, STALE]


def test_a_clock_that_is_set_back_begins_again() -> None:
    watch = InputWatch("image", silent_s=2.0)
    looks(watch, [5, 6], start_s=100)
    assert [state.level for state in looks(watch, [6, 6, 6])] == [OK, OK, STALE]
