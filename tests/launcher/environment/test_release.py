"""This installation as a list of files."""

from __future__ import annotations

import hashlib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import distrcomp
from launcher.environment.release import PACKAGES, own_release, release_hash
from launcher.ship.manifest import Manifest, check_manifest


def test_own_release() -> None:
    """It holds the packages' files as they lie here, and nothing that was made from them."""
    found = own_release()
    check_manifest(found.manifest, 5_000, 2**25)
    paths = {entry.path: entry for entry in found.manifest.files}
    init = Path(distrcomp.__file__)
    assert init.read_bytes() == found.contents[paths["distrcomp/__init__.py"].sha256]
    assert {"launcher/run/page.js", "launcher/agent/server.py"} <= set(paths)
    assert not [path for path in paths if path.endswith((".pyc", *EXTENSION_SUFFIXES))]
    metadata = f"distrcomp-{distrcomp.__version__}.dist-info"
    assert {*PACKAGES, metadata} == {path.partition("/")[0] for path in paths}
    record = found.contents[paths[f"{metadata}/RECORD"].sha256].decode()
    assert set(paths) == {line.removesuffix(",,") for line in record.splitlines()}
    told = found.contents[paths[f"{metadata}/METADATA"].sha256].decode()
    assert f"\nVersion: {distrcomp.__version__}\n" in told
    assert "\nRequires-Dist: msgpack" in told


def test_hash() -> None:
    """The same files have the same hash, and each content is under its own."""
    found, again = own_release(), own_release()
    assert found.sha256 == again.sha256 == release_hash(found.manifest)
    assert release_hash(Manifest(found.manifest.files[1:])) != found.sha256
    for sha256, data in found.contents.items():
        assert hashlib.sha256(data).digest() == sha256
