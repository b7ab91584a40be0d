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

"""Labelled folders: what a user's own images come to, and what is said of a wrong one."""

import json

import cv2
import numpy as np
import pytest

from edge_infer.datasets.folders import FolderSource, fit, open_folder, write_coco
from edge_infer.datasets.frames import HEALTHY, Boxes, LabelledFrame, LabelledFrames
from edge_infer.errors import DatasetError

GRADIENT = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)


def coco(folder, annotations, *, images=("a.png",), categories=None):
    """A folder in COCO form, whose images are GRADIENT."""
    categories = categories or [
        {"id": 7, "name": "Diode"}, {"id": 3, "name": "Cell"}, {"id": 5, "name": "No-Anomaly"},
    ]  # fmt: skip
    for name in images:
        cv2.imwrite(str(folder / name), GRADIENT)
    document = {
        "images": [{"id": i, "file_name": name, "width": 60} for i, name in enumerate(images)],
        "categories": categories,
        "annotations": annotations,
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def box(bbox, category=3, image=0, **more):
    return {"image_id": image, "category_id": category, "bbox": bbox, **more}


def yolo(folder, lines, *, names="names: [Cell, Diode, No-Anomaly]", suffix=".png"):
    """A folder in YOLO form with one image, GRADIENT."""
    for name in ("images", "labels"):
        (folder / name).mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"images/a{suffix}"), GRADIENT)
    (folder / "labels/a.txt").write_text("\n".join(lines))
    (folder / "data.yaml").write_text(names)
    return folder


# --- COCO ------------------------------------------------------------------------------


def test_coco(tmp_path):
    annotations = [
        box([10, 5, 20, 10]),
        box([0, 0, 4, 4], 7, image=1),
        box([30, 20, 10.5, 10], 5),
        box([50, 30, 20, 20], 7),
        box([1, 2, 3, 4], iscrowd=1),
    ]
    folder = open_folder(coco(tmp_path, annotations, images=("a.png", "b.png", "c.png")))
    assert folder.labels == ("Cell", "Diode")
    assert [path.name for path in folder.paths] == ["a.png", "b.png", "c.png"]
    assert len(folder) == 3
    image, boxes = folder[0]
    assert np.array_equal(image, GRADIENT)
    assert boxes.xyxy.tolist() == [
        [10, 5, 30, 15], [30, 20, 40.5, 30], [50, 30, 60, 40], [1, 2, 4, 6],
    ]  # fmt: skip
    assert boxes.class_id.tolist() == [0, HEALTHY, 1, 0]
    assert boxes.visible.tolist() == [1, 1, 1, 0]
    assert boxes.frame.tolist() == [0] * 4
    assert folder[1].boxes.class_id.tolist() == [1]
    assert folder[2].boxes.xyxy.shape == (0, 4)


@pytest.mark.parametrize("place", [".", "images", "data", "val2017", "images/val2017"])
def test_coco_images_lie_in_one_of_the_usual_places(tmp_path, place):
    (tmp_path / "annotations").mkdir()
    coco(tmp_path, [box([0, 0, 4, 4])])
    (tmp_path / "annotations.json").rename(tmp_path / "annotations/instances_val2017.json")
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / "a.png").rename(tmp_path / place / "a.png")
    assert len(open_folder(tmp_path)[0].boxes.frame) == 1
    assert len(open_folder(tmp_path / "annotations/instances_val2017.json")) == 1


def test_equal_names_are_one_class(tmp_path):
    categories = [{"id": 0, "name": "Cell"}, {"id": 1, "name": "Cell"}, {"id": 2, "name": "Diode"}]
    annotations = [box([0, 0, 4, 4], category) for category in range(3)]
    folder = open_folder(coco(tmp_path, annotations, categories=categories))
    assert folder.labels == ("Cell", "Diode")
    assert folder[0].boxes.class_id.tolist() == [0, 0, 1]


