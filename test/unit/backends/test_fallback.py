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

"""Engines that hang, crash, lie and come back, in threads and in processes of their own."""

import base64
import os
import signal

import faulty_engine
import numpy as np
import pytest
from faulty_engine import First, Lite, Second, loads
from test_backends import PROBES

from edge_infer.backends import registry
from edge_infer.backends.chain import Level, Policy
from edge_infer.backends.fallback import Fallback
from edge_infer.backends.processes import ProcessWorker
from edge_infer.backends.registry import Engine
from edge_infer.backends.workers import ThreadWorker
from edge_infer.errors import BackendError, EngineLostError, InferenceError, ModelLoadError

ONES = np.ones((1, 4), np.float32)
HALVES = [[0.5] * 4]
DEADLINE_S = 30.0
QUICK = Policy(
    timeout_s=0.3, first_pause_s=0.05, longest_pause_s=0.2, patience_s=DEADLINE_S, standby=True
)
PATIENT = QUICK._replace(first_pause_s=1000.0, longest_pause_s=1000.0)
"""Nothing is started anew within a test."""


@pytest.fixture(autouse=True)
def _engines(monkeypatch):
    for name, place in faulty_engine.BACKENDS.items():
        monkeypatch.setitem(registry.BACKENDS, name, place)


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "probe.onnx"
    file.write_bytes(faulty_engine.NETWORK)
    yield file
    mend(file, First)
    mend(file, Second)


@pytest.fixture
def open_chain(weights):
    opened = []

    def open_chain(policy=QUICK, start=ThreadWorker, names=("first", "second")):
        heard = []
        engines = [Engine(name, (weights,)) for name in names]
        opened.append(Fallback(engines, policy, start, heard.append))
        return opened[-1], heard

    yield open_chain
    for chain in opened:
        chain.close()


def spoil(weights, engine, fault):
    weights.with_suffix(engine.fault).write_text(fault)


def mend(weights, engine):
    weights.with_suffix(engine.fault).unlink(missing_ok=True)


def answer(chain):
    return chain.networks[0].infer([ONES])[0].tolist()


# --- a worker -----------------------------------------------------------------------


@pytest.fixture(params=[ThreadWorker, ProcessWorker])
def start(request):
    return request.param


@pytest.fixture
def worker(start, weights):
    worker = start(Engine("first", (weights,)))
    yield worker
    mend(weights, First)
    worker.close()


def test_a_worker_tells_and_does_what_its_network_does(worker):
    assert [spec.name for spec in worker.networks[0].inputs] == ["x"]
    assert worker.networks[0].outputs[0].shape == (1, 4)
    for scale in (0, 1, 3):
        (result,) = worker.infer(0, [ONES * scale], 5.0)
        assert result.tolist() == [[1 / (scale + 1)] * 4]


def test_wrong_tensors_do_a_worker_no_harm(worker):
    with pytest.raises(InferenceError, match="takes 1 tensors, not 2"):
        worker.infer(0, [ONES, ONES], 5.0)
    assert worker.infer(0, [ONES], 5.0)[0].tolist() == HALVES


def test_a_model_that_cannot_be_loaded_is_told_where_it_was_asked_for(start, tmp_path):
    with pytest.raises(ModelLoadError, match="is not there"):
        start(Engine("onnx", (tmp_path / "absent.onnx",)))


@pytest.mark.parametrize("engine", [First, Lite])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("error", "device is gone"),
        ("nan", "'y' holds NaN"),
        ("shape", r"\[1, 5\] instead of"),
        ("memory", "out of memory"),
        ("hang", "did not answer"),
    ],
)
def test_a_failing_engine_says_how_and_lives(start, tmp_path, monkeypatch, engine, fault, words):
    name = engine.__name__.lower()
    monkeypatch.setitem(registry.BACKENDS, name, f"faulty_engine:{engine.__name__}")
    weights = network_for(engine, tmp_path)
    worker = start(Engine(name, (weights,)))
    spoil(weights, engine, fault)
    with pytest.raises(InferenceError, match=words) as caught:
        worker.infer(0, [ONES], 0.5)
    assert isinstance(caught.value, EngineLostError) == (fault == "hang")
    mend(weights, engine)
    while not worker.recovered():
        pass
    (answer,) = worker.infer(0, [ONES], 5.0)
    assert np.isfinite(answer).all()
    assert answer.shape == (1, 4)
    worker.close()


