"""Real nodes of small programs, and a launcher that only listens."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from distrcomp.notices import Machine
from launcher.agent.child import Start, start_cold
from launcher.agent.host import Host
from launcher.agent.node_process import NodeProcess
from launcher.control import messages as m
from launcher.control.channel import Channel, memory_pair
from launcher.ship.manifest import FileEntry, Manifest, pack_manifest

LIMIT_S = 60.0
RUN_ID = os.urandom(16)  # what bears it is killed at a run's end: not to be shared


def play(act: Callable[[], Awaitable[None]]) -> None:
    """Runs `act` to its end, under a hard limit."""

    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await act()

    asyncio.run(limited())


async def until(condition: Callable[[], object]) -> None:
    """Returns once `condition()` is true; the hard limit of `play` bounds it.

    For what nobody announces; the pause spares the processor, and no outcome depends on it.
    """
    never = asyncio.Event()
    while not condition():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await never.wait()


def lives(pid: int) -> bool:
    """Whether there is such a process, dead ones that wait for their parent not counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def n_descriptors() -> int:
    """How many descriptors this process has open, those left out that wait for a collector."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def python(code: str) -> list[str]:
    """The command line of a Python that starts fast."""
    return [sys.executable, "-I", "-S", "-c", code]


class Heard:
    """What a node was heard to say; awaited as the agent awaits its launcher.

    Attributes:
        gate: nothing is taken while it is closed.
        before: awaited when output was taken, before more is.
    """

    def __init__(self) -> None:
        self.output: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
        self.notices: list[Any] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Event()
        self.before: Callable[[], Awaitable[None]] | None = None

    async def on_output(self, _node: int, stream: int, data: bytes) -> None:
        await self.gate.wait()
        self.output[stream] += data
        self.changed.set()
        if self.before is not None:
            await self.before()

    async def on_notice(self, _node: int, notice: Any) -> None:
        await self.gate.wait()
        self.notices.append(notice)
        self.changed.set()

    async def wait_output(self, text: bytes) -> None:
        """Returns once the node has printed `text`."""
        while text not in self.output[1]:
            self.changed.clear()
            await self.changed.wait()


def start_node(
    arguments: list[str], folder: Path, takes_input: bool = False, inherited: tuple[int, ...] = ()
) -> Any:
    """A node that runs `arguments`, and what is heard of it."""
    heard = Heard()
    start = Start(5, arguments, dict(os.environ), str(folder), takes_input, inherited)
    return NodeProcess(start_cold(start), heard.on_notice, heard.on_output), heard


class Launcher:
    """The launcher's end of a session with a host in this process.

    Attributes:
        got: all that the agent has said.
    """

    def __init__(self, channel: Channel, serving: asyncio.Task[str | None]) -> None:
        self.channel = channel
        self.serving = serving
        self.got: list[Any] = []

    async def say(self, *messages: Any) -> None:
        """Sends messages."""
        for message in messages:
            await self.channel.send(message)

    async def hear(self, kind: type) -> Any:
        """The next message of this class; what comes before it is kept in `got`."""
        while True:
            message = await self.channel.receive()
            self.got.append(message)
            if isinstance(message, kind):
                return message
            if isinstance(message, m.Refused):
                raise AssertionError(message)

    async def greet(self) -> m.Welcome:
        """Says hello."""
        await self.say(m.Hello())
        welcome: m.Welcome = await self.hear(m.Welcome)
        return welcome

    async def ship(self, files: Mapping[str, str], run_id: bytes = RUN_ID) -> None:
        """Greets, opens a run and ships these files."""
        await self.greet()
        contents = {hashlib.sha256(text.encode()).digest(): text for text in files.values()}
        await self.say(m.OpenRun(run_id, pack_manifest(manifest_of(files))))
        for sha256 in (await self.hear(m.Missing)).hashes:
            data = contents[sha256].encode()
            await self.say(m.BlobPart(sha256, data, last=True))
        await self.hear(m.Shipped)

    async def start(self, program: str, n_node: int = 1, run_id: bytes = RUN_ID) -> None:
        """Ships a program and starts it on so many nodes; returns when all are ready."""
        await self.ship({"prog.py": program}, run_id)
        await self.say(order(n_node))
        for _ in range(n_node):
            await self.hear(m.NodeReady)

    async def run(self, program: str, n_node: int = 1, run_id: bytes = RUN_ID) -> None:
        """The same, and the programs begin."""
        await self.start(program, n_node, run_id)
        await self.say(m.Go())

    def printed(self, node: int = 0) -> bytes:
        """What a node has printed so far."""
        return b"".join(
            message.data
            for message in self.got
            if isinstance(message, m.Output) and message.node == node
        )


def manifest_of(files: Mapping[str, str]) -> Manifest:
    """The manifest of these files."""
    return Manifest(
        tuple(
            FileEntry(path, 0o600, len(text.encode()), hashlib.sha256(text.encode()).digest())
            for path, text in files.items()
        )
    )


def opening(files: Mapping[str, str]) -> m.OpenRun:
    """The order to take these files."""
    return m.OpenRun(RUN_ID, pack_manifest(manifest_of(files)))


def order(n_node: int = 1, *, more: tuple[m.Program, ...] = (), **changed: Any) -> Any:
    """The order to start nodes 0 to n_node-1 here, in a run of one more node on another machine.

    Args:
        more: programs beside the first.
        changed: other fields than usual, of the order or of its first program.
    """
    program = {"arguments": ("prog.py",), "is_python": True, "environment": (), "wdir": ""}
    program |= {name: changed.pop(name) for name in program.keys() & changed.keys()}
    parts: dict[str, Any] = {
        "programs": (m.Program(**program), *more),
        "stdin_node": -1,
        "nodes": tuple(m.NodeOrder(node, "") for node in range(n_node)),
        "machines": (Machine("h1", "h1", 6969), Machine("h2", "h2", 6969)),
        "machine_of": (*[0] * n_node, 1),
        "authority": "",
        "data_plane": "tls",
    }
    return m.StartNodes(**{**parts, **changed})


@contextlib.asynccontextmanager
async def hosting(folder: Path) -> AsyncIterator[Host]:
    """A host in `folder`."""
    host = Host(folder, "h1", 4)
    try:
        yield host
    finally:
        await host.close()


@contextlib.asynccontextmanager
async def session(host: Host, role: str = "operator") -> AsyncIterator[Launcher]:
    """A launcher's session with `host`; the channel is closed at the end."""
    ours, theirs = memory_pair()
    launcher = Launcher(ours, asyncio.ensure_future(host.serve(theirs, role)))
    try:
        yield launcher
    finally:
        await ours.close()
        await launcher.serving


def sandboxes(folder: Path) -> list[str]:
    """The names of the sandboxes that lie in a host's folder."""
    return sorted(path.name for path in (folder / "sandboxes").glob("*"))
