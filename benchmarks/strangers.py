"""How many strangers a second an agent sheds while a run starts no slower than at half its speed.

    python benchmarks/strangers.py

An agent on this machine's loopback; a run of two nodes on it, from command to report, several
times; beside it strangers at a rising rate, from 200 addresses, half of them mute, half with a
greeting of TLS, who answer nothing to what comes back. Both work on this machine, so what the
strangers themselves cost is in the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter, sleep

import click

from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.home import Home, write_private

RATES = (50, 100, 200, 400, 800, 1600, 3200, 6400)
SOURCES = 200
SLOWER_MAX = 2.0
_PROGRAM = "import distrcomp as dc\ndc.barrier()\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Runs a rate.")
@click.option("--come", nargs=2, type=int, hidden=True)
def main(rounds: int, come: tuple[int, int] | None) -> None:
    """Prints the time of a run by the rate of strangers, and the highest rate that is shed."""
    if come is not None:  # we are the strangers
        click.echo(asyncio.run(_come(*come)))
        return
    with _agent() as (port, environment, folder):
        alone = _median_s(folder, environment, rounds)
        click.echo(f"{'strangers a second':>20} {'a run':>10} {'to alone':>10}")
        click.echo(f"{0:>20} {alone * 1000:>7.0f} ms {1.0:>10.2f}")
        shed = 0.0
        for rate in RATES:
            strangers = _start_strangers(port, rate)
            try:
                seconds = _median_s(folder, environment, rounds)
            except subprocess.CalledProcessError as error:
                click.echo(f"a run failed: {error.stderr.decode().strip()}")
                seconds = math.inf
            reached = float(strangers.communicate()[0])
            click.echo(f"{reached:>20.0f} {seconds * 1000:>7.0f} ms {seconds / alone:>10.2f}")
            if seconds / alone > SLOWER_MAX:
                break
            shed = reached
        click.echo(f"shed at up to {SLOWER_MAX:g} times the time: {shed:.0f} a second")


def _median_s(folder: Path, environment: Mapping[str, str], rounds: int) -> float:
    times = []
    words = [sys.executable, "-m", "launcher", "run", "--peers", "peers.txt", "-n", "2", "prog.py"]
    for _ in range(rounds):
        begun = perf_counter()
        subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)
        times.append(perf_counter() - begun)
    return statistics.median(times)


@contextlib.contextmanager
def _agent() -> Iterator[tuple[int, dict[str, str], Path]]:
    """An agent, the environment of its operator, and a folder with peers file and program."""
    with tempfile.TemporaryDirectory(prefix="distrcomp-strangers-") as name:
        folder = Path(name)
        home = Home(folder / "home", folder / "cache")
        create_cluster(home, "bench")
        write_private(folder / "h1.pem", Authority(home).issue_agent("h1", ["127.0.0.1"]))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (folder / "peers.txt").write_text(f"127.0.0.1:{port} name=h1 slots=2\n")
        (folder / "prog.py").write_text(_PROGRAM)
        environment = {**os.environ, "DISTRCOMP_HOME": str(home.config)}
        words = ["agent", "--credentials", "h1.pem", "--listen", f"127.0.0.1:{port}"]
        with (folder / "log").open("wb") as log:
            agent = subprocess.Popen(
                [sys.executable, "-m", "launcher", *words],
                cwd=folder,
                env=environment,
                stderr=log,
            )
        try:
            _wait_for(port)
            yield port, environment, folder
        finally:
            agent.terminate()
            agent.wait()


def _wait_for(port: int) -> None:
    """Returns when something listens there."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        sleep(0.05)
    raise click.ClickException("the agent does not start")


# --- the strangers -------------------------------------------------------------------------------


def _start_strangers(port: int, rate: int) -> subprocess.Popen[bytes]:
    """Strangers at this rate, until their stdin ends; they print the rate that they reached."""
    strangers = subprocess.Popen(
        [sys.executable, __file__, "--come", str(port), str(rate)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if strangers.stdout is not None:
        strangers.stdout.readline()  # they are at it
    return strangers


async def _come(port: int, rate: int) -> float:
    loop = asyncio.get_running_loop()
    over = loop.run_in_executor(None, sys.stdin.read)
    greeting = _greeting()
    tasks: set[asyncio.Task[None]] = set()
    begun, count, announced = loop.time(), 0, False
    while not over.done():
        while count < (loop.time() - begun) * rate:
            task = asyncio.ensure_future(_call(port, count, greeting if count % 2 else b""))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            count += 1
        if not announced and loop.time() - begun >= 1.0:
            announced = True
            click.echo("at it")
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    return count / (loop.time() - begun)


async def _call(port: int, number: int, words: bytes) -> None:
    """One stranger: says its words and waits until it is closed."""
    source = (f"127.0.5.{number % SOURCES + 1}", 0)
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
        writer.write(words)
        while await reader.read(2**16):
            pass
        writer.transport.abort()


def _greeting() -> bytes:
    """What a client of TLS says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["distrcomp/1"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


if __name__ == "__main__":
    main()
