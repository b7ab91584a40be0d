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

"""A model that is published while a simulated swarm flies, with keys and a store of its own.

Good: the fleet begins with a model that is too sure of itself to see much, and is given one
that sees. Bad: it is given one that takes everything for a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_infer.models.bundle import ModelBundle
from edge_infer.perception.sealing import derive
from edge_infer.updates.publishing import packages_of
from edge_infer.updates.store import Store
from edge_infer.updates.trust.keys import init_keys
from edge_infer.updates.trust.repository import Publisher

TOO_SURE = 0.8
"""Score threshold of a model that misses most."""
GULLIBLE = 0.0
"""Score threshold of a model that takes everything for a fault."""


class InFlightUpdate:
    """What one flight needs to be updated.

    Args:
        folder: for the keys, the store and the models.
        bundle: the good model.
        kind: good or bad.

    Attributes:
        first: the bundle that the fleet begins with.
    """

    def __init__(self, folder: Path, bundle: ModelBundle, kind: str) -> None:
        manifest = bundle.manifest
        self._keys = folder / "keys"
        self._store = folder / "store"
        init_keys(self._keys, root_keys=1, threshold=1)
        if kind == "good":
            self.first = derive(
                bundle, folder / "first", version=f"{manifest.version}-too-sure",
                release=manifest.release, score_threshold=TOO_SURE,
            )  # fmt: skip
            self._next = derive(
                bundle, folder / "next", version=manifest.version, release=manifest.release + 1
            )
        else:
            self.first = bundle
            self._next = derive(
                bundle, folder / "next", version=f"{manifest.version}-gullible",
                release=manifest.release + 1, score_threshold=GULLIBLE,
            )  # fmt: skip
        self._publisher = Publisher(Store(str(self._store)), self._keys)
        self._publisher.publish([])

    @property
    def drone_parameters(self) -> Mapping[str, object]:
        """Of each drone."""
        return {
            "drone:updater": "true",
            "updater:root": f"'{self._keys / 'root.json'}'",
            "updater:model": f"'{self.first.path}'",
            "updater:trial_s": 5.0,
        }

    @property
    def gateway_parameters(self) -> Mapping[str, object]:
        """Of the gateway."""
        online = next((self._keys / "online").glob("*.pem"))
        return {
            "store": f"'{self._store}'",
            "root": f"'{self._keys / 'root.json'}'",
            "online_key": f"'{online}'",
            "auto_start": "true",
            "poll_s": 1.0,
            "wave_s": 5.0,
        }

    def publish(self) -> str:
        """Sign the other model and put it where the gateway looks; returns what was done."""
        packages = packages_of(self._next, [self.first.contents()])
        self._publisher.publish(packages)
        smallest = min(package.blob.size for package, _ in packages)
        whole = packages[0][0].blob.size
        manifest = self._next.manifest
        return (
            f"{manifest.name} {manifest.version} is published as release {manifest.release}: "
            f"{smallest / 1e3:.1f} kB for those that fly {self.first.manifest.version}, "
            f"{whole / 1e6:.2f} MB for others"
        )
