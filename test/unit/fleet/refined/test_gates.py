"""Gates against exact fractions, and the groups that they make against the definition."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction

import fleet_oracle as oracle
import numpy as np
import pytest
from fleet_oracle import RADIUS_MM, sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting
from edge_infer.fleet.refined.gates import STATISTICAL, Gate, Moments, groups, moments
from edge_infer.fleet.view import from_scratch, target_of

FLOAT32 = st.floats(width=32)
VARIANCES = st.floats(0.0, 64.0, width=32)
SOUND = st.floats(0.03125, 64.0, width=32)


def at(x_mm: int, y_mm: int, covariance: tuple[float, float, float], **more: str) -> Sighting:
    return replace(sighting("b", x_mm=x_mm, y_mm=y_mm, **more), covariance_m2=covariance)


@given(st.tuples(FLOAT32, FLOAT32, FLOAT32), st.integers(1, 10_000))
def test_every_covariance_becomes_positive_definite(
    covariance: tuple[float, float, float], floor: int
) -> None:
    found = moments(covariance, floor)
    assert found.xx >= floor
    assert found.yy >= floor
    assert found.determinant >= floor * floor
    assert all(type(value) is int for value in found)


@given(SOUND, SOUND, st.floats(-0.875, 0.875, width=32))
def test_a_sound_covariance_is_rounded_once(xx: float, yy: float, share: float) -> None:
    xy = float(np.float32(share * math.sqrt(xx * yy)))
    found = moments((xx, xy, yy), 1)
    exact = [Fraction(value) * 10**6 for value in (xx, xy, yy)]
    assert abs(found.xx - 1 - exact[0]) <= Fraction(1, 2)
    assert abs(found.yy - 1 - exact[2]) <= Fraction(1, 2)
    assert abs(found.xy - exact[1]) <= Fraction(1, 2)


def test_a_covariance_of_nothing_is_the_floor() -> None:
    assert moments((0.0, 0.0, 0.0), 2500) == Moments(2500, 0, 2500)
    assert moments((-1.0, math.nan, 0.0), 2500) == Moments(2500, 0, 2500)


def mahalanobis2(a: Sighting, b: Sighting, floor: int) -> Fraction:
    one, other = moments(a.covariance_m2, floor), moments(b.covariance_m2, floor)
    xx, xy, yy = (Fraction(p + q) for p, q in zip(one, other, strict=True))
    dx, dy = a.x_mm - b.x_mm, a.y_mm - b.y_mm
    return (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy)


@given(
    st.integers(-9000, 9000),
    st.integers(-9000, 9000),
    st.tuples(VARIANCES, FLOAT32, VARIANCES),
    st.booleans(),
)
def test_the_statistical_gate_is_exact(
    x_mm: int, y_mm: int, covariance: tuple[float, float, float], same_class: bool
) -> None:
    gate = Gate(10_000, chi2_milli=9210, class_penalty_milli=2000)
    a = sighting("a")
    b = at(x_mm, y_mm, covariance, class_name="hot_cell" if same_class else "other")
    penalty = 0 if same_class else Fraction(2)
    far = x_mm * x_mm + y_mm * y_mm > gate.radius_mm**2
    wanted = not far and mahalanobis2(a, b, gate.floor_mm2) + penalty <= Fraction(9210, 1000)
    assert gate.conflict(a, b) == gate.conflict(b, a) == wanted


@given(oracle.fleets(max_size=2))
def test_the_plain_gate_is_the_radius_of_the_definition(fleet: list[Sighting]) -> None:
    for a in fleet:
        for b in fleet:
            assert Gate(RADIUS_MM).conflict(a, b) == oracle.conflict(a, b)


def test_good_positions_part_what_poor_ones_do_not() -> None:
    good, poor = (0.01, 0.0, 0.01), (4.0, 0.0, 4.0)
    assert not STATISTICAL.conflict(at(0, 0, good), replace(at(2000, 0, good), frame=9))
    assert STATISTICAL.conflict(at(0, 0, poor), replace(at(8000, 0, poor), frame=9))
    assert not STATISTICAL.conflict(at(0, 0, poor), at(1, 0, poor)), "seen in one frame"


@pytest.mark.parametrize(("x_mm", "same"), [(4330, True), (4331, False)])
def test_another_class_counts_as_a_bit_more_distance(x_mm: int, same: bool) -> None:
    gate = Gate(5000, class_penalty_milli=250)
    other = sighting("b", x_mm=x_mm, class_name="other")
    assert gate.conflict(sighting("a"), other) is same
    assert gate.conflict(sighting("a"), replace(other, class_name="hot_cell"))


@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_groups_by_the_radius_are_those_of_the_view(
    fleet: list[Sighting], rng: random.Random
) -> None:
    found = groups(fleet, Gate(RADIUS_MM))
    assert [group[0] for group in found] == oracle.priority_set(fleet)
    assert tuple(sorted(map(target_of, found), key=lambda t: t.id)) == from_scratch(fleet)
    rng.shuffle(fleet)
    assert groups(fleet, Gate(RADIUS_MM)) == found


@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_groups_by_any_gate_do_not_depend_on_the_order(
    fleet: list[Sighting], rng: random.Random
) -> None:
    gate = STATISTICAL._replace(class_penalty_milli=1000)
    found = groups(fleet, gate)
    assert sorted(s.id for group in found for s in group) == sorted(s.id for s in fleet)
    rng.shuffle(fleet)
    assert repr(groups(fleet, gate)) == repr(found)
