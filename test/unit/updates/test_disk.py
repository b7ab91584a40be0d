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

"""What must outlast a power cut is on the disk before what names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_infer.updates.disk import write_durably
from edge_infer.updates.trust.changing_folder import ChangingFolder


@pytest.fixture
def synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is fsynced, in order."""
    names: list[str] = []

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        names.append(path.relative_to(tmp_path).as_posix())

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def test_a_file_is_synced_before_it_has_its_name(tmp_path: Path, synced: list[str]) -> None:
    write_durably(tmp_path / "file", b"content", mode=0o600)
    assert synced == ["file.new", "."]
    assert (tmp_path / "file").read_bytes() == b"content"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_durably(tmp_path / "file", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(tmp_path / "file", b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_a_folder_changes_last(tmp_path: Path, synced: list[str]) -> None:
    ChangingFolder(tmp_path).replace({"a": b"1"})
    assert synced == ["set-1/a", "set-1", ".", "current.new", "."]
    synced.clear()
    ChangingFolder(tmp_path).replace({"a": b"2", "b": b"3"})
    assert synced == ["set-2/a", "set-2/b", "set-2", ".", "current.new", "."]


def test_a_folder_holds_the_last_state_only(tmp_path: Path) -> None:
    folder = ChangingFolder(tmp_path / "new" / "folder")
    assert folder.read() == {}
    folder.replace({"a": b"1", "b": b"2"})
    folder.replace({"a": b"3"})
    assert folder.read() == ChangingFolder(tmp_path / "new" / "folder").read() == {"a": b"3"}
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == [
        "current", "set-2",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [b"", b"set-", b"set-7", b"../etc", b"\xff\xfe"])
def test_a_pointer_to_nowhere_counts_as_none(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "current").write_bytes(name)
    folder = ChangingFolder(tmp_path)
    assert folder.read() == {}
    folder.replace({"a": b"1"})
    assert ChangingFolder(tmp_path).read() == {"a": b"1"}
