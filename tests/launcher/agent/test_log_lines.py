"""What an agent's log says of runs."""

from __future__ import annotations

from launcher.agent.log_lines import end_line, start_line
from tests.launcher.agent.agent_kit import order


def test_a_run_has_one_line_for_its_start() -> None:
    """Id, program and number of nodes; S-38: whatever it is called, it forges no line."""
    told = start_line(b"\xde\xa9\xdb\x30\x01", order(arguments=("a\n\x1b.py", "x")))
    assert "run dea9db30 a\\n\\x1b.py x: 1 node starts" == told


def test_a_run_has_one_line_for_its_end() -> None:
    """And why, where its launcher did not end it; that may repeat what others sent."""
    assert "run dea9db30: ended" == end_line(b"\xde\xa9\xdb\x30\x01")
    why = "its launcher is gone: nothing was heard for 8 s"
    assert f"run dea9db30: ended, for {why}" == end_line(b"\xde\xa9\xdb\x30", why)
    assert "run de: ended, for a\\nb" == end_line(b"\xde", "a\nb")
