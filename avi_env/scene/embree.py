"""Embree by its C interface: the library that the `embreex` wheel carries, and ray trees.

Kernels call the library by the addresses of its functions (`embree_function`), so that rays are made, traced and
written in one launch, with the interpreter lock free.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import re
import weakref
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["EmbreeTree", "embree_function", "packet_width"]

_FILE = re.compile(r"(lib)?embree4.*\.(so|dylib|dll)(\.|$)", re.IGNORECASE)

# Constants of Embree 4's headers: rtcore_scene.h, rtcore_geometry.h, rtcore_buffer.h, rtcore_common.h.
_ROBUST = 1 << 2
_TRIANGLE_GEOMETRY = 0
_INDEX_BUFFER, _VERTEX_BUFFER = 0, 1
_UINT3, _FLOAT3 = 0x5003, 0x9003
_NATIVE_RAYS = {16: 34, 8: 33}  # properties of a device

_P, _I, _U, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_size_t, ctypes.c_char_p
_SIGNATURES = {
    "rtcNewDevice": (_P, [_TEXT]),
    "rtcGetDeviceError": (_I, [_P]),
    "rtcGetDeviceProperty": (_SIZE, [_P, _I]),
    "rtcNewScene": (_P, [_P]),
    "rtcSetSceneFlags": (None, [_P, _I]),
    "rtcReleaseScene": (None, [_P]),
    "rtcCommitScene": (None, [_P]),
    "rtcNewGeometry": (_P, [_P, _I]),
    "rtcSetNewGeometryBuffer": (_P, [_P, _I, _U, _I, _SIZE, _SIZE]),
    "rtcCommitGeometry": (None, [_P]),
    "rtcAttachGeometry": (_U, [_P, _P]),
    "rtcReleaseGeometry": (None, [_P]),
    "rtcIntersect1": (None, []),  # these are called by kernels alone
    **{f"rtcIntersect{lanes}": (None, []) for lanes in (4, 8, 16)},
    "rtcOccluded1": (None, []),
}


class EmbreeTree:
    """A ray tree over triangles; Embree's memory is freed with it."""

    handle: int
    """Address of Embree's scene, as kernels take it."""

    def __init__(self, vertices: npt.NDArray[np.float32], triangles: npt.NDArray[np.int32]) -> None:
        """Builds the tree; edges shared by two triangles are watertight.

        Args:
            vertices: corners [m], shape (V, 3).
            triangles: vertices of each triangle, shape (T, 3); T = 0 is fine.

        Raises:
            RuntimeError: Embree refuses, as without memory.
        """
        library = _library()
        self.handle = int(library.rtcNewScene(_device()))
        weakref.finalize(self, library.rtcReleaseScene, self.handle).atexit = False
        # "robust": a ray of sound must not escape through a seam.
        library.rtcSetSceneFlags(self.handle, _ROBUST)
        if len(triangles):
            geometry = library.rtcNewGeometry(_device(), _TRIANGLE_GEOMETRY)
            _fill(geometry, _VERTEX_BUFFER, _FLOAT3, np.ascontiguousarray(vertices, dtype=np.float32))
            _fill(geometry, _INDEX_BUFFER, _UINT3, np.ascontiguousarray(triangles, dtype=np.uint32))
            library.rtcCommitGeometry(geometry)
            library.rtcAttachGeometry(self.handle, geometry)
            library.rtcReleaseGeometry(geometry)
        library.rtcCommitScene(self.handle)
        if error := library.rtcGetDeviceError(_device()):
            raise RuntimeError(f"Embree could not build a ray tree over {len(triangles)} triangles: its error {error}")


@functools.cache
def embree_function(name: str) -> int:
    """Returns the address of one of Embree's functions, for kernels.

    Raises:
        ImportError: as `EmbreeTree`, where the library cannot be loaded.
    """
    address = ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value
    assert address is not None
    return address


@functools.cache
def packet_width() -> int:
    """Returns how many rays the processor's vector unit takes at once: 16, 8 or 4."""
    library, device = _library(), _device()
    return next((n for n, key in _NATIVE_RAYS.items() if library.rtcGetDeviceProperty(device, key)), 4)


def _fill(geometry: int, kind: int, layout: int, rows: npt.NDArray[np.generic]) -> None:
    """Copies rows of three into a buffer of Embree's own, which pads it as its vector loads need."""
    buffer = _library().rtcSetNewGeometryBuffer(geometry, kind, 0, layout, rows.strides[0], len(rows))
    if not buffer:
        raise RuntimeError(f"Embree has no memory for {rows.nbytes} bytes of a mesh")
    ctypes.memmove(buffer, rows.ctypes.data, rows.nbytes)


@functools.cache
def _device() -> int:
    # One thread a build: trees of several scenes are built side by side, and a forked process has no other threads.
    device = _library().rtcNewDevice(b"threads=1,set_affinity=0")
    if not device:
        raise RuntimeError("Embree cannot work on this processor: rtcNewDevice failed")
    return int(device)


@functools.cache
def _library() -> ctypes.CDLL:
    path = _library_file()
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise ImportError(f"Embree's library {path} cannot be used ({error}): {_REMEDY}") from error
    return library


_REMEDY = "pip install --force-reinstall 'embreex>=4.4'"


def _library_file() -> Path:
    """Returns the library's file, by the wheel's own list of its files."""
    try:
        files = importlib.metadata.files("embreex")
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError(f"the CPU's rays need embreex, which is not installed: {_REMEDY}") from error
    for file in files or ():
        if _FILE.match(file.name):
            return Path(str(file.locate()))
    raise ImportError(f"the installed embreex carries no Embree 4 library among its files: {_REMEDY}")