def network_for(engine, folder):
    """A file with a network for the engine below a faulty one."""
    content = faulty_engine.NETWORK
    if engine is Lite:
        if reason := registry.absence("tflite"):
            pytest.skip(reason)
        content = base64.b64decode(PROBES["tflite"])
    file = folder / "network.bin"
    file.write_bytes(content)
    return file


def test_a_hanging_engine_is_lost_and_is_found_again_when_it_has_recovered(worker, weights):
    spoil(weights, First, "hang")
    with pytest.raises(EngineLostError, match="did not answer within 100 ms"):
        worker.infer(0, [ONES], 0.1)
    assert not worker.recovered()
    with pytest.raises(EngineLostError, match="has not answered yet"):
        worker.infer(0, [ONES], 0.1)
    mend(weights, First)
    while not worker.recovered():
        pass
    assert worker.infer(0, [ONES], 5.0)[0].tolist() == HALVES, "not the answer it owed"


def test_a_process_that_dies_by_a_signal_says_so(weights):
    worker = ProcessWorker(Engine("first", (weights,)))
    spoil(weights, First, "crash")
    with pytest.raises(EngineLostError, match="SIGSEGV"):
        worker.infer(0, [ONES], 5.0)
    assert not worker.recovered()
    worker.close()


def test_a_process_that_hangs_with_pythons_lock_is_killed_by_close(weights):
    worker = ProcessWorker(Engine("first", (weights,)))
    spoil(weights, First, "hang hard")
    with pytest.raises(EngineLostError, match="did not answer"):
        worker.infer(0, [ONES], 0.2)
    worker.close()
    assert worker._process.returncode == -signal.SIGKILL


def test_a_process_ends_by_itself_when_it_is_closed(weights):
    worker = ProcessWorker(Engine("first", (weights,)))
    worker.close()
    worker.close()
    assert worker._process.returncode == 0
    with pytest.raises(InferenceError, match="closed"):
        worker.infer(0, [ONES], 1.0)


def test_a_closed_worker_leaves_no_descriptor_open(weights):
    def descriptors():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    ProcessWorker(Engine("first", (weights,))).close()
    before = descriptors()
    for _ in range(3):
        ProcessWorker(Engine("first", (weights,))).close()
    assert descriptors() == before


# --- a chain ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["error", "nan", "shape", "memory", "hang"])
def test_a_frame_on_which_an_engine_fails_is_answered_by_the_next(
    open_chain, weights, start, fault
):
    chain, heard = open_chain(PATIENT, start)
    assert chain.settle(DEADLINE_S)
    assert answer(chain) == HALVES
    spoil(weights, First, fault)
    assert answer(chain) == HALVES
    assert chain.health.level == Level.WARN
    assert chain.health.message.startswith("second serves: first ")
    assert [health.level for health in heard][-1] == Level.WARN


@pytest.mark.parametrize("fault", ["crash", "hang hard"])
def test_a_process_that_dies_costs_no_frame_and_is_replaced(open_chain, weights, fault):
    chain, heard = open_chain(QUICK, ProcessWorker)
    assert chain.settle(DEADLINE_S)
    spoil(weights, First, fault)
    assert answer(chain) == HALVES
    mend(weights, First)
    assert chain.wait_for("first", DEADLINE_S)
    assert answer(chain) == HALVES
    assert chain.health == (Level.OK, "first serves", "first")
    levels = [health.level for health in heard]
    assert levels[-1] == Level.OK
    assert Level.WARN in levels
    assert loads(weights, First) >= 2


