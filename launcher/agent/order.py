"""An order to start nodes: what it must fulfil, and what it comes to."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from distrcomp.cores import usable_cores
from distrcomp.output_folder import OUTPUT_FOLDER

from .. import limits
from ..control import messages as m
from ..errors import CannotStart, PeerRefused
from ..ship.manifest import check_path

_OURS = "DISTRCOMP_"
_THREADS = "OMP_NUM_THREADS"
_DATA_PLANES = ("tls", "plain")


def require_sound(order: m.StartNodes) -> None:
    """Raises PeerRefused unless it can be carried out as far as one can tell from its content.

    It names nodes, all that run on one of its machines, in order; and its texts are such as a
    process can be started with.
    """
    nodes = [node.node for node in order.nodes]
    is_sound = (
        all(program.arguments for program in order.programs)
        and nodes
        and all(0 <= node.program < len(order.programs) for node in order.nodes)
        and len(order.machine_of) <= limits.NODES_MAX
        and all(0 <= machine < len(order.machines) for machine in order.machine_of)
        and 0 <= nodes[0] < len(order.machine_of)
        and nodes == _nodes_on(order.machine_of[nodes[0]], order)
        and all(map(_can_be_started, order.programs))
        and order.data_plane in _DATA_PLANES
    )
    if not is_sound:
        raise PeerRefused("the order to start nodes makes no sense")


def _can_be_started(program: m.Program) -> bool:
    """Whether its texts are such as a process can have."""
    names = [setting.name for setting in program.environment]
    values = [setting.value for setting in program.environment]
    return all(name and "=" not in name for name in names) and not any(
        "\0" in text for text in (*program.arguments, *names, *values)
    )


def _nodes_on(machine: int, order: m.StartNodes) -> list[int]:
    return [node for node, its_machine in enumerate(order.machine_of) if its_machine == machine]


def program_of(order: m.StartNodes, local_id: int) -> m.Program:
    """What the node runs that has this number among those on its machine."""
    return order.programs[order.nodes[local_id].program]


def start_folder(root: Path, wdir: str) -> str:
    """The folder below the sandbox in which the nodes start, made if missing; or CannotStart."""
    if not wdir:
        return str(root)
    check_path(wdir)
    folder = root / wdir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"--wdir {wdir} cannot be made: {error.strerror}") from error
    return str(folder)


def require_command(command: str, folder: str, path: str | None) -> None:
    """Raises CannotStart if there is no such command here."""
    found = shutil.which(str(Path(folder) / command) if "/" in command else command, path=path)
    if found is None:
        raise CannotStart(f"there is no command {command!r} on this machine")


def command_line(
    program: m.Program, sandbox: Path, folder: str, python: str = sys.executable
) -> list[str]:
    """What starts a node in `folder`, by this interpreter."""
    if not program.is_python:
        return list(program.arguments)
    first, *rest = program.arguments
    if not first.startswith("-"):
        first = os.path.relpath(sandbox / first, folder)
    return [python, "-P", "-m", "distrcomp.node", first, *rest]


def python_variables(python: str) -> dict[str, str]:
    """What makes an environment's interpreter, if it is one, and its commands the first ones.

    The agent's own is found, too, where it was started by its full name; one whose folder stands in
    PATH keeps its place there.
    """
    folder = Path(python).parent
    path = os.environ.get("PATH") or os.defpath
    if python == sys.executable:
        is_found = str(folder) in path.split(os.pathsep)
        return {} if is_found else {"PATH": f"{folder}{os.pathsep}{path}"}
    of_agent = {name: "" for name in ("PYTHONPATH", "PYTHONHOME") if name in os.environ}
    return {
        "PATH": f"{folder}{os.pathsep}{path}",
        "VIRTUAL_ENV": str(folder.parent),
        **of_agent,
    }


def common_environment(order: m.StartNodes, python: str) -> dict[str, str]:
    """What all nodes here have of the agent's own environment, and for the interpreter's sake."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**shared_threads(order), **own, **python_variables(python)}


def node_environment(
    order: m.StartNodes, run_id: bytes, local_id: int, common: Mapping[str, str], folder: str
) -> dict[str, str]:
    """What all have, what the launcher forwards, and who the node is.

    Args:
        local_id: its number among the nodes on this machine.
        common: see common_environment.
        folder: where the node starts.
    """
    node, program = order.nodes[local_id].node, program_of(order, local_id)
    identity = {
        "DISTRCOMP_NODE_ID": node,
        "DISTRCOMP_N_NODE": len(order.machine_of),
        "DISTRCOMP_LOCAL_ID": local_id,
        "DISTRCOMP_LOCAL_N": len(order.nodes),
        "DISTRCOMP_RUN_ID": run_id.hex(),
        "DISTRCOMP_OUTPUT_DIR": Path(folder) / OUTPUT_FOLDER / str(node),
        "RANK": node,
        "WORLD_SIZE": len(order.machine_of),
        "LOCAL_RANK": local_id,
        "LOCAL_WORLD_SIZE": len(order.nodes),
    }
    return {
        **common,
        **{setting.name: setting.value for setting in program.environment},
        "PYTHONUNBUFFERED": "1",
        **{name: str(value) for name, value in identity.items()},
    }


def shared_threads(order: m.StartNodes) -> dict[str, str]:
    """Where nobody has set OMP_NUM_THREADS: the nodes here share the cores."""
    return {_THREADS: str(max(1, usable_cores() // len(order.nodes)))}


def threads_note(order: m.StartNodes, label: str) -> str:
    """What the report says of that; "" if somebody has set it for all nodes here."""
    programs = [order.programs[index] for index in {node.program for node in order.nodes}]
    if _THREADS in os.environ or all(map(_sets_threads, programs)):
        return ""
    return (
        f"{_THREADS}={shared_threads(order)[_THREADS]} on {label} (cores: "
        f"{usable_cores()}, nodes: {len(order.nodes)}; -x {_THREADS}=N sets another)"
    )


def _sets_threads(program: m.Program) -> bool:
    return any(setting.name == _THREADS for setting in program.environment)


def program_name(order: m.StartNodes) -> str:
    """The programs and their arguments, cut to a bound."""
    names = [" ".join(program.arguments) for program in order.programs]
    return " : ".join(names)[: limits.PROGRAM_CHARACTERS_MAX]


def program_names(order: m.StartNodes) -> tuple[str, ...]:
    """Each program by itself, where there are several."""
    n_programs = len(order.programs)
    most = limits.PROGRAM_CHARACTERS_MAX // n_programs
    names = tuple(" ".join(program.arguments)[:most] for program in order.programs)
    return names if n_programs > 1 else ()
