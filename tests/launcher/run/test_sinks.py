"""Where the output of the nodes goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import BadUsage
from launcher.run.sinks import STDERR, STDOUT, Sinks


class Terminal:
    """What was written to our own stdout and stderr."""

    def __init__(self) -> None:
        self.streams: dict[int, bytes] = {STDOUT: b"", STDERR: b""}

    def __call__(self, stream: int, data: bytes) -> None:
        self.streams[stream] += data


@pytest.mark.parametrize(
    ("show", "out", "err"),
    [
        ("report", b"", b""),
        ("none", b"", b""),
        ("live", b"[0] one\n[1] two\n[0] rest\n", b"[1] oops"),
        ("raw", b"one\ntwo\nrest", b"oops"),
    ],
)
def test_show(show: str, out: bytes, err: bytes) -> None:
    """Whole lines as they come, tagged or not, each stream to its own; the report is silent."""
    terminal = Terminal()
    sinks = Sinks(2, show, None, terminal)
    sinks.take(0, STDOUT, b"on")
    sinks.take(1, STDOUT, b"two")
    sinks.take(0, STDOUT, b"e\nre")
    sinks.take(1, STDERR, b"oops")
    assert b"" == terminal.streams[STDERR]
    sinks.end_node(1)
    sinks.take(0, STDOUT, b"st")
    sinks.close()
    shown = terminal.streams[STDOUT]
    assert sorted(out.splitlines()) == sorted(shown.splitlines())
    assert err == terminal.streams[STDERR]


def test_partial_line() -> None:
    """A line without end waits for its end, and goes out when its node has ended."""
    terminal = Terminal()
    sinks = Sinks(1, "live", None, terminal)
    sinks.take(0, STDOUT, b"Enter: ")
    assert b"" == terminal.streams[STDOUT]
    sinks.end_node(0)
    assert terminal.streams[STDOUT].startswith(b"[0] Enter: ")
    before = terminal.streams[STDOUT]
    sinks.end_node(0)
    sinks.close()
    assert before == terminal.streams[STDOUT]


def test_kept() -> None:
    """What the report needs is kept whatever is shown."""
    for show in ("report", "live", "raw", "none"):
        sinks = Sinks(2, show, None, Terminal())
        sinks.take(1, STDOUT, b"out\n")
        sinks.take(1, STDERR, b"err")
        sinks.close()
        assert ("", "out\nerr") == (sinks.kept[0].text(), sinks.kept[1].text().rstrip("\n"))


def test_files(tmp_path: Path) -> None:
    """--output-dir: the raw bytes of each stream of each node, there when the node has ended."""
    folder = tmp_path / "out" / "deep"
    sinks = Sinks(2, "none", folder, Terminal())
    data = bytes(range(256))
    sinks.take(0, STDOUT, data)
    sinks.take(0, STDERR, b"no line end")
    sinks.end_node(0)
    assert data == (folder / "0.out").read_bytes()
    assert b"no line end" == (folder / "0.err").read_bytes()
    sinks.close()
    assert [b"", b""] == [(folder / name).read_bytes() for name in ("1.out", "1.err")]


def test_files_are_begun_anew(tmp_path: Path) -> None:
    """A second run into the same folder doesn't add to the first one's files."""
    (tmp_path / "0.out").write_bytes(b"old and long")
    sinks = Sinks(1, "none", tmp_path, Terminal())
    sinks.take(0, STDOUT, b"new")
    sinks.close()
    assert b"new" == (tmp_path / "0.out").read_bytes()


def test_folder_is_a_file(tmp_path: Path) -> None:
    """A folder that cannot be one is bad usage, before anything runs."""
    (tmp_path / "file").touch()
    with pytest.raises(BadUsage, match=r"--output-dir .*file cannot be used"):
        Sinks(1, "none", tmp_path / "file", Terminal())


def test_disk_full(tmp_path: Path) -> None:
    """F-20: a full disk is noted with its reason, at once or when the node has ended."""
    for at_once in (True, False):
        folder = tmp_path / str(at_once)
        folder.mkdir()
        (folder / "0.out").symlink_to("/dev/full")
        sinks = Sinks(1, "none", folder, Terminal())
        sinks.take(0, STDOUT, b"x" * (100_000 if at_once else 1))
        assert at_once == bool(sinks.folder_failure)
        sinks.end_node(0)
        assert f"--output-dir {folder} cannot be written: No space left" in sinks.folder_failure
        sinks.take(0, STDOUT, b"more\n")
        assert sinks.failure is None
        assert sinks.kept[0].text().endswith("xmore\n")
        sinks.close()


def test_terminal_is_gone() -> None:
    """Who reads our output may go away: that is noted, no more is printed, and nothing is lost."""
    written: list[bytes] = []

    def gone(stream: int, data: bytes) -> None:
        written.append(data)
        raise BrokenPipeError

    sinks = Sinks(1, "raw", None, gone)
    assert sinks.failure is None
    sinks.take(0, STDOUT, b"line\nlast")
    sinks.end_node(0)
    assert isinstance(sinks.failure, BrokenPipeError)
    assert [b"line\n"] == written
    assert "line\nlast" == sinks.kept[0].text()
