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

"""Prints the digest of the recorded log beside this file; needs edge_infer and numpy alone.

With ``--record`` it writes that log anew. Its numbers are those that machines and
Python versions could come to differ about: float32 values in float64, the largest
and smallest of them, negative zero, names outside ASCII, gaps and floors.
"""

from __future__ import annotations

import json
import random
import struct
import sys
from pathlib import Path

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.replica import Replica

LOG = Path(__file__).with_name("log.jsonl")


def replay() -> Replica:
    """The replica of the recorded log, in the order of its lines."""
    replica = Replica()
    for line in LOG.read_text(encoding="ascii").splitlines():
        values = json.loads(line)
        if len(values) == 3:
            replica.raise_floors([Floor(*values)])
            continue
        source, boot, sequence, stamp_ns, frame, class_name, score, x, y, z, *rest = values
        identity = SightingId(source, boot, sequence)
        covariance = (rest[0], rest[1], rest[2])
        replica.add(
            Sighting(identity, stamp_ns, frame, class_name, score, x, y, z, covariance, rest[3])
        )
    return replica


def _record() -> None:
    rng = random.Random(5)
    lines: list[list[object]] = []
    for number in range(200):
        source, boot = rng.choice(["drone_01", "drone_ü", "無人機", 'a"\\b']), rng.randrange(1, 4)
        variances = [_float32(rng.choice([rng.random(), 1e-38, 3e38, 0.1])) for _ in range(2)]
        lines.append([
            source, boot, number if rng.random() < 0.9 else 2**32 - number,
            rng.randrange(2**62), rng.randrange(2**64), rng.choice(["hot_cell", "Überhitzt"]),
            _float32(rng.choice([rng.random(), 0.0, 1.0, 1e-7])),
            *(rng.randrange(-(2**40), 2**40) for _ in range(3)),
            variances[0], rng.choice([0.0, -0.0]), variances[1], rng.choice(["1.0.0", "2.1"]),
        ])  # fmt: skip
        if number % 50 == 49:
            lines.append([source, boot, number // 2])
    LOG.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")


def _float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


if __name__ == "__main__":
    if "--record" in sys.argv:
        _record()
    known = replay()
    print(known.digest(), len(known), known.forgotten, known.late)  # noqa: T201
