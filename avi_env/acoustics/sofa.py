"""Reads head-related impulse responses in the SOFA format (AES69), convention SimpleFreeFieldHRIR."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["SofaSet", "read_sofa"]

_REQUIRED = ("Data.IR", "Data.SamplingRate", "SourcePosition")
_HERTZ = {"hertz": 1.0, "hz": 1.0, "kilohertz": 1e3, "khz": 1e3}
_NEAREST = 1e-6  # [m] from the head's centre

FloatArray = npt.NDArray[np.float64]


class SofaSet(NamedTuple):
    """Measured impulse responses of two ears, D directions with N samples each."""

    directions: FloatArray
    """Unit vectors towards the loudspeaker, head frame (+X right, +Y up, -Z forward), shape (D, 3)."""
    impulse_responses: FloatArray
    """Pressure responses, row 0 = left ear, shape (D, 2, N)."""
    delay: FloatArray
    """Delay that was cut off the front of each response [s], shape (D, 2)."""
    sample_rate: float
    """Samples per second [Hz]."""
    title: str
    """What the file calls itself."""


def read_sofa(path: str | Path) -> SofaSet:
    """Returns the directions and impulse responses of a SOFA file.

    Positions may be spherical (degrees or radians) or cartesian, axes in any order that the sizes or the file's own
    dimension scales tell apart, delays per file or per measurement, a listener anywhere and turned anyhow.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not HDF5, another convention, or variables that are missing, contradictory or of the wrong shape.

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
        position = _vectors(file, "SourcePosition", path)
        responses = _responses(file, len(position), path)
        directions = _head_directions(file, position, path)
        rate = _sample_rate(file, path)
        delay = _delays(file, len(responses), rate, path)
        order = _ear_order(file, path)
        title = _text(file.attrs.get("ListenerShortName", "")) or _text(file.attrs.get("Title", "")) or path.stem
    return SofaSet(directions, responses[:, order], delay[:, order], rate, title)


def _check_convention(file: Any, path: Path) -> None:
    missing = [name for name in _REQUIRED if name not in file]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: it is not a SOFA set of impulse responses")
    convention = _text(file.attrs.get("SOFAConventions", ""))
    if convention not in ("SimpleFreeFieldHRIR", ""):
        raise ValueError(f"{path} follows the convention {convention!r}; only SimpleFreeFieldHRIR describes a head")


def _responses(file: Any, count: int, path: Path) -> FloatArray:
    """Returns Data.IR as (measurements, ears, samples), whatever order the file has."""
    variable = file["Data.IR"]
    responses = np.asarray(variable, dtype=np.float64)
    names = _dimension_names(variable)
    if responses.ndim == 4 and 1 in responses.shape[2:]:  # one emitter
        extra = 2 + responses.shape[2:].index(1)
        responses, names = responses.squeeze(extra), names[:extra] + names[extra + 1 :]
    if responses.ndim != 3:
        raise ValueError(f"{path}: Data.IR has shape {responses.shape}; two ears need (measurements, 2, samples)")
    axes = tuple(names.index(role) for role in "MRN") if sorted(names) == ["M", "N", "R"] else (0, 1, 2)
    if (responses.shape[axes[0]], responses.shape[axes[1]]) != (count, 2):
        fitting = [a for a in itertools.permutations(range(3)) if [responses.shape[k] for k in a[:2]] == [count, 2]]
        if len(fitting) != 1:
            raise ValueError(_wrong_shape(responses.shape, count, path))
        axes = fitting[0]
    responses = responses.transpose(axes)
    if not np.isfinite(responses).all():
        raise ValueError(f"{path}: Data.IR holds NaN or infinity")
    silent = np.flatnonzero(~np.abs(responses).max(axis=(0, 2)).astype(bool))
    if len(silent):
        raise ValueError(f"{path}: receiver {int(silent[0])} is silent in all measurements; a head needs two ears")
    mute = np.flatnonzero(~np.abs(responses).max(axis=(1, 2)).astype(bool))
    if len(mute) or not np.abs(responses).max(axis=2).all():
        row = int(mute[0]) if len(mute) else int(np.flatnonzero(~np.abs(responses).max(axis=2).all(axis=1))[0])
        raise ValueError(f"{path}: measurement {row} has an ear without any sound: leave that direction out")
    return responses


def _wrong_shape(shape: tuple[int, ...], count: int, path: Path) -> str:
    if 1 in shape and 2 not in shape:
        return f"{path}: Data.IR has shape {shape}, one receiver: a head needs two ears"
    return (
        f"{path}: Data.IR has shape {shape}, but there are {count} source positions: two ears need "
        f"(measurements, 2, samples) with a position for each measurement"
    )


def _dimension_names(variable: Any) -> list[str]:
    """Returns the names of a variable's dimension scales, "" where it has none."""
    names = []
    for dimension in variable.dims:
        names.append(str(dimension[0].name).rsplit("/", 1)[-1] if len(dimension) else "")
    return names


