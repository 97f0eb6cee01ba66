"""Who belongs to the cluster: `members.json` in the operator's folder.

A certificate can't be called back, so this list is what a removed machine fails against: the
launcher asks it about every agent's serial number. Every change is made under a lock beside the
file and replaces the file whole, so two commands at once lose nothing. A missing or damaged list
is an error, never an empty list: nobody gets back in by its loss.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import BadUsage, CannotStart
from ..records import record
from . import names
from .home import read_private, write_private

FILE_NAME = "members.json"
_VERSION = 1


@record
class Member:
    """A machine that was given a certificate.

    Args:
        name: its name in the certificate.
        addresses: hosts by which it may be dialled; the first is where it was seen joining.
        serials: of its certificates, hexadecimal, as in `credentials.Identity`.
        joined_unix_s: when it joined, or its credentials were issued.
        removed_unix_s: when it was removed, if it was.
        issued: whether its credentials were written by `cluster issue`, to be carried there.
    """

    name: str
    addresses: tuple[str, ...]
    serials: tuple[str, ...]
    joined_unix_s: int
    removed_unix_s: int | None = None
    issued: bool = False

    @property
    def certified(self) -> tuple[str, ...]:
        """What its certificate is made out to, and nobody else's may be."""
        distinctive = filter(names.is_distinctive, self.addresses)
        return tuple(dict.fromkeys((self.name, *distinctive)))


class Members:
    """The list in the operator's folder `folder`; every call reads it anew."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock_path = folder / f"{FILE_NAME}.lock"

    def create(self) -> None:
        """Writes the empty list of a new cluster."""
        self._write(())

    def all(self) -> tuple[Member, ...]:
        """Everyone who ever joined, in order; raises CannotStart."""
        try:
            document = json.loads(read_private(self._path))
            return tuple(_member(entry) for entry in document["members"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CannotStart(f"{self._path} is damaged: put back a copy of it") from error

    def is_removed(self, serial: str) -> bool:
        """Whether the certificate with this serial number belongs to a removed machine."""
        return any(
            serial in member.serials for member in self.all() if member.removed_unix_s is not None
        )

    def holder(self, host: str) -> Member | None:
        """The present member whose certificate is made out to `host`, a name or an address."""
        return _holder(self.all(), host)

    def refuse_taken(self, name: str, addresses: Iterable[str]) -> None:
        """Raises BadUsage if a present member has this name or one of these addresses."""
        _refuse_taken(self.all(), name, addresses)

    def add(self, member: Member) -> None:
        """Adds `member`; raises BadUsage if its name or an address is taken."""
        with self._locked():
            present = self.all()
            _refuse_taken(present, member.name, member.addresses)
            self._write((*present, member))

    def remove(self, name: str, now_unix_s: int | None = None) -> Member:
        """Marks the member called `name` as removed; raises BadUsage if there is none."""
        now = int(time.time()) if now_unix_s is None else now_unix_s
        with self._locked():
            members = list(self.all())
            for index, member in enumerate(members):
                if member.name == name.lower() and member.removed_unix_s is None:
                    members[index] = dataclasses.replace(member, removed_unix_s=now)
                    self._write(members)
                    return members[index]
        raise BadUsage(
            f"no member is called {names.shown(name)}: `distrcomp cluster members` lists them"
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self._lock_path, flags, 0o600)
        except OSError as error:
            raise CannotStart(f"{self._lock_path} cannot be made: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, members: Iterable[Member]) -> None:
        document = {
            "version": _VERSION,
            "members": [dataclasses.asdict(member) for member in members],
        }
        write_private(self._path, json.dumps(document, indent=1).encode() + b"\n")


def _holder(members: Iterable[Member], host: str) -> Member | None:
    for member in members:
        if member.removed_unix_s is None and host in member.certified:
            return member
    return None


def _refuse_taken(members: tuple[Member, ...], name: str, addresses: Iterable[str]) -> None:
    for kind, host in (("name", name), *(("address", address) for address in addresses)):
        holder = _holder(members, host)
        if holder is not None:
            raise BadUsage(
                f"the {kind} {host} belongs to member {holder.name} already: choose another "
                f"{kind}, or first run `distrcomp cluster remove {holder.name}`"
            )


def _member(entry: dict[str, Any]) -> Member:
    removed = entry["removed_unix_s"]
    return Member(
        name=_text(entry["name"]),
        addresses=tuple(_text(address) for address in entry["addresses"]),
        serials=tuple(_text(serial) for serial in entry["serials"]),
        joined_unix_s=int(entry["joined_unix_s"]),
        removed_unix_s=None if removed is None else int(removed),
        issued=entry.get("issued", False) is True,  # lists of before the field have none
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
