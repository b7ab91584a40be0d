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

"""TensorRT: what is decided without it, what is said where it is absent, and a simulated flight."""

import base64
import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import simulated_tensorrt
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.backends import cuda_driver, tensorrt, tensorrt_build
from edge_infer.backends.base import Options, TensorSpec
from edge_infer.backends.onnx import OnnxBackend
from edge_infer.backends.tensorrt import TensorrtBackend
from edge_infer.backends.tensorrt_build import Progress, flags_for, profile, settings
from edge_infer.backends.tensorrt_plans import KEPT
from edge_infer.errors import BackendUnavailableError, InferenceError, ModelLoadError
from edge_infer.models.bundle import shipped

# Abs called zeta and Neg called alpha of x, float32 [n, 3], [1, 3] and [1, w].
OPEN = (
    "CAg6bQoOCgF4EgR6ZXRhIgNBYnMKDwoBeBIFYWxwaGEiA05lZxIBZ1oUCgF4Eg8KDQgBEgkKAxIBbgoCCANiFwoEemV0YR"
    "IPCg0IARIJCgMSAW4KAggDYhgKBWFscGhhEg8KDQgBEgkKAxIBbgoCCANCBAoAEBE="
)
FIXED = (
    "CAg6agoOCgF4EgR6ZXRhIgNBYnMKDwoBeBIFYWxwaGEiA05lZxIBZ1oTCgF4Eg4KDAgBEggKAggBCgIIA2IWCgR6ZXRhEg"
    "4KDAgBEggKAggBCgIIA2IXCgVhbHBoYRIOCgwIARIICgIIAQoCCANCBAoAEBE="
)
WIDE = (
    "CAg6bQoOCgF4EgR6ZXRhIgNBYnMKDwoBeBIFYWxwaGEiA05lZxIBZ1oUCgF4Eg8KDQgBEgkKAggBCgMSAXdiFwoEemV0YR"
    "IPCg0IARIJCgIIAQoDEgF3YhgKBWFscGhhEg8KDQgBEgkKAggBCgMSAXdCBAoAEBE="
)
QUANTISED = shipped() / "classifier.tensorrt.int8.onnx"


# --- pure decisions ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "quantised", "set_"),
    [
        ({"TF32", "FP16", "INT8"}, False, {"FP16"}),
        ({"TF32", "FP16", "INT8"}, True, {"FP16", "INT8"}),
        ({"TF32"}, False, set()),
        ({"TF32"}, True, set()),
    ],
)
def test_flags_are_set_where_they_exist_and_int8_only_with_pairs(here, quantised, set_):
    assert set(flags_for(settings(here), quantised=quantised)) == set_


def test_types_are_numpys_and_others_are_refused():
    assert tensorrt_build.dtype("x", "HALF") == "float16"
    assert tensorrt_build.dtype("x", "FLOAT") == "float32"
    with pytest.raises(ModelLoadError, match="'x' has type BF16"):
        tensorrt_build.dtype("x", "BF16")


def test_a_profile_opens_the_batch_and_nothing_else():
    assert profile("x", (1, 3, 8, 8), 16) is None
    assert profile("x", (-1, 3, 8), 16) == ((1, 3, 8), (1, 3, 8), (16, 3, 8))
    with pytest.raises(ModelLoadError, match="'x' leaves its size open"):
        profile("x", (1, 3, -1, -1), 16)


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        ("cuMemAlloc failed: out of memory", True),
        ("[x.cpp] Error Code 2: OutOfMemory (no further information)", True),
        ("Error Code: FAILED_ALLOCATION", True),
        ("Requested amount of GPU memory (1 bytes) could not be allocated.", True),
        ("illegal memory access", False),
    ],
)
def test_a_want_of_memory_is_called_that(reason, short):
    error = tensorrt_build.trouble(InferenceError, "TensorRT failed", reason, "look")
    assert str(error).startswith(
        "TensorRT failed: the GPU's memory is full"
        if short
        else f"TensorRT failed ({reason}): look"
    )


