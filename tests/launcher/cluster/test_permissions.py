"""The table of permissions: each file of secrets, each way to be unsafe, and who then refuses."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from launcher.cli import main
from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.home import Home, write_private

OTHER_USER = 12345


def _open_to(mode: int) -> Callable[[Path], None]:
    return lambda path: path.chmod(mode)


def _folder_open_to(mode: int) -> Callable[[Path], None]:
    return lambda path: path.parent.chmod(mode)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _given_away(path: Path) -> None:
    os.chown(path, OTHER_USER, -1)


def _folder_given_away(path: Path) -> None:
    os.chown(path.parent, OTHER_USER, -1)


# How a file is made unsafe, and what the refusal says of mending it.
SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (Path.unlink, "there is no file {path}"),
    "group reads": (_open_to(0o640), "(mode 0640): chmod 600 {path}"),
    "group writes": (_open_to(0o620), "(mode 0620): chmod 600 {path}"),
    "others read": (_open_to(0o604), "(mode 0604): chmod 600 {path}"),
    "others write": (_open_to(0o602), "(mode 0602): chmod 600 {path}"),
    "link": (
        _link,
        "{path} is a symbolic link, which is not safe for a secret: put the file itself",
    ),
    "pipe": (_pipe, "{path} is not a regular file"),
    "folder of the group": (_folder_open_to(0o770), "may write the folder {folder}: chmod go-w"),
    "folder of all": (_folder_open_to(0o777), "may write the folder {folder}: chmod go-w"),
    "another user's": (_given_away, "{path} belongs to user 12345, not to you"),
    "another user's folder": (_folder_given_away, "the folder {folder} belongs to user 12345"),
}
# Each file of secrets, and a command that must not go on without it.
FILES = {
    "cluster/ca.key": ("cluster", "members"),
    "cluster/ca.pem": ("cluster", "issue", "h9", "--output", "{folder}/../h9.pem"),
    "cluster/operator.pem": ("peers", "-H", "h1"),
    "cluster/members.json": ("cluster", "members"),
    "agent.pem": ("agent", "--listen", "127.0.0.1:7001"),
    "carried.pem": ("agent", "--listen", "127.0.0.1:7001", "--credentials", "{path}"),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Operator and agent on one machine, made while the umask keeps nothing private."""
    made = Home(tmp_path / "home", tmp_path / "cache")
    before = os.umask(0)
    try:
        create_cluster(made, "test")
        authority = Authority(made)
        write_private(made.agent_credentials, authority.issue_agent("h1", ["127.0.0.1"]))
        write_private(made.config / "carried.pem", authority.issue_agent("h2", []))
    finally:
        os.umask(before)
    return made


def test_what_is_made_is_private(home: Home) -> None:
    """S-41: all files are made 0600 and all folders 0700, whatever the umask."""
    paths = list(home.config.rglob("*"))
    assert {home.config / name for name in FILES} <= set(paths)
    for path in (home.config, *paths):
        assert (0o700 if path.is_dir() else 0o600) == stat.S_IMODE(path.lstat().st_mode), path


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("how", SPOILED)
def test_table(home: Home, file: str, how: str) -> None:
    """S-41: every unsafe file is refused by who needs it, in one line with the exact fix."""
    path = home.config / file
    spoil, said = SPOILED[how]
    if "another" in how and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    spoil(path)
    words = [word.format(path=path, folder=path.parent) for word in FILES[file]]
    result = CliRunner().invoke(main, words, env={"DISTRCOMP_HOME": str(home.config)})
    assert 3 == result.exit_code, result.output
    lines = result.stderr.splitlines()
    assert 1 == len(lines)
    missing = {"cluster/operator.pem": "make a cluster with", "agent.pem": "--join LINE` here"}
    expected = missing.get(file, said) if how == "missing" else said
    assert expected.format(path=path, folder=path.parent) in lines[0]
    assert not (path.parent.parent / "h9.pem").exists()
