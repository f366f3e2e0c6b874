"""Level of sound that bends around edges, after Kurze and Anderson."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import SPEED_OF_SOUND

__all__ = ["FARTHEST_RATIO", "LOSS_CAP_DB", "diffraction_loss_db", "kurze_anderson_db"]

LOSS_CAP_DB = 30.0
"""Largest loss of a bent path re its own length [dB]: beyond, scattering that the formula leaves out dominates.

Source: Kurze and Anderson (1971) give 24 dB for thin screens outdoors; 25 to 30 dB are usual indoors.
"""

FARTHEST_RATIO = 1.5
"""Ratio of bent to straight length up to which the formula holds.

Re the path's length its loss is largest at 1.5 (a bend of 96 degrees) and falls beyond, though no path gets louder by
bending further: d/dr [(r - 1) / r^3] = 0 at r = 3/2. Larger ratios count as this one, which stays within 2.5 dB of the
uniform theory of diffraction up to a bend of 180 degrees.
"""

_LEAST_LENGTH = 0.1  # [m], as for the direct sound
_SMALL = 1e-6


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

    Args:
        length: length of the bent path [m].
        distance: straight distance between its ends [m].
        frequency_hz: frequency [Hz]; all three broadcast.
    """
    bent = np.maximum(np.asarray(length, dtype=np.float64), _LEAST_LENGTH)
    straight = np.minimum(np.maximum(np.asarray(distance, dtype=np.float64), bent / FARTHEST_RATIO), bent)
    loss = kurze_anderson_db(bent - straight, frequency_hz) - 20.0 * np.log10(bent / straight)
    return np.asarray(np.minimum(loss, LOSS_CAP_DB))
