"""Late reverberation as a sum of common slopes: non-negative energies per slope, cell and octave."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.field import DECAY_TIMES, EARLY_SECONDS

__all__ = ["remaining_energy", "slope_energies", "slope_table"]

FloatArray = npt.NDArray[np.float64]

_DECAY = 6.0 * np.log(10.0)  # 13.8155: 60 dB as an exponent of energy
_SWEEPS = 100
_DEPTH_DB = 35.0  # T30 reads down to here, from the first arrival on ...
_MARGIN_DB = 5.0  # ... deeper down by this much, errors count absolutely
_LEAST_DB = 12.0
_LONGER = 1.5  # times the longest reverberation time: slopes up to the next longer common one may take part
_BEYOND = 20  # points past the histogram's end at which the extrapolated decay is held, as far apart as two bins


def slope_table(bins: int, bin_seconds: float) -> FloatArray:
    """Returns the share of each slope's energy that falls into each bin, shape (bins, 12); DECAY_TIMES in order."""
    remaining = _slopes_at(np.arange(bins + 1) * bin_seconds)
    return np.asarray(remaining[:-1] - remaining[1:])


def _slopes_at(time: npt.NDArray[np.floating[Any]]) -> FloatArray:
    return np.asarray(np.exp(-_DECAY * time[:, None] / np.array(DECAY_TIMES)))


def remaining_energy(
    histogram: FloatArray, bin_seconds: float, longest: FloatArray | float = DECAY_TIMES[-1]
) -> tuple[FloatArray, FloatArray]:
    """Returns the energy still to come at the beginning of each bin, and at later times by extrapolation.

    What the histogram's end cuts off follows the decay of its last half.

    Args:
        histogram: energy per bin, shape (P, bins).
        bin_seconds: width of a bin [s].
        longest: greatest reverberation time that may occur [s], shape () or (P,).

    Returns:
        Times [s], shape (n,), and energies, shape (P, n); n exceeds the number of bins.
    """
    bins = histogram.shape[1]
    quarter = max(bins // 4, 1)
    last, before = histogram[:, -quarter:].sum(axis=1), histogram[:, -2 * quarter : -quarter].sum(axis=1)
    known = (last > 0.0) & (before > last)
    span = quarter * bin_seconds
    rate = np.log(np.where(known, before / np.where(known, last, 1.0), 1.0)) / span
    rate = np.clip(rate, _DECAY / np.maximum(longest, DECAY_TIMES[0]), _DECAY / DECAY_TIMES[0])
    beyond = last / np.expm1(rate * span)
    energy = np.cumsum(histogram[:, ::-1], axis=1)[:, ::-1] + beyond[:, None]
    later = np.arange(_BEYOND) * 2.0 * bin_seconds
    time = np.concatenate([np.arange(bins) * bin_seconds, bins * bin_seconds + later])
    return time, np.concatenate([energy, beyond[:, None] * np.exp(-rate[:, None] * later)], axis=1)


def slope_energies(
    histogram: FloatArray, bin_seconds: float, longest: FloatArray | float = DECAY_TIMES[-1]
) -> FloatArray:
    """Returns the energies of the common slopes that best explain energy histograms, non-negative.

    The slopes' decay curve is fitted to the histogram's, with errors relative to the curve itself: reverberation
    times are read from that curve, 35 dB down. What lies beyond the histogram's end belongs to the slopes too. Their
    sum is the whole energy: a decay between two of the common times would else begin up to 1 dB too loud.

    Args:
        histogram: energy per bin, shape (P, bins), P problems.
        bin_seconds: width of a bin [s].
        longest: greatest reverberation time that may occur [s], shape () or (P,): slopes clearly longer get nothing,
            so that a few late paths do not ring on for seconds.

    Returns:
        Energy of each slope from the histogram's beginning to infinity, shape (P, 12).

    Source:
        Common slopes: Goetz, Schlecht, Pulkki, J. Acoust. Soc. Am. 153 (2023).
    """
    total = histogram.sum(axis=1, keepdims=True)
    time, energy = remaining_energy(histogram / np.where(total > 0.0, total, 1.0), bin_seconds, longest)
    table = _slopes_at(time)
    weight = 1.0 / (energy + _floor(longest)) ** 2
    # Gram matrices per problem: G = A^T W A, b = A^T W e, with columns scaled to a unit diagonal.
    pairs = (table[:, :, None] * table[:, None, :]).reshape(len(time), -1)
    gram = (weight @ pairs).reshape(-1, len(DECAY_TIMES), len(DECAY_TIMES))
    scale = np.sqrt(np.einsum("pkk->pk", gram))
    gram /= scale[:, :, None] * scale[:, None, :]
    target = ((weight * energy) @ table) / scale
    allowed = np.array(DECAY_TIMES) <= _LONGER * np.maximum(np.reshape(longest, (-1, 1)), DECAY_TIMES[0])
    solution = _coordinate_descent(gram, np.where(allowed, target, -np.inf)) / scale
    solution *= energy[:, :1] / np.maximum(solution.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(np.where(total > 0.0, solution * total, 0.0))


def _floor(longest: FloatArray | float) -> FloatArray:
    """Returns the share of the late energy that T30 still reads, as the early field fell for 100 ms, shape (P, 1)."""
    fallen = 60.0 * EARLY_SECONDS / np.maximum(np.reshape(longest, (-1, 1)), DECAY_TIMES[0])
    return np.asarray(10.0 ** (-(np.maximum(_DEPTH_DB - fallen, _LEAST_DB) + _MARGIN_DB) / 10.0))


def _coordinate_descent(gram: FloatArray, target: FloatArray) -> FloatArray:
    """Solves min x^T G x / 2 - b^T x, x >= 0, for P problems at once; G has a unit diagonal."""
    rows = np.ascontiguousarray(np.moveaxis(gram, 0, -1))  # (K, K, P)
    slope = -np.ascontiguousarray(target.T)  # gradient at x = 0, (K, P)
    x = np.zeros_like(slope)
    for _ in range(_SWEEPS):
        for k in range(len(x)):
            step = np.maximum(x[k] - slope[k], 0.0) - x[k]  # -inf as a target keeps a slope at 0
            x[k] += step
            slope += rows[k] * step
    return np.asarray(x.T)
