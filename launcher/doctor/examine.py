"""Examines the peers: connects to each, and has a node on each tell and measure.

A peer that can't be used keeps nobody from being examined: who can't be reached takes no part, and
where a run can't start because of one of its peers it is begun once more without that one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import distrcomp
from distrcomp.cores import usable_cores

from .. import limits
from ..agent.host import python_version
from ..cluster.peers_file import Peer
from ..control.programs import Program
from ..errors import CannotStart, LauncherError, VersionsDiffer
from ..run.addresses import Net, machine_of
from ..run.connect import Connection, Operator, dial_agent, dial_at, resolve, shown_address
from ..run.launch import Launch
from ..run.namesakes import Agent, namesakes, two_of_a_name
from ..run.plain import counted
from ..run.request import Display, Part, Request
from ..run.results import RunResult
from ..run.sinks import STDOUT, Sinks
from ..run.table import View
from ..ship.bundle import Wanted, collect
from ..ship.folders import current_folder
from .facts import Figures, PairReport, PeerReport, Report, Told, Way
from .rounds import Pair, rounds_of


@dataclass(frozen=True)
class Wish:
    """Who is to be examined, and how.

    Attributes:
        operator: None where all peers are this machine.
        seconds: about how long each pair may move data.
        say: tells the person what goes on.
    """

    peers: tuple[Peer, ...]
    operator: Operator | None
    net: Net | None
    seconds: float
    say: Callable[[str], None]


class _Unseen(View):
    """Shows nothing of a run that the person has not asked for, nor that we interrupt it."""

    def say(self, text: str) -> None:
        pass


@dataclass(frozen=True)
class _Reached:
    """A peer that was looked for, and doubts about its agent."""

    report: PeerReport
    doubts: tuple[str, ...] = ()


async def examine(wish: Wish) -> Report:
    """Finds out all there is to know."""
    wish.say(f"looking for {counted(len(wish.peers), 'peer')}")
    reached = await asyncio.gather(*(_find(peer, wish) for peer in wish.peers))
    reports = _once_each([each.report for each in reached])
    able = [index for index, report in enumerate(reports) if not report.why]
    able, told = await _run_all(wish, reports, able, {})
    for node, index in enumerate(able):
        facts = told.facts.get(node)
        why = "" if facts else "its node told nothing: see the agent's own output"
        reports[index] = replace(reports[index], facts=facts, why=why)
    pairs = {pair: _pair(wish, able, told, pair) for pair in combinations(range(len(able)), 2)}
    linked = [pair for pair, report in pairs.items() if report.is_linked]
    if linked:
        wish.say(f"measuring {counted(len(linked), 'pair')}")
        argument = {"rounds": rounds_of(linked), "seconds": wish.seconds}
        still, measured = await _run_all(wish, reports, able, argument, once=True)
        if still == able:
            pairs = {
                pair: _measured(report, measured.pairs.get(pair)) for pair, report in pairs.items()
            }
    doubts = tuple(doubt for each in reached for doubt in each.doubts)
    return Report(tuple(reports), tuple(pairs.values()), doubts)


def _once_each(reports: Sequence[PeerReport]) -> list[PeerReport]:
    """An agent that was reached before, or whose namesake was, takes no part again."""
    known: list[Agent] = []
    told = []
    for report in reports:
        agent = Agent(report.address, report.name, report.process)
        sentences = namesakes([*known, agent]) if report.process else []
        if sentences:
            report = replace(report, why=sentences[0])
        elif report.process:
            known.append(agent)
        told.append(report)
    return told


# --- reaching ------------------------------------------------------------------------------------


async def _find(peer: Peer, wish: Wish) -> _Reached:
    """What the control connection tells of a peer."""
    operator = wish.operator
    blank = PeerReport(peer.label, peer.address)
    if peer.is_here:
        slots = peer.slots or usable_cores()
        version, python = distrcomp.__version__, python_version()
        return _Reached(
            replace(blank, address="this machine", slots=slots, version=version, python=python)
        )
    if operator is None:
        return _Reached(replace(blank, why=f"there are no credentials for {peer.label}"))
    try:
        connection = await dial_agent(peer, operator)
    except VersionsDiffer as error:
        return _Reached(
            replace(
                blank,
                why=str(error),
                name=error.name,
                version=error.version,
                python=error.python,
            )
        )
    except CannotStart as error:
        return _Reached(replace(blank, why=str(error)))
    await connection.channel.close()
    failures, doubts = await _try_the_rest(peer, operator, connection)
    welcome = connection.welcome
    report = replace(
        blank,
        reached_at=connection.address,
        failures=failures,
        slots=peer.slots or welcome.slots,
        name=welcome.name,
        process=welcome.process,
        version=welcome.version,
        python=welcome.python,
    )
    if len(wish.peers) > 1:
        try:
            machine_of(connection, wish.net)
        except CannotStart as error:  # one that --net leaves no address keeps nobody out
            report = replace(report, why=str(error))
    return _Reached(report, doubts)


async def _try_the_rest(
    peer: Peer, operator: Operator, found: Connection
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Why the peer's other addresses lead nowhere, and whether its namesake is found there."""
    failures: list[tuple[str, str]] = []
    doubts: list[str] = []
    for address in await resolve(peer):
        where = shown_address(address)
        if where == found.address:
            continue
        try:
            connection = await dial_at(peer, operator, address)
        except CannotStart as error:
            failures.append((where, str(error)))
            continue
        await connection.channel.close()
        if connection.welcome.process != found.welcome.process:
            both = f"{peer.host} stands for {found.address} and {where}"
            doubts.append(f"{both}: {two_of_a_name(connection.welcome.name)}")
    return tuple(failures), tuple(doubts)


