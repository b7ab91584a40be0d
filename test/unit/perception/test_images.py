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

"""Image files of every depth become frames; what is no image is refused."""

import cv2
import numpy as np
import pytest

from edge_infer.errors import FrameError
from edge_infer.perception.images import read_image


def written(tmp_path, image, name="picture.png"):
    file = tmp_path / name
    assert cv2.imwrite(str(file), image)
    return file


def test_grey_stays_as_it_is(tmp_path):
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    frame = read_image(written(tmp_path, image))
    assert frame.encoding == "mono8"
    assert np.array_equal(frame.image, image)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_stay_in_opencv_order(tmp_path, channels):
    image = np.zeros((6, 8, channels), np.uint8)
    image[..., :3] = (10, 20, 30)
    frame = read_image(written(tmp_path, image))
    assert frame.encoding == "bgr8"
    assert frame.image.shape == (6, 8, 3)
    assert frame.image[0, 0].tolist() == [10, 20, 30]


def test_sixteen_bits_are_stretched(tmp_path):
    image = np.linspace(29_000, 33_000, 256).astype(np.uint16).reshape(16, 16)
    frame = read_image(written(tmp_path, image, "radiometric.tiff"))
    assert frame.encoding == "mono8"
    assert np.array_equal(frame.image.ravel(), np.arange(256))


def test_an_even_deep_image_is_black(tmp_path):
    frame = read_image(written(tmp_path, np.full((4, 4), 30_000, np.uint16)))
    assert not frame.image.any()


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(FrameError, match=r"absent\.png is not there"):
        read_image(tmp_path / "absent.png")


@pytest.mark.parametrize("content", [b"", b"a letter"], ids=["empty", "foreign"])
def test_what_is_no_image_is_refused(tmp_path, content):
    file = tmp_path / "letter.png"
    file.write_bytes(content)
    with pytest.raises(FrameError, match="no readable image"):
        read_image(file)


def test_a_truncated_image_is_refused(tmp_path):
    file = written(tmp_path, np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(FrameError, match="no readable image"):
        read_image(file)
