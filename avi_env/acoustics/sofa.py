"""Reads head-related impulse responses in the SOFA format (AES69), convention SimpleFreeFieldHRIR."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["SofaSet", "read_sofa"]

_REQUIRED = ("Data.IR", "Data.SamplingRate", "SourcePosition")


class SofaSet(NamedTuple):
    """Measured impulse responses of two ears, D directions with N samples each."""

    directions: npt.NDArray[np.float64]
    """Unit vectors towards the loudspeaker, head frame (+X right, +Y up, -Z forward), shape (D, 3)."""
    impulse_responses: npt.NDArray[np.float64]
    """Pressure responses, row 0 = left ear, shape (D, 2, N)."""
    delay: npt.NDArray[np.float64]
    """Delay that was cut off the front of each response [s], shape (D, 2)."""
    sample_rate: float
    """Samples per second [Hz]."""
    title: str
    """What the file calls itself."""


def read_sofa(path: str | Path) -> SofaSet:
    """Returns the directions and impulse responses of a SOFA file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not HDF5, another convention, or variables that are missing or of the wrong shape.

    Source: AES69-2022; SOFA frame +X forward, +Y left, +Z up, azimuth counter-clockwise.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no SOFA file at {path}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} is not a SOFA file (SOFA is an HDF5 container): {error}") from error
    with file:
        _check_convention(file, path)
        responses = np.asarray(file["Data.IR"], dtype=np.float64)
        rate = float(np.asarray(file["Data.SamplingRate"]).ravel()[0])
        directions = _head_directions(file, path)
        if responses.ndim != 3 or responses.shape[1] != 2:
            raise ValueError(f"{path}: Data.IR has shape {responses.shape}; two ears need (measurements, 2, samples)")
        if len(directions) != len(responses):
            raise ValueError(f"{path}: {len(responses)} responses but {len(directions)} source positions")
        if not np.isfinite(responses).all() or rate <= 0:
            raise ValueError(f"{path}: Data.IR holds NaN or infinity, or the sampling rate {rate} is not positive")
        delay = _delays(file, len(responses), rate)
        order = _ear_order(file)
        title = _text(file.attrs.get("ListenerShortName", "")) or _text(file.attrs.get("Title", "")) or path.stem
    return SofaSet(directions, responses[:, order], delay[:, order], rate, title)


def _check_convention(file: Any, path: Path) -> None:
    missing = [name for name in _REQUIRED if name not in file]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: it is not a SOFA set of impulse responses")
    convention = _text(file.attrs.get("SOFAConventions", ""))
    if convention not in ("SimpleFreeFieldHRIR", ""):
        raise ValueError(f"{path} follows the convention {convention!r}; only SimpleFreeFieldHRIR describes a head")


def _head_directions(file: Any, path: Path) -> npt.NDArray[np.float64]:
    """Returns the source directions as unit vectors in the head frame, from spherical or cartesian positions."""
    variable = file["SourcePosition"]
    position = np.atleast_2d(np.asarray(variable, dtype=np.float64))
    kind = _text(variable.attrs.get("Type", "spherical")).lower()
    if kind.startswith("spher"):
        azimuth, elevation = np.radians(position[:, 0]), np.radians(position[:, 1])
        forward, left = np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth)
        sofa = np.stack([forward, left, np.sin(elevation)], axis=1)
    elif kind.startswith("cart"):
        norm = np.linalg.norm(position, axis=1, keepdims=True)
        if np.any(norm < 1e-9):
            raise ValueError(f"{path}: a source position lies at the centre of the head")
        sofa = position / norm
    else:
        raise ValueError(f"{path}: source positions of type {kind!r}; known: spherical, cartesian")
    return np.stack([-sofa[:, 1], sofa[:, 2], -sofa[:, 0]], axis=1)


def _delays(file: Any, count: int, rate: float) -> npt.NDArray[np.float64]:
    """Returns Data.Delay in seconds for every measurement; zero where the file has none."""
    if "Data.Delay" not in file:
        return np.zeros((count, 2))
    delay = np.asarray(file["Data.Delay"], dtype=np.float64) / rate
    return np.broadcast_to(delay, (count, 2)).copy()


def _ear_order(file: Any) -> list[int]:
    """Returns which receiver is the left ear: the one on the +Y side, the first one where nothing is said."""
    if "ReceiverPosition" not in file:
        return [0, 1]
    position = np.asarray(file["ReceiverPosition"], dtype=np.float64)
    lateral = position.reshape(position.shape[0], 3, -1)[:2, 1, 0]
    kind = _text(file["ReceiverPosition"].attrs.get("Type", "cartesian")).lower()
    if kind.startswith("spher"):
        azimuth = position.reshape(position.shape[0], 3, -1)[:2, 0, 0]
        lateral = np.sin(np.radians(azimuth))
    return [1, 0] if lateral[0] < lateral[1] else [0, 1]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value) if isinstance(value, str) else ""
