"""The peers file: text ↔ peers.

One peer a line, `host[:port] [slots=N] [name=NAME]`; `#` starts a comment. Every mistake is one
BadUsage that names its line. Node ids follow the order of the lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .. import limits
from ..errors import BadUsage
from ..records import record
from . import names

AGENT_PORT = 6969
_HOST_AND_NUMBERS = re.compile(r"(\[.*\]|[^:]*):([0-9]+)(:.*)?")


@record
class Peer:
    """A machine in the peers file.

    Args:
        host: host name or address in normal form, IPv6 without brackets.
        port: where its agent listens.
        slots: room for nodes; None leaves it to the agent (its cores).
        name: the name in its certificate, where that is not `host`.
    """

    host: str
    port: int = AGENT_PORT
    slots: int | None = None
    name: str | None = None

    @property
    def address(self) -> str:
        """What one dials, for people: `h1:6969`, `[::1]:6969`."""
        return names.join_host_port(self.host, self.port)

    @property
    def label(self) -> str:
        """What the peer is called in reports."""
        return self.name or self.host

    @property
    def is_here(self) -> bool:
        """Whether this is the launcher's own machine, which needs no agent."""
        return self.host == names.LOCALHOST

    @property
    def certificate_name(self) -> str:
        """What the agent's certificate must be made out to."""
        return self.name or self.host.partition("%")[0]


def parse_peers(text: str, source: str) -> tuple[Peer, ...]:
    """The peers in `text`.

    Args:
        text: the contents of a peers file.
        source: its name in messages.

    Raises:
        BadUsage: the first mistake, with its line number.

    Example:
        >>> parse_peers("h1 slots=4  # the fast one", "peers.txt")
        (Peer(host='h1', port=6969, slots=4, name=None),)
    """
    peers = tuple(peer for _, peer in _parse_lines(text, source))
    if not peers:
        raise BadUsage(f"{source} names no peer: write one a line, like `h1 slots=4`")
    return peers


def parse_hosts(text: str, source: str = "-H") -> tuple[Peer, ...]:
    """The peers in `a:2,b:2`, where `:n` is slots, as mpirun has it.

    Raises:
        BadUsage: an item that is no host, a bad number of slots, a host named twice.
    """
    entries = []
    for item in text.split(","):
        try:
            _refuse_port(item.strip())
            host, slots = names.split_host_port(item.strip())
            entries.append((source, Peer(names.checked_host(host), slots=_slots(slots))))
        except BadUsage as mistake:
            raise BadUsage(f"{source}: {mistake}") from mistake
    _refuse_duplicates(entries)
    return tuple(peer for _, peer in entries)


def read_peers(path: Path) -> tuple[Peer, ...]:
    """The peers in the file `path`.

    Raises:
        BadUsage: the file cannot be read, or has a mistake.
    """
    return parse_peers(_read_text(path), str(path))


def append_peer(path: Path, peer: Peer) -> tuple[str, Peer] | None:
    """Adds `peer` at the end of the file `path`, which is made if missing.

    Returns:
        None if it was added. If a line has its host and port, or its name, already: where that
        line stands (`peers.txt line 1`), and the peer in it.

    Raises:
        BadUsage: the file has a mistake, or cannot be read or written.
    """
    text = _read_text(path) if path.exists() else ""
    for where, other in _parse_lines(text, str(path)):
        if _place(peer) == _place(other) or (peer.name is not None and peer.name == other.name):
            return where, other
    line_break = "" if not text or text.endswith("\n") else "\n"
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(f"{line_break}{format_peer(peer)}\n")
    except OSError as error:
        raise BadUsage(f"{path} cannot be written: {error.strerror}") from error
    return None


def check_appendable(path: Path) -> None:
    """Raises BadUsage if `path` exists and is no peers file; one without peers is fine."""
    if path.exists():
        _parse_lines(_read_text(path), str(path))


