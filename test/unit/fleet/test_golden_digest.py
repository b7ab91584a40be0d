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

"""One recorded log has one digest, on every Python; the formula once more, the slow way."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[3]
DIGEST = "92bfa86dc7386904f5870e40264793a1950814c44d7c8165f157a895c63867ee"
"""Never changes: drones of two versions that fly together compare it."""
PRINTED = f"{DIGEST} 189 11 0\n"


def replayed(python: str, hash_seed: str = "0") -> str:
    """What a fresh interpreter makes of the log."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [python, FOLDER / "replay.py"], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_the_recorded_log_has_its_digest(hash_seed: str) -> None:
    assert replayed(sys.executable, hash_seed) == PRINTED


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_it_has_it_on_other_pythons(version: str) -> None:
    python = shutil.which(f"python{version}")
    if not python or subprocess.run([python, "-c", "import numpy"], capture_output=True).returncode:
        pytest.skip(f"no python{version} with numpy on the path")
    assert replayed(python) == PRINTED


def whole(size: int, *numbers: int) -> bytes:
    return b"".join(number.to_bytes(size, "big", signed=number < 0) for number in numbers)


def plain_bytes(line: list[Any]) -> bytes:
    """A sighting's bytes, field by field."""
    source, boot, sequence, stamp_ns, frame, class_name, score, x, y, z, xx, xy, yy, version = line
    numbers = whole(4, boot, sequence) + whole(8, stamp_ns, frame)
    numbers += struct.pack(">d", score) + whole(8, x, y, z) + struct.pack(">3d", xx, xy, yy)
    return b"S" + numbers + "".join(map(json.dumps, (source, class_name, version))).encode()


def test_the_formula_in_plain_words() -> None:
    """Forget below the highest floors, add up the SHA-256 of all that is left, hash the sum."""
    lines = [json.loads(line) for line in (FOLDER / "log.jsonl").read_text().splitlines()]
    floors: dict[tuple[str, int], int] = {}
    for source, boot, below in (line for line in lines if len(line) == 3):
        floors[source, boot] = max(below, floors.get((source, boot), 0))
    sightings = [line for line in lines if len(line) > 3]
    live = [line for line in sightings if line[2] >= floors.get((line[0], line[1]), 0)]
    entries = [plain_bytes(line) for line in live]
    for (source, boot), below in floors.items():
        entries.append(b"F" + whole(4, boot, below) + json.dumps(source).encode())
    total = sum(int(sha256(entry).hexdigest(), 16) for entry in entries)
    state = len(live).to_bytes(8, "big") + (total % 2**256).to_bytes(32, "big")
    assert sha256(state).hexdigest() == DIGEST
