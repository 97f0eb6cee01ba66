"""Where the command `distrcomp` begins and ends.

What a run will need is begun before anything is loaded. At the end the interpreter is not taken
apart, which would take as long as half of the loading: all is said and closed by then.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading

from .agent.spawning import end_early, spawn_early
from .foresight import wants_server

# Objects made before Python looks among the newest for garbage. While a run loads what it needs
# there is none, and looking takes a fifteenth of the time.
_LOOK_FOR_GARBAGE_AFTER = 20_000
# Some start us in a thread that has these blocked, and then nothing but SIGKILL would end us, nor
# what we start.
_TO_BE_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130  # as of errors.Interrupted, which may not be loaded yet


def main() -> None:
    """Runs the command line."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_BE_HEARD)
    if sys.argv[1:2] == ["run"]:
        gc.set_threshold(_LOOK_FOR_GARBAGE_AFTER)
    if wants_server(sys.argv[1:]):
        spawn_early()
    try:
        from .cli import main as command_line

        command_line()
    except SystemExit as end:
        _leave(end.code)
        raise
    except KeyboardInterrupt:  # while we were loading: later the command line sees to it
        sys.stderr.write("distrcomp: interrupted\n")
        raise SystemExit(_INTERRUPTED) from None
    finally:
        end_early()


def _leave(code: object) -> None:
    """Ends this process at once if nothing is left that Python would still do for it."""
    end_early()
    others = [each for each in threading.enumerate() if each is not threading.main_thread()]
    if not isinstance(code, int) or not all(each.daemon for each in others):
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return  # Python says so, and ends by another code
    os._exit(code & 0xFF)
