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
