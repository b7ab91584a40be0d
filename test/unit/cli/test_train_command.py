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

"""`edge-infer train …` from data to a bundle as a user types it, and what it says if it cannot."""

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from edge_infer.cli.main import main  # noqa: E402
from edge_infer.datasets.compose import Composer, FrameSpec  # noqa: E402
from edge_infer.datasets.folders import write_coco  # noqa: E402
from edge_infer.datasets.mixture import draw  # noqa: E402
from edge_infer.datasets.pictures import drawn_pictures  # noqa: E402
from edge_infer.models.bundle import ModelBundle  # noqa: E402
from edge_infer.simulation.modules import FAULT_CLASSES  # noqa: E402

FEW = ["--steps", "2", "--batch", "2"]
FINDER = ["--part", "finder", "--size", "8,16,16,1,1,16"]
CLASSIFIER = ["--part", "classifier", "--size", "16,16,16,0,0,1"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A user's own labelled folder."""
    folder = tmp_path_factory.mktemp("data")
    spec = FrameSpec(width=320, height=256)
    frames = draw(Composer(drawn_pictures(3, per_class=4), spec), 40, 2)
    write_coco(folder, frames, FAULT_CLASSES)
    return str(folder)


@pytest.fixture(scope="module")
def bases(data, tmp_path_factory):
    """Folders of a finder's and of a classifier's run."""
    folders = []
    for part in (FINDER, CLASSIFIER):
        folders.append(str(tmp_path_factory.mktemp(part[1])))
        assert main(["train", "run", *part, "--data", data, "--out", folders[-1], *FEW]) == 0
    return folders


def test_a_run_says_what_it_came_to(bases, data, capsys):
    for part, folder, said in zip((FINDER, CLASSIFIER), bases, ("recall", "class"), strict=True):
        again = ["train", "run", *part, "--data", data, "--out", folder, *FEW, "--resume"]
        assert main(again) == 0
        out, err = capsys.readouterr()
        assert out.startswith(f"{folder}: ")
        assert said in out
        assert f"images of {data}" in err.replace("\n", "")


def test_the_whole_way_from_a_folder_to_a_bundle(bases, data, tmp_path, capsys):
    finder, base = bases
    common = ["--data", data, *FEW]
    pruned, student, rounded = (str(tmp_path / name) for name in ("pruned", "student", "rounded"))
    prune = ["--start", base, "--teacher", base, "--keep", "0.8"]
    assert main(["train", "prune", *prune, "--out", pruned, *common]) == 0
    distil = ["--teacher", base, "--part", "classifier", "--size", "8,8,16,0,0,1"]
    assert main(["train", "distil", *distil, "--out", student, *common]) == 0
    assert main(["train", "qat", "--start", pruned, "--out", rounded, *common]) == 0
    capsys.readouterr()
    shipped = tmp_path / "bundle"
    export = ["--finder", finder, "--classifier", rounded, "--data", data, "--out", str(shipped)]
    assert main(["train", "export", *export, "--name", "own", "--release", "7"]) == 0
    assert "int8" in capsys.readouterr().out

    manifest = ModelBundle.load(shipped).manifest
    assert (manifest.name, manifest.release) == ("own", 7)
    steps = [manifest.training[f"classifier_step_{n}"].split()[2] for n in (1, 2, 3)]
    assert steps == ["run", "prune", "qat"]
    card = (shipped / "MODEL_CARD.md").read_text()
    assert "edge-infer train prune" in card
    assert "--keep 0.8" in card
    assert manifest.training["classifier_data_sha256"] in card


def test_several_processes_share_the_work(data, tmp_path):
    out = str(tmp_path / "two")
    shared = ["--data", data, "--out", out, *FEW, "--processes", "2"]
    assert main(["train", "run", *CLASSIFIER, *shared]) == 0
    assert json.loads((tmp_path / "two" / "run.json").read_text())["steps"] == 2


def test_a_search_ranks_what_it_tried(data, tmp_path, capsys):
    out = tmp_path / "search"
    arguments = ["--data", data, "--out", str(out), "--candidates", "3", "--steps", "1"]
    assert main(["train", "search", "--part", "classifier", *arguments]) == 0
    rows = json.loads((out / "search.json").read_text())
    assert len(rows) == len(capsys.readouterr().out.splitlines()) == 3
    latencies = [row["latency_ms"] for row in rows]
    assert latencies == sorted(latencies)
    assert rows[0]["best"]
    assert (out / "search.png").read_bytes().startswith(b"\x89PNG")


def test_frames_can_be_written_for_others_to_judge_with(tmp_path, capsys):
    assert main(["train", "frames", "--out", str(tmp_path / "frames"), "--count", "2"]) == 0
    assert "2 frames" in capsys.readouterr().out
    document = json.loads((tmp_path / "frames" / "annotations.json").read_text())
    assert len(document["images"]) == 2
    assert {c["name"] for c in document["categories"]} > {"No-Anomaly", "Diode"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--part", "finder", "--size", "1,2,3"], "--size 1,2,3 is no size of a finder"),
        (["run", "--part", "classifier", "--size", "0,2,3,1,1,1"], "is no size of a classifier"),
        (
            ["run", "--part", "finder", "--batch", "2", "--processes", "3"],
            "3 processes cannot share a batch of 2",
        ),
        (["qat", "--start", "absent"], "is not there"),
        (["prune", "--start", "absent"], "is not there"),
        (["run", "--part", "finder", "--data", "absent.npz"], "absent.npz"),
        (["export", "--finder", "absent", "--classifier", "absent"], "is not there"),
        (["search", "--part", "finder", "--candidates", "999"], "there are no 999 candidates"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge_infer.training.data.SIMULATED_FRAMES", 2)
    assert main(["train", *arguments, "--out", str(tmp_path / "out")]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("edge-infer train: ")
    assert said in last


def test_runs_of_the_wrong_part_are_named(bases, data, tmp_path, capsys):
    finder, classifier = bases
    out = ["--data", data, "--out", str(tmp_path / "out")]
    swapped = ["export", "--finder", classifier, "--classifier", finder, *out]
    assert main(["train", *swapped]) == 2
    assert f"the run in {classifier} trained no finder" in capsys.readouterr().err
    assert main(["train", "qat", "--start", finder, "--teacher", classifier, *out]) == 2
    assert f"the run in {classifier} trained no finder" in capsys.readouterr().err


def test_an_empty_folder_and_a_corrupt_image_are_named(data, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert (
        main(["train", "run", *FINDER, "--data", str(empty), "--out", str(tmp_path / "out")]) == 2
    )
    assert "holds no labels" in capsys.readouterr().err
    broken = tmp_path / "broken"
    frames = draw(Composer(drawn_pictures(3, per_class=4), FrameSpec(width=96, height=96)), 80, 2)
    write_coco(broken, frames, FAULT_CLASSES)
    for image in broken.rglob("*.png"):
        image.write_bytes(b"no" + image.read_bytes())
    assert (
        main(["train", "run", *FINDER, "--data", str(broken), "--out", str(tmp_path / "out")]) == 2
    )
    assert "is no readable image" in capsys.readouterr().err
