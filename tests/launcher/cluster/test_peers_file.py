"""Peers files: what they say, and every mistake with its line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import limits
from launcher.cluster import names, peers_file
from launcher.cluster.peers_file import Peer, parse_hosts, parse_peers, read_peers
from launcher.errors import BadUsage


def test_every_form() -> None:
    """Comments, blank lines, CRLF, BOM, ports, options, IPv4, IPv6 and names are all read."""
    text = (
        "\ufeff# my machines\r\n\r\nlocalhost slots=2\r\nH1\r\n10.0.0.1:7000 name=GPU slots=4 # x\n"
        "[::1]:7000\n[FE80::1%eth0]\n  h2.example.org\t"
    )
    expected = (
        Peer("localhost", slots=2),
        Peer("h1"),
        Peer("10.0.0.1", 7000, 4, "gpu"),
        Peer("::1", 7000),
        Peer("fe80::1%eth0"),
        Peer("h2.example.org"),
    )
    assert expected == parse_peers(text, "peers.txt")


def test_properties() -> None:
    """A peer knows its address, label, certificate name, and whether it is this machine."""
    peer = Peer("fe80::1%eth0", 7000)
    assert ("[fe80::1%eth0]:7000", "fe80::1%eth0", "fe80::1", False) == (
        peer.address,
        peer.label,
        peer.certificate_name,
        peer.is_here,
    )
    named = Peer("h1", name="gpu")
    assert ("h1:6969", "gpu", "gpu") == (named.address, named.label, named.certificate_name)
    assert Peer("localhost").is_here


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("h1:0", "'0' is not a port"),
        ("h1:65536", "'65536' is not a port"),
        ("h1:", "'' is not a port"),
        ("h1:x", "'x' is not a port"),
        ("h1 slots=0", "'0' is not a number of slots"),
        ("h1 slots=-1", "'-1' is not a number of slots"),
        ("h1 slots=4097", "'4097' is not a number of slots"),
        ("h1 slots=x", "'x' is not a number of slots"),
        ("h1 slots=" + "9" * 5000, "is not a number of slots"),
        ("h1 slots=", "unknown word 'slots='"),
        ("h1 slots = 4", "unknown word 'slots': after the host may stand slots=N"),
        ("h1 slot=4", "unknown word 'slot=4'"),
        ("h1 slots=1 slots=2", "slots= stands twice"),
        ("h1 name=a.b", "'a.b' cannot be a machine's name"),
        ("h1 name=a name=b", "name= stands twice"),
        ("h_1/x", "'h_1/x' is neither a host name nor an IP address"),
        ("10.0.0.300", "neither a host name nor an IP address"),
        ("::1", "an IPv6 address stands in brackets, as in [::1] or [::1]:6969"),
        ("[::1", "not an IPv6 address in brackets"),
        ("localhost:2", "':2' is a port here; write slots=2: localhost is this machine itself"),
        ("\x1b[2J", "'\\x1b[2J'"),
        ("h0", "h0:6969 stands in line 1 already"),
        ("H0:6969", "h0:6969 stands in line 1 already"),
        ("h1 name=zero", "name=zero stands in line 1 already"),
    ],
)
def test_mistakes(line: str, said: str) -> None:
    """A mistake is one printable sentence with file and line number (F-33)."""
    with pytest.raises(BadUsage) as raised:
        parse_peers(f"h0 name=zero\n# two\n{line}\n", "peers.txt")
    assert str(raised.value).startswith("peers.txt line 3: ")
    assert said in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("[::1]", "[0:0::1]:6969"),
        ("10.0.0.1", "[::ffff:10.0.0.1]"),
        ("h1", "H1 slots=2"),
        ("localhost", "LOCALHOST"),
    ],
)
def test_same_peer_in_two_forms(first: str, second: str) -> None:
    """The same peer twice is a mistake, however it is written."""
    with pytest.raises(BadUsage, match=r"peers\.txt line 2: .* stands in line 1 already"):
        parse_peers(f"{first}\n{second}\n", "peers.txt")


def test_same_host_on_two_ports() -> None:
    """Two agents may run on one machine."""
    assert 2 == len(parse_peers("h1:7000\nh1:7001", "p"))


@pytest.mark.parametrize("text", ["", "\n\n", "# h1\n"])
def test_no_peers(text: str) -> None:
    """A file without peers is a mistake that says what a line looks like."""
    with pytest.raises(BadUsage, match=r"peers\.txt names no peer: write one a line"):
        parse_peers(text, "peers.txt")


def test_too_many_peers() -> None:
    """There is a cap on peers."""
    text = "\n".join(f"h{i}" for i in range(limits.PEERS_MAX + 1))
    with pytest.raises(BadUsage, match=r"names 10,001 peers"):
        parse_peers(text, "p")


@given(st.one_of(st.text(), st.text("h1:[]=#.% \n\r\tslotname0%e,\ufeff")))
def test_any_text(text: str) -> None:
    """From any text come peers or BadUsage, nothing else."""
    for parse in (parse_peers, parse_hosts):
        try:
            said = parse(text, "p")[0].address
        except BadUsage as error:
            said = str(error)
        assert said.isprintable()


HOSTS = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-z][a-z0-9_-]{0,20}[a-z](\.[a-z]{2,5})?", fullmatch=True),
).map(lambda text: names.normal_host(text) or "h1")
PEERS = st.builds(
    Peer,
    HOSTS,
    st.integers(1, 65535),
    st.none() | st.integers(1, limits.SLOTS_MAX),
    st.none() | st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True),
).filter(lambda peer: not peer.is_here and peer.name != "localhost")


@given(st.lists(PEERS, min_size=1, max_size=5, unique_by=(lambda p: p.address, lambda p: p.label)))
def test_round_trip(peers: list[Peer]) -> None:
    """What `format_peer` writes is read back as the same peers."""
    text = "\n".join(map(peers_file.format_peer, peers))
    assert tuple(peers) == parse_peers(text, "p")


def test_hosts() -> None:
    """In -H, `:n` is slots, as in mpirun."""
    expected = (Peer("a", slots=2), Peer("b"), Peer("::1", slots=3), Peer("localhost", slots=4))
    assert expected == parse_hosts("a:2, b,[::1]:3,localhost:4")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is neither a host name"),
        ("a,", "'' is neither a host name"),
        ("a:0", "'0' is not a number of slots"),
        ("a:", "'' is not a number of slots"),
        ("a,b,A", "a:6969 stands twice"),
        ("::1", "brackets"),
    ],
)
def test_hosts_mistakes(text: str, said: str) -> None:
    """A mistake in -H names the option."""
    with pytest.raises(BadUsage) as raised:
        parse_hosts(text)
    assert str(raised.value).startswith("-H: ")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("item", "example"),
    [
        ("127.0.0.1:17961", "127.0.0.1:17961 slots=2"),
        ("127.0.0.1:17961:3", "127.0.0.1:17961 slots=3"),
        ("H1:80:", "h1:80 slots=2"),
        ("h1:80:x", "h1:80 slots=2"),
        ("h1:80:9999", "h1:80 slots=2"),
        ("h1:80:\u00b2", "h1:80 slots=2"),
        ("[::1]:6969", "[::1]:6969 slots=2"),
        ("[::1]:6969:4", "[::1]:6969 slots=4"),
    ],
)
def test_hosts_with_port(item: str, example: str) -> None:
    """A port in -H is said to be one, with the line of a peers file that takes it."""
    with pytest.raises(BadUsage) as raised:
        parse_hosts(f"a:2,{item}")
    assert (
        f"-H: {item!r}: -H takes HOST[:SLOTS]; a port can be given only in a peers file, as in "
        f"`{example}`"
    ) == str(raised.value)
    parse_peers(example, "p")


@pytest.mark.parametrize("item", ["localhost:17961", "localhost:17961:2"])
def test_localhost_with_port(item: str) -> None:
    """For localhost no file takes a port either."""
    with pytest.raises(BadUsage, match=r"-H takes HOST\[:SLOTS\]; localhost .* takes no port"):
        parse_hosts(item)


def test_read_peers(tmp_path: Path) -> None:
    """A file is read, and its path stands in messages."""
    path = tmp_path / "p.txt"
    path.write_bytes(b"\xef\xbb\xbfh1\r\n")
    assert (Peer("h1"),) == read_peers(path)
    path.write_text("h1:x")
    with pytest.raises(BadUsage, match=r"p\.txt line 1: 'x' is not a port"):
        read_peers(path)


def test_unreadable_files(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8, too long: one sentence each, never a traceback."""
    with pytest.raises(BadUsage, match=r"there is no peers file"):
        read_peers(tmp_path / "missing")
    with pytest.raises(BadUsage, match=r"cannot be read: Is a directory"):
        read_peers(tmp_path)
    path = tmp_path / "p"
    path.write_bytes("h1".encode("utf-16"))
    with pytest.raises(BadUsage, match=r"is not UTF-8 text"):
        read_peers(path)
    path.write_bytes(b"#" * (limits.PEERS_FILE_BYTES_MAX + 1))
    with pytest.raises(BadUsage, match=r"is too long for a peers file"):
        read_peers(path)


