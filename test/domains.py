"""DDS domains for tests that run at the same time on one machine."""

from __future__ import annotations

import os
import random

MOST = 100
"""Higher ones need ports that a system gives away to others."""


def own_domain() -> int:
    """A domain that no other worker of this run takes, and hardly any other run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return random.SystemRandom().randrange(1 + worker, MOST + 1, workers)
