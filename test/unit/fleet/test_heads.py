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

"""The head is the first of the living, and whoever is new listens first."""

from __future__ import annotations

from edge_infer.fleet.heads import Heads


def test_who_is_alone_leads_after_listening() -> None:
    heads = Heads("b", memory_s=3.0)
    assert [heads.is_head(at) for at in (10.0, 12.9, 13.0, 20.0)] == [False, False, True, True]


def test_the_first_name_leads_while_it_lives() -> None:
    heads = Heads("b", memory_s=3.0)
    assert not heads.is_head(0.0)
    heads.hear("a", 4.0)
    heads.hear("c", 4.0)
    assert not heads.is_head(5.0)
    assert heads.is_head(7.5), "a is silent for more than three seconds"
    heads.hear("a", 8.0)
    assert not heads.is_head(8.0)


def test_later_names_take_nothing_away() -> None:
    heads = Heads("a", memory_s=3.0)
    heads.is_head(0.0)
    heads.hear("b", 4.0)
    assert heads.is_head(4.0)
