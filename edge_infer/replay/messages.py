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

"""What a bag is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple


class BagMessage(NamedTuple):
    """One message.

    Attributes:
        topic: its name in the bag.
        time_ns: when it was recorded, since the Unix epoch.
        payload: CDR with its header.
    """

    topic: str
    time_ns: int
    payload: bytes


class Output(NamedTuple):
    """One message that is not in a bag yet.

    Attributes:
        topic: absolute.
        type: ``pkg/msg/Name``.
        time_ns: since the Unix epoch, by the clock of who made it.
        payload: CDR with its header.
    """

    topic: str
    type: str
    time_ns: int
    payload: memoryview


Record = Callable[[Output], None]


class Survey(NamedTuple):
    """What a file holds: name -> type of its topics, and name -> how many messages."""

    topics: dict[str, str]
    counts: Counter[str]
