"""Ports and published names on real nodes."""

from __future__ import annotations

import socket

import pytest

from distrcomp.mpi import MPI, ports

pytestmark = pytest.mark.processes


@pytest.mark.nodes(3)
def test_groups_meet_at_a_port() -> None:
    """Each is told the other's members, in either order of arrival."""
    world = MPI.COMM_WORLD
    for is_late in (False, True):
        if world.rank == 0:
            port = MPI.Open_port()
            world.send(port, dest=1)
            if is_late:
                world.recv(source=2)
            assert ports.accept(port, [0]) == (1, 2)
            MPI.Close_port(port)
        elif world.rank == 1:
            port = world.recv(source=0)
            if is_late:
                world.send("about to call", dest=2)
            assert ports.connect(port, [1, 2]) == (0,)
        elif is_late:
            world.send(world.recv(source=1), dest=0)
        world.Barrier()


@pytest.mark.nodes(2)
def test_a_closed_port_refuses() -> None:
    """Whoever called it before or calls it afterwards."""
    world = MPI.COMM_WORLD
    if world.rank == 0:
        port = MPI.Open_port()
        world.send(port, dest=1)
        MPI.Close_port(port)
        for call in (lambda: MPI.Close_port(port), lambda: ports.accept(port, [0])):
            with pytest.raises(MPI.Exception) as raised:
                call()
            assert raised.value == MPI.ERR_PORT
    else:
        port = world.recv(source=0)
        with pytest.raises(MPI.Exception, match="is closed"):
            ports.connect(port, [1])
    world.Barrier()


@pytest.mark.nodes(3)
def test_names_reach_every_node() -> None:
    """A published name is found everywhere, until it is taken back."""
    world = MPI.COMM_WORLD
    if world.rank == 1:
        MPI.Publish_name("bakery", MPI.Open_port())
        with pytest.raises(MPI.Exception) as raised:
            MPI.Publish_name("bakery", MPI.Open_port())
        assert raised.value == MPI.ERR_SERVICE
    port = MPI.Lookup_name("bakery")
    assert world.allgather(port) == [port] * 3
    if world.rank == 1:
        MPI.Unpublish_name("bakery", port)
        with pytest.raises(MPI.Exception):
            MPI.Lookup_name("bakery")
    world.Barrier()


@pytest.mark.nodes(2)
def test_the_ends_of_a_socket_meet() -> None:
    """Each hears who the other is, and the socket stays as it was."""
    world = MPI.COMM_WORLD
    if world.rank == 0:
        with socket.create_server(("127.0.0.1", 0)) as server:
            world.send(server.getsockname(), dest=1)
            end = server.accept()[0]
    else:
        end = socket.create_connection(world.recv(source=0), timeout=30)
    with end:
        timeout = end.gettimeout()
        assert ports.meet_by_socket(end.fileno()) == 1 - world.rank
        assert end.gettimeout() == timeout
        end.sendall(b"x")
        assert end.recv(1) == b"x"


def test_a_stranger_at_the_other_end_is_an_error() -> None:
    """What says no card of ours is no node."""
    mine, theirs = socket.socketpair()
    with mine, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n\r\n hello ")
        with pytest.raises(MPI.Exception, match="no node of this run"):
            ports.meet_by_socket(mine.fileno())


@pytest.mark.parametrize("port", ["", "nonsense", "distrcomp-port:x:1", "distrcomp-port:99:1"])
def test_what_is_no_port_is_refused(port: str) -> None:
    """A text of another form, and a node that the run has not."""
    for call in (lambda: ports.connect(port, [0]), lambda: MPI.Publish_name("x", port)):
        with pytest.raises(MPI.Exception) as raised:
            call()
        assert raised.value == MPI.ERR_PORT


def test_unknown_names_are_errors() -> None:
    """A name that nobody has published."""
    with pytest.raises(MPI.Exception) as raised:
        MPI.Unpublish_name("unheard of", "x")
    assert raised.value == MPI.ERR_SERVICE
