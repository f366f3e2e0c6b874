"""The chirp of an agent that listens for echoes."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.clip import Clip

__all__ = ["make_chirp"]

_SECONDS = 0.005  # mouth clicks of blind people who echolocate last about 3 ms (Thaler et al. 2017, PLoS Comput. Biol.)
_LOWEST, _HIGHEST = 1000.0, 7000.0  # [Hz]: the band in which a head hears directions, below Nyquist at 16 kHz
_PEAK_DB = 90.0  # [dB SPL] at 1 m, mean over the sweep: loud enough that a wall 5 m away answers with 70 dB


def make_chirp(period: float, sample_rate: int = 16000) -> Clip:
    """Returns a falling 5 ms sweep, 7 to 1 kHz, and silence until the next one.

    Args:
        period: time from one chirp to the next [s], longer than the sweep.
        sample_rate: [Hz], from 16000 up.

    Raises:
        ValueError: too short a period or too low a rate.
    """
    count, sweep = round(period * sample_rate), round(_SECONDS * sample_rate)
    if count <= sweep or sample_rate < 2 * _HIGHEST:
        raise ValueError(
            f"chirps of {1000 * _SECONDS:g} ms up to {_HIGHEST:g} Hz need a longer period than {period:g} s and a rate "
            f"of at least {2 * _HIGHEST:g} Hz, not {sample_rate}"
        )
    time = (np.arange(sweep) + 0.5) / sample_rate
    phase = 2 * np.pi * (_HIGHEST * time - (_HIGHEST - _LOWEST) * time**2 / (2 * _SECONDS))
    shape = np.sin(phase) * np.sin(np.pi * time / _SECONDS) ** 2
    samples = np.zeros(count)
    samples[:sweep] = shape * 10.0 ** ((_PEAK_DB - 94.0) / 20.0) / np.sqrt(np.mean(shape**2))
    return Clip("chirp", samples.astype(np.float32), _PEAK_DB, sample_rate)
