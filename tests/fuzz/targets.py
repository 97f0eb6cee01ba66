"""What is fuzzed: each parser, the exception it may raise, and inputs that it takes."""

from __future__ import annotations

import dataclasses
import struct
import types
import typing
from collections.abc import Callable
from typing import Any

from distrcomp.errors import DistrcompError, ProtocolError
from distrcomp.frames import FrameDecoder, Message, MessageReader, frame, goodbye, message_parts
from distrcomp.notices import TO_AGENT, TO_NODE
from distrcomp.preamble import Preamble, pack_preamble, parse_preamble
from distrcomp.schema import Schema
from launcher.agent.passing import PASSING
from launcher.cluster import certificates, join_protocol
from launcher.cluster.join_line import JoinLine, parse_join_line
from launcher.cluster.peers_file import parse_hosts, parse_peers
from launcher.control.messages import CONTROL
from launcher.errors import BadManifest, BadUsage
from launcher.ship.manifest import (
    FileEntry,
    Manifest,
    check_manifest,
    pack_manifest,
    unpack_manifest,
)

FRAME_BYTES_MAX = 1000
_HEADER = struct.Struct("<BBHIIIIQ")


@dataclasses.dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        act: parses, and raises AssertionError where what came of it breaks a law.
        refusals: what it may raise.
        seeds: inputs to begin with.
    """

    act: Callable[[bytes], None]
    refusals: tuple[type[DistrcompError], ...]
    seeds: Callable[[], list[bytes]]

    def hold(self, data: bytes) -> None:
        """Returns if `data` is parsed, or refused in one printable sentence; else raises."""
        try:
            self.act(data)
        except self.refusals as error:
            _check_sentence(str(error))


def _check_sentence(text: str) -> None:
    assert text.isprintable(), f"{text!r} would move a terminal's cursor"
    assert 0 < len(text) < 1000, f"{text[:1000]!r} is no sentence"


def _frames(data: bytes) -> None:
    whole = FrameDecoder(FRAME_BYTES_MAX).feed(data)
    decoder = FrameDecoder(FRAME_BYTES_MAX)
    pieces = [found for byte in data for found in decoder.feed(bytes([byte]))]
    assert whole == pieces
    assert decoder.pending_bytes <= FRAME_BYTES_MAX + 4


def _messages(data: bytes) -> None:
    if not _announces_little(data):
        return  # a node may send as much as fits into memory: what is awaited is allocated
    assert _read(data, len(data)) == _read(data, 1)


def _read(data: bytes, step: int) -> list[Any]:
    """The messages in `data`, which comes in pieces of so many bytes at most."""
    reader, found, rest = MessageReader(3, bytearray), [], memoryview(data)
    while rest:
        target = reader.target()
        count = min(step, len(target), len(rest))
        target[:count] = rest[:count]
        rest = rest[count:]
        found += reader.advance(count)
    return [None if each is None else (*each[:5], list(each[5])) for each in found]


def _announces_little(data: bytes) -> bool:
    """Whether no header or table that might be read announces more than some kilobytes.

    Where one stands depends on all before it, so each place is looked at.
    """
    size = _HEADER.size
    for start in range(max(0, len(data) - size + 1)):
        kind, _, reserved, *_, n_buffers, meta_bytes = _HEADER.unpack_from(data, start)
        if kind == 1 and not reserved and (n_buffers > 64 or meta_bytes > 2**16):
            return False
        if kind == 1 and not reserved and n_buffers:
            table = data[start + size : start + size + 8 * n_buffers].ljust(8 * n_buffers, b"\0")
            if max(struct.unpack(f"<{n_buffers}Q", table)) > 2**16:
                return False
    return True


def _message_seeds() -> list[bytes]:
    plain = Message(3, 7, 0, 1, b"meta", [], 0)
    buffers = Message(3, 7, 2, 2, b"m", [memoryview(b"abc"), memoryview(b""), memoryview(b"d")], 5)
    one, other = (b"".join(message_parts(each)) for each in (plain, buffers))
    return [goodbye(), one, other, one + other + goodbye()]


def _records(schema: Schema) -> Target:
    """Records of `schema`: what is unpacked is packed and unpacked to the same."""

    def act(data: bytes) -> None:
        record = schema.unpack(data)
        packed = schema.pack(record)
        assert packed == schema.pack(schema.unpack(packed))

    def seeds() -> list[bytes]:
        return [schema.pack(sample(record)) for record in schema._records.values()]

    return Target(act, (ProtocolError,), seeds)


def sample(hint: Any) -> Any:
    """A value of this type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return (sample(arguments[0]),) * 2
    if origin in (types.UnionType, typing.Union):
        return sample(arguments[0])
    simple = {int: 3, bool: True, float: 0.5, str: "text", bytes: b"bytes"}
    if hint in simple:
        return simple[hint]
    return hint(*(sample(each) for each in typing.get_type_hints(hint).values()))


