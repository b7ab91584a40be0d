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

"""Which engine serves, as a table of events: no engine, no clock."""

import pytest

from edge_infer.backends.chain import Chain, Health, Level, Policy

POLICY = Policy(
    first_pause_s=2,
    longest_pause_s=10,
    memory_s=100,
    breaker=5,
    rest_s=1000,
    probes=3,
    standby=True,
)


@pytest.fixture
def chain():
    chain = Chain(["gpu", "cpu"], POLICY)
    chain.started(0)
    chain.started(1)
    return chain


def test_the_first_choice_serves(chain):
    assert chain.serving == 0
    assert chain.health == Health(Level.OK, "gpu serves", "gpu")


def test_while_the_first_choice_starts_the_next_one_serves():
    chain = Chain(["gpu", "cpu"], POLICY)
    chain.starting(0)
    assert chain.serving is None
    assert chain.health.level == Level.WARN
    chain.started(1)
    chain.note(0, "is building its plan: 40 %")
    assert chain.serving == 1
    assert chain.health == Health(Level.WARN, "cpu serves: gpu is building its plan: 40 %", "cpu")
    chain.started(0)
    assert chain.serving == 0


def test_a_failure_steps_down_and_health_says_why(chain):
    chain.failed(0, "is gone", 10.0)
    assert chain.serving == 1
    assert chain.health == Health(Level.WARN, "cpu serves: gpu is gone", "cpu")
    chain.failed(1, "is gone, too", 11.0)
    assert chain.serving is None
    assert chain.health == Health(
        Level.ERROR, "no engine serves: gpu is gone, cpu is gone, too", None
    )


def test_an_engine_is_due_once_after_its_pause(chain):
    chain.failed(0, "is gone", 10.0)
    assert chain.next_due() == 12.0
    assert chain.due(11.9) is None
    assert chain.due(12.0) == 0
    chain.starting(0)
    assert chain.due(12.0) is None
    assert chain.next_due() is None
    chain.started(0)
    assert chain.health.level == Level.OK


def pauses(chain, times):
    """Let the first engine fail so often, each time as soon as it serves again."""
    now, found = 0.0, []
    for _ in range(times):
        chain.failed(0, "fails", now)
        found.append(chain.next_due() - now)
        now = chain.next_due()
        assert chain.due(now) == 0
        chain.started(0)
    return found


def test_the_pause_doubles_up_to_its_longest_and_then_the_breaker_opens(chain):
    assert pauses(chain, 6) == [2, 4, 8, 10, 1000, 2]


def test_failures_are_forgiven_after_a_while(chain):
    pauses(chain, 3)
    chain.failed(0, "fails", 500.0)
    assert chain.next_due() == 502.0


def test_engines_fail_and_rest_independently(chain):
    pauses(chain, 3)
    chain.failed(1, "fails", 20.0)
    chain.failed(0, "fails", 20.0)
    assert chain.next_due() == 22.0
    assert chain.due(22.0) == 1
    chain.starting(1)
    assert chain.due(30.0) == 0


def test_engines_below_the_serving_one_wait_until_they_are_needed():
    chain = Chain(["gpu", "npu", "cpu"], POLICY._replace(standby=False))
    chain.started(0)
    assert chain.next_due() is None
    assert chain.next_coming(0, 0.0) == 1
    chain.failed(0, "is gone", 0.0)
    assert chain.due(0.0) == 1
    chain.failed(1, "is gone", 0.0)
    assert chain.next_coming(-1, 1.0) == 2
    chain.started(2)
    assert chain.due(2.0) == 0, "the better ones are tried again"
