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

"""One replay from its beginning to its report: the plan, the play, and what was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from edge_infer.errors import ReplayError
from edge_infer.replay.bags import Bag
from edge_infer.replay.document import report
from edge_infer.replay.golden import Golden
from edge_infer.replay.inputs import inputs_of, view_config
from edge_infer.replay.messages import Record
from edge_infer.replay.player import Setting, play
from edge_infer.replay.report import Outcome
from edge_infer.replay.routes import namespace_of, plan


class Replayed(NamedTuple):
    """What came out.

    Attributes:
        document: the JSON report.
        golden: what later replays are compared with.
        problem: what of the bag could not be played; None when nothing.
    """

    document: dict[str, Any]
    golden: Golden
    problem: ReplayError | None


class Flight:
    """A bag that is to be played.

    Args:
        bag: it is open.
        setting: through which nodes, and how.

    Raises:
        EdgeInferError: the setting, or the bag's topics for it, cannot be used.

    Attributes:
        routes: which topic goes where.
        messages: how many there are to play.
    """

    def __init__(self, bag: Bag, setting: Setting) -> None:
        self._begin_s = time.monotonic()
        self._bag = bag
        self._setting = setting
        namespace = namespace_of(setting.namespace, setting.remaps)
        inputs = inputs_of(setting.nodes, partial(view_config, namespace, setting.arguments))
        self.routes = plan(bag.topics, inputs, setting.remaps, namespace)
        self.messages = bag.count([route.source for route in self.routes.routes])

    def play(
        self, done_one: Callable[[], None] = lambda: None, record: Record = lambda _: None
    ) -> Replayed:
        """Play it to its end, or as far as it can be read.

        Args:
            done_one: called after each message.
            record: called with each output that counts for the digest.

        Raises:
            ReplayError: there is not one message to play.
            EdgeInferError: a node cannot be started.
        """
        outcome = Outcome()
        played = play(self._bag, self.routes, outcome, self._setting, done_one, record)
        wall_s = time.monotonic() - self._begin_s
        nodes = self._setting.nodes
        document = report(self._bag.path, nodes, self.routes, played, outcome, wall_s)
        return Replayed(document, outcome.golden(self._bag.path.resolve().name), played.problem)