# --- YOLO ------------------------------------------------------------------------------


def test_yolo(tmp_path):
    folder = open_folder(yolo(tmp_path, ["1 0.5 0.5 0.5 0.25", "", "2 0.1 0.1 0.2 0.2"]))
    assert folder.labels == ("Cell", "Diode")
    image, boxes = folder[0]
    assert np.array_equal(image, GRADIENT)
    np.testing.assert_allclose(boxes.xyxy, [[15, 15, 45, 25], [0, 0, 12, 8]], atol=1e-4)
    assert boxes.class_id.tolist() == [1, HEALTHY]


@pytest.mark.parametrize("empty", [True, False], ids=["empty file", "no file"])
def test_an_image_without_labels_shows_nothing(tmp_path, empty):
    yolo(tmp_path, [])
    if not empty:
        (tmp_path / "labels/a.txt").unlink()
        (tmp_path / "labels").rmdir()
    assert open_folder(tmp_path)[0].boxes.xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "names: {0: Cell, 1: Diode}\nnc: 2"),
        ("data.yaml", "names:\n- Cell\n- Diode"),
        ("classes.txt", "Cell\nDiode\n"),
        ("labels/classes.txt", "Cell\nDiode\n"),
        ("../data.yaml", "names: [Cell, Diode]"),
    ],
)
def test_class_names_stand_in_one_of_the_usual_files(tmp_path, file, text):
    root = tmp_path / "train"
    root.mkdir()
    yolo(root, ["1 0.5 0.5 0.5 0.5"])
    (root / "data.yaml").unlink()
    (root / file).write_text(text)
    assert open_folder(root).labels == ("Cell", "Diode")


def test_yolo_images_may_lie_in_folders(tmp_path):
    yolo(tmp_path, [])
    for name in ("images/train", "labels/train"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images/train/b.jpg"), GRADIENT)
    (tmp_path / "labels/train/b.txt").write_text("0 0.5 0.5 1 1")
    folder = open_folder(tmp_path)
    assert [len(frame.boxes.frame) for _, frame in folder] == [0, 1]


# --- images ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        (".png", GRADIENT.astype(np.uint16) * 600),
        (".tiff", GRADIENT.astype(np.float32)),
        (".png", np.repeat(GRADIENT[:, :, None], 3, axis=2)),
        (".png", np.repeat(GRADIENT[:, :, None], 4, axis=2)),
    ],
    ids=["16 bits", "float", "colour", "alpha"],
)
def test_images_of_any_depth_become_grey(tmp_path, suffix, image):
    yolo(tmp_path, ["0 0.5 0.5 1 1"], suffix=suffix)
    cv2.imwrite(str(tmp_path / f"images/a{suffix}"), image)
    read, boxes = open_folder(tmp_path)[0]
    assert read.shape == (40, 60)
    assert read.dtype == np.uint8
    assert (np.diff(read[20].astype(int)) > 0).all()
    assert boxes.xyxy.tolist() == [[0, 0, 60, 40]]


# --- the split ---------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"{i:03}.png" for i in range(200)]
    folder = coco(tmp_path, [box([i % 8, 0, 4, 4], image=i) for i in range(200)], images=names)
    for name in names:
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (8, 12), np.uint8))
    return folder


def test_each_image_belongs_to_one_part_whatever_its_name_and_place(many):
    folder = open_folder(many)
    parts = {part: folder.take(part) for part in ("train", "validation", "test")}
    assert sum(len(part) for part in parts.values()) == 200
    assert 155 < len(parts["train"]) < 185
    assert 3 < len(parts["validation"]) < 20
    for part in parts.values():
        first = int(part.paths[0].stem)
        assert part[0].boxes.xyxy[0, 0] == first % 8
        assert np.array_equal(part[0].image, folder[first].image)
    test_images = {path.read_bytes() for path in parts["test"].paths}
    for path in folder.paths:
        path.rename(path.with_name(f"x{path.name}"))
    text = (many / "annotations.json").read_text().replace('"file_name": "', '"file_name": "x')
    (many / "annotations.json").write_text(text)
    assert {path.read_bytes() for path in open_folder(many).take("test").paths} == test_images


