"""Level of sound that bends around edges: Kurze and Anderson's formula, or the uniform theory of diffraction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import fresnel

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.content import name_error

__all__ = [
    "BOUNDARY_DB",
    "DIFFRACTION_MODELS",
    "FARTHEST_RATIO",
    "FAR_BEND_COSINE",
    "FAR_BEND_DB",
    "LOSS_CAP_DB",
    "diffraction_loss_db",
    "diffraction_model",
    "fresnel_transition",
    "grazing_loss_db",
    "half_plane_loss_db",
    "kurze_anderson_db",
    "shaded_gain",
    "wedge_loss_db",
]

DIFFRACTION_MODELS = ("kurze_anderson", "utd")
"""How loud a bent path is: by its detour (default), or by the uniform theory of diffraction, bend for bend."""

BOUNDARY_DB = 6.0
"""Loss at the shadow boundary [dB]: an edge hides half of the wavefront, half of the pressure is left."""

LOSS_CAP_DB = 30.0
"""Largest loss of a bent path re its own length [dB]: beyond, scattering that the formula leaves out dominates.

Source: Kurze and Anderson (1971) give 24 dB for thin screens outdoors; 25 to 30 dB are usual indoors.
"""

FARTHEST_RATIO = 1.5
"""Ratio of bent to straight length up to which the formula holds.

