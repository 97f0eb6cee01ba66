"""Wheels that the launcher fetches for agents."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from launcher.environment.lock import Lock, Package, Wheel
from launcher.environment.tags import Platform
from launcher.environment.wheels import Wheels, password_for
from launcher.errors import CannotStart
from tests.wheels import make_wheel, package_index

DEBIAN = Platform((3, 11), "cp311", "x86_64", "glibc", (2, 36))


def lock_of(*wheels: tuple[str, Path]) -> Lock:
    """A lock of packages with one wheel each, at these addresses."""
    packages = []
    for url, path in wheels:
        name, version = path.name.split("-")[:2]
        sha256 = hashlib.sha256(path.read_bytes()).digest()
        packages.append(Package(name, version, "", (), (Wheel(path.name, url, sha256),)))
    return Lock(tuple(packages))


def offered(wheels: Wheels) -> tuple[dict[str, Path], str]:
    """What is offered to a usual machine."""
    return asyncio.run(wheels.offer(DEBIAN))


def test_fetched_once(tmp_path: Path) -> None:
    """From an index with a password, into a private folder; then they are there."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")
    with package_index(tmp_path / "index", password="me:secret") as address:
        lock = lock_of((f"{address}tiny/{wheel.name}", wheel))
        paths, why_not = offered(Wheels(lock, tmp_path / "kept", tmp_path))
    assert "" == why_not
    assert wheel.read_bytes() == paths[wheel.name].read_bytes()
    assert 0o700 == (tmp_path / "kept").stat().st_mode & 0o7777
    assert 0o600 == paths[wheel.name].stat().st_mode & 0o7777
    assert (paths, "") == offered(Wheels(lock, tmp_path / "kept", tmp_path))  # the index is gone


def test_passwords_of_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv's variables say the password of an index; no other host gets it."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")
    with package_index(tmp_path / "index", password="me:secret") as address:
        bare = address.replace("me:secret@", "")
        lock = lock_of((f"{bare}tiny/{wheel.name}", wheel))
        with pytest.raises(CannotStart, match="cannot be fetched: 401"):
            offered(Wheels(lock, tmp_path / "kept", tmp_path))
        monkeypatch.setenv("UV_INDEX", f"other=http://x/ mine={address}")
        assert [wheel.name] == list(offered(Wheels(lock, tmp_path / "kept", tmp_path))[0])
    environ = {"UV_INDEX": "http://a:b@h1:80/simple c=https://d%40:e@h2/", "NETRC": "/none"}
    asked = ("http://h1:80/x", "http://h1/x", "https://h2/y", "https://h3/", "http://f@h4/")
    found = [password_for(urlsplit(url), environ) for url in asked]
    assert [("a", "b"), None, ("d@", "e"), None, ("f", "")] == found
    netrc = tmp_path / "netrc"
    netrc.write_text("machine h5 login g password i\n")
    netrc.chmod(0o600)
    assert ("g", "i") == password_for(urlsplit("https://h5/"), {"NETRC": str(netrc)})


def test_files_that_lie_here(tmp_path: Path) -> None:
    """By a path, relative to where uv was asked, or as a file: address."""
    wheel = make_wheel(tmp_path / "my dist", "tiny", "1.0")
    for url in (f"my dist/tiny/{wheel.name}", wheel.as_uri()):
        lock = lock_of((url, wheel))
        paths, _ = offered(Wheels(lock, tmp_path / "kept", tmp_path))
        assert wheel.read_bytes() == paths[wheel.name].read_bytes()


def test_what_does_not_fit(tmp_path: Path) -> None:
    """A package without a wheel for that machine is named, the others are offered."""
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    odd = Package("odd", "2.0", "", (), (Wheel("odd-2.0-cp311-cp311-win32.whl", "x", b""),))
    lock = Lock((*lock_of((wheel.as_uri(), wheel)).packages, odd))
    paths, why_not = offered(Wheels(lock, tmp_path / "kept", tmp_path))
    assert [wheel.name] == list(paths)
    assert "there is no wheel for cp311 on x86_64 with glibc of odd 2.0" == why_not


def test_changed_on_the_way(tmp_path: Path) -> None:
    """What is not as it was locked is refused, and not kept."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")
    lock = lock_of((wheel.as_uri(), wheel))
    wheel.write_bytes(wheel.read_bytes() + b"x")
    with pytest.raises(CannotStart, match="is not what was locked: its hash differs"):
        offered(Wheels(lock, tmp_path / "kept", tmp_path))
    assert [] == list((tmp_path / "kept").iterdir())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x.whl", "http://me:secret@127.0.0.1:1/x.whl", "none/x.whl"]
)
def test_what_cannot_be_fetched(tmp_path: Path, url: str) -> None:
    """It is named, without a password."""
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    with pytest.raises(CannotStart, match=r"x\.whl cannot be fetched: ") as caught:
        offered(Wheels(lock_of((url, wheel)), tmp_path / "kept", tmp_path))
    assert "secret" not in str(caught.value)


def test_eviction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the longest unused ones go; so does what nobody fetches any more."""
    monkeypatch.setattr("launcher.limits.WHEELS_BYTES_MAX", 150)
    for used, name in ((1, "a" * 64), (3, "b" * 64), (2, "c" * 64), (0, "other")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (used, used))
    for name in ("fetching-old", "fetching-new"):
        (tmp_path / name).touch()
    os.utime(tmp_path / "fetching-old", (0, 0))
    Wheels(Lock(()), tmp_path, tmp_path).evict()
    assert ["b" * 64, "fetching-new", "other"] == sorted(path.name for path in tmp_path.iterdir())
