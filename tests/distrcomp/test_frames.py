"""distrcomp.frames: frames and messages out of any splitting of their bytes."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import frames, limits
from distrcomp.errors import ProtocolError
from distrcomp.frames import FrameDecoder, Message, MessageReader, frame, goodbye, message_parts
from distrcomp.memory import lease

SOURCE = 3
HEADER_BYTES = 28
BODIES = st.lists(st.binary(max_size=40), max_size=8)
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=20)
MESSAGES = st.builds(
    Message,
    st.just(SOURCE),
    st.integers(0, limits.TAG_MAX),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.binary(max_size=300),
    st.lists(st.binary(max_size=300).map(memoryview), max_size=4),
    st.integers(0, 2**32 - 1),
)


@pytest.fixture(autouse=True, scope="module")
def small_areas() -> Iterator[None]:
    """A scratch area of 64 bytes and direct reading from 32 on, so that all paths are short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_SCRATCH_BYTES", 64)
        patch.setattr(frames, "_DIRECT_BYTES", 32)
        yield


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """`data` cut into pieces of these sizes, again and again."""
    start = turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        yield data[start : start + size]
        start, turn = start + size, turn + 1


def wire(message: Message) -> bytes:
    """All bytes of a message."""
    return b"".join(message_parts(message))


def read(reader: MessageReader, data: bytes, sizes: list[int]) -> list[Message | None]:
    """What `reader` makes of `data` that comes in pieces of at most these sizes."""
    messages: list[Message | None] = []
    start = turn = 0
    while start < len(data):
        target = reader.target()
        assert target.nbytes > 0
        count = min(sizes[turn % len(sizes)], target.nbytes, len(data) - start)
        target[:count] = data[start : start + count]
        messages += reader.advance(count)
        start, turn = start + count, turn + 1
    return messages


def as_bytes(messages: list[Message | None]) -> list[Message | None]:
    """The same messages, their buffers as they compare: large ones may lie in arrays."""
    return [
        each and each._replace(buffers=[bytes(memoryview(buffer)) for buffer in each.buffers])
        for each in messages
    ]


def header(kind: int = 1, reserved: int = 0, n_buffers: int = 0, meta_bytes: int = 0) -> bytes:
    """The header of a message, as a stranger may write it."""
    return struct.pack("<BBHIIIIQ", kind, 1, reserved, 0, 0, 0, n_buffers, meta_bytes)


# --- frames ---


@given(BODIES, SIZES)
def test_frames_any_splitting(bodies: list[bytes], sizes: list[int]) -> None:
    """Any splitting of the stream gives the same frames, and nothing pends at its end."""
    decoder = FrameDecoder(40)
    came = [
        body
        for piece in pieces(b"".join(map(frame, bodies)), sizes)
        for body in decoder.feed(piece)
    ]
    assert bodies == came
    assert decoder.pending_bytes == 0


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_frames_byte_by_byte(kind: Any) -> None:
    """One byte at a time, a frame comes with its last byte, whatever type holds the bytes."""
    decoder = FrameDecoder(3)
    came = [decoder.feed(kind(bytes([byte]))) for byte in frame(b"abc")]
    assert [[]] * 6 + [[b"abc"]] == came


def test_frames_trailing_bytes() -> None:
    """What follows a frame is kept for the next one."""
    decoder = FrameDecoder(3)
    assert decoder.feed(frame(b"abc") + b"\0\0") == [b"abc"]
    assert decoder.pending_bytes == 2
    assert decoder.feed(b"\0\1x") == [b"x"]


@pytest.mark.parametrize("length", [4, 2**31, 2**32 - 1])
def test_frames_cap(length: int) -> None:
    """A length above the cap is refused at its fourth byte, before any of the body (S-14)."""
    decoder = FrameDecoder(3)
    start = struct.pack(">I", length)
    assert decoder.feed(start[:3]) == []
    with pytest.raises(ProtocolError, match=f"a frame of {length} bytes; at most 3 may come"):
        decoder.feed(start[3:])


def test_frames_cap_may_rise() -> None:
    """Length 0 and the cap itself are legal; the cap may rise between frames."""
    decoder = FrameDecoder(0)
    assert decoder.feed(frame(b"")) == [b""]
    decoder.bytes_max = 5
    assert decoder.feed(frame(b"12345")) == [b"12345"]


# --- messages ---


@given(st.lists(MESSAGES, max_size=5), SIZES)
def test_messages_any_splitting(sent: list[Message], sizes: list[int]) -> None:
    """Any splitting gives the same messages, and each buffer is writable memory of its own."""
    reader = MessageReader(SOURCE, lease)
    came = read(reader, b"".join(map(wire, sent)) + goodbye(), sizes)
    assert [*sent, None] == came
    assert reader.between_messages
    buffers = [buffer for message in came if message for buffer in message.buffers]
    assert {bytearray} >= {type(buffer) for buffer in buffers}
    assert len(buffers) == len({id(buffer) for buffer in buffers})


