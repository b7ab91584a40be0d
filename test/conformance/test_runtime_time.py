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

"""What every runtime owes to timers, clocks, guard conditions and the spin itself."""

import signal
import threading
import time

from edge_infer.runtime import qos


def test_a_timer_ticks_until_it_is_cancelled(world):
    node = world.node()
    ticks, others = [], []
    timer = node.create_timer(0.02, lambda: ticks.append(1))
    node.create_timer(0.02, lambda: others.append(1))
    assert world.until(lambda: len(ticks) >= 3)
    timer.cancel()
    seen, passed = len(ticks), len(others)
    assert world.until(lambda: len(others) >= passed + 3)
    assert len(ticks) == seen
    timer.reset()
    assert world.until(lambda: len(ticks) >= seen + 2)


def test_a_destroyed_timer_is_silent(world):
    node = world.node()
    ticks, others = [], []
    timer = node.create_timer(0.01, lambda: ticks.append(1))
    node.create_timer(0.02, lambda: others.append(1))
    node.destroy_timer(timer)
    assert world.until(lambda: len(others) >= 3)
    assert not ticks


def test_a_guard_condition_runs_in_the_executors_thread(world):
    node = world.node()
    runs = []
    guard = node.create_guard_condition(lambda: runs.append(threading.get_ident()))
    thread = threading.Thread(target=guard.trigger)
    thread.start()
    thread.join()
    assert world.until(lambda: runs)
    guard.trigger()
    assert world.until(lambda: len(runs) == 2)
    assert runs == [threading.get_ident()] * 2


def test_the_clock_goes_on_and_becomes_a_message(world):
    node = world.node()
    clock = node.get_clock()
    before = clock.now()
    fired = []
    node.create_timer(0.01, lambda: fired.append(1))
    assert world.until(lambda: fired)
    after = clock.now()
    assert after.nanoseconds > before.nanoseconds
    if world.name != "loopback":
        assert abs(after.nanoseconds - time.time_ns()) < 60e9
    msg = after.to_msg()
    assert msg.sec * 1_000_000_000 + msg.nanosec == after.nanoseconds


def test_simulated_time_comes_from_the_clock_topic(world):
    node = world.node("sleeper", "-p", "use_sim_time:=true")
    source = world.node("source")
    clock_type = source.messages["rosgraph_msgs/msg/Clock"]
    publisher = source.create_publisher(clock_type, "/clock", qos.COMMANDS)
    assert node.get_clock().now().nanoseconds == 0
    ticks = []
    node.create_timer(10.0, lambda: ticks.append(node.get_clock().now().nanoseconds))
    assert world.until(lambda: publisher.get_subscription_count() == 1)

    msg = clock_type()
    source.create_timer(0.02, lambda: publisher.publish(msg))

    def heard(seconds):
        msg.clock.sec = seconds
        return world.until(lambda: node.get_clock().now().nanoseconds == seconds * 1_000_000_000)

    assert heard(5)
    assert not ticks
    assert heard(100)
    assert world.until(lambda: ticks)
    assert ticks == [100_000_000_000]


def test_spin_ends_when_it_is_stopped(world):
    runtime = world.runtime()
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            runtime.stop()

    runtime.create_node("probe").create_timer(0.01, tick)
    runtime.spin()
    assert len(ticks) == 3
    assert not runtime.spin_until(lambda: False, 0.05)


def test_spin_ends_cleanly_at_a_signal(world):
    runtime = world.runtime()
    # A shell lets its background processes ignore SIGINT, the program that runs tests too.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    node = runtime.create_node("probe")
    node.create_timer(0.01, lambda: signal.raise_signal(signal.SIGINT))
    try:
        runtime.spin()
    finally:
        restored = signal.signal(signal.SIGINT, inherited)
    assert restored is signal.default_int_handler


def test_a_condition_that_never_holds_times_out(world):
    runtime = world.runtime()
    runtime.create_node("probe")
    assert not runtime.spin_until(lambda: False, 0.05)
    assert runtime.spin_until(lambda: True, 0.05)
