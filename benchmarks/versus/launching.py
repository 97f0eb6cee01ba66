"""Starts one command with a time limit and reads the line of JSON that it prints."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

FOLDER = Path(__file__).parent
"""Where program.py lies; every command starts here."""

_GRACE_S = 5.0


class NoFigure(Exception):
    """A command gave no figure; the text says why."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, but Python may keep what it compiles, as it does for a user, and `extra`."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | dict(extra or {})


def distrcomp_words(*words: str) -> list[str]:
    """A command line of the distrcomp we run under."""
    return [sys.executable, "-P", "-m", "launcher", *words]


@contextlib.contextmanager
def on_cores(count: int | None) -> Iterator[None]:
    """What is started meanwhile gets the first `count` of our cores; None: all."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(ours)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def figures(words: Sequence[str], extra: Mapping[str, str], limit_s: float) -> dict[str, float]:
    """The figures that a command prints, by the name of the call.

    Raises:
        NoFigure: it failed, printed none, or was still running after `limit_s`.
    """
    out = output(words, extra, limit_s)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if not lines:
        raise NoFigure("it ended well and printed no figure")
    return {call: float(figure) for call, figure in json.loads(lines[-1]).items()}


def output(words: Sequence[str], extra: Mapping[str, str], limit_s: float) -> str:
    """What a command prints.

    Raises:
        NoFigure: it failed, or was still running after `limit_s`.
    """
    process = subprocess.Popen(
        words,
        cwd=FOLDER,
        env=environment(extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _end(process)
        raise NoFigure(f"not done after {limit_s:g} s") from None
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        said = [line.strip() for line in (out + err).splitlines() if line.strip()]
        raise NoFigure(f"exit code {process.returncode}: {said[-1] if said else 'no word'}")
    return out


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a command and all that it started.

    First its launcher, which ends its own nodes; then the nodes of one that did not, which may
    still remove what they have in /dev/shm; and by force only who heeds neither.
    """
    top = psutil.Process(process.pid)
    alive = [top, *top.children(recursive=True)]
    with contextlib.suppress(psutil.NoSuchProcess):
        top.terminate()
    for number in (signal.SIGTERM, signal.SIGKILL):
        _, alive = psutil.wait_procs(alive, timeout=_GRACE_S)
        for each in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(number)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
