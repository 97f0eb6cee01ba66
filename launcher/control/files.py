"""What launcher and agent say about files that a program has written. Parts of `messages`."""

from __future__ import annotations

from ..records import record


@record
class CollectFiles:
    """End what is left of the nodes here and send back the files that the patterns mean.

    Attributes:
        patterns: relative to the folder of a node (ship.patterns).
    """

    patterns: tuple[str, ...]


@record
class FilePart:
    """The next bytes of a file of `node`; files come one after the other.

    Attributes:
        path: relative to the node's folder.
        sha256: of the whole file, in its last part; before that empty.
    """

    node: int
    path: str
    data: bytes
    last: bool
    sha256: bytes


@record
class FilesSent:
    """No more files come from here; `problems` are sentences about those that could not be sent."""

    problems: tuple[str, ...]
