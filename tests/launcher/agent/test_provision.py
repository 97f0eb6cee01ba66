"""An agent's part in the environment of a run, by what its launcher says and hears."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.control import environments as e
from launcher.control import messages as m
from launcher.errors import ChannelClosed
from launcher.ship.manifest import Manifest, pack_manifest
from tests.launcher.agent.agent_kit import RUN_ID, Launcher, hosting, order, play, session
from tests.wheels import make_wheel

pytestmark = pytest.mark.processes


def want(wheel: Path, **changes: Any) -> e.WantEnvironment:
    """An environment with the package of that wheel, which only the launcher has."""
    name, version = wheel.name.split("-")[:2]
    line = f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    return e.WantEnvironment(
        **{"requirements": line, "requires_python": "", "ask_for_wheels": True, **changes}
    )


def file_of(wheel: Path) -> e.WheelFile:
    """The wheel as it is offered."""
    data = wheel.read_bytes()
    return e.WheelFile(wheel.name, len(data), hashlib.sha256(data).digest())


def parts_of(wheel: Path) -> list[e.WheelPart]:
    """The wheel as it is sent."""
    data = wheel.read_bytes()
    sha256 = hashlib.sha256(data).digest()
    return [e.WheelPart(sha256, part, not part) for part in (data[:100], data[100:], b"")]


async def asked(launcher: Launcher, wheel: Path) -> e.WheelsMissing:
    """Offers the wheel when it is asked for; what of it is missing."""
    await launcher.hear(e.WheelsWanted)
    await launcher.say(e.OfferWheels((file_of(wheel),), ""))
    missing: e.WheelsMissing = await launcher.hear(e.WheelsMissing)
    return missing


async def give(launcher: Launcher, wheel: Path) -> tuple[bytes, ...]:
    """Offers the wheel when it is asked for, and sends it if it is missing; what was missing."""
    missing = (await asked(launcher, wheel)).hashes
    if missing:
        await launcher.say(*parts_of(wheel))
    return tuple(missing)


async def why_failed(launcher: Launcher) -> str:
    """Why there is no environment."""
    failed: e.EnvironmentFailed = await launcher.hear(e.EnvironmentFailed)
    return failed.why


async def why_refused(launcher: Launcher, *messages: Any) -> str:
    """Why the agent ends the session at these."""
    with contextlib.suppress(ChannelClosed):
        await launcher.say(*messages)
    while not isinstance(message := await launcher.channel.receive(), m.Refused):
        pass
    return message.why


def test_wheels_from_the_launcher(tmp_path: Path, leaks: object) -> None:
    """They are installed; a node has them; what the store has is not sent again."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")
    program = "import tiny, sys; print(tiny.VERSION, sys.executable)"

    async def act() -> None:
        async with hosting(tmp_path / "host") as host:
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel))
                assert (file_of(wheel).sha256,) == await give(launcher, wheel)
                await launcher.hear(e.EnvironmentReady)
                (made,) = (tmp_path / "host" / "environments").iterdir()
                await launcher.say(m.OpenRun(RUN_ID, pack_manifest(Manifest(()))))
                await launcher.hear(m.Shipped)
                await launcher.say(order(1, arguments=("-c", program)))
                await launcher.hear(m.NodeReady)
                await launcher.say(m.Go())
                await launcher.hear(m.NodeExited)
                assert f"1.0 {made}/bin/python\n".encode() == launcher.printed()
            (tmp_path / "host" / "environments" / "other").mkdir()
            made.rename(made.with_name("f" * 32))
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel))
                assert () == await give(launcher, wheel)
                await launcher.hear(e.EnvironmentReady)

    play(act)