def test_progress_counts_phases_within_phases_and_never_goes_back():
    told = []
    progress = Progress(told.append)
    progress.started("all", None, 2)
    for step in range(2):
        progress.started("part", "all", 10)
        for inner in range(10):
            assert progress.stepped("part", inner)
        progress.finished("part")
        assert progress.stepped("all", step)
    progress.finished("all")
    progress.started("another", None, 100)
    progress.stepped("another", 0)
    assert told == [f"building its plan: {n} %" for n in range(10, 101, 10)]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "x", None]),
                  st.integers(-1, 9))
    )
)  # fmt: skip
def test_progress_bears_any_order_of_calls(calls):
    told = []
    progress = Progress(told.append)
    for name, parent, number in calls:
        if number < 0:
            progress.finished(name)
        elif parent is None or parent > name:
            progress.started(name, parent, number)
        else:
            progress.stepped(name, number)
    assert told == sorted(told, key=lambda sentence: int(sentence.split()[-2]))
    assert len(told) <= 10


def test_an_error_while_telling_stops_the_build_and_is_kept():
    def deaf(_):
        raise BrokenPipeError("nobody listens")

    progress = Progress(deaf)
    progress.started("all", None, 2)
    assert not progress.stepped("all", 0)
    assert isinstance(progress.failure, BrokenPipeError)


# --- absence -------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["no-such-driver.so.1", "libc.so.6"])
def test_without_a_driver_it_says_so(monkeypatch, library):
    monkeypatch.setattr(cuda_driver, "LIBRARY", library)
    with pytest.raises(BackendUnavailableError, match="there is no NVIDIA driver here"):
        TensorrtBackend.check()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (100, "shows no GPU: look at CUDA_VISIBLE_DEVICES"),
        (34, "stand-in for the driver: take the folder stubs out of LD_LIBRARY_PATH"),
        (803, "does not start (CUDA error 803): restart"),
    ],
)
def test_a_driver_that_does_not_start_says_why(monkeypatch, code, sentence):
    monkeypatch.setattr(cuda_driver, "_ask", lambda *_: code)
    with pytest.raises(BackendUnavailableError) as caught:
        TensorrtBackend.check()
    assert sentence in str(caught.value)


def test_a_driver_too_old_for_graphs_says_what_it_lacks(monkeypatch):
    monkeypatch.setattr(cuda_driver, "LIBRARY", "libc.so.6")
    with pytest.raises(InferenceError, match="cuStreamBeginCapture_v2"):
        cuda_driver.record(1, lambda: None)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("pycuda.driver", "pip install pycuda"), ("tensorrt", "apt install python3-libnvinfer")],
)
def test_a_package_that_is_not_there_is_named_with_its_remedy(flight, monkeypatch, name, remedy):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendUnavailableError) as caught:
        TensorrtBackend.check()
    assert f"{name} cannot be imported" in str(caught.value)
    assert remedy in caught.value.remedy


def test_a_tensorrt_from_before_named_tensors_is_too_old(flight):
    flight("8.6.1")
    with pytest.raises(BackendUnavailableError, match=r"TensorRT 8.6.1 is too old: .*JetPack 6"):
        TensorrtBackend.check()


def test_it_knows_no_devices_by_name(tmp_path):
    with pytest.raises(BackendUnavailableError, match="CUDA_VISIBLE_DEVICES"):
        TensorrtBackend.check("dla")
    with pytest.raises(BackendUnavailableError, match="'dla'"):
        TensorrtBackend.load(tmp_path / "any.onnx", Options(device="dla"))


