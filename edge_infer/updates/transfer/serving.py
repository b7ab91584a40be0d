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

"""What one member owes to others: chunks in the order of the requests, each once, at a rate."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from edge_infer.bucket import Bucket

_BURST_S = 0.03
"""So much time may pass between two looks at the queue without slowing it."""
_LEAST_SHARE = 1 / 16
_GAINED = 0.02
"""Of the rate, with each chunk that is sent while nobody complains."""
_REPEAT_S = 10.0


class Send(NamedTuple):
    """Publish a chunk."""

    sha256: str
    chunk: int


class Serving:
    """The queue of chunks to be sent.

    Who asks again for what was sent a moment ago did not get it, though the middleware sends
    again what gets lost: the network is full. Then the rate is halved, and it recovers slowly,
    as that of TCP does.

    Args:
        bytes_per_s: that may be sent; a chunk goes whole, and its debt is waited off.
        again_s: a chunk that was sent so recently, by anybody, is not sent again.
    """

    def __init__(self, bytes_per_s: float, again_s: float) -> None:
        self._bucket = Bucket(bytes_per_s, bytes_per_s * _BURST_S)
        self._again_s = again_s
        self._queue: OrderedDict[Send, None] = OrderedDict()
        self._sent_s: dict[str, dict[int, float]] = {}
        self._share = 1.0
        self._slowed_s = -math.inf

    def __len__(self) -> int:
        """Chunks that wait."""
        return len(self._queue)

    def queue(self, sha256: str, chunks: Iterable[int], now_s: float) -> None:
        """Somebody asks for chunks that are held."""
        sent_s = self._sent_s.get(sha256, {})
        is_repeated = False
        for chunk in chunks:
            if not self.was_sent(sha256, chunk, now_s):
                self._queue[Send(sha256, chunk)] = None
                is_repeated |= now_s - sent_s.get(chunk, -math.inf) < _REPEAT_S
        if is_repeated and now_s - self._slowed_s >= self._again_s:
            self._slowed_s = now_s
            self._share = max(self._share / 2, _LEAST_SHARE)

    def was_sent(self, sha256: str, chunk: int, now_s: float) -> bool:
        """Whether somebody sent a chunk just now."""
        sent_s = self._sent_s.get(sha256, {}).get(chunk)
        return sent_s is not None and now_s - sent_s < self._again_s

    def on_chunk(self, sha256: str, chunk: int, now_s: float) -> None:
        """Somebody sends a chunk: whoever asked this member for it, too, has it now."""
        self._queue.pop(Send(sha256, chunk), None)
        self._sent_s.setdefault(sha256, {})[chunk] = now_s

    def drop(self, sha256: str) -> None:
        """A blob is given no more."""
        self._sent_s.pop(sha256, None)
        for send in [send for send in self._queue if send.sha256 == sha256]:
            del self._queue[send]

    def next(self, now_s: float) -> Send | None:
        """A chunk to be sent now; ``spend`` must follow."""
        if not self._queue or self._bucket.level(now_s) <= 0:
            return None
        send, _ = self._queue.popitem(last=False)
        self._sent_s.setdefault(send.sha256, {})[send.chunk] = now_s
        return send

    def spend(self, size: int) -> None:
        """So many bytes are sent."""
        self._bucket.spend(size / self._share)
        self._share = min(self._share + _GAINED, 1.0)
