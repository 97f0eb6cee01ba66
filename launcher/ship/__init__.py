"""What a run ships: which files, how they are listed, and where an agent keeps their contents."""

from .bundle import Bundle, Wanted, collect, read_blob
from .ignore import IgnoreRules
from .imports import local_imports, module_file
from .manifest import FileEntry, Manifest, check_manifest
from .store import Store
from .writing import BlobWriter

__all__ = [
    "BlobWriter",
    "Bundle",
    "FileEntry",
    "IgnoreRules",
    "Manifest",
    "Store",
    "Wanted",
    "check_manifest",
    "collect",
    "local_imports",
    "module_file",
    "read_blob",
]
