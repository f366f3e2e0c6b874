"""Sounds by name: clips of classes and their variants, splits into heard and unheard, who emits what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy

from avi_env.array_cache import cache_key, read_arrays, write_arrays
from avi_env.content import name_error
from avi_env.sounds.clip import Clip, calibrated, resampled_loop
from avi_env.sounds.library import LibraryClass, sound_library
from avi_env.sounds.synthesis import FRAME_SECONDS, RATE, sound_stream
from avi_env.sounds.table import CLASS_OF_OBJECT, SOUND_CLASSES, SPLITS, SoundClass

__all__ = [
    "class_of_sound",
    "emitters_of_sound",
    "expand_sounds",
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
    """Returns the class of a sound: "phone" of "phone/marimba".

    Of "my/folder:dog/rex.wav" it is the class of our own table that it is like, "dog_bark", or its own name "dog" where
    it is like none of ours.

    Raises:
        ValueError: no such folder, class or file.
    """
    folder, colon, within = name.rpartition(":")
    if colon:
        found = _library_class(folder, within)
        return found.sounds_like or found.name
    return name.partition("/")[0]


def expand_sounds(names: Sequence[str]) -> tuple[str, ...]:
    """Returns names that `make_clip` takes for what a user may ask for.

    Args:
        names: classes ("phone"), variants ("phone/marimba"), splits ("split:test" by variant, "split:test:class" by
            class), folders of sounds ("my/sounds"), their classes ("my/sounds:dog") and files
            ("my/sounds:dog/rex.wav"), splits of them ("my/sounds:split:test").

    Raises:
        ValueError: an unknown name, with the nearest known one; a folder or a split of it without sounds.
    """
    found: list[str] = []
    for name in names:
        if name.startswith("split:"):
            _, split, by = (*name.split(":"), "variant")[:3]
            found += (f"{kind}/{variant}" for kind, variant in sound_split(split, by))
        elif ":split:" in name:
            folder, _, split = name.partition(":split:")
            chosen = sound_library(folder).select(split=split)
            if not chosen:
                raise ValueError(f"{folder} has no sounds of the split {split!r}: its layout or folders give none")
            found += (sound.name for sound in chosen)
        elif Path(name).is_dir():
            found += (f"{name}:{kind}" for kind in sound_library(name).classes)
        else:
            sound_phrase(name)
            found.append(name)
    return tuple(dict.fromkeys(found))


def emitters_of_sound(name: str) -> tuple[str, ...]:
    """Returns the categories of objects that may emit a sound; empty = it sounds without a body.

    Raises:
        ValueError: unknown name; the message names the nearest one.
    """
    folder, colon, kind = name.rpartition(":")
    if colon:
        return _library_class(folder, kind).emitters
    return _row(class_of_sound(name)).emitters


def sounds_of_object(category: str) -> tuple[str, ...]:
    """Returns the sound classes that objects of a category may emit; empty when they are silent."""
    return tuple(name for name, categories in CLASS_OF_OBJECT.items() if category in categories)


def sound_phrase(name: str) -> str:
    """Returns what a person calls the thing that sounds, without article: "ringing phone".

    Raises:
        ValueError: unknown name; the message names the nearest one.
    """
    folder, colon, kind = name.rpartition(":")
    if colon:
        return _library_class(folder, kind).phrase
    kind, slash, variant = name.partition("/")
    row = _row(kind)
    if slash and variant not in row.variants:
        raise name_error(f"variant of {kind}", variant, row.variants)
    return row.phrase


def make_clip(name: str, seed: int = 0, sample_rate: int = 16000, variant: str | None = None) -> Clip:
    """Returns a sound as a seamless, calibrated loop: a pure function of its arguments.

    The same (name, variant, seed) is the same sound at every sampling rate, band-limited to it.

    Args:
        name: one of `sound_classes()`, "class/variant", or of a folder of sounds "folder:class", "folder:class/file".
        seed: which one of its kind, >= 0.
        sample_rate: [Hz]; a multiple of 50 from 8000 up.
        variant: one of `sound_variants(name)`; None = the one that the name holds, else number seed mod n of the n
            variants for training.

    Raises:
        ValueError: unknown name or variant (the message names the nearest one), negative seed or unusable rate.
    """
    frames = round(1.0 / FRAME_SECONDS)
    if sample_rate < _LOWEST_RATE or sample_rate % frames:
        raise ValueError(f"sample_rate must be a multiple of {frames} Hz from {_LOWEST_RATE} up, not {sample_rate}")
    folder, colon, within = name.rpartition(":")
    if colon:
        return _library_clip(folder, within, int(seed), int(sample_rate))
    kind, slash, named = name.partition("/")
    row = _row(kind)
    if slash and variant not in (None, named):
        raise ValueError(f"sound {name!r} names its variant: leave out variant={variant!r}")
    chosen = named if slash else variant
    if chosen is None:
        chosen = row.heard[int(seed) % len(row.heard)]
    if chosen not in row.variants:
        raise name_error(f"variant of {kind}", chosen, row.variants)
    return _clip(kind, chosen, int(seed), int(sample_rate))


def _row(name: str) -> SoundClass:
    if name not in SOUND_CLASSES:
        raise name_error("sound class", name, SOUND_CLASSES)
    return SOUND_CLASSES[name]


def _library_class(folder: str, name: str) -> LibraryClass:
    library = sound_library(folder)
    return library.classes[library.pick(name).sound_class]


@lru_cache(maxsize=16)
def _library_clip(folder: str, name: str, seed: int, sample_rate: int) -> Clip:
    return sound_library(folder).clip(name, seed, sample_rate)


@lru_cache(maxsize=16)
def _clip(name: str, variant: str, seed: int, sample_rate: int) -> Clip:
    """Returns a clip, from disk where it was made before: some take a second."""
    key = cache_key(("sounds",), name, variant, seed, sample_rate, scipy.__version__)
    kept = read_arrays("sounds", key)
    samples = _synthesised(name, variant, seed, sample_rate) if kept is None else kept["samples"]
    if kept is None:
        write_arrays("sounds", key, {"samples": samples})
    return Clip(f"{name}/{variant}", samples, SOUND_CLASSES[name].spl_db, sample_rate)


def _synthesised(name: str, variant: str, seed: int, sample_rate: int) -> npt.NDArray[np.float32]:
    row = SOUND_CLASSES[name]
    # The first variant draws from the class's own stream: the sounds from before there were variants stay as they were.
    stream = sound_stream(name if variant == next(iter(row.variants)) else f"{name}/{variant}", seed)
    loop = calibrated(row.synthesise(stream, **row.variants[variant].settings), RATE, row.spl_db)
    return resampled_loop(loop, RATE, sample_rate).astype(np.float32)
