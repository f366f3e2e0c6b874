"""Sounds by name: clips of classes and their variants, splits into heard and unheard, who emits what."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from avi_env.content import name_error
from avi_env.sounds.clip import Clip, calibrated, resampled_loop
from avi_env.sounds.synthesis import FRAME_SECONDS, RATE, sound_stream
from avi_env.sounds.table import CLASS_OF_OBJECT, SOUND_CLASSES, SPLITS, SoundClass

__all__ = [
    "class_of_sound",
    "make_clip",
    "sound_classes",
    "sound_phrase",
    "sound_split",
    "sound_variants",
    "sounds_of_object",
]

_LOWEST_RATE = 8000
_PARTS = {**{split: (split,) for split in SPLITS}, "heard": ("train",), "unheard": ("val", "test")}


def sound_classes() -> tuple[str, ...]:
    """Returns the names of all sound classes."""
    return tuple(SOUND_CLASSES)


def sound_variants(name: str) -> tuple[str, ...]:
    """Returns the names of a class's variants, those for training first.

    Raises:
        ValueError: unknown name; the message names the nearest one.
    """
    return tuple(_row(name).variants)


def sound_split(split: str, by: str = "variant") -> tuple[tuple[str, str], ...]:
    """Returns the sounds (class, variant) of a split, in the order of the table.

    Args:
        split: "train", "val", "test", "heard" (= train) or "unheard" (= val and test).
        by: "variant": every class has variants in each split; "class": whole classes are held out, with all of theirs.

    Raises:
        ValueError: another split or way of splitting.
    """
    if split not in _PARTS:
        raise name_error("split of sounds", split, _PARTS)
    if by not in ("variant", "class"):
        raise name_error("way of splitting sounds", by, ("variant", "class"))
    return tuple(
        (name, variant)
        for name, row in SOUND_CLASSES.items()
        for variant, entry in row.variants.items()
        if (entry.split if by == "variant" else row.split) in _PARTS[split]
    )


def class_of_sound(name: str) -> str:
    """Returns the class of a sound: "phone" of "phone/marimba"."""
    return name.partition("/")[0]


def sounds_of_object(category: str) -> tuple[str, ...]:
    """Returns the sound classes that objects of a category may emit; empty when they are silent."""
    return tuple(name for name, categories in CLASS_OF_OBJECT.items() if category in categories)


def sound_phrase(name: str) -> str:
    """Returns what a person calls the thing that sounds, without article: "ringing phone".

    Raises:
        ValueError: unknown name; the message names the nearest one.
    """
    return _row(class_of_sound(name)).phrase


def make_clip(name: str, seed: int = 0, sample_rate: int = 16000, variant: str | None = None) -> Clip:
    """Returns a sound as a seamless, calibrated loop: a pure function of its arguments.

    The same (name, variant, seed) is the same sound at every sampling rate, band-limited to it.

    Args:
        name: one of `sound_classes()`, or "class/variant".
        seed: which one of its kind, >= 0.
        sample_rate: [Hz]; a multiple of 50 from 8000 up.
        variant: one of `sound_variants(name)`; None = the one that the name holds, else number seed mod n of the n
            variants for training.

    Raises:
        ValueError: unknown name or variant (the message names the nearest one), negative seed or unusable rate.
    """
    kind, slash, named = name.partition("/")
    row = _row(kind)
    if slash and variant not in (None, named):
        raise ValueError(f"sound {name!r} names its variant: leave out variant={variant!r}")
    chosen = named if slash else variant
    if chosen is None:
        chosen = row.heard[int(seed) % len(row.heard)]
    if chosen not in row.variants:
        raise name_error(f"variant of {kind}", chosen, row.variants)
    frames = round(1.0 / FRAME_SECONDS)
    if sample_rate < _LOWEST_RATE or sample_rate % frames:
        raise ValueError(f"sample_rate must be a multiple of {frames} Hz from {_LOWEST_RATE} up, not {sample_rate}")
    return _clip(kind, chosen, int(seed), int(sample_rate))


def _row(name: str) -> SoundClass:
    if name not in SOUND_CLASSES:
        raise name_error("sound class", name, SOUND_CLASSES)
    return SOUND_CLASSES[name]


@lru_cache(maxsize=64)
def _clip(name: str, variant: str, seed: int, sample_rate: int) -> Clip:
    row = SOUND_CLASSES[name]
    # The first variant draws from the class's own stream: the sounds from before there were variants stay as they were.
    stream = sound_stream(name if variant == next(iter(row.variants)) else f"{name}/{variant}", seed)
    loop = calibrated(row.synthesise(stream, **row.variants[variant].settings), RATE, row.spl_db)
    samples = resampled_loop(loop, RATE, sample_rate)
    return Clip(f"{name}/{variant}", samples.astype(np.float32), row.spl_db, sample_rate)