# --- the examination's runs ----------------------------------------------------------------------


async def _run_all(
    wish: Wish,
    reports: list[PeerReport],
    able: list[int],
    argument: object,
    *,
    once: bool = False,
) -> tuple[list[int], Told]:
    """Runs the examination on these peers; which of them took part, and what their nodes told.

    One because of which a run can't start is told of in its report, and left out; with `once` that
    is the end of it.
    """
    while able:
        try:
            result, told = await _run(wish, [wish.peers[index] for index in able], argument)
        except LauncherError as error:
            why, culprit = str(error), None
        else:
            if all(node.outcome != "never started" for node in result.nodes):
                return able, told
            cause = result.cause
            why = "it did not start" if cause is None else cause.headline
            culprit = None if cause is None else cause.peer
        blamed = [index for index in able if reports[index].label == culprit]
        if once or not blamed:  # nobody in particular: who knows what is left
            for index in [] if once else able:
                reports[index] = replace(reports[index], why=why)
            return [], Told()
        reports[blamed[0]] = replace(reports[blamed[0]], why=why)
        able = [index for index in able if index != blamed[0]]
    return [], Told()


async def _run(wish: Wish, peers: list[Peer], argument: object) -> tuple[RunResult, Told]:
    program = Program(("-m", "distrcomp.examination", json.dumps(argument)), is_python=True)
    wanted = Wanted(None, None, (), (), current_folder())
    request = Request(
        parts=(Part(program, wanted, len(peers)),),
        peers=tuple(replace(peer, slots=1) for peer in peers),
        stdin_node=-1,
        continue_on_failure=True,
        on_deadlock="ignore",
        timeout_s=limits.EXAMINATION_TIMEOUT_S,
        net=wish.net,
        proves_links=False,
        allow_skew=True,
    )
    told = Told()
    launch, loop = Launch(request), asyncio.get_running_loop()

    def take(stream: int, data: bytes) -> None:
        """The next whole lines of any node; when all are done none needs to stay to be reached."""
        n_done = len(told.done)
        if stream == STDOUT:
            told.take(data.splitlines())
        if n_done < len(told.done) == len(peers):
            loop.call_soon_threadsafe(launch.interrupt)

    display = Display(_Unseen(), lambda n_node: Sinks(n_node, "raw", None, take))
    async with launch:
        preparation = await launch.prepare(collect(wanted))
        result, _ = await launch.run(preparation, display)
    return result, told


# --- what they told ------------------------------------------------------------------------------


def _pair(wish: Wish, able: Sequence[int], told: Told, pair: Pair) -> PairReport:
    """What two nodes told of their ways to each other."""
    one, other = able[pair[0]], able[pair[1]]
    ways: tuple[Way, ...] = tuple(told.ways.get(pair, ()))
    back: tuple[Way, ...] = tuple(told.ways.get((pair[1], pair[0]), ()))
    can_dial, can_dial_back = (not wish.peers[index].is_here for index in (other, one))
    return PairReport(one, other, ways, back, can_dial, can_dial_back)


def _measured(pair: PairReport, found: Figures | str | None) -> PairReport:
    """The same with what the two have measured, or why they have not."""
    if isinstance(found, Figures):
        return replace(pair, figures=found)
    if not pair.is_linked:
        return pair
    return replace(pair, why=found or "the measurement was not finished")