def test_append(tmp_path: Path) -> None:
    """A peer is added once, to a file that is made if missing, after what stands there."""
    path = tmp_path / "p"
    assert peers_file.append_peer(path, Peer("10.0.0.1", name="h1")) is None
    path.write_text(path.read_text() + "# the end, without a line break")
    assert peers_file.append_peer(path, Peer("10.0.0.2", 7000, name="h2")) is None
    assert peers_file.append_peer(path, Peer("10.0.0.2", 7001, name="h3")) is None
    first, third = Peer("10.0.0.1", name="h1"), Peer("10.0.0.2", 7000, name="h2")
    assert (f"{path} line 1", first) == peers_file.append_peer(path, Peer("10.0.0.1", name="x"))
    assert (f"{path} line 3", third) == peers_file.append_peer(path, Peer("10.0.0.3", name="h2"))
    assert (
        "10.0.0.1 name=h1\n# the end, without a line break\n"
        "10.0.0.2:7000 name=h2\n10.0.0.2:7001 name=h3\n"
    ) == path.read_text()


def test_append_refuses(tmp_path: Path) -> None:
    """A file with a mistake is left alone; one without peers is fine."""
    path = tmp_path / "p"
    path.write_text("h1:x\n")
    with pytest.raises(BadUsage, match=r"line 1"):
        peers_file.append_peer(path, Peer("h2"))
    with pytest.raises(BadUsage, match=r"line 1"):
        peers_file.check_appendable(path)
    assert "h1:x\n" == path.read_text()
    path.write_text("# none yet\n")
    peers_file.check_appendable(path)
    peers_file.check_appendable(tmp_path / "missing")
    with pytest.raises(BadUsage, match=r"cannot be written"):
        peers_file.append_peer(tmp_path / "missing" / "p", Peer("h2"))


def test_import_is_light() -> None:
    """A local run, which reads peers files only, does not load cryptography, TLS or asyncio."""
    code = (
        "import sys, launcher.cluster.peers_file\n"
        "print([m for m in ('cryptography', 'ssl', 'asyncio', 'psutil') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "[]" == done.stdout.strip()
