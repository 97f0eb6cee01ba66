"""Credential files, TLS between them, and TLS errors as sentences."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distrcomp.errors import ProtocolError
from distrcomp.schema import Schema
from launcher.cluster import certificates
from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.credentials import (
    JOIN_ALPN,
    Credentials,
    explain_tls,
    load_agent,
    load_operator,
    name_at,
    peer_identity,
    require_safe_python,
)
from launcher.cluster.home import Home, write_private
from launcher.control.channel import StreamChannel
from launcher.errors import CannotStart, ChannelClosed
from tests.launcher.cluster.kit import handshake


def _agent(authority: Authority, folder: Path, name: str = "h1") -> Credentials:
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}.pem"
    write_private(path, authority.issue_agent(name, [f"{name}.example.org"]))
    return Credentials.load(path)


@pytest.fixture
def operator(home: Home, authority: Authority) -> Credentials:
    return load_operator(home)


@pytest.fixture
def agent(authority: Authority, tmp_path: Path) -> Credentials:
    return _agent(authority, tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Another cluster, of the same name."""
    return create_cluster(Home(tmp_path / "other", tmp_path / "other"), "lab")


def _failure(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> ssl.SSLError:
    with pytest.raises(ssl.SSLError) as raised:
        handshake(server, client, name)
    return raised.value


@pytest.mark.parametrize("name", ["h1", "H1", "h1.example.org"])
def test_both_ends_are_known(operator: Credentials, agent: Credentials, name: str) -> None:
    """Launcher and agent learn each other's name, role and serial, over TLS 1.3."""
    server, client = handshake(agent.server_context(), operator.client_context(), name)
    assert operator.identity == peer_identity(server)
    assert agent.identity == peer_identity(client)
    assert "TLSv1.3" == client.version()


def test_wrong_name(operator: Credentials, agent: Credentials) -> None:
    """An agent that answers in another one's place is refused, and told apart (S-07, S-47)."""
    error = _failure(agent.server_context(), operator.client_context(), "h2")
    assert (
        "the machine at h2:6969 calls itself h1: write `h2:6969 name=h1` in the peers file if "
        "that is right"
    ) == explain_tls(error, "h2:6969", "h1")
    assert "does not bear that name" in explain_tls(error, "h2:6969")
    error = _failure(agent.server_context(), operator.client_context(), "10.0.0.9")
    assert "calls itself h1" in explain_tls(error, "10.0.0.9:6969", "h1")


def test_other_cluster(
    operator: Credentials, agent: Credentials, stranger: Authority, tmp_path: Path
) -> None:
    """An agent of another cluster is refused by the launcher (S-05)."""
    theirs = _agent(stranger, tmp_path / "theirs")
    error = _failure(theirs.server_context(), operator.client_context(), "h1")
    assert "h1:6969 belongs to another cluster" in explain_tls(error, "h1:6969")


def test_other_operator(agent: Credentials, stranger: Authority, tmp_path: Path) -> None:
    """An operator of another cluster is refused by the agent, and learns why (S-05)."""
    theirs = load_operator(Home(tmp_path / "other", tmp_path / "other")).client_context()
    theirs.load_verify_locations(cadata=agent.ca_pem)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = theirs.wrap_bio(to_client, to_server, server_hostname="h1")
    server = agent.server_context().wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            end.do_handshake()
    client.do_handshake()  # in TLS 1.3 it succeeds before the server has judged it
    with pytest.raises(ssl.SSLCertVerificationError):
        server.do_handshake()
    with pytest.raises(ssl.SSLError) as raised:
        client.read()
    assert "h1:6969 does not know us" in explain_tls(raised.value, "h1:6969")


def test_other_operator_over_a_channel(
    agent: Credentials, stranger: Authority, tmp_path: Path
) -> None:
    """The launcher that reads before it sends learns why it was refused (S-05)."""
    theirs = load_operator(Home(tmp_path / "other", tmp_path / "other")).client_context()
    theirs.load_verify_locations(cadata=agent.ca_pem)

    async def scenario() -> str:
        async def ignore(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(ignore, "127.0.0.1", 0, ssl=agent.server_context())
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=theirs, server_hostname="h1"
            )
            with pytest.raises(ChannelClosed) as raised:
                await StreamChannel(reader, writer, Schema()).receive()
            writer.transport.abort()
            return explain_tls(raised.value, "h1:6969")

    said = asyncio.run(scenario())
    assert "h1:6969 is of this cluster but hung up before its welcome" in said


def test_no_client_certificate(agent: Credentials) -> None:
    """Who shows no certificate is refused (S-05)."""
    client = ssl.create_default_context(cadata=agent.ca_pem)
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" == (
        _failure(agent.server_context(), client, "h1").reason
    )