def test_a_folder_says_what_it_is(many):
    told = open_folder(many).to_json()
    assert sum(told["images"].values()) == 200
    assert told["ends"] == {"train": 0.85, "validation": 0.9, "test": 1.0}
    coco(many, [box([0, 0, 4, 4])], images=("000.png",))
    assert open_folder(many).to_json()["sha256"] != told["sha256"]


def test_an_empty_part_is_an_error(tmp_path):
    folder = open_folder(coco(tmp_path, []))
    absent = next(i for i in range(3) if i != folder.parts[0])
    with pytest.raises(DatasetError, match=r"none of the 1 images .* falls to"):
        folder.take(("train", "validation", "test")[absent])


# --- windows -----------------------------------------------------------------------------


def marked(width, height):
    """A dark frame with two bright rectangles that its boxes name."""
    image = np.full((height, width), 20, np.uint8)
    xyxy = np.array([[10, 20, 40, 60], [width - 50, 30, width - 20, 50]], np.float32)
    for left, top, right, bottom in xyxy.astype(int):
        image[top:bottom, left:right] = 220
    boxes = Boxes.upright(np.zeros(2, np.int64), xyxy, np.array([0, 1]), np.ones(2, np.float32))
    return LabelledFrame(image, boxes)


@pytest.mark.parametrize("size", [(160, 128), (320, 256), (64, 128)])
def test_fit_shows_all_of_a_frame(size):
    image, boxes = fit(marked(300, 200), *size)
    assert image.shape == size[::-1]
    assert boxes.visible.tolist() == [1, 1]
    bright = np.where((image > 117) & (image != 114))
    scale = min(size[0] / 300, size[1] / 200)
    assert bright[1].min() == pytest.approx(boxes.xyxy[:, 0].min(), abs=1.0)
    assert bright[1].max() + 1 == pytest.approx(boxes.xyxy[:, 2].max(), abs=1.0)
    assert bright[0].max() + 1 == pytest.approx(boxes.xyxy[:, 3].max(), abs=1.0)
    np.testing.assert_allclose(np.diff(boxes.xyxy[:, 0]), 240 * scale, rtol=0.02)


@pytest.mark.parametrize("size", [(300, 200), (90, 100), (1200, 300)])
def test_windows_have_their_size_and_boxes_lie_on_what_they_name(tmp_path, size):
    frame = marked(*size)
    frames = LabelledFrames(frame.image[None], frame.boxes)
    write_coco(tmp_path, frames, ("Cell", "Diode"))
    source = FolderSource(open_folder(tmp_path), 96, 64)
    seen, zooms = 0, []
    for seed in range(40):
        image, boxes = source(np.random.default_rng(seed))
        assert image.shape == (64, 96)
        assert (boxes.xyxy >= 0).all()
        assert (boxes.xyxy <= [96, 64, 96, 64]).all()
        assert (boxes.visible > 0).all()
        for left, top, right, bottom in boxes.xyxy[boxes.visible > 0.9].round().astype(int):
            inside = image[top + 1 : bottom - 1, left + 1 : right - 1]
            assert inside.size == 0 or np.median(inside) > 150
            seen += 1
            zooms.append((right - left) / 30)
    assert seen > 20
    assert max(zooms) > 1.5 * min(zooms)


