"""The leak checker finds each kind of thing that a test can leave."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.leaks import TAG, LeakChecker, listening_ports, wait_until, watched

WAIT_FOR_EVER = "import signal; signal.pause()"
LISTEN_FOR_EVER = """
import signal, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
signal.pause()
"""
# Starts a child in a session of its own with nothing of the test in its environment, and ends.
ORPHAN = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"],
                         cwd=sys.argv[1], env=eval(sys.argv[2]), start_new_session=True,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid)
"""


@pytest.fixture
def checker(tmp_path: Path) -> Iterator[LeakChecker]:
    """A checker whose findings the test itself looks at."""
    made = LeakChecker(tmp_path)
    yield made
    made.kill_all()


def assert_found(checker: LeakChecker, text: str) -> None:
    """`text` stands in what the checker says at once."""
    with pytest.raises(AssertionError) as caught:
        checker.check_nothing_left(timeout_s=0)
    assert text in str(caught.value)


def start_orphan(folder: Path, environment: dict[str, str]) -> int:
    """The pid of a process that is nobody's child here."""
    words = [sys.executable, "-c", ORPHAN, str(folder), repr(environment)]
    return int(subprocess.run(words, capture_output=True, check=True).stdout)


def test_nothing_left_passes(checker: LeakChecker) -> None:
    """A test that leaves nothing passes at once."""
    checker.check_nothing_left(timeout_s=0)


def test_child_is_found_and_killed(checker: LeakChecker) -> None:
    """A child of the test process is found without any mark, and `kill_all` ends it."""
    with subprocess.Popen([sys.executable, "-c", WAIT_FOR_EVER]) as child:
        assert_found(checker, f"process {child.pid}")
        checker.kill_all()
        checker.check_nothing_left()


def test_orphan_is_found_by_its_tag(checker: LeakChecker) -> None:
    """A process that has left the family is found by the tag in its environment."""
    pid = start_orphan(Path("/"), {TAG: checker.tag})
    assert_found(checker, f"process {pid}")


def test_orphan_is_found_by_its_folder(checker: LeakChecker, tmp_path: Path) -> None:
    """A process with an empty environment is found by where it works, even once that is removed."""
    folder = tmp_path / "sandbox"
    folder.mkdir()
    pid = start_orphan(folder, {})
    assert_found(checker, f"process {pid}")
    folder.rmdir()
    assert_found(checker, f"process {pid}")


def test_foreign_process_is_not_found(checker: LeakChecker, tmp_path: Path) -> None:
    """A process of another test, working in a folder of a similar name, is none of ours."""
    similar = tmp_path.with_name(f"{tmp_path.name}0")
    similar.mkdir()
    with watched(similar) as other:
        start_orphan(similar, {TAG: other.tag})
        assert len(other.processes()) == 1
        checker.check_nothing_left(timeout_s=0)
        other.kill_all()


def test_listener_of_a_process_is_named(checker: LeakChecker) -> None:
    """The port on which a left process listens stands in the finding."""
    words = [sys.executable, "-c", LISTEN_FOR_EVER]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        assert_found(checker, f"listens on [{port}]")
        checker.kill_all()


def test_own_listener_is_found(checker: LeakChecker) -> None:
    """A socket that product code opened inside the test process is found."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert_found(checker, f"listens on port {server.getsockname()[1]}")
    checker.check_nothing_left(timeout_s=0)


def test_temporary_file_is_found(checker: LeakChecker, tmp_path: Path) -> None:
    """A file, however deep, in a folder given as TMPDIR is found."""
    checker.temp_dirs.append(tmp_path)
    left = tmp_path / "run" / "left"
    left.parent.mkdir()
    left.touch()
    assert_found(checker, str(left))


def test_shared_memory_is_found(checker: LeakChecker) -> None:
    """A new name in /dev/shm is found."""
    left = Path("/dev/shm") / f"distrcomp-test-{secrets.token_hex(4)}"
    left.touch()
    try:
        assert_found(checker, str(left))
    finally:
        left.unlink()


def test_watched_fails_and_kills(tmp_path: Path) -> None:
    """`watched` ends in an error for an orphan, and the orphan is dead afterwards."""
    with pytest.raises(AssertionError, match="process"), watched(tmp_path, 0) as checker:
        start_orphan(tmp_path, {})
    assert checker.processes() == []


def test_watched_kills_after_a_failure(tmp_path: Path) -> None:
    """When the test itself fails its error stands, and what it started is dead all the same."""

    def fail() -> None:
        start_orphan(tmp_path, {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), watched(tmp_path, 0) as checker:
        fail()
    assert checker.processes() == []


def test_descriptors_of_who_lives_on(checker: LeakChecker) -> None:
    """A watched process that holds more than before is found, until it lets go or ends."""
    checker.watch_descriptors(os.getpid())
    checker.check_descriptors(0)
    told = f"process {os.getpid()} held .* holds .*socket"
    with socket.create_server(("127.0.0.1", 0)), pytest.raises(AssertionError, match=told):
        checker.check_descriptors(0)
    checker.check_descriptors(0)


def test_wait_until_returns_when_true() -> None:
    """The wait ends with the look at which the condition holds."""
    looks = iter([False, False, True])
    wait_until(lambda: next(looks), 10, "the third look")
    assert list(looks) == []


def test_wait_until_names_what_did_not_come() -> None:
    """At the bound the error says what was waited for, after one look at least."""
    with pytest.raises(AssertionError, match="not within 0 s: rain"):
        wait_until(lambda: False, 0, "rain")


def test_listening_ports_of_this_process() -> None:
    """A port counts while it listens and no longer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port in listening_ports(psutil.Process())
    assert port not in listening_ports(psutil.Process())
