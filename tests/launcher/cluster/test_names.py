"""Names and hosts in one normal form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.cluster import names
from launcher.errors import BadUsage


@pytest.mark.parametrize("text", ["h1", "H1", "gpu-3", "7of9", "a" * 63])
def test_names(text: str) -> None:
    """A DNS label is a name, in lower case."""
    assert text.lower() == names.checked_name(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", "a.b", "a b", "a" * 64, "10", "localhost", "h\x1b[2J", "h1\n", "ä", "\u212a1"],
)
def test_not_names(text: str) -> None:
    """Anything else is refused, in a message without control characters (S-37)."""
    with pytest.raises(BadUsage) as raised:
        names.checked_name(text)
    assert str(raised.value).isprintable()


@given(st.text())
def test_name_from_host_is_a_name(host: str) -> None:
    """Whatever a machine calls itself, a valid name is made of it."""
    name = names.name_from_host(host)
    assert name == names.checked_name(name)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("H1.Example.org", "h1.example.org"),
        ("node_1", "node_1"),
        ("10.0.0.1", "10.0.0.1"),
        ("0:0::1", "::1"),
        ("FE80::1%eth0", "fe80::1%eth0"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("10.0.0.300", None),
        ("010.0.0.1", None),
        ("fe80::1%a b", None),
        ("a..b", None),
        ("a.", None),
        ("", None),
        ("a/b", None),
        ("ä", None),
        ("x" * 64, None),
        (".".join(["x" * 60] * 5), None),
    ],
)
def test_normal_host(text: str, normal: str | None) -> None:
    """Each host has one form; what is no host has none."""
    assert normal == names.normal_host(text)


@given(st.one_of(st.text(), st.ip_addresses().map(str)))
def test_normal_host_is_stable(text: str) -> None:
    """The normal form of a normal form is itself."""
    normal = names.normal_host(text)
    assert normal is None or normal == names.normal_host(normal)


def test_distinctive() -> None:
    """Addresses that every machine has identify none."""
    hosts = ["h1", "10.0.0.1", "fd00::1", "localhost", "127.0.0.1", "::1", "fe80::1", "0.0.0.0"]
    assert ["h1", "10.0.0.1", "fd00::1"] == list(filter(names.is_distinctive, hosts))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("h1", ("h1", None)),
        ("h1:1", ("h1", "1")),
        ("h1:", ("h1", "")),
        ("[::1]", ("::1", None)),
        ("[::1]:7", ("::1", "7")),
    ],
)
def test_split_host_port(text: str, parts: tuple[str, str | None]) -> None:
    """Host and port part at the colon outside brackets."""
    assert parts == names.split_host_port(text)


@pytest.mark.parametrize("text", ["[::1", "[::1]7", "[h1]:7", "::1", "1:2:3", "\x1b:\x1b:"])
def test_split_host_port_refuses(text: str) -> None:
    """Brackets that do not match and bare IPv6 addresses are mistakes."""
    with pytest.raises(BadUsage, match=r"brackets") as raised:
        names.split_host_port(text)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(("text", "port"), [("1", 1), ("65535", 65535), ("06", 6)])
def test_parse_port(text: str, port: int) -> None:
    """A decimal number from 1 to 65535 is a port."""
    assert port == names.parse_port(text)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "+1", "1_0", "x", "\uff11", "9" * 5000])
def test_parse_port_refuses(text: str) -> None:
    """Nothing else is."""
    assert names.parse_port(text) is None
