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

"""Processes that train together come to one network, and to the end together."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import mean_of_ranks, one_dies, one_never_begins  # noqa: E402

from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.training.ranks import Ranks, train_together  # noqa: E402


def test_two_processes_meet_in_the_middle():
    first, second, counts, agreed = train_together(mean_of_ranks, 2, 1.0)
    assert first == [[1.5, 1.5], [1.5, 1.5]]
    assert second == [5.0, 5.0, 5.0]
    assert counts == [2, 1]
    assert agreed is True


def test_one_process_is_its_own_mean():
    first, _, counts, agreed = train_together(mean_of_ranks, 1, 1.0)
    assert first == [[1.0, 1.0], [1.0, 1.0]]
    assert counts == [1, 0]
    assert agreed is True


@pytest.mark.parametrize("work", [one_dies, one_never_begins()], ids=["later", "at once"])
def test_the_end_of_one_process_is_said(work):
    with pytest.raises(TrainingError, match="one of the training processes ended"):
        train_together(work, 2)


def test_alone_one_leads():
    assert Ranks().leads
