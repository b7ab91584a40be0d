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

"""What is sent when: in order, once, at a rate that gives way."""

from __future__ import annotations

import pytest

from edge_infer.updates.transfer.serving import Send, Serving

BLOB, OTHER = "a" * 64, "b" * 64
SIZE = 1_000


def sent(serving: Serving, start_s: float, end_s: float) -> list[Send]:
    """What goes out in that time, looked at each 20 ms."""
    actions = []
    for tick in range(round(start_s * 50), round(end_s * 50)):
        while send := serving.next(tick / 50):
            serving.spend(SIZE)
            actions.append(send)
    return actions


def test_each_chunk_goes_out_once_in_the_order_of_the_requests() -> None:
    serving = Serving(SIZE * 100, again_s=1.0)
    serving.queue(BLOB, [3, 4], 0.0)
    serving.queue(OTHER, [0], 0.0)
    serving.queue(BLOB, [4, 1], 0.0)
    expected = [Send(BLOB, 3), Send(BLOB, 4), Send(OTHER, 0), Send(BLOB, 1)]
    assert sent(serving, 0.0, 0.5) == expected
    serving.queue(BLOB, [3, 7], 0.5)
    assert sent(serving, 0.5, 1.0) == [Send(BLOB, 7)], "3 was sent a moment ago"
    serving.queue(BLOB, [3], 1.1)
    assert sent(serving, 1.1, 1.5) == [Send(BLOB, 3)]


def test_what_another_holder_sends_is_not_sent_again() -> None:
    serving = Serving(SIZE, again_s=1.0)
    serving.queue(BLOB, [0, 1], 0.0)
    serving.on_chunk(BLOB, 1, 0.1)
    serving.queue(BLOB, [1], 0.2)
    assert sent(serving, 0.2, 0.9) == [Send(BLOB, 0)]


def test_a_blob_that_is_dropped_is_not_sent() -> None:
    serving = Serving(SIZE * 100, again_s=1.0)
    serving.queue(BLOB, range(5), 0.0)
    serving.queue(OTHER, [0], 0.0)
    serving.drop(BLOB)
    assert sent(serving, 0.0, 1.0) == [Send(OTHER, 0)]


@pytest.mark.parametrize("per_s", [10, 40])
def test_the_rate_is_kept(per_s: int) -> None:
    serving = Serving(SIZE * per_s, again_s=1.0)
    serving.queue(BLOB, range(1000), 0.0)
    assert len(sent(serving, 0.0, 10.0)) == pytest.approx(10 * per_s, rel=0.05)


def test_it_slows_down_when_what_was_sent_does_not_arrive_and_recovers() -> None:
    serving = Serving(SIZE * 20, again_s=1.0)
    serving.queue(BLOB, range(20), 0.0)
    assert len(sent(serving, 0.0, 2.0)) == 20
    for times in range(3):
        serving.queue(BLOB, range(20), 2.0)
        serving.queue(BLOB, range(20), 2.0 + times * 0.1)
    slow = len(sent(serving, 2.1, 3.1))
    assert 8 <= slow <= 14, "half, and once for all who complain together"
    serving.queue(BLOB, range(100, 400), 3.1)
    sent(serving, 3.1, 8.1)
    assert len(sent(serving, 8.1, 10.1)) == pytest.approx(40, rel=0.1)
