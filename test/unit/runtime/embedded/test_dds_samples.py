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

"""Samples on their way: large ones without a copy, replays, bytes that are no message."""

import gc

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import RuntimeRoomError
from edge_infer.runtime import qos
from edge_infer.runtime.embedded.library import release
from edge_infer.runtime.embedded.samples import COPY_UP_TO, MOST_WRITERS, Replays
from edge_infer.runtime.messages import message_types
from edge_infer.runtime.transport import Endpoint

ARRAY = "std_msgs/msg/UInt8MultiArray"


def numbers(size, seed=0):
    data = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    return message_types()[ARRAY](data=data)


def connect(place, deliver, quality=qos.SIGHTINGS, topic="rt/bytes"):
    endpoint = Endpoint(topic, ARRAY, quality, "/probe")
    reader = place.transport.open_reader(endpoint, deliver, print)
    writer = place.transport.open_writer(endpoint, print)
    assert place.until(lambda: writer.matched() and reader.matched())
    return writer, reader


@pytest.mark.parametrize("size", [0, 1, 5, COPY_UP_TO, COPY_UP_TO + 1, 3_000_000])
def test_bytes_arrive_as_they_were_sent(place, size):
    got = []
    writer, _ = connect(place, got.append)
    sent = message_types().encode(numbers(size))
    for payload in (bytes(sent), sent, memoryview(sent)):
        writer.write(payload)
    assert place.until(lambda: len(got) == 3)
    assert all(bytes(each) == sent for each in got)
    assert all(each.readonly for each in got)


def test_an_array_outlives_its_message_its_reader_and_its_network(place):
    got = []
    writer, reader = connect(place, got.append)
    message = numbers(1_000_000, seed=5)
    writer.write(message_types().encode(message))
    assert place.until(lambda: got)
    data = message_types().decode(got.pop(), message_types()[ARRAY]).data
    reader.close()
    place.transport.close()
    gc.collect()
    assert not data.flags.owndata
    assert np.array_equal(data, message.data)


def test_memory_is_given_back_when_nobody_looks(place):
    process = psutil.Process()
    seen = []
    writer, _ = connect(place, lambda payload: seen.append(len(payload)))
    payload = message_types().encode(numbers(4_000_000))
    for count in range(1, 6):
        writer.write(payload)
        assert place.until(lambda count=count: len(seen) == count)
    before = process.memory_info().rss
    for count in range(6, 46):
        writer.write(payload)
        assert place.until(lambda count=count: len(seen) == count)
    assert process.memory_info().rss < before + 40_000_000


def test_more_than_one_batch_arrives_whole_and_in_order(place):
    got = []
    writer, _ = connect(place, got.append, qos.QoS(depth=500))
    for number in range(300):
        writer.write(message_types().encode(message_types()[ARRAY](data=[number % 256])))
    assert place.until(lambda: len(got) == 300)
    read = [message_types().decode(each, message_types()[ARRAY]).data[0] for each in got]
    assert read == [number % 256 for number in range(300)]


@pytest.mark.skipif(release() < 11, reason="this release of Cyclone DDS checks nothing itself")
@pytest.mark.parametrize("broken", [b"\0\1\0\0\xff\xff\xff\x7f", b"\0\1\0\0\1\0\0\0", b"\0\1\0\0"])
def test_bytes_that_are_no_message_never_leave(place, broken):
    got = []
    writer, _ = connect(place, got.append)
    with pytest.raises(RuntimeRoomError, match="write a sample"):
        writer.write(broken)
    writer.write(message_types().encode(numbers(1)))
    assert place.until(lambda: got)
    assert len(got) == 1


def test_the_end_of_a_writer_is_no_sample(place):
    got = []
    writer, reader = connect(place, got.append)
    writer.write(message_types().encode(numbers(1)))
    writer.close()
    assert place.until(lambda: got and not reader.matched())
    place.executor.run_until(lambda: False, place.executor.steady_ns() + 20_000_000)
    assert len(got) == 1


def test_a_closed_reader_gets_nothing_more_not_even_what_was_queued(place):
    got = []

    def deliver(payload):
        got.append(payload)
        reader.close()

    writer, reader = connect(place, deliver)
    for _ in range(5):
        writer.write(message_types().encode(numbers(1)))
    place.executor.run_until(lambda: False, place.executor.steady_ns() + 100_000_000)
    assert len(got) == 1


def test_writing_after_the_end_does_nothing(place):
    writer, _ = connect(place, print)
    place.transport.close()
    writer.write(message_types().encode(numbers(1)))
    writer.close()
    place.transport.close()


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 30)), max_size=40))
def test_a_replay_is_what_this_writer_sent_lately(sent):
    replays, reference = Replays(depth=4), {b"a": [], b"b": []}
    for writer, stamp in sent:
        recent = reference[writer]
        assert replays.is_replay(writer, stamp) is (stamp in recent[-4:])
        if stamp not in recent[-4:]:
            recent.append(stamp)


def test_the_writer_known_longest_is_forgotten_first():
    replays = Replays(depth=1)
    for number in range(MOST_WRITERS + 1):
        assert not replays.is_replay(number.to_bytes(4, "big"), 7)
    assert replays.is_replay(MOST_WRITERS.to_bytes(4, "big"), 7)
    assert not replays.is_replay((0).to_bytes(4, "big"), 7)
