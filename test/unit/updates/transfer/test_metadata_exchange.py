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

"""Who asks whom for newer metadata."""

from __future__ import annotations

from multicast import CONFIG, Member, Radio

from edge_infer.updates.transfer.metadata_exchange import DISTRUST_S, AskMetadata, TellMetadata
from edge_infer.updates.transfer.peers import Announcement
from edge_infer.updates.transfer.transfer import Transfer


def said(members: list[Member], kind: type) -> list[object]:
    return [action for each in members for action in each.said if isinstance(action, kind)]


def asks(transfer: Transfer, start_s: float, end_s: float) -> list[str]:
    """Whom a member asks in that time."""
    ticks = range(round(start_s * 50), round(end_s * 50))
    actions = [action for tick in ticks for action in transfer.tick(tick / 50)]
    return [action.holder for action in actions if isinstance(action, AskMetadata)]


def claim(name: str, version: int = 9, *, is_gateway: bool = False) -> Announcement:
    return Announcement(name, is_gateway, 1, version, {})


def test_one_answer_serves_all() -> None:
    radio = Radio(1)
    gateway = radio.join("gateway", is_gateway=True)
    drones = [radio.join(f"drone_{number}") for number in range(20)]
    radio.run_for(3.0)
    gateway.metadata = (1, 1)
    gateway.transfer.announce()
    assert radio.run_until(lambda: all(d.metadata == (1, 1) for d in drones), 1.0)
    radio.run_for(10.0)
    assert len(said([gateway], TellMetadata)) <= 2
    assert len(said(drones, AskMetadata)) <= 3
    assert said(drones, TellMetadata) == []


def test_it_spreads_without_the_gateway_and_after_losses() -> None:
    radio = Radio(2, loss=0.3)
    drones = [radio.join(f"drone_{number}") for number in range(10)]
    drones[3].metadata = (2, 7)
    assert radio.run_until(lambda: all(d.metadata == (2, 7) for d in drones), 20.0)


def test_each_new_decision_is_asked_for_at_once() -> None:
    radio = Radio(3)
    gateway = radio.join("gateway", is_gateway=True)
    drones = [radio.join(f"drone_{number}") for number in range(5)]
    radio.run_for(3.0)
    for version in range(1, 6):
        gateway.metadata = (1, version)
        gateway.transfer.announce()
        assert radio.run_until(lambda: all(d.metadata == gateway.metadata for d in drones), 1.5), (
            version
        )


def test_who_only_claims_to_know_more_is_asked_ever_more_seldom() -> None:
    transfer = Transfer("drone", CONFIG)
    asked = []
    for second in range(60):
        transfer.on_announcement(claim("liar", 2**32 - 1, is_gateway=True), second)
        asked += asks(transfer, second, second + 1)
    assert 4 <= len(asked) <= 8
    transfer.on_announcement(claim("honest"), 60.0)
    assert asks(transfer, 60.0, 60.8) == ["honest"]


def test_whose_metadata_was_refused_is_not_asked_for_a_while() -> None:
    transfer = Transfer("drone", CONFIG)
    transfer.on_announcement(claim("bad", is_gateway=True), 0.0)
    assert asks(transfer, 0.0, 0.4) == ["bad"]
    transfer.metadata.distrust("bad", 0.4)
    for second in range(1, 29):
        transfer.on_announcement(claim("bad", is_gateway=True), second)
        assert asks(transfer, second, second + 1) == []
    transfer.on_announcement(claim("bad", is_gateway=True), DISTRUST_S + 1.0)
    assert asks(transfer, DISTRUST_S + 1.0, DISTRUST_S + 2.0) == ["bad"]


def test_requests_of_strangers_are_believed_twice() -> None:
    transfer = Transfer("drone", CONFIG)
    transfer.on_announcement(claim("holder"), 0.0)
    asked = []
    for tick in range(200):
        transfer.on_metadata_request("stranger", "nobody", 1, tick / 50)
        asked += asks(transfer, tick / 50, (tick + 1) / 50)
    assert len(asked) >= 1
    assert set(asked) == {"holder"}


def test_an_answer_is_for_the_oldest_root_and_not_repeated_at_once() -> None:
    transfer = Transfer("holder", CONFIG)
    transfer.on_metadata_request("a", "holder", 3, 0.0)
    transfer.on_metadata_request("b", "holder", 1, 0.0)
    transfer.on_metadata_request("c", "another", 0, 0.0)
    assert TellMetadata(1) in transfer.tick(0.1)
    transfer.on_metadata_request("d", "holder", 2, 0.15)
    assert not any(isinstance(action, TellMetadata) for action in transfer.tick(0.2))
    assert TellMetadata(2) in transfer.tick(0.6)
