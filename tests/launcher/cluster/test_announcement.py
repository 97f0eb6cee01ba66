"""What agents announce, and what is believed of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import limits
from launcher.cluster.announcement import (
    Announcement,
    fingerprint_of,
    properties,
    read_announcement,
)
from tests.launcher.lab import Lab

OURS = Announcement("h1", "ab" * 16, ("10.0.0.1", "fd00::1"), 6969)


def told(**changed: bytes | None) -> dict[bytes, bytes | None]:
    """What OURS tells, changed so."""
    words = {name.encode(): word.encode() for name, word in properties(OURS).items()}
    return {**words, **{name.encode(): word for name, word in changed.items()}}


def test_there_and_back() -> None:
    """What one agent announces another machine reads."""
    assert OURS == read_announcement(told(), OURS.addresses, 6969)


def test_no_secret(tmp_path: Path) -> None:
    """An announcement has name, format and a fingerprint of the public certificate, and no more."""
    lab = Lab(tmp_path)
    ca_pem = lab.operator.credentials.ca_pem
    fingerprint = fingerprint_of(ca_pem)
    assert {"v", "name", "cluster"} == set(properties(OURS))
    assert (32, True) == (len(fingerprint), int(fingerprint, 16) > 0)
    assert fingerprint == fingerprint_of(ca_pem)
    assert fingerprint != fingerprint_of(Lab(tmp_path / "other").operator.credentials.ca_pem)


@pytest.mark.parametrize(
    ("words", "addresses", "port"),
    [
        (told(v=b"2"), ["10.0.0.1"], 6969),
        (told(v=None), ["10.0.0.1"], 6969),
        (told(name=b"a b"), ["10.0.0.1"], 6969),
        (told(name=b"\xff"), ["10.0.0.1"], 6969),
        (told(name=b"localhost"), ["10.0.0.1"], 6969),
        (told(name=b"h1\x1b[2J"), ["10.0.0.1"], 6969),
        (told(), [], 6969),
        (told(), ["127.0.0.1", "::1", "169.254.169.254", "224.0.0.1", "0.0.0.0"], 6969),
        (told(), ["fe80::1", "internal.example.org", "example"], 6969),
        (told(), ["10.0.0.1"], 0),
        (told(), ["10.0.0.1"], 70_000),
        (told(), ["10.0.0.1"], None),
    ],
)
def test_what_is_no_announcement(
    words: dict[bytes, bytes | None], addresses: list[str], port: int | None
) -> None:
    """Of another form, or at no address of a machine on a network: it is not dialled (S-36)."""
    assert None is read_announcement(words, addresses, port)


def test_bound() -> None:
    """Of many addresses few are kept."""
    many = [f"10.0.0.{number}" for number in range(1, 100)]
    read = read_announcement(told(), many, 6969)
    assert read is not None
    assert limits.ADDRESSES_TRIED_MAX == len(read.addresses)


@given(
    st.dictionaries(
        st.sampled_from([b"v", b"name", b"cluster"]) | st.binary(max_size=8),
        st.none() | st.just(b"1") | st.binary(max_size=80),
    ),
    st.lists(st.ip_addresses().map(str) | st.text(max_size=20), max_size=5),
    st.none() | st.integers(),
)
def test_anything(words: dict[bytes, bytes | None], addresses: list[str], port: int | None) -> None:
    """From whatever comes by multicast there is an announcement or none, and no error."""
    read = read_announcement(words, addresses, port)
    assert read is None or (read.addresses and 0 < read.port < 65536)
