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

"""Orders to a benchmark's other processes and their answers, one JSON line each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from edge_infer.errors import RuntimeUnavailableError


def ask(process: subprocess.Popen[str], order: Mapping[str, Any]) -> None:
    """Send an order."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()


def read_answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line of a process; one that ended has said why on standard error."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeUnavailableError(
            f"a process of the benchmark ended with code {process.wait()}",
            "see what it wrote above",
        )
    answer: dict[str, Any] = json.loads(line)
    return answer
