"""What sounds in the world: procedural classes, each a pure function of name and seed, calibrated in dB SPL."""

from __future__ import annotations

from avi_env.sounds.classes import (
    class_of_sound,
    emitters_of_sound,
    expand_sounds,
    make_clip,
    sound_classes,
    sound_phrase,
    sound_split,
    sound_variants,
    sounds_of_object,
)
from avi_env.sounds.clip import Clip, active_level
from avi_env.sounds.files import clip_from_file, write_clip
from avi_env.sounds.library import SoundLibrary, sound_library
from avi_env.sounds.schedule import Schedule, draw_schedule, emissions
from avi_env.sounds.table import CLASS_OF_OBJECT, SOUND_CLASSES, SoundClass

__all__ = [
    "CLASS_OF_OBJECT",
    "SOUND_CLASSES",
    "Clip",
    "Schedule",
    "SoundClass",
    "SoundLibrary",
    "active_level",
    "class_of_sound",
    "clip_from_file",
    "draw_schedule",
    "emissions",
    "emitters_of_sound",
    "expand_sounds",
    "make_clip",
    "sound_classes",
    "sound_library",
    "sound_phrase",
    "sound_split",
    "sound_variants",
    "sounds_of_object",
    "write_clip",
]
