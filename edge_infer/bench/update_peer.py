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

"""One member of the fleet of ``update.py``: started as ``python -m edge_infer.bench.update_peer``.

Takes orders as JSON lines on standard input and answers each with one on standard output.
Times are of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from edge_infer.bench.update_ways import GATEWAY, WAYS, Side

PATIENCE_S = 120.0
BYTES = 5_000_000
DETECTION_HZ = 10.0


def settle(side: Any, for_s: float) -> None:
    """Let what is on its way come."""
    end_s = time.monotonic() + for_s
    side.spin_until(lambda: time.monotonic() >= end_s, PATIENCE_S)


def content_of(seed: int) -> bytes:
    """A file that nothing makes smaller."""
    return random.Random(seed).randbytes(BYTES)


def answer(result: dict[str, Any]) -> None:
    """One JSON line."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def run(side: Side, content: bytes | None, begin_s: float, end_s: float) -> dict[str, Any]:
    """Say what is detected, and have the file go round at half a second from the beginning.

    Args:
        side: the member.
        content: the file; None when none goes round.
        begin_s: when.
        end_s: until when; longer when the file has not come.
    """
    side.heard.clear()
    side.complete_s = 0.0
    side.detect_from(begin_s + random.uniform(0.0, 1.0 / DETECTION_HZ), 1.0 / DETECTION_HZ)
    side.spin_until(lambda: time.monotonic() >= begin_s + 0.5, PATIENCE_S)
    begun_s = time.monotonic()
    if content is not None:
        side.begin(content)
    waits = content is not None and not side.is_gateway
    side.spin_until(
        lambda: time.monotonic() >= end_s and (not waits or side.complete_s > 0.0), PATIENCE_S
    )
    side.stop_detecting()
    side.spin_until(lambda: time.monotonic() >= end_s + 0.5, PATIENCE_S)
    return {"begun_s": begun_s, "complete_s": side.complete_s, "heard": side.heard}


def main(way: str, name: str, place: str, others: str) -> None:
    """Follow orders until standard input ends.

    Args:
        way: in WAYS.
        name: of the member.
        place: folder for what is fetched.
        others: how many drones there are.
    """
    side = WAYS[way](name, Path(place))
    wanted = int(others) if name == GATEWAY else 1
    answer({"connected": side.spin_until(lambda: side.matched() >= wanted, PATIENCE_S)})
    for line in sys.stdin:
        order = json.loads(line)
        if "settle_s" in order:
            settle(side, order["settle_s"])
            answer({})
        else:
            content = content_of(order["seed"]) if order["seed"] else None
            if content:
                side.prepare(content)
            answer(run(side, content, order["begin_s"], order["end_s"]))
    side.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
