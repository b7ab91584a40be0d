"""Candidates see the frames at their own scale, the small ones as well as the whole ones."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from edge_infer.datasets.compose import TAUGHT, Composer  # noqa: E402
from edge_infer.datasets.mixture import draw  # noqa: E402
from edge_infer.datasets.pictures import drawn_pictures  # noqa: E402
from edge_infer.training.search import INPUTS, Candidate, _resized  # noqa: E402


@pytest.mark.parametrize(("width", "height"), INPUTS)
def test_a_module_shrinks_with_the_frame_that_it_is_in(width, height):
    frames = draw(Composer(drawn_pictures(1, per_class=1), TAUGHT), 1, 1)
    seen = _resized(frames, Candidate("16,32,64,1,1,32,32", width, height))
    scale = width / 640
    assert seen.images.shape == (1, 256 * scale, 320 * scale)
    assert (seen.boxes.xyxy == frames.boxes.xyxy * scale).all()
