"""Clips from and to sound files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from avi_env.sounds.clip import Clip, active_level, calibrated, resampled_loop
from avi_env.sounds.synthesis import FRAME_SECONDS, Signal
from avi_env.whole_file import whole_file

__all__ = ["clip_from_file", "write_clip"]

_JOIN_SECONDS = 0.05
_LONGEST_SECONDS = 60.0


def clip_from_file(path: str | Path, spl_db: float, sample_rate: int = 16000, name: str = "") -> Clip:
    """Reads a sound file as a clip: mixed to mono, its end crossfaded into its start, calibrated.

    Args:
        path: any file that libsndfile reads (WAV, FLAC, OGG, MP3).
        spl_db: level at 1 m over the active frames [dB SPL].
        sample_rate: [Hz], of the clip; a multiple of 50.
        name: name of the clip; the file's stem when empty.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unreadable, empty, silent, shorter than 0.2 s or longer than 60 s.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no sound file at {path}")
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"{path} is no readable sound file: {error}") from error
    mono = samples.mean(axis=1)
    if not 0.2 <= len(mono) / rate <= _LONGEST_SECONDS:
        raise ValueError(f"{path} lasts {len(mono) / rate:.2f} s: a clip must last 0.2 s to {_LONGEST_SECONDS:g} s")
    if not np.all(np.isfinite(mono)) or not np.isfinite(active_level(mono, rate)):
        raise ValueError(f"{path} is silent or contains NaN: it cannot be calibrated")
    loop = _joined(mono, rate)
    resampled = resampled_loop(calibrated(loop, rate, spl_db), rate, sample_rate)
    return Clip(name or path.stem, resampled.astype(np.float32), spl_db, sample_rate)


def _joined(mono: Signal, rate: int) -> Signal:
    """Fades the end into the start; the loop that is left lasts whole frames, as it must at every sampling rate."""
    unit = rate // math.gcd(rate, round(1 / FRAME_SECONDS))
    join = min(round(_JOIN_SECONDS * rate), len(mono) // 4)
    count = (len(mono) - join) // unit * unit
    if not count:
        raise ValueError(f"a sampling rate of {rate} Hz leaves no whole frame: convert the file to 16, 44.1 or 48 kHz")
    loop = mono[:count].copy()
    fade = np.sqrt((np.arange(join) + 0.5) / join)
    loop[:join] = loop[:join] * fade + mono[count : count + join] * fade[::-1]
    return loop


def write_clip(path: str | Path, clip: Clip) -> None:
    """Writes a clip as a 32-bit float WAV in linear pressure (1.0 RMS = 94 dB SPL), complete or not at all."""
    import soundfile

    with whole_file(path) as part:
        soundfile.write(part, clip.samples, clip.sample_rate, subtype="FLOAT", format="WAV")
