"""Where things lie, and how secret files are kept."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import limits
from launcher.cluster.home import Home, make_private_folder, read_private, write_private
from launcher.errors import BadUsage, CannotStart


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask that keeps nothing private."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("environ", "platform", "config", "cache"),
    [
        ({"DISTRCOMP_HOME": "/d", "HOME": "/h"}, "linux", "/d", "/d/cache"),
        ({"HOME": "/h"}, "linux", "/h/.config/distrcomp", "/h/.cache/distrcomp"),
        (
            {"XDG_CONFIG_HOME": "/c", "XDG_CACHE_HOME": "rel", "HOME": "/h", "DISTRCOMP_HOME": ""},
            "linux",
            "/c/distrcomp",
            "/h/.cache/distrcomp",
        ),
        (
            {"HOME": "/h"},
            "darwin",
            "/h/Library/Application Support/distrcomp",
            "/h/Library/Caches/distrcomp",
        ),
    ],
)
def test_find(environ: dict[str, str], platform: str, config: str, cache: str) -> None:
    """DISTRCOMP_HOME comes first, then the platform's folders; relative XDG ones do not count."""
    assert Home(Path(config), Path(cache)) == Home.find(environ, platform)


def test_no_home() -> None:
    """Without HOME the message says what to set (F-40)."""
    with pytest.raises(CannotStart, match=r"HOME is not set.*set DISTRCOMP_HOME"):
        Home.find({}, "linux")


def test_places() -> None:
    """Operator and agent of one home do not collide."""
    home = Home(Path("/c"), Path("/k"))
    assert (Path("/c/cluster/operator.pem"), Path("/c/agent.pem")) == (
        home.operator_credentials,
        home.agent_credentials,
    )


@pytest.mark.usefixtures("open_umask")
def test_folders_are_private(tmp_path: Path) -> None:
    """Folders are made 0700 on demand, missing parents too, whatever the umask (S-41)."""
    home = Home(tmp_path / "a" / "b", tmp_path / "ä ö" / "c")
    made = (home.make_config(), home.make_config().parent, home.make_cache())
    assert [0o700] * 3 == [folder.stat().st_mode & 0o777 for folder in made]


def test_unusable_folders(tmp_path: Path) -> None:
    """A folder that cannot be made, is none, or that others may write, is refused (F-40)."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match=r"cannot be made: .*set DISTRCOMP_HOME"):
        make_private_folder(tmp_path / "file" / "below")
    with pytest.raises(CannotStart, match=r"is not a folder"):
        make_private_folder(tmp_path / "file")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(CannotStart, match=r"other users may write .*: chmod go-w .*/open$"):
        make_private_folder(tmp_path / "open")


@pytest.mark.usefixtures("open_umask")
def test_write_and_read(tmp_path: Path) -> None:
    """What is written is read back, mode 0600 whatever the umask, and nothing else is left."""
    path = make_private_folder(tmp_path / "f") / "key"
    write_private(path, b"one")
    write_private(path, b"two")
    assert b"two" == read_private(path)
    assert 0o600 == path.stat().st_mode & 0o7777
    assert [path] == list(path.parent.iterdir())


def test_write_replaces_a_link(tmp_path: Path) -> None:
    """A symbolic link in the file's place is replaced, not followed."""
    (tmp_path / "target").write_text("safe")
    (tmp_path / "key").symlink_to(tmp_path / "target")
    write_private(tmp_path / "key", b"secret")
    assert "safe" == (tmp_path / "target").read_text()
    assert b"secret" == read_private(tmp_path / "key")


def test_write_without_replacing(tmp_path: Path) -> None:
    """With replace=False what is there stays, a dangling link too."""
    path = tmp_path / "key"
    write_private(path, b"one", replace=False)
    with pytest.raises(BadUsage, match=r"exists already: move it away"):
        write_private(path, b"two", replace=False)
    assert b"one" == read_private(path)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadUsage, match=r"exists already"):
        write_private(tmp_path / "link", b"two", replace=False)


def test_write_fails(tmp_path: Path) -> None:
    """A file that cannot be written is one sentence, and leaves no draft."""
    with pytest.raises(CannotStart, match=r"cannot be written: No such file"):
        write_private(tmp_path / "missing" / "key", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotStart, match=r"cannot be written: Is a directory"):
        write_private(tmp_path / "folder", b"")
    assert [tmp_path / "folder"] == list(tmp_path.iterdir())


def _missing(path: Path) -> None:
    path.unlink()


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


def _socket(path: Path) -> None:
    path.unlink()
    before = Path.cwd()
    os.chdir(path.parent)  # a Unix socket's path has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(before)


def _long(path: Path) -> None:
    path.write_bytes(b"x" * (limits.PRIVATE_FILE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_missing, "there is no file .*key"),
        (_link, "is a symbolic link"),
        (_fifo, "is not a regular file"),
        (_folder, "is not a regular file"),
        (_socket, "is not a regular file"),
        (lambda path: path.chmod(0o640), r"\(mode 0640\): chmod 600 .*key"),
        (lambda path: path.chmod(0o604), r"\(mode 0604\): chmod 600 .*key"),
        (lambda path: path.chmod(0o602), r"\(mode 0602\): chmod 600 .*key"),
        (lambda path: path.parent.chmod(0o770), "others? .*chmod go-w .*folder"),
        (lambda path: path.parent.chmod(0o707), "others? .*chmod go-w .*folder"),
        (_long, "is too long"),
    ],
)
def test_unsafe_files(tmp_path: Path, spoil: object, said: str) -> None:
    """Each row of S-41 is refused with the exact fix, and does not block."""
    assert callable(spoil)
    path = make_private_folder(tmp_path / "folder") / "key"
    write_private(path, b"secret")
    spoil(path)
    with pytest.raises(CannotStart, match=said):
        read_private(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_foreign_owner(tmp_path: Path) -> None:
    """A file or folder of another user is refused with the exact fix (S-41)."""
    path = make_private_folder(tmp_path / "folder") / "key"
    write_private(path, b"secret")
    os.chown(path.parent, 12345, -1)
    with pytest.raises(CannotStart, match=r"the folder .* belongs to user 12345.*chown 0 "):
        read_private(path)
    os.chown(path.parent, 0, -1)
    os.chown(path, 12345, -1)
    with pytest.raises(CannotStart, match=r"key belongs to user 12345, not to you.*: chown 0 "):
        read_private(path)