@pytest.mark.parametrize("size", [1, 27, 28, 29, 63, 64, 65, 10_000])
def test_message_large_parts(size: int) -> None:
    """A large part comes whole, whatever the pieces in which it comes."""
    part = bytes(range(256)) * 20
    sent = Message(
        SOURCE, 1, 2, 3, part, [memoryview(part), memoryview(b""), memoryview(part[:31])]
    )
    assert as_bytes(read(MessageReader(SOURCE, lease), wire(sent) * 2, [size])) == [sent, sent]


def test_message_large_part_is_read_in_place() -> None:
    """The target for a large part is the memory in which it arrives: no second copy."""
    sent = Message(SOURCE, 0, 0, 1, b"m", [memoryview(bytes(1000))])
    reader = MessageReader(SOURCE, lease)
    start = wire(sent)[: HEADER_BYTES + 8 + 1]
    assert read(reader, start, [64]) == []
    target = reader.target()
    assert target.nbytes == 1000
    target[:] = b"x" * 1000
    (message,) = reader.advance(1000)
    assert message is not None
    assert message.buffers[0] is target.obj


def test_message_empty_buffers() -> None:
    """Empty buffers and an empty meta cost no byte, and arrive."""
    sent = Message(SOURCE, 0, 0, 1, b"", [memoryview(b""), memoryview(b"")])
    assert [len(part) for part in message_parts(sent)] == [HEADER_BYTES + 16]
    assert read(MessageReader(SOURCE, lease), wire(sent), [1]) == [sent]


def test_message_parts_are_not_copied() -> None:
    """The buffers are written from where they lie."""
    buffers = [memoryview(bytearray(b"abc")), memoryview(bytearray(b"defg"))]
    parts = message_parts(Message(SOURCE, 0, 0, 1, b"m", list(buffers)))
    assert [id(buffer) for buffer in buffers] == [id(part) for part in parts[1:]]


@pytest.mark.parametrize("meta", [b"", b"meta"])
def test_whole(meta: bytes) -> None:
    """One small message at the target is told by `whole`; less, more or another is not touched."""
    sent = Message(SOURCE, 5, 3, 1, meta, [], 9)
    data = wire(sent)
    for other in (data[:-1], data + b"\1", goodbye(), wire(sent._replace(buffers=[b""]))):
        reader = MessageReader(SOURCE, lease)
        reader.target()[: len(other)] = other
        assert reader.whole(len(other)) is None
    reader = MessageReader(SOURCE, lease)
    for _ in range(2):
        reader.target()[: len(data)] = data
        assert reader.whole(len(data)) == sent
        assert reader.between_messages


def test_between_messages() -> None:
    """The stream may end before and after a message, at no byte inside it."""
    data = wire(Message(SOURCE, 0, 0, 1, b"meta", [memoryview(b"buffer")]))
    reader = MessageReader(SOURCE, lease)
    places = [reader.between_messages]
    for byte in data:
        read(reader, bytes([byte]), [1])
        places.append(reader.between_messages)
    assert [True, *[False] * (len(data) - 1), True] == places


@pytest.mark.parametrize(
    "data",
    [
        header(kind=0),
        header(kind=3),
        header(kind=128),
        header(reserved=1),
        header(n_buffers=limits.BUFFERS_MAX + 1),
        header(n_buffers=2**32 - 1),
        header(meta_bytes=limits.MESSAGE_BYTES_MAX + 1),
        header(meta_bytes=2**64 - 1),
        header(n_buffers=1) + struct.pack("<Q", 2**63),
        header(n_buffers=2) + struct.pack("<2Q", 2**64 - 1, 1),
        header(n_buffers=2) + struct.pack("<2Q", limits.MESSAGE_BYTES_MAX, 1),
        b"GET / HTTP/1.1\r\nHost: there\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 64])
def test_garbage(data: bytes, size: int) -> None:
    """What no node sends, and what is larger than it sends, is refused unallocated (S-14)."""
    with pytest.raises(ProtocolError):
        read(MessageReader(SOURCE, lease), data, [size])


@pytest.mark.parametrize("place", range(1, HEADER_BYTES))
def test_a_goodbye_is_empty(place: int) -> None:
    """A goodbye that carries anything is none: no node sends it."""
    data = bytearray(goodbye())
    data[place] = 1
    with pytest.raises(ProtocolError):
        read(MessageReader(SOURCE, lease), bytes(data), [64])


def test_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part for which there is no memory is a ProtocolError that gives its size."""

    def none_left(size: int) -> bytearray:
        if size == 5_000:
            raise MemoryError
        return bytearray(size)

    monkeypatch.setattr(frames, "bytearray", none_left, raising=False)
    table = struct.pack("<Q", 5_000)
    for data in (header(meta_bytes=5_000), header(n_buffers=1) + table):
        with pytest.raises(ProtocolError, match="of 5000 bytes, for which there is no memory"):
            read(MessageReader(SOURCE, none_left), data, [64])


@given(st.binary(max_size=200), SIZES)
def test_any_bytes(data: bytes, sizes: list[int]) -> None:
    """Any bytes give messages, wait for more, or raise ProtocolError, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MESSAGE_BYTES_MAX", 1_000)
        with contextlib.suppress(ProtocolError):
            read(MessageReader(SOURCE, lease), b"\1\1\0\0" + data, sizes)
