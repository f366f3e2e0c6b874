"""Room acoustics in closed form: what a simulation must agree with where the theory holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import SPEED_OF_SOUND

__all__ = [
    "coupled_room_decay_times",
    "critical_distance",
    "diffuse_energy",
    "eyring_rt60",
    "kuttruff_rt60",
    "mean_free_path",
    "sabine_rt60",
    "schroeder_frequency",
]

Values = float | npt.NDArray[np.floating[Any]]

_DECAY = 6.0 * np.log(10.0)  # 60 dB as an exponent of energy


def _rt60(volume: float, area: Values, air: Values) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(4.0 * _DECAY / SPEED_OF_SOUND * volume / (area + 4.0 * np.asarray(air) * volume))


def sabine_rt60(volume: float, surface: float, absorption: Values, air: Values = 0.0) -> npt.NDArray[np.float64]:
    """Returns Sabine's reverberation time [s].

    Args:
        volume: volume of the room [m3].
        surface: area of its walls [m2].
        absorption: mean absorption coefficient, 0..1, any shape.
        air: energy exponent m of the air [1/m], broadcast to `absorption`.

    Source:
        T = (24 ln 10 / c) V / (S a + 4 m V).
    """
    return _rt60(volume, surface * np.asarray(absorption), air)


def eyring_rt60(volume: float, surface: float, absorption: Values, air: Values = 0.0) -> npt.NDArray[np.float64]:
    """Returns Eyring's reverberation time [s]: as `sabine_rt60` with the exponent -ln(1 - a) in place of a."""
    return _rt60(volume, -surface * np.log1p(-np.asarray(absorption)), air)


def kuttruff_rt60(
    volume: float, surface: float, absorption: Values, air: Values = 0.0, path_variance: float = 0.4
) -> npt.NDArray[np.float64]:
    """Returns Kuttruff's reverberation time [s]: Eyring's, corrected for the spread of the free paths.

    Args:
        volume: volume of the room [m3].
        surface: area of its walls [m2].
        absorption: mean absorption coefficient, 0..1, any shape.
        air: energy exponent m of the air [1/m].
        path_variance: relative variance of the free paths, 0.3 .. 0.4 in rooms of ordinary shape.

    Source:
        Kuttruff, Room Acoustics, a'' = -ln(1-a) (1 + gamma^2/2 ln(1-a)).
    """
    exponent = -np.log1p(-np.asarray(absorption))
    return _rt60(volume, surface * exponent * (1.0 - 0.5 * path_variance * exponent), air)


def mean_free_path(volume: float, surface: float) -> float:
    """Returns the mean distance between two reflections [m], 4V/S."""
    return 4.0 * volume / surface


def critical_distance(surface: float, absorption: Values) -> npt.NDArray[np.float64]:
    """Returns the distance [m] at which the direct and the diffuse field are equal, sqrt(A / 16 pi)."""
    return np.asarray(np.sqrt(surface * np.asarray(absorption) / (16.0 * np.pi)))


def diffuse_energy(surface: float, absorption: Values) -> npt.NDArray[np.float64]:
    """Returns the energy of the reverberant field where the direct sound has 1/d^2: 4 pi 4 (1-a) / (S a)."""
    a = np.asarray(absorption)
    return np.asarray(16.0 * np.pi * (1.0 - a) / (surface * a))


def schroeder_frequency(volume: float, rt60: Values) -> npt.NDArray[np.float64]:
    """Returns the frequency [Hz] below which single modes rule and ray acoustics does not hold, 2000 sqrt(T/V)."""
    return np.asarray(2000.0 * np.sqrt(np.asarray(rt60) / volume))


def coupled_room_decay_times(
    volumes: tuple[float, float], areas: tuple[float, float], opening: float
) -> tuple[float, float]:
    """Returns the two reverberation times [s] of two diffuse rooms joined by an opening, the longer first.

    Args:
        volumes: volumes [m3].
        areas: equivalent absorption areas of the rooms without the opening [m2].
        opening: area of the opening [m2].

    Source:
        Eigenvalues of (c/4) [[-(A1+S)/V1, S/V1], [S/V2, -(A2+S)/V2]] (Kuttruff, coupled rooms).
    """
    (v1, v2), (a1, a2) = volumes, areas
    rate = SPEED_OF_SOUND / 4.0 * np.array([[-(a1 + opening) / v1, opening / v1], [opening / v2, -(a2 + opening) / v2]])
    slow, fast = np.sort(np.abs(np.linalg.eigvals(rate).real))
    return float(_DECAY / slow), float(_DECAY / fast)