def test_importing_the_engine_imports_neither_package():
    code = (
        "import sys, edge_infer.backends.tensorrt;"
        "print({'tensorrt', 'pycuda', 'onnx'} & {name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# --- a simulated flight ----------------------------------------------------------------


@pytest.fixture
def flight(monkeypatch, tmp_path):
    """Puts the simulation in the place of the driver and the two packages."""

    def flight(version="10.3.0"):
        world = simulated_tensorrt.World(version)
        monkeypatch.setitem(sys.modules, "tensorrt", world.trt)
        monkeypatch.setitem(sys.modules, "pycuda", type(sys)("pycuda"))
        monkeypatch.setitem(sys.modules, "pycuda.driver", world.cuda)
        monkeypatch.setattr(cuda_driver, "require", lambda: None)
        monkeypatch.setattr(cuda_driver, "record", world.record)
        return world

    monkeypatch.setenv("EDGE_INFER_CACHE", str(tmp_path / "cache"))
    flight()
    return flight


@pytest.fixture
def world(flight):
    return flight()


@pytest.fixture
def told():
    return []


@pytest.fixture
def load(tmp_path, told):
    def load(model):
        if isinstance(model, Path):
            return TensorrtBackend.load(model, tell=told.append)
        file = tmp_path / "probe.onnx"
        file.write_bytes(base64.b64decode(model))
        return TensorrtBackend.load(file, tell=told.append)

    return load


def plans(tmp_path):
    return sorted((tmp_path / "cache" / "plans").glob("*.plan"))


@pytest.mark.parametrize("version", ["10.3.0", "10.13.0.35", "11.4.0.106"])
def test_the_shipped_model_gives_what_its_file_says(flight, load, told, version):
    world = flight(version)
    backend = load(QUANTISED)
    assert backend.inputs == (TensorSpec("image", (16, 1, 40, 24), "uint8"),)
    regions = np.random.default_rng(1).integers(0, 256, (16, 1, 40, 24), np.uint8)
    onnx = OnnxBackend.load(QUANTISED)
    (want,) = onnx.infer([regions])
    (got,) = backend.infer([regions])
    np.testing.assert_array_equal(got, want)
    ((creation, flags, shapes, _),) = world.builds
    assert (creation, flags) == ((0, {"FP16", "INT8"}) if version[:2] == "10" else (2, set()))
    assert shapes is None
    assert (world.captured, world.replayed) == (1, 2)
    assert told[0] == "building its plan"
    assert "building its plan: 50 %" in told
    backend.close()


def test_outputs_come_in_the_order_of_the_file_and_are_not_overwritten(world, load):
    backend = load(FIXED)
    assert [spec.name for spec in backend.outputs] == ["zeta", "alpha"]
    zeta, alpha = backend.infer([np.array([[1, -2, 3]], np.float32)])
    backend.infer([np.zeros((1, 3), np.float32)])
    assert (zeta.tolist(), alpha.tolist()) == ([[1, 2, 3]], [[-1, 2, -3]])
    backend.close()


def test_an_open_batch_takes_one_to_the_largest_and_says_when_it_is_more(world, load):
    backend = load(OPEN)
    assert backend.inputs == (TensorSpec("x", (None, 3), "float32"),)
    assert world.captured == 0
    for batch in (1, 16, 2, 16):
        x = np.random.default_rng(batch).normal(size=(batch, 3)).astype(np.float32)
        zeta, alpha = backend.infer([x])
        np.testing.assert_array_equal(zeta, np.abs(x))
        np.testing.assert_array_equal(alpha, -x)
    for _ in range(2):
        with pytest.raises(InferenceError, match=r"no 'x' of \[17, 3\] \(outside of the profile\)"):
            backend.infer([np.zeros((17, 3), np.float32)])
    assert backend.infer([np.ones((1, 3), np.float32)])[1].tolist() == [[-1, -1, -1]]
    backend.close()


def test_the_second_load_takes_the_plan_and_the_third_build_the_timings(world, load, told):
    load(FIXED).close()
    first = told[:]
    load(FIXED).close()
    assert len(world.builds) == 1
    assert told == first
    world.gpu = "Orin"
    load(OPEN).close()
    assert [cache._content for *_, cache in world.builds] == [b"", b"+1"]


def test_another_gpu_builds_its_own_plan_and_old_ones_go(world, load, tmp_path):
    for number in range(KEPT + 2):
        world.gpu = f"GPU {number}"
        load(FIXED).close()
    assert len(world.builds) == KEPT + 2
    assert len(plans(tmp_path)) == KEPT


def test_a_damaged_plan_is_built_anew(world, load, told, tmp_path):
    load(FIXED).close()
    (plan,) = plans(tmp_path)
    plan.write_bytes(plan.read_bytes()[:-1])
    load(FIXED).close()
    assert "its stored plan is damaged or of another machine" in told
    assert len(world.builds) == 2


def test_a_plan_that_tensorrt_refuses_is_built_anew(world, load, told):
    load(FIXED).close()
    world.refused = 1
    load(FIXED).close()
    assert "its stored plan is refused (serialised by another build)" in told
    world.refused = 2
    with pytest.raises(ModelLoadError, match="refuses its own plan"):
        load(FIXED)


def test_a_disk_that_takes_nothing_costs_the_cache_and_not_the_flight(
    world, load, told, tmp_path, monkeypatch
):
    monkeypatch.setenv("EDGE_INFER_CACHE", os.devnull)
    backend = load(FIXED)
    assert backend.infer([np.ones((1, 3), np.float32)])[0].tolist() == [[1, 1, 1]]
    assert any("cannot be kept for the next start" in sentence for sentence in told)
    backend.close()


def test_whoever_calls_the_work_is_done_on_one_thread_and_all_of_it_is_given_back(world, load):
    backend = load(FIXED)
    (owner,) = world.context_users
    assert owner != threading.get_ident()
    results = []

    def ask(value):
        results.append((value, backend.infer([np.full((1, 3), value, np.float32)])[0][0, 0]))

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(value, value) for value in range(8)]
    backend.close()
    backend.close()
    assert world.memory == {}
    assert world.context_users == set()
    with pytest.raises(InferenceError, match="this model was closed"):
        backend.infer([np.zeros((1, 3), np.float32)])


