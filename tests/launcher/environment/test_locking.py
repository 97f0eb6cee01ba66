"""From a need to a lock, by uv, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.environment.lock import Lock
from launcher.environment.locking import make_lock
from launcher.environment.need import Need
from launcher.errors import BadUsage
from tests.launcher.agent.agent_kit import play
from tests.launcher.environment.keeper import Keeper
from tests.wheels import make_wheel, package_index

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of wheels of an index, which is all that uv knows of."""
    folder = tmp_path / "wheels"
    for name, version, requires in (
        ("tiny", "1.0", []),
        ("tiny", "2.0", []),
        ("small", "1.0", ["tiny<2", "distrcomp", "odd; sys_platform == 'win32'"]),
        ("odd", "1.0", []),
        ("msgpack", "0.1", []),
    ):
        make_wheel(folder, name, version, requires)
    with package_index(folder) as address:
        monkeypatch.setenv("UV_DEFAULT_INDEX", address)
        yield folder


def locked(
    folder: Path,
    *packages: str,
    program: Path | None = None,
    files: tuple[Path, ...] = (),
    python: str = "",
) -> Lock:
    """The lock for these."""
    made: list[Lock] = []
    keeper = Keeper()

    async def said(_line: str) -> None:
        """Nobody looks."""

    async def act() -> None:
        need = Need((program,) if program else (), files, packages, "", folder)
        made.append(await make_lock(need, python or None, folder / "kept", said, keeper))

    play(act)
    assert sorted(map(str, keeper.watched)) == sorted(map(str, keeper.forgotten))
    return made[0]


def versions(lock: Lock) -> dict[str, str]:
    """The version of each package."""
    return {package.name: package.version for package in lock.packages}


def test_what_is_locked(tmp_path: Path) -> None:
    """What is asked for and what that needs, for all machines, but distrcomp, which is there."""
    lock = locked(tmp_path, "small", "distrcomp>=99")
    assert {"small": "1.0", "tiny": "1.0", "odd": "1.0"} == versions(lock)
    (odd,) = (package for package in lock.packages if package.name == "odd")
    assert "win32" in odd.marker


def test_inline_metadata(tmp_path: Path) -> None:
    """uv reads a program's own, its [tool.uv] with it, and --with adds to that."""
    program = tmp_path / "prog.py"
    program.write_text('# /// script\n# dependencies = ["tiny"]\n# ///\n')
    assert {"tiny": "2.0"} == versions(locked(tmp_path, program=program))
    assert "1.0" == versions(locked(tmp_path, "small", program=program))["tiny"]


def test_a_wheel_that_lies_here(tmp_path: Path, packages: Path) -> None:
    """By its path from the current folder; agents get it from here."""
    lock = locked(tmp_path, f"./wheels/tiny/{next((packages / 'tiny').glob('*-1.0-*')).name}")
    assert {"tiny": "1.0"} == versions(lock)
    assert lock.is_local


def test_the_lowest_python(tmp_path: Path) -> None:
    """Where peers differ it is locked for the oldest of them."""
    assert {"tiny": "2.0"} == versions(locked(tmp_path, "tiny", python="3.12"))


@pytest.mark.parametrize(
    ("package", "why"),
    [
        ("tiny>5", "No solution found"),
        ("msgpack", "msgpack>=1.0.8"),  # distrcomp's own need of it holds
        ("./none.whl", "none.whl"),
        ("x y z", "error"),
    ],
)
def test_what_cannot_be_had(tmp_path: Path, package: str, why: str) -> None:
    """It is told in uv's own words."""
    with pytest.raises(BadUsage, match=r"cannot be had; uv says:\n") as caught:
        locked(tmp_path, package)
    assert why in str(caught.value)


def test_nothing(tmp_path: Path) -> None:
    """Without packages uv isn't asked."""
    assert Lock(()) == locked(tmp_path)


def test_a_lock_of_the_users(tmp_path: Path) -> None:
    """It is taken as it is, but for distrcomp; nothing can be added to it."""
    digest = f'hashes = {{ sha256 = "{"1" * 64}" }}'
    text = "".join(
        f'[[packages]]\nname = "{name}"\nversion = "7"\nsdist = {{ url = "x", {digest} }}\n'
        for name in ("six", "distrcomp")
    )
    file = tmp_path / "pylock.mine.toml"
    file.write_text(text)
    assert {"six": "7"} == versions(locked(tmp_path, files=(file,)))
    with pytest.raises(BadUsage, match="is a lock: leave the other"):
        locked(tmp_path, "tiny", files=(file,))
    for wrong in ("[[", "packages = 3", "[[packages]]\n", "packages = [1]"):
        file.write_text(wrong)
        with pytest.raises(BadUsage, match="is no lock as uv and pip write it"):
            locked(tmp_path, files=(file,))


def test_files_of_requirements(tmp_path: Path) -> None:
    """A requirements.txt and a pyproject.toml, with what they say of an index."""
    (tmp_path / "needs.txt").write_text("tiny<2  # not yet\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "0"\ndependencies = ["small"]\n'
    )
    files = (tmp_path / "needs.txt", tmp_path / "pyproject.toml")
    assert {"small", "tiny", "odd"} == versions(locked(tmp_path, files=files)).keys()
