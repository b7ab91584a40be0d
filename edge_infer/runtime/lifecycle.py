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

"""The states of a managed node and the ways between them, as ROS 2 defines them.

Pure: transitions in, calls and states out. Numbers and labels are those of lifecycle_msgs
and of rcl_lifecycle's default state machine (https://design.ros2.org/articles/node_lifecycle.html).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import NamedTuple

from edge_infer.errors import EdgeInferError, LifecycleError, RuntimeRoomError, first_line


class State(IntEnum):
    """The values of lifecycle_msgs/msg/State; those from 10 on last as long as their work."""

    UNKNOWN = 0
    UNCONFIGURED = 1
    INACTIVE = 2
    ACTIVE = 3
    FINALIZED = 4
    CONFIGURING = 10
    CLEANINGUP = 11
    SHUTTINGDOWN = 12
    ACTIVATING = 13
    DEACTIVATING = 14
    ERRORPROCESSING = 15

    @property
    def label(self) -> str:
        """As in lifecycle_msgs/msg/State."""
        return self.name.lower()


class Transition(NamedTuple):
    """A way from one state to another.

    Attributes:
        id: of lifecycle_msgs/msg/Transition.
        label: what it is asked for by, or what the work between two states came to.
        start: where it begins.
        goal: where it leads.
    """

    id: int
    label: str
    start: State
    goal: State


_ASKED_FOR = (
    Transition(1, "configure", State.UNCONFIGURED, State.CONFIGURING),
    Transition(2, "cleanup", State.INACTIVE, State.CLEANINGUP),
    Transition(3, "activate", State.INACTIVE, State.ACTIVATING),
    Transition(4, "deactivate", State.ACTIVE, State.DEACTIVATING),
    Transition(5, "shutdown", State.UNCONFIGURED, State.SHUTTINGDOWN),
    Transition(6, "shutdown", State.INACTIVE, State.SHUTTINGDOWN),
    Transition(7, "shutdown", State.ACTIVE, State.SHUTTINGDOWN),
)
_OUTCOMES = ("transition_success", "transition_failure", "transition_error")
_FIRST_OUTCOME = {
    State.CONFIGURING: (10, State.INACTIVE, State.UNCONFIGURED, State.ERRORPROCESSING),
    State.CLEANINGUP: (20, State.UNCONFIGURED, State.INACTIVE, State.ERRORPROCESSING),
    State.ACTIVATING: (30, State.ACTIVE, State.INACTIVE, State.ERRORPROCESSING),
    State.DEACTIVATING: (40, State.INACTIVE, State.ACTIVE, State.ERRORPROCESSING),
    State.SHUTTINGDOWN: (50, State.FINALIZED, State.FINALIZED, State.ERRORPROCESSING),
    State.ERRORPROCESSING: (60, State.UNCONFIGURED, State.FINALIZED, State.FINALIZED),
}
"""The number of the first of three outcomes, and where each leads."""

TRANSITIONS = (
    *_ASKED_FOR,
    *(
        Transition(first + n, _OUTCOMES[n], busy, goals[n])
        for busy, (first, *goals) in _FIRST_OUTCOME.items()
        for n in range(3)
    ),
)

SUCCESS, FAILURE, ERROR = range(3)


class Lifecycle:
    """One node's state.

    Args:
        work: what is done in each state from 10 on. An EdgeInferError means that it could not
            be done and all is as before; any other error, that nobody knows how things are.
        moved: told of each step.
    """

    def __init__(
        self, work: Mapping[State, Callable[[], None]], moved: Callable[[Transition], None]
    ) -> None:
        self._work = work
        self._moved = moved
        self.state = State.UNCONFIGURED

    def available(self) -> list[Transition]:
        """What may be asked for now."""
        return [each for each in _ASKED_FOR if each.start is self.state]

    def find(self, number: int, label: str = "") -> Transition:
        """The transition of that number, or rather that label, where one is given.

        Raises:
            LifecycleError: there is none from this state.
        """
        for each in self.available():
            if each.label == label if label else each.id == number:
                return each
        choice = ", ".join(each.label for each in self.available())
        raise LifecycleError(
            f"a node that is {self.state.label} cannot {label or f'do transition {number}'}",
            f"ask for one of {choice}" if choice else "start its process again",
        )

    def ask(self, number: int, label: str = "") -> None:
        """Go through a transition.

        Raises:
            EdgeInferError: it cannot be done; the state is the one before, or where the
                error led.
        """
        self._move(self.find(number, label))
        try:
            self._work[self.state]()
        except EdgeInferError:
            self._end(FAILURE)
            raise
        except Exception as error:
            self._end(ERROR)
            self._recover()
            raise RuntimeRoomError(
                f"something went wrong that should not ({type(error).__name__}: "
                f"{first_line(error)}), and the node is {self.state.label} now",
                "configure it again, and report this",
            ) from error
        self._end(SUCCESS)

    def _recover(self) -> None:
        """Give all back, whatever there is, so that the node can be configured again."""
        try:
            self._work[State.ERRORPROCESSING]()
        except Exception:  # this was the last thing to try
            self._end(FAILURE)
        else:
            self._end(SUCCESS)

    def _end(self, outcome: int) -> None:
        first, *goals = _FIRST_OUTCOME[self.state]
        self._move(Transition(first + outcome, _OUTCOMES[outcome], self.state, goals[outcome]))

    def _move(self, transition: Transition) -> None:
        self.state = transition.goal
        self._moved(transition)
