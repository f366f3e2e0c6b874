"""Clips from and to sound files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from avi_env.sounds.clip import Clip, active_level, calibrated, resampled_loop
from avi_env.sounds.synthesis import FRAME_SECONDS, RATE, Signal
from avi_env.whole_file import whole_file

__all__ = ["clip_from_file", "write_clip"]

_JOIN_SECONDS = 0.05
_LONGEST_SECONDS = 60.0


def clip_from_file(
    path: str | Path,
    spl_db: float,
    sample_rate: int = 16000,
    name: str = "",
    longest_seconds: float | None = None,
) -> Clip:
    """Reads a sound file as a clip: mixed to mono, its end crossfaded into its start, calibrated.

    Args:
        path: any file that libsndfile reads (WAV, FLAC, OGG, MP3).
        spl_db: level at 1 m over the active frames [dB SPL].
        sample_rate: [Hz], of the clip; a multiple of 50.
        name: name of the clip; the file's stem when empty.
        longest_seconds: of a longer file only so much of its beginning is read [s]; None = it must not exceed 60 s.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unreadable, empty, silent, shorter than 0.2 s or longer than 60 s.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no sound file at {path}")
    try:
        with soundfile.SoundFile(path) as file:
            rate, most = file.samplerate, longest_seconds or _LONGEST_SECONDS
            if file.frames > most * rate and longest_seconds is None:
                raise ValueError(f"{path} lasts {file.frames / rate:.2f} s: a clip must last 0.2 s to {most:g} s")
            samples = file.read(round(most * rate), dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"{path} is no readable sound file: {error}") from error
    mono = samples.mean(axis=1)
    if len(mono) < 0.2 * rate:
        raise ValueError(f"{path} lasts {len(mono) / rate:.2f} s: a clip must last 0.2 s to {_LONGEST_SECONDS:g} s")
    if not np.all(np.isfinite(mono)) or not np.isfinite(active_level(mono, rate)):
        raise ValueError(f"{path} is silent or contains NaN: it cannot be calibrated")
    unit = rate // math.gcd(rate, round(1 / FRAME_SECONDS))
    if len(mono) < 4 * unit:  # an odd rate, at which whole frames are too coarse
        mono, rate = resample_poly(mono, RATE, rate), RATE
    loop = _joined(mono, rate)
    resampled = resampled_loop(calibrated(loop, rate, spl_db), rate, sample_rate)
    return Clip(name or path.stem, resampled.astype(np.float32), spl_db, sample_rate)


def _joined(mono: Signal, rate: int) -> Signal:
    """Fades the end into the start; the loop that is left lasts whole frames, as it must at every sampling rate."""
    unit = rate // math.gcd(rate, round(1 / FRAME_SECONDS))
    join = min(round(_JOIN_SECONDS * rate), len(mono) // 4)
    count = (len(mono) - join) // unit * unit
    loop = mono[:count].copy()
    fade = np.sqrt((np.arange(join) + 0.5) / join)
    loop[:join] = loop[:join] * fade + mono[count : count + join] * fade[::-1]
    return loop


def write_clip(path: str | Path, clip: Clip) -> None:
    """Writes a clip as a 32-bit float WAV in linear pressure (1.0 RMS = 94 dB SPL), complete or not at all."""
    import soundfile

    with whole_file(path) as part:
        soundfile.write(part, clip.samples, clip.sample_rate, subtype="FLOAT", format="WAV")
