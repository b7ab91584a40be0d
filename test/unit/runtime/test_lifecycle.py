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

"""The lifecycle's states and ways, against the table of rcl_lifecycle's default machine."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import FleetError, LifecycleError, RuntimeRoomError
from edge_infer.runtime.lifecycle import TRANSITIONS, Lifecycle, State, Transition

PRIMARY = (State.UNCONFIGURED, State.INACTIVE, State.ACTIVE, State.FINALIZED)
WAYS = {
    State.UNCONFIGURED: {"configure", "shutdown"},
    State.INACTIVE: {"cleanup", "activate", "shutdown"},
    State.ACTIVE: {"deactivate", "shutdown"},
    State.FINALIZED: set(),
}
GOALS = {
    "configure": State.INACTIVE,
    "cleanup": State.UNCONFIGURED,
    "activate": State.ACTIVE,
    "deactivate": State.INACTIVE,
    "shutdown": State.FINALIZED,
}
TO = {
    State.UNCONFIGURED: [],
    State.INACTIVE: ["configure"],
    State.ACTIVE: ["configure", "activate"],
    State.FINALIZED: ["shutdown"],
}


class Worker:
    """Counts its work, and fails where it is told to."""

    def __init__(self, **failing: Exception) -> None:
        self.failing = failing
        self.done: Counter[State] = Counter()
        self.steps: list[Transition] = []
        work = {state: lambda state=state: self.work(state) for state in State if state >= 10}
        self.lifecycle = Lifecycle(work, self.steps.append)

    def work(self, state: State) -> None:
        self.done[state] += 1
        if state.label in self.failing:
            raise self.failing[state.label]

    def to(self, state: State) -> Worker:
        for label in TO[state]:
            self.lifecycle.ask(0, label)
        self.steps.clear()
        return self


@pytest.mark.parametrize("state", PRIMARY, ids=lambda state: state.label)
@pytest.mark.parametrize("label", sorted(GOALS))
def test_a_way_leads_to_its_goal_or_is_none(state: State, label: str) -> None:
    worker = Worker().to(state)
    if label in WAYS[state]:
        worker.lifecycle.ask(0, label)
        assert worker.lifecycle.state is GOALS[label]
        assert [step.goal for step in worker.steps][-1] is GOALS[label]
        assert worker.steps[0].start is state
        assert worker.steps[0].goal is worker.steps[1].start
    else:
        with pytest.raises(LifecycleError, match=f"{state.label} cannot {label}"):
            worker.lifecycle.ask(0, label)
        assert worker.lifecycle.state is state
        assert not worker.steps


@pytest.mark.parametrize("state", PRIMARY, ids=lambda state: state.label)
def test_numbers_mean_what_labels_mean(state: State) -> None:
    lifecycle = Worker().to(state).lifecycle
    assert {each.label for each in lifecycle.available()} == WAYS[state]
    for each in lifecycle.available():
        assert lifecycle.find(each.id) == lifecycle.find(0, each.label) == each
    with pytest.raises(LifecycleError, match="transition 99"):
        lifecycle.find(99)


@pytest.mark.parametrize(
    ("state", "label", "busy"),
    [
        (State.UNCONFIGURED, "configure", "configuring"),
        (State.INACTIVE, "activate", "activating"),
        (State.ACTIVE, "deactivate", "deactivating"),
        (State.INACTIVE, "cleanup", "cleaningup"),
    ],
)
def test_what_cannot_be_done_leaves_all_as_it_was(state: State, label: str, busy: str) -> None:
    worker = Worker(**{busy: FleetError("the disk is full", "free it")}).to(state)
    with pytest.raises(FleetError, match="the disk is full"):
        worker.lifecycle.ask(0, label)
    assert worker.lifecycle.state is state
    assert worker.steps[-1].label == "transition_failure"


@pytest.mark.parametrize(
    ("state", "label", "busy"),
    [
        (State.UNCONFIGURED, "configure", "configuring"),
        (State.INACTIVE, "activate", "activating"),
        (State.ACTIVE, "deactivate", "deactivating"),
        (State.INACTIVE, "cleanup", "cleaningup"),
        (State.ACTIVE, "shutdown", "shuttingdown"),
    ],
)
@pytest.mark.parametrize("recovers", [True, False])
def test_an_error_that_nobody_foresaw(state: State, label: str, busy: str, recovers: bool) -> None:
    failing: dict[str, Exception] = {busy: ZeroDivisionError("by zero")}
    if not recovers:
        failing["errorprocessing"] = OSError("gone")
    worker = Worker(**failing).to(state)
    with pytest.raises(RuntimeRoomError, match="ZeroDivisionError: by zero"):
        worker.lifecycle.ask(0, label)
    assert worker.done[State.ERRORPROCESSING] == 1
    assert worker.lifecycle.state is (State.UNCONFIGURED if recovers else State.FINALIZED)


def test_a_shutdown_that_fails_is_a_shutdown() -> None:
    worker = Worker(shuttingdown=FleetError("no", "yes")).to(State.ACTIVE)
    with pytest.raises(FleetError):
        worker.lifecycle.ask(0, "shutdown")
    assert worker.lifecycle.state is State.FINALIZED


@given(st.lists(st.sampled_from(sorted(GOALS)), max_size=30))
def test_no_order_of_wishes_leads_astray(labels: list[str]) -> None:
    worker = Worker()
    for label in labels:
        before = worker.lifecycle.state
        try:
            worker.lifecycle.ask(0, label)
        except LifecycleError:
            assert worker.lifecycle.state is before
        assert worker.lifecycle.state in PRIMARY
    chain = [State.UNCONFIGURED, *(step.goal for step in worker.steps)]
    assert [step.start for step in worker.steps] == chain[:-1]
    assert worker.done[State.CONFIGURING] >= worker.done[State.CLEANINGUP]


def test_the_table_has_no_number_twice() -> None:
    assert len({each.id for each in TRANSITIONS}) == len(TRANSITIONS) == 25
