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

"""A run learns, goes on where it stopped, and loses nothing."""

import json
import os
import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import STEPS, config, lesson, network, quiet  # noqa: E402

from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.training import checkpoint, run  # noqa: E402
from edge_infer.training.checkpoint import BEST, LAST, RECORD, load_trained  # noqa: E402
from edge_infer.training.run import CURVES, Run  # noqa: E402
from edge_infer.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def fresh(farm, folder, name="classifier", seed=0, **changes):
    torch.manual_seed(seed)
    settings = config(name, **{"steps": 4, "batch": 2, "evaluate_every": 2, **changes})
    trainer = Trainer(settings, lesson(name, farm), network(name))
    return Run(trainer, folder, {"command": "test", "start": None, "data": farm.provenance})


def weights_of(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_a_finder_learns_a_tiny_set_by_heart(runs):
    figures = load_trained(runs["finder"]).record["validation"]
    assert figures["recall"] > 0.9
    assert figures["precision"] > 0.9
    assert figures["corners_off"] < 0.12


def test_a_classifier_learns_a_tiny_set_by_heart(runs):
    figures = load_trained(runs["classifier"]).record["validation"]
    assert figures["binary_accuracy"] > 0.97
    assert figures["class_accuracy"] > 0.95


@pytest.mark.parametrize("name", ["finder", "classifier"])
def test_a_run_leaves_its_record_and_its_course(runs, name):
    record = json.loads((runs[name] / RECORD).read_text())
    assert record["config"]["steps"] == STEPS[name]
    assert record["data"] == {"modules": "tiny"}
    assert record["versions"]["torch"] == str(torch.__version__)
    assert record == load_trained(runs[name]).record
    assert (runs[name] / CURVES).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["finder", "classifier"])
def test_it_goes_on_exactly_where_it_stopped(farm, tmp_path, name):
    whole = fresh(farm, tmp_path / "whole", name)
    whole.go(quiet)

    first = fresh(farm, tmp_path / "halves", name)
    first.go(lambda done, of, words: os.kill(os.getpid(), signal.SIGTERM) if done == 2 else None)
    assert first.trainer.step == 2
    second = fresh(farm, tmp_path / "halves", name, seed=9)
    second.resume()
    second.go(quiet)
    assert torch.equal(weights_of(second.trainer.network), weights_of(whole.trainer.network))
    assert torch.equal(weights_of(second.trainer.average), weights_of(whole.trainer.average))
    assert [look["step"] for look in second._looks] == [2, 4]


def test_it_ends_early_when_nothing_gets_better(farm, tmp_path):
    still = fresh(farm, tmp_path, steps=50, evaluate_every=1, patience=3, learning_rate=1e-12)
    still.go(quiet)
    assert still.trainer.step == 4


def test_it_stops_when_its_time_is_up(farm, tmp_path):
    short = fresh(farm, tmp_path, steps=500)
    short.go(quiet, minutes=1e-9)
    assert short.trainer.step == 1
    assert (tmp_path / LAST).is_file()
    assert load_trained(tmp_path).record["steps"] == 1


def test_going_on_with_other_settings_is_refused(farm, tmp_path):
    fresh(farm, tmp_path).go(quiet)
    other = fresh(farm, tmp_path, learning_rate=1.0)
    with pytest.raises(TrainingError, match="other settings"):
        other.resume()


def test_an_absent_or_spoiled_checkpoint_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="is not there"):
        load_trained(tmp_path)
    (tmp_path / BEST).write_bytes(b"no weights")
    with pytest.raises(TrainingError, match="is no checkpoint") as caught:
        load_trained(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_said_and_the_old_checkpoint_stays(farm, tmp_path):
    fresh(farm, tmp_path).go(quiet)
    before = (tmp_path / BEST).read_bytes()
    (tmp_path / f"{BEST}.new").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match="make room there"):
        checkpoint.save(tmp_path, BEST, {"much": torch.zeros(1000)})
    assert (tmp_path / BEST).read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(farm, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be made"):
        fresh(farm, tmp_path / "file")


def test_signals_mean_again_what_they_meant():
    before = signal.getsignal(signal.SIGTERM)
    with run.stop_signals() as stopped:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_curves_need_two_looks(farm, tmp_path):
    one = fresh(farm, tmp_path, steps=1)
    one.go(quiet)
    assert not (tmp_path / CURVES).exists()
    assert np.isfinite(one.record["validation"]["kind_loss"])
