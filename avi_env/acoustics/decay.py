"""Late reverberation as a sum of common slopes: non-negative energies per slope, cell and octave."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.field import DECAY_TIMES

__all__ = ["slope_energies", "slope_table"]

FloatArray = npt.NDArray[np.float64]

_DECAY = 6.0 * np.log(10.0)  # 13.8155: 60 dB as an exponent of energy
_SWEEPS = 200
_FLOOR = 10.0**-3.5  # energies this far below the largest bin are as uncertain as this one


def slope_table(bins: int, bin_seconds: float) -> FloatArray:
    """Returns the share of each slope's energy that falls into each bin, shape (bins, 12); DECAY_TIMES in order."""
    edge = np.arange(bins + 1)[:, None] * bin_seconds
    remaining = np.exp(-_DECAY * edge / np.array(DECAY_TIMES))
    return np.asarray(remaining[:-1] - remaining[1:])


def slope_energies(histogram: FloatArray, bin_seconds: float) -> FloatArray:
    """Returns the energies of the common slopes that best explain energy histograms, non-negative.

    Errors are weighed relative to the energy itself, so that the tail counts as much as the beginning: reverberation
    times are read 35 dB down. What lies beyond the histogram's end belongs to the slopes: nothing is cut off.

    Args:
        histogram: energy per bin, shape (P, bins), P problems.
        bin_seconds: width of a bin [s].

    Returns:
        Energy of each slope from the histogram's beginning to infinity, shape (P, 12).

    Source:
        Common slopes: Goetz, Schlecht, Pulkki, J. Acoust. Soc. Am. 153 (2023).
    """
    problems, bins = histogram.shape
    table = slope_table(bins, bin_seconds)
    largest = histogram.max(axis=1, keepdims=True)
    weight = 1.0 / np.maximum(histogram + _FLOOR * largest, 1e-300) ** 2
    # Gram matrices per problem: G = A^T W A, b = A^T W h, with columns scaled to a unit diagonal.
    pairs = (table[:, :, None] * table[:, None, :]).reshape(bins, -1)
    gram = (weight @ pairs).reshape(problems, len(DECAY_TIMES), len(DECAY_TIMES))
    target = (weight * histogram) @ table
    scale = np.sqrt(np.einsum("pkk->pk", gram))
    scale = np.where(scale > 0.0, scale, 1.0)
    gram /= scale[:, :, None] * scale[:, None, :]
    solution = _coordinate_descent(gram, target / scale) / scale
    return np.where(largest > 0.0, solution, 0.0)


def _coordinate_descent(gram: FloatArray, target: FloatArray) -> FloatArray:
    """Solves min x^T G x / 2 - b^T x, x >= 0, for P problems at once; G has a unit diagonal."""
    rows = np.ascontiguousarray(np.moveaxis(gram, 0, -1))  # (K, K, P)
    slope = -np.ascontiguousarray(target.T)  # gradient at x = 0, (K, P)
    x = np.zeros_like(slope)
    for _ in range(_SWEEPS):
        for k in range(len(x)):
            step = np.maximum(x[k] - slope[k], 0.0) - x[k]
            x[k] += step
            slope += rows[k] * step
    return x.T
