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

"""What the tests on network namespaces share: whether there can be any here, and fleets in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from drones import Drones
from namespaces import why_not_here

KILLS = 10
RECEIVERS = 6

MakeDrones = Callable[..., Drones]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=KILLS,
        help="how often coordinators are killed by the test of that in test/network",
    )
    parser.addoption(
        "--receivers",
        type=int,
        default=RECEIVERS,
        help="how many drones fetch a package in test/network",
    )


@pytest.fixture(scope="session")
def _namespaces() -> None:
    if problem := why_not_here():
        pytest.skip(problem)


@pytest.fixture
def make_drones(_namespaces: None, tmp_path: Path) -> Iterator[MakeDrones]:
    """Starts drones on hosts of their own, waits for all, and ends them with the test."""
    with ExitStack() as stack:

        def make(count: int, **network: Any) -> Drones:
            drones = Drones(count, tmp_path, **network)
            stack.callback(drones.close)
            drones.wait(
                lambda: all(drone.is_idle and drone.digest for drone in drones), "all have started"
            )
            return drones

        yield make
        for log in tmp_path.glob("*.log"):
            assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many are wanted."""
    return int(request.config.getoption("--kills", KILLS))


@pytest.fixture
def receivers(request: pytest.FixtureRequest) -> int:
    """How many are wanted."""
    return int(request.config.getoption("--receivers", RECEIVERS))