def test_agent_cannot_call(authority: Authority, agent: Credentials, tmp_path: Path) -> None:
    """An agent's certificate is no client's (S-06)."""
    other = _agent(authority, tmp_path, "h2")
    error = _failure(agent.server_context(), other.client_context(), "h1")
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert "purpose" in error.verify_message


def test_operator_is_no_agent(operator: Credentials) -> None:
    """The operator's certificate bears no host name, so it cannot stand in for an agent."""
    error = _failure(operator.server_context(), operator.client_context(), "operator")
    assert "does not bear that name" in explain_tls(error, "h1:6969")


def test_old_tls(operator: Credentials, agent: Credentials) -> None:
    """TLS 1.2 is refused by either end, and told apart (S-09)."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(agent.path)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = operator.client_context().wrap_bio(to_client, to_server, server_hostname="h1")
    server = old.wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLError):
        server.do_handshake()
    with pytest.raises(ssl.SSLError) as raised:
        client.do_handshake()
    assert "speaks a TLS older than 1.3" in explain_tls(raised.value, "h1:6969")
    old_client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old_client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert "UNSUPPORTED_PROTOCOL" == _failure(agent.server_context(), old_client, "h1").reason


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64]
)
def test_not_tls(operator: Credentials, answer: bytes) -> None:
    """What is no TLS at all is said to be no agent (S-02)."""
    to_client = ssl.MemoryBIO()
    client = operator.client_context().wrap_bio(to_client, ssl.MemoryBIO(), server_hostname="h1")
    to_client.write(answer)
    with pytest.raises(ssl.SSLError) as raised:
        client.do_handshake()
    assert "h1:6969 answers but is not a distrcomp agent" == explain_tls(raised.value, "h1:6969")
    assert "not a distrcomp agent" in explain_tls(ConnectionResetError(), "h1:6969")
    assert "said nothing" in explain_tls(TimeoutError(), "h1:6969")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (datetime.now(UTC) - timedelta(days=800), "certificate has expired"),
        (datetime.now(UTC) + timedelta(hours=1), "certificate is not yet valid"),
    ],
)
def test_dates(home: Home, tmp_path: Path, made: datetime, said: str) -> None:
    """Credentials out of date are refused at load, naming this machine's clock (F-32, F-34)."""
    authority = create_cluster(home, "lab", lambda: made)
    with pytest.raises(CannotStart, match=rf"{said} by this machine's clock .* UTC"):
        _agent(authority, tmp_path)


