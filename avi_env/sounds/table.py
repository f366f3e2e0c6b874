"""The table of sound classes, read from classes.toml: what makes each, how loud it is, who emits it, its variants."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from avi_env.content import package_file
from avi_env.sounds import appliances, impacts, instruments, machines, objects, people, tones, voices, water
from avi_env.sounds.synthesis import Signal

__all__ = ["CLASS_OF_OBJECT", "FAMILIES", "SOUND_CLASSES", "SPLITS", "SoundClass", "Variant"]

SPLITS = ("train", "val", "test")
"""Splits of classes and of variants; what is not for training is unheard."""

FAMILIES = ("impulsive", "tonal", "noisy", "rhythmic", "intermittent", "speech-like")
"""What a class is like: short knocks, pitched, noise, an even beat, on and off, voices."""

_MODULES = (appliances, impacts, instruments, machines, objects, people, tones, voices, water)
"""Where the function named as the class is."""


class Variant(NamedTuple):
    """One kind of thing of a sound class: a shepherd among the dogs."""

    split: str
    """"train", "val" or "test", where variants are held out."""
    settings: Mapping[str, Any]
    """Keywords of the function that makes the class: what this variant changes."""


class SoundClass(NamedTuple):
    """One row of the table of sound classes."""

    synthesise: Callable[..., Signal]
    """Makes one loop at 48 kHz, of any level, from a random stream and the settings of a variant."""
    spl_db: float
    """Level at 1 m over the active frames [dB SPL]."""
    emitters: tuple[str, ...]
    """Categories of objects that may emit it, the most natural first."""
    phrase: str
    """What a person calls the thing that sounds, without article, for questions and prompts: "ringing phone"."""
    family: str
    """One of `FAMILIES`."""
    level_origin: str
    """Where the level comes from: a standard, energy labels of such machines, or our judgement ("typical")."""
    made: str
    """How it is made."""
    split: str
    """"train", "val" or "test", where whole classes are held out."""
    also: tuple[str, ...]
    """What ESC-50, FSD50K and SoundSpaces call it, in lower case."""
    variants: Mapping[str, Variant]
    """By name, those of "train" first."""

    @property
    def heard(self) -> tuple[str, ...]:
        """Variants for training: a seed alone chooses among them."""
        return tuple(name for name, variant in self.variants.items() if variant.split == "train")


def _read_classes() -> dict[str, SoundClass]:
    with package_file("sounds/classes.toml").open("rb") as file:
        table = tomllib.load(file)
    return {name: _read_class(name, row) for name, row in table.items()}


def _read_class(name: str, row: Mapping[str, Any]) -> SoundClass:
    variants = {
        variant: Variant(split, MappingProxyType({key: _frozen(value) for key, value in settings.items()}))
        for split in SPLITS
        for variant, settings in row[split].items()
    }
    return SoundClass(
        next(getattr(module, name) for module in _MODULES if name in module.__all__),
        float(row["spl_db"]),
        tuple(row["emitters"]),
        row["phrase"],
        row["family"],
        row["level"],
        row["made"],
        row["class_split"],
        tuple(row.get("also", ())),
        MappingProxyType(variants),
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


SOUND_CLASSES: Mapping[str, SoundClass] = MappingProxyType(_read_classes())
"""All sound classes by name."""

CLASS_OF_OBJECT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: row.emitters for name, row in SOUND_CLASSES.items()}
)
"""Sound class -> categories of objects that may emit it. The one place that says so."""