def test_two_models_share_the_gpu_and_one_outlives_the_other(world, load):
    one, other = load(FIXED), load(OPEN)
    one.close()
    assert other.infer([np.ones((2, 3), np.float32)])[0].shape == (2, 3)
    other.close()
    assert world.memory == {}


@pytest.mark.parametrize("error", ["of the driver", "of pycuda"])
def test_without_a_graph_it_flies_all_the_same(world, load, told, error):
    problem = {"of the driver": InferenceError("no graphs here", "none"),
               "of pycuda": world.cuda.Error("no graphs here")}[error]  # fmt: skip
    world.no_graph = problem
    backend = load(FIXED)
    assert told[-1] == "runs without a CUDA graph (no graphs here)"
    assert backend.infer([np.ones((1, 3), np.float32)])[1].tolist() == [[-1, -1, -1]]
    assert world.replayed == 0
    backend.close()


def test_a_graph_that_does_nothing_is_dropped(world, load, told, monkeypatch):
    monkeypatch.setattr(simulated_tensorrt._Graph, "launch", lambda *_: None)
    backend = load(FIXED)
    assert told[-1] == "runs without a CUDA graph (its results differ)"
    assert backend.infer([np.ones((1, 3), np.float32)])[0].tolist() == [[1, 1, 1]]
    backend.close()


# --- troubles ----------------------------------------------------------------------


def assert_nothing_is_left(world):
    assert world.memory == {}
    assert world.context_users == set()


def test_what_the_parser_says_first_is_passed_on(world, load):
    with pytest.raises(ModelLoadError) as caught:
        load("bm8gbW9kZWw=")
    assert "cannot read" in str(caught.value)
    assert "(In node 3: no importer for Frobnicate)" in str(caught.value)
    assert_nothing_is_left(world)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("no kernel for node Conv_3", "finds no plan for .*no kernel for node Conv_3"),
        ("Error Code 2: OutOfMemory", "memory is full"),
    ],
)
def test_a_build_that_fails_says_why(world, load, error, sentence):
    world.errors = [error, "and then that"]
    with pytest.raises(ModelLoadError, match=sentence):
        load(FIXED)
    assert_nothing_is_left(world)


