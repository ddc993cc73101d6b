"""Files of tensors (safetensors), read without a dependency."""

from __future__ import annotations

import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RunError

if TYPE_CHECKING:
    import numpy

_MOST_HEADER = 100_000_000
"""Bytes of a header, as the format's own library limits them."""

_CODES = {
    "F64": "d",
    "F32": "f",
    "F16": "e",
    "I64": "q",
    "I32": "i",
    "I16": "h",
    "I8": "b",
    "U64": "Q",
    "U32": "I",
    "U16": "H",
    "U8": "B",
    "BOOL": "?",
}
"""The types that can be read here, as `struct` and NumPy name them."""

_BF16 = "BF16"
"""The upper half of an f32; neither of the two has it."""


@dataclass(frozen=True)
class Tensor:
    """A tensor as it lies in a file."""

    dtype: str
    """As safetensors names it: `F32`, `F16`, `BF16` …"""
    shape: tuple[int, ...]
    data: bytes
    """Its numbers, little-endian, the last axis innermost."""

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, {list(self.shape)})"

    def __len__(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def values(self) -> list[Any]:
        """All numbers in a row."""
        if self.dtype == _BF16:
            halves = struct.unpack(f"<{len(self)}H", self.data)
            return list(
                struct.unpack(f"<{len(self)}f", struct.pack(f"<{len(self)}I", *(half << 16 for half in halves)))
            )
        return list(struct.unpack(f"<{len(self)}{_CODES[self.dtype]}", self.data))

    def to_numpy(self) -> numpy.ndarray[Any, Any]:
        """An array of its shape; bfloat16, which NumPy doesn't have, as float32. Needs NumPy."""
        import numpy

        if self.dtype == _BF16:
            upper = numpy.frombuffer(self.data, dtype="<u2").astype("<u4") << 16
            floats: numpy.ndarray[Any, Any] = upper.view("<f4").reshape(self.shape)
            return floats
        code = _CODES[self.dtype]
        return numpy.frombuffer(self.data, dtype=code if code == "?" else f"<{code}").reshape(self.shape).copy()


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name.

    Raises RunError for a file that can't be read, is none, is cut off, or has numbers of an unknown type.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise RunError(f"there is no {path}") from error
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from error
    damaged = f"{path} is damaged, or no safetensors file"
    if len(content) < 8:
        raise RunError(f"{damaged}: it has {len(content)} bytes")
    (length,) = struct.unpack_from("<Q", content)
    if length > min(len(content) - 8, _MOST_HEADER):
        raise RunError(f"{damaged}: its header would end behind the file")
    try:
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        return {name: _tensor(entry, memoryview(content)[8 + length :]) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunError(f"{damaged}: {error}") from error


def _tensor(entry: dict[str, Any], data: memoryview) -> Tensor:
    dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if dtype not in _CODES and dtype != _BF16:
        raise ValueError(f"numbers of type {dtype} are not read here; the package safetensors may know them")
    if not all(type(length) is int and length >= 0 for length in (*shape, begin, end)):
        raise ValueError("a shape or a place is no whole number")
    if not begin <= end <= len(data):
        raise ValueError("it is cut off")
    width = struct.calcsize(f"<{_CODES.get(dtype, 'H')}")
    if end - begin != math.prod(shape) * width:
        raise ValueError("a shape does not fit its bytes")
    return Tensor(dtype, shape, bytes(data[begin:end]))
