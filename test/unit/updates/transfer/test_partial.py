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

"""Chunks of a package on the disk: each held once it is there, whatever happens then."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slot_scene import package

from edge_infer.errors import UpdateError
from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.partial import PartialBlob, clean

BLOB, CHUNKS = package(1)
WHOLE = b"".join(CHUNKS)


def the_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_chunks_in_any_order_make_the_whole(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path / "packages", BLOB)
    assert partial.held == set()
    for index in (2, 0, 3, 1):
        assert not partial.is_complete
        assert partial.add(index, CHUNKS[index])
        assert partial.read(index) == CHUNKS[index]
    assert partial.is_complete
    assert partial.content() == WHOLE


def test_a_restart_finds_what_was_held(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path, BLOB)
    partial.add(3, CHUNKS[3])
    partial.add(1, CHUNKS[1])
    again = PartialBlob(tmp_path, BLOB)
    assert again.held == {1, 3}
    again.add(0, CHUNKS[0])
    again.add(2, CHUNKS[2])
    assert again.content() == WHOLE


@pytest.mark.parametrize(
    ("index", "content"),
    [
        (0, CHUNKS[1]),
        (0, CHUNKS[0][:-1]),
        (0, CHUNKS[0] + b"1"),
        (0, b""),
        (4, b""),
        (-1, CHUNKS[3]),
        (3, CHUNKS[0]),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path: Path, index: int, content: bytes) -> None:
    partial = PartialBlob(tmp_path, BLOB)
    assert not partial.add(index, content)
    assert partial.held == set()
    assert list(tmp_path.iterdir()) == []


def test_a_chunk_that_is_held_is_not_written_again(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path, BLOB)
    partial.add(1, CHUNKS[1])
    the_file(tmp_path).unlink()
    assert partial.add(1, CHUNKS[1])
    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=len(WHOLE) + 100))
def test_whatever_is_in_the_file_only_true_chunks_are_held(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("packages")
    (folder / f"{BLOB.sha256}.part").write_bytes(CHUNKS[0] + content)
    partial = PartialBlob(folder, BLOB)
    assert {0} <= partial.held
    for index in range(len(CHUNKS)):
        partial.add(index, CHUNKS[index])
    assert partial.content() == WHOLE


def test_a_chunk_that_the_disk_has_damaged_is_held_no_more(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path, BLOB)
    for index, chunk in enumerate(CHUNKS):
        partial.add(index, chunk)
    damaged = bytearray(WHOLE)
    damaged[BLOB.span(2)[0]] ^= 1
    the_file(tmp_path).write_bytes(damaged)
    with pytest.raises(UpdateError, match=r"chunk 2 .* fetch it again"):
        partial.content()
    assert partial.held == {0, 1, 3}
    partial.add(2, CHUNKS[2])
    assert partial.content() == WHOLE


def test_a_chunk_that_is_not_here_cannot_be_read(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path, BLOB)
    with pytest.raises(UpdateError, match=r"chunk 0 .* is not here"):
        partial.read(0)
    partial.add(0, CHUNKS[0])
    the_file(tmp_path).unlink()
    with pytest.raises(UpdateError, match=r"chunk 0 .* is not here"):
        partial.read(0)


def test_chunks_that_do_not_make_the_whole_are_no_package(tmp_path: Path) -> None:
    odd = Blob("ab" * 32, BLOB.size, BLOB.chunk_bytes, BLOB.chunks)
    partial = PartialBlob(tmp_path, odd)
    for index, chunk in enumerate(CHUNKS):
        assert partial.add(index, chunk)
    with pytest.raises(UpdateError, match="do not make the whole: publish it again"):
        partial.content()


def test_what_is_discarded_gives_its_room_back(tmp_path: Path) -> None:
    partial = PartialBlob(tmp_path, BLOB)
    partial.discard()
    partial.add(0, CHUNKS[0])
    partial.discard()
    assert (partial.held, list(tmp_path.iterdir())) == (set(), [])
    assert partial.add(0, CHUNKS[0])
    assert PartialBlob(tmp_path, BLOB).held == {0}


def test_packages_that_nobody_wants_are_cleaned_away(tmp_path: Path) -> None:
    clean(tmp_path / "none")
    for number in (1, 2, 3):
        blob, chunks = package(number)
        PartialBlob(tmp_path, blob).add(0, chunks[0])
    (tmp_path / "notes").write_text("not ours")
    clean(tmp_path, keep=[package(2)[0].sha256])
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {f"{package(2)[0].sha256}.part", "notes"}
