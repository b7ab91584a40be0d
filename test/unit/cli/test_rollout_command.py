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

"""``edge-infer rollout`` without a fleet: publishing, and what it says when nobody is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundle_variants import variant

from edge_infer.cli.main import main
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.updates.store import Store
from edge_infer.updates.trust.keys import init_keys
from edge_infer.updates.trust.repository import Publisher


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    init_keys(tmp_path / "keys")
    return tmp_path / "keys"


def release(folder: Path, number: int) -> ModelBundle:
    model = ModelBundle.load(shipped())
    return variant(
        model, folder / f"v{number}", [("onnx", "int8")], release=number, version=f"0.{number}.0"
    )


def publish(bundle: str, keys: Path, *words: str) -> int:
    store = keys.parent / "store"
    where = ["--store", str(store), "--keys", str(keys), "--listen", "0"]
    return main(["rollout", "publish", bundle, *where, *words])


def test_publish_packs_signs_and_tells_what_it_did(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = release(tmp_path, 6), release(tmp_path, 7)
    assert publish(str(first.path), keys, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["release"], told["digest"]) == ("solar_thermal", 6, first.digest)
    assert list(told["packages"]) == ["whole"]
    assert publish(str(second.path), keys, "--base", str(first.path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["packages"][first.digest[:12]] < 0.1 * told["packages"]["whole"]
    store = Store(str(tmp_path / "store"))
    assert Publisher(store, keys).files_of(first.digest) == first.contents()


def test_publish_takes_an_address(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = release(tmp_path, 6)
    assert publish(f"file://{bundle.path}", keys) == 0
    assert "published as release 6" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        ("nowhere", "is not there"),
        ("file:///nowhere", "has no manifest.json"),
        ("nothing://x", "is no location"),
    ],
)
def test_a_bundle_that_is_not_there_is_one_sentence(
    keys: Path, capsys: pytest.CaptureFixture[str], bundle: str, words: str
) -> None:
    assert publish(bundle, keys) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_the_same_release_twice_with_other_bytes_is_refused(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(str(release(tmp_path, 6).path), keys) == 0
    model = ModelBundle.load(shipped())
    other = variant(model, tmp_path / "other", [("onnx", "int8")], release=6, version="0.6.1")
    assert publish(str(other.path), keys) == 2
    assert "published already" in capsys.readouterr().err
