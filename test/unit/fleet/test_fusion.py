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

"""Fused targets against exact fractions, in every order."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import fleet_oracle as oracle
import numpy as np
from fleet_oracle import sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import VOTE_ONE, Sighting, SightingId
from edge_infer.fleet.fusion import Fusion, fuse
from edge_infer.fleet.gate import Moments, moments

VARIANCES = st.floats(0.0, 16.0, width=32)
COVARIANCES = st.tuples(VARIANCES, st.floats(-4.0, 4.0, width=32), VARIANCES)


@st.composite
def observed(draw: st.DrawFn) -> list[Sighting]:
    fleet = draw(oracle.fleets().filter(bool))
    return [
        replace(
            s, covariance_m2=draw(COVARIANCES), class_name=draw(st.sampled_from(["hot", "cold"]))
        )
        for s in fleet
    ]


def exact_place(group: list[Sighting], noise_milli: int) -> tuple[Fraction, Fraction, Fraction]:
    """East, north and the variance of east, by fractions."""
    xx = xy = yy = east = north = Fraction(0)
    for s in group:
        n = sum(other.id[:2] == s.id[:2] for other in group)
        trust = Fraction(1000, noise_milli + (1000 - noise_milli) * n)
        c = moments(s.covariance_m2)
        ixx, ixy, iyy = (trust * v / c.determinant for v in (c.yy, -c.xy, c.xx))
        xx, xy, yy = xx + ixx, xy + ixy, yy + iyy
        east += ixx * s.x_mm + ixy * s.y_mm
        north += ixy * s.x_mm + iyy * s.y_mm
    below = xx * yy - xy * xy
    return (yy * east - xy * north) / below, (xx * north - xy * east) / below, yy / below


@given(observed(), st.integers(0, 1000))
def test_the_place_is_the_weighted_mean_to_the_millimetre(
    group: list[Sighting], noise_milli: int
) -> None:
    fused = Fusion(group).place(noise_milli=noise_milli)
    east, north, variance = exact_place(group, noise_milli)
    slack = Fraction(501, 1000)
    assert abs(fused.x_mm - east) <= slack
    assert abs(fused.y_mm - north) <= slack
    assert abs(fused.covariance.xx - variance) <= max(1, slack)
    assert fused.covariance.determinant > 0


@given(observed(), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_every_order_gives_the_same_bytes(
    group: list[Sighting], noise_milli: int, rng: random.Random
) -> None:
    first = fuse(group, {("a", 1): (30, -7)}, noise_milli)
    rng.shuffle(group)
    again = fuse(group, {("a", 1): (30, -7)}, noise_milli)
    assert repr(again) == repr(first)


def test_the_better_position_weighs_more() -> None:
    good = replace(sighting("a", x_mm=0), covariance_m2=(0.25, 0.0, 0.25))
    poor = replace(sighting("b", x_mm=1000), covariance_m2=(2.25, 0.0, 2.25))
    fused = Fusion([good, poor], floor_mm2=1).place()
    assert (fused.x_mm, fused.y_mm) == (100, 0)
    assert fused.covariance == Moments(225_001, 0, 225_001)


def test_offsets_are_taken_out() -> None:
    fused = fuse([sighting("a", x_mm=1300), sighting("b", x_mm=700)], {("a", 1): (300, 40)})
    assert (fused.x_mm, fused.y_mm) == (850, -20)


def test_one_drone_that_looks_often_is_trusted_no_more_than_its_offset_allows() -> None:
    def variance(group: list[Sighting], noise_milli: int = 0) -> int:
        return Fusion(group, floor_mm2=1).place(noise_milli=noise_milli).covariance.xx

    often = [sighting("a", sequence=k) for k in range(100)]
    one = variance(often[:1])
    assert variance(often) == one
    assert variance(often, 1000) == round(one / 100)
    assert variance(often, 250) == round(one * (0.75 + 0.25 / 100))
    assert variance([*often, sighting("b")]) == round(one / 2)


def test_classes_vote_by_score_and_equal_votes_go_by_name() -> None:
    group = [
        sighting("a", 1, 1, class_name="hot_cell", score=0.75),
        sighting("a", 1, 2, class_name="diode", score=0.5),
        sighting("b", 1, 1, class_name="diode", score=0.25),
        sighting("b", 1, 2, class_name="crack", score=0.25),
    ]
    assert fuse(group).votes == (
        ("diode", VOTE_ONE * 3 // 4),
        ("hot_cell", VOTE_ONE * 3 // 4),
        ("crack", VOTE_ONE // 4),
    )
    assert fuse(group).class_name == "diode"
    assert fuse(group).score == 0.75


def test_a_target_is_called_after_its_earliest_sighting_and_keeps_that_name() -> None:
    early = sighting("b", 1, 4, stamp_ns=5, score=0.25)
    later = sighting("a", 1, 9, stamp_ns=6, score=1.0)
    assert fuse([later, early]).id == early.id
    fused = fuse([later, early, sighting("a", 1, 1, stamp_ns=7)])
    assert fused.id == early.id
    assert (fused.first_seen_ns, fused.last_seen_ns) == (5, 7)
    assert fused.sources == ("a", "b")
    assert fused.members == tuple(SightingId(*i) for i in [("a", 1, 1), ("a", 1, 9), ("b", 1, 4)])


@given(observed())
def test_a_target_carries_float32(group: list[Sighting]) -> None:
    target, place = fuse(group), Fusion(group).place()
    assert target.covariance_m2 == tuple(
        float(np.float32(value / 1e6)) for value in place.covariance
    )
    assert (target.x_mm, target.y_mm, target.z_mm) == place[:3]
    assert target.sightings == len(group)


@given(observed(), st.data())
def test_sums_that_follow_give_the_bytes_of_a_fresh_start(
    group: list[Sighting], data: st.DataObject
) -> None:
    """Some go, some of them come again; asked in between or not."""
    fusion = Fusion(data.draw(st.permutations(group)))
    here = {s.id: s for s in group}
    for one in data.draw(st.lists(st.sampled_from(group))):
        if here.pop(one.id, None):
            fusion.remove(one.id)
        else:
            fusion.add(one)
            here[one.id] = one
        if here and data.draw(st.booleans()):
            assert repr(fusion.target()) == repr(fuse(here.values()))
    assert len(fusion) == len(here)
    if here:
        assert repr(fusion.target()) == repr(fuse(here.values()))
