"""The live status on a terminal."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from rich.console import Console

from launcher import limits
from launcher.run.table import LiveView, Row, View


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A view on a terminal of text."""

    def __init__(self, width: int = 80, height: int = 40, colour: bool = False) -> None:
        self._file = io.StringIO()
        self.clock = Clock()
        console = Console(
            file=self._file, force_terminal=True, width=width, height=height, no_color=not colour
        )
        self.view = LiveView(console, self.clock)

    def drawn(self) -> str:
        """What was written since the last call."""
        text = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return text


def seen(text: str) -> str:
    """`text` without what moves the cursor or colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def rows(count: int, state: str = "running", last_line: str = "hello") -> list[Row]:
    """Alike nodes on h1."""
    return [Row(i, "h1", state, 1.25, last_line) for i in range(count)]


def test_each_node_has_its_row() -> None:
    """Node, peer, state, seconds and last line, and below them the whole time."""
    screen = Screen()
    with screen.view as view:
        view.update(
            [Row(0, "h1", "running", 1.25, "half way"), Row(1, "h2", "starting", None, "")], 3
        )
    lines = [line.split() for line in screen.drawn().splitlines()]
    assert ["0", "h1", "running", "1.2", "half", "way"] in lines
    assert ["1", "h2", "starting"] in lines
    assert any(line[:4] == ["2", "nodes,", "3.0", "s"] for line in lines)


def test_what_silent_nodes_wait_for() -> None:
    """It stands in the place of the last line; the run's id stands below."""
    screen = Screen()
    with screen.view as view:
        row = Row(0, "h1", "waiting", 9, "half way", "recv(source=3) at long.py:17")
        view.update([row], 3, "490d815d")
    text = seen(screen.drawn())
    assert "recv(source=3) at long.py:17" in text
    assert "half way" not in text
    assert "run 490d815d: 1 node, 3.0 s" in text


def test_there_is_room_for_the_echo_of_ctrl_c() -> None:
    """`^C` behind the last line does not break it, so the table is drawn over itself."""
    screen = Screen(width=60)
    with screen.view as view:
        screen.drawn()
        view.update(rows(3, last_line="x" * 200), 3)
        text = seen(screen.drawn())
    assert max(len(line) for line in text.splitlines()) <= 60 - len("^C") - 1


def test_many_nodes_fold_into_counts() -> None:
    """Above the bound, or the height of the terminal, states are counted."""
    for screen, count in ((Screen(), limits.TABLE_ROWS_MAX + 1), (Screen(height=10), 7)):
        with screen.view as view:
            view.update([*rows(count - 1), Row(count, "h9", "failed", 0.1, "oh")], 3)
        text = screen.drawn()
        lines = [line.split() for line in text.splitlines()]
        assert [str(count - 1), "running"] in lines
        assert ["1", "failed"] in lines
        assert "h9" not in text


def test_control_characters_do_not_reach_the_terminal() -> None:
    """S-37: a last line or a label that would move the cursor is shown escaped; markup is text."""
    screen = Screen()
    with screen.view as view:
        screen.drawn()
        view.update([Row(0, "h\x1b]0;t\x07", "run\rning", 1, "[bold]\x1b[2Jx\u202e")], 3)
        text = screen.drawn()
    assert r"h\x1b]0;t\x07" in text
    assert r"run\rning" in text
    assert r"[bold]\x1b[2Jx\u202e" in text
    assert "\x1b[2J" not in text


def test_rows_are_cut_to_the_width() -> None:
    """No row is wider than the terminal, however long the last line is."""
    screen = Screen(width=40)
    with screen.view as view:
        screen.drawn()
        view.update(rows(3, last_line="x" * 100_000), 3)
        text = seen(screen.drawn())
    assert max(len(line) for line in text.splitlines()) <= 40
    assert 3 == text.count("h1")


def test_drawing_is_limited() -> None:
    """Calls within an eighth of a second draw nothing; the next one later draws the newest."""
    screen = Screen()
    with screen.view as view:
        view.update(rows(1), 1)
        screen.drawn()
        for _ in range(1000):
            view.update(rows(1, last_line="flood"), 1)
        assert "" == screen.drawn()
        screen.clock.now += 1 / limits.TABLE_REFRESHES_PER_S
        view.update(rows(1, last_line="newest"), 1)
        assert "newest" in screen.drawn()


