"""Links: an ordered, reliable byte path between two nodes."""

from .base import Link, LinkEnded, Pending
from .bells import Bells
from .mpi import MpiLink
from .shm import ShmLink
from .stream import StreamLink

__all__ = ["Bells", "Link", "LinkEnded", "MpiLink", "Pending", "ShmLink", "StreamLink"]
