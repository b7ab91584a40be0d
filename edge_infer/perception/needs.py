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
