"""What can happen in a scenario: one model for each word after `do:`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from avi_env.scenario.parts import Level, Name, Openness, Part, Place, Positive, Text, Whole

__all__ = [
    "EFFECTS",
    "DoorClose",
    "DoorOpen",
    "DoorSet",
    "Effect",
    "LightOff",
    "LightOn",
    "NoiseSet",
    "ObjectAppear",
    "ObjectFall",
    "ObjectRemove",
    "SoundMove",
    "SoundPlay",
    "SoundStart",
    "SoundStop",
    "SpeechSay",
]


class SoundStart(Part):
    """A sound begins, and repeats until it is stopped."""

    do: Literal["sound.start"] = "sound.start"
    source: Name
    """A source of world.sources, or an object, from which it then comes."""
    clip: Name
    """Class of sound, or a sound of a library or a file."""
    gain_db: Level = 0.0
    """Louder or softer than the clip is by itself [dB]."""
    variant: Whole = 0
    """Which variant of its class."""


class SoundPlay(Part):
    """A sound is played once, for the length of its clip."""

    do: Literal["sound.play"] = "sound.play"
    source: Name
    """A source of world.sources, or an object, from which it then comes."""
    clip: Name
    """Class of sound, or a sound of a library or a file."""
    gain_db: Level = 0.0
    """Louder or softer than the clip is by itself [dB]."""
    variant: Whole = 0
    """Which variant of its class."""


class SoundStop(Part):
    """A source falls silent; its reverberation rings out."""

    do: Literal["sound.stop"] = "sound.stop"
    source: Name
    """Which source."""


class SoundMove(Part):
    """A source is carried elsewhere, by the shortest way that can be walked."""

    do: Literal["sound.move"] = "sound.move"
    source: Name
    """Which source."""
    to: Place
    """Where it goes."""
    speed: Positive = 1.0
    """[m/s]"""


class SpeechSay(Part):
    """Somebody says something."""

    do: Literal["speech.say"] = "speech.say"
    speaker: Name
    """A source of world.sources, or an object."""
    text: Text
    """What is said."""
    voice: Literal["synthetic", "tts"] = Field(default="synthetic", validation_alias=AliasChoices("voice", "clip"))
    """synthetic = our own sound of speech, in which no word can be understood; tts = real speech (extra `speech`)."""
    gain_db: Level = 0.0
    """Louder or softer than raised speech [dB]."""


class DoorOpen(Part):
    """A door opens."""

    do: Literal["door.open"] = "door.open"
    door: Name
    """Which door: "door_2", or the rooms it joins, "kitchen_1/hallway_1"."""


class DoorClose(Part):
    """A door shuts."""

    do: Literal["door.close"] = "door.close"
    door: Name
    """Which door: "door_2", or the rooms it joins, "kitchen_1/hallway_1"."""


class DoorSet(Part):
    """A door turns to a given openness."""

    do: Literal["door.set"] = "door.set"
    door: Name
    """Which door: "door_2", or the rooms it joins, "kitchen_1/hallway_1"."""
    openness: Openness
    """0 = shut, 1 = wide open."""


class LightOn(Part):
    """The lamps of a room are switched on."""

    do: Literal["light.on"] = "light.on"
    room: Name
    """Which room."""


class LightOff(Part):
    """The lamps of a room are switched off."""

    do: Literal["light.off"] = "light.off"
    room: Name
    """Which room."""


class ObjectAppear(Part):
    """A hidden object of world.objects appears."""

    do: Literal["object.appear"] = "object.appear"
    object: Name
    """Which object."""


class ObjectRemove(Part):
    """An object of world.objects is gone."""

    do: Literal["object.remove"] = "object.remove"
    object: Name
    """Which object."""


class ObjectFall(Part):
    """An object of world.objects falls to the floor beside where it stands, is heard, and lies there."""

    do: Literal["object.fall"] = "object.fall"
    object: Name
    """Which object."""


class NoiseSet(Part):
    """The background noise changes its level."""

    do: Literal["noise.set"] = "noise.set"
    level_db: Level
    """[dB SPL]"""


Effect = Annotated[
    SoundStart
    | SoundPlay
    | SoundStop
    | SoundMove
    | SpeechSay
    | DoorOpen
    | DoorClose
    | DoorSet
    | LightOn
    | LightOff
    | ObjectAppear
    | ObjectRemove
    | ObjectFall
    | NoiseSet,
    Field(discriminator="do"),
]
"""Anything that can happen."""

EFFECTS: dict[str, type[Part]] = {
    model.model_fields["do"].default: model
    for model in (
        SoundStart,
        SoundPlay,
        SoundStop,
        SoundMove,
        SpeechSay,
        DoorOpen,
        DoorClose,
        DoorSet,
        LightOn,
        LightOff,
        ObjectAppear,
        ObjectRemove,
        ObjectFall,
        NoiseSet,
    )
}
"""Models of the effects by what stands after `do:`."""
