"""What one agent leaves to the next."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from launcher.agent.releases import Laid, Releases
from launcher.agent.succession import (
    Inheritance,
    become,
    environment_for,
    step_aside,
    take_inheritance,
)
from launcher.cluster.home import Home
from launcher.errors import CannotStart


def test_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left in an environment is taken out of it; the old one's path is not left."""
    monkeypatch.setenv("PYTHONPATH", "/old")
    for left in (Inheritance((3, 4), -1, "ab"), Inheritance((), 7, "")):
        environ = environment_for(left)
        assert "PYTHONPATH" not in environ
        assert left == take_inheritance(environ)
        assert take_inheritance(environ) is None
        assert (left.ready == 7) == left.is_trial


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"listeners": ["x"]}'])
def test_nonsense(text: str) -> None:
    """What no agent has left is said to be that."""
    with pytest.raises(CannotStart, match="not by an agent: unset it"):
        take_inheritance({"_DISTRCOMP_SUCCESSION": text})


def test_sockets() -> None:
    """S-40: what is inherited goes no further, and the sign that it serves is one byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        ours, theirs = socket.socketpair()
        numbers = os.dup(listener.fileno()), theirs.detach()
        for number in numbers:
            os.set_inheritable(number, True)
        inheritance = Inheritance(numbers[:1], numbers[1], "")
        (taken,) = inheritance.sockets()
        with taken, ours:
            assert address == taken.getsockname()
            assert [False, False] == [os.get_inheritable(number) for number in numbers]
            inheritance.tell_ready()
            assert 1 == len(ours.recv(9))
            os.close(numbers[1])
            assert b"" == ours.recv(9)


def test_nothing_is_kept(tmp_path: Path) -> None:
    """An agent to which nothing was brought starts as it was installed: there is nothing to say."""
    assert "" == step_aside(Releases(Home(tmp_path, tmp_path)), ["agent"])


def test_installed_anew(tmp_path: Path) -> None:
    """An installation that was changed since the update counts again, and says so."""
    releases = Releases(Home(tmp_path, tmp_path))
    releases.folder.mkdir(0o700)
    told = {"version": "98.0", "sha256": "0" * 64, "base": "1" * 64, "tree": ""}
    (releases.folder / "kept.json").write_text(json.dumps(told))
    (releases.folder / "kept.json").chmod(0o600)
    expected = "is another than the one that was updated to 98.0: it is used as it is"
    assert step_aside(releases, ["agent"]).endswith(expected)


def test_damaged_record(tmp_path: Path) -> None:
    """One that can't know what was brought says so, and starts as it was installed."""
    releases = Releases(Home(tmp_path, tmp_path))
    releases.folder.mkdir(0o700)
    (releases.folder / "kept.json").write_text("{")
    (releases.folder / "kept.json").chmod(0o600)
    assert "the update to another version is not used" in step_aside(releases, ["agent"])


def test_neither_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the new release's Python and the old one's are gone both are named in the log."""
    release, own = Laid("2.0", tmp_path / "release"), str(tmp_path / "own")
    monkeypatch.setattr("sys.executable", own)
    with pytest.raises(CannotStart, match="neither the new nor the old release can be started"):
        become(release, [], [], "")
    expected = [
        f"{each} cannot be started: No such file or directory" for each in (release.python, own)
    ]
    assert expected == caplog.messages
