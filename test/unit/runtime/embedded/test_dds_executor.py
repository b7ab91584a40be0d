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

"""The executor: order, alarms, wake-ups, stops."""

import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_calls_run_in_their_order_in_the_executors_thread(place):
    ran = []
    worker = threading.Thread(
        target=lambda: [
            place.executor.call_soon(lambda n=n: ran.append((n, threading.get_ident())))
            for n in range(5)
        ]
    )
    worker.start()
    assert place.until(lambda: len(ran) == 5)
    worker.join()
    assert ran == [(n, threading.get_ident()) for n in range(5)]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(st.lists(st.integers(0, 20_000_000), min_size=1, max_size=10))
def test_alarms_ring_in_order_and_not_too_early(place, delays_ns):
    executor, rang = place.executor, []
    start_ns = executor.steady_ns()

    def ring(delay_ns):
        rang.append(delay_ns)
        assert executor.steady_ns() >= start_ns + delay_ns

    for delay_ns in delays_ns:
        executor.call_at(start_ns + delay_ns, lambda delay_ns=delay_ns: ring(delay_ns))
    assert place.until(lambda: len(rang) == len(delays_ns))
    assert rang == sorted(delays_ns)


def test_a_cancelled_alarm_is_silent(place):
    rang = []
    now_ns = place.executor.steady_ns()
    cancelled = place.executor.call_at(now_ns + 1_000_000, lambda: rang.append("cancelled"))
    place.executor.call_at(now_ns + 2_000_000, lambda: rang.append("kept"))
    cancelled.cancel()
    assert place.until(lambda: rang)
    assert rang == ["kept"]


def test_an_alarm_of_another_thread_interrupts_a_long_wait(place):
    rang = []
    place.executor.call_at(place.executor.steady_ns() + 10**12, lambda: rang.append("late"))
    worker = threading.Thread(
        target=lambda: place.executor.call_at(
            place.executor.steady_ns() + 1_000_000, lambda: rang.append("soon")
        )
    )
    place.executor.call_soon(worker.start)
    assert place.until(lambda: rang)
    assert rang == ["soon"]
    worker.join()


def test_a_stop_beforehand_counts_once(place):
    place.executor.stop()
    assert not place.executor.run_until(lambda: False)
    ran = []
    place.executor.call_soon(lambda: ran.append(1))
    assert place.until(lambda: ran)


def test_a_stop_from_another_thread_ends_the_run(place):
    worker = threading.Thread(target=place.executor.stop)
    place.executor.call_soon(worker.start)
    assert not place.executor.run_until(lambda: False)
    worker.join()


def test_the_deadline_ends_the_run(place):
    executor = place.executor
    deadline_ns = executor.steady_ns() + 5_000_000
    assert not executor.run_until(lambda: False, deadline_ns)
    assert executor.steady_ns() >= deadline_ns
    assert not executor.wait_until(lambda: False, executor.steady_ns() + 5_000_000)
    assert executor.wait_until(lambda: True, executor.steady_ns())


def test_calls_that_beget_calls_keep_nobody_waiting(place):
    rounds, rang = [0], []

    def again():
        rounds[0] += 1
        if not rang:
            place.executor.call_soon(again)

    again()
    place.executor.call_at(place.executor.steady_ns() + 5_000_000, lambda: rang.append(1))
    assert place.until(lambda: rang)
    assert rounds[0] > 1