def format_peer(peer: Peer) -> str:
    """The line that `parse_peers` reads as `peer`."""
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    words = [host if peer.port == AGENT_PORT else peer.address]
    if peer.slots is not None:
        words.append(f"slots={peer.slots}")
    if peer.name is not None:
        words.append(f"name={peer.name}")
    return " ".join(words)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(limits.PEERS_FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise BadUsage(f"there is no peers file {path}") from error
    except OSError as error:
        raise BadUsage(f"the peers file {path} cannot be read: {error.strerror}") from error
    if len(data) > limits.PEERS_FILE_BYTES_MAX:
        raise BadUsage(f"{path} is too long for a peers file: over {len(data) - 1:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadUsage(f"{path} is not UTF-8 text: save it as UTF-8") from error


def _parse_lines(text: str, source: str) -> list[tuple[str, Peer]]:
    """Each peer in `text`, with where it stands."""
    entries = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{source} line {number}"
        try:
            entries.append((where, _parse_words(words)))
        except BadUsage as mistake:
            raise BadUsage(f"{where}: {mistake}") from mistake
    if len(entries) > limits.PEERS_MAX:
        raise BadUsage(f"{source} names {len(entries):,} peers; at most {limits.PEERS_MAX:,} work")
    _refuse_duplicates(entries)
    return entries


def _parse_words(words: list[str]) -> Peer:
    host_text, port_text = names.split_host_port(words[0])
    host = names.checked_host(host_text)
    options: dict[str, str] = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if key not in ("slots", "name") or not equals or not value:
            raise BadUsage(
                f"unknown word {names.shown(word)}: after the host may stand slots=N and "
                "name=NAME, without spaces round the ="
            )
        if key in options:
            raise BadUsage(f"{key}= stands twice")
        options[key] = value
    name = names.checked_name(options["name"]) if "name" in options else None
    return Peer(host, _port(host, port_text), _slots(options.get("slots")), name)


def _port(host: str, text: str | None) -> int:
    if text is None:
        return AGENT_PORT
    port = names.parse_port(text)
    if host == names.LOCALHOST:
        slots = f"; write slots={port}" if port is not None else ""
        raise BadUsage(
            f"{names.shown(f':{text}')} is a port here{slots}: localhost is this machine itself, "
            "needs no agent and takes no port"
        )
    if port is None:
        raise BadUsage(f"{names.shown(text)} is not a port: a number from 1 to 65535")
    return port


def _refuse_port(item: str) -> None:
    """Raises BadUsage if `item` of -H has a port, which only a peers file can say."""
    match = _HOST_AND_NUMBERS.fullmatch(item)
    host = names.normal_host(match[1].removeprefix("[").removesuffix("]")) if match else None
    port = names.parse_port(match[2]) if match else None
    if match is None or host is None or port is None:
        return
    if match[3] is None and port <= limits.SLOTS_MAX:
        return
    if host == names.LOCALHOST:
        advice = "localhost is this machine itself, needs no agent and takes no port"
    else:
        slots = match[3][1:] if match[3] and _are_slots(match[3][1:]) else "2"
        example = f"{names.join_host_port(host, port)} slots={slots}"
        advice = f"a port can be given only in a peers file, as in `{example}`"
    raise BadUsage(f"{names.shown(item)}: -H takes HOST[:SLOTS]; {advice}")


def _slots(text: str | None) -> int | None:
    if text is None:
        return None
    if not _are_slots(text):
        raise BadUsage(
            f"{names.shown(text)} is not a number of slots: a number from 1 to {limits.SLOTS_MAX}"
        )
    return int(text)


def _are_slots(text: str) -> bool:
    usable = text.isascii() and text.isdigit() and len(text) <= 9
    return usable and 1 <= int(text) <= limits.SLOTS_MAX


def _place(peer: Peer) -> tuple[str, int]:
    return peer.host, peer.port


def _refuse_duplicates(entries: Iterable[tuple[str, Peer]]) -> None:
    """Raises BadUsage if two of `entries`, peers with where they stand, are one machine."""
    places: dict[tuple[str, int], str] = {}
    called: dict[str, str] = {}
    for where, peer in entries:
        if _place(peer) in places:
            again = _again(where, places[_place(peer)])
            raise BadUsage(f"{where}: {peer.host if peer.is_here else peer.address} {again}")
        if peer.name is not None and peer.name in called:
            raise BadUsage(f"{where}: name={peer.name} {_again(where, called[peer.name])}")
        places[_place(peer)] = where
        if peer.name is not None:
            called[peer.name] = where


def _again(where: str, before: str) -> str:
    if where == before:
        return "stands twice: each peer is named once"
    return f"stands in line {before.rpartition(' ')[2]} already: each peer is named once"
