"""`mpi4py.bench`: small programs to see that and how fast messages move.

    python -m mpi4py.bench helloworld
    python -m mpi4py.bench ringtest [-n BYTES] [-s SKIP] [-l LOOPS]
    python -m mpi4py.bench pingpong [-m BYTES] [-n BYTES] [-s SKIP] [-l LOOPS] [-p]
    python -m mpi4py.bench futures [-e process|thread] [-w WORKERS] [-n CALLS]

`--no-threads` and the like in front are accepted. `benchmarks/versus_mpi4py.py` and `distrcomp
bench` are what distrcomp itself is measured with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from distrcomp.mpi.configuration import rc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .MPI import Intracomm

Lines = list[tuple[int, float, float]]


def helloworld(comm: Intracomm, args: Sequence[str] | None = None, verbose: bool = True) -> str:
    """Hello, World! using MPI: each node says who and where it is, one after the other."""
    from distrcomp.mpi import MPI
    from distrcomp.mpi.util_sync import Sequential

    argparse.ArgumentParser(prog="helloworld").parse_args(args)
    name = MPI.Get_processor_name()
    text = f"Hello, World! I am process {comm.Get_rank()} of {comm.Get_size()} on {name}.\n"
    with Sequential(comm):
        _say(text, verbose=verbose)
    return text


def ringtest(comm: Intracomm, args: Sequence[str] | None = None, verbose: bool = True) -> float:
    """Time a message going around the ring of processes; seconds for all loops."""
    parser = argparse.ArgumentParser(prog="ringtest")
    parser.add_argument("-n", "--size", type=int, default=1)
    parser.add_argument("-s", "--skip", type=int, default=0)
    parser.add_argument("-l", "--loop", type=int, default=1)
    options = parser.parse_args(args)
    size, rank = comm.Get_size(), comm.Get_rank()
    following, previous = (rank + 1) % size, (rank - 1) % size
    sent = bytearray(options.size)
    received = bytearray(options.size)
    began = 0.0
    for turn in range(options.skip + options.loop):
        if turn == options.skip:
            comm.Barrier()
            began = time.perf_counter()
        if size == 1:
            comm.Sendrecv(sent, 0, 0, received, 0, 0)
        elif rank == 0:
            comm.Send(sent, following, 0)
            comm.Recv(received, previous, 0)
        else:
            comm.Recv(received, previous, 0)
            comm.Send(sent, following, 0)
    seconds = time.perf_counter() - began
    if rank == 0:
        _say(
            f"time for {options.loop} loops = {seconds:g} seconds "
            f"({size} processes, {options.size} bytes)\n",
            verbose=verbose,
        )
    return seconds


def pingpong(comm: Intracomm, args: Sequence[str] | None = None, verbose: bool = True) -> Lines:
    """Time messages between processes 0 and 1: (bytes, bandwidth in MB/s, latency in us) each."""
    parser = argparse.ArgumentParser(prog="pingpong")
    parser.add_argument("-m", "--min-size", type=int, default=1)
    parser.add_argument("-n", "--max-size", type=int, default=1 << 20)
    parser.add_argument("-s", "--skip", type=int, default=10)
    parser.add_argument("-l", "--loop", type=int, default=100)
    parser.add_argument("-p", "--pickle", action="store_true")
    options = parser.parse_args(args)
    if comm.Get_size() < 2:
        raise SystemExit("pingpong takes two processes")
    lines: Lines = []
    n_bytes = max(1, options.min_size)
    if comm.Get_rank() == 0:
        _say("# Size [B]  Bandwidth [MB/s]  Latency [us]\n", verbose=verbose)
    while n_bytes <= options.max_size:
        seconds = _round_trips(comm, n_bytes, options)
        one_way = seconds / options.loop / 2
        lines.append((n_bytes, n_bytes / one_way / 1e6, one_way * 1e6))
        if comm.Get_rank() == 0:
            _say("{:10d}  {:16.2f}  {:12.2f}\n".format(*lines[-1]), verbose=verbose)
        n_bytes *= 2
    return lines


def futures(comm: Intracomm, args: Sequence[str] | None = None, verbose: bool = True) -> Lines:
    """Measure mpi4py.futures task throughput: (calls, seconds, calls a second)."""
    from distrcomp.mpi.futures import MPIPoolExecutor, ThreadPoolExecutor

    parser = argparse.ArgumentParser(prog="futures")
    parser.add_argument("-e", "--executor", choices=("process", "thread"), default="process")
    parser.add_argument("-w", "--num-workers", type=int)
    parser.add_argument("-n", "--num-tasks", type=int, default=100)
    options = parser.parse_args(args)
    if comm.Get_rank() != 0:
        return []
    make = MPIPoolExecutor if options.executor == "process" else ThreadPoolExecutor
    with make(options.num_workers, main=False) as executor:
        executor.bootup()
        began = time.perf_counter()
        for future in [executor.submit(abs, -1) for _ in range(options.num_tasks)]:
            future.result()
        seconds = time.perf_counter() - began
    line = (options.num_tasks, seconds, options.num_tasks / seconds)
    _say("{} tasks in {:.3f} s: {:.0f} a second\n".format(*line), verbose=verbose)
    return [line]


def main(args: Sequence[str] | None = None) -> None:
    """The command `python -m mpi4py.bench`."""
    works = {work.__name__: work for work in (helloworld, ringtest, pingpong, futures)}
    parser = argparse.ArgumentParser(prog="python -m mpi4py.bench")
    parser.add_argument("--threads", dest="threads", action="store_true", default=None)
    parser.add_argument("--no-threads", dest="threads", action="store_false", default=None)
    parser.add_argument("--thread-level", default=None)
    parser.add_argument("command", choices=works)
    parser.add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args(args)
    if options.threads is not None:
        rc(threads=options.threads)
    if options.thread_level is not None:
        rc(thread_level=options.thread_level)
    from distrcomp.mpi import MPI

    works[options.command](MPI.COMM_WORLD, options.args)


def _round_trips(comm: Intracomm, n_bytes: int, options: argparse.Namespace) -> float:
    """Seconds for so many messages there and back."""
    rank = comm.Get_rank()
    content = bytearray(n_bytes)
    comm.Barrier()
    began = 0.0
    for turn in range(options.skip + options.loop):
        if turn == options.skip:
            began = time.perf_counter()
        if rank < 2:
            _there_and_back(comm, content, pickled=options.pickle)
    return time.perf_counter() - began


def _there_and_back(comm: Intracomm, content: bytearray, *, pickled: bool) -> None:
    other = 1 - comm.Get_rank()
    is_first = comm.Get_rank() == 0
    for sends in (is_first, not is_first):
        if pickled and sends:
            comm.send(content, other)
        elif pickled:
            comm.recv(source=other)
        elif sends:
            comm.Send(content, other)
        else:
            comm.Recv(content, other)


def _say(text: str, *, verbose: bool) -> None:
    if verbose:
        sys.stdout.write(text)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