def _vectors(file: Any, name: str, path: Path) -> FloatArray:
    """Returns positions or directions as SOFA cartesian vectors, one row each, (n, 3)."""
    variable = file[name]
    rows = np.atleast_2d(np.asarray(variable, dtype=np.float64).squeeze())
    if rows.ndim != 2 or 3 not in rows.shape or not rows.size:
        raise ValueError(f"{path}: {name} has shape {variable.shape}; it needs three coordinates per row")
    if rows.shape[1] != 3 or (rows.shape == (3, 3) and _dimension_names(variable)[:1] == ["C"]):
        rows = rows.T
    if not np.isfinite(rows).all():
        raise ValueError(f"{path}: {name} holds NaN or infinity")
    kind = _text(variable.attrs.get("Type", "spherical" if name == "SourcePosition" else "cartesian")).lower()
    if kind.startswith("cart"):
        return rows
    if not kind.startswith("spher"):
        raise ValueError(f"{path}: {name} of type {kind!r}; known: spherical, cartesian")
    angles = rows[:, :2] if "radian" in _text(variable.attrs.get("Units", "")).lower() else np.radians(rows[:, :2])
    azimuth, elevation = angles.T
    flat = np.cos(elevation)
    unit = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=1)
    # Some files leave the radius out: directions are what counts.
    return np.asarray(unit * np.where(rows[:, 2:] > 0.0, rows[:, 2:], 1.0))


def _head_directions(file: Any, position: FloatArray, path: Path) -> FloatArray:
    """Returns unit vectors towards the sources in our head frame, from the listener's place, view and up."""

    def listener(name: str, standard: tuple[float, float, float]) -> FloatArray:
        if name not in file:
            return np.array([standard])
        rows = _vectors(file, name, path)
        if len(rows) not in (1, len(position)):
            raise ValueError(f"{path}: {name} has {len(rows)} rows for {len(position)} measurements")
        return rows

    away = position - listener("ListenerPosition", (0.0, 0.0, 0.0))
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    if np.any(distance < _NEAREST):
        raise ValueError(f"{path}: a source position lies at the centre of the head")
    ahead, up = listener("ListenerView", (1.0, 0.0, 0.0)), listener("ListenerUp", (0.0, 0.0, 1.0))
    left = np.cross(up, ahead)
    if np.any(np.linalg.norm(left, axis=1) < _NEAREST):
        raise ValueError(f"{path}: ListenerView and ListenerUp do not tell where the head looks: they are parallel")
    axes = [-left, np.cross(ahead, left), -ahead]  # right, up, back
    parts = [np.sum(away / distance * axis / np.linalg.norm(axis, axis=1, keepdims=True), axis=1) for axis in axes]
    return np.stack(parts, axis=1)


def _sample_rate(file: Any, path: Path) -> float:
    """Returns the sampling rate [Hz]."""
    variable = file["Data.SamplingRate"]
    rates = np.unique(np.asarray(variable, dtype=np.float64))
    units = _text(variable.attrs.get("Units", "hertz")).lower() or "hertz"
    if units not in _HERTZ:
        raise ValueError(f"{path}: Data.SamplingRate in {units!r}; known: {', '.join(_HERTZ)}")
    if len(rates) != 1 or not np.isfinite(rates[0]) or rates[0] <= 0.0:
        raise ValueError(f"{path}: the sampling rate must be one positive number, got {rates.tolist()}")
    return float(rates[0] * _HERTZ[units])


def _delays(file: Any, count: int, rate: float, path: Path) -> FloatArray:
    """Returns Data.Delay in seconds for every measurement; zero where the file has none."""
    if "Data.Delay" not in file:
        return np.zeros((count, 2))
    variable = file["Data.Delay"]
    delay = np.atleast_2d(np.asarray(variable, dtype=np.float64).squeeze())
    if delay.shape not in ((1, 1), (1, 2), (count, 2)):
        delay = delay.T
    if delay.shape not in ((1, 1), (1, 2), (count, 1), (count, 2)) or not np.isfinite(delay).all():
        raise ValueError(f"{path}: Data.Delay has shape {variable.shape}; it must be finite and (1, 2) or ({count}, 2)")
    in_seconds = "second" in _text(variable.attrs.get("Units", "")).lower()
    return np.broadcast_to(delay if in_seconds else delay / rate, (count, 2)).copy()


def _ear_order(file: Any, path: Path) -> list[int]:
    """Returns which receiver is the left ear: the one on the +Y side, the first one where nothing is said."""
    if "ReceiverPosition" not in file:
        return [0, 1]
    variable = file["ReceiverPosition"]
    position = np.asarray(variable, dtype=np.float64)
    if position.ndim == 3:  # (R, C, 1), or the same for every measurement; some write (M, R, C)
        position = position[..., 0] if position.shape[1] == 3 else position[0]
    if position.shape == (3, 2):
        position = position.T
    if position.shape != (2, 3):
        raise ValueError(f"{path}: ReceiverPosition has shape {variable.shape}; two ears have (2, 3, 1)")
    lateral = position[:, 1]
    if _text(variable.attrs.get("Type", "cartesian")).lower().startswith("spher"):
        radians = "radian" in _text(variable.attrs.get("Units", "")).lower()
        lateral = np.sin(position[:, 0] if radians else np.radians(position[:, 0]))
    if lateral[0] * lateral[1] > 0.0:
        side = "left" if lateral[0] > 0.0 else "right"
        raise ValueError(f"{path}: both receivers lie on the {side}; a head needs an ear on each side")
    return [1, 0] if lateral[0] < lateral[1] else [0, 1]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value) if isinstance(value, str) else ""
