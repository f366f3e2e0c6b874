"""What the models of a scenario are made of: their one base, checked types, and places in a house."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "Identifier",
    "Level",
    "Name",
    "Number",
    "Openness",
    "Part",
    "Place",
    "Positive",
    "Seconds",
    "Start",
    "Switch",
    "Text",
    "Whole",
    "fault",
    "nearest",
    "one_or_many",
]


class Part(BaseModel):
    """Base of all parts of a scenario: nothing in them changes, and a key that they do not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def fault(message: str) -> PydanticCustomError:
    """Returns an error with a message of our own."""
    return PydanticCustomError("scenario", "{message}", {"message": message})


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Returns the hint " Did you mean 'x'?", or "" where nothing known is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f" Did you mean {near[0]!r}?" if near else ""


def one_or_many(value: Any) -> str:
    """Returns which of the two forms of a field is meant, for what may be one value or a list to sweep over."""
    return "many" if isinstance(value, list | tuple) else "one"


def _openness(value: Any) -> Any:
    words = {"open": 1.0, "shut": 0.0}
    if isinstance(value, str):
        if value not in words:
            raise fault(f"must be open, shut, or how far it is open from 0 to 1, got {value!r}.{nearest(value, words)}")
        return words[value]
    return value


Text = Annotated[str, Field(strict=True, max_length=4000)]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=400)]
Identifier = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80)]
Number = Annotated[float, Field(strict=True, ge=-1e9, le=1e9)]
Positive = Annotated[float, Field(strict=True, gt=0.0, le=1e9)]
Seconds = Annotated[float, Field(strict=True, ge=0.0, le=1e6)]
Level = Annotated[float, Field(strict=True, ge=-200.0, le=200.0)]
"""[dB]"""
Whole = Annotated[int, Field(strict=True, ge=0, le=2**53)]
Switch = Annotated[bool, Field(strict=True)]
_OPENNESS_SCHEMA: dict[str, Any] = {
    "anyOf": [{"enum": ["open", "shut"]}, {"type": "number", "minimum": 0, "maximum": 1}]
}
Openness = Annotated[
    float, Field(strict=True, ge=0.0, le=1.0), BeforeValidator(_openness), WithJsonSchema(_OPENNESS_SCHEMA)
]
"""How far a door is open: 0 = shut, 1 = wide open; the words open and shut are read as well."""
Position = Annotated[tuple[Number, Number, Number], Field(strict=False)]


class Place(Part):
    """A place in the house: at an object, in a room, or at a position."""

    object: Name | None = None
    """Name of an object."""
    room: Name | None = None
    """Name of a room: somewhere free in it."""
    position: Position | None = None
    """Of the floor below, world frame [m]."""
    height: Number | None = None
    """Above the floor [m]."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        _require_one_place(self.object, self.room, self.position)
        return self


class Start(Part):
    """Where the agent stands at first, and which way it looks."""

    object: Name | None = None
    """Beside which object."""
    room: Name | None = None
    """In which room: somewhere free in it."""
    position: Position | None = None
    """Of its feet, world frame [m]."""
    yaw_deg: Number | None = None
    """Counter-clockwise seen from above, 0 = along -Z [deg]; without it, drawn from the seed."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        _require_one_place(self.object, self.room, self.position)
        return self

    @property
    def place(self) -> Place:
        """The place without the direction."""
        return Place(object=self.object, room=self.room, position=self.position)


def _require_one_place(*given: Any) -> None:
    if sum(one is not None for one in given) != 1:
        raise fault("a place has exactly one of object, room and position")
