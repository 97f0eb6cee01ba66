"""Objects that show an array by DLPack or by the CUDA array interface, and by nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np


class DLPack:
    """An array that only DLPack can reach."""

    def __init__(self, array: np.ndarray, device: Any = (1, 0)) -> None:
        self.array = array
        self.device = device

    def __dlpack_device__(self) -> Any:
        return self.device

    def __dlpack__(self, **options: Any) -> Any:
        options.pop("stream", None)
        return self.array.__dlpack__(**options)


class OldDLPack(DLPack):
    """The same before versions were told."""

    def __dlpack__(self, stream: Any = None) -> Any:
        return self.array.__dlpack__()


class CudaArray:
    """An array that says it is CUDA's; its memory is the processor's."""

    def __init__(self, array: np.ndarray, **changes: Any) -> None:
        self.array = array
        shown = array.__array_interface__
        kept = ("data", "typestr", "shape", "strides", "descr")
        self.__cuda_array_interface__ = {key: shown[key] for key in kept} | changes