def test_shipping_shows_a_bar_for_each_peer() -> None:
    """Who is sent to, and how much of how much."""
    screen = Screen()
    with screen.view as view:
        view.shipping(0, 0, "h1")
        screen.clock.now += 1
        view.shipping(3 * limits.MIB, 4 * limits.MIB, "h2\r")
        lines = [" ".join(line.split()) for line in screen.drawn().splitlines()]
    assert any("shipping to h1" in line and "0.0 of 0.0 MiB" in line for line in lines)
    assert any(r"shipping to h2\r" in line and "3.0 of 4.0 MiB" in line for line in lines)


def test_starting_takes_the_place_of_the_bars() -> None:
    """Nothing is shipped any more, so no bar says so, however soon after it this comes."""
    screen = Screen()
    with screen.view as view:
        view.shipping(0, 5, "h1")
        view.starting(300)
        assert "starting 300 nodes" in screen.drawn()


def test_shipping_to_many_peers_is_one_bar() -> None:
    """Bars of more peers than fit are added up."""
    screen = Screen()
    with screen.view as view:
        for i in range(limits.TABLE_ROWS_MAX + 5):
            screen.clock.now += 1
            view.shipping(limits.MIB, 2 * limits.MIB, f"h{i}")
        last = screen.drawn().splitlines()[-1]
    assert "25 peers" in last
    assert "25.0 of 50.0 MiB" in last


def test_the_table_is_gone_at_the_end() -> None:
    """The view is transient: leaving it clears its lines and shows the cursor again."""
    screen = Screen()
    with screen.view as view:
        view.update(rows(2), 1)
        screen.drawn()
    end = screen.drawn()
    assert end.count("\x1b[2K") >= 4
    assert "\x1b[?25h" in end


def test_a_view_outside_its_block_draws_nothing() -> None:
    """Late calls after the end are harmless."""
    screen = Screen()
    screen.view.update(rows(1), 1)
    with screen.view:
        pass
    screen.drawn()
    screen.view.update(rows(1), 1)
    screen.view.shipping(1, 2)
    assert "" == screen.drawn()


def test_colour_can_be_turned_off() -> None:
    """States are coloured where the console has colour, and only there (NO_COLOR is rich's)."""
    drawn = {}
    for colour in (False, True):
        screen = Screen(colour=colour)
        with screen.view as view:
            screen.drawn()
            view.update(rows(1, state="failed"), 1)
            drawn[colour] = screen.drawn()
    assert "\x1b[31m" in drawn[True]
    assert "\x1b[31m" not in drawn[False]


def test_a_plain_view_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, progress is not shown, and what must be said is."""
    with View() as view:
        view.preparing("h1", "locking")
        view.shipping(1, 2, "h1")
        view.update(rows(1), 1)
        assert ("", "") == capsys.readouterr()
        view.say("stopped")
    assert ("", "distrcomp: stopped\n") == capsys.readouterr()


def test_rich_is_imported_only_when_a_view_is_entered() -> None:
    """A run without a terminal does not pay for rich."""
    program = (
        "import sys, launcher.run.table as table\n"
        "view = table.LiveView()\n"
        "with table.View() as quiet: quiet.update([], 0)\n"
        "assert not any(name.split('.')[0] == 'rich' for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_files_that_come_back() -> None:
    """In the place of the nodes, which have ended, stands how much has come from where."""
    screen = Screen(width=60)
    with screen.view as view:
        view.update(rows(1), 1)
        screen.clock.now += 1
        view.collecting("h1", 3 * 2**20, "results/a.bin of node 0")
        screen.clock.now += 1
        view.collecting("h2", 2**10, "b\n.bin of node 1")
        lines = [line.strip() for line in seen(screen.drawn()).replace("\r", "\n").split("\n")]
    assert ["files from h1 3.00 MiB  results/a.bin of node 0"] == lines[-2:-1]
    assert "files from h2 1.00 KiB  b\\n.bin of node 1" == lines[-1]


def test_environments_before_shipping() -> None:
    """Each peer's last words stand in a line of its own, made harmless, cut to the width."""
    screen = Screen(width=50)
    with screen.view as view:
        view.preparing("here", "locking")
        screen.clock.now += 1
        view.preparing("h1", "Downloading \x1b[2J" + "x" * 99)
        lines = seen(screen.drawn()).replace("\r", "\n").split("\n")
    assert "environment on here locking" in [line.strip() for line in lines]
    (line,) = (line for line in lines if "h1" in line)
    assert line.startswith("environment on h1   Downloading \\x1b[2Jxxx")
    assert 50 == len(line)
