"""Who listens on a port."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from launcher.cluster.ports import holder_of


@pytest.mark.processes
def test_a_port_has_a_holder() -> None:
    """Whoever listens on it is named, and nobody else who has that port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as connected:
            assert holder_of(port).endswith(f" (pid {os.getpid()})")
            assert "" == holder_of(connected.getsockname()[1])
    assert "" == holder_of(port)


def test_a_name_forges_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-38: what a process calls itself is shown in plain characters."""

    class Named:
        def __init__(self, _pid: int) -> None: ...

        def name(self) -> str:
            return "a\n\x1b[2J"

    monkeypatch.setattr(psutil, "Process", Named)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        expected = f" by a\\n\\x1b[2J (pid {os.getpid()})"
        assert expected == holder_of(listener.getsockname()[1])
