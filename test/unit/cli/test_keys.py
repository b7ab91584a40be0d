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

"""``edge-infer keys``: what it makes, prints and refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge_infer.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> str:
    monkeypatch.chdir(tmp_path)
    assert main(["keys", "init", "keys", "--scheme", "ed25519"]) == 0
    capsys.readouterr()
    return "keys"


def shown(folder: str, capsys: Capture) -> dict:
    assert main(["keys", "show", folder, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_init_says_where_each_file_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["keys", "init", "k", "--root-keys", "2", "--threshold", "1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"root 1, 1 of 2 keys, expires \d{4}-\d\d-\d\d", printed[0])
    for line, role in zip(printed[1:5], ("root", "root", "targets", "online"), strict=True):
        found = re.fullmatch(rf"  {role:<8} ([0-9a-f]{{16}})  (k/\S+)", line)
        assert found
        place = "online" if role == "online" else "offline"
        assert found[2] == f"k/{place}/{role}-{found[1]}.pem"
        assert Path(found[2]).stat().st_mode & 0o777 == 0o600
    assert printed[5:] == [
        "take offline: each k/offline/root-*.pem to a safe of its own,",
        "  k/offline/targets-*.pem to the machine that publishes",
        "to the gateway: k/online/online-*.pem",
        "to every drone and the gateway: k/root.json",
    ]
    keys = {row["scheme"] for row in shown("k", capsys)["keys"]}
    assert keys == {"ecdsa-sha2-nistp256"}


def test_show_says_which_private_keys_are_here(folder: str, capsys: Capture) -> None:
    for file in Path(folder, "offline").glob("root-*.pem"):
        file.unlink()
    assert main(["keys", "show", folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("not here") for line in lines[1:]] == [True, True, True, False, False]


@pytest.mark.parametrize("role", ["root", "targets", "online"])
def test_rotate(folder: str, capsys: Capture, role: str) -> None:
    before = shown(folder, capsys)["keys"]
    assert main(["keys", "rotate", folder, role]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("publish again")
    after = shown(folder, capsys)
    assert after["root"] == 2
    changed = {row["role"] for row in after["keys"] if row not in before}
    assert changed == {role}


def test_revoke_and_renew(folder: str, capsys: Capture) -> None:
    lost = shown(folder, capsys)["keys"][0]["keyid"]
    assert main(["keys", "revoke", folder, lost[:16]]) == 0
    assert main(["keys", "renew", folder]) == 0
    capsys.readouterr()
    after = shown(folder, capsys)
    assert after["root"] == 3
    assert len(after["keys"]) == 5
    assert lost not in {row["keyid"] for row in after["keys"]}


def test_a_draft_is_signed_elsewhere(folder: str, capsys: Capture) -> None:
    _, *away = sorted(Path(folder, "offline").glob("root-*.pem"))
    contents = {file: file.read_bytes() for file in away}
    for file in away:
        file.unlink()
    assert main(["keys", "rotate", folder, "online"]) == 0
    printed = capsys.readouterr().out
    assert "it lacks 1 signatures: take keys/metadata/draft.root.json to the holders" in printed
    assert shown(folder, capsys)["lacking"] == 1
    for file, content in contents.items():
        file.write_bytes(content)
    assert main(["keys", "sign", folder]) == 0
    capsys.readouterr()
    assert (shown(folder, capsys)["root"], shown(folder, capsys)["draft"]) == (2, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init", "keys"], "keys is not empty: name a new folder for the keys"),
        (["init", "new", "--threshold", "4"], "4 of 3 root keys is no threshold"),
        (["show", "nowhere"], "nowhere holds no keys: make them with edge-infer keys init DIR"),
        (["revoke", "keys", "zz"], "0 keys begin with 'zz': see them with"),
        (["sign", "keys"], "no root waits in keys/metadata"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: str, capsys: Capture, arguments: list[str], said: str
) -> None:
    assert main(["keys", *arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"edge-infer keys: {said}")
    assert printed.count("\n") == 1
