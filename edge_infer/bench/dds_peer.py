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

"""One process of the DDS benchmark, a sender or a receiver.

Started by ``dds.py`` as ``python -m edge_infer.bench.dds_peer WAY ROLE``; takes orders as
JSON lines on standard input and answers each with one on standard output. The
time of sending travels in the image's header, by the steady clock that all
processes of a machine share.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from edge_infer.bench.dds_ways import WAYS, Side

PATIENCE_S = 60.0


def send(side: Side, size: int, count: int, interval_s: float) -> dict[str, float]:
    """Publish so many images, at fixed times or (interval 0) as fast as it goes."""
    message = side.image(size)
    stamp = message.header.stamp
    cpu = time.process_time()
    next_s = time.monotonic()
    for _ in range(count):
        if interval_s:
            next_s += interval_s
            time.sleep(max(next_s - time.monotonic(), 0))
        stamp.sec, stamp.nanosec = divmod(time.monotonic_ns(), 1_000_000_000)
        side.publish(message)
    return {"cpu_s": time.process_time() - cpu}


class Receiver:
    """Counts what arrives, and when."""

    def __init__(self) -> None:
        self.one_way_ms: list[float] = []
        self.first_s = self.last_s = 0.0

    def hear(self, message: Any) -> None:
        """Note the age of an image."""
        now_ns = time.monotonic_ns()
        self.last_s = now_ns / 1e9
        if not self.one_way_ms:
            self.first_s = self.last_s
        stamp = message.header.stamp
        age_ns = now_ns - (stamp.sec * 1_000_000_000 + stamp.nanosec)
        self.one_way_ms.append(age_ns / 1e6)

    def expect(self, side: Side, count: int) -> dict[str, Any]:
        """Spin until so many have come; their ages, the rate and the processor time."""
        self.one_way_ms.clear()
        answer({"ready": True})
        cpu = time.process_time()
        if not side.spin_until(lambda: len(self.one_way_ms) >= count, PATIENCE_S):
            return {"error": f"{len(self.one_way_ms)} of {count} arrived"}
        return {
            "one_way_ms": self.one_way_ms,
            "rate_hz": (count - 1) / max(self.last_s - self.first_s, 1e-9),
            "cpu_s": time.process_time() - cpu,
        }


def answer(result: dict[str, Any]) -> None:
    """One JSON line."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def main(way: str, role: str) -> None:
    """Follow orders until standard input ends."""
    receiver = Receiver()
    side = WAYS[way](receiver.hear if role == "receive" else None)
    connected = side.spin_until(lambda: side.matched() > 0, PATIENCE_S)
    answer({"connected": connected})
    for line in sys.stdin:
        order = json.loads(line)
        if role == "receive":
            answer(receiver.expect(side, order["count"]))
        else:
            answer(send(side, order["size"], order["count"], order["interval_s"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
