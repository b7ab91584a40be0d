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

"""Goldens on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_infer.errors import ReplayError
from edge_infer.replay.golden import (
    Found,
    Frame,
    Golden,
    SeenTarget,
    read_golden,
    write_golden,
)

GOLDEN = Golden(
    bag="roof",
    model={"name": "solar"},
    digest="ab",
    frames=(
        Frame(stamp_ns=1_790_000_000_000_000_001, detections=()),
        Frame(stamp_ns=2, detections=(Found(class_name="Cell", score=0.5, box=(1, 2, 3, 4.25)),)),
    ),
    targets=(SeenTarget(id="d/1/2", class_name="Cell", score=0.5, position=(1.001, -2, 0)),),
)


def test_a_golden_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_golden(tmp_path / "new" / "golden.json", GOLDEN)
    assert read_golden(tmp_path / "new" / "golden.json") == GOLDEN
    write_golden(tmp_path / "empty.json", GOLDEN.model_copy(update={"frames": (), "targets": ()}))
    assert read_golden(tmp_path / "empty.json").frames == ()


def test_a_frame_and_a_target_are_a_line_each(tmp_path: Path) -> None:
    write_golden(tmp_path / "golden.json", GOLDEN)
    lines = (tmp_path / "golden.json").read_text().splitlines()
    assert sum('"stamp_ns"' in line for line in lines) == len(GOLDEN.frames)
    assert sum('"position"' in line for line in lines) == len(GOLDEN.targets)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a letter", "is no golden (the file: "),
        ("{}", "is no golden (bag: "),
        ('{"golden": 2, "bag": ""}', "is no golden (golden: "),
    ],
)
def test_another_file_is_one_sentence(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text(text)
    with pytest.raises(ReplayError) as refused:
        read_golden(tmp_path / "golden.json")
    assert expected in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    write_golden(tmp_path / "golden.json", GOLDEN)
    text = (tmp_path / "golden.json").read_text()
    (tmp_path / "golden.json").write_text(text.replace("4.25", "NaN"))
    with pytest.raises(ReplayError, match=r"frames\.1\.detections\.0\.box\.3"):
        read_golden(tmp_path / "golden.json")


def test_what_the_disk_refuses_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="cannot be read"):
        read_golden(tmp_path / "absent.json")
    with pytest.raises(ReplayError, match="cannot be written"):
        write_golden(Path("/dev/null/golden.json"), GOLDEN)
