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

"""Simulated fleets under a rollout: good models reach everybody, bad ones stay on the canary."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edge_infer.bench.rollout_fleet import Behaviour, Scene, SimulatedFleet, digest_of
from edge_infer.errors import UpdateError
from edge_infer.updates.release import Decision, Release, RolloutState, UpdateState
from edge_infer.updates.rollout.judge import JudgeConfig
from edge_infer.updates.rollout.reports import SCORE_BINS, DroneReport, HealthSample
from edge_infer.updates.rollout.rollout import Rollout
from edge_infer.updates.rollout.waves import RolloutConfig

GOOD, SLOW = Behaviour(), Behaviour(slower=2.0)
RUNNING, PAUSED = RolloutState.RUNNING, RolloutState.PAUSED
ABORTED, DONE = RolloutState.ABORTED, RolloutState.DONE
CONFIG = RolloutConfig(wave_s=5.0)


def fleet(*hardware: str, drones: int = 8, seed: int = 1, config: RolloutConfig = CONFIG):
    scene = Scene(hz=5.0, hardware=hardware or ("x86_64",) * drones)
    flown = SimulatedFleet(scene, config, seed)
    flown.fly(15.0)
    return flown


def waves(decisions: list[Decision]) -> list[tuple[int, int]]:
    """The wave and the number of drones of each decision."""
    return [(each.wave, len(each.drones)) for each in decisions]


# --- good and bad ---------------------------------------------------------------------------


def test_a_good_release_goes_from_one_to_a_quarter_to_all() -> None:
    flown = fleet()
    flown.publish(1, GOOD)
    assert flown.settle() is DONE
    sizes = [each[1] for each in waves(flown.decisions)]
    assert sorted(set(sizes)) in ([0, 1, 2, 8], [1, 2, 8])
    assert sizes == sorted(sizes)
    flown.fly(3.0)
    assert flown.running == set(flown.drones)
    reasons = [each.reason for each in flown.decisions]
    assert any("is the canary of x86_64" in each for each in reasons)


@pytest.mark.parametrize("drones", [1, 2, 3])
def test_few_drones_are_enough(drones: int) -> None:
    flown = fleet(drones=drones)
    flown.publish(1, GOOD)
    assert flown.settle() is DONE
    flown.fly(3.0)
    assert flown.running == set(flown.drones)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (SLOW, "ms with the model before"),
        (Behaviour(failed=0.5), "of the frames fail"),
        (Behaviour(seen=0.0), "it finds 0 things"),
        (Behaviour(flood=12.0), "things per frame"),
        (Behaviour(lives_s=4.0), "it ended 2 times"),
        (Behaviour(refused=True), "the engine refuses its weights"),
    ],
    ids=["slow", "failing", "blind", "hallucinating", "ending", "refused"],
)
def test_a_bad_release_stays_on_the_canary_and_goes_back(behaviour: Behaviour, words: str) -> None:
    flown = fleet()
    flown.publish(1, behaviour)
    ran: set[str] = set()
    while not flown.decisions or flown.decisions[-1].state is RUNNING:
        flown.step()
        ran |= flown.running
        assert flown.now_s < 120
    decision = flown.decisions[-1]
    assert decision.state is ABORTED
    assert words in decision.reason
    assert "drone_" in decision.reason
    assert ran <= set(decision.drones)
    assert len(decision.drones) == 1
    flown.fly(30.0)
    assert flown.running == set()
    assert flown.decisions[-1] is decision


def test_three_rollouts_in_a_row() -> None:
    flown = fleet(drones=4)
    flown.publish(1, GOOD)
    assert flown.settle() is DONE
    flown.publish(2, SLOW)
    assert flown.settle() is ABORTED
    flown.publish(3, GOOD)
    assert flown.settle() is DONE
    flown.fly(3.0)
    assert flown.running == set(flown.drones)


def test_a_new_release_takes_the_place_of_one_that_is_under_way() -> None:
    flown = fleet()
    flown.publish(1, GOOD)
    flown.fly(6.0)
    assert flown.decisions[-1].state is RUNNING
    flown.publish(2, GOOD)
    assert flown.settle() is DONE
    assert flown.decisions[-1].release == 2
    flown.fly(3.0)
    assert flown.running == set(flown.drones)


# --- groups -----------------------------------------------------------------------------------


def test_each_kind_of_machine_has_its_canary() -> None:
    flown = fleet(*["x86_64"] * 4, *["jetson"] * 4)
    flown.publish(1, GOOD)
    flown.fly(3.0)
    kinds = sorted(flown.drones[name].hardware for name in flown.decisions[-1].drones)
    assert kinds == ["jetson", "x86_64"]
    assert flown.settle() is DONE


def test_what_is_bad_on_one_kind_goes_back_on_all() -> None:
    flown = fleet(*["x86_64"] * 4, *["jetson"] * 4)
    flown.publish(1, GOOD, jetson=SLOW)
    assert flown.settle() is ABORTED
    assert flown.decisions[-1].reason.startswith("jetson, ")
    flown.fly(3.0)
    assert flown.running == set()


def test_machines_that_a_release_is_not_for_are_left_alone() -> None:
    rollout = Rollout(replace(RELEASE, hardware=("jetson",)), CONFIG, 0.0)
    rollout.start()
    rollout.on_report(ready("drone_1"), 20.0)
    assert rollout.view.groups == ()


def test_drones_that_run_another_model_are_left_alone() -> None:
    rollout = started()
    rollout.on_report(replace(ready("drone_1"), model="roofs"), 1.0)
    assert rollout.view.groups == ()


# --- who is here ------------------------------------------------------------------------------


def test_drones_that_are_away_are_not_waited_for_and_catch_up() -> None:
    flown = fleet()
    gone = flown.drones["drone_5"]
    flown.publish(1, GOOD)
    flown.fly(3.0)
    gone.is_here = False
    assert flown.rollout is not None
    flown.rollout.on_lost("drone_5", flown.now_s)
    assert flown.settle() is DONE
    assert "drone_5" not in flown.decisions[-1].drones
    gone.is_here = True
    flown.fly(3.0)
    assert "drone_5" in flown.running


def test_a_drone_that_joins_in_the_last_wave_is_included() -> None:
    flown = fleet(config=RolloutConfig(wave_s=8.0))
    flown.publish(1, GOOD)
    while not flown.decisions or flown.decisions[-1].wave < 3:
        flown.step()
        assert flown.now_s < 120
    flown.add("x86_64").publish(flown.rollout.release)
    flown.fly(4.0)
    assert "drone_9" in flown.decisions[-1].drones
    assert flown.settle() is DONE


def test_a_canary_that_is_lost_holds_its_group_and_says_so() -> None:
    flown = fleet(drones=4)
    flown.publish(1, GOOD)
    flown.fly(3.0)
    (canary,) = flown.decisions[-1].drones
    flown.drones[canary].is_here = False
    assert flown.rollout is not None
    flown.rollout.on_lost(canary, flown.now_s)
    flown.fly(60.0)
    assert flown.decisions[-1].drones == (canary,)
    assert f"{canary} should come back" in flown.rollout.view.verdicts[0]
    flown.drones[canary].is_here = True
    assert flown.settle() is DONE


# --- single reports -----------------------------------------------------------------------------

RELEASE = Release("solar", "6", 6, digest_of(6))
IMPATIENT = RolloutConfig(wave_s=0.0, reference_wait_s=0.0, judge=JudgeConfig(least_frames=0))


def ready(name: str, hardware: str = "x86_64", boot: int = 1) -> DroneReport:
    return DroneReport(
        name, boot, hardware, UpdateState.STAGED, running_release=5, running_digest=digest_of(5),
        wanted_release=6, wanted_digest=RELEASE.digest,
    )  # fmt: skip


def started(*names: str, config: RolloutConfig = IMPATIENT) -> Rollout:
    rollout = Rollout(RELEASE, config, 0.0)
    rollout.start()
    for name in names:
        rollout.on_report(ready(name), 0.0)
    return rollout


def test_before_its_start_nothing_is_decided() -> None:
    rollout = Rollout(RELEASE, CONFIG, 0.0)
    rollout.on_report(ready("drone_1"), 0.0)
    assert rollout.tick(100.0) is None
    assert rollout.decision is None
    assert rollout.view.state == ""


def test_without_a_drone_that_has_it_ready_it_waits_and_says_why() -> None:
    rollout = started()
    loading = replace(ready("drone_1"), state=UpdateState.DOWNLOADING)
    rollout.on_report(loading, 0.0)
    first = rollout.tick(1.0)
    assert first is not None
    assert first.drones == ()
    assert "no drone has it ready (1 DOWNLOADING)" in rollout.view.verdicts[0]
    rollout.on_report(ready("drone_1"), 2.0)
    second = rollout.tick(2.0)
    assert second is not None
    assert second.drones == ("drone_1",)
    assert rollout.tick(2.5) is None


def test_where_it_fails_everywhere_the_drones_reason_is_told() -> None:
    rollout = started()
    failed = replace(ready("drone_1"), state=UpdateState.FAILED, message="its golden input fails")
    rollout.on_report(failed, 0.0)
    rollout.tick(1.0)
    assert "no drone can take it: its golden input fails" in rollout.view.verdicts[0]


def test_the_first_canary_waits_for_something_to_compare_with() -> None:
    rollout = started("drone_1", config=RolloutConfig(reference_wait_s=10.0))
    rollout.tick(1.0)
    assert "too few frames of the old model" in rollout.view.verdicts[0]
    decision = rollout.tick(11.0)
    assert decision is not None
    assert decision.drones == ("drone_1",)


def test_a_preferred_canary_is_taken() -> None:
    rollout = started(
        "drone_1", "drone_2", config=replace(IMPATIENT, canaries=("drone_2", "drone_9"))
    )
    decision = rollout.tick(1.0)
    assert decision is not None
    assert decision.drones == ("drone_2",)


def trial(name: str, state: UpdateState = UpdateState.ON_TRIAL) -> DroneReport:
    return replace(
        ready(name), state=state, running_release=6, running_digest=RELEASE.digest,
        wanted_release=0, wanted_digest="",
    )  # fmt: skip


@pytest.mark.parametrize(
    "after",
    [
        [replace(ready("drone_1"), state=UpdateState.ROLLED_BACK, wanted_release=0,
                 wanted_digest="", message="it was too slow")],
        [trial("drone_1"), replace(ready("drone_1", boot=2), state=UpdateState.IDLE,
                                   wanted_release=0, wanted_digest="", message="it was too slow")],
    ],
    ids=["at once", "when it began again"],
)  # fmt: skip
def test_a_drone_that_goes_back_by_itself_counts(after: list[DroneReport]) -> None:
    rollout = started("drone_1", "drone_2")
    rollout.tick(1.0)
    for report in after:
        rollout.on_report(report, 2.0)
    decision = rollout.tick(2.0)
    assert decision is not None
    assert decision.state is ABORTED
    assert decision.reason == "drone_1 of x86_64 did not keep it: drone_1: it was too slow"


def test_the_first_reason_of_a_drone_is_told() -> None:
    rollout = started("drone_1", "drone_2")
    rollout.tick(1.0)
    back = replace(ready("drone_1"), state=UpdateState.ROLLED_BACK, message="it was too slow")
    rollout.on_report(back, 2.0)
    refusing = HealthSample(
        "drone_1", 1, digest_of(5), 5, 0, 0, (), [0] * SCORE_BINS, RELEASE.digest
    )
    rollout.on_health(refusing, 2.0)
    decision = rollout.tick(2.0)
    assert decision is not None
    assert decision.reason.endswith("drone_1: it was too slow")


def test_a_release_that_went_back_earlier_does_not_count() -> None:
    rollout = started()
    other = replace(ready("drone_1"), state=UpdateState.ROLLED_BACK, wanted_release=0,
                    wanted_digest="")  # fmt: skip
    rollout.on_report(other, 0.0)
    rollout.on_report(ready("drone_2"), 0.0)
    for now_s in range(1, 30):
        rollout.tick(float(now_s))
        rollout.on_report(other, float(now_s))
    assert rollout.decision is not None
    assert rollout.decision.state is RUNNING


def test_an_earlier_starts_report_changes_nothing() -> None:
    rollout = started()
    rollout.on_report(ready("drone_1", boot=5), 0.0)
    rollout.tick(1.0)
    rollout.on_report(replace(trial("drone_1"), boot=5), 2.0)
    rollout.on_report(replace(ready("drone_1", boot=4), state=UpdateState.ROLLED_BACK), 2.5)
    assert rollout.tick(3.0) is None


def test_drones_that_run_it_already_need_no_canary() -> None:
    rollout = started()
    for name in ("drone_1", "drone_2"):
        rollout.on_report(trial(name, UpdateState.IDLE), 0.0)
    decision = rollout.tick(1.0)
    assert decision is not None
    assert decision.drones == ("drone_1", "drone_2")
    assert "run it already" in decision.reason


# --- commands -----------------------------------------------------------------------------------


def test_a_pause_lets_nobody_else_install_it_and_keeps_who_has_it() -> None:
    rollout = started("drone_1", "drone_2")
    rollout.tick(1.0)
    rollout.pause("it rains")
    decision = rollout.tick(2.0)
    assert decision is not None
    assert (decision.state, decision.reason) == (PAUSED, "it rains")
    assert decision.drones == ("drone_1",)
    assert not decision.allows("drone_1")
    assert rollout.tick(100.0) is None
    rollout.start()
    decision = rollout.tick(101.0)
    assert decision is not None
    assert decision.allows("drone_1")


def test_what_goes_wrong_in_a_pause_goes_back() -> None:
    flown = fleet(drones=3)
    rollout = flown.publish(1, SLOW)
    flown.fly(2.0)
    rollout.pause("wait")
    assert flown.settle(30.0) is ABORTED


def test_an_abort_is_final() -> None:
    rollout = started("drone_1")
    rollout.tick(1.0)
    rollout.abort("I do not like it")
    for command in (rollout.start, rollout.resume, lambda: rollout.pause("")):
        with pytest.raises(UpdateError, match="abort"):
            command()
    rollout.abort("again")
    assert rollout.decision is not None
    assert rollout.decision.reason == "I do not like it"


def test_one_that_is_done_can_be_aborted_but_not_paused() -> None:
    flown = fleet(drones=1)
    rollout = flown.publish(1, GOOD)
    assert flown.settle() is DONE
    with pytest.raises(UpdateError, match="done"):
        rollout.pause("")
    rollout.abort("the customer complains")
    flown.fly(2.0)
    assert flown.running == set()


# --- a gateway that begins again ---------------------------------------------------------------


@pytest.mark.parametrize("state", [ABORTED, DONE, PAUSED])
def test_a_state_is_taken_up_as_it_was_signed(state: RolloutState) -> None:
    signed = Decision("solar", 6, state, 2, 3, ("drone_1",), "because")
    rollout = Rollout.restore(RELEASE, IMPATIENT, signed, 0.0)
    for name in ("drone_1", "drone_2"):
        rollout.on_report(ready(name), 1.0)
    assert rollout.tick(100.0) is None
    assert rollout.decision == replace(signed, wave=rollout.decision.wave)


def test_a_restored_wave_goes_on_without_a_second_canary() -> None:
    signed = Decision("solar", 6, RUNNING, 1, 3, ("drone_2",), "drone_2 is the canary")
    rollout = Rollout.restore(RELEASE, IMPATIENT, signed, 0.0)
    rollout.on_report(ready("drone_1"), 1.0)
    assert rollout.tick(2.0) is None
    assert "nothing is heard of drone_2" in rollout.view.verdicts[0]
    rollout.on_report(trial("drone_2"), 3.0)
    rollout.tick(4.0)
    assert rollout.decision.drones == ("drone_2",)


def test_what_went_back_while_the_gateway_was_away_counts() -> None:
    signed = Decision("solar", 6, RUNNING, 1, 3, ("drone_2",), "drone_2 is the canary")
    rollout = Rollout.restore(RELEASE, IMPATIENT, signed, 0.0)
    back = replace(ready("drone_2"), state=UpdateState.ROLLED_BACK, wanted_release=0,
                   wanted_digest="", message="it was too slow")  # fmt: skip
    rollout.on_report(back, 1.0)
    decision = rollout.tick(2.0)
    assert decision is not None
    assert decision.state is ABORTED


def test_a_restored_rollout_comes_to_its_end() -> None:
    flown = fleet()
    flown.publish(1, GOOD)
    while not flown.decisions or flown.decisions[-1].wave < 2:
        flown.step()
        assert flown.now_s < 120
    release = flown.rollout.release
    flown.rollout = Rollout.restore(release, CONFIG, flown.decisions[-1], flown.now_s)
    before = set(flown.decisions[-1].drones)
    assert flown.settle() is DONE
    assert before <= set(flown.decisions[-1].drones)


def test_a_group_that_was_past_its_canary_is_past_it_after_a_restart() -> None:
    names = ("drone_1", "drone_2", "drone_3")
    signed = Decision("solar", 6, RUNNING, 1, 3, names, "x86_64 goes on to wave 2")
    rollout = Rollout.restore(RELEASE, IMPATIENT, signed, 0.0)
    rollout.on_report(replace(trial("drone_1"), hardware="jetson"), 1.0)
    for name in names[1:]:
        rollout.on_report(trial(name), 1.0)
    assert {group.hardware: group.wave for group in rollout.view.groups} == {
        "jetson": 1, "x86_64": 2,
    }  # fmt: skip


def test_another_releases_decision_is_refused() -> None:
    signed = Decision("solar", 5, RUNNING, 1, 3, ())
    with pytest.raises(UpdateError, match="release 5"):
        Rollout.restore(RELEASE, CONFIG, signed, 0.0)


# --- for people ----------------------------------------------------------------------------------


def test_the_view_is_plain_json_with_a_sentence_for_each_group() -> None:
    flown = fleet(*["x86_64"] * 2, "jetson")
    rollout = flown.publish(1, GOOD)
    flown.fly(8.0)
    view = json.loads(json.dumps(rollout.view.to_json()))
    assert [each["hardware"] for each in view["groups"]] == ["jetson", "x86_64"]
    assert view["groups"][1]["drones"].keys() == {"drone_1", "drone_2"}
    assert view["groups"][0]["figures"][0]["signal"] == "latency"
    assert all(each.startswith(("jetson: wave", "x86_64: wave")) for each in rollout.view.verdicts)


@pytest.mark.parametrize("shares", [(), (0.5,), (0.5, 0.25, 1.0), (0.0, 1.0), (0.5, 2.0)])
def test_waves_that_do_not_rise_to_all_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(UpdateError, match="do not rise"):
        RolloutConfig(shares=shares)