def test_the_same_generator_gives_the_same_window(many):
    source = FolderSource(open_folder(many), 32, 32)
    one, other, third = (source(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.boxes.xyxy, other.boxes.xyxy)
    assert not np.array_equal(one.image, third.image)


# --- writing -----------------------------------------------------------------------------


def test_what_is_written_reads_back(tmp_path):
    rng = np.random.default_rng(0)
    xyxy = np.array([[1.25, 2, 9.5, 8], [0, 0, 5, 5], [3, 3, 20, 10]], np.float32)
    boxes = Boxes.upright(
        np.array([0, 0, 2]), xyxy, np.array([1, HEALTHY, 0]), np.array([1, 0.5, 1], np.float32)
    )
    boxes.outline[2] = [[3, 5], [18, 3], [20, 8], [5, 10]]
    frames = LabelledFrames(rng.integers(0, 255, (3, 12, 24), np.uint8), boxes)
    write_coco(tmp_path / "new", frames, ("Cell", "Diode"))
    folder = open_folder(tmp_path / "new")
    assert folder.labels == ("Cell", "Diode")
    for index, (_, frame) in enumerate(folder):
        assert np.array_equal(frame.image, frames.images[index])
        for mine, its in zip(frame.boxes, frames[index].boxes, strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-3)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"images", "annotations.json"}


@pytest.mark.parametrize(
    ("segmentation", "outline"),
    [
        ([[0, 0, 4, 1, 3, 4, 0, 3]], [[0, 0], [4, 1], [3, 4], [0, 3]]),
        ([[0, 3, 3, 4, 4, 1, 0, 0]], [[0, 0], [4, 1], [3, 4], [0, 3]]),
        ([[0, 0, 4, 1, 3, 4]], None),
        ([[0, 0, 4, 1], [1, 1, 2, 2]], None),
        ({"counts": [1, 2], "size": [4, 4]}, None),
        ([["a"] * 8], None),
        (None, None),
    ],
    ids=["corners", "the other way round", "triangle", "two", "mask", "words", "absent"],
)
def test_a_polygon_of_four_corners_is_the_outline(tmp_path, segmentation, outline):
    labels = [{**box([0, 0, 4, 4]), "segmentation": segmentation}]
    frame = open_folder(coco(tmp_path, labels))[0]
    expected = outline or [[0, 0], [4, 0], [4, 4], [0, 4]]
    assert frame.boxes.outline.tolist() == [expected]


def test_a_disk_that_takes_nothing_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    frames = LabelledFrames(GRADIENT[None], Boxes(*(np.empty(0) for _ in range(5))))
    with pytest.raises(DatasetError, match="cannot be written"):
        write_coco(tmp_path / "file", frames, ("Cell",))


# --- mistakes ----------------------------------------------------------------------------

BOX = [box([0, 0, 4, 4])]


def absent(folder):
    return folder / "nowhere"


def empty(folder):
    return folder


def only_images(folder):
    cv2.imwrite(str(folder / "a.png"), GRADIENT)
    return folder


def two_files(folder):
    (folder / "other.json").write_text("{}")
    return coco(folder, BOX)


def no_json(folder):
    (folder / "annotations.json").write_text("{'images': [")
    return folder


def other_json(folder):
    (folder / "annotations.json").write_text('{"pictures": []}')
    return folder


def absent_image(folder):
    (coco(folder, BOX) / "a.png").unlink()
    return folder


def names(text):
    return lambda folder: yolo(folder, [], names=text)


def no_names(folder):
    (yolo(folder, []) / "data.yaml").unlink()
    return folder


def no_images(folder):
    (yolo(folder, []) / "images/a.png").unlink()
    return folder


def binary_labels(folder):
    (yolo(folder, []) / "labels/a.txt").write_bytes(b"\xff\xfe\x00\x80")
    return folder


