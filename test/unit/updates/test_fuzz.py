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

"""Nothing mutated is taken for what it is not, crashes its receiver or fills its memory.

``make fuzz`` goes on with other seeds, as many as one likes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fuzz
import pytest
from fuzzing import Tally, tallied
from tuf.api.metadata import Root, Targets

from edge_infer.updates.packages import bsdiff, package
from edge_infer.updates.release import Blob

MUTATIONS = 2800
LEAST_REFUSED = {"messages": 0.05, "model-files": 0.3}
"""Share of a kind; 0.6 of the others. Whoever claims something is heard, not refused."""
PLANTED_SEEDS = 1000
"""Within so many seeds each planted fault must show."""


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    return fuzz.fuzz(MUTATIONS)


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_mutations_are_refused_or_change_nothing(tallies: dict[str, Tally], kind: str) -> None:
    tally = tallies[kind]
    assert not tally.failures, [fuzz.failed(kind, *each) for each in tally.failures]
    assert tally.total == MUTATIONS // len(fuzz.KINDS)
    assert tally.refused >= LEAST_REFUSED.get(kind, 0.6) * tally.total
    assert tally.above_mb < fuzz.MOST_MB


# --- it can fail -----------------------------------------------------------------------------


def any_bytes_fit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Blob, "fits", lambda blob, index, _: 0 <= index < len(blob.chunks))


def asked_for_whatever_is_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("edge_infer.updates.transfer.transfer.numbers_in", lambda ranges, _: {
        number for first, last in ranges for number in (first, last)
    })  # fmt: skip


def no_signature_counts(patch: pytest.MonkeyPatch) -> None:
    for delegator in (Root, Targets):
        patch.setattr(delegator, "verify_delegate", lambda *_: None)


def no_result_is_hashed(patch: pytest.MonkeyPatch) -> None:
    def content(line: Any, body: bytes, known: Any) -> bytes:
        return package.apply(line.method, body, known.get(line.base, b""), line.size)

    patch.setattr(package, "_content", content)


def no_part_is_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bsdiff, "_parts", lambda packed, _: (packed[0], packed[1], packed[2]))


PLANTS: list[tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = [
    (any_bytes_fit, "chunks", "wrong"),
    (asked_for_whatever_is_claimed, "messages", "wrong"),
    (no_signature_counts, "metadata", "wrong"),
    (no_signature_counts, "roots", "wrong"),
    (no_result_is_hashed, "zstd", "wrong"),
    (no_part_is_looked_at, "bsdiff", "crashed"),
]


@pytest.mark.parametrize(
    ("plant", "kind", "count"), PLANTS, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_planted_fault_shows(
    plant: Callable[[pytest.MonkeyPatch], None],
    kind: str,
    count: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    attempt = fuzz.KINDS[kind](tmp_path)
    plant(monkeypatch)
    tally, seeds = Tally(), iter(range(PLANTED_SEEDS))
    while not tally.failures:
        tally.add(tallied(attempt, [next(seeds)]))
    assert getattr(tally, count) == 1, tally
    assert not fuzz.is_good({kind: tally})


def test_memory_that_is_taken_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(_: int) -> bool:
        return bool(b"x" * 100_000_000)

    inputs = SimpleNamespace(attempts={"stored": greedy}, before_mb=fuzz.memory_mb("VmRSS"))
    monkeypatch.setattr(fuzz, "_inputs", lambda: inputs)
    kind, tally = fuzz.feed(fuzz.Batch("stored", range(1)))
    assert tally.above_mb > fuzz.MOST_MB
    assert not fuzz.is_good({kind: tally})


def test_a_seed_comes_to_the_same_in_another_process(
    tallies: dict[str, Tally], tmp_path: Path
) -> None:
    here = tallied(fuzz.KINDS["roots"](tmp_path), range(MUTATIONS // len(fuzz.KINDS)))
    there = tallies["roots"]
    assert (here.refused, here.harmless) == (there.refused, there.harmless)
    assert here.harmless > 0


def test_one_seed_can_be_fed_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    attempt = fuzz.KINDS["bsdiff"](tmp_path)
    with monkeypatch.context() as patch:
        no_part_is_looked_at(patch)
        seed, _ = tallied(attempt, range(PLANTED_SEEDS // 10)).failures[0]
        again = ["--only", "bsdiff", "--seed", str(seed)]
        assert fuzz.main(again) == 1
        assert "Traceback" in capsys.readouterr().out
    assert fuzz.main(again) == 0
    assert capsys.readouterr().out == f"bsdiff {seed} is refused\n"
