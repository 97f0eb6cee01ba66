"""What an order to start nodes must fulfil."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from launcher import limits
from launcher.agent.order import (
    common_environment,
    node_environment,
    program_names,
    program_of,
    python_variables,
    require_command,
    require_sound,
    threads_note,
)
from launcher.control import messages as m
from launcher.errors import CannotStart, PeerRefused
from tests.launcher.agent.agent_kit import order


def environment_of(whole: m.StartNodes, local_id: int) -> dict[str, str]:
    """What one of the nodes of this order gets."""
    return node_environment(whole, b"", local_id, common_environment(whole, sys.executable), "/")


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
    """It gets the variables of its own; each program is named."""
    other = m.Program(("sh", "-c", "x"), False, (m.Setting("A", "1"),), "w")
    whole = order(2, more=(other,), nodes=(m.NodeOrder(0, ""), m.NodeOrder(1, "", 1)))
    assert other is program_of(whole, 1)
    own = [environment_of(whole, local_id) for local_id in (0, 1)]
    assert [None, "1"] == [each.get("A") for each in own]
    assert ["0", "1"] == [each["DISTRCOMP_NODE_ID"] for each in own]
    assert ("prog.py", "sh -c x") == program_names(whole)
    assert () == program_names(order())


def test_threads_that_nobody_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's nodes have the number that it sets, the others their share of the cores."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("launcher.agent.order.usable_cores", lambda: 8)
    many = m.Program(("b.py",), True, (m.Setting("OMP_NUM_THREADS", "7"),))
    both = order(2, more=(many,), nodes=(m.NodeOrder(0, ""), m.NodeOrder(1, "", 1)))
    threads = [environment_of(both, at)["OMP_NUM_THREADS"] for at in (0, 1)]
    assert ["4", "7"] == threads
    assert threads_note(both, "h1").startswith("OMP_NUM_THREADS=4 on h1 ")
    assert "" == threads_note(order(1, more=(many,), nodes=(m.NodeOrder(0, "", 1),)), "h1")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert "2" == environment_of(both, 0)["OMP_NUM_THREADS"]
    assert "" == threads_note(both, "h1")


def test_own_python_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python` is the agent's where no other folder of PATH can be meant: its own is not in it."""
    here = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"/bin:{here}")
    assert {} == python_variables(sys.executable)
    monkeypatch.setenv("PATH", "/bin")
    assert {"PATH": f"{here}:/bin"} == python_variables(sys.executable)


def test_variables_of_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands come first, and what would have Python look elsewhere is taken away."""
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYTHONPATH", "/of/the/agent")
    monkeypatch.delenv("PYTHONHOME", raising=False)
    expected = {"PATH": "/kept/x/bin:/usr/bin", "VIRTUAL_ENV": "/kept/x", "PYTHONPATH": ""}
    assert expected == python_variables("/kept/x/bin/python")
