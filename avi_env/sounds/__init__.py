"""What sounds in the world: procedural classes, each a pure function of name and seed, calibrated in dB SPL."""

from __future__ import annotations

from avi_env.sounds.classes import (
    CLASS_OF_OBJECT,
    SOUND_CLASSES,
    SoundClass,
    make_clip,
    sound_classes,
    sound_phrase,
    sounds_of_object,
)
from avi_env.sounds.clip import Clip, active_level
from avi_env.sounds.files import clip_from_file, write_clip
from avi_env.sounds.schedule import Schedule, emissions

__all__ = [
    "CLASS_OF_OBJECT",
    "SOUND_CLASSES",
    "Clip",
    "Schedule",
    "SoundClass",
    "active_level",
    "clip_from_file",
    "emissions",
    "make_clip",
    "sound_classes",
    "sound_phrase",
    "sounds_of_object",
    "write_clip",
]
