"""Several hosts on one machine: Linux network namespaces, joined by a bridge.

    operator ──┐              each host: its namespace, a veth to the bridge, its own host name,
    h1 ────────┤ bridge       /etc/hosts, DISTRCOMP_HOME, TMPDIR and folder to work in; processes,
    h2 ────────┤              users and the file system are those of the machine
    h3 ────────┘

What always holds: the bridge too stands in a namespace, and every veth is made inside, so nothing
ever touches the machine's own interfaces, and the addresses may be the same in every network. Only
the namespaces' names are seen outside; they hold the maker's pid and a random part, so networks
stand side by side. A maker that was killed leaves its namespaces; the next one to make a network
finds them by the pid of the dead and removes them.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path

import psutil

from tests.command import Machine
from tests.leaks import GONE_TIMEOUT_S, NAMESPACES, LeakChecker, description, kill, wait_until

ADDRESSES: Mapping[str, str] = {
    "operator": "10.77.0.10",
    "h1": "10.77.0.1",
    "h2": "10.77.0.2",
    "h3": "10.77.0.3",
}

_FAMILY = "dctest"
# `ip netns exec` lays /etc/netns/NAME/* over /etc/*: names come from the file, and whatever is not
# in it fails at once, because nothing on the loopback answers for DNS.
_ETC = Path("/etc/netns")
_ETC_FILES = {
    "hosts": "".join(
        f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **ADDRESSES}.items()
    ),
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    "nsswitch.conf": "hosts: files dns\n",
}
_SET_HOST_NAME = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'

_DROP_ALL = """
table inet cut {
    chain input { type filter hook input priority -10; policy drop; iif lo accept; }
    chain output { type filter hook output priority -10; policy drop; oif lo accept; }
}
"""


def only_port(port: int) -> str:
    """Rules for `Host.firewall`: from outside only new TCP connections to `port` come in."""
    return f"""
    table inet firewall {{
        chain input {{
            type filter hook input priority 0; policy drop;
            iif lo accept
            ct state established,related accept
            tcp dport {port} accept
        }}
    }}
    """


class Host(Machine):
    """A machine of its own on the network; commands run inside its namespace.

    Attributes:
        name: its host name, which every other host can resolve.
        address: its IPv4 address.
        namespace: the name of its network namespace.
    """

    def __init__(self, name: str, namespace: str, folder: Path, checker: LeakChecker) -> None:
        inside = ("ip", "netns", "exec", namespace)
        named = ("unshare", "--uts", "sh", "-c", _SET_HOST_NAME, name)
        super().__init__(folder / name, checker, prefix=(*inside, *named))
        self.name = name
        self.address = ADDRESSES[name]
        self.namespace = namespace

    def processes(self) -> list[int]:
        """The pids of all that runs in the host's namespace, the oldest first.

        By their numbers they would not be: the kernel begins anew when it has used them up.
        """
        return sorted(_pids(self.namespace), key=_started)

    def firewall(self, rules: str) -> None:
        """Makes `rules`, one nft table `inet firewall`, the host's firewall, as `only_port`."""
        self._nft(f"table inet firewall {{}}\ndelete table inet firewall\n{rules}")

    def cut(self) -> None:
        """Drops every packet in and out, without a word to either side; the loopback goes on."""
        self._nft(_DROP_ALL)

    def heal(self) -> None:
        """Undoes `cut`; the firewall stays."""
        self._nft("table inet cut {}\ndelete table inet cut\n")

    def _nft(self, ruleset: str) -> None:
        _do("ip", "netns", "exec", self.namespace, "nft", "-f", "-", stdin=ruleset)


