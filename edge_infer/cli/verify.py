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

"""``edge-infer model verify``: all that can be checked of a bundle before it is trusted."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge_infer.errors import UsageError
from edge_infer.models.bundle import MANIFEST_FILE, ModelBundle


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("bundle", help="folder of a bundle")
    add("--engines", default="auto", help="as the detector's parameter backend (default auto)")
    add("--public-key", type=Path, metavar="PEM", help="of whom the manifest must be signed by")
    add("--signature", type=Path, metavar="FILE",
        help="of manifest.json, as openssl dgst -sha256 -sign writes it")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object")


def run(bundle: ModelBundle, arguments: argparse.Namespace) -> int:
    """Check, and print what was checked; a failure is an error of its own."""
    from edge_infer.models.sbom import check_sbom
    from edge_infer.perception.golden import check, engines_here

    # Who signed it comes first: an engine should see only what is trusted.
    signed = _check_signature(bundle, arguments.public_key, arguments.signature)
    bill = check_sbom(bundle)
    engines, left_out = engines_here(bundle, arguments.engines)
    for engine in engines:
        check(bundle, engine)
    document = {
        "model": bundle.manifest.name,
        "version": bundle.manifest.version,
        "release": bundle.manifest.release,
        "digest": bundle.digest,
        "files": len(bundle.manifest.files),
        "sbom": bill,
        "golden": bundle.manifest.golden is not None,
        "engines": list(engines),
        "left_out": left_out,
        "signed": signed,
    }
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        _print(bundle, bill, engines, left_out, signed)
    return 0


def _print(
    bundle: ModelBundle,
    bill: str | None,
    engines: tuple[str, ...],
    left_out: dict[str, str],
    signed: bool,
) -> None:
    manifest = bundle.manifest
    seen = "sees what it must" if manifest.golden else "has no golden input; looks at grey"
    print(f"{manifest.name} {manifest.version}  {bundle.digest[:12]}  {bundle.path}")
    print(f"  files      {len(manifest.files)}, each as its digest says")
    print(f"  sbom       {bill or 'none'}")
    print(f"  golden     {seen} with {', '.join(engines)}")
    for why in left_out.values():
        print(f"             not asked: {why}")
    print(f"  signature  {'good' if signed else 'not asked for'}")


def _check_signature(bundle: ModelBundle, key: Path | None, signature: Path | None) -> bool:
    """Whether there was one to check; raises TrustError when it is not good."""
    if key is None and signature is None:
        return False
    if key is None or signature is None:
        raise UsageError(
            "a signature and a public key need each other", "give --public-key and --signature"
        )
    from edge_infer.updates.trust.openssl_signature import verify_openssl

    verify_openssl(_read(key), _read(bundle.path / MANIFEST_FILE), _read(signature))
    return True


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read ({error.strerror})", "name a file that exists"
        ) from None
