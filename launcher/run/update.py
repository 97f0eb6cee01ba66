"""Brings the agent of one peer to this machine's release of distrcomp, as its operator.

The agent is asked which release it runs, gets the files that it lacks, and tries the release in
its place. Only when that has answered us, at the agent's address and by its certificate, the agent
is told to become it; and only when the agent has come back as the release, to start as that from
now on. Whatever fails before leaves the agent as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Collection, Coroutine
from typing import Any

from distrcomp.errors import ProtocolError

from .. import limits
from ..cluster.peers_file import Peer
from ..control import messages as m
from ..control import updates as u
from ..control.channel import Channel
from ..environment.release import Release
from ..errors import CannotStart, ChannelClosed, PeerRefused
from ..records import record
from ..ship.manifest import pack_manifest
from .connect import Connection, Operator, dial_agent

# Between two times that an agent which comes back is dialled.
_DIAL_INTERVAL_S = 0.25


@record
class Updated:
    """What became of an agent.

    Attributes:
        was: the version that it had.
        sent_bytes: what was sent to it; None where it had this release already.
    """

    was: str
    sent_bytes: int | None


async def update(peer: Peer, operator: Operator, release: Release) -> Updated:
    """Brings the agent of `peer` to `release`; raises CannotStart where it could not be done."""
    connection = await dial_agent(peer, operator, is_any_version=True)
    channel, welcome = connection.channel, connection.welcome
    known = {welcome.process}
    try:
        if await _release_there(connection) == release.sha256:
            await _keep(connection, release)  # an earlier update may have been cut off before that
            return Updated(welcome.version, None)
        sent_bytes = await _send(channel, release)
        await channel.send(u.TryRelease(release.version))
        await _answer(channel, u.TrialBegun)
        on_trial = await _meet_trial(channel, _meet(peer, operator, release, known))
        await on_trial.channel.close()
        known.add(on_trial.welcome.process)
        await channel.send(u.TakeRelease())
        await _answer(channel, u.ReleaseTaken)
        await _wait_end(channel)
    except (CannotStart, ChannelClosed, ProtocolError) as error:
        if isinstance(error, _CannotBeUpdated):
            raise
        if isinstance(error, CannotStart):
            raise CannotStart(
                f"{error}; the agent goes on with {_name(welcome.version)}"
            ) from error
        raise CannotStart(
            f"the agent broke off ({error}); what starts there is {_name(welcome.version)}"
        ) from error
    finally:
        await channel.close()
    try:
        await _keep(await _meet(peer, operator, release, known), release)
    except (CannotStart, ChannelClosed, ProtocolError) as error:
        raise CannotStart(
            f"{_name(release.version)} has answered when it was tried, and since then: {error}; "
            f"started again, the agent is {welcome.version}"
        ) from error
    return Updated(welcome.version, sent_bytes)


def _name(version: str) -> str:
    return f"distrcomp {version}"


class _CannotBeUpdated(CannotStart):
    """The agent is from before there were updates, or has other messages."""

    def __init__(self, version: str, why: str) -> None:
        super().__init__(
            f"{_name(version)} there cannot be updated from here ({why}): install "
            "the version of this machine by hand, once"
        )


async def _release_there(connection: Connection) -> bytes:
    """The hash of what the agent runs."""
    version, protocol = connection.welcome.version, connection.welcome.protocol
    if protocol != m.PROTOCOL:
        raise _CannotBeUpdated(version, f"it speaks protocol {protocol}, this one {m.PROTOCOL}")
    await connection.channel.send(u.AskRelease())
    try:
        answer: u.ReleaseIs = await _answer(connection.channel, u.ReleaseIs)
        return answer.sha256
    except (PeerRefused, ChannelClosed, ProtocolError) as error:
        raise _CannotBeUpdated(version, str(error)) from error


async def _answer(channel: Channel, *kinds: type) -> Any:
    """The next message, which must be of these kinds; raises PeerRefused, ProtocolError."""
    answer = await channel.receive()
    if isinstance(answer, m.Refused):
        raise PeerRefused(answer.why)
    if not isinstance(answer, kinds):
        raise ProtocolError(f"it answered with {type(answer).__name__}")
    return answer


async def _send(channel: Channel, release: Release) -> int:
    """Sends what the agent lacks of a release; how many bytes that were."""
    manifest = pack_manifest(release.manifest)
    await channel.send(m.OpenRun(secrets.token_bytes(16), manifest, is_stock=True))
    sent_bytes = 0
    while True:
        answer = await _answer(channel, m.Missing, m.Shipped)
        if isinstance(answer, m.Shipped):
            return sent_bytes
        offsets = answer.offsets or (0,) * len(answer.hashes)
        for sha256, offset in zip(answer.hashes, offsets, strict=True):
            content = release.contents.get(sha256)
            if content is None or not 0 <= offset <= len(content):
                raise ProtocolError("it asked for a file that is not of distrcomp")
            await channel.send(m.BlobPart(sha256, content[offset:], last=True))
            sent_bytes += len(content) - offset


async def _meet_trial(channel: Channel, meet: Coroutine[Any, Any, Connection]) -> Connection:
    """What `meet` returns, unless the agent says before that it is no use."""
    meeting, word = asyncio.ensure_future(meet), asyncio.ensure_future(channel.receive())
    try:
        await asyncio.wait([meeting, word], return_when=asyncio.FIRST_COMPLETED)
        if word.done():
            answer = word.result()
            raise PeerRefused(answer.why if isinstance(answer, m.Refused) else "it broke off")
        return meeting.result()
    finally:
        for task in (meeting, word):
            task.cancel()
        await asyncio.gather(meeting, word, return_exceptions=True)


async def _wait_end(channel: Channel) -> None:
    """Until the agent has gone to make room."""
    with contextlib.suppress(TimeoutError, ChannelClosed, ProtocolError):
        async with asyncio.timeout(limits.RELEASE_TAKE_TIMEOUT_S):
            while True:
                await channel.receive()


async def _keep(connection: Connection, release: Release) -> None:
    """Has the agent start as this release from now on."""
    try:
        await connection.channel.send(u.KeepRelease(release.sha256))
        await _answer(connection.channel, u.ReleaseKept)
    finally:
        await connection.channel.close()


async def _meet(
    peer: Peer, operator: Operator, release: Release, known: Collection[int]
) -> Connection:
    """Dials the peer until another process than those known answers; it must be the release.

    Raises:
        CannotStart: none does in time, or it is none.
    """
    why = "nothing has answered"
    try:
        async with asyncio.timeout(limits.RELEASE_ANSWER_TIMEOUT_S):
            while True:
                try:
                    found = await _dial_unknown(peer, operator, known)
                    if found is not None:
                        break
                except (CannotStart, ChannelClosed, ProtocolError) as error:
                    why = str(error)
                await asyncio.sleep(_DIAL_INTERVAL_S)
    except TimeoutError:
        raise CannotStart(f"{_name(release.version)} does not answer: {why}") from None
    connection, sha256 = found
    if sha256 == release.sha256:
        return connection
    await connection.channel.close()
    version = connection.welcome.version
    raise CannotStart(f"what answers is {_name(version)} with other files than were sent")


async def _dial_unknown(
    peer: Peer, operator: Operator, known: Collection[int]
) -> tuple[Connection, bytes] | None:
    """Who answers there now, and which release that is; None where it is a known one."""
    connection = await dial_agent(peer, operator, is_any_version=True)
    if connection.welcome.process not in known:
        try:
            return connection, await _release_there(connection)
        except BaseException:
            await connection.channel.close()
            raise
    await connection.channel.close()
    return None
