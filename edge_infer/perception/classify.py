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

"""The second look: what each thing is that was found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_infer.backends.base import Network
from edge_infer.errors import DecodeError
from edge_infer.models.manifest import ClassifierSpec
from edge_infer.outlines import Outlines
from edge_infer.perception.heads.base import logit
from edge_infer.perception.regions import cut_out


class RegionClassifier:
    """Cuts things out of a picture and asks the second network; use it from one thread.

    Args:
        spec: of the network.
        labels: how many; the network says one more, for none of them.
        backend: its weights, loaded.
        faulty_share: share of things with a label here, 0..1; where that is small, the same
            picture is less likely to show one (Saerens et al., 2002). The spec's when None.
    """

    def __init__(
        self,
        spec: ClassifierSpec,
        labels: int,
        backend: Network,
        faulty_share: float | None = None,
    ) -> None:
        self._spec = spec
        self._labels = labels
        self._backend = backend
        self._for_none = logit(spec.faulty_share) - logit(faulty_share or spec.faulty_share)
        self._batch = np.zeros(spec.shape, np.uint8)

    def __call__(self, image: NDArray[np.uint8], outlines: Outlines) -> NDArray[np.float32]:
        """(n, labels) chances of each label for (n, 4, 2) outlines in a grey (h, w) picture.

        Raises:
            InferenceError: the engine failed.
            DecodeError: its output does not have the shape that the labels need.
        """
        spec = self._spec
        regions = cut_out(image, outlines, spec.width, spec.height)
        logits = np.empty((len(regions), self._labels + 1), np.float32)
        for start in range(0, len(regions), spec.batch):
            part = regions[start : start + spec.batch]
            self._batch[: len(part), 0] = part
            logits[start : start + spec.batch] = self._ask()[: len(part)]
        logits[:, -1] += np.float32(self._for_none)
        return _softmax(logits)[:, :-1]

    def _ask(self) -> NDArray[Any]:
        outputs = self._backend.infer([self._batch])
        shapes = [output.shape for output in outputs]
        if shapes != [(self._spec.batch, self._labels + 1)]:
            raise DecodeError(
                f"outputs {shapes} are not the classifier's "
                f"[{self._spec.batch}, {self._labels + 1}]",
                "state the model's real labels and batch in its manifest",
            )
        return outputs[0]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
