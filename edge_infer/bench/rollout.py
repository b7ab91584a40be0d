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

"""How often a rollout stops a good model, and how soon it stops a bad one.

Simulated fleets (``rollout_fleet.py``), many seeds, rates of frames from a loaded small
machine to a fast one. What is counted is what a person would ask: did a good release
reach everybody; did a bad one stay on the canary, and for how long; did anybody install
it who should not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge_infer.bench.harness import Goal, Progress, Report, Row, quantile, rounded
from edge_infer.bench.rollout_fleet import Behaviour, Scene, SimulatedFleet
from edge_infer.updates.release import RolloutState
from edge_infer.updates.rollout.waves import RolloutConfig

GOOD = {
    "the same": Behaviour(),
    "a little different": Behaviour(slower=1.15, seen=0.85, score=-0.03),
}
BAD = {
    "twice as slow": Behaviour(slower=2.0),
    "30 % of the frames fail": Behaviour(failed=0.3),
    "blind": Behaviour(seen=0.0),
    "10 things too many a frame": Behaviour(flood=10.0),
    "scores 0.5 lower": Behaviour(score=-0.5),
    "begins again each 4 s": Behaviour(lives_s=4.0),
    "cannot be loaded": Behaviour(refused=True),
}
CLEAR_S = 10.0
"""What is clearly bad should have gone back within so many seconds."""
BACK_S = 5.0
"""Who still runs an aborted release after so many seconds has not obeyed."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything.

    Attributes:
        seeds: fleets of each kind.
        rates_hz: frames per second of a drone.
        before_s: that the old model flies before the release comes.
        most_s: after which a rollout is given up.
        scene: where they fly.
        open_scene: the same with something to see nearly everywhere.
    """

    seeds: int = 200
    rates_hz: Sequence[float] = (1.25, 5.0, 20.0)
    before_s: float = 20.0
    most_s: float = 300.0
    scene: Scene = field(default_factory=lambda: Scene(hardware=("x86_64",) * 5))
    open_scene: Scene = field(
        default_factory=lambda: Scene(hardware=("x86_64",) * 5, rich_s=60.0, empty_s=1.0)
    )


@dataclass(frozen=True)
class Flown:
    """How one rollout went.

    Attributes:
        state: at its end; None when it had not come to one.
        wave: that it ended in.
        took_s: from the decision that names the canary to the last one; where that is an
            abort, to when nobody runs the release any more.
        outside: drones that installed it without being allowed to.
    """

    state: RolloutState | None
    wave: int
    took_s: float
    outside: int


def run(progress: Progress) -> Report:
    """Measure all; a few minutes."""
    return measure(Sizes(), progress)


def measure(sizes: Sizes, progress: Progress) -> Report:
    """The same in other sizes."""
    good, bad = [], []
    kinds: Mapping[str, tuple[Scene, Behaviour]] = {
        **{name: (sizes.scene, each) for name, each in (GOOD | BAD).items()},
        "blind, where there is much to see": (sizes.open_scene, BAD["blind"]),
        "blind, looked back": (replace(sizes.scene, looks_back=True), BAD["blind"]),
    }
    for rate_hz in sizes.rates_hz:
        for name, (scene, behaviour) in kinds.items():
            progress(f"{name} at {rate_hz:g} frames/s")
            flown = [
                fly(replace(scene, hz=rate_hz), behaviour, sizes, seed)
                for seed in range(sizes.seeds)
            ]
            if name in GOOD:
                good.append(_good_row(name, rate_hz, flown))
            else:
                bad.append(_bad_row(name, rate_hz, flown))
    return Report("rollout", [*good, *bad], _goals(good, bad))


def fly(scene: Scene, behaviour: Behaviour, sizes: Sizes, seed: int) -> Flown:
    """One fleet, one rollout."""
    fleet = SimulatedFleet(scene, RolloutConfig(), seed)
    fleet.fly(sizes.before_s)
    fleet.publish(1, behaviour)
    outside: set[str] = set()
    until_s = fleet.now_s + sizes.most_s
    began_s = state = None
    while state not in (RolloutState.DONE, RolloutState.ABORTED) and fleet.now_s < until_s:
        fleet.step()
        decision = fleet.decisions[-1]
        state = decision.state
        outside |= fleet.running - set(decision.drones)
        if began_s is None and decision.drones:
            began_s = fleet.now_s
    decision = fleet.decisions[-1]
    if decision.state is RolloutState.ABORTED:
        back_by_s = fleet.now_s + BACK_S
        while fleet.running and fleet.now_s < back_by_s:
            fleet.step()
        outside |= fleet.running
    ended = decision.state if decision.state is not RolloutState.RUNNING else None
    return Flown(ended, decision.wave, fleet.now_s - (began_s or 0.0), len(outside))


def _good_row(name: str, rate_hz: float, flown: Sequence[Flown]) -> Row:
    states = Counter(each.state for each in flown)
    took_s = [each.took_s for each in flown if each.state is RolloutState.DONE]
    return {
        "a good model": name,
        "frames/s": rate_hz,
        "rollouts": len(flown),
        "aborted": states[RolloutState.ABORTED],
        "open": states[None],
        "s to all, median": rounded(quantile(took_s, 0.5)) if took_s else None,
        "p95": rounded(quantile(took_s, 0.95)) if took_s else None,
        "outside": sum(each.outside for each in flown),
    }


def _bad_row(name: str, rate_hz: float, flown: Sequence[Flown]) -> Row:
    called = [each for each in flown if each.state is RolloutState.ABORTED and each.wave == 1]
    took_s = [each.took_s for each in called]
    return {
        "a bad model": name,
        "frames/s": rate_hz,
        "rollouts": len(flown),
        "on the canary": len(called),
        "later": sum(each.state is RolloutState.ABORTED and each.wave > 1 for each in flown),
        "missed": sum(each.state is not RolloutState.ABORTED for each in flown),
        "s median": rounded(quantile(took_s, 0.5)) if took_s else None,
        "p95": rounded(quantile(took_s, 0.95)) if took_s else None,
        "within 10 s": rounded(sum(s <= CLEAR_S for s in took_s) / len(flown)),
        "outside": sum(each.outside for each in flown),
    }


def _goals(good: Sequence[Row], bad: Sequence[Row]) -> list[Goal]:
    def total(rows: Sequence[Row], *columns: str) -> float:
        return sum(float(row[column] or 0) for row in rows for column in columns)

    rollouts = total(bad, "rollouts")
    return [
        Goal(
            "good releases that are aborted", 0.01,
            total(good, "aborted") / total(good, "rollouts"), "of all",
        ),
        Goal(
            "bad releases that leave the canary", 0.01,
            total(bad, "later", "missed") / rollouts, "of all",
        ),
        Goal("slowest median until all are back on the old model", CLEAR_S,
             max(float(row["s median"] or 0) for row in bad), "s"),
        Goal("drones that install what they should not", 0,
             total([*good, *bad], "outside"), "drones"),
    ]  # fmt: skip
