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

"""What two replays have in common, what not, and how it is said and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.replay.comparison import Tolerance, compare
from edge_infer.replay.golden import Found, Frame, Golden, SeenTarget
from edge_infer.replay.picture import CHANGED, LOST, NEW, picture, write_picture
from edge_infer.replay.wording import SHOWN, as_json, sentences, shortened, summary

NS = 1_000_000_000
Box = tuple[float, float, float, float]


def found(box: Box = (10, 10, 30, 30), score: float = 0.9, name: str = "Cell") -> Found:
    return Found(class_name=name, score=score, box=box)


def target(east: float, north: float = 0.0, score: float = 0.9, name: str = "Cell") -> SeenTarget:
    return SeenTarget(
        id=f"d/1/{round(10 * east)}", class_name=name, score=score, position=(east, north, 0.0)
    )


def golden(
    frames: Sequence[Sequence[Found]] = (),
    targets: Sequence[SeenTarget] = (),
    digest: str = "",
    first: int = 0,
) -> Golden:
    stamped = (
        Frame(stamp_ns=(first + index) * NS, detections=tuple(each))
        for index, each in enumerate(frames)
    )
    return Golden(
        bag="roof <1>", model={}, digest=digest or repr((frames, targets)), frames=tuple(stamped),
        targets=tuple(targets),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (found((10.9, 10, 30, 30)), ""),
        (found((11.1, 10, 30, 30)), "Cell 0.90 at 20,20 moved by 1.1 px"),
        (found(score=0.885), ""),
        (found(score=0.87), "Cell 0.90 at 20,20 has score 0.87"),
        (found(name="Diode"), "Cell 0.90 at 20,20 is now Diode"),
        (
            found((13, 10, 30, 30), 0.5, "Diode"),
            "Cell 0.90 at 20,20 is now Diode and moved by 3.0 px and has score 0.50",
        ),
        (found((50, 50, 70, 70)), "lost Cell 0.90 at 20,20, new Cell 0.90 at 60,60"),
    ],
)
def test_a_detection_is_the_same_within_tolerance(seen: Found, expected: str) -> None:
    comparison = compare(golden([[found()]]), golden([[seen]]))
    assert bool(comparison) is not bool(expected)
    assert sentences(comparison) == ([f"frame 1 (0.000 s): {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (target(1.09), ""),
        (target(1.2), "target Cell 0.90 at 1.00, 0.00, 0.00 m moved by 0.20 m"),
        (target(1.0, name="Diode"), "target Cell 0.90 at 1.00, 0.00, 0.00 m is now Diode"),
        (target(1.0, score=0.5), "target Cell 0.90 at 1.00, 0.00, 0.00 m has score 0.50"),
    ],
)
def test_a_target_is_known_by_its_place(seen: SeenTarget, expected: str) -> None:
    comparison = compare(golden(targets=[target(1.0)]), golden(targets=[seen]))
    assert sentences(comparison) == ([expected] if expected else [])


def test_targets_that_are_far_apart_are_two() -> None:
    comparison = compare(golden(targets=[target(1), target(9)]), golden(targets=[target(5)]))
    assert comparison.targets.lost == (target(1), target(9))
    assert comparison.targets.new == (target(5),)
    assert as_json(comparison)["targets"] == {"lost": 2, "new": 1, "changed": 0}


def test_tolerances_are_the_users() -> None:
    before = golden([[found()]], [target(1)])
    after = golden([[found((14, 10, 30, 30), 0.7)]], [target(1.5)])
    assert not compare(before, after)
    assert compare(before, after, Tolerance(pixels=4, score=0.25, metres=0.5))


def test_the_nearest_belong_together_in_whatever_order() -> None:
    left, right = found((10, 10, 30, 30)), found((20, 10, 40, 30))
    assert compare(golden([[left, right]]), golden([[right, left]]))


def test_a_frame_in_one_of_the_two_alone_is_a_change() -> None:
    comparison = compare(golden([[], [], []]), golden([[], [], []], first=1))
    assert sentences(comparison) == [
        "frame 1 (0.000 s): was not seen",
        "frame 4 (3.000 s): was not seen before",
    ]
    assert summary(comparison) == "changed: 2 of 4 frames, 0 of 0 targets"


def test_two_frames_of_one_stamp_are_two() -> None:
    twice = Golden(
        bag="", model={}, digest="", targets=(),
        frames=(Frame(stamp_ns=1, detections=(found(),)), Frame(stamp_ns=1, detections=())),
    )  # fmt: skip
    once = twice.model_copy(update={"frames": twice.frames[:1]})
    assert [frame.after for frame in compare(twice, once).frames] == [1, None]


def test_what_it_is_called_by_another_model_is_told_first() -> None:
    before, after = golden([[found()]]), golden([[]])
    model = {"name": "roof", "version": "2", "engine": "onnx", "digest": "0123456789abcdef"}
    told = sentences(compare(before, after.model_copy(update={"model": model})))
    assert told[0] == "the golden is of no model, this is roof 2 on onnx (0123456789ab)"


def test_equal_digests_are_said_to_be_equal() -> None:
    assert summary(compare(golden(digest="a"), golden(digest="a"))) == "the same, byte for byte"
    assert summary(compare(golden(digest="a"), golden(digest="b"))) == "the same within tolerance"


def test_many_sentences_are_shortened() -> None:
    words = [str(number) for number in range(SHOWN + 3)]
    assert shortened(words)[SHOWN:] == ["and 3 more"]
    assert shortened(words[:SHOWN]) == words[:SHOWN]


boxes = st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 40)] * 2).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
detections = st.lists(st.builds(found, boxes, st.sampled_from([0.3, 0.9])), max_size=6)


@given(detections, detections)
def test_everything_is_counted_once(before: list[Found], after: list[Found]) -> None:
    (frame,) = compare(golden([before]), golden([after])).frames
    differ = frame.detections
    both = [*differ.changed, *differ.same]
    key = repr
    assert sorted([*differ.lost, *(old for old, _ in both)], key=key) == sorted(before, key=key)
    assert sorted([*differ.new, *(new for _, new in both)], key=key) == sorted(after, key=key)
    back = compare(golden([after]), golden([before])).frames[0].detections
    assert (len(back.lost), len(back.new)) == (len(differ.new), len(differ.lost))


# --- the picture ---------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_shows_what_became_of_each_target(tmp_path: Path) -> None:
    before = golden([[found()], []], [target(0), target(10), target(20, 5)])
    after = golden([[], []], [target(0), target(11), target(40)])
    write_picture(tmp_path / "changed.svg", compare(before, after))
    drawn = ET.parse(tmp_path / "changed.svg").getroot()
    dots = [dot for dot in drawn.iter(f"{SVG}circle") if dot.find(f"{SVG}title") is not None]
    colours = [dot.get("fill") for dot in dots]
    assert colours.count(LOST) == colours.count(NEW) == colours.count(CHANGED) == 1
    lost, new = (dots[colours.index(colour)] for colour in (LOST, NEW))
    assert float(lost.get("cx", "")) < float(new.get("cx", ""))
    assert float(lost.get("cy", "")) < float(new.get("cy", ""))
    marks = [mark.get("fill") for mark in drawn.iter(f"{SVG}rect") if mark.get("fill-opacity")]
    assert marks == [LOST]
    assert "roof <1>: changed: 1 of 2 frames, 3 of 4 targets" in "".join(drawn.itertext())


def test_nothing_can_be_drawn_too() -> None:
    ET.fromstring(picture(compare(golden(), golden())))
