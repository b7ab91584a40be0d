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

"""What a command line names as pictures: image files, folders of them, and videos, one by one.

What cannot be read is told and passed over, so one bad file does not end a long run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge_infer.domain import CameraFrame
from edge_infer.errors import FrameError
from edge_infer.perception.images import images_in, read_image

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")

Complain = Callable[[FrameError], None]


class Picture(NamedTuple):
    """One frame that was read.

    Attributes:
        name: its path; for a frame of a video, path#index from 0.
        frame: what it shows.
        of_video: whether it is one of many.
    """

    name: str
    frame: CameraFrame
    of_video: bool


def quiet() -> None:
    """Keep OpenCV from writing to standard error of its own accord."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if hasattr(cv2, "setLogLevel"):  # until OpenCV 4
        cv2.setLogLevel(0)
    else:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def files(names: Sequence[str], complain: Complain) -> list[Path]:
    """The files that are named, and the images of the folders that are named.

    Args:
        names: files and folders.
        complain: told of each folder that cannot be used.
    """
    found = []
    for name in names:
        with _told(Path(name), complain):
            found += images_in(name) if Path(name).is_dir() else [Path(name)]
    return found


def count(paths: Sequence[Path]) -> int | None:
    """How many pictures these files hold, as far as they say; None when a video does not."""
    total = 0
    for path in paths:
        frames = _length(path) if is_video(path) else 1
        if frames < 1:
            return None
        total += frames
    return total


def pictures(paths: Sequence[Path], complain: Complain) -> Iterator[Picture]:
    """All that can be read, in order.

    Args:
        paths: files.
        complain: told of each that cannot be read, when its turn comes.
    """
    for path in paths:
        with _told(path, complain):
            if is_video(path):
                yield from _frames(path)
            else:
                yield Picture(str(path), read_image(path), of_video=False)


def is_video(path: Path) -> bool:
    """Whether its name says so."""
    return path.suffix.lower() in VIDEO_SUFFIXES


@contextmanager
def _told(path: Path, complain: Complain) -> Iterator[None]:
    """Tell of a file that cannot be read, and go on."""
    try:
        yield
    except FrameError as error:
        complain(error)
    except OSError as error:
        complain(FrameError(f"{path} cannot be read ({error.strerror})", "check its permissions"))


def _length(path: Path) -> int:
    """Frames of a video as its head says; 0 or less when it does not."""
    video = cv2.VideoCapture(str(path))
    try:
        return int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        video.release()


def _frames(path: Path) -> Iterator[Picture]:
    if not path.is_file():
        raise FrameError(f"video {path} is not there", "name a video file that exists")
    video = cv2.VideoCapture(str(path))
    index = 0
    try:
        while True:
            there, image = video.read()
            if not there:
                break
            frame = CameraFrame(np.asarray(image, np.uint8), "bgr8", 0, path.name)
            yield Picture(f"{path}#{index}", frame, of_video=True)
            index += 1
    finally:
        video.release()
    if index == 0:
        raise FrameError(f"{path} is no readable video", "use one that plays elsewhere")
