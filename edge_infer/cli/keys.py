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

"""``edge-infer keys``: the ceremonies around the keys that sign a fleet's models."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_infer.cli.checks import positive_int

if TYPE_CHECKING:
    from edge_infer.updates.trust.keys import Ceremony

_ROLES = ("root", "targets", "online")
_SHOWN = 16
"""Characters of an identifier; they are in the name of the file, too."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    init = _action(actions, "init", "make all keys and the first root")
    init.add_argument("--scheme", choices=("ecdsa", "ed25519"), default="ecdsa")
    init.add_argument(
        "--root-keys", type=positive_int, default=3, metavar="N", help="how many (default 3)"
    )
    init.add_argument(
        "--threshold",
        type=positive_int,
        default=2,
        metavar="K",
        help="how many of them a new root takes (default 2)",
    )
    rotate = _action(actions, "rotate", "replace every key of a role")
    rotate.add_argument("role", choices=_ROLES)
    revoke = _action(actions, "revoke", "replace one key, such as a lost one")
    revoke.add_argument("keyid", metavar="KEYID", help="its beginning, as show prints it")
    _action(actions, "renew", "sign the root anew, before it expires")
    _action(actions, "sign", "add this folder's signatures to a root that waits for them")
    _action(actions, "show", "which keys count, and which private ones are here")


def run(arguments: argparse.Namespace) -> int:
    """Hold the ceremony, and print what came of it."""
    folder: Path = arguments.folder
    if arguments.action != "show":
        _ACTIONS[arguments.action](folder, arguments)
    described = _described(folder)
    if arguments.json:
        print(json.dumps(described, indent=2))
        return 0
    _print(described)
    if arguments.action == "init":
        _print_where_to(folder)
    elif arguments.action in ("rotate", "revoke") and not described["lacking"]:
        print("publish again, so that the fleet hears of it: edge-infer rollout publish BUNDLE")
    return 0


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="of the keys")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


# --- ceremonies ------------------------------------------------------------------------


def _init(folder: Path, arguments: argparse.Namespace) -> Ceremony:
    from edge_infer.updates.trust.keys import init_keys

    given = vars(arguments)
    return init_keys(folder, **{key: given[key] for key in ("scheme", "root_keys", "threshold")})


def _rotate(folder: Path, arguments: argparse.Namespace) -> Ceremony:
    from edge_infer.updates.trust.keys import rotate

    return rotate(folder, arguments.role)


def _revoke(folder: Path, arguments: argparse.Namespace) -> Ceremony:
    from edge_infer.updates.trust.keys import revoke

    return revoke(folder, arguments.keyid)


def _renew(folder: Path, _: argparse.Namespace) -> Ceremony:
    from edge_infer.updates.trust.keys import renew_root

    return renew_root(folder)


def _sign(folder: Path, _: argparse.Namespace) -> Ceremony:
    from edge_infer.updates.trust.keys import sign

    return sign(folder)


_ACTIONS: dict[str, Callable[[Path, argparse.Namespace], Ceremony]] = {
    "init": _init,
    "rotate": _rotate,
    "revoke": _revoke,
    "renew": _renew,
    "sign": _sign,
}


# --- what there is ---------------------------------------------------------------------


def _described(folder: Path) -> dict[str, Any]:
    from edge_infer.updates.trust.keys import KeyFolder, keys_of

    keys = KeyFolder(folder)
    root, lacking = keys.waiting()
    rows = [
        {
            "role": role,
            "keyid": key.keyid,
            "scheme": key.scheme,
            "private": str(file) if (file := keys.file_of(role, key)).is_file() else None,
        }
        for role in _ROLES
        for key in keys_of(root, role)
    ]
    return {
        "root": root.version,
        "threshold": root.roles["root"].threshold,
        "expires": root.expires.strftime("%Y-%m-%d"),
        "lacking": lacking,
        "draft": str(keys.draft) if lacking else None,
        "keys": rows,
    }


def _print(described: dict[str, Any]) -> None:
    number = sum(row["role"] == "root" for row in described["keys"])
    print(
        f"root {described['root']}, {described['threshold']} of {number} keys, "
        f"expires {described['expires']}"
    )
    for row in described["keys"]:
        print(f"  {row['role']:<8} {row['keyid'][:_SHOWN]}  {row['private'] or 'not here'}")
    if described["lacking"]:
        print(
            f"it lacks {described['lacking']} signatures: take {described['draft']} to the "
            "holders of the other root keys, and run there: edge-infer keys sign DIR"
        )


def _print_where_to(folder: Path) -> None:
    print(f"take offline: each {folder}/offline/root-*.pem to a safe of its own,")
    print(f"  {folder}/offline/targets-*.pem to the machine that publishes")
    print(f"to the gateway: {folder}/online/online-*.pem")
    print(f"to every drone and the gateway: {folder}/root.json")
