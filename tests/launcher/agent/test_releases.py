"""Where releases lie, and which one is kept."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import distrcomp
from launcher.agent.releases import Laid, Releases
from launcher.cluster.home import Home
from launcher.environment.release import Release, own_release
from launcher.errors import BadManifest, CannotStart, LauncherError
from launcher.ship.manifest import FileEntry, Manifest
from launcher.ship.store import Store


@pytest.fixture(scope="module")
def own() -> Release:
    """What runs here."""
    return own_release()


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    """Those of a new home."""
    return Releases(Home(tmp_path / "home", tmp_path / "home" / "cache"))


@pytest.fixture
def store(tmp_path: Path, own: Release) -> Store:
    """A store that has the contents of our own release."""
    made = Store(tmp_path / "store", 2**30)
    for entry in made.missing(own.manifest.files):
        writer = made.writer(entry)
        writer.write(own.contents[entry.sha256])
        writer.commit()
    return made


def lay(releases: Releases, own: Release, store: Store) -> Laid:
    """Our own release, laid."""
    return releases.lay(own.version, own.manifest, store)


def test_laid(releases: Releases, own: Release, store: Store) -> None:
    """Its interpreter imports it, finds its metadata, and what the agent has besides."""
    laid = lay(releases, own, store)
    code = (
        "import distrcomp, launcher, msgpack, importlib.metadata as m; print(distrcomp.__file__); "
        "print(m.distribution('distrcomp').locate_file('')); print(m.version('distrcomp'))"
    )
    words = [laid.python, "-P", "-c", code]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert printed[0].startswith(f"{laid.folder}/lib/")
    assert printed[1].startswith(f"{laid.folder}/lib/")
    assert distrcomp.__version__ == printed[2]
    assert sys.prefix != str(laid.folder)
    assert releases.running == ""


def test_kept(releases: Releases, own: Release, store: Store) -> None:
    """What is kept is found and sound, and all else goes; bytecode changes nothing."""
    assert releases.kept() is None
    laid = lay(releases, own, store)
    (releases.folder / "laying-0").mkdir()
    releases.keep(laid, "base")
    kept = releases.kept()
    assert kept is not None
    assert (laid, "base") == (kept.release, kept.base)
    assert {"kept.json", laid.sha256} == {path.name for path in releases.folder.iterdir()}
    (site,) = laid.folder.glob("lib/*/site-packages")
    (site / "distrcomp" / "__pycache__").mkdir()
    (site / "distrcomp" / "__pycache__" / "codec.cpython-311.pyc").write_bytes(b"")
    releases.check(kept)


def test_what_runs_is_left_alone(
    releases: Releases, own: Release, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release by whose files this process lives is not laid anew."""
    laid = lay(releases, own, store)
    monkeypatch.setattr("sys.prefix", str(laid.folder))
    with pytest.raises(CannotStart, match="it runs this release"):
        lay(releases, own, store)
    assert Path(laid.python).exists()


def test_base_is_kept(releases: Releases, own: Release, store: Store) -> None:
    """Where the installed one is brought back nothing is kept, for that is what starts anyway."""
    laid = lay(releases, own, store)
    releases.keep(laid, "another")
    releases.keep(laid, laid.sha256)
    assert releases.kept() is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lib/{}/site-packages/distrcomp/codec.py", "x = 1\n"),
        ("lib/{}/site-packages/numpy.py", ""),
        ("lib/{}/site-packages/_of_the_agent.pth", "/elsewhere\n"),
        ("pyvenv.cfg", "home = /elsewhere\n"),
    ],
)
def test_changed(releases: Releases, own: Release, store: Store, name: str, content: str) -> None:
    """A file that was changed or added since it was kept is found out."""
    laid = lay(releases, own, store)
    releases.keep(laid, "base")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (laid.folder / name.format(version)).write_text(content)
    kept = releases.kept()
    assert kept is not None
    with pytest.raises(CannotStart, match="is not what was brought there"):
        releases.check(kept)


def test_open_to_others(releases: Releases, own: Release, store: Store) -> None:
    """A folder that others may enter is not trusted, nor one that is gone."""
    laid = lay(releases, own, store)
    releases.keep(laid, "base")
    kept = releases.kept()
    assert kept is not None
    laid.folder.chmod(0o755)
    with pytest.raises(CannotStart, match="is open to other users"):
        releases.check(kept)
    releases.drop(laid)
    releases.sweep()
    with pytest.raises(CannotStart):
        releases.check(kept)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "../x", "sha256": "y"}', "null"])
def test_damaged_record(releases: Releases, text: str) -> None:
    """A file that says nothing sensible is said to be damaged."""
    releases.folder.mkdir(0o700, parents=True)
    (releases.folder / "kept.json").write_text(text)
    (releases.folder / "kept.json").chmod(0o600)
    with pytest.raises(CannotStart, match="is damaged"):
        releases.kept()


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("9.9", "distrcomp/x.py"),
        ("../9", "distrcomp/x.py"),
        ("", "distrcomp/x.py"),
        (distrcomp.__version__, "numpy/x.py"),
        (distrcomp.__version__, "x.pth"),
        (distrcomp.__version__, "distrcomp/../../x.py"),
    ],
)
def test_no_release(
    releases: Releases, own: Release, store: Store, version: str, path: str
) -> None:
    """S-20: what else would lie on Python's path is refused before anything is laid."""
    first = own.manifest.files[0]
    manifest = Manifest((*own.manifest.files, replace(first, path=path)))
    with pytest.raises(BadManifest):
        releases.lay(version, manifest, store)
    assert not releases.folder.exists()


def test_content_missing(releases: Releases, own: Release, tmp_path: Path) -> None:
    """Where the store lacks a content nothing stays of what was laid."""
    with pytest.raises(LauncherError, match="has no content"):
        lay(releases, own, Store(tmp_path / "empty", 2**30))
    assert [] == list(releases.folder.iterdir())


def test_too_much(releases: Releases, own: Release, store: Store) -> None:
    """S-18: there are bounds on what a release may hold."""
    huge = FileEntry("distrcomp/huge.py", 0o600, 2**30, bytes(32))
    with pytest.raises(BadManifest):
        releases.lay(own.version, Manifest((*own.manifest.files, huge)), store)
