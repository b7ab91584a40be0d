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

"""``edge-infer model seal``, ``derive`` and ``verify``: a bundle on its way to others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_bundles import one_look

from edge_infer.cli.main import main
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle

Capture = pytest.CaptureFixture[str]

PLACES = np.array([[50, 40, 20, 16, 0.1, 0.9], [100, 80, 24, 30, 0.8, 0.1]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle that was never sealed."""
    return one_look(tmp_path / "tiny", PLACES.T, ("Cell", "Diode")).path


@pytest.fixture
def sealed(folder: Path, capsys: Capture) -> Path:
    assert main(["model", "seal", str(folder), "--engines", "onnx>=1.17"]) == 0
    capsys.readouterr()
    return folder


def refused(capsys: Capture, *arguments: str) -> str:
    assert main(["model", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


# --- seal and derive -----------------------------------------------------------------


def test_seal_writes_in_place_or_elsewhere(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    picture = tmp_path / "seen.png"
    cv2.imwrite(str(picture), np.full((128, 160), 70, np.uint8))
    command = ["model", "seal", str(folder), "--pictures", str(picture)]
    assert main([*command, "--out", str(tmp_path / "other")]) == 0
    other = ModelBundle.load(tmp_path / "other")
    assert capsys.readouterr().out == f"tiny 1  {other.digest[:12]}  {other.path}\n"
    assert ModelBundle.load(folder).manifest.golden is None
    assert main(command) == 0
    assert ModelBundle.load(folder).digest == other.digest


def test_inspect_shows_what_belongs_to_it(sealed: Path, capsys: Capture) -> None:
    assert main(["model", "inspect", str(sealed)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "release 1, licence Apache-2.0" in lines
    assert "needs onnx >=1.17" in lines
    manifest = ModelBundle.load(sealed).manifest
    for name, named in (("golden", manifest.golden), ("sbom", manifest.sbom)):
        assert named is not None
        assert f"{name} {named.bytes / 1e3:.0f} kB {name}.json" in lines


def test_derive_writes_another_release(sealed: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "next"
    options = ["--version", "1.1", "--release", "2", "--threshold", "0.3"]
    assert main(["model", "derive", str(sealed), str(out), *options]) == 0
    manifest = ModelBundle.load(out).manifest
    assert (manifest.version, manifest.release, manifest.score_threshold) == ("1.1", 2, 0.3)
    assert main(["model", "verify", str(out)]) == 0
    assert capsys.readouterr().out.startswith("tiny 1.1  ")


@pytest.mark.parametrize("text", ["onnx", ">=1", "onnx=new", "onnx>=", "on nx"])
def test_versions_that_are_none(text: str, folder: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["model", "seal", str(folder), "--engines", text])
    assert "is not an engine and versions" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(sealed: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    out = str(tmp_path / "file")
    err = refused(capsys, "derive", str(sealed), out, "--version", "2", "--release", "2")
    assert f"{out} cannot be written" in err


# --- verify --------------------------------------------------------------------------


def test_verify_tells_what_was_checked(sealed: Path, capsys: Capture) -> None:
    assert main(["model", "verify", str(sealed)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "files 3, each as its digest says",
        "sbom CycloneDX 1.6",
        "golden sees what it must with onnx",
        "signature not asked for",
    ]


def test_verify_as_json(sealed: Path, capsys: Capture) -> None:
    assert main(["model", "verify", str(sealed), "--json", "--engines", "tflite,onnx"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == ModelBundle.load(sealed).digest
    assert (told["model"], told["version"], told["release"]) == ("tiny", "1", 1)
    assert (told["sbom"], told["golden"], told["signed"]) == ("CycloneDX 1.6", True, False)
    assert told["engines"] == ["onnx"]
    assert list(told["left_out"]) == ["tflite"]


def test_a_bundle_without_golden_input_and_bill_can_be_verified(
    folder: Path, capsys: Capture
) -> None:
    assert main(["model", "verify", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "sbom       none" in out
    assert "has no golden input; looks at grey with onnx" in out


def test_verify_refuses_other_weights(sealed: Path, tmp_path: Path, capsys: Capture) -> None:
    """As whoever writes the manifest could put them there."""
    blind = one_look(tmp_path / "blind", PLACES.T[:, :1], ("Cell", "Diode"))
    held = ModelBundle.load(sealed)
    manifest = held.manifest.model_copy(update={"weights": blind.manifest.weights})
    bundle.write(sealed, manifest, {"model.onnx": blind.contents()["model.onnx"]})
    assert "does not name model.onnx by its digest" in refused(capsys, "verify", str(sealed))
    bundle.write(sealed, manifest.model_copy(update={"sbom": None}), {})
    assert "1 of 2 things are missing" in refused(capsys, "verify", str(sealed))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Private and public keys of one who is trusted and of another."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name in ("own", "other"):
        private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        options = ["-name", "prime256v1", "-genkey", "-noout", "-out", str(private)]
        openssl("ecparam", *options)
        openssl("ec", "-in", str(private), "-pubout", "-out", str(public))
        made |= {name: private, f"{name} public": public}
    return made


def openssl(*arguments: str) -> None:
    try:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl")


def test_a_signature_of_openssl_is_checked(
    sealed: Path, keys: dict[str, Path], tmp_path: Path, capsys: Capture
) -> None:
    signature = tmp_path / "manifest.sig"
    manifest = sealed / "manifest.json"
    openssl("dgst", "-sha256", "-sign", str(keys["own"]), "-out", str(signature), str(manifest))
    options = ["--signature", str(signature), "--public-key"]
    assert main(["model", "verify", str(sealed), *options, str(keys["own public"])]) == 0
    assert "signature  good" in capsys.readouterr().out
    refused(capsys, "verify", str(sealed), *options, str(keys["other public"]))
    refused(capsys, "verify", str(sealed), *options, str(signature))
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    refused(capsys, "verify", str(sealed), *options, str(keys["own public"]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--public-key", "KEY"], "a signature and a public key need each other"),
        (["--signature", "KEY"], "a signature and a public key need each other"),
        (["--signature", "/nowhere", "--public-key", "KEY"], "/nowhere cannot be read"),
        (["--engines", "abacus"], "there is no engine called 'abacus'"),
        (["--engines", "tflite"], "no engine for model tiny 1 runs here"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], words: str, sealed: Path, keys: dict[str, Path], capsys: Capture
) -> None:
    given = [str(keys["own public"]) if word == "KEY" else word for word in arguments]
    assert words in refused(capsys, "verify", str(sealed), *given)