def test_an_engine_that_recovers_serves_again_without_a_new_start(open_chain, weights):
    chain, _ = open_chain(QUICK._replace(first_pause_s=0.5))
    assert chain.settle(DEADLINE_S)
    spoil(weights, First, "hang")
    assert answer(chain) == HALVES
    mend(weights, First)
    assert chain.wait_for("first", DEADLINE_S)
    assert loads(weights, First) == 1


@pytest.mark.parametrize("fault", ["error", "hang"])
def test_an_engine_that_was_not_kept_ready_is_started_for_the_frame(
    open_chain, weights, start, fault
):
    chain, _ = open_chain(PATIENT._replace(standby=False), start)
    assert answer(chain) == HALVES
    assert loads(weights, Second) == 0
    spoil(weights, First, fault)
    assert answer(chain) == HALVES
    assert loads(weights, Second) == 1
    assert chain.health.serving == "second"


def test_an_input_on_which_all_engines_fail_is_at_fault_itself(open_chain):
    chain, _ = open_chain()
    assert chain.settle(DEADLINE_S)
    without_answer = np.array([[1, -1, 1, 1]], np.float32)
    with pytest.raises(InferenceError, match="NaN or infinity"):
        chain.networks[0].infer([without_answer])
    assert chain.health == (Level.OK, "first serves", "first")
    assert answer(chain) == HALVES


def test_without_any_engine_each_frame_is_told_and_the_flight_goes_on(open_chain, weights):
    chain, _ = open_chain(QUICK, ProcessWorker, names=("first",))
    spoil(weights, First, "crash")
    with pytest.raises(EngineLostError):
        answer(chain)
    mend(weights, First)
    assert chain.wait_for("first", DEADLINE_S)
    assert answer(chain) == HALVES


def test_while_no_engine_serves_the_error_says_what_is_the_matter(open_chain, weights):
    chain, _ = open_chain(PATIENT, ProcessWorker, names=("first",))
    spoil(weights, First, "crash")
    with pytest.raises(EngineLostError):
        answer(chain)
    with pytest.raises(InferenceError, match=r"no engine serves: first .* died \(SIGSEGV\)"):
        answer(chain)
    assert chain.health.level == Level.ERROR


def test_a_slow_start_does_not_keep_the_next_engine_from_serving(open_chain, weights):
    spoil(weights, First, "slow start")
    chain, heard = open_chain(QUICK._replace(patience_s=0.1))
    assert answer(chain) == HALVES
    assert chain.health.message == "second serves: first is warming up its valves"
    mend(weights, First)
    assert chain.wait_for("first", DEADLINE_S)
    assert heard[-1].level == Level.OK


def test_an_engine_that_does_not_start_is_passed_over_and_tried_again(open_chain, weights):
    spoil(weights, First, "no start")
    chain, _ = open_chain()
    assert chain.wait_for("second", DEADLINE_S)
    assert answer(chain) == HALVES
    mend(weights, First)
    assert chain.wait_for("first", DEADLINE_S)


def test_when_no_engine_starts_the_reason_is_raised(open_chain, weights):
    spoil(weights, First, "no start")
    spoil(weights, Second, "no start")
    with pytest.raises(BackendError, match="it does not start"):
        open_chain()


def test_engines_of_different_networks_do_not_stand_in_for_each_other(tmp_path, weights):
    pytest.importorskip("onnx")
    from tiny_bundles import constant

    other = tmp_path / "other.onnx"
    other.write_bytes(constant([np.zeros((1, 4), np.float32)]))
    chain = Fallback([Engine("first", (weights,)), Engine("onnx", (other,))], PATIENT)
    assert chain.settle(DEADLINE_S)
    assert "other tensors" in chain._chain._links[1].note
    chain.close()


def test_a_closed_chain_says_so(open_chain):
    chain, _ = open_chain()
    chain.networks[0].close()
    chain.close()
    with pytest.raises(InferenceError, match="closed"):
        answer(chain)
