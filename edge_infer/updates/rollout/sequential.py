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

"""Tests that may be looked at after every frame, and stopped whenever they have decided.

A usual test that is looked at again and again is wrong sooner or later. What holds at
every moment at once is a test martingale: a product of *e-values*, each of which is at
most 1 on average while the hypothesis holds. It exceeds 1/alpha with a probability of at
most alpha, however long one looks (Ville, "Etude critique de la notion de collectif",
1939). Wald's likelihood ratio is the oldest one ("Sequential tests of statistical
hypotheses", 1945); for a hypothesis with many members and for what is only bounded, see
Howard, Ramdas, McAuliffe and Sekhon ("Time-uniform, nonparametric, nonasymptotic
confidence sequences", 2021) and Waudby-Smith and Ramdas ("Estimating means of bounded
random variables by betting", 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def share_evidence(share: float, allowed: float, bad: float) -> float:
    """What one look says for ``bad`` and against ``allowed``, as a logarithm.

    The likelihood ratio of Bernoulli trials, averaged over the trials of the look. The
    exponential of an average is at most the average of the exponentials, and each of
    these is 1 on average where the share is ``allowed``, and less below. So trials of one
    look may hang together in any way: they count as one.

    Args:
        share: of the trials that went badly, 0..1.
        allowed: the largest share under the hypothesis that all is well, inside 0..1.
        bad: a share that is to be found, above ``allowed`` and below 1.
    """
    return share * math.log(bad / allowed) + (1 - share) * math.log((1 - bad) / (1 - allowed))


class Evidence:
    """The sum of looks, kept for two questions: is it bad; has it been cleared.

    *Bad* is a sequential test with the level ``alpha``. Credit for going well is counted
    to ``beta`` only, so that what turns bad late is found as fast (Page, "Continuous
    inspection schemes", 1954): once there has been so much credit, a false alarm comes at
    each further look with a probability of at most alpha * beta.
    *Cleared* is the other side of Wald's test over the looks since ``begin``: something
    as bad as what is to be found is cleared with a probability of at most beta.

    Args:
        alpha: probability that what is well is called bad.
        beta: probability that what is bad is cleared.

    Attributes:
        alarm: the logarithm of the evidence for *bad*, from log(beta) upwards.
    """

    def __init__(self, alpha: float, beta: float) -> None:
        self._limit = -math.log(alpha)
        self._floor = math.log(beta)
        self.alarm = 0.0
        self._since_begin = 0.0

    def add(self, logarithm: float) -> None:
        """Take in what a look said."""
        self.alarm = max(self._floor, self.alarm + logarithm)
        self._since_begin += logarithm

    def begin(self) -> None:
        """Ask anew whether it is cleared."""
        self._since_begin = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether it has been called bad."""
        return self.alarm >= self._limit

    @property
    def is_cleared(self) -> bool:
        """Whether the looks since ``begin`` speak for it, and all of them do not speak against."""
        return self._since_begin <= self._floor and self.alarm <= 0

    @property
    def share(self) -> float:
        """How near it is to being called bad: 1 is there, 0 and below is not on the way."""
        return self.alarm / self._limit


class RateEvidence:
    """The same for events in time: a mixture of rates against the allowed one.

    Each ``ratio`` is an alternative of its own; their likelihood ratios of a Poisson
    process are averaged (Robbins, "Statistical methods related to the law of the iterated
    logarithm", 1970), so that a rate need not be known to be found. All are above the
    allowed one, so the test holds for every lower rate, too.

    Args:
        alpha: probability that what is well is called bad.
        beta: bounds the credit, as in ``Evidence``.
        ratios: of rates to be found to the allowed one, each above 1.
    """

    def __init__(self, alpha: float, beta: float, ratios: Sequence[float]) -> None:
        self._limit = -math.log(alpha)
        self._floor = math.log(beta)
        self._ratios = tuple(ratios)
        self._logarithms = [0.0] * len(self._ratios)

    def add(self, events: int, expected: float) -> None:
        """Count.

        Args:
            events: that happened.
            expected: how many the allowed rate would have brought on average.
        """
        for index, ratio in enumerate(self._ratios):
            change = events * math.log(ratio) - (ratio - 1) * expected
            self._logarithms[index] = max(self._floor, self._logarithms[index] + change)

    @property
    def alarm(self) -> float:
        """The logarithm of the evidence for *bad*."""
        top = max(self._logarithms)
        mean = sum(math.exp(each - top) for each in self._logarithms) / len(self._logarithms)
        return top + math.log(mean)

    @property
    def is_bad(self) -> bool:
        """Whether it has been called bad."""
        return self.alarm >= self._limit

    @property
    def share(self) -> float:
        """How near it is to being called bad: 1 is there, 0 and below is not on the way."""
        return self.alarm / self._limit
