"""Where the command `distrcomp` begins: what a run will need is begun before anything is loaded."""

from __future__ import annotations

import sys

from .agent.spawning import end_early, spawn_early, wants_server


def main() -> None:
    """Runs the command line."""
    if wants_server(sys.argv[1:]):
        spawn_early()
    try:
        from .cli import main as command_line

        command_line()
    finally:
        end_early()
