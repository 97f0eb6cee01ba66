"""What the options of `distrcomp run` ask for."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from ..cluster.peers_file import Peer
from ..control.programs import Program, Setting
from ..errors import BadManifest, BadUsage
from ..run.plan import parse_n
from ..run.request import Part, Request
from ..ship.bundle import Wanted
from ..ship.folders import current_folder
from ..ship.manifest import check_path
from ..ship.patterns import Patterns
from .options import chosen_net, chosen_peers
from .program_needs import ProgramFile, need_of, read_program

_PYTHON = re.compile(r"python[0-9.]*")
"""What Python is called, for those who write it as mpiexec wants it: `run -n 4 python prog.py`."""


def request_of(
    program: tuple[str, ...],
    options: dict[str, Any],
    said: ProgramFile,
    others: Sequence[dict[str, Any]] = (),
) -> Request:
    """What programs and options ask for.

    Args:
        program: the words of the first one.
        options: of the run, and of the first program.
        said: what the first program says of itself.
        others: of each other program, its words among them.

    Raises:
        BadUsage: they contradict each other, or name what there is not.
    """
    recv_timeout_s = options["recv_timeout"]
    for name, seconds in (("timeout", options["timeout"]), ("recv-timeout", recv_timeout_s)):
        if seconds is not None and not isfinite(seconds):
            raise BadUsage(f"--{name} takes a number of seconds; got {seconds}")
    of_all = (*_recv_timeout(recv_timeout_s), *_told(options))
    parts = (
        _read({**options, "program": program}, of_all),
        *(_read({**options, "include": (), **other}, of_all) for other in others),
    )
    for part in parts if others else ():
        if part.n_node is None:
            first = part.program.arguments[0]
            raise BadUsage(f"of several programs each takes -n N: {first} has none")
    if options["engine"] == "mpi" and others:
        raise BadUsage("--engine mpi runs one program: start several by mpiexec itself")
    if options["mpi4py"] and not any(part.program.is_python for part in parts):
        first = parts[0].program.arguments[0]
        raise BadUsage(f"--mpi4py is for Python programs; {first} is a command")
    peers = chosen_peers(options["peers"], options["host"])
    return Request(
        parts=parts,
        peers=peers or (Peer("localhost"),),
        oversubscribe=options["oversubscribe"],
        timeout_s=options["timeout"],
        stdin_node=_stdin_node(options["stdin"]),
        continue_on_failure=options["on_failure"] == "continue",
        on_deadlock=options["on_deadlock"],
        is_strict=options["strict"],
        data_plane=options["data_plane"],
        by_node=options["map_by"] == "node",
        collect=_collect(options["collect"]),
        net=chosen_net(options["net"]),
        tells_links=options["verbose"],
        record=_recorded(options),
        need=need_of([said, *(read_program(other["program"], other) for other in others)], options),
        allow_skew=options["allow_skew"],
    )


def _read(options: dict[str, Any], of_all: Sequence[Setting]) -> Part:
    """One program: how many nodes, and what to ship for it.

    Args:
        options: with the program's own and its words.
        of_all: variables that every program gets.
    """
    words, wdir = options["program"], options["wdir"]
    _require_text([*words, options["module"], options["code"], *options["env"], wdir])
    n_node = parse_n(options["n"])
    is_python, arguments, wanted = wanted_of(words, options)
    if wdir:
        try:
            check_path(wdir)
        except BadManifest as error:
            raise BadUsage(f"--wdir takes a folder below the sandbox: {error}") from error
    environment = (*map(_setting, options["env"]), *of_all)
    return Part(Program(arguments, is_python, environment, wdir), wanted, n_node)


def _require_text(words: Sequence[str | None]) -> None:
    """Raises BadUsage for bytes that are no UTF-8, which could not be sent to other machines."""
    for word in words:
        if word is not None and not word.isascii():
            try:
                word.encode()
            except UnicodeEncodeError as error:
                raise BadUsage(f"{word!a} is not UTF-8: arguments must be text") from error


def wanted_of(
    program: tuple[str, ...], options: dict[str, Any]
) -> tuple[bool, tuple[str, ...], Wanted]:
    """Whether Python runs it, the arguments, and what to ship; raises BadUsage."""
    module, code = options["module"], options["code"]
    include, exclude, folder = options["include"], options["exclude"], current_folder()
    if module is not None:
        wanted = Wanted(None, module, include, exclude, folder, arguments=program)
        return True, ("-m", module, *program), wanted
    if code is not None:
        return True, ("-c", code, *program), Wanted(None, None, include, exclude, folder)
    if not program:
        raise BadUsage("which program? distrcomp run [OPTIONS] PROGRAM [ARGS]...")
    first = program[0]
    if first == "-":
        raise BadUsage("a program is not read from stdin: use -c CODE, or a file")
    if first.endswith(".py"):
        return True, program, Wanted(Path(first), None, include, exclude, folder)
    if Path(first).is_dir():
        raise BadUsage(f"{first} is a folder, not a program")
    if "/" in first and not first.startswith("/"):  # a command of ours travels with the run
        if not Path(first).exists():
            raise BadUsage(f"there is no program {first}")
        include = (*include, os.path.normpath(first))
    programs = program[1:] if _PYTHON.fullmatch(Path(first).name) else ()
    return False, program, Wanted(None, None, include, exclude, folder, arguments=programs)


def _collect(patterns: tuple[str, ...]) -> tuple[str, ...]:
    _require_text(patterns)
    for pattern in patterns:
        try:
            Patterns([pattern])
        except BadUsage as error:
            raise BadUsage(f"--collect: {error}") from error
    return patterns


def _setting(text: str) -> Setting:
    name, equals, value = text.partition("=")
    if not name.isidentifier() or name.startswith("DISTRCOMP_"):
        raise BadUsage(f"-x {text}: {name!r} is not a variable that can be forwarded")
    if not equals:
        if name not in os.environ:
            raise BadUsage(f"-x {name}: it is not set here; give a value by -x {name}=VALUE")
        value = os.environ[name]
    return Setting(name, value)


def _recv_timeout(seconds: float | None) -> tuple[Setting, ...]:
    """How the nodes learn of --recv-timeout."""
    return () if seconds is None else (Setting("DISTRCOMP_RECV_TIMEOUT", repr(seconds)),)


def _told(options: dict[str, Any]) -> tuple[Setting, ...]:
    """How the nodes learn what the options ask of them."""
    settings = {
        "mpi4py": Setting("DISTRCOMP_PREPARE", "distrcomp.mpi.shim"),
        "strict_sends": Setting("DISTRCOMP_STRICT_SENDS", "1"),
        "debug": Setting("DISTRCOMP_DEBUG", "1"),
        "cold": Setting("DISTRCOMP_COLD", "1"),
    }
    return tuple(setting for name, setting in settings.items() if options[name])


def _recorded(options: dict[str, Any]) -> str:
    """What is to be recorded for the files that the options ask for."""
    if options["trace"] is not None:
        return "calls"
    report = options["report"]
    return "tally" if report is not None and report.suffix.lower() in (".html", ".json") else ""


def _stdin_node(text: str) -> int:
    if text == "none":
        return -1
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadUsage(f"--stdin takes a node id or none; got {text!r}")
    return int(text)


def note_on_n(request: Request) -> tuple[str, ...]:
    """For who has written `prog.py -n 4` and wonders how many nodes there are."""
    words = request.parts[0].program.arguments[1:]
    misplaced = next((word for word in words if word in ("-n", "-np", "--np")), None)
    if request.n_node is not None or misplaced is None:
        return ()
    return (f"the {misplaced} after the program is the program's own: ours stand before it",)
