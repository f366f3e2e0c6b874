"""The table of sound classes: what makes each sound, how loud it is at 1 m and which objects may emit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from avi_env.content import name_error
from avi_env.sounds import impacts, machines, tones, voices
from avi_env.sounds.clip import Clip, calibrated, resampled_loop
from avi_env.sounds.synthesis import FRAME_SECONDS, RATE, Signal, sound_stream

__all__ = [
    "CLASS_OF_OBJECT",
    "SOUND_CLASSES",
    "SoundClass",
    "make_clip",
    "sound_classes",
    "sound_phrase",
    "sounds_of_object",
]

_LOWEST_RATE = 8000


class SoundClass(NamedTuple):
    """One row of the table of sound classes."""

    synthesise: Callable[[np.random.Generator], Signal]
    """Makes one loop at 48 kHz, of any level, from a random stream."""
    spl_db: float
    """Level at 1 m over the active frames [dB SPL]."""
    emitters: tuple[str, ...]
    """Categories of objects that may emit it, the most natural first."""
    phrase: str
    """What a person calls the thing that sounds, without article, for questions and prompts: "ringing phone"."""


SOUND_CLASSES: Mapping[str, SoundClass] = MappingProxyType(
    {
        "phone": SoundClass(tones.phone, 75.0, ("phone",), "ringing phone"),
        "alarm_clock": SoundClass(tones.alarm_clock, 75.0, ("alarm_clock",), "beeping alarm clock"),
        "dripping_tap": SoundClass(impacts.dripping_tap, 45.0, ("sink", "bathtub"), "dripping tap"),
        "kettle": SoundClass(machines.kettle, 72.0, ("kettle",), "whistling kettle"),
        "smoke_alarm": SoundClass(tones.smoke_alarm, 85.0, ("smoke_alarm",), "beeping smoke alarm"),
        "door_knock": SoundClass(impacts.door_knock, 70.0, ("door", "front_door"), "knocking on a door"),
        "dog_bark": SoundClass(voices.dog_bark, 85.0, ("dog",), "barking dog"),
        "vacuum_cleaner": SoundClass(machines.vacuum_cleaner, 72.0, ("vacuum_cleaner",), "humming vacuum cleaner"),
        "music_box": SoundClass(tones.music_box, 60.0, ("music_box",), "playing music box"),
        "footsteps": SoundClass(impacts.footsteps, 55.0, ("person",), "walking person"),
        "washing_machine": SoundClass(machines.washing_machine, 60.0, ("washing_machine",), "running washing machine"),
        "speech_babble": SoundClass(voices.speech_babble, 62.0, ("person", "radio", "television"), "babble of voices"),
        "doorbell": SoundClass(tones.doorbell, 75.0, ("doorbell",), "ringing doorbell"),
        "clock_tick": SoundClass(impacts.clock_tick, 40.0, ("clock",), "ticking clock"),
        "baby_cry": SoundClass(voices.baby_cry, 85.0, ("crib",), "crying baby"),
        "piano": SoundClass(tones.piano, 72.0, ("piano",), "playing piano"),
        "cat_meow": SoundClass(voices.cat_meow, 68.0, ("cat",), "meowing cat"),
        "canary": SoundClass(voices.canary, 68.0, ("birdcage",), "singing canary"),
        "shower": SoundClass(machines.shower, 65.0, ("shower",), "running shower"),
        "frying_pan": SoundClass(machines.frying_pan, 58.0, ("stove",), "sizzling frying pan"),
    }
)
"""All sound classes by name."""

CLASS_OF_OBJECT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: row.emitters for name, row in SOUND_CLASSES.items()}
)
"""Sound class -> categories of objects that may emit it. The one place that says so."""


def sound_classes() -> tuple[str, ...]:
    """Returns the names of all sound classes."""
    return tuple(SOUND_CLASSES)


def sounds_of_object(category: str) -> tuple[str, ...]:
    """Returns the sound classes that objects of a category may emit; empty when they are silent."""
    return tuple(name for name, categories in CLASS_OF_OBJECT.items() if category in categories)


def sound_phrase(name: str) -> str:
    """Returns what a person calls the thing that sounds, without article: "ringing phone".

    Raises:
        ValueError: unknown name; the message names the nearest one.
    """
    return _row(name).phrase


def make_clip(name: str, seed: int = 0, sample_rate: int = 16000) -> Clip:
    """Returns a variant of a sound class as a seamless, calibrated loop: a pure function of its arguments.

    The same (name, seed) is the same sound at every sampling rate, band-limited to it.

    Args:
        name: one of `sound_classes()`.
        seed: which variant, >= 0.
        sample_rate: [Hz]; a multiple of 50 from 8000 up.

    Raises:
        ValueError: unknown name (the message names the nearest one), negative seed or unusable sampling rate.
    """
    _row(name)
    frames = round(1.0 / FRAME_SECONDS)
    if sample_rate < _LOWEST_RATE or sample_rate % frames:
        raise ValueError(f"sample_rate must be a multiple of {frames} Hz from {_LOWEST_RATE} up, not {sample_rate}")
    return _clip(name, int(seed), int(sample_rate))


def _row(name: str) -> SoundClass:
    if name not in SOUND_CLASSES:
        raise name_error("sound class", name, SOUND_CLASSES)
    return SOUND_CLASSES[name]


@lru_cache(maxsize=64)
def _clip(name: str, seed: int, sample_rate: int) -> Clip:
    row = SOUND_CLASSES[name]
    loop = calibrated(row.synthesise(sound_stream(name, seed)), RATE, row.spl_db)
    samples = resampled_loop(loop, RATE, sample_rate)
    return Clip(name, samples.astype(np.float32), row.spl_db, sample_rate)
