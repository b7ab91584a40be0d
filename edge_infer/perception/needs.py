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

"""Whether an engine that is here is new enough for a bundle."""

from __future__ import annotations

from edge_infer.backends import registry, versions
from edge_infer.models.manifest import Manifest, specifier


def unmet(manifest: Manifest, engine: str) -> str | None:
    """Why the installed version of an engine cannot run a model; None when it can.

    An engine whose version nobody can tell is given the chance.

    Args:
        manifest: of the model.
        engine: by its name in the registry, with a device or without.
    """
    name, _ = registry.split(engine)
    needed, installed = manifest.engines.get(name), versions.version_of(name)
    if needed is None or installed is None:
        return None
    if specifier(name, needed).contains(installed, prereleases=True):
        return None
    return (
        f"model {manifest.name} {manifest.version} needs the engine {name} {needed}, "
        f"not {installed}"
    )