MISTAKES = {
    "no folder": (absent, "is no folder: name a folder in COCO or YOLO form"),
    "an empty folder": (empty, "holds no labels: add annotations.json (COCO), or images/"),
    "images without labels": (only_images, "holds no labels"),
    "several files": (two_files, "name one of annotations.json, other.json"),
    "no JSON": (no_json, "is no COCO annotation file (Invalid JSON"),
    "other JSON": (other_json, "is no COCO annotation file (key 'images': Field required)"),
    "no image listed": (lambda f: coco(f, [], images=()), "lists no images"),
    "an absent image": (absent_image, "image a.png of"),
    "NaN": (lambda f: coco(f, [box([0, float("nan"), 4, 4])]), "key 'annotations.0.bbox.1'"),
    "infinity": (lambda f: coco(f, [box([0, 0, float("inf"), 4])]), "key 'annotations.0.bbox.2'"),
    "negative size": (lambda f: coco(f, [box([9, 9, -4, 4])]), "key 'annotations.0.bbox.2'"),
    "three numbers": (lambda f: coco(f, [box([9, 9, 4])]), "key 'annotations.0.bbox.3'"),
    "an unlisted category": (lambda f: coco(f, [box([0, 0, 4, 4], 4)]), "use one of 3, 5, 7"),
    "an unlisted image": (lambda f: coco(f, [box([0, 0, 4, 4], 3, 8)]), "is of image 8"),
    "no class": (
        lambda f: coco(f, [], categories=[{"id": 1, "name": "No-Anomaly"}]), "names no class",
    ),
    "YOLO class": (lambda f: yolo(f, ["3 0.5 0.5 1 1"]), "line 1 of"),
    "YOLO negative class": (lambda f: yolo(f, ["-1 0.5 0.5 1 1"]), "is of class -1, but there are"),
    "YOLO NaN": (lambda f: yolo(f, ["", "0 nan 0.5 1 1"]), "line 2 of"),
    "YOLO negative size": (lambda f: yolo(f, ["0 0.5 0.5 -1 1"]), "is no box (0.5 0.5 -1 1)"),
    "YOLO pixels": (lambda f: yolo(f, ["0 30 20 8 8"]), "divide x and w by its width"),
    "YOLO polygon": (lambda f: yolo(f, ["0 .1 .1 .2 .1 .2 .2"]), "has 7 values"),
    "YOLO words": (lambda f: yolo(f, ["Cell .5 .5 .2 .1"]), "holds what is no number"),
    "YOLO binary labels": (binary_labels, "is no text: save it as UTF-8"),
    "YOLO no names": (no_names, "has labels/ but no class names"),
    "YOLO no images": (no_images, "holds no images"),
    "data.yaml without names": (names("nc: 2"), "data.yaml lists no class names"),
    "data.yaml with a gap": (names("names: {0: Cell, 2: Diode}"), "lists no class names"),
    "data.yaml with one name": (names("names: Cell"), "lists no class names"),
    "data.yaml that is none": (names("names: [Cell"), "lists no class names"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_with_a_remedy(tmp_path, mistake):
    make, expected = MISTAKES[mistake]
    with pytest.raises(DatasetError) as caught:
        open_folder(make(tmp_path))
    assert expected in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "is no readable image: replace it"), (b"\x89PNG broken", "is no readable image"),
     (None, "is not there")],
    ids=["empty", "corrupt", "gone"],
)  # fmt: skip
def test_an_image_that_cannot_be_read_is_named(tmp_path, content, expected):
    folder = open_folder(coco(tmp_path, BOX))
    (tmp_path / "a.png").unlink()
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    for look in (lambda: folder[0], lambda: FolderSource(folder, 32, 32)(np.random.default_rng(0))):
        with pytest.raises(DatasetError) as caught:
            look()
        assert expected in str(caught.value)
        assert "a.png" in str(caught.value)


@pytest.mark.parametrize("bbox", [[60, 0, 10, 10], [0, 40, 5, 5], [-10, 0, 5, 5]])
def test_a_box_beside_its_image_is_an_error(tmp_path, bbox):
    folder = open_folder(coco(tmp_path, [box(bbox)]))
    with pytest.raises(DatasetError, match=r"a box of .*a\.png lies beside its 60x40 pixels"):
        folder[0]
