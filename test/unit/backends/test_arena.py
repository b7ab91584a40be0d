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

"""Tensors between two processes: what goes in comes out."""

import gc
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_infer.backends.arena import Arena, memory

TENSORS = st.lists(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int8, np.int32, np.int64, np.float16, np.float32]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9),
        elements={"allow_nan": False},
    ),
    max_size=4,
)


@pytest.fixture
def ends():
    descriptor = memory()
    ends = Arena(os.dup(descriptor)), Arena(descriptor)
    yield ends
    for end in ends:
        end.close()


@given(st.lists(TENSORS, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_what_one_side_writes_the_other_reads(calls):
    descriptor = memory()
    writer, reader = Arena(os.dup(descriptor)), Arena(descriptor)
    for tensors in calls:
        for have, want in zip(reader.read(writer.write(tensors)), tensors, strict=True):
            assert have.dtype == want.dtype
            np.testing.assert_array_equal(have, want)
    writer.close()
    reader.close()


def test_a_view_outlives_growth_and_the_end(ends):
    writer, reader = ends
    (view,) = reader.read(writer.write([np.arange(4)]))
    (large,) = reader.read(writer.write([np.full(100_000, 3)]))
    assert large.sum() == 300_000
    assert view.tolist() == [3] * 4, "one memory, written again"
    writer.close()
    reader.close()
    gc.collect()
    assert large[-1] == 3
