"""What a process shows to others: secrets in its arguments, environment and descriptors (S-39)."""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

# Every private key of ours is EC P-256 in PKCS#8 and so begins like this, in DER and in PEM.
KEYS = (
    b"PRIVATE KEY",
    b"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg",
    bytes.fromhex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"),
)
JOIN_TOKEN = b"dcj1."

_SCANNED_BYTES_MAX = 64 * 2**20
# What a node may hold beside 0, 1 and 2: its sockets, the memory that it shares, what it waits on.
_PLAIN = re.compile(
    r"socket:\[\d+\]|anon_inode:\[(eventfd|eventpoll)\]|/memfd:distrcomp\S* \(deleted\)"
)
_OUTPUT = re.compile(r"/dev/null|pipe:\[\d+\]")


def shown_by(pid: int, secrets: Iterable[bytes] = (*KEYS, JOIN_TOKEN)) -> list[str]:
    """Where process `pid` shows one of the secrets; a line each."""
    found = []
    for place, content in _places(pid):
        found += [f"{place} of {pid} shows {each!r}" for each in secrets if each in content]
    return found


def shown_below(
    folder: Path, but_for: Iterable[Path], secrets: Iterable[bytes] = KEYS
) -> list[str]:
    """Which files below `folder` hold one of the secrets; a line each."""
    spared = set(but_for)
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in spared:
            content = path.read_bytes()
            found += [f"{path} holds {each!r}" for each in secrets if each in content]
    return found


def descriptors(pid: int) -> dict[int, str]:
    """What each descriptor of the process leads to."""
    found = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # the one with which we look, if we look at ourselves
            found[int(path.name)] = str(path.readlink())
    return found


def odd_descriptors(pid: int) -> dict[int, str]:
    """The descriptors of a node that lead to something no node needs (S-40).

    Beside its output it may hold pipes of its own, of which it has both ends.
    """
    held = descriptors(pid)
    leading_to = list(held.values())
    return {
        number: to
        for number, to in held.items()
        if not (_OUTPUT if number <= 2 else _PLAIN).fullmatch(to)
        and not (to.startswith("pipe:") and leading_to.count(to) == 2)
    }


def shared_descriptors(one: int, other: int) -> set[str]:
    """The sockets and files that two processes both have open.

    A pipe has one name at both its ends, so pipes are left out; files without a name have theirs in
    common, whichever they are.
    """
    both = set(descriptors(one).values()) & set(descriptors(other).values())
    common = ("/dev/null", "/memfd:")
    return {to for to in both if to.startswith(("socket:", "/")) and not to.startswith(common)}


def _places(pid: int) -> Iterator[tuple[str, bytes]]:
    for name in ("cmdline", "environ"):
        yield name, Path(f"/proc/{pid}/{name}").read_bytes()
    for number, to in descriptors(pid).items():
        path = Path(f"/proc/{pid}/fd/{number}")
        with contextlib.suppress(OSError):
            if stat.S_ISREG(path.stat().st_mode):
                with path.open("rb") as file:
                    yield f"descriptor {number} ({to})", file.read(_SCANNED_BYTES_MAX)
