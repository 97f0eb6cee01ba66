"""Announcing and hearing agents by multicast DNS (RFC 6762), by the package zeroconf.

zeroconf is an extra, loaded when it is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from .. import limits
from ..errors import CannotStart
from .announcement import SERVICE, Announcement, properties, read_announcement

log = logging.getLogger("distrcomp.agent")


def is_there() -> bool:
    """Whether zeroconf is installed."""
    return importlib.util.find_spec("zeroconf") is not None


def require() -> None:
    """Raises CannotStart unless zeroconf is installed, saying how to get it."""
    if not is_there():
        raise CannotStart(
            "finding agents on the network needs the package zeroconf: "
            "`pip install 'distrcomp[discover]'`"
        )


async def hear(seconds: float, names: Sequence[str] = ()) -> list[Announcement]:
    """What is announced within so many seconds, up to a bound; raises CannotStart.

    Args:
        names: of agents that are asked for by these, so that no crowd keeps them from being heard.
    """
    require()
    from zeroconf import ServiceStateChange
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo

    heard: dict[str, Announcement] = {}
    asked: dict[str, asyncio.Task[None]] = {}
    async with _open() as responder:

        async def ask(name: str) -> None:
            info = AsyncServiceInfo(SERVICE, name)
            if await info.async_request(responder.zeroconf, limits.ANNOUNCEMENT_DETAILS_S * 1000):
                said = read_announcement(info.properties, info.parsed_addresses(), info.port)
                if said is not None:
                    heard[name] = said

        def take(name: str, state_change: Any, **_: Any) -> None:
            known = name in asked or len(asked) >= limits.ANNOUNCEMENTS_MAX
            if state_change is not ServiceStateChange.Removed and not known:
                asked[name] = asyncio.ensure_future(ask(name))

        for each in names:
            take(f"{each}.{SERVICE}", None)
        browser = AsyncServiceBrowser(responder.zeroconf, SERVICE, handlers=[take])
        try:
            await asyncio.sleep(seconds)
            if asked:
                await asyncio.wait(asked.values(), timeout=limits.ANNOUNCEMENT_DETAILS_S)
        finally:
            await browser.async_cancel()
            for task in asked.values():
                task.cancel()
    return list(heard.values())


async def announce(now: Callable[[], Announcement], pause_s: float) -> None:
    """Announces an agent until cancelled, anew whenever it has other addresses.

    Nothing that goes wrong with it ends the agent: it is told in the log.

    Args:
        now: what is to be announced at this moment.
        pause_s: how often that is looked at.
    """
    while True:
        announcement = now()
        try:
            async with contextlib.AsyncExitStack() as stack:
                if announcement.addresses:
                    await _register(stack, announcement)
                while now() == announcement:  # noqa: ASYNC110  nobody tells of a change
                    await asyncio.sleep(pause_s)
        except (OSError, CannotStart) as error:
            log.warning("this agent cannot be announced now: %s", error)
            await asyncio.sleep(pause_s)


async def _register(stack: contextlib.AsyncExitStack, announcement: Announcement) -> None:
    from zeroconf import Error
    from zeroconf.asyncio import AsyncServiceInfo

    info = AsyncServiceInfo(
        SERVICE,
        f"{announcement.name}.{SERVICE}",
        port=announcement.port,
        properties=properties(announcement),
        server=f"{announcement.name}-distrcomp.local.",
        addresses=[_packed(address) for address in announcement.addresses],
    )
    responder = await stack.enter_async_context(_open())
    try:
        # A machine that takes our name first shall not keep us from being announced.
        await responder.async_register_service(info, allow_name_change=True)
    except Error as error:
        log.warning("this agent cannot be announced now: %s", error)
        return
    stack.push_async_callback(responder.async_unregister_service, info)
    name = info.name.partition(".")[0]
    log.info("announced on this network as %s", name)
    if name != announcement.name:
        log.warning("somebody else on this network announces an agent %s, too", announcement.name)


def _open() -> Any:
    from zeroconf import IPVersion
    from zeroconf.asyncio import AsyncZeroconf

    try:
        return AsyncZeroconf(ip_version=IPVersion.V4Only)
    except OSError as error:
        raise CannotStart(
            f"this machine cannot use multicast: {error.strerror or error}"
        ) from error


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
