"""What launcher and agent say about the agent's own distrcomp. Parts of `messages`.

The two may have different versions of it. So these messages keep their form, as do those by which
the files come (OpenRun, Missing, BlobPart, Shipped): whoever changes one of them counts
`messages.PROTOCOL` up, and an agent from before is known by its Welcome, to be updated by hand.
Hello, Welcome and Refused, by which that is learnt, keep theirs for ever.
"""

from __future__ import annotations

from ..records import record


@record
class AskRelease:
    """Which release of distrcomp the agent runs; answered by ReleaseIs."""


@record
class TryRelease:
    """Make a release of the files that have come, and have it answer in your place.

    Answered by TrialBegun, or by Refused if it doesn't start. While the trial lasts, who dials the
    agent reaches the release. It ends with this connection, or by TakeRelease.
    """

    version: str


@record
class TakeRelease:
    """The release has answered: become it. Answered by ReleaseTaken; then the connection ends."""


@record
class KeepRelease:
    """The agent runs the release with this hash: start it from now on. Answered by ReleaseKept."""

    sha256: bytes


@record
class ReleaseIs:
    """The release that runs here, by its hash."""

    sha256: bytes


@record
class TrialBegun:
    """Whoever dials the agent now reaches the release."""


@record
class ReleaseTaken:
    """The agent makes room, and the release takes over."""


@record
class ReleaseKept:
    """From now on the agent starts as this release."""


ORDERS = (AskRelease, TryRelease, TakeRelease, KeepRelease)
NEWS = (ReleaseIs, TrialBegun, ReleaseTaken, ReleaseKept)
