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

"""Histograms and a model's figures to messages and back."""

from __future__ import annotations

import array
from typing import Any

from edge_infer.metrics import FIRST_MS, GROWTH, Histogram
from edge_infer.nodes.conversions.common import Messages
from edge_infer.nodes.detector.model_figures import Figures


def histogram_to_msg(messages: Messages, name: str, histogram: Histogram) -> Any:
    """An edge_infer_msgs/msg/Histogram."""
    return messages["edge_infer_msgs/msg/Histogram"](
        name=name, first_ms=FIRST_MS, growth=GROWTH, counts=array.array("I", histogram.trimmed())
    )


def histogram_from_msg(msg: Any) -> Histogram:
    """The histogram of an edge_infer_msgs/msg/Histogram."""
    histogram = Histogram()
    histogram.merge([int(count) for count in msg.counts])
    return histogram


def model_health_to_msg(messages: Messages, figures: Figures) -> Any:
    """An edge_infer_msgs/msg/ModelHealth; whose figures they are is for the sender to say."""
    return messages["edge_infer_msgs/msg/ModelHealth"](
        frames=figures.frames,
        failed=figures.failed,
        latency=histogram_to_msg(messages, "frame", figures.latency),
        scores=array.array("Q", figures.scores.tolist()),
    )
