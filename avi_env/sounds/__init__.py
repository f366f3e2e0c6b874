"""What sounds in the world: procedural classes, each a pure function of name and seed, calibrated in dB SPL."""

from __future__ import annotations

from avi_env.sounds.classes import (
    class_of_sound,
    make_clip,
    sound_classes,
    sound_phrase,
    sound_split,
    sound_variants,
    sounds_of_object,
)
from avi_env.sounds.clip import Clip, active_level
from avi_env.sounds.files import clip_from_file, write_clip
from avi_env.sounds.schedule import Schedule, emissions
from avi_env.sounds.table import CLASS_OF_OBJECT, SOUND_CLASSES, SoundClass

__all__ = [
    "CLASS_OF_OBJECT",
    "SOUND_CLASSES",
    "Clip",
    "Schedule",
    "SoundClass",
    "active_level",
    "class_of_sound",
    "clip_from_file",
    "emissions",
    "make_clip",
    "sound_classes",
    "sound_phrase",
    "sound_split",
    "sound_variants",
    "sounds_of_object",
    "write_clip",
]