def test_what_cannot_be_had(tmp_path: Path, leaks: object) -> None:
    """A Python that it isn't, a package that nobody has, a wheel that is none: told in words."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")
    broken = tmp_path / "index" / "tiny-2.0-py3-none-any.whl"
    broken.write_bytes(b"no wheel" * 100)

    async def act() -> None:
        async with hosting(tmp_path / "host") as host:
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel, requires_python=">=3.99"))
                assert "and the program requires >=3.99" in await why_failed(launcher)
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel))
                await launcher.hear(e.WheelsWanted)
                await launcher.say(e.OfferWheels((), "there is no wheel for this of tiny 1.0"))
                why = await why_failed(launcher)
                assert why.startswith("uv cannot install the packages (there is no wheel for this")
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(broken))
                await give(launcher, broken)
                assert "it says:\nerror: " in await why_failed(launcher)
            assert [] == list((tmp_path / "host" / "environments").iterdir())

    play(act)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_wheel_that_was_cut_off(
    is_right: bool, tmp_path: Path, leaks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run is asked for the rest alone, and then for all if the beginning was wrong."""
    monkeypatch.setattr("launcher.limits.RESUMED_BYTES_MIN", 1)
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")
    first, *rest = parts_of(wheel)
    begun = first if is_right else replace(first, data=bytes(len(first.data)))

    async def act() -> None:
        async with hosting(tmp_path / "host") as host:
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel))
                assert (0,) == (await asked(launcher, wheel)).offsets
                await launcher.say(begun, m.Ping(1))
                await launcher.hear(m.Pong)
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel))
                assert (len(first.data),) == (await asked(launcher, wheel)).offsets
                await launcher.say(*rest)
                if not is_right:
                    assert (0,) == (await launcher.hear(e.WheelsMissing)).offsets
                    await launcher.say(first, *rest)
                await launcher.hear(e.EnvironmentReady)

    play(act)


def test_an_end_in_between(tmp_path: Path, leaks: object) -> None:
    """A launcher that goes while the agent waits for wheels leaves nothing half-built."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")

    async def act() -> None:
        async with hosting(tmp_path / "host") as host:
            async with session(host) as launcher:
                await launcher.greet()
                await launcher.say(want(wheel))
                await launcher.hear(e.WheelsWanted)
            assert [] == list((tmp_path / "host" / "environments").iterdir())

    play(act)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((e.WantEnvironment("--index-url http://x/\n", "", False),), "is not locked"),
        ((e.WantEnvironment("six\n", "", False),), "is not locked"),
        ((e.OfferWheels((), ""),), "OfferWheels may not come now"),
        ((e.WantEnvironment("", "", False), e.OfferWheels((), "")), "nobody has asked for"),
        ((e.WantEnvironment("", "", False), e.WheelPart(b"", b"", True)), "was not asked for"),
        (
            (e.WantEnvironment("", "", False), m.OpenRun(RUN_ID, b"")),
            "the environment is not ready yet",
        ),
        ((e.WantEnvironment("", "", False),) * 2, "WantEnvironment may not come now"),
    ],
)
def test_what_may_not_be_said(tmp_path: Path, messages: tuple[Any, ...], why: str) -> None:
    """What is no lock, comes unasked, or too early, ends the session (S-12)."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.greet()
            assert why in await why_refused(launcher, *messages)

    play(act)


@pytest.mark.parametrize(
    "name", ["../x.whl", "/x.whl", "a/b.whl", "x.tar.gz", "-rf", "", ".whl\0", "x.pth"]
)
def test_names_of_wheels(tmp_path: Path, leaks: object, name: str) -> None:
    """A name that could lie elsewhere, or is no wheel's, is refused and nothing is laid (S-20)."""
    wheel = make_wheel(tmp_path / "index", "tiny", "1.0")

    async def act() -> None:
        async with hosting(tmp_path / "host") as host, session(host) as launcher:
            await launcher.greet()
            await launcher.say(want(wheel))
            await launcher.hear(e.WheelsWanted)
            await launcher.say(e.OfferWheels((e.WheelFile(name, 1, bytes(32)),), ""))
            await why_failed(launcher)
            assert [] == list((tmp_path / "host" / "environments").iterdir())

    play(act)
