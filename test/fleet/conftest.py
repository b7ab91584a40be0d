"""Stories are flown in silence; the tests after them are not."""

import logging

import pytest

from edge_infer.runtime import loggers


@pytest.fixture(autouse=True)
def _others_are_heard():
    root = logging.getLogger(loggers.ROOT)
    level = root.level
    yield
    root.setLevel(level)
