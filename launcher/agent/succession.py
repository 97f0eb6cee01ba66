"""How an agent's process becomes another release of distrcomp, and how one tries that before.

The old one starts the new one twice, as `PYTHON -P -m launcher agent ...` with the same options:
once as a child, for the trial, and then by exec in its own place, so that its pid stays and who
keeps it running (a service manager, a shell) sees no end. Both times its listening sockets are
inherited: who dials meanwhile waits, and nobody else can take the port. What the new one has to
know besides is in one variable, taken out of the environment at once; as two releases speak here,
its form (`Inheritance`) stays.

An agent that starts by itself looks which release is kept, and becomes that one (`step_aside`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
from collections.abc import MutableMapping, Sequence
from typing import NoReturn

import distrcomp

from ..environment.release import own_release
from ..errors import CannotStart
from ..records import record
from .releases import Laid, Releases

_VARIABLE = "_DISTRCOMP_SUCCESSION"
# It would bring the old distrcomp before the new one; what it names is on the release's path.
_OF_OLD = ("PYTHONPATH",)

log = logging.getLogger("distrcomp.agent")


@record
class Inheritance:
    """What an agent has from the one before it.

    Attributes:
        listeners: descriptors of the sockets on which it listens.
        ready: a descriptor of a socket: one byte into it says that it serves, and this is a trial;
            -1 where it is none.
        base: the hash of the installation from which agents start here.
    """

    listeners: tuple[int, ...]
    ready: int
    base: str

    @property
    def is_trial(self) -> bool:
        return self.ready >= 0

    def sockets(self) -> list[socket.socket]:
        """The listeners; to be called once."""
        if self.is_trial:
            os.set_inheritable(self.ready, False)
        sockets = [socket.socket(fileno=number) for number in self.listeners]
        for each in sockets:
            each.set_inheritable(False)
            each.setblocking(False)
        return sockets

    def tell_ready(self) -> None:
        """Says that this agent serves; the socket stays open, as a sign of life."""
        if self.is_trial:
            with contextlib.suppress(OSError):
                os.write(self.ready, b"\n")


def environment_for(inheritance: Inheritance) -> dict[str, str]:
    """The environment of an agent that is to have this."""
    told = {
        "listeners": inheritance.listeners,
        "ready": inheritance.ready,
        "base": inheritance.base,
    }
    return {**_own_environment(), _VARIABLE: json.dumps(told)}


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OF_OLD}


def take_inheritance(environ: MutableMapping[str, str]) -> Inheritance | None:
    """What this agent has from one before it, taken out of `environ`; None: it is the first."""
    text = environ.pop(_VARIABLE, None)
    if text is None:
        return None
    try:
        told = json.loads(text)
        listeners = tuple(int(number) for number in told["listeners"])
        return Inheritance(listeners, int(told["ready"]), str(told["base"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"{_VARIABLE} is set, and not by an agent: unset it") from error


def words_for(python: str, options: Sequence[str]) -> list[str]:
    """What starts an agent by this interpreter."""
    return [python, "-P", "-m", "launcher", "agent", *options]


def become(
    release: Laid, options: Sequence[str], listeners: Sequence[socket.socket], base: str
) -> NoReturn:
    """This process is the agent of that release from now on; if that can't be, of its own."""
    numbers = tuple(each.detach() for each in listeners)
    for number in numbers:
        os.set_inheritable(number, True)
    environment = environment_for(Inheritance(numbers, -1, base))
    for python in (release.python, sys.executable):
        sys.stdout.flush()
        try:
            os.execve(python, words_for(python, options), environment)  # noqa: S606
        except OSError as error:
            log.error("%s cannot be started: %s", python, error.strerror)
    raise CannotStart("neither the new nor the old release can be started")


def step_aside(releases: Releases, arguments: Sequence[str]) -> str:
    """Becomes the release that is kept, and does not return then.

    Args:
        arguments: those of the command `distrcomp`.

    Returns:
        Why the one that is kept is not to be started; empty where none is.
    """
    if releases.running:
        return ""
    try:
        kept = releases.kept()
        if kept is None:
            return ""
        if kept.base != own_release().sha256.hex():
            return (
                f"this installation of distrcomp {distrcomp.__version__} is another than the one "
                f"that was updated to {kept.release.version}: it is used as it is"
            )
        releases.check(kept)
        sys.stdout.flush()
        words = [kept.release.python, "-P", "-m", "launcher", *arguments]
        os.execve(words[0], words, _own_environment())  # noqa: S606
    except (CannotStart, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return (
            f"the update to another version is not used, but {distrcomp.__version__} as it was "
            f"installed: {why}"
        )
