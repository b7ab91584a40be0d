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

"""A bundle in flight: which engines can run it here, in what order, and standing in for each other.

``auto`` measures: which engine is the fastest depends on the processor, and on the model.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from edge_infer.backends import registry
from edge_infer.backends.base import Network, zeros
from edge_infer.backends.chain import Policy
from edge_infer.backends.fallback import Fallback, OnChange
from edge_infer.backends.processes import ProcessWorker
from edge_infer.backends.registry import Engine
from edge_infer.backends.workers import StartWorker, ThreadWorker
from edge_infer.errors import BackendError, BackendUnavailableError, ModelError
from edge_infer.models.bundle import ModelBundle
from edge_infer.perception.needs import unmet
from edge_infer.perception.pipeline import engine_of

AUTO = "auto"
"""Instead of names: all engines that can run the model here, the fastest first."""

_UNTIMED = ("tensorrt",)
"""First in ``auto`` without a race, which building its plan would lose."""

_WARM_UP = 2
_CALLS = 7


class Choice(NamedTuple):
    """What can run a bundle here.

    Attributes:
        engines: in the order of preference.
        left_out: name -> why an engine that was asked for is not among them.
    """

    engines: tuple[Engine, ...]
    left_out: Mapping[str, str]


def choose(bundle: ModelBundle, names: str, threads: int = 1) -> Choice:
    """The engines for a bundle.

    Args:
        bundle: on disk, checked.
        names: of engines, the preferred one first, separated by commas; or ``auto``.
        threads: of each engine.

    Raises:
        BackendUnavailableError: none of them can run it here, or a name is not known.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    if asked == [AUTO]:
        asked = [
            n for n in registry.BACKENDS if any(w.format == n for w in bundle.manifest.weights)
        ]
    engines, left_out = [], {}
    for name in asked:
        registry.backend_class(name)
        why = registry.absence(name) or unmet(bundle.manifest, name)
        try:
            engine = engine_of(bundle, name, threads=threads)
        except ModelError as error:
            why = why or str(error)
        if why is None:
            engines.append(engine)
        else:
            left_out[name] = why
    if not engines:
        why = next(iter(left_out.values()), "no engine is named")
        raise BackendUnavailableError(
            f"no engine for model {bundle.manifest.name} {bundle.manifest.version} runs here "
            f"({why})",
            "install one; see edge-infer doctor",
        )
    if names.strip() == AUTO:
        return Choice(fastest_first(engines), {})
    return Choice(tuple(engines), left_out)


def fastest_first(engines: Sequence[Engine]) -> tuple[Engine, ...]:
    """Engines by the time that they take for the first network; they take turns.

    One that does not load comes last: it may still start later.
    """
    racing = [engine for engine in engines if engine.name not in _UNTIMED]
    ahead = [engine for engine in engines if engine.name in _UNTIMED]
    if len(racing) < 2:
        return (*ahead, *racing)
    networks = [_loaded(engine) for engine in racing]
    taken = [[_time_ns(each) for each in networks] for _ in range(_WARM_UP + _CALLS)]
    for network in chain(*networks):
        network.close()
    medians = [statistics.median(times) for times in zip(*taken[_WARM_UP:], strict=True)]
    order = sorted(range(len(racing)), key=medians.__getitem__)
    return (*ahead, *(racing[index] for index in order))


def serve(
    choice: Choice, policy: Policy, *, isolated: bool = False, on_change: OnChange = lambda _: None
) -> Fallback:
    """The chosen engines, standing in for each other; raises BackendError when none starts.

    Args:
        choice: of engines.
        policy: of the chain.
        isolated: each engine in a process of its own.
        on_change: told of each change of health.
    """
    start: StartWorker = ProcessWorker if isolated else ThreadWorker
    return Fallback(choice.engines, policy, start, on_change)


def _loaded(engine: Engine) -> tuple[Network, ...]:
    try:
        return engine.load()
    except BackendError:
        return ()


def _time_ns(networks: Sequence[Network]) -> float:
    """Of one call of the first network; infinite where it did not load."""
    if not networks:
        return math.inf
    tensors = [zeros(spec) for spec in networks[0].inputs]
    start = time.perf_counter_ns()
    networks[0].infer(tensors)
    return time.perf_counter_ns() - start
