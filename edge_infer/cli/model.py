"""``edge-infer model inspect BUNDLE``: what a model bundle is and whether it is whole."""

from __future__ import annotations

import argparse
import json

from edge_infer.models.bundle import ModelBundle, shipped


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    inspect = actions.add_parser("inspect", help="check a bundle and print its manifest")
    inspect.add_argument("bundle", nargs="?", help="its folder; the shipped one when left out")
    inspect.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Check the bundle and print what it is."""
    bundle = ModelBundle.load(arguments.bundle or shipped())
    manifest = bundle.manifest
    document = {"path": str(bundle.path), "digest": bundle.digest, **json.loads(manifest.to_json())}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return 0
    print(f"{manifest.name} {manifest.version}  {bundle.digest[:12]}  {bundle.path}")
    for weight in manifest.weights:
        print(f"  {weight.format:8} {weight.file}  {weight.bytes / 1e6:.2f} MB")
    shape = manifest.input
    print(f"  input    {shape.width}x{shape.height}x{shape.channels} {shape.dtype}")
    print(f"  labels   {', '.join(manifest.labels)}")
    return 0
