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

"""What all tests share: time enough on a busy machine, and a word on what is absent."""

from __future__ import annotations

import shutil
from pathlib import Path

from hypothesis import HealthCheck, settings
from namespaces import why_not_here

from edge_infer.runtime import selection

# A busy machine is no reason to fail.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_report_header() -> list[str]:
    """Say once which tests are skipped for want of something, and why."""
    absent = {
        "ros": selection.available()["ros"],
        "browser": None if shutil.which("chromium") else "there is no chromium",
        "root": why_not_here() or None,
        "dataset": None
        if (Path(__file__).parents[2] / "shared" / "data").is_dir()
        else "there are no real module images",
    }
    return [f"skipped, tests marked {name}: {why}" for name, why in absent.items() if why]
