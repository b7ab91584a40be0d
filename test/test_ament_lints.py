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

"""The linters of ROS 2, with the settings that a maintainer would type."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = ("edge_infer", "launch", "test", "docs")
SEEN = ("edge_infer/nodes", "edge_infer/runtime", "launch")
"""What ROS 2 sees of it: these linters take minutes for all, and find the same as ruff there."""

# What ruff's "google" convention and pyproject.toml leave out, too.
DOCSTRINGS = [
    *("D101", "D102", "D105", "D107", "D203", "D204", "D213", "D215", "D400", "D401", "D402"),
    *("D403", "D404", "D406", "D407", "D408", "D409", "D413"),
]


def test_every_file_states_copyright_and_licence() -> None:
    """In the words that ament_copyright finds good below."""
    header = (ROOT / "edge_infer/nodes/__init__.py").read_text().split('"""')[0]
    assert header.startswith("# Copyright")
    files = [file for folder in CODE for file in (ROOT / folder).rglob("*.py")]
    assert [file for file in files if not file.read_text().startswith(header)] == []


@pytest.mark.ros
@pytest.mark.parametrize(
    "command",
    [
        ("ament_copyright", *SEEN),
        ("ament_flake8", "--config", "setup.cfg", *SEEN),
        ("ament_pep257", "edge_infer", "--ignore", *DOCSTRINGS),
        ("ament_xmllint", "package.xml", "edge_infer_msgs", "config"),
    ],
    ids=lambda command: command[0],
)
def test_it_finds_nothing(command: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here: source a ROS 2 that has it")
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    if "Failed to locate the main schema resource" in done.stdout + done.stderr:
        pytest.skip(f"{command[0]} cannot fetch the schemas that the files name")
    if "No module named" in done.stderr:
        pytest.skip(f"{command[0]} lacks a library: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
