"""Every message in every state, to a real host with real nodes, whatever its content."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from distrcomp.notices import Machine
from launcher.agent.host import Host
from launcher.control import environments as e
from launcher.control import files, looks, passing, updates
from launcher.control import messages as m
from launcher.control.channel import memory_pair
from launcher.errors import ChannelClosed
from launcher.ship.manifest import Manifest, pack_manifest
from tests.fuzz.targets import sample
from tests.launcher.agent.agent_kit import LIMIT_S, manifest_of, order, sandboxes

pytestmark = pytest.mark.processes

CONTENT = {"prog.py": "print('ran')\n", "data/x": "1"}
GOOD = manifest_of(CONTENT)
BAD = manifest_of({"../x": "1"})

# Which message may come in which state, and what follows, written out once more (DESIGN.md).
LOOKS = (m.Ping, looks.AskRuns, looks.TakeStacks)
ALLOWED: dict[str, dict[type, str]] = {
    "new": {m.Hello: "greeted"},
    "greeted": {
        **dict.fromkeys((*LOOKS, e.AskInstalled), "greeted"),
        e.WantEnvironment: "providing",
        m.OpenRun: "shipping",
        **dict.fromkeys((updates.AskRelease, updates.KeepRelease), "greeted"),
    },
    "providing": {
        **dict.fromkeys((*LOOKS, e.AskInstalled, e.OfferWheels, e.WheelPart), "providing"),
        m.OpenRun: "shipping",
    },
    "shipping": {
        **dict.fromkeys((*LOOKS, m.BlobPart, *passing.ORDERS), "shipping"),
        m.StartNodes: "starting",
        m.CloseRun: "closed",
        updates.TryRelease: "trying",
    },
    "starting": {
        **dict.fromkeys((*LOOKS, m.OpenLink, m.RefuseLink), "starting"),
        **dict.fromkeys((m.EndOfNode, m.AbortRun, m.AskNodes, m.SignalNodes), "starting"),
        m.Go: "running",
        m.CloseRun: "closed",
    },
    "running": {
        **dict.fromkeys((*LOOKS, m.OpenLink, m.RefuseLink, m.Input), "running"),
        **dict.fromkeys((m.EndOfNode, m.AbortRun, m.AskNodes, m.SignalNodes), "running"),
        files.CollectFiles: "running",
        m.CloseRun: "closed",
    },
    "trying": {**dict.fromkeys(LOOKS, "trying"), updates.TakeRelease: "closed"},
    "closed": dict.fromkeys(LOOKS, "closed"),
}
# A host that is no listening agent refuses to be updated (tests/cli/test_updating does that).
REACHED = [state for state in ALLOWED if state != "trying"]

TEXTS = st.sampled_from(["", "x", "a\0b", "../x", "/abs", "é\x1b[2J", "x" * 999, "-rf"])
NUMBERS = st.sampled_from([0, 1, 2, -1, 2**31, 2**63, 2**64 - 1, -(2**63)])
RUN_IDS = st.sampled_from([b"", bytes(16), bytes(17)])
NODES = st.sampled_from([(0,), (0, 1), (), (1,), (0, 0), (-1,), (2**40,)])
# What the agent says of content that it won't have; a fault of its own it may never call it.
MISFIT = "a fault of its own"


def orders() -> st.SearchStrategy[m.StartNodes]:
    """Orders to start nodes: of what works, with one thing or other changed."""
    changes = st.fixed_dictionaries(
        {},
        optional={
            "environment": st.lists(st.builds(m.Setting, TEXTS, TEXTS), max_size=2).map(tuple),
            "wdir": TEXTS,
            "stdin_node": NUMBERS,
            "nodes": NODES.map(lambda ids: tuple(m.NodeOrder(node, "no key") for node in ids)),
            "machine_of": st.sampled_from([(), (0,), (0, 0, 1), (7,), (-1, 0), (2**40,)]),
            "machines": st.sampled_from([(), (Machine("h1", "h1", 0),) * 2]),
            "authority": TEXTS,
            "data_plane": TEXTS,
        },
    )
    commands = st.sampled_from(
        [("true",), ("cat",), ("no-such-command",), (), ("a\0b",), ("../../x",), ("true", "a\0b")]
    )
    python = st.builds(lambda other: order(1, **other), changes)
    return st.one_of(
        st.just(order(1, arguments=("true",), is_python=False)),
        st.builds(
            lambda words, other: order(1, arguments=words, is_python=False, **other),
            commands,
            changes,
        ),
        python,
    )


MESSAGES: dict[type, st.SearchStrategy[Any]] = {
    m.Hello: st.builds(m.Hello),
    m.Ping: st.builds(m.Ping, NUMBERS),
    e.AskInstalled: st.builds(e.AskInstalled, st.lists(TEXTS, max_size=3).map(tuple)),
    e.WantEnvironment: st.builds(
        e.WantEnvironment,
        st.sampled_from(["", "", "six==1 --hash=sha256:" + "0" * 64, "six", "--index-url x"]),
        st.sampled_from(["", "", ">=99", "garbage"]),
        st.just(True),
    ),
    e.OfferWheels: st.builds(
        e.OfferWheels,
        st.lists(st.builds(e.WheelFile, TEXTS, NUMBERS, st.just(bytes(32))), max_size=2).map(tuple),
        TEXTS,
    ),
    e.WheelPart: st.builds(e.WheelPart, st.just(bytes(32)), st.just(b"x"), st.booleans()),
    m.OpenRun: st.builds(
        m.OpenRun,
        st.sampled_from([b"fresh"] * 4 + [b"", bytes(17)]),
        st.sampled_from([*[pack_manifest(GOOD)] * 4, pack_manifest(Manifest(())), b"garbage"])
        | st.just(pack_manifest(BAD)),
    ),
    m.BlobPart: st.builds(
        m.BlobPart,
        st.sampled_from([*(entry.sha256 for entry in GOOD.files), b"", bytes(32)]),
        st.sampled_from([*(text.encode() for text in CONTENT.values()), b"", b"x" * 999]),
        st.booleans(),
    ),
    passing.TakePass: st.builds(passing.TakePass, NUMBERS, TEXTS, TEXTS),
    passing.FetchFrom: st.builds(
        passing.FetchFrom,
        NUMBERS,
        st.sampled_from(["127.0.0.1", "", "a\0b"]),
        st.sampled_from([1, -1]),
    ),
    m.StartNodes: orders(),
    m.OpenLink: st.builds(m.OpenLink, NUMBERS, NUMBERS),
    m.RefuseLink: st.builds(m.RefuseLink, NUMBERS, NUMBERS, TEXTS),
    m.Go: st.just(m.Go()),
    m.Input: st.builds(m.Input, st.sampled_from([b"", b"x" * 999])),
    m.EndOfNode: st.builds(m.EndOfNode, NUMBERS, TEXTS),
    m.AbortRun: st.builds(m.AbortRun, st.none() | NUMBERS, TEXTS),
    m.AskNodes: st.builds(m.AskNodes, NUMBERS, st.lists(NUMBERS, max_size=3).map(tuple)),
    looks.AskRuns: st.builds(looks.AskRuns, RUN_IDS),
    looks.TakeStacks: st.builds(looks.TakeStacks, RUN_IDS, NODES),
    m.SignalNodes: st.builds(m.SignalNodes, st.sampled_from([2, 15, 9, 0, 19, -9, 2**40])),
    files.CollectFiles: st.builds(files.CollectFiles, st.lists(TEXTS, max_size=2).map(tuple)),
    m.CloseRun: st.just(m.CloseRun()),
    updates.AskRelease: st.just(updates.AskRelease()),
    updates.TryRelease: st.builds(updates.TryRelease, TEXTS),
    updates.TakeRelease: st.just(updates.TakeRelease()),
    updates.KeepRelease: st.builds(updates.KeepRelease, st.sampled_from([b"", bytes(32)])),
    **{kind: st.just(sample(kind)) for kind in m.FROM_AGENT},
}


class Conversation(RuleBasedStateMachine):
    """A launcher that goes to some state, and then says anything."""

    def __init__(self, host: Host, runner: asyncio.Runner) -> None:
        super().__init__()
        self._host = host
        self._runner = runner
        self._ours: Any = None
        self._serving: Any = None
        self._state = "over"
        self._pings = 10**6
        self._missing: tuple[bytes, ...] = ()

    @precondition(lambda self: self._state == "over")
    @rule(state=st.sampled_from(REACHED), is_python=st.booleans())
    def come_to(self, state: str, is_python: bool) -> None:
        """A new session, which goes in order to this state."""
        self._runner.run(self._connect())
        self._state = "new"
        words = ("prog.py",) if is_python else ("cat",)
        for message in (
            m.Hello(),
            *([e.WantEnvironment("", "", False)] if state == "providing" else []),
            m.OpenRun(os.urandom(16), pack_manifest(GOOD)),
            order(1, arguments=words, is_python=is_python, stdin_node=0),
            m.Go() if state == "running" else m.CloseRun(),
        ):
            if self._state != state:
                self._say(message)
            if isinstance(message, m.OpenRun):
                self._ship()
        assert state == self._state

    @precondition(lambda self: self._state != "over")
    @rule(data=st.data())
    def say_what_may_come(self, data: st.DataObject) -> None:
        """A message that may come now, with any content."""
        self._say(data.draw(MESSAGES[data.draw(st.sampled_from(list(ALLOWED[self._state])))]))

    @precondition(lambda self: self._state == "shipping")
    @rule(order=orders())
    def start(self, order: m.StartNodes) -> None:
        """Nodes of any order are started, and begin."""
        self._say(order)
        if self._state == "starting":
            self._say(m.Go())

    @precondition(lambda self: self._state != "over")
    @rule(message=st.one_of(*MESSAGES.values()))
    def say_anything(self, message: Any) -> None:
        """Any message of either end."""
        self._say(message)

    def teardown(self) -> None:
        """Whatever was said, the end of a session leaves nothing."""
        if self._state != "over":
            self._runner.run(self._hang_up())
        assert [] == sandboxes(self._host._sandboxes.parent)
        assert {} == self._host._runs

    def _ship(self) -> None:
        missing, self._missing = self._missing, ()
        for digest in missing:
            (text,) = (CONTENT[entry.path] for entry in GOOD.files if entry.sha256 == digest)
            self._say(m.BlobPart(digest, text.encode(), last=True))

    def _say(self, message: Any) -> None:
        if isinstance(message, m.OpenRun) and message.run_id == b"fresh":
            message = m.OpenRun(os.urandom(16), message.manifest)
        after = ALLOWED[self._state].get(type(message))
        refused = self._runner.run(self._exchange(message))
        if after is None:
            assert refused is not None, f"{message} was taken in state {self._state}"
        if refused is not None:
            assert MISFIT not in refused, refused
        self._state = "over" if refused is not None else str(after)

    async def _connect(self) -> None:
        self._ours, theirs = memory_pair()
        self._serving = asyncio.ensure_future(self._host.serve(theirs, m.OPERATOR))

    async def _exchange(self, message: Any) -> str | None:
        """Says it, and a Ping; why the agent refused one of them, if it did."""
        self._pings += 1
        async with asyncio.timeout(LIMIT_S):
            with contextlib.suppress(ChannelClosed):  # the first one may have been enough
                await self._ours.send(message)
                await self._ours.send(m.Ping(self._pings))
            while True:
                answer = await self._ours.receive()
                match answer:
                    case m.Missing(hashes):
                        self._missing = hashes
                    case m.Pong(self._pings):
                        return None
                    case m.Refused(why):
                        await self._serving
                        return str(why)

    async def _hang_up(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self._ours.close()
            await self._serving


def test_all_messages_are_said() -> None:
    """Whoever adds a message adds what it may contain here, and when it may come."""
    assert {*m.FROM_LAUNCHER, *m.FROM_AGENT} == set(MESSAGES)
    assert set(m.FROM_LAUNCHER) == {kind for kinds in ALLOWED.values() for kind in kinds}


def test_any_conversation(tmp_path: Path, leaks: object) -> None:
    """S-12: what may not come is refused, what has no sense is named, and nothing stays.

    Never does the agent call anything a fault of its own.
    """
    with asyncio.Runner() as runner:

        async def make() -> Host:
            return Host(tmp_path, "h1", 4)

        host = runner.run(make())
        make_conversation: Callable[[], Conversation] = lambda: Conversation(host, runner)  # noqa: E731
        try:
            run_state_machine_as_test(
                make_conversation,
                settings=settings(
                    max_examples=40,
                    stateful_step_count=15,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(host.close())
