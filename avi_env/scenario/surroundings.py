"""The world of a scenario: the house, its parameters, and what is brought into it."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from avi_env.scenario.parts import (
    Identifier,
    Level,
    Name,
    Number,
    Openness,
    Part,
    Place,
    Switch,
    Whole,
    fault,
    one_or_many,
)

__all__ = ["Parameter", "Prop", "World"]

Parameter = str | int | float | bool
"""A value that is put in for "${name}"."""


def _parameter(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise fault("a parameter is a text, a number, true or false, or a list of such values to sweep over")
    return value


Scalar = Annotated[Parameter, BeforeValidator(_parameter)]


class Prop(Part):
    """A thing that the scenario brings into the house."""

    category: Name
    """Category of the furniture catalogue."""
    place: Place
    """Where it stands."""
    hidden: Switch = False
    """Whether it is not there before `object.appear`."""
    yaw_deg: Number = 0.0
    """Which way it faces: counter-clockwise seen from above [deg]."""


class World(Part):
    """The house, and how everything stands in it at first."""

    scene: Annotated[
        Annotated[Name, Tag("one")]
        | Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=200), Tag("many")],
        Discriminator(one_or_many),
    ]
    """Name or path of a scene, "house:7"; a list is a sweep."""
    seed: Annotated[
        Annotated[Whole, Tag("one")]
        | Annotated[tuple[Whole, ...], Field(strict=False, min_length=1, max_length=200), Tag("many")],
        Discriminator(one_or_many),
    ] = 0
    """Everything that is drawn is drawn from it; a list is a sweep."""
    params: dict[
        Identifier,
        Annotated[
            Annotated[Scalar, Tag("one")]
            | Annotated[tuple[Scalar, ...], Field(strict=False, min_length=1, max_length=200), Tag("many")],
            Discriminator(one_or_many),
        ],
    ] = {}  # noqa: RUF012 - pydantic copies it
    """Values that "${name}" stands for elsewhere in the file; lists are sweeps."""
    sources: dict[Identifier, Place] = {}  # noqa: RUF012
    """Places from which sounds and voices come, by name."""
    objects: dict[Identifier, Prop] = {}  # noqa: RUF012
    """Things that are not in the house by themselves, by name."""
    doors: dict[Name, Openness] = {}  # noqa: RUF012
    """How doors stand at first."""
    lights: dict[Name, Literal["on", "off"]] = {}  # noqa: RUF012
    """In which rooms the lamps are on or off at first."""
    noise_db: Level | None = None
    """Level of the background noise [dB SPL]; without it, what the scene has."""
