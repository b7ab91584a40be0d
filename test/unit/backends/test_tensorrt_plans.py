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

"""Kept plans: what they hang on, and that nothing but the very same bytes comes back."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.backends.tensorrt_plans import (
    KEPT,
    Machine,
    Origin,
    Plan,
    PlanStore,
    Settings,
    default_folder,
    key,
    opened,
    sealed,
)

ORIN = Machine("10.3.0", "Orin", "8.7", "12060")
ORIGIN = Origin("ab" * 32, ORIN, Settings(("FP16", "INT8")))
PLAN = Plan(("image",), ("corners", "there"), b"\x00plan\nwith lines\xff")

OTHERS = {
    "model": ORIGIN._replace(model_sha256="cd" * 32),
    "tensorrt": ORIGIN._replace(machine=ORIN._replace(tensorrt="10.3.1")),
    "gpu": ORIGIN._replace(machine=ORIN._replace(gpu="Orin Nano")),
    "compute": ORIGIN._replace(machine=ORIN._replace(compute="8.9")),
    "driver": ORIGIN._replace(machine=ORIN._replace(driver="12020")),
    "flags": ORIGIN._replace(settings=Settings(("FP16",))),
    "workspace": ORIGIN._replace(settings=ORIGIN.settings._replace(workspace_bytes=1)),
    "batch": ORIGIN._replace(settings=ORIGIN.settings._replace(max_batch=1)),
}


@pytest.fixture
def said():
    return []


@pytest.fixture
def store(tmp_path, said):
    return PlanStore(tmp_path / "plans", said.append)


def files(store, pattern="*"):
    return sorted(store._folder.glob(pattern))


# --- the key -------------------------------------------------------------------------


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_another_of_anything_has_another_key_and_no_plan(store, said, other):
    store.keep_plan(ORIGIN, PLAN)
    assert key(other) != key(ORIGIN)
    assert store.plan(other) is None
    assert said == []


def test_every_field_is_in_the_list_of_others():
    fields = {*Origin._fields, *Machine._fields, *Settings._fields} - {"machine", "settings"}
    assert len(OTHERS) == len(fields)


@given(st.tuples(*[st.text(max_size=6)] * 4), st.tuples(*[st.text(max_size=6)] * 4))
def test_keys_are_equal_exactly_when_machines_are(one, other):
    assert (key(Machine(*one)) == key(Machine(*other))) == (one == other)


def test_a_key_is_the_same_in_another_process():
    script = (
        f"from edge_infer.backends.tensorrt_plans import *;print(key({ORIGIN!r}).hex())".replace(
            "'", '"'
        )
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == key(ORIGIN).hex()


# --- the file ------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_what_was_sealed_comes_back(content):
    assert opened(key(ORIGIN), sealed(key(ORIGIN), content)) == content


@given(st.binary(max_size=200), st.data())
def test_any_flipped_bit_is_noticed(content, data):
    file = bytearray(sealed(key(ORIGIN), content))
    file[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert opened(key(ORIGIN), bytes(file)) is None


@given(st.binary(max_size=200), st.data())
def test_any_cut_and_any_tail_is_noticed(content, data):
    file = sealed(key(ORIGIN), content)
    assert opened(key(ORIGIN), file[: data.draw(st.integers(0, len(file) - 1))]) is None
    assert opened(key(ORIGIN), file + data.draw(st.binary(min_size=1))) is None


@given(st.binary(max_size=300))
def test_no_other_file_is_taken(file):
    assert opened(key(ORIGIN), file) is None


@given(st.lists(st.text()), st.lists(st.text()), st.binary())
def test_the_order_of_the_tensors_is_kept_with_the_plan(inputs, outputs, content):
    plan = Plan(tuple(inputs), tuple(outputs), content)
    assert Plan.unpacked(plan.packed()) == plan


# --- the store -----------------------------------------------------------------------


def test_a_plan_comes_back_from_the_disk(store, said):
    assert store.plan(ORIGIN) is None
    store.keep_plan(ORIGIN, PLAN)
    assert store.plan(ORIGIN) == PLAN
    assert said == []


def test_timings_hold_for_all_models_of_a_machine_and_for_no_other(store):
    store.keep_timings(ORIN, b"times")
    assert store.timings(ORIN) == b"times"
    assert store.timings(ORIN._replace(tensorrt="11.4")) == b""


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:-1], lambda b: b + b"x", lambda b: b"x" + b[1:]]
)
def test_a_damaged_file_is_no_plan_and_is_written_anew(store, said, damage):
    store.keep_plan(ORIGIN, PLAN)
    (file,) = files(store)
    file.write_bytes(damage(file.read_bytes()))
    assert store.plan(ORIGIN) is None
    assert said == ["its stored plan is damaged or of another machine"]
    store.keep_plan(ORIGIN, PLAN)
    assert store.plan(ORIGIN) == PLAN


def test_a_plan_under_the_name_of_another_is_not_taken(store, said):
    store.keep_plan(ORIGIN, PLAN)
    (file,) = files(store)
    file.rename(store._plan_file(OTHERS["gpu"]))
    assert store.plan(OTHERS["gpu"]) is None
    assert said == ["its stored plan is damaged or of another machine"]


def test_a_folder_in_the_place_of_a_plan_is_told_and_no_more(store, said):
    store._plan_file(ORIGIN).mkdir(parents=True)
    assert store.plan(ORIGIN) is None
    store.keep_plan(ORIGIN, PLAN)
    assert [sentence.partition(" (")[0] for sentence in said] == [
        "its stored plan cannot be read",
        "the plan cannot be kept for the next start",
    ]
    assert files(store) == [store._plan_file(ORIGIN)]


def test_a_place_that_takes_no_files_costs_only_the_cache(tmp_path, said):
    (tmp_path / "file").write_text("in the way")
    store = PlanStore(tmp_path / "file", said.append)
    assert store.plan(ORIGIN) is None
    store.keep_plan(ORIGIN, PLAN)
    store.keep_timings(ORIN, b"times")
    assert len(said) == 3


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_is_told_and_leaves_nothing_behind(store, said):
    store._folder.mkdir()
    fresh = store._plan_file(ORIGIN).with_name(store._plan_file(ORIGIN).name + ".new")
    fresh.symlink_to("/dev/full")
    store.keep_plan(ORIGIN, PLAN)
    assert "No space left on device" in said[0]
    assert files(store) == []
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_the_newest_plans_of_a_model_stay_and_other_models_are_left_alone(store):
    store.keep_plan(OTHERS["model"], PLAN)
    store.keep_timings(ORIN, b"times")
    origins = [ORIGIN._replace(machine=ORIN._replace(driver=str(n))) for n in range(KEPT + 3)]
    for age, origin in enumerate(origins):
        store.keep_plan(origin, PLAN)
        os.utime(store._plan_file(origin), ns=(age, age))
    kept = [store.plan(origin) is not None for origin in origins]
    assert kept == [False] * 3 + [True] * KEPT
    assert store.plan(OTHERS["model"]) == PLAN
    assert store.timings(ORIN) == b"times"


def test_the_folder_follows_the_environment_and_else_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_INFER_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "plans"
    monkeypatch.delenv("EDGE_INFER_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "edge_infer" / "plans"


def test_without_a_home_nothing_is_kept_and_nothing_breaks(monkeypatch, said):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.delenv("EDGE_INFER_CACHE", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    store = PlanStore(default_folder(), said.append)
    store.keep_plan(ORIGIN, PLAN)
    assert "cannot be kept" in said[0]