class Network:
    """The hosts of ADDRESSES, by name."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts

    def host(self, name: str) -> Host:
        """The host of this name: operator, h1, h2 or h3."""
        return self._hosts[name]


@contextlib.contextmanager
def network(folder: Path, checker: LeakChecker) -> Iterator[Network]:
    """A network for one test, with the hosts' folders below `folder`.

    At the end the commands are interrupted, then the namespaces are removed, with all that still
    runs in them, whatever happened before. That anything still ran is an error.
    """
    remove_leftovers()
    prefix = f"{_FAMILY}-{os.getpid()}-{secrets.token_hex(4)}"
    namespaces = {name: f"{prefix}-{name}" for name in (*ADDRESSES, "bridge")}
    names = list(namespaces.values())
    with contextlib.ExitStack() as stack:
        stack.callback(checker.namespaces.extend, names)
        stack.callback(_remove, names)
        _make(namespaces)
        stack.callback(_check_empty, names)
        hosts = {name: Host(name, namespaces[name], folder, checker) for name in ADDRESSES}
        for host in hosts.values():
            stack.callback(host.close)
        yield Network(hosts)


@functools.cache
def why_impossible() -> str | None:
    """Why networks can't be made here, in words for a skip; None where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft", "unshare") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: iproute2, nftables, util-linux)"
    probe = subprocess.run(["unshare", "--net", "--uts", "--mount", "true"], capture_output=True)
    return f"no namespaces here: {probe.stderr.decode().strip()}" if probe.returncode else None


def remove_leftovers(family: str = _FAMILY) -> None:
    """Removes the namespaces FAMILY-PID-... whose makers are dead, and kills what runs in them."""
    names = {path.name for folder in (NAMESPACES, _ETC) for path in folder.glob(f"{family}-*")}
    _remove([name for name in names if not psutil.pid_exists(int(name.split("-")[1]))])


def _make(namespaces: Mapping[str, str]) -> None:
    bridge = namespaces["bridge"]
    _ip(None, [f"netns add {namespace}" for namespace in namespaces.values()])
    _ip(bridge, ["link add bridge type bridge", "link set bridge up"])
    for name, address in ADDRESSES.items():
        namespace = namespaces[name]
        _write_etc(namespace)
        plugged = f"link add eth0 type veth peer name {name} netns {bridge}"
        addressed = [f"address add {address}/24 dev eth0", "link set eth0 up", "link set lo up"]
        _ip(namespace, [plugged, *addressed])
    _ip(bridge, [f"link set {name} master bridge up" for name in ADDRESSES])


def _write_etc(namespace: str) -> None:
    folder = _ETC / namespace
    wait_until(lambda: _is_made(folder), GONE_TIMEOUT_S, f"{folder} made")
    for name, text in _ETC_FILES.items():
        if (Path("/etc") / name).exists():  # only over a file that is there can another be laid
            (folder / name).write_text(text)


def _is_made(folder: Path) -> bool:
    """Makes `folder`; false if another network's end took the folder above away meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder.is_dir()


def _check_empty(namespaces: Sequence[str]) -> None:
    """Raises AssertionError with what doesn't end in these namespaces."""
    left: list[int] = []

    def is_empty() -> bool:
        left[:] = [pid for namespace in namespaces for pid in _pids(namespace)]
        return not left

    try:
        wait_until(is_empty, GONE_TIMEOUT_S, "no process left")
    except AssertionError as error:
        lines = [description(psutil.Process(pid)) for pid in left if psutil.pid_exists(pid)]
        raise AssertionError("\n  ".join(["left on the hosts:", *lines])) from error


def _remove(namespaces: Sequence[str]) -> None:
    """Removes these namespaces as far as they exist; another process may be at it as well."""
    for namespace in namespaces:
        shutil.rmtree(_ETC / namespace, ignore_errors=True)
        if not (NAMESPACES / namespace).exists():
            continue
        emptied = functools.partial(_is_emptied, namespace)
        wait_until(emptied, GONE_TIMEOUT_S, f"the end of what runs in {namespace}")
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)
    with contextlib.suppress(OSError):  # not ours to remove while it holds another's
        _ETC.rmdir()


def _is_emptied(namespace: str) -> bool:
    """Kills what runs in the namespace; true once nothing does, new forks included."""
    pids = _pids(namespace)
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            kill([psutil.Process(pid)])
    return not pids


def _pids(namespace: str) -> list[int]:
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True)
    return [int(word) for word in listed.stdout.split()]


def _started(pid: int) -> float:
    """When a process was started; never if it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return inf


def _ip(namespace: str | None, lines: Sequence[str]) -> None:
    """Lets `ip` do `lines`, one call for all."""
    inside = ("-netns", namespace) if namespace else ()
    _do("ip", *inside, "-batch", "-", stdin="\n".join(lines) + "\n")


def _do(*words: str, stdin: str) -> None:
    done = subprocess.run(words, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
