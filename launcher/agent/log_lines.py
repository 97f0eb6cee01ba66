"""What an agent's log says of runs, a line each."""

from __future__ import annotations

from .. import limits
from ..control import messages as m
from .order import program_name


def start_line(run_id: bytes, order: m.StartNodes) -> str:
    """Nodes of a run are about to be started; nothing in it is unprintable (S-38)."""
    n_node = len(order.nodes)
    start = "1 node starts" if n_node == 1 else f"{n_node} nodes start"
    return f"run {_short(run_id)} {_plain(program_name(order))}: {start}"


def end_line(run_id: bytes, why: str = "") -> str:
    """A run has ended here, and why, if not by its launcher's word.

    Example:
        >>> end_line(b"\\xde\\xa9\\x00\\x00\\x01"), end_line(b"\\xde", "nothing was heard")
        ('run dea90000: ended', 'run de: ended, for nothing was heard')
    """
    return f"run {_short(run_id)}: ended{f', for {_plain(why)}' if why else ''}"


def _short(run_id: bytes) -> str:
    return run_id.hex()[: limits.RUN_ID_SHOWN]


def _plain(text: str) -> str:
    return ascii(text)[1:-1]
