"""Voices: what is said as sound. Synthetic speech of our own, in which no word can be understood, or real speech."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.sounds import Clip
from avi_env.sounds.clip import active_level, calibrated, resampled_loop
from avi_env.sounds.synthesis import FRAME_SECONDS, RATE
from avi_env.sounds.voices import speech_like

__all__ = ["SPEECH_DB", "phrase_syllables", "speech_clip"]

SPEECH_DB = 66.0
"""Level of a voice at 1 m [dB SPL]: raised speech. Source: ISO 9921:2003, table A.1."""

_LONGEST_PHRASE = 12  # syllables in a breath
_PURPOSE = 0x5FEC  # tells these streams from all others of the same seed


def speech_clip(text: str, voice: str, speaker: str, seed: int, sample_rate: int) -> Clip:
    """Returns somebody's saying a text, to be played once.

    Args:
        text: what is said.
        voice: "synthetic": our own sound of speech, as long as the text takes; "tts": real speech (extra `speech`).
        speaker: who says it: everybody has a voice of their own, if it is synthetic.
        seed: of the voices.
        sample_rate: [Hz], a multiple of 50.

    Raises:
        ImportError: real speech is asked for, and the extra is not installed.
        ValueError: a text without any word.
    """
    if not re.search(r"\w", text):
        raise ValueError(f"nothing can be said of {text!r}: give it words")
    return _speech_clip(text, voice, speaker, seed, sample_rate)


@lru_cache(maxsize=64)
def _speech_clip(text: str, voice: str, speaker: str, seed: int, sample_rate: int) -> Clip:
    if voice == "synthetic":
        words = np.frombuffer(f"{speaker}\n{text}".encode(), dtype=np.uint8).tolist()
        rng = np.random.default_rng([seed, _PURPOSE, *words])
        signal, rate = speech_like(rng, phrase_syllables(text)), RATE
    else:
        signal, rate = _spoken(text)
    frame = round(FRAME_SECONDS * rate)
    padded = np.concatenate([signal, np.zeros(-len(signal) % frame)])
    samples = resampled_loop(calibrated(padded, rate, SPEECH_DB), rate, sample_rate).astype(np.float32)
    return Clip(f"speech: {text}", samples, active_level(samples, sample_rate), sample_rate)


def phrase_syllables(text: str) -> tuple[int, ...]:
    """Returns the number of syllables of each phrase of a text: groups of vowels, between marks and breaths."""
    found = []
    for phrase in re.split(r"[.,;:!?\n]+", text):
        words = (re.sub(r"(?<=[^aeiouy])e$", "", word) for word in re.findall(r"\w+", phrase.lower()))
        count = sum(max(1, len(re.findall(r"[aeiouyäöü]+", word))) for word in words)
        while count > 0:
            found.append(min(count, _LONGEST_PHRASE))
            count -= _LONGEST_PHRASE
    return tuple(found)


def _spoken(text: str) -> tuple[npt.NDArray[np.float64], int]:
    """Returns real speech and its sample rate [Hz]: the voice that is in the package, so that nothing is fetched."""
    tts = _speaker()
    return np.asarray(tts(text), dtype=np.float64), int(tts.sample_rate)


@lru_cache(maxsize=1)
def _speaker() -> Any:
    try:
        from hibari import Hibari
    except ImportError as error:
        raise ImportError(
            "voice: tts needs hibari-tts, which is missing: pip install 'avi-env[speech]', or say voice: synthetic"
        ) from error
    return Hibari()
