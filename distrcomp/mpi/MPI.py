"""The MPI module: all public names of the face, collected from the modules that make them."""

from __future__ import annotations

from .assembly import settle as _settle
from .constants import *
from .environment import start as _start
from .memory import buffer

try:
    from .intracomm import Intracomm
except ImportError:
    pass
try:
    from .topology import Cartcomm, Compute_dims, Distgraphcomm, Graphcomm, Topocomm
except ImportError:
    pass
try:
    from .intercomm import Intercomm
except ImportError:
    pass
try:
    from .win import WIN_NULL, Win
except ImportError:
    pass
try:
    from .file import FILE_NULL, File
except ImportError:
    pass

memory = buffer

_settle(__name__, globals())
_start()
