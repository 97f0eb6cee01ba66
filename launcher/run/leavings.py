"""What the nodes of a run leave behind, one kind a line of the report; no I/O.

Each node says at its end what came to it and was never received, and which of its requests nobody
has waited for (distrcomp.accounts). Under `--debug` it also says where it sent its latest messages;
since messages of one kind are received in order, the unreceived ones are the latest.
"""

from __future__ import annotations

from collections.abc import Iterator

from distrcomp.notices import Account, Unreceived, Unwaited

from .. import limits
from .plain import counted, listed, node_list, plain

_Kind = tuple[int, int, int, int]  # source, destination, communicator, tag


class Leavings:
    """What is known of them."""

    def __init__(self) -> None:
        self._accounts: dict[int, Account] = {}
        self._places: dict[_Kind, tuple[str, ...]] = {}

    def take(self, node: int, account: Account) -> None:
        """A node says what it leaves behind."""
        self._accounts[node] = account
        for sent in account.sent:
            self._places[node, sent.dest, sent.communicator, sent.tag] = sent.places

    def knows(self, node: int) -> bool:
        """Whether this node has said it."""
        return node in self._accounts

    def told(self) -> str:
        """All of it in words, in lines; empty if there is nothing."""
        lines: list[str] = []
        n_message = sum(account.n_message for account in self._accounts.values())
        n_request = sum(account.n_request for account in self._accounts.values())
        if n_message > 0:
            were = "message was" if n_message == 1 else "messages were"
            hint = ""
            if not self._places:
                hint = f" (--debug says where {'it was' if n_message == 1 else 'they were'} sent)"
            lines.append(f"{n_message:,} {were} sent and never received{hint}:")
            lines += _first(list(self._messages()), n_message, "message")
        lines += self._undelivered()
        lines += self._missed()
        if n_request > 0:
            were = "request was" if n_request == 1 else "requests were"
            lines.append(f"{n_request:,} {were} never waited for:")
            lines += _first(list(self._requests()), n_request, "request")
        return "\n".join(lines)

    def _messages(self) -> Iterator[tuple[int, str]]:
        for node, account in sorted(self._accounts.items()):
            for kind in account.unreceived:
                if not kind.collective:
                    yield kind.n_message, self._message(node, kind)

    def _message(self, node: int, kind: Unreceived) -> str:
        where = f" on communicator {kind.communicator}" if kind.communicator else ""
        known = self._places.get((kind.source, node, kind.communicator, kind.tag), ())
        places = list(dict.fromkeys(place for place in known[-kind.n_message :] if place))
        sent_at = f", sent at {listed(places)}" if places else ""
        in_all = " in all" if kind.n_message > 1 else ""
        return (
            f"node {node}: {kind.n_message:,} from node {kind.source} with tag {kind.tag}{where} "
            f"({counted(kind.nbytes, 'byte')}{in_all}{sent_at})"
        )

    def _undelivered(self) -> Iterator[str]:
        for node, account in sorted(self._accounts.items()):
            for dest, nbytes in account.undelivered[: limits.LEAVINGS_MAX]:
                yield (
                    f"node {node} still had {counted(nbytes, 'byte')} for node {dest} when that "
                    "had finished"
                )

    def _missed(self) -> Iterator[str]:
        missed: dict[tuple[int, str], set[int]] = {}
        for node, account in sorted(self._accounts.items()):
            for kind in account.unreceived[: limits.LEAVINGS_MAX]:
                if kind.collective:
                    missed.setdefault((node, kind.collective), set()).add(kind.source)
        for (node, collective), others in missed.items():
            whom = node_list(sorted(others))
            yield f"node {node} was not in {plain(collective)}, unlike {whom}"

    def _requests(self) -> Iterator[tuple[int, str]]:
        for node, account in sorted(self._accounts.items()):
            for kind in account.unwaited:
                yield kind.n_request, f"node {node}: {_request(kind)}"


def _first(kinds: list[tuple[int, str]], total: int, noun: str) -> list[str]:
    """The first of them, a line each; how many are left out is said, and of how many kinds.

    Nodes don't tell all of their kinds if there are many, and then nobody knows how many.
    """
    shown, rest = kinds[: limits.LEAVINGS_MAX], kinds[limits.LEAVINGS_MAX :]
    lines = [f"  {words}" for _, words in shown]
    n_left = total - sum(n_kind for n_kind, _ in shown)
    if n_left > 0:
        is_all = n_left == sum(n_kind for n_kind, _ in rest)
        of_kinds = f" of {counted(len(rest), 'kind')}" if is_all else ""
        lines.append(f"  ... {counted(n_left, f'more {noun}')}{of_kinds}")
    return lines


def _request(kind: Unwaited) -> str:
    times = f" ({kind.n_request:,} times)" if kind.n_request > 1 else ""
    place = f" at {kind.place}" if kind.place else ""
    return plain(f"{kind.what}{place}{times}")
