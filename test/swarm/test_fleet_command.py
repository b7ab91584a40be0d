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

"""``edge-infer fleet`` beside real coordinators on real DDS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.swarm

Run = Callable[..., "subprocess.Popen[str]"]


def test_members_and_digests_from_beside(edge_infer: Run, tmp_path: Path) -> None:
    for name in ("drone_1", "drone_2"):
        edge_infer(
            "node", "coordinator", "--runtime", "embedded", "--ros-args",
            "-r", f"__ns:=/{name}", "-p", f"state_dir:={tmp_path / name}",
        )  # fmt: skip
    listen = ("--runtime", "embedded", "--json", "--listen", "10")
    status, digest = edge_infer("fleet", "status", *listen), edge_infer("fleet", "digest", *listen)
    out, err = digest.communicate(timeout=60)
    assert digest.returncode == 0, err
    told = json.loads(out)
    assert told["verdict"] == "2 coordinators, one truth"
    assert len({coordinator["digest"] for coordinator in told["coordinators"]}) == 1
    out, err = status.communicate(timeout=60)
    assert status.returncode == 0, err
    assert [member["name"] for member in json.loads(out)["members"]] == ["drone_1", "drone_2"]
    assert "Traceback" not in err


def test_nobody_there_is_said_in_one_sentence(edge_infer: Run) -> None:
    process = edge_infer("fleet", "digest", "--runtime", "embedded", "--listen", "1")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.strip().splitlines()[-1].startswith("no coordinator was heard")