def test_dates_of_the_other_end(home: Home, tmp_path: Path) -> None:
    """An expired certificate at the other end is said to be just that (S-05)."""
    long_ago = datetime.now(UTC) - timedelta(days=800)
    create_cluster(home, "lab", lambda: long_ago)
    path = tmp_path / "old.pem"
    write_private(path, Authority(home, lambda: long_ago).issue_agent("h1", []))
    operator_path = tmp_path / "operator.pem"
    write_private(operator_path, Authority(home).issue_agent("h2", []))
    operator = Credentials.load(operator_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    error = _failure(server, operator.client_context(), "h1")
    assert "h1:6969 has expired by this machine's clock" in explain_tls(error, "h1:6969")


def test_slack_for_clocks(home: Home, tmp_path: Path) -> None:
    """A clock four minutes behind the operator's does no harm (F-32)."""
    soon = datetime.now(UTC) + timedelta(minutes=4)
    authority = create_cluster(home, "lab", lambda: soon)
    assert "h1" == _agent(authority, tmp_path).identity.name


def test_nobody_before_the_protocol_is_agreed(operator: Credentials, agent: Credentials) -> None:
    """A wrong application protocol, or no handshake, is nobody (S-02)."""
    context = operator.client_context()
    context.set_alpn_protocols(["http/1.1"])
    server, client = handshake(agent.server_context(), context, "h1")
    for end in (server, client, None):
        with pytest.raises(ProtocolError, match=r"does not speak distrcomp/1"):
            peer_identity(end)


def test_no_tickets(agent: Credentials) -> None:
    """Servers hand out no session tickets: nothing is resumed."""
    assert 0 == agent.server_context().num_tickets


def test_join_server(operator: Credentials) -> None:
    """The invite asks for no certificate, speaks its own protocol, and shows the operator's."""
    client = ssl.create_default_context(cadata=operator.ca_pem)
    client.check_hostname = False
    client.set_alpn_protocols([JOIN_ALPN])
    server_end, client_end = handshake(operator.join_server_context(), client, None)
    assert operator.identity == peer_identity(client_end, JOIN_ALPN)
    with pytest.raises(ProtocolError, match=r"showed no certificate"):
        peer_identity(server_end, JOIN_ALPN)


@pytest.mark.parametrize("version", [(3, 11, 4), (3, 11, 0), (3, 10, 20)])
def test_unsafe_python(version: tuple[int, ...]) -> None:
    """A Python that lets plain bytes through before TLS is refused (S-04)."""
    with pytest.raises(CannotStart, match=r"CVE-2023-40217"):
        require_safe_python(version)
    require_safe_python((3, 11, 5))
    require_safe_python((3, 12, 0))


def test_load_for_a_role(home: Home, authority: Authority) -> None:
    """Missing credentials say how to come by them; those of another role are refused."""
    with pytest.raises(CannotStart, match=r"run `distrcomp cluster invite` where"):
        load_agent(home)
    with pytest.raises(CannotStart, match=r"there is no file"):
        load_agent(home, home.config / "x.pem")
    with pytest.raises(CannotStart, match=r"of operator operator; those of an agent are needed"):
        load_agent(home, home.operator_credentials)
    home.operator_credentials.unlink()
    with pytest.raises(CannotStart, match=r"make a cluster with `distrcomp cluster init`"):
        load_operator(home)


def test_damaged_files(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    """A credential file that does not fit together is refused whole."""
    path = tmp_path / "x.pem"
    good = authority.issue_agent("h1", [])
    key = certificates.key_to_pem(certificates.new_key())
    certificate_at = good.index(b"-----BEGIN CERTIFICATE")
    broken = [
        b"",
        b"\xff\xfe",
        good[:-200],
        good[certificate_at:],
        key + good[certificate_at:],
        good.replace(authority.ca_pem.encode(), stranger.ca_pem.encode()),
        good.replace(b"MII", b"AAA"),
    ]
    for data in broken:
        write_private(path, data)
        with pytest.raises(CannotStart, match=r"x\.pem|authority is damaged"):
            Credentials.load(path)


def test_name_at(operator: Credentials, agent: Credentials) -> None:
    """After a wrong name the launcher can ask what the agent is called; a stranger is nobody."""

    async def ask(context: ssl.SSLContext | None) -> str | None:
        async def ignore(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(ignore, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await name_at(operator, "127.0.0.1", port)

    assert "h1" == asyncio.run(ask(agent.server_context()))
    assert asyncio.run(ask(None)) is None
