"""Baked sound on disk, beside clips with their reverberation.

A baked field is kept without its wavefront, which takes more room than time.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import warp as wp

from avi_env.acoustics.field import SourceField, WavefrontField
from avi_env.array_cache import CACHE_BYTES, DAMAGE, cache_key, read_arrays, write_arrays

__all__ = ["bake_key", "read_bake", "write_bake"]

_CODE = ("acoustics", "navigation", "scene")  # packages whose code decides what a bake is


def bake_key(*inputs: str | bytes | float) -> str:
    """Returns the name under which a bake is kept: a hash of its inputs, the code that bakes and the file format."""
    return cache_key(_CODE, wp.__version__, *inputs)


def read_bake(key: str, wavefront: WavefrontField) -> SourceField | None:
    """Returns a field from disk, completed by its wavefront; None if it is not there or the file is not sound."""
    arrays = read_arrays("bakes", key)
    if arrays is None:
        return None
    try:
        values = {f.name: _value(str(f.type), arrays[f.name]) for f in fields(SourceField) if f.name != "wavefront"}
    except DAMAGE:
        return None
    return SourceField(**values, wavefront=wavefront)


def _value(kind: str, array: Any) -> Any:
    if kind.startswith("tuple"):
        return tuple(array.tolist())
    return array.item() if kind == "float" else array


def write_bake(key: str, field: SourceField, limit: int = CACHE_BYTES) -> None:
    """Keeps a field on disk; arguments as for `write_arrays`."""
    write_arrays(
        "bakes",
        key,
        {f.name: np.asarray(getattr(field, f.name)) for f in fields(SourceField) if f.name != "wavefront"},
        limit,
    )