Re the path's length its loss is largest at 1.5 (a bend of 96 degrees) and falls beyond, though no path gets louder by
bending further: d/dr [(r - 1) / r^3] = 0 at r = 3/2. Larger ratios count as this one, plus a share of `FAR_BEND_DB`.
"""

FAR_BEND_DB = 1.6
"""Loss that is added from a bend of 90 degrees to one of 180 [dB], as the uniform theory has it: 1 / sin(bend / 2) + 1
falls from 2.41 to 2.
"""

FAR_BEND_COSINE = float(np.sqrt(0.5))
"""Ratio of straight to bent length from which on `FAR_BEND_DB` is added: that of a right angle."""

_LEAST_LENGTH = 0.1  # [m], as for the direct sound
_SMALL = 1e-6
_LEAST_REACH = 1e-3  # [m]
_LIT_ROOT = 1.3  # sqrt(2 pi N) beyond which the loss of a grazed edge is zero whatever the boundary's


def kurze_anderson_db(
    detour: float | npt.ArrayLike, frequency_hz: float | npt.ArrayLike
) -> npt.NDArray[np.floating[Any]]:
    """Returns the insertion loss of a thin edge re free field at the straight distance [dB].

    5 + 20 log10( sqrt(2 pi N) / tanh sqrt(2 pi N) ) with the Fresnel number N = 2 detour / wavelength.

    Args:
        detour: bent length less straight distance [m], >= 0; broadcasts with the frequency.
        frequency_hz: frequency [Hz].

    Source:
        U. J. Kurze and G. S. Anderson, "Sound attenuation by barriers", Applied Acoustics 4 (1971), 35-53.
    """
    fresnel = 2.0 * np.maximum(np.asarray(detour, dtype=np.float64), 0.0) * np.asarray(frequency_hz) / SPEED_OF_SOUND
    root = np.maximum(np.sqrt(2.0 * np.pi * fresnel), _SMALL)
    return np.asarray(5.0 + 20.0 * np.log10(root / np.tanh(root)))


def diffraction_loss_db(
    length: float | npt.ArrayLike, distance: float | npt.ArrayLike, frequency_hz: float | npt.ArrayLike
) -> npt.NDArray[np.floating[Any]]:
    """Returns the loss of a bent path re free field at its own length [dB]: it never falls as the path bends further.

    Kurze and Anderson's with 1 dB more at the shadow boundary, which fades as exp(-2 pi N): their 5 dB are 6 there.

    Args:
        length: length of the bent path [m].
        distance: straight distance between its ends [m].
        frequency_hz: frequency [Hz]; all three broadcast.
    """
    bent = np.maximum(np.asarray(length, dtype=np.float64), _LEAST_LENGTH)
    true = np.minimum(np.asarray(distance, dtype=np.float64), bent)
    straight = np.maximum(true, bent / FARTHEST_RATIO)
    detour = bent - straight
    loss = kurze_anderson_db(detour, frequency_hz) - 20.0 * np.log10(bent / straight)
    loss += FAR_BEND_DB * np.maximum(1.0 - true / (FAR_BEND_COSINE * bent), 0.0)
    loss += (BOUNDARY_DB - 5.0) * np.exp(-4.0 * np.pi * detour * np.asarray(frequency_hz) / SPEED_OF_SOUND)
    return np.asarray(np.minimum(loss, LOSS_CAP_DB))


def grazing_loss_db(
    detour: float | npt.ArrayLike, frequency_hz: float | npt.ArrayLike, boundary_db: float | npt.ArrayLike = BOUNDARY_DB
) -> npt.NDArray[np.floating[Any]]:
    """Returns the loss of a free path that passes close by an edge [dB]: 6 at the edge, 0 beyond the Fresnel zone.

    boundary + 20 log10( sqrt(2 pi N) / tan sqrt(2 pi N) ) with the Fresnel number N of the detour by way of the edge.

    Args:
        detour: length by way of the edge less straight distance [m], >= 0.
        frequency_hz: frequency [Hz].
        boundary_db: loss of a path that touches the edge; all three broadcast.

    Source:
        Kurze and Anderson (1971), illuminated zone; as in L. L. Beranek, Noise and Vibration Control (1971), ch. 7.
    """
    root = np.sqrt(4.0 * np.pi * np.maximum(np.asarray(detour), 0.0) * np.asarray(frequency_hz) / SPEED_OF_SOUND)
    root = np.clip(root, _SMALL, _LIT_ROOT)
    return np.asarray(np.maximum(np.asarray(boundary_db) + 20.0 * np.log10(root / np.tan(root)), 0.0))


def shaded_gain(
    detour: npt.ArrayLike,
    reach: npt.ArrayLike,
    face_sine: npt.ArrayLike,
    extents: tuple[npt.ArrayLike, npt.ArrayLike],
    frequency_hz: npt.ArrayLike,
    boundary_db: npt.ArrayLike = BOUNDARY_DB,
) -> npt.NDArray[np.floating[Any]]:
    """Returns the pressure gain of a free path that passes close by an edge.

    `grazing_loss_db` for a long edge of which both ends of the path keep away. An end close to a face of the edge has
    its sound reflected there, too, which fills the shadow up by exp(-0.85 z - 0.3 z^2), z = sqrt(2 k L) sin(angle to
    the face), within 1.4 dB of the uniform theory. An edge hides what of the Fresnel zone it is long enough for.

    Args:
        detour: length by way of the edge less straight distance [m].
        reach: L = before * after / (before + after), the path's lengths on both sides of the edge [m].
        face_sine: sine of the smaller angle between a face and an end of the path, 1 = from a right angle on.
        extents: length of the edge to either side of the place that the path passes [m].
        frequency_hz: frequency [Hz].
        boundary_db: loss of a path that touches the edge; all broadcast.
    """
    frequency, lengths = np.asarray(frequency_hz, dtype=np.float64), np.asarray(reach, dtype=np.float64)
    wave = 2.0 * np.pi * frequency / SPEED_OF_SOUND
    face = np.sqrt(2.0 * wave * lengths) * np.asarray(face_sine)
    filled = np.exp(-0.85 * face - 0.3 * face**2)
    boundary = 10.0 ** (-np.asarray(boundary_db) / 20.0)
    boundary = boundary * (1.0 - filled) + filled
    gain = 10.0 ** (-grazing_loss_db(detour, frequency, -20.0 * np.log10(boundary)) / 20.0)
    zone = 0.5 * np.sqrt(SPEED_OF_SOUND / frequency * lengths)
    cover = sum(np.minimum(np.asarray(extent) / zone, 1.0) for extent in extents) / 2.0
    return np.asarray(1.0 - cover * (1.0 - gain))


def fresnel_transition(x: float | npt.ArrayLike) -> npt.NDArray[np.complexfloating[Any, Any]]:
    """Returns the transition function F(x) = 2 j sqrt(x) exp(jx) int_sqrt(x)^inf exp(-j t^2) dt, x >= 0.

    Source:
        R. G. Kouyoumjian and P. H. Pathak, Proc. IEEE 62, 1448 (1974).
    """
    value = np.asarray(x, dtype=np.float64)
    sine, cosine = fresnel(np.sqrt(2.0 * value / np.pi))
    rest = np.sqrt(np.pi / 2.0) * ((0.5 - cosine) - 1j * (0.5 - sine))
    return np.asarray(2j * np.sqrt(value) * np.exp(1j * value) * rest)


def wedge_loss_db(
    met: float, left: float, exterior: float, before: float, after: float, frequency_hz: npt.ArrayLike
) -> npt.NDArray[np.floating[Any]]:
    """Returns the loss of a path that bends around a rigid wedge, re free field at its own length [dB].

    Args:
        met: angle from the wedge's near face to the incoming path's origin [rad], 0..exterior.
        left: angle from that face to the outgoing path [rad], met + pi (the shadow boundary)..exterior.
        exterior: free angle around the edge [rad]: 2 pi = thin screen, 1.5 pi = right-angled corner.
        before: length of the path before the edge [m].
        after: length after it [m].
        frequency_hz: frequencies [Hz].

    Source:
        Kouyoumjian and Pathak (1974), eq. 25: D = -exp(-j pi/4) / (2 n sqrt(2 pi k)) sum cot((pi +- b)/2n) F(k L a(b)).
    """
    wave = 2.0 * np.pi * np.asarray(frequency_hz, dtype=np.float64) / SPEED_OF_SOUND
    n, reach = exterior / np.pi, before * after / (before + after)
    total = np.zeros(wave.shape, dtype=np.complex128)
    for beta in (left - met, left + met):
        for sign in (1.0, -1.0):
            turns = np.round((beta + sign * np.pi) / (2.0 * np.pi * n))
            a = 2.0 * np.cos((2.0 * np.pi * n * turns - beta) / 2.0) ** 2
            slope = np.tan((np.pi + sign * beta) / (2.0 * n))
            slope = slope if abs(slope) > _SMALL else -_SMALL  # just behind the shadow boundary
            total += fresnel_transition(wave * reach * max(a, _SMALL**2 * n**2 * 2.0)) / slope
    return np.asarray(-20.0 * np.log10(np.abs(total) / (2.0 * n * np.sqrt(2.0 * np.pi * wave * reach))))


def half_plane_loss_db(
    bend: float | npt.ArrayLike,
    before: float | npt.ArrayLike,
    after: float | npt.ArrayLike,
    frequency_hz: float | npt.ArrayLike,
) -> npt.NDArray[np.floating[Any]]:
    """Returns the loss of a bend around a thin rigid screen, met and left at equal angles, re its own length [dB].

    `wedge_loss_db` with n = 2 collapses to |F(X s^2) / s + F(X)| / (2 sqrt(pi X)), X = 2 k L, s = sin(bend / 2).

    Args:
        bend: angle by which the path turns [rad], 0..pi.
        before: length before the edge [m].
        after: length after it [m].
        frequency_hz: frequency [Hz]; all four broadcast.
    """
    one, two = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    reach = np.maximum(one * two / (one + two), _LEAST_REACH)
    zone = 4.0 * np.pi * np.asarray(frequency_hz) / SPEED_OF_SOUND * reach
    half = np.maximum(np.sin(np.clip(np.asarray(bend), 0.0, np.pi) / 2.0), _SMALL)
    total = fresnel_transition(zone * half**2) / half + fresnel_transition(zone)
    return np.asarray(-20.0 * np.log10(np.abs(total) / (2.0 * np.sqrt(np.pi * zone))))


def diffraction_model(name: str) -> int:
    """Returns the number of a diffraction model as kernels take it.

    Raises:
        ValueError: an unknown name.
    """
    if name not in DIFFRACTION_MODELS:
        raise name_error("diffraction", name, DIFFRACTION_MODELS)
    return DIFFRACTION_MODELS.index(name)
