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

"""What is signed about a package or a decision reads back as it was, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from edge_infer.errors import UpdateError
from edge_infer.updates.release import Blob, Decision, Package, Release, RolloutState

CONTENT = bytes(range(256)) * 10
DIGEST = "ab" * 32
RELEASE = Release("solar_thermal", "0.6.0", 6, DIGEST, ("x86_64",))
PACKAGE = Package(RELEASE, "cd" * 32, 9000, Blob.of(CONTENT, 1000))
DECISION = Decision("solar_thermal", 6, RolloutState.RUNNING, 1, 3, ("drone_1",), "canary")


def read(custom: Any, length: int = len(CONTENT)) -> Package:
    return Package.from_custom(PACKAGE.path, length, PACKAGE.blob.sha256, custom)


def test_a_package_reads_back() -> None:
    assert read(PACKAGE.to_custom()) == PACKAGE


def test_a_decision_reads_back() -> None:
    assert Decision.from_custom(DECISION.path, DECISION.to_custom()) == DECISION


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", "../up"),
        ("model", "another"),
        ("release", 0),
        ("release", True),
        ("release", 7),
        ("digest", "AB" * 32),
        ("base", "no digest"),
        ("hardware", "x86_64"),
        ("unpacked", 1 << 40),
        ("chunk_bytes", 500),
        ("chunks", "!"),
        ("chunks", 7),
        ("version", None),
    ],
)
def test_a_package_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    with pytest.raises(UpdateError, match="no usable"):
        read({**PACKAGE.to_custom(), key: value})


@pytest.mark.parametrize("length", [0, 999, len(CONTENT) + 1000, 1 << 40])
def test_a_length_that_its_chunks_do_not_have_is_refused(length: int) -> None:
    with pytest.raises(UpdateError, match="chunks"):
        read(PACKAGE.to_custom(), length)


@pytest.mark.parametrize("custom", [None, [], "text", {}])
def test_something_else_is_refused(custom: object) -> None:
    with pytest.raises(UpdateError):
        read(custom)
    with pytest.raises(UpdateError):
        Decision.from_custom(DECISION.path, custom)


@pytest.mark.parametrize(
    ("key", "value"), [("state", "won"), ("wave", 0), ("drones", [1]), ("model", "other")]
)
def test_a_decision_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    with pytest.raises(UpdateError, match="no usable"):
        Decision.from_custom(DECISION.path, {**DECISION.to_custom(), key: value})


@pytest.mark.parametrize(
    ("state", "first", "second"),
    [("running", True, False), ("paused", False, False), ("aborted", False, False),
     ("done", True, True)],
)  # fmt: skip
def test_who_may_install(state: str, first: bool, second: bool) -> None:
    decision = Decision.from_custom(DECISION.path, {**DECISION.to_custom(), "state": state})
    assert (decision.allows("drone_1"), decision.allows("drone_2")) == (first, second)


def test_a_chunk_is_known_by_its_digest() -> None:
    blob = PACKAGE.blob
    assert blob.span(2) == (2000, 2560)
    assert blob.fits(2, CONTENT[2000:])
    assert not blob.fits(2, CONTENT[2000:-1])
    assert not blob.fits(1, CONTENT[2000:])
    assert not blob.fits(3, b"")
    assert not blob.fits(-1, CONTENT[2000:])
