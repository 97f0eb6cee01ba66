"""What launcher and agent say to each other about a program's environment. Parts of `messages`.

Between Welcome and OpenRun. The launcher says what is wanted; the agent builds it, tells how it
gets on, and in the end that it is ready or why not. If it can't have the packages by itself it asks
for their wheels: the launcher offers those that fit, the agent says which of their contents it
lacks, and gets these.
"""

from __future__ import annotations

from ..records import record


@record
class WantEnvironment:
    """The run's nodes shall be started in an environment with these packages.

    Attributes:
        requirements: a line for each: name, version, marker, hashes (environment.lock).
        requires_python: what Python's version must fulfil; "" for any.
        ask_for_wheels: whether some of it can only be had from the launcher.
    """

    requirements: str
    requires_python: str
    ask_for_wheels: bool


@record
class WheelFile:
    """A file of a package that the launcher has."""

    name: str
    size: int
    sha256: bytes


@record
class OfferWheels:
    """The answer to WheelsWanted.

    Attributes:
        why_not: why some, or all, are missing.
    """

    wheels: tuple[WheelFile, ...]
    why_not: str


@record
class WheelPart:
    """The next bytes of a wheel that the agent lacks; they come one after the other."""

    sha256: bytes
    data: bytes
    last: bool


@record
class AskInstalled:
    """Which version of these modules the agent's own Python has; answered by Installed."""

    modules: tuple[str, ...]


@record
class Installed:
    """The version of each, in the order of the question; "" for one that is not there."""

    versions: tuple[str, ...]


@record
class EnvironmentStep:
    """How far the agent is, in a few words."""

    text: str


@record
class WheelsWanted:
    """The agent can't have the packages by itself.

    Attributes:
        python, abi, machine, libc, libc_version: what the wheels must be for (environment.tags).
    """

    python: tuple[int, ...]
    abi: str
    machine: str
    libc: str
    libc_version: tuple[int, ...]


@record
class WheelsMissing:
    """The contents that the agent lacks, of those offered.

    Attributes:
        offsets: of each, how many bytes are there already.
    """

    hashes: tuple[bytes, ...]
    offsets: tuple[int, ...]


@record
class EnvironmentReady:
    """It is there."""


@record
class EnvironmentFailed:
    """It can't be built."""

    why: str


FROM_LAUNCHER = (AskInstalled, WantEnvironment, OfferWheels, WheelPart)
FROM_AGENT = (
    Installed,
    EnvironmentStep,
    WheelsWanted,
    WheelsMissing,
    EnvironmentReady,
    EnvironmentFailed,
)
