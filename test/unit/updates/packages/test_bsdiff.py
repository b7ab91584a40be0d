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

"""bsdiff 4 with limits: what its library makes is applied exactly, and nothing else is."""

from __future__ import annotations

import bz2
import struct
import tracemalloc

import bsdiff4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_infer.updates.packages import bsdiff

BASE = np.random.default_rng(1).bytes(4000)
CONTENT = BASE[:900] + b"something new" + BASE[1500:] + BASE[:300]


def word(value: int) -> bytes:
    """A number as bsdiff writes it: its sign is the highest bit."""
    return struct.pack("<Q", abs(value) | (value < 0) << 63)


def patch_of(
    instructions: list[tuple[int, int, int]], changes: bytes, fresh: bytes, size: int
) -> bytes:
    words = b"".join(word(value) for instruction in instructions for value in instruction)
    parts = [bz2.compress(part) for part in (words, changes, fresh)]
    return b"".join([b"BSDIFF40", word(len(parts[0])), word(len(parts[1])), word(size), *parts])


def test_it_applies_what_the_library_makes_as_the_library_does():
    patch = bsdiff.make(BASE, CONTENT)
    assert patch is not None
    assert patch == bsdiff4.diff(BASE, CONTENT)
    assert bsdiff.apply(BASE, patch, len(CONTENT)) == bsdiff4.patch(BASE, patch) == CONTENT


@settings(max_examples=100, deadline=None)
@given(base=st.binary(max_size=300), content=st.binary(max_size=300), cut=st.integers(0, 300))
def test_any_two_contents(base: bytes, content: bytes, cut: int):
    for new in (content, base[cut:] + content + base[:cut]):
        patch = bsdiff.make(base, new)
        assert patch is not None
        assert bsdiff.apply(base, patch, len(new)) == new


def test_what_lies_outside_of_the_base_counts_as_zero():
    patch = patch_of([(0, 0, -2), (6, 0, 0)], bytes([1] * 6), b"", 6)
    assert bsdiff.apply(b"\5\6", patch, 6) == bytes([1, 1, 6, 7, 1, 1])


def test_there_is_no_patch_where_making_it_would_take_too_long():
    assert bsdiff.make(bytes(bsdiff.MOST_BYTES), b"!") is None


GOOD = patch_of([(4, 2, 0)], bytes(4), b"!?", 6)
WRONG = {
    "nothing": b"",
    "cut off in the header": GOOD[:20],
    "cut off behind the header": GOOD[:40],
    "cut off at the end": GOOD[:-1],
    "more at the end": GOOD + b"\0",
    "another format": b"BSDIFF4X" + GOOD[8:],
    "a negative size": GOOD[:24] + word(-6) + GOOD[32:],
    "another size": GOOD[:24] + word(7) + GOOD[32:],
    "a huge part": GOOD[:8] + word(1 << 62) + GOOD[16:],
    "a negative part": GOOD[:8] + word(-40) + GOOD[16:],
    "no bzip2": GOOD[:32] + b"x" * (len(GOOD) - 32),
    "half an instruction": GOOD[:8] + word(len(bz2.compress(b"abc"))) + GOOD[16:32]
    + bz2.compress(b"abc") + GOOD[32:],
    "a negative copy": patch_of([(-4, 10, 0)], b"", bytes(10), 6),
    "a copy beyond the result": patch_of([(7, 0, 0)], bytes(7), b"", 6),
    "numbers that overflow": patch_of([((1 << 63) - 1, 7, 0)], b"", bytes(6), 6),
    "a jump out of the base": patch_of([(4, 2, 1 << 40)], bytes(4), b"!?", 6),
    "too few changes": patch_of([(4, 2, 0)], bytes(3), b"!?", 6),
    "too many changes": patch_of([(4, 2, 0)], bytes(5), b"!?", 6),
    "too little that is new": patch_of([(4, 2, 0)], bytes(4), b"!", 6),
    "too much that is new": patch_of([(4, 2, 0)], bytes(4), b"!?!", 6),
    "instructions that do nothing": patch_of([(0, 0, 0)] * 9 + [(4, 2, 0)], bytes(4), b"!?", 6),
}  # fmt: skip


def test_the_patch_that_the_wrong_ones_come_from_is_right():
    assert bsdiff.apply(b"abcdef", GOOD, 6) == b"abcd!?"


@pytest.mark.parametrize("patch", WRONG.values(), ids=WRONG)
def test_a_wrong_patch_is_refused(patch: bytes):
    with pytest.raises(ValueError, match="patch"):
        bsdiff.apply(b"abcdef", patch, 6)


BOMB = bz2.compress(bytes(10_000_000))


@pytest.mark.parametrize("part", range(3))
def test_a_part_that_unpacks_to_far_more_takes_no_memory(part: int):
    parts = [bz2.compress(word(6) + word(0) * 2), bz2.compress(bytes(6)), bz2.compress(b"")]
    parts[part] = BOMB
    header = b"BSDIFF40" + word(len(parts[0])) + word(len(parts[1])) + word(6)
    tracemalloc.start()
    with pytest.raises(ValueError, match="patch"):
        bsdiff.apply(b"abcdef", header + b"".join(parts), 6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
