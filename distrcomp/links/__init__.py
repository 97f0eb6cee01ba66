"""Links: an ordered, reliable byte path between two nodes."""

from .base import Link, LinkEnded
from .stream import StreamLink

__all__ = ["Link", "LinkEnded", "StreamLink"]
