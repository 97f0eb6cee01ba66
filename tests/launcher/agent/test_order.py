"""What an order to start nodes must fulfil."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from launcher import limits
from launcher.agent.order import (
    order_of,
    program_names,
    python_variables,
    require_command,
    require_sound,
)
from launcher.control import messages as m
from launcher.errors import CannotStart, PeerRefused
from tests.launcher.agent.agent_kit import order


def nodes(*ids: int) -> tuple[m.NodeOrder, ...]:
    """Orders for these nodes."""
    return tuple(m.NodeOrder(node, "") for node in ids)


@pytest.mark.parametrize(
    ("ids", "machine_of"),
    [((0,), (0, 1)), ((1,), (0, 1)), ((0, 1, 2), (0, 0, 0)), ((0, 2), (1, 0, 1)), ((1,), (1, 0))],
)
def test_sound(ids: tuple[int, ...], machine_of: tuple[int, ...]) -> None:
    """All nodes of one machine, in order, wherever it stands among the machines."""
    require_sound(order(nodes=nodes(*ids), machine_of=machine_of))


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": ()},
        {"nodes": ()},
        {"nodes": nodes(0, 0)},
        {"nodes": nodes(2)},
        {"nodes": nodes(-1)},
        {"machine_of": (0, 2)},
        {"machine_of": (-1, 0)},
        {"machine_of": ()},
        {"machines": ()},
        {"nodes": nodes(0), "machine_of": (0, 0)},
        {"nodes": nodes(1, 0), "machine_of": (0, 0)},
        {"nodes": nodes(0, 1), "machine_of": (0, 1)},
    ],
)
def test_contradiction(changed: dict[str, Any]) -> None:
    """An order whose nodes are not the nodes of one machine makes no sense."""
    with pytest.raises(PeerRefused, match="makes no sense"):
        require_sound(order(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": ("prog.py", "a\0b")},
        {"environment": (m.Setting("A", "x\0"),)},
        {"environment": (m.Setting("A\0", ""),)},
        {"environment": (m.Setting("A=B", ""),)},
        {"environment": (m.Setting("", "x"),)},
        {"data_plane": "none"},
        {"machine_of": (0,) * (limits.NODES_MAX + 1)},
        {"more": (m.Program((), True),)},
        {"more": (m.Program(("x", "a\0b"), True),)},
        {"more": (m.Program(("x",), False, (m.Setting("A=B", ""),)),)},
        {"nodes": (m.NodeOrder(0, "", 1),)},
        {"nodes": (m.NodeOrder(0, "", -1),)},
    ],
)
def test_impossible_texts(changed: dict[str, Any]) -> None:
    """S-12: what no process can be started with is refused before any is."""
    with pytest.raises(PeerRefused, match="makes no sense"):
        require_sound(order(**changed))


def test_command(tmp_path: Path) -> None:
    """A command is found on the path, or in the folder where its name has a slash."""
    program = tmp_path / "sub" / "program"
    program.parent.mkdir()
    program.touch(mode=0o700)
    require_command("program", "/", str(program.parent))
    require_command("sub/program", str(tmp_path), "")
    with pytest.raises(CannotStart, match="no command 'program'"):
        require_command("program", str(program.parent), "")


def test_a_node_of_another_program() -> None:
    """It gets the order as if its program were the only one; each is named."""
    other = m.Program(("sh", "-c", "x"), False, (m.Setting("A", "1"),), "w")
    whole = order(more=(other,))
    own = order_of(whole, m.NodeOrder(0, "", 1))
    assert other == m.Program(own.arguments, own.is_python, own.environment, own.wdir)
    assert whole is order_of(whole, m.NodeOrder(0, ""))
    assert ("prog.py", "sh -c x") == program_names(whole)
    assert () == program_names(order())


def test_variables_of_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands come first, and what would have Python look elsewhere is taken away."""
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYTHONPATH", "/of/the/agent")
    monkeypatch.delenv("PYTHONHOME", raising=False)
    assert {} == python_variables(sys.executable)
    expected = {"PATH": "/kept/x/bin:/usr/bin", "VIRTUAL_ENV": "/kept/x", "PYTHONPATH": ""}
    assert expected == python_variables("/kept/x/bin/python")
