"""An order to start nodes: what it must fulfil, and what it comes to."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from distrcomp.cores import usable_cores
from distrcomp.output_folder import OUTPUT_FOLDER

from .. import limits
from ..control import messages as m
from ..errors import CannotStart, PeerRefused
from ..ship.manifest import check_path

_OURS = "DISTRCOMP_"

_DATA_PLANES = ("tls", "plain")


def require_sound(order: m.StartNodes) -> None:
    """Raises PeerRefused unless it can be carried out as far as one can tell from its content.

    It names nodes, all that run on one of its machines, in order; and its texts are such as a
    process can be started with.
    """
    nodes = [node.node for node in order.nodes]
    is_sound = (
        order.arguments
        and all(program.arguments for program in order.more)
        and nodes
        and all(0 <= node.program <= len(order.more) for node in order.nodes)
        and len(order.machine_of) <= limits.NODES_MAX
        and all(0 <= machine < len(order.machines) for machine in order.machine_of)
        and 0 <= nodes[0] < len(order.machine_of)
        and nodes == _nodes_on(order.machine_of[nodes[0]], order)
        and all(setting.name and "=" not in setting.name for setting in _settings(order))
        and not any("\0" in text for text in _texts_of_process(order))
        and order.data_plane in _DATA_PLANES
    )
    if not is_sound:
        raise PeerRefused("the order to start nodes makes no sense")


def _texts_of_process(order: m.StartNodes) -> Iterator[str]:
    yield from order.arguments
    for program in order.more:
        yield from program.arguments
    for setting in _settings(order):
        yield from (setting.name, setting.value)


def _settings(order: m.StartNodes) -> Iterator[m.Setting]:
    yield from order.environment
    for program in order.more:
        yield from program.environment


def _nodes_on(machine: int, order: m.StartNodes) -> list[int]:
    return [node for node, its_machine in enumerate(order.machine_of) if its_machine == machine]


def order_of(order: m.StartNodes, node: m.NodeOrder) -> m.StartNodes:
    """The order as it would be if all nodes ran this node's program."""
    if node.program == 0:
        return order
    program = order.more[node.program - 1]
    return replace(
        order,
        arguments=program.arguments,
        is_python=program.is_python,
        environment=program.environment,
        wdir=program.wdir,
    )


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
    order: m.StartNodes, sandbox: Path, folder: str, python: str = sys.executable
) -> list[str]:
    """What starts a node in `folder`, by this interpreter."""
    if not order.is_python:
        return list(order.arguments)
    first, *rest = order.arguments
    if not first.startswith("-"):
        first = os.path.relpath(sandbox / first, folder)
    return [python, "-P", "-m", "distrcomp.node", first, *rest]


def python_variables(python: str) -> dict[str, str]:
    """What makes an environment's interpreter, if it is one, and its commands the first ones."""
    if python == sys.executable:
        return {}
    folder = Path(python).parent
    path = os.environ.get("PATH") or os.defpath
    of_agent = {name: "" for name in ("PYTHONPATH", "PYTHONHOME") if name in os.environ}
    return {
        "PATH": f"{folder}{os.pathsep}{path}",
        "VIRTUAL_ENV": str(folder.parent),
        **of_agent,
    }


def node_environment(
    order: m.StartNodes,
    run_id: bytes,
    ids: tuple[int, int],
    variables: Mapping[str, str],
    folder: str,
) -> dict[str, str]:
    """The agent's own environment, what the launcher forwards, and who the node is.

    Args:
        ids: the node, and its number among those on this machine.
        variables: that are the same for all nodes of this machine.
        folder: where the node starts.
    """
    node, local_id = ids
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
        **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        **variables,
        **{setting.name: setting.value for setting in order.environment},
        "PYTHONUNBUFFERED": "1",
        **{name: str(value) for name, value in identity.items()},
    }


def shared_threads(order: m.StartNodes) -> dict[str, str]:
    """OMP_NUM_THREADS where nobody has set it: the nodes here share the cores."""
    if "OMP_NUM_THREADS" in {*os.environ, *(setting.name for setting in order.environment)}:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, usable_cores() // len(order.nodes)))}


def threads_note(order: m.StartNodes, label: str) -> str:
    """What the report says of that."""
    return (
        f"OMP_NUM_THREADS={shared_threads(order)['OMP_NUM_THREADS']} on {label} (cores: "
        f"{usable_cores()}, nodes: {len(order.nodes)}; -x OMP_NUM_THREADS=N sets another)"
    )


def program_name(order: m.StartNodes) -> str:
    """The program and its arguments, or all of them, cut to a bound."""
    programs = [order.arguments, *(program.arguments for program in order.more)]
    return " : ".join(map(" ".join, programs))[: limits.PROGRAM_CHARACTERS_MAX]


def program_names(order: m.StartNodes) -> tuple[str, ...]:
    """Each program by itself, where there are several."""
    if not order.more:
        return ()
    programs = [order.arguments, *(program.arguments for program in order.more)]
    most = limits.PROGRAM_CHARACTERS_MAX // len(programs)
    return tuple(" ".join(arguments)[:most] for arguments in programs)
