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

"""Memory of images: the allocator keeps it, unless the user decided."""

import platform

import pytest

from edge_infer.memory import keep_all_freed_blocks, keep_freed_blocks


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_glibc_agrees():
    assert keep_freed_blocks({})


@pytest.mark.parametrize("keep", [keep_freed_blocks, keep_all_freed_blocks])
@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_"])
def test_what_the_user_said_about_memory_stays(name, keep):
    assert not keep({name: "1"})


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_was_kept_can_be_given_back(start):
    process = start(
        """
import psutil
from edge_infer.memory import give_back_freed_blocks, keep_freed_blocks
keep_freed_blocks()
def mb():
    return psutil.Process().memory_info().rss / 1e6
blocks = [bytearray(1_000_000) for _ in range(30)]
held = mb()
del blocks
kept = mb()
give_back_freed_blocks()
print(held - kept, held - mb())
"""
    )
    out, err = process.communicate(timeout=20)
    kept_less, given_back = map(float, out.split())
    assert kept_less < 5, err
    assert given_back > 20


def test_page_faults_do_not_come_with_every_image(start):
    process = start(
        """
import resource
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
runtime = EmbeddedRuntime()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        one, other = bytearray(2_700_000), bytearray(2_700_000)
        del one, other
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""
    )
    out, err = process.communicate(timeout=20)
    assert int(out) < 50 * 100, err