def test_a_listener_that_is_gone_ends_the_build(world, tmp_path):
    def deaf(sentence):
        if "%" in sentence:
            raise BrokenPipeError("nobody listens")

    file = tmp_path / "probe.onnx"
    file.write_bytes(base64.b64decode(FIXED))
    with pytest.raises(BrokenPipeError):
        TensorrtBackend.load(file, tell=deaf)
    assert_nothing_is_left(world)


def test_an_open_width_is_refused(world, load):
    with pytest.raises(ModelLoadError, match="'x' leaves its size open"):
        load(WIDE)


@pytest.mark.parametrize("free_bytes", [8, 16, 32])
def test_a_full_gpu_is_called_that_and_all_is_given_back(world, load, free_bytes):
    world.free_bytes = free_bytes
    with pytest.raises(ModelLoadError, match="the GPU's memory is full: close what else uses it"):
        load(FIXED)
    assert_nothing_is_left(world)


def test_a_failing_run_says_why(flight, load):
    world = flight()
    backend = load(OPEN)
    world.fails = "Error Code 1: Cask (Cask convolution execution)"
    with pytest.raises(InferenceError, match=r"TensorRT failed \(Error Code 1: Cask"):
        backend.infer([np.zeros((1, 3), np.float32)])
    world.fails = None
    backend.infer([np.zeros((1, 3), np.float32)])
    backend.close()


def test_wrong_tensors_never_reach_the_gpu(world, load):
    backend = load(FIXED)
    done = world.replayed
    for wrong in ([], [np.zeros((1, 4), np.float32)], [np.zeros((1, 3), np.float64)]):
        with pytest.raises(InferenceError):
            backend.infer(wrong)
    assert world.replayed == done
    backend.close()


def test_no_number_goes_unnoticed(world, load):
    backend = load(FIXED)
    with pytest.raises(InferenceError, match="NaN"):
        backend.infer([np.full((1, 3), np.nan, np.float32)])
    backend.close()


@pytest.mark.parametrize(("name", "says"), [("none.onnx", "is not there"), ("", "cannot be read")])
def test_weights_that_cannot_be_read_are_named(world, tmp_path, name, says):
    with pytest.raises(ModelLoadError, match=says):
        TensorrtBackend.load(tmp_path / name)


# --- the simulation against the real packages ----------------------------------------


def real(name):
    """A package as it is installed, or a skip with the reason."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        pytest.skip(f"{name} is not here: {error}")


def assert_has(real_one, simulated, where):
    """Every public name of the simulation, and as the same sort of thing."""
    for name, value in vars(simulated).items():
        if name.startswith("_"):
            continue
        assert hasattr(real_one, name), f"{where} has no {name}"
        if isinstance(value, type):
            assert_has(getattr(real_one, name), value, f"{where}.{name}")
        elif callable(value):
            assert callable(getattr(real_one, name)), f"{where}.{name} is no function"
        elif isinstance(value, property):
            assert not callable(getattr(real_one, name)), f"{where}.{name} is a function"


def test_tensorrt_has_every_name_that_is_used():
    trt = real("tensorrt")
    assert_has(trt, simulated_tensorrt.World(trt.__version__).trt, "tensorrt")
    for name in ("ERROR", "INTERNAL_ERROR"):
        assert hasattr(trt.ILogger, name)
    assert set(tensorrt_build._DTYPES) <= set(trt.DataType.__members__)
    monitor = trt.IProgressMonitor
    assert {"phase_start", "step_complete", "phase_finish"} <= set(dir(monitor))
    log = tensorrt._log(trt)
    log.log(trt.ILogger.ERROR, "first\nline")
    assert log.reason() == "first"
    assert log.reason() == "it does not say why"
    assert tensorrt_build._monitor(trt, Progress(print)).step_complete("unknown", 1)


def test_pycuda_has_every_name_that_is_used():
    cuda = real("pycuda.driver")
    assert_has(cuda, simulated_tensorrt.World().cuda, "pycuda.driver")