def _preamble(data: bytes) -> None:
    assert data == pack_preamble(parse_preamble(data))


def _manifest(data: bytes) -> None:
    manifest = unpack_manifest(data)
    check_manifest(manifest, 100, 10_000)
    for entry in manifest.files:
        parts = entry.path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\0" not in entry.path
        assert entry.mode in (0o600, 0o700)


def _manifest_seeds() -> list[bytes]:
    names = (("a.py",), ("a/b.py", "a/c"), ("README", "readme"), ("../x",), ("a", "a/b"))
    return [
        pack_manifest(Manifest(tuple(FileEntry(name, 0o600, 5, bytes(32)) for name in each)))
        for each in names
    ]


def _peers(data: bytes) -> None:
    for peer in parse_peers(data.decode("utf-8", "surrogateescape"), "peers.txt"):
        assert peer.address.isprintable()
        assert peer.label.isprintable()
        assert 0 < peer.port < 65536


def _hosts(data: bytes) -> None:
    for peer in parse_hosts(data.decode("utf-8", "surrogateescape")):
        assert peer.address.isprintable()


def _join_line(data: bytes) -> None:
    line = parse_join_line(data.decode("utf-8", "surrogateescape"))
    assert parse_join_line(line.text) == line


def _join_line_seeds() -> list[bytes]:
    hosts = ("h1", "10.0.0.1", "fe80::1", "a.example.org")
    return [JoinLine(host, 6970, bytes(32), bytes(16), 2**31).text.encode() for host in hosts]


def _request(data: bytes) -> None:
    certificates.public_key_of_request(data)


TARGETS = {
    "frame": Target(
        _frames, (ProtocolError,), lambda: [frame(b""), frame(b"one") + frame(b"two")[:5]]
    ),
    "message": Target(_messages, (ProtocolError,), _message_seeds),
    "preamble": Target(
        _preamble, (ProtocolError,), lambda: [pack_preamble(Preamble(b"r" * 16, 3, 2**32 - 1))]
    ),
    "control": _records(CONTROL),
    "passing": _records(PASSING),
    "notice-to-agent": _records(TO_AGENT),
    "notice-to-node": _records(TO_NODE),
    "join-message": _records(join_protocol.SCHEMA),
    "manifest": Target(_manifest, (ProtocolError, BadManifest), _manifest_seeds),
    "peers-file": Target(
        _peers,
        (BadUsage,),
        lambda: [b"h1 slots=4 name=gpu # x\n[::1]:7000\n10.0.0.1:1 slots=2\r\n", b"localhost\n"],
    ),
    "hosts": Target(_hosts, (BadUsage,), lambda: [b"a:2,b:2", b"[::1]:3,localhost"]),
    "join-line": Target(_join_line, (BadUsage,), _join_line_seeds),
    "request": Target(
        _request, (BadUsage,), lambda: [certificates.make_request(certificates.new_key())]
    ),
}
